/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of kvmapi/; other rooms do not include this. */
#ifndef KVMAPI_INTERNAL_H
#define KVMAPI_INTERNAL_H

#include "kvmtape/kvmapi.h"

struct btf;

/* A row of kvm_attrs.def. */
struct kvmapi_attr {
	uint32_t group;
	uint64_t attr;
	uint32_t size; /* or the maximum, if by_length */
	uint8_t kind;  /* enum kvmapi_object */
	bool any;      /* every attribute of the group */
	bool by_length;
	const char *type;
};

struct kvmapi_constant {
	const char *name;
	uint64_t value;
};

/* How the number in one field is shown. */
enum kvmapi_style {
	KVMAPI_STYLE_PLAIN, /* hex if 64 bits, else decimal */
	KVMAPI_STYLE_HEX,
	KVMAPI_STYLE_DECIMAL,
	KVMAPI_STYLE_FLAGS,
	KVMAPI_STYLE_ENUM,
	KVMAPI_STYLE_CAP,   /* names of capabilities */
	KVMAPI_STYLE_EXIT,  /* names of exit reasons */
	KVMAPI_STYLE_MSR,   /* names of model-specific registers */
	KVMAPI_STYLE_REG,   /* names of the registers of KVM_GET_ONE_REG */
	KVMAPI_STYLE_GROUP, /* names of groups of device attributes, by the object */
	KVMAPI_STYLE_ATTR,  /* and of attributes of the group in .group */
};

/* A row of fields.def.  `path` begins at the nearest struct that has a name, without indices. */
struct kvmapi_field {
	const char *type;
	const char *path;
	enum kvmapi_style style;
	const struct kvmapi_constant *constants; /* ends with a NULL name */
};

/* A row of unions.def: which member of a union holds the value. */
struct kvmapi_case {
	uint64_t value;
	const char *member; /* "" = none of them */
	bool otherwise;	    /* any other value */
};
struct kvmapi_union {
	const char *type;
	const char *path; /* of the union; of its first member if the union has no name */
	const char *by;	  /* path of the discriminator; NULL: always the first case */
	const struct kvmapi_case *cases; /* ends with a NULL member */
};

/* A row of regs.def: an id is this, or has this, if (id & mask) == value. */
enum kvmapi_reg_kind {
	KVMAPI_REG_WHOLE,
	KVMAPI_REG_MACRO,
	KVMAPI_REG_PART,
	KVMAPI_REG_FIELDS, /* the class; the other bits are a field */
};
#define KVMAPI_REG_ARGS 5
struct kvmapi_reg_arg {
	uint8_t shift, bits;
};
struct kvmapi_reg {
	const char *name;
	uint64_t value, mask;
	uint8_t kind; /* enum kvmapi_reg_kind */
	uint8_t unit; /* FIELDS: bytes that are counted */
	uint8_t arg_count;
	const char *macro; /* FIELDS */
	const char *type;
	struct kvmapi_reg_arg args[KVMAPI_REG_ARGS];
};

/* A row of attr_names.def. */
struct kvmapi_attr_name {
	const char *name;
	uint8_t kind;	/* enum kvmapi_object */
	bool attribute; /* else the group's name */
	uint32_t device, group;
	uint64_t attr;
};

/* Capacity of the index of rows by request. */
#define KVMAPI_ROWS_MAX 512

/* Rows of live.def. */
enum kvmapi_use_kind {
	KVMAPI_USE_IGNORED,
	KVMAPI_USE_ALIVE,
	KVMAPI_USE_WHEN,
	KVMAPI_USE_UNLESS,
	KVMAPI_USE_WRITTEN_WHEN,
	KVMAPI_USE_COUNTED,
	KVMAPI_USE_SYNCED,
	KVMAPI_USE_FD,
	KVMAPI_USE_PTR,
};
struct kvmapi_use {
	const char *type;
	const char *path;
	const char *by; /* NULL = nothing else counts */
	uint8_t kind;	/* enum kvmapi_use_kind */
	uint64_t mask;
	uint64_t value;
};
struct kvmapi_cap_args {
	uint32_t cap;
	uint32_t count;
};
enum kvmapi_traffic_kind {
	KVMAPI_TRAFFIC_READS,
	KVMAPI_TRAFFIC_LIMIT,
	KVMAPI_TRAFFIC_FILLS,
	KVMAPI_TRAFFIC_ANSWERS_ERRORS,
	KVMAPI_TRAFFIC_FIRST_BY_RESULT,
};
struct kvmapi_traffic {
	const char *ioctl;
	uint8_t kind; /* enum kvmapi_traffic_kind */
	uint32_t limit;
	const char *const *reads; /* ends with NULL */
};

/* Everything that depends on the architecture's headers; table.c makes one per architecture. */
struct kvmapi_table {
	const struct kvmapi_ioctl *ioctls;
	const struct kvmapi_exit *exits;
	const struct kvmapi_attr *attrs;
	const struct kvmapi_field *fields;
	const struct kvmapi_union *unions;
	const struct kvmapi_reg *regs;
	const struct kvmapi_attr_name *attr_names;
	const struct kvmapi_use *uses;
	const struct kvmapi_cap_args *cap_args;
	const struct kvmapi_traffic *traffic;
	size_t ioctl_count; /* KVMAPI_ROWS_MAX at most */
	size_t exit_count;
	size_t attr_count;
	size_t field_count;
	size_t union_count;
	size_t reg_count;
	size_t attr_name_count;
	size_t use_count;
	size_t cap_args_count;
	size_t traffic_count;
	size_t run_union; /* offset of the exit union in struct kvm_run */
};
extern const struct kvmapi_table kvmapi_table_x86, kvmapi_table_arm64, kvmapi_table_s390,
	kvmapi_table_powerpc, kvmapi_table_riscv;

const struct kvmapi_table *kvmapi_table_of(enum kvmapi_arch arch);

/* NULL for an index without a name. */
const char *kvmapi_msr_name(uint32_t index);

/* The name of a group, or of one of its attributes if `attr` is given; NULL. */
const char *kvmapi_attr_name(enum kvmapi_arch arch, const struct kvmapi_owner *owner,
			     uint32_t group, const uint64_t *attr);

/* The id of a register as names of the header, for a person and for kvmapi_reg_parse().  NULL:
 * nothing is known of it; else buf. */
#define KVMAPI_REG_TEXT 160
const char *kvmapi_reg_text(enum kvmapi_arch arch, uint64_t id, char *buf, size_t size);
/* The value of one of these names.  0, -ENOENT. */
int kvmapi_reg_parse(enum kvmapi_arch arch, const char *name, uint64_t *value);

/* BTF of each architecture's types, made at build time (btf.c). */
struct kvmapi_btf_data {
	const void *data;
	size_t size;
};
extern const struct kvmapi_btf_data kvmapi_btf_data[KVMAPI_ARCHS];

#endif
