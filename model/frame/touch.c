/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table follows the handlers of x86: who makes one of them read or write more of the VM widens
 * its row.  tests/unit/model_overlap.c compares what the search decides with all orders.
 */
#include <string.h>

#include "kvmapi/kvm_newer.h"

#include "model/frame/frame.h"
#include "model/frame/touch.h"
#include "model/areas/vm.h"

static const struct touch_row of_vm[] = {
	{"KVM_SET_USER_MEMORY_REGION", TOUCH_SLOTS | TOUCH_REST, TOUCH_SLOTS, true},
	{"KVM_SET_USER_MEMORY_REGION2", TOUCH_SLOTS | TOUCH_REST, TOUCH_SLOTS, true},
	{"KVM_GET_DIRTY_LOG", TOUCH_SLOTS | TOUCH_REST, TOUCH_SLOTS, false},
	{"KVM_CLEAR_DIRTY_LOG", TOUCH_SLOTS | TOUCH_REST, TOUCH_SLOTS, false},
	{"KVM_CREATE_IRQCHIP", TOUCH_MODE | TOUCH_REST, TOUCH_MODE | TOUCH_CHIPS | TOUCH_ROUTES,
	 false},
	{"KVM_CREATE_PIT", TOUCH_MODE | TOUCH_REST, TOUCH_MODE | TOUCH_CHIPS, false},
	{"KVM_CREATE_PIT2", TOUCH_MODE | TOUCH_REST, TOUCH_MODE | TOUCH_CHIPS, false},
	{"KVM_IRQ_LINE", TOUCH_MODE, 0, false},
	{"KVM_IRQ_LINE_STATUS", TOUCH_MODE | TOUCH_ROUTES | TOUCH_EVENTFDS | TOUCH_REST, 0, false},
	{"KVM_SIGNAL_MSI", TOUCH_MODE | TOUCH_REST, 0, false},
	{"KVM_GET_IRQCHIP", TOUCH_MODE | TOUCH_CHIPS, TOUCH_CHIPS, false},
	{"KVM_SET_IRQCHIP", TOUCH_MODE | TOUCH_CHIPS, TOUCH_CHIPS, false},
	{"KVM_GET_PIT", TOUCH_MODE | TOUCH_CHIPS, TOUCH_CHIPS, false},
	{"KVM_SET_PIT", TOUCH_MODE | TOUCH_CHIPS, TOUCH_CHIPS, false},
	{"KVM_GET_PIT2", TOUCH_MODE | TOUCH_CHIPS, TOUCH_CHIPS, false},
	{"KVM_SET_PIT2", TOUCH_MODE | TOUCH_CHIPS, TOUCH_CHIPS, false},
	{"KVM_REINJECT_CONTROL", TOUCH_MODE, 0, false},
	{"KVM_SET_GSI_ROUTING", TOUCH_MODE | TOUCH_REST, TOUCH_ROUTES, false},
	{"KVM_IRQFD", TOUCH_MODE | TOUCH_EVENTFDS, TOUCH_EVENTFDS, false},
	{"KVM_IOEVENTFD", TOUCH_EVENTFDS, TOUCH_EVENTFDS, false},
	{"KVM_REGISTER_COALESCED_MMIO", TOUCH_EVENTFDS, TOUCH_EVENTFDS, false},
	{"KVM_UNREGISTER_COALESCED_MMIO", TOUCH_EVENTFDS, TOUCH_EVENTFDS, false},
	{"KVM_GET_CLOCK", TOUCH_CLOCK, TOUCH_CLOCK, false},
	{"KVM_SET_CLOCK", TOUCH_CLOCK, TOUCH_CLOCK, false},
	{"KVM_CHECK_EXTENSION", TOUCH_ANSWERS | TOUCH_REST, TOUCH_ANSWERS, false},
};

/* Calls on a vCPU judge that vCPU alone; these two look for memory of the guest. */
static const struct touch_row of_vcpu[] = {
	{"KVM_SET_VAPIC_ADDR", TOUCH_OWN | TOUCH_MODE | TOUCH_SLOTS | TOUCH_REST, TOUCH_OWN, false},
	{"KVM_PRE_FAULT_MEMORY", TOUCH_OWN | TOUCH_MODE | TOUCH_SLOTS | TOUCH_REST, TOUCH_OWN,
	 false},
};
static const struct touch_row any_of_vcpu = {NULL, TOUCH_OWN | TOUCH_MODE | TOUCH_REST, TOUCH_OWN,
					     false};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct touch_row *touch_row(const struct model_facts *facts, const char *ioctl, uint8_t kind)
{
	if (facts->arch != KVMAPI_X86)
		return NULL;
	for (size_t i = 0; kind == KVMAPI_VCPU && i < COUNT(of_vcpu); i++) {
		if (!strcmp(of_vcpu[i].ioctl, ioctl))
			return &of_vcpu[i];
	}
	for (size_t i = 0; kind == KVMAPI_VM && i < COUNT(of_vm); i++) {
		if (!strcmp(of_vm[i].ioctl, ioctl))
			return &of_vm[i];
	}
	return kind == KVMAPI_VCPU ? &any_of_vcpu : NULL;
}

static uint64_t number(const struct tape_part *part, size_t offset, size_t width)
{
	uint64_t n = 0;

	memcpy(&n, part->data + offset, width);
	return n;
}

void touches_of(const struct model *m, const struct touch_row *row, const struct tape_call *call,
		struct touches *t)
{
	const struct tape_part *in;
	const size_t end = sizeof(struct kvm_userspace_memory_region);
	uint64_t flags;

	*t = (struct touches){.reads = TOUCH_ALL, .writes = TOUCH_ALL, .any_object = true};
	if (!row)
		return;
	in = tape_part_find(call->parts, call->part_count, TAPE_ARG_IN);
	/* Without the argument a handler forgets more than the call can have changed. */
	if (call->kind != KVMAPI_VCPU && (in ? in->have < in->want : call->row->dir & KVMAPI_IN))
		return;
	*t = (struct touches){.reads = row->reads, .writes = row->writes, .object = call->object};
	if (!row->region || !in || in->have < end || model_facts_of(m)->big_endian)
		return;
	flags = number(in, offsetof(struct kvm_userspace_memory_region, flags), 4);
	/* A guest memory file is bound to one slot only. */
	if (flags & KVM_MEM_GUEST_MEMFD)
		return;
	t->region = true;
	t->slot = number(in, offsetof(struct kvm_userspace_memory_region, slot), 4);
	t->first = number(in, offsetof(struct kvm_userspace_memory_region, guest_phys_addr), 8);
	t->end =
		t->first + number(in, offsetof(struct kvm_userspace_memory_region, memory_size), 8);
	if (t->end < t->first)
		t->end = UINT64_MAX;
}

void touches_widen(struct touches *t, const struct state_vm *vm)
{
	const struct state_entry *e;

	if (!t->region)
		return;
	e = state_set_find(&vm->slots, t->slot, 0);
	if (!e)
		return;
	if (e->value[0] < t->first)
		t->first = e->value[0];
	if (e->value[0] + e->value[1] > t->end)
		t->end = e->value[0] + e->value[1];
}

void touches_join(struct touches *t, const struct touches *other)
{
	if (!t->region || !other->region || t->slot != other->slot)
		return;
	if (other->first < t->first)
		t->first = other->first;
	if (other->end > t->end)
		t->end = other->end;
}

bool touches_conflict(const struct touches *a, const struct touches *b)
{
	uint16_t both = (a->writes & (b->reads | b->writes)) | (b->writes & a->reads);

	if (a->object != b->object && !a->any_object && !b->any_object)
		both &= (uint16_t)~TOUCH_OWN;
	/* Slots of different numbers are in each other's way only where their addresses meet. */
	if (a->region && b->region && a->slot != b->slot &&
	    (a->slot >> 16 != b->slot >> 16 || a->first >= b->end || b->first >= a->end))
		both &= (uint16_t)~TOUCH_SLOTS;
	return both != 0;
}

static void facts_forget(struct state_vm *vm, const uint64_t *kinds, size_t count)
{
	for (uint32_t i = vm->facts.count; i-- > 0;) {
		for (size_t k = 0; k < count; k++) {
			if (vm->facts.entries[i].key == kinds[k]) {
				state_set_remove(&vm->facts, &vm->facts.entries[i]);
				break;
			}
		}
	}
	vm->facts.open = true;
}

void touch_forget(struct state_vm *vm, uint16_t parts, uint32_t vcpu)
{
	static const uint64_t of_slots[] = {VM_FACT_MEMFD, VM_FACT_BINDING, VM_FACT_DIRTY_LOG};
	static const uint64_t of_eventfds[] = {VM_FACT_HYPERV};
	struct state_vcpu *own = state_vm_vcpu(vm, vcpu);

	if (parts & TOUCH_REST) {
		state_vm_forget(vm);
		return;
	}
	if (parts & TOUCH_OWN && own)
		state_vcpu_forget(own);
	state_vm_forget_parts(vm, parts);
	if (parts & TOUCH_SLOTS)
		facts_forget(vm, of_slots, COUNT(of_slots));
	if (parts & TOUCH_EVENTFDS)
		facts_forget(vm, of_eventfds, COUNT(of_eventfds));
	if (parts & TOUCH_ANSWERS) {
		for (uint32_t i = vm->caps.count; i-- > 0;) {
			if (vm->caps.entries[i].key2 == VM_CAP_ANSWERED)
				state_set_remove(&vm->caps, &vm->caps.entries[i]);
		}
	}
}
