/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a KVM ioctl and a KVM_RUN exit cost, as the caller sees it: times N KVM_CHECK_EXTENSION
 * calls and M exits of a guest that does nothing but write to a port.  scripts/bench runs it bare
 * and under tracers, in turns.
 *
 *	kvm_calls [IOCTLS [EXITS]]
 *
 * Prints "ioctl NS exit NS", nanoseconds per call.  Exit status 2 without a usable /dev/kvm.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

static void die(const char *what)
{
	fprintf(stderr, "kvm_calls: %s: %s\n", what, strerror(errno));
	exit(2);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv)
{
	/* Real mode at 0x1000: again: out %al, $0x10; jmp again */
	static const unsigned char code[] = {0xe6, 0x10, 0xeb, 0xfc};
	long ioctls = argc > 1 ? atol(argv[1]) : 200000, exits = argc > 2 ? atol(argv[2]) : 50000;
	int system = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm, vcpu, size;
	struct kvm_userspace_memory_region region = {.memory_size = 0x1000,
						     .guest_phys_addr = 0x1000};
	struct kvm_regs regs = {.rip = 0x1000, .rflags = 2};
	struct kvm_sregs sregs;
	struct kvm_run *run;
	void *memory;
	double t0, t1, t2;

	if (system < 0)
		die("/dev/kvm");
	vm = ioctl(system, KVM_CREATE_VM, 0);
	size = ioctl(system, KVM_GET_VCPU_MMAP_SIZE, 0);
	memory = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (vm < 0 || size < 0 || memory == MAP_FAILED)
		die("virtual machine");
	memcpy(memory, code, sizeof(code));
	region.userspace_addr = (uintptr_t)memory;
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		die("KVM_SET_USER_MEMORY_REGION");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		die("KVM_CREATE_VCPU");
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED || ioctl(vcpu, KVM_GET_SREGS, &sregs))
		die("vCPU");
	sregs.cs.base = sregs.cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) || ioctl(vcpu, KVM_SET_REGS, &regs))
		die("registers");

	t0 = now_ns();
	for (long i = 0; i < ioctls; i++)
		ioctl(system, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY);
	t1 = now_ns();
	for (long i = 0; i < exits; i++) {
		if (ioctl(vcpu, KVM_RUN, 0) || run->exit_reason != KVM_EXIT_IO)
			die("KVM_RUN");
	}
	t2 = now_ns();
	printf("ioctl %.1f exit %.1f\n", ioctls ? (t1 - t0) / ioctls : 0,
	       exits ? (t2 - t1) / exits : 0);
	return 0;
}
