/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape guest: get kernels for disposable guests, and run programs in one. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/live.h"
#include "guest/guest.h"
#include "base/near.h"

/* As timeout(1) and container tools have it; few programs exit with it. */
#define STATUS_TIMEOUT 124

struct run_values {
	const char *kernel, *modules, *module, *accel, *work, *each, *log, *append, *agent;
	uint64_t smp, memory, timeout;
	struct cli_list with, environment;
	bool verbose, warn_continues;
};

static const struct cli_option run_options[] = {
	{"kernel", 'k', "NAME",
	 "A stock kernel by name, or the file of a kernel of your own (with a '/' in it).",
	 CLI_TEXT, offsetof(struct run_values, kernel), false, NULL},
	{"modules", 0, "DIR", "The modules of a kernel of your own, at any depth below DIR.",
	 CLI_TEXT, offsetof(struct run_values, modules), false, NULL},
	{"module", 0, "PATH",
	 "Load this module instead of the kernel's of the same name (kvm.ko, kvm-amd.ko), or those "
	 "of a folder. It has to be built for exactly this kernel.",
	 CLI_TEXT, offsetof(struct run_values, module), false, NULL},
	{"accel", 0, "tcg|kvm",
	 "How QEMU runs the guest: tcg emulates and works everywhere; kvm needs nested virtualisation here.",
	 CLI_TEXT, offsetof(struct run_values, accel), false, NULL},
	{"smp", 0, "N", "Number of the guest's CPUs.", CLI_NUMBER, offsetof(struct run_values, smp),
	 false, NULL},
	{"memory", 'm', "SIZE", "The guest's memory; what is copied into it counts.", CLI_SIZE,
	 offsetof(struct run_values, memory), false, NULL},
	{"timeout", 0, "S", "End the program after S seconds (exit status 124); 0 = never.",
	 CLI_NUMBER, offsetof(struct run_values, timeout), false, NULL},
	{"with", 0, "PATH",
	 "Copy this file or folder, too, to the same path; a program with its libraries.  May be given again.",
	 CLI_LIST, offsetof(struct run_values, with), false, NULL},
	{"work", 'w', "DIR",
	 "Copy DIR to /work, where the program runs, and copy back what it changed there.",
	 CLI_TEXT, offsetof(struct run_values, work), false, NULL},
	{"each", 0, "FILE",
	 "Run COMMAND once for each line of FILE, with the words of the line as its last arguments, each time in a guest "
	 "as fresh as the first; a crash ends one of them only.",
	 CLI_TEXT, offsetof(struct run_values, each), false, NULL},
	{"env", 0, "NAME=VALUE",
	 "One more variable of the program's environment.  May be given again.", CLI_LIST,
	 offsetof(struct run_values, environment), false, NULL},
	{"log", 0, "FILE", "Append the serial log of a guest that crashes to FILE.", CLI_TEXT,
	 offsetof(struct run_values, log), false, NULL},
	{"append", 0, "TEXT", "More for the kernel's command line.", CLI_TEXT,
	 offsetof(struct run_values, append), false, NULL},
	{"agent", 0, "FILE", "Use another agent than the one that is built in.", CLI_TEXT,
	 offsetof(struct run_values, agent), false, NULL},
	{"warn-continues", 0, NULL, "Let the guest go on after a warning of its kernel.", CLI_FLAG,
	 offsetof(struct run_values, warn_continues), false, NULL},
	{"verbose", 'v', NULL, "Say what is done and how long it takes.", CLI_FLAG,
	 offsetof(struct run_values, verbose), false, NULL},
	{0},
};

enum { ACCEL_TCG, ACCEL_KVM };
static const char *const accels[] = {[ACCEL_TCG] = "tcg", [ACCEL_KVM] = "kvm", NULL};

static const struct run_values run_defaults = {
	.kernel = "bookworm", .accel = "tcg", .smp = 1, .memory = 512ull << 20, .timeout = 600};

/* --- fetch and list ------------------------------------------------------------------------- */

static int fetch(const void *values, int count, char **names)
{
	struct guest_kernel kernel;
	struct guest_error error;
	int code = CLI_OK;

	for (int i = 0; i < count; i++) {
		if (guest_fetch(names[i], &kernel, &error))
			code = cli_error("%s", error.text);
		else
			printf("%s: Linux %s (%s)\n", kernel.name, kernel.release,
			       guest_arch_name(kernel.arch));
		fflush(stdout);
	}
	return code;
}

static int list(const void *values, int count, char **operands)
{
	struct guest_kernel kernel;

	for (const struct guest_stock *stock = guest_stocks; stock->name; stock++) {
		bool here = !guest_kernel_find(stock->name, &kernel, NULL);

		printf("%-18s%-10s%s\n", stock->name, guest_arch_name(stock->arch),
		       here ? kernel.release : "- (kvmtape guest fetch gets it)");
	}
	return CLI_OK;
}

/* --- run ------------------------------------------------------------------------------------ */

static int output(void *context, int stream, const void *data, size_t size)
{
	int fd = stream == 2 ? STDERR_FILENO : STDOUT_FILENO;

	return file_write_all(fd, data, size) ? -EPIPE : 0;
}

/* A descriptor that becomes readable at a signal to end; the signals do not kill us meanwhile. */
static int interrupts_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The file of --with: a folder, a program with its libraries, or any other file. */
static int with_put(struct guest *guest, const char *path)
{
	struct stat st;
	char *full;
	int rc;

	/* A file that is not a program for this guest is copied as it is, for example firmware. */
	if (!stat(path, &st) && S_ISREG(st.st_mode) && st.st_mode & 0111) {
		rc = guest_put_program(guest, path);
		if (rc != -EXDEV)
			return rc;
	}
	full = realpath(path, NULL);
	if (!full)
		return -errno;
	rc = guest_put(guest, full, path[0] == '/' ? path : full);
	free(full);
	return rc;
}

static int files_put(struct guest *guest, const struct run_values *v, const char *program)
{
	int rc = guest_put_program(guest, program);

	for (unsigned int i = 0; !rc && i < v->with.count; i++)
		rc = with_put(guest, v->with.items[i]);
	if (!rc && v->work)
		rc = guest_put(guest, v->work, "/work");
	return rc;
}

/* The guest is gone, or something in it failed: say so.  Returns the exit status. */
static int failure_say(struct guest *guest, const struct run_values *v, int rc)
{
	switch (rc) {
	case -ENOTCONN:
		cli_error("the guest ended: %s: %s", guest_outcome_name(guest_outcome(guest)),
			  guest_outcome_text(guest));
		return guest_kernel_died(guest_outcome(guest)) ? CLI_DIVERGED : CLI_UNTESTED;
	case -ETIMEDOUT:
		cli_error("the program did not end within %llu s and was killed",
			  (unsigned long long)v->timeout);
		return STATUS_TIMEOUT;
	case -EINTR:
		return 128 + SIGINT;
	case -EPIPE:
		return 128 + SIGPIPE;
	default:
		return cli_error("%s", guest_error(guest));
	}
}

/*
 * Run it to its end and fetch the changes in its work folder, even after a timeout. As
 * guest_exec().
 */
static int program_run(struct guest *guest, const struct run_values *v, char **arguments,
		       struct guest_exit *result)
{
	static const char *const usual[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
		"USER=root", "LANG=C.UTF-8"};
	const size_t usual_count = sizeof(usual) / sizeof(usual[0]);
	const char *environment[sizeof(usual) / sizeof(usual[0]) + CLI_LIST_MAX + 1] = {0};
	struct guest_program program = {
		.arguments = (const char *const *)arguments,
		.environment = environment,
		.folder = "/work",
		.input_fd = v->each || isatty(STDIN_FILENO) ? -1 : STDIN_FILENO,
		.timeout = v->timeout ? (int)(v->timeout * 1000) : -1,
		.output = output,
	};
	int rc;

	memcpy(environment, usual, sizeof(usual));
	memcpy(environment + usual_count, v->environment.items,
	       v->environment.count * sizeof(environment[0]));
	rc = guest_exec(guest, &program, result);
	if (v->work && (!rc || rc == -ETIMEDOUT)) {
		int got = guest_get_changed(guest, "/work", result->started, v->work);

		rc = rc ?: got;
	}
	return rc;
}

/* One program: its exit status is ours. */
static int run_once(struct guest *guest, const struct run_values *v, char **arguments)
{
	struct guest_exit result;
	int rc = program_run(guest, v, arguments, &result);

	if (rc)
		return failure_say(guest, v, rc);
	if (!result.signal)
		return (int)result.status;
	if (result.oom_kills)
		cli_error("the program was ended for want of memory in the guest; see --memory");
	else
		cli_error("the program was ended by signal %u (%s)", result.signal,
			  strsignal((int)result.signal));
	return 128 + (int)result.signal;
}

/*
 * Print how the program of a line ended. True if it succeeded, or -errno if the whole run must end.
 */
static int line_say(struct guest *guest, unsigned int number, int rc,
		    const struct guest_exit *result)
{
	switch (rc) {
	case 0:
		if (result->signal)
			cli_note("line %u: signal %u (%s)%s", number, result->signal,
				 strsignal((int)result->signal),
				 result->oom_kills ? ", out of memory" : "");
		else
			cli_note("line %u: exit %u", number, result->status);
		return !result->signal && !result->status;
	case -ENOTCONN:
		cli_note("line %u: %s: %s", number, guest_outcome_name(guest_outcome(guest)),
			 guest_outcome_text(guest));
		return 0;
	case -ETIMEDOUT:
		cli_note("line %u: out of time", number);
		return 0;
	default:
		return rc;
	}
}

/*
 * Append the words of a line to the command's; NULL at the end. Returns their number, 0 = too many.
 */
static unsigned int words_add(char *line, char **all, unsigned int count, unsigned int most)
{
	char *rest = NULL;

	for (char *word = strtok_r(line, " \t\n", &rest); word;
	     word = strtok_r(NULL, " \t\n", &rest)) {
		if (count + 1 >= most)
			return 0;
		all[count++] = word;
	}
	all[count] = NULL;
	return count;
}

/* One program after the other, each from the snapshot. */
static int run_each(struct guest *guest, const struct run_values *v, FILE *lines, int count,
		    char **arguments)
{
	unsigned int number = 0;
	struct guest_exit result;
	char *all[256], *line = NULL;
	size_t size = 0;
	int code = CLI_OK;
	int rc;

	for (int i = 0; i < count; i++)
		all[i] = arguments[i];
	rc = guest_snapshot(guest);
	while (!rc && getline(&line, &size, lines) >= 0) {
		number++;
		if (line[strspn(line, " \t\n")] == '#' || !line[strspn(line, " \t\n")])
			continue;
		if (!words_add(line, all, count, sizeof(all) / sizeof(all[0]))) {
			code = cli_error("%s: line %u has too many words", v->each, number);
			break;
		}
		rc = guest_restore(guest);
		if (rc)
			break;
		rc = line_say(guest, number, program_run(guest, v, all, &result), &result);
		if (!rc)
			code = CLI_DIVERGED;
		rc = rc < 0 ? rc : 0;
	}
	free(line);
	return rc ? failure_say(guest, v, rc) : code;
}

static int run(const void *values, int count, char **arguments)
{
	const struct run_values *v = values;
	struct guest_config config;
	size_t accel;
	struct guest_kernel kernel;
	struct guest_error error;
	FILE *lines = NULL;
	struct guest *guest;
	char *program = NULL;
	int rc;

	if (cli_word_find("accel", v->accel, accels, &accel) != CLI_OK)
		return CLI_ERROR;
	if (!v->smp || v->smp > 64)
		return cli_usage_error("--smp: a guest has 1 to 64 CPUs");
	if (v->memory < 96ull << 20 || v->memory > 1024ull << 30)
		return cli_usage_error("--memory: a guest has at least 96M, and at most 1024G");
	if (v->timeout > 1000000)
		return cli_usage_error("--timeout: at most 1000000 seconds");
	rc = cli_kernel_find(v->kernel, v->modules, v->module, &kernel);
	if (rc != CLI_OK)
		return rc;
	/* Said now rather than after the start of a guest. */
	for (unsigned int i = 0; i < v->with.count; i++) {
		if (access(v->with.items[i], R_OK))
			return cli_error("--with %s: %s", v->with.items[i], strerror(errno));
	}
	if (v->work && access(v->work, R_OK | W_OK | X_OK))
		return cli_error("--work %s: %s", v->work, strerror(errno));
	lines = v->each ? fopen(v->each, "re") : NULL;
	if (v->each && !lines)
		return cli_error("--each %s: %s", v->each, strerror(errno));
	guest_config_init(&config);
	config.kvm = accel == ACCEL_KVM;
	config.cpus = v->smp;
	config.memory = v->memory >> 20;
	config.warn_continues = v->warn_continues;
	config.append = v->append;
	config.module = v->module;
	config.agent = v->agent;
	config.log = v->log;
	config.interrupt_fd = interrupts_open();
	rc = guest_start(&kernel, &config, &guest, &error);
	if (rc) {
		rc = rc == -EINTR ? 128 + SIGINT : cli_untested("%s", error.text);
		goto out;
	}
	if (v->verbose)
		cli_note("Linux %s on %s is up, KVM API version %d", guest_hello(guest)->release,
			 guest_arch_name(kernel.arch), guest_hello(guest)->kvm_version);
	/* The parser leaves other words behind the operands. */
	arguments[count] = NULL;
	rc = files_put(guest, v, arguments[0]);
	/* The program is in the guest at the path that it has here. */
	if (!rc && strchr(arguments[0], '/') && arguments[0][0] != '/') {
		char *folder = getcwd(NULL, 0);

		if (folder && asprintf(&program, "%s/%s", folder, arguments[0]) > 0)
			arguments[0] = program;
		free(folder);
	}
	if (rc)
		rc = failure_say(guest, v, rc);
	else if (lines)
		rc = run_each(guest, v, lines, count, arguments);
	else
		rc = run_once(guest, v, arguments);
	guest_destroy(guest);
out:
	if (lines)
		fclose(lines);
	free(program);
	return rc;
}

/* For the man page; the options of `guest run` stand in its own --help. */
static const char notes[] =
	"# PARTS\n\n"
	"*kvmtape guest fetch* NAME...\n"
	"\tGets stock kernels of Debian into the cache, with an apt state of its own there.\n\n"
	"*kvmtape guest list*\n"
	"\tShows the names of the stock kernels, their architectures, and the releases that are here.\n\n"
	"*kvmtape guest run* [OPTION...] [--] COMMAND [ARG...]\n"
	"\tStarts a guest, copies COMMAND with its libraries into it, runs it there as root in /work and passes on "
	"standard input, output and exit status.  *kvmtape guest run --help* explains the options.\n\n"
	"# EXIT STATUS\n\n"
	"Of *run*: that of the program; 128 + N if signal N ended it; 124 if it took too long; 1 if the guest's kernel died "
	"(a panic, an oops, a warning, a reset, a hang); 125 if there was no guest to run it in, or QEMU ended otherwise; 2 for usage "
	"and I/O.  With *--each*: 0 if every program exited with 0, else 1.  What the program left in its work folder is "
	"copied back after 124, too.\n\n"
	"# FILES\n\n"
	"_$KVMTAPE_CACHE_/guest/kernels, otherwise _~/.cache/kvmtape_/guest/kernels\n"
	"\tThe kernels.\n\n"
	"# EXAMPLES\n\n"
	"```\n"
	"kvmtape guest fetch bookworm sid\n"
	"kvmtape guest run --kernel sid uname -a\n"
	"kvmtape guest run --work results --log crashes.log --each cases ./try-one\n"
	"```\n";

/* --- the three ------------------------------------------------------------------------------ */

static const struct cli_command parts[] = {
	{
		.name = "guest fetch",
		.summary = "get stock kernels of Debian into the cache",
		.usage = "NAME...",
		.description =
			"Gets kernels by the names that 'kvmtape guest list' shows; arm64, riscv64 and ppc64le are "
			"short names of one of them.  apt works on a state of its own in the cache.",
		.operands_min = 1,
		.operands_max = CLI_ANY,
		.run = fetch,
	},
	{
		.name = "guest list",
		.summary = "show the stock kernels, and which of them are here",
		.usage = "",
		.description = "Shows the stock kernels, and which of them are in the cache.",
		.run = list,
	},
	{
		.name = "guest run",
		.summary = "run a program in a fresh guest",
		.usage = "[--] COMMAND [ARG...]",
		.description =
			"Runs a program of this machine, with its libraries, in a fresh guest with a KVM of its own, as "
			"root, in the folder /work.  Output and exit status are passed on; 124 = it took too "
			"long, 1 = the guest's kernel died, which is said with the first line of the panic, 125 = there was no guest.",
		.options = run_options,
		.values_size = sizeof(struct run_values),
		.defaults = &run_defaults,
		.operands_min = 1,
		.operands_max = CLI_ANY,
		.stop_at_operand = true,
		.run = run,
	},
};

static int part_unknown(const char *word)
{
	char hint[NEAR_TEXT];
	struct near near;

	near_begin(&near, word, strlen(word), "");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		near_offer(&near, parts[i].name + strlen("guest "));
	return cli_usage_error("'%s' is none of fetch, list and run%s", word,
			       near_text(&near, "", hint, sizeof(hint)));
}

static int guest_main(const void *values, int count, char **operands)
{
	const struct cli_command *part = NULL;
	char **rest;
	void *own;
	int code;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!strcmp(parts[i].name + strlen("guest "), operands[0]))
			part = &parts[i];
	}
	if (!part)
		return part_unknown(operands[0]);
	own = calloc(1, part->values_size ? part->values_size : 1);
	if (!own)
		return cli_error("out of memory");
	code = cli_parse(part, count, operands, own, &count, &rest);
	if (code < 0)
		code = part->run(own, count, rest);
	free(own);
	return code;
}

const struct cli_command cli_guest = {
	.name = "guest",
	.summary = "run programs in a disposable guest with a KVM of its own",
	.usage = "fetch NAME...\nlist\nrun [OPTION...] [--] COMMAND [ARG...]",
	.notes = notes,
	.description =
		"A guest is a virtual machine under QEMU's emulation, with a stock kernel that has a KVM of its own: a live "
		"/dev/kvm on any machine, and a crash costs nothing.  'kvmtape guest run --help' explains its options.",
	.operands_min = 1,
	.operands_max = CLI_ANY,
	.stop_at_operand = true,
	.own_signals = true,
	.run = guest_main,
};
