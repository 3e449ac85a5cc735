/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory: slots (api.rst 4.35, 4.140), dirty log (4.8, 4.117), the TSS and identity map
 * addresses (4.36, 4.40), KVM_SET_NR_MMU_PAGES.
 *
 * A slot of state_vm.slots: key = as_id << 16 | id, value = { gpa, size, hva, flags }.
 */
#include "kvmapi/kvm_newer.h"
#include "model/areas/vm.h"

#define X86_PAGE    4096ull
#define MAX_PAGES   0x7fffffffull /* of one slot */
#define MAX_SLOTS   32767	  /* ids, internal ones included */
#define KNOWN_FLAGS (KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY | KVM_MEM_GUEST_MEMFD)

#define APIC_ACCESS 0xfee00000ull

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

/*
 * Slots that a back end makes for itself, in all address spaces: the APIC access page, when the
 * first vCPU with a local APIC is made (kvm_intel with virtualised APIC accesses, kvm_amd with
 * AVIC); the TSS, by KVM_SET_TSS_ADDR, and the identity map, when the first vCPU is made
 * (kvm_intel without unrestricted guest).  What the processor can do and how the modules were
 * loaded is not on a tape: that each is there, and that it is not, is possible.
 */
static bool slots_meet(const struct state_vm *vm, uint64_t gpa, uint64_t size)
{
	if (vm->slots.open)
		return true;
	for (uint32_t i = 0; i < vm->slots.count; i++) {
		const struct state_entry *e = &vm->slots.entries[i];

		if (!e->known || overlaps(gpa, size, e->value[GPA], e->value[SIZE]))
			return true;
	}
	return false;
}

static bool tss_meets(const struct state_vm *vm, uint64_t gpa, uint64_t size)
{
	if (vm->tss_set == STATE_YES)
		return vm->tss == STATE_NUMBER_UNKNOWN ||
		       overlaps(gpa, size, vm->tss, 3 * X86_PAGE);
	return vm->tss_set == STATE_UNKNOWN || vm->slots.open;
}

static bool identity_map_meets(const struct state_vm *vm, uint64_t gpa, uint64_t size)
{
	uint64_t map = vm->identity_map;

	return map == STATE_NUMBER_UNKNOWN || overlaps(gpa, size, map, X86_PAGE);
}

bool memslot_identity_map_taken(const struct state_vm *vm)
{
	uint64_t map = vm->identity_map;

	return map >> 32 || map % X86_PAGE || slots_meet(vm, map, X86_PAGE) ||
	       tss_meets(vm, map, X86_PAGE) || overlaps(map, X86_PAGE, APIC_ACCESS, X86_PAGE);
}

bool memslot_apic_page_taken(const struct state_vm *vm)
{
	return vm->irqchip != STATE_IRQCHIP_NONE &&
	       (slots_meet(vm, APIC_ACCESS, X86_PAGE) || tss_meets(vm, APIC_ACCESS, X86_PAGE));
}

static bool near_internal_slot(const struct state_vm *vm, uint64_t gpa, uint64_t size)
{
	return overlaps(gpa, size, APIC_ACCESS, X86_PAGE) || tss_meets(vm, gpa, size) ||
	       overlaps(gpa, size, STATE_IDENTITY_MAP_DEFAULT, X86_PAGE) ||
	       identity_map_meets(vm, gpa, size);
}

struct region {
	uint64_t slot, flags, gpa, size, hva;
	uint64_t memfd, offset; /* with KVM_MEM_GUEST_MEMFD */
};

static bool region_read(const struct question *q, struct region *r, bool second)
{
	r->memfd = r->offset = 0;
	if (second &&
	    (!Q_IN(q, struct kvm_userspace_memory_region2, guest_memfd, &r->memfd) ||
	     !Q_IN(q, struct kvm_userspace_memory_region2, guest_memfd_offset, &r->offset)))
		return false;
	return Q_IN(q, struct kvm_userspace_memory_region, slot, &r->slot) &&
	       Q_IN(q, struct kvm_userspace_memory_region, flags, &r->flags) &&
	       Q_IN(q, struct kvm_userspace_memory_region, guest_phys_addr, &r->gpa) &&
	       Q_IN(q, struct kvm_userspace_memory_region, memory_size, &r->size) &&
	       Q_IN(q, struct kvm_userspace_memory_region, userspace_addr, &r->hva);
}

/* What the numbers alone forbid (the order does not matter, all of it is EINVAL). R_NONE if
 * nothing. */
static uint16_t region_invalid(const struct question *q, const struct region *r, bool second)
{
	int32_t most = q_cap(q, KVM_CAP_NR_MEMSLOTS);
	int32_t spaces = q_cap(q, KVM_CAP_MULTI_ADDRESS_SPACE);
	uint64_t id = r->slot & 0xffff, space = r->slot >> 16, page = q_page(q);

	if (r->flags & ~(uint64_t)KNOWN_FLAGS || (!second && r->flags & KVM_MEM_GUEST_MEMFD))
		return R_MEMORY_REGION_FLAGS;
	/* Without guest memory files the flag is one that the kernel does not know. */
	if (r->flags & KVM_MEM_GUEST_MEMFD && q_cap(q, KVM_CAP_GUEST_MEMFD) == 0)
		return R_MEMORY_REGION_FLAGS;
	if (r->flags & KVM_MEM_GUEST_MEMFD && (r->flags != KVM_MEM_GUEST_MEMFD ||
					       r->offset % page || r->offset + r->size < r->offset))
		return R_MEMORY_REGION_MEMFD_ARGUMENT;
	if (r->flags & KVM_MEM_READONLY && q_cap(q, KVM_CAP_READONLY_MEM) == 0)
		return R_MEMORY_REGION_FLAGS;
	if (id >= MAX_SLOTS || (most > 0 && id >= (uint64_t)most))
		return R_MEMORY_REGION_SLOT_ID;
	if (spaces != INT32_MIN && space >= (uint64_t)(spaces > 1 ? spaces : 1))
		return R_MEMORY_REGION_SPACE;
	if (r->size % page || r->gpa % page || r->hva % page)
		return R_MEMORY_REGION_ALIGNED;
	if (r->hva >> 63 || (r->hva + r->size) >> 63 || r->hva + r->size < r->hva)
		return R_MEMORY_REGION_USER_ADDRESS;
	if (r->gpa + r->size < r->gpa || r->size / page > MAX_PAGES)
		return R_MEMORY_REGION_RANGE;
	return R_NONE;
}

/* Errors that nothing on the tape decides: limits of the host. */
static void region_host_limits(const struct question *q, struct answer *a, const struct region *r)
{
	uint64_t tags;

	/* The highest physical address, and the highest user address, are the host's. */
	if (r->gpa + r->size > 1ull << 36 || r->hva + r->size > 0x7ffffffff000ull)
		a_may_fail_with(a, R_MEMORY_REGION_HOST_LIMIT, EINVAL);
	if (q_cap(q, KVM_CAP_NR_MEMSLOTS) == INT32_MIN && (r->slot & 0xffff) >= 509)
		a_may_fail(a, R_MEMORY_REGION_SLOT_ID);
	/* VMs of other types than 0 may have one address space, and no read-only memory. */
	if (vm_typed(q) || (r->slot >> 16 && q_cap(q, KVM_CAP_MULTI_ADDRESS_SPACE) < 0))
		a_may_fail(a, R_MEMORY_REGION_SPACE);
	if (r->flags & KVM_MEM_READONLY && q_cap(q, KVM_CAP_READONLY_MEM) < 0)
		a_may_fail(a, R_MEMORY_REGION_FLAGS);
	if (q->facts->arch == KVMAPI_X86)
		return;
	/* Elsewhere addresses of guests are not of 2^36 bytes. */
	if (r->gpa + r->size > 1ull << 32)
		a_may_fail_with(a, R_MEMORY_REGION_HOST_LIMIT, EFAULT);
	if (!(r->flags & KVM_MEM_READONLY))
		a_may_fail_with(a, R_MEMORY_REGION_USER_MEMORY, EPERM);
	/* The log of writes, and tags, are refused for some kinds of memory of the user. */
	if (r->flags & KVM_MEM_LOG_DIRTY_PAGES ||
	    vm_cap_enabled(q->vm, KVM_CAP_ARM_MTE, &tags) != STATE_NO)
		a_may_fail_with(a, R_MEMORY_REGION_USER_MEMORY, EINVAL);
}

/* With a slot of userspace, or maybe with one that KVM made for itself. */
static enum state_tri region_overlaps(const struct question *q, const struct region *r)
{
	const struct state_vm *vm = q->vm;

	if (collision(vm, r->slot, r->gpa, r->size))
		return STATE_YES;
	return vm->slots.open || (q->facts->arch == KVMAPI_X86 &&
				  near_internal_slot(vm, r->gpa, r->size))
		       ? STATE_UNKNOWN
		       : STATE_NO;
}

/* What there is of the slot: true if it must fail. */
static bool region_existing(const struct question *q, struct answer *a, const struct region *r)
{
	const struct state_set *slots = &q->vm->slots;
	const struct state_entry *old = state_set_find(slots, r->slot, 0);

	if (!r->size)
		return a_refuse(a, R_MEMORY_REGION_DELETE_MISSING,
				old	      ? STATE_NO
				: slots->open ? STATE_UNKNOWN
					      : STATE_YES);
	if (old && old->known &&
	    (a_refuse(a, R_MEMORY_REGION_MEMFD_STAYS,
		      tri(old->value[FLAGS] & KVM_MEM_GUEST_MEMFD &&
			  !(r->flags & KVM_MEM_GUEST_MEMFD) && old->value[HVA] == r->hva &&
			  old->value[SIZE] == r->size && !(r->flags & KVM_MEM_READONLY))) ||
	     a_refuse(a, R_MEMORY_REGION_IMMUTABLE,
		      tri(old->value[HVA] != r->hva || old->value[SIZE] != r->size ||
			  ((old->value[FLAGS] ^ r->flags) &
			   (KVM_MEM_READONLY | KVM_MEM_GUEST_MEMFD)) ||
			  r->flags & KVM_MEM_GUEST_MEMFD))))
		return true;
	if (!old && slots->open)
		a_may_fail(a, R_MEMORY_REGION_IMMUTABLE);
	if (old && old->known && old->value[GPA] == r->gpa)
		return false;
	return a_refuse(a, R_MEMORY_REGION_OVERLAP, region_overlaps(q, r));
}

/* --- guest memory files ---------------------------------------------------------------------- */

void memslot_memfd(struct learn *l, uint64_t fd, uint64_t size, uint64_t flags)
{
	struct state_set *facts = &l->vm->facts;

	/* Whatever file had this number is closed, and what was bound to it with it. */
	for (uint32_t i = facts->count; i-- > 0;) {
		if (facts->entries[i].key == VM_FACT_BINDING && facts->entries[i].value[0] == fd)
			state_set_remove(facts, &facts->entries[i]);
	}
	vm_fact_set(l, VM_FACT_MEMFD, fd, size, flags);
}

/* A slot is bound to a part of the file that the range meets. */
static enum state_tri memfd_bound(const struct question *q, const struct region *r)
{
	const struct state_set *facts = &q->vm->facts;

	for (uint32_t i = 0; i < facts->count; i++) {
		const struct state_entry *e = &facts->entries[i], *slot;

		if (e->key != VM_FACT_BINDING || e->value[0] != r->memfd)
			continue;
		slot = state_set_find(&q->vm->slots, e->key2, 0);
		if (slot && slot->known &&
		    overlaps(r->offset, r->size, e->value[1], slot->value[SIZE]))
			return STATE_YES;
	}
	return vm_facts_open(q) ? STATE_UNKNOWN : STATE_NO;
}

/*
 * What is known of the file behind the descriptor: true if an error is demanded.  The descriptor
 * may have been closed since, or be another one's by now.
 */
static bool memfd_refused(const struct question *q, struct answer *a, const struct region *r)
{
	const struct state_entry *file = vm_fact(q, VM_FACT_MEMFD, r->memfd);

	a_may_fail(a, R_MEMORY_REGION_MEMFD_DESCRIPTOR);
	if (!file) {
		a_may_fail(a, R_MEMORY_REGION_MEMFD_OVERLAP);
		return false;
	}
	/* arm64 has no VMs with private memory. */
	return a_refuse(a, R_ARM_MEMFD_PRIVATE,
			tri(q->facts->arch == KVMAPI_ARM64 &&
			    !(file->value[1] & GUEST_MEMFD_FLAG_MMAP) && !vm_typed(q))) ||
	       a_refuse(a, R_MEMORY_REGION_MEMFD_RANGE,
			tri(r->offset + r->size > file->value[0])) ||
	       a_refuse(a, R_MEMORY_REGION_MEMFD_OVERLAP, memfd_bound(q, r));
}

/* --- what the dirty log of a slot holds ------------------------------------------------------- */

/*
 * VM_FACT_DIRTY_LOG: value[0] = sequence number of the call that emptied the log last, 0 = not
 * known; value[1] = a bit for each thing known of it.  A slot without the fact has a log that was
 * empty when logging began.
 */
enum {
	LOG_FULL = 1, /* all bits are set, as they were when logging began */
	LOG_SET = 2,  /* bits may be set that no guest set */
};

/* Logging begins: 7.18 has it begin with all bits set, if that was asked for. */
static void log_begin(struct learn *l, uint64_t slot)
{
	uint64_t manual = 0;

	vm_fact_drop(l, VM_FACT_DIRTY_LOG, slot);
	switch (vm_cap_enabled(l->vm, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, &manual)) {
	case STATE_NO:
		return;
	case STATE_YES:
		if (manual & KVM_DIRTY_LOG_INITIALLY_SET)
			vm_fact_set(l, VM_FACT_DIRTY_LOG, slot, 0, LOG_FULL | LOG_SET);
		return;
	default:
		vm_fact_set(l, VM_FACT_DIRTY_LOG, slot, 0, LOG_SET);
		return;
	}
}

static void region_store(struct learn *l, const struct region *r)
{
	struct state_set *slots = &l->vm->slots;
	struct state_entry *e = state_set_entry(slots, r->slot, 0);
	bool logged = e && e->known && e->value[FLAGS] & KVM_MEM_LOG_DIRTY_PAGES;

	if (!r->size) {
		if (e)
			state_set_remove(slots, e);
		vm_fact_drop(l, VM_FACT_BINDING, r->slot);
		vm_fact_drop(l, VM_FACT_DIRTY_LOG, r->slot);
		return;
	}
	if (r->flags & KVM_MEM_GUEST_MEMFD)
		vm_fact_set(l, VM_FACT_BINDING, r->slot, r->memfd, r->offset);
	if (!logged && r->flags & KVM_MEM_LOG_DIRTY_PAGES)
		log_begin(l, r->slot);
	/* It may have been there before, with a log. */
	if (!logged && r->flags & KVM_MEM_LOG_DIRTY_PAGES && (e ? !e->known : slots->open))
		vm_fact_set(l, VM_FACT_DIRTY_LOG, r->slot, 0, LOG_SET);
	if (!slots->count)
		l->vm->slots_since = l->q->left;
	e = state_set_add(slots, r->slot, 0);
	if (!e) {
		l->oom = -ENOMEM;
		return;
	}
	*e = (struct state_entry){
		.key = r->slot, .known = 1, .value = {r->gpa, r->size, r->hva, r->flags}};
}

static void answer_region(const struct question *q, struct answer *a, bool second)
{
	struct region r;
	uint16_t invalid;

	if (!region_read(q, &r, second)) {
		a_skip(a, "argument not captured");
		return;
	}
	invalid = region_invalid(q, &r, second);
	if (invalid != R_NONE) {
		a_must_fail(a, invalid);
		return;
	}
	region_host_limits(q, a, &r);
	if (region_existing(q, a, &r))
		return;
	if (!(r.flags & KVM_MEM_GUEST_MEMFD))
		a_succeeds(a, R_MEMORY_REGION_SUCCEEDS);
	else if (!memfd_refused(q, a, &r))
		a_may_succeed(a, R_MEMORY_REGION_MEMFD,
			      "what stands behind guest_memfd is not on a tape");
}

static void learn_region(struct learn *l, bool second)
{
	struct region r;

	if (!l->succeeded)
		return;
	if (region_read(l->q, &r, second)) {
		region_store(l, &r);
		return;
	}
	/* Any slot may have come or gone. */
	state_set_clear(&l->vm->slots);
	l->vm->slots.open = true;
}

/* api.rst 4.35 */
void memslot_answer_set_region(const struct question *q, struct answer *a)
{
	answer_region(q, a, false);
}

void memslot_learn_set_region(struct learn *l)
{
	learn_region(l, false);
}

/* api.rst 4.140 */
static void answer_set_region2(const struct question *q, struct answer *a)
{
	const enum state_tri lacks = q_lacks(q, KVM_CAP_USER_MEMORY2);
	/* Behind the number of an ioctl that generic code does not know is the architecture. */
	const bool arch_asked = q->facts->arch == KVMAPI_ARM64 && lacks == STATE_UNKNOWN;

	if (a_refuse(a, R_UNKNOWN_REQUEST_ENOTTY, tri_may(lacks == STATE_YES, arch_asked)))
		return;
	if (arch_asked)
		a_may_fail(a, R_UNKNOWN_VM_EINVAL);
	answer_region(q, a, true);
}

static void learn_set_region2(struct learn *l)
{
	learn_region(l, true);
}

/* --- dirty log ------------------------------------------------------------------------------- */

/* What GET and CLEAR have in common: true if the call must fail. */
static bool log_refused(const struct question *q, struct answer *a, uint64_t number,
			uint64_t first_page)
{
	const struct state_entry *slot = state_set_find(&q->vm->slots, number, 0);
	int32_t most = q_cap(q, KVM_CAP_NR_MEMSLOTS);
	int32_t spaces = q_cap(q, KVM_CAP_MULTI_ADDRESS_SPACE);
	bool known = slot && slot->known;

	if (a_refuse(a, R_DIRTY_LOG_RING_ONLY, vm_dirty_ring(q->vm)) ||
	    a_refuse(a, R_DIRTY_LOG_SLOT,
		     tri((most > 0 && (number & 0xffff) >= (uint64_t)most) ||
			 (spaces != INT32_MIN &&
			  number >> 16 >= (uint64_t)(spaces > 1 ? spaces : 1)) ||
			 first_page & 63)))
		return true;
	/* A slot that is there has a number that slots can have. */
	if (!known && (most <= 0 || number >> 16))
		a_may_fail(a, R_DIRTY_LOG_SLOT);
	return a_refuse(a, R_DIRTY_LOG_NONE,
			known		    ? tri(!(slot->value[FLAGS] & KVM_MEM_LOG_DIRTY_PAGES))
			: q->vm->slots.open ? STATE_UNKNOWN
					    : STATE_YES);
}

/* The slot with a dirty log that has this number; NULL: there is none, or it is not known. */
static const struct state_entry *logged_slot(const struct question *q, uint64_t number)
{
	const struct state_entry *slot = state_set_find(&q->vm->slots, number, 0);

	return slot && slot->known && slot->value[FLAGS] & KVM_MEM_LOG_DIRTY_PAGES &&
			       vm_dirty_ring(q->vm) != STATE_YES
		       ? slot
		       : NULL;
}

static uint64_t slot_pages(const struct question *q, const struct state_entry *slot)
{
	return slot->value[SIZE] / q_page(q);
}

/* Calls on the dirty log that follow upon each other: no guest and nothing else can set bits. */
static void log_sequence(struct learn *l)
{
	struct state_vm *vm = l->vm;

	if (q_vm_ran(l->q))
		vm->dirty_last = 0;
	/* Each call counts one at its beginning and one at its end. */
	if (!vm->dirty_last || l->q->entered != vm->dirty_last + 2)
		vm->dirty_first = l->q->entered;
	vm->dirty_last = l->q->entered;
}

/* A bit of a dirty log, which is made of 64-bit words of the host. */
static bool page_bit(const struct question *q, const struct tape_part *bits, uint64_t page)
{
	uint64_t byte = page / 8;

	if (q->facts->big_endian)
		byte ^= 7;
	return byte < bits->have && bits->data[byte] >> page % 8 & 1;
}

static bool log_full(const struct question *q, uint64_t number)
{
	const struct state_entry *fact = vm_fact(q, VM_FACT_DIRTY_LOG, number);

	return fact && fact->value[1] & LOG_FULL;
}

static bool log_empty(const struct question *q, uint64_t number)
{
	const struct state_vm *vm = q->vm;
	const struct state_entry *fact = vm_fact(q, VM_FACT_DIRTY_LOG, number);
	uint64_t emptied = fact ? fact->value[0] : 0, known = fact ? fact->value[1] : 0;

	/* On x86 nothing but vCPUs, and what is called on them, writes to a guest. */
	return (q->facts->arch == KVMAPI_X86 && vm->has_vcpus == STATE_NO && !(known & LOG_SET) &&
		!vm_facts_open(q) &&
		!vm_fact(q, VM_FACT_XEN_ATTR, KVM_XEN_ATTR_TYPE_SHARED_INFO)) ||
	       (!q_vm_ran(q) && emptied && emptied >= vm->dirty_first);
}

/* The bits of a log that was given, against what is known of it. */
static void check_log(const struct question *q, struct judge *j)
{
	const struct tape_part *bits = j_part(j, TAPE_NESTED_OUT);
	bool full, empty;
	uint64_t number, pages;

	if (!bits || !Q_IN(q, struct kvm_dirty_log, slot, &number))
		return;
	full = log_full(q, number);
	empty = log_empty(q, number);
	pages = slot_pages(q, logged_slot(q, number));
	for (uint64_t page = 0; (full || empty) && page < pages && page < 8ull * bits->have;
	     page++) {
		bool set = page_bit(q, bits, page);

		if (full ? !j_check(j, R_DIRTY_LOG_INITIALLY_SET, set, "all bits set",
				    "bit %llu is clear", (unsigned long long)page)
			 : !j_check(j, R_DIRTY_LOG_CLEARED, !set, "no bits set", "bit %llu",
				    (unsigned long long)page))
			return;
	}
	for (uint64_t page = pages; page < 8ull * bits->have; page++) {
		if (!j_check(j, R_DIRTY_LOG_WITHIN, !page_bit(q, bits, page),
			     "no bits beyond the slot", "bit %llu of a slot of %llu pages",
			     (unsigned long long)page, (unsigned long long)pages))
			return;
	}
}

/* api.rst 4.8 */
static void answer_get_dirty_log(const struct question *q, struct answer *a)
{
	const struct state_entry *slot;
	uint64_t number, whole;

	if (!Q_IN(q, struct kvm_dirty_log, slot, &number)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (log_refused(q, a, number, 0))
		return;
	a_buffer_may_fault(a, TAPE_NESTED_OUT);
	slot = logged_slot(q, number);
	if (!slot) {
		a_may_succeed(a, R_DIRTY_LOG_SUCCEEDS, "the slot is not known");
		return;
	}
	a_succeeds(a, R_DIRTY_LOG_SUCCEEDS);
	/* Of the last word the slot may have a part. */
	whole = slot_pages(q, slot) / 64 * 8;
	if (log_full(q, number))
		a_determined(a, R_DIRTY_LOG_INITIALLY_SET, TAPE_NESTED_OUT, 0, whole);
	else if (log_empty(q, number))
		a_determined(a, R_DIRTY_LOG_CLEARED, TAPE_NESTED_OUT, 0, whole);
	if (slot_pages(q, slot) % 64)
		a_constrained(a, R_DIRTY_LOG_WITHIN, TAPE_NESTED_OUT, whole, 8);
	a_check(a, check_log);
}

static void settle_get_dirty_log(struct learn *l)
{
	uint64_t number;

	if (Q_IN(l->q, struct kvm_dirty_log, slot, &number))
		log_sequence(l);
}

static void learn_get_dirty_log(struct learn *l)
{
	uint64_t number, manual = 0;
	enum state_tri protect;

	if (!Q_IN(l->q, struct kvm_dirty_log, slot, &number) || !logged_slot(l->q, number))
		return;
	protect = vm_cap_enabled(l->vm, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, &manual);
	if (protect == STATE_YES && !(manual & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE))
		protect = STATE_NO;
	/* Without manual protection the log is empty now; if the call failed, bits may have been
	 * taken before they could not be written, see D-29. */
	if (!l->succeeded || protect == STATE_UNKNOWN)
		vm_fact_set(l, VM_FACT_DIRTY_LOG, number, 0, LOG_SET);
	else if (protect == STATE_NO)
		vm_fact_set(l, VM_FACT_DIRTY_LOG, number, q_vm_ran(l->q) ? 0 : l->q->entered, 0);
}

struct log_range {
	uint64_t number, first, count;
};

static bool log_range_read(const struct question *q, struct log_range *r)
{
	return Q_IN(q, struct kvm_clear_dirty_log, slot, &r->number) &&
	       Q_IN(q, struct kvm_clear_dirty_log, first_page, &r->first) &&
	       Q_IN(q, struct kvm_clear_dirty_log, num_pages, &r->count);
}

static bool log_range_within(const struct log_range *r, uint64_t pages)
{
	return r->first <= pages && r->count <= pages - r->first &&
	       (r->count == pages - r->first || !(r->count & 63));
}

/* api.rst 4.117 */
static void answer_clear_dirty_log(const struct question *q, struct answer *a)
{
	const struct state_entry *slot;
	struct log_range r;

	if (!log_range_read(q, &r)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (!q_applies(q, R_CLEAR_DIRTY_LOG_SUCCEEDS)) {
		a_may_succeed(a, R_CLEAR_DIRTY_LOG_SUCCEEDS, "not every architecture has it");
		return;
	}
	if (log_refused(q, a, r.number, r.first))
		return;
	slot = logged_slot(q, r.number);
	if (a_refuse(a, R_CLEAR_DIRTY_LOG_RANGE,
		     slot ? tri(!log_range_within(&r, slot_pages(q, slot))) : STATE_UNKNOWN))
		return;
	if (!slot) {
		a_may_succeed(a, R_CLEAR_DIRTY_LOG_SUCCEEDS, "the slot is not known");
		return;
	}
	a_buffer_may_fault(a, TAPE_NESTED_IN);
	a_succeeds(a, R_CLEAR_DIRTY_LOG_SUCCEEDS);
}

static void settle_clear_dirty_log(struct learn *l)
{
	struct log_range r;

	if (log_range_read(l->q, &r) && q_applies(l->q, R_CLEAR_DIRTY_LOG_SUCCEEDS))
		log_sequence(l);
}

/* A call that failed may have cleared bits, too. */
static void learn_clear_dirty_log(struct learn *l)
{
	const struct state_entry *slot;
	struct state_entry *fact;
	struct log_range r;

	if (!log_range_read(l->q, &r) || !q_applies(l->q, R_CLEAR_DIRTY_LOG_SUCCEEDS) ||
	    r.first & 63)
		return;
	slot = logged_slot(l->q, r.number);
	fact = state_set_entry(&l->vm->facts, VM_FACT_DIRTY_LOG, r.number);
	if (fact && slot && log_range_within(&r, slot_pages(l->q, slot)))
		fact->value[1] &= ~(uint64_t)LOG_FULL;
}

/* --- dirty rings ----------------------------------------------------------------------------- */

/* The entries that were harvested, up to the first that was not; *odd: one behind that, or the
 * number of all. */
static uint32_t ring_harvested(const struct question *q, const struct tape_part *ring,
			       uint32_t *odd)
{
	const uint32_t count = ring->have / KVMAPI_RING_ENTRY;
	uint32_t harvested = 0;
	bool gap = false;

	for (*odd = 0; *odd < count; ++*odd) {
		const uint8_t *entry = ring->data + (size_t)*odd * KVMAPI_RING_ENTRY;

		if (!(q_number(q, entry, 4) & KVMAPI_RING_HARVESTED))
			gap = true;
		else if (gap)
			break;
		else
			harvested++;
	}
	return harvested;
}

/*
 * What the rings held when the call began, if the tape has it.  Other threads can harvest more
 * meanwhile, and guests add more, so only where no guest ran it is sure how many there can be.
 */
static void check_rings(const struct question *q, struct judge *j)
{
	uint64_t held = 0, harvested = 0;
	bool any = false, whole = true;

	for (unsigned int n = 0; n < TAPE_NESTED_POINTERS; n++) {
		const struct tape_part *ring = q_part(q, (enum tape_role)(TAPE_NESTED_IN + n));
		uint32_t odd;

		if (!ring)
			continue;
		any = true;
		whole = whole && !ring->flags && ring->have == ring->want;
		held += ring->want / KVMAPI_RING_ENTRY;
		harvested += ring_harvested(q, ring, &odd);
		if (odd < ring->have / KVMAPI_RING_ENTRY)
			j_advise(j, R_LINT_DIRTY_RING_ORDER,
				 "ring %u: entry %u is harvested, and one before it is not", n,
				 odd);
	}
	if (!any || !whole || j->ret->overlapped || q_vm_ran(q))
		return;
	j_constrain_result(j);
	if (j_check(j, R_RESET_DIRTY_RINGS_COUNT, (uint64_t)j->ret->ret <= held,
		    "no more than the rings hold", "%lld of %llu entries", (long long)j->ret->ret,
		    (unsigned long long)held))
		j_equal_result(j, R_RESET_DIRTY_RINGS_HARVESTED, "harvested entries", harvested);
}

/* The harvested entries of all rings that the tape has. */
static int64_t rings_harvested(const struct question *q)
{
	int64_t harvested = 0;

	for (unsigned int n = 0; n < TAPE_NESTED_POINTERS; n++) {
		const struct tape_part *ring = q_part(q, (enum tape_role)(TAPE_NESTED_IN + n));
		uint32_t odd;

		if (ring)
			harvested += ring_harvested(q, ring, &odd);
	}
	return harvested;
}

/* api.rst 7.36 */
static void answer_reset_dirty_rings(const struct question *q, struct answer *a)
{
	if (a_refuse(a, R_UNKNOWN_REQUEST_ENOTTY,
		     tri(q_changed(q, CHANGE_DIRTY_RINGS) == STATE_NO)) ||
	    a_refuse(a, R_RESET_DIRTY_RINGS_NONE, tri_not(vm_dirty_ring(q->vm))))
		return;
	a_succeeds_value(a, R_RESET_DIRTY_RINGS_SUCCEEDS);
	if (a_wants(a, ANSWER_SUGGEST_RESULT))
		a_suggest_result(a, rings_harvested(q));
	a_check(a, check_rings);
}

/* --- addresses of the back end, MMU pages ---------------------------------------------------- */

/* api.rst 4.36 */
static void answer_set_tss_addr(const struct question *q, struct answer *a)
{
	const struct state_vm *vm = q->vm;
	uint64_t addr = q->call->arg;

	if (a_refuse(a, R_SET_TSS_ADDR_RANGE, tri(addr > 0xffffd000)))
		return;
	if (addr % X86_PAGE || slots_meet(vm, addr, 3 * X86_PAGE) || vm->tss_set != STATE_NO ||
	    overlaps(addr, 3 * X86_PAGE, APIC_ACCESS, X86_PAGE) ||
	    identity_map_meets(vm, addr, 3 * X86_PAGE))
		a_may_fail(a, R_SET_TSS_ADDR_CONFLICT);
	a_succeeds(a, R_SET_TSS_ADDR_SUCCEEDS);
}

static void learn_set_tss_addr(struct learn *l)
{
	if (!l->succeeded)
		return;
	l->vm->tss_set = STATE_YES;
	l->vm->tss = l->q->call->arg;
}

/* Where the identity map is to be; UINT64_MAX = not captured. */
static uint64_t identity_map_asked(const struct question *q)
{
	uint64_t addr = UINT64_MAX;

	q_field(q, q->in, 0, 8, &addr);
	return addr;
}

/* api.rst 4.40 */
static void answer_set_identity_map_addr(const struct question *q, struct answer *a)
{
	uint64_t addr = identity_map_asked(q);
	bool odd = addr != UINT64_MAX && (addr >> 32 || addr % X86_PAGE);

	if (!a_refuse(a, R_SET_IDENTITY_MAP_BEFORE_VCPUS, q->vm->has_vcpus))
		a_succeeds(a, odd ? R_SET_IDENTITY_MAP_ANYWHERE : R_SET_IDENTITY_MAP_SUCCEEDS);
}

static void learn_set_identity_map_addr(struct learn *l)
{
	uint64_t addr = identity_map_asked(l->q);

	if (l->succeeded)
		l->vm->identity_map = addr ? addr : STATE_IDENTITY_MAP_DEFAULT;
}

static void answer_set_nr_mmu_pages(const struct question *q, struct answer *a)
{
	if (!a_refuse(a, R_SET_NR_MMU_PAGES_MINIMUM, tri(q->call->arg < 64)))
		a_succeeds(a, R_SET_NR_MMU_PAGES_SUCCEEDS);
}

static void learn_set_nr_mmu_pages(struct learn *l)
{
	if (l->succeeded)
		vm_fact_set(l, VM_FACT_MMU_PAGES, 0, l->q->call->arg, 0);
}

/*
 * The limit is a 50th of the guest's memory, computed when a slot is made or goes, or what
 * KVM_SET_NR_MMU_PAGES set; never below 64 but before the first slot.  Root tables that vCPUs hold
 * (four of them, of four pages at most) are not given up for others.
 */
bool vm_mmu_pages_may_lack(const struct question *q)
{
	const struct state_set *slots = &q->vm->slots;
	const struct state_entry *set = vm_fact(q, VM_FACT_MMU_PAGES, 0);
	uint64_t pages = 0, needed = 16ull * q->vm->vcpu_count + 40;

	/* How many pages there may be is computed when a slot is made. */
	if (!slots->count || slots->open || q->entered < q->vm->slots_since || vm_facts_open(q))
		return true;
	for (uint32_t i = 0; i < slots->count; i++)
		pages += slots->entries[i].known ? slots->entries[i].value[SIZE] / X86_PAGE : 0;
	pages = set ? set->value[0] : pages / 50;
	return needed > (pages < 64 ? 64 : pages);
}

/* Removed from KVM after 6.1. */
static void answer_get_nr_mmu_pages(const struct question *q, struct answer *a)
{
	const struct state_entry *set = vm_fact(q, VM_FACT_MMU_PAGES, 0);
	/* The result of an ioctl is an int: what is above its largest comes back as an error. */
	const int32_t pages = set ? (int32_t)set->value[0] : 0;
	/* Pages that guests use are not given up for a lower limit. */
	const bool exact = set && q->vm->has_run == STATE_NO && pages != INT32_MIN;

	a_may_fail(a, R_GET_NR_MMU_PAGES_REMOVED);
	if (pages < 0 && pages != INT32_MIN)
		a_refuse_with(a, R_GET_NR_MMU_PAGES_NEGATIVE, -pages,
			      tri_may(exact, pages >= -4095));
	/* No errno, or maybe another number. */
	if (pages < -4095 || (!exact && (set ? pages < 0 : !q->vm->fresh || vm_facts_open(q))))
		a_any_int(a, R_GET_NR_MMU_PAGES_NEGATIVE,
			  set ? "how many pages guests use is not known"
			      : "what limit was set before is not known");
	if (pages < 0 && exact)
		return;
	a_succeeds_value(a, R_GET_NR_MMU_PAGES_VALUE);
	if (exact)
		a_result(a, R_GET_NR_MMU_PAGES_SET, "pages", (uint32_t)pages);
}

/* What the argument alone decides, and the type of the VM. */
static void answer_attributes(const struct question *q, struct answer *a)
{
	uint64_t address, size, attributes, flags, page = q_page(q);

	if (!Q_IN(q, struct kvm_memory_attributes, address, &address) ||
	    !Q_IN(q, struct kvm_memory_attributes, size, &size) ||
	    !Q_IN(q, struct kvm_memory_attributes, attributes, &attributes) ||
	    !Q_IN(q, struct kvm_memory_attributes, flags, &flags)) {
		a_skip(a, "argument not captured");
		return;
	}
	/* A VM of type 0 has no private memory. */
	if (!a_refuse(a, R_MEMORY_ATTRIBUTES_RANGE,
		      tri(flags || !size || size % page || address % page ||
			  address + size < address)) &&
	    !a_refuse(a, R_MEMORY_ATTRIBUTES_UNSUPPORTED,
		      attributes & ~(uint64_t)KVM_MEMORY_ATTRIBUTE_PRIVATE ||
				      (attributes && !vm_typed(q))
			      ? STATE_YES
		      : attributes ? STATE_UNKNOWN
				   : STATE_NO))
		a_succeeds(a, R_MEMORY_ATTRIBUTES_SUCCEEDS);
}

/* api.rst 4.141 */
static void answer_set_memory_attributes(const struct question *q, struct answer *a)
{
	/* arm64 up to 7.2 has none, and refuses what it does not know in a way of its own. */
	if (q->facts->arch == KVMAPI_ARM64) {
		a_may_fail(a, R_UNKNOWN_REQUEST_ENOTTY);
		if (q_cap(q, KVM_CAP_MEMORY_ATTRIBUTES) > 0 || q_newer(q))
			a_may_succeed(a, R_RETURN_ZERO_OR_ERROR, "attributes of newer kernels");
		else
			a_must_fail(a, R_UNKNOWN_VM_EINVAL);
	} else if (!a_refuse(a, R_UNKNOWN_REQUEST_ENOTTY, q_lacks(q, KVM_CAP_MEMORY_ATTRIBUTES))) {
		answer_attributes(q, a);
	}
}

const struct handler model_memslot_handlers[] = {
	{"KVM_SET_USER_MEMORY_REGION", KVMAPI_VM, .answer = memslot_answer_set_region,
	 .learn = memslot_learn_set_region},
	{"KVM_SET_USER_MEMORY_REGION2", KVMAPI_VM, .answer = answer_set_region2,
	 .learn = learn_set_region2},
	{"KVM_SET_MEMORY_ATTRIBUTES", KVMAPI_VM, .answer = answer_set_memory_attributes},
	{"KVM_GET_DIRTY_LOG", KVMAPI_VM, .settle = settle_get_dirty_log,
	 .answer = answer_get_dirty_log, .learn = learn_get_dirty_log},
	{"KVM_CLEAR_DIRTY_LOG", KVMAPI_VM, .settle = settle_clear_dirty_log,
	 .answer = answer_clear_dirty_log, .learn = learn_clear_dirty_log},
	{"KVM_RESET_DIRTY_RINGS", KVMAPI_VM, .answer = answer_reset_dirty_rings},
	{"KVM_SET_TSS_ADDR", KVMAPI_VM, .answer = answer_set_tss_addr, .learn = learn_set_tss_addr},
	{"KVM_SET_IDENTITY_MAP_ADDR", KVMAPI_VM, .answer = answer_set_identity_map_addr,
	 .learn = learn_set_identity_map_addr},
	{"KVM_SET_NR_MMU_PAGES", KVMAPI_VM, .answer = answer_set_nr_mmu_pages,
	 .learn = learn_set_nr_mmu_pages},
	{"KVM_GET_NR_MMU_PAGES", KVMAPI_VM, .answer = answer_get_nr_mmu_pages},
	{NULL, 0, .answer = NULL},
};
