// SPDX-License-Identifier: BSD-2-Clause
/*
 * The canonical form: docs/tape-format.md, "Canonical form".
 *
 * Everything here must map its own numbers to themselves: canonicalising is idempotent.
 */
#include <ctype.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/bytes.h"
#include "tape/format.h"
#include "tape/ids.h"
#include "tape/show.h"

/* Descriptors: those of objects follow their ids, all others the order of their appearance. */
#define FD_OBJECT  2u
#define FD_FOREIGN 1000000u

/* Addresses of buffers: one for each role, and one for unreadable addresses. */
#define ADDR_ARG	0x10000ull
#define ADDR_ARG_BAD	0x11000ull
#define ADDR_NESTED	0x20000ull /* + n * ADDR_STEP */
#define ADDR_NESTED_BAD 0x21000ull
#define ADDR_FIELD	0x400000ull /* + offset of the field * ADDR_STEP */
#define ADDR_STEP	0x10000ull

/*
 * Memory areas: each gets a window of its own and begins in its middle, so that it can grow to
 * either side later.
 */
#define AREA_FIRST  (1ull << 40)
#define AREA_WINDOW (1ull << 37)
#define AREA_MAX    512u

/* Replaces every wall clock. */
#define CANON_REALTIME	 2000000000000000000ull
#define REALTIME_IS_REAL 1600000000000000000ull /* when the API did not have it yet */

/* Items that wait for the end of an incomplete call, at most. */
#define QUEUE_MAX 16384u

struct area {
	uint64_t low, high; /* as on the tape that is read: [low, high) */
	uint64_t shift;	    /* what to add */
	uint64_t window;    /* [window, window + AREA_WINDOW) is where it may be */
};

struct foreign {
	uint32_t pid;
	int32_t fd;
	uint32_t number;
};

struct canon_object {
	uint32_t id, pid; /* pid 0 = not known yet */
	int32_t fd;
};

/* An item that cannot be written yet, with everything it points to. */
struct queued {
	struct queued *next;
	struct tape_item item;
	struct tape_call call;
	struct tape_return ret;
	struct tape_part call_parts[TAPE_ROLES], ret_parts[TAPE_ROLES];
	bool waiting; /* a call whose return may have data that could not be read before */
	uint8_t bytes[];
};

struct canon {
	struct tape_reader *r;
	struct tape_writer *w;
	const struct tape_env *env;
	uint32_t *pids;		      /* by thread: id of the first thread of its process, + 1 */
	struct tape_ids first_of_pid; /* the same by process */
	size_t thread_count;
	size_t thread_room;
	struct canon_object *objects; /* that are not closed */
	size_t object_count, object_room;
	struct foreign *foreign;
	size_t foreign_count, foreign_room;
	uint32_t foreign_numbers;
	struct area areas[AREA_MAX];
	unsigned int area_count;
	struct tape_buf payload;
	struct tape_live *live;
	const struct kvmapi_ioctl *get_clock, *set_clock;
	uint32_t *closed; /* that follow each other */
	size_t closed_count, closed_room;
	struct queued *queue, **queue_end;
	size_t queue_count;
};

/* --- descriptors ------------------------------------------------------------------------------ */

static struct canon_object *canon_object(struct canon *c, uint32_t id)
{
	/* Recent descriptors are looked up most. */
	for (size_t i = c->object_count; i-- > 0;)
		if (c->objects[i].id == id)
			return &c->objects[i];
	return NULL;
}

static int32_t object_fd(uint32_t id)
{
	return (int32_t)(FD_OBJECT + id);
}

static int canon_fd(struct canon *c, uint32_t pid, int32_t fd, int32_t *renamed)
{
	int err;

	*renamed = fd;
	/* Programs leave unused fields zero. */
	if (fd <= 0)
		return 0;
	for (size_t i = c->object_count; i-- > 0;) {
		const struct canon_object *o = &c->objects[i];

		if (o->fd == fd && (!o->pid || o->pid == pid)) {
			*renamed = object_fd(o->id);
			return 0;
		}
	}
	for (size_t i = 0; i < c->foreign_count; i++) {
		if (c->foreign[i].fd == fd && c->foreign[i].pid == pid) {
			*renamed = (int32_t)(FD_FOREIGN + c->foreign[i].number);
			return 0;
		}
	}
	err = array_grow(&c->foreign, &c->foreign_room, c->foreign_count);
	if (err)
		return err;
	c->foreign[c->foreign_count++] = (struct foreign){
		.pid = pid,
		.fd = fd,
		.number = c->foreign_numbers,
	};
	*renamed = (int32_t)(FD_FOREIGN + c->foreign_numbers++);
	return 0;
}

/* The number belongs to an object of this process now, not to a foreign descriptor. */
static void object_owned(struct canon *c, uint32_t id, uint32_t pid)
{
	struct canon_object *o = canon_object(c, id);

	if (!o || o->pid)
		return;
	o->pid = pid;
	for (size_t i = 0; i < c->foreign_count; i++) {
		if (c->foreign[i].fd == o->fd && c->foreign[i].pid == pid) {
			c->foreign[i] = c->foreign[--c->foreign_count];
			return;
		}
	}
}

/* --- addresses -------------------------------------------------------------------------------- */

/* No process has memory at or above this: such an address is invalid on purpose and is kept. */
static uint64_t address_limit(const struct canon *c)
{
	return c->env->arch == KVMAPI_X86 ? 1ull << 47 : 1ull << 53;
}

static struct area *area_of(struct canon *c, uint64_t address, uint64_t size)
{
	for (unsigned int i = 0; i < c->area_count; i++)
		if (address < c->areas[i].high && address + size > c->areas[i].low)
			return &c->areas[i];
	return NULL;
}

/* An address outside of memory areas. */
static uint64_t canon_pointer(struct canon *c, uint64_t address, uint64_t otherwise)
{
	const struct area *area;

	if (!address || address >= address_limit(c))
		return address;
	area = area_of(c, address, 1);
	return area ? address + area->shift : otherwise;
}

/* An address that a memory area begins at. */
static uint64_t canon_area(struct canon *c, uint64_t address, uint64_t size, uint64_t otherwise)
{
	const uint64_t page = c->env->page_size ? c->env->page_size : 4096;
	struct area *area;
	uint64_t low, high;

	if (!address || address >= address_limit(c))
		return address;
	/* Page alignment is kept for every area. */
	otherwise += address % page;
	if (!size || size > AREA_WINDOW / 2)
		return canon_pointer(c, address, otherwise);
	area = area_of(c, address, size);
	if (area) {
		low = address < area->low ? address : area->low;
		high = address + size > area->high ? address + size : area->high;
		if (low + area->shift >= area->window &&
		    high + area->shift <= area->window + AREA_WINDOW && high - low <= AREA_WINDOW) {
			area->low = low;
			area->high = high;
			return address + area->shift;
		}
	}
	if (c->area_count == AREA_MAX)
		return canon_pointer(c, address, otherwise);
	area = &c->areas[c->area_count];
	area->low = address;
	area->high = address + size;
	area->window = AREA_FIRST + c->area_count * AREA_WINDOW;
	area->shift = area->window + AREA_WINDOW / 2 + address % page - address;
	c->area_count++;
	return address + area->shift;
}

static bool part_unreadable(const struct tape_part *part)
{
	return part && part->flags & TAPE_PART_FAULT && !part->have;
}

/* --- payload ---------------------------------------------------------------------------------- */

static void number_put(const struct canon *c, uint8_t *to, uint64_t value, unsigned int bytes)
{
	bytes_put(to, value, bytes, kvmapi_arch_big_endian(c->env->arch));
}

/* The pointer of the row that a field of the argument belongs to, -1 = none. */
static int nested_number(const struct kvmapi_ioctl *row, uint16_t offset)
{
	int n = 0;

	for (unsigned int i = 0; i < row->nested_count; i++)
		for (unsigned int k = 0; k < row->nested[i].repeat; k++, n++)
			if (row->nested[i].ptr_offset + k * row->nested[i].stride == offset)
				return n;
	return -1;
}

static uint64_t nested_address(const struct tape_part *parts, unsigned int count, int n)
{
	if (n >= TAPE_NESTED_POINTERS)
		return ADDR_NESTED + (uint64_t)n * ADDR_STEP;
	return (part_unreadable(tape_part_find(parts, count, TAPE_NESTED_IN + n)) ||
				part_unreadable(tape_part_find(parts, count, TAPE_NESTED_OUT + n))
			? ADDR_NESTED_BAD
			: ADDR_NESTED) +
	       (uint64_t)n * ADDR_STEP;
}

/* Offsets found by kvmapi_live_names(). */
struct names {
	struct canon *c;
	const struct tape_part *part;
	uint8_t *data;
	uint32_t pid;
	int err;
};

static void take_name(void *context, enum kvmapi_machine what, size_t offset, size_t size)
{
	struct names *n = context;
	uint64_t value = tape_part_number(n->c->env, n->part, offset, (unsigned int)size);
	int32_t fd;

	if (n->err)
		return;
	if (what == KVMAPI_M_PTR) {
		value = canon_pointer(n->c, value, ADDR_FIELD + offset * ADDR_STEP);
	} else if (value <= INT32_MAX) {
		n->err = canon_fd(n->c, n->pid, (int32_t)value, &fd);
		value = (uint64_t)fd;
	}
	number_put(n->c, n->data + offset, value, (unsigned int)size);
}

/* struct kvm_clock_data: time of the host, and its counter since it was started. */
static void canon_clock(const struct canon *c, const struct tape_part *part, uint8_t *data)
{
	enum { FLAGS = 8, REALTIME = 16, HOST_TSC = 24, HAS_REALTIME = 1 << 2, HAS_TSC = 1 << 3 };
	uint64_t flags, time;

	if (!tape_part_has(part, FLAGS, 4))
		return;
	flags = tape_part_number(c->env, part, FLAGS, 4);
	if (flags & HAS_REALTIME && tape_part_has(part, REALTIME, 8)) {
		time = tape_part_number(c->env, part, REALTIME, 8);
		/* Another value is an error and is kept. */
		if (time >= REALTIME_IS_REAL && time <= INT64_MAX)
			number_put(c, data + REALTIME, CANON_REALTIME, 8);
	}
	if (flags & HAS_TSC && tape_part_has(part, HOST_TSC, 8))
		number_put(c, data + HOST_TSC, tape_part_number(c->env, part, HOST_TSC, 8) != 0, 8);
}

/* Fields of the argument struct that are numbers of the machine. */
static int canon_struct(struct canon *c, const struct tape_call *call,
			const struct tape_return *ret, const struct tape_part *parts,
			unsigned int count, const struct tape_part *part, uint8_t *data)
{
	const uint32_t pid = c->pids[call->thread];
	const struct kvmapi_ioctl *row = call->row;
	struct names names = {.c = c, .part = part, .data = data, .pid = pid};
	uint64_t address, size;
	int32_t fd;
	int err, n;

	err = kvmapi_live_names(c->env->arch, row, part->data, part->have, take_name, &names);
	if (err || names.err)
		return err ? err : names.err;
	if (row == c->get_clock || row == c->set_clock)
		canon_clock(c, part, data);

	for (unsigned int i = 0; i < row->machine_count; i++) {
		const struct kvmapi_machine_field *field = &row->machine[i];
		const uint64_t otherwise = ADDR_FIELD + field->offset * ADDR_STEP;

		switch (field->what) {
		case KVMAPI_M_FD:
			if (!tape_part_has(part, field->offset, 4))
				break;
			/* Not a descriptor of ours: only whether it changed matters. */
			if (ret && ret->ret < 0 && row->creates && field->offset == row->fd_offset)
				break;
			fd = (int32_t)tape_part_number(c->env, part, field->offset, 4);
			err = canon_fd(c, pid, fd, &fd);
			if (err)
				return err;
			number_put(c, data + field->offset, (uint32_t)fd, 4);
			break;
		case KVMAPI_M_PTR:
			if (!tape_part_has(part, field->offset, 8))
				break;
			address = tape_part_number(c->env, part, field->offset, 8);
			n = nested_number(row, field->offset);
			address = canon_pointer(
				c, address, n < 0 ? otherwise : nested_address(parts, count, n));
			number_put(c, data + field->offset, address, 8);
			break;
		case KVMAPI_M_REGION:
			if (!tape_part_has(part, field->offset, 8) ||
			    !tape_part_has(part, field->size_offset, 8))
				break;
			address = tape_part_number(c->env, part, field->offset, 8);
			size = tape_part_number(c->env, part, field->size_offset, 8);
			address = canon_area(c, address, size, otherwise);
			number_put(c, data + field->offset, address, 8);
			break;
		}
	}
	return 0;
}

static uint64_t part_address(const struct tape_part *part, uint64_t arg)
{
	if (!part->addr)
		return 0;
	if (part->role >= TAPE_NESTED_OUT)
		return nested_address(part, 1, part->role - TAPE_NESTED_OUT);
	if (part->role >= TAPE_NESTED_IN)
		return nested_address(part, 1, part->role - TAPE_NESTED_IN);
	return part->role <= TAPE_ARG_OUT ? arg : 0;
}

/* A group of VFIO, as an attribute of its device has it. */
static bool is_vfio(const struct canon *c, const struct tape_call *call,
		    const struct tape_part *arg)
{
	const char *type;
	size_t group, attr, size;

	if (!arg || call->kind != KVMAPI_DEVICE || strcmp(call->row->name, "KVM_SET_DEVICE_ATTR") ||
	    kvmapi_field_find(c->env->arch, call->row->type, "group", &group, &size) ||
	    kvmapi_field_find(c->env->arch, call->row->type, "attr", &attr, &size) ||
	    !tape_part_has(arg, group, 4) || !tape_part_has(arg, attr, 8))
		return false;
	/* Of the attributes of devices, these are the signed number and the pair of them. */
	type = kvmapi_attr_type(c->env->arch, KVMAPI_DEVICE,
				(uint32_t)tape_part_number(c->env, arg, group, 4),
				tape_part_number(c->env, arg, attr, 8));
	return type && (!strcmp(type, "__s32") || !strcmp(type, "struct kvm_vfio_spapr_tce"));
}

static int canon_vfio(struct canon *c, const struct tape_call *call, const struct tape_part *part,
		      uint8_t *data)
{
	int32_t fd;
	int err = 0;

	for (size_t at = 0; at + 4 <= part->have && !err; at += 4) {
		fd = (int32_t)tape_part_number(c->env, part, at, 4);
		err = canon_fd(c, c->pids[call->thread], fd, &fd);
		number_put(c, data + at, (uint32_t)fd, 4);
	}
	return err;
}

/*
 * Copy the parts with their addresses renamed; structs with numbers of the machine are renamed in a
 * copy of their bytes.
 */
static int canon_parts(struct canon *c, const struct tape_call *call, const struct tape_return *ret,
		       const struct tape_part *parts, unsigned int count, uint64_t arg,
		       struct tape_part *to)
{
	const struct kvmapi_ioctl *row = call->row;
	const struct tape_part *struct_in = tape_part_find(parts, count, TAPE_ARG_IN);
	size_t need = 0;
	int32_t fd;
	int err;

	for (unsigned int i = 0; i < count; i++)
		if (parts[i].role <= TAPE_ARG_OUT || parts[i].role >= TAPE_NESTED_IN)
			need += parts[i].have;
	c->payload.len = 0;
	err = tape_buf_reserve(&c->payload, need + 1); /* so that the buffer is not NULL */
	for (unsigned int i = 0; i < count && !err; i++) {
		const struct tape_part *part = &parts[i];
		uint8_t *data = c->payload.data + c->payload.len;
		bool vfio = row && part->role == TAPE_NESTED_IN && is_vfio(c, call, struct_in);

		to[i] = *part;
		to[i].addr = part_address(part, arg);
		if ((part->role > TAPE_ARG_OUT && !vfio) || !row || !part->have)
			continue;
		memcpy(data, part->data, part->have);
		c->payload.len += part->have;
		to[i].data = data;
		err = vfio ? canon_vfio(c, call, part, data)
			   : canon_struct(c, call, ret, parts, count, part, data);
		if (err || part->role != TAPE_ARG_OUT || !ret || ret->ret < 0 || !row->creates ||
		    row->fd_offset < 0 || !tape_part_has(part, (size_t)row->fd_offset, 4))
			continue;
		fd = (int32_t)tape_part_number(c->env, part, (size_t)row->fd_offset, 4);
		if (ret->created)
			fd = object_fd(ret->created);
		else
			err = canon_fd(c, c->pids[call->thread], fd, &fd);
		number_put(c, data + row->fd_offset, (uint32_t)fd, 4);
	}
	return err;
}

/* Parts have no order of their own. */
static void parts_sort(struct tape_part *parts, unsigned int count)
{
	for (unsigned int i = 1; i < count; i++)
		for (unsigned int k = i; k && parts[k].role < parts[k - 1].role; k--) {
			struct tape_part part = parts[k];

			parts[k] = parts[k - 1];
			parts[k - 1] = part;
		}
}

/* The argument itself, where it is an address. */
static uint64_t canon_arg(const struct canon *c, const struct tape_call *call)
{
	const struct kvmapi_ioctl *row = call->row;
	const struct tape_part *in = tape_part_find(call->parts, call->part_count, TAPE_ARG_IN);

	/* Unknown request: small arguments count as numbers, others as addresses. */
	if (row ? row->payload == KVMAPI_VALUE || row->payload == KVMAPI_RUNPAGE || !row->dir
		: call->arg < ADDR_ARG)
		return call->arg;
	if (!call->arg || call->arg >= address_limit(c))
		return call->arg;
	return part_unreadable(in) ? ADDR_ARG_BAD : ADDR_ARG;
}

/* --- items ------------------------------------------------------------------------------------ */

static int take_thread(struct canon *c, const struct tape_thread *thread)
{
	struct tape_thread to = *thread;
	uint32_t *first;

	if (array_grow(&c->pids, &c->thread_room, c->thread_count))
		return -ENOMEM;
	first = tape_ids_at(&c->first_of_pid, thread->pid);
	if (!first)
		return -ENOMEM;
	if (!*first)
		*first = thread->id + 1;
	c->pids[c->thread_count++] = *first;
	to.pid = *first;
	to.tid = thread->id + 1;
	return tape_writer_thread(c->w, &to);
}

static int take_object(struct canon *c, const struct tape_object *object)
{
	struct tape_object to = *object;
	int err = array_grow(&c->objects, &c->object_room, c->object_count);

	if (err)
		return err;
	c->objects[c->object_count++] = (struct canon_object){.id = object->id, .fd = object->fd};
	if (to.fd >= 0)
		to.fd = object_fd(object->id);
	return tape_writer_object(c->w, &to);
}

static int take_closed(struct canon *c, uint32_t id)
{
	struct canon_object *o = canon_object(c, id);
	size_t at;
	int err = array_grow(&c->closed, &c->closed_room, c->closed_count);

	if (err)
		return err;
	if (o) {
		at = (size_t)(o - c->objects);
		memmove(o, o + 1, (c->object_count - at - 1) * sizeof(*o));
		c->object_count--;
	}
	c->closed[c->closed_count++] = id;
	return 0;
}

static int by_id(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Objects closed at the same time, as at the end of a process, have no order. */
static int write_closed(struct canon *c)
{
	int err = 0;

	if (c->closed_count > 1)
		qsort(c->closed, c->closed_count, sizeof(*c->closed), by_id);
	for (size_t i = 0; i < c->closed_count && !err; i++)
		err = tape_writer_closed(c->w, c->closed[i], 0);
	c->closed_count = 0;
	return err;
}

static int take_call(struct canon *c, const struct tape_call *call)
{
	struct tape_part live[TAPE_ROLES], parts[TAPE_ROLES];
	struct tape_call to = *call;
	int err;

	object_owned(c, call->object, c->pids[call->thread]);
	to.time = 0;
	to.arg = canon_arg(c, call);
	to.parts = parts;
	err = tape_live_call(c->live, call, live);
	if (err)
		return err;
	parts_sort(live, call->part_count);
	err = canon_parts(c, call, NULL, live, call->part_count, to.arg, parts);
	return err ? err : tape_writer_call(c->w, &to);
}

static int take_return(struct canon *c, const struct tape_return *ret)
{
	const struct tape_call *call = ret->call;
	struct tape_part live[TAPE_ROLES], parts[TAPE_ROLES];
	struct tape_return to = *ret;
	int32_t fd;
	int err;

	if (ret->created)
		object_owned(c, ret->created, c->pids[call->thread]);
	to.time = 0;
	to.parts = parts;
	err = tape_live_return(c->live, call->thread, ret, live);
	if (err)
		return err;
	parts_sort(live, ret->part_count);
	err = canon_parts(c, call, ret, live, ret->part_count, canon_arg(c, call), parts);
	if (!err && ret->ret >= 0 && call->row && call->row->creates && call->row->fd_offset < 0) {
		if (ret->created) {
			to.ret = object_fd(ret->created);
		} else if (ret->ret <= INT32_MAX) {
			err = canon_fd(c, c->pids[call->thread], (int32_t)ret->ret, &fd);
			to.ret = fd;
		}
	}
	return err ? err : tape_writer_return(c->w, call->thread, &to);
}

static int take_item(struct canon *c, const struct tape_item *item)
{
	struct tape_gap gap;
	int err;

	if (item->type == TAPE_CLOSED)
		return take_closed(c, item->u.closed.object);
	err = write_closed(c);
	if (err)
		return err;
	switch (item->type) {
	case TAPE_THREAD:
		return take_thread(c, &item->u.thread);
	case TAPE_OBJECT:
		return take_object(c, &item->u.object);
	case TAPE_CALL:
		return take_call(c, item->u.call);
	case TAPE_RETURN:
		return take_return(c, item->u.ret);
	case TAPE_GAP:
		gap = item->u.gap;
		gap.time = 0;
		return tape_writer_gap(c->w, &gap);
	case TAPE_MEMORY:
		return tape_writer_memory(c->w, &item->u.memory);
	case TAPE_END:
		return tape_writer_finish(c->w, &item->u.end);
	case TAPE_CLOSED:
	case TAPE_SIGNAL:
	case TAPE_END_OF_FILE:
		break;
	}
	return 0;
}

/* --- what was read late ----------------------------------------------------------------------- */

/*
 * Whether the page of an argument was resident when the call began is chance. Data read at the
 * return belongs to the call, so the call and all later items wait for it.
 */

static bool is_late(const struct tape_part *part)
{
	return part->flags & TAPE_PART_LATE &&
	       (part->role == TAPE_ARG_IN ||
		(part->role >= TAPE_NESTED_IN && part->role < TAPE_NESTED_OUT));
}

/* Can the return have data that the call lacks? */
static bool may_be_late(const struct canon *c, const struct tape_call *call)
{
	const struct kvmapi_ioctl *row = call->row;
	const struct tape_part *in = tape_part_find(call->parts, call->part_count, TAPE_ARG_IN);
	unsigned int n = 0;

	if (!row ? call->request >> 30 == 0 || call->arg < ADDR_ARG
		 : !(row->dir & KVMAPI_IN) || row->payload == KVMAPI_RUNPAGE)
		return false;
	if (!in)
		return true;
	for (unsigned int i = 0; row && i < row->nested_count; i++)
		for (unsigned int k = 0; k < row->nested[i].repeat; k++, n++) {
			size_t at = row->nested[i].ptr_offset + (size_t)k * row->nested[i].stride;

			if (row->nested[i].dir & KVMAPI_IN && n < TAPE_NESTED_POINTERS &&
			    tape_part_has(in, at, 8) && tape_part_number(c->env, in, at, 8) &&
			    !tape_part_find(call->parts, call->part_count, TAPE_NESTED_IN + n))
				return true;
		}
	return false;
}

static size_t parts_bytes(const struct tape_part *parts, unsigned int count)
{
	size_t sum = 0;

	for (unsigned int i = 0; i < count; i++)
		sum += parts[i].have;
	return sum;
}

static uint8_t *parts_copy(struct tape_part *to, const struct tape_part *parts, unsigned int count,
			   uint8_t *bytes)
{
	for (unsigned int i = 0; i < count; i++) {
		to[i] = parts[i];
		if (!parts[i].have)
			continue;
		memcpy(bytes, parts[i].data, parts[i].have);
		to[i].data = bytes;
		bytes += parts[i].have;
	}
	return bytes;
}

static int queue_add(struct canon *c, const struct tape_item *item, struct queued **added)
{
	const struct tape_return *ret = item->type == TAPE_RETURN ? item->u.ret : NULL;
	const struct tape_call *call = item->type == TAPE_CALL ? item->u.call
				       : ret		       ? ret->call
							       : NULL;
	size_t size = sizeof(struct queued);
	struct queued *q;
	uint8_t *at;

	if (call)
		size += parts_bytes(call->parts, call->part_count);
	if (ret)
		size += parts_bytes(ret->parts, ret->part_count);
	if (item->type == TAPE_MEMORY)
		size += item->u.memory.len;
	q = malloc(size);
	if (!q)
		return -ENOMEM;
	q->next = NULL;
	q->waiting = false;
	q->item = *item;
	at = q->bytes;
	if (call) {
		q->call = *call;
		q->call.parts = q->call_parts;
		at = parts_copy(q->call_parts, call->parts, call->part_count, at);
		q->item.u.call = &q->call;
	}
	if (ret) {
		q->ret = *ret;
		q->ret.call = &q->call;
		q->ret.parts = q->ret_parts;
		at = parts_copy(q->ret_parts, ret->parts, ret->part_count, at);
		q->item.u.ret = &q->ret;
	}
	if (item->type == TAPE_MEMORY) {
		memcpy(at, item->u.memory.data, item->u.memory.len);
		q->item.u.memory.data = at;
	}
	*c->queue_end = q;
	c->queue_end = &q->next;
	c->queue_count++;
	*added = q;
	return 0;
}

/* Move the late IN parts of a return to `call`. */
static void late_give(struct tape_call *call, struct tape_part *parts, const struct queued *ret)
{
	for (unsigned int i = 0; i < ret->ret.part_count; i++) {
		const struct tape_part *part = &ret->ret_parts[i];

		if (!is_late(part) || tape_part_find(parts, call->part_count, part->role) ||
		    call->part_count == TAPE_ROLES)
			continue;
		parts[call->part_count] = *part;
		parts[call->part_count++].flags &= (uint8_t)~TAPE_PART_LATE;
	}
}

static void late_move(struct canon *c, struct queued *ret)
{
	unsigned int kept = 0;
	struct queued *q;

	for (q = c->queue; q; q = q->next)
		if (q->waiting && q->call.thread == ret->call.thread)
			break;
	if (!q)
		return;
	q->waiting = false;
	late_give(&q->call, q->call_parts, ret);
	late_give(&ret->call, ret->call_parts, ret);
	for (unsigned int i = 0; i < ret->ret.part_count; i++)
		if (!is_late(&ret->ret_parts[i]))
			ret->ret_parts[kept++] = ret->ret_parts[i];
	ret->ret.part_count = kept;
}

/* Write items that wait for nothing; all: write every item. */
static int queue_write(struct canon *c, bool all)
{
	struct queued *q;
	int err = 0;

	while ((q = c->queue) && !err && (all || !q->waiting || c->queue_count > QUEUE_MAX)) {
		err = take_item(c, &q->item);
		c->queue = q->next;
		if (!c->queue)
			c->queue_end = &c->queue;
		c->queue_count--;
		free(q);
	}
	return err;
}

static int next_item(struct canon *c, const struct tape_item *item)
{
	bool waits = item->type == TAPE_CALL && may_be_late(c, item->u.call);
	struct queued *q;
	int err;

	/* The position of a signal is chance, like times. */
	if (item->type == TAPE_SIGNAL)
		return 0;
	if (!c->queue && !waits)
		return take_item(c, item);
	err = queue_add(c, item, &q);
	if (err)
		return err;
	if (waits) {
		/* The thread's last call, if it waits, has no return. */
		for (struct queued *old = c->queue; old != q; old = old->next)
			if (old->waiting && old->call.thread == q->call.thread)
				old->waiting = false;
		q->waiting = true;
	} else if (item->type == TAPE_RETURN) {
		late_move(c, q);
	}
	return queue_write(c, item->type == TAPE_END);
}

/* "6.1.0-13-amd64" -> "6.1.0" */
static int release_set(struct tape_env *env, const char *release)
{
	char plain[32];
	size_t n = 0;

	while (n < sizeof(plain) - 1 && (isdigit((unsigned char)release[n]) || release[n] == '.'))
		n++;
	while (n && release[n - 1] == '.')
		n--;
	memcpy(plain, release, n);
	plain[n] = 0;
	return tape_env_set(env, "kernel.release", plain);
}

static int canon_env(const struct tape_env *from, struct tape_env *to)
{
	static const char *const kept[] = {"kvm.backend", "cpu.vendor", "results"};
	const char *value = tape_env_get(from, "kernel.release");
	int err = 0;

	tape_env_init(to);
	to->arch = from->arch;
	to->page_size = from->page_size;
	to->clock_shift = 0;
	to->timeless = true;
	to->canonical = true;
	if (value)
		err = release_set(to, value);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]) && !err; i++) {
		value = tape_env_get(from, kept[i]);
		if (value)
			err = tape_env_set(to, kept[i], value);
	}
	for (size_t n = 0; n < from->cap_count && !err; n++)
		if (from->caps[n] != INT32_MIN)
			err = tape_env_set_cap(to, (uint32_t)n, from->caps[n]);
	return err;
}

int tape_canonicalise(struct tape_reader *from, int fd, const struct tape_writer_options *options)
{
	struct canon *c = calloc(1, sizeof(*c));
	struct tape_env env;
	struct tape_item item;
	int err;

	if (!c)
		return -ENOMEM;
	c->r = from;
	c->env = tape_reader_env(from);
	c->queue_end = &c->queue;
	c->get_clock = kvmapi_find_name(c->env->arch, "KVM_GET_CLOCK");
	c->set_clock = kvmapi_find_name(c->env->arch, "KVM_SET_CLOCK");
	err = canon_env(c->env, &env);
	if (!err)
		err = tape_live_open(c->env->arch, &c->live);
	if (!err)
		err = tape_writer_open(fd, &env, options, &c->w);
	while (!err) {
		err = tape_reader_next(from, &item);
		if (err || item.type == TAPE_END_OF_FILE)
			break;
		err = next_item(c, &item);
	}
	/* Also everything before an error. */
	if (c->w && c->live) {
		int queued = queue_write(c, true), closed = write_closed(c);

		err = err ? err : queued ? queued : closed;
	}
	/* A truncated tape stays truncated, with all its items. */
	if (c->w && !tape_reader_complete(from)) {
		int flushed = tape_writer_flush(c->w);

		err = err ? err : flushed;
	}
	tape_writer_close(c->w);
	tape_live_close(c->live);
	tape_env_release(&env);
	tape_buf_release(&c->payload);
	while (c->queue) {
		struct queued *q = c->queue;

		c->queue = q->next;
		free(q);
	}
	free(c->closed);
	free(c->pids);
	tape_ids_release(&c->first_of_pid);
	free(c->objects);
	free(c->foreign);
	free(c);
	return err;
}
