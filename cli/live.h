/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape replay --live, and playing tapes in a guest for other subcommands. */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli_live_options {
	const char *where;   /* "host", "guest:NAME" */
	const char *modules; /* of a kernel of one's own, NULL */
	const char *module;  /* in place of the kernel's, NULL */
	const char *output;  /* file for the new tape; NULL = none */
	bool force;	     /* replace it */
	bool json, verbose;
	bool lint, rules;    /* as of kvmtape replay, for both tapes */
	bool fail_on_advice; /* advice makes the exit status 1 */
};

/* Play the tape `path` and print the comparison.  The exit code. */
int cli_live(const char *path, const struct cli_live_options *o);

/* Read a whole file ("-": standard input), which the caller frees; or print why not. */
int cli_file_read(const char *path, uint8_t **data, size_t *size);

struct guest_kernel;
/*
 * A guest's kernel: a stock one by name, or one's own by its file (with a '/' in it) and the folder
 * `modules` (may be NULL).  `module` (may be NULL) takes the place of the kernel's own; looked at
 * here so that it is said before a guest is started.  CLI_OK, or the exit code.
 */
int cli_kernel_find(const char *name, const char *modules, const char *module,
		    struct guest_kernel *kernel);

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
