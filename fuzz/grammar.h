/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * grammar: meaningful arguments. Internal to fuzz/.
 *
 * For each ioctl there is a function that makes a legal argument, from what the calls before it
 * did; otherwise it is made from BTF and the names of flags and enumerations. mutate.c then makes
 * some fields invalid.
 */
#ifndef FUZZ_GRAMMAR_H
#define FUZZ_GRAMMAR_H

#include "fuzz/fuzz.h"
#include "fuzz/internal.h"

/* An argument under construction. */
struct fuzz_making {
	struct fuzz_rng *rng;
	const struct fuzz_sequence *s;
	uint32_t at;	 /* calls before this index happened before */
	uint32_t object; /* of the call, as fuzz_call.object */
	uint32_t vm;	 /* that it belongs to, 0 = none */
	uint8_t kind;
	const struct kvmapi_ioctl *row;
	const struct kvmapi_leaf *leaves; /* of row->type */
	unsigned int leaf_count;
	const struct kvmapi_leaf *elem_leaves; /* of row->elem_type */
	unsigned int elem_leaf_count;
	const struct tape_env *env; /* NULL: the kernel's capabilities are not known */

	/* What is made: */
	uint64_t arg;	 /* where the argument is a number */
	uint8_t *bytes;	 /* where it is a struct; room for FUZZ_PART_MAX, zero at first */
	uint32_t size;	 /* with its tail; row->size at first */
	uint64_t nested; /* first number of the buffer behind its pointer */
	uint8_t scatter; /* one byte in so many of that buffer is chance, 0 = all zero */
};

/* A fresh legal argument by the types of its fields alone. */
void fuzz_grammar_fill(struct fuzz_making *g);
/* A number near a limit. */
uint64_t fuzz_grammar_number(struct fuzz_rng *rng, unsigned int size);
/* Another value for a leaf of the struct, legal as far as its kind says; `now` is what it holds. */
uint64_t fuzz_grammar_leaf(struct fuzz_rng *rng, const struct kvmapi_leaf *leaf, uint64_t now);
/* A value for a leaf that should be refused, or is at least unusual. */
uint64_t fuzz_grammar_wrong(struct fuzz_rng *rng, const struct kvmapi_leaf *leaf, uint64_t now);

/* The function that makes the argument of an x86 ioctl; NULL: none. */
typedef void (*fuzz_fill_fn)(struct fuzz_making *g);
fuzz_fill_fn fuzz_grammar_x86(const struct kvmapi_ioctl *row);

/* What to call after a call, to see what it did: names end with NULL. */
const char *const *fuzz_grammar_observers(const char *name);
/* A call without which the ioctl makes no sense on the VM; NULL. */
const char *fuzz_grammar_needs(const char *name);

/* Guest code of x86: real mode, loaded at FUZZ_CODE_GPA. */
#define FUZZ_CODE_GPA 0x1000
struct fuzz_code {
	const uint8_t *bytes;
	uint32_t size;
	uint32_t runs; /* KVM_RUN calls that it takes to its end */
};
const struct fuzz_code *fuzz_grammar_codes(unsigned int *count);

/* --- for the files of the grammar --- */

static inline uint64_t fuzz_pick(struct fuzz_rng *rng, const uint64_t *values, unsigned int count)
{
	return values[fuzz_rng_below(rng, count)];
}
#define FUZZ_PICK(rng, ...)                             \
	fuzz_pick(rng, (const uint64_t[]){__VA_ARGS__}, \
		  sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/*
 * The bytes of the argument of an earlier call of this name on the same VM, chosen at random, if
 * there are `least` of them.  NULL: there was none.
 */
const uint8_t *fuzz_grammar_before(const struct fuzz_making *g, const char *name, uint32_t least);
/* How many such calls there were. */
unsigned int fuzz_grammar_count(const struct fuzz_making *g, const char *name);

#endif
