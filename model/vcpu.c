/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls on a vCPU: the table, what its files share, and those that have no file of their own: MP
 * state, TSC frequency, clock control, signal mask, capabilities, attributes, translation, nested
 * state, registers by number, statistics.
 */
#include "model/vcpu.h"
#include "model/vm.h"

/* --- shared --- */

bool vcpu_block_number(const struct question *q, enum state_vcpu_block block, uint32_t offset,
		       uint32_t width, uint64_t *value)
{
	const struct state_block *b = &q->vcpu->blocks[block];

	if (!state_block_known(b, offset, width))
		return false;
	*value = q_number(q, b->value + offset, width);
	return true;
}

void vcpu_forget(struct learn *l, enum state_vcpu_block block, uint32_t offset, uint32_t len)
{
	state_block_forget_range(&l->vcpu->blocks[block], offset, len);
}

void vcpu_forget_all(struct state_vcpu *v)
{
	v->guest_clean = false;
	state_vcpu_guest_ran(v);
	/* The caller may learn something after this. */
	v->guest_clean = false;
	vcpu_flag_set(v, VCPU_RUN_IS_NEWEST, false);
}

/*
 * Whether a vCPU of the VM ran since this was last asked with the same stamp. A VM's only vCPU
 * sends nothing to itself while it does not run.
 */
static bool others_ran(struct learn *l, unsigned int stamp)
{
	bool ran = q_vm_running(l->q) || l->vm->last_run_end > l->vcpu->scratch[stamp];

	l->vcpu->scratch[stamp] = l->q->entered;
	return ran && (l->vm->vcpu_count > 1 || !l->vm->fresh);
}

void vcpu_forget_async(struct learn *l)
{
	struct state_vcpu *v = l->vcpu;

	if (others_ran(l, VCPU_ASYNC_SEEN)) {
		state_block_forget(&v->blocks[STATE_EVENTS]);
		state_block_forget(&v->blocks[STATE_MP_STATE]);
		state_block_forget(&v->blocks[STATE_LAPIC]);
	}
}

bool vcpu_zero(struct judge *j, uint16_t rule, const struct tape_part *part, uint32_t offset,
	       uint32_t len, const char *what)
{
	if (!part || part->have < offset + len)
		return true;
	j_promise(j, rule, part, offset, len);
	for (uint32_t i = 0; i < len; i++) {
		if (part->data[offset + i]) {
			char want[MODEL_TEXT];

			snprintf(want, sizeof(want), "%s: zero", what);
			j_break(j, rule, want, "byte %u = 0x%02x", offset + i,
				part->data[offset + i]);
			return false;
		}
	}
	j_hold(j, rule);
	return true;
}

bool vcpu_captured(const struct tape_part *part, uint64_t size)
{
	return part && part->have >= size;
}

bool vcpu_get(struct judge *j, uint16_t succeeds, uint16_t same, enum state_vcpu_block block,
	      uint32_t size)
{
	if (vcpu_protected(j, succeeds) || !j_succeeds(j, succeeds) || !j->out)
		return false;
	j_block_get(j, same, &j->vcpu->blocks[block], j->out, 0, size);
	return true;
}

bool vcpu_protected(struct judge *j, uint16_t succeeds)
{
	if (!vm_typed(j->q) && !j->vm->scratch[VM_SCRATCH_ENCRYPTED])
		return false;
	j_may_fail(j, R_VCPU_PROTECTED);
	j_may_succeed(j, succeeds, "the state of a protected guest is its own");
	vcpu_forget_all(j->vcpu);
	return true;
}

bool vcpu_is_protected(const struct question *q)
{
	return vm_typed(q) || q->vm->scratch[VM_SCRATCH_ENCRYPTED];
}

bool a_vcpu_protected(struct answer *a, uint16_t succeeds)
{
	if (!vcpu_is_protected(a->q))
		return false;
	a_may_fail(a, R_VCPU_PROTECTED);
	a_may_succeed(a, succeeds, "the state of a protected guest is its own");
	return true;
}

bool l_vcpu_protected(struct learn *l)
{
	const bool is = vcpu_is_protected(l->q);

	if (is)
		vcpu_forget_all(l->vcpu);
	return is;
}

bool a_vcpu_get(struct answer *a, uint16_t succeeds, uint16_t same, enum state_vcpu_block block,
		uint32_t size)
{
	if (a_vcpu_protected(a, succeeds))
		return false;
	a_succeeds(a, succeeds);
	a_block(a, same, &a->q->vcpu->blocks[block], TAPE_ARG_OUT, 0, size);
	return true;
}

bool l_vcpu_get(struct learn *l, enum state_vcpu_block block, uint32_t size)
{
	if (l_vcpu_protected(l) || !l->succeeded || !l->out)
		return false;
	l_block_get(l, &l->vcpu->blocks[block], l->out, 0, size);
	return true;
}

/* --- MP state: api.rst 4.38, 4.39 --- */

static void mp_state_get(struct judge *j)
{
	struct state_vcpu *v = j->vcpu;
	struct state_block *b = &v->blocks[STATE_MP_STATE];
	bool others = others_ran(j->l, VCPU_MP_SEEN);
	uint64_t state, had = 0;
	bool known;

	vcpu_forget_async(j->l);
	if (!j_succeeds(j, R_MP_STATE_GET_SUCCEEDS) ||
	    !J_OUT(j, struct kvm_mp_state, mp_state, &state))
		return;
	if (vcpu_flag(v, VCPU_MP_ODD) && !state_block_known(b, 0, 4) && q_kernel(j->q) &&
	    q_applies(j->q, R_MP_STATE_ANY) && state > KVM_MP_STATE_SIPI_RECEIVED) {
		j_hold(j, R_MP_STATE_ANY);
		return;
	}
	if (!j_check(j, R_MP_STATE_OF_X86,
		     state <= KVM_MP_STATE_SIPI_RECEIVED || state == KVM_MP_STATE_AP_RESET_HOLD,
		     "an MP state of x86", "mp_state = %llu", (unsigned long long)state))
		return;
	j_promise_bits(j, R_MP_STATE_OF_X86, j->out, 0, 4, ~0xfull);
	known = vcpu_block_number(j->q, STATE_MP_STATE, 0, 4, &had) && !q_vcpu_ran(j->q) &&
		!vcpu_flag(v, VCPU_INIT_LATCHED);
	if (v->has_lapic == STATE_NO) {
		J_EQUAL_OUT(j, R_MP_STATE_WITHOUT_LAPIC, struct kvm_mp_state, mp_state,
			    KVM_MP_STATE_RUNNABLE);
	} else if (known &&
		   (had == KVM_MP_STATE_SIPI_RECEIVED ||
		    (had == KVM_MP_STATE_INIT_RECEIVED && vcpu_flag(v, VCPU_SIPI_WAITS)))) {
		/* The waiting SIPI is taken by this very call, and starts the processor. */
		j_check(j, R_MP_STATE_SIPI_TAKEN,
			state == KVM_MP_STATE_RUNNABLE || state == KVM_MP_STATE_INIT_RECEIVED,
			"runnable, or still waiting for it", "mp_state = %llu",
			(unsigned long long)state);
		vcpu_forget_all(v);
	} else if (known) {
		J_EQUAL_OUT(j, R_MP_STATE_SAME, struct kvm_mp_state, mp_state, had);
	} else if ((v->last_exit == KVM_EXIT_IO || v->last_exit == KVM_EXIT_MMIO) &&
		   vcpu_flag(v, VCPU_RUN_IS_NEWEST) && j->vm->vcpu_count == 1 && j->vm->fresh &&
		   !vcpu_flag(v, VCPU_MP_WRITTEN) && !q_vcpu_ran(j->q)) {
		J_EQUAL_OUT(j, R_MP_STATE_RUNNING, struct kvm_mp_state, mp_state,
			    KVM_MP_STATE_RUNNABLE);
	} else if (v->fresh && v->has_run == STATE_NO && v->has_lapic == STATE_YES && !b->size &&
		   !others && v->number != UINT64_MAX && j->vm->boot_cpu != UINT64_MAX &&
		   !v->running && !vcpu_flag(v, VCPU_INIT_LATCHED)) {
		J_EQUAL_OUT(j, R_MP_STATE_AT_FIRST, struct kvm_mp_state, mp_state,
			    v->number == j->vm->boot_cpu ? KVM_MP_STATE_RUNNABLE
							 : KVM_MP_STATE_UNINITIALIZED);
	}
	vcpu_flag_set(v, VCPU_SIPI_WAITS, false);
	/* An INIT that waits is taken by this call, and resets nearly everything. */
	if ((others || vcpu_flag(v, VCPU_INIT_LATCHED)) && v->has_lapic != STATE_NO)
		vcpu_forget_all(v);
	if (q_vcpu_ran(j->q))
		state_block_forget(b);
	else if (state_block_set(b, 0, j->out->data, 4))
		j->oom = -ENOMEM;
}

/* The MP state may be any.  The block keeps its size: it is no longer that of a new vCPU. */
static void mp_state_odd(struct learn *l)
{
	struct state_block *b = &l->vcpu->blocks[STATE_MP_STATE];

	vcpu_flag_set(l->vcpu, VCPU_MP_ODD, true);
	vcpu_flag_set(l->vcpu, VCPU_MP_WRITTEN, true);
	if (state_block_set(b, 0, &(uint32_t){0}, sizeof(uint32_t)))
		l->oom = -ENOMEM;
	state_block_forget(b);
}

static void mp_state_set(struct judge *j)
{
	struct state_block *b = &j->vcpu->blocks[STATE_MP_STATE];
	uint64_t state;

	if (!Q_IN(j->q, struct kvm_mp_state, mp_state, &state)) {
		j_may_fail(j, R_MP_STATE_UNKNOWN);
		j_may_succeed(j, R_MP_STATE_SET_SUCCEEDS, "argument not captured");
		mp_state_odd(j->l);
		return;
	}
	if (state > KVM_MP_STATE_SIPI_RECEIVED && state != KVM_MP_STATE_AP_RESET_HOLD) {
		/* Some older kernels, but not which ones is known for all, store any number. */
		if (j->vcpu->has_lapic != STATE_NO && q_applies(j->q, R_MP_STATE_ANY) &&
		    j->ret->ret == 0) {
			j_hold(j, R_MP_STATE_ANY);
			mp_state_odd(j->l);
			return;
		}
		j_must_fail(j, R_MP_STATE_UNKNOWN);
		return;
	}
	if (state != KVM_MP_STATE_RUNNABLE) {
		if (j_refuse(j, R_MP_STATE_NEEDS_LAPIC, tri_not(j->vcpu->has_lapic)))
			return;
	}
	/* Waiting for a SIPI is impossible within SMM; holding is of newer kernels. */
	if (state == KVM_MP_STATE_INIT_RECEIVED || state == KVM_MP_STATE_SIPI_RECEIVED ||
	    state == KVM_MP_STATE_AP_RESET_HOLD)
		j_may_fail(j, R_MP_STATE_REFUSED);
	if (j_succeeds(j, R_MP_STATE_SET_SUCCEEDS)) {
		vcpu_flag_set(j->vcpu, VCPU_MP_WRITTEN, true);
		/* Another state does not take a SIPI back. */
		if (state == KVM_MP_STATE_SIPI_RECEIVED)
			vcpu_flag_set(j->vcpu, VCPU_SIPI_WAITS, true);
		l_block_set(j->l, b, j->q->in, 0, sizeof(struct kvm_mp_state));
		/* What others sent before counts from now on. */
		if (q_vm_running(j->q))
			state_block_forget(b);
	}
}

/* --- TSC: api.rst 4.55, 4.56 --- */

void a_tsc_khz(struct answer *a, uint64_t khz, const struct tsc_khz_rules *rules)
{
	/* The result of an ioctl is an int: a frequency above its largest comes back as an error. */
	if (khz != STATE_KHZ_UNKNOWN && khz != STATE_KHZ_HOST && khz > INT32_MAX) {
		if ((int32_t)khz >= -4095)
			a_must_fail_with(a, R_TSC_KHZ_NEGATIVE, -(int32_t)khz);
		else
			a_int(a, R_TSC_KHZ_NEGATIVE, "kHz", khz);
		return;
	}
	/* It may have been set where nobody saw it. */
	if (khz == STATE_KHZ_UNKNOWN)
		a_any_int(a, R_TSC_KHZ_NEGATIVE, "an error, or a frequency of more than 31 bits");
	a_succeeds_value(a, rules->succeeds);
	if (khz != STATE_KHZ_UNKNOWN && khz != STATE_KHZ_HOST)
		a_result(a, rules->same, "kHz", khz);
}

void l_tsc_khz(struct learn *l, uint64_t *khz)
{
	if (*khz == STATE_KHZ_UNKNOWN && l->ret->ret < -4095 && l->ret->ret >= INT32_MIN)
		*khz = (uint32_t)l->ret->ret;
	else if (l->succeeded && l->ret->ret >= 0)
		*khz = (uint64_t)l->ret->ret;
}

static void answer_tsc_khz_get(const struct question *q, struct answer *a)
{
	static const struct tsc_khz_rules rules = {R_TSC_KHZ_GET_SUCCEEDS, R_TSC_KHZ_SAME};

	a_may_fail(a, R_TSC_KHZ_UNSTABLE);
	a_tsc_khz(a, q->vcpu->tsc_khz, &rules);
}

static void learn_tsc_khz_get(struct learn *l)
{
	l_tsc_khz(l, &l->vcpu->tsc_khz);
}

static void tsc_khz_set(struct judge *j)
{
	struct state_vcpu *v = j->vcpu;
	uint64_t khz = (uint32_t)j->q->call->arg;

	/*
	 * Another frequency than the vCPU has is a matter of the hardware.  Without TSC scaling its
	 * own is, too: the kernel compares with the host's, which is calibrated again after the
	 * module was loaded.
	 */
	if ((khz && (khz != v->tsc_khz || q_cap(j->q, KVM_CAP_TSC_CONTROL) <= 0)) ||
	    vcpu_flag(v, VCPU_TSC_REFUSED))
		j_may_fail(j, R_TSC_KHZ_REFUSED);
	if (!j_succeeds(j, R_TSC_KHZ_SET_SUCCEEDS)) {
		v->tsc_khz = STATE_KHZ_UNKNOWN;
		vcpu_flag_set(v, VCPU_TSC_REFUSED, true);
		return;
	}
	vcpu_flag_set(v, VCPU_TSC_REFUSED, false);
	v->tsc_khz = khz ? khz : STATE_KHZ_HOST;
}

/* --- paravirtual clock: api.rst 4.70 --- */

#define MSR_KVM_CLOCK_OLD 0x12
#define MSR_KVM_CLOCK	  0x4b564d01

/* Whether the guest has a clock that could be told: one register behind two numbers. */
static enum state_tri has_kvmclock(const struct question *q)
{
	const struct state_entry *e[] = {
		state_set_find(&q->vcpu->msrs, MSR_KVM_CLOCK_OLD, 0),
		state_set_find(&q->vcpu->msrs, MSR_KVM_CLOCK, 0),
	};

	for (size_t i = 0; i < 2; i++) {
		if (e[i] && e[i]->known && e[i]->value[1] & 1)
			return e[i]->value[0] & 1 ? STATE_YES : STATE_NO;
	}
	if (q->vcpu->fresh && q->vcpu->has_run == STATE_NO && !q->vcpu->msrs.open &&
	    !(e[0] && e[0]->value[2]) && !(e[1] && e[1]->value[2]))
		return STATE_NO;
	return STATE_UNKNOWN;
}

static void kvmclock_ctrl(struct judge *j)
{
	if (has_kvmclock(j->q) == STATE_NO && !q_vcpu_ran(j->q)) {
		j_must_fail(j, R_KVMCLOCK_CTRL_NO_CLOCK);
		return;
	}
	j_may_fail(j, R_KVMCLOCK_CTRL_NO_CLOCK);
	j_succeeds(j, R_KVMCLOCK_CTRL_SUCCEEDS);
}

/* --- signal mask: api.rst 4.21 --- */

static void signal_mask_set(struct judge *j)
{
	uint64_t len;

	if (j->q->call->arg) {
		if (!Q_IN(j->q, struct kvm_signal_mask, len, &len)) {
			j_may_fail(j, R_SIGNAL_MASK_LENGTH);
		} else if (len != 8) {
			j_must_fail(j, R_SIGNAL_MASK_LENGTH);
			return;
		}
	}
	j_succeeds(j, R_SIGNAL_MASK_SUCCEEDS);
}

/* --- capabilities of a vCPU: api.rst 4.37, chapter 6 --- */

static void enable_cap(struct judge *j)
{
	uint64_t cap, flags, arg = 0;
	struct state_entry *e;

	if (!Q_IN(j->q, struct kvm_enable_cap, cap, &cap) ||
	    !Q_IN(j->q, struct kvm_enable_cap, flags, &flags)) {
		j_may_succeed(j, R_VCPU_CAP_SUCCEEDS, "argument not captured");
		j->vcpu->caps.open = true;
		vcpu_msrs_doubt(j->vcpu);
		state_block_forget(&j->vcpu->blocks[STATE_CPUID]);
		return;
	}
	if (flags) {
		j_must_fail(j, R_VCPU_CAP_FLAGS);
		return;
	}
	q_field(j->q, j->q->in, offsetof(struct kvm_enable_cap, args), 8, &arg);
	switch (cap) {
	case KVM_CAP_HYPERV_SYNIC2:
		if (arg) {
			j_must_fail(j, R_VCPU_CAP_ARGUMENT);
			return;
		}
		/* fall through */
	case KVM_CAP_HYPERV_SYNIC:
		if (j->vm->irqchip == STATE_IRQCHIP_NONE) {
			j_must_fail(j, R_VCPU_CAP_SYNIC_NEEDS_IRQCHIP);
			return;
		}
		if (j->vm->irqchip == STATE_IRQCHIP_UNKNOWN)
			j_may_fail(j, R_VCPU_CAP_SYNIC_NEEDS_IRQCHIP);
		if (q_cap(j->q, (uint32_t)cap) <= 0)
			j_may_fail(j, R_VCPU_CAP_UNKNOWN);
		break;
	case KVM_CAP_HYPERV_ENLIGHTENED_VMCS:
	case KVM_CAP_HYPERV_DIRECT_TLBFLUSH:
		/* A kernel may be built without all of Hyper-V. */
		if (q_cap(j->q, KVM_CAP_HYPERV) <= 0)
			j_may_fail(j, R_VCPU_CAP_UNKNOWN);
		if (q_cap(j->q, (uint32_t)cap) == 0) {
			j_must_fail(j, R_VCPU_CAP_NO_BACKEND);
			return;
		}
		j_may_fail(j, R_VCPU_CAP_NO_BACKEND);
		j_may_fail(j, R_VCPU_CAP_UNKNOWN);
		break;
	case KVM_CAP_HYPERV_ENFORCE_CPUID:
	case KVM_CAP_ENFORCE_PV_FEATURE_CPUID:
		if (q_cap(j->q, cap) <= 0)
			j_may_fail(j, R_VCPU_CAP_UNKNOWN);
		break;
	default:
		j_must_fail(j, R_VCPU_CAP_UNKNOWN);
		return;
	}
	if (!j_succeeds(j, R_VCPU_CAP_SUCCEEDS))
		return;
	e = state_set_add(&j->vcpu->caps, cap, 0);
	if (!e) {
		j->oom = -ENOMEM;
		return;
	}
	e->value[0] = arg;
	/* Whether an MSR or a leaf is there may hang on it. */
	vcpu_msrs_doubt(j->vcpu);
	state_block_forget(&j->vcpu->blocks[STATE_CPUID]);
}

/* --- attributes: api.rst 4.80, 4.81, devices/vcpu.rst 4 --- */

/* Which attribute is meant; false if everything is said. */
static bool attr_of(struct judge *j, uint64_t *key)
{
	uint64_t group, attr;

	if (!Q_IN(j->q, struct kvm_device_attr, group, &group) ||
	    !Q_IN(j->q, struct kvm_device_attr, attr, &attr)) {
		j_may_fail_with(j, R_VCPU_ATTR_UNKNOWN, ENXIO);
		j_may_succeed(j, R_VCPU_ATTR_SUCCEEDS, "argument not captured");
		return false;
	}
	if (q_cap(j->q, KVM_CAP_VCPU_ATTRIBUTES) == 0) {
		/* A host without a TSC to offset may know the request. */
		j_may_fail_with(j, R_VCPU_ATTR_UNKNOWN, ENXIO);
		j_must_fail(j, R_UNKNOWN_VCPU_EINVAL);
		return false;
	}
	if (q_cap(j->q, KVM_CAP_VCPU_ATTRIBUTES) < 0) {
		j_may_fail(j, R_VCPU_ATTR_UNKNOWN);
		j_may_succeed(j, R_VCPU_ATTR_SUCCEEDS, "no KVM_CAP_VCPU_ATTRIBUTES");
		return false;
	}
	if (group != KVM_VCPU_TSC_CTRL || attr != KVM_VCPU_TSC_OFFSET) {
		j_must_fail_with(j, R_VCPU_ATTR_UNKNOWN, ENXIO);
		return false;
	}
	*key = group << 32 | attr;
	return true;
}

void vcpu_attrs_forget(struct state_vcpu *v)
{
	for (uint32_t i = v->attrs.count; i-- > 0;) {
		if (v->attrs.entries[i].key < VCPU_XEN_KEY(0))
			state_set_remove(&v->attrs, &v->attrs.entries[i]);
	}
}

static void attr_has(struct judge *j)
{
	uint64_t key;

	if (attr_of(j, &key))
		j_succeeds(j, R_VCPU_ATTR_SUCCEEDS);
}

/* Cycles between calls that follow upon each other: a few seconds, below what a host has counted.
 */
#define TSC_DRIFT (1ull << 34)

static void attr_get(struct judge *j)
{
	const struct tape_part *value = j_part(j, TAPE_NESTED_OUT);
	struct state_entry *e;
	uint64_t key, n;

	if (!attr_of(j, &key))
		return;
	j_may_fail(j, R_VCPU_ATTR_FAULT);
	if (!j_succeeds(j, R_VCPU_ATTR_SUCCEEDS) || !q_field(j->q, value, 0, 8, &n) ||
	    q_vcpu_ran(j->q))
		return;
	e = state_set_entry(&j->vcpu->attrs, key, 0);
	/* Writing the TSC moves the offset, for a guest as well. */
	if (!e || e->value[1] != j->vcpu->last_run_end)
		return;
	if (!n && vm_backend_may_be(j->q, "kvm_pvm"))
		j_hold(j, R_VCPU_ATTR_NO_OFFSET);
	else if (n && n != e->value[0] && e->value[0] - n < TSC_DRIFT &&
		 q_applies(j->q, R_VCPU_ATTR_DRIFTS))
		j_hold(j, R_VCPU_ATTR_DRIFTS);
	else
		j_equal(j, R_VCPU_ATTR_SAME, "TSC offset", e->value[0], n);
}

static void attr_set(struct judge *j)
{
	const struct tape_part *value = j_part(j, TAPE_NESTED_IN);
	struct state_entry *e;
	uint64_t key, n;

	if (!attr_of(j, &key))
		return;
	j_may_fail(j, R_VCPU_ATTR_FAULT);
	if (!j_succeeds(j, R_VCPU_ATTR_SUCCEEDS))
		return;
	vcpu_attrs_forget(j->vcpu);
	if (!q_field(j->q, value, 0, 8, &n) || q_vcpu_ran(j->q))
		return;
	e = state_set_add(&j->vcpu->attrs, key, 0);
	if (!e) {
		j->oom = -ENOMEM;
		return;
	}
	e->value[0] = n;
	e->value[1] = j->vcpu->last_run_end;
}

/* --- address translation: api.rst 4.15 --- */

static void translate(struct judge *j)
{
	struct state_vcpu *v = j->vcpu;
	uint64_t linear, after, physical, valid, writeable, usermode, cr0;

	if (!j_succeeds(j, R_TRANSLATE_SUCCEEDS) ||
	    !J_OUT(j, struct kvm_translation, linear_address, &after) ||
	    !J_OUT(j, struct kvm_translation, physical_address, &physical) ||
	    !J_OUT(j, struct kvm_translation, valid, &valid) ||
	    !J_OUT(j, struct kvm_translation, writeable, &writeable) ||
	    !J_OUT(j, struct kvm_translation, usermode, &usermode))
		return;
	if (Q_IN(j->q, struct kvm_translation, linear_address, &linear)) {
		j_equal(j, R_TRANSLATE_LINEAR_STAYS, "linear_address", linear, after);
		if (!q_vcpu_ran(j->q) && v->blocks[STATE_SREGS].size &&
		    VCPU_KNOWN(j->q, STATE_SREGS, struct kvm_sregs, cr0, &cr0) &&
		    !(cr0 >> 31 & 1)) {
			/* All ones are the kernel's own sign of no address. */
			bool none = linear == UINT64_MAX;

			j_check(j, none ? R_TRANSLATE_LAST_ADDRESS : R_TRANSLATE_WITHOUT_PAGING,
				valid == !none && physical == linear,
				none ? "no valid address" : "the same address, valid",
				"valid = %llu, physical_address = 0x%llx",
				(unsigned long long)valid, (unsigned long long)physical);
		}
	}
	j_check(j, R_TRANSLATE_VALUES,
		valid <= 1 && writeable == 1 && usermode == 0 && (valid || physical == UINT64_MAX),
		"valid 0 or 1, writeable 1, usermode 0",
		"valid = %llu, writeable = %llu, usermode = %llu", (unsigned long long)valid,
		(unsigned long long)writeable, (unsigned long long)usermode);
}

/* --- nested state: api.rst 4.114, 4.115 --- */

#define NESTED_HEADER sizeof(struct kvm_nested_state)

static bool nested_possible(struct judge *j)
{
	int32_t cap = q_cap(j->q, KVM_CAP_NESTED_STATE);

	if (cap == 0) {
		j_must_fail(j, R_NESTED_NOT_POSSIBLE);
		return false;
	}
	if (cap < 0)
		j_may_fail(j, R_NESTED_NOT_POSSIBLE);
	return true;
}

#define NESTED_GUEST (KVM_STATE_NESTED_GUEST_MODE | KVM_STATE_NESTED_RUN_PENDING)

/* The flags and the format that a processor of this make can have. */
static bool nested_sane(const struct question *q, uint64_t flags, uint64_t format)
{
	const uint64_t of_svm = NESTED_GUEST | KVM_STATE_NESTED_GIF_SET;
	const uint64_t of_vmx =
		NESTED_GUEST | KVM_STATE_NESTED_EVMCS | KVM_STATE_NESTED_MTF_PENDING;
	bool svm = strcmp(q_backend(q), "kvm_intel") && format == KVM_STATE_NESTED_FORMAT_SVM;
	bool vmx = strcmp(q_backend(q), "kvm_amd") && format == KVM_STATE_NESTED_FORMAT_VMX;

	if (flags & KVM_STATE_NESTED_RUN_PENDING && !(flags & KVM_STATE_NESTED_GUEST_MODE))
		return false;
	return (svm && !(flags & ~of_svm)) || (vmx && !(flags & ~of_vmx));
}

/* What KVM_GET_NESTED_STATE gave, in a buffer of this size. */
static void nested_check(struct judge *j, uint64_t room)
{
	uint64_t size, format, flags;

	if (!J_OUT(j, struct kvm_nested_state, size, &size) ||
	    !J_OUT(j, struct kvm_nested_state, flags, &flags) ||
	    !J_OUT(j, struct kvm_nested_state, format, &format))
		return;
	j_check(j, R_NESTED_SIZE, size >= NESTED_HEADER && size <= room && format <= 1,
		"a size within the buffer, a known format", "size = %llu, format = %llu",
		(unsigned long long)size, (unsigned long long)format);
	if (*q_backend(j->q))
		j_check(j, R_NESTED_FORMAT, nested_sane(j->q, flags, format),
			"the format of this processor, flags that it can have",
			"format = %llu, flags = 0x%llx", (unsigned long long)format,
			(unsigned long long)flags);
	if (format == KVM_STATE_NESTED_FORMAT_SVM)
		j_check(j, R_NESTED_VMCB,
			size == NESTED_HEADER + (flags & KVM_STATE_NESTED_GUEST_MODE
							 ? KVM_STATE_NESTED_SVM_VMCB_SIZE
							 : 0),
			"a VMCB with a nested guest, and none without",
			"size = %llu, flags = 0x%llx", (unsigned long long)size,
			(unsigned long long)flags);
}

static void nested_get(struct judge *j)
{
	uint64_t room = 0, size;
	bool known = Q_IN(j->q, struct kvm_nested_state, size, &room);
	int32_t most = q_cap(j->q, KVM_CAP_NESTED_STATE);

	if (!nested_possible(j))
		return;
	if (known && !q_vcpu_ran(j->q) &&
	    VCPU_KNOWN(j->q, STATE_NESTED, struct kvm_nested_state, size, &size) && size > room) {
		j_must_fail(j, R_NESTED_TOO_SMALL);
		if (j->ret->ret == -E2BIG)
			J_EQUAL_OUT(j, R_NESTED_SIZE_WRITTEN, struct kvm_nested_state, size, size);
		return;
	}
	if (!known || most < 0 || (int64_t)room < most)
		j_may_fail(j, R_NESTED_TOO_SMALL);
	if (j->ret->ret == -E2BIG && known && J_OUT(j, struct kvm_nested_state, size, &size))
		j_check(j, R_NESTED_SIZE_WRITTEN, size > room, "the size that is needed",
			"%llu of %llu", (unsigned long long)size, (unsigned long long)room);
	if (!j_succeeds(j, R_NESTED_GET_SUCCEEDS))
		return;
	nested_check(j, known ? room : UINT32_MAX);
	if (!q_vcpu_ran(j->q))
		j_block_get(j, R_NESTED_SAME, &j->vcpu->blocks[STATE_NESTED], j->out, 0,
			    NESTED_HEADER);
}

static void nested_set(struct judge *j)
{
	uint64_t size, flags, format;

	if (!nested_possible(j))
		return;
	if (Q_IN(j->q, struct kvm_nested_state, size, &size) && size < NESTED_HEADER) {
		j_must_fail_with(j, R_NESTED_INVALID, EINVAL);
		return;
	}
	if (Q_IN(j->q, struct kvm_nested_state, flags, &flags) &&
	    Q_IN(j->q, struct kvm_nested_state, format, &format) &&
	    !nested_sane(j->q, flags, format)) {
		j_must_fail(j, R_NESTED_FLAGS);
		return;
	}
	j_may_fail(j, R_NESTED_INVALID);
	j_succeeds(j, R_NESTED_SET_SUCCEEDS);
	vcpu_forget_all(j->vcpu);
}

/* --- registers by number: api.rst 4.68, 4.69, 4.84 --- */

static void one_reg(struct judge *j)
{
	bool set = j->q->call->row && strstr(j->q->call->row->name, "SET");
	uint64_t id;

	if (!q_applies(j->q, R_ONE_REG_OF_X86)) {
		j_must_fail(j, R_ONE_REG_BEFORE);
		return;
	}
	if (Q_IN(j->q, struct kvm_one_reg, id, &id) && (id & KVM_REG_ARCH_MASK) != KVM_REG_X86) {
		j_must_fail(j, R_ONE_REG_OF_X86);
		return;
	}
	/* Which registers this vCPU has is not for the model to say. */
	j_may_fail(j, R_ONE_REG_REFUSED);
	vm_buffer_may_fault(j, j_part(j, set ? TAPE_NESTED_IN : TAPE_NESTED_OUT));
	j_succeeds(j, R_ONE_REG_SUCCEEDS);
	if (!set)
		return;
	vcpu_forget_all(j->vcpu);
	vcpu_attrs_forget(j->vcpu);
	j->vcpu->msrs.open = true;
}

static void reg_list(struct judge *j)
{
	uint64_t *known = &j->vcpu->scratch[VCPU_REG_LIST]; /* 1 + n */
	bool counted, right = false;
	uint64_t room, n;

	if (!q_applies(j->q, R_ONE_REG_OF_X86)) {
		j_must_fail(j, R_ONE_REG_BEFORE);
		return;
	}
	if (!q_field(j->q, j->q->in, 0, 8, &room))
		room = 0;
	counted = j->q->in && q_field(j->q, j->out, 0, 8, &n);
	/* What is wrong with success is said below. */
	if (*known && counted && *known - 1 > room && (j->ret->ret < 0 || j->making)) {
		j_must_fail(j, R_REG_LIST_TOO_SMALL);
		if (j->ret->ret == -E2BIG)
			j_equal_field(j, R_REG_LIST_COUNT_WRITTEN, "n", *known - 1, j->out, 0, 8);
		return;
	}
	if (!room || (counted && n > room))
		j_may_fail(j, R_REG_LIST_TOO_SMALL);
	if (j->ret->ret == -E2BIG && counted)
		right = j_check(j, R_REG_LIST_COUNT_WRITTEN, n > room, "the count that is needed",
				"n = %llu", (unsigned long long)n);
	if (j_succeeds(j, R_REG_LIST_SUCCEEDS) && counted)
		right = j_check(j, R_REG_LIST_COUNT, n <= room,
				"at most as many as there is room for", "n = %llu",
				(unsigned long long)n);
	if (!right)
		return;
	if (*known)
		j_equal(j, R_REG_LIST_SAME, "n", *known - 1, n);
	*known = 1 + n;
}

/* --- statistics: api.rst 4.133 --- */

static void stats_fd(struct judge *j)
{
	if (q_cap(j->q, KVM_CAP_BINARY_STATS_FD) == 0) {
		j_must_fail(j, R_UNKNOWN_VCPU_EINVAL);
		return;
	}
	if (q_cap(j->q, KVM_CAP_BINARY_STATS_FD) < 0) {
		j_may_succeed(j, R_VCPU_STATS_FD_SUCCEEDS, "no KVM_CAP_BINARY_STATS_FD");
		return;
	}
	j_succeeds_value(j, R_VCPU_STATS_FD_SUCCEEDS);
}

/* --- prefaulting: api.rst 4.143 --- */

/* Kernels have slots of their own up here: the APIC's page, pages for real mode. */
#define KERNEL_SLOTS 0xfe000000ull

/* No slot has this address. */
static bool nowhere(const struct state_vm *vm, uint64_t gpa)
{
	if (vm->slots.open || (gpa >= KERNEL_SLOTS && gpa < 1ull << 32))
		return false;
	for (uint32_t i = 0; i < vm->slots.count; i++) {
		const struct state_entry *e = &vm->slots.entries[i];

		if (gpa >= e->value[0] && gpa - e->value[0] < e->value[1])
			return false;
	}
	return true;
}

static void pre_fault(struct judge *j)
{
	uint64_t gpa, size, flags, gpa_left, size_left;
	bool known = Q_IN(j->q, struct kvm_pre_fault_memory, gpa, &gpa) &&
		     Q_IN(j->q, struct kvm_pre_fault_memory, size, &size) &&
		     Q_IN(j->q, struct kvm_pre_fault_memory, flags, &flags);

	if (q_cap(j->q, KVM_CAP_PRE_FAULT_MEMORY) == 0) {
		/* Or shadow paging is in use, which cannot do it. */
		j_may_fail_with(j, R_PRE_FAULT_REFUSED, EOPNOTSUPP);
		j_must_fail(j, R_UNKNOWN_VCPU_EINVAL);
		return;
	}
	if (q_cap(j->q, KVM_CAP_PRE_FAULT_MEMORY) < 0) {
		j_may_succeed(j, R_PRE_FAULT_SUCCEEDS, "no KVM_CAP_PRE_FAULT_MEMORY");
		return;
	}
	if (known &&
	    (flags || !size || gpa % q_page(j->q) || size % q_page(j->q) || gpa + size <= gpa)) {
		j_must_fail(j, R_PRE_FAULT_INVALID);
		return;
	}
	j_may_fail_with(j, R_PRE_FAULT_REFUSED, EFAULT);
	j_may_fail_with(j, R_PRE_FAULT_REFUSED, EOPNOTSUPP);
	j_may_fail_with(j, R_PRE_FAULT_REFUSED, EAGAIN);
	j_may_fail_with(j, R_PRE_FAULT_REFUSED, EHWPOISON);
	if (known && nowhere(j->vm, gpa)) {
		j_must_fail(j, R_PRE_FAULT_NOWHERE);
		return;
	}
	j_may_fail_with(j, R_PRE_FAULT_REFUSED, ENOENT);
	if (!j_succeeds(j, R_PRE_FAULT_SUCCEEDS) || !known ||
	    !J_OUT(j, struct kvm_pre_fault_memory, gpa, &gpa_left) ||
	    !J_OUT(j, struct kvm_pre_fault_memory, size, &size_left))
		return;
	j_check(j, R_PRE_FAULT_REST, size_left < size && gpa_left + size_left == gpa + size,
		"the rest of the range, less than all of it", "gpa = 0x%llx, size = 0x%llx",
		(unsigned long long)gpa_left, (unsigned long long)size_left);
}

const struct judge_handler model_vcpu_handlers[] = {
	{"KVM_GET_MP_STATE", KVMAPI_VCPU, .judge = mp_state_get},
	{"KVM_SET_MP_STATE", KVMAPI_VCPU, .judge = mp_state_set},
	{"KVM_GET_TSC_KHZ", KVMAPI_VCPU, .answer = answer_tsc_khz_get, .learn = learn_tsc_khz_get},
	{"KVM_SET_TSC_KHZ", KVMAPI_VCPU, .judge = tsc_khz_set},
	{"KVM_KVMCLOCK_CTRL", KVMAPI_VCPU, .judge = kvmclock_ctrl},
	{"KVM_SET_SIGNAL_MASK", KVMAPI_VCPU, .judge = signal_mask_set},
	{"KVM_ENABLE_CAP", KVMAPI_VCPU, .judge = enable_cap},
	{"KVM_HAS_DEVICE_ATTR", KVMAPI_VCPU, .judge = attr_has},
	{"KVM_GET_DEVICE_ATTR", KVMAPI_VCPU, .judge = attr_get},
	{"KVM_SET_DEVICE_ATTR", KVMAPI_VCPU, .judge = attr_set},
	{"KVM_TRANSLATE", KVMAPI_VCPU, .judge = translate},
	{"KVM_GET_NESTED_STATE", KVMAPI_VCPU, .judge = nested_get},
	{"KVM_SET_NESTED_STATE", KVMAPI_VCPU, .judge = nested_set},
	{"KVM_GET_ONE_REG", KVMAPI_VCPU, .judge = one_reg},
	{"KVM_SET_ONE_REG", KVMAPI_VCPU, .judge = one_reg},
	{"KVM_GET_REG_LIST", KVMAPI_VCPU, .judge = reg_list},
	{"KVM_GET_STATS_FD", KVMAPI_VCPU, .judge = stats_fd},
	{"KVM_PRE_FAULT_MEMORY", KVMAPI_VCPU, .judge = pre_fault},
	{NULL, 0, .judge = NULL},
};
