/* SPDX-License-Identifier: BSD-2-Clause */
/* What the player's files share. */
#ifndef PLAYER_INTERNAL_H
#define PLAYER_INTERNAL_H

#include "player.h"

/* The calling task plays the program with the mark that player_serve() was given, or does not any
 * more. */
void player_mark_begin(void);
void player_mark_end(void);

/*
 * What a worker is about, in memory that the server sees: it sends SIGUSR2 to who is in a call for
 * too long, and to nobody else, since a signal makes calls fail that did nothing wrong.
 */
struct player_watch {
	_Atomic uint64_t since; /* ns (CLOCK_MONOTONIC) when the present call began; 0 = in none */
	_Atomic uint64_t limit; /* ns that it may take */
	_Atomic uint32_t step;	/* that was begun last */
};
extern struct player_watch *player_watch; /* NULL: nobody watches */

/* Set by player_serve(): PLAYER_CRASH_REQUEST works. */
extern bool player_may_crash;
void player_crash(void);

#endif
