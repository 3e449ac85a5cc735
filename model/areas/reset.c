/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a new x86 vCPU holds: AMD64 APM volume 2, table 14-1.  MSRs are in the table of msrs.def.
 */
#include "model/areas/vcpu.h"

#define NUMBER(l, block, type, member, value) \
	vcpu_set_number(l, block, offsetof(type, member), sizeof(((type *)0)->member), value)

static void zero(struct learn *l, enum state_vcpu_block block, uint32_t offset, uint32_t len)
{
	static const uint8_t zeros[256];

	if (state_block_set(&l->vcpu->blocks[block], offset, zeros, len))
		l->oom = -ENOMEM;
}

static void regs(struct learn *l)
{
	zero(l, STATE_REGS, 0, sizeof(struct kvm_regs));
	NUMBER(l, STATE_REGS, struct kvm_regs, rip, 0xfff0);
	NUMBER(l, STATE_REGS, struct kvm_regs, rflags, 2);
	/* Family, model and stepping, of which a vCPU without CPUID has none. */
	if (q_changed(l->q, CHANGE_RESET_RDX) != STATE_YES)
		vcpu_forget(l, STATE_REGS, offsetof(struct kvm_regs, rdx), 8);
	else
		NUMBER(l, STATE_REGS, struct kvm_regs, rdx, 0x600);
}

/* Base, limit and selector; attributes of accessed segments differ by back end. */
static void segment(struct learn *l, enum state_vcpu_block block, uint32_t offset, uint64_t base,
		    uint64_t selector)
{
	vcpu_set_number(l, block, offset + offsetof(struct kvm_segment, base), 8, base);
	vcpu_set_number(l, block, offset + offsetof(struct kvm_segment, limit), 4, 0xffff);
	vcpu_set_number(l, block, offset + offsetof(struct kvm_segment, selector), 2, selector);
}

static void sregs(struct learn *l, enum state_vcpu_block block)
{
	static const uint16_t plain[] = {
		offsetof(struct kvm_sregs, ds),	 offsetof(struct kvm_sregs, es),
		offsetof(struct kvm_sregs, fs),	 offsetof(struct kvm_sregs, gs),
		offsetof(struct kvm_sregs, ss),	 offsetof(struct kvm_sregs, tr),
		offsetof(struct kvm_sregs, ldt),
	};
	static const uint16_t tables[] = {offsetof(struct kvm_sregs, gdt),
					  offsetof(struct kvm_sregs, idt)};

	segment(l, block, offsetof(struct kvm_sregs, cs), 0xffff0000, 0xf000);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		segment(l, block, plain[i], 0, 0);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		vcpu_set_number(l, block, tables[i] + offsetof(struct kvm_dtable, base), 8, 0);
		vcpu_set_number(l, block, tables[i] + offsetof(struct kvm_dtable, limit), 2,
				0xffff);
	}
	NUMBER(l, block, struct kvm_sregs, cr0, 0x60000010);
	NUMBER(l, block, struct kvm_sregs, cr2, 0);
	NUMBER(l, block, struct kvm_sregs, cr3, 0);
	NUMBER(l, block, struct kvm_sregs, cr4, 0);
	NUMBER(l, block, struct kvm_sregs, cr8, 0);
	NUMBER(l, block, struct kvm_sregs, efer, 0);
}

static void debugregs(struct learn *l)
{
	zero(l, STATE_DEBUGREGS, 0, sizeof(struct kvm_debugregs));
	NUMBER(l, STATE_DEBUGREGS, struct kvm_debugregs, dr6, 0xffff0ff0);
	NUMBER(l, STATE_DEBUGREGS, struct kvm_debugregs, dr7, 0x400);
}

/* XCR0 has the x87 state. */
static void xcrs(struct learn *l)
{
	NUMBER(l, STATE_XCRS, struct kvm_xcrs, nr_xcrs, 1);
	NUMBER(l, STATE_XCRS, struct kvm_xcrs, flags, 0);
	NUMBER(l, STATE_XCRS, struct kvm_xcrs, xcrs[0].xcr, 0);
	NUMBER(l, STATE_XCRS, struct kvm_xcrs, xcrs[0].value, 1);
}

/* Nothing is pending, injected or blocked. */
static void events(struct learn *l)
{
	const uint32_t flags = offsetof(struct kvm_vcpu_events, flags),
		       smi = offsetof(struct kvm_vcpu_events, smi);

	zero(l, STATE_EVENTS, 0, flags);
	zero(l, STATE_EVENTS, smi, sizeof(((struct kvm_vcpu_events *)0)->smi));
}

void vcpu_reset(struct learn *l)
{
	static const uint8_t made[] = {STATE_REGS,	STATE_SREGS, STATE_SREGS2,
				       STATE_DEBUGREGS, STATE_XCRS,  STATE_EVENTS};

	if (vcpu_is_protected(l->q))
		return;
	l->vcpu->msrs_reset = true;
	regs(l);
	sregs(l, STATE_SREGS);
	sregs(l, STATE_SREGS2);
	debugregs(l);
	xcrs(l);
	events(l);
	if (l->vcpu->has_lapic == STATE_YES)
		vcpu_lapic_reset(l);
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		l->vcpu->blocks[made[i]].origin = STATE_RESET;
}
