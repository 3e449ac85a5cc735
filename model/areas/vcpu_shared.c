/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files about a vCPU, see vcpu.h. */
#include "model/areas/vcpu.h"
#include "model/areas/vm.h"

bool vcpu_block_number(const struct question *q, enum state_vcpu_block block, uint32_t offset,
		       uint32_t width, uint64_t *value)
{
	const struct state_block *b = &q->vcpu->blocks[block];

	if (!state_block_known(b, offset, width))
		return false;
	*value = q_number(q, b->value + offset, width);
	return true;
}

void vcpu_forget(struct learn *l, enum state_vcpu_block block, uint32_t offset, uint32_t len)
{
	state_block_forget_range(&l->vcpu->blocks[block], offset, len);
}

void vcpu_set_number(struct learn *l, enum state_vcpu_block block, uint32_t offset, uint32_t width,
		     uint64_t value)
{
	uint8_t bytes[8];

	for (uint32_t i = 0; i < width; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	if (state_block_set(&l->vcpu->blocks[block], offset, bytes, width))
		l->oom = -ENOMEM;
}

void vcpu_forget_all(struct state_vcpu *v)
{
	v->guest_clean = false;
	state_vcpu_guest_ran(v);
	/* The caller may learn something after this. */
	v->guest_clean = false;
	v->run_is_newest = false;
	v->msrs_reset = false;
}

bool vcpu_others_ran(const struct question *q, uint64_t stamp)
{
	bool ran = q_vm_running(q) || q->vm->last_run_end > stamp;

	return ran && (q->vm->vcpu_count > 1 || !q->vm->fresh);
}

void vcpu_forget_async(struct learn *l)
{
	struct state_vcpu *v = l->vcpu;
	bool others = vcpu_others_ran(l->q, v->async_seen);

	v->async_seen = l->q->entered;
	if (others) {
		state_block_forget(&v->blocks[STATE_EVENTS]);
		state_block_forget(&v->blocks[STATE_MP_STATE]);
		state_block_forget(&v->blocks[STATE_LAPIC]);
	}
}

bool vcpu_captured(const struct tape_part *part, uint64_t size)
{
	return part && part->have >= size;
}

bool vcpu_is_protected(const struct question *q)
{
	return vm_typed(q) || q->vm->encrypted;
}

bool a_vcpu_protected(struct answer *a, uint16_t succeeds)
{
	if (!vcpu_is_protected(a->q))
		return false;
	a_may_fail(a, R_VCPU_PROTECTED);
	a_may_succeed(a, succeeds, "the state of a protected guest is its own");
	return true;
}

bool l_vcpu_protected(struct learn *l)
{
	const bool is = vcpu_is_protected(l->q);

	if (is)
		vcpu_forget_all(l->vcpu);
	return is;
}

bool a_vcpu_get(struct answer *a, uint16_t succeeds, uint16_t same, enum state_vcpu_block block,
		uint32_t size)
{
	const struct state_block *b = &a->q->vcpu->blocks[block];

	if (a_vcpu_protected(a, succeeds))
		return false;
	a_succeeds(a, succeeds);
	a_block(a, b->origin == STATE_RESET ? R_VCPU_RESET : same, b, TAPE_ARG_OUT, 0, size);
	return true;
}

bool l_vcpu_get(struct learn *l, enum state_vcpu_block block, uint32_t size)
{
	if (l_vcpu_protected(l) || !l->succeeded || !l->out)
		return false;
	l_block_get(l, &l->vcpu->blocks[block], l->out, 0, size);
	return true;
}

void vcpu_attrs_forget(struct state_vcpu *v)
{
	for (uint32_t i = v->attrs.count; i-- > 0;) {
		if (v->attrs.entries[i].key < VCPU_XEN_KEY(0))
			state_set_remove(&v->attrs, &v->attrs.entries[i]);
	}
}
