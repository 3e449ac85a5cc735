/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls on a vCPU that need no guest, each rule satisfied and violated: vcpu.c, enlightened.c. */
#include "model_vcpu_test.h"

static int setup(void **state)
{
	vcpu_open("7.2.0", "kvm_amd", CHIP, 1);
	return 0;
}

static void again(const char *release, enum chip chip, int32_t extras)
{
	mh_close(&h);
	vcpu_open(release, "kvm_amd", chip, extras);
}

static void held(const char *rule)
{
	mh_expect_kept(&h, rule);
}

/* A call without a struct, with a result that breaks a rule, or that it does not allow. */
static void plain(void **state)
{
	static const struct {
		const char *ioctl;
		uint64_t arg;
		int64_t ret;
		const char *broken, *refused;
	} cases[] = {
		{"KVM_GET_TSC_KHZ", 0, -EINVAL, "TSC_KHZ_GET_SUCCEEDS", "TSC_KHZ_UNSTABLE"},
		{"KVM_SET_TSC_KHZ", 77, -EDOM, "TSC_KHZ_SET_SUCCEEDS", "TSC_KHZ_REFUSED"},
		{"KVM_GET_STATS_FD", 0, -EINVAL, "VCPU_STATS_FD_SUCCEEDS", NULL},
		{"KVM_GET_MP_STATE", 0, -EDOM, "MP_STATE_GET_SUCCEEDS", NULL},
		{"KVM_TRANSLATE", 0, -EINVAL, "TRANSLATE_SUCCEEDS", NULL},
	};
	uint64_t old = 1;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		mh_value(&h, vcpu, cases[i].ioctl, cases[i].arg, cases[i].ret);
		BAD(&h, cases[i].broken);
		if (cases[i].refused)
			mh_expect_refused(&h, cases[i].refused);
	}
	mh_value(&h, vcpu, "KVM_GET_TSC_KHZ", 0, 5);
	mh_value(&h, vcpu, "KVM_GET_TSC_KHZ", 0, 5);
	held("TSC_KHZ_SAME");
	/* The guest has a clock. */
	struct {
		uint32_t nmsrs, pad; /* struct kvm_msrs */
		struct kvm_msr_entry entry;
	} msrs = {.nmsrs = 1, .entry = {.index = 0x4b564d01, .data = 0x3000 | old}};

	IN(&h, vcpu, "KVM_SET_MSRS", msrs, 1);
	mh_value(&h, vcpu, "KVM_KVMCLOCK_CTRL", 0, -EDOM);
	BAD(&h, "KVMCLOCK_CTRL_SUCCEEDS");
}

static void states(void **state)
{
	struct kvm_mp_state mp = {.mp_state = KVM_MP_STATE_RUNNABLE};

	OUT(&h, vcpu, "KVM_GET_MP_STATE", mp, 0);
	held("MP_STATE_GET_SUCCEEDS");
	held("MP_STATE_OF_X86");
	IN(&h, vcpu, "KVM_SET_MP_STATE", mp, -EDOM);
	BAD(&h, "MP_STATE_SET_SUCCEEDS");
	mp.mp_state = KVM_MP_STATE_INIT_RECEIVED;
	IN(&h, vcpu, "KVM_SET_MP_STATE", mp, -EDOM);
	mh_expect_refused(&h, "MP_STATE_REFUSED");
}

static void masks_and_attributes(void **state)
{
	struct {
		uint32_t len;
		uint8_t set[8];
	} mask = {.len = 4};
	struct kvm_device_attr attr = {.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET};
	struct kvm_translation t = {.linear_address = 0x5000},
			       got = {.linear_address = 0x5000, .valid = 1, .writeable = 1};

	IN(&h, vcpu, "KVM_SET_SIGNAL_MASK", mask, 0);
	BAD(&h, "SIGNAL_MASK_LENGTH");
	IN(&h, vcpu, "KVM_HAS_DEVICE_ATTR", attr, -EDOM);
	BAD(&h, "VCPU_ATTR_SUCCEEDS");
	IN(&h, vcpu, "KVM_SET_DEVICE_ATTR", attr, -EDOM);
	mh_expect_refused(&h, "VCPU_ATTR_FAULT");
	INOUT(&h, vcpu, "KVM_TRANSLATE", t, got, 0);
	held("TRANSLATE_LINEAR_STAYS");
}

/* Only a back end without TSC scaling may forget the offset: others must give it back. */
static void offset_kept(void **state)
{
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = 0x5000};
	uint64_t set = 0x1234, got = 0;
	struct tape_part in = {.role = TAPE_NESTED_IN,
			       .want = 8,
			       .have = 8,
			       .addr = 0x5000,
			       .data = (const uint8_t *)&set},
			 out = {.role = TAPE_NESTED_OUT,
				.want = 8,
				.have = 8,
				.addr = 0x5000,
				.data = (const uint8_t *)&got};
	struct mh_call c = {.object = vcpu,
			    .ioctl = "KVM_SET_DEVICE_ATTR",
			    .arg = 0x1000,
			    .in = &attr,
			    .in_len = sizeof(attr),
			    .in_parts = &in,
			    .in_part_count = 1};

	mh_do(&h, &c);
	c.ioctl = "KVM_GET_DEVICE_ATTR";
	c.in_part_count = 0;
	c.out_parts = &out;
	c.out_part_count = 1;
	mh_do(&h, &c);
	mh_expect_refused(&h, "VCPU_ATTR_NO_OFFSET");
}

static void nested(void **state)
{
	struct kvm_nested_state room = {.size = 4224}, got = {.size = 128,
							      .format = KVM_STATE_NESTED_FORMAT_SVM,
							      .flags = KVM_STATE_NESTED_GIF_SET};
	struct kvm_nested_state set = got, bad;

	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", room, got, 0);
	held("NESTED_GET_SUCCEEDS");
	held("NESTED_FORMAT");
	held("NESTED_VMCB");
	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", room, got, 0);
	held("NESTED_SAME");
	bad = got;
	bad.flags = 0;
	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", room, bad, 0);
	BAD(&h, "NESTED_SAME");
	bad = got;
	bad.flags = KVM_STATE_NESTED_RUN_PENDING;
	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", room, bad, 0);
	BAD(&h, "NESTED_FORMAT");
	bad = got;
	bad.format = KVM_STATE_NESTED_FORMAT_VMX;
	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", room, bad, 0);
	BAD(&h, "NESTED_FORMAT");
	again("7.2.0", CHIP, 1);
	bad = got;
	bad.flags |= KVM_STATE_NESTED_GUEST_MODE;
	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", room, bad, 0);
	BAD(&h, "NESTED_VMCB");
	again("7.2.0", CHIP, 1);
	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", room, got, -EDOM);
	BAD(&h, "NESTED_GET_SUCCEEDS");
	room.size = 8;
	bad = room;
	bad.size = 128;
	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", room, bad, -E2BIG);
	held("NESTED_SIZE_WRITTEN");
	held("NESTED_TOO_SMALL");
	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", room, bad, -EDOM);
	mh_expect_refused(&h, "NESTED_TOO_SMALL");

	IN(&h, vcpu, "KVM_SET_NESTED_STATE", set, 0);
	held("NESTED_SET_SUCCEEDS");
	IN(&h, vcpu, "KVM_SET_NESTED_STATE", set, -EDOM);
	BAD(&h, "NESTED_SET_SUCCEEDS");
	set.flags = KVM_STATE_NESTED_RUN_PENDING;
	IN(&h, vcpu, "KVM_SET_NESTED_STATE", set, -EINVAL);
	held("NESTED_FLAGS");
	IN(&h, vcpu, "KVM_SET_NESTED_STATE", set, 0);
	BAD(&h, "NESTED_FLAGS");
	set = got;
	set.format = KVM_STATE_NESTED_FORMAT_VMX;
	IN(&h, vcpu, "KVM_SET_NESTED_STATE", set, 0);
	BAD(&h, "NESTED_FLAGS");
	set = got;
	set.size = 64;
	IN(&h, vcpu, "KVM_SET_NESTED_STATE", set, 0);
	BAD(&h, "NESTED_INVALID");
	again("7.2.0", CHIP, 0);
	IN(&h, vcpu, "KVM_SET_NESTED_STATE", got, 0);
	BAD(&h, "NESTED_NOT_POSSIBLE");
}

static void registers_by_number(void **state)
{
	struct kvm_one_reg other = {.id = KVM_REG_ARM64 | 1}, own = {.id = KVM_REG_X86 | 1};
	uint64_t none[3] = {0}, more[3] = {2, 1, 2}, room[3] = {2};

	IN(&h, vcpu, "KVM_GET_ONE_REG", own, 0);
	held("ONE_REG_SUCCEEDS");
	IN(&h, vcpu, "KVM_GET_ONE_REG", own, -EINVAL);
	mh_expect(&h, MODEL_UNSPECIFIED, "ONE_REG_REFUSED");
	IN(&h, vcpu, "KVM_GET_ONE_REG", own, -EDOM);
	BAD(&h, "ONE_REG_SUCCEEDS");
	mh_expect_refused(&h, "ONE_REG_REFUSED");
	IN(&h, vcpu, "KVM_GET_ONE_REG", other, 0);
	BAD(&h, "ONE_REG_OF_X86");
	mh_io(&h, vcpu, "KVM_GET_REG_LIST", none, 8, more, 8, -E2BIG);
	held("REG_LIST_TOO_SMALL");
	held("REG_LIST_COUNT_WRITTEN");
	mh_io(&h, vcpu, "KVM_GET_REG_LIST", none, 8, none, 8, -E2BIG);
	BAD(&h, "REG_LIST_COUNT_WRITTEN");
	mh_io(&h, vcpu, "KVM_GET_REG_LIST", room, 24, more, 24, 0);
	held("REG_LIST_COUNT");
	held("REG_LIST_SUCCEEDS");
	mh_io(&h, vcpu, "KVM_GET_REG_LIST", room, 24, more, 24, -EDOM);
	BAD(&h, "REG_LIST_SUCCEEDS");
	mh_io(&h, vcpu, "KVM_GET_REG_LIST", none, 8, none, 8, -EDOM);
	mh_expect_refused(&h, "REG_LIST_TOO_SMALL");
	room[0] = 1;
	mh_io(&h, vcpu, "KVM_GET_REG_LIST", room, 24, more, 24, 0);
	BAD(&h, "REG_LIST_COUNT");
	again("6.1.0", CHIP, 1);
	IN(&h, vcpu, "KVM_GET_ONE_REG", own, 0);
	BAD(&h, "ONE_REG_BEFORE");
}

static void memory_in_advance(void **state)
{
	struct kvm_pre_fault_memory all = {.gpa = 0x1000, .size = 0x2000},
				    rest = {.gpa = 0x2000, .size = 0x1000}, bad = all;
	struct kvm_userspace_memory_region slot = {.memory_size = 0x8000,
						   .userspace_addr = 0x10000};

	IN(&h, vm, "KVM_SET_USER_MEMORY_REGION", slot, 0);
	INOUT(&h, vcpu, "KVM_PRE_FAULT_MEMORY", all, rest, 0);
	held("PRE_FAULT_SUCCEEDS");
	held("PRE_FAULT_REST");
	INOUT(&h, vcpu, "KVM_PRE_FAULT_MEMORY", all, all, 0);
	BAD(&h, "PRE_FAULT_REST");
	INOUT(&h, vcpu, "KVM_PRE_FAULT_MEMORY", all, all, -EOPNOTSUPP);
	mh_expect(&h, MODEL_UNSPECIFIED, "PRE_FAULT_REFUSED");
	INOUT(&h, vcpu, "KVM_PRE_FAULT_MEMORY", all, all, -EDOM);
	BAD(&h, "PRE_FAULT_SUCCEEDS");
	mh_expect_refused(&h, "PRE_FAULT_REFUSED");
	bad.size = 0;
	INOUT(&h, vcpu, "KVM_PRE_FAULT_MEMORY", bad, bad, -EINVAL);
	held("PRE_FAULT_INVALID");
	INOUT(&h, vcpu, "KVM_PRE_FAULT_MEMORY", bad, bad, 0);
	BAD(&h, "PRE_FAULT_INVALID");
	bad = (struct kvm_pre_fault_memory){.gpa = 0x8000, .size = 0x1000};
	INOUT(&h, vcpu, "KVM_PRE_FAULT_MEMORY", bad, bad, -ENOENT);
	held("PRE_FAULT_NOWHERE");
	INOUT(&h, vcpu, "KVM_PRE_FAULT_MEMORY", bad, bad, 0);
	BAD(&h, "PRE_FAULT_NOWHERE");
}

/* Leaves of Hyper-V as they should be; each field of them alone out of place breaks another rule,
 * which model_vcpu_enlightened.c shows. */
static void leaves(void **state)
{
	static const uint32_t functions[] = {0x40000000, 0x40000001, 0x40000002, 0x40000003,
					     0x40000004, 0x40000005, 0x4000000a, 0x40000080,
					     0x40000081, 0x40000082};
	struct {
		uint32_t nent, padding; /* struct kvm_cpuid2 */
		struct kvm_cpuid_entry2 entries[10];
	} in = {.nent = 10}, out = in;

	for (size_t i = 0; i < 10; i++)
		out.entries[i].function = functions[i];
	out.entries[0].eax = 0x40000082;
	out.entries[0].ebx = 0x756e694c;
	out.entries[0].ecx = 0x564b2078;
	out.entries[0].edx = 0x7648204d;
	out.entries[1].eax = 0x31237648;
	out.entries[5].eax = 1024;
	mh_close(&h);
	mh_open(&h, "7.2.0", "kvm_amd");
	mh_cap(&h, KVM_CAP_MAX_VCPUS, 1024);
	mh_cap(&h, KVM_CAP_HYPERV_CPUID, 1);
	vm = mh_vm(&h);
	vcpu = mh_vcpu(&h, vm, 0);
	INOUT(&h, vcpu, "KVM_GET_SUPPORTED_HV_CPUID", in, out, 0);
	held("HV_CPUID_COUNT");
	held("HV_CPUID_LEAVES");
	held("HV_CPUID_SIGNATURE");
	held("HV_CPUID_INTERFACE");
	held("HV_CPUID_LIMITS");
	held("HV_CPUID_PADDING_ZERO");
	mh_close(&h);
	mh_open(&h, "7.2.0", "kvm_amd");
	mh_cap(&h, KVM_CAP_HYPERV_CPUID, 0);
	vm = mh_vm(&h);
	vcpu = mh_vcpu(&h, vm, 0);
	INOUT(&h, vcpu, "KVM_GET_SUPPORTED_HV_CPUID", in, in, -EDOM);
	mh_expect_refused(&h, "HV_CPUID_MISSING");
}

static void xen(void **state)
{
	struct kvm_xen_vcpu_attr info = {.type = KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO}, got = info,
				 timer = {.type = KVM_XEN_VCPU_ATTR_TYPE_TIMER}, now = {0};

	mh_close(&h);
	mh_open(&h, "7.2.0", "kvm_amd");
	mh_cap(&h, KVM_CAP_XEN_HVM, 0x1ff);
	vm = mh_vm(&h);
	vcpu = mh_vcpu(&h, vm, 0);
	got.u.gpa = KVM_XEN_INVALID_GPA;
	INOUT(&h, vcpu, "KVM_XEN_VCPU_GET_ATTR", info, got, 0);
	held("XEN_VCPU_ATTR_NEW");
	held("XEN_VCPU_ATTR_REST");
	got = timer;
	got.u.timer.priority = KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL;
	INOUT(&h, vcpu, "KVM_XEN_VCPU_GET_ATTR", timer, got, 0);
	held("XEN_VCPU_ATTR_PRIORITY");
	now.type = KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA;
	got = now;
	got.u.runstate.state = 3;
	INOUT(&h, vcpu, "KVM_XEN_VCPU_GET_ATTR", now, got, 0);
	held("XEN_VCPU_ATTR_STATE");
	info.u.gpa = 0x1000;
	IN(&h, vcpu, "KVM_XEN_VCPU_SET_ATTR", info, -EDOM);
	mh_expect_refused(&h, "XEN_VCPU_ATTR_ADDRESS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plain, setup, teardown),
		cmocka_unit_test_setup_teardown(states, setup, teardown),
		cmocka_unit_test_setup_teardown(masks_and_attributes, setup, teardown),
		cmocka_unit_test_setup_teardown(offset_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(nested, setup, teardown),
		cmocka_unit_test_setup_teardown(registers_by_number, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_in_advance, setup, teardown),
		cmocka_unit_test_setup_teardown(leaves, setup, teardown),
		cmocka_unit_test_setup_teardown(xen, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
