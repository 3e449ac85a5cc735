/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events on their way into a vCPU: api.rst 4.16 KVM_INTERRUPT, 4.31, 4.32
 * KVM_GET/SET_VCPU_EVENTS, 4.64 KVM_NMI, 4.87 KVM_SET_GUEST_DEBUG, 4.96 KVM_SMI, 4.105, 4.106
 * machine checks.
 */
#include "model/areas/msr.h"
#include "model/areas/vm.h"

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

/* Userspace did not switch the capability on for the VM. */
static enum state_tri cap_off(const struct question *q, uint32_t cap)
{
	uint64_t on = 0;
	enum state_tri enabled = vm_cap_enabled(q->vm, cap, &on);

	return enabled == STATE_YES && !on ? STATE_YES : tri_not(enabled);
}

/* A flag that is there when, and only when, its capability is enabled; false if it is not known
 * whether it is. */
static bool answer_cap_flag(struct answer *a, uint16_t rule, uint32_t cap, uint32_t flag)
{
	enum state_tri off = cap_off(a->q, cap);

	if (off == STATE_UNKNOWN)
		return false;
	a_bits(a, rule, "flags by enabled capabilities", off == STATE_NO ? flag : 0, flag,
	       TAPE_ARG_OUT, offsetof(EVENTS, flags), 4);
	return q_applies(a->q, rule);
}

static void answer_flags(struct answer *a)
{
	bool payload_known = answer_cap_flag(a, R_EVENTS_PAYLOAD_FLAG, KVM_CAP_EXCEPTION_PAYLOAD,
					     KVM_VCPUEVENT_VALID_PAYLOAD);
	bool triple_fault_known =
		answer_cap_flag(a, R_EVENTS_TRIPLE_FAULT_FLAG, KVM_CAP_X86_TRIPLE_FAULT_EVENT,
				KVM_VCPUEVENT_VALID_TRIPLE_FAULT);

	a_bits(a, R_EVENTS_FLAGS, "flags without those of capabilities", FLAGS_ALWAYS,
	       ~(uint64_t)(KVM_VCPUEVENT_VALID_PAYLOAD | KVM_VCPUEVENT_VALID_TRIPLE_FAULT),
	       TAPE_ARG_OUT, offsetof(EVENTS, flags), 4);
	if (payload_known && triple_fault_known)
		a_determined(a, R_EVENTS_FLAGS, TAPE_ARG_OUT, offsetof(EVENTS, flags), 4);
}

/* States of one bit, or of a few values. */
static void answer_states(struct answer *a)
{
#define STATE(member, most)                                             \
	{                                                               \
		offsetof(EVENTS, member), most, #member " up to " #most \
	}
	static const struct {
		uint16_t offset, most;
		const char *text;
	} states[] = {
		STATE(exception.injected, 1),
		STATE(exception.has_error_code, 1),
		STATE(exception.pending, 1),
		STATE(interrupt.injected, 1),
		STATE(interrupt.shadow, 3),
		STATE(nmi.injected, 1),
		STATE(nmi.pending, 2),
		STATE(nmi.masked, 1),
		STATE(smi.smm, 1),
		STATE(smi.pending, 1),
		STATE(smi.smm_inside_nmi, 1),
		STATE(smi.latched_init, 1),
		STATE(triple_fault.pending, 1),
		STATE(exception_has_payload, 1),
	};
#undef STATE

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		a_range(a, R_EVENTS_BOOLEANS, states[i].text, 0, states[i].most, TAPE_ARG_OUT,
			states[i].offset, 1);
}

/* A pending NMI or #NMI is no exception; a soft one is never reported. */
static void check_exception(const struct question *q, struct judge *j)
{
	uint64_t injected, pending, nr;

	(void)q;
	if (!J_OUT(j, EVENTS, exception.injected, &injected) ||
	    !J_OUT(j, EVENTS, exception.pending, &pending) ||
	    !J_OUT(j, EVENTS, exception.nr, &nr) || !(injected || pending))
		return;
	j_check(j, R_EVENTS_EXCEPTION_NUMBER, nr <= 31 && nr != 2, "an exception vector",
		"nr = %llu", (unsigned long long)nr);
}

static void answer_filler(struct answer *a)
{
	a_zero(a, R_EVENTS_FILLER_ZERO, "interrupt.soft", TAPE_ARG_OUT,
	       offsetof(EVENTS, interrupt.soft), 1);
	a_zero(a, R_EVENTS_FILLER_ZERO, "nmi.pad", TAPE_ARG_OUT, offsetof(EVENTS, nmi.pad), 1);
	a_zero(a, R_EVENTS_FILLER_ZERO, "sipi_vector", TAPE_ARG_OUT, offsetof(EVENTS, sipi_vector),
	       4);
	a_zero(a, R_EVENTS_FILLER_ZERO, "reserved", TAPE_ARG_OUT, offsetof(EVENTS, reserved),
	       sizeof(((EVENTS *)0)->reserved));
}

/* For those who do not know of pending exceptions they count as injected. */
static void answer_pending(struct answer *a)
{
	a_when_field(a, TAPE_ARG_OUT, offsetof(EVENTS, flags), 4, KVM_VCPUEVENT_VALID_PAYLOAD, 0);
	a_when_field(a, TAPE_ARG_OUT, offsetof(EVENTS, exception.pending), 1, 0xff, 1);
	A_EQUAL(a, R_EVENTS_PENDING_INJECTED, EVENTS, exception.injected, 1);
	a_aside(a);
	a_when_end(a);
	a_when_end(a);
}

/* Without the capability the payload of an exception is delivered by looking at it. */
static bool payload_delivered(const struct question *q, const struct tape_part *out)
{
	uint64_t flags, injected;

	return vcpu_captured(out, sizeof(EVENTS)) &&
	       q_field(q, out, offsetof(EVENTS, flags), 4, &flags) &&
	       !(flags & KVM_VCPUEVENT_VALID_PAYLOAD) &&
	       q_field(q, out, offsetof(EVENTS, exception.injected), 1, &injected) && injected;
}

/* The same interrupt that the special registers show, if they are still what they were. */
static void check_interrupt(const struct question *q, struct judge *j)
{
	uint64_t injected, bitmap;

	if (q_vcpu_ran(q) || payload_delivered(q, j->out) ||
	    !J_OUT(j, EVENTS, interrupt.injected, &injected) || injected)
		return;
	for (uint32_t i = 0; i < 4; i++) {
		if (vcpu_block_number(q, STATE_SREGS,
				      offsetof(struct kvm_sregs, interrupt_bitmap) + 8 * i, 8,
				      &bitmap))
			j_equal(j, R_SREGS_INTERRUPT_AS_EVENTS, "interrupt_bitmap", 0, bitmap);
	}
}

/* The interrupt that the special registers show. */
static void suggest_interrupt(const struct question *q, struct answer *a)
{
	uint64_t bitmap;

	for (uint32_t i = 0; i < 4; i++) {
		if (!vcpu_block_number(q, STATE_SREGS,
				       offsetof(struct kvm_sregs, interrupt_bitmap) + 8 * i, 8,
				       &bitmap) ||
		    !bitmap)
			continue;
		A_SUGGEST(a, EVENTS, interrupt.injected, 1);
		A_SUGGEST(a, EVENTS, interrupt.nr, 64 * i + (unsigned int)__builtin_ctzll(bitmap));
	}
}

static void answer_events_get(const struct question *q, struct answer *a)
{
	if (a_wants(a, ANSWER_SUGGEST) && !q_vcpu_ran(q))
		suggest_interrupt(q, a);
	if (!a_vcpu_get(a, R_EVENTS_GET_SUCCEEDS, R_EVENTS_SAME, STATE_EVENTS, sizeof(EVENTS)))
		return;
	answer_flags(a);
	answer_states(a);
	a_check(a, check_exception);
	if (q_rule(q, R_EVENTS_NO_SMM) == STATE_YES)
		a_zero(a, R_EVENTS_NO_SMM, "smi without KVM_CAP_X86_SMM", TAPE_ARG_OUT,
		       offsetof(EVENTS, smi.smm), 3);
	answer_filler(a);
	answer_pending(a);
	a_check(a, check_interrupt);
}

static void learn_events_get(struct learn *l)
{
	uint64_t flags, latched;

	if (!l->ret->ret && !q_vcpu_ran(l->q) && L_OUT(l, EVENTS, flags, &flags) &&
	    flags & KVM_VCPUEVENT_VALID_SMM && L_OUT(l, EVENTS, smi.latched_init, &latched) &&
	    !latched)
		l->vcpu->init_latched = false;
	if (!l_vcpu_get(l, STATE_EVENTS, sizeof(EVENTS)))
		return;
	if (payload_delivered(l->q, l->out)) {
		state_block_forget(&l->vcpu->blocks[STATE_SREGS]);
		state_block_forget(&l->vcpu->blocks[STATE_SREGS2]);
		state_block_forget(&l->vcpu->blocks[STATE_DEBUGREGS]);
	}
	forget_from_outside(l);
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

/* What a SET gives. */
struct events_given {
	uint64_t flags, pending, injected, nr, smm, latched;
};

/* False: not all of it was captured. */
static bool events_given(const struct question *q, struct events_given *given)
{
	return vcpu_captured(q->in, sizeof(EVENTS)) && Q_IN(q, EVENTS, flags, &given->flags) &&
	       Q_IN(q, EVENTS, exception.pending, &given->pending) &&
	       Q_IN(q, EVENTS, exception.injected, &given->injected) &&
	       Q_IN(q, EVENTS, exception.nr, &given->nr) && Q_IN(q, EVENTS, smi.smm, &given->smm) &&
	       Q_IN(q, EVENTS, smi.latched_init, &given->latched);
}

/* It has a flag without the capability that the flag belongs to. */
static enum state_tri flag_without_cap(const struct question *q, const struct events_given *given,
				       uint32_t flag, uint32_t cap)
{
	return given->flags & flag ? cap_off(q, cap) : STATE_NO;
}

static enum state_tri needs_payload(const struct question *q, const struct events_given *given)
{
	return flag_without_cap(q, given, KVM_VCPUEVENT_VALID_PAYLOAD, KVM_CAP_EXCEPTION_PAYLOAD);
}

static enum state_tri needs_triple_fault(const struct question *q, const struct events_given *given)
{
	return flag_without_cap(q, given, KVM_VCPUEVENT_VALID_TRIPLE_FAULT,
				KVM_CAP_X86_TRIPLE_FAULT_EVENT);
}

static bool flags_unknown(const struct events_given *given)
{
	return given->flags & ~(uint64_t)FLAGS_KNOWN;
}

/* An exception whose number none has.  Pending ones are looked at with their flag only. */
static bool exception_odd(const struct events_given *given)
{
	bool pending = given->flags & KVM_VCPUEVENT_VALID_PAYLOAD && given->pending;

	return (given->injected || pending) && (given->nr > 31 || given->nr == 2);
}

static void answer_events_set(const struct question *q, struct answer *a)
{
	uint64_t smi_pending = 0, inside = 0;
	struct events_given given;
	bool known;

	if (a_vcpu_protected(a, R_EVENTS_SET_SUCCEEDS))
		return;
	known = events_given(q, &given);
	if (a_refuse(a, R_EVENTS_INVALID, known ? tri(flags_unknown(&given)) : STATE_UNKNOWN))
		return;
	if (!known) {
		a_may_succeed(a, R_EVENTS_SET_SUCCEEDS, "argument not captured");
		return;
	}
	if (a_refuse(a, R_EVENTS_NEEDS_PAYLOAD_CAP, needs_payload(q, &given)) ||
	    a_refuse(a, R_EVENTS_EXCEPTION_NUMBER, tri(exception_odd(&given))) ||
	    a_refuse(a, R_EVENTS_NEEDS_TRIPLE_FAULT_CAP, needs_triple_fault(q, &given)))
		return;
	/* An SMI state without SMM, or while an INIT is waiting, is refused by some kernels. */
	Q_IN(q, EVENTS, smi.pending, &smi_pending);
	Q_IN(q, EVENTS, smi.smm_inside_nmi, &inside);
	if (given.flags & KVM_VCPUEVENT_VALID_SMM && (given.smm || smi_pending || inside))
		a_may_fail(a, R_EVENTS_SMM_REFUSED);
	a_succeeds(a, R_EVENTS_SET_SUCCEEDS);
}

/* A change of SMM leaves a nested guest; a latched INIT resets the vCPU when somebody looks. */
static void learn_smm(struct learn *l, const struct events_given *given)
{
	uint64_t old;

	if (!(given->flags & KVM_VCPUEVENT_VALID_SMM))
		return;
	if (given->latched ||
	    (VCPU_KNOWN(l->q, STATE_EVENTS, EVENTS, smi.smm, &old) ? old != given->smm
								   : given->smm))
		vcpu_forget_all(l->vcpu);
	if (given->latched)
		l->vcpu->init_latched = true;
}

static void learn_events_set(struct learn *l)
{
	struct state_vcpu *v = l->vcpu;
	struct events_given given;

	if (l_vcpu_protected(l)) {
		v->init_latched = true;
		return;
	}
	if (!events_given(l->q, &given)) {
		vcpu_forget_all(v);
		v->init_latched = true;
		return;
	}
	if (flags_unknown(&given) || needs_payload(l->q, &given) == STATE_YES ||
	    exception_odd(&given))
		return;
	if (needs_triple_fault(l->q, &given) == STATE_YES) {
		vcpu_forget_all(v);
		return;
	}
	VCPU_FORGET(l, STATE_SREGS, struct kvm_sregs, interrupt_bitmap);
	if (!l->succeeded) {
		state_block_forget(&v->blocks[STATE_EVENTS]);
		return;
	}
	learn_smm(l, &given);
	l_block_set(l, &v->blocks[STATE_EVENTS], l->q->in, 0, sizeof(EVENTS));
	events_promise(l, given.flags);
}

static void answer_interrupt(const struct question *q, struct answer *a)
{
	uint64_t irq;

	if (a_refuse(a, R_INTERRUPT_NUMBER,
		     tri_may(Q_IN(q, struct kvm_interrupt, irq, &irq) && irq >= KVM_NR_INTERRUPTS,
			     !q->in)) ||
	    a_refuse(a, R_INTERRUPT_PIC_IN_KERNEL, vm_irqchip_is(q->vm, STATE_IRQCHIP_KERNEL)))
		return;
	if (q->vm->irqchip != STATE_IRQCHIP_NONE)
		a_may_fail(a, R_INTERRUPT_ENQUEUED);
	a_succeeds(a, R_INTERRUPT_SUCCEEDS);
}

static void learn_interrupt(struct learn *l)
{
	uint8_t bytes[2] = {1};
	uint64_t irq;

	if (!l->succeeded)
		return;
	VCPU_FORGET(l, STATE_EVENTS, EVENTS, interrupt);
	VCPU_FORGET(l, STATE_SREGS, struct kvm_sregs, interrupt_bitmap);
	/* Without a local APIC in the kernel the vector is queued at once, for everyone to see. */
	if (l->vm->irqchip != STATE_IRQCHIP_NONE || q_vcpu_ran(l->q) ||
	    !Q_IN(l->q, struct kvm_interrupt, irq, &irq))
		return;
	bytes[1] = (uint8_t)irq;
	if (state_block_set(&l->vcpu->blocks[STATE_EVENTS], offsetof(EVENTS, interrupt.injected),
			    bytes, sizeof(bytes)))
		l->oom = -ENOMEM;
}

static void answer_nmi(const struct question *q, struct answer *a)
{
	(void)q;
	a_succeeds(a, R_NMI_SUCCEEDS);
}

static void learn_nmi(struct learn *l)
{
	if (l->succeeded)
		VCPU_FORGET(l, STATE_EVENTS, EVENTS, nmi);
}

static void answer_smi(const struct question *q, struct answer *a)
{
	a_may_fail(a, R_SMI_WITHOUT_SMM);
	a_succeeds(a, R_SMI_SUCCEEDS);
}

static void learn_smi(struct learn *l)
{
	VCPU_FORGET(l, STATE_EVENTS, EVENTS, smi);
}

/* The exceptions that KVM_SET_GUEST_DEBUG is to inject; false: not captured. */
static bool debug_given(const struct question *q, uint64_t *control, uint64_t *injected)
{
	bool known = Q_IN(q, struct kvm_guest_debug, control, control);

	*injected = known ? *control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP) : 0;
	return known;
}

static void answer_guest_debug(const struct question *q, struct answer *a)
{
	uint64_t control, injected;

	if (a_vcpu_protected(a, R_GUEST_DEBUG_SUCCEEDS))
		return;
	/* Software exceptions and triple faults may be pending without being shown. */
	if (!debug_given(q, &control, &injected) || injected)
		a_may_fail(a, R_GUEST_DEBUG_EXCEPTION_PENDING);
	a_succeeds(a, R_GUEST_DEBUG_SUCCEEDS);
}

static void learn_guest_debug(struct learn *l)
{
	struct state_vcpu *v = l->vcpu;
	uint64_t control = 0, injected;
	bool known = debug_given(l->q, &control, &injected);

	if (l_vcpu_protected(l)) {
		v->debug_known = STATE_UNKNOWN;
		return;
	}
	if (!known || injected) {
		VCPU_FORGET(l, STATE_EVENTS, EVENTS, exception);
		VCPU_FORGET(l, STATE_EVENTS, EVENTS, exception_has_payload);
		VCPU_FORGET(l, STATE_EVENTS, EVENTS, exception_payload);
	}
	if (!l->succeeded)
		return;
	if (injected && !q_vcpu_ran(l->q)) {
		/* Debug goes before breakpoint; whether it shows as pending hangs on other things.
		 */
		uint8_t nr = injected & KVM_GUESTDBG_INJECT_DB ? 1 : 3;

		if (state_block_set(&v->blocks[STATE_EVENTS], offsetof(EVENTS, exception.nr), &nr,
				    1))
			l->oom = -ENOMEM;
	}
	v->debug_known = known ? STATE_YES : STATE_UNKNOWN;
	v->debug_control = control & KVM_GUESTDBG_ENABLE ? control : 0;
	/* Single-stepping takes TF for itself. */
	v->regs_written = true;
	VCPU_FORGET(l, STATE_REGS, struct kvm_regs, rflags);
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

static void answer_setup_mce(const struct question *q, struct answer *a)
{
	const uint64_t everywhere = MCG_BANKS | MCG_EXT_CNT | MCG_CTL_P | MCG_SER_P;
	uint64_t cap = 0;
	const bool known = q_field(q, q->in, 0, 8, &cap);

	if (a_refuse(a, R_MCE_BANKS,
		     known ? tri(!(cap & MCG_BANKS) || (cap & MCG_BANKS) > BANKS_MAX)
			   : STATE_UNKNOWN))
		return;
	if (!known) {
		a_may_succeed(a, R_MCE_SETUP_SUCCEEDS, "argument not captured");
		return;
	}
	if (a_refuse(a, R_MCE_CAPABILITY,
		     tri_may(cap & ~(everywhere | MCG_CMCI_P | MCG_LMCE_P) && !q_maybe_newer(q),
			     cap & ~everywhere)))
		return;
	a_succeeds(a, R_MCE_SETUP_SUCCEEDS);
}

static void learn_setup_mce(struct learn *l)
{
	uint64_t cap;

	if (!l->succeeded)
		return;
	if (!q_field(l->q, l->q->in, 0, 8, &cap)) {
		l->vcpu->mcg_cap = UINT64_MAX;
		l->vcpu->msrs_reset = false;
		return;
	}
	l->vcpu->mcg_cap = cap;
	vcpu_msr_forget(l, MSR_MCG_CAP);
	vcpu_msr_forget(l, MSR_MCG_CTL);
	/* The bank's registers start anew; the local APIC gains or loses an entry for corrected
	 * errors. */
	for (uint32_t i = 0; i < l->vcpu->msrs.count; i++) {
		uint64_t index = l->vcpu->msrs.entries[i].key;

		if ((index >= 0x400 && index <= 0x47f) || index == 0x179 || index == 0x17b)
			l->vcpu->msrs.entries[i].known = 0;
	}
	for (uint32_t i = 0; i < (cap & MCG_BANKS); i++)
		vcpu_msr_learn(l, MSR_MC0_CTL + 4 * i, UINT64_MAX, UINT64_MAX);
	state_block_forget(&l->vcpu->blocks[STATE_LAPIC]);
}

static void answer_set_mce(const struct question *q, struct answer *a)
{
	uint64_t status = 0, bank = 0, cap = q->vcpu->mcg_cap;
	const bool known = Q_IN(q, struct kvm_x86_mce, status, &status) &&
			   Q_IN(q, struct kvm_x86_mce, bank, &bank);
	const bool high = bank >= BANKS_MAX || (cap != UINT64_MAX && bank >= (cap & MCG_BANKS));

	if (a_refuse(a, R_MCE_VALID, tri(known && !(status & MCI_VAL))) ||
	    a_refuse(a, R_MCE_BANK, tri_may(known && high, !known || cap == UINT64_MAX)))
		return;
	a_succeeds(a, R_MCE_SUCCEEDS);
}

static void learn_set_mce(struct learn *l)
{
	if (!l->succeeded)
		return;
	VCPU_FORGET(l, STATE_EVENTS, EVENTS, exception);
	VCPU_FORGET(l, STATE_EVENTS, EVENTS, triple_fault);
	state_block_forget(&l->vcpu->blocks[STATE_LAPIC]);
	l->vcpu->msrs_reset = false;
	for (uint32_t i = 0; i < l->vcpu->msrs.count; i++)
		l->vcpu->msrs.entries[i].known = 0;
}

const struct handler model_events_handlers[] = {
	{"KVM_GET_VCPU_EVENTS", KVMAPI_VCPU, .settle = vcpu_forget_async,
	 .answer = answer_events_get, .learn = learn_events_get},
	{"KVM_SET_VCPU_EVENTS", KVMAPI_VCPU, .answer = answer_events_set,
	 .learn = learn_events_set},
	{"KVM_INTERRUPT", KVMAPI_VCPU, .answer = answer_interrupt, .learn = learn_interrupt},
	{"KVM_NMI", KVMAPI_VCPU, .answer = answer_nmi, .learn = learn_nmi},
	{"KVM_SMI", KVMAPI_VCPU, .answer = answer_smi, .learn = learn_smi},
	{"KVM_SET_GUEST_DEBUG", KVMAPI_VCPU, .answer = answer_guest_debug,
	 .learn = learn_guest_debug},
	{"KVM_X86_SETUP_MCE", KVMAPI_VCPU, .answer = answer_setup_mce, .learn = learn_setup_mce},
	{"KVM_X86_SET_MCE", KVMAPI_VCPU, .answer = answer_set_mce, .learn = learn_set_mce},
	{NULL, 0, .answer = NULL},
};
