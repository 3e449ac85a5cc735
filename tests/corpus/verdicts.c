/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every verdict on tapes, whole, with all that the model promises of the result: what a change of
 * the model that is to change none is held against (scripts/same-verdicts).
 *
 *	verdicts [TAPE...]		without arguments: tapes are the lines of standard input
 *
 * A line "tape PATH", and a line for each event: number, ioctl, verdict, rule, expected, observed,
 * rules held, advice, what does not hold as usual, promises of outcome, value and result, and those
 * of each part's bytes and the echoes as sums.
 */
#include <stdio.h>
#include <string.h>

#include "tests/corpus/session.h"

static const struct model_rule *rules;

static uint32_t sum(uint32_t before, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++)
		before = before * 16777619u ^ bytes[i];
	return before;
}

static void put_promises(const struct model *m, const struct tape_return *ret)
{
	const struct model_echo *echoes;
	uint32_t echoed = 1;
	size_t count;

	printf(" promises %d %d %d", model_promise_outcome(m), model_promise_value(m),
	       model_promise_result(m));
	for (unsigned int i = 0; i < ret->part_count; i++) {
		const uint8_t *bytes = model_promise_bytes(m, i);

		printf(" %08x", bytes ? sum(1, bytes, ret->parts[i].have) : 0);
	}
	echoes = model_promise_echoes(m, &count);
	for (size_t i = 0; i < count; i++) {
		const uint64_t echo[] = {echoes[i].index, echoes[i].role, echoes[i].usual,
					 echoes[i].offset, echoes[i].len};

		echoed = sum(echoed, echo, sizeof(echo));
	}
	printf(" echoes %zu %08x", count, echoed);
}

struct listener {
	struct model *m;
};

static void on_verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	const struct listener *l = context;

	printf("%llu %s %s", (unsigned long long)ret->call->index,
	       ret->call->row ? ret->call->row->name : "?", model_verdict_name(v->kind));
	if (v->kind == MODEL_DIVERGES || v->kind == MODEL_DEVIATION)
		printf(" rule %s", rules[v->rule].id);
	printf(" [%s|%s] held", v->expected, v->observed);
	for (unsigned int i = 0; i < v->held_count; i++)
		printf(" %s", rules[v->held[i]].id);
	for (unsigned int i = 0; i < v->advice_count; i++)
		printf(" advice %s (%s)", rules[v->advice[i].rule].id, v->advice[i].detail);
	if (v->unusual != UINT16_MAX)
		printf(" unusual %s (%s)", rules[v->unusual].id, v->unusual_text);
	put_promises(l->m, ret);
	putchar('\n');
}

static void judge(const char *path)
{
	struct tape_reader *reader;
	struct tape_item item;
	struct listener l;
	int err = session_open(path, &reader);

	if (err)
		die(path, err);
	err = model_create(tape_reader_env(reader), on_verdict, &l, &l.m);
	if (err)
		die("model_create", err);
	printf("tape %s\n", path);
	model_promises_enable(l.m);
	while (!err && !(err = tape_reader_next(reader, &item)) && item.type != TAPE_END_OF_FILE)
		err = model_item(l.m, &item);
	if (!err)
		err = model_finish(l.m);
	if (err)
		die(path, err);
	model_destroy(l.m);
	tape_reader_close(reader);
}

int main(int argc, char **argv)
{
	char line[4096];
	size_t count;

	rules = model_rules(&count);
	for (int i = 1; i < argc; i++)
		judge(argv[i]);
	while (argc == 1 && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		judge(line);
	}
	return 0;
}
