/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of a state, as names and values for people (model_describe()). */
#ifndef MODEL_DESCRIBE_H
#define MODEL_DESCRIBE_H

#include "kvmtape/model.h"
#include "model/state/state.h"

void describe_system(const struct state_system *s, model_fact_fn fn, void *context);
void describe_vm(const struct state_vm *vm, model_fact_fn fn, void *context);
void describe_vcpu(const struct state_vcpu *v, model_fact_fn fn, void *context);
void describe_device(const struct state_device *d, model_fact_fn fn, void *context);

#endif
