/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_program: live play without files, for many short tapes on one kernel.
 *
 * Makes a program for the player (player.h) from the items of a tape without results, and the items
 * of the played tape, for a model or a writer, from the player's output.
 */
#ifndef LIVE_PROGRAM_H
#define LIVE_PROGRAM_H

#include "replayer/live/live.h"
#include "replayer/live/player/player.h"

/* Properties of a live kernel, queried once. */
struct live_kernel;
/* The program that queries it. */
extern const struct player_head live_question;
/* From the player's output. 0, -EPROTO, -ENOMEM. */
int live_kernel_new(enum kvmapi_arch arch, const struct live_output *answer,
		    const char *tool_version, struct live_kernel **kernel);
void live_kernel_free(struct live_kernel *kernel); /* NULL is allowed */
const struct tape_env *live_kernel_env(const struct live_kernel *kernel);

/* Takes the items of a played tape, in order. A result other than 0 ends it with that value. */
struct live_sink {
	void *context;
	int (*item)(void *context, const struct tape_item *item);
};

struct live_program;
/* Without items; `kernel` must live as long.  NULL: no memory. */
struct live_program *live_program_new(const struct live_kernel *kernel);
void live_program_free(struct live_program *p); /* NULL is allowed */
/* Begin anew, without items. */
void live_program_clear(struct live_program *p);
/*
 * The next item.  Of calls, .row is to be filled in, and .index counts the calls from 0; of returns
 * .call->index says of which.  Everything is copied.  0, -ENOMEM.
 */
int live_program_item(struct live_program *p, const struct tape_item *item);
/*
 * Make the program; data are valid until the next live_program_clear(). If one thread makes all
 * calls, the player starts no others (PLAYER_SERIAL). options->call_time and .log count, and
 * run_time (ms; 0 = as call_time) of KVM_RUN. 0, -E2BIG, -ENOMEM.
 */
int live_program_make(struct live_program *p, const struct live_options *options,
		      unsigned int run_time, const void **data, size_t *size);
/* The call that a step of the program makes; UINT32_MAX: none. */
uint32_t live_program_step(const struct live_program *p, uint32_t step);
/*
 * Convert the player's output to items. `report` (of live_play(), zero before) gets how many calls
 * were played, kicked, blocked, and how long it took. Calls count from 0 in the order in which they
 * were begun; live_program_played() says which one of the program's that is. Calls and their parts
 * live as long as *output and until live_program_clear(). 0, -EPROTO, -ENOMEM, or the result of the
 * sink.
 */
int live_program_items(struct live_program *p, const struct live_output *output,
		       const struct live_sink *sink, struct live_report *report);
uint32_t live_program_played(const struct live_program *p, uint64_t index);
/* The same as a tape; fd as in tape_writer_open(). */
int live_program_write(struct live_program *p, const struct live_output *output, int fd);

#endif
