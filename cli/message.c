/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/internal.h"

/* Name of the subcommand for messages; set once by main() before anything else runs. */
static const char *subject;

void cli_subject_set(const char *name)
{
	subject = name;
}

static void say(const char *format, va_list args)
{
	/* If both go to one terminal or file, earlier output comes before the message. */
	fflush(stdout);
	flockfile(stderr);
	if (subject)
		fprintf(stderr, "kvmtape %s: ", subject);
	else
		fprintf(stderr, "kvmtape: ");
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	funlockfile(stderr);
}

int cli_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	return CLI_ERROR;
}

int cli_untested(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	return CLI_UNTESTED;
}

int cli_usage_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	fprintf(stderr, "Try 'kvmtape %s%s--help'.\n", subject ? subject : "", subject ? " " : "");
	return CLI_ERROR;
}

void cli_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

const struct cli_colors *cli_colors(FILE *out)
{
	static const struct cli_colors plain = {"", "", "", "", "", ""};
	static const struct cli_colors ansi = {"\033[32m", "\033[31m", "\033[33m",
					       "\033[2m",  "\033[1m",  "\033[0m"};
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	/* no-color.org: set and not empty. */
	if ((no_color && *no_color) || !term || !strcmp(term, "dumb") || !isatty(fileno(out)))
		return &plain;
	return &ansi;
}

static char printable(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f ? '?' : c;
}

const char *cli_printable(const char *text, char *buf, size_t size)
{
	size_t n = 0;

	for (; *text && n + 1 < size; text++, n++)
		buf[n] = printable(*text);
	buf[n] = '\0';
	return buf;
}

void cli_text_clean(char *text)
{
	size_t len = strlen(text);

	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	for (; *text; text++) {
		if (*text != '\n' && *text != '\t')
			*text = printable(*text);
	}
}
