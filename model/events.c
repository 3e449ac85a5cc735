/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events on their way into a vCPU: api.rst 4.16 KVM_INTERRUPT, 4.31, 4.32
 * KVM_GET/SET_VCPU_EVENTS, 4.64 KVM_NMI, 4.87 KVM_SET_GUEST_DEBUG, 4.96 KVM_SMI, 4.105, 4.106
 * machine checks.
 */
#include "model/vcpu.h"
#include "model/vm.h"

#define EVENTS struct kvm_vcpu_events

#define FLAGS_ALWAYS \
	(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM)
#define FLAGS_KNOWN                                                                     \
	(FLAGS_ALWAYS | KVM_VCPUEVENT_VALID_SIPI_VECTOR | KVM_VCPUEVENT_VALID_PAYLOAD | \
	 KVM_VCPUEVENT_VALID_TRIPLE_FAULT)

/* What interrupts, NMIs, SMIs and INITs from elsewhere can change at any time. */
static void forget_from_outside(struct learn *l)
{
	if (l->vcpu->has_lapic != STATE_NO) {
		VCPU_FORGET(l, STATE_EVENTS, EVENTS, nmi.pending);
		VCPU_FORGET(l, STATE_EVENTS, EVENTS, smi.pending);
		VCPU_FORGET(l, STATE_EVENTS, EVENTS, smi.latched_init);
	}
	/* Of a sum of NMIs kernels report as many as fit. */
	VCPU_FORGET(l, STATE_EVENTS, EVENTS, sipi_vector);
	VCPU_FORGET(l, STATE_EVENTS, EVENTS, flags);
	VCPU_FORGET(l, STATE_EVENTS, EVENTS, triple_fault);
}

/* A flag that is there when, and only when, userspace switched its capability on for the VM; false
 * if it is not known whether it did. */
static bool check_cap_flag(struct judge *j, uint16_t rule, uint32_t cap, uint32_t flag,
			   uint64_t flags)
{
	uint64_t on = 0;
	enum state_tri enabled = vm_cap_enabled(j->vm, cap, &on);

	if (enabled == STATE_UNKNOWN)
		return false;
	j_check(j, rule, !(flags & flag) == !(enabled == STATE_YES && on),
		"the flag if, and only if, its capability is enabled", "flags = 0x%llx",
		(unsigned long long)flags);
	return q_applies(j->q, rule);
}

/* States of one bit, or of two. */
static const uint16_t booleans[] = {
	offsetof(EVENTS, exception.injected),
	offsetof(EVENTS, exception.has_error_code),
	offsetof(EVENTS, exception.pending),
	offsetof(EVENTS, interrupt.injected),
	offsetof(EVENTS, interrupt.shadow),
	offsetof(EVENTS, nmi.injected),
	offsetof(EVENTS, nmi.pending),
	offsetof(EVENTS, nmi.masked),
	offsetof(EVENTS, smi.smm),
	offsetof(EVENTS, smi.pending),
	offsetof(EVENTS, smi.smm_inside_nmi),
	offsetof(EVENTS, smi.latched_init),
	offsetof(EVENTS, triple_fault.pending),
	offsetof(EVENTS, exception_has_payload),
};

static void events_get(struct judge *j)
{
	const uint8_t *p;
	uint64_t flags, bitmap, n;
	bool payload_known, triple_fault_known;

	vcpu_forget_async(j->l);
	if (!j->ret->ret && !q_vcpu_ran(j->q) && J_OUT(j, EVENTS, flags, &flags) &&
	    flags & KVM_VCPUEVENT_VALID_SMM && J_OUT(j, EVENTS, smi.latched_init, &n) && !n)
		vcpu_flag_set(j->vcpu, VCPU_INIT_LATCHED, false);
	if (!vcpu_get(j, R_EVENTS_GET_SUCCEEDS, R_EVENTS_SAME, STATE_EVENTS, sizeof(EVENTS)))
		return;
	if (vcpu_captured(j->out, sizeof(EVENTS)) && J_OUT(j, EVENTS, flags, &flags)) {
		p = j->out->data;
		payload_known = check_cap_flag(j, R_EVENTS_PAYLOAD_FLAG, KVM_CAP_EXCEPTION_PAYLOAD,
					       KVM_VCPUEVENT_VALID_PAYLOAD, flags);
		triple_fault_known = check_cap_flag(j, R_EVENTS_TRIPLE_FAULT_FLAG,
						    KVM_CAP_X86_TRIPLE_FAULT_EVENT,
						    KVM_VCPUEVENT_VALID_TRIPLE_FAULT, flags);
		j_check(j, R_EVENTS_FLAGS,
			(flags & FLAGS_ALWAYS) == FLAGS_ALWAYS &&
				!(flags & ~(uint64_t)FLAGS_KNOWN) &&
				!(flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR),
			"the flags that kernels always report", "flags = 0x%llx",
			(unsigned long long)flags);
		/* The first byte of flags is left: which of the others are there is their
		 * capabilities' matter. */
		j_promise_bits(j, R_EVENTS_FLAGS, j->out, offsetof(EVENTS, flags), 4,
			       ~(uint64_t)(KVM_VCPUEVENT_VALID_PAYLOAD |
					   KVM_VCPUEVENT_VALID_TRIPLE_FAULT));
		if (payload_known && triple_fault_known)
			j_promise(j, R_EVENTS_FLAGS, j->out, offsetof(EVENTS, flags), 4);
		for (size_t i = 0; j->promises && i < sizeof(booleans) / sizeof(booleans[0]); i++)
			j_constrain(j, R_EVENTS_BOOLEANS, j->out, booleans[i], 1);
		j_check(j, R_EVENTS_BOOLEANS,
			p[offsetof(EVENTS, exception.injected)] <= 1 &&
				p[offsetof(EVENTS, exception.has_error_code)] <= 1 &&
				p[offsetof(EVENTS, exception.pending)] <= 1 &&
				p[offsetof(EVENTS, interrupt.injected)] <= 1 &&
				p[offsetof(EVENTS, interrupt.shadow)] <= 3 &&
				p[offsetof(EVENTS, nmi.injected)] <= 1 &&
				p[offsetof(EVENTS, nmi.pending)] <= 2 &&
				p[offsetof(EVENTS, nmi.masked)] <= 1 &&
				p[offsetof(EVENTS, smi.smm)] <= 1 &&
				p[offsetof(EVENTS, smi.pending)] <= 1 &&
				p[offsetof(EVENTS, smi.smm_inside_nmi)] <= 1 &&
				p[offsetof(EVENTS, smi.latched_init)] <= 1 &&
				p[offsetof(EVENTS, triple_fault.pending)] <= 1 &&
				p[offsetof(EVENTS, exception_has_payload)] <= 1,
			"each state within its values", "one is beyond");
		/* A pending NMI or #NMI is no exception; a soft one is never reported. */
		if (p[offsetof(EVENTS, exception.injected)] ||
		    p[offsetof(EVENTS, exception.pending)])
			j_check(j, R_EVENTS_EXCEPTION_NUMBER,
				p[offsetof(EVENTS, exception.nr)] <= 31 &&
					p[offsetof(EVENTS, exception.nr)] != 2,
				"an exception vector", "nr = %u",
				p[offsetof(EVENTS, exception.nr)]);
		if (q_cap(j->q, KVM_CAP_X86_SMM) == 0 &&
		    !vcpu_zero(j, R_EVENTS_NO_SMM, j->out, offsetof(EVENTS, smi.smm), 3,
			       "smi without KVM_CAP_X86_SMM"))
			return;
		vcpu_zero(j, R_EVENTS_FILLER_ZERO, j->out, offsetof(EVENTS, interrupt.soft), 1,
			  "interrupt.soft");
		vcpu_zero(j, R_EVENTS_FILLER_ZERO, j->out, offsetof(EVENTS, nmi.pad), 1, "nmi.pad");
		vcpu_zero(j, R_EVENTS_FILLER_ZERO, j->out, offsetof(EVENTS, sipi_vector), 4,
			  "sipi_vector");
		vcpu_zero(j, R_EVENTS_FILLER_ZERO, j->out, offsetof(EVENTS, reserved),
			  sizeof(((EVENTS *)0)->reserved), "reserved");
		/* For those who do not know of pending exceptions they count as injected. */
		if (!(flags & KVM_VCPUEVENT_VALID_PAYLOAD) &&
		    p[offsetof(EVENTS, exception.pending)])
			j_keeps(j, R_EVENTS_PENDING_INJECTED,
				p[offsetof(EVENTS, exception.injected)] == 1,
				"exception.injected = 1 with exception.pending",
				"exception.injected = %u", p[offsetof(EVENTS, exception.injected)]);
		/* Without the capability a payload is delivered by looking at it. */
		if (!(flags & KVM_VCPUEVENT_VALID_PAYLOAD) &&
		    p[offsetof(EVENTS, exception.injected)]) {
			state_block_forget(&j->vcpu->blocks[STATE_SREGS]);
			state_block_forget(&j->vcpu->blocks[STATE_SREGS2]);
			state_block_forget(&j->vcpu->blocks[STATE_DEBUGREGS]);
		}
	}
	/* The same interrupt that the special registers show. */
	for (uint32_t i = 0; i < 4 && !q_vcpu_ran(j->q); i++) {
		if (J_OUT(j, EVENTS, interrupt.injected, &n) && !n &&
		    vcpu_block_number(j->q, STATE_SREGS,
				      offsetof(struct kvm_sregs, interrupt_bitmap) + 8 * i, 8,
				      &bitmap))
			j_equal(j, R_SREGS_INTERRUPT_AS_EVENTS, "interrupt_bitmap", 0, bitmap);
	}
	forget_from_outside(j->l);
}

/* Which bytes of a SET come back. */
static void events_promise(struct learn *l, uint64_t flags)
{
	static const uint16_t kept[] = {
		offsetof(EVENTS, exception.injected), offsetof(EVENTS, exception.has_error_code),
		offsetof(EVENTS, interrupt.injected), offsetof(EVENTS, nmi.injected),
		offsetof(EVENTS, nmi.masked),
	};
	struct state_block *b = &l->vcpu->blocks[STATE_EVENTS];
	uint8_t none = 0;

	if (b->size < sizeof(EVENTS))
		return;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (b->value[kept[i]] > 1)
			state_block_forget_range(b, kept[i], 1);
	}
	/* Pending and payload are looked at with their flag only, and then one excludes the other.
	 */
	VCPU_FORGET(l, STATE_EVENTS, EVENTS, exception.pending);
	if (flags & KVM_VCPUEVENT_VALID_PAYLOAD)
		VCPU_FORGET(l, STATE_EVENTS, EVENTS, exception.injected);
	VCPU_FORGET(l, STATE_EVENTS, EVENTS, exception_has_payload);
	/* A software exception is not reported. */
	if (b->value[offsetof(EVENTS, exception.nr)] == 3 ||
	    b->value[offsetof(EVENTS, exception.nr)] == 4)
		VCPU_FORGET(l, STATE_EVENTS, EVENTS, exception.injected);
	/* Nor is a software interrupt, here or with the special registers. */
	if (b->value[offsetof(EVENTS, interrupt.soft)] &&
	    state_block_set(b, offsetof(EVENTS, interrupt.injected), &none, 1))
		l->oom = -ENOMEM;
	VCPU_FORGET(l, STATE_EVENTS, EVENTS, interrupt.soft);
	/* Which of the two shadows it is, not every back end remembers. */
	if (!(flags & KVM_VCPUEVENT_VALID_SHADOW) || b->value[offsetof(EVENTS, interrupt.shadow)])
		VCPU_FORGET(l, STATE_EVENTS, EVENTS, interrupt.shadow);
	if (!(flags & KVM_VCPUEVENT_VALID_NMI_PENDING) || b->value[offsetof(EVENTS, nmi.pending)])
		VCPU_FORGET(l, STATE_EVENTS, EVENTS, nmi.pending);
	VCPU_FORGET(l, STATE_EVENTS, EVENTS, nmi.pad);
	VCPU_FORGET(l, STATE_EVENTS, EVENTS, smi);
	VCPU_FORGET(l, STATE_EVENTS, EVENTS, reserved);
	forget_from_outside(l);
}

static void events_set(struct judge *j)
{
	struct state_vcpu *v = j->vcpu;
	uint64_t flags = 0, on = 0, pending, injected, nr, smm, latched, old;
	bool whole = vcpu_captured(j->q->in, sizeof(EVENTS)) && Q_IN(j->q, EVENTS, flags, &flags) &&
		     Q_IN(j->q, EVENTS, exception.pending, &pending) &&
		     Q_IN(j->q, EVENTS, exception.injected, &injected) &&
		     Q_IN(j->q, EVENTS, exception.nr, &nr) && Q_IN(j->q, EVENTS, smi.smm, &smm) &&
		     Q_IN(j->q, EVENTS, smi.latched_init, &latched);

	if (vcpu_protected(j, R_EVENTS_SET_SUCCEEDS)) {
		vcpu_flag_set(v, VCPU_INIT_LATCHED, true);
		return;
	}
	if (!whole) {
		j_may_fail(j, R_EVENTS_INVALID);
		j_may_succeed(j, R_EVENTS_SET_SUCCEEDS, "argument not captured");
		vcpu_forget_all(v);
		vcpu_flag_set(v, VCPU_INIT_LATCHED, true);
		return;
	}
	if (flags & ~(uint64_t)FLAGS_KNOWN) {
		j_must_fail(j, R_EVENTS_INVALID);
		return;
	}
	if (flags & KVM_VCPUEVENT_VALID_PAYLOAD) {
		enum state_tri e = vm_cap_enabled(j->vm, KVM_CAP_EXCEPTION_PAYLOAD, &on);

		if (e == STATE_NO || (e == STATE_YES && !on)) {
			j_must_fail(j, R_EVENTS_NEEDS_PAYLOAD_CAP);
			return;
		}
		if (e == STATE_UNKNOWN)
			j_may_fail(j, R_EVENTS_NEEDS_PAYLOAD_CAP);
		injected = pending ? 0 : injected;
	} else {
		pending = 0;
	}
	if ((injected || pending) && (nr > 31 || nr == 2)) {
		j_must_fail(j, R_EVENTS_EXCEPTION_NUMBER);
		return;
	}
	if (flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) {
		enum state_tri e = vm_cap_enabled(j->vm, KVM_CAP_X86_TRIPLE_FAULT_EVENT, &on);

		if (e == STATE_NO || (e == STATE_YES && !on)) {
			j_must_fail(j, R_EVENTS_NEEDS_TRIPLE_FAULT_CAP);
			vcpu_forget_all(v);
			return;
		}
		if (e == STATE_UNKNOWN)
			j_may_fail(j, R_EVENTS_NEEDS_TRIPLE_FAULT_CAP);
	}
	/* An SMI state without SMM, or while an INIT is waiting, is refused by some kernels. */
	if (flags & KVM_VCPUEVENT_VALID_SMM) {
		uint64_t smi_pending = 0, inside = 0;

		Q_IN(j->q, EVENTS, smi.pending, &smi_pending);
		Q_IN(j->q, EVENTS, smi.smm_inside_nmi, &inside);
		if (smm || smi_pending || inside)
			j_may_fail(j, R_EVENTS_SMM_REFUSED);
	}
	if (!j_succeeds(j, R_EVENTS_SET_SUCCEEDS)) {
		state_block_forget(&v->blocks[STATE_EVENTS]);
		VCPU_FORGET(j->l, STATE_SREGS, struct kvm_sregs, interrupt_bitmap);
		return;
	}
	/* A change of SMM leaves a nested guest; a latched INIT resets the vCPU when somebody
	 * looks. */
	if (flags & KVM_VCPUEVENT_VALID_SMM &&
	    (latched || (VCPU_KNOWN(j->q, STATE_EVENTS, EVENTS, smi.smm, &old) ? old != smm : smm)))
		vcpu_forget_all(v);
	if (latched && flags & KVM_VCPUEVENT_VALID_SMM)
		vcpu_flag_set(v, VCPU_INIT_LATCHED, true);
	l_block_set(j->l, &v->blocks[STATE_EVENTS], j->q->in, 0, sizeof(EVENTS));
	events_promise(j->l, flags);
	VCPU_FORGET(j->l, STATE_SREGS, struct kvm_sregs, interrupt_bitmap);
}

static void events_interrupt(struct judge *j)
{
	uint64_t irq;

	if (Q_IN(j->q, struct kvm_interrupt, irq, &irq) && irq >= KVM_NR_INTERRUPTS) {
		j_must_fail(j, R_INTERRUPT_NUMBER);
		return;
	}
	if (!j->q->in)
		j_may_fail(j, R_INTERRUPT_NUMBER);
	switch (j->vm->irqchip) {
	case STATE_IRQCHIP_KERNEL:
		j_must_fail(j, R_INTERRUPT_PIC_IN_KERNEL);
		return;
	case STATE_IRQCHIP_SPLIT:
		j_may_fail(j, R_INTERRUPT_ENQUEUED);
		break;
	case STATE_IRQCHIP_UNKNOWN:
		j_may_fail(j, R_INTERRUPT_PIC_IN_KERNEL);
		j_may_fail(j, R_INTERRUPT_ENQUEUED);
		break;
	case STATE_IRQCHIP_NONE:
		break;
	}
	if (!j_succeeds(j, R_INTERRUPT_SUCCEEDS))
		return;
	VCPU_FORGET(j->l, STATE_EVENTS, EVENTS, interrupt);
	VCPU_FORGET(j->l, STATE_SREGS, struct kvm_sregs, interrupt_bitmap);
	/* Without a local APIC in the kernel the vector is queued at once, for everyone to see. */
	if (j->vm->irqchip == STATE_IRQCHIP_NONE && j->q->in && !q_vcpu_ran(j->q)) {
		struct state_block *b = &j->vcpu->blocks[STATE_EVENTS];
		uint8_t bytes[2] = {1, (uint8_t)irq};

		if (state_block_set(b, offsetof(EVENTS, interrupt.injected), bytes, 2))
			j->oom = -ENOMEM;
	}
}

static void events_nmi(struct judge *j)
{
	if (!j_succeeds(j, R_NMI_SUCCEEDS))
		return;
	VCPU_FORGET(j->l, STATE_EVENTS, EVENTS, nmi);
}

static void events_smi(struct judge *j)
{
	int32_t smm = q_cap(j->q, KVM_CAP_X86_SMM);

	if (smm <= 0)
		j_may_fail(j, R_SMI_WITHOUT_SMM);
	j_succeeds(j, R_SMI_SUCCEEDS);
	VCPU_FORGET(j->l, STATE_EVENTS, EVENTS, smi);
}

static void events_guest_debug(struct judge *j)
{
	struct state_vcpu *v = j->vcpu;
	uint64_t control = 0, injected;
	bool known = Q_IN(j->q, struct kvm_guest_debug, control, &control);

	if (vcpu_protected(j, R_GUEST_DEBUG_SUCCEEDS)) {
		v->debug_known = STATE_UNKNOWN;
		return;
	}
	if (!known || control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)) {
		/* Software exceptions and triple faults may be pending without being shown. */
		j_may_fail(j, R_GUEST_DEBUG_EXCEPTION_PENDING);
		VCPU_FORGET(j->l, STATE_EVENTS, EVENTS, exception);
		VCPU_FORGET(j->l, STATE_EVENTS, EVENTS, exception_has_payload);
		VCPU_FORGET(j->l, STATE_EVENTS, EVENTS, exception_payload);
	}
	injected = known && !j->ret->ret && !q_vcpu_ran(j->q)
			   ? control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)
			   : 0;
	if (injected) {
		/* Debug goes before breakpoint; whether it shows as pending hangs on other things.
		 */
		uint8_t nr = injected & KVM_GUESTDBG_INJECT_DB ? 1 : 3;

		if (state_block_set(&v->blocks[STATE_EVENTS],
				    offsetof(struct kvm_vcpu_events, exception.nr), &nr, 1))
			j->oom = -ENOMEM;
	}
	if (!j_succeeds(j, R_GUEST_DEBUG_SUCCEEDS))
		return;
	v->debug_known = known ? STATE_YES : STATE_UNKNOWN;
	v->debug_control = control & KVM_GUESTDBG_ENABLE ? control : 0;
	/* Single-stepping takes TF for itself. */
	vcpu_flag_set(v, VCPU_REGS_WRITTEN, true);
	VCPU_FORGET(j->l, STATE_REGS, struct kvm_regs, rflags);
}

/* --- machine checks --- */

#define MCG_CTL_P   (1ull << 8)
#define MCG_SER_P   (1ull << 24)
#define MCG_CMCI_P  (1ull << 10)
#define MCG_LMCE_P  (1ull << 27)
#define MCG_BANKS   0xffull
#define MCG_EXT_CNT 0xff0000ull
#define MCI_VAL	    (1ull << 63)
#define BANKS_MAX   32

static void events_setup_mce(struct judge *j)
{
	uint64_t cap;

	if (!q_field(j->q, j->q->in, 0, 8, &cap)) {
		j_may_fail(j, R_MCE_BANKS);
		if (j_may_succeed(j, R_MCE_SETUP_SUCCEEDS, "argument not captured"))
			j->vcpu->mcg_cap = UINT64_MAX;
		return;
	}
	if (!(cap & MCG_BANKS) || (cap & MCG_BANKS) > BANKS_MAX) {
		j_must_fail(j, R_MCE_BANKS);
		return;
	}
	if (cap & ~(MCG_BANKS | MCG_EXT_CNT | MCG_CTL_P | MCG_SER_P | MCG_CMCI_P | MCG_LMCE_P) &&
	    !q_maybe_newer(j->q)) {
		j_must_fail(j, R_MCE_CAPABILITY);
		return;
	}
	if (cap & ~(MCG_BANKS | MCG_EXT_CNT | MCG_CTL_P | MCG_SER_P))
		j_may_fail(j, R_MCE_CAPABILITY);
	if (!j_succeeds(j, R_MCE_SETUP_SUCCEEDS))
		return;
	j->vcpu->mcg_cap = cap;
	/* The bank's registers start anew; the local APIC gains or loses an entry for corrected
	 * errors. */
	for (uint32_t i = 0; i < j->vcpu->msrs.count; i++) {
		uint64_t index = j->vcpu->msrs.entries[i].key;

		if ((index >= 0x400 && index <= 0x47f) || index == 0x179 || index == 0x17b)
			j->vcpu->msrs.entries[i].known = 0;
	}
	state_block_forget(&j->vcpu->blocks[STATE_LAPIC]);
}

static void events_set_mce(struct judge *j)
{
	uint64_t status, bank, cap = j->vcpu->mcg_cap;

	if (Q_IN(j->q, struct kvm_x86_mce, status, &status) &&
	    Q_IN(j->q, struct kvm_x86_mce, bank, &bank)) {
		if (!(status & MCI_VAL)) {
			j_must_fail(j, R_MCE_VALID);
			return;
		}
		if (bank >= BANKS_MAX || (cap != UINT64_MAX && bank >= (cap & MCG_BANKS))) {
			j_must_fail(j, R_MCE_BANK);
			return;
		}
		if (cap == UINT64_MAX)
			j_may_fail(j, R_MCE_BANK);
	} else {
		j_may_fail(j, R_MCE_BANK);
	}
	if (!j_succeeds(j, R_MCE_SUCCEEDS))
		return;
	VCPU_FORGET(j->l, STATE_EVENTS, EVENTS, exception);
	VCPU_FORGET(j->l, STATE_EVENTS, EVENTS, triple_fault);
	state_block_forget(&j->vcpu->blocks[STATE_LAPIC]);
	for (uint32_t i = 0; i < j->vcpu->msrs.count; i++)
		j->vcpu->msrs.entries[i].known = 0;
}

const struct judge_handler model_events_handlers[] = {
	{"KVM_GET_VCPU_EVENTS", KVMAPI_VCPU, .judge = events_get},
	{"KVM_SET_VCPU_EVENTS", KVMAPI_VCPU, .judge = events_set},
	{"KVM_INTERRUPT", KVMAPI_VCPU, .judge = events_interrupt},
	{"KVM_NMI", KVMAPI_VCPU, .judge = events_nmi},
	{"KVM_SMI", KVMAPI_VCPU, .judge = events_smi},
	{"KVM_SET_GUEST_DEBUG", KVMAPI_VCPU, .judge = events_guest_debug},
	{"KVM_X86_SETUP_MCE", KVMAPI_VCPU, .judge = events_setup_mce},
	{"KVM_X86_SET_MCE", KVMAPI_VCPU, .judge = events_set_mce},
	{NULL, 0, .judge = NULL},
};
