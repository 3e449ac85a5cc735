// SPDX-License-Identifier: BSD-2-Clause
/*
 * A VMM that does what makes recording hard, with well-formed calls: awkward MODE [NUMBER].  It
 * prints how many calls it made.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int kvm = -1;
static unsigned long calls;

static int call(int fd, unsigned long request, void *arg)
{
	__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	return ioctl(fd, request, arg);
}

static int make(int fd, unsigned long request, unsigned long number)
{
	int made = call(fd, request, (void *)number);

	if (made < 0) {
		perror("awkward: KVM makes no object");
		exit(3);
	}
	return made;
}

static void set_slot(int vm, uint32_t slot, uint64_t size, void *memory)
{
	struct kvm_userspace_memory_region region = {.slot = slot,
						     .guest_phys_addr = 0x100000ull * slot,
						     .memory_size = size,
						     .userspace_addr = (uintptr_t)memory};

	call(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* --- VMs come and go, and their addresses are used again -------------------------------------- */

static double seconds;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Each VM is unlike the one before: what is known of one is wrong of the next. */
static void *churn_thread(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	double until = now() + seconds;
	uint8_t *memory =
		mmap(NULL, 0x10000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	while (memory != MAP_FAILED && now() < until) {
		int vm = make(kvm, KVM_CREATE_VM, 0);
		int chip = rand_r(&seed) & 1;
		int vcpu;

		if (chip)
			call(vm, KVM_CREATE_IRQCHIP, NULL);
		vcpu = make(vm, KVM_CREATE_VCPU, rand_r(&seed) % 3);
		for (int i = 0; i < 120; i++) {
			struct kvm_mp_state state;
			struct kvm_regs regs;

			switch (rand_r(&seed) % 5) {
			case 0:
				set_slot(vm, rand_r(&seed) % 3,
					 rand_r(&seed) & 1 ? 0x1000 << rand_r(&seed) % 4 : 0,
					 memory);
				break;
			case 1:
				if (!call(vcpu, KVM_GET_REGS, &regs)) {
					regs.rax = (uint64_t)rand_r(&seed);
					call(vcpu, KVM_SET_REGS, &regs);
				}
				break;
			case 2:
				call(vcpu, KVM_GET_REGS, &regs);
				break;
			case 3:
				if (chip && !call(vcpu, KVM_GET_MP_STATE, &state))
					call(vcpu, KVM_SET_MP_STATE, &state);
				break;
			default:
				call(vm, KVM_CHECK_EXTENSION, (void *)KVM_CAP_USER_MEMORY);
			}
		}
		close(vcpu);
		close(vm);
	}
	return NULL;
}

static void churn(double for_seconds)
{
	pthread_t threads[3];

	seconds = for_seconds;
	for (uintptr_t i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, churn_thread, (void *)(7 * i + 1));
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

/* --- descriptors that a child shares ---------------------------------------------------------- */

static void fork_and_go_on(void)
{
	int vm = make(kvm, KVM_CREATE_VM, 0);
	int vcpu = make(vm, KVM_CREATE_VCPU, 0);
	struct kvm_regs regs;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		/* Its calls are counted there and forgotten: two on what it shares. */
		call(kvm, KVM_GET_API_VERSION, NULL);
		call(vcpu, KVM_GET_REGS, &regs);
		close(vcpu);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	calls += 2;
	call(vcpu, KVM_GET_REGS, &regs);
	call(vm, KVM_CHECK_EXTENSION, (void *)KVM_CAP_USER_MEMORY);
}

/* --- threads that make one call each ---------------------------------------------------------- */

static void *one_call(void *arg)
{
	call(kvm, KVM_CHECK_EXTENSION, (void *)KVM_CAP_USER_MEMORY);
	return arg;
}

static void threads(unsigned long count)
{
	for (unsigned long i = 0; i < count; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, one_call, NULL)) {
			perror("awkward: thread");
			exit(3);
		}
		pthread_join(thread, NULL);
	}
}

/* --- calls as 32-bit programs make them ------------------------------------------------------- */

#ifdef __x86_64__
static long compat(int fd, uint32_t request, const void *arg)
{
	long ret = 54;

	calls++;
	__asm__ volatile("int $0x80"
			 : "+a"(ret)
			 : "b"((long)fd), "c"((long)request), "d"((long)(uint32_t)(uintptr_t)arg)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

static void *low(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_32BIT,
		       -1, 0);

	if (p == MAP_FAILED)
		exit(3);
	return p;
}

/* The layouts that differ, or are answered by other functions, and some that are not. */
static void compat_calls(void)
{
	static const uint8_t program[] = {0xe6, 0x10, 0xeb, 0xfc}; /* out 16, al; jmp back */
	struct kvm_userspace_memory_region *region = low(4096);
	struct kvm_dirty_log *log = (void *)(region + 1);
	struct kvm_signal_mask *mask = (void *)(log + 1);
	struct kvm_sregs *sregs = low(4096);
	struct kvm_regs *regs = (void *)(sregs + 1);
	uint8_t *memory = low(4096), *bitmap = low(4096), *bits = low(4096);
	uint32_t *filter = low(4096);
	int vm, vcpu;

	compat(kvm, KVM_GET_API_VERSION, NULL);
	vm = (int)compat(kvm, KVM_CREATE_VM, NULL);
	vcpu = (int)compat(vm, KVM_CREATE_VCPU, NULL);
	if (vm < 0 || vcpu < 0)
		exit(3);
	memcpy(memory, program, sizeof(program));
	*region = (struct kvm_userspace_memory_region){.flags = KVM_MEM_LOG_DIRTY_PAGES,
						       .guest_phys_addr = 0x1000,
						       .memory_size = 4096,
						       .userspace_addr = (uintptr_t)memory};
	compat(vm, KVM_SET_USER_MEMORY_REGION, region);
	compat(vcpu, KVM_GET_SREGS, sregs);
	sregs->cs.base = 0;
	sregs->cs.selector = 0;
	compat(vcpu, KVM_SET_SREGS, sregs);
	regs->rip = 0x1000;
	regs->rflags = 2;
	compat(vcpu, KVM_SET_REGS, regs);
	for (int i = 0; i < 50; i++)
		compat(vcpu, KVM_RUN, NULL);
	/* A 32-bit pointer, and in the other half of the field what the kernel does not read. */
	*log = (struct kvm_dirty_log){.dirty_bitmap = bitmap};
	((uint32_t *)log)[3] = 0xabad1dea;
	memset(bitmap, 0x5a, 8);
	compat(vm, KVM_GET_DIRTY_LOG, log);
	mask->len = 8;
	compat(vcpu, KVM_SET_SIGNAL_MASK, mask);
	/*
	 * struct kvm_msr_filter with pointers of four bytes: flags, and 16 times flags, number,
	 * base, bitmap.
	 */
	filter[0] = 0;
	filter[5] = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE;
	filter[6] = 64;
	filter[7] = 0x174;
	filter[8] = (uint32_t)(uintptr_t)bits;
	memset(bits, 0xa7, 8);
	compat(vm, _IOC(_IOC_WRITE, KVMIO, 0xc6, 65 * sizeof(uint32_t)), filter);
	close(vcpu);
	/* Number 3 is read() there, and close() for 64-bit programs. */
	{
		long ret = 3;

		__asm__ volatile("int $0x80"
				 : "+a"(ret)
				 : "b"((long)vm), "c"(0L), "d"(0L)
				 : "memory", "r8", "r9", "r10", "r11");
	}
	call(vm, KVM_CHECK_EXTENSION, (void *)KVM_CAP_USER_MEMORY);
}
#endif

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	unsigned long number = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0) {
		perror("awkward: /dev/kvm");
		return 3;
	}
	if (!strcmp(mode, "churn")) {
		churn((double)number);
	} else if (!strcmp(mode, "fork")) {
		fork_and_go_on();
	} else if (!strcmp(mode, "threads")) {
		threads(number);
	} else if (!strcmp(mode, "later")) {
		/* Nothing at first, and then one call each tenth of a second. */
		for (unsigned long i = 0; i < number; i++) {
			usleep(100000);
			call(kvm, KVM_GET_API_VERSION, NULL);
		}
#ifdef __x86_64__
	} else if (!strcmp(mode, "compat")) {
		compat_calls();
#endif
	} else {
		fprintf(stderr, "awkward: no mode '%s'\n", mode);
		return 2;
	}
	printf("%lu\n", calls);
	return 0;
}
