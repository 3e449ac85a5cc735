/* SPDX-License-Identifier: BSD-2-Clause */
/* A return that an answer lets pass. */
#include "base/bytes.h"
#include "model/answer/answer.h"

/* The bytes of an OUT part are ours to write. */
static uint8_t *part_bytes(const struct tape_part *part)
{
	return (uint8_t *)(uintptr_t)part->data;
}

static void make_field(const struct question *q, const struct tape_part *part,
		       const struct answer_item *i)
{
	uint64_t now, value;

	if (!q_field(q, part, i->offset, i->len, &now))
		return;
	value = (now & ~i->mask) | (i->value & i->mask);
	if (i->kind == ANSWER_FIELD_RANGE)
		value = now < i->value ? i->value : now > i->mask ? i->mask : now;
	bytes_put(part_bytes(part) + i->offset, value, i->len, q->facts->big_endian);
}

/* The known bytes of a block, from `from` of it on. */
static void make_block(const struct tape_part *part, const struct answer_item *i, uint64_t from)
{
	const struct state_block *b = i->block;

	for (uint64_t k = 0; k < i->len && from + k < b->size && i->offset + k < part->have; k++) {
		const uint8_t mask = b->mask[from + k];
		uint8_t *at = part_bytes(part) + i->offset + k;

		*at = (*at & ~mask) | (b->value[from + k] & mask);
	}
}

static void make_bytes(const struct question *q, const struct tape_part *part,
		       const struct answer_item *i)
{
	for (uint32_t at = i->offset; at - i->offset < i->len && at < part->have; at++) {
		if (i->kind != ANSWER_KEPT)
			part_bytes(part)[at] = 0;
		else if (q->in && at < q->in->have)
			part_bytes(part)[at] = q->in->data[at];
	}
}

static void make_observed(const struct question *q, struct tape_return *ret,
			  const struct answer_item *i)
{
	const struct tape_part *part = answer_part(q, ret, i->role);

	switch (i->kind) {
	case ANSWER_RESULT:
	case ANSWER_SUGGEST_RESULT:
		ret->ret = (int64_t)i->value;
		break;
	case ANSWER_MAKES_NOTHING:
		ret->created = 0;
		break;
	case ANSWER_RESULT_RANGE:
		if ((uint64_t)ret->ret < i->value || (uint64_t)ret->ret > i->mask)
			ret->ret = (int64_t)i->value;
		break;
	case ANSWER_FIELD:
	case ANSWER_FIELD_RANGE:
	case ANSWER_SUGGEST:
		if (part)
			make_field(q, part, i);
		break;
	case ANSWER_ZERO:
	case ANSWER_KEPT:
	case ANSWER_SUGGEST_ZERO:
		if (part)
			make_bytes(q, part, i);
		break;
	case ANSWER_BLOCK:
		/* What a guest that runs may change is not compared either. */
		if (part && !q_ran(q))
			make_block(part, i, 0);
		break;
	case ANSWER_SUGGEST_BLOCK:
		if (part)
			make_block(part, i, i->value);
		break;
	default:
		break;
	}
}

static bool is_about_result(const struct answer_item *i)
{
	return i->kind == ANSWER_RESULT || i->kind == ANSWER_RESULT_RANGE ||
	       i->kind == ANSWER_SUGGEST_RESULT || i->kind == ANSWER_MAKES_NOTHING;
}

void answer_make(const struct answer *a, struct tape_return *ret)
{
	bool succeeded = ret->ret >= 0;

	for (size_t n = 0; n < a->count; n++) {
		const struct answer_item *i = &a->items[n];

		if (i->rule != R_NONE && !q_applies(a->q, i->rule))
			continue;
		if (i->kind == ANSWER_MUST_FAIL && ret->ret >= 0) {
			ret->ret = -(int64_t)i->value;
			succeeded = false;
		} else if (i->kind == ANSWER_INT) {
			ret->ret = (int32_t)i->value;
		} else if ((role_is_out(i->role) || is_about_result(i)) &&
			   answer_met(a, i, ret, succeeded)) {
			make_observed(a->q, ret, i);
			if (i->kind == ANSWER_SUGGEST_RESULT)
				succeeded = ret->ret >= 0;
		}
	}
}
