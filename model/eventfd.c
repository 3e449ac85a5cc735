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
#include "model/vm.h"

/* What there is behind a number, no tape tells; behind one below 0 there is nothing. */
static bool descriptor_refused(struct judge *j, uint64_t fd)
{
	if (fd >> 31)
		return j_refuse_with(j, R_EVENTFD_DESCRIPTOR, EBADF, STATE_YES);
	return j_refuse(j, R_EVENTFD_DESCRIPTOR, STATE_UNKNOWN);
}

/* api.rst 4.75 */
static void irqfd_assign(struct judge *j, uint64_t fd, uint64_t gsi, uint64_t flags)
{
	struct state_vm *vm = j->vm;

	if (j_refuse(j, R_IRQFD_NEEDS_CHIP,
		     flags & KVM_IRQFD_FLAG_RESAMPLE
			     ? tri_not(vm_irqchip_is(vm, STATE_IRQCHIP_KERNEL))
			     : vm_irqchip_is(vm, STATE_IRQCHIP_NONE)) ||
	    descriptor_refused(j, fd))
		return;
	j_may_fail(j, R_IRQFD_TAKEN);
	if (!j_succeeds(j, R_IRQFD_SUCCEEDS))
		return;
	if (!state_set_add(&vm->irqfds, fd, gsi))
		j->oom = -ENOMEM;
}

static void irqfd(struct judge *j)
{
	struct state_vm *vm = j->vm;
	struct state_entry *e;
	uint64_t fd, gsi, flags;

	if (!Q_IN(j->q, struct kvm_irqfd, fd, &fd) || !Q_IN(j->q, struct kvm_irqfd, gsi, &gsi) ||
	    !Q_IN(j->q, struct kvm_irqfd, flags, &flags)) {
		vm->irqfds.open = true;
		j_skip(j, "argument not captured");
		return;
	}
	if (j_refuse(j, R_IRQFD_FLAGS,
		     tri(flags & ~(uint64_t)(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))))
		return;
	if (!(flags & KVM_IRQFD_FLAG_DEASSIGN)) {
		irqfd_assign(j, fd, gsi, flags);
		return;
	}
	e = state_set_entry(&vm->irqfds, fd, gsi);
	/* A descriptor that was assigned may have been closed since. */
	if (e)
		j_may_fail_with(j, R_EVENTFD_DESCRIPTOR, EBADF);
	else if (descriptor_refused(j, fd))
		return;
	if (j_succeeds(j, e ? R_IRQFD_SUCCEEDS : R_IRQFD_DEASSIGN_MISSING) && e)
		state_set_remove(&vm->irqfds, e);
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

static void ioevent_assign(struct judge *j, const struct ioevent *e)
{
	struct state_set *set = &j->vm->ioeventfds;
	enum state_tri taken = set->open ? STATE_UNKNOWN : STATE_NO;
	struct state_entry *new;
	uint64_t serial = 0;

	if (j_refuse(j, R_IOEVENTFD_ARGUMENT, tri(ioevent_invalid(e))) ||
	    descriptor_refused(j, e->fd))
		return;
	for (uint32_t i = 0; i < set->count && taken != STATE_YES; i++) {
		if (set->entries[i].key == e->addr && ioevent_collides(&set->entries[i], e))
			taken = STATE_YES;
	}
	if (j_refuse(j, R_IOEVENTFD_TAKEN, taken))
		return;
	if (j->vm->zones.count > 900 || j->vm->zones.open)
		j_may_fail(j, R_IO_BUS_FULL);
	if (!j_succeeds(j, e->flags & IOEVENTFD_FLAG_FAST_MMIO ? R_IOEVENTFD_FLAG_UNNAMED
							       : R_IOEVENTFD_SUCCEEDS))
		return;
	while (state_set_find(set, e->addr, ioevent_key2(e, serial)))
		serial++;
	new = state_set_add(set, e->addr, ioevent_key2(e, serial));
	if (!new) {
		j->oom = -ENOMEM;
		return;
	}
	new->known = 1;
	new->value[0] = e->datamatch;
	new->value[1] = e->fd;
}

static void ioevent_deassign(struct judge *j, const struct ioevent *e)
{
	struct state_set *set = &j->vm->ioeventfds;
	struct state_entry *same = NULL, *other = NULL;

	if (e->fd >> 31) {
		j_must_fail_with(j, R_EVENTFD_DESCRIPTOR, EBADF);
		return;
	}
	for (uint32_t i = 0; i < set->count; i++) {
		struct state_entry *o = &set->entries[i];

		if (o->key != e->addr || (uint32_t)o->key2 != ioevent_key2(e, 0) ||
		    (e->match && o->value[0] != e->datamatch))
			continue;
		if (o->value[1] == e->fd)
			same = o;
		else
			other = o;
	}
	/* Another number may stand for the same eventfd. */
	if (!same &&
	    (descriptor_refused(j, e->fd) ||
	     j_refuse(j, R_IOEVENTFD_MISSING, other || set->open ? STATE_UNKNOWN : STATE_YES)))
		return;
	if (!j_succeeds(j, R_IOEVENTFD_SUCCEEDS))
		return;
	if (same || other)
		state_set_remove(set, same ? same : other);
}

/* api.rst 4.59 */
static void ioeventfd(struct judge *j)
{
	struct ioevent e;

	if (!ioevent_read(j->q, &e)) {
		state_set_clear(&j->vm->ioeventfds);
		j->vm->ioeventfds.open = true;
		j_skip(j, "argument not captured");
	} else if (e.flags & KVM_IOEVENTFD_FLAG_DEASSIGN) {
		ioevent_deassign(j, &e);
	} else {
		ioevent_assign(j, &e);
	}
}

/* --- coalesced MMIO -------------------------------------------------------------------------- */

/* api.rst 4.116 */
static void coalesced(struct judge *j, bool add)
{
	struct state_set *zones = &j->vm->zones;
	uint64_t addr, size, pio;

	if (!Q_IN(j->q, struct kvm_coalesced_mmio_zone, addr, &addr) ||
	    !Q_IN(j->q, struct kvm_coalesced_mmio_zone, size, &size) ||
	    !Q_IN(j->q, struct kvm_coalesced_mmio_zone, pio, &pio)) {
		zones->open = true;
		j_skip(j, "argument not captured");
		return;
	}
	/* Older kernels had padding there. */
	if (pio > 1 && j_refuse(j, R_COALESCED_PIO_FLAG,
				q_cap(j->q, KVM_CAP_COALESCED_PIO) > 0 ? STATE_YES : STATE_UNKNOWN))
		return;
	if (add && (zones->count > 900 || zones->open))
		j_may_fail(j, R_IO_BUS_FULL);
	if (!j_succeeds(j, add ? R_COALESCED_SUCCEEDS : R_COALESCED_REMOVE_SUCCEEDS))
		return;
	if (add) {
		if (!state_set_add(zones, addr, size | pio << 32))
			j->oom = -ENOMEM;
		return;
	}
	/* Every zone that the range lies within goes. */
	for (uint32_t i = zones->count; i-- > 0;) {
		struct state_entry *z = &zones->entries[i];
		uint64_t zone_size = z->key2 & UINT32_MAX;

		if (z->key2 >> 32 == pio && addr >= z->key && addr + size <= z->key + zone_size)
			state_set_remove(zones, z);
	}
}

static void register_coalesced(struct judge *j)
{
	coalesced(j, true);
}

static void unregister_coalesced(struct judge *j)
{
	coalesced(j, false);
}

/* api.rst 4.113 */
static void hyperv_eventfd(struct judge *j)
{
	uint64_t id, flags, fd;
	bool taken;

	if (q_cap(j->q, KVM_CAP_HYPERV_EVENTFD) == 0) {
		j_must_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
		return;
	}
	if (!Q_IN(j->q, struct kvm_hyperv_eventfd, conn_id, &id) ||
	    !Q_IN(j->q, struct kvm_hyperv_eventfd, flags, &flags) ||
	    !Q_IN(j->q, struct kvm_hyperv_eventfd, fd, &fd)) {
		vm_facts_drop(j->l, VM_FACT_HYPERV);
		j->vm->facts.open = true;
		j_skip(j, "argument not captured");
		return;
	}
	if (j_refuse(j, R_HYPERV_EVENTFD_ARGUMENT,
		     tri(flags & ~(uint64_t)KVM_HYPERV_EVENTFD_DEASSIGN ||
			 id & ~(uint64_t)KVM_HYPERV_CONN_ID_MASK)))
		return;
	taken = vm_fact(j->q, VM_FACT_HYPERV, id) != NULL;
	/* Only assigning looks at the descriptor, and first. */
	if (!flags && descriptor_refused(j, fd))
		return;
	if (j_refuse_with(j, R_HYPERV_EVENTFD_TABLE, flags ? ENOENT : EEXIST,
			  !taken && vm_facts_open(j->q) ? STATE_UNKNOWN : tri(taken == !flags)))
		return;
	if (!j_succeeds(j, R_HYPERV_EVENTFD_SUCCEEDS))
		return;
	if (flags)
		vm_fact_drop(j->l, VM_FACT_HYPERV, id);
	else
		vm_fact_set(j->l, VM_FACT_HYPERV, id, 0, 0);
}

const struct judge_handler model_eventfd_handlers[] = {
	{"KVM_IRQFD", KVMAPI_VM, .judge = irqfd},
	{"KVM_IOEVENTFD", KVMAPI_VM, .judge = ioeventfd},
	{"KVM_REGISTER_COALESCED_MMIO", KVMAPI_VM, .judge = register_coalesced},
	{"KVM_UNREGISTER_COALESCED_MMIO", KVMAPI_VM, .judge = unregister_coalesced},
	{"KVM_HYPERV_EVENTFD", KVMAPI_VM, .judge = hyperv_eventfd},
	{NULL, 0, .judge = NULL},
};
