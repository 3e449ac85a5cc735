// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fewer calls, then simpler arguments, then less environment, again until nothing changes. The
 * candidates depend on the tape alone, and minimising is idempotent.
 */
#include "replayer/judge/minimise.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/hash.h"
#include "replayer/judge/minimise_internal.h"

#define RUNS	  5
#define TRIES_MAX 12

/* --- signatures ------------------------------------------------------------------------------- */

bool minimise_signature_same(const struct minimise_signature *a, const struct minimise_signature *b)
{
	return a->rule == b->rule && a->kind == b->kind && a->request == b->request &&
	       !strcmp(a->outcome, b->outcome);
}

const char *minimise_signature_text(const struct minimise_signature *s, char *buf, size_t size)
{
	size_t count;
	const struct model_rule *rules = model_rules(&count);

	if (s->rule >= count)
		snprintf(buf, size, "%s", s->outcome);
	else if (s->row)
		snprintf(buf, size, "%s %s (%s) %s", rules[s->rule].id, s->row->name,
			 kvmapi_object_name(s->kind), s->outcome);
	else
		snprintf(buf, size, "%s 0x%x (%s) %s", rules[s->rule].id, s->request,
			 kvmapi_object_name(s->kind), s->outcome);
	return buf;
}

#define NAME_MAX_BYTES 121

const char *minimise_signature_name(const struct minimise_signature *s, char *buf, size_t size)
{
	char text[320];
	size_t n = 0;

	minimise_signature_text(s, text, sizeof(text));
	if (size > NAME_MAX_BYTES)
		size = NAME_MAX_BYTES;
	for (const char *c = text; *c; c++) {
		if (n + 10 >= size)
			continue;
		if (isalnum((unsigned char)*c) || strchr("_.-", *c))
			buf[n++] = *c;
		else if (n && buf[n - 1] != '_')
			buf[n++] = '_';
	}
	/* Keep names distinct that were cut or differ in replaced characters. */
	if (s->rule == MINIMISE_NO_RULE || strlen(text) > n + 2)
		n += snprintf(buf + n, size - n, "-%08x",
			      hash32_add(HASH32_BEGIN, text, strlen(text)));
	buf[n] = 0;
	return buf;
}

static void outcome_text(int64_t ret, char *buf, size_t size)
{
	const char *name = ret < 0 ? kvmapi_errno_name(-ret) : NULL;

	if (ret >= 0)
		snprintf(buf, size, "success");
	else if (name)
		snprintf(buf, size, "-%s", name);
	else
		/* Not an errno: the number may differ from run to run. */
		snprintf(buf, size, "-number");
}

void minimise_signature_of(const struct tape_return *ret, const struct model_verdict *v,
			   struct minimise_signature *s)
{
	memset(s, 0, sizeof(*s));
	s->rule = v->rule;
	s->kind = ret->call->kind;
	s->request = ret->call->request;
	s->row = ret->call->row;
	outcome_text(ret->ret, s->outcome, sizeof(s->outcome));
}

/* Length of a number of its own (address, process id, offset); 0 = none. */
static size_t number_length(const char *text)
{
	size_t n = 0;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		for (n = 2; isxdigit((unsigned char)text[n]); n++)
			;
		return n;
	}
	while (isxdigit((unsigned char)text[n]))
		n++;
	return isdigit((unsigned char)text[0]) && !isalnum((unsigned char)text[n]) ? n : 0;
}

void minimise_signature_end(const char *line, struct minimise_signature *s)
{
	size_t n = 0;

	memset(s, 0, sizeof(*s));
	s->rule = MINIMISE_NO_RULE;
	while (*line && n + 2 < sizeof(s->outcome)) {
		bool word = n && isalnum((unsigned char)s->outcome[n - 1]);
		size_t number = word ? 0 : number_length(line);

		s->outcome[n++] = number ? '#' : *line;
		line += number ? number : 1;
	}
	s->outcome[n] = 0;
}

struct each {
	minimise_take_fn take;
	void *context;
	bool done;
};

static void each_verdict(void *context, const struct tape_return *ret,
			 const struct model_verdict *v)
{
	struct each *e = context;
	struct minimise_signature s;

	if (e->done || v->kind != MODEL_DIVERGES)
		return;
	minimise_signature_of(ret, v, &s);
	e->done = e->take(e->context, &s);
}

int minimise_each(const void *data, size_t size, minimise_take_fn take, void *context)
{
	struct each e = {.take = take, .context = context};
	struct cut_judging judging = {.fn = each_verdict, .context = &e, .stop = &e.done};
	struct whole_tape tape;
	struct cut cut = {0};
	int rc;

	rc = whole_tape_load(data, size, &tape);
	if (!rc)
		rc = cut_init(&cut, &tape);
	if (!rc && !tape.no_results)
		rc = cut_judge(&cut, &judging);
	cut_free(&cut);
	whole_tape_free(&tape);
	return rc ? rc : e.done;
}

struct finding {
	const struct minimise_signature *want;
	struct minimise_signature *found;
};

static bool finding_take(void *context, const struct minimise_signature *s)
{
	struct finding *f = context;

	if (f->want && !minimise_signature_same(f->want, s))
		return false;
	*f->found = *s;
	return true;
}

int minimise_find(const void *data, size_t size, const struct minimise_signature *want,
		  struct minimise_signature *found)
{
	struct finding f = {.want = want, .found = found};

	return minimise_each(data, size, finding_take, &f);
}

/* --- candidates ------------------------------------------------------------------------------- */

struct trial {
	struct minimise *m;
	const struct model *model;
	bool found, over;
};

/* The advice of a rule that a call got, NULL = none. */
static const struct model_advice *advice_find(const struct model_verdict *v, uint16_t rule)
{
	for (unsigned int i = 0; i < v->advice_count; i++) {
		if (v->advice[i].rule == rule)
			return &v->advice[i];
	}
	return NULL;
}

/* Is this the wanted one, in the same words? */
static bool is_wanted(const struct minimise *m, const struct model_verdict *v)
{
	const struct minimise_report *r = m->r;

	if (m->o->advice) {
		const struct model_advice *a = advice_find(v, r->signature.rule);

		return a && !strcmp(a->detail, r->observed);
	}
	return v->kind == MODEL_DIVERGES && v->rule == r->signature.rule &&
	       !strcmp(v->expected, r->expected) && !strcmp(v->observed, r->observed);
}

/* Did the event get this advice on the whole tape? */
static bool is_advised(const struct minimise *m, size_t event, uint16_t rule)
{
	const struct minimise_advised *a = &m->advised[event];

	for (unsigned int i = 0; i < a->count; i++) {
		if (a->rules[i] == rule)
			return true;
	}
	return false;
}

static void trial_verdict(void *context, const struct tape_return *ret,
			  const struct model_verdict *v)
{
	struct trial *t = context;
	struct minimise *m = t->m;
	size_t event = ret->call->index;

	if (event == m->target) {
		t->found = is_wanted(m, v);
		t->over |= !t->found;
	}
	for (unsigned int i = 0; m->o->advice && i < v->advice_count; i++)
		t->over |= !is_advised(m, event, v->advice[i].rule);
	/* Something that this event needs is missing now. */
	t->over |= v->kind == MODEL_DIVERGES && m->broken[event] != v->rule + 1;
	/* The arguments changed, and no rule says that the answer would be the same. */
	t->over |= m->certain && (m->certain[event] || event == m->changed) &&
		   model_promise_outcome(t->model) != MODEL_DETERMINED;
}

static int candidate_model(struct minimise *m)
{
	struct trial t = {.m = m};
	struct cut_judging judging = {.fn = trial_verdict,
				      .context = &t,
				      .stop = &t.over,
				      .model = m->certain ? &t.model : NULL};
	int rc = cut_judge(&m->cut, &judging);

	return rc ? rc : t.found && !t.over;
}

static void certain_verdict(void *context, const struct tape_return *ret,
			    const struct model_verdict *v)
{
	const struct trial *t = context;

	t->m->certain[ret->call->index] = model_promise_outcome(t->model) == MODEL_DETERMINED;
}

int minimise_certain(struct minimise *m)
{
	struct trial t = {.m = m};
	struct cut_judging judging = {.fn = certain_verdict, .context = &t, .model = &t.model};

	m->changed = SIZE_MAX;
	m->certain = calloc(m->tape.event_count + 1, sizeof(*m->certain));
	return m->certain ? cut_judge(&m->cut, &judging) : -ENOMEM;
}

/* Write what is kept to the file of a tape in memory. The caller frees *data. */
static int candidate_file(struct minimise *m, uint8_t **data, size_t *size)
{
	int fd = memfd_create("kvmtape-candidate", MFD_CLOEXEC);
	int rc;

	*data = NULL;
	if (fd < 0)
		return -errno;
	rc = cut_write(&m->cut, m->alone, fd);
	if (!rc)
		rc = whole_file_read(fd, data, size);
	close(fd);
	return rc;
}

/*
 * Play a tape once and see what it shows.  1: *found is set (of `want`, if given); 0; an error.
 * played (may be NULL): the file of what came back, which the caller frees.
 */
static int play_once(struct minimise *m, const void *data, size_t size,
		     const struct minimise_signature *want, struct minimise_signature *found,
		     uint8_t **played, size_t *played_size)
{
	struct minimise_signature end;
	uint8_t *back = NULL;
	size_t back_size = 0;
	int fd, rc, shown = 0;

	fd = memfd_create("kvmtape-played", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	m->r->end[0] = 0;
	m->r->plays++;
	rc = m->player->play(m->player->context, data, size, fd, m->r->end, sizeof(m->r->end));
	if (rc == -ENOTCONN || rc == -ETIMEDOUT) {
		minimise_signature_end(m->r->end, &end);
		shown = !want || minimise_signature_same(want, &end);
		if (shown)
			*found = end;
		/* The machine ended and its answers are lost; use a fresh one. */
		rc = m->player->fresh ? m->player->fresh(m->player->context) : 0;
	} else if (!rc) {
		rc = whole_file_read(fd, &back, &back_size);
		if (!rc)
			shown = minimise_find(back, back_size, want, found);
		if (shown < 0)
			rc = shown;
	}
	close(fd);
	if (!rc && shown && played) {
		free(*played);
		*played = back;
		*played_size = back_size;
		back = NULL;
	}
	free(back);
	return rc ? rc : shown;
}

static int candidate_live(struct minimise *m)
{
	struct minimise_signature found;
	uint8_t *data;
	size_t size;
	int rc = candidate_file(m, &data, &size);

	for (unsigned int i = 0; !rc && i < m->tries; i++) {
		rc = play_once(m, data, size, &m->r->signature, &found, NULL, NULL);
		if (rc)
			break;
	}
	free(data);
	return rc;
}

int minimise_candidate(struct minimise *m)
{
	if (m->o->stop && *m->o->stop)
		return 0;
	m->r->candidates++;
	return m->player ? candidate_live(m) : candidate_model(m);
}

/* --- calls ------------------------------------------------------------------------------------ */

static int calls_attempt(void *context, const size_t *elements, size_t count)
{
	struct minimise *m = context;
	bool change = false;
	int rc;

	for (size_t i = 0; i < count; i++)
		change |= m->cut.keep[elements[i]];
	/* They were removed with what they depend on. */
	if (!change)
		return 1;
	memcpy(m->saved, m->cut.keep, m->cut.count);
	for (size_t i = 0; i < count; i++)
		m->cut.keep[elements[i]] = false;
	cut_close(&m->cut);
	if (m->target != SIZE_MAX && !m->cut.keep[m->target])
		rc = 0;
	else
		rc = minimise_candidate(m);
	if (rc <= 0)
		memcpy(m->cut.keep, m->saved, m->cut.count);
	return rc;
}

/* Calls that began after the diverging event had returned. */
static size_t list_tail(const struct minimise *m, size_t *list)
{
	const struct whole_tape *t = &m->tape;
	bool past = false;
	size_t n = 0;

	for (size_t i = 0; i < t->item_count; i++) {
		const struct whole_item *item = &t->items[i];

		past |= item->type == TAPE_RETURN && item->event == m->target;
		if (past && item->type == TAPE_CALL)
			list[n++] = item->event;
	}
	return n;
}

/* Elements on one object, or on a VM and what belongs to it. */
static size_t list_object(const struct minimise *m, uint32_t object, bool whole_vm, size_t *list)
{
	const struct whole_tape *t = &m->tape;
	size_t n = 0;

	for (size_t i = 0; i < m->cut.count; i++) {
		uint32_t on = i < t->event_count
				      ? t->events[i].object
				      : t->items[m->cut.memory[i - t->event_count]].memory->object;

		if (!m->cut.keep[i] || i == m->target)
			continue;
		/* Also the call that made the VM. */
		if (i < t->event_count && whole_vm && t->events[i].created == object)
			list[n++] = i;
		else if (whole_vm ? cut_root(&m->cut, on) == object : on == object)
			list[n++] = i;
	}
	return n;
}

static size_t list_all(const struct minimise *m, size_t *list)
{
	size_t n = 0;

	for (size_t i = 0; i < m->cut.count; i++) {
		if (m->cut.keep[i] && i != m->target)
			list[n++] = i;
	}
	return n;
}

/* Large pieces that probably do not matter, one by one. */
static int calls_coarse(struct minimise *m, size_t *list)
{
	const struct whole_tape *t = &m->tape;
	uint32_t own = 0, root = 0;
	size_t n;
	int rc = 0;

	if (m->target != SIZE_MAX) {
		own = t->events[m->target].object;
		root = cut_root(&m->cut, own);
		n = list_tail(m, list);
		rc = n ? calls_attempt(m, list, n) : 0;
	}
	for (uint32_t i = 1; rc >= 0 && i < t->object_count; i++) {
		if (i == root || cut_root(&m->cut, i) != i)
			continue;
		n = list_object(m, i, true, list);
		rc = n ? calls_attempt(m, list, n) : 0;
	}
	for (uint32_t i = 1; rc >= 0 && i < t->object_count; i++) {
		if (i == own)
			continue;
		n = list_object(m, i, false, list);
		rc = n ? calls_attempt(m, list, n) : 0;
	}
	return rc < 0 ? rc : 0;
}

static int calls_reduce(struct minimise *m, bool coarse, bool *changed)
{
	size_t *list = malloc((m->cut.count + 1) * sizeof(*list));
	size_t before = cut_events(&m->cut), n;
	int rc = 0;

	if (!list)
		return -ENOMEM;
	if (coarse)
		rc = calls_coarse(m, list);
	if (!rc) {
		n = list_all(m, list);
		rc = cut_sweep(list, &n, calls_attempt, m);
	}
	*changed |= cut_events(&m->cut) != before;
	free(list);
	return rc;
}

/* Do calls overlap, or are there several threads, in what is kept? */
static bool is_concurrent(const struct minimise *m)
{
	const struct whole_tape *t = &m->tape;
	uint32_t thread = UINT32_MAX;

	for (size_t i = 0; i < t->event_count; i++) {
		if (!m->cut.keep[i])
			continue;
		if (thread != UINT32_MAX && thread != t->events[i].thread)
			return true;
		thread = t->events[i].thread;
	}
	return false;
}

/*
 * Put the calls of several threads one after the other on one thread. Live only: recorded results
 * do not say in which order overlapping calls took effect.
 */
static int calls_alone(struct minimise *m, bool *changed)
{
	int rc;

	if (!m->player || m->alone || !is_concurrent(m))
		return 0;
	m->alone = true;
	rc = minimise_candidate(m);
	m->alone = m->r->alone = rc > 0;
	*changed |= m->alone;
	return rc < 0 ? rc : 0;
}

/* --- environment ------------------------------------------------------------------------------ */

struct capabilities {
	struct minimise *m;
	int32_t *saved;
};

static int capabilities_attempt(void *context, const size_t *elements, size_t count)
{
	struct capabilities *c = context;
	int32_t *caps = c->m->tape.env.caps, *saved = c->saved;
	int rc;

	for (size_t i = 0; i < count; i++)
		caps[elements[i]] = INT32_MIN;
	rc = candidate_model(c->m);
	c->m->r->candidates++;
	for (size_t i = 0; rc <= 0 && i < count; i++)
		caps[elements[i]] = saved[elements[i]];
	return rc;
}

/* Answers that the divergence does not need become "not asked", which is still true. */
static int capabilities_reduce(struct minimise *m, bool *changed)
{
	struct tape_env *env = &m->tape.env;
	size_t *list = calloc(env->cap_count + 1, sizeof(*list));
	int32_t *saved = calloc(env->cap_count + 1, sizeof(*saved));
	struct capabilities context = {m, saved};
	size_t n = 0;
	int rc = -ENOMEM;

	if (!list || !saved)
		goto out;
	for (size_t i = 0; i < env->cap_count; i++) {
		saved[i] = env->caps[i];
		if (env->caps[i] != INT32_MIN)
			list[n++] = i;
	}
	if (!m->r->capabilities_before)
		m->r->capabilities_before = n;
	m->r->capabilities_after = n;
	rc = cut_sweep(list, &n, capabilities_attempt, &context);
	*changed |= n != m->r->capabilities_after;
	m->r->capabilities_after = n;
	while (env->cap_count && env->caps[env->cap_count - 1] == INT32_MIN)
		env->cap_count--;
out:
	free(list);
	free(saved);
	return rc;
}

/* Keep the keys that identify the kernel, and those about changes of the tape. */
static void pairs_reduce(struct tape_env *env)
{
	static const char *const wanted[] = {"kernel.release", "kvm.backend", "cpu.",
					     "results",	       "minimised.",  "tool.version"};
	size_t n = 0;

	for (size_t i = 0; i < env->pair_count; i++) {
		bool keep = false;

		for (size_t k = 0; k < sizeof(wanted) / sizeof(wanted[0]); k++)
			keep |= !strncmp(env->pairs[i].key, wanted[k], strlen(wanted[k]));
		if (keep) {
			env->pairs[n++] = env->pairs[i];
			continue;
		}
		free(env->pairs[i].key);
		free(env->pairs[i].value);
	}
	env->pair_count = n;
}

/* Note on the tape what was done to it; notes of an earlier minimising stay. */
static int pairs_note(struct minimise *m)
{
	struct minimise_report *r = m->r;
	struct tape_env *env = &m->tape.env;
	char text[300];
	int rc = 0;

	if (!tape_env_get(env, "minimised.from")) {
		snprintf(text, sizeof(text), "%llu calls", (unsigned long long)r->calls_before);
		rc = tape_env_set(env, "minimised.from", text);
	}
	if (!rc && !m->o->player && (r->fields_zeroed || r->fields_smaller || r->elements_dropped))
		rc = tape_env_set(env, "minimised.arguments",
				  "simplified; the results are those of the recorded ones");
	if (!rc && m->o->player) {
		snprintf(text, sizeof(text), "%u of %u runs%s%.200s", r->shown_after, r->runs_after,
			 m->o->where ? " on " : "", m->o->where ? m->o->where : "");
		rc = tape_env_set(env, "minimised.reliability", text);
	}
	return rc;
}

/* --- all of it -------------------------------------------------------------------------------- */

struct whole {
	struct minimise *m;
	const struct minimise_signature *want;
	bool found;
};

static bool is_event(const struct minimise *m, size_t event)
{
	return m->o->event == UINT64_MAX || m->tape.events[event].index == m->o->event;
}

static void whole_advice(struct whole *w, const struct tape_return *ret,
			 const struct model_verdict *v)
{
	struct minimise *m = w->m;
	size_t event = ret->call->index, count;
	const struct model_rule *rules = model_rules(&count);

	for (unsigned int i = 0; i < v->advice_count; i++)
		m->advised[event].rules[m->advised[event].count++] = v->advice[i].rule;
	if (w->found || !is_event(m, event))
		return;
	for (unsigned int i = 0; i < v->advice_count && !w->found; i++) {
		if (strcmp(rules[v->advice[i].rule].id, m->o->advice))
			continue;
		w->found = true;
		m->target = event;
		m->r->advice = true;
		minimise_signature_of(ret, v, &m->r->signature);
		m->r->signature.rule = v->advice[i].rule;
		m->r->event = m->tape.events[event].index;
		snprintf(m->r->observed, sizeof(m->r->observed), "%s", v->advice[i].detail);
	}
}

static void whole_verdict(void *context, const struct tape_return *ret,
			  const struct model_verdict *v)
{
	struct whole *w = context;
	struct minimise *m = w->m;
	size_t event = ret->call->index;
	struct minimise_signature s;
	size_t count;

	if (v->kind == MODEL_DIVERGES)
		m->broken[event] = v->rule + 1;
	if (m->o->advice)
		whole_advice(w, ret, v);
	if (m->o->advice || w->found || !is_event(m, event) || v->kind != MODEL_DIVERGES ||
	    (m->o->rule && strcmp(m->o->rule, model_rules(&count)[v->rule].id)))
		return;
	minimise_signature_of(ret, v, &s);
	if (w->want && !minimise_signature_same(w->want, &s))
		return;
	w->found = true;
	m->target = event;
	m->r->signature = s;
	m->r->event = m->tape.events[event].index;
	memcpy(m->r->expected, v->expected, sizeof(m->r->expected));
	memcpy(m->r->observed, v->observed, sizeof(m->r->observed));
}

static void minimise_release(struct minimise *m)
{
	cut_free(&m->cut);
	whole_tape_free(&m->tape);
	free(m->broken);
	free(m->saved);
	free(m->certain);
	free(m->advised);
}

/* Load a tape and find the wanted divergence. 1: found; 0: not there. */
static int minimise_load(struct minimise *m, const void *data, size_t size,
			 const struct minimise_signature *want)
{
	struct whole w = {.m = m, .want = want};
	struct cut_judging judging = {.fn = whole_verdict, .context = &w};
	int rc;

	m->target = SIZE_MAX;
	rc = whole_tape_load(data, size, &m->tape);
	if (!rc)
		rc = cut_init(&m->cut, &m->tape);
	if (rc)
		return rc;
	m->broken = calloc(m->tape.event_count + 1, sizeof(*m->broken));
	m->saved = malloc(m->cut.count + 1);
	m->advised = calloc(m->o->advice ? m->tape.event_count + 1 : 1, sizeof(*m->advised));
	if (!m->broken || !m->saved || !m->advised)
		return -ENOMEM;
	m->cut.echoes = !m->o->player;
	if (m->tape.no_results)
		return 0;
	rc = cut_judge(&m->cut, &judging);
	return rc ? rc : w.found;
}

/* Count how often a tape shows the signature, each time on a fresh machine. */
static int runs_count(struct minimise *m, const void *data, size_t size, bool known,
		      unsigned int *runs, unsigned int *shown, uint8_t **played,
		      size_t *played_size)
{
	struct minimise_signature *s = &m->r->signature;
	unsigned int all = m->o->runs ? m->o->runs : RUNS;
	int rc = 0;

	for (unsigned int i = 0; rc >= 0 && i < all; i++) {
		if (m->o->stop && *m->o->stop)
			break;
		rc = m->player->fresh ? m->player->fresh(m->player->context) : 0;
		if (!rc)
			rc = play_once(m, data, size, known ? s : NULL, s, played, played_size);
		if (rc < 0)
			break;
		++*runs;
		*shown += rc;
		known |= rc;
	}
	return rc < 0 ? rc : 0;
}

/* Enough runs that a good candidate is rejected in at most one of twenty cases. */
static unsigned int tries_for(unsigned int runs, unsigned int shown)
{
	double miss = 1 - (double)shown / runs, all = miss;
	unsigned int n = 1;

	while (all > 0.05 && n < TRIES_MAX) {
		all *= miss;
		n++;
	}
	return n;
}

/* Calls and arguments until nothing changes. */
static int reduce(struct minimise *m)
{
	bool coarse = true, changed;
	int rc;

	do {
		changed = false;
		rc = m->o->no_calls ? 0 : calls_reduce(m, coarse, &changed);
		if (!rc && !m->o->no_calls)
			rc = calls_alone(m, &changed);
		if (!rc && !m->o->no_arguments)
			rc = minimise_arguments(m, &changed);
		/* Live, the environment is that of the live kernel, taken from the last play. */
		if (!rc && !m->player && !m->o->no_capabilities)
			rc = capabilities_reduce(m, &changed);
		coarse = false;
	} while (!rc && changed);
	return rc;
}

/* Write what is kept, with a reduced environment. */
static int minimise_write(struct minimise *m, int fd)
{
	int rc;

	m->r->calls_after = cut_events(&m->cut);
	if (!m->o->no_capabilities)
		pairs_reduce(&m->tape.env);
	rc = pairs_note(m);
	return rc ? rc : cut_write(&m->cut, m->alone, fd);
}

static int minimise_model(struct minimise *m, int fd)
{
	int rc = reduce(m);

	return rc ? rc : minimise_write(m, fd);
}

/* The model alone is fast. If what it keeps still shows the find live, most of the work is done. */
static int reduce_by_model(struct minimise *m, const void *data, size_t size)
{
	struct minimise_options options = {
		.event = UINT64_MAX, .no_arguments = true, .no_capabilities = true};
	struct minimise_report report = {0};
	struct minimise model = {.o = &options, .r = &report};
	int rc;

	rc = minimise_load(&model, data, size, &m->r->signature);
	if (rc > 0)
		rc = reduce(&model) ?: 1;
	m->r->candidates += report.candidates;
	if (rc > 0) {
		memcpy(m->saved, m->cut.keep, m->cut.count);
		memcpy(m->cut.keep, model.cut.keep, m->cut.count);
		rc = minimise_candidate(m);
		if (rc <= 0)
			memcpy(m->cut.keep, m->saved, m->cut.count);
	}
	minimise_release(&model);
	return rc < 0 ? rc : 0;
}

/* Live: the result is the tape of the last play. */
static int minimise_live(struct minimise *m, const void *data, size_t size, bool known, int fd)
{
	struct minimise_report *r = m->r;
	struct minimise last = {.o = m->o, .r = r};
	uint64_t event = r->event;
	uint8_t *small = NULL, *played = NULL;
	size_t small_size = 0, played_size = 0;
	bool changed = false;
	int rc;

	m->target = SIZE_MAX;
	rc = runs_count(m, data, size, known, &r->runs, &r->shown, NULL, NULL);
	if (rc || !r->shown)
		goto out;
	m->tries = tries_for(r->runs, r->shown);
	if (known && !m->o->no_calls && r->signature.rule != MINIMISE_NO_RULE)
		rc = reduce_by_model(m, data, size);
	if (!rc)
		rc = reduce(m);
	if (!rc)
		rc = candidate_file(m, &small, &small_size);
	if (!rc)
		rc = runs_count(m, small, small_size, true, &r->runs_after, &r->shown_after,
				&played, &played_size);
	if (rc)
		goto out;
	/* If the machine ended, there is no such tape: use the calls that were played. */
	rc = minimise_load(&last, played ? played : small, played ? played_size : small_size,
			   &r->signature);
	r->event = event;
	if (rc > 0 && !m->o->no_capabilities)
		rc = capabilities_reduce(&last, &changed);
	if (rc >= 0)
		rc = minimise_write(&last, fd);
	if (!rc)
		rc = 1;
out:
	free(small);
	free(played);
	minimise_release(&last);
	return rc;
}

int minimise_tape(const void *data, size_t size, const struct minimise_options *options, int fd,
		  struct minimise_report *report)
{
	struct minimise m = {.o = options, .r = report};
	int rc;

	memset(report, 0, sizeof(*report));
	report->event = UINT64_MAX;
	rc = minimise_load(&m, data, size, options->signature);
	report->calls_before = m.tape.event_count;
	if (rc < 0)
		goto out;
	if (options->player) {
		m.player = options->player;
		if (!rc && options->signature) {
			report->signature = *options->signature;
			rc = 1;
		}
		rc = minimise_live(&m, data, size, rc, fd);
	} else if (rc) {
		rc = minimise_model(&m, fd);
		rc = rc ? rc : 1;
	}
out:
	minimise_release(&m);
	return rc;
}
