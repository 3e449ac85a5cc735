// SPDX-License-Identifier: BSD-2-Clause
/*
 * A VMM whose vCPU thread gets signals at known places: kick TEST, or kick storm N.
 *
 *	lost	handled before KVM_RUN, by a handler that notes nothing: the guest runs on.  Then
 *		one into it.
 *	flag	the same, by a handler that sets immediate_exit: KVM_RUN ends at once.
 *	mask	blocked but in KVM_RUN (KVM_SET_SIGNAL_MASK), and taken by sigwait() afterwards
 *	ignored	one that nobody handles, into KVM_RUN
 *	process	to the process, whose first thread runs the vCPU
 *	others	to a thread that has not called on a vCPU
 *	storm N	N signals of a thread to itself; prints what one took, in ns
 *
 * Exit status 3: no KVM.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* How long a thread may take to come into KVM_RUN; there is no way to see it there. */
#define INTO_RUN 300000

static int vcpu;
static struct kvm_run *run_page;
static volatile sig_atomic_t sets_flag, handled;
static volatile int stage; /* of the vCPU thread */

static void fail(const char *what)
{
	perror(what);
	exit(3);
}

static void on_kick(int number)
{
	if (sets_flag)
		run_page->immediate_exit = 1;
	handled++;
}

static void make_vm(void)
{
	static const uint8_t program[] = {0xeb, 0xfe}; /* jmp to itself */
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
	uint8_t *memory =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = {.guest_phys_addr = 0x1000,
						     .memory_size = 4096,
						     .userspace_addr = (uintptr_t)memory};
	struct kvm_sregs sregs;
	struct kvm_regs regs = {.rip = 0x1000, .rflags = 2};

	if (vm < 0 || memory == MAP_FAILED)
		fail("kick: /dev/kvm");
	memcpy(memory, program, sizeof(program));
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0 || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		fail("kick: vCPU");
	run_page = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE,
			MAP_SHARED, vcpu, 0);
	if (run_page == MAP_FAILED)
		fail("kick: run page");
	if (ioctl(vcpu, KVM_GET_SREGS, &sregs))
		fail("kick: sregs");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) || ioctl(vcpu, KVM_SET_REGS, &regs))
		fail("kick: regs");
}

static void wait_stage(int wanted)
{
	while (stage < wanted)
		usleep(1000);
}

static void block(int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* The guest never ends it by itself. */
static void run(void)
{
	if (ioctl(vcpu, KVM_RUN, 0) == 0)
		fprintf(stderr, "kick: an exit %u\n", run_page->exit_reason);
	run_page->immediate_exit = 0;
}

static void *vcpu_thread(void *test)
{
	struct kvm_mp_state state;

	ioctl(vcpu, KVM_GET_MP_STATE, &state);
	if (!strcmp(test, "lost") || !strcmp(test, "flag")) {
		stage = 1;
		while (!handled)
			;
		stage = 2;
	} else if (!strcmp(test, "mask")) {
		/* Nothing is blocked in KVM_RUN: its set of signals has no bit. */
		uint64_t words[2] = {0};
		struct kvm_signal_mask *mask = (void *)words;

		block(SIGUSR2);
		mask->len = 8;
		if (ioctl(vcpu, KVM_SET_SIGNAL_MASK, mask))
			fail("kick: signal mask");
		stage = 2;
	} else {
		stage = 2;
	}
	run();
	if (!strcmp(test, "mask")) {
		sigset_t set;
		int number;

		sigemptyset(&set);
		sigaddset(&set, SIGUSR2);
		sigwait(&set, &number);
	}
	return NULL;
}

static void *killer(void *arg)
{
	block(SIGUSR1);
	usleep(INTO_RUN);
	kill(getpid(), SIGUSR1);
	return arg;
}

static void *bystander(void *arg)
{
	while (!handled)
		usleep(1000);
	return arg;
}

static void storm(unsigned long count)
{
	struct timespec a, b;
	struct kvm_mp_state state;

	ioctl(vcpu, KVM_GET_MP_STATE, &state);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (unsigned long i = 0; i < count; i++)
		raise(SIGUSR1);
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%.0f\n", ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) /
				 (double)count);
}

int main(int argc, char **argv)
{
	char *test = argc > 1 ? argv[1] : "";
	struct sigaction action = {.sa_handler = on_kick};
	pthread_t thread, other;

	sigaction(SIGUSR1, &action, NULL);
	make_vm();
	if (!strcmp(test, "storm")) {
		storm(argc > 2 ? strtoul(argv[2], NULL, 0) : 1);
		return 0;
	}
	if (!strcmp(test, "process")) {
		pthread_create(&other, NULL, killer, NULL);
		run();
		pthread_join(other, NULL);
		return 0;
	}
	sets_flag = !strcmp(test, "flag");
	pthread_create(&thread, NULL, vcpu_thread, test);
	if (!strcmp(test, "lost") || !strcmp(test, "flag")) {
		wait_stage(1);
		pthread_kill(thread, SIGUSR1);
	}
	wait_stage(2);
	usleep(INTO_RUN);
	if (!strcmp(test, "others")) {
		pthread_create(&other, NULL, bystander, NULL);
		pthread_kill(other, SIGUSR1);
		pthread_join(other, NULL);
	}
	if (!strcmp(test, "ignored")) {
		pthread_kill(thread, SIGWINCH);
		usleep(INTO_RUN);
	}
	if (!sets_flag)
		pthread_kill(thread, !strcmp(test, "mask") ? SIGUSR2 : SIGUSR1);
	pthread_join(thread, NULL);
	return 0;
}
