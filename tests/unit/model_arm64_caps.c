/* SPDX-License-Identifier: BSD-2-Clause */
/* arm64: KVM_ENABLE_CAP, exits that a capability asks for, and what other architectures share of
 * it. */
#include "model_arch_test.h"

static struct mh h;
static uint32_t vm, vcpu;

static void host(const char *release)
{
	static const struct {
		uint32_t cap;
		int32_t answer;
	} caps[] = {
		{KVM_CAP_MAX_VCPUS, 4},
		{KVM_CAP_MAX_VCPU_ID, 4},
		{KVM_CAP_NR_MEMSLOTS, 32767},
		{KVM_CAP_ARM_SVE, 0},
		{KVM_CAP_ARM_VM_IPA_SIZE, 48},
		{KVM_CAP_ARM_NISV_TO_USER, 1},
		{KVM_CAP_ARM_SYSTEM_SUSPEND, 1},
		{KVM_CAP_ARM_SEA_TO_USER, 1},
		{KVM_CAP_ARM_MTE, 1},
		{KVM_CAP_ARM_WRITABLE_IMP_ID_REGS, 1},
		{KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE, 1},
		{KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 3},
		{KVM_CAP_HALT_POLL, 1},
		{KVM_CAP_DIRTY_LOG_RING_ACQ_REL, 1 << 20},
		{KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP, 1},
		{KVM_CAP_IMMEDIATE_EXIT, 1},
		{KVM_CAP_ARM_PSCI, 0},
	};

	mh_open(&h, release, "");
	h.env.arch = KVMAPI_ARM64;
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		mh_cap(&h, caps[i].cap, caps[i].answer);
	vm = mh_vm(&h);
}

static int setup(void **state)
{
	host("7.2.0");
	return 0;
}

static int teardown(void **state)
{
	mh_close(&h);
	return 0;
}

static void again(void)
{
	mh_close(&h);
	host("7.2.0");
}

static void enable(uint32_t object, uint32_t cap, uint64_t arg, int64_t ret)
{
	struct kvm_enable_cap c = {.cap = cap, .args = {arg}};

	mh_io(&h, object, "KVM_ENABLE_CAP", &c, sizeof(c), NULL, 0, ret);
}

static void slot(void)
{
	struct kvm_userspace_memory_region r = {.memory_size = 0x10000, .userspace_addr = 0x10000};

	mh_io(&h, vm, "KVM_SET_USER_MEMORY_REGION", &r, sizeof(r), NULL, 0, 0);
}

static void ready(void)
{
	struct kvm_vcpu_init init = {.target = KVM_ARM_TARGET_GENERIC_V8};

	vcpu = mh_vcpu(&h, vm, 0);
	mh_io(&h, vcpu, "KVM_ARM_VCPU_INIT", &init, sizeof(init), NULL, 0, 0);
}

enum before { FRESH, WITH_VCPU, WITH_SLOT, WITH_RING, WITH_RING_AND_SLOT, ON_VCPU };

static void caps(void **state)
{
	static const struct {
		enum before before;
		uint32_t cap;
		uint64_t arg;
		int right;
		const char *rule;
	} cases[] = {
		{FRESH, KVM_CAP_ARM_NISV_TO_USER, 0, 0, "ARM_CAP_SUCCEEDS"},
		{WITH_VCPU, KVM_CAP_ARM_SYSTEM_SUSPEND, 0, 0, "ARM_CAP_SUCCEEDS"},
		{WITH_SLOT, KVM_CAP_ARM_SEA_TO_USER, 0, 0, "ARM_CAP_SUCCEEDS"},
		{FRESH, KVM_CAP_ARM_MTE, 0, 0, "ARM_CAP_SUCCEEDS"},
		{WITH_VCPU, KVM_CAP_ARM_MTE, 0, EINVAL, "ARM_CAP_TOO_LATE"},
		{WITH_VCPU, KVM_CAP_ARM_WRITABLE_IMP_ID_REGS, 0, EINVAL, "ARM_CAP_TOO_LATE"},
		{FRESH, KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE, 0, 0, "ARM_CAP_SUCCEEDS"},
		{FRESH, KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE, 0x3000, EINVAL, "ARM_CAP_ARGUMENT"},
		{WITH_SLOT, KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE, 0x200000, EINVAL,
		 "ARM_CAP_TOO_LATE"},
		{FRESH, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 3, 0, "ARM_CAP_SUCCEEDS"},
		{FRESH, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 2, EINVAL, "ARM_CAP_ARGUMENT"},
		{FRESH, KVM_CAP_HALT_POLL, 1ull << 32, EINVAL, "ARM_CAP_ARGUMENT"},
		{FRESH, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, 65536, 0, "ARM_CAP_SUCCEEDS"},
		{FRESH, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, 65537, EINVAL, "ARM_CAP_ARGUMENT"},
		{FRESH, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, 1 << 21, E2BIG, "ARM_CAP_ARGUMENT"},
		{WITH_RING, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, 65536, EINVAL, "ARM_CAP_TOO_LATE"},
		{WITH_VCPU, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, 65536, EINVAL, "ARM_CAP_TOO_LATE"},
		{FRESH, KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP, 0, EINVAL, "ARM_CAP_ARGUMENT"},
		{WITH_RING, KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP, 0, 0, "ARM_CAP_SUCCEEDS"},
		{WITH_RING_AND_SLOT, KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP, 0, EINVAL,
		 "ARM_CAP_TOO_LATE"},
		{ON_VCPU, KVM_CAP_ARM_NISV_TO_USER, 0, EINVAL, "ARM_CAP_NONE"},
		{FRESH, KVM_CAP_IMMEDIATE_EXIT, 0, EINVAL, "ARM_CAP_NONE"},
		{FRESH, KVM_CAP_ARM_PSCI, 0, EINVAL, "ARM_CAP_NONE"},
	};

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		enum before before = cases[i / 2].before;
		int64_t ret = -cases[i / 2].right;

		again();
		if (before == WITH_RING || before == WITH_RING_AND_SLOT)
			enable(vm, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, 65536, 0);
		if (before == WITH_SLOT || before == WITH_RING_AND_SLOT)
			slot();
		if (before == WITH_VCPU || before == ON_VCPU)
			ready();
		if (i % 2)
			ret = ret ? 0 : -EDOM;
		enable(before == ON_VCPU ? vcpu : vm, cases[i / 2].cap, cases[i / 2].arg, ret);
		if (i % 2)
			BAD(&h, cases[i / 2].rule);
		else
			HOLDS(&h, cases[i / 2].rule);
	}
}

/* Exits that come of a capability only. */
static void exits(void **state)
{
	static const struct {
		uint32_t reason, cap;
		uint64_t arg;
	} cases[] = {
		{KVM_EXIT_ARM_NISV, KVM_CAP_ARM_NISV_TO_USER, 0},
		{KVM_EXIT_ARM_SEA, KVM_CAP_ARM_SEA_TO_USER, 0},
		{KVM_EXIT_DIRTY_RING_FULL, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, 65536},
	};

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		const struct kvm_run out = {.exit_reason = cases[i / 2].reason};

		again();
		if (!(i % 2))
			enable(vm, cases[i / 2].cap, cases[i / 2].arg, 0);
		ready();
		run_exit(&h, vcpu, &out, 0);
		if (i % 2) {
			BAD(&h, "ARCH_RUN_NEEDS_CAP");
		} else {
			HOLDS(&h, "ARCH_RUN_NEEDS_CAP");
			HOLDS(&h, "ARCH_RUN_REASON");
		}
	}
	again();
	ready();
	run_exit(&h, vcpu, NULL, -EINTR);
	HOLDS(&h, "ARCH_RUN_INTERRUPTED");
	run_exit(&h, vcpu, NULL, -EEXIST);
	mh_expect_refused(&h, "ARCH_RUN_INTERRUPTED");
}

static void machines(void **state)
{
	struct kvm_mp_state mp = {.mp_state = KVM_MP_STATE_RUNNABLE};
	struct kvm_create_device gic = {.type = KVM_DEV_TYPE_ARM_VGIC_V3}, made = gic;
	uint64_t room[3] = {2}, list[3] = {2, KVM_REG_ARM64 | 1, KVM_REG_ARM64 | 2};
	uint32_t device;

	mh_value(&h, 1, "KVM_CREATE_VM", 99, -EINVAL);
	HOLDS(&h, "ARCH_CREATE_VM_TYPE");
	mh_value(&h, 1, "KVM_CREATE_VM", 99, -EEXIST);
	mh_expect_refused(&h, "ARCH_CREATE_VM_TYPE");
	ready();
	mh_io(&h, vcpu, "KVM_GET_MP_STATE", NULL, 0, &mp, sizeof(mp), 0);
	HOLDS(&h, "ARCH_MP_STATE_VALUES");
	mh_io(&h, vcpu, "KVM_GET_MP_STATE", NULL, 0, &mp, sizeof(mp), -EDOM);
	BAD(&h, "ARCH_MP_STATE_GET");
	mh_io(&h, vcpu, "KVM_GET_REG_LIST", room, sizeof(room), list, sizeof(list), 0);
	mh_io(&h, vcpu, "KVM_GET_REG_LIST", room, sizeof(room), list, sizeof(list), 0);
	HOLDS(&h, "ARCH_REG_LIST_COUNT");
	mh_io(&h, vcpu, "KVM_GET_REG_LIST", room, sizeof(room), list, sizeof(list), -EDOM);
	mh_expect_refused(&h, "ARCH_REG_LIST_UNFINALIZED");
	device = mh_object(&h, KVMAPI_DEVICE, vm, gic.type, 0);
	made.fd = 2 + device;
	mh_do(&h, &(struct mh_call){.object = vm,
				    .ioctl = "KVM_CREATE_DEVICE",
				    .arg = 0x1000,
				    .in = &gic,
				    .in_len = sizeof(gic),
				    .out = &made,
				    .out_len = sizeof(made),
				    .created = device});
	mh_value(&h, vm, "KVM_CREATE_VCPU", 1, -EDOM);
	mh_expect_refused(&h, "ARCH_CREATE_VCPU_LATE");
	/* A host whose guests cannot have 40 bits of addresses. */
	mh_close(&h);
	mh_open(&h, "7.2.0", "");
	h.env.arch = KVMAPI_ARM64;
	mh_cap(&h, KVM_CAP_ARM_VM_IPA_SIZE, 36);
	mh_value(&h, 1, "KVM_CREATE_VM", 0, -EINVAL);
	HOLDS(&h, "ARCH_CREATE_VM_IPA");
	mh_value(&h, 1, "KVM_CREATE_VM", 0, -EEXIST);
	mh_expect_refused(&h, "ARCH_CREATE_VM_IPA");
}

/* Other architectures: which capabilities, and when, is theirs to say. */
static void elsewhere(void **state)
{
	struct kvm_enable_cap c = {.cap = KVM_CAP_HALT_POLL};

	mh_close(&h);
	mh_open(&h, "7.2.0", "");
	h.env.arch = KVMAPI_RISCV;
	vm = mh_vm(&h);
	mh_io(&h, vm, "KVM_ENABLE_CAP", &c, sizeof(c), NULL, 0, 0);
	HOLDS(&h, "ARCH_ENABLE_CAP");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(caps, setup, teardown),
		cmocka_unit_test_setup_teardown(exits, setup, teardown),
		cmocka_unit_test_setup_teardown(machines, setup, teardown),
		cmocka_unit_test_setup_teardown(elsewhere, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
