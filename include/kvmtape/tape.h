/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tape: the recording of what a VMM said to KVM and what KVM answered.
 *
 * A tape is a sequence of items in the order in which they happened: objects coming and going,
 * calls, their returns, gaps. docs/tape-format.md is the specification of the file. This header
 * reads and writes it; it does not depend on who made a tape or what it means.
 *
 * Errors: see kvmtape/error.h.
 */
#ifndef TAPE_H
#define TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "kvmtape/error.h"
#include "kvmtape/kvmapi.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define TAPE_FORMAT_MAJOR 1
#define TAPE_FORMAT_MINOR 1

/* --- what is on a tape ------------------------------------------------------------------------ */

/* Which bytes a part of a call holds. */
enum tape_role {
	TAPE_ARG_IN,	  /* the struct behind the argument with its tail, before the call */
	TAPE_ARG_OUT,	  /* the same after it */
	TAPE_RUN_IN,	  /* KVM_RUN: struct kvm_run from offset 0, as the VMM left it */
	TAPE_RUN_OUT,	  /* the same after it, up to the end of the active union member */
	TAPE_RUN_REGS_IN, /* kvm_valid_regs, kvm_dirty_regs (16 bytes), dirty sync-regs */
	TAPE_RUN_REGS_OUT,
	TAPE_PIO_IN,	      /* port data that answers the last KVM_EXIT_IO (direction in) */
	TAPE_PIO_OUT,	      /* port data of this KVM_EXIT_IO (direction out) */
	TAPE_NESTED_IN = 8,   /* 8 + n: buffer behind the n-th pointer, before */
	TAPE_NESTED_OUT = 24, /* 24 + n: after */
	TAPE_ROLES = 40,
};
#define TAPE_NESTED_POINTERS 16

enum tape_part_flag {
	TAPE_PART_LATE =
		1 << 0, /* read at the return, since the page was not resident at the call */
	TAPE_PART_CLIPPED = 1 << 1, /* longer than the recorder's limit */
	TAPE_PART_FAULT = 1 << 2,   /* the rest could not be read */
};

/*
 * Bytes of one role. It has `want` bytes; the first `have` of them were captured and are at `data`
 * (NULL if have is 0). What was not captured is never shown as zero.
 */
struct tape_part {
	uint8_t role;  /* enum tape_role */
	uint8_t flags; /* mask of enum tape_part_flag */
	uint32_t want;
	uint32_t have;
	uint64_t addr; /* user address, 0 for the run page */
	const uint8_t *data;
};

#define TAPE_MAX_THREADS (1u << 20) /* of one tape */
struct tape_thread {
	uint32_t id; /* 0, 1, 2 ... in order of appearance */
	uint32_t pid;
	uint32_t tid;
	char comm[16];
};

enum tape_object_flag {
	TAPE_OBJECT_PRE_EXISTING = 1 << 0, /* was there before the recording began */
};

struct tape_object {
	uint32_t id;	 /* 1, 2, 3 ... in order of appearance; never used again */
	uint32_t parent; /* VM of a vCPU or device, 0 = none */
	uint8_t kind;	 /* enum kvmapi_object */
	uint8_t flags;	 /* mask of enum tape_object_flag */
	int32_t fd;	 /* of the thread that made it; -1 = not known */
	uint64_t number; /* vCPU: its id; device: enum kvm_device_type; UINT64_MAX = not known */
};

/* A call as it began.  Its parts are those of the IN roles. */
struct tape_call {
	uint64_t index;	 /* events count from 0 in the order of their calls, gaps included */
	uint64_t time;	 /* ns since the start of the tape; 0 in a tape without times */
	uint32_t thread; /* tape_thread.id */
	uint32_t object; /* tape_object.id */
	uint8_t kind;	 /* of the object */
	uint32_t request;
	uint64_t arg;
	const struct kvmapi_ioctl *row; /* NULL: no row for (kind, request) */
	unsigned int part_count;
	const struct tape_part *parts;
};

/* A call as it ended.  Its parts are those of the OUT roles, and late IN roles. */
struct tape_return {
	const struct tape_call *call; /* valid as long as this item is */
	uint64_t time;
	int64_t ret;	  /* >= 0, or a negative errno as the kernel gave it */
	uint32_t created; /* object that this call made, 0 = none; announced before */
	/*
	 * Another call, return, closing, gap or memory stands between call and return on the tape.
	 */
	bool overlapped;
	unsigned int part_count;
	const struct tape_part *parts;
};

enum tape_gap_cause {
	TAPE_GAP_BUFFER,   /* the ring buffer was full */
	TAPE_GAP_THREADS,  /* more threads inside calls than the recorder tracks */
	TAPE_GAP_WRITER,   /* the reader of the ring could not write */
	TAPE_GAP_UNPAIRED, /* only one half of a call arrived */
	TAPE_GAP_MISSED,   /* the kernel skipped the probe */
	TAPE_GAP_CAUSES,
};
const char *tape_gap_cause_name(enum tape_gap_cause cause);

/* With 0 events: missing calls of another gap with the same cause may have been here. */
struct tape_gap {
	uint64_t time;
	uint64_t events; /* how many calls are missing here */
	uint8_t cause;
};

/* Guest memory, for tapes that must run code (optional). */
struct tape_memory {
	uint32_t object; /* VM */
	uint64_t gpa;
	uint32_t len;
	const uint8_t *data;
};

enum tape_signal_what {
	TAPE_SIGNAL_GENERATED, /* somebody sends it */
	TAPE_SIGNAL_DELIVERED, /* the thread takes it, on its way back to user space */
	TAPE_SIGNAL_LOST,      /* .count signals before this item are missing */
	TAPE_SIGNAL_WHATS,
};
const char *tape_signal_what_name(enum tape_signal_what what);

enum tape_signal_outcome {
	/* of one that is sent */
	TAPE_SIGNAL_PENDING,
	TAPE_SIGNAL_IGNORED, /* also of one that is delivered */
	TAPE_SIGNAL_MERGED,  /* the same signal was pending already; merged */
	TAPE_SIGNAL_REFUSED, /* too many are queued */
	TAPE_SIGNAL_BARE,    /* pending, without its siginfo for lack of room */
	/* of one that is delivered */
	TAPE_SIGNAL_HANDLED, /* a handler of the program runs */
	TAPE_SIGNAL_DEFAULT, /* the default action */
	TAPE_SIGNAL_OUTCOMES,
};
const char *tape_signal_outcome_name(enum tape_signal_outcome outcome);

/* The usual outcome. */
static inline enum tape_signal_outcome tape_signal_usual(enum tape_signal_what what)
{
	return what == TAPE_SIGNAL_DELIVERED ? TAPE_SIGNAL_HANDLED : TAPE_SIGNAL_PENDING;
}

#define TAPE_MAX_SIGNAL 64

/* A signal of a thread that has called on a vCPU. */
struct tape_signal {
	uint64_t time;
	uint64_t count;	 /* TAPE_SIGNAL_LOST, which has nothing else */
	uint32_t thread; /* target; of one sent to a process: a thread of it */
	uint32_t sender; /* thread id of who sends it, 0 = not known */
	int32_t code;	 /* si_code of its siginfo_t */
	uint8_t number;	 /* 1 to TAPE_MAX_SIGNAL */
	uint8_t what;	 /* enum tape_signal_what */
	uint8_t outcome; /* enum tape_signal_outcome */
	bool process;	 /* sent to the process: any of its threads may take it */
};
/* "SIGUSR1"; NULL for signals without a name. */
const char *tape_signal_name(unsigned int number);
/* The number of a name of `len` bytes, 0 = none has it. */
unsigned int tape_signal_find(const char *name, size_t len);
/* What a tape can hold. */
bool tape_signal_valid(const struct tape_signal *signal);

/* The last item of a whole tape. */
struct tape_end {
	uint64_t seen;	  /* calls that the recorder's probe saw */
	uint64_t written; /* calls on the tape */
	uint64_t lost[TAPE_GAP_CAUSES];
	uint64_t unreturned; /* calls on the tape that had not returned when it ended */
};

/*
 * Where the tape was made: pairs of strings, and what KVM_CHECK_EXTENSION answered on /dev/kvm.
 * Keys in use: see docs/tape-format.md ("Environment").  Owned by whoever made it.
 */
struct tape_env {
	enum kvmapi_arch arch;
	uint32_t page_size;
	uint32_t clock_shift; /* times are stored in units of 2^clock_shift ns */
	bool timeless;	      /* no times on this tape */
	bool canonical;
	size_t pair_count;
	struct tape_pair {
		char *key;
		char *value;
	} * pairs;
	size_t cap_count; /* caps[n] = answer for capability n, INT32_MIN = not asked */
	int32_t *caps;
};
/* Nothing but a page size of 4096 and times in units of 64 ns; arch is 0, KVMAPI_X86. */
void tape_env_init(struct tape_env *env);
void tape_env_release(struct tape_env *env);
/* 0, -ENOMEM; tape_env_set_cap() also TAPE_E_LIMIT for a number that the format cannot hold. */
int tape_env_set(struct tape_env *env, const char *key, const char *value); /* copies; replaces */
const char *tape_env_get(const struct tape_env *env, const char *key);	    /* NULL = not there */
int tape_env_set_cap(struct tape_env *env, uint32_t cap, int32_t answer);
/* What *to was is not released; after an error it is empty. */
int tape_env_copy(struct tape_env *to, const struct tape_env *from);

/* The part of a role, or NULL. */
const struct tape_part *tape_part_find(const struct tape_part *parts, unsigned int count,
				       enum tape_role role);
/*
 * What the argument struct was before the call: TAPE_ARG_IN of the call, or of the return when
 * late. NULL.
 */
const struct tape_part *tape_arg_in(const struct tape_return *ret);

/* --- writing ---------------------------------------------------------------------------------- */

struct tape_writer;

/*
 * Functions that write an item return 0 or an error.  -EINVAL, TAPE_E_ORDER and TAPE_E_LIMIT say
 * that the item cannot be on a tape: it is not written, and others can be.  After another error
 * (the file, memory) every later call returns that one, and the file is cut back to whole frames (a
 * pipe cannot be).
 */
struct tape_writer_options {
	size_t size; /* of the struct, see kvmtape/version.h; TAPE_WRITER_OPTIONS() sets it */
	int level;   /* zstd level, 0 = default (3) */
	size_t frame_bytes; /* encoded bytes after which a frame is closed, 0 = default (256 KiB) */
	/*
	 * Called when fd does not take more now (EAGAIN): 0 = try again, else the error (below 0)
	 * with which writing ends.  NULL = that is an error as any other.
	 */
	int (*wait)(void *context, int fd);
	void *wait_context;
	/* Is given what each frame unpacks to; NULL = not wanted. */
	void (*unpacked)(void *context, const void *data, size_t len);
	void *context;
};
/* Options with these members: struct tape_writer_options o = TAPE_WRITER_OPTIONS(.level = 1); */
#define TAPE_WRITER_OPTIONS(...)                                        \
	{                                                               \
		.size = sizeof(struct tape_writer_options), __VA_ARGS__ \
	}

/*
 * Begin a tape at the current position of `fd`, which must be seekable for the table of frames to
 * be right. The writer does not own fd.  env is read now and not kept.  0 or an error;
 * -EINVAL: options without their size; -E2BIG: options that this library does not know.
 */
int tape_writer_open(int fd, const struct tape_env *env, const struct tape_writer_options *options,
		     struct tape_writer **writer);
int tape_writer_thread(struct tape_writer *w, const struct tape_thread *thread);
int tape_writer_object(struct tape_writer *w, const struct tape_object *object);
int tape_writer_closed(struct tape_writer *w, uint32_t object, uint64_t time);
/*
 * One call of a thread begins. If the thread has one open, the return of that one is missing and
 * never comes. call->index, call->kind and call->row are ignored. Payload is copied.
 */
int tape_writer_call(struct tape_writer *w, const struct tape_call *call);
/* The open call of `thread` ends.  ret->call and ret->overlapped are ignored. */
int tape_writer_return(struct tape_writer *w, uint32_t thread, const struct tape_return *ret);
int tape_writer_gap(struct tape_writer *w, const struct tape_gap *gap);
int tape_writer_memory(struct tape_writer *w, const struct tape_memory *memory);
/* Canonical tapes have none (-EINVAL). */
int tape_writer_signal(struct tape_writer *w, const struct tape_signal *signal);
/* Close the frame, so that everything so far can be read from the file if the process dies now. */
int tape_writer_flush(struct tape_writer *w);
/* End block (written and unreturned are counted by the writer), last frame, table of frames. */
int tape_writer_finish(struct tape_writer *w, const struct tape_end *end);
/* Bytes in the file, calls and returns written. */
uint64_t tape_writer_bytes(const struct tape_writer *w);
uint64_t tape_writer_calls(const struct tape_writer *w);
uint64_t tape_writer_returns(const struct tape_writer *w);
/* Free it; without tape_writer_finish() the tape stays cut off.  NULL is fine. */
void tape_writer_close(struct tape_writer *w);

/* --- reading ---------------------------------------------------------------------------------- */

struct tape_reader;

enum tape_item_type {
	TAPE_END_OF_FILE, /* nothing more; look at tape_reader_complete() */
	TAPE_THREAD,
	TAPE_OBJECT,
	TAPE_CLOSED,
	TAPE_CALL,
	TAPE_RETURN,
	TAPE_GAP,
	TAPE_MEMORY,
	TAPE_SIGNAL,
	TAPE_END,
};

/*
 * One item; everything it points to is valid until the next tape_reader_next(), calls until their
 * return (or until the next call of their thread, if their return is missing on the tape).
 */
struct tape_item {
	enum tape_item_type type;
	union {
		struct tape_thread thread;
		struct tape_object object;
		struct {
			uint32_t object;
			uint64_t time;
		} closed;
		const struct tape_call *call;
		const struct tape_return *ret;
		struct tape_gap gap;
		struct tape_memory memory;
		struct tape_signal signal;
		struct tape_end end;
	} u;
};

/*
 * Open a tape for reading; the environment is known afterwards. "-" is standard input.  0 or an
 * error (of open(2) and read(2), or TAPE_E_...); *reader is NULL then.
 */
int tape_reader_open(const char *path, struct tape_reader **reader);
int tape_reader_open_fd(int fd, struct tape_reader **reader); /* does not own fd */
/* The data is not copied: it must stay until the reader is closed. */
int tape_reader_open_memory(const void *data, size_t size, struct tape_reader **reader);
/*
 * The next item. 0 (type TAPE_END_OF_FILE at the end), or an error: TAPE_E_TRUNCATED and
 * TAPE_E_CORRUPT come after everything that could be read before, and tape_reader_where() says
 * where. Later calls return the same error.
 */
int tape_reader_next(struct tape_reader *r, struct tape_item *item);
const struct tape_env *tape_reader_env(const struct tape_reader *r);
/* The tape had its end block. */
bool tape_reader_complete(const struct tape_reader *r);
/* Format version of the file. */
void tape_reader_version(const struct tape_reader *r, unsigned int *major, unsigned int *minor);
/* Encoded (uncompressed) bytes so far, bytes of the file so far, frames so far. */
void tape_reader_position(const struct tape_reader *r, uint64_t *encoded, uint64_t *file,
			  uint64_t *frames);
/* "frame 3 at byte 4711: checksum"; for the message after an error, "" before one. */
const char *tape_reader_where(const struct tape_reader *r);
/* What an object is, as far as read; NULL = no such id. */
const struct tape_object *tape_reader_object(const struct tape_reader *r, uint32_t id);
const struct tape_thread *tape_reader_thread(const struct tape_reader *r, uint32_t id);
/* The open call of a thread at the last item, NULL = none on the tape. */
const struct tape_call *tape_reader_inside(const struct tape_reader *r, uint32_t thread);
/*
 * The name of an object in text: "kvm", "vm1", "vcpu0@vm1", "device2@vm1": VMs and others by their
 * order of appearance among their kind, vCPUs by their number. Cut to fit `size`; "?" for an
 * unknown id.
 */
void tape_object_label(const struct tape_reader *r, uint32_t id, char *buf, size_t size);
void tape_reader_close(struct tape_reader *r);

/* --- what is alive ---------------------------------------------------------------------------- */

/*
 * Calls without the bytes that the kernel neither read nor wrote: unions beyond the member that is
 * used, padding, what a failed call did not fill (docs/tape-format.md, "Dead bytes").  Those are
 * zero; in a struct that goes both ways, 0xff if the kernel changed them nevertheless.
 *
 * Calls and returns must be given in their order.  The parts go to `parts`, which has room for
 * TAPE_ROLES of them: as many as the call or return has, in the same places.  Their bytes are valid
 * until the next call of one of these functions.  0, -ENOMEM.
 */
struct tape_live;
int tape_live_open(enum kvmapi_arch arch, struct tape_live **live);
int tape_live_call(struct tape_live *live, const struct tape_call *call, struct tape_part *parts);
int tape_live_return(struct tape_live *live, uint32_t thread, const struct tape_return *ret,
		     struct tape_part *parts);
void tape_live_close(struct tape_live *live);

/* --- canonical form --------------------------------------------------------------------------- */

/*
 * Copy a tape without the numbers of the machine: descriptors, addresses, thread and process ids
 * become ordinals, times are removed, the environment keeps what the model needs
 * (docs/tape-format.md, "Canonical form"). The same session canonicalises to the same bytes
 * whatever numbers it got.
 */
int tape_canonicalise(struct tape_reader *from, int fd, const struct tape_writer_options *options);

/* --- one event for people and programs -------------------------------------------------------- */

struct json_t;

/*
 * One event on one or more lines as C-like text, without a newline at its end; `verbose` shows whole
 * payloads. Caller frees *text.  0, -ENOMEM; *text or *object is NULL then, here and below.
 */
int tape_event_text(const struct tape_reader *r, const struct tape_return *ret, bool verbose,
		    char **text);
/* The same as a JSON object {"type":"event",...}; a new reference. */
int tape_event_json(const struct tape_reader *r, const struct tape_return *ret,
		    struct json_t **object);
/*
 * Any item: {"type":"object",...}, {"type":"gap",...}, ...; a return is the event that it ends, not
 * verbose.  -EINVAL for TAPE_END_OF_FILE.
 */
int tape_item_text(const struct tape_reader *r, const struct tape_item *item, char **text);
int tape_item_json(const struct tape_reader *r, const struct tape_item *item,
		   struct json_t **object);
/* The environment as JSON {"type":"environment",...}. */
int tape_env_json(const struct tape_env *env, struct json_t **object);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
