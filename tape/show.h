/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by text.c and json.c: how the parts of an event relate to its row. Internal to tape/. */
#ifndef TAPE_SHOW_H
#define TAPE_SHOW_H

#include "kvmtape/tape.h"

/* A buffer before and after the call. NULL = no such part. */
struct tape_sides {
	const struct tape_part *in, *out;
};

/* Before may be in the call or, when late, in the return. */
struct tape_sides tape_sides_of(const struct tape_return *ret, enum tape_role in,
				enum tape_role out);
/* The part is complete and was read in time. */
bool tape_part_whole(const struct tape_part *part);
/* The struct behind the argument: role of a plain ioctl, or of KVM_RUN. */
bool tape_event_is_run(const struct tape_call *call);

/* Numbers at a byte offset of captured bytes, in the byte order of the tape's architecture. */
uint64_t tape_part_number(const struct tape_env *env, const struct tape_part *part, size_t offset,
			  unsigned int bytes);
/* The part holds these bytes. */
static inline bool tape_part_has(const struct tape_part *part, size_t offset, size_t bytes)
{
	return part && offset + bytes <= part->have;
}

/* What a call is made on, for names that depend on it. */
struct kvmapi_owner tape_owner(const struct tape_reader *r, uint32_t object);

/* Where the exit union of struct kvm_run begins. */
static inline size_t tape_run_union(const struct tape_env *env)
{
	return env->arch == KVMAPI_S390 ? 48 : KVMAPI_RUN_UNION;
}
#define TAPE_RUN_EXIT_REASON 8 /* offset in struct kvm_run */

#endif
