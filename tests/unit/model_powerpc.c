/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of Power: each kept once and broken once. */
#include "model_arch_test.h"

#define WIDER (1ull << 52)

static struct mh h;
static uint32_t vm, vcpu;

static int setup(void **state)
{
	mh_open(&h, "6.1.0", "");
	h.env.arch = KVMAPI_POWERPC;
	mh_cap(&h, KVM_CAP_MAX_VCPUS, 4);
	mh_cap(&h, KVM_CAP_MAX_VCPU_ID, 8);
	mh_cap(&h, KVM_CAP_PPC_RTAS, 1);
	mh_cap(&h, KVM_CAP_IRQ_XICS, 1);
	vm = mh_vm(&h);
	vcpu = mh_vcpu(&h, vm, 0);
	return 0;
}

static int teardown(void **state)
{
	mh_close(&h);
	return 0;
}

/* The widths of A-4.68-01 to 06. */
static void widths(void **state)
{
	static const struct {
		uint64_t id;
		uint32_t bytes;
	} regs[] = {
		{KVM_REG_PPC_SPRG9, 8},	      {KVM_REG_PPC_DBSR, 4},
		{KVM_REG_PPC_ARCH_COMPAT, 4}, {KVM_REG_PPC_DABRX, 4},
		{KVM_REG_PPC_WORT, 8},	      {KVM_REG_PPC_TM_GPR0, 8},
		{KVM_REG_PPC_TM_GPR(17), 8},  {KVM_REG_PPC_TM_GPR31, 8},
	};
	static const uint8_t bytes[16];

	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		uint64_t id = regs[i].id;

		reg_bytes(&h, vcpu, false, id, bytes, regs[i].bytes, 0);
		GOOD(&h, "PPC_REG_KNOWN");
		HOLDS(&h, "PPC_REG_TRANSFER");
		reg_bytes(&h, vcpu, false, id, bytes, regs[i].bytes == 4 ? 8 : 4, 0);
		BAD(&h, "PPC_REG_TRANSFER");
		reg_get(&h, vcpu, id, 0, -EINVAL);
		ALLOWED(&h, "PPC_REG_ABSENT");
		reg_get(&h, vcpu, id + WIDER, 0, -EINVAL);
		GOOD(&h, "PPC_REG_WIDTH");
		reg_get(&h, vcpu, id + WIDER, 0, 0);
		BAD(&h, "PPC_REG_WIDTH");
		reg_get(&h, vcpu, id - WIDER, 0, 0);
		BAD(&h, "PPC_REG_WIDTH");
	}
	reg_get(&h, vcpu, 0x6030000000100000, 0, -EINVAL);
	GOOD(&h, "PPC_REG_FOREIGN");
	reg_get(&h, vcpu, 0x6030000000100000, 0, 0);
	BAD(&h, "PPC_REG_FOREIGN");
}

static void values(void **state)
{
	static const uint64_t ids[] = {KVM_REG_PPC_DAR, KVM_REG_PPC_DSISR, KVM_REG_PPC_FPR0,
				       KVM_REG_PPC_WORT, KVM_REG_PPC_TM_GPR(3)};
	const struct kvm_run out = {.exit_reason = KVM_EXIT_PAPR_HCALL};

	for (size_t i = 0; i < 5; i++) {
		reg_set(&h, vcpu, ids[i], 0x1234, 0);
		GOOD(&h, "PPC_REG_KNOWN");
		reg_get(&h, vcpu, ids[i], 0x1234, 0);
		HOLDS(&h, "PPC_REG_SAME");
		reg_get(&h, vcpu, ids[i], 0x1235, 0);
		BAD(&h, "PPC_REG_SAME");
		reg_set(&h, vcpu, ids[i], 0x1234, 0);
		run_exit(&h, vcpu, &out, 0);
		GOOD(&h, "ARCH_RUN");
		reg_get(&h, vcpu, ids[i], 0x9999, 0);
		GOOD(&h, "PPC_REG_KNOWN");
	}
	reg_get(&h, vcpu, KVM_REG_PPC_DAR, 0, -EINVAL);
	BAD(&h, "PPC_REG_KNOWN");
	mh_expect_refused(&h, "PPC_REG_ABSENT");
}

static void token(const char *name, uint64_t number, int64_t ret)
{
	struct kvm_rtas_token_args args = {.token = number};

	strcpy(args.name, name);
	mh_io(&h, vm, "KVM_PPC_RTAS_DEFINE_TOKEN", &args, sizeof(args), NULL, 0, ret);
}

static void rtas(void **state)
{
	token("ibm,set-xive", 1, -ENOTTY);
	BAD(&h, "PPC_RTAS_DEFINED");
	mh_expect_refused(&h, "PPC_RTAS_UNSUPPORTED");
	token("ibm,set-xive", 1, 0);
	GOOD(&h, "PPC_RTAS_DEFINED");
	token("ibm,int-on", 1, -EEXIST);
	KNOWN(&h, "PPC_RTAS_TAKEN");
	token("ibm,int-on", 1, 0);
	BAD(&h, "PPC_RTAS_TAKEN");
	token("ibm,set-xive", 0, 0);
	GOOD(&h, "PPC_RTAS_FORGOTTEN");
	token("ibm,set-xive", 0, -ENOENT);
	BAD(&h, "PPC_RTAS_FORGOTTEN");
	token("ibm,int-on", 1, -EEXIST);
	BAD(&h, "PPC_RTAS_DEFINED");
	token("ibm,int-on", 1, 0);
	GOOD(&h, "PPC_RTAS_DEFINED");
	token("none", 2, -ENOENT);
	GOOD(&h, "PPC_RTAS_NO_SERVICE");
	token("none", 2, 0);
	BAD(&h, "PPC_RTAS_NO_SERVICE");
	mh_close(&h);
	mh_open(&h, "6.1.0", "");
	h.env.arch = KVMAPI_POWERPC;
	mh_cap(&h, KVM_CAP_PPC_RTAS, 0);
	vm = mh_vm(&h);
	token("ibm,set-xive", 1, -ENOTTY);
	GOOD(&h, "PPC_RTAS_UNSUPPORTED");
	token("ibm,set-xive", 1, 0);
	BAD(&h, "PPC_RTAS_UNSUPPORTED");
	token("ibm,set-xive", 0, 0);
	BAD(&h, "PPC_RTAS_UNSUPPORTED");
}

static void others(void **state)
{
	struct kvm_run out = {.exit_reason = KVM_EXIT_ARM_NISV};
	uint32_t mp = 0, debug[8] = {KVM_GUESTDBG_ENABLE};

	mh_value(&h, vm, "KVM_CREATE_VCPU", 0, -EINVAL);
	KNOWN(&h, "PPC_CREATE_VCPU_TAKEN");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 0, 9);
	BAD(&h, "PPC_CREATE_VCPU_TAKEN");
	mh_io(&h, vcpu, "KVM_GET_MP_STATE", NULL, 0, &mp, sizeof(mp), -EINVAL);
	KNOWN(&h, "ARCH_MP_STATE_NONE");
	mp_set(&h, vcpu, 0, 0);
	BAD(&h, "ARCH_MP_STATE_NONE");
	mh_io(&h, vcpu, "KVM_SET_GUEST_DEBUG", debug, sizeof(debug), NULL, 0, 0);
	GOOD(&h, "ARCH_GUEST_DEBUG");
	mh_io(&h, vcpu, "KVM_SET_GUEST_DEBUG", debug, sizeof(debug), NULL, 0, -EINVAL);
	BAD(&h, "ARCH_GUEST_DEBUG");
	run_exit(&h, vcpu, &out, 0);
	BAD(&h, "ARCH_RUN_REASON");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(widths, setup, teardown),
		cmocka_unit_test_setup_teardown(values, setup, teardown),
		cmocka_unit_test_setup_teardown(rtas, setup, teardown),
		cmocka_unit_test_setup_teardown(others, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
