// SPDX-License-Identifier: BSD-2-Clause
/*
 * A VMM that harvests dirty rings: ring TEST.  A guest writes pages 1 to 6 of slot 1; the numbers
 * below are of entries.
 *
 *	order	harvests 2, and resets; harvests the others, and resets; resets once more
 *	skip	harvests the first and the third, and resets
 *	two	two vCPUs, and 1 entry harvested of each
 *	crowd	more vCPUs than there are rings on a tape; the first, the 16th and the last write
 *	wrap N	the same guest again and again, all entries harvested each time, until the ring of N
 *		bytes has gone round
 *	many N	the guest writes as many pages as a ring of N bytes takes before it is full
 *
 * Prints what each KVM_RESET_DIRTY_RINGS returned.  Exit status 3: no KVM, or none with rings.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 16384u /* of slot 1 */
#define BASE  0x200000u
#define VCPUS 17

static int vm, vcpu[VCPUS];
static struct kvm_run *run_page[VCPUS];
static struct kvm_dirty_gfn *ring[VCPUS];
static uint32_t entries, next[VCPUS];

static void fail(const char *what)
{
	perror(what);
	exit(3);
}

static void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fail("ring: memory");
	return p;
}

static void set_slot(uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size, void *memory)
{
	struct kvm_userspace_memory_region region = {.slot = slot,
						     .flags = flags,
						     .guest_phys_addr = gpa,
						     .memory_size = size,
						     .userspace_addr = (uintptr_t)memory};

	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		fail("ring: slot");
}

static void make_vcpu(int n, size_t run_size, size_t ring_size)
{
	struct kvm_sregs sregs;

	vcpu[n] = ioctl(vm, KVM_CREATE_VCPU, n);
	if (vcpu[n] < 0)
		fail("ring: vCPU");
	run_page[n] = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu[n], 0);
	ring[n] = mmap(NULL, ring_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu[n],
		       (off_t)KVM_DIRTY_LOG_PAGE_OFFSET * sysconf(_SC_PAGESIZE));
	if (run_page[n] == MAP_FAILED || ring[n] == MAP_FAILED)
		fail("ring: mmap");
	if (ioctl(vcpu[n], KVM_GET_SREGS, &sregs))
		fail("ring: sregs");
	/* Flat 32-bit segments, no paging. */
	sregs.cr0 |= 1;
	sregs.cs = (struct kvm_segment){.limit = 0xffffffff,
					.selector = 8,
					.type = 11,
					.present = 1,
					.db = 1,
					.s = 1,
					.g = 1};
	sregs.ds = sregs.cs;
	sregs.ds.type = 3;
	sregs.ds.selector = 16;
	sregs.es = sregs.fs = sregs.gs = sregs.ss = sregs.ds;
	if (ioctl(vcpu[n], KVM_SET_SREGS, &sregs))
		fail("ring: sregs");
}

static void make_vm(size_t ring_size, int vcpus)
{
	/* stosd; add edi, 4092; loop to the beginning; hlt */
	static const uint8_t program[] = {0xab, 0x81, 0xc7, 0xfc, 0x0f,
					  0x00, 0x00, 0xe2, 0xf7, 0xf4};
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	struct kvm_enable_cap cap = {.cap = KVM_CAP_DIRTY_LOG_RING, .args = {ring_size}};
	uint8_t *code = shared(4096);

	vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0 || ioctl(vm, KVM_ENABLE_CAP, &cap))
		fail("ring: VM");
	memcpy(code, program, sizeof(program));
	set_slot(0, 0, 0x1000, 4096, code);
	set_slot(1, KVM_MEM_LOG_DIRTY_PAGES, BASE, PAGES * 4096ull, shared(PAGES * 4096ull));
	for (int n = 0; n < vcpus; n++)
		make_vcpu(n, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), ring_size);
	entries = (uint32_t)(ring_size / sizeof(struct kvm_dirty_gfn));
}

/* Let the guest write pages first to first + count - 1, or until the ring is full. */
static void write_pages(int n, uint32_t first, uint32_t count)
{
	struct kvm_regs regs = {
		.rip = 0x1000, .rflags = 2, .rcx = count, .rdi = BASE + first * 4096ull, .rax = 7};

	if (ioctl(vcpu[n], KVM_SET_REGS, &regs) || ioctl(vcpu[n], KVM_RUN, 0))
		fail("ring: run");
	if (run_page[n]->exit_reason != KVM_EXIT_HLT &&
	    run_page[n]->exit_reason != KVM_EXIT_DIRTY_RING_FULL) {
		fprintf(stderr, "ring: exit %u\n", run_page[n]->exit_reason);
		exit(3);
	}
}

static volatile uint32_t *flags_of(int n, uint32_t at)
{
	return &ring[n][at & (entries - 1)].flags;
}

/* Entries that the VMM takes in their order, as many as there are but at most `most`. */
static void harvest(int n, uint32_t most)
{
	while (most-- && *flags_of(n, next[n]) & KVM_DIRTY_GFN_F_DIRTY)
		*flags_of(n, next[n]++) |= KVM_DIRTY_GFN_F_RESET;
}

static void reset(void)
{
	printf("%d\n", ioctl(vm, KVM_RESET_DIRTY_RINGS, 0));
}

int main(int argc, char **argv)
{
	const char *test = argc > 1 ? argv[1] : "";
	size_t size = argc > 2 ? strtoul(argv[2], NULL, 0) : 65536;

	make_vm(size, !strcmp(test, "two") ? 2 : !strcmp(test, "crowd") ? VCPUS : 1);
	if (!strcmp(test, "many")) {
		write_pages(0, 0, PAGES);
		reset();
		harvest(0, UINT32_MAX);
		reset();
		return 0;
	}
	if (!strcmp(test, "wrap")) {
		/* Not a multiple of anything: the ring's end comes within a round. */
		for (uint32_t done = 0; done < entries + 200; done += 200) {
			write_pages(0, done % 4000, 200);
			harvest(0, UINT32_MAX);
			reset();
		}
		return 0;
	}
	write_pages(0, 1, 6);
	if (!strcmp(test, "order")) {
		harvest(0, 2);
		reset();
		harvest(0, UINT32_MAX);
		reset();
	} else if (!strcmp(test, "skip")) {
		*flags_of(0, 0) |= KVM_DIRTY_GFN_F_RESET;
		*flags_of(0, 2) |= KVM_DIRTY_GFN_F_RESET;
	} else if (!strcmp(test, "two")) {
		write_pages(1, 100, 3);
		harvest(0, 1);
		harvest(1, 1);
	} else if (!strcmp(test, "crowd")) {
		write_pages(15, 200, 1);
		write_pages(16, 300, 1);
		harvest(15, 1);
		harvest(16, 1);
	}
	reset();
	return 0;
}
