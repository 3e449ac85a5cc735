/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape minimise: the smallest tape with the same violation. */
#include "replayer/judge/minimise.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/live.h"

struct minimise_values {
	bool arguments, capabilities, force, json;
	uint64_t event, runs;
	const char *advice, *live, *output, *rule;
};

static const struct minimise_values defaults = {
	.arguments = true, .capabilities = true, .event = UINT64_MAX, .runs = 5};

static const struct cli_option options[] = {
	{"advice", 'a', "ID",
	 "Keep an advice of kvmtape replay --lint, not a violation: the first one of this rule (with or "
	 "without LINT_).",
	 CLI_TEXT, offsetof(struct minimise_values, advice), false, NULL},
	{"arguments", 0, NULL, "Simplify arguments once no call can go any more.", CLI_FLAG,
	 offsetof(struct minimise_values, arguments), true, "Only leave out calls."},
	{"capabilities", 0, NULL, "Remove from the environment what the violation does not need.",
	 CLI_FLAG, offsetof(struct minimise_values, capabilities), true,
	 "The environment stays whole."},
	{"event", 'e', "N", "The violation, or the advice, of event N, not the first one.",
	 CLI_NUMBER, offsetof(struct minimise_values, event), false, NULL},
	{"force", 'f', NULL, "Replace OUT if it exists.", CLI_FLAG,
	 offsetof(struct minimise_values, force), false, NULL},
	{"json", 'j', NULL, "Print JSON, one object a line.", CLI_FLAG,
	 offsetof(struct minimise_values, json), false, NULL},
	{"live", 0, "guest:NAME",
	 "Play each candidate on the live kernel of a disposable guest, and judge what it answers.",
	 CLI_TEXT, offsetof(struct minimise_values, live), false, NULL},
	{"output", 'o', "OUT", "Write the tape to OUT; must be given.", CLI_TEXT,
	 offsetof(struct minimise_values, output), false, NULL},
	{"rule", 'r', "ID", "The first violation of this rule.", CLI_TEXT,
	 offsetof(struct minimise_values, rule), false, NULL},
	{"runs", 'n', "N",
	 "With --live: play the whole tape and the result N times each from a fresh snapshot, for the "
	 "share of runs that show the violation (default 5).",
	 CLI_NUMBER, offsetof(struct minimise_values, runs), false, NULL},
	{0},
};

static void print_text(const struct minimise_report *r, bool live, double seconds)
{
	const struct cli_colors *c = cli_colors(stdout);
	char text[320], event[32] = "";

	if (r->event != UINT64_MAX)
		snprintf(event, sizeof(event), "event %" PRIu64 ": ", r->event);
	printf("%s%-10s%s    %s%s\n", c->bold, r->advice ? "advice" : "violation", c->off, event,
	       minimise_signature_text(&r->signature, text, sizeof(text)));
	if (r->advice)
		printf("  detail      %s\n", r->observed);
	else if (r->expected[0] || r->observed[0])
		printf("  expected    %s\n  observed    %s\n", r->expected, r->observed);
	printf("%scalls%s         %" PRIu64 " of %" PRIu64 "\n", c->bold, c->off, r->calls_after,
	       r->calls_before);
	if (r->alone)
		printf("              after each other on one thread\n");
	printf("%sarguments%s     %" PRIu64 " made zero, %" PRIu64 " made smaller, %" PRIu64
	       " elements left out\n",
	       c->bold, c->off, r->fields_zeroed, r->fields_smaller, r->elements_dropped);
	printf("%scapabilities%s  %" PRIu64 " of %" PRIu64 "\n", c->bold, c->off,
	       r->capabilities_after, r->capabilities_before);
	printf("%scandidates%s    %" PRIu64, c->bold, c->off, r->candidates);
	if (live)
		printf(", played %" PRIu64 " times", r->plays);
	printf("\n");
	if (live)
		printf("%sreliability%s   %u of %u runs before, %u of %u after\n", c->bold, c->off,
		       r->shown, r->runs, r->shown_after, r->runs_after);
	cli_note("%.1f s", seconds);
}

static int print_json(const struct minimise_report *r, bool live)
{
	char text[320], name[128];
	json_t *line;
	size_t count;
	int code = cli_json_header(stdout, "minimise");

	if (code != CLI_OK)
		return code;
	line = json_pack(
		"{s:s, s:s, s:s, s:s*, s:s*, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "type",
		"minimised", "signature",
		minimise_signature_text(&r->signature, text, sizeof(text)), "name",
		minimise_signature_name(&r->signature, name, sizeof(name)), "rule",
		r->signature.rule == MINIMISE_NO_RULE ? NULL
						      : model_rules(&count)[r->signature.rule].id,
		"ioctl", r->signature.row ? r->signature.row->name : NULL, "outcome",
		r->signature.outcome, "calls_before", (json_int_t)r->calls_before, "calls_after",
		(json_int_t)r->calls_after, "fields_zeroed", (json_int_t)r->fields_zeroed,
		"fields_smaller", (json_int_t)r->fields_smaller, "elements_dropped",
		(json_int_t)r->elements_dropped, "capabilities", (json_int_t)r->capabilities_after,
		"candidates", (json_int_t)r->candidates);
	if (line && r->event != UINT64_MAX)
		json_object_set_new(line, "event", json_integer(r->event));
	if (line && r->advice)
		json_object_set_new(line, "detail", json_string(r->observed));
	if (line && live)
		json_object_set_new(line, "live",
				    json_pack("{s:I, s:i, s:i, s:i, s:i}", "plays",
					      (json_int_t)r->plays, "runs_before", (int)r->runs,
					      "shown_before", (int)r->shown, "runs_after",
					      (int)r->runs_after, "shown_after",
					      (int)r->shown_after));
	return cli_json_put(stdout, line);
}

/* Print why there is no result. */
static int failed(const char *path, const struct minimise_values *v, int rc,
		  const struct minimise_report *r)
{
	if (!rc && v->live && r->runs)
		return cli_error("%s: no violation in %u runs on %s", path, r->runs, v->live);
	if (!rc && v->advice && v->event != UINT64_MAX)
		return cli_error("%s: event %" PRIu64 " has no such advice", path, v->event);
	if (!rc && v->advice)
		return cli_error("%s: no call has such advice", path);
	if (!rc && v->rule)
		return cli_error("%s: nothing breaks the rule %s", path, v->rule);
	if (!rc && v->event != UINT64_MAX)
		return cli_error("%s: event %" PRIu64 " is not a violation", path, v->event);
	if (!rc)
		return cli_error("%s: there is no violation, so there is nothing to minimise",
				 path);
	if (rc == -ENOTSUP)
		return cli_error("%s: there is no model of its architecture yet", path);
	if (rc == TAPE_E_NOT_A_TAPE)
		return cli_error("%s: not a tape; 'kvmtape record' makes one", path);
	if (rc == TAPE_E_TRUNCATED)
		return cli_error("%s: cut off in the middle; 'kvmtape canon' makes a whole tape of "
				 "what is there",
				 path);
	if (r->end[0])
		return cli_untested("%s: %s", path, r->end);
	return cli_error("%s: %s", path, tape_strerror(rc));
}

/* Set what to look for. CLI_OK, or a usage error. */
static int names_find(const struct minimise_values *v, struct minimise_options *o)
{
	size_t count;
	const struct model_rule *rules = model_rules(&count);
	uint16_t rule = 0;
	int code = CLI_OK;

	if (v->advice && v->rule)
		return cli_usage_error(
			"--rule is for a violation, --advice for an advice: give one of them");
	if (v->advice && v->live)
		return cli_usage_error(
			"--advice is about the calls, whatever a kernel answers: --live does not "
			"go with it");
	if (v->rule) {
		code = cli_rule_find("rule", v->rule, ~(1u << MODEL_ADVICE), &rule);
		o->rule = rules[rule].id;
	} else if (v->advice) {
		code = cli_rule_find("advice", v->advice, 1u << MODEL_ADVICE, &rule);
		o->advice = rules[rule].id;
	}
	return code;
}

static int run(const void *values, int operand_count, char **operands)
{
	const struct minimise_values *v = values;
	struct minimise_options o = {.event = v->event,
				     .no_arguments = !v->arguments,
				     .no_capabilities = !v->capabilities,
				     .runs = v->runs,
				     .where = v->live};
	struct cli_live_machine *machine = NULL;
	struct minimise_report report = {0};
	uint64_t begin, took;
	uint8_t *data = NULL;
	size_t size;
	struct cli_output output;
	int made = -1, rc, code;

	if (!v->output)
		return cli_usage_error("where to? give --output=OUT");
	if (names_find(v, &o) != CLI_OK)
		return CLI_ERROR;
	if (v->runs < 1 || v->runs > 1000)
		return cli_usage_error("--runs takes 1 to 1000");
	code = cli_file_read(operands[0], &data, &size);
	if (code == CLI_OK && v->live)
		code = cli_live_open(v->live, &machine);
	if (code != CLI_OK)
		goto out;
	if (machine)
		o.player = cli_live_player(machine);
	made = memfd_create("tape", MFD_CLOEXEC);
	if (made < 0) {
		code = cli_error("cannot make room for a tape: %s", strerror(errno));
		goto out;
	}
	begin = clock_ns();
	rc = minimise_tape(data, size, &o, made, &report);
	took = clock_ns() - begin;
	if (rc != 1) {
		code = failed(operands[0], v, rc, &report);
		goto out;
	}
	code = cli_output_open(&output, v->output, v->force, operands[0], NULL);
	if (code != CLI_OK)
		goto out;
	code = cli_file_copy(made, output.fd, v->output);
	if (cli_output_close(&output, code == CLI_OK ? CLI_OUTPUT_DONE : CLI_OUTPUT_DROPPED))
		code = CLI_ERROR;
	if (code != CLI_OK)
		goto out;
	if (v->json)
		code = print_json(&report, machine);
	else
		print_text(&report, machine, took / 1e9);
out:
	if (made >= 0)
		close(made);
	cli_live_close(machine);
	free(data);
	return code;
}

const struct cli_command cli_minimise = {
	.name = "minimise",
	.summary = "cut a tape down to the calls that a violation or an advice needs",
	.usage = "-o OUT FILE",
	.description =
		"Makes the smallest tape with the same violation as FILE: the same rule is broken by the "
		"same call with the same outcome. Calls go first, with objects and what is done with them "
		"together, then arguments become simpler, field by field, then the environment. On the model "
		"alone the recorded results stay with their calls; with --live each candidate is played on "
		"a live kernel, and OUT has its answers. With --advice an advice is kept, in the same "
		"words, instead of a violation. FILE may be - for standard input.",
	.notes =
		"# WHAT IT IS EVIDENCE OF\n\n"
		"On the model alone, the calls in OUT were made and answered like this, but calls between them were "
		"removed: OUT is evidence only if those did not matter. Arguments that were simplified were "
		"never passed to a kernel, although the rules say that it answers the same; the pair "
		"*minimised.arguments* of the tape's environment says so, and *--no-arguments* leaves them. With *--live* a kernel gave all answers in OUT.\n\n"
		"# EXIT STATUS\n\n"
		"*0*\n\tOUT was written.\n\n"
		"*2*\n\tUsage, I/O or format error, or there is no violation; OUT is then left as it was.\n\n"
		"*125*\n\tWith *--live*: there is no guest, or it does not play the tape.\n\n"
		"# EXAMPLES\n\n"
		"The first violation of a session, as text:\n\n"
		"\tkvmtape minimise -o small.tape session.tape && kvmtape print --asm small.tape\n\n"
		"The calls that an advice needs:\n\n"
		"\tkvmtape minimise --advice LINT_MSRS_SHORT -o small.tape session.tape\n",
	.options = options,
	.values_size = sizeof(struct minimise_values),
	.defaults = &defaults,
	.operands_min = 1,
	.operands_max = 1,
	.run = run,
};
