/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * player: plays a program of steps on a live /dev/kvm.
 *
 * The player depends neither on tapes nor on the table of ioctls. The maker of the program
 * (replayer/live/plan.c) has looked up everything: which bytes go in, how many come out, where they
 * hold a descriptor or an address of this machine. So one small static program works on every
 * architecture, as a child process of kvmtape on this machine, or inside a disposable guest.
 *
 * Program and results are sequences of records in the machine's byte order; each begins with its
 * own size, a multiple of 8. docs/live.md has an overview; this file is the specification.
 */
#ifndef PLAYER_H
#define PLAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAYER_MAGIC   0x50544c56u /* "VLTP" */
#define PLAYER_VERSION 1

/* Limits of a program; more is -E2BIG. */
enum {
	PLAYER_THREADS_MAX = 1024,
	PLAYER_OBJECTS_MAX = 65536,
	PLAYER_AREAS_MAX = 4096,
	PLAYER_EVENTFDS_MAX = 4096,
	PLAYER_BUFFERS_MAX = 16,
	PLAYER_ARG_MAX = 4 << 20, /* bytes of one argument or buffer */
};
#define PLAYER_AREA_MAX \
	(1ull << 40)	    /* bytes of one area: address space, hardly any of it memory \
			     */
#define PLAYER_ALIGN 65536u /* areas begin at a multiple of the largest page size there is */

/* --- the program ------------------------------------------------------------------------------ */

enum player_record_type {
	PLAYER_AREA = 1, /* struct player_area */
	PLAYER_STEP = 2, /* struct player_step */
};

struct player_record {
	uint32_t size; /* with this head and padding, a multiple of 8 */
	uint32_t type;
};

/* First in the program, then areas, then steps: those of a thread in its order. */
struct player_head {
	uint32_t magic, version;
	uint32_t threads;   /* 0 .. threads - 1 */
	uint32_t objects;   /* slots for descriptors: 1 .. objects; 0 = none */
	uint32_t areas;	    /* 0 .. areas - 1 */
	uint32_t eventfds;  /* 0 .. eventfds - 1, made before the first step */
	uint32_t steps;	    /* 0 .. steps - 1, in the order in which they stand */
	uint32_t call_time; /* ms after which a call that has not returned gets a signal */
	uint32_t flags;	    /* mask of enum player_flag */
	uint32_t run_time;  /* the same of KVM_RUN; 0 = call_time; PLAYER_SERIAL only */
};

enum player_flag {
	PLAYER_SAY_ENVIRONMENT = 1 << 0, /* PLAYER_PAIR and PLAYER_CAP records first */
	PLAYER_UNBUFFERED =
		1 << 1, /* a PLAYER_BEGIN before each call, each record written at once */
	/*
	 * The calling thread makes all steps in their order; no thread is started. A call that not
	 * even a signal ends must then be handled by the caller of the player: player_serve() ends
	 * the worker.
	 */
	PLAYER_SERIAL = 1 << 2,
};

/* Anonymous memory without reserved swap; untouched pages cost nothing. */
struct player_area {
	struct player_record record;
	uint32_t area;
	uint32_t reserved;
	uint64_t bytes;
};

enum player_step_kind {
	PLAYER_CALL,  /* ioctl(object, request, arg) */
	PLAYER_OPEN,  /* object = open("/dev/kvm") */
	PLAYER_CLOSE, /* close(object); of a vCPU its run page goes, too */
	PLAYER_STORE, /* in_size bytes into area `request`, at offset `arg` */
};

/*
 * ioctl() with this number makes the kernel of a guest panic, to test the detection of crashes;
 * only in the resident player (player_serve()), and only if enabled.
 */
#define PLAYER_CRASH_REQUEST 0x4b564321u

enum player_step_flag {
	PLAYER_POINTER = 1 << 0,   /* the argument is a buffer of arg_size bytes, not `arg` */
	PLAYER_RUN = 1 << 1,	   /* KVM_RUN: run page in and out */
	PLAYER_IMMEDIATE = 1 << 2, /* with immediate_exit set, whatever run_size bytes say */
	PLAYER_VCPU = 1 << 3,	   /* what is created is a vCPU: its run page gets mapped */
	/*
	 * A list {u32 n, u32 pad, n entries of 16 bytes} whose answer is how many entries were
	 * taken (KVM_GET_MSRS, KVM_SET_MSRS): if that is less than `expect`, the entry that was
	 * refused is left out and the rest goes in a call of its own.
	 */
	PLAYER_LIST = 1 << 4,
	PLAYER_BAD_POINTER = 1 << 5, /* the argument is an address at which nothing can be read */
};

/*
 * One step.  Behind the struct follow, each array padded to 8 bytes:
 * wait_count struct player_wait, patch_count struct player_patch, buffer_count struct
 * player_buffer, in_size bytes of the argument, for each buffer its in_size bytes, run_size bytes
 * of struct kvm_run from offset 0, regs_size bytes from offset PLAYER_RUN_REGS, pio_size bytes of
 * port data.
 */
struct player_step {
	struct player_record record;
	uint32_t kind; /* enum player_step_kind */
	uint32_t flags;
	uint32_t thread;
	uint32_t object;
	uint32_t request;
	uint32_t creates;  /* slot for the new descriptor, 0 = none */
	int32_t fd_offset; /* of it in the argument, -1 = it is the result */
	uint32_t arg_size; /* bytes behind the argument, zero beyond in_size */
	uint32_t in_size;
	uint32_t out_size; /* bytes of the argument that are reported after the call */
	uint32_t run_size;
	uint32_t regs_size;
	uint32_t pio_size;
	uint16_t wait_count, patch_count, buffer_count, reserved;
	int64_t expect;
	uint64_t arg;
};

/* The step waits until `steps` steps of `thread` are over. */
struct player_wait {
	uint32_t thread;
	uint32_t steps;
};

enum player_patch_kind {
	PLAYER_PATCH_OBJECT,  /* 32 bits: descriptor of object `number` (-1 if it is not there) */
	PLAYER_PATCH_EVENTFD, /* 32 bits: event descriptor `number` */
	PLAYER_PATCH_AREA,    /* 64 bits: address of area `number`, plus `add` */
	PLAYER_PATCH_BUFFER,  /* 64 bits: address of buffer `number` of this step */
	PLAYER_PATCH_BAD,     /* 64 bits: an address at which nothing can be read */
	PLAYER_PATCH_SCRATCH, /* 64 bits: 64 KiB of scratch memory */
};

struct player_patch {
	uint32_t offset; /* in the argument */
	uint32_t kind;	 /* enum player_patch_kind */
	uint32_t number;
	uint32_t reserved;
	uint64_t add;
};

struct player_buffer {
	uint32_t size;
	uint32_t in_size;  /* zero beyond */
	uint32_t out_size; /* reported after the call */
	uint32_t role;	   /* of that report */
};

/* --- results ---------------------------------------------------------------------------------- */

enum player_result_type {
	PLAYER_PAIR = 17,   /* key and value of the environment, each with its NUL */
	PLAYER_CAP = 18,    /* struct player_cap */
	PLAYER_BEGIN = 19,  /* struct player_begin */
	PLAYER_RESULT = 20, /* struct player_result */
	PLAYER_OVER = 21,   /* struct player_over: the last one */
};

struct player_cap {
	struct player_record record;
	uint32_t cap;
	int32_t answer;	   /* of KVM_CHECK_EXTENSION on /dev/kvm, or -errno */
	int32_t vm_answer; /* the same on a VM */
	uint32_t reserved;
};

struct player_begin {
	struct player_record record;
	uint32_t step;
	uint32_t reserved;
};

enum player_status {
	PLAYER_DONE,
	PLAYER_KICKED,	  /* returned after a signal */
	PLAYER_BLOCKED,	  /* did not return even then; its thread plays no more steps */
	PLAYER_NO_OBJECT, /* its object was not made */
	PLAYER_NO_THREAD, /* an earlier call of its thread is blocked */
};

struct player_result {
	struct player_record record;
	uint32_t step;
	uint32_t sub; /* PLAYER_LIST: number of the call, from 0 */
	uint32_t status;
	uint32_t more;		       /* another call of this step follows */
	uint64_t begin, end;	       /* position in the order of all begins and ends */
	uint64_t begin_time, end_time; /* ns since the player began */
	int64_t ret;		       /* >= 0, or -errno */
				       /* then parts */
};

/* Roles as in enum tape_role; the run page is complete, the reader selects what counts. */
enum {
	PLAYER_ROLE_ARG_IN =
		0, /* only if it is not as the program said: patched, or a later call of a list */
	PLAYER_ROLE_ARG_OUT = 1,
	PLAYER_ROLE_RUN_IN =
		2, /* from offset 0 to the end of the sync registers, if any are in use */
	PLAYER_ROLE_RUN_OUT = 3,
	PLAYER_ROLE_PIO_IN = 6,
	PLAYER_ROLE_PIO_OUT = 7,
};

struct player_part {
	uint32_t role;
	uint32_t size; /* bytes that follow, padded to 8 */
};

struct player_over {
	struct player_record record;
	int32_t error; /* 0, or -errno: the program could not be played (to its end) */
	uint32_t blocked;
	uint64_t time; /* ns that the steps took */
};

/* struct kvm_run, the same on all architectures but s390. */
enum {
	PLAYER_RUN_IMMEDIATE = 1,
	PLAYER_RUN_REASON = 8,
	PLAYER_RUN_UNION = 32,
	PLAYER_RUN_REGS = 288, /* kvm_valid_regs, kvm_dirty_regs, sync registers */
	PLAYER_RUN_SYNC = 304,
	PLAYER_RUN_SYNC_MAX = 2048,
	PLAYER_RUN_END = PLAYER_RUN_SYNC + PLAYER_RUN_SYNC_MAX,
	PLAYER_EXIT_IO = 2,
};

/*
 * Play `program` (size bytes) and write the results to descriptor `out`.  Starts a thread for each
 * of the program's; takes the signal SIGUSR2.  0, or -errno if the program is malformed (-EPROTO),
 * asks for too much (-E2BIG), or the results cannot be written; the same stands in PLAYER_OVER, if
 * that could be written.  After a blocked call its thread is still there: the process should end
 * soon.
 */
int player_run(const void *program, size_t size, int out);
/* Only check the program, as player_run() does first. 0, -EPROTO, -E2BIG, -ENOMEM. */
int player_check(const void *program, size_t size);
/* The same with the program read from descriptor `in`. */
int player_run_stream(int in, int out);

/* A growing buffer. */
struct player_bytes {
	uint8_t *data; /* allocated */
	size_t used, size;
};
/* Append bytes. 0, -ENOMEM. */
int player_bytes_put(struct player_bytes *b, const void *data, size_t size);
/* As player_run(), with the results appended to *out. *blocked: calls that did not return. */
int player_run_memory(const void *program, size_t size, struct player_bytes *out,
		      uint32_t *blocked);

/* --- the resident player ---------------------------------------------------------------------- */

/*
 * Both ways on its standard streams: a frame, then `size` bytes: a program, and its results. Frames
 * of results come as programs end, in any order; `number` is the program's.
 */
struct player_frame {
	uint32_t magic; /* PLAYER_MAGIC */
	uint32_t size;
	uint32_t number;
	uint16_t mark; /* to the player: 1 .. PLAYER_MARKS - 1, see below; 0 = none */
	uint16_t end;  /* from the player: enum player_end */
	uint32_t time; /* to the player: time limit in ms; from it: signal of PLAYER_DIED */
	uint32_t step; /* from the player, if not PLAYER_WHOLE: the step that was begun last */
};

enum player_end {
	PLAYER_WHOLE,
	PLAYER_DIED, /* the worker was ended by a signal, its results are lost */
	PLAYER_LATE, /* it took too long and was killed; its results are lost */
};

/*
 * So that an observer of the machine's instructions can tell when a task plays a program, the task
 * calls address PLAYER_MARKS_AT + mark * PLAYER_MARK_BYTES before, and PLAYER_MARKS_AT after. x86
 * only.
 */
#define PLAYER_MARKS_AT	  0x6b7600000000ull
#define PLAYER_MARK_BYTES 16u
#define PLAYER_MARKS	  256u

/*
 * Play the programs that arrive on descriptor `in` with `workers` processes, each program isolated:
 * its descriptors and memory are gone before the worker takes the next. A worker that dies or is
 * late is replaced. Returns at the end of `in`, or -errno. crash: PLAYER_CRASH_REQUEST works.
 */
int player_serve(int in, int out, unsigned int workers, bool crash);

/*
 * Print where the KVM modules are: lines "section MODULE NAME ADDRESS SIZE" and "symbol ADDRESS
 * MODULE NAME" of those and of a few functions of the kernel proper (module "-").
 */
int player_say_symbols(int out);

#endif
