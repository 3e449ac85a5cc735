/* SPDX-License-Identifier: BSD-2-Clause */
/* BTF of the architectures' types: found by name, read at the first use and kept. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "kvmapi/types.h"

static struct types loaded[KVMAPI_ARCHS];
static pthread_once_t loaded_once[KVMAPI_ARCHS] = {
	PTHREAD_ONCE_INIT, PTHREAD_ONCE_INIT, PTHREAD_ONCE_INIT,
	PTHREAD_ONCE_INIT, PTHREAD_ONCE_INIT,
};

/* A C name of a type: its kind and its tag. */
static const char *plain_name(const char *name, uint32_t *kind)
{
	static const struct {
		const char *prefix;
		uint32_t kind;
	} prefixes[] = {
		{"struct ", BTF_KIND_STRUCT}, {"union ", BTF_KIND_UNION}, {"enum ", BTF_KIND_ENUM}};

	*kind = BTF_KIND_UNKN;
	for (size_t n = 0; n < sizeof(prefixes) / sizeof(prefixes[0]); n++) {
		size_t len = strlen(prefixes[n].prefix);

		if (strncmp(name, prefixes[n].prefix, len) == 0) {
			*kind = prefixes[n].kind;
			return name + len;
		}
	}
	return name;
}

static uint32_t name_hash(const char *name)
{
	return hash32_add(HASH32_BEGIN, name, strlen(name));
}

static int names_make(struct types_by_name *names, const struct btf *btf)
{
	uint32_t count = btf__type_cnt(btf), at;

	names->btf = btf;
	for (names->size = 64; names->size < 2 * count; names->size *= 2)
		;
	names->ids = calloc(names->size, sizeof(*names->ids));
	if (!names->ids)
		return -ENOMEM;
	for (uint32_t id = 1; id < count; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		const char *name = types_name(btf, t->name_off);

		if (!name)
			continue;
		at = name_hash(name);
		while (names->ids[at & (names->size - 1)])
			at++;
		names->ids[at & (names->size - 1)] = id;
	}
	return 0;
}

int types_find(const struct types *types, const char *name)
{
	const struct types_by_name *names = &types->names;
	uint32_t kind, at, id;

	name = plain_name(name, &kind);
	for (at = name_hash(name); (id = names->ids[at & (names->size - 1)]); at++) {
		const struct btf_type *t = btf__type_by_id(names->btf, id);

		if ((kind == BTF_KIND_UNKN || btf_kind(t) == kind) &&
		    strcmp(btf__name_by_offset(names->btf, t->name_off), name) == 0)
			return (int)id;
	}
	return -ENOENT;
}

static int rows_alloc(struct rows_by_type *rows, size_t types, size_t count)
{
	rows->first = calloc(types, sizeof(*rows->first));
	rows->next = calloc(count + 1, sizeof(*rows->next));
	return rows->first && rows->next ? 0 : -ENOMEM;
}

static void rows_free(struct rows_by_type *rows)
{
	free(rows->first);
	free(rows->next);
}

static void rows_add(struct rows_by_type *rows, const struct types *types, const char *type,
		     size_t n)
{
	int id = types_find(types, type);

	if (id < 0)
		return;
	rows->next[n] = rows->first[id];
	rows->first[id] = (uint16_t)(n + 1);
}

static void types_load(enum kvmapi_arch arch)
{
	const struct kvmapi_table *table = kvmapi_table_of(arch);
	struct types *types = &loaded[arch];
	struct btf *btf =
		btf__new(kvmapi_btf_data[arch].data, (uint32_t)kvmapi_btf_data[arch].size);
	size_t n;

	if (!btf)
		return;
	if (names_make(&types->names, btf) < 0 ||
	    rows_alloc(&types->fields, btf__type_cnt(btf), table->field_count) < 0 ||
	    rows_alloc(&types->unions, btf__type_cnt(btf), table->union_count) < 0 ||
	    rows_alloc(&types->uses, btf__type_cnt(btf), table->use_count) < 0) {
		rows_free(&types->fields);
		rows_free(&types->unions);
		rows_free(&types->uses);
		free(types->names.ids);
		btf__free(btf);
		return;
	}
	for (n = 0; n < table->field_count; n++)
		rows_add(&types->fields, types, table->fields[n].type, n);
	for (n = 0; n < table->union_count; n++)
		rows_add(&types->unions, types, table->unions[n].type, n);
	for (n = 0; n < table->use_count; n++)
		rows_add(&types->uses, types, table->uses[n].type, n);
	types->btf = btf;
}

#define LOADER(arch_)                        \
	static void types_load_##arch_(void) \
	{                                    \
		types_load(arch_);           \
	}
LOADER(KVMAPI_X86)
LOADER(KVMAPI_ARM64)
LOADER(KVMAPI_S390)
LOADER(KVMAPI_POWERPC)
LOADER(KVMAPI_RISCV)

/* The types of an architecture, read at its first use and kept; NULL = no memory. */
const struct types *types_of(enum kvmapi_arch arch)
{
	static void (*const loaders[KVMAPI_ARCHS])(void) = {
		[KVMAPI_X86] = types_load_KVMAPI_X86,
		[KVMAPI_ARM64] = types_load_KVMAPI_ARM64,
		[KVMAPI_S390] = types_load_KVMAPI_S390,
		[KVMAPI_POWERPC] = types_load_KVMAPI_POWERPC,
		[KVMAPI_RISCV] = types_load_KVMAPI_RISCV,
	};

	pthread_once(&loaded_once[arch], loaders[arch]);
	return loaded[arch].btf ? &loaded[arch] : NULL;
}

/* Through typedefs and qualifiers. */
const struct btf_type *types_real(const struct btf *btf, uint32_t *id)
{
	const struct btf_type *t = btf__type_by_id(btf, *id);

	while (btf_is_mod(t) || btf_is_typedef(t)) {
		*id = t->type;
		t = btf__type_by_id(btf, *id);
	}
	return t;
}

size_t types_size(const struct btf *btf, uint32_t id)
{
	int64_t size = btf__resolve_size(btf, id);

	return size > 0 ? (size_t)size : 0;
}

const char *types_name(const struct btf *btf, uint32_t offset)
{
	const char *name = btf__name_by_offset(btf, offset);

	return name && name[0] ? name : NULL;
}

/* Members of an anonymous struct or union belong to the type around it. */
bool types_anonymous(const struct btf *btf, const struct btf_member *member)
{
	uint32_t id = member->type;

	return !types_name(btf, member->name_off) && btf_is_composite(types_real(btf, &id));
}

/* The placeholder in front of a flexible array in the UAPI headers. */
bool types_placeholder(const struct btf *btf, const struct btf_member *member)
{
	const char *name = types_name(btf, member->name_off);

	return name && strncmp(name, "__empty_", 8) == 0;
}

bool types_flexible(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = types_real(btf, &id);

	return btf_is_array(t) && btf_array(t)->nelems == 0;
}

/* Does the composite have a member of this name, itself or in an anonymous struct or union? */
bool types_has_member(const struct btf *btf, const struct btf_type *t, const char *name, size_t len)
{
	const struct btf_member *m = btf_members(t);
	const struct btf_type *inner;
	const char *member;
	uint32_t id;
	int n;

	for (n = 0; n < btf_vlen(t); n++) {
		member = types_name(btf, m[n].name_off);
		if (member && member[0] == name[0] && strlen(member) == len &&
		    strncmp(member, name, len) == 0)
			return true;
		if (!types_anonymous(btf, &m[n]))
			continue;
		id = m[n].type;
		inner = types_real(btf, &id);
		if (types_has_member(btf, inner, name, len))
			return true;
	}
	return false;
}

/* Where `path` is in type `id`; flexible arrays have any index. */
int types_path(const struct btf *btf, uint32_t id, const char *path, size_t *offset, size_t *size)
{
	const struct btf_type *t = types_real(btf, &id);
	const struct btf_member *m;
	const char *name;
	char *end;
	size_t len;
	uint64_t index;
	uint32_t bits;
	int n;

	for (;;) {
		if (btf_is_array(t) && path[0] == '[') {
			index = strtoull(path + 1, &end, 0);
			if (end == path + 1 || *end != ']')
				return -ENOENT;
			if (btf_array(t)->nelems && index >= btf_array(t)->nelems)
				return -ENOENT;
			id = btf_array(t)->type;
			*offset += index * types_size(btf, id);
			t = types_real(btf, &id);
			path = end + 1;
			if (*path == '.')
				path++;
			continue;
		}
		if (!path[0]) {
			*size = types_size(btf, id);
			return 0;
		}
		if (!btf_is_composite(t))
			return -ENOENT;
		len = strcspn(path, ".[");
		m = btf_members(t);
		for (n = 0; n < btf_vlen(t); n++) {
			name = types_name(btf, m[n].name_off);
			if (name && strlen(name) == len && strncmp(name, path, len) == 0)
				break;
			id = m[n].type;
			if (types_anonymous(btf, &m[n]) &&
			    types_has_member(btf, types_real(btf, &id), path, len)) {
				len = 0;
				break;
			}
		}
		if (n == btf_vlen(t))
			return -ENOENT;
		bits = btf_member_bit_offset(t, (uint32_t)n);
		if (bits % 8 || btf_member_bitfield_size(t, (uint32_t)n) % 8)
			return -ENOENT;
		*offset += bits / 8;
		if (btf_member_bitfield_size(t, (uint32_t)n) && !path[len]) {
			*size = btf_member_bitfield_size(t, (uint32_t)n) / 8;
			return 0;
		}
		id = m[n].type;
		t = types_real(btf, &id);
		path += len;
		if (*path == '.')
			path++;
	}
}

bool types_exits(const struct btf *btf, const char *named, const struct btf_type *t)
{
	return strcmp(named, "kvm_run") == 0 && types_has_member(btf, t, "hw", 2);
}

/* Is `path` of a row this union?  One without a name is named by any of its members. */
static bool is_union_path(const struct btf *btf, const char *at, const struct btf_type *t,
			  bool anonymous, const char *path)
{
	size_t len = strlen(at);

	if (!anonymous)
		return strcmp(path, at) == 0;
	if (len) {
		if (strncmp(path, at, len) != 0 || path[len] != '.')
			return false;
		path += len + 1;
	}
	return !strchr(path, '.') && types_has_member(btf, t, path, strlen(path));
}

const struct kvmapi_union *types_union(const struct types *types, const struct kvmapi_table *table,
				       uint32_t named_id, const char *path,
				       const struct btf_type *t, bool anonymous)
{
	for (unsigned int n = types->unions.first[named_id]; n; n = types->unions.next[n - 1])
		if (is_union_path(types->btf, path, t, anonymous, table->unions[n - 1].path))
			return &table->unions[n - 1];
	return NULL;
}
