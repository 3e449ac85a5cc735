/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of cli/ share beside cli.h: the frame, not the subcommands. */
#ifndef CLI_INTERNAL_H
#define CLI_INTERNAL_H

#include "cli/cli.h"

/* The subcommand that messages name from here on; NULL = none yet.  Not copied. */
void cli_subject_set(const char *name);

/* Print `text`, broken at blanks to lines of `width` columns; lines after the first begin at
 * `indent`. */
void cli_wrap(FILE *out, const char *text, int indent, int width);

#endif
