/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local APIC of a vCPU: api.rst 4.57, 4.58, and what has no section there:
 * KVM_TPR_ACCESS_REPORTING and KVM_SET_VAPIC_ADDR.
 */
#include "model/areas/vcpu.h"
#include "model/areas/vm.h"

/* Registers, by their offset in the processors' manuals. */
enum {
	APIC_ID = 0x20,
	APIC_VERSION = 0x30,
	APIC_TPR = 0x80,
	APIC_PPR = 0xa0,
	APIC_LDR = 0xd0,
	APIC_DFR = 0xe0,
	APIC_SPURIOUS = 0xf0,
	APIC_ISR = 0x100, /* eight each of in-service, trigger mode, request */
	APIC_ESR = 0x280,
	APIC_CMCI = 0x2f0,
	APIC_ICR = 0x300,
	APIC_ICR2 = 0x310,
	APIC_LVT_TIMER = 0x320, /* the first of six entries */
	APIC_LVT_LINT0 = 0x350,
	APIC_LVT_ERROR = 0x370,
	APIC_TIMER_INITIAL = 0x380,
	APIC_TIMER_CURRENT = 0x390,
	APIC_TIMER_DIVIDE = 0x3e0,
	APIC_STEP = 0x10,
};

/* What time, other vCPUs and devices change, or the kernel computes. */
static void forget_moving(struct learn *l)
{
	vcpu_forget(l, STATE_LAPIC, APIC_ID, 2 * APIC_STEP);
	vcpu_forget(l, STATE_LAPIC, APIC_PPR, APIC_STEP);
	vcpu_forget(l, STATE_LAPIC, APIC_ISR, APIC_ESR + APIC_STEP - APIC_ISR);
	vcpu_forget(l, STATE_LAPIC, APIC_TIMER_CURRENT, APIC_STEP);
}

/* No local APIC in the kernel, no access. */
static enum state_tri no_lapic(const struct question *q)
{
	return tri_not(q->vcpu->has_lapic);
}

/* Registers have four bytes of every sixteen, and some numbers are not in use. */
static bool no_register(uint32_t at)
{
	uint32_t reg = at & ~(APIC_STEP - 1u);
	bool unused = reg < APIC_ID || (reg > APIC_VERSION && reg < APIC_TPR) ||
		      (reg > APIC_ESR && reg < APIC_CMCI) ||
		      (reg > APIC_TIMER_CURRENT && reg < APIC_TIMER_DIVIDE);

	/* A local APIC of 64 bits keeps the command register in one piece. */
	return unused || (at % APIC_STEP >= 4 && reg != APIC_ICR);
}

/* A byte is not zero although no register is there. */
static bool odd_byte(const uint8_t *regs)
{
	for (uint32_t at = 0; at < KVM_APIC_REG_SIZE; at++) {
		if (regs[at] && no_register(at))
			return true;
	}
	return false;
}

/* Nobody wrote the id: in either mode it is the vCPU's (with 32-bit ids it is elsewhere). */
static void answer_id(const struct question *q, struct answer *a)
{
	const struct state_vcpu *v = q->vcpu;
	uint64_t arg;

	if (v->fresh && v->number <= 254 && v->has_run == STATE_NO && !q_vcpu_ran(q) &&
	    !v->lapic_given && vm_cap_enabled(q->vm, KVM_CAP_X2APIC_API, &arg) == STATE_NO)
		a_equal(a, R_LAPIC_ID, "id", v->number << 24, TAPE_ARG_OUT, APIC_ID, 4);
}

/* Runs of bytes without a register; behind most of the registers twelve. */
static void answer_between(struct answer *a)
{
	for (uint32_t reg = 0; reg < KVM_APIC_REG_SIZE; reg += APIC_STEP) {
		uint32_t from = no_register(reg) ? reg : reg + 4;

		if (no_register(from))
			a_zero(a, R_LAPIC_BETWEEN_ZERO, "where there is no register", TAPE_ARG_OUT,
			       from, reg + APIC_STEP - from);
	}
}

static void answer_lapic_get(const struct question *q, struct answer *a)
{
	uint64_t cr8;

	if (a_refuse(a, R_LAPIC_NEEDS_IRQCHIP, no_lapic(q)) ||
	    !a_vcpu_get(a, R_LAPIC_GET_SUCCEEDS, R_LAPIC_SAME, STATE_LAPIC, KVM_APIC_REG_SIZE))
		return;
	answer_id(q, a);
	if (!q_vcpu_ran(q) && VCPU_KNOWN(q, STATE_SREGS2, struct kvm_sregs, cr8, &cr8))
		a_bits(a, R_LAPIC_TPR_IS_CR8, "class of the task priority", cr8 << 4, ~15ull,
		       TAPE_ARG_OUT, APIC_TPR, 1);
	/* Version 0x10 to 0x15 is what an integrated APIC says, whatever it can do besides. */
	a_bits(a, R_LAPIC_VERSION, "version of an integrated APIC", 0x10, 0xf0, TAPE_ARG_OUT,
	       APIC_VERSION, 1);
	if (!q->vcpu->odd_lapic && q->vcpu->fresh)
		answer_between(a);
}

static void settle_lapic_get(struct learn *l)
{
	if (no_lapic(l->q) != STATE_YES)
		vcpu_forget_async(l);
}

static void learn_lapic_get(struct learn *l)
{
	if (no_lapic(l->q) == STATE_YES || !l_vcpu_get(l, STATE_LAPIC, KVM_APIC_REG_SIZE))
		return;
	l->vcpu->has_lapic = STATE_YES;
	forget_moving(l);
}

static void answer_lapic_set(const struct question *q, struct answer *a)
{
	uint64_t arg;

	if (a_refuse(a, R_LAPIC_NEEDS_IRQCHIP, no_lapic(q)))
		return;
	/* With 32-bit ids, an id that is not the vCPU's is refused. */
	if (vm_cap_enabled(q->vm, KVM_CAP_X2APIC_API, &arg) != STATE_NO)
		a_may_fail(a, R_LAPIC_SET_ID);
	a_succeeds(a, R_LAPIC_SET_SUCCEEDS);
}

static void learn_lapic_set(struct learn *l)
{
	struct state_block *b = &l->vcpu->blocks[STATE_LAPIC];
	uint64_t base;

	if (no_lapic(l->q) == STATE_YES)
		return;
	l->vcpu->lapic_given = true;
	if (!l->succeeded) {
		state_block_forget(b);
		return;
	}
	l->vcpu->has_lapic = STATE_YES;
	if (!vcpu_captured(l->q->in, KVM_APIC_REG_SIZE) || odd_byte(l->q->in->data))
		l->vcpu->odd_lapic = true;
	l_block_set(l, b, l->q->in, 0, KVM_APIC_REG_SIZE);
	/* The task priority is cr8, too. */
	VCPU_FORGET(l, STATE_SREGS, struct kvm_sregs, cr8);
	VCPU_FORGET(l, STATE_SREGS2, struct kvm_sregs, cr8);
	l->vcpu->run_is_newest = false;
	forget_moving(l);
	/* A change of the timer's mode clears its count. */
	vcpu_forget(l, STATE_LAPIC, APIC_TIMER_INITIAL, APIC_STEP);
	/* In x2APIC mode these are computed. */
	if (!VCPU_KNOWN(l->q, STATE_SREGS, struct kvm_sregs, apic_base, &base) || base & 1u << 10) {
		vcpu_forget(l, STATE_LAPIC, APIC_LDR, APIC_STEP);
		vcpu_forget(l, STATE_LAPIC, APIC_ICR, 2 * APIC_STEP);
	}
}

/* --- the same registers as MSRs, and at first --- */

/* It only holds what is written, or what the reset left. */
static bool plain_register(uint32_t reg)
{
	return reg == APIC_TPR || reg == APIC_SPURIOUS || reg == APIC_TIMER_DIVIDE ||
	       (reg >= APIC_LVT_TIMER && reg <= APIC_LVT_ERROR);
}

void a_lapic_register(struct answer *a, uint32_t reg, uint32_t index, size_t offset)
{
	const struct state_block *b = &a->q->vcpu->blocks[STATE_LAPIC];

	if (plain_register(reg) && state_block_known(b, reg, 4))
		a_bits_of(a, R_MSRS_X2APIC_PAGE, "MSR", index, q_number(a->q, b->value + reg, 4),
			  UINT64_MAX, TAPE_ARG_OUT, offset, 8);
}

void vcpu_lapic_written(struct learn *l, uint32_t reg, uint64_t data)
{
	static const uint8_t sregs[] = {STATE_SREGS, STATE_SREGS2};

	if (!plain_register(reg) || reg == APIC_SPURIOUS)
		state_block_forget(&l->vcpu->blocks[STATE_LAPIC]);
	else
		vcpu_forget(l, STATE_LAPIC, reg, 4);
	if (reg != APIC_TPR)
		return;
	l->vcpu->run_is_newest = false;
	vcpu_forget(l, STATE_LAPIC, APIC_PPR, APIC_STEP);
	for (size_t i = 0; i < sizeof(sregs) / sizeof(sregs[0]); i++) {
		if (q_vcpu_ran(l->q))
			VCPU_FORGET(l, sregs[i], struct kvm_sregs, cr8);
		else
			vcpu_set_number(l, sregs[i], offsetof(struct kvm_sregs, cr8), 8,
					data >> 4 & 0xf);
	}
	if (!q_vcpu_ran(l->q))
		vcpu_set_number(l, STATE_LAPIC, APIC_TPR, 4, data & 0xff);
}

void vcpu_lapic_reset(struct learn *l)
{
	static const struct {
		uint16_t reg;
		uint32_t value;
	} values[] = {
		{APIC_TPR, 0}, {APIC_LDR, 0},  {APIC_DFR, UINT32_MAX},	{APIC_SPURIOUS, 0xff},
		{APIC_ICR, 0}, {APIC_ICR2, 0}, {APIC_TIMER_INITIAL, 0}, {APIC_TIMER_DIVIDE, 0},
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		vcpu_set_number(l, STATE_LAPIC, values[i].reg, 4, values[i].value);
	for (uint32_t reg = APIC_LVT_TIMER; reg <= APIC_LVT_ERROR; reg += APIC_STEP) {
		/* Of the boot processor KVM connects it to the PIC, unless a quirk is disabled. */
		if (reg != APIC_LVT_LINT0)
			vcpu_set_number(l, STATE_LAPIC, reg, 4, 0x10000);
	}
	l->vcpu->blocks[STATE_LAPIC].origin = STATE_RESET;
}

static void answer_tpr_reporting(const struct question *q, struct answer *a)
{
	uint64_t flags;

	if (a_refuse(a, R_TPR_REPORTING_FLAGS,
		     Q_IN(q, struct kvm_tpr_access_ctl, flags, &flags) ? tri(flags)
								       : STATE_UNKNOWN))
		return;
	a_succeeds(a, R_TPR_REPORTING_SUCCEEDS);
	a_kept(a, R_TPR_REPORTING_STAYS, "the argument", 0, sizeof(struct kvm_tpr_access_ctl));
}

static void learn_tpr_reporting(struct learn *l)
{
	uint64_t enabled;

	if (l->succeeded && (!Q_IN(l->q, struct kvm_tpr_access_ctl, enabled, &enabled) || enabled))
		l->vcpu->tpr_reported = true;
}

/* How many of the four bytes at this address are guest memory that can be written. */
static unsigned int bytes_in_slots(const struct question *q, uint64_t gpa)
{
	unsigned int bytes = 0;

	for (uint32_t i = 0; i < q->vm->slots.count; i++) {
		const struct state_entry *e = &q->vm->slots.entries[i];

		if (e->key >> 16 || e->value[3] & KVM_MEM_READONLY)
			continue;
		for (uint64_t at = gpa; at - gpa < 4; at++)
			bytes += at - e->value[0] < e->value[1];
	}
	return bytes;
}

/* Kernels have slots of their own up here: the APIC's page, pages for real mode. */
#define KERNEL_SLOTS 0xf0000000ull

static void answer_vapic_addr(const struct question *q, struct answer *a)
{
	uint64_t addr;
	bool known = Q_IN(q, struct kvm_vapic_addr, vapic_addr, &addr);
	unsigned int bytes;

	if (a_refuse(a, R_VAPIC_NEEDS_IRQCHIP, no_lapic(q)))
		return;
	bytes = known && addr ? bytes_in_slots(q, addr) : 0;
	if (a_refuse(a, R_VAPIC_NOT_MEMORY,
		     tri_may(known && addr && !bytes && addr < KERNEL_SLOTS && !q->vm->slots.open,
			     !known || (addr && bytes != 4))))
		return;
	a_succeeds(a, R_VAPIC_SUCCEEDS);
}

const struct handler model_lapic_handlers[] = {
	{"KVM_GET_LAPIC", KVMAPI_VCPU, .settle = settle_lapic_get, .answer = answer_lapic_get,
	 .learn = learn_lapic_get},
	{"KVM_SET_LAPIC", KVMAPI_VCPU, .answer = answer_lapic_set, .learn = learn_lapic_set},
	{"KVM_TPR_ACCESS_REPORTING", KVMAPI_VCPU, .answer = answer_tpr_reporting,
	 .learn = learn_tpr_reporting},
	{"KVM_SET_VAPIC_ADDR", KVMAPI_VCPU, .answer = answer_vapic_addr},
	{NULL, 0, .answer = NULL},
};
