/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape replay --live. */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include <stdbool.h>

/*
 * Play the tape `path` on `where` ("host", "guest:NAME"), write the new tape to `output` (NULL = nowhere) and print
 * the comparison.  The exit code.
 */
int cli_live(const char *path, const char *where, const char *output, bool json, bool verbose);

#endif
