/* SPDX-License-Identifier: BSD-2-Clause */
/* A tape in memory, for falsify.c and depends.c. */
#ifndef FALSIFY_H
#define FALSIFY_H

#include "model/model.h"

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
	size_t next_same_thread; /* index of the thread's next event, 0 = none */
	/* what the model promises of the true result */
	uint8_t result, value; /* enum model_promise */
	uint8_t *marks; /* of the bytes of all parts of the return; enum model_promise, ECHOED,
			   SHOWN */
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

/*
 * A later call of the tape needs this one: without it (depends_drop), or with the next one of its
 * thread before it (depends_swap), the documents promise another result of the later call than the
 * tape has.  From the tape alone, by the relations that docs/falsification.md lists; when in doubt,
 * no.  Of two KVM_RUN only what struct kvm_run shows tells, and userspace may write there.
 */
enum needed { NEEDED_NOT, NEEDED, NEEDED_SHOWN };
enum needed depends_drop(const struct session *s, size_t event);
enum needed depends_swap(const struct session *s, size_t event, size_t next);

#endif
