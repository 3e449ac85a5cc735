/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * judge: plays a tape on the model and keeps the score.
 *
 * Memory is bounded: by the number of distinct ioctls and rules, not by the length of the tape.
 */
#ifndef REPLAYER_JUDGE_H
#define REPLAYER_JUDGE_H

#include "kvmtape/model.h"
#include "kvmtape/tape.h"

/* Why events of one ioctl were not judged, with counts: the first reasons; the rest together. */
#define REPLAYER_REASONS 8
struct replayer_reason {
	uint8_t kind; /* MODEL_UNSPECIFIED or MODEL_SKIPPED */
	uint64_t events;
	char text[MODEL_TEXT];
};

/* The score of one ioctl on one kind of object. */
struct replayer_ioctl {
	uint8_t kind; /* enum kvmapi_object */
	uint32_t request;
	const struct kvmapi_ioctl *row; /* NULL: none in the table */
	uint64_t events;
	uint64_t verdicts[MODEL_VERDICT_KINDS];
	unsigned int reason_count;
	struct replayer_reason reasons[REPLAYER_REASONS];
	uint64_t other_reasons[MODEL_VERDICT_KINDS]; /* events with a reason that did not fit */
};

struct replayer_rule {
	uint16_t rule; /* index in model_rules() */
	uint64_t events;
};

struct replayer_score {
	uint64_t events; /* calls with their return, each with one verdict */
	uint64_t verdicts[MODEL_VERDICT_KINDS];
	uint64_t lost; /* calls missing in gaps */
	uint64_t lost_by[TAPE_GAP_CAUSES];
	uint64_t unreturned; /* calls without a return at the end of what was judged */
	size_t ioctl_count;  /* sorted: most events first, then by kind and request */
	struct replayer_ioctl *ioctls;
	size_t deviation_count; /* rules of the verdict "deviation", most events first */
	struct replayer_rule *deviations;
	size_t divergence_count; /* rules that were broken, most events first */
	struct replayer_rule *divergences;
	size_t advice_count; /* rules of the kind ADVICE, most events first */
	struct replayer_rule *advice;
	size_t rule_count;   /* model_rules() */
	uint64_t *rule_hits; /* how often each was checked and held */
	bool complete;	     /* the tape had its end, or was read as far as asked */
};
void replayer_score_release(struct replayer_score *score);

struct replayer_options {
	uint64_t until; /* last event to judge; UINT64_MAX = all */
};

/* Callbacks; each may be NULL. A non-zero result ends the replay and is returned. */
struct replayer_hooks {
	void *context;
	unsigned int verdict_mask; /* mask of 1 << enum model_verdict_kind for `verdict` */
	int (*verdict)(void *context, const struct tape_return *ret,
		       const struct model_verdict *verdict);
	/* For each call with advice, after `verdict`. */
	int (*advice)(void *context, const struct tape_return *ret,
		      const struct model_verdict *verdict);
	int (*item)(void *context,
		    const struct tape_item *item); /* items that are neither call nor return */
};

/*
 * What people read for a verdict: "as promised", "known quirk", "violation", "unspecified",
 * "skipped". model_verdict_name() is what programs read.
 */
const char *replayer_verdict_words(enum model_verdict_kind kind);

/*
 * Judge a tape from the reader's position to its end. *score is filled as far as the tape could be
 * read, whatever is returned; release it. 0; TAPE_E_TRUNCATED or TAPE_E_CORRUPT after everything
 * before was judged; -ENOMEM, -ENOTSUP (no model of that architecture), -ENODATA (the tape was
 * written to be played live: its returns mean nothing), or the result of a hook.
 */
int replayer_judge(struct tape_reader *reader, const struct replayer_options *options,
		   const struct replayer_hooks *hooks, struct replayer_score *score);

#endif
