/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files that judge calls of s390 share. */
#ifndef MODEL_S390_H
#define MODEL_S390_H

#include "kvmapi/kvm_newer.h"
#include "model/areas/areas.h"

/* Keys of state_vm.facts, behind those of vm.h; value[0] is an enum state_tri if nothing else is
 * said. */
enum s390_fact {
	S390_CMMA = 0x390,  /* enabled */
	S390_CMMA_ZEROED,   /* cleared, and no guest ran since value[1], a model sequence number */
	S390_MIGRATION,	    /* on; value[1]: the rule by which that is known */
	S390_USER_STATE,    /* userspace, not the kernel, decides which vCPUs are stopped */
	S390_PROTECTED,	    /* a protected guest */
	S390_LIMIT,	    /* set: value[1] is where memory ends at most */
	S390_SUBFUNC_GIVEN, /* subfunctions were written */
	S390_IBC,	    /* known: value[1]; value[2]: not as it was given */
	S390_EPOCHS, /* the CPU model has the extension of the TOD clock, as an answer showed */
	S390_TOD,    /* set: value[1] clock, value[2] extension, value[3] vm->last_run_end then */
};
/* Unknown if nothing is known of it and the VM is not known from its beginning. */
enum state_tri s390_fact(const struct question *q, enum s390_fact fact);
/* The fact, to look at its further values; NULL = there is none. */
const struct state_entry *s390_fact_find(const struct question *q, enum s390_fact fact);
/* Sets it; the entry, NULL = no memory (said). */
struct state_entry *s390_fact_set(struct learn *l, enum s390_fact fact, enum state_tri value);

/* The VM is of type KVM_VM_S390_UCONTROL. */
enum state_tri s390_ucontrol(const struct question *q);
void s390_ucontrol_made(struct learn *l);
/* Kernels between the sources that were read; when it changed is not known. */
bool s390_between(const struct question *q);
/* The limit of memory that VMs of this host begin with: false = not known. */
bool s390_host_limit(const struct question *q, uint64_t *limit);

void s390_answer_set_attr(const struct question *q, struct answer *a);
void s390_learn_set_attr(struct learn *l);
void s390_answer_get_attr(const struct question *q, struct answer *a);
void s390_learn_get_attr(struct learn *l);
void s390_answer_has_attr(const struct question *q, struct answer *a);
void s390_learn_has_attr(struct learn *l);

#endif
