/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls on /dev/kvm: api.rst 4.1 to 4.5, 4.18, 4.46, 4.80, 4.88, 4.104.  What they answer varies
 * with kernel and host only, so the first answer of a tape predicts all that follow.
 */
#include <stdlib.h>
#include <string.h>

#include "kvmapi/kvm_newer.h"
#include "model/vm.h"

/* Keys of state_system.numbers. */
enum {
	NUMBER_MMAP_SIZE,
	NUMBER_MCE_CAP,
	NUMBER_MSRS,
	NUMBER_FEATURES,
	NUMBER_CPUID,
	NUMBER_EMULATED,
	NUMBER_CPUID_LOW, /* the highest nent that was too low */
	NUMBER_EMULATED_LOW,
	NUMBER_TYPED_VM,
};

#define CPUID_MAX_ENTRIES 256
#define MSRS_MAX	  256

static struct state_entry *number(struct learn *l, uint64_t key)
{
	struct state_entry *e = state_set_add(&l->system->numbers, key, 0);

	if (!e)
		l->oom = -ENOMEM;
	return e;
}

bool vm_constant(struct judge *j, uint16_t rule, const char *what, struct state_set *set,
		 uint64_t key, uint64_t key2, uint64_t value)
{
	struct state_entry *e = state_set_add(set, key, key2);

	if (!e) {
		j->oom = -ENOMEM;
		return false;
	}
	if (e->known) {
		j_equal(j, rule, what, e->value[0], value);
		return true;
	}
	e->value[0] = value;
	e->known = 1;
	return false;
}

void vm_created(struct judge *j, int64_t fd)
{
	const struct tape_object *o = j_created(j);

	if (o && o->fd >= 0)
		j_equal(j, R_CREATED_DESCRIPTOR, "descriptor", (uint32_t)o->fd, (uint64_t)fd);
}

void vm_typed_seen(struct learn *l)
{
	number(l, NUMBER_TYPED_VM);
}

bool vm_typed(const struct question *q)
{
	if (q->vm && (!q->vm->fresh || q->vm->scratch[VM_SCRATCH_ENCRYPTED]))
		return true;
	return state_set_find(&q->system->numbers, NUMBER_TYPED_VM, 0) != NULL;
}

/* api.rst 4.1 */
static void get_api_version(struct judge *j)
{
	if (j->q->call->arg) {
		j_must_fail(j, R_API_VERSION_NO_ARGUMENT);
		return;
	}
	if (j_succeeds_value(j, R_API_VERSION_IS_12))
		j_equal_result(j, R_API_VERSION_IS_12, "version", KVM_API_VERSION);
}

/* api.rst 4.2 */
static void create_vm(struct judge *j)
{
	uint64_t type = j->q->call->arg;
	int32_t types = q_cap(j->q, KVM_CAP_VM_TYPES);

	if (!type) {
		if (!j_succeeds_value(j, R_CREATE_VM_SUCCEEDS))
			return;
	} else {
		/* Kernels from before that capability know type 0 only. */
		if (types == 0)
			types = 1;
		if (types != INT32_MIN && (type >= 31 || !(types >> type & 1))) {
			j_must_fail(j, R_CREATE_VM_TYPE_UNSUPPORTED);
			return;
		}
		if (!j_may_succeed(j, R_CREATE_VM_TYPE,
				   "not every machine can make every type of VM"))
			return;
		vm_typed_seen(j->l);
	}
	vm_created(j, j->ret->ret);
}

static size_t msr_list_at(uint64_t i)
{
	return sizeof(struct kvm_msr_list) + 4 * i;
}

/* The ranges in which processors, Hyper-V and KVM have their MSRs. */
static bool msr_address(uint64_t index)
{
	return index < 0x2000 || index >> 13 == 0xc0000000 >> 13 ||
	       index >> 13 == 0xc0010000 >> 13 || index >> 12 == 0x40000000 >> 12 ||
	       index >> 8 == 0x4b564d00 >> 8;
}

/* api.rst 4.3 */
static void msr_list(struct judge *j, uint64_t key, struct state_block *known,
		     struct state_set *indices)
{
	struct state_entry *count = number(j->l, key);
	uint64_t room, n;
	bool have_n = J_OUT(j, struct kvm_msr_list, nmsrs, &n);

	if (!count)
		return;
	if (!Q_IN(j->q, struct kvm_msr_list, nmsrs, &room)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (count->known && room < count->value[0])
		j_must_fail(j, R_MSR_LIST_TOO_SMALL);
	else if (!count->known && room < UINT16_MAX)
		j_may_fail(j, R_MSR_LIST_TOO_SMALL);
	if (j->ret->ret == -E2BIG && have_n) {
		if (!j_check(j, R_MSR_LIST_COUNT, n > room, "nmsrs above the room",
			     "nmsrs = %llu, room %llu", (unsigned long long)n,
			     (unsigned long long)room))
			return;
	}
	if (!(count->known && room < count->value[0]) && !j_succeeds(j, R_MSR_LIST_SUCCEEDS) &&
	    j->ret->ret != -E2BIG)
		return;
	if (!have_n || (j->ret->ret && j->ret->ret != -E2BIG))
		return;
	if (count->known) {
		J_EQUAL_OUT(j, R_MSR_LIST_COUNT, struct kvm_msr_list, nmsrs, count->value[0]);
		n = count->value[0];
	} else if (!j->ret->ret && !j_check(j, R_MSR_LIST_COUNT, n <= room, "nmsrs within the room",
					    "nmsrs = %llu, room %llu", (unsigned long long)n,
					    (unsigned long long)room)) {
		return;
	}
	if (!count->known) {
		count->known = 1;
		count->value[0] = n;
	}
	if (j->ret->ret || n > UINT16_MAX)
		return;
	j_block_get(j, R_MSR_LIST_CONSTANT, known, j->out, sizeof(struct kvm_msr_list),
		    (uint32_t)n * 4);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t index, other;

		if (!q_field(j->q, j->out, msr_list_at(i), 4, &index))
			return;
		if (!j_keeps(j, R_MSR_LIST_ADDRESS, msr_address(index), "indices that MSRs have",
			     "entry %llu: 0x%llx", (unsigned long long)i,
			     (unsigned long long)index))
			return;
		for (uint64_t k = 0; k < i; k++) {
			q_field(j->q, j->out, msr_list_at(k), 4, &other);
			if (other == index) {
				j_break(j, R_MSR_LIST_UNIQUE, "each index once",
					"entries %llu and %llu: 0x%llx", (unsigned long long)k,
					(unsigned long long)i, (unsigned long long)index);
				return;
			}
		}
		if (indices && !state_set_add(indices, index, 0))
			j->oom = -ENOMEM;
	}
	if (n)
		j_keep(j, R_MSR_LIST_UNIQUE);
}

static void get_msr_index_list(struct judge *j)
{
	msr_list(j, NUMBER_MSRS, &j_system(j)->msr_list, NULL);
}

static void get_msr_feature_index_list(struct judge *j)
{
	msr_list(j, NUMBER_FEATURES, &j_system(j)->feature_list, &j_system(j)->features);
}

/* api.rst 4.5 */
static void get_vcpu_mmap_size(struct judge *j)
{
	int32_t ring = q_cap(j->q, KVM_CAP_COALESCED_MMIO);
	int64_t size = j->ret->ret, page = q_page(j->q);

	if (j->q->call->arg) {
		j_must_fail(j, R_MMAP_SIZE_NO_ARGUMENT);
		return;
	}
	if (!j_succeeds_value(j, R_MMAP_SIZE_POSITIVE))
		return;
	if (!j_check(j, R_MMAP_SIZE_POSITIVE,
		     size > 0 && !(size % page) && (ring < 0 || size >= page * (ring + 1)),
		     "whole pages, the coalesced page included", "%lld bytes", (long long)size))
		return;
	if (vm_constant(j, R_MMAP_SIZE_CONSTANT, "size", &j_system(j)->numbers, NUMBER_MMAP_SIZE, 0,
			(uint64_t)size))
		j_promise_value(j, R_MMAP_SIZE_CONSTANT);
}

/* --- CPUID lists ----------------------------------------------------------------------------- */

/* Of struct kvm_cpuid_entry2: the registers, and what follows them. */
#define CPUID_EAX     offsetof(struct kvm_cpuid_entry2, eax)
#define CPUID_PADDING offsetof(struct kvm_cpuid_entry2, padding)
#define X2APIC	      21 /* bit of leaf 1, ecx */

struct cpuid_entry {
	uint64_t function, index, flags, reg[4];
	bool padded; /* padding is zero */
};

static bool cpuid_entry(const struct question *q, const struct tape_part *part, uint64_t i,
			struct cpuid_entry *e)
{
	size_t at = sizeof(struct kvm_cpuid2) + i * sizeof(struct kvm_cpuid_entry2);
	const uint8_t *p;

	if (!part || at + sizeof(struct kvm_cpuid_entry2) > part->have)
		return false;
	p = part->data + at;
	e->function = q_number(q, p, 4);
	e->index = q_number(q, p + 4, 4);
	e->flags = q_number(q, p + 8, 4);
	for (unsigned int r = 0; r < 4; r++)
		e->reg[r] = q_number(q, p + 12 + 4 * r, 4);
	e->padded = !q_number(q, p + 28, 4) && !q_number(q, p + 32, 4) && !q_number(q, p + 36, 4);
	return true;
}

/* Which registers (a bit each) of a leaf are the same whichever processor of the host answers. */
static unsigned int cpuid_fixed_registers(const struct cpuid_entry *e)
{
	switch (e->function) {
	case 0:
	case 0x40000000:
	case 0x80000000:
	case 0x80000002:
	case 0x80000003:
	case 0x80000004:
		return 0xf;
	case 0x40000001:
		return 0xe; /* eax: features of the KVM leaf, some hang on the back end's mode */
	case 1:
		return 0xc; /* not eax, ebx: model and APIC id of this processor */
	case 0x80000001:
		return 0xc;
	default:
		return 0;
	}
}

/* The processor has features that a process must ask for, so that lists of two processes may
 * differ. */
static bool cpuid_dynamic(const struct question *q, const struct tape_part *part, uint64_t n)
{
	struct cpuid_entry e;

	for (uint64_t i = 0; i < n; i++) {
		if (!cpuid_entry(q, part, i, &e))
			return true;
		if (e.function == 7 && !e.index)
			return e.reg[3] >> 24 & 1; /* AMX-TILE */
	}
	return false;
}

static void cpuid_invariants(struct judge *j, uint64_t n, bool emulated)
{
	uint64_t highest[2] = {UINT64_MAX, UINT64_MAX}; /* of the basic and the extended leaves */
	struct cpuid_entry e, other;

	for (uint64_t i = 0; i < n && cpuid_entry(j->q, j->out, i, &e); i++) {
		size_t at = sizeof(struct kvm_cpuid2) + i * sizeof(struct kvm_cpuid_entry2);

		j_promise_bits(j, R_CPUID_FLAGS, j->out, at + 8, 4, ~7ull);
		if (!(e.flags & 1) && !emulated)
			j_promise(j, R_CPUID_FLAGS, j->out, at + 4, 4);
		j_promise(j, R_CPUID_PADDING_ZERO, j->out, at + CPUID_PADDING, 12);
		if (e.function == 0x40000000 && !emulated)
			j_promise(j, R_CPUID_KVM_SIGNATURE, j->out, at + CPUID_EAX + 4, 12);
		if (!j_check(j, R_CPUID_FLAGS,
			     !(e.flags & ~7ull) && ((e.flags & 1) || !e.index || emulated) &&
				     (e.flags & KVM_CPUID_FLAG_STATEFUL_FUNC ||
				      !(e.flags & KVM_CPUID_FLAG_STATE_READ_NEXT)),
			     "defined flags, index 0 where it does not count",
			     "entry %llu: flags 0x%llx, index %llu", (unsigned long long)i,
			     (unsigned long long)e.flags, (unsigned long long)e.index))
			return;
		j_keeps(j, R_CPUID_PADDING_ZERO, e.padded, "zero padding",
			"entry %llu: padding is not zero", (unsigned long long)i);
		for (uint64_t k = 0; k < i; k++) {
			cpuid_entry(j->q, j->out, k, &other);
			if (other.function == e.function && other.index == e.index &&
			    !((e.flags | other.flags) & KVM_CPUID_FLAG_STATEFUL_FUNC)) {
				j_break(j, R_CPUID_UNIQUE, "one entry of each leaf and index",
					"entries %llu and %llu: leaf 0x%llx, index %llu",
					(unsigned long long)k, (unsigned long long)i,
					(unsigned long long)e.function,
					(unsigned long long)e.index);
				return;
			}
		}
		if (emulated && e.function == 1 &&
		    !j_check(j, R_CPUID_EMULATED_ONLY,
			     !e.reg[1] && !e.reg[3] && !(e.reg[2] >> X2APIC & 1),
			     "nothing that the processor does, and no x2APIC",
			     "leaf 1: ebx 0x%llx, ecx 0x%llx, edx 0x%llx",
			     (unsigned long long)e.reg[1], (unsigned long long)e.reg[2],
			     (unsigned long long)e.reg[3]))
			return;
		if (!e.function)
			highest[0] = e.reg[0];
		else if (e.function == 0x80000000)
			highest[1] = e.reg[0];
		if (emulated)
			continue;
		if ((e.function < 0x40000000 && e.function > highest[0]) ||
		    (e.function >= 0x80000000 && e.function < 0xc0000000 &&
		     e.function > highest[1])) {
			j_break(j, R_CPUID_IN_RANGE, "a leaf within its range",
				"entry %llu: leaf 0x%llx", (unsigned long long)i,
				(unsigned long long)e.function);
			return;
		}
		if (e.function == 0x40000000 &&
		    !j_check(j, R_CPUID_KVM_SIGNATURE,
			     e.reg[1] == 0x4b4d564b && e.reg[2] == 0x564b4d56 && e.reg[3] == 0x4d,
			     "KVMKVMKVM in ebx, ecx, edx", "0x%llx 0x%llx 0x%llx",
			     (unsigned long long)e.reg[1], (unsigned long long)e.reg[2],
			     (unsigned long long)e.reg[3]))
			return;
	}
	if (n && !j->broken) {
		j_hold(j, R_CPUID_UNIQUE);
		if (!emulated)
			j_hold(j, R_CPUID_IN_RANGE);
	}
}

/* Against the entries of an earlier answer, which `known` holds as they stood on the tape. */
static void cpuid_compare(struct judge *j, uint64_t n, struct state_block *known)
{
	const size_t size = sizeof(struct kvm_cpuid_entry2);
	const struct tape_part before = {.have = known->size, .data = known->value};
	struct cpuid_entry e, was;

	for (uint64_t i = 0; known->size && i < n; i++) {
		size_t at = sizeof(struct kvm_cpuid2) + i * size;

		if (!cpuid_entry(j->q, j->out, i, &e) || !cpuid_entry(j->q, &before, i, &was))
			break;
		j_promise(j, R_CPUID_CONSTANT, j->out, at, CPUID_EAX);
		j_promise_echo(j, R_CPUID_CONSTANT, known, TAPE_ARG_OUT, at, CPUID_EAX);
		for (unsigned int r = 0; j->promises && r < 4; r++) {
			if (!(cpuid_fixed_registers(&was) >> r & 1))
				continue;
			j_promise(j, R_CPUID_CONSTANT, j->out, at + CPUID_EAX + 4 * r, 4);
			j_promise_echo(j, R_CPUID_CONSTANT, known, TAPE_ARG_OUT,
				       at + CPUID_EAX + 4 * r, 4);
		}
		if (!j_check(j, R_CPUID_CONSTANT,
			     e.function == was.function && e.index == was.index &&
				     e.flags == was.flags,
			     "the leaves of the earlier answer",
			     "entry %llu: leaf 0x%llx, index %llu, flags 0x%llx",
			     (unsigned long long)i, (unsigned long long)e.function,
			     (unsigned long long)e.index, (unsigned long long)e.flags))
			return;
		for (unsigned int r = 0; r < 4; r++) {
			if (!(cpuid_fixed_registers(&e) >> r & 1))
				continue;
			if (!j_equal(j, R_CPUID_CONSTANT, "register of a leaf that stays",
				     was.reg[r], e.reg[r]))
				return;
		}
	}
	if (known->size || !j->out || j->out->have < sizeof(struct kvm_cpuid2) + n * size)
		return;
	if (state_block_set(known, 0, j->out->data,
			    (uint32_t)(sizeof(struct kvm_cpuid2) + n * size)))
		j->oom = -ENOMEM;
	known->origin = j->q->call->index + 1;
	known->origin_offset = 0;
}

/* api.rst 4.46, 4.88 */
static void get_cpuid(struct judge *j, bool emulated)
{
	struct state_entry *count, *low;
	struct state_block *known = emulated ? &j_system(j)->emulated_cpuid : &j_system(j)->cpuid;
	uint64_t room, n, pad, pad_after, slack = 0;
	bool have_n = J_OUT(j, struct kvm_cpuid2, nent, &n);
	struct cpuid_entry e;

	/* Adding one entry may move the other. */
	if (!number(j->l, emulated ? NUMBER_EMULATED : NUMBER_CPUID))
		return;
	low = number(j->l, emulated ? NUMBER_EMULATED_LOW : NUMBER_CPUID_LOW);
	count = number(j->l, emulated ? NUMBER_EMULATED : NUMBER_CPUID);
	low = number(j->l, emulated ? NUMBER_EMULATED_LOW : NUMBER_CPUID_LOW);
	if (!count || !low)
		return;
	if (!Q_IN(j->q, struct kvm_cpuid2, nent, &room)) {
		j_skip(j, "argument not captured");
		return;
	}
	/* value[1]: how much the count of another process may differ. */
	if (count->known)
		slack = count->value[1];
	for (uint64_t i = 0;
	     emulated && i < room && i < CPUID_MAX_ENTRIES && cpuid_entry(j->q, j->q->in, i, &e);
	     i++) {
		if (!e.padded && room) {
			j_may_fail(j, R_CPUID_NENT_TOO_LOW);
			j_must_fail(j, R_CPUID_EMULATED_PADDING);
			return;
		}
	}
	if (emulated &&
	    !(j->q->in &&
	      j->q->in->have >= sizeof(struct kvm_cpuid2) + room * sizeof(struct kvm_cpuid_entry2)))
		j_may_fail(j, R_CPUID_EMULATED_PADDING);
	if (!room || (count->known && room + slack < count->value[0])) {
		j_must_fail(j, R_CPUID_NENT_TOO_LOW);
	} else {
		if (emulated && (!count->known || room <= count->value[0] + slack))
			j_may_fail(j, R_CPUID_EMULATED_SPARE);
		/* Old kernels have a limit of 80 entries of their own. */
		if (count->known ? room < count->value[0] + slack
				 : room < CPUID_MAX_ENTRIES || q_kernel(j->q) < MODEL_KERNEL(6, 1))
			j_may_fail(j, R_CPUID_NENT_TOO_LOW);
		if (j->ret->ret == -ENOMEM && have_n && n < room) {
			j_break(j, R_CPUID_NENT_TOO_HIGH, "0 and nent lowered",
				"-1 ENOMEM and nent lowered");
			return;
		}
		if (!j_succeeds(j, R_CPUID_SUCCEEDS) && j->ret->ret != -E2BIG)
			return;
	}
	if (j->q->in)
		j_promise(j, R_CPUID_HEADER_KEPT, j->out, 4, 4);
	if (j->ret->ret == -E2BIG)
		j_promise(j, R_CPUID_NENT_KEPT, j->out, 0, 4);
	else if (count->known && !slack)
		j_promise(j, R_CPUID_NENT_CONSTANT, j->out, 0, 4);
	else
		j_constrain(j, R_CPUID_NENT_COUNT, j->out, 0, 4);
	if (Q_IN(j->q, struct kvm_cpuid2, padding, &pad) &&
	    J_OUT(j, struct kvm_cpuid2, padding, &pad_after))
		j_keeps(j, R_CPUID_HEADER_KEPT, pad == pad_after, "the word after nent as it was",
			"0x%llx", (unsigned long long)pad_after);
	if (j->ret->ret == -E2BIG) {
		if (have_n)
			j_keeps(j, R_CPUID_NENT_KEPT, n == room, "nent as it was", "nent = %llu",
				(unsigned long long)n);
		if (!low->known || low->value[0] < room)
			low->value[0] = room;
		low->known = 1;
		return;
	}
	if (j->ret->ret || !have_n)
		return;
	if (!j_check(j, R_CPUID_NENT_COUNT,
		     n <= room && n <= CPUID_MAX_ENTRIES && (n || emulated) &&
			     (!j->out || j->out->want < 8 ||
			      j->out->want >= 8 + n * sizeof(struct kvm_cpuid_entry2)),
		     "as many entries as there is room for, or fewer", "nent = %llu, room %llu",
		     (unsigned long long)n, (unsigned long long)room))
		return;
	if (n < room)
		j_keep(j, R_CPUID_NENT_TOO_HIGH);
	if (!count->known && !emulated)
		slack = cpuid_dynamic(j->q, j->out, n) ? 8 : 0;
	if (low->known &&
	    !j_check(j, R_CPUID_NENT_CONSTANT, n + slack + emulated > low->value[0],
		     "more entries than the nent that was too low", "nent = %llu, too low was %llu",
		     (unsigned long long)n, (unsigned long long)low->value[0]))
		return;
	if (count->known && !slack &&
	    !j_equal(j, R_CPUID_NENT_CONSTANT, "nent", count->value[0], n))
		return;
	cpuid_invariants(j, n, emulated);
	if (!slack)
		cpuid_compare(j, n, known);
	if (!count->known) {
		count->known = 1;
		count->value[0] = n;
		count->value[1] = slack;
	}
}

static void get_supported_cpuid(struct judge *j)
{
	get_cpuid(j, false);
}

static void get_emulated_cpuid(struct judge *j)
{
	get_cpuid(j, true);
}

/* --- feature MSRs, MCE, attributes ----------------------------------------------------------- */

static size_t msr_at(uint64_t i, size_t member)
{
	return sizeof(struct kvm_msrs) + i * sizeof(struct kvm_msr_entry) + member;
}

/* api.rst 4.18 for the system descriptor */
static void get_feature_msrs(struct judge *j)
{
	struct state_system *s = j_system(j);
	uint64_t n, index, data, before, after;
	bool listed = s->features.count > 0;

	if (!Q_IN(j->q, struct kvm_msrs, nmsrs, &n)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (n >= MSRS_MAX) {
		j_must_fail(j, R_FEATURE_MSRS_TOO_MANY);
		return;
	}
	if (!j_succeeds_value(j, R_FEATURE_MSRS_OTHER))
		return;
	for (uint64_t i = 0; i < n && listed; i++)
		listed = q_field(j->q, j->q->in, msr_at(i, offsetof(struct kvm_msr_entry, index)),
				 4, &index) &&
			 state_set_find(&s->features, index, 0);
	if (listed)
		j_equal_result(j, R_FEATURE_MSRS_READ, "MSRs read", n);
	else
		j_check(j, R_FEATURE_MSRS_OTHER, (uint64_t)j->ret->ret <= n,
			"no more MSRs than were asked for", "%lld", (long long)j->ret->ret);
	if (J_OUT(j, struct kvm_msrs, nmsrs, &after) &&
	    !j_equal(j, R_FEATURE_MSRS_INDEX_KEPT, "nmsrs", n, after))
		return;
	if (Q_IN(j->q, struct kvm_msrs, pad, &before) && J_OUT(j, struct kvm_msrs, pad, &after))
		j_keeps(j, R_FEATURE_MSRS_REST_KEPT, before == after, "pad as it was", "0x%llx",
			(unsigned long long)after);
	j_promise(j, R_FEATURE_MSRS_INDEX_KEPT, j->out, 0, 4);
	j_promise(j, R_FEATURE_MSRS_REST_KEPT, j->out, 4, 4);
	for (uint64_t i = 0; i < n && !j->broken; i++) {
		j_promise(j, R_FEATURE_MSRS_INDEX_KEPT, j->out, msr_at(i, 0), 4);
		j_promise(j, R_FEATURE_MSRS_REST_KEPT, j->out, msr_at(i, 4), 4);
		if (i > (uint64_t)j->ret->ret)
			j_promise(j, R_FEATURE_MSRS_REST_KEPT, j->out, msr_at(i, 8), 8);
		if (!q_field(j->q, j->q->in, msr_at(i, offsetof(struct kvm_msr_entry, index)), 4,
			     &index) ||
		    !q_field(j->q, j->out, msr_at(i, offsetof(struct kvm_msr_entry, index)), 4,
			     &after) ||
		    !q_field(j->q, j->out, msr_at(i, offsetof(struct kvm_msr_entry, data)), 8,
			     &data))
			return;
		if (!j_equal(j, R_FEATURE_MSRS_INDEX_KEPT, "index", index, after))
			return;
		if (q_field(j->q, j->q->in, msr_at(i, offsetof(struct kvm_msr_entry, reserved)), 4,
			    &before) &&
		    q_field(j->q, j->out, msr_at(i, offsetof(struct kvm_msr_entry, reserved)), 4,
			    &after) &&
		    before != after)
			j_break(j, R_FEATURE_MSRS_REST_KEPT, "reserved as it was",
				"entry %llu: 0x%llx", (unsigned long long)i,
				(unsigned long long)after);
		/* The first that cannot be read is cleared; beyond it nothing is filled in. */
		if (i == (uint64_t)j->ret->ret && q_kernel(j->q) < MODEL_KERNEL(6, 9) &&
		    vm_backend_may_be(j->q, "kvm_intel"))
			continue; /* older kernels may leave there what was on the stack */
		if (i == (uint64_t)j->ret->ret && q_applies(j->q, R_FEATURE_MSRS_FIRST_CLEARED)) {
			j_equal_field(j, R_FEATURE_MSRS_FIRST_CLEARED,
				      "data of the MSR that cannot be read", 0, j->out,
				      msr_at(i, offsetof(struct kvm_msr_entry, data)), 8);
			continue;
		}
		if (i > (uint64_t)j->ret->ret &&
		    q_field(j->q, j->q->in, msr_at(i, offsetof(struct kvm_msr_entry, data)), 8,
			    &before) &&
		    before != data)
			j_break(j, R_FEATURE_MSRS_REST_KEPT, "data as it was", "entry %llu: 0x%llx",
				(unsigned long long)i, (unsigned long long)data);
		/* The microcode revision may be updated under way. */
		if (i < (uint64_t)j->ret->ret && index != 0x8b &&
		    vm_constant(j, R_FEATURE_MSRS_CONSTANT, "data", &s->msrs, index, 0, data))
			j_promise(j, R_FEATURE_MSRS_CONSTANT, j->out,
				  msr_at(i, offsetof(struct kvm_msr_entry, data)), 8);
	}
}

/* api.rst 4.104 */
static void get_mce_cap(struct judge *j)
{
	/* Banks, CTL_P, EXT_P, CMCI_P, TES_P, EXT_CNT, SER_P, EMC_P, ELOG_P, LMCE_P. */
	const uint64_t format = 0xffull | 0xfull << 8 | 0xffull << 16 | 0xfull << 24;
	uint64_t cap;

	if (!j_succeeds(j, R_MCE_CAP_SUCCEEDS) || !q_field(j->q, j->out, 0, 8, &cap))
		return;
	if (!j_check(j, R_MCE_CAP_FORMAT, !(cap & ~format), "bits of MSR_IA32_MCG_CAP", "0x%llx",
		     (unsigned long long)cap))
		return;
	/* CTL_P and SER_P always, CMCI_P and LMCE_P by host and back end; no banks. */
	j_keeps(j, R_MCE_CAP_OF_KVM, (cap & ~(1ull << 10 | 1ull << 27)) == (1ull << 8 | 1ull << 24),
		"CTL_P, SER_P, and of others no more than CMCI_P and LMCE_P", "0x%llx",
		(unsigned long long)cap);
	j_promise_bits(j, R_MCE_CAP_OF_KVM, j->out, 0, 8, ~(1ull << 10 | 1ull << 27));
	if (vm_constant(j, R_MCE_CAP_CONSTANT, "capabilities", &j_system(j)->numbers,
			NUMBER_MCE_CAP, 0, cap))
		j_promise(j, R_MCE_CAP_CONSTANT, j->out, 0, 8);
}

/* api.rst 4.80, 4.81 for the system descriptor */
static void system_attr(struct judge *j, bool get)
{
	int32_t cap = q_cap(j->q, KVM_CAP_SYS_ATTRIBUTES);
	const struct tape_part *data = j_part(j, TAPE_NESTED_OUT);
	uint64_t group, attr, value;

	if (cap == 0) {
		j_must_fail(j, R_SYSTEM_ATTR_UNSUPPORTED);
		return;
	}
	if (cap < 0)
		j_may_fail(j, R_SYSTEM_ATTR_UNSUPPORTED);
	if (!Q_IN(j->q, struct kvm_device_attr, group, &group) ||
	    !Q_IN(j->q, struct kvm_device_attr, attr, &attr)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (get)
		vm_buffer_may_fault(j, data);
	if (!group && attr == 0) {
		if (!j_succeeds(j, R_SYSTEM_ATTR_XCOMP))
			return;
	} else if (!group) {
		j_must_fail(j, R_SYSTEM_ATTR_UNKNOWN);
		return;
	} else {
		j_may_fail(j, R_SYSTEM_ATTR_UNKNOWN);
		if (!j_may_succeed(j, R_SYSTEM_ATTR_OTHER, "attribute of a back end"))
			return;
	}
	if (get && q_field(j->q, data, 0, 8, &value) &&
	    vm_constant(j, R_SYSTEM_ATTR_CONSTANT, "attribute", &j_system(j)->attrs,
			group << 32 | attr, 0, value))
		j_promise(j, R_SYSTEM_ATTR_CONSTANT, data, 0, 8);
}

static void system_get_attr(struct judge *j)
{
	system_attr(j, true);
}

static void system_has_attr(struct judge *j)
{
	system_attr(j, false);
}

/* An unknown request there: D-01. */
static void system_set_attr(struct judge *j)
{
	j_must_fail(j, R_UNKNOWN_SYSTEM_EINVAL);
}

/* uapi/kvm.h names them, nothing is behind them. */
static void trace(struct judge *j)
{
	j_may_fail_with(j, R_TRACE_UNSUPPORTED, EOPNOTSUPP);
	j_must_fail_with(j, R_TRACE_UNSUPPORTED, EINVAL);
}

const struct judge_handler model_system_handlers[] = {
	{"KVM_GET_API_VERSION", KVMAPI_SYSTEM, .judge = get_api_version},
	{"KVM_CREATE_VM", KVMAPI_SYSTEM, .judge = create_vm},
	{"KVM_GET_MSR_INDEX_LIST", KVMAPI_SYSTEM, .judge = get_msr_index_list},
	{"KVM_GET_MSR_FEATURE_INDEX_LIST", KVMAPI_SYSTEM, .judge = get_msr_feature_index_list},
	{"KVM_CHECK_EXTENSION", KVMAPI_SYSTEM, .answer = cap_answer_extension_system,
	 .learn = cap_learn_extension_system},
	{"KVM_GET_VCPU_MMAP_SIZE", KVMAPI_SYSTEM, .judge = get_vcpu_mmap_size},
	{"KVM_GET_SUPPORTED_CPUID", KVMAPI_SYSTEM, .judge = get_supported_cpuid},
	{"KVM_GET_EMULATED_CPUID", KVMAPI_SYSTEM, .judge = get_emulated_cpuid},
	{"KVM_GET_MSRS", KVMAPI_SYSTEM, .judge = get_feature_msrs},
	{"KVM_X86_GET_MCE_CAP_SUPPORTED", KVMAPI_SYSTEM, .judge = get_mce_cap},
	{"KVM_GET_DEVICE_ATTR", KVMAPI_SYSTEM, .judge = system_get_attr},
	{"KVM_HAS_DEVICE_ATTR", KVMAPI_SYSTEM, .judge = system_has_attr},
	{"KVM_SET_DEVICE_ATTR", KVMAPI_SYSTEM, .judge = system_set_attr},
	{"KVM_TRACE_ENABLE", KVMAPI_SYSTEM, .judge = trace},
	{"KVM_TRACE_PAUSE", KVMAPI_SYSTEM, .judge = trace},
	{"KVM_TRACE_DISABLE", KVMAPI_SYSTEM, .judge = trace},
	{NULL, 0, .judge = NULL},
};
