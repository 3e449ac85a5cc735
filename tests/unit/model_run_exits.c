/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of KVM_RUN: which exits there may be, what they look like, which errors, who writes struct
 * kvm_run. */
#include "model_vcpu_test.h"

static int setup(void **state)
{
	vcpu_open("6.12.0", "kvm_amd", CHIP, 0);
	return 0;
}

static void again(enum chip chip, int32_t extras)
{
	mh_close(&h);
	vcpu_open("6.12.0", "kvm_amd", chip, extras);
}

static struct kvm_run blank(void)
{
	return (struct kvm_run){0};
}

static struct kvm_run exit_of(uint32_t reason)
{
	return (struct kvm_run){.exit_reason = reason,
				.ready_for_interrupt_injection = 1,
				.if_flag = 1,
				.apic_base = 0xfee00900};
}

static struct kvm_run io_exit(uint8_t direction, uint8_t size, uint32_t count)
{
	struct kvm_run r = exit_of(KVM_EXIT_IO);

	r.io.direction = direction;
	r.io.size = size;
	r.io.count = count;
	r.io.data_offset = 4096;
	return r;
}

static void accesses(void **state)
{
	static const struct {
		uint8_t direction, size;
		uint32_t count;
		bool good;
	} io[] = {
		{0, 1, 1, true},     {1, 4, 1024, true},  {0, 2, 2048, true}, {2, 1, 1, false},
		{0, 3, 1, false},    {0, 8, 1, false},	  {0, 0, 1, false},   {1, 1, 0, false},
		{1, 4, 1025, false}, {1, 1, 4097, false},
	};
	static const struct {
		uint64_t addr;
		uint32_t len;
		uint8_t is_write;
		const char *bad;
	} mmio[] = {
		{0xfec00000, 4, 1, NULL},	{0xfec00000, 8, 0, NULL},
		{0xfec00000, 0, 0, "RUN_MMIO"}, {0xfec00000, 9, 0, "RUN_MMIO"},
		{0xfec00000, 1, 2, "RUN_MMIO"}, {1ull << 52, 1, 0, "RUN_MMIO_ADDRESS"},
	};
	struct kvm_run in = blank(), out;

	for (size_t i = 0; i < sizeof(io) / sizeof(io[0]); i++) {
		again(CHIP, 0);
		out = io_exit(io[i].direction, io[i].size, io[i].count);
		run(&in, &out, 0);
		if (io[i].good)
			GOOD(&h, "RUN_IO");
		else
			BAD(&h, "RUN_IO");
	}
	again(CHIP, 0);
	out = io_exit(0, 1, 1);
	out.io.data_offset = 4097;
	run(&in, &out, 0);
	BAD(&h, "RUN_IO_DATA");
	for (size_t i = 0; i < sizeof(mmio) / sizeof(mmio[0]); i++) {
		again(CHIP, 0);
		out = exit_of(KVM_EXIT_MMIO);
		out.mmio.phys_addr = mmio[i].addr;
		out.mmio.len = mmio[i].len;
		out.mmio.is_write = mmio[i].is_write;
		run(&in, &out, 0);
		if (mmio[i].bad)
			BAD(&h, mmio[i].bad);
		else
			GOOD(&h, "RUN_MMIO");
	}
}

/* Exits that need something: without it they break the rule, with it they do not. */
static void reasons(void **state)
{
	static const struct {
		uint32_t reason;
		enum chip chip;
		uint32_t cap;
		uint64_t arg;
		const char *bad;
	} cases[] = {
		{KVM_EXIT_HLT, NO_CHIP, 0, 0, NULL},
		{KVM_EXIT_HLT, CHIP, 0, 0, "RUN_HLT_WITHOUT_LAPIC"},
		{KVM_EXIT_HLT, SPLIT_CHIP, 0, 0, "RUN_HLT_WITHOUT_LAPIC"},
		{KVM_EXIT_SET_TPR, NO_CHIP, 0, 0, NULL},
		{KVM_EXIT_SET_TPR, CHIP, 0, 0, "RUN_TPR_WITHOUT_LAPIC"},
		{KVM_EXIT_IOAPIC_EOI, SPLIT_CHIP, 0, 0, NULL},
		{KVM_EXIT_IOAPIC_EOI, CHIP, 0, 0, "RUN_EOI_NEEDS_SPLIT"},
		{KVM_EXIT_DEBUG, CHIP, 0, 0, "RUN_DEBUG_ENABLED"},
		{KVM_EXIT_TPR_ACCESS, CHIP, 0, 0, "RUN_TPR_ACCESS_ENABLED"},
		{KVM_EXIT_HYPERCALL, CHIP, 0, 0, "RUN_HYPERCALL_NEEDS_CAP"},
		{KVM_EXIT_HYPERCALL, CHIP, KVM_CAP_EXIT_HYPERCALL, 1 << 12, NULL},
		{KVM_EXIT_NOTIFY, CHIP, 0, 0, "RUN_NOTIFY_NEEDS_CAP"},
		{KVM_EXIT_DIRTY_RING_FULL, CHIP, 0, 0, "RUN_RING_NEEDS_CAP"},
		{KVM_EXIT_X86_BUS_LOCK, CHIP, 0, 0, "RUN_BUS_LOCK_NEEDS_CAP"},
		{KVM_EXIT_X86_RDMSR, CHIP, 0, 0, "RUN_MSR_NEEDS_CAP"},
		{KVM_EXIT_X86_RDMSR, CHIP, KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_UNKNOWN,
		 NULL},
		{KVM_EXIT_X86_WRMSR, CHIP, KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_INVAL,
		 "RUN_MSR_NEEDS_CAP"},
		{KVM_EXIT_IRQ_WINDOW_OPEN, NO_CHIP, 0, 0, "RUN_WINDOW_REQUESTED"},
		{KVM_EXIT_SHUTDOWN, CHIP, 0, 0, NULL},
		{KVM_EXIT_INTR, CHIP, 0, 0, "RUN_EXIT_REASON"},
		{KVM_EXIT_MEMORY_FAULT, CHIP, 0, 0, "RUN_EXIT_REASON"},
		{KVM_EXIT_S390_SIEIC, CHIP, 0, 0, "RUN_EXIT_REASON"},
		{KVM_EXIT_ARM_NISV, CHIP, 0, 0, "RUN_EXIT_REASON"},
		{77, CHIP, 0, 0, "RUN_EXIT_REASON"},
	};
	struct kvm_run in = blank(), out;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		again(cases[i].chip, 0);
		if (cases[i].cap)
			vm_enable(cases[i].cap, cases[i].arg);
		out = exit_of(cases[i].reason);
		if (cases[i].reason == KVM_EXIT_X86_RDMSR || cases[i].reason == KVM_EXIT_X86_WRMSR)
			out.msr.reason = KVM_MSR_EXIT_REASON_UNKNOWN;
		run(&in, &out, 0);
		if (cases[i].bad)
			BAD(&h, cases[i].bad);
		else
			GOOD(&h, "RUN_EXIT_REASON");
	}
}

static void payloads(void **state)
{
	struct kvm_run in = blank(), out = exit_of(KVM_EXIT_INTERNAL_ERROR);
	struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_ENABLE};

	out.internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run(&in, &out, 0);
	GOOD(&h, "RUN_INTERNAL_ERROR");
	again(CHIP, 0);
	out.internal.ndata = 4;
	out.emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	out.emulation_failure.insn_size = 16;
	run(&in, &out, 0);
	BAD(&h, "RUN_EMULATION_FAILURE");
	again(CHIP, 0);
	out.internal.ndata = 17;
	run(&in, &out, 0);
	BAD(&h, "RUN_INTERNAL_ERROR");
	again(CHIP, 0);
	out = exit_of(KVM_EXIT_SYSTEM_EVENT);
	out.system_event.type = KVM_SYSTEM_EVENT_WAKEUP;
	run(&in, &out, 0);
	BAD(&h, "RUN_SYSTEM_EVENT");
	again(CHIP, 0);
	out.system_event.type = KVM_SYSTEM_EVENT_CRASH;
	out.system_event.ndata = 17;
	run(&in, &out, 0);
	BAD(&h, "RUN_SYSTEM_EVENT_DATA");
	again(CHIP, 0);
	out = exit_of(KVM_EXIT_HYPERV);
	run(&in, &out, 0);
	BAD(&h, "RUN_HYPERV");
	again(CHIP, 0);
	out = exit_of(KVM_EXIT_XEN);
	run(&in, &out, 0);
	BAD(&h, "RUN_XEN");
	again(CHIP, 0);
	vm_enable(KVM_CAP_X86_USER_SPACE_MSR, 7);
	out = exit_of(KVM_EXIT_X86_WRMSR);
	out.msr.reason = 3;
	run(&in, &out, 0);
	BAD(&h, "RUN_MSR");
	again(CHIP, 0);
	vm_enable(KVM_CAP_X86_BUS_LOCK_EXIT, KVM_BUS_LOCK_DETECTION_EXIT);
	out = exit_of(KVM_EXIT_X86_BUS_LOCK);
	run(&in, &out, 0);
	BAD(&h, "RUN_BUS_LOCK_FLAG");
	again(CHIP, 0);
	IN(&h, vcpu, "KVM_SET_GUEST_DEBUG", debug, 0);
	out = exit_of(KVM_EXIT_DEBUG);
	run(&in, &out, 0);
	GOOD(&h, "RUN_DEBUG_ENABLED");
	again(NO_CHIP, 0);
	in.request_interrupt_window = 1;
	out = exit_of(KVM_EXIT_IRQ_WINDOW_OPEN);
	out.request_interrupt_window = 1;
	run(&in, &out, 0);
	GOOD(&h, "RUN_WINDOW_REQUESTED");
	assert_true(mh_held(&h, "RUN_WINDOW_READY"));
	again(NO_CHIP, 0);
	out.ready_for_interrupt_injection = 0;
	run(&in, &out, 0);
	BAD(&h, "RUN_WINDOW_READY");
}

static void header(void **state)
{
	static const struct {
		uint32_t at;
		uint8_t value;
		const char *rule;
	} bad[] = {
		{0, 1, "RUN_INPUT_STAYS"},     {5, 1, "RUN_INPUT_STAYS"}, {12, 2, "RUN_FLAGS"},
		{13, 2, "RUN_FLAGS"},	       {14, 1, "RUN_FLAGS"},	  {14, 4, "RUN_FLAGS"},
		{15, 1, "RUN_FLAGS"},	       {16, 16, "RUN_CR8"},	  {24, 1, "RUN_APIC_BASE"},
		{12, 0, "RUN_READY_WITH_PIC"},
	};
	struct kvm_run in = blank(), out;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		again(CHIP, 0);
		out = io_exit(1, 1, 1);
		((uint8_t *)&out)[bad[i].at] = bad[i].value;
		run(&in, &out, 0);
		BAD(&h, bad[i].rule);
	}
	again(CHIP, 1);
	out = io_exit(1, 1, 1);
	out.flags = KVM_RUN_X86_SMM;
	run(&in, &out, 0);
	GOOD(&h, "RUN_FLAGS");
	again(NO_CHIP, 0);
	out = io_exit(1, 1, 1);
	out.if_flag = 0;
	run(&in, &out, 0);
	BAD(&h, "RUN_READY_NEEDS_IF");
}

/* What KVM_RUN leaves behind is what the next one finds, and what the registers say. */
static void continuity(void **state)
{
	struct kvm_run first = exit_of(KVM_EXIT_MMIO), in, next = io_exit(0, 1, 1);
	struct kvm_sregs s = {.apic_base = 0xfee00900};
	struct kvm_regs regs = {.rflags = 0x202};
	struct kvm_mp_state mp = {.mp_state = KVM_MP_STATE_RUNNABLE};

	first.mmio.phys_addr = 0xfec00000;
	first.mmio.len = 4;
	in = blank();
	run(&in, &first, 0);
	in = first;
	memset(in.mmio.data, 7, 4); /* the answer */
	run(&in, &next, 0);
	GOOD(&h, "RUN_CONTINUES");
	in = first;
	run(&in, &next, 0);
	BAD(&h, "RUN_CONTINUES");
	/* A mark of userspace is nobody's business. */
	in = next;
	in.exit_reason = 77;
	run(&in, &first, 0);
	GOOD(&h, "RUN_EXIT_REASON");
	in = first;
	in.mmio.phys_addr++;
	run(&in, &next, 0);
	BAD(&h, "RUN_CONTINUES");
	in = next;
	in.apic_base = 0xfee00800;
	run(&in, &next, 0);
	BAD(&h, "RUN_CONTINUES");
	/* What an exit said stays, byte for byte; what userspace answers does not. */
	for (size_t i = 0; i < sizeof(next.io); i++) {
		again(CHIP, 0);
		in = blank();
		run(&in, &next, 0);
		in = next;
		((uint8_t *)&in.io)[i] ^= 1;
		run(&in, &next, 0);
		BAD(&h, "RUN_CONTINUES");
	}
	for (size_t i = 0; i < offsetof(struct kvm_run, mmio.is_write) + 1 - KVMAPI_RUN_UNION;
	     i++) {
		bool answer = i >= 8 && i < 16;

		again(CHIP, 0);
		in = blank();
		run(&in, &first, 0);
		in = first;
		((uint8_t *)&in.mmio)[i] ^= 1;
		run(&in, &next, 0);
		if (answer)
			GOOD(&h, "RUN_CONTINUES");
		else
			BAD(&h, "RUN_CONTINUES");
	}
	first.exit_reason = KVM_EXIT_X86_RDMSR;
	first.msr.index = 0x1b;
	first.msr.data = 0;
	first.msr.reason = KVM_MSR_EXIT_REASON_FILTER;
	for (int i = 0; i < 2; i++) {
		again(CHIP, 0);
		vm_enable(KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_FILTER);
		in = blank();
		run(&in, &first, 0);
		in = first;
		in.msr.data = 5;
		in.msr.error = 1;
		in.msr.index += i;
		run(&in, &next, 0);
		if (i)
			BAD(&h, "RUN_CONTINUES");
		else
			GOOD(&h, "RUN_CONTINUES");
	}

	again(NO_CHIP, 0);
	in = blank();
	next.cr8 = 3;
	run(&in, &next, 0);
	s.cr8 = 3;
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	GOOD(&h, "SREGS_CR8_AS_IN_RUN");
	assert_true(mh_held(&h, "SREGS_APIC_BASE_AS_IN_RUN"));
	OUT(&h, vcpu, "KVM_GET_REGS", regs, 0);
	GOOD(&h, "REGS_IF_AS_IN_RUN");
	in = next;
	run(&in, &next, 0);
	s.cr8 = 4;
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	BAD(&h, "SREGS_CR8_AS_IN_RUN");
	in = next;
	run(&in, &next, 0);
	regs.rflags = 2;
	OUT(&h, vcpu, "KVM_GET_REGS", regs, 0);
	BAD(&h, "REGS_IF_AS_IN_RUN");
	again(CHIP, 0);
	in = blank();
	run(&in, &next, 0);
	s.cr8 = 3;
	s.apic_base = 0xfee00800;
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	BAD(&h, "SREGS_APIC_BASE_AS_IN_RUN");
	OUT(&h, vcpu, "KVM_GET_MP_STATE", mp, 0);
	GOOD(&h, "MP_STATE_RUNNING");
	in = next;
	run(&in, &next, 0);
	mp.mp_state = KVM_MP_STATE_UNINITIALIZED;
	OUT(&h, vcpu, "KVM_GET_MP_STATE", mp, 0);
	BAD(&h, "MP_STATE_RUNNING");
}

static void errors(void **state)
{
	struct kvm_run in = exit_of(KVM_EXIT_IO), out = exit_of(KVM_EXIT_INTR);
	struct kvm_mp_state mp = {.mp_state = KVM_MP_STATE_UNINITIALIZED};
	uint32_t first;

	run(&in, &out, -EINTR);
	GOOD(&h, "RUN_INTERRUPTED");
	again(CHIP, 0);
	out.exit_reason = KVM_EXIT_MMIO;
	run(&in, &out, -EINTR);
	BAD(&h, "RUN_REASON_ON_ERROR");
	again(CHIP, 0);
	run(&in, &out, -EINVAL);
	BAD(&h, "RUN_SUCCEEDS");
	again(CHIP, 0);
	run(&in, &out, -ENOEXEC);
	BAD(&h, "RUN_SUCCEEDS");
	again(CHIP, 0);
	out.exit_reason = KVM_EXIT_MEMORY_FAULT;
	run(&in, &out, -EFAULT);
	GOOD(&h, "RUN_MEMORY_FAULT");
	again(CHIP, 0);
	out.exit_reason = KVM_EXIT_UNKNOWN;
	run(&in, &out, -EFAULT);
	KNOWN(&h, "RUN_FAULT");
	again(CHIP, 0);
	mh_value(&h, vcpu, "KVM_RUN", 1, -EINVAL);
	KNOWN(&h, "RUN_NO_ARGUMENT");
	mh_value(&h, vcpu, "KVM_RUN", 1, 0);
	BAD(&h, "RUN_NO_ARGUMENT");
	again(NO_CHIP, 0);
	in.cr8 = 16;
	run(&in, &in, -EINVAL);
	KNOWN(&h, "RUN_CR8_INVALID");
	in.cr8 = 0;

	/* An application processor waits. */
	again(CHIP, 1);
	first = vcpu;
	vcpu = mh_vcpu(&h, vm, 1);
	OUT(&h, vcpu, "KVM_GET_MP_STATE", mp, 0);
	run(&in, &in, -EAGAIN);
	KNOWN(&h, "RUN_UNINITIALIZED_AGAIN");
	vcpu = mh_vcpu(&h, vm, 2);
	OUT(&h, vcpu, "KVM_GET_MP_STATE", mp, 0);
	out = io_exit(0, 1, 1);
	run(&in, &out, 0);
	BAD(&h, "RUN_UNINITIALIZED");
	in = out;
	run(&in, &out, -EINVAL);
	KNOWN(&h, "RUN_IMPOSSIBLE_STATE");
	vcpu = first;
	again(NO_CHIP, 0);
	in = blank();
	run(&in, &in, -EAGAIN);
	BAD(&h, "RUN_SUCCEEDS");
}

/* kvm_valid_regs, kvm_dirty_regs and the registers behind them. */
struct sync {
	uint64_t valid, dirty;
	struct kvm_sync_regs regs;
};

static void run_with(const struct kvm_run *run_in, const struct kvm_run *run_out,
		     const struct sync *before, const struct sync *after, int64_t ret)
{
	struct tape_part in[2] = {
		{.role = TAPE_RUN_IN, .want = 32, .have = 32, .data = (const uint8_t *)run_in},
		{.role = TAPE_RUN_REGS_IN,
		 .want = sizeof(*before),
		 .have = sizeof(*before),
		 .data = (const uint8_t *)before},
	};
	struct tape_part out[2] = {
		{.role = TAPE_RUN_OUT, .want = 48, .have = 48, .data = (const uint8_t *)run_out},
		{.role = TAPE_RUN_REGS_OUT,
		 .want = sizeof(*after),
		 .have = sizeof(*after),
		 .data = (const uint8_t *)after},
	};
	struct mh_call c = {.object = vcpu,
			    .ioctl = "KVM_RUN",
			    .ret = ret,
			    .in_parts = in,
			    .in_part_count = 2,
			    .out_parts = out,
			    .out_part_count = 2};

	mh_do(&h, &c);
}

static void run_sync(const struct sync *before, const struct sync *after, int64_t ret)
{
	struct kvm_run image = io_exit(0, 1, 1);

	run_with(&image, &image, before, after, ret);
}

static void immediate(void **state)
{
	struct kvm_run in = io_exit(0, 1, 1), out = in;
	const struct sync none = {0};
	struct kvm_regs regs = {.rip = 0x1000, .rflags = 2}, other = {.rip = 0x2000, .rflags = 2};

	IN(&h, vcpu, "KVM_SET_REGS", regs, 0);
	in.immediate_exit = out.immediate_exit = 1;
	run_with(&in, &out, &none, &none, -EINTR);
	GOOD(&h, "RUN_IMMEDIATE_EXIT");
	/* Nothing was pending, so nothing changed. */
	OUT(&h, vcpu, "KVM_GET_REGS", other, 0);
	BAD(&h, "REGS_SAME");
	run_with(&in, &out, &none, &none, 0);
	BAD(&h, "RUN_IMMEDIATE_EXIT");
	again(CHIP, 0);
	in.immediate_exit = out.immediate_exit = 0;
	run(&in, &out, 0);
	in = out;
	IN(&h, vcpu, "KVM_SET_REGS", regs, 0);
	in.immediate_exit = out.immediate_exit = 1;
	run_with(&in, &out, &none, &none, -EINTR);
	GOOD(&h, "RUN_IMMEDIATE_EXIT");
	/* The pending access was completed. */
	OUT(&h, vcpu, "KVM_GET_REGS", other, 0);
	GOOD(&h, "REGS_GET_SUCCEEDS");
}

static void synchronised(void **state)
{
	struct sync before = {.valid = KVM_SYNC_X86_REGS, .dirty = KVM_SYNC_X86_SREGS},
		    after = before;
	struct kvm_mp_state mp = {.mp_state = KVM_MP_STATE_RUNNABLE};

	after.dirty = 0;
	after.regs.regs = (struct kvm_regs){.rip = 0x1234, .rflags = 0x202};
	run_sync(&before, &after, 0);
	GOOD(&h, "RUN_VALID_REGS_STAY");
	assert_true(mh_held(&h, "RUN_DIRTY_REGS_TAKEN"));
	OUT(&h, vcpu, "KVM_GET_REGS", after.regs.regs, 0);
	GOOD(&h, "REGS_SAME");
	after.regs.regs.rip++;
	OUT(&h, vcpu, "KVM_GET_REGS", after.regs.regs, 0);
	BAD(&h, "REGS_SAME");
	run_sync(&before, &before, 0);
	BAD(&h, "RUN_DIRTY_REGS_TAKEN");
	after.valid = 0;
	run_sync(&before, &after, 0);
	BAD(&h, "RUN_VALID_REGS_STAY");
	run_sync(&before, &before, -EINVAL);
	KNOWN(&h, "RUN_SYNC_INVALID");
	/* A thread may write them between what the tape has and what the kernel reads. */
	before.dirty = 0;
	run_sync(&before, &before, -EINVAL);
	KNOWN(&h, "RUN_SYNC_INVALID");
	again(CHIP, 0);
	run_sync(&before, &before, -EINVAL);
	BAD(&h, "RUN_SUCCEEDS");
	before.dirty = KVM_SYNC_X86_SREGS;
	again(CHIP, 0);
	IN(&h, vcpu, "KVM_SET_MP_STATE", mp, 0);
	before.valid = 1 << 3;
	run_sync(&before, &before, -EINVAL);
	GOOD(&h, "RUN_SYNC_UNUSED_BITS");
	again(NO_CHIP, 0);
	run_sync(&before, &before, 0);
	BAD(&h, "RUN_SYNC_UNUSED_BITS");
}

/* Two threads in KVM_RUN of one vCPU: what one finds is what the other is writing. */
static void two_threads(void **state)
{
	struct kvm_run first = io_exit(0, 1, 1), other = io_exit(1, 4, 1), in = blank();
	const uint32_t len = offsetof(struct kvm_run, kvm_valid_regs);
	struct tape_part part_in = {.role = TAPE_RUN_IN, .want = len, .have = len},
			 part_out = {.role = TAPE_RUN_OUT, .want = len, .have = len};
	struct mh_call c = {.object = vcpu,
			    .ioctl = "KVM_RUN",
			    .in_parts = &part_in,
			    .out_parts = &part_out,
			    .in_part_count = 1,
			    .out_part_count = 1};

	run(&in, &first, 0);
	for (c.thread = 0; c.thread < 2; c.thread++) {
		part_in.data = (const uint8_t *)(c.thread ? &other : &first);
		mh_begin(&h, &c);
	}
	part_out.data = (const uint8_t *)&first;
	for (c.thread = 0; c.thread < 2; c.thread++) {
		mh_end(&h, &c);
		GOOD(&h, "RUN_EXIT_REASON");
	}
	in = other;
	run(&in, &first, 0);
	in = other;
	run(&in, &first, 0);
	BAD(&h, "RUN_CONTINUES");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(accesses, setup, teardown),
		cmocka_unit_test_setup_teardown(reasons, setup, teardown),
		cmocka_unit_test_setup_teardown(payloads, setup, teardown),
		cmocka_unit_test_setup_teardown(header, setup, teardown),
		cmocka_unit_test_setup_teardown(continuity, setup, teardown),
		cmocka_unit_test_setup_teardown(errors, setup, teardown),
		cmocka_unit_test_setup_teardown(immediate, setup, teardown),
		cmocka_unit_test_setup_teardown(synchronised, setup, teardown),
		cmocka_unit_test_setup_teardown(two_threads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
