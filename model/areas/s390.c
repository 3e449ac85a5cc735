/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of s390 but attributes: KVM_CREATE_IRQCHIP (api.rst 4.24), memory slots (4.35),
 * KVM_ENABLE_CAP (4.37), MP states (4.38, 4.39), KVM_SET_GSI_ROUTING (4.52), KVM_SET_GUEST_DEBUG
 * (4.87), KVM_S390_GET_CMMA_BITS (4.107), KVM_RUN (4.10).  Compiled against the UAPI headers of
 * s390.
 */
#include "model/areas/generic.h"
#include "model/areas/s390.h"
#include "model/areas/vm.h"

#define MEGABYTE (1ull << 20)

/* --- machines -------------------------------------------------------------------------------- */

/* api.rst 4.2 */
static void answer_create_vm(const struct question *q, struct answer *a)
{
	if (q->call->arg)
		a_may_succeed(a, R_ARCH_CREATE_VM_TYPE, "a type of the architecture");
	else
		a_succeeds_value(a, R_ARCH_CREATE_VM);
	a_created(a);
}

static void learn_create_vm(struct learn *l)
{
	const uint64_t type = l->q->call->arg;

	if (!l->succeeded || !type)
		return;
	if (type == KVM_VM_S390_UCONTROL)
		s390_ucontrol_made(l);
	vm_typed_seen(l);
}

/* api.rst 4.24 */
static void answer_create_irqchip(const struct question *q, struct answer *a)
{
	uint64_t arg;
	enum state_tri enabled = vm_cap_enabled(q->vm, KVM_CAP_S390_IRQCHIP, &arg);

	if (a_refuse(a, R_S390_IRQCHIP_DISABLED, tri_not(enabled)))
		return;
	if (enabled == STATE_YES)
		a_succeeds(a, R_S390_IRQCHIP);
	else
		a_may_succeed(a, R_S390_IRQCHIP, "whether the capability was enabled");
}

/* api.rst 4.37, chapters 6 and 7 */
static void answer_enable_cap(const struct question *q, struct answer *a)
{
	uint64_t cap, flags;

	if (!Q_IN(q, struct kvm_enable_cap, cap, &cap) ||
	    !Q_IN(q, struct kvm_enable_cap, flags, &flags)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (a_refuse(a, R_S390_ENABLE_CAP_FLAGS, tri(flags)))
		return;
	if (!q->vcpu && cap == KVM_CAP_S390_IRQCHIP)
		a_succeeds(a, R_S390_ENABLE_CAP_IRQCHIP);
	else
		a_may_succeed(a, R_S390_ENABLE_CAP, "which capabilities can be enabled, and when");
}

static void learn_enable_cap(struct learn *l)
{
	struct state_vm *vm = l->vm;
	uint64_t cap, flags, arg = 0;
	struct state_entry *e;

	/* Some of them change the CPU model. */
	state_block_forget(&vm->blocks[STATE_CPU_MODEL]);
	state_block_forget(&vm->blocks[STATE_CPU_MASK]);
	if (!Q_IN(l->q, struct kvm_enable_cap, cap, &cap) ||
	    !Q_IN(l->q, struct kvm_enable_cap, flags, &flags)) {
		vm->caps.open = true;
		return;
	}
	if (!l->succeeded || l->vcpu)
		return;
	q_field(l->q, l->q->in, offsetof(struct kvm_enable_cap, args), 8, &arg);
	e = state_set_add(&vm->caps, cap, VM_CAP_ENABLED);
	if (!e) {
		l->oom = -ENOMEM;
		return;
	}
	e->known = 1;
	e->value[0] = arg;
}

/* Commands of protected virtualisation: nothing is judged, but what they change is known. */
static void answer_pv_command(const struct question *q, struct answer *a)
{
	uint64_t cmd;

	if (Q_IN(q, struct kvm_pv_cmd, cmd, &cmd))
		a_may_succeed(a, R_RETURN_ZERO_OR_ERROR, "what the ultravisor does");
	else
		a_skip(a, "argument not captured");
}

static void learn_pv_command(struct learn *l)
{
	uint64_t cmd;

	s390_fact_set(l, S390_USER_STATE, STATE_YES);
	if (!Q_IN(l->q, struct kvm_pv_cmd, cmd, &cmd))
		s390_fact_set(l, S390_PROTECTED, STATE_UNKNOWN);
	else if (cmd == KVM_PV_ENABLE || cmd == KVM_PV_DISABLE ||
		 cmd >= KVM_PV_ASYNC_CLEANUP_PREPARE)
		s390_fact_set(l, S390_PROTECTED,
			      cmd == KVM_PV_ENABLE && !l->ret->ret    ? STATE_YES
			      : cmd == KVM_PV_DISABLE && !l->ret->ret ? STATE_NO
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

/* Overlap is looked for before. */
static bool region_refuse(struct answer *a, uint16_t rule, enum state_tri cause)
{
	if (cause == STATE_YES)
		a_may_fail(a, R_MEMORY_REGION_OVERLAP);
	return a_refuse_with(a, rule, EINVAL, cause);
}

static void check_limit_not_enforced(const struct question *q, struct judge *j)
{
	(void)q;
	j_check(j, R_S390_LIMIT_NOT_ENFORCED, j->ret->ret != -EINVAL, "0", "-1 EINVAL");
}

/* The limit that was set, against a slot that is `placed` anew. True if it must be refused. */
static bool region_limited(const struct question *q, struct answer *a, const struct region *r,
			   enum state_tri placed)
{
	const struct state_entry *limit = s390_fact_find(q, S390_LIMIT);
	const enum state_tri given = s390_fact(q, S390_LIMIT);
	enum state_tri bad = given;

	if (given == STATE_YES)
		bad = r->gpa + r->size > limit->value[1] ? placed : STATE_NO;
	if (q_applies(q, R_S390_LIMIT_ROUNDED))
		return region_refuse(a, R_S390_LIMIT_ROUNDED, bad);
	if (s390_between(q) && bad != STATE_NO) {
		a_may_fail_with(a, R_RETURN_ZERO_OR_ERROR, EINVAL);
	} else if (bad == STATE_YES) {
		a_check_always(a, check_limit_not_enforced);
	}
	return false;
}

/* What s390 asks of a new or moved slot. True if it must be refused. */
static bool region_placed(const struct question *q, struct answer *a, const struct region *r)
{
	const struct state_entry *old = state_set_find(&q->vm->slots, r->slot, 0);
	enum state_tri placed, bad;
	uint64_t most;

	if (!old)
		placed = q->vm->slots.open ? STATE_UNKNOWN : STATE_YES;
	else
		placed = old->known ? tri(old->value[GPA] != r->gpa) : STATE_UNKNOWN;
	if (placed == STATE_NO)
		return false;
	bad = (r->hva | r->size) % MEGABYTE ? placed : STATE_NO;
	if (q_applies(q, R_S390_REGION_SEGMENT)) {
		if (region_refuse(a, R_S390_REGION_SEGMENT, bad))
			return true;
	} else if (s390_between(q) && bad != STATE_NO) {
		a_may_fail_with(a, R_RETURN_ZERO_OR_ERROR, EINVAL);
	}
	bad = !s390_host_limit(q, &most) ? STATE_UNKNOWN
	      : r->gpa + r->size > most	 ? placed
					 : STATE_NO;
	return region_refuse(a, R_S390_REGION_LIMIT, bad) || region_limited(q, a, r, placed);
}

/* The VM takes no slots. */
static bool regions_barred(const struct question *q)
{
	return s390_ucontrol(q) == STATE_YES || s390_fact(q, S390_PROTECTED) == STATE_YES;
}

/* api.rst 4.35 */
static void answer_set_region(const struct question *q, struct answer *a)
{
	const enum state_tri ucontrol = s390_ucontrol(q);
	struct region r;

	if (ucontrol != STATE_NO)
		a_may_fail_with(a, R_S390_REGION_UCONTROL, EEXIST);
	if (a_refuse_with(a, R_S390_REGION_UCONTROL, EINVAL, ucontrol) ||
	    region_refuse(a, R_S390_REGION_PROTECTED, s390_fact(q, S390_PROTECTED)))
		return;
	if (!region_read(q, &r) || !r.size || !region_placed(q, a, &r))
		memslot_answer_set_region(q, a);
}

/* The slot gets other flags or another place, or is a new one. */
static bool region_changed(const struct question *q, const struct region *r)
{
	const struct state_entry *old = state_set_find(&q->vm->slots, r->slot, 0);

	return !old || !old->known || old->value[GPA] != r->gpa || old->value[FLAGS] != r->flags;
}

static void learn_set_region(struct learn *l)
{
	struct state_entry *e;
	struct region r;
	bool stops = false;

	if (region_read(l->q, &r))
		stops = !l->ret->ret && r.size && !(r.flags & KVM_MEM_LOG_DIRTY_PAGES) &&
			region_changed(l->q, &r) && s390_fact(l->q, S390_MIGRATION) != STATE_NO;
	else if (!regions_barred(l->q))
		s390_fact_set(l, S390_MIGRATION, STATE_UNKNOWN);
	memslot_learn_set_region(l);
	if (!stops || !l->succeeded)
		return;
	e = s390_fact_set(l, S390_MIGRATION,
			  q_applies(l->q, R_S390_MIGRATION_AUTO_STOP) ? STATE_NO : STATE_UNKNOWN);
	if (e)
		e->value[1] = R_S390_MIGRATION_AUTO_STOP;
}

static void check_cmma_cleared(const struct question *q, struct judge *j)
{
	const struct tape_part *values = j_part(j, TAPE_NESTED_OUT);

	(void)q;
	for (uint32_t i = 0; values && i < values->have; i++) {
		if (!j_check(j, R_S390_CMMA_CLEARED, !values->data[i], "states of 0",
			     "page %u: 0x%02x", i, values->data[i]))
			return;
	}
}

/* api.rst 4.107 */
static void answer_get_cmma_bits(const struct question *q, struct answer *a)
{
	const struct state_entry *e = s390_fact_find(q, S390_CMMA_ZEROED);

	a_may_succeed(a, R_RETURN_ZERO_OR_ERROR, "what is dirty");
	if (!e || e->value[0] != STATE_YES || q_vm_running(q) || e->value[1] != q->vm->last_run_end)
		return;
	a_determined(a, R_S390_CMMA_CLEARED, TAPE_NESTED_OUT, 0, UINT32_MAX);
	a_check(a, check_cmma_cleared);
}

static void answer_set_cmma_bits(const struct question *q, struct answer *a)
{
	(void)q;
	a_when_always(a);
	a_hold(a, R_RETURN_ZERO_OR_ERROR);
	a_silent(a, "no rule for this ioctl");
	a_when_end(a);
}

static void learn_set_cmma_bits(struct learn *l)
{
	s390_fact_set(l, S390_CMMA_ZEROED, STATE_NO);
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

struct route {
	uint64_t gsi, type, flags, summary, indicator;
};

static bool route_read(const struct question *q, uint64_t i, struct route *r)
{
	const size_t at = sizeof(struct kvm_irq_routing) + i * sizeof(struct kvm_irq_routing_entry);
	const size_t adapter = at + offsetof(struct kvm_irq_routing_entry, u);

	return q_field(q, q->in, at + offsetof(struct kvm_irq_routing_entry, gsi), 4, &r->gsi) &&
	       q_field(q, q->in, at + offsetof(struct kvm_irq_routing_entry, type), 4, &r->type) &&
	       q_field(q, q->in, at + offsetof(struct kvm_irq_routing_entry, flags), 4,
		       &r->flags) &&
	       q_field(q, q->in, adapter + offsetof(struct kvm_irq_routing_s390_adapter, ind_addr),
		       8, &r->indicator) &&
	       q_field(q, q->in,
		       adapter + offsetof(struct kvm_irq_routing_s390_adapter, summary_addr), 8,
		       &r->summary);
}

/* True if the table must be refused for this entry. */
static bool route_refused(const struct question *q, struct answer *a, const struct route *r)
{
	enum state_tri there;

	if (a_refuse(a, R_S390_ROUTING_TYPE, tri(r->type != KVM_IRQ_ROUTING_S390_ADAPTER)))
		return true;
	/* Offsets beyond the page, numbers and flags: newer kernels look at more of it. */
	if (r->flags || r->gsi >= ENTRIES_MAX ||
	    q_changed(q, CHANGE_S390_ROUTES_LOOKED_AT) != STATE_NO)
		a_may_fail(a, R_S390_ROUTING_TYPE);
	there = in_memory(q->vm, r->summary);
	if (there == STATE_YES)
		there = in_memory(q->vm, r->indicator);
	return a_refuse(a, R_S390_ROUTING_ADDRESS, tri_not(there));
}

/* api.rst 4.52 */
static void answer_set_routing(const struct question *q, struct answer *a)
{
	uint64_t nr, flags;

	if (!Q_IN(q, struct kvm_irq_routing, nr, &nr) ||
	    !Q_IN(q, struct kvm_irq_routing, flags, &flags)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (flags || nr > ENTRIES_MAX || s390_ucontrol(q) != STATE_NO)
		a_may_fail(a, R_S390_ROUTING_TYPE);
	/* The first entry that is wrong decides. */
	for (uint64_t i = 0; i < nr && i < ENTRIES_MAX; i++) {
		struct route r;

		if (!route_read(q, i, &r)) {
			a_skip(a, "argument not captured");
			return;
		}
		if (route_refused(q, a, &r))
			return;
	}
	a_succeeds(a, R_S390_ROUTING);
}

/* --- MP states ------------------------------------------------------------------------------- */

/* A new vCPU, before anything that changes its state. */
static bool vcpu_untouched(const struct question *q)
{
	return q->vcpu->fresh && q->vm->fresh && !q->vcpu->s390_mp_seen &&
	       q->vm->has_run == STATE_NO;
}

/* The state that the vCPU must have, and by which rule; false: it is not known. */
static bool mp_expected(const struct question *q, uint16_t *rule, uint64_t *state)
{
	const uint64_t known = generic_mp_known(q);

	if (known != STATE_NUMBER_UNKNOWN) {
		*rule = generic_mp_rule(q, R_S390_MP_STATE_SAME);
		*state = known;
		return true;
	}
	*rule = R_S390_MP_STATE_NEW;
	*state = KVM_MP_STATE_STOPPED;
	return vcpu_untouched(q);
}

/* Where the state is that the call gave, as the result or in the argument; false: nowhere. */
static bool mp_given(const struct question *q, const struct tape_return *ret,
		     const struct tape_part *out, uint64_t *state)
{
	if (ret->ret > 0) {
		*state = (uint64_t)ret->ret;
		return true;
	}
	return !ret->ret && !q_applies(q, R_S390_MP_STATE_RESULT) &&
	       q_field(q, out, offsetof(struct kvm_mp_state, mp_state), 4, state);
}

static bool mp_state_valid(uint64_t state)
{
	return state >= KVM_MP_STATE_STOPPED && state <= KVM_MP_STATE_LOAD;
}

static void check_mp_result(const struct question *q, struct judge *j)
{
	(void)q;
	j_check(j, R_S390_MP_STATE_RESULT, j->ret->ret > 0 || j->ret->ret == -EINTR,
		"the state as the result", "%lld", (long long)j->ret->ret);
}

/* Kernels that may have the state where the document has it. */
static void check_mp_state(const struct question *q, struct judge *j)
{
	uint64_t state, expected;
	uint16_t rule;

	if ((j->ret->ret <= 0 && !j_succeeds(j, R_S390_MP_STATE_VALUES)) ||
	    !mp_given(q, j->ret, j->out, &state))
		return;
	if (j_check(j, R_S390_MP_STATE_VALUES, mp_state_valid(state), "a state of s390", "%llu",
		    (unsigned long long)state) &&
	    mp_expected(q, &rule, &expected))
		j_equal(j, rule, "state", expected, state);
}

/* api.rst 4.38 */
static void answer_mp_state_get(const struct question *q, struct answer *a)
{
	uint64_t state;
	uint16_t rule;

	a_when_always(a);
	/* The result is the state whatever the argument is: nothing is written there. */
	a_suggest_result(a, mp_expected(q, &rule, &state) ? (int64_t)state : KVM_MP_STATE_STOPPED);
	a_check(a, q_applies(q, R_S390_MP_STATE_RESULT) ? check_mp_result : check_mp_state);
	a_when_end(a);
	if (!q_applies(q, R_S390_MP_STATE_RESULT))
		return;
	a_when_result_above(a, 0);
	a_result_range(a, R_S390_MP_STATE_VALUES, "a state of s390", KVM_MP_STATE_STOPPED,
		       KVM_MP_STATE_LOAD);
	if (mp_expected(q, &rule, &state))
		a_result(a, rule, "state", state);
	a_when_end(a);
}

static void learn_mp_state_get(struct learn *l)
{
	uint64_t state;

	if (!mp_given(l->q, l->ret, l->out, &state) || !mp_state_valid(state))
		return;
	generic_mp_state(l, (uint32_t)state, R_S390_MP_STATE_SAME);
	l->vcpu->s390_mp_seen = true;
}

/* What KVM_SET_MP_STATE does with a state: the ultravisor or a newer kernel decides, it is set, or
 * refused. */
enum mp_set { MP_ULTRAVISOR, MP_NEWER, MP_SETS, MP_REFUSED };

static enum mp_set mp_set_does(const struct question *q, uint64_t state)
{
	const bool sets = state == KVM_MP_STATE_STOPPED || state == KVM_MP_STATE_OPERATING;

	if ((sets || state == KVM_MP_STATE_LOAD) && s390_fact(q, S390_PROTECTED) != STATE_NO)
		return MP_ULTRAVISOR;
	if (sets)
		return MP_SETS;
	return q_applies(q, R_S390_MP_STATE_REFUSED) ? MP_REFUSED : MP_NEWER;
}

/* api.rst 4.39 */
static void answer_mp_state_set(const struct question *q, struct answer *a)
{
	uint64_t state;

	if (!Q_IN(q, struct kvm_mp_state, mp_state, &state)) {
		a_skip(a, "argument not captured");
		return;
	}
	switch (mp_set_does(q, state)) {
	case MP_SETS:
		a_succeeds(a, R_S390_MP_STATE_SET);
		break;
	case MP_REFUSED:
		a_must_fail(a, R_S390_MP_STATE_REFUSED);
		break;
	case MP_ULTRAVISOR:
		if (state == KVM_MP_STATE_LOAD)
			a_may_fail(a, R_S390_MP_STATE_REFUSED);
		a_may_succeed(a, R_RETURN_ZERO_OR_ERROR, "what the ultravisor does");
		break;
	case MP_NEWER:
		a_may_succeed(a, R_RETURN_ZERO_OR_ERROR, "which states newer kernels set");
		break;
	}
}

static void learn_mp_state_set(struct learn *l)
{
	enum mp_set does = MP_NEWER;
	uint64_t state;

	if (Q_IN(l->q, struct kvm_mp_state, mp_state, &state))
		does = mp_set_does(l->q, state);
	l->vcpu->s390_mp_seen = true;
	s390_fact_set(l, S390_USER_STATE, STATE_YES);
	if (does == MP_ULTRAVISOR || does == MP_NEWER)
		generic_mp_state(l, UINT32_MAX, R_NONE);
	else if (does == MP_SETS && l->succeeded)
		generic_mp_state(l, (uint32_t)state, R_S390_MP_STATE_SAME);
}

/* --- running and debugging ------------------------------------------------------------------- */

/* api.rst 4.87. A refused call leaves debugging switched off. */
static void answer_guest_debug(const struct question *q, struct answer *a)
{
	const uint64_t common = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
	const size_t breakpoints = offsetof(struct kvm_guest_debug, arch.nr_hw_bp);
	uint64_t control, count = 0;

	if (!Q_IN(q, struct kvm_guest_debug, control, &control)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (a_refuse(a, R_S390_GUEST_DEBUG_BITS, tri(control & ~(common | KVM_GUESTDBG_USE_HW_BP))))
		return;
	q_field(q, q->in, breakpoints, 4, &count);
	if (control & KVM_GUESTDBG_ENABLE && control & KVM_GUESTDBG_USE_HW_BP && count)
		a_may_fail(a, R_S390_GUEST_DEBUG_BREAKPOINTS);
	if (!q->vcpu->s390_debugged)
		a_may_fail(a, R_S390_GUEST_DEBUG_MACHINE);
	a_succeeds(a, R_S390_GUEST_DEBUG);
}

static void learn_guest_debug(struct learn *l)
{
	struct state_vcpu *v = l->vcpu;
	uint64_t control;

	if (!Q_IN(l->q, struct kvm_guest_debug, control, &control)) {
		v->debug_known = STATE_UNKNOWN;
		return;
	}
	v->debug_known = STATE_YES;
	v->debug_control = l->ret->ret ? 0 : (uint32_t)control;
	if (l->succeeded)
		v->s390_debugged = true;
}

#define REASON(name) (1ull << KVM_EXIT_##name)

/* The exits that there are, from KVM itself and from its generic parts. */
static const uint64_t reasons = REASON(UNKNOWN) | REASON(DEBUG) | REASON(FAIL_ENTRY) |
				REASON(INTR) | REASON(S390_SIEIC) | REASON(S390_RESET) |
				REASON(INTERNAL_ERROR) | REASON(S390_UCONTROL) | REASON(S390_TSCH) |
				REASON(S390_STSI) | REASON(DIRTY_RING_FULL) | REASON(MEMORY_FAULT);

static void check_run_exit(const struct question *q, struct judge *j)
{
	const struct state_vcpu *v = q->vcpu;
	uint64_t reason;

	if (!q_field(q, j_part(j, TAPE_RUN_OUT), offsetof(struct kvm_run, exit_reason), 4, &reason))
		return;
	j_check(j, R_S390_RUN_REASON, reason < 64 && reasons >> reason & 1, "an exit that s390 has",
		"exit_reason = %llu", (unsigned long long)reason);
	if (reason == KVM_EXIT_DEBUG &&
	    (v->debug_known == STATE_YES || (v->debug_known == STATE_NO && v->fresh)))
		j_check(j, R_S390_RUN_DEBUG, v->debug_control & KVM_GUESTDBG_ENABLE,
			"this exit only with KVM_SET_GUEST_DEBUG", "control = 0x%x",
			v->debug_control);
}

/* api.rst 4.10, 5 */
static void answer_run(const struct question *q, struct answer *a)
{
	uint64_t immediate = 0;

	if (a_refuse(a, R_ARCH_RUN_NO_ARGUMENT, tri(q->call->arg)))
		return;
	if (s390_fact(q, S390_PROTECTED) != STATE_NO)
		a_may_fail_with(a, R_RETURN_ZERO_OR_ERROR, EINVAL);
	q_field(q, q_part(q, TAPE_RUN_IN), offsetof(struct kvm_run, immediate_exit), 1, &immediate);
	if (a_refuse(a, R_S390_RUN_IMMEDIATE, tri(immediate)))
		return;
	a_may_fail(a, R_ARCH_RUN_INTERRUPTED);
	if (a_refuse(a, R_S390_RUN_STOPPED,
		     tri(s390_fact(q, S390_USER_STATE) == STATE_YES &&
			 q->vcpu->mp_at_run == KVM_MP_STATE_STOPPED)))
		return;
	a_may_succeed(a, R_ARCH_RUN, "what the guest needs before it can run");
	a_constrained(a, R_S390_RUN_REASON, TAPE_RUN_OUT, offsetof(struct kvm_run, exit_reason), 4);
	a_suggest(a, TAPE_RUN_OUT, offsetof(struct kvm_run, exit_reason), 4, KVM_EXIT_INTR);
	a_check(a, check_run_exit);
}

static void learn_run(struct learn *l)
{
	uint64_t reason = 0;

	if (l->succeeded)
		q_field(l->q, l_part(l, TAPE_RUN_OUT), offsetof(struct kvm_run, exit_reason), 4,
			&reason);
	l->vcpu->last_exit = (uint32_t)reason;
	l->vcpu->s390_mp_seen = true;
}

const struct handler model_s390_handlers[] = {
	{"KVM_CREATE_VM", KVMAPI_SYSTEM, .answer = answer_create_vm, .learn = learn_create_vm},
	{"KVM_SET_DEVICE_ATTR", KVMAPI_VM, .answer = s390_answer_set_attr,
	 .learn = s390_learn_set_attr},
	{"KVM_GET_DEVICE_ATTR", KVMAPI_VM, .answer = s390_answer_get_attr,
	 .learn = s390_learn_get_attr},
	{"KVM_HAS_DEVICE_ATTR", KVMAPI_VM, .answer = s390_answer_has_attr,
	 .learn = s390_learn_has_attr},
	{"KVM_CREATE_IRQCHIP", KVMAPI_VM, .answer = answer_create_irqchip},
	{"KVM_ENABLE_CAP", KVMAPI_VM | KVMAPI_VCPU, .answer = answer_enable_cap,
	 .learn = learn_enable_cap},
	{"KVM_SET_USER_MEMORY_REGION", KVMAPI_VM, .answer = answer_set_region,
	 .learn = learn_set_region},
	{"KVM_SET_GSI_ROUTING", KVMAPI_VM, .answer = answer_set_routing},
	{"KVM_S390_GET_CMMA_BITS", KVMAPI_VM, .answer = answer_get_cmma_bits},
	{"KVM_S390_SET_CMMA_BITS", KVMAPI_VM, .answer = answer_set_cmma_bits,
	 .learn = learn_set_cmma_bits},
	{"KVM_S390_PV_COMMAND", KVMAPI_VM, .answer = answer_pv_command, .learn = learn_pv_command},
	{"KVM_GET_MP_STATE", KVMAPI_VCPU, .settle = generic_forget_others,
	 .answer = answer_mp_state_get, .learn = learn_mp_state_get},
	{"KVM_SET_MP_STATE", KVMAPI_VCPU, .settle = generic_forget_others,
	 .answer = answer_mp_state_set, .learn = learn_mp_state_set},
	{"KVM_SET_GUEST_DEBUG", KVMAPI_VCPU, .answer = answer_guest_debug,
	 .learn = learn_guest_debug},
	{"KVM_RUN", KVMAPI_VCPU, .enter = generic_run_enter, .answer = answer_run,
	 .learn = learn_run},
	{NULL, 0, .answer = NULL},
};
