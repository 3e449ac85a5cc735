/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attributes of a VM of s390: devices/vm.rst, groups 1 to 5.  Compiled against the UAPI headers of
 * s390.  The numbers of groups in the header are not those of the document's sections.
 */
#include <stdio.h>
#include <string.h>

#include "model/areas/s390.h"
#include "model/areas/vm.h"

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
	return q->vm->fresh && !q->vm->facts.open ? STATE_NO : STATE_UNKNOWN;
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
	const struct tape_object *o = l->created;

	if (o && !state_set_add(&l->system->numbers, NUMBER_UCONTROL, o->id))
		l->oom = -ENOMEM;
}

bool s390_between(const struct question *q)
{
	return q_changed(q, CHANGE_S390_MEMORY) == STATE_UNKNOWN;
}

bool s390_host_limit(const struct question *q, uint64_t *limit)
{
	const struct state_entry *e = state_set_find(&q->system->numbers, NUMBER_LIMIT, 0);

	if (!e || !e->known)
		return false;
	*limit = e->value[0];
	return true;
}

/* --- one attribute --------------------------------------------------------------------------- */

struct attribute {
	uint64_t flags, group, attr, addr;
};

static bool attribute_read(const struct question *q, struct attribute *t)
{
	return Q_IN(q, struct kvm_device_attr, flags, &t->flags) &&
	       Q_IN(q, struct kvm_device_attr, group, &t->group) &&
	       Q_IN(q, struct kvm_device_attr, attr, &t->attr) &&
	       Q_IN(q, struct kvm_device_attr, addr, &t->addr);
}

/* What a SET gives, and what a GET gave; NULL = not captured. */
static const struct tape_part *data_set(const struct question *q)
{
	return q_part(q, TAPE_NESTED_IN);
}

static const struct tape_part *data_got(const struct learn *l)
{
	return l_part(l, TAPE_NESTED_OUT);
}

/* The data's address is not accessible. User space ends a page before the last address. */
static enum state_tri fault(const struct attribute *t)
{
	if (t->addr >= LAST_PAGE)
		return STATE_YES;
	return t->addr ? STATE_NO : STATE_UNKNOWN;
}

/* The same of the data that a SET gives. */
static enum state_tri fault_set(const struct question *q, const struct attribute *t)
{
	const struct tape_part *data = data_set(q);
	enum state_tri there = fault(t);

	return there == STATE_NO && (!data || data->have < data->want) ? STATE_UNKNOWN : there;
}

/* What a GET was to write was not captured, so its address may not be accessible. */
static void check_fault(const struct question *q, struct judge *j)
{
	const struct tape_part *data = j_part(j, TAPE_NESTED_OUT);

	(void)q;
	if (!data || data->have < data->want)
		j_may_fail(j, R_S390_ATTR_FAULT);
}

static void may_fault_get(struct answer *a, const struct attribute *t)
{
	if (fault(t) != STATE_NO)
		return;
	a_check_always(a, check_fault);
}

/* True if a GET must fail for its address. */
static bool get_faults(struct answer *a, const struct attribute *t)
{
	may_fault_get(a, t);
	return a_refuse(a, R_S390_ATTR_FAULT, fault(t));
}

/* Bytes of the data become what is known. */
static void data_known(struct learn *l, struct state_block *b, const struct tape_part *data,
		       uint32_t offset, uint32_t len)
{
	if (!data || data->have < offset + len)
		state_block_forget(b);
	else if (state_block_set(b, 0, data->data + offset, len))
		l->oom = -ENOMEM;
}

/* The same, if they were captured. */
static void data_seen(struct learn *l, struct state_block *b, const struct tape_part *data,
		      uint32_t offset, uint32_t len)
{
	if (data && data->have >= offset + len)
		data_known(l, b, data, offset, len);
}

/* --- causes of errors ------------------------------------------------------------------------ */

/*
 * Causes of errors, in the order in which the kernel looks: a cause that is there for certain ends
 * the call with its error; of one that may be there the error is allowed.  Where several are there,
 * a rule says that the first one counts.
 */
struct causes {
	unsigned int count;
	struct {
		uint16_t rule;
		int error;
	} cause[8];
};

static void cause(struct answer *a, struct causes *c, enum state_tri there, uint16_t rule,
		  int error)
{
	if (there == STATE_UNKNOWN) {
		a_may_fail_with(a, rule, error);
	} else if (there == STATE_YES) {
		c->cause[c->count].rule = rule;
		c->cause[c->count++].error = error;
	}
}

/* The rule by which the first cause counts. */
static uint16_t order_of(const struct attribute *t)
{
	switch (t->group) {
	case KVM_S390_VM_TOD:
		return R_S390_TOD_FLAGS;
	case KVM_S390_VM_CPU_MODEL:
		return R_S390_MODEL_ORDER;
	default:
		return R_S390_LIMIT_ORDER;
	}
}

/* The error of another cause was given. */
static void check_order(const struct question *q, struct judge *j)
{
	struct attribute t;

	if (attribute_read(q, &t))
		j_break(j, order_of(&t), "the cause that is looked for first", "-1 %s",
			kvmapi_errno_name(-j->ret->ret));
}

/* True if the call must fail. */
static bool refused(struct answer *a, const struct causes *c, const struct attribute *t)
{
	const int first = c->count ? c->cause[0].error : 0;

	if (!c->count)
		return false;
	for (unsigned int i = 1; i < c->count; i++) {
		if (c->cause[i].error == first)
			continue;
		a_when_failed_with(a, first);
		a_hold(a, order_of(t));
		a_when_end(a);
		a_when_failed_with(a, c->cause[i].error);
		a_check(a, check_order);
		a_when_end(a);
	}
	a_must_fail_with(a, c->cause[0].rule, first);
	return true;
}

/* --- facilities and the host ----------------------------------------------------------------- */

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
static enum state_tri host_has(const struct question *q, const struct attribute *t)
{
	const struct state_entry *e =
		state_set_find(&q->system->numbers, NUMBER_ATTR, t->group << 32 | t->attr);

	return e && e->known ? tri(e->value[0]) : STATE_UNKNOWN;
}

static void host_has_set(struct learn *l, const struct attribute *t, bool there)
{
	struct state_entry *e =
		state_set_add(&l->system->numbers, NUMBER_ATTR, t->group << 32 | t->attr);

	if (!e) {
		l->oom = -ENOMEM;
		return;
	}
	e->known = 1;
	e->value[0] = there;
}

/* An attribute is there, or not, as it was before. */
static void check_kept(const struct question *q, struct judge *j)
{
	struct attribute t;
	enum state_tri has;

	if (!attribute_read(q, &t) || (j->ret->ret && j->ret->ret != -ENXIO))
		return;
	has = host_has(q, &t);
	if (has != STATE_UNKNOWN)
		j_check(j, R_S390_HAS_ATTR_KEPT, (has == STATE_YES) == !j->ret->ret,
			"the same answer as before", "another one");
}

/* An attribute that needs something of the host: whether that is missing. */
static enum state_tri hardware_cause(const struct question *q, struct answer *a,
				     const struct attribute *t)
{
	/* ENXIO would be against the word of KVM_HAS_DEVICE_ATTR. */
	a_when_failed_with(a, ENXIO);
	a_check(a, check_kept);
	a_when_end(a);
	return tri_not(host_has(q, t));
}

/* --- 1. KVM_S390_VM_MEM_CTRL ----------------------------------------------------------------- */

static void answer_cmma_enable(const struct question *q, struct answer *a,
			       const struct attribute *t)
{
	struct causes c = {0};
	uint64_t arg;

	cause(a, &c, hardware_cause(q, a, t), R_S390_ATTR_HARDWARE, ENXIO);
	cause(a, &c, q->vm->has_vcpus, R_S390_CMMA_ENABLE_BUSY, EBUSY);
	if (q_applies(q, R_S390_CMMA_HUGE_PAGES)) {
		enum state_tri huge = vm_cap_enabled(q->vm, KVM_CAP_S390_HPAGE_1M, &arg);

		cause(a, &c, huge == STATE_YES && s390_between(q) ? STATE_UNKNOWN : huge,
		      R_S390_CMMA_HUGE_PAGES, EINVAL);
	}
	if (!refused(a, &c, t))
		a_succeeds(a, R_S390_CMMA_ENABLE);
}

static void learn_cmma_enable(struct learn *l, const struct attribute *t)
{
	if (!l->succeeded)
		return;
	s390_fact_set(l, S390_CMMA, STATE_YES);
	host_has_set(l, t, true);
}

static void answer_cmma_clear(const struct question *q, struct answer *a, const struct attribute *t)
{
	struct causes c = {0};

	cause(a, &c, hardware_cause(q, a, t), R_S390_ATTR_HARDWARE, ENXIO);
	cause(a, &c, tri_not(s390_fact(q, S390_CMMA)), R_S390_CMMA_CLEAR_OFF, EINVAL);
	if (!refused(a, &c, t))
		a_succeeds(a, R_S390_CMMA_CLEAR);
}

static void learn_cmma_clear(struct learn *l, const struct attribute *t)
{
	struct state_entry *e;

	(void)t;
	if (!l->succeeded)
		return;
	s390_fact_set(l, S390_CMMA, STATE_YES);
	e = s390_fact_set(l, S390_CMMA_ZEROED, tri(!q_vm_ran(l->q)));
	if (e)
		e->value[1] = l->vm->last_run_end;
}

/* The limit that is asked for, *asked, and what newer kernels round it to, *limit; false: not
 * captured. */
static bool limit_read(const struct question *q, uint64_t *asked, uint64_t *limit)
{
	const bool known = q_field(q, data_set(q), 0, 8, asked);

	*limit = q_applies(q, R_S390_LIMIT_WRAPS) ? (*asked + MEGABYTE - 1) & ~(MEGABYTE - 1)
						  : *asked;
	return known;
}

/* A slot ends above the limit. */
static enum state_tri limit_below_slots(const struct state_set *slots, uint64_t limit)
{
	for (uint32_t i = 0; i < slots->count; i++) {
		const struct state_entry *e = &slots->entries[i];

		if (e->known && e->value[0] + e->value[1] > limit)
			return STATE_YES;
	}
	return slots->open ? STATE_UNKNOWN : STATE_NO;
}

static void answer_limit_set(const struct question *q, struct answer *a, const struct attribute *t)
{
	bool newer = q_applies(q, R_S390_LIMIT_WRAPS), between = s390_between(q), known;
	uint64_t asked = 0, limit, most;
	struct causes c = {0};
	enum state_tri big;

	cause(a, &c, s390_ucontrol(q), R_S390_LIMIT_UCONTROL, EINVAL);
	cause(a, &c, fault_set(q, t), R_S390_ATTR_FAULT, EFAULT);
	known = limit_read(q, &asked, &limit);
	big = !known || between || !s390_host_limit(q, &most) ? STATE_UNKNOWN
	      : most == NO_LIMIT			      ? STATE_NO
							      : tri(limit > most);
	cause(a, &c, big, R_S390_LIMIT_TOO_BIG, E2BIG);
	cause(a, &c, known ? tri(!asked) : STATE_UNKNOWN, R_S390_LIMIT_ZERO, EINVAL);
	if (newer)
		cause(a, &c, known ? tri(asked && !limit) : STATE_UNKNOWN, R_S390_LIMIT_WRAPS,
		      EINVAL);
	else if (between && asked > UINT64_MAX - MEGABYTE + 1)
		a_may_fail_with(a, R_RETURN_ZERO_OR_ERROR, EINVAL);
	cause(a, &c, q->vm->has_vcpus, R_S390_LIMIT_BUSY, EBUSY);
	if (between)
		a_may_fail_with(a, R_RETURN_ZERO_OR_ERROR, EBUSY);
	else if (newer)
		cause(a, &c, known ? limit_below_slots(&q->vm->slots, limit) : STATE_UNKNOWN,
		      R_S390_LIMIT_SLOTS, EBUSY);
	if (!refused(a, &c, t))
		a_succeeds(a, R_S390_LIMIT_SET);
}

static void learn_limit_set(struct learn *l, const struct attribute *t)
{
	uint64_t asked = 0, limit;
	const bool known = limit_read(l->q, &asked, &limit);
	struct state_entry *e;

	(void)t;
	if (!l->succeeded)
		return;
	e = s390_fact_set(l, S390_LIMIT, known ? STATE_YES : STATE_UNKNOWN);
	if (!e)
		return;
	e->value[1] = limit <= 1ull << 31   ? 1ull << 31
		      : limit <= 1ull << 42 ? 1ull << 42
		      : limit <= 1ull << 53 ? 1ull << 53
					    : UINT64_MAX;
}

/* A field of the data that a GET gives is what was seen before in a VM of this host. */
static void answer_number_same(const struct question *q, struct answer *a, uint16_t rule,
			       const char *what, uint64_t number, size_t offset, size_t width)
{
	const struct state_entry *e = state_set_find(&q->system->numbers, number, 0);

	if (e && e->known)
		a_equal(a, rule, what, e->value[0], TAPE_NESTED_OUT, offset, width);
}

static void learn_number(struct learn *l, uint64_t number, size_t offset, size_t width)
{
	uint64_t value;

	if (q_field(l->q, data_got(l), offset, width, &value))
		l_constant(l, &l->system->numbers, number, 0, value);
}

static void answer_limit_get(const struct question *q, struct answer *a, const struct attribute *t)
{
	const enum state_tri ucontrol = s390_ucontrol(q), set = s390_fact(q, S390_LIMIT);
	uint64_t most;

	if (get_faults(a, t))
		return;
	a_succeeds(a, R_S390_LIMIT_GET);
	if (ucontrol == STATE_YES)
		a_equal(a, R_S390_LIMIT_NONE, "limit", NO_LIMIT, TAPE_NESTED_OUT, 0, 8);
	else if (ucontrol == STATE_NO && set == STATE_NO)
		answer_number_same(q, a, R_S390_LIMIT_GET, "limit", NUMBER_LIMIT, 0, 8);
	else if (ucontrol == STATE_NO && set == STATE_YES && s390_host_limit(q, &most))
		a_equal(a, R_S390_LIMIT_KEPT, "limit", most, TAPE_NESTED_OUT, 0, 8);
}

static void learn_limit_get(struct learn *l, const struct attribute *t)
{
	(void)t;
	if (l->succeeded && s390_ucontrol(l->q) == STATE_NO &&
	    s390_fact(l->q, S390_LIMIT) == STATE_NO)
		learn_number(l, NUMBER_LIMIT, 0, 8);
}

/* --- 2. KVM_S390_VM_CPU_MODEL ---------------------------------------------------------------- */

/*
 * What a GET of the CPU model gives again, by which rule, and what it is called.  Compared, or known,
 * as a whole.
 */
struct same {
	uint16_t rule;
	const char *what;
	const struct state_block *block;
	uint32_t offset, len;
};

static struct same same_of(const struct question *q, const struct attribute *t)
{
	const struct state_system *host = q->system;
	const struct state_block *blocks = q->vm->blocks;
	const uint32_t features = sizeof(struct kvm_s390_vm_cpu_feat);
	const uint32_t subfunctions = sizeof(struct kvm_s390_vm_cpu_subfunc);

	switch (t->attr) {
	case KVM_S390_VM_CPU_MACHINE:
		return (struct same){R_S390_MACHINE_SAME, "fac_list", &host->machine_facilities,
				     offsetof(struct kvm_s390_vm_cpu_machine, fac_list),
				     FACILITIES};
	case KVM_S390_VM_CPU_MACHINE_FEAT:
		return (struct same){R_S390_FEAT_SAME, "feat", &host->machine_features, 0,
				     features};
	case KVM_S390_VM_CPU_PROCESSOR_FEAT:
		return (struct same){R_S390_FEAT_SAME, "feat", &blocks[STATE_CPU_FEATURES], 0,
				     features};
	case KVM_S390_VM_CPU_MACHINE_SUBFUNC:
		return (struct same){R_S390_SUBFUNC_SAME, "subfunctions",
				     &host->machine_subfunctions, 0, subfunctions};
	default:
		return (struct same){R_S390_SUBFUNC_SAME, "subfunctions",
				     &blocks[STATE_CPU_SUBFUNCTIONS], 0, subfunctions};
	}
}

static void check_same(const struct question *q, struct judge *j)
{
	const struct tape_part *data = j_part(j, TAPE_NESTED_OUT);
	char want[MODEL_TEXT];
	struct attribute t;
	struct same s;
	int64_t at;

	if (!attribute_read(q, &t))
		return;
	s = same_of(q, &t);
	if (!data || data->have < s.offset + s.len)
		return;
	at = state_block_mismatch(s.block, 0, data->data + s.offset, s.len);
	if (at >= 0) {
		snprintf(want, sizeof(want), "%s: byte %lld = 0x%02x", s.what, (long long)at,
			 s.block->value[at]);
		j_break(j, s.rule, want, "0x%02x", data->data[s.offset + at]);
	} else if (state_block_known(s.block, 0, s.len)) {
		j_hold(j, s.rule);
	}
}

static void answer_same(const struct question *q, struct answer *a, const struct attribute *t)
{
	const struct same s = same_of(q, t);

	if (state_block_known(s.block, 0, s.len))
		a_determined(a, s.rule, TAPE_NESTED_OUT, s.offset, s.len);
	a_suggest_block(a, s.block, 0, TAPE_NESTED_OUT, s.offset, s.len);
	a_check(a, check_same);
}

static void answer_machine_get(const struct question *q, struct answer *a,
			       const struct attribute *t)
{
	if (get_faults(a, t))
		return;
	a_succeeds(a, R_S390_MACHINE_GET);
	answer_number_same(q, a, R_S390_MACHINE_SAME, "ibc", NUMBER_IBC,
			   offsetof(struct kvm_s390_vm_cpu_machine, ibc), 4);
	answer_same(q, a, t);
}

static void learn_machine_get(struct learn *l, const struct attribute *t)
{
	(void)t;
	if (!l->succeeded)
		return;
	learn_number(l, NUMBER_IBC, offsetof(struct kvm_s390_vm_cpu_machine, ibc), 4);
	data_seen(l, &l->system->machine_facilities, data_got(l),
		  offsetof(struct kvm_s390_vm_cpu_machine, fac_list), FACILITIES);
	data_known(l, &l->vm->blocks[STATE_CPU_MASK], data_got(l),
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

static void answer_processor_set(const struct question *q, struct answer *a,
				 const struct attribute *t)
{
	struct causes c = {0};

	cause(a, &c, q->vm->has_vcpus, R_S390_PROCESSOR_BUSY, EBUSY);
	cause(a, &c, fault_set(q, t), R_S390_ATTR_FAULT, EFAULT);
	if (!refused(a, &c, t))
		a_succeeds(a, R_S390_PROCESSOR_SET);
}

/* The value and its padding are judged apart. */
static void processor_known(struct learn *l, const struct tape_part *data)
{
	struct state_block *b = &l->vm->blocks[STATE_CPU_MODEL];

	data_known(l, b, data, 0, sizeof(struct kvm_s390_vm_cpu_processor));
	state_block_forget_range(b, 8, 8);
}

static bool processor_ibc(const struct question *q, const struct tape_part *data, uint64_t *ibc)
{
	return q_field(q, data, offsetof(struct kvm_s390_vm_cpu_processor, ibc), 2, ibc);
}

static void learn_processor_set(struct learn *l, const struct attribute *t)
{
	uint64_t ibc;

	(void)t;
	if (!l->succeeded)
		return;
	s390_fact_set(l, S390_EPOCHS, STATE_UNKNOWN);
	if (processor_ibc(l->q, data_set(l->q), &ibc))
		ibc_set(l, ibc);
	else
		ibc_known(l, STATE_UNKNOWN, 0, false);
	processor_known(l, data_set(l->q));
}

static void check_processor(const struct question *q, struct judge *j)
{
	const struct tape_part *data = j_part(j, TAPE_NESTED_OUT);
	uint64_t ibc;
	int64_t at;

	if (!processor_ibc(q, data, &ibc))
		return;
	at = state_block_mismatch(&q->vm->blocks[STATE_CPU_MODEL], 0, data->data, data->have);
	j_check(j, R_S390_PROCESSOR_SAME, at < 0, "cpuid and facilities as written",
		"byte %lld = 0x%02x", (long long)at, at < 0 ? 0 : data->data[at]);
}

static void answer_processor_get(const struct question *q, struct answer *a,
				 const struct attribute *t)
{
	const struct state_entry *ibc = s390_fact_find(q, S390_IBC);

	if (get_faults(a, t))
		return;
	a_succeeds(a, q->vm->has_vcpus == STATE_YES ? R_S390_MODEL_READ : R_S390_PROCESSOR_GET);
	if (ibc && ibc->value[0] == STATE_YES)
		a_equal(a, ibc->value[2] ? R_S390_PROCESSOR_IBC : R_S390_PROCESSOR_SAME, "ibc",
			ibc->value[1], TAPE_NESTED_OUT,
			offsetof(struct kvm_s390_vm_cpu_processor, ibc), 2);
	if (!state_block_known(&q->vm->blocks[STATE_CPU_MODEL], 16, FACILITIES))
		return;
	a_determined(a, R_S390_PROCESSOR_SAME, TAPE_NESTED_OUT, 0, 8);
	a_determined(a, R_S390_PROCESSOR_SAME, TAPE_NESTED_OUT, 16, FACILITIES);
	a_suggest_block(a, &q->vm->blocks[STATE_CPU_MODEL], 0, TAPE_NESTED_OUT, 0, 16 + FACILITIES);
	a_check(a, check_processor);
}

static void learn_processor_get(struct learn *l, const struct attribute *t)
{
	const struct state_entry *known = s390_fact_find(l->q, S390_IBC);
	uint64_t ibc;

	(void)t;
	if (!l->succeeded || !processor_ibc(l->q, data_got(l), &ibc))
		return;
	if (!known || known->value[0] != STATE_YES)
		ibc_known(l, STATE_YES, ibc, false);
	processor_known(l, data_got(l));
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

static void answer_features_set(const struct question *q, struct answer *a,
				const struct attribute *t)
{
	const enum state_tri available = within(&q->system->machine_features, data_set(q),
						sizeof(struct kvm_s390_vm_cpu_feat));
	struct causes c = {0};

	cause(a, &c, fault_set(q, t), R_S390_ATTR_FAULT, EFAULT);
	cause(a, &c, tri_not(available), R_S390_FEAT_UNAVAILABLE, EINVAL);
	cause(a, &c, q->vm->has_vcpus, R_S390_FEAT_BUSY, EBUSY);
	if (!refused(a, &c, t))
		a_succeeds(a, R_S390_FEAT_SET);
}

static void learn_features_set(struct learn *l, const struct attribute *t)
{
	(void)t;
	if (l->succeeded)
		data_known(l, &l->vm->blocks[STATE_CPU_FEATURES], data_set(l->q), 0,
			   sizeof(struct kvm_s390_vm_cpu_feat));
}

static void check_features_within(const struct question *q, struct judge *j)
{
	const enum state_tri subset =
		within(&q->system->machine_features, j_part(j, TAPE_NESTED_OUT),
		       sizeof(struct kvm_s390_vm_cpu_feat));

	if (subset != STATE_UNKNOWN)
		j_check(j, R_S390_FEAT_WITHIN, subset == STATE_YES, "features that the machine has",
			"another one");
}

static void answer_features_get(const struct question *q, struct answer *a,
				const struct attribute *t)
{
	const uint32_t len = sizeof(struct kvm_s390_vm_cpu_feat);
	const bool machine = t->attr == KVM_S390_VM_CPU_MACHINE_FEAT;

	if (get_faults(a, t))
		return;
	a_succeeds(a,
		   !machine && q->vm->has_vcpus == STATE_YES ? R_S390_MODEL_READ : R_S390_FEAT_GET);
	answer_same(q, a, t);
	if (machine || !state_block_known(&q->system->machine_features, 0, len))
		return;
	a_constrained(a, R_S390_FEAT_WITHIN, TAPE_NESTED_OUT, 0, len);
	a_check(a, check_features_within);
}

static void learn_features_get(struct learn *l, const struct attribute *t)
{
	if (l->succeeded)
		data_seen(l,
			  t->attr == KVM_S390_VM_CPU_MACHINE_FEAT
				  ? &l->system->machine_features
				  : &l->vm->blocks[STATE_CPU_FEATURES],
			  data_got(l), 0, sizeof(struct kvm_s390_vm_cpu_feat));
}

static void answer_subfunctions_set(const struct question *q, struct answer *a,
				    const struct attribute *t)
{
	struct causes c = {0};

	cause(a, &c, q->vm->has_vcpus, R_S390_SUBFUNC_BUSY, EBUSY);
	cause(a, &c, fault_set(q, t), R_S390_ATTR_FAULT, EFAULT);
	if (!refused(a, &c, t))
		a_succeeds(a, R_S390_SUBFUNC_SET);
}

static void learn_subfunctions_set(struct learn *l, const struct attribute *t)
{
	(void)t;
	if (!l->succeeded)
		return;
	data_known(l, &l->vm->blocks[STATE_CPU_SUBFUNCTIONS], data_set(l->q), 0,
		   sizeof(struct kvm_s390_vm_cpu_subfunc));
	s390_fact_set(l, S390_SUBFUNC_GIVEN, STATE_YES);
}

/* Blocks of subfunctions and the facilities that bring their instructions. */
#define BLOCK(name, facility)                                                                    \
	{                                                                                        \
#name, offsetof(struct kvm_s390_vm_cpu_subfunc, name),                           \
			sizeof(((struct kvm_s390_vm_cpu_subfunc *)0)->name), FACILITY_##facility \
	}
static const struct {
	const char *name;
	uint32_t offset, size, facility;
} valid_blocks[] = {
	BLOCK(ptff, TOD_STEERING), BLOCK(kmac, MSA),  BLOCK(kmc, MSA),	   BLOCK(km, MSA),
	BLOCK(kimd, MSA),	   BLOCK(klmd, MSA),  BLOCK(pckmo, MSA3),  BLOCK(kmctr, MSA4),
	BLOCK(kmf, MSA4),	   BLOCK(kmo, MSA4),  BLOCK(pcc, MSA4),	   BLOCK(ppno, MSA5),
	BLOCK(kma, MSA8),	   BLOCK(kdsa, MSA9), BLOCK(sortl, SORTL), BLOCK(dfltcc, DFLTCC),
	BLOCK(pfcr, PFCR),
};
#define BLOCKS (sizeof(valid_blocks) / sizeof(valid_blocks[0]))

/* PLO, which every machine has, and what the facilities bring. */
static void suggest_subfunctions(const struct question *q, struct answer *a)
{
	a_suggest(a, TAPE_NESTED_OUT, offsetof(struct kvm_s390_vm_cpu_subfunc, plo), 1, 0x80);
	for (size_t i = 0; i < BLOCKS; i++) {
		if (list_bit(&q->system->machine_facilities, valid_blocks[i].facility) == STATE_YES)
			a_suggest(a, TAPE_NESTED_OUT, valid_blocks[i].offset, 1, 0x80);
	}
}

static void check_subfunctions(const struct question *q, struct judge *j)
{
	static const uint8_t zero[sizeof(struct kvm_s390_vm_cpu_subfunc)];
	const uint32_t plo = sizeof(((struct kvm_s390_vm_cpu_subfunc *)0)->plo);
	const uint32_t reserved = offsetof(struct kvm_s390_vm_cpu_subfunc, reserved);
	const uint32_t reserved_once = offsetof(struct kvm_s390_vm_cpu_subfunc, sortl);
	const struct tape_part *data = j_part(j, TAPE_NESTED_OUT);
	const uint8_t *bytes;

	if (!data || data->have < sizeof(struct kvm_s390_vm_cpu_subfunc))
		return;
	bytes = data->data;
	j_check(j, R_S390_SUBFUNC_VALID, memcmp(bytes, zero, plo), "functions of PLO", "none");
	for (size_t i = 0; i < BLOCKS; i++) {
		enum state_tri has =
			list_bit(&q->system->machine_facilities, valid_blocks[i].facility);

		/* Of the last three the document says nothing yet. */
		if (has == STATE_YES && valid_blocks[i].offset < reserved_once)
			j_check(j, R_S390_SUBFUNC_VALID, bytes[valid_blocks[i].offset] & 0x80,
				"bit 0 of a block that is valid", "%s begins with 0x%02x",
				valid_blocks[i].name, bytes[valid_blocks[i].offset]);
		else if (has == STATE_NO)
			j_check(j, R_S390_SUBFUNC_ABSENT,
				!memcmp(bytes + valid_blocks[i].offset, zero, valid_blocks[i].size),
				"zero without its facility", "%s is not zero",
				valid_blocks[i].name);
	}
	j_check(j, R_S390_SUBFUNC_RESERVED,
		!memcmp(bytes + reserved, zero, sizeof(zero) - reserved), "reserved = 0",
		"another value");
}

static void check_subfunctions_unwritten(const struct question *q, struct judge *j)
{
	const struct tape_part *data = j_part(j, TAPE_NESTED_OUT);
	const uint32_t len = sizeof(struct kvm_s390_vm_cpu_subfunc);

	if (data && data->have >= len)
		j_check(j, R_S390_SUBFUNC_UNWRITTEN,
			!memcmp(q->system->machine_subfunctions.value, data->data, len),
			"the machine's subfunctions", "others");
}

static void answer_subfunctions_get(const struct question *q, struct answer *a,
				    const struct attribute *t)
{
	const uint32_t len = sizeof(struct kvm_s390_vm_cpu_subfunc);
	const bool machine = t->attr == KVM_S390_VM_CPU_MACHINE_SUBFUNC;
	const bool unwritten = !machine && s390_fact(q, S390_SUBFUNC_GIVEN) == STATE_NO;

	if (get_faults(a, t))
		return;
	a_succeeds(a, unwritten					  ? R_S390_SUBFUNC_UNWRITTEN
		      : !machine && q->vm->has_vcpus == STATE_YES ? R_S390_MODEL_READ
								  : R_S390_SUBFUNC_GET);
	if (machine) {
		suggest_subfunctions(q, a);
		a_constrained(a, R_S390_SUBFUNC_VALID, TAPE_NESTED_OUT, 0,
			      offsetof(struct kvm_s390_vm_cpu_subfunc, reserved));
		a_determined(a, R_S390_SUBFUNC_RESERVED, TAPE_NESTED_OUT,
			     offsetof(struct kvm_s390_vm_cpu_subfunc, reserved),
			     sizeof(((struct kvm_s390_vm_cpu_subfunc *)0)->reserved));
		a_check(a, check_subfunctions);
	} else if (unwritten && state_block_known(&q->system->machine_subfunctions, 0, len)) {
		a_determined(a, R_S390_SUBFUNC_UNWRITTEN, TAPE_NESTED_OUT, 0, len);
		a_suggest_block(a, &q->system->machine_subfunctions, 0, TAPE_NESTED_OUT, 0, len);
		a_check(a, check_subfunctions_unwritten);
	}
	answer_same(q, a, t);
}

static void learn_subfunctions_get(struct learn *l, const struct attribute *t)
{
	if (l->succeeded)
		data_seen(l,
			  t->attr == KVM_S390_VM_CPU_MACHINE_SUBFUNC
				  ? &l->system->machine_subfunctions
				  : &l->vm->blocks[STATE_CPU_SUBFUNCTIONS],
			  data_got(l), 0, sizeof(struct kvm_s390_vm_cpu_subfunc));
}

/* Features of the ultravisor: newer kernels. The documents have nothing of them. */
static void answer_uv_features(const struct question *q, struct answer *a,
			       const struct attribute *t)
{
	if (!a_refuse(a, R_S390_ATTR_HARDWARE, hardware_cause(q, a, t)))
		a_may_succeed(a, R_S390_ATTR_HARDWARE, "what the documents say nothing of");
}

/* --- 3. KVM_S390_VM_TOD ---------------------------------------------------------------------- */

/* The CPU model has the extension of the clock: by its facilities, or by what was answered. */
static enum state_tri has_epochs(const struct question *q)
{
	enum state_tri has = facility(q, FACILITY_MULTIPLE_EPOCH);
	const struct state_entry *e = s390_fact_find(q, S390_EPOCHS);

	return has == STATE_UNKNOWN && e ? (enum state_tri)e->value[0] : has;
}

/* The clock and its extension that a SET gives; false: not captured. */
static bool tod_read(const struct question *q, const struct attribute *t, uint64_t *tod,
		     uint64_t *extension)
{
	const struct tape_part *data = data_set(q);

	*tod = *extension = 0;
	switch (t->attr) {
	case KVM_S390_VM_TOD_HIGH:
		return q_field(q, data, 0, 1, extension);
	case KVM_S390_VM_TOD_EXT:
		return q_field(q, data, offsetof(struct kvm_s390_vm_tod_clock, epoch_idx), 1,
			       extension) &&
		       q_field(q, data, offsetof(struct kvm_s390_vm_tod_clock, tod), 8, tod);
	default:
		return q_field(q, data, 0, 8, tod);
	}
}

static void answer_tod_set(const struct question *q, struct answer *a, const struct attribute *t)
{
	struct causes c = {0};
	uint64_t tod, extension;
	bool known;

	cause(a, &c, tri(t->flags), R_S390_TOD_FLAGS, EINVAL);
	if (q_applies(q, R_S390_TOD_PROTECTED))
		cause(a, &c, s390_fact(q, S390_PROTECTED), R_S390_TOD_PROTECTED, EOPNOTSUPP);
	cause(a, &c, fault_set(q, t), R_S390_ATTR_FAULT, EFAULT);
	known = tod_read(q, t, &tod, &extension);
	if (t->attr == KVM_S390_VM_TOD_HIGH)
		cause(a, &c, known ? tri(extension) : STATE_UNKNOWN, R_S390_TOD_HIGH, EINVAL);
	else if (t->attr == KVM_S390_VM_TOD_EXT)
		cause(a, &c,
		      !known	  ? STATE_UNKNOWN
		      : extension ? tri_not(has_epochs(q))
				  : STATE_NO,
		      R_S390_TOD_EXTENSION, EINVAL);
	if (!refused(a, &c, t))
		a_succeeds(a, R_S390_TOD_SET);
}

static void learn_tod_set(struct learn *l, const struct attribute *t)
{
	const int64_t ret = l->ret->ret;
	uint64_t tod, extension;
	const bool known = tod_read(l->q, t, &tod, &extension);
	struct state_entry *e;

	/* Nothing else is wrong with the call: the answer shows what the model has. */
	if (t->attr == KVM_S390_VM_TOD_EXT && known && extension && !t->flags &&
	    (!ret || ret == -EINVAL))
		s390_fact_set(l, S390_EPOCHS, tri(!ret));
	if (!l->succeeded || t->attr == KVM_S390_VM_TOD_HIGH)
		return;
	e = s390_fact_set(l, S390_TOD, known && !q_vm_ran(l->q) ? STATE_YES : STATE_UNKNOWN);
	if (!e)
		return;
	e->value[1] = tod;
	e->value[2] = extension;
	e->value[3] = l->vm->last_run_end;
}

/* The clock and, if it is there, its extension go on from what was set. */
static void check_tod_runs(const struct question *q, struct judge *j)
{
	const struct tape_part *data = j_part(j, TAPE_NESTED_OUT);
	const struct state_entry *e = s390_fact_find(q, S390_TOD);
	struct attribute t;
	uint64_t tod, extension = 0;
	bool extended;

	if (!attribute_read(q, &t))
		return;
	extended = t.attr == KVM_S390_VM_TOD_EXT;
	if (!q_field(q, data, extended ? offsetof(struct kvm_s390_vm_tod_clock, tod) : 0, 8,
		     &tod) ||
	    (extended &&
	     !q_field(q, data, offsetof(struct kvm_s390_vm_tod_clock, epoch_idx), 1, &extension)))
		return;
	j_check(j, R_S390_TOD_RUNS, (int64_t)(tod - e->value[1]) >= 0,
		"a clock that is not before the one that was set", "0x%llx after 0x%llx",
		(unsigned long long)tod, (unsigned long long)e->value[1]);
	if (extended && facility(q, FACILITY_MULTIPLE_EPOCH) == STATE_YES)
		j_equal(j, R_S390_TOD_RUNS, "extension", (e->value[2] + (tod < e->value[1])) & 0xff,
			extension);
}

/* The clock as it was set. */
static void suggest_tod(struct answer *a, const struct state_entry *e, bool extended)
{
	a_suggest(a, TAPE_NESTED_OUT, extended ? offsetof(struct kvm_s390_vm_tod_clock, tod) : 0, 8,
		  e->value[1]);
	if (extended && facility(a->q, FACILITY_MULTIPLE_EPOCH) == STATE_YES)
		a_suggest(a, TAPE_NESTED_OUT, offsetof(struct kvm_s390_vm_tod_clock, epoch_idx), 1,
			  e->value[2]);
}

static void answer_tod_get(const struct question *q, struct answer *a, const struct attribute *t)
{
	const struct state_entry *e = s390_fact_find(q, S390_TOD);
	const bool extended = t->attr == KVM_S390_VM_TOD_EXT;
	struct causes c = {0};

	may_fault_get(a, t);
	cause(a, &c, tri(t->flags), R_S390_TOD_FLAGS, EINVAL);
	cause(a, &c, fault(t), R_S390_ATTR_FAULT, EFAULT);
	if (refused(a, &c, t))
		return;
	a_succeeds(a, R_S390_TOD_GET);
	if (t->attr == KVM_S390_VM_TOD_HIGH) {
		a_equal(a, R_S390_TOD_HIGH, "extension", 0, TAPE_NESTED_OUT, 0, 1);
		return;
	}
	if (extended && has_epochs(q) == STATE_NO)
		a_equal(a, R_S390_TOD_EXTENSION, "extension", 0, TAPE_NESTED_OUT,
			offsetof(struct kvm_s390_vm_tod_clock, epoch_idx), 1);
	/* If no guest set them. */
	if (!e || e->value[0] != STATE_YES || q_vm_running(q) || q->vm->last_run_end != e->value[3])
		return;
	a_constrained(a, R_S390_TOD_RUNS, TAPE_NESTED_OUT,
		      extended ? offsetof(struct kvm_s390_vm_tod_clock, tod) : 0, 8);
	suggest_tod(a, e, extended);
	a_check(a, check_tod_runs);
}

/* --- 4. KVM_S390_VM_CRYPTO ------------------------------------------------------------------- */

static void answer_crypto_set(const struct question *q, struct answer *a, const struct attribute *t)
{
	if (t->attr >= KVM_S390_VM_CRYPTO_ENABLE_APIE) {
		a_may_fail(a, R_S390_CRYPTO_APIE);
		a_may_succeed(a, R_S390_CRYPTO_APIE, "whether there are AP instructions");
	} else if (!a_refuse(a, R_S390_CRYPTO_FACILITY, tri_not(facility(q, FACILITY_MSA3)))) {
		a_succeeds(a, R_S390_CRYPTO);
	}
}

/* --- 5. KVM_S390_VM_MIGRATION ---------------------------------------------------------------- */

static void migration_is(struct learn *l, enum state_tri on)
{
	struct state_entry *e = s390_fact_set(l, S390_MIGRATION, on);

	if (e)
		e->value[1] = R_S390_MIGRATION_STATUS;
}

/* A slot has no dirty tracking. */
static enum state_tri slots_untracked(const struct state_set *slots)
{
	for (uint32_t i = 0; i < slots->count; i++) {
		const struct state_entry *e = &slots->entries[i];

		if (e->known && !(e->value[3] & KVM_MEM_LOG_DIRTY_PAGES))
			return STATE_YES;
	}
	return slots->open ? STATE_UNKNOWN : STATE_NO;
}

/* Something that is so for certain, if migration mode is off. */
static enum state_tri if_off(enum state_tri on, enum state_tri cause)
{
	return on == STATE_UNKNOWN && cause == STATE_YES ? STATE_UNKNOWN : cause;
}

static void answer_migration_start(const struct question *q, struct answer *a,
				   const struct attribute *t)
{
	const struct state_set *slots = &q->vm->slots;
	enum state_tri on = s390_fact(q, S390_MIGRATION), cmma = s390_fact(q, S390_CMMA);
	enum state_tri none = tri(!slots->count), untracked = slots_untracked(slots);
	uint16_t rule = R_S390_MIGRATION_START;

	(void)t;
	if (none == STATE_YES && (slots->open || s390_ucontrol(q) != STATE_NO))
		none = STATE_UNKNOWN;
	if (on != STATE_YES) {
		if (none == STATE_NO && untracked == STATE_YES && cmma == STATE_NO &&
		    on == STATE_NO)
			rule = R_S390_MIGRATION_WITHOUT_CMMA;
		if (untracked == STATE_YES && cmma != STATE_YES)
			untracked = cmma;
		if (a_refuse(a, R_S390_MIGRATION_NO_MEMORY, if_off(on, none)) ||
		    a_refuse(a, R_S390_MIGRATION_UNTRACKED, if_off(on, untracked)))
			return;
	}
	a_succeeds(a, rule);
}

static void learn_migration_start(struct learn *l, const struct attribute *t)
{
	(void)t;
	if (l->succeeded)
		migration_is(l, STATE_YES);
}

static void answer_migration_stop(const struct question *q, struct answer *a,
				  const struct attribute *t)
{
	(void)q;
	(void)t;
	a_succeeds(a, R_S390_MIGRATION_STOP);
}

static void learn_migration_stop(struct learn *l, const struct attribute *t)
{
	(void)t;
	if (l->succeeded)
		migration_is(l, STATE_NO);
}

static void answer_migration_status(const struct question *q, struct answer *a,
				    const struct attribute *t)
{
	const enum state_tri on = s390_fact(q, S390_MIGRATION);
	const struct state_entry *e = s390_fact_find(q, S390_MIGRATION);

	if (get_faults(a, t))
		return;
	a_succeeds(a, R_S390_MIGRATION_STATUS);
	a_range(a, R_S390_MIGRATION_STATUS, "0 or 1", 0, 1, TAPE_NESTED_OUT, 0, 8);
	if (on != STATE_UNKNOWN)
		a_equal(a, e ? (uint16_t)e->value[1] : R_S390_MIGRATION_STATUS, "status",
			on == STATE_YES, TAPE_NESTED_OUT, 0, 8);
}

static void learn_migration_status(struct learn *l, const struct attribute *t)
{
	uint64_t status;

	(void)t;
	if (l->succeeded && q_field(l->q, data_got(l), 0, 8, &status) && status <= 1)
		migration_is(l, tri(status));
}

/* --- all of them ----------------------------------------------------------------------------- */

/* How a SET or GET of an attribute is answered; no answer: it has no such direction. */
struct way {
	void (*answer)(const struct question *q, struct answer *a, const struct attribute *t);
	void (*learn)(struct learn *l, const struct attribute *t); /* NULL = nothing */
};

static const struct row {
	uint32_t group, attr;
	bool hardware; /* depends on the machine, or on a kernel newer than 5.10 */
	struct way set, get;
} rows[] = {
#define ROW(group, attr, hardware, ...)                                        \
	{                                                                      \
		KVM_S390_VM_##group, KVM_S390_VM_##attr, hardware, __VA_ARGS__ \
	}
#define WAY(name)                           \
	{                                   \
		answer_##name, learn_##name \
	}
#define WAY_LEARNS_NOTHING(name)    \
	{                           \
		answer_##name, NULL \
	}
	ROW(MEM_CTRL, MEM_ENABLE_CMMA, true, .set = WAY(cmma_enable)),
	ROW(MEM_CTRL, MEM_CLR_CMMA, true, .set = WAY(cmma_clear)),
	ROW(MEM_CTRL, MEM_LIMIT_SIZE, false, .set = WAY(limit_set), .get = WAY(limit_get)),
	ROW(CPU_MODEL, CPU_MACHINE, false, .get = WAY(machine_get)),
	ROW(CPU_MODEL, CPU_PROCESSOR, false, .set = WAY(processor_set), .get = WAY(processor_get)),
	ROW(CPU_MODEL, CPU_MACHINE_FEAT, false, .get = WAY(features_get)),
	ROW(CPU_MODEL, CPU_PROCESSOR_FEAT, false, .set = WAY(features_set),
	    .get = WAY(features_get)),
	ROW(CPU_MODEL, CPU_MACHINE_SUBFUNC, false, .get = WAY(subfunctions_get)),
	ROW(CPU_MODEL, CPU_PROCESSOR_SUBFUNC, false, .set = WAY(subfunctions_set),
	    .get = WAY(subfunctions_get)),
	ROW(CPU_MODEL, CPU_MACHINE_UV_FEAT_GUEST, true, .get = WAY_LEARNS_NOTHING(uv_features)),
	ROW(CPU_MODEL, CPU_PROCESSOR_UV_FEAT_GUEST, true, .set = WAY_LEARNS_NOTHING(uv_features),
	    .get = WAY_LEARNS_NOTHING(uv_features)),
	ROW(TOD, TOD_LOW, false, .set = WAY(tod_set), .get = WAY_LEARNS_NOTHING(tod_get)),
	ROW(TOD, TOD_HIGH, false, .set = WAY(tod_set), .get = WAY_LEARNS_NOTHING(tod_get)),
	ROW(TOD, TOD_EXT, false, .set = WAY(tod_set), .get = WAY_LEARNS_NOTHING(tod_get)),
	ROW(CRYPTO, CRYPTO_ENABLE_AES_KW, false, .set = WAY_LEARNS_NOTHING(crypto_set)),
	ROW(CRYPTO, CRYPTO_ENABLE_DEA_KW, false, .set = WAY_LEARNS_NOTHING(crypto_set)),
	ROW(CRYPTO, CRYPTO_DISABLE_AES_KW, false, .set = WAY_LEARNS_NOTHING(crypto_set)),
	ROW(CRYPTO, CRYPTO_DISABLE_DEA_KW, false, .set = WAY_LEARNS_NOTHING(crypto_set)),
	ROW(CRYPTO, CRYPTO_ENABLE_APIE, true, .set = WAY_LEARNS_NOTHING(crypto_set)),
	ROW(CRYPTO, CRYPTO_DISABLE_APIE, true, .set = WAY_LEARNS_NOTHING(crypto_set)),
	ROW(MIGRATION, MIGRATION_STOP, false, .set = WAY(migration_stop)),
	ROW(MIGRATION, MIGRATION_START, false, .set = WAY(migration_start)),
	ROW(MIGRATION, MIGRATION_STATUS, false, .get = WAY(migration_status)),
};

static const struct row *row_find(const struct attribute *t)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].group == t->group && rows[i].attr == t->attr)
			return &rows[i];
	}
	return NULL;
}

/* Of the topology group, and of whatever later kernels have, nothing is documented. */
static void answer_no_row(const struct question *q, struct answer *a, const struct attribute *t)
{
	if (t->group != KVM_S390_VM_CPU_TOPOLOGY && !q_maybe_newer(q)) {
		a_must_fail(a, R_S390_ATTR_UNKNOWN);
		return;
	}
	a_may_fail(a, R_S390_ATTR_HARDWARE);
	a_may_succeed(a, R_S390_ATTR_HARDWARE, "an attribute that the documents do not name");
}

static void answer_access(const struct question *q, struct answer *a, bool set)
{
	const struct row *row;
	const struct way *way;
	struct attribute t;

	if (!attribute_read(q, &t)) {
		a_skip(a, "argument not captured");
		return;
	}
	row = row_find(&t);
	if (!row) {
		if (!a_refuse(a, R_S390_TOD_FLAGS, tri(t.group == KVM_S390_VM_TOD && t.flags)))
			answer_no_row(q, a, &t);
		return;
	}
	way = set ? &row->set : &row->get;
	if (!a_refuse(a, R_S390_ATTR_DIRECTION, tri(!way->answer)))
		way->answer(q, a, &t);
}

static void learn_access(struct learn *l, bool set)
{
	const struct row *row;
	const struct way *way;
	struct attribute t;

	if (!attribute_read(l->q, &t)) {
		/* Anything may have been set. */
		state_vm_forget(l->vm);
		return;
	}
	row = row_find(&t);
	if (!row)
		return;
	way = set ? &row->set : &row->get;
	if (way->learn)
		way->learn(l, &t);
}

void s390_answer_set_attr(const struct question *q, struct answer *a)
{
	answer_access(q, a, true);
}

void s390_learn_set_attr(struct learn *l)
{
	learn_access(l, true);
}

void s390_answer_get_attr(const struct question *q, struct answer *a)
{
	answer_access(q, a, false);
}

void s390_learn_get_attr(struct learn *l)
{
	learn_access(l, false);
}

void s390_answer_has_attr(const struct question *q, struct answer *a)
{
	const struct row *row;
	struct attribute t;

	if (!attribute_read(q, &t)) {
		a_skip(a, "argument not captured");
		return;
	}
	row = row_find(&t);
	if (a_refuse(a, R_S390_HAS_TOD_EXT,
		     tri(t.group == KVM_S390_VM_TOD && t.attr == KVM_S390_VM_TOD_EXT)))
		return;
	if (!row && t.group == KVM_S390_VM_MIGRATION) {
		a_succeeds(a, R_S390_HAS_MIGRATION_ANY);
	} else if (!row) {
		answer_no_row(q, a, &t);
	} else if (!row->hardware) {
		a_succeeds(a, R_S390_HAS_ATTR);
	} else {
		a_may_fail(a, R_S390_ATTR_HARDWARE);
		a_may_succeed(a, R_S390_ATTR_HARDWARE, "what the machine has");
		if (host_has(q, &t) == STATE_NO)
			a_suggest_result(a, -ENXIO);
		a_check_always(a, check_kept);
	}
}

void s390_learn_has_attr(struct learn *l)
{
	const int64_t ret = l->ret->ret;
	const struct row *row;
	struct attribute t;

	if (!attribute_read(l->q, &t) || (ret && ret != -ENXIO))
		return;
	row = row_find(&t);
	if (row && row->hardware)
		host_has_set(l, &t, !ret);
}
