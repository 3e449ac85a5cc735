// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>

#include "tape/format.h"

int tape_varint_get_slow(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
	const uint8_t *p = *at;
	uint64_t sum = 0;

	for (unsigned int shift = 0; p < end && shift < 64; shift += 7) {
		uint8_t byte = *p++;

		if (shift == 63 && byte > 1)
			return TAPE_E_CORRUPT;
		sum |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*value = sum;
			*at = p;
			return 0;
		}
	}
	return TAPE_E_CORRUPT;
}

int tape_buf_grow(struct tape_buf *buf, size_t more)
{
	size_t room = buf->room ? buf->room : 256;
	uint8_t *data;

	if (more > SIZE_MAX / 4 - buf->len)
		return -ENOMEM;
	while (room - buf->len < more)
		room *= 2;
	data = realloc(buf->data, room);
	if (!data)
		return -ENOMEM;
	buf->data = data;
	buf->room = room;
	return 0;
}

int tape_buf_add(struct tape_buf *buf, const void *data, size_t len)
{
	int err = tape_buf_reserve(buf, len);

	if (err)
		return err;
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	return 0;
}

int tape_buf_varint(struct tape_buf *buf, uint64_t value)
{
	int err = tape_buf_reserve(buf, TAPE_VARINT_MAX);

	if (err)
		return err;
	buf->len += tape_varint_put(buf->data + buf->len, value);
	return 0;
}

void tape_buf_release(struct tape_buf *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}

/* --- arena ------------------------------------------------------------------------------------ */

#define ARENA_CHUNK ((size_t)64 << 10)

struct tape_arena_chunk {
	struct tape_arena_chunk *next;
	size_t room;
	_Alignas(16) uint8_t data[];
};

void *tape_arena_get(struct tape_arena *arena, size_t size)
{
	struct tape_arena_chunk *chunk = arena->chunks;
	void *data;

	size = (size + 15) & ~(size_t)15;
	if (!chunk || chunk->room - arena->used < size) {
		size_t room = size > ARENA_CHUNK ? size : ARENA_CHUNK;

		if (arena->spare && room == ARENA_CHUNK) {
			chunk = arena->spare;
			arena->spare = chunk->next;
		} else {
			chunk = malloc(sizeof(*chunk) + room);
			if (!chunk)
				return NULL;
			chunk->room = room;
		}
		chunk->next = arena->chunks;
		arena->chunks = chunk;
		arena->used = 0;
	}
	data = chunk->data + arena->used;
	arena->used += size;
	return data;
}

/* Chunks of the usual size are reused for the next frame, which then needs no allocation. */
void tape_arena_reset(struct tape_arena *arena)
{
	while (arena->chunks) {
		struct tape_arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		if (chunk->room == ARENA_CHUNK) {
			chunk->next = arena->spare;
			arena->spare = chunk;
		} else {
			free(chunk);
		}
	}
	arena->used = 0;
}

void tape_arena_release(struct tape_arena *arena)
{
	tape_arena_reset(arena);
	while (arena->spare) {
		struct tape_arena_chunk *chunk = arena->spare;

		arena->spare = chunk->next;
		free(chunk);
	}
}

/* --- sites ------------------------------------------------------------------------------------ */

void tape_sites_reset(struct tape_sites *sites)
{
	tape_arena_reset(&sites->arena);
	sites->count = 0;
	sites->cost = 0;
}

void tape_sites_release(struct tape_sites *sites)
{
	tape_arena_release(&sites->arena);
	free(sites->list);
	memset(sites, 0, sizeof(*sites));
}

struct tape_site *tape_sites_add(struct tape_sites *sites)
{
	struct tape_site *site;

	if (sites->count == sites->room) {
		uint32_t room = sites->room ? 2 * sites->room : 64;
		struct tape_site **list = realloc(sites->list, room * sizeof(*list));

		if (!list)
			return NULL;
		sites->list = list;
		sites->room = room;
	}
	site = tape_arena_get(&sites->arena, sizeof(*site));
	if (!site)
		return NULL;
	memset(site, 0, sizeof(*site));
	sites->list[sites->count++] = site;
	sites->cost += TAPE_COST_SITE;
	return site;
}

/* Room for `count` things of `size` bytes in an array of the arena; what is there is copied. */
static int arena_array_grow(struct tape_arena *arena, void **array, unsigned int *room,
			    unsigned int used, unsigned int count, size_t size)
{
	unsigned int more = *room ? *room : 4;
	void *data;

	if (count <= *room)
		return 0;
	while (more < count)
		more *= 2;
	data = tape_arena_get(arena, more * size);
	if (!data)
		return -ENOMEM;
	if (used)
		memcpy(data, *array, used * size);
	*array = data;
	*room = more;
	return 0;
}

/* The slot of a role, as large as need be. */
static int half_slot(struct tape_sites *sites, struct tape_half *half, uint8_t role, uint32_t have,
		     uint8_t *number)
{
	struct tape_slot *slot;
	unsigned int n = 0;
	uint32_t size;
	uint8_t *data;
	void *array;
	int err;

	while (n < half->slot_count && half->slots[n].role != role)
		n++;
	if (n == half->slot_count) {
		array = half->slots;
		err = arena_array_grow(&sites->arena, &array, &half->slot_room, n, n + 1,
				       sizeof(*half->slots));
		if (err)
			return err;
		half->slots = array;
		half->slots[n] = (struct tape_slot){.role = role};
		half->slot_count++;
		sites->cost += TAPE_COST_SLOT;
	}
	*number = (uint8_t)n;
	slot = &half->slots[n];
	if (have <= slot->size)
		return 0;
	size = (have + TAPE_SLOT_ROUND - 1) & ~(uint32_t)(TAPE_SLOT_ROUND - 1);
	sites->cost += size;
	if (sites->cost > TAPE_MAX_SLOTS)
		return TAPE_E_LIMIT;
	data = tape_arena_get(&sites->arena, size);
	if (!data)
		return -ENOMEM;
	if (slot->size)
		memcpy(data, slot->data, slot->size);
	memset(data + slot->size, 0, size - slot->size);
	slot->data = data;
	slot->size = size;
	return 0;
}

int tape_shape_tell(struct tape_sites *sites, struct tape_site *site, enum tape_half_number which,
		    const struct tape_part *parts, unsigned int count)
{
	const uint8_t run_role = which == TAPE_HALF_IN ? TAPE_RUN_IN : TAPE_RUN_OUT;
	struct tape_half *half = &site->half[which];
	const unsigned int number = half->told % TAPE_SHAPES;
	struct tape_shape *shape = &half->shapes[number];
	void *array = half->parts;
	int err;

	/* Nothing may point to what is changed here, should it fail half-way. */
	half->count = 0;
	half->run_part = 0;
	sites->cost += TAPE_COST_SLOT * (1 + count);
	if (sites->cost > TAPE_MAX_SLOTS)
		return TAPE_E_LIMIT;
	err = arena_array_grow(&sites->arena, &array, &half->room, 0, count, sizeof(*half->parts));
	if (err)
		return err;
	half->parts = array;
	shape->count = 0;
	shape->shown = 0;
	shape->parts = tape_arena_get(&sites->arena, count * (sizeof(*shape->parts) + 1));
	if (!shape->parts)
		return -ENOMEM;
	shape->slots = (uint8_t *)(shape->parts + count);
	for (unsigned int i = 0; i < count; i++) {
		err = half_slot(sites, half, parts[i].role, parts[i].have, &shape->slots[i]);
		if (err)
			return err;
		shape->parts[i] = parts[i];
		shape->shown += parts[i].have;
	}
	shape->count = count;
	half->told++;
	/* Only now: adding a slot may have moved the others. */
	half->run = NULL;
	for (unsigned int n = 0; n < half->slot_count; n++)
		if (half->slots[n].role == run_role)
			half->run = &half->slots[n];
	return tape_shape_select(site, which, number);
}

int tape_shape_select(struct tape_site *site, enum tape_half_number which, unsigned int number)
{
	struct tape_half *half = &site->half[which];
	const struct tape_shape *shape;

	if (number >= TAPE_SHAPES || number >= half->told)
		return TAPE_E_CORRUPT;
	shape = &half->shapes[number];
	half->shape = number;
	half->count = shape->count;
	half->run_part = shape->count;
	for (unsigned int i = 0; i < shape->count; i++) {
		struct tape_part *part = &half->parts[i];
		struct tape_slot *slot = &half->slots[shape->slots[i]];

		*part = shape->parts[i];
		if (part->flags & TAPE_PART_HAS_ADDR)
			part->addr += site->call.arg;
		part->flags &= (uint8_t)~TAPE_PART_HAS_ADDR;
		part->data = part->have ? slot->data : NULL;
		if (slot == half->run)
			half->run_part = i;
	}
	return 0;
}
