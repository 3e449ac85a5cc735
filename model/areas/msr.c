/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KVM_GET_MSRS and KVM_SET_MSRS of a vCPU: api.rst 4.18, 4.19.
 *
 * An entry of state_vcpu.msrs holds in value[0] the data, in value[1] the bits of it that are
 * promised to come back, and in value[2] whether the index was ever read (bit 0) or written (bit 1,
 * value[3] the data that was taken). What was taken survives guest code; the data does not.  An
 * index without an entry was never named, unless the set is open.
 */
#include "model/areas/vcpu.h"
#include "model/areas/vm.h"

#define MSRS_LIMIT  256
#define HEADER	    sizeof(struct kvm_msrs)
#define ENTRY	    sizeof(struct kvm_msr_entry)
#define SEEN_READ   1
#define SEEN_WRITE  2
#define SEEN_ONCE   4	     /* read or written while the vCPU had other features */
#define MCG_CAP_AMD 0x1ffull /* banks, CTL_P */

#define MSR_TSC		  0x10
#define MSR_APICBASE	  0x1b
#define MSR_TSC_ADJUST	  0x3b
#define MSR_SYSENTER_CS	  0x174
#define MSR_SYSENTER_EIP  0x176
#define MSR_MISC_ENABLE	  0x1a0
#define MSR_MICROCODE	  0x8b
#define MSR_MCG_CAP	  0x179
#define MSR_MCG_STATUS	  0x17a
#define MSR_PAT		  0x277
#define MSR_MTRR_DEFAULT  0x2ff
#define MSR_MC0_CTL	  0x400
#define MSR_TSC_DEADLINE  0x6e0
#define MSR_X2APIC_FIRST  0x800
#define MSR_X2APIC_LAST	  0x8ff
#define MSR_EFER	  0xc0000080
#define MSR_STAR	  0xc0000081
#define MSR_SYSCALL_MASK  0xc0000084
#define MSR_FS_BASE	  0xc0000100
#define MSR_GS_BASE	  0xc0000101
#define MSR_KERNEL_GS	  0xc0000102
#define MSR_TSC_AUX	  0xc0000103
#define MSR_KVM_CLOCK_OLD 0x12
#define MSR_KVM_CLOCK	  0x4b564d01
#define MSR_KVM_LAST	  0x4b564d06

/* Registers that every vCPU has and that only hold what is written. */
static bool msr_plain(uint32_t index)
{
	return (index >= MSR_SYSENTER_CS && index <= MSR_SYSENTER_EIP) ||
	       (index >= MSR_STAR && index <= MSR_SYSCALL_MASK) ||
	       (index >= MSR_FS_BASE && index <= MSR_KERNEL_GS);
}

static bool msr_mtrr(uint32_t index)
{
	return (index >= 0x200 && index <= 0x20f) || index == 0x250 || index == 0x258 ||
	       index == 0x259 || (index >= 0x268 && index <= 0x26f) || index == MSR_MTRR_DEFAULT;
}

/* Registers that every vCPU has. */
static bool msr_always(uint32_t index)
{
	return msr_plain(index) || msr_mtrr(index) || index == MSR_PAT || index == MSR_EFER ||
	       index == MSR_APICBASE || index == MSR_MISC_ENABLE || index == MSR_MCG_STATUS ||
	       index == MSR_MICROCODE;
}

/* Old kvm_amd shows FS and GS base among the special registers only. */
static bool msr_may_lack(const struct question *q, uint32_t index)
{
	return (index == MSR_FS_BASE || index == MSR_GS_BASE) &&
	       q_rule(q, R_MSRS_BASES_MISSING) != STATE_NO;
}

/* Machine-check banks that KVM_X86_SETUP_MCE made. */
static bool msr_bank(const struct question *q, uint32_t index)
{
	uint64_t cap = q->vcpu->mcg_cap;

	return cap != UINT64_MAX && index >= MSR_MC0_CTL && index < MSR_MC0_CTL + 4 * (cap & 0xff);
}

/* Registers that every vCPU has, and that move by themselves. */
static bool msr_clock(uint32_t index)
{
	return index == MSR_TSC || index == MSR_TSC_DEADLINE;
}

/* Registers that some vCPUs have, and that change by a write of guest or userspace only. */
static bool msr_steady(uint32_t index)
{
	switch (index) {
	case 0x34:  /* SMI_COUNT */
	case 0x3a:  /* FEATURE_CONTROL */
	case 0x3b:  /* TSC_ADJUST */
	case 0x48:  /* SPEC_CTRL */
	case 0xce:  /* PLATFORM_INFO */
	case 0x122: /* TSX_CTRL */
	case 0x140: /* MISC_FEATURES_ENABLES */
	case MSR_MCG_CAP:
	case 0x17b:	 /* MCG_CTL */
	case 0x1d9:	 /* DEBUGCTL */
	case 0x38d:	 /* FIXED_CTR_CTRL */
	case 0x38f:	 /* GLOBAL_CTRL */
	case 0xda0:	 /* XSS */
	case 0xc0010117: /* VM_HSAVE_PA */
	case 0xc001011f: /* VIRT_SPEC_CTRL */
	case MSR_TSC_AUX:
	case MSR_KVM_CLOCK_OLD:
		return true;
	default:
		return (index >= 0x400 && index <= 0x47f) || /* machine-check banks */
		       (index >= MSR_KVM_CLOCK && index <= MSR_KVM_LAST);
	}
}

static bool canonical(uint64_t data)
{
	return !(data >> 47) || data >> 47 == 0x1ffff;
}

/* The bits of `data` that come back after it was written. */
static uint64_t msr_promise(const struct question *q, uint32_t index, uint64_t data)
{
	if (index == MSR_EFER)
		return ~(1ull << 10); /* LMA follows CR0.PG */
	if (index == MSR_APICBASE && vcpu_apic_base_completed(q, data))
		return ~0x100ull;
	if (index == MSR_MISC_ENABLE)
		return ~0x1880ull; /* what the PMU says of itself is read-only */
	if (index >= MSR_SYSENTER_CS && index <= MSR_SYSENTER_EIP)
		return canonical(data) ? 0xffffffff : 0; /* a processor of AMD keeps 32 bits */
	if (msr_plain(index))
		return canonical(data) ? UINT64_MAX : 0;
	if (msr_always(index) || msr_bank(q, index))
		return UINT64_MAX;
	/* Where the module ignores unknown MSRs, nothing but zero is sure to come back. */
	return (msr_steady(index) || index == MSR_TSC_DEADLINE) && !data ? UINT64_MAX : 0;
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

		e->known = 0;
		e->value[2] = e->value[2] ? SEEN_ONCE : 0;
	}
}

void vcpu_msr_forget(struct learn *l, uint32_t index)
{
	struct state_entry *e = state_set_entry(&l->vcpu->msrs, index, 0);

	if (e)
		e->known = 0;
}

void a_msr(struct answer *a, uint16_t rule, uint32_t index, uint8_t role, size_t offset)
{
	const struct state_entry *e = state_set_find(&a->q->vcpu->msrs, index, 0);

	if (e && e->known)
		a_bits_of(a, rule, "MSR", index, e->value[0], e->value[1], role, offset, 8);
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
	struct state_entry *e;
	bool ran = q_vcpu_ran(l->q);
	uint64_t base, promise;

	if (index == MSR_EFER)
		v->odd_sregs = true; /* LME is not held against CR0 here */
	if (index == MSR_APICBASE) {
		if (!VCPU_KNOWN(l->q, STATE_SREGS, struct kvm_sregs, apic_base, &base) ||
		    base != data)
			state_block_forget(&v->blocks[STATE_LAPIC]);
		v->run_is_newest = false;
	} else if (index >= MSR_X2APIC_FIRST && index <= MSR_X2APIC_LAST) {
		state_block_forget(&v->blocks[STATE_LAPIC]);
		VCPU_FORGET(l, STATE_SREGS, struct kvm_sregs, cr8);
		VCPU_FORGET(l, STATE_SREGS2, struct kvm_sregs, cr8);
		v->run_is_newest = false;
	} else if (index == MSR_TSC || index == MSR_TSC_ADJUST) {
		vcpu_attrs_forget(v);
	} else if (index == MSR_KVM_CLOCK_OLD) {
		vcpu_msr_forget(l, MSR_KVM_CLOCK); /* one register behind two numbers */
	} else if (index == MSR_KVM_CLOCK) {
		vcpu_msr_forget(l, MSR_KVM_CLOCK_OLD);
	}
	/* This is what KVM_X86_SETUP_MCE made it. */
	promise = ran || index == MSR_MCG_CAP ? 0 : msr_promise(l->q, index, data);
	/* What may read back otherwise is not what the special registers show, either. */
	msr_to_sregs(l, index, promise == UINT64_MAX ? bytes : NULL);
	vcpu_msr_learn(l, index, data, promise);
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

/* The entry at which the call stopped; false if it did not, or another VM type has a say. */
static bool stopped_at(const struct question *q, const struct judge *j, uint32_t *index,
		       uint64_t *data)
{
	uint64_t nmsrs, count = (uint64_t)j->ret->ret;

	return Q_IN(q, struct kvm_msrs, nmsrs, &nmsrs) && count < nmsrs && !vm_typed(q) &&
	       entry(q, q->in, count, index, data);
}

/* Reading stops at no index that is sure to be there. */
static void check_read_stopped(const struct question *q, struct judge *j)
{
	const struct state_entry *e;
	uint64_t data;
	uint32_t index;

	if (!stopped_at(q, j, &index, &data))
		return;
	e = state_set_find(&q->vcpu->msrs, index, 0);
	if (msr_may_lack(q, index))
		j_hold(j, R_MSRS_BASES_MISSING);
	else
		j_check(j, R_MSRS_READ_AGAIN,
			!(e && e->value[2] & SEEN_READ) && !msr_always(index) &&
				!msr_bank(q, index) && !msr_clock(index),
			"an index that can be read to be read", "stopped at MSR 0x%x", index);
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
	return msr_always(index) || msr_steady(index);
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
	if (!q_vcpu_ran(q)) {
		a_msr(a, R_MSRS_SAME, index, TAPE_ARG_OUT, at + 8);
		if (index == MSR_APICBASE && q->vcpu->run_is_newest &&
		    state_block_known(run, 24, 8))
			a_equal(a, R_SREGS_APIC_BASE_AS_IN_RUN, "MSR 0x1b",
				q_number(q, run->value + 24, 8), TAPE_ARG_OUT, at + 8, 8);
	}
	if (index == MSR_MCG_CAP)
		answer_mcg_cap(q, a, at + 8);
	a_when_end(a);
}

static void answer_msrs_get(const struct question *q, struct answer *a)
{
	uint64_t nmsrs, data, k;
	uint32_t index;
	bool twins = false;

	if (!answer_count(q, a, &nmsrs))
		return;
	a_check(a, check_read_stopped);
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

/* This value is sure to be taken. */
static bool msr_takes(const struct question *q, uint32_t index, uint64_t data)
{
	uint64_t base;

	if (msr_plain(index))
		return canonical(data);
	if (index == MSR_APICBASE)
		return VCPU_KNOWN(q, STATE_SREGS, struct kvm_sregs, apic_base, &base) &&
		       base == data;
	if (msr_clock(index) || index == MSR_MICROCODE)
		return true;
	if (msr_bank(q, index))
		return !data || !(data + 1);
	return msr_always(index) && !data;
}

/* Writing stops at no value that is sure to be taken. */
static void check_write_stopped(const struct question *q, struct judge *j)
{
	const struct state_entry *e;
	uint64_t data;
	uint32_t index;
	bool taken;

	if (!stopped_at(q, j, &index, &data))
		return;
	e = state_set_find(&q->vcpu->msrs, index, 0);
	taken = e && e->value[2] & SEEN_WRITE && e->value[3] == data && !data;
	if (msr_may_lack(q, index))
		j_hold(j, R_MSRS_BASES_MISSING);
	else
		j_check(j, R_MSRS_WRITE_AGAIN, !taken && !msr_takes(q, index, data),
			"a value that can be written to be written", "stopped at MSR 0x%x", index);
}

/* Writing stops at a base of the local APIC that the special registers cannot have. */
static void suggest_written(const struct question *q, struct answer *a, uint64_t nmsrs)
{
	uint64_t data;
	uint32_t index;

	for (uint64_t i = 0; i < nmsrs && entry(q, q->in, i, &index, &data); i++) {
		if (index == MSR_APICBASE && data & APIC_BASE_NONE) {
			a_suggest_result(a, (int64_t)i);
			return;
		}
	}
}

static void answer_msrs_set(const struct question *q, struct answer *a)
{
	uint64_t nmsrs;

	if (!answer_count(q, a, &nmsrs))
		return;
	if (a_wants(a, ANSWER_SUGGEST_RESULT))
		suggest_written(q, a, nmsrs);
	a_check(a, check_write_stopped);
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
