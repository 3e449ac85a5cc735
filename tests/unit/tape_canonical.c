// SPDX-License-Identifier: BSD-2-Clause
/* The canonical form of tapes, and events as text and JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "fuzz/tape_dump.h"
#include "fuzz/tape_random.h"
#include "tests/unit/rounds.h"

static uint8_t *canonical(const void *tape, size_t size, size_t *canonical_size)
{
	int fd = memfd_create("canonical", MFD_CLOEXEC);
	struct tape_reader *r;
	uint8_t *data;

	assert_int_equal(tape_reader_open_memory(tape, size, &r), 0);
	assert_int_equal(tape_canonicalise(r, fd, NULL), 0);
	tape_reader_close(r);
	data = tape_random_slurp(fd, canonical_size);
	close(fd);
	return data;
}

/* Canonicalising twice is canonicalising once, whatever is on the tape. */
static void test_identity(void **state)
{
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct tape_random_options o = {.seed = seed,
						.items = 300,
						.frame_bytes = seed % 2 ? 3000 : 0,
						.unfinished = seed % 5 == 0};
		uint8_t *tape, *once, *twice;
		size_t size, once_size, twice_size;
		char *expected;

		tape_random_memory(&o, &tape, &size, &expected);
		once = canonical(tape, size, &once_size);
		twice = canonical(once, once_size, &twice_size);
		if (once_size != twice_size || memcmp(once, twice, once_size)) {
			char *a = tape_dump_memory(once, once_size),
			     *b = tape_dump_memory(twice, twice_size);

			print_message("seed %llu\n", (unsigned long long)seed);
			assert_string_equal(a, b);
			fail_msg("bytes differ, items do not");
		}
		free(expected);
		free(tape);
		free(once);
		free(twice);
	}
}

/* Numbers that another run of the same session would have. */
struct numbers {
	uint32_t pid, tid;
	int32_t kvm, vm, vcpu, eventfd, other_eventfd;
	uint64_t stack, heap, ram, rom;
	uint64_t time;
	const char *release;
	uint8_t junk;		/* what is in bytes that nobody reads */
	bool late;		/* arguments could be read at the return only */
	uint32_t closed[3];	/* the objects, in the order in which they go */
	uint64_t realtime, tsc; /* of the host */
};

static uint32_t request_of(const char *name)
{
	const struct kvmapi_ioctl *row = kvmapi_find_name(KVMAPI_X86, name);

	assert_non_null(row);
	return row->request;
}

static void event(struct tape_writer *w, const struct numbers *n, uint64_t *time, uint32_t object,
		  const char *name, uint64_t arg, const void *in, uint32_t len, int64_t ret,
		  uint32_t created)
{
	struct tape_part part = {.role = TAPE_ARG_IN,
				 .flags = n->late ? TAPE_PART_LATE : 0,
				 .want = len,
				 .have = len,
				 .addr = arg,
				 .data = in};
	struct tape_call call = {.time = *time += n->time,
				 .object = object,
				 .request = request_of(name),
				 .arg = arg,
				 .part_count = in && !n->late ? 1 : 0,
				 .parts = &part};
	struct tape_return result = {.time = *time += n->time,
				     .ret = ret,
				     .created = created,
				     .part_count = in && n->late ? 1 : 0,
				     .parts = &part};

	assert_int_equal(tape_writer_call(w, &call), 0);
	if (created) {
		struct tape_object made = {.id = created, .fd = (int32_t)ret, .number = UINT64_MAX};

		made.kind = created == 2 ? KVMAPI_VM : KVMAPI_VCPU;
		made.parent = created == 2 ? 0 : 2;
		made.number = created == 2 ? UINT64_MAX : 0;
		assert_int_equal(tape_writer_object(w, &made), 0);
	}
	assert_int_equal(tape_writer_return(w, 0, &result), 0);
}

static void put(uint8_t *to, size_t offset, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		to[offset + i] = (uint8_t)(value >> (8 * i));
}

/* A call that goes both ways: before, after. */
static void both_ways(struct tape_writer *w, const struct numbers *n, uint64_t *time,
		      uint32_t object, const char *name, const void *in, const void *out,
		      uint32_t len, int64_t ret)
{
	struct tape_part before = {.role = TAPE_ARG_IN, .want = len, .have = len, .data = in};
	struct tape_part after = {.role = TAPE_ARG_OUT, .want = len, .have = len, .data = out};
	struct tape_call call = {.time = *time += n->time,
				 .object = object,
				 .request = request_of(name),
				 .arg = n->stack,
				 .part_count = in ? 1 : 0,
				 .parts = &before};
	struct tape_return result = {
		.time = *time += n->time, .ret = ret, .part_count = 1, .parts = &after};

	before.addr = after.addr = n->stack;
	assert_int_equal(tape_writer_call(w, &call), 0);
	assert_int_equal(tape_writer_return(w, 0, &result), 0);
}

/*
 * What of a struct's memory nobody reads or writes: unions, lists that were not filled, failed
 * calls.
 */
static void unread(struct tape_writer *w, const struct numbers *n, uint64_t *time)
{
	uint8_t in[520], out[520];

	/* An interrupt controller of 16 bytes in a union of 512. */
	memset(in, n->junk, sizeof(in));
	put(in, 0, 0, 4);
	memset(in + 8, 0x11, 16);
	event(w, n, time, 2, "KVM_SET_IRQCHIP", n->stack, in, 520, 0, 0);
	memcpy(out, in, sizeof(out));
	memset(out + 8, 0x12, 16);
	memset(in + 8, n->junk, 16);
	both_ways(w, n, time, 2, "KVM_GET_IRQCHIP", in, out, 520, 0);
	/* One entry of two could be read, and none. */
	memset(in, n->junk, sizeof(in));
	put(in, 0, 2, 4);
	put(in, 8, 0x10, 4);
	put(in, 24, 0x4711, 4);
	memcpy(out, in, sizeof(out));
	put(out, 16, 5, 8);
	both_ways(w, n, time, 3, "KVM_GET_MSRS", in, out, 40, 1);
	both_ways(w, n, time, 3, "KVM_GET_MSRS", in, in, 40, -14);
	/* Nothing was written. */
	both_ways(w, n, time, 3, "KVM_GET_REGS", NULL, in, 144, -11);
	/* The time of the host. */
	memset(out, 0, sizeof(out));
	put(out, 0, 5000, 8);
	put(out, 8, 2 | 4 | 8, 4);
	put(out, 16, n->realtime, 8);
	put(out, 24, n->tsc, 8);
	both_ways(w, n, time, 2, "KVM_GET_CLOCK", NULL, out, 48, 0);
	/* A pointer in one form of a union, a descriptor in another. */
	memset(in, n->junk, sizeof(in));
	put(in, 0, 6, 2);
	put(in, 8, n->ram + 0x3000, 8);
	event(w, n, time, 2, "KVM_XEN_HVM_SET_ATTR", n->stack, in, 72, 0, 0);
	memset(in, n->junk, sizeof(in));
	put(in, 0, 3, 2);
	put(in, 8, 7, 4);
	put(in, 12, 2, 4);
	put(in, 16, 0, 4);
	put(in, 20, 0, 4);
	put(in, 24, (uint32_t)n->eventfd, 4);
	event(w, n, time, 2, "KVM_XEN_HVM_SET_ATTR", n->stack, in, 72, 0, 0);
	memset(in, n->junk, sizeof(in));
	put(in, 0, 196, 4); /* KVM_CAP_SGX_ATTRIBUTE */
	put(in, 4, 0, 4);
	put(in, 8, (uint32_t)n->other_eventfd, 8);
	event(w, n, time, 2, "KVM_ENABLE_CAP", n->stack, in, 104, -22, 0);
}

static uint8_t *session(const struct numbers *n, size_t *size)
{
	int fd = memfd_create("tape", MFD_CLOEXEC);
	struct tape_thread thread = {.pid = n->pid, .tid = n->tid, .comm = "vmm"};
	struct tape_object kvm = {
		.id = 1, .kind = KVMAPI_SYSTEM, .fd = n->kvm, .number = UINT64_MAX};
	struct tape_end end = {0};
	struct tape_writer *w;
	struct tape_env env;
	uint64_t time = n->time;
	uint8_t slot[32] = {0}, irqfd[32] = {0};
	uint8_t *tape;

	tape_env_init(&env);
	assert_int_equal(tape_env_set(&env, "kernel.release", n->release), 0);
	assert_int_equal(tape_env_set(&env, "command", n->pid & 1 ? "a" : "b"), 0);
	assert_int_equal(tape_env_set(&env, "kvm.backend", "kvm_amd"), 0);
	assert_int_equal(tape_env_set_cap(&env, 3, 1), 0);
	assert_int_equal(tape_writer_open(fd, &env, NULL, &w), 0);
	tape_env_release(&env);
	assert_int_equal(tape_writer_thread(w, &thread), 0);
	assert_int_equal(tape_writer_object(w, &kvm), 0);
	event(w, n, &time, 1, "KVM_CREATE_VM", 0, NULL, 0, n->vm, 2);
	event(w, n, &time, 2, "KVM_CREATE_VCPU", 0, NULL, 0, n->vcpu, 3);
	/* A slot, one that lies within it, one of another area, the first one deleted. */
	put(slot, 16, 0x8000000, 8);
	put(slot, 24, n->ram, 8);
	event(w, n, &time, 2, "KVM_SET_USER_MEMORY_REGION", n->stack, slot, sizeof(slot), 0, 0);
	put(slot, 0, 1, 4);
	put(slot, 16, 0x10000, 8);
	put(slot, 24, n->ram + 0xc0000, 8);
	event(w, n, &time, 2, "KVM_SET_USER_MEMORY_REGION", n->stack + 64, slot, sizeof(slot), 0,
	      0);
	put(slot, 24, n->rom, 8);
	event(w, n, &time, 2, "KVM_SET_USER_MEMORY_REGION", n->stack, slot, sizeof(slot), 0, 0);
	put(slot, 16, 0, 8);
	put(slot, 24, n->ram, 8);
	event(w, n, &time, 2, "KVM_SET_USER_MEMORY_REGION", n->stack, slot, sizeof(slot), 0, 0);
	/* A page that is not aligned stays so; an address that no process has stays as it is. */
	put(slot, 16, 0x1000, 8);
	put(slot, 24, n->heap + 0x123, 8);
	event(w, n, &time, 2, "KVM_SET_USER_MEMORY_REGION", n->stack, slot, sizeof(slot), -22, 0);
	put(slot, 24, 0xffff800000000000ull, 8);
	event(w, n, &time, 2, "KVM_SET_USER_MEMORY_REGION", n->stack, slot, sizeof(slot), -22, 0);
	memset(irqfd + 12, n->junk, 20);
	put(irqfd, 0, (uint32_t)n->eventfd, 4);
	event(w, n, &time, 2, "KVM_IRQFD", n->heap, irqfd, sizeof(irqfd), 0, 0);
	put(irqfd, 0, (uint32_t)n->other_eventfd, 4);
	event(w, n, &time, 2, "KVM_IRQFD", n->heap, irqfd, sizeof(irqfd), 0, 0);
	put(irqfd, 0, (uint32_t)n->vcpu, 4);
	event(w, n, &time, 2, "KVM_IRQFD", 0, irqfd, sizeof(irqfd), -22, 0);
	unread(w, n, &time);
	for (int i = 0; i < 3; i++)
		assert_int_equal(tape_writer_closed(w, n->closed[i], time += n->time), 0);
	assert_int_equal(tape_writer_finish(w, &end), 0);
	tape_writer_close(w);
	tape = tape_random_slurp(fd, size);
	close(fd);
	return tape;
}

#define RUNS 4
static const struct numbers runs[RUNS] = {
	{1001,
	 1003,
	 9,
	 10,
	 12,
	 20,
	 21,
	 0x7ffc12345010,
	 0x55aa00001000,
	 0x7f0011200000,
	 0x7e0000405000,
	 5000,
	 "6.1.0-13-amd64",
	 0,
	 false,
	 {3, 2, 1},
	 1790000000000000000,
	 123456},
	{2002,
	 2002,
	 4,
	 7,
	 8,
	 33,
	 15,
	 0x7ffd99999020,
	 0x5634abcde000,
	 0x7eff40000000,
	 0x7f8800001000,
	 777,
	 "6.1.0-99-custom",
	 0x7f,
	 false,
	 {1, 2, 3},
	 1795000000123456789,
	 99},
	{5,
	 6,
	 100,
	 7,
	 101,
	 3,
	 4,
	 0x7ffd00000120,
	 0x5634abcdf000,
	 0x7eff40000000,
	 0x7f8800001000,
	 1,
	 "6.1.0",
	 0xff,
	 true,
	 {2, 1, 3},
	 1700000000000000001,
	 1},
	{70,
	 71,
	 3,
	 4,
	 5,
	 6,
	 7,
	 0x7ffd00000210,
	 0x5634abcde000,
	 0x7e1140000000,
	 0x7f8800001000,
	 64,
	 "6.1.0-1",
	 0x55,
	 true,
	 {3, 1, 2},
	 1650000000000000000,
	 UINT64_MAX},
};

/* Two runs of one session become the same bytes, and those say what is meant. */
static void test_same_session(void **state)
{
	uint8_t *tapes[RUNS], *canon[RUNS];
	size_t sizes[RUNS], canon_sizes[RUNS];
	char *text, *other;

	for (int i = 0; i < RUNS; i++) {
		tapes[i] = session(&runs[i], &sizes[i]);
		canon[i] = canonical(tapes[i], sizes[i], &canon_sizes[i]);
	}
	text = tape_dump_memory(canon[0], canon_sizes[0]);
	for (int i = 1; i < RUNS; i++) {
		other = tape_dump_memory(canon[i], canon_sizes[i]);
		assert_string_equal(text, other);
		free(other);
		assert_int_equal(canon_sizes[0], canon_sizes[i]);
		assert_memory_equal(canon[0], canon[i], canon_sizes[0]);
	}
	assert_non_null(strstr(text, "timeless canonical"));
	assert_non_null(strstr(text, "pair kernel.release=6.1.0\n"));
	assert_non_null(strstr(text, "pair kvm.backend=kvm_amd\n"));
	assert_null(strstr(text, "command"));
	assert_non_null(strstr(text, "thread 0 pid 1 tid 1 comm 'vmm'"));
	assert_non_null(strstr(text, "object 3 parent 2 kind 4 flags 0 fd 5 number 0"));
	assert_non_null(strstr(text, "ret 4 created 2"));
	/*
	 * RAM at the middle of the first window, what lies in it at the same distance, the other in
	 * its own.
	 */
	assert_non_null(strstr(text, "0000000800000000"
				     "0000000010010000"));
	assert_non_null(strstr(text, "00000c0010010000"));
	assert_non_null(strstr(text, "0000000030010000"));
	assert_non_null(strstr(text, "2301000050010000"));
	assert_non_null(strstr(text, "000000000080ffff"));
	/* Event descriptors 1000000 and 1000001, then the vCPU's own. */
	assert_non_null(strstr(text, "40420f00"));
	assert_non_null(strstr(text, "41420f00"));
	assert_non_null(strstr(text, "have 32: 05000000"));
	/* A time that is nobody's, and that there was a counter. */
	assert_non_null(strstr(text, "0000c84e676dc11b0100000000000000"));
	for (int i = 0; i < RUNS; i++) {
		free(tapes[i]);
		free(canon[i]);
	}
	free(text);
}

/* Every event and item can be shown, however odd; JSON stays an object of its type. */
static void test_show_random(void **state)
{
	for (uint64_t seed = 0; seed < 8; seed++) {
		struct tape_random_options o = {.seed = seed, .items = 200};
		struct tape_reader *r;
		struct tape_item item;
		uint8_t *tape;
		size_t size;
		char *text;
		json_t *json;

		tape_random_memory(&o, &tape, &size, &text);
		free(text);
		assert_int_equal(tape_reader_open_memory(tape, size, &r), 0);
		assert_int_equal(tape_env_json(tape_reader_env(r), &json), 0);
		assert_string_equal(json_string_value(json_object_get(json, "type")),
				    "environment");
		json_decref(json);
		for (;;) {
			assert_int_equal(tape_reader_next(r, &item), 0);
			if (item.type == TAPE_END_OF_FILE)
				break;
			assert_int_equal(tape_item_text(r, &item, &text), 0);
			assert_true(strlen(text) > 5);
			free(text);
			assert_int_equal(tape_item_json(r, &item, &json), 0);
			assert_non_null(json_string_value(json_object_get(json, "type")));
			json_decref(json);
			if (item.type != TAPE_RETURN)
				continue;
			assert_int_equal(tape_event_text(r, item.u.ret, true, &text), 0);
			free(text);
		}
		tape_reader_close(r);
		free(tape);
	}
}

/* The same for damaged tapes: nothing that a reader lets through may harm what comes behind it. */
static void test_hostile(void **state)
{
	struct tape_random_options o = {.seed = 9, .items = 120, .frame_bytes = 500};
	uint8_t *tape;
	size_t size;
	char *expected;

	tape_random_memory(&o, &tape, &size, &expected);
	free(expected);
	for (uint64_t seed = 0; seed < ROUNDS(1000); seed++) {
		int fd = memfd_create("canonical", MFD_CLOEXEC);
		size_t damaged_size;
		uint8_t *damaged = tape_random_damage(tape, size, seed, &damaged_size);
		struct tape_reader *r;
		struct tape_item item;
		json_t *json;
		char *text;

		if (!tape_reader_open_memory(damaged, damaged_size, &r)) {
			tape_canonicalise(r, fd, NULL);
			tape_reader_close(r);
		}
		if (!tape_reader_open_memory(damaged, damaged_size, &r)) {
			while (!tape_reader_next(r, &item) && item.type != TAPE_END_OF_FILE) {
				assert_int_equal(tape_item_text(r, &item, &text), 0);
				free(text);
				assert_int_equal(tape_item_json(r, &item, &json), 0);
				json_decref(json);
			}
			tape_reader_close(r);
		}
		free(damaged);
		close(fd);
	}
	free(tape);
}

static char *show(size_t number)
{
	struct tape_reader *r;
	struct tape_item item;
	uint8_t *tape, *canon;
	size_t size, canon_size;
	char *text;

	tape = session(&runs[0], &size);
	canon = canonical(tape, size, &canon_size);
	assert_int_equal(tape_reader_open_memory(canon, canon_size, &r), 0);
	do {
		assert_int_equal(tape_reader_next(r, &item), 0);
	} while (item.type != TAPE_RETURN || item.u.ret->call->index != number);
	assert_int_equal(tape_event_text(r, item.u.ret, false, &text), 0);
	tape_reader_close(r);
	free(tape);
	free(canon);
	return text;
}

static void test_text(void **state)
{
	char *text = show(0);

	assert_string_equal(text, "     0 [vmm:1] kvm KVM_CREATE_VM(0) = 4 (vm1)");
	free(text);
	text = show(1);
	assert_string_equal(text, "     1 [vmm:1] vm1 KVM_CREATE_VCPU(0) = 5 (vcpu0@vm1)");
	free(text);
	text = show(6);
	assert_non_null(strstr(text, "] vm1 KVM_SET_USER_MEMORY_REGION("));
	assert_non_null(strstr(text, ") = -EINVAL"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),    cmocka_unit_test(test_same_session),
		cmocka_unit_test(test_show_random), cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
