/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * distill: choose from many tapes the few short ones that reach the same rules.
 *
 * Kept are the rules that held, deviated or were broken, with the outcomes of their calls, and, if
 * given, the blocks of the kernel that ran. The choice is greedy, by what a piece adds; a piece is
 * one VM, or a whole tape. Then calls are removed as long as nothing is lost.
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
 * Choose. `whole`: only whole tapes (always if blocks are given, since it is not known which call
 * ran them). `put` gets each tape that is kept: the name of its source, its VM (0 = the whole
 * tape), and its file in memory; a result other than 0 ends it. 0 or an error.
 */
int distill_run(struct distill *d, bool whole,
		int (*put)(void *context, const char *name, uint32_t vm, const void *tape,
			   size_t size),
		void *context, struct distill_counts *counts);

#endif
