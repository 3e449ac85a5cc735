/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kvmapi: what the KVM API looks like, as data.
 *
 * One row per ioctl, one table per architecture, made from kvm_ioctls.def by the compiler against
 * the UAPI headers of that architecture. Nothing here knows of tapes, of eBPF or of the model.
 *
 * All returned pointers are to static, constant data, unless said otherwise. Source of the facts:
 * <linux/kvm.h>, <asm/kvm.h>, Documentation/virt/kvm/api.rst.
 */
#ifndef KVMAPI_H
#define KVMAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum kvmapi_arch {
	KVMAPI_X86,
	KVMAPI_ARM64,
	KVMAPI_S390,
	KVMAPI_POWERPC,
	KVMAPI_RISCV,
	KVMAPI_ARCHS,
};

/* Kinds of file descriptors that KVM creates. Bits, so that a row can name several. */
enum kvmapi_object {
	KVMAPI_SYSTEM = 1 << 0,
	KVMAPI_VM = 1 << 1,
	KVMAPI_VCPU = 1 << 2,
	KVMAPI_DEVICE = 1 << 3,
	KVMAPI_STATS = 1 << 4, /* read() only, no ioctl */
	KVMAPI_MEMFD = 1 << 5, /* guest_memfd, no ioctl */
	KVMAPI_OTHER = 1 << 6, /* an architecture's own: TCE tables, hash-table streams */
};
#define KVMAPI_OBJECT_KINDS 7

/* Which way the data behind the argument goes, as the kernel moves it (not as _IOC_DIR claims). */
enum kvmapi_dir {
	KVMAPI_NONE = 0,
	KVMAPI_IN = 1,
	KVMAPI_OUT = 2,
	KVMAPI_INOUT = 3,
};

enum kvmapi_payload {
	KVMAPI_VALUE,	/* the argument is an integer or unused, nothing is pointed to */
	KVMAPI_FIXED,	/* a struct of .size bytes */
	KVMAPI_COUNTED, /* a struct of .size bytes, then (count field) * .elem_size bytes */
	KVMAPI_BLOB,	/* at least .size bytes; .size_cap or a size field has the size */
	KVMAPI_RUNPAGE, /* KVM_RUN: the payload is the mapped struct kvm_run */
};

/* How long the buffer behind a pointer inside the argument is. */
enum kvmapi_length {
	KVMAPI_LEN_NONE,
	KVMAPI_LEN_BYTES,   /* (field at .len_offset) * .unit bytes */
	KVMAPI_LEN_BITS,    /* field counts bits: rounded up to 64, in bytes */
	KVMAPI_LEN_ONE_REG, /* 1 << ((field >> 52) & 15), field is kvm_one_reg.id */
	KVMAPI_LEN_SLOT,    /* bitmap of the slot in the field: pages, rounded up to 64, / 8 */
	KVMAPI_LEN_CONST,   /* .unit bytes */
	KVMAPI_LEN_ATTR,    /* by (object kind, group, attr): kvmapi_attr_size() */
};

/* A pointer in the argument, to a buffer that the call reads or writes as well. */
struct kvmapi_nested {
	uint16_t ptr_offset; /* of the 64-bit pointer in the argument */
	uint16_t len_offset; /* of the length field in the argument */
	uint8_t len_width;   /* bytes of the length field */
	uint8_t length;	     /* enum kvmapi_length */
	uint8_t dir;	     /* enum kvmapi_dir */
	uint8_t repeat;	     /* how many such pointers, .stride bytes apart; 1 = one */
	uint16_t stride;
	uint32_t unit;
};
#define KVMAPI_NESTED_MAX 2

/*
 * A field whose number means something on this machine only; canonical tapes rename it. The
 * pointers of kvmapi_ioctl.nested are here as well.
 */
enum kvmapi_machine {
	KVMAPI_M_NONE,
	KVMAPI_M_FD,	 /* 32-bit file descriptor, negative = none */
	KVMAPI_M_PTR,	 /* 64-bit user address */
	KVMAPI_M_REGION, /* 64-bit user address of a memory area, its 64-bit size at .size_offset */
};
struct kvmapi_machine_field {
	uint16_t offset;
	uint16_t size_offset;
	uint8_t what; /* enum kvmapi_machine */
};
#define KVMAPI_MACHINE_MAX 16

struct kvmapi_ioctl {
	const char *name;  /* "KVM_SET_REGS" */
	uint32_t request;  /* full 32-bit request word on this architecture */
	uint8_t scope;	   /* mask of enum kvmapi_object that take it */
	uint8_t dir;	   /* enum kvmapi_dir of the struct behind the argument */
	uint8_t payload;   /* enum kvmapi_payload */
	uint8_t creates;   /* enum kvmapi_object of the new fd, 0 = none */
	int16_t fd_offset; /* where the new fd is: -1 = return value, else offset in the argument */
	uint16_t count_offset; /* of the count field (COUNTED) or size field (BLOB) */
	uint8_t count_width;   /* bytes of it, 0 = no such field */
	uint8_t nested_count;
	uint8_t machine_count;
	uint32_t size;	    /* of the fixed part, bytes */
	uint32_t elem_size; /* COUNTED: one element, bytes */
	uint32_t size_cap;  /* BLOB: capability of the VM that is the size, 0 = none */
	const char *type;   /* C name of the struct ("struct kvm_regs", "__u64"), NULL = none */
	const char *elem_type;
	const char *cap; /* name of the capability that announces it, NULL = basic */
	const char *doc; /* section of api.rst ("4.11"), NULL = not documented */
	struct kvmapi_nested nested[KVMAPI_NESTED_MAX];
	struct kvmapi_machine_field machine[KVMAPI_MACHINE_MAX];
};

/* "x86", "arm64", ...; NULL for a number that is no architecture. */
const char *kvmapi_arch_name(enum kvmapi_arch arch);
/* The architecture of a uname(2) machine string or of an architecture's name; -EINVAL. */
int kvmapi_arch_parse(const char *machine);
/* The architecture that this program runs on. */
enum kvmapi_arch kvmapi_arch_native(void);
bool kvmapi_arch_big_endian(enum kvmapi_arch arch);

/* All rows of an architecture, in the order of the table; *count is set. */
const struct kvmapi_ioctl *kvmapi_ioctls(enum kvmapi_arch arch, size_t *count);
/*
 * The row for a request on an object of one kind, or NULL.  One full request word may mean two
 * things on two kinds, so both are needed (0x4010aeab is KVM_GET_ONE_REG and
 * KVM_ARM_SET_DEVICE_ADDR).
 */
const struct kvmapi_ioctl *kvmapi_find(enum kvmapi_arch arch, enum kvmapi_object kind,
				       uint32_t request);
/* The row of a name, with or without "KVM_", any case; NULL. */
const struct kvmapi_ioctl *kvmapi_find_name(enum kvmapi_arch arch, const char *name);

/*
 * KVM_RESET_DIRTY_RINGS has no argument. A tape can have the contents of the vCPUs' dirty rings at
 * the call in place of buffers behind pointers.
 */
bool kvmapi_has_rings(const struct kvmapi_ioctl *row);
/* An entry, struct kvm_dirty_gfn: __u32 flags, slot; __u64 offset. */
#define KVMAPI_RING_ENTRY     16
#define KVMAPI_RING_DIRTY     1u
#define KVMAPI_RING_HARVESTED 2u

/* Requests of <linux/kvm.h> that have no row, with the reason; *count is set. */
struct kvmapi_unsupported {
	const char *name;
	const char *reason;
};
const struct kvmapi_unsupported *kvmapi_unsupported(size_t *count);

/*
 * Bytes behind kvm_device_attr.addr of an x86 or other attribute; 0 = unknown, nothing is captured.
 */
uint32_t kvmapi_attr_size(enum kvmapi_arch arch, enum kvmapi_object kind, uint32_t group,
			  uint64_t attr);
/* Their C type, NULL = unknown, or bytes. */
const char *kvmapi_attr_type(enum kvmapi_arch arch, enum kvmapi_object kind, uint32_t group,
			     uint64_t attr);

/* "vm", "vcpu", ...  */
const char *kvmapi_object_name(enum kvmapi_object kind);
/* "KVM_CAP_USER_MEMORY"; NULL where the number is not known. */
const char *kvmapi_cap_name(uint32_t cap);
/* The number of a capability's name; -ENOENT. */
int kvmapi_cap_number(const char *name);
/* "KVM_EXIT_IO"; NULL. */
const char *kvmapi_exit_name(uint32_t reason);
/* "ENOTTY" for ENOTTY (positive); NULL. */
const char *kvmapi_errno_name(int error);
int kvmapi_errno_number(const char *name);

/*
 * The value of a name that kvmapi prints for values: flags and enumerations, capabilities, exit
 * reasons, model-specific registers. 0, -ENOENT.
 */
int kvmapi_constant(enum kvmapi_arch arch, const char *name, uint64_t *value);

/*
 * All names of one kind, for suggestions and for completion: the ioctls of an architecture, what
 * kvmapi_constant() knows, the errors. They live for ever; some come more than once.
 */
typedef void (*kvmapi_name_fn)(void *context, const char *name);
void kvmapi_ioctl_names(enum kvmapi_arch arch, kvmapi_name_fn name, void *context);
void kvmapi_constant_names(enum kvmapi_arch arch, kvmapi_name_fn name, void *context);
void kvmapi_errno_names(kvmapi_name_fn name, void *context);

/*
 * Which bytes of the exit union of struct kvm_run one exit reason uses: the kernel writes
 * [32, 32 + out) and reads the answer from [32, 32 + in) at the next KVM_RUN (0 = no answer).
 * exits.def is the source.  The sizes are those of the architecture that this program runs on.
 */
struct kvmapi_exit {
	const char *name;   /* "KVM_EXIT_IO" */
	const char *member; /* member of the union: "io", NULL = none */
	uint32_t reason;
	uint16_t out;
	uint16_t in;
};
const struct kvmapi_exit *kvmapi_exits(size_t *count);
/* NULL for a reason that is not known. */
const struct kvmapi_exit *kvmapi_exit(uint32_t reason);

/* Size of the buffer for the next two, with the NUL. */
#define KVMAPI_WORDS 256
/*
 * Describe an exit that reports a failure (KVM_EXIT_INTERNAL_ERROR, KVM_EXIT_FAIL_ENTRY; x86): the
 * suberror, the processor's reason, the instruction's bytes. `run` holds `have` bytes of struct
 * kvm_run; backend is "kvm_intel", "kvm_amd", NULL = not known. 0, -ENOENT if there is nothing to
 * describe.
 */
int kvmapi_exit_explain(enum kvmapi_arch arch, const char *backend, const void *run, size_t have,
			char *buf, size_t size);
/*
 * Describe a request that this object does not have: a call of another kind of object, or one whose
 * argument has another size. 0, -ENOENT if nothing fits.
 */
int kvmapi_request_hint(enum kvmapi_arch arch, enum kvmapi_object kind, uint32_t request, char *buf,
			size_t size);

/* Layout of struct kvm_run that every architecture but s390 shares up to the union. */
enum {
	KVMAPI_RUN_UNION = 32, /* offset of the exit union (s390: 48) */
	KVMAPI_RUN_UNION_SIZE = 256,
	KVMAPI_RUN_VALID_REGS = 288, /* kvm_valid_regs, kvm_dirty_regs: 2 * 8 bytes */
	KVMAPI_RUN_SYNC = 304,	     /* the sync-regs block */
	KVMAPI_RUN_SYNC_MAX = 2048,
};

/* --- which bytes are alive -------------------------------------------------------------------- */

/*
 * Bytes that the kernel reads or writes are alive; all others are dead: whatever the program had in
 * its memory (live.def). Each function writes mask[0..len): bits that are alive are 1, others 0. A
 * row must be one of this architecture's table. 0, -ENOMEM, -ENOENT for a type that the tables do
 * not have.
 */
/* The argument struct with its tail, before the call. */
int kvmapi_live_in(enum kvmapi_arch arch, const struct kvmapi_ioctl *row, const uint8_t *data,
		   size_t len, uint8_t *mask);
/* The same after it, with its result. */
int kvmapi_live_out(enum kvmapi_arch arch, const struct kvmapi_ioctl *row, int64_t ret,
		    const uint8_t *data, size_t len, uint8_t *mask);
/* A value of a type, or several one after the other. */
int kvmapi_live_value(enum kvmapi_arch arch, const char *type, const uint8_t *data, size_t len,
		      uint8_t *mask);
/* struct kvm_run from its beginning, as the kernel finds it (answer) or leaves it; kvm_valid_regs
 * and what is behind it. */
int kvmapi_live_run(enum kvmapi_arch arch, bool answer, const uint8_t *run, size_t len,
		    uint8_t *mask);
int kvmapi_live_sync(enum kvmapi_arch arch, const uint8_t *regs, size_t len, uint8_t *mask);

/*
 * Descriptors and addresses that depend on other fields of the argument; the unconditional ones are
 * in kvmapi_ioctl.machine. what: KVMAPI_M_FD, KVMAPI_M_PTR.
 */
typedef void (*kvmapi_live_name)(void *context, enum kvmapi_machine what, size_t offset,
				 size_t size);
int kvmapi_live_names(enum kvmapi_arch arch, const struct kvmapi_ioctl *row, const uint8_t *data,
		      size_t len, kvmapi_live_name name, void *context);

enum kvmapi_byte {
	KVMAPI_BYTE_UNSAID, /* live.def or unions.def must have a row for it */
	KVMAPI_BYTE_FIELD,
	KVMAPI_BYTE_HOLE,    /* no field holds it */
	KVMAPI_BYTE_IGNORED, /* padding, reserved, not used */
	KVMAPI_BYTE_DEPENDS, /* a field that is used in some cases only */
	KVMAPI_BYTE_UNION,   /* in a union: used if its member is selected */
};
/* The class of each byte of a type; its size is returned, or -ENOENT, -ENOMEM. */
int kvmapi_live_classes(enum kvmapi_arch arch, const char *type, uint8_t *classes, size_t room);
/*
 * Print fields and unions that have no row, and rows of live.def that match nothing; returns their
 * number.
 */
int kvmapi_live_unsaid(enum kvmapi_arch arch,
		       void (*say)(void *context, const char *type, const char *path),
		       void *context);

/* --- values: text and JSON, from BTF ---------------------------------------------------------- */

struct json_t;

/* The object that a call is made on: groups of attributes have names by it only. */
struct kvmapi_owner {
	uint8_t kind;	 /* enum kvmapi_object */
	uint64_t number; /* of a device its type */
};

/*
 * Render `len` bytes at `data` as a value of C type `type` of the architecture (byte order of the
 * architecture), using the BTF that the build made of its UAPI headers: flags and enumerations by
 * name, discriminated unions by their discriminator, numbers in hex where that is usual. Trailing
 * flexible arrays take what `len` leaves. Bytes beyond `len` are shown as "?", never as zero.
 * Returns 0, -ENOENT for a type that is not known, -ENOMEM; the result is not set after an error.
 *
 * Text is a C initialiser: what is left out is zero; arrays of bytes are hex strings, cut after 64
 * bytes with their length behind. The caller frees *text.
 *
 * JSON: numbers of less than 64 bits are numbers, 64-bit ones are "0x..." strings; flags are
 * {"value": V, "names": [...]}, enumerations {"value": V, "name": "..." or null}; arrays of bytes
 * are hex strings, and {"captured": "hex", "length": N} if only their beginning was captured; null
 * is a field that was not captured. Padding and reserved fields are left out while they are zero.
 * The caller owns *value.
 */
int kvmapi_value_text(enum kvmapi_arch arch, const char *type, const void *data, size_t len,
		      char **text);
int kvmapi_value_json(enum kvmapi_arch arch, const char *type, const void *data, size_t len,
		      struct json_t **value);
/* The same; owner may be NULL. */
int kvmapi_value_text_of(enum kvmapi_arch arch, const struct kvmapi_owner *owner, const char *type,
			 const void *data, size_t len, char **text);
int kvmapi_value_json_of(enum kvmapi_arch arch, const struct kvmapi_owner *owner, const char *type,
			 const void *data, size_t len, struct json_t **value);
/*
 * The same for the part of struct kvm_run that was captured: `run` holds its first `len` bytes, and
 * only the member that exit_reason selects is shown.
 */
int kvmapi_run_text(enum kvmapi_arch arch, const void *run, size_t len, char **text);
int kvmapi_run_json(enum kvmapi_arch arch, const void *run, size_t len, struct json_t **value);
/* An ioctl's integer argument by name where it has one (KVM_CHECK_EXTENSION's capability), else
 * hex. Caller frees; NULL without memory. */
char *kvmapi_arg_text(const struct kvmapi_ioctl *row, uint64_t arg);

/*
 * A place in a value of a C type: the value as a whole, a member, an element.  For programs that
 * make values; the offsets are from the beginning of the whole value.
 */
enum kvmapi_place_kind {
	KVMAPI_PLACE_NUMBER,
	KVMAPI_PLACE_COMPOSITE, /* struct or union */
	KVMAPI_PLACE_ARRAY,
};
struct kvmapi_place {
	uint8_t kind;  /* enum kvmapi_place_kind */
	uint8_t bits;  /* of a bit field, 0 = whole bytes */
	uint8_t shift; /* of a bit field: it begins at this bit of the number of .size bytes */
	uint32_t type; /* which of the BTF */
	size_t offset;
	size_t size;   /* bytes; a flexible array has 0 */
	size_t count;  /* of an array; 0 = flexible, any index */
	size_t stride; /* of an array: bytes of one element */
};
/* The whole value of a type.  0, -ENOENT, -ENOMEM. */
int kvmapi_place_of(enum kvmapi_arch arch, const char *type, struct kvmapi_place *place);
/*
 * A member by its name of `len` bytes, also one of an anonymous struct or union. 0, -ENOENT,
 * -ENOMEM.
 */
int kvmapi_place_member(enum kvmapi_arch arch, const struct kvmapi_place *in, const char *name,
			size_t len, struct kvmapi_place *place);
/* The names that kvmapi_place_member() finds.  0, -ENOMEM. */
int kvmapi_place_names(enum kvmapi_arch arch, const struct kvmapi_place *in,
		       void (*name)(void *context, const char *name), void *context);
/* An element of an array.  0, -ENOENT beyond its end, -ENOMEM. */
int kvmapi_place_element(enum kvmapi_arch arch, const struct kvmapi_place *in, size_t index,
			 struct kvmapi_place *place);

/*
 * The numbers that a value of a type is made of, for programs that make values. All members of a
 * union are listed, at the same offset.
 */
enum kvmapi_leaf_kind {
	KVMAPI_LEAF_NUMBER,
	KVMAPI_LEAF_FLAGS, /* .values are single bits (or groups of them) that have a name */
	KVMAPI_LEAF_ENUM,  /* .values are those that have a name */
	KVMAPI_LEAF_CAP,   /* a capability */
	KVMAPI_LEAF_MSR,   /* index of a model-specific register */
};
#define KVMAPI_LEAF_VALUES 24
struct kvmapi_leaf {
	uint32_t offset;
	uint8_t size; /* bytes: 1, 2, 4, 8 */
	uint8_t kind; /* enum kvmapi_leaf_kind */
	bool unused;  /* padding by its name, or reserved */
	uint8_t value_count;
	uint64_t values[KVMAPI_LEAF_VALUES];
};
/*
 * The leaves of a type, as many as there is room for, without bit fields. Returns how many the type
 * has, or -ENOENT, -ENOMEM.
 */
int kvmapi_leaves(enum kvmapi_arch arch, const char *type, struct kvmapi_leaf *leaves, size_t room);

/*
 * Where a field of a type is: "regs.rip", "entries[3].data". 0, -ENOENT; bits that are whole bytes
 * only.
 */
int kvmapi_field_find(enum kvmapi_arch arch, const char *type, const char *path, size_t *offset,
		      size_t *size);
/*
 * The path of the field that holds byte `offset` of a type, into buf; -ENOENT beyond its end.  A
 * byte that no field holds, or one in a union whose member is not known, is the path so far and
 * "+bytes": "u+4".
 */
int kvmapi_field_at(enum kvmapi_arch arch, const char *type, size_t offset, char *buf,
		    size_t buf_size);
/*
 * The same with the value (`len` bytes), so that a union's member is selected by its discriminator.
 */
int kvmapi_field_at_value(enum kvmapi_arch arch, const char *type, const void *data, size_t len,
			  size_t offset, char *buf, size_t buf_size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
