/* SPDX-License-Identifier: BSD-2-Clause */
/* Values as text that looks like a C initialiser. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "kvmapi/value.h"

#define BYTES_SHOWN 64

struct text {
	FILE *file;
	bool first; /* the innermost braces are empty so far */
};

static void item(struct text *text, const char *name)
{
	if (!text->first)
		fputs(", ", text->file);
	text->first = false;
	if (name)
		fprintf(text->file, ".%s = ", name);
}

static int text_begin(void *ctx, const char *name, bool array)
{
	struct text *text = ctx;

	item(text, name);
	fputc('{', text->file);
	text->first = true;
	return 0;
}

static int text_end(void *ctx, bool array)
{
	struct text *text = ctx;

	fputc('}', text->file);
	text->first = false;
	return 0;
}

static void number_print(FILE *file, const struct kvmapi_number *number)
{
	if (number->hex && number->value)
		fprintf(file, "%#" PRIx64, number->value);
	else if (number->is_signed)
		fprintf(file, "%" PRId64, (int64_t)number->value);
	else
		fprintf(file, "%" PRIu64, number->value);
}

static int text_number(void *ctx, const char *name, const struct kvmapi_number *number)
{
	struct text *text = ctx;

	item(text, name);
	number_print(text->file, number);
	return 0;
}

static int text_constant(void *ctx, const char *name, const struct kvmapi_number *number,
			 const char *label)
{
	struct text *text = ctx;

	item(text, name);
	if (label)
		fputs(label, text->file);
	else
		number_print(text->file, number);
	return 0;
}

static int text_flags(void *ctx, const char *name, const struct kvmapi_number *number,
		      const char *const *labels, unsigned int count, uint64_t rest)
{
	struct text *text = ctx;
	unsigned int n;

	item(text, name);
	for (n = 0; n < count; n++)
		fprintf(text->file, "%s%s", n ? " | " : "", labels[n]);
	if (rest || count == 0)
		fprintf(text->file, "%s%#" PRIx64, count ? " | " : "", rest);
	return 0;
}

static int text_bytes(void *ctx, const char *name, const uint8_t *data, size_t have, size_t want)
{
	struct text *text = ctx;
	size_t shown = have < BYTES_SHOWN ? have : BYTES_SHOWN, n;

	item(text, name);
	if (have == 0 && want) {
		fputc('?', text->file);
		return 0;
	}
	fputc('"', text->file);
	for (n = 0; n < shown; n++)
		fprintf(text->file, "%02x", data[n]);
	fputc('"', text->file);
	if (shown < have)
		fprintf(text->file, "...%zu bytes", have);
	if (have < want)
		fprintf(text->file, "?%zu not captured", want - have);
	return 0;
}

static int text_missing(void *ctx, const char *name)
{
	struct text *text = ctx;

	item(text, name);
	fputc('?', text->file);
	return 0;
}

static const struct kvmapi_sink text_sink = {
	.begin = text_begin,
	.end = text_end,
	.number = text_number,
	.constant = text_constant,
	.flags = text_flags,
	.bytes = text_bytes,
	.missing = text_missing,
	.skip_zeros = true,
};

static int text_make(enum kvmapi_arch arch, const struct kvmapi_owner *owner, const char *type,
		     const void *data, size_t len, bool run, char **out)
{
	struct text text = {.first = true};
	char *string = NULL;
	size_t size;
	int err;

	text.file = open_memstream(&string, &size);
	if (!text.file)
		return -ENOMEM;
	err = kvmapi_value_walk(arch, owner, type, data, len, run, &text_sink, &text);
	if (ferror(text.file) && !err)
		err = -ENOMEM;
	if (fclose(text.file) != 0 && !err)
		err = -ENOMEM;
	if (err) {
		free(string);
		return err;
	}
	*out = string;
	return 0;
}

int kvmapi_value_text(enum kvmapi_arch arch, const char *type, const void *data, size_t len,
		      char **text)
{
	return text_make(arch, NULL, type, data, len, false, text);
}

int kvmapi_value_text_of(enum kvmapi_arch arch, const struct kvmapi_owner *owner, const char *type,
			 const void *data, size_t len, char **text)
{
	return text_make(arch, owner, type, data, len, false, text);
}

int kvmapi_run_text(enum kvmapi_arch arch, const void *run, size_t len, char **text)
{
	return text_make(arch, NULL, "struct kvm_run", run, len, true, text);
}
