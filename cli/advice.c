/* SPDX-License-Identifier: BSD-2-Clause */
/* Advice as text and JSON, for one tape and for two tapes. */
#include <jansson.h>

#include "cli/cli.h"
#include "kvmtape/model.h"

void cli_advice_print(FILE *out, const struct cli_advice *a)
{
	const struct cli_colors *c = cli_colors(stdout);
	char name[CLI_IOCTL_NAME];

	fprintf(out, "%sadvice%s event %llu, thread %u: %s: %s (%s)%s\n", c->warn, c->off,
		(unsigned long long)a->event, a->thread,
		cli_ioctl_name(a->kind, a->request, a->row, name), a->rule->id, a->detail,
		a->where);
}

json_t *cli_advice_json(const struct cli_advice *a)
{
	return json_pack("{s:s, s:I, s:i, s:o, s:s}", "type", "advice", "event",
			 (json_int_t)a->event, "thread", (int)a->thread, "rule",
			 cli_rule_json(a->rule), "detail", a->detail);
}
