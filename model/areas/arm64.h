/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files that judge calls of arm64 share: the interrupt controller, the PMU, the counter.
 */
#ifndef MODEL_ARM64_H
#define MODEL_ARM64_H

#include "model/areas/generic.h"
#include "model/areas/vm.h"

/* Keys of state_vm.facts, behind those of vm.h; key2 and value[0]: */
enum {
	ARM_FACT_GIC = 0x100,	 /* 0: KVM_DEV_TYPE_ARM_VGIC_V2 or _V3 */
	ARM_FACT_GIC_READY,	 /* 0: the GIC is initialised */
	ARM_FACT_GIC_IRQS,	 /* 0: number of interrupts that was set, 0 = the kernel's own */
	ARM_FACT_GIC_ADDR,	 /* KVM_VGIC_*_ADDR_TYPE_*: the address; regions: the next index */
	ARM_FACT_ITS_ADDR,	 /* object of an ITS: its address */
	ARM_FACT_ITS_TABLE,	 /* object of an ITS << 1 | collections: GITS_BASERn */
	ARM_FACT_MPIDR,		 /* 0: somebody wrote an MPIDR */
	ARM_FACT_TIMER_IRQ,	 /* KVM_ARM_VCPU_TIMER_IRQ_*: was set on this VM */
	ARM_FACT_COUNTER_OFFSET, /* 0: the VM has an offset of its counters */
	ARM_FACT_RAN,		 /* object of a vCPU: a KVM_RUN got past what it checks first */
};

/* Keys of state_vcpu.attrs are those of attributes (group << 32 | attr), and these. */
enum {
	ARM_VCPU_COUNTER = 0x100, /* KVM_REG_ARM_*_CNT as key2: what it was read as last */
};

/* A fact of the VM, or of the vCPU: *value is its value[0] if there is one. */
enum state_tri arm64_fact(const struct question *q, uint64_t kind, uint64_t which, uint64_t *value);
enum state_tri arm64_vcpu_fact(const struct question *q, uint64_t key, uint64_t key2,
			       uint64_t *value);
void arm64_vcpu_fact_set(struct learn *l, uint64_t key, uint64_t key2, uint64_t value);
/* There is a GIC in the kernel. */
enum state_tri arm64_gic(const struct question *q);
/* KVM_DEV_TYPE_ARM_VGIC_V2 or _V3, 0 = not known, or none. */
uint64_t arm64_gic_type(const struct question *q);
/* It is initialised; never NO of a GICv2, which initialises itself when it is used. */
enum state_tri arm64_gic_ready(const struct question *q);
void arm64_gic_made(struct learn *l, uint64_t type);
/* Which features the vCPU has is not known, or, since calls overlapped, which of two sets. */
static inline bool arm64_unsure(const struct state_vcpu *v)
{
	return v->arm_unsure ||
	       (v->arm_initialized == STATE_YES && v->arm_features == STATE_NUMBER_UNKNOWN);
}

/* The features of this vCPU are known, and it has this one (KVM_ARM_VCPU_*). */
enum state_tri arm64_feature(const struct question *q, unsigned int feature);
/* The first KVM_RUN fails since the GIC or the PMU is not ready; true if all is said. */
bool a_arm64_run_unready(struct answer *a);

#endif
