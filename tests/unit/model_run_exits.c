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

/* Userspace may have written there: it is noted, and no divergence. */
#define UNUSUAL(h, rule)                                                 \
	do {                                                             \
		assert_int_not_equal((h)->verdict.kind, MODEL_DIVERGES); \
		assert_true(mh_unusual(h, rule));                        \
	} while (0)
#define HOLDS(h, rule)                                                   \
	do {                                                             \
		assert_int_not_equal((h)->verdict.kind, MODEL_DIVERGES); \
		assert_true(mh_held(h, rule));                           \
	} while (0)

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

static void map_gpa_range(struct kvm_run *r)
{
	r->hypercall.nr = 12;
	r->hypercall.args[0] = 0x1000;
	r->hypercall.args[1] = 1;
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
		if (cases[i].reason == KVM_EXIT_DEBUG)
			out.debug.arch.exception = 1;
		if (cases[i].reason == KVM_EXIT_HYPERCALL)
			map_gpa_range(&out);
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
	out.debug.arch.exception = 1;
	run(&in, &out, 0);
	BAD(&h, "RUN_DEBUG_KIND");
	assert_true(mh_held(&h, "RUN_DEBUG_ENABLED"));
	again(NO_CHIP, 0);
	in.request_interrupt_window = 1;
	out = exit_of(KVM_EXIT_IRQ_WINDOW_OPEN);
	out.request_interrupt_window = 1;
	run(&in, &out, 0);
	GOOD(&h, "RUN_WINDOW_REQUESTED");
	assert_true(mh_held(&h, "RUN_WINDOW_READY"));
	assert_true(mh_held(&h, "RUN_WINDOW_WITHOUT_PIC"));
	again(CHIP, 0);
	run(&in, &out, 0);
	BAD(&h, "RUN_WINDOW_WITHOUT_PIC");
	again(NO_CHIP, 0);
	out.ready_for_interrupt_injection = 0;
	run(&in, &out, 0);
	BAD(&h, "RUN_WINDOW_READY");
}

/* One field of one exit out of its range; `at` is its offset, and a good value breaks nothing. */
static void fields(void **state)
{
	const uint32_t u = KVMAPI_RUN_UNION;
	static const struct {
		uint32_t reason, at, width;
		uint64_t good, bad;
		uint32_t cap;
		uint64_t arg;
		const char *rule;
	} cases[] = {
		{KVM_EXIT_DEBUG, 0, 4, 3, 2, 0, 0, "RUN_DEBUG_EXCEPTION"},
		{KVM_EXIT_DEBUG, 0, 4, 3, 1, 0, 0, "RUN_DEBUG_KIND"},
		{KVM_EXIT_HYPERCALL, 0, 8, 12, 11, KVM_CAP_EXIT_HYPERCALL, 4096, "RUN_HYPERCALL"},
		{KVM_EXIT_HYPERCALL, 8, 8, 0x2000, 0x2001, KVM_CAP_EXIT_HYPERCALL, 4096,
		 "RUN_HYPERCALL"},
		{KVM_EXIT_HYPERCALL, 16, 8, 2, 0, KVM_CAP_EXIT_HYPERCALL, 4096, "RUN_HYPERCALL"},
		{KVM_EXIT_HYPERCALL, 64, 8, 1, 2, KVM_CAP_EXIT_HYPERCALL, 4096, "RUN_HYPERCALL"},
		{KVM_EXIT_NOTIFY, 0, 4, 1, 2, KVM_CAP_X86_NOTIFY_VMEXIT, 3, "RUN_NOTIFY"},
		{KVM_EXIT_NOTIFY, 0, 4, 1, 0, KVM_CAP_X86_NOTIFY_VMEXIT, 1, "RUN_NOTIFY_USER"},
		{KVM_EXIT_NOTIFY, 0, 4, 1, 1, KVM_CAP_X86_NOTIFY_VMEXIT, 0, "RUN_NOTIFY_NEEDS_CAP"},
		{KVM_EXIT_TPR_ACCESS, 8, 4, 1, 2, 0, 0, "RUN_TPR_ACCESS"},
		{KVM_EXIT_XEN, 0, 4, 1, 2, 0, 0, "RUN_XEN"},
		{KVM_EXIT_XEN, 8, 4, 1, 2, 0, 0, "RUN_XEN"},
		{KVM_EXIT_XEN, 12, 4, 3, 4, 0, 0, "RUN_XEN"},
		{KVM_EXIT_HYPERV, 0, 4, 2, 4, 0, 0, "RUN_HYPERV"},
		{KVM_EXIT_HYPERV, 8, 4, 0x40000080, 0x40000081, KVM_CAP_HYPERV_SYNIC, 0,
		 "RUN_HYPERV_SYNIC"},
		{KVM_EXIT_HYPERV, 0, 4, 3, 1, 0, 0, "RUN_SYNIC_NEEDS_CAP"},
		{KVM_EXIT_TDX, 0, 8, 0, 1, 0, 0, "RUN_TDX"},
		{KVM_EXIT_SNP_REQ_CERTS, 0, 8, 0x1000, 0x1001, 0, 0, "RUN_SNP_REQ_CERTS"},
		{KVM_EXIT_SNP_REQ_CERTS, 16, 8, 0, 5, 0, 0, "RUN_SNP_REQ_CERTS"},
		{KVM_EXIT_X86_RDMSR, 16, 8, 0, 5, KVM_CAP_X86_USER_SPACE_MSR, 7, "RUN_MSR_CLEAN"},
		{KVM_EXIT_X86_RDMSR, 1, 1, 0, 5, KVM_CAP_X86_USER_SPACE_MSR, 7, "RUN_MSR_CLEAN"},
		{KVM_EXIT_INTERNAL_ERROR, 8, 8, 1, 2, 0, 0, "RUN_EMULATION_FLAGS"},
		{KVM_EXIT_SYSTEM_EVENT, 4, 4, 1, 0, 0, 0, "RUN_SYSTEM_EVENT_DATA"},
	};

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_ENABLE |
							   KVM_GUESTDBG_USE_SW_BP};
		struct kvm_run in = blank(), out = exit_of(cases[i / 2].reason);
		uint64_t value = i % 2 ? cases[i / 2].bad : cases[i / 2].good;
		uint32_t cap = cases[i / 2].cap;

		mh_close(&h);
		vcpu_open("7.2.0", "kvm_amd", CHIP, 0);
		/* Some have to be enabled before the first vCPU. */
		vm = mh_vm(&h);
		mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
		if (cap && cap != KVM_CAP_HYPERV_SYNIC && (cases[i / 2].arg || !(i % 2)))
			vm_enable(cap, cases[i / 2].arg ? cases[i / 2].arg : 3);
		vcpu = mh_vcpu(&h, vm, 0);
		IN(&h, vcpu, "KVM_SET_GUEST_DEBUG", debug, 0);
		if (cap == KVM_CAP_HYPERV_SYNIC)
			IN(&h, vcpu, "KVM_ENABLE_CAP", ((struct kvm_enable_cap){.cap = cap}), 0);
		if (cases[i / 2].reason == KVM_EXIT_TPR_ACCESS) {
			struct kvm_tpr_access_ctl on = {.enabled = 1};

			INOUT(&h, vcpu, "KVM_TPR_ACCESS_REPORTING", on, on, 0);
		}
		/* What the other fields of these exits have to be. */
		switch (out.exit_reason) {
		case KVM_EXIT_HYPERCALL:
			map_gpa_range(&out);
			break;
		case KVM_EXIT_XEN:
			out.xen.type = KVM_EXIT_XEN_HCALL;
			break;
		case KVM_EXIT_HYPERV:
			out.hyperv.type = KVM_EXIT_HYPERV_SYNIC;
			out.hyperv.u.synic.msr = 0x40000083;
			break;
		case KVM_EXIT_X86_RDMSR:
			out.msr.reason = KVM_MSR_EXIT_REASON_FILTER;
			break;
		case KVM_EXIT_INTERNAL_ERROR:
			out.internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
			out.internal.ndata = 8;
			break;
		case KVM_EXIT_SYSTEM_EVENT:
			out.system_event.type = KVM_SYSTEM_EVENT_SEV_TERM;
			break;
		default:
			break;
		}
		memcpy((uint8_t *)&out + u + cases[i / 2].at, &value, cases[i / 2].width);
		run(&in, &out, 0);
		if (i % 2) {
			BAD(&h, cases[i / 2].rule);
		} else {
			/* Another exit of Hyper-V says nothing of the SynIC. */
			if (strcmp(cases[i / 2].rule, "RUN_SYNIC_NEEDS_CAP"))
				mh_expect_kept(&h, cases[i / 2].rule);
			else
				GOOD(&h, "RUN_HYPERV");
		}
	}
}

/* Exits as they should be hold these rules. */
static void as_they_should(void **state)
{
	static const struct {
		uint32_t reason;
		enum chip chip;
		uint32_t cap;
		uint64_t arg;
		const char *rule;
	} cases[] = {
		{KVM_EXIT_HLT, NO_CHIP, 0, 0, "RUN_HLT_WITHOUT_LAPIC"},
		{KVM_EXIT_SET_TPR, NO_CHIP, 0, 0, "RUN_TPR_WITHOUT_LAPIC"},
		{KVM_EXIT_IOAPIC_EOI, SPLIT_CHIP, 0, 0, "RUN_EOI_NEEDS_SPLIT"},
		{KVM_EXIT_X86_RDMSR, CHIP, KVM_CAP_X86_USER_SPACE_MSR, 4, "RUN_MSR"},
		{KVM_EXIT_X86_RDMSR, CHIP, KVM_CAP_X86_USER_SPACE_MSR, 4, "RUN_MSR_NEEDS_CAP"},
		{KVM_EXIT_HYPERCALL, CHIP, KVM_CAP_EXIT_HYPERCALL, 4096, "RUN_HYPERCALL_NEEDS_CAP"},
		{KVM_EXIT_X86_BUS_LOCK, CHIP, KVM_CAP_X86_BUS_LOCK_EXIT, 2,
		 "RUN_BUS_LOCK_NEEDS_CAP"},
		{KVM_EXIT_X86_BUS_LOCK, CHIP, KVM_CAP_X86_BUS_LOCK_EXIT, 2, "RUN_BUS_LOCK_FLAG"},
		{KVM_EXIT_DIRTY_RING_FULL, CHIP, KVM_CAP_DIRTY_LOG_RING, 65536,
		 "RUN_RING_NEEDS_CAP"},
		{KVM_EXIT_TPR_ACCESS, CHIP, 0, 0, "RUN_TPR_ACCESS_ENABLED"},
		{KVM_EXIT_INTERNAL_ERROR, CHIP, 0, 0, "RUN_EMULATION_FAILURE"},
		{KVM_EXIT_SYSTEM_EVENT, CHIP, 0, 0, "RUN_SYSTEM_EVENT"},
		{KVM_EXIT_HYPERV, CHIP, KVM_CAP_HYPERV_SYNIC, 0, "RUN_SYNIC_NEEDS_CAP"},
		{KVM_EXIT_IO, CHIP, 0, 0, "RUN_IO_DATA"},
		{KVM_EXIT_IO, CHIP, 0, 0, "RUN_CR8"},
		{KVM_EXIT_IO, CHIP, 0, 0, "RUN_APIC_BASE"},
		{KVM_EXIT_IO, CHIP, 0, 0, "RUN_INPUT_STAYS"},
		{KVM_EXIT_IO, CHIP, 0, 0, "RUN_REQUESTS_STAY"},
		{KVM_EXIT_IO, CHIP, 0, 0, "RUN_READY_WITH_PIC"},
		{KVM_EXIT_IO, CHIP, 0, 0, "RUN_SUCCEEDS"},
		{KVM_EXIT_IO, NO_CHIP, 0, 0, "RUN_READY_NEEDS_IF"},
		{KVM_EXIT_MMIO, CHIP, 0, 0, "RUN_MMIO_ADDRESS"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kvm_enable_cap split = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};
		struct kvm_tpr_access_ctl on = {.enabled = 1};
		struct kvm_run in = blank(), out = exit_of(cases[i].reason);

		again(NO_CHIP, 0);
		vm = mh_vm(&h);
		if (cases[i].chip == CHIP)
			mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
		if (cases[i].chip == SPLIT_CHIP)
			IN(&h, vm, "KVM_ENABLE_CAP", split, 0);
		if (cases[i].cap && cases[i].reason != KVM_EXIT_HYPERV)
			vm_enable(cases[i].cap, cases[i].arg);
		vcpu = mh_vcpu(&h, vm, 0);
		switch (cases[i].reason) {
		case KVM_EXIT_HYPERV:
			IN(&h, vcpu, "KVM_ENABLE_CAP",
			   ((struct kvm_enable_cap){.cap = cases[i].cap}), 0);
			out.hyperv.type = KVM_EXIT_HYPERV_SYNIC;
			out.hyperv.u.synic.msr = 0x40000080;
			break;
		case KVM_EXIT_TPR_ACCESS:
			INOUT(&h, vcpu, "KVM_TPR_ACCESS_REPORTING", on, on, 0);
			break;
		case KVM_EXIT_X86_RDMSR:
			out.msr.reason = KVM_MSR_EXIT_REASON_FILTER;
			break;
		case KVM_EXIT_HYPERCALL:
			map_gpa_range(&out);
			break;
		case KVM_EXIT_X86_BUS_LOCK:
			out.flags = KVM_RUN_X86_BUS_LOCK;
			break;
		case KVM_EXIT_INTERNAL_ERROR:
			out.internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
			out.internal.ndata = 8;
			out.emulation_failure.flags =
				KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
			out.emulation_failure.insn_size = 15;
			break;
		case KVM_EXIT_SYSTEM_EVENT:
			out.system_event.type = KVM_SYSTEM_EVENT_CRASH;
			break;
		case KVM_EXIT_IO:
			out = io_exit(1, 1, 1);
			break;
		case KVM_EXIT_MMIO:
			out.mmio.len = 4;
			break;
		default:
			break;
		}
		run(&in, &out, 0);
		mh_expect_kept(&h, cases[i].rule);
	}
	/* The same flag without the mode that reports bus locks. */
	again(CHIP, 0);
	{
		struct kvm_run in = blank(), out = io_exit(1, 1, 1);

		out.flags = KVM_RUN_X86_BUS_LOCK;
		run(&in, &out, 0);
		BAD(&h, "RUN_BUS_LOCK_NEEDS_CAP");
	}
}

/* Answers to a request for certificates: refused with EINVAL only then. */
static void certificates(void **state)
{
	struct kvm_run in = blank(), out = exit_of(KVM_EXIT_SNP_REQ_CERTS);

	mh_close(&h);
	vcpu_open("7.2.0", "kvm_amd", CHIP, 0);
	run(&in, &out, 0);
	in = out;
	in.snp_req_certs.ret = 99;
	run(&in, &in, -EINVAL);
	HOLDS(&h, "RUN_SNP_ANSWER");
	run(&in, &in, -EINVAL);
	mh_expect_refused(&h, "RUN_SNP_ANSWER");
}

static void header(void **state)
{
	static const struct {
		uint32_t at;
		uint8_t value;
		const char *rule;
	} bad[] = {
		{5, 1, "RUN_INPUT_STAYS"}, {12, 2, "RUN_FLAGS"},     {13, 2, "RUN_FLAGS"},
		{14, 1, "RUN_FLAGS"},	   {14, 4, "RUN_FLAGS"},     {15, 1, "RUN_FLAGS"},
		{16, 16, "RUN_CR8"},	   {24, 1, "RUN_APIC_BASE"}, {12, 0, "RUN_READY_WITH_PIC"},
	};
	struct kvm_run in = blank(), out;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		again(CHIP, 0);
		out = io_exit(1, 1, 1);
		((uint8_t *)&out)[bad[i].at] = bad[i].value;
		run(&in, &out, 0);
		BAD(&h, bad[i].rule);
	}
	/* Another thread may write the requests while the vCPU runs. */
	for (size_t i = 0; i < 2; i++) {
		again(CHIP, 0);
		in = blank();
		in.immediate_exit = i;
		out = io_exit(1, 1, 1);
		out.request_interrupt_window = !i;
		run(&in, &out, 0);
		UNUSUAL(&h, "RUN_REQUESTS_STAY");
	}
	in = blank();
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
	HOLDS(&h, "RUN_CONTINUES");
	in = first;
	run(&in, &next, 0);
	UNUSUAL(&h, "RUN_CONTINUES");
	/* A mark of userspace is nobody's business. */
	in = first;
	in.exit_reason = 77;
	run(&in, &first, 0);
	GOOD(&h, "RUN_EXIT_REASON");
	in = first;
	in.mmio.phys_addr++;
	run(&in, &next, 0);
	UNUSUAL(&h, "RUN_CONTINUES");
	in = next;
	in.apic_base = 0xfee00800;
	run(&in, &next, 0);
	UNUSUAL(&h, "RUN_CONTINUES");
	/* What an exit said stays, byte for byte; what userspace answers does not. */
	for (size_t i = 0; i < sizeof(next.io); i++) {
		again(CHIP, 0);
		in = blank();
		run(&in, &next, 0);
		in = next;
		((uint8_t *)&in.io)[i] ^= 1;
		run(&in, &next, 0);
		UNUSUAL(&h, "RUN_CONTINUES");
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
			HOLDS(&h, "RUN_CONTINUES");
		else
			UNUSUAL(&h, "RUN_CONTINUES");
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
			UNUSUAL(&h, "RUN_CONTINUES");
		else
			HOLDS(&h, "RUN_CONTINUES");
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
	assert_true(mh_held(&h, "RUN_REASON_ON_ERROR"));
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
	/* No errno but the one that each of these allows. */
	mh_expect_refused(&h, "RUN_INTERRUPTED");
	mh_expect_refused(&h, "RUN_FAULT");
	mh_expect_refused(&h, "RUN_UNINITIALIZED_AGAIN");
	mh_expect_refused(&h, "RUN_IMPOSSIBLE_STATE");
	again(CHIP, 0);
	out.exit_reason = KVM_EXIT_MEMORY_FAULT;
	out.memory_fault.gpa = 0x3000;
	out.memory_fault.size = 0x1000;
	run(&in, &out, -EFAULT);
	GOOD(&h, "RUN_MEMORY_FAULT");
	assert_true(mh_held(&h, "RUN_MEMORY_FAULT_RANGE"));
	for (int i = 0; i < 3; i++) {
		struct kvm_run bad = out;

		again(CHIP, 0);
		if (i == 0)
			bad.memory_fault.size = 0;
		else if (i == 1)
			bad.memory_fault.flags = 1;
		else
			bad.memory_fault.gpa++;
		run(&in, &bad, -EFAULT);
		BAD(&h, "RUN_MEMORY_FAULT_RANGE");
	}
	again(CHIP, 0);
	run(&in, &out, -EINVAL);
	mh_expect_refused(&h, "RUN_MEMORY_FAULT");
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
	run(&in, &in, 0);
	BAD(&h, "RUN_CR8_INVALID");
	in.cr8 = 0;

	/* An application processor waits. */
	again(CHIP, 1);
	first = vcpu;
	vcpu = mh_vcpu(&h, vm, 1);
	OUT(&h, vcpu, "KVM_GET_MP_STATE", mp, 0);
	run(&in, &in, -EAGAIN);
	KNOWN(&h, "RUN_UNINITIALIZED");
	assert_true(mh_held(&h, "RUN_UNINITIALIZED_AGAIN"));
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

/* An exit, its answer with immediate_exit, and the registers then. */
struct completed {
	uint32_t reason;
	uint8_t direction, size, error;
	uint64_t answer;
	uint64_t rax, rdx, rdi, rbx,
		rip; /* after; before they are 0x11, 0x22, 0x33, 0x44, 0x1000 */
	const char *rule;
	bool bad;
};

static void complete(const struct completed *c)
{
	struct kvm_regs before = {.rax = 0x1111111111111111,
				  .rdx = 0x22,
				  .rdi = 0x33,
				  .rbx = 0x44,
				  .rip = 0x1000,
				  .rflags = 2};
	struct kvm_regs after = before;
	struct kvm_run in = blank(), out = exit_of(c->reason);
	const struct sync none = {0};
	const uint32_t len = offsetof(struct kvm_run, kvm_valid_regs);
	struct tape_part parts[3] = {
		{.role = TAPE_RUN_IN, .want = len, .have = len, .data = (const uint8_t *)&out},
		{.role = TAPE_RUN_REGS_IN,
		 .want = sizeof(none),
		 .have = sizeof(none),
		 .data = (const uint8_t *)&none},
		{.role = TAPE_PIO_IN,
		 .want = c->size,
		 .have = c->size,
		 .data = (const uint8_t *)&c->answer},
	};
	struct tape_part left = parts[0];
	struct mh_call call = {.object = vcpu,
			       .ioctl = "KVM_RUN",
			       .ret = -EINTR,
			       .in_parts = parts,
			       .in_part_count = c->reason == KVM_EXIT_IO && !c->direction ? 3 : 2,
			       .out_parts = &left,
			       .out_part_count = 1};

	again(CHIP, 0);
	vm_enable(KVM_CAP_X86_USER_SPACE_MSR, 7);
	vm_enable(KVM_CAP_EXIT_HYPERCALL, 4096);
	switch (c->reason) {
	case KVM_EXIT_IO:
		out = io_exit(c->direction, c->size, 1);
		break;
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		out.msr.reason = KVM_MSR_EXIT_REASON_UNKNOWN;
		break;
	case KVM_EXIT_HYPERCALL:
		map_gpa_range(&out);
		break;
	default:
		out.xen.type = KVM_EXIT_XEN_HCALL;
		break;
	}
	run(&in, &out, 0);
	OUT(&h, vcpu, "KVM_GET_REGS", before, 0);
	out.immediate_exit = 1;
	if (c->reason == KVM_EXIT_HYPERCALL) {
		out.hypercall.ret = c->answer;
	} else if (c->reason == KVM_EXIT_XEN) {
		out.xen.u.hcall.result = c->answer;
	} else if (c->reason != KVM_EXIT_IO) {
		out.msr.data = c->answer;
		out.msr.error = c->error;
	}
	left.role = TAPE_RUN_OUT;
	mh_do(&h, &call);
	GOOD(&h, "RUN_IMMEDIATE_EXIT");
	after.rax = c->rax;
	after.rdx = c->rdx;
	after.rdi = c->rdi;
	after.rbx = c->rbx;
	after.rip = c->rip;
	OUT(&h, vcpu, "KVM_GET_REGS", after, 0);
	if (c->bad)
		BAD(&h, c->rule);
	else if (!mh_held(&h, c->rule))
		fail_msg("%s of exit %u", c->rule, c->reason);
	if (!c->bad)
		assert_int_equal(h.verdict.kind, MODEL_CONFORMS);
}

static void completion(void **state)
{
	const uint64_t ones = 0x1111111111111111;
	const struct completed cases[] = {
		{KVM_EXIT_IO, 0, 1, 0, 0x7f, 0x111111111111117f, 0x22, 0x33, 0x44, 0x1001,
		 "RUN_COMPLETES_INPUT", false},
		{KVM_EXIT_IO, 0, 4, 0, 0x7fffffff, 0x7fffffff, 0x22, 0x33, 0x44, 0x1002,
		 "RUN_COMPLETES_INPUT", false},
		{KVM_EXIT_IO, 0, 1, 0, 0x7f, ones, 0x22, 0x34, 0x44, 0x1001, "RUN_COMPLETES_INPUT",
		 false},
		{KVM_EXIT_IO, 0, 1, 0, 0x7f, ones, 0x22, 0x33, 0x44, 0x1001, "RUN_COMPLETES_INPUT",
		 true},
		{KVM_EXIT_IO, 0, 2, 0, 0x7f, 0x7f, 0x22, 0x33, 0x44, 0x1001, "RUN_COMPLETES_INPUT",
		 true},
		{KVM_EXIT_IO, 1, 1, 0, 0, ones, 0x22, 0x33, 0x44, 0x1002, "RUN_COMPLETION_ONLY",
		 false},
		{KVM_EXIT_IO, 1, 1, 0, 0, ones, 0x22, 0x33, 0x45, 0x1002, "RUN_COMPLETION_ONLY",
		 true},
		{KVM_EXIT_IO, 1, 1, 0, 0, ones, 0x22, 0x33, 0x44, 0x1010, "RUN_COMPLETION_ONLY",
		 true},
		{KVM_EXIT_X86_RDMSR, 0, 0, 0, 0x500000006, 6, 5, 0x33, 0x44, 0x1002,
		 "RUN_COMPLETES_RDMSR", false},
		{KVM_EXIT_X86_RDMSR, 0, 0, 0, 0x500000006, 6, 0x22, 0x33, 0x44, 0x1002,
		 "RUN_COMPLETES_RDMSR", true},
		{KVM_EXIT_X86_RDMSR, 0, 0, 1, 6, ones, 0x22, 0x33, 0x44, 0x1000,
		 "RUN_COMPLETION_ONLY", false},
		{KVM_EXIT_X86_RDMSR, 0, 0, 1, 6, 6, 0x22, 0x33, 0x44, 0x1000, "RUN_COMPLETION_ONLY",
		 true},
		{KVM_EXIT_X86_WRMSR, 0, 0, 0, 6, ones, 0x22, 0x33, 0x44, 0x1002,
		 "RUN_COMPLETION_ONLY", false},
		{KVM_EXIT_X86_WRMSR, 0, 0, 0, 6, ones, 0x22, 0x33, 0x44, 0x1000,
		 "RUN_COMPLETION_ONLY", true},
		{KVM_EXIT_X86_WRMSR, 0, 0, 1, 6, ones, 0x22, 0x33, 0x44, 0x1002,
		 "RUN_COMPLETION_ONLY", true},
		{KVM_EXIT_HYPERCALL, 0, 0, 0, 0x100000005, 5, 0x22, 0x33, 0x44, 0x1003,
		 "RUN_COMPLETES_HYPERCALL", false},
		{KVM_EXIT_XEN, 0, 0, 0, 0x100000005, 6, 0x22, 0x33, 0x44, 0x1003,
		 "RUN_COMPLETES_HYPERCALL", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		complete(&cases[i]);
}

/* What an immediate exit reports of the operation that it goes on with. */
static void pieces(void **state)
{
	static const struct {
		uint32_t pending, then;
		bool good;
	} cases[] = {
		{KVM_EXIT_MMIO, KVM_EXIT_MMIO, true},	  {KVM_EXIT_IO, KVM_EXIT_IO, true},
		{KVM_EXIT_IO, KVM_EXIT_DEBUG, true},	  {KVM_EXIT_IO, KVM_EXIT_SHUTDOWN, false},
		{KVM_EXIT_X86_WRMSR, KVM_EXIT_IO, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kvm_run in = blank(), first = exit_of(cases[i].pending),
			       next = exit_of(cases[i].then);
		struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_ENABLE |
							   KVM_GUESTDBG_SINGLESTEP};
		const struct sync none = {0};
		struct tape_part parts[] = {
			{.role = TAPE_RUN_IN, .want = 96, .have = 96, .data = (const uint8_t *)&in},
			{.role = TAPE_RUN_REGS_IN,
			 .want = sizeof(none),
			 .have = sizeof(none),
			 .data = (const uint8_t *)&none},
		};
		struct tape_part left = {.role = TAPE_RUN_OUT,
					 .want = 96,
					 .have = 96,
					 .data = (const uint8_t *)&next};
		struct mh_call c = {.object = vcpu,
				    .ioctl = "KVM_RUN",
				    .in_parts = parts,
				    .in_part_count = 2,
				    .out_parts = &left,
				    .out_part_count = 1};

		again(CHIP, 0);
		c.object = vcpu;
		vm_enable(KVM_CAP_X86_USER_SPACE_MSR, 7);
		IN(&h, vcpu, "KVM_SET_GUEST_DEBUG", debug, 0);
		if (first.exit_reason == KVM_EXIT_IO)
			first = io_exit(0, 1, 1);
		if (next.exit_reason == KVM_EXIT_IO)
			next = io_exit(0, 1, 1);
		if (next.exit_reason == KVM_EXIT_DEBUG)
			next.debug.arch.exception = 1;
		if (first.exit_reason == KVM_EXIT_X86_WRMSR)
			first.msr.reason = KVM_MSR_EXIT_REASON_INVAL;
		first.mmio.len = first.exit_reason == KVM_EXIT_MMIO ? 8 : first.mmio.len;
		next.mmio.len = next.exit_reason == KVM_EXIT_MMIO ? 8 : next.mmio.len;
		run(&in, &first, 0);
		in = first;
		in.immediate_exit = next.immediate_exit = 1;
		mh_do(&h, &c);
		if (cases[i].good)
			assert_true(mh_held(&h, "RUN_COMPLETION_EXITS"));
		else
			BAD(&h, "RUN_COMPLETION_EXITS");
	}
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
	run_sync(&before, &before, -E2BIG);
	mh_expect_refused(&h, "RUN_SYNC_INVALID");
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
	/* 6.12 compares with 32 bits, others with all. */
	again(NO_CHIP, 0);
	before = (struct sync){.valid = KVM_SYNC_X86_REGS, .dirty = 1ull << 42};
	after = before;
	run_sync(&before, &after, 0);
	assert_true(mh_held(&h, "RUN_SYNC_HIGH_BITS") && mh_held(&h, "RUN_DIRTY_REGS_TAKEN"));
	run_sync(&before, &after, -E2BIG);
	BAD(&h, "RUN_SUCCEEDS");
	mh_close(&h);
	vcpu_open("7.2.0", "kvm_amd", NO_CHIP, 0);
	run_sync(&before, &after, 0);
	BAD(&h, "RUN_SYNC_UNUSED_BITS");
	mh_expect_refused(&h, "RUN_SYNC_HIGH_BITS");
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
	UNUSUAL(&h, "RUN_CONTINUES");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(accesses, setup, teardown),
		cmocka_unit_test_setup_teardown(reasons, setup, teardown),
		cmocka_unit_test_setup_teardown(payloads, setup, teardown),
		cmocka_unit_test_setup_teardown(fields, setup, teardown),
		cmocka_unit_test_setup_teardown(as_they_should, setup, teardown),
		cmocka_unit_test_setup_teardown(certificates, setup, teardown),
		cmocka_unit_test_setup_teardown(header, setup, teardown),
		cmocka_unit_test_setup_teardown(continuity, setup, teardown),
		cmocka_unit_test_setup_teardown(errors, setup, teardown),
		cmocka_unit_test_setup_teardown(immediate, setup, teardown),
		cmocka_unit_test_setup_teardown(completion, setup, teardown),
		cmocka_unit_test_setup_teardown(pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(synchronised, setup, teardown),
		cmocka_unit_test_setup_teardown(two_threads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
