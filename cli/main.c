/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape: find the subcommand, parse its options by its table, run it, check standard output. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/internal.h"
#include "base/near.h"
#include "kvmtape/tape.h"

static void help(FILE *out)
{
	fprintf(out,
		"usage: kvmtape SUBCOMMAND [OPTION...] ...\n\n"
		"Records what a VMM says to the Linux KVM API and judges what KVM answered.\n\n");
	for (size_t i = 0; cli_commands[i]; i++)
		fprintf(out, "  %-10s%s\n", cli_commands[i]->name, cli_commands[i]->summary);
	fprintf(out,
		"\n'kvmtape SUBCOMMAND --help' explains one of them.\n"
		"  -h, --help     Print this and exit.\n"
		"  -V, --version  Print the version of the program and of the tape format, and exit.\n");
}

static int command_unknown(const char *word)
{
	struct near near;
	char hint[NEAR_TEXT];

	near_begin(&near, word, strlen(word), "");
	for (size_t i = 0; cli_commands[i]; i++)
		near_offer(&near, cli_commands[i]->name);
	return cli_usage_error("no subcommand '%s'%s", word,
			       near_text(&near, "", hint, sizeof(hint)));
}

/* Output that was not written is an error, whatever the subcommand returned. */
static int output_check(int code)
{
	if (!fflush(stdout) && !ferror(stdout))
		return code;
	return cli_error("cannot write to standard output: %s", strerror(errno));
}

static int command_run(const struct cli_command *command, int argc, char **argv)
{
	char **operands;
	void *values;
	int count;
	int code;

	values = calloc(1, command->values_size ? command->values_size : 1);
	if (!values)
		return cli_error("out of memory");
	code = cli_parse(command, argc, argv, values, &count, &operands);
	if (code < 0) {
		/*
		 * A parent may have ignored SIGPIPE, but `kvmtape print | head` should end quietly.
		 */
		if (!command->own_signals)
			signal(SIGPIPE, SIG_DFL);
		code = command->run(values, count, operands);
	}
	free(values);
	return code;
}

int main(int argc, char **argv)
{
	const struct cli_command *command;

	if (argc < 2)
		return cli_usage_error("which subcommand?");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		command = argc > 2 ? cli_command_find(argv[2]) : NULL;
		if (argc > 2 && !command)
			return command_unknown(argv[2]);
		if (command)
			cli_help(command, stdout);
		else
			help(stdout);
		return output_check(CLI_OK);
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V") ||
	    !strcmp(argv[1], "version")) {
		printf("kvmtape %s (tape format %d.%d)\n", KVMTAPE_VERSION, TAPE_FORMAT_MAJOR,
		       TAPE_FORMAT_MINOR);
		return output_check(CLI_OK);
	}
	command = cli_command_find(argv[1]);
	if (!command)
		return command_unknown(argv[1]);
	cli_subject_set(command->name);
	return output_check(command_run(command, argc - 1, argv + 1));
}
