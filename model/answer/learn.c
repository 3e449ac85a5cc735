/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/answer/learn.h"

const struct tape_part *l_part(const struct learn *l, enum tape_role role)
{
	if (!role_is_out(role))
		return q_part(l->q, role);
	return l->ret ? tape_part_find(l->ret->parts, l->ret->part_count, role) : NULL;
}

void l_block_set(struct learn *l, struct state_block *b, const struct tape_part *part,
		 uint32_t offset, uint32_t len)
{
	if (!part || part->have < offset + len || q_ran(l->q)) {
		state_block_forget(b);
		return;
	}
	if (state_block_set(b, 0, part->data + offset, len))
		l->oom = -ENOMEM;
}

void l_block_get(struct learn *l, struct state_block *b, const struct tape_part *part,
		 uint32_t offset, uint32_t len)
{
	if (!part || part->have <= offset)
		return;
	if (len > part->have - offset)
		len = part->have - offset;
	if (q_ran(l->q)) {
		state_block_forget(b);
		return;
	}
	if (state_block_set(b, 0, part->data + offset, len))
		l->oom = -ENOMEM;
	b->origin = l->q->call->index + 1;
	b->origin_offset = offset;
}

void l_constant(struct learn *l, struct state_set *set, uint64_t key, uint64_t key2, uint64_t value)
{
	struct state_entry *e = state_set_add(set, key, key2);

	if (!e) {
		l->oom = -ENOMEM;
		return;
	}
	if (e->known)
		return;
	e->value[0] = value;
	e->known = 1;
}
