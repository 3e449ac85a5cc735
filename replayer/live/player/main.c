// SPDX-License-Identifier: BSD-2-Clause
/*
 * The player as a program of its own, static, for use inside a disposable guest: plays the file in
 * its argument, or standard input; results go to standard output.
 *
 *	player --serve WORKERS [crash]	serves programs in frames (player.h)
 *	player --symbols		says where the KVM modules are
 */
#include "player.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int in = STDIN_FILENO;
	int rc;

	if (argc > 2 && !strcmp(argv[1], "--serve")) {
		rc = player_serve(STDIN_FILENO, STDOUT_FILENO, strtoul(argv[2], NULL, 10),
				  argc > 3 && !strcmp(argv[3], "crash"));
		goto out;
	}
	if (argc > 1 && !strcmp(argv[1], "--symbols")) {
		rc = player_say_symbols(STDOUT_FILENO);
		goto out;
	}
	if (argc > 1) {
		in = open(argv[1], O_RDONLY | O_CLOEXEC);
		if (in < 0) {
			fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
			return 2;
		}
	}
	rc = player_run_stream(in, STDOUT_FILENO);
out:
	if (rc)
		fprintf(stderr, "player: %s\n", strerror(-rc));
	return rc ? 2 : 0;
}
