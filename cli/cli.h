/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli: the command `kvmtape`, one file per subcommand.
 *
 * A subcommand is data: its names, options and operands stand in one struct cli_command, and the
 * parser, --help, the man pages and the shell completion all follow from it.  To add one: write
 * cli/NAME.c with a `const struct cli_command cli_NAME`, declare it below, give it its line in
 * commands.c and meson.build.
 *
 * Options are parsed into a struct of the subcommand ("values"); each option says at which offset
 * of it its value goes.  Example:
 *
 *	struct record_values {
 *		const char *output;
 *		uint64_t pid;
 *		bool force;
 *	};
 *	static const struct cli_option options[] = {
 *		{"output", 'o', "FILE", "Write the tape to FILE.", CLI_TEXT,
 *		 offsetof(struct record_values, output)},
 *		{"pid", 'p', "PID", "Attach to process PID.", CLI_NUMBER,
 *		 offsetof(struct record_values, pid)},
 *		{"force", 'f', NULL, "Overwrite FILE.", CLI_FLAG,
 *		 offsetof(struct record_values, force)},
 *		{0},
 *	};
 *	static int run(const void *values, int count, char **operands);
 *	const struct cli_command cli_record = {
 *		.name = "record",
 *		.summary = "record a VMM's session onto a tape",
 *		.usage = "-o FILE [--] COMMAND [ARG...]\n-o FILE -p PID",
 *		.options = options,
 *		.values_size = sizeof(struct record_values),
 *		.operands_max = CLI_ANY,
 *		.stop_at_operand = true,
 *		.own_signals = true,
 *		.run = run,
 *	};
 */
#ifndef CLI_H
#define CLI_H

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "kvmtape/kvmapi.h"

/*
 * Exit codes of every subcommand, as in README and kvmtape(1); `git bisect run` understands them.
 * `record` and `guest run` pass on the status of the command that they ran.
 */
enum cli_exit {
	CLI_OK = 0,
	CLI_DIVERGED =
		1,     /* a find: a violation, a kernel that died under test, advice that fails */
	CLI_ERROR = 2, /* usage, I/O or format error; or nothing matches */
	CLI_UNTESTED =
		125, /* could not be tested here: no kernel, no /dev/kvm, refused, no events */
};

/* Type of an option's argument, and C type of its field in the values. */
enum cli_type {
	CLI_FLAG,   /* bool; no argument; --no-NAME clears it if .negatable */
	CLI_TEXT,   /* const char *, into argv */
	CLI_NUMBER, /* uint64_t, decimal or 0x... */
	CLI_SIZE,   /* uint64_t, with an optional suffix K, M, G (powers of 1024) */
	CLI_RANGE,  /* struct cli_range: "A-B", "A-", "-B", "A" */
	CLI_LIST,   /* struct cli_list: "A,B", may be given again */
};

struct cli_range {
	uint64_t from, to; /* inclusive */
};

#define CLI_LIST_MAX 64
struct cli_list {
	unsigned int count;
	const char *items[CLI_LIST_MAX]; /* pieces of argv, split at commas */
};

struct cli_option {
	const char *name;     /* "output" for --output; NULL ends a table */
	char letter;	      /* 'o' for -o; 0 = none */
	const char *argument; /* what --help calls the argument; NULL for a flag */
	const char *help;     /* a sentence or two */
	enum cli_type type;
	size_t offset;	     /* of the place in the values */
	bool negatable;	     /* CLI_FLAG: --no-NAME exists; shown by --help if the default is on */
	const char *help_no; /* what --no-NAME does, if .negatable */
};

#define CLI_ANY UINT32_MAX

struct cli_command {
	const char *name;
	const char *summary; /* a line without a full stop, after "kvmtape NAME - " */
	const char *usage;   /* operands as in "FILE"; several lines = several forms */
	const char *
		description; /* paragraphs, separated by empty lines; for --help and the man page */
	const char *notes;   /* scdoc text with "# SECTION" heads, for the man page only; NULL */
	const struct cli_option *options;
	size_t values_size;
	const void *defaults; /* values before parsing; NULL = all zero */
	uint32_t operands_min, operands_max;
	bool stop_at_operand; /* options end at the first operand: the rest is another command's */
	bool own_signals;     /* SIGPIPE is left unchanged; otherwise it ends the process quietly */
	/* Returns the exit code.  Standard output is flushed and checked by the caller. */
	int (*run)(const void *values, int operand_count, char **operands);
};

extern const struct cli_command cli_asm;
extern const struct cli_command cli_canon;
extern const struct cli_command cli_distill;
extern const struct cli_command cli_explain;
extern const struct cli_command cli_fuzz;
extern const struct cli_command cli_guest;
extern const struct cli_command cli_info;
extern const struct cli_command cli_minimise;
extern const struct cli_command cli_print;
extern const struct cli_command cli_record;
extern const struct cli_command cli_replay;
extern const struct cli_command cli_rules;
extern const struct cli_command cli_stat;

/* All subcommands in the order of --help; ends with NULL. */
extern const struct cli_command *const cli_commands[];
/* NULL = no such subcommand. */
const struct cli_command *cli_command_find(const char *name);

/* --- parsing ---------------------------------------------------------------------------------- */

/*
 * Parse argv[1..] by the command's table into values (values_size bytes, set to the defaults
 * first). Operands are moved to the front of *operands (argv is permuted). Returns -1 to go on, or
 * an exit code after --help or a usage error.
 */
int cli_parse(const struct cli_command *command, int argc, char **argv, void *values,
	      int *operand_count, char ***operands);
void cli_help(const struct cli_command *command, FILE *out);

/* --- messages --------------------------------------------------------------------------------- */

/* "kvmtape replay: MESSAGE" on standard error, one line; returns CLI_ERROR. */
int cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, and CLI_UNTESTED. */
int cli_untested(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same as cli_error(), and a line that points to --help. */
int cli_usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same as cli_error() for a message that is not an error. */
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Colours of a stream: all strings are empty unless it is a terminal and NO_COLOR is not set. */
struct cli_colors {
	const char *good, *bad, *warn, *dim, *bold, *off;
};
const struct cli_colors *cli_colors(FILE *out);

/*
 * A string from a tape for a terminal: control characters become "?", and what does not fit into
 * buf is cut. Returns buf.
 */
const char *cli_printable(const char *text, char *buf, size_t size);
/* The same in place and for text of several lines; removes line ends at its end. */
void cli_text_clean(char *text);

/* --- arguments that are a name ---------------------------------------------------------------- */

/*
 * Each finds what `word` names, in any case, and returns CLI_OK, or prints an error for --`option`
 * with suggestions.
 */
/* One of `words`, which end with NULL. */
int cli_word_find(const char *option, const char *word, const char *const *words, size_t *index);
/* With or without "KVM_". */
int cli_ioctl_find(const char *option, enum kvmapi_arch arch, const char *word,
		   const struct kvmapi_ioctl **row);
/* A rule of one of the kinds (1 << enum model_rule_kind), with or without "LINT_". */
int cli_rule_find(const char *option, const char *word, unsigned int kinds, uint16_t *rule);

/* --- tapes and JSON --------------------------------------------------------------------------- */

struct json_t;
struct tape_reader;

/* Where a tape is written to. */
struct cli_output {
	const char *path; /* as it was given */
	char *beside;	  /* a file that replaces `target` at the end; NULL = none */
	char *target;
	int fd;
	bool made; /* `path` was not there before */
};
enum cli_output_fate {
	CLI_OUTPUT_DONE,    /* it is whole */
	CLI_OUTPUT_PARTIAL, /* it is incomplete but worth keeping */
	CLI_OUTPUT_DROPPED, /* remove it */
};

/*
 * Open `path` ("-": standard output, unless that is a terminal; what is printed goes to standard
 * error from then on); or print why not, and return the exit status. New files are for their owner
 * alone: a tape holds guest state. With `force` a file may exist: it is replaced when the new one
 * is whole. It must not be `input` (NULL = none). *stop ends the waiting for the reader of a FIFO
 * (NULL: signals do).
 */
int cli_output_open(struct cli_output *o, const char *path, bool force, const char *input,
		    const volatile sig_atomic_t *stop);
/* Close it; only a file that we made is removed. CLI_OK, or CLI_ERROR with a message. */
int cli_output_close(struct cli_output *o, enum cli_output_fate fate);
bool cli_output_is_fifo(const struct cli_output *o);
bool cli_is_regular(const char *path);

/*
 * Copy all of the file `from` (seekable) to `to`, or print why not, naming `path`. CLI_OK or
 * CLI_ERROR.
 */
int cli_file_copy(int from, int to, const char *path);

/* Open a tape, or print why not. CLI_OK or CLI_ERROR. */
int cli_tape_open(const char *path, struct tape_reader **reader);
/*
 * After the last item, or the error that ended reading: print on standard error if the tape has no
 * end or is damaged. CLI_OK for a whole tape and for one that was cut off (everything on it was
 * read); CLI_ERROR for a damaged one.
 */
int cli_tape_done(const char *path, const struct tape_reader *reader, int error);
/*
 * The name of an ioctl in a table: its name, with the kind of object if several kinds take it, or
 * the request. `buf` of CLI_IOCTL_NAME bytes is used if needed.
 */
#define CLI_IOCTL_NAME 64
const char *cli_ioctl_name(uint8_t kind, uint32_t request, const struct kvmapi_ioctl *row,
			   char *buf);
/*
 * Print {"type":"header","schema":1,...}, the first line of every NDJSON output. CLI_OK or
 * CLI_ERROR.
 */
#define CLI_JSON_SCHEMA 1
int cli_json_header(FILE *out, const char *command);
/* A value on a line of its own.  0, -ENOMEM, -EIO. */
int cli_json_write(FILE *out, struct json_t *value);
/*
 * Print one line of NDJSON and release it; NULL, as from a failed json_pack(), is reported as an
 * error. CLI_OK or CLI_ERROR.
 */
int cli_json_put(FILE *out, struct json_t *line);
/* Counts by enum tape_signal_what; a new reference. */
struct json_t *cli_signals_json(const uint64_t *counts);
/* A string that may not be UTF-8 (a thread's name): if it is not, bytes beyond ASCII become "?". */
struct json_t *cli_json_string(const char *text);

/* "api.rst § 4.25": the section of a rule. */
struct model_rule;
void cli_rule_source(const struct model_rule *rule, char *buf, size_t size);
/* The same with the sections' titles: "api.rst § 4.25 KVM_IRQ_LINE". */
void cli_rule_source_titled(const struct model_rule *rule, char *buf, size_t size);
/* {"id":...,"document":...,"section":...,"refs":...,"statement":...}; a new reference. */
struct json_t *cli_rule_json(const struct model_rule *rule);

/* Advice that a call got. */
struct cli_advice {
	uint64_t event;
	uint32_t thread, request;
	uint8_t kind; /* of the object */
	const struct kvmapi_ioctl *row;
	const struct model_rule *rule;
	const char *detail;
	const char *where; /* text only: suffix, "" */
};
/* In one line. */
void cli_advice_print(FILE *out, const struct cli_advice *advice);
/* {"type":"advice",...}; a new reference. */
struct json_t *cli_advice_json(const struct cli_advice *advice);

#endif
