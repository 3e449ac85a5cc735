// SPDX-License-Identifier: BSD-2-Clause
/* Writer and reader of tapes: what goes in comes out, and nothing that comes in does harm. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "tape/format.h"
#include "fuzz/tape_dump.h"
#include "fuzz/tape_random.h"
#include "tests/unit/rounds.h"

static void same_text(const char *have, const char *want)
{
	size_t line = 1, at = 0, begin = 0;

	if (!strcmp(have, want))
		return;
	for (; have[at] && have[at] == want[at]; at++) {
		if (have[at] == '\n') {
			line++;
			begin = at + 1;
		}
	}
	fail_msg("line %zu differs at %zu:\n%.300s\nexpected:\n%.300s", line, at - begin,
		 have + begin, want + begin);
}

/* Random tapes of all sorts come back as they were written. */
static void test_round_trip(void **state)
{
	for (uint64_t seed = 0; seed < ROUNDS(120); seed++) {
		struct tape_random_options o = {
			.seed = seed,
			.items = 20 + (unsigned int)(seed % 7) * 150,
			.frame_bytes = seed % 3 ? 1 + seed % 5 * 900 : 0,
			.big_parts = seed % 4 ? 0 : 30,
			.timeless = seed % 5 == 0,
			.unfinished = seed % 6 == 0,
		};
		char *expected, *have;
		uint8_t *tape;
		size_t size;

		tape_random_memory(&o, &tape, &size, &expected);
		have = tape_dump_memory(tape, size);
		same_text(have, expected);
		free(have);
		free(expected);
		free(tape);
	}
}

/* Enough large payloads to close frames by their slot memory. */
static void test_slot_limit(void **state)
{
	struct tape_random_options o = {
		.seed = 7, .items = 800, .frame_bytes = 1 << 20, .big_parts = 3};
	char *expected, *have;
	uint8_t *tape;
	size_t size;

	tape_random_memory(&o, &tape, &size, &expected);
	have = tape_dump_memory(tape, size);
	same_text(have, expected);
	free(have);
	free(expected);
	free(tape);
}

/* The same items are the same bytes. */
static void test_deterministic(void **state)
{
	struct tape_random_options o = {.seed = 3, .items = 500, .frame_bytes = 2000};
	char *expected[2];
	uint8_t *tape[2];
	size_t size[2];

	for (int i = 0; i < 2; i++)
		tape_random_memory(&o, &tape[i], &size[i], &expected[i]);
	assert_int_equal(size[0], size[1]);
	assert_memory_equal(tape[0], tape[1], size[0]);
	for (int i = 0; i < 2; i++) {
		free(tape[i]);
		free(expected[i]);
	}
}

/* What a damaged tape says must be the beginning of what the whole one says. */
static void check_prefix(const char *have, const char *whole)
{
	const char *result = strrchr(have, '\n');

	assert_non_null(result);
	while (result > have && result[-1] != '\n')
		result--;
	if (strncmp(have, whole, (size_t)(result - have)))
		same_text(have, whole);
}

static void test_truncated_everywhere(void **state)
{
	struct tape_random_options o = {.seed = 11, .items = 30, .frame_bytes = 300};
	char *expected, *have;
	uint8_t *tape;
	size_t size, complete = 0;

	tape_random_memory(&o, &tape, &size, &expected);
	for (size_t cut = 0; cut < size; cut++) {
		/* A copy of exactly that size, for the sanitiser to see a step too far. */
		uint8_t *copy = malloc(cut ? cut : 1);

		memcpy(copy, tape, cut);
		have = tape_dump_memory(copy, cut);
		check_prefix(have, expected);
		assert_true(strstr(have, "error") || strstr(have, "end of file\n") ||
			    strstr(have, "complete"));
		complete += strstr(have, "complete") != NULL;
		free(have);
		free(copy);
	}
	/* Only without the table of frames is it whole: at its beginning. */
	assert_int_equal(complete, 1);
	free(expected);
	free(tape);
}

static void test_flipped_everywhere(void **state)
{
	struct tape_random_options o = {.seed = 12, .items = 30, .frame_bytes = 300};
	char *expected, *have;
	uint8_t *tape;
	size_t size, errors = 0;

	tape_random_memory(&o, &tape, &size, &expected);
	for (size_t at = 0; at < size; at++) {
		const uint8_t bit = (uint8_t)(1 << at % 8);

		tape[at] ^= bit;
		have = tape_dump_memory(tape, size);
		check_prefix(have, expected);
		errors += strstr(have, "error") != NULL;
		free(have);
		tape[at] ^= bit;
	}
	/*
	 * The header's spare byte and minor version, and the table of frames at the end, are not
	 * checked.
	 */
	assert_true(errors > size * 3 / 4);
	free(expected);
	free(tape);
}

/* Damage that no checksum finds: any answer will do that is one. */
static void test_hostile_frames(void **state)
{
	for (uint64_t seed = 0; seed < ROUNDS(4000); seed++) {
		static uint8_t *tape;
		static size_t size;
		uint8_t *damaged;
		size_t damaged_size;
		char *have;

		if (seed % 400 == 0) {
			struct tape_random_options o = {.seed = seed,
							.items = 40 + (unsigned int)seed / 20,
							.frame_bytes = 300};
			char *expected;

			free(tape);
			tape_random_memory(&o, &tape, &size, &expected);
			free(expected);
		}
		damaged = tape_random_damage(tape, size, seed, &damaged_size);
		have = tape_dump_memory(damaged, damaged_size);
		assert_non_null(have);
		free(have);
		free(damaged);
		if (seed == 3999)
			free(tape);
	}
}

static struct tape_writer *plain_writer(int fd, const struct tape_writer_options *options)
{
	struct tape_thread thread = {.id = 0, .pid = 5, .tid = 6, .comm = "vmm"};
	struct tape_object object = {.id = 1, .kind = KVMAPI_SYSTEM, .fd = 3, .number = UINT64_MAX};
	struct tape_writer *w;
	struct tape_env env;

	tape_env_init(&env);
	assert_int_equal(tape_writer_open(fd, &env, options, &w), 0);
	tape_env_release(&env);
	assert_int_equal(tape_writer_thread(w, &thread), 0);
	assert_int_equal(tape_writer_object(w, &object), 0);
	return w;
}

/* Orders that the format forbids are refused, and the tape stays good. */
static void test_writer_order(void **state)
{
	int fd = memfd_create("tape", MFD_CLOEXEC);
	struct tape_writer *w = plain_writer(fd, NULL);
	struct tape_call call = {.object = 1, .request = 0xae00};
	struct tape_return ret = {0};
	struct tape_object object = {.id = 1};
	struct tape_thread thread = {.id = 7};
	struct tape_end end = {0};
	char *have;
	uint8_t *tape;
	size_t size;

	assert_int_equal(tape_writer_return(w, 0, &ret), TAPE_E_ORDER);
	assert_int_equal(tape_writer_object(w, &object), TAPE_E_ORDER);
	assert_int_equal(tape_writer_thread(w, &thread), TAPE_E_ORDER);
	call.object = 2;
	assert_int_equal(tape_writer_call(w, &call), TAPE_E_ORDER);
	call.object = 1;
	call.thread = 1;
	assert_int_equal(tape_writer_call(w, &call), TAPE_E_ORDER);
	assert_int_equal(tape_writer_closed(w, 9, 0), TAPE_E_ORDER);
	call.thread = 0;
	assert_int_equal(tape_writer_call(w, &call), 0);
	ret.created = 4;
	assert_int_equal(tape_writer_return(w, 0, &ret), TAPE_E_ORDER);
	ret.created = 0;
	assert_int_equal(tape_writer_return(w, 0, &ret), 0);
	assert_int_equal(tape_writer_finish(w, &end), 0);
	assert_int_equal(tape_writer_call(w, &call), TAPE_E_ORDER);
	tape_writer_close(w);
	tape = tape_random_slurp(fd, &size);
	have = tape_dump_memory(tape, size);
	assert_non_null(strstr(have, "end seen 0 written 1 unreturned 0"));
	assert_non_null(strstr(have, "complete"));
	free(have);
	free(tape);
	close(fd);
}

/* Payload beyond the limit is clipped and says so. */
static void test_writer_clips(void **state)
{
	int fd = memfd_create("tape", MFD_CLOEXEC);
	struct tape_writer *w = plain_writer(fd, NULL);
	uint8_t *bytes = calloc(1, TAPE_MAX_HALF + 1000);
	struct tape_part parts[2] = {
		{.role = TAPE_ARG_IN, .want = 100, .have = 100, .data = bytes},
		{.role = TAPE_NESTED_IN,
		 .want = TAPE_MAX_HALF,
		 .have = TAPE_MAX_HALF,
		 .data = bytes},
	};
	struct tape_call call = {.object = 1, .part_count = 2, .parts = parts};
	struct tape_return ret = {0};
	struct tape_end end = {0};
	struct tape_reader *r;
	struct tape_item item;

	assert_int_equal(tape_writer_call(w, &call), 0);
	assert_int_equal(tape_writer_return(w, 0, &ret), 0);
	assert_int_equal(tape_writer_finish(w, &end), 0);
	tape_writer_close(w);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(tape_reader_open_fd(fd, &r), 0);
	do {
		assert_int_equal(tape_reader_next(r, &item), 0);
	} while (item.type != TAPE_CALL);
	assert_int_equal(item.u.call->parts[0].have, 100);
	assert_int_equal(item.u.call->parts[1].have, TAPE_MAX_HALF - 100);
	assert_int_equal(item.u.call->parts[1].want, TAPE_MAX_HALF);
	assert_int_equal(item.u.call->parts[1].flags, TAPE_PART_CLIPPED);
	tape_reader_close(r);
	free(bytes);
	close(fd);
}

/* Callers that were built with other headers of the same soname. */
static void test_options_size(void **state)
{
	struct {
		struct tape_writer_options known;
		uint64_t newer;
	} o = {.known = TAPE_WRITER_OPTIONS(.level = 1)};
	const struct tape_env env = {.page_size = 4096};
	struct tape_writer *w;
	int fd = memfd_create("tape", MFD_CLOEXEC);

	o.known.size = sizeof(o);
	assert_int_equal(tape_writer_open(fd, &env, &o.known, &w), 0);
	tape_writer_close(w);
	o.newer = 1;
	assert_int_equal(tape_writer_open(fd, &env, &o.known, &w), -E2BIG);
	assert_null(w);
	/* What is behind a smaller one is not looked at. */
	o.known.size = offsetof(struct tape_writer_options, context) + sizeof(void *);
	assert_int_equal(tape_writer_open(fd, &env, &o.known, &w), 0);
	tape_writer_close(w);
	o.known.size = 0;
	assert_int_equal(tape_writer_open(fd, &env, &o.known, &w), -EINVAL);
	close(fd);
}

/* A full disk: the error stays, and the file is cut to its last whole frame. */
static void test_disk_full(void **state)
{
	const struct tape_writer_options options = TAPE_WRITER_OPTIONS(.frame_bytes = 1 << 10);
	int fd = memfd_create("tape", MFD_CLOEXEC);
	struct rlimit old, small = {.rlim_cur = 20000, .rlim_max = RLIM_INFINITY};
	struct tape_writer *w = plain_writer(fd, &options);
	uint8_t bytes[512] = {0};
	struct tape_part part = {.role = TAPE_ARG_IN, .want = 512, .have = 512, .data = bytes};
	struct tape_call call = {.object = 1, .part_count = 1, .parts = &part};
	struct tape_return ret = {0};
	struct tape_end end = {0};
	uint64_t rng = 1;
	uint8_t *tape;
	size_t size;
	char *have;
	int err = 0;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_FSIZE, &small);
	for (int i = 0; i < 1000 && !err; i++) {
		for (size_t b = 0; b < sizeof(bytes); b++) {
			rng = rng * 6364136223846793005ull + 1442695040888963407ull;
			bytes[b] = (uint8_t)(rng >> 40);
		}
		err = tape_writer_call(w, &call);
		if (!err)
			err = tape_writer_return(w, 0, &ret);
	}
	assert_int_equal(err, -EFBIG);
	assert_int_equal(tape_writer_call(w, &call), -EFBIG);
	assert_int_equal(tape_writer_finish(w, &end), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	tape = tape_random_slurp(fd, &size);
	assert_int_equal(size, tape_writer_bytes(w));
	assert_true(size > 10000 && size <= 20000);
	have = tape_dump_memory(tape, size);
	assert_non_null(strstr(have, "end of file\n"));
	free(have);
	free(tape);
	tape_writer_close(w);
	close(fd);
}

/* A tape through a pipe, read in whatever pieces it comes. */
static void test_pipe(void **state)
{
	struct tape_random_options o = {.seed = 5, .items = 60, .frame_bytes = 300};
	char *expected;
	uint8_t *tape;
	size_t size, sent = 0, lines = 0;
	struct tape_reader *r;
	struct tape_item item;
	int fds[2];

	tape_random_memory(&o, &tape, &size, &expected);
	assert_int_equal(pipe(fds), 0);
	fcntl(fds[1], F_SETPIPE_SZ, 1 << 20);
	while (sent < size) {
		ssize_t n = write(fds[1], tape + sent, size - sent < 100 ? size - sent : 100);

		assert_true(n > 0);
		sent += (size_t)n;
	}
	close(fds[1]);
	assert_int_equal(tape_reader_open_fd(fds[0], &r), 0);
	do {
		assert_int_equal(tape_reader_next(r, &item), 0);
		lines++;
	} while (item.type != TAPE_END_OF_FILE);
	assert_true(tape_reader_complete(r));
	assert_true(lines > 60);
	tape_reader_close(r);
	close(fds[0]);
	free(tape);
	free(expected);
}

static void test_environment(void **state)
{
	struct tape_env env, copy;

	tape_env_init(&env);
	assert_null(tape_env_get(&env, "a"));
	assert_int_equal(tape_env_set(&env, "a", "1"), 0);
	assert_int_equal(tape_env_set(&env, "b", "2"), 0);
	assert_int_equal(tape_env_set(&env, "a", "3"), 0);
	assert_int_equal(env.pair_count, 2);
	assert_string_equal(tape_env_get(&env, "a"), "3");
	assert_int_equal(tape_env_set_cap(&env, 7, -1), 0);
	assert_int_equal(env.cap_count, 8);
	assert_int_equal(env.caps[6], INT32_MIN);
	assert_int_equal(tape_env_copy(&copy, &env), 0);
	tape_env_release(&env);
	assert_string_equal(tape_env_get(&copy, "b"), "2");
	assert_int_equal(copy.caps[7], -1);
	tape_env_release(&copy);
}

static void test_varints(void **state)
{
	static const uint64_t values[] = {0,	 1,	     127,	 128,	    16383,
					  16384, UINT32_MAX, UINT64_MAX, 1ull << 63};
	static const uint8_t overlong[] = {0x80, 0x80, 0x80, 0x80, 0x80,
					   0x80, 0x80, 0x80, 0x80, 0x02};
	uint8_t buf[TAPE_VARINT_MAX];
	const uint8_t *at;
	uint64_t value;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		size_t n = tape_varint_put(buf, values[i]);

		at = buf;
		assert_int_equal(tape_varint_get(&at, buf + n, &value), 0);
		assert_true(value == values[i] && at == buf + n);
		at = buf;
		assert_int_equal(tape_varint_get(&at, buf + n - 1, &value), TAPE_E_CORRUPT);
		assert_true(tape_zigzag(tape_unzigzag(values[i])) == values[i]);
	}
	at = overlong;
	assert_int_equal(tape_varint_get(&at, overlong + sizeof(overlong), &value), TAPE_E_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_varints),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_slot_limit),
		cmocka_unit_test(test_deterministic),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_writer_order),
		cmocka_unit_test(test_writer_clips),
		cmocka_unit_test(test_options_size),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_truncated_everywhere),
		cmocka_unit_test(test_flipped_everywhere),
		cmocka_unit_test(test_hostile_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
