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
	memset(to, 0, sizeof(*to));
	if (block_grow(to, from->size))
		return -ENOMEM;
	if (from->size)
		memcpy(to->value, from->value, 2 * (size_t)from->size);
	to->origin = from->origin;
	to->origin_offset = from->origin_offset;
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

/* The sets and blocks of a vCPU, a VM and a device, named once for copying, forgetting and freeing.
 */
#define VCPU_SETS(v)                                \
	(struct state_set *[])                      \
	{                                           \
		&(v)->msrs, &(v)->caps, &(v)->attrs \
	}
#define VM_SETS(v)                                                                      \
	(struct state_set *[])                                                          \
	{                                                                               \
		&(v)->slots, &(v)->ioeventfds, &(v)->irqfds, &(v)->zones, &(v)->routes, \
			&(v)->caps, &(v)->facts                                         \
	}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void vcpu_free(struct state_vcpu *v)
{
	if (!v)
		return;
	if (v->shared) {
		v->shared--;
		return;
	}
	for (size_t i = 0; i < STATE_VCPU_BLOCKS; i++)
		free(v->blocks[i].value);
	free(v->run.value);
	for (size_t i = 0; i < COUNT(VCPU_SETS(v)); i++)
		free(VCPU_SETS(v)[i]->entries);
	free(v);
}

static struct state_vcpu *vcpu_copy(const struct state_vcpu *from)
{
	struct state_vcpu *v = malloc(sizeof(*v));
	int err = 0;

	if (!v)
		return NULL;
	*v = *from;
	v->shared = 0;
	for (size_t i = 0; i < STATE_VCPU_BLOCKS; i++)
		err |= block_copy(&v->blocks[i], &from->blocks[i]);
	err |= block_copy(&v->run, &from->run);
	err |= set_copy(&v->msrs, &from->msrs);
	err |= set_copy(&v->caps, &from->caps);
	err |= set_copy(&v->attrs, &from->attrs);
	if (err) {
		vcpu_free(v);
		return NULL;
	}
	return v;
}

static void device_free(struct state_device *d)
{
	if (d)
		free(d->attrs.entries);
	free(d);
}

static struct state_device *device_copy(const struct state_device *from)
{
	struct state_device *d = malloc(sizeof(*d));

	if (!d)
		return NULL;
	*d = *from;
	if (set_copy(&d->attrs, &from->attrs)) {
		device_free(d);
		return NULL;
	}
	return d;
}

struct state_vm *state_vm_new(uint32_t id, bool fresh)
{
	struct state_vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return NULL;
	vm->id = id;
	vm->fresh = true;
	vm->tsc_khz = STATE_KHZ_HOST;
	vm->identity_map = UINT64_MAX;
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
	for (size_t i = 0; i < STATE_VM_BLOCKS; i++)
		free(vm->blocks[i].value);
	for (size_t i = 0; i < COUNT(VM_SETS(vm)); i++)
		free(VM_SETS(vm)[i]->entries);
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

static struct state_vm *vm_copy(const struct state_vm *from, bool share, uint32_t vcpu)
{
	struct state_vm *vm = malloc(sizeof(*vm));
	int err = 0;

	if (!vm)
		return NULL;
	*vm = *from;
	vm->vcpus = NULL;
	vm->devices = NULL;
	vm->vcpu_count = vm->device_count = 0;
	for (size_t i = 0; i < STATE_VM_BLOCKS; i++)
		err |= block_copy(&vm->blocks[i], &from->blocks[i]);
	err |= set_copy(&vm->slots, &from->slots);
	err |= set_copy(&vm->ioeventfds, &from->ioeventfds);
	err |= set_copy(&vm->irqfds, &from->irqfds);
	err |= set_copy(&vm->zones, &from->zones);
	err |= set_copy(&vm->routes, &from->routes);
	err |= set_copy(&vm->caps, &from->caps);
	err |= set_copy(&vm->facts, &from->facts);
	if (!err && from->vcpu_count) {
		vm->vcpus = calloc(from->vcpu_count, sizeof(*vm->vcpus));
		err = vm->vcpus ? 0 : -ENOMEM;
		for (; !err && vm->vcpu_count < from->vcpu_count; vm->vcpu_count++) {
			struct state_vcpu *v = from->vcpus[vm->vcpu_count];

			vm->vcpus[vm->vcpu_count] = vcpu_of_copy(v, share && v->id != vcpu);
			if (!vm->vcpus[vm->vcpu_count])
				err = -ENOMEM;
		}
	}
	if (!err && from->device_count) {
		vm->devices = calloc(from->device_count, sizeof(*vm->devices));
		err = vm->devices ? 0 : -ENOMEM;
		for (; !err && vm->device_count < from->device_count; vm->device_count++) {
			vm->devices[vm->device_count] =
				device_copy(from->devices[vm->device_count]);
			if (!vm->devices[vm->device_count])
				err = -ENOMEM;
		}
	}
	if (err) {
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

void state_vcpu_forget(struct state_vcpu *v)
{
	uint64_t flags;

	v->fresh = false;
	v->has_run = STATE_UNKNOWN;
	v->has_lapic = STATE_UNKNOWN;
	v->cpuid_set = STATE_UNKNOWN;
	v->pending_exit = STATE_UNKNOWN;
	v->debug_known = STATE_UNKNOWN;
	v->last_exit = UINT32_MAX;
	v->tsc_khz = STATE_KHZ_UNKNOWN;
	v->mcg_cap = UINT64_MAX;
	for (size_t i = 0; i < STATE_VCPU_BLOCKS; i++)
		state_block_forget(&v->blocks[i]);
	state_block_forget(&v->run);
	for (size_t i = 0; i < COUNT(VCPU_SETS(v)); i++) {
		state_set_clear(VCPU_SETS(v)[i]);
		VCPU_SETS(v)[i]->open = true;
	}
	flags = v->scratch[0] & STATE_SEEN;
	memset(v->scratch, 0, sizeof(v->scratch));
	v->scratch[0] = flags | STATE_DOUBTS;
	memset(&v->given, 0, sizeof(v->given));
}

struct state_vcpu *state_vm_add_vcpu(struct state_vm *vm, uint32_t id, uint64_t number, bool fresh)
{
	struct state_vcpu **p =
		reallocarray(vm->vcpus, vm->vcpu_count + 1, sizeof(struct state_vcpu *));
	uint32_t at = vm->vcpu_count;
	struct state_vcpu *v;

	if (!p)
		return NULL;
	vm->vcpus = p;
	v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	v->id = id;
	v->number = number;
	v->fresh = fresh;
	v->last_exit = UINT32_MAX;
	v->mcg_cap = UINT64_MAX;
	v->tsc_khz = fresh ? vm->tsc_khz : STATE_KHZ_UNKNOWN;
	if (fresh)
		v->has_lapic = vm->irqchip == STATE_IRQCHIP_UNKNOWN ? STATE_UNKNOWN
			       : vm->irqchip == STATE_IRQCHIP_NONE  ? STATE_NO
								    : STATE_YES;
	else
		state_vcpu_forget(v);
	v->unseen_run = !fresh;
	/* By object, so that the order in which overlapping calls made them leaves no trace. */
	while (at && vm->vcpus[at - 1]->id > id)
		at--;
	memmove(&vm->vcpus[at + 1], &vm->vcpus[at], (vm->vcpu_count - at) * sizeof(*vm->vcpus));
	vm->vcpus[at] = v;
	vm->vcpu_count++;
	vm->has_vcpus = STATE_YES;
	return v;
}

struct state_device *state_vm_add_device(struct state_vm *vm, uint32_t id, uint64_t type,
					 bool closed)
{
	struct state_device **p =
		reallocarray(vm->devices, vm->device_count + 1, sizeof(struct state_device *));
	uint32_t at = vm->device_count;
	struct state_device *d;

	if (!p)
		return NULL;
	vm->devices = p;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->id = id;
	d->type = type;
	d->closed = closed;
	while (at && vm->devices[at - 1]->id > id)
		at--;
	memmove(&vm->devices[at + 1], &vm->devices[at],
		(vm->device_count - at) * sizeof(*vm->devices));
	vm->devices[at] = d;
	vm->device_count++;
	return d;
}

struct state_vcpu *state_vm_vcpu(struct state_vm *vm, uint32_t id)
{
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		if (vm->vcpus[i]->id == id)
			return vm->vcpus[i];
	}
	return NULL;
}

const struct state_vcpu *state_vm_vcpu_number(const struct state_vm *vm, uint64_t number)
{
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		if (vm->vcpus[i]->number == number)
			return vm->vcpus[i];
	}
	return NULL;
}

struct state_device *state_vm_device(struct state_vm *vm, uint32_t id)
{
	for (uint32_t i = 0; i < vm->device_count; i++) {
		if (vm->devices[i]->id == id)
			return vm->devices[i];
	}
	return NULL;
}

static void device_forget(struct state_device *d)
{
	state_set_clear(&d->attrs);
	d->attrs.open = true;
}

void state_vm_forget(struct state_vm *vm)
{
	vm->fresh = false;
	vm->irqchip = STATE_IRQCHIP_UNKNOWN;
	vm->pit = STATE_UNKNOWN;
	vm->has_vcpus = vm->vcpu_count ? STATE_YES : STATE_UNKNOWN;
	vm->has_run = STATE_UNKNOWN;
	vm->routes_known = STATE_UNKNOWN;
	vm->identity_map = UINT64_MAX;
	vm->boot_cpu = UINT64_MAX;
	vm->tsc_khz = STATE_KHZ_UNKNOWN;
	for (size_t i = 0; i < STATE_VM_BLOCKS; i++)
		state_block_forget(&vm->blocks[i]);
	for (size_t i = 0; i < COUNT(VM_SETS(vm)); i++) {
		state_set_clear(VM_SETS(vm)[i]);
		VM_SETS(vm)[i]->open = true;
	}
	for (uint32_t i = 0; i < vm->vcpu_count; i++)
		state_vcpu_forget(vm->vcpus[i]);
	for (uint32_t i = 0; i < vm->device_count; i++)
		device_forget(vm->devices[i]);
	memset(vm->scratch, 0, sizeof(vm->scratch));
}

void state_vm_gap(struct state_vm *vm)
{
	state_vm_forget(vm);
	for (uint32_t i = 0; i < vm->vcpu_count; i++)
		vm->vcpus[i]->unseen_run = true;
}

bool state_vm_unseen_run(const struct state_vm *vm)
{
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		if (vm->vcpus[i]->unseen_run)
			return true;
	}
	return !vm->fresh;
}

/* --- the hash of a state --------------------------------------------------------------------- */

static void mix(struct state_hash *h, uint64_t word)
{
	for (unsigned int i = 0; i < 2; i++) {
		h->word[i] =
			(h->word[i] ^ word) * (i ? 0xc2b2ae3d27d4eb4full : 0x9e3779b97f4a7c15ull);
		h->word[i] ^= h->word[i] >> (i ? 29 : 32);
	}
}

static void mix_block(struct state_hash *h, const struct state_block *b)
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

static void mix_set(struct state_hash *h, const struct state_set *s)
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

static void mix_bytes(struct state_hash *h, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < size; i++)
		mix(h, p[i]);
}

static void mix_vcpu(struct state_hash *h, const struct state_vcpu *v)
{
	const uint64_t words[] = {v->number,	   v->fresh,	  v->has_run,	  v->running,
				  v->inside,	   v->unseen_run, v->guest_clean, v->first_run,
				  v->last_run_end, v->has_lapic,  v->cpuid_set,	  v->pending_exit,
				  v->last_exit,	   v->tsc_khz,	  v->mcg_cap,	  v->debug_control,
				  v->debug_known};

	for (size_t i = 0; i < COUNT(words); i++)
		mix(h, words[i]);
	for (size_t i = 0; i < COUNT(v->scratch); i++)
		mix(h, v->scratch[i]);
	for (size_t i = 0; i < STATE_VCPU_BLOCKS; i++)
		mix_block(h, &v->blocks[i]);
	mix_block(h, &v->run);
	mix_set(h, &v->msrs);
	mix_set(h, &v->caps);
	mix_set(h, &v->attrs);
	mix_bytes(h, &v->given, sizeof(v->given));
}

struct state_hash state_vm_hash(const struct state_vm *vm)
{
	const uint64_t words[] = {vm->fresh,	    vm->irqchip,   vm->pit,
				  vm->has_vcpus,    vm->running,   vm->guest_clean,
				  vm->last_run_end, vm->has_run,   vm->routes_known,
				  vm->identity_map, vm->boot_cpu,  vm->tsc_khz,
				  vm->slots_since,  vm->clock_read};
	struct state_hash h = {{vm->vcpu_count, vm->device_count}};

	for (size_t i = 0; i < COUNT(words); i++)
		mix(&h, words[i]);
	for (size_t i = 0; i < COUNT(vm->scratch); i++)
		mix(&h, vm->scratch[i]);
	for (size_t i = 0; i < STATE_VM_BLOCKS; i++)
		mix_block(&h, &vm->blocks[i]);
	mix_set(&h, &vm->slots);
	mix_set(&h, &vm->ioeventfds);
	mix_set(&h, &vm->irqfds);
	mix_set(&h, &vm->zones);
	mix_set(&h, &vm->routes);
	mix_set(&h, &vm->caps);
	mix_set(&h, &vm->facts);
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		mix(&h, vm->vcpus[i]->id);
		if (!vm->vcpus[i]->shared)
			mix_vcpu(&h, vm->vcpus[i]);
	}
	for (uint32_t i = 0; i < vm->device_count; i++) {
		const struct state_device *d = vm->devices[i];

		mix(&h, d->id);
		mix(&h, d->type);
		mix(&h, d->closed);
		mix_set(&h, &d->attrs);
	}
	return h;
}

/* --- what two states agree on ---------------------------------------------------------------- */

static void block_meet(struct state_block *b, const struct state_block *other)
{
	for (uint32_t i = 0; i < b->size; i++) {
		if (i >= other->size)
			b->mask[i] = 0;
		else
			b->mask[i] &= other->mask[i] & (uint8_t) ~(b->value[i] ^ other->value[i]);
	}
	if (b->origin != other->origin || b->origin_offset != other->origin_offset)
		b->origin = 0;
}

static bool entry_same(const struct state_entry *x, const struct state_entry *y)
{
	return x->key == y->key && x->key2 == y->key2 && x->known == y->known &&
	       !memcmp(x->value, y->value, sizeof(x->value));
}

static bool set_same(const struct state_set *a, const struct state_set *b)
{
	if (a->count != b->count || a->open != b->open)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		if (!entry_same(&a->entries[i], &b->entries[i]))
			return false;
	}
	return true;
}

/* Of a set whose open means that entries may be missing: what is in one of the two only, or
 * differs, is no longer there. */
static void set_meet(struct state_set *s, const struct state_set *other)
{
	bool differs = s->open || other->open || s->count != other->count;

	for (uint32_t i = s->count; i-- > 0;) {
		const struct state_entry *o =
			state_set_find(other, s->entries[i].key, s->entries[i].key2);

		if (o && entry_same(&s->entries[i], o))
			continue;
		state_set_remove(s, &s->entries[i]);
		differs = true;
	}
	s->open = differs;
}

static bool vcpu_same(const struct state_vcpu *v, const struct state_vcpu *other)
{
	return v->fresh == other->fresh && v->has_run == other->has_run &&
	       v->has_lapic == other->has_lapic && v->cpuid_set == other->cpuid_set &&
	       v->pending_exit == other->pending_exit && v->last_exit == other->last_exit &&
	       v->tsc_khz == other->tsc_khz && v->mcg_cap == other->mcg_cap &&
	       v->debug_control == other->debug_control && v->debug_known == other->debug_known &&
	       !memcmp(v->scratch, other->scratch, sizeof(v->scratch)) &&
	       set_same(&v->caps, &other->caps) && set_same(&v->attrs, &other->attrs) &&
	       v->msrs.count == other->msrs.count && v->msrs.open == other->msrs.open;
}

static void vcpu_meet(struct state_vcpu *v, const struct state_vcpu *other)
{
	bool same = vcpu_same(v, other);

	v->unseen_run |= other->unseen_run;
	v->guest_clean &= other->guest_clean;
	for (uint32_t i = 0; same && i < v->msrs.count; i++) {
		struct state_entry *e = &v->msrs.entries[i];
		const struct state_entry *o = state_set_find(&other->msrs, e->key, e->key2);

		same = o && e->value[2] == o->value[2] && e->value[3] == o->value[3];
		if (same && (e->value[0] != o->value[0] || e->value[1] != o->value[1]))
			e->known = 0;
		else if (same)
			e->known &= o->known;
	}
	if (!same) {
		state_vcpu_forget(v);
		return;
	}
	if (memcmp(&v->given, &other->given, sizeof(v->given)))
		memset(&v->given, 0, sizeof(v->given));
	for (size_t i = 0; i < STATE_VCPU_BLOCKS; i++)
		block_meet(&v->blocks[i], &other->blocks[i]);
	block_meet(&v->run, &other->run);
}

/* Fields that have no value for "not known" of their own, or are seldom written. */
static bool vm_same(const struct state_vm *vm, const struct state_vm *other)
{
	bool same = vm->vcpu_count == other->vcpu_count &&
		    vm->device_count == other->device_count && vm->fresh == other->fresh &&
		    vm->has_run == other->has_run && vm->identity_map == other->identity_map &&
		    vm->boot_cpu == other->boot_cpu && vm->tsc_khz == other->tsc_khz &&
		    !memcmp(vm->scratch, other->scratch, sizeof(vm->scratch)) &&
		    set_same(&vm->caps, &other->caps) && set_same(&vm->facts, &other->facts);

	for (uint32_t i = 0; same && i < vm->vcpu_count; i++)
		same = vm->vcpus[i]->id == other->vcpus[i]->id;
	for (uint32_t i = 0; same && i < vm->device_count; i++)
		same = vm->devices[i]->id == other->devices[i]->id;
	return same;
}

bool state_vm_meet(struct state_vm *vm, const struct state_vm *other)
{
	bool chips = vm->irqchip == other->irqchip && vm->pit == other->pit;

	vm->guest_clean &= other->guest_clean;
	if (other->slots_since > vm->slots_since)
		vm->slots_since = other->slots_since;
	if (!vm_same(vm, other))
		return false;
	if (vm->irqchip != other->irqchip)
		vm->irqchip = STATE_IRQCHIP_UNKNOWN;
	if (vm->pit != other->pit)
		vm->pit = STATE_UNKNOWN;
	if (vm->has_vcpus != other->has_vcpus)
		vm->has_vcpus = STATE_UNKNOWN;
	if (!chips || vm->routes_known != other->routes_known ||
	    !set_same(&vm->routes, &other->routes)) {
		vm->routes_known = STATE_UNKNOWN;
		state_set_clear(&vm->routes);
		vm->routes.open = true;
	}
	set_meet(&vm->slots, &other->slots);
	set_meet(&vm->ioeventfds, &other->ioeventfds);
	set_meet(&vm->irqfds, &other->irqfds);
	set_meet(&vm->zones, &other->zones);
	for (size_t i = 0; i < STATE_VM_BLOCKS; i++)
		block_meet(&vm->blocks[i], &other->blocks[i]);
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		if (vm->vcpus[i] != other->vcpus[i])
			vcpu_meet(vm->vcpus[i], other->vcpus[i]);
	}
	for (uint32_t i = 0; i < vm->device_count; i++) {
		if (!set_same(&vm->devices[i]->attrs, &other->devices[i]->attrs))
			device_forget(vm->devices[i]);
	}
	return true;
}

void state_vm_guest_ran(struct state_vm *vm)
{
	if (vm->guest_clean)
		return;
	/* Interrupt controllers, timer and clock are devices of the guest. */
	for (size_t i = 0; i < STATE_GUEST_BLOCKS; i++)
		state_block_forget(&vm->blocks[i]);
	vm->guest_clean = true;
}

void state_vcpu_guest_ran(struct state_vcpu *v)
{
	if (v->guest_clean)
		return;
	/* A guest cannot change its CPUID, nor what userspace enabled. */
	for (size_t i = 0; i < STATE_VCPU_BLOCKS; i++) {
		if (i != STATE_CPUID)
			state_block_forget(&v->blocks[i]);
	}
	for (uint32_t i = 0; i < v->msrs.count; i++)
		v->msrs.entries[i].known = 0;
	v->guest_clean = true;
}

void state_system_release(struct state_system *s)
{
	free(s->caps.entries);
	free(s->msrs.entries);
	free(s->features.entries);
	free(s->attrs.entries);
	free(s->numbers.entries);
	free(s->msr_list.value);
	free(s->feature_list.value);
	free(s->cpuid.value);
	free(s->emulated_cpuid.value);
	free(s->hv_cpuid.value);
	free(s->machine_facilities.value);
	free(s->machine_features.value);
	free(s->machine_subfunctions.value);
}

int state_system_copy(struct state_system *to, const struct state_system *from)
{
	int err = 0;

	memset(to, 0, sizeof(*to));
	to->typed_vm = from->typed_vm;
	err |= set_copy(&to->caps, &from->caps);
	err |= set_copy(&to->msrs, &from->msrs);
	err |= set_copy(&to->features, &from->features);
	err |= set_copy(&to->attrs, &from->attrs);
	err |= set_copy(&to->numbers, &from->numbers);
	err |= block_copy(&to->msr_list, &from->msr_list);
	err |= block_copy(&to->feature_list, &from->feature_list);
	err |= block_copy(&to->cpuid, &from->cpuid);
	err |= block_copy(&to->emulated_cpuid, &from->emulated_cpuid);
	err |= block_copy(&to->hv_cpuid, &from->hv_cpuid);
	err |= block_copy(&to->machine_facilities, &from->machine_facilities);
	err |= block_copy(&to->machine_features, &from->machine_features);
	err |= block_copy(&to->machine_subfunctions, &from->machine_subfunctions);
	return err ? -ENOMEM : 0;
}
