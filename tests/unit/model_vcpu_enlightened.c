/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of what KVM offers to guests of Hyper-V and Xen: CPUID leaves, attributes of vCPUs. */
#include "model_vcpu_test.h"

#define SYSTEM 1 /* object id of /dev/kvm */

static const uint32_t leaves[] = {0x40000000, 0x40000001, 0x40000002, 0x40000003, 0x40000004,
				  0x40000005, 0x40000080, 0x40000081, 0x40000082, 0x4000000a};
#define LEAVES (sizeof(leaves) / sizeof(leaves[0]))

/* struct kvm_cpuid2 with room for entries. */
struct cpuid {
	struct {
		uint32_t nent, padding;
	} head;
	struct kvm_cpuid_entry2 e[16];
};

static void fresh(const char *release, int32_t xen, int32_t hyperv)
{
	mh_close(&h);
	mh_open(&h, release, "kvm_amd");
	mh_cap(&h, KVM_CAP_XEN_HVM, xen);
	mh_cap(&h, KVM_CAP_MAX_VCPUS, 1024);
	mh_cap(&h, KVM_CAP_HYPERV_CPUID, hyperv);
	mh_cap(&h, KVM_CAP_SYS_HYPERV_CPUID, hyperv);
	vm = mh_vm(&h);
	vcpu = mh_vcpu(&h, vm, 0);
}

static int setup(void **state)
{
	memset(&h, 0, sizeof(h));
	fresh("6.12.0", 0x1ff, 1);
	return 0;
}

/* What KVM answers. */
static struct cpuid answer(void)
{
	struct cpuid c = {.head.nent = LEAVES};

	for (size_t i = 0; i < LEAVES; i++)
		c.e[i].function = leaves[i];
	c.e[0].eax = 0x40000082;
	memcpy(&c.e[0].ebx, "Linu", 4);
	memcpy(&c.e[0].ecx, "x KV", 4);
	memcpy(&c.e[0].edx, "M Hv", 4);
	memcpy(&c.e[1].eax, "Hv#1", 4);
	c.e[3].eax = 0xa7f;
	c.e[5].eax = 1024;
	return c;
}

static void ask(uint32_t object, uint32_t room, const struct cpuid *out, int64_t ret)
{
	struct cpuid in = {.head.nent = room};

	mh_io(&h, object, "KVM_GET_SUPPORTED_HV_CPUID", &in, sizeof(in), out, sizeof(*out), ret);
}

static void hyperv(void **state)
{
	struct cpuid c = answer();
	static const struct {
		uint8_t entry, word; /* of struct kvm_cpuid_entry2 */
		const char *rule;
	} wrong[] = {
		{2, 0, "HV_CPUID_LEAVES"},	 {0, 3, "HV_CPUID_SIGNATURE"},
		{0, 5, "HV_CPUID_SIGNATURE"},	 {1, 3, "HV_CPUID_INTERFACE"},
		{1, 6, "HV_CPUID_INTERFACE"},	 {5, 3, "HV_CPUID_LIMITS"},
		{7, 9, "HV_CPUID_PADDING_ZERO"},
	};

	ask(SYSTEM, 16, &c, 0);
	GOOD(&h, "HV_CPUID_SUCCEEDS");
	ask(SYSTEM, 10, &c, 0);
	GOOD(&h, "HV_CPUID_SUCCEEDS");
	assert_true(mh_held(&h, "HV_CPUID_CONSTANT"));
	ask(vcpu, 10, &c, 0);
	GOOD(&h, "HV_CPUID_SUCCEEDS");
	c.e[3].eax ^= 1;
	ask(vcpu, 10, &c, 0);
	GOOD(&h, "HV_CPUID_SUCCEEDS");
	ask(SYSTEM, 10, &c, 0);
	BAD(&h, "HV_CPUID_CONSTANT");
	ask(SYSTEM, 9, &c, -E2BIG);
	ALLOWED(&h, "HV_CPUID_TOO_LOW");
	ask(SYSTEM, 8, &c, 0);
	BAD(&h, "HV_CPUID_TOO_LOW");
	ask(SYSTEM, 10, &c, -E2BIG);
	BAD(&h, "HV_CPUID_SUCCEEDS");
	ask(SYSTEM, 10, &c, -EINVAL);
	BAD(&h, "HV_CPUID_SUCCEEDS");
	c.head.nent = 11;
	ask(SYSTEM, 10, &c, 0);
	BAD(&h, "HV_CPUID_COUNT");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fresh("6.12.0", 0, 1);
		c = answer();
		((uint32_t *)&c.e[wrong[i].entry])[wrong[i].word] ^= 0x81;
		ask(SYSTEM, 16, &c, 0);
		BAD(&h, wrong[i].rule);
	}
	/* Without the capability. */
	fresh("6.12.0", 0, 0);
	ask(SYSTEM, 16, &c, -EINVAL);
	ALLOWED(&h, "HV_CPUID_MISSING");
	ask(SYSTEM, 16, &c, -EDOM);
	BAD(&h, "HV_CPUID_SUCCEEDS");
	/* An old kernel leaves out the leaf of nested features. */
	fresh("5.10.0", 0, 1);
	c = answer();
	c.head.nent = 9;
	ask(vcpu, 9, &c, 0);
	GOOD(&h, "HV_CPUID_SUCCEEDS");
}

static void set(uint16_t type, uint64_t value, int64_t ret)
{
	struct kvm_xen_vcpu_attr a = {.type = type, .u.gpa = value};

	IN(&h, vcpu, "KVM_XEN_VCPU_SET_ATTR", a, ret);
}

static void get(uint16_t type, uint64_t value, int64_t ret)
{
	struct kvm_xen_vcpu_attr in = {.type = type}, out = {.type = type, .u.gpa = value};

	INOUT(&h, vcpu, "KVM_XEN_VCPU_GET_ATTR", in, out, ret);
}

static void xen(void **state)
{
	const uint16_t info = KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
		       hva = KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA,
		       id = KVM_XEN_VCPU_ATTR_TYPE_VCPU_ID,
		       vector = KVM_XEN_VCPU_ATTR_TYPE_UPCALL_VECTOR,
		       where = KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
		       now = KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_CURRENT,
		       timer = KVM_XEN_VCPU_ATTR_TYPE_TIMER;
	const uint64_t two_level = (uint64_t)KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL << 32;
	struct kvm_xen_vcpu_attr in = {.type = vector}, out = in;

	get(info, UINT64_MAX, 0);
	GOOD(&h, "XEN_VCPU_ATTR_GET");
	get(vector, 1, 0);
	BAD(&h, "XEN_VCPU_ATTR_NEW");
	get(where, 0, -ENOENT);
	KNOWN(&h, "XEN_VCPU_ATTR_NO_RUNSTATE");
	set(info, 0x1000, 0);
	GOOD(&h, "XEN_VCPU_ATTR_SET");
	set(info, 0x1000, -ENXIO);
	BAD(&h, "XEN_VCPU_ATTR_SET");
	set(info, 0x1000, 0);
	get(info, 0x1000, 0);
	GOOD(&h, "XEN_VCPU_ATTR_GET");
	assert_true(mh_held(&h, "XEN_VCPU_ATTR_SAME"));
	get(info, 0x2000, 0);
	BAD(&h, "XEN_VCPU_ATTR_SAME");
	set(hva, 0x7000, 0);
	get(info, UINT64_MAX, 0);
	GOOD(&h, "XEN_VCPU_ATTR_GET");
	get(hva, 0x7000, 0);
	GOOD(&h, "XEN_VCPU_ATTR_GET");
	assert_true(mh_held(&h, "XEN_VCPU_ATTR_SAME"));
	set(info, 0x5000, -EFAULT);
	ALLOWED(&h, "XEN_VCPU_ATTR_ADDRESS");
	get(info, 0x5000, 0);
	GOOD(&h, "XEN_VCPU_ATTR_GET");
	set(info, UINT64_MAX, -EFAULT);
	BAD(&h, "XEN_VCPU_ATTR_SET");

	set(where, 0x3000, 0);
	get(where, 0x3000, 0);
	GOOD(&h, "XEN_VCPU_ATTR_GET");
	get(where, 0x3000, -ENOENT);
	BAD(&h, "XEN_VCPU_ATTR_GET");
	set(where, UINT64_MAX, 0);
	get(where, 0, 0);
	BAD(&h, "XEN_VCPU_ATTR_NO_RUNSTATE");

	set(id, 1023, 0);
	GOOD(&h, "XEN_VCPU_ATTR_SET");
	set(id, 1024, 0);
	BAD(&h, "XEN_VCPU_ATTR_INVALID");
	set(id, 1024, -EINVAL);
	KNOWN(&h, "XEN_VCPU_ATTR_INVALID");
	set(vector, 15, -EINVAL);
	KNOWN(&h, "XEN_VCPU_ATTR_INVALID");
	set(vector, 16, -EINVAL);
	BAD(&h, "XEN_VCPU_ATTR_SET");
	set(timer, two_level | 4, 0);
	GOOD(&h, "XEN_VCPU_ATTR_SET");
	get(timer, two_level | 4, 0);
	GOOD(&h, "XEN_VCPU_ATTR_GET");
	get(timer, two_level | 5, 0);
	BAD(&h, "XEN_VCPU_ATTR_SAME");
	get(timer, 4, 0);
	BAD(&h, "XEN_VCPU_ATTR_PRIORITY");
	set(timer, 4, 0);
	BAD(&h, "XEN_VCPU_ATTR_INVALID");
	set(timer, 0, 0);
	GOOD(&h, "XEN_VCPU_ATTR_SET");
	set(now, 3, 0);
	GOOD(&h, "XEN_VCPU_ATTR_SET");
	set(now, 4, 0);
	BAD(&h, "XEN_VCPU_ATTR_INVALID");
	get(now, 1, 0);
	GOOD(&h, "XEN_VCPU_ATTR_GET");
	get(now, 4, 0);
	BAD(&h, "XEN_VCPU_ATTR_STATE");
	out.u.vector = 32;
	out.u.gpa |= 1ull << 63;
	set(vector, 32, 0);
	INOUT(&h, vcpu, "KVM_XEN_VCPU_GET_ATTR", in, out, 0);
	BAD(&h, "XEN_VCPU_ATTR_REST");
	get(KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADJUST, 0, -EINVAL);
	GOOD(&h, "XEN_VCPU_ATTR_NO_GET");
	get(KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADJUST, 0, 0);
	BAD(&h, "XEN_VCPU_ATTR_NO_GET");
	get(77, 0, -ENOENT);
	KNOWN(&h, "XEN_VCPU_ATTR_UNKNOWN");
	get(77, 0, 0);
	BAD(&h, "XEN_VCPU_ATTR_UNKNOWN");

	in = (struct kvm_xen_vcpu_attr){.type = KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADJUST};
	in.u.runstate.state = UINT64_MAX;
	in.u.runstate.state_entry_time = 10;
	in.u.runstate.time_blocked = 10;
	IN(&h, vcpu, "KVM_XEN_VCPU_SET_ATTR", in, 0);
	GOOD(&h, "XEN_VCPU_ATTR_SET");
	in.u.runstate.time_offline = 1;
	IN(&h, vcpu, "KVM_XEN_VCPU_SET_ATTR", in, 0);
	BAD(&h, "XEN_VCPU_ATTR_INVALID");
	in.u.runstate.time_offline = 0;
	in.type = KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA;
	IN(&h, vcpu, "KVM_XEN_VCPU_SET_ATTR", in, -EINVAL);
	KNOWN(&h, "XEN_VCPU_ATTR_INVALID");

	fresh("6.12.0", 0, 0);
	get(info, 0, -EINVAL);
	KNOWN(&h, "XEN_VCPU_MISSING");
	get(info, UINT64_MAX, 0);
	BAD(&h, "XEN_VCPU_MISSING");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hyperv, setup, teardown),
		cmocka_unit_test_setup_teardown(xen, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
