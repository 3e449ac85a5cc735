/* SPDX-License-Identifier: BSD-2-Clause */
/* What the handlers of system, VM and device calls share. */
#ifndef MODEL_VM_H
#define MODEL_VM_H

#include "model/judge.h"

/* Keys of state_vm.caps: key2 tells what was enabled from what was answered. */
enum {
	VM_CAP_ENABLED = 0,
	VM_CAP_ANSWERED = 1,
};

/* Slots of state_vm.scratch. */
enum {
	VM_SCRATCH_TSS = 0,	  /* 1 + address of KVM_SET_TSS_ADDR, 0 = none seen */
	VM_SCRATCH_PIT_RESET = 1, /* what is known of the PIT is how KVM_CREATE_PIT2 left it */
	/* Memory encryption was used on the VM: it may answer as one of another type does. */
	VM_SCRATCH_ENCRYPTED = 2,
	/* What is known of a chip (a bit each) is how KVM_CREATE_IRQCHIP left it. */
	VM_SCRATCH_CHIP_RESET = 3,
	/* The PIT was made on the tape, and nothing was set that no i8254 has. */
	VM_SCRATCH_PIT_SANE = 4,
	VM_SCRATCH_CLOCK = 5, /* 1 + the last KVM_GET_CLOCK, 0 = none since KVM_SET_CLOCK */
};

/* A capability was enabled on the VM; *arg is its args[0] then. */
enum state_tri vm_cap_enabled(const struct state_vm *vm, uint32_t cap, uint64_t *arg);
/* Whether a value is as it was seen before under this key; it is remembered. */
void vm_constant(struct judge *j, uint16_t rule, const char *what, struct state_set *set,
		 uint64_t key, uint64_t key2, uint64_t value);
/* The new descriptor is that of the object the tape says the call made. */
void vm_created(struct judge *j, int64_t fd);
/* How many vCPUs the VM has at most that the model knows of; UINT32_MAX if there may be others. */
uint32_t vm_vcpus_most(const struct state_vm *vm);

/* The host's back end is this one, or not known. */
bool vm_backend_may_be(const struct judge *j, const char *name);
/* The ring (not the bitmap) logs dirty pages of this VM. */
enum state_tri vm_dirty_ring(const struct state_vm *vm);
/* A VM of another type than 0 was made on this tape. */
void vm_typed_seen(struct judge *j);
/* The VM of this call may be of another type than 0. */
bool vm_typed(const struct judge *j);
/* Kernels can be built without IOAPIC, PIC and PIT: then their calls are unknown requests. */
void vm_chips_may_lack(struct judge *j);
/* Handlers that stand in another file than their table. */
void cap_check_extension_system(struct judge *j);

#endif
