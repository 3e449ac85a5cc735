// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table is the same whatever UAPI headers and compiler it was built with: a hash of its rows
 * and of the layout of every type, per architecture, is compared with kvmapi_hash.txt.
 *
 *	kvmapi_hash FILE		compare
 *	kvmapi_hash --print		what FILE is to hold, after a change of the table that is
 * wanted kvmapi_hash --text ARCHITECTURE	all that goes into the hash, to find a difference
 *
 * The hash is over names, offsets and sizes, not over the bytes of BTF, which are another
 * compiler's choice.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "kvmapi/internal.h"

static uint64_t hash;
static bool show;

static void take(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void take(const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (show)
		fputs(text, stdout);
	/* FNV-1a */
	for (const char *at = text; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3;
}

static void rows_take(enum kvmapi_arch arch)
{
	const struct kvmapi_table *table = kvmapi_table_of(arch);

	for (size_t i = 0; i < table->ioctl_count; i++) {
		const struct kvmapi_ioctl *row = &table->ioctls[i];

		take("%s 0x%" PRIx32 " %zu %s %zu %s %s\n", row->name, row->request,
		     (size_t)row->size, row->type ? row->type : "-", (size_t)row->elem_size,
		     row->elem_type ? row->elem_type : "-", row->cap ? row->cap : "-");
	}
	for (size_t i = 0; i < table->exit_count; i++) {
		const struct kvmapi_exit *row = &table->exits[i];

		take("%s %" PRIu32 " %zu %zu\n", row->name, (uint32_t)row->reason, (size_t)row->out,
		     (size_t)row->in);
	}
	for (size_t i = 0; i < table->attr_count; i++) {
		const struct kvmapi_attr *row = &table->attrs[i];

		take("attribute %d %" PRIu64 " %" PRIu64 " %zu %s\n", (int)row->kind,
		     (uint64_t)row->group, (uint64_t)row->attr, (size_t)row->size,
		     row->type ? row->type : "-");
	}
	for (size_t i = 0; i < table->use_count; i++) {
		const struct kvmapi_use *use = &table->uses[i];

		take("use %s %s %s %d 0x%" PRIx64 " 0x%" PRIx64 "\n", use->type, use->path,
		     use->by ? use->by : "-", (int)use->kind, use->mask, use->value);
	}
	for (uint32_t number = 0; number < 4096; number++)
		if (kvmapi_cap_name(number))
			take("%s %" PRIu32 "\n", kvmapi_cap_name(number), number);
}

/* A type by name, or its members where it has none. */
static void type_take(const struct btf *btf, uint32_t id, bool whole)
{
	const struct btf_type *type = btf__type_by_id(btf, id);
	const char *name = btf__name_by_offset(btf, type->name_off);
	const struct btf_member *member;

	switch (btf_kind(type)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		take("%s %s ", btf_is_union(type) ? "union" : "struct", name);
		if (*name && !whole)
			return;
		take("%lld {\n", (long long)btf__resolve_size(btf, id));
		member = btf_members(type);
		for (uint16_t i = 0; i < btf_vlen(type); i++) {
			take("%s %u:%u ", btf__name_by_offset(btf, member[i].name_off),
			     btf_member_bit_offset(type, i), btf_member_bitfield_size(type, i));
			type_take(btf, member[i].type, false);
			take("\n");
		}
		take("}");
		return;
	case BTF_KIND_ARRAY:
		take("[%u] ", btf_array(type)->nelems);
		type_take(btf, btf_array(type)->type, false);
		return;
	case BTF_KIND_TYPEDEF:
		/* Which of them a header uses says nothing of the layout. */
		type_take(btf, type->type, false);
		return;
	case BTF_KIND_INT:
		take("int %u:%u", btf_int_bits(type), btf_int_encoding(type));
		return;
	default:
		take("kind %u", (unsigned int)btf_kind(type));
	}
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int types_take(enum kvmapi_arch arch)
{
	struct btf *btf =
		btf__new(kvmapi_btf_data[arch].data, (uint32_t)kvmapi_btf_data[arch].size);
	const char **names;
	uint32_t count;
	size_t used = 0;

	if (!btf)
		return -1;
	count = btf__type_cnt(btf);
	names = calloc(count, sizeof(*names));
	if (!names)
		return -1;
	for (uint32_t id = 1; id < count; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		const char *name = btf__name_by_offset(btf, type->name_off);

		if (btf_is_composite(type) && *name)
			names[used++] = name;
	}
	qsort(names, used, sizeof(*names), name_compare);
	for (size_t i = 0; i < used; i++) {
		int id = btf__find_by_name_kind(btf, names[i], BTF_KIND_STRUCT);

		if (id < 0)
			id = btf__find_by_name_kind(btf, names[i], BTF_KIND_UNION);
		type_take(btf, (uint32_t)id, true);
		take("\n");
	}
	free(names);
	btf__free(btf);
	return used > 20 ? 0 : -1; /* fewer: the types are not there */
}

int main(int argc, char **argv)
{
	const char *only = argc == 3 && !strcmp(argv[1], "--text") ? argv[2] : NULL;
	bool print = argc == 2 && !strcmp(argv[1], "--print");
	char line[128], found[128];
	FILE *file = NULL;
	int failed = 0;

	if (!only && !print && (argc != 2 || !(file = fopen(argv[1], "re"))))
		return 99;
	show = only;
	for (enum kvmapi_arch arch = 0; arch < KVMAPI_ARCHS; arch++) {
		if (only && strcmp(only, kvmapi_arch_name(arch)))
			continue;
		hash = 0xcbf29ce484222325;
		rows_take(arch);
		if (types_take(arch))
			return 99;
		snprintf(found, sizeof(found), "%s %016" PRIx64 "\n", kvmapi_arch_name(arch), hash);
		if (print)
			fputs(found, stdout);
		if (!file)
			continue;
		do
			if (!fgets(line, sizeof(line), file))
				return 99;
		while (*line == '#');
		printf("%s %d - the table of %s\n", strcmp(line, found) ? "not ok" : "ok",
		       (int)arch + 1, kvmapi_arch_name(arch));
		if (strcmp(line, found)) {
			printf("# expected %s# found    %s", line, found);
			failed = 1;
		}
	}
	if (file)
		printf("1..%d\n", KVMAPI_ARCHS);
	return failed;
}
