/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape replay --live. */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include <stdbool.h>

struct cli_live_options {
	const char *where;  /* "host", "guest:NAME" */
	const char *output; /* file for the new tape; NULL = none */
	bool force;	    /* replace it */
	bool json, verbose;
};

/* Play the tape `path` and print the comparison.  The exit code. */
int cli_live(const char *path, const struct cli_live_options *o);

#endif
