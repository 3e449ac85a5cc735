/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of live play share. */
#ifndef LIVE_INTERNAL_H
#define LIVE_INTERNAL_H

#include "replayer/live.h"
#include "replayer/live_program.h"
#include "replayer/player.h"

/* Memory that is freed all at once. */
struct live_arena {
	struct live_chunk *chunks;
};
/* Zeroed; NULL: no memory. */
void *live_arena_take(struct live_arena *arena, size_t size);
void live_arena_free(struct live_arena *arena);

/* A call of the tape with its return, everything copied. */
struct live_event {
	uint64_t index;
	uint32_t thread, object;
	uint8_t kind;
	uint32_t request;
	const struct kvmapi_ioctl *row;
	uint64_t arg;
	bool returned;
	int64_t ret;
	uint32_t created;
	unsigned int part_count;
	unsigned int call_part_count;  /* those of the call, which come first */
	const struct tape_part *parts; /* of both halves */
	/* What the model said. */
	bool judged;
	uint8_t verdict; /* enum model_verdict_kind */
	uint16_t rule;
	uint16_t held; /* first rule that holds; only if held_count */
	uint16_t held_count;
	const char *expected, *observed;
	bool may_succeed; /* failed, and the model would accept success (live_refuse()) */
	/* How it was played. */
	const char *skip; /* why not, NULL = it is in the program */
	uint32_t step;
	uint8_t status; /* enum player_status */
	bool answered;
	bool immediate; /* KVM_RUN that let guest code run when it was recorded; it is played with
			   immediate_exit */
	bool guest_ran; /* guest code had run before it when it was recorded, which it does not here
			 */
};

struct live_item {
	enum tape_item_type type;
	uint32_t event;	 /* TAPE_CALL, TAPE_RETURN: into live_tape.events */
	uint32_t object; /* TAPE_OBJECT, TAPE_CLOSED */
	uint32_t thread; /* TAPE_THREAD: when it was named first */
	const struct tape_memory *memory;
	const struct tape_gap *gap;
};

struct live_tape {
	struct live_arena arena;
	struct tape_env env;
	struct live_event *events;
	size_t event_count, event_room;
	struct live_item *items;
	size_t item_count, item_room;
	struct tape_object *objects; /* by id; [0] is not used */
	size_t object_count, object_room;
	struct tape_thread *threads; /* by id */
	size_t thread_count, thread_room;
	bool complete;
	bool no_results; /* a tape that was written to be played: its returns mean nothing */
	uint64_t gaps;
	uint32_t *played; /* of each call on the new tape: the event that it plays */
	size_t played_count, played_room;
	bool keep_advice;	    /* live_tape_judge() fills the list */
	struct live_advice *advice; /* .event counts the calls of this tape */
	size_t advice_count, advice_room;
};

/* Put an item behind the others; everything is copied.  0, -ENOMEM. */
int live_tape_take(struct live_tape *tape, const struct tape_item *item);
/* Drop the items, keep the environment. */
void live_tape_clear(struct live_tape *tape);
/* Read all of a tape.  0; a tape error, also for a damaged tape; -ENOMEM. */
int live_tape_load(const void *data, size_t size, struct live_tape *tape);
void live_tape_free(struct live_tape *tape);
/* Have the model judge it, and note the verdicts in its events.  0, -ENOTSUP, ... */
int live_tape_judge(const void *data, size_t size, struct live_tape *tape,
		    struct replayer_score *score);
const struct tape_part *live_part(const struct live_event *e, enum tape_role role);

/* A seekable file, whole; the caller frees *data, also after an error.  0, -errno. */
int live_file_read(int fd, uint8_t **data, size_t *size);

/* What the live kernel is like. */
struct live_facts {
	struct tape_env env;
	int32_t vm_caps[1024];
};
/* Read what the player said of its kernel (PLAYER_SAY_ENVIRONMENT). */
int live_facts_read(enum kvmapi_arch arch, const struct live_output *output,
		    const char *tool_version, struct live_facts *facts);
/* The larger of the answers on /dev/kvm and on a VM; 0 = not there. */
int live_cap(const struct live_facts *facts, uint32_t cap);

/* --- the program (live_plan.c) --- */

struct live_plan {
	uint8_t *data; /* the program */
	size_t size, room;
	uint32_t steps;
	struct live_step {	  /* what each step is */
		uint8_t kind;	  /* enum player_step_kind */
		uint32_t event;	  /* PLAYER_CALL: into tape.events */
		uint32_t object;  /* slot */
		uint32_t creates; /* slot of what a call makes */
		const struct tape_memory *memory;
	} * step_of;
	size_t step_room;
	uint32_t objects; /* slots: those of the tape, then those of calls that failed when recorded
			   */
	uint64_t area_bytes;
};

/* Why this kernel's own owner should not play it, or "".  Before live_plan_make(); `data` is the
 * file of the tape.  0, a tape error, -ENOMEM. */
int live_refuse(struct live_tape *tape, const void *data, size_t data_size, char *why, size_t size);
/* Make the program; events that cannot be played get their .skip.  0, -E2BIG, -ENOMEM. */
int live_plan_make(struct live_tape *tape, const struct live_facts *facts,
		   const struct live_options *options, struct live_plan *plan);
void live_plan_free(struct live_plan *plan);

/* --- the new tape (live_write.c) --- */

/*
 * What the player said as items of a tape, in order; notes in the events what came back.  Calls and
 * their parts live as long as *output and the arena of *tape.
 */
int live_items(struct live_tape *tape, const struct live_plan *plan,
	       const struct live_output *output, const struct live_sink *sink,
	       struct live_report *report);

/* The same into a file. */
int live_write(struct live_tape *tape, const struct live_plan *plan, const struct live_facts *facts,
	       const struct live_output *output, int fd, struct live_report *report);

/* --- comparison (live_compare.c) --- */

int live_compare(const struct live_tape *tape, const struct live_tape *live,
		 struct live_report *report);
/* Count an event under (ioctl, text) in a list. */
int live_reason_count(struct live_reason **list, size_t *count, const struct live_event *e,
		      const char *text);

#endif
