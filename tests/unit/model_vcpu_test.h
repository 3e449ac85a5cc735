/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the rules for vCPUs share: a host, a VM of some irqchip, one vCPU. */
#ifndef MODEL_VCPU_TEST_H
#define MODEL_VCPU_TEST_H

#include "model_vm_test.h"

enum chip { NO_CHIP, CHIP, SPLIT_CHIP };

static struct mh h;
static uint32_t vm, vcpu;

/* vCPU 0 of a new VM on a host with SMM and nested virtualisation, or without. */
static inline void vcpu_open(const char *release, const char *backend, enum chip chip,
			     int32_t extras)
{
	static const struct {
		uint32_t cap;
		int32_t answer;
	} caps[] = {
		{KVM_CAP_IRQCHIP, 1},
		{KVM_CAP_SPLIT_IRQCHIP, 1},
		{KVM_CAP_XSAVE2, 4096},
		{KVM_CAP_XCRS, 1},
		{KVM_CAP_SYNC_REGS, 7},
		{KVM_CAP_EXCEPTION_PAYLOAD, 1},
		{KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1},
		{KVM_CAP_IMMEDIATE_EXIT, 1},
		{KVM_CAP_VCPU_ATTRIBUTES, 1},
		{KVM_CAP_BINARY_STATS_FD, 1},
		{KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1},
		{KVM_CAP_PRE_FAULT_MEMORY, 1},
		{KVM_CAP_SYSTEM_EVENT_DATA, 1},
		{KVM_CAP_X86_BUS_LOCK_EXIT, 3},
	};
	struct kvm_enable_cap split = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};

	mh_open(&h, release, backend);
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		mh_cap(&h, caps[i].cap, caps[i].answer);
	mh_cap(&h, KVM_CAP_X86_SMM, extras);
	mh_cap(&h, KVM_CAP_NESTED_STATE, extras ? 4224 : 0);
	vm = mh_vm(&h);
	if (chip == CHIP)
		mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	if (chip == SPLIT_CHIP)
		IN(&h, vm, "KVM_ENABLE_CAP", split, 0);
	vcpu = mh_vcpu(&h, vm, 0);
}

static inline void vm_enable(uint32_t cap, uint64_t arg)
{
	struct kvm_enable_cap c = {.cap = cap, .args = {arg}};

	IN(&h, vm, "KVM_ENABLE_CAP", c, 0);
}

/* One KVM_RUN whose struct kvm_run is captured whole. */
static inline void run(const struct kvm_run *in, const struct kvm_run *out, int64_t ret)
{
	mh_run(&h, vcpu, in, offsetof(struct kvm_run, kvm_valid_regs), out,
	       offsetof(struct kvm_run, kvm_valid_regs), ret);
}

static inline int teardown(void **state)
{
	mh_close(&h);
	return 0;
}

#endif
