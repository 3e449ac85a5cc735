/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of architectures other than x86 that do not hang on the architecture, or little: api.rst
 * 4.2, 4.4, 4.7, 4.10, 4.38, 4.39, 4.84, 4.87, chapter 5.  Rules of some calls are those of x86,
 * which handlers of other files judge; generic_shared() names them.
 */
#include <string.h>

#include "model/generic.h"
#include "model/internal.h"
#include "model/vm.h"

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
	return model_facts(q->m)->arch;
}

/* --- what is known of a vCPU ----------------------------------------------------------------- */

void generic_forget_registers(struct state_vcpu *v)
{
	for (uint32_t i = 0; i < v->msrs.count; i++)
		v->msrs.entries[i].known = v->msrs.entries[i].value[2] = 0;
	generic_flag_set(v, ARM_RESET, false);
}

void generic_mp_state(struct learn *l, uint32_t state, uint16_t rule)
{
	struct state_block *b = &l->vcpu->blocks[STATE_MP_STATE];
	uint8_t bytes[4];

	if (state == UINT32_MAX) {
		state_block_forget(b);
		return;
	}
	l->vcpu->scratch[GENERIC_MP_RULE] = rule;
	for (unsigned int i = 0; i < 4; i++)
		bytes[model_facts(l->q->m)->big_endian ? 3 - i : i] = (uint8_t)(state >> 8 * i);
	if (state_block_set(b, 0, bytes, 4))
		l->oom = -ENOMEM;
}

uint64_t generic_mp_known(const struct question *q)
{
	const struct state_block *b = &q->vcpu->blocks[STATE_MP_STATE];

	return state_block_known(b, 0, 4) ? 1 + q_number(q, b->value, 4) : 0;
}

void generic_forget_others(struct learn *l)
{
	struct state_vcpu *v = l->vcpu;
	const struct state_vm *vm = l->vm;
	bool own = generic_flag(v, GENERIC_LEARNED_IN_RUN) && v->last_run_end == vm->last_run_end;

	if (q_vm_running(l->q) || (vm->last_run_end != v->scratch[GENERIC_STAMP] && !own)) {
		generic_mp_state(l, UINT32_MAX, R_NONE);
		generic_forget_registers(v);
	}
	v->scratch[GENERIC_STAMP] = vm->last_run_end;
	generic_flag_set(v, GENERIC_LEARNED_IN_RUN, false);
}

uint32_t generic_register_size(uint64_t id)
{
	return 1u << (id >> 52 & 15);
}

void generic_register(struct judge *j, uint16_t rule, uint64_t id, const struct tape_part *value)
{
	uint32_t size = generic_register_size(id), half = size < 8 ? size : 8;
	struct state_entry *e = state_set_add(&j->vcpu->msrs, id, 0);
	uint64_t words[2] = {0, 0};

	if (!e) {
		j->oom = -ENOMEM;
		return;
	}
	if (size > 16 || !q_field(j->q, value, 0, half, &words[0]) ||
	    (size > 8 && !q_field(j->q, value, 8, 8, &words[1]))) {
		e->known = 0;
		return;
	}
	if (rule != R_NONE && e->known && j_equal(j, rule, "register", e->value[0], words[0]))
		j_equal(j, rule, "register, second half", e->value[1], words[1]);
	e->known = 1;
	e->value[0] = words[0];
	e->value[1] = words[1];
}

/* --- machines and vCPUs ---------------------------------------------------------------------- */

/* api.rst 4.2 */
static void create_vm(struct judge *j)
{
	int32_t bits = q_cap(j->q, KVM_CAP_ARM_VM_IPA_SIZE);

	if (j->q->call->arg) {
		/* Which types there are is a matter of the architecture; some want privileges. */
		j_may_fail(j, R_ARCH_CREATE_VM_TYPE);
		if (!j_succeeds_value(j, R_ARCH_CREATE_VM_TYPE))
			return;
		vm_typed_seen(j->l);
	} else {
		if (arch(j->q) == KVMAPI_ARM64 && bits < 40)
			j_may_fail(j, R_ARCH_CREATE_VM_IPA);
		if (!j_succeeds_value(j, R_ARCH_CREATE_VM))
			return;
	}
	vm_created(j, j->ret->ret);
}

/* api.rst 4.4: a VM knows more than /dev/kvm of what it can. */
static void check_extension_vm(struct judge *j)
{
	j_succeeds_value(j, R_CHECK_EXTENSION_ANSWERS);
}

/* api.rst 4.7 */
static void create_vcpu(struct judge *j)
{
	struct state_vm *vm = j->vm;
	uint64_t id = j->q->call->arg;
	int32_t most_id = q_cap(j->q, KVM_CAP_MAX_VCPU_ID), most = q_cap(j->q, KVM_CAP_MAX_VCPUS);

	if ((most_id > 0 && id >= (uint64_t)most_id) ||
	    (most > 0 && vm->vcpu_count >= (uint32_t)most)) {
		j_may_fail(j, R_ARCH_CREATE_VCPU_TAKEN);
		j_may_fail(j, R_ARCH_CREATE_VCPU_LATE);
		j_must_fail(j, R_ARCH_CREATE_VCPU_ID);
		return;
	}
	if (state_vm_vcpu_number(vm, id)) {
		j_may_fail(j, R_ARCH_CREATE_VCPU_LATE);
		if (arch(j->q) == KVMAPI_POWERPC) {
			/* Its place in a core is taken, which is looked at first. */
			j_may_fail_with(j, R_PPC_CREATE_VCPU_TAKEN, EEXIST);
			j_must_fail_with(j, R_PPC_CREATE_VCPU_TAKEN, EINVAL);
			return;
		}
		j_must_fail(j, R_ARCH_CREATE_VCPU_TAKEN);
		return;
	}
	/* An interrupt controller decides how many there can be; Power numbers them by cores. */
	if (id || !vm->fresh || vm->device_count || most_id <= 0 || most <= 0)
		j_may_fail(j, R_ARCH_CREATE_VCPU_ID);
	if (!vm->fresh) {
		j_may_fail(j, R_ARCH_CREATE_VCPU_TAKEN);
		j_may_fail_with(j, R_PPC_CREATE_VCPU_TAKEN, EEXIST);
	}
	if (!vm->fresh || vm->device_count || vm->irqchip != STATE_IRQCHIP_NONE)
		j_may_fail(j, R_ARCH_CREATE_VCPU_LATE);
	if (!j_succeeds_value(j, R_ARCH_CREATE_VCPU))
		return;
	vm->has_vcpus = STATE_YES;
	vm_created(j, j->ret->ret);
}

/* A demand that hangs on something that must not be there yet. */
static bool cap_too_late(struct judge *j, enum state_tri there)
{
	if (there == STATE_YES)
		j_must_fail(j, R_ARM_CAP_TOO_LATE);
	else if (there == STATE_UNKNOWN)
		j_may_fail(j, R_ARM_CAP_TOO_LATE);
	return there == STATE_YES;
}

static enum state_tri has_slots(const struct state_vm *vm)
{
	if (vm->slots.count)
		return STATE_YES;
	return vm->slots.open ? STATE_UNKNOWN : STATE_NO;
}

/* api.rst 7.36: the argument is the size of the ring in bytes. */
static bool arm_dirty_ring(struct judge *j, uint64_t arg)
{
	int32_t most = q_cap(j->q, KVM_CAP_DIRTY_LOG_RING_ACQ_REL);
	uint32_t size = (uint32_t)arg;
	uint64_t before = 0;

	if (!size || size & (size - 1) || size < q_page(j->q)) {
		j_must_fail_with(j, R_ARM_CAP_ARGUMENT, EINVAL);
		return false;
	}
	if (most > 0 && size > (uint32_t)most) {
		j_must_fail_with(j, R_ARM_CAP_ARGUMENT, E2BIG);
		return false;
	}
	return !cap_too_late(j, vm_cap_enabled(j->vm, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, &before)) &&
	       !cap_too_late(j, j->vm->has_vcpus);
}

/* What has to be refused of a capability of arm64 and its argument; false if all is said. */
static bool arm_cap(struct judge *j, uint64_t cap, uint64_t arg)
{
	const uint64_t protect = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;
	int32_t answer = q_cap(j->q, (uint32_t)cap);
	uint64_t size;

	switch (cap) {
	case KVM_CAP_ARM_NISV_TO_USER:
	case KVM_CAP_ARM_SYSTEM_SUSPEND:
	case KVM_CAP_ARM_SEA_TO_USER:
		return true;
	case KVM_CAP_ARM_MTE:
		/* Memory of guest_memfd is in the way, too. */
		if (has_slots(j->vm) != STATE_NO)
			j_may_fail(j, R_ARM_CAP_TOO_LATE);
		return !cap_too_late(j, j->vm->has_vcpus);
	case KVM_CAP_ARM_WRITABLE_IMP_ID_REGS:
		return !cap_too_late(j, j->vm->has_vcpus);
	case KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE:
		if (arg && (arg & (arg - 1) || arg < q_page(j->q))) {
			j_must_fail_with(j, R_ARM_CAP_ARGUMENT, EINVAL);
			return false;
		}
		/* Which blocks there are hangs on the size of pages. */
		if (arg)
			j_may_fail_with(j, R_ARM_CAP_ARGUMENT, EINVAL);
		return !cap_too_late(j, has_slots(j->vm));
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		if (answer >= 0 && arg & ~(arg & protect ? (uint64_t)(uint32_t)answer : 0)) {
			j_must_fail_with(j, R_ARM_CAP_ARGUMENT, EINVAL);
			return false;
		}
		return true;
	case KVM_CAP_HALT_POLL:
		if (arg > UINT32_MAX) {
			j_must_fail_with(j, R_ARM_CAP_ARGUMENT, EINVAL);
			return false;
		}
		return true;
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return arm_dirty_ring(j, arg);
	case KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP:
		if (vm_cap_enabled(j->vm, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, &size) == STATE_NO) {
			j_must_fail_with(j, R_ARM_CAP_ARGUMENT, EINVAL);
			return false;
		}
		return !cap_too_late(j, has_slots(j->vm));
	default:
		/* The list above is that of the kernels up to 7.2. */
		if (!q_maybe_newer(j->q)) {
			j_must_fail(j, R_ARM_CAP_NONE);
			return false;
		}
		j_may_fail(j, R_ARM_CAP_NONE);
		return true;
	}
}

/* api.rst 4.37, chapter 7, arm64: false if all is said. */
static bool arm_enable_cap(struct judge *j, uint64_t cap, uint64_t arg)
{
	if (j->vcpu || !q_cap(j->q, (uint32_t)cap)) {
		j_must_fail(j, R_ARM_CAP_NONE);
		return false;
	}
	if (!arm_cap(j, cap, arg))
		return false;
	if (vm_typed(j->q) || q_cap(j->q, (uint32_t)cap) < 0)
		j_may_fail(j, R_ARM_CAP_NONE);
	return j_succeeds(j, R_ARM_CAP_SUCCEEDS);
}

/* api.rst 4.37, chapters 6 and 7 */
static void enable_cap(struct judge *j)
{
	uint64_t cap, flags, arg = 0;
	struct state_entry *e;

	if (!Q_IN(j->q, struct kvm_enable_cap, cap, &cap) ||
	    !Q_IN(j->q, struct kvm_enable_cap, flags, &flags)) {
		j->vm->caps.open = true;
		j_skip(j, "argument not captured");
		return;
	}
	if (flags) {
		if (cap == KVM_CAP_DIRTY_LOG_RING_ACQ_REL)
			j_may_succeed(j, R_ARCH_ENABLE_CAP, "flags of a dirty ring");
		else
			j_must_fail(j, R_ARCH_ENABLE_CAP_FLAGS);
		return;
	}
	if (!q_field(j->q, j->q->in, offsetof(struct kvm_enable_cap, args), 8, &arg)) {
		j->vm->caps.open = true;
		j_skip(j, "argument not captured");
		return;
	}
	if (arch(j->q) == KVMAPI_ARM64) {
		if (!arm_enable_cap(j, cap, arg))
			return;
	} else if (!j_may_succeed(j, R_ARCH_ENABLE_CAP,
				  "which capabilities can be enabled, and when") ||
		   j->vcpu) {
		return;
	}
	e = state_set_add(&j->vm->caps, cap, VM_CAP_ENABLED);
	if (!e) {
		j->oom = -ENOMEM;
		return;
	}
	e->known = 1;
	e->value[0] = arg;
}

/* --- KVM_RUN --------------------------------------------------------------------------------- */

enum {
	RUN_IMMEDIATE = 1,
	RUN_REASON = 8,
	RUN_UNION = KVMAPI_RUN_UNION,
};

void generic_run_enter(struct learn *l)
{
	generic_forget_others(l);
	l->vcpu->scratch[GENERIC_MP_AT_RUN] = generic_mp_known(l->q);
	/* Even with immediate_exit an access that is under way is completed. */
	generic_forget_registers(l->vcpu);
}

bool generic_run_input(struct judge *j)
{
	const struct tape_part *in = j_part(j, TAPE_RUN_IN);

	j->vcpu->last_exit = 0;
	if (j->q->call->arg) {
		j_must_fail(j, R_ARCH_RUN_NO_ARGUMENT);
		return true;
	}
	if (in && in->have > RUN_IMMEDIATE && in->data[RUN_IMMEDIATE]) {
		j_must_fail(j, R_ARCH_RUN_IMMEDIATE);
		return true;
	}
	j_may_fail(j, R_ARCH_RUN_INTERRUPTED);
	return false;
}

/* api.rst 5, KVM_EXIT_SYSTEM_EVENT */
static void system_event(struct judge *j, const struct tape_part *out)
{
	uint64_t type, count, data = 0;
	size_t at = offsetof(struct kvm_run, system_event.type);

	if (!q_field(j->q, out, at, 4, &type) || !q_field(j->q, out, at + 4, 4, &count))
		return;
	j_check(j, R_SYSTEM_EVENT_TYPE,
		type >= KVM_SYSTEM_EVENT_SHUTDOWN && type <= KVM_SYSTEM_EVENT_SUSPEND &&
			(arch(j->q) != KVMAPI_ARM64 || type != KVM_SYSTEM_EVENT_CRASH),
		"a type that the architecture has", "type = %llu", (unsigned long long)type);
	generic_flag_set(j->vcpu, GENERIC_EVENT,
			 type == KVM_SYSTEM_EVENT_SHUTDOWN || type == KVM_SYSTEM_EVENT_RESET);
	/* Older kernels had flags where data[0] is now, and nothing where their number is. */
	if (q_cap(j->q, KVM_CAP_SYSTEM_EVENT_DATA) <= 0)
		return;
	if (count)
		q_field(j->q, out, offsetof(struct kvm_run, system_event.data), 8, &data);
	j_check(j, R_SYSTEM_EVENT_FLAGS,
		count <= 16 && (arch(j->q) != KVMAPI_ARM64 ||
				(count <= 1 && data <= 1 &&
				 (!data || type == KVM_SYSTEM_EVENT_SHUTDOWN ||
				  type == KVM_SYSTEM_EVENT_RESET))),
		"numbers that go with this event", "ndata = %llu, data[0] = 0x%llx",
		(unsigned long long)count, (unsigned long long)data);
}

/* Exits that come only if userspace asked for them by a capability of the VM. */
static void exit_needs_cap(struct judge *j, uint64_t reason)
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
		enum state_tri on = vm_cap_enabled(j->vm, needs[i].cap, &arg);

		if (reason == needs[i].reason && on != STATE_UNKNOWN)
			j_check(j, R_ARCH_RUN_NEEDS_CAP, on == STATE_YES,
				"this exit only with its capability enabled", "exit_reason = %llu",
				(unsigned long long)reason);
	}
}

void generic_run_exit(struct judge *j, uint64_t reasons)
{
	const struct tape_part *out = j_part(j, TAPE_RUN_OUT);
	uint64_t reason, len, write;

	if (!q_field(j->q, out, RUN_REASON, 4, &reason))
		return;
	j->vcpu->last_exit = (uint32_t)reason;
	if (!j_check(j, R_ARCH_RUN_REASON, reason < 64 && reasons >> reason & 1,
		     "an exit that the architecture has", "exit_reason = %llu",
		     (unsigned long long)reason))
		return;
	exit_needs_cap(j, reason);
	switch (reason) {
	case KVM_EXIT_MMIO:
		if (q_field(j->q, out, offsetof(struct kvm_run, mmio.len), 4, &len) &&
		    q_field(j->q, out, offsetof(struct kvm_run, mmio.is_write), 1, &write))
			j_check(j, R_ARCH_RUN_MMIO, len >= 1 && len <= 8 && write <= 1,
				"len of 1 to 8, is_write 0 or 1", "len = %llu, is_write = %llu",
				(unsigned long long)len, (unsigned long long)write);
		break;
	case KVM_EXIT_DEBUG:
		if (j->vcpu->debug_known == STATE_YES ||
		    (j->vcpu->debug_known == STATE_NO && j->vcpu->fresh))
			j_check(j, R_ARCH_RUN_DEBUG, j->vcpu->debug_control & KVM_GUESTDBG_ENABLE,
				"this exit only with KVM_SET_GUEST_DEBUG", "control = 0x%x",
				j->vcpu->debug_control);
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		system_event(j, out);
		break;
	default:
		break;
	}
}

#define REASON(name) (1ull << KVM_EXIT_##name)
/* Exits that belong to other architectures. */
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

/* api.rst 4.10: Power and RISC-V; arm64 has a handler of its own. */
static void run(struct judge *j)
{
	uint64_t none = X86_ONLY | ARM_ONLY | S390_ONLY;
	bool event = generic_flag(j->vcpu, GENERIC_EVENT);

	generic_flag_set(j->vcpu, GENERIC_EVENT, false);
	if (generic_run_input(j))
		return;
	none |= arch(j->q) == KVMAPI_POWERPC ? RISCV_ONLY : POWERPC_ONLY;
	if (event && j->ret->ret == -EINTR)
		j_hold(j, R_SYSTEM_EVENT_RUN_AGAIN);
	if (event ? !j_succeeds(j, R_SYSTEM_EVENT_RUN_AGAIN)
		  : !j_may_succeed(j, R_ARCH_RUN, "what the guest needs before it can run"))
		return;
	generic_run_exit(j, ~none);
}

/* --- registers, MP state, debugging ---------------------------------------------------------- */

/* Entries of a list that are looked at: more than any vCPU has. */
#define LIST_MAX 2048

/* api.rst 4.68, 4.69: RISC-V */
static void one_reg(struct judge *j)
{
	/* Some of them decide which others there are. */
	j->vcpu->scratch[GENERIC_REGS] = 0;
	j_may_succeed(j, R_ARCH_REG, "which registers this vCPU has");
}

/* api.rst 4.84 */
static void reg_list(struct judge *j)
{
	static const uint64_t of_arch[] = {
		[KVMAPI_ARM64] = KVM_REG_ARM64,
		[KVMAPI_RISCV] = KVM_REG_RISCV,
	};
	struct state_vcpu *v = j->vcpu;
	uint64_t room, n, id, other, known = v->scratch[GENERIC_REGS];
	bool twice = false;

	if (arch(j->q) == KVMAPI_ARM64 && !generic_flag(v, ARM_INITIALIZED)) {
		if (v->fresh) {
			j_must_fail(j, R_REG_LIST_NEEDS_INIT);
			return;
		}
		j_may_fail(j, R_REG_LIST_NEEDS_INIT);
	}
	if (arch(j->q) == KVMAPI_ARM64 && !generic_flag(v, ARM_FINALIZED))
		j_may_fail(j, R_ARCH_REG_LIST_UNFINALIZED);
	if (!Q_IN(j->q, struct kvm_reg_list, n, &room)) {
		j_skip(j, "argument not captured");
		return;
	}
	/* Finalizing adds registers. */
	if (known && room < known - 1) {
		j_must_fail(j, R_ARCH_REG_LIST_TOO_SMALL);
		if (j->ret->ret != -E2BIG)
			return;
	} else {
		if (!known)
			j_may_fail(j, R_ARCH_REG_LIST_TOO_SMALL);
		if (!j_succeeds(j, R_ARCH_REG_LIST) && j->ret->ret != -E2BIG)
			return;
	}
	if (!J_OUT(j, struct kvm_reg_list, n, &n))
		return;
	if (j->ret->ret)
		j_check(j, R_ARCH_REG_LIST_TOO_SMALL, n > room, "n above the room",
			"n = %llu, room %llu", (unsigned long long)n, (unsigned long long)room);
	else
		j_check(j, R_ARCH_REG_LIST, n <= room, "n within the room", "n = %llu, room %llu",
			(unsigned long long)n, (unsigned long long)room);
	if (known)
		j_equal(j, R_ARCH_REG_LIST_COUNT, "n", known - 1, n);
	v->scratch[GENERIC_REGS] = 1 + n;
	for (uint64_t i = 0; !j->ret->ret && i < n && i < LIST_MAX; i++) {
		if (!q_field(j->q, j->out, sizeof(struct kvm_reg_list) + 8 * i, 8, &id))
			return;
		for (uint64_t k = 0; k < i; k++)
			twice |= q_field(j->q, j->out, sizeof(struct kvm_reg_list) + 8 * k, 8,
					 &other) &&
				 other == id;
		if (!j_check(j, R_ARCH_REG_LIST_IDS,
			     (id & KVM_REG_ARCH_MASK) == of_arch[arch(j->q)] && !twice,
			     "registers of the architecture, each once", "entry %llu: 0x%llx",
			     (unsigned long long)i, (unsigned long long)id))
			return;
	}
}

/* api.rst 4.38 */
static void mp_state_get(struct judge *j)
{
	uint64_t state;
	bool riscv = arch(j->q) == KVMAPI_RISCV;

	if (arch(j->q) == KVMAPI_POWERPC) {
		j_must_fail(j, R_ARCH_MP_STATE_NONE);
		return;
	}
	generic_forget_others(j->l);
	if (!j_succeeds(j, R_ARCH_MP_STATE_GET) || !J_OUT(j, struct kvm_mp_state, mp_state, &state))
		return;
	if (!j_check(j, R_ARCH_MP_STATE_VALUES,
		     state == KVM_MP_STATE_RUNNABLE || state == KVM_MP_STATE_STOPPED ||
			     (!riscv && state == KVM_MP_STATE_SUSPENDED),
		     "runnable, stopped or suspended", "mp_state = %llu",
		     (unsigned long long)state))
		return;
	j_block_get(j,
		    generic_mp_known(j->q) ? (uint16_t)j->vcpu->scratch[GENERIC_MP_RULE]
					   : R_ARCH_MP_STATE_SAME,
		    &j->vcpu->blocks[STATE_MP_STATE], j->out, 0, 4);
	j->vcpu->scratch[GENERIC_MP_RULE] = R_ARCH_MP_STATE_SAME;
}

/* api.rst 4.39 */
static void mp_state_set(struct judge *j)
{
	uint64_t state;
	uint16_t rule = R_ARCH_MP_STATE_SET;

	if (arch(j->q) == KVMAPI_POWERPC) {
		j_must_fail(j, R_ARCH_MP_STATE_NONE);
		return;
	}
	generic_forget_others(j->l);
	if (!Q_IN(j->q, struct kvm_mp_state, mp_state, &state)) {
		generic_mp_state(j->l, UINT32_MAX, R_NONE);
		j_skip(j, "argument not captured");
		return;
	}
	switch (state) {
	case KVM_MP_STATE_RUNNABLE:
	case KVM_MP_STATE_STOPPED:
		break;
	case KVM_MP_STATE_SUSPENDED:
		rule = R_ARCH_MP_STATE_SUSPENDED;
		if (q_applies(j->q, rule))
			break;
		j_may_succeed(j, R_RETURN_ZERO_OR_ERROR, "a state of newer kernels");
		generic_mp_state(j->l, UINT32_MAX, R_NONE);
		return;
	default:
		/* RISC-V of newer kernels resets a vCPU this way. */
		if (arch(j->q) == KVMAPI_RISCV && state == KVM_MP_STATE_INIT_RECEIVED) {
			j_may_succeed(j, R_RETURN_ZERO_OR_ERROR, "a state of newer kernels");
			generic_mp_state(j->l, UINT32_MAX, R_NONE);
			generic_forget_registers(j->vcpu);
			return;
		}
		j_must_fail(j, R_ARCH_MP_STATE_OTHER);
		return;
	}
	if (!j_succeeds(j, rule))
		return;
	l_block_set(j->l, &j->vcpu->blocks[STATE_MP_STATE], j->q->in, 0, 4);
	j->vcpu->scratch[GENERIC_MP_RULE] = R_ARCH_MP_STATE_SAME;
}

/* api.rst 4.87 */
static void guest_debug(struct judge *j)
{
	struct state_vcpu *v = j->vcpu;
	const uint32_t bits = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | 1u << 16 | 1u << 17;
	uint64_t control;

	if (!q_field(j->q, j->q->in, 0, 4, &control)) {
		v->debug_known = STATE_UNKNOWN;
		j_skip(j, "argument not captured");
		return;
	}
	if (arch(j->q) == KVMAPI_ARM64 && control & ~(uint64_t)bits) {
		j_must_fail(j, R_ARCH_GUEST_DEBUG_BITS);
		return;
	}
	if (arch(j->q) == KVMAPI_RISCV ||
	    control & ~(uint64_t)(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP)) {
		if (!j_may_succeed(j, R_RETURN_ZERO_OR_ERROR, "which of it this processor can do"))
			return;
	} else if (!j_succeeds(j, R_ARCH_GUEST_DEBUG)) {
		return;
	}
	v->debug_control = (uint32_t)control;
	v->debug_known = STATE_YES;
}

const struct judge_handler model_generic_handlers[] = {
	{"KVM_CREATE_VM", KVMAPI_SYSTEM, .judge = create_vm},
	{"KVM_CHECK_EXTENSION", KVMAPI_SYSTEM, .answer = cap_answer_extension_system,
	 .learn = cap_learn_extension_system},
	{"KVM_CHECK_EXTENSION", KVMAPI_VM, .judge = check_extension_vm},
	{"KVM_CREATE_VCPU", KVMAPI_VM, .judge = create_vcpu},
	{"KVM_ENABLE_CAP", KVMAPI_VM | KVMAPI_VCPU, .judge = enable_cap},
	{"KVM_RUN", KVMAPI_VCPU, .judge = run, .enter = generic_run_enter},
	{"KVM_GET_REG_LIST", KVMAPI_VCPU, .judge = reg_list},
	{"KVM_GET_ONE_REG", KVMAPI_VCPU, .judge = one_reg},
	{"KVM_SET_ONE_REG", KVMAPI_VCPU, .judge = one_reg},
	{"KVM_GET_MP_STATE", KVMAPI_VCPU, .judge = mp_state_get},
	{"KVM_SET_MP_STATE", KVMAPI_VCPU, .judge = mp_state_set},
	{"KVM_SET_GUEST_DEBUG", KVMAPI_VCPU, .judge = guest_debug},
	{NULL, 0, .judge = NULL},
};
