/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls in memory: see sequence.h. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/internal.h"

#define GONE 0xffff

struct fuzz_sequence *fuzz_sequence_new(enum kvmapi_arch arch)
{
	struct fuzz_sequence *s = malloc(sizeof(*s));

	if (!s)
		return NULL;
	s->arch = arch;
	fuzz_sequence_clear(s);
	return s;
}

void fuzz_sequence_free(struct fuzz_sequence *s)
{
	free(s);
}

void fuzz_sequence_clear(struct fuzz_sequence *s)
{
	s->call_count = s->part_count = s->byte_count = 0;
}

static uint32_t padded(uint32_t size)
{
	return (size + 7) & ~7u;
}

void fuzz_sequence_copy(struct fuzz_sequence *to, const struct fuzz_sequence *from)
{
	to->arch = from->arch;
	to->call_count = from->call_count;
	to->part_count = to->byte_count = 0;
	memcpy(to->calls, from->calls, from->call_count * sizeof(from->calls[0]));
	for (uint32_t i = 0; i < from->call_count; i++) {
		struct fuzz_call *call = &to->calls[i];
		uint16_t first = call->part;

		call->part = to->part_count;
		for (uint16_t k = 0; k < call->part_count; k++) {
			struct fuzz_part *p = &to->parts[to->part_count++];

			*p = from->parts[first + k];
			memcpy(to->bytes + to->byte_count, from->bytes + p->offset, p->size);
			p->offset = to->byte_count;
			to->byte_count += padded(p->size);
		}
	}
}

/* Bytes that no call uses any more are given back. */
static void pack(struct fuzz_sequence *s)
{
	struct fuzz_sequence *copy = fuzz_sequence_new(s->arch);

	if (!copy)
		return;
	fuzz_sequence_copy(copy, s);
	fuzz_sequence_copy(s, copy);
	fuzz_sequence_free(copy);
}

bool fuzz_sequence_equal(const struct fuzz_sequence *a, const struct fuzz_sequence *b)
{
	if (a->arch != b->arch || a->call_count != b->call_count)
		return false;
	for (uint32_t i = 0; i < a->call_count; i++) {
		const struct fuzz_call *x = &a->calls[i], *y = &b->calls[i];

		if (x->op != y->op || x->flags != y->flags || x->thread != y->thread ||
		    x->object != y->object || x->request != y->request || x->arg != y->arg ||
		    x->part_count != y->part_count)
			return false;
		for (uint16_t k = 0; k < x->part_count; k++) {
			const struct fuzz_part *p = &a->parts[x->part + k];
			const struct fuzz_part *q = &b->parts[y->part + k];

			if (p->role != q->role || p->flags != q->flags || p->size != q->size ||
			    memcmp(a->bytes + p->offset, b->bytes + q->offset, p->size))
				return false;
		}
	}
	return true;
}

/* --- objects ---------------------------------------------------------------------------------- */

uint8_t fuzz_sequence_kind(const struct fuzz_sequence *s, uint32_t object)
{
	const struct fuzz_call *maker;

	if (!object)
		return KVMAPI_SYSTEM;
	if (object > s->call_count)
		return 0;
	maker = &s->calls[object - 1];
	return maker->op == FUZZ_IOCTL && maker->row ? maker->row->creates : 0;
}

uint32_t fuzz_sequence_vm(const struct fuzz_sequence *s, uint32_t object)
{
	while (object && fuzz_sequence_kind(s, object) != KVMAPI_VM)
		object = s->calls[object - 1].object;
	return object;
}

/* The row of one call, from what is known of the calls before it. */
void fuzz_call_resolve(struct fuzz_sequence *s, uint32_t index)
{
	struct fuzz_call *call = &s->calls[index];

	if (call->object > index)
		call->object = 0;
	call->row = NULL;
	if (call->op == FUZZ_IOCTL) {
		uint8_t kind = fuzz_sequence_kind(s, call->object);

		if (kind)
			call->row = kvmapi_find(s->arch, kind, call->request);
	}
}

void fuzz_sequence_resolve(struct fuzz_sequence *s)
{
	for (uint32_t i = 0; i < s->call_count; i++)
		fuzz_call_resolve(s, i);
}

/* The descriptor field of a machine field, NULL: not there. */
static uint8_t *fd_field(const struct fuzz_sequence *s, const struct fuzz_call *call,
			 unsigned int n, const struct fuzz_part *in)
{
	const struct kvmapi_machine_field *field = &call->row->machine[n];

	if (field->what != KVMAPI_M_FD || field->offset + 4u > in->size)
		return NULL;
	return (uint8_t *)s->bytes + in->offset + field->offset;
}

uint32_t fuzz_fd_get(const struct fuzz_sequence *s, const uint8_t *at)
{
	uint32_t fd;

	memcpy(&fd, at, 4);
	return kvmapi_arch_big_endian(s->arch) ? __builtin_bswap32(fd) : fd;
}

void fuzz_fd_put(const struct fuzz_sequence *s, uint8_t *at, uint32_t fd)
{
	if (kvmapi_arch_big_endian(s->arch))
		fd = __builtin_bswap32(fd);
	memcpy(at, &fd, 4);
}

/*
 * Objects have new numbers: `map` has them by the old ones (GONE: no such object any more).  Calls
 * from index `from` on are changed.
 */
static void renumber(struct fuzz_sequence *s, uint32_t from, const uint16_t *map, uint32_t count)
{
	for (uint32_t i = from; i < s->call_count; i++) {
		struct fuzz_call *call = &s->calls[i];
		const struct fuzz_part *in;

		call->object = call->object < count && map[call->object] != GONE ? map[call->object]
			       : call->object < count				 ? 0
										 : call->object;
		if (!call->row || !call->row->machine_count)
			continue;
		in = fuzz_sequence_find(s, i, TAPE_ARG_IN);
		for (unsigned int n = 0; in && n < call->row->machine_count; n++) {
			uint8_t *at = fd_field(s, call, n, in);
			uint32_t fd = at ? fuzz_fd_get(s, at) - FUZZ_FD_OBJECT : count;

			if (fd < count)
				fuzz_fd_put(s, at,
					    map[fd] == GONE ? UINT32_MAX
							    : FUZZ_FD_OBJECT + map[fd]);
		}
	}
}

void fuzz_sequence_open_gap(struct fuzz_sequence *s, uint32_t at, uint32_t count)
{
	uint16_t map[FUZZ_CALLS_MAX + 1];

	memmove(&s->calls[at + count], &s->calls[at], (s->call_count - at) * sizeof(s->calls[0]));
	for (uint32_t n = 0; n <= s->call_count; n++)
		map[n] = n > at ? n + count : n;
	s->call_count += count;
	renumber(s, at + count, map, s->call_count - count + 1);
}

struct fuzz_call *fuzz_sequence_insert(struct fuzz_sequence *s, uint32_t at,
				       const struct fuzz_call *call)
{
	if (s->call_count >= FUZZ_CALLS_MAX || at > s->call_count)
		return NULL;
	fuzz_sequence_open_gap(s, at, 1);
	s->calls[at] = *call;
	s->calls[at].part = s->part_count;
	s->calls[at].part_count = 0;
	fuzz_call_resolve(s, at);
	return &s->calls[at];
}

/* Another object of the kind, made before call `before` by a call that stays; GONE. */
static uint16_t substitute(const struct fuzz_sequence *s, const bool *gone, uint8_t kind,
			   uint32_t before)
{
	for (uint32_t n = before; n > 0; n--) {
		if (!gone[n - 1] && fuzz_sequence_kind(s, n) == kind)
			return n;
	}
	return kind == KVMAPI_SYSTEM ? 0 : GONE;
}

void fuzz_sequence_remove(struct fuzz_sequence *s, uint32_t from, uint32_t to, bool dependents)
{
	uint16_t map[FUZZ_CALLS_MAX + 1];
	bool gone[FUZZ_CALLS_MAX] = {false};
	uint32_t kept = 0, count = s->call_count;

	if (to > count)
		to = count;
	if (from >= to)
		return;
	for (uint32_t i = from; i < to; i++)
		gone[i] = true;
	for (uint32_t i = to; i < count; i++) {
		struct fuzz_call *call = &s->calls[i];
		uint16_t other;

		if (!call->object || !gone[call->object - 1])
			continue;
		other = dependents ? GONE
				   : substitute(s, gone, fuzz_sequence_kind(s, call->object), i);
		if (other == GONE)
			gone[i] = true;
		else
			call->object = other;
	}
	map[0] = 0;
	for (uint32_t i = 0; i < count; i++) {
		map[i + 1] = gone[i] ? GONE : kept + 1;
		if (!gone[i])
			s->calls[kept++] = s->calls[i];
	}
	s->call_count = kept;
	renumber(s, from, map, count + 1);
	/* What stayed may be a request on an object of another kind now. */
	fuzz_sequence_resolve(s);
}

/* --- parts ------------------------------------------------------------------------------------ */

struct fuzz_part *fuzz_sequence_find(const struct fuzz_sequence *s, uint32_t call, uint8_t role)
{
	const struct fuzz_call *c = &s->calls[call];

	for (uint16_t k = 0; k < c->part_count; k++) {
		if (s->parts[c->part + k].role == role)
			return (struct fuzz_part *)&s->parts[c->part + k];
	}
	return NULL;
}

/* One more part behind those of a call, which move to the end of the pool if they are not there. */
static struct fuzz_part *part_add(struct fuzz_sequence *s, struct fuzz_call *c)
{
	bool last = c->part + c->part_count == s->part_count;

	if (c->part_count >= FUZZ_CALL_PARTS_MAX)
		return NULL;
	if (s->part_count + 1u + (last ? 0 : c->part_count) > FUZZ_PARTS_MAX) {
		pack(s);
		last = c->part + c->part_count == s->part_count;
		if (s->part_count + 1u + (last ? 0 : c->part_count) > FUZZ_PARTS_MAX)
			return NULL;
	}
	if (!last) {
		memmove(&s->parts[s->part_count], &s->parts[c->part],
			c->part_count * sizeof(s->parts[0]));
		c->part = s->part_count;
		s->part_count += c->part_count;
	}
	s->part_count++;
	return &s->parts[c->part + c->part_count++];
}

uint8_t *fuzz_sequence_part(struct fuzz_sequence *s, uint32_t call, uint8_t role, uint32_t size)
{
	struct fuzz_call *c = &s->calls[call];
	struct fuzz_part *p = fuzz_sequence_find(s, call, role);
	uint32_t old = p ? p->size : 0;

	if (size > FUZZ_PART_MAX)
		return NULL;
	if (!p || padded(size) > padded(old)) {
		if (s->byte_count + padded(size) > FUZZ_BYTES_MAX) {
			pack(s);
			p = fuzz_sequence_find(s, call, role);
			if (s->byte_count + padded(size) > FUZZ_BYTES_MAX)
				return NULL;
		}
		if (!p) {
			p = part_add(s, c);
			if (!p)
				return NULL;
			*p = (struct fuzz_part){.role = role};
		} else {
			memcpy(s->bytes + s->byte_count, s->bytes + p->offset, old);
		}
		p->offset = s->byte_count;
		s->byte_count += padded(size);
	}
	if (size > old)
		memset(s->bytes + p->offset + old, 0, size - old);
	p->size = size;
	return s->bytes + p->offset;
}

void fuzz_sequence_part_drop(struct fuzz_sequence *s, uint32_t call, uint8_t role)
{
	struct fuzz_call *c = &s->calls[call];
	struct fuzz_part *p = fuzz_sequence_find(s, call, role);

	if (!p)
		return;
	c->part_count--;
	memmove(p, p + 1, (size_t)(&s->parts[c->part + c->part_count] - p) * sizeof(*p));
}

/* --- the order of things ---------------------------------------------------------------------- */

struct stepping {
	const struct fuzz_sequence *s;
	struct fuzz_step *steps;
	uint32_t count;
	uint16_t open[FUZZ_THREADS_MAX]; /* 1 + the call that the thread is in, 0 = none */
};

static void end_of(struct stepping *t, unsigned int thread)
{
	if (!t->open[thread])
		return;
	t->steps[t->count++] = (struct fuzz_step){FUZZ_STEP_END, t->open[thread] - 1};
	t->open[thread] = 0;
}

/* An object is used: the call that makes it must be over. */
static void end_maker(struct stepping *t, uint32_t object)
{
	for (unsigned int i = 0; object && i < FUZZ_THREADS_MAX; i++) {
		if (t->open[i] == object)
			end_of(t, i);
	}
}

static void end_makers_of_fields(struct stepping *t, uint32_t index)
{
	const struct fuzz_call *call = &t->s->calls[index];
	const struct fuzz_part *in;

	if (!call->row || !call->row->machine_count)
		return;
	in = fuzz_sequence_find(t->s, index, TAPE_ARG_IN);
	for (unsigned int n = 0; in && n < call->row->machine_count; n++) {
		const uint8_t *at = fd_field(t->s, call, n, in);
		uint32_t object = at ? fuzz_fd_get(t->s, at) - FUZZ_FD_OBJECT : 0;

		if (object <= index)
			end_maker(t, object);
	}
}

uint32_t fuzz_sequence_steps(const struct fuzz_sequence *s, struct fuzz_step *steps)
{
	struct stepping t = {.s = s, .steps = steps};
	bool there[FUZZ_CALLS_MAX + 1] = {true};

	for (uint32_t i = 0; i < s->call_count; i++) {
		const struct fuzz_call *call = &s->calls[i];

		/* Nothing to call; and /dev/kvm stays open. */
		if (!there[call->object] || (call->op == FUZZ_CLOSE && !call->object))
			continue;
		end_maker(&t, call->object);
		if (call->op == FUZZ_CLOSE) {
			for (unsigned int k = 0; k < FUZZ_THREADS_MAX; k++) {
				if (t.open[k] && s->calls[t.open[k] - 1].object == call->object)
					end_of(&t, k);
			}
			there[call->object] = false;
			steps[t.count++] = (struct fuzz_step){FUZZ_STEP_CLOSE, i};
			continue;
		}
		if (call->op == FUZZ_MEMORY) {
			if (fuzz_sequence_kind(s, call->object) == KVMAPI_VM)
				steps[t.count++] = (struct fuzz_step){FUZZ_STEP_MEMORY, i};
			continue;
		}
		end_of(&t, call->thread);
		end_makers_of_fields(&t, i);
		steps[t.count++] = (struct fuzz_step){FUZZ_STEP_BEGIN, i};
		t.open[call->thread] = i + 1;
		there[i + 1] = fuzz_sequence_kind(s, i + 1);
		if (!(call->flags & FUZZ_CALL_OPEN))
			end_of(&t, call->thread);
	}
	for (unsigned int k = 0; k < FUZZ_THREADS_MAX; k++)
		end_of(&t, k);
	return t.count;
}
