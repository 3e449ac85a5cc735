// SPDX-License-Identifier: BSD-2-Clause
#include "replayer/judge/whole_tape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"

#define CHUNK_BYTES (1 << 20)

struct whole_chunk {
	struct whole_chunk *next;
	size_t used, size;
	uint64_t data[];
};

void *whole_arena_take(struct whole_arena *arena, size_t size)
{
	struct whole_chunk *chunk = arena->chunks;
	void *at;

	size = (size + 7) & ~(size_t)7;
	if (!chunk || chunk->size - chunk->used < size) {
		size_t bytes = size > CHUNK_BYTES ? size : CHUNK_BYTES;

		chunk = malloc(sizeof(*chunk) + bytes);
		if (!chunk)
			return NULL;
		chunk->next = arena->chunks;
		chunk->used = 0;
		chunk->size = bytes;
		arena->chunks = chunk;
	}
	at = (uint8_t *)chunk->data + chunk->used;
	chunk->used += size;
	return memset(at, 0, size);
}

void whole_arena_free(struct whole_arena *arena)
{
	while (arena->chunks) {
		struct whole_chunk *next = arena->chunks->next;

		free(arena->chunks);
		arena->chunks = next;
	}
}

const struct tape_part *whole_part(const struct whole_event *e, enum tape_role role)
{
	return tape_part_find(e->parts, e->part_count, role);
}

/* Add the parts of one half to those of the event. */
static int parts_add(struct whole_tape *t, struct whole_event *e, const struct tape_part *parts,
		     unsigned int count)
{
	struct tape_part *all;

	if (!count)
		return 0;
	all = whole_arena_take(&t->arena, (e->part_count + count) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	if (e->part_count)
		memcpy(all, e->parts, e->part_count * sizeof(*all));
	for (unsigned int i = 0; i < count; i++) {
		struct tape_part *part = &all[e->part_count + i];
		uint8_t *data;

		*part = parts[i];
		if (!part->have)
			continue;
		data = whole_arena_take(&t->arena, part->have);
		if (!data)
			return -ENOMEM;
		memcpy(data, parts[i].data, part->have);
		part->data = data;
	}
	e->parts = all;
	e->part_count += count;
	return 0;
}

static int item_add(struct whole_tape *t, struct whole_item item)
{
	if (array_grow(&t->items, &t->item_room, t->item_count))
		return -ENOMEM;
	t->items[t->item_count++] = item;
	return 0;
}

static int call_add(struct whole_tape *t, const struct tape_call *call)
{
	struct whole_event *e;

	if (array_grow(&t->events, &t->event_room, t->event_count))
		return -ENOMEM;
	e = &t->events[t->event_count++];
	*e = (struct whole_event){
		.index = call->index,
		.thread = call->thread,
		.object = call->object,
		.kind = call->kind,
		.request = call->request,
		.row = call->row,
		.arg = call->arg,
		.call_part_count = call->part_count,
	};
	return parts_add(t, e, call->parts, call->part_count)
		       ?: item_add(t, (struct whole_item){.type = TAPE_CALL,
							  .event = t->event_count - 1});
}

/* The event of an index; they are in order, with holes where gaps are. */
static struct whole_event *event_find(struct whole_tape *t, uint64_t index)
{
	size_t from = 0, to = t->event_count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (t->events[middle].index < index)
			from = middle + 1;
		else
			to = middle;
	}
	return from < t->event_count && t->events[from].index == index ? &t->events[from] : NULL;
}

static int return_add(struct whole_tape *t, const struct tape_return *ret)
{
	struct whole_event *e = event_find(t, ret->call->index);

	if (!e)
		return 0;
	e->returned = true;
	e->ret = ret->ret;
	e->created = ret->created;
	return parts_add(t, e, ret->parts, ret->part_count)
		       ?: item_add(t, (struct whole_item){.type = TAPE_RETURN,
							  .event = e - t->events});
}

static int object_add(struct whole_tape *t, const struct tape_object *object)
{
	while (t->object_count <= object->id) {
		if (array_grow(&t->objects, &t->object_room, t->object_count))
			return -ENOMEM;
		memset(&t->objects[t->object_count++], 0, sizeof(*t->objects));
	}
	t->objects[object->id] = *object;
	return item_add(t, (struct whole_item){.type = TAPE_OBJECT, .object = object->id});
}

static int thread_add(struct whole_tape *t, const struct tape_thread *thread)
{
	/* Frames declare their threads again. */
	if (thread->id < t->thread_count && t->threads[thread->id].tid == thread->tid &&
	    !memcmp(t->threads[thread->id].comm, thread->comm, sizeof(thread->comm)))
		return 0;
	while (t->thread_count <= thread->id) {
		if (array_grow(&t->threads, &t->thread_room, t->thread_count))
			return -ENOMEM;
		memset(&t->threads[t->thread_count++], 0, sizeof(*t->threads));
	}
	t->threads[thread->id] = *thread;
	return item_add(t, (struct whole_item){.type = TAPE_THREAD, .thread = thread->id});
}

static int gap_add(struct whole_tape *t, const struct tape_gap *gap)
{
	struct tape_gap *copy = whole_arena_take(&t->arena, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = *gap;
	t->gaps += gap->events;
	return item_add(t, (struct whole_item){.type = TAPE_GAP, .gap = copy});
}

static int memory_add(struct whole_tape *t, const struct tape_memory *memory)
{
	struct tape_memory *copy = whole_arena_take(&t->arena, sizeof(*copy));
	uint8_t *data = whole_arena_take(&t->arena, memory->len ? memory->len : 1);

	if (!copy || !data)
		return -ENOMEM;
	memcpy(data, memory->data, memory->len);
	*copy = *memory;
	copy->data = data;
	return item_add(t, (struct whole_item){.type = TAPE_MEMORY, .memory = copy});
}

int whole_tape_take(struct whole_tape *t, const struct tape_item *item)
{
	switch (item->type) {
	case TAPE_THREAD:
		return thread_add(t, &item->u.thread);
	case TAPE_OBJECT:
		return object_add(t, &item->u.object);
	case TAPE_CLOSED:
		return item_add(t, (struct whole_item){.type = TAPE_CLOSED,
						       .object = item->u.closed.object});
	case TAPE_CALL:
		return call_add(t, item->u.call);
	case TAPE_RETURN:
		return return_add(t, item->u.ret);
	case TAPE_MEMORY:
		return memory_add(t, &item->u.memory);
	case TAPE_GAP:
		return gap_add(t, &item->u.gap);
	case TAPE_SIGNAL:
	case TAPE_END:
	case TAPE_END_OF_FILE:
		break;
	}
	return 0;
}

int whole_tape_load(const void *data, size_t size, struct whole_tape *t)
{
	struct tape_reader *reader;
	struct tape_item item;
	const char *results;
	int rc;

	memset(t, 0, sizeof(*t));
	rc = tape_reader_open_memory(data, size, &reader);
	if (rc)
		return rc;
	rc = tape_env_copy(&t->env, tape_reader_env(reader));
	results = tape_env_get(&t->env, "results");
	t->no_results = results && !strcmp(results, "none");
	while (!rc) {
		rc = tape_reader_next(reader, &item);
		if (rc || item.type == TAPE_END_OF_FILE)
			break;
		rc = whole_tape_take(t, &item);
	}
	t->complete = !rc && tape_reader_complete(reader);
	tape_reader_close(reader);
	return rc;
}

int whole_file_read(int fd, uint8_t **data, size_t *size)
{
	off_t end = lseek(fd, 0, SEEK_END);
	size_t used = 0;

	*data = NULL;
	if (end < 0)
		return -errno;
	*size = end;
	*data = malloc(*size ? *size : 1);
	if (!*data)
		return -ENOMEM;
	while (used < *size) {
		ssize_t n = pread(fd, *data + used, *size - used, used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		used += n;
	}
	return 0;
}

void whole_tape_clear(struct whole_tape *t)
{
	struct whole_chunk *first = t->arena.chunks;

	/* Keep one chunk for reuse. */
	if (first) {
		t->arena.chunks = first->next;
		whole_arena_free(&t->arena);
		first->next = NULL;
		first->used = 0;
		t->arena.chunks = first;
	}
	t->event_count = t->item_count = t->object_count = t->thread_count = 0;
	t->gaps = 0;
}

void whole_tape_free(struct whole_tape *t)
{
	tape_env_release(&t->env);
	whole_arena_free(&t->arena);
	free(t->events);
	free(t->items);
	free(t->objects);
	free(t->threads);
	memset(t, 0, sizeof(*t));
}

/* Callbacks while the tape is judged. */
struct judging {
	struct whole_tape *tape;
	int (*advice)(void *context, const struct tape_return *ret, const struct model_verdict *v);
	void *context;
};

static int verdict_note(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	const struct judging *j = context;
	struct whole_event *e = event_find(j->tape, ret->call->index);

	if (!e)
		return 0;
	e->judged = true;
	e->verdict = v->kind;
	e->rule = v->rule;
	e->held_count = v->held_count;
	e->held = v->held_count ? v->held[0] : 0;
	return 0;
}

static int advice_pass(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	const struct judging *j = context;

	return j->advice(j->context, ret, v);
}

int whole_tape_judge(const void *data, size_t size, struct whole_tape *t,
		     int (*advice)(void *context, const struct tape_return *ret,
				   const struct model_verdict *v),
		     void *context, struct replayer_score *score)
{
	struct judging judging = {.tape = t, .advice = advice, .context = context};
	const struct replayer_hooks hooks = {.context = &judging,
					     .verdict_mask = ~0u,
					     .verdict = verdict_note,
					     .advice = advice ? advice_pass : NULL};
	const struct replayer_options options = {.until = UINT64_MAX};
	struct tape_reader *reader;
	int rc;

	rc = tape_reader_open_memory(data, size, &reader);
	if (rc)
		return rc;
	rc = replayer_judge(reader, &options, &hooks, score);
	tape_reader_close(reader);
	return rc;
}
