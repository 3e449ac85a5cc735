/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the user side share.  Internal to recorder/.
 */
#ifndef RECORDER_INTERNAL_H
#define RECORDER_INTERNAL_H

#include <sys/resource.h>

#include <linux/kvm.h>

#include "kvmtape/kvmapi.h"
#include "recorder/record.h"
#include "recorder/recorder.h"

struct kvmtape_bpf;

#define RECORDER_MESSAGE 512

#define RECORDER_COMPAT(kind) ((uint32_t)(kind) << 8)
#ifdef __x86_64__
#define RECORDER_COMPAT_HOOKS (RECORDER_COMPAT(KVMAPI_VM) | RECORDER_COMPAT(KVMAPI_VCPU))
#else
#define RECORDER_COMPAT_HOOKS 0u /* KVM has no such functions on other machines */
#endif

/* A line for a person. */
struct recorder_message {
	char text[RECORDER_MESSAGE];
};
/* Set the line, return err. */
int recorder_fail(struct recorder_message *message, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* --- ways to attach: backend.c ---------------------------------------------------------------- */

/* Times that the kernel did not run a program which should have run, since it was loaded. */
struct recorder_skips {
	uint64_t calls; /* at the beginning of a call (or of any system call); an upper bound */
	uint64_t all;	/* of any program: grows whenever something can be missing */
};

/*
 * A way to hang record_enter() and record_leave() of the eBPF program into the kernel.  A second
 * way is one more of these and its programs in kvmtape.bpf.c.
 */
struct recorder_backend {
	const char *name;
	/*
	 * Kinds of objects whose calls it sees by a hook of their own, each of which has to be
	 * proven at start-up: a hook can be attached and never run (fentry on x86 6.12 was seen
	 * so).  RECORDER_COMPAT(kind) is the hook for calls of 32-bit programs.
	 */
	uint32_t hooks;
	bool sees_last_close; /* by a hook of its own, to be proven as well */
	/*
	 * Before loading: choose the programs that are loaded.  hooks: those that there are on this
	 * kernel.  probed: those for which another kind of program is to be taken, since the better
	 * one did not run.
	 */
	void (*choose)(struct kvmtape_bpf *skeleton, bool wanted, uint32_t hooks, uint32_t probed);
	bool can_probe;
	int (*attach)(struct kvmtape_bpf *skeleton);
	void (*detach)(struct kvmtape_bpf *skeleton);
	void (*skipped)(struct kvmtape_bpf *skeleton, struct recorder_skips *skips);
};
/* All of them, the best first; NULL-terminated. */
extern const struct recorder_backend *const recorder_backends[];

/* --- capture rules: rules.c ------------------------------------------------------------------- */

/* Numbers that the eBPF program wants before it is loaded.  rings: dirty rings are captured. */
void recorder_rules_constants(struct kvmtape_bpf *skeleton, bool rings);
/* Turn the rows of this machine's architecture into rules of the loaded program; kvm is open
 * /dev/kvm. */
int recorder_rules_load(struct kvmtape_bpf *skeleton, int kvm);
/*
 * A VMM has asked a VM for a capability.  If blobs are as long as the answer, capture that much
 * from now on (it grows when the VMM asks the kernel for larger vector state).
 */
void recorder_rules_answer(struct kvmtape_bpf *skeleton, uint32_t cap, int64_t answer);

/* --- environment block: env.c ----------------------------------------------------------------- */

int recorder_env_fill(struct tape_env *env, const struct recorder_options *options, int kvm,
		      const char *backend);

/* --- threads and objects: objects.c ----------------------------------------------------------- */

struct recorder_thread {
	struct recorder_thread *next;
	uint32_t tid, pid;
	uint32_t serial; /* of the eBPF program: another one is another thread */
	uint32_t id;	 /* on the tape */
	bool open;	 /* inside a call */
	uint32_t request, kind;
	uint64_t arg;
	uint32_t device_type; /* what the open call asks to be made */
};

struct recorder_object {
	struct recorder_object *next;
	uint64_t address;
	uint64_t serial; /* of the eBPF program: another one is another object */
	uint64_t file;
	uint64_t time; /* when it was closed, if .dying */
	uint32_t kind;
	uint32_t id;
	bool closed;
	bool doomed; /* its file was seen to be gone; records of it may still be in the ring */
	bool dying;  /* closed, and to be said so */
};

#define RECORDER_BUCKETS 4096
struct recorder_tables {
	struct recorder_thread *threads[RECORDER_BUCKETS];
	struct recorder_object *objects[RECORDER_BUCKETS];
	uint32_t thread_ids;
	uint32_t object_ids;
	uint32_t dying; /* objects that are */
};

struct recorder_thread *recorder_thread_find(struct recorder_tables *t, uint32_t tid,
					     uint32_t serial);
/* A new thread with the next id; one with the same tid before is forgotten.  NULL: no memory. */
struct recorder_thread *recorder_thread_add(struct recorder_tables *t, uint32_t pid, uint32_t tid,
					    uint32_t serial);
void recorder_thread_remove(struct recorder_tables *t, uint32_t tid);

struct recorder_object *recorder_object_find(struct recorder_tables *t, uint32_t kind,
					     uint64_t address);
/* A new object with the next id, in the place of one at the same address before.  NULL: no memory.
 */
struct recorder_object *recorder_object_add(struct recorder_tables *t, uint32_t kind,
					    uint64_t address, uint64_t serial);
/*
 * Those that are not closed, in order of their ids; *count of them.  NULL: none, or no memory.  The
 * caller frees the list.
 */
struct recorder_object **recorder_objects_open(struct recorder_tables *t, size_t *count);
void recorder_tables_release(struct recorder_tables *t);

/* --- calls of 32-bit programs: compat.c ------------------------------------------------------- */

/*
 * A child asks to be followed and makes harmless calls as a 32-bit program makes them, one for each
 * hook of RECORDER_COMPAT_HOOKS.  Returns those that were called: none where the kernel runs no
 * 32-bit programs, so that there is nothing to be seen.
 */
uint32_t recorder_compat_call(int kvm, uint64_t cookie);

/*
 * If 32-bit programs make the call `request` by another number and with another layout: that
 * number, and `rule`, which is that of `request`, becomes what fits there.  0: they do not.
 */
uint32_t recorder_compat_rule(uint32_t request, struct record_rule *rule);

/* An argument as 64-bit programs give it. */
union recorder_native {
#ifdef __x86_64__
	struct kvm_msr_filter msr_filter;
#endif
	uint8_t bytes[sizeof(struct kvm_clear_dirty_log)];
};
/*
 * A call of a 32-bit program becomes the call of a 64-bit program that says the same: request and
 * argument.  parts: the call's own; `native` has the bytes then, as long as the call is used.
 */
void recorder_compat_native(struct tape_call *call, struct tape_part *parts,
			    union recorder_native *native);

/* --- dead bytes: alive.c ---------------------------------------------------------------------- */

/* As tape_writer_call() and tape_writer_return(), without dead bytes; `live` NULL: with them. */
int recorder_write_call(struct tape_writer *writer, struct tape_live *live,
			const struct tape_call *call);
int recorder_write_return(struct tape_writer *writer, struct tape_live *live, uint32_t thread,
			  const struct tape_return *ret);

/* --- COMMAND: command.c ----------------------------------------------------------------------- */

struct recorder_command {
	pid_t pid; /* 0 = not started */
	int go;	   /* closing it without a byte ends the child, a byte lets it run */
	int error; /* the child writes errno here if it cannot become COMMAND */
	bool ended;
	int status; /* of waitpid() */
};

/* Whether a command of this name can be found and run, as execvp() looks for it: 0, -ENOENT,
 * -EACCES. */
int recorder_command_check(const char *name);
/*
 * Fork a child that waits.  When it is let go it asks the eBPF program to be followed, by a call on
 * kvm (open /dev/kvm) with `cookie`, and becomes the argv of the options.  memlock is the limit
 * that it is to have.
 */
int recorder_command_fork(struct recorder_command *c, const struct recorder_options *options,
			  int kvm, uint64_t cookie, const struct rlimit *memlock);
/* Let it go.  0, or the reason why it could not become argv. */
int recorder_command_go(struct recorder_command *c);
/* True once it has ended. */
bool recorder_command_ended(struct recorder_command *c);
void recorder_command_release(struct recorder_command *c);

#endif
