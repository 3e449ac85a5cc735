/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of architectures other than x86 that do not hang on the architecture, or little: api.rst
 * 4.2, 4.4, 4.7, 4.10, 4.38, 4.39, 4.84, 4.87, chapter 5.  Rules of some calls are those of x86,
 * which handlers of other files judge; generic_shared() names them.
 */
#include <string.h>

#include "base/bytes.h"
#include "kvmapi/run_page.h"
#include "model/areas/generic.h"
#include "model/areas/vm.h"

bool generic_shared(const char *ioctl)
{
	static const char *const names[] = {
		"KVM_GET_API_VERSION",	       "KVM_GET_VCPU_MMAP_SIZE",
		"KVM_SET_USER_MEMORY_REGION",  "KVM_GET_DIRTY_LOG",
		"KVM_SET_USER_MEMORY_REGION2", "KVM_CREATE_GUEST_MEMFD",
		"KVM_SET_MEMORY_ATTRIBUTES",   "KVM_CLEAR_DIRTY_LOG",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(names[i], ioctl))
			return true;
	}
	return false;
}

static enum kvmapi_arch arch(const struct question *q)
{
	return q->facts->arch;
}

/* --- what is known of a vCPU ----------------------------------------------------------------- */

void generic_forget_registers(struct state_vcpu *v)
{
	for (uint32_t i = 0; i < v->msrs.count; i++)
		v->msrs.entries[i].known = v->msrs.entries[i].value[2] = 0;
	v->arm_reset = false;
}

void generic_mp_state(struct learn *l, uint32_t state, uint16_t rule)
{
	struct state_block *b = &l->vcpu->blocks[STATE_MP_STATE];
	uint8_t bytes[4];

	if (state == UINT32_MAX) {
		state_block_forget(b);
		return;
	}
	l->vcpu->mp_rule = rule;
	bytes_put(bytes, state, sizeof(bytes), l->q->facts->big_endian);
	if (state_block_set(b, 0, bytes, 4))
		l->oom = -ENOMEM;
}

uint64_t generic_mp_known(const struct question *q)
{
	const struct state_block *b = &q->vcpu->blocks[STATE_MP_STATE];

	return state_block_known(b, 0, 4) ? q_number(q, b->value, 4) : STATE_NUMBER_UNKNOWN;
}

uint16_t generic_mp_rule(const struct question *q, uint16_t same)
{
	const uint64_t rule = q->vcpu->mp_rule;

	if (generic_mp_known(q) == STATE_NUMBER_UNKNOWN || rule == STATE_NUMBER_UNKNOWN)
		return same;
	return (uint16_t)rule;
}

void generic_forget_others(struct learn *l)
{
	struct state_vcpu *v = l->vcpu;
	const struct state_vm *vm = l->vm;
	bool own = v->learned_in_run && v->last_run_end == vm->last_run_end;

	if (q_vm_running(l->q) || (vm->last_run_end != v->stamp && !own)) {
		generic_mp_state(l, UINT32_MAX, R_NONE);
		generic_forget_registers(v);
	}
	v->stamp = vm->last_run_end;
	v->learned_in_run = false;
}

uint32_t generic_register_size(uint64_t id)
{
	return 1u << (id >> 52 & 15);
}

/* What was captured of a register's value, as two words. */
static bool register_read(const struct question *q, uint64_t id, const struct tape_part *value,
			  uint64_t words[2])
{
	uint32_t size = generic_register_size(id);

	words[1] = 0;
	return size <= 16 && q_field(q, value, 0, size < 8 ? size : 8, &words[0]) &&
	       (size <= 8 || q_field(q, value, 8, 8, &words[1]));
}

void a_generic_register(struct answer *a, uint16_t rule, uint64_t id, uint8_t role)
{
	const struct state_entry *e = state_set_find(&a->q->vcpu->msrs, id, 0);
	uint32_t size = generic_register_size(id);

	if (!e || !e->known)
		return;
	a_equal(a, rule, "register", e->value[0], role, 0, size < 8 ? size : 8);
	if (size > 8)
		a_equal(a, rule, "register, second half", e->value[1], role, 8, 8);
}

void l_generic_register(struct learn *l, uint64_t id, const struct tape_part *value)
{
	struct state_entry *e = state_set_add(&l->vcpu->msrs, id, 0);
	uint64_t words[2];

	if (!e) {
		l->oom = -ENOMEM;
		return;
	}
	e->known = register_read(l->q, id, value, words);
	if (e->known) {
		e->value[0] = words[0];
		e->value[1] = words[1];
	}
}

/* --- machines and vCPUs ---------------------------------------------------------------------- */

/* api.rst 4.2 */
static void answer_create_vm(const struct question *q, struct answer *a)
{
	if (q->call->arg) {
		/* Which types there are is a matter of the architecture; some want privileges. */
		a_may_fail(a, R_ARCH_CREATE_VM_TYPE);
		a_succeeds_value(a, R_ARCH_CREATE_VM_TYPE);
	} else {
		if (arch(q) == KVMAPI_ARM64 && q_cap(q, KVM_CAP_ARM_VM_IPA_SIZE) < 40)
			a_may_fail(a, R_ARCH_CREATE_VM_IPA);
		a_succeeds_value(a, R_ARCH_CREATE_VM);
	}
	a_created(a);
}

static void learn_create_vm(struct learn *l)
{
	if (l->succeeded && l->q->call->arg)
		vm_typed_seen(l);
}

/* api.rst 4.4: a VM knows more than /dev/kvm of what it can. */
static void answer_check_extension_vm(const struct question *q, struct answer *a)
{
	(void)q;
	a_succeeds_value(a, R_CHECK_EXTENSION_ANSWERS);
}

/* api.rst 4.7 */
static void answer_create_vcpu(const struct question *q, struct answer *a)
{
	const struct state_vm *vm = q->vm;
	uint64_t id = q->call->arg;
	int32_t most_id = q_cap(q, KVM_CAP_MAX_VCPU_ID), most = q_cap(q, KVM_CAP_MAX_VCPUS);

	if ((most_id > 0 && id >= (uint64_t)most_id) ||
	    (most > 0 && vm->vcpu_count >= (uint32_t)most)) {
		a_may_fail(a, R_ARCH_CREATE_VCPU_TAKEN);
		a_may_fail(a, R_ARCH_CREATE_VCPU_LATE);
		a_must_fail(a, R_ARCH_CREATE_VCPU_ID);
		return;
	}
	if (state_vm_vcpu_number(vm, id)) {
		a_may_fail(a, R_ARCH_CREATE_VCPU_LATE);
		if (arch(q) == KVMAPI_POWERPC) {
			/* Its place in a core is taken, which is looked at first. */
			a_refuse_any(a, R_PPC_CREATE_VCPU_TAKEN, STATE_YES);
			return;
		}
		a_must_fail(a, R_ARCH_CREATE_VCPU_TAKEN);
		return;
	}
	/* An interrupt controller decides how many there can be; Power numbers them by cores. */
	if (id || !vm->fresh || vm->device_count || most_id <= 0 || most <= 0)
		a_may_fail(a, R_ARCH_CREATE_VCPU_ID);
	if (!vm->fresh) {
		a_may_fail(a, R_ARCH_CREATE_VCPU_TAKEN);
		a_may_fail_with(a, R_PPC_CREATE_VCPU_TAKEN, EEXIST);
	}
	if (!vm->fresh || vm->device_count || vm->irqchip != STATE_IRQCHIP_NONE)
		a_may_fail(a, R_ARCH_CREATE_VCPU_LATE);
	a_succeeds_value(a, R_ARCH_CREATE_VCPU);
	a_created(a);
}

static void learn_create_vcpu(struct learn *l)
{
	if (l->succeeded)
		l->vm->has_vcpus = STATE_YES;
}

static enum state_tri has_slots(const struct state_vm *vm)
{
	if (vm->slots.count)
		return STATE_YES;
	return vm->slots.open ? STATE_UNKNOWN : STATE_NO;
}

/* api.rst 7.36: the argument is the size of the ring in bytes. */
static bool arm_dirty_ring_refused(struct answer *a, uint64_t arg)
{
	const struct question *q = a->q;
	int32_t most = q_cap(q, KVM_CAP_DIRTY_LOG_RING_ACQ_REL);
	uint32_t size = (uint32_t)arg;
	uint64_t before;

	return a_refuse_with(a, R_ARM_CAP_ARGUMENT, EINVAL,
			     tri(!size || size & (size - 1) || size < q_page(q))) ||
	       a_refuse_with(a, R_ARM_CAP_ARGUMENT, E2BIG,
			     tri(most > 0 && size > (uint32_t)most)) ||
	       a_refuse(a, R_ARM_CAP_TOO_LATE,
			vm_cap_enabled(q->vm, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, &before)) ||
	       a_refuse(a, R_ARM_CAP_TOO_LATE, q->vm->has_vcpus);
}

/* The size of the blocks into which huge pages are split. */
static enum state_tri arm_chunk_is_bad(const struct question *q, uint64_t size)
{
	if (!size)
		return STATE_NO;
	/* Which blocks there are hangs on the size of pages. */
	return size & (size - 1) || size < q_page(q) ? STATE_YES : STATE_UNKNOWN;
}

/* What has to be refused of a capability of arm64 and its argument: true if the answer is whole. */
static bool arm_cap_refused(struct answer *a, uint64_t cap, uint64_t arg)
{
	const struct question *q = a->q;
	const uint64_t protect = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;
	int32_t bits = q_cap(q, (uint32_t)cap);
	uint64_t size;

	switch (cap) {
	case KVM_CAP_ARM_NISV_TO_USER:
	case KVM_CAP_ARM_SYSTEM_SUSPEND:
	case KVM_CAP_ARM_SEA_TO_USER:
		return false;
	case KVM_CAP_ARM_MTE:
		/* Memory of guest_memfd is in the way, too. */
		if (has_slots(q->vm) != STATE_NO)
			a_may_fail(a, R_ARM_CAP_TOO_LATE);
		return a_refuse(a, R_ARM_CAP_TOO_LATE, q->vm->has_vcpus);
	case KVM_CAP_ARM_WRITABLE_IMP_ID_REGS:
		return a_refuse(a, R_ARM_CAP_TOO_LATE, q->vm->has_vcpus);
	case KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE:
		return a_refuse_with(a, R_ARM_CAP_ARGUMENT, EINVAL, arm_chunk_is_bad(q, arg)) ||
		       a_refuse(a, R_ARM_CAP_TOO_LATE, has_slots(q->vm));
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return a_refuse_with(
			a, R_ARM_CAP_ARGUMENT, EINVAL,
			tri(bits >= 0 && arg & ~(arg & protect ? (uint64_t)(uint32_t)bits : 0)));
	case KVM_CAP_HALT_POLL:
		return a_refuse_with(a, R_ARM_CAP_ARGUMENT, EINVAL, tri(arg > UINT32_MAX));
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return arm_dirty_ring_refused(a, arg);
	case KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP:
		return a_refuse_with(a, R_ARM_CAP_ARGUMENT, EINVAL,
				     tri(vm_cap_enabled(q->vm, KVM_CAP_DIRTY_LOG_RING_ACQ_REL,
							&size) == STATE_NO)) ||
		       a_refuse(a, R_ARM_CAP_TOO_LATE, has_slots(q->vm));
	default:
		/* The list above is that of the kernels up to 7.2. */
		return a_refuse(a, R_ARM_CAP_NONE, q_maybe_newer(q) ? STATE_UNKNOWN : STATE_YES);
	}
}

/* api.rst 4.37, chapter 7, arm64 */
static void answer_arm_cap(const struct question *q, struct answer *a, uint64_t cap, uint64_t arg)
{
	if (a_refuse(a, R_ARM_CAP_NONE, tri(q->vcpu || !q_cap(q, (uint32_t)cap))) ||
	    arm_cap_refused(a, cap, arg))
		return;
	if (vm_typed(q) || q_cap(q, (uint32_t)cap) < 0)
		a_may_fail(a, R_ARM_CAP_NONE);
	a_succeeds(a, R_ARM_CAP_SUCCEEDS);
}

/* The argument; false if something of it was not captured.  With flags args[0] does not matter. */
static bool enable_cap_read(const struct question *q, uint64_t *cap, uint64_t *flags, uint64_t *arg)
{
	return Q_IN(q, struct kvm_enable_cap, cap, cap) &&
	       Q_IN(q, struct kvm_enable_cap, flags, flags) &&
	       (*flags || q_field(q, q->in, offsetof(struct kvm_enable_cap, args), 8, arg));
}

/* api.rst 4.37, chapters 6 and 7 */
static void answer_enable_cap(const struct question *q, struct answer *a)
{
	uint64_t cap, flags, arg;

	if (!enable_cap_read(q, &cap, &flags, &arg))
		a_skip(a, "argument not captured");
	else if (flags && cap == KVM_CAP_DIRTY_LOG_RING_ACQ_REL)
		a_may_succeed(a, R_ARCH_ENABLE_CAP, "flags of a dirty ring");
	else if (flags)
		a_must_fail(a, R_ARCH_ENABLE_CAP_FLAGS);
	else if (arch(q) == KVMAPI_ARM64)
		answer_arm_cap(q, a, cap, arg);
	else
		a_may_succeed(a, R_ARCH_ENABLE_CAP, "which capabilities can be enabled, and when");
}

static void learn_enable_cap(struct learn *l)
{
	uint64_t cap, flags, arg;
	struct state_entry *e;

	if (!enable_cap_read(l->q, &cap, &flags, &arg)) {
		l->vm->caps.open = true;
		return;
	}
	if (!l->succeeded || flags || l->vcpu)
		return;
	e = state_set_add(&l->vm->caps, cap, VM_CAP_ENABLED);
	if (!e) {
		l->oom = -ENOMEM;
		return;
	}
	e->known = 1;
	e->value[0] = arg;
}

/* --- KVM_RUN --------------------------------------------------------------------------------- */

void generic_run_enter(struct learn *l)
{
	generic_forget_others(l);
	l->vcpu->mp_at_run = generic_mp_known(l->q);
	/* Even with immediate_exit an access that is under way is completed. */
	generic_forget_registers(l->vcpu);
}

/* Userspace set immediate_exit. */
static bool run_immediate(const struct question *q)
{
	const struct tape_part *in = q_part(q, TAPE_RUN_IN);

	return in && in->have > RUN_IMMEDIATE && in->data[RUN_IMMEDIATE];
}

bool generic_run_is_decided(const struct question *q)
{
	return q->call->arg || run_immediate(q);
}

bool a_generic_run_input(struct answer *a)
{
	if (a_refuse(a, R_ARCH_RUN_NO_ARGUMENT, tri(a->q->call->arg)) ||
	    a_refuse(a, R_ARCH_RUN_IMMEDIATE, tri(run_immediate(a->q))))
		return true;
	a_may_fail(a, R_ARCH_RUN_INTERRUPTED);
	return false;
}

#define REASON(name) (1ull << KVM_EXIT_##name)
/* Exits that belong to one architecture. */
#define X86_ONLY                                                                          \
	(REASON(IO) | REASON(HLT) | REASON(IRQ_WINDOW_OPEN) | REASON(SET_TPR) |           \
	 REASON(TPR_ACCESS) | REASON(IOAPIC_EOI) | REASON(HYPERV) | REASON(X86_RDMSR) |   \
	 REASON(X86_WRMSR) | REASON(AP_RESET_HOLD) | REASON(X86_BUS_LOCK) | REASON(XEN) | \
	 REASON(NOTIFY) | REASON(TDX) | REASON(SNP_REQ_CERTS))
#define ARM_ONLY (REASON(ARM_NISV) | REASON(ARM_SEA) | REASON(ARM_LDST64B))
#define S390_ONLY                                                                              \
	(REASON(S390_SIEIC) | REASON(S390_RESET) | REASON(S390_UCONTROL) | REASON(S390_TSCH) | \
	 REASON(S390_STSI))
#define POWERPC_ONLY (REASON(DCR) | REASON(OSI) | REASON(PAPR_HCALL) | REASON(EPR))
#define RISCV_ONLY   (REASON(RISCV_SBI) | REASON(RISCV_CSR))
/* All that arm64 has. */
#define ARM_REASONS                                                              \
	(REASON(HYPERCALL) | REASON(DEBUG) | REASON(MMIO) | REASON(FAIL_ENTRY) | \
	 REASON(INTERNAL_ERROR) | REASON(SYSTEM_EVENT) | REASON(DIRTY_RING_FULL) | ARM_ONLY)

/* The exits that there can be, as a mask. */
static uint64_t exit_reasons(const struct question *q)
{
	const uint64_t others = X86_ONLY | ARM_ONLY | S390_ONLY;

	switch (arch(q)) {
	case KVMAPI_ARM64:
		return ARM_REASONS;
	case KVMAPI_POWERPC:
		return ~(others | RISCV_ONLY);
	default:
		return ~(others | POWERPC_ONLY);
	}
}

/* Exits that come only if userspace asked for them by a capability of the VM. */
static void check_exit_needs_cap(const struct question *q, struct judge *j, uint64_t reason)
{
	static const struct {
		uint32_t reason, cap;
	} needs[] = {
		{KVM_EXIT_ARM_NISV, KVM_CAP_ARM_NISV_TO_USER},
		{KVM_EXIT_ARM_SEA, KVM_CAP_ARM_SEA_TO_USER},
		{KVM_EXIT_DIRTY_RING_FULL, KVM_CAP_DIRTY_LOG_RING_ACQ_REL},
	};
	uint64_t arg;

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		enum state_tri on = vm_cap_enabled(q->vm, needs[i].cap, &arg);

		if (reason == needs[i].reason && on != STATE_UNKNOWN)
			j_check(j, R_ARCH_RUN_NEEDS_CAP, on == STATE_YES,
				"this exit only with its capability enabled", "exit_reason = %llu",
				(unsigned long long)reason);
	}
}

/* Which exit it is: some never come, and some only if they were asked for. */
static void check_exit(const struct question *q, struct judge *j)
{
	const struct tape_part *out = j_part(j, TAPE_RUN_OUT);
	const struct state_vcpu *v = q->vcpu;
	uint64_t reason;

	if (!q_field(q, out, RUN_EXIT_REASON, 4, &reason))
		return;
	j_promise_bits(j, R_ARCH_RUN_REASON, out, RUN_EXIT_REASON, 4, ~0x3full);
	if (!j_check(j, R_ARCH_RUN_REASON, reason < 64 && exit_reasons(q) >> reason & 1,
		     "an exit that the architecture has", "exit_reason = %llu",
		     (unsigned long long)reason))
		return;
	check_exit_needs_cap(q, j, reason);
	if (reason == KVM_EXIT_DEBUG &&
	    (v->debug_known == STATE_YES || (v->debug_known == STATE_NO && v->fresh)))
		j_check(j, R_ARCH_RUN_DEBUG, v->debug_control & KVM_GUESTDBG_ENABLE,
			"this exit only with KVM_SET_GUEST_DEBUG", "control = 0x%x",
			v->debug_control);
}

/* api.rst 5, KVM_EXIT_SYSTEM_EVENT */
static bool system_event_read(const struct question *q, const struct tape_part *out, uint64_t *type,
			      uint64_t *count)
{
	return q_field(q, out, offsetof(struct kvm_run, system_event.type), 4, type) &&
	       q_field(q, out, offsetof(struct kvm_run, system_event.ndata), 4, count);
}

static void check_system_event(const struct question *q, struct judge *j)
{
	const struct tape_part *out = j_part(j, TAPE_RUN_OUT);
	const bool arm = arch(q) == KVMAPI_ARM64;
	uint64_t type, count, data = 0;

	if (!system_event_read(q, out, &type, &count))
		return;
	j_check(j, R_SYSTEM_EVENT_TYPE,
		type >= KVM_SYSTEM_EVENT_SHUTDOWN && type <= KVM_SYSTEM_EVENT_SUSPEND &&
			(!arm || type != KVM_SYSTEM_EVENT_CRASH),
		"a type that the architecture has", "type = %llu", (unsigned long long)type);
	/* Older kernels had flags where data[0] is now, and nothing where their number is. */
	if (q_rule(q, R_SYSTEM_EVENT_FLAGS) != STATE_YES)
		return;
	if (count)
		q_field(q, out, offsetof(struct kvm_run, system_event.data), 8, &data);
	j_check(j, R_SYSTEM_EVENT_FLAGS,
		count <= 16 && (!arm || (count <= 1 && data <= 1 &&
					 (!data || type == KVM_SYSTEM_EVENT_SHUTDOWN ||
					  type == KVM_SYSTEM_EVENT_RESET))),
		"numbers that go with this event", "ndata = %llu, data[0] = 0x%llx",
		(unsigned long long)count, (unsigned long long)data);
}

void a_generic_when_exit(struct answer *a, uint32_t reason)
{
	a_when_field(a, TAPE_RUN_OUT, RUN_EXIT_REASON, 4, UINT32_MAX, reason);
}

void a_generic_run_exit(struct answer *a)
{
	/* All architectures have it, with any capabilities. */
	a_suggest(a, TAPE_RUN_OUT, RUN_EXIT_REASON, 4, KVM_EXIT_FAIL_ENTRY);
	a_check(a, check_exit);
	a_generic_when_exit(a, KVM_EXIT_MMIO);
	a_range(a, R_ARCH_RUN_MMIO, "len of 1 to 8", 1, 8, TAPE_RUN_OUT,
		offsetof(struct kvm_run, mmio.len), 4);
	a_range(a, R_ARCH_RUN_MMIO, "is_write 0 or 1", 0, 1, TAPE_RUN_OUT,
		offsetof(struct kvm_run, mmio.is_write), 1);
	a_when_end(a);
	a_generic_when_exit(a, KVM_EXIT_SYSTEM_EVENT);
	a_constrained(a, R_SYSTEM_EVENT_TYPE, TAPE_RUN_OUT,
		      offsetof(struct kvm_run, system_event.type), 4);
	a_check(a, check_system_event);
	a_when_end(a);
}

void l_generic_run_exit(struct learn *l)
{
	const struct tape_part *out = l_part(l, TAPE_RUN_OUT);
	uint64_t reason, type, count;

	if (!q_field(l->q, out, RUN_EXIT_REASON, 4, &reason))
		return;
	l->vcpu->last_exit = (uint32_t)reason;
	if (reason == KVM_EXIT_SYSTEM_EVENT && system_event_read(l->q, out, &type, &count))
		l->vcpu->event =
			type == KVM_SYSTEM_EVENT_SHUTDOWN || type == KVM_SYSTEM_EVENT_RESET;
}

void a_generic_run_again(struct answer *a)
{
	a_when_failed_with(a, EINTR);
	a_hold(a, R_SYSTEM_EVENT_RUN_AGAIN);
	a_when_end(a);
}

/* api.rst 4.10: Power and RISC-V; arm64 has a handler of its own. */
static void answer_run(const struct question *q, struct answer *a)
{
	if (a_generic_run_input(a))
		return;
	if (q->vcpu->event) {
		a_generic_run_again(a);
		a_succeeds(a, R_SYSTEM_EVENT_RUN_AGAIN);
	} else {
		a_may_succeed(a, R_ARCH_RUN, "what the guest needs before it can run");
	}
	a_generic_run_exit(a);
}

static void learn_run(struct learn *l)
{
	l->vcpu->event = false;
	l->vcpu->last_exit = 0;
	if (l->succeeded)
		l_generic_run_exit(l);
}

/* --- registers, MP state, debugging ---------------------------------------------------------- */

/* Entries of a list that are looked at: more than any vCPU has. */
#define LIST_MAX       2048
#define LIST_SUGGESTED 4 /* entries, where a result is made up */

/* api.rst 4.68, 4.69: RISC-V */
static void answer_one_reg(const struct question *q, struct answer *a)
{
	(void)q;
	a_may_succeed(a, R_ARCH_REG, "which registers this vCPU has");
}

static void learn_one_reg(struct learn *l)
{
	/* Some of them decide which others there are. */
	l->vcpu->reg_count = STATE_NUMBER_UNKNOWN;
}

/* arm64: the vCPU has no registers before KVM_ARM_VCPU_INIT. */
static enum state_tri reg_list_needs_init(const struct question *q)
{
	return arch(q) == KVMAPI_ARM64 ? tri_not(q->vcpu->arm_initialized) : STATE_NO;
}

static bool reg_list_id(const struct question *q, const struct tape_part *out, uint64_t index,
			uint64_t *id)
{
	return q_field(q, out, sizeof(struct kvm_reg_list) + 8 * index, 8, id);
}

/* The bits of register ids that name the architecture. */
static uint64_t reg_list_arch(const struct question *q)
{
	return arch(q) == KVMAPI_ARM64 ? KVM_REG_ARM64 : KVM_REG_RISCV;
}

static void check_reg_list(const struct question *q, struct judge *j)
{
	uint64_t n, id, other;
	bool twice = false;

	if (!J_OUT(j, struct kvm_reg_list, n, &n))
		return;
	for (uint64_t i = 0; i < n && i < LIST_MAX; i++) {
		if (!reg_list_id(q, j->out, i, &id))
			return;
		for (uint64_t k = 0; k < i; k++)
			twice |= reg_list_id(q, j->out, k, &other) && other == id;
		j_constrain(j, R_ARCH_REG_LIST_IDS, j->out, sizeof(struct kvm_reg_list) + 8 * i, 8);
		if (!j_check(j, R_ARCH_REG_LIST_IDS,
			     (id & KVM_REG_ARCH_MASK) == reg_list_arch(q) && !twice,
			     "registers of the architecture, each once", "entry %llu: 0x%llx",
			     (unsigned long long)i, (unsigned long long)id))
			return;
	}
}

/* The number of registers, which is above the room for them in a list that is too small. */
static void reg_list_number(struct answer *a, bool too_small, uint64_t room)
{
	const uint64_t known = a->q->vcpu->reg_count;

	if (too_small)
		a_range(a, R_ARCH_REG_LIST_TOO_SMALL, "n above the room",
			room < UINT64_MAX ? room + 1 : room, UINT64_MAX, TAPE_ARG_OUT, 0, 8);
	else
		a_range(a, R_ARCH_REG_LIST, "n within the room", 0, room, TAPE_ARG_OUT, 0, 8);
	if (known != STATE_NUMBER_UNKNOWN)
		A_EQUAL(a, R_ARCH_REG_LIST_COUNT, struct kvm_reg_list, n, known);
}

/* A list of a few registers, or of as many as there are known to be. */
static void suggest_reg_list(struct answer *a, uint64_t room, uint64_t known)
{
	const uint64_t n = known != STATE_NUMBER_UNKNOWN ? known
			   : room < LIST_SUGGESTED	 ? room
							 : LIST_SUGGESTED;

	if (!a_wants(a, ANSWER_SUGGEST))
		return;
	A_SUGGEST(a, struct kvm_reg_list, n, n);
	for (uint64_t i = 0; i < n && i < LIST_MAX; i++)
		a_suggest(a, TAPE_ARG_OUT, sizeof(struct kvm_reg_list) + 8 * i, 8,
			  reg_list_arch(a->q) | i);
}

/* api.rst 4.84 */
static void answer_reg_list(const struct question *q, struct answer *a)
{
	uint64_t room, known = q->vcpu->reg_count;

	if (a_refuse(a, R_REG_LIST_NEEDS_INIT, reg_list_needs_init(q)))
		return;
	if (arch(q) == KVMAPI_ARM64 && q->vcpu->arm_finalized != STATE_YES)
		a_may_fail(a, R_ARCH_REG_LIST_UNFINALIZED);
	if (!Q_IN(q, struct kvm_reg_list, n, &room)) {
		a_skip(a, "argument not captured");
		return;
	}
	/* Finalizing adds registers. */
	if (!a_refuse(a, R_ARCH_REG_LIST_TOO_SMALL,
		      known != STATE_NUMBER_UNKNOWN ? tri(room < known) : STATE_UNKNOWN)) {
		a_succeeds(a, R_ARCH_REG_LIST);
		suggest_reg_list(a, room, known);
		reg_list_number(a, false, room);
		a_check(a, check_reg_list);
	}
	a_when_failed_with(a, E2BIG);
	reg_list_number(a, true, room);
	a_when_end(a);
}

static void learn_reg_list(struct learn *l)
{
	uint64_t room, n;

	if (reg_list_needs_init(l->q) != STATE_YES && Q_IN(l->q, struct kvm_reg_list, n, &room) &&
	    (l->succeeded || l->ret->ret == -E2BIG) && L_OUT(l, struct kvm_reg_list, n, &n))
		l->vcpu->reg_count = n;
}

/* Power has no MP states. */
static void settle_mp_state(struct learn *l)
{
	if (arch(l->q) != KVMAPI_POWERPC)
		generic_forget_others(l);
}

static bool mp_state_exists(const struct question *q, uint64_t state)
{
	return state == KVM_MP_STATE_RUNNABLE || state == KVM_MP_STATE_STOPPED ||
	       (arch(q) != KVMAPI_RISCV && state == KVM_MP_STATE_SUSPENDED);
}

static void check_mp_state(const struct question *q, struct judge *j)
{
	uint64_t state;

	if (!J_OUT(j, struct kvm_mp_state, mp_state, &state))
		return;
	j_promise_bits(j, R_ARCH_MP_STATE_VALUES, j->out, 0, 4, ~0xfull);
	j_check(j, R_ARCH_MP_STATE_VALUES, mp_state_exists(q, state),
		"runnable, stopped or suspended", "mp_state = %llu", (unsigned long long)state);
}

/* api.rst 4.38 */
static void answer_mp_state_get(const struct question *q, struct answer *a)
{
	if (a_refuse(a, R_ARCH_MP_STATE_NONE, tri(arch(q) == KVMAPI_POWERPC)))
		return;
	a_succeeds(a, R_ARCH_MP_STATE_GET);
	a_check(a, check_mp_state);
	a_block(a, generic_mp_rule(q, R_ARCH_MP_STATE_SAME), &q->vcpu->blocks[STATE_MP_STATE],
		TAPE_ARG_OUT, 0, 4);
}

static void learn_mp_state_get(struct learn *l)
{
	uint64_t state;

	if (!l->succeeded || !L_OUT(l, struct kvm_mp_state, mp_state, &state) ||
	    !mp_state_exists(l->q, state))
		return;
	l_block_get(l, &l->vcpu->blocks[STATE_MP_STATE], l->out, 0, 4);
	l->vcpu->mp_rule = R_ARCH_MP_STATE_SAME;
}

/* The kernel takes this state; STATE_UNKNOWN: newer ones do. */
static enum state_tri mp_state_taken(const struct question *q, uint64_t state)
{
	switch (state) {
	case KVM_MP_STATE_RUNNABLE:
	case KVM_MP_STATE_STOPPED:
		return STATE_YES;
	case KVM_MP_STATE_SUSPENDED:
		return q_applies(q, R_ARCH_MP_STATE_SUSPENDED) ? STATE_YES : STATE_UNKNOWN;
	case KVM_MP_STATE_INIT_RECEIVED:
		/* RISC-V of newer kernels resets a vCPU this way. */
		return arch(q) == KVMAPI_RISCV ? STATE_UNKNOWN : STATE_NO;
	default:
		return STATE_NO;
	}
}

/* api.rst 4.39 */
static void answer_mp_state_set(const struct question *q, struct answer *a)
{
	uint64_t state;

	if (a_refuse(a, R_ARCH_MP_STATE_NONE, tri(arch(q) == KVMAPI_POWERPC)))
		return;
	if (!Q_IN(q, struct kvm_mp_state, mp_state, &state)) {
		a_skip(a, "argument not captured");
		return;
	}
	switch (mp_state_taken(q, state)) {
	case STATE_YES:
		a_succeeds(a, state == KVM_MP_STATE_SUSPENDED ? R_ARCH_MP_STATE_SUSPENDED
							      : R_ARCH_MP_STATE_SET);
		break;
	case STATE_UNKNOWN:
		a_may_succeed(a, R_RETURN_ZERO_OR_ERROR, "a state of newer kernels");
		break;
	case STATE_NO:
		a_must_fail(a, R_ARCH_MP_STATE_OTHER);
		break;
	}
}

static void learn_mp_state_set(struct learn *l)
{
	uint64_t state;

	if (arch(l->q) == KVMAPI_POWERPC)
		return;
	if (!Q_IN(l->q, struct kvm_mp_state, mp_state, &state)) {
		generic_mp_state(l, UINT32_MAX, R_NONE);
		return;
	}
	if (mp_state_taken(l->q, state) == STATE_UNKNOWN) {
		generic_mp_state(l, UINT32_MAX, R_NONE);
		if (state == KVM_MP_STATE_INIT_RECEIVED)
			generic_forget_registers(l->vcpu);
	} else if (l->succeeded) {
		l_block_set(l, &l->vcpu->blocks[STATE_MP_STATE], l->q->in, 0, 4);
		l->vcpu->mp_rule = R_ARCH_MP_STATE_SAME;
	}
}

/* api.rst 4.87 */
static void answer_guest_debug(const struct question *q, struct answer *a)
{
	const uint64_t all = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
	const uint64_t of_arm = all | 1u << 16 | 1u << 17;
	uint64_t control;

	if (!q_field(q, q->in, 0, 4, &control)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (a_refuse(a, R_ARCH_GUEST_DEBUG_BITS, tri(arch(q) == KVMAPI_ARM64 && control & ~of_arm)))
		return;
	if (arch(q) == KVMAPI_RISCV || control & ~all)
		a_may_succeed(a, R_RETURN_ZERO_OR_ERROR, "which of it this processor can do");
	else
		a_succeeds(a, R_ARCH_GUEST_DEBUG);
}

static void learn_guest_debug(struct learn *l)
{
	uint64_t control;

	if (!q_field(l->q, l->q->in, 0, 4, &control)) {
		l->vcpu->debug_known = STATE_UNKNOWN;
	} else if (l->succeeded) {
		l->vcpu->debug_control = (uint32_t)control;
		l->vcpu->debug_known = STATE_YES;
	}
}

const struct handler model_generic_handlers[] = {
	{"KVM_CREATE_VM", KVMAPI_SYSTEM, .answer = answer_create_vm, .learn = learn_create_vm},
	{"KVM_CHECK_EXTENSION", KVMAPI_SYSTEM, .answer = cap_answer_extension_system,
	 .learn = cap_learn_extension_system},
	{"KVM_CHECK_EXTENSION", KVMAPI_VM, .answer = answer_check_extension_vm},
	{"KVM_CREATE_VCPU", KVMAPI_VM, .answer = answer_create_vcpu, .learn = learn_create_vcpu},
	{"KVM_ENABLE_CAP", KVMAPI_VM | KVMAPI_VCPU, .answer = answer_enable_cap,
	 .learn = learn_enable_cap},
	{"KVM_RUN", KVMAPI_VCPU, .enter = generic_run_enter, .answer = answer_run,
	 .learn = learn_run},
	{"KVM_GET_REG_LIST", KVMAPI_VCPU, .answer = answer_reg_list, .learn = learn_reg_list},
	{"KVM_GET_ONE_REG", KVMAPI_VCPU, .answer = answer_one_reg, .learn = learn_one_reg},
	{"KVM_SET_ONE_REG", KVMAPI_VCPU, .answer = answer_one_reg, .learn = learn_one_reg},
	{"KVM_GET_MP_STATE", KVMAPI_VCPU, .settle = settle_mp_state, .answer = answer_mp_state_get,
	 .learn = learn_mp_state_get},
	{"KVM_SET_MP_STATE", KVMAPI_VCPU, .settle = settle_mp_state, .answer = answer_mp_state_set,
	 .learn = learn_mp_state_set},
	{"KVM_SET_GUEST_DEBUG", KVMAPI_VCPU, .answer = answer_guest_debug,
	 .learn = learn_guest_debug},
	{NULL, 0, .answer = NULL},
};
