// SPDX-License-Identifier: BSD-2-Clause
/*
 * Threads by tid and objects by kernel address: which number each has on the tape.
 */
#include <stdlib.h>

#include "recorder/internal.h"

static uint32_t bucket(uint64_t key)
{
	return (uint32_t)((key * 0x9E3779B97F4A7C15u) >> 40) % RECORDER_BUCKETS;
}

struct recorder_thread *recorder_thread_find(struct recorder_tables *t, uint32_t tid)
{
	struct recorder_thread *thread = t->threads[bucket(tid)];

	while (thread && thread->tid != tid)
		thread = thread->next;
	return thread;
}

struct recorder_thread *recorder_thread_add(struct recorder_tables *t, uint32_t pid, uint32_t tid)
{
	struct recorder_thread **head = &t->threads[bucket(tid)];
	struct recorder_thread *thread;

	recorder_thread_remove(t, tid);
	thread = calloc(1, sizeof(*thread));
	if (!thread)
		return NULL;
	thread->pid = pid;
	thread->tid = tid;
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
					    uint64_t address, uint32_t pid)
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
	object->pid = pid;
	object->closed = false;
	return object;
}

struct recorder_object *recorder_object_of(struct recorder_tables *t, uint32_t pid, uint32_t except)
{
	for (size_t i = 0; i < RECORDER_BUCKETS; i++)
		for (struct recorder_object *o = t->objects[i]; o; o = o->next)
			if (!o->closed && o->pid == pid && !(o->kind & except))
				return o;
	return NULL;
}

struct recorder_object *recorder_object_of_other(struct recorder_tables *t, uint32_t pid)
{
	for (size_t i = 0; i < RECORDER_BUCKETS; i++)
		for (struct recorder_object *o = t->objects[i]; o; o = o->next)
			if (!o->closed && o->pid != pid)
				return o;
	return NULL;
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
