/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape replay: judge a tape by the model, print the score and each violation. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/cli.h"
#include "cli/live.h"
#include "replayer/judge/judge.h"

struct replay_values {
	bool json;
	bool verbose;
	bool rules;
	bool lint;
	uint64_t until;
	const char *live, *modules, *module;
	const char *output;
	const char *fail_on;
	bool force;
};

static const struct cli_option options[] = {
	{"fail-on", 0, "KIND",
	 "Exit with 1 also if there is KIND but no violation: advice (with --lint).", CLI_TEXT,
	 offsetof(struct replay_values, fail_on), false, NULL},
	{"force", 'f', NULL, "With -o: replace TAPE if it is there.", CLI_FLAG,
	 offsetof(struct replay_values, force), false, NULL},
	{"json", 0, NULL, "Print NDJSON: a header, a line for each violation, the summary last.",
	 CLI_FLAG, offsetof(struct replay_values, json), false, NULL},
	{"lint", 0, NULL,
	 "Print advice, too: calls that succeed and lose something; with --live on both tapes. It "
	 "changes no verdict, and the exit status only with --fail-on=advice.",
	 CLI_FLAG, offsetof(struct replay_values, lint), false, NULL},
	{"live", 0, "WHERE",
	 "Issue the tape's calls on a live kernel as well and compare: host, or guest:NAME.",
	 CLI_TEXT, offsetof(struct replay_values, live), false, NULL},
	{"modules", 0, "DIR",
	 "With --live: the modules of a kernel of your own (guest:./VMLINUZ), at any depth below "
	 "DIR.",
	 CLI_TEXT, offsetof(struct replay_values, modules), false, NULL},
	{"module", 0, "PATH",
	 "With --live=guest:NAME: load this module instead of the kernel's of the same name, or those "
	 "in the folder PATH.",
	 CLI_TEXT, offsetof(struct replay_values, module), false, NULL},
	{"output", 'o', "TAPE", "With --live: write what came back to the tape TAPE.", CLI_TEXT,
	 offsetof(struct replay_values, output), false, NULL},
	{"rules", 0, NULL, "Print how often each rule of the model was checked and held, too.",
	 CLI_FLAG, offsetof(struct replay_values, rules), false, NULL},
	{"until", 'u', "N", "Judge events up to number N only (they count from 0).", CLI_NUMBER,
	 offsetof(struct replay_values, until), false, NULL},
	{"verbose", 'v', NULL, "Print every event with its verdict and the rules that gave it.",
	 CLI_FLAG, offsetof(struct replay_values, verbose), false, NULL},
	{0},
};

static const struct replay_values defaults = {.until = UINT64_MAX};

/*
 * Context of the hooks. In text the violations come after the summary, which is known last, so they
 * are kept in a temporary file; there may be too many for memory.
 */
struct replay {
	const struct replay_values *v;
	const struct tape_reader *reader;
	const struct model_rule *rules;
	const struct cli_colors *c;
	FILE *waiting;
	FILE *advice;
};

static const char *verdict_color(const struct cli_colors *c, enum model_verdict_kind kind)
{
	switch (kind) {
	case MODEL_CONFORMS:
		return c->good;
	case MODEL_DEVIATION:
		return c->warn;
	case MODEL_DIVERGES:
		return c->bad;
	case MODEL_UNSPECIFIED:
	case MODEL_SKIPPED:
		break;
	}
	return c->dim;
}

/* Print the rules behind a verdict: the broken one or the known quirk, then those that hold. */
static void rules_text(const struct replay *r, const struct model_verdict *v, FILE *out)
{
	char source[512];

	if (v->kind == MODEL_DEVIATION || v->kind == MODEL_DIVERGES) {
		const struct model_rule *rule = &r->rules[v->rule];

		cli_rule_source_titled(rule, source, sizeof(source));
		fprintf(out, "    rule      %s\n", rule->id);
		fprintf(out, "    says      %s\n", rule->statement);
		fprintf(out, "    source    %s%s%s%s\n", source,
			rule->refs && *rule->refs ? " (" : "", rule->refs ? rule->refs : "",
			rule->refs && *rule->refs ? ")" : "");
	}
	if (r->v->verbose && v->held_count) {
		fprintf(out, "    held     ");
		for (unsigned int i = 0; i < v->held_count; i++)
			fprintf(out, " %s", r->rules[v->held[i]].id);
		fputc('\n', out);
	}
}

static int event_text(const struct replay *r, const struct tape_return *ret,
		      const struct model_verdict *v, FILE *out)
{
	const struct tape_thread *thread = tape_reader_thread(r->reader, ret->call->thread);
	char comm[sizeof(thread->comm) + 1];
	char *text;
	int rc;

	rc = tape_event_text(r->reader, ret, false, &text);
	if (rc)
		return rc;
	fprintf(out, "%s%s%s event %llu, thread %u", verdict_color(r->c, v->kind),
		replayer_verdict_words(v->kind), r->c->off, (unsigned long long)ret->call->index,
		ret->call->thread);
	if (thread && thread->comm[0])
		fprintf(out, " (%s)", cli_printable(thread->comm, comm, sizeof(comm)));
	fprintf(out, "\n    call      ");
	cli_text_clean(text);
	for (const char *p = text + strspn(text, " "); *p; p++) {
		fputc(*p, out);
		if (*p == '\n')
			fputs("              ", out);
	}
	fputc('\n', out);
	free(text);
	if (v->kind == MODEL_DIVERGES)
		fprintf(out, "    expected  %s\n    observed  %s\n", v->expected, v->observed);
	else if (v->observed[0] && v->kind != MODEL_CONFORMS)
		fprintf(out, "    %s  %s\n", v->kind == MODEL_DEVIATION ? "observed" : "because ",
			v->observed);
	rules_text(r, v, out);
	return 0;
}

static int event_json(const struct replay *r, const struct tape_return *ret,
		      const struct model_verdict *v)
{
	const struct tape_thread *thread = tape_reader_thread(r->reader, ret->call->thread);
	json_t *event, *line, *held;
	int rc;

	rc = tape_event_json(r->reader, ret, &event);
	if (rc)
		return rc;
	line = json_pack("{s:s, s:I, s:s, s:i, s:o}", "type",
			 v->kind == MODEL_DIVERGES ? "divergence" : "verdict", "event",
			 (json_int_t)ret->call->index, "verdict", model_verdict_name(v->kind),
			 "thread", (int)ret->call->thread, "comm",
			 cli_json_string(thread ? thread->comm : ""));
	if (v->kind == MODEL_DIVERGES || v->kind == MODEL_DEVIATION)
		json_object_set_new(line, "rule", cli_rule_json(&r->rules[v->rule]));
	if (v->kind == MODEL_DIVERGES)
		json_object_set_new(line, "expected", json_string(v->expected));
	if (v->observed[0] && v->kind != MODEL_CONFORMS)
		json_object_set_new(line,
				    v->kind == MODEL_DIVERGES || v->kind == MODEL_DEVIATION
					    ? "observed"
					    : "reason",
				    json_string(v->observed));
	held = json_array();
	for (unsigned int i = 0; i < v->held_count; i++)
		json_array_append_new(held, json_string(r->rules[v->held[i]].id));
	json_object_set_new(line, "held", held);
	json_object_set_new(line, "call", event);
	return cli_json_put(stdout, line) == CLI_OK ? 0 : -EIO;
}

static int on_verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	struct replay *r = context;

	if (r->v->json)
		return event_json(r, ret, v);
	if (v->kind == MODEL_DIVERGES) {
		int rc;

		if (!r->waiting)
			r->waiting = tmpfile();
		rc = r->waiting ? event_text(r, ret, v, r->waiting) : -errno;
		if (rc)
			return rc;
	}
	return r->v->verbose ? event_text(r, ret, v, stdout) : 0;
}

static int advice_json(const struct model_verdict *v, const struct cli_advice *advice)
{
	json_t *line = cli_advice_json(advice);

	if (line)
		json_object_set_new(line, "verdict", json_string(model_verdict_name(v->kind)));
	return cli_json_put(stdout, line) == CLI_OK ? 0 : -EIO;
}

static int on_advice(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	struct replay *r = context;
	int rc = 0;

	if (!r->v->json && !r->advice) {
		r->advice = tmpfile();
		if (!r->advice)
			return -errno;
	}
	for (unsigned int i = 0; i < v->advice_count && !rc; i++) {
		const struct cli_advice a = {.event = ret->call->index,
					     .thread = ret->call->thread,
					     .request = ret->call->request,
					     .kind = ret->call->kind,
					     .row = ret->call->row,
					     .rule = &r->rules[v->advice[i].rule],
					     .detail = v->advice[i].detail,
					     .where = ""};

		if (r->v->json)
			rc = advice_json(v, &a);
		else
			cli_advice_print(r->advice, &a);
	}
	return rc;
}

/* Only with --verbose: items between the events, such as gaps. */
static int on_item(void *context, const struct tape_item *item)
{
	struct replay *r = context;
	json_t *line;
	char *text;
	int rc;

	if (r->v->json) {
		rc = tape_item_json(r->reader, item, &line);
		if (!rc && cli_json_put(stdout, line) != CLI_OK)
			rc = -EIO;
		return rc;
	}
	rc = tape_item_text(r->reader, item, &text);
	if (rc)
		return rc;
	cli_text_clean(text);
	printf("%s%s%s\n", r->c->dim, text, r->c->off);
	free(text);
	return 0;
}

/* --- the summary ------------------------------------------------------------------------------ */

/* How many ioctls have at least one event that the documents decide. */
static size_t ioctls_judged(const struct replayer_score *score)
{
	size_t judged = 0;

	for (size_t i = 0; i < score->ioctl_count; i++) {
		const uint64_t *v = score->ioctls[i].verdicts;

		judged += v[MODEL_CONFORMS] || v[MODEL_DEVIATION] || v[MODEL_DIVERGES];
	}
	return judged;
}

/* Where the tape was made, in one line: verdicts depend on it. */
static void summary_origin(const struct replay *r)
{
	const struct tape_env *env = tape_reader_env(r->reader);
	const char *release = tape_env_get(env, "kernel.release");
	const char *backend = tape_env_get(env, "kvm.backend");
	char buf[128];

	printf("%stape%s          %s, kernel %s", r->c->bold, r->c->off,
	       kvmapi_arch_name(env->arch),
	       cli_printable(release ? release : "not known", buf, sizeof(buf)));
	if (backend)
		printf(", %s", cli_printable(backend, buf, sizeof(buf)));
	putchar('\n');
}

static void summary_verdicts(const struct replay *r, const struct replayer_score *score)
{
	printf("%scalls%s         %10llu\n", r->c->bold, r->c->off,
	       (unsigned long long)(score->events + score->unreturned));
	printf("%sreturns%s       %10llu\n", r->c->bold, r->c->off,
	       (unsigned long long)score->events);
	for (unsigned int k = 0; k < MODEL_VERDICT_KINDS; k++) {
		double share = score->events ? 100.0 * score->verdicts[k] / score->events : 0;

		printf("  %s%-12s%s%10llu  %6.2f %%\n",
		       score->verdicts[k] ? verdict_color(r->c, k) : "", replayer_verdict_words(k),
		       score->verdicts[k] ? r->c->off : "", (unsigned long long)score->verdicts[k],
		       share);
	}
	printf("ioctls        %10zu  %zu of them judged at least once\n", score->ioctl_count,
	       ioctls_judged(score));
	printf("lost          %10llu", (unsigned long long)score->lost);
	for (unsigned int i = 0; i < TAPE_GAP_CAUSES; i++) {
		if (score->lost_by[i])
			printf("  %s %llu", tape_gap_cause_name(i),
			       (unsigned long long)score->lost_by[i]);
	}
	printf("\nunreturned    %10llu\n", (unsigned long long)score->unreturned);
}

static void summary_ioctls(const struct replay *r, const struct replayer_score *score)
{
	char name[CLI_IOCTL_NAME];

	if (!score->ioctl_count)
		return;
	printf("\n%s%-34s %10s", r->c->bold, "ioctl", "events");
	for (unsigned int k = 0; k < MODEL_VERDICT_KINDS; k++)
		printf(" %11s", replayer_verdict_words(k));
	printf("%s\n", r->c->off);
	for (size_t i = 0; i < score->ioctl_count; i++) {
		const struct replayer_ioctl *s = &score->ioctls[i];

		printf("%-34s %10llu", cli_ioctl_name(s->kind, s->request, s->row, name),
		       (unsigned long long)s->events);
		for (unsigned int k = 0; k < MODEL_VERDICT_KINDS; k++) {
			if (s->verdicts[k])
				printf(" %s%11llu%s", verdict_color(r->c, k),
				       (unsigned long long)s->verdicts[k], r->c->off);
			else
				printf(" %11s", "-");
		}
		putchar('\n');
	}
}

static void summary_rules(const struct replay *r, const char *title,
			  const struct replayer_rule *list, size_t count)
{
	char source[160];

	if (!count)
		return;
	printf("\n%s%s%s\n", r->c->bold, title, r->c->off);
	for (size_t i = 0; i < count; i++) {
		const struct model_rule *rule = &r->rules[list[i].rule];

		cli_rule_source(rule, source, sizeof(source));
		printf("%10llu  %s: %s [%s%s%s]\n", (unsigned long long)list[i].events, rule->id,
		       rule->statement, source, rule->refs && *rule->refs ? "; " : "",
		       rule->refs ? rule->refs : "");
	}
}

/* The events that were not judged, by ioctl and reason. */
static void summary_reasons(const struct replay *r, const struct replayer_score *score,
			    enum model_verdict_kind kind)
{
	char name[CLI_IOCTL_NAME];

	if (!score->verdicts[kind])
		return;
	printf("\n%s%s%s\n", r->c->bold, replayer_verdict_words(kind), r->c->off);
	for (size_t i = 0; i < score->ioctl_count; i++) {
		const struct replayer_ioctl *s = &score->ioctls[i];

		if (!s->verdicts[kind])
			continue;
		for (unsigned int k = 0; k < s->reason_count; k++) {
			if (s->reasons[k].kind != kind)
				continue;
			printf("%10llu  %s: %s\n", (unsigned long long)s->reasons[k].events,
			       cli_ioctl_name(s->kind, s->request, s->row, name),
			       s->reasons[k].text[0] ? s->reasons[k].text
						     : "the documents promise nothing here");
		}
		if (s->other_reasons[kind])
			printf("%10llu  %s: other reasons\n",
			       (unsigned long long)s->other_reasons[kind],
			       cli_ioctl_name(s->kind, s->request, s->row, name));
	}
}

static void summary_hits(const struct replay *r, const struct replayer_score *score)
{
	size_t hit = 0;

	for (size_t i = 0; i < score->rule_count; i++)
		hit += score->rule_hits[i] != 0;
	printf("\n%srules%s  %zu of %zu held at least once\n", r->c->bold, r->c->off, hit,
	       score->rule_count);
	for (size_t i = 0; i < score->rule_count; i++)
		printf("%10llu  %s\n", (unsigned long long)score->rule_hits[i], r->rules[i].id);
}

static int copy_waiting(const struct replay *r, FILE *waiting, const char *title)
{
	char buf[65536];
	size_t n;

	if (fflush(waiting) || ferror(waiting) || fseek(waiting, 0, SEEK_SET))
		return cli_error("cannot write a temporary file: %s", strerror(errno));
	printf("\n%s%s%s\n", r->c->bold, title, r->c->off);
	while ((n = fread(buf, 1, sizeof(buf), waiting)) > 0)
		fwrite(buf, 1, n, stdout);
	if (ferror(waiting))
		return cli_error("cannot read a temporary file: %s", strerror(errno));
	return CLI_OK;
}

static int summary_text(const struct replay *r, const struct replayer_score *score)
{
	summary_origin(r);
	summary_verdicts(r, score);
	summary_ioctls(r, score);
	summary_rules(r, "known quirks", score->deviations, score->deviation_count);
	summary_reasons(r, score, MODEL_UNSPECIFIED);
	summary_reasons(r, score, MODEL_SKIPPED);
	if (r->v->rules)
		summary_hits(r, score);
	if (r->advice) {
		int code;

		summary_rules(r, "advice", score->advice, score->advice_count);
		code = copy_waiting(r, r->advice, "advised events");
		if (code != CLI_OK)
			return code;
	} else if (r->v->lint) {
		printf("\n%sadvice%s\n      none\n", r->c->bold, r->c->off);
	}
	if (!score->verdicts[MODEL_DIVERGES])
		return CLI_OK;
	summary_rules(r, "broken rules", score->divergences, score->divergence_count);
	return copy_waiting(r, r->waiting, "violations");
}

static json_t *reasons_json(const struct replayer_ioctl *s)
{
	json_t *list = json_array();

	for (unsigned int k = 0; k < s->reason_count; k++)
		json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "verdict",
						      model_verdict_name(s->reasons[k].kind),
						      "events", (json_int_t)s->reasons[k].events,
						      "reason", s->reasons[k].text));
	for (unsigned int k = 0; k < MODEL_VERDICT_KINDS; k++) {
		if (s->other_reasons[k])
			json_array_append_new(list,
					      json_pack("{s:s, s:I, s:n}", "verdict",
							model_verdict_name(k), "events",
							(json_int_t)s->other_reasons[k], "reason"));
	}
	return list;
}

static json_t *rules_json(const struct replay *r, const struct replayer_rule *list, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array,
				      json_pack("{s:s, s:I}", "id", r->rules[list[i].rule].id,
						"events", (json_int_t)list[i].events));
	return array;
}

static void verdicts_json(json_t *object, const uint64_t *verdicts)
{
	for (unsigned int k = 0; k < MODEL_VERDICT_KINDS; k++)
		json_object_set_new(object, model_verdict_name(k), json_integer(verdicts[k]));
}

static int summary_json(const struct replay *r, const struct replayer_score *score)
{
	json_t *line, *rules;
	char name[CLI_IOCTL_NAME];
	int rc = CLI_OK;

	for (size_t i = 0; i < score->ioctl_count && rc == CLI_OK; i++) {
		const struct replayer_ioctl *s = &score->ioctls[i];

		line = json_pack(
			"{s:s, s:s, s:s, s:I}", "type", "ioctl", "name",
			s->row ? s->row->name : cli_ioctl_name(s->kind, s->request, s->row, name),
			"object", kvmapi_object_name(s->kind), "events", (json_int_t)s->events);
		verdicts_json(line, s->verdicts);
		json_object_set_new(line, "reasons", reasons_json(s));
		rc = cli_json_put(stdout, line);
	}
	if (rc == CLI_OK && r->v->rules) {
		rules = json_object();
		for (size_t i = 0; i < score->rule_count; i++)
			json_object_set_new(rules, r->rules[i].id,
					    json_integer(score->rule_hits[i]));
		rc = cli_json_put(stdout, json_pack("{s:s, s:o}", "type", "rules", "held", rules));
	}
	if (rc != CLI_OK)
		return rc;
	/* The order of the first eight keys is promised. */
	line = json_pack("{s:s, s:I}", "type", "summary", "events", (json_int_t)score->events);
	verdicts_json(line, score->verdicts);
	json_object_set_new(line, "lost", json_integer(score->lost));
	json_object_set_new(line, "unreturned", json_integer(score->unreturned));
	json_object_set_new(line, "calls", json_integer(score->events + score->unreturned));
	json_object_set_new(line, "returns", json_integer(score->events));
	json_object_set_new(line, "ioctls", json_integer(score->ioctl_count));
	json_object_set_new(line, "ioctls_judged", json_integer(ioctls_judged(score)));
	json_object_set_new(line, "complete", json_boolean(score->complete));
	json_object_set_new(line, "deviations",
			    rules_json(r, score->deviations, score->deviation_count));
	json_object_set_new(line, "broken",
			    rules_json(r, score->divergences, score->divergence_count));
	if (r->v->lint)
		json_object_set_new(line, "advice",
				    rules_json(r, score->advice, score->advice_count));
	return cli_json_put(stdout, line);
}

static int run(const void *values, int operand_count, char **operands)
{
	struct replay r = {.v = values, .c = cli_colors(stdout)};
	struct replayer_hooks hooks = {.context = &r, .verdict = on_verdict};
	struct replayer_options o = {.until = r.v->until};
	struct replayer_score score = {0};
	struct tape_reader *reader = NULL;
	size_t count;
	int rc, code;

	if (r.v->fail_on && strcmp(r.v->fail_on, "advice"))
		return cli_usage_error("--fail-on: '%s' is not advice", r.v->fail_on);
	if (r.v->fail_on && !r.v->lint)
		return cli_usage_error("--fail-on=advice goes with --lint, which gives it");
	if (r.v->live && r.v->until != UINT64_MAX)
		return cli_usage_error("--live plays the whole tape: --until does not go with it");
	if (r.v->output && !r.v->live)
		return cli_usage_error(
			"-o says where the tape of a live play goes: --live is missing");
	if ((r.v->modules || r.v->module) && !r.v->live)
		return cli_usage_error(
			"--module and --modules are of the guest that --live=guest:NAME "
			"starts: --live is missing");
	if (r.v->live)
		return cli_live(operands[0],
				&(struct cli_live_options){.where = r.v->live,
							   .modules = r.v->modules,
							   .module = r.v->module,
							   .output = r.v->output,
							   .force = r.v->force,
							   .json = r.v->json,
							   .lint = r.v->lint,
							   .rules = r.v->rules,
							   .fail_on_advice = r.v->fail_on,
							   .verbose = r.v->verbose});
	code = cli_tape_open(operands[0], &reader);
	if (code != CLI_OK)
		return code;
	r.reader = reader;
	r.rules = model_rules(&count);
	hooks.verdict_mask = r.v->verbose ? ~0u : 1u << MODEL_DIVERGES;
	hooks.item = r.v->verbose ? on_item : NULL;
	hooks.advice = r.v->lint ? on_advice : NULL;
	if (r.v->json)
		code = cli_json_header(stdout, "replay");
	if (code != CLI_OK)
		goto out;
	rc = replayer_judge(reader, &o, &hooks, &score);
	if (rc == -ENOTSUP) {
		code = cli_error("%s: there is no model of %s yet; 'kvmtape print' shows the tape",
				 operands[0], kvmapi_arch_name(tape_reader_env(reader)->arch));
		goto out;
	}
	if (rc && rc != TAPE_E_TRUNCATED && rc != TAPE_E_CORRUPT) {
		code = cli_tape_done(operands[0], reader, rc);
		goto out;
	}
	code = r.v->json ? summary_json(&r, &score) : summary_text(&r, &score);
	if (code == CLI_OK && (rc || !score.complete))
		code = cli_tape_done(operands[0], reader, rc);
	if (code == CLI_OK && score.verdicts[MODEL_DIVERGES])
		code = CLI_DIVERGED;
	if (code == CLI_OK && r.v->fail_on && score.advice_count)
		code = CLI_DIVERGED;
	if (code == CLI_OK && !score.events)
		code = cli_untested("%s: no call on it has a return: nothing was judged",
				    operands[0]);
out:
	replayer_score_release(&score);
	if (r.waiting)
		fclose(r.waiting);
	if (r.advice)
		fclose(r.advice);
	tape_reader_close(reader);
	return code;
}

const struct cli_command cli_replay = {
	.name = "replay",
	.summary = "judge a tape by the model of the KVM documents",
	.usage = "FILE",
	.description =
		"Plays the tape FILE on the model and gives each event, which is a call with its return, a "
		"verdict: as promised (the kernel kept a promise of the documents that another answer would have broken), "
		"known quirk (kernels of this version are known to do this, although the documents say otherwise or nothing), "
		"violation (the answer breaks a rule), unspecified (no promise decides: the documents do not say, or a rule "
		"allows this answer and others as well), skipped (in a gap, or bytes were not captured). A verdict is about the "
		"kernel, not about the VMM. Prints a summary by verdict and by ioctl, why events were not judged, and then each "
		"violation with its rule and citation. The output is the same bytes at every run. FILE may be "
		"- for standard input.\n\nWith --live the calls are issued again on a live /dev/kvm: of this machine (host; "
		"well-formed tapes only) or of a disposable guest (guest:NAME, see kvmtape guest list; guest:./VMLINUZ is a kernel of your own). What comes back is "
		"judged, too, and compared with what was recorded: differences are listed by ioctl and field with "
		"what the model says of both answers. With --lint both tapes get advice.",
	.notes =
		"# EXIT STATUS\n\n"
		"*0*\n\tNo violation.\n\n"
		"*1*\n\tAt least one violation. With *--live*: by a live answer, or the kernel died under the "
		"calls (a panic, an oops, a warning, a reset, a hang). With *--fail-on=advice*: there is advice, with *--live* on either tape.\n\n"
		"*2*\n\tUsage, I/O or format error; a damaged tape, even if what came before it was judged.\n\n"
		"*125*\n\tNothing could be tested: the tape has no events, this machine has no such kernel, or the tape cannot be "
		"played on it; *git bisect run* skips such a commit.\n\n"
		"A tape whose recording was cut off is judged as far as it goes. A line on standard error says "
		"so, *complete* in the JSON summary is false, and the verdicts decide whether the exit status is 0 or 1.\n\n"
		"Calls that had not returned when the tape ended are counted as *unreturned*; they are not "
		"events and get no verdict.\n\n"
		"# REFERENCES\n\n"
		"Behind a section of the kernel's documents may stand references: D-26 and the like are entries of " CLI_DOCUMENTS
		"/docs/findings.md, where kernels and documents differ; A-4.24-06 and the like are "
		"sentences of the documents, each with its line in " CLI_DOCUMENTS
		"/docs/seed-coverage.md.\n\n"
		"# JSON\n\n"
		"One object per line. Programs read other words for three of the verdicts: *conforms* (as promised), *deviation* "
		"(known quirk) and *diverges* (violation). The first line is {\"type\":\"header\",\"schema\":1,...}, the last "
		"{\"type\":\"summary\",\"events\":...,\"conforms\":...,\"deviation\":...,\"diverges\":...,"
		"\"unspecified\":...,\"skipped\":...,\"lost\":...}, possibly with further keys after these. "
		"Between them: with *--lint* *advice* lines; *divergence* lines (with *--verbose* also *verdict* lines and those of objects, "
		"threads and gaps), and one *ioctl* line per ioctl. Counts and event numbers are numbers; "
		"numbers of 64 bits from the tape are strings like \"0x1f\".\n",
	.options = options,
	.values_size = sizeof(struct replay_values),
	.defaults = &defaults,
	.operands_min = 1,
	.operands_max = 1,
	.run = run,
};
