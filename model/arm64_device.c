/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices of arm64: the interrupt controllers (devices/arm-vgic.rst, arm-vgic-v3.rst,
 * arm-vgic-its.rst) and the attributes of vCPUs (devices/vcpu.rst): PMU, timers, stolen time.
 * Compiled against the UAPI headers of arm64.
 */
#include "model/arm64.h"

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

	if (generic_flag(v, ARM_UNSURE) || !v->fresh)
		return STATE_UNKNOWN;
	if (!generic_flag(v, ARM_INITIALIZED))
		return STATE_NO;
	return v->scratch[GENERIC_FEATURES] >> feature & 1 ? STATE_YES : STATE_NO;
}

/* A vCPU may be inside of one of its ioctls, which keeps others from the state of all. */
static void may_be_busy(struct judge *j)
{
	if (q_vm_ran(j->q) || !j->vm->fresh)
		j_may_fail(j, R_ARM_DEVICE_BUSY);
}

/* --- KVM_CREATE_DEVICE (api.rst 4.79) --------------------------------------------------------- */

/* Types that a kernel of arm64 can have. */
static bool type_of_arm(uint64_t type)
{
	return type == KVM_DEV_TYPE_VFIO || type == V2 || type == V3 ||
	       type == KVM_DEV_TYPE_ARM_VGIC_ITS || type == KVM_DEV_TYPE_ARM_VGIC_V5;
}

static void create_gic(struct judge *j, uint64_t type)
{
	enum state_tri there = arm64_gic(j->q);
	uint64_t ran;

	if (j_refuse(j, R_ARM_DEVICE_ONCE, there))
		return;
	if (j->vm->vcpu_count > 8 || !j->vm->fresh)
		j_may_fail_with(j, R_ARM_DEVICE_REFUSED, E2BIG);
	for (uint32_t i = 0; there == STATE_NO && i < j->vm->vcpu_count; i++) {
		if (arm64_fact(j->q, ARM_FACT_RAN, j->vm->vcpus[i]->id, &ran) == STATE_YES) {
			j_must_fail(j, R_ARM_DEVICE_LATE);
			return;
		}
	}
	if (j->vm->has_run != STATE_NO || !j->vm->fresh)
		j_may_fail(j, R_ARM_DEVICE_LATE);
	if (j_succeeds(j, R_CREATE_DEVICE_SUCCEEDS))
		arm64_gic_made(j->l, type);
}

static void create_device(struct judge *j)
{
	uint64_t type, flags, fd, before;

	if (!Q_IN(j->q, struct kvm_create_device, type, &type) ||
	    !Q_IN(j->q, struct kvm_create_device, flags, &flags)) {
		if (j->ret->ret >= 0)
			j->vm->irqchip = STATE_IRQCHIP_UNKNOWN;
		j_skip(j, "argument not captured");
		return;
	}
	if (!type_of_arm(type) && (type < KVM_DEV_TYPE_MAX || !q_newer(j->q))) {
		j_must_fail(j, R_CREATE_DEVICE_TYPE);
		return;
	}
	/* The host's own interrupt controller decides what can be emulated; VFIO may be missing. */
	if (!arm64_gic_type(j->q) || type != arm64_gic_type(j->q))
		j_may_fail(j, R_CREATE_DEVICE_TYPE);
	if (flags & KVM_CREATE_DEVICE_TEST) {
		if (j_succeeds(j, R_CREATE_DEVICE_TEST) &&
		    Q_IN(j->q, struct kvm_create_device, fd, &before) &&
		    J_OUT(j, struct kvm_create_device, fd, &fd))
			j_equal(j, R_CREATE_DEVICE_TEST, "fd", before, fd);
		return;
	}
	may_be_busy(j);
	if (type == V2 || type == V3) {
		create_gic(j, type);
	} else if (type == KVM_DEV_TYPE_ARM_VGIC_ITS) {
		j_succeeds(j, R_CREATE_DEVICE_SUCCEEDS);
	} else {
		j_may_fail(j, R_CREATE_DEVICE_ONCE);
		j_may_fail(j, R_ARM_DEVICE_ONCE);
		j_may_fail(j, R_ARM_DEVICE_LATE);
		if (j_may_succeed(j, R_CREATE_DEVICE_OTHER, "what this type needs") &&
		    type == KVM_DEV_TYPE_ARM_VGIC_V5)
			j->vm->irqchip = STATE_IRQCHIP_UNKNOWN;
	}
	if (j->ret->ret == 0 && J_OUT(j, struct kvm_create_device, fd, &fd))
		vm_created(j, (int64_t)fd);
}

/* --- attributes ------------------------------------------------------------------------------- */

struct attr {
	uint64_t group, attr;
	const struct tape_part *data; /* what is behind addr, NULL = not captured */
};

static bool attr_read(struct judge *j, struct attr *a, enum tape_role role)
{
	a->data = j_part(j, role);
	if (Q_IN(j->q, struct kvm_device_attr, group, &a->group) &&
	    Q_IN(j->q, struct kvm_device_attr, attr, &a->attr))
		return true;
	j_skip(j, "argument not captured");
	return false;
}

/* Only a new kernel has groups or attributes with numbers from `first` on. */
static bool only_newer(const struct question *q, uint64_t number, uint64_t first)
{
	return number >= first && q_maybe_newer(q);
}

static void attr_unknown(struct judge *j)
{
	j_must_fail(j, R_DEVICE_ATTR_UNKNOWN);
}

static void attr_perhaps(struct judge *j, const char *unknown)
{
	j_may_fail(j, R_DEVICE_ATTR_UNKNOWN);
	j_may_succeed(j, R_DEVICE_ATTR_OTHER, unknown);
}

/* --- base addresses of GIC and ITS --- */

struct place {
	uint64_t kind, which; /* of the fact that remembers it */
	uint64_t align, size;
};

/* The address that a device may have: true if the call's end was said. */
static bool place_refused(struct judge *j, const struct place *p, uint64_t addr)
{
	uint64_t was;
	enum state_tri once = arm64_fact(j->q, p->kind, p->which, &was);
	bool crooked = addr % p->align != 0, wraps = addr + p->size < addr;
	/* A VM of type 0 has 40 bits of addresses. */
	bool beyond = addr >> 52 || (!vm_typed(j->q) && addr >> 40);

	if (once != STATE_YES && !crooked && !wraps && !beyond) {
		if (once == STATE_UNKNOWN)
			j_may_fail(j, R_ARM_PLACE_ONCE);
		if ((addr + p->size) >> 36)
			j_may_fail(j, R_ARM_PLACE_RANGE);
		return false;
	}
	/* Which of them is seen first is a matter of the kernel. */
	if (beyond || addr >> 36)
		j_may_fail(j, R_ARM_PLACE_RANGE);
	if (once != STATE_NO)
		j_may_fail(j, R_ARM_PLACE_ONCE);
	if (crooked || wraps)
		j_must_fail(j, R_ARM_PLACE_ALIGNED);
	else if (beyond)
		j_must_fail(j, R_ARM_PLACE_RANGE);
	else
		j_must_fail(j, R_ARM_PLACE_ONCE);
	return true;
}

static void place_set(struct judge *j, const struct place *p, const struct tape_part *data)
{
	uint64_t addr;

	vm_buffer_may_fault(j, data);
	if (!q_field(j->q, data, 0, 8, &addr)) {
		j_may_fail(j, R_ARM_PLACE_ONCE);
		j_may_fail(j, R_ARM_PLACE_ALIGNED);
		j_may_fail(j, R_ARM_PLACE_RANGE);
		if (j_may_succeed(j, R_DEVICE_ATTR_OTHER, "the address was not captured"))
			vm_fact_drop(j->l, p->kind, p->which);
		j->vm->facts.open = true;
		return;
	}
	if (place_refused(j, p, addr))
		return;
	if (j_succeeds(j, R_ARM_PLACE_SET))
		vm_fact_set(j->l, p->kind, p->which, addr, 0);
}

static void place_get(struct judge *j, const struct place *p, const struct tape_part *data)
{
	uint64_t addr;

	vm_buffer_may_fault(j, data);
	if (j_succeeds(j, R_ARM_PLACE_GET) &&
	    arm64_fact(j->q, p->kind, p->which, &addr) == STATE_YES)
		j_equal_field(j, R_ARM_PLACE_GET, "address", addr, data, 0, 8);
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

/* KVM_VGIC_V3_ADDR_TYPE_REDIST: a single region for all vCPUs. */
static void redist_set(struct judge *j, const struct attr *a)
{
	uint64_t value;
	const struct place p = {.kind = ARM_FACT_GIC_ADDR, .which = a->attr, .align = 65536};

	if (arm64_fact(j->q, ARM_FACT_GIC_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &value) ==
	    STATE_YES) {
		vm_buffer_may_fault(j, a->data);
		j_must_fail(j, R_ARM_REDIST_MIXED);
		return;
	}
	/* It must not lie over the distributor, of whose place not all may be known. */
	j_may_fail(j, R_ARM_PLACE_TAKEN);
	place_set(j, &p, a->data);
}

/* KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION: index, flags, base, count. */
static void region_set(struct judge *j, const struct attr *a)
{
	uint64_t region, next = 0, value;
	enum state_tri before = arm64_fact(j->q, ARM_FACT_GIC_ADDR, a->attr, &next);
	bool bad;

	vm_buffer_may_fault(j, a->data);
	if (!q_field(j->q, a->data, 0, 8, &region)) {
		attr_perhaps(j, "the region was not captured");
		j->vm->facts.open = true;
		return;
	}
	bad = !(region >> 52) || region >> 12 & 15 ||
	      (before != STATE_UNKNOWN && (region & 0xfff) != next &&
	       arm64_fact(j->q, ARM_FACT_GIC_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &value) ==
		       STATE_NO);
	if (bad) {
		j_must_fail(j, R_ARM_REDIST_REGION);
		return;
	}
	j_may_fail(j, R_ARM_PLACE_TAKEN);
	j_may_fail(j, R_ARM_PLACE_RANGE);
	if (j_may_succeed(j, R_DEVICE_ATTR_OTHER, "where the other regions are"))
		vm_fact_set(j->l, ARM_FACT_GIC_ADDR, a->attr, (region & 0xfff) + 1, 0);
}

/* The buffer holds the index before. */
static void region_get(struct judge *j, const struct attr *a)
{
	uint64_t region, next = 0, value;
	enum state_tri any = arm64_fact(j->q, ARM_FACT_GIC_ADDR, a->attr, &next);

	vm_buffer_may_fault(j, a->data);
	if (any != STATE_UNKNOWN && q_field(j->q, j_part(j, TAPE_NESTED_IN), 0, 8, &region) &&
	    (region & 0xfff) >= next &&
	    arm64_fact(j->q, ARM_FACT_GIC_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &value) == STATE_NO) {
		j_must_fail(j, R_ARM_REDIST_NONE);
		return;
	}
	j_may_fail(j, R_ARM_REDIST_NONE);
	j_may_succeed(j, R_DEVICE_ATTR_OTHER, "which regions there are");
}

static void gic_addr(struct judge *j, const struct attr *a, uint64_t type, bool set)
{
	struct place p;

	if (gic_place(type, a->attr, &p)) {
		if (set)
			place_set(j, &p, a->data);
		else
			place_get(j, &p, a->data);
		return;
	}
	if (type != V3 || (a->attr != KVM_VGIC_V3_ADDR_TYPE_REDIST &&
			   a->attr != KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION)) {
		vm_buffer_may_fault(j, a->data);
		attr_unknown(j);
		return;
	}
	if (set && a->attr == KVM_VGIC_V3_ADDR_TYPE_REDIST) {
		redist_set(j, a);
	} else if (set) {
		region_set(j, a);
	} else if (a->attr == KVM_VGIC_V3_ADDR_TYPE_REDIST) {
		place_get(j, &p, a->data);
	} else {
		region_get(j, a);
	}
}

/* --- number of interrupts, initialisation --- */

static void gic_irqs_set(struct judge *j, const struct attr *a)
{
	uint64_t irqs, was;
	enum state_tri once = arm64_fact(j->q, ARM_FACT_GIC_IRQS, 0, &was);
	bool bad;

	vm_buffer_may_fault(j, a->data);
	if (once == STATE_NO && arm64_gic_ready(j->q) != STATE_NO)
		once = arm64_gic_ready(j->q);
	if (!q_field(j->q, a->data, 0, 4, &irqs)) {
		attr_perhaps(j, "the number was not captured");
		j->vm->facts.open = true;
		return;
	}
	bad = irqs < 64 || irqs > 1024 || irqs % 32;
	if (once != STATE_NO)
		j_may_fail(j, R_ARM_GIC_IRQS_ONCE);
	/* The last of the 1024 are no interrupts, which kernels take in different ways. */
	if (irqs > 992)
		j_may_fail(j, R_ARM_GIC_IRQS_RANGE);
	if (bad) {
		j_must_fail(j, R_ARM_GIC_IRQS_RANGE);
		return;
	}
	if (once == STATE_YES) {
		j_must_fail(j, R_ARM_GIC_IRQS_ONCE);
		return;
	}
	if (j_succeeds(j, R_ARM_GIC_IRQS_SET))
		vm_fact_set(j->l, ARM_FACT_GIC_IRQS, 0, irqs, 0);
}

static void gic_irqs_get(struct judge *j, const struct attr *a)
{
	uint64_t irqs;

	vm_buffer_may_fault(j, a->data);
	if (j_succeeds(j, R_ARM_GIC_IRQS_GET) &&
	    arm64_fact(j->q, ARM_FACT_GIC_IRQS, 0, &irqs) == STATE_YES && irqs)
		j_equal_field(j, R_ARM_GIC_IRQS_GET, "number", irqs, a->data, 0, 4);
}

static void gic_ctrl(struct judge *j, const struct attr *a, uint64_t type)
{
	uint64_t value;

	switch (a->attr) {
	case KVM_DEV_ARM_VGIC_CTRL_INIT:
		if (!j->vm->vcpu_count || !j->vm->fresh)
			j_may_fail_with(j, R_ARM_GIC_INIT_REFUSED, ENODEV);
		/* A vCPU that another thread makes is in the way. */
		j_may_fail_with(j, R_ARM_GIC_INIT_REFUSED, EBUSY);
		j_may_fail_with(j, R_ARM_GIC_INIT_REFUSED, ENXIO);
		if (!j_succeeds(j, R_ARM_GIC_INIT))
			return;
		vm_fact_set(j->l, ARM_FACT_GIC_READY, 0, 1, 0);
		if (arm64_fact(j->q, ARM_FACT_GIC_IRQS, 0, &value) != STATE_YES)
			vm_fact_set(j->l, ARM_FACT_GIC_IRQS, 0, 0, 0);
		return;
	case KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES:
		if (type == V3) {
			may_be_busy(j);
			j_may_fail(j, R_ARM_ITS_MEMORY);
			attr_perhaps(j, "where the guest has its pending tables");
			return;
		}
		break;
	default:
		break;
	}
	if (only_newer(j->q, a->attr, 5))
		attr_perhaps(j, "an attribute of newer kernels");
	else
		attr_unknown(j);
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

/* An attribute of a CPU that the VM does not have: true if the call's end was said. */
static bool gic_cpu_absent(struct judge *j, const struct attr *a, uint64_t type)
{
	if (type == V2
		    ? cpu_absent(j->q, a->attr)
		    : a->group != KVM_DEV_ARM_VGIC_GRP_DIST_REGS && mpidr_absent(j->q, a->attr)) {
		if (type == V2)
			may_be_busy(j);
		j_must_fail(j, R_ARM_GIC_CPU);
		return true;
	}
	j_may_fail(j, R_ARM_GIC_CPU);
	return false;
}

static void gic_regs(struct judge *j, const struct attr *a, uint64_t type)
{
	enum state_tri ready = arm64_gic_ready(j->q);
	bool bad_level =
		a->group == KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO && a->attr & 0xffffffff & ~0x3e0ull;

	vm_buffer_may_fault(j, a->data);
	if (gic_cpu_absent(j, a, type))
		return;
	if (type == V3 && ready == STATE_NO) {
		j_must_fail(j, R_ARM_GIC_REGS_EARLY);
		return;
	}
	may_be_busy(j);
	if (ready != STATE_YES)
		j_may_fail(j, R_ARM_GIC_REGS_EARLY);
	if (bad_level) {
		j_must_fail(j, R_ARM_GIC_LEVEL);
		return;
	}
	if (type == V2)
		vm_fact_set(j->l, ARM_FACT_GIC_READY, 0, 1, 0);
	j_may_fail(j, R_ARM_GIC_REG_NONE);
	j_may_succeed(j, R_ARM_GIC_REG, "which registers this GIC has");
}

static void gic_has(struct judge *j, const struct attr *a, uint64_t type)
{
	struct place p;

	switch (a->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		if (gic_place(type, a->attr, &p) ||
		    (type == V3 && (a->attr == KVM_VGIC_V3_ADDR_TYPE_REDIST ||
				    a->attr == KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION)))
			j_succeeds(j, R_ARM_ATTR_HAS);
		else
			attr_unknown(j);
		return;
	case KVM_DEV_ARM_VGIC_GRP_NR_IRQS:
		j_succeeds(j, R_ARM_ATTR_HAS);
		return;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		if (a->attr == KVM_DEV_ARM_VGIC_CTRL_INIT ||
		    (type == V3 && a->attr == KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES))
			j_succeeds(j, R_ARM_ATTR_HAS);
		else if (only_newer(j->q, a->attr, 5))
			attr_perhaps(j, "an attribute of newer kernels");
		else
			attr_unknown(j);
		return;
	case KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO:
		if (type == V3 && !(a->attr & 0xfffffc00))
			j_succeeds(j, R_ARM_ATTR_HAS);
		else
			attr_unknown(j);
		return;
	default:
		break;
	}
	if (gic_has_regs(type, a->group)) {
		if (gic_cpu_absent(j, a, type))
			return;
		attr_perhaps(j, "which registers this GIC has");
	} else if (only_newer(j->q, a->group, KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ) ||
		   a->group == KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ) {
		attr_perhaps(j, "a group of newer kernels");
	} else {
		attr_unknown(j);
	}
}

static void gic_access(struct judge *j, const struct attr *a, uint64_t type, bool set)
{
	if (gic_has_regs(type, a->group)) {
		gic_regs(j, a, type);
		return;
	}
	switch (a->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		gic_addr(j, a, type, set);
		break;
	case KVM_DEV_ARM_VGIC_GRP_NR_IRQS:
		if (set)
			gic_irqs_set(j, a);
		else
			gic_irqs_get(j, a);
		break;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		if (set)
			gic_ctrl(j, a, type);
		else
			attr_unknown(j);
		break;
	case KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ:
		j_may_fail_with(j, R_ARM_DEVICE_REFUSED, EINVAL);
		j_may_fail_with(j, R_ARM_DEVICE_REFUSED, EBUSY);
		attr_perhaps(j, "a group of newer kernels");
		break;
	default:
		if (only_newer(j->q, a->group, KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ))
			attr_perhaps(j, "a group of newer kernels");
		else
			attr_unknown(j);
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

/* The table of devices, or of collections, is known to be where no memory is: no guest ran that
 * could have moved it. */
static bool table_lost(const struct question *q, bool collections)
{
	uint64_t baser;

	return arm64_fact(q, ARM_FACT_ITS_TABLE, (uint64_t)q->device->id << 1 | collections,
			  &baser) == STATE_YES &&
	       q->vm->has_run == STATE_NO && baser & GITS_BASER_VALID &&
	       outside_memory(q, table_address(baser));
}

static void its_ctrl(struct judge *j, const struct attr *a)
{
	uint64_t id = (uint64_t)j->device->id << 1;

	if (a->attr == KVM_DEV_ARM_VGIC_CTRL_INIT) {
		j_succeeds(j, R_ARM_ITS_CTRL);
		return;
	}
	may_be_busy(j);
	switch (a->attr) {
	case KVM_DEV_ARM_ITS_CTRL_RESET:
		if (j_succeeds(j, R_ARM_ITS_CTRL)) {
			vm_fact_set(j->l, ARM_FACT_ITS_TABLE, id, 0, 0);
			vm_fact_set(j->l, ARM_FACT_ITS_TABLE, id | 1, 0, 0);
		}
		return;
	case KVM_DEV_ARM_ITS_RESTORE_TABLES:
		if (table_lost(j->q, true) || table_lost(j->q, false)) {
			/* What stands in a table that is there is not on a tape. */
			if (!table_lost(j->q, true))
				j_may_fail_with(j, R_ARM_ITS_TABLES, EINVAL);
			j_must_fail(j, R_ARM_ITS_MEMORY);
			return;
		}
		j_may_fail_with(j, R_ARM_ITS_TABLES, EINVAL);
		break;
	case KVM_DEV_ARM_ITS_SAVE_TABLES:
		/* The end of the collections is marked, even if there are none. */
		if (table_lost(j->q, true)) {
			j_may_fail_with(j, R_ARM_ITS_TABLES, EACCES);
			j_must_fail(j, R_ARM_ITS_MEMORY);
			return;
		}
		j_may_fail_with(j, R_ARM_ITS_TABLES, EACCES);
		j_may_fail_with(j, R_ARM_ITS_TABLES, EINVAL);
		break;
	default:
		attr_perhaps(j, "an attribute that the documents do not name");
		return;
	}
	j_may_fail_with(j, R_ARM_ITS_TABLES, ENXIO);
	j_may_fail(j, R_ARM_ITS_MEMORY);
	j_may_succeed(j, R_ARM_ITS_TABLES, "what stands in the tables in guest memory");
}

static void its_regs(struct judge *j, const struct attr *a, bool set)
{
	uint64_t value, addr;
	bool odd = a->attr & (a->attr < 8 || a->attr >= 0xffd0 ? 3 : 7);

	vm_buffer_may_fault(j, a->data);
	if (odd) {
		j_must_fail(j, R_ARM_ITS_REG_ALIGNED);
		return;
	}
	may_be_busy(j);
	j_may_fail(j, R_DEVICE_ATTR_UNKNOWN);
	if (arm64_fact(j->q, ARM_FACT_ITS_ADDR, j->device->id, &addr) == STATE_NO) {
		j_must_fail(j, R_ARM_ITS_REG_EARLY);
		return;
	}
	/* The revision of GITS_IIDR. */
	j_may_fail_with(j, R_ARM_ITS_TABLES, EINVAL);
	if (!j_may_succeed(j, R_ARM_GIC_REG, "which registers this ITS has") || !set ||
	    (a->attr != GITS_BASER_FIRST && a->attr != GITS_BASER_FIRST + 8))
		return;
	if (!q_field(j->q, a->data, 0, 8, &value))
		vm_fact_drop(j->l, ARM_FACT_ITS_TABLE,
			     (uint64_t)j->device->id << 1 | (a->attr & 8) >> 3);
	else
		vm_fact_set(j->l, ARM_FACT_ITS_TABLE,
			    (uint64_t)j->device->id << 1 | (a->attr & 8) >> 3, value, 0);
}

static void its_access(struct judge *j, const struct attr *a, bool set)
{
	const struct place p = {.kind = ARM_FACT_ITS_ADDR,
				.which = j->device->id,
				.align = 65536,
				.size = 2 * 65536};

	switch (a->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		if (a->attr != KVM_VGIC_ITS_ADDR_TYPE)
			j_must_fail(j, R_ARM_ITS_ADDR_ATTR);
		else if (set)
			place_set(j, &p, a->data);
		else
			place_get(j, &p, a->data);
		break;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		if (set)
			its_ctrl(j, a);
		else
			attr_unknown(j);
		break;
	case KVM_DEV_ARM_VGIC_GRP_ITS_REGS:
		its_regs(j, a, set);
		break;
	default:
		attr_unknown(j);
		break;
	}
}

static void its_has(struct judge *j, const struct attr *a)
{
	switch (a->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		if (a->attr == KVM_VGIC_ITS_ADDR_TYPE)
			j_succeeds(j, R_ARM_ATTR_HAS);
		else
			attr_unknown(j);
		break;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		if (a->attr == KVM_DEV_ARM_VGIC_CTRL_INIT ||
		    a->attr == KVM_DEV_ARM_ITS_CTRL_RESET ||
		    a->attr == KVM_DEV_ARM_ITS_SAVE_TABLES ||
		    a->attr == KVM_DEV_ARM_ITS_RESTORE_TABLES)
			j_succeeds(j, R_ARM_ATTR_HAS);
		else
			attr_unknown(j);
		break;
	case KVM_DEV_ARM_VGIC_GRP_ITS_REGS:
		j_may_fail(j, R_ARM_ITS_REG_ALIGNED);
		attr_perhaps(j, "which registers this ITS has");
		break;
	default:
		attr_unknown(j);
		break;
	}
}

static bool is_gic(const struct question *q)
{
	return q->device && (q->device->type == V2 || q->device->type == V3);
}

static bool is_its(const struct question *q)
{
	return q->device && q->device->type == KVM_DEV_TYPE_ARM_VGIC_ITS;
}

static void device_access(struct judge *j, bool set)
{
	struct attr a;

	if (!attr_read(j, &a, set ? TAPE_NESTED_IN : TAPE_NESTED_OUT)) {
		vm_facts_drop(j->l, ARM_FACT_ITS_TABLE);
		j->vm->facts.open = true;
		return;
	}
	if (is_gic(j->q))
		gic_access(j, &a, j->device->type, set);
	else if (is_its(j->q))
		its_access(j, &a, set);
	else
		attr_perhaps(j, "the type of the device is not known");
}

static void device_set(struct judge *j)
{
	device_access(j, true);
}

static void device_get(struct judge *j)
{
	device_access(j, false);
}

static void device_has(struct judge *j)
{
	struct attr a;

	if (!attr_read(j, &a, TAPE_NESTED_IN))
		return;
	if (is_gic(j->q))
		gic_has(j, &a, j->device->type);
	else if (is_its(j->q))
		its_has(j, &a);
	else
		attr_perhaps(j, "the type of the device is not known");
}

/* KVM_ARM_SET_DEVICE_ADDR (api.rst 4.85): the address of a GICv2 in another way. */
static void set_device_addr(struct judge *j)
{
	if (j_may_succeed(j, R_RETURN_ZERO_OR_ERROR, "no rule for this way to set an address"))
		j->vm->facts.open = true;
}

/* --- attributes of a vCPU (devices/vcpu.rst) -------------------------------------------------- */

#define PMU(name) ((uint64_t)KVM_ARM_VCPU_PMU_V3_CTRL << 32 | KVM_ARM_VCPU_PMU_V3_##name)
#define PVTIME	  ((uint64_t)KVM_ARM_VCPU_PVTIME_CTRL << 32 | KVM_ARM_VCPU_PVTIME_IPA)

/* Attributes that kernels before 6.17 have. */
#define PMU_ATTRS   4
/* And those of timers before the ones of nested virtualisation (6.4). */
#define TIMER_ATTRS 2

static void pmu_irq_set(struct judge *j, const struct attr *a)
{
	uint64_t irq, value;
	enum state_tri once = arm64_vcpu_fact(j->q, PMU(IRQ), 0, &value);

	if (arm64_gic(j->q) == STATE_NO) {
		j_must_fail(j, R_ARM_PMU_IRQ_INVALID);
		return;
	}
	vm_buffer_may_fault(j, a->data);
	if (once != STATE_NO)
		j_may_fail(j, R_ARM_PMU_ONCE);
	if (q_field(j->q, a->data, 0, 4, &irq) && (irq < FIRST_PPI || irq >= 1020)) {
		j_must_fail(j, R_ARM_PMU_IRQ_INVALID);
		return;
	}
	/* What the other vCPUs have decides, too. */
	if (j->vm->vcpu_count > 1 || !j->vm->fresh || irq >= PRIVATE_IRQS ||
	    arm64_gic(j->q) != STATE_YES || once != STATE_NO)
		j_may_fail(j, R_ARM_PMU_IRQ_INVALID);
	if (once == STATE_YES) {
		j_must_fail(j, R_ARM_PMU_ONCE);
		return;
	}
	if (j_succeeds(j, R_ARM_PMU_SET))
		arm64_vcpu_fact_set(j->l, PMU(IRQ), 0, irq);
}

static void pmu_init(struct judge *j)
{
	uint64_t value;
	enum state_tri ready = arm64_gic_ready(j->q),
		       irq = arm64_vcpu_fact(j->q, PMU(IRQ), 0, &value);

	if (arm64_gic(j->q) != STATE_NO) {
		if (arm64_gic(j->q) == STATE_YES && ready == STATE_NO) {
			j_must_fail(j, R_ARM_PMU_INIT_EARLY);
			return;
		}
		if (ready != STATE_YES)
			j_may_fail(j, R_ARM_PMU_INIT_EARLY);
		if (arm64_gic(j->q) == STATE_YES && irq == STATE_NO) {
			j_must_fail(j, R_ARM_PMU_IRQ_UNSET);
			return;
		}
		if (irq != STATE_YES)
			j_may_fail(j, R_ARM_PMU_IRQ_UNSET);
		j_may_fail_with(j, R_ARM_PMU_REFUSED, EEXIST);
		j_may_fail_with(j, R_ARM_PMU_REFUSED, EINVAL);
	}
	if (j_succeeds(j, R_ARM_PMU_SET))
		arm64_vcpu_fact_set(j->l, PMU(INIT), 0, 1);
}

static void pmu_set(struct judge *j, const struct attr *a)
{
	uint64_t value;
	enum state_tri has = arm64_feature(j->q, KVM_ARM_VCPU_PMU_V3),
		       done = arm64_vcpu_fact(j->q, PMU(INIT), 0, &value);

	if (has == STATE_NO) {
		j_may_fail_with(j, R_ARM_PMU_FEATURE, ENXIO);
		j_must_fail_with(j, R_ARM_PMU_FEATURE, ENODEV);
		return;
	}
	/* Or the host has no PMU that fits. */
	j_may_fail_with(j, has == STATE_YES ? R_ARM_PMU_REFUSED : R_ARM_PMU_FEATURE, ENODEV);
	if (done == STATE_YES) {
		j_must_fail(j, R_ARM_PMU_ONCE);
		return;
	}
	if (done != STATE_NO)
		j_may_fail(j, R_ARM_PMU_ONCE);
	switch (a->attr) {
	case KVM_ARM_VCPU_PMU_V3_IRQ:
		pmu_irq_set(j, a);
		return;
	case KVM_ARM_VCPU_PMU_V3_INIT:
		pmu_init(j);
		return;
	default:
		if (a->attr > PMU_ATTRS && !only_newer(j->q, a->attr, PMU_ATTRS)) {
			attr_unknown(j);
			return;
		}
		/* A filter, the host's PMU, a number of counters. */
		vm_buffer_may_fault(j, a->data);
		j_may_fail_with(j, R_ARM_PMU_REFUSED, EINVAL);
		j_may_fail_with(j, R_ARM_PMU_REFUSED, EBUSY);
		attr_perhaps(j, "which PMUs and events the host has");
		return;
	}
}

static void pmu_get(struct judge *j, const struct attr *a)
{
	uint64_t irq;
	enum state_tri has = arm64_feature(j->q, KVM_ARM_VCPU_PMU_V3),
		       set = arm64_vcpu_fact(j->q, PMU(IRQ), 0, &irq);

	if (a->attr != KVM_ARM_VCPU_PMU_V3_IRQ) {
		attr_unknown(j);
		return;
	}
	if (arm64_gic(j->q) != STATE_YES)
		j_may_fail(j, R_ARM_PMU_IRQ_INVALID);
	if (has != STATE_YES)
		j_may_fail_with(j, R_ARM_PMU_FEATURE, ENODEV);
	if (set == STATE_NO || has == STATE_NO) {
		j_must_fail(j, R_ARM_PMU_IRQ_UNSET);
		return;
	}
	if (set == STATE_UNKNOWN)
		j_may_fail(j, R_ARM_PMU_IRQ_UNSET);
	vm_buffer_may_fault(j, a->data);
	if (j_succeeds(j, R_ARM_PMU_IRQ_GET) && set == STATE_YES)
		j_equal_field(j, R_ARM_PMU_IRQ_GET, "irq", irq, a->data, 0, 4);
}

static void timer_set(struct judge *j, const struct attr *a)
{
	bool newer = a->attr >= TIMER_ATTRS &&
		     (a->attr < TIMER_ATTRS + 2 || only_newer(j->q, a->attr, TIMER_ATTRS));
	uint64_t irq, ran;

	if (arm64_gic(j->q) == STATE_NO) {
		if (a->attr >= TIMER_ATTRS)
			j_may_fail(j, R_DEVICE_ATTR_UNKNOWN);
		j_must_fail(j, R_ARM_TIMER_NEEDS_GIC);
		return;
	}
	vm_buffer_may_fault(j, a->data);
	if (a->attr >= TIMER_ATTRS)
		j_may_fail(j, R_DEVICE_ATTR_UNKNOWN);
	if (j->vm->has_run != STATE_NO || !j->vm->fresh)
		j_may_fail(j, R_ARM_TIMER_LATE);
	if (arm64_gic(j->q) == STATE_UNKNOWN)
		j_may_fail(j, R_ARM_TIMER_NEEDS_GIC);
	if (!q_field(j->q, a->data, 0, 4, &irq)) {
		j_may_fail(j, R_ARM_TIMER_INVALID);
		attr_perhaps(j, "the number was not captured");
		j->vm->facts.open = true;
		return;
	}
	if (irq < FIRST_PPI || irq >= PRIVATE_IRQS) {
		j_must_fail(j, R_ARM_TIMER_INVALID);
		return;
	}
	if (a->attr >= TIMER_ATTRS) {
		if (newer)
			j_may_succeed(j, R_DEVICE_ATTR_OTHER, "a timer of newer kernels");
		else
			attr_unknown(j);
		return;
	}
	if (arm64_fact(j->q, ARM_FACT_RAN, j->vcpu->id, &ran) == STATE_YES) {
		j_must_fail(j, R_ARM_TIMER_LATE);
		return;
	}
	if (j_succeeds(j, R_ARM_TIMER_SET))
		vm_fact_set(j->l, ARM_FACT_TIMER_IRQ, a->attr, irq, j->vcpu->id);
}

static void timer_get(struct judge *j, const struct attr *a)
{
	static const uint8_t normal[] = {
		[KVM_ARM_VCPU_TIMER_IRQ_VTIMER] = 27,
		[KVM_ARM_VCPU_TIMER_IRQ_PTIMER] = 30,
	};
	const struct state_entry *e;
	uint64_t irq;

	vm_buffer_may_fault(j, a->data);
	if (a->attr >= TIMER_ATTRS) {
		if (a->attr < TIMER_ATTRS + 2 || only_newer(j->q, a->attr, TIMER_ATTRS))
			attr_perhaps(j, "a timer of newer kernels");
		else
			attr_unknown(j);
		return;
	}
	if (!j_succeeds(j, R_ARM_TIMER_GET))
		return;
	e = vm_fact(j->q, ARM_FACT_TIMER_IRQ, a->attr);
	/* A guest of the second level has the timers of its own, with other numbers. */
	if (arm64_fact(j->q, ARM_FACT_TIMER_IRQ, a->attr, &irq) == STATE_NO &&
	    arm64_feature(j->q, KVM_ARM_VCPU_HAS_EL2) == STATE_NO)
		j_equal_field(j, R_ARM_TIMER_GET, "irq", normal[a->attr], a->data, 0, 4);
	else if (e && e->known && e->value[1] == j->vcpu->id)
		j_equal_field(j, R_ARM_TIMER_GET, "irq", e->value[0], a->data, 0, 4);
}

/* The host has no stolen time, or may have none: true if the call's end was said. */
static bool pvtime_none(struct judge *j, const struct attr *a)
{
	if (a->attr != KVM_ARM_VCPU_PVTIME_IPA || q_cap(j->q, KVM_CAP_STEAL_TIME) == 0) {
		attr_unknown(j);
		return true;
	}
	if (q_cap(j->q, KVM_CAP_STEAL_TIME) < 0)
		j_may_fail(j, R_DEVICE_ATTR_UNKNOWN);
	return false;
}

static void pvtime_set(struct judge *j, const struct attr *a)
{
	uint64_t addr, was;
	enum state_tri once = arm64_vcpu_fact(j->q, PVTIME, 0, &was);

	if (pvtime_none(j, a))
		return;
	vm_buffer_may_fault(j, a->data);
	if (once != STATE_NO)
		j_may_fail(j, R_ARM_PVTIME_ONCE);
	if (!q_field(j->q, a->data, 0, 8, &addr)) {
		j_may_fail(j, R_ARM_PVTIME_ADDRESS);
		attr_perhaps(j, "the address was not captured");
		j->vcpu->attrs.open = true;
		return;
	}
	if (addr % 64 || outside_memory(j->q, addr)) {
		j_must_fail(j, R_ARM_PVTIME_ADDRESS);
		return;
	}
	if (once == STATE_YES) {
		j_must_fail(j, R_ARM_PVTIME_ONCE);
		return;
	}
	if (j->vm->slots.open || !j->vm->fresh)
		j_may_fail(j, R_ARM_PVTIME_ADDRESS);
	if (j_succeeds(j, R_ARM_PVTIME_SET))
		arm64_vcpu_fact_set(j->l, PVTIME, 0, addr);
}

static void pvtime_get(struct judge *j, const struct attr *a)
{
	uint64_t addr;

	if (pvtime_none(j, a))
		return;
	vm_buffer_may_fault(j, a->data);
	if (j_succeeds(j, R_ARM_PVTIME_GET) && arm64_vcpu_fact(j->q, PVTIME, 0, &addr) == STATE_YES)
		j_equal_field(j, R_ARM_PVTIME_GET, "address", addr, a->data, 0, 8);
}

static void vcpu_group_unknown(struct judge *j, const struct attr *a)
{
	if (only_newer(j->q, a->group, KVM_ARM_VCPU_PVTIME_CTRL + 1))
		attr_perhaps(j, "a group of newer kernels");
	else
		attr_unknown(j);
}

static void vcpu_set(struct judge *j)
{
	struct attr a;

	if (!attr_read(j, &a, TAPE_NESTED_IN)) {
		vm_facts_drop(j->l, ARM_FACT_TIMER_IRQ);
		j->vcpu->attrs.open = j->vm->facts.open = true;
		return;
	}
	switch (a.group) {
	case KVM_ARM_VCPU_PMU_V3_CTRL:
		pmu_set(j, &a);
		break;
	case KVM_ARM_VCPU_TIMER_CTRL:
		timer_set(j, &a);
		break;
	case KVM_ARM_VCPU_PVTIME_CTRL:
		pvtime_set(j, &a);
		break;
	default:
		vcpu_group_unknown(j, &a);
		break;
	}
}

static void vcpu_get(struct judge *j)
{
	struct attr a;

	if (!attr_read(j, &a, TAPE_NESTED_OUT))
		return;
	switch (a.group) {
	case KVM_ARM_VCPU_PMU_V3_CTRL:
		pmu_get(j, &a);
		break;
	case KVM_ARM_VCPU_TIMER_CTRL:
		timer_get(j, &a);
		break;
	case KVM_ARM_VCPU_PVTIME_CTRL:
		pvtime_get(j, &a);
		break;
	default:
		vcpu_group_unknown(j, &a);
		break;
	}
}

static void vcpu_has(struct judge *j)
{
	struct attr a;
	enum state_tri pmu = arm64_feature(j->q, KVM_ARM_VCPU_PMU_V3);

	if (!attr_read(j, &a, TAPE_NESTED_IN))
		return;
	switch (a.group) {
	case KVM_ARM_VCPU_PMU_V3_CTRL:
		if (a.attr >= PMU_ATTRS && a.attr != PMU_ATTRS &&
		    !only_newer(j->q, a.attr, PMU_ATTRS))
			attr_unknown(j);
		else if (pmu == STATE_NO)
			attr_unknown(j);
		else if (pmu == STATE_YES && a.attr < PMU_ATTRS)
			/* SET_PMU came later than the others. */
			a.attr == KVM_ARM_VCPU_PMU_V3_SET_PMU
				? attr_perhaps(j, "an attribute of newer kernels")
				: (void)j_succeeds(j, R_ARM_ATTR_HAS);
		else
			attr_perhaps(j, "whether this vCPU has a PMU");
		break;
	case KVM_ARM_VCPU_TIMER_CTRL:
		if (a.attr < TIMER_ATTRS)
			j_succeeds(j, R_ARM_ATTR_HAS);
		else if (a.attr < TIMER_ATTRS + 2 || only_newer(j->q, a.attr, TIMER_ATTRS))
			attr_perhaps(j, "a timer of newer kernels");
		else
			attr_unknown(j);
		break;
	case KVM_ARM_VCPU_PVTIME_CTRL:
		if (!pvtime_none(j, &a))
			j_succeeds(j, R_ARM_ATTR_HAS);
		break;
	default:
		vcpu_group_unknown(j, &a);
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
			a_may_fail_with(a, R_ARM_RUN_GIC, EINVAL);
			a_may_fail_with(a, R_ARM_RUN_GIC, EBUSY);
			a_must_fail_with(a, R_ARM_RUN_GIC, ENXIO);
			return true;
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

bool arm64_run_unready(struct judge *j)
{
	static const int refusals[] = {EINVAL, ENXIO, EBUSY, ENODEV, EPERM};
	enum state_tri ran;
	uint64_t value;

	ran = arm64_fact(j->q, ARM_FACT_RAN, j->vcpu->id, &value);
	if (ran == STATE_YES)
		return false;
	if (!j->vm->fresh || !j->vcpu->fresh || j->vm->running > j->vcpu->running ||
	    j->vcpu->inside > 1 || ran != STATE_NO) {
		/* What it lacks, if anything, is not known. */
		for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
			j_may_fail_with(j, R_ARM_RUN_REFUSED, refusals[i]);
		return false;
	}
	if (arm64_gic_type(j->q) == V3) {
		if (arm64_fact(j->q, ARM_FACT_GIC_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &value) ==
			    STATE_NO ||
		    arm64_gic_ready(j->q) == STATE_NO) {
			j_may_fail_with(j, R_ARM_RUN_GIC, EINVAL);
			j_may_fail_with(j, R_ARM_RUN_GIC, EBUSY);
			j_must_fail_with(j, R_ARM_RUN_GIC, ENXIO);
			return true;
		}
	}
	if (arm64_feature(j->q, KVM_ARM_VCPU_PMU_V3) == STATE_YES &&
	    arm64_vcpu_fact(j->q, PMU(INIT), 0, &value) == STATE_NO) {
		j_advise(j, R_LINT_PMU_NOT_INITIALISED,
			 "KVM_ARM_VCPU_PMU_V3_INIT was never set on this vCPU");
		/* The interrupt controller is looked at first. */
		if (arm64_gic(j->q) != STATE_NO) {
			j_may_fail_with(j, R_ARM_RUN_REFUSED, ENXIO);
			j_may_fail_with(j, R_ARM_RUN_REFUSED, EBUSY);
			j_may_fail_with(j, R_ARM_RUN_REFUSED, ENODEV);
		}
		j_must_fail(j, R_ARM_RUN_PMU);
		return true;
	}
	return false;
}

const struct judge_handler model_arm64_device_handlers[] = {
	{"KVM_CREATE_DEVICE", KVMAPI_VM, .judge = create_device},
	{"KVM_SET_DEVICE_ATTR", KVMAPI_DEVICE, .judge = device_set},
	{"KVM_GET_DEVICE_ATTR", KVMAPI_DEVICE, .judge = device_get},
	{"KVM_HAS_DEVICE_ATTR", KVMAPI_DEVICE, .judge = device_has},
	{"KVM_SET_DEVICE_ATTR", KVMAPI_VCPU, .judge = vcpu_set},
	{"KVM_GET_DEVICE_ATTR", KVMAPI_VCPU, .judge = vcpu_get},
	{"KVM_HAS_DEVICE_ATTR", KVMAPI_VCPU, .judge = vcpu_has},
	{"KVM_ARM_SET_DEVICE_ADDR", KVMAPI_VM, .judge = set_device_addr},
	{NULL, 0, .judge = NULL},
};
