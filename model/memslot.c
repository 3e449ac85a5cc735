/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory: slots (api.rst 4.35, 4.140), dirty log (4.8, 4.117), the TSS and identity map
 * addresses (4.36, 4.40), KVM_SET_NR_MMU_PAGES.
 *
 * A slot of state_vm.slots: key = as_id << 16 | id, value = { gpa, size, hva, flags }.
 */
#include <linux/kvm.h>

#include "model/internal.h"
#include "model/vm.h"

#define PAGE	    4096ull
#define MAX_PAGES   0x7fffffffull /* of one slot */
#define MAX_SLOTS   32767	  /* ids, internal ones included */
#define KNOWN_FLAGS (KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY | KVM_MEM_GUEST_MEMFD)

enum { GPA, SIZE, HVA, FLAGS };

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

/* A slot of the same address space that the range collides with, `except` aside. */
static const struct state_entry *collision(const struct state_vm *vm, uint64_t except, uint64_t gpa,
					   uint64_t size)
{
	for (uint32_t i = 0; i < vm->slots.count; i++) {
		const struct state_entry *e = &vm->slots.entries[i];

		if (e->key >> 16 == except >> 16 && e->key != except && e->known &&
		    overlaps(gpa, size, e->value[GPA], e->value[SIZE]))
			return e;
	}
	return NULL;
}

/* Slots that a back end makes for itself: APIC access page, TSS, identity map. */
static bool near_internal_slot(const struct state_vm *vm, uint64_t gpa, uint64_t size)
{
	uint64_t tss = vm->scratch[VM_SCRATCH_TSS];
	uint64_t map = vm->identity_map;

	if (overlaps(gpa, size, 0xfee00000, PAGE) || overlaps(gpa, size, 0xfffbc000, PAGE))
		return true;
	if (tss ? overlaps(gpa, size, tss - 1, 3 * PAGE) : vm->slots.open)
		return true;
	return map != UINT64_MAX && overlaps(gpa, size, map, PAGE);
}

struct region {
	uint64_t slot, flags, gpa, size, hva;
};

static bool region_read(struct judge *j, struct region *r)
{
	return J_IN(j, struct kvm_userspace_memory_region, slot, &r->slot) &&
	       J_IN(j, struct kvm_userspace_memory_region, flags, &r->flags) &&
	       J_IN(j, struct kvm_userspace_memory_region, guest_phys_addr, &r->gpa) &&
	       J_IN(j, struct kvm_userspace_memory_region, memory_size, &r->size) &&
	       J_IN(j, struct kvm_userspace_memory_region, userspace_addr, &r->hva);
}

/* What the numbers alone forbid (the order does not matter, all of it is EINVAL). R_NONE if
 * nothing. */
static uint16_t region_invalid(const struct judge *j, const struct region *r, bool second)
{
	int32_t most = j_cap(j, KVM_CAP_NR_MEMSLOTS);
	int32_t spaces = j_cap(j, KVM_CAP_MULTI_ADDRESS_SPACE);
	uint64_t id = r->slot & 0xffff, space = r->slot >> 16;

	if (r->flags & ~(uint64_t)KNOWN_FLAGS || (!second && r->flags & KVM_MEM_GUEST_MEMFD))
		return R_MEMORY_REGION_FLAGS;
	if (r->flags & KVM_MEM_READONLY && j_cap(j, KVM_CAP_READONLY_MEM) == 0)
		return R_MEMORY_REGION_FLAGS;
	if (id >= MAX_SLOTS || (most > 0 && id >= (uint64_t)most))
		return R_MEMORY_REGION_SLOT_ID;
	if (spaces != INT32_MIN && space >= (uint64_t)(spaces > 1 ? spaces : 1))
		return R_MEMORY_REGION_SPACE;
	if (r->size % PAGE || r->gpa % PAGE || r->hva % PAGE)
		return R_MEMORY_REGION_ALIGNED;
	if (r->hva >> 63 || (r->hva + r->size) >> 63 || r->hva + r->size < r->hva)
		return R_MEMORY_REGION_USER_ADDRESS;
	if (r->gpa + r->size < r->gpa || r->size / PAGE > MAX_PAGES)
		return R_MEMORY_REGION_RANGE;
	return R_NONE;
}

/* Errors that nothing on the tape decides: limits of the host. */
static void region_host_limits(struct judge *j, const struct region *r)
{
	/* The highest physical address, and the highest user address, are the host's. */
	if (r->gpa + r->size > 1ull << 36 || r->hva + r->size > 0x7ffffffff000ull)
		j_may_fail(j, R_MEMORY_REGION_HOST_LIMIT, EINVAL);
	if (j_cap(j, KVM_CAP_NR_MEMSLOTS) == INT32_MIN && (r->slot & 0xffff) >= 509)
		j_may_fail(j, R_MEMORY_REGION_SLOT_ID, EINVAL);
	/* VMs of other types than 0 may have one address space, and no read-only memory. */
	if (r->slot >> 16 || vm_typed(j))
		j_may_fail(j, R_MEMORY_REGION_SPACE, EINVAL);
	if (r->flags & KVM_MEM_READONLY && j_cap(j, KVM_CAP_READONLY_MEM) < 0)
		j_may_fail(j, R_MEMORY_REGION_FLAGS, EINVAL);
	if (model_facts(j->m)->arch == KVMAPI_X86)
		return;
	/* Elsewhere pages may be larger, and addresses of guests are not of 2^36 bytes. */
	if ((r->gpa | r->size | r->hva) % (16 * PAGE))
		j_may_fail(j, R_MEMORY_REGION_ALIGNED, EINVAL);
	if (r->gpa + r->size > 1ull << 32)
		j_may_fail(j, R_MEMORY_REGION_HOST_LIMIT, EFAULT);
}

/* What there is of the slot: true if its end (error or success) was said. */
static bool region_existing(struct judge *j, const struct region *r, const struct state_entry *old)
{
	const struct state_vm *vm = j->vm;

	if (!r->size) {
		if (old)
			return false;
		if (!vm->slots.open) {
			j_must_fail(j, R_MEMORY_REGION_DELETE_MISSING, EINVAL);
			return true;
		}
		j_may_fail(j, R_MEMORY_REGION_DELETE_MISSING, EINVAL);
		return false;
	}
	if (old && old->known &&
	    (old->value[HVA] != r->hva || old->value[SIZE] != r->size ||
	     ((old->value[FLAGS] ^ r->flags) & (KVM_MEM_READONLY | KVM_MEM_GUEST_MEMFD)) ||
	     r->flags & KVM_MEM_GUEST_MEMFD)) {
		j_must_fail(j, R_MEMORY_REGION_IMMUTABLE, EINVAL);
		return true;
	}
	if (!old && vm->slots.open)
		j_may_fail(j, R_MEMORY_REGION_IMMUTABLE, EINVAL);
	if (old && old->known && old->value[GPA] == r->gpa)
		return false;
	if (collision(vm, r->slot, r->gpa, r->size)) {
		j_must_fail(j, R_MEMORY_REGION_OVERLAP, EEXIST);
		return true;
	}
	if (vm->slots.open || near_internal_slot(vm, r->gpa, r->size))
		j_may_fail(j, R_MEMORY_REGION_OVERLAP, EEXIST);
	return false;
}

static void region_store(struct judge *j, const struct region *r)
{
	struct state_set *slots = &j->vm->slots;
	struct state_entry *e = state_set_find(slots, r->slot, 0);

	if (!r->size) {
		if (e)
			state_set_remove(slots, e);
		return;
	}
	e = state_set_add(slots, r->slot, 0);
	if (!e) {
		j->oom = -ENOMEM;
		return;
	}
	*e = (struct state_entry){
		.key = r->slot, .known = 1, .value = {r->gpa, r->size, r->hva, r->flags}};
}

static void set_region(struct judge *j, bool second)
{
	struct region r;
	uint16_t invalid;

	if (!region_read(j, &r)) {
		/* Any slot may have come or gone. */
		state_set_clear(&j->vm->slots);
		j->vm->slots.open = true;
		j_skip(j, "argument not captured");
		return;
	}
	invalid = region_invalid(j, &r, second);
	if (invalid != R_NONE) {
		j_must_fail(j, invalid, EINVAL);
		return;
	}
	region_host_limits(j, &r);
	if (region_existing(j, &r, state_set_find(&j->vm->slots, r.slot, 0)))
		return;
	if (r.flags & KVM_MEM_GUEST_MEMFD) {
		if (!j_may_succeed(j, R_MEMORY_REGION_MEMFD,
				   "what stands behind guest_memfd is not on a tape"))
			return;
	} else if (!j_succeeds(j, R_MEMORY_REGION_SUCCEEDS)) {
		return;
	}
	region_store(j, &r);
}

/* api.rst 4.35 */
static void set_user_memory_region(struct judge *j)
{
	set_region(j, false);
}

/* api.rst 4.140 */
static void set_user_memory_region2(struct judge *j)
{
	if (j_cap(j, KVM_CAP_USER_MEMORY2) == 0) {
		j_must_fail(j, R_UNKNOWN_REQUEST_ENOTTY, ENOTTY);
		return;
	}
	set_region(j, true);
}

/* --- dirty log ------------------------------------------------------------------------------- */

/*
 * What GET and CLEAR have in common: true if the call's end was said.  The slot is *slot then, or
 * NULL when it is not known whether there is one.
 */
static bool dirty_slot(struct judge *j, uint64_t number, uint64_t first_page,
		       const struct state_entry **slot)
{
	int32_t most = j_cap(j, KVM_CAP_NR_MEMSLOTS);
	int32_t spaces = j_cap(j, KVM_CAP_MULTI_ADDRESS_SPACE);
	enum state_tri ring = vm_dirty_ring(j->vm);

	if (ring == STATE_YES) {
		j_must_fail(j, R_DIRTY_LOG_RING_ONLY, ENXIO);
		return true;
	}
	if (ring == STATE_UNKNOWN)
		j_may_fail(j, R_DIRTY_LOG_RING_ONLY, ENXIO);
	if ((most > 0 && (number & 0xffff) >= (uint64_t)most) ||
	    (spaces != INT32_MIN && number >> 16 >= (uint64_t)(spaces > 1 ? spaces : 1)) ||
	    first_page & 63) {
		j_must_fail(j, R_DIRTY_LOG_SLOT, EINVAL);
		return true;
	}
	if (most <= 0 || number >> 16)
		j_may_fail(j, R_DIRTY_LOG_SLOT, EINVAL);
	*slot = state_set_find(&j->vm->slots, number, 0);
	if (*slot && !(*slot)->known)
		*slot = NULL;
	if (*slot ? !((*slot)->value[FLAGS] & KVM_MEM_LOG_DIRTY_PAGES) : !j->vm->slots.open) {
		j_must_fail(j, R_DIRTY_LOG_NONE, ENOENT);
		return true;
	}
	if (!*slot)
		j_may_fail(j, R_DIRTY_LOG_NONE, ENOENT);
	return false;
}

/* api.rst 4.8 */
static void get_dirty_log(struct judge *j)
{
	const struct tape_part *bits = j_part(j, TAPE_NESTED_OUT);
	const struct state_entry *slot = NULL;
	uint64_t number;

	if (!J_IN(j, struct kvm_dirty_log, slot, &number)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (dirty_slot(j, number, 0, &slot))
		return;
	if (!slot) {
		j_may_succeed(j, R_DIRTY_LOG_SUCCEEDS, "the slot is not known");
		return;
	}
	if (!j_succeeds(j, R_DIRTY_LOG_SUCCEEDS) || !bits)
		return;
	/* The bitmap is made of 64-bit words of the host: little-endian bytes on x86. */
	for (uint64_t page = slot->value[SIZE] / PAGE; page < 8ull * bits->have; page++) {
		if (!j_check(j, R_DIRTY_LOG_WITHIN, !(bits->data[page / 8] >> page % 8 & 1),
			     "no bits beyond the slot", "bit %llu of a slot of %llu pages",
			     (unsigned long long)page,
			     (unsigned long long)(slot->value[SIZE] / PAGE)))
			return;
	}
}

/* api.rst 4.117 */
static void clear_dirty_log(struct judge *j)
{
	const struct state_entry *slot = NULL;
	uint64_t number, first, count, pages;

	if (!J_IN(j, struct kvm_clear_dirty_log, slot, &number) ||
	    !J_IN(j, struct kvm_clear_dirty_log, first_page, &first) ||
	    !J_IN(j, struct kvm_clear_dirty_log, num_pages, &count)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (dirty_slot(j, number, first, &slot))
		return;
	if (!slot) {
		j_may_fail(j, R_CLEAR_DIRTY_LOG_RANGE, EINVAL);
		j_may_succeed(j, R_CLEAR_DIRTY_LOG_SUCCEEDS, "the slot is not known");
		return;
	}
	pages = slot->value[SIZE] / PAGE;
	if (first > pages || count > pages - first || (count < pages - first && count & 63)) {
		j_must_fail(j, R_CLEAR_DIRTY_LOG_RANGE, EINVAL);
		return;
	}
	j_succeeds(j, R_CLEAR_DIRTY_LOG_SUCCEEDS);
}

/* api.rst 7.36 */
static void reset_dirty_rings(struct judge *j)
{
	enum state_tri ring = vm_dirty_ring(j->vm);

	if (ring == STATE_NO) {
		j_must_fail(j, R_RESET_DIRTY_RINGS_NONE, EINVAL);
		return;
	}
	if (ring == STATE_UNKNOWN)
		j_may_fail(j, R_RESET_DIRTY_RINGS_NONE, EINVAL);
	j_succeeds_value(j, R_RESET_DIRTY_RINGS_SUCCEEDS);
}

/* --- addresses of the back end, MMU pages ---------------------------------------------------- */

/* api.rst 4.36 */
static void set_tss_addr(struct judge *j)
{
	struct state_vm *vm = j->vm;
	uint64_t addr = j->call->arg;

	if (addr > 0xffffd000) {
		j_must_fail(j, R_SET_TSS_ADDR_RANGE, EINVAL);
		return;
	}
	if (vm_backend_may_be(j, "kvm_intel") &&
	    (addr % PAGE || vm->slots.open || collision(vm, 0x10000 - 1, addr, 3 * PAGE) ||
	     vm->scratch[VM_SCRATCH_TSS] || overlaps(addr, 3 * PAGE, 0xfee00000, PAGE))) {
		j_may_fail(j, R_SET_TSS_ADDR_CONFLICT, EEXIST);
		j_may_fail(j, R_SET_TSS_ADDR_CONFLICT, EINVAL);
	}
	if (j_succeeds(j, R_SET_TSS_ADDR_SUCCEEDS))
		vm->scratch[VM_SCRATCH_TSS] = 1 + addr;
}

/* api.rst 4.40 */
static void set_identity_map_addr(struct judge *j)
{
	struct state_vm *vm = j->vm;
	uint64_t addr = UINT64_MAX;

	if (vm->has_vcpus == STATE_YES) {
		j_must_fail(j, R_SET_IDENTITY_MAP_BEFORE_VCPUS, EINVAL);
		return;
	}
	if (vm->has_vcpus == STATE_UNKNOWN)
		j_may_fail(j, R_SET_IDENTITY_MAP_BEFORE_VCPUS, EINVAL);
	if (!j_succeeds(j, R_SET_IDENTITY_MAP_SUCCEEDS))
		return;
	j_field(j, j->in, 0, 8, &addr);
	vm->identity_map = addr;
}

static void set_nr_mmu_pages(struct judge *j)
{
	if (j->call->arg < 64)
		j_must_fail(j, R_SET_NR_MMU_PAGES_MINIMUM, EINVAL);
	else
		j_succeeds(j, R_SET_NR_MMU_PAGES_SUCCEEDS);
}

/* Removed from KVM after 6.1. */
static void get_nr_mmu_pages(struct judge *j)
{
	j_may_fail(j, R_GET_NR_MMU_PAGES_REMOVED, ENOTTY);
	j_may_succeed(j, R_GET_NR_MMU_PAGES_VALUE, "the ioctl was taken out of later kernels");
}

/* api.rst 4.141 */
static void set_memory_attributes(struct judge *j)
{
	uint64_t address, size, attributes, flags;

	if (j_cap(j, KVM_CAP_MEMORY_ATTRIBUTES) == 0)
		j_may_fail(j, R_UNKNOWN_REQUEST_ENOTTY, ENOTTY);
	if (!J_IN(j, struct kvm_memory_attributes, address, &address) ||
	    !J_IN(j, struct kvm_memory_attributes, size, &size) ||
	    !J_IN(j, struct kvm_memory_attributes, attributes, &attributes) ||
	    !J_IN(j, struct kvm_memory_attributes, flags, &flags)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (flags || !size || size % PAGE || address % PAGE || address + size < address) {
		j_must_fail(j, R_MEMORY_ATTRIBUTES_RANGE, EINVAL);
		return;
	}
	j_may_fail(j, R_MEMORY_ATTRIBUTES_UNSUPPORTED, EINVAL);
	j_may_succeed(j, R_MEMORY_ATTRIBUTES_SUCCEEDS,
		      "which attributes a VM takes hangs on its type");
}

const struct judge_handler model_memslot_handlers[] = {
	{"KVM_SET_USER_MEMORY_REGION", KVMAPI_VM, set_user_memory_region, NULL},
	{"KVM_SET_USER_MEMORY_REGION2", KVMAPI_VM, set_user_memory_region2, NULL},
	{"KVM_SET_MEMORY_ATTRIBUTES", KVMAPI_VM, set_memory_attributes, NULL},
	{"KVM_GET_DIRTY_LOG", KVMAPI_VM, get_dirty_log, NULL},
	{"KVM_CLEAR_DIRTY_LOG", KVMAPI_VM, clear_dirty_log, NULL},
	{"KVM_RESET_DIRTY_RINGS", KVMAPI_VM, reset_dirty_rings, NULL},
	{"KVM_SET_TSS_ADDR", KVMAPI_VM, set_tss_addr, NULL},
	{"KVM_SET_IDENTITY_MAP_ADDR", KVMAPI_VM, set_identity_map_addr, NULL},
	{"KVM_SET_NR_MMU_PAGES", KVMAPI_VM, set_nr_mmu_pages, NULL},
	{"KVM_GET_NR_MMU_PAGES", KVMAPI_VM, get_nr_mmu_pages, NULL},
	{NULL, 0, NULL, NULL},
};
