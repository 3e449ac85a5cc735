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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects),
		cmocka_unit_test(results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
