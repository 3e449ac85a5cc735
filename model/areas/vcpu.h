/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files that judge a vCPU's calls share: regs.c, cpuid.c, msr.c, lapic.c, events.c,
 * enlightened.c, vcpu.c, run.c. All of them are about x86; the structs are those of <asm/kvm.h> of
 * x86.
 */
#ifndef MODEL_VCPU_H
#define MODEL_VCPU_H

#include <string.h>

#include "kvmapi/kvm_newer.h"
#include "model/areas/areas.h"

/* Bits of the base of the local APIC that no processor has. */
#define APIC_BASE_NONE 0x2ffull

/*
 * state_vcpu.run: as much of struct kvm_run as any rule looks at, then what is known of the exit
 * that the last KVM_RUN finished, see completion.c.
 */
enum {
	VCPU_RUN_KEPT = KVMAPI_RUN_UNION + 32,
	VCPU_RUN_DONE = VCPU_RUN_KEPT,
};

/* A field of a block, if all of its bytes are known. Blocks hold bytes as they stand on the tape.
 */
bool vcpu_block_number(const struct question *q, enum state_vcpu_block block, uint32_t offset,
		       uint32_t width, uint64_t *value);
#define VCPU_KNOWN(q, block, type, member, value) \
	vcpu_block_number(q, block, offsetof(type, member), sizeof(((type *)0)->member), value)
/* Bytes of a block become unknown. */
void vcpu_forget(struct learn *l, enum state_vcpu_block block, uint32_t offset, uint32_t len);
#define VCPU_FORGET(l, block, type, member) \
	vcpu_forget(l, block, offsetof(type, member), sizeof(((type *)0)->member))
/* A field of a block becomes known: little-endian, as on tapes of x86. */
void vcpu_set_number(struct learn *l, enum state_vcpu_block block, uint32_t offset, uint32_t width,
		     uint64_t value);
/* Everything that an INIT, or code of the guest, changes becomes unknown. */
void vcpu_forget_all(struct state_vcpu *v);
/*
 * Other vCPUs and devices send interrupts, NMIs, INITs: what they can change of this vCPU from
 * outside becomes unknown, if any vCPU of the VM ran since this was last asked.
 */
void vcpu_forget_async(struct learn *l);
/* Did a vCPU of the VM run after this model sequence number?  The only vCPU of a VM sends nothing to
 * itself while it does not run. */
bool vcpu_others_ran(const struct question *q, uint64_t stamp);

/* All of an argument struct was captured. */
bool vcpu_captured(const struct tape_part *part, uint64_t size);

/*
 * The guest's state may be out of reach (memory encryption, other VM types).  Then refusal and
 * success are both fine, the answer is whole, and true is returned; after such a call nothing is
 * known.
 */
bool vcpu_is_protected(const struct question *q);
bool a_vcpu_protected(struct answer *a, uint16_t succeeds);
/* True if it was such a call. */
bool l_vcpu_protected(struct learn *l);
/* A GET that always succeeds, and whose bytes are those of the last SET or GET.  False: the answer
 * is whole. */
bool a_vcpu_get(struct answer *a, uint16_t succeeds, uint16_t same, enum state_vcpu_block block,
		uint32_t size);
/* What it gave becomes known; false if there is nothing to learn. */
bool l_vcpu_get(struct learn *l, enum state_vcpu_block block, uint32_t size);

/* Old kernels set the flag of the boot processor (bit 8) by themselves where there is no local APIC. */
static inline bool vcpu_apic_base_completed(const struct question *q, uint64_t apic_base)
{
	return q_changed(q, CHANGE_APIC_BASE_AS_GIVEN) != STATE_YES &&
	       q->vcpu->has_lapic != STATE_YES && !(apic_base >> 8 & 1);
}

/* KVM_GET_TSC_KHZ of a vCPU or a VM, whose frequency is this as far as is known. */
struct tsc_khz_rules {
	uint16_t succeeds, same;
};
void a_tsc_khz(struct answer *a, uint64_t khz, const struct tsc_khz_rules *rules);
void l_tsc_khz(struct learn *l, uint64_t *khz);
/* The MSR `index` holds the bits `mask` of `data`. */
void vcpu_msr_learn(struct learn *l, uint32_t index, uint64_t data, uint64_t mask);
void vcpu_msr_forget(struct learn *l, uint32_t index);
/* Which MSRs there are, and what they hold, may have changed. */
void vcpu_msrs_doubt(struct state_vcpu *v);
/* Attributes of KVM_SET_DEVICE_ATTR in state_vcpu.attrs become unknown; those of Xen stay. */
void vcpu_attrs_forget(struct state_vcpu *v);
/* In state_vcpu.attrs, beside the attributes of KVM_SET_DEVICE_ATTR. */
#define VCPU_XEN_KEY(type) (1ull << 63 | (type))

/* The register of the local APIC at this offset of its page, read as the MSR `index` into the
 * argument; and written. */
void a_lapic_register(struct answer *a, uint32_t reg, uint32_t index, size_t offset);
void vcpu_lapic_written(struct learn *l, uint32_t reg, uint64_t data);
/* The local APIC of a new vCPU. */
void vcpu_lapic_reset(struct learn *l);

/* A new vCPU (see handler.made): its registers are as after a reset. */
void vcpu_reset(struct learn *l);

/* The same for an answer. */
void a_msr(struct answer *a, uint16_t rule, uint32_t index, uint8_t role, size_t offset);

/* What finishing a pending exit does to the general registers: struct kvm_regs up to rip. */
enum { COMPLETION_REGS = offsetof(struct kvm_regs, rflags) / 8 };
struct completion {
	uint32_t reason; /* of the exit that is finished */
	uint32_t stays;	 /* a bit for each register that it cannot change */
	uint32_t step;	 /* how RIP moves, see completion.c */
	uint32_t size;	 /* port input: bytes of `data`, or 0 */
	uint64_t data;	 /* what RAX holds, or its first bytes */
	uint64_t second; /* and RDX */
	uint32_t known;	 /* a bit for each register that is known before */
	uint64_t before[COMPLETION_REGS];
};
/*
 * A call finishes the exit that is pending and lets nothing else run; `in` has userspace's answer.
 * False: nothing is known of it.
 */
bool completion_of(const struct question *q, const struct tape_part *in, struct completion *c);
/* It did: kept in state_vcpu.run for completion_check(). */
void completion_learn(struct learn *l, const struct completion *c);
/* struct kvm_regs at `offset` of what the kernel gave after it, if guests did not run since. */
void completion_compare(struct judge *j, const struct completion *c, const struct tape_part *part,
			uint32_t offset);
/* The same against what the last KVM_RUN finished, if the registers are still those. */
void completion_check(struct judge *j, const struct tape_part *part, uint32_t offset);

/* A load or store of the guest that userspace is to do leaves the rest of mmio.data alone. */
void run_mmio_stays(struct judge *j, const struct tape_part *in, const struct tape_part *out);
/* Says what run.c's rules determine of struct kvm_run. */
void run_promises(struct judge *j, const struct tape_part *in, const struct tape_part *out);

#endif
