/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupt controllers in the kernel: creation (api.rst 4.24), lines (4.25), state
 * (4.26, 4.27), GSI routing (4.52), MSIs (4.71), and the i8254 timer (4.71 to 4.73, 4.99).
 *
 * A route of state_vm.routes: key = GSI, key2 = chip, or ROUTE_MSI and beyond for the other types;
 * value[0] = pin.
 */
#include <stdlib.h>
#include <string.h>

#include "kvmapi/kvm_newer.h"
#include "model/vm.h"

#define ROUTES_MAX	4096
#define ROUTE_TYPE	16 /* key2 of a route that leads to no chip: this plus its type */
#define PIC_PINS	8
#define IOAPIC_PINS	24
#define XEN_PORTS_LEAST 1024 /* of a guest of 32 bits */
/* KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL of the header, as 32 bits */
#define XEN_TWO_LEVEL	0xffffffffull

static const size_t chip_at = offsetof(struct kvm_irqchip, chip);

enum state_tri vm_irqchip_is(const struct state_vm *vm, enum state_irqchip kind)
{
	return vm->irqchip == STATE_IRQCHIP_UNKNOWN ? STATE_UNKNOWN : tri(vm->irqchip == kind);
}

void vm_chips_may_lack(struct judge *j)
{
	if (q_cap(j->q, KVM_CAP_IRQCHIP) == 0)
		j_may_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
}

/* api.rst 4.24: GSI 0-15 go to PIC and IOAPIC, 16-23 to the IOAPIC alone. */
static void default_routes(struct learn *l)
{
	struct state_set *routes = &l->vm->routes;

	state_set_clear(routes);
	routes->open = false;
	l->vm->routes_known = STATE_YES;
	for (uint64_t gsi = 0; gsi < IOAPIC_PINS; gsi++) {
		struct state_entry *e = state_set_add(routes, gsi, KVM_IRQCHIP_IOAPIC);

		if (e && gsi < 2 * PIC_PINS)
			e = state_set_add(routes, gsi,
					  gsi < PIC_PINS ? KVM_IRQCHIP_PIC_MASTER
							 : KVM_IRQCHIP_PIC_SLAVE);
		if (!e)
			l->oom = -ENOMEM;
	}
}

/* What changes without a guest running: lines that move. */
static void forget_volatile(struct state_block *b, uint64_t chip)
{
	if (!b->size)
		return;
	if (chip != KVM_IRQCHIP_IOAPIC) {
		state_block_forget_range(b, offsetof(struct kvm_pic_state, last_irr),
					 2); /* and irr */
		return;
	}
	state_block_forget_range(b, offsetof(struct kvm_ioapic_state, irr), 4);
	for (unsigned int i = 0; i < IOAPIC_PINS; i++) {
		/* Delivery status (bit 12) and remote IRR (bit 14). */
		size_t at = offsetof(struct kvm_ioapic_state, redirtbl) + 8 * i + 1;

		if (at < b->size)
			b->mask[at] &= (uint8_t)~0x50;
	}
}

static uint32_t chip_size(uint64_t chip)
{
	return chip == KVM_IRQCHIP_IOAPIC ? sizeof(struct kvm_ioapic_state)
					  : sizeof(struct kvm_pic_state);
}

/* How KVM_CREATE_IRQCHIP leaves the chips: all zero but for what a reset sets. */
static void chips_reset(struct learn *l)
{
	uint8_t bytes[sizeof(struct kvm_ioapic_state)];

	for (uint64_t chip = 0; chip <= KVM_IRQCHIP_IOAPIC; chip++) {
		struct state_block *b = &l->vm->blocks[STATE_PIC_MASTER + chip];

		memset(bytes, 0, sizeof(bytes));
		if (chip == KVM_IRQCHIP_IOAPIC) {
			bytes[offsetof(struct kvm_ioapic_state, base_address) + 2] =
				0xc0; /* 0xfec00000 */
			bytes[offsetof(struct kvm_ioapic_state, base_address) + 3] = 0xfe;
			for (unsigned int i = 0; i < IOAPIC_PINS; i++) /* masked: bit 16 */
				bytes[offsetof(struct kvm_ioapic_state, redirtbl) + 8 * i + 2] = 1;
		} else {
			bytes[offsetof(struct kvm_pic_state, elcr_mask)] =
				chip == KVM_IRQCHIP_PIC_MASTER ? 0xf8 : 0xde;
		}
		if (state_block_set(b, 0, bytes, chip_size(chip)))
			l->oom = -ENOMEM;
		forget_volatile(b, chip);
		l->vm->scratch[VM_SCRATCH_CHIP_RESET] |= 1 << chip;
	}
}

/* api.rst 4.24 */
static void create_irqchip(struct judge *j)
{
	struct state_vm *vm = j->vm;

	vm_chips_may_lack(j);
	if (j_refuse(j, R_CREATE_IRQCHIP_ONCE, tri_not(vm_irqchip_is(vm, STATE_IRQCHIP_NONE))))
		return;
	/* VMs whose end of interrupt is protected, which type 0 is not. */
	if (vm_typed(j->q))
		j_may_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
	if (j_refuse(j, R_CREATE_IRQCHIP_BEFORE_VCPUS, vm->has_vcpus))
		return;
	if (!j_succeeds(j, R_CREATE_IRQCHIP_SUCCEEDS))
		return;
	vm->irqchip = STATE_IRQCHIP_KERNEL;
	default_routes(j->l);
	chips_reset(j->l);
}

/* --- lines ----------------------------------------------------------------------------------- */

uint32_t vm_vcpus_most(const struct state_vm *vm)
{
	return vm->fresh ? vm->vcpu_count : UINT32_MAX;
}

/* Where a GSI leads to. */
struct leads {
	bool known;
	uint8_t pics; /* master, slave, or both */
	bool ioapic, msi, other;
};

static struct leads gsi_leads(const struct state_vm *vm, uint64_t gsi)
{
	struct leads l = {.known = vm->routes_known == STATE_YES && !vm->routes.open};

	if (!l.known)
		return l;
	l.pics = !!state_set_find(&vm->routes, gsi, KVM_IRQCHIP_PIC_MASTER) +
		 !!state_set_find(&vm->routes, gsi, KVM_IRQCHIP_PIC_SLAVE);
	l.ioapic = state_set_find(&vm->routes, gsi, KVM_IRQCHIP_IOAPIC);
	l.msi = state_set_find(&vm->routes, gsi, ROUTE_TYPE + KVM_IRQ_ROUTING_MSI);
	l.other = state_set_find(&vm->routes, gsi, ROUTE_TYPE + KVM_IRQ_ROUTING_HV_SINT) ||
		  state_set_find(&vm->routes, gsi, ROUTE_TYPE + KVM_IRQ_ROUTING_XEN_EVTCHN);
	return l;
}

static bool irq_line_call(struct judge *j)
{
	return !j_refuse(j, R_IRQ_LINE_NEEDS_CHIP, vm_irqchip_is(j->vm, STATE_IRQCHIP_NONE)) &&
	       j_succeeds(j, R_IRQ_LINE_SUCCEEDS);
}

/* api.rst 4.25 */
static void irq_line(struct judge *j)
{
	irq_line_call(j);
}

/*
 * No section of its own; uapi/kvm.h has the two fields, and what the status means stands beside
 * kvm_set_irq(): below 0 = ignored, 0 = coalesced, else how many processors it went to, added up
 * over the chips of the GSI.
 */
static void irq_line_status(struct judge *j)
{
	uint64_t gsi, level, level_after, raw;
	int32_t status;
	uint32_t most = vm_vcpus_most(j->vm);
	struct leads l;

	if (!irq_line_call(j) || !Q_IN(j->q, struct kvm_irq_level, irq, &gsi) ||
	    !Q_IN(j->q, struct kvm_irq_level, level, &level) ||
	    !J_OUT(j, struct kvm_irq_level, status, &raw) ||
	    !J_OUT(j, struct kvm_irq_level, level, &level_after))
		return;
	if (!J_EQUAL_OUT(j, R_IRQ_LINE_LEVEL_KEPT, struct kvm_irq_level, level, level))
		return;
	j_constrain(j, R_IRQ_LINE_STATUS_RANGE, j->out, offsetof(struct kvm_irq_level, status), 4);
	status = (int32_t)raw;
	l = gsi_leads(j->vm, gsi);
	if (l.known && !l.pics && !l.ioapic && !l.msi && !l.other) {
		j_keeps(j, R_IRQ_LINE_STATUS_UNROUTED, status == -1, "status = -1", "status = %d",
			status);
		return;
	}
	if (most == UINT32_MAX)
		most = 4096;
	/* An IOAPIC counts a line that goes down as delivered, even when there is no processor. */
	if (!level && !most && (l.ioapic || !l.known))
		most = 1;
	/* A PIC counts for one; where a route leads to processors, it may be to all of them. */
	if (l.known && !l.other)
		most = (l.ioapic || l.msi ? most : 0) + l.pics;
	else
		most += 2;
	if (!j_keeps(j, R_IRQ_LINE_STATUS_RANGE, status >= -1 && status <= (int32_t)most,
		     "-1, or no more than the processors and the PICs", "status = %d", status))
		return;
	if (!l.known || level || l.other)
		return;
	/*
	 * A line that goes down: an MSI ignores it, an IOAPIC answers 1, each PIC 1 or (masked) -1.
	 * Timer and resampled irqfds drive lines of their own, which may still be up.
	 */
	if (gsi == 0 || gsi == 2 || j->vm->irqfds.count || j->vm->irqfds.open)
		return;
	j_keeps(j, R_IRQ_LINE_STATUS_LOWERED,
		l.ioapic ? status >= 1 && status <= 1 + l.pics
		: l.pics ? status == -1 || (status >= 1 && status <= l.pics)
			 : status == -1,
		l.ioapic && l.pics ? "status 1, and 1 more for each PIC"
		: l.ioapic	   ? "status 1"
		: l.pics	   ? "status 1 for each PIC, or -1"
				   : "status -1",
		"status = %d", status);
}

/* --- state of the chips ---------------------------------------------------------------------- */

/* What GET and SET have in common: true if they succeeded. */
static bool irqchip_call(struct judge *j, uint16_t succeeds, uint64_t *chip)
{
	const struct state_vm *vm = j->vm;

	vm_chips_may_lack(j);
	if (j_refuse(j, R_IRQCHIP_STATE_NEEDS_CHIP,
		     tri_not(vm_irqchip_is(vm, STATE_IRQCHIP_KERNEL))))
		return false;
	if (!Q_IN(j->q, struct kvm_irqchip, chip_id, chip)) {
		j_skip(j, "argument not captured");
		for (unsigned int i = STATE_PIC_MASTER; i <= STATE_IOAPIC; i++)
			state_block_forget(&j->vm->blocks[i]);
		return false;
	}
	if (j_refuse(j, R_IRQCHIP_STATE_CHIP_ID, tri(*chip > KVM_IRQCHIP_IOAPIC)))
		return false;
	return j_succeeds(j, succeeds);
}

/* api.rst 4.26 */
static void get_irqchip(struct judge *j)
{
	struct state_block *b;
	uint64_t chip, after;
	size_t size, have;

	if (!irqchip_call(j, R_GET_IRQCHIP_SUCCEEDS, &chip))
		return;
	b = &j->vm->blocks[STATE_PIC_MASTER + chip];
	size = chip_size(chip);
	if (J_OUT(j, struct kvm_irqchip, chip_id, &after) &&
	    !j_equal(j, R_GET_IRQCHIP_ID_KEPT, "chip_id", chip, after))
		return;
	j_block_get(j,
		    j->vm->scratch[VM_SCRATCH_CHIP_RESET] >> chip & 1 ? R_GET_IRQCHIP_AFTER_CREATE
								      : R_GET_IRQCHIP_READS_BACK,
		    b, j->out, (uint32_t)chip_at, (uint32_t)size);
	j->vm->scratch[VM_SCRATCH_CHIP_RESET] &= ~(1ull << chip);
	forget_volatile(b, chip);
	/* The rest of the buffer comes back as it was given. */
	have = !j->out ? 0 : j->q->in->have < j->out->have ? j->q->in->have : j->out->have;
	for (size_t at = chip_at + size; at < have; at++) {
		if (j->q->in->data[at] != j->out->data[at]) {
			j_break(j, R_GET_IRQCHIP_REST_KEPT,
				"the rest of the buffer as it was given",
				"byte %zu: 0x%02x, given 0x%02x", at, j->out->data[at],
				j->q->in->data[at]);
			return;
		}
	}
	if (have > chip_at + size)
		j_keep(j, R_GET_IRQCHIP_REST_KEPT);
}

/* api.rst 4.27 */
static void set_irqchip(struct judge *j)
{
	struct state_block *b;
	uint64_t chip;

	if (!irqchip_call(j, R_SET_IRQCHIP_SUCCEEDS, &chip))
		return;
	b = &j->vm->blocks[STATE_PIC_MASTER + chip];
	j->vm->scratch[VM_SCRATCH_CHIP_RESET] &= ~(1ull << chip);
	/* From `chip_at` of the part to the beginning of the block. */
	l_block_set(j->l, b, j->q->in, (uint32_t)chip_at, chip_size(chip));
	forget_volatile(b, chip);
}

/* --- GSI routing, MSI ------------------------------------------------------------------------ */

static size_t entry_at(uint64_t i, size_t member)
{
	return sizeof(struct kvm_irq_routing) + i * sizeof(struct kvm_irq_routing_entry) + member;
}

struct route {
	uint64_t gsi, type, flags, chip, pin, address_hi, priority;
};

static bool route_read(const struct question *q, uint64_t i, struct route *r)
{
	return q_field(q, q->in, entry_at(i, offsetof(struct kvm_irq_routing_entry, gsi)), 4,
		       &r->gsi) &&
	       q_field(q, q->in, entry_at(i, offsetof(struct kvm_irq_routing_entry, type)), 4,
		       &r->type) &&
	       q_field(q, q->in, entry_at(i, offsetof(struct kvm_irq_routing_entry, flags)), 4,
		       &r->flags) &&
	       q_field(q, q->in,
		       entry_at(i, offsetof(struct kvm_irq_routing_entry, u.irqchip.irqchip)), 4,
		       &r->chip) &&
	       q_field(q, q->in, entry_at(i, offsetof(struct kvm_irq_routing_entry, u.irqchip.pin)),
		       4, &r->pin) &&
	       q_field(q, q->in,
		       entry_at(i, offsetof(struct kvm_irq_routing_entry, u.msi.address_hi)), 4,
		       &r->address_hi) &&
	       q_field(q, q->in,
		       entry_at(i, offsetof(struct kvm_irq_routing_entry, u.xen_evtchn.priority)),
		       4, &r->priority);
}

/* An entry that no table may hold, by itself. STATE_UNKNOWN: not for this model to say. */
static enum state_tri route_invalid(const struct question *q, const struct route *r)
{
	uint64_t x2apic = 0;
	int32_t hyperv, xen;

	if (r->gsi >= ROUTES_MAX)
		return STATE_YES;
	if (r->flags & ~(r->type == KVM_IRQ_ROUTING_MSI ? (uint64_t)KVM_MSI_VALID_DEVID : 0))
		return STATE_YES;
	switch (r->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		if (q->vm->irqchip == STATE_IRQCHIP_SPLIT || r->chip > KVM_IRQCHIP_IOAPIC)
			return STATE_YES;
		return r->pin >= (r->chip == KVM_IRQCHIP_IOAPIC ? IOAPIC_PINS : PIC_PINS)
			       ? STATE_YES
			       : STATE_NO;
	case KVM_IRQ_ROUTING_MSI:
		if (!(r->address_hi & 0xff))
			return STATE_NO;
		switch (vm_cap_enabled(q->vm, KVM_CAP_X2APIC_API, &x2apic)) {
		case STATE_YES:
			return x2apic & KVM_X2APIC_API_USE_32BIT_IDS ? STATE_YES : STATE_UNKNOWN;
		case STATE_NO:
			return STATE_NO;
		default:
			return STATE_UNKNOWN;
		}
	case KVM_IRQ_ROUTING_HV_SINT:
		/* Kernels can be built without Hyper-V and without Xen. */
		hyperv = q_cap(q, KVM_CAP_HYPERV_SYNIC);
		return hyperv < 0 ? STATE_UNKNOWN : hyperv ? STATE_NO : STATE_YES;
	case KVM_IRQ_ROUTING_XEN_EVTCHN:
		xen = q_cap(q, KVM_CAP_XEN_HVM);
		if (xen < 0)
			return STATE_UNKNOWN;
		if (!(xen & KVM_XEN_HVM_CONFIG_EVTCHN_2LEVEL) || r->priority != XEN_TWO_LEVEL)
			return STATE_YES;
		/* Kernels before 6.16, and of stable series some more, look at the port; how many
		 * there are depends on the guest.  It stands where the chip of other routes does.
		 */
		return r->chip >= XEN_PORTS_LEAST ? STATE_UNKNOWN : STATE_NO;
	default:
		return STATE_YES;
	}
}

/* A GSI has one route to each chip, or one that leads to no chip and is the only one. */
static bool route_taken(const struct state_set *routes, const struct route *r)
{
	for (uint64_t type = KVM_IRQ_ROUTING_MSI; type <= KVM_IRQ_ROUTING_XEN_EVTCHN; type++) {
		if (state_set_find(routes, r->gsi, ROUTE_TYPE + type))
			return true;
	}
	for (uint64_t chip = 0; chip <= KVM_IRQCHIP_IOAPIC; chip++) {
		if ((r->type != KVM_IRQ_ROUTING_IRQCHIP || chip == r->chip) &&
		    state_set_find(routes, r->gsi, chip))
			return true;
	}
	return false;
}

/* The table into `routes`. STATE_YES: it is invalid; STATE_UNKNOWN: it cannot be told. */
static enum state_tri routes_read(struct learn *l, uint64_t nr, struct state_set *routes)
{
	enum state_tri invalid = STATE_NO;
	struct route r;

	for (uint64_t i = 0; i < nr; i++) {
		enum state_tri bad;
		struct state_entry *e;

		if (!route_read(l->q, i, &r))
			return invalid == STATE_YES ? STATE_YES : STATE_UNKNOWN;
		bad = route_invalid(l->q, &r);
		if (bad == STATE_YES)
			return STATE_YES;
		if (bad == STATE_UNKNOWN)
			invalid = STATE_UNKNOWN;
		if (route_taken(routes, &r))
			return STATE_YES;
		e = state_set_add(routes, r.gsi,
				  r.type == KVM_IRQ_ROUTING_IRQCHIP ? r.chip : ROUTE_TYPE + r.type);
		if (!e) {
			l->oom = -ENOMEM;
			return STATE_UNKNOWN;
		}
		e->value[0] = r.pin;
	}
	return invalid;
}

/* api.rst 4.52 */
static void set_gsi_routing(struct judge *j)
{
	struct state_vm *vm = j->vm;
	struct state_set routes = {0};
	enum state_tri invalid;
	uint64_t nr, flags;

	if (j_refuse(j, R_GSI_ROUTING_NEEDS_CHIP, vm_irqchip_is(vm, STATE_IRQCHIP_NONE)))
		return;
	if (!Q_IN(j->q, struct kvm_irq_routing, nr, &nr) ||
	    !Q_IN(j->q, struct kvm_irq_routing, flags, &flags)) {
		vm->routes_known = STATE_UNKNOWN;
		j_skip(j, "argument not captured");
		return;
	}
	if (j_refuse(j, R_GSI_ROUTING_FLAGS, tri(flags)) ||
	    j_refuse(j, R_GSI_ROUTING_ENTRY, tri(nr > ROUTES_MAX)))
		return;
	invalid = routes_read(j->l, nr, &routes);
	if (invalid == STATE_YES && vm->irqchip == STATE_IRQCHIP_UNKNOWN)
		invalid = STATE_UNKNOWN;
	if (j_refuse(j, R_GSI_ROUTING_ENTRY, invalid))
		goto out;
	if (!j_succeeds(j, R_GSI_ROUTING_SUCCEEDS))
		goto out;
	if (invalid == STATE_NO) {
		struct state_set old = vm->routes;

		vm->routes = routes;
		routes = old;
		vm->routes_known = STATE_YES;
	} else {
		vm->routes_known = STATE_UNKNOWN;
	}
out:
	free(routes.entries);
}

/* api.rst 4.71 */
static void signal_msi(struct judge *j)
{
	struct state_vm *vm = j->vm;
	uint64_t flags, high, x2apic = 0;
	uint32_t most = vm_vcpus_most(vm);

	if (j_refuse(j, R_SIGNAL_MSI_NEEDS_CHIP, vm_irqchip_is(vm, STATE_IRQCHIP_NONE)))
		return;
	if (!Q_IN(j->q, struct kvm_msi, flags, &flags) ||
	    !Q_IN(j->q, struct kvm_msi, address_hi, &high)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (j_refuse(j, R_SIGNAL_MSI_FLAGS, tri(flags & ~(uint64_t)KVM_MSI_VALID_DEVID)))
		return;
	/* Once enabled it stays so, whatever came after it. */
	if (high & 0xff && vm_cap_enabled(vm, KVM_CAP_X2APIC_API, &x2apic) != STATE_NO &&
	    j_refuse(j, R_SIGNAL_MSI_FLAGS,
		     x2apic & KVM_X2APIC_API_USE_32BIT_IDS ? STATE_YES : STATE_UNKNOWN))
		return;
	/* What -1 of the documents reads as when nobody took the message. */
	j_may_fail(j, R_SIGNAL_MSI_NOBODY);
	if (j_succeeds_value(j, R_SIGNAL_MSI_DELIVERED) && most != UINT32_MAX)
		j_check(j, R_SIGNAL_MSI_DELIVERED, j->ret->ret <= (int64_t)(most ? most : 1),
			"no more than there are processors", "%lld", (long long)j->ret->ret);
}

/* --- PIT ------------------------------------------------------------------------------------- */

#define CHANNELS     3
#define CHANNEL_SIZE sizeof(struct kvm_pit_channel_state)

/* How kvm_create_pit() leaves the channels. */
static void pit_reset(struct learn *l)
{
	struct state_block *b = &l->vm->blocks[STATE_PIT];
	struct kvm_pit_state2 s;
	uint8_t bytes[sizeof(s)];

	memset(bytes, 0, sizeof(bytes));
	for (unsigned int i = 0; i < CHANNELS; i++) {
		uint8_t *c = bytes + i * CHANNEL_SIZE;

		c[offsetof(struct kvm_pit_channel_state, count) + 2] =
			1; /* 0x10000, little-endian */
		c[offsetof(struct kvm_pit_channel_state, mode)] = 0xff;
		c[offsetof(struct kvm_pit_channel_state, gate)] = i != 2;
	}
	if (state_block_set(b, 0, bytes, sizeof(bytes)))
		l->oom = -ENOMEM;
	for (unsigned int i = 0; i < CHANNELS; i++)
		state_block_forget_range(
			b,
			i * CHANNEL_SIZE + offsetof(struct kvm_pit_channel_state, count_load_time),
			8);
	/* A guest that runs may have programmed it by now. */
	if (q_vm_ran(l->q))
		state_block_forget(b);
	l->vm->scratch[VM_SCRATCH_PIT_RESET] = 1;
	l->vm->scratch[VM_SCRATCH_PIT_SANE] = 1;
}

static void pit_created(struct judge *j, uint16_t succeeds)
{
	struct state_vm *vm = j->vm;
	enum state_tri lacks;

	vm_chips_may_lack(j);
	if (j_refuse(j, R_CREATE_PIT_ONCE, vm->pit))
		return;
	lacks = tri_not(vm_irqchip_is(vm, STATE_IRQCHIP_KERNEL));
	/* Kernels up to 6.1 or so let it be. */
	if (lacks == STATE_YES && q_kernel(j->q) < MODEL_KERNEL(6, 12))
		lacks = STATE_UNKNOWN;
	if (j_refuse(j, R_CREATE_PIT_NEEDS_CHIP, lacks))
		return;
	if (!j_succeeds(j, succeeds))
		return;
	vm->pit = STATE_YES;
	pit_reset(j->l);
}

/* api.rst 4.71 */
static void create_pit2(struct judge *j)
{
	uint64_t flags = 0;

	Q_IN(j->q, struct kvm_pit_config, flags, &flags);
	pit_created(j, flags & ~(uint64_t)KVM_PIT_SPEAKER_DUMMY ? R_CREATE_PIT_FLAGS
								: R_CREATE_PIT_SUCCEEDS);
}

static void create_pit(struct judge *j)
{
	pit_created(j, R_CREATE_PIT_SUCCEEDS);
}

#define PIT_FLAGS ((uint64_t)(KVM_PIT_FLAGS_HPET_LEGACY | KVM_PIT_FLAGS_SPEAKER_DATA_ON))

/* The first channel with values that no i8254 has, -1 = none. */
static int pit_odd_channel(const struct question *q, const struct tape_part *part)
{
	static const struct {
		size_t at;
		uint8_t most;
	} limits[] = {
		{offsetof(struct kvm_pit_channel_state, count_latched), 4},
		{offsetof(struct kvm_pit_channel_state, status_latched), 1},
		{offsetof(struct kvm_pit_channel_state, read_state), 4},
		{offsetof(struct kvm_pit_channel_state, write_state), 4},
		{offsetof(struct kvm_pit_channel_state, rw_mode), 4},
		{offsetof(struct kvm_pit_channel_state, bcd), 1},
		{offsetof(struct kvm_pit_channel_state, gate), 1},
	};
	uint64_t v;

	for (int i = 0; i < CHANNELS; i++) {
		size_t at = i * CHANNEL_SIZE;

		if (q_field(q, part, at + offsetof(struct kvm_pit_channel_state, count), 4, &v) &&
		    v > 0x10000)
			return i;
		if (q_field(q, part, at + offsetof(struct kvm_pit_channel_state, mode), 1, &v) &&
		    v > 5 && v != 0xff)
			return i;
		for (size_t k = 0; k < sizeof(limits) / sizeof(limits[0]); k++) {
			if (q_field(q, part, at + limits[k].at, 1, &v) && v > limits[k].most)
				return i;
		}
	}
	return -1;
}

static bool pit_there(struct judge *j, uint16_t succeeds)
{
	vm_chips_may_lack(j);
	if (j_refuse(j, R_PIT_STATE_NEEDS_PIT, tri_not(j->vm->pit)))
		return false;
	return j_succeeds(j, succeeds);
}

static void pit_get(struct judge *j, uint32_t size)
{
	struct state_vm *vm = j->vm;
	uint64_t flags;
	int odd;

	if (!pit_there(j, R_GET_PIT_SUCCEEDS))
		return;
	j_block_get(j,
		    vm->scratch[VM_SCRATCH_PIT_RESET] ? R_GET_PIT_AFTER_CREATE
						      : R_GET_PIT_READS_BACK,
		    &vm->blocks[STATE_PIT], j->out, 0, size);
	vm->scratch[VM_SCRATCH_PIT_RESET] = 0;
	if (vm->scratch[VM_SCRATCH_PIT_SANE]) {
		odd = pit_odd_channel(j->q, j->out);
		j_keeps(j, R_GET_PIT_VALUES, odd < 0, "values that an i8254 has",
			"channel %d has others", odd);
		if (size == sizeof(struct kvm_pit_state2) &&
		    J_OUT(j, struct kvm_pit_state2, flags, &flags))
			j_check(j, R_GET_PIT_FLAGS, !(flags & ~PIT_FLAGS), "flags that are defined",
				"flags = 0x%llx", (unsigned long long)flags);
	}
	for (size_t i = 0; size == sizeof(struct kvm_pit_state2) && i < 9; i++) {
		uint64_t zero;

		if (q_field(j->q, j->out, offsetof(struct kvm_pit_state2, reserved) + 4 * i, 4,
			    &zero))
			j_keeps(j, R_GET_PIT_RESERVED, !zero, "reserved words of zero",
				"reserved[%zu] = 0x%llx", i, (unsigned long long)zero);
	}
}

static void pit_set(struct judge *j, uint32_t size)
{
	struct state_block *b = &j->vm->blocks[STATE_PIT];
	uint64_t flags;

	if (!pit_there(j, R_SET_PIT_SUCCEEDS))
		return;
	j->vm->scratch[VM_SCRATCH_PIT_RESET] = 0;
	if (!j->q->in || j->q->in->have < size || pit_odd_channel(j->q, j->q->in) >= 0 ||
	    (q_field(j->q, j->q->in, offsetof(struct kvm_pit_state2, flags), 4, &flags) &&
	     flags & ~PIT_FLAGS))
		j->vm->scratch[VM_SCRATCH_PIT_SANE] = 0;
	/* The obsolete form leaves the flags alone. */
	if (!j->q->in || j->q->in->have < size || q_vm_ran(j->q))
		state_block_forget(b);
	else if (state_block_set(b, 0, j->q->in->data, size))
		j->oom = -ENOMEM;
	if (b->size < CHANNELS * CHANNEL_SIZE)
		return;
	for (unsigned int i = 0; i < CHANNELS; i++) {
		size_t at = i * CHANNEL_SIZE;

		/* Counting starts anew, and a count of 0 is one of 65536. */
		state_block_forget_range(
			b, (uint32_t)(at + offsetof(struct kvm_pit_channel_state, count_load_time)),
			8);
		if (state_block_known(b, (uint32_t)at, 4) && !q_number(j->q, b->value + at, 4))
			b->value[at + 2] = 1;
	}
	/* Reserved words come back as zero whatever was given. */
	if (size == sizeof(struct kvm_pit_state2) && b->size >= size)
		state_block_forget_range(b, offsetof(struct kvm_pit_state2, reserved), 36);
}

/* api.rst 4.72 */
static void get_pit2(struct judge *j)
{
	pit_get(j, sizeof(struct kvm_pit_state2));
}

/* api.rst 4.73 */
static void set_pit2(struct judge *j)
{
	pit_set(j, sizeof(struct kvm_pit_state2));
}

static void get_pit(struct judge *j)
{
	pit_get(j, sizeof(struct kvm_pit_state));
}

static void set_pit(struct judge *j)
{
	pit_set(j, sizeof(struct kvm_pit_state));
}

/* api.rst 4.99 */
static void reinject_control(struct judge *j)
{
	vm_chips_may_lack(j);
	if (j_refuse(j, R_REINJECT_NEEDS_PIT, tri_not(j->vm->pit)))
		return;
	j_succeeds(j, R_REINJECT_SUCCEEDS);
}

const struct judge_handler model_irqchip_handlers[] = {
	{"KVM_CREATE_IRQCHIP", KVMAPI_VM, .judge = create_irqchip},
	{"KVM_IRQ_LINE", KVMAPI_VM, .judge = irq_line},
	{"KVM_IRQ_LINE_STATUS", KVMAPI_VM, .judge = irq_line_status},
	{"KVM_GET_IRQCHIP", KVMAPI_VM, .judge = get_irqchip},
	{"KVM_SET_IRQCHIP", KVMAPI_VM, .judge = set_irqchip},
	{"KVM_SET_GSI_ROUTING", KVMAPI_VM, .judge = set_gsi_routing},
	{"KVM_SIGNAL_MSI", KVMAPI_VM, .judge = signal_msi},
	{"KVM_CREATE_PIT", KVMAPI_VM, .judge = create_pit},
	{"KVM_CREATE_PIT2", KVMAPI_VM, .judge = create_pit2},
	{"KVM_GET_PIT", KVMAPI_VM, .judge = get_pit},
	{"KVM_SET_PIT", KVMAPI_VM, .judge = set_pit},
	{"KVM_GET_PIT2", KVMAPI_VM, .judge = get_pit2},
	{"KVM_SET_PIT2", KVMAPI_VM, .judge = set_pit2},
	{"KVM_REINJECT_CONTROL", KVMAPI_VM, .judge = reinject_control},
	{NULL, 0, .judge = NULL},
};
