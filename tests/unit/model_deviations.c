/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules that came of docs/findings.md: answers that live kernels gave, and others that none gives.
 */
#include <errno.h>

#include "model_vcpu_test.h"

/* D-88: what is above INT_MAX comes back as a negative result. */
static void test_frequency(void **state)
{
	static const struct {
		uint32_t khz;
		int64_t right, wrong;
	} cases[] = {
		{0xffffffff, -EPERM, 0x7fffffff},
		{0xfffffff3, -EACCES, -EINVAL},
		{0x80000000, INT32_MIN, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		vcpu_open("6.12.0", "kvm_amd", CHIP, 1);
		mh_value(&h, vcpu, "KVM_SET_TSC_KHZ", cases[i].khz, 0);
		mh_value(&h, vcpu, "KVM_GET_TSC_KHZ", 0, cases[i].right);
		assert_true(mh_held(&h, "TSC_KHZ_NEGATIVE"));
		mh_value(&h, vcpu, "KVM_GET_TSC_KHZ", 0, cases[i].wrong);
		BAD(&h, "TSC_KHZ_NEGATIVE");
		mh_close(&h);
	}
}

/* D-40: 5.10 takes any number for a state, and reads it back. */
static void test_any_mp_state(void **state)
{
	struct kvm_mp_state mp = {.mp_state = KVM_MP_STATE_SUSPENDED};

	(void)state;
	vcpu_open("5.10.0", "kvm_amd", CHIP, 1);
	IN(&h, vcpu, "KVM_SET_MP_STATE", mp, 0);
	assert_true(mh_held(&h, "MP_STATE_ANY"));
	OUT(&h, vcpu, "KVM_GET_MP_STATE", mp, 0);
	assert_true(mh_held(&h, "MP_STATE_ANY"));
	IN(&h, vcpu, "KVM_SET_MP_STATE", mp, -ENXIO);
	mh_expect_refused(&h, "MP_STATE_ANY");
	mh_close(&h);
	vcpu_open("6.1.0", "kvm_amd", CHIP, 1);
	IN(&h, vcpu, "KVM_SET_MP_STATE", mp, 0);
	BAD(&h, "MP_STATE_UNKNOWN");
	mh_close(&h);
	vcpu_open("5.10.0", "kvm_amd", NO_CHIP, 1);
	IN(&h, vcpu, "KVM_SET_MP_STATE", mp, 0);
	BAD(&h, "MP_STATE_UNKNOWN");
	mh_close(&h);
}

/* D-55: whoever does not know of pending exceptions sees one as injected. */
static void test_pending_exception(void **state)
{
	struct kvm_vcpu_events events = {
		.exception = {.nr = 1, .injected = 1, .pending = 1},
		.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW |
			 KVM_VCPUEVENT_VALID_SMM,
	};

	(void)state;
	vcpu_open("6.12.0", "kvm_amd", CHIP, 1);
	OUT(&h, vcpu, "KVM_GET_VCPU_EVENTS", events, 0);
	assert_true(mh_held(&h, "EVENTS_PENDING_INJECTED"));
	mh_close(&h);
	vcpu_open("6.12.0", "kvm_amd", CHIP, 1);
	events.exception.injected = 0;
	OUT(&h, vcpu, "KVM_GET_VCPU_EVENTS", events, 0);
	BAD(&h, "EVENTS_PENDING_INJECTED");
	mh_close(&h);
}

/* D-35: the limit is that of ids, which is the kernel's configuration; the limit itself is taken.
 */
static void test_boot_processor(void **state)
{
	(void)state;
	mh_open(&h, "6.12.0", "kvm_amd");
	mh_cap(&h, KVM_CAP_MAX_VCPU_ID, 16384);
	vm = mh_vm(&h);
	mh_value(&h, vm, "KVM_SET_BOOT_CPU_ID", 4097, 0);
	assert_true(mh_held(&h, "SET_BOOT_CPU_SUCCEEDS"));
	mh_value(&h, vm, "KVM_SET_BOOT_CPU_ID", 16384, 0);
	assert_true(mh_held(&h, "SET_BOOT_CPU_SUCCEEDS"));
	mh_value(&h, vm, "KVM_SET_BOOT_CPU_ID", 16385, -EINVAL);
	assert_true(mh_held(&h, "SET_BOOT_CPU_RANGE"));
	mh_value(&h, vm, "KVM_SET_BOOT_CPU_ID", 16385, 0);
	BAD(&h, "SET_BOOT_CPU_RANGE");
	mh_close(&h);
}

/* D-31: dirty rings came with 5.11. */
static void test_no_rings_yet(void **state)
{
	(void)state;
	mh_open(&h, "5.10.0", "kvm_amd");
	vm = mh_vm(&h);
	mh_value(&h, vm, "KVM_RESET_DIRTY_RINGS", 0, -ENOTTY);
	assert_true(mh_held(&h, "UNKNOWN_REQUEST_ENOTTY"));
	mh_value(&h, vm, "KVM_RESET_DIRTY_RINGS", 0, -EINVAL);
	BAD(&h, "UNKNOWN_REQUEST_ENOTTY");
	mh_close(&h);
}

/* D-22: newer kernels write how many entries there are, older ones may leave nent as it was. */
static void test_cpuid_count(void **state)
{
	struct kvm_cpuid2 ten = {.nent = 10}, none = {.nent = 0};

	(void)state;
	vcpu_open("6.12.0", "kvm_amd", CHIP, 1);
	INOUT(&h, vcpu, "KVM_GET_CPUID2", ten, none, 0);
	GOOD(&h, NULL);
	assert_true(mh_held(&h, "CPUID_GET_COUNT"));
	INOUT(&h, vcpu, "KVM_GET_CPUID2", ten, ten, 0);
	BAD(&h, "CPUID_GET_COUNT");
	mh_close(&h);
	vcpu_open("6.1.0", "kvm_amd", CHIP, 1);
	INOUT(&h, vcpu, "KVM_GET_CPUID2", ten, ten, 0);
	assert_true(mh_held(&h, "CPUID_GET_COUNT"));
	mh_close(&h);
}

/* D-107: without a memory slot there are no pages for page tables. */
static void test_no_mmu_pages(void **state)
{
	struct kvm_userspace_memory_region slot = {.memory_size = 4096, .userspace_addr = 4096};
	struct kvm_run page = {.exit_reason = 0};

	(void)state;
	vcpu_open("6.1.0", "kvm_amd", CHIP, 1);
	run(&page, &page, -ENOSPC);
	assert_true(mh_held(&h, "RUN_NO_MMU_PAGES"));
	IN(&h, vm, "KVM_SET_USER_MEMORY_REGION", slot, 0);
	run(&page, &page, -ENOSPC);
	mh_expect_refused(&h, "RUN_NO_MMU_PAGES");
	mh_close(&h);
}

/* D-04: any call of another process; of the same one EIO is not explained by that. */
static void test_foreign_process(void **state)
{
	struct mh_call c = {.ioctl = "KVM_NMI", .ret = -EIO, .thread = 3};

	(void)state;
	vcpu_open("6.12.0", "kvm_amd", CHIP, 1);
	c.object = vcpu;
	mh_do(&h, &c);
	KNOWN(&h, "FOREIGN_PROCESS_EIO");
	c.object = vm;
	c.ioctl = "KVM_SET_BOOT_CPU_ID";
	mh_do(&h, &c);
	KNOWN(&h, "FOREIGN_PROCESS_EIO");
	c.ioctl = "KVM_NO_SUCH_REQUEST";
	mh_do(&h, &c);
	KNOWN(&h, "FOREIGN_PROCESS_EIO");
	/* Processes may share their memory. */
	c.object = vcpu;
	c.ioctl = "KVM_NMI";
	c.ret = 0;
	mh_do(&h, &c);
	GOOD(&h, "NMI_SUCCEEDS");
	c.ret = -EDOM;
	mh_do(&h, &c);
	mh_expect_refused(&h, "FOREIGN_PROCESS_EIO");
	mh_value(&h, vcpu, "KVM_NMI", 0, -EIO);
	OPEN(&h);
	assert_false(mh_held(&h, "FOREIGN_PROCESS_EIO"));
	mh_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frequency),	  cmocka_unit_test(test_any_mp_state),
		cmocka_unit_test(test_pending_exception), cmocka_unit_test(test_boot_processor),
		cmocka_unit_test(test_no_rings_yet),	  cmocka_unit_test(test_foreign_process),
		cmocka_unit_test(test_no_mmu_pages),	  cmocka_unit_test(test_cpuid_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
