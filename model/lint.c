/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Advice to those who write VMMs: calls that succeed and lose something, most of them for coming in
 * the wrong order.  Only what is known counts: no advice rests on state that the model does not
 * know.
 *
 * A function here sees the state before the call, and the call's return.
 */
#include "model/vcpu.h"

#define MSR_TSC_DEADLINE 0x6e0u
#define APIC_LVTT	 0x320u
#define APIC_TPR	 0x80u
#define APIC_BASE_MODE	 0xc00u /* enabled, x2APIC */

static bool lapic_timer_deadline(const struct judge *j, bool *known)
{
	uint64_t lvtt;

	*known = vcpu_block_number(j, STATE_LAPIC, APIC_LVTT, 4, &lvtt);
	if (*known)
		return (lvtt >> 17 & 3) == 2;
	/* The timer of a new local APIC is in one-shot mode. */
	*known = j->vcpu->fresh && j->vcpu->has_run == STATE_NO &&
		 (!j->vcpu->blocks[STATE_LAPIC].size || j->vcpu->has_lapic == STATE_NO);
	return false;
}

static void lint_deadline(struct judge *j, uint64_t index, uint64_t data)
{
	bool known;

	if (index != MSR_TSC_DEADLINE || !data)
		return;
	if (j->vcpu->has_lapic == STATE_NO)
		j_advise(j, R_LINT_TSC_DEADLINE_DROPPED, "0x%llx, and no local APIC in the kernel",
			 (unsigned long long)data);
	else if (!lapic_timer_deadline(j, &known) && known)
		j_advise(j, R_LINT_TSC_DEADLINE_DROPPED, "0x%llx, and the timer is in another mode",
			 (unsigned long long)data);
}

static void lint_msrs(struct judge *j, bool set)
{
	uint64_t count, index, data;

	if (j->ret->ret < 0 || !J_IN(j, struct kvm_msrs, nmsrs, &count))
		return;
	if ((uint64_t)j->ret->ret < count &&
	    j_field(j, j->in, sizeof(struct kvm_msrs) + j->ret->ret * sizeof(struct kvm_msr_entry),
		    4, &index)) {
		j_advise(j, R_LINT_MSRS_SHORT, "entry %lld of %llu, MSR 0x%llx",
			 (long long)j->ret->ret, (unsigned long long)count,
			 (unsigned long long)index);
		if (set && j->vcpu && j->vcpu->fresh && j->vcpu->cpuid_set == STATE_NO)
			j_advise(j, R_LINT_MSRS_BEFORE_CPUID, "MSR 0x%llx",
				 (unsigned long long)index);
	}
	if (!set || !j->vcpu)
		return;
	for (int64_t i = 0; i < j->ret->ret; i++) {
		size_t at = sizeof(struct kvm_msrs) + i * sizeof(struct kvm_msr_entry);

		if (!j_field(j, j->in, at, 4, &index) || !j_field(j, j->in, at + 8, 8, &data))
			return;
		lint_deadline(j, index, data);
	}
}

static void lint_get_msrs(struct judge *j)
{
	lint_msrs(j, false);
}

static void lint_set_msrs(struct judge *j)
{
	lint_msrs(j, true);
}

static void lint_cpuid(struct judge *j)
{
	if (!j->ret->ret && j_vcpu_has_run(j) == STATE_YES)
		j_advise(j, R_LINT_CPUID_AFTER_RUN, "it has run, and KVM took it");
}

static void lint_events(struct judge *j)
{
	static const struct {
		uint32_t flag;
		uint16_t offset;
		uint8_t width;
		const char *field;
	} fields[] = {
#define FIELD(flag, member)                              \
	{flag, offsetof(struct kvm_vcpu_events, member), \
	 sizeof(((struct kvm_vcpu_events *)0)->member), #member}
		FIELD(KVM_VCPUEVENT_VALID_NMI_PENDING, nmi.pending),
		FIELD(KVM_VCPUEVENT_VALID_SIPI_VECTOR, sipi_vector),
		FIELD(KVM_VCPUEVENT_VALID_SHADOW, interrupt.shadow),
		FIELD(KVM_VCPUEVENT_VALID_SMM, smi.smm),
		FIELD(KVM_VCPUEVENT_VALID_SMM, smi.pending),
		FIELD(KVM_VCPUEVENT_VALID_SMM, smi.smm_inside_nmi),
		FIELD(KVM_VCPUEVENT_VALID_SMM, smi.latched_init),
		FIELD(KVM_VCPUEVENT_VALID_PAYLOAD, exception_has_payload),
		FIELD(KVM_VCPUEVENT_VALID_TRIPLE_FAULT, triple_fault.pending),
#undef FIELD
	};
	uint64_t flags, value;

	if (j->ret->ret || !J_IN(j, struct kvm_vcpu_events, flags, &flags))
		return;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (flags & fields[i].flag ||
		    !j_field(j, j->in, fields[i].offset, fields[i].width, &value) || !value)
			continue;
		j_advise(j, R_LINT_EVENTS_NOT_VALID, "%s = 0x%llx", fields[i].field,
			 (unsigned long long)value);
	}
}

static void lint_guest_debug(struct judge *j)
{
	uint64_t control;

	/* Single words of control that ask for an exception now are done in any case. */
	if (!j->ret->ret && J_IN(j, struct kvm_guest_debug, control, &control) &&
	    !(control & KVM_GUESTDBG_ENABLE) &&
	    control & ~(uint64_t)(KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP))
		j_advise(j, R_LINT_GUEST_DEBUG_OFF, "control = 0x%llx",
			 (unsigned long long)control);
}

/* The last exit waits for what KVM_RUN is to write into a register. */
static bool exit_reads(const struct judge *j)
{
	const struct state_block *run = &j->vcpu->run;
	uint32_t io = offsetof(struct kvm_run, io.direction);
	uint32_t mmio = offsetof(struct kvm_run, mmio.is_write);

	if (j->vcpu->pending_exit != STATE_YES || j_vcpu_ran(j))
		return false;
	switch (j->vcpu->last_exit) {
	case KVM_EXIT_IO:
		return state_block_known(run, io, 1) && run->value[io] == KVM_EXIT_IO_IN;
	case KVM_EXIT_MMIO:
		return state_block_known(run, mmio, 1) && !run->value[mmio];
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_HYPERCALL:
		return true;
	default:
		return false;
	}
}

static void lint_regs(struct judge *j)
{
	if (!j->ret->ret && exit_reads(j))
		j_advise(j, R_LINT_EXIT_PENDING, "exit %s waits",
			 kvmapi_exit_name(j->vcpu->last_exit));
}

static void lint_sregs(struct judge *j)
{
	uint64_t before, now, tpr, cr8;

	if (j->ret->ret)
		return;
	lint_regs(j);
	if (vcpu_flag(j->vcpu, VCPU_LAPIC_WRITTEN) &&
	    VCPU_KNOWN(j, STATE_SREGS, struct kvm_sregs, apic_base, &before) &&
	    J_IN(j, struct kvm_sregs, apic_base, &now) && (before ^ now) & now & APIC_BASE_MODE)
		j_advise(j, R_LINT_APIC_MODE_AFTER_LAPIC, "APIC base 0x%llx, before 0x%llx",
			 (unsigned long long)now, (unsigned long long)before);
	if (vcpu_block_number(j, STATE_LAPIC, APIC_TPR, 1, &tpr) &&
	    J_IN(j, struct kvm_sregs, cr8, &cr8) && cr8 != tpr >> 4)
		j_advise(j, R_LINT_TPR_CONFLICT, "cr8 = %llu, task priority 0x%02llx",
			 (unsigned long long)cr8, (unsigned long long)tpr);
}

static void lint_lapic(struct judge *j)
{
	uint64_t tpr, cr8;

	if (j->ret->ret)
		return;
	vcpu_flag_set(j->vcpu, VCPU_LAPIC_WRITTEN, true);
	if (VCPU_KNOWN(j, STATE_SREGS, struct kvm_sregs, cr8, &cr8) &&
	    j_field(j, j->in, APIC_TPR, 1, &tpr) && cr8 != tpr >> 4)
		j_advise(j, R_LINT_TPR_CONFLICT, "task priority 0x%02llx, cr8 = %llu",
			 (unsigned long long)tpr, (unsigned long long)cr8);
}

static void lint_fpu(struct judge *j)
{
	uint64_t mxcsr;

	/* What a processor has after reset is lost by nobody. */
	if (!j->ret->ret && J_IN(j, struct kvm_fpu, mxcsr, &mxcsr) && mxcsr && mxcsr != 0x1f80)
		j_advise(j, R_LINT_FPU_MXCSR, "mxcsr = 0x%llx", (unsigned long long)mxcsr);
}

static void lint_routing(struct judge *j)
{
	uint64_t count, gsi;

	if (j->ret->ret || !J_IN(j, struct kvm_irq_routing, nr, &count) || j->vm->irqfds.open)
		return;
	for (uint32_t i = 0; i < j->vm->irqfds.count; i++) {
		const struct state_entry *e = &j->vm->irqfds.entries[i];
		bool found = false;

		for (uint64_t k = 0; k < count && !found; k++) {
			size_t at = sizeof(struct kvm_irq_routing) +
				    k * sizeof(struct kvm_irq_routing_entry);

			/* Not captured: it may be there. */
			found = !j_field(j, j->in, at, 4, &gsi) || gsi == e->key2;
		}
		if (!found)
			j_advise(j, R_LINT_IRQFD_WITHOUT_ROUTE, "GSI %llu",
				 (unsigned long long)e->key2);
	}
}

static void lint_enable_cap(struct judge *j)
{
	uint64_t cap;

	if (!j->ret->ret && J_IN(j, struct kvm_enable_cap, cap, &cap) &&
	    cap == KVM_CAP_X86_DISABLE_EXITS && j->vm->has_vcpus == STATE_YES)
		j_advise(j, R_LINT_DISABLE_EXITS_LATE, "the VM has %u vCPUs", j->vm->vcpu_count);
}

static void lint_clock_ctrl(struct judge *j)
{
	if (j->ret->ret == -EINVAL)
		j_advise(j, R_LINT_KVMCLOCK_CTRL_EARLY, "nobody to tell");
}

const struct judge_handler model_lint_handlers[] = {
	{"KVM_GET_MSRS", KVMAPI_VCPU, lint_get_msrs, NULL},
	{"KVM_SET_MSRS", KVMAPI_VCPU, lint_set_msrs, NULL},
	{"KVM_SET_CPUID", KVMAPI_VCPU, lint_cpuid, NULL},
	{"KVM_SET_CPUID2", KVMAPI_VCPU, lint_cpuid, NULL},
	{"KVM_SET_VCPU_EVENTS", KVMAPI_VCPU, lint_events, NULL},
	{"KVM_SET_GUEST_DEBUG", KVMAPI_VCPU, lint_guest_debug, NULL},
	{"KVM_SET_REGS", KVMAPI_VCPU, lint_regs, NULL},
	{"KVM_SET_SREGS", KVMAPI_VCPU, lint_sregs, NULL},
	{"KVM_SET_SREGS2", KVMAPI_VCPU, lint_sregs, NULL},
	{"KVM_SET_LAPIC", KVMAPI_VCPU, lint_lapic, NULL},
	{"KVM_SET_FPU", KVMAPI_VCPU, lint_fpu, NULL},
	{"KVM_SET_GSI_ROUTING", KVMAPI_VM, lint_routing, NULL},
	{"KVM_ENABLE_CAP", KVMAPI_VM, lint_enable_cap, NULL},
	{"KVM_KVMCLOCK_CTRL", KVMAPI_VCPU, lint_clock_ctrl, NULL},
	{NULL, 0, NULL, NULL},
};
