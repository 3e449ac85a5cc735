/* SPDX-License-Identifier: BSD-2-Clause */
/* KVM_SET_CPUID, KVM_SET_CPUID2, KVM_GET_CPUID2: api.rst 4.20. */
#include "model/vcpu.h"

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
	return !q_backend(q)[0] || !strcmp(q_backend(q), "kvm_pvm");
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
	v->scratch[VCPU_XFEATURES] = 0;
	v->scratch[VCPU_REG_LIST] = 0;
	vcpu_msrs_doubt(v);
	if (taken)
		v->cpuid_set = STATE_YES;
	else
		v->cpuid_set = STATE_UNKNOWN;
}

static void set_judge(struct judge *j, bool old)
{
	struct state_vcpu *v = j->vcpu;
	struct state_block *b = &v->blocks[STATE_CPUID];
	uint32_t size = old ? ENTRY_OLD : ENTRY;
	uint32_t eax = old ? 4 : offsetof(struct kvm_cpuid_entry2, eax);
	uint64_t nent, had;

	if (!Q_IN(j->q, struct kvm_cpuid2, nent, &nent)) {
		j_may_fail(j, R_CPUID_TOO_MANY);
		j_may_fail(j, R_CPUID_AFTER_RUN);
		state_block_forget(b);
		cpuid_was_set(j->l,
			      j_may_succeed(j, R_CPUID_SET_SUCCEEDS, "argument not captured"));
		return;
	}
	if (nent > CPUID_LIMIT) {
		j_must_fail(j, R_CPUID_TOO_MANY);
		return;
	}
	/* Kernels refuse another model once the guest ran; the same one is fine. */
	if (vcpu_flag(v, VCPU_ENTERED) && !old && v->cpuid_set == STATE_YES && !adds_leaves(j->q) &&
	    q_applies(j->q, R_CPUID_AFTER_RUN) &&
	    vcpu_block_number(j->q, STATE_CPUID, 0, 4, &had) && had != nent) {
		j_must_fail(j, R_CPUID_AFTER_RUN);
		return;
	}
	if (v->has_run != STATE_NO)
		j_may_fail(j, R_CPUID_AFTER_RUN);
	if (width_is_odd(j->q, nent, size, eax))
		j_may_fail(j, R_CPUID_ADDRESS_WIDTH);
	if (has_dynamic_xfeature(j->q, nent, size, eax, XFEATURES_TILE))
		j_may_fail(j, R_CPUID_DYNAMIC_FEATURE);
	if (!j_succeeds(j, R_CPUID_SET_SUCCEEDS)) {
		/* "No guarantees that the previous configuration is not corrupted." */
		state_block_forget(b);
		cpuid_was_set(j->l, false);
		return;
	}
	cpuid_was_set(j->l, true);
	/* It stays so, whatever is set later. */
	if (has_dynamic_xfeature(j->q, nent, size, eax, XFEATURE_TILEDATA))
		vcpu_flag_set(v, VCPU_LARGE_XSAVE, true);
	state_block_forget(b);
	if (old || adds_leaves(j->q) || !vcpu_captured(j->q->in, HEADER + nent * ENTRY))
		return;
	l_block_set(j->l, b, j->q->in, 0, HEADER + nent * ENTRY);
	if (state_block_known(b, 0, 4))
		forget_dynamic(j->l, nent);
}

static void cpuid_set(struct judge *j)
{
	set_judge(j, true);
}

static void cpuid2_set(struct judge *j)
{
	set_judge(j, false);
}

static void cpuid2_get(struct judge *j)
{
	struct state_vcpu *v = j->vcpu;
	struct state_block *b = &v->blocks[STATE_CPUID];
	uint64_t room, have = 0, got;
	bool known = vcpu_block_number(j->q, STATE_CPUID, 0, 4, &have);

	if (!known && v->fresh && v->cpuid_set == STATE_NO)
		known = true;
	if (!Q_IN(j->q, struct kvm_cpuid2, nent, &room)) {
		j_may_fail(j, R_CPUID_GET_TOO_SMALL);
		j_may_succeed(j, R_CPUID_GET_SUCCEEDS, "argument not captured");
		return;
	}
	if (known && room < have) {
		j_must_fail(j, R_CPUID_GET_TOO_SMALL);
		return;
	}
	if (!known)
		j_may_fail(j, R_CPUID_GET_TOO_SMALL);
	if (!j_succeeds(j, R_CPUID_GET_SUCCEEDS) || !J_OUT(j, struct kvm_cpuid2, nent, &got))
		return;
	/* Kernels before 6.12, but not all of them, leave nent as it was. */
	j_check(j, R_CPUID_GET_COUNT,
		got <= room && (!known || got == have ||
				(got == room && q_kernel(j->q) < MODEL_KERNEL(6, 12))),
		"nent as given (by older kernels), or as many as there are", "nent = %llu",
		(unsigned long long)got);
	if (known && have && vcpu_captured(j->out, HEADER + have * ENTRY) && !q_vcpu_ran(j->q)) {
		int64_t at = state_block_mismatch(b, HEADER, j->out->data + HEADER, have * ENTRY);

		for (uint32_t i = 0; j->promises && i < have * ENTRY; i++) {
			if (b->mask[HEADER + i] == 0xff)
				j_promise(j, R_CPUID_SAME, j->out, HEADER + i, 1);
		}
		j_check(j, R_CPUID_SAME, at < 0, "the entries that were set",
			"byte %lld of entries[%lld]", (long long)(at % (int64_t)ENTRY),
			(long long)(at / (int64_t)ENTRY));
	}
}

const struct judge_handler model_cpuid_handlers[] = {
	{"KVM_SET_CPUID", KVMAPI_VCPU, .judge = cpuid_set},
	{"KVM_SET_CPUID2", KVMAPI_VCPU, .judge = cpuid2_set},
	{"KVM_GET_CPUID2", KVMAPI_VCPU, .judge = cpuid2_get},
	{NULL, 0, .judge = NULL},
};
