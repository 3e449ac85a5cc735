/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes known by a call that returned. */
#ifndef MODEL_LEARN_H
#define MODEL_LEARN_H

#include "model/answer/question.h"

/*
 * A call that returned, and the state to be brought up to date: the only way by which handlers
 * change it.
 */
struct learn {
	const struct question *q;
	const struct tape_return *ret;	   /* NULL at the call (see .enter and .settle) */
	const struct tape_part *out;	   /* argument struct after, NULL */
	const struct tape_object *created; /* that the call made, as the tape has it; NULL */
	struct state_vm *vm;
	struct state_vcpu *vcpu;
	struct state_device *device;
	struct state_system *system;
	/* The call returned success, and no rule demanded that it fails. */
	bool succeeded;
	int oom;
};

#define L_OUT(l, type, member, value) \
	q_field((l)->q, (l)->out, offsetof(type, member), sizeof(((type *)0)->member), value)
/* A part of this event by role, NULL = not there. */
const struct tape_part *l_part(const struct learn *l, enum tape_role role);

/*
 * IN bytes of a SET become what is known. Forgotten instead if a guest may have run during the
 * call.
 */
void l_block_set(struct learn *l, struct state_block *b, const struct tape_part *part,
		 uint32_t offset, uint32_t len);
/*
 * OUT bytes of a GET, as far as they were captured, become what is known, and where they came from
 * is kept.  Forgotten instead if a guest may have run during the call.
 */
void l_block_get(struct learn *l, struct state_block *b, const struct tape_part *part,
		 uint32_t offset, uint32_t len);

/* What a call answered, as the entry of a set: its first answer, which later ones must repeat. */
void l_constant(struct learn *l, struct state_set *set, uint64_t key, uint64_t key2,
		uint64_t value);

#endif
