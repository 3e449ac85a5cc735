/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runner: runs the player inside a disposable guest.
 *
 * The caller configures the guest; the player is added to it as a file.
 */
#ifndef LIVE_RUNNER_H
#define LIVE_RUNNER_H

#include "guest/guest.h"
#include "replayer/live/live.h"

/* Where the player is in the guest. */
#define LIVE_GUEST_PLAYER "/kvmtape/player"

/* The architecture whose KVM such a guest has. */
enum kvmapi_arch live_guest_arch(enum guest_arch arch);
/*
 * As guest_start(), with the player in the guest.  *guest is NULL if the guest did not start.  0, or
 * -errno with a line in `end`; -ENOENT also if this build has no player for the architecture.
 */
int live_guest_start(const struct guest_kernel *kernel, const struct guest_config *config,
		     struct guest **guest, char *end, size_t size);
/*
 * Run the player there, with one argument, to its end.  As struct live_runner's play(); what it
 * said has a NUL behind it.  A player that fails, or is ended by a signal, is a line in output->end
 * as well, with 0.
 */
int live_guest_ask(struct guest *guest, const char *argument, unsigned int timeout,
		   struct live_output *output);
/* The same with a program.  The play() of a struct live_runner whose context is the guest. */
int live_guest_play(void *guest, const void *program, size_t size, unsigned int timeout,
		    struct live_output *output);

#endif
