/* SPDX-License-Identifier: BSD-2-Clause */
/* A call as a question to the model, and what may be asked about it. */
#ifndef MODEL_QUESTION_H
#define MODEL_QUESTION_H

#include <errno.h>

#include "model/facts/facts.h"
#include "model/state/state.h"

/*
 * A call, and what was known before it: all that an answer may depend on.  Nothing of it can be
 * changed through this.
 */
struct question {
	const struct model_facts *facts;
	const struct state_vm *vm;     /* NULL: system call */
	const struct state_vcpu *vcpu; /* NULL: not a vCPU */
	const struct state_device *device;
	const struct state_system *system; /* the answers of /dev/kvm; never NULL */
	const struct tape_call *call;
	const struct kvmapi_ioctl *row;
	const struct tape_part *in;	/* argument struct before, NULL = none captured */
	uint64_t entered;		/* model sequence number at which the call began */
	uint64_t left;			/* and at which it returned; 0 while it has not */
	const struct tape_return *late; /* may have parts that were read late; NULL */
};

/* --- facts ------------------------------------------------------------------------------------ */

/* The kernel has a change (model/facts/changes.def). */
static inline enum state_tri q_changed(const struct question *q, enum model_change change)
{
	return q->facts->change_doubted[change] ? STATE_UNKNOWN
						: tri(q->facts->change_made[change]);
}

/*
 * The kernel is newer than those whose sources the tables of the rules follow, so that it may have
 * types, groups and capabilities that they lack; or may be, if it is not known.
 */
bool q_newer(const struct question *q);
bool q_maybe_newer(const struct question *q);
/* Bytes of a page of the tape's machine. */
static inline uint32_t q_page(const struct question *q)
{
	return q->facts->page;
}

/* What KVM_CHECK_EXTENSION answered for a capability; INT32_MIN = not on the tape. */
static inline int32_t q_cap(const struct question *q, uint32_t cap)
{
	return cap < q->facts->cap_count ? q->facts->caps[cap] : INT32_MIN;
}

/* The kernel said that it lacks a capability; not known if it was not asked. */
enum state_tri q_lacks(const struct question *q, uint32_t cap);
/* The back end is one of these, a mask of enum model_back_end. */
enum state_tri q_back_end(const struct question *q, uint8_t mask);

/*
 * The rule stands in the documents (or, a deviation, is known) of the tape's kernel, architecture
 * and back end, and the kernel has what the rule needs: all conditions of its row are met.
 */
static inline bool q_applies(const struct question *q, uint16_t rule)
{
	return q->facts->rule_applies[rule];
}

/* Whether the kernel has the change that bounds the rule is not known (a distribution's kernel, or
 * no kernel named), or the back end, or what a capability answers: the rule can be held, and is never
 * broken. */
static inline bool q_doubted(const struct question *q, uint16_t rule)
{
	return q->facts->rule_doubted[rule];
}

/* Both in one: the conditions of the rule's row are met. */
static inline enum state_tri q_rule(const struct question *q, uint16_t rule)
{
	return q_doubted(q, rule) ? STATE_UNKNOWN : tri(q_applies(q, rule));
}

/*
 * A KVM_RUN of this vCPU (of any vCPU of the VM for q_vm_ran) was under way at some time during
 * this call.
 */
bool q_vcpu_ran(const struct question *q);
bool q_vm_ran(const struct question *q);
/* A vCPU of the VM of this call may be in KVM_RUN now. */
bool q_vm_running(const struct question *q);
/*
 * Guest code of this vCPU ran before this call began; STATE_UNKNOWN if the first KVM_RUN overlaps
 * it.
 */
enum state_tri q_vcpu_has_run(const struct question *q);

/*
 * A field of the argument before (IN) or after (OUT) the call, in the byte order of the tape. False
 * if it was not captured; then *value stays.  Q_IN(q, struct kvm_irqfd, gsi, &gsi) for the usual
 * case.
 */
bool q_field(const struct question *q, const struct tape_part *part, size_t offset, size_t width,
	     uint64_t *value);
#define Q_IN(q, type, member, value) \
	q_field(q, (q)->in, offsetof(type, member), sizeof(((type *)0)->member), value)
/* A role of what a call leaves behind. */
bool role_is_out(enum tape_role role);
/* A part of the call by role, NULL = not there.  It may have been read late, at the return. */
const struct tape_part *q_part(const struct question *q, enum tape_role role);
/* A little-endian or big-endian number of the tape from bytes. */
uint64_t q_number(const struct question *q, const uint8_t *bytes, size_t width);
/* A guest may have run during the call: of the vCPU that it is on, or of the VM. */
bool q_ran(const struct question *q);

#endif
