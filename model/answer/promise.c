/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the rules determine of a result: the model's own word on how much of it they cover, apart
 * from any verdict.
 */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "model/answer/promise.h"
#include "tape/format.h"

void promises_begin(struct promises *p, const struct tape_return *ret)
{
	size_t size = 0;

	for (unsigned int i = 0; i < ret->part_count; i++)
		size += ret->parts[i].have;
	if (size > p->room) {
		uint8_t *bytes = realloc(p->bytes, size);

		if (!bytes) {
			p->oom = true;
			size = 0;
		} else {
			p->bytes = bytes;
			p->room = size;
		}
	}
	p->ret = ret;
	p->size = size;
	p->outcome = p->value = MODEL_FREE;
	p->echo_count = p->answers.count = 0;
	if (size)
		memset(p->bytes, MODEL_FREE, size);
}

void promises_release(struct promises *p)
{
	free(p->bytes);
	free(p->echoes);
	answer_list_release(&p->answers);
}

uint8_t *promises_bytes_of(const struct promises *p, const struct tape_part *part)
{
	size_t at = 0;

	if (!p->size)
		return NULL;
	for (unsigned int i = 0; i < p->ret->part_count; i++) {
		if (&p->ret->parts[i] == part)
			return p->bytes + at;
		at += p->ret->parts[i].have;
	}
	return NULL;
}

/* Userspace may write there, too. */
static bool usual(const struct question *q, uint16_t rule)
{
	return q->facts->rule_kind[rule] == MODEL_USUAL;
}

/* The rule counts: it stands in the documents, or is a known deviation, of this kernel. */
static bool counts(const struct question *q, uint16_t rule)
{
	uint8_t kind = q->facts->rule_kind[rule];

	return q_applies(q, rule) && !q_doubted(q, rule) &&
	       (kind == MODEL_PROMISE || kind == MODEL_DEVIATES);
}

void promises_bytes(struct judge *j, uint16_t rule, const struct tape_part *part, size_t offset,
		    size_t len, enum model_promise what)
{
	uint8_t *bytes;

	if (!part || offset >= part->have || !q_applies(j->q, rule))
		return;
	if (!counts(j->q, rule))
		what = MODEL_CONSTRAINED;
	bytes = promises_bytes_of(j->promises, part);
	for (size_t i = offset; bytes && i < offset + len && i < part->have; i++) {
		if (bytes[i] < what)
			bytes[i] = what;
	}
}

void promises_bits(struct judge *j, uint16_t rule, const struct tape_part *part, size_t offset,
		   size_t width, uint64_t mask)
{
	bool big_endian = j->q->facts->big_endian;

	for (size_t i = 0; i < width; i++) {
		uint8_t byte = mask >> 8 * (big_endian ? width - 1 - i : i);

		if (byte)
			promises_bytes(j, rule, part, offset + i, 1,
				       byte == 0xff ? MODEL_DETERMINED : MODEL_CONSTRAINED);
	}
}

void promises_outcome(struct judge *j, uint16_t rule, enum promised_outcome outcome,
		      unsigned int alternatives)
{
	struct promises *p = j->promises;

	if (!counts(j->q, rule)) {
		promises_constrain_result(j);
		return;
	}
	p->outcome = alternatives ? MODEL_CONSTRAINED : MODEL_DETERMINED;
	if (outcome == PROMISED_ZERO)
		p->value = MODEL_DETERMINED;
	else if (outcome == PROMISED_NUMBER && p->value == MODEL_FREE)
		p->value = MODEL_CONSTRAINED;
}

void promises_value(struct judge *j, uint16_t rule)
{
	if (counts(j->q, rule))
		j->promises->value = MODEL_DETERMINED;
}

void promises_constrain_result(struct judge *j)
{
	if (j->promises->outcome == MODEL_FREE)
		j->promises->outcome = MODEL_CONSTRAINED;
}

/* Room for one more element of an array; false: no memory, which is noted. */
static bool room_for_one(struct promises *p, void **array, size_t *room, size_t count, size_t size)
{
	if (array_reserve(array, room, count + 1, size))
		p->oom = true;
	return !p->oom;
}

void promises_echo(struct judge *j, uint16_t rule, const struct state_block *b, uint8_t role,
		   uint32_t offset, uint32_t len)
{
	struct promises *p = j->promises;
	uint32_t end = offset;

	if (!b->origin || b->origin == STATE_RESET || (!counts(j->q, rule) && !usual(j->q, rule)))
		return;
	/* Runs of bytes that are known as a whole. */
	for (uint32_t at = offset; at < offset + len && at < b->size; at = end + 1) {
		for (end = at; end < offset + len && end < b->size && b->mask[end] == 0xff;)
			end++;
		if (end == at)
			continue;
		if (!room_for_one(p, (void **)&p->echoes, &p->echo_room, p->echo_count,
				  sizeof(*p->echoes)))
			return;
		p->echoes[p->echo_count++] = (struct model_echo){
			.index = b->origin - 1,
			.role = role,
			.usual = usual(j->q, rule),
			.offset = b->origin_offset + at,
			.len = end - at,
		};
	}
}
