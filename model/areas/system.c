/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls on /dev/kvm: api.rst 4.1 to 4.5, 4.18, 4.46, 4.80, 4.88, 4.104.  What they answer varies
 * with kernel and host only, so the first answer of a tape predicts all that follow.
 */
#include <stdlib.h>
#include <string.h>

#include "kvmapi/kvm_newer.h"
#include "model/areas/vm.h"

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

void vm_typed_seen(struct learn *l)
{
	l->system->typed_vm = true;
}

bool vm_typed(const struct question *q)
{
	if (q->vm && (!q->vm->fresh || q->vm->encrypted))
		return true;
	return q->system->typed_vm;
}

/* What was answered before under this key; NULL = nothing. */
static const struct state_entry *answered(const struct state_set *set, uint64_t key)
{
	const struct state_entry *e = state_set_find(set, key, 0);

	return e && e->known ? e : NULL;
}

/* a_constant() of a field of 64 bits. */
static void a_constant_field(struct answer *a, uint16_t rule, const char *what,
			     const struct state_set *set, uint64_t key, uint8_t role, size_t offset)
{
	const struct state_entry *before = answered(set, key);

	if (before)
		a_equal(a, rule, what, before->value[0], role, offset, 8);
}

/* api.rst 4.1 */
static void answer_get_api_version(const struct question *q, struct answer *a)
{
	if (q->call->arg) {
		a_must_fail(a, R_API_VERSION_NO_ARGUMENT);
		return;
	}
	a_succeeds_value(a, R_API_VERSION_IS_12);
	a_result(a, R_API_VERSION_IS_12, "version", KVM_API_VERSION);
}

/* api.rst 4.2 */
static void answer_create_vm(const struct question *q, struct answer *a)
{
	uint64_t type = q->call->arg;
	int32_t types = q_cap(q, KVM_CAP_VM_TYPES);

	if (!type) {
		a_succeeds_value(a, R_CREATE_VM_SUCCEEDS);
	} else {
		/* Kernels from before that capability know type 0 only. */
		if (types == 0)
			types = 1;
		if (types != INT32_MIN && (type >= 31 || !(types >> type & 1))) {
			a_must_fail(a, R_CREATE_VM_TYPE_UNSUPPORTED);
			return;
		}
		a_may_succeed(a, R_CREATE_VM_TYPE, "not every machine can make every type of VM");
	}
	a_created(a);
}

static void learn_create_vm(struct learn *l)
{
	if (l->succeeded && l->q->call->arg)
		vm_typed_seen(l);
}

/* --- MSR lists ------------------------------------------------------------------------------- */

#define LIST_SUGGESTED 4 /* entries, where a result is made up */

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

/* The first entry of the list with this index, or `i` if none before that one has it. */
static uint64_t msr_listed(const struct question *q, const struct tape_part *list, uint64_t i,
			   uint64_t index)
{
	uint64_t other, k = 0;

	while (k < i && q_field(q, list, msr_list_at(k), 4, &other) && other != index)
		k++;
	return k;
}

static void check_msr_list(const struct question *q, struct judge *j)
{
	uint64_t n, index, first;

	if (!J_OUT(j, struct kvm_msr_list, nmsrs, &n) || n > UINT16_MAX)
		return;
	for (uint64_t i = 0; i < n; i++) {
		if (!q_field(q, j->out, msr_list_at(i), 4, &index))
			return;
		if (!j_keeps(j, R_MSR_LIST_ADDRESS, msr_address(index), "indices that MSRs have",
			     "entry %llu: 0x%llx", (unsigned long long)i,
			     (unsigned long long)index))
			return;
		first = msr_listed(q, j->out, i, index);
		if (first < i) {
			j_break(j, R_MSR_LIST_UNIQUE, "each index once",
				"entries %llu and %llu: 0x%llx", (unsigned long long)first,
				(unsigned long long)i, (unsigned long long)index);
			return;
		}
	}
	if (n)
		j_keep(j, R_MSR_LIST_UNIQUE);
}

/* A list of a few MSRs, or of as many as there are known to be. */
static void suggest_msr_list(struct answer *a, const struct state_entry *count, uint64_t room)
{
	uint64_t n = count ? count->value[0] : room < LIST_SUGGESTED ? room : LIST_SUGGESTED;

	if (!a_wants(a, ANSWER_SUGGEST))
		return;
	A_SUGGEST(a, struct kvm_msr_list, nmsrs, n);
	for (uint64_t i = 0; i < n && msr_address(i); i++)
		a_suggest(a, TAPE_ARG_OUT, msr_list_at(i), 4, i);
}

/* api.rst 4.3 */
static void answer_msr_list(const struct question *q, struct answer *a, uint64_t key,
			    const struct state_block *known)
{
	const struct state_entry *count = answered(&q->system->numbers, key);
	uint64_t room;

	if (!Q_IN(q, struct kvm_msr_list, nmsrs, &room)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (a_refuse(a, R_MSR_LIST_TOO_SMALL,
		     count ? tri(room < count->value[0]) : tri_may(false, room < UINT16_MAX))) {
		a_when_failed_with(a, E2BIG);
		A_EQUAL(a, R_MSR_LIST_COUNT, struct kvm_msr_list, nmsrs, count->value[0]);
		a_when_end(a);
		return;
	}
	a_when_failed_with(a, E2BIG);
	a_range(a, R_MSR_LIST_COUNT, "nmsrs above the room", room + 1, UINT32_MAX, TAPE_ARG_OUT,
		offsetof(struct kvm_msr_list, nmsrs), 4);
	a_when_end(a);
	a_succeeds(a, R_MSR_LIST_SUCCEEDS);
	suggest_msr_list(a, count, room);
	if (count) {
		A_EQUAL(a, R_MSR_LIST_COUNT, struct kvm_msr_list, nmsrs, count->value[0]);
		if (count->value[0] <= UINT16_MAX)
			a_block(a, R_MSR_LIST_CONSTANT, known, TAPE_ARG_OUT,
				sizeof(struct kvm_msr_list), count->value[0] * 4);
	} else {
		a_range(a, R_MSR_LIST_COUNT, "nmsrs within the room", 0, room, TAPE_ARG_OUT,
			offsetof(struct kvm_msr_list, nmsrs), 4);
	}
	a_check(a, check_msr_list);
}

/* The list, and how long it is; true if it was given. */
static bool learn_msr_list(struct learn *l, uint64_t key, struct state_block *known)
{
	struct state_entry *count = number(l, key);
	uint64_t room, n;

	if (!count || !Q_IN(l->q, struct kvm_msr_list, nmsrs, &room) ||
	    !L_OUT(l, struct kvm_msr_list, nmsrs, &n) || (l->ret->ret && l->ret->ret != -E2BIG) ||
	    (!count->known && (l->ret->ret ? n <= room : n > room)))
		return false;
	if (!count->known) {
		count->known = 1;
		count->value[0] = n;
	}
	if (l->ret->ret || count->value[0] > UINT16_MAX)
		return false;
	l_block_get(l, known, l->out, sizeof(struct kvm_msr_list), (uint32_t)count->value[0] * 4);
	return true;
}

static void answer_msr_index_list(const struct question *q, struct answer *a)
{
	answer_msr_list(q, a, NUMBER_MSRS, &q->system->msr_list);
}

static void learn_msr_index_list(struct learn *l)
{
	learn_msr_list(l, NUMBER_MSRS, &l->system->msr_list);
}

static void answer_msr_feature_index_list(const struct question *q, struct answer *a)
{
	answer_msr_list(q, a, NUMBER_FEATURES, &q->system->feature_list);
}

static void learn_msr_feature_index_list(struct learn *l)
{
	const struct state_entry *count;
	uint64_t index;

	if (!learn_msr_list(l, NUMBER_FEATURES, &l->system->feature_list))
		return;
	count = answered(&l->system->numbers, NUMBER_FEATURES);
	for (uint64_t i = 0; i < count->value[0]; i++) {
		if (!q_field(l->q, l->out, msr_list_at(i), 4, &index) || !msr_address(index) ||
		    msr_listed(l->q, l->out, i, index) < i)
			return;
		if (!state_set_add(&l->system->features, index, 0))
			l->oom = -ENOMEM;
	}
}

/* --- the vCPU area --------------------------------------------------------------------------- */

static bool mmap_size_fits(const struct question *q, int64_t size)
{
	int32_t ring = q_cap(q, KVM_CAP_COALESCED_MMIO);
	int64_t page = q_page(q);

	return size > 0 && !(size % page) && (ring < 0 || size >= page * (ring + 1));
}

static void check_mmap_size(const struct question *q, struct judge *j)
{
	j_check(j, R_MMAP_SIZE_POSITIVE, mmap_size_fits(q, j->ret->ret),
		"whole pages, the coalesced page included", "%lld bytes", (long long)j->ret->ret);
}

/* api.rst 4.5 */
static void answer_get_vcpu_mmap_size(const struct question *q, struct answer *a)
{
	const int64_t ring = q_cap(q, KVM_CAP_COALESCED_MMIO);

	if (q->call->arg) {
		a_must_fail(a, R_MMAP_SIZE_NO_ARGUMENT);
		return;
	}
	a_succeeds_value(a, R_MMAP_SIZE_POSITIVE);
	/* struct kvm_run, port I/O, the coalesced page. */
	a_suggest_result(a, (int64_t)q_page(q) * (ring < 2 ? 3 : ring + 1));
	a_check(a, check_mmap_size);
	a_constant(a, R_MMAP_SIZE_CONSTANT, "size", &q->system->numbers, NUMBER_MMAP_SIZE, 0);
}

static void learn_get_vcpu_mmap_size(struct learn *l)
{
	if (l->succeeded && mmap_size_fits(l->q, l->ret->ret))
		l_constant(l, &l->system->numbers, NUMBER_MMAP_SIZE, 0, (uint64_t)l->ret->ret);
}

/* --- CPUID lists ----------------------------------------------------------------------------- */

/* Of struct kvm_cpuid_entry2. */
#define CPUID_INDEX	 offsetof(struct kvm_cpuid_entry2, index)
#define CPUID_FLAGS	 offsetof(struct kvm_cpuid_entry2, flags)
#define CPUID_EAX	 offsetof(struct kvm_cpuid_entry2, eax)
#define CPUID_PADDING	 offsetof(struct kvm_cpuid_entry2, padding)
/* Of struct kvm_cpuid2: what follows nent. */
#define CPUID_HEADER_PAD offsetof(struct kvm_cpuid2, padding)
#define X2APIC		 21 /* bit of leaf 1, ecx */

struct cpuid_entry {
	uint64_t function, index, flags, reg[4];
	bool padded; /* padding is zero */
};

/* Where an entry begins. */
static size_t cpuid_at(uint64_t i)
{
	return sizeof(struct kvm_cpuid2) + i * sizeof(struct kvm_cpuid_entry2);
}

static bool cpuid_entry(const struct question *q, const struct tape_part *part, uint64_t i,
			struct cpuid_entry *e)
{
	size_t at = cpuid_at(i);
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

/* Format of one entry; false: broken. */
static bool check_cpuid_format(struct judge *j, uint64_t i, const struct cpuid_entry *e,
			       bool emulated)
{
	const size_t at = cpuid_at(i);

	j_promise_bits(j, R_CPUID_FLAGS, j->out, at + CPUID_FLAGS, 4, ~7ull);
	if (!(e->flags & 1) && !emulated)
		j_promise(j, R_CPUID_FLAGS, j->out, at + CPUID_INDEX, 4);
	j_promise(j, R_CPUID_PADDING_ZERO, j->out, at + CPUID_PADDING, 12);
	if (e->function == 0x40000000 && !emulated)
		j_promise(j, R_CPUID_KVM_SIGNATURE, j->out, at + CPUID_EAX + 4, 12);
	if (!j_check(j, R_CPUID_FLAGS,
		     !(e->flags & ~7ull) && ((e->flags & 1) || !e->index || emulated) &&
			     (e->flags & KVM_CPUID_FLAG_STATEFUL_FUNC ||
			      !(e->flags & KVM_CPUID_FLAG_STATE_READ_NEXT)),
		     "defined flags, index 0 where it does not count",
		     "entry %llu: flags 0x%llx, index %llu", (unsigned long long)i,
		     (unsigned long long)e->flags, (unsigned long long)e->index))
		return false;
	j_keeps(j, R_CPUID_PADDING_ZERO, e->padded, "zero padding",
		"entry %llu: padding is not zero", (unsigned long long)i);
	return true;
}

/* No entry before this one is of the same leaf and index; false: broken. */
static bool check_cpuid_unique(struct judge *j, uint64_t i, const struct cpuid_entry *e)
{
	struct cpuid_entry other;

	for (uint64_t k = 0; k < i; k++) {
		cpuid_entry(j->q, j->out, k, &other);
		if (other.function != e->function || other.index != e->index ||
		    (e->flags | other.flags) & KVM_CPUID_FLAG_STATEFUL_FUNC)
			continue;
		j_break(j, R_CPUID_UNIQUE, "one entry of each leaf and index",
			"entries %llu and %llu: leaf 0x%llx, index %llu", (unsigned long long)k,
			(unsigned long long)i, (unsigned long long)e->function,
			(unsigned long long)e->index);
		return false;
	}
	return true;
}

/* What some leaves say; `highest` is the highest leaf of the basic and the extended ones.  False:
 * broken. */
static bool check_cpuid_leaf(struct judge *j, uint64_t i, const struct cpuid_entry *e,
			     const uint64_t *highest, bool emulated)
{
	if (emulated)
		return e->function != 1 ||
		       j_check(j, R_CPUID_EMULATED_ONLY,
			       !e->reg[1] && !e->reg[3] && !(e->reg[2] >> X2APIC & 1),
			       "nothing that the processor does, and no x2APIC",
			       "leaf 1: ebx 0x%llx, ecx 0x%llx, edx 0x%llx",
			       (unsigned long long)e->reg[1], (unsigned long long)e->reg[2],
			       (unsigned long long)e->reg[3]);
	if ((e->function < 0x40000000 && e->function > highest[0]) ||
	    (e->function >= 0x80000000 && e->function < 0xc0000000 && e->function > highest[1])) {
		j_break(j, R_CPUID_IN_RANGE, "a leaf within its range", "entry %llu: leaf 0x%llx",
			(unsigned long long)i, (unsigned long long)e->function);
		return false;
	}
	return e->function != 0x40000000 ||
	       j_check(j, R_CPUID_KVM_SIGNATURE,
		       e->reg[1] == 0x4b4d564b && e->reg[2] == 0x564b4d56 && e->reg[3] == 0x4d,
		       "KVMKVMKVM in ebx, ecx, edx", "0x%llx 0x%llx 0x%llx",
		       (unsigned long long)e->reg[1], (unsigned long long)e->reg[2],
		       (unsigned long long)e->reg[3]);
}

/* What holds of each list. */
static void check_cpuid_entries(struct judge *j, uint64_t n, bool emulated)
{
	uint64_t highest[2] = {UINT64_MAX, UINT64_MAX};
	struct cpuid_entry e;

	for (uint64_t i = 0; i < n && cpuid_entry(j->q, j->out, i, &e); i++) {
		if (!check_cpuid_format(j, i, &e, emulated) || !check_cpuid_unique(j, i, &e))
			return;
		if (!e.function)
			highest[0] = e.reg[0];
		else if (e.function == 0x80000000)
			highest[1] = e.reg[0];
		if (!check_cpuid_leaf(j, i, &e, highest, emulated))
			return;
	}
	if (n && !j->broken) {
		j_hold(j, R_CPUID_UNIQUE);
		if (!emulated)
			j_hold(j, R_CPUID_IN_RANGE);
	}
}

/* What is the same as in an earlier answer: the leaf, and some of its registers. */
static void promise_cpuid_entry(struct judge *j, const struct state_block *known, size_t at,
				unsigned int registers)
{
	j_promise(j, R_CPUID_CONSTANT, j->out, at, CPUID_EAX);
	j_promise_echo(j, R_CPUID_CONSTANT, known, TAPE_ARG_OUT, at, CPUID_EAX);
	for (unsigned int r = 0; j->promises && r < 4; r++) {
		if (!(registers >> r & 1))
			continue;
		j_promise(j, R_CPUID_CONSTANT, j->out, at + CPUID_EAX + 4 * r, 4);
		j_promise_echo(j, R_CPUID_CONSTANT, known, TAPE_ARG_OUT, at + CPUID_EAX + 4 * r, 4);
	}
}

/* Against the entries of an earlier answer, which `known` holds as they stood on the tape. */
static void check_cpuid_same(struct judge *j, uint64_t n, const struct state_block *known)
{
	const struct tape_part before = {.have = known->size, .data = known->value};
	struct cpuid_entry e, was;

	for (uint64_t i = 0; known->size && i < n; i++) {
		if (!cpuid_entry(j->q, j->out, i, &e) || !cpuid_entry(j->q, &before, i, &was))
			return;
		promise_cpuid_entry(j, known, cpuid_at(i), cpuid_fixed_registers(&was));
		if (!j_check(j, R_CPUID_CONSTANT,
			     e.function == was.function && e.index == was.index &&
				     e.flags == was.flags,
			     "the leaves of the earlier answer",
			     "entry %llu: leaf 0x%llx, index %llu, flags 0x%llx",
			     (unsigned long long)i, (unsigned long long)e.function,
			     (unsigned long long)e.index, (unsigned long long)e.flags))
			return;
		for (unsigned int r = 0; r < 4; r++) {
			if (cpuid_fixed_registers(&e) >> r & 1 &&
			    !j_equal(j, R_CPUID_CONSTANT, "register of a leaf that stays",
				     was.reg[r], e.reg[r]))
				return;
		}
	}
}

/* What is known of a list. */
struct cpuid_known {
	const struct state_entry *count, *low; /* NULL = not known */
	const struct state_block *list;
	uint64_t slack; /* how much the count of another process may differ */
	bool emulated;
};

static struct cpuid_known cpuid_known(const struct question *q)
{
	const struct state_system *s = q->system;
	const bool emulated = !strcmp(q->row->name, "KVM_GET_EMULATED_CPUID");
	struct cpuid_known k = {
		.count = answered(&s->numbers, emulated ? NUMBER_EMULATED : NUMBER_CPUID),
		.low = answered(&s->numbers, emulated ? NUMBER_EMULATED_LOW : NUMBER_CPUID_LOW),
		.list = emulated ? &s->emulated_cpuid : &s->cpuid,
		.emulated = emulated,
	};

	if (k.count)
		k.slack = k.count->value[1];
	return k;
}

/* Once `n` entries were given: the same, for the count to come if it was not known before. */
static uint64_t cpuid_slack(const struct question *q, const struct tape_part *out, uint64_t n,
			    const struct cpuid_known *k)
{
	if (k->count || k->emulated)
		return k->slack;
	return cpuid_dynamic(q, out, n) ? 8 : 0;
}

/* So many entries may be given where there is this room, and there were as many on the tape. */
static bool cpuid_count_fits(const struct tape_part *out, uint64_t n, uint64_t room, bool emulated)
{
	return n <= room && n <= CPUID_MAX_ENTRIES && (n || emulated) &&
	       (out->want < sizeof(struct kvm_cpuid2) || out->want >= cpuid_at(n));
}

/* So many entries may be given after what was too low. */
static bool cpuid_above_low(const struct question *q, const struct tape_part *out, uint64_t n,
			    const struct cpuid_known *k)
{
	return !k->low || n + cpuid_slack(q, out, n, k) + k->emulated > k->low->value[0];
}

static bool cpuid_room(const struct question *q, uint64_t *room)
{
	return Q_IN(q, struct kvm_cpuid2, nent, room);
}

/* The call failed with ENOMEM. */
static void check_cpuid_lowered(const struct question *q, struct judge *j)
{
	uint64_t room, n;

	if (cpuid_room(q, &room) && J_OUT(j, struct kvm_cpuid2, nent, &n) && n < room)
		j_break(j, R_CPUID_NENT_TOO_HIGH, "0 and nent lowered",
			"-1 ENOMEM and nent lowered");
}

static void check_cpuid_count(const struct question *q, struct judge *j)
{
	const struct cpuid_known k = cpuid_known(q);
	uint64_t room, n;

	if (!cpuid_room(q, &room) || !J_OUT(j, struct kvm_cpuid2, nent, &n) ||
	    !j_check(j, R_CPUID_NENT_COUNT, cpuid_count_fits(j->out, n, room, k.emulated),
		     "as many entries as there is room for, or fewer", "nent = %llu, room %llu",
		     (unsigned long long)n, (unsigned long long)room))
		return;
	if (n < room)
		j_keep(j, R_CPUID_NENT_TOO_HIGH);
	if (k.low)
		j_check(j, R_CPUID_NENT_CONSTANT, cpuid_above_low(q, j->out, n, &k),
			"more entries than the nent that was too low",
			"nent = %llu, too low was %llu", (unsigned long long)n,
			(unsigned long long)k.low->value[0]);
}

static void check_cpuid_list(const struct question *q, struct judge *j)
{
	const struct cpuid_known k = cpuid_known(q);
	uint64_t n;

	if (!J_OUT(j, struct kvm_cpuid2, nent, &n))
		return;
	check_cpuid_entries(j, n, k.emulated);
	if (!cpuid_slack(q, j->out, n, &k))
		check_cpuid_same(j, n, k.list);
}

/* Padding of the given entries is not zero. */
static bool cpuid_given_padding(const struct question *q, uint64_t room)
{
	struct cpuid_entry e;

	for (uint64_t i = 0; i < room && i < CPUID_MAX_ENTRIES && cpuid_entry(q, q->in, i, &e);
	     i++) {
		if (!e.padded)
			return true;
	}
	return false;
}

static void answer_cpuid_header(struct answer *a)
{
	a_kept(a, R_CPUID_HEADER_KEPT, "the word after nent", CPUID_HEADER_PAD, 4);
	a_aside(a);
}

/* What becomes of the header where nent is too low. */
static void answer_cpuid_too_low(struct answer *a, uint64_t room)
{
	a_when_failed_with(a, E2BIG);
	answer_cpuid_header(a);
	A_EQUAL(a, R_CPUID_NENT_KEPT, struct kvm_cpuid2, nent, room);
	a_aside(a);
	a_when_end(a);
}

/* api.rst 4.46, 4.88: refusals; true if the answer is whole. */
static bool answer_cpuid_refused(const struct question *q, struct answer *a, uint64_t room,
				 const struct cpuid_known *k)
{
	if (k->emulated && cpuid_given_padding(q, room)) {
		a_may_fail(a, R_CPUID_NENT_TOO_LOW);
		a_must_fail(a, R_CPUID_EMULATED_PADDING);
		return true;
	}
	if (k->emulated && !(q->in && q->in->have >= cpuid_at(room)))
		a_may_fail(a, R_CPUID_EMULATED_PADDING);
	if (!room || (k->count && room + k->slack < k->count->value[0])) {
		a_must_fail(a, R_CPUID_NENT_TOO_LOW);
		a_when_always(a);
		answer_cpuid_header(a);
		a_constrained(a, R_CPUID_NENT_KEPT, TAPE_ARG_OUT, offsetof(struct kvm_cpuid2, nent),
			      4);
		a_when_end(a);
		answer_cpuid_too_low(a, room);
		return true;
	}
	if (k->emulated && (!k->count || room <= k->count->value[0] + k->slack))
		a_may_fail(a, R_CPUID_EMULATED_SPARE);
	if (k->count ? room < k->count->value[0] + k->slack
		     : room < CPUID_MAX_ENTRIES ||
			       q_changed(q, CHANGE_CPUID_256_ENTRIES) != STATE_YES)
		a_may_fail(a, R_CPUID_NENT_TOO_LOW);
	a_when_failed_with(a, ENOMEM);
	a_check(a, check_cpuid_lowered);
	a_when_end(a);
	return false;
}

/* A list of the first leaves, or the list that is known. */
static void suggest_cpuid(struct answer *a, const struct cpuid_known *k, uint64_t room)
{
	uint64_t n = k->count ? k->count->value[0] : LIST_SUGGESTED;

	if (!a_wants(a, ANSWER_SUGGEST))
		return;
	if (n > room)
		n = room;
	A_SUGGEST(a, struct kvm_cpuid2, nent, n);
	a_suggest_zero(a, TAPE_ARG_OUT, cpuid_at(0), cpuid_at(n) - cpuid_at(0));
	for (uint64_t i = 0; i < n; i++)
		a_suggest(a, TAPE_ARG_OUT, cpuid_at(i), 4, i);
	/* Leaf 0 has the number of the highest one. */
	a_suggest(a, TAPE_ARG_OUT, cpuid_at(0) + CPUID_EAX, 4, n);
	a_suggest_block(a, k->list, cpuid_at(0), TAPE_ARG_OUT, cpuid_at(0),
			cpuid_at(n) - cpuid_at(0));
}

static void answer_cpuid(const struct question *q, struct answer *a)
{
	const struct cpuid_known k = cpuid_known(q);
	uint64_t room;

	if (!cpuid_room(q, &room)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (answer_cpuid_refused(q, a, room, &k))
		return;
	a_succeeds(a, R_CPUID_SUCCEEDS);
	answer_cpuid_too_low(a, room);
	answer_cpuid_header(a);
	suggest_cpuid(a, &k, room);
	a_check(a, check_cpuid_count);
	if (k.count && !k.slack)
		A_EQUAL(a, R_CPUID_NENT_CONSTANT, struct kvm_cpuid2, nent, k.count->value[0]);
	else
		a_constrained(a, R_CPUID_NENT_COUNT, TAPE_ARG_OUT,
			      offsetof(struct kvm_cpuid2, nent), 4);
	a_check(a, check_cpuid_list);
}

static void learn_cpuid_low(struct learn *l, uint64_t room, bool emulated)
{
	struct state_entry *low = number(l, emulated ? NUMBER_EMULATED_LOW : NUMBER_CPUID_LOW);

	if (!low)
		return;
	if (!low->known || low->value[0] < room)
		low->value[0] = room;
	low->known = 1;
}

/* A list of `n` entries was given. */
static void learn_cpuid_list(struct learn *l, struct state_block *list, uint64_t n)
{
	if (list->size || l->out->have < cpuid_at(n))
		return;
	if (state_block_set(list, 0, l->out->data, (uint32_t)cpuid_at(n)))
		l->oom = -ENOMEM;
	list->origin = l->q->call->index + 1;
	list->origin_offset = 0;
}

static void learn_cpuid(struct learn *l)
{
	const struct cpuid_known k = cpuid_known(l->q);
	struct state_entry *count;
	uint64_t room, n, slack;

	if (!cpuid_room(l->q, &room) || (k.emulated && cpuid_given_padding(l->q, room)))
		return;
	if (l->ret->ret == -E2BIG) {
		learn_cpuid_low(l, room, k.emulated);
		return;
	}
	if (l->ret->ret || !L_OUT(l, struct kvm_cpuid2, nent, &n) ||
	    !cpuid_count_fits(l->out, n, room, k.emulated) ||
	    !cpuid_above_low(l->q, l->out, n, &k) ||
	    (k.count && !k.slack && n != k.count->value[0]))
		return;
	slack = cpuid_slack(l->q, l->out, n, &k);
	if (!slack)
		learn_cpuid_list(l, k.emulated ? &l->system->emulated_cpuid : &l->system->cpuid, n);
	count = number(l, k.emulated ? NUMBER_EMULATED : NUMBER_CPUID);
	if (count && !count->known) {
		count->known = 1;
		count->value[0] = n;
		count->value[1] = slack;
	}
}

/* --- feature MSRs, MCE, attributes ----------------------------------------------------------- */

static size_t msr_at(uint64_t i, size_t member)
{
	return sizeof(struct kvm_msrs) + i * sizeof(struct kvm_msr_entry) + member;
}

#define MSR_AT(i, member) msr_at(i, offsetof(struct kvm_msr_entry, member))
#define MSR_MICROCODE	  0x8b /* may be updated under way */

/* All MSRs that are asked for are on the list. */
static bool feature_msrs_listed(const struct question *q, uint64_t n)
{
	const struct state_set *features = &q->system->features;
	bool listed = features->count > 0;
	uint64_t index;

	for (uint64_t i = 0; i < n && listed; i++)
		listed = q_field(q, q->in, MSR_AT(i, index), 4, &index) &&
			 state_set_find(features, index, 0);
	return listed;
}

/* The MSR of this entry was asked for in an earlier one, and what it is was not known before: that
 * entry; otherwise `i`. */
static uint64_t msr_asked_before(const struct question *q, uint64_t i, uint64_t index)
{
	uint64_t other, k = 0;

	if (answered(&q->system->msrs, index))
		return i;
	while (k < i && q_field(q, q->in, MSR_AT(k, index), 4, &other) && other != index)
		k++;
	return k;
}

/* An MSR that was read twice by the call reads the same. */
static void check_feature_msr_twice(const struct question *q, struct judge *j, uint64_t i)
{
	uint64_t index, first, data, before;

	if (!q_field(q, q->in, MSR_AT(i, index), 4, &index) || index == MSR_MICROCODE)
		return;
	first = msr_asked_before(q, i, index);
	if (first < i && q_field(q, j->out, MSR_AT(first, data), 8, &before) &&
	    q_field(q, j->out, MSR_AT(i, data), 8, &data)) {
		j_promise(j, R_FEATURE_MSRS_CONSTANT, j->out, MSR_AT(i, data), 8);
		j_equal(j, R_FEATURE_MSRS_CONSTANT, "data", before, data);
	}
}

/* The data from the first MSR on that cannot be read: it is cleared; beyond it nothing is filled
 * in. */
static void check_feature_msr_rest(const struct question *q, struct judge *j, uint64_t i,
				   bool first)
{
	uint64_t before, data;

	if (!first)
		j_promise(j, R_FEATURE_MSRS_REST_KEPT, j->out, MSR_AT(i, data), 8);
	/* It may be what was on the stack. */
	if (first && q_changed(q, CHANGE_FEATURE_MSR_NO_STACK) != STATE_YES &&
	    q_back_end(q, MODEL_KVM_INTEL) != STATE_NO)
		return;
	if (first && q_applies(q, R_FEATURE_MSRS_FIRST_CLEARED))
		j_equal_field(j, R_FEATURE_MSRS_FIRST_CLEARED,
			      "data of the MSR that cannot be read", 0, j->out, MSR_AT(i, data), 8);
	else if (!first && q_field(q, q->in, MSR_AT(i, data), 8, &before) &&
		 q_field(q, j->out, MSR_AT(i, data), 8, &data) && before != data)
		j_break(j, R_FEATURE_MSRS_REST_KEPT, "data as it was", "entry %llu: 0x%llx",
			(unsigned long long)i, (unsigned long long)data);
}

static void check_feature_msrs(const struct question *q, struct judge *j)
{
	const uint64_t read = (uint64_t)j->ret->ret;
	uint64_t n;

	if (!Q_IN(q, struct kvm_msrs, nmsrs, &n))
		return;
	for (uint64_t i = 0; i < n && !j->broken; i++) {
		if (i < read)
			check_feature_msr_twice(q, j, i);
		else
			check_feature_msr_rest(q, j, i, i == read);
	}
}

/* api.rst 4.18 for the system descriptor */
static void answer_feature_msrs(const struct question *q, struct answer *a)
{
	uint64_t n, index;

	if (!Q_IN(q, struct kvm_msrs, nmsrs, &n)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (n >= MSRS_MAX) {
		a_must_fail(a, R_FEATURE_MSRS_TOO_MANY);
		return;
	}
	a_succeeds_value(a, R_FEATURE_MSRS_OTHER);
	if (feature_msrs_listed(q, n))
		a_result(a, R_FEATURE_MSRS_READ, "MSRs read", n);
	else
		a_result_range(a, R_FEATURE_MSRS_OTHER, "no more MSRs than were asked for", 0, n);
	A_EQUAL(a, R_FEATURE_MSRS_INDEX_KEPT, struct kvm_msrs, nmsrs, n);
	a_kept(a, R_FEATURE_MSRS_REST_KEPT, "pad", offsetof(struct kvm_msrs, pad), 4);
	a_aside(a);
	for (uint64_t i = 0; i < n && q_field(q, q->in, MSR_AT(i, index), 4, &index); i++) {
		a_equal(a, R_FEATURE_MSRS_INDEX_KEPT, "index", index, TAPE_ARG_OUT,
			MSR_AT(i, index), 4);
		a_kept(a, R_FEATURE_MSRS_REST_KEPT, "reserved", MSR_AT(i, reserved), 4);
		a_aside(a);
		if (index == MSR_MICROCODE)
			continue;
		a_when_result_above(a, i);
		/* Asked for twice, it reads the same. */
		a_suggest(a, TAPE_ARG_OUT, MSR_AT(i, data), 8, 0);
		a_constant_field(a, R_FEATURE_MSRS_CONSTANT, "data", &q->system->msrs, index,
				 TAPE_ARG_OUT, MSR_AT(i, data));
		a_when_end(a);
	}
	a_check(a, check_feature_msrs);
}

static void learn_feature_msrs(struct learn *l)
{
	const uint64_t read = (uint64_t)l->ret->ret;
	uint64_t n, index, kept, data;

	if (!l->succeeded || !Q_IN(l->q, struct kvm_msrs, nmsrs, &n) || read > n ||
	    (read < n && feature_msrs_listed(l->q, n)))
		return;
	for (uint64_t i = 0; i < read; i++) {
		if (!q_field(l->q, l->q->in, MSR_AT(i, index), 4, &index) ||
		    !q_field(l->q, l->out, MSR_AT(i, index), 4, &kept) || index != kept ||
		    !q_field(l->q, l->out, MSR_AT(i, data), 8, &data))
			return;
		if (index != MSR_MICROCODE)
			l_constant(l, &l->system->msrs, index, 0, data);
	}
}

/* Banks, CTL_P, EXT_P, CMCI_P, TES_P, EXT_CNT, SER_P, EMC_P, ELOG_P, LMCE_P. */
#define MCE_CAP_FORMAT (0xffull | 0xfull << 8 | 0xffull << 16 | 0xfull << 24)
#define MCE_CTL_P      (1ull << 8)
#define MCE_CMCI_P     (1ull << 10)
#define MCE_SER_P      (1ull << 24)
#define MCE_LMCE_P     (1ull << 27)

/* api.rst 4.104 */
static void answer_mce_cap(const struct question *q, struct answer *a)
{
	a_succeeds(a, R_MCE_CAP_SUCCEEDS);
	a_bits(a, R_MCE_CAP_FORMAT, "bits that MSR_IA32_MCG_CAP does not have", 0, ~MCE_CAP_FORMAT,
	       TAPE_ARG_OUT, 0, 8);
	/* The others by host and back end; no banks. */
	a_bits(a, R_MCE_CAP_OF_KVM, "CTL_P, SER_P, and no more than CMCI_P and LMCE_P",
	       MCE_CTL_P | MCE_SER_P, ~(MCE_CMCI_P | MCE_LMCE_P), TAPE_ARG_OUT, 0, 8);
	a_aside(a);
	a_constant_field(a, R_MCE_CAP_CONSTANT, "capabilities", &q->system->numbers, NUMBER_MCE_CAP,
			 TAPE_ARG_OUT, 0);
}

static void learn_mce_cap(struct learn *l)
{
	uint64_t cap;

	if (l->succeeded && q_field(l->q, l->out, 0, 8, &cap) && !(cap & ~MCE_CAP_FORMAT))
		l_constant(l, &l->system->numbers, NUMBER_MCE_CAP, 0, cap);
}

/* Key of an attribute in state_system.attrs; false if it was not captured. */
static bool system_attr_key(const struct question *q, uint64_t *key)
{
	uint64_t group, attr;

	if (!Q_IN(q, struct kvm_device_attr, group, &group) ||
	    !Q_IN(q, struct kvm_device_attr, attr, &attr))
		return false;
	*key = group << 32 | attr;
	return true;
}

/* api.rst 4.80, 4.81 for the system descriptor */
static void answer_system_attr(const struct question *q, struct answer *a, bool get)
{
	uint64_t group, attr;

	if (a_refuse(a, R_SYSTEM_ATTR_UNSUPPORTED, q_rule(q, R_SYSTEM_ATTR_UNSUPPORTED)))
		return;
	if (!Q_IN(q, struct kvm_device_attr, group, &group) ||
	    !Q_IN(q, struct kvm_device_attr, attr, &attr)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (get)
		a_buffer_may_fault(a, TAPE_NESTED_OUT);
	if (!group && attr == 0) {
		a_succeeds(a, R_SYSTEM_ATTR_XCOMP);
	} else if (!a_refuse(a, R_SYSTEM_ATTR_UNKNOWN, tri_may(!group, true))) {
		a_may_succeed(a, R_SYSTEM_ATTR_OTHER, "attribute of a back end");
	}
}

static void answer_system_get_attr(const struct question *q, struct answer *a)
{
	uint64_t key;

	answer_system_attr(q, a, true);
	if (system_attr_key(q, &key))
		a_constant_field(a, R_SYSTEM_ATTR_CONSTANT, "attribute", &q->system->attrs, key,
				 TAPE_NESTED_OUT, 0);
}

static void learn_system_get_attr(struct learn *l)
{
	uint64_t key, value;

	if (l->succeeded && system_attr_key(l->q, &key) &&
	    q_field(l->q, l_part(l, TAPE_NESTED_OUT), 0, 8, &value))
		l_constant(l, &l->system->attrs, key, 0, value);
}

static void answer_system_has_attr(const struct question *q, struct answer *a)
{
	answer_system_attr(q, a, false);
}

/* An unknown request there: D-01. */
static void answer_system_set_attr(const struct question *q, struct answer *a)
{
	a_must_fail(a, R_UNKNOWN_SYSTEM_EINVAL);
}

/* uapi/kvm.h names them, nothing is behind them. */
static void answer_trace(const struct question *q, struct answer *a)
{
	a_refuse_any(a, R_TRACE_UNSUPPORTED, STATE_YES);
}

const struct handler model_system_handlers[] = {
	{"KVM_GET_API_VERSION", KVMAPI_SYSTEM, .answer = answer_get_api_version},
	{"KVM_CREATE_VM", KVMAPI_SYSTEM, .answer = answer_create_vm, .learn = learn_create_vm},
	{"KVM_GET_MSR_INDEX_LIST", KVMAPI_SYSTEM, .answer = answer_msr_index_list,
	 .learn = learn_msr_index_list},
	{"KVM_GET_MSR_FEATURE_INDEX_LIST", KVMAPI_SYSTEM, .answer = answer_msr_feature_index_list,
	 .learn = learn_msr_feature_index_list},
	{"KVM_CHECK_EXTENSION", KVMAPI_SYSTEM, .answer = cap_answer_extension_system,
	 .learn = cap_learn_extension_system},
	{"KVM_GET_VCPU_MMAP_SIZE", KVMAPI_SYSTEM, .answer = answer_get_vcpu_mmap_size,
	 .learn = learn_get_vcpu_mmap_size},
	{"KVM_GET_SUPPORTED_CPUID", KVMAPI_SYSTEM, .answer = answer_cpuid, .learn = learn_cpuid},
	{"KVM_GET_EMULATED_CPUID", KVMAPI_SYSTEM, .answer = answer_cpuid, .learn = learn_cpuid},
	{"KVM_GET_MSRS", KVMAPI_SYSTEM, .answer = answer_feature_msrs, .learn = learn_feature_msrs},
	{"KVM_X86_GET_MCE_CAP_SUPPORTED", KVMAPI_SYSTEM, .answer = answer_mce_cap,
	 .learn = learn_mce_cap},
	{"KVM_GET_DEVICE_ATTR", KVMAPI_SYSTEM, .answer = answer_system_get_attr,
	 .learn = learn_system_get_attr},
	{"KVM_HAS_DEVICE_ATTR", KVMAPI_SYSTEM, .answer = answer_system_has_attr},
	{"KVM_SET_DEVICE_ATTR", KVMAPI_SYSTEM, .answer = answer_system_set_attr},
	{"KVM_TRACE_ENABLE", KVMAPI_SYSTEM, .answer = answer_trace},
	{"KVM_TRACE_PAUSE", KVMAPI_SYSTEM, .answer = answer_trace},
	{"KVM_TRACE_DISABLE", KVMAPI_SYSTEM, .answer = answer_trace},
	{NULL, 0, .answer = NULL},
};
