/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of MSRs and CPUID. */
#include "model_vcpu_test.h"

static int setup(void **state)
{
	vcpu_open("6.12.0", "kvm_amd", CHIP, 0);
	return 0;
}

#define MAX 4
struct msrs {
	uint32_t nmsrs, pad;
	struct kvm_msr_entry e[MAX];
};

static struct msrs list(uint32_t n, uint32_t index, uint64_t data)
{
	struct msrs m = {.nmsrs = n};

	for (uint32_t i = 0; i < n && i < MAX; i++)
		m.e[i] = (struct kvm_msr_entry){.index = index, .data = data};
	return m;
}

static void set_and_get(void **state)
{
	static const struct {
		uint32_t index;
		uint64_t set, get;
		bool same;
	} cases[] = {
		{0xc0000082, 0xffffffff81000000, 0xffffffff81000000, true}, /* LSTAR */
		{0xc0000082, 0xffffffff81000000, 0xffffffff81000001, false},
		{0x277, 0x0007040600070406, 0x0007040600070407, false}, /* PAT */
		{0x176, 0x1123456789, 0x23456789, true},		/* AMD keeps 32 bits */
		{0x176, 0x123456789, 0x23456788, false},
		{0xc0000080, 0x901, 0xd01, true}, /* LMA is not for userspace */
		{0xc0000080, 0x901, 0x900, false},
		{0xc0000103, 0, 0, true}, /* TSC_AUX */
		{0xc0000103, 0, 5, false},
		{0xc0000103, 5, 0, true}, /* might have been ignored */
		{0x10, 5, 1234567, true}, /* time passes */
		{0x400, 5, 1, true},	  /* no banks were set up */
		{0x400, 0, 1, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct msrs in = list(1, cases[i].index, cases[i].set),
			    out = list(1, cases[i].index, cases[i].get);

		if (i) {
			mh_close(&h);
			setup(state);
		}
		IN(&h, vcpu, "KVM_SET_MSRS", in, 1);
		GOOD(&h, "MSRS_COUNT");
		INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, 1);
		if (cases[i].same)
			GOOD(&h, "MSRS_COUNT_UP_TO");
		else
			BAD(&h, "MSRS_SAME");
	}
}

static void banks(void **state)
{
	uint64_t cap = 2;
	struct msrs in = list(1, 0x404, UINT64_MAX), out = in;

	IN(&h, vcpu, "KVM_X86_SETUP_MCE", cap, 0);
	IN(&h, vcpu, "KVM_SET_MSRS", in, 1);
	INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, 1);
	GOOD(&h, "MSRS_SAME");
	out.e[0].data = 0;
	INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, 1);
	BAD(&h, "MSRS_SAME");
	IN(&h, vcpu, "KVM_SET_MSRS", in, 0);
	BAD(&h, "MSRS_WRITE_AGAIN");
	in = list(1, 0x179, 0);
	out = list(1, 0x179, cap);
	INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, 1);
	GOOD(&h, "MSRS_MCG_CAP");
	mh_close(&h);

	setup(state);
	IN(&h, vcpu, "KVM_X86_SETUP_MCE", cap, 0);
	out.e[0].data = 3;
	INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, 1);
	BAD(&h, "MSRS_MCG_CAP");
}

static void counts(void **state)
{
	struct msrs in = list(3, 0x12345678, 7), out;

	in.e[1].index++;
	in.e[2].index += 2;
	out = in;
	INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, 1);
	GOOD(&h, "MSRS_COUNT");
	INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, 0);
	BAD(&h, "MSRS_READ_AGAIN");
	INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, 4);
	BAD(&h, "MSRS_COUNT_UP_TO");
	INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, -EINVAL);
	BAD(&h, "MSRS_COUNT");
	out.e[2].data = 8;
	INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, 1);
	BAD(&h, "MSRS_REST_STAYS");
	out = in;
	out.e[1].index++;
	INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, 3);
	BAD(&h, "MSRS_INDEX_STAYS");
	out = in;
	out.pad = 1;
	INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, 3);
	BAD(&h, "MSRS_HEADER_STAYS");
	in = out = list(256, 0x10, 0);
	INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, -E2BIG);
	KNOWN(&h, "MSRS_TOO_MANY");
	IN(&h, vcpu, "KVM_SET_MSRS", in, 4);
	BAD(&h, "MSRS_TOO_MANY");
	/* An MSR that every vCPU has. */
	in = list(2, 0xc0000081, 1);
	IN(&h, vcpu, "KVM_SET_MSRS", in, 1);
	BAD(&h, "MSRS_WRITE_AGAIN");
}

/* Registers that are special registers and MSRs at once. */
static void twice(void **state)
{
	struct kvm_sregs s = {.apic_base = 0xfee00900, .fs = {.base = 0x7000}};
	struct msrs in = list(1, 0xc0000100, 0), out = list(1, 0xc0000100, 0x7000);

	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, 1);
	GOOD(&h, "MSRS_SAME");
	out.e[0].data = 0x7001;
	INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, 1);
	BAD(&h, "MSRS_SAME");
	in = list(1, 0xc0000100, 0x8000);
	IN(&h, vcpu, "KVM_SET_MSRS", in, 1);
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	BAD(&h, "SREGS_SAME");
	mh_close(&h);

	setup(state);
	IN(&h, vcpu, "KVM_SET_MSRS", in, 1);
	s.fs.base = 0x8000;
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	GOOD(&h, "SREGS_AS_MSRS");
	mh_close(&h);

	setup(state);
	IN(&h, vcpu, "KVM_SET_MSRS", in, 1);
	s.fs.base = 0x9000;
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	BAD(&h, "SREGS_AS_MSRS");
}

struct cpuid {
	uint32_t nent, padding;
	struct kvm_cpuid_entry2 e[3];
};

static void cpuid(void **state)
{
	struct cpuid in = {.nent = 2, .e = {{.function = 0, .ebx = 5}, {.function = 1, .ecx = 9}}};
	struct cpuid room = {.nent = 3}, out = in;
	struct kvm_run before = {0}, after = {.exit_reason = KVM_EXIT_MMIO,
					      .apic_base = 0xfee00900,
					      .ready_for_interrupt_injection = 1};

	after.mmio.len = 4;
	IN(&h, vcpu, "KVM_SET_CPUID2", in, -EINVAL);
	BAD(&h, "CPUID_SET_SUCCEEDS");
	IN(&h, vcpu, "KVM_SET_CPUID2", in, 0);
	GOOD(&h, "CPUID_SET_SUCCEEDS");
	out.e[1].ecx = 8; /* follows the vCPU's state */
	INOUT(&h, vcpu, "KVM_GET_CPUID2", room, out, 0);
	GOOD(&h, "CPUID_SAME");
	out.e[0].ebx = 6;
	INOUT(&h, vcpu, "KVM_GET_CPUID2", room, out, 0);
	BAD(&h, "CPUID_SAME");
	out = in;
	out.nent = 1;
	INOUT(&h, vcpu, "KVM_GET_CPUID2", room, out, 0);
	BAD(&h, "CPUID_GET_COUNT");
	room.nent = 1;
	INOUT(&h, vcpu, "KVM_GET_CPUID2", room, room, -E2BIG);
	KNOWN(&h, "CPUID_GET_TOO_SMALL");
	INOUT(&h, vcpu, "KVM_GET_CPUID2", room, room, 0);
	BAD(&h, "CPUID_GET_TOO_SMALL");
	room.nent = 3;
	INOUT(&h, vcpu, "KVM_GET_CPUID2", room, room, -E2BIG);
	BAD(&h, "CPUID_GET_SUCCEEDS");
	run(&before, &after, 0);
	in.nent = 3;
	IN(&h, vcpu, "KVM_SET_CPUID2", in, -EINVAL);
	KNOWN(&h, "CPUID_AFTER_RUN");
	IN(&h, vcpu, "KVM_SET_CPUID2", in, 0);
	BAD(&h, "CPUID_AFTER_RUN");
	in.nent = 257;
	IN(&h, vcpu, "KVM_SET_CPUID2", in, -E2BIG);
	KNOWN(&h, "CPUID_TOO_MANY");
	IN(&h, vcpu, "KVM_SET_CPUID", in, -E2BIG);
	KNOWN(&h, "CPUID_TOO_MANY");
	mh_close(&h);

	setup(state);
	in.nent = 2;
	in.e[0] = (struct kvm_cpuid_entry2){.function = 0x80000008, .eax = 50 << 8};
	IN(&h, vcpu, "KVM_SET_CPUID2", in, -EINVAL);
	KNOWN(&h, "CPUID_ADDRESS_WIDTH");
	in.e[0] = (struct kvm_cpuid_entry2){.function = 0xd, .eax = 1 << 18};
	IN(&h, vcpu, "KVM_SET_CPUID2", in, -EPERM);
	KNOWN(&h, "CPUID_DYNAMIC_FEATURE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(set_and_get, setup, teardown),
		cmocka_unit_test_setup_teardown(banks, setup, teardown),
		cmocka_unit_test_setup_teardown(counts, setup, teardown),
		cmocka_unit_test_setup_teardown(twice, setup, teardown),
		cmocka_unit_test_setup_teardown(cpuid, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
