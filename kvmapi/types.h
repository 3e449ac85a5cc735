/* SPDX-License-Identifier: BSD-2-Clause */
/* The types of an architecture as BTF has them.  Internal to kvmapi/. */
#ifndef KVMAPI_TYPES_H
#define KVMAPI_TYPES_H

#include <errno.h>

#include <bpf/btf.h>

#include "kvmapi/internal.h"

/* Rows of a table by type: row number + 1 of the first row, and for each row of the next one. */
struct rows_by_type {
	uint16_t *first; /* by type id */
	uint16_t *next;	 /* by row */
};

/* Types by their names: open addressing over ids, 0 = empty. */
struct types_by_name {
	const struct btf *btf;
	uint32_t *ids;
	uint32_t size; /* a power of two */
};

struct types {
	struct btf *btf;
	struct types_by_name names;
	struct rows_by_type fields;
	struct rows_by_type unions;
	struct rows_by_type uses;
};

/* NULL without memory. */
const struct types *types_of(enum kvmapi_arch arch);
/* The type of a C name; -ENOENT. */
int types_find(const struct types *types, const char *name);
/* Through typedefs and qualifiers; *id becomes that of the type behind them. */
const struct btf_type *types_real(const struct btf *btf, uint32_t *id);
size_t types_size(const struct btf *btf, uint32_t id);
/* A name of the BTF, NULL where it is empty. */
const char *types_name(const struct btf *btf, uint32_t offset);
/* Is it an anonymous struct or union? Its members belong to the type around it. */
bool types_anonymous(const struct btf *btf, const struct btf_member *member);
/* The placeholder in front of a flexible array in the UAPI headers. */
bool types_placeholder(const struct btf *btf, const struct btf_member *member);
bool types_flexible(const struct btf *btf, uint32_t id);
/* Does the composite have a member of this name, itself or in an anonymous struct or union? */
bool types_has_member(const struct btf *btf, const struct btf_type *t, const char *name,
		      size_t len);
/*
 * Where `path` is in type `id`; flexible arrays have any index.  *offset is added to.  0, -ENOENT;
 * also for bits that are not whole bytes.
 */
int types_path(const struct btf *btf, uint32_t id, const char *path, size_t *offset, size_t *size);

/* Is this the exit union of struct kvm_run (exits.def)? */
bool types_exits(const struct btf *btf, const char *named, const struct btf_type *t);
/*
 * The row of unions.def for a union at `path` of the nearest struct that has a name, NULL = none.
 * anonymous: the union has no name, and `path` is that of the type around it.
 */
const struct kvmapi_union *types_union(const struct types *types, const struct kvmapi_table *table,
				       uint32_t named_id, const char *path,
				       const struct btf_type *t, bool anonymous);

#endif
