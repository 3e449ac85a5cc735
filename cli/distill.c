/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape distill: from many tapes, the few short ones that reach the same rules. */
#include "replayer/judge/distill.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/live.h"

struct distill_values {
	bool blocks, force, json, whole;
	const char *output;
};

static const struct cli_option options[] = {
	{"blocks", 'b', NULL,
	 "Keep the coverage of the kernel, too: beside each TAPE there is a file of the same name "
	 "with .blocks behind it, a line for each block that it ran.",
	 CLI_FLAG, offsetof(struct distill_values, blocks), false, NULL},
	{"force", 'f', NULL, "Write into a folder that is not empty.", CLI_FLAG,
	 offsetof(struct distill_values, force), false, NULL},
	{"json", 'j', NULL, "Print JSON, one object a line.", CLI_FLAG,
	 offsetof(struct distill_values, json), false, NULL},
	{"output", 'o', "DIR", "Write the tapes into the folder DIR; must be given.", CLI_TEXT,
	 offsetof(struct distill_values, output), false, NULL},
	{"whole", 'w', NULL, "Choose whole tapes: no call leaves them.", CLI_FLAG,
	 offsetof(struct distill_values, whole), false, NULL},
	{0},
};

static int folder_open(const struct distill_values *v, int *fd)
{
	const struct dirent *entry;
	DIR *folder;
	bool empty = true;

	if (mkdir(v->output, 0777) && errno != EEXIST)
		return cli_error("%s: %s", v->output, strerror(errno));
	*fd = open(v->output, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	folder = opendir(v->output);
	if (*fd < 0 || !folder) {
		if (folder)
			closedir(folder);
		return cli_error("%s: %s", v->output, strerror(errno));
	}
	while ((entry = readdir(folder)))
		empty &= !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
	closedir(folder);
	if (!empty && !v->force)
		return cli_error("%s: is not empty; --force writes into it all the same",
				 v->output);
	return CLI_OK;
}

/* --- what comes out --------------------------------------------------------------------------- */

struct putting {
	const struct distill_values *v;
	int folder;
	int code;
};

/* "qemu/smp2.tape", VM 3: "smp2-vm3.tape", or with a number appended if that exists already. */
static int tape_put(void *context, const char *name, uint32_t vm, const void *tape, size_t size)
{
	struct putting *p = context;
	const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	size_t len = strlen(base);
	char file[300], part[32] = "";
	int fd = -1, rc;

	if (len > 5 && !strcmp(base + len - 5, ".tape"))
		len -= 5;
	if (len > 200)
		len = 200;
	if (vm)
		snprintf(part, sizeof(part), "-vm%u", vm);
	for (unsigned int again = 0; fd < 0 && again < 10000; again++) {
		if (again)
			snprintf(file, sizeof(file), "%.*s%s-%u.tape", (int)len, base, part, again);
		else
			snprintf(file, sizeof(file), "%.*s%s.tape", (int)len, base, part);
		fd = openat(p->folder, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	rc = fd < 0 ? -errno : file_write_all(fd, tape, size);
	if (fd >= 0 && close(fd) && !rc)
		rc = -errno;
	if (rc) {
		p->code = cli_error("%s/%s: %s", p->v->output, file, strerror(-rc));
		if (fd >= 0)
			unlinkat(p->folder, file, 0);
		return -ECANCELED;
	}
	if (p->v->json)
		p->code = cli_json_put(stdout,
				       json_pack("{s:s, s:s, s:s, s:I}", "type", "kept", "file",
						 file, "of", name, "vm", (json_int_t)vm));
	else
		printf("%s\n", file);
	return p->code == CLI_OK ? 0 : -ECANCELED;
}

static int summary(const struct distill_values *v, const struct distill_counts *n)
{
	const struct cli_colors *c = cli_colors(stdout);

	if (v->json)
		return cli_json_put(
			stdout, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "type",
					  "summary", "tapes", (json_int_t)n->tapes, "tapes_kept",
					  (json_int_t)n->tapes_kept, "calls", (json_int_t)n->calls,
					  "calls_kept", (json_int_t)n->calls_kept, "rules",
					  (json_int_t)n->rules, "outcomes", (json_int_t)n->outcomes,
					  "blocks", (json_int_t)n->blocks));
	printf("%skept%s  %zu of %zu tapes, %" PRIu64 " of %" PRIu64 " calls\n", c->bold, c->off,
	       n->tapes_kept, n->tapes, n->calls_kept, n->calls);
	printf("      %zu rules, %zu pairs of rule and outcome", n->rules, n->outcomes);
	if (v->blocks)
		printf(", %zu blocks", n->blocks);
	printf("\n");
	return CLI_OK;
}

/* --- what goes in ----------------------------------------------------------------------------- */

static int blocks_read(const char *tape, char **text)
{
	char path[4096];
	uint8_t *data;
	size_t size;
	int code;

	if (snprintf(path, sizeof(path), "%s.blocks", tape) >= (int)sizeof(path))
		return cli_error("%s: the name is too long", tape);
	code = cli_file_read(path, &data, &size);
	if (code != CLI_OK)
		return code;
	*text = malloc(size + 1);
	if (*text) {
		memcpy(*text, data, size);
		(*text)[size] = 0;
	} else {
		code = cli_error("%s: %s", path, strerror(ENOMEM));
	}
	free(data);
	return code;
}

static int tape_add(struct distill *d, const char *path, bool blocks)
{
	uint8_t *data = NULL;
	char *text = NULL;
	size_t size;
	int rc, code;

	code = cli_file_read(path, &data, &size);
	if (code == CLI_OK && blocks)
		code = blocks_read(path, &text);
	if (code != CLI_OK)
		goto out;
	rc = distill_add(d, path, data, size, text);
	if (rc == TAPE_E_NOT_A_TAPE)
		code = cli_error("%s: not a tape; 'kvmtape record' makes one", path);
	else if (rc == TAPE_E_TRUNCATED)
		code = cli_error("%s: cut off in the middle; 'kvmtape canon' makes a whole tape of "
				 "what is there",
				 path);
	else if (rc == -ENOTSUP)
		code = cli_error("%s: there is no model of its architecture yet", path);
	else if (rc)
		code = cli_error("%s: %s", path, tape_strerror(rc));
out:
	free(data);
	free(text);
	return code;
}

static int run(const void *values, int operand_count, char **operands)
{
	const struct distill_values *v = values;
	struct putting p = {.v = v, .folder = -1};
	struct distill_counts counts;
	struct distill *d;
	int rc, code = CLI_OK;

	if (!v->output)
		return cli_usage_error("where to? give --output=DIR");
	d = distill_new();
	if (!d)
		return cli_error("%s", strerror(ENOMEM));
	for (int i = 0; code == CLI_OK && i < operand_count; i++)
		code = tape_add(d, operands[i], v->blocks);
	if (code == CLI_OK)
		code = folder_open(v, &p.folder);
	if (code == CLI_OK && v->json)
		code = cli_json_header(stdout, "distill");
	if (code != CLI_OK)
		goto out;
	rc = distill_run(d, v->whole, tape_put, &p, &counts);
	code = p.code;
	if (rc && code == CLI_OK)
		code = cli_error("%s", tape_strerror(rc));
	if (code != CLI_OK)
		goto out;
	if (counts.without_results)
		cli_note("%zu tapes have no results%s", counts.without_results,
			 v->blocks ? "; of them only blocks count" : " and were left out");
	code = summary(v, &counts);
out:
	if (p.folder >= 0)
		close(p.folder);
	distill_free(d);
	return code;
}

const struct cli_command cli_distill = {
	.name = "distill",
	.summary = "choose the fewest tapes and calls that reach the same",
	.usage = "-o DIR TAPE...",
	.description =
		"Writes few short tapes into DIR that reach together what all of TAPE... reach: which rules "
		"hold, are broken, are known quirks or give advice, with which outcome of the call, and with --blocks which blocks of the "
		"kernel ran. A piece of a tape is the life of one VM, or the whole tape; pieces are chosen by what "
		"they add, and then lose the calls that what they were chosen for does not need. Results stay with "
		"their calls.",
	.notes = "# EXIT STATUS\n\n"
		 "*0*\n\tThe tapes were written.\n\n"
		 "*2*\n\tUsage, I/O or format error.\n\n"
		 "# EXAMPLES\n\n"
		 "Seeds for the fuzzer:\n\n"
		 "\tkvmtape distill -o seeds corpus/qemu/\\*.tape\n",
	.options = options,
	.values_size = sizeof(struct distill_values),
	.operands_min = 1,
	.operands_max = CLI_ANY,
	.run = run,
};
