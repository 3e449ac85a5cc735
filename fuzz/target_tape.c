/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Target: the reader of tapes, any bytes.  What can be read is shown as text and JSON, judged, and
 * put into its canonical form, which must read to its end and be its own canonical form.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/target.h"
#include "fuzz/target_file.h"
#include "kvmtape/model.h"

enum {
	SHOWN_MAX = 64,	     /* items that are shown: what comes after is of the same kinds */
	SIZE_MAX_ = 1 << 20, /* of an input */
};

static int first = -1, second = -1; /* files in memory for the two canonical forms */

static void found(const char *what, int err)
{
	fprintf(stderr, "target_tape: %s: %s\n", what, err ? tape_strerror(err) : "");
	abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	first = fuzz_file_new();
	second = fuzz_file_new();
	return first < 0 || second < 0 ? -1 : 0;
}

static void verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
}

static void show(struct tape_reader *r, const struct tape_item *item)
{
	json_t *object = NULL;
	char *text = NULL;

	if (item->type == TAPE_RETURN) {
		tape_event_text(r, item->u.ret, true, &text);
		tape_event_json(r, item->u.ret, &object);
	} else {
		tape_item_text(r, item, &text);
		tape_item_json(r, item, &object);
	}
	free(text);
	json_decref(object);
}

/* All that can be read.  0 if that is the whole tape. */
static int read_all(const uint8_t *data, size_t size)
{
	struct tape_reader *r = NULL;
	struct model *m = NULL;
	struct tape_item item;
	unsigned int shown = 0;
	json_t *env = NULL;
	int err = tape_reader_open_memory(data, size, &r);

	if (err)
		return err;
	if (!tape_env_json(tape_reader_env(r), &env))
		json_decref(env);
	if (model_create(tape_reader_env(r), verdict, NULL, &m))
		m = NULL;
	while (!(err = tape_reader_next(r, &item)) && item.type != TAPE_END_OF_FILE) {
		if (item.type != TAPE_CALL && shown++ < SHOWN_MAX)
			show(r, &item);
		if (m && model_item(m, &item)) {
			model_destroy(m);
			m = NULL;
		}
	}
	if (m)
		model_finish(m);
	if (err && !*tape_reader_where(r))
		found("an error that is nowhere", err);
	model_destroy(m);
	tape_reader_close(r);
	return err;
}

static int canonical(struct tape_reader *r, int to)
{
	return fuzz_file_clear(to) ? tape_canonicalise(r, to, &fuzz_file_options) : -EIO;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tape_reader *r = NULL;
	int err;

	if (size > SIZE_MAX_)
		return 0;
	/* What cannot be read whole has no canonical form. */
	if (read_all(data, size))
		return 0;
	err = tape_reader_open_memory(data, size, &r);
	if (err)
		found("opened once, but not twice", err);
	err = canonical(r, first);
	tape_reader_close(r);
	if (err)
		return 0;
	if (lseek(first, 0, SEEK_SET))
		return 0;
	err = tape_reader_open_fd(first, &r);
	if (err)
		found("the canonical form cannot be opened", err);
	err = canonical(r, second);
	tape_reader_close(r);
	if (err)
		found("the canonical form has none of its own", err);
	if (!fuzz_file_same(first, second))
		found("the canonical form is not its own canonical form", 0);
	return 0;
}
