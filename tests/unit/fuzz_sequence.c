/* SPDX-License-Identifier: BSD-2-Clause */
/* Sequences: their forms become each other, and changes keep objects right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "kvmtape/asm.h"

struct fixture {
	struct fuzz_sequence *a, *b;
	struct fuzz_mutator *m;
	uint8_t *bytes;
};
#define ROOM (512 << 10)

static int setup(void **state)
{
	const struct fuzz_options options = {.guest_code = true};
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->a = fuzz_sequence_new(KVMAPI_X86);
	f->b = fuzz_sequence_new(KVMAPI_X86);
	f->m = fuzz_mutator_new(KVMAPI_X86, &options);
	f->bytes = malloc(ROOM);
	assert_non_null(f->a);
	assert_non_null(f->b);
	assert_non_null(f->m);
	assert_non_null(f->bytes);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fuzz_sequence_free(f->a);
	fuzz_sequence_free(f->b);
	fuzz_mutator_free(f->m);
	free(f->bytes);
	free(f);
	return 0;
}

/* What must hold of every sequence. */
static void check(const struct fuzz_sequence *s)
{
	assert_true(s->call_count <= FUZZ_CALLS_MAX);
	assert_true(s->part_count <= FUZZ_PARTS_MAX);
	assert_true(s->byte_count <= FUZZ_BYTES_MAX);
	for (uint32_t i = 0; i < s->call_count; i++) {
		const struct fuzz_call *c = &s->calls[i];
		uint8_t kind = fuzz_sequence_kind(s, c->object);

		assert_true(c->object <= i);
		assert_true(c->thread < FUZZ_THREADS_MAX);
		assert_true(c->op <= FUZZ_MEMORY);
		assert_true(c->part + c->part_count <= s->part_count);
		assert_true(c->part_count <= FUZZ_CALL_PARTS_MAX);
		assert_ptr_equal(c->row, c->op == FUZZ_IOCTL && kind
						 ? kvmapi_find(s->arch, kind, c->request)
						 : NULL);
		for (uint16_t k = 0; k < c->part_count; k++) {
			const struct fuzz_part *p = &s->parts[c->part + k];

			assert_true(p->size <= FUZZ_PART_MAX);
			assert_true(p->offset + p->size <= s->byte_count);
			for (uint16_t n = 0; n < k; n++)
				assert_int_not_equal(s->parts[c->part + n].role, p->role);
		}
	}
}

/* Every call begins and ends once, in an order that can be: at most one a thread at a time. */
static void check_steps(const struct fuzz_sequence *s)
{
	struct fuzz_step steps[2 * FUZZ_CALLS_MAX];
	int open[FUZZ_THREADS_MAX];
	uint32_t count = fuzz_sequence_steps(s, steps);

	memset(open, -1, sizeof(open));
	assert_true(count <= 2 * FUZZ_CALLS_MAX);
	for (uint32_t i = 0; i < count; i++) {
		const struct fuzz_call *c = &s->calls[steps[i].call];

		if (steps[i].kind == FUZZ_STEP_BEGIN) {
			assert_int_equal(open[c->thread], -1);
			open[c->thread] = steps[i].call;
			for (int t = 0; t < FUZZ_THREADS_MAX; t++)
				assert_true(open[t] < 0 || (uint32_t)open[t] + 1 != c->object);
		} else if (steps[i].kind == FUZZ_STEP_END) {
			assert_int_equal(open[c->thread], steps[i].call);
			open[c->thread] = -1;
		}
	}
	for (int t = 0; t < FUZZ_THREADS_MAX; t++)
		assert_int_equal(open[t], -1);
}

static void check_encoding(struct fixture *f)
{
	uint32_t calls;
	size_t size = fuzz_sequence_encode(f->a, f->bytes, ROOM, &calls);

	assert_int_equal(calls, f->a->call_count);
	fuzz_sequence_decode(f->b, f->bytes, size);
	check(f->b);
	assert_true(fuzz_sequence_equal(f->a, f->b));
}

static void any_bytes_decode(void **state)
{
	struct fixture *f = *state;
	struct fuzz_rng rng = {1};

	for (int i = 0; i < 3000; i++) {
		uint32_t size = fuzz_rng_below(&rng, i % 10 ? 400 : 20000);

		for (uint32_t k = 0; k < size; k++)
			f->bytes[k] = fuzz_rng_one_in(&rng, 4) ? 0 : fuzz_rng_next(&rng);
		fuzz_sequence_decode(f->a, f->bytes, size);
		check(f->a);
		check_steps(f->a);
		check_encoding(f);
	}
}

static void encoding_fits_room(void **state)
{
	struct fixture *f = *state;
	struct fuzz_rng rng = {2};

	for (int i = 0; i < 300; i++) {
		size_t room = fuzz_rng_below(&rng, 600);
		uint32_t calls;
		size_t size;

		fuzz_generate(f->m, f->a, &rng);
		size = fuzz_sequence_encode(f->a, f->bytes, room, &calls);
		assert_true(size <= room);
		assert_true(calls <= f->a->call_count);
		fuzz_sequence_decode(f->b, f->bytes, size);
		assert_int_equal(f->b->call_count, calls);
	}
}

/* A tape of `from`, and what is read of it into `to`. */
static void through_tape(const struct fuzz_sequence *from, struct fuzz_sequence *to)
{
	int fd = memfd_create("tape", 0);
	void *tape;
	off_t size;

	assert_true(fd >= 0);
	assert_int_equal(fuzz_sequence_to_tape(from, NULL, fd), 0);
	size = lseek(fd, 0, SEEK_END);
	tape = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(tape != MAP_FAILED);
	assert_int_equal(fuzz_sequence_from_tape(to, tape, size), 0);
	check(to);
	munmap(tape, size);
	close(fd);
}

/*
 * The same calls come back from a tape.  What is not on a tape (bytes that are only written) goes,
 * and memory areas are numbered anew: after a few times round, everything stays.
 */
static void tapes_round(void **state)
{
	struct fixture *f = *state;
	struct fuzz_rng rng = {3};

	for (int i = 0; i < 400; i++) {
		int rounds = 0;

		fuzz_generate(f->m, f->a, &rng);
		for (int k = 0; k < 3; k++)
			fuzz_mutate(f->m, f->a, &rng);
		through_tape(f->a, f->b);
		do {
			assert_true(rounds++ < 6);
			fuzz_sequence_copy(f->a, f->b);
			through_tape(f->a, f->b);
			assert_int_equal(f->a->call_count, f->b->call_count);
		} while (!fuzz_sequence_equal(f->a, f->b));
	}
}

static const char text[] =
	"results none\n"
	"vm = kvm.KVM_CREATE_VM(0)\n"
	"vm.KVM_CREATE_IRQCHIP()\n"
	"vm.KVM_SET_USER_MEMORY_REGION({.slot = 3, .guest_phys_addr = 0x1000, .memory_size = 0x1000,\n"
	"	.userspace_addr = mem1 + 0x2000})\n"
	"vm.KVM_IRQFD({.fd = 1000007, .gsi = 5})\n"
	"memory vm 0x1000 hex\"f4\"\n"
	"vcpu1 = vm.KVM_CREATE_VCPU(1)\n"
	"vcpu1.KVM_SET_MSRS({.entries = [{.index = EFER, .data = 0x500}]})\n"
	"begin @1 vcpu1.KVM_RUN({.immediate_exit = 1})\n"
	"vm.KVM_GET_CLOCK()\n"
	"end @1 vcpu1.KVM_RUN\n"
	"close vcpu1\n";

static void text_to_sequence(void **state)
{
	struct fixture *f = *state;
	struct tape_asm_error error;
	int fd = memfd_create("tape", 0);
	const struct fuzz_part *p;
	uint64_t number;
	uint32_t word;
	off_t size;
	void *tape;

	assert_int_equal(tape_asm_write(text, fd, NULL, &error), 0);
	size = lseek(fd, 0, SEEK_END);
	tape = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	assert_int_equal(fuzz_sequence_from_tape(f->a, tape, size), 0);
	munmap(tape, size);
	close(fd);
	check(f->a);
	assert_int_equal(f->a->call_count, 10);
	assert_string_equal(f->a->calls[0].row->name, "KVM_CREATE_VM");
	assert_int_equal(f->a->calls[1].object, 1);
	p = fuzz_sequence_find(f->a, 2, TAPE_ARG_IN);
	assert_int_equal(p->size, 32);
	memcpy(&number, fuzz_part_bytes(f->a, p) + 24, 8);
	/* Numbered anew, as the canonical form does. */
	assert_int_equal(number, FUZZ_AREA(0));
	p = fuzz_sequence_find(f->a, 3, TAPE_ARG_IN);
	memcpy(&word, fuzz_part_bytes(f->a, p), 4);
	assert_int_equal(word, FUZZ_FD_EVENT);
	assert_int_equal(f->a->calls[4].op, FUZZ_MEMORY);
	assert_int_equal(f->a->calls[5].arg, 1);
	assert_int_equal(f->a->calls[6].object, 6);
	assert_int_equal(f->a->calls[7].flags, FUZZ_CALL_OPEN);
	assert_int_equal(f->a->calls[7].thread, 1);
	assert_int_equal(f->a->calls[9].op, FUZZ_CLOSE);
	assert_int_equal(f->a->calls[9].object, 6);
	check_encoding(f);
}

static void put_call(struct fuzz_sequence *s, uint32_t at, const char *name, uint16_t object)
{
	struct fuzz_call call = {.object = object,
				 .request = kvmapi_find_name(KVMAPI_X86, name)->request};

	assert_non_null(fuzz_sequence_insert(s, at, &call));
	check(s);
}

static void objects_follow(void **state)
{
	struct fixture *f = *state;
	struct fuzz_sequence *s = f->a;
	uint32_t fd = FUZZ_FD_OBJECT + 2;
	uint8_t *bytes;

	fuzz_sequence_clear(s);
	s->arch = KVMAPI_X86;
	put_call(s, 0, "KVM_CREATE_VM", 0);
	put_call(s, 1, "KVM_CREATE_VCPU", 1);
	put_call(s, 2, "KVM_GET_REGS", 2);
	put_call(s, 3, "KVM_IRQFD", 1);
	bytes = fuzz_sequence_part(s, 3, TAPE_ARG_IN, 32);
	memcpy(bytes, &fd, 4);
	/* Before all of them: everything moves on by one. */
	put_call(s, 0, "KVM_CREATE_VM", 0);
	assert_int_equal(s->calls[1].object, 0);
	assert_int_equal(s->calls[2].object, 2);
	assert_int_equal(s->calls[3].object, 3);
	memcpy(&fd, fuzz_part_bytes(s, fuzz_sequence_find(s, 4, TAPE_ARG_IN)), 4);
	assert_int_equal(fd, FUZZ_FD_OBJECT + 3);
	/* The second VM goes: its calls are made on the first one. */
	fuzz_sequence_copy(f->b, s);
	fuzz_sequence_remove(s, 1, 2, false);
	check(s);
	assert_int_equal(s->call_count, 4);
	assert_int_equal(s->calls[1].object, 1);
	assert_string_equal(s->calls[2].row->name, "KVM_GET_REGS");
	memcpy(&fd, fuzz_part_bytes(s, fuzz_sequence_find(s, 3, TAPE_ARG_IN)), 4);
	assert_int_equal(fd, FUZZ_FD_OBJECT + 2);
	/* Or go with it. */
	fuzz_sequence_remove(f->b, 1, 2, true);
	check(f->b);
	assert_int_equal(f->b->call_count, 1);
	/* Without its vCPU a call has nothing to be made on. */
	fuzz_sequence_remove(s, 1, 2, false);
	assert_int_equal(s->call_count, 2);
	memcpy(&fd, fuzz_part_bytes(s, fuzz_sequence_find(s, 1, TAPE_ARG_IN)), 4);
	assert_int_equal(fd, UINT32_MAX);
}

static void full_is_refused(void **state)
{
	struct fixture *f = *state;
	struct fuzz_call call = {0};

	fuzz_sequence_clear(f->a);
	for (uint32_t i = 0; i < FUZZ_CALLS_MAX; i++)
		assert_non_null(fuzz_sequence_insert(f->a, i, &call));
	assert_null(fuzz_sequence_insert(f->a, 0, &call));
	for (uint32_t i = 0; i < FUZZ_BYTES_MAX / FUZZ_PART_MAX; i++)
		assert_non_null(fuzz_sequence_part(f->a, i, TAPE_ARG_IN, FUZZ_PART_MAX));
	assert_null(fuzz_sequence_part(f->a, 100, TAPE_ARG_IN, 8));
	assert_null(fuzz_sequence_part(f->a, 0, TAPE_ARG_IN, FUZZ_PART_MAX + 1));
	/* What is dropped is room again. */
	fuzz_sequence_part_drop(f->a, 2, TAPE_ARG_IN);
	assert_non_null(fuzz_sequence_part(f->a, 100, TAPE_ARG_IN, 8));
	check(f->a);
}

/* Whatever is changed, and however often: it stays a sequence. */
static void mutations_keep_order(void **state)
{
	struct fixture *f = *state;
	struct fuzz_rng rng = {4};

	fuzz_generate(f->m, f->a, &rng);
	for (int i = 0; i < 20000; i++) {
		fuzz_mutate(f->m, f->a, &rng);
		check(f->a);
		if (i % 16)
			continue;
		check_steps(f->a);
		check_encoding(f);
		fuzz_generate(f->m, f->b, &rng);
		check(f->b);
		fuzz_splice(f->m, f->a, f->b, &rng);
		check(f->a);
	}
}

/* Every operation, and every ioctl of x86 on every kind of object that takes it. */
static void everything_comes(void **state)
{
	struct fixture *f = *state;
	struct fuzz_rng rng = {5};
	uint32_t operations = 0;
	size_t count;
	const struct kvmapi_ioctl *rows = kvmapi_ioctls(KVMAPI_X86, &count);
	uint8_t *seen = calloc(count, 1);
	uint64_t calls = 0, on_right = 0;

	assert_non_null(seen);
	fuzz_generate(f->m, f->a, &rng);
	for (int i = 0; i < 20000; i++) {
		if (i % 20)
			operations |= fuzz_mutate(f->m, f->a, &rng);
		else
			fuzz_generate(f->m, f->a, &rng);
		for (uint32_t k = 0; k < f->a->call_count; k++) {
			const struct fuzz_call *c = &f->a->calls[k];

			calls += c->op == FUZZ_IOCTL;
			on_right += c->row != NULL;
			if (c->row)
				seen[c->row - rows] |= fuzz_sequence_kind(f->a, c->object);
		}
	}
	for (unsigned int o = 0; o < FUZZ_OPERATIONS; o++) {
		if (o != FUZZ_SPLICE && !(operations & 1u << o))
			fail_msg("never done: %s", fuzz_operation_name(o));
	}
	for (size_t i = 0; i < count; i++) {
		if (seen[i] != rows[i].scope)
			fail_msg("%s: called on kinds 0x%x of 0x%x", rows[i].name, seen[i],
				 rows[i].scope);
	}
	print_message("# %.1f %% of %llu calls are known to their object\n",
		      100.0 * on_right / calls, (unsigned long long)calls);
	assert_true(on_right * 10 > calls * 9);
	free(seen);
}

/* The same numbers make the same sequences. */
static void mutations_repeat(void **state)
{
	struct fixture *f = *state;
	struct fuzz_rng one = {6}, two = {6};

	for (int i = 0; i < 300; i++) {
		fuzz_generate(f->m, f->a, &one);
		fuzz_mutate(f->m, f->a, &one);
		fuzz_generate(f->m, f->b, &two);
		fuzz_mutate(f->m, f->b, &two);
		assert_true(fuzz_sequence_equal(f->a, f->b));
	}
}

/* Other architectures have no templates, but their types. */
static void other_architectures(void **state)
{
	struct fixture *f = *state;
	struct fuzz_rng rng = {7};

	for (int arch = 0; arch < KVMAPI_ARCHS; arch++) {
		struct fuzz_mutator *m = fuzz_mutator_new(arch, NULL);

		assert_non_null(m);
		for (int i = 0; i < 300; i++) {
			fuzz_generate(m, f->a, &rng);
			fuzz_mutate(m, f->a, &rng);
			assert_int_equal(f->a->arch, arch);
			check(f->a);
			check_encoding(f);
		}
		fuzz_mutator_free(m);
	}
	assert_null(fuzz_mutator_new(KVMAPI_ARCHS, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(any_bytes_decode, setup, teardown),
		cmocka_unit_test_setup_teardown(encoding_fits_room, setup, teardown),
		cmocka_unit_test_setup_teardown(tapes_round, setup, teardown),
		cmocka_unit_test_setup_teardown(text_to_sequence, setup, teardown),
		cmocka_unit_test_setup_teardown(objects_follow, setup, teardown),
		cmocka_unit_test_setup_teardown(full_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(mutations_keep_order, setup, teardown),
		cmocka_unit_test_setup_teardown(everything_comes, setup, teardown),
		cmocka_unit_test_setup_teardown(mutations_repeat, setup, teardown),
		cmocka_unit_test_setup_teardown(other_architectures, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
