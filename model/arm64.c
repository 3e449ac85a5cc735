/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of arm64: KVM_ARM_VCPU_INIT (api.rst 4.82), KVM_ARM_PREFERRED_TARGET (4.83),
 * KVM_ARM_VCPU_FINALIZE (4.119), registers by id (4.68, 4.69), KVM_RUN with the events of PSCI
 * (4.10, chapter 5). Compiled against the UAPI headers of arm64.
 */
#include "model/arm64.h"

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

static void preferred_target(struct judge *j)
{
	struct state_set *numbers = &j_system(j)->numbers;
	uint64_t target, features;

	j_may_fail(j, R_ARM_PREFERRED_NONE);
	if (!j_succeeds(j, R_ARM_PREFERRED_TARGET) ||
	    !J_OUT(j, struct kvm_vcpu_init, target, &target) ||
	    !q_field(j->q, j->out, offsetof(struct kvm_vcpu_init, features), 4, &features))
		return;
	if (!j_check(j, R_ARM_PREFERRED_TARGET, target <= KVM_ARM_TARGET_GENERIC_V8,
		     "a target of the header", "target = %llu", (unsigned long long)target))
		return;
	vm_constant(j, R_ARM_PREFERRED_TARGET, "target", numbers, NUMBER_TARGET, 0, target);
	vm_constant(j, R_ARM_PREFERRED_TARGET, "features", numbers, NUMBER_FEATURES, 0, features);
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
	if (generic_flag(q->vcpu, ARM_INITIALIZED) && q->vcpu->scratch[GENERIC_TARGET] == target)
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
	return !q_kernel(q) ||
	       (q_kernel(q) > MODEL_KERNEL(6, 1) && q_kernel(q) < MODEL_KERNEL(6, 12));
}

/* The vCPU is as new. */
static void initialized(struct learn *l, const struct init *init)
{
	struct state_vcpu *v = l->vcpu;
	bool sure = !generic_flag(v, ARM_UNSURE);

	if (!generic_flag(v, ARM_INITIALIZED)) {
		v->scratch[GENERIC_FEATURES] = init->features;
		v->scratch[GENERIC_TARGET] = init->target;
		v->scratch[GENERIC_REGS] = 0;
		if (!l->vm->scratch[GENERIC_VM_FEATURES])
			l->vm->scratch[GENERIC_VM_FEATURES] = 1 + init->features;
	}
	generic_flag_set(v, ARM_INITIALIZED, true);
	generic_flag_set(v, GENERIC_EVENT, false);
	generic_forget_others(l);
	generic_forget_registers(v);
	if (l->vm->running) {
		generic_mp_state(l, UINT32_MAX, R_NONE);
		return;
	}
	generic_flag_set(v, ARM_RESET, sure);
	if (sure)
		generic_mp_state(l,
				 init->features & POWER_OFF ? KVM_MP_STATE_STOPPED
							    : KVM_MP_STATE_RUNNABLE,
				 init->features & POWER_OFF ? R_ARM_INIT_POWERED_OFF
							    : R_ARM_INIT_POWERED_ON);
	else
		generic_mp_state(l, UINT32_MAX, R_NONE);
}

/* The second and later calls. True if the end was said. */
static bool init_again(struct judge *j, const struct init *init)
{
	struct state_vcpu *v = j->vcpu;
	uint64_t mask = compared(j->q), was = v->scratch[GENERIC_FEATURES];
	bool generic = q_applies(j->q, R_ARM_INIT_GENERIC_TARGET);
	uint16_t again = R_ARM_INIT_AGAIN;

	if (changed_between(j->q) && ((was ^ init->features) & POWER_OFF))
		j_may_fail(j, R_ARM_INIT_OTHER_FEATURES);
	if (init->target != v->scratch[GENERIC_TARGET] && !generic) {
		j_must_fail(j, R_ARM_INIT_OTHER_TARGET);
		return true;
	}
	/* What else there is to say of the call is the same. */
	if (init->target != v->scratch[GENERIC_TARGET])
		again = R_ARM_INIT_GENERIC_TARGET;
	else if ((was ^ init->features) & POWER_OFF && !(mask & POWER_OFF))
		again = R_ARM_INIT_POWER_OFF_APART;
	if (generic_flag(v, ARM_UNSURE)) {
		j_may_fail(j, R_ARM_INIT_LEFTOVERS);
		j_may_fail(j, R_ARM_INIT_OTHER_FEATURES);
		return false;
	}
	if (changed_between(j->q))
		mask &= ~POWER_OFF;
	if ((was ^ init->features) & mask) {
		j_must_fail(j, R_ARM_INIT_OTHER_FEATURES);
		return true;
	}
	if (j_succeeds(j, again)) {
		if (init->target != v->scratch[GENERIC_TARGET])
			j_hold(j, R_ARM_INIT_GENERIC_TARGET);
		if ((was ^ init->features) & POWER_OFF)
			j_hold(j, R_ARM_INIT_POWER_OFF_APART);
		initialized(j->l, init);
	}
	return true;
}

/* The first call, as far as is known. True if the end was said. */
static bool init_first(struct judge *j, const struct init *init)
{
	uint64_t first = j->vm->scratch[GENERIC_VM_FEATURES];

	if (!j->vcpu->fresh) {
		j_may_fail(j, R_ARM_INIT_OTHER_FEATURES);
		j_may_fail(j, R_ARM_INIT_OTHER_TARGET);
	}
	if (!first)
		return false;
	if ((first - 1) & ~OLD_FEATURES || changed_between(j->q)) {
		j_may_fail(j, R_ARM_INIT_VM_WIDE);
		j_may_fail(j, R_ARM_INIT_WIDTH);
		return false;
	}
	if (((first - 1) ^ init->features) & EL1_32BIT) {
		j_must_fail(j, R_ARM_INIT_WIDTH);
		return true;
	}
	if (((first - 1) ^ init->features) & compared(j->q) &&
	    q_applies(j->q, R_ARM_INIT_VM_WIDE)) {
		j_must_fail(j, R_ARM_INIT_VM_WIDE);
		return true;
	}
	return false;
}

static void vcpu_init(struct judge *j)
{
	struct state_vcpu *v = j->vcpu;
	bool again = generic_flag(v, ARM_INITIALIZED), both;
	enum state_tri bad, lacks;
	struct init init;

	if (!init_read(j->q, &init)) {
		generic_flag_set(v, ARM_UNSURE, true);
		generic_forget_registers(v);
		generic_mp_state(j->l, UINT32_MAX, R_NONE);
		j_skip(j, "argument not captured");
		return;
	}
	bad = target_is_bad(j->q, init.target);
	if (j_refuse(j, R_ARM_INIT_OTHER_TARGET, bad))
		return;
	/* Older kernels look at bit after bit, newer ones for unknown ones first. */
	if (init.unknown || init.strange) {
		if (!q_applies(j->q, R_ARM_INIT_POWER_OFF_APART)) {
			if (again || !v->fresh)
				j_may_fail(j, R_ARM_INIT_OTHER_FEATURES);
			if (!again && init.features & OLD_FEATURES)
				generic_flag_set(v, ARM_UNSURE, true);
		}
		if (init.unknown && !q_newer(j->q)) {
			j_must_fail(j, R_ARM_INIT_UNKNOWN_FEATURE);
			return;
		}
		j_may_fail(j, R_ARM_INIT_UNKNOWN_FEATURE);
		j_may_fail(j, R_ARM_INIT_NO_CAP);
		j_may_fail(j, R_ARM_INIT_COMBINATION);
	}
	lacks = lacks_cap(j->q, init.features);
	if (j_refuse(j, R_ARM_INIT_NO_CAP, lacks))
		return;
	both = (init.features & PTRAUTH) == PTRAUTH || !(init.features & PTRAUTH);
	if (!both) {
		j_must_fail(j, R_ARM_INIT_COMBINATION);
		return;
	}
	if (init.features & (EL1_32BIT | SVE))
		j_may_fail(j, R_ARM_INIT_COMBINATION);
	if (again ? init_again(j, &init) : init_first(j, &init))
		return;
	if (j_succeeds(j, again ? R_ARM_INIT_AGAIN : R_ARM_INIT)) {
		if (!v->fresh && !again)
			generic_flag_set(v, ARM_UNSURE, true);
		initialized(j->l, &init);
	}
}

/* SVE of this vCPU was finalized. */
static enum state_tri finalized(const struct question *q)
{
	if (generic_flag(q->vcpu, ARM_FINALIZED))
		return STATE_YES;
	return q->vcpu->fresh && !generic_flag(q->vcpu, ARM_UNSURE) ? STATE_NO : STATE_UNKNOWN;
}

/* api.rst 4.119 */
static void vcpu_finalize(struct judge *j)
{
	struct state_vcpu *v = j->vcpu;
	enum state_tri has = arm64_feature(j->q, KVM_ARM_VCPU_SVE);
	uint64_t feature;

	if (!q_field(j->q, j->q->in, 0, 4, &feature)) {
		generic_flag_set(v, ARM_UNSURE, true);
		v->scratch[GENERIC_REGS] = 0;
		j_skip(j, "argument not captured");
		return;
	}
	if (!generic_flag(v, ARM_INITIALIZED))
		j_may_fail(j, R_ARM_REG_BEFORE_INIT);
	/* The document has two errors for a feature that was not asked for. */
	if (has != STATE_YES || feature != KVM_ARM_VCPU_SVE) {
		j_may_fail_with(j, R_ARM_FINALIZE_NONE, EPERM);
		if (has == STATE_NO || (feature != KVM_ARM_VCPU_SVE && !q_maybe_newer(j->q))) {
			j_must_fail_with(j, R_ARM_FINALIZE_NONE, EINVAL);
			return;
		}
		j_may_fail_with(j, R_ARM_FINALIZE_NONE, EINVAL);
	}
	if (j_refuse(j, R_ARM_FINALIZE_AGAIN, finalized(j->q)))
		return;
	if (j_succeeds(j, R_ARM_FINALIZE)) {
		generic_flag_set(v, ARM_FINALIZED, true);
		/* It adds registers. */
		v->scratch[GENERIC_REGS] = 0;
	}
}

/* Exceptions that are made pending change registers later. */
static void vcpu_events(struct judge *j)
{
	generic_forget_registers(j->vcpu);
	j_hold(j, R_RETURN_ZERO_OR_ERROR);
	j_silent(j, "no rule for the pending exceptions of arm64");
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

/* A core register that was read. */
static void core_read(struct judge *j, uint64_t id, const struct tape_part *value)
{
	struct state_vcpu *v = j->vcpu;
	const struct state_entry *e = state_set_find(&v->msrs, id, 0);
	uint64_t word = id & 0xffff, want, low, high = 0;
	uint32_t size = generic_register_size(id);
	uint16_t rule = R_ARM_REG_SAME;

	if (generic_flag(v, ARM_RESET) && !(e && e->known) && reset_value(word, &want) &&
	    q_field(j->q, value, 0, 8, &low) && (size < 16 || q_field(j->q, value, 8, 8, &high))) {
		if (v->scratch[GENERIC_FEATURES] & EL1_32BIT) {
			if (word == WORD(regs.pstate))
				j_equal(j, R_ARM_INIT_32BIT, "PSTATE", 0x1d3, low);
		} else if (v->scratch[GENERIC_FEATURES] <= OLD_FEATURES) {
			j_check(j, R_ARM_INIT_RESETS, low == want && !high,
				word == WORD(regs.pstate) ? "PSTATE = 0x3c5" : "register = 0",
				"0x%llx", (unsigned long long)(high ? high : low));
		}
	}
	if (e && e->value[2])
		rule = word == WORD(regs.pc) ? R_ARM_MMIO_COMPLETED : R_ARM_EVENT_RESULT;
	generic_register(j, rule, id, value);
}

/* A core register that was written. */
static void core_written(struct judge *j, uint64_t id, const struct tape_part *value)
{
	struct state_vcpu *v = j->vcpu;
	struct state_entry *e;

	/* In a mode of 32 bits others are cut to that. */
	if ((id & 0xffff) == WORD(regs.pstate) || v->scratch[GENERIC_FEATURES] & EL1_32BIT ||
	    generic_flag(v, ARM_UNSURE)) {
		generic_forget_registers(v);
		return;
	}
	e = state_set_entry(&v->msrs, id, 0);
	if (e)
		e->value[2] = 0;
	generic_register(j, R_NONE, id, value);
}

/* What is there of the vCPU: true if the end was said. */
static bool reg_unready(struct judge *j)
{
	if (generic_flag(j->vcpu, ARM_INITIALIZED))
		return false;
	if (j->vcpu->fresh) {
		j_must_fail(j, R_ARM_REG_BEFORE_INIT);
		return true;
	}
	j_may_fail(j, R_ARM_REG_BEFORE_INIT);
	return false;
}

/* An id of the core registers: true if it is one that there is. */
static bool core_id(struct judge *j, uint64_t id)
{
	uint64_t word = id & 0xffff, words = generic_register_size(id) / 4;

	if (word + words >= CORE_WORDS) {
		if (word < CORE_WORDS)
			j_may_fail(j, R_ARM_REG_CORE_SIZE);
		j_must_fail(j, R_ARM_REG_CORE_RANGE);
		return false;
	}
	if (core_size(word) != generic_register_size(id)) {
		j_must_fail(j, R_ARM_REG_CORE_SIZE);
		return false;
	}
	if (core_size(word) == 16 && arm64_feature(j->q, KVM_ARM_VCPU_SVE) == STATE_YES) {
		j_must_fail(j, R_ARM_SVE_CORE);
		return false;
	}
	if (core_size(word) == 16 && arm64_feature(j->q, KVM_ARM_VCPU_SVE) == STATE_UNKNOWN)
		j_may_fail(j, R_ARM_SVE_CORE);
	return true;
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
static void sve_reg(struct judge *j, uint64_t id, bool set)
{
	bool lengths = id == KVM_REG_ARM64_SVE_VLS;
	enum state_tri has = arm64_feature(j->q, KVM_ARM_VCPU_SVE), done = finalized(j->q);

	vm_buffer_may_fault(j, j_part(j, set ? TAPE_NESTED_IN : TAPE_NESTED_OUT));
	if (has != STATE_YES || (!lengths && !sve_register(id))) {
		j_may_fail_with(j, R_ARM_SVE_NONE, ENOENT);
		if (has == STATE_NO || (!lengths && !sve_register(id))) {
			j_must_fail_with(j, R_ARM_SVE_NONE, EINVAL);
			return;
		}
		j_may_fail_with(j, R_ARM_SVE_NONE, EINVAL);
	}
	if (lengths && set) {
		if (j_refuse(j, R_ARM_SVE_VLS_FIXED, done))
			return;
		/* The lengths must be those of the host up to the longest one. */
		j_may_fail(j, R_ARM_SVE_VLS_HOST);
	} else if (!lengths) {
		if (has == STATE_YES && done == STATE_NO) {
			j_must_fail(j, R_ARM_SVE_UNFINALIZED);
			return;
		}
		if (done != STATE_YES)
			j_may_fail(j, R_ARM_SVE_UNFINALIZED);
	}
	j_succeeds(j, R_ARM_SVE_REG);
}

/* --- the counters (api.rst 4.139) ------------------------------------------------------------ */

static bool counter(uint64_t id)
{
	return id == KVM_REG_ARM_TIMER_CNT || id == KVM_REG_ARM_PTIMER_CNT;
}

static void counter_get(struct judge *j, uint64_t id, const struct tape_part *value)
{
	uint64_t now, before, offset;

	if (!q_field(j->q, value, 0, 8, &now))
		return;
	/* Time passes; nothing that userspace may do sets such a counter back. */
	if (arm64_fact(j->q, ARM_FACT_COUNTER_OFFSET, 0, &offset) == STATE_YES &&
	    arm64_vcpu_fact(j->q, ARM_VCPU_COUNTER, id, &before) == STATE_YES) {
		j_constrain(j, R_ARM_COUNTER_IGNORED, value, 0, 8);
		j_make_bits(j, R_ARM_COUNTER_IGNORED, value, 0, 8, before, UINT64_MAX);
		q_field(j->q, value, 0, 8, &now);
		j_check(j, R_ARM_COUNTER_IGNORED, now - before < 1ull << 63,
			"a counter that nobody set back", "0x%llx after 0x%llx",
			(unsigned long long)now, (unsigned long long)before);
	}
	arm64_vcpu_fact_set(j->l, ARM_VCPU_COUNTER, id, now);
}

static void counter_set(struct judge *j, uint64_t id)
{
	uint64_t offset;
	enum state_tri known = arm64_fact(j->q, ARM_FACT_COUNTER_OFFSET, 0, &offset);

	/* Kernels before 6.4 have no register of the physical counter that can be set. */
	if (id == KVM_REG_ARM_PTIMER_CNT && known != STATE_YES) {
		j_may_fail_with(j, R_ARM_REG_REFUSED, EINVAL);
		j_may_fail_with(j, R_ARM_REG_REFUSED, ENOENT);
	}
	if (known == STATE_YES)
		j_advise(j, R_LINT_COUNTER_IGNORED, "the value is lost: the VM has an offset");
	vm_buffer_may_fault(j, j_part(j, TAPE_NESTED_IN));
	j_succeeds(j, known == STATE_YES ? R_ARM_COUNTER_IGNORED : R_ARM_COUNTER_SET);
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

static void set_counter_offset(struct judge *j)
{
	int32_t cap = q_cap(j->q, KVM_CAP_COUNTER_OFFSET);
	uint64_t offset, reserved;

	if (cap == 0) {
		j_may_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
		j_must_fail(j, R_UNKNOWN_VM_EINVAL);
		return;
	}
	if (cap < 0)
		j_may_fail(j, R_UNKNOWN_VM_EINVAL);
	/* A vCPU is inside of one of its ioctls. */
	j_may_fail(j, R_ARM_DEVICE_BUSY);
	if (!Q_IN(j->q, struct kvm_arm_counter_offset, counter_offset, &offset) ||
	    !Q_IN(j->q, struct kvm_arm_counter_offset, reserved, &reserved)) {
		j_may_fail(j, R_ARM_COUNTER_RESERVED);
		j_may_succeed(j, R_RETURN_ZERO_OR_ERROR, "the offset was not captured");
		j->vm->facts.open = true;
		counters_forget(j->l);
		return;
	}
	if (reserved) {
		j_must_fail(j, R_ARM_COUNTER_RESERVED);
		return;
	}
	if (j_succeeds(j, R_ARM_COUNTER_OFFSET)) {
		vm_fact_set(j->l, ARM_FACT_COUNTER_OFFSET, 0, offset, 0);
		counters_forget(j->l);
	}
}

/* KVM_REG_ARM_PSCI_VERSION was read: major version << 16 | minor version. */
static void psci_version(struct judge *j, const struct tape_part *value)
{
	bool newer = j->vcpu->scratch[GENERIC_FEATURES] & BIT(KVM_ARM_VCPU_PSCI_0_2);
	uint64_t version;

	if (generic_flag(j->vcpu, ARM_UNSURE) || !generic_flag(j->vcpu, ARM_INITIALIZED) ||
	    !q_field(j->q, value, 0, 8, &version))
		return;
	j_check(j, R_ARM_PSCI_VERSION, newer ? version >= 2 && version <= 0x1ffff : version == 1,
		newer ? "version 0.2 or a later one" : "version 0.1", "0x%llx",
		(unsigned long long)version);
}

/* The document gives two errors and asks not to rely on which: true if everything is said. */
static bool reg_foreign(struct judge *j, uint64_t id)
{
	if ((id & KVM_REG_ARCH_MASK) == KVM_REG_ARM64)
		return false;
	j_must_fail_with(j, R_ARM_REG_FOREIGN, j->ret->ret == -ENOENT ? ENOENT : EINVAL);
	return true;
}

/* api.rst 4.69 */
static void get_one_reg(struct judge *j)
{
	const struct tape_part *value = j_part(j, TAPE_NESTED_OUT);
	uint64_t id;

	if (reg_unready(j))
		return;
	if (!Q_IN(j->q, struct kvm_one_reg, id, &id)) {
		j_skip(j, "argument not captured");
		return;
	}
	generic_forget_others(j->l);
	if (reg_foreign(j, id))
		return;
	if ((id & KVM_REG_ARM_COPROC_MASK) == KVM_REG_ARM_CORE &&
	    !(id & ~(KVM_REG_ARCH_MASK | KVM_REG_SIZE_MASK | 0xfffffffull))) {
		if (core_id(j, id) && j_succeeds(j, R_ARM_REG_CORE))
			core_read(j, id, value);
		return;
	}
	if ((id & KVM_REG_ARM_COPROC_MASK) == KVM_REG_ARM64_SVE) {
		sve_reg(j, id, false);
		return;
	}
	if (id == KVM_REG_ARM_TIMER_CNT) {
		vm_buffer_may_fault(j, value);
		if (j_succeeds(j, R_ARM_COUNTER_GET))
			counter_get(j, id, value);
		return;
	}
	if (id != KVM_REG_ARM_PSCI_VERSION) {
		j_may_fail_with(j, R_ARM_REG_REFUSED, ENOENT);
		j_may_fail_with(j, R_ARM_REG_REFUSED, EINVAL);
		j_may_fail_with(j, R_ARM_REG_REFUSED, EPERM);
	}
	if (!j_succeeds(j, R_ARM_REG_OTHER))
		return;
	if (id == KVM_REG_ARM_PSCI_VERSION)
		psci_version(j, value);
	else if (counter(id))
		counter_get(j, id, value);
}

/* api.rst 4.68 */
static void set_one_reg(struct judge *j)
{
	const struct tape_part *value = j_part(j, TAPE_NESTED_IN);
	uint64_t id;

	if (reg_unready(j))
		return;
	if (!Q_IN(j->q, struct kvm_one_reg, id, &id)) {
		generic_forget_registers(j->vcpu);
		j_skip(j, "argument not captured");
		return;
	}
	generic_forget_others(j->l);
	if (reg_foreign(j, id))
		return;
	if ((id & KVM_REG_ARM_COPROC_MASK) == KVM_REG_ARM_CORE &&
	    !(id & ~(KVM_REG_ARCH_MASK | KVM_REG_SIZE_MASK | 0xfffffffull))) {
		if (!core_id(j, id))
			return;
		if ((id & 0xffff) == WORD(regs.pstate))
			j_may_fail_with(j, R_ARM_REG_REFUSED, EINVAL);
		if (j_succeeds(j, R_ARM_REG_CORE))
			core_written(j, id, value);
		return;
	}
	if ((id & KVM_REG_ARM_COPROC_MASK) == KVM_REG_ARM64_SVE) {
		sve_reg(j, id, true);
		return;
	}
	if (counter(id)) {
		counter_set(j, id);
		return;
	}
	if (id == MPIDR)
		vm_fact_set(j->l, ARM_FACT_MPIDR, 0, 1, 0);
	j_may_fail(j, R_ARM_REG_REFUSED);
	/* System registers are some core registers' other name, and some decide which others there
	 * are. */
	j->vcpu->scratch[GENERIC_REGS] = 0;
	generic_forget_registers(j->vcpu);
	j_succeeds(j, R_ARM_REG_OTHER);
}

/* --- KVM_RUN --------------------------------------------------------------------------------- */

#define REASON(name) (1ull << KVM_EXIT_##name)
static const uint64_t reasons = REASON(HYPERCALL) | REASON(DEBUG) | REASON(MMIO) |
				REASON(FAIL_ENTRY) | REASON(INTERNAL_ERROR) | REASON(SYSTEM_EVENT) |
				REASON(ARM_NISV) | REASON(DIRTY_RING_FULL) | REASON(ARM_SEA) |
				REASON(ARM_LDST64B);

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
	generic_flag_set(v, GENERIC_LEARNED_IN_RUN, true);
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
	v->scratch[ARM_PC_AT_RUN] = 0;
	q_field(l->q, l_part(l, TAPE_RUN_IN), offsetof(struct kvm_run, exit_reason), 4, &reason);
	if (v->last_exit == KVM_EXIT_MMIO && reason == KVM_EXIT_MMIO &&
	    generic_flag(v, ARM_RESET) && !(v->scratch[GENERIC_FEATURES] & EL1_32BIT) && e &&
	    e->known)
		v->scratch[ARM_PC_AT_RUN] = 1 + e->value[0] + 4;
	generic_run_enter(l);
}

/* With immediate_exit nothing but that happened. */
static void after_immediate(struct learn *l)
{
	struct state_vcpu *v = l->vcpu;
	struct state_entry *e;

	if (!v->scratch[ARM_PC_AT_RUN] || l->vm->running || l->ret->ret != -EINTR)
		return;
	e = state_set_add(&v->msrs, pc_id, 0);
	if (!e) {
		l->oom = -ENOMEM;
		return;
	}
	*e = (struct state_entry){
		.key = pc_id, .known = 1, .value = {v->scratch[ARM_PC_AT_RUN] - 1, 0, 1}};
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

static void run(struct judge *j)
{
	struct state_vcpu *v = j->vcpu;
	const struct tape_part *out = j_part(j, TAPE_RUN_OUT);
	bool event = generic_flag(v, GENERIC_EVENT), stopped;
	uint64_t arg = 0, type = 0;

	generic_flag_set(v, GENERIC_EVENT, false);
	if (!j->q->call->arg && !generic_flag(v, ARM_INITIALIZED)) {
		if (v->fresh) {
			j_must_fail(j, R_ARM_RUN_BEFORE_INIT);
			return;
		}
		j_may_fail(j, R_ARM_RUN_BEFORE_INIT);
	}
	if (!j->q->call->arg && arm64_feature(j->q, KVM_ARM_VCPU_SVE) == STATE_YES &&
	    finalized(j->q) == STATE_NO) {
		j_must_fail(j, R_ARM_RUN_UNFINALIZED);
		return;
	}
	if (finalized(j->q) != STATE_YES && arm64_feature(j->q, KVM_ARM_VCPU_SVE) == STATE_UNKNOWN)
		j_may_fail(j, R_ARM_RUN_UNFINALIZED);
	if (!j->q->call->arg && arm64_run_unready(j))
		return;
	if (generic_run_input(j)) {
		generic_flag_set(v, GENERIC_EVENT, event);
		after_immediate(j->l);
		if (!j->q->call->arg && j->ret->ret == -EINTR)
			vm_fact_set(j->l, ARM_FACT_RAN, v->id, 1, 0);
		return;
	}
	ran(j->l);
	if (event && j->ret->ret == -EINTR)
		j_hold(j, R_SYSTEM_EVENT_RUN_AGAIN);
	stopped = v->scratch[GENERIC_MP_AT_RUN] == 1 + KVM_MP_STATE_STOPPED && j->vm->fresh &&
		  j->vm->vcpu_count == 1 && v->running == 1;
	if (stopped && j->ret->ret == -EINTR)
		j_hold(j, R_ARM_RUN_STOPPED);
	j_may_fail_with(j, R_ARM_RUN_REFUSED, EFAULT);
	for (size_t i = 0; !event && i < sizeof(refusals) / sizeof(refusals[0]); i++)
		j_may_fail_with(j, R_ARM_RUN_REFUSED, refusals[i]);
	if (!j_succeeds(j, event ? R_SYSTEM_EVENT_RUN_AGAIN : R_ARCH_RUN))
		return;
	if (stopped)
		j_break(j, R_ARM_RUN_STOPPED, "no exit of a stopped vCPU", "a return of 0");
	generic_run_exit(j, reasons);
	if (v->last_exit != KVM_EXIT_SYSTEM_EVENT ||
	    !q_field(j->q, out, offsetof(struct kvm_run, system_event.type), 4, &type))
		return;
	if (type == KVM_SYSTEM_EVENT_SHUTDOWN || type == KVM_SYSTEM_EVENT_RESET)
		after_event(j->l);
	else if (type == KVM_SYSTEM_EVENT_SUSPEND &&
		 vm_cap_enabled(j->vm, KVM_CAP_ARM_SYSTEM_SUSPEND, &arg) != STATE_UNKNOWN)
		j_check(j, R_ARM_EVENT_SUSPEND_CAP,
			vm_cap_enabled(j->vm, KVM_CAP_ARM_SYSTEM_SUSPEND, &arg) == STATE_YES,
			"this event only with its capability enabled", "type = %llu",
			(unsigned long long)type);
}

/* --- the GIC --------------------------------------------------------------------------------- */

/* api.rst 4.24 */
static void create_irqchip(struct judge *j)
{
	static const int why_not[] = {ENODEV, ENXIO, EBUSY, E2BIG};
	enum state_tri there = arm64_gic(j->q);

	for (size_t i = 0; i < sizeof(why_not) / sizeof(why_not[0]); i++) {
		/* A host that made one can emulate it. */
		if (there != STATE_YES || i > 1 || arm64_gic_type(j->q) != KVM_DEV_TYPE_ARM_VGIC_V2)
			j_may_fail_with(j, R_ARM_IRQCHIP_REFUSED, why_not[i]);
	}
	if (j_refuse(j, R_ARM_IRQCHIP_ONCE, there))
		return;
	if (j_succeeds(j, R_ARM_IRQCHIP))
		arm64_gic_made(j->l, KVM_DEV_TYPE_ARM_VGIC_V2);
}

/* api.rst 4.25: bits 24 to 27 of irq are its kind, 16 to 23 and 28 to 31 the vCPU, 0 to 15 its
 * number. */
static void irq_line(struct judge *j)
{
	enum state_tri there = arm64_gic(j->q), ready = arm64_gic_ready(j->q);
	const struct state_vm *vm = j->vm;
	uint64_t irq, kind, cpu, number, irqs = 0;
	bool no_cpu, no_number;

	if (!Q_IN(j->q, struct kvm_irq_level, irq, &irq)) {
		j_skip(j, "argument not captured");
		return;
	}
	kind = irq >> KVM_ARM_IRQ_TYPE_SHIFT & KVM_ARM_IRQ_TYPE_MASK;
	number = irq & KVM_ARM_IRQ_NUM_MASK;
	cpu = (irq >> KVM_ARM_IRQ_VCPU_SHIFT & KVM_ARM_IRQ_VCPU_MASK) +
	      (irq >> KVM_ARM_IRQ_VCPU2_SHIFT & KVM_ARM_IRQ_VCPU2_MASK) *
		      (KVM_ARM_IRQ_VCPU_MASK + 1);
	if (kind > KVM_ARM_IRQ_TYPE_PPI) {
		j_must_fail(j, R_ARM_IRQ_LINE_NUMBER);
		return;
	}
	if (kind == KVM_ARM_IRQ_TYPE_CPU && there == STATE_YES) {
		j_must_fail(j, R_ARM_IRQ_LINE_CPU);
		return;
	}
	if (kind != KVM_ARM_IRQ_TYPE_CPU && there == STATE_NO) {
		j_must_fail(j, R_ARM_IRQ_LINE_NEEDS_GIC);
		return;
	}
	if (there == STATE_UNKNOWN)
		j_may_fail_with(j,
				kind == KVM_ARM_IRQ_TYPE_CPU ? R_ARM_IRQ_LINE_CPU
							     : R_ARM_IRQ_LINE_NEEDS_GIC,
				ENXIO);
	/* By its id or by when it was made, as the kernel is. */
	no_cpu = kind != KVM_ARM_IRQ_TYPE_SPI && vm->fresh && cpu >= vm->vcpu_count &&
		 !state_vm_vcpu_number(j->vm, cpu);
	no_number = kind == KVM_ARM_IRQ_TYPE_CPU   ? number > KVM_ARM_IRQ_CPU_FIQ
		    : kind == KVM_ARM_IRQ_TYPE_PPI ? number < 16 || number > 31
						   : number < 32;
	if (no_cpu || no_number) {
		j_must_fail(j, R_ARM_IRQ_LINE_NUMBER);
		return;
	}
	if (kind == KVM_ARM_IRQ_TYPE_CPU && there == STATE_NO && vm->fresh &&
	    cpu < vm->vcpu_count && state_vm_vcpu_number(j->vm, cpu)) {
		j_succeeds(j, R_ARM_IRQ_LINE);
		return;
	}
	/* The GIC must be there with all its interrupts; the default of them is the kernel's. */
	if (ready != STATE_YES)
		j_may_fail(j, R_ARM_GIC_REGS_EARLY);
	j_may_fail(j, R_ARM_IRQ_LINE_NUMBER);
	if (ready == STATE_YES &&
	    (kind == KVM_ARM_IRQ_TYPE_PPI ||
	     (arm64_fact(j->q, ARM_FACT_GIC_IRQS, 0, &irqs) == STATE_YES && number < irqs &&
	      number < 1020)) &&
	    vm->fresh && vm->vcpu_count)
		j_succeeds(j, R_ARM_IRQ_LINE);
	else
		j_may_succeed(j, R_ARM_IRQ_LINE_OTHER, "which interrupts there are");
}

const struct judge_handler model_arm64_handlers[] = {
	{"KVM_CREATE_IRQCHIP", KVMAPI_VM, .judge = create_irqchip},
	{"KVM_IRQ_LINE", KVMAPI_VM, .judge = irq_line},
	{"KVM_ARM_PREFERRED_TARGET", KVMAPI_VM, .judge = preferred_target},
	{"KVM_ARM_VCPU_INIT", KVMAPI_VCPU, .judge = vcpu_init},
	{"KVM_ARM_VCPU_FINALIZE", KVMAPI_VCPU, .judge = vcpu_finalize},
	{"KVM_ARM_SET_COUNTER_OFFSET", KVMAPI_VM, .judge = set_counter_offset},
	{"KVM_SET_VCPU_EVENTS", KVMAPI_VCPU, .judge = vcpu_events},
	{"KVM_GET_ONE_REG", KVMAPI_VCPU, .judge = get_one_reg},
	{"KVM_SET_ONE_REG", KVMAPI_VCPU, .judge = set_one_reg},
	{"KVM_RUN", KVMAPI_VCPU, .judge = run, .enter = run_enter},
	{NULL, 0, .judge = NULL},
};
