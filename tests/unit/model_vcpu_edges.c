/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules of vCPU ioctls that need a call of their own: reserved bytes, registers that no processor
 * has, errors that only some arguments may have.  A line of a table is one call on a new vCPU.
 */
#include <errno.h>

#include "model_vcpu_test.h"

#define LEN 4096

/* One field of an image. */
struct put {
	uint32_t at, width;
	uint64_t value;
};

static void image(uint8_t *p, const struct put *puts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (uint32_t b = 0; b < puts[i].width; b++)
			p[puts[i].at + b] = puts[i].value >> 8 * b;
	}
}

enum world { AMD_CHIP, AMD_BARE, AMD_SPLIT, AMD_NO_SMM, PVM_CHIP };

static void open_world(enum world w)
{
	vcpu_open("6.12.0", w == PVM_CHIP ? "kvm_pvm" : "kvm_amd",
		  w == AMD_BARE	   ? NO_CHIP
		  : w == AMD_SPLIT ? SPLIT_CHIP
				   : CHIP,
		  w == AMD_NO_SMM ? 0 : 1);
}

#define REGS(f)	  offsetof(struct kvm_regs, f)
#define SREGS(f)  offsetof(struct kvm_sregs, f)
#define EVENTS(f) offsetof(struct kvm_vcpu_events, f)
#define FPU(f)	  offsetof(struct kvm_fpu, f)
#define XCRS(f)	  offsetof(struct kvm_xcrs, f)
#define DBG(f)	  offsetof(struct kvm_debugregs, f)

/* A state that a processor can be in. */
#define LEGAL_SREGS                             \
	{SREGS(cr0), 8, 0x60000010},            \
	{                                       \
		SREGS(apic_base), 8, 0xfee00900 \
	}
#define LEGAL_XCRS                        \
	{XCRS(nr_xcrs), 4, 1},            \
	{                                 \
		XCRS(xcrs[0].value), 8, 1 \
	}
#define NO_EVENTS                     \
	{                             \
		EVENTS(flags), 4, 0xd \
	}

/*
 * What a GET may answer: the image as it is satisfies the rule, the one with `wrong` in it breaks
 * it.
 */
static const struct answer {
	const char *rule, *get;
	uint32_t size;
	enum world world;
	struct put right[3], wrong;
} answers[] = {
	{"REGS_RFLAGS_FIXED",
	 "KVM_GET_REGS",
	 sizeof(struct kvm_regs),
	 AMD_CHIP,
	 {{REGS(rflags), 8, 2}},
	 {REGS(rflags), 8, 0x200}},
	{"SREGS_CR8_FOUR_BITS",
	 "KVM_GET_SREGS",
	 sizeof(struct kvm_sregs),
	 AMD_CHIP,
	 {LEGAL_SREGS},
	 {SREGS(cr8), 8, 16}},
	{"SREGS_LEGAL",
	 "KVM_GET_SREGS",
	 sizeof(struct kvm_sregs),
	 AMD_CHIP,
	 {LEGAL_SREGS},
	 {SREGS(cr0), 8, 0x80000010}},
	{"SREGS_SEGMENT_BITS",
	 "KVM_GET_SREGS",
	 sizeof(struct kvm_sregs),
	 AMD_CHIP,
	 {LEGAL_SREGS},
	 {SREGS(ss.dpl), 1, 4}},
	{"SREGS_FILLER_ZERO",
	 "KVM_GET_SREGS",
	 sizeof(struct kvm_sregs),
	 AMD_CHIP,
	 {LEGAL_SREGS},
	 {SREGS(idt.padding), 1, 4}},
	{"SREGS_ONE_INTERRUPT",
	 "KVM_GET_SREGS",
	 sizeof(struct kvm_sregs),
	 AMD_CHIP,
	 {LEGAL_SREGS, {SREGS(interrupt_bitmap), 8, 16}},
	 {SREGS(interrupt_bitmap), 8, 17}},
	{"FPU_FILLER_ZERO",
	 "KVM_GET_FPU",
	 sizeof(struct kvm_fpu),
	 AMD_CHIP,
	 {{FPU(fcw), 2, 0x37f}},
	 {FPU(pad1), 1, 1}},
	{"XSAVE_HEADER_ZERO",
	 "KVM_GET_XSAVE",
	 4096,
	 AMD_CHIP,
	 {{0, 2, 0x37f}, {24, 4, 0x1f80}, {512, 8, 3}},
	 {528, 1, 1}},
	{"XSAVE_HEADER_BITS",
	 "KVM_GET_XSAVE",
	 4096,
	 AMD_CHIP,
	 {{0, 2, 0x37f}, {24, 4, 0x1f80}, {512, 8, 3}},
	 {519, 1, 0x80}},
	{"XCRS_COUNT",
	 "KVM_GET_XCRS",
	 sizeof(struct kvm_xcrs),
	 AMD_CHIP,
	 {LEGAL_XCRS},
	 {XCRS(nr_xcrs), 4, 17}},
	{"XCRS_ONLY_XCR0",
	 "KVM_GET_XCRS",
	 sizeof(struct kvm_xcrs),
	 AMD_CHIP,
	 {LEGAL_XCRS},
	 {XCRS(flags), 4, 1}},
	{"XCRS_XCR0_LEGAL",
	 "KVM_GET_XCRS",
	 sizeof(struct kvm_xcrs),
	 AMD_CHIP,
	 {LEGAL_XCRS},
	 {XCRS(xcrs[0].value), 8, 5}},
	{"XCRS_FILLER_ZERO",
	 "KVM_GET_XCRS",
	 sizeof(struct kvm_xcrs),
	 AMD_CHIP,
	 {LEGAL_XCRS},
	 {XCRS(xcrs[3].value), 8, 5}},
	{"DEBUGREGS_HIGH_ZERO",
	 "KVM_GET_DEBUGREGS",
	 sizeof(struct kvm_debugregs),
	 AMD_CHIP,
	 {{DBG(dr6), 8, 0xffff0ff0}, {DBG(dr7), 8, 0x400}},
	 {DBG(dr7), 8, 1ull << 32}},
	{"DEBUGREGS_FILLER_ZERO",
	 "KVM_GET_DEBUGREGS",
	 sizeof(struct kvm_debugregs),
	 AMD_CHIP,
	 {{DBG(dr6), 8, 0xffff0ff0}, {DBG(dr7), 8, 0x400}},
	 {DBG(reserved[2]), 8, 1}},
	{"LAPIC_GET_SUCCEEDS", "KVM_GET_LAPIC", 1024, AMD_CHIP, {{0x30, 4, 0x50014}}, {0}},
	{"LAPIC_VERSION",
	 "KVM_GET_LAPIC",
	 1024,
	 AMD_CHIP,
	 {{0x30, 4, 0x50014}},
	 {0x30, 4, 0x50024}},
	{"LAPIC_BETWEEN_ZERO", "KVM_GET_LAPIC", 1024, AMD_CHIP, {{0x30, 4, 0x50014}}, {0x84, 1, 1}},
	{"EVENTS_GET_SUCCEEDS",
	 "KVM_GET_VCPU_EVENTS",
	 sizeof(struct kvm_vcpu_events),
	 AMD_CHIP,
	 {NO_EVENTS},
	 {0}},
	{"EVENTS_FLAGS",
	 "KVM_GET_VCPU_EVENTS",
	 sizeof(struct kvm_vcpu_events),
	 AMD_CHIP,
	 {NO_EVENTS},
	 {EVENTS(flags), 4, 0x4d}},
	{"EVENTS_BOOLEANS",
	 "KVM_GET_VCPU_EVENTS",
	 sizeof(struct kvm_vcpu_events),
	 AMD_CHIP,
	 {NO_EVENTS},
	 {EVENTS(nmi.masked), 1, 2}},
	{"EVENTS_NO_SMM",
	 "KVM_GET_VCPU_EVENTS",
	 sizeof(struct kvm_vcpu_events),
	 AMD_NO_SMM,
	 {NO_EVENTS},
	 {EVENTS(smi.pending), 1, 1}},
	{"EVENTS_FILLER_ZERO",
	 "KVM_GET_VCPU_EVENTS",
	 sizeof(struct kvm_vcpu_events),
	 AMD_CHIP,
	 {NO_EVENTS},
	 {EVENTS(reserved[4]), 1, 1}},
};

static void test_answers(void **state)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const struct answer *a = &answers[i];
		uint8_t out[LEN] = {0};

		open_world(a->world);
		image(out, a->right, 3);
		mh_io(&h, vcpu, a->get, NULL, 0, out, a->size, 0);
		mh_expect(&h, MODEL_CONFORMS, NULL);
		if (!mh_held(&h, a->rule))
			fail_msg("%s is not held by %s", a->rule, a->get);
		mh_close(&h);

		open_world(a->world);
		image(out, &a->wrong, 1);
		mh_io(&h, vcpu, a->get, NULL, 0, out, a->size, a->wrong.width ? 0 : -EDOM);
		BAD(&h, a->rule);
		mh_close(&h);
	}
}

#undef LEGAL_SREGS
#undef LEGAL_XCRS

/*
 * What a call with this argument may return: `right` satisfies the rule, `wrong` breaks it; where
 * the rule only allows, `wrong` is refused.
 */
static const struct result {
	const char *rule, *call;
	uint32_t size;
	enum world world;
	struct put in[3];
	int64_t right, wrong;
	bool allows;
} results[] = {
	{"XSAVE_INVALID", "KVM_SET_XSAVE", 4096, AMD_CHIP, {{520, 1, 1}}, -EINVAL, -EDOM, true},
	{"DEBUGREGS_HIGH_INVALID",
	 "KVM_SET_DEBUGREGS",
	 sizeof(struct kvm_debugregs),
	 AMD_CHIP,
	 {{DBG(dr6), 8, 1ull << 32}},
	 -EINVAL,
	 0,
	 false},
	{"DEBUGREGS_FLAGS_CLEAR",
	 "KVM_SET_DEBUGREGS",
	 sizeof(struct kvm_debugregs),
	 AMD_CHIP,
	 {{DBG(flags), 8, 1}},
	 -EINVAL,
	 0,
	 false},
	{"XCRS_INVALID",
	 "KVM_SET_XCRS",
	 sizeof(struct kvm_xcrs),
	 AMD_CHIP,
	 {{XCRS(nr_xcrs), 4, 17}},
	 -EINVAL,
	 0,
	 false},
	{"SREGS_INVALID",
	 "KVM_SET_SREGS",
	 sizeof(struct kvm_sregs),
	 AMD_CHIP,
	 {{SREGS(efer), 8, 0x400}},
	 -EINVAL,
	 0,
	 false},
	{"SREGS2_FLAGS_INVALID",
	 "KVM_SET_SREGS2",
	 sizeof(struct kvm_sregs2),
	 AMD_CHIP,
	 {{offsetof(struct kvm_sregs2, flags), 8, 2}},
	 -EINVAL,
	 0,
	 false},
	{"CPUID_TOO_MANY", "KVM_SET_CPUID2", 8, AMD_CHIP, {{0, 4, 257}}, -E2BIG, 0, false},
	{"CPUID_ADDRESS_WIDTH",
	 "KVM_SET_CPUID2",
	 48,
	 AMD_CHIP,
	 {{0, 4, 1}, {8, 4, 0x80000008}, {20, 4, 0x3328}},
	 -EINVAL,
	 -EDOM,
	 true},
	{"CPUID_DYNAMIC_FEATURE",
	 "KVM_SET_CPUID2",
	 48,
	 AMD_CHIP,
	 {{0, 4, 1}, {8, 4, 0xd}, {20, 4, 0x60007}},
	 -EPERM,
	 -EBUSY,
	 true},
	{"LAPIC_NEEDS_IRQCHIP", "KVM_SET_LAPIC", 1024, AMD_BARE, {{0, 0, 0}}, -EINVAL, 0, false},
	{"LAPIC_SET_SUCCEEDS",
	 "KVM_SET_LAPIC",
	 1024,
	 AMD_CHIP,
	 {{0x30, 4, 0x50014}},
	 0,
	 -EDOM,
	 false},
	{"TPR_REPORTING_SUCCEEDS",
	 "KVM_TPR_ACCESS_REPORTING",
	 40,
	 AMD_CHIP,
	 {{0, 4, 1}},
	 0,
	 -EDOM,
	 false},
	{"TPR_REPORTING_FLAGS",
	 "KVM_TPR_ACCESS_REPORTING",
	 40,
	 AMD_CHIP,
	 {{4, 4, 1}},
	 -EINVAL,
	 0,
	 false},
	{"VAPIC_NEEDS_IRQCHIP", "KVM_SET_VAPIC_ADDR", 8, AMD_BARE, {{0, 0, 0}}, -EINVAL, 0, false},
	{"VAPIC_NOT_MEMORY",
	 "KVM_SET_VAPIC_ADDR",
	 8,
	 AMD_CHIP,
	 {{0, 8, 0x1000}},
	 -EINVAL,
	 -EDOM,
	 true},
	{"EVENTS_NEEDS_PAYLOAD_CAP",
	 "KVM_SET_VCPU_EVENTS",
	 sizeof(struct kvm_vcpu_events),
	 AMD_CHIP,
	 {{EVENTS(flags), 4, KVM_VCPUEVENT_VALID_PAYLOAD}},
	 -EINVAL,
	 0,
	 false},
	{"EVENTS_NEEDS_TRIPLE_FAULT_CAP",
	 "KVM_SET_VCPU_EVENTS",
	 sizeof(struct kvm_vcpu_events),
	 AMD_CHIP,
	 {{EVENTS(flags), 4, KVM_VCPUEVENT_VALID_TRIPLE_FAULT}},
	 -EINVAL,
	 0,
	 false},
	{"EVENTS_INVALID",
	 "KVM_SET_VCPU_EVENTS",
	 sizeof(struct kvm_vcpu_events),
	 AMD_CHIP,
	 {{EVENTS(flags), 4, 0x40}},
	 -EINVAL,
	 0,
	 false},
	{"EVENTS_EXCEPTION_NUMBER",
	 "KVM_SET_VCPU_EVENTS",
	 sizeof(struct kvm_vcpu_events),
	 AMD_CHIP,
	 {{EVENTS(exception.injected), 1, 1}, {EVENTS(exception.nr), 1, 2}},
	 -EINVAL,
	 0,
	 false},
	{"EVENTS_SMM_REFUSED",
	 "KVM_SET_VCPU_EVENTS",
	 sizeof(struct kvm_vcpu_events),
	 AMD_CHIP,
	 {{EVENTS(flags), 4, KVM_VCPUEVENT_VALID_SMM}, {EVENTS(smi.smm), 1, 1}},
	 -EINVAL,
	 -EDOM,
	 true},
	{"INTERRUPT_NUMBER", "KVM_INTERRUPT", 4, AMD_BARE, {{0, 4, 256}}, -EINVAL, 0, false},
	{"INTERRUPT_PIC_IN_KERNEL", "KVM_INTERRUPT", 4, AMD_CHIP, {{0, 4, 32}}, -ENXIO, 0, false},
	{"INTERRUPT_ENQUEUED", "KVM_INTERRUPT", 4, AMD_SPLIT, {{0, 4, 32}}, -EEXIST, -EDOM, true},
	{"INTERRUPT_SUCCEEDS", "KVM_INTERRUPT", 4, AMD_BARE, {{0, 4, 32}}, 0, -EDOM, false},
	{"GUEST_DEBUG_SUCCEEDS",
	 "KVM_SET_GUEST_DEBUG",
	 sizeof(struct kvm_guest_debug),
	 AMD_CHIP,
	 {{0, 4, KVM_GUESTDBG_ENABLE}},
	 0,
	 -EDOM,
	 false},
	{"GUEST_DEBUG_EXCEPTION_PENDING",
	 "KVM_SET_GUEST_DEBUG",
	 sizeof(struct kvm_guest_debug),
	 AMD_CHIP,
	 {{0, 4, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB}},
	 -EBUSY,
	 -EDOM,
	 true},
	{"MCE_BANKS", "KVM_X86_SETUP_MCE", 8, AMD_CHIP, {{0, 8, 0}}, -EINVAL, 0, false},
	{"MCE_CAPABILITY",
	 "KVM_X86_SETUP_MCE",
	 8,
	 AMD_CHIP,
	 {{0, 8, 1ull << 40 | 10}},
	 -EINVAL,
	 -EDOM,
	 true},
	{"MCE_VALID",
	 "KVM_X86_SET_MCE",
	 sizeof(struct kvm_x86_mce),
	 AMD_CHIP,
	 {{0, 0, 0}},
	 -EINVAL,
	 0,
	 false},
	{"MCE_BANK",
	 "KVM_X86_SET_MCE",
	 sizeof(struct kvm_x86_mce),
	 AMD_CHIP,
	 {{0, 8, 1ull << 63}, {offsetof(struct kvm_x86_mce, bank), 1, 32}},
	 -EINVAL,
	 0,
	 false},
};

static void test_results(void **state)
{
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		const struct result *r = &results[i];
		uint8_t in[LEN] = {0};

		image(in, r->in, 3);
		open_world(r->world);
		mh_io(&h, vcpu, r->call, in, r->size, NULL, 0, r->right);
		if (h.verdict.kind == MODEL_DIVERGES || !mh_held(&h, r->rule))
			fail_msg("%s is not held by %s = %lld: %s", r->rule, r->call,
				 (long long)r->right, mh_rule(&h));
		mh_close(&h);

		open_world(r->world);
		mh_io(&h, vcpu, r->call, in, r->size, NULL, 0, r->wrong);
		if (r->allows)
			mh_expect_refused(&h, r->rule);
		else
			BAD(&h, r->rule);
		mh_close(&h);
	}
}

/* A machine check on a bank that there is. */
static void test_machine_check(void **state)
{
	uint64_t cap = 10;
	struct kvm_x86_mce mce = {.status = 1ull << 63, .bank = 9};

	for (int wrong = 0; wrong < 2; wrong++) {
		open_world(AMD_CHIP);
		IN(&h, vcpu, "KVM_X86_SETUP_MCE", cap, 0);
		GOOD(&h, "MCE_SETUP_SUCCEEDS");
		IN(&h, vcpu, "KVM_X86_SET_MCE", mce, wrong ? -EDOM : 0);
		mh_expect(&h, wrong ? MODEL_DIVERGES : MODEL_CONFORMS, "MCE_SUCCEEDS");
		mh_close(&h);
	}
}

/* KVM_SMI, with and without system management. */
static void test_smi(void **state)
{
	open_world(AMD_CHIP);
	mh_value(&h, vcpu, "KVM_SMI", 0, 0);
	GOOD(&h, "SMI_SUCCEEDS");
	mh_value(&h, vcpu, "KVM_SMI", 0, -EDOM);
	BAD(&h, "SMI_SUCCEEDS");
	mh_close(&h);
	open_world(AMD_NO_SMM);
	mh_value(&h, vcpu, "KVM_SMI", 0, -ENOTTY);
	assert_true(mh_held(&h, "SMI_WITHOUT_SMM"));
	mh_value(&h, vcpu, "KVM_SMI", 0, -EDOM);
	mh_expect_refused(&h, "SMI_WITHOUT_SMM");
	mh_close(&h);
}

/* The task priority is one register behind three names. */
static void test_task_priority(void **state)
{
	uint8_t lapic[1024] = {0};
	struct kvm_sregs s = {.cr0 = 0x60000010, .apic_base = 0xfee00900, .cr8 = 5};

	lapic[0x30] = 0x14;
	lapic[0x80] = 0x50;
	for (int wrong = 0; wrong < 2; wrong++) {
		open_world(AMD_CHIP);
		IN(&h, vcpu, "KVM_SET_LAPIC", lapic, 0);
		s.cr8 = 5 + wrong;
		OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
		if (wrong)
			BAD(&h, "SREGS_CR8_IS_TPR");
		else
			assert_true(mh_held(&h, "SREGS_CR8_IS_TPR"));
		mh_close(&h);
	}
}

/* An id in KVM_SET_LAPIC with 32-bit ids. */
static void test_lapic_id(void **state)
{
	uint8_t lapic[1024] = {0};

	for (int wrong = 0; wrong < 2; wrong++) {
		open_world(AMD_CHIP);
		vm_enable(KVM_CAP_X2APIC_API, 1);
		IN(&h, vcpu, "KVM_SET_LAPIC", lapic, wrong ? -EDOM : -EINVAL);
		if (wrong)
			mh_expect_refused(&h, "LAPIC_SET_ID");
		else
			assert_true(mh_held(&h, "LAPIC_SET_ID"));
		mh_close(&h);
	}
}

/* The argument of KVM_TPR_ACCESS_REPORTING comes back. */
static void test_tpr_reporting(void **state)
{
	struct kvm_tpr_access_ctl in = {.enabled = 1}, out = in;

	for (int wrong = 0; wrong < 2; wrong++) {
		open_world(AMD_CHIP);
		out.reserved[3] = wrong;
		INOUT(&h, vcpu, "KVM_TPR_ACCESS_REPORTING", in, out, 0);
		if (wrong)
			BAD(&h, "TPR_REPORTING_STAYS");
		else
			assert_true(mh_held(&h, "TPR_REPORTING_STAYS"));
		mh_close(&h);
	}
}

/* KVM_GET_CPUID2: how many there are. */
static void test_cpuid_count(void **state)
{
	uint32_t set[12] = {1, 0, 0x40000100}, room[22] = {2}, out[22] = {1, 0, 0x40000100};
	static const struct {
		uint32_t nent;
		int64_t ret;
		const char *rule;
		bool right;
	} cases[] = {
		{1, 0, "CPUID_GET_SUCCEEDS", true},
		{1, -EDOM, "CPUID_GET_SUCCEEDS", false},
		{1, 0, "CPUID_GET_COUNT", true},
		{3, 0, "CPUID_GET_COUNT", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		open_world(AMD_CHIP);
		IN(&h, vcpu, "KVM_SET_CPUID2", set, 0);
		out[0] = cases[i].nent;
		INOUT(&h, vcpu, "KVM_GET_CPUID2", room, out, cases[i].ret);
		if (cases[i].right)
			assert_true(mh_held(&h, cases[i].rule));
		else
			BAD(&h, cases[i].rule);
		mh_close(&h);
	}
}

/* KVM_GET_MSRS: what is not data comes back, and so does what stands behind the entry that failed.
 */
static void test_msrs_kept(void **state)
{
	struct list {
		uint32_t nmsrs, pad;
		struct kvm_msr_entry e[3];
	};
	static const struct {
		const char *rule;
		uint32_t at;
	} bytes[] = {
		{"MSRS_INDEX_STAYS", offsetof(struct list, e[0].index)},
		{"MSRS_HEADER_STAYS", offsetof(struct list, e[1].reserved)},
		{"MSRS_REST_STAYS", offsetof(struct list, e[2].data)},
	};
	const struct list in = {.nmsrs = 3,
				.e = {{.index = 0x10}, {.index = 0xc0001234}, {.index = 0x11}}};

	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		struct list out = in;

		open_world(AMD_CHIP);
		out.e[0].data = 77;
		INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, 1);
		if (!mh_held(&h, bytes[i].rule))
			fail_msg("%s is not held", bytes[i].rule);
		((uint8_t *)&out)[bytes[i].at] ^= 1;
		INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, 1);
		BAD(&h, bytes[i].rule);
		mh_close(&h);
	}
}

/* An MSR that was read, or written with zero, is there next time. */
static void test_msrs_again(void **state)
{
	struct {
		uint32_t nmsrs, pad;
		struct kvm_msr_entry e[1];
	} one = {.nmsrs = 1, .e = {{.index = 0xc0000081}}};

	open_world(AMD_CHIP);
	INOUT(&h, vcpu, "KVM_GET_MSRS", one, one, 0);
	BAD(&h, "MSRS_READ_AGAIN");
	IN(&h, vcpu, "KVM_SET_MSRS", one, 0);
	BAD(&h, "MSRS_WRITE_AGAIN");
	one.e[0].index = 0xc0001234;
	INOUT(&h, vcpu, "KVM_GET_MSRS", one, one, 0);
	assert_true(mh_held(&h, "MSRS_READ_AGAIN"));
	IN(&h, vcpu, "KVM_SET_MSRS", one, 0);
	assert_true(mh_held(&h, "MSRS_WRITE_AGAIN"));
	mh_close(&h);
}

/* What is common to all calls: there is an object, and an error may come of the environment. */
static void test_common(void **state)
{
	struct kvm_regs regs = {.rflags = 2};

	open_world(AMD_CHIP);
	OUT(&h, vcpu, "KVM_GET_REGS", regs, -ENOMEM);
	OPEN(&h);
	assert_true(mh_held(&h, "RETURN_ZERO_OR_ERROR"));
	assert_true(mh_held(&h, "OBJECT_MUST_EXIST"));
	OUT(&h, vcpu, "KVM_GET_REGS", regs, 0);
	assert_false(mh_held(&h, "OBJECT_MUST_EXIST"));
	mh_close(&h);
}

/* FS and GS base as MSRs. */
static void test_msrs_bases(void **state)
{
	struct {
		uint32_t nmsrs, pad;
		struct kvm_msr_entry e[1];
	} one = {.nmsrs = 1, .e = {{.index = 0xc0000101}}};

	vcpu_open("5.10.0", "kvm_amd", CHIP, 1);
	INOUT(&h, vcpu, "KVM_GET_MSRS", one, one, 0);
	KNOWN(&h, "MSRS_BASES_MISSING");
	IN(&h, vcpu, "KVM_SET_MSRS", one, 0);
	KNOWN(&h, "MSRS_BASES_MISSING");
	mh_close(&h);
	vcpu_open("5.10.0", "kvm_intel", CHIP, 1);
	INOUT(&h, vcpu, "KVM_GET_MSRS", one, one, 0);
	mh_expect_refused(&h, "MSRS_BASES_MISSING");
	mh_close(&h);
}

/* Paging without long mode is not for every back end. */
static void test_no_legacy_paging(void **state)
{
	struct kvm_sregs set = {.cr0 = 0x80000011, .apic_base = 0xfee00900}, got = set;

	open_world(PVM_CHIP);
	IN(&h, vcpu, "KVM_SET_SREGS", set, 0);
	KNOWN(&h, "SREGS_NO_LEGACY_PAGING");
	got.cr0 = 0x11;
	OUT(&h, vcpu, "KVM_GET_SREGS", got, 0);
	mh_expect(&h, MODEL_CONFORMS, NULL);
	mh_close(&h);
	/* Where the back end can, CR0 comes back. */
	open_world(AMD_CHIP);
	IN(&h, vcpu, "KVM_SET_SREGS", set, 0);
	OUT(&h, vcpu, "KVM_GET_SREGS", got, 0);
	mh_expect_refused(&h, "SREGS_NO_LEGACY_PAGING");
	mh_close(&h);
}

/* KVM_GET_XSAVE has room for 4096 bytes. */
static void test_xsave_too_large(void **state)
{
	uint8_t area[4096] = {0};

	for (int wrong = 0; wrong < 2; wrong++) {
		mh_open(&h, "6.12.0", "kvm_intel");
		mh_cap(&h, KVM_CAP_XSAVE2, 12288);
		vm = mh_vm(&h);
		vcpu = mh_vcpu(&h, vm, 0);
		mh_io(&h, vcpu, "KVM_GET_XSAVE", NULL, 0, area, sizeof(area),
		      wrong ? -EDOM : -EINVAL);
		if (wrong)
			mh_expect_refused(&h, "XSAVE_TOO_LARGE");
		else
			assert_true(mh_held(&h, "XSAVE_TOO_LARGE"));
		mh_close(&h);
	}
}

/* The registers of a protected guest: refusal and success are fine, nothing else. */
static void test_protected(void **state)
{
	struct kvm_regs regs = {.rflags = 2};
	uint32_t other;

	mh_open(&h, "6.12.0", "kvm_amd");
	mh_cap(&h, KVM_CAP_VM_TYPES, 0x1f);
	other = mh_object(&h, KVMAPI_VM, 0, UINT64_MAX, 0);
	mh_do(&h, &(struct mh_call){.object = 1,
				    .ioctl = "KVM_CREATE_VM",
				    .arg = 3,
				    .ret = 10 + other,
				    .created = other});
	vm = other;
	vcpu = mh_vcpu(&h, vm, 0);
	OUT(&h, vcpu, "KVM_GET_REGS", regs, -EINVAL);
	assert_true(mh_held(&h, "VCPU_PROTECTED"));
	mh_close(&h);
	open_world(AMD_CHIP);
	OUT(&h, vcpu, "KVM_GET_REGS", regs, -EINVAL);
	mh_expect_refused(&h, "VCPU_PROTECTED");
	mh_close(&h);
}

/* A load of the guest leaves mmio.data alone, a store what is behind its own bytes. */
static void test_mmio_stays(void **state)
{
	static const struct {
		uint8_t write, at;
		bool holds;
	} cases[] = {{0, 0, false}, {0, 7, false}, {1, 1, true}, {1, 2, false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kvm_run in = {.exit_reason = KVM_EXIT_MMIO, .apic_base = 0xfee00900}, out;

		open_world(AMD_CHIP);
		memset(in.mmio.data, 0x55, 8);
		in.ready_for_interrupt_injection = 1;
		in.mmio.len = 2;
		in.mmio.is_write = cases[i].write;
		out = in;
		run(&in, &out, 0);
		assert_true(mh_held(&h, "RUN_MMIO_STAYS"));
		out.mmio.data[cases[i].at] ^= 1;
		run(&in, &out, 0);
		if (cases[i].holds)
			assert_true(mh_held(&h, "RUN_MMIO_STAYS"));
		else
			BAD(&h, "RUN_MMIO_STAYS");
		mh_close(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),		 cmocka_unit_test(test_results),
		cmocka_unit_test(test_machine_check),	 cmocka_unit_test(test_smi),
		cmocka_unit_test(test_task_priority),	 cmocka_unit_test(test_lapic_id),
		cmocka_unit_test(test_tpr_reporting),	 cmocka_unit_test(test_cpuid_count),
		cmocka_unit_test(test_msrs_kept),	 cmocka_unit_test(test_msrs_again),
		cmocka_unit_test(test_msrs_bases),	 cmocka_unit_test(test_common),
		cmocka_unit_test(test_no_legacy_paging), cmocka_unit_test(test_xsave_too_large),
		cmocka_unit_test(test_protected),	 cmocka_unit_test(test_mmio_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
