/* SPDX-License-Identifier: BSD-2-Clause */
/* Advice: each piece of it with a case that gets it and one close by that does not. */
#include "model_vcpu_test.h"

#define ADVISED(rule)	  assert_true(mh_advised(&h, rule))
#define NOT_ADVISED(rule) assert_false(mh_advised(&h, rule))

static int setup(void **state)
{
	vcpu_open("6.12.0", "kvm_intel", CHIP, 0);
	return 0;
}

static void again(enum chip chip)
{
	mh_close(&h);
	vcpu_open("6.12.0", "kvm_intel", chip, 0);
}

struct msrs {
	uint32_t nmsrs, pad;
	struct kvm_msr_entry e[2];
};

static struct kvm_lapic_state lapic(uint32_t lvtt, uint8_t tpr)
{
	struct kvm_lapic_state s = {0};

	memcpy(s.regs + 0x320, &lvtt, sizeof(lvtt));
	s.regs[0x80] = tpr;
	return s;
}

static void deadline(void **state)
{
	struct msrs in = {.nmsrs = 1, .e = {{.index = 0x6e0, .data = 1000}}};
	struct kvm_lapic_state deadline = lapic(2 << 17, 0), periodic = lapic(1 << 17, 0);
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[1];
	} cpuid = {.head.nent = 1, .e = {{.function = 1, .ecx = 1 << 24}}};

	IN(&h, vcpu, "KVM_SET_MSRS", in, 1);
	ADVISED("LINT_TSC_DEADLINE_DROPPED");
	IN(&h, vcpu, "KVM_SET_CPUID2", cpuid, 0);
	IN(&h, vcpu, "KVM_SET_LAPIC", deadline, 0);
	IN(&h, vcpu, "KVM_SET_MSRS", in, 1);
	NOT_ADVISED("LINT_TSC_DEADLINE_DROPPED");
	IN(&h, vcpu, "KVM_SET_LAPIC", periodic, 0);
	IN(&h, vcpu, "KVM_SET_MSRS", in, 1);
	ADVISED("LINT_TSC_DEADLINE_DROPPED");
	in.e[0].data = 0;
	IN(&h, vcpu, "KVM_SET_MSRS", in, 1);
	NOT_ADVISED("LINT_TSC_DEADLINE_DROPPED");
	again(NO_CHIP);
	in.e[0].data = 1;
	IN(&h, vcpu, "KVM_SET_MSRS", in, 1);
	ADVISED("LINT_TSC_DEADLINE_DROPPED");
}

static void msrs_short(void **state)
{
	struct msrs in = {.nmsrs = 2, .e = {{.index = 0x277}, {.index = 0x12345}}};
	struct kvm_cpuid2 none = {0};

	IN(&h, vcpu, "KVM_SET_MSRS", in, 1);
	ADVISED("LINT_MSRS_SHORT");
	assert_non_null(strstr(h.verdict.advice[0].detail, "entry 1 of 2, MSR 0x12345"));
	ADVISED("LINT_MSRS_BEFORE_CPUID");
	IN(&h, vcpu, "KVM_SET_MSRS", in, 2);
	NOT_ADVISED("LINT_MSRS_SHORT");
	IN(&h, vcpu, "KVM_GET_MSRS", in, 0);
	ADVISED("LINT_MSRS_SHORT");
	NOT_ADVISED("LINT_MSRS_BEFORE_CPUID");
	IN(&h, vcpu, "KVM_SET_CPUID2", none, 0);
	IN(&h, vcpu, "KVM_SET_MSRS", in, 1);
	NOT_ADVISED("LINT_MSRS_BEFORE_CPUID");
}

static void cpuid_after_run(void **state)
{
	struct kvm_cpuid2 none = {0}, other = {.padding = 1};
	struct kvm_run in = {0}, out = {.exit_reason = KVM_EXIT_SHUTDOWN};

	IN(&h, vcpu, "KVM_SET_CPUID2", none, 0);
	NOT_ADVISED("LINT_CPUID_AFTER_RUN");
	run(&in, &out, 0);
	IN(&h, vcpu, "KVM_SET_CPUID2", none, 0);
	NOT_ADVISED("LINT_CPUID_AFTER_RUN");
	IN(&h, vcpu, "KVM_SET_CPUID2", other, 0);
	ADVISED("LINT_CPUID_AFTER_RUN");
	IN(&h, vcpu, "KVM_SET_CPUID2", none, -EINVAL);
	NOT_ADVISED("LINT_CPUID_AFTER_RUN");
}

static void events(void **state)
{
	struct kvm_vcpu_events e = {.nmi.pending = 1};

	IN(&h, vcpu, "KVM_SET_VCPU_EVENTS", e, 0);
	ADVISED("LINT_EVENTS_NOT_VALID");
	assert_string_equal(h.verdict.advice[0].detail, "nmi.pending = 0x1");
	e.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	IN(&h, vcpu, "KVM_SET_VCPU_EVENTS", e, 0);
	NOT_ADVISED("LINT_EVENTS_NOT_VALID");
}

static void guest_debug(void **state)
{
	struct kvm_guest_debug d = {.control = KVM_GUESTDBG_SINGLESTEP};

	IN(&h, vcpu, "KVM_SET_GUEST_DEBUG", d, 0);
	ADVISED("LINT_GUEST_DEBUG_OFF");
	d.control |= KVM_GUESTDBG_ENABLE;
	IN(&h, vcpu, "KVM_SET_GUEST_DEBUG", d, 0);
	NOT_ADVISED("LINT_GUEST_DEBUG_OFF");
	d.control = KVM_GUESTDBG_INJECT_BP;
	IN(&h, vcpu, "KVM_SET_GUEST_DEBUG", d, 0);
	NOT_ADVISED("LINT_GUEST_DEBUG_OFF");
}

static void lapic_order(void **state)
{
	struct kvm_sregs s = {.apic_base = 0xfee00900};
	struct kvm_lapic_state l = lapic(0, 0);

	IN(&h, vcpu, "KVM_SET_SREGS", s, 0);
	NOT_ADVISED("LINT_APIC_MODE_AFTER_LAPIC");
	IN(&h, vcpu, "KVM_SET_LAPIC", l, 0);
	NOT_ADVISED("LINT_TPR_CONFLICT");
	IN(&h, vcpu, "KVM_SET_SREGS", s, 0);
	NOT_ADVISED("LINT_APIC_MODE_AFTER_LAPIC");
	s.apic_base = 0xfee00d00;
	IN(&h, vcpu, "KVM_SET_SREGS", s, 0);
	ADVISED("LINT_APIC_MODE_AFTER_LAPIC");
	l = lapic(0, 0x50);
	/* CR8 is 0 after a reset. */
	IN(&h, vcpu, "KVM_SET_LAPIC", l, 0);
	NOT_ADVISED("LINT_TPR_CONFLICT");
	s.cr8 = 5;
	IN(&h, vcpu, "KVM_SET_SREGS", s, 0);
	NOT_ADVISED("LINT_TPR_CONFLICT");
	l = lapic(0, 0x60);
	IN(&h, vcpu, "KVM_SET_LAPIC", l, 0);
	ADVISED("LINT_TPR_CONFLICT");
	again(CHIP);
	IN(&h, vcpu, "KVM_SET_LAPIC", l, 0);
	NOT_ADVISED("LINT_TPR_CONFLICT");
	s.cr8 = 3;
	IN(&h, vcpu, "KVM_SET_SREGS", s, 0);
	ADVISED("LINT_TPR_CONFLICT");
}

static void exit_pending(void **state)
{
	struct kvm_run in = {0}, out = {.exit_reason = KVM_EXIT_IO};
	struct kvm_regs regs = {.rflags = 2};

	out.io.direction = KVM_EXIT_IO_IN;
	out.io.size = 1;
	out.io.count = 1;
	out.io.data_offset = 4096;
	run(&in, &out, 0);
	IN(&h, vcpu, "KVM_SET_REGS", regs, 0);
	ADVISED("LINT_EXIT_PENDING");
	out.io.direction = KVM_EXIT_IO_OUT;
	run(&in, &out, 0);
	IN(&h, vcpu, "KVM_SET_REGS", regs, 0);
	NOT_ADVISED("LINT_EXIT_PENDING");
}

static void routing(void **state)
{
	struct {
		uint32_t nr, flags;
		struct kvm_irq_routing_entry e;
	} table = {1, 0, {.gsi = 5, .type = KVM_IRQ_ROUTING_MSI}};
	struct kvm_irqfd fd = {.fd = 7, .gsi = 5};

	IN(&h, vm, "KVM_IRQFD", fd, 0);
	IN(&h, vm, "KVM_SET_GSI_ROUTING", table, 0);
	NOT_ADVISED("LINT_IRQFD_WITHOUT_ROUTE");
	table.e.gsi = 6;
	IN(&h, vm, "KVM_SET_GSI_ROUTING", table, 0);
	ADVISED("LINT_IRQFD_WITHOUT_ROUTE");
}

static void others(void **state)
{
	struct kvm_fpu fpu = {.mxcsr = 0x1f80};
	struct kvm_enable_cap cap = {.cap = KVM_CAP_X86_DISABLE_EXITS, .args = {2}};

	IN(&h, vcpu, "KVM_SET_FPU", fpu, 0);
	NOT_ADVISED("LINT_FPU_MXCSR");
	fpu.mxcsr = 0x1fa0;
	IN(&h, vcpu, "KVM_SET_FPU", fpu, 0);
	ADVISED("LINT_FPU_MXCSR");
	IN(&h, vm, "KVM_ENABLE_CAP", cap, 0);
	ADVISED("LINT_DISABLE_EXITS_LATE");
	IN(&h, vm, "KVM_ENABLE_CAP", cap, -EINVAL);
	NOT_ADVISED("LINT_DISABLE_EXITS_LATE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(msrs_short, setup, teardown),
		cmocka_unit_test_setup_teardown(cpuid_after_run, setup, teardown),
		cmocka_unit_test_setup_teardown(events, setup, teardown),
		cmocka_unit_test_setup_teardown(guest_debug, setup, teardown),
		cmocka_unit_test_setup_teardown(lapic_order, setup, teardown),
		cmocka_unit_test_setup_teardown(exit_pending, setup, teardown),
		cmocka_unit_test_setup_teardown(routing, setup, teardown),
		cmocka_unit_test_setup_teardown(others, setup, teardown),
	};

	return cmocka_run_group_tests_name("model_lint", tests, NULL, NULL);
}
