/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bytes.h"

#define NO_RULE	  UINT16_MAX
#define NAMES_MAX 4 /* that are written out of fields with one history */

/* One field of a block, or an answer that has no bytes. */
struct field {
	uint8_t role;
	uint32_t offset, len; /* of its bytes; 0: it has none */
	uint16_t rule;	      /* of an answer without bytes */
	int error;	      /* of a refusal */
	const char *says;     /* what it says now; NULL = nothing */
	bool diverges, told;
	char name[96];
	struct history_event *ring;
	uint64_t count;
};

/* The bytes of a part as far as they are known, by the last answer and the one before it. */
struct bytes {
	uint8_t role;
	uint32_t size;
	uint8_t *value, *mask, *next_value, *next_mask;
	uint8_t *covered; /* fields were made for this byte */
};

struct history {
	const struct tape_call *later;
	enum kvmapi_arch arch;
	size_t limit;
	struct field *fields;
	size_t field_count, field_room;
	struct bytes *bytes;
	size_t byte_count, byte_room;
	bool asked; /* once with success */
	/* The event that an item judged, the last one of several. */
	struct history_event event;
	bool judged;
	bool same_call; /* it is the same call as the later one */
	uint8_t *read;	/* its result */
	struct tape_part read_parts[TAPE_ROLES];
	unsigned int read_count;
	size_t read_room;
	int oom;
};

int history_new(const struct tape_call *later, enum kvmapi_arch arch, size_t limit,
		struct history **history)
{
	*history = calloc(1, sizeof(**history));
	if (!*history)
		return -ENOMEM;
	(*history)->later = later;
	(*history)->arch = arch;
	(*history)->limit = limit;
	return 0;
}

void history_free(struct history *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->field_count; i++)
		free(h->fields[i].ring);
	for (size_t i = 0; i < h->byte_count; i++)
		free(h->bytes[i].value);
	free(h->fields);
	free(h->bytes);
	free(h->read);
	free(h);
}

/* --- which fields there are ------------------------------------------------------------------- */

static struct field *field_add(struct history *h)
{
	struct field *f;

	if (array_grow(&h->fields, &h->field_room, h->field_count)) {
		h->oom = -ENOMEM;
		return NULL;
	}
	f = &h->fields[h->field_count];
	*f = (struct field){.rule = NO_RULE};
	f->ring = calloc(h->limit, sizeof(*f->ring));
	if (!f->ring) {
		h->oom = -ENOMEM;
		return NULL;
	}
	h->field_count++;
	return f;
}

static const char *type_of(const struct history *h, uint8_t role)
{
	if (role == TAPE_ARG_OUT)
		return h->later->row ? h->later->row->type : NULL;
	return role == TAPE_RUN_OUT ? "struct kvm_run" : NULL;
}

/* The path of the field at a byte; without a type each eight bytes are one. */
static void name_at(const struct history *h, uint8_t role, uint32_t offset, char *name, size_t size)
{
	const char *type = type_of(h, role);

	if (!type || kvmapi_field_at(h->arch, type, offset, name, size))
		snprintf(name, size, "bytes from %u", offset & ~7u);
}

/* Which MSR the data of an entry is of. */
static void name_msr(const struct history *h, struct field *f)
{
	const struct tape_part *in =
		tape_part_find(h->later->parts, h->later->part_count, TAPE_ARG_IN);
	char place[sizeof(f->name)];

	if (!h->later->row || strcmp(h->later->row->name, "KVM_GET_MSRS") || !in ||
	    f->offset < 16 || f->offset > in->have)
		return;
	memcpy(place, f->name, sizeof(place));
	snprintf(f->name, sizeof(f->name), "MSR %#" PRIx64 " (%.60s)",
		 bytes_get(in->data + f->offset - 8, 4, kvmapi_arch_big_endian(h->arch)), place);
}

/* Fields for those bytes that had none yet. */
static void fields_cover(struct history *h, struct bytes *b, uint32_t from, uint32_t end)
{
	struct field *f = NULL;
	char name[96];

	for (uint32_t at = from; at < end; at++) {
		if (b->covered[at]) {
			f = NULL;
			continue;
		}
		b->covered[at] = 1;
		name_at(h, b->role, at, name, sizeof(name));
		if (f && !strcmp(f->name, name)) {
			f->len++;
			continue;
		}
		if (f)
			name_msr(h, f);
		f = field_add(h);
		if (!f)
			return;
		f->role = b->role;
		f->offset = at;
		f->len = 1;
		memcpy(f->name, name, sizeof(name));
	}
	if (f)
		name_msr(h, f);
}

/* The bytes of a role, at least `size` of them; NULL: no memory. */
static struct bytes *bytes_of(struct history *h, uint8_t role, uint32_t size)
{
	struct bytes *b = NULL, old;

	for (size_t i = 0; i < h->byte_count && !b; i++) {
		if (h->bytes[i].role == role)
			b = &h->bytes[i];
	}
	if (!b) {
		if (array_grow(&h->bytes, &h->byte_room, h->byte_count))
			return NULL;
		b = &h->bytes[h->byte_count++];
		*b = (struct bytes){.role = role};
	}
	if (size <= b->size)
		return b;
	old = *b;
	b->value = calloc(size, 5);
	if (!b->value) {
		*b = old;
		return NULL;
	}
	b->mask = b->value + size;
	b->next_value = b->mask + size;
	b->next_mask = b->next_value + size;
	b->covered = b->next_mask + size;
	b->size = size;
	if (old.size) {
		memcpy(b->value, old.value, old.size);
		memcpy(b->mask, old.mask, old.size);
		memcpy(b->next_value, old.next_value, old.size);
		memcpy(b->next_mask, old.next_mask, old.size);
		memcpy(b->covered, old.covered, old.size);
	}
	free(old.value);
	return b;
}

/* --- what an answer says ---------------------------------------------------------------------- */

/* The bytes that an answer determines. */
static void answer_bytes(struct history *h, const struct model_answer *a)
{
	struct bytes *b = bytes_of(h, a->role, a->offset + a->len);
	uint8_t value[8], mask[8];
	const uint8_t *values = a->bytes, *masks = a->mask;

	if (!b) {
		h->oom = -ENOMEM;
		return;
	}
	if (a->what == MODEL_FIELD) {
		bytes_put(value, a->value, a->len, kvmapi_arch_big_endian(h->arch));
		bytes_put(mask, a->high, a->len, kvmapi_arch_big_endian(h->arch));
		values = value;
		masks = mask;
	}
	fields_cover(h, b, a->offset, a->offset + a->len);
	for (uint32_t i = 0; i < a->len; i++) {
		uint8_t *to = &b->next_value[a->offset + i];

		*to = (*to & ~masks[i]) | (values[i] & masks[i]);
		b->next_mask[a->offset + i] |= masks[i];
	}
}

static const char *says_of(const struct model_answer *a)
{
	switch (a->what) {
	case MODEL_MUST_FAIL:
		return "it fails";
	case MODEL_MAY_FAIL:
		return "it may fail";
	case MODEL_SUCCEEDS:
	case MODEL_NUMBER:
		return "it succeeds";
	default:
		return "it may succeed or fail";
	}
}

/* The field of a refusal, or of the result as a whole. */
static struct field *field_of(struct history *h, const struct model_answer *a)
{
	const bool fails = a->what == MODEL_MUST_FAIL || a->what == MODEL_MAY_FAIL;
	const char *name = fails ? kvmapi_errno_name((int)a->value) : "success";
	const int error = fails ? (int)a->value : 0;
	struct field *f;

	for (size_t i = 0; i < h->field_count; i++) {
		f = &h->fields[i];
		if (!f->len && f->rule == a->rule && f->error == error)
			return f;
	}
	f = field_add(h);
	if (f) {
		f->rule = a->rule;
		f->error = error;
		snprintf(f->name, sizeof(f->name), "%s", name ? name : "an error");
	}
	return f;
}

static void record(struct history *h, struct field *f, uint8_t what)
{
	struct history_event *e = &f->ring[f->count++ % h->limit];

	*e = h->event;
	e->what = what;
	e->text = f->says;
}

static void field_record(struct history *h, struct field *f, const struct bytes *b, uint8_t what)
{
	record(h, f, what);
	if (what != HISTORY_UNKNOWN && f->len <= 8) {
		struct history_event *e = &f->ring[(f->count - 1) % h->limit];

		e->has_value = true;
		e->value = bytes_get(b->value + f->offset, f->len, kvmapi_arch_big_endian(h->arch));
	}
}

/* Whether a call shows what is, or sets it. */
static uint8_t set_or_read(const struct history_event *e)
{
	return e->row && (e->row->dir & KVMAPI_OUT || e->row->payload == KVMAPI_RUNPAGE)
		       ? HISTORY_READ
		       : HISTORY_SET;
}

/* The part of the judged event's result that this field is in, if it is the same call. */
static const uint8_t *read_of(const struct history *h, const struct field *f)
{
	const struct tape_part *p;

	if (!h->same_call)
		return NULL;
	p = tape_part_find(h->read_parts, h->read_count, f->role);
	return p && p->have >= f->offset + f->len ? p->data + f->offset : NULL;
}

static struct bytes *bytes_find(struct history *h, uint8_t role)
{
	for (size_t i = 0; i < h->byte_count; i++) {
		if (h->bytes[i].role == role)
			return &h->bytes[i];
	}
	return NULL;
}

/* A field of bytes against the answer before. */
static void field_compare(struct history *h, struct field *f)
{
	struct bytes *b = bytes_find(h, f->role);
	uint8_t *value = b->value + f->offset, *mask = b->mask + f->offset;
	const uint8_t *next = b->next_value + f->offset, *next_mask = b->next_mask + f->offset;
	const uint8_t *read = read_of(h, f);
	const bool same = !memcmp(value, next, f->len) && !memcmp(mask, next_mask, f->len);
	const bool was_known = !bytes_zero(mask, f->len), known = !bytes_zero(next_mask, f->len);

	if (same && !read)
		return;
	if (same || (read && known))
		memcpy(value, read, f->len);
	else
		memcpy(value, next, f->len);
	if (read)
		field_record(h, f, b, HISTORY_READ);
	else if (known)
		field_record(h, f, b, set_or_read(&h->event));
	else if (was_known)
		field_record(h, f, b, HISTORY_UNKNOWN);
	memcpy(value, next, f->len);
	memcpy(mask, next_mask, f->len);
}

static void answers_compare(struct history *h, const struct model_answer *a, size_t count)
{
	for (size_t i = 0; i < h->byte_count; i++) {
		memset(h->bytes[i].next_value, 0, h->bytes[i].size);
		memset(h->bytes[i].next_mask, 0, h->bytes[i].size);
	}
	for (size_t i = 0; i < h->field_count; i++)
		h->fields[i].told = false;
	for (size_t i = 0; i < count && !h->oom; i++) {
		if (a[i].what == MODEL_BLOCK || (a[i].what == MODEL_FIELD && a[i].len <= 8)) {
			/* What depends on the exit is not about one field. */
			if (!a[i].conditional || a[i].role != TAPE_RUN_OUT)
				answer_bytes(h, &a[i]);
		} else if (a[i].what <= MODEL_POSSIBLE) {
			struct field *f = field_of(h, &a[i]);
			const char *says = says_of(&a[i]);

			if (!f)
				return;
			if (!f->told && says != f->says) {
				f->says = says;
				record(h, f, HISTORY_SAYS);
			}
			f->told = true;
		}
	}
	for (size_t i = 0; i < h->field_count && !h->oom; i++) {
		struct field *f = &h->fields[i];

		if (f->len) {
			field_compare(h, f);
		} else if (!f->told && f->says) {
			f->says = NULL;
			record(h, f, HISTORY_UNKNOWN);
		}
	}
}

/* --- events ----------------------------------------------------------------------------------- */

static struct history_event event_of(const struct tape_call *call)
{
	return (struct history_event){.event = call->index,
				      .object = call->object,
				      .request = call->request,
				      .kind = call->kind,
				      .row = call->row};
}

/* The same question: on one object, with the same argument as far as the kernel reads it. */
static bool same_call(const struct tape_call *a, const struct tape_call *b)
{
	if (a->object != b->object || a->request != b->request || a->part_count != b->part_count ||
	    !a->row || a->row->payload == KVMAPI_RUNPAGE ||
	    (a->row->payload == KVMAPI_VALUE && a->arg != b->arg))
		return false;
	for (unsigned int i = 0; i < a->part_count; i++) {
		if (a->parts[i].role != b->parts[i].role || a->parts[i].have != b->parts[i].have ||
		    memcmp(a->parts[i].data ? a->parts[i].data : (const uint8_t *)"",
			   b->parts[i].data ? b->parts[i].data : (const uint8_t *)"",
			   a->parts[i].have))
			return false;
	}
	return true;
}

/* Keep the bytes of a result until the answer is asked for again. */
static void keep_read(struct history *h, const struct tape_return *ret)
{
	size_t size = 0;

	for (unsigned int i = 0; i < ret->part_count; i++)
		size += ret->parts[i].have;
	if (array_reserve((void **)&h->read, &h->read_room, size, 1)) {
		h->oom = -ENOMEM;
		return;
	}
	size = 0;
	h->read_count = 0;
	for (unsigned int i = 0; i < ret->part_count && i < TAPE_ROLES; i++) {
		struct tape_part *p = &h->read_parts[h->read_count++];

		*p = ret->parts[i];
		p->data = h->read + size;
		if (p->have)
			memcpy(h->read + size, ret->parts[i].data, p->have);
		size += p->have;
	}
	h->same_call = true;
}

void history_judged(struct history *h, const struct model *m, const struct tape_return *ret)
{
	const struct tape_call *call = ret->call;

	if (call->index == h->later->index)
		return;
	/* Until it can be asked about, each event may be the one that makes its object. */
	if (h->asked && ret->created != h->later->object && !model_depends(m, h->later, call))
		return;
	h->event = event_of(call);
	h->event.overlapped = h->judged;
	h->judged = true;
	h->same_call = false;
	if (ret->ret >= 0 && same_call(h->later, call))
		keep_read(h, ret);
}

/* What a check compares is no field of the answer: all that the call returns is followed. */
static void read_cover(struct history *h)
{
	const struct tape_part *p;
	struct bytes *b;

	if (!h->same_call)
		return;
	p = tape_part_find(h->read_parts, h->read_count, TAPE_ARG_OUT);
	b = p && p->have ? bytes_of(h, TAPE_ARG_OUT, p->have) : NULL;
	if (b)
		fields_cover(h, b, 0, p->have);
}

/* Items that change what is known before a verdict comes, or without one. */
static bool changes(struct history *h, const struct model *m, const struct tape_item *item)
{
	if (item->type == TAPE_GAP) {
		h->event = (struct history_event){0};
		h->same_call = false;
		return true;
	}
	if (h->judged)
		return true;
	if (item->type != TAPE_CALL || !item->u.call->row ||
	    item->u.call->row->payload != KVMAPI_RUNPAGE ||
	    !model_depends(m, h->later, item->u.call))
		return false;
	h->event = event_of(item->u.call);
	return true;
}

int history_item(struct history *h, struct model *m, const struct tape_item *item)
{
	const struct model_answer *a;
	size_t count;
	int rc;

	if (!changes(h, m, item))
		return h->oom;
	read_cover(h);
	rc = model_ask(m, h->later, &a, &count);
	if (!rc) {
		h->asked = true;
		answers_compare(h, a, count);
	}
	h->judged = h->same_call = false;
	return rc == -ENOENT ? h->oom : rc ? rc : h->oom;
}

/* --- telling ---------------------------------------------------------------------------------- */

/* The `n`-th last event. */
static const struct history_event *event_at(const struct history *h, const struct field *f,
					    size_t n)
{
	return &f->ring[(f->count - 1 - n) % h->limit];
}

static size_t events_kept(const struct history *h, const struct field *f)
{
	return f->count < h->limit ? f->count : h->limit;
}

/* The same events did the same to both. */
static bool same_history(const struct history *h, const struct field *a, const struct field *b)
{
	if (!a->len || !b->len || a->diverges || b->diverges || a->count != b->count)
		return false;
	for (size_t n = 0; n < events_kept(h, a); n++) {
		const struct history_event *x = event_at(h, a, n), *y = event_at(h, b, n);

		if (x->event != y->event || x->what != y->what || x->object != y->object)
			return false;
	}
	return true;
}

/* What is in the result against what was known. */
static void field_result(struct history *h, struct field *f, const struct tape_return *ret,
			 struct history_field *to)
{
	const struct bytes *b = bytes_find(h, f->role);
	const struct tape_part *p = tape_part_find(ret->parts, ret->part_count, f->role);
	const bool big = kvmapi_arch_big_endian(h->arch);

	f->diverges = false;
	if (!p || ret->ret < 0 || p->have < f->offset + f->len)
		return;
	for (uint32_t i = f->offset; i < f->offset + f->len; i++)
		f->diverges |= ((p->data[i] ^ b->value[i]) & b->mask[i]) != 0;
	to->has_values = f->diverges && f->len <= 8;
	if (to->has_values) {
		to->expected = bytes_get(b->value + f->offset, f->len, big);
		to->observed = bytes_get(p->data + f->offset, f->len, big);
	}
}

/* Is there anything to say of it?  Of errors, only those that must come, and the one that came. */
static bool worth(const struct field *f, const struct tape_return *ret)
{
	if (f->len || !f->says)
		return f->len && f->count;
	return f->error ? !strcmp(f->says, "it fails") || ret->ret == -f->error : f->count > 1;
}

/* Its names, with those of the fields behind it that have the same history; false if there are any. */
static bool names_join(struct history *h, const struct tape_return *ret, size_t first, char *names,
		       size_t size)
{
	const struct field *f = &h->fields[first];
	size_t count = 1, used = (size_t)snprintf(names, size, "%s", f->name);

	for (size_t i = first + 1; i < h->field_count && !f->diverges; i++) {
		struct field *other = &h->fields[i];

		if (other->told || !worth(other, ret) || !same_history(h, f, other))
			continue;
		other->told = true;
		if (count++ < NAMES_MAX && used < size)
			used += (size_t)snprintf(names + used, size - used, ", %s", other->name);
	}
	if (count > NAMES_MAX && used < size)
		snprintf(names + used, size - used, " and %zu more", count - NAMES_MAX);
	return count == 1;
}

static void field_tell(struct history *h, const struct tape_return *ret, size_t index,
		       struct history_event *events, history_fn fn, void *context)
{
	struct history_field to = {0};
	struct field *f = &h->fields[index];
	char names[NAMES_MAX * 100 + 32];
	bool alone;

	alone = names_join(h, ret, index, names, sizeof(names));
	to.names = names;
	to.rule = f->rule;
	to.events = events;
	to.count = events_kept(h, f);
	to.more = f->count - to.count;
	for (size_t n = 0; n < to.count; n++) {
		events[n] = *event_at(h, f, n);
		events[n].has_value &= alone;
	}
	if (f->len)
		field_result(h, f, ret, &to);
	to.diverges = f->diverges;
	fn(context, &to);
}

int history_tell(struct history *h, const struct tape_return *ret, history_fn fn, void *context)
{
	struct history_event *events = calloc(h->limit, sizeof(*events));
	struct history_field to;

	if (!events)
		return -ENOMEM;
	for (size_t i = 0; i < h->field_count; i++) {
		h->fields[i].told = false;
		if (h->fields[i].len)
			field_result(h, &h->fields[i], ret, &to);
	}
	/* What differs comes first. */
	for (int differs = 1; differs >= 0; differs--) {
		for (size_t i = 0; i < h->field_count; i++) {
			struct field *f = &h->fields[i];

			if (f->told || f->diverges != differs || !worth(f, ret))
				continue;
			f->told = true;
			field_tell(h, ret, i, events, fn, context);
		}
	}
	free(events);
	return 0;
}
