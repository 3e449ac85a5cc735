// SPDX-License-Identifier: BSD-2-Clause
/* A machine of a campaign: a disposable guest with the live differ. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/campaign.h"

static unsigned int guest_room(void *context)
{
	return fuzz_live_room(context);
}

static int guest_submit(void *context, const struct fuzz_sequence *sequence, uint64_t number)
{
	return fuzz_live_submit(context, sequence, number);
}

static int guest_next(void *context, struct fuzz_live_result *result)
{
	return fuzz_live_next(context, result);
}

static int guest_one(void *context, const struct fuzz_sequence *sequence,
		     struct fuzz_live_result *result)
{
	return fuzz_live_one(context, sequence, result);
}

static int guest_tape(void *context, int fd)
{
	return fuzz_live_tape(context, fd);
}

static int restore(void *context)
{
	return fuzz_live_restore(context);
}

static const struct tape_env *guest_env(void *context)
{
	return fuzz_live_env(context);
}

static void block_line(const struct fuzz_coverage *coverage, size_t number, FILE *out)
{
	struct fuzz_block b;

	fuzz_coverage_block(coverage, number, &b);
	fprintf(out, "%s %s+0x%" PRIx64, b.module, b.section, b.offset);
	if (b.function[0])
		fprintf(out, " %s+0x%" PRIx64, b.function, b.into);
	fputc('\n', out);
}

static int guest_blocks(void *context, const struct fuzz_live_result *result, char **lines)
{
	struct fuzz_coverage *coverage = fuzz_live_coverage(context);
	size_t size;
	FILE *out;

	*lines = NULL;
	if (!coverage || !result->blocks ||
	    !fuzz_coverage_merge(coverage, result->blocks, result->block_count))
		return 0;
	out = open_memstream(lines, &size);
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < result->block_count; i++) {
		if (result->blocks[i / 8] >> i % 8 & 1)
			block_line(coverage, i, out);
	}
	return fclose(out) ? -ENOMEM : 0;
}

static uint64_t guest_restarts(void *context)
{
	return fuzz_live_counts(context)->restarts;
}

static const char *guest_log_text(void *context)
{
	return fuzz_live_log(context);
}

static const char *guest_error_text(void *context)
{
	return fuzz_live_error(context);
}

static void guest_close(void *context)
{
	fuzz_live_close(context);
}

static int guest_open(void *context, campaign_verdict_fn verdict, void *verdict_context,
		      struct campaign_machine *machine, char *error, size_t error_size)
{
	const struct campaign_guest_options *o = context;
	struct fuzz_live_options options;
	struct guest_error why = {0};
	struct fuzz_live *live;
	int rc;

	fuzz_live_options_init(&options);
	options.coverage = o->coverage;
	options.module = o->module;
	options.interrupt_fd = o->interrupt_fd;
	options.tool_version = o->version;
	if (o->memory)
		options.memory = o->memory;
	if (o->players)
		options.workers = o->players;
	options.verdict = verdict;
	options.context = verdict_context;
	rc = fuzz_live_open(o->kernel, &options, &live, &why);
	if (rc) {
		snprintf(error, error_size, "%s", why.text);
		return rc;
	}
	*machine = (struct campaign_machine){
		.context = live,
		.room = guest_room,
		.submit = guest_submit,
		.next = guest_next,
		.one = guest_one,
		.tape = guest_tape,
		.restore = restore,
		.env = guest_env,
		.blocks = guest_blocks,
		.restarts = guest_restarts,
		.log = guest_log_text,
		.error = guest_error_text,
		.close = guest_close,
	};
	return 0;
}

void campaign_guest_maker(const struct campaign_guest_options *options,
			  struct campaign_maker *maker)
{
	*maker = (struct campaign_maker){.open = guest_open, .context = (void *)options};
}
