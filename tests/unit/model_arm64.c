/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of arm64 and of what other architectures share with it: each kept once and broken once. */
#include "model_arch_test.h"

#define X0	0x6030000000100000ull
#define PC	0x6030000000100040ull
#define PSTATE	0x6030000000100042ull
#define V0	0x6040000000100054ull
#define PSCI	0x6030000000140000ull
#define GENERIC KVM_ARM_TARGET_GENERIC_V8
#define PSCI_02 (1u << KVM_ARM_VCPU_PSCI_0_2)
#define OFF	(1u << KVM_ARM_VCPU_POWER_OFF)

/* The union ends where it always did (A-5-11). */
_Static_assert(offsetof(struct kvm_run, kvm_valid_regs) == offsetof(struct kvm_run, padding) + 256,
	       "kvm_run");

static struct mh h;
static uint32_t vm, vcpu;

static void host_open(const char *release)
{
	static const struct {
		uint32_t cap;
		int32_t answer;
	} caps[] = {
		{KVM_CAP_MAX_VCPUS, 4},
		{KVM_CAP_MAX_VCPU_ID, 4},
		{KVM_CAP_NR_MEMSLOTS, 32767},
		{KVM_CAP_MULTI_ADDRESS_SPACE, 0},
		{KVM_CAP_READONLY_MEM, 1},
		{KVM_CAP_COALESCED_MMIO, 1},
		{KVM_CAP_ARM_EL1_32BIT, 0},
		{KVM_CAP_ARM_PMU_V3, 1},
		{KVM_CAP_ARM_SVE, 0},
		{KVM_CAP_ARM_PTRAUTH_ADDRESS, 1},
		{KVM_CAP_ARM_PTRAUTH_GENERIC, 1},
		{KVM_CAP_ARM_VM_IPA_SIZE, 48},
		{KVM_CAP_SYSTEM_EVENT_DATA, 1},
	};

	mh_open(&h, release, "");
	h.env.arch = KVMAPI_ARM64;
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		mh_cap(&h, caps[i].cap, caps[i].answer);
	vm = mh_vm(&h);
	GOOD(&h, "ARCH_CREATE_VM");
	vcpu = mh_vcpu(&h, vm, 0);
	GOOD(&h, "ARCH_CREATE_VCPU");
}

static void preferred(uint32_t target, int64_t ret)
{
	struct kvm_vcpu_init init = {.target = target};

	mh_io(&h, vm, "KVM_ARM_PREFERRED_TARGET", NULL, 0, &init, sizeof(init), ret);
}

static int setup_old(void **state)
{
	host_open("6.1.0");
	preferred(GENERIC, 0);
	return 0;
}

static int setup_new(void **state)
{
	host_open("6.12.0");
	return 0;
}

static int teardown(void **state)
{
	mh_close(&h);
	return 0;
}

static void init_of(uint32_t which, uint32_t target, uint32_t features, int64_t ret)
{
	struct kvm_vcpu_init init = {.target = target, .features = {features}};

	mh_io(&h, which, "KVM_ARM_VCPU_INIT", &init, sizeof(init), NULL, 0, ret);
}

static void init(uint32_t features, int64_t ret)
{
	init_of(vcpu, GENERIC, features, ret);
}

static void event(uint32_t type, uint32_t ndata, uint64_t data)
{
	struct kvm_run r = {.exit_reason = KVM_EXIT_SYSTEM_EVENT};

	r.system_event.type = type;
	r.system_event.ndata = ndata;
	r.system_event.data[0] = data;
	run_exit(&h, vcpu, &r, 0);
}

/* --- KVM_ARM_VCPU_INIT --- */

static void before_init(void **state)
{
	const struct kvm_run out = {.exit_reason = KVM_EXIT_MMIO};

	run_exit(&h, vcpu, NULL, -ENOEXEC);
	GOOD(&h, "ARM_RUN_BEFORE_INIT");
	run_exit(&h, vcpu, &out, 0);
	BAD(&h, "ARM_RUN_BEFORE_INIT");
	run_exit(&h, vcpu, NULL, -EINVAL);
	BAD(&h, "ARM_RUN_BEFORE_INIT");
	reg_get(&h, vcpu, PC, 0, -ENOEXEC);
	KNOWN(&h, "ARM_REG_BEFORE_INIT");
	reg_set(&h, vcpu, PC, 0, 0);
	BAD(&h, "ARM_REG_BEFORE_INIT");
}

static void targets(void **state)
{
	preferred(GENERIC, 0);
	GOOD(&h, "ARM_PREFERRED_TARGET");
	preferred(0, 0);
	BAD(&h, "ARM_PREFERRED_TARGET");
	preferred(77, 0);
	BAD(&h, "ARM_PREFERRED_TARGET");
	preferred(0, -ENODEV);
	ALLOWED(&h, "ARM_PREFERRED_NONE");
	preferred(0, -EINVAL);
	BAD(&h, "ARM_PREFERRED_TARGET");
	mh_expect_refused(&h, "ARM_PREFERRED_NONE");
	init_of(vcpu, 99, 0, -EINVAL);
	GOOD(&h, "ARM_INIT_OTHER_TARGET");
	init_of(vcpu, 99, 0, 0);
	BAD(&h, "ARM_INIT_OTHER_TARGET");
	init(0, 0);
	GOOD(&h, "ARM_INIT");
	init_of(vcpu, 4, 0, -EINVAL);
	GOOD(&h, "ARM_INIT_OTHER_TARGET");
	init_of(vcpu, 4, 0, 0);
	BAD(&h, "ARM_INIT_OTHER_TARGET");
}

/* The host's own target first, then the generic one: newer kernels take it. */
static void generic_target(void **state)
{
	for (int newer = 0; newer < 2; newer++) {
		mh_close(&h);
		host_open(newer ? "6.12.0" : "6.1.0");
		preferred(KVM_ARM_TARGET_CORTEX_A53, 0);
		init_of(vcpu, KVM_ARM_TARGET_CORTEX_A53, 0, 0);
		GOOD(&h, "ARM_INIT");
		init(0, newer ? 0 : -EINVAL);
		if (newer)
			KNOWN(&h, "ARM_INIT_GENERIC_TARGET");
		else
			GOOD(&h, "ARM_INIT_OTHER_TARGET");
		init(0, newer ? -EINVAL : 0);
		BAD(&h, newer ? "ARM_INIT_GENERIC_TARGET" : "ARM_INIT_OTHER_TARGET");
	}
}

static void repeats(void **state)
{
	init(PSCI_02, 0);
	GOOD(&h, "ARM_INIT");
	init(PSCI_02, 0);
	GOOD(&h, "ARM_INIT_AGAIN");
	init(PSCI_02, -EINVAL);
	BAD(&h, "ARM_INIT_AGAIN");
	init(0, -EINVAL);
	GOOD(&h, "ARM_INIT_OTHER_FEATURES");
	init(0, 0);
	BAD(&h, "ARM_INIT_OTHER_FEATURES");
	event(KVM_SYSTEM_EVENT_SHUTDOWN, 1, 0);
	init(PSCI_02, 0);
	GOOD(&h, "ARM_INIT_AGAIN");
	init(PSCI_02, -EBUSY);
	BAD(&h, "ARM_INIT_AGAIN");
}

static void first_refused(void **state)
{
	init(0x80000000, -ENOENT);
	GOOD(&h, "ARM_INIT_UNKNOWN_FEATURE");
	init(0x80000000, -EINVAL);
	BAD(&h, "ARM_INIT_UNKNOWN_FEATURE");
	init(1u << KVM_ARM_VCPU_EL1_32BIT, -EINVAL);
	GOOD(&h, "ARM_INIT_NO_CAP");
	init(1u << KVM_ARM_VCPU_EL1_32BIT, 0);
	BAD(&h, "ARM_INIT_NO_CAP");
	init(1u << KVM_ARM_VCPU_PTRAUTH_ADDRESS, -EINVAL);
	GOOD(&h, "ARM_INIT_COMBINATION");
	init(1u << KVM_ARM_VCPU_PTRAUTH_ADDRESS, 0);
	BAD(&h, "ARM_INIT_COMBINATION");
	init(PSCI_02, -EINVAL);
	BAD(&h, "ARM_INIT");
	init(PSCI_02, 0);
	GOOD(&h, "ARM_INIT");
}

static void leftovers(void **state)
{
	init(0x80000000 | OFF, -ENOENT);
	GOOD(&h, "ARM_INIT_UNKNOWN_FEATURE");
	init(0, 0);
	GOOD(&h, "ARM_INIT");
	mp_get(&h, vcpu, KVM_MP_STATE_STOPPED);
	HOLDS(&h, "ARCH_MP_STATE_GET");
	init(0, -EINVAL);
	KNOWN(&h, "ARM_INIT_LEFTOVERS");
	init(0, -EPERM);
	assert_int_not_equal(h.verdict.kind, MODEL_CONFORMS);
	mh_close(&h);
	host_open("6.12.0");
	init(0x80000000 | OFF, -ENOENT);
	init(0, 0);
	init(0, -EINVAL);
	BAD(&h, "ARM_INIT_AGAIN");
	mh_expect_refused(&h, "ARM_INIT_LEFTOVERS");
}

static void power(void **state)
{
	init(OFF, 0);
	mp_get(&h, vcpu, KVM_MP_STATE_STOPPED);
	GOOD(&h, NULL);
	HOLDS(&h, "ARM_INIT_POWERED_OFF");
	init(OFF, 0);
	mp_get(&h, vcpu, KVM_MP_STATE_RUNNABLE);
	BAD(&h, "ARM_INIT_POWERED_OFF");
	mp_set(&h, vcpu, KVM_MP_STATE_RUNNABLE, 0);
	GOOD(&h, "ARCH_MP_STATE_SET");
	init(OFF, 0);
	mp_get(&h, vcpu, KVM_MP_STATE_RUNNABLE);
	BAD(&h, "ARM_INIT_POWERED_OFF");
	init(0, -EINVAL);
	GOOD(&h, "ARM_INIT_OTHER_FEATURES");
	init(0, 0);
	BAD(&h, "ARM_INIT_OTHER_FEATURES");
}

static void power_apart(void **state)
{
	init(OFF, 0);
	init(0, 0);
	KNOWN(&h, "ARM_INIT_POWER_OFF_APART");
	mp_get(&h, vcpu, KVM_MP_STATE_RUNNABLE);
	HOLDS(&h, "ARM_INIT_POWERED_ON");
	init(0, 0);
	mp_get(&h, vcpu, KVM_MP_STATE_STOPPED);
	BAD(&h, "ARM_INIT_POWERED_ON");
	init(OFF, -EINVAL);
	BAD(&h, "ARM_INIT_AGAIN");
	init(0, -EINVAL);
	BAD(&h, "ARM_INIT_POWER_OFF_APART");
}

static void stopped(void **state)
{
	struct kvm_run out = {.exit_reason = KVM_EXIT_MMIO};

	out.mmio.len = 4;
	init(OFF, 0);
	run_exit(&h, vcpu, NULL, -EINTR);
	KNOWN(&h, "ARM_RUN_STOPPED");
	mp_set(&h, vcpu, KVM_MP_STATE_STOPPED, 0);
	run_exit(&h, vcpu, &out, 0);
	BAD(&h, "ARM_RUN_STOPPED");
	mp_set(&h, vcpu, KVM_MP_STATE_RUNNABLE, 0);
	run_exit(&h, vcpu, &out, 0);
	GOOD(&h, "ARCH_RUN");
}

static void second_vcpu(void **state)
{
	uint32_t other = mh_vcpu(&h, vm, 1);
	uint32_t log[4] = {0};

	init(PSCI_02, 0);
	/* What is known of dirty logs is kept apart. */
	mh_io(&h, vm, "KVM_GET_DIRTY_LOG", log, sizeof(log), NULL, 0, -ENOENT);
	KNOWN(&h, "DIRTY_LOG_NONE");
	init_of(other, GENERIC, 0, -EINVAL);
	KNOWN(&h, "ARM_INIT_VM_WIDE");
	init_of(other, GENERIC, 0, 0);
	BAD(&h, "ARM_INIT_VM_WIDE");
	init_of(other, GENERIC, PSCI_02 | OFF, 0);
	GOOD(&h, "ARM_INIT");
	/* PSCI CPU_ON of the first one may switch it on. */
	event(KVM_SYSTEM_EVENT_SUSPEND, 0, 0);
	mp_get(&h, other, KVM_MP_STATE_RUNNABLE);
	GOOD(&h, "ARCH_MP_STATE_GET");
}

static void widths(void **state)
{
	uint32_t other;

	mh_close(&h);
	mh_open(&h, "6.1.0", "");
	h.env.arch = KVMAPI_ARM64;
	mh_cap(&h, KVM_CAP_ARM_EL1_32BIT, 1);
	vm = mh_vm(&h);
	vcpu = mh_vcpu(&h, vm, 0);
	other = mh_vcpu(&h, vm, 1);
	init(1u << KVM_ARM_VCPU_EL1_32BIT, 0);
	GOOD(&h, "ARM_INIT");
	reg_get(&h, vcpu, PSTATE, 0x1d3, 0);
	HOLDS(&h, "ARM_INIT_32BIT");
	init(1u << KVM_ARM_VCPU_EL1_32BIT, 0);
	reg_get(&h, vcpu, PSTATE, 0x3c5, 0);
	BAD(&h, "ARM_INIT_32BIT");
	init_of(other, GENERIC, 0, -EINVAL);
	KNOWN(&h, "ARM_INIT_WIDTH");
	init_of(other, GENERIC, 0, 0);
	BAD(&h, "ARM_INIT_WIDTH");
}

static void resets(void **state)
{
	static const uint64_t ids[] = {X0, PC, V0, PSTATE};

	init(PSCI_02, 0);
	for (size_t i = 0; i < 4; i++) {
		uint64_t value = ids[i] == PSTATE ? 0x3c5 : 0;

		reg_get(&h, vcpu, ids[i], value, 0);
		HOLDS(&h, "ARM_INIT_RESETS");
		init(PSCI_02, 0);
		reg_set(&h, vcpu, ids[i], 0x3c4, 0);
		GOOD(&h, "ARM_REG_CORE");
		init(PSCI_02, 0);
		reg_get(&h, vcpu, ids[i], 0x3c4, 0);
		BAD(&h, "ARM_INIT_RESETS");
	}
	reg_get(&h, vcpu, PSCI, 0x10001, 0);
	HOLDS(&h, "ARM_PSCI_VERSION");
	reg_get(&h, vcpu, PSCI, 1, 0);
	BAD(&h, "ARM_PSCI_VERSION");
	mh_close(&h);
	host_open("6.1.0");
	init(0, 0);
	reg_get(&h, vcpu, PSCI, 1, 0);
	HOLDS(&h, "ARM_PSCI_VERSION");
	reg_get(&h, vcpu, PSCI, 0x10001, 0);
	BAD(&h, "ARM_PSCI_VERSION");
}

/* --- registers --- */

static void registers(void **state)
{
	init(PSCI_02, 0);
	reg_set(&h, vcpu, X0, 5, 0);
	reg_get(&h, vcpu, X0, 5, 0);
	HOLDS(&h, "ARM_REG_SAME");
	reg_get(&h, vcpu, X0, 6, 0);
	BAD(&h, "ARM_REG_SAME");
	reg_get(&h, vcpu, X0, 0, -ENOENT);
	BAD(&h, "ARM_REG_CORE");
	reg_get(&h, vcpu, X0 - (1ull << 52), 0, -EINVAL);
	GOOD(&h, "ARM_REG_CORE_SIZE");
	reg_get(&h, vcpu, X0 - (1ull << 52), 0, 0);
	BAD(&h, "ARM_REG_CORE_SIZE");
	reg_get(&h, vcpu, X0 + 1, 0, 0);
	BAD(&h, "ARM_REG_CORE_SIZE");
	reg_get(&h, vcpu, X0 + 0xfff, 0, -ENOENT);
	GOOD(&h, "ARM_REG_CORE_RANGE");
	reg_get(&h, vcpu, X0 + 0xfff, 0, 0);
	BAD(&h, "ARM_REG_CORE_RANGE");
	reg_get(&h, vcpu, X0 | 1ull << 60, 0, -EINVAL);
	GOOD(&h, "ARM_REG_FOREIGN");
	reg_get(&h, vcpu, X0 | 1ull << 60, 0, -ENOENT);
	GOOD(&h, "ARM_REG_FOREIGN");
	reg_get(&h, vcpu, X0 | 1ull << 60, 0, 0);
	BAD(&h, "ARM_REG_FOREIGN");
	reg_get(&h, vcpu, 0x603000000013c000, 0, 0);
	ALLOWED(&h, "ARM_REG_OTHER");
	reg_get(&h, vcpu, 0x603000000013ffff, 0, -ENOENT);
	ALLOWED(&h, "ARM_REG_REFUSED");
	reg_get(&h, vcpu, 0x603000000013ffff, 0, -EDOM);
	BAD(&h, "ARM_REG_OTHER");
	mh_expect_refused(&h, "ARM_REG_REFUSED");
}

static void list(uint64_t room, uint64_t n, uint64_t second, int64_t ret)
{
	uint64_t in[4] = {room}, out[4] = {n, X0, second, PC};

	mh_io(&h, vcpu, "KVM_GET_REG_LIST", in, sizeof(in), out, sizeof(out), ret);
}

static void reg_list(void **state)
{
	list(0, 3, 0, -ENOEXEC);
	KNOWN(&h, "REG_LIST_NEEDS_INIT");
	list(3, 3, V0, 0);
	BAD(&h, "REG_LIST_NEEDS_INIT");
	init(0, 0);
	list(0, 3, 0, -E2BIG);
	GOOD(&h, "ARCH_REG_LIST_TOO_SMALL");
	list(2, 3, V0, 0);
	BAD(&h, "ARCH_REG_LIST_TOO_SMALL");
	list(3, 3, V0, 0);
	GOOD(&h, "ARCH_REG_LIST");
	HOLDS(&h, "ARCH_REG_LIST_IDS");
	list(3, 2, V0, 0);
	BAD(&h, "ARCH_REG_LIST_COUNT");
	list(3, 2, X0, 0);
	BAD(&h, "ARCH_REG_LIST_IDS");
	list(3, 3, V0, -EPERM);
	ALLOWED(&h, "ARCH_REG_LIST_UNFINALIZED");
	list(3, 3, V0, -EINVAL);
	BAD(&h, "ARCH_REG_LIST");
}

static void mp_states(void **state)
{
	init(0, 0);
	mp_set(&h, vcpu, KVM_MP_STATE_SUSPENDED, 0);
	GOOD(&h, "ARCH_MP_STATE_SUSPENDED");
	mp_get(&h, vcpu, KVM_MP_STATE_SUSPENDED);
	HOLDS(&h, "ARCH_MP_STATE_SAME");
	mp_get(&h, vcpu, KVM_MP_STATE_STOPPED);
	BAD(&h, "ARCH_MP_STATE_SAME");
	mp_get(&h, vcpu, KVM_MP_STATE_HALTED);
	BAD(&h, "ARCH_MP_STATE_VALUES");
	mp_set(&h, vcpu, KVM_MP_STATE_HALTED, -EINVAL);
	KNOWN(&h, "ARCH_MP_STATE_OTHER");
	mp_set(&h, vcpu, KVM_MP_STATE_HALTED, 0);
	BAD(&h, "ARCH_MP_STATE_OTHER");
	mp_set(&h, vcpu, KVM_MP_STATE_STOPPED, -EINVAL);
	BAD(&h, "ARCH_MP_STATE_SET");
	mp_set(&h, vcpu, KVM_MP_STATE_SUSPENDED, -EINVAL);
	BAD(&h, "ARCH_MP_STATE_SUSPENDED");
}

/* --- KVM_RUN --- */

static void events(void **state)
{
	static const struct {
		uint32_t type, ndata;
		uint64_t data;
		const char *bad;
	} cases[] = {
		{KVM_SYSTEM_EVENT_SHUTDOWN, 1, 0, NULL},
		{KVM_SYSTEM_EVENT_SHUTDOWN, 1, 1, NULL},
		{KVM_SYSTEM_EVENT_RESET, 1, 1, NULL},
		{KVM_SYSTEM_EVENT_WAKEUP, 0, 0, NULL},
		{0, 1, 0, "SYSTEM_EVENT_TYPE"},
		{KVM_SYSTEM_EVENT_CRASH, 1, 0, "SYSTEM_EVENT_TYPE"},
		{8, 1, 0, "SYSTEM_EVENT_TYPE"},
		{KVM_SYSTEM_EVENT_RESET, 1, 2, "SYSTEM_EVENT_FLAGS"},
		{KVM_SYSTEM_EVENT_RESET, 17, 0, "SYSTEM_EVENT_FLAGS"},
		{KVM_SYSTEM_EVENT_SUSPEND, 0, 0, "ARM_EVENT_SUSPEND_CAP"},
	};
	struct kvm_enable_cap cap = {.cap = KVM_CAP_ARM_SYSTEM_SUSPEND};

	init(PSCI_02, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		event(cases[i].type, cases[i].ndata, cases[i].data);
		if (cases[i].bad) {
			BAD(&h, cases[i].bad);
		} else {
			HOLDS(&h, "SYSTEM_EVENT_TYPE");
			HOLDS(&h, "SYSTEM_EVENT_FLAGS");
		}
		init(PSCI_02, 0);
	}
	mh_io(&h, vm, "KVM_ENABLE_CAP", &cap, sizeof(cap), NULL, 0, 0);
	GOOD(&h, "ARM_CAP_SUCCEEDS");
	event(KVM_SYSTEM_EVENT_SUSPEND, 0, 0);
	GOOD(&h, "ARM_EVENT_SUSPEND_CAP");
	cap.flags = 1;
	mh_io(&h, vm, "KVM_ENABLE_CAP", &cap, sizeof(cap), NULL, 0, -EINVAL);
	GOOD(&h, "ARCH_ENABLE_CAP_FLAGS");
	mh_io(&h, vm, "KVM_ENABLE_CAP", &cap, sizeof(cap), NULL, 0, 0);
	BAD(&h, "ARCH_ENABLE_CAP_FLAGS");
}

static void after_events(void **state)
{
	static const uint32_t types[] = {KVM_SYSTEM_EVENT_SHUTDOWN, KVM_SYSTEM_EVENT_RESET};
	struct kvm_run out = {.exit_reason = KVM_EXIT_MMIO};

	out.mmio.len = 8;
	init(PSCI_02, 0);
	for (size_t i = 0; i < 2; i++) {
		event(types[i], 1, 0);
		mp_get(&h, vcpu, KVM_MP_STATE_STOPPED);
		KNOWN(&h, "ARM_EVENT_STOPS");
		reg_get(&h, vcpu, X0, -6, 0);
		KNOWN(&h, "ARM_EVENT_RESULT");
		mp_set(&h, vcpu, KVM_MP_STATE_RUNNABLE, 0);
		run_exit(&h, vcpu, &out, 0);
		GOOD(&h, "SYSTEM_EVENT_RUN_AGAIN");
		event(types[i], 1, 0);
		mp_get(&h, vcpu, KVM_MP_STATE_RUNNABLE);
		BAD(&h, "ARM_EVENT_STOPS");
		reg_get(&h, vcpu, X0, 0, 0);
		BAD(&h, "ARM_EVENT_RESULT");
		run_exit(&h, vcpu, NULL, -EINTR);
		HOLDS(&h, "SYSTEM_EVENT_RUN_AGAIN");
		event(types[i], 1, 0);
		run_exit(&h, vcpu, NULL, -EINVAL);
		BAD(&h, "SYSTEM_EVENT_RUN_AGAIN");
	}
}

static void exits(void **state)
{
	struct kvm_run in = {.immediate_exit = 1}, out = {.exit_reason = KVM_EXIT_MMIO};
	struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_ENABLE};

	init(0, 0);
	mh_run(&h, vcpu, &in, KVMAPI_RUN_UNION, NULL, 0, -EINTR);
	GOOD(&h, "ARCH_RUN_IMMEDIATE");
	mh_run(&h, vcpu, &in, KVMAPI_RUN_UNION, &out, KVMAPI_RUN_VALID_REGS, 0);
	BAD(&h, "ARCH_RUN_IMMEDIATE");
	out.mmio.len = 4;
	run_exit(&h, vcpu, &out, 0);
	HOLDS(&h, "ARCH_RUN_MMIO");
	out.mmio.len = 9;
	run_exit(&h, vcpu, &out, 0);
	BAD(&h, "ARCH_RUN_MMIO");
	out.exit_reason = KVM_EXIT_IO;
	run_exit(&h, vcpu, &out, 0);
	BAD(&h, "ARCH_RUN_REASON");
	out.exit_reason = KVM_EXIT_DEBUG;
	run_exit(&h, vcpu, &out, 0);
	BAD(&h, "ARCH_RUN_DEBUG");
	mh_io(&h, vcpu, "KVM_SET_GUEST_DEBUG", &debug, sizeof(debug), NULL, 0, 0);
	GOOD(&h, "ARCH_GUEST_DEBUG");
	run_exit(&h, vcpu, &out, 0);
	HOLDS(&h, "ARCH_RUN_DEBUG");
	mh_io(&h, vcpu, "KVM_SET_GUEST_DEBUG", &debug, sizeof(debug), NULL, 0, -EDOM);
	BAD(&h, "ARCH_GUEST_DEBUG");
	debug.control = 1u << 31 | 1;
	mh_io(&h, vcpu, "KVM_SET_GUEST_DEBUG", &debug, sizeof(debug), NULL, 0, -EINVAL);
	KNOWN(&h, "ARCH_GUEST_DEBUG_BITS");
	mh_io(&h, vcpu, "KVM_SET_GUEST_DEBUG", &debug, sizeof(debug), NULL, 0, 0);
	BAD(&h, "ARCH_GUEST_DEBUG_BITS");
	run_exit(&h, vcpu, NULL, -EFAULT);
	ALLOWED(&h, "ARM_RUN_REFUSED");
	run_exit(&h, vcpu, NULL, -EDOM);
	BAD(&h, "ARCH_RUN");
	mh_expect_refused(&h, "ARM_RUN_REFUSED");
	mh_value(&h, vcpu, "KVM_RUN", 1, -EINVAL);
	KNOWN(&h, "ARCH_RUN_NO_ARGUMENT");
	mh_value(&h, vcpu, "KVM_RUN", 1, 0);
	BAD(&h, "ARCH_RUN_NO_ARGUMENT");
}

/* A store waits for its completion while the vCPU is made anew. */
static void completion(void **state)
{
	struct kvm_run in = {.immediate_exit = 1, .exit_reason = KVM_EXIT_MMIO};
	struct kvm_run out = {.exit_reason = KVM_EXIT_MMIO};

	out.mmio.len = 4;
	init(0, 0);
	for (uint64_t i = 0; i < 2; i++) {
		run_exit(&h, vcpu, &out, 0);
		init(0, 0);
		reg_set(&h, vcpu, PC, 0x1000, 0);
		mh_run(&h, vcpu, &in, KVMAPI_RUN_UNION, NULL, 0, -EINTR);
		reg_get(&h, vcpu, PC, 0x1004 - 4 * i, 0);
		if (i)
			BAD(&h, "ARM_MMIO_COMPLETED");
		else
			KNOWN(&h, "ARM_MMIO_COMPLETED");
	}
	/* It is completed once. */
	reg_set(&h, vcpu, PC, 0x1000, 0);
	mh_run(&h, vcpu, &in, KVMAPI_RUN_UNION, NULL, 0, -EINTR);
	reg_get(&h, vcpu, PC, 0x1000, 0);
	GOOD(&h, "ARM_REG_CORE");
}

static void sve(void **state)
{
	mh_close(&h);
	mh_open(&h, "6.12.0", "");
	h.env.arch = KVMAPI_ARM64;
	mh_cap(&h, KVM_CAP_ARM_SVE, 1);
	vm = mh_vm(&h);
	vcpu = mh_vcpu(&h, vm, 0);
	init(1u << KVM_ARM_VCPU_SVE, 0);
	GOOD(&h, "ARM_INIT");
	run_exit(&h, vcpu, NULL, -EPERM);
	GOOD(&h, "ARM_RUN_UNFINALIZED");
	reg_get(&h, vcpu, V0, 0, -EINVAL);
	GOOD(&h, "ARM_SVE_CORE");
	mh_close(&h);
	host_open("6.12.0");
	init(0, 0);
	run_exit(&h, vcpu, NULL, -EDOM);
	BAD(&h, "ARCH_RUN");
	mh_expect_refused(&h, "ARM_RUN_UNFINALIZED");
}

/* --- calls that all architectures share --- */

static void shared(void **state)
{
	struct kvm_userspace_memory_region r = {
		.guest_phys_addr = 1ull << 30, .memory_size = 1 << 20, .userspace_addr = 1 << 20};

	mh_value(&h, 1, "KVM_GET_API_VERSION", 0, 12);
	GOOD(&h, "API_VERSION_IS_12");
	mh_value(&h, 1, "KVM_GET_API_VERSION", 0, 11);
	BAD(&h, "API_VERSION_IS_12");
	mh_value(&h, 1, "KVM_GET_VCPU_MMAP_SIZE", 0, 8192);
	GOOD(&h, "MMAP_SIZE_POSITIVE");
	mh_value(&h, 1, "KVM_GET_VCPU_MMAP_SIZE", 0, 4096);
	BAD(&h, "MMAP_SIZE_POSITIVE");
	mh_value(&h, 1, "KVM_CHECK_EXTENSION", KVM_CAP_ARM_SVE, 0);
	GOOD(&h, "CHECK_EXTENSION_ANSWERS");
	mh_value(&h, 1, "KVM_CHECK_EXTENSION", KVM_CAP_ARM_SVE, 1);
	BAD(&h, "CHECK_EXTENSION_SAME");
	mh_value(&h, vm, "KVM_CHECK_EXTENSION", KVM_CAP_ARM_SVE, -EINVAL);
	BAD(&h, "CHECK_EXTENSION_ANSWERS");
	mh_value(&h, 1, "KVM_CREATE_VM", 0, -EINVAL);
	BAD(&h, "ARCH_CREATE_VM");
	mh_value(&h, 1, "KVM_CREATE_VM", 36, 20);
	ALLOWED(&h, "ARCH_CREATE_VM_TYPE");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 0, -EEXIST);
	KNOWN(&h, "ARCH_CREATE_VCPU_TAKEN");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 0, 20);
	BAD(&h, "ARCH_CREATE_VCPU_TAKEN");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 4, -EINVAL);
	GOOD(&h, "ARCH_CREATE_VCPU_ID");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 4, 20);
	BAD(&h, "ARCH_CREATE_VCPU_ID");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 1, -EEXIST);
	BAD(&h, "ARCH_CREATE_VCPU");
	mh_io(&h, vm, "KVM_SET_USER_MEMORY_REGION", &r, sizeof(r), NULL, 0, 0);
	GOOD(&h, "MEMORY_REGION_SUCCEEDS");
	r.slot = 1;
	mh_io(&h, vm, "KVM_SET_USER_MEMORY_REGION", &r, sizeof(r), NULL, 0, 0);
	BAD(&h, "MEMORY_REGION_OVERLAP");
	r.guest_phys_addr = 1ull << 41;
	mh_io(&h, vm, "KVM_SET_USER_MEMORY_REGION", &r, sizeof(r), NULL, 0, -EFAULT);
	ALLOWED(&h, "MEMORY_REGION_HOST_LIMIT");
	mh_close(&h);
	mh_open(&h, "6.12.0", "");
	h.env.arch = KVMAPI_ARM64;
	mh_cap(&h, KVM_CAP_ARM_VM_IPA_SIZE, 36);
	mh_value(&h, 1, "KVM_CREATE_VM", 0, -EINVAL);
	ALLOWED(&h, "ARCH_CREATE_VM_IPA");
}

static void gic(void **state)
{
	struct kvm_irq_level spi = {.irq = KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | 40},
			     cpu = {.irq = KVM_ARM_IRQ_TYPE_CPU << KVM_ARM_IRQ_TYPE_SHIFT};

	mh_io(&h, vm, "KVM_IRQ_LINE", &spi, sizeof(spi), NULL, 0, -ENXIO);
	GOOD(&h, "ARM_IRQ_LINE_NEEDS_GIC");
	mh_io(&h, vm, "KVM_IRQ_LINE", &spi, sizeof(spi), NULL, 0, 0);
	BAD(&h, "ARM_IRQ_LINE_NEEDS_GIC");
	mh_io(&h, vm, "KVM_IRQ_LINE", &cpu, sizeof(cpu), NULL, 0, 0);
	GOOD(&h, "ARM_IRQ_LINE");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, -ENODEV);
	ALLOWED(&h, "ARM_IRQCHIP_REFUSED");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, -EINVAL);
	BAD(&h, "ARM_IRQCHIP");
	mh_expect_refused(&h, "ARM_IRQCHIP_REFUSED");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	GOOD(&h, "ARM_IRQCHIP");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, -EEXIST);
	KNOWN(&h, "ARM_IRQCHIP_ONCE");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	BAD(&h, "ARM_IRQCHIP_ONCE");
	mh_io(&h, vm, "KVM_IRQ_LINE", &cpu, sizeof(cpu), NULL, 0, -ENXIO);
	KNOWN(&h, "ARM_IRQ_LINE_CPU");
	mh_io(&h, vm, "KVM_IRQ_LINE", &cpu, sizeof(cpu), NULL, 0, 0);
	BAD(&h, "ARM_IRQ_LINE_CPU");
}

static void late_vcpu(void **state)
{
	vm = mh_object(&h, KVMAPI_VM, 0, UINT64_MAX, TAPE_OBJECT_PRE_EXISTING);
	mh_value(&h, vm, "KVM_CREATE_VCPU", 1, -EBUSY);
	KNOWN(&h, "ARCH_CREATE_VCPU_LATE");
}

/* A vCPU from before the recording: nothing is held against the kernel. */
static void attached(void **state)
{
	const int64_t answers[] = {0, -EINVAL, -ENOEXEC};
	const struct kvm_run out = {.exit_reason = KVM_EXIT_SYSTEM_EVENT,
				    .system_event = {.type = KVM_SYSTEM_EVENT_SHUTDOWN}};
	struct tape_gap gap = {.events = 1};

	init(PSCI_02, 0);
	assert_int_equal(model_gap(h.model, &gap), 0);
	for (size_t i = 0; i < 3; i++) {
		init(i ? 0 : OFF, answers[i] == -ENOEXEC ? 0 : answers[i]);
		mh_expect(&h, answers[i] == -EINVAL ? MODEL_UNSPECIFIED : MODEL_CONFORMS, NULL);
		assert_int_equal(model_gap(h.model, &gap), 0);
		reg_get(&h, vcpu, X0, 7, answers[i] == -EINVAL ? 0 : answers[i]);
		mh_expect(&h, answers[i] == -ENOEXEC ? MODEL_DEVIATION : MODEL_CONFORMS, NULL);
		run_exit(&h, vcpu, &out, answers[i]);
		mh_expect(&h, answers[i] ? MODEL_UNSPECIFIED : MODEL_CONFORMS, NULL);
		assert_int_equal(model_gap(h.model, &gap), 0);
		mp_get(&h, vcpu, KVM_MP_STATE_STOPPED);
		GOOD(&h, "ARCH_MP_STATE_VALUES");
	}
}

static int setup_riscv(void **state)
{
	mh_open(&h, "6.12.0", "");
	h.env.arch = KVMAPI_RISCV;
	vm = mh_vm(&h);
	vcpu = mh_vcpu(&h, vm, 0);
	return 0;
}

static void riscv(void **state)
{
	struct kvm_run out = {.exit_reason = KVM_EXIT_RISCV_SBI};
	uint64_t in[3] = {2}, names[3] = {2, KVM_REG_RISCV | 1, KVM_REG_RISCV | 2};

	mp_set(&h, vcpu, KVM_MP_STATE_STOPPED, 0);
	GOOD(&h, "ARCH_MP_STATE_SET");
	mp_get(&h, vcpu, KVM_MP_STATE_RUNNABLE);
	BAD(&h, "ARCH_MP_STATE_SAME");
	mh_io(&h, vcpu, "KVM_GET_REG_LIST", in, sizeof(in), names, sizeof(names), 0);
	GOOD(&h, "ARCH_REG_LIST");
	names[2] = X0;
	mh_io(&h, vcpu, "KVM_GET_REG_LIST", in, sizeof(in), names, sizeof(names), 0);
	BAD(&h, "ARCH_REG_LIST_IDS");
	reg_get(&h, vcpu, KVM_REG_RISCV | 3ull << 52 | 2 << 24, 0, 0);
	ALLOWED(&h, "ARCH_REG");
	run_exit(&h, vcpu, &out, 0);
	GOOD(&h, "ARCH_RUN");
	out.exit_reason = KVM_EXIT_PAPR_HCALL;
	run_exit(&h, vcpu, &out, 0);
	BAD(&h, "ARCH_RUN_REASON");
}

#define OLD(test) cmocka_unit_test_setup_teardown(test, setup_old, teardown)
#define NEW(test) cmocka_unit_test_setup_teardown(test, setup_new, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OLD(before_init),
		NEW(before_init),
		OLD(targets),
		NEW(targets),
		OLD(generic_target),
		OLD(repeats),
		NEW(repeats),
		OLD(first_refused),
		NEW(first_refused),
		OLD(leftovers),
		OLD(power),
		NEW(power_apart),
		OLD(stopped),
		NEW(stopped),
		NEW(second_vcpu),
		OLD(widths),
		OLD(resets),
		NEW(resets),
		NEW(registers),
		NEW(reg_list),
		NEW(mp_states),
		OLD(events),
		NEW(events),
		OLD(after_events),
		NEW(after_events),
		NEW(exits),
		OLD(completion),
		NEW(completion),
		OLD(sve),
		NEW(shared),
		NEW(gic),
		NEW(late_vcpu),
		OLD(attached),
		NEW(attached),
		cmocka_unit_test_setup_teardown(riscv, setup_riscv, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
