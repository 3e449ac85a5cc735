/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capabilities: KVM_CHECK_EXTENSION (api.rst 4.4) on /dev/kvm and on a VM, KVM_ENABLE_CAP (4.37,
 * chapter 7) on a VM.
 */
#include <string.h>

#include "kvmapi/kvm_newer.h"
#include "model/areas/vm.h"

/* No capability has such a number, nor will one for long: 7.2 is at 247. */
#define NO_CAPABILITY 4096

enum state_tri vm_cap_enabled(const struct state_vm *vm, uint32_t cap, uint64_t *arg)
{
	const struct state_entry *e = state_set_find(&vm->caps, cap, VM_CAP_ENABLED);

	if (!e)
		return vm->caps.open ? STATE_UNKNOWN : STATE_NO;
	*arg = e->value[0];
	return e->known ? STATE_YES : STATE_UNKNOWN;
}

enum state_tri vm_dirty_ring(const struct state_vm *vm)
{
	uint64_t size;
	enum state_tri ring = vm_cap_enabled(vm, KVM_CAP_DIRTY_LOG_RING, &size);

	return ring == STATE_NO ? vm_cap_enabled(vm, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, &size) : ring;
}

/* Answers that change with processors coming and going, or with what the process asked of
 * arch_prctl(2). */
static bool answer_varies(uint64_t cap)
{
	return cap == KVM_CAP_NR_VCPUS || cap == KVM_CAP_XSAVE2;
}

/* Answers that a VM gives by its type and by what was done to it. */
static bool answer_varies_by_vm(uint64_t cap)
{
	switch (cap) {
	case KVM_CAP_MAX_VCPUS:
	case KVM_CAP_MAX_VCPU_ID:
	case KVM_CAP_X2APIC_API:
	case KVM_CAP_X86_APIC_BUS_CYCLES_NS:
	case KVM_CAP_READONLY_MEM:
	case KVM_CAP_MULTI_ADDRESS_SPACE:
	case KVM_CAP_MEMORY_ATTRIBUTES:
	case KVM_CAP_GUEST_MEMFD:
	case KVM_CAP_GUEST_MEMFD_FLAGS:
		return true;
	default:
		return answer_varies(cap);
	}
}

/* What all answers have in common: false if the answer is whole. */
static bool answer_extension(const struct question *q, struct answer *a)
{
	uint64_t cap = q->call->arg;
	int32_t most = q_cap(q, KVM_CAP_MAX_VCPUS);

	a_succeeds_value(a, R_CHECK_EXTENSION_ANSWERS);
	if (cap >= NO_CAPABILITY) {
		a_result(a, R_CHECK_EXTENSION_UNKNOWN, "answer", 0);
		return false;
	}
	if (cap == KVM_CAP_NR_VCPUS)
		a_result_range(a, R_CHECK_EXTENSION_NR_VCPUS, "between 1 and KVM_CAP_MAX_VCPUS", 1,
			       most <= 0 ? INT64_MAX : (uint64_t)most);
	return true;
}

/* What the tape's environment has of it; INT32_MIN = nothing. */
static int32_t extension_known(const struct question *q)
{
	uint64_t cap = q->call->arg;

	return cap < NO_CAPABILITY ? q_cap(q, (uint32_t)cap) : INT32_MIN;
}

void cap_answer_extension_system(const struct question *q, struct answer *a)
{
	uint64_t cap = q->call->arg;
	int32_t known = extension_known(q);

	if (!answer_extension(q, a) || answer_varies(cap))
		return;
	if (known != INT32_MIN)
		a_result(a, R_CHECK_EXTENSION_SAME, "answer", (uint64_t)known);
	else
		a_constant(a, R_CHECK_EXTENSION_SAME, "answer", &q->system->caps, cap, 0);
}

void cap_learn_extension_system(struct learn *l)
{
	uint64_t cap = l->q->call->arg;

	if (l->succeeded && cap < NO_CAPABILITY && !answer_varies(cap) &&
	    extension_known(l->q) == INT32_MIN)
		l_constant(l, &l->system->caps, cap, 0, (uint64_t)l->ret->ret);
}

/* The VM answers as /dev/kvm does. */
static bool extension_as_system(const struct question *q)
{
	return extension_known(q) != INT32_MIN && !vm_typed(q) && q->vm->fresh;
}

static void answer_extension_vm(const struct question *q, struct answer *a)
{
	uint64_t cap = q->call->arg;

	if (!answer_extension(q, a) || answer_varies_by_vm(cap) || q->vm->encrypted)
		return;
	if (extension_as_system(q))
		a_result(a, R_CHECK_EXTENSION_VM_SAME, "answer", (uint64_t)extension_known(q));
	else
		a_constant(a, R_CHECK_EXTENSION_VM_SAME, "answer", &q->vm->caps, cap,
			   VM_CAP_ANSWERED);
}

static void learn_extension_vm(struct learn *l)
{
	uint64_t cap = l->q->call->arg;

	if (l->succeeded && cap < NO_CAPABILITY && !answer_varies_by_vm(cap) && !l->vm->encrypted &&
	    !extension_as_system(l->q))
		l_constant(l, &l->vm->caps, cap, VM_CAP_ANSWERED, (uint64_t)l->ret->ret);
}

/* --- KVM_ENABLE_CAP -------------------------------------------------------------------------- */

/* The functions up to enable_refused() say whether the call must fail; errors that may come they
 * allow. */

/* Bits that the answer of KVM_CHECK_EXTENSION does not have. */
static bool within_answer(struct answer *a, uint16_t rule, uint32_t cap, uint64_t arg)
{
	int32_t answered = q_cap(a->q, cap);

	return a_refuse(a, rule,
			answered == INT32_MIN ? STATE_UNKNOWN
					      : tri(arg & ~(uint64_t)(uint32_t)answered));
}

static bool within(struct answer *a, uint64_t arg, uint64_t mask)
{
	return a_refuse(a, R_ENABLE_CAP_ARGUMENT, tri(arg & ~mask));
}

/* Only before vCPUs. */
static bool before_vcpus(struct answer *a)
{
	return a_refuse(a, R_ENABLE_CAP_BEFORE_VCPUS, a->q->vm->has_vcpus);
}

/* api.rst 7.5 KVM_CAP_SPLIT_IRQCHIP */
static bool split_irqchip(struct answer *a, uint64_t pins)
{
	return a_refuse(a, R_ENABLE_CAP_ARGUMENT, tri(pins > 4096)) ||
	       a_refuse(a, R_SPLIT_IRQCHIP_ONCE,
			tri_not(vm_irqchip_is(a->q->vm, STATE_IRQCHIP_NONE))) ||
	       a_refuse(a, R_SPLIT_IRQCHIP_BEFORE_VCPUS, a->q->vm->has_vcpus);
}

/* api.rst 8.29 KVM_CAP_DIRTY_LOG_RING */
static bool dirty_ring(struct answer *a, uint32_t cap, uint64_t arg)
{
	uint32_t size = (uint32_t)arg;
	int32_t most = q_cap(a->q, cap);

	return a_refuse(a, R_DIRTY_RING_SIZE,
			tri(!size || (size & (size - 1)) || size < q_page(a->q))) ||
	       a_refuse(a, R_DIRTY_RING_TOO_BIG, tri(most > 0 && size > (uint32_t)most)) ||
	       a_refuse(a, R_DIRTY_RING_ONCE, vm_dirty_ring(a->q->vm)) || before_vcpus(a) ||
	       /* A page is the least, but a processor's write buffer may want more (kernel 5.11 on). */
	       a_refuse(a, R_DIRTY_RING_SIZE, size < 65536 ? STATE_UNKNOWN : STATE_NO);
}

/* api.rst 7.32 KVM_CAP_MAX_VCPU_ID */
static bool max_vcpu_id(struct answer *a, uint64_t limit)
{
	const struct state_vm *vm = a->q->vm;
	int32_t most = q_cap(a->q, KVM_CAP_MAX_VCPU_ID);
	enum state_tri set, looks;
	uint64_t before = 0;

	/* The capability is older than the possibility to enable it, which came in 2022. */
	if (q_changed(a->q, CHANGE_MAX_VCPU_ID_ENABLED) != STATE_YES)
		return a_refuse(a, R_ENABLE_CAP_UNSUPPORTED,
				tri_not(q_changed(a->q, CHANGE_MAX_VCPU_ID_ENABLED)));
	if (a_refuse(a, R_ENABLE_CAP_INVALID, tri(most > 0 && limit > (uint64_t)most)))
		return true;
	set = vm_cap_enabled(vm, KVM_CAP_MAX_VCPU_ID, &before);
	if (set == STATE_UNKNOWN || vm->has_vcpus == STATE_UNKNOWN || most <= 0)
		return a_refuse(a, R_MAX_VCPU_ID_ONCE, STATE_UNKNOWN);
	looks = q_changed(a->q, CHANGE_MAX_VCPU_ID_BOOT);
	if (vm->boot_cpu > limit && looks != STATE_NO)
		return a_refuse(a, R_MAX_VCPU_ID_BOOT,
				vm->boot_cpu == UINT64_MAX ? STATE_UNKNOWN : looks);
	/* The first vCPU makes a limit that was not set the highest one. */
	if (set == STATE_NO)
		before = 0;
	if (!before && vm->has_vcpus == STATE_YES)
		before = (uint64_t)most;
	return a_refuse(a, R_MAX_VCPU_ID_ONCE, tri(before && before != limit));
}

/* api.rst 7.13 KVM_CAP_X86_DISABLE_EXITS */
static bool disable_exits(struct answer *a, uint64_t arg)
{
	const int32_t answered = q_cap(a->q, KVM_CAP_X86_DISABLE_EXITS);

	if (q_rule(a->q, R_DISABLE_EXITS_SILENT) == STATE_NO)
		return within_answer(a, R_ENABLE_CAP_INVALID, KVM_CAP_X86_DISABLE_EXITS, arg) ||
		       before_vcpus(a);
	/* Kernels before 7.0 take the bits that exist and do nothing about those that the host
	 * cannot do, and do not look for vCPUs. */
	return a_refuse(a, R_ENABLE_CAP_INVALID, tri(arg & ~(0xfull | (uint32_t)answered))) ||
	       a_refuse(a, R_DISABLE_EXITS_SILENT,
			answered == INT32_MIN || arg & ~(uint64_t)(uint32_t)answered ||
					a->q->vm->has_vcpus != STATE_NO
				? STATE_UNKNOWN
				: STATE_NO);
}

/* api.rst 7.7 KVM_CAP_X2APIC_API */
static bool x2apic_api(struct answer *a, uint64_t arg)
{
	const uint64_t both = KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST |
			      KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST;

	if (within_answer(a, R_ENABLE_CAP_INVALID, KVM_CAP_X2APIC_API, arg) ||
	    a_refuse(a, R_ENABLE_CAP_INVALID, tri((arg & both) == both)))
		return true;
	if (!(arg & KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST))
		return false;
	return a_refuse(a, R_X2APIC_NEEDS_SPLIT,
			tri_not(vm_irqchip_is(a->q->vm, STATE_IRQCHIP_SPLIT)));
}

/* api.rst 7.22 KVM_CAP_X86_BUS_LOCK_EXIT */
static bool bus_lock(struct answer *a, uint64_t arg)
{
	const uint64_t both = KVM_BUS_LOCK_DETECTION_OFF | KVM_BUS_LOCK_DETECTION_EXIT;

	return a_refuse(a, R_ENABLE_CAP_INVALID, tri(arg & ~both || (arg & both) == both));
}

/* api.rst 7.33 KVM_CAP_X86_NOTIFY_VMEXIT: the upper half is a window of time. */
static bool notify_vmexit(struct answer *a, uint64_t arg)
{
	const uint32_t flags = KVM_X86_NOTIFY_VMEXIT_ENABLED | KVM_X86_NOTIFY_VMEXIT_USER;

	return a_refuse(a, R_ENABLE_CAP_INVALID,
			tri((uint32_t)arg & ~flags || !(arg & KVM_X86_NOTIFY_VMEXIT_ENABLED))) ||
	       before_vcpus(a);
}

/* api.rst 7.35 KVM_CAP_X86_APIC_BUS_CYCLES_NS: the longest time of a timer has to fit 64 bits. */
static bool bus_cycles(struct answer *a, uint64_t ns)
{
	return a_refuse(a, R_ENABLE_CAP_INVALID,
			tri(!ns || ns > UINT64_MAX / (UINT32_MAX * 128ull))) ||
	       a_refuse(a, R_APIC_BUS_NEEDS_CHIP, vm_irqchip_is(a->q->vm, STATE_IRQCHIP_NONE)) ||
	       before_vcpus(a);
}

/* api.rst 7.38 KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, for a process that may reboot the host */
static bool nx_huge_pages(struct answer *a, uint64_t arg)
{
	return a_refuse(a, R_NX_HUGE_PAGES_PRIVILEGE, STATE_UNKNOWN) ||
	       a_refuse(a, R_ENABLE_CAP_INVALID, tri(arg)) || before_vcpus(a);
}

/* api.rst 7.24, 7.29: args[0] is the descriptor of another VM. */
static bool enc_context(struct answer *a, uint64_t fd)
{
	if (q_back_end(a->q, MODEL_KVM_INTEL) == STATE_YES)
		return a_refuse_with(a, R_ENC_CONTEXT_REFUSED, EINVAL, STATE_YES);
	if (q_back_end(a->q, MODEL_KVM_AMD) == STATE_YES && (int32_t)fd < 0)
		return a_refuse_with(a, R_ENC_CONTEXT_REFUSED, EBADF, STATE_YES);
	return a_refuse(a, R_ENC_CONTEXT_REFUSED, STATE_UNKNOWN);
}

/* What chapter 7 and the sources of 6.1 to 7.2 say of one capability with one argument. */
static bool enable_refused(struct answer *a, uint32_t cap, uint64_t arg)
{
	switch (cap) {
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		if (!(arg & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE))
			return within(a, arg, 0);
		return within_answer(a, R_ENABLE_CAP_ARGUMENT, cap, arg);
	case KVM_CAP_HALT_POLL:
		return within(a, arg, UINT32_MAX);
	case KVM_CAP_DIRTY_LOG_RING:
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return dirty_ring(a, cap, arg);
	case KVM_CAP_SPLIT_IRQCHIP:
		return split_irqchip(a, arg);
	case KVM_CAP_DISABLE_QUIRKS:
	case KVM_CAP_MSR_PLATFORM_INFO:
	case KVM_CAP_EXCEPTION_PAYLOAD:
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
		return false;
	case KVM_CAP_DISABLE_QUIRKS2:
	case KVM_CAP_EXIT_HYPERCALL:
		return within_answer(a, R_ENABLE_CAP_INVALID, cap, arg);
	case KVM_CAP_X2APIC_API:
		return x2apic_api(a, arg);
	case KVM_CAP_X86_DISABLE_EXITS:
		return disable_exits(a, arg);
	case KVM_CAP_X86_USER_SPACE_MSR:
		return within(a, arg,
			      KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN |
				      KVM_MSR_EXIT_REASON_FILTER);
	case KVM_CAP_X86_BUS_LOCK_EXIT:
		return bus_lock(a, arg);
	case KVM_CAP_EXIT_ON_EMULATION_FAILURE:
		return within(a, arg, 1);
	case KVM_CAP_PMU_CAPABILITY:
		return within_answer(a, R_ENABLE_CAP_INVALID, cap, arg) || before_vcpus(a);
	case KVM_CAP_MAX_VCPU_ID:
		return max_vcpu_id(a, arg);
	case KVM_CAP_X86_NOTIFY_VMEXIT:
		return notify_vmexit(a, arg);
	case KVM_CAP_X86_APIC_BUS_CYCLES_NS:
		return bus_cycles(a, arg);
	case KVM_CAP_VM_DISABLE_NX_HUGE_PAGES:
		return nx_huge_pages(a, arg);
	case KVM_CAP_SGX_ATTRIBUTE:
		return a_refuse(a, R_SGX_ATTRIBUTE, STATE_UNKNOWN);
	case KVM_CAP_VM_COPY_ENC_CONTEXT_FROM:
	case KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM:
		return enc_context(a, arg);
	default:
		return a_refuse(a, R_ENABLE_CAP_UNSUPPORTED, STATE_UNKNOWN);
	}
}

/* Capabilities whose enabling hangs on other descriptors, of which no tape tells. */
static bool depends_on_more(uint32_t cap)
{
	return cap == KVM_CAP_SGX_ATTRIBUTE || cap == KVM_CAP_VM_COPY_ENC_CONTEXT_FROM ||
	       cap == KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM;
}

static bool enableable(uint32_t cap)
{
	switch (cap) {
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
	case KVM_CAP_HALT_POLL:
	case KVM_CAP_DIRTY_LOG_RING:
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
	case KVM_CAP_SPLIT_IRQCHIP:
	case KVM_CAP_DISABLE_QUIRKS:
	case KVM_CAP_DISABLE_QUIRKS2:
	case KVM_CAP_MSR_PLATFORM_INFO:
	case KVM_CAP_EXCEPTION_PAYLOAD:
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
	case KVM_CAP_EXIT_HYPERCALL:
	case KVM_CAP_X2APIC_API:
	case KVM_CAP_X86_DISABLE_EXITS:
	case KVM_CAP_X86_USER_SPACE_MSR:
	case KVM_CAP_X86_BUS_LOCK_EXIT:
	case KVM_CAP_EXIT_ON_EMULATION_FAILURE:
	case KVM_CAP_PMU_CAPABILITY:
	case KVM_CAP_MAX_VCPU_ID:
	case KVM_CAP_X86_NOTIFY_VMEXIT:
	case KVM_CAP_X86_APIC_BUS_CYCLES_NS:
	case KVM_CAP_VM_DISABLE_NX_HUGE_PAGES:
		return true;
	default:
		return depends_on_more(cap);
	}
}

static void enabled(struct learn *l, uint32_t cap)
{
	struct state_vm *vm = l->vm;
	struct state_entry *e = state_set_add(&vm->caps, cap, VM_CAP_ENABLED);

	if (!e) {
		l->oom = -ENOMEM;
		return;
	}
	e->known = 1;
	for (unsigned int i = 0; i < 4; i++)
		e->known &= q_field(l->q, l->q->in, offsetof(struct kvm_enable_cap, args) + 8 * i,
				    8, &e->value[i]);
	if (cap == KVM_CAP_SPLIT_IRQCHIP) {
		vm->irqchip = STATE_IRQCHIP_SPLIT;
		state_set_clear(&vm->routes);
		vm->routes.open = false;
		vm->routes_known = STATE_YES;
	}
}

/* What kernels are known to take without a word. */
static void answer_silent(const struct question *q, struct answer *a, uint32_t cap, uint64_t flags,
			  uint64_t arg)
{
	if (flags)
		a_hold(a, R_DIRTY_RING_FLAGS);
	if (cap == KVM_CAP_X86_BUS_LOCK_EXIT && !q_cap(q, cap))
		a_hold(a, R_BUS_LOCK_SILENT);
	if (cap == KVM_CAP_X86_DISABLE_EXITS &&
	    (q->vm->has_vcpus == STATE_YES ||
	     (q_cap(q, cap) >= 0 && arg & ~(uint64_t)(uint32_t)q_cap(q, cap))))
		a_hold(a, R_DISABLE_EXITS_SILENT);
}

/* The capability, and what of the argument says whether it can be enabled; false if not all of that
 * was captured. */
static bool enable_argument(const struct question *q, uint64_t *cap, uint64_t *flags, uint64_t *arg)
{
	return Q_IN(q, struct kvm_enable_cap, cap, cap) &&
	       Q_IN(q, struct kvm_enable_cap, flags, flags) &&
	       q_field(q, q->in, offsetof(struct kvm_enable_cap, args), 8, arg);
}

/* The kernel said that it lacks the capability, or does not let it be enabled. */
static bool enable_unsupported(const struct question *q, uint64_t cap)
{
	/* That one is there, and enabled, whether the host can do it or not. */
	return q_cap(q, (uint32_t)cap) == 0 &&
	       (cap != KVM_CAP_X86_BUS_LOCK_EXIT || q_rule(q, R_BUS_LOCK_SILENT) == STATE_NO);
}

/* api.rst 4.37, chapter 7 */
static void answer_enable_cap(const struct question *q, struct answer *a)
{
	uint64_t cap, flags, arg;

	if (!enable_argument(q, &cap, &flags, &arg)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (flags && cap != KVM_CAP_DIRTY_LOG_RING && cap != KVM_CAP_DIRTY_LOG_RING_ACQ_REL) {
		a_must_fail(a, R_ENABLE_CAP_FLAGS);
		return;
	}
	if (a_refuse(a, R_ENABLE_CAP_UNSUPPORTED,
		     tri_may(enable_unsupported(q, cap),
			     cap == KVM_CAP_X86_BUS_LOCK_EXIT &&
				     q_rule(q, R_BUS_LOCK_SILENT) == STATE_UNKNOWN)))
		return;
	if (!enableable((uint32_t)cap)) {
		/* The table above is that of the kernels up to 7.2. */
		if (!a_refuse(a, R_ENABLE_CAP_UNSUPPORTED, tri(!q_maybe_newer(q))))
			a_may_succeed(a, R_ENABLE_CAP_OTHER,
				      "a capability that this model does not know");
		return;
	}
	if (enable_refused(a, (uint32_t)cap, arg))
		return;
	if (q_cap(q, (uint32_t)cap) == INT32_MIN)
		a_may_fail(a, R_ENABLE_CAP_UNSUPPORTED);
	if (cap == KVM_CAP_SGX_ATTRIBUTE) {
		a_succeeds(a, R_ENABLE_CAP_OTHER);
	} else if (depends_on_more((uint32_t)cap)) {
		a_may_succeed(a, R_ENABLE_CAP_OTHER, "hangs on other descriptors");
	} else {
		a_succeeds(a, R_ENABLE_CAP_SUCCEEDS);
		answer_silent(q, a, (uint32_t)cap, flags, arg);
	}
}

static void learn_enable_cap(struct learn *l)
{
	uint64_t cap, flags, arg;

	/* Whatever it was: nearly all of the VM hangs on one capability or another. */
	if (!enable_argument(l->q, &cap, &flags, &arg))
		state_vm_forget(l->vm);
	else if (l->succeeded)
		enabled(l, (uint32_t)cap);
}

const struct handler model_vm_cap_handlers[] = {
	{"KVM_CHECK_EXTENSION", KVMAPI_VM, .answer = answer_extension_vm,
	 .learn = learn_extension_vm},
	{"KVM_ENABLE_CAP", KVMAPI_VM, .answer = answer_enable_cap, .learn = learn_enable_cap},
	{NULL, 0, .answer = NULL},
};
