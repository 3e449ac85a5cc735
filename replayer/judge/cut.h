/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cut: a part of a tape.  Which events are in it is a flag for each; objects, threads and gaps
 * follow from that.  A part can be judged by the model, and written as a tape of its own.
 */
#ifndef CUT_H
#define CUT_H

#include "replayer/judge/whole_tape.h"

struct cut {
	struct whole_tape *tape; /* not owned; the caller may change its events */
	size_t count;		 /* elements: the events of the tape, then its blocks of memory */
	bool *keep;		 /* by element */
	size_t *memory;		 /* items that are blocks of memory, by element - event_count */
	uint32_t *maker; /* by object: the event that made it plus 1, 0 = none on the tape */
	bool *used;	 /* by object, for cut_objects() */
	/*
	 * A KVM_RUN begins with the page that the last one left. By event: the previous KVM_RUN of
	 * that vCPU plus 1. If that one is not kept and `echoes` is set, the bytes it left in the
	 * page become not captured.
	 */
	uint32_t *previous;
	bool echoes;
};

/* Everything is in it.  0, -ENOMEM. */
int cut_init(struct cut *c, struct whole_tape *tape);
void cut_free(struct cut *c);
/* The number of events that are in it. */
size_t cut_events(const struct cut *c);
/* Remove events on objects that no kept event makes, and memory of such VMs. */
void cut_close(struct cut *c);
/* The VM at the root of an object, 0 = none: /dev/kvm itself. */
uint32_t cut_root(const struct cut *c, uint32_t object);

struct cut_judging {
	model_verdict_fn fn; /* ret->call->index is the number of the event in tape->events */
	void *context;
	const bool *stop; /* checked after each item; NULL */
	uint64_t *hits;	  /* by rule, added to; NULL */
	/* Enables promises, which can be asked of *model while `fn` is called; NULL. */
	const struct model **model;
};
/* Have the model judge the part.  0, -ENOMEM, -ENOTSUP. */
int cut_judge(struct cut *c, const struct cut_judging *judging);

/*
 * Write the part as a tape without times; objects and threads are numbered anew, in their order.
 * `alone`: no calls overlap any more, each returns at once, all on one thread.  0, a tape error,
 * -ENOMEM.
 */
int cut_write(struct cut *c, bool alone, int fd);

/*
 * Try to remove parts of a list with `attempt`: first all of it, then halves, quarters, ... single
 * elements, from end to beginning. attempt() returns 1 if the elements were removed, 0 if not, or
 * an error, which ends it. *count is how many are left.
 */
typedef int (*cut_attempt_fn)(void *context, const size_t *elements, size_t count);
int cut_sweep(size_t *list, size_t *count, cut_attempt_fn attempt, void *context);

#endif
