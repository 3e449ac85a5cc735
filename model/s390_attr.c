/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attributes of a VM of s390: devices/vm.rst, groups 1 to 5.  Compiled against the UAPI headers of
 * s390.  The numbers of groups in the header are not those of the document's sections.
 */
#include <stdio.h>
#include <string.h>

#include "model/s390.h"
#include "model/vm.h"

/* Structs as the document has them. */
_Static_assert(sizeof(struct kvm_s390_vm_cpu_machine) == 4112, "V-2.1-03");
_Static_assert(offsetof(struct kvm_s390_vm_cpu_machine, fac_mask) == 16, "V-2.1-03");
_Static_assert(offsetof(struct kvm_s390_vm_cpu_machine, fac_list) == 2064, "V-2.1-03");
_Static_assert(sizeof(struct kvm_s390_vm_cpu_processor) == 2064, "V-2.2-03");
_Static_assert(offsetof(struct kvm_s390_vm_cpu_processor, ibc) == 8, "V-2.2-03");
_Static_assert(offsetof(struct kvm_s390_vm_cpu_processor, fac_list) == 16, "V-2.2-03");
_Static_assert(sizeof(struct kvm_s390_vm_cpu_feat) == 128, "V-2.3-03");
_Static_assert(sizeof(struct kvm_s390_vm_cpu_subfunc) == 2048, "V-2.5-05");
_Static_assert(offsetof(struct kvm_s390_vm_cpu_subfunc, kdsa) == 240, "V-2.5-05");

/* Keys of state_system.numbers, behind those of system.c and arm64.c. */
enum {
	NUMBER_LIMIT = 0x390, /* limit that VMs begin with */
	NUMBER_UCONTROL,      /* key2: tape object of a VM of that type */
	NUMBER_ATTR,	      /* key2: group << 32 | attribute; 1 = there, 0 = not */
	NUMBER_IBC,	      /* IBC range of the machine */
};

#define FACILITIES 2048u /* bytes of a list */
#define MEGABYTE   (1ull << 20)
#define NO_LIMIT \
	UINT64_MAX /* KVM_S390_NO_MEM_LIMIT, whose name in the header is not for user space */
#define LAST_PAGE (UINT64_MAX - 4095)

/* Facilities by number. */
enum {
	FACILITY_MSA = 17,
	FACILITY_TOD_STEERING = 28,
	FACILITY_MSA5 = 57,
	FACILITY_MSA3 = 76, /* with it the wrapping of keys */
	FACILITY_MSA4 = 77,
	FACILITY_MULTIPLE_EPOCH = 139,
	FACILITY_MSA8 = 146,
	FACILITY_MSA9 = 155,
	FACILITY_SORTL = 150,
	FACILITY_DFLTCC = 151,
	FACILITY_PFCR = 201,
};

/* --- facts ----------------------------------------------------------------------------------- */

const struct state_entry *s390_fact_find(const struct question *q, enum s390_fact fact)
{
	return state_set_find(&q->vm->facts, fact, 0);
}

enum state_tri s390_fact(const struct question *q, enum s390_fact fact)
{
	const struct state_entry *e = s390_fact_find(q, fact);

	if (e)
		return (enum state_tri)e->value[0];
	return q->vm->fresh ? STATE_NO : STATE_UNKNOWN;
}

struct state_entry *s390_fact_set(struct learn *l, enum s390_fact fact, enum state_tri value)
{
	struct state_entry *e = state_set_add(&l->vm->facts, fact, 0);

	if (!e) {
		l->oom = -ENOMEM;
		return NULL;
	}
	e->known = 1;
	e->value[0] = value;
	return e;
}

enum state_tri s390_ucontrol(const struct question *q)
{
	if (state_set_find(&q->system->numbers, NUMBER_UCONTROL, q->vm->id))
		return STATE_YES;
	return q->vm->fresh ? STATE_NO : STATE_UNKNOWN;
}

void s390_ucontrol_made(struct learn *l)
{
	const struct tape_object *o = l_created(l);

	if (o && !state_set_add(&l->system->numbers, NUMBER_UCONTROL, o->id))
		l->oom = -ENOMEM;
}

bool s390_between(const struct question *q)
{
	return !q_kernel(q) ||
	       (q_kernel(q) > MODEL_KERNEL(6, 12) && q_kernel(q) < MODEL_KERNEL(7, 2));
}

bool s390_host_limit(const struct question *q, uint64_t *limit)
{
	const struct state_entry *e = state_set_find(&q->system->numbers, NUMBER_LIMIT, 0);

	if (!e || !e->known)
		return false;
	*limit = e->value[0];
	return true;
}

void s390_cause(struct judge *j, struct s390_causes *causes, enum state_tri there, uint16_t rule,
		int error)
{
	if (there == STATE_UNKNOWN) {
		j_may_fail_with(j, rule, error);
	} else if (there == STATE_YES) {
		causes->cause[causes->count].rule = rule;
		causes->cause[causes->count++].error = error;
	}
}

bool s390_refused(struct judge *j, const struct s390_causes *causes, uint16_t order)
{
	const int first = causes->count ? causes->cause[0].error : 0;

	if (!causes->count)
		return false;
	for (unsigned int i = 1; i < causes->count; i++) {
		int other = causes->cause[i].error;

		if (other != first && (j->ret->ret == -first || j->ret->ret == -other) &&
		    !j_check(j, order, j->ret->ret == -first, "the cause that is looked for first",
			     "-1 %s", kvmapi_errno_name(other)))
			return true;
	}
	j_must_fail_with(j, causes->cause[0].rule, first);
	return true;
}

/* --- one attribute --------------------------------------------------------------------------- */

struct attribute {
	uint64_t flags, group, attr, addr;
	bool set;
	const struct tape_part *data; /* NULL = not captured */
};

/* `data`: the buffer behind the argument, before the call or after it. */
static bool attribute_read(const struct question *q, bool set, const struct tape_part *data,
			   struct attribute *a)
{
	a->set = set;
	a->data = data;
	return Q_IN(q, struct kvm_device_attr, flags, &a->flags) &&
	       Q_IN(q, struct kvm_device_attr, group, &a->group) &&
	       Q_IN(q, struct kvm_device_attr, attr, &a->attr) &&
	       Q_IN(q, struct kvm_device_attr, addr, &a->addr);
}

/* The data's address is not accessible. User space ends a page before the last address. */
static enum state_tri fault(const struct attribute *a)
{
	if (a->addr >= LAST_PAGE)
		return STATE_YES;
	if (!a->data || a->data->have < a->data->want || !a->addr)
		return STATE_UNKNOWN;
	return STATE_NO;
}

/* A number of the data; false = not captured. */
static bool data_number(const struct question *q, const struct attribute *a, size_t offset,
			size_t width, uint64_t *value)
{
	return q_field(q, a->data, offset, width, value);
}

/* Bytes of the data against what is known, which they then are. `what` names them. */
static void data_same(struct judge *j, uint16_t rule, const char *what, struct state_block *b,
		      const struct attribute *a, uint32_t offset, uint32_t len)
{
	const uint8_t *bytes;
	int64_t at;

	if (!a->data || a->data->have < offset + len)
		return;
	bytes = a->data->data + offset;
	at = state_block_mismatch(b, 0, bytes, len);
	if (at >= 0) {
		char want[MODEL_TEXT];

		snprintf(want, sizeof(want), "%s: byte %lld = 0x%02x", what, (long long)at,
			 b->value[at]);
		j_break(j, rule, want, "0x%02x", bytes[at]);
	} else if (state_block_known(b, 0, len)) {
		j_hold(j, rule);
	}
	if (state_block_set(b, 0, bytes, len))
		j->oom = -ENOMEM;
}

/* Bytes of the data become what is known. */
static void data_known(struct learn *l, struct state_block *b, const struct attribute *a,
		       uint32_t offset, uint32_t len)
{
	if (!a->data || a->data->have < offset + len)
		state_block_forget(b);
	else if (state_block_set(b, 0, a->data->data + offset, len))
		l->oom = -ENOMEM;
}

/* Bit of a list that is numbered from the highest bit of its first byte on. */
static enum state_tri list_bit(const struct state_block *b, unsigned int bit)
{
	if (!state_block_known(b, bit / 8, 1))
		return STATE_UNKNOWN;
	return b->value[bit / 8] & 0x80 >> bit % 8 ? STATE_YES : STATE_NO;
}

/* The VM's CPU model has a facility: KVM enables it, and userspace did not leave it out. */
static enum state_tri facility(const struct question *q, unsigned int number)
{
	enum state_tri mask = list_bit(&q->vm->blocks[STATE_CPU_MASK], number);
	enum state_tri model = list_bit(&q->vm->blocks[STATE_CPU_MODEL], number + 16 * 8);

	if (mask == STATE_NO || model == STATE_NO)
		return STATE_NO;
	return mask == STATE_YES && model == STATE_YES ? STATE_YES : STATE_UNKNOWN;
}

/* KVM_HAS_DEVICE_ATTR or a SET showed whether the host has an attribute. */
static enum state_tri host_has(const struct question *q, const struct attribute *a)
{
	const struct state_entry *e =
		state_set_find(&q->system->numbers, NUMBER_ATTR, a->group << 32 | a->attr);

	return e && e->known ? tri(e->value[0]) : STATE_UNKNOWN;
}

static void host_has_set(struct learn *l, const struct attribute *a, bool there)
{
	struct state_entry *e =
		state_set_add(&l->system->numbers, NUMBER_ATTR, a->group << 32 | a->attr);

	if (!e) {
		l->oom = -ENOMEM;
		return;
	}
	e->known = 1;
	e->value[0] = there;
}

/* An attribute that needs something of the host. */
static void hardware_cause(struct judge *j, struct s390_causes *causes, const struct attribute *a)
{
	enum state_tri has = host_has(j->q, a);

	/* That it is there was said by KVM_HAS_DEVICE_ATTR: ENXIO is against its word. */
	if (has == STATE_YES && j->ret->ret == -ENXIO) {
		j_break(j, R_S390_HAS_ATTR_KEPT, "an attribute that is there", "-1 ENXIO");
		return;
	}
	s390_cause(j, causes, tri_not(has), R_S390_ATTR_HARDWARE, ENXIO);
}

/* --- 1. KVM_S390_VM_MEM_CTRL ----------------------------------------------------------------- */

static void cmma_enable(struct judge *j, const struct attribute *a)
{
	struct s390_causes causes = {0};
	uint64_t arg;

	hardware_cause(j, &causes, a);
	s390_cause(j, &causes, j->vm->has_vcpus, R_S390_CMMA_ENABLE_BUSY, EBUSY);
	if (q_applies(j->q, R_S390_CMMA_HUGE_PAGES)) {
		enum state_tri huge = vm_cap_enabled(j->vm, KVM_CAP_S390_HPAGE_1M, &arg);

		s390_cause(j, &causes,
			   huge == STATE_YES && s390_between(j->q) ? STATE_UNKNOWN : huge,
			   R_S390_CMMA_HUGE_PAGES, EINVAL);
	}
	if (s390_refused(j, &causes, R_S390_LIMIT_ORDER))
		return;
	if (j_succeeds(j, R_S390_CMMA_ENABLE)) {
		s390_fact_set(j->l, S390_CMMA, STATE_YES);
		host_has_set(j->l, a, true);
	}
}

static void cmma_clear(struct judge *j, const struct attribute *a)
{
	struct s390_causes causes = {0};
	struct state_entry *e;

	hardware_cause(j, &causes, a);
	s390_cause(j, &causes, tri_not(s390_fact(j->q, S390_CMMA)), R_S390_CMMA_CLEAR_OFF, EINVAL);
	if (s390_refused(j, &causes, R_S390_LIMIT_ORDER) || !j_succeeds(j, R_S390_CMMA_CLEAR))
		return;
	s390_fact_set(j->l, S390_CMMA, STATE_YES);
	e = s390_fact_set(j->l, S390_CMMA_ZEROED, tri(!q_vm_ran(j->q)));
	if (e)
		e->value[1] = j->vm->last_run_end;
}

static void limit_set(struct judge *j, const struct attribute *a)
{
	bool newer = q_applies(j->q, R_S390_LIMIT_WRAPS), between = s390_between(j->q);
	uint64_t asked = 0, limit, most;
	enum state_tri value, busy = j->vm->has_vcpus;
	struct s390_causes causes = {0};
	struct state_entry *e;
	bool known;

	s390_cause(j, &causes, s390_ucontrol(j->q), R_S390_LIMIT_UCONTROL, EINVAL);
	s390_cause(j, &causes, fault(a), R_S390_ATTR_FAULT, EFAULT);
	known = data_number(j->q, a, 0, 8, &asked);
	limit = newer ? (asked + MEGABYTE - 1) & ~(MEGABYTE - 1) : asked;
	value = !known || between || !s390_host_limit(j->q, &most) ? STATE_UNKNOWN
		: most == NO_LIMIT				   ? STATE_NO
								   : tri(limit > most);
	s390_cause(j, &causes, value, R_S390_LIMIT_TOO_BIG, E2BIG);
	s390_cause(j, &causes, known ? tri(!asked) : STATE_UNKNOWN, R_S390_LIMIT_ZERO, EINVAL);
	if (newer)
		s390_cause(j, &causes, known ? tri(asked && !limit) : STATE_UNKNOWN,
			   R_S390_LIMIT_WRAPS, EINVAL);
	else if (between && asked > UINT64_MAX - MEGABYTE + 1)
		j_may_fail_with(j, R_RETURN_ZERO_OR_ERROR, EINVAL);
	s390_cause(j, &causes, busy, R_S390_LIMIT_BUSY, EBUSY);
	if (newer || between) {
		value = known && !between ? tri(false) : STATE_UNKNOWN;
		for (uint32_t i = 0; known && newer && i < j->vm->slots.count; i++) {
			const struct state_entry *s = &j->vm->slots.entries[i];

			if (s->known && s->value[0] + s->value[1] > limit)
				value = STATE_YES;
		}
		if (value == STATE_NO && j->vm->slots.open)
			value = STATE_UNKNOWN;
		s390_cause(j, &causes, value, between ? R_RETURN_ZERO_OR_ERROR : R_S390_LIMIT_SLOTS,
			   EBUSY);
	}
	if (s390_refused(j, &causes, R_S390_LIMIT_ORDER))
		return;
	if (!j_succeeds(j, R_S390_LIMIT_SET))
		return;
	e = s390_fact_set(j->l, S390_LIMIT, known ? STATE_YES : STATE_UNKNOWN);
	if (!e)
		return;
	e->value[1] = limit <= 1ull << 31   ? 1ull << 31
		      : limit <= 1ull << 42 ? 1ull << 42
		      : limit <= 1ull << 53 ? 1ull << 53
					    : UINT64_MAX;
}

static void limit_get(struct judge *j, const struct attribute *a)
{
	struct s390_causes causes = {0};
	enum state_tri ucontrol = s390_ucontrol(j->q);
	uint64_t limit, most;

	s390_cause(j, &causes, fault(a), R_S390_ATTR_FAULT, EFAULT);
	if (s390_refused(j, &causes, R_S390_LIMIT_ORDER) || !j_succeeds(j, R_S390_LIMIT_GET) ||
	    !data_number(j->q, a, 0, 8, &limit))
		return;
	if (ucontrol == STATE_YES) {
		j_equal(j, R_S390_LIMIT_NONE, "limit", NO_LIMIT, limit);
	} else if (ucontrol == STATE_NO) {
		if (s390_host_limit(j->q, &most) && s390_fact(j->q, S390_LIMIT) == STATE_YES)
			j_equal(j, R_S390_LIMIT_KEPT, "limit", most, limit);
		else if (s390_fact(j->q, S390_LIMIT) == STATE_NO)
			vm_constant(j, R_S390_LIMIT_GET, "limit", &j_system(j)->numbers,
				    NUMBER_LIMIT, 0, limit);
	}
}

/* --- 2. KVM_S390_VM_CPU_MODEL ---------------------------------------------------------------- */

static void machine_get(struct judge *j, const struct attribute *a)
{
	struct s390_causes causes = {0};
	uint64_t ibc;

	s390_cause(j, &causes, fault(a), R_S390_ATTR_FAULT, EFAULT);
	if (s390_refused(j, &causes, R_S390_MODEL_ORDER) || !j_succeeds(j, R_S390_MACHINE_GET))
		return;
	if (data_number(j->q, a, offsetof(struct kvm_s390_vm_cpu_machine, ibc), 4, &ibc))
		vm_constant(j, R_S390_MACHINE_SAME, "ibc", &j_system(j)->numbers, NUMBER_IBC, 0,
			    ibc);
	data_same(j, R_S390_MACHINE_SAME, "fac_list", &j_system(j)->machine_facilities, a,
		  offsetof(struct kvm_s390_vm_cpu_machine, fac_list), FACILITIES);
	data_known(j->l, &j->vm->blocks[STATE_CPU_MASK], a,
		   offsetof(struct kvm_s390_vm_cpu_machine, fac_mask), FACILITIES);
}

static void ibc_known(struct learn *l, enum state_tri known, uint64_t value, bool bent)
{
	struct state_entry *e = s390_fact_set(l, S390_IBC, known);

	if (!e)
		return;
	e->value[1] = value;
	e->value[2] = bent;
}

/* What the IBC value that was asked for becomes. */
static void ibc_set(struct learn *l, uint64_t asked)
{
	const struct state_entry *range = state_set_find(&l->system->numbers, NUMBER_IBC, 0);
	struct state_entry *old = state_set_entry(&l->vm->facts, S390_IBC, 0);
	uint64_t lowest, highest;

	if (!range || !range->known) {
		ibc_known(l, STATE_UNKNOWN, 0, false);
		return;
	}
	lowest = range->value[0] >> 16 & 0xfff;
	highest = range->value[0] & 0xfff;
	if (!lowest || !asked) {
		if (old)
			old->value[2] = old->value[1] != asked;
		return;
	}
	if (asked > highest)
		ibc_known(l, STATE_YES, highest, true);
	else
		ibc_known(l, STATE_YES, asked < lowest ? lowest : asked, asked < lowest);
}

static void processor_set(struct judge *j, const struct attribute *a)
{
	struct s390_causes causes = {0};
	uint64_t ibc;

	s390_cause(j, &causes, j->vm->has_vcpus, R_S390_PROCESSOR_BUSY, EBUSY);
	s390_cause(j, &causes, fault(a), R_S390_ATTR_FAULT, EFAULT);
	if (s390_refused(j, &causes, R_S390_MODEL_ORDER) || !j_succeeds(j, R_S390_PROCESSOR_SET))
		return;
	data_known(j->l, &j->vm->blocks[STATE_CPU_MODEL], a, 0,
		   sizeof(struct kvm_s390_vm_cpu_processor));
	s390_fact_set(j->l, S390_EPOCHS, STATE_UNKNOWN);
	if (data_number(j->q, a, offsetof(struct kvm_s390_vm_cpu_processor, ibc), 2, &ibc))
		ibc_set(j->l, ibc);
	else
		ibc_known(j->l, STATE_UNKNOWN, 0, false);
	/* The value and its padding are judged apart. */
	state_block_forget_range(&j->vm->blocks[STATE_CPU_MODEL], 8, 8);
}

static void processor_get(struct judge *j, const struct attribute *a)
{
	struct state_block *b = &j->vm->blocks[STATE_CPU_MODEL];
	struct state_entry *known = state_set_entry(&j->vm->facts, S390_IBC, 0);
	struct s390_causes causes = {0};
	uint64_t ibc;

	s390_cause(j, &causes, fault(a), R_S390_ATTR_FAULT, EFAULT);
	if (s390_refused(j, &causes, R_S390_MODEL_ORDER) ||
	    !j_succeeds(j,
			j->vm->has_vcpus == STATE_YES ? R_S390_MODEL_READ : R_S390_PROCESSOR_GET))
		return;
	if (!data_number(j->q, a, offsetof(struct kvm_s390_vm_cpu_processor, ibc), 2, &ibc))
		return;
	if (known && known->value[0] == STATE_YES)
		j_equal(j, known->value[2] ? R_S390_PROCESSOR_IBC : R_S390_PROCESSOR_SAME, "ibc",
			known->value[1], ibc);
	else
		ibc_known(j->l, STATE_YES, ibc, false);
	if (state_block_known(b, 16, FACILITIES)) {
		int64_t at = state_block_mismatch(b, 0, a->data->data, a->data->have);

		j_check(j, R_S390_PROCESSOR_SAME, at < 0, "cpuid and facilities as written",
			"byte %lld = 0x%02x", (long long)at, at < 0 ? 0 : a->data->data[at]);
	}
	data_known(j->l, b, a, 0, sizeof(struct kvm_s390_vm_cpu_processor));
	state_block_forget_range(b, 8, 8);
}

/* Every bit of `bytes` is in the block: unknown if that is not known. */
static enum state_tri within(const struct state_block *b, const struct tape_part *bytes,
			     uint32_t len)
{
	if (!bytes || bytes->have < len || !state_block_known(b, 0, len))
		return STATE_UNKNOWN;
	for (uint32_t i = 0; i < len; i++) {
		if (bytes->data[i] & ~b->value[i])
			return STATE_NO;
	}
	return STATE_YES;
}

static void features_set(struct judge *j, const struct attribute *a)
{
	const uint32_t len = sizeof(struct kvm_s390_vm_cpu_feat);
	struct s390_causes causes = {0};

	s390_cause(j, &causes, fault(a), R_S390_ATTR_FAULT, EFAULT);
	s390_cause(j, &causes, tri_not(within(&j_system(j)->machine_features, a->data, len)),
		   R_S390_FEAT_UNAVAILABLE, EINVAL);
	s390_cause(j, &causes, j->vm->has_vcpus, R_S390_FEAT_BUSY, EBUSY);
	if (s390_refused(j, &causes, R_S390_MODEL_ORDER) || !j_succeeds(j, R_S390_FEAT_SET))
		return;
	data_known(j->l, &j->vm->blocks[STATE_CPU_FEATURES], a, 0, len);
}

static void features_get(struct judge *j, const struct attribute *a)
{
	const uint32_t len = sizeof(struct kvm_s390_vm_cpu_feat);
	bool machine = a->attr == KVM_S390_VM_CPU_MACHINE_FEAT;
	enum state_tri subset = within(&j_system(j)->machine_features, a->data, len);
	struct s390_causes causes = {0};

	s390_cause(j, &causes, fault(a), R_S390_ATTR_FAULT, EFAULT);
	if (s390_refused(j, &causes, R_S390_MODEL_ORDER) ||
	    !j_succeeds(j, !machine && j->vm->has_vcpus == STATE_YES ? R_S390_MODEL_READ
								     : R_S390_FEAT_GET))
		return;
	data_same(j, R_S390_FEAT_SAME, "feat",
		  machine ? &j_system(j)->machine_features : &j->vm->blocks[STATE_CPU_FEATURES], a,
		  0, len);
	if (!machine && subset != STATE_UNKNOWN)
		j_check(j, R_S390_FEAT_WITHIN, subset == STATE_YES, "features that the machine has",
			"another one");
}

static void subfunctions_set(struct judge *j, const struct attribute *a)
{
	struct s390_causes causes = {0};

	s390_cause(j, &causes, j->vm->has_vcpus, R_S390_SUBFUNC_BUSY, EBUSY);
	s390_cause(j, &causes, fault(a), R_S390_ATTR_FAULT, EFAULT);
	if (s390_refused(j, &causes, R_S390_MODEL_ORDER) || !j_succeeds(j, R_S390_SUBFUNC_SET))
		return;
	data_known(j->l, &j->vm->blocks[STATE_CPU_SUBFUNCTIONS], a, 0,
		   sizeof(struct kvm_s390_vm_cpu_subfunc));
	s390_fact_set(j->l, S390_SUBFUNC_GIVEN, STATE_YES);
}

/* Blocks of subfunctions and the facilities that bring their instructions. */
static void subfunctions_valid(struct judge *j, const struct attribute *a)
{
#define BLOCK(name, facility)                                                                    \
	{                                                                                        \
#name, offsetof(struct kvm_s390_vm_cpu_subfunc, name),                           \
			sizeof(((struct kvm_s390_vm_cpu_subfunc *)0)->name), FACILITY_##facility \
	}
	static const struct {
		const char *name;
		uint32_t offset, size, facility;
	} blocks[] = {
		BLOCK(ptff, TOD_STEERING), BLOCK(kmac, MSA),
		BLOCK(kmc, MSA),	   BLOCK(km, MSA),
		BLOCK(kimd, MSA),	   BLOCK(klmd, MSA),
		BLOCK(pckmo, MSA3),	   BLOCK(kmctr, MSA4),
		BLOCK(kmf, MSA4),	   BLOCK(kmo, MSA4),
		BLOCK(pcc, MSA4),	   BLOCK(ppno, MSA5),
		BLOCK(kma, MSA8),	   BLOCK(kdsa, MSA9),
		BLOCK(sortl, SORTL),	   BLOCK(dfltcc, DFLTCC),
		BLOCK(pfcr, PFCR),
	};
	static const uint8_t zero[sizeof(struct kvm_s390_vm_cpu_subfunc)];
	const uint32_t plo = sizeof(((struct kvm_s390_vm_cpu_subfunc *)0)->plo);
	const uint32_t reserved = offsetof(struct kvm_s390_vm_cpu_subfunc, reserved);
	const uint32_t reserved_once = offsetof(struct kvm_s390_vm_cpu_subfunc, sortl);
	const uint8_t *bytes;

	if (!a->data || a->data->have < sizeof(struct kvm_s390_vm_cpu_subfunc))
		return;
	bytes = a->data->data;
	j_check(j, R_S390_SUBFUNC_VALID, memcmp(bytes, zero, plo), "functions of PLO", "none");
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		enum state_tri has = list_bit(&j_system(j)->machine_facilities, blocks[i].facility);

		/* Of the last three the document says nothing yet. */
		if (has == STATE_YES && blocks[i].offset < reserved_once)
			j_check(j, R_S390_SUBFUNC_VALID, bytes[blocks[i].offset] & 0x80,
				"bit 0 of a block that is valid", "%s begins with 0x%02x",
				blocks[i].name, bytes[blocks[i].offset]);
		else if (has == STATE_NO)
			j_check(j, R_S390_SUBFUNC_ABSENT,
				!memcmp(bytes + blocks[i].offset, zero, blocks[i].size),
				"zero without its facility", "%s is not zero", blocks[i].name);
	}
	j_check(j, R_S390_SUBFUNC_RESERVED,
		!memcmp(bytes + reserved, zero, sizeof(zero) - reserved), "reserved = 0",
		"another value");
}

static void subfunctions_get(struct judge *j, const struct attribute *a)
{
	const uint32_t len = sizeof(struct kvm_s390_vm_cpu_subfunc);
	bool machine = a->attr == KVM_S390_VM_CPU_MACHINE_SUBFUNC;
	enum state_tri given = s390_fact(j->q, S390_SUBFUNC_GIVEN);
	struct state_block *of_machine = &j_system(j)->machine_subfunctions;
	struct s390_causes causes = {0};
	uint16_t rule = R_S390_SUBFUNC_GET;

	s390_cause(j, &causes, fault(a), R_S390_ATTR_FAULT, EFAULT);
	if (s390_refused(j, &causes, R_S390_MODEL_ORDER))
		return;
	if (!machine && given == STATE_NO)
		rule = R_S390_SUBFUNC_UNWRITTEN;
	else if (!machine && j->vm->has_vcpus == STATE_YES)
		rule = R_S390_MODEL_READ;
	if (!j_succeeds(j, rule))
		return;
	if (machine) {
		subfunctions_valid(j, a);
		data_same(j, R_S390_SUBFUNC_SAME, "subfunctions", of_machine, a, 0, len);
		return;
	}
	if (given == STATE_NO && state_block_known(of_machine, 0, len) && a->data &&
	    a->data->have >= len)
		j_check(j, R_S390_SUBFUNC_UNWRITTEN, !memcmp(of_machine->value, a->data->data, len),
			"the machine's subfunctions", "others");
	data_same(j, R_S390_SUBFUNC_SAME, "subfunctions", &j->vm->blocks[STATE_CPU_SUBFUNCTIONS], a,
		  0, len);
}

/* Features of the ultravisor: newer kernels. The documents have nothing of them. */
static void uv_features(struct judge *j, const struct attribute *a)
{
	struct s390_causes causes = {0};

	hardware_cause(j, &causes, a);
	if (!s390_refused(j, &causes, R_S390_MODEL_ORDER))
		j_may_succeed(j, R_S390_ATTR_HARDWARE, "what the documents say nothing of");
}

/* --- 3. KVM_S390_VM_TOD ---------------------------------------------------------------------- */

/* The CPU model has the extension of the clock: by its facilities, or by what was answered. */
static enum state_tri has_epochs(const struct question *q)
{
	enum state_tri has = facility(q, FACILITY_MULTIPLE_EPOCH);
	const struct state_entry *e = s390_fact_find(q, S390_EPOCHS);

	return has == STATE_UNKNOWN && e ? (enum state_tri)e->value[0] : has;
}

static void tod_set(struct judge *j, const struct attribute *a)
{
	struct s390_causes causes = {0};
	uint64_t tod = 0, extension = 0;
	struct state_entry *e;
	bool known;

	s390_cause(j, &causes, tri(a->flags), R_S390_TOD_FLAGS, EINVAL);
	if (q_applies(j->q, R_S390_TOD_PROTECTED))
		s390_cause(j, &causes, s390_fact(j->q, S390_PROTECTED), R_S390_TOD_PROTECTED,
			   EOPNOTSUPP);
	s390_cause(j, &causes, fault(a), R_S390_ATTR_FAULT, EFAULT);
	if (a->attr == KVM_S390_VM_TOD_HIGH) {
		known = data_number(j->q, a, 0, 1, &extension);
		s390_cause(j, &causes, known ? tri(extension) : STATE_UNKNOWN, R_S390_TOD_HIGH,
			   EINVAL);
	} else if (a->attr == KVM_S390_VM_TOD_EXT) {
		known = data_number(j->q, a, offsetof(struct kvm_s390_vm_tod_clock, epoch_idx), 1,
				    &extension) &&
			data_number(j->q, a, offsetof(struct kvm_s390_vm_tod_clock, tod), 8, &tod);
		s390_cause(j, &causes,
			   !known      ? STATE_UNKNOWN
			   : extension ? tri_not(has_epochs(j->q))
				       : STATE_NO,
			   R_S390_TOD_EXTENSION, EINVAL);
		/* Nothing else is wrong with the call: the answer shows what the model has. */
		if (known && extension && !a->flags && (!j->ret->ret || j->ret->ret == -EINVAL))
			s390_fact_set(j->l, S390_EPOCHS, tri(!j->ret->ret));
	} else {
		known = data_number(j->q, a, 0, 8, &tod);
	}
	if (s390_refused(j, &causes, R_S390_TOD_FLAGS) || !j_succeeds(j, R_S390_TOD_SET) ||
	    a->attr == KVM_S390_VM_TOD_HIGH)
		return;
	e = s390_fact_set(j->l, S390_TOD, known && !q_vm_ran(j->q) ? STATE_YES : STATE_UNKNOWN);
	if (!e)
		return;
	e->value[1] = tod;
	e->value[2] = extension;
	e->value[3] = j->vm->last_run_end;
}

/* The clock and, if `extended`, its extension go on from what was set, if no guest set them. */
static void tod_runs(struct judge *j, uint64_t tod, uint64_t extension, bool extended)
{
	const struct state_entry *e = s390_fact_find(j->q, S390_TOD);

	if (!e || e->value[0] != STATE_YES || q_vm_running(j->q) ||
	    j->vm->last_run_end != e->value[3])
		return;
	j_check(j, R_S390_TOD_RUNS, (int64_t)(tod - e->value[1]) >= 0,
		"a clock that is not before the one that was set", "0x%llx after 0x%llx",
		(unsigned long long)tod, (unsigned long long)e->value[1]);
	if (extended && facility(j->q, FACILITY_MULTIPLE_EPOCH) == STATE_YES)
		j_equal(j, R_S390_TOD_RUNS, "extension", (e->value[2] + (tod < e->value[1])) & 0xff,
			extension);
}

static void tod_get(struct judge *j, const struct attribute *a)
{
	struct s390_causes causes = {0};
	uint64_t tod, extension;

	s390_cause(j, &causes, tri(a->flags), R_S390_TOD_FLAGS, EINVAL);
	s390_cause(j, &causes, fault(a), R_S390_ATTR_FAULT, EFAULT);
	if (s390_refused(j, &causes, R_S390_TOD_FLAGS) || !j_succeeds(j, R_S390_TOD_GET))
		return;
	if (a->attr == KVM_S390_VM_TOD_HIGH) {
		if (data_number(j->q, a, 0, 1, &extension))
			j_equal(j, R_S390_TOD_HIGH, "extension", 0, extension);
	} else if (a->attr == KVM_S390_VM_TOD_LOW) {
		if (data_number(j->q, a, 0, 8, &tod))
			tod_runs(j, tod, 0, false);
	} else if (data_number(j->q, a, offsetof(struct kvm_s390_vm_tod_clock, epoch_idx), 1,
			       &extension) &&
		   data_number(j->q, a, offsetof(struct kvm_s390_vm_tod_clock, tod), 8, &tod)) {
		if (has_epochs(j->q) == STATE_NO)
			j_equal(j, R_S390_TOD_EXTENSION, "extension", 0, extension);
		tod_runs(j, tod, extension, true);
	}
}

/* --- 4. KVM_S390_VM_CRYPTO ------------------------------------------------------------------- */

static void crypto_set(struct judge *j, const struct attribute *a)
{
	struct s390_causes causes = {0};

	if (a->attr >= KVM_S390_VM_CRYPTO_ENABLE_APIE) {
		j_may_fail(j, R_S390_CRYPTO_APIE);
		j_may_succeed(j, R_S390_CRYPTO_APIE, "whether there are AP instructions");
		return;
	}
	s390_cause(j, &causes, tri_not(facility(j->q, FACILITY_MSA3)), R_S390_CRYPTO_FACILITY,
		   EINVAL);
	if (!s390_refused(j, &causes, R_S390_CRYPTO_FACILITY))
		j_succeeds(j, R_S390_CRYPTO);
}

/* --- 5. KVM_S390_VM_MIGRATION ---------------------------------------------------------------- */

static void migration_is(struct learn *l, enum state_tri on)
{
	struct state_entry *e = s390_fact_set(l, S390_MIGRATION, on);

	if (e)
		e->value[1] = R_S390_MIGRATION_STATUS;
}

static void migration_start(struct judge *j)
{
	const struct state_set *slots = &j->vm->slots;
	enum state_tri on = s390_fact(j->q, S390_MIGRATION), cmma = s390_fact(j->q, S390_CMMA);
	enum state_tri none, untracked = STATE_NO;
	uint16_t rule = R_S390_MIGRATION_START;
	struct s390_causes causes = {0};

	none = tri(!slots->count);
	if (none == STATE_YES && (slots->open || s390_ucontrol(j->q) != STATE_NO))
		none = STATE_UNKNOWN;
	for (uint32_t i = 0; i < slots->count; i++) {
		const struct state_entry *e = &slots->entries[i];

		if (e->known && !(e->value[3] & KVM_MEM_LOG_DIRTY_PAGES))
			untracked = STATE_YES;
	}
	if (untracked == STATE_NO && slots->open)
		untracked = STATE_UNKNOWN;
	if (on != STATE_YES) {
		if (none == STATE_NO && untracked == STATE_YES && cmma == STATE_NO &&
		    on == STATE_NO)
			rule = R_S390_MIGRATION_WITHOUT_CMMA;
		if (untracked == STATE_YES && cmma != STATE_YES)
			untracked = cmma;
		if (on == STATE_UNKNOWN) {
			none = none == STATE_YES ? STATE_UNKNOWN : none;
			untracked = untracked == STATE_YES ? STATE_UNKNOWN : untracked;
		}
		s390_cause(j, &causes, none, R_S390_MIGRATION_NO_MEMORY, EINVAL);
		s390_cause(j, &causes, untracked, R_S390_MIGRATION_UNTRACKED, EINVAL);
	}
	if (s390_refused(j, &causes, R_S390_MIGRATION_NO_MEMORY) || !j_succeeds(j, rule))
		return;
	migration_is(j->l, STATE_YES);
}

static void migration_status(struct judge *j, const struct attribute *a)
{
	struct s390_causes causes = {0};
	enum state_tri on = s390_fact(j->q, S390_MIGRATION);
	const struct state_entry *e = s390_fact_find(j->q, S390_MIGRATION);
	uint64_t status;

	s390_cause(j, &causes, fault(a), R_S390_ATTR_FAULT, EFAULT);
	if (s390_refused(j, &causes, R_S390_MIGRATION_STATUS) ||
	    !j_succeeds(j, R_S390_MIGRATION_STATUS) || !data_number(j->q, a, 0, 8, &status))
		return;
	if (!j_check(j, R_S390_MIGRATION_STATUS, status <= 1, "0 or 1", "%llu",
		     (unsigned long long)status))
		return;
	if (on != STATE_UNKNOWN)
		j_equal(j, e ? (uint16_t)e->value[1] : R_S390_MIGRATION_STATUS, "status",
			on == STATE_YES, status);
	migration_is(j->l, tri(status));
}

static void migration_set(struct judge *j, const struct attribute *a)
{
	if (a->attr == KVM_S390_VM_MIGRATION_START)
		migration_start(j);
	else if (j_succeeds(j, R_S390_MIGRATION_STOP))
		migration_is(j->l, STATE_NO);
}

/* --- all of them ----------------------------------------------------------------------------- */

#define SET 1
#define GET 2

static const struct row {
	uint32_t group, attr;
	uint8_t ways;  /* SET, GET */
	bool hardware; /* depends on the machine, or on a kernel newer than 5.10 */
	void (*set)(struct judge *j, const struct attribute *a);
	void (*get)(struct judge *j, const struct attribute *a);
} rows[] = {
#define ROW(group, attr, ways, hardware, set, get)                                \
	{                                                                         \
		KVM_S390_VM_##group, KVM_S390_VM_##attr, ways, hardware, set, get \
	}
	ROW(MEM_CTRL, MEM_ENABLE_CMMA, SET, true, cmma_enable, NULL),
	ROW(MEM_CTRL, MEM_CLR_CMMA, SET, true, cmma_clear, NULL),
	ROW(MEM_CTRL, MEM_LIMIT_SIZE, SET | GET, false, limit_set, limit_get),
	ROW(CPU_MODEL, CPU_MACHINE, GET, false, NULL, machine_get),
	ROW(CPU_MODEL, CPU_PROCESSOR, SET | GET, false, processor_set, processor_get),
	ROW(CPU_MODEL, CPU_MACHINE_FEAT, GET, false, NULL, features_get),
	ROW(CPU_MODEL, CPU_PROCESSOR_FEAT, SET | GET, false, features_set, features_get),
	ROW(CPU_MODEL, CPU_MACHINE_SUBFUNC, GET, false, NULL, subfunctions_get),
	ROW(CPU_MODEL, CPU_PROCESSOR_SUBFUNC, SET | GET, false, subfunctions_set, subfunctions_get),
	ROW(CPU_MODEL, CPU_MACHINE_UV_FEAT_GUEST, GET, true, NULL, uv_features),
	ROW(CPU_MODEL, CPU_PROCESSOR_UV_FEAT_GUEST, SET | GET, true, uv_features, uv_features),
	ROW(TOD, TOD_LOW, SET | GET, false, tod_set, tod_get),
	ROW(TOD, TOD_HIGH, SET | GET, false, tod_set, tod_get),
	ROW(TOD, TOD_EXT, SET | GET, false, tod_set, tod_get),
	ROW(CRYPTO, CRYPTO_ENABLE_AES_KW, SET, false, crypto_set, NULL),
	ROW(CRYPTO, CRYPTO_ENABLE_DEA_KW, SET, false, crypto_set, NULL),
	ROW(CRYPTO, CRYPTO_DISABLE_AES_KW, SET, false, crypto_set, NULL),
	ROW(CRYPTO, CRYPTO_DISABLE_DEA_KW, SET, false, crypto_set, NULL),
	ROW(CRYPTO, CRYPTO_ENABLE_APIE, SET, true, crypto_set, NULL),
	ROW(CRYPTO, CRYPTO_DISABLE_APIE, SET, true, crypto_set, NULL),
	ROW(MIGRATION, MIGRATION_STOP, SET, false, migration_set, NULL),
	ROW(MIGRATION, MIGRATION_START, SET, false, migration_set, NULL),
	ROW(MIGRATION, MIGRATION_STATUS, GET, false, NULL, migration_status),
};

static const struct row *row_find(const struct attribute *a)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].group == a->group && rows[i].attr == a->attr)
			return &rows[i];
	}
	return NULL;
}

/* Of the topology group, and of whatever later kernels have, nothing is documented. */
static bool undocumented(struct judge *j, const struct attribute *a)
{
	if (a->group != KVM_S390_VM_CPU_TOPOLOGY && !q_maybe_newer(j->q))
		return false;
	j_may_fail(j, R_S390_ATTR_HARDWARE);
	j_may_succeed(j, R_S390_ATTR_HARDWARE, "an attribute that the documents do not name");
	return true;
}

static void access_attr(struct judge *j, bool set)
{
	const struct row *row;
	struct attribute a;

	if (!attribute_read(j->q, set, j_part(j, set ? TAPE_NESTED_IN : TAPE_NESTED_OUT), &a)) {
		/* Anything may have been set. */
		state_vm_forget(j->vm);
		j_skip(j, "argument not captured");
		return;
	}
	row = row_find(&a);
	if (!row) {
		if (a.group == KVM_S390_VM_TOD && a.flags)
			j_must_fail(j, R_S390_TOD_FLAGS);
		else if (!undocumented(j, &a))
			j_must_fail(j, R_S390_ATTR_UNKNOWN);
		return;
	}
	if (!(row->ways & (set ? SET : GET))) {
		j_must_fail(j, R_S390_ATTR_DIRECTION);
		return;
	}
	if (set)
		row->set(j, &a);
	else
		row->get(j, &a);
}

void s390_set_attr(struct judge *j)
{
	access_attr(j, true);
}

void s390_get_attr(struct judge *j)
{
	access_attr(j, false);
}

void s390_has_attr(struct judge *j)
{
	const struct row *row;
	struct attribute a;
	enum state_tri has;

	if (!attribute_read(j->q, true, j_part(j, TAPE_NESTED_IN), &a)) {
		j_skip(j, "argument not captured");
		return;
	}
	row = row_find(&a);
	if (a.group == KVM_S390_VM_TOD && a.attr == KVM_S390_VM_TOD_EXT) {
		j_must_fail(j, R_S390_HAS_TOD_EXT);
		return;
	}
	if (!row && a.group == KVM_S390_VM_MIGRATION) {
		j_succeeds(j, R_S390_HAS_MIGRATION_ANY);
		return;
	}
	if (!row) {
		if (!undocumented(j, &a))
			j_must_fail(j, R_S390_ATTR_UNKNOWN);
		return;
	}
	if (!row->hardware) {
		j_succeeds(j, R_S390_HAS_ATTR);
		return;
	}
	has = host_has(j->q, &a);
	j_may_fail(j, R_S390_ATTR_HARDWARE);
	j_may_succeed(j, R_S390_ATTR_HARDWARE, "what the machine has");
	if (has != STATE_UNKNOWN && (j->ret->ret == 0 || j->ret->ret == -ENXIO))
		j_check(j, R_S390_HAS_ATTR_KEPT, (has == STATE_YES) == (j->ret->ret == 0),
			"the same answer as before", "another one");
	if (j->ret->ret == 0 || j->ret->ret == -ENXIO)
		host_has_set(j->l, &a, j->ret->ret == 0);
}
