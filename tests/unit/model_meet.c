/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What two states agree on: of states that generated sequences led to, the result allows whatever
 * either of the two allowed, field by field.  Which of two values of a field allows more is said
 * here once more, by kind; the fields come from fields.def.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/check.h"
#include "fuzz/fuzz.h"
#include "model/frame/frame.h"
#include "tests/unit/rounds.h"

/* --- `a` allows all that `b` allows -------------------------------------------------------------- */

static const char *stronger; /* the field in which it does not */

#define SCALAR(kind, type, allows)                              \
	static bool weaker_##kind(const type *x, const type *y) \
	{                                                       \
		const type a = *x, b = *y;                      \
		return allows;                                  \
	}
SCALAR(SURE, bool, !a || b)
SCALAR(FRESH, bool, !a || b)
SCALAR(DOUBT, bool, a || !b)
SCALAR(TRI, enum state_tri, a == STATE_UNKNOWN || a == b)
SCALAR(DONE, enum state_tri, a == STATE_UNKNOWN || a == b)
SCALAR(CHIPS, enum state_irqchip, a == STATE_IRQCHIP_UNKNOWN || a == b)
SCALAR(NUMBER, uint64_t, a == STATE_NUMBER_UNKNOWN || a == b)
SCALAR(EXIT, uint32_t, a == UINT32_MAX || a == b)
SCALAR(ZERO, uint64_t, !a || a == b)
SCALAR(KHZ, uint64_t, a == STATE_KHZ_UNKNOWN || a == b)
SCALAR(LATEST, uint64_t, a >= b)
SCALAR(EARLIEST, uint64_t, a <= b)
SCALAR(SURE_BITS, uint64_t, !(a & ~b))
SCALAR(DOUBT_BITS, uint32_t, !(b & ~a))
SCALAR(COUNT, uint32_t, a >= b)

static bool weaker_BLOCK(const struct state_block *a, const struct state_block *b)
{
	if (a->size < b->size || (a->origin && a->origin != b->origin))
		return false;
	for (uint32_t i = 0; i < a->size; i++) {
		const uint8_t known = i < b->size ? b->mask[i] : 0;

		if (a->mask[i] & ~known || (a->mask[i] && (a->value[i] ^ b->value[i]) & a->mask[i]))
			return false;
	}
	return true;
}

/* That an entry is missing from a closed set is known. */
static bool weaker_SET(const struct state_set *a, const struct state_set *b)
{
	if (b->open && !a->open)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		const struct state_entry *e = &a->entries[i];
		const struct state_entry *o = state_set_find(b, e->key, e->key2);

		if (!o || memcmp(e->value, o->value, sizeof(e->value)) || e->known != o->known)
			return false;
	}
	return a->open || a->count == b->count;
}
#define weaker_CAPS  weaker_SET
#define weaker_SLOTS weaker_SET

static bool weaker_VALUES(const struct state_set *a, const struct state_set *b)
{
	if (b->open && !a->open)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		const struct state_entry *e = &a->entries[i];
		const struct state_entry *o = state_set_find(b, e->key, e->key2);

		if (e->known &&
		    (!o || !o->known || e->value[0] != o->value[0] || e->value[1] != o->value[1]))
			return false;
		if (e->value[2] & ~(o ? o->value[2] : 0))
			return false;
	}
	/* That nobody read or wrote it is known of one that is missing, or has no bits. */
	for (uint32_t i = 0; i < b->count && !a->open; i++) {
		const struct state_entry *o = &b->entries[i];
		const struct state_entry *e = state_set_find(a, o->key, o->key2);

		if (!e || e->value[2] != o->value[2])
			return false;
	}
	return true;
}

static bool weaker_GIVEN(const struct state_given *a, const struct state_given *b)
{
	bool ok = true;

#define GIVEN_FIELD(kind, name, ...)                    \
	if (ok && !weaker_##kind(&a->name, &b->name)) { \
		stronger = #name;                       \
		ok = false;                             \
	}
#include "model/state/fields.def"
	return ok;
}

#define FIELD(kind, field)                               \
	if (!weaker_##kind(&a->field, &b->field)) {      \
		stronger = stronger ? stronger : #field; \
		return false;                            \
	}

static bool vcpu_weaker(const struct state_vcpu *a, const struct state_vcpu *b)
{
#define VCPU_FIELD(kind, name, ...) FIELD(kind, name)
#define VCPU_BLOCK(name, ...)	    FIELD(BLOCK, blocks[name])
#include "model/state/fields.def"
	return true;
}

static bool device_weaker(const struct state_device *a, const struct state_device *b)
{
#define DEVICE_FIELD(kind, name, ...) FIELD(kind, name)
#include "model/state/fields.def"
	return true;
}

/* A vCPU or device that only the weaker state has is one that it knows nothing of. */
static bool weaker(const struct state_vm *a, const struct state_vm *b)
{
	struct state_vm *other = (struct state_vm *)b;

	stronger = NULL;
#define VM_FIELD(kind, name, ...) FIELD(kind, name)
#define VM_BLOCK(name, ...)	  FIELD(BLOCK, blocks[name])
#include "model/state/fields.def"
	stronger = "vCPUs";
	if (a->vcpu_count < b->vcpu_count || a->device_count < b->device_count ||
	    (a->fresh && (a->vcpu_count != b->vcpu_count || a->device_count != b->device_count)))
		return false;
	for (uint32_t i = 0; i < a->vcpu_count; i++) {
		const struct state_vcpu *v = a->vcpus[i], *o = state_vm_vcpu(other, v->id);

		stronger = o ? NULL : "a vCPU that one has";
		if (o ? !vcpu_weaker(v, o) : v->fresh || v->number != STATE_NUMBER_UNKNOWN)
			return false;
	}
	for (uint32_t i = 0; i < a->device_count; i++) {
		const struct state_device *d = a->devices[i], *o = state_vm_device(other, d->id);

		stronger = o ? NULL : "a device that one has";
		if (o ? !device_weaker(d, o) : d->type != STATE_NUMBER_UNKNOWN)
			return false;
	}
	return true;
}

/* --- states ------------------------------------------------------------------------------------- */

static void assert_weaker(const struct state_vm *a, const struct state_vm *b, const char *what)
{
	if (!weaker(a, b))
		fail_msg("%s knows more: %s", what, stronger);
}

static void assert_same(const struct state_vm *a, const struct state_vm *b, const char *what)
{
	const struct state_hash x = state_vm_hash(a), y = state_vm_hash(b);

	if (memcmp(&x, &y, sizeof(x)))
		fail_msg("%s is another state", what);
}

static void check_pair(const struct state_vm *a, const struct state_vm *b)
{
	struct state_vm *ab = state_vm_copy(a), *ba = state_vm_copy(b);

	assert_non_null(ab);
	assert_non_null(ba);
	assert_true(state_vm_meet(ab, b));
	assert_true(state_vm_meet(ba, a));
	/* They are of different tapes, on which the VM may have another number. */
	ba->id = ab->id;
	assert_weaker(ab, a, "what a and b agree on, than a,");
	assert_weaker(ab, b, "what a and b agree on, than b,");
	assert_same(ab, ba, "what b and a agree on");
	assert_true(state_vm_meet(ba, ab));
	assert_same(ab, ba, "what a state agrees on with itself");
	state_vm_free(ab);
	state_vm_free(ba);
}

/* What is lost in one event and in the other. */
static void check_losses(const struct state_vm *a)
{
	struct state_vm *ran = state_vm_copy(a), *forgot = state_vm_copy(a);
	struct state_vm *gap = state_vm_copy(a), *parts = state_vm_copy(a);

	assert_true(ran && forgot && gap && parts);
	assert_same(ran, a, "a copy");
	/* As handlers do: what guest_clean says is no knowledge. */
	ran->guest_clean = false;
	state_vm_guest_ran(ran);
	ran->guest_clean = a->guest_clean;
	assert_weaker(ran, a, "a state after a guest ran");
	state_vm_forget(forgot);
	assert_weaker(forgot, ran, "a forgotten state");
	state_vm_gap(gap);
	assert_weaker(gap, forgot, "a state after a gap");
	state_vm_forget_parts(parts, TOUCH_SLOTS | TOUCH_CHIPS);
	assert_weaker(parts, a, "a state of which parts are forgotten");
	assert_weaker(forgot, parts, "a forgotten state, than one of which parts are,");
	check_pair(a, forgot);
	state_vm_free(ran);
	state_vm_free(forgot);
	state_vm_free(gap);
	state_vm_free(parts);
}

/* --- where the states come from ----------------------------------------------------------------- */

enum { POOL = 32, CALLS = 40 };

static struct state_vm *pool[POOL];
static unsigned int pairs, known_pairs;

static void verdict_ignore(void *context, const struct tape_return *ret,
			   const struct model_verdict *v)
{
}

/* Some of the states that a tape leads to, against some of before. */
static void play(int fd, struct fuzz_rng *rng)
{
	struct tape_reader *reader;
	struct tape_item item;
	struct model *m;

	assert_int_equal(tape_reader_open_fd(fd, &reader), 0);
	assert_int_equal(model_create(tape_reader_env(reader), verdict_ignore, NULL, &m), 0);
	while (!tape_reader_next(reader, &item) && item.type != TAPE_END_OF_FILE) {
		const struct state_vm *vm;
		struct state_vm **place = &pool[fuzz_rng_below(rng, POOL)];

		assert_int_equal(model_item(m, &item), 0);
		vm = item.type == TAPE_RETURN ? model_state_of(m, item.u.ret->call->object) : NULL;
		if (!vm || !fuzz_rng_one_in(rng, 6))
			continue;
		check_losses(vm);
		for (unsigned int i = 0; i < 3; i++) {
			const struct state_vm *other = pool[fuzz_rng_below(rng, POOL)];

			if (!other)
				continue;
			check_pair(vm, other);
			pairs++;
			known_pairs += vm->fresh && other->fresh;
		}
		state_vm_free(*place);
		*place = state_vm_copy(vm);
		assert_non_null(*place);
	}
	model_destroy(m);
	tape_reader_close(reader);
}

static void states_meet(void **state)
{
	const struct fuzz_options options = {.calls = CALLS};
	struct fuzz_rng rng = {23};
	struct fuzz_check *check;

	assert_int_equal(fuzz_check_new(verdict_ignore, NULL, &check), 0);
	for (int arch = 0; arch < KVMAPI_ARCHS; arch++) {
		struct fuzz_mutator *m = fuzz_mutator_new(arch, &options);
		struct fuzz_sequence *s = fuzz_sequence_new(arch);

		assert_true(m && s);
		for (int i = 0; i < ROUNDS(arch == KVMAPI_X86 ? 3000 : 600); i++) {
			int fd = memfd_create("tape", 0);

			assert_true(fd >= 0);
			if (i % 10)
				fuzz_mutate(m, s, &rng);
			else
				fuzz_generate(m, s, &rng);
			assert_int_equal(fuzz_check_write(check, s, fd, NULL, NULL), 0);
			assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
			play(fd, &rng);
			close(fd);
		}
		for (unsigned int i = 0; i < POOL; i++) {
			state_vm_free(pool[i]);
			pool[i] = NULL;
		}
		fuzz_sequence_free(s);
		fuzz_mutator_free(m);
	}
	fuzz_check_free(check);
	assert_true(pairs > ROUNDS(10000));
	assert_true(known_pairs > pairs / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_meet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
