/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which parts of a VM's state (enum touch_part) the judging of a call reads and writes.  Two calls
 * of which neither writes what the other reads or writes commute: in whatever order they take
 * effect, the verdicts and the state afterwards are the same.
 */
#ifndef MODEL_TOUCH_H
#define MODEL_TOUCH_H

#include "model/answer/judge.h"

struct model_facts;

/* One row of the table: the calls of an ioctl on one kind of object. */
struct touch_row {
	const char *ioctl;
	uint16_t reads, writes;
	bool region; /* its argument begins as struct kvm_userspace_memory_region does */
};

/* The row of the table, NULL = nothing is known of this ioctl: it touches all. */
const struct touch_row *touch_row(const struct model_facts *facts, const char *ioctl, uint8_t kind);

struct touches {
	uint16_t reads, writes;
	uint32_t object; /* whose state TOUCH_OWN is */
	bool any_object; /* of any vCPU */
	bool region;	 /* all that it does to TOUCH_SLOTS concerns one slot and these addresses */
	uint64_t slot, first, end;
};
void touches_of(const struct model *m, const struct touch_row *row, const struct tape_call *call,
		struct touches *t);
/* Count the present addresses of a region's slot as well, and those that another call gives it. */
void touches_widen(struct touches *t, const struct state_vm *vm);
void touches_join(struct touches *t, const struct touches *other);
/* The two need not commute. */
bool touches_conflict(const struct touches *a, const struct touches *b);
/* These parts become unknown (TOUCH_OWN: of `vcpu`, or of all). */
void touch_forget(struct state_vm *vm, uint16_t parts, uint32_t vcpu);

#endif
