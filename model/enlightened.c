/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What KVM offers to guests that take it for Hyper-V (api.rst 4.118) or Xen (4.128, 4.129).
 */
#include <string.h>

#include "model/vcpu.h"
#include "model/vm.h"

/* --- Hyper-V's CPUID leaves: api.rst 4.118 --- */

enum {
	HV_LEAVES = 10,		   /* that the documents name */
	HV_LEAVES_OLD = 9,	   /* without nested features: kernels before 5.12 */
	HV_INTERFACE = 0x31237648, /* "Hv#1" */
};

struct hv_leaf {
	uint64_t function, reg[4]; /* eax, ebx, ecx, edx */
};

static bool hv_leaf_read(const struct judge *j, uint64_t i, struct hv_leaf *e)
{
	size_t at = sizeof(struct kvm_cpuid2) + i * sizeof(struct kvm_cpuid_entry2);

	for (size_t k = 0; k < 4; k++) {
		if (!q_field(j->q, j->out, at + offsetof(struct kvm_cpuid_entry2, eax) + 4 * k, 4,
			     &e->reg[k]))
			return false;
	}
	return q_field(j->q, j->out, at, 4, &e->function);
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

static void hv_leaves(struct judge *j, uint64_t n)
{
	struct hv_leaf e;
	uint32_t seen = 0;

	for (uint64_t i = 0; i < n && hv_leaf_read(j, i, &e); i++) {
		uint32_t bit = hv_leaf_bit(e.function);

		if (!j_check(j, R_HV_CPUID_LEAVES, bit && !(seen & bit),
			     "each leaf of the documents once", "entry %llu: leaf 0x%llx",
			     (unsigned long long)i, (unsigned long long)e.function))
			return;
		seen |= bit;
		switch (e.function) {
		case 0x40000000:
			j_check(j, R_HV_CPUID_SIGNATURE,
				e.reg[0] >= 0x40000005 && e.reg[0] <= 0x40000082 &&
					e.reg[1] == 0x756e694c && e.reg[2] == 0x564b2078 &&
					e.reg[3] == 0x7648204d,
				"Linux KVM Hv in ebx, ecx, edx, a highest leaf in eax",
				"0x%llx 0x%llx 0x%llx 0x%llx", (unsigned long long)e.reg[0],
				(unsigned long long)e.reg[1], (unsigned long long)e.reg[2],
				(unsigned long long)e.reg[3]);
			break;
		case 0x40000001:
			j_check(j, R_HV_CPUID_INTERFACE,
				e.reg[0] == HV_INTERFACE && !e.reg[1] && !e.reg[2] && !e.reg[3],
				"Hv#1 in eax, and zeros", "0x%llx 0x%llx 0x%llx 0x%llx",
				(unsigned long long)e.reg[0], (unsigned long long)e.reg[1],
				(unsigned long long)e.reg[2], (unsigned long long)e.reg[3]);
			break;
		case 0x40000005:
			if (q_cap(j->q, KVM_CAP_MAX_VCPUS) > 0)
				j_equal(j, R_HV_CPUID_LIMITS, "eax of leaf 0x40000005",
					(uint64_t)q_cap(j->q, KVM_CAP_MAX_VCPUS), e.reg[0]);
			break;
		default:
			break;
		}
		vcpu_zero(j, R_HV_CPUID_PADDING_ZERO, j->out,
			  sizeof(struct kvm_cpuid2) + i * sizeof(struct kvm_cpuid_entry2) +
				  offsetof(struct kvm_cpuid_entry2, padding),
			  sizeof(((struct kvm_cpuid_entry2 *)0)->padding), "padding");
	}
}

static void hv_cpuid_get(struct judge *j)
{
	uint32_t cap = j->vcpu ? KVM_CAP_HYPERV_CPUID : KVM_CAP_SYS_HYPERV_CPUID;
	uint64_t room, n;

	if (!Q_IN(j->q, struct kvm_cpuid2, nent, &room)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (q_cap(j->q, cap) <= 0) {
		/* What does not know the request refuses it in its own way. */
		j_may_fail(j, R_HV_CPUID_MISSING);
	}
	if (room < HV_LEAVES_OLD) {
		j_must_fail(j, R_HV_CPUID_TOO_LOW);
		return;
	}
	/* A kernel of later years may have more to tell. */
	if (room < HV_LEAVES || q_maybe_newer(j->q))
		j_may_fail(j, R_HV_CPUID_TOO_LOW);
	if (!j_succeeds(j, R_HV_CPUID_SUCCEEDS) || !J_OUT(j, struct kvm_cpuid2, nent, &n))
		return;
	if (!j_check(j, R_HV_CPUID_COUNT,
		     n <= room && (q_kernel(j->q) < MODEL_KERNEL(6, 1) ? n >= HV_LEAVES_OLD
								       : n >= HV_LEAVES),
		     "nent lowered to the number of leaves", "nent = %llu of %llu",
		     (unsigned long long)n, (unsigned long long)room))
		return;
	hv_leaves(j, n);
	if (!j->vcpu && !j->broken) {
		/* What the host can do does not change. */
		j_block_get(j, R_HV_CPUID_CONSTANT, &j_system(j)->hv_cpuid, j->out,
			    sizeof(struct kvm_cpuid2),
			    (uint32_t)(n * sizeof(struct kvm_cpuid_entry2)));
	}
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

/* The type of attribute; false if all is said. */
static bool xen_type(struct judge *j, uint64_t *type)
{
	int32_t cap = q_cap(j->q, KVM_CAP_XEN_HVM);
	uint32_t feature;

	if (!Q_IN(j->q, struct kvm_xen_vcpu_attr, type, type)) {
		/* Any of them may have been set. */
		state_set_clear(&j->vcpu->attrs);
		j->vcpu->attrs.open = true;
		j_skip(j, "argument not captured");
		return false;
	}
	if (!cap) {
		j_must_fail(j, R_XEN_VCPU_MISSING);
		return false;
	}
	feature = xen_feature(*type);
	if (!feature) {
		if (*type <= KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA || !q_newer(j->q)) {
			j_must_fail_with(j, R_XEN_VCPU_ATTR_UNKNOWN, ENOENT);
			return false;
		}
		j_may_fail_with(j, R_XEN_VCPU_ATTR_UNKNOWN, ENOENT);
		j_may_succeed(j, R_RETURN_ZERO_OR_ERROR, "a type that this model does not know");
		return false;
	}
	if (cap < 0 || !((uint32_t)cap & feature))
		j_may_fail(j, R_XEN_VCPU_ATTR_UNKNOWN);
	return true;
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

static void xen_vcpu_attr_set(struct judge *j)
{
	struct state_entry *e;
	uint64_t type, value = 0;
	bool may, known;

	if (!xen_type(j, &type))
		return;
	if (xen_value_bad(j->q, type, &may)) {
		j_must_fail(j, R_XEN_VCPU_ATTR_INVALID);
		return;
	}
	known = xen_width(type) && q_field(j->q, j->q->in, XEN_U, xen_width(type), &value);
	if (is_address(type) && (!known || value != xen_none(type))) {
		/* Guest memory may be missing there, or end too early. */
		j_may_fail(j, R_XEN_VCPU_ATTR_ADDRESS);
	} else if (may && !is_address(type)) {
		j_may_fail(j, R_XEN_VCPU_ATTR_INVALID);
	}
	if (!j_succeeds(j, R_XEN_VCPU_ATTR_SET))
		known = false;
	if (!xen_width(type))
		return;
	e = xen_entry(j->l, type);
	if (!e)
		return;
	e->known = known;
	e->value[0] = value;
	xen_info_forget(j->l, type);
}

/* What of the struct is not the answer comes back as it was. */
static void xen_rest_kept(struct judge *j, uint32_t written)
{
	const uint32_t size = sizeof(struct kvm_xen_vcpu_attr);

	if (!vcpu_captured(j->q->in, size) || !vcpu_captured(j->out, size))
		return;
	j_check(j, R_XEN_VCPU_ATTR_REST,
		!memcmp(j->q->in->data, j->out->data, XEN_U) &&
			!memcmp(j->q->in->data + XEN_U + written, j->out->data + XEN_U + written,
				size - XEN_U - written),
		"the other bytes of the struct as they were", "others");
}

static void xen_vcpu_attr_get(struct judge *j)
{
	uint64_t type, value, state;
	struct state_entry *e;
	bool untouched;

	if (!xen_type(j, &type))
		return;
	if (type == KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADJUST) {
		j_must_fail(j, R_XEN_VCPU_ATTR_NO_GET);
		return;
	}
	untouched = j->vcpu->fresh && !j->vcpu->attrs.open &&
		    !state_set_find(&j->vcpu->attrs, VCPU_XEN_KEY(type), 0);
	e = xen_entry(j->l, type);
	if (!e)
		return;
	if (type == KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR) {
		if (e->known && e->value[0] == KVM_XEN_INVALID_GPA) {
			j_must_fail(j, R_XEN_VCPU_ATTR_NO_RUNSTATE);
			return;
		}
		if (!e->known)
			j_may_fail(j, R_XEN_VCPU_ATTR_NO_RUNSTATE);
	}
	if (!j_succeeds(j, R_XEN_VCPU_ATTR_GET))
		return;
	xen_rest_kept(j, xen_written(type));
	if (xen_written(type) >= 8 && !is_address(type) && type != KVM_XEN_VCPU_ATTR_TYPE_TIMER &&
	    J_OUT(j, struct kvm_xen_vcpu_attr, u.runstate.state, &state))
		j_check(j, R_XEN_VCPU_ATTR_STATE, state <= XEN_OFFLINE, "a state of 0 to 3",
			"state = 0x%llx", (unsigned long long)state);
	if (type == KVM_XEN_VCPU_ATTR_TYPE_TIMER &&
	    J_OUT(j, struct kvm_xen_vcpu_attr, u.timer.priority, &value))
		j_equal(j, R_XEN_VCPU_ATTR_PRIORITY, "priority",
			KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL, value);
	if (!xen_width(type) || !q_field(j->q, j->out, XEN_U, xen_width(type), &value))
		return;
	if (e->known)
		j_equal(j, R_XEN_VCPU_ATTR_SAME, "the attribute", e->value[0], value);
	else if (untouched && type != KVM_XEN_VCPU_ATTR_TYPE_VCPU_ID)
		j_equal(j, R_XEN_VCPU_ATTR_NEW, "the attribute",
			is_address(type) ? xen_none(type) : 0, value);
	e->value[0] = value;
	e->known = 1;
}

const struct judge_handler model_enlightened_handlers[] = {
	{"KVM_GET_SUPPORTED_HV_CPUID", KVMAPI_SYSTEM | KVMAPI_VCPU, .judge = hv_cpuid_get},
	{"KVM_XEN_VCPU_GET_ATTR", KVMAPI_VCPU, .judge = xen_vcpu_attr_get},
	{"KVM_XEN_VCPU_SET_ATTR", KVMAPI_VCPU, .judge = xen_vcpu_attr_set},
	{NULL, 0, .judge = NULL},
};
