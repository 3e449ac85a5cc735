/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls on a vCPU that have no file of their own: MP state, TSC frequency, clock control, signal mask,
 * capabilities, attributes, translation, nested state, registers by number, statistics.
 */
#include "model/areas/msr.h"
#include "model/areas/vm.h"

/* --- MP state: api.rst 4.38, 4.39 --- */

#define MP_STATE TAPE_ARG_OUT, offsetof(struct kvm_mp_state, mp_state), 4

static bool mp_state_in(const struct question *q, const struct tape_part *part, uint64_t *state)
{
	return q_field(q, part, offsetof(struct kvm_mp_state, mp_state), 4, state);
}

static bool mp_state_of_x86(uint64_t state)
{
	return state <= KVM_MP_STATE_SIPI_RECEIVED || state == KVM_MP_STATE_AP_RESET_HOLD;
}

/* The kernel may store a state that x86 does not have, and may have done so. */
static bool mp_state_maybe_odd(const struct question *q)
{
	return q->vcpu->mp_odd && !state_block_known(&q->vcpu->blocks[STATE_MP_STATE], 0, 4) &&
	       q_rule(q, R_MP_STATE_ANY) == STATE_YES;
}

/* The state before the call, as far as it stays by itself. */
static bool mp_state_known(const struct question *q, uint64_t *state)
{
	return vcpu_block_number(q, STATE_MP_STATE, 0, 4, state) && !q_vcpu_ran(q) &&
	       !q->vcpu->init_latched;
}

/* A SIPI waits: KVM_GET_MP_STATE takes it, and starts the processor. */
static bool mp_sipi_waits(const struct question *q)
{
	uint64_t state;

	return q->vcpu->has_lapic != STATE_NO && mp_state_known(q, &state) &&
	       (state == KVM_MP_STATE_SIPI_RECEIVED ||
		(state == KVM_MP_STATE_INIT_RECEIVED && q->vcpu->sipi_waits));
}

/* The last KVM_RUN ended with an access of the guest, so it runs, and nobody else is there. */
static bool mp_state_running(const struct question *q)
{
	const struct state_vcpu *v = q->vcpu;

	return (v->last_exit == KVM_EXIT_IO || v->last_exit == KVM_EXIT_MMIO) && v->run_is_newest &&
	       q->vm->vcpu_count == 1 && q->vm->fresh && !v->mp_written && !q_vcpu_ran(q);
}

/* Nothing happened to the vCPU since it was made. */
static bool mp_state_at_first(const struct question *q)
{
	const struct state_vcpu *v = q->vcpu;

	return v->fresh && v->has_run == STATE_NO && v->has_lapic == STATE_YES &&
	       !v->blocks[STATE_MP_STATE].size && !vcpu_others_ran(q, v->mp_seen) &&
	       v->number != UINT64_MAX && q->vm->boot_cpu != UINT64_MAX && !v->running &&
	       !v->init_latched;
}

static void check_mp_state(const struct question *q, struct judge *j)
{
	uint64_t state;

	if (mp_state_in(q, j->out, &state))
		j_check(j, R_MP_STATE_OF_X86, mp_state_of_x86(state), "an MP state of x86",
			"mp_state = %llu", (unsigned long long)state);
}

/* What older kernels were made to store comes back. */
static void check_mp_state_odd(const struct question *q, struct judge *j)
{
	uint64_t state;

	if (mp_state_in(q, j->out, &state) && state > KVM_MP_STATE_SIPI_RECEIVED)
		j_hold(j, R_MP_STATE_ANY);
}

/* The state, if it is one that x86 has. */
static void answer_mp_state(const struct question *q, struct answer *a)
{
	uint64_t had;

	a_check(a, check_mp_state);
	a_bits(a, R_MP_STATE_OF_X86, "mp_state", 0, ~0xfull, MP_STATE);
	if (q->vcpu->has_lapic == STATE_NO)
		a_equal(a, R_MP_STATE_WITHOUT_LAPIC, "mp_state", KVM_MP_STATE_RUNNABLE, MP_STATE);
	else if (mp_sipi_waits(q)) /* runnable, or still waiting for it */
		a_bits(a, R_MP_STATE_SIPI_TAKEN, "mp_state but for INIT_RECEIVED",
		       KVM_MP_STATE_RUNNABLE, ~(uint64_t)KVM_MP_STATE_INIT_RECEIVED, MP_STATE);
	else if (mp_state_known(q, &had))
		a_equal(a, R_MP_STATE_SAME, "mp_state", had, MP_STATE);
	else if (mp_state_running(q))
		a_equal(a, R_MP_STATE_RUNNING, "mp_state", KVM_MP_STATE_RUNNABLE, MP_STATE);
	else if (mp_state_at_first(q))
		a_equal(a, R_MP_STATE_AT_FIRST, "mp_state",
			q->vcpu->number == q->vm->boot_cpu ? KVM_MP_STATE_RUNNABLE
							   : KVM_MP_STATE_UNINITIALIZED,
			MP_STATE);
}

static void answer_mp_state_get(const struct question *q, struct answer *a)
{
	a_succeeds(a, R_MP_STATE_GET_SUCCEEDS);
	if (!mp_state_maybe_odd(q)) {
		answer_mp_state(q, a);
		return;
	}
	a_check(a, check_mp_state_odd);
	/* 0 to 3, or 4: no state that was stored for lack of a check. */
	a_when_field(a, MP_STATE, ~3ull, 0);
	answer_mp_state(q, a);
	a_when_end(a);
	a_when_field(a, MP_STATE, UINT64_MAX, KVM_MP_STATE_SIPI_RECEIVED);
	answer_mp_state(q, a);
	a_when_end(a);
}

static void learn_mp_state_get(struct learn *l)
{
	struct state_vcpu *v = l->vcpu;
	struct state_block *b = &v->blocks[STATE_MP_STATE];
	bool others = vcpu_others_ran(l->q, v->mp_seen);
	uint64_t state;

	v->mp_seen = l->q->entered;
	if (!l->succeeded || !mp_state_in(l->q, l->out, &state) || !mp_state_of_x86(state) ||
	    (mp_state_maybe_odd(l->q) && state > KVM_MP_STATE_SIPI_RECEIVED))
		return;
	/* The waiting SIPI is taken by this very call. */
	if (mp_sipi_waits(l->q))
		vcpu_forget_all(v);
	v->sipi_waits = false;
	/* An INIT that waits is taken by this call, and resets nearly everything. */
	if ((others || v->init_latched) && v->has_lapic != STATE_NO)
		vcpu_forget_all(v);
	if (q_vcpu_ran(l->q))
		state_block_forget(b);
	else if (state_block_set(b, 0, l->out->data, 4))
		l->oom = -ENOMEM;
}

/* The MP state may be any.  The block keeps its size: it is no longer that of a new vCPU. */
static void mp_state_odd(struct learn *l)
{
	struct state_block *b = &l->vcpu->blocks[STATE_MP_STATE];

	l->vcpu->mp_odd = true;
	l->vcpu->mp_written = true;
	if (state_block_set(b, 0, &(uint32_t){0}, sizeof(uint32_t)))
		l->oom = -ENOMEM;
	state_block_forget(b);
}

/* Some older kernels, but not which ones is known for all, store any number. */
static bool mp_state_may_be_any(const struct question *q)
{
	return q->vcpu->has_lapic != STATE_NO && q_applies(q, R_MP_STATE_ANY);
}

static void answer_mp_state_set(const struct question *q, struct answer *a)
{
	uint64_t state;

	if (!mp_state_in(q, q->in, &state)) {
		a_may_fail(a, R_MP_STATE_UNKNOWN);
		a_may_succeed(a, R_MP_STATE_SET_SUCCEEDS, "argument not captured");
		return;
	}
	if (!mp_state_of_x86(state)) {
		if (a_refuse(a, R_MP_STATE_UNKNOWN,
			     mp_state_may_be_any(q) ? STATE_UNKNOWN : STATE_YES))
			return;
		a_succeeds(a, R_MP_STATE_ANY);
		return;
	}
	if (state != KVM_MP_STATE_RUNNABLE &&
	    a_refuse(a, R_MP_STATE_NEEDS_LAPIC, tri_not(q->vcpu->has_lapic)))
		return;
	/* Waiting for a SIPI is impossible within SMM; holding is of newer kernels. */
	if (state == KVM_MP_STATE_INIT_RECEIVED || state == KVM_MP_STATE_SIPI_RECEIVED ||
	    state == KVM_MP_STATE_AP_RESET_HOLD)
		a_may_fail(a, R_MP_STATE_REFUSED);
	a_succeeds(a, R_MP_STATE_SET_SUCCEEDS);
}

static void learn_mp_state_set(struct learn *l)
{
	struct state_block *b = &l->vcpu->blocks[STATE_MP_STATE];
	uint64_t state;

	if (!mp_state_in(l->q, l->q->in, &state)) {
		mp_state_odd(l);
		return;
	}
	if (!l->succeeded)
		return;
	if (!mp_state_of_x86(state)) {
		mp_state_odd(l);
		return;
	}
	l->vcpu->mp_written = true;
	/* Another state does not take a SIPI back. */
	if (state == KVM_MP_STATE_SIPI_RECEIVED)
		l->vcpu->sipi_waits = true;
	l_block_set(l, b, l->q->in, 0, sizeof(struct kvm_mp_state));
	/* What others sent before counts from now on. */
	if (q_vm_running(l->q))
		state_block_forget(b);
}

/* --- TSC: api.rst 4.55, 4.56 --- */

void a_tsc_khz(struct answer *a, uint64_t khz, const struct tsc_khz_rules *rules)
{
	/* The result of an ioctl is an int: a frequency above its largest comes back as an error. */
	if (khz != STATE_KHZ_UNKNOWN && khz != STATE_KHZ_HOST && khz > INT32_MAX) {
		if ((int32_t)khz >= -4095)
			a_must_fail_with(a, R_TSC_KHZ_NEGATIVE, -(int32_t)khz);
		else
			a_int(a, R_TSC_KHZ_NEGATIVE, "kHz", khz);
		return;
	}
	/* It may have been set where nobody saw it. */
	if (khz == STATE_KHZ_UNKNOWN)
		a_any_int(a, R_TSC_KHZ_NEGATIVE, "an error, or a frequency of more than 31 bits");
	a_succeeds_value(a, rules->succeeds);
	if (khz != STATE_KHZ_UNKNOWN && khz != STATE_KHZ_HOST)
		a_result(a, rules->same, "kHz", khz);
}

void l_tsc_khz(struct learn *l, uint64_t *khz)
{
	if (*khz == STATE_KHZ_UNKNOWN && l->ret->ret < -4095 && l->ret->ret >= INT32_MIN)
		*khz = (uint32_t)l->ret->ret;
	else if (l->succeeded && l->ret->ret >= 0)
		*khz = (uint64_t)l->ret->ret;
}

static void answer_tsc_khz_get(const struct question *q, struct answer *a)
{
	static const struct tsc_khz_rules rules = {R_TSC_KHZ_GET_SUCCEEDS, R_TSC_KHZ_SAME};

	a_may_fail(a, R_TSC_KHZ_UNSTABLE);
	a_tsc_khz(a, q->vcpu->tsc_khz, &rules);
}

static void learn_tsc_khz_get(struct learn *l)
{
	l_tsc_khz(l, &l->vcpu->tsc_khz);
}

static void answer_tsc_khz_set(const struct question *q, struct answer *a)
{
	const struct state_vcpu *v = q->vcpu;
	uint64_t khz = (uint32_t)q->call->arg;

	/*
	 * Another frequency than the vCPU has is a matter of the hardware.  Without TSC scaling its
	 * own is, too: the kernel compares with the host's, which is calibrated again after the
	 * module was loaded.
	 */
	if ((khz && (khz != v->tsc_khz || q_cap(q, KVM_CAP_TSC_CONTROL) <= 0)) || v->tsc_refused)
		a_may_fail(a, R_TSC_KHZ_REFUSED);
	a_succeeds(a, R_TSC_KHZ_SET_SUCCEEDS);
}

static void learn_tsc_khz_set(struct learn *l)
{
	uint64_t khz = (uint32_t)l->q->call->arg;

	l->vcpu->tsc_refused = !l->succeeded;
	if (l->succeeded)
		l->vcpu->tsc_khz = khz ? khz : STATE_KHZ_HOST;
	else
		l->vcpu->tsc_khz = STATE_KHZ_UNKNOWN;
}

/* --- paravirtual clock: api.rst 4.70 --- */

/* Whether the guest has a clock that could be told: one register behind two numbers. */
static enum state_tri has_kvmclock(const struct question *q)
{
	const struct state_entry *e[] = {
		state_set_find(&q->vcpu->msrs, MSR_KVM_CLOCK_OLD, 0),
		state_set_find(&q->vcpu->msrs, MSR_KVM_CLOCK, 0),
	};

	for (size_t i = 0; i < 2; i++) {
		if (e[i] && e[i]->known && e[i]->value[1] & 1)
			return e[i]->value[0] & 1 ? STATE_YES : STATE_NO;
	}
	if (q->vcpu->fresh && q->vcpu->has_run == STATE_NO && !q->vcpu->msrs.open &&
	    !(e[0] && e[0]->value[2]) && !(e[1] && e[1]->value[2]))
		return STATE_NO;
	return STATE_UNKNOWN;
}

static void answer_kvmclock_ctrl(const struct question *q, struct answer *a)
{
	const bool none = has_kvmclock(q) == STATE_NO && !q_vcpu_ran(q);

	if (a_refuse(a, R_KVMCLOCK_CTRL_NO_CLOCK, none ? STATE_YES : STATE_UNKNOWN))
		return;
	a_succeeds(a, R_KVMCLOCK_CTRL_SUCCEEDS);
}

/* --- signal mask: api.rst 4.21 --- */

static void answer_signal_mask(const struct question *q, struct answer *a)
{
	enum state_tri odd = STATE_NO;
	uint64_t len;

	if (q->call->arg)
		odd = Q_IN(q, struct kvm_signal_mask, len, &len) ? tri(len != 8) : STATE_UNKNOWN;
	if (a_refuse(a, R_SIGNAL_MASK_LENGTH, odd))
		return;
	a_succeeds(a, R_SIGNAL_MASK_SUCCEEDS);
}

/* --- capabilities of a vCPU: api.rst 4.37, chapter 6 --- */

/* What a capability asks for; true if it must be refused, and the answer is whole. */
static bool refuse_cap(const struct question *q, struct answer *a, uint32_t cap, uint64_t arg)
{
	const int32_t has = q_cap(q, cap);

	switch (cap) {
	case KVM_CAP_HYPERV_SYNIC2:
	case KVM_CAP_HYPERV_SYNIC:
		if (a_refuse(a, R_VCPU_CAP_ARGUMENT, tri(cap == KVM_CAP_HYPERV_SYNIC2 && arg)) ||
		    a_refuse(a, R_VCPU_CAP_SYNIC_NEEDS_IRQCHIP,
			     vm_irqchip_is(q->vm, STATE_IRQCHIP_NONE)))
			return true;
		if (has <= 0)
			a_may_fail(a, R_VCPU_CAP_UNKNOWN);
		return false;
	case KVM_CAP_HYPERV_ENLIGHTENED_VMCS:
	case KVM_CAP_HYPERV_DIRECT_TLBFLUSH:
		/* A kernel may be built without all of Hyper-V. */
		if (q_cap(q, KVM_CAP_HYPERV) <= 0)
			a_may_fail(a, R_VCPU_CAP_UNKNOWN);
		if (a_refuse(a, R_VCPU_CAP_NO_BACKEND, has ? STATE_UNKNOWN : STATE_YES))
			return true;
		a_may_fail(a, R_VCPU_CAP_UNKNOWN);
		return false;
	case KVM_CAP_HYPERV_ENFORCE_CPUID:
	case KVM_CAP_ENFORCE_PV_FEATURE_CPUID:
		if (has <= 0)
			a_may_fail(a, R_VCPU_CAP_UNKNOWN);
		return false;
	default:
		a_must_fail(a, R_VCPU_CAP_UNKNOWN);
		return true;
	}
}

static bool enable_cap_captured(const struct question *q, uint64_t *cap, uint64_t *flags,
				uint64_t *arg)
{
	*arg = 0;
	q_field(q, q->in, offsetof(struct kvm_enable_cap, args), 8, arg);
	return Q_IN(q, struct kvm_enable_cap, cap, cap) &&
	       Q_IN(q, struct kvm_enable_cap, flags, flags);
}

static void answer_enable_cap(const struct question *q, struct answer *a)
{
	uint64_t cap, flags, arg;

	if (!enable_cap_captured(q, &cap, &flags, &arg)) {
		a_may_succeed(a, R_VCPU_CAP_SUCCEEDS, "argument not captured");
		return;
	}
	if (a_refuse(a, R_VCPU_CAP_FLAGS, tri(flags)) || refuse_cap(q, a, (uint32_t)cap, arg))
		return;
	a_succeeds(a, R_VCPU_CAP_SUCCEEDS);
}

static void learn_enable_cap(struct learn *l)
{
	uint64_t cap, flags, arg;
	struct state_entry *e;

	if (!enable_cap_captured(l->q, &cap, &flags, &arg)) {
		l->vcpu->caps.open = true;
	} else {
		if (!l->succeeded)
			return;
		e = state_set_add(&l->vcpu->caps, cap, 0);
		if (!e) {
			l->oom = -ENOMEM;
			return;
		}
		e->value[0] = arg;
	}
	/* Whether an MSR or a leaf is there may hang on it. */
	vcpu_msrs_doubt(l->vcpu);
	state_block_forget(&l->vcpu->blocks[STATE_CPUID]);
}

/* --- attributes: api.rst 4.80, 4.81, devices/vcpu.rst 4 --- */

/* In state_vcpu.attrs. */
#define TSC_OFFSET ((uint64_t)KVM_VCPU_TSC_CTRL << 32 | KVM_VCPU_TSC_OFFSET)

/* The attribute is the only one there is; not known if it was not captured. */
static enum state_tri is_tsc_offset(const struct question *q)
{
	uint64_t group, attr;

	if (!Q_IN(q, struct kvm_device_attr, group, &group) ||
	    !Q_IN(q, struct kvm_device_attr, attr, &attr))
		return STATE_UNKNOWN;
	return tri(group == KVM_VCPU_TSC_CTRL && attr == KVM_VCPU_TSC_OFFSET);
}

/* The call is about the TSC offset, and can be; if not, the answer is whole. */
static bool answer_attr(const struct question *q, struct answer *a)
{
	const enum state_tri lacks = q_lacks(q, KVM_CAP_VCPU_ATTRIBUTES);
	const enum state_tri offset = is_tsc_offset(q);

	if (offset == STATE_UNKNOWN) {
		a_may_fail_with(a, R_VCPU_ATTR_UNKNOWN, ENXIO);
		a_may_succeed(a, R_VCPU_ATTR_SUCCEEDS, "argument not captured");
	} else if (lacks == STATE_YES) {
		/* A host without a TSC to offset may know the request. */
		a_may_fail_with(a, R_VCPU_ATTR_UNKNOWN, ENXIO);
		a_must_fail(a, R_UNKNOWN_VCPU_EINVAL);
	} else if (lacks == STATE_UNKNOWN) {
		a_may_fail(a, R_VCPU_ATTR_UNKNOWN);
		a_may_succeed(a, R_VCPU_ATTR_SUCCEEDS, "no KVM_CAP_VCPU_ATTRIBUTES");
	} else if (offset == STATE_NO) {
		a_must_fail_with(a, R_VCPU_ATTR_UNKNOWN, ENXIO);
	} else {
		return true;
	}
	return false;
}

static void answer_attr_has(const struct question *q, struct answer *a)
{
	if (answer_attr(q, a))
		a_succeeds(a, R_VCPU_ATTR_SUCCEEDS);
}

/* Cycles between calls that follow upon each other: a few seconds, below what a host has counted.
 */
#define TSC_DRIFT (1ull << 34)

/* The TSC offset that was written; NULL = not known.  Writing the TSC moves it, for a guest as
 * well. */
static const struct state_entry *tsc_offset(const struct question *q)
{
	const struct state_entry *e = state_set_find(&q->vcpu->attrs, TSC_OFFSET, 0);

	return e && e->value[1] == q->vcpu->last_run_end && !q_vcpu_ran(q) ? e : NULL;
}

static void check_tsc_offset(const struct question *q, struct judge *j)
{
	const struct state_entry *e = tsc_offset(q);
	uint64_t n;

	if (!e || !q_field(q, j_part(j, TAPE_NESTED_OUT), 0, 8, &n))
		return;
	if (!n && q_applies(q, R_VCPU_ATTR_NO_OFFSET))
		j_hold(j, R_VCPU_ATTR_NO_OFFSET);
	else if (n && n != e->value[0] && e->value[0] - n < TSC_DRIFT &&
		 q_applies(q, R_VCPU_ATTR_DRIFTS))
		j_hold(j, R_VCPU_ATTR_DRIFTS);
	else
		j_equal(j, R_VCPU_ATTR_SAME, "TSC offset", e->value[0], n);
}

static void answer_attr_get(const struct question *q, struct answer *a)
{
	const struct state_entry *offset;

	if (!answer_attr(q, a))
		return;
	a_may_fail(a, R_VCPU_ATTR_FAULT);
	a_succeeds(a, R_VCPU_ATTR_SUCCEEDS);
	offset = tsc_offset(q);
	if (!offset)
		return;
	a_constrained(a, R_VCPU_ATTR_SAME, TAPE_NESTED_OUT, 0, 8);
	a_suggest(a, TAPE_NESTED_OUT, 0, 8, offset->value[0]);
	a_check(a, check_tsc_offset);
}

static void answer_attr_set(const struct question *q, struct answer *a)
{
	if (!answer_attr(q, a))
		return;
	a_may_fail(a, R_VCPU_ATTR_FAULT);
	a_succeeds(a, R_VCPU_ATTR_SUCCEEDS);
}

static void learn_attr_set(struct learn *l)
{
	struct state_entry *e;
	uint64_t n;

	if (!l->succeeded || is_tsc_offset(l->q) == STATE_NO)
		return;
	/* It may have been the TSC offset, whatever is known of the call. */
	vcpu_attrs_forget(l->vcpu);
	if (is_tsc_offset(l->q) == STATE_UNKNOWN ||
	    q_lacks(l->q, KVM_CAP_VCPU_ATTRIBUTES) != STATE_NO)
		return;
	if (!q_field(l->q, l_part(l, TAPE_NESTED_IN), 0, 8, &n) || q_vcpu_ran(l->q))
		return;
	e = state_set_add(&l->vcpu->attrs, TSC_OFFSET, 0);
	if (!e) {
		l->oom = -ENOMEM;
		return;
	}
	e->value[0] = n;
	e->value[1] = l->vcpu->last_run_end;
}

/* --- address translation: api.rst 4.15 --- */

#define TRANSLATION(a, rule, member, value) A_EQUAL(a, rule, struct kvm_translation, member, value)

/* The vCPU has paging off. */
static bool without_paging(const struct question *q)
{
	uint64_t cr0;

	return !q_vcpu_ran(q) && VCPU_KNOWN(q, STATE_SREGS, struct kvm_sregs, cr0, &cr0) &&
	       !(cr0 >> 31 & 1);
}

static void answer_translate(const struct question *q, struct answer *a)
{
	const size_t valid = offsetof(struct kvm_translation, valid);
	uint64_t linear;

	a_succeeds(a, R_TRANSLATE_SUCCEEDS);
	if (Q_IN(q, struct kvm_translation, linear_address, &linear)) {
		/* All ones are the kernel's own sign of no address. */
		const bool none = linear == UINT64_MAX;
		const uint16_t rule = none ? R_TRANSLATE_LAST_ADDRESS : R_TRANSLATE_WITHOUT_PAGING;

		TRANSLATION(a, R_TRANSLATE_LINEAR_STAYS, linear_address, linear);
		if (without_paging(q)) {
			TRANSLATION(a, rule, valid, !none);
			TRANSLATION(a, rule, physical_address, linear);
		}
	}
	a_range(a, R_TRANSLATE_VALUES, "valid 0 or 1", 0, 1, TAPE_ARG_OUT, valid, 1);
	TRANSLATION(a, R_TRANSLATE_VALUES, writeable, 1);
	TRANSLATION(a, R_TRANSLATE_VALUES, usermode, 0);
	a_when_field(a, TAPE_ARG_OUT, valid, 1, UINT64_MAX, 0);
	TRANSLATION(a, R_TRANSLATE_VALUES, physical_address, UINT64_MAX);
	a_when_end(a);
}

/* --- nested state: api.rst 4.114, 4.115 --- */

#define NESTED_HEADER sizeof(struct kvm_nested_state)

#define NESTED_GUEST (KVM_STATE_NESTED_GUEST_MODE | KVM_STATE_NESTED_RUN_PENDING)

/* Flags that a processor of AMD, or of Intel, can have. */
#define NESTED_SVM_FLAGS (NESTED_GUEST | KVM_STATE_NESTED_GIF_SET)
#define NESTED_VMX_FLAGS (NESTED_GUEST | KVM_STATE_NESTED_EVMCS | KVM_STATE_NESTED_MTF_PENDING)

#define NESTED(member)                                           \
	TAPE_ARG_OUT, offsetof(struct kvm_nested_state, member), \
		sizeof(((struct kvm_nested_state *)0)->member)

/* The host may be of AMD, or of Intel. */
static bool nested_may_be_svm(const struct question *q)
{
	return q_back_end(q, MODEL_KVM_INTEL) != STATE_YES;
}

static bool nested_may_be_vmx(const struct question *q)
{
	return q_back_end(q, MODEL_KVM_AMD) != STATE_YES;
}

/* The flags and the format that a processor of this make can have. */
static bool nested_sane(const struct question *q, uint64_t flags, uint64_t format)
{
	bool svm = nested_may_be_svm(q) && format == KVM_STATE_NESTED_FORMAT_SVM;
	bool vmx = nested_may_be_vmx(q) && format == KVM_STATE_NESTED_FORMAT_VMX;

	if (flags & KVM_STATE_NESTED_RUN_PENDING && !(flags & KVM_STATE_NESTED_GUEST_MODE))
		return false;
	return (svm && !(flags & ~(uint64_t)NESTED_SVM_FLAGS)) ||
	       (vmx && !(flags & ~(uint64_t)NESTED_VMX_FLAGS));
}

/* The same of what KVM_GET_NESTED_STATE gives, where the make is known. */
static void answer_nested_format(const struct question *q, struct answer *a)
{
	const uint16_t rule = R_NESTED_FORMAT;

	if (nested_may_be_svm(q) && nested_may_be_vmx(q))
		return;
	if (!nested_may_be_svm(q))
		a_equal(a, rule, "format", KVM_STATE_NESTED_FORMAT_VMX, NESTED(format));
	if (!nested_may_be_vmx(q))
		a_equal(a, rule, "format", KVM_STATE_NESTED_FORMAT_SVM, NESTED(format));
	a_when_field(a, NESTED(format), UINT64_MAX, KVM_STATE_NESTED_FORMAT_SVM);
	a_bits(a, rule, "flags that AMD does not have", 0, ~(uint64_t)NESTED_SVM_FLAGS,
	       NESTED(flags));
	a_when_end(a);
	a_when_field(a, NESTED(format), UINT64_MAX, KVM_STATE_NESTED_FORMAT_VMX);
	a_bits(a, rule, "flags that Intel does not have", 0, ~(uint64_t)NESTED_VMX_FLAGS,
	       NESTED(flags));
	a_when_end(a);
	a_when_field(a, NESTED(flags), KVM_STATE_NESTED_RUN_PENDING, KVM_STATE_NESTED_RUN_PENDING);
	a_bits(a, rule, "GUEST_MODE with RUN_PENDING", KVM_STATE_NESTED_GUEST_MODE,
	       KVM_STATE_NESTED_GUEST_MODE, NESTED(flags));
	a_when_end(a);
}

/* On AMD there is a VMCB with a nested guest, and none without, as without room for one. */
static void answer_nested_vmcb(struct answer *a, uint64_t room)
{
	const uint64_t with = NESTED_HEADER + KVM_STATE_NESTED_SVM_VMCB_SIZE;
	const uint16_t rule = R_NESTED_VMCB;

	a_when_field(a, NESTED(format), UINT64_MAX, KVM_STATE_NESTED_FORMAT_SVM);
	if (room < with) {
		a_bits(a, rule, "flags of a nested guest", 0, NESTED_GUEST, NESTED(flags));
	} else {
		a_when_field(a, NESTED(flags), KVM_STATE_NESTED_GUEST_MODE,
			     KVM_STATE_NESTED_GUEST_MODE);
		a_equal(a, rule, "size", with, NESTED(size));
		a_when_end(a);
	}
	a_when_field(a, NESTED(flags), KVM_STATE_NESTED_GUEST_MODE, 0);
	a_equal(a, rule, "size", NESTED_HEADER, NESTED(size));
	a_when_end(a);
	a_when_end(a);
}

/* What KVM_GET_NESTED_STATE gives, in a buffer of this size. */
static void answer_nested_state(const struct question *q, struct answer *a, uint64_t room)
{
	a_range(a, R_NESTED_SIZE, "a size within the buffer", NESTED_HEADER, room, NESTED(size));
	a_range(a, R_NESTED_SIZE, "a known format", KVM_STATE_NESTED_FORMAT_VMX,
		KVM_STATE_NESTED_FORMAT_SVM, NESTED(format));
	answer_nested_format(q, a);
	answer_nested_vmcb(a, room);
}

static void answer_nested_get(const struct question *q, struct answer *a)
{
	uint64_t room, size = 0;
	bool known = Q_IN(q, struct kvm_nested_state, size, &room);
	int32_t most = q_cap(q, KVM_CAP_NESTED_STATE);
	bool small;

	if (a_refuse(a, R_NESTED_NOT_POSSIBLE, q_rule(q, R_NESTED_NOT_POSSIBLE)))
		return;
	small = known && !q_vcpu_ran(q) &&
		VCPU_KNOWN(q, STATE_NESTED, struct kvm_nested_state, size, &size) && size > room;
	if (a_refuse(a, R_NESTED_TOO_SMALL,
		     tri_may(small, !known || most < 0 || (int64_t)room < most))) {
		a_when_failed_with(a, E2BIG);
		a_equal(a, R_NESTED_SIZE_WRITTEN, "size", size, NESTED(size));
		a_when_end(a);
		return;
	}
	if (known && room < NESTED_HEADER)
		a_suggest_result(a, -E2BIG);
	if (known) {
		a_when_failed_with(a, E2BIG);
		a_range(a, R_NESTED_SIZE_WRITTEN, "the size that is needed", room + 1, UINT64_MAX,
			NESTED(size));
		a_when_end(a);
	}
	a_succeeds(a, R_NESTED_GET_SUCCEEDS);
	answer_nested_state(q, a, known ? room : UINT32_MAX);
	a_block(a, R_NESTED_SAME, &q->vcpu->blocks[STATE_NESTED], TAPE_ARG_OUT, 0, NESTED_HEADER);
}

static void learn_nested_get(struct learn *l)
{
	if (l->succeeded && !q_vcpu_ran(l->q))
		l_block_get(l, &l->vcpu->blocks[STATE_NESTED], l->out, 0, NESTED_HEADER);
}

/* The rule that a state to be set is against; R_NONE = it may be taken. */
static uint16_t nested_wrong(const struct question *q)
{
	uint64_t size, flags, format;

	if (q_rule(q, R_NESTED_NOT_POSSIBLE) == STATE_YES)
		return R_NESTED_NOT_POSSIBLE;
	if (Q_IN(q, struct kvm_nested_state, size, &size) && size < NESTED_HEADER)
		return R_NESTED_INVALID;
	if (Q_IN(q, struct kvm_nested_state, flags, &flags) &&
	    Q_IN(q, struct kvm_nested_state, format, &format) && !nested_sane(q, flags, format))
		return R_NESTED_FLAGS;
	return R_NONE;
}

static void answer_nested_set(const struct question *q, struct answer *a)
{
	const uint16_t wrong = nested_wrong(q);

	if (q_rule(q, R_NESTED_NOT_POSSIBLE) == STATE_UNKNOWN)
		a_may_fail(a, R_NESTED_NOT_POSSIBLE);
	if (wrong != R_NONE) {
		a_must_fail_with(a, wrong, EINVAL);
		return;
	}
	a_may_fail(a, R_NESTED_INVALID);
	a_succeeds(a, R_NESTED_SET_SUCCEEDS);
}

static void learn_nested_set(struct learn *l)
{
	if (nested_wrong(l->q) == R_NONE)
		vcpu_forget_all(l->vcpu);
}

/* --- registers by number: api.rst 4.68, 4.69, 4.84 --- */

/* The rule by which no register can be had; R_NONE = one may. */
static uint16_t one_reg_wrong(const struct question *q)
{
	uint64_t id;

	if (!q_applies(q, R_ONE_REG_OF_X86))
		return R_ONE_REG_BEFORE;
	if (Q_IN(q, struct kvm_one_reg, id, &id) && (id & KVM_REG_ARCH_MASK) != KVM_REG_X86)
		return R_ONE_REG_OF_X86;
	return R_NONE;
}

static void answer_one_reg(const struct question *q, struct answer *a, uint8_t role)
{
	const uint16_t wrong = one_reg_wrong(q);

	if (wrong != R_NONE) {
		a_must_fail(a, wrong);
		return;
	}
	/* Which registers this vCPU has is not for the model to say. */
	a_may_fail(a, R_ONE_REG_REFUSED);
	a_buffer_may_fault(a, role);
	a_succeeds(a, R_ONE_REG_SUCCEEDS);
}

static void answer_one_reg_get(const struct question *q, struct answer *a)
{
	answer_one_reg(q, a, TAPE_NESTED_OUT);
}

static void answer_one_reg_set(const struct question *q, struct answer *a)
{
	answer_one_reg(q, a, TAPE_NESTED_IN);
}

static void learn_one_reg_set(struct learn *l)
{
	if (one_reg_wrong(l->q) != R_NONE)
		return;
	vcpu_forget_all(l->vcpu);
	vcpu_attrs_forget(l->vcpu);
	l->vcpu->msrs.open = true;
}

/* How many registers there is room for, and how many there are as far as that is known. */
struct reg_list {
	uint64_t room, count;
	bool has_room, known;
};

static struct reg_list reg_list(const struct question *q)
{
	const uint64_t count = q->vcpu->reg_count;
	struct reg_list r = {.known = count != STATE_NUMBER_UNKNOWN, .count = count};

	r.has_room = q_field(q, q->in, 0, 8, &r.room);
	return r;
}

/* What a list that was filled has for a count. */
static void answer_reg_count(struct answer *a, const struct reg_list *r)
{
	a_range(a, R_REG_LIST_COUNT, "at most as many as there is room for", 0, r->room,
		TAPE_ARG_OUT, 0, 8);
	if (r->known)
		a_equal(a, R_REG_LIST_SAME, "n", r->count, TAPE_ARG_OUT, 0, 8);
}

static void answer_reg_list(const struct question *q, struct answer *a)
{
	const struct reg_list r = reg_list(q);
	/* No list is too small with the highest number. */
	const bool may_be_small = !r.known && r.room < UINT64_MAX;
	const bool small = r.has_room && r.known && r.count > r.room;

	if (a_refuse(a, R_ONE_REG_BEFORE, tri(!q_applies(q, R_ONE_REG_OF_X86))))
		return;
	/* What is wrong with success. */
	if (small)
		answer_reg_count(a, &r);
	if (a_refuse(a, R_REG_LIST_TOO_SMALL, tri_may(small, !r.has_room || may_be_small))) {
		a_when_failed_with(a, E2BIG);
		a_equal(a, R_REG_LIST_COUNT_WRITTEN, "n", r.count, TAPE_ARG_OUT, 0, 8);
		a_when_end(a);
		return;
	}
	if (r.has_room && may_be_small) {
		a_when_failed_with(a, E2BIG);
		a_range(a, R_REG_LIST_COUNT_WRITTEN, "the count that is needed", r.room + 1,
			UINT64_MAX, TAPE_ARG_OUT, 0, 8);
		a_when_end(a);
	}
	a_succeeds(a, R_REG_LIST_SUCCEEDS);
	if (r.has_room)
		answer_reg_count(a, &r);
}

static void learn_reg_list(struct learn *l)
{
	const struct reg_list r = reg_list(l->q);
	uint64_t n;
	bool right;

	if (!q_applies(l->q, R_ONE_REG_OF_X86) || !r.has_room || !q_field(l->q, l->out, 0, 8, &n))
		return;
	if (l->ret->ret == -E2BIG)
		right = n > r.room && !(r.known && r.count > r.room);
	else
		right = l->succeeded && n <= r.room;
	if (right)
		l->vcpu->reg_count = n;
}

/* --- statistics: api.rst 4.133 --- */

static void answer_stats_fd(const struct question *q, struct answer *a)
{
	switch (q_lacks(q, KVM_CAP_BINARY_STATS_FD)) {
	case STATE_YES:
		a_must_fail(a, R_UNKNOWN_VCPU_EINVAL);
		break;
	case STATE_UNKNOWN:
		a_may_succeed(a, R_VCPU_STATS_FD_SUCCEEDS, "no KVM_CAP_BINARY_STATS_FD");
		break;
	case STATE_NO:
		a_succeeds_value(a, R_VCPU_STATS_FD_SUCCEEDS);
		break;
	}
}

/* --- prefaulting: api.rst 4.143 --- */

/* Kernels have slots of their own up here: the APIC's page, pages for real mode. */
#define KERNEL_SLOTS 0xfe000000ull

/* No slot has this address. */
static bool nowhere(const struct state_vm *vm, uint64_t gpa)
{
	if (vm->slots.open || (gpa >= KERNEL_SLOTS && gpa < 1ull << 32))
		return false;
	for (uint32_t i = 0; i < vm->slots.count; i++) {
		const struct state_entry *e = &vm->slots.entries[i];

		if (gpa >= e->value[0] && gpa - e->value[0] < e->value[1])
			return false;
	}
	return true;
}

struct range {
	uint64_t gpa, size, flags;
};

static bool pre_fault_range(const struct question *q, struct range *r)
{
	return Q_IN(q, struct kvm_pre_fault_memory, gpa, &r->gpa) &&
	       Q_IN(q, struct kvm_pre_fault_memory, size, &r->size) &&
	       Q_IN(q, struct kvm_pre_fault_memory, flags, &r->flags);
}

static void check_pre_fault_rest(const struct question *q, struct judge *j)
{
	struct range r;
	uint64_t gpa, size;

	if (pre_fault_range(q, &r) && J_OUT(j, struct kvm_pre_fault_memory, gpa, &gpa) &&
	    J_OUT(j, struct kvm_pre_fault_memory, size, &size))
		j_check(j, R_PRE_FAULT_REST, size < r.size && gpa + size == r.gpa + r.size,
			"the rest of the range, less than all of it", "gpa = 0x%llx, size = 0x%llx",
			(unsigned long long)gpa, (unsigned long long)size);
}

static void answer_pre_fault(const struct question *q, struct answer *a)
{
	const enum state_tri lacks = q_lacks(q, KVM_CAP_PRE_FAULT_MEMORY);
	struct range r;
	bool known = pre_fault_range(q, &r);

	if (lacks == STATE_YES) {
		/* Or shadow paging is in use, which cannot do it. */
		a_may_fail_with(a, R_PRE_FAULT_REFUSED, EOPNOTSUPP);
		a_must_fail(a, R_UNKNOWN_VCPU_EINVAL);
		return;
	}
	if (lacks == STATE_UNKNOWN) {
		a_may_succeed(a, R_PRE_FAULT_SUCCEEDS, "no KVM_CAP_PRE_FAULT_MEMORY");
		return;
	}
	if (known && (r.flags || !r.size || r.gpa % q_page(q) || r.size % q_page(q) ||
		      r.gpa + r.size <= r.gpa)) {
		a_must_fail(a, R_PRE_FAULT_INVALID);
		return;
	}
	a_may_fail_with(a, R_PRE_FAULT_REFUSED, EFAULT);
	a_may_fail_with(a, R_PRE_FAULT_REFUSED, EOPNOTSUPP);
	a_may_fail_with(a, R_PRE_FAULT_REFUSED, EAGAIN);
	a_may_fail_with(a, R_PRE_FAULT_REFUSED, EHWPOISON);
	if (known && nowhere(q->vm, r.gpa)) {
		a_must_fail(a, R_PRE_FAULT_NOWHERE);
		return;
	}
	a_may_fail_with(a, R_PRE_FAULT_REFUSED, ENOENT);
	a_succeeds(a, R_PRE_FAULT_SUCCEEDS);
	if (!known)
		return;
	a_constrained(a, R_PRE_FAULT_REST, TAPE_ARG_OUT, offsetof(struct kvm_pre_fault_memory, gpa),
		      8);
	a_constrained(a, R_PRE_FAULT_REST, TAPE_ARG_OUT,
		      offsetof(struct kvm_pre_fault_memory, size), 8);
	A_SUGGEST(a, struct kvm_pre_fault_memory, gpa, r.gpa + r.size);
	A_SUGGEST(a, struct kvm_pre_fault_memory, size, 0);
	a_check(a, check_pre_fault_rest);
}

const struct handler model_vcpu_handlers[] = {
	{"KVM_GET_MP_STATE", KVMAPI_VCPU, .settle = vcpu_forget_async,
	 .answer = answer_mp_state_get, .learn = learn_mp_state_get},
	{"KVM_SET_MP_STATE", KVMAPI_VCPU, .answer = answer_mp_state_set,
	 .learn = learn_mp_state_set},
	{"KVM_GET_TSC_KHZ", KVMAPI_VCPU, .answer = answer_tsc_khz_get, .learn = learn_tsc_khz_get},
	{"KVM_SET_TSC_KHZ", KVMAPI_VCPU, .answer = answer_tsc_khz_set, .learn = learn_tsc_khz_set},
	{"KVM_KVMCLOCK_CTRL", KVMAPI_VCPU, .answer = answer_kvmclock_ctrl},
	{"KVM_SET_SIGNAL_MASK", KVMAPI_VCPU, .answer = answer_signal_mask},
	{"KVM_ENABLE_CAP", KVMAPI_VCPU, .answer = answer_enable_cap, .learn = learn_enable_cap},
	{"KVM_HAS_DEVICE_ATTR", KVMAPI_VCPU, .answer = answer_attr_has},
	{"KVM_GET_DEVICE_ATTR", KVMAPI_VCPU, .answer = answer_attr_get},
	{"KVM_SET_DEVICE_ATTR", KVMAPI_VCPU, .answer = answer_attr_set, .learn = learn_attr_set},
	{"KVM_TRANSLATE", KVMAPI_VCPU, .answer = answer_translate},
	{"KVM_GET_NESTED_STATE", KVMAPI_VCPU, .answer = answer_nested_get,
	 .learn = learn_nested_get},
	{"KVM_SET_NESTED_STATE", KVMAPI_VCPU, .answer = answer_nested_set,
	 .learn = learn_nested_set},
	{"KVM_GET_ONE_REG", KVMAPI_VCPU, .answer = answer_one_reg_get},
	{"KVM_SET_ONE_REG", KVMAPI_VCPU, .answer = answer_one_reg_set, .learn = learn_one_reg_set},
	{"KVM_GET_REG_LIST", KVMAPI_VCPU, .answer = answer_reg_list, .learn = learn_reg_list},
	{"KVM_GET_STATS_FD", KVMAPI_VCPU, .answer = answer_stats_fd},
	{"KVM_PRE_FAULT_MEMORY", KVMAPI_VCPU, .answer = answer_pre_fault},
	{NULL, 0, .answer = NULL},
};
