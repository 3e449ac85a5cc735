/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of live play. */
#ifndef LIVE_INTERNAL_H
#define LIVE_INTERNAL_H

#include "replayer/judge/whole_tape.h"
#include "replayer/live/live.h"
#include "replayer/live/program.h"
#include "replayer/live/player/player.h"

/* Properties of the live kernel. */
struct live_facts {
	struct tape_env env;
	int32_t vm_caps[1024];
};
/* Read the player's records about its kernel (PLAYER_SAY_ENVIRONMENT). */
int live_facts_read(enum kvmapi_arch arch, const struct live_output *output,
		    const char *tool_version, struct live_facts *facts);
/* The larger of the answers on /dev/kvm and on a VM; 0 = not there. */
int live_cap(const struct live_facts *facts, uint32_t cap);

/* --- the program (plan.c) --- */

/* How a call of the tape was played. */
struct live_play {
	const char *skip; /* why not, NULL = it is in the program */
	uint8_t status;	  /* enum player_status */
	bool answered;
	bool immediate; /* KVM_RUN that ran guest code; played with immediate_exit */
	bool guest_ran; /* recorded after guest code ran, which does not run here */
};

struct live_plan {
	uint8_t *data; /* the program */
	size_t size, room;
	uint32_t steps;
	struct live_step {	  /* what each step is */
		uint8_t kind;	  /* enum player_step_kind */
		uint32_t event;	  /* PLAYER_CALL: into whole_tape.events */
		uint32_t object;  /* slot */
		uint32_t creates; /* slot of what a call makes */
		const struct tape_memory *memory;
	} * step_of;
	size_t step_room;
	uint32_t objects; /* slots: objects of the tape, then those of failed calls */
	uint64_t area_bytes;
	struct live_play *plays; /* by event of the tape */
	uint32_t *played;	 /* of each call on the new tape: the event that it plays */
	size_t played_count, played_room;
};

/*
 * Why the tape should not be played on this machine's kernel, or "". Before live_plan_make();
 * `data` is the file of the tape. 0, a tape error, -ENOMEM.
 */
int live_refuse(const struct whole_tape *tape, const void *data, size_t data_size, char *why,
		size_t size);
/* Make the program; events that cannot be played get a .skip.  0, -E2BIG, -ENOMEM. */
int live_plan_make(struct whole_tape *tape, const struct live_facts *facts,
		   const struct live_options *options, struct live_plan *plan);
void live_plan_free(struct live_plan *plan);

/* --- the new tape (write.c) --- */

/*
 * Convert the player's output to items of a tape, in order; the plan notes what came back. Calls
 * and their parts are valid as long as *output and the arena of *tape.
 */
int live_items(struct whole_tape *tape, struct live_plan *plan, const struct live_output *output,
	       const struct live_sink *sink, struct live_report *report);

/* The same into a file. */
int live_write(struct whole_tape *tape, struct live_plan *plan, const struct live_facts *facts,
	       const struct live_output *output, int fd, struct live_report *report);

/* --- comparison (compare.c) --- */

int live_compare(const struct whole_tape *tape, const struct live_plan *plan,
		 const struct whole_tape *live, struct live_report *report);
/* Count an event under (ioctl, text) in a list. */
int live_reason_count(struct live_reason **list, size_t *count, const struct whole_event *e,
		      const char *text);

#endif
