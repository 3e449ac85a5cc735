/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of events, MP state, the local APIC, debugging, machine checks and whatever else a vCPU
 * takes. */
#include "model_vcpu_test.h"

static int setup(void **state)
{
	vcpu_open("6.12.0", "kvm_amd", CHIP, 0);
	return 0;
}

static int setup_bare(void **state)
{
	vcpu_open("6.12.0", "kvm_amd", NO_CHIP, 0);
	return 0;
}

#define EVENTS struct kvm_vcpu_events
#define ALWAYS \
	(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM)

static void events(void **state)
{
	static const struct {
		uint32_t at;
		uint8_t value;
		const char *rule;
	} bad[] = {
		{offsetof(EVENTS, exception.error_code), 1, "EVENTS_SAME"},
		{offsetof(EVENTS, interrupt.nr), 9, "EVENTS_SAME"},
		{offsetof(EVENTS, nmi.masked), 1, "EVENTS_SAME"},
		{offsetof(EVENTS, nmi.injected), 2, "EVENTS_SAME"},
		{offsetof(EVENTS, smi.smm), 2, "EVENTS_BOOLEANS"},
		{offsetof(EVENTS, smi.smm), 1, "EVENTS_NO_SMM"},
		{offsetof(EVENTS, sipi_vector), 1, "EVENTS_FILLER_ZERO"},
		{offsetof(EVENTS, reserved), 1, "EVENTS_FILLER_ZERO"},
		{offsetof(EVENTS, flags), 0xf, "EVENTS_FLAGS"},
		{offsetof(EVENTS, flags), 0x1d, "EVENTS_PAYLOAD_FLAG"},
		{offsetof(EVENTS, flags), 0x2d, "EVENTS_TRIPLE_FAULT_FLAG"},
	};
	EVENTS in = {.exception = {.nr = 13}, .flags = ALWAYS}, out;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (i) {
			mh_close(&h);
			setup(state);
		}
		IN(&h, vcpu, "KVM_SET_VCPU_EVENTS", in, 0);
		GOOD(&h, "EVENTS_SET_SUCCEEDS");
		out = in;
		if (!strcmp(bad[i].rule, "EVENTS_SAME")) {
			OUT(&h, vcpu, "KVM_GET_VCPU_EVENTS", out, 0);
			GOOD(&h, "EVENTS_SAME");
			GOOD(&h, "EVENTS_GET_SUCCEEDS");
		}
		((uint8_t *)&out)[bad[i].at] = bad[i].value;
		OUT(&h, vcpu, "KVM_GET_VCPU_EVENTS", out, 0);
		BAD(&h, bad[i].rule);
	}
	mh_close(&h);

	setup(state);
	out = in;
	out.exception.injected = 1;
	out.exception.nr = 2;
	OUT(&h, vcpu, "KVM_GET_VCPU_EVENTS", out, 0);
	BAD(&h, "EVENTS_EXCEPTION_NUMBER");
	mh_close(&h);

	/* The flags follow the capabilities. */
	setup(state);
	vm_enable(KVM_CAP_EXCEPTION_PAYLOAD, 1);
	vm_enable(KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1);
	out = (EVENTS){.flags = ALWAYS | KVM_VCPUEVENT_VALID_PAYLOAD |
				KVM_VCPUEVENT_VALID_TRIPLE_FAULT};
	OUT(&h, vcpu, "KVM_GET_VCPU_EVENTS", out, 0);
	GOOD(&h, "EVENTS_PAYLOAD_FLAG");
	assert_true(mh_held(&h, "EVENTS_TRIPLE_FAULT_FLAG"));
	IN(&h, vcpu, "KVM_SET_VCPU_EVENTS", out, 0);
	GOOD(&h, "EVENTS_SET_SUCCEEDS");
	IN(&h, vcpu, "KVM_SET_VCPU_EVENTS", out, -EINVAL);
	BAD(&h, "EVENTS_SET_SUCCEEDS");
}

/* An exception that KVM_SET_GUEST_DEBUG injects is there. */
/* KVM_SET_REGS drops what was pending, and nothing else is said of the exception. */
static void events_dropped(void **state)
{
	EVENTS pending = {.exception = {.pending = 1, .nr = 13},
			  .flags = ALWAYS | KVM_VCPUEVENT_VALID_PAYLOAD};
	struct kvm_regs regs = {.rflags = 2};

	for (int still = 0; still < 2; still++) {
		if (still) {
			mh_close(&h);
			setup(state);
		}
		vm_enable(KVM_CAP_EXCEPTION_PAYLOAD, 1);
		IN(&h, vcpu, "KVM_SET_VCPU_EVENTS", pending, 0);
		GOOD(&h, "EVENTS_SET_SUCCEEDS");
		IN(&h, vcpu, "KVM_SET_REGS", regs, 0);
		pending.exception.pending = still;
		OUT(&h, vcpu, "KVM_GET_VCPU_EVENTS", pending, 0);
		if (still)
			BAD(&h, "EVENTS_SAME");
		else
			GOOD(&h, "EVENTS_SAME");
		pending.exception.pending = 1;
	}
}

static void events_injected(void **state)
{
	static const struct {
		uint32_t control;
		uint8_t nr;
	} cases[] = {{KVM_GUESTDBG_INJECT_DB, 1}, {KVM_GUESTDBG_INJECT_BP, 3}};

	for (size_t i = 0; i < 4; i++) {
		struct kvm_guest_debug debug = {.control =
							KVM_GUESTDBG_ENABLE | cases[i / 2].control};
		EVENTS out = {.flags = ALWAYS, .exception = {.nr = cases[i / 2].nr}};

		IN(&h, vcpu, "KVM_SET_GUEST_DEBUG", debug, 0);
		out.exception.nr ^= i % 2 * 4;
		OUT(&h, vcpu, "KVM_GET_VCPU_EVENTS", out, 0);
		if (i % 2)
			BAD(&h, "EVENTS_SAME");
		else
			GOOD(&h, "EVENTS_SAME");
	}
}

static void events_refused(void **state)
{
	EVENTS e = {.flags = 0x100};

	IN(&h, vcpu, "KVM_SET_VCPU_EVENTS", e, -EINVAL);
	KNOWN(&h, "EVENTS_INVALID");
	IN(&h, vcpu, "KVM_SET_VCPU_EVENTS", e, 0);
	BAD(&h, "EVENTS_INVALID");
	e.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	IN(&h, vcpu, "KVM_SET_VCPU_EVENTS", e, -EINVAL);
	GOOD(&h, "EVENTS_NEEDS_PAYLOAD_CAP");
	e.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	IN(&h, vcpu, "KVM_SET_VCPU_EVENTS", e, 0);
	BAD(&h, "EVENTS_NEEDS_TRIPLE_FAULT_CAP");
	e = (EVENTS){.exception = {.injected = 1, .nr = 32}};
	IN(&h, vcpu, "KVM_SET_VCPU_EVENTS", e, -EINVAL);
	KNOWN(&h, "EVENTS_EXCEPTION_NUMBER");
	e = (EVENTS){.smi = {.smm = 1}, .flags = KVM_VCPUEVENT_VALID_SMM};
	IN(&h, vcpu, "KVM_SET_VCPU_EVENTS", e, -EINVAL);
	KNOWN(&h, "EVENTS_SMM_REFUSED");
}

static void injection(void **state)
{
	struct kvm_interrupt irq = {.irq = 0x31};
	struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_INJECT_BP};
	EVENTS e = {.interrupt = {.injected = 1, .nr = 0x31}, .flags = ALWAYS};

	/* The PIC is in the kernel. */
	IN(&h, vcpu, "KVM_INTERRUPT", irq, -ENXIO);
	GOOD(&h, "INTERRUPT_PIC_IN_KERNEL");
	IN(&h, vcpu, "KVM_INTERRUPT", irq, 0);
	BAD(&h, "INTERRUPT_PIC_IN_KERNEL");
	irq.irq = 256;
	IN(&h, vcpu, "KVM_INTERRUPT", irq, -EINVAL);
	GOOD(&h, "INTERRUPT_NUMBER");
	mh_value(&h, vcpu, "KVM_NMI", 0, 0);
	GOOD(&h, "NMI_SUCCEEDS");
	mh_value(&h, vcpu, "KVM_NMI", 0, -EINVAL);
	BAD(&h, "NMI_SUCCEEDS");
	mh_value(&h, vcpu, "KVM_SMI", 0, -ENOTTY);
	KNOWN(&h, "SMI_WITHOUT_SMM");
	IN(&h, vcpu, "KVM_SET_GUEST_DEBUG", debug, -EBUSY);
	KNOWN(&h, "GUEST_DEBUG_EXCEPTION_PENDING");
	debug.control = 0;
	IN(&h, vcpu, "KVM_SET_GUEST_DEBUG", debug, -EBUSY);
	BAD(&h, "GUEST_DEBUG_SUCCEEDS");
	mh_close(&h);

	/* No irqchip: a second one replaces the first, and is seen at once. */
	setup_bare(state);
	irq.irq = 0x31;
	IN(&h, vcpu, "KVM_INTERRUPT", irq, -EEXIST);
	BAD(&h, "INTERRUPT_SUCCEEDS");
	IN(&h, vcpu, "KVM_INTERRUPT", irq, 0);
	GOOD(&h, "INTERRUPT_SUCCEEDS");
	OUT(&h, vcpu, "KVM_GET_VCPU_EVENTS", e, 0);
	GOOD(&h, "EVENTS_SAME");
	e.interrupt.nr = 0x32;
	OUT(&h, vcpu, "KVM_GET_VCPU_EVENTS", e, 0);
	BAD(&h, "EVENTS_SAME");
	mh_close(&h);

	vcpu_open("6.12.0", "kvm_amd", SPLIT_CHIP, 1);
	IN(&h, vcpu, "KVM_INTERRUPT", irq, -EEXIST);
	ALLOWED(&h, "INTERRUPT_ENQUEUED");
	mh_value(&h, vcpu, "KVM_SMI", 0, 0);
	GOOD(&h, "SMI_SUCCEEDS");
}

static uint32_t mp(uint32_t on, const char *ioctl, uint32_t value, int64_t ret)
{
	struct kvm_mp_state state = {.mp_state = value};

	if (strstr(ioctl, "SET"))
		IN(&h, on, ioctl, state, ret);
	else
		OUT(&h, on, ioctl, state, ret);
	return value;
}

static void mp_state(void **state)
{
	uint32_t second;

	mp(vcpu, "KVM_GET_MP_STATE", KVM_MP_STATE_UNINITIALIZED, 0);
	BAD(&h, "MP_STATE_AT_FIRST");
	mh_close(&h);

	setup(state);
	second = mh_vcpu(&h, vm, 1);
	mp(vcpu, "KVM_GET_MP_STATE", KVM_MP_STATE_RUNNABLE, 0);
	KNOWN(&h, "MP_STATE_AT_FIRST");
	mp(second, "KVM_GET_MP_STATE", KVM_MP_STATE_UNINITIALIZED, 0);
	KNOWN(&h, "MP_STATE_AT_FIRST");
	mp(second, "KVM_GET_MP_STATE", KVM_MP_STATE_UNINITIALIZED, 0);
	GOOD(&h, "MP_STATE_SAME");
	mp(vcpu, "KVM_GET_MP_STATE", KVM_MP_STATE_STOPPED, 0);
	BAD(&h, "MP_STATE_OF_X86");
	mp(vcpu, "KVM_GET_MP_STATE", 0, -EINVAL);
	BAD(&h, "MP_STATE_GET_SUCCEEDS");
	mp(second, "KVM_SET_MP_STATE", KVM_MP_STATE_HALTED, 0);
	GOOD(&h, "MP_STATE_SET_SUCCEEDS");
	mp(second, "KVM_GET_MP_STATE", KVM_MP_STATE_HALTED, 0);
	GOOD(&h, "MP_STATE_SAME");
	mp(second, "KVM_GET_MP_STATE", KVM_MP_STATE_RUNNABLE, 0);
	BAD(&h, "MP_STATE_SAME");
	mp(second, "KVM_SET_MP_STATE", KVM_MP_STATE_SIPI_RECEIVED, 0);
	GOOD(&h, "MP_STATE_SET_SUCCEEDS");
	mp(second, "KVM_GET_MP_STATE", KVM_MP_STATE_RUNNABLE, 0);
	KNOWN(&h, "MP_STATE_SIPI_TAKEN");
	mp(second, "KVM_SET_MP_STATE", KVM_MP_STATE_SIPI_RECEIVED, 0);
	mp(second, "KVM_GET_MP_STATE", KVM_MP_STATE_SIPI_RECEIVED, 0);
	BAD(&h, "MP_STATE_SIPI_TAKEN");
	mp(second, "KVM_SET_MP_STATE", KVM_MP_STATE_INIT_RECEIVED, -EINVAL);
	KNOWN(&h, "MP_STATE_REFUSED");
	mp(second, "KVM_SET_MP_STATE", KVM_MP_STATE_OPERATING, -EINVAL);
	KNOWN(&h, "MP_STATE_UNKNOWN");
	mp(second, "KVM_SET_MP_STATE", KVM_MP_STATE_OPERATING, 0);
	BAD(&h, "MP_STATE_UNKNOWN");
	mh_close(&h);

	setup_bare(state);
	mp(vcpu, "KVM_GET_MP_STATE", KVM_MP_STATE_RUNNABLE, 0);
	KNOWN(&h, "MP_STATE_WITHOUT_LAPIC");
	mp(vcpu, "KVM_SET_MP_STATE", KVM_MP_STATE_HALTED, -EINVAL);
	KNOWN(&h, "MP_STATE_NEEDS_LAPIC");
	mp(vcpu, "KVM_SET_MP_STATE", KVM_MP_STATE_HALTED, 0);
	BAD(&h, "MP_STATE_NEEDS_LAPIC");
	mp(vcpu, "KVM_GET_MP_STATE", KVM_MP_STATE_HALTED, 0);
	BAD(&h, "MP_STATE_WITHOUT_LAPIC");
}

static void lapic(void **state)
{
	struct kvm_lapic_state l = {0}, got;
	struct kvm_sregs2 s = {.apic_base = 0xfee00900, .cr8 = 3};

	l.regs[0x30] = 0x14;
	l.regs[0x80] = 0x30;
	l.regs[0x320] = 0x22;
	OUT(&h, vcpu, "KVM_GET_SREGS2", s, 0);
	IN(&h, vcpu, "KVM_SET_LAPIC", l, 0);
	GOOD(&h, "LAPIC_SET_SUCCEEDS");
	got = l;
	got.regs[0x390] = 7; /* the timer runs */
	got.regs[0x200] = 1; /* a request came */
	OUT(&h, vcpu, "KVM_GET_LAPIC", got, 0);
	GOOD(&h, "LAPIC_SAME");
	got.regs[0x320] = 0x23;
	OUT(&h, vcpu, "KVM_GET_LAPIC", got, 0);
	BAD(&h, "LAPIC_SAME");
	got.regs[0x320] = 0x22;
	got.regs[0x45] = 1;
	mh_close(&h);

	setup(state);
	OUT(&h, vcpu, "KVM_GET_LAPIC", got, 0);
	BAD(&h, "LAPIC_BETWEEN_ZERO");
	got.regs[0x45] = 0;
	got.regs[0x30] = 0x24;
	mh_close(&h);

	setup(state);
	OUT(&h, vcpu, "KVM_GET_LAPIC", got, 0);
	BAD(&h, "LAPIC_VERSION");
	got.regs[0x30] = 0x14;
	mh_close(&h);

	/* One priority, two ways to see it. */
	setup(state);
	OUT(&h, vcpu, "KVM_GET_SREGS2", s, 0);
	OUT(&h, vcpu, "KVM_GET_LAPIC", got, 0);
	GOOD(&h, "LAPIC_TPR_IS_CR8");
	s.cr8 = 4;
	OUT(&h, vcpu, "KVM_GET_SREGS2", s, 0);
	BAD(&h, "SREGS_SAME");
	OUT(&h, vcpu, "KVM_GET_LAPIC", got, -EINVAL);
	BAD(&h, "LAPIC_GET_SUCCEEDS");
	mh_close(&h);

	setup(state);
	OUT(&h, vcpu, "KVM_GET_SREGS2", s, 0);
	OUT(&h, vcpu, "KVM_GET_LAPIC", got, 0);
	BAD(&h, "LAPIC_TPR_IS_CR8");
	mh_close(&h);

	setup(state);
	IN(&h, vcpu, "KVM_SET_LAPIC", l, 0);
	OUT(&h, vcpu, "KVM_GET_LAPIC", l, 0);
	OUT(&h, vcpu, "KVM_GET_SREGS2", s, 0);
	BAD(&h, "SREGS_CR8_IS_TPR");
	vm_enable(KVM_CAP_X2APIC_API, 1);
	IN(&h, vcpu, "KVM_SET_LAPIC", l, -EINVAL);
	KNOWN(&h, "LAPIC_SET_ID");
	mh_close(&h);

	setup_bare(state);
	OUT(&h, vcpu, "KVM_GET_LAPIC", l, -EINVAL);
	KNOWN(&h, "LAPIC_NEEDS_IRQCHIP");
	IN(&h, vcpu, "KVM_SET_LAPIC", l, 0);
	BAD(&h, "LAPIC_NEEDS_IRQCHIP");
}

static void task_priority(void **state)
{
	struct kvm_tpr_access_ctl ctl = {.enabled = 1}, after = ctl;
	struct kvm_vapic_addr addr = {.vapic_addr = 0x1000};
	struct kvm_userspace_memory_region slot = {.memory_size = 0x4000,
						   .userspace_addr = 0x7f0000000000};

	INOUT(&h, vcpu, "KVM_TPR_ACCESS_REPORTING", ctl, after, 0);
	KNOWN(&h, "TPR_REPORTING_SUCCEEDS");
	after.reserved[2] = 1;
	INOUT(&h, vcpu, "KVM_TPR_ACCESS_REPORTING", ctl, after, 0);
	BAD(&h, "TPR_REPORTING_STAYS");
	ctl.flags = 1;
	INOUT(&h, vcpu, "KVM_TPR_ACCESS_REPORTING", ctl, ctl, -EINVAL);
	KNOWN(&h, "TPR_REPORTING_FLAGS");
	IN(&h, vcpu, "KVM_SET_VAPIC_ADDR", addr, -EINVAL);
	KNOWN(&h, "VAPIC_NOT_MEMORY");
	IN(&h, vm, "KVM_SET_USER_MEMORY_REGION", slot, 0);
	IN(&h, vcpu, "KVM_SET_VAPIC_ADDR", addr, 0);
	KNOWN(&h, "VAPIC_SUCCEEDS");
	IN(&h, vcpu, "KVM_SET_VAPIC_ADDR", addr, -EINVAL);
	BAD(&h, "VAPIC_SUCCEEDS");
	mh_close(&h);

	setup_bare(state);
	IN(&h, vcpu, "KVM_SET_VAPIC_ADDR", addr, -EINVAL);
	KNOWN(&h, "VAPIC_NEEDS_IRQCHIP");
}

static void machine_checks(void **state)
{
	struct kvm_x86_mce mce = {.status = 1ull << 63, .bank = 9};
	uint64_t cap = 10 | 1ull << 8;

	IN(&h, vcpu, "KVM_X86_SETUP_MCE", cap, 0);
	GOOD(&h, "MCE_SETUP_SUCCEEDS");
	IN(&h, vcpu, "KVM_X86_SETUP_MCE", cap, -EINVAL);
	BAD(&h, "MCE_SETUP_SUCCEEDS");
	IN(&h, vcpu, "KVM_X86_SET_MCE", mce, 0);
	GOOD(&h, "MCE_SUCCEEDS");
	mce.bank = 10;
	IN(&h, vcpu, "KVM_X86_SET_MCE", mce, -EINVAL);
	GOOD(&h, "MCE_BANK");
	mce.status = 0;
	IN(&h, vcpu, "KVM_X86_SET_MCE", mce, 0);
	BAD(&h, "MCE_VALID");
	cap = 0;
	IN(&h, vcpu, "KVM_X86_SETUP_MCE", cap, -EINVAL);
	GOOD(&h, "MCE_BANKS");
	cap = 1 | 1ull << 60;
	IN(&h, vcpu, "KVM_X86_SETUP_MCE", cap, -EINVAL);
	GOOD(&h, "MCE_CAPABILITY");
	IN(&h, vcpu, "KVM_X86_SETUP_MCE", cap, 0);
	BAD(&h, "MCE_CAPABILITY");
	cap = 1 | 1ull << 27; /* local machine checks are of some hosts */
	IN(&h, vcpu, "KVM_X86_SETUP_MCE", cap, -EINVAL);
	mh_expect(&h, MODEL_UNSPECIFIED, "MCE_CAPABILITY");
}

static void time_of_guest(void **state)
{
	mh_value(&h, vcpu, "KVM_GET_TSC_KHZ", 0, 2300000);
	GOOD(&h, "TSC_KHZ_GET_SUCCEEDS");
	mh_value(&h, vcpu, "KVM_GET_TSC_KHZ", 0, 2300001);
	BAD(&h, "TSC_KHZ_SAME");
	mh_value(&h, vcpu, "KVM_SET_TSC_KHZ", 2300001, 0);
	GOOD(&h, "TSC_KHZ_SET_SUCCEEDS");
	mh_value(&h, vcpu, "KVM_SET_TSC_KHZ", 2300001, -EBUSY);
	BAD(&h, "TSC_KHZ_SET_SUCCEEDS");
	mh_value(&h, vcpu, "KVM_SET_TSC_KHZ", 2300001, -EINVAL);
	KNOWN(&h, "TSC_KHZ_REFUSED");
	mh_value(&h, vcpu, "KVM_SET_TSC_KHZ", 1000, -EINVAL);
	KNOWN(&h, "TSC_KHZ_REFUSED");
	mh_value(&h, vcpu, "KVM_GET_TSC_KHZ", 0, -EIO);
	ALLOWED(&h, "TSC_KHZ_UNSTABLE");
	mh_value(&h, vcpu, "KVM_KVMCLOCK_CTRL", 0, -EINVAL);
	KNOWN(&h, "KVMCLOCK_CTRL_NO_CLOCK");
	mh_value(&h, vcpu, "KVM_KVMCLOCK_CTRL", 0, 0);
	BAD(&h, "KVMCLOCK_CTRL_NO_CLOCK");
	mh_close(&h);

	setup(state);
	struct kvm_run in = {0}, out = {.exit_reason = KVM_EXIT_SHUTDOWN,
					.ready_for_interrupt_injection = 1,
					.apic_base = 0xfee00900};

	run(&in, &out, 0);
	mh_value(&h, vcpu, "KVM_KVMCLOCK_CTRL", 0, 0);
	GOOD(&h, "KVMCLOCK_CTRL_SUCCEEDS");
}

static void the_rest(void **state)
{
	struct {
		uint32_t len;
		uint8_t set[8];
	} mask = {.len = 8};
	struct kvm_enable_cap cap = {.cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = {1}};
	struct kvm_translation t = {.linear_address = 0x5000}, got = t;
	struct kvm_sregs s = {.apic_base = 0xfee00900};
	struct kvm_one_reg reg = {.id = 1};
	struct kvm_pre_fault_memory fault = {.size = 0x2000},
				    rest = {.gpa = 0x1000, .size = 0x1000};
	struct kvm_nested_state nested = {.size = sizeof(nested)};
	struct kvm_userspace_memory_region slot = {.memory_size = 0x10000,
						   .userspace_addr = 0x10000};

	IN(&h, vcpu, "KVM_SET_SIGNAL_MASK", mask, 0);
	GOOD(&h, "SIGNAL_MASK_SUCCEEDS");
	mask.len = 4;
	IN(&h, vcpu, "KVM_SET_SIGNAL_MASK", mask, -EINVAL);
	KNOWN(&h, "SIGNAL_MASK_LENGTH");
	mh_value(&h, vcpu, "KVM_SET_SIGNAL_MASK", 0, -EINVAL);
	BAD(&h, "SIGNAL_MASK_SUCCEEDS");

	IN(&h, vcpu, "KVM_ENABLE_CAP", cap, 0);
	GOOD(&h, "VCPU_CAP_SUCCEEDS");
	cap.flags = 1;
	IN(&h, vcpu, "KVM_ENABLE_CAP", cap, -EINVAL);
	GOOD(&h, "VCPU_CAP_FLAGS");
	cap = (struct kvm_enable_cap){.cap = 99999};
	IN(&h, vcpu, "KVM_ENABLE_CAP", cap, -EINVAL);
	KNOWN(&h, "VCPU_CAP_UNKNOWN");
	cap.cap = KVM_CAP_HYPERV_DIRECT_TLBFLUSH;
	IN(&h, vcpu, "KVM_ENABLE_CAP", cap, -ENOTTY);
	KNOWN(&h, "VCPU_CAP_NO_BACKEND");

	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	got.physical_address = 0x5000;
	got.valid = got.writeable = 1;
	INOUT(&h, vcpu, "KVM_TRANSLATE", t, got, 0);
	KNOWN(&h, "TRANSLATE_VALUES");
	assert_true(mh_held(&h, "TRANSLATE_WITHOUT_PAGING") && mh_held(&h, "TRANSLATE_SUCCEEDS"));
	got.physical_address++;
	INOUT(&h, vcpu, "KVM_TRANSLATE", t, got, 0);
	BAD(&h, "TRANSLATE_WITHOUT_PAGING");
	got.physical_address--;
	got.linear_address++;
	INOUT(&h, vcpu, "KVM_TRANSLATE", t, got, 0);
	BAD(&h, "TRANSLATE_LINEAR_STAYS");
	got.linear_address--;
	got.usermode = 1;
	INOUT(&h, vcpu, "KVM_TRANSLATE", t, got, 0);
	BAD(&h, "TRANSLATE_VALUES");

	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", nested, nested, -EINVAL);
	KNOWN(&h, "NESTED_NOT_POSSIBLE");
	IN(&h, vcpu, "KVM_GET_ONE_REG", reg, -EINVAL);
	KNOWN(&h, "ONE_REG_BEFORE");
	mh_value(&h, vcpu, "KVM_GET_STATS_FD", 0, 20);
	GOOD(&h, "VCPU_STATS_FD_SUCCEEDS");
	IN(&h, vm, "KVM_SET_USER_MEMORY_REGION", slot, 0);
	INOUT(&h, vcpu, "KVM_PRE_FAULT_MEMORY", fault, rest, 0);
	GOOD(&h, "PRE_FAULT_REST");
	GOOD(&h, "PRE_FAULT_SUCCEEDS");
	rest.size = 0x3000;
	INOUT(&h, vcpu, "KVM_PRE_FAULT_MEMORY", fault, rest, 0);
	BAD(&h, "PRE_FAULT_REST");
	INOUT(&h, vcpu, "KVM_PRE_FAULT_MEMORY", fault, fault, -ENOENT);
	ALLOWED(&h, "PRE_FAULT_REFUSED");
	fault.gpa = 1;
	INOUT(&h, vcpu, "KVM_PRE_FAULT_MEMORY", fault, fault, 0);
	BAD(&h, "PRE_FAULT_INVALID");
	mh_close(&h);

	setup_bare(state);
	cap.cap = KVM_CAP_HYPERV_SYNIC;
	IN(&h, vcpu, "KVM_ENABLE_CAP", cap, -EINVAL);
	KNOWN(&h, "VCPU_CAP_SYNIC_NEEDS_IRQCHIP");
}

static void by_number(void **state)
{
	struct kvm_one_reg reg = {.id = KVM_REG_S390};
	uint64_t room[2] = {0}, count[2] = {1};

	IN(&h, vcpu, "KVM_GET_ONE_REG", reg, -EINVAL);
	GOOD(&h, "ONE_REG_OF_X86");
	reg.id = KVM_REG_X86 | KVM_REG_SIZE_U64;
	IN(&h, vcpu, "KVM_GET_ONE_REG", reg, 0);
	GOOD(&h, "ONE_REG_SUCCEEDS");
	INOUT(&h, vcpu, "KVM_GET_REG_LIST", room, count, -E2BIG);
	GOOD(&h, "REG_LIST_TOO_SMALL");
	assert_true(mh_held(&h, "REG_LIST_COUNT_WRITTEN"));
	INOUT(&h, vcpu, "KVM_GET_REG_LIST", room, count, 0);
	BAD(&h, "REG_LIST_COUNT");
	INOUT(&h, vcpu, "KVM_GET_REG_LIST", room, room, 0);
	BAD(&h, "REG_LIST_SAME");
	INOUT(&h, vcpu, "KVM_GET_REG_LIST", room, room, 0);
	GOOD(&h, "REG_LIST_SUCCEEDS");
	assert_true(mh_held(&h, "REG_LIST_SAME"));
}

static int setup_new(void **state)
{
	vcpu_open("6.18.0", "kvm_intel", CHIP, 1);
	return 0;
}

static void nested(void **state)
{
	struct kvm_nested_state in = {.size = sizeof(in)}, out = in;

	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", in, out, 0);
	GOOD(&h, "NESTED_GET_SUCCEEDS");
	assert_true(mh_held(&h, "NESTED_SIZE"));
	out.format = 2;
	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", in, out, 0);
	BAD(&h, "NESTED_SIZE");
	out = (struct kvm_nested_state){.size = 4224};
	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", in, out, -E2BIG);
	GOOD(&h, "NESTED_TOO_SMALL");
	out.size = 10;
	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", in, out, -E2BIG);
	BAD(&h, "NESTED_SIZE_WRITTEN");
	IN(&h, vcpu, "KVM_SET_NESTED_STATE", in, 0);
	GOOD(&h, "NESTED_SET_SUCCEEDS");
	in.size = 100;
	IN(&h, vcpu, "KVM_SET_NESTED_STATE", in, -EINVAL);
	KNOWN(&h, "NESTED_INVALID");
}

/* The parts behind kvm_device_attr.addr. */
static void attr(const char *ioctl, uint32_t group, enum tape_role role, uint64_t value,
		 int64_t ret)
{
	struct kvm_device_attr a = {.group = group};
	struct tape_part part = {
		.role = role, .want = 8, .have = 8, .data = (const uint8_t *)&value};
	struct mh_call c = {
		.object = vcpu, .ioctl = ioctl, .in = &a, .in_len = sizeof(a), .ret = ret};

	if (role == TAPE_NESTED_IN) {
		c.in_parts = &part;
		c.in_part_count = 1;
	} else {
		c.out_parts = &part;
		c.out_part_count = 1;
	}
	mh_do(&h, &c);
}

static void attributes(void **state)
{
	attr("KVM_HAS_DEVICE_ATTR", 0, TAPE_NESTED_IN, 0, 0);
	GOOD(&h, "VCPU_ATTR_SUCCEEDS");
	attr("KVM_HAS_DEVICE_ATTR", 1, TAPE_NESTED_IN, 0, -ENXIO);
	GOOD(&h, "VCPU_ATTR_UNKNOWN");
	attr("KVM_HAS_DEVICE_ATTR", 1, TAPE_NESTED_IN, 0, 0);
	BAD(&h, "VCPU_ATTR_UNKNOWN");
	attr("KVM_SET_DEVICE_ATTR", 0, TAPE_NESTED_IN, 77, 0);
	GOOD(&h, "VCPU_ATTR_SUCCEEDS");
	attr("KVM_GET_DEVICE_ATTR", 0, TAPE_NESTED_OUT, 77, 0);
	GOOD(&h, "VCPU_ATTR_SAME");
	attr("KVM_GET_DEVICE_ATTR", 0, TAPE_NESTED_OUT, 78, 0);
	BAD(&h, "VCPU_ATTR_SAME");
	attr("KVM_GET_DEVICE_ATTR", 0, TAPE_NESTED_OUT, 77 - 100000, 0);
	KNOWN(&h, "VCPU_ATTR_DRIFTS");
	attr("KVM_GET_DEVICE_ATTR", 0, TAPE_NESTED_OUT, 77 - (1ull << 34), 0);
	BAD(&h, "VCPU_ATTR_SAME");
	mh_expect_refused(&h, "VCPU_ATTR_DRIFTS");
	attr("KVM_GET_DEVICE_ATTR", 0, TAPE_NESTED_OUT, 78, -EFAULT);
	ALLOWED(&h, "VCPU_ATTR_FAULT");
	mh_close(&h);

	vcpu_open("6.12.0", "kvm_pvm", CHIP, 0);
	attr("KVM_SET_DEVICE_ATTR", 0, TAPE_NESTED_IN, 77, 0);
	attr("KVM_GET_DEVICE_ATTR", 0, TAPE_NESTED_OUT, 0, 0);
	KNOWN(&h, "VCPU_ATTR_NO_OFFSET");
}

/* Encrypted guests keep their registers to themselves. */
static void protected_guest(void **state)
{
	uint32_t id = mh_object(&h, KVMAPI_VM, 0, UINT64_MAX, 0);
	struct mh_call c = {
		.object = 1, .ioctl = "KVM_CREATE_VM", .arg = 3, .ret = 30, .created = id};
	struct kvm_regs regs = {0};
	uint32_t v;

	mh_do(&h, &c);
	v = mh_vcpu(&h, id, 0);
	OUT(&h, v, "KVM_GET_REGS", regs, -EINVAL);
	KNOWN(&h, "VCPU_PROTECTED");
	IN(&h, v, "KVM_SET_REGS", regs, 0);
	ALLOWED(&h, "REGS_SET_SUCCEEDS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(events, setup, teardown),
		cmocka_unit_test_setup_teardown(events_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(events_injected, setup, teardown),
		cmocka_unit_test_setup_teardown(events_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(injection, setup, teardown),
		cmocka_unit_test_setup_teardown(mp_state, setup, teardown),
		cmocka_unit_test_setup_teardown(lapic, setup, teardown),
		cmocka_unit_test_setup_teardown(task_priority, setup, teardown),
		cmocka_unit_test_setup_teardown(machine_checks, setup, teardown),
		cmocka_unit_test_setup_teardown(time_of_guest, setup, teardown),
		cmocka_unit_test_setup_teardown(the_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(by_number, setup_new, teardown),
		cmocka_unit_test_setup_teardown(nested, setup_new, teardown),
		cmocka_unit_test_setup_teardown(attributes, setup, teardown),
		cmocka_unit_test_setup_teardown(protected_guest, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
