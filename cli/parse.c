/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/internal.h"
#include "base/near.h"

#define HELP_COLUMN 26
#define HELP_WIDTH  96

/* A whole string as a number, or false.  strtoull() alone would take "-1", " 1" and "1x". */
static bool number_parse(const char *text, char **end, uint64_t *value)
{
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, end, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
	return !errno;
}

static bool size_parse(const char *text, uint64_t *value)
{
	static const char suffixes[] = "KMG";
	const char *suffix;
	char *end;

	if (!number_parse(text, &end, value))
		return false;
	if (!*end)
		return true;
	suffix = memchr(suffixes, *end & ~0x20, sizeof(suffixes) - 1);
	if (!suffix || end[1])
		return false;
	return !__builtin_mul_overflow(*value, 1ULL << 10 * (suffix - suffixes + 1), value);
}

static bool range_parse(const char *text, struct cli_range *range)
{
	char *end = (char *)text;

	*range = (struct cli_range){0, UINT64_MAX};
	if (*text != '-') {
		if (!number_parse(text, &end, &range->from))
			return false;
		if (!*end) {
			range->to = range->from;
			return true;
		}
	}
	if (*end++ != '-')
		return false;
	if (!*end)
		return *text != '-'; /* "-" alone is not a range */
	return number_parse(end, &end, &range->to) && !*end && range->from <= range->to;
}

static int list_add(const struct cli_option *option, char *text, struct cli_list *list)
{
	char *state = NULL;

	for (char *item = strtok_r(text, ",", &state); item; item = strtok_r(NULL, ",", &state)) {
		if (list->count == CLI_LIST_MAX)
			return cli_usage_error("--%s: more than %d values", option->name,
					       CLI_LIST_MAX);
		list->items[list->count++] = item;
	}
	return -1;
}

/* Store the argument of an option. -1, or an exit code. */
static int store(const struct cli_option *option, char *text, void *values)
{
	void *place = (char *)values + option->offset;
	char *end;

	switch (option->type) {
	case CLI_FLAG:
		*(bool *)place = true;
		return -1;
	case CLI_TEXT:
		*(const char **)place = text;
		return -1;
	case CLI_NUMBER:
		if (number_parse(text, &end, place) && !*end)
			return -1;
		return cli_usage_error("--%s: '%s' is not a number", option->name, text);
	case CLI_SIZE:
		if (size_parse(text, place))
			return -1;
		return cli_usage_error("--%s: '%s' is not a size (a number with K, M or G)",
				       option->name, text);
	case CLI_RANGE:
		if (range_parse(text, place))
			return -1;
		return cli_usage_error("--%s: '%s' is not a range (A-B, A-, -B or A)", option->name,
				       text);
	case CLI_LIST:
		return list_add(option, text, place);
	}
	return cli_error("--%s: the table of options is wrong", option->name);
}

static const struct cli_option *find_letter(const struct cli_option *o, char letter)
{
	for (; o && o->name; o++) {
		if (o->letter == letter)
			return o;
	}
	return NULL;
}

static const struct cli_option *find_name(const struct cli_option *o, const char *name, size_t len)
{
	for (; o && o->name; o++) {
		if (strlen(o->name) == len && !memcmp(o->name, name, len))
			return o;
	}
	return NULL;
}

static int option_unknown(const struct cli_command *command, const char *name, size_t len)
{
	struct near near;
	char hint[NEAR_TEXT];

	near_begin(&near, name, len, "");
	for (const struct cli_option *o = command->options; o && o->name; o++)
		near_offer(&near, o->name);
	return cli_usage_error("no option --%.*s%s", (int)len, name,
			       near_text(&near, "--", hint, sizeof(hint)));
}

/* The forms of the usage in one line. */
static int operand_missing(const struct cli_command *command)
{
	char usage[512];
	size_t used = 0;

	for (const char *at = command->usage; *at && used < sizeof(usage) - 8; at++) {
		if (*at == '\n')
			used += snprintf(usage + used, sizeof(usage) - used, " | ");
		else
			usage[used++] = *at;
	}
	usage[used] = 0;
	return cli_usage_error("an operand is missing: kvmtape %s %s", command->name, usage);
}

/* "--name", "--name=value", "--name value", "--no-name". *i is advanced over what was used. */
static int parse_long(const struct cli_command *command, int argc, char **argv, int *i,
		      void *values)
{
	char *name = argv[*i] + 2;
	char *value = strchr(name, '=');
	size_t len = value ? (size_t)(value++ - name) : strlen(name);
	const struct cli_option *o = find_name(command->options, name, len);

	if (!o && len > 3 && !memcmp(name, "no-", 3)) {
		o = find_name(command->options, name + 3, len - 3);
		if (o && o->negatable && !value) {
			*(bool *)((char *)values + o->offset) = false;
			return -1;
		}
		o = NULL;
	}
	if (!o)
		return option_unknown(command, name, len);
	if (o->type == CLI_FLAG && value)
		return cli_usage_error("--%s takes no argument", o->name);
	if (o->type != CLI_FLAG && !value) {
		if (*i + 1 >= argc)
			return cli_usage_error("--%s needs an argument: %s", o->name, o->argument);
		value = argv[++*i];
	}
	return store(o, value, values);
}

/* "-v", "-vo FILE", "-oFILE". */
static int parse_short(const struct cli_command *command, int argc, char **argv, int *i,
		       void *values)
{
	for (char *p = argv[*i] + 1; *p; p++) {
		const struct cli_option *o = find_letter(command->options, *p);
		char *value = p + 1;
		int rc;

		if (*p == 'h' && !o) {
			cli_help(command, stdout);
			return CLI_OK;
		}
		if (!o)
			return cli_usage_error("no option -%c", *p);
		if (o->type == CLI_FLAG) {
			rc = store(o, NULL, values);
			if (rc >= 0)
				return rc;
			continue;
		}
		if (!*value) {
			if (*i + 1 >= argc)
				return cli_usage_error("-%c needs an argument: %s", *p,
						       o->argument);
			value = argv[++*i];
		}
		return store(o, value, values);
	}
	return -1;
}

int cli_parse(const struct cli_command *command, int argc, char **argv, void *values,
	      int *operand_count, char ***operands)
{
	uint32_t count = 0;
	bool options = true;

	if (command->defaults)
		memcpy(values, command->defaults, command->values_size);
	else
		memset(values, 0, command->values_size);
	*operands = argv + 1;
	for (int i = 1; i < argc; i++) {
		int rc = -1;

		if (!options || argv[i][0] != '-' || !argv[i][1]) {
			if (command->stop_at_operand)
				options = false;
			(*operands)[count++] = argv[i];
		} else if (!strcmp(argv[i], "--")) {
			options = false;
		} else if (!strcmp(argv[i], "--help")) {
			cli_help(command, stdout);
			return CLI_OK;
		} else if (argv[i][1] == '-') {
			rc = parse_long(command, argc, argv, &i, values);
		} else {
			rc = parse_short(command, argc, argv, &i, values);
		}
		if (rc >= 0)
			return rc;
	}
	if (count < command->operands_min)
		return operand_missing(command);
	if (count > command->operands_max)
		return cli_usage_error("'%s' is one operand too many",
				       (*operands)[command->operands_max]);
	*operand_count = (int)count;
	return -1;
}

void cli_wrap(FILE *out, const char *text, int indent, int width)
{
	int column = indent;

	while (*text) {
		size_t word = strcspn(text, " \n");

		if (column > indent && column + 1 + (int)word > width) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, word, out);
		column += (int)word;
		text += word;
		/* An empty line ends a paragraph; a single line end is a blank. */
		if (text[0] == '\n' && text[1] == '\n') {
			fprintf(out, "\n\n%*s", indent, "");
			column = indent;
		}
		text += strspn(text, " \n");
	}
	fputc('\n', out);
}

static void help_option(const struct cli_option *o, const void *defaults, FILE *out)
{
	bool off = o->negatable && defaults && *(const bool *)((const char *)defaults + o->offset);
	char head[64];
	int len;

	len = snprintf(head, sizeof(head), "  %c%c%s--%s%s%s%s", o->letter && !off ? '-' : ' ',
		       o->letter && !off ? o->letter : ' ', o->letter && !off ? ", " : "  ",
		       off ? "no-" : "", o->name, o->argument ? "=" : "",
		       o->argument ? o->argument : "");
	if (len < HELP_COLUMN - 1)
		fprintf(out, "%-*s", HELP_COLUMN, head);
	else
		fprintf(out, "%s\n%*s", head, HELP_COLUMN, "");
	cli_wrap(out, off ? o->help_no : o->help, HELP_COLUMN, HELP_WIDTH);
}

void cli_help(const struct cli_command *command, FILE *out)
{
	const char *usage = command->usage;
	const char *lead = "usage:";

	while (*usage) {
		size_t len = strcspn(usage, "\n");

		fprintf(out, "%s kvmtape %s [OPTION...] %.*s\n", lead, command->name, (int)len,
			usage);
		lead = "      ";
		usage += len + (usage[len] == '\n');
	}
	fputc('\n', out);
	cli_wrap(out, command->description, 0, HELP_WIDTH);
	fputc('\n', out);
	for (const struct cli_option *o = command->options; o && o->name; o++)
		help_option(o, command->defaults, out);
	fprintf(out, "  %-*s%s\n", HELP_COLUMN - 2, "-h, --help", "Print this and exit.");
}
