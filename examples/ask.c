/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ask the model what the calls of one ioctl might have been answered, each before it was made:
 * ask TAPE KVM_CREATE_IRQCHIP.  cc ask.c $(pkg-config --cflags --libs kvmtape)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <kvmtape/model.h>

static void ignore(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	(void)context;
	(void)ret;
	(void)v;
}

static void show(struct model *model, const struct tape_call *call)
{
	const struct model_answer *a;
	size_t count, rules;

	if (model_ask(model, call, &a, &count))
		return;
	printf("event %llu\n", (unsigned long long)call->index);
	for (size_t i = 0; i < count; i++) {
		if (a[i].what == MODEL_MAY_FAIL || a[i].what == MODEL_MUST_FAIL)
			printf("  %s %s: %s\n", a[i].what == MODEL_MUST_FAIL ? "must" : "may",
			       kvmapi_errno_name((int)a[i].value),
			       model_rules(&rules)[a[i].rule].statement);
		else if (a[i].what == MODEL_SUCCEEDS || a[i].what == MODEL_NUMBER)
			printf("  succeeds: %s\n", model_rules(&rules)[a[i].rule].statement);
	}
}

int main(int argc, char **argv)
{
	struct tape_reader *tape;
	struct tape_item item = {0};
	struct model *model;
	int err = argc == 3 ? tape_reader_open(argv[1], &tape) : -EINVAL;

	if (!err)
		err = model_create(tape_reader_env(tape), ignore, NULL, &model);
	if (err) {
		fprintf(stderr, "ask TAPE IOCTL: %s\n", tape_strerror(err));
		return 2;
	}
	while (!(err = tape_reader_next(tape, &item)) && item.type != TAPE_END_OF_FILE) {
		if (item.type == TAPE_CALL && item.u.call->row &&
		    !strcmp(item.u.call->row->name, argv[2]))
			show(model, item.u.call);
		err = model_item(model, &item);
		if (err)
			break;
	}
	model_destroy(model);
	tape_reader_close(tape);
	return err ? 2 : 0;
}
