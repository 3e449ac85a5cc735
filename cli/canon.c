/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape canon: the same tape without the numbers of the machine that it was made on. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "tape/tape.h"

struct canon_values {
	bool force;
	const char *output;
};

static const struct cli_option options[] = {
	{"force", 'f', NULL, "Replace OUT if it exists.", CLI_FLAG,
	 offsetof(struct canon_values, force), false, NULL},
	{"output", 'o', "OUT", "Write the canonical tape to OUT; must be given.", CLI_TEXT,
	 offsetof(struct canon_values, output), false, NULL},
	{0},
};

static int run(const void *values, int operand_count, char **operands)
{
	const struct canon_values *v = values;
	struct tape_reader *reader = NULL;
	struct cli_output output = {.fd = -1};
	int rc, code;

	if (!v->output)
		return cli_usage_error("where to? give --output=OUT");
	code = cli_tape_open(operands[0], &reader);
	if (code != CLI_OK)
		return code;
	code = cli_output_open(&output, v->output, v->force, operands[0], NULL);
	if (code != CLI_OK)
		goto out;
	rc = tape_canonicalise(reader, output.fd, NULL);
	if (!rc || rc == TAPE_E_TRUNCATED || rc == TAPE_E_CORRUPT)
		code = cli_tape_done(operands[0], reader, rc);
	else
		code = cli_error("%s: %s", v->output, tape_strerror(rc));
	/* Half a tape under the name of a whole one helps nobody; what can be read is kept with the
	 * input. */
	if (cli_output_close(&output, code == CLI_OK ? CLI_OUTPUT_DONE : CLI_OUTPUT_DROPPED))
		code = CLI_ERROR;
out:
	tape_reader_close(reader);
	return code;
}

const struct cli_command cli_canon = {
	.name = "canon",
	.summary = "write a tape in canonical form, to be shared and compared",
	.usage = "-o OUT FILE",
	.description =
		"Copies the tape FILE to OUT without what belongs to one machine and one moment: descriptors, "
		"addresses, thread and process ids become ordinal numbers, times go, and of the environment "
		"stays what the model needs. The same session becomes the same bytes wherever it was "
		"recorded. FILE may be - for standard input.",
	.notes = "# EXIT STATUS\n\n"
		 "*0*\n\tOUT was written.\n\n"
		 "*2*\n\tUsage, I/O or format error; OUT is not left behind half written.\n",
	.options = options,
	.values_size = sizeof(struct canon_values),
	.operands_min = 1,
	.operands_max = 1,
	.run = run,
};
