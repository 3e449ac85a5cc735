/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files that judge calls of arm64, Power and RISC-V share. */
#ifndef MODEL_GENERIC_H
#define MODEL_GENERIC_H

#include "kvmapi/kvm_newer.h"
#include "model/areas/areas.h"

/* Use of state_vcpu.scratch on these architectures. Zero always means "nothing known". */
enum {
	GENERIC_FLAGS,	   /* mask of enum generic_flag */
	GENERIC_STAMP,	   /* state_vm.last_run_end when the rest was learned */
	GENERIC_MP_AT_RUN, /* 1 + MP state when the last KVM_RUN began, 0 = not known */
	GENERIC_FEATURES,  /* arm64: features of the first KVM_ARM_VCPU_INIT */
	GENERIC_TARGET,	   /* arm64: its target */
	GENERIC_MP_RULE,   /* rule by which the MP state is known */
	ARM_PC_AT_RUN,	   /* 1 + where KVM_RUN moves a PC that userspace set, 0 = not known */
	GENERIC_REGS,	   /* 1 + number of registers of KVM_GET_REG_LIST */
};

enum generic_flag {
	GENERIC_LEARNED_IN_RUN = 1 << 0, /* what is known was learned from the last KVM_RUN */
	GENERIC_EVENT = 1 << 1,		 /* the last KVM_RUN ended with a shutdown or a reset */
	ARM_INITIALIZED = 1 << 2,
	ARM_RESET = 1 << 3, /* registers that are not in state_vcpu.msrs are as reset left them */
	ARM_FINALIZED = 1 << 4,
	S390_DEBUGGED = 1 << 5, /* guest debugging was accepted */
	/* STATE_DOUBTS */
	ARM_UNSURE = 1 << 16,	/* which features the vCPU has is not known */
	S390_MP_SEEN = 1 << 17, /* the MP state need no longer be that of a new vCPU */
};

static inline bool generic_flag(const struct state_vcpu *v, enum generic_flag flag)
{
	return v->scratch[GENERIC_FLAGS] & flag;
}

static inline void generic_flag_set(struct state_vcpu *v, enum generic_flag flag, bool on)
{
	if (on)
		v->scratch[GENERIC_FLAGS] |= flag;
	else
		v->scratch[GENERIC_FLAGS] &= ~(uint64_t)flag;
}

/* Slots of state_vm.scratch, behind those of vm.h. */
enum {
	GENERIC_VM_FEATURES = 4, /* 1 + features of the first vCPU that was initialised */
};

/*
 * What other vCPUs can change of this one (MP state, registers through PSCI) becomes unknown if one
 * ran since it was learned.  What is learned afterwards holds.
 */
void generic_forget_others(struct learn *l);
/* Registers become unknown. */
void generic_forget_registers(struct state_vcpu *v);
/* The MP state is known to be this by a rule, or (UINT32_MAX) not known. */
void generic_mp_state(struct learn *l, uint32_t state, uint16_t rule);
/* 1 + the MP state, 0 = not known. */
uint64_t generic_mp_known(const struct question *q);

/* Bytes of a register by its id. */
uint32_t generic_register_size(uint64_t id);
/* A register's value (of up to 16 bytes) that is read is what it was before, if that is known. */
void a_generic_register(struct answer *a, uint16_t rule, uint64_t id, uint8_t role);
/* One that was read, or written, is remembered. */
void l_generic_register(struct learn *l, uint64_t id, const struct tape_part *value);

/* At the call of KVM_RUN. */
void generic_run_enter(struct learn *l);
/* The input of KVM_RUN decides what it returns: no guest code runs. */
bool generic_run_is_decided(const struct question *q);
/* What the input decides.  True if the answer is whole. */
bool a_generic_run_input(struct answer *a);
/* The last KVM_RUN ended with an event after which the vCPU can run again: EINTR says that it did. */
void a_generic_run_again(struct answer *a);
/* What holds of struct kvm_run after a return of 0. */
void a_generic_run_exit(struct answer *a);
/* Up to a_when_end(): if it is this exit. */
void a_generic_when_exit(struct answer *a, uint32_t reason);
/* The exit of a KVM_RUN that returned 0 is remembered. */
void l_generic_run_exit(struct learn *l);

#endif
