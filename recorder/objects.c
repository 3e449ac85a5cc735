// SPDX-License-Identifier: BSD-2-Clause
/* Maps threads (by tid) and objects (by kernel address) to their numbers on the tape. */
#include <stdlib.h>

#include "base/array.h"
#include "recorder/internal.h"

static uint32_t bucket(uint64_t key)
{
	return (uint32_t)((key * 0x9E3779B97F4A7C15u) >> 40) % RECORDER_BUCKETS;
}

struct recorder_thread *recorder_thread_find(struct recorder_tables *t, uint32_t tid,
					     uint32_t serial)
{
	struct recorder_thread *thread = t->threads[bucket(tid)];

	while (thread && thread->tid != tid)
		thread = thread->next;
	return thread && thread->serial == serial ? thread : NULL;
}

struct recorder_thread *recorder_thread_add(struct recorder_tables *t, uint32_t pid, uint32_t tid,
					    uint32_t serial)
{
	struct recorder_thread **head = &t->threads[bucket(tid)];
	struct recorder_thread *thread;

	recorder_thread_remove(t, tid);
	if (t->thread_ids >= TAPE_MAX_THREADS)
		return NULL;
	thread = calloc(1, sizeof(*thread));
	if (!thread)
		return NULL;
	thread->pid = pid;
	thread->tid = tid;
	thread->serial = serial;
	thread->id = t->thread_ids++;
	thread->next = *head;
	*head = thread;
	return thread;
}

void recorder_thread_remove(struct recorder_tables *t, uint32_t tid)
{
	struct recorder_thread **at = &t->threads[bucket(tid)];
	struct recorder_thread *thread;

	while (*at && (*at)->tid != tid)
		at = &(*at)->next;
	thread = *at;
	if (thread) {
		*at = thread->next;
		free(thread);
	}
}

static uint32_t object_bucket(uint32_t kind, uint64_t address)
{
	return bucket(address ^ kind);
}

struct recorder_object *recorder_object_find(struct recorder_tables *t, uint32_t kind,
					     uint64_t address)
{
	struct recorder_object *object = t->objects[object_bucket(kind, address)];

	while (object && (object->address != address || object->kind != kind))
		object = object->next;
	return object;
}

struct recorder_object *recorder_object_add(struct recorder_tables *t, uint32_t kind,
					    uint64_t address, uint64_t serial)
{
	struct recorder_object **head = &t->objects[object_bucket(kind, address)];
	struct recorder_object *object = recorder_object_find(t, kind, address);

	if (!object) {
		object = calloc(1, sizeof(*object));
		if (!object)
			return NULL;
		object->address = address;
		object->kind = kind;
		object->next = *head;
		*head = object;
	}
	object->id = ++t->object_ids;
	object->serial = serial;
	object->file = 0;
	object->closed = false;
	object->doomed = false;
	if (object->dying)
		t->dying--;
	object->dying = false;
	return object;
}

static int by_id(const void *a, const void *b)
{
	const struct recorder_object *one = *(struct recorder_object *const *)a;
	const struct recorder_object *two = *(struct recorder_object *const *)b;

	return one->id < two->id ? -1 : one->id > two->id;
}

struct recorder_object **recorder_objects_open(struct recorder_tables *t, size_t *count)
{
	struct recorder_object **list = NULL;
	size_t room = 0;

	*count = 0;
	for (size_t i = 0; i < RECORDER_BUCKETS; i++) {
		for (struct recorder_object *o = t->objects[i]; o; o = o->next) {
			if (o->closed)
				continue;
			if (array_grow(&list, &room, *count)) {
				free(list);
				return NULL;
			}
			list[(*count)++] = o;
		}
	}
	if (list)
		qsort(list, *count, sizeof(*list), by_id);
	return list;
}

void recorder_tables_release(struct recorder_tables *t)
{
	for (size_t i = 0; i < RECORDER_BUCKETS; i++) {
		while (t->threads[i]) {
			struct recorder_thread *thread = t->threads[i];

			t->threads[i] = thread->next;
			free(thread);
		}
		while (t->objects[i]) {
			struct recorder_object *object = t->objects[i];

			t->objects[i] = object->next;
			free(object);
		}
	}
}
