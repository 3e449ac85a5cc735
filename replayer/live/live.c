// SPDX-License-Identifier: BSD-2-Clause
/*
 * Live play from start to end: read, judge, query the live kernel, plan, play, write, judge,
 * compare.
 */
#include "replayer/live/live.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/file.h"
#include "replayer/live/internal.h"

#define TIMEOUT	      120 /* s */
#define PROBE_TIMEOUT 30

/* --- what the live kernel is like ------------------------------------------------------------- */

static int pair_take(struct live_facts *facts, const struct player_record *record)
{
	const char *key = (const char *)(record + 1);
	size_t room = record->size - sizeof(*record);
	size_t key_size = strnlen(key, room) + 1;
	const char *value = key + key_size;

	if (key_size >= room || strnlen(value, room - key_size) == room - key_size)
		return -EPROTO;
	if (!strcmp(key, "page.size")) {
		facts->env.page_size = strtoul(value, NULL, 10);
		return 0;
	}
	return tape_env_set(&facts->env, key, value);
}

static int facts_take(struct live_facts *facts, const struct live_output *output)
{
	const struct player_over *over;
	size_t at = 0;
	int rc = 0;

	while (!rc && output->size - at >= sizeof(struct player_record)) {
		const struct player_record *record = (const void *)(output->data + at);
		const struct player_cap *cap = (const void *)record;

		if (record->size < sizeof(*record) || record->size % 8 ||
		    record->size > output->size - at)
			return -EPROTO;
		if (record->type == PLAYER_PAIR) {
			rc = pair_take(facts, record);
		} else if (record->type == PLAYER_CAP && record->size >= sizeof(*cap)) {
			rc = tape_env_set_cap(&facts->env, cap->cap, cap->answer);
			if (cap->cap < sizeof(facts->vm_caps) / sizeof(facts->vm_caps[0]))
				facts->vm_caps[cap->cap] = cap->vm_answer;
		} else if (record->type == PLAYER_OVER && record->size >= sizeof(*over)) {
			over = (const void *)record;
			return over->error;
		}
		at += record->size;
	}
	return rc ? rc : -EPROTO;
}

int live_facts_read(enum kvmapi_arch arch, const struct live_output *output,
		    const char *tool_version, struct live_facts *facts)
{
	int rc;

	facts->env.arch = arch;
	rc = facts_take(facts, output);
	if (!rc && tool_version)
		rc = tape_env_set(&facts->env, "tool.version", tool_version);
	return rc ?: tape_env_set(&facts->env, "recorder.backend", "live play");
}

const struct player_head live_question = {
	.magic = PLAYER_MAGIC, .version = PLAYER_VERSION, .flags = PLAYER_SAY_ENVIRONMENT};

static int facts_ask(const struct live_runner *runner, const struct live_options *options,
		     struct live_facts *facts, struct live_report *report)
{
	struct live_output output = {0};
	int rc;

	rc = runner->play(runner->context, &live_question, sizeof(live_question), PROBE_TIMEOUT,
			  &output);
	if (!rc)
		rc = live_facts_read(runner->arch, &output, options->tool_version, facts);
	if (rc)
		snprintf(report->end, sizeof(report->end), "%s",
			 output.end[0] ? output.end : strerror(-rc));
	free(output.data);
	return rc;
}

/* --- the new tape ----------------------------------------------------------------------------- */

static int advice_compare(const void *left, const void *right)
{
	const struct live_advice *a = left, *b = right;

	if (a->event != b->event)
		return a->event < b->event ? -1 : 1;
	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	return strcmp(a->detail, b->detail);
}

/* Advice that both tapes give is listed once. */
static void advice_fold(struct live_report *report)
{
	size_t n = 0;

	if (report->advice_count)
		qsort(report->advice, report->advice_count, sizeof(*report->advice),
		      advice_compare);
	for (size_t i = 0; i < report->advice_count; i++) {
		const struct live_advice *a = &report->advice[i];

		if (n && !advice_compare(&report->advice[n - 1], a)) {
			report->advice[n - 1].recorded |= a->recorded;
			report->advice[n - 1].live |= a->live;
		} else {
			report->advice[n++] = *a;
		}
	}
	report->advice_count = n;
}

/* Whose advice is kept: that on the tape that was played, or, with a plan, on the new one. */
struct advising {
	struct live_report *report;
	const struct whole_tape *tape; /* that was played */
	const struct live_plan *plan;
	size_t room; /* of report->advice */
};

static int advice_add(struct advising *a, const struct live_advice *advice)
{
	struct live_report *r = a->report;

	if (array_grow(&r->advice, &a->room, r->advice_count))
		return -ENOMEM;
	r->advice[r->advice_count++] = *advice;
	return 0;
}

static int advice_take(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	struct advising *a = context;
	struct live_advice advice = {.event = ret->call->index,
				     .thread = ret->call->thread,
				     .request = ret->call->request,
				     .kind = ret->call->kind,
				     .row = ret->call->row,
				     .recorded = !a->plan,
				     .live = a->plan};
	int rc = 0;

	if (a->plan) {
		uint32_t event;

		if (advice.event >= a->plan->played_count)
			return 0;
		event = a->plan->played[advice.event];
		/* Guest code did not run here: that is due to live play, not to the VMM. */
		if (a->plan->plays[event].immediate || a->plan->plays[event].guest_ran)
			return 0;
		advice.event = a->tape->events[event].index;
		advice.thread = a->tape->events[event].thread;
	}
	for (unsigned int i = 0; i < v->advice_count && !rc; i++) {
		advice.rule = v->advice[i].rule;
		memcpy(advice.detail, v->advice[i].detail, sizeof(advice.detail));
		rc = advice_add(a, &advice);
	}
	return rc;
}

/* --- play ------------------------------------------------------------------------------------- */

struct playing {
	struct whole_tape tape;
	bool judged; /* there is a model for it */
	const struct live_runner *runner;
	const struct live_options *options;
	struct live_report *report;
	struct advising advising;
};

/* Read the new tape back, judge it, and put it beside the old one. */
static int tape_check(struct playing *p, const struct live_plan *plan, int fd)
{
	struct whole_tape live = {0};
	uint8_t *data = NULL;
	size_t size = 0;
	int rc;

	rc = whole_file_read(fd, &data, &size);
	if (!rc)
		rc = whole_tape_load(data, size, &live);
	p->advising.plan = plan;
	if (!rc && p->judged)
		rc = whole_tape_judge(data, size, &live, p->options->advice ? advice_take : NULL,
				      &p->advising, &p->report->live);
	if (!rc)
		rc = live_compare(&p->tape, plan, &live, p->report);
	whole_tape_free(&live);
	free(data);
	return rc;
}

static int play(struct playing *p, int fd)
{
	const struct live_runner *runner = p->runner;
	const struct live_options *options = p->options;
	struct live_report *report = p->report;
	struct live_facts facts = {0};
	struct live_output output = {0};
	struct live_plan plan = {0};
	int played = 0;
	int rc;

	tape_env_init(&facts.env);
	rc = facts_ask(runner, options, &facts, report);
	if (!rc)
		rc = tape_env_copy(&report->env, &facts.env);
	if (!rc)
		rc = live_plan_make(&p->tape, &facts, options, &plan);
	if (rc)
		goto out;
	played = runner->play(runner->context, plan.data, plan.size,
			      options->timeout ? options->timeout : TIMEOUT, &output);
	snprintf(report->end, sizeof(report->end), "%s", output.end);
	/* There is output even if the machine ended or the player was too slow. */
	if (played && played != -ENOTCONN && played != -ETIMEDOUT) {
		rc = played;
		goto out;
	}
	rc = live_write(&p->tape, &plan, &facts, &output, fd, report);
	if (!rc)
		rc = tape_check(p, &plan, fd);
	if (!rc)
		rc = played;
out:
	live_plan_free(&plan);
	free(output.data);
	tape_env_release(&facts.env);
	return rc;
}

/* Set report->refused to why the tape is not played; "" = it is. 0 or an error. */
static int refuse(struct playing *p, const void *data, size_t size)
{
	const struct whole_tape *tape = &p->tape;
	char *why = p->report->refused;
	const size_t room = sizeof(p->report->refused);

	if (p->runner->host && tape->no_results)
		snprintf(
			why, room,
			"it has no results, by which the model could tell whether it is well-formed");
	else if (p->runner->host && !p->judged)
		snprintf(why, room,
			 "there is no model of %s that could tell whether it is well-formed",
			 kvmapi_arch_name(tape->env.arch));
	else if (p->runner->host)
		return live_refuse(tape, data, size, why, room);
	else if (tape->env.arch != p->runner->arch)
		snprintf(why, room, "the tape is of %s, the guest is not",
			 kvmapi_arch_name(tape->env.arch));
	return 0;
}

int live_play(const void *data, size_t size, const struct live_runner *runner,
	      const struct live_options *options, int fd, struct live_report *report)
{
	struct playing p = {.runner = runner,
			    .options = options,
			    .report = report,
			    .advising = {.report = report, .tape = &p.tape}};
	int rc;

	memset(report, 0, sizeof(*report));
	report->last_begun = -1;
	tape_env_init(&report->env);
	rc = whole_tape_load(data, size, &p.tape);
	if (rc)
		goto out;
	report->calls = p.tape.event_count;
	if (!p.tape.no_results)
		rc = whole_tape_judge(data, size, &p.tape, options->advice ? advice_take : NULL,
				      &p.advising, &report->recorded);
	p.judged = !rc;
	/* Without a model for the architecture the tape is still played and compared. */
	if (rc && rc != -ENOTSUP)
		goto out;
	rc = refuse(&p, data, size);
	if (!rc && !report->refused[0])
		rc = play(&p, fd);
	advice_fold(report);
out:
	whole_tape_free(&p.tape);
	return rc;
}

void live_report_release(struct live_report *report)
{
	tape_env_release(&report->env);
	replayer_score_release(&report->recorded);
	replayer_score_release(&report->live);
	free(report->skips);
	free(report->lefts);
	free(report->differences);
	free(report->advice);
	memset(report, 0, sizeof(*report));
}
