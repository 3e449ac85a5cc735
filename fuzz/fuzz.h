/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz: generates, splices and mutates sequences of calls.
 *
 * The mutator takes the API from the table and from BTF. grammar.c says what makes arguments
 * meaningful: flags, capabilities, indices, addresses, and which calls come before others. Most of
 * its calls are legal except for one or two fields. The same random numbers give the same sequence
 * on every machine.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "fuzz/sequence.h"

/* Random numbers (splitmix64): any seed will do. */
struct fuzz_rng {
	uint64_t state;
};
static inline uint64_t fuzz_rng_next(struct fuzz_rng *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}
/* A number less than n; 0 for n = 0. */
static inline uint32_t fuzz_rng_below(struct fuzz_rng *r, uint32_t n)
{
	return (uint64_t)(uint32_t)fuzz_rng_next(r) * n >> 32;
}
/* True in one case of n. */
static inline bool fuzz_rng_one_in(struct fuzz_rng *r, uint32_t n)
{
	return !fuzz_rng_below(r, n);
}

/* What was done to a sequence, for statistics and the engines' descriptions. */
enum fuzz_operation {
	FUZZ_INSERT,	/* a call of the grammar */
	FUZZ_DELETE,	/* calls, with those on what they made */
	FUZZ_DUPLICATE, /* a run of calls */
	FUZZ_REORDER,	/* calls change places */
	FUZZ_FIELD,	/* one field of one argument */
	FUZZ_LENGTH,	/* a count, the length of a tail or of a buffer, a pointer */
	FUZZ_ARGUMENT,	/* an argument anew, by the grammar */
	FUZZ_PAIR,	/* SET then GET, the same call again, a call with two things wrong */
	FUZZ_THREAD,	/* a call moves to another thread, or is not waited for */
	FUZZ_OBJECT,	/* a call on another object */
	FUZZ_SPLICE,	/* the rest of another sequence */
	FUZZ_GENERATE,	/* a sequence anew */
	FUZZ_OPERATIONS,
};
const char *fuzz_operation_name(enum fuzz_operation operation);

struct fuzz_options {
	uint32_t calls; /* a sequence should have this many calls at most, 0 = default (64) */
	/* How often a rule is broken on purpose, of 256 arguments; 0 = default (96). */
	uint8_t wrong;
	/* May call KVM_RUN with guest code (FUZZ_MEMORY). */
	bool guest_code;
	/*
	 * Answers of KVM_CHECK_EXTENSION: calls that the kernel lacks are rare; NULL = not known.
	 */
	const struct tape_env *env;
};

/* A mutator with its tables. NULL: no memory, or no table of that architecture. */
struct fuzz_mutator;
struct fuzz_mutator *fuzz_mutator_new(enum kvmapi_arch arch, const struct fuzz_options *options);
void fuzz_mutator_free(struct fuzz_mutator *m);

/* Change a sequence, once or a few times; operations done are bits of 1 << enum fuzz_operation. */
uint32_t fuzz_mutate(struct fuzz_mutator *m, struct fuzz_sequence *s, struct fuzz_rng *rng);
/* Splice: the beginning of `s`, then the rest of `other` from some place, on the objects of `s`. */
void fuzz_splice(struct fuzz_mutator *m, struct fuzz_sequence *s, const struct fuzz_sequence *other,
		 struct fuzz_rng *rng);
/* Generate a sequence: calls that make a VM, vCPUs and devices, then calls on them. */
void fuzz_generate(struct fuzz_mutator *m, struct fuzz_sequence *s, struct fuzz_rng *rng);

#endif
