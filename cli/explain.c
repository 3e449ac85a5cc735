/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kvmtape explain: what was known before an event, its possible answers, and the reason for its
 * verdict.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/cli.h"
#include "cli/history.h"
#include "replayer/judge/judge.h"
#include "kvmtape/model.h"
#include "kvmtape/tape.h"

/* Maximum of earlier calls shown. */
#define EARLIER_MAX 8

/* Events of each field in its history, unless --history says otherwise, and at most. */
#define HISTORY_EVENTS 4
#define HISTORY_MAX    1000

struct explain_values {
	bool json;
	uint64_t history;
};

static const struct explain_values defaults = {.history = HISTORY_EVENTS};

static const struct cli_option options[] = {
	{"json", 0, NULL, "Print NDJSON: a header, then one object a line, the verdict last.",
	 CLI_FLAG, offsetof(struct explain_values, json), false, NULL},
	{"history", 'n', "N", "Show the last N events of each field's history (4); 0 = none.",
	 CLI_NUMBER, offsetof(struct explain_values, history), false, NULL},
	{0},
};

struct explain {
	const struct explain_values *v;
	const struct cli_colors *c;
	const struct model_rule *rules;
	struct tape_reader *reader;
	struct model *m;
	uint64_t event;
	const struct tape_call *later; /* the event's call, from a reader of its own */
	struct history *history;       /* NULL: not wanted */
	bool called;		       /* its call came */
	bool done;		       /* its verdict came */
	char *earlier[EARLIER_MAX];    /* the last ones, by number */
	uint64_t earlier_count;
	int rc;
};

static void heading(const struct explain *e, const char *text)
{
	if (!e->v->json)
		printf("\n%s%s%s\n", e->c->bold, text, e->c->off);
}

static void put(struct explain *e, json_t *line)
{
	if (cli_json_put(stdout, line) != CLI_OK)
		e->rc = -EIO;
}

static void on_fact(void *context, const char *name, const char *value)
{
	struct explain *e = context;

	if (e->v->json)
		put(e, json_pack("{s:s, s:s, s:s}", "type", "known", "name", name, "value", value));
	else
		printf("  %-28s %s\n", name, value);
}

/* --- the calls that it depends on ------------------------------------------------------------- */

static void earlier_add(struct explain *e, const struct tape_return *ret)
{
	char *text;
	int rc = tape_event_text(e->reader, ret, false, &text);

	if (rc) {
		e->rc = rc;
		return;
	}
	cli_text_clean(text);
	free(e->earlier[e->earlier_count % EARLIER_MAX]);
	e->earlier[e->earlier_count++ % EARLIER_MAX] = text;
}

static void earlier_put(struct explain *e)
{
	const uint64_t first = e->earlier_count > EARLIER_MAX ? e->earlier_count - EARLIER_MAX : 0;

	heading(e, "Earlier calls on which it depends");
	if (!e->v->json && first)
		printf("  %" PRIu64 " more\n", first);
	if (!e->v->json && !e->earlier_count)
		printf("  none\n");
	for (uint64_t i = first; i < e->earlier_count; i++) {
		char *text = e->earlier[i % EARLIER_MAX];

		if (e->v->json)
			put(e, json_pack("{s:s, s:s}", "type", "earlier", "text",
					 text + strspn(text, " ")));
		else
			printf("  %s\n", text + strspn(text, " "));
	}
}

/* --- what it might have answered -------------------------------------------------------------- */

/* The field of the argument, or the place in the part. */
static void place_text(const struct explain *e, const struct tape_call *call,
		       const struct model_answer *a, char *text, size_t size)
{
	const enum kvmapi_arch arch = tape_reader_env(e->reader)->arch;
	char field[96];

	if (a->role == TAPE_ARG_OUT && call->row && call->row->type &&
	    !kvmapi_field_at(arch, call->row->type, a->offset, field, sizeof(field)))
		snprintf(text, size, "%s", field);
	else if (a->role == TAPE_RUN_OUT &&
		 !kvmapi_field_at(arch, "struct kvm_run", a->offset, field, sizeof(field)))
		snprintf(text, size, "%s of struct kvm_run", field);
	else
		snprintf(text, size, "%u bytes at %u", a->len, a->offset);
}

/* What an answer says about bytes. */
static void bytes_text(const struct explain *e, const struct tape_call *call,
		       const struct model_answer *a, char *text, size_t size)
{
	char place[128];

	place_text(e, call, a, place, sizeof(place));
	switch (a->what) {
	case MODEL_FIELD:
		if (a->high == UINT64_MAX)
			snprintf(text, size, "%s = %#" PRIx64, place, a->value);
		else
			snprintf(text, size, "%s & %#" PRIx64 " = %#" PRIx64, place, a->high,
				 a->value);
		break;
	case MODEL_FIELD_RANGE:
		snprintf(text, size, "%s: %#" PRIx64 " to %#" PRIx64, place, a->value, a->high);
		break;
	case MODEL_ZERO:
		snprintf(text, size, "%s: zero", a->text ? a->text : place);
		break;
	case MODEL_KEPT:
		snprintf(text, size, "%s: as given", a->text ? a->text : place);
		break;
	case MODEL_BLOCK:
		if (a->value == UINT64_MAX)
			snprintf(text, size, "%u bytes as they were set or seen", a->known);
		else
			snprintf(text, size, "%u bytes as in event %" PRIu64, a->known, a->value);
		break;
	default:
		snprintf(text, size, "%s: a new descriptor", place);
		break;
	}
}

static void answer_text(const struct explain *e, const struct tape_call *call,
			const struct model_answer *a, char *text, size_t size)
{
	const char *name = kvmapi_errno_name((int)a->value);

	switch (a->what) {
	case MODEL_MAY_FAIL:
		snprintf(text, size, "may fail with %s", name);
		break;
	case MODEL_MUST_FAIL:
		snprintf(text, size, "fails with %s", name);
		break;
	case MODEL_SUCCEEDS:
		snprintf(text, size, "succeeds: 0");
		break;
	case MODEL_NUMBER:
		snprintf(text, size, "succeeds: a number >= 0");
		break;
	case MODEL_POSSIBLE:
		snprintf(text, size, "may succeed, may fail");
		break;
	case MODEL_RESULT:
		snprintf(text, size, "the number is %" PRIu64, a->value);
		break;
	case MODEL_RESULT_RANGE:
		snprintf(text, size, "the number is %s", a->text);
		break;
	case MODEL_RELATION:
		snprintf(text, size, "more is checked in the result");
		break;
	case MODEL_SILENT:
		snprintf(text, size, "not said: %s", a->text);
		break;
	case MODEL_DESCRIPTOR:
		if (!a->len) {
			snprintf(text, size, "the number is a new descriptor");
			break;
		}
		/* fall through */
	default:
		bytes_text(e, call, a, text, size);
		break;
	}
}

/* One line, and how often it would be repeated. */
static void answer_put(struct explain *e, const char *text, const struct model_rule *rule,
		       unsigned int times)
{
	char often[32] = "";

	if (times > 1)
		snprintf(often, sizeof(often), ", %u times", times);
	if (e->v->json)
		put(e, json_pack("{s:s, s:s, s:o}", "type", "answer", "text", text, "rule",
				 rule ? json_string(rule->id) : json_null()));
	else if (rule)
		printf("  %-34s %s (%s)%s\n", text, rule->id, model_rule_kind_name(rule->kind),
		       often);
	else
		printf("  %s%s\n", text, often);
}

static void answers_put(struct explain *e, const struct tape_call *call)
{
	size_t count;
	const struct model_answer *a = model_answers(e->m, &count);
	char text[160] = "", before[160];
	const struct model_rule *rule = NULL;
	unsigned int times = 0;

	heading(e, "What it might answer, by which rule");
	for (size_t i = 0; i < count; i++) {
		const bool has_rule = a[i].what != MODEL_RELATION && a[i].what != MODEL_SILENT;
		const struct model_rule *next = has_rule ? &e->rules[a[i].rule] : NULL;

		snprintf(before, sizeof(before), "%s", text);
		answer_text(e, call, &a[i], text, sizeof(text));
		if (a[i].conditional)
			strncat(text, ", depending on the result", sizeof(text) - strlen(text) - 1);
		if (times && (next != rule || strcmp(text, before) || e->v->json)) {
			answer_put(e, before, rule, times);
			times = 0;
		}
		rule = next;
		times++;
	}
	if (times)
		answer_put(e, text, rule, times);
	if (!e->v->json && !count)
		printf("  the rules say nothing of it\n");
}

/* --- what it did answer ----------------------------------------------------------------------- */

static void rule_put(const struct explain *e, const char *what, uint16_t rule)
{
	char source[512];

	cli_rule_source_titled(&e->rules[rule], source, sizeof(source));
	printf("  %-10s %s: %s\n             [%s]\n", what, e->rules[rule].id,
	       e->rules[rule].statement, source);
}

static void verdict_text(const struct explain *e, const struct model_verdict *v)
{
	const bool has_rule = v->kind == MODEL_DIVERGES || v->kind == MODEL_DEVIATION;

	printf("  verdict    %s\n", replayer_verdict_words(v->kind));
	if (v->kind == MODEL_DIVERGES)
		printf("  expected   %s\n  observed   %s\n", v->expected, v->observed);
	else if (v->observed[0] && v->kind != MODEL_CONFORMS)
		printf("  because    %s\n", v->observed);
	if (has_rule)
		rule_put(e, v->kind == MODEL_DIVERGES ? "broken" : "known", v->rule);
	for (unsigned int i = 0; i < v->held_count; i++) {
		if (!has_rule || v->held[i] != v->rule)
			rule_put(e, "holds", v->held[i]);
	}
	for (unsigned int i = 0; i < v->advice_count; i++)
		rule_put(e, "advice", v->advice[i].rule);
}

static void verdict_json(struct explain *e, const struct tape_return *ret,
			 const struct model_verdict *v)
{
	json_t *call, *held = json_array(), *line;

	e->rc = tape_event_json(e->reader, ret, &call);
	if (e->rc)
		return;
	for (unsigned int i = 0; i < v->held_count; i++)
		json_array_append_new(held, cli_rule_json(&e->rules[v->held[i]]));
	line = json_pack("{s:s, s:I, s:s, s:s, s:s, s:o, s:o}", "type", "verdict", "event",
			 (json_int_t)ret->call->index, "verdict", model_verdict_name(v->kind),
			 "expected", v->expected, "observed", v->observed, "held", held, "call",
			 call);
	if (v->kind == MODEL_DIVERGES || v->kind == MODEL_DEVIATION)
		json_object_set_new(line, "rule", cli_rule_json(&e->rules[v->rule]));
	put(e, line);
}

/* --- the history of the fields ---------------------------------------------------------------- */

static const char *history_name(uint8_t what)
{
	static const char *const names[] = {
		[HISTORY_SET] = "set",
		[HISTORY_READ] = "read",
		[HISTORY_UNKNOWN] = "unknown",
		[HISTORY_SAYS] = "says",
	};

	return names[what];
}

static void history_event_text(const struct explain *e, const struct history_event *event)
{
	char name[CLI_IOCTL_NAME], label[48];

	if (event->object) {
		tape_object_label(e->reader, event->object, label, sizeof(label));
		printf("    event %" PRIu64 " %s.%s%s: ", event->event, label,
		       cli_ioctl_name(event->kind, event->request, event->row, name),
		       event->overlapped ? ", or one that overlaps it" : "");
	} else {
		printf("    a gap: ");
	}
	switch (event->what) {
	case HISTORY_SET:
	case HISTORY_READ:
		printf(event->what == HISTORY_SET ? "set" : "read");
		if (event->has_value)
			printf(event->what == HISTORY_SET ? " to %#" PRIx64 : " as %#" PRIx64,
			       event->value);
		break;
	case HISTORY_SAYS:
		printf("%s from here on", event->text);
		break;
	default:
		printf("not known any more");
		break;
	}
	printf("\n");
}

static void history_text(const struct explain *e, const struct history_field *f)
{
	printf("  %s", f->names);
	if (f->rule != UINT16_MAX)
		printf(" (%s)", e->rules[f->rule].id);
	if (f->has_values)
		printf(": %#" PRIx64 " is known, %#" PRIx64 " was answered: diverges here",
		       f->expected, f->observed);
	else if (f->diverges)
		printf(": diverges here");
	printf("\n");
	for (size_t i = 0; i < f->count; i++)
		history_event_text(e, &f->events[i]);
	if (f->more)
		printf("    and %" PRIu64 " earlier\n", f->more);
}

static json_t *hex_json(bool has, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%#" PRIx64, value);
	return has ? json_string(text) : json_null();
}

static void history_json(struct explain *e, const struct history_field *f)
{
	json_t *events = json_array();

	for (size_t i = 0; i < f->count; i++) {
		const struct history_event *event = &f->events[i];
		char name[CLI_IOCTL_NAME], label[48] = "";

		if (!event->object) {
			json_array_append_new(events, json_pack("{s:n, s:s}", "event", "what",
								history_name(event->what)));
			continue;
		}
		tape_object_label(e->reader, event->object, label, sizeof(label));
		json_array_append_new(
			events,
			json_pack("{s:I, s:s, s:s, s:s, s:o, s:s*, s:b}", "event",
				  (json_int_t)event->event, "object", label, "ioctl",
				  cli_ioctl_name(event->kind, event->request, event->row, name),
				  "what", history_name(event->what), "value",
				  hex_json(event->has_value, event->value), "text",
				  event->what == HISTORY_SAYS ? event->text : NULL, "overlapped",
				  event->overlapped));
	}
	put(e, json_pack("{s:s, s:s, s:o, s:b, s:o, s:o, s:o, s:I}", "type", "history", "fields",
			 f->names, "rule",
			 f->rule == UINT16_MAX ? json_null() : json_string(e->rules[f->rule].id),
			 "diverges", f->diverges, "expected", hex_json(f->has_values, f->expected),
			 "observed", hex_json(f->has_values, f->observed), "events", events, "more",
			 (json_int_t)f->more));
}

static void on_history(void *context, const struct history_field *field)
{
	struct explain *e = context;

	if (e->v->json)
		history_json(e, field);
	else
		history_text(e, field);
}

static void history_put(struct explain *e, const struct tape_return *ret)
{
	int rc;

	if (!e->history)
		return;
	heading(e, "The history of what it is judged by, the latest first");
	rc = history_tell(e->history, ret, on_history, e);
	if (rc)
		e->rc = rc;
}

static void on_verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	struct explain *e = context;
	char *text;

	if (e->done || e->rc)
		return;
	if (ret->call->index != e->event) {
		if (e->history && !e->called)
			history_judged(e->history, e->m, ret);
		if (ret->ret >= 0 && ret->call->index < e->event &&
		    model_depends(e->m, e->later, ret->call))
			earlier_add(e, ret);
		return;
	}
	e->done = true;
	earlier_put(e);
	answers_put(e, ret->call);
	heading(e, "What it did answer");
	if (e->v->json) {
		history_put(e, ret);
		verdict_json(e, ret, v);
		return;
	}
	e->rc = tape_event_text(e->reader, ret, false, &text);
	if (e->rc)
		return;
	cli_text_clean(text);
	printf("  %s\n", text + strspn(text, " "));
	free(text);
	verdict_text(e, v);
	history_put(e, ret);
}

/* --- the tape --------------------------------------------------------------------------------- */

/* The call of an event, valid until the reader is used again. */
static int find_call(struct tape_reader *reader, uint64_t event, const struct tape_call **call)
{
	struct tape_item item;
	int rc;

	*call = NULL;
	while (!(rc = tape_reader_next(reader, &item)) && item.type != TAPE_END_OF_FILE) {
		if (item.type == TAPE_CALL && item.u.call->index == event) {
			*call = item.u.call;
			return 0;
		}
	}
	return rc;
}

static void begin(const struct explain *e, const struct tape_call *call)
{
	char name[CLI_IOCTL_NAME];

	if (!e->v->json)
		printf("%sevent %" PRIu64 "%s, thread %u: %s\n", e->c->bold, e->event, e->c->off,
		       call->thread, cli_ioctl_name(call->kind, call->request, call->row, name));
	heading(e, "What is known when it begins");
}

static int explain_tape(struct explain *e)
{
	struct tape_item item;
	int rc = model_create(tape_reader_env(e->reader), on_verdict, e, &e->m);

	if (!rc && e->v->history)
		rc = history_new(e->later, tape_reader_env(e->reader)->arch, e->v->history,
				 &e->history);
	if (rc)
		return rc;
	model_answers_enable(e->m);
	while (!e->done && !e->rc && !(rc = tape_reader_next(e->reader, &item)) &&
	       item.type != TAPE_END_OF_FILE) {
		if (item.type == TAPE_CALL && item.u.call->index == e->event) {
			e->called = true;
			begin(e, item.u.call);
			model_describe(e->m, item.u.call->object, on_fact, e);
		}
		rc = model_item(e->m, &item);
		if (!rc && e->history && !e->called)
			rc = history_item(e->history, e->m, &item);
		if (rc)
			return rc;
	}
	return rc ? rc : e->done || e->rc ? e->rc : model_finish(e->m);
}

static int run(const void *values, int operand_count, char **operands)
{
	struct explain e = {.v = values, .c = cli_colors(stdout)};
	struct tape_reader *own = NULL;
	size_t count;
	char *end;
	int code, rc;

	(void)operand_count;
	e.rules = model_rules(&count);
	if (e.v->history > HISTORY_MAX)
		return cli_usage_error("--history: at most %d", HISTORY_MAX);
	errno = 0;
	e.event = strtoull(operands[1], &end, 0);
	if (errno || *end || end == operands[1] || operands[1][0] == '-')
		return cli_usage_error("'%s' is no number of an event", operands[1]);
	if (!strcmp(operands[0], "-"))
		return cli_usage_error("the tape is read twice: it has to be a file");
	code = cli_tape_open(operands[0], &own);
	if (code == CLI_OK)
		code = cli_tape_open(operands[0], &e.reader);
	if (code != CLI_OK)
		goto out;
	rc = find_call(own, e.event, &e.later);
	if (rc) {
		code = cli_tape_done(operands[0], own, rc);
		goto out;
	}
	if (!e.later) {
		code = cli_error("%s: there is no event %" PRIu64, operands[0], e.event);
		goto out;
	}
	if (e.v->json)
		code = cli_json_header(stdout, "explain");
	rc = explain_tape(&e);
	if (rc == -ENOTSUP)
		code = cli_error("%s: there is no model of %s", operands[0],
				 kvmapi_arch_name(tape_reader_env(e.reader)->arch));
	else if (rc)
		code = cli_tape_done(operands[0], e.reader, rc);
	else if (!e.done && code == CLI_OK)
		code = cli_error("%s: event %" PRIu64 " has no return", operands[0], e.event);
out:
	for (unsigned int i = 0; i < EARLIER_MAX; i++)
		free(e.earlier[i]);
	history_free(e.history);
	model_destroy(e.m);
	tape_reader_close(e.reader);
	tape_reader_close(own);
	return code;
}

const struct cli_command cli_explain = {
	.name = "explain",
	.summary = "explain the verdict on one event of a tape",
	.usage = "FILE EVENT",
	.description =
		"Explains event number EVENT of the tape FILE: what the model knew of the object when the "
		"call began, the earlier calls on which it depends (the last 8 of those that succeeded and set or showed what it is judged by), what it "
		"might have answered and by which rule, what it did answer, and its verdict with each rule "
		"that held or was broken and the sentence of the documents that it stands for.\n\n"
		"The history follows: for each field that the answer names, the last events that set it, read it or made it "
		"unknown, and for each refusal those that decided it. Fields with the same history are shown together, a "
		"field that diverges by itself and first.\n\n"
		"Events count from 0, as in print and replay. What the rules say of the bytes of a result is "
		"listed if the call succeeded.",
	.notes =
		"# EXIT STATUS\n\n"
		"*0*\n\tPrinted, whatever the verdict is.\n\n"
		"*2*\n\tUsage, I/O or format error; no such event, or it has no return.\n\n"
		"# JSON\n\n"
		"One object a line, after the header: *known* lines, *earlier* lines, *answer* lines, "
		"*history* lines, a *verdict* line last. A *history* line has *fields* (names), *rule*, *diverges*, *expected* and "
		"*observed* (of a field that diverges), *more* (earlier events that are left out) and *events*: *event*, "
		"*object*, *ioctl*, *what* (*set*, *read*, *unknown*, *says*), *value*, *text*, and *overlapped* if another call that overlaps it "
		"may have done it. A gap has no number of an event.\n",
	.options = options,
	.defaults = &defaults,
	.values_size = sizeof(struct explain_values),
	.operands_min = 2,
	.operands_max = 2,
	.run = run,
};
