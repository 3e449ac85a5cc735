/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Can the judge tell wrong from right?  Takes a tape, falsifies one result at a time, and counts
 *how many of the falsifications the model finds, per ioctl and per kind:
 *
 *	value   the return value of a successful call is another number
 *	errno   a successful call fails, a failed one succeeds or fails otherwise
 *	out     one byte that the kernel wrote into the argument (or a buffer behind it) is another
 *	run     one byte of struct kvm_run or of the port data at the return of KVM_RUN is another
 *	drop    a call is missing
 *	swap    two calls of one thread stand in the other order
 *
 * A falsification counts as found if the falsified tape has a divergence that the true one does not
 *have. Which results are falsified follows from the seed alone, so that a figure can be had again.
 *
 *	falsify [--seed N] [--per-kind N] [--floor PERCENT] [--markdown] [--verbose] TAPE...
 *
 * Exit status 0; 1 if fewer than 500 falsifications were made or less than the floor was found; 2
 *for errors.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

enum kind { VALUE, ERRNO, OUT, RUN, DROP, SWAP, KINDS };
static const char *const kind_names[KINDS] = {"value", "errno", "out", "run", "drop", "swap"};

struct event {
	struct tape_call call;
	struct tape_return ret;
	bool returned;
	size_t next_same_thread; /* index of the thread's next event, 0 = none */
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
	size_t diverged; /* of the true tape */
	struct tape_reader *reader;
};

struct forgery {
	enum kind kind;
	size_t event;
	size_t other;		/* SWAP */
	struct tape_return ret; /* VALUE, ERRNO, OUT, RUN: what the event's return is taken to be */
	struct tape_part parts[TAPE_ROLES];
	uint8_t *bytes;
};

struct score {
	const char *ioctl;
	unsigned int made[KINDS], found[KINDS];
	size_t events; /* on all tapes */
};

static struct score scores[512];
static size_t score_count;

static void die(const char *what, int err)
{
	fprintf(stderr, "falsify: %s: %s\n", what, tape_strerror(err));
	exit(2);
}

static void *copy(const void *from, size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		die("memory", -ENOMEM);
	if (size)
		memcpy(p, from, size);
	return p;
}

static struct tape_part *copy_parts(const struct tape_part *parts, unsigned int count)
{
	struct tape_part *p = copy(parts, count * sizeof(*p));

	for (unsigned int i = 0; i < count; i++)
		p[i].data = copy(p[i].data, p[i].have);
	return p;
}

static void *grow(void *array, size_t count, size_t size)
{
	void *p = array;

	if (!(count & (count - 1)))
		p = reallocarray(array, count ? 2 * count : 1, size);
	if (!p)
		die("memory", -ENOMEM);
	return p;
}

/* --- the tape, whole, in memory
 * ------------------------------------------------------------------- */

static void session_load(struct session *s, const char *path)
{
	size_t open[4096];
	size_t last[4096];
	struct tape_item item;
	int err = tape_reader_open(path, &s->reader);

	if (err)
		die(path, err);
	memset(last, 0, sizeof(last));
	err = tape_env_copy(&s->env, tape_reader_env(s->reader));
	while (!err && !(err = tape_reader_next(s->reader, &item)) &&
	       item.type != TAPE_END_OF_FILE) {
		struct step *step;
		struct event *e;

		s->steps = grow(s->steps, s->step_count, sizeof(*s->steps));
		step = &s->steps[s->step_count++];
		*step = (struct step){.type = item.type, .item = item};
		if (item.type == TAPE_CALL) {
			if (item.u.call->thread >= 4096)
				die("more threads than expected", -E2BIG);
			s->events = grow(s->events, s->event_count, sizeof(*s->events));
			step->event = s->event_count;
			e = &s->events[s->event_count];
			*e = (struct event){.call = *item.u.call};
			e->call.parts = copy_parts(e->call.parts, e->call.part_count);
			open[e->call.thread] = s->event_count;
			if (last[e->call.thread])
				s->events[last[e->call.thread]].next_same_thread = s->event_count;
			last[e->call.thread] = s->event_count++;
		} else if (item.type == TAPE_RETURN) {
			step->event = open[item.u.ret->call->thread];
			e = &s->events[step->event];
			e->ret = *item.u.ret;
			e->ret.parts = copy_parts(e->ret.parts, e->ret.part_count);
			e->returned = true;
		}
	}
	if (err)
		die(path, err);
}

static void on_verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	size_t *diverged = context;

	*diverged += v->kind == MODEL_DIVERGES;
}

/* Feed the tape, or the falsified tape, to a model; the number of divergences. */
static size_t play(const struct session *s, const struct forgery *f)
{
	struct model *m;
	size_t diverged = 0;
	int err = model_create(&s->env, on_verdict, &diverged, &m);

	for (size_t i = 0; !err && i < s->step_count; i++) {
		const struct step *step = &s->steps[i];
		size_t at = step->event;
		struct tape_return ret;

		if (f && (step->type == TAPE_CALL || step->type == TAPE_RETURN)) {
			if (f->kind == DROP && at == f->event)
				continue;
			if (f->kind == SWAP && (at == f->event || at == f->other))
				at = at == f->event ? f->other : f->event;
		}
		switch (step->type) {
		case TAPE_THREAD:
			err = model_thread(m, &step->item.u.thread);
			break;
		case TAPE_OBJECT:
			err = model_object(m, &step->item.u.object);
			break;
		case TAPE_CLOSED:
			err = model_closed(m, step->item.u.closed.object);
			break;
		case TAPE_CALL:
			err = model_call(m, &s->events[at].call);
			break;
		case TAPE_RETURN:
			ret = f && f->kind < DROP && at == f->event ? f->ret : s->events[at].ret;
			ret.call = &s->events[at].call;
			err = model_return(m, &ret);
			break;
		case TAPE_GAP:
			err = model_gap(m, &step->item.u.gap);
			break;
		default:
			break;
		}
	}
	if (!err)
		err = model_finish(m);
	if (err)
		die("model", err);
	model_destroy(m);
	return diverged;
}

/* --- falsifications
 * --------------------------------------------------------------------------------- */

static uint64_t random_state;

/* splitmix64 */
static uint64_t random_next(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static bool is_run_role(uint8_t role)
{
	return role == TAPE_RUN_OUT || role == TAPE_PIO_OUT;
}

/* One byte of the parts of one sort becomes another; false if there are none. */
static bool forge_byte(struct forgery *f, bool run)
{
	size_t total = 0, at;

	for (unsigned int i = 0; i < f->ret.part_count; i++) {
		const struct tape_part *p = &f->ret.parts[i];

		if (is_run_role(p->role) == run && p->role != TAPE_RUN_REGS_OUT)
			total += p->have;
	}
	if (!total)
		return false;
	at = random_next() % total;
	memcpy(f->parts, f->ret.parts, f->ret.part_count * sizeof(f->parts[0]));
	for (unsigned int i = 0; i < f->ret.part_count; i++) {
		struct tape_part *p = &f->parts[i];

		if (is_run_role(p->role) != run || p->role == TAPE_RUN_REGS_OUT)
			continue;
		if (at < p->have) {
			f->bytes = copy(p->data, p->have);
			f->bytes[at] ^= 1 + random_next() % 255;
			p->data = f->bytes;
			break;
		}
		at -= p->have;
	}
	f->ret.parts = f->parts;
	return true;
}

static bool same_payload(const struct event *a, const struct event *b)
{
	if (a->call.object != b->call.object || a->call.request != b->call.request ||
	    a->call.arg != b->call.arg || a->ret.ret != b->ret.ret ||
	    a->call.part_count != b->call.part_count || a->ret.part_count != b->ret.part_count)
		return false;
	for (unsigned int i = 0; i < a->call.part_count; i++) {
		if (a->call.parts[i].have != b->call.parts[i].have ||
		    memcmp(a->call.parts[i].data, b->call.parts[i].data, a->call.parts[i].have))
			return false;
	}
	for (unsigned int i = 0; i < a->ret.part_count; i++) {
		if (a->ret.parts[i].have != b->ret.parts[i].have ||
		    memcmp(a->ret.parts[i].data, b->ret.parts[i].data, a->ret.parts[i].have))
			return false;
	}
	return true;
}

/* Make a falsification of one event; false if that kind cannot be made of it. */
static bool forge(const struct session *s, size_t event, enum kind kind, struct forgery *f)
{
	static const int errors[] = {EINVAL, EFAULT, ENXIO, EEXIST, EBUSY, ENOTTY, EPERM, ENOENT};
	const struct event *e = &s->events[event];
	int error;

	*f = (struct forgery){.kind = kind, .event = event, .ret = e->ret};
	if (!e->returned)
		return false;
	switch (kind) {
	case VALUE:
		if (e->ret.ret < 0 || e->ret.created)
			return false;
		f->ret.ret += 1 + random_next() % 16;
		return true;
	case ERRNO:
		error = errors[random_next() % (sizeof(errors) / sizeof(errors[0]))];
		f->ret.ret = e->ret.ret < 0 && random_next() % 2 ? 0 : -error;
		return f->ret.ret != e->ret.ret && !e->ret.created;
	case OUT:
		return forge_byte(f, false);
	case RUN:
		return forge_byte(f, true);
	case DROP:
		return true;
	case SWAP:
		f->other = e->next_same_thread;
		return f->other && s->events[f->other].returned &&
		       !same_payload(e, &s->events[f->other]);
	default:
		return false;
	}
}

static const char *event_name(const struct event *e)
{
	return e->call.row ? e->call.row->name : "(unknown request)";
}

static struct score *score_of(const char *ioctl)
{
	for (size_t i = 0; i < score_count; i++) {
		if (!strcmp(scores[i].ioctl, ioctl))
			return &scores[i];
	}
	if (score_count == sizeof(scores) / sizeof(scores[0]))
		die("ioctls", -E2BIG);
	scores[score_count].ioctl = ioctl;
	return &scores[score_count++];
}

/* Events of one ioctl, `per_kind` falsifications of each kind spread over them. */
static void falsify_ioctl(const struct session *s, const char *ioctl, unsigned int per_kind,
			  bool verbose)
{
	struct score *score = score_of(ioctl);
	size_t *at = NULL, count = 0;

	for (size_t i = 0; i < s->event_count; i++) {
		if (strcmp(event_name(&s->events[i]), ioctl))
			continue;
		at = grow(at, count, sizeof(*at));
		at[count++] = i;
	}
	score->events += count;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		unsigned int made = 0;

		for (unsigned int n = 0; n < 4 * per_kind && made < per_kind; n++) {
			size_t event = at[random_next() % count];
			struct forgery f;
			bool found;

			if (!forge(s, event, kind, &f))
				continue;
			found = play(s, &f) > s->diverged;
			made++;
			score->made[kind]++;
			score->found[kind] += found;
			if (verbose && !found)
				printf("not found: %s of event %zu %s\n", kind_names[kind], event,
				       ioctl);
			free(f.bytes);
		}
	}
	free(at);
}

static void falsify_tape(const char *path, unsigned int per_kind, bool verbose)
{
	struct session s = {0};
	const char *names[512];
	size_t name_count = 0;

	session_load(&s, path);
	s.diverged = play(&s, NULL);
	for (size_t i = 0; i < s.event_count; i++) {
		size_t k = 0;

		while (k < name_count && strcmp(names[k], event_name(&s.events[i])))
			k++;
		if (k == name_count && k < sizeof(names) / sizeof(names[0]))
			names[name_count++] = event_name(&s.events[i]);
	}
	for (size_t i = 0; i < name_count; i++)
		falsify_ioctl(&s, names[i], per_kind, verbose);
	for (size_t i = 0; i < s.event_count; i++) {
		for (unsigned int k = 0; k < s.events[i].call.part_count; k++)
			free((void *)s.events[i].call.parts[k].data);
		for (unsigned int k = 0; k < s.events[i].ret.part_count; k++)
			free((void *)s.events[i].ret.parts[k].data);
		free((void *)s.events[i].call.parts);
		free((void *)s.events[i].ret.parts);
	}
	free(s.events);
	free(s.steps);
	tape_env_release(&s.env);
	tape_reader_close(s.reader);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct score *)a)->ioctl, ((const struct score *)b)->ioctl);
}

static void print_cell(bool markdown, unsigned int found, unsigned int made)
{
	char text[32] = "";

	if (made)
		snprintf(text, sizeof(text), "%u/%u", found, made);
	printf(markdown ? " %s |" : " %9s", text);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'},	 {"per-kind", required_argument, NULL, 'n'},
		{"floor", required_argument, NULL, 'f'}, {"markdown", no_argument, NULL, 'm'},
		{"verbose", no_argument, NULL, 'v'},	 {NULL, 0, NULL, 0},
	};
	unsigned int per_kind = 3, floor_percent = 0, made[KINDS] = {0}, found[KINDS] = {0};
	unsigned int all_made = 0, all_found = 0;
	bool markdown = false, verbose = false;
	double weighted = 0, events = 0;
	int c;

	random_state = 1;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			random_state = strtoull(optarg, NULL, 0);
		else if (c == 'n')
			per_kind = strtoul(optarg, NULL, 0);
		else if (c == 'f')
			floor_percent = strtoul(optarg, NULL, 0);
		else if (c == 'm')
			markdown = true;
		else if (c == 'v')
			verbose = true;
		else
			return 2;
	}
	if (optind == argc) {
		fprintf(stderr, "falsify: no tape given\n");
		return 2;
	}
	for (int i = optind; i < argc; i++)
		falsify_tape(argv[i], per_kind, verbose);
	qsort(scores, score_count, sizeof(scores[0]), by_name);

	printf(markdown ? "| ioctl |" : "%-34s", "ioctl");
	for (enum kind k = 0; k < KINDS; k++)
		printf(markdown ? " %s |" : " %9s", kind_names[k]);
	printf(markdown ? " found |\n|---|---|---|---|---|---|---|---|\n" : "     found\n");
	for (size_t i = 0; i < score_count; i++) {
		unsigned int row_made = 0, row_found = 0;

		printf(markdown ? "| %s |" : "%-34s", scores[i].ioctl);
		for (enum kind k = 0; k < KINDS; k++) {
			print_cell(markdown, scores[i].found[k], scores[i].made[k]);
			row_made += scores[i].made[k];
			row_found += scores[i].found[k];
			made[k] += scores[i].made[k];
			found[k] += scores[i].found[k];
		}
		printf(markdown ? " %u %% |\n" : " %7u %%\n",
		       row_made ? 100 * row_found / row_made : 0);
		if (row_made) {
			weighted += (double)scores[i].events * row_found / row_made;
			events += scores[i].events;
		}
		all_made += row_made;
		all_found += row_found;
	}
	printf(markdown ? "| **all** |" : "%-34s", "all");
	for (enum kind k = 0; k < KINDS; k++)
		print_cell(markdown, found[k], made[k]);
	printf(markdown ? " **%u/%u = %.1f %%** |\n" : "  %u/%u = %.1f %%\n", all_found, all_made,
	       all_made ? 100.0 * all_found / all_made : 0);
	printf(markdown ? "\nWeighted by how often each ioctl is called: **%.1f %%**.\n"
			: "weighted by how often each ioctl is called: %.1f %%\n",
	       events ? 100 * weighted / events : 0);
	if (all_made < 500 || 100 * all_found < floor_percent * all_made) {
		fprintf(stderr, "falsify: %u made (500 wanted), %u found (at least %u %% wanted)\n",
			all_made, all_found, floor_percent);
		return 1;
	}
	return 0;
}
