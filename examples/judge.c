/* SPDX-License-Identifier: BSD-2-Clause */
/* Judge a tape: print the violations. cc judge.c $(pkg-config --cflags --libs kvmtape) */
#include <errno.h>
#include <stdio.h>

#include <kvmtape/model.h>

static void verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	unsigned int *found = context;
	size_t count;

	if (v->kind != MODEL_DIVERGES)
		return;
	(*found)++;
	printf("event %llu: %s: expected %s, observed %s\n", (unsigned long long)ret->call->index,
	       model_rules(&count)[v->rule].id, v->expected, v->observed);
}

int main(int argc, char **argv)
{
	struct tape_reader *tape;
	struct tape_item item = {0};
	struct model *model;
	unsigned int found = 0;
	int err = argc == 2 ? tape_reader_open(argv[1], &tape) : -EINVAL;

	if (err) {
		fprintf(stderr, "judge TAPE: %s\n", tape_strerror(err));
		return 2;
	}
	err = model_create(tape_reader_env(tape), verdict, &found, &model);
	if (!err) {
		do {
			err = tape_reader_next(tape, &item);
			if (!err)
				err = model_item(model, &item);
		} while (!err && item.type != TAPE_END_OF_FILE);
		if (!err)
			err = model_finish(model);
		model_destroy(model);
	}
	tape_reader_close(tape);
	if (err)
		fprintf(stderr, "judge: %s\n", tape_strerror(err));
	return err ? 2 : found ? 1 : 0;
}
