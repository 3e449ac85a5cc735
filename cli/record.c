/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape record: run or attach to a VMM, and record its calls to KVM onto a tape. */
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
	bool as_root;
	bool quiet;
	const char *backend;
	uint64_t ring;
	uint64_t flush;
	uint64_t clock_shift;
	uint64_t max_payload;
	bool dirty_ring;
	bool raw;
	uint64_t max_threads;
	const char *kvm_path;
	const char *btf_path;
};

#define OFFSET(member) offsetof(struct record_values, member)
static const struct cli_option options[] = {
	{.name = "output",
	 .letter = 'o',
	 .argument = "FILE",
	 .help = "Write the tape to FILE; - is standard output, and then COMMAND's goes to standard error.",
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
	 .help = "Replace FILE, once the new tape is whole.",
	 .type = CLI_FLAG,
	 .offset = OFFSET(force)},
	{.name = "as-root",
	 .help = "Under sudo: run COMMAND as root, not as the user who called sudo.",
	 .type = CLI_FLAG,
	 .offset = OFFSET(as_root)},
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
	{.name = "dirty-ring",
	 .help = "Capture what the dirty rings of the vCPUs hold at each KVM_RESET_DIRTY_RINGS: the pages, in the order "
		 "in which they were written, and which of them are harvested.",
	 .type = CLI_FLAG,
	 .offset = OFFSET(dirty_ring)},
	{.name = "raw",
	 .help = "Keep bytes of arguments that KVM neither reads nor writes: padding, unused members of "
		 "unions. They are of the memory of the program, and may be addresses of its stack.",
	 .type = CLI_FLAG,
	 .offset = OFFSET(raw)},
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

#define MAX_PAYLOAD 65528

static const struct record_values defaults = {.clock_shift = 6, .max_payload = MAX_PAYLOAD};

static struct recorder_stop stop;
static volatile sig_atomic_t stop_signal;
static bool quiet;
static bool background; /* the terminal's SIGINT is ignored */

static void on_signal(int number, siginfo_t *info, void *context)
{
	if (background && number == SIGINT && info->si_code == SI_KERNEL)
		return;
	/* The terminal sends signals to COMMAND as well; do not send them twice. */
	stop.forward = info->si_code == SI_KERNEL ? 0 : number;
	stop_signal = number;
	stop.signals++;
}

static void catch_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction old;

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		/*
		 * As under nohup, ignored signals stay ignored. But shells start background
		 * commands with SIGINT ignored, only because of the terminal's.
		 */
		if (!sigaction(numbers[i], NULL, &old) && old.sa_handler == SIG_IGN) {
			if (numbers[i] != SIGINT)
				continue;
			background = true;
		}
		sigaction(numbers[i], &action, NULL);
	}
	/* A full disk or a closed standard error must not end the recording. */
	sigaction(SIGXFSZ, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

static void warn(const char *line)
{
	cli_note("%s", line);
}

static void say(const char *line)
{
	if (!quiet)
		cli_note("%s", line);
}

static void summary(const char *path, const struct recorder_stats *s)
{
	uint64_t lost = 0;

	for (int cause = 0; cause < TAPE_GAP_CAUSES; cause++)
		lost += s->lost[cause];
	if (!s->seen)
		cli_note("no call to KVM was made: %s holds no event", path);
	else if (!quiet || lost)
		cli_note("%s: %" PRIu64 " calls, %" PRIu64 " returns, %" PRIu64
			 " unreturned, %" PRIu64 " objects, %" PRIu64 " threads, %" PRIu64
			 " bytes, %" PRIu64 " lost",
			 path, s->written, s->written - s->unreturned, s->unreturned, s->objects,
			 s->threads, s->bytes, lost);
	for (int cause = 0; cause < TAPE_GAP_CAUSES; cause++)
		if (s->lost[cause])
			cli_note("lost: %" PRIu64 " (%s)", s->lost[cause],
				 tape_gap_cause_name((enum tape_gap_cause)cause));
	if (s->signals_lost)
		cli_note("%" PRIu64
			 " signals of threads that run vCPUs are not on the tape, since the "
			 "ring was full",
			 s->signals_lost);
	if (s->payloads_lost)
		cli_note("%" PRIu64 " returns are without their payload, since the ring was full",
			 s->payloads_lost);
	if (s->notices_lost)
		cli_note("%" PRIu64
			 " closings and ends of threads were lost, since the ring was full: "
			 "what was seen again after them is on the tape as new",
			 s->notices_lost);
	if (s->processes_lost)
		cli_note("%" PRIu64
			 " child processes were not followed: there were too many at once",
			 s->processes_lost);
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
	    v->ring > (uint64_t)1 << 30 || v->max_payload > MAX_PAYLOAD)
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
		.no_payload = !v->max_payload,
		.as_root = v->as_root,
		.say = say,
		.dirty_ring = v->dirty_ring,
		.raw = v->raw,
		.max_threads = (unsigned int)v->max_threads,
		.tool_version = KVMTAPE_VERSION,
	};
	struct recorder *recorder = NULL;
	enum cli_output_fate fate = CLI_OUTPUT_DROPPED;
	struct cli_output output = {.fd = -1};
	struct recorder_stats stats;
	uid_t uid;
	gid_t gid;
	int code;
	int err;

	code = check_values(v, count);
	if (code)
		return code;
	quiet = v->quiet;
	o.follow = v->all ? RECORDER_ALL : v->pid ? RECORDER_PID : RECORDER_COMMAND;
	o.pid = (pid_t)v->pid;
	/*
	 * The parser has moved the operands to the front; what follows does not belong to COMMAND.
	 */
	operands[count] = NULL;
	o.argv = operands;
	recorder_signals_save(&o.signals);
	catch_signals();

	/*
	 * Errors must not leave a file behind, so the file is opened after the program is loaded.
	 */
	if (!v->force && cli_is_regular(v->output))
		return cli_error("%s: exists; --force replaces it", v->output);
	err = recorder_open(&o, &recorder);
	if (err) {
		code = cli_error("%s", recorder ? recorder_message(recorder) : strerror(-err));
		if (recorder && recorder_command_missing(recorder))
			code = recorder_command_missing(recorder);
		goto out;
	}
	if (!stop.signals)
		code = cli_output_open(&output, v->output, v->force, NULL, &stop.signals);
	if (stop.signals) {
		cli_note("ended by signal %d before the recording began", (int)stop_signal);
		code = 128 + (int)stop_signal;
		goto out;
	}
	if (code != CLI_OK)
		goto out;
	if ((output.made || output.beside) && !v->as_root && recorder_invoking_user(&uid, &gid) &&
	    fchown(output.fd, uid, gid))
		cli_note("%s stays root's: %s", v->output, strerror(errno));
	if (cli_output_is_fifo(&output))
		fcntl(output.fd, F_SETFL, fcntl(output.fd, F_GETFL) | O_NONBLOCK);
	if (recorder_note(recorder)[0])
		say(recorder_note(recorder));
	err = recorder_run(recorder, output.fd, &stop, warn);
	if (recorder_command_missing(recorder)) {
		code = recorder_command_missing(recorder);
		cli_error("%s", recorder_message(recorder));
		goto out;
	}
	recorder_get_stats(recorder, &stats);
	if (!err)
		fate = CLI_OUTPUT_DONE;
	else if (stats.write_error)
		fate = CLI_OUTPUT_PARTIAL;
	if (stats.write_error) {
		/* It was reported when it happened. */
		code = CLI_ERROR;
		goto out;
	}
	if (err) {
		code = cli_error("%s", recorder_message(recorder)[0] ? recorder_message(recorder)
								     : strerror(-err));
		goto out;
	}
	summary(v->output, &stats);
	code = recorder_exit_status(recorder);
	if (code < 0) {
		cli_note("%s runs on unrecorded", operands[0]);
		code = 128 + (int)stop_signal;
	}
out:
	if (cli_output_close(&output, fate))
		code = CLI_ERROR;
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
		"COMMAND has standard input and output for itself; messages go to standard error. It gets "
		"signals ignored and blocked as kvmtape was given them; under sudo it runs as the user who "
		"called sudo, whose the tape is, too. SIGINT and SIGTERM are passed on to COMMAND and finish "
		"the tape, at the latest after three seconds or at the second signal. What COMMAND leaves "
		"running in the background is recorded until it ends as well, or until a signal.\n\n"
		"Tapes hold guest state and the command line: a new one is for its owner alone (mode 0600). "
		"With --force the old FILE stays until the new one is whole.\n\n"
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
