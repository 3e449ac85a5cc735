/* SPDX-License-Identifier: BSD-2-Clause */
/* How the calls of each area are answered: its table. */
#ifndef MODEL_AREAS_H
#define MODEL_AREAS_H

#include "model/answer/answer.h"
#include "model/answer/judge.h"
#include "model/answer/learn.h"

/* How the calls of one ioctl on objects of some kinds are answered. */
struct handler {
	const char *ioctl; /* "KVM_CREATE_IRQCHIP" */
	uint8_t scope;	   /* object kinds that this handler judges */
	/* At the call; NULL = nothing. */
	void (*enter)(struct learn *l);
	/* Before the question is asked: what happened meanwhile, whatever the call is.  NULL =
	 * nothing. */
	void (*settle)(struct learn *l);
	/* What the call may be answered, see answer.h. */
	void (*answer)(const struct question *q, struct answer *a);
	/* In the table of advice, instead of .answer: what the caller lost; NULL = nothing to say. */
	void (*advise)(struct judge *j);
	/* What is known after it; NULL = as before. */
	void (*learn)(struct learn *l);
	/* What is known of the object that the call made, which is now part of the state (l->vcpu of a
	 * vCPU); NULL = nothing. */
	void (*made)(struct learn *l);
};
/* Tables of the areas, each ends with a row whose ioctl is NULL. */
extern const struct handler model_system_handlers[];
extern const struct handler model_vm_handlers[];
extern const struct handler model_vm_cap_handlers[];
extern const struct handler model_memslot_handlers[];
extern const struct handler model_irqchip_handlers[];
extern const struct handler model_eventfd_handlers[];
extern const struct handler model_clock_handlers[];
extern const struct handler model_xen_handlers[];
extern const struct handler model_vcpu_handlers[];
extern const struct handler model_regs_handlers[];
extern const struct handler model_cpuid_handlers[];
extern const struct handler model_msr_handlers[];
extern const struct handler model_lapic_handlers[];
extern const struct handler model_events_handlers[];
extern const struct handler model_enlightened_handlers[];
extern const struct handler model_run_handlers[];
extern const struct handler model_device_handlers[];
/* Those of other architectures: these first, then model_generic_handlers. */
extern const struct handler model_arm64_handlers[];
extern const struct handler model_arm64_device_handlers[];
extern const struct handler model_powerpc_handlers[];
extern const struct handler model_s390_handlers[];
extern const struct handler model_generic_handlers[];
/* Advice (x86), by .advise and .learn: before the handler, so with the state before the call, and with
 * its return. */
extern const struct handler model_lint_handlers[];
/* A request that no row describes. */
extern const struct handler model_unknown_request;
/* The tables above judge this ioctl on all architectures. */
bool generic_shared(const char *ioctl);

#endif
