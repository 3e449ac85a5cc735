/* SPDX-License-Identifier: BSD-2-Clause */
/* One walk over a value and its BTF, and what a back end does with it. */
#ifndef KVMAPI_VALUE_H
#define KVMAPI_VALUE_H

#include "kvmtape/kvmapi.h"

#define KVMAPI_FLAGS_MAX 64

struct kvmapi_number {
	uint64_t value; /* sign-extended if is_signed */
	uint8_t bytes;	/* of the field */
	bool is_signed;
	bool hex;
};

/*
 * A member of a struct has a name, an element of an array and the value as a whole have NULL.
 * Each returns 0 or -errno, which ends the walk.
 */
struct kvmapi_sink {
	int (*begin)(void *ctx, const char *name, bool array);
	int (*end)(void *ctx, bool array);
	int (*number)(void *ctx, const char *name, const struct kvmapi_number *number);
	/* `label` is NULL for a value that has no name. */
	int (*constant)(void *ctx, const char *name, const struct kvmapi_number *number,
			const char *label);
	/* The names of all bits that have one; `rest` are the others. */
	int (*flags)(void *ctx, const char *name, const struct kvmapi_number *number,
		     const char *const *labels, unsigned int count, uint64_t rest);
	/* `want` bytes, of which the first `have` were captured. */
	int (*bytes)(void *ctx, const char *name, const uint8_t *data, size_t have, size_t want);
	/* Not captured. */
	int (*missing)(void *ctx, const char *name);
	bool skip_zeros; /* members that are zero are left out; else only padding that is zero */
};

/* Walk `len` bytes of a type.  owner: NULL = not known.  run: leave out of struct kvm_run what
 * begins at `len` or later. */
int kvmapi_value_walk(enum kvmapi_arch arch, const struct kvmapi_owner *owner, const char *type,
		      const void *data, size_t len, bool run, const struct kvmapi_sink *sink,
		      void *ctx);

#endif
