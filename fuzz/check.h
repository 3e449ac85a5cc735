/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_check: what must hold of the model for any sequence.
 *
 * The model makes up the results of a sequence (model_predict()), and a second one, which knows
 * only these results, judges them: nothing may diverge.  Thoroughly: the sequence as its byte
 * encoding gives it back, and its tape written and read, get the same verdicts.
 */
#ifndef FUZZ_CHECK_H
#define FUZZ_CHECK_H

#include "fuzz/sequence.h"
#include "kvmtape/model.h"

struct fuzz_check;

/* 0, -ENOMEM.  Told of each verdict on the made-up results; may be NULL. */
int fuzz_check_new(model_verdict_fn fn, void *context, struct fuzz_check **check);
void fuzz_check_free(struct fuzz_check *c);
/*
 * Write a sequence as a tape with the results that the model makes up; fd as in tape_writer_open().
 * alter (may be NULL) may change a result on its way to the tape, and its bytes.  0, -EDOM: the
 * model finds none; a tape error, -ENOMEM.
 */
typedef void (*fuzz_alter_fn)(void *context, struct tape_return *ret);
int fuzz_check_write(struct fuzz_check *c, const struct fuzz_sequence *s, int fd,
		     fuzz_alter_fn alter, void *context);
/*
 * Check a sequence; thorough: in its other forms, too, which costs ten times as much.  NULL if all
 * holds, else what does not, as a line that lives until the next call.
 */
const char *fuzz_check(struct fuzz_check *c, const struct fuzz_sequence *s, bool thorough);

#endif
