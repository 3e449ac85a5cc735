/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of a vCPU: what SET put in comes back from GET, as far as the documents and all kernels
 * go.
 */
#include <stdio.h>

#include "model/vcpu.h"
#include "model/vm.h"

#define MSR_APICBASE 0x1b
#define MSR_EFER     0xc0000080
#define MSR_FS_BASE  0xc0000100
#define MSR_GS_BASE  0xc0000101

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

/* Bits that no processor has. */
#define CR0_NONE       (~0ull << 32)
#define CR4_NONE       (~0ull << 34)
#define EFER_NONE      (~0ull << 22)
#define APIC_BASE_NONE 0x2ffull

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

static void regs_learn(struct learn *l, const struct tape_part *part, uint32_t offset, bool set)
{
	static const uint8_t none;

	l_block_set(l, &l->vcpu->blocks[STATE_REGS], part, offset, sizeof(struct kvm_regs));
	if (!set)
		return;
	vcpu_flag_set(l->vcpu, VCPU_REGS_WRITTEN, true);
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

static void regs_check_rflags(struct judge *j, uint64_t rflags)
{
	const struct state_block *run = &j->vcpu->run;
	uint32_t if_flag = offsetof(struct kvm_run, if_flag);

	j_check(j, R_REGS_RFLAGS_FIXED, rflags & 2, "rflags with bit 1 set", "rflags = 0x%llx",
		(unsigned long long)rflags);
	j_promise_bits(j, R_REGS_RFLAGS_FIXED, j->out, RFLAGS, 8, 2);
	/* Right after KVM_RUN: nothing else was written to this vCPU meanwhile. */
	if (vcpu_flag(j->vcpu, VCPU_RUN_IS_NEWEST) && !q_vcpu_ran(j->q) &&
	    j->vcpu->has_lapic == STATE_NO && state_block_known(run, if_flag, 1) &&
	    !vcpu_flag(j->vcpu, VCPU_REGS_WRITTEN))
		j_equal(j, R_REGS_IF_AS_IN_RUN, "IF", run->value[if_flag], rflags >> 9 & 1);
}

static void regs_get(struct judge *j)
{
	uint64_t rflags;

	if (!vcpu_get(j, R_REGS_GET_SUCCEEDS, R_REGS_SAME, STATE_REGS, sizeof(struct kvm_regs)))
		return;
	completion_check(j, j->out, 0);
	if (J_OUT(j, struct kvm_regs, rflags, &rflags))
		regs_check_rflags(j, rflags);
}

static void regs_set(struct judge *j)
{
	if (vcpu_protected(j, R_REGS_SET_SUCCEEDS))
		return;
	if (!j_succeeds(j, R_REGS_SET_SUCCEEDS))
		return;
	regs_learn(j->l, j->q->in, 0, true);
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

static bool sregs_values(const struct question *q, const struct tape_part *part, uint32_t at,
			 struct sregs_values *v)
{
	return q_field(q, part, at + offsetof(struct kvm_sregs, cr0), 8, &v->cr0) &&
	       q_field(q, part, at + offsetof(struct kvm_sregs, cr3), 8, &v->cr3) &&
	       q_field(q, part, at + offsetof(struct kvm_sregs, cr4), 8, &v->cr4) &&
	       q_field(q, part, at + offsetof(struct kvm_sregs, cr8), 8, &v->cr8) &&
	       q_field(q, part, at + offsetof(struct kvm_sregs, efer), 8, &v->efer) &&
	       q_field(q, part, at + offsetof(struct kvm_sregs, apic_base), 8, &v->apic_base);
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
static void sregs_learn_msrs(struct learn *l, const struct tape_part *part, uint32_t at)
{
	uint64_t n;

	if (q_field(l->q, part, at + offsetof(struct kvm_sregs, efer), 8, &n))
		vcpu_msr_learn(l, MSR_EFER, n, UINT64_MAX);
	if (q_field(l->q, part, at + offsetof(struct kvm_sregs, apic_base), 8, &n))
		vcpu_msr_learn(l, MSR_APICBASE, n, UINT64_MAX);
	if (q_field(l->q, part, at + offsetof(struct kvm_sregs, fs.base), 8, &n))
		vcpu_msr_learn(l, MSR_FS_BASE, n, UINT64_MAX);
	if (q_field(l->q, part, at + offsetof(struct kvm_sregs, gs.base), 8, &n))
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

static void sregs_learn(struct judge *j, const struct tape_part *part, uint32_t at, bool set)
{
	struct state_vcpu *v = j->vcpu;
	struct state_block *both[] = {&v->blocks[STATE_SREGS], &v->blocks[STATE_SREGS2]};
	struct sregs_values old, new;
	bool base_known =
		VCPU_KNOWN(j->q, STATE_SREGS, struct kvm_sregs, apic_base, &old.apic_base);
	uint64_t cs_base = 0;

	for (unsigned int i = 0; i < 2; i++) {
		struct state_block *b = both[i];

		l_block_set(j->l, b, part, at, SREGS_COMMON);
		if (!set || !b->size)
			continue;
		for (uint32_t s = 0; s < SEGMENTS; s++) {
			/* Back ends normalise the attributes, each in its own way. */
			uint32_t type = s * SEGMENT + offsetof(struct kvm_segment, type);

			state_block_forget_range(b, type,
						 SEGMENT - offsetof(struct kvm_segment, type));
		}
		state_block_forget_range(b, offsetof(struct kvm_sregs, gdt.padding), 6);
		state_block_forget_range(b, offsetof(struct kvm_sregs, idt.padding), 6);
	}
	if (!vcpu_captured(part, at + SREGS_COMMON) || !sregs_values(j->q, part, at, &new) ||
	    q_vcpu_ran(j->q)) {
		vcpu_msr_forget(j->l, MSR_EFER);
		vcpu_msr_forget(j->l, MSR_APICBASE);
		vcpu_msr_forget(j->l, MSR_FS_BASE);
		vcpu_msr_forget(j->l, MSR_GS_BASE);
		state_block_forget(&v->blocks[STATE_LAPIC]);
		state_block_forget(&v->blocks[STATE_MP_STATE]);
		vcpu_flag_set(v, VCPU_RUN_IS_NEWEST, false);
		return;
	}
	sregs_learn_msrs(j->l, part, at);
	if (!set)
		return;
	if (new.cr0 & CR0_PG && !(new.efer &EFER_LMA) && vm_backend_may_be(j->q, "kvm_pvm")) {
		j_hold(j, R_SREGS_NO_LEGACY_PAGING);
		VCPU_FORGET(j->l, STATE_SREGS, struct kvm_sregs, cr0);
		VCPU_FORGET(j->l, STATE_SREGS2, struct kvm_sregs, cr0);
	}
	vcpu_flag_set(v, VCPU_RUN_IS_NEWEST, false);
	if (vcpu_apic_base_completed(j->q, new.apic_base)) {
		VCPU_FORGET(j->l, STATE_SREGS, struct kvm_sregs, apic_base);
		VCPU_FORGET(j->l, STATE_SREGS2, struct kvm_sregs, apic_base);
		vcpu_msr_forget(j->l, MSR_APICBASE);
	}
	if (new.cr8 > 15) {
		/* Ignored by kernels, see D-60. */
		VCPU_FORGET(j->l, STATE_SREGS, struct kvm_sregs, cr8);
		VCPU_FORGET(j->l, STATE_SREGS2, struct kvm_sregs, cr8);
		vcpu_forget(j->l, STATE_LAPIC, 0x80, 4);
	} else {
		sregs_learn_tpr(j->l, new.cr8);
	}
	/* A new mode or base of the local APIC rewrites some of its registers. */
	if (!base_known || old.apic_base != new.apic_base)
		state_block_forget(&v->blocks[STATE_LAPIC]);
	/* The reset vector wakes a processor up. */
	if (q_field(j->q, part, at + offsetof(struct kvm_sregs, cs.base), 8, &cs_base) &&
	    cs_base == 0xffff0000)
		state_block_forget(&v->blocks[STATE_MP_STATE]);
}

/* cr8 and apic_base are in struct kvm_run, too. */
static void sregs_check_run(struct judge *j)
{
	const struct state_block *run = &j->vcpu->run;

	if (!vcpu_flag(j->vcpu, VCPU_RUN_IS_NEWEST) || q_vcpu_ran(j->q) ||
	    !state_block_known(run, 16, 16))
		return;
	J_EQUAL_OUT(j, R_SREGS_CR8_AS_IN_RUN, struct kvm_sregs, cr8,
		    q_number(j->q, run->value + 16, 8));
	J_EQUAL_OUT(j, R_SREGS_APIC_BASE_AS_IN_RUN, struct kvm_sregs, apic_base,
		    q_number(j->q, run->value + 24, 8));
	j_promise_echo(j, R_SREGS_APIC_BASE_AS_IN_RUN, run, TAPE_RUN_OUT, 16, 16);
}

/* What is promised of every GET of special registers. */
static void sregs_check(struct judge *j)
{
	struct state_vcpu *v = j->vcpu;
	const struct tape_part *p = j->out;
	struct sregs_values s;
	uint64_t n;

	sregs_check_run(j);
	if (J_OUT(j, struct kvm_sregs, cr8, &n)) {
		j_check(j, R_SREGS_CR8_FOUR_BITS, n <= 15, "cr8 of 0 to 15", "cr8 = 0x%llx",
			(unsigned long long)n);
		j_promise_bits(j, R_SREGS_CR8_FOUR_BITS, p, offsetof(struct kvm_sregs, cr8), 8,
			       ~15ull);
		if (state_block_known(&v->blocks[STATE_LAPIC], 0x80, 4) && !q_vcpu_ran(j->q))
			J_EQUAL_OUT(j, R_SREGS_CR8_IS_TPR, struct kvm_sregs, cr8,
				    v->blocks[STATE_LAPIC].value[0x80] >> 4);
	}
	if (!q_vcpu_ran(j->q)) {
		vcpu_msr_check(j, R_SREGS_AS_MSRS, MSR_EFER, p, offsetof(struct kvm_sregs, efer));
		vcpu_msr_check(j, R_SREGS_AS_MSRS, MSR_APICBASE, p,
			       offsetof(struct kvm_sregs, apic_base));
		vcpu_msr_check(j, R_SREGS_AS_MSRS, MSR_FS_BASE, p,
			       offsetof(struct kvm_sregs, fs.base));
		vcpu_msr_check(j, R_SREGS_AS_MSRS, MSR_GS_BASE, p,
			       offsetof(struct kvm_sregs, gs.base));
	}
	if (j->vcpu->fresh && !vcpu_flag(v, VCPU_ODD_SREGS) && sregs_values(j->q, p, 0, &s)) {
		j_check(j, R_SREGS_LEGAL, sregs_legal(&s), "a state that a processor can be in",
			"cr0 = 0x%llx, cr4 = 0x%llx, efer = 0x%llx, apic_base = 0x%llx",
			(unsigned long long)s.cr0, (unsigned long long)s.cr4,
			(unsigned long long)s.efer, (unsigned long long)s.apic_base);
		j_promise_bits(j, R_SREGS_LEGAL, p, offsetof(struct kvm_sregs, cr0), 8, CR0_NONE);
		j_promise_bits(j, R_SREGS_LEGAL, p, offsetof(struct kvm_sregs, cr4), 8, CR4_NONE);
		j_promise_bits(j, R_SREGS_LEGAL, p, offsetof(struct kvm_sregs, efer), 8, EFER_NONE);
		j_promise_bits(j, R_SREGS_LEGAL, p, offsetof(struct kvm_sregs, apic_base), 8,
			       APIC_BASE_NONE);
	}
	vcpu_zero(j, R_SREGS_FILLER_ZERO, p, offsetof(struct kvm_sregs, gdt.padding), 6,
		  "gdt.padding");
	vcpu_zero(j, R_SREGS_FILLER_ZERO, p, offsetof(struct kvm_sregs, idt.padding), 6,
		  "idt.padding");
	if (vcpu_flag(v, VCPU_ODD_SEGMENTS) || !v->fresh || !vcpu_captured(p, SREGS_COMMON))
		return;
	for (uint32_t at = 0; at < SEGMENTS; at++) {
		const uint8_t *seg = p->data + at * SEGMENT;
		bool ok = seg[offsetof(struct kvm_segment, type)] <= 15 &&
			  seg[offsetof(struct kvm_segment, dpl)] <= 3;

		for (uint32_t i = offsetof(struct kvm_segment, present);
		     i <= offsetof(struct kvm_segment, unusable); i++)
			ok = ok && (i == offsetof(struct kvm_segment, dpl) || seg[i] <= 1);
		if (!j_check(j, R_SREGS_SEGMENT_BITS, ok, "segment attributes within their bits",
			     "segment %u has one beyond", at))
			break;
	}
}

static void sregs_note_odd(struct learn *l)
{
	struct sregs_values v;

	if (!vcpu_captured(l->q->in, SREGS_COMMON)) {
		vcpu_flag_set(l->vcpu, VCPU_ODD_SEGMENTS, true);
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
				vcpu_flag_set(l->vcpu, VCPU_ODD_SEGMENTS, true);
		}
	}
	if (!sregs_values(l->q, l->q->in, 0, &v) || !sregs_legal(&v))
		vcpu_flag_set(l->vcpu, VCPU_ODD_SREGS, true);
}

/* Which bit of EFER, that CPUID has to announce, may be why a SET was refused. */
static void sregs_say_why(struct judge *j, const struct sregs_values *n)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} bits[] = {{12, "SVME"}, {13, "LMSLE"}, {14, "FFXSR"}, {15, "TCE"}, {21, "AUTOIBRS"}};
	char text[MODEL_TEXT];

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		if (!(n->efer >> bits[i].bit & 1))
			continue;
		snprintf(text, sizeof(text),
			 "EFER.%s, of which newer kernels want to see it in CPUID", bits[i].name);
		j_silent(j, text);
		return;
	}
}

/* Whether a SET must, may or must not be refused; false if everything is said. */
static bool sregs_set_result(struct judge *j, uint16_t succeeds)
{
	struct sregs_values n, old;
	uint64_t l;
	bool invalid, plain;

	if (!sregs_values(j->q, j->q->in, 0, &n) || !Q_IN(j->q, struct kvm_sregs, cs.l, &l)) {
		j_may_fail(j, R_SREGS_INVALID);
		return j_may_succeed(j, succeeds, "argument not captured");
	}
	if (n.efer & EFER_LME && n.cr0 & CR0_PG)
		invalid = !(n.cr4 & CR4_PAE) || !(n.efer & EFER_LMA);
	else
		invalid = n.efer & EFER_LMA || l;
	if (invalid) {
		j_must_fail(j, R_SREGS_INVALID);
		return false;
	}
	/* Which bits a back end and a CPUID allow is beyond the documents: only what is beyond
	 * doubt must succeed. */
	plain = !(n.cr0 >> 32) && (!(n.cr0 & CR0_NW) || n.cr0 & CR0_CD) &&
		(!(n.cr0 & CR0_PG) || n.cr0 & CR0_PE) && !(n.apic_base & 0x2ff) &&
		!(n.efer & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX));
	plain = plain &&
		(!n.cr4 || (VCPU_KNOWN(j->q, STATE_SREGS, struct kvm_sregs, cr4, &old.cr4) &&
			    old.cr4 == n.cr4));
	plain = plain &&
		(!n.efer || (VCPU_KNOWN(j->q, STATE_SREGS, struct kvm_sregs, efer, &old.efer) &&
			     old.efer == n.efer && j->vcpu->cpuid_set == STATE_NO));
	plain = plain &&
		(n.apic_base == 0xfee00900 || n.apic_base == 0xfee00800 ||
		 (VCPU_KNOWN(j->q, STATE_SREGS, struct kvm_sregs, apic_base, &old.apic_base) &&
		  old.apic_base == n.apic_base));
	plain = plain && n.cr3 < 1ull << 32;
	if (!plain)
		j_may_fail(j, R_SREGS_INVALID);
	if (!plain && j->ret->ret == -EINVAL)
		sregs_say_why(j, &n);
	return j_succeeds(j, succeeds);
}

static void sregs_get(struct judge *j)
{
	uint64_t injected, nr;
	unsigned int bits = 0, bit = 0;

	if (!vcpu_get(j, R_SREGS_GET_SUCCEEDS, R_SREGS_SAME, STATE_SREGS, sizeof(struct kvm_sregs)))
		return;
	sregs_check(j);
	sregs_learn(j, j->out, 0, false);
	if (!vcpu_captured(j->out, sizeof(struct kvm_sregs)))
		return;
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t word = q_number(j->q, j->out->data + SREGS_COMMON + 8 * i, 8);

		if (word)
			bit = 64 * i + (unsigned int)__builtin_ctzll(word);
		bits += (unsigned int)__builtin_popcountll(word);
	}
	j_check(j, R_SREGS_ONE_INTERRUPT, bits <= 1, "at most one bit in interrupt_bitmap",
		"%u bits", bits);
	j_constrain(j, R_SREGS_ONE_INTERRUPT, j->out, SREGS_COMMON, 32);
	if (!q_vcpu_ran(j->q) &&
	    VCPU_KNOWN(j->q, STATE_EVENTS, struct kvm_vcpu_events, interrupt.injected, &injected) &&
	    VCPU_KNOWN(j->q, STATE_EVENTS, struct kvm_vcpu_events, interrupt.nr, &nr)) {
		j_promise(j, R_SREGS_INTERRUPT_AS_EVENTS, j->out, SREGS_COMMON, 32);
		j_check(j, R_SREGS_INTERRUPT_AS_EVENTS, injected ? bits == 1 && bit == nr : !bits,
			"the interrupt that KVM_GET_VCPU_EVENTS reports as injected",
			"%u bits, first %u", bits, bit);
	}
}

static void sregs_set(struct judge *j)
{
	if (vcpu_protected(j, R_SREGS_SET_SUCCEEDS))
		return;
	sregs_note_odd(j->l);
	if (!sregs_set_result(j, R_SREGS_SET_SUCCEEDS)) {
		/* A failure may come after a part was set. */
		state_block_forget(&j->vcpu->blocks[STATE_SREGS]);
		state_block_forget(&j->vcpu->blocks[STATE_SREGS2]);
		return;
	}
	sregs_learn(j, j->q->in, 0, true);
	/* A bit queues an interrupt; no bit does not take one back. */
	VCPU_FORGET(j->l, STATE_SREGS, struct kvm_sregs, interrupt_bitmap);
	VCPU_FORGET(j->l, STATE_EVENTS, struct kvm_vcpu_events, interrupt);
	vcpu_forget(j->l, STATE_SREGS2, SREGS_COMMON, sizeof(struct kvm_sregs2) - SREGS_COMMON);
}

static bool sregs_pae(const struct question *q, const struct tape_part *part)
{
	struct sregs_values v;

	return sregs_values(q, part, 0, &v) && v.cr0 & CR0_PG && v.cr4 & CR4_PAE &&
	       !(v.efer & EFER_LMA);
}

/* A kernel that says it has no second form, or did not say it and is one of the older. */
static bool sregs2_absent(struct judge *j)
{
	if (q_cap(j->q, KVM_CAP_SREGS2))
		return false;
	j_must_fail(j, R_UNKNOWN_VCPU_EINVAL);
	return true;
}

/* Both calls came with 5.14. */
static bool sregs2_unknown(struct judge *j)
{
	if (!q_kernel(j->q) || q_kernel(j->q) >= MODEL_KERNEL(5, 14))
		return false;
	j_must_fail(j, R_UNKNOWN_VCPU_EINVAL);
	return true;
}

static void sregs2_get(struct judge *j)
{
	uint64_t flags;

	if (sregs2_unknown(j))
		return;
	if (sregs2_absent(j))
		return;
	if (!vcpu_get(j, R_SREGS2_GET_SUCCEEDS, R_SREGS_SAME, STATE_SREGS2,
		      sizeof(struct kvm_sregs2)))
		return;
	sregs_check(j);
	sregs_learn(j, j->out, 0, false);
	if (!J_OUT(j, struct kvm_sregs2, flags, &flags))
		return;
	J_EQUAL_OUT(j, R_SREGS2_PDPTRS_FLAG, struct kvm_sregs2, flags,
		    sregs_pae(j->q, j->out) ? KVM_SREGS2_FLAGS_PDPTRS_VALID : 0);
	if (!(flags & KVM_SREGS2_FLAGS_PDPTRS_VALID))
		vcpu_zero(j, R_SREGS_FILLER_ZERO, j->out, offsetof(struct kvm_sregs2, pdptrs), 32,
			  "pdptrs without the flag");
	/* The flags follow from the mode, which other calls change; what the page directory holds
	 * is the guest's. */
	VCPU_FORGET(j->l, STATE_SREGS2, struct kvm_sregs2, flags);
	VCPU_FORGET(j->l, STATE_SREGS2, struct kvm_sregs2, pdptrs);
}

static void sregs2_set(struct judge *j)
{
	uint64_t flags;

	if (sregs2_unknown(j))
		return;
	if (sregs2_absent(j) || vcpu_protected(j, R_SREGS2_SET_SUCCEEDS))
		return;
	sregs_note_odd(j->l);
	if (Q_IN(j->q, struct kvm_sregs2, flags, &flags) &&
	    (flags & ~(uint64_t)KVM_SREGS2_FLAGS_PDPTRS_VALID ||
	     (flags && vcpu_captured(j->q->in, SREGS_COMMON) && !sregs_pae(j->q, j->q->in)))) {
		j_must_fail(j, R_SREGS2_FLAGS_INVALID);
		return;
	}
	if (!sregs_set_result(j, R_SREGS2_SET_SUCCEEDS)) {
		state_block_forget(&j->vcpu->blocks[STATE_SREGS]);
		state_block_forget(&j->vcpu->blocks[STATE_SREGS2]);
		return;
	}
	sregs_learn(j, j->q->in, 0, true);
	VCPU_FORGET(j->l, STATE_SREGS, struct kvm_sregs, interrupt_bitmap);
	vcpu_forget(j->l, STATE_SREGS2, SREGS_COMMON, sizeof(struct kvm_sregs2) - SREGS_COMMON);
}

/* --- FPU and extended state: api.rst 4.22, 4.23, 4.42, 4.43, 4.134 --- */

static void fpu_get(struct judge *j)
{
	if (!vcpu_get(j, R_FPU_GET_SUCCEEDS, R_FPU_SAME, STATE_FPU, sizeof(struct kvm_fpu)))
		return;
	vcpu_zero(j, R_FPU_FILLER_ZERO, j->out, offsetof(struct kvm_fpu, pad1), 1, "pad1");
	vcpu_zero(j, R_FPU_FILLER_ZERO, j->out, offsetof(struct kvm_fpu, mxcsr), 8,
		  "mxcsr and pad2");
}

static void fpu_set(struct judge *j)
{
	if (vcpu_protected(j, R_FPU_SET_SUCCEEDS))
		return;
	if (!j_succeeds(j, R_FPU_SET_SUCCEEDS))
		return;
	l_block_set(j->l, &j->vcpu->blocks[STATE_FPU], j->q->in, 0, sizeof(struct kvm_fpu));
	VCPU_FORGET(j->l, STATE_FPU, struct kvm_fpu, pad1);
	/* x86 kernels never carry MXCSR this way. */
	VCPU_FORGET(j->l, STATE_FPU, struct kvm_fpu, mxcsr);
	VCPU_FORGET(j->l, STATE_FPU, struct kvm_fpu, pad2);
	state_block_forget(&j->vcpu->blocks[STATE_XSAVE]);
}

/* The XSAVE area, as the processors' manuals lay it out. */
enum {
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
#define XFEATURE_FP  1ull
#define XFEATURE_SSE 2ull
#define XFEATURE_AVX 4ull

/* The legacy region of components that XSTATE_BV does not name: FCW and MXCSR have values at reset,
 * the rest is zero. */
static void xsave_check_legacy(struct judge *j, uint64_t bv)
{
	static const uint8_t fcw[2] = {0x7f, 0x03}, mxcsr[4] = {0x80, 0x1f};
	const uint8_t *p = j->out->data;

	if (!q_applies(j->q, R_XSAVE_INITIAL_LEGACY))
		return;
	if (!(bv & XFEATURE_FP)) {
		j_check(j, R_XSAVE_INITIAL_LEGACY, !memcmp(p, fcw, sizeof(fcw)), "FCW = 0x37f",
			"FCW = 0x%02x%02x", p[1], p[0]);
		j_promise(j, R_XSAVE_INITIAL_LEGACY, j->out, 0, sizeof(fcw));
		vcpu_zero(j, R_XSAVE_INITIAL_LEGACY, j->out, sizeof(fcw), XSAVE_MXCSR - sizeof(fcw),
			  "x87 environment");
		vcpu_zero(j, R_XSAVE_INITIAL_LEGACY, j->out, XSAVE_ST, XSAVE_XMM - XSAVE_ST,
			  "x87 registers");
	}
	if (!(bv & XFEATURE_SSE))
		vcpu_zero(j, R_XSAVE_INITIAL_LEGACY, j->out, XSAVE_XMM, XSAVE_SOFTWARE - XSAVE_XMM,
			  "SSE registers");
	if (!(bv & (XFEATURE_SSE | XFEATURE_AVX))) {
		j_promise(j, R_XSAVE_INITIAL_LEGACY, j->out, XSAVE_MXCSR, sizeof(mxcsr));
		j_check(j, R_XSAVE_INITIAL_LEGACY, !memcmp(p + XSAVE_MXCSR, mxcsr, sizeof(mxcsr)),
			"MXCSR = 0x1f80", "MXCSR = 0x%02x%02x", p[XSAVE_MXCSR + 1], p[XSAVE_MXCSR]);
	}
}

static void xsave_judge_get(struct judge *j, uint16_t succeeds)
{
	uint64_t bv;

	if (vcpu_protected(j, succeeds))
		return;
	if (!j_succeeds(j, succeeds) || !j->out)
		return;
	j_block_get(j, R_XSAVE_SAME, &j->vcpu->blocks[STATE_XSAVE], j->out, 0, j->out->have);
	if (!q_field(j->q, j->out, XSAVE_HEADER, 8, &bv))
		return;
	j->vcpu->scratch[VCPU_XFEATURES] |= bv;
	vcpu_zero(j, R_XSAVE_HEADER_ZERO, j->out, XSAVE_HEADER_REST,
		  XSAVE_EXTENDED - XSAVE_HEADER_REST, "the rest of the header");
	xsave_check_legacy(j, bv);
	/* What is not in XSTATE_BV is in its initial state, which is zero beyond the legacy region.
	 */
	if (!(bv & ~(XFEATURE_FP | XFEATURE_SSE | XFEATURE_AVX))) {
		uint32_t from = XSAVE_EXTENDED + (bv & XFEATURE_AVX ? XSAVE_AVX_SIZE : 0);

		if (j->out->have > from)
			vcpu_zero(j, R_XSAVE_INITIAL, j->out, from, j->out->have - from,
				  "components that XSTATE_BV does not name");
	}
	j_promise_bits(j, R_XSAVE_HEADER_BITS, j->out, XSAVE_HEADER, 8, 3ull << 62);
	j_check(j, R_XSAVE_HEADER_BITS, !(bv >> 62), "XSTATE_BV without bits 62 and 63",
		"XSTATE_BV = 0x%llx", (unsigned long long)bv);
}

static void xsave_get(struct judge *j)
{
	if (vcpu_flag(j->vcpu, VCPU_LARGE_XSAVE) && q_cap(j->q, KVM_CAP_XSAVE2) > 4096) {
		j_must_fail(j, R_XSAVE_TOO_LARGE);
		return;
	}
	if (q_cap(j->q, KVM_CAP_XSAVE2) > 4096 || q_cap(j->q, KVM_CAP_XSAVE2) == INT32_MIN)
		j_may_fail(j, R_XSAVE_TOO_LARGE);
	xsave_judge_get(j, R_XSAVE_GET_SUCCEEDS);
}

static void xsave2_get(struct judge *j)
{
	/* Since 5.17, whatever the processor has. */
	if (q_kernel(j->q) && q_kernel(j->q) < MODEL_KERNEL(5, 17)) {
		j_must_fail(j, R_UNKNOWN_VCPU_EINVAL);
		return;
	}
	xsave_judge_get(j, R_XSAVE2_GET_SUCCEEDS);
}

static void xsave_set(struct judge *j)
{
	struct state_block *b = &j->vcpu->blocks[STATE_XSAVE];
	uint64_t bv = 0, mxcsr = 0;
	bool plain = q_field(j->q, j->q->in, XSAVE_HEADER, 8, &bv) &&
		     q_field(j->q, j->q->in, XSAVE_MXCSR, 4, &mxcsr) &&
		     vcpu_captured(j->q->in, XSAVE_EXTENDED);
	uint64_t known = XFEATURE_FP | XFEATURE_SSE | j->vcpu->scratch[VCPU_XFEATURES];

	if (vcpu_protected(j, R_XSAVE_SET_SUCCEEDS))
		return;
	for (uint32_t i = XSAVE_HEADER_REST; plain && i < XSAVE_EXTENDED; i++)
		plain = !j->q->in->data[i];
	if (!plain || bv & ~known || mxcsr >> 16)
		j_may_fail(j, R_XSAVE_INVALID);
	state_block_forget(&j->vcpu->blocks[STATE_FPU]);
	if (!j_succeeds(j, R_XSAVE_SET_SUCCEEDS)) {
		state_block_forget(b);
		return;
	}
	l_block_set(j->l, b, j->q->in, 0, XSAVE_EXTENDED);
	if (!state_block_known(b, 0, XSAVE_EXTENDED))
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

static void xcrs_get(struct judge *j)
{
	uint64_t nr, flags, xcr, value;

	if (!vcpu_get(j, R_XCRS_GET_SUCCEEDS, R_XCRS_SAME, STATE_XCRS, sizeof(struct kvm_xcrs)))
		return;
	if (!J_OUT(j, struct kvm_xcrs, nr_xcrs, &nr) || !J_OUT(j, struct kvm_xcrs, flags, &flags) ||
	    !q_field(j->q, j->out, offsetof(struct kvm_xcrs, xcrs[0].xcr), 4, &xcr) ||
	    !q_field(j->q, j->out, XCR0_VALUE, 8, &value))
		return;
	j_promise_bits(j, R_XCRS_ONLY_XCR0, j->out, offsetof(struct kvm_xcrs, nr_xcrs), 4, ~1ull);
	j_promise(j, R_XCRS_ONLY_XCR0, j->out, offsetof(struct kvm_xcrs, flags), 4);
	j_promise(j, R_XCRS_ONLY_XCR0, j->out, offsetof(struct kvm_xcrs, xcrs[0].xcr), 4);
	j_check(j, R_XCRS_COUNT, nr <= KVM_MAX_XCRS, "nr_xcrs up to 16", "nr_xcrs = %llu",
		(unsigned long long)nr);
	j_check(j, R_XCRS_ONLY_XCR0, nr <= 1 && !flags && !xcr, "XCR0 alone, no flags",
		"nr_xcrs = %llu, flags = 0x%llx, xcr = 0x%llx", (unsigned long long)nr,
		(unsigned long long)flags, (unsigned long long)xcr);
	if (nr == 1) {
		j_promise_bits(j, R_XCRS_XCR0_LEGAL, j->out, XCR0_VALUE, 8, 1);
		j_check(j, R_XCRS_XCR0_LEGAL, xcr0_legal(value), "an XCR0 that XSETBV would take",
			"XCR0 = 0x%llx", (unsigned long long)value);
	}
	vcpu_zero(j, R_XCRS_FILLER_ZERO, j->out, offsetof(struct kvm_xcrs, xcrs[0].reserved), 4,
		  "xcrs[0].reserved");
	vcpu_zero(j, R_XCRS_FILLER_ZERO, j->out, offsetof(struct kvm_xcrs, xcrs[1]),
		  sizeof(struct kvm_xcrs) - offsetof(struct kvm_xcrs, xcrs[1]), "the unused rest");
}

static void xcrs_set(struct judge *j)
{
	struct state_block *b = &j->vcpu->blocks[STATE_XCRS];
	uint64_t nr, flags, value = 0;
	bool has_xcr0 = false;

	if (vcpu_protected(j, R_XCRS_SET_SUCCEEDS))
		return;
	if (!Q_IN(j->q, struct kvm_xcrs, nr_xcrs, &nr) ||
	    !Q_IN(j->q, struct kvm_xcrs, flags, &flags)) {
		j_may_fail(j, R_XCRS_INVALID);
		if (j_may_succeed(j, R_XCRS_SET_SUCCEEDS, "argument not captured"))
			state_block_forget(b);
		return;
	}
	if (nr > KVM_MAX_XCRS || flags) {
		j_must_fail(j, R_XCRS_INVALID);
		return;
	}
	for (uint32_t i = 0; i < nr && !has_xcr0; i++) {
		uint32_t at = offsetof(struct kvm_xcrs, xcrs) + i * sizeof(struct kvm_xcr);
		uint64_t xcr;

		has_xcr0 = q_field(j->q, j->q->in, at, 4, &xcr) && !xcr &&
			   q_field(j->q, j->q->in, at + 8, 8, &value);
	}
	if (has_xcr0 && !xcr0_legal(value)) {
		j_must_fail(j, R_XCRS_INVALID);
		return;
	}
	/* Which components a CPUID allows is not known here, and it may have taken away what is
	 * there: x87 alone is always fine. */
	if (has_xcr0 && value != 1)
		j_may_fail(j, R_XCRS_INVALID);
	/* A host without XSAVE refuses all of them. */
	if (q_cap(j->q, KVM_CAP_XCRS) <= 0)
		j_may_fail(j, R_XCRS_INVALID);
	if (!j_succeeds(j, R_XCRS_SET_SUCCEEDS))
		return;
	if (!has_xcr0 || q_vcpu_ran(j->q)) {
		state_block_forget_range(b, XCR0_VALUE, 8);
		return;
	}
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t at = offsetof(struct kvm_xcrs, xcrs) + i * sizeof(struct kvm_xcr);
		uint64_t xcr = 1;

		if (q_field(j->q, j->q->in, at, 4, &xcr) && !xcr) {
			if (state_block_set(b, XCR0_VALUE, j->q->in->data + at + 8, 8))
				j->oom = -ENOMEM;
			break;
		}
	}
}

/* --- debug registers: api.rst 4.33, 4.34 --- */

static void debugregs_get(struct judge *j)
{
	uint64_t dr6, dr7;

	if (!vcpu_get(j, R_DEBUGREGS_GET_SUCCEEDS, R_DEBUGREGS_SAME, STATE_DEBUGREGS,
		      sizeof(struct kvm_debugregs)))
		return;
	vcpu_zero(j, R_DEBUGREGS_FILLER_ZERO, j->out, offsetof(struct kvm_debugregs, flags),
		  sizeof(struct kvm_debugregs) - offsetof(struct kvm_debugregs, flags),
		  "flags and reserved");
	if (J_OUT(j, struct kvm_debugregs, dr6, &dr6) &&
	    J_OUT(j, struct kvm_debugregs, dr7, &dr7)) {
		j_promise_bits(j, R_DEBUGREGS_HIGH_ZERO, j->out,
			       offsetof(struct kvm_debugregs, dr6), 8, ~0ull << 32);
		j_promise_bits(j, R_DEBUGREGS_HIGH_ZERO, j->out,
			       offsetof(struct kvm_debugregs, dr7), 8, ~0ull << 32);
		j_check(j, R_DEBUGREGS_HIGH_ZERO, !(dr6 >> 32) && !(dr7 >> 32),
			"dr6 and dr7 of 32 bits", "dr6 = 0x%llx, dr7 = 0x%llx",
			(unsigned long long)dr6, (unsigned long long)dr7);
	}
}

static void debugregs_set(struct judge *j)
{
	uint64_t flags, dr6, dr7;

	if (vcpu_protected(j, R_DEBUGREGS_SET_SUCCEEDS))
		return;
	if (Q_IN(j->q, struct kvm_debugregs, flags, &flags) && flags) {
		j_must_fail(j, R_DEBUGREGS_FLAGS_CLEAR);
		return;
	}
	if (Q_IN(j->q, struct kvm_debugregs, dr6, &dr6) &&
	    Q_IN(j->q, struct kvm_debugregs, dr7, &dr7)) {
		if (dr6 >> 32 || dr7 >> 32) {
			j_must_fail(j, R_DEBUGREGS_HIGH_INVALID);
			return;
		}
	} else {
		j_may_fail(j, R_DEBUGREGS_FLAGS_CLEAR);
	}
	if (!j_succeeds(j, R_DEBUGREGS_SET_SUCCEEDS))
		return;
	l_block_set(j->l, &j->vcpu->blocks[STATE_DEBUGREGS], j->q->in, 0,
		    offsetof(struct kvm_debugregs, flags));
}

const struct judge_handler model_regs_handlers[] = {
	{"KVM_GET_REGS", KVMAPI_VCPU, .judge = regs_get},
	{"KVM_SET_REGS", KVMAPI_VCPU, .judge = regs_set},
	{"KVM_GET_SREGS", KVMAPI_VCPU, .judge = sregs_get},
	{"KVM_SET_SREGS", KVMAPI_VCPU, .judge = sregs_set},
	{"KVM_GET_SREGS2", KVMAPI_VCPU, .judge = sregs2_get},
	{"KVM_SET_SREGS2", KVMAPI_VCPU, .judge = sregs2_set},
	{"KVM_GET_FPU", KVMAPI_VCPU, .judge = fpu_get},
	{"KVM_SET_FPU", KVMAPI_VCPU, .judge = fpu_set},
	{"KVM_GET_XSAVE", KVMAPI_VCPU, .judge = xsave_get},
	{"KVM_GET_XSAVE2", KVMAPI_VCPU, .judge = xsave2_get},
	{"KVM_SET_XSAVE", KVMAPI_VCPU, .judge = xsave_set},
	{"KVM_GET_XCRS", KVMAPI_VCPU, .judge = xcrs_get},
	{"KVM_SET_XCRS", KVMAPI_VCPU, .judge = xcrs_set},
	{"KVM_GET_DEBUGREGS", KVMAPI_VCPU, .judge = debugregs_get},
	{"KVM_SET_DEBUGREGS", KVMAPI_VCPU, .judge = debugregs_set},
	{NULL, 0, .judge = NULL},
};
