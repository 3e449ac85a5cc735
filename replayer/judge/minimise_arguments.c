// SPDX-License-Identifier: BSD-2-Clause
/*
 * Simpler arguments: fewer elements in counted tails, fields that are zero, smaller numbers. BTF
 * gives the fields; numbers of the machine (addresses, descriptors) and results do not change. On
 * the model alone numbers change only where the rules say that the call is answered as it was: the
 * target of KVM_ARM_VCPU_INIT or the type of a device stays.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bytes.h"
#include "replayer/judge/minimise_internal.h"

#define FIELD_PATH 256

/* A number inside a part. */
struct field {
	size_t offset, size;
};

/* A part of an event that is being made simpler. */
struct argument {
	struct minimise *m;
	struct whole_event *e;
	struct tape_part *part; /* in e->parts, which are a copy of our own by then */
	uint8_t *data;		/* of the part, likewise */
	const size_t *list;	/* of the sweep over its tail */
	struct field *fields;
	size_t field_count, field_room;
};

static bool is_in(const struct tape_part *part)
{
	return part->role == TAPE_ARG_IN || part->role == TAPE_RUN_IN ||
	       part->role == TAPE_RUN_REGS_IN || part->role == TAPE_PIO_IN ||
	       (part->role >= TAPE_NESTED_IN && part->role < TAPE_NESTED_OUT);
}

static uint64_t number_get(const struct minimise *m, const uint8_t *at, size_t size)
{
	return bytes_get(at, size, kvmapi_arch_big_endian(m->tape.env.arch));
}

static void number_put(const struct minimise *m, uint8_t *at, size_t size, uint64_t value)
{
	bytes_put(at, value, size, kvmapi_arch_big_endian(m->tape.env.arch));
}

/* Does the table say that these bytes are a number of the machine, a pointer, or a count? */
static bool is_bound(const struct kvmapi_ioctl *row, size_t offset, size_t size)
{
	size_t end = offset + size;

	if (row->count_width && offset < row->count_offset + (size_t)row->count_width &&
	    end > row->count_offset)
		return true;
	for (unsigned int i = 0; i < row->machine_count; i++) {
		if (offset < row->machine[i].offset + 8u && end > row->machine[i].offset &&
		    (row->machine[i].what != KVMAPI_M_FD || offset < row->machine[i].offset + 4u))
			return true;
	}
	for (unsigned int i = 0; i < row->nested_count; i++) {
		const struct kvmapi_nested *n = &row->nested[i];

		for (unsigned int k = 0; k < (n->repeat ? n->repeat : 1u); k++) {
			size_t pointer = n->ptr_offset + (size_t)k * n->stride;

			if (offset < pointer + 8 && end > pointer)
				return true;
		}
		if (n->len_width && n->length != KVMAPI_LEN_ONE_REG &&
		    n->length != KVMAPI_LEN_SLOT && offset < n->len_offset + (size_t)n->len_width &&
		    end > n->len_offset)
			return true;
	}
	return false;
}

static const char *part_type(const struct whole_event *e, const struct tape_part *part)
{
	switch (part->role) {
	case TAPE_ARG_IN:
		return e->row ? e->row->type : NULL;
	case TAPE_RUN_IN:
		return "struct kvm_run";
	default:
		return NULL;
	}
}

static int field_add(struct argument *a, size_t offset, size_t size)
{
	if (array_grow(&a->fields, &a->field_room, a->field_count))
		return -ENOMEM;
	a->fields[a->field_count++] = (struct field){offset, size};
	return 0;
}

/*
 * Would the divergence vanish if the field had the value that the diverging call returned for it?
 * Then the field is part of the divergence. On the model alone it must not change.
 */
static int field_matters(struct minimise *m, struct argument *a, size_t offset, size_t size)
{
	const struct whole_event *target;
	const struct tape_part *back;
	uint8_t saved[8];
	int rc;

	if (m->player || m->target == SIZE_MAX || a->part->role != TAPE_ARG_IN || !a->e->row)
		return 0;
	target = &m->tape.events[m->target];
	back = whole_part(target, TAPE_ARG_OUT);
	if (!back || !target->row || !target->row->type || !a->e->row->type ||
	    strcmp(target->row->type, a->e->row->type) || back->have < offset + size ||
	    size > sizeof(saved) || !memcmp(back->data + offset, a->data + offset, size))
		return 0;
	memcpy(saved, a->data + offset, size);
	memcpy(a->data + offset, back->data + offset, size);
	rc = minimise_candidate(m);
	memcpy(a->data + offset, saved, size);
	return rc < 0 ? rc : !rc;
}

/* The fields of a part that are not zero, and may be made so. */
static int fields_find(struct minimise *m, struct argument *a)
{
	const char *type = part_type(a->e, a->part);
	char path[FIELD_PATH];
	size_t at = 0;
	int rc = 0;

	a->field_count = 0;
	while (!rc && at < a->part->have) {
		size_t offset = at, size = a->part->have - at, end;

		/* Without a type, words of the machine's size. */
		if (size > 8 - at % 8)
			size = 8 - at % 8;
		if (bytes_zero(a->data + at, size)) {
			at += size;
			continue;
		}
		if (type) {
			if (kvmapi_field_at_value(m->tape.env.arch, type, a->data, a->part->have,
						  at, path, sizeof(path)) ||
			    kvmapi_field_find(m->tape.env.arch, type, path, &offset, &size) ||
			    offset > at || !size || size > 8 || offset + size > a->part->have) {
				offset = at;
				size = 1;
			}
		}
		end = offset + size;
		if (!bytes_zero(a->data + offset, size) &&
		    !(a->part->role == TAPE_ARG_IN && a->e->row &&
		      is_bound(a->e->row, offset, size))) {
			rc = field_matters(m, a, offset, size);
			if (!rc)
				rc = field_add(a, offset, size);
			if (rc > 0)
				rc = 0;
		}
		at = end > at ? end : at + 1;
	}
	return rc;
}

/* --- attempts --------------------------------------------------------------------------------- */

static int zero_attempt(void *context, const size_t *elements, size_t count)
{
	struct argument *a = context;
	struct minimise *m = a->m;
	uint8_t *saved = malloc(a->part->have + 1);
	int rc;

	if (!saved)
		return -ENOMEM;
	memcpy(saved, a->data, a->part->have);
	for (size_t i = 0; i < count; i++) {
		const struct field *f = &a->fields[elements[i]];

		memset(a->data + f->offset, 0, f->size);
	}
	rc = minimise_candidate(m);
	if (rc <= 0)
		memcpy(a->data, saved, a->part->have);
	free(saved);
	return rc;
}

/* Take elements out of the tail. */
static int tail_attempt(void *context, const size_t *elements, size_t count)
{
	struct argument *a = context;
	struct minimise *m = a->m;
	const struct kvmapi_ioctl *row = a->e->row;
	uint32_t have = a->part->have, want = a->part->want;
	uint8_t *saved = malloc(have + 1);
	/* Removed elements are gone from list and tail, so positions agree. */
	size_t n, left = elements - a->list;
	int rc;

	if (!saved)
		return -ENOMEM;
	memcpy(saved, a->data, have);
	n = (have - row->size) / row->elem_size;
	memmove(a->data + row->size + left * row->elem_size,
		a->data + row->size + (left + count) * row->elem_size,
		(n - left - count) * row->elem_size);
	a->part->have -= count * row->elem_size;
	a->part->want -= count * row->elem_size;
	number_put(m, a->data + row->count_offset, row->count_width, n - count);
	rc = minimise_candidate(m);
	if (rc <= 0) {
		memcpy(a->data, saved, have);
		a->part->have = have;
		a->part->want = want;
	}
	free(saved);
	return rc;
}

static int number_attempt(struct minimise *m, uint8_t *at, size_t size, uint64_t value)
{
	uint64_t old = number_get(m, at, size);
	int rc;

	if (value == old)
		return 0;
	number_put(m, at, size, value);
	rc = minimise_candidate(m);
	if (rc <= 0)
		number_put(m, at, size, old);
	return rc;
}

/* 1, then its lowest bit alone, then without one bit after the other: each is smaller. */
static int number_smaller(struct minimise *m, uint8_t *at, size_t size, bool *changed)
{
	uint64_t value = number_get(m, at, size);
	int rc = 0;

	if (value > 1)
		rc = number_attempt(m, at, size, 1);
	if (!rc && value > 1 && (value & (value - 1)))
		rc = number_attempt(m, at, size, value & -value);
	*changed |= rc > 0;
	for (int bit = 63; !rc && bit >= 0; bit--) {
		value = number_get(m, at, size);
		if (!(value & 1ull << bit) || value == 1ull << bit)
			continue;
		rc = number_attempt(m, at, size, value & ~(1ull << bit));
		*changed |= rc > 0;
		if (rc > 0)
			rc = 0;
	}
	return rc < 0 ? rc : 0;
}

/* --- events ----------------------------------------------------------------------------------- */

static size_t *list_numbers(size_t count)
{
	size_t *list = malloc((count + 1) * sizeof(*list));

	for (size_t i = 0; list && i < count; i++)
		list[i] = i;
	return list;
}

static int fields_zero(struct minimise *m, struct argument *a, bool *changed)
{
	size_t *list, count;
	int rc = fields_find(m, a);

	if (rc || !a->field_count)
		return rc;
	list = list_numbers(a->field_count);
	if (!list)
		return -ENOMEM;
	count = a->field_count;
	rc = cut_sweep(list, &count, zero_attempt, a);
	m->r->fields_zeroed += a->field_count - count;
	*changed |= count != a->field_count;
	free(list);
	return rc;
}

static int fields_smaller(struct minimise *m, struct argument *a, bool *changed)
{
	int rc = fields_find(m, a);

	for (size_t i = 0; !rc && i < a->field_count; i++) {
		bool smaller = false;

		rc = number_smaller(m, a->data + a->fields[i].offset, a->fields[i].size, &smaller);
		m->r->fields_smaller += smaller;
		*changed |= smaller;
	}
	return rc;
}

/*
 * Elements of a tail.  On the model alone only where the kernel does not write into the same tail:
 * its answer would not fit any more.
 */
static int tail_shorter(struct minimise *m, struct argument *a, bool *changed)
{
	const struct kvmapi_ioctl *row = a->e->row;
	size_t *list, count, n;
	int rc;

	if (a->part->role != TAPE_ARG_IN || !row || row->payload != KVMAPI_COUNTED ||
	    !row->count_width || !row->elem_size || a->part->have <= row->size ||
	    a->part->have != a->part->want || (!m->player && row->dir != KVMAPI_IN))
		return 0;
	n = (a->part->have - row->size) / row->elem_size;
	if (number_get(m, a->data + row->count_offset, row->count_width) != n)
		return 0;
	list = list_numbers(n);
	if (!list)
		return -ENOMEM;
	count = n;
	a->list = list;
	/* The other events do not change: the answer must be exactly as certain as before. */
	m->changed = SIZE_MAX;
	rc = cut_sweep(list, &count, tail_attempt, a);
	m->changed = a->e - m->tape.events;
	m->r->elements_dropped += n - count;
	*changed |= count != n;
	free(list);
	return rc;
}

/* Make the event's parts its own, so that they can be changed. */
static int event_own(struct minimise *m, struct whole_event *e)
{
	struct tape_part *parts;

	parts = whole_arena_take(&m->tape.arena, (e->part_count + 1) * sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	if (e->part_count)
		memcpy(parts, e->parts, e->part_count * sizeof(*parts));
	e->parts = parts;
	return 0;
}

static int argument_simplify(struct minimise *m, struct whole_event *e, unsigned int index,
			     bool *changed)
{
	struct argument a = {.m = m, .e = e, .part = (struct tape_part *)&e->parts[index]};
	int rc;

	/* The bytes are in the tape's arena, which may be changed. */
	a.data = (uint8_t *)a.part->data;
	rc = tail_shorter(m, &a, changed);
	if (!rc)
		rc = fields_zero(m, &a, changed);
	if (!rc)
		rc = fields_smaller(m, &a, changed);
	free(a.fields);
	return rc;
}

/* The argument itself, where it is a number. */
static int value_simplify(struct minimise *m, struct whole_event *e, bool *changed)
{
	uint64_t old = e->arg;
	bool smaller = false;
	int rc;

	if (!e->arg || !e->row || e->row->payload != KVMAPI_VALUE || e->part_count)
		return 0;
	e->arg = 0;
	rc = minimise_candidate(m);
	if (rc > 0) {
		m->r->fields_zeroed++;
		*changed = true;
		return 0;
	}
	e->arg = old;
	if (rc < 0)
		return rc;
	/* Bit by bit, like number_smaller() for bytes. */
	for (int bit = 63; !rc && bit >= 0; bit--) {
		if (!(e->arg & 1ull << bit) || e->arg == 1ull << bit)
			continue;
		old = e->arg;
		e->arg &= ~(1ull << bit);
		rc = minimise_candidate(m);
		if (rc <= 0)
			e->arg = old;
		else
			smaller = true;
		if (rc > 0)
			rc = 0;
	}
	m->r->fields_smaller += smaller;
	*changed |= smaller;
	return rc;
}

int minimise_arguments(struct minimise *m, bool *changed)
{
	int rc = m->player ? 0 : minimise_certain(m);

	for (size_t i = 0; !rc && i < m->tape.event_count; i++) {
		struct whole_event *e = &m->tape.events[i];

		if (!m->cut.keep[i])
			continue;
		/* The diverging call keeps its arguments, which its recorded answer belongs to. */
		if (!m->player && i == m->target && !m->o->advice)
			continue;
		rc = event_own(m, e);
		m->changed = i;
		if (!rc)
			rc = value_simplify(m, e, changed);
		for (unsigned int k = 0; !rc && k < e->part_count; k++) {
			if (is_in(&e->parts[k]) && e->parts[k].have)
				rc = argument_simplify(m, e, k, changed);
		}
	}
	free(m->certain);
	m->certain = NULL;
	return rc;
}
