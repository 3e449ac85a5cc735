// SPDX-License-Identifier: BSD-2-Clause
/* Live play without files: a tape of the caller's items, a plan of it, and what came back. */
#include "replayer/live/program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replayer/live/internal.h"

struct live_kernel {
	struct live_facts facts;
};

struct live_program {
	const struct live_kernel *kernel;
	struct whole_tape tape;
	struct live_plan plan;
};

int live_kernel_new(enum kvmapi_arch arch, const struct live_output *answer,
		    const char *tool_version, struct live_kernel **result)
{
	struct live_kernel *kernel = calloc(1, sizeof(*kernel));
	int rc;

	*result = NULL;
	if (!kernel)
		return -ENOMEM;
	tape_env_init(&kernel->facts.env);
	rc = live_facts_read(arch, answer, tool_version, &kernel->facts);
	if (rc)
		live_kernel_free(kernel);
	else
		*result = kernel;
	return rc;
}

void live_kernel_free(struct live_kernel *kernel)
{
	if (!kernel)
		return;
	tape_env_release(&kernel->facts.env);
	free(kernel);
}

const struct tape_env *live_kernel_env(const struct live_kernel *kernel)
{
	return &kernel->facts.env;
}

struct live_program *live_program_new(const struct live_kernel *kernel)
{
	struct live_program *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->kernel = kernel;
	p->tape.no_results = true;
	/* Calls that the kernel lacks are played too: their answer matters. */
	if (tape_env_copy(&p->tape.env, &kernel->facts.env)) {
		live_program_free(p);
		return NULL;
	}
	return p;
}

void live_program_free(struct live_program *p)
{
	if (!p)
		return;
	live_plan_free(&p->plan);
	whole_tape_free(&p->tape);
	free(p);
}

void live_program_clear(struct live_program *p)
{
	live_plan_free(&p->plan);
	whole_tape_clear(&p->tape);
}

int live_program_item(struct live_program *p, const struct tape_item *item)
{
	return whole_tape_take(&p->tape, item);
}

/* If only its own thread waits for each call, one thread can make all calls in order. */
static bool is_serial(const struct live_program *p)
{
	bool inside = false;

	for (size_t i = 0; i < p->tape.item_count; i++) {
		switch (p->tape.items[i].type) {
		case TAPE_CALL:
			if (inside)
				return false;
			inside = true;
			break;
		case TAPE_RETURN:
			inside = false;
			break;
		case TAPE_CLOSED:
		case TAPE_MEMORY:
			if (inside)
				return false;
			break;
		default:
			break;
		}
	}
	return true;
}

int live_program_make(struct live_program *p, const struct live_options *options,
		      unsigned int run_time, const void **data, size_t *size)
{
	struct player_head *head;
	int rc;

	live_plan_free(&p->plan);
	rc = live_plan_make(&p->tape, &p->kernel->facts, options, &p->plan);
	if (rc)
		return rc;
	head = (struct player_head *)p->plan.data;
	head->run_time = run_time;
	if (is_serial(p))
		head->flags |= PLAYER_SERIAL;
	*data = p->plan.data;
	*size = p->plan.size;
	return 0;
}

uint32_t live_program_step(const struct live_program *p, uint32_t step)
{
	if (step >= p->plan.steps || p->plan.step_of[step].kind != PLAYER_CALL)
		return UINT32_MAX;
	return p->plan.step_of[step].event;
}

int live_program_items(struct live_program *p, const struct live_output *output,
		       const struct live_sink *sink, struct live_report *report)
{
	return live_items(&p->tape, &p->plan, output, sink, report);
}

uint32_t live_program_played(const struct live_program *p, uint64_t index)
{
	return index < p->plan.played_count ? p->plan.played[index] : UINT32_MAX;
}

int live_program_write(struct live_program *p, const struct live_output *output, int fd)
{
	struct live_report report = {.last_begun = -1};

	return live_write(&p->tape, &p->plan, &p->kernel->facts, output, fd, &report);
}
