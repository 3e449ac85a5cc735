/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening a tape, messages about bad tapes, and NDJSON: shared by the subcommands. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/cli.h"
#include "kvmtape/tape.h"

/* Is the beginning of a file that is not a tape text? */
static bool is_text(const char *path)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : NULL;
	unsigned char begin[512];
	size_t size = file ? fread(begin, 1, sizeof(begin), file) : 0;
	bool text = size > 0;

	for (size_t i = 0; i < size; i++)
		text &= begin[i] >= ' ' || (begin[i] >= '\t' && begin[i] <= '\r');
	if (file)
		fclose(file);
	return text;
}

int cli_tape_open(const char *path, struct tape_reader **reader)
{
	int rc = tape_reader_open(path, reader);

	switch (rc) {
	case 0:
		return CLI_OK;
	case TAPE_E_NOT_A_TAPE:
		if (is_text(path))
			return cli_error("%s: not a tape but text; 'kvmtape asm -o OUT %s' makes a "
					 "tape of one that is written as text",
					 path, path);
		return cli_error("%s: not a tape; 'kvmtape record' makes one", path);
	case TAPE_E_NEWER:
		return cli_error(
			"%s: made by a newer kvmtape (this one reads format %d); update kvmtape",
			path, TAPE_FORMAT_MAJOR);
	case TAPE_E_TRUNCATED:
		return cli_error("%s: cut off before its first event; nothing to read", path);
	default:
		return cli_error("%s: %s", path, tape_strerror(rc));
	}
}

int cli_tape_done(const char *path, const struct tape_reader *reader, int error)
{
	/* main() reports failed output. */
	if (ferror(stdout))
		return CLI_ERROR;
	switch (error) {
	case 0:
		if (!tape_reader_complete(reader))
			cli_note(
				"%s: the recording was cut off (no end mark); all that is there was read",
				path);
		return CLI_OK;
	case TAPE_E_TRUNCATED:
		cli_note("%s: the recording was cut off (%s); everything before was read", path,
			 tape_reader_where(reader));
		return CLI_OK;
	case TAPE_E_CORRUPT:
		return cli_error("%s: damaged (%s); only what comes before was read", path,
				 tape_reader_where(reader));
	case -ENOMEM:
		return cli_error("%s: out of memory", path);
	case -ENODATA:
		return cli_error(
			"%s: has no results yet, so there is nothing to judge; 'kvmtape replay --live=WHERE' plays it",
			path);
	default:
		return cli_error("%s: %s", path, tape_strerror(error));
	}
}

const char *cli_ioctl_name(uint8_t kind, uint32_t request, const struct kvmapi_ioctl *row,
			   char *buf)
{
	const char *object = kvmapi_object_name(kind);

	object = object ? object : "unknown";
	if (!row)
		snprintf(buf, CLI_IOCTL_NAME, "%s 0x%x", object, request);
	else if (row->scope & (row->scope - 1))
		snprintf(buf, CLI_IOCTL_NAME, "%s (%s)", row->name, object);
	else
		return row->name;
	return buf;
}

int cli_json_header(FILE *out, const char *command)
{
	return cli_json_put(out, json_pack("{s:s, s:i, s:s, s:s}", "type", "header", "schema",
					   CLI_JSON_SCHEMA, "tool", "kvmtape " KVMTAPE_VERSION,
					   "command", command));
}

struct json_t *cli_signals_json(const uint64_t *counts)
{
	json_t *object = json_object();

	for (int what = 0; what < TAPE_SIGNAL_WHATS; what++)
		json_object_set_new(object, tape_signal_what_name((enum tape_signal_what)what),
				    json_integer((json_int_t)counts[what]));
	return object;
}

json_t *cli_json_string(const char *text)
{
	json_t *string = json_string(text);
	char *ascii;

	if (string)
		return string;
	ascii = strdup(text);
	if (!ascii)
		return NULL;
	for (char *p = ascii; *p; p++) {
		if (*p & 0x80)
			*p = '?';
	}
	string = json_string(ascii);
	free(ascii);
	return string;
}

int cli_json_put(FILE *out, struct json_t *line)
{
	int rc;

	if (!line)
		return cli_error("out of memory");
	rc = cli_json_write(out, line);
	json_decref(line);
	/* A failed write is reported once, by main(). */
	return rc ? CLI_ERROR : CLI_OK;
}
