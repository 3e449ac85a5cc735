/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sequence: calls on KVM as the mutator works on them.
 *
 * A sequence holds what a VMM says to KVM, not what KVM answers.  Objects are named by the call
 * that makes them, so calls can be inserted, taken out and moved, and nothing in it is a number of
 * one machine.  It is one block of memory of fixed size without pointers: no call below allocates,
 * but those that say so, and a sequence can be copied as a whole.
 *
 * Three other forms: a byte encoding for fuzzing engines (docs/fuzzing.md, "Encoding": any bytes
 * are a sequence), a tape without results (docs/tape-text.md), and through the tape, text.
 */
#ifndef FUZZ_SEQUENCE_H
#define FUZZ_SEQUENCE_H

#include "kvmtape/tape.h"

enum {
	FUZZ_CALLS_MAX = 512,
	FUZZ_PARTS_MAX = 2048,
	FUZZ_BYTES_MAX = 256 << 10,
	FUZZ_PART_MAX = 64 << 10, /* bytes of one part */
	FUZZ_CALL_PARTS_MAX = 20, /* of one call: argument and what 16 pointers lead to */
	FUZZ_THREADS_MAX = 8,
	FUZZ_EVENTFDS_MAX = 32,
	FUZZ_AREAS_MAX = 4,
	/* Bytes that an argument has at most when it is used: with the whole tail that its count
	 * asks for, as far as this (KVM takes 4096 interrupt routes of 48 bytes). */
	FUZZ_ARG_MAX = 200 << 10,
};

/*
 * User memory: areas of FUZZ_AREA_BYTES each.  An address in [FUZZ_AREA(n), FUZZ_AREA(n) +
 * FUZZ_AREA_BYTES) is memory; any other number but 0 is what it is, and no memory.  The same
 * addresses are mem0, mem1, ... in the text of a tape.
 */
#define FUZZ_AREA_BYTES (4ull << 30)
#define FUZZ_AREA(n_)	((1ull << 40) + (uint64_t)(n_) * (1ull << 37) + (1ull << 36))

/*
 * Descriptors in arguments (fields that the table calls KVMAPI_M_FD), 32 bits:
 *	FUZZ_FD_EVENT + n	event descriptor n, n < FUZZ_EVENTFDS_MAX
 *	FUZZ_FD_OBJECT + n	the object that call n - 1 makes; n = 0: /dev/kvm
 *	all else		the number itself: -1 is none, others are no descriptor that is open
 */
#define FUZZ_FD_EVENT  0x40000000u
#define FUZZ_FD_OBJECT 0x50000000u

enum fuzz_op {
	FUZZ_IOCTL,
	FUZZ_CLOSE,  /* the object's descriptor */
	FUZZ_MEMORY, /* bytes (its part TAPE_ARG_IN) into guest memory of a VM at address .arg */
};

enum fuzz_part_flag {
	FUZZ_PART_BAD = 1 << 0, /* the pointer to it leads nowhere: EFAULT is to be expected */
};

/* Bytes of a role of enum tape_role, always one of the IN roles. */
struct fuzz_part {
	uint8_t role;
	uint8_t flags;	 /* mask of enum fuzz_part_flag; bytes of a bad part are not used */
	uint32_t offset; /* in fuzz_sequence.bytes, a multiple of 8 */
	uint32_t size;
};

enum fuzz_call_flag {
	/*
	 * The call is not waited for: it returns when its thread makes its next call, when a call
	 * is made on what it creates, or at the end.
	 */
	FUZZ_CALL_OPEN = 1 << 0,
};

struct fuzz_call {
	uint8_t op;    /* enum fuzz_op */
	uint8_t flags; /* mask of enum fuzz_call_flag */
	uint8_t thread;
	/*
	 * Which object: 0 is /dev/kvm, n what call n - 1 makes (fuzz_sequence_kind() says of what
	 * kind).  n - 1 is less than the call's own index.
	 */
	uint16_t object;
	/*
	 * Parts [part, part + part_count) of fuzz_sequence.parts.  A struct that the call reads is
	 * TAPE_ARG_IN, with its tail.  KVM_RUN has TAPE_RUN_IN (the first bytes of struct kvm_run),
	 * TAPE_RUN_REGS_IN, TAPE_PIO_IN, each or not.  TAPE_NESTED_IN + n is the buffer behind the
	 * n-th pointer, if the call reads it; the field that holds the pointer is 0 (NULL) or not 0
	 * (a buffer as long as the table says), whatever number that is.
	 */
	uint16_t part, part_count;
	uint32_t request;
	/*
	 * The argument if it is a number.  Where it is the address of a struct: 0 is NULL, anything
	 * else a struct of ours; with a part TAPE_ARG_IN it is not looked at.
	 */
	uint64_t arg;
	/* The row of (kind of object, request); NULL: none.  Kept up to date by fuzz_sequence_*. */
	const struct kvmapi_ioctl *row;
};

struct fuzz_sequence {
	enum kvmapi_arch arch;
	uint32_t call_count, part_count, byte_count;
	struct fuzz_call calls[FUZZ_CALLS_MAX];
	struct fuzz_part parts[FUZZ_PARTS_MAX];
	uint8_t bytes[FUZZ_BYTES_MAX] __attribute__((aligned(8)));
};

/* An empty one; NULL: no memory. */
struct fuzz_sequence *fuzz_sequence_new(enum kvmapi_arch arch);
void fuzz_sequence_free(struct fuzz_sequence *s);
/* Without calls. */
void fuzz_sequence_clear(struct fuzz_sequence *s);
/* Copies what is in use only; bytes that no call uses any more are left behind. */
void fuzz_sequence_copy(struct fuzz_sequence *to, const struct fuzz_sequence *from);
/* The same calls with the same bytes, wherever those are kept. */
bool fuzz_sequence_equal(const struct fuzz_sequence *a, const struct fuzz_sequence *b);

/* --- making and changing --- */

/*
 * Put a call at index `at` (at most call_count).  Later calls, and descriptors in arguments, go on
 * naming the same objects.  .part and .part_count of *call are not used: the new call has no parts.
 * NULL: no room.
 */
struct fuzz_call *fuzz_sequence_insert(struct fuzz_sequence *s, uint32_t at,
				       const struct fuzz_call *call);
/*
 * Take out calls [from, to).  Calls on what they made go, too, if `dependents`; else they are made
 * on another object of the same kind, if there is one before them, and go if there is not.
 */
void fuzz_sequence_remove(struct fuzz_sequence *s, uint32_t from, uint32_t to, bool dependents);
/*
 * Give the call a part of `size` zero bytes in a role, or make the part that it has so long: bytes
 * that were there stay.  NULL: no room.  The pointer holds until the next call on the sequence.
 */
uint8_t *fuzz_sequence_part(struct fuzz_sequence *s, uint32_t call, uint8_t role, uint32_t size);
void fuzz_sequence_part_drop(struct fuzz_sequence *s, uint32_t call, uint8_t role);
/* The part of a role, NULL. */
struct fuzz_part *fuzz_sequence_find(const struct fuzz_sequence *s, uint32_t call, uint8_t role);
static inline uint8_t *fuzz_part_bytes(const struct fuzz_sequence *s, const struct fuzz_part *p)
{
	return (uint8_t *)s->bytes + p->offset;
}

/* What object n (as in fuzz_call.object) is: enum kvmapi_object; 0 = the call makes none. */
uint8_t fuzz_sequence_kind(const struct fuzz_sequence *s, uint32_t object);
/* The VM that object n belongs to, as an object; the object itself if it is a VM; 0 = none. */
uint32_t fuzz_sequence_vm(const struct fuzz_sequence *s, uint32_t object);
/* Look up every call's row again, and mend objects that are not before their calls. */
void fuzz_sequence_resolve(struct fuzz_sequence *s);

/* --- the order of things --- */

enum fuzz_step_kind {
	FUZZ_STEP_BEGIN,
	FUZZ_STEP_END,
	FUZZ_STEP_CLOSE,
	FUZZ_STEP_MEMORY,
};
struct fuzz_step {
	uint8_t kind; /* enum fuzz_step_kind */
	uint16_t call;
};
/* In which order calls begin and end: at most 2 * FUZZ_CALLS_MAX steps; how many is returned. */
uint32_t fuzz_sequence_steps(const struct fuzz_sequence *s, struct fuzz_step *steps);

/* --- encodings --- */

/*
 * Read the byte encoding.  Any bytes are a sequence: what is out of range is brought into it, what
 * is missing at the end is zero, what does not fit is left out.
 */
void fuzz_sequence_decode(struct fuzz_sequence *s, const void *data, size_t size);
/*
 * Write it, whole calls as far as `room` bytes go; how many bytes is returned.  *calls (may be
 * NULL): how many calls those are.  What is decoded of it is equal.
 */
size_t fuzz_sequence_encode(const struct fuzz_sequence *s, void *data, size_t room,
			    uint32_t *calls);

/*
 * Write it as a tape without results.  `env` may be NULL; of its pairs and capabilities all are
 * taken, and "results" = "none" is added.  fd as in tape_writer_open(); 0, a tape error, -ENOMEM.
 */
int fuzz_sequence_to_tape(const struct fuzz_sequence *s, const struct tape_env *env, int fd);
/*
 * The calls of a tape (with results or without; its file in memory), which need not be in its
 * canonical form.  Objects that were there before it began get creating calls.  0; -E2BIG: the
 * sequence is full, the first calls are in it; a tape error or -ENOMEM: those before are in it.
 * Allocates.
 */
int fuzz_sequence_from_tape(struct fuzz_sequence *s, const void *data, size_t size);

/*
 * A call as a tape has it, with its IN parts: descriptors and addresses are those of
 * fuzz_sequence_to_tape(), and the tail of an argument is as long as its count says (zeros beyond
 * what the sequence has, FUZZ_ARG_MAX at most).  ids[n] is the tape's id of object n, 0 = it is not
 * there.  `parts` has room for FUZZ_CALL_PARTS_MAX, `scratch` for FUZZ_ARG_MAX bytes; both are used
 * as long as *call is.
 */
void fuzz_sequence_tape_call(const struct fuzz_sequence *s, uint32_t index, const uint32_t *ids,
			     struct tape_call *call, struct tape_part *parts, uint8_t *scratch);
/* What a call makes, as a tape has it, if it makes something: under this id. */
void fuzz_sequence_tape_object(const struct fuzz_sequence *s, uint32_t index, const uint32_t *ids,
			       uint32_t id, struct tape_object *object);

#endif
