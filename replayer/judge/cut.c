// SPDX-License-Identifier: BSD-2-Clause
/* A part of a tape: what its events need, judging it, writing it. */
#include "replayer/judge/cut.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the page before a KVM_RUN that only the VMM writes. */
#define RUN_OWN 8

/* Which KVM_RUN comes before which. */
static int previous_find(struct cut *c)
{
	uint32_t *last = calloc(c->tape->object_count + 1, sizeof(*last));

	c->previous = calloc(c->tape->event_count + 1, sizeof(*c->previous));
	if (!last || !c->previous) {
		free(last);
		return -ENOMEM;
	}
	for (size_t i = 0; i < c->tape->event_count; i++) {
		const struct whole_event *e = &c->tape->events[i];

		if (!e->row || e->row->payload != KVMAPI_RUNPAGE ||
		    e->object >= c->tape->object_count)
			continue;
		c->previous[i] = last[e->object];
		last[e->object] = i + 1;
	}
	free(last);
	return 0;
}

int cut_init(struct cut *c, struct whole_tape *tape)
{
	size_t memories = 0;

	memset(c, 0, sizeof(*c));
	c->tape = tape;
	for (size_t i = 0; i < tape->item_count; i++)
		memories += tape->items[i].type == TAPE_MEMORY;
	c->count = tape->event_count + memories;
	c->keep = malloc((c->count + 1) * sizeof(*c->keep));
	c->memory = calloc(memories + 1, sizeof(*c->memory));
	c->maker = calloc(tape->object_count + 1, sizeof(*c->maker));
	c->used = calloc(tape->object_count + 1, sizeof(*c->used));
	if (!c->keep || !c->memory || !c->maker || !c->used || previous_find(c)) {
		cut_free(c);
		return -ENOMEM;
	}
	memset(c->keep, true, (c->count + 1) * sizeof(*c->keep));
	memories = 0;
	for (size_t i = 0; i < tape->item_count; i++) {
		if (tape->items[i].type == TAPE_MEMORY)
			c->memory[memories++] = i;
	}
	for (size_t i = 0; i < tape->event_count; i++) {
		const struct whole_event *e = &tape->events[i];

		if (e->created && e->created < tape->object_count && !c->maker[e->created])
			c->maker[e->created] = i + 1;
	}
	return 0;
}

void cut_free(struct cut *c)
{
	free(c->keep);
	free(c->memory);
	free(c->maker);
	free(c->used);
	free(c->previous);
	memset(c, 0, sizeof(*c));
}

size_t cut_events(const struct cut *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->tape->event_count; i++)
		n += c->keep[i];
	return n;
}

/* Are the event that made the object, and those of its parents, still kept? */
static bool object_made(const struct cut *c, uint32_t object)
{
	const struct whole_tape *t = c->tape;

	while (object && object < t->object_count) {
		if (c->maker[object] && !c->keep[c->maker[object] - 1])
			return false;
		object = t->objects[object].parent < object ? t->objects[object].parent : 0;
	}
	return true;
}

void cut_close(struct cut *c)
{
	struct whole_tape *t = c->tape;

	/* An object is made before it is used, so one pass is enough. */
	for (size_t i = 0; i < t->event_count; i++)
		c->keep[i] = c->keep[i] && object_made(c, t->events[i].object);
	for (size_t i = t->event_count; i < c->count; i++) {
		const struct whole_item *item = &t->items[c->memory[i - t->event_count]];

		c->keep[i] = c->keep[i] && object_made(c, item->memory->object);
	}
}

uint32_t cut_root(const struct cut *c, uint32_t object)
{
	const struct whole_tape *t = c->tape;

	while (object && object < t->object_count) {
		uint32_t parent = t->objects[object].parent;

		if (t->objects[object].kind == KVMAPI_VM)
			return object;
		object = parent < object ? parent : 0;
	}
	return 0;
}

static void object_use(struct cut *c, uint32_t object)
{
	while (object && object < c->tape->object_count && !c->used[object]) {
		c->used[object] = true;
		object = c->tape->objects[object].parent;
	}
}

/* The objects of the part: those that its calls use or make. */
static void cut_objects(struct cut *c)
{
	struct whole_tape *t = c->tape;

	memset(c->used, 0, t->object_count + 1);
	for (size_t i = 0; i < t->event_count; i++) {
		if (!c->keep[i])
			continue;
		object_use(c, t->events[i].object);
		object_use(c, t->events[i].created);
	}
	for (size_t i = t->event_count; i < c->count; i++) {
		if (c->keep[i])
			object_use(c, t->items[c->memory[i - t->event_count]].memory->object);
	}
}

/* A call as it is in the part; `parts` has room for TAPE_ROLES parts. */
static struct tape_call event_call(const struct cut *c, size_t number, struct tape_part *parts)
{
	const struct whole_event *e = &c->tape->events[number];
	bool echo = c->echoes && c->previous[number] && !c->keep[c->previous[number] - 1];
	struct tape_call call = {
		.index = number,
		.thread = e->thread,
		.object = e->object,
		.kind = e->kind,
		.request = e->request,
		.arg = e->arg,
		.row = e->row,
		.part_count = e->call_part_count,
		.parts = e->parts,
	};

	for (unsigned int i = 0; echo && i < call.part_count && i < TAPE_ROLES; i++) {
		parts[i] = call.parts[i];
		if (parts[i].role == TAPE_RUN_IN && parts[i].have > RUN_OWN) {
			parts[i].have = RUN_OWN;
			parts[i].flags |= TAPE_PART_CLIPPED;
		}
	}
	if (echo)
		call.parts = parts;
	return call;
}

static struct tape_return event_return(const struct whole_event *e, const struct tape_call *call)
{
	return (struct tape_return){
		.call = call,
		.ret = e->ret,
		.created = e->created,
		.part_count = e->part_count - e->call_part_count,
		.parts = e->parts ? e->parts + e->call_part_count : NULL,
	};
}

/* --- judging ---------------------------------------------------------------------------------- */

static int item_judge(struct cut *c, struct model *m, const struct whole_item *item)
{
	const struct whole_tape *t = c->tape;
	struct tape_part parts[TAPE_ROLES];
	struct tape_return ret;
	struct tape_call call;

	switch (item->type) {
	case TAPE_THREAD:
		return model_thread(m, &t->threads[item->thread]);
	case TAPE_OBJECT:
		return c->used[item->object] ? model_object(m, &t->objects[item->object]) : 0;
	case TAPE_CLOSED:
		return c->used[item->object] ? model_closed(m, item->object) : 0;
	case TAPE_GAP:
		return model_gap(m, item->gap);
	case TAPE_CALL:
		if (!c->keep[item->event])
			return 0;
		call = event_call(c, item->event, parts);
		return model_call(m, &call);
	case TAPE_RETURN:
		if (!c->keep[item->event])
			return 0;
		call = event_call(c, item->event, parts);
		ret = event_return(&t->events[item->event], &call);
		return model_return(m, &ret);
	default:
		return 0;
	}
}

int cut_judge(struct cut *c, const struct cut_judging *judging)
{
	const struct whole_tape *t = c->tape;
	const uint64_t *hits;
	struct model *m;
	size_t rules;
	int rc;

	cut_objects(c);
	rc = model_create(&t->env, judging->fn, judging->context, &m);
	if (rc)
		return rc;
	if (judging->model) {
		model_promises_enable(m);
		*judging->model = m;
	}
	for (size_t i = 0; !rc && i < t->item_count; i++) {
		if (judging->stop && *judging->stop)
			break;
		rc = item_judge(c, m, &t->items[i]);
	}
	if (!rc && !(judging->stop && *judging->stop))
		rc = model_finish(m);
	if (!rc && judging->hits) {
		hits = model_rule_hits(m);
		model_rules(&rules);
		for (size_t i = 0; i < rules; i++)
			judging->hits[i] += hits[i];
	}
	model_destroy(m);
	return rc;
}

/* --- writing ---------------------------------------------------------------------------------- */

struct cutting {
	struct cut *c;
	struct tape_writer *w;
	bool alone;
	uint32_t *objects; /* the new number of each */
	uint32_t object_count;
	uint32_t *threads; /* the new number of each plus 1 */
	uint32_t thread_count;
};

static int thread_write(struct cutting *k, uint32_t id)
{
	struct tape_thread thread;

	if (k->threads[id])
		return 0;
	if (k->alone && k->thread_count) {
		k->threads[id] = 1;
		return 0;
	}
	thread = k->c->tape->threads[id];
	thread.id = k->thread_count;
	k->threads[id] = ++k->thread_count;
	return tape_writer_thread(k->w, &thread);
}

static int object_write(struct cutting *k, uint32_t id)
{
	struct tape_object object = k->c->tape->objects[id];

	object.id = ++k->object_count;
	k->objects[id] = object.id;
	object.parent = object.parent < k->c->tape->object_count ? k->objects[object.parent] : 0;
	return tape_writer_object(k->w, &object);
}

static int call_write(struct cutting *k, uint32_t event)
{
	struct whole_event *e = &k->c->tape->events[event];
	struct tape_part parts[TAPE_ROLES];
	struct tape_call call = event_call(k->c, event, parts);
	int rc = thread_write(k, e->thread);

	call.thread = k->threads[e->thread] - 1;
	call.object = k->objects[e->object];
	return rc ? rc : tape_writer_call(k->w, &call);
}

static int return_write(struct cutting *k, uint32_t event)
{
	struct whole_event *e = &k->c->tape->events[event];
	struct tape_return ret = event_return(e, NULL);

	ret.created = k->objects[e->created];
	return tape_writer_return(k->w, k->threads[e->thread] - 1, &ret);
}

static int memory_write(struct cutting *k, const struct whole_item *item)
{
	struct tape_memory memory = *item->memory;

	for (size_t i = k->c->tape->event_count; i < k->c->count; i++) {
		const size_t at = k->c->memory[i - k->c->tape->event_count];

		if (&k->c->tape->items[at] != item || !k->c->keep[i])
			continue;
		memory.object = k->objects[memory.object];
		return tape_writer_memory(k->w, &memory);
	}
	return 0;
}

static int item_write(struct cutting *k, const struct whole_item *item)
{
	const struct whole_event *e = &k->c->tape->events[item->event];
	struct tape_gap gap;

	switch (item->type) {
	case TAPE_OBJECT:
		return k->c->used[item->object] ? object_write(k, item->object) : 0;
	case TAPE_CLOSED:
		return k->c->used[item->object]
			       ? tape_writer_closed(k->w, k->objects[item->object], 0)
			       : 0;
	case TAPE_GAP:
		gap = *item->gap;
		gap.time = 0;
		return tape_writer_gap(k->w, &gap);
	case TAPE_MEMORY:
		return memory_write(k, item);
	case TAPE_CALL:
		/*
		 * Alone: place a call where its return was, since its object is announced before
		 * that.
		 */
		return k->c->keep[item->event] && !(k->alone && e->returned)
			       ? call_write(k, item->event)
			       : 0;
	case TAPE_RETURN:
		if (!k->c->keep[item->event])
			return 0;
		return (k->alone ? call_write(k, item->event) : 0) ?: return_write(k, item->event);
	default:
		return 0;
	}
}

int cut_write(struct cut *c, bool alone, int fd)
{
	struct whole_tape *t = c->tape;
	struct cutting k = {.c = c, .alone = alone};
	struct tape_env env = t->env;
	struct tape_end end = {0};
	int rc = -ENOMEM;

	cut_objects(c);
	k.objects = calloc(t->object_count + 1, sizeof(*k.objects));
	k.threads = calloc(t->thread_count + 1, sizeof(*k.threads));
	if (!k.objects || !k.threads)
		goto out;
	env.timeless = true;
	env.clock_shift = 0;
	env.canonical = false;
	rc = tape_writer_open(fd, &env, NULL, &k.w);
	for (size_t i = 0; !rc && i < t->item_count; i++)
		rc = item_write(&k, &t->items[i]);
	if (rc)
		goto out;
	end.seen = tape_writer_calls(k.w);
	for (size_t i = 0; i < t->item_count; i++) {
		if (t->items[i].type != TAPE_GAP)
			continue;
		end.lost[t->items[i].gap->cause] += t->items[i].gap->events;
		end.seen += t->items[i].gap->events;
	}
	rc = tape_writer_finish(k.w, &end);
out:
	tape_writer_close(k.w);
	free(k.objects);
	free(k.threads);
	return rc;
}

int cut_sweep(size_t *list, size_t *count, cut_attempt_fn attempt, void *context)
{
	for (size_t chunk = *count; chunk; chunk /= 2) {
		for (size_t end = *count; end;) {
			size_t n = chunk < end ? chunk : end;
			int rc = attempt(context, list + end - n, n);

			if (rc < 0)
				return rc;
			if (rc) {
				memmove(list + end - n, list + end, (*count - end) * sizeof(*list));
				*count -= n;
				end -= n;
			} else {
				/* By half: what belongs together may lie across the border. */
				end -= (n + 1) / 2;
			}
		}
	}
	return 0;
}
