/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * minimise: the smallest tape with the same divergence.
 *
 * The signature has to stay the same: the rule that is broken, the call that breaks it, and its
 * outcome. On the model alone the recorded results stay with their calls, the event has to diverge
 * with the same words as on the whole tape, and no other event may begin to diverge; live the calls
 * are issued anew each time. docs/triage.md says what a minimised tape is evidence of.
 */
#ifndef MINIMISE_H
#define MINIMISE_H

#include "replayer/judge/judge.h"

#define MINIMISE_NO_RULE 0xffff

/* Two divergences with the same signature are the same find. */
struct minimise_signature {
	uint16_t rule;	  /* index in model_rules(); MINIMISE_NO_RULE: the machine ended */
	uint8_t kind;	  /* of the object, 0 with no rule */
	uint32_t request; /* 0 with no rule */
	const struct kvmapi_ioctl *row;
	char outcome[160]; /* "success", "-EINVAL"; "panic: ..." without numbers */
};
bool minimise_signature_same(const struct minimise_signature *a,
			     const struct minimise_signature *b);
/* "IRQ_LINE_NEEDS_CHIP KVM_IRQ_LINE (vm) success"; returns buf. */
const char *minimise_signature_text(const struct minimise_signature *s, char *buf, size_t size);
/* The same as the name of a file: letters, digits, "_", "-" and "."; at most 120 bytes. */
const char *minimise_signature_name(const struct minimise_signature *s, char *buf, size_t size);
/* The signature of a divergence. */
void minimise_signature_of(const struct tape_return *ret, const struct model_verdict *v,
			   struct minimise_signature *s);
/* The signature of a machine that ended, from the line about it ("panic: ..."): without what
 * changes from one boot to the next. */
void minimise_signature_end(const char *line, struct minimise_signature *s);
/*
 * The divergences of a tape (its file in memory), in their order, until `take` answers true.  1: it
 * did; 0; a tape error, -ENOMEM, -ENOTSUP.  A tape without results has none.
 */
typedef bool (*minimise_take_fn)(void *context, const struct minimise_signature *signature);
int minimise_each(const void *tape, size_t size, minimise_take_fn take, void *context);
/* The first one, of the signature `want` if given.  1 and *found; 0: none; an error. */
int minimise_find(const void *tape, size_t size, const struct minimise_signature *want,
		  struct minimise_signature *found);

/* Plays tapes on a live kernel. */
struct minimise_player {
	/*
	 * Play a tape (its file in memory) and write what came back as a tape to fd, which is
	 * empty. 0; -ENOTCONN, -ETIMEDOUT: the machine ended or hung, and `end` has a line of how;
	 * another -errno with a line in `end`: it cannot be played at all.
	 */
	int (*play)(void *context, const void *tape, size_t size, int fd, char *end,
		    size_t end_size);
	/* The machine as from its snapshot; NULL: it always is.  0, -errno. */
	int (*fresh)(void *context);
	void *context;
};

struct minimise_options {
	const char *rule;     /* the divergence that breaks this rule; NULL = the first one */
	const char *advice;   /* keep the first advice of this rule instead; NULL */
	uint64_t event;	      /* that of this event; UINT64_MAX = the first one */
	bool no_calls;	      /* remove no calls: only play */
	bool no_arguments;    /* arguments stay as they are */
	bool no_capabilities; /* the environment stays as it is */
	const struct minimise_player *player; /* NULL = on the model alone */
	/* The wanted find, live; NULL = that of the first runs. */
	const struct minimise_signature *signature;
	unsigned int runs; /* live, at the beginning and at the end; 0 = default (5) */
	const char *where; /* note for the tape: where it was played; NULL */
	/* Checked between candidates: ends it with the result so far. NULL */
	const volatile bool *stop;
};

struct minimise_report {
	struct minimise_signature signature;
	bool advice;	/* the signature is one */
	uint64_t event; /* index on the whole tape; UINT64_MAX: it was not on it */
	char expected[MODEL_TEXT], observed[MODEL_TEXT]; /* observed: the advice's detail */
	uint64_t calls_before, calls_after;
	uint64_t capabilities_before, capabilities_after;
	uint64_t fields_zeroed, fields_smaller, elements_dropped;
	bool alone;			      /* calls that overlapped were put after each other */
	uint64_t candidates;		      /* tapes that were judged */
	uint64_t plays;			      /* live */
	unsigned int runs, shown;	      /* of the whole tape */
	unsigned int runs_after, shown_after; /* of the minimised tape */
	char end[256]; /* why it could not be played; how the machine ended */
};

/*
 * Minimise a tape (its file in memory) and write the result to fd (seekable, empty). 1: done; 0:
 * the tape has no such divergence, nothing is written; a tape error; -ENOMEM; -ENOTSUP: no model of
 * the architecture; the player's error, with report->end.
 */
int minimise_tape(const void *tape, size_t size, const struct minimise_options *options, int fd,
		  struct minimise_report *report);

#endif
