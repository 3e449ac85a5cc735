/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape asm: make a tape from text. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/cli.h"
#include "kvmtape/asm.h"

struct asm_values {
	bool force;
	const char *output;
};

static const struct cli_option options[] = {
	{"force", 'f', NULL, "Replace OUT if it exists.", CLI_FLAG,
	 offsetof(struct asm_values, force), false, NULL},
	{"output", 'o', "OUT", "Write the tape to OUT; must be given.", CLI_TEXT,
	 offsetof(struct asm_values, output), false, NULL},
	{0},
};

/* Size limit of a text: far more than a person writes or a tape of an hour prints. */
#define TEXT_MAX ((size_t)1 << 30)

/* The whole of a file, with a NUL behind.  CLI_OK or CLI_ERROR. */
static int text_read(const char *path, char **text)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	size_t len;
	int rc;

	if (fd < 0)
		return cli_error("%s: %s", path, strerror(errno));
	rc = file_read_all(fd, TEXT_MAX, text, &len);
	if (fd != STDIN_FILENO)
		close(fd);
	if (rc)
		return cli_error("%s: %s", path, rc == -EFBIG ? "too large" : strerror(-rc));
	if (strlen(*text) == len)
		return CLI_OK;
	free(*text);
	*text = NULL;
	return cli_error("%s: not a text: it holds a zero byte", path);
}

static int run(const void *values, int operand_count, char **operands)
{
	const struct asm_values *v = values;
	struct tape_asm_error error;
	struct cli_output output;
	char *text = NULL;
	int made = -1;
	int rc, code;

	if (!v->output)
		return cli_usage_error("where to? give --output=OUT");
	code = text_read(operands[0], &text);
	if (code != CLI_OK)
		return code;
	/* An error in the text must leave OUT unchanged. */
	made = memfd_create("tape", MFD_CLOEXEC);
	if (made < 0) {
		code = cli_error("cannot make room for a tape: %s", strerror(errno));
		goto out;
	}
	rc = tape_asm_write(text, made, NULL, &error);
	if (rc) {
		code = error.line ? cli_error("%s:%u:%u: %s", operands[0], error.line, error.column,
					      error.message)
				  : cli_error("%s: %s", operands[0], tape_strerror(rc));
		goto out;
	}
	code = cli_output_open(&output, v->output, v->force, operands[0], NULL);
	if (code != CLI_OK)
		goto out;
	code = cli_file_copy(made, output.fd, v->output);
	/* Do not leave half a tape. */
	if (cli_output_close(&output, code == CLI_OK ? CLI_OUTPUT_DONE : CLI_OUTPUT_DROPPED))
		code = CLI_ERROR;
out:
	if (made >= 0)
		close(made);
	free(text);
	return code;
}

const struct cli_command cli_asm = {
	.name = "asm",
	.summary = "make a tape out of text",
	.usage = "-o OUT FILE",
	.description =
		"Reads FILE, in which a person wrote calls to KVM and what they answered, and writes OUT, "
		"the tape of it. 'kvmtape print --asm' goes the other way. The text is described in " CLI_DOCUMENTS
		"/docs/tape-text.md; files of it are named *.tapes. FILE may be - for standard input.",
	.notes =
		"# EXIT STATUS\n\n"
		"*0*\n\tOUT was written.\n\n"
		"*2*\n\tUsage, I/O, or an error in the text, which is said with its line and column; OUT is "
		"left as it was then.\n\n"
		"# EXAMPLES\n\n"
		"A session that a person wrote, judged by the model:\n\n"
		"\tkvmtape asm -o session.tape session.tapes && kvmtape replay session.tape\n",
	.options = options,
	.values_size = sizeof(struct asm_values),
	.operands_min = 1,
	.operands_max = 1,
	.run = run,
};
