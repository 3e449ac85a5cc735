/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * asm: tapes as text that a person reads and writes.  docs/tape-text.md says what it may contain.
 *
 * The text holds everything of a tape but its times, so text made from a canonical tape becomes the
 * same tape again, byte by byte.
 */
#ifndef TAPE_ASM_H
#define TAPE_ASM_H

#include "kvmtape/tape.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define TAPE_ASM_VERSION 1

/* Where a text is wrong, and what is wrong there. */
struct tape_asm_error {
	unsigned int line;   /* from 1; 0 = not the text's fault */
	unsigned int column; /* in bytes, from 1 */
	char message[400];
};

/*
 * Make a tape of a text (NUL-terminated) and write it to `fd`, as tape_writer_open() does.  0, or
 * an error: -EINVAL is the text's fault, and *error says where and why; the tape is not finished
 * then.  error must not be NULL.
 */
int tape_asm_write(const char *text, int fd, const struct tape_writer_options *options,
		   struct tape_asm_error *error);

/*
 * Write a tape as text.  The reader is at its beginning; it is read to its end.  0, -ENOMEM, -EIO if
 * `out` does not take it, or the reader's error, after everything that could be read.
 */
int tape_asm_print(struct tape_reader *r, FILE *out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
