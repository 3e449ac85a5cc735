/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KVM_GET_MSRS and KVM_SET_MSRS of a vCPU: api.rst 4.18, 4.19.
 *
 * An entry of state_vcpu.msrs holds in value[0] the data, in value[1] the bits of it that are
 * promised to come back, and in value[2] whether the index was ever read (bit 0) or written (bit 1,
 * value[3] the data that was taken). What was taken survives guest code; the data does not.  An
 * index without an entry was never named, unless the set is open: while VCPU_MSRS_RESET is set, the
 * register holds what the reset left.
 */
#include "model/areas/msr.h"
#include "model/areas/vm.h"

#define MSRS_LIMIT  256
#define HEADER	    sizeof(struct kvm_msrs)
#define ENTRY	    sizeof(struct kvm_msr_entry)
#define SEEN_READ   1
#define SEEN_WRITE  2
#define SEEN_ONCE   4	     /* read or written while the vCPU had other features */
#define MCG_CAP_AMD 0x1ffull /* banks, CTL_P */

/* Old kvm_amd shows FS and GS base among the special registers only. */
static bool msr_may_lack(const struct question *q, uint32_t index)
{
	return (index == MSR_FS_BASE || index == MSR_GS_BASE) &&
	       q_rule(q, R_MSRS_BASES_MISSING) != STATE_NO;
}

void vcpu_msr_learn(struct learn *l, uint32_t index, uint64_t data, uint64_t mask)
{
	struct state_entry *e = state_set_add(&l->vcpu->msrs, index, 0);

	if (!e) {
		l->oom = -ENOMEM;
		return;
	}
	e->value[0] = data;
	e->value[1] = mask;
	e->known = mask != 0;
}

void vcpu_msrs_doubt(struct state_vcpu *v)
{
	for (uint32_t i = 0; i < v->msrs.count; i++) {
		struct state_entry *e = &v->msrs.entries[i];
		const struct msr_row *row = msr_row((uint32_t)e->key);

		e->value[2] = e->value[2] ? SEEN_ONCE : 0;
		if (!(row->flags & MSR_FLAG_ALONE) || row->flags & MSR_FLAG_MODEL ||
		    row->presence == MSR_SOME)
			e->known = 0;
	}
}

void vcpu_msr_forget(struct learn *l, uint32_t index)
{
	struct state_entry *e = l->vcpu->msrs_reset ? state_set_add(&l->vcpu->msrs, index, 0)
						    : state_set_entry(&l->vcpu->msrs, index, 0);

	if (e)
		e->known = 0;
	else if (l->vcpu->msrs_reset)
		l->oom = -ENOMEM;
}

void a_msr(struct answer *a, uint16_t rule, uint32_t index, uint8_t role, size_t offset)
{
	const struct state_entry *e = state_set_find(&a->q->vcpu->msrs, index, 0);
	uint64_t value, mask;

	if (!msr_known(a->q, index, &value, &mask))
		return;
	if (!e)
		rule = msr_row(index)->presence == MSR_CONSTANT ? R_MSRS_CONSTANT : R_MSRS_RESET;
	a_bits_of(a, rule, "MSR", index, value, mask, role, offset, 8);
}

/* The registers that the special registers show as well. */
static void msr_to_sregs(struct learn *l, uint32_t index, const uint8_t *bytes)
{
	static const struct {
		uint32_t index, offset;
	} map[] = {
		{MSR_EFER, offsetof(struct kvm_sregs, efer)},
		{MSR_APICBASE, offsetof(struct kvm_sregs, apic_base)},
		{MSR_FS_BASE, offsetof(struct kvm_sregs, fs.base)},
		{MSR_GS_BASE, offsetof(struct kvm_sregs, gs.base)},
	};
	struct state_block *both[] = {&l->vcpu->blocks[STATE_SREGS],
				      &l->vcpu->blocks[STATE_SREGS2]};

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		if (map[i].index != index)
			continue;
		for (unsigned int k = 0; k < 2; k++) {
			if (!both[k]->size)
				continue;
			if (bytes && state_block_set(both[k], map[i].offset, bytes, 8))
				l->oom = -ENOMEM;
			if (!bytes)
				state_block_forget_range(both[k], map[i].offset, 8);
			else if (index == MSR_EFER)
				both[k]->mask[map[i].offset + 1] &= ~(1u << 2);
		}
	}
}

static void msr_was_set(struct learn *l, uint32_t index, uint64_t data, const uint8_t *bytes)
{
	struct state_vcpu *v = l->vcpu;
	const struct msr_row *row = msr_row(index);
	struct state_entry *e;
	uint64_t base, value = data, promise = 0;
	bool known = !q_vcpu_ran(l->q) && row->presence != MSR_CONSTANT &&
		     msr_after_write(l->q, row, index, data, &value, &promise);

	if (index == MSR_EFER)
		v->odd_sregs = true; /* LME is not held against CR0 here */
	if (index == MSR_APICBASE) {
		if (!VCPU_KNOWN(l->q, STATE_SREGS, struct kvm_sregs, apic_base, &base) ||
		    base != data)
			state_block_forget(&v->blocks[STATE_LAPIC]);
		v->run_is_newest = false;
	} else if (index >= MSR_X2APIC_FIRST && index <= MSR_X2APIC_LAST) {
		vcpu_lapic_written(l, (index - MSR_X2APIC_FIRST) << 4, data);
	} else if (index == MSR_HV_VP_ASSIST) {
		/* Its page takes the place of that for paravirtual EOIs. */
		vcpu_msr_forget(l, MSR_KVM_PV_EOI);
	} else if (index == MSR_TSC || index == MSR_TSC_ADJUST) {
		vcpu_attrs_forget(v);
	} else if (index == MSR_KVM_CLOCK_OLD || index == MSR_KVM_CLOCK) {
		/* One register behind two numbers. */
		vcpu_msr_forget(l, index ^ MSR_KVM_CLOCK_OLD ^ MSR_KVM_CLOCK);
	}
	if (!known) {
		value = data;
		promise = 0;
	}
	/* What may read back otherwise is not what the special registers show, either. */
	msr_to_sregs(l, index, promise == UINT64_MAX && value == data ? bytes : NULL);
	vcpu_msr_learn(l, index, value, promise);
	e = state_set_entry(&v->msrs, index, 0);
	if (e) {
		e->value[2] |= SEEN_WRITE;
		e->value[3] = data;
	}
}

/* What calls with a list of MSRs have in common; false if the answer is whole. */
static bool answer_count(const struct question *q, struct answer *a, uint64_t *nmsrs)
{
	const bool known = Q_IN(q, struct kvm_msrs, nmsrs, nmsrs);

	if (a_refuse(a, R_MSRS_TOO_MANY, known ? tri(*nmsrs >= MSRS_LIMIT) : STATE_UNKNOWN))
		return false;
	if (!known) {
		a_may_succeed(a, R_MSRS_COUNT, "argument not captured");
		return false;
	}
	a_succeeds_value(a, R_MSRS_COUNT);
	a_result_range(a, R_MSRS_COUNT_UP_TO, "at most as many as were given", 0, *nmsrs);
	return true;
}

/* How many were read or written; false if that is not known, or wrong. */
static bool learn_count(const struct learn *l, uint64_t *nmsrs)
{
	return l->succeeded && Q_IN(l->q, struct kvm_msrs, nmsrs, nmsrs) &&
	       (uint64_t)l->ret->ret <= *nmsrs;
}

static bool entry(const struct question *q, const struct tape_part *part, uint64_t i,
		  uint32_t *index, uint64_t *data)
{
	uint64_t n;

	if (!q_field(q, part, HEADER + i * ENTRY, 4, &n) ||
	    !q_field(q, part, HEADER + i * ENTRY + 8, 8, data))
		return false;
	*index = n;
	return true;
}

/* Old kernels stop at the base of FS or GS. */
static void check_bases_missing(const struct question *q, struct judge *j)
{
	uint64_t nmsrs, data;
	uint32_t index;

	if (Q_IN(q, struct kvm_msrs, nmsrs, &nmsrs) && (uint64_t)j->ret->ret < nmsrs &&
	    entry(q, q->in, (uint64_t)j->ret->ret, &index, &data) && msr_may_lack(q, index))
		j_hold(j, R_MSRS_BASES_MISSING);
}

/*
 * How far the call comes: through all entries of which that is sure, and not past one that is sure to
 * be refused.
 */
struct stops {
	uint64_t sure;	  /* every vCPU comes as far as this */
	uint64_t again;	  /* and this one as far as this, since it did before */
	uint64_t refused; /* it stops here at the latest; UINT64_MAX = not known */
	uint32_t index;	  /* for that register */
	bool may_lack;	  /* of those, some is missing in old kernels */
};

/* One more entry that can be read or written, cannot, or could before. */
static void stops_add(struct stops *s, const struct question *q, uint64_t i, uint32_t index,
		      enum state_tri can, bool could)
{
	if (can == STATE_NO) {
		s->refused = i;
		s->index = index;
		return;
	}
	if (msr_may_lack(q, index)) {
		s->may_lack = true;
		return;
	}
	if (s->sure == i && can == STATE_YES)
		s->sure++;
	if (s->again == i && (can == STATE_YES || could))
		s->again++;
}

/* This vCPU read the register before, or took the same zero. */
static bool could_before(const struct state_entry *e, bool writes, uint64_t data)
{
	if (!e)
		return false;
	return writes ? e->value[2] & SEEN_WRITE && e->value[3] == data && !data
		      : e->value[2] & SEEN_READ;
}

static void answer_stops(const struct question *q, struct answer *a, uint64_t nmsrs, bool writes)
{
	struct stops s = {.refused = UINT64_MAX};
	uint64_t data;
	uint32_t index;

	if (vcpu_is_protected(q))
		return;
	for (uint64_t i = 0;
	     i < nmsrs && s.refused == UINT64_MAX && entry(q, q->in, i, &index, &data); i++) {
		const struct msr_row *row = msr_row(index);

		stops_add(&s, q, i, index,
			  writes ? msr_takes(q, row, index, data) : msr_there(q, row, index),
			  could_before(state_set_find(&q->vcpu->msrs, index, 0), writes, data));
	}
	if (s.refused != UINT64_MAX)
		a_result_up_to(a, msr_refusal(msr_row(s.index), s.index),
			       "at most the entries before MSR", s.index, s.refused);
	if (s.sure)
		a_result_range(a, writes ? R_MSRS_TAKEN : R_MSRS_EVERY,
			       "all entries that are sure to be there", s.sure, nmsrs);
	if (s.again > s.sure)
		a_result_range(a, writes ? R_MSRS_WRITE_AGAIN : R_MSRS_READ_AGAIN,
			       "all entries that could be before", s.again, nmsrs);
	if (s.may_lack)
		a_check(a, check_bases_missing);
}

/* Entries behind the one at which the call stopped. */
static void check_rest(const struct question *q, struct judge *j)
{
	uint64_t nmsrs, data, before;
	uint32_t index;

	if (!Q_IN(q, struct kvm_msrs, nmsrs, &nmsrs))
		return;
	for (uint64_t i = (uint64_t)j->ret->ret + 1; i < nmsrs; i++) {
		if (!entry(q, q->in, i, &index, &before) || !entry(q, j->out, i, &index, &data))
			return;
		j_promise(j, R_MSRS_REST_STAYS, j->out, HEADER + i * ENTRY + 8, 8);
		if (!j_check(j, R_MSRS_REST_STAYS, data == before,
			     "entries beyond the count unchanged", "entries[%llu].data = 0x%llx",
			     (unsigned long long)i, (unsigned long long)data))
			return;
	}
}

/* What is read of this index stays, while no guest runs. */
static bool msr_stays(uint32_t index)
{
	return msr_row(index)->flags & MSR_FLAG_ALONE;
}

/* The entry before `i` with the same index; false if there is none. */
static bool twin(const struct question *q, uint64_t i, uint64_t *before)
{
	uint32_t index, other;
	uint64_t data;

	if (!entry(q, q->in, i, &index, &data) || !msr_stays(index))
		return false;
	for (uint64_t k = i; k-- > 0;) {
		if (entry(q, q->in, k, &other, &data) && other == index) {
			*before = k;
			return true;
		}
	}
	return false;
}

/* What stands in the list twice reads the same twice. */
static void check_twins(const struct question *q, struct judge *j)
{
	const uint64_t count = (uint64_t)j->ret->ret;
	char what[32];
	uint64_t k, data;
	uint32_t index;

	for (uint64_t i = 1; i < count; i++) {
		if (!twin(q, i, &k) || !entry(q, j->out, k, &index, &data))
			continue;
		snprintf(what, sizeof(what), "MSR 0x%x", index);
		if (!j_equal_field(j, R_MSRS_SAME, what, data, j->out, HEADER + i * ENTRY + 8, 8))
			return;
	}
}

/* What KVM_X86_SETUP_MCE set; kvm_amd takes the bits that no processor of AMD has away. */
static void answer_mcg_cap(const struct question *q, struct answer *a, size_t at)
{
	uint64_t cap = q->vcpu->mcg_cap;
	const enum state_tri cuts = q_rule(q, R_MSRS_MCG_CAP_CUT);
	const bool cut = cap & ~MCG_CAP_AMD && cuts == STATE_YES;

	if (cap == UINT64_MAX || (cap & ~MCG_CAP_AMD && cuts == STATE_UNKNOWN))
		return;
	a_equal(a, cut ? R_MSRS_MCG_CAP_CUT : R_MSRS_MCG_CAP, "MSR 0x179",
		cut ? cap & MCG_CAP_AMD : cap, TAPE_ARG_OUT, at, 8);
}

/* One entry of KVM_GET_MSRS: what the kernel leaves alone, and its data, if it came so far. */
static void answer_entry(const struct question *q, struct answer *a, uint64_t i, uint32_t index)
{
	const struct state_block *run = &q->vcpu->run;
	const size_t at = HEADER + i * ENTRY;

	a_kept(a, R_MSRS_INDEX_STAYS, "entries[].index", at, 4);
	a_kept(a, R_MSRS_HEADER_STAYS, "entries[].reserved", at + 4, 4);
	a_when_result_above(a, i);
	/* What stands in the list twice reads the same twice. */
	if (msr_stays(index))
		a_suggest(a, TAPE_ARG_OUT, at + 8, 8, 0);
	if (!q_vcpu_ran(q) && !vcpu_is_protected(q)) {
		a_msr(a, R_MSRS_SAME, index, TAPE_ARG_OUT, at + 8);
		if (index == MSR_APICBASE && q->vcpu->run_is_newest &&
		    state_block_known(run, 24, 8))
			a_equal(a, R_SREGS_APIC_BASE_AS_IN_RUN, "MSR 0x1b",
				q_number(q, run->value + 24, 8), TAPE_ARG_OUT, at + 8, 8);
	}
	if (index == MSR_MCG_CAP)
		answer_mcg_cap(q, a, at + 8);
	if (index >= MSR_X2APIC_FIRST && index <= MSR_X2APIC_LAST && !q_vcpu_ran(q) &&
	    msr_x2apic_mode(q) == STATE_YES)
		a_lapic_register(a, (index - MSR_X2APIC_FIRST) << 4, index, at + 8);
	a_when_end(a);
}

static void answer_msrs_get(const struct question *q, struct answer *a)
{
	uint64_t nmsrs, data, k;
	uint32_t index;
	bool twins = false;

	if (!answer_count(q, a, &nmsrs))
		return;
	answer_stops(q, a, nmsrs, false);
	a_kept(a, R_MSRS_HEADER_STAYS, "nmsrs and pad", 0, HEADER);
	for (uint64_t i = 0; i < nmsrs && entry(q, q->in, i, &index, &data); i++) {
		answer_entry(q, a, i, index);
		twins = twins || twin(q, i, &k);
	}
	if (twins && !q_vcpu_ran(q))
		a_check(a, check_twins);
	a_check(a, check_rest);
}

/* One that was read. */
static void msr_was_read(struct learn *l, uint32_t index, uint64_t data, const uint8_t *bytes)
{
	struct state_entry *e;

	if (!q_vcpu_ran(l->q) && msr_stays(index)) {
		vcpu_msr_learn(l, index, data, UINT64_MAX);
		msr_to_sregs(l, index, bytes);
	}
	e = state_set_add(&l->vcpu->msrs, index, 0);
	if (e)
		e->value[2] |= SEEN_READ;
	else
		l->oom = -ENOMEM;
}

static void learn_msrs_get(struct learn *l)
{
	const struct tape_part *in = l->q->in;
	uint64_t nmsrs, data, before;
	uint32_t index, index_before;

	if (!learn_count(l, &nmsrs))
		return;
	for (uint64_t i = 0; i < (uint64_t)l->ret->ret; i++) {
		const size_t at = HEADER + i * ENTRY;

		if (!entry(l->q, l->out, i, &index, &data))
			break;
		if (entry(l->q, in, i, &index_before, &before) &&
		    (index != index_before || memcmp(l->out->data + at + 4, in->data + at + 4, 4)))
			break;
		msr_was_read(l, index, data, l->out->data + at + 8);
	}
	/* MSRs that are part of the extended state make the kernel load and save it, which recounts
	 * XSTATE_BV. */
	vcpu_forget(l, STATE_XSAVE, 512, 8);
}

static void answer_msrs_set(const struct question *q, struct answer *a)
{
	uint64_t nmsrs;

	if (answer_count(q, a, &nmsrs))
		answer_stops(q, a, nmsrs, true);
}

/* Any of them may have been written. */
static void msrs_forget(struct state_vcpu *v)
{
	vcpu_forget_all(v);
	vcpu_attrs_forget(v);
	v->msrs.open = true;
}

static void learn_msrs_set(struct learn *l)
{
	const int64_t ret = l->ret->ret;
	uint64_t nmsrs, data;
	uint32_t index;

	if (!learn_count(l, &nmsrs)) {
		/* How far it came is not known. */
		if (ret >= 0 || ret == -EFAULT || ret == -EINTR)
			msrs_forget(l->vcpu);
		return;
	}
	if ((uint64_t)ret < nmsrs && q_changed(l->q, CHANGE_MSR_REFUSED_KEPT) != STATE_YES &&
	    entry(l->q, l->q->in, (uint64_t)ret, &index, &data))
		vcpu_msr_forget(l, index);
	for (uint64_t i = 0; i < (uint64_t)ret; i++) {
		if (!entry(l->q, l->q->in, i, &index, &data)) {
			msrs_forget(l->vcpu);
			break;
		}
		msr_was_set(l, index, data, l->q->in->data + HEADER + i * ENTRY + 8);
	}
	vcpu_forget(l, STATE_XSAVE, 512, 8);
}

const struct handler model_msr_handlers[] = {
	{"KVM_GET_MSRS", KVMAPI_VCPU, .answer = answer_msrs_get, .learn = learn_msrs_get},
	{"KVM_SET_MSRS", KVMAPI_VCPU, .answer = answer_msrs_set, .learn = learn_msrs_set},
	{NULL, 0, .answer = NULL},
};
