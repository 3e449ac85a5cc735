/* SPDX-License-Identifier: BSD-2-Clause */
/* What the handlers of system, VM and device calls share. */
#ifndef MODEL_VM_H
#define MODEL_VM_H

#include "model/areas/areas.h"

/* Keys of state_vm.caps: key2 tells what was enabled from what was answered. */
enum {
	VM_CAP_ENABLED = 0,
	VM_CAP_ANSWERED = 1,
};

/* Keys of state_vm.facts; key2 and value[0], value[1]: */
enum {
	VM_FACT_HYPERV = 0,    /* a connection that has an eventfd */
	VM_FACT_XEN_ATTR = 1,  /* a type of struct kvm_xen_hvm_attr: its value */
	VM_FACT_XEN_PORT = 2,  /* a port that is intercepted: its type, the port it leads to */
	VM_FACT_MEMFD = 3,     /* a descriptor of a guest memory file: its size, its flags */
	VM_FACT_BINDING = 4,   /* a slot with guest_memfd: descriptor, offset */
	VM_FACT_DIRTY_LOG = 5, /* a slot: see memslot.c */
	VM_FACT_MMU_PAGES = 6, /* what KVM_SET_NR_MMU_PAGES set last */
};
/* The fact, NULL = there is none. */
const struct state_entry *vm_fact(const struct question *q, uint64_t kind, uint64_t which);
/* There may be facts that the model has not seen. */
bool vm_facts_open(const struct question *q);
void vm_fact_set(struct learn *l, uint64_t kind, uint64_t which, uint64_t value, uint64_t value2);
void vm_fact_drop(struct learn *l, uint64_t kind, uint64_t which);
/* All of one kind. */
void vm_facts_drop(struct learn *l, uint64_t kind);

/* A capability was enabled on the VM; *arg is its args[0] then. */
enum state_tri vm_cap_enabled(const struct state_vm *vm, uint32_t cap, uint64_t *arg);

/* The VM's interrupt controllers are this kind (STATE_IRQCHIP_NONE: it has none in the kernel). */
enum state_tri vm_irqchip_is(const struct state_vm *vm, enum state_irqchip kind);
/* The ring (not the bitmap) logs dirty pages of this VM. */
enum state_tri vm_dirty_ring(const struct state_vm *vm);
/* A VM of another type than 0 was made on this tape. */
void vm_typed_seen(struct learn *l);
/* The VM of this call may be of another type than 0. */
bool vm_typed(const struct question *q);
/* A guest memory file of this size, made with these flags, has this descriptor now. */
void memslot_memfd(struct learn *l, uint64_t fd, uint64_t size, uint64_t flags);
/* Page tables may need more pages than the VM may have. */
bool vm_mmu_pages_may_lack(const struct question *q);
/* Where the identity map is to be there may be something else. */
bool memslot_identity_map_taken(const struct state_vm *vm);
/* The VM has local APICs, and there may be something where their page is to be. */
bool memslot_apic_page_taken(const struct state_vm *vm);
/* Handlers that stand in another file than their table. */
void memslot_answer_set_region(const struct question *q, struct answer *a);
void memslot_learn_set_region(struct learn *l);
void cap_answer_extension_system(const struct question *q, struct answer *a);
void cap_learn_extension_system(struct learn *l);

#endif
