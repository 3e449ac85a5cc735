// SPDX-License-Identifier: BSD-2-Clause
/* The workers of a campaign, and their supervision. */
#include "fuzz/campaign.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "fuzz/campaign_internal.h"

/* More than any machine has in flight. */
#define WINDOW	    1024
/* Divergences kept of one sequence. */
#define DIVERGENCES 6
/*
 * Limit of lost sequences in a row: a guest that can play nothing must not look like a busy
 * campaign.
 */
#define LOST_MAX    200

struct divergences {
	unsigned int count;
	char text[DIVERGENCES][FUZZ_LIVE_SIGNATURE];
};

struct worker {
	struct campaign *c;
	unsigned int number;
	pthread_t thread;
	struct campaign_machine machine;
	bool open;
	struct fuzz_mutator *mutator;
	struct fuzz_sequence *s, *other, *repeated;
	struct fuzz_rng rng;
	uint64_t next;	    /* number of the next sequence */
	size_t seeds_next;  /* entries that were there at the beginning: played as they are first */
	bool fresh[WINDOW]; /* by number: an outcome of a rule that is new */
	uint8_t source[WINDOW];	      /* by number: enum campaign_source */
	struct divergences *diverged; /* by number, WINDOW of them */
	bool verifying;		      /* a find is being verified: ignore divergences */
	uint8_t *stable;	      /* blocks of the first time */
	size_t stable_count;
	uint64_t stable_number;
	bool stable_busy;
	struct keys known; /* known outcomes, checked without the lock */
	size_t finds[64];  /* to be verified */
	unsigned int find_count;
	uint64_t restarts;
	uint64_t lost_in_a_row;
};

uint64_t campaign_time(const struct campaign *c)
{
	return c->before_ms + (c->started_ms ? clock_ms() - c->started_ms : 0);
}

int campaign_fail(struct campaign *c, int rc, const char *format, ...)
{
	va_list args;

	if (c->failed)
		return rc;
	c->failed = rc ? rc : -EIO;
	va_start(args, format);
	vsnprintf(c->error, sizeof(c->error), format, args);
	va_end(args);
	return rc;
}

bool campaign_over(struct campaign *c)
{
	const struct campaign_options *o = c->o;

	return c->failed || (o->stop && *o->stop) ||
	       (o->seconds && campaign_time(c) - c->before_ms >= o->seconds * 1000) ||
	       (o->executions && c->n.executions - c->first_now >= o->executions);
}

/* --- making sequences ------------------------------------------------------------------------- */

/*
 * Choose an entry of the queue: of two random ones, the one chosen less often. False: the queue is
 * empty.
 */
static bool entry_pick(struct worker *w, struct fuzz_sequence *s)
{
	struct campaign *c = w->c;
	struct campaign_entry *a, *b;

	if (!c->entry_count)
		return false;
	a = &c->entries[fuzz_rng_below(&w->rng, c->entry_count)];
	b = &c->entries[fuzz_rng_below(&w->rng, c->entry_count)];
	if (b->chosen < a->chosen)
		a = b;
	a->chosen++;
	fuzz_sequence_decode(s, a->bytes, a->size);
	return true;
}

/*
 * Is the next sequence generated? Generating and mutating are chosen in proportion to their recent
 * discovery rates, within limits. The lock is held.
 */
static bool source_new(struct worker *w)
{
	struct campaign *c = w->c;
	double yield[CAMPAIGN_SOURCES];
	double share;

	for (unsigned int i = 0; i < CAMPAIGN_SOURCES; i++)
		yield[i] = (c->source_news[i] + 0.1) / (c->source_plays[i] + 1);
	share = yield[CAMPAIGN_NEW] / (yield[CAMPAIGN_NEW] + yield[CAMPAIGN_QUEUE]);
	share = share < 0.1 ? 0.1 : share > 0.9 ? 0.9 : share;
	return fuzz_rng_below(&w->rng, 1000) < share * 1000;
}

/* Count the result of a sequence of this source; older results weigh less. The lock is held. */
static void source_take(struct campaign *c, enum campaign_source source, bool news)
{
	c->source_plays[source] = c->source_plays[source] * 0.995 + 1;
	c->source_news[source] = c->source_news[source] * 0.995 + news;
}

/* The next sequence of a worker, in w->s. */
static void sequence_make(struct worker *w)
{
	struct campaign *c = w->c;
	bool picked;

	pthread_mutex_lock(&c->lock);
	if (w->seeds_next < c->entry_count && !c->resumed && c->entries[w->seeds_next].seed) {
		struct campaign_entry *e = &c->entries[w->seeds_next];

		w->seeds_next += c->o->workers;
		fuzz_sequence_decode(w->s, e->bytes, e->size);
		pthread_mutex_unlock(&c->lock);
		return;
	}
	picked = !source_new(w) && entry_pick(w, w->s);
	w->source[w->next % WINDOW] = picked ? CAMPAIGN_QUEUE : CAMPAIGN_NEW;
	if (picked && fuzz_rng_one_in(&w->rng, 6) && entry_pick(w, w->other)) {
		pthread_mutex_unlock(&c->lock);
		fuzz_splice(w->mutator, w->s, w->other, &w->rng);
	} else {
		pthread_mutex_unlock(&c->lock);
	}
	if (!picked) {
		fuzz_sequence_clear(w->s);
		fuzz_generate(w->mutator, w->s, &w->rng);
	}
	do {
		fuzz_mutate(w->mutator, w->s, &w->rng);
	} while (fuzz_rng_one_in(&w->rng, 2));
}

/* --- taking results --------------------------------------------------------------------------- */

static void verdict_take(void *context, uint64_t number, const struct tape_return *ret,
			 const struct model_verdict *v)
{
	struct worker *w = context;
	struct campaign *c = w->c;
	bool bad = v->kind == MODEL_DEVIATION || v->kind == MODEL_DIVERGES;
	struct divergences *d = &w->diverged[number % WINDOW];
	struct minimise_signature s;
	int rc = 0;

	if (v->kind == MODEL_DIVERGES && !w->verifying && d->count < DIVERGENCES) {
		minimise_signature_of(ret, v, &s);
		campaign_divergence_text(&s, d->text[d->count++], sizeof(d->text[0]));
	}

	for (unsigned int i = 0; i <= v->held_count; i++) {
		uint16_t rule = i < v->held_count ? v->held[i] : v->rule;
		uint64_t key = 1ull << 62 | (uint64_t)rule << 32 |
			       (ret->ret < 0 ? (uint32_t)-ret->ret : 0);

		if ((i == v->held_count && !bad) || !keys_add(&w->known, key, &rc))
			continue;
		pthread_mutex_lock(&c->lock);
		if (campaign_outcome_add(c, rule, ret->ret) > 0)
			w->fresh[number % WINDOW] = true;
		pthread_mutex_unlock(&c->lock);
	}
}

/* Share of the blocks of the first run that also ran the second time. */
static void stability_take(struct worker *w, const struct fuzz_live_result *r)
{
	struct campaign *c = w->c;
	size_t count = r->block_count < w->stable_count ? r->block_count : w->stable_count;

	w->stable_busy = false;
	if (!r->blocks || !w->stable)
		return;
	for (size_t i = 0; i < count; i++) {
		bool first = w->stable[i / 8] >> i % 8 & 1;
		bool second = r->blocks[i / 8] >> i % 8 & 1;

		c->n.stable_of += first || second;
		c->n.stable += first && second;
	}
}

static void stability_begin(struct worker *w, const struct fuzz_live_result *r)
{
	size_t bytes = (r->block_count + 7) / 8;
	uint8_t *copy;

	if (w->stable_busy || !r->blocks)
		return;
	copy = realloc(w->stable, bytes + 1);
	if (!copy)
		return;
	memcpy(copy, r->blocks, bytes);
	w->stable = copy;
	w->stable_count = r->block_count;
	fuzz_sequence_copy(w->repeated, r->sequence);
	w->stable_number = UINT64_MAX;
	w->stable_busy = true;
}

/* The lock is held. */
static int result_count(struct worker *w, const struct fuzz_live_result *r)
{
	struct campaign *c = w->c;
	uint64_t restarts = w->machine.restarts(w->machine.context);

	c->n.executions++;
	c->n.calls += r->played;
	c->n.kicked += r->kicked;
	c->n.deviations += r->verdicts[MODEL_DEVIATION];
	c->n.restarts += restarts - w->restarts;
	w->restarts = restarts;
	if (r->outcome != FUZZ_LIVE_LOST) {
		w->lost_in_a_row = 0;
		return 0;
	}
	c->n.lost++;
	if (++w->lost_in_a_row < LOST_MAX)
		return 0;
	c->n.machine_failed |= !c->failed;
	return campaign_fail(c, -EIO, "%s: %d sequences in a row came to nothing: %s", c->o->where,
			     LOST_MAX, r->signature);
}

/*
 * Is there a new find in the result? Of several divergences the first new one counts, since later
 * ones may follow from it. The lock is held.
 */
static int result_find(struct worker *w, const struct fuzz_live_result *r)
{
	const struct divergences *d = &w->diverged[r->number % WINDOW];
	struct campaign *c = w->c;
	const char *unknown = NULL;
	size_t number;
	int rc;

	if (r->outcome == FUZZ_LIVE_CONFORMS || r->outcome == FUZZ_LIVE_LOST)
		return 0;
	c->n.repeated++;
	if (r->outcome == FUZZ_LIVE_CRASH) {
		c->n.crashes++;
		c->n.crashes_now++;
	}
	for (unsigned int i = 0; i < (r->outcome == FUZZ_LIVE_DIVERGES ? d->count : 1); i++) {
		const char *text = r->outcome == FUZZ_LIVE_DIVERGES ? d->text[i] : r->signature;

		number = campaign_find_known(c, text);
		if (number != SIZE_MAX)
			c->finds[number].times++;
		else if (!unknown)
			unknown = text;
	}
	if (!unknown)
		return 0;
	rc = campaign_find_note(c, &w->machine, r, unknown, &number);
	if (!rc && w->find_count < sizeof(w->finds) / sizeof(w->finds[0]))
		w->finds[w->find_count++] = number;
	return rc;
}

static int result_take(struct worker *w, const struct fuzz_live_result *r)
{
	struct campaign *c = w->c;
	bool fresh = w->fresh[r->number % WINDOW];
	char *lines = NULL;
	size_t added = 0;
	int rc;

	w->fresh[r->number % WINDOW] = false;
	rc = r->outcome == FUZZ_LIVE_LOST ? 0 : w->machine.blocks(w->machine.context, r, &lines);
	pthread_mutex_lock(&c->lock);
	if (!rc)
		rc = result_count(w, r);
	if (!rc && lines)
		rc = campaign_blocks_add(c, lines, &added);
	if (r->number == w->stable_number)
		stability_take(w, r);
	else if (r->outcome != FUZZ_LIVE_LOST)
		source_take(c, w->source[r->number % WINDOW], added || fresh);
	/*
	 * A sequence that ends or blocks the guest is a find; its mutations would do the same again
	 * and again.
	 */
	if (!rc && (added || fresh) && !c->o->blind &&
	    (r->outcome == FUZZ_LIVE_CONFORMS || r->outcome == FUZZ_LIVE_DIVERGES)) {
		rc = campaign_queue_add(c, r->sequence);
		stability_begin(w, r);
	}
	if (!rc)
		rc = result_find(w, r);
	w->diverged[r->number % WINDOW].count = 0;
	pthread_mutex_unlock(&c->lock);
	free(lines);
	return rc;
}

/* --- a worker --------------------------------------------------------------------------------- */

static int machine_fail(struct worker *w, int rc)
{
	struct campaign *c = w->c;

	if (rc == -EINTR)
		return rc;
	pthread_mutex_lock(&c->lock);
	c->n.machine_failed |= !c->failed;
	campaign_fail(c, rc, "%s: %s", c->o->where,
		      *w->machine.error(w->machine.context) ? w->machine.error(w->machine.context)
							    : strerror(-rc));
	pthread_mutex_unlock(&c->lock);
	return rc;
}

static int submit(struct worker *w)
{
	int rc;

	while (w->machine.room(w->machine.context)) {
		if (w->stable_busy && w->stable_number == UINT64_MAX) {
			w->stable_number = w->next;
			rc = w->machine.submit(w->machine.context, w->repeated, w->next);
		} else {
			sequence_make(w);
			rc = w->machine.submit(w->machine.context, w->s, w->next);
		}
		if (rc == -E2BIG) {
			/* A seed too long to be played. */
			if (w->stable_number == w->next)
				w->stable_busy = false;
			continue;
		}
		if (rc)
			return machine_fail(w, rc);
		w->next++;
	}
	return 0;
}

/* Wait for all sequences in flight. */
static int drain(struct worker *w)
{
	struct fuzz_live_result result;
	int rc;

	while (!(rc = w->machine.next(w->machine.context, &result))) {
		rc = result_take(w, &result);
		if (rc)
			return rc;
	}
	return rc == -ENODATA ? 0 : machine_fail(w, rc);
}

/* The first worker verifies finds that an earlier run did not verify. */
static void finds_left(struct worker *w)
{
	struct campaign *c = w->c;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; w->number == 0 && i < c->find_count; i++) {
		if (c->finds[i].state == FIND_NEW &&
		    w->find_count < sizeof(w->finds) / sizeof(w->finds[0]))
			w->finds[w->find_count++] = i;
	}
	pthread_mutex_unlock(&c->lock);
}

static int finds_verify(struct worker *w)
{
	int rc = drain(w);

	while (!rc && w->find_count && !campaign_over(w->c)) {
		size_t number = w->finds[--w->find_count];

		w->verifying = true;
		rc = campaign_find_triage(w->c, &w->machine, number);
		w->verifying = false;
		if (rc == -EINTR)
			return 0;
		if (rc)
			return machine_fail(w, rc);
	}
	return rc;
}

static int worker_loop(struct worker *w)
{
	struct fuzz_live_result result;
	int rc = 0;

	finds_left(w);
	while (!rc && !campaign_over(w->c)) {
		if (w->find_count) {
			rc = finds_verify(w);
			continue;
		}
		rc = submit(w);
		if (!rc)
			rc = w->machine.next(w->machine.context, &result);
		if (rc)
			return machine_fail(w, rc);
		rc = result_take(w, &result);
	}
	/* Do not wait for sequences in flight: they are neither queued nor counted. */
	return rc;
}

static void worker_close(struct worker *w)
{
	if (w->open)
		w->machine.close(w->machine.context);
	fuzz_mutator_free(w->mutator);
	fuzz_sequence_free(w->s);
	fuzz_sequence_free(w->other);
	fuzz_sequence_free(w->repeated);
	free(w->stable);
	free(w->diverged);
	free(w->known.table);
}

static void *worker_run(void *context)
{
	struct worker *w = context;
	struct campaign *c = w->c;
	struct fuzz_options options = {.calls = c->o->calls, .guest_code = c->o->guest_code};
	const struct tape_env *env;
	char error[400] = "";
	int rc;

	w->stable_number = UINT64_MAX;
	w->seeds_next = w->number;
	w->diverged = calloc(WINDOW, sizeof(*w->diverged));
	if (!w->diverged) {
		pthread_mutex_lock(&c->lock);
		campaign_fail(c, -ENOMEM, "out of memory");
		pthread_mutex_unlock(&c->lock);
		return NULL;
	}
	rc = c->o->maker.open(c->o->maker.context, verdict_take, w, &w->machine, error,
			      sizeof(error));
	if (rc) {
		pthread_mutex_lock(&c->lock);
		c->n.machine_failed |= rc != -EINTR && !c->failed;
		if (rc != -EINTR)
			campaign_fail(c, rc, "%s", error[0] ? error : strerror(-rc));
		pthread_mutex_unlock(&c->lock);
		goto out;
	}
	w->open = true;
	/* Sequences that a machine plays to get ready do not count. */
	memset(w->diverged, 0, WINDOW * sizeof(*w->diverged));
	memset(w->fresh, 0, sizeof(w->fresh));
	env = w->machine.env(w->machine.context);
	options.env = env;
	w->mutator = fuzz_mutator_new(KVMAPI_X86, &options);
	w->s = fuzz_sequence_new(KVMAPI_X86);
	w->other = fuzz_sequence_new(KVMAPI_X86);
	w->repeated = fuzz_sequence_new(KVMAPI_X86);
	pthread_mutex_lock(&c->lock);
	if (!w->mutator || !w->s || !w->other || !w->repeated)
		rc = campaign_fail(c, -ENOMEM, "out of memory");
	if (!c->kernel[0] && env && tape_env_get(env, "kernel.release"))
		snprintf(c->kernel, sizeof(c->kernel), "%s", tape_env_get(env, "kernel.release"));
	pthread_mutex_unlock(&c->lock);
	if (!rc)
		worker_loop(w);
out:
	/* The guest is bound to this thread. */
	worker_close(w);
	return NULL;
}

/* --- watching --------------------------------------------------------------------------------- */

static void watch(struct campaign *c)
{
	const struct campaign_options *o = c->o;
	const struct timespec tick = {.tv_nsec = 100000000};
	uint64_t last = clock_ms(), last_executions = c->n.executions, shown = last;
	char line[400];

	while (!campaign_over(c)) {
		uint64_t now;

		nanosleep(&tick, NULL);
		now = clock_ms();
		pthread_mutex_lock(&c->lock);
		if (o->screen && now - shown >= 1000) {
			campaign_status_screen(c, c->n.executions - last_executions, now - last);
			shown = now;
		}
		if (now - last >= o->interval * 1000ull) {
			campaign_state_save(c);
			campaign_status_line(c, line, sizeof(line));
			campaign_log(c, "%s", line);
			if (!o->screen)
				fprintf(o->out, "%s\n", line);
			fflush(o->out);
			last = now;
			last_executions = c->n.executions;
		}
		pthread_mutex_unlock(&c->lock);
	}
}

int campaign_run(const struct campaign_options *options, struct campaign_counts *counts,
		 char *error, size_t error_size)
{
	struct campaign c = {.o = options, .lock = PTHREAD_MUTEX_INITIALIZER};
	struct worker *workers;
	unsigned int running = 0;
	char line[400];
	int rc;

	workers = calloc(options->workers, sizeof(*workers));
	rc = workers ? campaign_state_open(&c) : campaign_fail(&c, -ENOMEM, "out of memory");
	if (!rc)
		rc = campaign_seeds_read(&c);
	if (rc)
		goto out;
	c.first_now = c.n.executions;
	c.started_ms = clock_ms();
	campaign_log(&c, "%s on %s with %u workers%s", c.resumed ? "goes on" : "begins",
		     options->where, options->workers, options->blind ? ", blind" : "");
	for (; running < options->workers; running++) {
		struct worker *w = &workers[running];

		w->c = &c;
		w->number = running;
		/* A resumed run does not play the queue again. */
		w->rng.state = options->random + running * 0x9e3779b97f4a7c15ull + c.n.executions;
		if (pthread_create(&w->thread, NULL, worker_run, w)) {
			pthread_mutex_lock(&c.lock);
			campaign_fail(&c, -EAGAIN, "cannot start a thread");
			pthread_mutex_unlock(&c.lock);
			break;
		}
	}
	watch(&c);
	for (unsigned int i = 0; i < running; i++)
		pthread_join(workers[i].thread, NULL);
	/* Also after a failure: save what is known so far. */
	campaign_state_save(&c);
	campaign_status_line(&c, line, sizeof(line));
	campaign_log(&c, "ends: %s%s%s", line, c.failed ? "; " : "", c.error);
	if (options->screen)
		campaign_status_screen(&c, 0, 0);
	else
		fprintf(options->out, "%s\n", line);
out:
	c.n.seconds_ms = campaign_time(&c);
	c.n.executions_now = c.n.executions - c.first_now;
	*counts = c.n;
	snprintf(error, error_size, "%s", c.error);
	rc = c.failed;
	campaign_state_close(&c);
	free(workers);
	return rc;
}
