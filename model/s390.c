/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of s390 but attributes: KVM_CREATE_IRQCHIP (api.rst 4.24), memory slots (4.35),
 * KVM_ENABLE_CAP (4.37), MP states (4.38, 4.39), KVM_SET_GSI_ROUTING (4.52), KVM_SET_GUEST_DEBUG
 * (4.87), KVM_S390_GET_CMMA_BITS (4.107), KVM_RUN (4.10).  Compiled against the UAPI headers of
 * s390.
 */
#include "model/generic.h"
#include "model/s390.h"
#include "model/vm.h"

#define MEGABYTE (1ull << 20)

/* --- machines -------------------------------------------------------------------------------- */

/* api.rst 4.2 */
static void create_vm(struct judge *j)
{
	if (j->q->call->arg) {
		if (!j_may_succeed(j, R_ARCH_CREATE_VM_TYPE, "a type of the architecture"))
			return;
		if (j->q->call->arg == KVM_VM_S390_UCONTROL)
			s390_ucontrol_made(j->l);
		vm_typed_seen(j->l);
	} else if (!j_succeeds_value(j, R_ARCH_CREATE_VM)) {
		return;
	}
	vm_created(j, j->ret->ret);
}

/* api.rst 4.24 */
static void create_irqchip(struct judge *j)
{
	uint64_t arg;

	switch (vm_cap_enabled(j->vm, KVM_CAP_S390_IRQCHIP, &arg)) {
	case STATE_YES:
		j_succeeds(j, R_S390_IRQCHIP);
		break;
	case STATE_NO:
		j_must_fail(j, R_S390_IRQCHIP_DISABLED);
		break;
	default:
		j_may_fail(j, R_S390_IRQCHIP_DISABLED);
		j_may_succeed(j, R_S390_IRQCHIP, "whether the capability was enabled");
		break;
	}
}

/* api.rst 4.37, chapters 6 and 7 */
static void enable_cap(struct judge *j)
{
	struct state_vm *vm = j->vm;
	uint64_t cap, flags, arg = 0;
	struct state_entry *e;

	/* Some of them change the CPU model. */
	state_block_forget(&vm->blocks[STATE_CPU_MODEL]);
	state_block_forget(&vm->blocks[STATE_CPU_MASK]);
	if (!Q_IN(j->q, struct kvm_enable_cap, cap, &cap) ||
	    !Q_IN(j->q, struct kvm_enable_cap, flags, &flags)) {
		vm->caps.open = true;
		j_skip(j, "argument not captured");
		return;
	}
	if (flags) {
		j_must_fail(j, R_S390_ENABLE_CAP_FLAGS);
		return;
	}
	if (!j->vcpu && cap == KVM_CAP_S390_IRQCHIP) {
		if (!j_succeeds(j, R_S390_ENABLE_CAP_IRQCHIP))
			return;
	} else if (!j_may_succeed(j, R_S390_ENABLE_CAP,
				  "which capabilities can be enabled, and when")) {
		return;
	}
	if (j->vcpu)
		return;
	q_field(j->q, j->q->in, offsetof(struct kvm_enable_cap, args), 8, &arg);
	e = state_set_add(&vm->caps, cap, VM_CAP_ENABLED);
	if (!e) {
		j->oom = -ENOMEM;
		return;
	}
	e->known = 1;
	e->value[0] = arg;
}

/* Commands of protected virtualisation: nothing is judged, but what they change is known. */
static void pv_command(struct judge *j)
{
	uint64_t cmd;

	s390_fact_set(j->l, S390_USER_STATE, STATE_YES);
	if (!Q_IN(j->q, struct kvm_pv_cmd, cmd, &cmd)) {
		s390_fact_set(j->l, S390_PROTECTED, STATE_UNKNOWN);
		j_skip(j, "argument not captured");
		return;
	}
	j_may_succeed(j, R_RETURN_ZERO_OR_ERROR, "what the ultravisor does");
	if (cmd == KVM_PV_ENABLE || cmd == KVM_PV_DISABLE || cmd >= KVM_PV_ASYNC_CLEANUP_PREPARE)
		s390_fact_set(j->l, S390_PROTECTED,
			      cmd == KVM_PV_ENABLE && !j->ret->ret    ? STATE_YES
			      : cmd == KVM_PV_DISABLE && !j->ret->ret ? STATE_NO
								      : STATE_UNKNOWN);
}

/* --- memory ---------------------------------------------------------------------------------- */

enum { GPA, SIZE, HVA, FLAGS };

struct region {
	uint64_t slot, flags, gpa, size, hva;
};

static bool region_read(const struct question *q, struct region *r)
{
	return Q_IN(q, struct kvm_userspace_memory_region, slot, &r->slot) &&
	       Q_IN(q, struct kvm_userspace_memory_region, flags, &r->flags) &&
	       Q_IN(q, struct kvm_userspace_memory_region, guest_phys_addr, &r->gpa) &&
	       Q_IN(q, struct kvm_userspace_memory_region, memory_size, &r->size) &&
	       Q_IN(q, struct kvm_userspace_memory_region, userspace_addr, &r->hva);
}

/* What s390 asks of a new or moved slot. True if it must be refused, which is then said. */
static bool region_placed(struct judge *j, const struct region *r, enum state_tri placed)
{
	const struct state_entry *limit = s390_fact_find(j->q, S390_LIMIT);
	enum state_tri given = s390_fact(j->q, S390_LIMIT), bad;
	bool between = s390_between(j->q);
	struct s390_causes causes = {0};
	uint64_t most;

	if (placed == STATE_NO)
		return false;
	bad = (r->hva | r->size) % MEGABYTE ? placed : STATE_NO;
	if (q_applies(j->q, R_S390_REGION_SEGMENT))
		s390_cause(j, &causes, bad, R_S390_REGION_SEGMENT, EINVAL);
	else if (between && bad != STATE_NO)
		j_may_fail_with(j, R_RETURN_ZERO_OR_ERROR, EINVAL);
	bad = !s390_host_limit(j->q, &most) ? STATE_UNKNOWN
	      : r->gpa + r->size > most	    ? placed
					    : STATE_NO;
	s390_cause(j, &causes, bad, R_S390_REGION_LIMIT, EINVAL);
	bad = given == STATE_YES && r->gpa + r->size > limit->value[1] ? placed : STATE_NO;
	if (given == STATE_UNKNOWN)
		bad = STATE_UNKNOWN;
	if (q_applies(j->q, R_S390_LIMIT_ROUNDED))
		s390_cause(j, &causes, bad, R_S390_LIMIT_ROUNDED, EINVAL);
	else if (between && bad != STATE_NO)
		j_may_fail_with(j, R_RETURN_ZERO_OR_ERROR, EINVAL);
	else if (bad == STATE_YES && !causes.count)
		j_check(j, R_S390_LIMIT_NOT_ENFORCED, j->ret->ret != -EINVAL, "0", "-1 EINVAL");
	/* Overlap is looked for before. */
	if (causes.count)
		j_may_fail(j, R_MEMORY_REGION_OVERLAP);
	return s390_refused(j, &causes, R_S390_LIMIT_ORDER);
}

/* api.rst 4.35 */
static void set_memory_region(struct judge *j)
{
	struct s390_causes causes = {0};
	const struct state_entry *old;
	enum state_tri placed, changed, ucontrol = s390_ucontrol(j->q);
	struct state_entry *e;
	struct region r;

	if (ucontrol != STATE_NO)
		j_may_fail_with(j, R_S390_REGION_UCONTROL, EEXIST);
	s390_cause(j, &causes, ucontrol, R_S390_REGION_UCONTROL, EINVAL);
	s390_cause(j, &causes, s390_fact(j->q, S390_PROTECTED), R_S390_REGION_PROTECTED, EINVAL);
	if (causes.count && j->ret->ret == -EEXIST)
		j_may_fail(j, R_MEMORY_REGION_OVERLAP);
	if (s390_refused(j, &causes, R_S390_LIMIT_ORDER))
		return;
	if (!region_read(j->q, &r)) {
		s390_fact_set(j->l, S390_MIGRATION, STATE_UNKNOWN);
		memslot_set_region(j);
		return;
	}
	old = state_set_find(&j->vm->slots, r.slot, 0);
	placed = old ? (old->known ? (old->value[GPA] != r.gpa ? STATE_YES : STATE_NO)
				   : STATE_UNKNOWN)
		     : (j->vm->slots.open ? STATE_UNKNOWN : STATE_YES);
	changed = old && old->known && old->value[GPA] == r.gpa && old->value[FLAGS] == r.flags
			  ? STATE_NO
			  : STATE_YES;
	if (r.size && region_placed(j, &r, placed))
		return;
	memslot_set_region(j);
	if (j->ret->ret || !r.size || r.flags & KVM_MEM_LOG_DIRTY_PAGES || changed == STATE_NO ||
	    s390_fact(j->q, S390_MIGRATION) == STATE_NO)
		return;
	e = s390_fact_set(j->l, S390_MIGRATION,
			  q_applies(j->q, R_S390_MIGRATION_AUTO_STOP) ? STATE_NO : STATE_UNKNOWN);
	if (e)
		e->value[1] = R_S390_MIGRATION_AUTO_STOP;
}

/* api.rst 4.107 */
static void get_cmma_bits(struct judge *j)
{
	const struct state_entry *e = s390_fact_find(j->q, S390_CMMA_ZEROED);
	const struct tape_part *values = j_part(j, TAPE_NESTED_OUT);

	if (!j_may_succeed(j, R_RETURN_ZERO_OR_ERROR, "what is dirty") || !values || !e ||
	    e->value[0] != STATE_YES || q_vm_running(j->q) || e->value[1] != j->vm->last_run_end)
		return;
	for (uint32_t i = 0; i < values->have; i++) {
		if (!j_check(j, R_S390_CMMA_CLEARED, !values->data[i], "states of 0",
			     "page %u: 0x%02x", i, values->data[i]))
			return;
	}
}

static void set_cmma_bits(struct judge *j)
{
	s390_fact_set(j->l, S390_CMMA_ZEROED, STATE_NO);
	j_hold(j, R_RETURN_ZERO_OR_ERROR);
	j_silent(j, "no rule for this ioctl");
}

/* --- routes ---------------------------------------------------------------------------------- */

/* A guest address is inside a slot. */
static enum state_tri in_memory(const struct state_vm *vm, uint64_t gpa)
{
	for (uint32_t i = 0; i < vm->slots.count; i++) {
		const struct state_entry *e = &vm->slots.entries[i];

		if (e->known && gpa >= e->value[GPA] && gpa - e->value[GPA] < e->value[SIZE])
			return STATE_YES;
	}
	return vm->slots.open ? STATE_UNKNOWN : STATE_NO;
}

#define ENTRIES_MAX 4096

/* api.rst 4.52 */
static void set_routing(struct judge *j)
{
	const size_t adapter = offsetof(struct kvm_irq_routing_entry, u);
	uint64_t nr, flags, type, gsi, of_entry, summary, indicator;
	struct s390_causes causes = {0};

	if (!Q_IN(j->q, struct kvm_irq_routing, nr, &nr) ||
	    !Q_IN(j->q, struct kvm_irq_routing, flags, &flags)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (flags || nr > ENTRIES_MAX || s390_ucontrol(j->q) != STATE_NO)
		j_may_fail(j, R_S390_ROUTING_TYPE);
	/* The first entry that is wrong decides. */
	for (uint64_t i = 0; i < nr && i < ENTRIES_MAX && !causes.count; i++) {
		size_t at =
			sizeof(struct kvm_irq_routing) + i * sizeof(struct kvm_irq_routing_entry);
		enum state_tri there;

		if (!q_field(j->q, j->q->in, at + offsetof(struct kvm_irq_routing_entry, gsi), 4,
			     &gsi) ||
		    !q_field(j->q, j->q->in, at + offsetof(struct kvm_irq_routing_entry, type), 4,
			     &type) ||
		    !q_field(j->q, j->q->in, at + offsetof(struct kvm_irq_routing_entry, flags), 4,
			     &of_entry) ||
		    !q_field(j->q, j->q->in,
			     at + adapter + offsetof(struct kvm_irq_routing_s390_adapter, ind_addr),
			     8, &indicator) ||
		    !q_field(j->q, j->q->in,
			     at + adapter +
				     offsetof(struct kvm_irq_routing_s390_adapter, summary_addr),
			     8, &summary)) {
			j_skip(j, "argument not captured");
			return;
		}
		s390_cause(j, &causes, type == KVM_IRQ_ROUTING_S390_ADAPTER ? STATE_NO : STATE_YES,
			   R_S390_ROUTING_TYPE, EINVAL);
		if (causes.count)
			break;
		/* Offsets beyond the page, numbers and flags: newer kernels look at more of it. */
		if (of_entry || gsi >= ENTRIES_MAX || q_kernel(j->q) > MODEL_KERNEL(6, 12))
			j_may_fail(j, R_S390_ROUTING_TYPE);
		there = in_memory(j->vm, summary);
		if (there == STATE_YES)
			there = in_memory(j->vm, indicator);
		s390_cause(j, &causes,
			   there == STATE_UNKNOWN ? there
			   : there == STATE_NO	  ? STATE_YES
						  : STATE_NO,
			   R_S390_ROUTING_ADDRESS, EFAULT);
	}
	if (!s390_refused(j, &causes, R_S390_ROUTING_TYPE))
		j_succeeds(j, R_S390_ROUTING);
}

/* --- MP states ------------------------------------------------------------------------------- */

/* A new vCPU, before anything that changes its state. */
static bool vcpu_untouched(const struct question *q)
{
	return q->vcpu->fresh && q->vm->fresh && !generic_flag(q->vcpu, S390_MP_SEEN) &&
	       q->vm->has_run == STATE_NO;
}

/* api.rst 4.38 */
static void mp_state_get(struct judge *j)
{
	bool fresh = vcpu_untouched(j->q);
	uint64_t state, known;

	generic_forget_others(j->l);
	if (q_applies(j->q, R_S390_MP_STATE_RESULT)) {
		j_check(j, R_S390_MP_STATE_RESULT, j->ret->ret > 0 || j->ret->ret == -EINTR,
			"the state as the result", "%lld", (long long)j->ret->ret);
		if (j->ret->ret <= 0)
			return;
		state = (uint64_t)j->ret->ret;
	} else if (j->ret->ret > 0) {
		state = (uint64_t)j->ret->ret;
	} else if (!j_succeeds(j, R_S390_MP_STATE_VALUES) ||
		   !J_OUT(j, struct kvm_mp_state, mp_state, &state)) {
		return;
	}
	if (!j_check(j, R_S390_MP_STATE_VALUES,
		     state >= KVM_MP_STATE_STOPPED && state <= KVM_MP_STATE_LOAD, "a state of s390",
		     "%llu", (unsigned long long)state))
		return;
	known = generic_mp_known(j->q);
	if (known)
		j_equal(j, (uint16_t)j->vcpu->scratch[GENERIC_MP_RULE], "state", known - 1, state);
	else if (fresh)
		j_equal(j, R_S390_MP_STATE_NEW, "state", KVM_MP_STATE_STOPPED, state);
	generic_mp_state(j->l, (uint32_t)state, R_S390_MP_STATE_SAME);
	generic_flag_set(j->vcpu, S390_MP_SEEN, true);
}

/* api.rst 4.39 */
static void mp_state_set(struct judge *j)
{
	enum state_tri protected = s390_fact(j->q, S390_PROTECTED);
	uint64_t state;

	generic_forget_others(j->l);
	generic_flag_set(j->vcpu, S390_MP_SEEN, true);
	s390_fact_set(j->l, S390_USER_STATE, STATE_YES);
	if (!Q_IN(j->q, struct kvm_mp_state, mp_state, &state)) {
		generic_mp_state(j->l, UINT32_MAX, R_NONE);
		j_skip(j, "argument not captured");
		return;
	}
	if (state == KVM_MP_STATE_STOPPED || state == KVM_MP_STATE_OPERATING) {
		/* The ultravisor may refuse. */
		if (protected != STATE_NO) {
			j_may_succeed(j, R_RETURN_ZERO_OR_ERROR, "what the ultravisor does");
			generic_mp_state(j->l, UINT32_MAX, R_NONE);
		} else if (j_succeeds(j, R_S390_MP_STATE_SET)) {
			generic_mp_state(j->l, (uint32_t)state, R_S390_MP_STATE_SAME);
		}
		return;
	}
	if (state == KVM_MP_STATE_LOAD && protected != STATE_NO) {
		j_may_fail(j, R_S390_MP_STATE_REFUSED);
		j_may_succeed(j, R_RETURN_ZERO_OR_ERROR, "what the ultravisor does");
		generic_mp_state(j->l, UINT32_MAX, R_NONE);
		return;
	}
	if (!q_applies(j->q, R_S390_MP_STATE_REFUSED)) {
		j_may_succeed(j, R_RETURN_ZERO_OR_ERROR, "which states newer kernels set");
		generic_mp_state(j->l, UINT32_MAX, R_NONE);
		return;
	}
	j_must_fail(j, R_S390_MP_STATE_REFUSED);
}

/* --- running and debugging ------------------------------------------------------------------- */

/* api.rst 4.87. A refused call leaves debugging switched off. */
static void guest_debug(struct judge *j)
{
	const uint64_t common = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
	struct state_vcpu *v = j->vcpu;
	uint64_t control, count = 0;
	const size_t breakpoints = offsetof(struct kvm_guest_debug, arch.nr_hw_bp);

	if (!Q_IN(j->q, struct kvm_guest_debug, control, &control)) {
		v->debug_known = STATE_UNKNOWN;
		j_skip(j, "argument not captured");
		return;
	}
	v->debug_known = STATE_YES;
	v->debug_control = j->ret->ret ? 0 : (uint32_t)control;
	if (control & ~(common | KVM_GUESTDBG_USE_HW_BP)) {
		j_must_fail(j, R_S390_GUEST_DEBUG_BITS);
		return;
	}
	q_field(j->q, j->q->in, breakpoints, 4, &count);
	if (control & KVM_GUESTDBG_ENABLE && control & KVM_GUESTDBG_USE_HW_BP && count)
		j_may_fail(j, R_S390_GUEST_DEBUG_BREAKPOINTS);
	if (!generic_flag(v, S390_DEBUGGED))
		j_may_fail(j, R_S390_GUEST_DEBUG_MACHINE);
	if (j_succeeds(j, R_S390_GUEST_DEBUG))
		generic_flag_set(v, S390_DEBUGGED, true);
}

#define REASON(name) (1ull << KVM_EXIT_##name)

/* The exits that there are, from KVM itself and from its generic parts. */
static const uint64_t reasons = REASON(UNKNOWN) | REASON(DEBUG) | REASON(FAIL_ENTRY) |
				REASON(INTR) | REASON(S390_SIEIC) | REASON(S390_RESET) |
				REASON(INTERNAL_ERROR) | REASON(S390_UCONTROL) | REASON(S390_TSCH) |
				REASON(S390_STSI) | REASON(DIRTY_RING_FULL) | REASON(MEMORY_FAULT);

/* api.rst 4.10, 5 */
static void run(struct judge *j)
{
	const struct tape_part *in = j_part(j, TAPE_RUN_IN), *out = j_part(j, TAPE_RUN_OUT);
	struct state_vcpu *v = j->vcpu;
	uint64_t reason, immediate = 0;

	v->last_exit = 0;
	generic_flag_set(v, S390_MP_SEEN, true);
	if (j->q->call->arg) {
		j_must_fail(j, R_ARCH_RUN_NO_ARGUMENT);
		return;
	}
	if (s390_fact(j->q, S390_PROTECTED) != STATE_NO)
		j_may_fail_with(j, R_RETURN_ZERO_OR_ERROR, EINVAL);
	q_field(j->q, in, offsetof(struct kvm_run, immediate_exit), 1, &immediate);
	if (immediate) {
		j_must_fail(j, R_S390_RUN_IMMEDIATE);
		return;
	}
	j_may_fail(j, R_ARCH_RUN_INTERRUPTED);
	if (s390_fact(j->q, S390_USER_STATE) == STATE_YES &&
	    v->scratch[GENERIC_MP_AT_RUN] == 1 + KVM_MP_STATE_STOPPED) {
		j_must_fail(j, R_S390_RUN_STOPPED);
		return;
	}
	if (!j_may_succeed(j, R_ARCH_RUN, "what the guest needs before it can run") ||
	    !q_field(j->q, out, offsetof(struct kvm_run, exit_reason), 4, &reason))
		return;
	v->last_exit = (uint32_t)reason;
	j_check(j, R_S390_RUN_REASON, reason < 64 && reasons >> reason & 1, "an exit that s390 has",
		"exit_reason = %llu", (unsigned long long)reason);
	if (reason == KVM_EXIT_DEBUG &&
	    (v->debug_known == STATE_YES || (v->debug_known == STATE_NO && v->fresh)))
		j_check(j, R_S390_RUN_DEBUG, v->debug_control & KVM_GUESTDBG_ENABLE,
			"this exit only with KVM_SET_GUEST_DEBUG", "control = 0x%x",
			v->debug_control);
}

const struct judge_handler model_s390_handlers[] = {
	{"KVM_CREATE_VM", KVMAPI_SYSTEM, .judge = create_vm},
	{"KVM_SET_DEVICE_ATTR", KVMAPI_VM, .judge = s390_set_attr},
	{"KVM_GET_DEVICE_ATTR", KVMAPI_VM, .judge = s390_get_attr},
	{"KVM_HAS_DEVICE_ATTR", KVMAPI_VM, .judge = s390_has_attr},
	{"KVM_CREATE_IRQCHIP", KVMAPI_VM, .judge = create_irqchip},
	{"KVM_ENABLE_CAP", KVMAPI_VM | KVMAPI_VCPU, .judge = enable_cap},
	{"KVM_SET_USER_MEMORY_REGION", KVMAPI_VM, .judge = set_memory_region},
	{"KVM_SET_GSI_ROUTING", KVMAPI_VM, .judge = set_routing},
	{"KVM_S390_GET_CMMA_BITS", KVMAPI_VM, .judge = get_cmma_bits},
	{"KVM_S390_SET_CMMA_BITS", KVMAPI_VM, .judge = set_cmma_bits},
	{"KVM_S390_PV_COMMAND", KVMAPI_VM, .judge = pv_command},
	{"KVM_GET_MP_STATE", KVMAPI_VCPU, .judge = mp_state_get},
	{"KVM_SET_MP_STATE", KVMAPI_VCPU, .judge = mp_state_set},
	{"KVM_SET_GUEST_DEBUG", KVMAPI_VCPU, .judge = guest_debug},
	{"KVM_RUN", KVMAPI_VCPU, .judge = run, .enter = generic_run_enter},
	{NULL, 0, .judge = NULL},
};
