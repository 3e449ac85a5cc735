// SPDX-License-Identifier: BSD-2-Clause
/*
 * Made the golden tapes of this directory, once: `make DIRECTORY`.  The files are never made again,
 * for they are the promise that what was written by format 1.0 stays readable; a change that needs
 * a new file adds it under a new name (those with "signal" in it are of format 1.1).  Beside each
 * X.tape stands X.items: what a reader must say of it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "tape/format.h"
#include "fuzz/tape_dump.h"
#include "fuzz/tape_random.h"

static const char *directory;

static void die(const char *what)
{
	fprintf(stderr, "golden make: %s\n", what);
	exit(1);
}

static FILE *create(const char *name, const char *suffix)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.%s", directory, name, suffix);
	file = fopen(path, "wx");
	if (!file)
		die(path);
	return file;
}

static void save(const char *name, const void *tape, size_t size, const char *items)
{
	FILE *file = create(name, "tape");

	if (fwrite(tape, 1, size, file) != size || fclose(file))
		die(name);
	file = create(name, "items");
	if (fputs(items, file) < 0 || fclose(file))
		die(name);
}

/* --- a small session with everything on it ---------------------------------------------------- */

struct session {
	struct tape_writer *w;
	FILE *items;
	uint64_t index, calls, returns;
	unsigned int shift;
	bool timeless;
};

static uint64_t kept(const struct session *s, uint64_t time)
{
	return s->timeless ? 0 : time >> s->shift << s->shift;
}

static void ok(int err)
{
	if (err)
		die(tape_strerror(err));
}

static void call(struct session *s, struct tape_call *c, uint64_t time)
{
	struct tape_item item = {.type = TAPE_CALL, .u.call = c};

	c->time = time;
	ok(tape_writer_call(s->w, c));
	c->time = kept(s, time);
	c->index = s->index++;
	s->calls++;
	tape_dump_item(s->items, &item);
}

static void ret(struct session *s, struct tape_call *c, struct tape_return *r, uint64_t time,
		bool overlapped)
{
	struct tape_item item = {.type = TAPE_RETURN, .u.ret = r};

	r->call = c;
	r->time = time;
	r->overlapped = overlapped;
	ok(tape_writer_return(s->w, c->thread, r));
	r->time = kept(s, time);
	s->returns++;
	tape_dump_item(s->items, &item);
}

static void thread(struct session *s, uint32_t id, const char *comm)
{
	struct tape_item item = {.type = TAPE_THREAD};

	item.u.thread = (struct tape_thread){.id = id, .pid = 4000, .tid = 4000 + id};
	snprintf(item.u.thread.comm, sizeof(item.u.thread.comm), "%s", comm);
	ok(tape_writer_thread(s->w, &item.u.thread));
	tape_dump_item(s->items, &item);
}

static void object(struct session *s, uint32_t id, uint32_t parent, uint8_t kind, int32_t fd,
		   uint64_t number)
{
	struct tape_item item = {.type = TAPE_OBJECT};

	item.u.object = (struct tape_object){.id = id,
					     .parent = parent,
					     .kind = kind,
					     .fd = fd,
					     .number = number,
					     .flags = id == 1 ? TAPE_OBJECT_PRE_EXISTING : 0};
	ok(tape_writer_object(s->w, &item.u.object));
	tape_dump_item(s->items, &item);
}

static void run(struct session *s, unsigned int n)
{
	static uint8_t page[56], before[56];
	uint8_t data = (uint8_t)('a' + n);
	struct tape_part in = {.role = TAPE_RUN_IN, .want = 56, .have = 56, .data = before};
	struct tape_part out[2] = {
		{.role = TAPE_RUN_OUT, .want = 56, .have = 56, .data = page},
		{.role = TAPE_PIO_OUT, .want = 1, .have = 1, .data = &data},
	};
	struct tape_call c = {.thread = 1,
			      .object = 3,
			      .kind = KVMAPI_VCPU,
			      .request = 0xae80,
			      .part_count = 1,
			      .parts = &in};
	struct tape_return r = {.part_count = 2, .parts = out};

	memcpy(before, page, sizeof(page));
	call(s, &c, 10000 + n * 9000);
	page[8] = 2;
	page[32] = 1;
	page[33] = 1;
	page[34] = (uint8_t)(0x02 + (n == 5));
	page[35] = 0x04;
	page[36] = 1;
	page[40] = 0;
	page[41] = 0x10;
	ret(s, &c, &r, 14000 + n * 9000, false);
}

static void write_session(int fd, FILE *items, bool timeless, bool finish)
{
	const struct tape_writer_options options =
		TAPE_WRITER_OPTIONS(.frame_bytes = timeless ? 0 : 200);
	struct session s = {.items = items, .timeless = timeless, .shift = 6};
	struct tape_item item;
	struct tape_env env;
	static const uint8_t in[16] = {2, 0, 0, 0, 0, 0, 0, 0, 0x74, 1, 0, 0, 0x80};
	uint8_t out[40] = {0}, guest[24] = {0xf4};
	struct tape_part parts[3] = {
		{.role = TAPE_ARG_IN,
		 .want = 40,
		 .have = 16,
		 .addr = 0x7ffe0010,
		 .data = in,
		 .flags = TAPE_PART_CLIPPED},
		{.role = TAPE_NESTED_IN + 1,
		 .want = 64,
		 .addr = 0x55550000,
		 .flags = TAPE_PART_FAULT},
	};
	struct tape_part late[3] = {
		{.role = TAPE_ARG_OUT, .want = 40, .have = 40, .addr = 0x7ffe0010, .data = out},
		{.role = TAPE_NESTED_IN,
		 .want = 16,
		 .have = 16,
		 .addr = 0x55556000,
		 .data = in,
		 .flags = TAPE_PART_LATE},
	};
	struct tape_call c = {.object = 1, .kind = KVMAPI_SYSTEM, .request = 0xae01};
	struct tape_call wait = {.thread = 1, .object = 3, .kind = KVMAPI_VCPU, .request = 0xae80};
	struct tape_return r = {.ret = 11, .created = 2};

	tape_env_init(&env);
	env.timeless = timeless;
	ok(tape_env_set(&env, "kernel.release", "6.1.0-13-amd64"));
	ok(tape_env_set(&env, "kvm.backend", "kvm_amd"));
	ok(tape_env_set_cap(&env, 3, 1));
	ok(tape_env_set_cap(&env, 188, -22));
	tape_dump_env(items, &env);
	ok(tape_writer_open(fd, &env, &options, &s.w));
	tape_env_release(&env);
	thread(&s, 0, "qemu-system-x86");
	object(&s, 1, 0, KVMAPI_SYSTEM, 10, UINT64_MAX);
	call(&s, &c, 1000);
	object(&s, 2, 0, KVMAPI_VM, 11, UINT64_MAX);
	ret(&s, &c, &r, 2000, false);
	c = (struct tape_call){.object = 2, .kind = KVMAPI_VM, .request = 0xae41};
	r = (struct tape_return){.ret = 12, .created = 3};
	call(&s, &c, 3000);
	object(&s, 3, 2, KVMAPI_VCPU, 12, 0);
	ret(&s, &c, &r, 4000, false);
	item = (struct tape_item){
		.type = TAPE_MEMORY,
		.u.memory = {.object = 2, .gpa = 0xfffff000, .len = sizeof(guest), .data = guest}};
	ok(tape_writer_memory(s.w, &item.u.memory));
	tape_dump_item(items, &item);
	/* An error, payload that is not whole, payload that came late, numbers of every size. */
	c = (struct tape_call){.object = 2,
			       .kind = KVMAPI_VM,
			       .request = 0xc008aeba,
			       .arg = 0x7ffe0010,
			       .part_count = 2,
			       .parts = parts};
	r = (struct tape_return){.ret = -14, .part_count = 2, .parts = late};
	call(&s, &c, 5000);
	ret(&s, &c, &r, 5700, false);
	thread(&s, 1, "CPU 0/KVM");
	for (unsigned int n = 0; n < 12; n++)
		run(&s, n);
	/* A call across others and across a gap and a frame. */
	call(&s, &wait, 200000);
	c = (struct tape_call){.object = 2, .kind = KVMAPI_VM, .request = 0xae03, .arg = 188};
	r = (struct tape_return){.ret = 1};
	call(&s, &c, 200100);
	ret(&s, &c, &r, 200400, false);
	item = (struct tape_item){
		.type = TAPE_GAP,
		.u.gap = {.time = 201000, .events = 17, .cause = TAPE_GAP_BUFFER}};
	ok(tape_writer_gap(s.w, &item.u.gap));
	item.u.gap.time = kept(&s, item.u.gap.time);
	s.index += 17;
	tape_dump_item(items, &item);
	ok(tape_writer_flush(s.w));
	r = (struct tape_return){.ret = -4};
	ret(&s, &wait, &r, 300000, true);
	/* A call that is never answered, by one that is, and one that is still open at the end. */
	call(&s, &wait, 310000);
	run(&s, 40);
	item = (struct tape_item){.type = TAPE_CLOSED, .u.closed = {.object = 3, .time = 400000}};
	ok(tape_writer_closed(s.w, 3, 400000));
	item.u.closed.time = kept(&s, 400000);
	tape_dump_item(items, &item);
	c = (struct tape_call){
		.object = 2, .kind = KVMAPI_VM, .request = 0xae41, .arg = UINT64_MAX};
	call(&s, &c, 400100);
	if (finish) {
		item = (struct tape_item){
			.type = TAPE_END,
			.u.end = {.seen = s.calls + 17, .lost = {[TAPE_GAP_BUFFER] = 17}}};
		ok(tape_writer_finish(s.w, &item.u.end));
		item.u.end.written = s.calls;
		item.u.end.unreturned = s.calls - s.returns;
		tape_dump_item(items, &item);
	} else {
		ok(tape_writer_flush(s.w));
	}
	tape_writer_close(s.w);
}

static void put_signal(struct session *s, struct tape_signal signal)
{
	struct tape_item item = {.type = TAPE_SIGNAL, .u.signal = signal};

	ok(tape_writer_signal(s->w, &signal));
	item.u.signal.time = kept(s, signal.time);
	tape_dump_item(s->items, &item);
}

/* Format 1.1: signals before, in and after calls, and at the beginning of a frame. */
static void write_signals(int fd, FILE *items)
{
	struct session s = {.items = items, .shift = 6};
	struct tape_call c = {.object = 1, .kind = KVMAPI_VCPU, .request = 0xae80};
	struct tape_return r = {.ret = -4};
	struct tape_item item;
	struct tape_env env;

	tape_env_init(&env);
	ok(tape_env_set(&env, "kernel.release", "6.1.0-13-amd64"));
	tape_dump_env(items, &env);
	ok(tape_writer_open(fd, &env, NULL, &s.w));
	tape_env_release(&env);
	thread(&s, 0, "CPU 0/KVM");
	thread(&s, 1, "CPU 1/KVM");
	object(&s, 1, 0, KVMAPI_VCPU, 12, 0);
	put_signal(&s,
		   (struct tape_signal){.time = 64000, .number = 10, .code = -6, .sender = 4711});
	put_signal(&s, (struct tape_signal){.time = 65000,
					    .number = 10,
					    .what = TAPE_SIGNAL_DELIVERED,
					    .outcome = TAPE_SIGNAL_HANDLED,
					    .code = -6});
	call(&s, &c, 70000);
	/* A reader that does not know it says that nothing overlaps this call; so must all. */
	put_signal(&s, (struct tape_signal){.time = 69000,
					    .number = 64,
					    .outcome = TAPE_SIGNAL_MERGED,
					    .process = true,
					    .code = 128});
	ret(&s, &c, &r, 80000, false);
	put_signal(&s, (struct tape_signal){.time = 81000,
					    .number = 9,
					    .thread = 1,
					    .what = TAPE_SIGNAL_DELIVERED,
					    .outcome = TAPE_SIGNAL_DEFAULT});
	ok(tape_writer_flush(s.w));
	put_signal(&s, (struct tape_signal){.time = 90000, .what = TAPE_SIGNAL_LOST, .count = 300});
	call(&s, &c, 100000);
	ret(&s, &c, &r, 101000, false);
	item = (struct tape_item){.type = TAPE_END, .u.end = {.seen = s.calls}};
	ok(tape_writer_finish(s.w, &item.u.end));
	item.u.end.written = s.calls;
	tape_dump_item(items, &item);
	tape_dump_result(items, 0, true);
	tape_writer_close(s.w);
}

static void make_signals(void)
{
	int fd = memfd_create("golden", MFD_CLOEXEC);
	char *items;
	size_t size;
	FILE *out = open_memstream(&items, &size);
	uint8_t *tape;

	if (fd < 0 || !out)
		die("no memory");
	write_signals(fd, out);
	fclose(out);
	tape = tape_random_slurp(fd, &size);
	save("good-signals", tape, size, items);
	close(fd);
	free(tape);
	free(items);
}

static uint8_t *session(bool timeless, bool finish, size_t *size, char **items)
{
	int fd = memfd_create("golden", MFD_CLOEXEC);
	size_t len;
	FILE *out = open_memstream(items, &len);
	uint8_t *tape;

	if (fd < 0 || !out)
		die("no memory");
	write_session(fd, out, timeless, finish);
	tape_dump_result(out, 0, finish);
	fclose(out);
	tape = tape_random_slurp(fd, size);
	close(fd);
	return tape;
}

/* --- pieces of a tape ------------------------------------------------------------------------- */

static size_t frame_size(const uint8_t *at, const uint8_t *end)
{
	size_t size = ZSTD_findFrameCompressedSize(at, (size_t)(end - at));

	if (ZSTD_isError(size))
		die("no frame");
	return size;
}

/* The n-th zstd frame, from 0; the skippable one behind them is frame_end(). */
static const uint8_t *frame(const uint8_t *tape, size_t size, unsigned int n)
{
	const uint8_t *at = tape + 8 + TAPE_HEADER_SIZE;

	while (n--)
		at += frame_size(at, tape + size);
	return at;
}

static const uint8_t *frames_end(const uint8_t *tape, size_t size)
{
	const uint8_t *at = frame(tape, size, 0);

	while (tape_le_get(at, 4) == ZSTD_MAGICNUMBER)
		at += frame_size(at, tape + size);
	return at;
}

/* The first lines of a dump, then more, then how reading ended. */
static char *items_cut(const char *items, size_t lines, const char *more, int err)
{
	const char *at = items;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	while (lines--)
		at = strchr(at, '\n') + 1;
	fprintf(out, "%.*s%s", (int)(at - items), items, more);
	tape_dump_result(out, err, false);
	fclose(out);
	return text;
}

static size_t lines_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* How many lines of the good dump stem from the first n zstd frames. */
static size_t lines_before(const uint8_t *tape, size_t size, unsigned int n)
{
	char *text = tape_dump_memory(tape, (size_t)(frame(tape, size, n) - tape));
	size_t lines = lines_of(text) - 1;

	free(text);
	return lines;
}

/* A tape of one frame after the good first one, holding these blocks, with a good checksum. */
static void save_blocks(const char *name, const uint8_t *tape, size_t size, const char *items,
			const char *more, const uint8_t *blocks, size_t len, int err)
{
	const size_t head = (size_t)(frame(tape, size, 1) - tape);
	const size_t known = lines_before(tape, size, 1);
	uint8_t *bad = malloc(head + ZSTD_compressBound(len));
	ZSTD_CCtx *cctx = ZSTD_createCCtx();
	char *text = items_cut(items, known, more, err);
	size_t packed;

	ZSTD_CCtx_setParameter(cctx, ZSTD_c_checksumFlag, 1);
	memcpy(bad, tape, head);
	packed = ZSTD_compress2(cctx, bad + head, ZSTD_compressBound(len), blocks, len);
	if (ZSTD_isError(packed))
		die("compression");
	save(name, bad, head + packed, text);
	ZSTD_freeCCtx(cctx);
	free(text);
	free(bad);
}

static void save_changed(const char *name, const uint8_t *tape, size_t size, size_t at,
			 uint8_t value, const char *items)
{
	uint8_t *bad = malloc(size);

	memcpy(bad, tape, size);
	bad[at] = value;
	save(name, bad, size, items);
	free(bad);
}

static void save_error(const char *name, const uint8_t *tape, size_t size, size_t at, uint8_t value,
		       int err)
{
	char *text = items_cut("", 0, "", err);

	save_changed(name, tape, size, at, value, text);
	free(text);
}

/* --- the files -------------------------------------------------------------------------------- */

static void make_good(const uint8_t *tape, size_t size, const char *items)
{
	const uint8_t *second = frame(tape, size, 1);
	static const uint8_t unknown[] = {0x57, 0x2a, 0x4d, 0x18, 5,   0,  0,
					  0,	'h',  'e',  'l',  'l', 'o'};
	uint8_t *more = malloc(size + sizeof(unknown));
	char *other;
	uint8_t *without;
	size_t without_size, head = (size_t)(second - tape);

	save("good", tape, size, items);
	/* Frames of others between ours. */
	memcpy(more, tape, head);
	memcpy(more + head, unknown, sizeof(unknown));
	memcpy(more + head + sizeof(unknown), second, size - head);
	save("good-unknown-skippable", more, size + sizeof(unknown), items);
	/* Written by a later minor version: the number alone must not matter. */
	save_changed("good-newer-minor", tape, size, 18, 9, items);
	/* Whole, but without its table of frames. */
	save("good-no-table", tape, (size_t)(frames_end(tape, size) - tape), items);
	without = session(true, true, &without_size, &other);
	save("good-timeless", without, without_size, other);
	free(without);
	free(other);
	without = session(false, false, &without_size, &other);
	save("cut-no-end", without, without_size, other);
	free(without);
	free(other);
	free(more);
}

static void make_bad(const uint8_t *tape, size_t size, const char *items)
{
	const uint8_t *third = frame(tape, size, 2);
	const size_t at = (size_t)(third - tape), len = frame_size(third, tape + size);
	char *text;

	save_error("bad-magic", tape, size, 8, 'k', TAPE_E_NOT_A_TAPE);
	save_error("bad-newer-major", tape, size, 16, 2, TAPE_E_NEWER);
	save_error("bad-required-feature", tape, size, 27, 0x80, TAPE_E_NEWER);
	save_error("bad-header-unlike-environment", tape, size, 29, 7, TAPE_E_CORRUPT);
	text = items_cut(items, lines_before(tape, size, 2), "", TAPE_E_CORRUPT);
	save_changed("bad-flipped-bit", tape, size, at + len / 2, tape[at + len / 2] ^ 4, text);
	save_changed("bad-checksum", tape, size, at + len - 1, tape[at + len - 1] ^ 1, text);
	free(text);
	text = items_cut(items, lines_before(tape, size, 2), "", TAPE_E_TRUNCATED);
	save("cut-in-frame", tape, at + len / 2, text);
	free(text);
	text = items_cut("", 0, "", TAPE_E_TRUNCATED);
	save("cut-in-header", tape, 30, text);
	save("cut-after-header", tape, 8 + TAPE_HEADER_SIZE, text);
	free(text);
	text = items_cut("", 0, "", TAPE_E_NOT_A_TAPE);
	save("bad-empty", tape, 0, text);
	free(text);
	{
		/* A frame is missing from the middle. */
		uint8_t *bad = malloc(size);

		memcpy(bad, tape, at);
		memcpy(bad + at, third + len, size - at - len);
		text = items_cut(items, lines_before(tape, size, 2), "", TAPE_E_CORRUPT);
		save("bad-missing-frame", bad, size - len, text);
		free(text);
		free(bad);
	}
}

static void make_bad_blocks(const uint8_t *tape, size_t size, const char *items)
{
#define FRAME_1	 TAPE_BLOCK_FRAME, 4, 1, 0, 0, 0
#define THREAD_0 TAPE_BLOCK_THREAD, 6, 0, 1, 1, 2, 'h', 'i'
#define OBJECT_1 TAPE_BLOCK_OBJECT, 6, 1, 0, KVMAPI_SYSTEM, 0, 6, 0
#define SITE_0	 TAPE_BLOCK_SITE, 4, 0, 1, 0x80, 0x5c
	static const uint8_t oversize[] = {FRAME_1, TAPE_BLOCK_GAP, 0xff, 0xff, 0xff, 0x7f, 0, 1};
	static const uint8_t no_frame[] = {TAPE_BLOCK_GAP, 2, 0, 1};
	static const uint8_t required[] = {FRAME_1, 99, 1, 0};
	static const uint8_t no_site[] = {FRAME_1, TAPE_BLOCK_EVENT, 2, 0, 0};
	static const uint8_t no_object[] = {FRAME_1, SITE_0};
	static const uint8_t huge_part[] = {FRAME_1,
					    TAPE_BLOCK_TIMES,
					    2,
					    1,
					    0,
					    THREAD_0,
					    OBJECT_1,
					    SITE_0,
					    TAPE_BLOCK_CALL,
					    16,
					    0,
					    TAPE_BODY_IN_SHAPE,
					    0,
					    1,
					    0,
					    0,
					    0xff,
					    0xff,
					    0xff,
					    0xff,
					    0x0f,
					    0xff,
					    0xff,
					    0xff,
					    0xff,
					    0x0f};
	/* What it is, thread, number, outcome, flags, code, sender, time. */
	static const uint8_t no_thread[] = {FRAME_1, TAPE_BLOCK_SIGNAL, 8, 0, 9, 10, 0, 0, 0, 0, 0};
	static const uint8_t number[] = {FRAME_1, THREAD_0, TAPE_BLOCK_SIGNAL, 8, 0, 0, 65, 0, 0, 0,
					 0,	  0};
	/* Sent, and handled. */
	static const uint8_t outcome[] = {
		FRAME_1, THREAD_0, TAPE_BLOCK_SIGNAL, 8, 0, 0, 10, 5, 0, 0, 0, 0};
	static const uint8_t unknown[] = {FRAME_1, TAPE_BLOCK_SIGNAL, 2, 3, 0};
	uint8_t *timeless;
	size_t timeless_size;
	char *timeless_items;
	static const uint8_t optional[] = {FRAME_1, 98, 3, 1, 2, 3, TAPE_BLOCK_GAP, 4, 1, 3, 8, 9};

	save_blocks("bad-oversize-length", tape, size, items, "", oversize, sizeof(oversize),
		    TAPE_E_CORRUPT);
	save_blocks("bad-no-frame-block", tape, size, items, "", no_frame, sizeof(no_frame),
		    TAPE_E_CORRUPT);
	save_blocks("bad-required-block", tape, size, items, "", required, sizeof(required),
		    TAPE_E_NEWER);
	save_blocks("bad-no-site", tape, size, items, "", no_site, sizeof(no_site), TAPE_E_CORRUPT);
	save_blocks("bad-signal-no-thread", tape, size, items, "", no_thread, sizeof(no_thread),
		    TAPE_E_CORRUPT);
	save_blocks("bad-signal-number", tape, size, items, "thread 0 pid 1 tid 1 comm 'hi'\n",
		    number, sizeof(number), TAPE_E_CORRUPT);
	save_blocks("bad-signal-outcome", tape, size, items, "thread 0 pid 1 tid 1 comm 'hi'\n",
		    outcome, sizeof(outcome), TAPE_E_CORRUPT);
	save_blocks("cut-signal-unknown", tape, size, items, "", unknown, sizeof(unknown), 0);
	save_blocks("bad-no-object", tape, size, items, "", no_object, sizeof(no_object),
		    TAPE_E_CORRUPT);
	save_blocks(
		"bad-huge-part", tape, size, items,
		"thread 0 pid 1 tid 1 comm 'hi'\nobject 1 parent 0 kind 1 flags 0 fd 3 number ffffffffffffffff\n",
		huge_part, sizeof(huge_part), TAPE_E_LIMIT);
	/*
	 * Timeless, since a hand-made frame has no times: an unknown block and a longer body are
	 * passed over.
	 */
	timeless = session(true, true, &timeless_size, &timeless_items);
	save_blocks("cut-unknown-optional-block", timeless, timeless_size, timeless_items,
		    "gap at 0 events 3 cause 1\n", optional, sizeof(optional), 0);
	free(timeless);
	free(timeless_items);
}

int main(int argc, char **argv)
{
	uint8_t *tape;
	size_t size;
	char *items;

	if (argc != 2)
		die("usage: make DIRECTORY");
	directory = argv[1];
	tape = session(false, true, &size, &items);
	make_good(tape, size, items);
	make_bad(tape, size, items);
	make_bad_blocks(tape, size, items);
	make_signals();
	free(tape);
	free(items);
	return 0;
}
