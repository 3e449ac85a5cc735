/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a fuzz target is: one LLVMFuzzerTestOneInput() under both engines, and under a plain program
 * that replays files (replay.c).  A target that finds what must not be calls abort() after it said
 * what on standard error.
 */
#ifndef FUZZ_TARGET_H
#define FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of the model: rules that held, and which verdict named which rule, as coverage (feedback.c). */
void fuzz_feedback(unsigned int rule, unsigned int outcome);
#define FUZZ_FEEDBACK_HELD 0 /* outcome: the rule held; else 1 + enum model_verdict_kind */

#endif
