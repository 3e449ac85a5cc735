/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of KVM_ENABLE_CAP on x86, VM and vCPU: arguments, order, privilege, what is taken silently.
 */
#include "model_vcpu_test.h"

static int setup(void **state)
{
	host_open(&h, "7.2.0", "kvm_amd");
	vm = mh_vm(&h);
	return 0;
}

static void again(const char *release, const char *backend)
{
	mh_close(&h);
	host_open(&h, release, backend);
	vm = mh_vm(&h);
}

static void enable(uint32_t object, uint32_t cap, uint64_t arg, uint32_t flags, int64_t ret)
{
	struct kvm_enable_cap c = {.cap = cap, .flags = flags, .args = {arg}};

	IN(&h, object, "KVM_ENABLE_CAP", c, ret);
}

/* What happens before the call. */
enum before { FRESH, WITH_VCPU, WITH_CHIP, WITH_SPLIT, WITH_LIMIT, WITH_LIMIT_0, WITH_BOOT_CPU };

static void prepare(enum before before)
{
	switch (before) {
	case WITH_VCPU:
		mh_vcpu(&h, vm, 0);
		break;
	case WITH_CHIP:
		mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
		break;
	case WITH_SPLIT:
		enable(vm, KVM_CAP_SPLIT_IRQCHIP, 24, 0, 0);
		break;
	case WITH_LIMIT:
	case WITH_LIMIT_0:
		enable(vm, KVM_CAP_MAX_VCPU_ID, before == WITH_LIMIT ? 8 : 0, 0, 0);
		break;
	case WITH_BOOT_CPU:
		mh_value(&h, vm, "KVM_SET_BOOT_CPU_ID", 3, 0);
		break;
	default:
		break;
	}
}

/* A call whose result is demanded: as it should be, and otherwise. */
static void demands(void **state)
{
	static const struct {
		const char *release, *backend;
		enum before before;
		uint32_t cap, flags;
		uint64_t arg;
		int right; /* errno */
		const char *rule;
	} cases[] = {
		{"6.1.0", "kvm_amd", FRESH, KVM_CAP_DIRTY_LOG_RING, 1, 65536, 0,
		 "DIRTY_RING_FLAGS"},
		{"6.1.0", "kvm_amd", WITH_LIMIT, KVM_CAP_MAX_VCPU_ID, 0, 8, 0,
		 "ENABLE_CAP_SUCCEEDS"},
		{"6.1.0", "kvm_amd", WITH_LIMIT, KVM_CAP_MAX_VCPU_ID, 0, 9, EINVAL,
		 "MAX_VCPU_ID_ONCE"},
		{"6.1.0", "kvm_amd", WITH_LIMIT_0, KVM_CAP_MAX_VCPU_ID, 0, 9, 0,
		 "ENABLE_CAP_SUCCEEDS"},
		{"6.1.0", "kvm_amd", WITH_VCPU, KVM_CAP_MAX_VCPU_ID, 0, 16, 0,
		 "ENABLE_CAP_SUCCEEDS"},
		{"6.1.0", "kvm_amd", WITH_VCPU, KVM_CAP_MAX_VCPU_ID, 0, 4, EINVAL,
		 "MAX_VCPU_ID_ONCE"},
		{"6.1.0", "kvm_amd", WITH_BOOT_CPU, KVM_CAP_MAX_VCPU_ID, 0, 2, 0,
		 "ENABLE_CAP_SUCCEEDS"},
		{"6.12.0", "kvm_amd", WITH_BOOT_CPU, KVM_CAP_MAX_VCPU_ID, 0, 2, EINVAL,
		 "MAX_VCPU_ID_BOOT"},
		{"7.2.0", "kvm_amd", WITH_SPLIT, KVM_CAP_X2APIC_API, 0, 4, 0,
		 "ENABLE_CAP_SUCCEEDS"},
		{"7.2.0", "kvm_amd", WITH_CHIP, KVM_CAP_X2APIC_API, 0, 4, EINVAL,
		 "X2APIC_NEEDS_SPLIT"},
		{"7.2.0", "kvm_amd", WITH_SPLIT, KVM_CAP_X2APIC_API, 0, 12, EINVAL,
		 "ENABLE_CAP_INVALID"},
		{"6.1.0", "kvm_amd", FRESH, KVM_CAP_X2APIC_API, 0, 16, EINVAL,
		 "ENABLE_CAP_INVALID"},
		{"7.2.0", "kvm_amd", FRESH, KVM_CAP_X86_DISABLE_EXITS, 0, 2, EINVAL,
		 "ENABLE_CAP_INVALID"},
		{"7.2.0", "kvm_amd", WITH_VCPU, KVM_CAP_X86_DISABLE_EXITS, 0, 4, EINVAL,
		 "ENABLE_CAP_BEFORE_VCPUS"},
		{"6.1.0", "kvm_amd", WITH_VCPU, KVM_CAP_X86_DISABLE_EXITS, 0, 4, 0,
		 "DISABLE_EXITS_SILENT"},
		{"6.1.0", "kvm_amd", FRESH, KVM_CAP_X86_DISABLE_EXITS, 0, 2, 0,
		 "DISABLE_EXITS_SILENT"},
		{"6.1.0", "kvm_amd", FRESH, KVM_CAP_X86_DISABLE_EXITS, 0, 16, EINVAL,
		 "ENABLE_CAP_INVALID"},
		{"6.1.0", "kvm_amd", FRESH, KVM_CAP_X86_BUS_LOCK_EXIT, 0, 2, 0, "BUS_LOCK_SILENT"},
		{"6.1.0", "kvm_amd", FRESH, KVM_CAP_X86_BUS_LOCK_EXIT, 0, 4, EINVAL,
		 "ENABLE_CAP_INVALID"},
		{"5.10.0", "kvm_amd", FRESH, KVM_CAP_X86_BUS_LOCK_EXIT, 0, 2, EINVAL,
		 "ENABLE_CAP_UNSUPPORTED"},
		{"7.2.0", "kvm_amd", WITH_CHIP, KVM_CAP_X86_APIC_BUS_CYCLES_NS, 0, 33554432, 0,
		 "ENABLE_CAP_SUCCEEDS"},
		{"7.2.0", "kvm_amd", WITH_CHIP, KVM_CAP_X86_APIC_BUS_CYCLES_NS, 0, 33554433, EINVAL,
		 "ENABLE_CAP_INVALID"},
		{"7.2.0", "kvm_amd", FRESH, KVM_CAP_X86_APIC_BUS_CYCLES_NS, 0, 10, ENXIO,
		 "APIC_BUS_NEEDS_CHIP"},
		{"7.2.0", "kvm_amd", FRESH, KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 0, 1, EINVAL,
		 "ENABLE_CAP_INVALID"},
		{"7.2.0", "kvm_amd", WITH_VCPU, KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 0, 0, EINVAL,
		 "ENABLE_CAP_BEFORE_VCPUS"},
		{"7.2.0", "kvm_intel", FRESH, KVM_CAP_VM_COPY_ENC_CONTEXT_FROM, 0, 3, EINVAL,
		 "ENC_CONTEXT_REFUSED"},
		{"7.2.0", "kvm_amd", FRESH, KVM_CAP_VM_COPY_ENC_CONTEXT_FROM, 0, UINT32_MAX, EBADF,
		 "ENC_CONTEXT_REFUSED"},
	};

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		bool seven = cases[i / 2].release[0] == '7', silent;
		int64_t ret = -cases[i / 2].right;

		mh_close(&h);
		host_open(&h, cases[i / 2].release, cases[i / 2].backend);
		mh_cap(&h, KVM_CAP_X2APIC_API, seven ? 15 : 3);
		vm = mh_vm(&h);
		prepare(cases[i / 2].before);
		if (i % 2)
			ret = ret ? 0 : -EDOM;
		enable(vm, cases[i / 2].cap, cases[i / 2].arg, cases[i / 2].flags, ret);
		/* What is taken in silence breaks nothing of its own when it fails. */
		silent = strstr(cases[i / 2].rule, "SILENT") ||
			 !strcmp(cases[i / 2].rule, "DIRTY_RING_FLAGS");
		if (i % 2 && silent) {
			mh_expect_refused(&h, cases[i / 2].rule);
		} else if (i % 2) {
			BAD(&h, cases[i / 2].rule);
		} else {
			mh_expect_kept(&h, cases[i / 2].rule);
		}
	}
}

/* Errors that are allowed, and one that is not. */
static void allowed(void **state)
{
	static const struct {
		uint32_t cap;
		int error;
		const char *rule;
	} cases[] = {
		{KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, EPERM, "NX_HUGE_PAGES_PRIVILEGE"},
		{KVM_CAP_SGX_ATTRIBUTE, EINVAL, "SGX_ATTRIBUTE"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		again("6.1.0", "kvm_intel");
		enable(vm, cases[i].cap, 0, 0, -cases[i].error);
		assert_true(mh_held(&h, cases[i].rule));
	}
	again("6.1.0", "kvm_intel");
	enable(vm, KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 0, 0, -EDOM);
	mh_expect_refused(&h, "NX_HUGE_PAGES_PRIVILEGE");
}

/* Capabilities of a vCPU. */
static void of_vcpus(void **state)
{
	static const struct {
		bool chip;
		uint32_t cap, flags;
		uint64_t arg;
		int right;
		const char *rule;
	} cases[] = {
		{true, KVM_CAP_HYPERV_SYNIC, 0, 0, 0, "VCPU_CAP_SUCCEEDS"},
		{true, KVM_CAP_HYPERV_SYNIC2, 0, 0, 0, "VCPU_CAP_SUCCEEDS"},
		{true, KVM_CAP_HYPERV_SYNIC2, 0, 1, EINVAL, "VCPU_CAP_ARGUMENT"},
		{false, KVM_CAP_HYPERV_SYNIC, 0, 0, EINVAL, "VCPU_CAP_SYNIC_NEEDS_IRQCHIP"},
		{true, KVM_CAP_HYPERV_SYNIC, 1, 0, EINVAL, "VCPU_CAP_FLAGS"},
		{true, KVM_CAP_HYPERV_DIRECT_TLBFLUSH, 0, 0, ENOTTY, "VCPU_CAP_NO_BACKEND"},
		{true, KVM_CAP_HYPERV_ENLIGHTENED_VMCS, 0, 0, ENOTTY, "VCPU_CAP_NO_BACKEND"},
		{true, KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 0, 1, 0, "VCPU_CAP_SUCCEEDS"},
		{true, KVM_CAP_EXCEPTION_PAYLOAD, 0, 1, EINVAL, "VCPU_CAP_UNKNOWN"},
	};

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ret = -cases[i / 2].right;

		mh_close(&h);
		host_open(&h, "6.1.0", "kvm_amd");
		mh_cap(&h, KVM_CAP_HYPERV, 1);
		mh_cap(&h, KVM_CAP_HYPERV_SYNIC, 1);
		mh_cap(&h, KVM_CAP_HYPERV_SYNIC2, 1);
		mh_cap(&h, KVM_CAP_HYPERV_DIRECT_TLBFLUSH, 0);
		mh_cap(&h, KVM_CAP_HYPERV_ENLIGHTENED_VMCS, 0);
		mh_cap(&h, KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1);
		vm = mh_vm(&h);
		prepare(cases[i / 2].chip ? WITH_CHIP : FRESH);
		vcpu = mh_vcpu(&h, vm, 0);
		if (i % 2)
			ret = ret ? 0 : -EDOM;
		enable(vcpu, cases[i / 2].cap, cases[i / 2].arg, cases[i / 2].flags, ret);
		if (i % 2) {
			BAD(&h, cases[i / 2].rule);
		} else {
			mh_expect_kept(&h, cases[i / 2].rule);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(demands, setup, teardown),
		cmocka_unit_test_setup_teardown(allowed, setup, teardown),
		cmocka_unit_test_setup_teardown(of_vcpus, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
