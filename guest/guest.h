/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guest: a disposable virtual machine with a KVM of its own.
 *
 * A stock kernel runs under QEMU's emulation with AMD SVM (or arm64 EL2, the riscv64 H extension,
 * ppc64le nested HV), so that a live /dev/kvm is at hand on any machine, and never the user's own.
 * In it an agent (/init) serves the frames of guest/protocol.h. What a guest does is one of enum
 * guest_outcome: a crash is a result, not an error.
 *
 *	struct guest_error error;
 *	struct guest_kernel kernel;
 *	struct guest_config config;
 *	struct guest *guest;
 *
 *	guest_kernel_find("bookworm", &kernel, &error);
 *	guest_config_init(&config);
 *	guest_start(&kernel, &config, &guest, &error);
 *	guest_snapshot(guest);
 *	rc = guest_exec(guest, &program, &result);
 *	if (rc == -ENOTCONN) {            the guest is gone: guest_outcome() says how
 *		...
 *		guest_restore(guest);     and here is a fresh one, 0.1 s later
 *	}
 *	guest_destroy(guest);
 *
 * Functions return 0 or -errno; for every error but -ENOTCONN, -ETIMEDOUT and -EINTR guest_error()
 * has a line for a person. A guest belongs to one thread at a time, and that thread must not end
 * before it: QEMU is killed with the thread that started it, so that it does not stay behind.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/protocol.h"

struct guest_error {
	char text[480]; /* a line without a full stop and a newline */
};

enum guest_arch {
	GUEST_X86_64,
	GUEST_ARM64,
	GUEST_RISCV64,
	GUEST_PPC64LE,
	GUEST_ARCH_COUNT,
};

/* As in kernel names of ours: "x86-64", "arm64", "riscv64", "ppc64le". */
const char *guest_arch_name(enum guest_arch arch);
/* The architecture that this program runs on; GUEST_ARCH_COUNT = none of them. */
enum guest_arch guest_arch_host(void);

/* --- kernels -------------------------------------------------------------------------------- */

#define GUEST_PATH_MAX 1024

struct guest_kernel {
	char name[32];
	char release[96]; /* uname -r; "" = not known before it runs */
	char vmlinuz[GUEST_PATH_MAX];
	char modules[GUEST_PATH_MAX]; /* folder with *.ko (or compressed), any depth; "" = none */
	enum guest_arch arch;
};

/* A stock kernel that `guest fetch` knows. */
struct guest_stock {
	const char *name;  /* "bookworm", "trixie-arm64" */
	const char *suite; /* of Debian */
	const char *deb_arch;
	const char *package;
	enum guest_arch arch;
};

/* All of them; ends with a NULL name. "arm64", "riscv64", "ppc64le" are aliases. */
extern const struct guest_stock guest_stocks[];
const struct guest_stock *guest_stock_find(const char *name);

/*
 * The folder of the cache in which kernels are kept: $KVMTAPE_CACHE, $XDG_CACHE_HOME/kvmtape or
 * ~/.cache/kvmtape, and
 * "/guest".
 */
int guest_cache_path(char *path, size_t size);
/*
 * Get a stock kernel into the cache, with an apt state of its own. Needs the network and some
 * seconds.
 */
int guest_fetch(const char *name, struct guest_kernel *kernel, struct guest_error *error);
/* A kernel from the cache.  -ENOENT: not there (the line says how to get it), or no such name. */
int guest_kernel_find(const char *name, struct guest_kernel *kernel, struct guest_error *error);
/* A kernel of one's own; modules may be NULL.  The architecture is read from the image's header. */
int guest_kernel_own(const char *vmlinuz, const char *modules, struct guest_kernel *kernel,
		     struct guest_error *error);

/* --- a running guest ------------------------------------------------------------------------ */

struct guest_config {
	bool kvm;	   /* QEMU's -accel kvm instead of emulation: the host's own KVM, nested */
	unsigned int cpus; /* default 1 */
	unsigned int memory;	 /* MiB, default 512; programs and files live in it */
	unsigned int start_time; /* seconds until the agent must have said hello, default 120 */
	unsigned int hang_time;	 /* seconds without a sign of life that make a hang, default 10 */
	bool warn_continues;	 /* a WARN of the kernel does not end the guest */
	const char *agent;	 /* file of another agent than the one that is built in; NULL */
	const char *append;	 /* more for the kernel's command line; NULL */
	/*
	 * Modules of one's own that take the place of the kernel's modules of the same names: a
	 * file like "kvm.ko", or a folder with several, at any depth; NULL.
	 */
	const char *module;
	/*
	 * Argument of QEMU's -plugin, NULL = none, and the descriptors that it names (as
	 * /proc/self/fd/N), which QEMU inherits; the first negative one ends the list.  Whoever
	 * made them keeps them open as long as there is the guest, or a clone of it.
	 */
	const char *plugin;
	int plugin_fds[4];
	const char *log;  /* keep the serial log of a guest that crashed in this file; NULL */
	int interrupt_fd; /* waiting ends with -EINTR as soon as this can be read; -1 = none */
};

void guest_config_init(struct guest_config *config);

/* How a guest is, or how it ended. */
enum guest_outcome {
	GUEST_RUNNING,
	GUEST_STOPPED,	   /* by guest_stop() or guest_destroy() */
	GUEST_POWERED_OFF, /* by something that ran inside */
	GUEST_RESET,	   /* rebooted, or a triple fault: no word of a panic in the log */
	GUEST_PANIC,
	GUEST_OOPS,   /* BUG, Oops, general protection fault ... */
	GUEST_WARN,   /* a WARN, made a panic */
	GUEST_OOM,    /* the kernel had no memory left and could kill nothing more */
	GUEST_HANG,   /* no answer from the agent, or the kernel's own lock-up detectors said so */
	GUEST_KILLED, /* QEMU was ended by a signal from outside */
	GUEST_QEMU_FAILED, /* QEMU crashed or refused: no fault of the guest */
};

/*
 * Did the kernel end by itself, because of what was run or a bug of its own, not of QEMU or its
 * user?
 */
bool guest_kernel_died(enum guest_outcome outcome);
/* "panic", "oops", "hang" ... */
const char *guest_outcome_name(enum guest_outcome outcome);
/*
 * The outcome according to the text on the serial console: GUEST_PANIC, GUEST_OOPS, GUEST_WARN,
 * GUEST_OOM, GUEST_HANG, or GUEST_RUNNING for none. If line is given it becomes the first line that
 * says so, without its time stamp.
 */
enum guest_outcome guest_outcome_read(const char *text, char *line, size_t line_size);

struct guest;

/*
 * Start a guest and wait for its agent.  On error *guest is NULL.  -ENOENT: no QEMU, or no agent
 * for the architecture in this build; -EPROTO: agent of another version; -ENODEV: the kernel has no
 * KVM; -ENOMEM: the guest's memory does not fit.
 */
int guest_start(const struct guest_kernel *kernel, const struct guest_config *config,
		struct guest **guest, struct guest_error *error);
/* End it, if it runs, and release everything.  NULL is allowed. */
void guest_destroy(struct guest *guest);
/* End it; guest_restore() brings it back if there is a snapshot. */
void guest_stop(struct guest *guest);

/*
 * Keep the state of the running guest, mapped: guest_restore() and a crash come back to here. Takes
 * the place of an earlier snapshot.  A program that was started with guest_exec_begin() and waits
 * for input is in the snapshot, too; no other program may run.  The guest goes on, from the
 * snapshot.
 */
int guest_snapshot(struct guest *guest);
/* A fresh guest from the snapshot; ends the old one. -ENOENT: there is no snapshot. */
int guest_restore(struct guest *guest);

/*
 * One more guest from the same snapshot, which runs beside the first and does not depend on it; it
 * uses memory only for pages that it writes. -ENOENT: there is no snapshot. The error, if any, is
 * told by guest_error(from).
 */
int guest_clone(struct guest *from, struct guest **guest);

enum guest_outcome guest_outcome(const struct guest *guest);
/*
 * A line about the end: first line of the panic, QEMU's last message, the signal. "" while it runs.
 */
const char *guest_outcome_text(const struct guest *guest);
/* The line about the last error. */
const char *guest_error(const struct guest *guest);
const struct guest_hello *guest_hello(const struct guest *guest);
/* Process id of QEMU; 0 = none runs. */
int guest_pid(const struct guest *guest);
/*
 * All that came over the serial line since the start or the last restore; allocated, NUL at the
 * end; NULL.
 */
char *guest_log(const struct guest *guest);

/* --- the agent ------------------------------------------------------------------------------ */

/* A frame that came; body is valid until the next call for this guest. */
struct guest_message_in {
	uint32_t type; /* enum guest_message */
	uint32_t sequence;
	uint32_t size;
	const void *body;
};

/*
 * Frames as they are, for what the functions below do not do.  timeout in milliseconds, -1 = for
 * ever.  -ENOTCONN: the guest has ended; -ETIMEDOUT; -EINTR: interrupt_fd.
 */
int guest_send(struct guest *guest, uint32_t type, uint32_t *sequence, const void *body,
	       size_t size);
int guest_receive(struct guest *guest, int timeout, struct guest_message_in *message);
/* One question and its answer.  An answer GUEST_MSG_DONE becomes the return value. */
int guest_exchange(struct guest *guest, uint32_t type, const void *body, size_t size, int timeout,
		   struct guest_message_in *answer);
/* Ask for a sign of life; GUEST_HANG and -ENOTCONN if none comes in time. */
int guest_ping(struct guest *guest, int timeout);

/* Copy a host file to path in the guest, with its mode; a folder with all that is in it. */
int guest_put(struct guest *guest, const char *from, const char *path);
int guest_put_data(struct guest *guest, const char *path, unsigned int mode, const void *data,
		   size_t size);
int guest_get(struct guest *guest, const char *path, const char *to);
/*
 * Copy a program and the libraries it needs, to the same paths.  -EXDEV: it is for another
 * architecture.  A script's interpreter is copied, too.
 */
int guest_put_program(struct guest *guest, const char *program);
/*
 * Copy regular files below the guest's folder that changed at or after `since` (struct
 * guest_exit.started).
 */
int guest_get_changed(struct guest *guest, const char *folder, uint64_t since, const char *to);

struct guest_program {
	const char *const *arguments;	/* ends with NULL; [0] is looked for along PATH */
	const char *const *environment; /* ends with NULL; NULL = a small usual one */
	const char *folder;		/* working directory; NULL = "/" */
	int input_fd;			/* standard input; -1 = none */
	int timeout;			/* milliseconds, -1 = for ever */
	/*
	 * Output as it comes; stream is 1 or 2. Not 0 stops listening, with that value. NULL =
	 * dropped.
	 */
	int (*output)(void *context, int stream, const void *data, size_t size);
	void *context;
};

/*
 * Run a program to its end.  -ENOTCONN: the guest ended meanwhile, guest_outcome() says how;
 * -ETIMEDOUT: the program took too long and was killed, the guest is well (a guest that does not
 * answer any more is GUEST_HANG and -ENOTCONN).  Any other error of starting it as execve(2) gives
 * it, -EBUSY included.
 */
int guest_exec(struct guest *guest, const struct guest_program *program, struct guest_exit *result);
/*
 * Start a program and do not wait for it: GUEST_MSG_INPUT (if input_fd is not negative, whatever it
 * is) feeds it; what it says, and its end, come as frames of this sequence number
 * (guest_receive()), GUEST_MSG_DONE if it could not be started. timeout, output and context are not
 * used.
 */
int guest_exec_begin(struct guest *guest, const struct guest_program *program, uint32_t *sequence);

#endif
