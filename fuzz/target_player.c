/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Target: what goes to the player and comes back from it, without a player.  The input is an
 * encoded sequence with its length before it, then the player's answers: a guest whose kernel went
 * wrong may say anything.  The plan of the sequence is a program that the player takes; any bytes
 * of answers become a tape that can be read, or are refused.  The whole input is looked at as a
 * program, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/sequence.h"
#include "fuzz/target.h"
#include "fuzz/target_file.h"
#include "replayer/live/live.h"
#include "replayer/live/player/player.h"

enum {
	ANSWERS_RAW = 1 << 0,	/* the bytes are the answers; else what the records say */
	QUESTION_RAW = 1 << 1,	/* the same of the question what the kernel is like */
	ANSWERS_ENDED = 1 << 2, /* the machine ended before it had said everything */
	PARTS_MAX = 48,
	PART_BYTES_MAX = 3000,
};

static struct fuzz_sequence *sequence;
static int tape = -1, played = -1;

/* What is left of the input. */
struct rest {
	const uint8_t *at, *end;
	uint8_t mode;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	sequence = fuzz_sequence_new(KVMAPI_X86);
	tape = fuzz_file_new();
	played = fuzz_file_new();
	return !sequence || tape < 0 || played < 0 ? -1 : 0;
}

static void found(const char *what, int err)
{
	fprintf(stderr, "target_player: %s: %s\n", what, err ? tape_strerror(err) : "");
	abort();
}

static uint8_t byte(struct rest *r)
{
	return r->at < r->end ? *r->at++ : 0;
}

static uint32_t word(struct rest *r)
{
	uint32_t low = byte(r);

	return low | (uint32_t)byte(r) << 8;
}

/* Part of a result: its bytes are taken from the input as far as that goes. */
static int part_put(struct rest *r, struct player_bytes *out)
{
	static const uint8_t zeros[PART_BYTES_MAX + 8];
	uint32_t role = byte(r) % 42, size = word(r) % PART_BYTES_MAX;
	const struct player_part part = {.role = role, .size = size};
	uint32_t have = r->end - r->at < size ? (uint32_t)(r->end - r->at) : size;
	int err = player_bytes_put(out, &part, sizeof(part));

	if (!err)
		err = player_bytes_put(out, r->at, have);
	r->at += have;
	return err ? err : player_bytes_put(out, zeros, ((size + 7) & ~7u) - have);
}

/* A result of any step, well formed as far as its own size goes. */
static int result_put(struct rest *r, struct player_bytes *out, uint64_t *order)
{
	static const int64_t results[] = {0, 1, 5, 300, -EINVAL, -EFAULT, -EINTR, INT32_MIN};
	struct player_result result = {
		.record = {.type = PLAYER_RESULT}, .step = byte(r), .status = byte(r) % 6};
	uint8_t what = byte(r);
	size_t at = out->used;
	int err;

	result.ret = results[what & 7];
	result.sub = what & 8 ? byte(r) : 0;
	result.more = !!(what & 16);
	result.begin = what & 32 ? byte(r) : (*order)++;
	result.end = what & 64 ? byte(r) : (*order)++;
	err = player_bytes_put(out, &result, sizeof(result));
	for (unsigned int n = what & 128 ? byte(r) % PARTS_MAX : 1; n-- && !err;)
		err = part_put(r, out);
	if (!err)
		((struct player_record *)(void *)(out->data + at))->size = out->used - at;
	return err;
}

static int answers_make(struct rest *r, struct player_bytes *out)
{
	const struct player_over over = {.record = {sizeof(over), PLAYER_OVER}};
	uint64_t order = 1;
	int err = 0;

	if (r->mode & ANSWERS_RAW)
		return player_bytes_put(out, r->at, r->end - r->at);
	while (r->at < r->end && !err) {
		const struct player_begin begin = {.record = {sizeof(begin), PLAYER_BEGIN},
						   .step = *r->at};

		if (*r->at & 1 || r->end - r->at < 2)
			err = player_bytes_put(out, &begin, sizeof(begin));
		r->at++;
		if (!err)
			err = result_put(r, out, &order);
	}
	return err ? err : player_bytes_put(out, &over, sizeof(over));
}

/* What the kernel is like: a release, and capabilities as the input says. */
static int question_answer(struct rest *r, struct player_bytes *out)
{
	static const struct {
		struct player_record record;
		char text[24];
	} release = {{sizeof(release), PLAYER_PAIR}, "kernel.release\0006.12.0"};
	const struct player_over over = {.record = {sizeof(over), PLAYER_OVER}};
	int err = player_bytes_put(out, &release, sizeof(release));

	for (uint32_t cap = 0; cap < 260 && !err; cap++) {
		const struct player_cap c = {
			.record = {sizeof(c), PLAYER_CAP}, .cap = cap, .answer = 1, .vm_answer = 1};

		err = player_bytes_put(out, &c, sizeof(c));
	}
	return err ? err : player_bytes_put(out, &over, sizeof(over));
}

/* The runner: no machine is asked. */
static int play(void *context, const void *program, size_t size, unsigned int timeout,
		struct live_output *output)
{
	const struct player_head *head = program;
	struct player_bytes out = {0};
	struct rest *r = context;
	bool question = head->flags & PLAYER_SAY_ENVIRONMENT;
	int err = player_check(program, size);

	if (err)
		found("the player refuses the plan", err);
	if (question && !(r->mode & QUESTION_RAW))
		err = question_answer(r, &out);
	else
		err = answers_make(r, &out);
	output->data = NULL;
	output->size = out.used;
	/* No byte more than there is: a sanitizer sees what is read beyond. */
	if (!err && out.used) {
		output->data = malloc(out.used);
		if (output->data)
			memcpy(output->data, out.data, out.used);
		else
			output->size = 0;
	}
	free(out.data);
	if (!err && !question && r->mode & ANSWERS_ENDED) {
		snprintf(output->end, sizeof(output->end), "the machine ended");
		return -ENOTCONN;
	}
	return err;
}

static void check_live(struct rest *r)
{
	const struct live_runner runner = {.play = play, .context = r, .arch = KVMAPI_X86};
	const struct live_options options = {.tool_version = "0"};
	struct tape_reader *reader = NULL;
	struct live_report report;
	struct fuzz_file_bytes b;
	struct tape_item item;
	int err;

	if (!fuzz_file_clear(tape) || !fuzz_file_clear(played) ||
	    fuzz_sequence_to_tape(sequence, NULL, tape) || !fuzz_file_map(tape, &b))
		return;
	err = live_play(b.data, b.size, &runner, &options, played, &report);
	fuzz_file_unmap(&b);
	live_report_release(&report);
	if (err || report.refused[0] || !fuzz_file_map(played, &b))
		return;
	err = tape_reader_open_memory(b.data, b.size, &reader);
	while (!err) {
		err = tape_reader_next(reader, &item);
		if (!err && item.type == TAPE_END_OF_FILE)
			break;
	}
	if (err && err != -ENOMEM)
		found("what was played cannot be read", err);
	tape_reader_close(reader);
	fuzz_file_unmap(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rest r = {.at = data, .end = data + size};
	uint64_t *program;
	uint32_t length;

	/* As the player finds it: at an address that is a multiple of 8, and no byte more. */
	program = malloc(size ? size : 1);
	if (!program)
		return 0;
	memcpy(program, data, size);
	player_check(program, size);
	free(program);
	r.mode = byte(&r);
	length = word(&r);
	if (length > r.end - r.at)
		length = (uint32_t)(r.end - r.at);
	fuzz_sequence_decode(sequence, r.at, length);
	r.at += length;
	if (sequence->arch == KVMAPI_X86)
		check_live(&r);
	return 0;
}
