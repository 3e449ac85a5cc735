// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls of 32-bit programs: x86-64 kernels answer them by functions of their own, and a 64-bit
 * program can make them as well, by "int 0x80".  Structs are laid out alike, but for one.
 */
#include <linux/kvm.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "recorder/internal.h"

#ifdef __x86_64__
#define COMPAT_IOCTL 54

/* struct kvm_msr_filter, where a pointer has four bytes: another size makes another request. */
struct compat_msr_filter_range {
	uint32_t flags;
	uint32_t nmsrs;
	uint32_t base;
	uint32_t bitmap;
};
struct compat_msr_filter {
	uint32_t flags;
	struct compat_msr_filter_range ranges[KVM_MSR_FILTER_MAX_RANGES];
};
#define COMPAT_SET_MSR_FILTER _IOW(KVMIO, 0xc6, struct compat_msr_filter)

static long compat_ioctl(int fd, uint32_t request, uint32_t arg)
{
	long ret = COMPAT_IOCTL;

	__asm__ volatile("int $0x80"
			 : "+a"(ret)
			 : "b"((long)fd), "c"((long)request), "d"((long)arg)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

/* In the child. A kernel without 32-bit programs kills it with SIGSEGV. */
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

uint32_t recorder_compat_rule(uint32_t request, struct record_rule *rule)
{
#ifdef __x86_64__
	if (request == KVM_X86_SET_MSR_FILTER) {
		rule->size = sizeof(struct compat_msr_filter);
		rule->flags |= RECORD_RULE_COMPAT;
		rule->nested[0].stride = sizeof(struct compat_msr_filter_range);
		rule->nested[0].ptr_offset = offsetof(struct compat_msr_filter, ranges[0].bitmap);
		rule->nested[0].len_offset = offsetof(struct compat_msr_filter, ranges[0].nmsrs);
		return COMPAT_SET_MSR_FILTER;
	}
#endif
	(void)request;
	(void)rule;
	return 0;
}

#ifdef __x86_64__
static void native_msr_filter(struct tape_call *call, struct tape_part *part,
			      struct kvm_msr_filter *to)
{
	const struct compat_msr_filter *from = (const void *)part->data;

	call->request = KVM_X86_SET_MSR_FILTER;
	if (part->want != sizeof(*from))
		return;
	part->want = sizeof(*to);
	/* A partly captured struct cannot be converted: its fields are at other offsets. */
	if (part->have != sizeof(*from)) {
		part->have = 0;
		return;
	}
	memset(to, 0, sizeof(*to));
	to->flags = from->flags;
	for (size_t i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
		to->ranges[i].flags = from->ranges[i].flags;
		to->ranges[i].nmsrs = from->ranges[i].nmsrs;
		to->ranges[i].base = from->ranges[i].base;
		to->ranges[i].bitmap = (void *)(uintptr_t)from->ranges[i].bitmap;
	}
	part->have = sizeof(*to);
	part->data = (const uint8_t *)to;
}

/* The pointer is in the last eight bytes, of which the kernel reads four. */
static void native_dirty_log(struct tape_part *part, uint8_t *to, size_t size)
{
	if (part->have != size)
		return;
	memcpy(to, part->data, size);
	memset(to + size - 4, 0, 4);
	part->data = to;
}
#endif

void recorder_compat_native(struct tape_call *call, struct tape_part *parts,
			    union recorder_native *native)
{
	if (call->kind != KVMAPI_VM || !call->part_count || parts->role != TAPE_ARG_IN)
		return;
#ifdef __x86_64__
	if (call->request == COMPAT_SET_MSR_FILTER)
		native_msr_filter(call, parts, &native->msr_filter);
	else if (call->request == KVM_GET_DIRTY_LOG)
		native_dirty_log(parts, native->bytes, sizeof(struct kvm_dirty_log));
	else if (call->request == KVM_CLEAR_DIRTY_LOG)
		native_dirty_log(parts, native->bytes, sizeof(struct kvm_clear_dirty_log));
#else
	(void)native;
#endif
}
