/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Target: tapes as text, any bytes without a zero.  A text that becomes a tape can be read, printed
 * as text again, and that text becomes a tape with the same canonical form.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/target.h"
#include "fuzz/target_file.h"
#include "kvmtape/asm.h"

#define TEXT_MAX (64 << 10)

static char *text;
static int files[4] = {-1, -1, -1, -1}; /* tape, its text's tape, the canonical forms of both */

static void found(const char *what, int err, const struct tape_asm_error *error)
{
	fprintf(stderr, "target_asm: %s: %s", what, err ? tape_strerror(err) : "");
	if (error && error->line)
		fprintf(stderr, " (line %u, column %u: %s)", error->line, error->column,
			error->message);
	fputc('\n', stderr);
	abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	text = malloc(TEXT_MAX + 1);
	for (unsigned int i = 0; i < 4; i++) {
		files[i] = fuzz_file_new();
		if (files[i] < 0)
			return -1;
	}
	return text ? 0 : -1;
}

/* The text of a tape; NULL: no memory. */
static char *print(int fd, int *err)
{
	struct tape_reader *r = NULL;
	char *printed = NULL;
	size_t size = 0;
	FILE *out;

	*err = lseek(fd, 0, SEEK_SET) ? -errno : tape_reader_open_fd(fd, &r);
	out = *err ? NULL : open_memstream(&printed, &size);
	if (out) {
		*err = tape_asm_print(r, out);
		if (fclose(out) && !*err)
			*err = -ENOMEM;
	}
	tape_reader_close(r);
	return printed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tape_asm_error error = {0};
	char *printed;
	int err;

	if (size > TEXT_MAX || memchr(data, 0, size))
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	if (!fuzz_file_clear(files[0]))
		return 0;
	err = tape_asm_write(text, files[0], &fuzz_file_options, &error);
	if (err == -EINVAL && !error.line)
		found("wrong, but nowhere", err, NULL);
	if (err)
		return 0;
	printed = print(files[0], &err);
	/* A text may end a tape early ("cut"). */
	if (err == TAPE_E_TRUNCATED)
		err = 0;
	if (err && err != -ENOMEM)
		found("a tape of our own cannot be printed", err, NULL);
	if (!printed || err || !fuzz_file_clear(files[1])) {
		free(printed);
		return 0;
	}
	memset(&error, 0, sizeof(error));
	err = tape_asm_write(printed, files[1], &fuzz_file_options, &error);
	if (err && err != -ENOMEM)
		found("what was printed is no text", err, &error);
	free(printed);
	if (err || fuzz_file_canonical(files[0], files[2]))
		return 0;
	err = fuzz_file_canonical(files[1], files[3]);
	if (err)
		found("the second tape has no canonical form", err, NULL);
	if (!fuzz_file_same(files[2], files[3]))
		found("text and its print are different tapes", 0, NULL);
	return 0;
}
