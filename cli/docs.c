/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the man pages and the shell completion from the tables that the parser uses, so that they
 * always agree. Run by the build only:
 *
 *	kvmtape-docs man		scdoc source of kvmtape(1)
 *	kvmtape-docs man SUBCOMMAND	scdoc source of kvmtape-SUBCOMMAND(1)
 *	kvmtape-docs completion		completion for bash
 */
#include <string.h>

#include "cli/cli.h"

static void escaped(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (strchr("\\*_", text[i]))
			putchar('\\');
		putchar(text[i]);
	}
}

static void escaped_string(const char *text)
{
	escaped(text, strlen(text));
}

static void man_option(const struct cli_option *o)
{
	if (o->letter)
		printf("*-%c*, ", o->letter);
	printf("*--%s*", o->name);
	if (o->argument) {
		printf("=");
		escaped_string(o->argument);
	}
	if (o->negatable)
		printf(", *--no-%s*", o->name);
	printf("\n\t");
	escaped_string(o->help);
	if (o->negatable) {
		printf(" *--no-%s*: ", o->name);
		escaped_string(o->help_no);
	}
	printf("\n\n");
}

static void man_usage(const struct cli_command *command)
{
	const char *usage = command->usage;

	while (*usage) {
		size_t len = strcspn(usage, "\n");

		printf("*kvmtape %s* [OPTION...] ", command->name);
		escaped(usage, len);
		printf("\n\n");
		usage += len + (usage[len] == '\n');
	}
}

static int man_command(const char *name)
{
	const struct cli_command *command = cli_command_find(name);

	if (!command) {
		fprintf(stderr, "kvmtape-docs: no subcommand '%s'\n", name);
		return CLI_ERROR;
	}
	printf("kvmtape-%s(1) \"kvmtape %s\" \"kvmtape\"\n\n", command->name, KVMTAPE_VERSION);
	printf("# NAME\n\nkvmtape-%s - ", command->name);
	escaped_string(command->summary);
	printf("\n\n# SYNOPSIS\n\n");
	man_usage(command);
	printf("# DESCRIPTION\n\n");
	escaped_string(command->description);
	printf("\n\n# OPTIONS\n\n");
	for (const struct cli_option *o = command->options; o && o->name; o++)
		man_option(o);
	printf("*-h*, *--help*\n\tPrint a summary and exit.\n\n");
	if (command->notes)
		printf("%s\n", command->notes);
	printf("# SEE ALSO\n\n*kvmtape*(1), *kvmtape-tape*(5), *kvmtape-verdicts*(7)\n");
	return CLI_OK;
}

static void man_overview(void)
{
	printf("kvmtape(1) \"kvmtape %s\" \"kvmtape\"\n\n", KVMTAPE_VERSION);
	printf("# NAME\n\nkvmtape - record what a VMM says to KVM, and judge what KVM answers\n\n"
	       "# SYNOPSIS\n\n*kvmtape* SUBCOMMAND [OPTION...] ...\n\n"
	       "*kvmtape* *--help* | *--version*\n\n"
	       "# DESCRIPTION\n\n"
	       "A tape holds a session of a VMM (QEMU, Firecracker, ...) with the Linux KVM API: every ioctl "
	       "with its arguments and answers, whole. A reference model of the KVM documents judges the "
	       "tape, each verdict citing the section that it rests on.\n\n"
	       "# SUBCOMMANDS\n\n");
	for (size_t i = 0; cli_commands[i]; i++) {
		printf("*kvmtape-%s*(1)\n\t", cli_commands[i]->name);
		escaped_string(cli_commands[i]->summary);
		printf("\n\n");
	}
	printf("# OPTIONS\n\n*-h*, *--help*\n\tPrint the subcommands and exit.\n\n"
	       "*-V*, *--version*\n\tPrint the version of the program and of the tape format, and exit.\n\n"
	       "# ENVIRONMENT\n\n*NO\\_COLOR*\n\tIf set and not empty, no colour is used; otherwise it is where "
	       "output goes to a terminal.\n\n"
	       "# EXIT STATUS\n\n"
	       "The same for all subcommands, and as *git bisect run* wants it.\n\n"
	       "*0*\n\tFine: done, and nothing was found.\n\n"
	       "*1*\n\tA find: a violation (*replay*), the kernel died under test (*replay --live*, "
	       "*guest run*), there is advice (*replay --lint --fail-on=advice*), a campaign has finds (*fuzz*).\n\n"
	       "*2*\n\tUsage, I/O or format error; nothing is there that was asked for (*print*, *rules*).\n\n"
	       "*125*\n\tCould not be tested here: no kernel or no /dev/kvm, a tape without events or that is not "
	       "played on this kernel, no guest that starts.\n\n"
	       "*record* and *guest run* pass on the status of the program that they ran; *guest run* exits with "
	       "124 if its time was over.\n\n"
	       "# SEE ALSO\n\n");
	for (size_t i = 0; cli_commands[i]; i++)
		printf("%s*kvmtape-%s*(1)", i ? ", " : "", cli_commands[i]->name);
	printf(", *kvmtape-tape*(5), *kvmtape-verdicts*(7), *libkvmtape*(3)\n");
}

/* One case of the completion: the options of a subcommand, and which of them want a file. */
static void completion_command(const struct cli_command *command)
{
	printf("\t%s)\n\t\toptions='--help", command->name);
	for (const struct cli_option *o = command->options; o && o->name; o++)
		printf(" --%s%s%s%s", o->name, o->type == CLI_FLAG ? "" : "=",
		       o->negatable ? " --no-" : "", o->negatable ? o->name : "");
	printf("'\n\t\tvalued='");
	for (const struct cli_option *o = command->options; o && o->name; o++) {
		if (o->type == CLI_FLAG ||
		    (o->argument && (!strcmp(o->argument, "FILE") || !strcmp(o->argument, "OUT"))))
			continue;
		printf(" --%s ", o->name);
		if (o->letter)
			printf(" -%c ", o->letter);
	}
	printf("'\n\t\t;;\n");
}

static void completion(void)
{
	printf("# bash completion for kvmtape\n\n"
	       "_kvmtape()\n{\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tlocal options valued\n\n"
	       "\tif ((COMP_CWORD == 1)); then\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -W '--help --version");
	for (size_t i = 0; cli_commands[i]; i++)
		printf(" %s", cli_commands[i]->name);
	printf("' -- \"$cur\")\n\t\treturn\n\tfi\n"
	       "\tcase ${COMP_WORDS[1]} in\n");
	for (size_t i = 0; cli_commands[i]; i++)
		completion_command(cli_commands[i]);
	printf("\t*)\n\t\treturn\n\t\t;;\n\tesac\n"
	       "\t[[ $valued == *\" $prev \"* ]] && return\n"
	       "\tif [[ $cur == -* ]]; then\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
	       "\t\t[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace\n"
	       "\telse\n"
	       "\t\tcompopt -o filenames\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	       "\tfi\n}\n"
	       "complete -F _kvmtape kvmtape\n");
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "completion")) {
		completion();
	} else if (argc == 2 && !strcmp(argv[1], "man")) {
		man_overview();
	} else if (argc == 3 && !strcmp(argv[1], "man")) {
		if (man_command(argv[2]) != CLI_OK)
			return CLI_ERROR;
	} else {
		fprintf(stderr, "usage: kvmtape-docs man [SUBCOMMAND] | completion\n");
		return CLI_ERROR;
	}
	return fflush(stdout) || ferror(stdout) ? CLI_ERROR : CLI_OK;
}
