// SPDX-License-Identifier: BSD-2-Clause
/*
 * The player as a program of its own, static, for the inside of a disposable guest: plays the file
 * that is its argument, or what comes on standard input; results go to standard output.
 */
#include "player.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int in = STDIN_FILENO;
	int rc;

	if (argc > 1) {
		in = open(argv[1], O_RDONLY | O_CLOEXEC);
		if (in < 0) {
			fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
			return 2;
		}
	}
	rc = player_run_stream(in, STDOUT_FILENO);
	if (rc)
		fprintf(stderr, "player: %s\n", strerror(-rc));
	return rc ? 2 : 0;
}
