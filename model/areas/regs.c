/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of a vCPU: what SET put in comes back from GET, as far as the documents and all kernels
 * go.
 */
#include "model/areas/msr.h"
#include "model/areas/vm.h"

#define CR0_PE	  (1ull << 0)
#define CR0_NW	  (1ull << 29)
#define CR0_CD	  (1ull << 30)
#define CR0_PG	  (1ull << 31)
#define CR4_PAE	  (1ull << 5)
#define EFER_SCE  (1ull << 0)
#define EFER_LME  (1ull << 8)
#define EFER_LMA  (1ull << 10)
#define EFER_NX	  (1ull << 11)
#define RFLAGS_TF (1u << 8)
#define RFLAGS_IF (1u << 9)

/* Bits that no processor has. */
#define CR0_NONE  (~0ull << 32)
#define CR4_NONE  (~0ull << 34)
#define EFER_NONE (~0ull << 22)

/* --- general registers: api.rst 4.11, 4.12 --- */

#define RFLAGS offsetof(struct kvm_regs, rflags)

/* The bits of rflags that a SET is sure to bring back. */
static void rflags_promise(struct learn *l)
{
	struct state_block *b = &l->vcpu->blocks[STATE_REGS];
	bool stepping = l->vcpu->debug_known == STATE_UNKNOWN ||
			l->vcpu->debug_control & KVM_GUESTDBG_SINGLESTEP;

	if (!state_block_known(b, RFLAGS, 8))
		return;
	/* Bit 1 is always set; single-stepping hides TF; bits from 22 on do not exist. */
	b->value[RFLAGS] |= 2;
	if (stepping)
		b->mask[RFLAGS + 1] &= ~(RFLAGS_TF >> 8);
	b->mask[RFLAGS + 2] &= 0x3f;
	state_block_forget_range(b, RFLAGS + 3, 5);
}

static void answer_regs_set(const struct question *q, struct answer *a)
{
	(void)q;
	if (!a_vcpu_protected(a, R_REGS_SET_SUCCEEDS))
		a_succeeds(a, R_REGS_SET_SUCCEEDS);
}

static void learn_regs_set(struct learn *l)
{
	static const uint8_t none;

	if (l_vcpu_protected(l) || !l->succeeded)
		return;
	l_block_set(l, &l->vcpu->blocks[STATE_REGS], l->q->in, 0, sizeof(struct kvm_regs));
	l->vcpu->regs_written = true;
	rflags_promise(l);
	/* A new RIP makes a pending exception pointless: kernels drop it, and keep an injected one.
	 */
	VCPU_FORGET(l, STATE_EVENTS, struct kvm_vcpu_events, exception);
	if (!q_vcpu_ran(l->q) &&
	    state_block_set(&l->vcpu->blocks[STATE_EVENTS],
			    offsetof(struct kvm_vcpu_events, exception.pending), &none, 1))
		l->oom = -ENOMEM;
	VCPU_FORGET(l, STATE_EVENTS, struct kvm_vcpu_events, exception_has_payload);
	VCPU_FORGET(l, STATE_EVENTS, struct kvm_vcpu_events, exception_payload);
}

/* What finishing the last exit did. */
static void check_completion(const struct question *q, struct judge *j)
{
	(void)q;
	completion_check(j, j->out, 0);
}

static void answer_regs_get(const struct question *q, struct answer *a)
{
	const struct state_block *run = &q->vcpu->run;
	const uint32_t if_flag = offsetof(struct kvm_run, if_flag);

	if (!a_vcpu_get(a, R_REGS_GET_SUCCEEDS, R_REGS_SAME, STATE_REGS, sizeof(struct kvm_regs)))
		return;
	a_check(a, check_completion);
	a_bits(a, R_REGS_RFLAGS_FIXED, "bit 1 of rflags", 2, 2, TAPE_ARG_OUT, RFLAGS, 8);
	/* Right after KVM_RUN: nothing else was written to this vCPU meanwhile. */
	if (q->vcpu->run_is_newest && !q_vcpu_ran(q) && q->vcpu->has_lapic == STATE_NO &&
	    state_block_known(run, if_flag, 1) && !q->vcpu->regs_written)
		a_bits(a, R_REGS_IF_AS_IN_RUN, "IF in rflags", run->value[if_flag] ? RFLAGS_IF : 0,
		       RFLAGS_IF, TAPE_ARG_OUT, RFLAGS, 8);
}

static void learn_regs_get(struct learn *l)
{
	l_vcpu_get(l, STATE_REGS, sizeof(struct kvm_regs));
}

/* --- special registers: api.rst 4.13, 4.14, 4.131, 4.132 --- */

/* struct kvm_sregs and struct kvm_sregs2 are the same up to apic_base. */
#define SREGS_COMMON offsetof(struct kvm_sregs, interrupt_bitmap)
_Static_assert(SREGS_COMMON == offsetof(struct kvm_sregs2, flags), "common part");
#define SEGMENT	 sizeof(struct kvm_segment)
#define SEGMENTS 8

struct sregs_values {
	uint64_t cr0, cr3, cr4, cr8, efer, apic_base;
};

static bool sregs_values(const struct question *q, const struct tape_part *part,
			 struct sregs_values *v)
{
	return q_field(q, part, offsetof(struct kvm_sregs, cr0), 8, &v->cr0) &&
	       q_field(q, part, offsetof(struct kvm_sregs, cr3), 8, &v->cr3) &&
	       q_field(q, part, offsetof(struct kvm_sregs, cr4), 8, &v->cr4) &&
	       q_field(q, part, offsetof(struct kvm_sregs, cr8), 8, &v->cr8) &&
	       q_field(q, part, offsetof(struct kvm_sregs, efer), 8, &v->efer) &&
	       q_field(q, part, offsetof(struct kvm_sregs, apic_base), 8, &v->apic_base);
}

/* CR0, CR4, EFER and APIC base as a processor may have them. */
static bool sregs_legal(const struct sregs_values *s)
{
	return !(s->cr0 & CR0_NONE) && !(s->cr4 & CR4_NONE) && !(s->efer & EFER_NONE) &&
	       (!(s->cr0 & CR0_PG) || s->cr0 & CR0_PE) && (!(s->cr0 & CR0_NW) || s->cr0 & CR0_CD) &&
	       !(s->efer & EFER_LMA) == !(s->efer & EFER_LME && s->cr0 & CR0_PG) &&
	       (!(s->efer & EFER_LMA) || s->cr4 & CR4_PAE) && !(s->apic_base & APIC_BASE_NONE);
}

/* The same registers seen as MSRs. */
static void sregs_learn_msrs(struct learn *l, const struct tape_part *part)
{
	uint64_t n;

	if (q_field(l->q, part, offsetof(struct kvm_sregs, efer), 8, &n))
		vcpu_msr_learn(l, MSR_EFER, n, UINT64_MAX);
	if (q_field(l->q, part, offsetof(struct kvm_sregs, apic_base), 8, &n))
		vcpu_msr_learn(l, MSR_APICBASE, n, UINT64_MAX);
	if (q_field(l->q, part, offsetof(struct kvm_sregs, fs.base), 8, &n))
		vcpu_msr_learn(l, MSR_FS_BASE, n, UINT64_MAX);
	if (q_field(l->q, part, offsetof(struct kvm_sregs, gs.base), 8, &n))
		vcpu_msr_learn(l, MSR_GS_BASE, n, UINT64_MAX);
}

/* The task priority is both cr8 and a register of the local APIC. */
static void sregs_learn_tpr(struct learn *l, uint64_t cr8)
{
	struct state_block *b = &l->vcpu->blocks[STATE_LAPIC];
	uint8_t tpr = (cr8 & 0xf) << 4;

	if (l->vcpu->has_lapic != STATE_YES || !b->size)
		return;
	state_block_forget_range(b, 0x80, 4);
	if (state_block_set(b, 0x80, &tpr, 1))
		l->oom = -ENOMEM;
	b->mask[0x80] = 0xf0;
}

/* Back ends normalise the attributes of segments, each in its own way. */
static void sregs_forget_odds(struct state_block *b)
{
	const uint32_t type = offsetof(struct kvm_segment, type);

	if (!b->size)
		return;
	for (uint32_t s = 0; s < SEGMENTS; s++)
		state_block_forget_range(b, s * SEGMENT + type, SEGMENT - type);
	state_block_forget_range(b, offsetof(struct kvm_sregs, gdt.padding), 6);
	state_block_forget_range(b, offsetof(struct kvm_sregs, idt.padding), 6);
}

/* The bytes that both forms have; true if all of them are known then. */
static bool sregs_learn_bytes(struct learn *l, const struct tape_part *part)
{
	struct state_vcpu *v = l->vcpu;
	struct sregs_values values;

	l_block_set(l, &v->blocks[STATE_SREGS], part, 0, SREGS_COMMON);
	l_block_set(l, &v->blocks[STATE_SREGS2], part, 0, SREGS_COMMON);
	if (sregs_values(l->q, part, &values) && !q_vcpu_ran(l->q)) {
		sregs_learn_msrs(l, part);
		return true;
	}
	vcpu_msr_forget(l, MSR_EFER);
	vcpu_msr_forget(l, MSR_APICBASE);
	vcpu_msr_forget(l, MSR_FS_BASE);
	vcpu_msr_forget(l, MSR_GS_BASE);
	state_block_forget(&v->blocks[STATE_LAPIC]);
	state_block_forget(&v->blocks[STATE_MP_STATE]);
	v->run_is_newest = false;
	return false;
}

/* Paging outside long mode, as it is given. */
static bool sregs_legacy_paging(const struct question *q)
{
	struct sregs_values given;

	return sregs_values(q, q->in, &given) && !q_vcpu_ran(q) && given.cr0 & CR0_PG &&
	       !(given.efer & EFER_LMA) && q_rule(q, R_SREGS_NO_LEGACY_PAGING) != STATE_NO;
}

/* What a SET gave. */
static void sregs_learn_given(struct learn *l)
{
	struct state_vcpu *v = l->vcpu;
	struct sregs_values old, new;
	bool base_known =
		VCPU_KNOWN(l->q, STATE_SREGS, struct kvm_sregs, apic_base, &old.apic_base);
	bool known = sregs_learn_bytes(l, l->q->in);
	uint64_t cs_base = 0;

	sregs_forget_odds(&v->blocks[STATE_SREGS]);
	sregs_forget_odds(&v->blocks[STATE_SREGS2]);
	if (!known || !sregs_values(l->q, l->q->in, &new))
		return;
	if (sregs_legacy_paging(l->q)) {
		VCPU_FORGET(l, STATE_SREGS, struct kvm_sregs, cr0);
		VCPU_FORGET(l, STATE_SREGS2, struct kvm_sregs, cr0);
	}
	v->run_is_newest = false;
	if (vcpu_apic_base_completed(l->q, new.apic_base)) {
		VCPU_FORGET(l, STATE_SREGS, struct kvm_sregs, apic_base);
		VCPU_FORGET(l, STATE_SREGS2, struct kvm_sregs, apic_base);
		vcpu_msr_forget(l, MSR_APICBASE);
	}
	if (new.cr8 > 15) {
		/* Ignored by kernels, see D-60. */
		VCPU_FORGET(l, STATE_SREGS, struct kvm_sregs, cr8);
		VCPU_FORGET(l, STATE_SREGS2, struct kvm_sregs, cr8);
		vcpu_forget(l, STATE_LAPIC, 0x80, 4);
	} else {
		sregs_learn_tpr(l, new.cr8);
	}
	/* A new mode or base of the local APIC rewrites some of its registers. */
	if (!base_known || old.apic_base != new.apic_base)
		state_block_forget(&v->blocks[STATE_LAPIC]);
	/* The reset vector wakes a processor up. */
	if (q_field(l->q, l->q->in, offsetof(struct kvm_sregs, cs.base), 8, &cs_base) &&
	    cs_base == 0xffff0000)
		state_block_forget(&v->blocks[STATE_MP_STATE]);
}

/* cr8 and apic_base are in struct kvm_run, too, and as the last KVM_RUN left them. */
static bool sregs_in_run(const struct question *q)
{
	return q->vcpu->run_is_newest && !q_vcpu_ran(q) && state_block_known(&q->vcpu->run, 16, 16);
}

/* Which call showed them. */
static void check_run_echo(const struct question *q, struct judge *j)
{
	if (j->out)
		j_promise_echo(j, R_SREGS_APIC_BASE_AS_IN_RUN, &q->vcpu->run, TAPE_RUN_OUT, 16, 16);
}

static void check_legal(const struct question *q, struct judge *j)
{
	struct sregs_values s;

	if (sregs_values(q, j->out, &s))
		j_check(j, R_SREGS_LEGAL, sregs_legal(&s), "a state that a processor can be in",
			"cr0 = 0x%llx, cr4 = 0x%llx, efer = 0x%llx, apic_base = 0x%llx",
			(unsigned long long)s.cr0, (unsigned long long)s.cr4,
			(unsigned long long)s.efer, (unsigned long long)s.apic_base);
}

/* Registers of an OUT struct lack the bits `none`. */
#define A_NO_BITS(a, rule, member, none)                                                    \
	a_bits(a, rule, #member, 0, none, TAPE_ARG_OUT, offsetof(struct kvm_sregs, member), \
	       sizeof(((struct kvm_sregs *)0)->member))

static void answer_legal(struct answer *a)
{
	A_NO_BITS(a, R_SREGS_LEGAL, cr0, CR0_NONE);
	A_NO_BITS(a, R_SREGS_LEGAL, cr4, CR4_NONE);
	A_NO_BITS(a, R_SREGS_LEGAL, efer, EFER_NONE);
	A_NO_BITS(a, R_SREGS_LEGAL, apic_base, APIC_BASE_NONE);
	a_check(a, check_legal);
}

/* A type of four bits, a privilege level of two, and flags; a byte each. */
static void answer_segments(struct answer *a)
{
	const uint64_t flag = 0xfe, type = 0xf0, dpl = 0xfc;

	for (uint32_t s = 0; s < SEGMENTS; s++) {
		a_bits_of(a, R_SREGS_SEGMENT_BITS, "attributes out of bounds of segment", s, 0,
			  type | flag << 8 | dpl << 16 | 0xfefefefefeull << 24, TAPE_ARG_OUT,
			  s * SEGMENT + offsetof(struct kvm_segment, type), 8);
		a_bits_of(a, R_SREGS_SEGMENT_BITS, "unusable out of bounds of segment", s, 0, flag,
			  TAPE_ARG_OUT, s * SEGMENT + offsetof(struct kvm_segment, unusable), 1);
	}
}

/* What is promised of every GET of special registers. */
static void answer_sregs(const struct question *q, struct answer *a)
{
	const struct state_vcpu *v = q->vcpu;

	if (sregs_in_run(q)) {
		A_EQUAL(a, R_SREGS_CR8_AS_IN_RUN, struct kvm_sregs, cr8,
			q_number(q, v->run.value + 16, 8));
		A_EQUAL(a, R_SREGS_APIC_BASE_AS_IN_RUN, struct kvm_sregs, apic_base,
			q_number(q, v->run.value + 24, 8));
		a_check(a, check_run_echo);
	}
	A_NO_BITS(a, R_SREGS_CR8_FOUR_BITS, cr8, ~15ull);
	if (!q_vcpu_ran(q)) {
		if (state_block_known(&v->blocks[STATE_LAPIC], 0x80, 4))
			A_EQUAL(a, R_SREGS_CR8_IS_TPR, struct kvm_sregs, cr8,
				v->blocks[STATE_LAPIC].value[0x80] >> 4);
		a_msr(a, R_SREGS_AS_MSRS, MSR_EFER, TAPE_ARG_OUT, offsetof(struct kvm_sregs, efer));
		a_msr(a, R_SREGS_AS_MSRS, MSR_APICBASE, TAPE_ARG_OUT,
		      offsetof(struct kvm_sregs, apic_base));
		a_msr(a, R_SREGS_AS_MSRS, MSR_FS_BASE, TAPE_ARG_OUT,
		      offsetof(struct kvm_sregs, fs.base));
		a_msr(a, R_SREGS_AS_MSRS, MSR_GS_BASE, TAPE_ARG_OUT,
		      offsetof(struct kvm_sregs, gs.base));
	}
	if (v->fresh && !v->odd_sregs)
		answer_legal(a);
	a_zero(a, R_SREGS_FILLER_ZERO, "gdt.padding", TAPE_ARG_OUT,
	       offsetof(struct kvm_sregs, gdt.padding), 6);
	a_zero(a, R_SREGS_FILLER_ZERO, "idt.padding", TAPE_ARG_OUT,
	       offsetof(struct kvm_sregs, idt.padding), 6);
	if (v->fresh && !v->odd_segments)
		answer_segments(a);
}

static void sregs_note_odd(struct learn *l)
{
	struct sregs_values v;

	if (!vcpu_captured(l->q->in, SREGS_COMMON)) {
		l->vcpu->odd_segments = true;
		return;
	}
	for (uint32_t s = 0; s < SEGMENTS; s++) {
		const uint8_t *seg = l->q->in->data + s * SEGMENT;

		for (uint32_t i = offsetof(struct kvm_segment, type);
		     i < offsetof(struct kvm_segment, padding); i++) {
			uint8_t max = i == offsetof(struct kvm_segment, type)  ? 15
				      : i == offsetof(struct kvm_segment, dpl) ? 3
									       : 1;

			if (seg[i] > max)
				l->vcpu->odd_segments = true;
		}
	}
	if (!sregs_values(l->q, l->q->in, &v) || !sregs_legal(&v))
		l->vcpu->odd_sregs = true;
}

/* Which bit of EFER, that CPUID has to announce, may be why a SET was refused. */
static void answer_why(struct answer *a, const struct sregs_values *given)
{
	static const struct {
		uint8_t bit;
		const char *text;
	} bits[] = {
		{12, "EFER.SVME, of which newer kernels want to see it in CPUID"},
		{13, "EFER.LMSLE, of which newer kernels want to see it in CPUID"},
		{14, "EFER.FFXSR, of which newer kernels want to see it in CPUID"},
		{15, "EFER.TCE, of which newer kernels want to see it in CPUID"},
		{21, "EFER.AUTOIBRS, of which newer kernels want to see it in CPUID"},
	};

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		if (!(given->efer >> bits[i].bit & 1))
			continue;
		a_when_failed_with(a, EINVAL);
		a_silent(a, bits[i].text);
		a_when_end(a);
		return;
	}
}

/* Long mode is given in part, which every kernel refuses. */
static bool sregs_invalid(const struct sregs_values *given, uint64_t l)
{
	if (given->efer & EFER_LME && given->cr0 & CR0_PG)
		return !(given->cr4 & CR4_PAE) || !(given->efer & EFER_LMA);
	return given->efer & EFER_LMA || l;
}

/*
 * Which bits a back end and a CPUID allow is beyond the documents: only what is beyond doubt must
 * succeed.
 */
static bool sregs_plain(const struct question *q, const struct sregs_values *given)
{
	struct sregs_values old;

	if (given->cr0 >> 32 || (given->cr0 & CR0_NW && !(given->cr0 & CR0_CD)) ||
	    (given->cr0 & CR0_PG && !(given->cr0 & CR0_PE)) || given->apic_base & 0x2ff ||
	    given->efer & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX) || given->cr3 >> 32)
		return false;
	if (given->cr4 &&
	    !(VCPU_KNOWN(q, STATE_SREGS, struct kvm_sregs, cr4, &old.cr4) && old.cr4 == given->cr4))
		return false;
	if (given->efer && !(VCPU_KNOWN(q, STATE_SREGS, struct kvm_sregs, efer, &old.efer) &&
			     old.efer == given->efer && q->vcpu->cpuid_set == STATE_NO))
		return false;
	return given->apic_base == 0xfee00900 || given->apic_base == 0xfee00800 ||
	       (VCPU_KNOWN(q, STATE_SREGS, struct kvm_sregs, apic_base, &old.apic_base) &&
		old.apic_base == given->apic_base);
}

/* Whether a SET must, may or must not be refused. */
static void answer_sregs_given(const struct question *q, struct answer *a, uint16_t succeeds)
{
	struct sregs_values given;
	uint64_t l;
	const bool known = sregs_values(q, q->in, &given) && Q_IN(q, struct kvm_sregs, cs.l, &l);
	const bool plain = known && sregs_plain(q, &given);

	if (a_refuse(a, R_SREGS_INVALID, tri_may(known && sregs_invalid(&given, l), !plain)))
		return;
	if (!known) {
		a_may_succeed(a, succeeds, "argument not captured");
		return;
	}
	if (!plain)
		answer_why(a, &given);
	a_succeeds(a, succeeds);
	if (sregs_legacy_paging(q))
		a_hold(a, R_SREGS_NO_LEGACY_PAGING);
}

static void check_one_interrupt(const struct question *q, struct judge *j)
{
	unsigned int bits = 0;
	uint64_t word;

	for (unsigned int i = 0; i < 4; i++) {
		if (!q_field(q, j->out, SREGS_COMMON + 8 * i, 8, &word))
			return;
		bits += (unsigned int)__builtin_popcountll(word);
	}
	j_check(j, R_SREGS_ONE_INTERRUPT, bits <= 1, "at most one bit in interrupt_bitmap",
		"%u bits", bits);
}

/* The mode that EFER as an MSR tells of, where the control registers are not known. */
static void suggest_long_mode(const struct question *q, struct answer *a)
{
	const struct state_entry *efer = state_set_find(&q->vcpu->msrs, MSR_EFER, 0);

	if (!efer || !efer->known || !(efer->value[0] & efer->value[1] & EFER_LMA))
		return;
	A_SUGGEST(a, struct kvm_sregs, cr0, CR0_PE | CR0_PG);
	A_SUGGEST(a, struct kvm_sregs, cr4, CR4_PAE);
}

static void answer_sregs_get(const struct question *q, struct answer *a)
{
	uint64_t injected, nr;

	suggest_long_mode(q, a);
	if (!a_vcpu_get(a, R_SREGS_GET_SUCCEEDS, R_SREGS_SAME, STATE_SREGS,
			sizeof(struct kvm_sregs)))
		return;
	answer_sregs(q, a);
	a_check(a, check_one_interrupt);
	a_constrained(a, R_SREGS_ONE_INTERRUPT, TAPE_ARG_OUT, SREGS_COMMON, 32);
	if (q_vcpu_ran(q) ||
	    !VCPU_KNOWN(q, STATE_EVENTS, struct kvm_vcpu_events, interrupt.injected, &injected) ||
	    !VCPU_KNOWN(q, STATE_EVENTS, struct kvm_vcpu_events, interrupt.nr, &nr))
		return;
	for (unsigned int i = 0; i < 4; i++)
		a_equal(a, R_SREGS_INTERRUPT_AS_EVENTS, "interrupt_bitmap",
			injected && nr / 64 == i ? 1ull << nr % 64 : 0, TAPE_ARG_OUT,
			SREGS_COMMON + 8 * i, 8);
}

static void learn_sregs_get(struct learn *l)
{
	if (l_vcpu_get(l, STATE_SREGS, sizeof(struct kvm_sregs)))
		sregs_learn_bytes(l, l->out);
}

static void answer_sregs_set(const struct question *q, struct answer *a)
{
	if (!a_vcpu_protected(a, R_SREGS_SET_SUCCEEDS))
		answer_sregs_given(q, a, R_SREGS_SET_SUCCEEDS);
}

/* What a SET of either form leaves behind; false: it failed. */
static bool sregs_learn_set(struct learn *l)
{
	if (!l->succeeded) {
		/* A failure may come after a part was set. */
		state_block_forget(&l->vcpu->blocks[STATE_SREGS]);
		state_block_forget(&l->vcpu->blocks[STATE_SREGS2]);
		return false;
	}
	sregs_learn_given(l);
	/* A bit queues an interrupt; no bit does not take one back. */
	VCPU_FORGET(l, STATE_SREGS, struct kvm_sregs, interrupt_bitmap);
	vcpu_forget(l, STATE_SREGS2, SREGS_COMMON, sizeof(struct kvm_sregs2) - SREGS_COMMON);
	return true;
}

static void learn_sregs_set(struct learn *l)
{
	if (l_vcpu_protected(l))
		return;
	sregs_note_odd(l);
	if (sregs_learn_set(l))
		VCPU_FORGET(l, STATE_EVENTS, struct kvm_vcpu_events, interrupt);
}

/* The kernel is too old for both calls of the second form, or says that it has none. */
static bool sregs2_absent(const struct question *q)
{
	return q_changed(q, CHANGE_SREGS2) == STATE_NO || !q_cap(q, KVM_CAP_SREGS2);
}

/* The flag is there with PAE paging outside long mode. */
static void answer_pdptrs_flag(struct answer *a)
{
	const size_t cr0 = offsetof(struct kvm_sregs2, cr0), cr4 = offsetof(struct kvm_sregs2, cr4),
		     efer = offsetof(struct kvm_sregs2, efer);

	a_when_field(a, TAPE_ARG_OUT, cr0, 8, CR0_PG, 0);
	A_EQUAL(a, R_SREGS2_PDPTRS_FLAG, struct kvm_sregs2, flags, 0);
	a_when_end(a);
	a_when_field(a, TAPE_ARG_OUT, cr0, 8, CR0_PG, CR0_PG);
	a_when_field(a, TAPE_ARG_OUT, cr4, 8, CR4_PAE, 0);
	A_EQUAL(a, R_SREGS2_PDPTRS_FLAG, struct kvm_sregs2, flags, 0);
	a_when_end(a);
	a_when_field(a, TAPE_ARG_OUT, cr4, 8, CR4_PAE, CR4_PAE);
	a_when_field(a, TAPE_ARG_OUT, efer, 8, EFER_LMA, EFER_LMA);
	A_EQUAL(a, R_SREGS2_PDPTRS_FLAG, struct kvm_sregs2, flags, 0);
	a_when_end(a);
	a_when_field(a, TAPE_ARG_OUT, efer, 8, EFER_LMA, 0);
	A_EQUAL(a, R_SREGS2_PDPTRS_FLAG, struct kvm_sregs2, flags, KVM_SREGS2_FLAGS_PDPTRS_VALID);
	a_when_end(a);
	a_when_end(a);
	a_when_end(a);
}

static void answer_sregs2_get(const struct question *q, struct answer *a)
{
	if (sregs2_absent(q)) {
		a_must_fail(a, R_UNKNOWN_VCPU_EINVAL);
		return;
	}
	suggest_long_mode(q, a);
	if (!a_vcpu_get(a, R_SREGS2_GET_SUCCEEDS, R_SREGS_SAME, STATE_SREGS2,
			sizeof(struct kvm_sregs2)))
		return;
	answer_sregs(q, a);
	answer_pdptrs_flag(a);
	a_when_field(a, TAPE_ARG_OUT, offsetof(struct kvm_sregs2, flags), 8,
		     KVM_SREGS2_FLAGS_PDPTRS_VALID, 0);
	a_zero(a, R_SREGS_FILLER_ZERO, "pdptrs without the flag", TAPE_ARG_OUT,
	       offsetof(struct kvm_sregs2, pdptrs), 32);
	a_when_end(a);
}

static void learn_sregs2_get(struct learn *l)
{
	uint64_t flags;

	if (sregs2_absent(l->q) || !l_vcpu_get(l, STATE_SREGS2, sizeof(struct kvm_sregs2)))
		return;
	sregs_learn_bytes(l, l->out);
	if (!L_OUT(l, struct kvm_sregs2, flags, &flags))
		return;
	/* The flags follow from the mode, which other calls change; what the page directory holds
	 * is the guest's. */
	VCPU_FORGET(l, STATE_SREGS2, struct kvm_sregs2, flags);
	VCPU_FORGET(l, STATE_SREGS2, struct kvm_sregs2, pdptrs);
}

/* Flags that nobody knows, or PDPTRs for a mode that has none. */
static bool sregs2_flags_invalid(const struct question *q)
{
	struct sregs_values given;
	uint64_t flags;

	if (!Q_IN(q, struct kvm_sregs2, flags, &flags) || !flags)
		return false;
	return flags & ~(uint64_t)KVM_SREGS2_FLAGS_PDPTRS_VALID ||
	       !sregs_values(q, q->in, &given) || !(given.cr0 & CR0_PG) || !(given.cr4 & CR4_PAE) ||
	       given.efer & EFER_LMA;
}

static void answer_sregs2_set(const struct question *q, struct answer *a)
{
	if (sregs2_absent(q))
		a_must_fail(a, R_UNKNOWN_VCPU_EINVAL);
	else if (a_vcpu_protected(a, R_SREGS2_SET_SUCCEEDS))
		return;
	else if (sregs2_flags_invalid(q))
		a_must_fail(a, R_SREGS2_FLAGS_INVALID);
	else
		answer_sregs_given(q, a, R_SREGS2_SET_SUCCEEDS);
}

static void learn_sregs2_set(struct learn *l)
{
	if (sregs2_absent(l->q) || l_vcpu_protected(l))
		return;
	sregs_note_odd(l);
	if (!sregs2_flags_invalid(l->q))
		sregs_learn_set(l);
}

/* --- FPU and extended state: api.rst 4.22, 4.23, 4.42, 4.43, 4.134 --- */

static void answer_fpu_get(const struct question *q, struct answer *a)
{
	(void)q;
	if (!a_vcpu_get(a, R_FPU_GET_SUCCEEDS, R_FPU_SAME, STATE_FPU, sizeof(struct kvm_fpu)))
		return;
	a_zero(a, R_FPU_FILLER_ZERO, "pad1", TAPE_ARG_OUT, offsetof(struct kvm_fpu, pad1), 1);
	a_zero(a, R_FPU_FILLER_ZERO, "mxcsr and pad2", TAPE_ARG_OUT,
	       offsetof(struct kvm_fpu, mxcsr), 8);
}

static void learn_fpu_get(struct learn *l)
{
	l_vcpu_get(l, STATE_FPU, sizeof(struct kvm_fpu));
}

static void answer_fpu_set(const struct question *q, struct answer *a)
{
	(void)q;
	if (!a_vcpu_protected(a, R_FPU_SET_SUCCEEDS))
		a_succeeds(a, R_FPU_SET_SUCCEEDS);
}

static void learn_fpu_set(struct learn *l)
{
	if (l_vcpu_protected(l) || !l->succeeded)
		return;
	l_block_set(l, &l->vcpu->blocks[STATE_FPU], l->q->in, 0, sizeof(struct kvm_fpu));
	VCPU_FORGET(l, STATE_FPU, struct kvm_fpu, pad1);
	/* x86 kernels never carry MXCSR this way. */
	VCPU_FORGET(l, STATE_FPU, struct kvm_fpu, mxcsr);
	VCPU_FORGET(l, STATE_FPU, struct kvm_fpu, pad2);
	state_block_forget(&l->vcpu->blocks[STATE_XSAVE]);
}

/* The XSAVE area, as the processors' manuals lay it out. */
enum {
	XSAVE_FSW = 2, /* behind FCW */
	XSAVE_MXCSR = 24,
	XSAVE_MXCSR_MASK = 28,
	XSAVE_ST = 32,
	XSAVE_XMM = 160,
	XSAVE_SOFTWARE = 416, /* not used, then the software's own bytes */
	XSAVE_HEADER = 512,
	XSAVE_HEADER_REST = 520,
	XSAVE_EXTENDED = 576,
	XSAVE_AVX_SIZE = 256, /* the first component there, on every processor */
};
#define XSAVE_ALL    UINT32_MAX
#define XFEATURE_FP  1ull
#define XFEATURE_SSE 2ull
#define XFEATURE_AVX 4ull

static void when_xstate_lacks(struct answer *a, uint64_t features)
{
	a_when_field(a, TAPE_ARG_OUT, XSAVE_HEADER, 8, features, 0);
}

/* The legacy region of components that XSTATE_BV does not name: FCW and MXCSR have values at reset,
 * the rest is zero. */
static void answer_xsave_legacy(struct answer *a)
{
	when_xstate_lacks(a, XFEATURE_FP);
	a_equal(a, R_XSAVE_INITIAL_LEGACY, "FCW", 0x37f, TAPE_ARG_OUT, 0, XSAVE_FSW);
	a_zero(a, R_XSAVE_INITIAL_LEGACY, "x87 environment", TAPE_ARG_OUT, XSAVE_FSW,
	       XSAVE_MXCSR - XSAVE_FSW);
	a_zero(a, R_XSAVE_INITIAL_LEGACY, "x87 registers", TAPE_ARG_OUT, XSAVE_ST,
	       XSAVE_XMM - XSAVE_ST);
	a_when_end(a);
	when_xstate_lacks(a, XFEATURE_SSE);
	a_zero(a, R_XSAVE_INITIAL_LEGACY, "SSE registers", TAPE_ARG_OUT, XSAVE_XMM,
	       XSAVE_SOFTWARE - XSAVE_XMM);
	a_when_end(a);
	when_xstate_lacks(a, XFEATURE_SSE | XFEATURE_AVX);
	a_equal(a, R_XSAVE_INITIAL_LEGACY, "MXCSR", 0x1f80, TAPE_ARG_OUT, XSAVE_MXCSR, 4);
	a_when_end(a);
}

/*
 * What is not in XSTATE_BV is in its initial state, which is zero beyond the legacy region.  How
 * long the area is, only the kernel knows.
 */
static void check_xsave_rest(const struct question *q, struct judge *j)
{
	uint64_t bv;
	uint32_t from, at;

	if (!q_field(q, j->out, XSAVE_HEADER, 8, &bv) ||
	    bv & ~(XFEATURE_FP | XFEATURE_SSE | XFEATURE_AVX))
		return;
	from = XSAVE_EXTENDED + (bv & XFEATURE_AVX ? XSAVE_AVX_SIZE : 0);
	if (j->out->have <= from)
		return;
	j_promise(j, R_XSAVE_INITIAL, j->out, from, j->out->have - from);
	for (at = from; at < j->out->have && !j->out->data[at];)
		at++;
	j_check(j, R_XSAVE_INITIAL, at == j->out->have,
		"components that XSTATE_BV does not name: zero", "byte %u = 0x%02x", at,
		at < j->out->have ? j->out->data[at] : 0);
}

static void answer_xsave(struct answer *a, uint16_t succeeds)
{
	/* With both, no rule is about the legacy region; without others, the rest is zero. */
	a_suggest_zero(a, TAPE_ARG_OUT, 0, XSAVE_ALL);
	a_suggest(a, TAPE_ARG_OUT, XSAVE_HEADER, 8, XFEATURE_FP | XFEATURE_SSE);
	if (!a_vcpu_get(a, succeeds, R_XSAVE_SAME, STATE_XSAVE, XSAVE_ALL))
		return;
	a_zero(a, R_XSAVE_HEADER_ZERO, "the rest of the header", TAPE_ARG_OUT, XSAVE_HEADER_REST,
	       XSAVE_EXTENDED - XSAVE_HEADER_REST);
	answer_xsave_legacy(a);
	a_check(a, check_xsave_rest);
	a_bits(a, R_XSAVE_HEADER_BITS, "bits 62 and 63 of XSTATE_BV", 0, 3ull << 62, TAPE_ARG_OUT,
	       XSAVE_HEADER, 8);
}

static void learn_xsave(struct learn *l)
{
	uint64_t bv;

	if (l_vcpu_get(l, STATE_XSAVE, XSAVE_ALL) && q_field(l->q, l->out, XSAVE_HEADER, 8, &bv))
		l->vcpu->xfeatures |= bv;
}

/* Only a host whose state is larger than 4096 bytes lets a vCPU have so much. */
static enum state_tri xsave_too_large(const struct question *q)
{
	const int32_t size = q_cap(q, KVM_CAP_XSAVE2);

	if (size == INT32_MIN)
		return STATE_UNKNOWN;
	if (size <= 4096)
		return STATE_NO;
	return q->vcpu->large_xsave ? STATE_YES : STATE_UNKNOWN;
}

static void answer_xsave_get(const struct question *q, struct answer *a)
{
	if (!a_refuse(a, R_XSAVE_TOO_LARGE, xsave_too_large(q)))
		answer_xsave(a, R_XSAVE_GET_SUCCEEDS);
}

static void learn_xsave_get(struct learn *l)
{
	if (xsave_too_large(l->q) != STATE_YES)
		learn_xsave(l);
}

/* Newer kernels have it, whatever the processor has. */
static bool xsave2_absent(const struct question *q)
{
	return q_changed(q, CHANGE_XSAVE2) == STATE_NO;
}

static void answer_xsave2_get(const struct question *q, struct answer *a)
{
	if (xsave2_absent(q))
		a_must_fail(a, R_UNKNOWN_VCPU_EINVAL);
	else
		answer_xsave(a, R_XSAVE2_GET_SUCCEEDS);
}

static void learn_xsave2_get(struct learn *l)
{
	if (!xsave2_absent(l->q))
		learn_xsave(l);
}

/* Nothing in it that a host might refuse. */
static bool xsave_plain(const struct question *q)
{
	const uint64_t known = XFEATURE_FP | XFEATURE_SSE | q->vcpu->xfeatures;
	uint64_t bv, mxcsr;

	if (!vcpu_captured(q->in, XSAVE_EXTENDED) || !q_field(q, q->in, XSAVE_HEADER, 8, &bv) ||
	    !q_field(q, q->in, XSAVE_MXCSR, 4, &mxcsr) || bv & ~known || mxcsr >> 16)
		return false;
	for (uint32_t i = XSAVE_HEADER_REST; i < XSAVE_EXTENDED; i++) {
		if (q->in->data[i])
			return false;
	}
	return true;
}

static void answer_xsave_set(const struct question *q, struct answer *a)
{
	if (a_vcpu_protected(a, R_XSAVE_SET_SUCCEEDS))
		return;
	if (!xsave_plain(q))
		a_may_fail(a, R_XSAVE_INVALID);
	a_succeeds(a, R_XSAVE_SET_SUCCEEDS);
}

static void learn_xsave_set(struct learn *l)
{
	struct state_block *b = &l->vcpu->blocks[STATE_XSAVE];
	uint64_t bv;

	if (l_vcpu_protected(l))
		return;
	state_block_forget(&l->vcpu->blocks[STATE_FPU]);
	if (!l->succeeded) {
		state_block_forget(b);
		return;
	}
	l_block_set(l, b, l->q->in, 0, XSAVE_EXTENDED);
	if (!state_block_known(b, 0, XSAVE_EXTENDED) ||
	    !q_field(l->q, l->q->in, XSAVE_HEADER, 8, &bv))
		return;
	/* A component that is not in XSTATE_BV reads back in its initial state. */
	if (!(bv & XFEATURE_FP)) {
		state_block_forget_range(b, 0, XSAVE_MXCSR);
		state_block_forget_range(b, XSAVE_ST, XSAVE_XMM - XSAVE_ST);
	}
	if (!(bv & (XFEATURE_SSE | XFEATURE_AVX)))
		state_block_forget_range(b, XSAVE_MXCSR, 4);
	if (!(bv & XFEATURE_SSE))
		state_block_forget_range(b, XSAVE_XMM, XSAVE_SOFTWARE - XSAVE_XMM);
	state_block_forget_range(b, XSAVE_MXCSR_MASK, 4);
	state_block_forget_range(b, XSAVE_SOFTWARE, XSAVE_HEADER - XSAVE_SOFTWARE);
	/* Of the header, what concerns every processor. */
	state_block_forget_range(b, XSAVE_HEADER, XSAVE_EXTENDED - XSAVE_HEADER);
	b->mask[XSAVE_HEADER] = XFEATURE_FP | XFEATURE_SSE;
	if (b->size > XSAVE_EXTENDED)
		state_block_forget_range(b, XSAVE_EXTENDED, b->size - XSAVE_EXTENDED);
}

/* --- XCRs: api.rst 4.44, 4.45 --- */

#define XCR0_VALUE offsetof(struct kvm_xcrs, xcrs[0].value)

/* Which components go together: x87 always, AVX with SSE, both of MPX, all of AVX-512 with AVX,
 * both of AMX. */
static bool xcr0_legal(uint64_t xcr0)
{
	const uint64_t avx512 = 7ull << 5, tiles = 3ull << 17;

	return xcr0 & 1 && (!(xcr0 & 4) || xcr0 & 2) && !(xcr0 & 8) == !(xcr0 & 16) &&
	       (!(xcr0 & avx512) || ((xcr0 & avx512) == avx512 && xcr0 & 4)) &&
	       (!(xcr0 & tiles) || (xcr0 & tiles) == tiles);
}

static void check_xcr0(const struct question *q, struct judge *j)
{
	uint64_t value;

	if (q_field(q, j->out, XCR0_VALUE, 8, &value))
		j_check(j, R_XCRS_XCR0_LEGAL, xcr0_legal(value), "an XCR0 that XSETBV would take",
			"XCR0 = 0x%llx", (unsigned long long)value);
}

static void answer_xcrs_get(const struct question *q, struct answer *a)
{
	const size_t count = offsetof(struct kvm_xcrs, nr_xcrs);

	(void)q;
	if (!a_vcpu_get(a, R_XCRS_GET_SUCCEEDS, R_XCRS_SAME, STATE_XCRS, sizeof(struct kvm_xcrs)))
		return;
	a_range(a, R_XCRS_COUNT, "nr_xcrs up to 16", 0, KVM_MAX_XCRS, TAPE_ARG_OUT, count, 4);
	a_bits(a, R_XCRS_ONLY_XCR0, "nr_xcrs beyond 1", 0, ~1ull, TAPE_ARG_OUT, count, 4);
	A_EQUAL(a, R_XCRS_ONLY_XCR0, struct kvm_xcrs, flags, 0);
	A_EQUAL(a, R_XCRS_ONLY_XCR0, struct kvm_xcrs, xcrs[0].xcr, 0);
	a_when_field(a, TAPE_ARG_OUT, count, 4, UINT32_MAX, 1);
	a_bits(a, R_XCRS_XCR0_LEGAL, "x87 in XCR0", 1, 1, TAPE_ARG_OUT, XCR0_VALUE, 8);
	a_check(a, check_xcr0);
	a_when_end(a);
	a_zero(a, R_XCRS_FILLER_ZERO, "xcrs[0].reserved", TAPE_ARG_OUT,
	       offsetof(struct kvm_xcrs, xcrs[0].reserved), 4);
	a_zero(a, R_XCRS_FILLER_ZERO, "the unused rest", TAPE_ARG_OUT,
	       offsetof(struct kvm_xcrs, xcrs[1]),
	       sizeof(struct kvm_xcrs) - offsetof(struct kvm_xcrs, xcrs[1]));
}

static void learn_xcrs_get(struct learn *l)
{
	l_vcpu_get(l, STATE_XCRS, sizeof(struct kvm_xcrs));
}

/* How many XCRs are given, and with which flags; false: not captured. */
static bool xcrs_given(const struct question *q, uint64_t *nr, uint64_t *flags)
{
	return Q_IN(q, struct kvm_xcrs, nr_xcrs, nr) && Q_IN(q, struct kvm_xcrs, flags, flags);
}

/* Where the value of XCR0 stands among `nr` that are given; 0 = it is not one of them. */
static uint32_t xcr0_given(const struct question *q, uint64_t nr, uint64_t *value)
{
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t at = offsetof(struct kvm_xcrs, xcrs) + i * sizeof(struct kvm_xcr);
		uint64_t xcr;

		if (q_field(q, q->in, at, 4, &xcr) && !xcr && q_field(q, q->in, at + 8, 8, value))
			return at + 8;
	}
	return 0;
}

static void answer_xcrs_set(const struct question *q, struct answer *a)
{
	uint64_t nr = 0, flags = 0, value = 1;
	bool known, has_xcr0;

	if (a_vcpu_protected(a, R_XCRS_SET_SUCCEEDS))
		return;
	known = xcrs_given(q, &nr, &flags);
	has_xcr0 = known && nr <= KVM_MAX_XCRS && xcr0_given(q, nr, &value);
	/*
	 * Which components a CPUID allows is not known here, and it may have taken away what is
	 * there: x87 alone is always fine.  A host without XSAVE refuses all of them.
	 */
	if (a_refuse(a, R_XCRS_INVALID,
		     tri_may(known && (nr > KVM_MAX_XCRS || flags ||
				       (has_xcr0 && !xcr0_legal(value))),
			     !known || (has_xcr0 && value != 1) || q_cap(q, KVM_CAP_XCRS) <= 0)))
		return;
	if (known)
		a_succeeds(a, R_XCRS_SET_SUCCEEDS);
	else
		a_may_succeed(a, R_XCRS_SET_SUCCEEDS, "argument not captured");
}

static void learn_xcrs_set(struct learn *l)
{
	struct state_block *b = &l->vcpu->blocks[STATE_XCRS];
	uint64_t nr, flags, value;
	uint32_t at;

	if (l_vcpu_protected(l) || !l->succeeded)
		return;
	if (!xcrs_given(l->q, &nr, &flags)) {
		state_block_forget(b);
		return;
	}
	at = xcr0_given(l->q, nr, &value);
	if (!at || q_vcpu_ran(l->q))
		state_block_forget_range(b, XCR0_VALUE, 8);
	else if (state_block_set(b, XCR0_VALUE, l->q->in->data + at, 8))
		l->oom = -ENOMEM;
}

/* --- debug registers: api.rst 4.33, 4.34 --- */

static void answer_debugregs_get(const struct question *q, struct answer *a)
{
	const uint64_t high = ~0ull << 32;

	(void)q;
	if (!a_vcpu_get(a, R_DEBUGREGS_GET_SUCCEEDS, R_DEBUGREGS_SAME, STATE_DEBUGREGS,
			sizeof(struct kvm_debugregs)))
		return;
	a_zero(a, R_DEBUGREGS_FILLER_ZERO, "flags and reserved", TAPE_ARG_OUT,
	       offsetof(struct kvm_debugregs, flags),
	       sizeof(struct kvm_debugregs) - offsetof(struct kvm_debugregs, flags));
	a_bits(a, R_DEBUGREGS_HIGH_ZERO, "dr6 beyond 32 bits", 0, high, TAPE_ARG_OUT,
	       offsetof(struct kvm_debugregs, dr6), 8);
	a_bits(a, R_DEBUGREGS_HIGH_ZERO, "dr7 beyond 32 bits", 0, high, TAPE_ARG_OUT,
	       offsetof(struct kvm_debugregs, dr7), 8);
}

static void learn_debugregs_get(struct learn *l)
{
	l_vcpu_get(l, STATE_DEBUGREGS, sizeof(struct kvm_debugregs));
}

static void answer_debugregs_set(const struct question *q, struct answer *a)
{
	uint64_t flags, dr6 = 0, dr7 = 0;
	const bool known = Q_IN(q, struct kvm_debugregs, dr6, &dr6) &&
			   Q_IN(q, struct kvm_debugregs, dr7, &dr7);

	if (a_vcpu_protected(a, R_DEBUGREGS_SET_SUCCEEDS))
		return;
	if (a_refuse(a, R_DEBUGREGS_FLAGS_CLEAR,
		     tri_may(Q_IN(q, struct kvm_debugregs, flags, &flags) && flags, !known)) ||
	    a_refuse(a, R_DEBUGREGS_HIGH_INVALID, tri(known && (dr6 >> 32 || dr7 >> 32))))
		return;
	a_succeeds(a, R_DEBUGREGS_SET_SUCCEEDS);
}

static void learn_debugregs_set(struct learn *l)
{
	if (!l_vcpu_protected(l) && l->succeeded)
		l_block_set(l, &l->vcpu->blocks[STATE_DEBUGREGS], l->q->in, 0,
			    offsetof(struct kvm_debugregs, flags));
}

const struct handler model_regs_handlers[] = {
	{"KVM_GET_REGS", KVMAPI_VCPU, .answer = answer_regs_get, .learn = learn_regs_get},
	{"KVM_SET_REGS", KVMAPI_VCPU, .answer = answer_regs_set, .learn = learn_regs_set},
	{"KVM_GET_SREGS", KVMAPI_VCPU, .answer = answer_sregs_get, .learn = learn_sregs_get},
	{"KVM_SET_SREGS", KVMAPI_VCPU, .answer = answer_sregs_set, .learn = learn_sregs_set},
	{"KVM_GET_SREGS2", KVMAPI_VCPU, .answer = answer_sregs2_get, .learn = learn_sregs2_get},
	{"KVM_SET_SREGS2", KVMAPI_VCPU, .answer = answer_sregs2_set, .learn = learn_sregs2_set},
	{"KVM_GET_FPU", KVMAPI_VCPU, .answer = answer_fpu_get, .learn = learn_fpu_get},
	{"KVM_SET_FPU", KVMAPI_VCPU, .answer = answer_fpu_set, .learn = learn_fpu_set},
	{"KVM_GET_XSAVE", KVMAPI_VCPU, .answer = answer_xsave_get, .learn = learn_xsave_get},
	{"KVM_GET_XSAVE2", KVMAPI_VCPU, .answer = answer_xsave2_get, .learn = learn_xsave2_get},
	{"KVM_SET_XSAVE", KVMAPI_VCPU, .answer = answer_xsave_set, .learn = learn_xsave_set},
	{"KVM_GET_XCRS", KVMAPI_VCPU, .answer = answer_xcrs_get, .learn = learn_xcrs_get},
	{"KVM_SET_XCRS", KVMAPI_VCPU, .answer = answer_xcrs_set, .learn = learn_xcrs_set},
	{"KVM_GET_DEBUGREGS", KVMAPI_VCPU, .answer = answer_debugregs_get,
	 .learn = learn_debugregs_get},
	{"KVM_SET_DEBUGREGS", KVMAPI_VCPU, .answer = answer_debugregs_set,
	 .learn = learn_debugregs_set},
	{NULL, 0, .answer = NULL},
};
