/* SPDX-License-Identifier: BSD-2-Clause */
/* An answer as those outside of the model see it: the items without what only the judge needs. */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "model/answer/answer.h"

/* Bytes of a block that are known, as far as the item goes. */
static uint32_t known_bytes(const struct answer_item *i)
{
	uint32_t known = 0;

	for (uint32_t k = 0; k < i->len && k < i->block->size; k++)
		known += i->block->mask[k] != 0;
	return known;
}

/* What kind of item it is outside; false = none. */
static bool what_of(const struct question *q, const struct answer_item *i, uint8_t *what)
{
	static const int8_t kinds[] = {
		[ANSWER_MAY_FAIL] = MODEL_MAY_FAIL,
		[ANSWER_MUST_FAIL] = MODEL_MUST_FAIL,
		[ANSWER_BUFFER] = MODEL_MAY_FAIL,
		[ANSWER_SUCCEEDS] = MODEL_SUCCEEDS,
		[ANSWER_NUMBER] = MODEL_NUMBER,
		[ANSWER_POSSIBLE] = MODEL_POSSIBLE,
		[ANSWER_INT] = MODEL_RESULT,
		[ANSWER_ANY_INT] = -1,
		[ANSWER_RESULT] = MODEL_RESULT,
		[ANSWER_RESULT_RANGE] = MODEL_RESULT_RANGE,
		[ANSWER_CREATED] = MODEL_DESCRIPTOR,
		[ANSWER_SKIP] = MODEL_SILENT,
		[ANSWER_SILENT] = MODEL_SILENT,
		[ANSWER_CREATED_FIELD] = MODEL_DESCRIPTOR,
		[ANSWER_FIELD] = MODEL_FIELD,
		[ANSWER_FIELD_RANGE] = MODEL_FIELD_RANGE,
		[ANSWER_ZERO] = MODEL_ZERO,
		[ANSWER_KEPT] = MODEL_KEPT,
		[ANSWER_BLOCK] = MODEL_BLOCK,
		[ANSWER_ADVISE] = -1,
		[ANSWER_HOLD] = -1,
		[ANSWER_CHECK] = MODEL_RELATION,
		[ANSWER_CHECK_ALWAYS] = MODEL_RELATION,
		[ANSWER_DETERMINED] = -1,
		[ANSWER_CONSTRAINED] = -1,
	};

	if (i->kind >= sizeof(kinds) || kinds[i->kind] < 0)
		return false;
	*what = (uint8_t)kinds[i->kind];
	/* Where it is not known whether the kernel has the rule, nothing is demanded. */
	if (*what == MODEL_MUST_FAIL && q_doubted(q, i->rule))
		*what = MODEL_MAY_FAIL;
	return i->rule == R_NONE || q_applies(q, i->rule);
}

/* Bytes of a block that may be known: an item may be about all of a part whose size varies. */
static uint32_t block_len(const struct answer_item *i)
{
	return i->len < i->block->size ? i->len : i->block->size;
}

/* Room for the bytes and masks of all blocks. */
static int bytes_reserve(const struct answer *a, struct answer_list *to)
{
	size_t size = 0;

	for (size_t n = 0; n < a->count; n++) {
		if (a->items[n].kind == ANSWER_BLOCK)
			size += 2 * (size_t)block_len(&a->items[n]);
	}
	return array_reserve((void **)&to->bytes, &to->byte_room, size, 1);
}

/* A block of which something is known; its bytes and mask are stored at `at`. */
static void block_put(struct model_answer *m, const struct answer_item *i, uint8_t *at)
{
	m->len = block_len(i);
	memcpy(at, i->block->value, m->len);
	memcpy(at + m->len, i->block->mask, m->len);
	m->value = i->block->origin == STATE_RESET ? UINT64_MAX : i->block->origin - 1;
	m->bytes = at;
	m->mask = at + m->len;
}

int answer_list(const struct answer *a, struct answer_list *to)
{
	size_t used = 0;

	to->count = 0;
	if (bytes_reserve(a, to))
		return -ENOMEM;
	for (size_t n = 0; n < a->count; n++) {
		const struct answer_item *i = &a->items[n];
		struct model_answer *m;
		uint8_t what;

		if (!what_of(a->q, i, &what))
			continue;
		if (array_grow(&to->list, &to->room, to->count))
			return -ENOMEM;
		m = &to->list[to->count];
		*m = (struct model_answer){
			.what = what,
			.role = i->role,
			.rule = i->rule,
			.conditional = i->when != 0,
			.offset = i->offset,
			.len = i->len,
			.value = i->value,
			.high = i->mask,
			.text = i->text,
		};
		if (what == MODEL_FIELD && i->len < 8 && i->mask != UINT64_MAX)
			m->high &= (1ull << 8 * i->len) - 1;
		if (what == MODEL_BLOCK) {
			m->known = known_bytes(i);
			if (!m->known)
				continue;
			block_put(m, i, to->bytes + used);
			used += 2 * (size_t)m->len;
		}
		to->count++;
	}
	return a->oom;
}

void answer_list_release(struct answer_list *list)
{
	free(list->list);
	free(list->bytes);
	*list = (struct answer_list){0};
}
