/* SPDX-License-Identifier: BSD-2-Clause */
/* Items of a tape as plain lines, whole and exact, so that two tapes can be compared as text. */
#ifndef FUZZ_TAPE_DUMP_H
#define FUZZ_TAPE_DUMP_H

#include <stdio.h>

#include "kvmtape/tape.h"

void tape_dump_env(FILE *out, const struct tape_env *env);
void tape_dump_item(FILE *out, const struct tape_item *item);
/* "end of file, complete", "end of file", "error corrupt"; the last line of a dump. */
void tape_dump_result(FILE *out, int err, bool complete);
/* All of a tape in memory: its environment, its items, how it ended.  Caller frees. */
char *tape_dump_memory(const void *data, size_t size);

#endif
