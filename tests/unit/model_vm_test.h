/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the rules for /dev/kvm, VMs and devices share. */
#ifndef MODEL_VM_TEST_H
#define MODEL_VM_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kvmapi/kvm_newer.h"
#include "model_harness.h"

#define GOOD(h, rule)	 mh_expect(h, MODEL_CONFORMS, rule)
#define KNOWN(h, rule)	 mh_expect(h, MODEL_DEVIATION, rule)
#define BAD(h, rule)	 mh_expect(h, MODEL_DIVERGES, rule)
/* The rule allows it, and nothing demands it. */
#define ALLOWED(h, rule) mh_expect(h, MODEL_UNSPECIFIED, rule)
#define OPEN(h)		 mh_expect(h, MODEL_UNSPECIFIED, NULL)

/* A plain x86 host, of this release. */
static inline void host_open(struct mh *h, const char *release, const char *backend)
{
	static const struct {
		uint32_t cap;
		int32_t answer;
	} caps[] = {
		{KVM_CAP_IRQCHIP, 1},
		{KVM_CAP_NR_VCPUS, 2},
		{KVM_CAP_MAX_VCPUS, 4},
		{KVM_CAP_MAX_VCPU_ID, 16},
		{KVM_CAP_NR_MEMSLOTS, 32764},
		{KVM_CAP_MULTI_ADDRESS_SPACE, 2},
		{KVM_CAP_READONLY_MEM, 1},
		{KVM_CAP_COALESCED_MMIO, 2},
		{KVM_CAP_COALESCED_PIO, 1},
		{KVM_CAP_ADJUST_CLOCK, 14},
		{KVM_CAP_SYS_ATTRIBUTES, 1},
		{KVM_CAP_VM_ATTRIBUTES, 0},
		{KVM_CAP_VM_TYPES, 0},
		{KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 3},
		{KVM_CAP_DIRTY_LOG_RING, 1048576},
		{KVM_CAP_BINARY_STATS_FD, 1},
		{KVM_CAP_SPLIT_IRQCHIP, 1},
		{KVM_CAP_EXCEPTION_PAYLOAD, 1},
		{KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1},
		{KVM_CAP_X86_USER_SPACE_MSR, 1},
		{KVM_CAP_X86_DISABLE_EXITS, 13},
		{KVM_CAP_X86_BUS_LOCK_EXIT, 0},
		{KVM_CAP_X86_NOTIFY_VMEXIT, 0},
		{KVM_CAP_X2APIC_API, 3},
		{KVM_CAP_EXIT_HYPERCALL, 4096},
		{KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1},
		{KVM_CAP_PMU_CAPABILITY, 1},
		{KVM_CAP_HALT_POLL, 1},
		{KVM_CAP_MSR_PLATFORM_INFO, 1},
		{KVM_CAP_DISABLE_QUIRKS, 1},
		{KVM_CAP_DISABLE_QUIRKS2, 127},
		{KVM_CAP_X86_APIC_BUS_CYCLES_NS, 1},
		{KVM_CAP_XEN_HVM, 0},
		{KVM_CAP_HYPERV_EVENTFD, 1},
		{KVM_CAP_PMU_EVENT_FILTER, 1},
		{KVM_CAP_GUEST_MEMFD, 1},
		{KVM_CAP_USER_MEMORY2, 1},
		{KVM_CAP_MEMORY_ATTRIBUTES, 8},
		{KVM_CAP_GUEST_MEMFD_FLAGS, 3},
		{KVM_CAP_PMU_EVENT_MASKED_EVENTS, 1},
		{KVM_CAP_HYPERV_SYNIC, 1},
		{KVM_CAP_IMMEDIATE_EXIT, 1},
	};

	mh_open(h, release, backend);
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		mh_cap(h, caps[i].cap, caps[i].answer);
}

/* An ioctl that only reads its struct. */
#define IN(h, object, ioctl, value, ret) \
	mh_io(h, object, ioctl, &(value), sizeof(value), NULL, 0, ret)
/* One that only writes it. */
#define OUT(h, object, ioctl, value, ret) \
	mh_io(h, object, ioctl, NULL, 0, &(value), sizeof(value), ret)
#define INOUT(h, object, ioctl, before, after, ret) \
	mh_io(h, object, ioctl, &(before), sizeof(before), &(after), sizeof(after), ret)

#endif
