/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of calls in general: each kept once and broken once. */
#include "model_arch_test.h"

static void objects(void **state)
{
	uint32_t unmade;
	struct mh h;

	mh_open(&h, "6.1.0", "kvm_intel");
	mh_vm(&h);
	HOLDS(&h, "OBJECT_MUST_EXIST");
	unmade = mh_object(&h, KVMAPI_VM, 0, UINT64_MAX, 0);
	mh_value(&h, unmade, "KVM_CREATE_IRQCHIP", 0, 0);
	BAD(&h, "OBJECT_MUST_EXIST");
	mh_close(&h);
}

static void results(void **state)
{
	uint32_t vm, vcpu;
	struct mh h;

	mh_open(&h, "6.1.0", "");
	h.env.arch = KVMAPI_S390;
	vm = mh_vm(&h);
	vcpu = mh_vcpu(&h, vm, 0);
	/* A call for which there is no other rule. */
	mh_value(&h, vcpu, "KVM_S390_STORE_STATUS", 0, -EINVAL);
	HOLDS(&h, "RETURN_ZERO_OR_ERROR");
	mh_value(&h, vcpu, "KVM_S390_STORE_STATUS", 0, -5000);
	BAD(&h, "RETURN_ZERO_OR_ERROR");
	mh_close(&h);
}

/* What a kernel answers to a number that it does not know hangs on architecture and descriptor. */
static void unknown(void **state)
{
	static const struct {
		enum kvmapi_arch arch;
		bool system, vm, vcpu; /* EINVAL instead of ENOTTY */
	} cases[] = {
		{KVMAPI_X86, true, false, true},   {KVMAPI_ARM64, true, true, true},
		{KVMAPI_S390, true, false, false}, {KVMAPI_POWERPC, true, false, true},
		{KVMAPI_RISCV, true, true, true},
	};
	static const char *const rules[] = {"UNKNOWN_SYSTEM_EINVAL", "UNKNOWN_VM_EINVAL",
					    "UNKNOWN_VCPU_EINVAL"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const bool einval[] = {cases[i].system, cases[i].vm, cases[i].vcpu};
		uint32_t objects[] = {1, 0, 0};
		struct mh h;

		mh_open(&h, "6.1.0", "");
		h.env.arch = cases[i].arch;
		objects[1] = mh_vm(&h);
		objects[2] = mh_vcpu(&h, objects[1], 0);
		for (size_t k = 0; k < 3; k++) {
			mh_value(&h, objects[k], "none", 0, einval[k] ? -EINVAL : -ENOTTY);
			if (einval[k])
				KNOWN(&h, rules[k]);
			else
				GOOD(&h, "UNKNOWN_REQUEST_ENOTTY");
			mh_value(&h, objects[k], "none", 0, einval[k] ? -ENOTTY : -EINVAL);
			BAD(&h, einval[k] ? rules[k] : "UNKNOWN_REQUEST_ENOTTY");
		}
		mh_close(&h);
	}
}

/* A call that began before a gap can take effect until it returns, and unseen calls can undo it. */
static void over_gap(void **state)
{
	const struct kvm_userspace_memory_region first = {.memory_size = 4096},
						 second = {.slot = 1, .memory_size = 4096},
						 third = {.slot = 2, .memory_size = 4096};
	const struct tape_gap gap = {.cause = TAPE_GAP_MISSED};
	struct mh_call slow = {.ioctl = "KVM_SET_USER_MEMORY_REGION",
			       .in = &first,
			       .in_len = sizeof(first),
			       .thread = 1};
	struct mh h;

	mh_open(&h, "6.1.0", "kvm_amd");
	slow.object = mh_vm(&h);
	mh_begin(&h, &slow);
	assert_int_equal(model_gap(h.model, &gap), 0);
	mh_io(&h, slow.object, slow.ioctl, &second, sizeof(second), NULL, 0, 0);
	/* The call that is still open may have deleted slot 1. */
	mh_io(&h, slow.object, slow.ioctl, &third, sizeof(third), NULL, 0, 0);
	mh_end(&h, &slow);
	/* What it made, one of the missing calls may have deleted. */
	mh_io(&h, slow.object, slow.ioctl, &third, sizeof(third), NULL, 0, 0);
	assert_int_equal(h.diverged, 0);
	HOLDS(&h, "MEMORY_REGION_SUCCEEDS");
	mh_io(&h, slow.object, slow.ioctl, &second, sizeof(second), NULL, 0, 0);
	BAD(&h, "MEMORY_REGION_OVERLAP");
	mh_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects),
		cmocka_unit_test(results),
		cmocka_unit_test(unknown),
		cmocka_unit_test(over_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
