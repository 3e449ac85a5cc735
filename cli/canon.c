/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape canon: the same tape without the numbers of the machine that it was made on. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sha2.h>

#include "cli/cli.h"
#include "kvmtape/tape.h"

struct canon_values {
	bool force;
	bool hash;
	const char *output;
};

static const struct cli_option options[] = {
	{"force", 'f', NULL, "Replace OUT if it exists.", CLI_FLAG,
	 offsetof(struct canon_values, force), false, NULL},
	{"hash", 0, NULL,
	 "Print the SHA-256 of what the canonical tape unpacks to, without --output as the only thing.",
	 CLI_FLAG, offsetof(struct canon_values, hash), false, NULL},
	{"output", 'o', "OUT", "Write the canonical tape to OUT.", CLI_TEXT,
	 offsetof(struct canon_values, output), false, NULL},
	{0},
};

static void take_unpacked(void *context, const void *data, size_t len)
{
	SHA256Update(context, data, len);
}

static int run(const void *values, int operand_count, char **operands)
{
	const struct canon_values *v = values;
	struct tape_reader *reader = NULL;
	struct cli_output output = {.fd = -1};
	struct tape_writer_options writing = TAPE_WRITER_OPTIONS();
	char hash[SHA256_DIGEST_STRING_LENGTH];
	SHA2_CTX sha;
	int nowhere = -1, rc, code;

	if (!v->output && !v->hash)
		return cli_usage_error("where to? give --output=OUT, or --hash");
	if (v->output && v->hash && !strcmp(v->output, "-"))
		return cli_usage_error("standard output takes the tape or the hash, not both");
	SHA256Init(&sha);
	if (v->hash) {
		writing.unpacked = take_unpacked;
		writing.context = &sha;
	}
	code = cli_tape_open(operands[0], &reader);
	if (code != CLI_OK)
		return code;
	if (v->output) {
		code = cli_output_open(&output, v->output, v->force, operands[0], NULL);
		if (code != CLI_OK)
			goto out;
	} else {
		nowhere = memfd_create("canon", MFD_CLOEXEC);
		if (nowhere < 0) {
			code = cli_error("memfd_create: %s", strerror(errno));
			goto out;
		}
	}
	rc = tape_canonicalise(reader, v->output ? output.fd : nowhere, &writing);
	if (!rc || rc == TAPE_E_TRUNCATED || rc == TAPE_E_CORRUPT)
		code = cli_tape_done(operands[0], reader, rc);
	else
		code = cli_error("%s: %s", v->output ? v->output : operands[0], tape_strerror(rc));
	if (code == CLI_OK && v->hash)
		puts(SHA256End(&sha, hash));
	/* Do not leave half a tape; the input still has all that can be read. */
	if (v->output &&
	    cli_output_close(&output, code == CLI_OK ? CLI_OUTPUT_DONE : CLI_OUTPUT_DROPPED))
		code = CLI_ERROR;
out:
	if (nowhere >= 0)
		close(nowhere);
	tape_reader_close(reader);
	return code;
}

const struct cli_command cli_canon = {
	.name = "canon",
	.summary = "write a tape in canonical form, to be shared and compared",
	.usage = "[--hash] [-o OUT] FILE",
	.description =
		"Copies the tape FILE to OUT without what belongs to one machine and one moment: descriptors, "
		"addresses, thread and process ids become ordinal numbers, times go, and of the environment "
		"stays what the model needs. Bytes that KVM neither read nor wrote are zero: what else the "
		"program had in its memory is not on the tape. FILE may be - for standard input.\n\n"
		"The same session unpacks to the same bytes wherever it was recorded, and --hash prints "
		"their SHA-256, as *zstd -dc OUT | sha256sum* does. The file itself is packed, and another "
		"version of libzstd packs the same bytes otherwise.",
	.notes = "# EXIT STATUS\n\n"
		 "*0*\n\tOUT was written.\n\n"
		 "*2*\n\tUsage, I/O or format error; OUT is not left behind half written.\n",
	.options = options,
	.values_size = sizeof(struct canon_values),
	.operands_min = 1,
	.operands_max = 1,
	.run = run,
};
