// SPDX-License-Identifier: BSD-2-Clause
/* Every tape of this directory says to the last byte what its .items file says. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fuzz/tape_dump.h"
#include "fuzz/tape_random.h"

static uint8_t *slurp(const char *directory, const char *name, const char *suffix, size_t *size)
{
	char path[4096];
	uint8_t *data;
	int fd;

	snprintf(path, sizeof(path), "%s/%s%s", directory, name, suffix);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		fail_msg("%s is missing", path);
	data = tape_random_slurp(fd, size);
	data[*size] = 0;
	close(fd);
	return data;
}

static void test_tape(void **state)
{
	const char *directory = getenv("KVMTAPE_GOLDEN"), *name = *state;
	size_t size, items_size;
	uint8_t *tape = slurp(directory, name, ".tape", &size);
	uint8_t *items = slurp(directory, name, ".items", &items_size);
	char *have = tape_dump_memory(tape, size);

	assert_string_equal(have, (char *)items);
	free(have);
	free(items);
	free(tape);
}

static int by_name(const void *a, const void *b)
{
	const struct CMUnitTest *x = a, *y = b;

	return strcmp(x->name, y->name);
}

#define MOST 200

int main(void)
{
	const char *directory = getenv("KVMTAPE_GOLDEN");
	static struct CMUnitTest tests[MOST];
	struct dirent *entry;
	size_t count = 0;
	DIR *dir = directory ? opendir(directory) : NULL;
	int failed;

	if (!dir) {
		fprintf(stderr, "golden: KVMTAPE_GOLDEN is no directory\n");
		return 1;
	}
	while ((entry = readdir(dir)) && count < MOST) {
		size_t len = strlen(entry->d_name);
		char *name;

		if (len < 6 || strcmp(entry->d_name + len - 5, ".tape"))
			continue;
		name = strndup(entry->d_name, len - 5);
		tests[count++] = (struct CMUnitTest){name, test_tape, NULL, NULL, name};
	}
	closedir(dir);
	qsort(tests, count, sizeof(tests[0]), by_name);
	if (count < 20) {
		fprintf(stderr, "golden: only %zu tapes in %s\n", count, directory);
		return 1;
	}
	failed = _cmocka_run_group_tests("golden", tests, count, NULL, NULL);
	for (size_t i = 0; i < count; i++)
		free((void *)tests[i].name);
	return failed;
}
