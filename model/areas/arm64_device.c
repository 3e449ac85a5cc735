/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices of arm64: the interrupt controllers (devices/arm-vgic.rst, arm-vgic-v3.rst,
 * arm-vgic-its.rst) and the attributes of vCPUs (devices/vcpu.rst): PMU, timers, stolen time.
 * Compiled against the UAPI headers of arm64.
 */
#include "model/areas/arm64.h"

#define V2 KVM_DEV_TYPE_ARM_VGIC_V2
#define V3 KVM_DEV_TYPE_ARM_VGIC_V3

#define PRIVATE_IRQS 32
#define FIRST_PPI    16

/* --- what is known ---------------------------------------------------------------------------- */

static enum state_tri known_in(const struct state_set *set, bool fresh, uint64_t key, uint64_t key2,
			       uint64_t *value)
{
	const struct state_entry *e = state_set_find(set, key, key2);

	if (e && e->known) {
		*value = e->value[0];
		return STATE_YES;
	}
	return e || set->open || !fresh ? STATE_UNKNOWN : STATE_NO;
}

enum state_tri arm64_fact(const struct question *q, uint64_t kind, uint64_t which, uint64_t *value)
{
	return known_in(&q->vm->facts, q->vm->fresh, kind, which, value);
}

enum state_tri arm64_vcpu_fact(const struct question *q, uint64_t key, uint64_t key2,
			       uint64_t *value)
{
	return known_in(&q->vcpu->attrs, q->vcpu->fresh, key, key2, value);
}

void arm64_vcpu_fact_set(struct learn *l, uint64_t key, uint64_t key2, uint64_t value)
{
	struct state_entry *e = state_set_add(&l->vcpu->attrs, key, key2);

	if (!e) {
		l->oom = -ENOMEM;
		return;
	}
	e->known = 1;
	e->value[0] = value;
}

enum state_tri arm64_gic(const struct question *q)
{
	const struct state_vm *vm = q->vm;

	if (vm->irqchip == STATE_IRQCHIP_KERNEL)
		return STATE_YES;
	if (vm->irqchip != STATE_IRQCHIP_NONE || !vm->fresh)
		return STATE_UNKNOWN;
	for (uint32_t i = 0; i < vm->device_count; i++) {
		if (vm->devices[i]->type != KVM_DEV_TYPE_VFIO &&
		    vm->devices[i]->type != KVM_DEV_TYPE_ARM_VGIC_ITS)
			return STATE_UNKNOWN;
	}
	return STATE_NO;
}

uint64_t arm64_gic_type(const struct question *q)
{
	uint64_t type = 0;

	return arm64_gic(q) == STATE_YES && arm64_fact(q, ARM_FACT_GIC, 0, &type) == STATE_YES
		       ? type
		       : 0;
}

enum state_tri arm64_gic_ready(const struct question *q)
{
	uint64_t value;
	enum state_tri ready = arm64_fact(q, ARM_FACT_GIC_READY, 0, &value);

	return ready == STATE_NO && arm64_gic_type(q) != V3 ? STATE_UNKNOWN : ready;
}

void arm64_gic_made(struct learn *l, uint64_t type)
{
	l->vm->irqchip = STATE_IRQCHIP_KERNEL;
	vm_fact_set(l, ARM_FACT_GIC, 0, type, 0);
}

enum state_tri arm64_feature(const struct question *q, unsigned int feature)
{
	const struct state_vcpu *v = q->vcpu;

	if (arm64_unsure(v) || !v->fresh || v->arm_initialized == STATE_UNKNOWN)
		return STATE_UNKNOWN;
	if (v->arm_initialized == STATE_NO)
		return STATE_NO;
	return v->arm_features >> feature & 1 ? STATE_YES : STATE_NO;
}

/* A vCPU may be inside of one of its ioctls, which keeps others from the state of all. */
static void may_be_busy(struct answer *a)
{
	if (q_vm_ran(a->q) || !a->q->vm->fresh)
		a_may_fail(a, R_ARM_DEVICE_BUSY);
}

/* --- KVM_CREATE_DEVICE (api.rst 4.79) --------------------------------------------------------- */

/* Types that a kernel of arm64 can have. */
static bool type_of_arm(uint64_t type)
{
	return type == KVM_DEV_TYPE_VFIO || type == V2 || type == V3 ||
	       type == KVM_DEV_TYPE_ARM_VGIC_ITS || type == KVM_DEV_TYPE_ARM_VGIC_V5;
}

static void answer_create_gic(struct answer *a)
{
	const struct question *q = a->q;
	const struct state_vm *vm = q->vm;
	enum state_tri there = arm64_gic(q);
	bool late = false;
	uint64_t ran;

	if (a_refuse(a, R_ARM_DEVICE_ONCE, there))
		return;
	if (vm->vcpu_count > 8 || !vm->fresh)
		a_may_fail_with(a, R_ARM_DEVICE_REFUSED, E2BIG);
	for (uint32_t i = 0; there == STATE_NO && i < vm->vcpu_count; i++)
		late |= arm64_fact(q, ARM_FACT_RAN, vm->vcpus[i]->id, &ran) == STATE_YES;
	if (a_refuse(a, R_ARM_DEVICE_LATE, tri_may(late, vm->has_run != STATE_NO || !vm->fresh)))
		return;
	a_succeeds(a, R_CREATE_DEVICE_SUCCEEDS);
}

static bool device_asked(const struct question *q, uint64_t *type, uint64_t *flags)
{
	return Q_IN(q, struct kvm_create_device, type, type) &&
	       Q_IN(q, struct kvm_create_device, flags, flags);
}

static void answer_create_device(const struct question *q, struct answer *a)
{
	uint64_t type, flags, before;

	if (!device_asked(q, &type, &flags)) {
		a_skip(a, "argument not captured");
		return;
	}
	/* The host's own interrupt controller decides what can be emulated; VFIO may be missing. */
	if (a_refuse(a, R_CREATE_DEVICE_TYPE,
		     tri_may(!type_of_arm(type) && (type < KVM_DEV_TYPE_MAX || !q_newer(q)),
			     !arm64_gic_type(q) || type != arm64_gic_type(q))))
		return;
	if (flags & KVM_CREATE_DEVICE_TEST) {
		a_succeeds(a, R_CREATE_DEVICE_TEST);
		a_makes_nothing(a);
		if (Q_IN(q, struct kvm_create_device, fd, &before))
			A_EQUAL(a, R_CREATE_DEVICE_TEST, struct kvm_create_device, fd, before);
		return;
	}
	may_be_busy(a);
	if (type == V2 || type == V3) {
		answer_create_gic(a);
	} else if (type == KVM_DEV_TYPE_ARM_VGIC_ITS) {
		a_succeeds(a, R_CREATE_DEVICE_SUCCEEDS);
	} else {
		a_may_fail(a, R_CREATE_DEVICE_ONCE);
		a_may_fail(a, R_ARM_DEVICE_ONCE);
		a_may_fail(a, R_ARM_DEVICE_LATE);
		a_may_succeed(a, R_CREATE_DEVICE_OTHER, "what this type needs");
	}
	a_created_field(a, offsetof(struct kvm_create_device, fd));
}

static void learn_create_device(struct learn *l)
{
	uint64_t type, flags;

	if (!device_asked(l->q, &type, &flags)) {
		if (l->ret->ret >= 0)
			l->vm->irqchip = STATE_IRQCHIP_UNKNOWN;
		return;
	}
	if (!l->succeeded || flags & KVM_CREATE_DEVICE_TEST)
		return;
	if (type == V2 || type == V3)
		arm64_gic_made(l, type);
	else if (type == KVM_DEV_TYPE_ARM_VGIC_V5)
		l->vm->irqchip = STATE_IRQCHIP_UNKNOWN;
}

/* --- attributes ------------------------------------------------------------------------------- */

struct attr {
	uint64_t group, number;
	bool set;		      /* KVM_SET_DEVICE_ATTR */
	const struct tape_part *data; /* what was behind addr before, NULL = not captured */
};

static bool attr_read(const struct question *q, struct attr *attr, bool set)
{
	attr->set = set;
	attr->data = q_part(q, TAPE_NESTED_IN);
	return Q_IN(q, struct kvm_device_attr, group, &attr->group) &&
	       Q_IN(q, struct kvm_device_attr, attr, &attr->number);
}

/* False: the answer is whole. */
static bool attr_asked(const struct question *q, struct answer *a, struct attr *attr, bool set)
{
	if (attr_read(q, attr, set))
		return true;
	a_skip(a, "argument not captured");
	return false;
}

/* The kernel reads the buffer of a SET, and writes that of a GET. */
static void attr_may_fault(struct answer *a, const struct attr *attr)
{
	a_buffer_may_fault(a, attr->set ? TAPE_NESTED_IN : TAPE_NESTED_OUT);
}

/* Only a new kernel has groups or attributes with numbers from `first` on. */
static bool only_newer(const struct question *q, uint64_t number, uint64_t first)
{
	return number >= first && q_maybe_newer(q);
}

static void attr_unknown(struct answer *a)
{
	a_must_fail(a, R_DEVICE_ATTR_UNKNOWN);
}

static void attr_perhaps(struct answer *a, const char *unknown)
{
	a_may_fail(a, R_DEVICE_ATTR_UNKNOWN);
	a_may_succeed(a, R_DEVICE_ATTR_OTHER, unknown);
}

/* Numbers from `first` on are those of newer kernels, others there are not. */
static void attr_newer(struct answer *a, uint64_t number, uint64_t first, const char *unknown)
{
	if (only_newer(a->q, number, first))
		attr_perhaps(a, unknown);
	else
		attr_unknown(a);
}

/* --- base addresses of GIC and ITS --- */

struct place {
	uint64_t kind, which; /* of the fact that remembers it */
	uint64_t align, size;
};

/* The address that a device may have: true if the answer is whole. */
static bool place_refused(struct answer *a, const struct place *p, uint64_t addr)
{
	uint64_t was;
	enum state_tri once = arm64_fact(a->q, p->kind, p->which, &was);
	bool crooked = addr % p->align != 0, wraps = addr + p->size < addr;
	/* A VM of type 0 has 40 bits of addresses. */
	bool beyond = addr >> 52 || (!vm_typed(a->q) && addr >> 40);

	if (once != STATE_YES && !crooked && !wraps && !beyond) {
		if (once == STATE_UNKNOWN)
			a_may_fail(a, R_ARM_PLACE_ONCE);
		if ((addr + p->size) >> 36)
			a_may_fail(a, R_ARM_PLACE_RANGE);
		return false;
	}
	/* Which of them is seen first is a matter of the kernel. */
	if (beyond || addr >> 36)
		a_may_fail(a, R_ARM_PLACE_RANGE);
	if (once != STATE_NO)
		a_may_fail(a, R_ARM_PLACE_ONCE);
	if (crooked || wraps)
		a_must_fail(a, R_ARM_PLACE_ALIGNED);
	else if (beyond)
		a_must_fail(a, R_ARM_PLACE_RANGE);
	else
		a_must_fail(a, R_ARM_PLACE_ONCE);
	return true;
}

static void answer_place_set(struct answer *a, const struct attr *attr, const struct place *p)
{
	uint64_t addr;

	attr_may_fault(a, attr);
	if (!q_field(a->q, attr->data, 0, 8, &addr)) {
		a_may_fail(a, R_ARM_PLACE_ONCE);
		a_may_fail(a, R_ARM_PLACE_ALIGNED);
		a_may_fail(a, R_ARM_PLACE_RANGE);
		a_may_succeed(a, R_DEVICE_ATTR_OTHER, "the address was not captured");
		return;
	}
	if (!place_refused(a, p, addr))
		a_succeeds(a, R_ARM_PLACE_SET);
}

static void learn_place_set(struct learn *l, const struct attr *attr, const struct place *p)
{
	uint64_t addr;

	if (!q_field(l->q, attr->data, 0, 8, &addr)) {
		if (l->succeeded)
			vm_fact_drop(l, p->kind, p->which);
		l->vm->facts.open = true;
	} else if (l->succeeded) {
		vm_fact_set(l, p->kind, p->which, addr, 0);
	}
}

static void answer_place_get(struct answer *a, const struct attr *attr, const struct place *p)
{
	uint64_t addr;

	attr_may_fault(a, attr);
	a_succeeds(a, R_ARM_PLACE_GET);
	if (arm64_fact(a->q, p->kind, p->which, &addr) == STATE_YES)
		a_equal(a, R_ARM_PLACE_GET, "address", addr, TAPE_NESTED_OUT, 0, 8);
}

/* The address of this attribute of the GIC; false if it has none. */
static bool gic_place(uint64_t type, uint64_t attr, struct place *p)
{
	*p = (struct place){.kind = ARM_FACT_GIC_ADDR, .which = attr, .align = 65536};
	switch (attr) {
	case KVM_VGIC_V2_ADDR_TYPE_DIST:
	case KVM_VGIC_V2_ADDR_TYPE_CPU:
		p->align = p->size = 4096;
		return type == V2;
	case KVM_VGIC_V3_ADDR_TYPE_DIST:
		p->size = 65536;
		return type == V3;
	default:
		return false;
	}
}

/* There are regions of redistributors. */
static enum state_tri has_regions(const struct question *q)
{
	uint64_t value;

	return arm64_fact(q, ARM_FACT_GIC_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &value);
}

/* There is the single region for all vCPUs. */
static enum state_tri has_redist(const struct question *q)
{
	uint64_t value;

	return arm64_fact(q, ARM_FACT_GIC_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &value);
}

/* KVM_VGIC_V3_ADDR_TYPE_REDIST: a single region for all vCPUs. */
static void answer_redist_set(struct answer *a, const struct attr *attr, const struct place *p)
{
	if (has_regions(a->q) == STATE_YES) {
		attr_may_fault(a, attr);
		a_must_fail(a, R_ARM_REDIST_MIXED);
		return;
	}
	/* It must not lie over the distributor, of whose place not all may be known. */
	a_may_fail(a, R_ARM_PLACE_TAKEN);
	answer_place_set(a, attr, p);
}

/* KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION: index, flags, base, count. */
static void answer_region_set(struct answer *a, const struct attr *attr)
{
	const struct question *q = a->q;
	uint64_t region, next = 0;
	enum state_tri before = arm64_fact(q, ARM_FACT_GIC_ADDR, attr->number, &next);

	attr_may_fault(a, attr);
	if (!q_field(q, attr->data, 0, 8, &region)) {
		attr_perhaps(a, "the region was not captured");
		return;
	}
	if (!(region >> 52) || region >> 12 & 15 ||
	    (before != STATE_UNKNOWN && (region & 0xfff) != next && has_redist(q) == STATE_NO)) {
		a_must_fail(a, R_ARM_REDIST_REGION);
		return;
	}
	a_may_fail(a, R_ARM_PLACE_TAKEN);
	a_may_fail(a, R_ARM_PLACE_RANGE);
	a_may_succeed(a, R_DEVICE_ATTR_OTHER, "where the other regions are");
}

static void learn_region_set(struct learn *l, const struct attr *attr)
{
	uint64_t region;

	if (!q_field(l->q, attr->data, 0, 8, &region))
		l->vm->facts.open = true;
	else if (l->succeeded)
		vm_fact_set(l, ARM_FACT_GIC_ADDR, attr->number, (region & 0xfff) + 1, 0);
}

/* The buffer holds the index before. */
static void answer_region_get(struct answer *a, const struct attr *attr)
{
	uint64_t region, next = 0;
	enum state_tri any = arm64_fact(a->q, ARM_FACT_GIC_ADDR, attr->number, &next);
	bool none;

	attr_may_fault(a, attr);
	none = any != STATE_UNKNOWN && q_field(a->q, attr->data, 0, 8, &region) &&
	       (region & 0xfff) >= next && has_redist(a->q) == STATE_NO;
	if (a_refuse(a, R_ARM_REDIST_NONE, tri_may(none, true)))
		return;
	a_may_succeed(a, R_DEVICE_ATTR_OTHER, "which regions there are");
}

static bool is_redist(uint64_t type, uint64_t number)
{
	return type == V3 && (number == KVM_VGIC_V3_ADDR_TYPE_REDIST ||
			      number == KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION);
}

static void answer_gic_addr(struct answer *a, const struct attr *attr, uint64_t type)
{
	const bool single = attr->number == KVM_VGIC_V3_ADDR_TYPE_REDIST;
	struct place p;

	if (gic_place(type, attr->number, &p)) {
		if (attr->set)
			answer_place_set(a, attr, &p);
		else
			answer_place_get(a, attr, &p);
	} else if (!is_redist(type, attr->number)) {
		attr_may_fault(a, attr);
		attr_unknown(a);
	} else if (attr->set && single) {
		answer_redist_set(a, attr, &p);
	} else if (attr->set) {
		answer_region_set(a, attr);
	} else if (single) {
		answer_place_get(a, attr, &p);
	} else {
		answer_region_get(a, attr);
	}
}

static void learn_gic_addr_set(struct learn *l, const struct attr *attr, uint64_t type)
{
	struct place p;

	if (gic_place(type, attr->number, &p))
		learn_place_set(l, attr, &p);
	else if (!is_redist(type, attr->number))
		return;
	else if (attr->number == KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION)
		learn_region_set(l, attr);
	else if (has_regions(l->q) != STATE_YES)
		learn_place_set(l, attr, &p);
}

/* --- number of interrupts, initialisation --- */

static void answer_gic_irqs_set(struct answer *a, const struct attr *attr)
{
	const struct question *q = a->q;
	uint64_t irqs, was;
	enum state_tri once = arm64_fact(q, ARM_FACT_GIC_IRQS, 0, &was);

	attr_may_fault(a, attr);
	if (once == STATE_NO && arm64_gic_ready(q) != STATE_NO)
		once = arm64_gic_ready(q);
	if (!q_field(q, attr->data, 0, 4, &irqs)) {
		attr_perhaps(a, "the number was not captured");
		return;
	}
	if (once != STATE_NO)
		a_may_fail(a, R_ARM_GIC_IRQS_ONCE);
	/* The last of the 1024 are no interrupts, which kernels take in different ways. */
	if (irqs > 992)
		a_may_fail(a, R_ARM_GIC_IRQS_RANGE);
	if (a_refuse(a, R_ARM_GIC_IRQS_RANGE, tri(irqs < 64 || irqs > 1024 || irqs % 32)))
		return;
	if (once == STATE_YES)
		a_must_fail(a, R_ARM_GIC_IRQS_ONCE);
	else
		a_succeeds(a, R_ARM_GIC_IRQS_SET);
}

static void learn_gic_irqs_set(struct learn *l, const struct attr *attr)
{
	uint64_t irqs;

	if (!q_field(l->q, attr->data, 0, 4, &irqs))
		l->vm->facts.open = true;
	else if (l->succeeded)
		vm_fact_set(l, ARM_FACT_GIC_IRQS, 0, irqs, 0);
}

static void answer_gic_irqs_get(struct answer *a, const struct attr *attr)
{
	uint64_t irqs;

	attr_may_fault(a, attr);
	a_succeeds(a, R_ARM_GIC_IRQS_GET);
	if (arm64_fact(a->q, ARM_FACT_GIC_IRQS, 0, &irqs) == STATE_YES && irqs)
		a_equal(a, R_ARM_GIC_IRQS_GET, "number", irqs, TAPE_NESTED_OUT, 0, 4);
}

static void answer_gic_ctrl_set(struct answer *a, const struct attr *attr, uint64_t type)
{
	const struct state_vm *vm = a->q->vm;

	if (attr->number == KVM_DEV_ARM_VGIC_CTRL_INIT) {
		if (!vm->vcpu_count || !vm->fresh)
			a_may_fail_with(a, R_ARM_GIC_INIT_REFUSED, ENODEV);
		/* A vCPU that another thread makes is in the way. */
		a_may_fail_with(a, R_ARM_GIC_INIT_REFUSED, EBUSY);
		a_may_fail_with(a, R_ARM_GIC_INIT_REFUSED, ENXIO);
		a_succeeds(a, R_ARM_GIC_INIT);
	} else if (type == V3 && attr->number == KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES) {
		may_be_busy(a);
		a_may_fail(a, R_ARM_ITS_MEMORY);
		attr_perhaps(a, "where the guest has its pending tables");
	} else {
		attr_newer(a, attr->number, 5, "an attribute of newer kernels");
	}
}

static void learn_gic_ctrl_set(struct learn *l, const struct attr *attr)
{
	uint64_t irqs;

	if (!l->succeeded || attr->number != KVM_DEV_ARM_VGIC_CTRL_INIT)
		return;
	vm_fact_set(l, ARM_FACT_GIC_READY, 0, 1, 0);
	if (arm64_fact(l->q, ARM_FACT_GIC_IRQS, 0, &irqs) != STATE_YES)
		vm_fact_set(l, ARM_FACT_GIC_IRQS, 0, 0, 0);
}

/* --- registers of the GIC --- */

/* No vCPU has the affinity that stands in the upper half of attr.  One that was not initialised has
 * affinity 0. */
static bool mpidr_absent(const struct question *q, uint64_t attr)
{
	uint64_t affinity = attr >> 32, value;

	if (!affinity || !q->vm->fresh || arm64_fact(q, ARM_FACT_MPIDR, 0, &value) != STATE_NO)
		return false;
	for (uint32_t i = 0; i < q->vm->vcpu_count; i++) {
		uint64_t id = q->vm->vcpus[i]->number;

		if (id == UINT64_MAX ||
		    affinity == ((id & 15) | (id >> 4 & 0xff) << 8 | (id >> 12 & 0xff) << 16))
			return false;
	}
	return true;
}

/* The same for a GICv2, where it is the number of a vCPU. */
static bool cpu_absent(const struct question *q, uint64_t attr)
{
	uint64_t cpu = attr >> 32 & 0xff;

	return q->vm->fresh && cpu >= q->vm->vcpu_count && !state_vm_vcpu_number(q->vm, cpu);
}

static bool gic_has_regs(uint64_t type, uint64_t group)
{
	switch (group) {
	case KVM_DEV_ARM_VGIC_GRP_DIST_REGS:
		return true;
	case KVM_DEV_ARM_VGIC_GRP_CPU_REGS:
		return type == V2;
	case KVM_DEV_ARM_VGIC_GRP_REDIST_REGS:
	case KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS:
	case KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO:
		return type == V3;
	default:
		return false;
	}
}

/* An attribute of a CPU that the VM does not have: true if the answer is whole. */
static bool gic_cpu_absent(struct answer *a, const struct attr *attr, uint64_t type)
{
	const bool absent = type == V2 ? cpu_absent(a->q, attr->number)
				       : attr->group != KVM_DEV_ARM_VGIC_GRP_DIST_REGS &&
						 mpidr_absent(a->q, attr->number);

	if (absent && type == V2)
		may_be_busy(a);
	return a_refuse(a, R_ARM_GIC_CPU, tri_may(absent, true));
}

static void answer_gic_regs(struct answer *a, const struct attr *attr, uint64_t type)
{
	enum state_tri ready = arm64_gic_ready(a->q);
	bool bad_level = attr->group == KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO &&
			 attr->number & 0xffffffff & ~0x3e0ull;

	attr_may_fault(a, attr);
	if (gic_cpu_absent(a, attr, type))
		return;
	if (type == V3 && ready == STATE_NO) {
		a_must_fail(a, R_ARM_GIC_REGS_EARLY);
		return;
	}
	may_be_busy(a);
	if (ready != STATE_YES)
		a_may_fail(a, R_ARM_GIC_REGS_EARLY);
	if (a_refuse(a, R_ARM_GIC_LEVEL, tri(bad_level)))
		return;
	a_may_fail(a, R_ARM_GIC_REG_NONE);
	a_may_succeed(a, R_ARM_GIC_REG, "which registers this GIC has");
}

/* A GICv2 initialises itself before it looks for the register. */
static void learn_gic_regs(struct learn *l, const struct attr *attr, uint64_t type)
{
	if (type == V2 && !cpu_absent(l->q, attr->number))
		vm_fact_set(l, ARM_FACT_GIC_READY, 0, 1, 0);
}

static void answer_gic_has(struct answer *a, const struct attr *attr, uint64_t type)
{
	struct place p;
	bool has = false;

	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		has = gic_place(type, attr->number, &p) || is_redist(type, attr->number);
		break;
	case KVM_DEV_ARM_VGIC_GRP_NR_IRQS:
		has = true;
		break;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		has = attr->number == KVM_DEV_ARM_VGIC_CTRL_INIT ||
		      (type == V3 && attr->number == KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES);
		if (!has) {
			attr_newer(a, attr->number, 5, "an attribute of newer kernels");
			return;
		}
		break;
	case KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO:
		has = type == V3 && !(attr->number & 0xfffffc00);
		break;
	default:
		if (gic_has_regs(type, attr->group)) {
			if (!gic_cpu_absent(a, attr, type))
				attr_perhaps(a, "which registers this GIC has");
		} else if (attr->group == KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ) {
			attr_perhaps(a, "a group of newer kernels");
		} else {
			attr_newer(a, attr->group, KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ,
				   "a group of newer kernels");
		}
		return;
	}
	if (has)
		a_succeeds(a, R_ARM_ATTR_HAS);
	else
		attr_unknown(a);
}

static void answer_gic_access(struct answer *a, const struct attr *attr, uint64_t type)
{
	if (gic_has_regs(type, attr->group)) {
		answer_gic_regs(a, attr, type);
		return;
	}
	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		answer_gic_addr(a, attr, type);
		break;
	case KVM_DEV_ARM_VGIC_GRP_NR_IRQS:
		if (attr->set)
			answer_gic_irqs_set(a, attr);
		else
			answer_gic_irqs_get(a, attr);
		break;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		if (attr->set)
			answer_gic_ctrl_set(a, attr, type);
		else
			attr_unknown(a);
		break;
	case KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ:
		a_may_fail_with(a, R_ARM_DEVICE_REFUSED, EINVAL);
		a_may_fail_with(a, R_ARM_DEVICE_REFUSED, EBUSY);
		attr_perhaps(a, "a group of newer kernels");
		break;
	default:
		attr_newer(a, attr->group, KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ,
			   "a group of newer kernels");
		break;
	}
}

static void learn_gic_access(struct learn *l, const struct attr *attr, uint64_t type)
{
	if (gic_has_regs(type, attr->group)) {
		learn_gic_regs(l, attr, type);
		return;
	}
	if (!attr->set)
		return;
	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		learn_gic_addr_set(l, attr, type);
		break;
	case KVM_DEV_ARM_VGIC_GRP_NR_IRQS:
		learn_gic_irqs_set(l, attr);
		break;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		learn_gic_ctrl_set(l, attr);
		break;
	default:
		break;
	}
}

/* --- the ITS (devices/arm-vgic-its.rst) --- */

#define GITS_BASER_FIRST 0x100
#define GITS_BASER_VALID (1ull << 63)

/* An address is in no slot. */
static bool outside_memory(const struct question *q, uint64_t gpa)
{
	const struct state_set *slots = &q->vm->slots;

	if (slots->open || !q->vm->fresh)
		return false;
	for (uint32_t i = 0; i < slots->count; i++) {
		const struct state_entry *e = &slots->entries[i];

		if (!e->known || (gpa >= e->value[0] && gpa - e->value[0] < e->value[1]))
			return false;
	}
	return true;
}

/* Where a table begins: bits 47 to 16, and bits 51 to 48 in those from 15 on. */
static uint64_t table_address(uint64_t baser)
{
	return (baser & 0xffffffff0000ull) | (baser >> 12 & 15) << 48;
}

/* Of the table of devices, or of collections: what ARM_FACT_ITS_TABLE is about. */
static uint64_t table_of(const struct question *q, bool collections)
{
	return (uint64_t)q->device->id << 1 | collections;
}

/* The table of devices, or of collections, is known to be where no memory is: no guest ran that
 * could have moved it. */
static bool table_lost(const struct question *q, bool collections)
{
	uint64_t baser;

	return arm64_fact(q, ARM_FACT_ITS_TABLE, table_of(q, collections), &baser) == STATE_YES &&
	       q->vm->has_run == STATE_NO && baser & GITS_BASER_VALID &&
	       outside_memory(q, table_address(baser));
}

static void answer_its_ctrl_set(struct answer *a, const struct attr *attr)
{
	const struct question *q = a->q;

	if (attr->number == KVM_DEV_ARM_VGIC_CTRL_INIT) {
		a_succeeds(a, R_ARM_ITS_CTRL);
		return;
	}
	may_be_busy(a);
	switch (attr->number) {
	case KVM_DEV_ARM_ITS_CTRL_RESET:
		a_succeeds(a, R_ARM_ITS_CTRL);
		return;
	case KVM_DEV_ARM_ITS_RESTORE_TABLES:
		if (table_lost(q, true) || table_lost(q, false)) {
			/* What stands in a table that is there is not on a tape. */
			if (!table_lost(q, true))
				a_may_fail_with(a, R_ARM_ITS_TABLES, EINVAL);
			a_must_fail(a, R_ARM_ITS_MEMORY);
			return;
		}
		a_may_fail_with(a, R_ARM_ITS_TABLES, EINVAL);
		break;
	case KVM_DEV_ARM_ITS_SAVE_TABLES:
		/* The end of the collections is marked, even if there are none. */
		if (table_lost(q, true)) {
			a_may_fail_with(a, R_ARM_ITS_TABLES, EACCES);
			a_must_fail(a, R_ARM_ITS_MEMORY);
			return;
		}
		a_may_fail_with(a, R_ARM_ITS_TABLES, EACCES);
		a_may_fail_with(a, R_ARM_ITS_TABLES, EINVAL);
		break;
	default:
		attr_perhaps(a, "an attribute that the documents do not name");
		return;
	}
	a_may_fail_with(a, R_ARM_ITS_TABLES, ENXIO);
	a_may_fail(a, R_ARM_ITS_MEMORY);
	a_may_succeed(a, R_ARM_ITS_TABLES, "what stands in the tables in guest memory");
}

static void learn_its_ctrl_set(struct learn *l, const struct attr *attr)
{
	if (!l->succeeded || attr->number != KVM_DEV_ARM_ITS_CTRL_RESET)
		return;
	vm_fact_set(l, ARM_FACT_ITS_TABLE, table_of(l->q, false), 0, 0);
	vm_fact_set(l, ARM_FACT_ITS_TABLE, table_of(l->q, true), 0, 0);
}

static void answer_its_regs(struct answer *a, const struct attr *attr)
{
	uint64_t addr;
	bool odd = attr->number & (attr->number < 8 || attr->number >= 0xffd0 ? 3 : 7);

	attr_may_fault(a, attr);
	if (a_refuse(a, R_ARM_ITS_REG_ALIGNED, tri(odd)))
		return;
	may_be_busy(a);
	a_may_fail(a, R_DEVICE_ATTR_UNKNOWN);
	if (arm64_fact(a->q, ARM_FACT_ITS_ADDR, a->q->device->id, &addr) == STATE_NO) {
		a_must_fail(a, R_ARM_ITS_REG_EARLY);
		return;
	}
	/* The revision of GITS_IIDR. */
	a_may_fail_with(a, R_ARM_ITS_TABLES, EINVAL);
	a_may_succeed(a, R_ARM_GIC_REG, "which registers this ITS has");
}

static void learn_its_regs_set(struct learn *l, const struct attr *attr)
{
	uint64_t value, table = table_of(l->q, attr->number & 8);

	if (!l->succeeded ||
	    (attr->number != GITS_BASER_FIRST && attr->number != GITS_BASER_FIRST + 8))
		return;
	if (!q_field(l->q, attr->data, 0, 8, &value))
		vm_fact_drop(l, ARM_FACT_ITS_TABLE, table);
	else
		vm_fact_set(l, ARM_FACT_ITS_TABLE, table, value, 0);
}

static struct place its_place(const struct question *q)
{
	return (struct place){.kind = ARM_FACT_ITS_ADDR,
			      .which = q->device->id,
			      .align = 65536,
			      .size = 2 * 65536};
}

static void answer_its_access(struct answer *a, const struct attr *attr)
{
	const struct place p = its_place(a->q);

	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		if (attr->number != KVM_VGIC_ITS_ADDR_TYPE)
			a_must_fail(a, R_ARM_ITS_ADDR_ATTR);
		else if (attr->set)
			answer_place_set(a, attr, &p);
		else
			answer_place_get(a, attr, &p);
		break;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		if (attr->set)
			answer_its_ctrl_set(a, attr);
		else
			attr_unknown(a);
		break;
	case KVM_DEV_ARM_VGIC_GRP_ITS_REGS:
		answer_its_regs(a, attr);
		break;
	default:
		attr_unknown(a);
		break;
	}
}

static void learn_its_set(struct learn *l, const struct attr *attr)
{
	const struct place p = its_place(l->q);

	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		if (attr->number == KVM_VGIC_ITS_ADDR_TYPE)
			learn_place_set(l, attr, &p);
		break;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		learn_its_ctrl_set(l, attr);
		break;
	case KVM_DEV_ARM_VGIC_GRP_ITS_REGS:
		learn_its_regs_set(l, attr);
		break;
	default:
		break;
	}
}

static void answer_its_has(struct answer *a, const struct attr *attr)
{
	bool has = false;

	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		has = attr->number == KVM_VGIC_ITS_ADDR_TYPE;
		break;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		has = attr->number == KVM_DEV_ARM_VGIC_CTRL_INIT ||
		      attr->number == KVM_DEV_ARM_ITS_CTRL_RESET ||
		      attr->number == KVM_DEV_ARM_ITS_SAVE_TABLES ||
		      attr->number == KVM_DEV_ARM_ITS_RESTORE_TABLES;
		break;
	case KVM_DEV_ARM_VGIC_GRP_ITS_REGS:
		a_may_fail(a, R_ARM_ITS_REG_ALIGNED);
		attr_perhaps(a, "which registers this ITS has");
		return;
	default:
		break;
	}
	if (has)
		a_succeeds(a, R_ARM_ATTR_HAS);
	else
		attr_unknown(a);
}

static bool is_gic(const struct question *q)
{
	return q->device && (q->device->type == V2 || q->device->type == V3);
}

static bool is_its(const struct question *q)
{
	return q->device && q->device->type == KVM_DEV_TYPE_ARM_VGIC_ITS;
}

static void answer_device_access(const struct question *q, struct answer *a, bool set)
{
	struct attr attr;

	if (!attr_asked(q, a, &attr, set))
		return;
	if (is_gic(q))
		answer_gic_access(a, &attr, q->device->type);
	else if (is_its(q))
		answer_its_access(a, &attr);
	else
		attr_perhaps(a, "the type of the device is not known");
}

static void learn_device_access(struct learn *l, bool set)
{
	struct attr attr;

	if (!attr_read(l->q, &attr, set)) {
		vm_facts_drop(l, ARM_FACT_ITS_TABLE);
		l->vm->facts.open = true;
	} else if (is_gic(l->q)) {
		learn_gic_access(l, &attr, l->q->device->type);
	} else if (is_its(l->q) && set) {
		learn_its_set(l, &attr);
	}
}

static void answer_device_set(const struct question *q, struct answer *a)
{
	answer_device_access(q, a, true);
}

static void learn_device_set(struct learn *l)
{
	learn_device_access(l, true);
}

static void answer_device_get(const struct question *q, struct answer *a)
{
	answer_device_access(q, a, false);
}

static void learn_device_get(struct learn *l)
{
	learn_device_access(l, false);
}

static void answer_device_has(const struct question *q, struct answer *a)
{
	struct attr attr;

	if (!attr_asked(q, a, &attr, false))
		return;
	if (is_gic(q))
		answer_gic_has(a, &attr, q->device->type);
	else if (is_its(q))
		answer_its_has(a, &attr);
	else
		attr_perhaps(a, "the type of the device is not known");
}

/* KVM_ARM_SET_DEVICE_ADDR (api.rst 4.85): the address of a GICv2 in another way. */
static void answer_set_device_addr(const struct question *q, struct answer *a)
{
	a_may_succeed(a, R_RETURN_ZERO_OR_ERROR, "no rule for this way to set an address");
}

static void learn_set_device_addr(struct learn *l)
{
	if (l->succeeded)
		l->vm->facts.open = true;
}

/* --- attributes of a vCPU (devices/vcpu.rst) -------------------------------------------------- */

#define PMU(name) ((uint64_t)KVM_ARM_VCPU_PMU_V3_CTRL << 32 | KVM_ARM_VCPU_PMU_V3_##name)
#define PVTIME	  ((uint64_t)KVM_ARM_VCPU_PVTIME_CTRL << 32 | KVM_ARM_VCPU_PVTIME_IPA)

/* Attributes that kernels before 6.17 have. */
#define PMU_ATTRS   4
/* And those of timers before the ones of nested virtualisation (6.4). */
#define TIMER_ATTRS 2

static void answer_pmu_irq_set(struct answer *a, const struct attr *attr)
{
	const struct question *q = a->q;
	uint64_t irq, value;
	enum state_tri once = arm64_vcpu_fact(q, PMU(IRQ), 0, &value);
	bool known = q_field(q, attr->data, 0, 4, &irq);

	if (arm64_gic(q) == STATE_NO) {
		a_must_fail(a, R_ARM_PMU_IRQ_INVALID);
		return;
	}
	attr_may_fault(a, attr);
	if (once != STATE_NO)
		a_may_fail(a, R_ARM_PMU_ONCE);
	if (known && (irq < FIRST_PPI || irq >= 1020)) {
		a_must_fail(a, R_ARM_PMU_IRQ_INVALID);
		return;
	}
	/* What the other vCPUs have decides, too. */
	if (q->vm->vcpu_count > 1 || !q->vm->fresh || !known || irq >= PRIVATE_IRQS ||
	    arm64_gic(q) != STATE_YES || once != STATE_NO)
		a_may_fail(a, R_ARM_PMU_IRQ_INVALID);
	if (once == STATE_YES)
		a_must_fail(a, R_ARM_PMU_ONCE);
	else
		a_succeeds(a, R_ARM_PMU_SET);
}

static void learn_pmu_irq_set(struct learn *l, const struct attr *attr)
{
	/* It was set, also if the number was not captured: 0 then. */
	uint64_t irq = 0;

	q_field(l->q, attr->data, 0, 4, &irq);
	if (l->succeeded)
		arm64_vcpu_fact_set(l, PMU(IRQ), 0, irq);
}

static void answer_pmu_init(struct answer *a)
{
	const struct question *q = a->q;
	uint64_t value;
	enum state_tri gic = arm64_gic(q), ready = arm64_gic_ready(q),
		       irq = arm64_vcpu_fact(q, PMU(IRQ), 0, &value);

	if (gic != STATE_NO) {
		if (a_refuse(a, R_ARM_PMU_INIT_EARLY,
			     tri_may(gic == STATE_YES && ready == STATE_NO, ready != STATE_YES)) ||
		    a_refuse(a, R_ARM_PMU_IRQ_UNSET,
			     tri_may(gic == STATE_YES && irq == STATE_NO, irq != STATE_YES)))
			return;
		a_may_fail_with(a, R_ARM_PMU_REFUSED, EEXIST);
		a_may_fail_with(a, R_ARM_PMU_REFUSED, EINVAL);
	}
	a_succeeds(a, R_ARM_PMU_SET);
}

static void answer_pmu_set(struct answer *a, const struct attr *attr)
{
	const struct question *q = a->q;
	uint64_t value;
	enum state_tri has = arm64_feature(q, KVM_ARM_VCPU_PMU_V3);

	if (a_refuse_any(a, R_ARM_PMU_FEATURE, tri(has == STATE_NO)))
		return;
	/* Or the host has no PMU that fits. */
	a_may_fail_with(a, has == STATE_YES ? R_ARM_PMU_REFUSED : R_ARM_PMU_FEATURE, ENODEV);
	if (a_refuse(a, R_ARM_PMU_ONCE, arm64_vcpu_fact(q, PMU(INIT), 0, &value)))
		return;
	switch (attr->number) {
	case KVM_ARM_VCPU_PMU_V3_IRQ:
		answer_pmu_irq_set(a, attr);
		return;
	case KVM_ARM_VCPU_PMU_V3_INIT:
		answer_pmu_init(a);
		return;
	default:
		if (attr->number > PMU_ATTRS && !only_newer(q, attr->number, PMU_ATTRS)) {
			attr_unknown(a);
			return;
		}
		/* A filter, the host's PMU, a number of counters. */
		attr_may_fault(a, attr);
		a_may_fail_with(a, R_ARM_PMU_REFUSED, EINVAL);
		a_may_fail_with(a, R_ARM_PMU_REFUSED, EBUSY);
		attr_perhaps(a, "which PMUs and events the host has");
		return;
	}
}

static void learn_pmu_set(struct learn *l, const struct attr *attr)
{
	if (attr->number == KVM_ARM_VCPU_PMU_V3_IRQ)
		learn_pmu_irq_set(l, attr);
	else if (l->succeeded && attr->number == KVM_ARM_VCPU_PMU_V3_INIT)
		arm64_vcpu_fact_set(l, PMU(INIT), 0, 1);
}

static void answer_pmu_get(struct answer *a, const struct attr *attr)
{
	const struct question *q = a->q;
	uint64_t irq = 0;
	enum state_tri has = arm64_feature(q, KVM_ARM_VCPU_PMU_V3),
		       set = arm64_vcpu_fact(q, PMU(IRQ), 0, &irq);

	if (attr->number != KVM_ARM_VCPU_PMU_V3_IRQ) {
		attr_unknown(a);
		return;
	}
	if (arm64_gic(q) != STATE_YES)
		a_may_fail(a, R_ARM_PMU_IRQ_INVALID);
	if (has != STATE_YES)
		a_may_fail_with(a, R_ARM_PMU_FEATURE, ENODEV);
	if (a_refuse(a, R_ARM_PMU_IRQ_UNSET,
		     tri_may(set == STATE_NO || has == STATE_NO, set == STATE_UNKNOWN)))
		return;
	attr_may_fault(a, attr);
	a_succeeds(a, R_ARM_PMU_IRQ_GET);
	if (set == STATE_YES && irq)
		a_equal(a, R_ARM_PMU_IRQ_GET, "irq", irq, TAPE_NESTED_OUT, 0, 4);
}

static void answer_pmu_has(struct answer *a, const struct attr *attr)
{
	enum state_tri pmu = arm64_feature(a->q, KVM_ARM_VCPU_PMU_V3);

	if (pmu == STATE_NO ||
	    (attr->number > PMU_ATTRS && !only_newer(a->q, attr->number, PMU_ATTRS)))
		attr_unknown(a);
	else if (pmu != STATE_YES || attr->number >= PMU_ATTRS)
		attr_perhaps(a, "whether this vCPU has a PMU");
	else if (attr->number == KVM_ARM_VCPU_PMU_V3_SET_PMU)
		/* SET_PMU came later than the others. */
		attr_perhaps(a, "an attribute of newer kernels");
	else
		a_succeeds(a, R_ARM_ATTR_HAS);
}

/* A timer that only some kernels have. */
static bool timer_newer(const struct question *q, uint64_t number)
{
	return number >= TIMER_ATTRS &&
	       (number < TIMER_ATTRS + 2 || only_newer(q, number, TIMER_ATTRS));
}

/* Of timers that not all kernels have. */
static void answer_timer_other(struct answer *a, uint64_t number)
{
	if (timer_newer(a->q, number))
		attr_perhaps(a, "a timer of newer kernels");
	else
		attr_unknown(a);
}

static void answer_timer_set(struct answer *a, const struct attr *attr)
{
	const struct question *q = a->q;
	uint64_t irq, ran;

	if (arm64_gic(q) == STATE_NO) {
		if (attr->number >= TIMER_ATTRS)
			a_may_fail(a, R_DEVICE_ATTR_UNKNOWN);
		a_must_fail(a, R_ARM_TIMER_NEEDS_GIC);
		return;
	}
	attr_may_fault(a, attr);
	if (attr->number >= TIMER_ATTRS)
		a_may_fail(a, R_DEVICE_ATTR_UNKNOWN);
	if (q->vm->has_run != STATE_NO || !q->vm->fresh)
		a_may_fail(a, R_ARM_TIMER_LATE);
	if (arm64_gic(q) == STATE_UNKNOWN)
		a_may_fail(a, R_ARM_TIMER_NEEDS_GIC);
	if (!q_field(q, attr->data, 0, 4, &irq)) {
		a_may_fail(a, R_ARM_TIMER_INVALID);
		attr_perhaps(a, "the number was not captured");
		return;
	}
	if (a_refuse(a, R_ARM_TIMER_INVALID, tri(irq < FIRST_PPI || irq >= PRIVATE_IRQS)))
		return;
	if (attr->number >= TIMER_ATTRS) {
		if (timer_newer(q, attr->number))
			a_may_succeed(a, R_DEVICE_ATTR_OTHER, "a timer of newer kernels");
		else
			attr_unknown(a);
		return;
	}
	if (arm64_fact(q, ARM_FACT_RAN, q->vcpu->id, &ran) == STATE_YES)
		a_must_fail(a, R_ARM_TIMER_LATE);
	else
		a_succeeds(a, R_ARM_TIMER_SET);
}

static void learn_timer_set(struct learn *l, const struct attr *attr)
{
	uint64_t irq;

	if (arm64_gic(l->q) == STATE_NO)
		return;
	if (!q_field(l->q, attr->data, 0, 4, &irq))
		l->vm->facts.open = true;
	else if (l->succeeded && attr->number < TIMER_ATTRS)
		vm_fact_set(l, ARM_FACT_TIMER_IRQ, attr->number, irq, l->vcpu->id);
}

static void answer_timer_get(struct answer *a, const struct attr *attr)
{
	static const uint8_t normal[] = {
		[KVM_ARM_VCPU_TIMER_IRQ_VTIMER] = 27,
		[KVM_ARM_VCPU_TIMER_IRQ_PTIMER] = 30,
	};
	const struct question *q = a->q;
	const struct state_entry *e;
	uint64_t irq;

	attr_may_fault(a, attr);
	if (attr->number >= TIMER_ATTRS) {
		answer_timer_other(a, attr->number);
		return;
	}
	a_succeeds(a, R_ARM_TIMER_GET);
	e = vm_fact(q, ARM_FACT_TIMER_IRQ, attr->number);
	/* A guest of the second level has the timers of its own, with other numbers. */
	if (arm64_fact(q, ARM_FACT_TIMER_IRQ, attr->number, &irq) == STATE_NO &&
	    arm64_feature(q, KVM_ARM_VCPU_HAS_EL2) == STATE_NO)
		a_equal(a, R_ARM_TIMER_GET, "irq", normal[attr->number], TAPE_NESTED_OUT, 0, 4);
	else if (e && e->known && e->value[1] == q->vcpu->id)
		a_equal(a, R_ARM_TIMER_GET, "irq", e->value[0], TAPE_NESTED_OUT, 0, 4);
}

/* The host has no stolen time. */
static enum state_tri pvtime_lacks(const struct question *q, const struct attr *attr)
{
	return attr->number != KVM_ARM_VCPU_PVTIME_IPA ? STATE_YES : q_lacks(q, KVM_CAP_STEAL_TIME);
}

static void answer_pvtime_set(struct answer *a, const struct attr *attr)
{
	const struct question *q = a->q;
	uint64_t addr, was;
	enum state_tri once = arm64_vcpu_fact(q, PVTIME, 0, &was);

	if (a_refuse(a, R_DEVICE_ATTR_UNKNOWN, pvtime_lacks(q, attr)))
		return;
	attr_may_fault(a, attr);
	if (once != STATE_NO)
		a_may_fail(a, R_ARM_PVTIME_ONCE);
	if (!q_field(q, attr->data, 0, 8, &addr)) {
		a_may_fail(a, R_ARM_PVTIME_ADDRESS);
		attr_perhaps(a, "the address was not captured");
		return;
	}
	if (a_refuse(a, R_ARM_PVTIME_ADDRESS, tri(addr % 64 || outside_memory(q, addr))))
		return;
	if (once == STATE_YES) {
		a_must_fail(a, R_ARM_PVTIME_ONCE);
		return;
	}
	if (q->vm->slots.open || !q->vm->fresh)
		a_may_fail(a, R_ARM_PVTIME_ADDRESS);
	a_succeeds(a, R_ARM_PVTIME_SET);
}

static void learn_pvtime_set(struct learn *l, const struct attr *attr)
{
	uint64_t addr;

	if (pvtime_lacks(l->q, attr) == STATE_YES)
		return;
	if (!q_field(l->q, attr->data, 0, 8, &addr))
		l->vcpu->attrs.open = true;
	else if (l->succeeded)
		arm64_vcpu_fact_set(l, PVTIME, 0, addr);
}

static void answer_pvtime_get(struct answer *a, const struct attr *attr)
{
	uint64_t addr;

	if (a_refuse(a, R_DEVICE_ATTR_UNKNOWN, pvtime_lacks(a->q, attr)))
		return;
	attr_may_fault(a, attr);
	a_succeeds(a, R_ARM_PVTIME_GET);
	if (arm64_vcpu_fact(a->q, PVTIME, 0, &addr) == STATE_YES)
		a_equal(a, R_ARM_PVTIME_GET, "address", addr, TAPE_NESTED_OUT, 0, 8);
}

static void answer_vcpu_group_other(struct answer *a, const struct attr *attr)
{
	attr_newer(a, attr->group, KVM_ARM_VCPU_PVTIME_CTRL + 1, "a group of newer kernels");
}

static void answer_vcpu_set(const struct question *q, struct answer *a)
{
	struct attr attr;

	if (!attr_asked(q, a, &attr, true))
		return;
	switch (attr.group) {
	case KVM_ARM_VCPU_PMU_V3_CTRL:
		answer_pmu_set(a, &attr);
		break;
	case KVM_ARM_VCPU_TIMER_CTRL:
		answer_timer_set(a, &attr);
		break;
	case KVM_ARM_VCPU_PVTIME_CTRL:
		answer_pvtime_set(a, &attr);
		break;
	default:
		answer_vcpu_group_other(a, &attr);
		break;
	}
}

static void learn_vcpu_set(struct learn *l)
{
	struct attr attr;

	if (!attr_read(l->q, &attr, true)) {
		vm_facts_drop(l, ARM_FACT_TIMER_IRQ);
		l->vcpu->attrs.open = l->vm->facts.open = true;
		return;
	}
	switch (attr.group) {
	case KVM_ARM_VCPU_PMU_V3_CTRL:
		learn_pmu_set(l, &attr);
		break;
	case KVM_ARM_VCPU_TIMER_CTRL:
		learn_timer_set(l, &attr);
		break;
	case KVM_ARM_VCPU_PVTIME_CTRL:
		learn_pvtime_set(l, &attr);
		break;
	default:
		break;
	}
}

static void answer_vcpu_get(const struct question *q, struct answer *a)
{
	struct attr attr;

	if (!attr_asked(q, a, &attr, false))
		return;
	switch (attr.group) {
	case KVM_ARM_VCPU_PMU_V3_CTRL:
		answer_pmu_get(a, &attr);
		break;
	case KVM_ARM_VCPU_TIMER_CTRL:
		answer_timer_get(a, &attr);
		break;
	case KVM_ARM_VCPU_PVTIME_CTRL:
		answer_pvtime_get(a, &attr);
		break;
	default:
		answer_vcpu_group_other(a, &attr);
		break;
	}
}

static void answer_vcpu_has(const struct question *q, struct answer *a)
{
	struct attr attr;

	if (!attr_asked(q, a, &attr, false))
		return;
	switch (attr.group) {
	case KVM_ARM_VCPU_PMU_V3_CTRL:
		answer_pmu_has(a, &attr);
		break;
	case KVM_ARM_VCPU_TIMER_CTRL:
		if (attr.number < TIMER_ATTRS)
			a_succeeds(a, R_ARM_ATTR_HAS);
		else
			answer_timer_other(a, attr.number);
		break;
	case KVM_ARM_VCPU_PVTIME_CTRL:
		if (!a_refuse(a, R_DEVICE_ATTR_UNKNOWN, pvtime_lacks(q, &attr)))
			a_succeeds(a, R_ARM_ATTR_HAS);
		break;
	default:
		answer_vcpu_group_other(a, &attr);
		break;
	}
}

/* --- what KVM_RUN needs ----------------------------------------------------------------------- */

bool a_arm64_run_unready(struct answer *a)
{
	static const int refusals[] = {EINVAL, ENXIO, EBUSY, ENODEV, EPERM};
	enum state_tri ran;
	uint64_t value;
	const struct question *q = a->q;

	ran = arm64_fact(q, ARM_FACT_RAN, q->vcpu->id, &value);
	if (ran == STATE_YES)
		return false;
	if (!q->vm->fresh || !q->vcpu->fresh || q->vm->running > q->vcpu->running ||
	    q->vcpu->inside > 1 || ran != STATE_NO) {
		/* What it lacks, if anything, is not known. */
		for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
			a_may_fail_with(a, R_ARM_RUN_REFUSED, refusals[i]);
		return false;
	}
	if (arm64_gic_type(q) == V3) {
		if (arm64_fact(q, ARM_FACT_GIC_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &value) ==
			    STATE_NO ||
		    arm64_gic_ready(q) == STATE_NO) {
			return a_refuse_any(a, R_ARM_RUN_GIC, STATE_YES);
		}
	}
	if (arm64_feature(q, KVM_ARM_VCPU_PMU_V3) == STATE_YES &&
	    arm64_vcpu_fact(q, PMU(INIT), 0, &value) == STATE_NO) {
		a_advise(a, R_LINT_PMU_NOT_INITIALISED,
			 "KVM_ARM_VCPU_PMU_V3_INIT was never set on this vCPU");
		/* The interrupt controller is looked at first. */
		if (arm64_gic(q) != STATE_NO) {
			a_may_fail_with(a, R_ARM_RUN_REFUSED, ENXIO);
			a_may_fail_with(a, R_ARM_RUN_REFUSED, EBUSY);
			a_may_fail_with(a, R_ARM_RUN_REFUSED, ENODEV);
		}
		a_must_fail(a, R_ARM_RUN_PMU);
		return true;
	}
	return false;
}

const struct handler model_arm64_device_handlers[] = {
	{"KVM_CREATE_DEVICE", KVMAPI_VM, .answer = answer_create_device,
	 .learn = learn_create_device},
	{"KVM_SET_DEVICE_ATTR", KVMAPI_DEVICE, .answer = answer_device_set,
	 .learn = learn_device_set},
	{"KVM_GET_DEVICE_ATTR", KVMAPI_DEVICE, .answer = answer_device_get,
	 .learn = learn_device_get},
	{"KVM_HAS_DEVICE_ATTR", KVMAPI_DEVICE, .answer = answer_device_has},
	{"KVM_SET_DEVICE_ATTR", KVMAPI_VCPU, .answer = answer_vcpu_set, .learn = learn_vcpu_set},
	{"KVM_GET_DEVICE_ATTR", KVMAPI_VCPU, .answer = answer_vcpu_get},
	{"KVM_HAS_DEVICE_ATTR", KVMAPI_VCPU, .answer = answer_vcpu_has},
	{"KVM_ARM_SET_DEVICE_ADDR", KVMAPI_VM, .answer = answer_set_device_addr,
	 .learn = learn_set_device_addr},
	{NULL, 0, .answer = NULL},
};
