/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the model says of texts of tapes, for verdicts_test.py: many in one process, and with what
 * `kvmtape replay --json` leaves out.
 *
 * Standard input is texts, each behind a line with its number of bytes.  For each there is one line
 * of JSON on standard output: an array with an object for each event that was judged, in that order,
 * or {"line": N, "message": "..."} for a text that is wrong.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <jansson.h>

#include "kvmtape/asm.h"
#include "kvmtape/model.h"

#define TEXT_MAX (1u << 24)

static json_t *ids(const uint16_t *list, size_t count, const struct model_rule *rules)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(rules[list[i]].id));
	return array;
}

static json_t *advice_json(const struct model_verdict *v, const struct model_rule *rules)
{
	json_t *array = json_array();

	for (size_t i = 0; i < v->advice_count; i++)
		json_array_append_new(array, json_pack("{s:s, s:s, s:s}", "rule",
						       rules[v->advice[i].rule].id, "statement",
						       rules[v->advice[i].rule].statement, "detail",
						       v->advice[i].detail));
	return array;
}

static void on_verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	size_t count;
	const struct model_rule *rules = model_rules(&count);
	json_t *event = json_pack(
		"{s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "event", (json_int_t)ret->call->index,
		"verdict", model_verdict_name(v->kind), "rule",
		v->rule < count ? rules[v->rule].id : "", "expected", v->expected, "observed",
		v->observed, "unusual", v->unusual < count ? rules[v->unusual].id : "", "held",
		ids(v->held, v->held_count, rules), "advice", advice_json(v, rules));

	json_array_append_new(context, event);
}

/* Judge the tape in this file.  0 or an error. */
static int judge(int fd, json_t *events)
{
	struct tape_item item = {.type = TAPE_THREAD};
	struct tape_reader *reader;
	struct model *model = NULL;
	int rc = tape_reader_open_fd(fd, &reader);

	if (rc)
		return rc;
	rc = model_create(tape_reader_env(reader), on_verdict, events, &model);
	while (!rc && item.type != TAPE_END_OF_FILE) {
		rc = tape_reader_next(reader, &item);
		if (!rc)
			rc = model_item(model, &item);
	}
	if (!rc)
		rc = model_finish(model);
	model_destroy(model);
	tape_reader_close(reader);
	return rc;
}

static json_t *answer(const char *text)
{
	struct tape_asm_error error = {0};
	json_t *events = json_array(), *wrong;
	int fd = memfd_create("tape", MFD_CLOEXEC);
	int rc = tape_asm_write(text, fd, NULL, &error);

	if (!rc)
		rc = lseek(fd, 0, SEEK_SET) < 0 ? -1 : judge(fd, events);
	close(fd);
	if (!rc)
		return events;
	json_decref(events);
	wrong = json_pack("{s:i, s:s}", "line", (int)error.line, "message",
			  error.line ? error.message : tape_strerror(rc));
	return wrong;
}

int main(void)
{
	unsigned int len;

	while (scanf("%u%*1[\n]", &len) == 1 && len < TEXT_MAX) {
		char *text = calloc(1, len + 1);
		json_t *line;

		if (!text || fread(text, 1, len, stdin) != len) {
			free(text);
			return 2;
		}
		line = answer(text);
		if (json_dumpf(line, stdout, JSON_COMPACT | JSON_ENSURE_ASCII))
			return 2;
		putchar('\n');
		json_decref(line);
		free(text);
	}
	return feof(stdin) ? 0 : 2;
}
