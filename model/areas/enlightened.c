/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What KVM offers to guests that take it for Hyper-V (api.rst 4.118) or Xen (4.128, 4.129).
 */
#include <string.h>

#include "model/areas/vcpu.h"
#include "model/areas/vm.h"

/* --- Hyper-V's CPUID leaves: api.rst 4.118 --- */

enum {
	HV_LEAVES = 10,		   /* that the documents name */
	HV_LEAVES_OLD = 9,	   /* without nested features */
	HV_INTERFACE = 0x31237648, /* "Hv#1" */
	/* "Linux KVM Hv" */
	HV_VENDOR_EBX = 0x756e694c,
	HV_VENDOR_ECX = 0x564b2078,
	HV_VENDOR_EDX = 0x7648204d,
	HV_PADDING = sizeof(((struct kvm_cpuid_entry2 *)0)->padding),
};

struct hv_leaf {
	uint64_t function, reg[4]; /* eax, ebx, ecx, edx */
};

static size_t hv_leaf_at(uint64_t i)
{
	return sizeof(struct kvm_cpuid2) + i * sizeof(struct kvm_cpuid_entry2);
}

static bool hv_leaf_read(const struct question *q, const struct tape_part *out, uint64_t i,
			 struct hv_leaf *e)
{
	size_t at = hv_leaf_at(i);

	for (size_t k = 0; k < 4; k++) {
		if (!q_field(q, out, at + offsetof(struct kvm_cpuid_entry2, eax) + 4 * k, 4,
			     &e->reg[k]))
			return false;
	}
	return q_field(q, out, at, 4, &e->function);
}

/* The documents' list of leaves as bits. */
static uint32_t hv_leaf_bit(uint64_t function)
{
	if (function >= 0x40000000 && function <= 0x40000005)
		return 1u << (function - 0x40000000);
	if (function == 0x4000000a)
		return 1u << 6;
	if (function >= 0x40000080 && function <= 0x40000082)
		return 1u << (7 + function - 0x40000080);
	return 0;
}

/* The rule about the registers of a leaf, R_NONE = there is none. */
static uint16_t hv_leaf_rule(const struct question *q, const struct hv_leaf *e)
{
	switch (e->function) {
	case 0x40000000:
		return R_HV_CPUID_SIGNATURE;
	case 0x40000001:
		return R_HV_CPUID_INTERFACE;
	case 0x40000005:
		return q_cap(q, KVM_CAP_MAX_VCPUS) > 0 ? R_HV_CPUID_LIMITS : R_NONE;
	default:
		return R_NONE;
	}
}

/* Whether the registers are as that rule says; *expected puts it in words. */
static bool hv_leaf_right(const struct question *q, const struct hv_leaf *e, const char **expected)
{
	const uint64_t *reg = e->reg;

	switch (e->function) {
	case 0x40000000:
		*expected = "Linux KVM Hv in ebx, ecx, edx, a highest leaf in eax";
		return reg[0] >= 0x40000005 && reg[0] <= 0x40000082 && reg[1] == HV_VENDOR_EBX &&
		       reg[2] == HV_VENDOR_ECX && reg[3] == HV_VENDOR_EDX;
	case 0x40000001:
		*expected = "Hv#1 in eax, and zeros";
		return reg[0] == HV_INTERFACE && !reg[1] && !reg[2] && !reg[3];
	default:
		*expected = "what KVM_CAP_MAX_VCPUS answers in eax";
		return reg[0] == (uint64_t)q_cap(q, KVM_CAP_MAX_VCPUS);
	}
}

/* The first byte of the padding of an entry that is not zero; -1 = none, or not captured. */
static int64_t hv_padding_byte(const struct tape_part *out, uint64_t i)
{
	const size_t at = hv_leaf_at(i) + offsetof(struct kvm_cpuid_entry2, padding);

	for (size_t k = 0; vcpu_captured(out, at + HV_PADDING) && k < HV_PADDING; k++) {
		if (out->data[at + k])
			return (int64_t)(at + k);
	}
	return -1;
}

static void check_hv_padding(struct judge *j, uint64_t i)
{
	const size_t at = hv_leaf_at(i) + offsetof(struct kvm_cpuid_entry2, padding);
	const int64_t byte = hv_padding_byte(j->out, i);

	if (!vcpu_captured(j->out, at + HV_PADDING))
		return;
	j_promise(j, R_HV_CPUID_PADDING_ZERO, j->out, at, HV_PADDING);
	j_check(j, R_HV_CPUID_PADDING_ZERO, byte < 0, "padding: zero", "byte %lld = 0x%02x",
		(long long)byte, byte < 0 ? 0 : j->out->data[byte]);
}

/* The leaves, as many as the kernel says that there are. */
static void check_hv_leaves(const struct question *q, struct judge *j)
{
	const char *expected;
	struct hv_leaf e;
	uint32_t seen = 0;
	uint64_t n;

	if (!J_OUT(j, struct kvm_cpuid2, nent, &n))
		return;
	for (uint64_t i = 0; i < n && hv_leaf_read(q, j->out, i, &e); i++) {
		uint32_t bit = hv_leaf_bit(e.function);
		uint16_t rule = hv_leaf_rule(q, &e);

		if (!j_check(j, R_HV_CPUID_LEAVES, bit && !(seen & bit),
			     "each leaf of the documents once", "entry %llu: leaf 0x%llx",
			     (unsigned long long)i, (unsigned long long)e.function))
			return;
		seen |= bit;
		if (rule != R_NONE) {
			bool right = hv_leaf_right(q, &e, &expected);

			j_check(j, rule, right, expected, "0x%llx 0x%llx 0x%llx 0x%llx",
				(unsigned long long)e.reg[0], (unsigned long long)e.reg[1],
				(unsigned long long)e.reg[2], (unsigned long long)e.reg[3]);
		}
		check_hv_padding(j, i);
	}
}

/* The fewest leaves there are. */
static uint64_t hv_leaves_least(const struct question *q)
{
	return q_changed(q, CHANGE_HV_NESTED_LEAF) == STATE_YES ? HV_LEAVES : HV_LEAVES_OLD;
}

/* What the host can do does not change. */
static void check_hv_constant(const struct question *q, struct judge *j)
{
	uint64_t n;

	if (J_OUT(j, struct kvm_cpuid2, nent, &n))
		j_block_check(j, R_HV_CPUID_CONSTANT, &q->system->hv_cpuid, j->out,
			      sizeof(struct kvm_cpuid2),
			      (uint32_t)(n * sizeof(struct kvm_cpuid_entry2)));
}

/* Each leaf of the documents; before 5.12 that of nested features is not among them. */
static void suggest_hv_leaves(const struct question *q, struct answer *a, uint64_t room)
{
	static const uint32_t functions[] = {0x40000000, 0x40000001, 0x40000002, 0x40000003,
					     0x40000004, 0x40000005, 0x40000080, 0x40000081,
					     0x40000082, 0x4000000a};
	static const uint32_t signature[] = {0x40000082, HV_VENDOR_EBX, HV_VENDOR_ECX,
					     HV_VENDOR_EDX};
	const uint64_t n = room < HV_LEAVES ? room : HV_LEAVES;
	const size_t eax = offsetof(struct kvm_cpuid_entry2, eax);

	if (!a_wants(a, ANSWER_SUGGEST))
		return;
	/* So many there are at least, and none is given without room for all. */
	if (room < hv_leaves_least(q))
		a_suggest_result(a, -E2BIG);
	A_SUGGEST(a, struct kvm_cpuid2, nent, n);
	a_suggest_zero(a, TAPE_ARG_OUT, hv_leaf_at(0), hv_leaf_at(n) - hv_leaf_at(0));
	for (uint64_t i = 0; i < n; i++)
		a_suggest(a, TAPE_ARG_OUT, hv_leaf_at(i), 4, functions[i]);
	for (size_t r = 0; r < 4; r++)
		a_suggest(a, TAPE_ARG_OUT, hv_leaf_at(0) + eax + 4 * r, 4, signature[r]);
	a_suggest(a, TAPE_ARG_OUT, hv_leaf_at(1) + eax, 4, HV_INTERFACE);
	if (q_cap(q, KVM_CAP_MAX_VCPUS) > 0)
		a_suggest(a, TAPE_ARG_OUT, hv_leaf_at(5) + eax, 4,
			  (uint64_t)q_cap(q, KVM_CAP_MAX_VCPUS));
	if (!q->vcpu)
		a_suggest_block(a, &q->system->hv_cpuid, 0, TAPE_ARG_OUT, hv_leaf_at(0),
				hv_leaf_at(n) - hv_leaf_at(0));
}

static void answer_hv_cpuid(const struct question *q, struct answer *a)
{
	uint32_t cap = q->vcpu ? KVM_CAP_HYPERV_CPUID : KVM_CAP_SYS_HYPERV_CPUID;
	uint64_t room;

	if (!Q_IN(q, struct kvm_cpuid2, nent, &room)) {
		a_skip(a, "argument not captured");
		return;
	}
	/* What does not know the request refuses it in its own way. */
	if (q_cap(q, cap) <= 0)
		a_may_fail(a, R_HV_CPUID_MISSING);
	if (a_refuse(a, R_HV_CPUID_TOO_LOW, tri(room < HV_LEAVES_OLD)))
		return;
	/* A kernel of later years may have more to tell. */
	if (room < HV_LEAVES || q_maybe_newer(q))
		a_may_fail(a, R_HV_CPUID_TOO_LOW);
	a_succeeds(a, R_HV_CPUID_SUCCEEDS);
	suggest_hv_leaves(q, a, room);
	a_range(a, R_HV_CPUID_COUNT, "nent lowered to the number of leaves", hv_leaves_least(q),
		room, TAPE_ARG_OUT, offsetof(struct kvm_cpuid2, nent), 4);
	a_check(a, check_hv_leaves);
	if (!q->vcpu)
		a_check(a, check_hv_constant);
}

/* A rule that is not kept here is broken. */
static bool binding(const struct question *q, uint16_t rule)
{
	return q_applies(q, rule) && !q_doubted(q, rule);
}

/* No leaf breaks a rule. */
static bool hv_leaves_right(const struct question *q, const struct tape_part *out, uint64_t n)
{
	const char *expected;
	struct hv_leaf e;
	uint32_t seen = 0;

	for (uint64_t i = 0; i < n && hv_leaf_read(q, out, i, &e); i++) {
		uint32_t bit = hv_leaf_bit(e.function);
		uint16_t rule = hv_leaf_rule(q, &e);

		if (!bit || seen & bit)
			return !binding(q, R_HV_CPUID_LEAVES);
		seen |= bit;
		if ((rule != R_NONE && binding(q, rule) && !hv_leaf_right(q, &e, &expected)) ||
		    (binding(q, R_HV_CPUID_PADDING_ZERO) && hv_padding_byte(out, i) >= 0))
			return false;
	}
	return true;
}

/* The answer of /dev/kvm holds for the host; one that breaks a rule is not to be repeated. */
static void learn_hv_cpuid(struct learn *l)
{
	uint64_t room, n;

	if (l->q->vcpu || !l->succeeded || !Q_IN(l->q, struct kvm_cpuid2, nent, &room) ||
	    !L_OUT(l, struct kvm_cpuid2, nent, &n) || n > room || n < hv_leaves_least(l->q) ||
	    !hv_leaves_right(l->q, l->out, n))
		return;
	l_block_get(l, &l->system->hv_cpuid, l->out, sizeof(struct kvm_cpuid2),
		    (uint32_t)(n * sizeof(struct kvm_cpuid_entry2)));
}

/* --- Xen: api.rst 4.128, 4.129 --- */

#define XEN_U	    offsetof(struct kvm_xen_vcpu_attr, u)
#define XEN_OFFLINE 3 /* the highest run state */

/* The flag of KVM_CAP_XEN_HVM that announces a type of attribute, 0 = there is no such type. */
static uint32_t xen_feature(uint64_t type)
{
	switch (type) {
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO:
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_TIME_INFO:
		return KVM_XEN_HVM_CONFIG_SHARED_INFO;
	case KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR:
	case KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_CURRENT:
	case KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA:
	case KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADJUST:
		return KVM_XEN_HVM_CONFIG_RUNSTATE;
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_ID:
	case KVM_XEN_VCPU_ATTR_TYPE_TIMER:
	case KVM_XEN_VCPU_ATTR_TYPE_UPCALL_VECTOR:
		return KVM_XEN_HVM_CONFIG_EVTCHN_SEND;
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA:
		return KVM_XEN_HVM_CONFIG_SHARED_INFO_HVA;
	default:
		return 0;
	}
}

/* Bytes of the union that say what is set, and that a guest does not change; 0 = none. */
static uint32_t xen_width(uint64_t type)
{
	switch (type) {
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO:
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA:
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_TIME_INFO:
	case KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR:
		return 8;
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_ID:
	case KVM_XEN_VCPU_ATTR_TYPE_TIMER:
		return 4;
	case KVM_XEN_VCPU_ATTR_TYPE_UPCALL_VECTOR:
		return 1;
	default:
		return 0;
	}
}

/* Bytes of the union that a GET writes. */
static uint32_t xen_written(uint64_t type)
{
	switch (type) {
	case KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_CURRENT:
		return 8;
	case KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA:
		return 48;
	case KVM_XEN_VCPU_ATTR_TYPE_TIMER:
		return 16;
	default:
		return xen_width(type);
	}
}

static bool is_address(uint64_t type)
{
	return xen_width(type) == 8;
}

/* What stands for "none" of an address. */
static uint64_t xen_none(uint64_t type)
{
	return type == KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA ? 0 : KVM_XEN_INVALID_GPA;
}

/* The type of attribute; false if the answer is whole. */
static bool answer_xen_type(const struct question *q, struct answer *a, uint64_t *type)
{
	int32_t cap = q_cap(q, KVM_CAP_XEN_HVM);
	uint32_t feature;

	if (!Q_IN(q, struct kvm_xen_vcpu_attr, type, type)) {
		a_skip(a, "argument not captured");
		return false;
	}
	if (!cap) {
		a_must_fail(a, R_XEN_VCPU_MISSING);
		return false;
	}
	feature = xen_feature(*type);
	if (!feature) {
		if (a_refuse_with(
			    a, R_XEN_VCPU_ATTR_UNKNOWN, ENOENT,
			    tri_may(*type <= KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA || !q_newer(q),
				    true)))
			return false;
		a_may_succeed(a, R_RETURN_ZERO_OR_ERROR, "a type that this model does not know");
		return false;
	}
	if (cap < 0 || !((uint32_t)cap & feature))
		a_may_fail(a, R_XEN_VCPU_ATTR_UNKNOWN);
	return true;
}

/* The type, if it is one that the model knows. */
static bool learn_xen_type(struct learn *l, uint64_t *type)
{
	if (!Q_IN(l->q, struct kvm_xen_vcpu_attr, type, type)) {
		/* Any of them may have been set. */
		state_set_clear(&l->vcpu->attrs);
		l->vcpu->attrs.open = true;
		return false;
	}
	return q_cap(l->q, KVM_CAP_XEN_HVM) && xen_feature(*type);
}

static struct state_entry *xen_entry(struct learn *l, uint64_t type)
{
	struct state_entry *e = state_set_add(&l->vcpu->attrs, VCPU_XEN_KEY(type), 0);

	if (!e)
		l->oom = -ENOMEM;
	return e;
}

/* Both views of the vcpu_info are one to the kernel: what is set through one ends the other. */
static void xen_info_forget(struct learn *l, uint64_t type)
{
	struct state_entry *e;

	if (type == KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO)
		type = KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA;
	else if (type == KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA)
		type = KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO;
	else
		return;
	e = xen_entry(l, type);
	if (e)
		e->known = 0;
}

/* Whether the argument of a SET is one that must be refused; *may = may be refused. */
static bool xen_value_bad(const struct question *q, uint64_t type, bool *may)
{
	uint64_t state, entry, t[4], port, priority, id, vector;
	int32_t most = q_cap(q, KVM_CAP_MAX_VCPUS);

	*may = true;
	switch (type) {
	case KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_CURRENT:
		if (!Q_IN(q, struct kvm_xen_vcpu_attr, u.runstate.state, &state))
			return false;
		*may = false;
		return state > XEN_OFFLINE;
	case KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA:
	case KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADJUST:
		/* Times that the clock of the VM has not reached are refused, too. */
		if (!Q_IN(q, struct kvm_xen_vcpu_attr, u.runstate.state, &state) ||
		    !Q_IN(q, struct kvm_xen_vcpu_attr, u.runstate.state_entry_time, &entry) ||
		    !Q_IN(q, struct kvm_xen_vcpu_attr, u.runstate.time_running, &t[0]) ||
		    !Q_IN(q, struct kvm_xen_vcpu_attr, u.runstate.time_runnable, &t[1]) ||
		    !Q_IN(q, struct kvm_xen_vcpu_attr, u.runstate.time_blocked, &t[2]) ||
		    !Q_IN(q, struct kvm_xen_vcpu_attr, u.runstate.time_offline, &t[3]))
			return false;
		return entry != t[0] + t[1] + t[2] + t[3] ||
		       (state > XEN_OFFLINE &&
			!(type == KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADJUST && state == UINT64_MAX));
	case KVM_XEN_VCPU_ATTR_TYPE_TIMER:
		if (!Q_IN(q, struct kvm_xen_vcpu_attr, u.timer.port, &port) ||
		    !Q_IN(q, struct kvm_xen_vcpu_attr, u.timer.priority, &priority))
			return false;
		*may = false;
		return port && priority != KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL;
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_ID:
		if (!Q_IN(q, struct kvm_xen_vcpu_attr, u.vcpu_id, &id) || most <= 0)
			return false;
		*may = false;
		return id >= (uint64_t)most;
	case KVM_XEN_VCPU_ATTR_TYPE_UPCALL_VECTOR:
		if (!Q_IN(q, struct kvm_xen_vcpu_attr, u.vector, &vector))
			return false;
		*may = false;
		return vector && vector < 16;
	default:
		return false;
	}
}

static void answer_xen_set(const struct question *q, struct answer *a)
{
	uint64_t type, value = 0;
	bool may, bad, known;

	if (!answer_xen_type(q, a, &type))
		return;
	bad = xen_value_bad(q, type, &may);
	if (a_refuse(a, R_XEN_VCPU_ATTR_INVALID, tri_may(bad, may && !is_address(type))))
		return;
	known = xen_width(type) && q_field(q, q->in, XEN_U, xen_width(type), &value);
	/* Guest memory may be missing there, or end too early. */
	if (is_address(type) && (!known || value != xen_none(type)))
		a_may_fail(a, R_XEN_VCPU_ATTR_ADDRESS);
	a_succeeds(a, R_XEN_VCPU_ATTR_SET);
}

static void learn_xen_set(struct learn *l)
{
	struct state_entry *e;
	uint64_t type, value = 0;
	bool may, known;

	if (!learn_xen_type(l, &type) || !xen_width(type) || xen_value_bad(l->q, type, &may))
		return;
	known = q_field(l->q, l->q->in, XEN_U, xen_width(type), &value);
	e = xen_entry(l, type);
	if (!e)
		return;
	e->known = known && l->succeeded;
	e->value[0] = value;
	xen_info_forget(l, type);
}

/* What is read of an attribute, as far as the union goes. */
static void answer_xen_value(const struct question *q, struct answer *a, uint64_t type)
{
	const struct state_entry *e = state_set_find(&q->vcpu->attrs, VCPU_XEN_KEY(type), 0);
	const uint32_t width = xen_width(type);

	if (type == KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_CURRENT ||
	    type == KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA)
		a_range(a, R_XEN_VCPU_ATTR_STATE, "a state of 0 to 3", 0, XEN_OFFLINE, TAPE_ARG_OUT,
			offsetof(struct kvm_xen_vcpu_attr, u.runstate.state), 8);
	if (type == KVM_XEN_VCPU_ATTR_TYPE_TIMER)
		A_EQUAL(a, R_XEN_VCPU_ATTR_PRIORITY, struct kvm_xen_vcpu_attr, u.timer.priority,
			KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL);
	if (!width)
		return;
	if (e && e->known)
		a_equal(a, R_XEN_VCPU_ATTR_SAME, "the attribute", e->value[0], TAPE_ARG_OUT, XEN_U,
			width);
	else if (!e && q->vcpu->fresh && !q->vcpu->attrs.open &&
		 type != KVM_XEN_VCPU_ATTR_TYPE_VCPU_ID)
		a_equal(a, R_XEN_VCPU_ATTR_NEW, "the attribute",
			is_address(type) ? xen_none(type) : 0, TAPE_ARG_OUT, XEN_U, width);
}

/* The address of the run state is none. */
static enum state_tri xen_no_runstate(const struct question *q, uint64_t type)
{
	const struct state_entry *e = state_set_find(&q->vcpu->attrs, VCPU_XEN_KEY(type), 0);

	if (type != KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR)
		return STATE_NO;
	return e && e->known ? tri(e->value[0] == KVM_XEN_INVALID_GPA) : STATE_UNKNOWN;
}

static void answer_xen_get(const struct question *q, struct answer *a)
{
	uint64_t type;
	size_t end;

	if (!answer_xen_type(q, a, &type) ||
	    a_refuse(a, R_XEN_VCPU_ATTR_NO_GET,
		     tri(type == KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADJUST)) ||
	    a_refuse(a, R_XEN_VCPU_ATTR_NO_RUNSTATE, xen_no_runstate(q, type)))
		return;
	a_succeeds(a, R_XEN_VCPU_ATTR_GET);
	/* What of the struct is not the answer comes back as it was. */
	end = XEN_U + xen_written(type);
	a_kept(a, R_XEN_VCPU_ATTR_REST, "the rest of the struct", 0, XEN_U);
	a_kept(a, R_XEN_VCPU_ATTR_REST, "the rest of the struct", end,
	       sizeof(struct kvm_xen_vcpu_attr) - end);
	answer_xen_value(q, a, type);
}

static void learn_xen_get(struct learn *l)
{
	struct state_entry *e;
	uint64_t type, value;
	bool none;

	if (!learn_xen_type(l, &type) || type == KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADJUST)
		return;
	none = xen_no_runstate(l->q, type) == STATE_YES;
	/* That it was asked for is kept: it is no longer an attribute that nobody touched. */
	e = xen_entry(l, type);
	if (!e || none || !l->succeeded || !xen_width(type) ||
	    !q_field(l->q, l->out, XEN_U, xen_width(type), &value))
		return;
	e->value[0] = value;
	e->known = 1;
}

const struct handler model_enlightened_handlers[] = {
	{"KVM_GET_SUPPORTED_HV_CPUID", KVMAPI_SYSTEM | KVMAPI_VCPU, .answer = answer_hv_cpuid,
	 .learn = learn_hv_cpuid},
	{"KVM_XEN_VCPU_GET_ATTR", KVMAPI_VCPU, .answer = answer_xen_get, .learn = learn_xen_get},
	{"KVM_XEN_VCPU_SET_ATTR", KVMAPI_VCPU, .answer = answer_xen_set, .learn = learn_xen_set},
	{NULL, 0, .answer = NULL},
};
