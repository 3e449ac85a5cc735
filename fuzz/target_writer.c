/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Target: the writer of tapes.  The input makes the choices of tape_random.c: items of a tape, put
 * in by the writer's functions.  What the reader gives back is what was put in, and the canonical
 * form can be made.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/tape_dump.h"
#include "fuzz/tape_random.h"
#include "fuzz/target.h"
#include "fuzz/target_file.h"

#define ITEMS_MAX 400

static int tape = -1, canonical = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	tape = fuzz_file_new();
	canonical = fuzz_file_new();
	return tape < 0 || canonical < 0 ? -1 : 0;
}

/* The first line that differs. */
static void found(const char *expected, const char *read)
{
	size_t at = 0, line = 0;

	for (; expected[at] && expected[at] == read[at]; at++)
		line = expected[at] == '\n' ? at + 1 : line;
	fprintf(stderr, "target_writer: read '%.*s', written '%.*s'\n",
		(int)strcspn(read + line, "\n"), read + line, (int)strcspn(expected + line, "\n"),
		expected + line);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tape_random_options options = {.items = ITEMS_MAX, .choices = data, .count = size};
	struct fuzz_file_bytes b;
	char *expected = NULL, *read;
	size_t len;
	FILE *out;
	int err;

	if (size < 2 || !fuzz_file_clear(tape))
		return 0;
	/* Small frames have as many borders as large tapes. */
	options.frame_bytes = data[0] & 1 ? 200 : 0;
	options.level = fuzz_file_options.level;
	options.timeless = data[0] & 2;
	options.unfinished = data[0] & 4;
	options.big_parts = data[0] & 8 ? 3 : 0;
	out = open_memstream(&expected, &len);
	if (!out)
		return 0;
	err = tape_random_write(tape, &options, out);
	fclose(out);
	if (err && err != -ENOMEM) {
		fprintf(stderr, "target_writer: refused: %s\n", tape_strerror(err));
		abort();
	}
	if (!err && fuzz_file_map(tape, &b)) {
		read = tape_dump_memory(b.data, b.size);
		if (read && strcmp(read, expected))
			found(expected, read);
		free(read);
		fuzz_file_unmap(&b);
		err = fuzz_file_canonical(tape, canonical);
		if (err && err != -ENOMEM) {
			fprintf(stderr, "target_writer: no canonical form: %s\n",
				tape_strerror(err));
			abort();
		}
	}
	free(expected);
	return 0;
}
