/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of minimise. */
#ifndef MINIMISE_INTERNAL_H
#define MINIMISE_INTERNAL_H

#include "replayer/judge/cut.h"
#include "replayer/judge/minimise.h"

/* The advice that an event got. */
struct minimise_advised {
	uint16_t rules[MODEL_VERDICT_ADVICE];
	uint16_t count;
};

struct minimise {
	const struct minimise_options *o;
	struct minimise_report *r;
	const struct minimise_player *player; /* NULL: the model alone */
	struct whole_tape tape;
	struct cut cut;
	size_t target;	  /* event that diverges; SIZE_MAX: live, any event of the signature */
	uint16_t *broken; /* by event: the rule that it breaks on the whole tape plus 1, 0 = none */
	/*
	 * On the model alone, while arguments become simpler: by event, whether the rules determine
	 * success or the error. They must still do so while its arguments differ from those that
	 * the kernel got; NULL at other times.
	 */
	bool *certain;
	size_t changed;			  /* event whose numbers are changed; SIZE_MAX = none */
	struct minimise_advised *advised; /* by event, on the whole tape; with options.advice */
	bool alone;
	unsigned int tries; /* live, before a candidate is given up */
	uint8_t *saved;	    /* room for cut.keep */
};

/* Does what is kept now show the divergence? Counts as a candidate. 1, 0, or an error. */
int minimise_candidate(struct minimise *m);

/* Have m->certain, for what is kept now.  0, or an error. */
int minimise_certain(struct minimise *m);

/* Simplify the arguments of all events that are kept; *changed is set if one was. */
int minimise_arguments(struct minimise *m, bool *changed);

#endif
