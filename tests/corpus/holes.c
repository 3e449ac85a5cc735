/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forgotten is not new: whatever is missing on a tape, the rest does not diverge by it.  Takes
 * tapes, makes holes into them, and looks for calls that diverge although they do not on the whole
 * tape:
 *
 *	gap      a gap before an item
 *	lost     some calls are missing, with a gap wherever one began or ended
 *	return   a call has no return: a gap is in its place
 *	silent   the same, and nothing tells
 *	attach   the recording begins later: all objects of before are pre-existing, calls that are
 * open have no return run      a KVM_RUN that fails for lack of memory overlaps a part of the tape
 *
 *	holes [--seed N] [--places N] [--verbose] TAPE...
 *
 * --places is how many holes of each kind are made into a tape at most; they are spread over it.
 * Exit status 0; 1 if a call diverges; 2 for errors.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/corpus/session.h"

enum hole { GAP, LOST, RETURN, SILENT, ATTACH, RUN, HOLES };
static const char *const names[HOLES] = {"gap", "lost", "return", "silent", "attach", "run"};

/* The thread of the inserted KVM_RUN: no tape of the corpus has so many. */
#define OTHER_THREAD 4000

struct listener {
	const char *path;
	enum hole hole;
	size_t at;
	bool whole_done; /* the tape was judged without a hole */
	size_t found;
};

static bool verbose;

static void on_verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	struct listener *l = context;
	size_t count;

	if (v->kind != MODEL_DIVERGES || ret->call->thread == OTHER_THREAD)
		return;
	if ((!l->found++ || verbose) && l->whole_done)
		printf("%s: %s at %zu: event %llu %s: %s: %s, observed %s\n", l->path,
		       names[l->hole], l->at, (unsigned long long)ret->call->index,
		       ret->call->row ? ret->call->row->name : "?", model_rules(&count)[v->rule].id,
		       v->expected, v->observed);
}

static int gap(struct model *m)
{
	const struct tape_gap g = {.events = 1};

	return model_gap(m, &g);
}

/* Where the call began that made the object; the end of the tape if none did. */
static size_t maker_step(const struct session *s, uint32_t object)
{
	for (size_t i = 0; i < s->event_count; i++) {
		if (s->events[i].returned && s->events[i].ret.created == object)
			return s->events[i].step;
	}
	return s->step_count;
}

/* The item is in the hole: what stands in its place was done. */
static bool in_hole(const struct session *s, struct model *m, const struct listener *l, size_t at,
		    int *err)
{
	const struct step *step = &s->steps[at], *first = &s->steps[l->at];
	bool half = step->type == TAPE_CALL || step->type == TAPE_RETURN;

	switch (l->hole) {
	case GAP:
		if (at == l->at)
			*err = gap(m);
		return false;
	case LOST:
		/* Up to four calls from here on. */
		if (!half || first->type != TAPE_CALL || step->event < first->event ||
		    step->event >= first->event + 1 + l->at % 4)
			return false;
		*err = gap(m);
		return true;
	case RETURN:
	case SILENT:
		if (step->type != TAPE_RETURN || first->type != TAPE_CALL ||
		    step->event != first->event)
			return false;
		if (l->hole == RETURN)
			*err = gap(m);
		return true;
	case ATTACH:
		if (step->type == TAPE_OBJECT &&
		    (at < l->at || maker_step(s, step->item.u.object.id) < l->at)) {
			struct tape_object o = step->item.u.object;

			o.flags |= TAPE_OBJECT_PRE_EXISTING;
			*err = model_object(m, &o);
			return true;
		}
		/* A call that is open when the recording begins is not on it. */
		if (at < l->at && half)
			return true;
		return step->type == TAPE_RETURN && s->events[step->event].step < l->at;
	default:
		return false;
	}
}

/* A KVM_RUN of the vCPU of the call at the place, around a few items. */
static int insert_run(const struct session *s, struct model *m, const struct listener *l, size_t at)
{
	static struct tape_call call;
	const struct tape_call *near = &s->events[s->steps[l->at].event].call;
	const struct kvmapi_ioctl *row = kvmapi_find_name(s->env.arch, "KVM_RUN");

	if (l->hole != RUN || s->steps[l->at].type != TAPE_CALL || near->kind != KVMAPI_VCPU ||
	    !row)
		return 0;
	if (at == l->at) {
		call = (struct tape_call){.index = near->index,
					  .thread = OTHER_THREAD,
					  .object = near->object,
					  .kind = KVMAPI_VCPU,
					  .request = row->request,
					  .row = row};
		return model_call(m, &call);
	}
	if (at == l->at + 1 + l->at % 7) {
		struct tape_return ret = {.call = &call, .ret = -ENOMEM};

		return model_return(m, &ret);
	}
	return 0;
}

static int take(const struct session *s, struct model *m, const struct step *step)
{
	struct tape_return ret;

	switch (step->type) {
	case TAPE_CALL:
		return model_call(m, &s->events[step->event].call);
	case TAPE_RETURN:
		ret = s->events[step->event].ret;
		ret.call = &s->events[step->event].call;
		return model_return(m, &ret);
	default:
		return model_item(m, &step->item);
	}
}

static void play(const struct session *s, struct listener *l)
{
	struct model *m;
	int err = model_create(&s->env, on_verdict, l, &m);

	for (size_t i = 0; !err && i < s->step_count; i++) {
		if (l->whole_done && in_hole(s, m, l, i, &err))
			continue;
		if (!err && l->whole_done)
			err = insert_run(s, m, l, i);
		if (!err)
			err = take(s, m, &s->steps[i]);
	}
	if (!err)
		err = model_finish(m);
	if (err)
		die(l->path, err);
	model_destroy(m);
}

/* The first item that a hole of this kind can be at, from `at` on. */
static size_t place(const struct session *s, enum hole hole, size_t at)
{
	while (at < s->step_count && hole != GAP && hole != ATTACH &&
	       s->steps[at].type != TAPE_CALL)
		at++;
	return at;
}

static size_t tape(const char *path, uint64_t seed, size_t places)
{
	struct session s = {0};
	struct listener l = {.path = path};
	size_t found = 0;

	session_load(&s, path);
	play(&s, &l);
	l.whole_done = true;
	/*
	 * Where a kernel was wrong, or nothing was recorded, what is right of the rest is not
	 * known.
	 */
	if (l.found) {
		session_release(&s);
		return 0;
	}
	for (l.hole = 0; l.hole < HOLES; l.hole++) {
		size_t step = s.step_count / places + 1;

		for (size_t at = (size_t)((seed + l.hole) % step); at < s.step_count; at += step) {
			l.at = place(&s, l.hole, at);
			if (l.at >= s.step_count)
				break;
			l.found = 0;
			play(&s, &l);
			found += l.found;
		}
	}
	session_release(&s);
	return found;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
						{"places", required_argument, NULL, 'p'},
						{"verbose", no_argument, NULL, 'v'},
						{NULL, 0, NULL, 0}};
	size_t places = 20, found = 0;
	uint64_t seed = 1;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (c == 'p')
			places = strtoull(optarg, NULL, 0);
		else if (c == 'v')
			verbose = true;
		else
			return 2;
	}
	if (optind == argc || !places)
		return 2;
	for (int i = optind; i < argc; i++)
		found += tape(argv[i], seed, places);
	printf("%zu calls diverge by a hole\n", found);
	return found != 0;
}
