/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the player's files. */
#ifndef PLAYER_INTERNAL_H
#define PLAYER_INTERNAL_H

#include "player.h"

/* The calling task begins, or ends, to play the program with the mark given to player_serve(). */
void player_mark_begin(void);
void player_mark_end(void);

/*
 * State of a worker, in memory shared with the server. The server sends SIGUSR2 to a worker whose
 * call takes too long, and to no other, since a signal makes valid calls fail.
 */
struct player_watch {
	_Atomic uint64_t since; /* ns (CLOCK_MONOTONIC) when the present call began; 0 = in none */
	_Atomic uint64_t limit; /* ns that it may take */
	_Atomic uint32_t step;	/* the step begun last */
};
extern struct player_watch *player_watch; /* NULL: not watched */

/* Set by player_serve(): PLAYER_CRASH_REQUEST works. */
extern bool player_may_crash;
void player_crash(void);

#endif
