/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the model knows of a VM and its vCPUs: the fields of fields.def.  Every field is a value or
 * unknown; nothing points outside of the VM, so that a VM can be copied (state_vm_copy) when
 * several orders of calls must be tried.
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
/* It is certain; or it may be; or it is out of the question. */
static inline enum state_tri tri_may(bool certain, bool possible)
{
	return certain ? STATE_YES : possible ? STATE_UNKNOWN : STATE_NO;
}
static inline enum state_tri tri_and(enum state_tri a, enum state_tri b)
{
	if (a == STATE_NO || b == STATE_NO)
		return STATE_NO;
	return a == STATE_YES ? b : a;
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

/*
 * The parts of a VM's state, by which calls are told apart that read or write it (frame/touch.h).
 */
enum touch_part {
	TOUCH_OWN = 1 << 0,   /* the vCPU that the call is on */
	TOUCH_SLOTS = 1 << 1, /* memory slots, their dirty logs, guest memory files */
	TOUCH_MODE = 1 << 2,  /* whether there are interrupt controllers and a PIT */
	TOUCH_CHIPS = 1 << 3, /* their registers */
	TOUCH_ROUTES = 1 << 4,
	TOUCH_EVENTFDS = 1 << 5, /* eventfds and coalesced zones */
	TOUCH_CLOCK = 1 << 6,
	TOUCH_ANSWERS = 1 << 7, /* what KVM_CHECK_EXTENSION answered */
	TOUCH_REST = 1 << 8,	/* all else: which vCPUs there are, enabled capabilities, ... */
	TOUCH_ALL = (1 << 9) - 1,
};

/* Blocks that a GET reads back, of a VM and of a vCPU. */
enum state_vm_block {
#define VM_BLOCK(name, ...) name,
#include "model/state/fields.def"
	STATE_VM_BLOCKS,
};
enum state_vcpu_block {
#define VCPU_BLOCK(name, ...) name,
#include "model/state/fields.def"
	STATE_VCPU_BLOCKS,
};

#define STATE_NUMBER_UNKNOWN	   UINT64_MAX
/* Where the identity map is if nobody moved it. */
#define STATE_IDENTITY_MAP_DEFAULT 0xfffbc000ull
/* TSC frequencies that are not numbers. */
#define STATE_KHZ_UNKNOWN	   0
#define STATE_KHZ_HOST		   UINT64_MAX /* the host's own, which nobody has told */

/* The type of a field by its kind. */
#define STATE_TYPE_SURE	      bool
#define STATE_TYPE_FRESH      bool
#define STATE_TYPE_DOUBT      bool
#define STATE_TYPE_TRI	      enum state_tri
#define STATE_TYPE_DONE	      enum state_tri
#define STATE_TYPE_CHIPS      enum state_irqchip
#define STATE_TYPE_NUMBER     uint64_t
#define STATE_TYPE_EXIT	      uint32_t
#define STATE_TYPE_ZERO	      uint64_t
#define STATE_TYPE_KHZ	      uint64_t
#define STATE_TYPE_LATEST     uint64_t
#define STATE_TYPE_EARLIEST   uint64_t
#define STATE_TYPE_SURE_BITS  uint64_t
#define STATE_TYPE_DOUBT_BITS uint32_t
#define STATE_TYPE_COUNT      uint32_t
#define STATE_TYPE_BLOCK      struct state_block
#define STATE_TYPE_SET	      struct state_set
#define STATE_TYPE_SLOTS      struct state_set
#define STATE_TYPE_CAPS	      struct state_set
#define STATE_TYPE_VALUES     struct state_set
#define STATE_TYPE_GIVEN      struct state_given

struct state_given {
#define GIVEN_FIELD(kind, name, ...) STATE_TYPE_##kind name;
#include "model/state/fields.def"
};

struct state_vcpu {
	uint32_t id;	 /* tape object */
	uint32_t shared; /* other copies of the VM that point to this vCPU, too */
#define VCPU_FIELD(kind, name, ...) STATE_TYPE_##kind name;
#include "model/state/fields.def"
	struct state_block blocks[STATE_VCPU_BLOCKS];
};

struct state_device {
	uint32_t id;
#define DEVICE_FIELD(kind, name, ...) STATE_TYPE_##kind name;
#include "model/state/fields.def"
};

struct state_vm {
	uint32_t id; /* tape object */
	uint32_t vcpu_count;
	uint32_t device_count;
	struct state_vcpu **vcpus; /* by object, as devices */
	struct state_device **devices;
#define VM_FIELD(kind, name, ...) STATE_TYPE_##kind name;
#include "model/state/fields.def"
	struct state_block blocks[STATE_VM_BLOCKS];
};

/*
 * What the answers of /dev/kvm itself were.  They hold for the whole machine and are never
 * forgotten: the documents let them vary with kernel and processor only.
 */
struct state_system {
#define SYSTEM_FIELD(kind, name, ...) STATE_TYPE_##kind name;
#include "model/state/fields.def"
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
 * What the two do not agree on becomes unknown in `vm`, field by field; all else stays.  A vCPU or
 * device that only one of them has is there, and nothing is known of it.  False: no memory, and
 * what was done in part is still right of the one state only, so the caller is to forget all that
 * the calls wrote.
 */
bool state_vm_meet(struct state_vm *vm, const struct state_vm *other);
/* Everything becomes unknown. */
void state_vm_forget(struct state_vm *vm);
void state_vcpu_forget(struct state_vcpu *vcpu);
/* What belongs to these parts (a mask of enum touch_part) of the VM itself. */
void state_vm_forget_parts(struct state_vm *vm, uint16_t parts);
/* Calls are missing on the tape: all is forgotten, and any vCPU may be in an unseen KVM_RUN. */
void state_vm_gap(struct state_vm *vm);
/* A vCPU may be in a KVM_RUN that is not on the tape; of vCPUs that the model does not know, too.
 */
bool state_vm_unseen_run(const struct state_vm *vm);
/* What guest code can change becomes unknown, as when a vCPU enters the guest. */
void state_vm_guest_ran(struct state_vm *vm);
void state_vcpu_guest_ran(struct state_vcpu *vcpu);

#endif
