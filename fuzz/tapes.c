/* SPDX-License-Identifier: BSD-2-Clause */
/* Sequences to tapes and back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/array.h"
#include "base/bytes.h"
#include "fuzz/internal.h"

/* The numbers of the canonical form (docs/tape-format.md). */
enum {
	FD_OBJECT = 2,	      /* + the object's id */
	FD_FOREIGN = 1000000, /* + n: event descriptors */
	ADDR_ARG = 0x10000,
	ADDR_NESTED = 0x20000, /* + n * ADDR_STEP */
	ADDR_FIELD = 0x400000, /* + offset of the field * ADDR_STEP */
	ADDR_STEP = 0x10000,
	ADDR_BAD = 0x1000, /* added where nothing can be read */
	PAGE = 4096,
};
#define AREA_WINDOW (1ull << 37)

static uint64_t number_get(const struct fuzz_sequence *s, const uint8_t *at, unsigned int width)
{
	return bytes_get(at, width, kvmapi_arch_big_endian(s->arch));
}

static void number_put(const struct fuzz_sequence *s, uint8_t *at, uint64_t value,
		       unsigned int width)
{
	bytes_put(at, value, width, kvmapi_arch_big_endian(s->arch));
}

/* The argument is the address of a struct. */
static bool takes_struct(const struct kvmapi_ioctl *row)
{
	return row && row->payload != KVMAPI_VALUE && row->payload != KVMAPI_RUNPAGE;
}

/* --- one call --------------------------------------------------------------------------------- */

/* Bytes of the argument with the tail that its count, or its size field, asks for. */
static uint32_t whole_size(const struct fuzz_sequence *s, const struct kvmapi_ioctl *row,
			   const uint8_t *bytes, uint32_t size)
{
	uint64_t whole = size > row->size ? size : row->size;
	uint64_t count, asked = 0;

	if (row->count_width && row->count_offset + row->count_width <= size) {
		count = number_get(s, bytes + row->count_offset, row->count_width);
		if (count > FUZZ_ARG_MAX)
			count = FUZZ_ARG_MAX;
		asked = row->payload == KVMAPI_COUNTED ? row->size + count * row->elem_size : count;
	}
	if (asked > whole)
		whole = asked;
	return whole > FUZZ_ARG_MAX ? FUZZ_ARG_MAX : whole;
}

/* Fields that name something of one machine get the numbers of the canonical form. */
static void machine_put(const struct fuzz_sequence *s, uint32_t index, const uint32_t *ids,
			uint8_t *bytes, uint32_t size)
{
	const struct kvmapi_ioctl *row = s->calls[index].row;
	unsigned int number = 0;

	for (unsigned int i = 0; i < row->machine_count; i++) {
		const struct kvmapi_machine_field *field = &row->machine[i];
		uint8_t *at = bytes + field->offset;
		uint32_t fd;

		if (field->what == KVMAPI_M_FD && field->offset + 4u <= size) {
			fd = fuzz_fd_get(s, at);
			if (fd - FUZZ_FD_EVENT < FUZZ_EVENTFDS_MAX)
				fuzz_fd_put(s, at, FD_FOREIGN + fd - FUZZ_FD_EVENT);
			else if (fd - FUZZ_FD_OBJECT <= index)
				fuzz_fd_put(s, at,
					    ids[fd - FUZZ_FD_OBJECT]
						    ? FD_OBJECT + ids[fd - FUZZ_FD_OBJECT]
						    : UINT32_MAX);
		} else if (field->what == KVMAPI_M_PTR && field->offset + 8u <= size &&
			   number_get(s, at, 8)) {
			number_put(s, at, ADDR_FIELD + (uint64_t)field->offset * ADDR_STEP, 8);
		}
	}
	for (unsigned int i = 0; i < row->nested_count; i++) {
		const struct kvmapi_nested *n = &row->nested[i];

		for (unsigned int k = 0; k < n->repeat; k++, number++) {
			uint32_t offset = n->ptr_offset + k * n->stride;
			const struct fuzz_part *p;

			if (offset + 8 > size || !number_get(s, bytes + offset, 8))
				continue;
			p = fuzz_sequence_find(s, index, TAPE_NESTED_IN + number);
			number_put(s, bytes + offset,
				   ADDR_NESTED + (uint64_t)number * ADDR_STEP +
					   (p && p->flags & FUZZ_PART_BAD ? ADDR_BAD : 0),
				   8);
		}
	}
}

void fuzz_sequence_tape_call(const struct fuzz_sequence *s, uint32_t index, const uint32_t *ids,
			     struct tape_call *call, struct tape_part *parts, uint8_t *scratch)
{
	const struct fuzz_call *c = &s->calls[index];
	bool pointer = takes_struct(c->row);

	memset(call, 0, sizeof(*call));
	call->thread = c->thread;
	call->object = ids[c->object];
	call->kind = fuzz_sequence_kind(s, c->object);
	call->request = c->request;
	call->row = c->row;
	call->parts = parts;
	call->arg = pointer ? (c->arg ? ADDR_ARG : 0) : c->arg;
	for (uint16_t k = 0; k < c->part_count; k++) {
		const struct fuzz_part *p = &s->parts[c->part + k];
		struct tape_part *to = &parts[call->part_count];
		uint8_t *bytes = (uint8_t *)s->bytes + p->offset;
		uint32_t size = p->size;

		*to = (struct tape_part){.role = p->role};
		if (p->role == TAPE_ARG_IN) {
			if (c->row && !pointer)
				continue;
			call->arg = to->addr = ADDR_ARG + (p->flags & FUZZ_PART_BAD ? ADDR_BAD : 0);
			/* What is only written is not read: nothing of it is on a tape. */
			if (c->row && !(c->row->dir & KVMAPI_IN) && !(p->flags & FUZZ_PART_BAD))
				continue;
			if (c->row) {
				uint32_t whole = whole_size(s, c->row, bytes, size);

				if (whole > size || c->row->machine_count) {
					memcpy(scratch, bytes, size);
					memset(scratch + size, 0, whole - size);
					bytes = scratch;
					size = whole;
					machine_put(s, index, ids, bytes, size);
				}
			}
		} else if (p->role >= TAPE_NESTED_IN) {
			to->addr = ADDR_NESTED + (uint64_t)(p->role - TAPE_NESTED_IN) * ADDR_STEP +
				   (p->flags & FUZZ_PART_BAD ? ADDR_BAD : 0);
		}
		to->want = size;
		to->have = size;
		to->data = bytes;
		if (p->flags & FUZZ_PART_BAD) {
			to->want = size ? size : 1;
			to->have = 0;
			to->data = NULL;
			to->flags = TAPE_PART_FAULT;
		}
		call->part_count++;
	}
	/* Of a NULL pointer nothing can be read. */
	if (pointer && !call->arg && c->row->dir & KVMAPI_IN)
		parts[call->part_count++] = (struct tape_part){
			.role = TAPE_ARG_IN, .flags = TAPE_PART_FAULT, .want = c->row->size};
}

void fuzz_sequence_tape_object(const struct fuzz_sequence *s, uint32_t index, const uint32_t *ids,
			       uint32_t id, struct tape_object *object)
{
	const struct fuzz_call *c = &s->calls[index];
	const struct fuzz_part *in;

	*object = (struct tape_object){
		.id = id,
		.kind = c->row->creates,
		.fd = (int32_t)(FD_OBJECT + id),
		.number = UINT64_MAX,
		.parent = c->row->creates == KVMAPI_VM ? 0 : ids[c->object],
	};
	if (object->kind == KVMAPI_VCPU)
		object->number = c->arg;
	if (object->kind == KVMAPI_DEVICE) {
		in = fuzz_sequence_find(s, index, TAPE_ARG_IN);
		/* struct kvm_create_device begins with the type. */
		if (in && in->size >= 4)
			object->number = number_get(s, s->bytes + in->offset, 4);
	}
}

/* --- to a tape -------------------------------------------------------------------------------- */

struct taping {
	const struct fuzz_sequence *s;
	struct tape_writer *w;
	uint32_t ids[FUZZ_CALLS_MAX + 1];
	uint32_t objects;
	struct tape_part parts[FUZZ_CALL_PARTS_MAX];
	uint8_t scratch[FUZZ_ARG_MAX];
};

static int step_write(struct taping *t, const struct fuzz_step *step)
{
	const struct fuzz_call *c = &t->s->calls[step->call];
	struct tape_return ret = {0};
	struct tape_object object;
	struct tape_memory memory;
	const struct fuzz_part *p;
	struct tape_call call;
	int err;

	switch (step->kind) {
	case FUZZ_STEP_BEGIN:
		fuzz_sequence_tape_call(t->s, step->call, t->ids, &call, t->parts, t->scratch);
		return tape_writer_call(t->w, &call);
	case FUZZ_STEP_END:
		if (c->row && c->row->creates) {
			ret.created = ++t->objects;
			t->ids[step->call + 1] = ret.created;
			fuzz_sequence_tape_object(t->s, step->call, t->ids, ret.created, &object);
			ret.ret = c->row->fd_offset < 0 ? object.fd : 0;
			err = tape_writer_object(t->w, &object);
			if (err)
				return err;
		}
		return tape_writer_return(t->w, c->thread, &ret);
	case FUZZ_STEP_CLOSE:
		return tape_writer_closed(t->w, t->ids[c->object], 0);
	default:
		p = fuzz_sequence_find(t->s, step->call, TAPE_ARG_IN);
		if (!p || !p->size)
			return 0;
		memory = (struct tape_memory){.object = t->ids[c->object],
					      .gpa = c->arg,
					      .len = p->size,
					      .data = t->s->bytes + p->offset};
		return tape_writer_memory(t->w, &memory);
	}
}

static int introduce(struct taping *t)
{
	const struct tape_object kvm = {
		.id = 1, .kind = KVMAPI_SYSTEM, .fd = FD_OBJECT + 1, .number = UINT64_MAX};
	unsigned int threads = 1;
	int err = 0;

	for (uint32_t i = 0; i < t->s->call_count; i++) {
		if (t->s->calls[i].thread >= threads)
			threads = t->s->calls[i].thread + 1;
	}
	for (uint32_t n = 0; n < threads && !err; n++) {
		struct tape_thread thread = {.id = n, .pid = 1, .tid = n + 1, .comm = "t0"};

		thread.comm[1] += n;
		err = tape_writer_thread(t->w, &thread);
	}
	t->objects = 1;
	t->ids[0] = 1;
	return err ? err : tape_writer_object(t->w, &kvm);
}

int fuzz_sequence_to_tape(const struct fuzz_sequence *s, const struct tape_env *from, int fd)
{
	struct fuzz_step steps[2 * FUZZ_CALLS_MAX];
	struct taping *t = calloc(1, sizeof(*t));
	const struct tape_end end = {0};
	struct tape_env env;
	uint32_t count;
	int err = -ENOMEM;

	tape_env_init(&env);
	if (!t)
		goto out;
	if (from)
		err = tape_env_copy(&env, from);
	else
		err = 0;
	env.arch = s->arch;
	env.timeless = true;
	if (!env.page_size)
		env.page_size = PAGE;
	if (!err)
		err = tape_env_set(&env, "results", "none");
	if (err)
		goto out;
	t->s = s;
	err = tape_writer_open(fd, &env, NULL, &t->w);
	if (!err)
		err = introduce(t);
	count = fuzz_sequence_steps(s, steps);
	for (uint32_t i = 0; i < count && !err; i++)
		err = step_write(t, &steps[i]);
	if (!err)
		err = tape_writer_finish(t->w, &end);
	tape_writer_close(t->w);
out:
	tape_env_release(&env);
	free(t);
	return err;
}

/* --- from a tape ------------------------------------------------------------------------------ */

struct reading {
	struct fuzz_sequence *s;
	struct tape_reader *r;
	uint16_t *objects; /* by id: 1 + what fuzz_call.object is, 0 = it cannot be named */
	size_t object_room;
	uint16_t *open; /* by thread: 1 + the call that it is in, 0 = none */
	size_t thread_room;
};
#define NONE 0xffff

static int object_set(struct reading *r, uint32_t id, uint16_t object)
{
	int err = array_reach(&r->objects, &r->object_room, id);

	if (!err)
		r->objects[id] = object + 1u;
	return err;
}

static uint16_t object_of(const struct reading *r, uint32_t id)
{
	return id < r->object_room && r->objects[id] ? r->objects[id] - 1u : NONE;
}

/* An area of the canonical form becomes one of ours. */
static uint64_t address_fold(uint64_t address)
{
	/* An area may begin below the middle of its window, where the first address in it is. */
	uint64_t first = FUZZ_AREA(0) - AREA_WINDOW / 2;
	uint64_t window = (address - first) / AREA_WINDOW;

	if (address < first || window >= 512)
		return address;
	return FUZZ_AREA(window % FUZZ_AREAS_MAX) + (address - FUZZ_AREA(window)) % FUZZ_AREA_BYTES;
}

/* Numbers of the canonical form become those of a sequence. */
static void machine_take(const struct reading *r, const struct kvmapi_ioctl *row, uint8_t *bytes,
			 uint32_t size)
{
	for (unsigned int i = 0; i < row->machine_count; i++) {
		const struct kvmapi_machine_field *field = &row->machine[i];
		uint8_t *at = bytes + field->offset;
		uint32_t fd;

		if (field->what == KVMAPI_M_FD && field->offset + 4u <= size) {
			fd = fuzz_fd_get(r->s, at);
			if (fd >= FD_FOREIGN && fd <= INT32_MAX)
				fuzz_fd_put(r->s, at,
					    FUZZ_FD_EVENT + (fd - FD_FOREIGN) % FUZZ_EVENTFDS_MAX);
			else if (fd > FD_OBJECT && object_of(r, fd - FD_OBJECT) != NONE)
				fuzz_fd_put(r->s, at,
					    FUZZ_FD_OBJECT + object_of(r, fd - FD_OBJECT));
		} else if (field->what != KVMAPI_M_FD && field->offset + 8u <= size) {
			number_put(r->s, at, address_fold(number_get(r->s, at, 8)), 8);
		}
	}
	/* Of a pointer to a buffer only counts whether it is one. */
	for (unsigned int i = 0; i < row->nested_count; i++) {
		const struct kvmapi_nested *n = &row->nested[i];

		for (unsigned int k = 0; k < n->repeat; k++) {
			uint8_t *at = bytes + n->ptr_offset + k * n->stride;

			if (n->ptr_offset + k * n->stride + 8 <= size)
				number_put(r->s, at, !!number_get(r->s, at, 8), 8);
		}
	}
}

static int part_take(struct reading *r, uint32_t index, const struct tape_part *p)
{
	const struct kvmapi_ioctl *row = r->s->calls[index].row;
	bool bad = p->flags & TAPE_PART_FAULT && !p->have;
	uint32_t size = p->want < FUZZ_PART_MAX ? p->want : FUZZ_PART_MAX;
	uint8_t *bytes;

	bytes = fuzz_sequence_part(r->s, index, p->role, bad ? 0 : size);
	if (!bytes)
		return -E2BIG;
	if (bad) {
		fuzz_sequence_find(r->s, index, p->role)->flags = FUZZ_PART_BAD;
		return 0;
	}
	if (p->have)
		memcpy(bytes, p->data, p->have < size ? p->have : size);
	if (row && p->role == TAPE_ARG_IN)
		machine_take(r, row, bytes, size);
	return 0;
}

static bool role_is_in(uint8_t role)
{
	return role == TAPE_ARG_IN || role == TAPE_RUN_IN || role == TAPE_RUN_REGS_IN ||
	       role == TAPE_PIO_IN || (role >= TAPE_NESTED_IN && role < TAPE_NESTED_OUT);
}

static int call_add(struct reading *r, const struct fuzz_call *call)
{
	return fuzz_sequence_insert(r->s, r->s->call_count, call) ? 0 : -E2BIG;
}

static int call_take(struct reading *r, const struct tape_call *call)
{
	struct fuzz_call c = {
		.thread = call->thread % FUZZ_THREADS_MAX,
		.object = object_of(r, call->object),
		.request = call->request,
		.arg = takes_struct(call->row) ? !!call->arg : call->arg,
	};
	uint32_t index = r->s->call_count;
	int err = array_reach(&r->open, &r->thread_room, call->thread);

	if (err)
		return err;
	r->open[call->thread] = 0;
	if (c.object == NONE)
		return 0;
	/* Whoever is inside a call now does not wait for it. */
	for (size_t i = 0; i < r->thread_room; i++) {
		if (r->open[i])
			r->s->calls[r->open[i] - 1].flags |= FUZZ_CALL_OPEN;
	}
	err = call_add(r, &c);
	for (unsigned int i = 0; i < call->part_count && !err; i++) {
		/* What a NULL pointer led to is said by the pointer. */
		if (role_is_in(call->parts[i].role) &&
		    (call->parts[i].role != TAPE_ARG_IN || call->arg))
			err = part_take(r, index, &call->parts[i]);
	}
	if (!err)
		r->open[call->thread] = index + 1;
	return err;
}

static int return_take(struct reading *r, const struct tape_return *ret)
{
	uint16_t open = ret->call->thread < r->thread_room ? r->open[ret->call->thread] : 0;
	int err = 0;

	if (!open)
		return 0;
	r->open[ret->call->thread] = 0;
	for (unsigned int i = 0; i < ret->part_count && !err; i++) {
		const struct tape_part *p = &ret->parts[i];
		struct tape_part bad = *p;

		if (role_is_in(p->role)) {
			err = part_take(r, open - 1u, p);
			continue;
		}
		/* The pointer to what is only written says that it is bad in the part before. */
		if (p->have || !(p->flags & TAPE_PART_FAULT))
			continue;
		if (p->role != TAPE_ARG_OUT && p->role < TAPE_NESTED_OUT)
			continue;
		bad.role = p->role == TAPE_ARG_OUT ? TAPE_ARG_IN
						   : p->role - TAPE_NESTED_OUT + TAPE_NESTED_IN;
		if (ret->call->arg && !fuzz_sequence_find(r->s, open - 1u, bad.role))
			err = part_take(r, open - 1u, &bad);
	}
	return err || !ret->created ? err : object_set(r, ret->created, open);
}

/* An object; if no call of the tape makes it, one of ours does. */
static int object_take(struct reading *r, const struct tape_object *o)
{
	struct fuzz_call c = {.object = o->parent ? object_of(r, o->parent) : 0};
	const char *name = o->kind == KVMAPI_VM	      ? "KVM_CREATE_VM"
			   : o->kind == KVMAPI_VCPU   ? "KVM_CREATE_VCPU"
			   : o->kind == KVMAPI_DEVICE ? "KVM_CREATE_DEVICE"
						      : NULL;
	const struct kvmapi_ioctl *row = name ? kvmapi_find_name(r->s->arch, name) : NULL;
	uint8_t *bytes;
	int err = o->kind == KVMAPI_SYSTEM ? object_set(r, o->id, 0) : 0;

	if (err)
		return err;
	if (!(o->flags & TAPE_OBJECT_PRE_EXISTING) || !row || c.object == NONE)
		return 0;
	c.request = row->request;
	c.arg = o->kind == KVMAPI_VCPU && o->number != UINT64_MAX ? o->number : 0;
	err = call_add(r, &c);
	if (!err && o->kind == KVMAPI_DEVICE) {
		bytes = fuzz_sequence_part(r->s, r->s->call_count - 1, TAPE_ARG_IN, row->size);
		if (!bytes)
			return -E2BIG;
		number_put(r->s, bytes, o->number, 4);
	}
	return err ? err : object_set(r, o->id, (uint16_t)r->s->call_count);
}

static int item_take(struct reading *r, const struct tape_item *item)
{
	struct fuzz_call c = {0};
	uint8_t *bytes;
	int err;

	switch (item->type) {
	case TAPE_OBJECT:
		return object_take(r, &item->u.object);
	case TAPE_CALL:
		return call_take(r, item->u.call);
	case TAPE_RETURN:
		return return_take(r, item->u.ret);
	case TAPE_CLOSED:
		c.op = FUZZ_CLOSE;
		c.object = object_of(r, item->u.closed.object);
		return c.object == NONE || !c.object ? 0 : call_add(r, &c);
	case TAPE_MEMORY:
		c.op = FUZZ_MEMORY;
		c.object = object_of(r, item->u.memory.object);
		c.arg = item->u.memory.gpa;
		if (c.object == NONE)
			return 0;
		err = call_add(r, &c);
		if (err)
			return err;
		bytes = item->u.memory.len > FUZZ_PART_MAX
				? NULL
				: fuzz_sequence_part(r->s, r->s->call_count - 1, TAPE_ARG_IN,
						     item->u.memory.len);
		if (!bytes)
			return -E2BIG;
		memcpy(bytes, item->u.memory.data, item->u.memory.len);
		return 0;
	default:
		return 0;
	}
}

/* Read the items of a tape in its canonical form. */
static int items_take(struct fuzz_sequence *s, struct tape_reader *reader)
{
	struct reading r = {.s = s, .r = reader};
	struct tape_item item;
	int err;

	s->arch = tape_reader_env(reader)->arch;
	do {
		uint32_t before = s->call_count;

		err = tape_reader_next(reader, &item);
		if (err || item.type == TAPE_END_OF_FILE)
			break;
		err = item_take(&r, &item);
		/* A call whose bytes found no room is not there. */
		if (err == -E2BIG && s->call_count > before)
			fuzz_sequence_remove(s, before, s->call_count, true);
	} while (!err);
	free(r.objects);
	free(r.open);
	return err;
}

int fuzz_sequence_from_tape(struct fuzz_sequence *s, const void *data, size_t size)
{
	struct tape_reader *r = NULL;
	int fd = -1;
	int err;

	fuzz_sequence_clear(s);
	err = tape_reader_open_memory(data, size, &r);
	if (err)
		return err;
	if (!tape_reader_env(r)->canonical) {
		fd = memfd_create("canonical", MFD_CLOEXEC);
		err = fd < 0 ? -errno : tape_canonicalise(r, fd, NULL);
		tape_reader_close(r);
		r = NULL;
		if (err || lseek(fd, 0, SEEK_SET) < 0)
			goto out;
		err = tape_reader_open_fd(fd, &r);
		if (err)
			goto out;
	}
	err = items_take(s, r);
out:
	tape_reader_close(r);
	if (fd >= 0)
		close(fd);
	return err;
}
