/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape record: run or attach to a VMM, and put what it says to KVM onto a tape. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "recorder/recorder.h"

struct record_values {
	const char *output;
	uint64_t pid;
	bool all;
	bool force;
	bool quiet;
	const char *backend;
	uint64_t ring;
	uint64_t flush;
	uint64_t clock_shift;
	uint64_t max_payload;
	uint64_t max_threads;
	const char *kvm_path;
	const char *btf_path;
};

#define OFFSET(member) offsetof(struct record_values, member)
static const struct cli_option options[] = {
	{.name = "output",
	 .letter = 'o',
	 .argument = "FILE",
	 .help = "Write the tape to FILE.",
	 .type = CLI_TEXT,
	 .offset = OFFSET(output)},
	{.name = "pid",
	 .letter = 'p',
	 .argument = "PID",
	 .help = "Attach to the process PID, until it ends.",
	 .type = CLI_NUMBER,
	 .offset = OFFSET(pid)},
	{.name = "all",
	 .letter = 'a',
	 .help = "Record every process of the machine, until a signal.",
	 .type = CLI_FLAG,
	 .offset = OFFSET(all)},
	{.name = "force",
	 .letter = 'f',
	 .help = "Overwrite FILE.",
	 .type = CLI_FLAG,
	 .offset = OFFSET(force)},
	{.name = "quiet",
	 .letter = 'q',
	 .help = "Say nothing at the end unless something was lost.",
	 .type = CLI_FLAG,
	 .offset = OFFSET(quiet)},
	{.name = "backend",
	 .argument = "NAME",
	 .help = "How to attach: fentry, tracepoint, or auto, which is the first that works (auto).",
	 .type = CLI_TEXT,
	 .offset = OFFSET(backend)},
	{.name = "ring",
	 .argument = "SIZE",
	 .help = "Buffer between kernel and recorder, a power of two (16M).",
	 .type = CLI_SIZE,
	 .offset = OFFSET(ring)},
	{.name = "flush",
	 .argument = "MS",
	 .help = "What is older is in FILE, in milliseconds (250).",
	 .type = CLI_NUMBER,
	 .offset = OFFSET(flush)},
	{.name = "clock-shift",
	 .argument = "N",
	 .help = "Store times in units of 2^N nanoseconds (6: 64 ns).",
	 .type = CLI_NUMBER,
	 .offset = OFFSET(clock_shift)},
	{.name = "max-payload",
	 .argument = "SIZE",
	 .help = "Capture at most SIZE bytes of one buffer (65528, which is the most).",
	 .type = CLI_SIZE,
	 .offset = OFFSET(max_payload)},
	{.name = "max-threads",
	 .argument = "N",
	 .help = "Threads that may make calls (4096).",
	 .type = CLI_NUMBER,
	 .offset = OFFSET(max_threads)},
	{.name = "kvm",
	 .argument = "PATH",
	 .help = "The device of KVM (/dev/kvm).",
	 .type = CLI_TEXT,
	 .offset = OFFSET(kvm_path)},
	{.name = "btf",
	 .argument = "PATH",
	 .help = "Where the kernel describes its types (/sys/kernel/btf/vmlinux).",
	 .type = CLI_TEXT,
	 .offset = OFFSET(btf_path)},
	{0},
};

static const struct record_values defaults = {.clock_shift = 6};

static struct recorder_stop stop;
static volatile sig_atomic_t stop_signal;

static void on_signal(int number, siginfo_t *info, void *context)
{
	/* What the terminal sends goes to COMMAND as well, and it should not get it twice. */
	stop.forward = info->si_code == SI_KERNEL ? 0 : number;
	stop_signal = number;
	stop.signals++;
}

static void catch_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction old;

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		/* As under nohup: what was ignored before stays so. */
		if (!sigaction(numbers[i], NULL, &old) && old.sa_handler == SIG_IGN)
			continue;
		sigaction(numbers[i], &action, NULL);
	}
	/* A full disk, or a reader of our messages that went away, must not end the recording. */
	sigaction(SIGXFSZ, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

static void warn(const char *line)
{
	cli_note("%s", line);
}

static void summary(const char *path, const struct recorder_stats *s, bool quiet)
{
	uint64_t lost = 0;

	for (int cause = 0; cause < TAPE_GAP_CAUSES; cause++)
		lost += s->lost[cause];
	if (!s->seen)
		cli_note("no call to KVM was made: %s holds no event", path);
	else if (!quiet || lost)
		cli_note("%s: %" PRIu64 " events, %" PRIu64 " objects, %" PRIu64
			 " threads, %" PRIu64 " bytes, %" PRIu64 " lost",
			 path, s->written, s->objects, s->threads, s->bytes, lost);
	for (int cause = 0; cause < TAPE_GAP_CAUSES; cause++)
		if (s->lost[cause])
			cli_note("lost: %" PRIu64 " (%s)", s->lost[cause],
				 tape_gap_cause_name((enum tape_gap_cause)cause));
	if (s->payloads_lost)
		cli_note("%" PRIu64 " returns are without their payload, since the ring was full",
			 s->payloads_lost);
	if (s->clipped && !quiet)
		cli_note("%" PRIu64 " buffers were longer than --max-payload", s->clipped);
}

/* 0, or the exit code. */
static int check_values(const struct record_values *v, int count)
{
	int targets = (count > 0) + (v->pid > 0) + v->all;

	if (!v->output)
		return cli_usage_error("which tape? Give -o FILE");
	if (targets > 1)
		return cli_usage_error("give one of COMMAND, --pid and --all");
	if (!targets)
		return cli_usage_error("what shall be recorded? Give COMMAND, --pid or --all");
	if (v->pid > INT32_MAX)
		return cli_usage_error("there is no process %" PRIu64, v->pid);
	if (v->flush > 60000 || v->clock_shift > 20 || v->max_threads > 1 << 20 ||
	    v->ring > (uint64_t)1 << 30 || v->max_payload > 65528)
		return cli_usage_error(
			"--flush, --clock-shift, --max-threads, --ring or --max-payload is "
			"too large");
	return 0;
}

static int run(const void *values, int count, char **operands)
{
	const struct record_values *v = values;
	struct recorder_options o = {
		.backend = v->backend,
		.kvm_path = v->kvm_path,
		.btf_path = v->btf_path,
		.ring_bytes = v->ring,
		.flush_ms = (unsigned int)v->flush,
		.clock_shift = (unsigned int)v->clock_shift,
		.max_payload = (uint32_t)v->max_payload,
		.max_threads = (unsigned int)v->max_threads,
		.tool_version = KVMTAPE_VERSION,
	};
	struct recorder *recorder = NULL;
	struct recorder_stats stats;
	int code;
	int fd;
	int err;

	code = check_values(v, count);
	if (code)
		return code;
	o.follow = v->all ? RECORDER_ALL : v->pid ? RECORDER_PID : RECORDER_COMMAND;
	o.pid = (pid_t)v->pid;
	/* The parser has moved the operands to the front: what stands behind them is not COMMAND's.
	 */
	operands[count] = NULL;
	o.argv = operands;

	/* What cannot work must not leave a file behind, so the file comes after the program. */
	if (!v->force && !access(v->output, F_OK))
		return cli_error("%s exists: give another name, or --force", v->output);
	err = recorder_open(&o, &recorder);
	if (err) {
		code = cli_error("%s", recorder ? recorder_message(recorder) : strerror(-err));
		if (recorder && recorder_command_missing(recorder))
			code = recorder_command_missing(recorder);
		goto out;
	}
	fd = open(v->output, O_RDWR | O_CREAT | O_CLOEXEC | (v->force ? O_TRUNC : O_EXCL), 0644);
	if (fd < 0) {
		code = errno == EEXIST
			       ? cli_error("%s exists: give another name, or --force", v->output)
			       : cli_error("cannot write %s: %s", v->output, strerror(errno));
		goto out;
	}
	if (recorder_note(recorder)[0] && !v->quiet)
		cli_note("%s", recorder_note(recorder));
	catch_signals();
	err = recorder_run(recorder, fd, &stop, warn);
	if (close(fd) && !err)
		err = -errno;
	if (recorder_command_missing(recorder)) {
		unlink(v->output);
		code = recorder_command_missing(recorder);
		cli_error("%s", recorder_message(recorder));
		goto out;
	}
	recorder_get_stats(recorder, &stats);
	if (stats.write_error) {
		/* It was said when it happened. */
		code = CLI_ERROR;
		goto out;
	}
	if (err) {
		code = cli_error("%s", recorder_message(recorder)[0] ? recorder_message(recorder)
								     : strerror(-err));
		goto out;
	}
	summary(v->output, &stats, v->quiet);
	code = recorder_exit_status(recorder);
	if (code < 0) {
		cli_note("%s runs on unrecorded", operands[0]);
		code = 128 + (int)stop_signal;
	}
out:
	recorder_close(recorder);
	return code;
}

const struct cli_command cli_record = {
	.name = "record",
	.summary = "record a VMM's session onto a tape",
	.usage = "-o FILE [--] COMMAND [ARG...]\n-o FILE --pid PID\n-o FILE --all",
	.description =
		"Records every call to KVM with its data onto a tape: of COMMAND and its children, of a "
		"process that runs already, or of the whole machine.\n\n"
		"COMMAND has standard input and output for itself; messages go to standard error. "
		"SIGINT and SIGTERM are passed on to COMMAND and finish the tape, at the latest after "
		"three seconds or at the second signal.\n\n"
		"The exit status is that of COMMAND (128 + N if signal N ended it, 127 if it is not found, "
		"126 if it cannot be run), and 2 if the recording failed. What is lost on the way is counted "
		"by cause, said at the end, and marked on the tape where it is missing.",
	.options = options,
	.values_size = sizeof(struct record_values),
	.defaults = &defaults,
	.operands_max = CLI_ANY,
	.stop_at_operand = true,
	.own_signals = true,
	.run = run,
};
