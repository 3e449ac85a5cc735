/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sequences as bytes, for fuzzing engines: docs/fuzzing.md, "Encoding".
 *
 *	sequence:  arch (1 byte), calls to the end
 *	call:      head (1 byte), [request (4 bytes) of an ioctl], object, [argument], [parts]
 *	part:      role and flag (1 byte), size, tokens until there are so many bytes
 *	token:     0x00..0x7f: token + 1 bytes follow; 0x80..0xfe: token - 0x7f zeros;
 *	           0xff: zeros, how many follows
 *
 * Numbers without a width are LEB128.
 */
#include <string.h>

#include "fuzz/internal.h"

enum {
	HEAD_OP = 3,
	HEAD_OPEN = 1 << 2,
	HEAD_THREAD_SHIFT = 3,
	HEAD_THREAD = FUZZ_THREADS_MAX - 1,
	HEAD_ARG = 1 << 6,
	HEAD_PARTS = 1 << 7,
	ROLE_MASK = 0x3f,
	ROLE_BAD = 0x40,
	TOKEN_ZEROS = 0x80,
	TOKEN_MANY = 0xff,
	ZEROS_SHORT = TOKEN_MANY - TOKEN_ZEROS, /* most that one byte says */
	LITERAL_MAX = TOKEN_ZEROS,
	ZEROS_WORTH = 3, /* fewer zeros than that stay among the bytes */
};

/* Whether a part of this role can be in a sequence. */
static bool role_is_in(uint8_t role)
{
	return role == TAPE_ARG_IN || role == TAPE_RUN_IN || role == TAPE_RUN_REGS_IN ||
	       role == TAPE_PIO_IN ||
	       (role >= TAPE_NESTED_IN && role < TAPE_NESTED_IN + TAPE_NESTED_POINTERS);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct input {
	const uint8_t *at, *end;
};

static uint8_t take_byte(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static uint64_t take_number(struct input *in)
{
	uint64_t value = 0;
	uint8_t byte;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		byte = take_byte(in);
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			break;
	}
	return value;
}

/* `size` bytes into `to`, which is zero; NULL: they are thrown away. */
static void take_tokens(struct input *in, uint8_t *to, uint32_t size)
{
	uint32_t done = 0;

	while (done < size && in->at < in->end) {
		uint8_t token = *in->at++;
		uint64_t n;

		if (token >= TOKEN_ZEROS) {
			n = token == TOKEN_MANY ? take_number(in) : token - TOKEN_ZEROS + 1u;
			done = n < size - done ? done + n : size;
			continue;
		}
		n = token + 1u;
		if (n > size - done)
			n = size - done;
		if (n > (size_t)(in->end - in->at))
			n = in->end - in->at;
		if (to)
			memcpy(to + done, in->at, n);
		in->at += n;
		done += n;
	}
}

static void take_parts(struct fuzz_sequence *s, struct input *in, uint32_t index)
{
	uint8_t count = take_byte(in);

	for (uint8_t k = 0; k < count && in->at < in->end; k++) {
		uint8_t role = take_byte(in);
		uint64_t size = take_number(in);
		bool bad = role & ROLE_BAD;
		uint8_t *bytes = NULL;

		role &= ROLE_MASK;
		if (size > FUZZ_PART_MAX)
			size = FUZZ_PART_MAX;
		if (role_is_in(role) && !fuzz_sequence_find(s, index, role) &&
		    s->part_count < FUZZ_PARTS_MAX && s->byte_count + size <= FUZZ_BYTES_MAX - 8) {
			bytes = fuzz_sequence_part(s, index, role, size);
			if (bytes && bad)
				fuzz_sequence_find(s, index, role)->flags = FUZZ_PART_BAD;
		}
		take_tokens(in, bytes, size);
	}
}

void fuzz_sequence_decode(struct fuzz_sequence *s, const void *data, size_t size)
{
	struct input in = {data, (const uint8_t *)data + size};

	fuzz_sequence_clear(s);
	s->arch = take_byte(&in) % KVMAPI_ARCHS;
	while (in.at < in.end && s->call_count < FUZZ_CALLS_MAX) {
		uint32_t index = s->call_count;
		struct fuzz_call *call = &s->calls[index];
		uint8_t head = take_byte(&in);
		uint64_t distance;

		*call = (struct fuzz_call){
			.op = (head & HEAD_OP) <= FUZZ_MEMORY ? head & HEAD_OP : FUZZ_IOCTL,
			.flags = head & HEAD_OPEN ? FUZZ_CALL_OPEN : 0,
			.thread = head >> HEAD_THREAD_SHIFT & HEAD_THREAD,
			.part = s->part_count,
		};
		if (call->op == FUZZ_IOCTL) {
			for (unsigned int shift = 0; shift < 32; shift += 8)
				call->request |= (uint32_t)take_byte(&in) << shift;
		}
		distance = take_number(&in);
		call->object = distance && distance <= index ? index + 1 - distance : 0;
		if (head & HEAD_ARG)
			call->arg = take_number(&in);
		s->call_count++;
		fuzz_call_resolve(s, index);
		if (head & HEAD_PARTS)
			take_parts(s, &in, index);
	}
}

/* --- writing ---------------------------------------------------------------------------------- */

struct output {
	uint8_t *at, *end;
	bool full;
};

static void put_byte(struct output *out, uint8_t byte)
{
	if (out->at == out->end)
		out->full = true;
	else
		*out->at++ = byte;
}

static void put_number(struct output *out, uint64_t value)
{
	while (value >= 0x80) {
		put_byte(out, (uint8_t)value | 0x80);
		value >>= 7;
	}
	put_byte(out, (uint8_t)value);
}

/* How many of the first bytes are zero. */
static uint32_t zeros(const uint8_t *bytes, uint32_t size)
{
	uint32_t n = 0;
	uint64_t word;

	while (n + 8 <= size) {
		memcpy(&word, bytes + n, 8);
		if (word)
			break;
		n += 8;
	}
	while (n < size && !bytes[n])
		n++;
	return n;
}

static void put_tokens(struct output *out, const uint8_t *bytes, uint32_t size)
{
	uint32_t done = 0;

	while (done < size && !out->full) {
		uint32_t n = zeros(bytes + done, size - done);

		if (n >= ZEROS_WORTH || n == size - done) {
			if (n > ZEROS_SHORT) {
				put_byte(out, TOKEN_MANY);
				put_number(out, n);
			} else {
				put_byte(out, TOKEN_ZEROS + n - 1);
			}
			done += n;
			continue;
		}
		/* Up to the next zeros that are worth a token. */
		for (n++; n < size - done && n < LITERAL_MAX; n++) {
			if (!bytes[done + n] &&
			    zeros(bytes + done + n, size - done - n < 4 ? size - done - n : 4) >=
				    ZEROS_WORTH)
				break;
		}
		if (n > LITERAL_MAX)
			n = LITERAL_MAX;
		if (n > (size_t)(out->end - out->at)) {
			out->full = true;
			return;
		}
		put_byte(out, n - 1);
		if (n > (size_t)(out->end - out->at)) {
			out->full = true;
			return;
		}
		memcpy(out->at, bytes + done, n);
		out->at += n;
		done += n;
	}
}

static void put_call(struct output *out, const struct fuzz_sequence *s, uint32_t index)
{
	const struct fuzz_call *call = &s->calls[index];

	put_byte(out, call->op | (call->flags & FUZZ_CALL_OPEN ? HEAD_OPEN : 0) |
			      (call->thread & HEAD_THREAD) << HEAD_THREAD_SHIFT |
			      (call->arg ? HEAD_ARG : 0) | (call->part_count ? HEAD_PARTS : 0));
	if (call->op == FUZZ_IOCTL) {
		for (unsigned int shift = 0; shift < 32; shift += 8)
			put_byte(out, call->request >> shift);
	}
	put_number(out, call->object ? index + 1 - call->object : 0);
	if (call->arg)
		put_number(out, call->arg);
	if (!call->part_count)
		return;
	put_byte(out, call->part_count);
	for (uint16_t k = 0; k < call->part_count; k++) {
		const struct fuzz_part *p = &s->parts[call->part + k];

		put_byte(out, p->role | (p->flags & FUZZ_PART_BAD ? ROLE_BAD : 0));
		put_number(out, p->size);
		put_tokens(out, s->bytes + p->offset, p->size);
	}
}

size_t fuzz_sequence_encode(const struct fuzz_sequence *s, void *data, size_t room, uint32_t *calls)
{
	struct output out = {data, (uint8_t *)data + room, false};
	uint8_t *whole;
	uint32_t i;

	put_byte(&out, s->arch);
	whole = out.at;
	for (i = 0; i < s->call_count; i++) {
		put_call(&out, s, i);
		if (out.full)
			break;
		whole = out.at;
	}
	if (calls)
		*calls = i;
	return whole - (uint8_t *)data;
}
