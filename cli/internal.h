/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of cli/ around the subcommands; see also cli.h. */
#ifndef CLI_INTERNAL_H
#define CLI_INTERNAL_H

#include "cli/cli.h"

/* Set the subcommand that messages name; NULL = none. Not copied. */
void cli_subject_set(const char *name);

/* Print `text` in lines of `width` columns; lines after the first begin at `indent`. */
void cli_wrap(FILE *out, const char *text, int indent, int width);

#endif
