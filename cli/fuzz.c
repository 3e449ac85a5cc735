/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape fuzz: a campaign against a live kernel, with the model as the judge. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/live.h"
#include "fuzz/campaign.h"

#define WORKERS_MAX 64
#define CRASHES	    "crashes-seen"

struct fuzz_values {
	const char *output, *live, *kernel, *modules, *module, *engine, *target, *mutator;
	bool accept, blind, coverage, minimise, guest_code, screen;
	uint64_t workers, players, calls, seconds, executions, interval, runs, random, memory;
};

static const struct fuzz_values defaults = {
	.live = "guest:bookworm",
	.engine = "builtin",
	.coverage = true,
	.guest_code = true,
	.minimise = true,
	.screen = true,
	.workers = 1,
	.calls = 24,
	.interval = 10,
	.runs = 5,
	.random = 1,
};

#define AT(member) offsetof(struct fuzz_values, member)

static const struct cli_option options[] = {
	{"output", 'o', "DIR", "The folder of the campaign, new or to go on with; must be given.",
	 CLI_TEXT, AT(output), false, NULL},
	{"live", 0, "WHERE",
	 "The kernel: guest:NAME, a disposable guest (default guest:bookworm); host, this machine's own "
	 "kernel, which may crash.",
	 CLI_TEXT, AT(live), false, NULL},
	{"kernel", 'k', "NAME",
	 "The same as --live=guest:NAME; or the file of a kernel of your own.", CLI_TEXT,
	 AT(kernel), false, NULL},
	{"modules", 0, "DIR", "The modules of a kernel of your own, at any depth below DIR.",
	 CLI_TEXT, AT(modules), false, NULL},
	{"module", 0, "PATH",
	 "Load this module instead of the kernel's of the same name, or those in the folder PATH.",
	 CLI_TEXT, AT(module), false, NULL},
	{"workers", 'w', "N", "Guests, each with a thread of its own (default 1).", CLI_NUMBER,
	 AT(workers), false, NULL},
	{"players", 0, "N", "Sequences played side by side in each guest (default 16).", CLI_NUMBER,
	 AT(players), false, NULL},
	{"memory", 0, "MIB", "Memory of each guest.", CLI_NUMBER, AT(memory), false, NULL},
	{"time", 't', "S", "End after S seconds.", CLI_NUMBER, AT(seconds), false, NULL},
	{"executions", 0, "N", "End after N sequences.", CLI_NUMBER, AT(executions), false, NULL},
	{"calls", 0, "N", "Calls of a sequence, at most (default 24).", CLI_NUMBER, AT(calls),
	 false, NULL},
	{"runs", 'n', "N",
	 "Play each find N times, each from a fresh snapshot, before and after it is minimised (default "
	 "5).",
	 CLI_NUMBER, AT(runs), false, NULL},
	{"interval", 0, "S",
	 "Seconds between lines of the log and rows of the curves (default 10).", CLI_NUMBER,
	 AT(interval), false, NULL},
	{"seed", 0, "N", "Of the random numbers (default 1).", CLI_NUMBER, AT(random), false, NULL},
	{"blind", 0, NULL, "No feedback: what was reached is counted, and changes nothing.",
	 CLI_FLAG, AT(blind), false, NULL},
	{"guest-code", 0, NULL, "Sequences may hold guest code and run it.", CLI_FLAG,
	 AT(guest_code), true,
	 "No guest code in sequences: KVM_RUN is called with immediate_exit only."},
	{"coverage", 0, NULL, "See which blocks of the kernel's KVM run.", CLI_FLAG, AT(coverage),
	 true, "Do not look at which blocks of the kernel's KVM run."},
	{"minimise", 0, NULL, "Minimise finds.", CLI_FLAG, AT(minimise), true, "Only verify them."},
	{"screen", 0, NULL, "A status screen, where output goes to a terminal.", CLI_FLAG,
	 AT(screen), true, "Lines of a log."},
	{"engine", 'e', "ENGINE", "builtin, or afl or libfuzzer, which are started with --target.",
	 CLI_TEXT, AT(engine), false, NULL},
	{"target", 0, "PROGRAM", "A fuzz target built for the engine.", CLI_TEXT, AT(target), false,
	 NULL},
	{"mutator", 0, "LIBRARY", "The custom mutator for AFL++.", CLI_TEXT, AT(mutator), false,
	 NULL},
	{"i-accept-that-this-kernel-may-crash", 0, NULL, "Must be given with --live=host.",
	 CLI_FLAG, AT(accept), false, NULL},
	{0},
};

enum { ENGINE_BUILTIN, ENGINE_AFL, ENGINE_LIBFUZZER };
static const char *const engines[] = {
	[ENGINE_BUILTIN] = "builtin", [ENGINE_AFL] = "afl", [ENGINE_LIBFUZZER] = "libfuzzer", NULL};

/* --- being ended ------------------------------------------------------------------------------ */

static volatile sig_atomic_t stop;
static int stop_fd = -1;

static void on_signal(int number)
{
	const uint64_t one = 1;
	int saved = errno;

	stop = 1;
	if (write(stop_fd, &one, sizeof(one)) < 0)
		stop = 1;
	errno = saved;
}

static int signals_set(void)
{
	/* The second signal kills us: only what is in progress is lost. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND | SA_RESTART};

	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (stop_fd < 0)
		return cli_error("eventfd: %s", strerror(errno));
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	return CLI_OK;
}

/* --- crashes that were seen: what has crashed a guest may crash this machine ------------------ */

static int crashes_path(char *path, size_t size)
{
	char cache[GUEST_PATH_MAX];
	int rc = guest_cache_path(cache, sizeof(cache));

	if (!rc && snprintf(path, size, "%s/%s", cache, CRASHES) >= (int)size)
		rc = -ENAMETOOLONG;
	return rc;
}

static void crashes_note(const char *where, uint64_t crashes)
{
	char path[GUEST_PATH_MAX + 32];
	FILE *file = NULL;

	if (!crashes_path(path, sizeof(path)))
		file = fopen(path, "ae");
	if (!file || fprintf(file, "%s: %" PRIu64 " crashes\n", where, crashes) < 0)
		cli_note("cannot note that %s crashed: %s", where, strerror(errno));
	if (file && fclose(file))
		cli_note("%s: %s", path, strerror(errno));
}

/* CLI_OK if this machine's kernel may be fuzzed. */
static int host_allowed(const struct fuzz_values *v)
{
	char path[GUEST_PATH_MAX + 32], line[200] = "";
	FILE *file;

	if (!v->accept)
		return cli_error(
			"--live=host lets random calls loose on the kernel of this "
			"machine; to do that, add --i-accept-that-this-kernel-may-crash, or fuzz "
			"a disposable guest: --live=guest:bookworm");
	if (crashes_path(path, sizeof(path)))
		return cli_error("cannot tell whether a crash was seen: no cache folder");
	file = fopen(path, "re");
	if (!file && errno != ENOENT)
		return cli_error("%s: %s", path, strerror(errno));
	if (file && fgets(line, sizeof(line), file))
		line[strcspn(line, "\n")] = 0;
	if (file)
		fclose(file);
	if (line[0])
		return cli_error(
			"--live=host is refused: the differ has seen a crash (%s, noted in "
			"%s), and this machine's kernel may have the same fault",
			line, path);
	return CLI_OK;
}

/* --- engines of others ------------------------------------------------------------------------ */

#define ENGINE_ARGUMENTS 40

static pid_t engine_start(char *const *arguments, bool quiet)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (quiet) {
		int null = open("/dev/null", O_WRONLY);

		if (null >= 0) {
			dup2(null, STDOUT_FILENO);
			dup2(null, STDERR_FILENO);
		}
	}
	execvp(arguments[0], arguments);
	fprintf(stderr, "kvmtape fuzz: %s: %s\n", arguments[0],
		errno == ENOENT ? "not found; apt-get install afl++ brings afl-fuzz"
				: strerror(errno));
	_exit(127);
}

/* Wait for all and pass on our signals. Returns the exit code; `failed` if an engine failed. */
static int engines_wait(const pid_t *pids, unsigned int count, int failed)
{
	int status = 0, code = CLI_OK;
	bool told = false;

	for (unsigned int i = 0; i < count; i++) {
		while (waitpid(pids[i], &status, told ? 0 : WNOHANG) == 0) {
			if (stop && !told) {
				for (unsigned int k = 0; k < count; k++)
					kill(pids[k], SIGINT);
				told = true;
			}
			usleep(100000);
		}
		if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
			code = CLI_ERROR;
		else if (!stop && status && code == CLI_OK)
			code = failed;
	}
	return code;
}

static bool file_exists(const char *folder, const char *name)
{
	char path[GUEST_PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return !access(path, F_OK);
}

/* Seeds for an engine: encodings of the tapes, or one empty sequence. */
static int seeds_write(const char *folder, int count, char **tapes)
{
	struct fuzz_sequence *s = fuzz_sequence_new(KVMAPI_X86);
	uint8_t *bytes = malloc(sizeof(*s));
	char path[GUEST_PATH_MAX + 32];
	int code = s && bytes ? CLI_OK : cli_error("%s", strerror(ENOMEM));

	for (int i = 0; code == CLI_OK && i < (count ? count : 1); i++) {
		uint8_t *data = NULL;
		size_t size = 0;
		FILE *out;

		fuzz_sequence_clear(s);
		if (count) {
			int rc;

			code = cli_file_read(tapes[i], &data, &size);
			rc = code == CLI_OK ? fuzz_sequence_from_tape(s, data, size) : 0;
			free(data);
			if (rc && rc != -E2BIG)
				code = cli_error("%s: %s", tapes[i], tape_strerror(rc));
			if (code != CLI_OK)
				break;
		}
		snprintf(path, sizeof(path), "%s/%04d.seq", folder, i);
		out = fopen(path, "we");
		size = fuzz_sequence_encode(s, bytes, sizeof(*s), NULL);
		if (!size)
			bytes[size++] = 0;
		if (!out || fwrite(bytes, 1, size, out) != size)
			code = cli_error("%s: %s", path, strerror(errno));
		if (out && fclose(out) && code == CLI_OK)
			code = cli_error("%s: %s", path, strerror(errno));
	}
	fuzz_sequence_free(s);
	free(bytes);
	return code;
}

/* Did AFL++ keep an input that crashes the target? */
static bool crashes_saved(const char *output, unsigned int workers)
{
	bool found = false;

	for (unsigned int i = 0; i < workers; i++) {
		char path[GUEST_PATH_MAX + 32];
		const struct dirent *entry;
		DIR *folder;

		snprintf(path, sizeof(path), "%s/w%u/crashes", output, i);
		folder = opendir(path);
		while (folder && (entry = readdir(folder)))
			found |= !strncmp(entry->d_name, "id:", 3);
		if (folder)
			closedir(folder);
	}
	return found;
}

static int run_afl(const struct fuzz_values *v, const char *seeds, const char *output)
{
	pid_t pids[WORKERS_MAX] = {0};
	unsigned int started = 0;
	int code;

	setenv("AFL_SKIP_CPUFREQ", "1", 0);
	setenv("AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES", "1", 0);
	if (v->mutator) {
		setenv("AFL_CUSTOM_MUTATOR_LIBRARY", v->mutator, 1);
		setenv("AFL_CUSTOM_MUTATOR_ONLY", "1", 1);
	}
	for (; started < v->workers; started++) {
		char name[16], seconds[24];
		char *arguments[ENGINE_ARGUMENTS];
		unsigned int n = 0;

		snprintf(name, sizeof(name), "w%u", started);
		snprintf(seconds, sizeof(seconds), "%" PRIu64, v->seconds);
		arguments[n++] = "afl-fuzz";
		arguments[n++] = "-i";
		/* Resume what it began earlier. */
		arguments[n++] = file_exists(output, name) ? "-" : (char *)seeds;
		arguments[n++] = "-o";
		arguments[n++] = (char *)output;
		arguments[n++] = started ? "-S" : "-M";
		arguments[n++] = name;
		if (v->seconds) {
			arguments[n++] = "-V";
			arguments[n++] = seconds;
		}
		arguments[n++] = "--";
		arguments[n++] = (char *)v->target;
		arguments[n] = NULL;
		pids[started] = engine_start(arguments, started > 0);
		if (pids[started] < 0)
			return cli_error("cannot start afl-fuzz: %s", strerror(errno));
	}
	code = engines_wait(pids, started, CLI_ERROR);
	return code == CLI_OK && crashes_saved(output, started) ? CLI_DIVERGED : code;
}

static int run_libfuzzer(const struct fuzz_values *v, const char *seeds, const char *output)
{
	char prefix[GUEST_PATH_MAX + 32], fork_count[32], seconds[40];
	char *arguments[ENGINE_ARGUMENTS];
	unsigned int n = 0;
	pid_t pid;

	snprintf(prefix, sizeof(prefix), "-artifact_prefix=%s/crash-", output);
	snprintf(fork_count, sizeof(fork_count), "-fork=%" PRIu64, v->workers);
	snprintf(seconds, sizeof(seconds), "-max_total_time=%" PRIu64, v->seconds);
	arguments[n++] = (char *)v->target;
	arguments[n++] = prefix;
	if (v->workers > 1)
		arguments[n++] = fork_count;
	if (v->seconds)
		arguments[n++] = seconds;
	arguments[n++] = (char *)output;
	arguments[n++] = (char *)seeds;
	arguments[n] = NULL;
	pid = engine_start(arguments, false);
	if (pid < 0)
		return cli_error("cannot start %s: %s", v->target, strerror(errno));
	/* It ends at the first crash, with a status that is not 0. */
	return engines_wait(&pid, 1, CLI_DIVERGED);
}

static int run_engine(const struct fuzz_values *v, size_t engine, int count, char **tapes)
{
	char seeds[GUEST_PATH_MAX], output[GUEST_PATH_MAX];
	int code;

	if (!v->target)
		return cli_usage_error("--engine=%s needs --target=PROGRAM, a fuzz target built "
				       "with -Dfuzzing_engine=%s",
				       v->engine, v->engine);
	if (access(v->target, X_OK))
		return cli_error("%s: %s", v->target, strerror(errno));
	if (v->mutator && access(v->mutator, R_OK))
		return cli_error("%s: %s", v->mutator, strerror(errno));
	snprintf(seeds, sizeof(seeds), "%.1000s/seeds", v->output);
	snprintf(output, sizeof(output), "%.1000s/engine", v->output);
	if ((mkdir(v->output, 0777) && errno != EEXIST) ||
	    (mkdir(seeds, 0777) && errno != EEXIST) || (mkdir(output, 0777) && errno != EEXIST))
		return cli_error("%s: %s", v->output, strerror(errno));
	code = seeds_write(seeds, count, tapes);
	if (code == CLI_OK)
		code = signals_set();
	if (code != CLI_OK)
		return code;
	return engine == ENGINE_AFL ? run_afl(v, seeds, output) : run_libfuzzer(v, seeds, output);
}

/* --- our own ---------------------------------------------------------------------------------- */

static int kernel_choose(const struct fuzz_values *v, const char *name, struct guest_kernel *kernel,
			 char *where, size_t where_size)
{
	int code = cli_kernel_find(name, v->modules, v->module, kernel);

	snprintf(where, where_size, "guest:%s", name);
	if (code == CLI_OK && kernel->arch != GUEST_X86_64)
		code = cli_error("%s: sequences are played on x86 kernels only", where);
	return code;
}

static int campaign(const struct fuzz_values *v, struct campaign_options *o)
{
	struct campaign_counts counts;
	char error[400], also[64] = "";
	int rc, code = CLI_OK;
	uint64_t fresh;

	rc = campaign_run(o, &counts, error, sizeof(error));
	if (counts.crashes_now && strcmp(o->where, "host"))
		crashes_note(o->where, counts.crashes_now);
	if (rc)
		code = counts.machine_failed ? cli_untested("%s", error) : cli_error("%s", error);
	if (rc == -ENOSPC || rc == -EDQUOT)
		cli_note("what was found by then is whole; make room and run it again");
	fresh = counts.finds - counts.verified - counts.gone;
	if (fresh)
		snprintf(also, sizeof(also), ", %" PRIu64 " not played again yet", fresh);
	if (counts.finds)
		cli_note("%" PRIu64 " finds in %s/finds, %" PRIu64 " of them shown again%s",
			 counts.finds, v->output, counts.verified, also);
	if (code == CLI_OK && counts.finds > counts.gone)
		code = CLI_DIVERGED;
	if (code == CLI_OK && !counts.executions_now)
		code = cli_untested("%s: it ended before a sequence was played", o->where);
	return code;
}

static int usage_check(const struct fuzz_values *v, size_t *engine)
{
	if (!v->output)
		return cli_usage_error("where to? give --output=DIR");
	if (v->workers < 1 || v->workers > WORKERS_MAX)
		return cli_usage_error("--workers takes 1 to %d", WORKERS_MAX);
	if (v->runs < 1 || v->runs > 1000)
		return cli_usage_error("--runs takes 1 to 1000");
	if (v->calls < 1 || v->calls > FUZZ_CALLS_MAX)
		return cli_usage_error("--calls takes 1 to %d", FUZZ_CALLS_MAX);
	if (v->interval < 1 || v->interval > 86400)
		return cli_usage_error("--interval takes 1 to 86400");
	if (v->players > 1000)
		return cli_usage_error("--players takes 1 to 1000");
	return cli_word_find("engine", v->engine, engines, engine);
}

static int run(const void *values, int operand_count, char **operands)
{
	const struct fuzz_values *v = values;
	const struct cli_colors *c = cli_colors(stdout);
	struct campaign_guest_options guest = {.module = v->module,
					       .memory = v->memory,
					       .players = v->players,
					       .coverage = v->coverage,
					       .version = KVMTAPE_VERSION};
	struct campaign_options o = {.folder = v->output,
				     .version = KVMTAPE_VERSION,
				     .seeds = (const char *const *)operands,
				     .seed_count = operand_count,
				     .workers = v->workers,
				     .random = v->random,
				     .calls = v->calls,
				     .blind = v->blind,
				     .minimise = v->minimise,
				     .guest_code = v->guest_code,
				     .runs = v->runs,
				     .seconds = v->seconds,
				     .executions = v->executions,
				     .interval = v->interval,
				     .screen = v->screen && isatty(STDOUT_FILENO),
				     .bold = c->bold,
				     .dim = c->dim,
				     .bad = c->bad,
				     .off = c->off,
				     .out = stdout,
				     .stop = &stop};
	struct guest_kernel kernel;
	char where[GUEST_PATH_MAX + 16] = "host";
	const char *name = v->kernel;
	size_t engine;
	int code = usage_check(v, &engine);

	if (code == CLI_OK && engine != ENGINE_BUILTIN)
		return run_engine(v, engine, operand_count, operands);
	if (code == CLI_OK && !name)
		code = cli_where(v->live, &name);
	if (code == CLI_OK)
		code = name ? kernel_choose(v, name, &kernel, where, sizeof(where))
			    : host_allowed(v);
	if (code == CLI_OK)
		code = signals_set();
	if (code != CLI_OK)
		return code;
	o.where = where;
	if (!name) {
		/* A child process of one thread at a time. */
		o.workers = 1;
		campaign_host_maker(KVMTAPE_VERSION, &o.maker);
	} else {
		guest.kernel = &kernel;
		guest.interrupt_fd = stop_fd;
		campaign_guest_maker(&guest, &o.maker);
	}
	return campaign(v, &o);
}

const struct cli_command cli_fuzz = {
	.name = "fuzz",
	.summary = "fuzz a live kernel's KVM API, judged by the model",
	.usage = "-o DIR [TAPE...]",
	.description =
		"Makes sequences of calls, plays them on the KVM of a disposable guest, and has the model judge "
		"what came back. A sequence that reaches a new block of the kernel, or a new outcome of a rule, is "
		"kept and changed further. A violation, a crash or a hang is a find: it is played again from fresh "
		"snapshots, minimised, and written to DIR/finds, once for each signature. Known quirks are "
		"counted. TAPE... are seeds, tapes or folders of tapes (kvmtape distill makes good ones). A "
		"campaign that was ended goes on when it is run again with the same DIR.",
	.notes =
		"# FILES\n\n"
		"*DIR/finds/SIGNATURE/*\n\tfind.tape, find.tapes (the same as text), find.json; first.tape, as it was "
		"seen first; console.log of a crash.\n\n"
		"*DIR/queue/*\n\tSequences that reached something new.\n\n"
		"*DIR/blocks*, *DIR/outcomes*\n\tWhat was reached, a line each.\n\n"
		"*DIR/curves.csv*\n\tBlocks, rules, outcomes, finds over time.\n\n"
		"*DIR/log*, *DIR/campaign.json*\n\tWhat happened; the counts.\n\n"
		"# EXIT STATUS\n\n"
		"*0*\n\tSequences were played, and nothing was found that showed again.\n\n"
		"*1*\n\tThere are finds, of this run or an earlier one, that showed again or were not played again "
		"yet.\n\n"
		"*2*\n\tUsage or I/O error; what is in DIR is whole.\n\n"
		"*125*\n\tNothing could be tested, or not to the end: no such kernel here, a guest that did not start or "
		"could not be brought back, or it ended before a sequence was played. What is in DIR is whole.\n\n"
		"# EXAMPLES\n\n"
		"Ten minutes on Debian 12's kernel:\n\n"
		"\tkvmtape distill -o seeds corpus/\\*/\\*.tape && kvmtape fuzz -o campaign --time 600 seeds\n",
	.options = options,
	.values_size = sizeof(struct fuzz_values),
	.defaults = &defaults,
	.operands_max = CLI_ANY,
	.own_signals = true,
	.run = run,
};
