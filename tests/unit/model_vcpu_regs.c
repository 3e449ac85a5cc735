/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of a vCPU's registers: what SET takes and what GET gives back. */
#include "model_vcpu_test.h"

static int setup(void **state)
{
	vcpu_open("6.12.0", "kvm_amd", CHIP, 0);
	return 0;
}

/* A GET after a SET: the same bytes conform, one flipped byte diverges, and after KVM_RUN anything
 * goes. */
struct pair {
	const char *get, *set;
	uint32_t size;
	const char *get_rule, *set_rule, *same;
	uint32_t at[3]; /* bytes that are promised */
};

static const struct pair pairs[] = {
	{"KVM_GET_REGS",
	 "KVM_SET_REGS",
	 sizeof(struct kvm_regs),
	 "REGS_GET_SUCCEEDS",
	 "REGS_SET_SUCCEEDS",
	 "REGS_SAME",
	 {0, offsetof(struct kvm_regs, rip), offsetof(struct kvm_regs, rflags) + 1}},
	{"KVM_GET_SREGS",
	 "KVM_SET_SREGS",
	 sizeof(struct kvm_sregs),
	 "SREGS_GET_SUCCEEDS",
	 "SREGS_SET_SUCCEEDS",
	 "SREGS_SAME",
	 {0, offsetof(struct kvm_sregs, cr2), offsetof(struct kvm_sregs, idt.limit)}},
	{"KVM_GET_SREGS2",
	 "KVM_SET_SREGS2",
	 sizeof(struct kvm_sregs2),
	 "SREGS2_GET_SUCCEEDS",
	 "SREGS2_SET_SUCCEEDS",
	 "SREGS_SAME",
	 {0, offsetof(struct kvm_sregs2, cr2), offsetof(struct kvm_sregs2, ss.selector)}},
	{"KVM_GET_FPU",
	 "KVM_SET_FPU",
	 sizeof(struct kvm_fpu),
	 "FPU_GET_SUCCEEDS",
	 "FPU_SET_SUCCEEDS",
	 "FPU_SAME",
	 {3, offsetof(struct kvm_fpu, last_ip), offsetof(struct kvm_fpu, xmm) + 9}},
	{"KVM_GET_XCRS",
	 "KVM_SET_XCRS",
	 sizeof(struct kvm_xcrs),
	 "XCRS_GET_SUCCEEDS",
	 "XCRS_SET_SUCCEEDS",
	 "XCRS_SAME",
	 {16, 17, 23}},
	{"KVM_GET_DEBUGREGS",
	 "KVM_SET_DEBUGREGS",
	 sizeof(struct kvm_debugregs),
	 "DEBUGREGS_GET_SUCCEEDS",
	 "DEBUGREGS_SET_SUCCEEDS",
	 "DEBUGREGS_SAME",
	 {0, offsetof(struct kvm_debugregs, dr6), offsetof(struct kvm_debugregs, dr7) + 1}},
	{"KVM_GET_XSAVE2",
	 "KVM_SET_XSAVE",
	 4096,
	 "XSAVE2_GET_SUCCEEDS",
	 "XSAVE_SET_SUCCEEDS",
	 "XSAVE_SAME",
	 {4, 40, 200}},
	{"KVM_GET_XSAVE",
	 "KVM_SET_XSAVE",
	 4096,
	 "XSAVE_GET_SUCCEEDS",
	 "XSAVE_SET_SUCCEEDS",
	 "XSAVE_SAME",
	 {4, 40, 200}},
};

/* Something legal for each of them. */
static void fill(uint8_t *bytes, const struct pair *p)
{
	struct kvm_sregs *s = (struct kvm_sregs *)bytes;

	memset(bytes, 0, 4096);
	if (!strcmp(p->same, "SREGS_SAME")) {
		s->cs.limit = 0xffff;
		s->apic_base = 0xfee00900;
		s->cr2 = 0x1234;
	} else if (!strcmp(p->same, "XCRS_SAME")) {
		((struct kvm_xcrs *)bytes)->nr_xcrs = 1;
		((struct kvm_xcrs *)bytes)->xcrs[0].value = 1;
	} else if (!strcmp(p->same, "REGS_SAME")) {
		((struct kvm_regs *)bytes)->rflags = 2;
	} else if (!strcmp(p->same, "DEBUGREGS_SAME")) {
		((struct kvm_debugregs *)bytes)->dr7 = 0x400;
	} else if (!strcmp(p->same, "XSAVE_SAME")) {
		bytes[512] = 3;
		bytes[0] = 0x7f;
		bytes[1] = 3;
	}
}

static void set_and_get(void **state)
{
	static uint8_t bytes[4096], other[4096];
	struct kvm_run in = {0}, out = {.exit_reason = KVM_EXIT_MMIO,
					.apic_base = 0xfee00900,
					.ready_for_interrupt_injection = 1};

	out.mmio.len = 4;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct pair *p = &pairs[i];

		setup(state);
		fill(bytes, p);
		mh_io(&h, vcpu, p->set, bytes, p->size, NULL, 0, -EDOM);
		BAD(&h, p->set_rule);
		mh_io(&h, vcpu, p->set, bytes, p->size, NULL, 0, 0);
		GOOD(&h, p->set_rule);
		mh_io(&h, vcpu, p->get, NULL, 0, bytes, p->size, 0);
		GOOD(&h, p->same);
		GOOD(&h, p->get_rule);
		for (size_t k = 0; k < 3; k++) {
			mh_io(&h, vcpu, p->set, bytes, p->size, NULL, 0, 0);
			memcpy(other, bytes, p->size);
			other[p->at[k]] ^= 1;
			mh_io(&h, vcpu, p->get, NULL, 0, other, p->size, 0);
			BAD(&h, p->same);
		}
		mh_io(&h, vcpu, p->set, bytes, p->size, NULL, 0, 0);
		run(&in, &out, 0);
		if (strcmp(p->same, "XCRS_SAME")) {
			memcpy(other, bytes, p->size);
			other[p->at[0]] ^= 1;
			mh_io(&h, vcpu, p->get, NULL, 0, other, p->size, 0);
			GOOD(&h, p->get_rule);
		}
		/* What was read is known from then on. */
		mh_io(&h, vcpu, p->get, NULL, 0, bytes, p->size, -ENOTTY);
		BAD(&h, p->get_rule);
		mh_close(&h);
	}
	setup(state);
}

static void flags_of_regs(void **state)
{
	struct kvm_regs regs = {.rflags = 0}, got = {.rflags = 2};
	struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP};

	IN(&h, vcpu, "KVM_SET_REGS", regs, 0);
	OUT(&h, vcpu, "KVM_GET_REGS", got, 0);
	GOOD(&h, "REGS_SAME");
	got.rflags = 0;
	OUT(&h, vcpu, "KVM_GET_REGS", got, 0);
	BAD(&h, "REGS_SAME");
	mh_close(&h);

	setup(state);
	OUT(&h, vcpu, "KVM_GET_REGS", got, 0);
	BAD(&h, "REGS_RFLAGS_FIXED");
	/* Single-stepping hides TF. */
	IN(&h, vcpu, "KVM_SET_GUEST_DEBUG", debug, 0);
	regs.rflags = 0x102;
	IN(&h, vcpu, "KVM_SET_REGS", regs, 0);
	got.rflags = 2;
	OUT(&h, vcpu, "KVM_GET_REGS", got, 0);
	GOOD(&h, "REGS_SAME");
}

static void sregs_refused(void **state)
{
	static const struct {
		uint64_t cr0, cr4, efer;
		uint8_t l;
	} bad[] = {
		{0x80000001, 0, 0x500, 0},    /* long mode without PAE */
		{0x80000001, 0x20, 0x100, 0}, /* without LMA */
		{0x1, 0, 0x400, 0},	      /* LMA without paging */
		{0x1, 0, 0, 1},		      /* 64-bit code without long mode */
	};
	struct kvm_sregs2 s = {.apic_base = 0xfee00900};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s.cr0 = bad[i].cr0;
		s.cr4 = bad[i].cr4;
		s.efer = bad[i].efer;
		s.cs.l = bad[i].l;
		IN(&h, vcpu, "KVM_SET_SREGS2", s, -EINVAL);
		KNOWN(&h, "SREGS_INVALID");
		IN(&h, vcpu, "KVM_SET_SREGS2", s, 0);
		BAD(&h, "SREGS_INVALID");
	}
	s = (struct kvm_sregs2){.apic_base = 0xfee00900, .flags = 2};
	IN(&h, vcpu, "KVM_SET_SREGS2", s, -EINVAL);
	KNOWN(&h, "SREGS2_FLAGS_INVALID");
	s.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	IN(&h, vcpu, "KVM_SET_SREGS2", s, 0);
	BAD(&h, "SREGS2_FLAGS_INVALID");
	/* Bits that a host may or may not have. */
	s.flags = 0;
	s.cr4 = 1 << 20;
	IN(&h, vcpu, "KVM_SET_SREGS2", s, -EINVAL);
	KNOWN(&h, "SREGS_INVALID");
	IN(&h, vcpu, "KVM_SET_SREGS2", s, 0);
	GOOD(&h, "SREGS2_SET_SUCCEEDS");
}

static void sregs_values(void **state)
{
	struct kvm_sregs s = {.apic_base = 0xfee00900};
	struct kvm_sregs2 s2 = {.apic_base = 0xfee00900};

	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	GOOD(&h, "SREGS_ONE_INTERRUPT");
	s.interrupt_bitmap[0] = 1 << 5;
	s.interrupt_bitmap[1] = 1;
	mh_close(&h);

	setup(state);
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	BAD(&h, "SREGS_ONE_INTERRUPT");
	memset(s.interrupt_bitmap, 0, sizeof(s.interrupt_bitmap));
	s.gdt.padding[1] = 1;
	mh_close(&h);

	setup(state);
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	BAD(&h, "SREGS_FILLER_ZERO");
	s.gdt.padding[1] = 0;
	s.cr8 = 16;
	mh_close(&h);

	setup(state);
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	BAD(&h, "SREGS_CR8_FOUR_BITS");
	s.cr8 = 0;
	s.ss.dpl = 4;
	mh_close(&h);

	setup(state);
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	BAD(&h, "SREGS_SEGMENT_BITS");
	s.ss.dpl = 0;
	s.efer = 0x400;
	mh_close(&h);

	setup(state);
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	BAD(&h, "SREGS_LEGAL");
	mh_close(&h);

	/* PAE paging has PDPTRs, nothing else has. */
	setup(state);
	s2.cr0 = 0x80000001;
	s2.cr4 = 0x20;
	OUT(&h, vcpu, "KVM_GET_SREGS2", s2, 0);
	BAD(&h, "SREGS2_PDPTRS_FLAG");
	s2.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	mh_close(&h);

	setup(state);
	OUT(&h, vcpu, "KVM_GET_SREGS2", s2, 0);
	GOOD(&h, "SREGS2_PDPTRS_FLAG");
	/* Both forms show the same registers. */
	s = (struct kvm_sregs){.apic_base = 0xfee00900, .cr0 = s2.cr0, .cr4 = s2.cr4};
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	GOOD(&h, "SREGS_SAME");
	s.cr2 = 1;
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	BAD(&h, "SREGS_SAME");
	mh_close(&h);

	/* One back end takes paging that it cannot do. */
	vcpu_open("6.12.0", "kvm_pvm", CHIP, 0);
	s2.flags = 0;
	IN(&h, vcpu, "KVM_SET_SREGS2", s2, 0);
	KNOWN(&h, "SREGS_NO_LEGACY_PAGING");
	s2.cr0 = 1;
	OUT(&h, vcpu, "KVM_GET_SREGS2", s2, 0);
	GOOD(&h, "SREGS2_GET_SUCCEEDS");
}

static void interrupt_in_both(void **state)
{
	struct kvm_vcpu_events e = {.interrupt = {.injected = 1, .nr = 65}, .flags = 0xd};
	struct kvm_sregs s = {.apic_base = 0xfee00900};

	OUT(&h, vcpu, "KVM_GET_VCPU_EVENTS", e, 0);
	s.interrupt_bitmap[1] = 2;
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	GOOD(&h, "SREGS_INTERRUPT_AS_EVENTS");
	s.interrupt_bitmap[1] = 0;
	mh_close(&h);

	setup(state);
	OUT(&h, vcpu, "KVM_GET_VCPU_EVENTS", e, 0);
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	BAD(&h, "SREGS_INTERRUPT_AS_EVENTS");
}

static void extended_state(void **state)
{
	static uint8_t x[4096];

	memset(x, 0, sizeof(x));
	x[0] = 0x7f;
	x[1] = 3;
	x[24] = 0x80;
	x[25] = 0x1f;
	OUT(&h, vcpu, "KVM_GET_XSAVE2", x, 0);
	GOOD(&h, "XSAVE_INITIAL");
	assert_true(mh_held(&h, "XSAVE_INITIAL_LEGACY"));
	static const struct {
		uint32_t at;
		const char *rule;
	} bad[] = {
		{0, "XSAVE_INITIAL_LEGACY"},  {8, "XSAVE_INITIAL_LEGACY"},
		{40, "XSAVE_INITIAL_LEGACY"}, {170, "XSAVE_INITIAL_LEGACY"},
		{25, "XSAVE_INITIAL_LEGACY"}, {530, "XSAVE_HEADER_ZERO"},
		{600, "XSAVE_INITIAL"},	      {4000, "XSAVE_INITIAL"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		mh_close(&h);
		setup(state);
		x[bad[i].at] ^= 0x40;
		OUT(&h, vcpu, "KVM_GET_XSAVE2", x, 0);
		BAD(&h, bad[i].rule);
		x[bad[i].at] ^= 0x40;
	}
	mh_close(&h);
	setup(state);
	x[519] = 0x80;
	OUT(&h, vcpu, "KVM_GET_XSAVE2", x, 0);
	BAD(&h, "XSAVE_HEADER_BITS");
	mh_close(&h);

	setup(state);
	IN(&h, vcpu, "KVM_SET_XSAVE", x, -EINVAL);
	KNOWN(&h, "XSAVE_INVALID");
	mh_close(&h);

	vcpu_open("6.12.0", "kvm_amd", CHIP, 0);
	x[519] = 0;
	OUT(&h, vcpu, "KVM_GET_XSAVE", x, -EINVAL);
	BAD(&h, "XSAVE_GET_SUCCEEDS");
	mh_close(&h);
	mh_open(&h, "6.12.0", "kvm_intel");
	mh_cap(&h, KVM_CAP_XSAVE2, 11008);
	vm = mh_vm(&h);
	vcpu = mh_vcpu(&h, vm, 0);
	OUT(&h, vcpu, "KVM_GET_XSAVE", x, -EINVAL);
	KNOWN(&h, "XSAVE_TOO_LARGE");
}

static void fillers(void **state)
{
	struct kvm_fpu fpu = {.mxcsr = 1};
	struct kvm_debugregs d = {.flags = 1};
	struct kvm_xcrs x = {.nr_xcrs = 1, .xcrs = {{.value = 1}}};

	OUT(&h, vcpu, "KVM_GET_FPU", fpu, 0);
	BAD(&h, "FPU_FILLER_ZERO");
	OUT(&h, vcpu, "KVM_GET_DEBUGREGS", d, 0);
	BAD(&h, "DEBUGREGS_FILLER_ZERO");
	IN(&h, vcpu, "KVM_SET_DEBUGREGS", d, -EINVAL);
	GOOD(&h, "DEBUGREGS_FLAGS_CLEAR");
	IN(&h, vcpu, "KVM_SET_DEBUGREGS", d, 0);
	BAD(&h, "DEBUGREGS_FLAGS_CLEAR");
	d = (struct kvm_debugregs){.dr7 = 1ull << 32};
	IN(&h, vcpu, "KVM_SET_DEBUGREGS", d, -EINVAL);
	KNOWN(&h, "DEBUGREGS_HIGH_INVALID");
	mh_close(&h);

	setup(state);
	OUT(&h, vcpu, "KVM_GET_DEBUGREGS", d, 0);
	BAD(&h, "DEBUGREGS_HIGH_ZERO");
	x.padding[3] = 1;
	OUT(&h, vcpu, "KVM_GET_XCRS", x, 0);
	BAD(&h, "XCRS_FILLER_ZERO");
	mh_close(&h);

	setup(state);
	x.padding[3] = 0;
	x.nr_xcrs = 17;
	OUT(&h, vcpu, "KVM_GET_XCRS", x, 0);
	BAD(&h, "XCRS_COUNT");
	IN(&h, vcpu, "KVM_SET_XCRS", x, -EINVAL);
	KNOWN(&h, "XCRS_INVALID");
	IN(&h, vcpu, "KVM_SET_XCRS", x, 0);
	BAD(&h, "XCRS_INVALID");
	mh_close(&h);

	setup(state);
	x.nr_xcrs = 1;
	x.xcrs[0].xcr = 1;
	OUT(&h, vcpu, "KVM_GET_XCRS", x, 0);
	BAD(&h, "XCRS_ONLY_XCR0");
	mh_close(&h);

	setup(state);
	x.xcrs[0].xcr = 0;
	x.xcrs[0].value = 5;
	OUT(&h, vcpu, "KVM_GET_XCRS", x, 0);
	BAD(&h, "XCRS_XCR0_LEGAL");
	x.xcrs[0].value = 2;
	IN(&h, vcpu, "KVM_SET_XCRS", x, 0);
	BAD(&h, "XCRS_INVALID");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(set_and_get, NULL, teardown),
		cmocka_unit_test_setup_teardown(flags_of_regs, setup, teardown),
		cmocka_unit_test_setup_teardown(sregs_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(sregs_values, setup, teardown),
		cmocka_unit_test_setup_teardown(interrupt_in_both, setup, teardown),
		cmocka_unit_test_setup_teardown(extended_state, setup, teardown),
		cmocka_unit_test_setup_teardown(fillers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
