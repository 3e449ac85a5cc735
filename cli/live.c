// SPDX-License-Identifier: BSD-2-Clause
/* kvmtape replay --live: play a tape on a live kernel and compare recorded, live and model. */
#include "cli/live.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <jansson.h>

#include "base/file.h"
#include "base/near.h"
#include "cli/cli.h"
#include "guest/guest.h"
#include "base/near.h"
#include "replayer/live/live.h"
#include "replayer/live/runner.h"
#include "replayer/judge/minimise.h"

#define GUEST "guest:"

/* --- the player inside a guest ---------------------------------------------------------------- */

struct guest_runner {
	struct guest_kernel kernel;
	const char *module;  /* as of struct guest_config */
	struct guest *guest; /* NULL until something is played */
};

static int guest_begin(struct guest_runner *r, struct live_output *output)
{
	struct guest_config config;

	guest_config_init(&config);
	config.module = r->module;
	return live_guest_start(&r->kernel, &config, &r->guest, output->end, sizeof(output->end));
}

static int guest_play(void *context, const void *program, size_t size, unsigned int timeout,
		      struct live_output *output)
{
	struct guest_runner *r = context;
	int rc;

	memset(output, 0, sizeof(*output));
	if (!r->guest) {
		rc = guest_begin(r, output);
		if (rc)
			return rc;
	}
	return live_guest_play(r->guest, program, size, timeout, output);
}

/* --- printing --------------------------------------------------------------------------------- */

struct live_print {
	const struct live_report *r;
	const struct cli_live_options *o;
	const struct cli_colors *c;
	const char *where;
};

static const char *ioctl_name(uint8_t kind, uint32_t request, const struct kvmapi_ioctl *row,
			      char *buf)
{
	return row ? row->name : cli_ioctl_name(kind, request, row, buf);
}

static void origin_print(const struct live_print *p)
{
	const char *keys[] = {"kernel.release", "kvm.backend", "cpu.model"};
	char buf[128];

	printf("%slive%s          %s: %s", p->c->bold, p->c->off, p->where,
	       kvmapi_arch_name(p->r->env.arch));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *value = tape_env_get(&p->r->env, keys[i]);

		if (value)
			printf(", %s%s", i ? "" : "kernel ",
			       cli_printable(value, buf, sizeof(buf)));
	}
	putchar('\n');
}

static void counts_print(const struct live_print *p)
{
	const struct live_report *r = p->r;
	double seconds = r->time / 1e9;

	printf("%scalls%s         %10" PRIu64 "\n", p->c->bold, p->c->off, r->calls);
	printf("  played      %10" PRIu64, r->played);
	if (seconds > 0)
		printf("  in %.3f s, %.0f calls/s", seconds, (r->played + r->repeated) / seconds);
	if (r->repeated)
		printf("; %" PRIu64 " more for the rest of lists", r->repeated);
	printf("\n  skipped     %10" PRIu64 "\n", r->skipped);
	if (r->unanswered)
		printf("  unanswered  %10" PRIu64 "\n", r->unanswered);
	printf("%scompared%s      %10" PRIu64 "\n", p->c->bold, p->c->off, r->same + r->different);
	printf("  same        %10" PRIu64 "\n  different   %10" PRIu64 "\n", r->same, r->different);
	if (r->kicked || r->blocked)
		printf("%sblocked%s       %10" PRIu64 "  ended by a signal; %" PRIu64
		       " did not come back at all\n",
		       p->c->bad, p->c->off, r->kicked, r->blocked);
}

static void verdicts_print(const struct live_print *p)
{
	printf("%s%-13s %10s %10s%s\n", p->c->bold, "verdicts", "recorded", "live", p->c->off);
	for (unsigned int k = 0; k < MODEL_VERDICT_KINDS; k++)
		printf("  %-12s%10" PRIu64 " %10" PRIu64 "\n", replayer_verdict_words(k),
		       p->r->recorded.verdicts[k], p->r->live.verdicts[k]);
}

static void reasons_print(const struct live_print *p, const char *title,
			  const struct live_reason *list, size_t count)
{
	char name[CLI_IOCTL_NAME];

	if (!count)
		return;
	printf("\n%s%s%s\n", p->c->bold, title, p->c->off);
	for (size_t i = 0; i < count; i++)
		printf("%10" PRIu64 "  %s: %s\n", list[i].events,
		       ioctl_name(list[i].kind, list[i].request, list[i].row, name), list[i].text);
}

/* "known deviation" is what programs read. */
static const char *why_words(enum live_why why)
{
	return why == LIVE_DEVIATION ? "known quirk" : live_why_text(why);
}

static const char *why_color(const struct cli_colors *c, enum live_why why)
{
	switch (why) {
	case LIVE_LIVE:
	case LIVE_BOTH:
	case LIVE_RECORDED:
	case LIVE_UNKNOWN:
		return c->bad;
	case LIVE_DEVIATION:
	case LIVE_SILENT:
		return c->warn;
	default:
		return c->dim;
	}
}

#define SHOWN_PER_WHY 12

/*
 * The list is sorted by reason; of the least interesting reasons only the first fields are shown
 * unless `all`.
 */
static void differences_print(const struct live_print *p, bool all)
{
	const struct live_report *r = p->r;
	char name[CLI_IOCTL_NAME], what[160], model[LIVE_MODEL_TEXT];
	size_t in_group = 0;

	if (!r->difference_count)
		return;
	printf("\n%sdifferences%s\n", p->c->bold, p->c->off);
	printf("%s%8s %8s  %-46s %-22s %-22s %s%s\n", p->c->bold, "event", "events", "ioctl, field",
	       "recorded", "live", "model", p->c->off);
	for (size_t i = 0; i < r->difference_count; i++) {
		const struct live_difference *d = &r->differences[i];
		bool quiet =
			d->why == LIVE_MACHINE || d->why == LIVE_FOLLOWS || d->why == LIVE_GUEST;

		if (!i || d->why != r->differences[i - 1].why) {
			printf("%s%s%s\n", why_color(p->c, d->why), why_words(d->why), p->c->off);
			in_group = 0;
		}
		if (++in_group > SHOWN_PER_WHY && quiet && !all) {
			size_t rest = 1;

			while (i + 1 < r->difference_count && r->differences[i + 1].why == d->why) {
				rest++;
				i++;
			}
			printf("%17s  and %zu more fields (--verbose shows them)\n", "", rest);
			continue;
		}
		snprintf(what, sizeof(what), "%s %s", ioctl_name(d->kind, d->request, d->row, name),
			 d->field);
		printf("%8" PRIu64 " %8" PRIu64 "  %-46s %-22s %-22s %s\n", d->first, d->events,
		       what, d->recorded, d->live,
		       live_model_text(d, replayer_verdict_words, model));
	}
}

/* How often a rule is advice, recorded or live. */
static uint64_t advice_times(const struct live_report *r, size_t rule, bool live)
{
	uint64_t times = 0;

	for (size_t i = 0; i < r->advice_count; i++)
		times += r->advice[i].rule == rule &&
			 (live ? r->advice[i].live : r->advice[i].recorded);
	return times;
}

static struct cli_advice advice_of(const struct live_report *r, const struct live_advice *a,
				   const struct model_rule *rules)
{
	/* Without results or without a model, there is no recorded side. */
	const bool judged = r->recorded.events;

	return (struct cli_advice){.event = a->event,
				   .thread = a->thread,
				   .request = a->request,
				   .kind = a->kind,
				   .row = a->row,
				   .rule = &rules[a->rule],
				   .detail = a->detail,
				   .where = !judged || (a->recorded && a->live) ? ""
					    : a->recorded			? ", recorded only"
										: ", live only"};
}

static void advice_print(const struct live_print *p)
{
	size_t count;
	const struct model_rule *rules = model_rules(&count);

	if (!p->r->advice_count) {
		printf("\n%sadvice%s\n      none\n", p->c->bold, p->c->off);
		return;
	}
	printf("\n%s%-13s %10s %10s%s\n", p->c->bold, "advice", "recorded", "live", p->c->off);
	for (size_t i = 0; i < count; i++) {
		const uint64_t recorded = advice_times(p->r, i, false);
		const uint64_t live = advice_times(p->r, i, true);

		if (recorded || live)
			printf("%24" PRIu64 " %10" PRIu64 "  %s: %s\n", recorded, live, rules[i].id,
			       rules[i].statement);
	}
	printf("\n%sadvised events%s\n", p->c->bold, p->c->off);
	for (size_t i = 0; i < p->r->advice_count; i++) {
		const struct cli_advice a = advice_of(p->r, &p->r->advice[i], rules);

		cli_advice_print(stdout, &a);
	}
}

static uint64_t hits_of(const struct replayer_score *score, size_t rule)
{
	return score->rule_hits ? score->rule_hits[rule] : 0;
}

static void rules_print(const struct live_print *p)
{
	size_t count;
	const struct model_rule *rules = model_rules(&count);

	printf("\n%s%-13s %10s %10s%s\n", p->c->bold, "rules", "recorded", "live", p->c->off);
	for (size_t i = 0; i < count; i++)
		printf("%24" PRIu64 " %10" PRIu64 "  %s\n", hits_of(&p->r->recorded, i),
		       hits_of(&p->r->live, i), rules[i].id);
}

static int print_text(const struct live_print *p)
{
	origin_print(p);
	counts_print(p);
	verdicts_print(p);
	reasons_print(p, "skipped", p->r->skips, p->r->skip_count);
	reasons_print(p, "not compared", p->r->lefts, p->r->left_count);
	differences_print(p, p->o->verbose);
	if (p->o->rules)
		rules_print(p);
	if (p->o->lint)
		advice_print(p);
	return CLI_OK;
}

static json_t *reasons_json(const struct live_reason *list, size_t count)
{
	json_t *array = json_array();
	char name[CLI_IOCTL_NAME];

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			array,
			json_pack("{s:s, s:s, s:I, s:I}", "ioctl",
				  ioctl_name(list[i].kind, list[i].request, list[i].row, name),
				  "reason", list[i].text, "events", (json_int_t)list[i].events,
				  "first", (json_int_t)list[i].first));
	return array;
}

static json_t *verdicts_json(const struct replayer_score *score)
{
	json_t *object = json_object();

	for (unsigned int k = 0; k < MODEL_VERDICT_KINDS; k++)
		json_object_set_new(object, model_verdict_name(k),
				    json_integer(score->verdicts[k]));
	return object;
}

/* Rules that were advice, with how often each was. */
static json_t *advice_times_json(const struct live_report *r, bool live)
{
	json_t *array = json_array();
	size_t count;
	const struct model_rule *rules = model_rules(&count);

	for (size_t i = 0; i < count; i++) {
		const uint64_t times = advice_times(r, i, live);

		if (times)
			json_array_append_new(array, json_pack("{s:s, s:I}", "id", rules[i].id,
							       "events", (json_int_t)times));
	}
	return array;
}

static int advice_json(const struct live_print *p)
{
	size_t count;
	const struct model_rule *rules = model_rules(&count);
	int code = CLI_OK;

	for (size_t i = 0; i < p->r->advice_count && code == CLI_OK; i++) {
		const struct live_advice *from = &p->r->advice[i];
		const struct cli_advice a = advice_of(p->r, from, rules);
		json_t *line = cli_advice_json(&a);

		if (line) {
			json_object_set_new(line, "recorded", json_boolean(from->recorded));
			json_object_set_new(line, "live", json_boolean(from->live));
		}
		code = cli_json_put(stdout, line);
	}
	return code;
}

static int rules_json(const struct live_print *p)
{
	json_t *recorded = json_object(), *live = json_object();
	size_t count;
	const struct model_rule *rules = model_rules(&count);

	for (size_t i = 0; i < count; i++) {
		json_object_set_new(recorded, rules[i].id,
				    json_integer(hits_of(&p->r->recorded, i)));
		json_object_set_new(live, rules[i].id, json_integer(hits_of(&p->r->live, i)));
	}
	return cli_json_put(stdout, json_pack("{s:s, s:o, s:o}", "type", "rules", "held", recorded,
					      "held_live", live));
}

static int print_json(const struct live_print *p)
{
	const struct live_report *r = p->r;
	json_t *line, *environment;
	char name[CLI_IOCTL_NAME];
	int code = cli_json_header(stdout, "replay");

	if (code == CLI_OK && !tape_env_json(&r->env, &environment))
		code = cli_json_put(stdout, environment);
	for (size_t i = 0; i < r->difference_count && code == CLI_OK; i++) {
		const struct live_difference *d = &r->differences[i];
		char model[LIVE_MODEL_TEXT];

		line = json_pack(
			"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "type", "difference",
			"ioctl", ioctl_name(d->kind, d->request, d->row, name), "field", d->field,
			"recorded", d->recorded, "live", d->live, "model",
			live_model_text(d, model_verdict_name, model), "why", live_why_text(d->why),
			"events", (json_int_t)d->events, "first", (json_int_t)d->first);
		code = cli_json_put(stdout, line);
	}
	if (code == CLI_OK && p->o->lint)
		code = advice_json(p);
	if (code == CLI_OK && p->o->rules)
		code = rules_json(p);
	if (code != CLI_OK)
		return code;
	line = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "type",
			 "summary", "live", p->where, "calls", (json_int_t)r->calls, "played",
			 (json_int_t)r->played, "skipped", (json_int_t)r->skipped, "unanswered",
			 (json_int_t)r->unanswered, "same", (json_int_t)r->same, "different",
			 (json_int_t)r->different, "kicked", (json_int_t)r->kicked, "blocked",
			 (json_int_t)r->blocked, "seconds", r->time / 1e9);
	json_object_set_new(line, "recorded", verdicts_json(&r->recorded));
	json_object_set_new(line, "live_verdicts", verdicts_json(&r->live));
	json_object_set_new(line, "skips", reasons_json(r->skips, r->skip_count));
	json_object_set_new(line, "not_compared", reasons_json(r->lefts, r->left_count));
	if (p->o->lint) {
		json_object_set_new(line, "recorded_advice", advice_times_json(r, false));
		json_object_set_new(line, "live_advice", advice_times_json(r, true));
	}
	json_object_set_new(line, "end", r->end[0] ? json_string(r->end) : json_null());
	return cli_json_put(stdout, line);
}

/* --- the command ------------------------------------------------------------------------------ */

int cli_file_read(const char *path, uint8_t **data, size_t *size)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	int rc;

	*data = NULL;
	*size = 0;
	if (fd < 0)
		return cli_error("%s: %s", path, strerror(errno));
	rc = file_read_all(fd, SIZE_MAX, (char **)data, size);
	if (fd != STDIN_FILENO)
		close(fd);
	return rc ? cli_error("%s: %s", path, strerror(-rc)) : CLI_OK;
}

int cli_kernel_find(const char *name, const char *modules, const char *module,
		    struct guest_kernel *kernel)
{
	struct guest_error error;
	int rc;

	if (strchr(name, '/'))
		rc = guest_kernel_own(name, modules, kernel, &error);
	else if (modules)
		return cli_usage_error("--modules is for a kernel of your own: give the path of "
				       "its file, ./VMLINUZ, for the name %s",
				       name);
	else
		rc = guest_kernel_find(name, kernel, &error);
	/* A kernel that is not fetched cannot be tested here, a name that is none is an error. */
	if (rc)
		return guest_stock_find(name) ? cli_untested("%s", error.text)
					      : cli_error("%s", error.text);
	if (module && access(module, R_OK))
		return cli_error("--module %s: %s", module, strerror(errno));
	return CLI_OK;
}

int cli_where(const char *where, const char **kernel)
{
	char hint[NEAR_TEXT];
	struct near near;

	*kernel = NULL;
	if (!strcmp(where, "host"))
		return CLI_OK;
	if (!strncmp(where, GUEST, strlen(GUEST)))
		*kernel = where + strlen(GUEST);
	else if (guest_stock_find(where))
		*kernel = where;
	if (*kernel)
		return CLI_OK;
	near_begin(&near, where, strlen(where), "");
	near_offer(&near, "host");
	for (const struct guest_stock *stock = guest_stocks; stock->name; stock++)
		near_offer(&near, stock->name);
	return cli_usage_error("--live=%s: neither host nor guest:NAME%s", where,
			       near_text(&near, "", hint, sizeof(hint)));
}

static int where_parse(const char *where, const char *modules, const char *module,
		       struct live_runner *runner, struct guest_runner *guest)
{
	const char *name;
	int code = cli_where(where, &name);

	if (code != CLI_OK)
		return code;
	if (!name && (modules || module))
		return cli_usage_error("--live=host: no module is loaded on this machine; "
				       "--module and --modules are for a disposable guest");
	if (!name) {
		*runner = (struct live_runner){
			.play = live_host_play, .arch = kvmapi_arch_native(), .host = true};
		return CLI_OK;
	}
	code = cli_kernel_find(name, modules, module, &guest->kernel);
	if (code != CLI_OK)
		return code;
	guest->module = module;
	*runner = (struct live_runner){
		.play = guest_play, .context = guest, .arch = live_guest_arch(guest->kernel.arch)};
	return CLI_OK;
}

/* The exit code for the result of live_play() and the report. `died`: the live kernel died. */
static int outcome(const char *path, const struct live_print *p, int rc, bool died)
{
	const struct live_report *r = p->r;
	int code;

	if (r->refused[0])
		return cli_untested("%s: not played on %s: %s", path, p->where, r->refused);
	if (rc < -2000)
		return cli_error("%s: %s", path, tape_strerror(rc));
	if (rc && rc != -ENOTCONN && rc != -ETIMEDOUT)
		return cli_untested("%s: cannot be played on %s: %s", path, p->where,
				    r->end[0] ? r->end : strerror(-rc));
	code = p->o->json ? print_json(p) : print_text(p);
	if (r->end[0] && r->last_begun >= 0)
		cli_note("%s, in event %" PRId64, r->end, r->last_begun);
	else if (r->end[0])
		cli_note("%s", r->end);
	if (r->end[0])
		return died ? CLI_DIVERGED : CLI_UNTESTED;
	if (!r->played)
		return cli_untested("%s: nothing of it was played on %s", path, p->where);
	if (code == CLI_OK && r->live.verdicts[MODEL_DIVERGES])
		code = CLI_DIVERGED;
	if (code == CLI_OK && p->o->fail_on_advice && r->advice_count)
		code = CLI_DIVERGED;
	return code;
}

int cli_live(const char *path, const struct cli_live_options *o)
{
	struct guest_runner guest = {0};
	struct live_runner runner;
	struct live_options options = {.tool_version = KVMTAPE_VERSION, .advice = o->lint};
	struct live_report report;
	struct live_print p = {.r = &report, .o = o, .c = cli_colors(stdout), .where = o->where};
	struct cli_output output;
	uint8_t *data;
	size_t size;
	int fd, rc, code;
	bool died;

	code = where_parse(o->where, o->modules, o->module, &runner, &guest);
	if (code != CLI_OK)
		return code;
	code = cli_file_read(path, &data, &size);
	if (code != CLI_OK)
		goto out;
	fd = memfd_create("kvmtape-live", MFD_CLOEXEC);
	if (fd < 0) {
		code = cli_error("cannot make room for a tape: %s", strerror(errno));
		goto out;
	}
	if (o->output) {
		code = cli_output_open(&output, o->output, o->force, path, NULL);
		if (code != CLI_OK)
			goto out_fd;
	}
	rc = live_play(data, size, &runner, &options, fd, &report);
	if (rc == -ENOTCONN && guest.guest && report.end[0]) {
		/* Play again with a log of each call before it is made, to find the call. */
		cli_note("%s; playing again to find the call", report.end);
		live_report_release(&report);
		guest_destroy(guest.guest);
		guest.guest = NULL;
		options.log = true;
		if (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET))
			cli_note("the tape is not begun anew: %s", strerror(errno));
		rc = live_play(data, size, &runner, &options, fd, &report);
	}
	died = guest.guest && guest_kernel_died(guest_outcome(guest.guest));
	code = outcome(path, &p, rc, died);
	if (o->output) {
		/* A tape that could not be played has no results. */
		bool made = lseek(fd, 0, SEEK_END) > 0;
		bool kept = made && !cli_file_copy(fd, output.fd, o->output);

		if (cli_output_close(&output, kept ? CLI_OUTPUT_DONE : CLI_OUTPUT_DROPPED) ||
		    kept != made)
			code = CLI_ERROR;
	}
	live_report_release(&report);
out_fd:
	close(fd);
out:
	guest_destroy(guest.guest);
	free(data);
	return code;
}

/* --- for other subcommands that play tapes in a guest ----------------------------------------- */

#define MACHINE_TIMEOUT 30 /* s, for one tape */

struct cli_live_machine {
	struct guest_runner guest;
	struct live_runner runner;
	struct minimise_player player;
	bool snapshot;
};

static int machine_play(void *context, const void *tape, size_t size, int fd, char *end,
			size_t end_size)
{
	struct cli_live_machine *m = context;
	const struct live_options options = {.tool_version = KVMTAPE_VERSION,
					     .timeout = MACHINE_TIMEOUT};
	struct live_report report;
	int rc = live_play(tape, size, &m->runner, &options, fd, &report);

	end[0] = 0;
	if (report.refused[0]) {
		snprintf(end, end_size, "%s", report.refused);
		rc = -EINVAL;
	} else if (rc) {
		snprintf(end, end_size, "%s",
			 report.end[0] ? report.end
			 : rc < -2000  ? tape_strerror(rc)
				       : strerror(-rc));
	}
	live_report_release(&report);
	return rc;
}

static int machine_fresh(void *context)
{
	struct cli_live_machine *m = context;
	struct live_output output = {0};
	int rc;

	if (m->snapshot)
		return guest_restore(m->guest.guest);
	if (!m->guest.guest) {
		rc = guest_begin(&m->guest, &output);
		if (rc)
			return cli_untested("%s", output.end), rc;
	}
	rc = guest_snapshot(m->guest.guest);
	if (rc)
		cli_untested("%s", guest_error(m->guest.guest));
	m->snapshot = !rc;
	return rc;
}

int cli_live_open(const char *where, struct cli_live_machine **machine)
{
	struct cli_live_machine *m = calloc(1, sizeof(*m));
	int code;

	*machine = NULL;
	if (!m)
		return cli_error("%s", strerror(ENOMEM));
	code = where_parse(where, NULL, NULL, &m->runner, &m->guest);
	if (code == CLI_OK && m->runner.host)
		code = cli_error("--live=host: a tape with a violation is for a disposable guest: "
				 "--live=guest:NAME");
	if (code == CLI_OK && machine_fresh(m))
		code = CLI_UNTESTED;
	if (code != CLI_OK) {
		cli_live_close(m);
		return code;
	}
	m->player = (struct minimise_player){
		.play = machine_play, .fresh = machine_fresh, .context = m};
	*machine = m;
	return CLI_OK;
}

const struct minimise_player *cli_live_player(struct cli_live_machine *machine)
{
	return &machine->player;
}

void cli_live_close(struct cli_live_machine *machine)
{
	if (!machine)
		return;
	guest_destroy(machine->guest.guest);
	free(machine);
}
