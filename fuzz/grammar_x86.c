/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Legal arguments for the ioctls of x86, as far as more is to be said than the types of fields:
 * Documentation/virt/kvm/api.rst and devices/, by the sections that kvm_ioctls.def names.  Compiled
 * against the UAPI headers of x86.
 */
#include <string.h>

#include "kvmapi/kvm_newer.h"
#include "fuzz/grammar.h"

#define ARRAY_COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))
#define PAGE		    0x1000ull

static const uint32_t msrs[] = {
#define MSR(index_, name_) index_,
#include "kvmapi/msrs.def"
#undef MSR
	/* At the ends of ranges, and of nobody. */
	0x200,	    0x20f,	0x210,	    0x2ff,	0x400,	    0x403,	0x47f,
	0x480,	    0x491,	0x800,	    0x802,	0x8ff,	    0xc0010200, 0xc001029b,
	0x40000001, 0x400000b0, 0x4b564dff, 0x12345678, 0xffffffff, 0,
};

/* What makes a difference in a register of the processor. */
static uint64_t wide(struct fuzz_rng *rng)
{
	return FUZZ_PICK(rng, 0, 1, 0xff, 0x1234, 0xffff, 0x80000000, 0xffffffff, 0x100000000,
			 0x7fffffffffff, 0x800000000000, 0xffff800000000000, 0x123456789abcdef0,
			 0x8000000000000000, 0xffffffffffffffff, fuzz_rng_next(rng));
}

static bool chance(struct fuzz_making *g, uint32_t of)
{
	return fuzz_rng_one_in(g->rng, of);
}

/* --- guest memory ----------------------------------------------------------------------------- */

static uint64_t guest_address(struct fuzz_making *g)
{
	const uint8_t *region =
		chance(g, 2) ? NULL
			     : fuzz_grammar_before(g, "KVM_SET_USER_MEMORY_REGION",
						   sizeof(struct kvm_userspace_memory_region));
	struct kvm_userspace_memory_region r;

	if (region) {
		memcpy(&r, region, sizeof(r));
		return r.guest_phys_addr +
		       FUZZ_PICK(g->rng, 0, 0, PAGE, r.memory_size - PAGE, r.memory_size);
	}
	return FUZZ_PICK(g->rng, 0, PAGE, 0x2000, 0x10000, 0x40000, 0x100000, 0x200000, 0xfec00000,
			 0xfee00000, 0xfffbc000, 0xfffff000, 0x100000000, 1ull << 36, 1ull << 51);
}

static void region_fill(struct fuzz_making *g)
{
	struct kvm_userspace_memory_region2 *r = (void *)g->bytes;
	const uint8_t *before = fuzz_grammar_before(g, "KVM_SET_USER_MEMORY_REGION",
						    sizeof(struct kvm_userspace_memory_region));
	unsigned int count = fuzz_grammar_count(g, "KVM_SET_USER_MEMORY_REGION");
	bool second = g->row->size >= sizeof(*r);

	if (before && !chance(g, 3)) {
		memcpy(r, before, sizeof(struct kvm_userspace_memory_region));
		switch (fuzz_rng_below(g->rng, 8)) {
		case 0: /* goes */
			r->memory_size = 0;
			break;
		case 1: /* moves */
			r->guest_phys_addr = guest_address(g);
			break;
		case 2:
			r->flags ^= KVM_MEM_LOG_DIRTY_PAGES;
			break;
		case 3: /* may not change */
			r->flags ^= KVM_MEM_READONLY;
			break;
		case 4: /* overlaps, or just not */
			r->slot += 1;
			r->guest_phys_addr += FUZZ_PICK(g->rng, 0, PAGE, -PAGE, r->memory_size,
							-r->memory_size, r->memory_size - PAGE);
			break;
		case 5: /* nor its size, nor where it is kept */
			r->memory_size += FUZZ_PICK(g->rng, PAGE, -PAGE);
			break;
		case 6:
			r->userspace_addr += PAGE;
			break;
		default:
			break;
		}
	} else {
		r->slot =
			FUZZ_PICK(g->rng, count, count, 0, 1, 2, 509, 0x10000, 32763, 32764, 32767);
		r->guest_phys_addr = count ? 0x100000 * count : guest_address(g);
		r->memory_size =
			FUZZ_PICK(g->rng, PAGE, 2 * PAGE, 0x10000, 0x40000, 0x41000, 0x200000);
		r->userspace_addr = FUZZ_AREA(fuzz_rng_below(g->rng, FUZZ_AREAS_MAX)) +
				    FUZZ_PICK(g->rng, 0, PAGE, 0x200000);
		r->flags = FUZZ_PICK(g->rng, 0, 0, KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_LOG_DIRTY_PAGES,
				     KVM_MEM_READONLY);
	}
	if (second && chance(g, 4)) {
		r->flags |= KVM_MEM_GUEST_MEMFD;
		r->guest_memfd_offset = FUZZ_PICK(g->rng, 0, PAGE);
	}
}

static void dirty_log_fill(struct fuzz_making *g)
{
	struct kvm_dirty_log *log = (void *)g->bytes;
	struct kvm_clear_dirty_log *clear = (void *)g->bytes;
	const uint8_t *region = fuzz_grammar_before(g, "KVM_SET_USER_MEMORY_REGION",
						    sizeof(struct kvm_userspace_memory_region));
	struct kvm_userspace_memory_region r = {.memory_size = 0x40000};

	if (region)
		memcpy(&r, region, sizeof(r));
	if (g->row->dir == KVMAPI_IN && !strcmp(g->row->name, "KVM_CLEAR_DIRTY_LOG")) {
		clear->slot = r.slot;
		clear->first_page = FUZZ_PICK(g->rng, 0, 0, 64);
		clear->num_pages = FUZZ_PICK(g->rng, 64, r.memory_size / PAGE,
					     r.memory_size / PAGE - clear->first_page, 1, 63);
		clear->dirty_bitmap = (void *)1;
		g->scatter = 2;
		return;
	}
	log->slot = chance(g, 6) ? FUZZ_PICK(g->rng, r.slot + 1, r.slot | 0x10000, 32764, 32767)
				 : r.slot;
	log->dirty_bitmap = (void *)1;
}

static void memory_attributes_fill(struct fuzz_making *g)
{
	struct kvm_memory_attributes *a = (void *)g->bytes;

	a->address = guest_address(g);
	a->size = FUZZ_PICK(g->rng, PAGE, 0x10000, 0x200000);
	a->attributes = FUZZ_PICK(g->rng, 0, KVM_MEMORY_ATTRIBUTE_PRIVATE);
}

static void memfd_fill(struct fuzz_making *g)
{
	struct kvm_create_guest_memfd *f = (void *)g->bytes;

	f->size = FUZZ_PICK(g->rng, PAGE, 0x10000, 0x200000);
	f->flags = FUZZ_PICK(g->rng, 0, 0, 0, 1, 3);
}

static void zone_fill(struct fuzz_making *g)
{
	struct kvm_coalesced_mmio_zone *z = (void *)g->bytes;
	const uint8_t *before = fuzz_grammar_before(g, "KVM_REGISTER_COALESCED_MMIO", g->row->size);

	if (before && chance(g, 2)) {
		memcpy(z, before, sizeof(*z));
		return;
	}
	z->addr = FUZZ_PICK(g->rng, 0xd0000000, 0xd0001000, 0x10000, 0x3f8);
	z->size = FUZZ_PICK(g->rng, PAGE, 8, 1, 4);
	z->pio = chance(g, 3);
}

static void translate_fill(struct fuzz_making *g)
{
	struct kvm_translation *t = (void *)g->bytes;

	t->linear_address = chance(g, 2) ? guest_address(g) : wide(g->rng);
}

static void prefault_fill(struct fuzz_making *g)
{
	struct kvm_pre_fault_memory *p = (void *)g->bytes;

	p->gpa = guest_address(g);
	p->size = FUZZ_PICK(g->rng, PAGE, 0x10000, 2 * PAGE);
}

/* --- interrupts ------------------------------------------------------------------------------- */

static uint32_t gsi(struct fuzz_making *g)
{
	return FUZZ_PICK(g->rng, 0, 1, 2, 4, 5, 8, 10, 15, 16, 22, 23, 24, 100, 1023, 4095, 4096);
}

static void irq_line_fill(struct fuzz_making *g)
{
	struct kvm_irq_level *l = (void *)g->bytes;

	l->irq = gsi(g);
	l->level = fuzz_rng_below(g->rng, 2);
}

/* A level that no interrupt controller would have of itself, but could be given. */
static void irqchip_fill(struct fuzz_making *g)
{
	struct kvm_irqchip *c = (void *)g->bytes;
	const uint8_t *before = fuzz_grammar_before(g, "KVM_SET_IRQCHIP", g->row->size);

	if (before && chance(g, 2)) {
		memcpy(c, before, sizeof(*c));
		return;
	}
	c->chip_id = fuzz_rng_below(g->rng, 3);
	if (!(g->row->dir & KVMAPI_OUT)) {
		if (c->chip_id == KVM_IRQCHIP_IOAPIC) {
			c->chip.ioapic.base_address = 0xfec00000;
			c->chip.ioapic.id = fuzz_rng_below(g->rng, 16);
			c->chip.ioapic.ioregsel = fuzz_rng_below(g->rng, 0x40);
			c->chip.ioapic.irr = FUZZ_PICK(g->rng, 0, 0, 1, 0x10, 0xffffff);
			for (unsigned int i = 0; i < KVM_IOAPIC_NUM_PINS; i++)
				c->chip.ioapic.redirtbl[i].bits =
					chance(g, 6) ? FUZZ_PICK(g->rng, 0x10030 + i, 0x8030, 0x30,
								 0x1000000000008030, wide(g->rng))
						     : 0x10000;
		} else {
			memset(&c->chip.pic, 0, sizeof(c->chip.pic));
			c->chip.pic.imr = FUZZ_PICK(g->rng, 0, 0xff, 0xfb, 0x55);
			c->chip.pic.irr = FUZZ_PICK(g->rng, 0, 1, 0x80);
			c->chip.pic.isr = FUZZ_PICK(g->rng, 0, 2, 0xff);
			c->chip.pic.irq_base = FUZZ_PICK(g->rng, 0, 8, 0x20, 0x70, 0xf8);
			c->chip.pic.elcr = FUZZ_PICK(g->rng, 0, 0x10, 0xf8, 0xff);
			c->chip.pic.elcr_mask = c->chip_id ? 0xde : 0xf8;
			c->chip.pic.init_state = fuzz_rng_below(g->rng, 4);
			c->chip.pic.read_reg_select = chance(g, 2);
			c->chip.pic.auto_eoi = chance(g, 4);
		}
	}
}

static void route_fill(struct fuzz_making *g, struct kvm_irq_routing_entry *e, unsigned int n)
{
	e->gsi = chance(g, 2) ? n : gsi(g);
	switch (fuzz_rng_below(g->rng, 6)) {
	case 0:
	case 1:
	case 2:
		e->type = KVM_IRQ_ROUTING_IRQCHIP;
		e->u.irqchip.irqchip = fuzz_rng_below(g->rng, 3);
		e->u.irqchip.pin = fuzz_rng_below(g->rng, e->u.irqchip.irqchip == 2 ? 24 : 8);
		break;
	case 3:
		e->type = KVM_IRQ_ROUTING_MSI;
		e->u.msi.address_lo = FUZZ_PICK(g->rng, 0xfee00000, 0xfee01000, 0xfeeff000, 0);
		e->u.msi.address_hi = FUZZ_PICK(g->rng, 0, 0, 0x100, 0xff);
		e->u.msi.data = FUZZ_PICK(g->rng, 0x30, 0x4030, 0x8030, 0x430);
		break;
	case 4:
		e->type = KVM_IRQ_ROUTING_HV_SINT;
		e->u.hv_sint.vcpu = fuzz_rng_below(g->rng, 2);
		e->u.hv_sint.sint = fuzz_rng_below(g->rng, 16);
		break;
	default:
		e->type = KVM_IRQ_ROUTING_XEN_EVTCHN;
		e->u.xen_evtchn.port = 1 + fuzz_rng_below(g->rng, 16);
		e->u.xen_evtchn.vcpu = fuzz_rng_below(g->rng, 2);
		e->u.xen_evtchn.priority = KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL;
		break;
	}
}

static void routing_fill(struct fuzz_making *g)
{
	struct kvm_irq_routing *r = (void *)g->bytes;

	r->nr = FUZZ_PICK(g->rng, 0, 1, 1, 2, 3, 4, 24);
	g->size = sizeof(*r) + r->nr * sizeof(r->entries[0]);
	for (unsigned int i = 0; i < r->nr; i++)
		route_fill(g, &r->entries[i], i);
}

static void irqfd_fill(struct fuzz_making *g)
{
	struct kvm_irqfd *f = (void *)g->bytes;
	const uint8_t *before = fuzz_grammar_before(g, "KVM_IRQFD", g->row->size);

	if (before && !chance(g, 3)) {
		memcpy(f, before, sizeof(*f));
		if (chance(g, 2))
			f->flags ^= KVM_IRQFD_FLAG_DEASSIGN;
		if (chance(g, 3))
			f->gsi = gsi(g);
		return;
	}
	f->fd = FUZZ_FD_EVENT + fuzz_rng_below(g->rng, 4);
	f->gsi = gsi(g);
	if (chance(g, 4)) {
		f->flags = KVM_IRQFD_FLAG_RESAMPLE;
		f->resamplefd = FUZZ_FD_EVENT + fuzz_rng_below(g->rng, 4);
	}
}

static void ioeventfd_fill(struct fuzz_making *g)
{
	struct kvm_ioeventfd *e = (void *)g->bytes;
	const uint8_t *before = fuzz_grammar_before(g, "KVM_IOEVENTFD", g->row->size);

	if (before && !chance(g, 3)) {
		memcpy(e, before, sizeof(*e));
		switch (fuzz_rng_below(g->rng, 5)) {
		case 0:
		case 1:
			e->flags ^= KVM_IOEVENTFD_FLAG_DEASSIGN;
			break;
		case 2:
			e->datamatch++;
			break;
		case 3:
			e->fd = FUZZ_FD_EVENT + fuzz_rng_below(g->rng, 4);
			break;
		default:
			break;
		}
		return;
	}
	e->addr = FUZZ_PICK(g->rng, 0x510, 0xc000, 0xd0000000, 0xfffffffc, 0xfffffffffffffffc);
	e->len = FUZZ_PICK(g->rng, 1, 2, 4, 8, 0);
	e->fd = FUZZ_FD_EVENT + fuzz_rng_below(g->rng, 4);
	e->flags = FUZZ_PICK(g->rng, 0, KVM_IOEVENTFD_FLAG_PIO, KVM_IOEVENTFD_FLAG_DATAMATCH,
			     KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH);
	if (!e->len)
		e->flags &= ~KVM_IOEVENTFD_FLAG_DATAMATCH;
	if (e->flags & KVM_IOEVENTFD_FLAG_DATAMATCH)
		e->datamatch = FUZZ_PICK(g->rng, 0, 1, 0xff);
}

static void msi_fill(struct fuzz_making *g)
{
	struct kvm_msi *m = (void *)g->bytes;

	m->address_lo = FUZZ_PICK(g->rng, 0xfee00000, 0xfee01000, 0xfeeff000);
	m->data = FUZZ_PICK(g->rng, 0x30, 0x4030, 0x400, 0x31);
}

static void pit_config_fill(struct fuzz_making *g)
{
	struct kvm_pit_config *c = (void *)g->bytes;

	c->flags = FUZZ_PICK(g->rng, 0, KVM_PIT_SPEAKER_DUMMY);
}

static void pit_fill(struct fuzz_making *g)
{
	struct kvm_pit_state2 *p = (void *)g->bytes;

	for (unsigned int i = 0; i < 3; i++) {
		struct kvm_pit_channel_state *c = &p->channels[i];

		c->count = FUZZ_PICK(g->rng, 0x10000, 0x100, 0xffff, 1);
		c->mode = FUZZ_PICK(g->rng, 0, 2, 3, 0xff);
		c->gate = i != 2;
		c->bcd = chance(g, 6);
		c->rw_mode = FUZZ_PICK(g->rng, 0, 3);
		c->latched_count = FUZZ_PICK(g->rng, 0, 0x1234);
		c->status = FUZZ_PICK(g->rng, 0, 0x34);
	}
	if (g->row->size >= sizeof(*p))
		p->flags = FUZZ_PICK(g->rng, 0, 0, KVM_PIT_FLAGS_HPET_LEGACY, 2, 3);
}

static void reinject_fill(struct fuzz_making *g)
{
	struct kvm_reinject_control *r = (void *)g->bytes;

	r->pit_reinject = chance(g, 2);
}

static void clock_fill(struct fuzz_making *g)
{
	struct kvm_clock_data *c = (void *)g->bytes;

	c->clock = FUZZ_PICK(g->rng, 0, 1000000, 1ull << 40, 1ull << 62);
	c->flags = FUZZ_PICK(g->rng, 0, 0, KVM_CLOCK_REALTIME);
	c->realtime = c->flags ? FUZZ_PICK(g->rng, 0, 1ull << 60) : 0;
}

/* --- capabilities, devices -------------------------------------------------------------------- */

static void enable_cap_fill(struct fuzz_making *g)
{
	/* Those that KVM_ENABLE_CAP takes on x86, with an argument that they take. */
	static const struct {
		uint32_t cap;
		uint64_t args[4];
	} vm_caps[] = {
		{KVM_CAP_DISABLE_QUIRKS, {0, 1, 2, 0x1f}},
		{KVM_CAP_DISABLE_QUIRKS2, {0, 1, 0x1f, 0x7f}},
		{KVM_CAP_SPLIT_IRQCHIP, {24, 0, 120, 4096}},
		{KVM_CAP_X2APIC_API, {0, 1, 2, 3}},
		{KVM_CAP_X86_DISABLE_EXITS, {0, 1, 2, 0xf}},
		{KVM_CAP_MSR_PLATFORM_INFO, {0, 1, 1, 0}},
		{KVM_CAP_EXCEPTION_PAYLOAD, {0, 1, 1, 0}},
		{KVM_CAP_X86_TRIPLE_FAULT_EVENT, {0, 1, 1, 0}},
		{KVM_CAP_X86_USER_SPACE_MSR, {0, 1, 2, 7}},
		{KVM_CAP_X86_BUS_LOCK_EXIT, {1, 2, 0, 3}},
		{KVM_CAP_MAX_VCPU_ID, {1, 4, 255, 4096}},
		{KVM_CAP_X86_NOTIFY_VMEXIT, {0x100000001, 0x100000003, 0, 1}},
		{KVM_CAP_PMU_CAPABILITY, {0, 1, 1, 0}},
		{KVM_CAP_EXIT_HYPERCALL, {0, 1 << 12, 1 << 12, 0}},
		{KVM_CAP_EXIT_ON_EMULATION_FAILURE, {0, 1, 1, 0}},
		{KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, {0, 0, 0, 0}},
		{KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, {0, 1, 3, 2}},
		{KVM_CAP_DIRTY_LOG_RING, {0x10000, 0x1000, 0x8000, 0x400}},
		{KVM_CAP_DIRTY_LOG_RING_ACQ_REL, {0x10000, 0x1000, 0x8000, 0x400}},
		{KVM_CAP_HALT_POLL, {0, 200000, 1, 0xffffffff}},
		{KVM_CAP_X86_APIC_BUS_CYCLES_NS, {1, 10, 25, 1000}},
		{KVM_CAP_X86_GUEST_MODE, {0, 0, 0, 0}},
	};
	static const uint32_t vcpu_caps[] = {
		KVM_CAP_HYPERV_SYNIC, KVM_CAP_HYPERV_SYNIC2, KVM_CAP_HYPERV_DIRECT_TLBFLUSH,
		KVM_CAP_HYPERV_ENFORCE_CPUID, KVM_CAP_ENFORCE_PV_FEATURE_CPUID};
	struct kvm_enable_cap *c = (void *)g->bytes;
	unsigned int n = fuzz_rng_below(g->rng, ARRAY_COUNT(vm_caps));

	if (g->kind == KVMAPI_VCPU && !chance(g, 8)) {
		c->cap = vcpu_caps[fuzz_rng_below(g->rng, ARRAY_COUNT(vcpu_caps))];
		c->args[0] = fuzz_rng_below(g->rng, 2);
		return;
	}
	c->cap = vm_caps[n].cap;
	c->args[0] = fuzz_pick(g->rng, vm_caps[n].args, 4);
}

static void device_fill(struct fuzz_making *g)
{
	struct kvm_create_device *d = (void *)g->bytes;

	d->type = chance(g, 6) ? fuzz_rng_below(g->rng, 16) : KVM_DEV_TYPE_VFIO;
	d->flags = chance(g, 4) ? KVM_CREATE_DEVICE_TEST : 0;
}

static void attr_fill(struct fuzz_making *g)
{
	struct kvm_device_attr *a = (void *)g->bytes;

	a->addr = 1;
	g->nested = FUZZ_PICK(g->rng, 0, 1, 0x1000, (uint64_t)-1);
	if (g->kind == KVMAPI_SYSTEM) {
		a->group = chance(g, 4) ? KVM_X86_GRP_SEV : KVM_X86_GRP_SYSTEM;
		a->attr = fuzz_rng_below(g->rng, 3) / 2;
	} else if (g->kind == KVMAPI_VCPU) {
		a->group = KVM_VCPU_TSC_CTRL;
		a->attr = KVM_VCPU_TSC_OFFSET;
	} else if (g->kind == KVMAPI_DEVICE) {
		a->group = KVM_DEV_VFIO_FILE;
		a->attr = FUZZ_PICK(g->rng, KVM_DEV_VFIO_FILE_ADD, KVM_DEV_VFIO_FILE_DEL);
	}
}

/* --- registers -------------------------------------------------------------------------------- */

static void regs_fill(struct fuzz_making *g)
{
	struct kvm_regs *r = (void *)g->bytes;
	uint64_t *all = (void *)r;

	for (unsigned int i = 0; i < sizeof(*r) / 8; i++)
		all[i] = chance(g, 2) ? wide(g->rng) : i;
	r->rip = FUZZ_PICK(g->rng, FUZZ_CODE_GPA, 0xfff0, 0, 0xffffffff80000000);
	r->rflags = FUZZ_PICK(g->rng, 2, 2, 0x202, 0x246, 0x102, 0, 0x3fffd7, 0x10002);
}

static void segment(struct kvm_segment *s, unsigned int type, bool system)
{
	*s = (struct kvm_segment){.limit = 0xffff, .type = type, .present = 1, .s = !system};
}

/* Real mode with all bases 0, in which the codes below run. */
static void sregs_real(struct kvm_sregs *s)
{
	struct kvm_segment *data[] = {&s->ds, &s->es, &s->fs, &s->gs, &s->ss};

	segment(&s->cs, 11, false);
	for (unsigned int i = 0; i < ARRAY_COUNT(data); i++)
		segment(data[i], 3, false);
	segment(&s->tr, 11, true);
	segment(&s->ldt, 2, true);
	s->gdt.limit = s->idt.limit = 0xffff;
	s->cr0 = 0x60000010;
	s->apic_base = 0xfee00900;
}

static void sregs_fill(struct fuzz_making *g)
{
	struct kvm_sregs *s = (void *)g->bytes;

	sregs_real(s);
	switch (fuzz_rng_below(g->rng, 6)) {
	case 0: /* protected mode */
		s->cr0 = 0x11;
		s->cs.db = 1;
		s->cs.g = 1;
		break;
	case 1: /* long mode */
		s->cr0 = 0x80000011;
		s->cr4 = 0x20;
		s->efer = 0x500;
		s->cr3 = 0x10000;
		s->cs.l = 1;
		break;
	case 2:
		s->cr2 = wide(g->rng);
		s->cr8 = fuzz_rng_below(g->rng, 16);
		break;
	case 3:
		s->apic_base = FUZZ_PICK(g->rng, 0xfee00800, 0xfee00900, 0xfee00d00, 0xfee00100, 0);
		break;
	case 4:
		if (g->row->size == sizeof(*s))
			s->interrupt_bitmap[fuzz_rng_below(g->rng, 4)] = 1ull << 33;
		break;
	default:
		s->fs.base = FUZZ_PICK(g->rng, 0, 0x1000, 0x7fffffff);
		s->gdt.base = 0x2000;
		break;
	}
}

static void fpu_fill(struct fuzz_making *g)
{
	struct kvm_fpu *f = (void *)g->bytes;

	f->fcw = 0x37f;
	f->mxcsr = 0x1f80;
	for (unsigned int i = 0; i < 8; i++)
		f->fpr[i][fuzz_rng_below(g->rng, 10)] = fuzz_rng_next(g->rng);
	for (unsigned int i = 0; i < 16; i++)
		f->xmm[i][fuzz_rng_below(g->rng, 16)] = fuzz_rng_next(g->rng);
	f->ftwx = FUZZ_PICK(g->rng, 0, 0xff, 0x80);
	f->last_ip = chance(g, 2) ? wide(g->rng) : 0;
}

static void xsave_fill(struct fuzz_making *g)
{
	uint8_t *x = g->bytes;
	uint64_t features = FUZZ_PICK(g->rng, 0, 1, 2, 3, 3, 7, 0x207);
	uint16_t fcw = 0x37f;
	uint32_t mxcsr = 0x1f80;

	memcpy(x, &fcw, 2);
	memcpy(x + 24, &mxcsr, 4);
	memcpy(x + 512, &features, 8);
	if (features & 1)
		x[32] = fuzz_rng_next(g->rng);
	if (features & 2)
		x[160 + fuzz_rng_below(g->rng, 256)] = fuzz_rng_next(g->rng);
	if (features & 4)
		x[576 + fuzz_rng_below(g->rng, 256)] = fuzz_rng_next(g->rng);
}

static void xcrs_fill(struct fuzz_making *g)
{
	struct kvm_xcrs *x = (void *)g->bytes;

	x->nr_xcrs = 1;
	x->xcrs[0].value = FUZZ_PICK(g->rng, 1, 3, 7, 7, 0x207);
}

static void debugregs_fill(struct fuzz_making *g)
{
	struct kvm_debugregs *d = (void *)g->bytes;

	for (unsigned int i = 0; i < 4; i++)
		d->db[i] = wide(g->rng);
	d->dr6 = FUZZ_PICK(g->rng, 0xffff0ff0, 0xffff4ff0, 0xffff0ff1, 0);
	d->dr7 = FUZZ_PICK(g->rng, 0x400, 0x401, 0x2400, 0);
}

static void events_fill(struct fuzz_making *g)
{
	struct kvm_vcpu_events *e = (void *)g->bytes;

	switch (fuzz_rng_below(g->rng, 7)) {
	case 0:
		e->exception.injected = 1;
		e->exception.nr = FUZZ_PICK(g->rng, 1, 6, 13, 14, 3, 31);
		e->exception.has_error_code = e->exception.nr == 13 || e->exception.nr == 14;
		e->exception.error_code = e->exception.has_error_code ? 2 : 0;
		break;
	case 1:
		e->interrupt.injected = 1;
		e->interrupt.nr = FUZZ_PICK(g->rng, 32, 255, 0x80);
		break;
	case 2:
		e->nmi.injected = chance(g, 2);
		e->nmi.pending = chance(g, 2);
		e->nmi.masked = chance(g, 2);
		e->flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
		break;
	case 3:
		e->sipi_vector = FUZZ_PICK(g->rng, 1, 0x9f);
		e->flags = KVM_VCPUEVENT_VALID_SIPI_VECTOR;
		break;
	case 4:
		e->interrupt.shadow = FUZZ_PICK(g->rng, 0, 1, 2, 3);
		e->flags = KVM_VCPUEVENT_VALID_SHADOW;
		break;
	case 5:
		e->smi.smm = chance(g, 2);
		e->smi.pending = chance(g, 2);
		e->smi.smm_inside_nmi = chance(g, 2);
		e->smi.latched_init = chance(g, 2);
		e->flags = KVM_VCPUEVENT_VALID_SMM;
		break;
	default:
		e->exception.pending = 1;
		e->exception.nr = FUZZ_PICK(g->rng, 1, 14);
		e->exception_has_payload = 1;
		e->exception_payload = FUZZ_PICK(g->rng, 0x4000, 0xffff0ff1, 0x1000);
		e->flags = KVM_VCPUEVENT_VALID_PAYLOAD;
		break;
	}
}

static void msrs_fill(struct fuzz_making *g)
{
	struct kvm_msrs *m = (void *)g->bytes;
	const uint8_t *before = fuzz_grammar_before(g, "KVM_SET_MSRS", sizeof(*m) + 4);

	m->nmsrs = FUZZ_PICK(g->rng, 1, 1, 1, 2, 3, 5, 0);
	for (unsigned int i = 0; i < m->nmsrs; i++) {
		m->entries[i].index = msrs[fuzz_rng_below(g->rng, ARRAY_COUNT(msrs))];
		if (!(g->row->dir & KVMAPI_OUT))
			m->entries[i].data = chance(g, 3) ? wide(g->rng)
							  : FUZZ_PICK(g->rng, 0, 1, 0x7ff, PAGE, 6);
	}
	if (before && m->nmsrs && !chance(g, 3))
		memcpy(&m->entries[0].index, before + sizeof(*m), 4);
	g->size = sizeof(*m) + m->nmsrs * sizeof(m->entries[0]);
}

/* KVM_SET_CPUID2 of the processor that guests are given mostly. */
static void cpuid_fill(struct fuzz_making *g)
{
	static const uint32_t leaves[][6] = {
		{0, 0, 0xd, 0x68747541, 0x444d4163, 0x69746e65},
		{1, 0, 0x600fb1, 0x800, 0x80202001, 0x178bfbff},
		{7, 0, 0, 0, 0, 0},
		{0xd, 0, 7, 0x240, 0x340, 0},
		{0x40000000, 0, 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d},
		{0x40000001, 0, 0x1007efb, 0, 0, 0},
		{0x80000000, 0, 0x8000001f, 0x68747541, 0x444d4163, 0x69746e65},
		{0x80000001, 0, 0x600fb1, 0, 0x7, 0x2fd3fbff},
		{0x80000008, 0, 0x3028, 0, 0, 0},
		{0x8000000a, 0, 1, 16, 0, 0xf},
	};
	struct kvm_cpuid2 *c = (void *)g->bytes;
	const uint8_t *before = fuzz_grammar_before(g, g->row->name, g->row->size);
	uint32_t count = FUZZ_PICK(g->rng, 0, 1, 2, 4, ARRAY_COUNT(leaves));

	/* As many as before: KVM compares with them once the vCPU has run. */
	if (before && chance(g, 2)) {
		memcpy(&count, before, 4);
		if (count > ARRAY_COUNT(leaves))
			count = 1;
	}
	c->nent = count;
	g->size = sizeof(*c) + count * g->row->elem_size;
	for (unsigned int i = 0; i < count; i++) {
		const uint32_t *l = leaves[(i + (chance(g, 8) ? 1 : 0)) % ARRAY_COUNT(leaves)];

		if (g->row->elem_size == sizeof(struct kvm_cpuid_entry)) {
			struct kvm_cpuid_entry *e =
				(void *)(g->bytes + sizeof(*c) + i * sizeof(*e));

			*e = (struct kvm_cpuid_entry){l[0], l[2], l[3], l[4], l[5], 0};
		} else {
			c->entries[i] = (struct kvm_cpuid_entry2){.function = l[0],
								  .index = l[1],
								  .flags = l[0] == 7 || l[0] == 0xd,
								  .eax = l[2],
								  .ebx = l[3],
								  .ecx = l[4],
								  .edx = l[5]};
			if (chance(g, 8))
				c->entries[i].edx ^= 1u << fuzz_rng_below(g->rng, 32);
		}
	}
}

/* A list to be filled: as long as is needed, or too short. */
static void list_fill(struct fuzz_making *g)
{
	uint32_t count = FUZZ_PICK(g->rng, 256, 256, 100, 40, 10, 1, 0);

	memcpy(g->bytes, &count, 4);
	g->size = g->row->size + count * g->row->elem_size;
}

static void reg_list_fill(struct fuzz_making *g)
{
	uint64_t count = FUZZ_PICK(g->rng, 0, 1, 16, 400);

	memcpy(g->bytes, &count, 8);
	g->size = g->row->size + count * g->row->elem_size;
}

static void one_reg_fill(struct fuzz_making *g)
{
	struct kvm_one_reg *r = (void *)g->bytes;
	uint64_t type = FUZZ_PICK(g->rng, 2, 2, 3);

	r->id = 0x2030000000000000ull | type << 32 |
		(type == 2 ? msrs[fuzz_rng_below(g->rng, ARRAY_COUNT(msrs))] : 0);
	r->addr = 1;
	g->nested = wide(g->rng);
}

static void lapic_fill(struct fuzz_making *g)
{
	struct kvm_lapic_state *l = (void *)g->bytes;
	/* Registers as a reset leaves them: offset, value. */
	static const uint32_t reset[][2] = {{0x30, 0x50014},  {0xe0, 0xffffffff}, {0xf0, 0xff},
					    {0x320, 0x10000}, {0x330, 0x10000},	  {0x340, 0x10000},
					    {0x350, 0x10000}, {0x360, 0x10000},	  {0x370, 0x10000}};
	static const uint16_t offsets[] = {0x20,  0x80,	 0xd0,	0xe0,  0xf0,  0x100, 0x110,
					   0x170, 0x200, 0x210, 0x280, 0x300, 0x310, 0x320,
					   0x350, 0x360, 0x380, 0x390, 0x3e0};
	uint32_t value;

	for (unsigned int i = 0; i < ARRAY_COUNT(reset); i++)
		memcpy(l->regs + reset[i][0], &reset[i][1], 4);
	for (unsigned int n = fuzz_rng_below(g->rng, 4); n; n--) {
		value = FUZZ_PICK(g->rng, 0, 1, 0x1ff, 0x20, 0x10000, 0x20030, 0x1000000,
				  0xffffffff);
		memcpy(l->regs + offsets[fuzz_rng_below(g->rng, ARRAY_COUNT(offsets))], &value, 4);
	}
}

static void mp_state_fill(struct fuzz_making *g)
{
	struct kvm_mp_state *m = (void *)g->bytes;

	m->mp_state = fuzz_rng_below(g->rng, 5);
}

static void interrupt_fill(struct fuzz_making *g)
{
	struct kvm_interrupt *i = (void *)g->bytes;

	i->irq = FUZZ_PICK(g->rng, 0, 32, 0x80, 255, 256);
}

static void debug_fill(struct fuzz_making *g)
{
	struct kvm_guest_debug *d = (void *)g->bytes;

	d->control = FUZZ_PICK(g->rng, 0, KVM_GUESTDBG_ENABLE,
			       KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP,
			       KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP,
			       KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP,
			       KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_BLOCKIRQ,
			       KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB,
			       KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP);
	if (d->control & KVM_GUESTDBG_USE_HW_BP) {
		d->arch.debugreg[0] = FUZZ_CODE_GPA;
		d->arch.debugreg[7] = 0x402;
	}
}

static void signal_mask_fill(struct fuzz_making *g)
{
	struct kvm_signal_mask *m = (void *)g->bytes;

	m->len = 8;
	g->size = sizeof(*m) + 8;
	m->sigset[1] = FUZZ_PICK(g->rng, 0, 0, 8);
}

static void tpr_fill(struct fuzz_making *g)
{
	struct kvm_tpr_access_ctl *t = (void *)g->bytes;

	t->enabled = chance(g, 2);
}

static void mce_setup_fill(struct fuzz_making *g)
{
	uint64_t cap =
		FUZZ_PICK(g->rng, 0x10a, 0x100010a, 0x101, 0x120, 0x10000010a, 0x100000a, 0xa);

	memcpy(g->bytes, &cap, 8);
}

static void mce_fill(struct fuzz_making *g)
{
	struct kvm_x86_mce *m = (void *)g->bytes;

	m->status = FUZZ_PICK(g->rng, 0x8000000000000000, 0x9000000000000000, 0xa000000000000000,
			      0xbd00000000000000);
	m->bank = fuzz_rng_below(g->rng, 11);
	m->mcg_status = FUZZ_PICK(g->rng, 0, 4, 5);
	m->addr = guest_address(g);
}

static void nested_state_fill(struct fuzz_making *g)
{
	struct kvm_nested_state *n = (void *)g->bytes;
	bool svm = !chance(g, 4);

	n->format = svm ? KVM_STATE_NESTED_FORMAT_SVM : KVM_STATE_NESTED_FORMAT_VMX;
	n->size = FUZZ_PICK(g->rng, sizeof(*n), sizeof(*n), sizeof(*n) + 0x1000);
	if (g->row->dir & KVMAPI_OUT) {
		g->size = n->size;
		return;
	}
	n->flags = FUZZ_PICK(g->rng, 0, KVM_STATE_NESTED_GIF_SET, KVM_STATE_NESTED_GIF_SET,
			     KVM_STATE_NESTED_GUEST_MODE | KVM_STATE_NESTED_GIF_SET);
	if (!svm) {
		n->flags = 0;
		n->hdr.vmx.vmxon_pa = n->hdr.vmx.vmcs12_pa = -1;
	} else {
		n->hdr.svm.vmcb_pa = n->flags & KVM_STATE_NESTED_GUEST_MODE ? 0x3000 : 0;
	}
	g->size = n->size;
}

/* --- filters, enlightenments ------------------------------------------------------------------ */

static void msr_filter_fill(struct fuzz_making *g)
{
	struct kvm_msr_filter *f = (void *)g->bytes;
	unsigned int ranges = fuzz_rng_below(g->rng, 4);

	f->flags = chance(g, 3) ? KVM_MSR_FILTER_DEFAULT_DENY : 0;
	if (!ranges)
		f->flags = 0;
	for (unsigned int i = 0; i < ranges; i++) {
		f->ranges[i].flags = 1 + fuzz_rng_below(g->rng, 3);
		f->ranges[i].nmsrs = FUZZ_PICK(g->rng, 1, 8, 64, 0x3000);
		f->ranges[i].base = msrs[fuzz_rng_below(g->rng, ARRAY_COUNT(msrs))];
		f->ranges[i].bitmap = (void *)1;
	}
	g->scatter = 4;
}

static void pmu_filter_fill(struct fuzz_making *g)
{
	struct kvm_pmu_event_filter *f = (void *)g->bytes;

	f->action = fuzz_rng_below(g->rng, 2);
	f->nevents = FUZZ_PICK(g->rng, 0, 1, 3, 300);
	f->flags = chance(g, 3) ? KVM_PMU_EVENT_FLAG_MASKED_EVENTS : 0;
	f->fixed_counter_bitmap = fuzz_rng_below(g->rng, 8);
	g->size = sizeof(*f) + f->nevents * 8;
	for (unsigned int i = 0; i < f->nevents; i++)
		f->events[i] =
			FUZZ_PICK(g->rng, 0xc0, 0x76, 0x1c2, f->flags ? 0xff000000000000c0 : 0x3c);
}

static void xen_config_fill(struct fuzz_making *g)
{
	struct kvm_xen_hvm_config *c = (void *)g->bytes;

	c->flags = FUZZ_PICK(g->rng, 0, KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL,
			     KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL | KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	c->msr = FUZZ_PICK(g->rng, 0, 0x40000000, 0x40000200);
}

static void xen_vm_attr_fill(struct fuzz_making *g)
{
	struct kvm_xen_hvm_attr *a = (void *)g->bytes;

	a->type = FUZZ_PICK(g->rng, KVM_XEN_ATTR_TYPE_LONG_MODE, KVM_XEN_ATTR_TYPE_SHARED_INFO,
			    KVM_XEN_ATTR_TYPE_UPCALL_VECTOR, KVM_XEN_ATTR_TYPE_XEN_VERSION,
			    KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG);
	switch (a->type) {
	case KVM_XEN_ATTR_TYPE_SHARED_INFO:
		a->u.shared_info.gfn = FUZZ_PICK(g->rng, 0, 1, 0x10, KVM_XEN_INVALID_GFN);
		break;
	case KVM_XEN_ATTR_TYPE_UPCALL_VECTOR:
		a->u.vector = FUZZ_PICK(g->rng, 0, 0x30, 0x1f, 0xff);
		break;
	case KVM_XEN_ATTR_TYPE_XEN_VERSION:
		a->u.xen_version = 0x4000d;
		break;
	default:
		a->u.long_mode = chance(g, 2);
		break;
	}
}

static void xen_vcpu_attr_fill(struct fuzz_making *g)
{
	struct kvm_xen_vcpu_attr *a = (void *)g->bytes;

	a->type = fuzz_rng_below(g->rng, KVM_XEN_VCPU_ATTR_TYPE_UPCALL_VECTOR + 1);
	switch (a->type) {
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO:
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_TIME_INFO:
	case KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR:
		a->u.gpa = FUZZ_PICK(g->rng, guest_address(g), KVM_XEN_INVALID_GPA);
		break;
	case KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_CURRENT:
		a->u.runstate.state = fuzz_rng_below(g->rng, 4);
		break;
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_ID:
		a->u.vcpu_id = fuzz_rng_below(g->rng, 4);
		break;
	case KVM_XEN_VCPU_ATTR_TYPE_UPCALL_VECTOR:
		a->u.vector = FUZZ_PICK(g->rng, 0, 0x30, 0x1f);
		break;
	default:
		break;
	}
}

static void xen_send_fill(struct fuzz_making *g)
{
	struct kvm_irq_routing_xen_evtchn *e = (void *)g->bytes;

	e->port = 1 + fuzz_rng_below(g->rng, 4);
	e->vcpu = fuzz_rng_below(g->rng, 2);
	e->priority = KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL;
}

static void hyperv_eventfd_fill(struct fuzz_making *g)
{
	struct kvm_hyperv_eventfd *e = (void *)g->bytes;
	const uint8_t *before = fuzz_grammar_before(g, "KVM_HYPERV_EVENTFD", g->row->size);

	if (before && chance(g, 2)) {
		memcpy(e, before, sizeof(*e));
		e->flags ^= chance(g, 2);
		return;
	}
	e->conn_id = FUZZ_PICK(g->rng, 1, 2, 0xffffff);
	e->fd = FUZZ_FD_EVENT + fuzz_rng_below(g->rng, 4);
}

static void enc_op_fill(struct fuzz_making *g)
{
	struct kvm_sev_cmd *c = (void *)g->bytes;

	c->id = fuzz_rng_below(g->rng, 24);
	c->sev_fd = (uint32_t)-1;
}

static void enc_region_fill(struct fuzz_making *g)
{
	struct kvm_enc_region *r = (void *)g->bytes;

	r->addr = FUZZ_AREA(0);
	r->size = PAGE;
}

/* --- arguments that are numbers --------------------------------------------------------------- */

static uint64_t number_argument(struct fuzz_making *g)
{
	const char *name = g->row->name;
	unsigned int made;

	if (!strcmp(name, "KVM_CREATE_VM"))
		return chance(g, 6) ? FUZZ_PICK(g->rng, 1, 2, 3, 5, 6) : 0;
	if (!strcmp(name, "KVM_CREATE_VCPU")) {
		made = fuzz_grammar_count(g, name);
		return FUZZ_PICK(g->rng, made, made, made, 0, 1, 3, 254, 255, 256, 1023, 1024, 4095,
				 4096);
	}
	if (!strcmp(name, "KVM_CHECK_EXTENSION"))
		return fuzz_rng_below(g->rng, 256);
	if (!strcmp(name, "KVM_SET_TSS_ADDR"))
		return FUZZ_PICK(g->rng, 0xfffbd000, 0xfffbd000, 0, 0xd0000, 0xffffd000, 0xffffe000,
				 0x100000000, 0xfffbd001);
	if (!strcmp(name, "KVM_SET_BOOT_CPU_ID"))
		return fuzz_rng_below(g->rng, 3);
	if (!strcmp(name, "KVM_SET_NR_MMU_PAGES"))
		return FUZZ_PICK(g->rng, 20, 64, 1024, 19, 0, 0xffff);
	if (!strcmp(name, "KVM_SET_TSC_KHZ"))
		return FUZZ_PICK(g->rng, 0, 1000000, 2000000, 3000000, 1, 0x7fffffff);
	/* The rest takes nothing, and looks at nothing, but some that refuse a number. */
	return chance(g, 8) ? FUZZ_PICK(g->rng, 1, 0x10000, -1) : 0;
}

/* KVM_SET_IDENTITY_MAP_ADDR, KVM_SET_VAPIC_ADDR: a struct that is one number. */
static void address_fill(struct fuzz_making *g)
{
	uint64_t address =
		FUZZ_PICK(g->rng, 0xfffbc000, 0, 0xfeffc000, guest_address(g), 0xffffffff);

	memcpy(g->bytes, &address, 8);
}

static const struct {
	const char *name;
	void (*fill)(struct fuzz_making *g);
} fills[] = {
	{"KVM_SET_USER_MEMORY_REGION", region_fill},
	{"KVM_SET_USER_MEMORY_REGION2", region_fill},
	{"KVM_GET_DIRTY_LOG", dirty_log_fill},
	{"KVM_CLEAR_DIRTY_LOG", dirty_log_fill},
	{"KVM_SET_MEMORY_ATTRIBUTES", memory_attributes_fill},
	{"KVM_CREATE_GUEST_MEMFD", memfd_fill},
	{"KVM_REGISTER_COALESCED_MMIO", zone_fill},
	{"KVM_UNREGISTER_COALESCED_MMIO", zone_fill},
	{"KVM_SET_IDENTITY_MAP_ADDR", address_fill},
	{"KVM_SET_VAPIC_ADDR", address_fill},
	{"KVM_TRANSLATE", translate_fill},
	{"KVM_PRE_FAULT_MEMORY", prefault_fill},
	{"KVM_IRQ_LINE", irq_line_fill},
	{"KVM_IRQ_LINE_STATUS", irq_line_fill},
	{"KVM_GET_IRQCHIP", irqchip_fill},
	{"KVM_SET_IRQCHIP", irqchip_fill},
	{"KVM_SET_GSI_ROUTING", routing_fill},
	{"KVM_IRQFD", irqfd_fill},
	{"KVM_IOEVENTFD", ioeventfd_fill},
	{"KVM_SIGNAL_MSI", msi_fill},
	{"KVM_CREATE_PIT2", pit_config_fill},
	{"KVM_SET_PIT", pit_fill},
	{"KVM_SET_PIT2", pit_fill},
	{"KVM_REINJECT_CONTROL", reinject_fill},
	{"KVM_SET_CLOCK", clock_fill},
	{"KVM_ENABLE_CAP", enable_cap_fill},
	{"KVM_CREATE_DEVICE", device_fill},
	{"KVM_SET_DEVICE_ATTR", attr_fill},
	{"KVM_GET_DEVICE_ATTR", attr_fill},
	{"KVM_HAS_DEVICE_ATTR", attr_fill},
	{"KVM_SET_REGS", regs_fill},
	{"KVM_SET_SREGS", sregs_fill},
	{"KVM_SET_SREGS2", sregs_fill},
	{"KVM_SET_FPU", fpu_fill},
	{"KVM_SET_XSAVE", xsave_fill},
	{"KVM_SET_XCRS", xcrs_fill},
	{"KVM_SET_DEBUGREGS", debugregs_fill},
	{"KVM_SET_VCPU_EVENTS", events_fill},
	{"KVM_GET_MSRS", msrs_fill},
	{"KVM_SET_MSRS", msrs_fill},
	{"KVM_SET_CPUID", cpuid_fill},
	{"KVM_SET_CPUID2", cpuid_fill},
	{"KVM_GET_CPUID2", list_fill},
	{"KVM_GET_SUPPORTED_CPUID", list_fill},
	{"KVM_GET_EMULATED_CPUID", list_fill},
	{"KVM_GET_SUPPORTED_HV_CPUID", list_fill},
	{"KVM_GET_MSR_INDEX_LIST", list_fill},
	{"KVM_GET_MSR_FEATURE_INDEX_LIST", list_fill},
	{"KVM_GET_REG_LIST", reg_list_fill},
	{"KVM_GET_ONE_REG", one_reg_fill},
	{"KVM_SET_ONE_REG", one_reg_fill},
	{"KVM_SET_LAPIC", lapic_fill},
	{"KVM_SET_MP_STATE", mp_state_fill},
	{"KVM_INTERRUPT", interrupt_fill},
	{"KVM_SET_GUEST_DEBUG", debug_fill},
	{"KVM_SET_SIGNAL_MASK", signal_mask_fill},
	{"KVM_TPR_ACCESS_REPORTING", tpr_fill},
	{"KVM_X86_SETUP_MCE", mce_setup_fill},
	{"KVM_X86_SET_MCE", mce_fill},
	{"KVM_GET_NESTED_STATE", nested_state_fill},
	{"KVM_SET_NESTED_STATE", nested_state_fill},
	{"KVM_X86_SET_MSR_FILTER", msr_filter_fill},
	{"KVM_SET_PMU_EVENT_FILTER", pmu_filter_fill},
	{"KVM_XEN_HVM_CONFIG", xen_config_fill},
	{"KVM_XEN_HVM_SET_ATTR", xen_vm_attr_fill},
	{"KVM_XEN_HVM_GET_ATTR", xen_vm_attr_fill},
	{"KVM_XEN_VCPU_SET_ATTR", xen_vcpu_attr_fill},
	{"KVM_XEN_VCPU_GET_ATTR", xen_vcpu_attr_fill},
	{"KVM_XEN_HVM_EVTCHN_SEND", xen_send_fill},
	{"KVM_HYPERV_EVENTFD", hyperv_eventfd_fill},
	{"KVM_MEMORY_ENCRYPT_OP", enc_op_fill},
	{"KVM_MEMORY_ENCRYPT_REG_REGION", enc_region_fill},
	{"KVM_MEMORY_ENCRYPT_UNREG_REGION", enc_region_fill},
};

static void number_fill(struct fuzz_making *g)
{
	g->arg = number_argument(g);
}

fuzz_fill_fn fuzz_grammar_x86(const struct kvmapi_ioctl *row)
{
	if (row->payload == KVMAPI_VALUE)
		return number_fill;
	for (unsigned int i = 0; i < ARRAY_COUNT(fills); i++) {
		if (!strcmp(fills[i].name, row->name))
			return fills[i].fill;
	}
	return NULL;
}

/* --- what goes with what ---------------------------------------------------------------------- */

const char *const *fuzz_grammar_observers(const char *name)
{
	static const struct {
		const char *of;
		const char *by[6];
	} table[] = {
		{"KVM_SET_REGS", {"KVM_GET_REGS", "KVM_GET_VCPU_EVENTS"}},
		{"KVM_SET_SREGS",
		 {"KVM_GET_SREGS", "KVM_GET_SREGS2", "KVM_GET_LAPIC", "KVM_GET_MSRS"}},
		{"KVM_SET_SREGS2", {"KVM_GET_SREGS2", "KVM_GET_SREGS"}},
		{"KVM_SET_FPU", {"KVM_GET_FPU", "KVM_GET_XSAVE"}},
		{"KVM_SET_XSAVE", {"KVM_GET_XSAVE", "KVM_GET_FPU", "KVM_GET_XSAVE2"}},
		{"KVM_SET_XCRS", {"KVM_GET_XCRS"}},
		{"KVM_SET_DEBUGREGS", {"KVM_GET_DEBUGREGS"}},
		{"KVM_SET_VCPU_EVENTS", {"KVM_GET_VCPU_EVENTS", "KVM_GET_MP_STATE"}},
		{"KVM_SET_MSRS", {"KVM_GET_MSRS", "KVM_GET_MSRS", "KVM_GET_SREGS"}},
		{"KVM_SET_CPUID", {"KVM_GET_CPUID2"}},
		{"KVM_SET_CPUID2", {"KVM_GET_CPUID2", "KVM_GET_CPUID2", "KVM_SET_CPUID2"}},
		{"KVM_SET_LAPIC", {"KVM_GET_LAPIC", "KVM_GET_SREGS"}},
		{"KVM_SET_MP_STATE", {"KVM_GET_MP_STATE", "KVM_GET_VCPU_EVENTS"}},
		{"KVM_SET_TSC_KHZ", {"KVM_GET_TSC_KHZ"}},
		{"KVM_SET_NESTED_STATE", {"KVM_GET_NESTED_STATE"}},
		{"KVM_SET_ONE_REG", {"KVM_GET_ONE_REG"}},
		{"KVM_SET_GUEST_DEBUG",
		 {"KVM_GET_DEBUGREGS", "KVM_GET_REGS", "KVM_GET_VCPU_EVENTS"}},
		{"KVM_INTERRUPT", {"KVM_GET_SREGS", "KVM_GET_VCPU_EVENTS", "KVM_INTERRUPT"}},
		{"KVM_NMI", {"KVM_GET_VCPU_EVENTS"}},
		{"KVM_SMI", {"KVM_GET_VCPU_EVENTS"}},
		{"KVM_X86_SETUP_MCE", {"KVM_X86_SET_MCE", "KVM_GET_MSRS"}},
		{"KVM_X86_SET_MCE", {"KVM_GET_MSRS", "KVM_GET_VCPU_EVENTS"}},
		{"KVM_SET_IRQCHIP", {"KVM_GET_IRQCHIP"}},
		{"KVM_IRQ_LINE", {"KVM_GET_IRQCHIP", "KVM_IRQ_LINE_STATUS"}},
		{"KVM_SET_PIT", {"KVM_GET_PIT", "KVM_GET_PIT2"}},
		{"KVM_SET_PIT2", {"KVM_GET_PIT2", "KVM_GET_PIT"}},
		{"KVM_CREATE_PIT2", {"KVM_GET_PIT2", "KVM_CREATE_PIT2", "KVM_CREATE_PIT"}},
		{"KVM_CREATE_PIT", {"KVM_GET_PIT2", "KVM_CREATE_PIT2"}},
		{"KVM_CREATE_IRQCHIP",
		 {"KVM_GET_IRQCHIP", "KVM_CREATE_IRQCHIP", "KVM_CREATE_VCPU"}},
		{"KVM_SET_CLOCK", {"KVM_GET_CLOCK"}},
		{"KVM_CREATE_VCPU",
		 {"KVM_GET_MP_STATE", "KVM_GET_REGS", "KVM_GET_SREGS", "KVM_GET_LAPIC",
		  "KVM_CREATE_VCPU"}},
		{"KVM_SET_USER_MEMORY_REGION",
		 {"KVM_SET_USER_MEMORY_REGION", "KVM_GET_DIRTY_LOG", "KVM_CLEAR_DIRTY_LOG"}},
		{"KVM_GET_DIRTY_LOG", {"KVM_GET_DIRTY_LOG"}},
		{"KVM_IRQFD", {"KVM_IRQFD"}},
		{"KVM_IOEVENTFD", {"KVM_IOEVENTFD"}},
		{"KVM_HYPERV_EVENTFD", {"KVM_HYPERV_EVENTFD"}},
		{"KVM_REGISTER_COALESCED_MMIO", {"KVM_UNREGISTER_COALESCED_MMIO"}},
		{"KVM_SET_DEVICE_ATTR", {"KVM_GET_DEVICE_ATTR", "KVM_HAS_DEVICE_ATTR"}},
		{"KVM_XEN_HVM_SET_ATTR", {"KVM_XEN_HVM_GET_ATTR"}},
		{"KVM_XEN_VCPU_SET_ATTR", {"KVM_XEN_VCPU_GET_ATTR"}},
		{"KVM_SET_NR_MMU_PAGES", {"KVM_GET_NR_MMU_PAGES"}},
		{"KVM_ENABLE_CAP",
		 {"KVM_ENABLE_CAP", "KVM_CHECK_EXTENSION", "KVM_CREATE_VCPU", "KVM_GET_IRQCHIP"}},
		{"KVM_SET_TSS_ADDR", {"KVM_SET_TSS_ADDR", "KVM_CREATE_VCPU"}},
		{"KVM_SET_IDENTITY_MAP_ADDR", {"KVM_CREATE_VCPU", "KVM_SET_IDENTITY_MAP_ADDR"}},
		{"KVM_SET_BOOT_CPU_ID", {"KVM_CREATE_VCPU", "KVM_SET_BOOT_CPU_ID"}},
		{"KVM_CHECK_EXTENSION", {"KVM_CHECK_EXTENSION"}},
		{"KVM_GET_MSR_INDEX_LIST", {"KVM_GET_MSR_INDEX_LIST", "KVM_GET_MSRS"}},
		{"KVM_GET_SUPPORTED_CPUID", {"KVM_GET_SUPPORTED_CPUID"}},
		{"KVM_RUN",
		 {"KVM_GET_REGS", "KVM_GET_SREGS", "KVM_GET_MP_STATE", "KVM_GET_VCPU_EVENTS",
		  "KVM_RUN"}},
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(table); i++) {
		if (!strcmp(table[i].of, name))
			return table[i].by;
	}
	return NULL;
}

const char *fuzz_grammar_needs(const char *name)
{
	static const char *const table[][2] = {
		{"KVM_GET_IRQCHIP", "KVM_CREATE_IRQCHIP"},
		{"KVM_SET_IRQCHIP", "KVM_CREATE_IRQCHIP"},
		{"KVM_IRQ_LINE", "KVM_CREATE_IRQCHIP"},
		{"KVM_IRQ_LINE_STATUS", "KVM_CREATE_IRQCHIP"},
		{"KVM_SET_GSI_ROUTING", "KVM_CREATE_IRQCHIP"},
		{"KVM_IRQFD", "KVM_CREATE_IRQCHIP"},
		{"KVM_SIGNAL_MSI", "KVM_CREATE_IRQCHIP"},
		{"KVM_CREATE_PIT", "KVM_CREATE_IRQCHIP"},
		{"KVM_CREATE_PIT2", "KVM_CREATE_IRQCHIP"},
		{"KVM_GET_LAPIC", "KVM_CREATE_IRQCHIP"},
		{"KVM_SET_LAPIC", "KVM_CREATE_IRQCHIP"},
		{"KVM_SET_VAPIC_ADDR", "KVM_CREATE_IRQCHIP"},
		{"KVM_SET_MP_STATE", "KVM_CREATE_IRQCHIP"},
		{"KVM_GET_PIT", "KVM_CREATE_PIT2"},
		{"KVM_SET_PIT", "KVM_CREATE_PIT2"},
		{"KVM_GET_PIT2", "KVM_CREATE_PIT2"},
		{"KVM_SET_PIT2", "KVM_CREATE_PIT2"},
		{"KVM_REINJECT_CONTROL", "KVM_CREATE_PIT2"},
		{"KVM_GET_DIRTY_LOG", "KVM_SET_USER_MEMORY_REGION"},
		{"KVM_CLEAR_DIRTY_LOG", "KVM_SET_USER_MEMORY_REGION"},
		{"KVM_XEN_HVM_SET_ATTR", "KVM_XEN_HVM_CONFIG"},
		{"KVM_XEN_VCPU_SET_ATTR", "KVM_XEN_HVM_CONFIG"},
		{"KVM_X86_SET_MCE", "KVM_X86_SETUP_MCE"},
		{"KVM_UNREGISTER_COALESCED_MMIO", "KVM_REGISTER_COALESCED_MMIO"},
		{"KVM_SET_NESTED_STATE", "KVM_SET_CPUID2"},
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(table); i++) {
		if (!strcmp(table[i][0], name))
			return table[i][1];
	}
	return NULL;
}

/* --- guest code ------------------------------------------------------------------------------- */

/* clang-format off */

static const uint8_t code_out[] = {
	0xb0, 0x53,				/* mov al, 0x53 */
	0xe6, 0x10,				/* out 0x10, al */
	0xba, 0x10, 0x05,			/* mov dx, 0x510 */
	0xef,					/* out dx, ax */
	0xed,					/* in ax, dx */
	0x66, 0xed,				/* in eax, dx */
	0xf4,					/* hlt */
	0xeb, 0xfd,				/* jmp to the hlt */
};

static const uint8_t code_mmio[] = {
	0xa3, 0x00, 0xd0,			/* mov [0xd000], ax */
	0x66, 0xa1, 0x00, 0xd0,			/* mov eax, [0xd000] */
	0xa0, 0xff, 0xdf,			/* mov al, [0xdfff] */
	0xa1, 0xff, 0xdf,			/* mov ax, [0xdfff]: over the end of a page */
	0xf4,					/* hlt */
	0xeb, 0xfd,				/* jmp to the hlt */
};

static const uint8_t code_write[] = {
	0xc6, 0x06, 0x00, 0x1f, 0x5a,		/* mov byte [0x1f00], 0x5a: makes the page dirty */
	0x0f, 0xa2,				/* cpuid */
	0xfb,					/* sti */
	0xf4,					/* hlt */
	0xeb, 0xfd,				/* jmp to the hlt */
};

static const uint8_t code_msr[] = {
	0x66, 0xb9, 0x78, 0x56, 0x34, 0x12,	/* mov ecx, 0x12345678 */
	0x0f, 0x32,				/* rdmsr */
	0x0f, 0x30,				/* wrmsr */
	0xf4,					/* hlt */
	0xeb, 0xfd,				/* jmp to the hlt */
};

static const uint8_t code_hypercall[] = {
	0x66, 0xb8, 0x0c, 0x00, 0x00, 0x00,	/* mov eax, 12: map a range of guest memory */
	0x66, 0xb9, 0x01, 0x00, 0x00, 0x00,	/* mov ecx, 1 */
	0x0f, 0x01, 0xd9,			/* vmmcall */
	0xcc,					/* int3 */
	0xf4,					/* hlt */
	0xeb, 0xfd,				/* jmp to the hlt */
};

static const uint8_t code_window[] = {
	0xfb,					/* sti */
	0x90,					/* nop */
	0x90,					/* nop */
	0xf4,					/* hlt */
	0xeb, 0xfd,				/* jmp to the hlt */
};

/* clang-format on */

const struct fuzz_code *fuzz_grammar_codes(unsigned int *count)
{
	static const struct fuzz_code codes[] = {
		{code_out, sizeof(code_out), 5},       {code_mmio, sizeof(code_mmio), 6},
		{code_write, sizeof(code_write), 1},   {code_msr, sizeof(code_msr), 3},
		{code_window, sizeof(code_window), 2}, {code_hypercall, sizeof(code_hypercall), 2},
	};

	*count = ARRAY_COUNT(codes);
	return codes;
}
