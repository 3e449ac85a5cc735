// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls of 32-bit programs: x86-64 kernels answer them by functions of their own, and a 64-bit
 * program can make them as well, by "int 0x80".
 */
#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "recorder/internal.h"

#ifdef __x86_64__
#define COMPAT_IOCTL 54

static long compat_ioctl(int fd, uint32_t request, uint32_t arg)
{
	long ret = COMPAT_IOCTL;

	__asm__ volatile("int $0x80"
			 : "+a"(ret)
			 : "b"((long)fd), "c"((long)request), "d"((long)arg)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

/* In the child.  A kernel that runs no 32-bit programs ends it by SIGSEGV. */
static void compat_child(int kvm, uint64_t cookie)
{
	const struct rlimit no_core = {};
	struct kvm_dirty_log *log;
	int vm, vcpu;

	signal(SIGSEGV, SIG_DFL);
	setrlimit(RLIMIT_CORE, &no_core);
	log = mmap(NULL, sizeof(*log), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	vcpu = vm < 0 ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);
	if (log == MAP_FAILED || vcpu < 0)
		_exit(1);
	ioctl(kvm, RECORD_JOIN, cookie);
	/* Both are refused: there is no such slot, and no mask of no bytes. */
	log->slot = 0xffff;
	compat_ioctl(vm, KVM_GET_DIRTY_LOG, (uint32_t)(uintptr_t)log);
	memset(log, 0, sizeof(*log));
	compat_ioctl(vcpu, KVM_SET_SIGNAL_MASK, (uint32_t)(uintptr_t)log);
	_exit(0);
}
#endif

uint32_t recorder_compat_call(int kvm, uint64_t cookie)
{
#ifdef __x86_64__
	pid_t pid = fork();
	int status;

	if (!pid)
		compat_child(kvm, cookie);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return 0;
	return RECORDER_COMPAT_HOOKS;
#else
	(void)kvm;
	(void)cookie;
	return 0;
#endif
}
