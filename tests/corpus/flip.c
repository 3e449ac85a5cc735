/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does the rule that makes a call conform decide anything?  Takes tapes, and gives calls the other
 * outcome: a call that succeeded fails (EINVAL, ENOENT, EBUSY), one that failed succeeds.  If the
 * call conforms before and after, and by the same rules, those rules decide nothing of it: that is
 * a fault.
 *
 * It also counts, per ioctl, what becomes of the other outcome: of calls that failed, how many
 * would be found if they had succeeded; of calls that succeeded, how many of the errors would be.
 *
 *	flip [--per-kind N] [--markdown] [--verbose] TAPE...
 *
 * Of each tape, N calls of each ioctl and outcome are taken (8).  Calls that overlap others are
 * left out.  Exit status 0; 1 if a rule decides nothing, or fewer than 500 calls were tried; 2 for
 * errors.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/corpus/session.h"

#define OUTCOMES 4
static const int outcomes[OUTCOMES] = {0, EINVAL, ENOENT, EBUSY};

struct score {
	struct by_ioctl of;
	/* per verdict on the other outcome */
	unsigned int succeeds[MODEL_VERDICT_KINDS]; /* of calls that failed */
	unsigned int fails[MODEL_VERDICT_KINDS];    /* of calls that succeeded: each error counts */
};
static struct score scores[512];
static size_t score_count;
static unsigned int tried, undecided;

/* How many calls of an ioctl and outcome were taken of this tape. */
struct taken {
	const struct kvmapi_ioctl *row;
	int64_t outcome; /* 1 for all successes */
	unsigned int count;
};

struct trial {
	struct model *main, *before, *after;
	struct model_verdict seen; /* the last verdict of any of them */
	struct tape_call call;	   /* that is open alone */
	bool alone;
	unsigned int open;
	struct taken taken[512];
	size_t taken_count;
};

static void on_verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	((struct trial *)context)->seen = *v;
}

static struct score *score_of(const char *ioctl)
{
	return by_ioctl_find(scores, &score_count, sizeof(scores) / sizeof(scores[0]),
			     sizeof(scores[0]), ioctl);
}

static bool want(struct trial *t, const struct kvmapi_ioctl *row, int64_t outcome,
		 unsigned int per_kind)
{
	for (size_t i = 0; i < t->taken_count; i++) {
		struct taken *k = &t->taken[i];

		if (k->row == row && k->outcome == outcome)
			return k->count++ < per_kind;
	}
	if (t->taken_count == sizeof(t->taken) / sizeof(t->taken[0]))
		return false;
	t->taken[t->taken_count++] = (struct taken){.row = row, .outcome = outcome, .count = 1};
	return true;
}

static void copy_call(struct trial *t, const struct tape_call *call)
{
	free((void *)t->call.parts);
	t->call = *call;
	t->call.parts = copy(call->parts, call->part_count * sizeof(*call->parts));
}

static bool same_rules(const struct model_verdict *a, const struct model_verdict *b)
{
	return a->held_count == b->held_count &&
	       !memcmp(a->held, b->held, a->held_count * sizeof(a->held[0]));
}

static void flip(struct trial *t, const struct tape_return *ret, const char *tape, bool verbose)
{
	struct model_verdict right = t->seen;
	struct score *score = score_of(t->call.row->name);
	size_t count;

	for (unsigned int i = 0; i < OUTCOMES; i++) {
		struct tape_return other = *ret;
		int err;

		if ((ret->ret < 0) != !outcomes[i])
			continue;
		other.call = &t->call;
		other.ret = -outcomes[i];
		other.created = 0;
		if (other.ret)
			other.part_count = 0;
		err = model_copy_state(t->after, t->before);
		if (!err)
			err = model_call(t->after, &t->call);
		if (!err)
			err = model_return(t->after, &other);
		if (err)
			die(tape, err);
		tried++;
		(outcomes[i] ? score->fails : score->succeeds)[t->seen.kind]++;
		if (verbose && t->seen.kind != MODEL_DIVERGES)
			printf("# %s: event %llu, %s: %lld, and %lld is %s\n", tape,
			       (unsigned long long)ret->call->index, t->call.row->name,
			       (long long)ret->ret, (long long)other.ret,
			       model_verdict_name(t->seen.kind));
		if (right.kind != MODEL_CONFORMS || t->seen.kind != MODEL_CONFORMS ||
		    !same_rules(&right, &t->seen))
			continue;
		undecided++;
		printf("%s: event %llu, %s: %lld and %lld conform by %s\n", tape,
		       (unsigned long long)ret->call->index, t->call.row->name, (long long)ret->ret,
		       (long long)other.ret, model_rules(&count)[right.held[0]].id);
	}
}

static int feed_call(struct trial *t, const struct tape_call *call)
{
	int err = 0;

	t->alone = !t->open++ && call->row;
	if (t->alone) {
		err = model_copy_state(t->before, t->main);
		copy_call(t, call);
	}
	return err ? err : model_call(t->main, call);
}

static int feed_return(struct trial *t, const struct tape_return *ret, const char *tape,
		       unsigned int per_kind, bool verbose)
{
	bool alone = t->alone && ret->call->index == t->call.index;
	/* What a call would have made is not on the tape. */
	bool made = ret->ret < 0 && alone && t->call.row->creates;
	int err;

	t->alone = false;
	if (t->open)
		t->open--;
	t->seen.kind = MODEL_SKIPPED;
	err = model_return(t->main, ret);
	if (!err && alone && !made && t->seen.kind != MODEL_SKIPPED &&
	    t->seen.kind != MODEL_DIVERGES &&
	    want(t, t->call.row, ret->ret < 0 ? ret->ret : 1, per_kind))
		flip(t, ret, tape, verbose);
	return err;
}

static void flip_tape(const char *path, unsigned int per_kind, bool verbose)
{
	struct tape_reader *reader;
	struct tape_item item;
	struct trial t = {.open = 0};
	int err = tape_reader_open(path, &reader);

	if (err)
		die(path, err);
	err = model_create(tape_reader_env(reader), on_verdict, &t, &t.main);
	if (!err)
		err = model_create(tape_reader_env(reader), on_verdict, &t, &t.before);
	if (!err)
		err = model_create(tape_reader_env(reader), on_verdict, &t, &t.after);
	while (!err && !(err = tape_reader_next(reader, &item)) && item.type != TAPE_END_OF_FILE) {
		if (item.type == TAPE_CALL)
			err = feed_call(&t, item.u.call);
		else if (item.type == TAPE_RETURN)
			err = feed_return(&t, item.u.ret, path, per_kind, verbose);
		else
			err = model_item(t.main, &item);
	}
	if (err)
		die(path, err);
	free((void *)t.call.parts);
	model_destroy(t.main);
	model_destroy(t.before);
	model_destroy(t.after);
	tape_reader_close(reader);
}

static unsigned int sum(const unsigned int *kinds)
{
	return kinds[MODEL_CONFORMS] + kinds[MODEL_DEVIATION] + kinds[MODEL_DIVERGES] +
	       kinds[MODEL_UNSPECIFIED] + kinds[MODEL_SKIPPED];
}

static void print_scores(bool markdown)
{
	const char *row = markdown ? "| %s | %u | %u | %u | %u |\n" : "%-32s %7u %7u %7u %7u\n";

	if (markdown)
		printf("| ioctl | calls that failed | their success is found | errors tried on calls "
		       "that succeeded | found |\n|---|---|---|---|---|\n");
	for (size_t i = 0; i < score_count; i++)
		printf(row, scores[i].of.ioctl, sum(scores[i].succeeds),
		       scores[i].succeeds[MODEL_DIVERGES], sum(scores[i].fails),
		       scores[i].fails[MODEL_DIVERGES]);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"per-kind", required_argument, NULL, 'n'},
						{"markdown", no_argument, NULL, 'm'},
						{"verbose", no_argument, NULL, 'v'},
						{NULL, 0, NULL, 0}};
	unsigned int per_kind = 8;
	bool markdown = false, verbose = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n')
			per_kind = (unsigned int)strtoul(optarg, NULL, 10);
		else if (c == 'm')
			markdown = true;
		else if (c == 'v')
			verbose = true;
		else
			return 2;
	}
	for (int i = optind; i < argc; i++)
		flip_tape(argv[i], per_kind, verbose);
	qsort(scores, score_count, sizeof(scores[0]), by_ioctl_compare);
	print_scores(markdown);
	printf("%u outcomes tried, %u decided by nothing\n", tried, undecided);
	return undecided || tried < 500;
}
