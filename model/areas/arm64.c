/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of arm64: KVM_ARM_VCPU_INIT (api.rst 4.82), KVM_ARM_PREFERRED_TARGET (4.83),
 * KVM_ARM_VCPU_FINALIZE (4.119), registers by id (4.68, 4.69), KVM_RUN with the events of PSCI
 * (4.10, chapter 5). Compiled against the UAPI headers of arm64.
 */
#include "model/areas/arm64.h"

/* Keys of state_system.numbers, behind those of system.c. */
enum {
	NUMBER_TARGET = 0x100, /* kvm_vcpu_init.target that the host prefers */
	NUMBER_FEATURES,
};

#define BIT(n)	     (1ull << (n))
#define POWER_OFF    BIT(KVM_ARM_VCPU_POWER_OFF)
#define EL1_32BIT    BIT(KVM_ARM_VCPU_EL1_32BIT)
#define SVE	     BIT(KVM_ARM_VCPU_SVE)
#define PTRAUTH	     (BIT(KVM_ARM_VCPU_PTRAUTH_ADDRESS) | BIT(KVM_ARM_VCPU_PTRAUTH_GENERIC))
/* Features that all kernels know, those that newer ones know, and the words behind the first. */
#define OLD_FEATURES 0x7full
#define NEW_FEATURES 0x1ffull
#define WORDS	     7

/* --- KVM_ARM_PREFERRED_TARGET ---------------------------------------------------------------- */

/* A field that is the same at each call. */
static void preferred_field(struct answer *a, const char *what, uint64_t number, size_t offset)
{
	const struct state_entry *e = state_set_find(&a->q->system->numbers, number, 0);

	if (e && e->known)
		a_equal(a, R_ARM_PREFERRED_TARGET, what, e->value[0], TAPE_ARG_OUT, offset, 4);
}

static void answer_preferred_target(const struct question *q, struct answer *a)
{
	(void)q;
	a_may_fail(a, R_ARM_PREFERRED_NONE);
	a_succeeds(a, R_ARM_PREFERRED_TARGET);
	a_range(a, R_ARM_PREFERRED_TARGET, "a target of the header", 0, KVM_ARM_TARGET_GENERIC_V8,
		TAPE_ARG_OUT, offsetof(struct kvm_vcpu_init, target), 4);
	preferred_field(a, "target", NUMBER_TARGET, offsetof(struct kvm_vcpu_init, target));
	preferred_field(a, "features", NUMBER_FEATURES, offsetof(struct kvm_vcpu_init, features));
}

static void learn_preferred_target(struct learn *l)
{
	uint64_t target, features;

	if (!l->succeeded || !L_OUT(l, struct kvm_vcpu_init, target, &target) ||
	    !q_field(l->q, l->out, offsetof(struct kvm_vcpu_init, features), 4, &features) ||
	    target > KVM_ARM_TARGET_GENERIC_V8)
		return;
	l_constant(l, &l->system->numbers, NUMBER_TARGET, 0, target);
	l_constant(l, &l->system->numbers, NUMBER_FEATURES, 0, features);
}

/* --- KVM_ARM_VCPU_INIT ----------------------------------------------------------------------- */

struct init {
	uint64_t target, features; /* the first two words */
	bool unknown;		   /* a feature that no kernel knows */
	bool strange;		   /* one that only newer kernels know */
};

static bool init_read(const struct question *q, struct init *init)
{
	uint64_t words[WORDS];

	if (!Q_IN(q, struct kvm_vcpu_init, target, &init->target))
		return false;
	init->unknown = false;
	for (size_t i = 0; i < WORDS; i++) {
		if (!q_field(q, q->in, offsetof(struct kvm_vcpu_init, features) + 4 * i, 4,
			     &words[i]))
			return false;
		init->unknown |= i && words[i];
	}
	init->features = words[0];
	init->unknown |= (words[0] & ~NEW_FEATURES) != 0;
	init->strange = (words[0] & ~OLD_FEATURES) != 0;
	return true;
}

/* The host has no target of that number: known of all but the preferred and the generic one. */
static enum state_tri target_is_bad(const struct question *q, uint64_t target)
{
	const struct state_entry *e = state_set_find(&q->system->numbers, NUMBER_TARGET, 0);

	if (target > KVM_ARM_TARGET_GENERIC_V8)
		return STATE_YES;
	if (e && e->known && e->value[0] == target)
		return STATE_NO;
	if (q->vcpu->arm_initialized == STATE_YES && q->vcpu->arm_target == target)
		return STATE_NO;
	if (target == KVM_ARM_TARGET_GENERIC_V8 && q_applies(q, R_ARM_INIT_GENERIC_TARGET))
		return STATE_NO;
	return e && e->known ? STATE_YES : STATE_UNKNOWN;
}

/* A feature that needs a capability which the host does not have, or may not have. */
static enum state_tri lacks_cap(const struct question *q, uint64_t features)
{
	static const struct {
		uint8_t feature;
		uint16_t cap;
	} needs[] = {
		{KVM_ARM_VCPU_EL1_32BIT, KVM_CAP_ARM_EL1_32BIT},
		{KVM_ARM_VCPU_PMU_V3, KVM_CAP_ARM_PMU_V3},
		{KVM_ARM_VCPU_SVE, KVM_CAP_ARM_SVE},
		{KVM_ARM_VCPU_PTRAUTH_ADDRESS, KVM_CAP_ARM_PTRAUTH_ADDRESS},
		{KVM_ARM_VCPU_PTRAUTH_GENERIC, KVM_CAP_ARM_PTRAUTH_GENERIC},
	};
	enum state_tri lacks = STATE_NO;

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if (!(features & BIT(needs[i].feature)))
			continue;
		if (q_cap(q, needs[i].cap) == 0)
			return STATE_YES;
		if (q_cap(q, needs[i].cap) < 0)
			lacks = STATE_UNKNOWN;
	}
	return lacks;
}

/* Features that count as "the same set" on this kernel; what older and newer ones do is known, not
 * when that changed. */
static uint64_t compared(const struct question *q)
{
	return q_applies(q, R_ARM_INIT_POWER_OFF_APART) ? ~POWER_OFF : ~0ull;
}

static bool changed_between(const struct question *q)
{
	return q_changed(q, CHANGE_ARM_INIT_PER_VM) == STATE_UNKNOWN;
}

/* The vCPU is as new. */
static void initialized(struct learn *l, const struct init *init)
{
	struct state_vcpu *v = l->vcpu;
	bool sure = !arm64_unsure(v);

	if (v->arm_initialized != STATE_YES) {
		v->arm_features = init->features;
		v->arm_target = init->target;
		v->reg_count = STATE_NUMBER_UNKNOWN;
		if (!l->vm->arm_features)
			l->vm->arm_features = 1 + init->features;
	}
	v->arm_initialized = STATE_YES;
	v->event = false;
	generic_forget_others(l);
	generic_forget_registers(v);
	state_set_clear(&v->msrs);
	if (l->vm->running) {
		generic_mp_state(l, UINT32_MAX, R_NONE);
		return;
	}
	v->arm_reset = sure;
	if (sure)
		generic_mp_state(l,
				 init->features & POWER_OFF ? KVM_MP_STATE_STOPPED
							    : KVM_MP_STATE_RUNNABLE,
				 init->features & POWER_OFF ? R_ARM_INIT_POWERED_OFF
							    : R_ARM_INIT_POWERED_ON);
	else
		generic_mp_state(l, UINT32_MAX, R_NONE);
}

/* The second and later calls. */
static void init_again(struct answer *a, const struct init *init)
{
	const struct question *q = a->q;
	uint64_t mask = compared(q), was = q->vcpu->arm_features;
	const bool other_target = init->target != q->vcpu->arm_target;
	const bool other_power = (was ^ init->features) & POWER_OFF;
	uint16_t again = R_ARM_INIT_AGAIN;

	if (changed_between(q) && other_power)
		a_may_fail(a, R_ARM_INIT_OTHER_FEATURES);
	if (a_refuse(a, R_ARM_INIT_OTHER_TARGET,
		     !other_target || q_applies(q, R_ARM_INIT_GENERIC_TARGET) ? STATE_NO
		     : q->vcpu->arm_target == STATE_NUMBER_UNKNOWN	      ? STATE_UNKNOWN
									      : STATE_YES))
		return;
	if (arm64_unsure(q->vcpu)) {
		a_may_fail(a, R_ARM_INIT_LEFTOVERS);
		a_may_fail(a, R_ARM_INIT_OTHER_FEATURES);
		a_succeeds(a, R_ARM_INIT_AGAIN);
		return;
	}
	/* What else there is to say of the call is the same. */
	if (other_target)
		again = R_ARM_INIT_GENERIC_TARGET;
	else if (other_power && !(mask & POWER_OFF))
		again = R_ARM_INIT_POWER_OFF_APART;
	if (changed_between(q))
		mask &= ~POWER_OFF;
	if (a_refuse(a, R_ARM_INIT_OTHER_FEATURES, tri((was ^ init->features) & mask)))
		return;
	a_succeeds(a, again);
	if (other_target)
		a_hold(a, R_ARM_INIT_GENERIC_TARGET);
	if (other_power)
		a_hold(a, R_ARM_INIT_POWER_OFF_APART);
}

/* The first call, as far as is known. */
static void init_first(struct answer *a, const struct init *init)
{
	const struct question *q = a->q;
	uint64_t first = q->vm->arm_features, other = (first - 1) ^ init->features;

	if (q->vcpu->arm_initialized == STATE_UNKNOWN) {
		a_may_fail(a, R_ARM_INIT_OTHER_FEATURES);
		a_may_fail(a, R_ARM_INIT_OTHER_TARGET);
	}
	if (first && ((first - 1) & ~OLD_FEATURES || changed_between(q))) {
		a_may_fail(a, R_ARM_INIT_VM_WIDE);
		a_may_fail(a, R_ARM_INIT_WIDTH);
	} else if (first &&
		   (a_refuse(a, R_ARM_INIT_WIDTH, tri(other & EL1_32BIT)) ||
		    a_refuse(a, R_ARM_INIT_VM_WIDE,
			     tri(other & compared(q) && q_applies(q, R_ARM_INIT_VM_WIDE))))) {
		return;
	}
	a_succeeds(a, R_ARM_INIT);
}

/* Older kernels look at bit after bit, newer ones for unknown ones first: true if the answer is
 * whole. */
static bool init_strange(struct answer *a, const struct init *init)
{
	const struct question *q = a->q;

	if (!init->unknown && !init->strange)
		return false;
	if (!q_applies(q, R_ARM_INIT_POWER_OFF_APART) && q->vcpu->arm_initialized != STATE_NO)
		a_may_fail(a, R_ARM_INIT_OTHER_FEATURES);
	if (a_refuse(a, R_ARM_INIT_UNKNOWN_FEATURE,
		     init->unknown && !q_newer(q) ? STATE_YES : STATE_UNKNOWN))
		return true;
	a_may_fail(a, R_ARM_INIT_NO_CAP);
	a_may_fail(a, R_ARM_INIT_COMBINATION);
	return false;
}

static void answer_vcpu_init(const struct question *q, struct answer *a)
{
	struct init init;
	uint64_t auth;

	if (!init_read(q, &init)) {
		a_skip(a, "argument not captured");
		return;
	}
	auth = init.features & PTRAUTH;
	if (a_refuse(a, R_ARM_INIT_OTHER_TARGET, target_is_bad(q, init.target)) ||
	    init_strange(a, &init) || a_refuse(a, R_ARM_INIT_NO_CAP, lacks_cap(q, init.features)) ||
	    a_refuse(a, R_ARM_INIT_COMBINATION, tri(auth && auth != PTRAUTH)))
		return;
	if (init.features & (EL1_32BIT | SVE))
		a_may_fail(a, R_ARM_INIT_COMBINATION);
	if (q->vcpu->arm_initialized == STATE_YES)
		init_again(a, &init);
	else
		init_first(a, &init);
}

static void learn_vcpu_init(struct learn *l)
{
	struct state_vcpu *v = l->vcpu;
	const bool again = v->arm_initialized == STATE_YES;
	struct init init;

	if (!init_read(l->q, &init)) {
		v->arm_unsure = true;
		generic_forget_registers(v);
		generic_mp_state(l, UINT32_MAX, R_NONE);
		return;
	}
	if (target_is_bad(l->q, init.target) == STATE_YES)
		return;
	/* Older kernels keep the features that come before the one they refuse. */
	if ((init.unknown || init.strange) && !q_applies(l->q, R_ARM_INIT_POWER_OFF_APART) &&
	    !again && init.features & OLD_FEATURES)
		v->arm_unsure = true;
	if (!l->succeeded)
		return;
	if (v->arm_initialized == STATE_UNKNOWN)
		v->arm_unsure = true;
	initialized(l, &init);
}

/* SVE of this vCPU was finalized. */
static enum state_tri finalized(const struct question *q)
{
	const enum state_tri done = q->vcpu->arm_finalized;

	return done == STATE_NO && arm64_unsure(q->vcpu) ? STATE_UNKNOWN : done;
}

/* api.rst 4.119 */
static void answer_vcpu_finalize(const struct question *q, struct answer *a)
{
	enum state_tri has = arm64_feature(q, KVM_ARM_VCPU_SVE);
	uint64_t feature;

	if (!q_field(q, q->in, 0, 4, &feature)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (q->vcpu->arm_initialized != STATE_YES)
		a_may_fail(a, R_ARM_REG_BEFORE_INIT);
	/* The document has two errors for a feature that was not asked for. */
	if (has != STATE_YES || feature != KVM_ARM_VCPU_SVE) {
		a_may_fail_with(a, R_ARM_FINALIZE_NONE, EPERM);
		if (a_refuse_with(a, R_ARM_FINALIZE_NONE, EINVAL,
				  has == STATE_NO ||
						  (feature != KVM_ARM_VCPU_SVE && !q_maybe_newer(q))
					  ? STATE_YES
					  : STATE_UNKNOWN))
			return;
	}
	if (!a_refuse(a, R_ARM_FINALIZE_AGAIN, finalized(q)))
		a_succeeds(a, R_ARM_FINALIZE);
}

static void learn_vcpu_finalize(struct learn *l)
{
	uint64_t feature;

	if (!q_field(l->q, l->q->in, 0, 4, &feature))
		l->vcpu->arm_unsure = true;
	else if (l->succeeded)
		l->vcpu->arm_finalized = STATE_YES;
	else
		return;
	/* It adds registers. */
	l->vcpu->reg_count = STATE_NUMBER_UNKNOWN;
}

static void answer_vcpu_events(const struct question *q, struct answer *a)
{
	(void)q;
	a_when_always(a);
	a_hold(a, R_RETURN_ZERO_OR_ERROR);
	a_silent(a, "no rule for the pending exceptions of arm64");
	a_when_end(a);
}

/* Exceptions that are made pending change registers later. */
static void learn_vcpu_events(struct learn *l)
{
	generic_forget_registers(l->vcpu);
}

/* --- registers by id ------------------------------------------------------------------------- */

#define MPIDR ARM64_SYS_REG(3, 0, 0, 0, 5)

/* Words of struct kvm_regs that the ids of core registers count. */
#define WORD(member) (offsetof(struct kvm_regs, member) / 4)
#define CORE_WORDS   (sizeof(struct kvm_regs) / 4)

/* Bytes of the core register at a word of struct kvm_regs, 0 = none begins there. */
static uint32_t core_size(uint64_t word)
{
	if (word < WORD(fp_regs.vregs))
		return word % 2 || word >= WORD(spsr) + 2 * KVM_NR_SPSR ? 0 : 8;
	if (word < WORD(fp_regs.fpsr))
		return (word - WORD(fp_regs.vregs)) % 4 ? 0 : 16;
	return word <= WORD(fp_regs.fpcr) ? 4 : 0;
}

/* The value after a reset, if the documents say. */
static bool reset_value(uint64_t word, uint64_t *value)
{
	if (word == WORD(regs.pstate))
		*value = 0x3c5; /* EL1h, D, A, I, F */
	else if (word < WORD(sp_el1) || (word >= WORD(fp_regs.vregs) && word < WORD(fp_regs.fpsr)))
		*value = 0;
	else
		return false;
	return true;
}

/* What the reset left in a core register, if that is all that is known of it. */
static void core_reset(struct answer *a, uint64_t id)
{
	const struct state_vcpu *v = a->q->vcpu;
	const struct state_entry *e = state_set_find(&v->msrs, id, 0);
	const bool pstate = (id & 0xffff) == WORD(regs.pstate);
	uint64_t want;

	if (!v->arm_reset || e || arm64_unsure(v) || !reset_value(id & 0xffff, &want))
		return;
	if (v->arm_features & EL1_32BIT) {
		if (pstate)
			a_equal(a, R_ARM_INIT_32BIT, "PSTATE", 0x1d3, TAPE_NESTED_OUT, 0, 8);
	} else if (v->arm_features <= OLD_FEATURES) {
		a_equal(a, R_ARM_INIT_RESETS, pstate ? "PSTATE" : "register", want, TAPE_NESTED_OUT,
			0, 8);
		if (generic_register_size(id) == 16)
			a_equal(a, R_ARM_INIT_RESETS, "register, second half", 0, TAPE_NESTED_OUT,
				8, 8);
	}
}

/* A core register that is read. */
static void core_read(struct answer *a, uint64_t id)
{
	const struct state_entry *e = state_set_find(&a->q->vcpu->msrs, id, 0);
	uint16_t rule = R_ARM_REG_SAME;

	core_reset(a, id);
	if (e && e->value[2])
		rule = (id & 0xffff) == WORD(regs.pc) ? R_ARM_MMIO_COMPLETED : R_ARM_EVENT_RESULT;
	a_generic_register(a, rule, id, TAPE_NESTED_OUT);
}

/* A core register that was written. */
static void core_written(struct learn *l, uint64_t id)
{
	struct state_vcpu *v = l->vcpu;
	struct state_entry *e;

	/* In a mode of 32 bits others are cut to that. */
	if ((id & 0xffff) == WORD(regs.pstate) || v->arm_features & EL1_32BIT || arm64_unsure(v)) {
		generic_forget_registers(v);
		return;
	}
	e = state_set_entry(&v->msrs, id, 0);
	if (e)
		e->value[2] = 0;
	l_generic_register(l, id, l_part(l, TAPE_NESTED_IN));
}

/* Registers that the rules tell apart by their ids. */
enum register_kind {
	REG_NONE,    /* the vCPU has no registers yet */
	REG_UNSEEN,  /* the id was not captured */
	REG_FOREIGN, /* another architecture's */
	REG_CORE,
	REG_SVE,
	REG_COUNTER,
	REG_OTHER,
};

static enum register_kind register_kind(const struct question *q, uint64_t *id)
{
	const uint64_t coproc = KVM_REG_ARM_COPROC_MASK;

	if (q->vcpu->arm_initialized == STATE_NO)
		return REG_NONE;
	if (!Q_IN(q, struct kvm_one_reg, id, id))
		return REG_UNSEEN;
	if ((*id & KVM_REG_ARCH_MASK) != KVM_REG_ARM64)
		return REG_FOREIGN;
	if ((*id & coproc) == KVM_REG_ARM_CORE &&
	    !(*id & ~(KVM_REG_ARCH_MASK | KVM_REG_SIZE_MASK | 0xfffffffull)))
		return REG_CORE;
	if ((*id & coproc) == KVM_REG_ARM64_SVE)
		return REG_SVE;
	if (*id == KVM_REG_ARM_TIMER_CNT || *id == KVM_REG_ARM_PTIMER_CNT)
		return REG_COUNTER;
	return REG_OTHER;
}

/* An id of the core registers: true if the answer is whole, since there is no such one. */
static bool core_refused(struct answer *a, uint64_t id)
{
	uint64_t word = id & 0xffff, words = generic_register_size(id) / 4;

	if (word + words >= CORE_WORDS) {
		if (word < CORE_WORDS)
			a_may_fail(a, R_ARM_REG_CORE_SIZE);
		a_must_fail(a, R_ARM_REG_CORE_RANGE);
		return true;
	}
	return a_refuse(a, R_ARM_REG_CORE_SIZE,
			tri(core_size(word) != generic_register_size(id))) ||
	       a_refuse(a, R_ARM_SVE_CORE,
			core_size(word) == 16 ? arm64_feature(a->q, KVM_ARM_VCPU_SVE) : STATE_NO);
}

/* Registers of SVE: Z0 to Z31, P0 to P15 and FFR, of which there is one slice. */
static bool sve_register(uint64_t id)
{
	uint64_t low = id & 0xffff, size = id & KVM_REG_SIZE_MASK;

	if (low % 32)
		return false;
	return low < KVM_REG_ARM64_SVE_PREG_BASE
		       ? size == KVM_REG_SIZE_U2048
		       : low <= KVM_REG_ARM64_SVE_FFR_BASE && size == KVM_REG_SIZE_U256;
}

/* What the features and the state of SVE decide of one of its registers. */
static void sve_reg(struct answer *a, uint64_t id, bool set)
{
	const bool lengths = id == KVM_REG_ARM64_SVE_VLS, none = !lengths && !sve_register(id);
	enum state_tri has = arm64_feature(a->q, KVM_ARM_VCPU_SVE), done = finalized(a->q);

	a_buffer_may_fault(a, set ? TAPE_NESTED_IN : TAPE_NESTED_OUT);
	if (has != STATE_YES || none) {
		a_may_fail_with(a, R_ARM_SVE_NONE, ENOENT);
		if (a_refuse_with(a, R_ARM_SVE_NONE, EINVAL,
				  has == STATE_NO || none ? STATE_YES : STATE_UNKNOWN))
			return;
	}
	if (lengths && set) {
		if (a_refuse(a, R_ARM_SVE_VLS_FIXED, done))
			return;
		/* The lengths must be those of the host up to the longest one. */
		a_may_fail(a, R_ARM_SVE_VLS_HOST);
	} else if (!lengths && done != STATE_YES &&
		   a_refuse(a, R_ARM_SVE_UNFINALIZED,
			    has == STATE_YES && done == STATE_NO ? STATE_YES : STATE_UNKNOWN)) {
		return;
	}
	a_succeeds(a, R_ARM_SVE_REG);
}

/* --- the counters (api.rst 4.139) ------------------------------------------------------------ */

/* What the counter of the call was read as last, with an offset that keeps userspace from setting
 * it. */
static bool counter_before(const struct question *q, uint64_t id, uint64_t *before)
{
	uint64_t offset;

	return arm64_fact(q, ARM_FACT_COUNTER_OFFSET, 0, &offset) == STATE_YES &&
	       arm64_vcpu_fact(q, ARM_VCPU_COUNTER, id, before) == STATE_YES;
}

/* Time passes; nothing that userspace may do sets such a counter back.  It may wrap around. */
static void check_counter(const struct question *q, struct judge *j)
{
	uint64_t id, now, before;

	if (register_kind(q, &id) == REG_COUNTER && counter_before(q, id, &before) &&
	    q_field(q, j_part(j, TAPE_NESTED_OUT), 0, 8, &now))
		j_check(j, R_ARM_COUNTER_IGNORED, now - before < 1ull << 63,
			"a counter that nobody set back", "0x%llx after 0x%llx",
			(unsigned long long)now, (unsigned long long)before);
}

/* A counter that is read. */
static void counter_read(struct answer *a, uint64_t id)
{
	uint64_t before;

	if (!counter_before(a->q, id, &before))
		return;
	a_constrained(a, R_ARM_COUNTER_IGNORED, TAPE_NESTED_OUT, 0, 8);
	a_suggest(a, TAPE_NESTED_OUT, 0, 8, before);
	a_check(a, check_counter);
}

/* One that is written. */
static void counter_written(struct answer *a, uint64_t id)
{
	uint64_t offset;
	enum state_tri known = arm64_fact(a->q, ARM_FACT_COUNTER_OFFSET, 0, &offset);

	/* Kernels before 6.4 have no register of the physical counter that can be set. */
	if (id == KVM_REG_ARM_PTIMER_CNT && known != STATE_YES) {
		a_may_fail_with(a, R_ARM_REG_REFUSED, EINVAL);
		a_may_fail_with(a, R_ARM_REG_REFUSED, ENOENT);
	}
	if (known == STATE_YES)
		a_advise(a, R_LINT_COUNTER_IGNORED, "the value is lost: the VM has an offset");
	a_buffer_may_fault(a, TAPE_NESTED_IN);
	a_succeeds(a, known == STATE_YES ? R_ARM_COUNTER_IGNORED : R_ARM_COUNTER_SET);
}

/* What each vCPU's counter was read as does not hold any more. */
static void counters_forget(struct learn *l)
{
	for (uint32_t i = 0; i < l->vm->vcpu_count; i++) {
		struct state_set *attrs = &l->vm->vcpus[i]->attrs;

		for (uint32_t k = attrs->count; k-- > 0;) {
			if (attrs->entries[k].key == ARM_VCPU_COUNTER)
				state_set_remove(attrs, &attrs->entries[k]);
		}
	}
}

static bool counter_offset_read(const struct question *q, uint64_t *offset, uint64_t *reserved)
{
	return Q_IN(q, struct kvm_arm_counter_offset, counter_offset, offset) &&
	       Q_IN(q, struct kvm_arm_counter_offset, reserved, reserved);
}

static void answer_set_counter_offset(const struct question *q, struct answer *a)
{
	int32_t cap = q_cap(q, KVM_CAP_COUNTER_OFFSET);
	uint64_t offset, reserved;

	if (cap == 0)
		a_may_fail(a, R_UNKNOWN_REQUEST_ENOTTY);
	if (a_refuse(a, R_UNKNOWN_VM_EINVAL, q_lacks(q, KVM_CAP_COUNTER_OFFSET)))
		return;
	/* A vCPU is inside of one of its ioctls. */
	a_may_fail(a, R_ARM_DEVICE_BUSY);
	if (!counter_offset_read(q, &offset, &reserved)) {
		a_may_fail(a, R_ARM_COUNTER_RESERVED);
		a_may_succeed(a, R_RETURN_ZERO_OR_ERROR, "the offset was not captured");
	} else if (!a_refuse(a, R_ARM_COUNTER_RESERVED, tri(reserved))) {
		a_succeeds(a, R_ARM_COUNTER_OFFSET);
	}
}

static void learn_set_counter_offset(struct learn *l)
{
	uint64_t offset, reserved;

	if (q_cap(l->q, KVM_CAP_COUNTER_OFFSET) == 0)
		return;
	if (!counter_offset_read(l->q, &offset, &reserved)) {
		l->vm->facts.open = true;
		counters_forget(l);
	} else if (l->succeeded) {
		vm_fact_set(l, ARM_FACT_COUNTER_OFFSET, 0, offset, 0);
		counters_forget(l);
	}
}

/* KVM_REG_ARM_PSCI_VERSION is read: major version << 16 | minor version. */
static void psci_version(struct answer *a)
{
	const struct state_vcpu *v = a->q->vcpu;

	if (arm64_unsure(v) || v->arm_initialized != STATE_YES)
		return;
	if (v->arm_features & BIT(KVM_ARM_VCPU_PSCI_0_2))
		a_range(a, R_ARM_PSCI_VERSION, "version 0.2 or a later one", 2, 0x1ffff,
			TAPE_NESTED_OUT, 0, 8);
	else
		a_equal(a, R_ARM_PSCI_VERSION, "version of PSCI", 1, TAPE_NESTED_OUT, 0, 8);
}

/* Not before there is a register that the call is about. */
static void settle_one_reg(struct learn *l)
{
	uint64_t id;

	if (register_kind(l->q, &id) >= REG_FOREIGN)
		generic_forget_others(l);
}

/* What GET and SET have in common: true if the answer is whole. */
static bool reg_refused(struct answer *a, enum register_kind kind, uint64_t id)
{
	if (a->q->vcpu->arm_initialized != STATE_YES &&
	    a_refuse(a, R_ARM_REG_BEFORE_INIT, kind == REG_NONE ? STATE_YES : STATE_UNKNOWN))
		return true;
	switch (kind) {
	case REG_UNSEEN:
		a_skip(a, "argument not captured");
		return true;
	case REG_FOREIGN:
		/* The document gives two errors and asks not to rely on which. */
		return a_refuse_any(a, R_ARM_REG_FOREIGN, STATE_YES);
	case REG_CORE:
		return core_refused(a, id);
	default:
		return false;
	}
}

/* api.rst 4.69 */
static void answer_get_one_reg(const struct question *q, struct answer *a)
{
	uint64_t id = 0;
	enum register_kind kind = register_kind(q, &id);

	if (reg_refused(a, kind, id))
		return;
	if (kind == REG_CORE) {
		a_succeeds(a, R_ARM_REG_CORE);
		core_read(a, id);
		return;
	}
	if (kind == REG_SVE) {
		sve_reg(a, id, false);
		return;
	}
	if (id == KVM_REG_ARM_TIMER_CNT) {
		a_buffer_may_fault(a, TAPE_NESTED_OUT);
		a_succeeds(a, R_ARM_COUNTER_GET);
		counter_read(a, id);
		return;
	}
	if (id == KVM_REG_ARM_PSCI_VERSION) {
		a_succeeds(a, R_ARM_REG_OTHER);
		psci_version(a);
		return;
	}
	a_may_fail_with(a, R_ARM_REG_REFUSED, ENOENT);
	a_may_fail_with(a, R_ARM_REG_REFUSED, EINVAL);
	a_may_fail_with(a, R_ARM_REG_REFUSED, EPERM);
	a_succeeds(a, R_ARM_REG_OTHER);
	if (kind == REG_COUNTER)
		counter_read(a, id);
}

static void learn_get_one_reg(struct learn *l)
{
	const struct tape_part *value = l_part(l, TAPE_NESTED_OUT);
	uint64_t id = 0, now;
	enum register_kind kind = register_kind(l->q, &id);

	if (!l->succeeded)
		return;
	if (kind == REG_CORE)
		l_generic_register(l, id, value);
	else if (kind == REG_COUNTER && q_field(l->q, value, 0, 8, &now))
		arm64_vcpu_fact_set(l, ARM_VCPU_COUNTER, id, now);
}

/* api.rst 4.68 */
static void answer_set_one_reg(const struct question *q, struct answer *a)
{
	uint64_t id = 0;
	enum register_kind kind = register_kind(q, &id);

	if (reg_refused(a, kind, id))
		return;
	switch (kind) {
	case REG_CORE:
		if ((id & 0xffff) == WORD(regs.pstate))
			a_may_fail_with(a, R_ARM_REG_REFUSED, EINVAL);
		a_succeeds(a, R_ARM_REG_CORE);
		break;
	case REG_SVE:
		sve_reg(a, id, true);
		break;
	case REG_COUNTER:
		counter_written(a, id);
		break;
	default:
		a_may_fail(a, R_ARM_REG_REFUSED);
		a_succeeds(a, R_ARM_REG_OTHER);
	}
}

static void learn_set_one_reg(struct learn *l)
{
	uint64_t id = 0;

	switch (register_kind(l->q, &id)) {
	case REG_UNSEEN:
		generic_forget_registers(l->vcpu);
		break;
	case REG_CORE:
		if (l->succeeded)
			core_written(l, id);
		break;
	case REG_OTHER:
		if (id == MPIDR)
			vm_fact_set(l, ARM_FACT_MPIDR, 0, 1, 0);
		/* System registers are some core registers' other name, and some decide which
		 * others there are. */
		l->vcpu->reg_count = STATE_NUMBER_UNKNOWN;
		generic_forget_registers(l->vcpu);
		break;
	default:
		break;
	}
}

/* --- KVM_RUN --------------------------------------------------------------------------------- */

/* What PSCI leaves behind: all vCPUs stopped, a result for a guest that runs again. */
static void after_event(struct learn *l)
{
	struct state_vcpu *v = l->vcpu;
	const uint64_t x0 =
		KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | WORD(regs.regs[0]);
	struct state_entry *e;

	/* With others in the guest the MP state may change again at once. */
	if (l->vm->running > 1 || v->running > 1)
		return;
	generic_mp_state(l, KVM_MP_STATE_STOPPED, R_ARM_EVENT_STOPS);
	v->guest_clean = false;
	v->learned_in_run = true;
	e = state_set_add(&v->msrs, x0, 0);
	if (!e) {
		l->oom = -ENOMEM;
		return;
	}
	*e = (struct state_entry){.key = x0, .known = 1, .value = {(uint64_t)-6, 0, 1}};
}

/* What the interrupt controller, the timers and the PMU may say before the guest runs. */
static const int refusals[] = {EINVAL, ENODEV, ENXIO, EBUSY, ENOSYS};

static const uint64_t pc_id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | WORD(regs.pc);

/*
 * At the call: a PC that userspace set after KVM_ARM_VCPU_INIT, while a load or store of before
 * waits for its completion, is moved by this KVM_RUN as if it were that instruction's.
 */
static void run_enter(struct learn *l)
{
	struct state_vcpu *v = l->vcpu;
	const struct state_entry *e;
	uint64_t reason = 0;

	generic_forget_others(l);
	e = state_set_find(&v->msrs, pc_id, 0);
	v->arm_pc_at_run = STATE_NUMBER_UNKNOWN;
	q_field(l->q, l_part(l, TAPE_RUN_IN), offsetof(struct kvm_run, exit_reason), 4, &reason);
	if (v->last_exit == KVM_EXIT_MMIO && reason == KVM_EXIT_MMIO && v->arm_reset &&
	    !(v->arm_features & EL1_32BIT) && e && e->known)
		v->arm_pc_at_run = e->value[0] + 4;
	generic_run_enter(l);
}

/* With immediate_exit nothing but that happened. */
static void after_immediate(struct learn *l)
{
	struct state_vcpu *v = l->vcpu;
	struct state_entry *e;

	if (v->arm_pc_at_run == STATE_NUMBER_UNKNOWN || l->vm->running || l->ret->ret != -EINTR)
		return;
	e = state_set_add(&v->msrs, pc_id, 0);
	if (!e) {
		l->oom = -ENOMEM;
		return;
	}
	*e = (struct state_entry){.key = pc_id, .known = 1, .value = {v->arm_pc_at_run, 0, 1}};
}

/* Nothing keeps the vCPU from running any more; or, after other errors, perhaps nothing does. */
static void ran(struct learn *l)
{
	struct state_entry *e;

	vm_fact_set(l, ARM_FACT_RAN, l->vcpu->id, 1, 0);
	e = state_set_entry(&l->vm->facts, ARM_FACT_RAN, l->vcpu->id);
	if (e && l->ret->ret && l->ret->ret != -EINTR)
		e->known = 0;
}

/* The vCPU was not initialised. */
static enum state_tri run_before_init(const struct question *q)
{
	return q->call->arg ? STATE_NO : tri_not(q->vcpu->arm_initialized);
}

/* It has SVE that was not finalized. */
static enum state_tri run_unfinalized(const struct question *q)
{
	const enum state_tri has = arm64_feature(q, KVM_ARM_VCPU_SVE), done = finalized(q);

	if (!q->call->arg && has == STATE_YES && done == STATE_NO)
		return STATE_YES;
	return done != STATE_YES && has == STATE_UNKNOWN ? STATE_UNKNOWN : STATE_NO;
}

/* What is looked at before the input: true if the answer is whole. */
static bool run_refused(struct answer *a)
{
	return a_refuse(a, R_ARM_RUN_BEFORE_INIT, run_before_init(a->q)) ||
	       a_refuse(a, R_ARM_RUN_UNFINALIZED, run_unfinalized(a->q)) ||
	       (!a->q->call->arg && a_arm64_run_unready(a));
}

/* The vCPU was stopped when KVM_RUN began, and there is no other one to start it. */
static bool run_stopped(const struct question *q)
{
	return q->vcpu->mp_at_run == KVM_MP_STATE_STOPPED && q->vm->fresh &&
	       q->vm->vcpu_count == 1 && q->vcpu->running == 1;
}

static void check_stopped(const struct question *q, struct judge *j)
{
	(void)q;
	j_break(j, R_ARM_RUN_STOPPED, "no exit of a stopped vCPU", "a return of 0");
}

static void check_suspend(const struct question *q, struct judge *j)
{
	uint64_t arg;

	j_check(j, R_ARM_EVENT_SUSPEND_CAP,
		vm_cap_enabled(q->vm, KVM_CAP_ARM_SYSTEM_SUSPEND, &arg) == STATE_YES,
		"this event only with its capability enabled", "type = %u",
		KVM_SYSTEM_EVENT_SUSPEND);
}

static void answer_run(const struct question *q, struct answer *a)
{
	const bool event = q->vcpu->event;
	uint64_t arg;

	if (run_refused(a) || a_generic_run_input(a))
		return;
	if (event)
		a_generic_run_again(a);
	if (run_stopped(q)) {
		a_when_failed_with(a, EINTR);
		a_hold(a, R_ARM_RUN_STOPPED);
		a_when_end(a);
	}
	a_may_fail_with(a, R_ARM_RUN_REFUSED, EFAULT);
	for (size_t i = 0; !event && i < sizeof(refusals) / sizeof(refusals[0]); i++)
		a_may_fail_with(a, R_ARM_RUN_REFUSED, refusals[i]);
	a_succeeds(a, event ? R_SYSTEM_EVENT_RUN_AGAIN : R_ARCH_RUN);
	if (run_stopped(q)) {
		a_suggest_result(a, -EINTR);
		a_check(a, check_stopped);
	}
	a_generic_run_exit(a);
	if (vm_cap_enabled(q->vm, KVM_CAP_ARM_SYSTEM_SUSPEND, &arg) == STATE_UNKNOWN)
		return;
	a_generic_when_exit(a, KVM_EXIT_SYSTEM_EVENT);
	a_when_field(a, TAPE_RUN_OUT, offsetof(struct kvm_run, system_event.type), 4, UINT32_MAX,
		     KVM_SYSTEM_EVENT_SUSPEND);
	a_check(a, check_suspend);
	a_when_end(a);
	a_when_end(a);
}

/* run_refused() without an answer to keep. */
static bool run_was_refused(const struct question *q)
{
	struct answer a = {0};
	bool refused;

	answer_begin(&a, q);
	refused = run_refused(&a);
	answer_release(&a);
	return refused;
}

static void learn_run(struct learn *l)
{
	struct state_vcpu *v = l->vcpu;
	const bool event = v->event, refused = run_was_refused(l->q);
	uint64_t type;

	v->event = false;
	if (refused)
		return;
	v->last_exit = 0;
	if (generic_run_is_decided(l->q)) {
		v->event = event;
		after_immediate(l);
		if (!l->q->call->arg && l->ret->ret == -EINTR)
			vm_fact_set(l, ARM_FACT_RAN, v->id, 1, 0);
		return;
	}
	ran(l);
	if (!l->succeeded)
		return;
	l_generic_run_exit(l);
	if (v->last_exit == KVM_EXIT_SYSTEM_EVENT &&
	    q_field(l->q, l_part(l, TAPE_RUN_OUT), offsetof(struct kvm_run, system_event.type), 4,
		    &type) &&
	    (type == KVM_SYSTEM_EVENT_SHUTDOWN || type == KVM_SYSTEM_EVENT_RESET))
		after_event(l);
}

/* --- the GIC --------------------------------------------------------------------------------- */

/* api.rst 4.24 */
static void answer_create_irqchip(const struct question *q, struct answer *a)
{
	static const int why_not[] = {ENODEV, ENXIO, EBUSY, E2BIG};
	enum state_tri there = arm64_gic(q);

	for (size_t i = 0; i < sizeof(why_not) / sizeof(why_not[0]); i++) {
		/* A host that made one can emulate it. */
		if (there != STATE_YES || i > 1 || arm64_gic_type(q) != KVM_DEV_TYPE_ARM_VGIC_V2)
			a_may_fail_with(a, R_ARM_IRQCHIP_REFUSED, why_not[i]);
	}
	if (!a_refuse(a, R_ARM_IRQCHIP_ONCE, there))
		a_succeeds(a, R_ARM_IRQCHIP);
}

static void learn_create_irqchip(struct learn *l)
{
	if (l->succeeded)
		arm64_gic_made(l, KVM_DEV_TYPE_ARM_VGIC_V2);
}

/* api.rst 4.25: bits 24 to 27 of irq are its kind, 16 to 23 and 28 to 31 the vCPU, 0 to 15 its
 * number. */
struct line {
	uint64_t kind, cpu, number;
};

static bool line_read(const struct question *q, struct line *line)
{
	uint64_t irq;

	if (!Q_IN(q, struct kvm_irq_level, irq, &irq))
		return false;
	line->kind = irq >> KVM_ARM_IRQ_TYPE_SHIFT & KVM_ARM_IRQ_TYPE_MASK;
	line->number = irq & KVM_ARM_IRQ_NUM_MASK;
	line->cpu = (irq >> KVM_ARM_IRQ_VCPU_SHIFT & KVM_ARM_IRQ_VCPU_MASK) +
		    (irq >> KVM_ARM_IRQ_VCPU2_SHIFT & KVM_ARM_IRQ_VCPU2_MASK) *
			    (KVM_ARM_IRQ_VCPU_MASK + 1);
	return true;
}

/* There is no such vCPU, or no such number of that kind. */
static bool line_absent(const struct question *q, const struct line *line)
{
	/* By its id or by when it was made, as the kernel is. */
	if (line->kind != KVM_ARM_IRQ_TYPE_SPI && q->vm->fresh && line->cpu >= q->vm->vcpu_count &&
	    !state_vm_vcpu_number(q->vm, line->cpu))
		return true;
	switch (line->kind) {
	case KVM_ARM_IRQ_TYPE_CPU:
		return line->number > KVM_ARM_IRQ_CPU_FIQ;
	case KVM_ARM_IRQ_TYPE_PPI:
		return line->number < 16 || line->number > 31;
	default:
		return line->number < 32;
	}
}

/* The GIC has the interrupt of the line for certain. */
static bool line_of_gic(const struct question *q, const struct line *line)
{
	uint64_t irqs = 0;

	if (arm64_gic_ready(q) != STATE_YES || !q->vm->fresh || !q->vm->vcpu_count)
		return false;
	return line->kind == KVM_ARM_IRQ_TYPE_PPI ||
	       (arm64_fact(q, ARM_FACT_GIC_IRQS, 0, &irqs) == STATE_YES && line->number < irqs &&
		line->number < 1020);
}

static void answer_irq_line(const struct question *q, struct answer *a)
{
	const struct state_vm *vm = q->vm;
	enum state_tri there = arm64_gic(q);
	struct line line;
	bool of_cpu;

	if (!line_read(q, &line)) {
		a_skip(a, "argument not captured");
		return;
	}
	of_cpu = line.kind == KVM_ARM_IRQ_TYPE_CPU;
	if (a_refuse(a, R_ARM_IRQ_LINE_NUMBER, tri(line.kind > KVM_ARM_IRQ_TYPE_PPI)) ||
	    a_refuse_with(a, of_cpu ? R_ARM_IRQ_LINE_CPU : R_ARM_IRQ_LINE_NEEDS_GIC, ENXIO,
			  of_cpu ? there : tri_not(there)) ||
	    a_refuse(a, R_ARM_IRQ_LINE_NUMBER, tri(line_absent(q, &line))))
		return;
	if (of_cpu && there == STATE_NO && vm->fresh && line.cpu < vm->vcpu_count &&
	    state_vm_vcpu_number(vm, line.cpu)) {
		a_succeeds(a, R_ARM_IRQ_LINE);
		return;
	}
	/* The GIC must be there with all its interrupts; the default of them is the kernel's. */
	if (arm64_gic_ready(q) != STATE_YES)
		a_may_fail(a, R_ARM_GIC_REGS_EARLY);
	a_may_fail(a, R_ARM_IRQ_LINE_NUMBER);
	if (line_of_gic(q, &line))
		a_succeeds(a, R_ARM_IRQ_LINE);
	else
		a_may_succeed(a, R_ARM_IRQ_LINE_OTHER, "which interrupts there are");
}

const struct handler model_arm64_handlers[] = {
	{"KVM_CREATE_IRQCHIP", KVMAPI_VM, .answer = answer_create_irqchip,
	 .learn = learn_create_irqchip},
	{"KVM_IRQ_LINE", KVMAPI_VM, .answer = answer_irq_line},
	{"KVM_ARM_PREFERRED_TARGET", KVMAPI_VM, .answer = answer_preferred_target,
	 .learn = learn_preferred_target},
	{"KVM_ARM_VCPU_INIT", KVMAPI_VCPU, .answer = answer_vcpu_init, .learn = learn_vcpu_init},
	{"KVM_ARM_VCPU_FINALIZE", KVMAPI_VCPU, .answer = answer_vcpu_finalize,
	 .learn = learn_vcpu_finalize},
	{"KVM_ARM_SET_COUNTER_OFFSET", KVMAPI_VM, .answer = answer_set_counter_offset,
	 .learn = learn_set_counter_offset},
	{"KVM_SET_VCPU_EVENTS", KVMAPI_VCPU, .answer = answer_vcpu_events,
	 .learn = learn_vcpu_events},
	{"KVM_GET_ONE_REG", KVMAPI_VCPU, .settle = settle_one_reg, .answer = answer_get_one_reg,
	 .learn = learn_get_one_reg},
	{"KVM_SET_ONE_REG", KVMAPI_VCPU, .settle = settle_one_reg, .answer = answer_set_one_reg,
	 .learn = learn_set_one_reg},
	{"KVM_RUN", KVMAPI_VCPU, .enter = run_enter, .answer = answer_run, .learn = learn_run},
	{NULL, 0, .answer = NULL},
};
