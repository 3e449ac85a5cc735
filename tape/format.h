/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by writer and reader: numbers of docs/tape-format.md, variable-length integers, growing
 * buffers, and the sites with their slots. Internal to tape/.
 */
#ifndef TAPE_FORMAT_H
#define TAPE_FORMAT_H

#include <errno.h>
#include <string.h>

#include "kvmtape/tape.h"

#define TAPE_SKIPPABLE_MAGIC	  0x184D2A50u /* the frames of ours */
#define TAPE_SKIPPABLE_MAGIC_MASK 0xFFFFFFF0u
#define TAPE_HEADER_MAGIC	  "KVMTAPE" /* 8 bytes with the NUL */
#define TAPE_TABLE_MAGIC	  "KVMTFRM"
#define TAPE_FOOTER_MAGIC	  "KVMTEND"
#define TAPE_HEADER_SIZE	  28 /* bytes after the skippable frame's own 8 */
#define TAPE_TABLE_ENTRY	  24
#define TAPE_FOOTER_SIZE	  16
#define TAPE_MAX_EVENTS		  (1ull << 48)
#define TAPE_PART_HAS_ADDR	  0x80 /* on the tape, beside enum tape_part_flag */
#define TAPE_FEATURES_KNOWN	  0ull /* required-feature bits that this reader has */

enum tape_header_flag {
	TAPE_HEADER_TIMELESS = 1 << 0,
	TAPE_HEADER_CANONICAL = 1 << 1,
};

/* Types of blocks. A reader must understand odd types; it skips unknown even ones. */
enum tape_block {
	TAPE_BLOCK_FRAME = 1,
	TAPE_BLOCK_TIMES = 3,
	TAPE_BLOCK_ENVIRONMENT = 5,
	TAPE_BLOCK_THREAD = 7,
	TAPE_BLOCK_KNOWN_THREAD = 8,
	TAPE_BLOCK_OBJECT = 9,
	TAPE_BLOCK_KNOWN_OBJECT = 10,
	TAPE_BLOCK_CLOSED = 11,
	TAPE_BLOCK_SITE = 13,
	TAPE_BLOCK_EVENT = 15,
	TAPE_BLOCK_CALL = 17,
	TAPE_BLOCK_RETURN = 19,
	TAPE_BLOCK_GAP = 21,
	TAPE_BLOCK_MEMORY = 23,
	TAPE_BLOCK_SIGNAL = 24,
	TAPE_BLOCK_END = 25,
};

enum tape_signal_flag {
	TAPE_SIGNAL_PROCESS = 1 << 0,
};

enum tape_body_flag {
	TAPE_BODY_ARG = 1 << 0,	     /* the argument is not the site's last one */
	TAPE_BODY_IN_SHAPE = 1 << 1, /* the shape of the IN parts is not the site's last one */
	TAPE_BODY_IN_DATA = 1 << 2,  /* bytes of an IN part are not as predicted */
	TAPE_BODY_RET = 1 << 3,	     /* the same for the half of the return */
	TAPE_BODY_OUT_SHAPE = 1 << 4,
	TAPE_BODY_OUT_DATA = 1 << 5,
	TAPE_BODY_CREATED = 1 << 6,
	TAPE_BODY_FLAGS = (1 << 7) - 1,
};

/* Limits, the same for writer and reader ("Limits" in the specification). */
enum {
	TAPE_MAX_FRAME = 4 << 20,      /* decoded bytes of a frame */
	TAPE_MAX_SLOTS = 4 << 20,      /* slot memory of a frame, as tape_site_*() counts it */
	TAPE_MAX_SHOWN = 64 << 20,     /* payload bytes that the calls of a frame hold together */
	TAPE_MAX_OPEN = 4 << 20,       /* payload bytes of all calls that are open at a time */
	TAPE_MAX_OPEN_PARTS = 1 << 16, /* and their number plus the number of their parts */
	TAPE_MAX_HALF = 1 << 20,       /* payload bytes of a call or of a return */
	TAPE_MAX_MEMORY = 1 << 20,     /* bytes of one memory block */
	TAPE_MAX_OBJECTS = 1 << 18,
	TAPE_MAX_DEPTH = 8, /* of an object's line of parents */
	TAPE_MAX_PAIRS = 4096,
	TAPE_MAX_STRING = 64 << 10,
	TAPE_MAX_CAPS = 1 << 16,
	TAPE_MAX_HEADER = 64 << 10,
	TAPE_MAX_FRAME_BYTES = 1 << 20, /* what tape_writer_options.frame_bytes may be */

	TAPE_MAX_CLOCK_SHIFT = 20,

	TAPE_COST_SITE = 1024,
	TAPE_COST_SLOT = 64, /* and each part of a shape */
	TAPE_SHAPES = 15,    /* that a half remembers */
	TAPE_SLOT_ROUND = 64,
};

/* --- integers --------------------------------------------------------------------------------- */

static inline uint64_t tape_zigzag(int64_t value)
{
	return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static inline int64_t tape_unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

#define TAPE_VARINT_MAX 10

static inline size_t tape_varint_put(uint8_t *to, uint64_t value)
{
	size_t n = 0;

	while (value >= 0x80) {
		to[n++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	to[n++] = (uint8_t)value;
	return n;
}

int tape_varint_get_slow(const uint8_t **at, const uint8_t *end, uint64_t *value);

static inline int tape_varint_get(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
	if (*at < end && **at < 0x80) {
		*value = *(*at)++;
		return 0;
	}
	return tape_varint_get_slow(at, end, value);
}

/* A varint that must fit into 32 bits. */
static inline int tape_varint_get32(const uint8_t **at, const uint8_t *end, uint32_t *value)
{
	uint64_t wide;
	int err = tape_varint_get(at, end, &wide);

	if (err)
		return err;
	if (wide > UINT32_MAX)
		return TAPE_E_CORRUPT;
	*value = (uint32_t)wide;
	return 0;
}

/* Fixed-width little-endian numbers of the header and the table of frames. */
static inline void tape_le_put(uint8_t *to, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

static inline uint64_t tape_le_get(const uint8_t *from, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint64_t)from[i] << (8 * i);
	return value;
}

/* --- growing buffer --------------------------------------------------------------------------- */

struct tape_buf {
	uint8_t *data;
	size_t len;
	size_t room;
};

/* Make room for `more` bytes behind len.  0, -ENOMEM. */
int tape_buf_grow(struct tape_buf *buf, size_t more);

static inline int tape_buf_reserve(struct tape_buf *buf, size_t more)
{
	return buf->room - buf->len >= more ? 0 : tape_buf_grow(buf, more);
}

int tape_buf_add(struct tape_buf *buf, const void *data, size_t len);
int tape_buf_varint(struct tape_buf *buf, uint64_t value);
void tape_buf_release(struct tape_buf *buf);

/* --- sites and slots -------------------------------------------------------------------------- */

/* Memory that lives as long as a frame: given out piece by piece, taken back all at once. */
struct tape_arena {
	struct tape_arena_chunk *chunks; /* in use, newest first */
	struct tape_arena_chunk *spare;	 /* from earlier frames */
	size_t used;			 /* of the newest */
};
void *tape_arena_get(struct tape_arena *arena, size_t size); /* 16-byte aligned, not zeroed; NULL */
void tape_arena_reset(struct tape_arena *arena);
void tape_arena_release(struct tape_arena *arena);

/* The last bytes that one role of one half of a site held. */
struct tape_slot {
	uint8_t role;
	uint32_t size; /* allocated bytes of data, zero at first */
	uint8_t *data;
};

enum tape_half_number {
	TAPE_HALF_IN,
	TAPE_HALF_OUT,
	TAPE_HALVES,
};

/*
 * A list of parts without their bytes.  Addresses are relative to the call's argument, and those
 * that are there have TAPE_PART_HAS_ADDR in the flags.  A half remembers its last ones: a vCPU
 * changes between few.
 */
struct tape_shape {
	struct tape_part *parts;
	uint8_t *slots; /* number of the slot of each part */
	unsigned int count;
	uint32_t shown; /* sum of have */
};

struct tape_half {
	struct tape_part *parts; /* as in the last call or return; data points into the slots */
	unsigned int count;
	unsigned int room;
	struct tape_slot *slots;
	unsigned int slot_count;
	unsigned int slot_room;
	struct tape_slot *run; /* slot of the run page, NULL = none yet */
	unsigned int run_part; /* which part it is now, == count if none */
	struct tape_shape shapes[TAPE_SHAPES];
	unsigned int told;  /* number of shapes so far; the last ones are kept */
	unsigned int shape; /* the current one; told == 0: none, no parts */
};

/*
 * Calls of one thread, on one object, with one request: within a frame they are stored as
 * differences.
 */
struct tape_site {
	struct tape_call call;
	struct tape_return ret;
	struct tape_half half[TAPE_HALVES];
};

/* All sites of the frame that is being written or read. */
struct tape_sites {
	struct tape_arena arena;
	struct tape_site **list;
	uint32_t count;
	uint32_t room;
	size_t cost; /* slot memory so far, by the rule of the specification */
};

void tape_sites_reset(struct tape_sites *sites);
void tape_sites_release(struct tape_sites *sites);
/* A new site, its number is sites->count - 1.  NULL = no memory. */
struct tape_site *tape_sites_add(struct tape_sites *sites);
/*
 * Give a half a new shape: parts as in struct tape_shape, their data is ignored. It takes the place
 * of the oldest one and is selected. 0, -ENOMEM, TAPE_E_LIMIT.
 */
int tape_shape_tell(struct tape_sites *sites, struct tape_site *site, enum tape_half_number which,
		    const struct tape_part *parts, unsigned int count);
/* Select one of a half's shapes. 0, TAPE_E_CORRUPT if it has no such number. */
int tape_shape_select(struct tape_site *site, enum tape_half_number which, unsigned int number);

/* A new argument: addresses of parts are relative to it. */
static inline void tape_site_arg(struct tape_site *site, uint64_t arg)
{
	site->call.arg = arg;
	for (int h = 0; h < TAPE_HALVES; h++) {
		struct tape_half *half = &site->half[h];

		for (unsigned int i = 0; i < half->count; i++)
			if (half->shapes[half->shape].parts[i].flags & TAPE_PART_HAS_ADDR)
				half->parts[i].addr = arg + half->shapes[half->shape].parts[i].addr;
	}
}

/* Payload bytes of what a half has now. */
static inline uint32_t tape_half_shown(const struct tape_half *half)
{
	return half->told ? half->shapes[half->shape].shown : 0;
}

/*
 * The run page is one page that both sides write: what a call finds there is what the last one
 * left, and what a return leaves is what the call found. So before a half is encoded or decoded,
 * its slot takes over the bytes of the other half's.
 */
static inline void tape_site_predict(struct tape_site *site, enum tape_half_number which)
{
	struct tape_half *half = &site->half[which];
	const struct tape_half *other = &site->half[!which];
	uint32_t n;

	if (half->run_part == half->count || !other->run)
		return;
	n = half->parts[half->run_part].have;
	if (n > other->run->size)
		n = other->run->size;
	if (n)
		memcpy(half->run->data, other->run->data, n);
}

#endif
