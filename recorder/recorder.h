/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recorder: records the calls of VMMs to KVM on this machine onto a tape.
 *
 *	recorder_open()		checks what is needed, loads and attaches the eBPF program, proves
 *				that it works
 *	recorder_run()		moves records onto a tape until the end of what is recorded, or a
 *				signal
 *	recorder_close()	detaches and frees
 *
 * One recorder per process; not thread-safe. Errors are negative errno values, with one line for a
 * person in recorder_message().
 */
#ifndef RECORDER_H
#define RECORDER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kvmtape/tape.h"

enum recorder_follow {
	RECORDER_COMMAND, /* .argv is started, it and its children are recorded */
	RECORDER_PID,	  /* a running process and its future children */
	RECORDER_ALL,	  /* every process of the machine */
};

/* Dispositions and mask of signals, as a program passes them on. */
#define RECORDER_SIGNALS 65 /* one more than the highest of Linux */
struct recorder_signals {
	bool ignored[RECORDER_SIGNALS];
	sigset_t mask;
};
/* Of this process now: before it begins to catch signals itself. */
void recorder_signals_save(struct recorder_signals *s);

struct recorder_options {
	enum recorder_follow follow;
	char *const *argv;     /* RECORDER_COMMAND: NULL-terminated, argv[0] is looked up in PATH */
	pid_t pid;	       /* RECORDER_PID */
	const char *backend;   /* name of a way to attach, NULL or "auto" = the first that works */
	const char *kvm_path;  /* NULL = "/dev/kvm" */
	const char *btf_path;  /* NULL = "/sys/kernel/btf/vmlinux" */
	size_t ring_bytes;     /* power of two, 0 = 16 MiB */
	unsigned int flush_ms; /* what is older is in the file, 0 = 250 */
	unsigned int clock_shift; /* times on the tape in units of 2^clock_shift ns */
	/* Bytes of one part that are captured, 0 = 65528, which is the most. */
	uint32_t max_payload;
	bool no_payload; /* none at all */
	bool dirty_ring; /* capture what the dirty rings hold when they are reset */
	bool raw;	 /* keep bytes of arguments that the kernel neither reads nor writes */
	unsigned int max_threads;	 /* threads that may be inside calls, 0 = 4096 */
	const char *tool_version;	 /* for the environment of the tape */
	const char *command_line;	 /* the same; NULL = made of argv */
	bool as_root;			 /* COMMAND keeps our user, even under sudo */
	struct recorder_signals signals; /* what COMMAND gets: recorder_signals_save() */
	/* Called with progress, one line at a time; NULL = none. */
	void (*say)(const char *line);
};

/* Counts of calls: seen = written + the sum of lost. */
struct recorder_stats {
	uint64_t seen;
	uint64_t written;
	uint64_t lost[TAPE_GAP_CAUSES];
	uint64_t unreturned;	 /* calls on the tape without a return */
	uint64_t payloads_lost;	 /* returns without payload, since the ring was full */
	uint64_t notices_lost;	 /* closes, exits and execs lost, since the ring was full */
	uint64_t signals_lost;	 /* not on the tape, since the ring was full */
	uint64_t processes_lost; /* children that could not be followed, for want of room */
	uint64_t late;		 /* parts read at the return */
	uint64_t faults;	 /* parts that could not be read to their end */
	uint64_t clipped;	 /* parts longer than the limit */
	uint64_t objects;
	uint64_t threads;
	uint64_t bytes;	 /* of the tape */
	int write_error; /* what stopped the writing, 0 = nothing did */
};

/*
 * Set by a signal handler. .signals counts requests to finish; .forward is a signal for COMMAND, 0
 * = none (a terminal sends it to COMMAND itself).
 */
struct recorder_stop {
	volatile sig_atomic_t signals;
	volatile sig_atomic_t forward;
};

struct recorder;

/*
 * Make a recorder: attached, tested by a call of our own, and not recording yet. *recorder is set
 * except after -ENOMEM, for recorder_message(); call recorder_close().
 *
 *	-ENODEV		there is no /dev/kvm
 *	-EACCES		it cannot be opened
 *	-EPERM		no privilege for eBPF
 *	-ENOTSUP	no BTF, or no way to attach works
 *	-ESRCH		no such process
 *	-EINVAL		an option
 *	-ENOENT, -EACCES of COMMAND: recorder_command_missing() says so
 */
int recorder_open(const struct recorder_options *options, struct recorder **recorder);

/* Did sudo run us for another user, and for which? */
bool recorder_invoking_user(uid_t *uid, gid_t *gid);

/*
 * If COMMAND could not be started, a shell's exit status (127 not found, 126 not executable), else
 * 0.
 */
int recorder_command_missing(const struct recorder *r);

/*
 * Record onto a tape that begins at the current position of `fd`, until COMMAND or PID and their
 * children have ended, or stop->signals is set. The tape is finished in any case.
 *
 * An error of writing does not end it: COMMAND runs on, *warn is called with one line at once, and
 * the error comes at the end. Returns 0 or an error.
 */
int recorder_run(struct recorder *r, int fd, const struct recorder_stop *stop,
		 void (*warn)(const char *line));

/* Exit status of COMMAND as in a shell (128 + signal); 0 without COMMAND, -1 if it still runs. */
int recorder_exit_status(const struct recorder *r);
void recorder_get_stats(const struct recorder *r, struct recorder_stats *stats);
/* Name of the back end in use: "fentry" or "tracepoint". */
const char *recorder_backend_name(const struct recorder *r);
/* Why a better back end is not used: one line without a newline. "" = the best one is used. */
const char *recorder_note(const struct recorder *r);
/* The last error and what to do: one line without a newline. "" = no error. */
const char *recorder_message(const struct recorder *r);
/* Ends COMMAND if it was never released. NULL is allowed. */
void recorder_close(struct recorder *r);

#endif
