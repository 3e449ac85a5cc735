/* SPDX-License-Identifier: BSD-2-Clause */
/* What the player's files share. */
#ifndef PLAYER_INTERNAL_H
#define PLAYER_INTERNAL_H

#include "player.h"

/* The calling task plays the program with the mark that player_serve() was given, or does not any
 * more. */
void player_mark_begin(void);
void player_mark_end(void);

/* If not NULL: the step that was begun last, for somebody in another process. */
extern uint32_t *player_progress;

/* Set by player_serve(): PLAYER_CRASH_REQUEST works. */
extern bool player_may_crash;
void player_crash(void);

#endif
