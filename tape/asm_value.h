/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by both directions of asm: reading values from text, and the defaults of the text.
 * Internal to tape/.
 */
#ifndef TAPE_ASM_VALUE_H
#define TAPE_ASM_VALUE_H

#include <errno.h>

#include "base/near.h"
#include "kvmtape/asm.h"
#include "tape/format.h"

/* Numbers of the canonical form, the defaults of a text (docs/tape-format.md). */
#define ASM_FD_OBJECT	    2u /* + object's id */
#define ASM_ADDR_ARG	    0x10000ull
#define ASM_ADDR_BAD	    0x1000ull /* added where nothing could be read */
#define ASM_ADDR_NESTED(n_) (0x20000ull + (uint64_t)(n_)*0x10000ull)
#define ASM_AREAS	    512u
#define ASM_AREA(n_)	    ((1ull << 40) + (uint64_t)(n_) * (1ull << 37) + (1ull << 36))

#define ASM_RUN_TYPE "struct kvm_run"

/* --- reading text ----------------------------------------------------------------------------- */

struct asm_in {
	const char *text, *at;
	unsigned int depth; /* of brackets: line ends do not count within */
	enum kvmapi_arch arch;
	struct tape_asm_error *error;
	/* The number of a name defined by the text; may be NULL. 0, -ENOENT, -ENOMEM. */
	int (*symbol)(void *ctx, const char *name, size_t len, uint64_t *value);
	/* Offer the names defined by the text; may be NULL. */
	void (*near)(void *ctx, struct near *near);
	void *ctx;
	struct tape_buf scratch;
};

/* Say what is wrong at `where`.  Returns -EINVAL. */
int asm_fail(struct asm_in *in, const char *where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Skip blanks, comments and line ends within the statement. */
void asm_skip(struct asm_in *in);
/* Take a character or a keyword if it is next. */
bool asm_accept(struct asm_in *in, char c);
bool asm_accept_word(struct asm_in *in, const char *word);
int asm_expect(struct asm_in *in, char c, const char *after);
/* A comment as other languages have it. */
bool asm_is_foreign_comment(const char *at);
/* The end of a statement, which is also the end of its line. */
int asm_statement_end(struct asm_in *in);
/* A name if it is next; *len is set.  NULL. */
const char *asm_name(struct asm_in *in, size_t *len);
int asm_number(struct asm_in *in, uint64_t *value);
/* A string in quotes, unescaped, into in->scratch with a NUL behind. */
int asm_string(struct asm_in *in);
/* hex"..." hex"..." into in->scratch. */
bool asm_hex_next(struct asm_in *in);
int asm_hex(struct asm_in *in);

/* --- values ----------------------------------------------------------------------------------- */

/* Bytes given by a text. Other bytes are zero, or as in the buffer before. */
struct asm_buf {
	uint8_t *data;
	uint8_t *set; /* by byte: the text says it */
	size_t room;
	size_t used;	/* what is behind is zero */
	size_t extent;	/* end of what the text mentions */
	size_t set_end; /* end of what it gives */
};
void asm_buf_release(struct asm_buf *buf);
/* Begin anew with `len` bytes of `base` (NULL = zero).  0, -ENOMEM. */
int asm_buf_begin(struct asm_buf *buf, const void *base, size_t len);
/* Make sure that there are `len` bytes.  0, -ENOMEM. */
int asm_buf_need(struct asm_buf *buf, size_t len);
bool asm_buf_is_set(const struct asm_buf *buf, size_t offset, size_t len);

uint64_t asm_number_get(enum kvmapi_arch arch, const uint8_t *from, size_t bytes);
void asm_number_put(enum kvmapi_arch arch, uint8_t *to, uint64_t value, size_t bytes);

/*
 * ".name[3].name" from in->at on, within a type. *place is the beginning, then the end of the path.
 */
int asm_path(struct asm_in *in, const char *type, struct kvmapi_place *place);
/* A value of a C type, or of none (NULL: bytes only).  Bytes of the whole begin at `origin`. */
int asm_value(struct asm_in *in, const char *type, size_t origin, struct asm_buf *buf);

/* --- what is meant ---------------------------------------------------------------------------- */

/* The shared page of each vCPU as the calls so far left it. */
struct asm_runs {
	size_t size;	 /* of struct kvm_run */
	size_t regs;	 /* where kvm_valid_regs is */
	size_t sync;	 /* bytes of the block behind them */
	uint8_t **pages; /* by object id */
	size_t count;
};
int asm_runs_begin(struct asm_runs *runs, enum kvmapi_arch arch);
void asm_runs_release(struct asm_runs *runs);
/* The page of a vCPU; zero at first.  NULL = no memory. */
uint8_t *asm_run_page(struct asm_runs *runs, uint32_t object);
/* Apply a part of these roles to it. */
void asm_run_update(const struct asm_runs *runs, uint8_t *page, const struct tape_part *part);
/* Default bytes of a run part, into a buffer of runs->size bytes. */
void asm_run_base(const struct asm_runs *runs, const uint8_t *page, uint8_t role, uint8_t *base);

static inline bool asm_role_is_run(uint8_t role)
{
	return role >= TAPE_RUN_IN && role <= TAPE_RUN_REGS_OUT;
}

/* Where in the type the bytes of a role begin. */
static inline size_t asm_role_origin(const struct asm_runs *runs, uint8_t role)
{
	return role == TAPE_RUN_REGS_IN || role == TAPE_RUN_REGS_OUT ? runs->regs : 0;
}

/*
 * On errors the kernel does not write the union of struct kvm_run, except for KVM_EXIT_MEMORY_FAULT
 * (api.rst, 4.10).
 */
static inline bool asm_error_leaves_exit(int64_t ret)
{
	return ret < 0 && ret != -EFAULT && ret != -EHWPOISON;
}

/* The C type of a role, NULL = bytes. */
const char *asm_role_type(const struct kvmapi_ioctl *row, uint8_t role);
/* How long a part is if the text does not say. */
size_t asm_default_size(enum kvmapi_arch arch, const struct asm_runs *runs,
			const struct kvmapi_ioctl *row, uint8_t role, const struct asm_buf *buf,
			int64_t ret);
/* The argument is the address of a struct. */
static inline bool asm_takes_struct(const struct kvmapi_ioctl *row)
{
	return row && row->payload != KVMAPI_VALUE && row->payload != KVMAPI_RUNPAGE && row->dir;
}

/*
 * Fields of the argument struct that are filled in if the text does not say them: the count of a
 * tail, pointers to buffers, the descriptor of a new object.
 */
struct asm_auto {
	size_t offset, size;
	enum { ASM_AUTO_COUNT, ASM_AUTO_POINTER, ASM_AUTO_FD } what;
	unsigned int number; /* of the pointer */
};
#define ASM_AUTO_MAX (KVMAPI_NESTED_MAX + 2)
/* nested: bit n = a buffer behind pointer n is given; created: the call made an object. */
unsigned int asm_auto_fields(const struct kvmapi_ioctl *row, uint8_t role, uint32_t nested,
			     bool created, struct asm_auto *fields);

/*
 * By default, does the struct come back unchanged except for a new descriptor? have: bytes of it
 * before the call.
 */
bool asm_default_out(const struct kvmapi_ioctl *row, bool created, uint32_t have);

/* Number of a new object if the text does not say. */
uint64_t asm_default_number(enum kvmapi_arch arch, const struct kvmapi_ioctl *row, uint64_t arg,
			    const uint8_t *in, size_t in_len);
/* Parent of a new object. */
static inline uint32_t asm_default_parent(uint8_t kind, uint32_t maker)
{
	return kind == KVMAPI_VM || kind == KVMAPI_SYSTEM ? 0 : maker;
}
/* Address of the buffer behind pointer n. */
uint64_t asm_default_address(enum kvmapi_arch arch, const struct kvmapi_ioctl *row, unsigned int n,
			     const uint8_t *in, size_t in_len);

#endif
