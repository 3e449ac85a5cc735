/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/state/state.h"

void state_block_forget(struct state_block *b)
{
	if (b->size)
		memset(b->mask, 0, b->size);
}

static int block_grow(struct state_block *b, uint32_t size)
{
	uint8_t *p;

	if (size <= b->size)
		return 0;
	/* Value and mask are one allocation: value first. */
	p = calloc(2, size);
	if (!p)
		return -ENOMEM;
	if (b->size) {
		memcpy(p, b->value, b->size);
		memcpy(p + size, b->mask, b->size);
	}
	free(b->value);
	b->value = p;
	b->mask = p + size;
	b->size = size;
	return 0;
}

int state_block_set(struct state_block *b, uint32_t offset, const void *bytes, uint32_t len)
{
	int err = block_grow(b, offset + len);

	b->origin = 0;
	if (err || !len)
		return err;
	memcpy(b->value + offset, bytes, len);
	memset(b->mask + offset, 0xff, len);
	return 0;
}

void state_block_forget_range(struct state_block *b, uint32_t offset, uint32_t len)
{
	if (offset >= b->size)
		return;
	if (len > b->size - offset)
		len = b->size - offset;
	memset(b->mask + offset, 0, len);
}

int64_t state_block_mismatch(const struct state_block *b, uint32_t offset, const void *bytes,
			     uint32_t len)
{
	const uint8_t *p = bytes;
	uint32_t i = 0;

	if (offset >= b->size)
		return -1;
	if (len > b->size - offset)
		len = b->size - offset;
	for (; i + 8 <= len; i += 8) {
		uint64_t v, m, w;

		memcpy(&v, b->value + offset + i, 8);
		memcpy(&m, b->mask + offset + i, 8);
		memcpy(&w, p + i, 8);
		if ((v ^ w) & m)
			break;
	}
	for (; i < len; i++) {
		if ((b->value[offset + i] ^ p[i]) & b->mask[offset + i])
			return i;
	}
	return -1;
}

bool state_block_known(const struct state_block *b, uint32_t offset, uint32_t len)
{
	const uint8_t *mask;
	uint32_t word;

	if (offset + len > b->size)
		return false;
	mask = b->size ? b->mask + offset : NULL;
	for (; len >= sizeof(word); len -= sizeof(word), mask += sizeof(word)) {
		memcpy(&word, mask, sizeof(word));
		if (word != UINT32_MAX)
			return false;
	}
	for (; len; len--, mask++) {
		if (*mask != 0xff)
			return false;
	}
	return true;
}

static int block_copy(struct state_block *to, const struct state_block *from)
{
	const size_t bytes = 2 * (size_t)from->size;

	*to = *from;
	if (!bytes)
		return 0;
	to->value = malloc(bytes);
	if (!to->value) {
		*to = (struct state_block){0};
		return -ENOMEM;
	}
	to->mask = to->value + from->size;
	memcpy(to->value, from->value, bytes);
	return 0;
}

static uint32_t set_position(const struct state_set *s, uint64_t key, uint64_t key2)
{
	uint32_t low = 0, high = s->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		const struct state_entry *e = &s->entries[mid];

		if (e->key < key || (e->key == key && e->key2 < key2))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct state_entry *state_set_entry(struct state_set *s, uint64_t key, uint64_t key2)
{
	uint32_t at = set_position(s, key, key2);

	if (at < s->count && s->entries[at].key == key && s->entries[at].key2 == key2)
		return &s->entries[at];
	return NULL;
}

const struct state_entry *state_set_find(const struct state_set *s, uint64_t key, uint64_t key2)
{
	uint32_t at = set_position(s, key, key2);

	if (at < s->count && s->entries[at].key == key && s->entries[at].key2 == key2)
		return &s->entries[at];
	return NULL;
}

struct state_entry *state_set_add(struct state_set *s, uint64_t key, uint64_t key2)
{
	uint32_t at = set_position(s, key, key2);

	if (at < s->count && s->entries[at].key == key && s->entries[at].key2 == key2)
		return &s->entries[at];
	if (s->count == s->room) {
		uint32_t room = s->room ? 2 * s->room : 8;
		struct state_entry *p = reallocarray(s->entries, room, sizeof(*p));

		if (!p)
			return NULL;
		s->entries = p;
		s->room = room;
	}
	memmove(&s->entries[at + 1], &s->entries[at], (s->count - at) * sizeof(*s->entries));
	s->count++;
	s->entries[at] = (struct state_entry){.key = key, .key2 = key2};
	return &s->entries[at];
}

void state_set_remove(struct state_set *s, struct state_entry *e)
{
	uint32_t at = e - s->entries;

	memmove(e, e + 1, (s->count - at - 1) * sizeof(*e));
	s->count--;
}

void state_set_clear(struct state_set *s)
{
	s->count = 0;
}

static int set_copy(struct state_set *to, const struct state_set *from)
{
	*to = *from;
	to->entries = NULL;
	to->room = from->count;
	if (!from->count)
		return 0;
	to->entries = malloc(from->count * sizeof(*to->entries));
	if (!to->entries) {
		to->count = to->room = 0;
		return -ENOMEM;
	}
	memcpy(to->entries, from->entries, from->count * sizeof(*to->entries));
	return 0;
}

/* --- what can be done with a field, by its kind ---------------------------------------------- */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What makes a field unknown: each event also loses what those behind it lose. */
enum loss { LOST_NEVER, LOST_GAP, LOST_FORGET, LOST_RUN };

/* Kinds that are alike but for what is said of them. */
#define CLASS_SURE	 SURE
#define CLASS_FRESH	 SURE
#define CLASS_DOUBT	 DOUBT
#define CLASS_TRI	 TRI
#define CLASS_DONE	 TRI
#define CLASS_CHIPS	 CHIPS
#define CLASS_NUMBER	 NUMBER
#define CLASS_EXIT	 EXIT
#define CLASS_ZERO	 ZERO
#define CLASS_KHZ	 ZERO
#define CLASS_LATEST	 LATEST
#define CLASS_EARLIEST	 EARLIEST
#define CLASS_SURE_BITS	 SURE_BITS
#define CLASS_DOUBT_BITS DOUBT_BITS
#define CLASS_COUNT	 COUNTER
#define CLASS_BLOCK	 BLOCK
#define CLASS_SET	 SET
#define CLASS_SLOTS	 SET
#define CLASS_CAPS	 SET
#define CLASS_VALUES	 VALUES
#define CLASS_GIVEN	 GIVEN
#define JOIN_(a, b)	 a##b
#define JOIN(a, b)	 JOIN_(a, b)
#define OP(verb, kind)	 JOIN(verb##_, CLASS_##kind)

static void mix(struct state_hash *h, uint64_t word)
{
	for (unsigned int i = 0; i < 2; i++) {
		h->word[i] =
			(h->word[i] ^ word) * (i ? 0xc2b2ae3d27d4eb4full : 0x9e3779b97f4a7c15ull);
		h->word[i] ^= h->word[i] >> (i ? 29 : 32);
	}
}

/*
 * Kinds that are numbers: `unknown` is the weakest value, `left` what is known if x or y is the
 * right one.
 */
#define SCALAR(class, type, unknown, left)                                   \
	static inline void start_##class(type * f, uint64_t start)           \
	{                                                                    \
		*f = (type)start;                                            \
	}                                                                    \
	static inline int copy_##class(type * to, const type *from)          \
	{                                                                    \
		*to = *from;                                                 \
		return 0;                                                    \
	}                                                                    \
	static inline void free_##class(type * f)                            \
	{                                                                    \
		(void)f;                                                     \
	}                                                                    \
	static inline void lose_##class(type * f, enum loss event)           \
	{                                                                    \
		(void)event;                                                 \
		*f = unknown;                                                \
	}                                                                    \
	static inline void mix_##class(struct state_hash * h, const type *f) \
	{                                                                    \
		mix(h, (uint64_t)*f);                                        \
	}                                                                    \
	static inline bool meet_##class(type * f, const type *o)             \
	{                                                                    \
		const type x = *f, y = *o;                                   \
		*f = left;                                                   \
		return true;                                                 \
	}
SCALAR(SURE, bool, false, (x && y))
SCALAR(DOUBT, bool, true, x || y)
SCALAR(TRI, enum state_tri, STATE_UNKNOWN, x == y ? x : STATE_UNKNOWN)
SCALAR(CHIPS, enum state_irqchip, STATE_IRQCHIP_UNKNOWN, x == y ? x : STATE_IRQCHIP_UNKNOWN)
SCALAR(NUMBER, uint64_t, STATE_NUMBER_UNKNOWN, x == y ? x : STATE_NUMBER_UNKNOWN)
SCALAR(EXIT, uint32_t, UINT32_MAX, x == y ? x : UINT32_MAX)
SCALAR(ZERO, uint64_t, 0, x == y ? x : 0)
SCALAR(LATEST, uint64_t, UINT64_MAX, x > y ? x : y)
SCALAR(EARLIEST, uint64_t, 0, x < y ? x : y)
SCALAR(SURE_BITS, uint64_t, 0, (x & y))
SCALAR(DOUBT_BITS, uint32_t, UINT32_MAX, x | y)
SCALAR(COUNTER, uint32_t, UINT32_MAX, x > y ? x : y)
#undef SCALAR

/* Blocks and sets start empty. */
static inline void start_BLOCK(struct state_block *b, uint64_t start)
{
	(void)b, (void)start;
}

static inline int copy_BLOCK(struct state_block *to, const struct state_block *from)
{
	return block_copy(to, from);
}

static inline void free_BLOCK(struct state_block *b)
{
	free(b->value);
}

static inline void lose_BLOCK(struct state_block *b, enum loss event)
{
	(void)event;
	state_block_forget(b);
}

static void mix_BLOCK(struct state_hash *h, const struct state_block *b)
{
	uint32_t i = 0;

	mix(h, b->size);
	mix(h, b->origin);
	mix(h, b->origin_offset);
	for (; i + 8 <= b->size; i += 8) {
		uint64_t value, mask;

		memcpy(&value, b->value + i, 8);
		memcpy(&mask, b->mask + i, 8);
		mix(h, mask);
		mix(h, value & mask);
	}
	for (; i < b->size; i++)
		mix(h, (uint64_t)b->mask[i] << 8 | (b->value[i] & b->mask[i]));
}

/* That a block has a size tells that something was in it once: the larger one stays. */
static bool meet_BLOCK(struct state_block *b, const struct state_block *o)
{
	if (block_grow(b, o->size))
		return false;
	for (uint32_t i = 0; i < o->size; i++)
		b->mask[i] &= o->mask[i] & (uint8_t) ~(b->value[i] ^ o->value[i]);
	if (b->size > o->size)
		memset(b->mask + o->size, 0, b->size - o->size);
	if (b->origin != o->origin || b->origin_offset != o->origin_offset)
		b->origin = b->origin_offset = 0;
	return true;
}

static inline void start_SET(struct state_set *s, uint64_t start)
{
	(void)s, (void)start;
}

static inline int copy_SET(struct state_set *to, const struct state_set *from)
{
	return set_copy(to, from);
}

static inline void free_SET(struct state_set *s)
{
	free(s->entries);
}

static inline void lose_SET(struct state_set *s, enum loss event)
{
	(void)event;
	state_set_clear(s);
	s->open = true;
}

static void mix_SET(struct state_hash *h, const struct state_set *s)
{
	mix(h, s->count);
	mix(h, s->open);
	for (uint32_t i = 0; i < s->count; i++) {
		const struct state_entry *e = &s->entries[i];

		mix(h, e->key);
		mix(h, e->key2);
		mix(h, e->known);
		for (size_t k = 0; k < COUNT(e->value); k++)
			mix(h, e->value[k]);
	}
}

static bool entry_same(const struct state_entry *x, const struct state_entry *y)
{
	return x->key == y->key && x->key2 == y->key2 && x->known == y->known &&
	       !memcmp(x->value, y->value, sizeof(x->value));
}

static bool meet_SET(struct state_set *s, const struct state_set *o)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		const struct state_entry *e = &s->entries[i];
		const struct state_entry *other = state_set_find(o, e->key, e->key2);

		if (other && entry_same(e, other))
			s->entries[kept++] = *e;
	}
	s->open |= o->open || kept != s->count || kept != o->count;
	s->count = kept;
	return true;
}

#define start_VALUES start_SET
#define copy_VALUES  copy_SET
#define free_VALUES  free_SET
#define mix_VALUES   mix_SET

/* A guest that runs changes values, not which ones were read or written. */
static inline void lose_VALUES(struct state_set *s, enum loss event)
{
	if (event != LOST_RUN) {
		lose_SET(s, event);
		return;
	}
	for (uint32_t i = 0; i < s->count; i++)
		s->entries[i].known = 0;
}

/* One entry; false: what was read or written is not known any more. */
static bool value_meet(struct state_entry *e, const struct state_entry *o)
{
	bool same = e->value[2] == o->value[2];

	e->known &= o->known;
	if (e->value[0] != o->value[0] || e->value[1] != o->value[1])
		e->known = e->value[0] = e->value[1] = 0;
	e->value[2] &= o->value[2];
	if (e->value[3] != o->value[3])
		e->value[3] = UINT64_MAX;
	return same;
}

static bool meet_VALUES(struct state_set *s, const struct state_set *o)
{
	static const struct state_entry none = {0};

	s->open |= o->open;
	for (uint32_t i = 0; i < o->count; i++) {
		const struct state_entry *e = &o->entries[i];

		if (!state_set_add(s, e->key, e->key2))
			return false;
	}
	for (uint32_t i = 0; i < s->count; i++) {
		const struct state_entry *e = &s->entries[i];
		const struct state_entry *other = state_set_find(o, e->key, e->key2);

		if (!value_meet(&s->entries[i], other ? other : &none))
			s->open = true;
	}
	return true;
}

static void start_GIVEN(struct state_given *g, uint64_t none)
{
	(void)none;
#define GIVEN_FIELD(kind, name, first, ...) OP(start, kind)(&g->name, first);
#include "model/state/fields.def"
}

static inline int copy_GIVEN(struct state_given *to, const struct state_given *from)
{
	*to = *from;
	return 0;
}

static inline void free_GIVEN(struct state_given *g)
{
	(void)g;
}

static void lose_GIVEN(struct state_given *g, enum loss event)
{
#define GIVEN_FIELD(kind, name, start, lost, ...) \
	if (LOST_##lost >= event)                 \
		OP(lose, kind)(&g->name, event);
#include "model/state/fields.def"
}

static void mix_GIVEN(struct state_hash *h, const struct state_given *g)
{
#define GIVEN_FIELD(kind, name, ...) OP(mix, kind)(h, &g->name);
#include "model/state/fields.def"
}

static bool meet_GIVEN(struct state_given *g, const struct state_given *o)
{
	bool done = true;

#define GIVEN_FIELD(kind, name, ...) done &= OP(meet, kind)(&g->name, &o->name);
#include "model/state/fields.def"
	return done;
}

/* --- vCPUs ----------------------------------------------------------------------------------- */

static void vcpu_free(struct state_vcpu *v)
{
	if (!v)
		return;
	if (v->shared) {
		v->shared--;
		return;
	}
#define VCPU_FIELD(kind, name, ...) OP(free, kind)(&v->name);
#include "model/state/fields.def"
	for (size_t i = 0; i < STATE_VCPU_BLOCKS; i++)
		free_BLOCK(&v->blocks[i]);
	free(v);
}

static struct state_vcpu *vcpu_copy(const struct state_vcpu *from)
{
	struct state_vcpu *v = malloc(sizeof(*v));
	int err = 0;

	if (!v)
		return NULL;
	v->id = from->id;
	v->shared = 0;
#define VCPU_FIELD(kind, name, ...) err |= OP(copy, kind)(&v->name, &from->name);
#include "model/state/fields.def"
	for (size_t i = 0; i < STATE_VCPU_BLOCKS; i++)
		err |= copy_BLOCK(&v->blocks[i], &from->blocks[i]);
	if (err) {
		vcpu_free(v);
		return NULL;
	}
	return v;
}

static void vcpu_lose(struct state_vcpu *v, enum loss event)
{
	static const uint8_t lost[] = {
#define VCPU_BLOCK(name, lost, ...) LOST_##lost,
#include "model/state/fields.def"
	};

#define VCPU_FIELD(kind, name, start, lost, ...) \
	if (LOST_##lost >= event)                \
		OP(lose, kind)(&v->name, event);
#include "model/state/fields.def"
	for (size_t i = 0; i < STATE_VCPU_BLOCKS; i++) {
		if (lost[i] >= event)
			lose_BLOCK(&v->blocks[i], event);
	}
}

void state_vcpu_forget(struct state_vcpu *v)
{
	vcpu_lose(v, LOST_FORGET);
}

void state_vcpu_guest_ran(struct state_vcpu *v)
{
	if (v->guest_clean)
		return;
	vcpu_lose(v, LOST_RUN);
	v->guest_clean = true;
}

static void vcpu_mix(struct state_hash *h, const struct state_vcpu *v)
{
#define VCPU_FIELD(kind, name, ...) OP(mix, kind)(h, &v->name);
#include "model/state/fields.def"
	for (size_t i = 0; i < STATE_VCPU_BLOCKS; i++)
		mix_BLOCK(h, &v->blocks[i]);
}

static bool vcpu_meet(struct state_vcpu *v, const struct state_vcpu *o)
{
	bool done = true;

#define VCPU_FIELD(kind, name, ...) done &= OP(meet, kind)(&v->name, &o->name);
#include "model/state/fields.def"
	for (size_t i = 0; i < STATE_VCPU_BLOCKS; i++)
		done &= meet_BLOCK(&v->blocks[i], &o->blocks[i]);
	return done;
}

/* A vCPU that only one of two states has: of its number, too, nothing is known. */
static void vcpu_unsure(struct state_vcpu *v)
{
	vcpu_lose(v, LOST_GAP);
	v->number = STATE_NUMBER_UNKNOWN;
}

/* Into the list, by object, so that the order in which overlapping calls made them leaves no trace. */
static int vcpu_insert(struct state_vm *vm, struct state_vcpu *v)
{
	struct state_vcpu **p =
		reallocarray(vm->vcpus, vm->vcpu_count + 1, sizeof(struct state_vcpu *));
	uint32_t at = vm->vcpu_count;

	if (!p)
		return -ENOMEM;
	vm->vcpus = p;
	while (at && p[at - 1]->id > v->id)
		at--;
	memmove(&p[at + 1], &p[at], (vm->vcpu_count - at) * sizeof(*p));
	p[at] = v;
	vm->vcpu_count++;
	return 0;
}

struct state_vcpu *state_vm_add_vcpu(struct state_vm *vm, uint32_t id, uint64_t number, bool fresh)
{
	struct state_vcpu *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->id = id;
	if (vcpu_insert(vm, v)) {
		free(v);
		return NULL;
	}
#define VCPU_FIELD(kind, name, first, ...) OP(start, kind)(&v->name, first);
#include "model/state/fields.def"
	v->number = number;
	v->tsc_khz = vm->tsc_khz;
	v->has_lapic = vm->irqchip == STATE_IRQCHIP_UNKNOWN
			       ? STATE_UNKNOWN
			       : tri(vm->irqchip != STATE_IRQCHIP_NONE);
	if (!fresh)
		vcpu_lose(v, LOST_GAP);
	vm->has_vcpus = STATE_YES;
	return v;
}

static struct state_vcpu *vcpu_find(const struct state_vm *vm, uint32_t id)
{
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		if (vm->vcpus[i]->id == id)
			return vm->vcpus[i];
	}
	return NULL;
}

struct state_vcpu *state_vm_vcpu(struct state_vm *vm, uint32_t id)
{
	return vcpu_find(vm, id);
}

const struct state_vcpu *state_vm_vcpu_number(const struct state_vm *vm, uint64_t number)
{
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		if (vm->vcpus[i]->number == number)
			return vm->vcpus[i];
	}
	return NULL;
}

/* --- devices --------------------------------------------------------------------------------- */

static void device_free(struct state_device *d)
{
	if (!d)
		return;
#define DEVICE_FIELD(kind, name, ...) OP(free, kind)(&d->name);
#include "model/state/fields.def"
	free(d);
}

static struct state_device *device_copy(const struct state_device *from)
{
	struct state_device *d = malloc(sizeof(*d));
	int err = 0;

	if (!d)
		return NULL;
	d->id = from->id;
#define DEVICE_FIELD(kind, name, ...) err |= OP(copy, kind)(&d->name, &from->name);
#include "model/state/fields.def"
	if (err) {
		device_free(d);
		return NULL;
	}
	return d;
}

static void device_lose(struct state_device *d, enum loss event)
{
#define DEVICE_FIELD(kind, name, start, lost, ...) \
	if (LOST_##lost >= event)                  \
		OP(lose, kind)(&d->name, event);
#include "model/state/fields.def"
}

static void device_mix(struct state_hash *h, const struct state_device *d)
{
#define DEVICE_FIELD(kind, name, ...) OP(mix, kind)(h, &d->name);
#include "model/state/fields.def"
}

static bool device_meet(struct state_device *d, const struct state_device *o)
{
	bool done = true;

#define DEVICE_FIELD(kind, name, ...) done &= OP(meet, kind)(&d->name, &o->name);
#include "model/state/fields.def"
	return done;
}

static void device_unsure(struct state_device *d)
{
	device_lose(d, LOST_GAP);
	d->type = STATE_NUMBER_UNKNOWN;
	d->closed = true;
}

static int device_insert(struct state_vm *vm, struct state_device *d)
{
	struct state_device **p =
		reallocarray(vm->devices, vm->device_count + 1, sizeof(struct state_device *));
	uint32_t at = vm->device_count;

	if (!p)
		return -ENOMEM;
	vm->devices = p;
	while (at && p[at - 1]->id > d->id)
		at--;
	memmove(&p[at + 1], &p[at], (vm->device_count - at) * sizeof(*p));
	p[at] = d;
	vm->device_count++;
	return 0;
}

struct state_device *state_vm_add_device(struct state_vm *vm, uint32_t id, uint64_t type,
					 bool closed)
{
	struct state_device *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->id = id;
	if (device_insert(vm, d)) {
		free(d);
		return NULL;
	}
#define DEVICE_FIELD(kind, name, first, ...) OP(start, kind)(&d->name, first);
#include "model/state/fields.def"
	d->type = type;
	d->closed = closed;
	return d;
}

static struct state_device *device_find(const struct state_vm *vm, uint32_t id)
{
	for (uint32_t i = 0; i < vm->device_count; i++) {
		if (vm->devices[i]->id == id)
			return vm->devices[i];
	}
	return NULL;
}

struct state_device *state_vm_device(struct state_vm *vm, uint32_t id)
{
	return device_find(vm, id);
}

/* --- VMs ------------------------------------------------------------------------------------- */

struct state_vm *state_vm_new(uint32_t id, bool fresh)
{
	struct state_vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return NULL;
	vm->id = id;
#define VM_FIELD(kind, name, first, ...) OP(start, kind)(&vm->name, first);
#include "model/state/fields.def"
	if (!fresh)
		state_vm_forget(vm);
	return vm;
}

void state_vm_free(struct state_vm *vm)
{
	if (!vm)
		return;
	for (uint32_t i = 0; i < vm->vcpu_count; i++)
		vcpu_free(vm->vcpus[i]);
	for (uint32_t i = 0; i < vm->device_count; i++)
		device_free(vm->devices[i]);
	free(vm->vcpus);
	free(vm->devices);
#define VM_FIELD(kind, name, ...) OP(free, kind)(&vm->name);
#include "model/state/fields.def"
	for (size_t i = 0; i < STATE_VM_BLOCKS; i++)
		free_BLOCK(&vm->blocks[i]);
	free(vm);
}

/* A vCPU of a copy: another one, or (`share`) the same. */
static struct state_vcpu *vcpu_of_copy(struct state_vcpu *from, bool share)
{
	if (!share)
		return vcpu_copy(from);
	from->shared++;
	return from;
}

static int vcpus_copy(struct state_vm *vm, const struct state_vm *from, bool share, uint32_t vcpu)
{
	if (!from->vcpu_count)
		return 0;
	vm->vcpus = calloc(from->vcpu_count, sizeof(*vm->vcpus));
	if (!vm->vcpus)
		return -ENOMEM;
	for (; vm->vcpu_count < from->vcpu_count; vm->vcpu_count++) {
		struct state_vcpu *v = from->vcpus[vm->vcpu_count];

		v = vcpu_of_copy(v, share && v->id != vcpu);
		if (!v)
			return -ENOMEM;
		vm->vcpus[vm->vcpu_count] = v;
	}
	return 0;
}

static int devices_copy(struct state_vm *vm, const struct state_vm *from)
{
	if (!from->device_count)
		return 0;
	vm->devices = calloc(from->device_count, sizeof(*vm->devices));
	if (!vm->devices)
		return -ENOMEM;
	for (; vm->device_count < from->device_count; vm->device_count++) {
		struct state_device *d = device_copy(from->devices[vm->device_count]);

		if (!d)
			return -ENOMEM;
		vm->devices[vm->device_count] = d;
	}
	return 0;
}

static struct state_vm *vm_copy(const struct state_vm *from, bool share, uint32_t vcpu)
{
	struct state_vm *vm = malloc(sizeof(*vm));
	int err = 0;

	if (!vm)
		return NULL;
	vm->id = from->id;
	vm->vcpus = NULL;
	vm->devices = NULL;
	vm->vcpu_count = vm->device_count = 0;
#define VM_FIELD(kind, name, ...) err |= OP(copy, kind)(&vm->name, &from->name);
#include "model/state/fields.def"
	for (size_t i = 0; i < STATE_VM_BLOCKS; i++)
		err |= copy_BLOCK(&vm->blocks[i], &from->blocks[i]);
	if (err || vcpus_copy(vm, from, share, vcpu) || devices_copy(vm, from)) {
		state_vm_free(vm);
		return NULL;
	}
	return vm;
}

struct state_vm *state_vm_copy(const struct state_vm *from)
{
	return vm_copy(from, false, 0);
}

struct state_vm *state_vm_copy_sharing(const struct state_vm *from, uint32_t vcpu)
{
	return vm_copy(from, true, vcpu);
}

/* Of the VM itself. */
static void vm_lose(struct state_vm *vm, enum loss event, uint16_t parts)
{
	static const struct {
		uint8_t lost;
		uint16_t part;
	} blocks[] = {
#define VM_BLOCK(name, lost, part, ...) {LOST_##lost, TOUCH_##part},
#include "model/state/fields.def"
	};

#define VM_FIELD(kind, name, start, lost, part, ...)        \
	if (LOST_##lost >= event && (TOUCH_##part & parts)) \
		OP(lose, kind)(&vm->name, event);
#include "model/state/fields.def"
	for (size_t i = 0; i < STATE_VM_BLOCKS; i++) {
		if (blocks[i].lost >= event && blocks[i].part & parts)
			lose_BLOCK(&vm->blocks[i], event);
	}
}

void state_vm_forget_parts(struct state_vm *vm, uint16_t parts)
{
	vm_lose(vm, LOST_FORGET, parts);
}

static void vm_lose_all(struct state_vm *vm, enum loss event)
{
	vm_lose(vm, event, TOUCH_ALL);
	if (vm->vcpu_count)
		vm->has_vcpus = STATE_YES;
	for (uint32_t i = 0; i < vm->vcpu_count; i++)
		vcpu_lose(vm->vcpus[i], event);
	for (uint32_t i = 0; i < vm->device_count; i++)
		device_lose(vm->devices[i], event);
}

void state_vm_forget(struct state_vm *vm)
{
	vm_lose_all(vm, LOST_FORGET);
}

void state_vm_gap(struct state_vm *vm)
{
	vm_lose_all(vm, LOST_GAP);
}

/* Interrupt controllers and timer are devices of the guest. */
void state_vm_guest_ran(struct state_vm *vm)
{
	if (vm->guest_clean)
		return;
	vm_lose(vm, LOST_RUN, TOUCH_ALL);
	vm->guest_clean = true;
}

bool state_vm_unseen_run(const struct state_vm *vm)
{
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		if (vm->vcpus[i]->unseen_run)
			return true;
	}
	return !vm->fresh;
}

struct state_hash state_vm_hash(const struct state_vm *vm)
{
	struct state_hash h = {{vm->vcpu_count, vm->device_count}};

#define VM_FIELD(kind, name, ...) OP(mix, kind)(&h, &vm->name);
#include "model/state/fields.def"
	for (size_t i = 0; i < STATE_VM_BLOCKS; i++)
		mix_BLOCK(&h, &vm->blocks[i]);
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		mix(&h, vm->vcpus[i]->id);
		if (!vm->vcpus[i]->shared)
			vcpu_mix(&h, vm->vcpus[i]);
	}
	for (uint32_t i = 0; i < vm->device_count; i++) {
		mix(&h, vm->devices[i]->id);
		device_mix(&h, vm->devices[i]);
	}
	return h;
}

/* --- what two states agree on ---------------------------------------------------------------- */

/* Another state's vCPUs; `*missing`: one of the two lacks one that the other has. */
static bool vcpus_meet(struct state_vm *vm, const struct state_vm *other, bool *missing)
{
	bool done = true;

	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		struct state_vcpu *v = vm->vcpus[i];
		const struct state_vcpu *o = vcpu_find(other, v->id);

		if (!o) {
			vcpu_unsure(v);
			*missing = true;
		} else if (o != v) {
			done &= vcpu_meet(v, o);
		}
	}
	for (uint32_t i = 0; i < other->vcpu_count; i++) {
		struct state_vcpu *v;

		if (vcpu_find(vm, other->vcpus[i]->id))
			continue;
		v = vcpu_copy(other->vcpus[i]);
		if (!v || vcpu_insert(vm, v)) {
			vcpu_free(v);
			return false;
		}
		vcpu_unsure(v);
		*missing = true;
	}
	return done;
}

static bool devices_meet(struct state_vm *vm, const struct state_vm *other, bool *missing)
{
	bool done = true;

	for (uint32_t i = 0; i < vm->device_count; i++) {
		struct state_device *d = vm->devices[i];
		const struct state_device *o = device_find(other, d->id);

		if (!o) {
			device_unsure(d);
			*missing = true;
		} else {
			done &= device_meet(d, o);
		}
	}
	for (uint32_t i = 0; i < other->device_count; i++) {
		struct state_device *d;

		if (device_find(vm, other->devices[i]->id))
			continue;
		d = device_copy(other->devices[i]);
		if (!d || device_insert(vm, d)) {
			device_free(d);
			return false;
		}
		device_unsure(d);
		*missing = true;
	}
	return done;
}

bool state_vm_meet(struct state_vm *vm, const struct state_vm *other)
{
	bool missing = false, done = true;

#define VM_FIELD(kind, name, ...) done &= OP(meet, kind)(&vm->name, &other->name);
#include "model/state/fields.def"
	for (size_t i = 0; i < STATE_VM_BLOCKS; i++)
		done &= meet_BLOCK(&vm->blocks[i], &other->blocks[i]);
	done &= vcpus_meet(vm, other, &missing);
	done &= devices_meet(vm, other, &missing);
	/* There may be more than those that are known to be there, and fewer. */
	if (missing)
		vm->fresh = false;
	return done;
}

/* --- /dev/kvm -------------------------------------------------------------------------------- */

void state_system_release(struct state_system *s)
{
#define SYSTEM_FIELD(kind, name, ...) OP(free, kind)(&s->name);
#include "model/state/fields.def"
}

int state_system_copy(struct state_system *to, const struct state_system *from)
{
	int err = 0;

#define SYSTEM_FIELD(kind, name, ...) err |= OP(copy, kind)(&to->name, &from->name);
#include "model/state/fields.def"
	return err ? -ENOMEM : 0;
}
