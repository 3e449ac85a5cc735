/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * distill: of many tapes, few short ones that reach the same.
 *
 * What is kept: which rules held, deviated or were broken, and with which outcome of the call; and,
 * where they are given, which blocks of the kernel ran.  Chosen is greedily, by what a piece adds:
 * a piece is the life of one VM, or a whole tape.  Then calls leave it until one more would lose
 * something.
 */
#ifndef DISTILL_H
#define DISTILL_H

#include "replayer/judge/judge.h"

struct distill;

struct distill_counts {
	size_t tapes, tapes_kept;
	uint64_t calls, calls_kept;
	size_t rules;	 /* distinct rules */
	size_t outcomes; /* distinct (rule, outcome) */
	size_t blocks;
	size_t without_results; /* tapes of which only blocks count */
};

struct distill *distill_new(void);
void distill_free(struct distill *d);
/*
 * Add a tape (its file in memory, copied).  `blocks`: lines of text, each a block that ran, as
 * fuzz_coverage_write() makes them; NULL.  0; a tape error, -ENOMEM, -ENOTSUP (no model).
 */
int distill_add(struct distill *d, const char *name, const void *tape, size_t size,
		const char *blocks);
/*
 * Choose.  `whole`: tapes are chosen as they are (as they are anyway where blocks are given, for
 * nobody knows which call ran them).  `put` gets each tape that is kept: the name of the tape it is
 * of, the VM it is the life of (0 = all of the tape), and its file in memory; not 0 ends it.  0 or
 * an error.
 */
int distill_run(struct distill *d, bool whole,
		int (*put)(void *context, const char *name, uint32_t vm, const void *tape,
			   size_t size),
		void *context, struct distill_counts *counts);

#endif
