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
#include "model/areas/vm.h"

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

/* Kernels can be built without IOAPIC, PIC and PIT: then their calls are unknown requests. */
static void a_chips_may_lack(struct answer *a)
{
	if (q_cap(a->q, KVM_CAP_IRQCHIP) == 0)
		a_may_fail(a, R_UNKNOWN_REQUEST_ENOTTY);
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
		l->vm->chip_reset |= 1 << chip;
	}
}

/* api.rst 4.24 */
static void answer_create_irqchip(const struct question *q, struct answer *a)
{
	const struct state_vm *vm = q->vm;

	a_chips_may_lack(a);
	if (a_refuse(a, R_CREATE_IRQCHIP_ONCE, tri_not(vm_irqchip_is(vm, STATE_IRQCHIP_NONE))))
		return;
	/* VMs whose end of interrupt is protected, which type 0 is not. */
	if (vm_typed(q))
		a_may_fail(a, R_UNKNOWN_REQUEST_ENOTTY);
	if (a_refuse(a, R_CREATE_IRQCHIP_BEFORE_VCPUS, vm->has_vcpus))
		return;
	a_succeeds(a, R_CREATE_IRQCHIP_SUCCEEDS);
}

static void learn_create_irqchip(struct learn *l)
{
	if (!l->succeeded)
		return;
	l->vm->irqchip = STATE_IRQCHIP_KERNEL;
	default_routes(l);
	chips_reset(l);
}

/* --- lines ----------------------------------------------------------------------------------- */

/* How many vCPUs the VM has at most that the model knows of; UINT32_MAX if there may be others. */
static uint32_t vcpus_most(const struct state_vm *vm)
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

/* False: the answer is whole. */
static bool irq_line_call(const struct question *q, struct answer *a)
{
	if (a_refuse(a, R_IRQ_LINE_NEEDS_CHIP, vm_irqchip_is(q->vm, STATE_IRQCHIP_NONE)))
		return false;
	a_succeeds(a, R_IRQ_LINE_SUCCEEDS);
	return true;
}

/* api.rst 4.25 */
static void answer_irq_line(const struct question *q, struct answer *a)
{
	irq_line_call(q, a);
}

struct line {
	uint64_t gsi, level;
	struct leads leads;
};

static bool line_read(const struct question *q, struct line *line)
{
	if (!Q_IN(q, struct kvm_irq_level, irq, &line->gsi) ||
	    !Q_IN(q, struct kvm_irq_level, level, &line->level))
		return false;
	line->leads = gsi_leads(q->vm, line->gsi);
	return true;
}

/* The highest status that the line may have. */
static int32_t line_status_most(const struct question *q, const struct line *line)
{
	const struct leads *l = &line->leads;
	uint32_t most = vcpus_most(q->vm);

	if (most == UINT32_MAX)
		most = 4096;
	/* An IOAPIC counts a line that goes down as delivered, even when there is no processor. */
	if (!line->level && !most && (l->ioapic || !l->known))
		most = 1;
	/* A PIC counts for one; where a route leads to processors, it may be to all of them. */
	if (l->known && !l->other)
		most = (l->ioapic || l->msi ? most : 0) + l->pics;
	else
		most += 2;
	return (int32_t)most;
}

/* The status is a number with a sign.  False: it was not captured, or the line was not. */
static bool line_status_read(const struct question *q, struct judge *j, struct line *line,
			     int32_t *status)
{
	uint64_t raw;

	if (!line_read(q, line) || !J_OUT(j, struct kvm_irq_level, status, &raw))
		return false;
	*status = (int32_t)raw;
	return true;
}

static void check_line_status(const struct question *q, struct judge *j)
{
	int32_t status;
	struct line line;

	if (!line_status_read(q, j, &line, &status))
		return;
	j_keeps(j, R_IRQ_LINE_STATUS_RANGE, status >= -1 && status <= line_status_most(q, &line),
		"-1, or no more than the processors and the PICs", "status = %d", status);
}

/* A line that goes down, and leads to PICs alone. */
static void check_pics_lowered(const struct question *q, struct judge *j)
{
	int32_t status;
	struct line line;

	if (!line_status_read(q, j, &line, &status))
		return;
	j_keeps(j, R_IRQ_LINE_STATUS_LOWERED,
		status == -1 || (status >= 1 && status <= line.leads.pics),
		"status 1 for each PIC, or -1", "status = %d", status);
}

static void line_status(struct answer *a, uint16_t rule, int32_t status)
{
	a_equal(a, rule, "status", (uint32_t)status, TAPE_ARG_OUT,
		offsetof(struct kvm_irq_level, status), 4);
	a_aside(a);
}

/* A line that goes down: an MSI ignores it, an IOAPIC answers 1, each PIC 1 or (masked) -1. */
static void answer_lowered(struct answer *a, const struct leads *l)
{
	const size_t at = offsetof(struct kvm_irq_level, status);

	if (l->ioapic && l->pics) {
		a_range(a, R_IRQ_LINE_STATUS_LOWERED, "status 1, and 1 more for each PIC", 1,
			1 + l->pics, TAPE_ARG_OUT, at, 4);
		a_aside(a);
	} else if (l->ioapic) {
		line_status(a, R_IRQ_LINE_STATUS_LOWERED, 1);
	} else if (l->pics) {
		a_constrained(a, R_IRQ_LINE_STATUS_LOWERED, TAPE_ARG_OUT, at, 4);
		a_suggest(a, TAPE_ARG_OUT, at, 4, 1);
		a_check(a, check_pics_lowered);
	} else {
		line_status(a, R_IRQ_LINE_STATUS_LOWERED, -1);
	}
}

/*
 * No section of its own; uapi/kvm.h has the two fields, and what the status means stands beside
 * kvm_set_irq(): below 0 = ignored, 0 = coalesced, else how many processors it went to, added up
 * over the chips of the GSI.
 */
static void answer_irq_line_status(const struct question *q, struct answer *a)
{
	struct line line;
	const struct leads *l = &line.leads;

	if (!irq_line_call(q, a) || !line_read(q, &line))
		return;
	A_EQUAL(a, R_IRQ_LINE_LEVEL_KEPT, struct kvm_irq_level, level, line.level);
	a_constrained(a, R_IRQ_LINE_STATUS_RANGE, TAPE_ARG_OUT,
		      offsetof(struct kvm_irq_level, status), 4);
	if (l->known && !l->pics && !l->ioapic && !l->msi && !l->other) {
		line_status(a, R_IRQ_LINE_STATUS_UNROUTED, -1);
		return;
	}
	A_SUGGEST(a, struct kvm_irq_level, status, 0);
	a_check(a, check_line_status);
	/* Timer and resampled irqfds drive lines of their own, which may still be up. */
	if (l->known && !line.level && !l->other && line.gsi != 0 && line.gsi != 2 &&
	    !q->vm->irqfds.count && !q->vm->irqfds.open)
		answer_lowered(a, l);
}

/* --- state of the chips ---------------------------------------------------------------------- */

/* What GET and SET have in common; false: the answer is whole. */
static bool irqchip_call(const struct question *q, struct answer *a, uint16_t succeeds,
			 uint64_t *chip)
{
	a_chips_may_lack(a);
	if (a_refuse(a, R_IRQCHIP_STATE_NEEDS_CHIP,
		     tri_not(vm_irqchip_is(q->vm, STATE_IRQCHIP_KERNEL))))
		return false;
	if (!Q_IN(q, struct kvm_irqchip, chip_id, chip)) {
		a_skip(a, "argument not captured");
		return false;
	}
	if (a_refuse(a, R_IRQCHIP_STATE_CHIP_ID, tri(*chip > KVM_IRQCHIP_IOAPIC)))
		return false;
	a_succeeds(a, succeeds);
	return true;
}

/* What is learned after both; false: nothing more is. */
static bool learn_irqchip_call(struct learn *l, uint64_t *chip)
{
	if (vm_irqchip_is(l->vm, STATE_IRQCHIP_KERNEL) == STATE_NO)
		return false;
	if (!Q_IN(l->q, struct kvm_irqchip, chip_id, chip)) {
		for (unsigned int i = STATE_PIC_MASTER; i <= STATE_IOAPIC; i++)
			state_block_forget(&l->vm->blocks[i]);
		return false;
	}
	return l->succeeded;
}

/* api.rst 4.26 */
static void answer_get_irqchip(const struct question *q, struct answer *a)
{
	const struct state_vm *vm = q->vm;
	uint64_t chip;
	size_t end;

	if (!irqchip_call(q, a, R_GET_IRQCHIP_SUCCEEDS, &chip))
		return;
	end = chip_at + chip_size(chip);
	A_EQUAL(a, R_GET_IRQCHIP_ID_KEPT, struct kvm_irqchip, chip_id, chip);
	a_block(a,
		vm->chip_reset >> chip & 1 ? R_GET_IRQCHIP_AFTER_CREATE : R_GET_IRQCHIP_READS_BACK,
		&vm->blocks[STATE_PIC_MASTER + chip], TAPE_ARG_OUT, chip_at, chip_size(chip));
	a_kept(a, R_GET_IRQCHIP_REST_KEPT, "the rest of the buffer", end,
	       sizeof(struct kvm_irqchip) - end);
	a_aside(a);
}

static void learn_get_irqchip(struct learn *l)
{
	struct state_block *b;
	uint64_t chip, after;

	if (!learn_irqchip_call(l, &chip))
		return;
	/* What came back is the state of another chip. */
	if (L_OUT(l, struct kvm_irqchip, chip_id, &after) && after != chip)
		return;
	b = &l->vm->blocks[STATE_PIC_MASTER + chip];
	l_block_get(l, b, l->out, (uint32_t)chip_at, chip_size(chip));
	l->vm->chip_reset &= ~(1ull << chip);
	forget_volatile(b, chip);
}

/* api.rst 4.27 */
static void answer_set_irqchip(const struct question *q, struct answer *a)
{
	uint64_t chip;

	irqchip_call(q, a, R_SET_IRQCHIP_SUCCEEDS, &chip);
}

static void learn_set_irqchip(struct learn *l)
{
	struct state_block *b;
	uint64_t chip;

	if (!learn_irqchip_call(l, &chip))
		return;
	b = &l->vm->blocks[STATE_PIC_MASTER + chip];
	l->vm->chip_reset &= ~(1ull << chip);
	/* From `chip_at` of the part to the beginning of the block. */
	l_block_set(l, b, l->q->in, (uint32_t)chip_at, chip_size(chip));
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
static enum state_tri routes_take(const struct question *q, uint64_t nr, struct state_set *routes,
				  int *oom)
{
	enum state_tri invalid = STATE_NO;
	struct route r;

	for (uint64_t i = 0; i < nr; i++) {
		enum state_tri bad;
		struct state_entry *e;

		if (!route_read(q, i, &r))
			return invalid == STATE_YES ? STATE_YES : STATE_UNKNOWN;
		bad = route_invalid(q, &r);
		if (bad == STATE_YES)
			return STATE_YES;
		if (bad == STATE_UNKNOWN)
			invalid = STATE_UNKNOWN;
		if (route_taken(routes, &r))
			return STATE_YES;
		e = state_set_add(routes, r.gsi,
				  r.type == KVM_IRQ_ROUTING_IRQCHIP ? r.chip : ROUTE_TYPE + r.type);
		if (!e) {
			*oom = -ENOMEM;
			return STATE_UNKNOWN;
		}
		e->value[0] = r.pin;
	}
	return invalid;
}

static enum state_tri routes_read(const struct question *q, uint64_t nr, struct state_set *routes,
				  int *oom)
{
	const enum state_tri invalid = routes_take(q, nr, routes, oom);

	return invalid == STATE_YES && q->vm->irqchip == STATE_IRQCHIP_UNKNOWN ? STATE_UNKNOWN
									       : invalid;
}

/* api.rst 4.52 */
static void answer_set_gsi_routing(const struct question *q, struct answer *a)
{
	struct state_set routes = {0};
	enum state_tri invalid;
	uint64_t nr, flags;

	if (a_refuse(a, R_GSI_ROUTING_NEEDS_CHIP, vm_irqchip_is(q->vm, STATE_IRQCHIP_NONE)))
		return;
	if (!Q_IN(q, struct kvm_irq_routing, nr, &nr) ||
	    !Q_IN(q, struct kvm_irq_routing, flags, &flags)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (a_refuse(a, R_GSI_ROUTING_FLAGS, tri(flags)) ||
	    a_refuse(a, R_GSI_ROUTING_ENTRY, tri(nr > ROUTES_MAX)))
		return;
	invalid = routes_read(q, nr, &routes, &a->oom);
	free(routes.entries);
	if (a_refuse(a, R_GSI_ROUTING_ENTRY, invalid))
		return;
	a_succeeds(a, R_GSI_ROUTING_SUCCEEDS);
}

static void learn_set_gsi_routing(struct learn *l)
{
	struct state_vm *vm = l->vm;
	struct state_set routes = {0};
	uint64_t nr, flags;

	if (vm->irqchip == STATE_IRQCHIP_NONE)
		return;
	if (!Q_IN(l->q, struct kvm_irq_routing, nr, &nr) ||
	    !Q_IN(l->q, struct kvm_irq_routing, flags, &flags)) {
		vm->routes_known = STATE_UNKNOWN;
		return;
	}
	if (!l->succeeded)
		return;
	if (routes_read(l->q, nr, &routes, &l->oom) == STATE_NO) {
		free(vm->routes.entries);
		vm->routes = routes;
		vm->routes_known = STATE_YES;
	} else {
		free(routes.entries);
		vm->routes_known = STATE_UNKNOWN;
	}
}

/* api.rst 4.71 */
static void answer_signal_msi(const struct question *q, struct answer *a)
{
	const struct state_vm *vm = q->vm;
	uint64_t flags, high, x2apic = 0;
	uint32_t most = vcpus_most(vm);

	if (a_refuse(a, R_SIGNAL_MSI_NEEDS_CHIP, vm_irqchip_is(vm, STATE_IRQCHIP_NONE)))
		return;
	if (!Q_IN(q, struct kvm_msi, flags, &flags) ||
	    !Q_IN(q, struct kvm_msi, address_hi, &high)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (a_refuse(a, R_SIGNAL_MSI_FLAGS, tri(flags & ~(uint64_t)KVM_MSI_VALID_DEVID)))
		return;
	/* Once enabled it stays so, whatever came after it. */
	if (high & 0xff && vm_cap_enabled(vm, KVM_CAP_X2APIC_API, &x2apic) != STATE_NO &&
	    a_refuse(a, R_SIGNAL_MSI_FLAGS,
		     x2apic & KVM_X2APIC_API_USE_32BIT_IDS ? STATE_YES : STATE_UNKNOWN))
		return;
	/* What -1 of the documents reads as when nobody took the message. */
	a_may_fail(a, R_SIGNAL_MSI_NOBODY);
	a_succeeds_value(a, R_SIGNAL_MSI_DELIVERED);
	if (most != UINT32_MAX)
		a_result_range(a, R_SIGNAL_MSI_DELIVERED, "no more than there are processors", 0,
			       most ? most : 1);
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
	l->vm->pit_reset = true;
	l->vm->pit_sane = true;
}

static void pit_creation(const struct question *q, struct answer *a, uint16_t succeeds)
{
	const struct state_vm *vm = q->vm;
	enum state_tri lacks = tri_not(vm_irqchip_is(vm, STATE_IRQCHIP_KERNEL));

	a_chips_may_lack(a);
	if (a_refuse(a, R_CREATE_PIT_ONCE, vm->pit))
		return;
	if (lacks == STATE_YES && q_changed(q, CHANGE_PIT_LOOKS_FOR_CHIPS) != STATE_YES)
		lacks = STATE_UNKNOWN;
	if (a_refuse(a, R_CREATE_PIT_NEEDS_CHIP, lacks))
		return;
	a_succeeds(a, succeeds);
}

/* api.rst 4.71 */
static void answer_create_pit2(const struct question *q, struct answer *a)
{
	uint64_t flags = 0;

	Q_IN(q, struct kvm_pit_config, flags, &flags);
	pit_creation(q, a,
		     flags & ~(uint64_t)KVM_PIT_SPEAKER_DUMMY ? R_CREATE_PIT_FLAGS
							      : R_CREATE_PIT_SUCCEEDS);
}

static void answer_create_pit(const struct question *q, struct answer *a)
{
	pit_creation(q, a, R_CREATE_PIT_SUCCEEDS);
}

static void learn_create_pit(struct learn *l)
{
	if (!l->succeeded)
		return;
	l->vm->pit = STATE_YES;
	pit_reset(l);
}

#define PIT_FLAGS ((uint64_t)(KVM_PIT_FLAGS_HPET_LEGACY | KVM_PIT_FLAGS_SPEAKER_DATA_ON))

#define PIT_AT(member) offsetof(struct kvm_pit_channel_state, member)

/* Fields of a channel, and the highest value that an i8254 has in them. */
static const struct {
	size_t at;
	uint8_t width;
	uint32_t most;
	const char *expected;
} pit_fields[] = {
	{PIT_AT(count), 4, 0x10000, "count: 0x10000 at most"},
	{PIT_AT(count_latched), 1, 4, "count_latched: 4 at most"},
	{PIT_AT(status_latched), 1, 1, "status_latched: 1 at most"},
	{PIT_AT(read_state), 1, 4, "read_state: 4 at most"},
	{PIT_AT(write_state), 1, 4, "write_state: 4 at most"},
	{PIT_AT(rw_mode), 1, 4, "rw_mode: 4 at most"},
	{PIT_AT(bcd), 1, 1, "bcd: 1 at most"},
	{PIT_AT(gate), 1, 1, "gate: 1 at most"},
};
#define PIT_FIELDS   (sizeof(pit_fields) / sizeof(pit_fields[0]))
#define PIT_MODE(ch) ((ch)*CHANNEL_SIZE + PIT_AT(mode))

static bool pit_mode_odd(const struct question *q, const struct tape_part *part, int channel)
{
	uint64_t v;

	return q_field(q, part, PIT_MODE(channel), 1, &v) && v > 5 && v != 0xff;
}

/* A channel has values that no i8254 has. */
static bool pit_odd(const struct question *q, const struct tape_part *part)
{
	uint64_t v;

	for (int i = 0; i < CHANNELS; i++) {
		if (pit_mode_odd(q, part, i))
			return true;
		for (size_t k = 0; k < PIT_FIELDS; k++) {
			if (q_field(q, part, i * CHANNEL_SIZE + pit_fields[k].at,
				    pit_fields[k].width, &v) &&
			    v > pit_fields[k].most)
				return true;
		}
	}
	return false;
}

/* Modes are numbers up to 5, or that of a channel without one. */
static void check_pit_modes(const struct question *q, struct judge *j)
{
	int odd = 0;

	while (odd < CHANNELS && !pit_mode_odd(q, j->out, odd))
		odd++;
	j_keeps(j, R_GET_PIT_VALUES, odd == CHANNELS, "modes that an i8254 has",
		"channel %d has another", odd);
}

/* The values of the channels are those of an i8254. */
static void pit_values(struct answer *a)
{
	for (int i = 0; i < CHANNELS; i++) {
		for (size_t k = 0; k < PIT_FIELDS; k++) {
			a_range(a, R_GET_PIT_VALUES, pit_fields[k].expected, 0, pit_fields[k].most,
				TAPE_ARG_OUT, i * CHANNEL_SIZE + pit_fields[k].at,
				pit_fields[k].width);
			a_aside(a);
		}
		a_constrained(a, R_GET_PIT_VALUES, TAPE_ARG_OUT, PIT_MODE(i), 1);
	}
	a_check(a, check_pit_modes);
}

/* False: the answer is whole. */
static bool pit_there(const struct question *q, struct answer *a, uint16_t succeeds)
{
	a_chips_may_lack(a);
	if (a_refuse(a, R_PIT_STATE_NEEDS_PIT, tri_not(q->vm->pit)))
		return false;
	a_succeeds(a, succeeds);
	return true;
}

/* What both forms have; false: the answer is whole. */
static bool pit_get(const struct question *q, struct answer *a, size_t size)
{
	const struct state_vm *vm = q->vm;

	if (!pit_there(q, a, R_GET_PIT_SUCCEEDS))
		return false;
	for (int i = 0; i < CHANNELS; i++)
		a_suggest(a, TAPE_ARG_OUT, PIT_MODE(i), 1, 0);
	a_block(a, vm->pit_reset ? R_GET_PIT_AFTER_CREATE : R_GET_PIT_READS_BACK,
		&vm->blocks[STATE_PIT], TAPE_ARG_OUT, 0, size);
	if (vm->pit_sane)
		pit_values(a);
	return true;
}

static void pit_learn_get(struct learn *l, uint32_t size)
{
	if (!l->succeeded)
		return;
	l_block_get(l, &l->vm->blocks[STATE_PIT], l->out, 0, size);
	l->vm->pit_reset = false;
}

static void pit_learn_set(struct learn *l, uint32_t size)
{
	struct state_block *b = &l->vm->blocks[STATE_PIT];
	const struct tape_part *in = l->q->in;
	const bool whole = in && in->have >= size;
	uint64_t flags;

	if (!l->succeeded)
		return;
	l->vm->pit_reset = false;
	if (!whole || pit_odd(l->q, in) ||
	    (Q_IN(l->q, struct kvm_pit_state2, flags, &flags) && flags & ~PIT_FLAGS))
		l->vm->pit_sane = false;
	/* The obsolete form leaves the flags alone. */
	if (!whole || q_vm_ran(l->q))
		state_block_forget(b);
	else if (state_block_set(b, 0, in->data, size))
		l->oom = -ENOMEM;
	if (b->size < CHANNELS * CHANNEL_SIZE)
		return;
	for (unsigned int i = 0; i < CHANNELS; i++) {
		size_t at = i * CHANNEL_SIZE;

		/* Counting starts anew, and a count of 0 is one of 65536. */
		state_block_forget_range(
			b, (uint32_t)(at + offsetof(struct kvm_pit_channel_state, count_load_time)),
			8);
		if (state_block_known(b, (uint32_t)at, 4) && !q_number(l->q, b->value + at, 4))
			b->value[at + 2] = 1;
	}
	/* Reserved words come back as zero whatever was given. */
	if (size == sizeof(struct kvm_pit_state2) && b->size >= size)
		state_block_forget_range(b, offsetof(struct kvm_pit_state2, reserved), 36);
}

/* api.rst 4.72 */
static void answer_get_pit2(const struct question *q, struct answer *a)
{
	if (!pit_get(q, a, sizeof(struct kvm_pit_state2)))
		return;
	if (q->vm->pit_sane)
		a_bits(a, R_GET_PIT_FLAGS, "flags that are not defined", 0, ~PIT_FLAGS,
		       TAPE_ARG_OUT, offsetof(struct kvm_pit_state2, flags), 4);
	a_zero(a, R_GET_PIT_RESERVED, "reserved words", TAPE_ARG_OUT,
	       offsetof(struct kvm_pit_state2, reserved), 36);
	a_aside(a);
}

static void learn_get_pit2(struct learn *l)
{
	pit_learn_get(l, sizeof(struct kvm_pit_state2));
}

/* api.rst 4.73; the obsolete form, too */
static void answer_set_pit(const struct question *q, struct answer *a)
{
	pit_there(q, a, R_SET_PIT_SUCCEEDS);
}

static void learn_set_pit2(struct learn *l)
{
	pit_learn_set(l, sizeof(struct kvm_pit_state2));
}

static void answer_get_pit(const struct question *q, struct answer *a)
{
	pit_get(q, a, sizeof(struct kvm_pit_state));
}

static void learn_get_pit(struct learn *l)
{
	pit_learn_get(l, sizeof(struct kvm_pit_state));
}

static void learn_set_pit(struct learn *l)
{
	pit_learn_set(l, sizeof(struct kvm_pit_state));
}

/* api.rst 4.99 */
static void answer_reinject_control(const struct question *q, struct answer *a)
{
	a_chips_may_lack(a);
	if (!a_refuse(a, R_REINJECT_NEEDS_PIT, tri_not(q->vm->pit)))
		a_succeeds(a, R_REINJECT_SUCCEEDS);
}

const struct handler model_irqchip_handlers[] = {
	{"KVM_CREATE_IRQCHIP", KVMAPI_VM, .answer = answer_create_irqchip,
	 .learn = learn_create_irqchip},
	{"KVM_IRQ_LINE", KVMAPI_VM, .answer = answer_irq_line},
	{"KVM_IRQ_LINE_STATUS", KVMAPI_VM, .answer = answer_irq_line_status},
	{"KVM_GET_IRQCHIP", KVMAPI_VM, .answer = answer_get_irqchip, .learn = learn_get_irqchip},
	{"KVM_SET_IRQCHIP", KVMAPI_VM, .answer = answer_set_irqchip, .learn = learn_set_irqchip},
	{"KVM_SET_GSI_ROUTING", KVMAPI_VM, .answer = answer_set_gsi_routing,
	 .learn = learn_set_gsi_routing},
	{"KVM_SIGNAL_MSI", KVMAPI_VM, .answer = answer_signal_msi},
	{"KVM_CREATE_PIT", KVMAPI_VM, .answer = answer_create_pit, .learn = learn_create_pit},
	{"KVM_CREATE_PIT2", KVMAPI_VM, .answer = answer_create_pit2, .learn = learn_create_pit},
	{"KVM_GET_PIT", KVMAPI_VM, .answer = answer_get_pit, .learn = learn_get_pit},
	{"KVM_SET_PIT", KVMAPI_VM, .answer = answer_set_pit, .learn = learn_set_pit},
	{"KVM_GET_PIT2", KVMAPI_VM, .answer = answer_get_pit2, .learn = learn_get_pit2},
	{"KVM_SET_PIT2", KVMAPI_VM, .answer = answer_set_pit, .learn = learn_set_pit2},
	{"KVM_REINJECT_CONTROL", KVMAPI_VM, .answer = answer_reinject_control},
	{NULL, 0, .answer = NULL},
};
