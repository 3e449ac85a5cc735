/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * whole_tape: all of a tape in memory, for code that looks ahead (which object does this call
 * make?), looks back, or cuts a tape.
 */
#ifndef WHOLE_TAPE_H
#define WHOLE_TAPE_H

#include "replayer/judge/judge.h"

/* Memory that is freed all at once. */
struct whole_arena {
	struct whole_chunk *chunks;
};
/* Zeroed; NULL: no memory. */
void *whole_arena_take(struct whole_arena *arena, size_t size);
void whole_arena_free(struct whole_arena *arena);

/* A call of the tape with its return, everything copied. */
struct whole_event {
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
	/* Verdict of the model. */
	bool judged;
	uint8_t verdict; /* enum model_verdict_kind */
	uint16_t rule;
	uint16_t held; /* first rule that holds; only if held_count */
	uint16_t held_count;
};

struct whole_item {
	enum tape_item_type type;
	uint32_t event;	 /* TAPE_CALL, TAPE_RETURN: into whole_tape.events */
	uint32_t object; /* TAPE_OBJECT, TAPE_CLOSED */
	uint32_t thread; /* TAPE_THREAD: when it was named first */
	const struct tape_memory *memory;
	const struct tape_gap *gap;
};

struct whole_tape {
	struct whole_arena arena;
	struct tape_env env;
	struct whole_event *events;
	size_t event_count, event_room;
	struct whole_item *items;
	size_t item_count, item_room;
	struct tape_object *objects; /* by id; [0] is not used */
	size_t object_count, object_room;
	struct tape_thread *threads; /* by id */
	size_t thread_count, thread_room;
	bool complete;
	bool no_results; /* a tape without results: its returns have no meaning */
	uint64_t gaps;
};

/* Append an item; everything is copied. 0, -ENOMEM. */
int whole_tape_take(struct whole_tape *tape, const struct tape_item *item);
/* Drop the items, keep the environment. */
void whole_tape_clear(struct whole_tape *tape);
/* Read all of a tape.  0; a tape error, also for a damaged tape; -ENOMEM. */
int whole_tape_load(const void *data, size_t size, struct whole_tape *tape);
void whole_tape_free(struct whole_tape *tape);
/*
 * Have the model judge it (`data` is its file), and note the verdicts in its events.  `advice` is
 * called as in struct replayer_hooks; NULL.  0, or what replayer_judge() says.
 */
int whole_tape_judge(const void *data, size_t size, struct whole_tape *tape,
		     int (*advice)(void *context, const struct tape_return *ret,
				   const struct model_verdict *verdict),
		     void *context, struct replayer_score *score);
const struct tape_part *whole_part(const struct whole_event *e, enum tape_role role);

/* A seekable file, whole; the caller frees *data, also after an error.  0, -errno. */
int whole_file_read(int fd, uint8_t **data, size_t *size);

#endif
