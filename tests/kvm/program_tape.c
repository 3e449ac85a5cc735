// SPDX-License-Identifier: BSD-2-Clause
/*
 * program_tape: lists the tiny guest programs, or writes the tape of one.
 *
 *	program_tape ARCH            a name a line, with its exit reasons in order, each followed by how often
 *	program_tape ARCH NAME FILE
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "replayer/programs.h"

static int list(enum kvmapi_arch arch)
{
	size_t count;
	const struct program *all = programs(&count);

	for (size_t i = 0; i < count; i++) {
		if (all[i].arch != arch)
			continue;
		printf("%s", all[i].name);
		for (const struct program_exit *e = all[i].exits; e->times; e++) {
			for (unsigned int k = 0; k < e->times; k++)
				printf(" %s", kvmapi_exit_name(e->reason));
		}
		putchar('\n');
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct program *program;
	int arch, fd, rc;

	arch = argc == 2 || argc == 4 ? kvmapi_arch_parse(argv[1]) : -EINVAL;
	if (arch < 0) {
		fprintf(stderr, "usage: program_tape ARCH [NAME FILE]\n");
		return 2;
	}
	if (argc == 2)
		return list(arch);
	program = programs_find(arch, argv[2]);
	if (!program) {
		fprintf(stderr, "program_tape: no program %s\n", argv[2]);
		return 2;
	}
	fd = open(argv[3], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0) {
		perror(argv[3]);
		return 2;
	}
	rc = programs_tape(program, fd);
	if (rc)
		fprintf(stderr, "program_tape: %s: %s\n", argv[2],
			rc < -2000 ? tape_strerror(rc) : strerror(-rc));
	return close(fd) || rc ? 2 : 0;
}
