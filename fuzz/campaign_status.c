// SPDX-License-Identifier: BSD-2-Clause
/* Status of a campaign: a line for a log, a screen for a terminal. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/campaign_internal.h"

static double per_second(uint64_t count, uint64_t ms)
{
	return ms ? count * 1000.0 / ms : 0;
}

/* Executions per second of this run. */
static double rate(const struct campaign *c)
{
	return per_second(c->n.executions - c->first_now, campaign_time(c) - c->before_ms);
}

static void stability_text(const struct campaign *c, char *buf, size_t size)
{
	if (c->n.stable_of)
		snprintf(buf, size, "%.1f %%", 100.0 * c->n.stable / c->n.stable_of);
	else
		snprintf(buf, size, "-");
}

void campaign_status_line(struct campaign *c, char *buf, size_t size)
{
	char stable[16];

	stability_text(c, stable, sizeof(stable));
	snprintf(buf, size,
		 "%" PRIu64 " s: executions %" PRIu64 " (%.0f/s), blocks %" PRIu64
		 ", rules %" PRIu64 ", outcomes %" PRIu64 ", queue %" PRIu64 ", finds %" PRIu64
		 " (%" PRIu64 " verified), quirks %" PRIu64 ", restarts %" PRIu64 ", lost %" PRIu64
		 ", stability %s",
		 campaign_time(c) / 1000, c->n.executions, rate(c), c->n.blocks, c->n.rules,
		 c->n.outcomes, c->n.queue, c->n.finds, c->n.verified, c->n.deviations,
		 c->n.restarts, c->n.lost, stable);
}

#define FINDS_SHOWN 8

void campaign_status_screen(struct campaign *c, uint64_t recent, uint64_t recent_ms)
{
	const struct campaign_options *o = c->o;
	uint64_t s = campaign_time(c) / 1000;
	size_t first = c->find_count > FINDS_SHOWN ? c->find_count - FINDS_SHOWN : 0;
	char stable[16];

	stability_text(c, stable, sizeof(stable));
	/* Cursor to the top left, and clear the rest. */
	fprintf(o->out, "\033[H\033[J%skvmtape fuzz%s  %s, kernel %s, %u worker%s, %s\n\n", o->bold,
		o->off, o->where, c->kernel[0] ? c->kernel : "(coming up)", o->workers,
		o->workers == 1 ? "" : "s", o->blind ? "blind" : "guided by coverage and rules");
	fprintf(o->out, "time        %" PRIu64 ":%02" PRIu64 ":%02" PRIu64 "%s\n", s / 3600,
		s / 60 % 60, s % 60, c->resumed ? ", goes on from an earlier run" : "");
	fprintf(o->out, "executions  %" PRIu64 ", %.0f/s, now %.0f/s\n", c->n.executions, rate(c),
		per_second(recent, recent_ms));
	fprintf(o->out, "calls       %.1f a sequence, %" PRIu64 " ended by a signal\n",
		c->n.executions ? (double)c->n.calls / c->n.executions : 0, c->n.kicked);
	fprintf(o->out, "coverage    %" PRIu64 " blocks of KVM, stability %s\n", c->n.blocks,
		stable);
	fprintf(o->out, "rules       %" PRIu64 ", %" PRIu64 " with their outcomes\n", c->n.rules,
		c->n.outcomes);
	fprintf(o->out, "queue       %" PRIu64 "\n", c->n.queue);
	fprintf(o->out, "quirks      %" PRIu64 ", known\n", c->n.deviations);
	fprintf(o->out,
		"guest       %" PRIu64 " restarts, %" PRIu64 " crashes, %" PRIu64
		" sequences lost\n",
		c->n.restarts, c->n.crashes, c->n.lost);
	fprintf(o->out, "%sfinds       %" PRIu64 ", %" PRIu64 " shown again%s\n",
		c->n.finds ? o->bad : "", c->n.finds, c->n.verified, o->off);
	for (size_t i = first; i < c->find_count; i++) {
		const struct campaign_find *f = &c->finds[i];

		if (f->state == FIND_VERIFIED)
			fprintf(o->out, "  %-70.110s %u/%u\n", f->signature, f->shown, f->runs);
		else
			fprintf(o->out, "  %-70.110s %snot verified yet%s\n", f->signature, o->dim,
				o->off);
	}
	fflush(o->out);
}
