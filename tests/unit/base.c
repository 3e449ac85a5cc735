/* SPDX-License-Identifier: BSD-2-Clause */
/* base/: numbers and zeros in bytes, hashes, arrays that grow, whole files.  Names (near.h) are in kvmapi_names.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/array.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"

/* The values that the authors of FNV publish. */
static void hashes(void **state)
{
	uint64_t pieces = hash64_add(hash64_add(HASH64_BEGIN, "foo", 3), "bar", 3);

	assert_int_equal(hash32_add(HASH32_BEGIN, "", 0), 0x811c9dc5);
	assert_int_equal(hash32_add(HASH32_BEGIN, "a", 1), 0xe40c292c);
	assert_int_equal(hash32_add(HASH32_BEGIN, "foobar", 6), 0xbf9cf968);
	assert_true(hash64_add(HASH64_BEGIN, "", 0) == 0xcbf29ce484222325);
	assert_true(hash64_add(HASH64_BEGIN, "a", 1) == 0xaf63dc4c8601ec8c);
	assert_true(hash64_add(HASH64_BEGIN, "foobar", 6) == 0x85944171f73967e8);
	assert_true(pieces == 0x85944171f73967e8);
}

static void numbers(void **state)
{
	const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 0xf8};
	uint8_t back[9] = {[8] = 0xee};

	assert_true(bytes_get(bytes, 8, true) == 0x01020304050607f8);
	assert_true(bytes_get(bytes, 8, false) == 0xf807060504030201);
	assert_int_equal(bytes_get(bytes + 1, 3, true), 0x020304);
	assert_int_equal(bytes_get(bytes + 1, 3, false), 0x040302);
	assert_int_equal(bytes_get(bytes, 0, true), 0);
	bytes_put(back, 0x01020304050607f8, 8, true);
	assert_memory_equal(back, bytes, 8);
	bytes_put(back, 0xf807060504030201, 8, false);
	assert_memory_equal(back, bytes, 8);
	/* What does not fit is left out, and nothing beside is touched. */
	bytes_put(back + 6, 0xaabbcc, 2, true);
	assert_int_equal(back[5], 6);
	assert_int_equal(back[6], 0xbb);
	assert_int_equal(back[7], 0xcc);
	assert_int_equal(back[8], 0xee);
}

static void zeros(void **state)
{
	uint8_t bytes[5] = {0};

	assert_true(bytes_zero(bytes, 5));
	assert_true(bytes_zero(NULL, 0));
	bytes[4] = 0x80;
	assert_false(bytes_zero(bytes, 5));
	assert_true(bytes_zero(bytes, 4));
}

static void arrays(void **state)
{
	uint32_t *array = NULL;
	size_t room = 0, before;

	for (uint32_t i = 0; i < 1000; i++) {
		before = room;
		assert_int_equal(array_grow(&array, &room, i), 0);
		assert_true(room > i && (room == before || room >= 2 * before));
		array[i] = i;
	}
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(array[i], i);
	assert_int_equal(array_reserve((void **)&array, &room, 5000, sizeof(*array)), 0);
	assert_true(room >= 5000);
	assert_int_equal(array[999], 999);
	/* What nobody can have leaves all as it was. */
	before = room;
	assert_int_equal(array_reserve((void **)&array, &room, SIZE_MAX, 1), -ENOMEM);
	assert_int_equal(array_reach_zero((void **)&array, &room, SIZE_MAX, 1), -ENOMEM);
	assert_int_equal(array_reserve((void **)&array, &room, SIZE_MAX / 4, 8), -ENOMEM);
	assert_int_equal(room, before);
	assert_int_equal(array[999], 999);
	/* By index: what is new is zero, what was there stays. */
	assert_int_equal(array_reach(&array, &room, 2 * before), 0);
	assert_true(room > 2 * before);
	assert_int_equal(array[999], 999);
	for (size_t i = before; i < room; i++)
		assert_int_equal(array[i], 0);
	free(array);
}

/* A file in memory that holds `size` bytes, read from `from` on. */
static char *read_back(const char *bytes, size_t size, off_t from, size_t most, int want)
{
	int fd = memfd_create("base", MFD_CLOEXEC);
	size_t have = 0;
	char *data = (char *)bytes;

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, bytes, size), 0);
	assert_int_equal(lseek(fd, from, SEEK_SET), from);
	assert_int_equal(file_read_all(fd, most, &data, &have), want);
	close(fd);
	if (want) {
		assert_null(data);
		return NULL;
	}
	assert_int_equal(have, size - from);
	assert_memory_equal(data, bytes + from, have);
	assert_int_equal(data[have], 0);
	return data;
}

static void files(void **state)
{
	char *bytes = malloc(300000), *data;
	size_t size;

	assert_non_null(bytes);
	for (size_t i = 0; i < 300000; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	free(read_back(bytes, 0, 0, SIZE_MAX, 0));
	free(read_back(bytes, 300000, 0, SIZE_MAX, 0));
	free(read_back(bytes, 300000, 299990, SIZE_MAX, 0));
	free(read_back(bytes, 300000, 0, 300000, 0));
	read_back(bytes, 300000, 0, 299999, -EFBIG);
	free(bytes);
	assert_int_equal(file_read_all(-1, SIZE_MAX, &data, &size), -EBADF);
	assert_null(data);
	assert_int_equal(file_write_all(-1, "x", 1), -EBADF);
}

/* What is no file has no size, and comes in pieces. */
static void pipes(void **state)
{
	char *bytes = calloc(1, 200000), *data;
	size_t size;
	int ends[2];
	pid_t child;

	assert_non_null(bytes);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		_exit(file_write_all(ends[1], bytes, 200000) ? 1 : 0);
	close(ends[1]);
	assert_int_equal(file_read_all(ends[0], SIZE_MAX, &data, &size), 0);
	close(ends[0]);
	assert_int_equal(size, 200000);
	assert_true(bytes_zero(data, size + 1));
	free(data);
	free(bytes);
}

static void clocks(void **state)
{
	uint64_t ns = clock_ns();
	int64_t ms = clock_ms();

	assert_true((uint64_t)ms >= ns / 1000000);
	assert_true(clock_ns() >= (uint64_t)ms * 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes), cmocka_unit_test(numbers), cmocka_unit_test(zeros),
		cmocka_unit_test(arrays), cmocka_unit_test(files),   cmocka_unit_test(pipes),
		cmocka_unit_test(clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
