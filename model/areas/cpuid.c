/* SPDX-License-Identifier: BSD-2-Clause */
/* KVM_SET_CPUID, KVM_SET_CPUID2, KVM_GET_CPUID2: api.rst 4.20. */
#include "model/areas/vcpu.h"

#define HEADER		  sizeof(struct kvm_cpuid2)
#define ENTRY		  sizeof(struct kvm_cpuid_entry2)
#define ENTRY_OLD	  sizeof(struct kvm_cpuid_entry)
#define CPUID_LIMIT	  256
/* Components of the extended state, as leaf 0xd has them in eax. */
#define XFEATURES_TILE	  (3ull << 17)
#define XFEATURE_TILEDATA (1ull << 18)

/* This back end adds leaves of its own to what is set. */
static bool adds_leaves(const struct question *q)
{
	return q_back_end(q, MODEL_KVM_PVM) != STATE_NO;
}

/* Bits that follow the state of the vCPU are not what was set. */
static void forget_dynamic(struct learn *l, uint32_t nent)
{
	struct state_block *b = &l->vcpu->blocks[STATE_CPUID];

	state_block_forget_range(b, 4, 4);
	for (uint32_t i = 0; i < nent; i++) {
		uint32_t at = HEADER + i * ENTRY;
		uint32_t function = q_number(l->q, b->value + at, 4);
		uint32_t eax = at + offsetof(struct kvm_cpuid_entry2, eax);

		switch (function) {
		case 0x1:
		case 0x7:
		case 0xd:
		case 0x12:
			state_block_forget_range(b, eax, 16);
			break;
		default:
			/* Features of the hypervisor itself depend on what else is switched on. */
			if (function >> 28 == 4 || function == 0x80000001)
				state_block_forget_range(b, eax, 16);
		}
	}
}

/* The width of virtual addresses that KVM can do. */
static bool width_is_odd(const struct question *q, uint64_t nent, uint32_t entry_size,
			 uint32_t eax_offset)
{
	for (uint64_t i = 0; i < nent; i++) {
		uint64_t function, eax, bits;

		if (!q_field(q, q->in, HEADER + i * entry_size, 4, &function) ||
		    !q_field(q, q->in, HEADER + i * entry_size + eax_offset, 4, &eax))
			return false;
		bits = eax >> 8 & 0xff;
		if (function == 0x80000008)
			return bits && bits != 48 && bits != 57;
	}
	return false;
}

/* Dynamic features of the extended state need the process's permission first. */
static bool has_dynamic_xfeature(const struct question *q, uint64_t nent, uint32_t entry_size,
				 uint32_t eax_offset, uint64_t features)
{
	for (uint64_t i = 0; i < nent; i++) {
		uint64_t function, eax;

		if (q_field(q, q->in, HEADER + i * entry_size, 4, &function) && function == 0xd &&
		    q_field(q, q->in, HEADER + i * entry_size + eax_offset, 4, &eax) &&
		    eax & features)
			return true;
	}
	return false;
}

static void cpuid_was_set(struct learn *l, bool taken)
{
	struct state_vcpu *v = l->vcpu;

	/* Which MSRs, XCR0 bits and APIC registers there are hangs on it. */
	state_block_forget(&v->blocks[STATE_LAPIC]);
	state_block_forget(&v->blocks[STATE_XSAVE]);
	v->xfeatures = 0;
	v->reg_count = STATE_NUMBER_UNKNOWN;
	vcpu_msrs_doubt(v);
	if (taken)
		v->cpuid_set = STATE_YES;
	else
		v->cpuid_set = STATE_UNKNOWN;
}

/* Kernels refuse another model once the guest ran; the same one is fine. */
static bool is_another(const struct question *q, bool old, uint64_t nent)
{
	const struct state_vcpu *v = q->vcpu;
	uint64_t had;

	return v->entered && !old && v->cpuid_set == STATE_YES && !adds_leaves(q) &&
	       q_applies(q, R_CPUID_AFTER_RUN) && vcpu_block_number(q, STATE_CPUID, 0, 4, &had) &&
	       had != nent;
}

static void answer_set(const struct question *q, struct answer *a, bool old)
{
	uint32_t size = old ? ENTRY_OLD : ENTRY;
	uint32_t eax = old ? 4 : offsetof(struct kvm_cpuid_entry2, eax);
	uint64_t nent;

	if (!Q_IN(q, struct kvm_cpuid2, nent, &nent)) {
		a_may_fail(a, R_CPUID_TOO_MANY);
		a_may_fail(a, R_CPUID_AFTER_RUN);
		a_may_succeed(a, R_CPUID_SET_SUCCEEDS, "argument not captured");
		return;
	}
	if (a_refuse(a, R_CPUID_TOO_MANY, tri(nent > CPUID_LIMIT)) ||
	    a_refuse(a, R_CPUID_AFTER_RUN, tri(is_another(q, old, nent))))
		return;
	if (q->vcpu->has_run != STATE_NO)
		a_may_fail(a, R_CPUID_AFTER_RUN);
	if (width_is_odd(q, nent, size, eax))
		a_may_fail(a, R_CPUID_ADDRESS_WIDTH);
	if (has_dynamic_xfeature(q, nent, size, eax, XFEATURES_TILE))
		a_may_fail(a, R_CPUID_DYNAMIC_FEATURE);
	a_succeeds(a, R_CPUID_SET_SUCCEEDS);
}

static void learn_set(struct learn *l, bool old)
{
	struct state_vcpu *v = l->vcpu;
	struct state_block *b = &v->blocks[STATE_CPUID];
	uint32_t size = old ? ENTRY_OLD : ENTRY;
	uint32_t eax = old ? 4 : offsetof(struct kvm_cpuid_entry2, eax);
	uint64_t nent;
	bool known = Q_IN(l->q, struct kvm_cpuid2, nent, &nent);

	if (known && (nent > CPUID_LIMIT || is_another(l->q, old, nent)))
		return;
	/* "No guarantees that the previous configuration is not corrupted", if it fails. */
	state_block_forget(b);
	cpuid_was_set(l, l->succeeded);
	if (!known || !l->succeeded)
		return;
	/* It stays so, whatever is set later. */
	if (has_dynamic_xfeature(l->q, nent, size, eax, XFEATURE_TILEDATA))
		v->large_xsave = true;
	if (old || adds_leaves(l->q) || !vcpu_captured(l->q->in, HEADER + nent * ENTRY))
		return;
	l_block_set(l, b, l->q->in, 0, HEADER + nent * ENTRY);
	if (state_block_known(b, 0, 4))
		forget_dynamic(l, nent);
}

static void answer_cpuid_set(const struct question *q, struct answer *a)
{
	answer_set(q, a, true);
}

static void learn_cpuid_set(struct learn *l)
{
	learn_set(l, true);
}

static void answer_cpuid2_set(const struct question *q, struct answer *a)
{
	answer_set(q, a, false);
}

static void learn_cpuid2_set(struct learn *l)
{
	learn_set(l, false);
}

/* How many entries the vCPU has; false if that is not known. */
static bool entries_known(const struct question *q, uint64_t *have)
{
	*have = 0;
	return vcpu_block_number(q, STATE_CPUID, 0, 4, have) ||
	       (q->vcpu->fresh && q->vcpu->cpuid_set == STATE_NO);
}

/* Kernels before 6.12, but not all of them, leave nent as it was. */
static void check_count(const struct question *q, struct judge *j)
{
	uint64_t room, have, got;

	if (Q_IN(q, struct kvm_cpuid2, nent, &room) && entries_known(q, &have) &&
	    J_OUT(j, struct kvm_cpuid2, nent, &got))
		j_check(j, R_CPUID_GET_COUNT, got == have || got == room,
			"nent as given, or as many as there are", "nent = %llu",
			(unsigned long long)got);
}

static void answer_count(const struct question *q, struct answer *a, bool known, uint64_t have,
			 uint64_t room)
{
	const size_t at = offsetof(struct kvm_cpuid2, nent);

	if (!known) {
		a_range(a, R_CPUID_GET_COUNT, "nent at most as it was given", 0, room, TAPE_ARG_OUT,
			at, 4);
	} else if (q_changed(q, CHANGE_CPUID_NENT_WRITTEN) == STATE_YES) {
		A_EQUAL(a, R_CPUID_GET_COUNT, struct kvm_cpuid2, nent, have);
	} else {
		a_constrained(a, R_CPUID_GET_COUNT, TAPE_ARG_OUT, at, 4);
		a_check(a, check_count);
	}
}

/* The entries, as far as they are known; nent is a matter of its own. */
static void check_entries(const struct question *q, struct judge *j)
{
	const struct state_block *b = &q->vcpu->blocks[STATE_CPUID];
	uint64_t have;
	int64_t at;

	if (!entries_known(q, &have) || !vcpu_captured(j->out, HEADER + have * ENTRY))
		return;
	for (uint32_t i = HEADER; i < HEADER + have * ENTRY; i++) {
		if (b->mask[i] == 0xff)
			j_promise(j, R_CPUID_SAME, j->out, i, 1);
	}
	at = state_block_mismatch(b, HEADER, j->out->data + HEADER, have * ENTRY);
	j_check(j, R_CPUID_SAME, at < 0, "the entries that were set", "byte %lld of entries[%lld]",
		(long long)(at % (int64_t)ENTRY), (long long)(at / (int64_t)ENTRY));
}

static void answer_cpuid2_get(const struct question *q, struct answer *a)
{
	uint64_t room, have;
	bool known = entries_known(q, &have);

	if (!Q_IN(q, struct kvm_cpuid2, nent, &room)) {
		a_may_fail(a, R_CPUID_GET_TOO_SMALL);
		a_may_succeed(a, R_CPUID_GET_SUCCEEDS, "argument not captured");
		return;
	}
	if (a_refuse(a, R_CPUID_GET_TOO_SMALL, known ? tri(room < have) : STATE_UNKNOWN))
		return;
	a_succeeds(a, R_CPUID_GET_SUCCEEDS);
	answer_count(q, a, known, have, room);
	if (!have || q_vcpu_ran(q))
		return;
	a_suggest_block(a, &q->vcpu->blocks[STATE_CPUID], HEADER, TAPE_ARG_OUT, HEADER,
			have * ENTRY);
	a_check(a, check_entries);
}

const struct handler model_cpuid_handlers[] = {
	{"KVM_SET_CPUID", KVMAPI_VCPU, .answer = answer_cpuid_set, .learn = learn_cpuid_set},
	{"KVM_SET_CPUID2", KVMAPI_VCPU, .answer = answer_cpuid2_set, .learn = learn_cpuid2_set},
	{"KVM_GET_CPUID2", KVMAPI_VCPU, .answer = answer_cpuid2_get},
	{NULL, 0, .answer = NULL},
};
