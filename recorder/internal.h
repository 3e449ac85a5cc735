/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of the user side. Internal to recorder/. */
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

/* Set the message: one line. */
struct recorder_message {
	char text[RECORDER_MESSAGE];
};
/* Set the message, return err. */
int recorder_fail(struct recorder_message *message, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* --- ways to attach: backend.c ---------------------------------------------------------------- */

/* Times that the kernel did not run a program which should have run, since it was loaded. */
struct recorder_skips {
	uint64_t calls; /* at the beginning of a call (or of any system call); an upper bound */
	uint64_t all;	/* of any program: grows whenever something can be missing */
};

/*
 * A way to attach record_enter() and record_leave() of the eBPF program to the kernel. A new way
 * needs one more of these and its programs in kvmtape.bpf.c.
 */
struct recorder_backend {
	const char *name;
	/*
	 * Kinds of objects that have a hook of their own. Each hook is tested at start-up, since a
	 * hook can be attached and never run (seen with fentry on x86 6.12). RECORDER_COMPAT(kind)
	 * is the hook for calls of 32-bit programs.
	 */
	uint32_t hooks;
	bool sees_last_close; /* a hook of its own, tested as well */
	/*
	 * Before loading: choose the programs that are loaded. hooks: those that exist on this
	 * kernel. probed: those that need a kprobe, since the better program did not run.
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

/* Numbers that the eBPF program needs before it is loaded. rings: dirty rings are captured. */
void recorder_rules_constants(struct kvmtape_bpf *skeleton, bool rings);
/* Turn the rows of this architecture into rules of the loaded program; kvm is open /dev/kvm. */
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
/* A new object with the next id; replaces one at the same address. NULL: no memory. */
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
 * hook of RECORDER_COMPAT_HOOKS. Returns the hooks that were called: none if the kernel runs no
 * 32-bit programs.
 */
uint32_t recorder_compat_call(int kvm, uint64_t cookie);

/*
 * If 32-bit programs make the call `request` with another number and layout: return that number and
 * convert `rule`, which is that of `request`. 0: they do not.
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
 * Convert a call of a 32-bit program, request and argument, to the same call of a 64-bit program.
 * parts: those of the call; afterwards `native` holds the bytes, as long as the call is used.
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
	int go;	   /* a byte releases the child; closing it ends the child */
	int error; /* the child writes errno here if COMMAND cannot run */
	bool ended;
	int status; /* of waitpid() */
};

/* Can execvp() find and run a command of this name? 0, -ENOENT, -EACCES. */
int recorder_command_check(const char *name);
/*
 * Fork a child that waits. When it is released, it asks the eBPF program to be followed by a call
 * on kvm (open /dev/kvm) with `cookie`, and runs argv of the options. memlock is the limit that it
 * gets.
 */
int recorder_command_fork(struct recorder_command *c, const struct recorder_options *options,
			  int kvm, uint64_t cookie, const struct rlimit *memlock);
/* Release it. 0, or the reason why argv could not be run. */
int recorder_command_go(struct recorder_command *c);
/* True once it has ended. */
bool recorder_command_ended(struct recorder_command *c);
void recorder_command_release(struct recorder_command *c);

#endif
