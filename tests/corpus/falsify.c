/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Can the judge tell wrong from right?  Takes tapes, falsifies one result at a time, and counts how
 * many of the falsifications the model finds, per ioctl and per kind:
 *
 *	value   the return value of a successful call is another number
 *	errno   a successful call fails, a failed one succeeds or fails otherwise
 *	out     one byte that the kernel wrote into the argument (or a buffer behind it) is another
 *	run     one byte of struct kvm_run or of the port data at the return of KVM_RUN is another
 *	drop    a call is missing
 *	swap    two calls of one thread stand in the other order
 *
 * A falsification counts as found if the falsified tape has a divergence that the true one does not
 * have.  Of results the model itself says beforehand which bytes and values its rules determine
 * (model_promises_enable); of dropped and swapped calls the relations of depends.c say whether a
 * later call needs what is missing.  Those are the promised ones.
 *
 * What only the next KVM_RUN shows in struct kvm_run is "shown": userspace owns that page between
 * two KVM_RUN, so nothing is promised, and no verdict comes of it.  The model notes it
 * (model_verdict.unusual), and a falsification counts as noticed if the true tape has fewer such
 * notes.
 *
 * Coverage is the share of result bytes (4 of each return value, and all bytes of the OUT parts)
 * that are promised: determined by what stands before the call on the tape, or, "echoed",
 * determined by what a later call shows of them.
 *
 * Which results are falsified follows from the seed alone, so that a figure can be had again.
 *
 *	falsify [--seed N] [--per-kind N] [--floor PERCENT] [--recall PERCENT]
 *		[--coverage PERCENT] [--noticed PERCENT] [--markdown] [--verbose] TAPE...
 *
 * Exit status 0; 1 if fewer than 500 falsifications were made, less than the floor of all was found
 * or noticed, less than the recall of the promised ones was found, less than the coverage is
 * promised, or less of the shown ones was noticed; 2 for errors.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/corpus/falsify.h"

enum kind { VALUE, ERRNO, OUT, RUN, DROP, SWAP, KINDS };
static const char *const kind_names[KINDS] = {"value", "errno", "out", "run", "drop", "swap"};

struct forgery {
	enum kind kind;
	size_t event;
	size_t other;		/* SWAP */
	struct tape_return ret; /* VALUE, ERRNO, OUT, RUN: what the event's return is taken to be */
	struct tape_part parts[TAPE_ROLES];
	uint8_t *bytes;
	unsigned int part; /* OUT, RUN: which byte */
	uint32_t at;
	bool promised, shown;
};

/* Which falsifications are made. */
enum want { WANT_ANY, WANT_PROMISED, WANT_SHOWN, WANTS };

struct score {
	struct by_ioctl of;
	unsigned int made[WANTS][KINDS], found[WANTS][KINDS];
	unsigned int noticed[WANTS]; /* and not found */
	size_t events;		     /* on all tapes */
	size_t bytes, determined, echoed, shown, constrained;
};

static struct score scores[512];
static size_t score_count;

/* --- judging it ------------------------------------------------------------------------------- */

struct listener {
	struct model *model;
	struct session *session; /* NULL: only count */
	size_t diverged, unusual;
};

static struct event *event_of(struct session *s, uint64_t index)
{
	size_t low = 0, high = s->event_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->events[mid].call.index < index)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->event_count && s->events[low].call.index == index ? &s->events[low] : NULL;
}

/* What the model says of this result, and of earlier ones. */
static void listen_promises(struct listener *l, const struct tape_return *ret)
{
	struct event *e = event_of(l->session, ret->call->index);
	const struct model_echo *echoes;
	size_t at = 0, count;

	if (!e)
		return;
	e->result = model_promise_result(l->model);
	e->value = model_promise_value(l->model);
	for (unsigned int i = 0; i < ret->part_count; i++) {
		const uint8_t *bytes = model_promise_bytes(l->model, i);

		for (uint32_t k = 0; bytes && k < ret->parts[i].have; k++) {
			if (e->marks[at + k] < bytes[k])
				e->marks[at + k] = bytes[k];
		}
		at += ret->parts[i].have;
	}
	echoes = model_promise_echoes(l->model, &count);
	for (size_t i = 0; i < count; i++) {
		const struct model_echo *echo = &echoes[i];

		e = event_of(l->session, echo->index);
		at = 0;
		for (unsigned int k = 0; e && k < e->ret.part_count; k++) {
			const struct tape_part *p = &e->ret.parts[k];

			for (uint32_t b = 0; p->role == echo->role && b < echo->len; b++) {
				uint8_t *mark = &e->marks[at + echo->offset + b];

				if (echo->offset + b < p->have &&
				    (*mark < MODEL_DETERMINED || (*mark == SHOWN && !echo->usual)))
					*mark = echo->usual ? SHOWN : ECHOED;
			}
			at += p->have;
		}
	}
}

static void on_verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	struct listener *l = context;

	l->diverged += v->kind == MODEL_DIVERGES;
	l->unusual += v->unusual != UINT16_MAX;
	/* What diverges is wrong already. */
	if (l->session && v->kind != MODEL_DIVERGES)
		listen_promises(l, ret);
}

/*
 * Feed the tape, or the falsified tape, to a model, and count divergences and notes. A falsified
 * one only until it has more divergences than the true one.
 */
static struct listener play(struct session *s, const struct forgery *f)
{
	struct listener l = {.session = f ? NULL : s};
	int err = model_create(&s->env, on_verdict, &l, &l.model);

	if (!err && !f)
		model_promises_enable(l.model);
	for (size_t i = 0; !err && i < s->step_count; i++) {
		const struct step *step = &s->steps[i];
		size_t at = step->event;
		struct tape_return ret;

		if (f && l.diverged > s->diverged)
			break;
		if (f && (step->type == TAPE_CALL || step->type == TAPE_RETURN)) {
			if (f->kind == DROP && at == f->event)
				continue;
			if (f->kind == SWAP && (at == f->event || at == f->other))
				at = at == f->event ? f->other : f->event;
		}
		switch (step->type) {
		case TAPE_THREAD:
			err = model_thread(l.model, &step->item.u.thread);
			break;
		case TAPE_OBJECT:
			err = model_object(l.model, &step->item.u.object);
			break;
		case TAPE_CLOSED:
			err = model_closed(l.model, step->item.u.closed.object);
			break;
		case TAPE_CALL:
			err = model_call(l.model, &s->events[at].call);
			break;
		case TAPE_RETURN:
			ret = f && f->kind < DROP && at == f->event ? f->ret : s->events[at].ret;
			ret.call = &s->events[at].call;
			err = model_return(l.model, &ret);
			break;
		case TAPE_GAP:
			err = model_gap(l.model, &step->item.u.gap);
			break;
		default:
			break;
		}
	}
	if (!err)
		err = model_finish(l.model);
	if (err)
		die("model", err);
	model_destroy(l.model);
	return l;
}

/* --- falsifications --------------------------------------------------------------------------- */

static uint64_t random_state;

/* splitmix64 */
static uint64_t random_next(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Parts that the kernel wrote. */
static bool falsified(const struct tape_part *p)
{
	return p->role == TAPE_ARG_OUT || p->role == TAPE_RUN_OUT || p->role == TAPE_PIO_OUT ||
	       p->role == TAPE_RUN_REGS_OUT || p->role >= TAPE_NESTED_OUT;
}

static bool is_run_role(uint8_t role)
{
	return role == TAPE_RUN_OUT || role == TAPE_PIO_OUT || role == TAPE_RUN_REGS_OUT;
}

static bool wanted(enum want want, uint8_t mark)
{
	return want == WANT_ANY	    ? true
	       : want == WANT_SHOWN ? mark == SHOWN
				    : mark == MODEL_DETERMINED || mark == ECHOED;
}

/*
 * One byte of the parts of one sort becomes another, one of those that are wanted; false if there
 * are none.
 */
static bool forge_byte(const struct event *e, struct forgery *f, bool run, enum want want)
{
	size_t total = 0, at = 0, pick;

	for (unsigned int i = 0; i < f->ret.part_count; i++) {
		const struct tape_part *p = &f->ret.parts[i];

		for (uint32_t k = 0; falsified(p) && is_run_role(p->role) == run && k < p->have;
		     k++)
			total += wanted(want, e->marks[at + k]);
		at += p->have;
	}
	if (!total)
		return false;
	pick = random_next() % total;
	memcpy(f->parts, f->ret.parts, f->ret.part_count * sizeof(f->parts[0]));
	at = 0;
	for (unsigned int i = 0; i < f->ret.part_count && !f->bytes; i++) {
		struct tape_part *p = &f->parts[i];

		for (uint32_t k = 0; falsified(p) && is_run_role(p->role) == run && k < p->have;
		     k++) {
			if (!wanted(want, e->marks[at + k]))
				continue;
			if (pick--)
				continue;
			f->bytes = copy(p->data, p->have);
			f->bytes[k] ^= 1 + random_next() % 255;
			f->promised = wanted(WANT_PROMISED, e->marks[at + k]);
			f->shown = wanted(WANT_SHOWN, e->marks[at + k]);
			f->part = i;
			f->at = k;
			p->data = f->bytes;
			break;
		}
		at += p->have;
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

static bool is_wanted(enum want want, const struct forgery *f)
{
	return want == WANT_ANY || (want == WANT_PROMISED ? f->promised : f->shown);
}

/* Make a falsification of one event; false if that kind cannot be made of it. */
static bool forge(const struct session *s, size_t event, enum kind kind, enum want want,
		  struct forgery *f)
{
	/* None that may come of the environment, or before KVM is asked. */
	static const int errors[] = {EINVAL, ENXIO, EEXIST, EBUSY, ENOTTY, ENOENT, E2BIG};
	const struct event *e = &s->events[event];
	enum needed needed;
	int error;

	*f = (struct forgery){.kind = kind, .event = event, .ret = e->ret};
	if (!e->returned)
		return false;
	switch (kind) {
	case VALUE:
		if (e->ret.ret < 0 || e->ret.created)
			return false;
		f->ret.ret += 1 + random_next() % 16;
		f->promised = e->value == MODEL_DETERMINED;
		return is_wanted(want, f);
	case ERRNO:
		error = errors[random_next() % (sizeof(errors) / sizeof(errors[0]))];
		f->ret.ret = e->ret.ret < 0 && random_next() % 2 ? 0 : -error;
		f->promised = e->result == MODEL_DETERMINED;
		return f->ret.ret != e->ret.ret && !e->ret.created && is_wanted(want, f);
	case OUT:
		return forge_byte(e, f, false, want);
	case RUN:
		return forge_byte(e, f, true, want);
	case DROP:
		needed = depends_drop(s, event);
		f->promised = needed == NEEDED;
		f->shown = needed == NEEDED_SHOWN;
		return is_wanted(want, f);
	case SWAP:
		f->other = e->next_same_thread;
		if (!f->other || !s->events[f->other].returned ||
		    same_payload(e, &s->events[f->other]))
			return false;
		needed = depends_swap(s, event, f->other);
		f->promised = needed == NEEDED;
		f->shown = needed == NEEDED_SHOWN;
		return is_wanted(want, f);
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
	return by_ioctl_find(scores, &score_count, sizeof(scores) / sizeof(scores[0]),
			     sizeof(scores[0]), ioctl);
}

/*
 * Falsifications of one kind, spread over the events `at` of one ioctl: `per_kind` of any, which
 * count among all, then as many of promised things, and of shown ones, which count for those alone.
 */
static void falsify_kind(struct session *s, struct score *score, const size_t *at, size_t count,
			 enum kind kind, unsigned int per_kind, bool verbose)
{
	for (enum want want = 0; want < WANTS; want++) {
		unsigned int made = 0;

		for (unsigned int n = 0; n < 4 * per_kind && made < per_kind; n++) {
			size_t event = at[random_next() % count];
			struct listener l;
			struct forgery f;
			bool found, noticed;

			if (!forge(s, event, kind, want, &f)) {
				free(f.bytes);
				continue;
			}
			l = play(s, &f);
			found = l.diverged > s->diverged;
			noticed = !found && l.unusual > s->unusual;
			made++;
			score->made[want][kind]++;
			score->found[want][kind] += found;
			score->noticed[want] += noticed;
			if (verbose && !found && (f.promised || (f.shown && !noticed)))
				printf("%s: %s of event %zu %s, part %u byte %u\n",
				       f.promised ? "promised, not found" : "shown, not noticed",
				       kind_names[kind], event, score->of.ioctl, f.part, f.at);
			free(f.bytes);
		}
	}
}

/* What is promised of one result. */
static void count_coverage(struct score *score, const struct event *e)
{
	size_t at = 0;

	if (!e->returned)
		return;
	score->bytes += RETURN_BYTES;
	if (e->result == MODEL_DETERMINED)
		score->determined += RETURN_BYTES;
	else if (e->result == MODEL_CONSTRAINED)
		score->constrained += RETURN_BYTES;
	for (unsigned int i = 0; i < e->ret.part_count; i++) {
		const struct tape_part *p = &e->ret.parts[i];

		for (uint32_t k = 0; falsified(p) && k < p->have; k++) {
			score->bytes++;
			score->determined += e->marks[at + k] == MODEL_DETERMINED;
			score->echoed += e->marks[at + k] == ECHOED;
			score->shown += e->marks[at + k] == SHOWN;
			score->constrained += e->marks[at + k] == MODEL_CONSTRAINED;
		}
		at += p->have;
	}
}

static void falsify_ioctl(struct session *s, const char *ioctl, unsigned int per_kind, bool verbose)
{
	struct score *score = score_of(ioctl);
	size_t *at = NULL, count = 0;

	for (size_t i = 0; i < s->event_count; i++) {
		if (strcmp(event_name(&s->events[i]), ioctl))
			continue;
		at = grow(at, count, sizeof(*at));
		at[count++] = i;
		count_coverage(score, &s->events[i]);
	}
	score->events += count;
	for (enum kind kind = 0; kind < KINDS; kind++)
		falsify_kind(s, score, at, count, kind, per_kind, verbose);
	free(at);
}

static void falsify_tape(const char *path, unsigned int per_kind, bool verbose)
{
	struct session s = {0};
	struct listener whole;
	const char *names[512];
	size_t name_count = 0;

	session_load(&s, path);
	whole = play(&s, NULL);
	s.diverged = whole.diverged;
	s.unusual = whole.unusual;
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
		free(s.events[i].marks);
		free((void *)s.events[i].call.parts);
		free((void *)s.events[i].ret.parts);
	}
	free(s.events);
	free(s.steps);
	tape_env_release(&s.env);
	tape_reader_close(s.reader);
}

static void print_cell(bool markdown, unsigned int found, unsigned int made)
{
	char text[32] = "";

	if (made)
		snprintf(text, sizeof(text), "%u/%u", found, made);
	printf(markdown ? " %s |" : " %9s", text);
}

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

static unsigned int sum(const unsigned int *of_kinds)
{
	unsigned int n = 0;

	for (enum kind k = 0; k < KINDS; k++)
		n += of_kinds[k];
	return n;
}

/* One table: an ioctl a line, found and made of each kind; what was only noticed is not found. */
static void print_found(bool markdown, enum want want, const struct score *total)
{
	printf(markdown ? "| ioctl |" : "%-34s", "ioctl");
	for (enum kind k = 0; k < KINDS; k++)
		printf(markdown ? " %s |" : " %9s", kind_names[k]);
	printf(markdown ? " found | noticed |\n|---|---|---|---|---|---|---|---|---|\n"
			: "     found   noticed\n");
	for (size_t i = 0; i <= score_count; i++) {
		const struct score *s = i < score_count ? &scores[i] : total;
		unsigned int made = sum(s->made[want]);

		if (!made)
			continue;
		printf(markdown ? "| %s |" : "%-34s", s->of.ioctl);
		for (enum kind k = 0; k < KINDS; k++)
			print_cell(markdown, s->found[want][k], s->made[want][k]);
		printf(markdown ? " %.1f %% | %.1f %% |\n" : " %7.1f %% %7.1f %%\n",
		       percent(sum(s->found[want]), made), percent(s->noticed[want], made));
	}
}

static void print_coverage(bool markdown, const struct score *total)
{
	printf(markdown ? "\n| ioctl | calls | result bytes | determined | echoed | shown | "
			  "constrained | promised |\n|---|---|---|---|---|---|---|---|\n"
			: "\n%-34s %9s %9s %10s %9s %9s %11s  promised\n",
	       "ioctl", "calls", "bytes", "determined", "echoed", "shown", "constrained");
	for (size_t i = 0; i <= score_count; i++) {
		const struct score *s = i < score_count ? &scores[i] : total;

		printf(markdown ? "| %s | %zu | %zu | %zu | %zu | %zu | %zu | %.1f %% |\n"
				: "%-34s %9zu %9zu %10zu %9zu %9zu %11zu %7.1f %%\n",
		       s->of.ioctl, s->events, s->bytes, s->determined, s->echoed, s->shown,
		       s->constrained, percent(s->determined + s->echoed, s->bytes));
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'},
		{"per-kind", required_argument, NULL, 'n'},
		{"floor", required_argument, NULL, 'f'},
		{"recall", required_argument, NULL, 'r'},
		{"coverage", required_argument, NULL, 'c'},
		{"noticed", required_argument, NULL, 'o'},
		{"markdown", no_argument, NULL, 'm'},
		{"verbose", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	unsigned int per_kind = 3, floor_percent = 0, recall_percent = 0, coverage_percent = 0;
	unsigned int noticed_percent = 0, made[WANTS], found[WANTS];
	struct score total = {.of = {"all"}};
	bool markdown = false, verbose = false;
	double weighted = 0, events = 0, recall, coverage, told, noticed;
	int c;

	random_state = 1;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			random_state = strtoull(optarg, NULL, 0);
		else if (c == 'n')
			per_kind = strtoul(optarg, NULL, 0);
		else if (c == 'f')
			floor_percent = strtoul(optarg, NULL, 0);
		else if (c == 'r')
			recall_percent = strtoul(optarg, NULL, 0);
		else if (c == 'c')
			coverage_percent = strtoul(optarg, NULL, 0);
		else if (c == 'o')
			noticed_percent = strtoul(optarg, NULL, 0);
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
	qsort(scores, score_count, sizeof(scores[0]), by_ioctl_compare);

	for (size_t i = 0; i < score_count; i++) {
		const struct score *s = &scores[i];
		unsigned int row_made = sum(s->made[WANT_ANY]);

		for (enum want w = 0; w < WANTS; w++) {
			for (enum kind k = 0; k < KINDS; k++) {
				total.made[w][k] += s->made[w][k];
				total.found[w][k] += s->found[w][k];
			}
			total.noticed[w] += s->noticed[w];
		}
		weighted += s->events *
			    percent(sum(s->found[WANT_ANY]) + s->noticed[WANT_ANY], row_made);
		events += row_made ? s->events : 0;
		total.events += s->events;
		total.bytes += s->bytes;
		total.determined += s->determined;
		total.echoed += s->echoed;
		total.shown += s->shown;
		total.constrained += s->constrained;
	}
	for (enum want w = 0; w < WANTS; w++) {
		made[w] = sum(total.made[w]);
		found[w] = sum(total.found[w]);
	}
	print_coverage(markdown, &total);
	printf("\nPromised:\n\n");
	print_found(markdown, WANT_PROMISED, &total);
	printf("\nShown:\n\n");
	print_found(markdown, WANT_SHOWN, &total);
	printf("\nAny:\n\n");
	print_found(markdown, WANT_ANY, &total);

	recall = percent(found[WANT_PROMISED], made[WANT_PROMISED]);
	coverage = percent(total.determined + total.echoed, total.bytes);
	told = percent(found[WANT_ANY] + total.noticed[WANT_ANY], made[WANT_ANY]);
	noticed = percent(found[WANT_SHOWN] + total.noticed[WANT_SHOWN], made[WANT_SHOWN]);
	printf("\npromised: %.1f %% of %zu result bytes, shown again by the next KVM_RUN: %.1f %%; "
	       "found: %.2f %% of %u promised falsifications; found or noticed: %.1f %% of %u of "
	       "what is shown, %.1f %% (noticed: %.1f %%) of %u of any sort, %.1f %% weighted by "
	       "calls\n",
	       coverage, total.bytes, percent(total.shown, total.bytes), recall,
	       made[WANT_PROMISED], noticed, made[WANT_SHOWN], told,
	       percent(total.noticed[WANT_ANY], made[WANT_ANY]), made[WANT_ANY],
	       events > 0 ? weighted / events : 0);
	if (made[WANT_ANY] < 500 || told < floor_percent || recall < recall_percent ||
	    coverage < coverage_percent || noticed < noticed_percent) {
		fprintf(stderr,
			"falsify: wanted 500 falsifications, %u %% found or noticed, %u %% of the "
			"promised ones found, %u %% of the bytes promised, %u %% of the shown ones "
			"noticed\n",
			floor_percent, recall_percent, coverage_percent, noticed_percent);
		return 1;
	}
	return 0;
}
