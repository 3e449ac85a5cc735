/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Xen guests, what concerns a VM: the hypercall page (api.rst 4.28), attributes (4.126, 4.127),
 * event channels (4.126, 4.135).
 *
 * Facts: VM_FACT_XEN_ATTR is the value of an attribute, VM_FACT_XEN_PORT an intercepted port.
 */
#include "kvmapi/kvm_newer.h"
#include "model/areas/vm.h"

#define PORTS	     4096 /* of a 64-bit guest; a 32-bit one has PORTS_32 */
#define PORTS_32     1024
#define TWO_LEVEL    0xffffffffull /* KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL of the header */
#define TYPES	     (KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA + 1)
#define NO_FRAME     UINT64_MAX
#define FIRST_VECTOR 0x10

/* Event channels' types, of Xen's own interface: what EVTCHNOP_status answers. */
enum { STAT_INTERDOMAIN = 2, STAT_IPI = 5 };

/* There is no such call, or attribute, which a flag of the capability announces. */
static enum state_tri xen_lacks(const struct question *q, uint32_t flag)
{
	const int32_t cap = q_cap(q, KVM_CAP_XEN_HVM);

	return cap < 0 ? STATE_UNKNOWN : tri(!((uint32_t)cap & flag));
}

/* api.rst 4.28 */
static void answer_hvm_config(const struct question *q, struct answer *a)
{
	const uint64_t settable = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL |
				  KVM_XEN_HVM_CONFIG_EVTCHN_SEND |
				  KVM_XEN_HVM_CONFIG_PVCLOCK_TSC_UNSTABLE;
	int32_t cap = q_cap(q, KVM_CAP_XEN_HVM);
	uint64_t flags, msr, address[2], sizes;

	if (a_refuse(a, R_UNKNOWN_REQUEST_ENOTTY, xen_lacks(q, KVM_XEN_HVM_CONFIG_HYPERCALL_MSR)))
		return;
	if (!Q_IN(q, struct kvm_xen_hvm_config, flags, &flags) ||
	    !Q_IN(q, struct kvm_xen_hvm_config, msr, &msr) ||
	    !Q_IN(q, struct kvm_xen_hvm_config, blob_addr_32, &address[0]) ||
	    !Q_IN(q, struct kvm_xen_hvm_config, blob_addr_64, &address[1]) ||
	    !q_field(q, q->in, offsetof(struct kvm_xen_hvm_config, blob_size_32), 2, &sizes)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (a_refuse(a, R_XEN_CONFIG_FLAGS,
		     flags & ~settable || (cap > 0 && flags & ~(uint64_t)(uint32_t)cap) ? STATE_YES
		     : flags && cap < 0 ? STATE_UNKNOWN
					: STATE_NO))
		return;
	if (a_refuse(a, R_XEN_CONFIG_BLOBS,
		     tri(flags & KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL &&
			 (address[0] | address[1] | sizes))))
		return;
	if (a_refuse(a, R_XEN_CONFIG_MSR,
		     tri_and(tri(msr && msr >> 28 != 4), q_rule(q, R_XEN_CONFIG_MSR))))
		return;
	a_succeeds(a, R_XEN_CONFIG_SUCCEEDS);
}

/* --- attributes ------------------------------------------------------------------------------ */

/* The flag of KVM_CAP_XEN_HVM that announces a type. */
static uint32_t type_flag(uint64_t type)
{
	switch (type) {
	case KVM_XEN_ATTR_TYPE_EVTCHN:
	case KVM_XEN_ATTR_TYPE_XEN_VERSION:
		return KVM_XEN_HVM_CONFIG_EVTCHN_SEND;
	case KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG:
		return KVM_XEN_HVM_CONFIG_RUNSTATE_UPDATE_FLAG;
	case KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA:
		return KVM_XEN_HVM_CONFIG_SHARED_INFO_HVA;
	default:
		return KVM_XEN_HVM_CONFIG_SHARED_INFO;
	}
}

static size_t type_width(uint64_t type)
{
	switch (type) {
	case KVM_XEN_ATTR_TYPE_SHARED_INFO:
	case KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA:
		return 8;
	case KVM_XEN_ATTR_TYPE_XEN_VERSION:
		return 4;
	default:
		return 1;
	}
}

/* How a new VM has it. */
static uint64_t type_default(uint64_t type)
{
	return type == KVM_XEN_ATTR_TYPE_SHARED_INFO ? NO_FRAME : 0;
}

/* Reads the type; false: the answer is whole. */
static bool attr_type(const struct question *q, struct answer *a, uint64_t *type)
{
	if (a_refuse(a, R_UNKNOWN_REQUEST_ENOTTY, xen_lacks(q, KVM_XEN_HVM_CONFIG_SHARED_INFO)))
		return false;
	if (!Q_IN(q, struct kvm_xen_hvm_attr, type, type)) {
		a_skip(a, "argument not captured");
		return false;
	}
	if (*type >= TYPES) {
		/* Kernels newer than this table may have more. */
		if (a_refuse_with(a, R_XEN_ATTR_UNKNOWN, ENOENT,
				  q_maybe_newer(q) ? STATE_UNKNOWN : STATE_YES))
			return false;
		a_may_succeed(a, R_XEN_ATTR_OTHER, "a type that this model does not know");
		return false;
	}
	return !a_refuse_any(a, R_XEN_ATTR_UNKNOWN, xen_lacks(q, type_flag(*type)));
}

/* The same for what is learned; false: nothing more is. */
static bool learn_attr_type(struct learn *l, uint64_t *type)
{
	if (xen_lacks(l->q, KVM_XEN_HVM_CONFIG_SHARED_INFO) == STATE_YES)
		return false;
	if (!Q_IN(l->q, struct kvm_xen_hvm_attr, type, type)) {
		vm_facts_drop(l, VM_FACT_XEN_ATTR);
		vm_facts_drop(l, VM_FACT_XEN_PORT);
		l->vm->facts.open = true;
		return false;
	}
	return *type < TYPES && xen_lacks(l->q, type_flag(*type)) != STATE_YES;
}

struct channel {
	uint64_t port, type, flags, to, priority;
};

static bool channel_read(const struct question *q, struct channel *c)
{
	return Q_IN(q, struct kvm_xen_hvm_attr, u.evtchn.send_port, &c->port) &&
	       Q_IN(q, struct kvm_xen_hvm_attr, u.evtchn.type, &c->type) &&
	       Q_IN(q, struct kvm_xen_hvm_attr, u.evtchn.flags, &c->flags) &&
	       Q_IN(q, struct kvm_xen_hvm_attr, u.evtchn.deliver.port.port, &c->to) &&
	       Q_IN(q, struct kvm_xen_hvm_attr, u.evtchn.deliver.port.priority, &c->priority);
}

/* What cannot be intercepted, whatever there is already. */
static bool channel_invalid(const struct channel *c)
{
	if (c->type == STAT_IPI)
		return c->to != c->port || c->priority != TWO_LEVEL;
	if (c->type != STAT_INTERDOMAIN)
		return true;
	return c->to && (c->to >= PORTS || c->priority != TWO_LEVEL);
}

/* There is one already at this port. */
static enum state_tri channel_there(const struct question *q, const struct channel *c)
{
	if (vm_fact(q, VM_FACT_XEN_PORT, c->port))
		return STATE_YES;
	return vm_facts_open(q) ? STATE_UNKNOWN : STATE_NO;
}

static void channel_assign(const struct question *q, struct answer *a, const struct channel *c)
{
	if (a_refuse(a, R_XEN_EVTCHN_ARGUMENT, tri(channel_invalid(c))))
		return;
	if (!c->to)
		a_may_fail(a, R_EVENTFD_DESCRIPTOR);
	if (a_refuse(a, R_XEN_EVTCHN_TAKEN, channel_there(q, c)))
		return;
	a_succeeds(a, R_XEN_EVTCHN_SUCCEEDS);
}

/* An update leaves type and target as they are. */
static enum state_tri update_invalid(const struct question *q, const struct channel *c)
{
	const struct state_entry *e = vm_fact(q, VM_FACT_XEN_PORT, c->port);

	if (c->flags != KVM_XEN_EVTCHN_UPDATE)
		return STATE_NO;
	if (c->priority != TWO_LEVEL || !c->to)
		return STATE_YES;
	return e ? tri(e->value[0] != c->type || e->value[1] != c->to) : STATE_UNKNOWN;
}

static void channel_change(const struct question *q, struct answer *a, const struct channel *c)
{
	if (a_refuse(a, R_XEN_EVTCHN_MISSING, tri_not(channel_there(q, c))) ||
	    a_refuse(a, R_XEN_EVTCHN_UPDATE, update_invalid(q, c)))
		return;
	a_succeeds(a, R_XEN_EVTCHN_SUCCEEDS);
}

/* api.rst 4.126 KVM_XEN_ATTR_TYPE_EVTCHN */
static void answer_set_channel(const struct question *q, struct answer *a)
{
	struct channel c;

	if (!channel_read(q, &c)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (c.flags == KVM_XEN_EVTCHN_RESET) {
		a_succeeds(a, R_XEN_EVTCHN_SUCCEEDS);
		return;
	}
	/* The guest itself changes the mode that decides how many ports there are. */
	if (a_refuse(a, R_XEN_EVTCHN_ARGUMENT,
		     !c.port || c.port >= PORTS		      ? STATE_YES
		     : c.port >= PORTS_32 || c.to >= PORTS_32 ? STATE_UNKNOWN
							      : STATE_NO))
		return;
	if (c.flags == KVM_XEN_EVTCHN_DEASSIGN || c.flags == KVM_XEN_EVTCHN_UPDATE)
		channel_change(q, a, &c);
	else if (c.flags)
		a_must_fail(a, R_XEN_EVTCHN_FLAGS);
	else
		channel_assign(q, a, &c);
}

static void learn_set_channel(struct learn *l)
{
	struct channel c;

	if (!channel_read(l->q, &c)) {
		vm_facts_drop(l, VM_FACT_XEN_PORT);
		l->vm->facts.open = true;
		return;
	}
	if (!l->succeeded)
		return;
	switch (c.flags) {
	case 0:
		vm_fact_set(l, VM_FACT_XEN_PORT, c.port, c.type, c.to);
		break;
	case KVM_XEN_EVTCHN_RESET:
		vm_facts_drop(l, VM_FACT_XEN_PORT);
		break;
	case KVM_XEN_EVTCHN_DEASSIGN:
		vm_fact_drop(l, VM_FACT_XEN_PORT, c.port);
		break;
	default:
		break;
	}
}

/* False: it was not captured. */
static bool attr_value(const struct question *q, uint64_t type, uint64_t *value)
{
	return q_field(q, q->in, offsetof(struct kvm_xen_hvm_attr, u), type_width(type), value);
}

/* No kernel takes such a value. */
static bool value_invalid(uint64_t type, uint64_t value)
{
	switch (type) {
	case KVM_XEN_ATTR_TYPE_UPCALL_VECTOR:
		return value && value < FIRST_VECTOR;
	case KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA:
		return value % 4096;
	default:
		return false;
	}
}

/* api.rst 4.126 */
static void answer_set_attr(const struct question *q, struct answer *a)
{
	uint64_t type, value;

	if (!attr_type(q, a, &type))
		return;
	if (type == KVM_XEN_ATTR_TYPE_EVTCHN) {
		answer_set_channel(q, a);
		return;
	}
	if (!attr_value(q, type, &value)) {
		a_skip(a, "argument not captured");
		return;
	}
	switch (type) {
	case KVM_XEN_ATTR_TYPE_UPCALL_VECTOR:
		if (a_refuse(a, R_XEN_ATTR_VECTOR, tri(value_invalid(type, value))))
			return;
		break;
	case KVM_XEN_ATTR_TYPE_LONG_MODE:
		/* Newer kernels write the clock of a shared page anew, whose memory may be gone. */
		a_may_fail_with(a, R_XEN_ATTR_ADDRESS, EFAULT);
		break;
	case KVM_XEN_ATTR_TYPE_SHARED_INFO:
	case KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA:
		/* Where the page with the guest's shared information lies. */
		if (a_refuse_with(a, R_XEN_ATTR_ADDRESS, EINVAL, tri(value_invalid(type, value))))
			return;
		/* Taking the page away always works; there may be no memory where a new one is to
		 * be. */
		if (value != type_default(type))
			a_may_fail(a, R_XEN_ATTR_ADDRESS);
		break;
	default:
		break;
	}
	a_succeeds(a, R_XEN_ATTR_SUCCEEDS);
}

/* A place for the shared information that was refused is kept all the same. */
static bool kept_refused(const struct question *q, uint64_t type)
{
	return type_flag(type) != KVM_XEN_HVM_CONFIG_EVTCHN_SEND &&
	       type != KVM_XEN_ATTR_TYPE_LONG_MODE && q_applies(q, R_XEN_ATTR_KEPT_REFUSED);
}

/* How the kernel keeps a value. */
static uint64_t value_kept(uint64_t type, uint64_t value)
{
	switch (type) {
	case KVM_XEN_ATTR_TYPE_LONG_MODE:
	case KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG:
		return !!value;
	case KVM_XEN_ATTR_TYPE_SHARED_INFO:
		/* Of a frame the bits count that its address in 64 bits has. */
		return value != NO_FRAME ? value & NO_FRAME >> 12 : value;
	default:
		return value;
	}
}

static void learn_attr(struct learn *l, uint64_t type, uint64_t value)
{
	const bool faulted = l->ret->ret == -EFAULT;

	if (!l->succeeded && !faulted)
		return;
	if (!l->succeeded && !kept_refused(l->q, type)) {
		/* It may have been set before the rest failed. */
		vm_fact_drop(l, VM_FACT_XEN_ATTR, type);
		l->vm->facts.open = true;
		return;
	}
	vm_fact_set(l, VM_FACT_XEN_ATTR, type, value_kept(type, value), faulted);
	/* The page is told of by frame or by address, never by both. */
	if (type == KVM_XEN_ATTR_TYPE_SHARED_INFO)
		vm_fact_set(l, VM_FACT_XEN_ATTR, KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA, 0, 0);
	else if (type == KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA)
		vm_fact_set(l, VM_FACT_XEN_ATTR, KVM_XEN_ATTR_TYPE_SHARED_INFO, NO_FRAME, 0);
}

static void learn_set_attr(struct learn *l)
{
	uint64_t type, value;

	if (!learn_attr_type(l, &type))
		return;
	if (type == KVM_XEN_ATTR_TYPE_EVTCHN) {
		learn_set_channel(l);
	} else if (!attr_value(l->q, type, &value)) {
		vm_facts_drop(l, VM_FACT_XEN_ATTR);
		l->vm->facts.open = true;
	} else if (!value_invalid(type, value)) {
		learn_attr(l, type, value);
	}
}

/* api.rst 4.127 */
static void answer_get_attr(const struct question *q, struct answer *a)
{
	const size_t at = offsetof(struct kvm_xen_hvm_attr, u);
	const struct state_entry *e;
	uint64_t type;

	if (!attr_type(q, a, &type) ||
	    a_refuse(a, R_XEN_EVTCHN_UNREADABLE, tri(type == KVM_XEN_ATTR_TYPE_EVTCHN)))
		return;
	if (type == KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG)
		a_may_fail_with(a, R_XEN_ATTR_UNKNOWN, EOPNOTSUPP);
	a_succeeds(a, R_XEN_ATTR_SUCCEEDS);
	/* A vCPU that writes the hypercall MSR sets the mode of the VM. */
	if (type == KVM_XEN_ATTR_TYPE_LONG_MODE && q->vm->has_vcpus != STATE_NO)
		return;
	e = vm_fact(q, VM_FACT_XEN_ATTR, type);
	if (e)
		a_equal(a, e->value[1] ? R_XEN_ATTR_KEPT_REFUSED : R_XEN_ATTR_READS_BACK,
			"attribute", e->value[0], TAPE_ARG_OUT, at, type_width(type));
	else if (!vm_facts_open(q))
		a_equal(a, R_XEN_ATTR_DEFAULT, "attribute", type_default(type), TAPE_ARG_OUT, at,
			type_width(type));
}

/* A call whose type is not known may have been one that sets. */
static void learn_get_attr(struct learn *l)
{
	uint64_t type;

	learn_attr_type(l, &type);
}

/* api.rst 4.135 */
static void answer_evtchn_send(const struct question *q, struct answer *a)
{
	const struct state_entry *page = NULL, *address = NULL;
	uint64_t port, vcpu, priority;

	if (a_refuse(a, R_UNKNOWN_REQUEST_ENOTTY, xen_lacks(q, KVM_XEN_HVM_CONFIG_EVTCHN_SEND)))
		return;
	if (!Q_IN(q, struct kvm_irq_routing_xen_evtchn, port, &port) ||
	    !Q_IN(q, struct kvm_irq_routing_xen_evtchn, vcpu, &vcpu) ||
	    !Q_IN(q, struct kvm_irq_routing_xen_evtchn, priority, &priority)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (a_refuse(a, R_XEN_SEND_ARGUMENT,
		     tri_may(!port || port >= PORTS || priority != TWO_LEVEL ||
				     (q->vm->fresh && !state_vm_vcpu_number(q->vm, vcpu)),
			     port >= PORTS_32 || !q->vm->fresh)))
		return;
	page = vm_fact(q, VM_FACT_XEN_ATTR, KVM_XEN_ATTR_TYPE_SHARED_INFO);
	address = vm_fact(q, VM_FACT_XEN_ATTR, KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA);
	if ((!page || page->value[0] == NO_FRAME) && (!address || !address->value[0])) {
		/* Nowhere to put it. */
		a_may_fail(a, R_XEN_SEND_NO_PAGE);
		a_may_succeed(a, R_XEN_SEND_SUCCEEDS, "there may be no shared page");
		return;
	}
	/* The memory behind the page may be gone by now. */
	a_may_fail_with(a, R_XEN_SEND_NO_PAGE, EFAULT);
	a_succeeds(a, R_XEN_SEND_SUCCEEDS);
}

const struct handler model_xen_handlers[] = {
	{"KVM_XEN_HVM_CONFIG", KVMAPI_VM, .answer = answer_hvm_config},
	{"KVM_XEN_HVM_GET_ATTR", KVMAPI_VM, .answer = answer_get_attr, .learn = learn_get_attr},
	{"KVM_XEN_HVM_SET_ATTR", KVMAPI_VM, .answer = answer_set_attr, .learn = learn_set_attr},
	{"KVM_XEN_HVM_EVTCHN_SEND", KVMAPI_VM, .answer = answer_evtchn_send},
	{NULL, 0, .answer = NULL},
};
