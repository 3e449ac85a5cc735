/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Xen guests, what concerns a VM: the hypercall page (api.rst 4.28), attributes (4.126, 4.127),
 * event channels (4.126, 4.135).
 *
 * Facts: VM_FACT_XEN_ATTR is the value of an attribute, VM_FACT_XEN_PORT an intercepted port.
 */
#include "kvmapi/kvm_newer.h"
#include "model/vm.h"

#define PORTS	     4096 /* of a 64-bit guest; a 32-bit one has PORTS_32 */
#define PORTS_32     1024
#define TWO_LEVEL    0xffffffffull /* KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL of the header */
#define TYPES	     (KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA + 1)
#define NO_FRAME     UINT64_MAX
#define FIRST_VECTOR 0x10

/* Event channels' types, of Xen's own interface: what EVTCHNOP_status answers. */
enum { STAT_INTERDOMAIN = 2, STAT_IPI = 5 };

/* False: there is no such call, which a flag of the capability announces, and that is said. */
static bool xen_there(struct judge *j, uint32_t flag)
{
	int32_t cap = q_cap(j->q, KVM_CAP_XEN_HVM);

	if (cap >= 0 && !((uint32_t)cap & flag)) {
		j_must_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
		return false;
	}
	if (cap < 0)
		j_may_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
	return true;
}

/* api.rst 4.28 */
static void hvm_config(struct judge *j)
{
	const uint64_t settable = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL |
				  KVM_XEN_HVM_CONFIG_EVTCHN_SEND |
				  KVM_XEN_HVM_CONFIG_PVCLOCK_TSC_UNSTABLE;
	int32_t cap = q_cap(j->q, KVM_CAP_XEN_HVM);
	uint64_t flags, msr, address[2], sizes;

	if (!xen_there(j, KVM_XEN_HVM_CONFIG_HYPERCALL_MSR))
		return;
	if (!Q_IN(j->q, struct kvm_xen_hvm_config, flags, &flags) ||
	    !Q_IN(j->q, struct kvm_xen_hvm_config, msr, &msr) ||
	    !Q_IN(j->q, struct kvm_xen_hvm_config, blob_addr_32, &address[0]) ||
	    !Q_IN(j->q, struct kvm_xen_hvm_config, blob_addr_64, &address[1]) ||
	    !q_field(j->q, j->q->in, offsetof(struct kvm_xen_hvm_config, blob_size_32), 2,
		     &sizes)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (flags & ~settable || (cap > 0 && flags & ~(uint64_t)(uint32_t)cap)) {
		j_must_fail(j, R_XEN_CONFIG_FLAGS);
		return;
	}
	if (flags && cap < 0)
		j_may_fail(j, R_XEN_CONFIG_FLAGS);
	if (flags & KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL && (address[0] | address[1] | sizes)) {
		j_must_fail(j, R_XEN_CONFIG_BLOBS);
		return;
	}
	if (msr && msr >> 28 != 4) {
		if (q_kernel(j->q) && q_applies(j->q, R_XEN_CONFIG_MSR)) {
			j_must_fail(j, R_XEN_CONFIG_MSR);
			return;
		}
		/* Stable kernels took the check over. */
		j_may_fail(j, R_XEN_CONFIG_MSR_OLD);
	}
	j_succeeds(j, R_XEN_CONFIG_SUCCEEDS);
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

/* Reads the type; false: the call's end was said. */
static bool attr_type(struct judge *j, uint64_t *type)
{
	int32_t cap = q_cap(j->q, KVM_CAP_XEN_HVM);

	if (!xen_there(j, KVM_XEN_HVM_CONFIG_SHARED_INFO))
		return false;
	if (!Q_IN(j->q, struct kvm_xen_hvm_attr, type, type)) {
		vm_facts_drop(j->l, VM_FACT_XEN_ATTR);
		vm_facts_drop(j->l, VM_FACT_XEN_PORT);
		j->vm->facts.open = true;
		j_skip(j, "argument not captured");
		return false;
	}
	if (*type >= TYPES) {
		/* Kernels newer than this table may have more. */
		if (!q_maybe_newer(j->q)) {
			j_must_fail_with(j, R_XEN_ATTR_UNKNOWN, ENOENT);
			return false;
		}
		j_may_fail_with(j, R_XEN_ATTR_UNKNOWN, ENOENT);
		j_may_succeed(j, R_XEN_ATTR_OTHER, "a type that this model does not know");
		return false;
	}
	if (cap >= 0 && !((uint32_t)cap & type_flag(*type))) {
		j_may_fail_with(j, R_XEN_ATTR_UNKNOWN, EOPNOTSUPP);
		j_must_fail_with(j, R_XEN_ATTR_UNKNOWN, ENOENT);
		return false;
	}
	if (cap < 0)
		j_may_fail(j, R_XEN_ATTR_UNKNOWN);
	return true;
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

static void channel_assign(struct judge *j, const struct channel *c)
{
	if (channel_invalid(c)) {
		j_must_fail(j, R_XEN_EVTCHN_ARGUMENT);
		return;
	}
	if (!c->to)
		j_may_fail(j, R_EVENTFD_DESCRIPTOR);
	if (vm_fact(j->q, VM_FACT_XEN_PORT, c->port)) {
		j_must_fail(j, R_XEN_EVTCHN_TAKEN);
		return;
	}
	if (vm_facts_open(j->q))
		j_may_fail(j, R_XEN_EVTCHN_TAKEN);
	if (j_succeeds(j, R_XEN_EVTCHN_SUCCEEDS))
		vm_fact_set(j->l, VM_FACT_XEN_PORT, c->port, c->type, c->to);
}

static void channel_change(struct judge *j, const struct channel *c)
{
	const struct state_entry *e = vm_fact(j->q, VM_FACT_XEN_PORT, c->port);
	bool update = c->flags == KVM_XEN_EVTCHN_UPDATE;

	if (!e && !vm_facts_open(j->q)) {
		j_must_fail(j, R_XEN_EVTCHN_MISSING);
		return;
	}
	if (!e)
		j_may_fail(j, R_XEN_EVTCHN_MISSING);
	if (update && (c->priority != TWO_LEVEL || !c->to ||
		       (e && (e->value[0] != c->type || e->value[1] != c->to)))) {
		j_must_fail(j, R_XEN_EVTCHN_UPDATE);
		return;
	}
	if (update && !e)
		j_may_fail(j, R_XEN_EVTCHN_UPDATE);
	if (j_succeeds(j, R_XEN_EVTCHN_SUCCEEDS) && !update)
		vm_fact_drop(j->l, VM_FACT_XEN_PORT, c->port);
}

/* api.rst 4.126 KVM_XEN_ATTR_TYPE_EVTCHN */
static void set_channel(struct judge *j)
{
	struct channel c;

	if (!channel_read(j->q, &c)) {
		vm_facts_drop(j->l, VM_FACT_XEN_PORT);
		j->vm->facts.open = true;
		j_skip(j, "argument not captured");
		return;
	}
	if (c.flags == KVM_XEN_EVTCHN_RESET) {
		if (j_succeeds(j, R_XEN_EVTCHN_SUCCEEDS))
			vm_facts_drop(j->l, VM_FACT_XEN_PORT);
		return;
	}
	if (!c.port || c.port >= PORTS) {
		j_must_fail(j, R_XEN_EVTCHN_ARGUMENT);
		return;
	}
	/* The guest itself changes the mode that decides. */
	if (c.port >= PORTS_32 || c.to >= PORTS_32)
		j_may_fail(j, R_XEN_EVTCHN_ARGUMENT);
	if (c.flags == KVM_XEN_EVTCHN_DEASSIGN || c.flags == KVM_XEN_EVTCHN_UPDATE)
		channel_change(j, &c);
	else if (c.flags)
		j_must_fail(j, R_XEN_EVTCHN_FLAGS);
	else
		channel_assign(j, &c);
}

/* Where the page with the guest's shared information lies. True if the end was said. */
static bool shared_info_refused(struct judge *j, uint64_t type, uint64_t value)
{
	if (type == KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA && value % 4096) {
		j_must_fail_with(j, R_XEN_ATTR_ADDRESS, EINVAL);
		return true;
	}
	/* Taking the page away always works; there may be no memory where a new one is to be. */
	if (value != type_default(type))
		j_may_fail(j, R_XEN_ATTR_ADDRESS);
	return false;
}

/* api.rst 4.126 */
static void set_attr(struct judge *j)
{
	uint64_t type, value;

	if (!attr_type(j, &type))
		return;
	if (type == KVM_XEN_ATTR_TYPE_EVTCHN) {
		set_channel(j);
		return;
	}
	if (!q_field(j->q, j->q->in, offsetof(struct kvm_xen_hvm_attr, u), type_width(type),
		     &value)) {
		vm_facts_drop(j->l, VM_FACT_XEN_ATTR);
		j->vm->facts.open = true;
		j_skip(j, "argument not captured");
		return;
	}
	switch (type) {
	case KVM_XEN_ATTR_TYPE_UPCALL_VECTOR:
		if (value && value < FIRST_VECTOR) {
			j_must_fail(j, R_XEN_ATTR_VECTOR);
			return;
		}
		break;
	case KVM_XEN_ATTR_TYPE_LONG_MODE:
		/* Newer kernels write the clock of a shared page anew, whose memory may be gone. */
		j_may_fail_with(j, R_XEN_ATTR_ADDRESS, EFAULT);
		value = !!value;
		break;
	case KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG:
		value = !!value;
		break;
	case KVM_XEN_ATTR_TYPE_SHARED_INFO:
	case KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA:
		if (shared_info_refused(j, type, value))
			return;
		break;
	default:
		break;
	}
	if (!j_succeeds(j, R_XEN_ATTR_SUCCEEDS) &&
	    (j->ret->ret != -EFAULT || type_flag(type) == KVM_XEN_HVM_CONFIG_EVTCHN_SEND ||
	     type == KVM_XEN_ATTR_TYPE_LONG_MODE || !q_applies(j->q, R_XEN_ATTR_KEPT_REFUSED))) {
		/* It may have been set before the rest failed. */
		if (j->ret->ret == -EFAULT) {
			vm_fact_drop(j->l, VM_FACT_XEN_ATTR, type);
			j->vm->facts.open = true;
		}
		return;
	}
	/* Of a frame the bits count that its address in 64 bits has. */
	if (type == KVM_XEN_ATTR_TYPE_SHARED_INFO && value != NO_FRAME)
		value &= NO_FRAME >> 12;
	vm_fact_set(j->l, VM_FACT_XEN_ATTR, type, value, j->ret->ret < 0);
	/* The page is told of by frame or by address, never by both. */
	if (type == KVM_XEN_ATTR_TYPE_SHARED_INFO)
		vm_fact_set(j->l, VM_FACT_XEN_ATTR, KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA, 0, 0);
	else if (type == KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA)
		vm_fact_set(j->l, VM_FACT_XEN_ATTR, KVM_XEN_ATTR_TYPE_SHARED_INFO, NO_FRAME, 0);
}

/* api.rst 4.127 */
static void get_attr(struct judge *j)
{
	const struct state_entry *e;
	uint64_t type, value;

	if (!attr_type(j, &type))
		return;
	if (type == KVM_XEN_ATTR_TYPE_EVTCHN) {
		j_must_fail(j, R_XEN_EVTCHN_UNREADABLE);
		return;
	}
	if (type == KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG)
		j_may_fail_with(j, R_XEN_ATTR_UNKNOWN, EOPNOTSUPP);
	if (!j_succeeds(j, R_XEN_ATTR_SUCCEEDS) ||
	    !q_field(j->q, j->out, offsetof(struct kvm_xen_hvm_attr, u), type_width(type), &value))
		return;
	/* A vCPU that writes the hypercall MSR sets the mode of the VM. */
	if (type == KVM_XEN_ATTR_TYPE_LONG_MODE && j->vm->has_vcpus != STATE_NO)
		return;
	e = vm_fact(j->q, VM_FACT_XEN_ATTR, type);
	if (e)
		j_equal(j, e->value[1] ? R_XEN_ATTR_KEPT_REFUSED : R_XEN_ATTR_READS_BACK,
			"attribute", e->value[0], value);
	else if (!vm_facts_open(j->q))
		j_equal(j, R_XEN_ATTR_DEFAULT, "attribute", type_default(type), value);
}

/* api.rst 4.135 */
static void evtchn_send(struct judge *j)
{
	const struct state_entry *page = NULL, *address = NULL;
	uint64_t port, vcpu, priority;

	if (!xen_there(j, KVM_XEN_HVM_CONFIG_EVTCHN_SEND))
		return;
	if (!Q_IN(j->q, struct kvm_irq_routing_xen_evtchn, port, &port) ||
	    !Q_IN(j->q, struct kvm_irq_routing_xen_evtchn, vcpu, &vcpu) ||
	    !Q_IN(j->q, struct kvm_irq_routing_xen_evtchn, priority, &priority)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (!port || port >= PORTS || priority != TWO_LEVEL ||
	    (j->vm->fresh && !state_vm_vcpu_number(j->vm, vcpu))) {
		j_must_fail(j, R_XEN_SEND_ARGUMENT);
		return;
	}
	if (port >= PORTS_32 || !j->vm->fresh)
		j_may_fail(j, R_XEN_SEND_ARGUMENT);
	page = vm_fact(j->q, VM_FACT_XEN_ATTR, KVM_XEN_ATTR_TYPE_SHARED_INFO);
	address = vm_fact(j->q, VM_FACT_XEN_ATTR, KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA);
	if ((!page || page->value[0] == NO_FRAME) && (!address || !address->value[0])) {
		/* Nowhere to put it. */
		j_may_fail(j, R_XEN_SEND_NO_PAGE);
		j_may_succeed(j, R_XEN_SEND_SUCCEEDS, "there may be no shared page");
		return;
	}
	/* The memory behind the page may be gone by now. */
	j_may_fail_with(j, R_XEN_SEND_NO_PAGE, EFAULT);
	j_succeeds(j, R_XEN_SEND_SUCCEEDS);
}

const struct judge_handler model_xen_handlers[] = {
	{"KVM_XEN_HVM_CONFIG", KVMAPI_VM, .judge = hvm_config},
	{"KVM_XEN_HVM_GET_ATTR", KVMAPI_VM, .judge = get_attr},
	{"KVM_XEN_HVM_SET_ATTR", KVMAPI_VM, .judge = set_attr},
	{"KVM_XEN_HVM_EVTCHN_SEND", KVMAPI_VM, .judge = evtchn_send},
	{NULL, 0, .judge = NULL},
};
