// SPDX-License-Identifier: BSD-2-Clause
/*
 * The calls that live_differ.c has played, issued as fast as possible by parallel processes, each
 * of which creates one VM after the other. Static, since it runs inside a guest.
 *
 *	kvm_raw PROCESSES SECONDS
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/kvm.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void once(int kvm, long page_size)
{
	struct kvm_userspace_memory_region region = {.memory_size = 65536};
	struct kvm_regs regs = {.rip = 0x1000, .rflags = 2};
	struct kvm_vcpu_events events;
	struct kvm_mp_state state;
	struct kvm_clock_data clock;
	struct kvm_sregs sregs;
	struct kvm_run *run;
	void *memory;
	int vm, vcpu;

	memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	vm = ioctl(kvm, KVM_CREATE_VM, 0ul);
	region.userspace_addr = (unsigned long)memory;
	ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0ul);
	run = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	ioctl(vcpu, KVM_GET_SREGS, &sregs);
	ioctl(vcpu, KVM_SET_REGS, &regs);
	ioctl(vcpu, KVM_GET_REGS, &regs);
	run->immediate_exit = 1;
	ioctl(vcpu, KVM_RUN, 0ul);
	ioctl(vcpu, KVM_GET_MP_STATE, &state);
	ioctl(vcpu, KVM_GET_VCPU_EVENTS, &events);
	ioctl(vm, KVM_GET_CLOCK, &clock);
	munmap(run, page_size);
	close(vcpu);
	close(vm);
	munmap(memory, 65536);
}

int main(int argc, char **argv)
{
	unsigned int processes = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	double begin = now(), seconds = argc > 2 ? strtod(argv[2], NULL) : 5;
	unsigned long count, all = 0;
	int kvm, vm, pipes[2];
	long size;

	kvm = open("/dev/kvm", O_RDWR);
	vm = ioctl(kvm, KVM_CREATE_VM, 0ul);
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0ul);
	if (vm < 0 || ioctl(vm, KVM_CREATE_VCPU, 0ul) < 0 || pipe(pipes)) {
		perror("kvm");
		return 1;
	}
	for (unsigned int i = 0; i < processes; i++) {
		if (fork())
			continue;
		for (count = 0; now() - begin < seconds; count++)
			once(kvm, size);
		return write(pipes[1], &count, sizeof(count)) != sizeof(count);
	}
	while (wait(NULL) > 0)
		;
	for (unsigned int i = 0; i < processes; i++) {
		if (read(pipes[0], &count, sizeof(count)) == sizeof(count))
			all += count;
	}
	printf("VMs/s %.1f\n", all / (now() - begin));
	return 0;
}
