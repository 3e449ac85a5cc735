/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape replay --live, and playing tapes in a guest for other subcommands. */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli_live_options {
	const char *where;  /* "host", "guest:NAME" */
	const char *output; /* file for the new tape; NULL = none */
	bool force;	    /* replace it */
	bool json, verbose;
	bool lint, rules;    /* as of kvmtape replay, for both tapes */
	bool fail_on_advice; /* advice makes the exit status 1 */
};

/* Play the tape `path` and print the comparison.  The exit code. */
int cli_live(const char *path, const struct cli_live_options *o);

/* Read a whole file ("-": standard input), which the caller frees; or print why not. */
int cli_file_read(const char *path, uint8_t **data, size_t *size);

struct guest_error;
struct guest_kernel;
/*
 * Exit code for a kernel that was not found: untested if it is only not fetched, an error if the
 * name is unknown.
 */
int cli_kernel_missing(const char *name, const struct guest_error *error);

/*
 * Find the kernel of a name, or of a path with the folder of its modules (may be NULL). CLI_OK, or
 * the exit code after a message.
 */
int cli_kernel_find(const char *name, const char *modules, struct guest_kernel *kernel);
/*
 * Parse the argument of --live: a guest's kernel, with or without "guest:", or NULL for this
 * machine. CLI_OK, or a usage error.
 */
int cli_where(const char *where, const char **kernel);

/*
 * Start a guest ("guest:NAME") with a snapshot that plays tapes, or print why not. CLI_OK or
 * CLI_ERROR.
 */
struct cli_live_machine;
struct minimise_player;
int cli_live_open(const char *where, struct cli_live_machine **machine);
const struct minimise_player *cli_live_player(struct cli_live_machine *machine);
void cli_live_close(struct cli_live_machine *machine);

#endif
