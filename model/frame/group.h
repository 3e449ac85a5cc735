/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls on one VM that overlap: held until the last of them returned, and judged in an order that
 * explains them, if there is one.
 */
#ifndef MODEL_GROUP_H
#define MODEL_GROUP_H

#include "model/frame/frame.h"
#include "model/frame/touch.h"

/* Calls that are judged together at most.  A larger crowd is judged in pieces. */
#define GROUP_MAX 32
/*
 * What the search may cost: one for each call that is judged on a copy of the state, and one for
 * each KiB of a copied vCPU.  So much at once; each return adds a little, so that a tape's cost
 * grows with its length only.
 */
#define WORK_MAX  200000
#define WORK_ADD  16

struct held {
	struct tape_return ret;
	struct tape_call call;
	uint64_t entered;
	uint64_t left;
	struct touches touches;
	/* Calls that it conflicts with were judged while it was open. */
	bool stale;
	bool counts_vcpu; /* KVM_CREATE_VCPU that failed: other calls may have seen its vCPU */
	struct model_verdict verdict;
	struct promises promises;
	void *bytes; /* parts and payload of both */
};

/* A call of the VM that has not returned. */
struct group_open {
	struct touches touches;
	bool stale;
};

struct vm_slot {
	struct state_vm *state;
	uint32_t open; /* calls but KVM_RUN that have not returned */
	bool grouped;
	uint32_t owner;	   /* process id of who made it, 0 = not known */
	uint32_t over_gap; /* of the calls that were open at a gap, those that still are */
	/* Sequence number of the last return of a call that may change what KVM_RUN depends on. */
	uint64_t changed;
	struct held *held[GROUP_MAX];
	uint32_t held_count;
};

struct held *held_new(const struct tape_return *ret, uint64_t entered, uint64_t left);
void held_free(struct held *h);

/*
 * Judge what is held, and hand out the verdicts.  `open` are the calls of the VM that have not
 * returned (the crowd is too large, a vCPU enters or leaves the guest, the tape ends): what they
 * may explain is not held against the kernel, nor known afterwards.
 */
void group_judge(struct model *m, struct vm_slot *slot, struct group_open *const *open,
		 uint32_t open_count);
/* A divergence that calls may explain of which too little is known. */
void group_excuse(struct model_verdict *v, const char *why);

/* --- model.c --- */

/* Judge one call on a state.  The state is brought up to date; the verdict is complete. */
void model_judge(struct model *m, struct state_vm *vm, const struct tape_return *ret,
		 uint64_t entered, uint64_t left, struct model_verdict *v,
		 struct promises *promises);
void model_emit(struct model *m, const struct tape_return *ret, const struct model_verdict *v,
		const struct promises *promises);
/* Where search takes its promises, and what it may still cost. */
struct promises *model_scratch_promises(struct model *m);
int64_t *model_work(struct model *m);
void model_out_of_memory(struct model *m);

#endif
