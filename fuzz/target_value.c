/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Target: values by their type.  The input is the architecture, a row of its table, and any bytes:
 * the argument of that call before and after, or struct kvm_run of its exit.  Text and JSON can be
 * made of them, every byte has a field, and a tape with this call becomes text and the same tape
 * again.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/target.h"
#include "fuzz/target_file.h"
#include "kvmtape/asm.h"

#define BYTES_MAX 4096

static int tape = -1, again = -1, canonical = -1, canonical_again = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	tape = fuzz_file_new();
	again = fuzz_file_new();
	canonical = fuzz_file_new();
	canonical_again = fuzz_file_new();
	return canonical_again < 0 ? -1 : 0;
}

static void found(const struct kvmapi_ioctl *row, const char *what, int err)
{
	fprintf(stderr, "target_value: %s of %s: %s\n", row->name, row->type ? row->type : "-",
		what);
	if (err)
		fprintf(stderr, "  %s\n", tape_strerror(err));
	abort();
}

/* Every byte of a captured value is somewhere, and what its path leads to holds it. */
static void check_fields(enum kvmapi_arch arch, const struct kvmapi_ioctl *row, const uint8_t *data,
			 size_t size)
{
	char path[256];
	size_t offset, width;

	for (size_t at = 0; at < size && at < row->size; at++) {
		if (kvmapi_field_at_value(arch, row->type, data, size, at, path, sizeof(path)))
			found(row, "a byte that is in no field", 0);
		if (kvmapi_field_at(arch, row->type, at, path, sizeof(path)))
			found(row, "a byte that is in no field of the type", 0);
		if (!strchr(path, '+') && strlen(path) + 1 < sizeof(path) &&
		    !kvmapi_field_find(arch, row->type, path, &offset, &width) &&
		    (at < offset || at >= offset + width))
			found(row, "a path that leads to other bytes", 0);
	}
}

static void check_json(const struct kvmapi_ioctl *row, json_t *value)
{
	char *dump = json_dumps(value, JSON_ENCODE_ANY);

	if (!dump)
		found(row, "JSON that cannot be written", 0);
	free(dump);
	json_decref(value);
}

static void check_value(enum kvmapi_arch arch, const struct kvmapi_ioctl *row, const uint8_t *data,
			size_t size)
{
	json_t *value = NULL;
	char *text = NULL;
	int err;

	if (row->payload == KVMAPI_RUNPAGE) {
		err = kvmapi_run_text(arch, data, size, &text)
			      ?: kvmapi_run_json(arch, data, size, &value);
	} else if (row->type) {
		err = kvmapi_value_text(arch, row->type, data, size, &text)
			      ?: kvmapi_value_json(arch, row->type, data, size, &value);
		check_fields(arch, row, data, size);
	} else {
		return;
	}
	if (err == -ENOMEM)
		goto out;
	if (err)
		found(row, "no text, or no JSON", err);
	for (const char *at = text; *at; at++) {
		if ((uint8_t)*at < ' ' && *at != '\n')
			found(row, "text with a control character", 0);
	}
	check_json(row, value);
	value = NULL;
out:
	free(text);
	json_decref(value);
}

/* An object of the kind that takes the call, with those that it belongs to: its id. */
static int objects_write(struct tape_writer *w, uint32_t kind, uint32_t *id)
{
	static const uint8_t kinds[] = {KVMAPI_SYSTEM, KVMAPI_VM, KVMAPI_VCPU, KVMAPI_DEVICE};
	int err = 0;

	for (uint32_t i = 0; i < 4 && !err; i++) {
		struct tape_object o = {.id = i + 1,
					.parent = i > 1 ? 2 : 0,
					.kind = kinds[i],
					.flags = TAPE_OBJECT_PRE_EXISTING,
					.fd = 3 + (int32_t)i,
					.number = i > 1 ? 0 : UINT64_MAX};

		err = tape_writer_object(w, &o);
		if (kinds[i] & kind)
			*id = i + 1;
	}
	return err;
}

/* The bytes before and after one call; 0 or an error. */
static int call_write(struct tape_writer *w, const struct kvmapi_ioctl *row, const uint8_t *data,
		      size_t size)
{
	bool run = row->payload == KVMAPI_RUNPAGE;
	struct tape_part in = {.role = run ? TAPE_RUN_IN : TAPE_ARG_IN,
			       .want = size,
			       .have = size,
			       .addr = run ? 0 : 0x10000,
			       .data = data};
	struct tape_part out = in;
	const struct tape_thread thread = {.pid = 1, .tid = 1};
	struct tape_call call = {
		.request = row->request, .arg = run ? 0 : 0x10000, .parts = &in, .part_count = 1};
	struct tape_return ret = {.parts = &out, .part_count = 1};
	int err = tape_writer_thread(w, &thread);

	out.role = run ? TAPE_RUN_OUT : TAPE_ARG_OUT;
	call.part_count = run || row->dir & KVMAPI_IN;
	ret.part_count = run || row->dir & KVMAPI_OUT;
	if (!err)
		err = objects_write(w, row->scope, &call.object);
	if (!err)
		err = tape_writer_call(w, &call);
	return err ? err : tape_writer_return(w, 0, &ret);
}

static int tape_write(enum kvmapi_arch arch, const struct kvmapi_ioctl *row, const uint8_t *data,
		      size_t size)
{
	const struct tape_end end = {.seen = 1};
	struct tape_writer *w = NULL;
	struct tape_env env;
	int err;

	tape_env_init(&env);
	env.arch = arch;
	env.page_size = 4096;
	env.timeless = true;
	err = fuzz_file_clear(tape) ? tape_writer_open(tape, &env, &fuzz_file_options, &w)
				    : -ENOMEM;
	if (!err)
		err = call_write(w, row, data, size);
	if (!err)
		err = tape_writer_finish(w, &end);
	tape_writer_close(w);
	tape_env_release(&env);
	return err;
}

static void check_asm(const struct kvmapi_ioctl *row)
{
	struct tape_asm_error error = {0};
	struct tape_reader *r = NULL;
	struct fuzz_file_bytes b;
	char *text = NULL;
	size_t size = 0;
	FILE *out;
	int err;

	if (!fuzz_file_map(tape, &b))
		return;
	out = open_memstream(&text, &size);
	err = out ? tape_reader_open_memory(b.data, b.size, &r) : -ENOMEM;
	if (!err)
		err = tape_asm_print(r, out);
	tape_reader_close(r);
	fuzz_file_unmap(&b);
	if (out && fclose(out))
		err = -ENOMEM;
	if (!err && fuzz_file_clear(again)) {
		err = tape_asm_write(text, again, &fuzz_file_options, &error);
		if (err == -EINVAL)
			fprintf(stderr, "line %u, column %u: %s\n%s", error.line, error.column,
				error.message, text);
	}
	free(text);
	if (!err)
		err = fuzz_file_canonical(tape, canonical)
			      ?: fuzz_file_canonical(again, canonical_again);
	if (err && err != -ENOMEM)
		found(row, "no tape becomes of its text", err);
	if (!err && !fuzz_file_same(canonical, canonical_again))
		found(row, "another tape becomes of its text", 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct kvmapi_ioctl *rows, *row;
	enum kvmapi_arch arch;
	uint8_t *bytes;
	size_t count;

	if (size < 3 || size > 3 + BYTES_MAX)
		return 0;
	arch = data[0] % KVMAPI_ARCHS;
	rows = kvmapi_ioctls(arch, &count);
	if (!count)
		return 0;
	row = &rows[(data[1] | data[2] << 8) % count];
	/* Memory of exactly this size: a sanitizer sees what is read beyond it. */
	bytes = malloc(size - 3 ? size - 3 : 1);
	if (!bytes)
		return 0;
	memcpy(bytes, data + 3, size - 3);
	check_value(arch, row, bytes, size - 3);
	if (!tape_write(arch, row, bytes, size - 3))
		check_asm(row);
	free(bytes);
	return 0;
}
