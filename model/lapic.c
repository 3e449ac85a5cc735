/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local APIC of a vCPU: api.rst 4.57, 4.58, and what has no section there:
 * KVM_TPR_ACCESS_REPORTING and KVM_SET_VAPIC_ADDR.
 */
#include "model/vcpu.h"
#include "model/vm.h"

/* Registers, by their offset in the processors' manuals. */
enum {
	APIC_ID = 0x20,
	APIC_VERSION = 0x30,
	APIC_TPR = 0x80,
	APIC_PPR = 0xa0,
	APIC_LDR = 0xd0,
	APIC_ISR = 0x100, /* eight each of in-service, trigger mode, request */
	APIC_ESR = 0x280,
	APIC_CMCI = 0x2f0,
	APIC_ICR = 0x300,
	APIC_ICR2 = 0x310,
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

/* No local APIC in the kernel, no access. False if everything is said. */
static bool needs_lapic(struct judge *j, uint16_t rule)
{
	return !j_refuse(j, rule, tri_not(j->vcpu->has_lapic));
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

/* A byte that is not zero although no register is there, -1 = none. */
static int32_t odd_byte(const uint8_t *regs)
{
	for (uint32_t at = 0; at < KVM_APIC_REG_SIZE; at++) {
		if (regs[at] && no_register(at))
			return at;
	}
	return -1;
}

/* Nobody wrote the id: in either mode it is the vCPU's (with 32-bit ids it is elsewhere). */
static void check_id(struct judge *j)
{
	const struct state_vcpu *v = j->vcpu;
	uint64_t arg;

	if (!v->fresh || v->number > 254 || v->has_run != STATE_NO || q_vcpu_ran(j->q) ||
	    vcpu_flag(v, VCPU_LAPIC_GIVEN) || !vcpu_captured(j->out, APIC_ID + 4) ||
	    vm_cap_enabled(j->vm, KVM_CAP_X2APIC_API, &arg) != STATE_NO)
		return;
	j_promise(j, R_LAPIC_ID, j->out, APIC_ID, 4);
	j_equal(j, R_LAPIC_ID, "id", v->number << 24, q_number(j->q, j->out->data + APIC_ID, 4));
}

static void lapic_get(struct judge *j)
{
	uint64_t cr8;

	if (!needs_lapic(j, R_LAPIC_NEEDS_IRQCHIP))
		return;
	vcpu_forget_async(j->l);
	if (!vcpu_get(j, R_LAPIC_GET_SUCCEEDS, R_LAPIC_SAME, STATE_LAPIC, KVM_APIC_REG_SIZE))
		return;
	j->vcpu->has_lapic = STATE_YES;
	check_id(j);
	if (!q_vcpu_ran(j->q) && vcpu_captured(j->out, APIC_TPR + 1) &&
	    VCPU_KNOWN(j->q, STATE_SREGS2, struct kvm_sregs, cr8, &cr8)) {
		j_constrain(j, R_LAPIC_TPR_IS_CR8, j->out, APIC_TPR, 1);
		j_equal(j, R_LAPIC_TPR_IS_CR8, "task priority >> 4", cr8,
			j->out->data[APIC_TPR] >> 4);
	}
	if (vcpu_captured(j->out, APIC_VERSION + APIC_STEP)) {
		/* Version 0x10 to 0x15 is what an integrated APIC says, whatever it can do besides.
		 */
		j_constrain(j, R_LAPIC_VERSION, j->out, APIC_VERSION, 1);
		j_check(j, R_LAPIC_VERSION, j->out->data[APIC_VERSION] >> 4 == 1,
			"the version of an integrated APIC", "version 0x%02x",
			j->out->data[APIC_VERSION]);
	}
	if (vcpu_captured(j->out, KVM_APIC_REG_SIZE) && !vcpu_flag(j->vcpu, VCPU_ODD_LAPIC) &&
	    j->vcpu->fresh) {
		int32_t at = odd_byte(j->out->data);

		for (uint32_t i = 0; j->promises && i < KVM_APIC_REG_SIZE; i++) {
			if (no_register(i))
				j_promise(j, R_LAPIC_BETWEEN_ZERO, j->out, i, 1);
		}
		j_check(j, R_LAPIC_BETWEEN_ZERO, at < 0, "zero where there is no register",
			"byte %d = 0x%02x", at, at < 0 ? 0 : j->out->data[at]);
	}
	forget_moving(j->l);
}

static void lapic_set(struct judge *j)
{
	struct state_block *b = &j->vcpu->blocks[STATE_LAPIC];
	uint64_t base;

	if (!needs_lapic(j, R_LAPIC_NEEDS_IRQCHIP))
		return;
	/* With 32-bit ids, an id that is not the vCPU's is refused. */
	if (vm_cap_enabled(j->vm, KVM_CAP_X2APIC_API, &base) != STATE_NO)
		j_may_fail(j, R_LAPIC_SET_ID);
	vcpu_flag_set(j->vcpu, VCPU_LAPIC_GIVEN, true);
	if (!j_succeeds(j, R_LAPIC_SET_SUCCEEDS)) {
		state_block_forget(b);
		return;
	}
	j->vcpu->has_lapic = STATE_YES;
	if (!vcpu_captured(j->q->in, KVM_APIC_REG_SIZE) || odd_byte(j->q->in->data) >= 0)
		vcpu_flag_set(j->vcpu, VCPU_ODD_LAPIC, true);
	l_block_set(j->l, b, j->q->in, 0, KVM_APIC_REG_SIZE);
	/* The task priority is cr8, too. */
	VCPU_FORGET(j->l, STATE_SREGS, struct kvm_sregs, cr8);
	VCPU_FORGET(j->l, STATE_SREGS2, struct kvm_sregs, cr8);
	vcpu_flag_set(j->vcpu, VCPU_RUN_IS_NEWEST, false);
	forget_moving(j->l);
	/* A change of the timer's mode clears its count. */
	vcpu_forget(j->l, STATE_LAPIC, APIC_TIMER_INITIAL, APIC_STEP);
	/* In x2APIC mode these are computed. */
	if (!VCPU_KNOWN(j->q, STATE_SREGS, struct kvm_sregs, apic_base, &base) || base & 1u << 10) {
		vcpu_forget(j->l, STATE_LAPIC, APIC_LDR, APIC_STEP);
		vcpu_forget(j->l, STATE_LAPIC, APIC_ICR, 2 * APIC_STEP);
	}
}

static void lapic_tpr_reporting(struct judge *j)
{
	uint64_t flags, enabled;

	if (Q_IN(j->q, struct kvm_tpr_access_ctl, flags, &flags)) {
		if (flags) {
			j_must_fail(j, R_TPR_REPORTING_FLAGS);
			return;
		}
	} else {
		j_may_fail(j, R_TPR_REPORTING_FLAGS);
	}
	if (!j_succeeds(j, R_TPR_REPORTING_SUCCEEDS))
		return;
	if (!Q_IN(j->q, struct kvm_tpr_access_ctl, enabled, &enabled) || enabled)
		vcpu_flag_set(j->vcpu, VCPU_TPR_REPORTED, true);
	if (vcpu_captured(j->q->in, sizeof(struct kvm_tpr_access_ctl)) &&
	    vcpu_captured(j->out, sizeof(struct kvm_tpr_access_ctl))) {
		j_promise(j, R_TPR_REPORTING_STAYS, j->out, 0, sizeof(struct kvm_tpr_access_ctl));
		j_check(j, R_TPR_REPORTING_STAYS,
			!memcmp(j->q->in->data, j->out->data, sizeof(struct kvm_tpr_access_ctl)),
			"the argument unchanged", "it was changed");
	}
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

static void lapic_vapic_addr(struct judge *j)
{
	uint64_t addr;
	bool known = Q_IN(j->q, struct kvm_vapic_addr, vapic_addr, &addr);
	unsigned int bytes;

	if (!needs_lapic(j, R_VAPIC_NEEDS_IRQCHIP))
		return;
	bytes = known && addr ? bytes_in_slots(j->q, addr) : 0;
	if (known && addr && !bytes && addr < KERNEL_SLOTS && !j->vm->slots.open) {
		j_must_fail(j, R_VAPIC_NOT_MEMORY);
		return;
	}
	if (!known || (addr && bytes != 4))
		j_may_fail(j, R_VAPIC_NOT_MEMORY);
	j_succeeds(j, R_VAPIC_SUCCEEDS);
}

const struct judge_handler model_lapic_handlers[] = {
	{"KVM_GET_LAPIC", KVMAPI_VCPU, .judge = lapic_get},
	{"KVM_SET_LAPIC", KVMAPI_VCPU, .judge = lapic_set},
	{"KVM_TPR_ACCESS_REPORTING", KVMAPI_VCPU, .judge = lapic_tpr_reporting},
	{"KVM_SET_VAPIC_ADDR", KVMAPI_VCPU, .judge = lapic_vapic_addr},
	{NULL, 0, .judge = NULL},
};
