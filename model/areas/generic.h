/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files that judge calls of arm64, Power and RISC-V share. */
#ifndef MODEL_GENERIC_H
#define MODEL_GENERIC_H

#include "kvmapi/kvm_newer.h"
#include "model/areas/areas.h"

/*
 * What other vCPUs can change of this one (MP state, registers through PSCI) becomes unknown if one
 * ran since it was learned.  What is learned afterwards holds.
 */
void generic_forget_others(struct learn *l);
/* Registers become unknown. */
void generic_forget_registers(struct state_vcpu *v);
/* The MP state is known to be this by a rule, or (UINT32_MAX) not known. */
void generic_mp_state(struct learn *l, uint32_t state, uint16_t rule);
/* The MP state, STATE_NUMBER_UNKNOWN = not known. */
uint64_t generic_mp_known(const struct question *q);
/* The rule by which it is known; `same`: it is not known which, or the state is not. */
uint16_t generic_mp_rule(const struct question *q, uint16_t same);

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
