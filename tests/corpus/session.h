/* SPDX-License-Identifier: BSD-2-Clause */
/* A tape in memory, and what programs need that exit at the first error. */
#ifndef SESSION_H
#define SESSION_H

#include "kvmtape/model.h"

/* Beyond enum model_promise: a later call shows what this byte was. */
#define ECHOED	     (MODEL_DETERMINED + 1)
/* The next KVM_RUN shows it, unless userspace wrote there: nothing is promised. */
#define SHOWN	     (MODEL_DETERMINED + 2)
/* What a return value counts for among the bytes of results: ioctl(2) returns an int. */
#define RETURN_BYTES 4

struct event {
	struct tape_call call;
	struct tape_return ret;
	bool returned;
	size_t step;		 /* of the call */
	size_t next_same_thread; /* index of the thread's next event, 0 = none */
	/* what the model promises of the true result */
	uint8_t result, value; /* enum model_promise */
	uint8_t *marks;	       /* of all bytes of the return; enum model_promise, ECHOED, SHOWN */
	size_t bytes;
};

struct step {
	enum tape_item_type type;
	size_t event; /* CALL, RETURN */
	struct tape_item item;
};

struct session {
	struct tape_env env;
	struct step *steps;
	size_t step_count;
	struct event *events;
	size_t event_count;
	size_t diverged, unusual; /* of the true tape */
	struct tape_reader *reader;
};

/* Exit status 2. */
void die(const char *what, int err) __attribute__((noreturn));
void *copy(const void *from, size_t size);
/* Room for one more element of an array of `count`. */
void *grow(void *array, size_t count, size_t size);
/*
 * What is counted by ioctl: an array of `room` structs of `size` bytes, `*count` of them used, that
 * begin with this.  The name has to stay.
 */
struct by_ioctl {
	const char *ioctl;
};
/* The struct of an ioctl, which is zero but for its name if it is new. */
void *by_ioctl_find(void *array, size_t *count, size_t room, size_t size, const char *ioctl);
/* Order by name, for qsort(). */
int by_ioctl_compare(const void *a, const void *b);
/* A tape, or a text (NAME.tapes) that is made one first.  0 or a tape error. */
int session_open(const char *path, struct tape_reader **reader);
void session_load(struct session *s, const char *path);
void session_release(struct session *s);

#endif
