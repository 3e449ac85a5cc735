/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event descriptors: KVM_IRQFD (api.rst 4.75), KVM_IOEVENTFD (4.59), coalesced MMIO and PIO
 * (4.116), KVM_HYPERV_EVENTFD (4.113).
 *
 * What stands behind a descriptor number is not on a tape: whether it is open, an eventfd, the same
 * as another one. So errors that come of the descriptor are always allowed, and those of the
 * model's own tables are demanded.
 *
 * state_vm.ioeventfds: key = address, key2 = length | bus << 8 | match << 16 | serial << 32, value
 * = { datamatch, fd }. state_vm.irqfds: key = fd, key2 = GSI.  state_vm.zones: key = address, key2
 * = size | pio << 32.
 */
#include "kvmapi/kvm_newer.h"
#include "model/areas/vm.h"

/* What there is behind a number, no tape tells; behind one below 0 there is nothing. */
static bool descriptor_refused(struct answer *a, uint64_t fd)
{
	if (fd >> 31)
		return a_refuse_with(a, R_EVENTFD_DESCRIPTOR, EBADF, STATE_YES);
	return a_refuse(a, R_EVENTFD_DESCRIPTOR, STATE_UNKNOWN);
}

/* --- KVM_IRQFD ------------------------------------------------------------------------------- */

struct irqfd {
	uint64_t fd, gsi, flags;
};

static bool irqfd_read(const struct question *q, struct irqfd *i)
{
	return Q_IN(q, struct kvm_irqfd, fd, &i->fd) && Q_IN(q, struct kvm_irqfd, gsi, &i->gsi) &&
	       Q_IN(q, struct kvm_irqfd, flags, &i->flags);
}

static void irqfd_assign(const struct question *q, struct answer *a, const struct irqfd *i)
{
	const struct state_vm *vm = q->vm;

	if (a_refuse(a, R_IRQFD_NEEDS_CHIP,
		     i->flags & KVM_IRQFD_FLAG_RESAMPLE
			     ? tri_not(vm_irqchip_is(vm, STATE_IRQCHIP_KERNEL))
			     : vm_irqchip_is(vm, STATE_IRQCHIP_NONE)) ||
	    descriptor_refused(a, i->fd))
		return;
	a_may_fail(a, R_IRQFD_TAKEN);
	a_succeeds(a, R_IRQFD_SUCCEEDS);
}

static void irqfd_deassign(const struct question *q, struct answer *a, const struct irqfd *i)
{
	const bool assigned = state_set_find(&q->vm->irqfds, i->fd, i->gsi);

	/* A descriptor that was assigned may have been closed since. */
	if (assigned)
		a_may_fail_with(a, R_EVENTFD_DESCRIPTOR, EBADF);
	else if (descriptor_refused(a, i->fd))
		return;
	a_succeeds(a, assigned ? R_IRQFD_SUCCEEDS : R_IRQFD_DEASSIGN_MISSING);
}

/* api.rst 4.75 */
static void answer_irqfd(const struct question *q, struct answer *a)
{
	struct irqfd i;

	if (!irqfd_read(q, &i)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (a_refuse(a, R_IRQFD_FLAGS,
		     tri(i.flags & ~(uint64_t)(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))))
		return;
	if (i.flags & KVM_IRQFD_FLAG_DEASSIGN)
		irqfd_deassign(q, a, &i);
	else
		irqfd_assign(q, a, &i);
}

static void learn_irqfd(struct learn *l)
{
	struct state_set *set = &l->vm->irqfds;
	struct state_entry *e;
	struct irqfd i;

	if (!irqfd_read(l->q, &i)) {
		set->open = true;
		return;
	}
	if (!l->succeeded)
		return;
	if (i.flags & KVM_IRQFD_FLAG_DEASSIGN) {
		e = state_set_entry(set, i.fd, i.gsi);
		if (e)
			state_set_remove(set, e);
	} else if (!state_set_add(set, i.fd, i.gsi)) {
		l->oom = -ENOMEM;
	}
}

/* --- KVM_IOEVENTFD --------------------------------------------------------------------------- */

#define IOEVENTFD_FLAGS                                                                        \
	(KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DEASSIGN | \
	 KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY)
/* The kernel's own sign of an eventfd without length, within the mask of those it takes. */
#define IOEVENTFD_FLAG_FAST_MMIO 0x10u

struct ioevent {
	uint64_t datamatch, addr, len, fd, flags, bus;
	bool match;
};

static bool ioevent_read(const struct question *q, struct ioevent *e)
{
	if (!Q_IN(q, struct kvm_ioeventfd, datamatch, &e->datamatch) ||
	    !Q_IN(q, struct kvm_ioeventfd, addr, &e->addr) ||
	    !Q_IN(q, struct kvm_ioeventfd, len, &e->len) ||
	    !Q_IN(q, struct kvm_ioeventfd, fd, &e->fd) ||
	    !Q_IN(q, struct kvm_ioeventfd, flags, &e->flags))
		return false;
	e->bus = e->flags & KVM_IOEVENTFD_FLAG_PIO		   ? 1
		 : e->flags & KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY ? 2
								   : 0;
	e->match = e->flags & KVM_IOEVENTFD_FLAG_DATAMATCH;
	return true;
}

static uint64_t ioevent_key2(const struct ioevent *e, uint64_t serial)
{
	return e->len | e->bus << 8 | (uint64_t)e->match << 16 | serial << 32;
}

/* Both would answer one and the same write of the guest. */
static bool ioevent_collides(const struct state_entry *o, const struct ioevent *e)
{
	uint64_t len = o->key2 & 0xff;
	bool match = o->key2 >> 16 & 1;

	if (o->key != e->addr || (o->key2 >> 8 & 0xff) != e->bus)
		return false;
	if (!len || !e->len)
		return true;
	return len == e->len && (!match || !e->match || o->value[0] == e->datamatch);
}

static bool ioevent_invalid(const struct ioevent *e)
{
	return (e->len != 0 && e->len != 1 && e->len != 2 && e->len != 4 && e->len != 8) ||
	       e->addr + e->len < e->addr ||
	       e->flags & ~(uint64_t)(IOEVENTFD_FLAGS | IOEVENTFD_FLAG_FAST_MMIO) ||
	       (!e->len && e->match);
}

static void ioevent_assign(const struct question *q, struct answer *a, const struct ioevent *e)
{
	const struct state_set *set = &q->vm->ioeventfds;
	enum state_tri taken = set->open ? STATE_UNKNOWN : STATE_NO;

	if (a_refuse(a, R_IOEVENTFD_ARGUMENT, tri(ioevent_invalid(e))) ||
	    descriptor_refused(a, e->fd))
		return;
	for (uint32_t i = 0; i < set->count && taken != STATE_YES; i++) {
		if (set->entries[i].key == e->addr && ioevent_collides(&set->entries[i], e))
			taken = STATE_YES;
	}
	if (a_refuse(a, R_IOEVENTFD_TAKEN, taken))
		return;
	if (q->vm->zones.count > 900 || q->vm->zones.open)
		a_may_fail(a, R_IO_BUS_FULL);
	a_succeeds(a, e->flags & IOEVENTFD_FLAG_FAST_MMIO ? R_IOEVENTFD_FLAG_UNNAMED
							  : R_IOEVENTFD_SUCCEEDS);
}

static void ioevent_assigned(struct learn *l, const struct ioevent *e)
{
	struct state_set *set = &l->vm->ioeventfds;
	struct state_entry *new;
	uint64_t serial = 0;

	while (state_set_find(set, e->addr, ioevent_key2(e, serial)))
		serial++;
	new = state_set_add(set, e->addr, ioevent_key2(e, serial));
	if (!new) {
		l->oom = -ENOMEM;
		return;
	}
	new->known = 1;
	new->value[0] = e->datamatch;
	new->value[1] = e->fd;
}

/* The one that a call takes away: with the same descriptor, or (*same is false then) with another.
 * NULL = there is none. */
static const struct state_entry *ioevent_find(const struct state_set *set, const struct ioevent *e,
					      bool *same)
{
	const struct state_entry *found = NULL;

	*same = false;
	for (uint32_t i = 0; i < set->count; i++) {
		const struct state_entry *o = &set->entries[i];
		const bool equal = o->value[1] == e->fd;

		if (o->key != e->addr || (uint32_t)o->key2 != ioevent_key2(e, 0) ||
		    (e->match && o->value[0] != e->datamatch) || (*same && !equal))
			continue;
		found = o;
		*same = equal;
	}
	return found;
}

static void ioevent_deassign(const struct question *q, struct answer *a, const struct ioevent *e)
{
	const struct state_set *set = &q->vm->ioeventfds;
	bool same;
	const struct state_entry *found = ioevent_find(set, e, &same);

	if (a_refuse_with(a, R_EVENTFD_DESCRIPTOR, EBADF, tri(e->fd >> 31)))
		return;
	/* Another number may stand for the same eventfd. */
	if (!same &&
	    (descriptor_refused(a, e->fd) ||
	     a_refuse(a, R_IOEVENTFD_MISSING, found || set->open ? STATE_UNKNOWN : STATE_YES)))
		return;
	a_succeeds(a, R_IOEVENTFD_SUCCEEDS);
}

static void ioevent_deassigned(struct learn *l, const struct ioevent *e)
{
	struct state_set *set = &l->vm->ioeventfds;
	bool same;
	const struct state_entry *found = ioevent_find(set, e, &same);

	if (found)
		state_set_remove(set, state_set_entry(set, found->key, found->key2));
}

/* api.rst 4.59 */
static void answer_ioeventfd(const struct question *q, struct answer *a)
{
	struct ioevent e;

	if (!ioevent_read(q, &e))
		a_skip(a, "argument not captured");
	else if (e.flags & KVM_IOEVENTFD_FLAG_DEASSIGN)
		ioevent_deassign(q, a, &e);
	else
		ioevent_assign(q, a, &e);
}

static void learn_ioeventfd(struct learn *l)
{
	struct ioevent e;

	if (!ioevent_read(l->q, &e)) {
		state_set_clear(&l->vm->ioeventfds);
		l->vm->ioeventfds.open = true;
	} else if (l->succeeded) {
		if (e.flags & KVM_IOEVENTFD_FLAG_DEASSIGN)
			ioevent_deassigned(l, &e);
		else
			ioevent_assigned(l, &e);
	}
}

/* --- coalesced MMIO -------------------------------------------------------------------------- */

struct zone {
	uint64_t addr, size, pio;
};

static bool zone_read(const struct question *q, struct zone *z)
{
	return Q_IN(q, struct kvm_coalesced_mmio_zone, addr, &z->addr) &&
	       Q_IN(q, struct kvm_coalesced_mmio_zone, size, &z->size) &&
	       Q_IN(q, struct kvm_coalesced_mmio_zone, pio, &z->pio);
}

/* False: the call is refused, or cannot be judged, and the answer is whole. */
static bool zone_taken(const struct question *q, struct answer *a)
{
	struct zone z;

	if (!zone_read(q, &z)) {
		a_skip(a, "argument not captured");
		return false;
	}
	/* Older kernels had padding there. */
	return z.pio <= 1 ||
	       !a_refuse(a, R_COALESCED_PIO_FLAG,
			 q_cap(q, KVM_CAP_COALESCED_PIO) > 0 ? STATE_YES : STATE_UNKNOWN);
}

/* The zone of a call that succeeded; false if there is nothing to learn. */
static bool zone_learn(struct learn *l, struct zone *z)
{
	if (zone_read(l->q, z))
		return l->succeeded;
	l->vm->zones.open = true;
	return false;
}

/* api.rst 4.116 */
static void answer_register_coalesced(const struct question *q, struct answer *a)
{
	const struct state_set *zones = &q->vm->zones;

	if (!zone_taken(q, a))
		return;
	if (zones->count > 900 || zones->open)
		a_may_fail(a, R_IO_BUS_FULL);
	a_succeeds(a, R_COALESCED_SUCCEEDS);
}

static void learn_register_coalesced(struct learn *l)
{
	struct zone z;

	if (zone_learn(l, &z) && !state_set_add(&l->vm->zones, z.addr, z.size | z.pio << 32))
		l->oom = -ENOMEM;
}

static void answer_unregister_coalesced(const struct question *q, struct answer *a)
{
	if (zone_taken(q, a))
		a_succeeds(a, R_COALESCED_REMOVE_SUCCEEDS);
}

static void learn_unregister_coalesced(struct learn *l)
{
	struct state_set *zones = &l->vm->zones;
	struct zone z;

	if (!zone_learn(l, &z))
		return;
	/* Every zone that the range lies within goes. */
	for (uint32_t i = zones->count; i-- > 0;) {
		struct state_entry *e = &zones->entries[i];
		uint64_t size = e->key2 & UINT32_MAX;

		if (e->key2 >> 32 == z.pio && z.addr >= e->key && z.addr + z.size <= e->key + size)
			state_set_remove(zones, e);
	}
}

/* --- KVM_HYPERV_EVENTFD ---------------------------------------------------------------------- */

struct connection {
	uint64_t id, flags, fd;
};

static bool connection_read(const struct question *q, struct connection *c)
{
	return Q_IN(q, struct kvm_hyperv_eventfd, conn_id, &c->id) &&
	       Q_IN(q, struct kvm_hyperv_eventfd, flags, &c->flags) &&
	       Q_IN(q, struct kvm_hyperv_eventfd, fd, &c->fd);
}

/* api.rst 4.113 */
static void answer_hyperv_eventfd(const struct question *q, struct answer *a)
{
	struct connection c;
	bool taken;

	if (a_refuse(a, R_UNKNOWN_REQUEST_ENOTTY, tri(q_cap(q, KVM_CAP_HYPERV_EVENTFD) == 0)))
		return;
	if (!connection_read(q, &c)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (a_refuse(a, R_HYPERV_EVENTFD_ARGUMENT,
		     tri(c.flags & ~(uint64_t)KVM_HYPERV_EVENTFD_DEASSIGN ||
			 c.id & ~(uint64_t)KVM_HYPERV_CONN_ID_MASK)))
		return;
	taken = vm_fact(q, VM_FACT_HYPERV, c.id) != NULL;
	/* Only assigning looks at the descriptor, and first. */
	if (!c.flags && descriptor_refused(a, c.fd))
		return;
	if (a_refuse_with(a, R_HYPERV_EVENTFD_TABLE, c.flags ? ENOENT : EEXIST,
			  !taken && vm_facts_open(q) ? STATE_UNKNOWN : tri(taken == !c.flags)))
		return;
	a_succeeds(a, R_HYPERV_EVENTFD_SUCCEEDS);
}

static void learn_hyperv_eventfd(struct learn *l)
{
	struct connection c;

	if (q_cap(l->q, KVM_CAP_HYPERV_EVENTFD) == 0)
		return;
	if (!connection_read(l->q, &c)) {
		vm_facts_drop(l, VM_FACT_HYPERV);
		l->vm->facts.open = true;
	} else if (l->succeeded && c.flags) {
		vm_fact_drop(l, VM_FACT_HYPERV, c.id);
	} else if (l->succeeded) {
		vm_fact_set(l, VM_FACT_HYPERV, c.id, 0, 0);
	}
}

const struct handler model_eventfd_handlers[] = {
	{"KVM_IRQFD", KVMAPI_VM, .answer = answer_irqfd, .learn = learn_irqfd},
	{"KVM_IOEVENTFD", KVMAPI_VM, .answer = answer_ioeventfd, .learn = learn_ioeventfd},
	{"KVM_REGISTER_COALESCED_MMIO", KVMAPI_VM, .answer = answer_register_coalesced,
	 .learn = learn_register_coalesced},
	{"KVM_UNREGISTER_COALESCED_MMIO", KVMAPI_VM, .answer = answer_unregister_coalesced,
	 .learn = learn_unregister_coalesced},
	{"KVM_HYPERV_EVENTFD", KVMAPI_VM, .answer = answer_hyperv_eventfd,
	 .learn = learn_hyperv_eventfd},
	{NULL, 0, .answer = NULL},
};
