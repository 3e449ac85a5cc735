// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "tape/format.h"
#include "fuzz/tape_dump.h"
#include "fuzz/tape_random.h"

#define THREADS	  5
#define PART_ROOM 70000
#define REQUESTS  6

struct call_state {
	struct tape_call call;
	struct tape_part parts[TAPE_ROLES];
	uint8_t *bytes[TAPE_ROLES];
	uint64_t item;
	bool open;
};

struct state {
	const struct tape_random_options *o;
	struct tape_env env;
	struct tape_writer *w;
	FILE *expected;
	size_t chosen; /* of o->choices */
	uint64_t rng, time, index, calls, returns, items;
	unsigned int thread_count;
	struct call_state threads[THREADS];
	struct tape_object objects[64];
	unsigned int object_count;
	struct tape_part out[TAPE_ROLES];
	uint8_t *out_bytes[TAPE_ROLES];
	unsigned int out_count;
};

static uint32_t any(struct state *s, uint32_t below)
{
	uint32_t choice = 0;

	if (s->o && s->o->choices) {
		for (uint32_t most = below - 1; most && s->chosen < s->o->count; most >>= 8)
			choice = choice << 8 | s->o->choices[s->chosen++];
		return choice % below;
	}
	s->rng = s->rng * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((s->rng >> 33) % below);
}

/* As the tape keeps it. */
static uint64_t kept(const struct state *s, uint64_t time)
{
	return s->env.timeless ? 0 : time >> s->env.clock_shift << s->env.clock_shift;
}

static uint64_t tick(struct state *s)
{
	s->time += any(s, 5000);
	/* Processors do not agree on the time to the last nanosecond. */
	return any(s, 8) ? s->time
			 : s->time - any(s, (uint32_t)(s->time < 100 ? s->time + 1 : 100));
}

static void expect(struct state *s, const struct tape_item *item)
{
	tape_dump_item(s->expected, item);
	if (item->type == TAPE_CALL || item->type == TAPE_RETURN || item->type == TAPE_CLOSED ||
	    item->type == TAPE_GAP || item->type == TAPE_MEMORY)
		s->items++;
}

/* Parts like those of the last time, changed a little, or quite others. */
static unsigned int make_parts(struct state *s, struct tape_part *parts, uint8_t **bytes,
			       unsigned int count, uint64_t arg, bool in)
{
	static const uint32_t sizes[] = {0, 1, 4, 8, 16, 56, 64, 65, 300, 2352};
	static const uint8_t in_roles[] = {TAPE_ARG_IN, TAPE_RUN_IN,	TAPE_RUN_REGS_IN,
					   TAPE_PIO_IN, TAPE_NESTED_IN, TAPE_NESTED_IN + 15};
	static const uint8_t out_roles[] = {TAPE_ARG_OUT, TAPE_RUN_OUT,	   TAPE_RUN_REGS_OUT,
					    TAPE_PIO_OUT, TAPE_NESTED_OUT, TAPE_NESTED_OUT + 15,
					    TAPE_ARG_IN};

	if (!any(s, 4)) {
		uint8_t roles[7];
		unsigned int left = in ? sizeof(in_roles) : sizeof(out_roles);

		memcpy(roles, in ? in_roles : out_roles, left);
		count = any(s, left + 1);
		for (unsigned int i = 0; i < count; i++) {
			unsigned int pick = any(s, left);
			struct tape_part *p = &parts[i];

			p->role = roles[pick];
			roles[pick] = roles[--left];
			p->want = sizes[any(s, sizeof(sizes) / sizeof(sizes[0]))];
			if (s->o->big_parts && !any(s, s->o->big_parts))
				p->want = any(s, PART_ROOM);
			p->flags = any(s, 3) ? 0 : (uint8_t)any(s, 8);
			p->have = p->want && !any(s, 5) ? any(s, p->want) : p->want;
			p->addr = any(s, 3) ? arg + any(s, 2) * 4096ull : 0;
		}
	}
	for (unsigned int i = 0; i < count; i++) {
		if (!bytes[i])
			bytes[i] = calloc(1, PART_ROOM);
		for (unsigned int n = any(s, 3) ? any(s, 4) : 0; n-- && parts[i].have;)
			bytes[i][any(s, parts[i].have)] = (uint8_t)any(s, 256);
		if (!any(s, 40))
			for (uint32_t b = 0; b < parts[i].have; b++)
				bytes[i][b] = (uint8_t)any(s, 256);
		parts[i].data = parts[i].have ? bytes[i] : NULL;
	}
	return count;
}

static int add_thread(struct state *s)
{
	struct tape_item item = {.type = TAPE_THREAD};

	if (s->thread_count == THREADS)
		return 0;
	item.u.thread = (struct tape_thread){
		.id = s->thread_count,
		.pid = 100 + any(s, 2),
		.tid = 1000 + any(s, 100000),
	};
	snprintf(item.u.thread.comm, sizeof(item.u.thread.comm), "CPU %u/KVM", s->thread_count++);
	expect(s, &item);
	return tape_writer_thread(s->w, &item.u.thread);
}

static int add_object(struct state *s)
{
	struct tape_item item = {.type = TAPE_OBJECT};
	struct tape_object *o = &item.u.object;

	if (s->object_count == 64)
		return 0;
	o->id = s->object_count + 1;
	o->kind = KVMAPI_SYSTEM;
	if (s->object_count) {
		o->kind = (uint8_t)(KVMAPI_VM << any(s, 3));
		for (unsigned int i = 0; i < s->object_count && o->kind != KVMAPI_VM; i++)
			if (s->objects[i].kind == KVMAPI_VM)
				o->parent = i + 1;
	}
	o->flags = any(s, 2) ? 0 : TAPE_OBJECT_PRE_EXISTING;
	o->fd = (int32_t)any(s, 30) - 1;
	o->number = any(s, 3) ? any(s, 300) : UINT64_MAX;
	s->objects[s->object_count++] = *o;
	expect(s, &item);
	return tape_writer_object(s->w, o);
}

static int add_call(struct state *s, unsigned int t)
{
	static const uint32_t requests[REQUESTS] = {0xae80,	0x4138ae81, 0x8138ae83,
						    0xc008aeba, 0xae03,	    0xdeadbeef};
	struct call_state *c = &s->threads[t];
	struct tape_item item = {.type = TAPE_CALL, .u.call = &c->call};
	uint64_t time = tick(s);
	uint64_t arg = c->call.arg;
	int err;

	if (!any(s, 3))
		arg = any(s, 4)	  ? 0x7ffc00001000ull + any(s, 1 << 20) * 16ull
		      : any(s, 2) ? 0
				  : UINT64_MAX;
	c->call.object = any(s, 4) && c->call.object ? c->call.object : 1 + any(s, s->object_count);
	c->call.kind = s->objects[c->call.object - 1].kind;
	if (!any(s, 3) || !c->call.request)
		c->call.request = requests[any(s, REQUESTS)];
	c->call.thread = t;
	c->call.arg = arg;
	c->call.time = time;
	c->call.parts = c->parts;
	c->call.part_count = make_parts(s, c->parts, c->bytes, c->call.part_count, arg, true);
	err = tape_writer_call(s->w, &c->call);
	c->call.index = s->index++;
	c->call.time = kept(s, time);
	expect(s, &item);
	c->item = s->items;
	c->open = true;
	s->calls++;
	return err;
}

static int add_return(struct state *s, unsigned int t)
{
	struct call_state *c = &s->threads[t];
	struct tape_return ret = {
		.call = &c->call,
		.time = tick(s),
		.ret = any(s, 3) ? 0 : (int64_t)any(s, 200) - 100,
		.created = any(s, 20) ? 0 : 1 + any(s, s->object_count),
		.overlapped = c->item != s->items,
		.parts = s->out,
	};
	struct tape_item item = {.type = TAPE_RETURN, .u.ret = &ret};
	int err;

	s->out_count = make_parts(s, s->out, s->out_bytes, s->out_count, c->call.arg, false);
	ret.part_count = s->out_count;
	err = tape_writer_return(s->w, t, &ret);
	ret.time = kept(s, ret.time);
	expect(s, &item);
	c->open = false;
	s->returns++;
	return err;
}

static int add_signal(struct state *s)
{
	static const uint8_t sent[] = {TAPE_SIGNAL_PENDING, TAPE_SIGNAL_IGNORED, TAPE_SIGNAL_MERGED,
				       TAPE_SIGNAL_REFUSED, TAPE_SIGNAL_BARE};
	static const uint8_t taken[] = {TAPE_SIGNAL_HANDLED, TAPE_SIGNAL_DEFAULT,
					TAPE_SIGNAL_IGNORED};
	struct tape_item item = {.type = TAPE_SIGNAL};
	struct tape_signal *signal = &item.u.signal;
	int err;

	signal->time = tick(s);
	signal->what = (uint8_t)any(s, TAPE_SIGNAL_WHATS);
	if (signal->what == TAPE_SIGNAL_LOST) {
		signal->count = 1 + any(s, 1000);
	} else {
		signal->thread = any(s, s->thread_count);
		signal->number = (uint8_t)(1 + any(s, TAPE_MAX_SIGNAL));
		signal->outcome =
			signal->what == TAPE_SIGNAL_DELIVERED ? taken[any(s, 3)] : sent[any(s, 5)];
		signal->process = any(s, 2);
		signal->code = (int32_t)any(s, 200) - 100;
		signal->sender = any(s, 2) ? 0 : any(s, 100000);
	}
	err = tape_writer_signal(s->w, signal);
	signal->time = kept(s, signal->time);
	expect(s, &item);
	return err;
}

static int add_other(struct state *s)
{
	struct tape_item item;
	uint8_t bytes[100];
	uint64_t time;
	int err;

	switch (any(s, 5)) {
	case 0:
		item.type = TAPE_CLOSED;
		item.u.closed.object = 1 + any(s, s->object_count);
		time = tick(s);
		item.u.closed.time = kept(s, time);
		err = tape_writer_closed(s->w, item.u.closed.object, time);
		break;
	case 1:
		item.type = TAPE_GAP;
		item.u.gap = (struct tape_gap){.time = tick(s),
					       .events = any(s, 1000),
					       .cause = (uint8_t)any(s, TAPE_GAP_CAUSES)};
		err = tape_writer_gap(s->w, &item.u.gap);
		item.u.gap.time = kept(s, item.u.gap.time);
		s->index += item.u.gap.events;
		break;
	case 2:
		item.type = TAPE_MEMORY;
		for (unsigned int i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)any(s, 256);
		item.u.memory = (struct tape_memory){.object = 1 + any(s, s->object_count),
						     .gpa = any(s, 1 << 30) * 4096ull,
						     .len = any(s, sizeof(bytes) + 1),
						     .data = bytes};
		err = tape_writer_memory(s->w, &item.u.memory);
		break;
	case 3:
		return add_signal(s);
	default:
		return tape_writer_flush(s->w);
	}
	expect(s, &item);
	return err;
}

static int add_any(struct state *s)
{
	unsigned int what = any(s, 100), t = any(s, s->thread_count);

	if (what < 3)
		return add_thread(s);
	if (what < 6)
		return add_object(s);
	if (what < 10)
		return add_other(s);
	/* Now and then a call is left without its return. */
	if (s->threads[t].open && any(s, 50))
		return add_return(s, t);
	what = any(s, 3);
	if (!what) {
		return add_call(s, t);
	} else {
		int err = add_call(s, t);

		return err ? err : add_return(s, t);
	}
}

int tape_random_write(int fd, const struct tape_random_options *o, FILE *expected)
{
	struct tape_writer_options options =
		TAPE_WRITER_OPTIONS(.frame_bytes = o->frame_bytes, .level = o->level);
	struct state *s = calloc(1, sizeof(*s));
	struct tape_item item = {.type = TAPE_END};
	int err;

	if (!s)
		return -ENOMEM;
	s->o = o;
	s->rng = o->seed * 0x9E3779B97F4A7C15ull + 1;
	s->expected = expected;
	tape_env_init(&s->env);
	s->env.timeless = o->timeless;
	s->env.clock_shift = any(s, 12);
	err = tape_env_set(&s->env, "kernel.release", "6.1.0-13-amd64");
	if (!err)
		err = tape_env_set(&s->env, "start.time", "2026-01-01T00:00:00Z");
	for (unsigned int n = any(s, 5); n-- && !err;)
		err = tape_env_set_cap(&s->env, any(s, 250), (int32_t)any(s, 100) - 50);
	tape_dump_env(expected, &s->env);
	if (!err)
		err = tape_writer_open(fd, &s->env, &options, &s->w);
	if (!err)
		err = add_thread(s);
	if (!err)
		err = add_object(s);
	for (unsigned int i = 0; i < o->items && !err && (!o->choices || s->chosen < o->count); i++)
		err = add_any(s);
	if (o->unfinished) {
		if (!err)
			err = tape_writer_flush(s->w);
	} else if (!err) {
		item.u.end.seen = s->calls + 3;
		item.u.end.lost[TAPE_GAP_BUFFER] = 3;
		err = tape_writer_finish(s->w, &item.u.end);
		item.u.end.written = s->calls;
		item.u.end.unreturned = s->calls - s->returns;
		expect(s, &item);
	}
	tape_dump_result(expected, 0, !o->unfinished);
	tape_writer_close(s->w);
	for (unsigned int i = 0; i < TAPE_ROLES; i++) {
		free(s->out_bytes[i]);
		for (unsigned int t = 0; t < THREADS; t++)
			free(s->threads[t].bytes[i]);
	}
	tape_env_release(&s->env);
	free(s);
	return err;
}

uint8_t *tape_random_slurp(int fd, size_t *size)
{
	struct stat st;
	uint8_t *data;

	if (fstat(fd, &st))
		abort();
	*size = (size_t)st.st_size;
	data = malloc(*size + 1);
	if (!data || pread(fd, data, *size, 0) != (ssize_t)*size)
		abort();
	return data;
}

void tape_random_memory(const struct tape_random_options *options, uint8_t **tape, size_t *size,
			char **expected)
{
	int fd = memfd_create("tape", MFD_CLOEXEC);
	size_t len;
	FILE *out = open_memstream(expected, &len);

	if (fd < 0 || !out || tape_random_write(fd, options, out))
		abort();
	fclose(out);
	*tape = tape_random_slurp(fd, size);
	close(fd);
}

uint8_t *tape_random_damage(const uint8_t *tape, size_t size, uint64_t seed, size_t *damaged_size)
{
	struct state s = {.rng = seed * 0x9E3779B97F4A7C15ull + 77};
	const size_t first = 8 + TAPE_HEADER_SIZE;
	size_t at, frames = 0, stored = 0, decoded, packed;
	uint8_t *frame = malloc(TAPE_MAX_FRAME), *damaged;
	ZSTD_CCtx *cctx = ZSTD_createCCtx();

	if (!frame || !cctx)
		abort();
	for (at = first; tape_le_get(tape + at, 4) == ZSTD_MAGICNUMBER; at += stored, frames++)
		stored = ZSTD_findFrameCompressedSize(tape + at, size - at);
	at = first;
	for (size_t n = any(&s, (uint32_t)frames); n--;)
		at += ZSTD_findFrameCompressedSize(tape + at, size - at);
	stored = ZSTD_findFrameCompressedSize(tape + at, size - at);
	decoded = ZSTD_decompress(frame, TAPE_MAX_FRAME, tape + at, stored);
	if (ZSTD_isError(decoded))
		abort();
	for (unsigned int n = 1 + any(&s, 4); n--;) {
		uint8_t *byte = &frame[any(&s, (uint32_t)decoded)];

		/* Numbers at their limits break more than others. */
		*byte = any(&s, 3)   ? (uint8_t)any(&s, 256)
			: any(&s, 2) ? 0xff
				     : (uint8_t)(*byte ^ 0x80);
	}
	damaged = malloc(size + ZSTD_compressBound(decoded));
	if (!damaged)
		abort();
	memcpy(damaged, tape, at);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_checksumFlag, 1);
	packed = ZSTD_compress2(cctx, damaged + at, ZSTD_compressBound(decoded), frame, decoded);
	if (ZSTD_isError(packed))
		abort();
	memcpy(damaged + at + packed, tape + at + stored, size - at - stored);
	*damaged_size = size - stored + packed;
	ZSTD_freeCCtx(cctx);
	free(frame);
	return damaged;
}
