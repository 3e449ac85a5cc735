/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the model knows of a VM and its vCPUs.  Every field is a value or unknown; nothing points
 * outside of the VM, so that a VM can be copied (state_vm_copy) when several orders of calls must
 * be tried.
 */
#ifndef MODEL_STATE_H
#define MODEL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A block of bytes as the kernel holds it.  A bit of `mask` is set where the bit of `value` is
 * known, that is: promised to come back from the next GET.
 */
struct state_block {
	uint32_t size;
	uint8_t *value;
	uint8_t *mask;
	/* 1 + tape_call.index of the call whose result all of the known bytes are, from
	 * `origin_offset` of its part on; STATE_RESET; 0 = of several calls, or of what userspace gave. */
	uint64_t origin;
	uint32_t origin_offset;
};
/* The known bytes are those of a new object. */
#define STATE_RESET UINT64_MAX
/* All of the block becomes unknown. */
void state_block_forget(struct state_block *b);
/* Bytes [offset, offset + len) become known. Grows the block as needed (0, -ENOMEM). */
int state_block_set(struct state_block *b, uint32_t offset, const void *bytes, uint32_t len);
/* Those bytes become unknown. */
void state_block_forget_range(struct state_block *b, uint32_t offset, uint32_t len);
/* The first byte in which `bytes` contradicts what is known of the block, or -1. */
int64_t state_block_mismatch(const struct state_block *b, uint32_t offset, const void *bytes,
			     uint32_t len);
bool state_block_known(const struct state_block *b, uint32_t offset, uint32_t len);

/* Sets of keyed records: a growing array, kept sorted by key. */
struct state_entry {
	uint64_t key;
	uint64_t key2;
	uint64_t value[4];
	uint8_t known; /* value is known */
};
struct state_set {
	struct state_entry *entries;
	uint32_t count;
	uint32_t room;
	bool open; /* there may be entries that the model has not seen */
};
const struct state_entry *state_set_find(const struct state_set *s, uint64_t key, uint64_t key2);
/* The same, to be changed. */
struct state_entry *state_set_entry(struct state_set *s, uint64_t key, uint64_t key2);
struct state_entry *state_set_add(struct state_set *s, uint64_t key,
				  uint64_t key2); /* found or new; NULL = no memory */
void state_set_remove(struct state_set *s, struct state_entry *e);
void state_set_clear(struct state_set *s);

/* Three-valued. */
enum state_tri { STATE_NO, STATE_YES, STATE_UNKNOWN };
static inline enum state_tri tri(bool yes)
{
	return yes ? STATE_YES : STATE_NO;
}
static inline enum state_tri tri_not(enum state_tri t)
{
	return t == STATE_UNKNOWN ? t : tri(t == STATE_NO);
}

enum state_irqchip {
	STATE_IRQCHIP_NONE,
	STATE_IRQCHIP_KERNEL,
	STATE_IRQCHIP_SPLIT,
	STATE_IRQCHIP_UNKNOWN
};

/* Blocks of a VM that a GET reads back. */
enum state_vm_block {
	STATE_PIC_MASTER, /* struct kvm_irqchip, chip_id 0 */
	STATE_PIC_SLAVE,
	STATE_IOAPIC,
	STATE_PIT,
	STATE_CLOCK,
	STATE_GUEST_BLOCKS, /* those before are devices of the guest, which changes them */
	STATE_CPU_MODEL = STATE_GUEST_BLOCKS, /* s390: struct kvm_s390_vm_cpu_processor */
	STATE_CPU_MASK,			      /* facilities that KVM enables */
	STATE_CPU_FEATURES,
	STATE_CPU_SUBFUNCTIONS,
	STATE_VM_BLOCKS,
};

/* Blocks of a vCPU that a GET reads back. */
enum state_vcpu_block {
	STATE_REGS,
	STATE_SREGS,
	STATE_SREGS2,
	STATE_FPU,
	STATE_XSAVE,
	STATE_XCRS,
	STATE_DEBUGREGS,
	STATE_EVENTS,
	STATE_LAPIC,
	STATE_CPUID,
	STATE_MP_STATE,
	STATE_NESTED,
	STATE_VCPU_BLOCKS,
};

/* Sets of registers that can travel in struct kvm_run: bit numbers of kvm_valid_regs. */
#define STATE_SYNC_SETS 3

/*
 * What userspace gave a vCPU, whether or not the kernel keeps it, and what it asked for: for advice
 * only (lint.c).  All zero: nothing is known.
 */
struct state_given {
	bool lapic;	      /* KVM_SET_LAPIC was called */
	bool apic_base_known; /* IA32_APIC_BASE was given, through whichever call */
	bool cpuid;	      /* CPUID was given, and these are of it: */
	bool cpuid_deadline;  /* leaf 1 has the TSC-deadline timer */
	bool mxcsr_known;     /* MXCSR was given with the extended state, and no guest ran since */
	bool deadline;	      /* a deadline waits: no guest ran since it was written */
	bool mtrr;	      /* an MTRR was written */
	bool mtrr_read;	      /* and one was read */
	bool clock_enabled;   /* the guest's clock was switched on by an MSR, before any run */
	bool clock_ctrl;      /* KVM_KVMCLOCK_CTRL succeeded, and no guest ran since */
	bool clock_ctrl_seen; /* it succeeded or failed at some time */
	bool tpr_known;	    /* the task priority was given with the local APIC, and no guest ran */
	bool cr8_known;	    /* and with the special registers */
	uint8_t tpr, cr8;   /* bits 7-4 of it, and CR8 */
	uint8_t sync_valid; /* sets that the last KVM_RUN left in struct kvm_run */
	uint32_t mxcsr;
	uint32_t immediate_runs; /* KVM_RUN with immediate_exit, one after the other, that did
				    nothing */
	uint64_t apic_base;
	uint64_t cpuid_hash;
	uint64_t sync_hash[STATE_SYNC_SETS];
};

/* TSC frequencies that are not numbers. */
#define STATE_KHZ_UNKNOWN 0
#define STATE_KHZ_HOST	  UINT64_MAX /* the host's own, which nobody has told */

struct state_vcpu {
	uint32_t id;	 /* tape object */
	uint64_t number; /* vCPU id, UINT64_MAX = not known */
	bool fresh; /* its creation is on the tape: what the documents say of a new vCPU holds */
	enum state_tri has_run; /* guest code may have run */
	uint32_t running;	/* KVM_RUN calls that have not returned, and let the guest run */
	uint32_t inside;	/* KVM_RUN calls of any kind that have not returned */
	uint32_t shared;	/* other copies of the VM that point to this vCPU, too */
	/* A KVM_RUN that is not on the tape may be under way: it began before the recording, or in
	 * a gap. */
	bool unseen_run;
	bool guest_clean;   /* nothing was learned since state_vcpu_guest_ran(): it need not be done
			     * again.   The core clears it before every judgement but KVM_RUN's. */
	uint64_t first_run; /* model sequence number of the first KVM_RUN, 0 = none seen */
	uint64_t last_run_end; /* and of the last return of one */
	enum state_tri has_lapic;
	enum state_tri cpuid_set;
	struct state_block blocks[STATE_VCPU_BLOCKS];
	struct state_set msrs;	/* key: index, value[0]: data */
	struct state_set caps;	/* enabled: key: capability, value: args[0..3] */
	struct state_set attrs; /* device attributes: key: group << 32 | attr, value[0] */
	struct state_block run; /* struct kvm_run after the last KVM_RUN, as the kernel left it */
	enum state_tri pending_exit; /* an exit is waiting to be completed by the next KVM_RUN */
	uint32_t last_exit;	     /* exit_reason of the last KVM_RUN that returned 0 */
	uint64_t tsc_khz;	     /* STATE_KHZ_* if it is not a known number */
	uint64_t mcg_cap;	     /* UINT64_MAX = not known */
	uint32_t debug_control;	     /* kvm_guest_debug.control */
	enum state_tri debug_known;
	/*
	 * Reserved for rules of one area, see the .c file that uses them; zero is "not known".  The
	 * first is a mask of flags: when everything becomes unknown, those of STATE_DOUBTS, which
	 * say what may have been, are set, those of STATE_SEEN stay, and others are cleared.
	 */
	uint64_t scratch[8];
	struct state_given given;
};
#define STATE_DOUBTS 0x7fff0000u
#define STATE_SEEN   0x0000ff00u

struct state_device {
	uint32_t id;
	uint64_t type; /* UINT64_MAX = not known */
	bool closed;
	struct state_set attrs; /* key: group << 32 | attr, value[0] */
};

struct state_vm {
	uint32_t id; /* tape object */
	bool fresh;  /* its creation is on the tape */
	enum state_irqchip irqchip;
	enum state_tri pit;
	enum state_tri has_vcpus;
	uint32_t running;      /* vCPUs inside KVM_RUN now */
	bool guest_clean;      /* as in struct state_vcpu */
	uint64_t last_run_end; /* model sequence number of the last return of a KVM_RUN of any vCPU
				*/
	enum state_tri has_run;
	struct state_vcpu **vcpus;
	uint32_t vcpu_count;
	struct state_device **devices;
	uint32_t device_count;
	struct state_block blocks[STATE_VM_BLOCKS];
	struct state_set slots; /* key: slot (as_id << 16 | id), value: gpa, size, hva, flags */
	struct state_set
		ioeventfds; /* key: addr, key2: fd | len << 32 | flags << 40; value[0]: datamatch */
	struct state_set irqfds; /* key: fd, key2: gsi */
	struct state_set zones;	 /* coalesced: key: addr, key2: size | pio << 32 */
	struct state_set routes; /* key: position, value: packed entry */
	struct state_set caps;	 /* enabled: key: capability, value: args[0..3] */
	struct state_set facts;	 /* the rest, key: a kind of model/areas/vm.h, key2: which one */
	enum state_tri routes_known;
	uint64_t identity_map; /* UINT64_MAX = not known */
	uint64_t boot_cpu;
	uint64_t tsc_khz; /* of vCPUs to come, as theirs */
	/* Up to this model sequence number there may have been no slot. */
	uint64_t slots_since;
	uint64_t scratch[8];
	/* Model sequence number of the last KVM_GET_CLOCK, 0 = none seen; for advice only. */
	uint64_t clock_read;
};

/*
 * What the answers of /dev/kvm itself were.  They hold for the whole machine and are never
 * forgotten: the documents let them vary with kernel and processor only.
 */
struct state_system {
	struct state_set caps;	   /* key: capability, value[0]: answer of KVM_CHECK_EXTENSION */
	struct state_set msrs;	   /* feature MSRs. key: index, value[0]: data */
	struct state_set features; /* key: an index of KVM_GET_MSR_FEATURE_INDEX_LIST */
	struct state_set attrs;	   /* key: group << 32 | attr, value[0] */
	struct state_set numbers;  /* key: enum of system.c, value[0] */
	bool typed_vm;		   /* a VM of another type than 0 was made */
	struct state_block msr_list;
	struct state_block feature_list;
	struct state_block cpuid; /* entries of KVM_GET_SUPPORTED_CPUID */
	struct state_block emulated_cpuid;
	struct state_block hv_cpuid;	       /* of KVM_GET_SUPPORTED_HV_CPUID */
	struct state_block machine_facilities; /* s390: what the host has */
	struct state_block machine_features;
	struct state_block machine_subfunctions;
};
void state_system_release(struct state_system *s);
/* 0, -ENOMEM: *to is to be released all the same. */
int state_system_copy(struct state_system *to, const struct state_system *from);

struct state_vm *state_vm_new(uint32_t id, bool fresh);
struct state_vm *state_vm_copy(const struct state_vm *vm);
/*
 * A copy whose vCPUs are those of the original, but for one (`vcpu`; 0 = none): only that one may
 * be changed in it.
 */
struct state_vm *state_vm_copy_sharing(const struct state_vm *vm, uint32_t vcpu);
/*
 * Two states with the same hash are the same.  vCPUs that a copy shares with its original are left
 * out: states are comparable if they are copies of one VM that share the same ones.
 */
struct state_hash {
	uint64_t word[2];
};
struct state_hash state_vm_hash(const struct state_vm *vm);
void state_vm_free(struct state_vm *vm);
struct state_vcpu *state_vm_add_vcpu(struct state_vm *vm, uint32_t id, uint64_t number, bool fresh);
struct state_device *state_vm_add_device(struct state_vm *vm, uint32_t id, uint64_t type,
					 bool closed);
struct state_vcpu *state_vm_vcpu(struct state_vm *vm, uint32_t id);
const struct state_vcpu *state_vm_vcpu_number(const struct state_vm *vm, uint64_t number);
struct state_device *state_vm_device(struct state_vm *vm, uint32_t id);
/*
 * What the two do not agree on becomes unknown in `vm`; both come of the same calls in two orders.
 * False if they differ in what cannot be forgotten by itself: the caller is to forget all that the
 * calls wrote.
 */
bool state_vm_meet(struct state_vm *vm, const struct state_vm *other);
/* Everything becomes unknown. */
void state_vm_forget(struct state_vm *vm);
void state_vcpu_forget(struct state_vcpu *vcpu);
/* Calls are missing on the tape: all is forgotten, and any vCPU may be in an unseen KVM_RUN. */
void state_vm_gap(struct state_vm *vm);
/* A vCPU may be in a KVM_RUN that is not on the tape; of vCPUs that the model does not know, too.
 */
bool state_vm_unseen_run(const struct state_vm *vm);
/* What guest code can change becomes unknown, as when a vCPU enters the guest. */
void state_vm_guest_ran(struct state_vm *vm);
void state_vcpu_guest_ran(struct state_vcpu *vcpu);

#endif
