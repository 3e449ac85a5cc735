/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cut: a part of a tape.  Which events are in it is a flag for each; objects, threads and gaps
 * follow from that.  A part can be judged by the model, and written as a tape of its own.
 */
#ifndef CUT_H
#define CUT_H

#include "replayer/judge/whole_tape.h"

struct cut {
	struct whole_tape *tape; /* not owned; its events may be changed by whoever cuts */
	size_t count;		 /* elements: the events of the tape, then its blocks of memory */
	bool *keep;		 /* by element */
	size_t *memory;		 /* items that are blocks of memory, by element - event_count */
	uint32_t *maker; /* by object: the event that made it plus 1, 0 = none on the tape */
	bool *used;	 /* by object, for cut_objects() */
	/*
	 * What a KVM_RUN left in its page stands in the page of the next one as well, before the
	 * call.  By event: the KVM_RUN before it on that vCPU plus 1; if that one is not kept, and
	 * `echoes` says so, what the page echoes of it is left out as not captured.
	 */
	uint32_t *previous;
	bool echoes;
};

/* Everything is in it.  0, -ENOMEM. */
int cut_init(struct cut *c, struct whole_tape *tape);
void cut_free(struct cut *c);
/* The number of events that are in it. */
size_t cut_events(const struct cut *c);
/* Events on objects that nobody makes any more leave, too, and so does memory of such VMs. */
void cut_close(struct cut *c);
/* The VM at the root of an object, 0 = none: /dev/kvm itself. */
uint32_t cut_root(const struct cut *c, uint32_t object);

struct cut_judging {
	model_verdict_fn fn; /* ret->call->index is the number of the event in tape->events */
	void *context;
	const bool *stop; /* looked at after each item; NULL */
	uint64_t *hits;	  /* by rule, added to; NULL */
	/* What the rules determine is kept, and may be asked of *model while `fn` is called; NULL.
	 */
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
 * Have `attempt` take parts of a list away: first all of it, then halves, quarters, ... single
 * elements, from its end to its beginning.  attempt() gives 1 if the elements could go, 0 if not,
 * or an error, which ends it.  *count is how many stay.
 */
typedef int (*cut_attempt_fn)(void *context, const size_t *elements, size_t count);
int cut_sweep(size_t *list, size_t *count, cut_attempt_fn attempt, void *context);

#endif
