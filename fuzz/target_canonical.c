/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Target: the canonical form.  The input is a tape, or else an encoded sequence, of which a tape
 * with the results that the model makes up is written.  The canonical form can be read, is its own
 * canonical form, has the same items, and the model says the same of it.  The same session with
 * other times, processes and addresses has the same one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/check.h"
#include "fuzz/target.h"
#include "fuzz/target_file.h"
#include "tape/format.h"

enum {
	SIZE_LIMIT = 1 << 20, /* of an input */
	VERDICTS_MAX = 4096,
	DETAIL_MAX = 256,
};

static struct fuzz_check *check;
static struct fuzz_sequence *sequence;
static int tape = -1, first = -1, second = -1, other = -1;

/* Of a tape: what there is of each kind of item, and what the model says. */
struct summary {
	uint64_t items[TAPE_END + 1];
	uint64_t parts, bytes;
	uint32_t verdict_count;
	struct {
		uint16_t kind, rule, held;
		char name[48];
		char observed[DETAIL_MAX];
	} verdicts[VERDICTS_MAX];
};
static struct summary before, after;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	sequence = fuzz_sequence_new(KVMAPI_X86);
	tape = fuzz_file_new();
	first = fuzz_file_new();
	second = fuzz_file_new();
	other = fuzz_file_new();
	if (!sequence || tape < 0 || first < 0 || second < 0 || other < 0)
		return -1;
	return fuzz_check_new(NULL, NULL, &check);
}

static void found(const char *what, int err)
{
	fprintf(stderr, "target_canonical: %s: %s\n", what, err ? tape_strerror(err) : "");
	abort();
}

static void verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	struct summary *s = context;

	if (s->verdict_count == VERDICTS_MAX)
		return;
	s->verdicts[s->verdict_count].kind = v->kind;
	s->verdicts[s->verdict_count].rule = v->rule;
	s->verdicts[s->verdict_count].held = v->held_count;
	snprintf(s->verdicts[s->verdict_count].name, sizeof(s->verdicts[0].name), "%s",
		 ret->call->row ? ret->call->row->name : "an unknown request");
	snprintf(s->verdicts[s->verdict_count].observed, DETAIL_MAX, "%s", v->observed);
	s->verdict_count++;
}

static void parts_count(struct summary *s, const struct tape_part *parts, unsigned int count)
{
	s->parts += count;
	for (unsigned int i = 0; i < count; i++)
		s->bytes += parts[i].have;
}

static int summarise(int fd, struct summary *s)
{
	struct tape_reader *r = NULL;
	struct model *m = NULL;
	struct fuzz_file_bytes b;
	struct tape_item item;
	int err = fuzz_file_map(fd, &b) ? 0 : -ENOMEM;

	memset(s->items, 0, sizeof(s->items));
	s->parts = s->bytes = s->verdict_count = 0;
	if (!err)
		err = tape_reader_open_memory(b.data, b.size, &r);
	if (!err && model_create(tape_reader_env(r), verdict, s, &m))
		m = NULL;
	while (!err) {
		err = tape_reader_next(r, &item);
		if (err || item.type == TAPE_END_OF_FILE)
			break;
		s->items[item.type]++;
		if (item.type == TAPE_CALL)
			parts_count(s, item.u.call->parts, item.u.call->part_count);
		if (item.type == TAPE_RETURN)
			parts_count(s, item.u.ret->parts, item.u.ret->part_count);
		if (m)
			err = model_item(m, &item);
	}
	if (!err && m)
		err = model_finish(m);
	model_destroy(m);
	tape_reader_close(r);
	fuzz_file_unmap(&b);
	return err;
}

static void compare(void)
{
	/* Frames name their threads again, and where they begin is the writer's business. */
	for (unsigned int i = TAPE_OBJECT; i < TAPE_END; i++) {
		if (before.items[i] != after.items[i])
			found("items are missing, or more", 0);
	}
	if (before.parts != after.parts || before.bytes != after.bytes)
		found("another number of parts, or of bytes", 0);
	if (before.verdict_count != after.verdict_count)
		found("another number of verdicts", 0);
	for (uint32_t i = 0; i < before.verdict_count; i++) {
		if (before.verdicts[i].kind == after.verdicts[i].kind &&
		    before.verdicts[i].rule == after.verdicts[i].rule &&
		    before.verdicts[i].held == after.verdicts[i].held)
			continue;
		fprintf(stderr, "return %u, %s: %s (%s) before, %s (%s) after\n", i,
			before.verdicts[i].name, model_verdict_name(before.verdicts[i].kind),
			before.verdicts[i].observed, model_verdict_name(after.verdicts[i].kind),
			after.verdicts[i].observed);
		found("another verdict", 0);
	}
}

/* --- the same session with other numbers --- */

struct disguise {
	struct tape_writer *w;
	uint64_t time;
	struct tape_part parts[TAPE_ROLES];
};

static const struct tape_part *parts_moved(struct disguise *d, const struct tape_part *parts,
					   unsigned int count)
{
	for (unsigned int i = 0; i < count && i < TAPE_ROLES; i++) {
		d->parts[i] = parts[i];
		if (parts[i].addr)
			d->parts[i].addr = parts[i].addr + 0x7f0000000000;
	}
	return d->parts;
}

static int disguised(struct disguise *d, const struct tape_item *item)
{
	struct tape_thread thread;
	struct tape_return ret;
	struct tape_call call;
	struct tape_gap gap;

	d->time += 1000003;
	switch (item->type) {
	case TAPE_THREAD:
		thread = item->u.thread;
		thread.pid += 3000;
		thread.tid += 3000;
		return tape_writer_thread(d->w, &thread);
	case TAPE_OBJECT:
		return tape_writer_object(d->w, &item->u.object);
	case TAPE_CLOSED:
		return tape_writer_closed(d->w, item->u.closed.object, d->time);
	case TAPE_CALL:
		call = *item->u.call;
		call.time = d->time;
		call.parts = parts_moved(d, call.parts, call.part_count);
		return tape_writer_call(d->w, &call);
	case TAPE_RETURN:
		ret = *item->u.ret;
		ret.time = d->time;
		ret.parts = parts_moved(d, ret.parts, ret.part_count);
		return tape_writer_return(d->w, ret.call->thread, &ret);
	case TAPE_GAP:
		gap = item->u.gap;
		gap.time = d->time;
		return tape_writer_gap(d->w, &gap);
	case TAPE_MEMORY:
		return tape_writer_memory(d->w, &item->u.memory);
	case TAPE_END:
		return tape_writer_finish(d->w, &item->u.end);
	default:
		return 0;
	}
}

static int disguise(int from, int to)
{
	struct disguise d = {.time = 17};
	struct tape_reader *r = NULL;
	struct fuzz_file_bytes b;
	struct tape_item item;
	struct tape_env env;
	int err = fuzz_file_map(from, &b) && fuzz_file_clear(to) ? 0 : -ENOMEM;

	if (!err)
		err = tape_reader_open_memory(b.data, b.size, &r);
	if (!err) {
		env = *tape_reader_env(r);
		env.timeless = false;
		err = tape_writer_open(to, &env, &fuzz_file_options, &d.w);
	}
	while (!err) {
		err = tape_reader_next(r, &item);
		if (err || item.type == TAPE_END_OF_FILE)
			break;
		err = disguised(&d, &item);
	}
	tape_writer_close(d.w);
	tape_reader_close(r);
	fuzz_file_unmap(&b);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool is_tape = size > 16 && !memcmp(data + 8, TAPE_HEADER_MAGIC, 8);
	int err;

	if (size > SIZE_LIMIT || !fuzz_file_clear(tape))
		return 0;
	if (is_tape) {
		if (pwrite(tape, data, size, 0) != (ssize_t)size)
			return 0;
	} else {
		fuzz_sequence_decode(sequence, data, size);
		if (fuzz_check_write(check, sequence, tape, NULL, NULL))
			return 0;
	}
	/* What cannot be read whole has no canonical form. */
	if (summarise(tape, &before) || fuzz_file_canonical(tape, first))
		return 0;
	err = summarise(first, &after);
	if (err)
		found("the canonical form cannot be read", err);
	compare();
	err = fuzz_file_canonical(first, second);
	if (err)
		found("the canonical form has none of its own", err);
	if (!fuzz_file_same(first, second))
		found("the canonical form is not its own canonical form", 0);
	if (is_tape)
		return 0;
	err = disguise(tape, other);
	if (!err)
		err = fuzz_file_canonical(other, second);
	if (err && err != -ENOMEM)
		found("the same session with other numbers has no canonical form", err);
	if (!err && !fuzz_file_same(first, second))
		found("the same session with other numbers has another canonical form", 0);
	return 0;
}
