// SPDX-License-Identifier: BSD-2-Clause
/*
 * A VMM that makes known, well-formed calls and writes down what it sent and got: known LOG MODE
 * [NUMBER].
 *
 * It knows the sizes of what it sends by itself, not from the table that the recorder uses.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "known.h"
#include "kvmtape/tape.h"

#define PAGE 4096

static FILE *log_file;
static int kvm;

static void die(const char *what)
{
	fprintf(stderr, "known: %s: %s\n", what, strerror(errno));
	exit(3);
}

/* --- the log ---------------------------------------------------------------------------------- */

struct part {
	struct known_part part;
	uint8_t data[16384];
};
static struct part parts[16];
static unsigned int part_count;

static void expect(uint32_t role, uint32_t flags, uint32_t min, const void *data, size_t len)
{
	struct part *p = &parts[part_count++];

	p->part =
		(struct known_part){.role = role, .flags = flags, .min = min, .len = (uint32_t)len};
	memcpy(p->data, data, len);
}

static void expect_exact(uint32_t role, const void *data, size_t len)
{
	expect(role, 0, (uint32_t)len, data, len);
}

static void expect_absent(uint32_t role)
{
	expect(role, 0, KNOWN_ABSENT, "", 0);
}

static void note(uint32_t kind, uint32_t request, uint64_t arg, int64_t ret, uint32_t created)
{
	struct known_call call = {.pid = (uint32_t)getpid(),
				  .tid = (uint32_t)syscall(SYS_gettid),
				  .request = request,
				  .kind = kind,
				  .arg = arg,
				  .ret = ret,
				  .created = created,
				  .parts = part_count};

	fwrite(&call, sizeof(call), 1, log_file);
	for (unsigned int i = 0; i < part_count; i++) {
		fwrite(&parts[i].part, sizeof(parts[i].part), 1, log_file);
		fwrite(parts[i].data, 1, parts[i].part.len, log_file);
	}
	fflush(log_file);
	part_count = 0;
}

/*
 * An ioctl with `in` bytes that go in, and `out` bytes that come back if it succeeds (-1: on errors
 * as well).
 */
#define ALSO_ON_ERROR 0x10000
static int64_t call_made(int fd, uint32_t kind, uint32_t request, void *arg, size_t in, size_t out,
			 uint32_t created)
{
	int64_t ret;

	if (in)
		expect_exact(TAPE_ARG_IN, arg, in);
	else
		expect_absent(TAPE_ARG_IN);
	ret = ioctl(fd, request, arg);
	if (ret < 0)
		ret = -errno;
	if (out & ALSO_ON_ERROR || (out && ret >= 0))
		expect_exact(TAPE_ARG_OUT, arg, out & ~(size_t)ALSO_ON_ERROR);
	note(kind, request, (uint64_t)(uintptr_t)arg, ret, created);
	return ret;
}

static int64_t call(int fd, uint32_t kind, uint32_t request, void *arg, size_t in, size_t out)
{
	return call_made(fd, kind, request, arg, in, out, 0);
}

static int64_t call_number(int fd, uint32_t kind, uint32_t request, uint64_t arg, uint32_t created)
{
	return call_made(fd, kind, request, (void *)(uintptr_t)arg, 0, 0, created);
}

static int64_t must(int64_t ret, const char *what)
{
	if (ret < 0) {
		errno = (int)-ret;
		die(what);
	}
	return ret;
}

static void *pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	memset(p, 0, size);
	return p;
}

/* --- a VM with everything in the kernel: every shape of payload ------------------------------- */

static int make_vm(void)
{
	return (int)must(call_number(kvm, KVMAPI_SYSTEM, KVM_CREATE_VM, 0, KVMAPI_VM),
			 "KVM_CREATE_VM");
}

static void set_memory(int vm, uint32_t slot, uint32_t flags, uint64_t gpa, void *memory,
		       size_t size)
{
	struct kvm_userspace_memory_region region = {.slot = slot,
						     .flags = flags,
						     .guest_phys_addr = gpa,
						     .memory_size = size,
						     .userspace_addr = (uintptr_t)memory};

	must(call(vm, KVMAPI_VM, KVM_SET_USER_MEMORY_REGION, &region, sizeof(region), 0),
	     "memory region");
}

static void lists(int vcpu)
{
	const size_t head = sizeof(struct kvm_cpuid2), each = sizeof(struct kvm_cpuid_entry2);
	struct kvm_cpuid2 *cpuid = calloc(1, head + 256 * each);
	struct kvm_msr_list *indices = calloc(1, sizeof(*indices) + 4096 * sizeof(uint32_t));
	struct kvm_msrs *msrs = calloc(1, sizeof(*msrs) + 4 * sizeof(struct kvm_msr_entry));
	int64_t ret;

	if (!cpuid || !indices || !msrs)
		die("calloc");
	/* Too small: the count comes back for MSRs. */
	call(kvm, KVMAPI_SYSTEM, KVM_GET_MSR_INDEX_LIST, indices, 4, 4 | ALSO_ON_ERROR);
	/* The whole buffer was written by us, so its pages are there. */
	memset(indices->indices, 0x5a, 4096 * sizeof(uint32_t));
	{
		uint32_t room = indices->nmsrs;

		expect_exact(TAPE_ARG_IN, indices, 4 + 4 * room);
		ret = ioctl(kvm, KVM_GET_MSR_INDEX_LIST, indices);
		expect_exact(TAPE_ARG_OUT, indices, 4 + 4 * indices->nmsrs);
		note(KVMAPI_SYSTEM, KVM_GET_MSR_INDEX_LIST, (uintptr_t)indices, ret, 0);
	}

	cpuid->nent = 100;
	memset(cpuid->entries, 0, 256 * each);
	expect_exact(TAPE_ARG_IN, cpuid, head + 100 * each);
	ret = ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid);
	expect_exact(TAPE_ARG_OUT, cpuid, head + cpuid->nent * each);
	note(KVMAPI_SYSTEM, KVM_GET_SUPPORTED_CPUID, (uintptr_t)cpuid, ret, 0);
	must(call(vcpu, KVMAPI_VCPU, KVM_SET_CPUID2, cpuid, head + cpuid->nent * each, 0),
	     "KVM_SET_CPUID2");
	cpuid->nent = 1;
	call(vcpu, KVMAPI_VCPU, KVM_GET_CPUID2, cpuid, head + each, head | ALSO_ON_ERROR);

	msrs->nmsrs = 2;
	msrs->entries[0].index = 0x174; /* IA32_SYSENTER_CS */
	msrs->entries[0].data = 0x1234;
	msrs->entries[1].index = 0x277; /* IA32_PAT */
	msrs->entries[1].data = 0x0007040600070406;
	call(vcpu, KVMAPI_VCPU, KVM_SET_MSRS, msrs, 8 + 2 * 16, 0);
	call(vcpu, KVMAPI_VCPU, KVM_GET_MSRS, msrs, 8 + 2 * 16, 8 + 2 * 16);
	free(cpuid);
	free(indices);
	free(msrs);
}

static void nested(int vm, int vcpu)
{
	uint64_t offset = 0x1122334455667788, got = 0;
	uint8_t bitmaps[2][16];
	struct kvm_device_attr attr = {.group = KVM_VCPU_TSC_CTRL,
				       .attr = KVM_VCPU_TSC_OFFSET,
				       .addr = (uintptr_t)&offset};
	struct kvm_msr_filter filter = {.flags = KVM_MSR_FILTER_DEFAULT_ALLOW};
	struct kvm_dirty_log dirty = {.slot = 1};
	uint64_t bitmap[2] = {~0ull, ~0ull};
	struct kvm_enable_cap cap = {.cap = KVM_CAP_X86_USER_SPACE_MSR};
	int64_t ret;

	call(vcpu, KVMAPI_VCPU, KVM_HAS_DEVICE_ATTR, &attr, sizeof(attr), 0);
	expect_exact(TAPE_NESTED_IN, &offset, sizeof(offset));
	call(vcpu, KVMAPI_VCPU, KVM_SET_DEVICE_ATTR, &attr, sizeof(attr), 0);

	attr.addr = (uintptr_t)&got;
	expect_exact(TAPE_ARG_IN, &attr, sizeof(attr));
	expect_absent(TAPE_NESTED_IN);
	ret = ioctl(vcpu, KVM_GET_DEVICE_ATTR, &attr);
	ret = ret < 0 ? -errno : ret;
	if (!ret)
		expect_exact(TAPE_NESTED_OUT, &got, sizeof(got));
	note(KVMAPI_VCPU, KVM_GET_DEVICE_ATTR, (uintptr_t)&attr, ret, 0);

	/* Slot 1 has 70 pages, so the bitmap has 128 bits. */
	dirty.dirty_bitmap = bitmap;
	expect_exact(TAPE_ARG_IN, &dirty, sizeof(dirty));
	ret = ioctl(vm, KVM_GET_DIRTY_LOG, &dirty);
	ret = ret < 0 ? -errno : ret;
	expect_exact(TAPE_NESTED_OUT, bitmap, sizeof(bitmap));
	note(KVMAPI_VM, KVM_GET_DIRTY_LOG, (uintptr_t)&dirty, must(ret, "KVM_GET_DIRTY_LOG"), 0);

	cap.args[0] = KVM_MSR_EXIT_REASON_FILTER;
	call(vm, KVMAPI_VM, KVM_ENABLE_CAP, &cap, sizeof(cap), 0);
	memset(bitmaps[0], 0xff, 16);
	memset(bitmaps[1], 0xa5, 16);
	for (int i = 0; i < 2; i++) {
		/* The second range stands third: the number of a role is that of the range. */
		struct kvm_msr_filter_range *range = &filter.ranges[2 * i];

		range->flags = KVM_MSR_FILTER_READ;
		range->base = 0x100u * (unsigned int)(i + 1);
		range->nmsrs = i ? 65 : 64;
		range->bitmap = bitmaps[i];
	}
	expect_exact(TAPE_NESTED_IN, bitmaps[0], 8);
	expect_absent(TAPE_NESTED_IN + 1);
	expect_exact(TAPE_NESTED_IN + 2, bitmaps[1], 16);
	expect_absent(TAPE_NESTED_IN + 3);
	call(vm, KVMAPI_VM, KVM_X86_SET_MSR_FILTER, &filter, sizeof(filter), 0);
}

static void devices(int vm)
{
	struct kvm_create_device device = {.type = KVM_DEV_TYPE_VFIO, .fd = UINT32_MAX};
	struct kvm_device_attr attr = {.group = 1, .attr = 1};
	int64_t ret;

	ret = call_made(vm, KVMAPI_VM, KVM_CREATE_DEVICE, &device, sizeof(device),
			sizeof(device) | ALSO_ON_ERROR, KVMAPI_DEVICE);
	if (ret)
		return;
	call((int)device.fd, KVMAPI_DEVICE, KVM_HAS_DEVICE_ATTR, &attr, sizeof(attr), 0);
	close((int)device.fd);
}

/*
 * A page of a file that no instruction has touched: the kernel has to bring it in during the call.
 */
static void not_resident(int vcpu)
{
	struct kvm_regs regs = {.rax = 0x4242, .rip = 0xfff0, .rflags = 2};
	FILE *file = tmpfile();
	void *page;
	int64_t ret;

	if (!file || fwrite(&regs, sizeof(regs), 1, file) != 1 || fflush(file) ||
	    ftruncate(fileno(file), PAGE))
		die("temporary file");
	page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fileno(file), 0);
	if (page == MAP_FAILED)
		die("mmap");
	expect(TAPE_ARG_IN, TAPE_PART_LATE, sizeof(regs), &regs, sizeof(regs));
	ret = ioctl(vcpu, KVM_SET_REGS, page);
	note(KVMAPI_VCPU, KVM_SET_REGS, (uintptr_t)page, must(ret, "KVM_SET_REGS"), 0);

	/*
	 * The last byte of a struct is not there at all: what could be read is kept, the rest is
	 * not zero.
	 */
	{
		uint8_t *two = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		uint8_t *at = two + PAGE - 40;

		if (two == MAP_FAILED || munmap(two + PAGE, PAGE))
			die("mmap");
		memset(at, 0, 40);
		expect(TAPE_ARG_IN, TAPE_PART_LATE | TAPE_PART_FAULT, 40, at, 40);
		ret = ioctl(vcpu, KVM_SET_REGS, at);
		ret = ret < 0 ? -errno : ret;
		note(KVMAPI_VCPU, KVM_SET_REGS, (uintptr_t)at, ret, 0);
		munmap(two, PAGE);
	}
	munmap(page, PAGE);
	fclose(file);
}

static void shapes(void)
{
	/* struct kvm_signal_mask and struct kvm_irq_routing with their tails. */
	struct {
		uint32_t len;
		uint8_t set[8];
	} mask = {.len = 8, .set = {1, 2, 3}};
	struct {
		uint32_t nr, flags;
		struct kvm_irq_routing_entry entries[3];
	} routing = {.nr = 3};
	struct kvm_irqfd irqfd = {.gsi = 5};
	struct kvm_irqchip chip = {.chip_id = KVM_IRQCHIP_IOAPIC};
	struct kvm_irq_level level = {.irq = 4, .level = 1};
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xsave xsave;
	struct kvm_mp_state state;
	uint8_t unknown[24] = "twenty-four bytes of it";
	void *memory = pages(80 * PAGE);
	int event = eventfd(0, EFD_CLOEXEC);
	int vm, vcpu;

	call_number(kvm, KVMAPI_SYSTEM, KVM_GET_API_VERSION, 0, 0);
	call_number(kvm, KVMAPI_SYSTEM, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP, 0);
	vm = make_vm();
	call_number(vm, KVMAPI_VM, KVM_CHECK_EXTENSION, KVM_CAP_NR_VCPUS, 0);
	set_memory(vm, 0, 0, 0, memory, PAGE);
	set_memory(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, 0x100000, (uint8_t *)memory + PAGE, 70 * PAGE);
	call_number(vm, KVMAPI_VM, KVM_CREATE_IRQCHIP, 0, 0);
	vcpu = (int)must(call_number(vm, KVMAPI_VM, KVM_CREATE_VCPU, 0, KVMAPI_VCPU),
			 "KVM_CREATE_VCPU");

	for (int i = 0; i < 3; i++) {
		routing.entries[i].gsi = 4 + (uint32_t)i;
		routing.entries[i].type = KVM_IRQ_ROUTING_IRQCHIP;
		routing.entries[i].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
		routing.entries[i].u.irqchip.pin = 4 + (uint32_t)i;
	}
	call(vm, KVMAPI_VM, KVM_SET_GSI_ROUTING, &routing, sizeof(routing), 0);
	irqfd.fd = (uint32_t)event;
	call(vm, KVMAPI_VM, KVM_IRQFD, &irqfd, sizeof(irqfd), 0);
	call(vm, KVMAPI_VM, KVM_GET_IRQCHIP, &chip, sizeof(chip), sizeof(chip));
	/* The request word says "read", the kernel reads. */
	call(vm, KVMAPI_VM, KVM_SET_IRQCHIP, &chip, sizeof(chip), 0);
	call(vm, KVMAPI_VM, KVM_IRQ_LINE_STATUS, &level, sizeof(level), sizeof(level));

	lists(vcpu);
	call(vcpu, KVMAPI_VCPU, KVM_SET_SIGNAL_MASK, &mask, 4 + 8, 0);
	call(vcpu, KVMAPI_VCPU, KVM_SET_SIGNAL_MASK, NULL, 0, 0);
	memset(&regs, 0xee, sizeof(regs));
	call(vcpu, KVMAPI_VCPU, KVM_GET_REGS, &regs, 0, sizeof(regs));
	call(vcpu, KVMAPI_VCPU, KVM_SET_REGS, &regs, sizeof(regs), 0);
	call(vcpu, KVMAPI_VCPU, KVM_GET_SREGS, &sregs, 0, sizeof(sregs));
	memset(&xsave, 0, sizeof(xsave));
	call(vcpu, KVMAPI_VCPU, KVM_GET_XSAVE, &xsave, 0, sizeof(xsave));
	call(vcpu, KVMAPI_VCPU, KVM_SET_XSAVE, &xsave, sizeof(xsave), 0);
	call(vcpu, KVMAPI_VCPU, KVM_GET_MP_STATE, &state, 0, sizeof(state));
	nested(vm, vcpu);
	devices(vm);
	not_resident(vcpu);

	/* No kernel knows this one; its word says that 24 bytes go both ways. */
	call(vm, KVMAPI_VM, _IOWR(KVMIO, 0xfe, uint8_t[24]), unknown, 24, 24 | ALSO_ON_ERROR);
	close(vcpu);
	close(vm);
	close(event);
}

/* --- a VM that runs code ---------------------------------------------------------------------- */

static int64_t run_once(int vcpu, struct kvm_run *run, uint32_t min_in, uint32_t min_out, bool sync)
{
	uint8_t *page = (uint8_t *)run;
	uint8_t masks[16];
	int64_t ret;

	memcpy(masks, page + 288, 16);
	expect(TAPE_RUN_IN, 0, min_in, page, 288);
	expect_exact(TAPE_RUN_REGS_IN, masks, 16);
	if (run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_IN)
		expect_exact(TAPE_PIO_IN, page + run->io.data_offset, run->io.size * run->io.count);
	else
		expect_absent(TAPE_PIO_IN);
	ret = ioctl(vcpu, KVM_RUN, 0);
	if (ret < 0)
		ret = -errno;
	/* On an error the exit before is still in the page, and is not this call's. */
	if (ret < 0)
		expect_exact(TAPE_RUN_OUT, page, 32);
	else
		expect(TAPE_RUN_OUT, 0, min_out, page, 288);
	if (sync)
		expect_exact(TAPE_RUN_REGS_OUT, page + 288, 16 + sizeof(struct kvm_sync_regs));
	if (!ret && run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_OUT)
		expect_exact(TAPE_PIO_OUT, page + run->io.data_offset,
			     run->io.size * run->io.count);
	else
		expect_absent(TAPE_PIO_OUT);
	note(KVMAPI_VCPU, KVM_RUN, 0, ret, 0);
	return ret;
}

static void running(void)
{
	static const uint8_t code[] = {
		0xb0, 0x5a,	  /* mov al, 5ah */
		0xe6, 0x10,	  /* out 10h, al */
		0xe4, 0x11,	  /* in al, 11h */
		0xa2, 0x00, 0x80, /* mov [8000h], al: no memory there */
		0xa0, 0x01, 0x80, /* mov al, [8001h] */
		0xe7, 0x12,	  /* out 12h, ax */
		0xf4,		  /* hlt */
	};
	uint8_t *memory = pages(PAGE);
	struct kvm_sregs sregs;
	struct kvm_regs regs = {.rip = 0x1000, .rflags = 2};
	struct kvm_run *run;
	size_t size;
	int vm, vcpu;

	memcpy(memory, code, sizeof(code));
	vm = make_vm();
	set_memory(vm, 0, 0, 0x1000, memory, PAGE);
	vcpu = (int)must(call_number(vm, KVMAPI_VM, KVM_CREATE_VCPU, 7, KVMAPI_VCPU),
			 "KVM_CREATE_VCPU");
	size = (size_t)call_number(kvm, KVMAPI_SYSTEM, KVM_GET_VCPU_MMAP_SIZE, 0, 0);
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		die("mmap of a vCPU");
	call(vcpu, KVMAPI_VCPU, KVM_GET_SREGS, &sregs, 0, sizeof(sregs));
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	call(vcpu, KVMAPI_VCPU, KVM_SET_SREGS, &sregs, sizeof(sregs), 0);
	call(vcpu, KVMAPI_VCPU, KVM_SET_REGS, &regs, sizeof(regs), 0);

	/* out: the union's io has 16 bytes. */
	must(run_once(vcpu, run, 32, 48, false), "KVM_RUN");
	/* in: answered before the next. */
	must(run_once(vcpu, run, 32, 48, false), "KVM_RUN");
	memset((uint8_t *)run + run->io.data_offset, 0xc3, run->io.size * run->io.count);
	/* mmio write, then an mmio read, answered before the next. */
	must(run_once(vcpu, run, 32, 56, false), "KVM_RUN");
	must(run_once(vcpu, run, 32, 56, false), "KVM_RUN");
	run->mmio.data[0] = 0x99;
	run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	/* out of two bytes, with the registers in the run page. */
	must(run_once(vcpu, run, 48, 48, true), "KVM_RUN");
	run->immediate_exit = 1;
	run_once(vcpu, run, 32, 32, true);
	run->immediate_exit = 0;
	must(run_once(vcpu, run, 32, 32, true), "KVM_RUN");

	munmap(run, size);
	close(vcpu);
	close(vm);
}

/* --- modes ------------------------------------------------------------------------------------ */

static void *other_thread(void *arg)
{
	pthread_setname_np(pthread_self(), "a-known-thread");
	call_number(kvm, KVMAPI_SYSTEM, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY, 0);
	return NULL;
}

static void in_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, other_thread, NULL))
		die("pthread_create");
	pthread_join(thread, NULL);
}

static void many(long count)
{
	struct kvm_regs regs;
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);

	if (vm < 0 || vcpu < 0)
		die("a VM");
	for (long i = 2; i < count; i++)
		if (ioctl(vcpu, KVM_GET_REGS, &regs))
			die("KVM_GET_REGS");
}

int main(int argc, char **argv)
{
	const char *mode;
	long number;

	if (argc < 3)
		return 3;
	mode = argv[2];
	number = argc > 3 ? atol(argv[3]) : 0;
	log_file = fopen(argv[1], "we");
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (!log_file || kvm < 0)
		die("open");
	if (!strcmp(mode, "all")) {
		shapes();
		running();
		in_thread();
		shapes();
	} else if (!strcmp(mode, "attach")) {
		/* Made before anybody looks, used afterwards. */
		int vm = ioctl(kvm, KVM_CREATE_VM, 0);
		int vcpu = ioctl(vm, KVM_CREATE_VCPU, 3);
		struct kvm_regs regs;

		if (vm < 0 || vcpu < 0)
			die("a VM");
		usleep((useconds_t)number * 1000);
		call(vcpu, KVMAPI_VCPU, KVM_GET_REGS, &regs, 0, sizeof(regs));
		call_number(vm, KVMAPI_VM, KVM_CHECK_EXTENSION, KVM_CAP_NR_VCPUS, 0);
		running();
		in_thread();
	} else if (!strcmp(mode, "many")) {
		many(number);
	} else if (!strcmp(mode, "stop-reader")) {
		/* The recorder is our parent. */
		kill(getppid(), SIGSTOP);
		many(number);
		kill(getppid(), SIGCONT);
	} else if (!strcmp(mode, "threads")) {
		/* The first call makes us the thread that there is room for. */
		call_number(kvm, KVMAPI_SYSTEM, KVM_GET_API_VERSION, 0, 0);
		for (long i = 0; i < number; i++)
			in_thread();
		call_number(kvm, KVMAPI_SYSTEM, KVM_GET_API_VERSION, 0, 0);
	} else if (!strcmp(mode, "exit")) {
		return (int)number;
	} else if (!strcmp(mode, "signal")) {
		ioctl(kvm, KVM_GET_API_VERSION, 0);
		raise((int)number);
	}
	return 0;
}
