/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "cli/cli.h"

const struct cli_command *const cli_commands[] = {
#ifdef CLI_RECORD
	&cli_record,
#endif
	&cli_replay, &cli_explain, &cli_print,	  &cli_stat,	&cli_info, &cli_canon, &cli_asm,
	&cli_rules,  &cli_guest,   &cli_minimise, &cli_distill, &cli_fuzz, NULL,
};

const struct cli_command *cli_command_find(const char *name)
{
	for (size_t i = 0; cli_commands[i]; i++) {
		if (!strcmp(cli_commands[i]->name, name))
			return cli_commands[i];
	}
	return NULL;
}
