/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory: slots (api.rst 4.35, 4.140), dirty log (4.8, 4.117), the TSS and identity map
 * addresses (4.36, 4.40), KVM_SET_NR_MMU_PAGES.
 *
 * A slot of state_vm.slots: key = as_id << 16 | id, value = { gpa, size, hva, flags }.
 */
#include "kvmapi/kvm_newer.h"
#include "model/internal.h"
#include "model/vm.h"

#define X86_PAGE    4096ull
#define MAX_PAGES   0x7fffffffull /* of one slot */
#define MAX_SLOTS   32767	  /* ids, internal ones included */
#define KNOWN_FLAGS (KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY | KVM_MEM_GUEST_MEMFD)

#define IDENTITY_MAP_DEFAULT 0xfffbc000ull
#define APIC_ACCESS	     0xfee00000ull

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
	uint64_t tss = vm->scratch[VM_SCRATCH_TSS];

	return tss ? overlaps(gpa, size, tss - 1, 3 * X86_PAGE) : vm->slots.open;
}

static bool identity_map_meets(const struct state_vm *vm, uint64_t gpa, uint64_t size)
{
	uint64_t map = vm->identity_map;

	return overlaps(gpa, size, map == UINT64_MAX ? IDENTITY_MAP_DEFAULT : map, X86_PAGE) ||
	       (!vm->fresh && map == UINT64_MAX);
}

bool memslot_identity_map_taken(const struct state_vm *vm)
{
	uint64_t map = vm->identity_map == UINT64_MAX ? IDENTITY_MAP_DEFAULT : vm->identity_map;

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
	       overlaps(gpa, size, IDENTITY_MAP_DEFAULT, X86_PAGE) ||
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
static void region_host_limits(struct judge *j, const struct region *r)
{
	uint64_t tags;

	/* The highest physical address, and the highest user address, are the host's. */
	if (r->gpa + r->size > 1ull << 36 || r->hva + r->size > 0x7ffffffff000ull)
		j_may_fail_with(j, R_MEMORY_REGION_HOST_LIMIT, EINVAL);
	if (q_cap(j->q, KVM_CAP_NR_MEMSLOTS) == INT32_MIN && (r->slot & 0xffff) >= 509)
		j_may_fail(j, R_MEMORY_REGION_SLOT_ID);
	/* VMs of other types than 0 may have one address space, and no read-only memory. */
	if (vm_typed(j->q) || (r->slot >> 16 && q_cap(j->q, KVM_CAP_MULTI_ADDRESS_SPACE) < 0))
		j_may_fail(j, R_MEMORY_REGION_SPACE);
	if (r->flags & KVM_MEM_READONLY && q_cap(j->q, KVM_CAP_READONLY_MEM) < 0)
		j_may_fail(j, R_MEMORY_REGION_FLAGS);
	if (model_facts(j->q->m)->arch == KVMAPI_X86)
		return;
	/* Elsewhere addresses of guests are not of 2^36 bytes. */
	if (r->gpa + r->size > 1ull << 32)
		j_may_fail_with(j, R_MEMORY_REGION_HOST_LIMIT, EFAULT);
	if (!(r->flags & KVM_MEM_READONLY))
		j_may_fail_with(j, R_MEMORY_REGION_USER_MEMORY, EPERM);
	/* The log of writes, and tags, are refused for some kinds of memory of the user. */
	if (r->flags & KVM_MEM_LOG_DIRTY_PAGES ||
	    vm_cap_enabled(j->vm, KVM_CAP_ARM_MTE, &tags) != STATE_NO)
		j_may_fail_with(j, R_MEMORY_REGION_USER_MEMORY, EINVAL);
}

/* With a slot of userspace, or maybe with one that KVM made for itself. */
static enum state_tri region_overlaps(const struct question *q, const struct region *r)
{
	const struct state_vm *vm = q->vm;

	if (collision(vm, r->slot, r->gpa, r->size))
		return STATE_YES;
	return vm->slots.open || (model_facts(q->m)->arch == KVMAPI_X86 &&
				  near_internal_slot(vm, r->gpa, r->size))
		       ? STATE_UNKNOWN
		       : STATE_NO;
}

/* What there is of the slot: true if it must fail. */
static bool region_existing(struct judge *j, const struct region *r, const struct state_entry *old)
{
	const struct state_vm *vm = j->vm;

	if (!r->size) {
		return j_refuse(j, R_MEMORY_REGION_DELETE_MISSING,
				old		 ? STATE_NO
				: vm->slots.open ? STATE_UNKNOWN
						 : STATE_YES);
	}
	if (old && old->known && old->value[FLAGS] & KVM_MEM_GUEST_MEMFD &&
	    !(r->flags & KVM_MEM_GUEST_MEMFD) && old->value[HVA] == r->hva &&
	    old->value[SIZE] == r->size && !(r->flags & KVM_MEM_READONLY)) {
		j_must_fail(j, R_MEMORY_REGION_MEMFD_STAYS);
		return true;
	}
	if (old && old->known &&
	    (old->value[HVA] != r->hva || old->value[SIZE] != r->size ||
	     ((old->value[FLAGS] ^ r->flags) & (KVM_MEM_READONLY | KVM_MEM_GUEST_MEMFD)) ||
	     r->flags & KVM_MEM_GUEST_MEMFD)) {
		j_must_fail(j, R_MEMORY_REGION_IMMUTABLE);
		return true;
	}
	if (!old && vm->slots.open)
		j_may_fail(j, R_MEMORY_REGION_IMMUTABLE);
	if (old && old->known && old->value[GPA] == r->gpa)
		return false;
	return j_refuse(j, R_MEMORY_REGION_OVERLAP, region_overlaps(j->q, r));
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

/*
 * What is known of the file behind the descriptor: true if an error was demanded.  The descriptor
 * may have been closed since, or be another one's by now.
 */
static bool memfd_refused(struct judge *j, const struct region *r)
{
	const struct state_entry *file = vm_fact(j->q, VM_FACT_MEMFD, r->memfd);
	const struct state_set *facts = &j->vm->facts;

	j_may_fail(j, R_MEMORY_REGION_MEMFD_DESCRIPTOR);
	if (!file) {
		j_may_fail(j, R_MEMORY_REGION_MEMFD_OVERLAP);
		return false;
	}
	/* arm64 has no VMs with private memory. */
	if (model_facts(j->q->m)->arch == KVMAPI_ARM64 &&
	    !(file->value[1] & GUEST_MEMFD_FLAG_MMAP) && !vm_typed(j->q)) {
		j_must_fail(j, R_ARM_MEMFD_PRIVATE);
		return true;
	}
	if (r->offset + r->size > file->value[0]) {
		j_must_fail(j, R_MEMORY_REGION_MEMFD_RANGE);
		return true;
	}
	for (uint32_t i = 0; i < facts->count; i++) {
		const struct state_entry *e = &facts->entries[i], *slot;

		if (e->key != VM_FACT_BINDING || e->value[0] != r->memfd)
			continue;
		slot = state_set_find(&j->vm->slots, e->key2, 0);
		if (slot && slot->known &&
		    overlaps(r->offset, r->size, e->value[1], slot->value[SIZE])) {
			j_must_fail(j, R_MEMORY_REGION_MEMFD_OVERLAP);
			return true;
		}
	}
	return false;
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

static void set_region(struct judge *j, bool second)
{
	struct region r;
	uint16_t invalid;

	if (!region_read(j->q, &r, second)) {
		/* Any slot may have come or gone, if the call did not fail. */
		if (j->ret->ret >= 0) {
			state_set_clear(&j->vm->slots);
			j->vm->slots.open = true;
		}
		j_skip(j, "argument not captured");
		return;
	}
	invalid = region_invalid(j->q, &r, second);
	if (invalid != R_NONE) {
		j_must_fail(j, invalid);
		return;
	}
	region_host_limits(j, &r);
	if (region_existing(j, &r, state_set_find(&j->vm->slots, r.slot, 0)))
		return;
	if (r.flags & KVM_MEM_GUEST_MEMFD) {
		if (memfd_refused(j, &r) ||
		    !j_may_succeed(j, R_MEMORY_REGION_MEMFD,
				   "what stands behind guest_memfd is not on a tape"))
			return;
	} else if (!j_succeeds(j, R_MEMORY_REGION_SUCCEEDS)) {
		return;
	}
	region_store(j->l, &r);
}

/* api.rst 4.35 */
void memslot_set_region(struct judge *j)
{
	set_region(j, false);
}

/* api.rst 4.140 */
static void set_user_memory_region2(struct judge *j)
{
	if (q_cap(j->q, KVM_CAP_USER_MEMORY2) == 0) {
		j_must_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
		return;
	}
	/* Behind the number of an ioctl that generic code does not know is the architecture. */
	if (model_facts(j->q->m)->arch == KVMAPI_ARM64 && q_cap(j->q, KVM_CAP_USER_MEMORY2) < 0) {
		j_may_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
		j_may_fail(j, R_UNKNOWN_VM_EINVAL);
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
	int32_t most = q_cap(j->q, KVM_CAP_NR_MEMSLOTS);
	int32_t spaces = q_cap(j->q, KVM_CAP_MULTI_ADDRESS_SPACE);
	enum state_tri ring = vm_dirty_ring(j->vm);

	if (j_refuse(j, R_DIRTY_LOG_RING_ONLY, ring))
		return true;
	if ((most > 0 && (number & 0xffff) >= (uint64_t)most) ||
	    (spaces != INT32_MIN && number >> 16 >= (uint64_t)(spaces > 1 ? spaces : 1)) ||
	    first_page & 63) {
		j_must_fail(j, R_DIRTY_LOG_SLOT);
		return true;
	}
	*slot = state_set_find(&j->vm->slots, number, 0);
	if (*slot && !(*slot)->known)
		*slot = NULL;
	/* A slot that is there has a number that slots can have. */
	if (!*slot && (most <= 0 || number >> 16))
		j_may_fail(j, R_DIRTY_LOG_SLOT);
	return j_refuse(j, R_DIRTY_LOG_NONE,
			*slot ? tri(!((*slot)->value[FLAGS] & KVM_MEM_LOG_DIRTY_PAGES))
			: j->vm->slots.open ? STATE_UNKNOWN
					    : STATE_YES);
}

/* Calls on the dirty log that follow upon each other: no guest and nothing else can set bits. */
static void log_sequence(struct learn *l)
{
	uint64_t *scratch = l->vm->scratch;

	if (q_vm_ran(l->q))
		scratch[VM_SCRATCH_DIRTY_LAST] = 0;
	/* Each call counts one at its beginning and one at its end. */
	if (!scratch[VM_SCRATCH_DIRTY_LAST] || l->q->entered != scratch[VM_SCRATCH_DIRTY_LAST] + 2)
		scratch[VM_SCRATCH_DIRTY_FIRST] = l->q->entered;
	scratch[VM_SCRATCH_DIRTY_LAST] = l->q->entered;
}

/* A bit of a dirty log, which is made of 64-bit words of the host. */
static bool page_bit(const struct question *q, const struct tape_part *bits, uint64_t page)
{
	uint64_t byte = page / 8;

	if (model_facts(q->m)->big_endian)
		byte ^= 7;
	return byte < bits->have && bits->data[byte] >> page % 8 & 1;
}

/* The bits of a log that was given, against what is known of it. */
static void log_check(struct judge *j, uint64_t number, uint64_t pages,
		      const struct tape_part *bits)
{
	const struct state_vm *vm = j->vm;
	const struct state_entry *fact = vm_fact(j->q, VM_FACT_DIRTY_LOG, number);
	uint64_t arg = 0, emptied = fact ? fact->value[0] : 0, known = fact ? fact->value[1] : 0;
	enum state_tri manual = vm_cap_enabled(vm, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, &arg);
	bool empty, ran = q_vm_ran(j->q);

	if (manual == STATE_YES && !(arg & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE))
		manual = STATE_NO;
	/* On x86 nothing but vCPUs, and what is called on them, writes to a guest. */
	empty = (model_facts(j->q->m)->arch == KVMAPI_X86 && vm->has_vcpus == STATE_NO &&
		 !(known & LOG_SET) &&
		 !vm_fact(j->q, VM_FACT_XEN_ATTR, KVM_XEN_ATTR_TYPE_SHARED_INFO)) ||
		(!ran && emptied && emptied >= vm->scratch[VM_SCRATCH_DIRTY_FIRST]);
	for (uint64_t page = 0; bits && page < pages && page < 8ull * bits->have; page++) {
		bool set = page_bit(j->q, bits, page);

		if (known & LOG_FULL
			    ? !j_check(j, R_DIRTY_LOG_INITIALLY_SET, set, "all bits set",
				       "bit %llu is clear", (unsigned long long)page)
			    : empty && !j_check(j, R_DIRTY_LOG_CLEARED, !set, "no bits set",
						"bit %llu", (unsigned long long)page))
			break;
	}
	/* Without manual protection the log is empty now. */
	if (manual == STATE_NO)
		vm_fact_set(j->l, VM_FACT_DIRTY_LOG, number, ran ? 0 : j->q->entered, 0);
	else if (manual == STATE_UNKNOWN)
		vm_fact_set(j->l, VM_FACT_DIRTY_LOG, number, 0, LOG_SET);
}

/* api.rst 4.8 */
static void get_dirty_log(struct judge *j)
{
	const struct tape_part *bits = j_part(j, TAPE_NESTED_OUT);
	const struct state_entry *slot = NULL;
	uint64_t number, pages;

	if (!Q_IN(j->q, struct kvm_dirty_log, slot, &number)) {
		j_skip(j, "argument not captured");
		return;
	}
	log_sequence(j->l);
	if (dirty_slot(j, number, 0, &slot))
		return;
	vm_buffer_may_fault(j, bits);
	if (!slot) {
		j_may_succeed(j, R_DIRTY_LOG_SUCCEEDS, "the slot is not known");
		return;
	}
	if (!j_succeeds(j, R_DIRTY_LOG_SUCCEEDS)) {
		/* Bits may have been taken before they could not be written, see D-29. */
		vm_fact_set(j->l, VM_FACT_DIRTY_LOG, number, 0, LOG_SET);
		return;
	}
	pages = slot->value[SIZE] / q_page(j->q);
	log_check(j, number, pages, bits);
	if (!bits)
		return;
	for (uint64_t page = pages; page < 8ull * bits->have; page++) {
		if (!j_check(j, R_DIRTY_LOG_WITHIN, !page_bit(j->q, bits, page),
			     "no bits beyond the slot", "bit %llu of a slot of %llu pages",
			     (unsigned long long)page, (unsigned long long)pages))
			return;
	}
}

/* api.rst 4.117 */
static void clear_dirty_log(struct judge *j)
{
	const struct state_entry *slot = NULL;
	struct state_entry *fact;
	uint64_t number, first, count, pages;

	if (!Q_IN(j->q, struct kvm_clear_dirty_log, slot, &number) ||
	    !Q_IN(j->q, struct kvm_clear_dirty_log, first_page, &first) ||
	    !Q_IN(j->q, struct kvm_clear_dirty_log, num_pages, &count)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (!q_applies(j->q, R_CLEAR_DIRTY_LOG_SUCCEEDS)) {
		j_may_succeed(j, R_CLEAR_DIRTY_LOG_SUCCEEDS, "not every architecture has it");
		return;
	}
	log_sequence(j->l);
	if (dirty_slot(j, number, first, &slot))
		return;
	if (!slot) {
		j_may_fail(j, R_CLEAR_DIRTY_LOG_RANGE);
		j_may_succeed(j, R_CLEAR_DIRTY_LOG_SUCCEEDS, "the slot is not known");
		return;
	}
	pages = slot->value[SIZE] / q_page(j->q);
	if (first > pages || count > pages - first || (count < pages - first && count & 63)) {
		j_must_fail(j, R_CLEAR_DIRTY_LOG_RANGE);
		return;
	}
	vm_buffer_may_fault(j, j_part(j, TAPE_NESTED_IN));
	fact = state_set_entry(&j->vm->facts, VM_FACT_DIRTY_LOG, number);
	j_succeeds(j, R_CLEAR_DIRTY_LOG_SUCCEEDS);
	if (fact)
		fact->value[1] &= ~(uint64_t)LOG_FULL;
}

/*
 * What the rings held when the call began, if the tape has it.  Other threads can harvest more
 * meanwhile, and guests add more, so only where no guest ran it is sure how many there can be.
 */
static void ring_entries(struct judge *j)
{
	uint64_t held = 0, harvested = 0;
	bool any = false, whole = true;

	for (unsigned int n = 0; n < TAPE_NESTED_POINTERS; n++) {
		const struct tape_part *ring = j_part(j, (enum tape_role)(TAPE_NESTED_IN + n));
		uint32_t count = ring ? ring->have / KVMAPI_RING_ENTRY : 0;
		bool gap = false;

		if (!ring)
			continue;
		any = true;
		whole = whole && !ring->flags && ring->have == ring->want;
		held += ring->want / KVMAPI_RING_ENTRY;
		for (uint32_t i = 0; i < count; i++) {
			const uint8_t *entry = ring->data + (size_t)i * KVMAPI_RING_ENTRY;

			if (!(q_number(j->q, entry, 4) & KVMAPI_RING_HARVESTED)) {
				gap = true;
			} else if (!gap) {
				harvested++;
			} else {
				j_advise(j, R_LINT_DIRTY_RING_ORDER,
					 "ring %u: entry %u is harvested, and one before it is not",
					 n, i);
				break;
			}
		}
	}
	if (!any || !whole || j->ret->ret < 0 || j->ret->overlapped || q_vm_ran(j->q))
		return;
	j_constrain_result(j);
	if (j->making && (uint64_t)j->ret->ret > held)
		j->making->ret = (int64_t)harvested;
	j_check(j, R_RESET_DIRTY_RINGS_COUNT, (uint64_t)j->ret->ret <= held,
		"no more than the rings hold", "%lld of %llu entries", (long long)j->ret->ret,
		(unsigned long long)held);
	j_check(j, R_RESET_DIRTY_RINGS_HARVESTED, (uint64_t)j->ret->ret == harvested,
		"the harvested entries", "%lld of %llu harvested entries", (long long)j->ret->ret,
		(unsigned long long)harvested);
}

/* api.rst 7.36 */
static void reset_dirty_rings(struct judge *j)
{
	enum state_tri ring = vm_dirty_ring(j->vm);

	/* Kernels before 5.11 have no rings at all. */
	if (q_kernel(j->q) && q_kernel(j->q) < MODEL_KERNEL(5, 11)) {
		j_must_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
		return;
	}
	if (j_refuse(j, R_RESET_DIRTY_RINGS_NONE, tri_not(ring)))
		return;
	if (j_succeeds_value(j, R_RESET_DIRTY_RINGS_SUCCEEDS))
		ring_entries(j);
}

/* --- addresses of the back end, MMU pages ---------------------------------------------------- */

/* api.rst 4.36 */
static void set_tss_addr(struct judge *j)
{
	struct state_vm *vm = j->vm;
	uint64_t addr = j->q->call->arg;

	if (addr > 0xffffd000) {
		j_must_fail(j, R_SET_TSS_ADDR_RANGE);
		return;
	}
	if (vm_backend_may_be(j->q, "kvm_intel") &&
	    (addr % X86_PAGE || slots_meet(vm, addr, 3 * X86_PAGE) || vm->scratch[VM_SCRATCH_TSS] ||
	     overlaps(addr, 3 * X86_PAGE, APIC_ACCESS, X86_PAGE) ||
	     identity_map_meets(vm, addr, 3 * X86_PAGE)))
		j_may_fail(j, R_SET_TSS_ADDR_CONFLICT);
	if (j_succeeds(j, R_SET_TSS_ADDR_SUCCEEDS))
		vm->scratch[VM_SCRATCH_TSS] = 1 + addr;
}

/* api.rst 4.40 */
static void set_identity_map_addr(struct judge *j)
{
	struct state_vm *vm = j->vm;
	uint64_t addr = UINT64_MAX;
	bool odd;

	if (j_refuse(j, R_SET_IDENTITY_MAP_BEFORE_VCPUS, vm->has_vcpus))
		return;
	q_field(j->q, j->q->in, 0, 8, &addr);
	odd = addr != UINT64_MAX && (addr >> 32 || addr % X86_PAGE);
	if (j_succeeds(j, odd ? R_SET_IDENTITY_MAP_ANYWHERE : R_SET_IDENTITY_MAP_SUCCEEDS))
		vm->identity_map = addr ? addr : IDENTITY_MAP_DEFAULT;
}

static void set_nr_mmu_pages(struct judge *j)
{
	if (j->q->call->arg < 64) {
		j_must_fail(j, R_SET_NR_MMU_PAGES_MINIMUM);
		return;
	}
	if (j_succeeds(j, R_SET_NR_MMU_PAGES_SUCCEEDS))
		vm_fact_set(j->l, VM_FACT_MMU_PAGES, 0, j->q->call->arg, 0);
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
static void get_nr_mmu_pages(struct judge *j)
{
	const struct state_entry *set = vm_fact(j->q, VM_FACT_MMU_PAGES, 0);
	/* Pages that guests use are not given up for a lower limit. */
	bool exact = set && j->vm->has_run == STATE_NO;
	/* The result of an ioctl is an int: what is above its largest comes back as an error. */
	int32_t pages = set ? (int32_t)set->value[0] : 0;

	j_may_fail(j, R_GET_NR_MMU_PAGES_REMOVED);
	if (pages < 0 && exact && pages >= -4095) {
		j_must_fail_with(j, R_GET_NR_MMU_PAGES_NEGATIVE, -pages);
		return;
	}
	j->any_int = pages < 0 || (!set && !j->vm->fresh);
	if (pages < 0 && j->ret->ret != -ENOTTY) {
		if (j->making)
			j->making->ret = pages;
		if (exact)
			j_equal(j, R_GET_NR_MMU_PAGES_NEGATIVE, "pages", (uint32_t)pages,
				(uint32_t)j->ret->ret);
		else
			j_hold(j, R_GET_NR_MMU_PAGES_NEGATIVE);
		return;
	}
	if (!set && !j->vm->fresh && j->ret->ret < 0 && j->ret->ret != -ENOTTY) {
		j_silent(j, "what limit was set before is not known");
		return;
	}
	if (j_succeeds_value(j, R_GET_NR_MMU_PAGES_VALUE) && exact)
		j_equal_result(j, R_GET_NR_MMU_PAGES_SET, "pages", (uint32_t)pages);
}

/* api.rst 4.141 */
static void set_memory_attributes(struct judge *j)
{
	uint64_t address, size, attributes, flags, page = q_page(j->q);

	/* arm64 up to 7.2 has none, and refuses what it does not know in a way of its own. */
	if (model_facts(j->q->m)->arch == KVMAPI_ARM64) {
		j_may_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
		if (q_cap(j->q, KVM_CAP_MEMORY_ATTRIBUTES) > 0 || q_newer(j->q))
			j_may_succeed(j, R_RETURN_ZERO_OR_ERROR, "attributes of newer kernels");
		else
			j_must_fail(j, R_UNKNOWN_VM_EINVAL);
		return;
	}
	if (j_refuse(j, R_UNKNOWN_REQUEST_ENOTTY, q_lacks(j->q, KVM_CAP_MEMORY_ATTRIBUTES)))
		return;
	if (!Q_IN(j->q, struct kvm_memory_attributes, address, &address) ||
	    !Q_IN(j->q, struct kvm_memory_attributes, size, &size) ||
	    !Q_IN(j->q, struct kvm_memory_attributes, attributes, &attributes) ||
	    !Q_IN(j->q, struct kvm_memory_attributes, flags, &flags)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (flags || !size || size % page || address % page || address + size < address) {
		j_must_fail(j, R_MEMORY_ATTRIBUTES_RANGE);
		return;
	}
	/* A VM of type 0 has no private memory. */
	if (j_refuse(j, R_MEMORY_ATTRIBUTES_UNSUPPORTED,
		     attributes & ~(uint64_t)KVM_MEMORY_ATTRIBUTE_PRIVATE ||
				     (attributes && !vm_typed(j->q))
			     ? STATE_YES
		     : attributes ? STATE_UNKNOWN
				  : STATE_NO))
		return;
	j_succeeds(j, R_MEMORY_ATTRIBUTES_SUCCEEDS);
}

const struct judge_handler model_memslot_handlers[] = {
	{"KVM_SET_USER_MEMORY_REGION", KVMAPI_VM, .judge = memslot_set_region},
	{"KVM_SET_USER_MEMORY_REGION2", KVMAPI_VM, .judge = set_user_memory_region2},
	{"KVM_SET_MEMORY_ATTRIBUTES", KVMAPI_VM, .judge = set_memory_attributes},
	{"KVM_GET_DIRTY_LOG", KVMAPI_VM, .judge = get_dirty_log},
	{"KVM_CLEAR_DIRTY_LOG", KVMAPI_VM, .judge = clear_dirty_log},
	{"KVM_RESET_DIRTY_RINGS", KVMAPI_VM, .judge = reset_dirty_rings},
	{"KVM_SET_TSS_ADDR", KVMAPI_VM, .judge = set_tss_addr},
	{"KVM_SET_IDENTITY_MAP_ADDR", KVMAPI_VM, .judge = set_identity_map_addr},
	{"KVM_SET_NR_MMU_PAGES", KVMAPI_VM, .judge = set_nr_mmu_pages},
	{"KVM_GET_NR_MMU_PAGES", KVMAPI_VM, .judge = get_nr_mmu_pages},
	{NULL, 0, .judge = NULL},
};
