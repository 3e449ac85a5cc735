/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/state/describe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kvmapi/kvm_newer.h"

struct teller {
	model_fact_fn fn;
	void *context;
};

static void tell(const struct teller *t, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void tell(const struct teller *t, const char *name, const char *format, ...)
{
	char value[160];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	t->fn(t->context, name, value);
}

/* --- what is said of a field, by its kind; without a name, nothing --- */

static void tell_FRESH(const struct teller *t, const char *name, const bool *f)
{
	tell(t, name, "%s", *f ? "yes" : "no, or something is missing");
}

static void tell_SURE(const struct teller *t, const char *name, const bool *f)
{
	if (*f)
		tell(t, name, "yes");
}

static void tell_DOUBT(const struct teller *t, const char *name, const bool *f)
{
	if (*f)
		tell(t, name, "maybe");
}

static void tell_TRI(const struct teller *t, const char *name, const enum state_tri *f)
{
	static const char *const names[] = {"no", "yes", "not known"};

	tell(t, name, "%s", names[*f]);
}

static void tell_DONE(const struct teller *t, const char *name, const enum state_tri *f)
{
	if (*f == STATE_YES)
		tell_TRI(t, name, f);
}

static void tell_CHIPS(const struct teller *t, const char *name, const enum state_irqchip *f)
{
	static const char *const names[] = {"none", "in the kernel", "split", "not known"};

	tell(t, name, "%s", names[*f]);
}

static void tell_NUMBER(const struct teller *t, const char *name, const uint64_t *f)
{
	if (*f != STATE_NUMBER_UNKNOWN)
		tell(t, name, "%" PRIu64, *f);
}

static void tell_KHZ(const struct teller *t, const char *name, const uint64_t *f)
{
	if (*f == STATE_KHZ_HOST)
		tell(t, name, "the host's frequency");
	else if (*f != STATE_KHZ_UNKNOWN)
		tell(t, name, "%" PRIu64 " kHz", *f);
}

static void tell_COUNT(const struct teller *t, const char *name, const uint32_t *f)
{
	if (*f)
		tell(t, name, "%u", *f);
}

static void tell_BLOCK(const struct teller *t, const char *name, const struct state_block *b)
{
	uint32_t known = 0;

	for (uint32_t i = 0; i < b->size; i++)
		known += b->mask[i] != 0;
	if (known && b->origin == STATE_RESET)
		tell(t, name, "%u of %u bytes known, of the reset", known, b->size);
	else if (known && b->origin)
		tell(t, name, "%u of %u bytes known, of event %" PRIu64, known, b->size,
		     b->origin - 1);
	else if (known)
		tell(t, name, "%u of %u bytes known", known, b->size);
}

/* How many there are, and whether there may be more. */
static void tell_SET(const struct teller *t, const char *name, const struct state_set *s)
{
	if (s->count || s->open)
		tell(t, name, "%u%s", s->count, s->open ? ", and maybe others" : "");
}

static void tell_CAPS(const struct teller *t, const char *name, const struct state_set *caps)
{
	for (uint32_t i = 0; i < caps->count; i++) {
		const struct state_entry *e = &caps->entries[i];
		const char *cap = kvmapi_cap_name((uint32_t)e->key);

		/* key2 tells what was enabled from what was answered. */
		if (e->key2)
			continue;
		if (e->known)
			tell(t, name, "%s, %#" PRIx64, cap ? cap : "a capability", e->value[0]);
		else
			tell(t, name, "%s", cap ? cap : "a capability");
	}
	if (caps->open)
		tell(t, name, "maybe other capabilities");
}

static void tell_SLOTS(const struct teller *t, const char *name, const struct state_set *slots)
{
	for (uint32_t i = 0; i < slots->count; i++) {
		const struct state_entry *e = &slots->entries[i];

		if (e->known)
			tell(t, name,
			     "%" PRIu64 ": guest %#" PRIx64 ", size %#" PRIx64 ", user %#" PRIx64
			     ", flags %#" PRIx64,
			     e->key, e->value[0], e->value[1], e->value[2], e->value[3]);
		else
			tell(t, name, "%" PRIu64 ", not known where", e->key);
	}
	if (slots->open)
		tell(t, name, "maybe others");
}

/* Kinds whose values say nothing to people. */
static void tell_nothing(const struct teller *t, const char *name, const void *f)
{
	(void)t, (void)name, (void)f;
}
#define tell_EXIT	tell_nothing
#define tell_ZERO	tell_nothing
#define tell_LATEST	tell_nothing
#define tell_EARLIEST	tell_nothing
#define tell_SURE_BITS	tell_nothing
#define tell_DOUBT_BITS tell_nothing
#define tell_GIVEN	tell_nothing
#define tell_VALUES	tell_SET

#define TELL(kind, text, field)                       \
	do {                                          \
		if (text)                             \
			tell_##kind(&t, text, field); \
	} while (0);

void describe_system(const struct state_system *s, model_fact_fn fn, void *context)
{
	const struct teller t = {fn, context};

#define SYSTEM_FIELD(kind, name, start, lost, part, text) TELL(kind, text, &s->name)
#include "model/state/fields.def"
}

void describe_vm(const struct state_vm *vm, model_fact_fn fn, void *context)
{
	static const char *const blocks[] = {
#define VM_BLOCK(name, lost, part, text) text,
#include "model/state/fields.def"
	};
	const struct teller t = {fn, context};

#define VM_FIELD(kind, name, start, lost, part, text) TELL(kind, text, &vm->name)
#include "model/state/fields.def"
	if (vm->vcpu_count)
		tell(&t, "vCPUs seen", "%u", vm->vcpu_count);
	for (unsigned int i = 0; i < STATE_VM_BLOCKS; i++)
		tell_BLOCK(&t, blocks[i], &vm->blocks[i]);
}

void describe_vcpu(const struct state_vcpu *v, model_fact_fn fn, void *context)
{
	static const char *const blocks[] = {
#define VCPU_BLOCK(name, lost, part, text) text,
#include "model/state/fields.def"
	};
	const struct teller t = {fn, context};

#define VCPU_FIELD(kind, name, start, lost, part, text) TELL(kind, text, &v->name)
#include "model/state/fields.def"
	for (unsigned int i = 0; i < STATE_VCPU_BLOCKS; i++)
		tell_BLOCK(&t, blocks[i], &v->blocks[i]);
}

void describe_device(const struct state_device *d, model_fact_fn fn, void *context)
{
	const struct teller t = {fn, context};

#define DEVICE_FIELD(kind, name, start, lost, part, text) TELL(kind, text, &d->name)
#include "model/state/fields.def"
}
