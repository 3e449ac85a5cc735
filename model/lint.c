/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Advice to those who write VMMs: calls that succeed and lose something, most of them for coming in
 * the wrong order.  Only what is known counts: no advice rests on state that the model does not
 * know.
 *
 * A function here sees the state before the call, and the call's return.
 */
#include "model/vcpu.h"

#define MSR_TSC		 0x10u
#define MSR_APIC_BASE	 0x1bu
#define MSR_TSC_DEADLINE 0x6e0u
#define MSR_CLOCK_OLD	 0x12u /* MSR_KVM_SYSTEM_TIME */
#define MSR_CLOCK_NEW	 0x4b564d01u
#define APIC_LVTT	 0x320u
#define APIC_TPR	 0x80u
#define APIC_BASE_MODE	 0xc00u /* enabled, x2APIC */
#define MXCSR_RESET	 0x1f80u
#define XSAVE_MXCSR	 24u

/* Of each vCPU, whatever the guest: what the SDM gives IA32_APIC_BASE at reset, without the flag of
 * the boot processor. */
#define APIC_BASE_RESET 0xfee00800u

/* MTRRs: variable ranges, fixed ranges, default type. */
static bool is_mtrr(uint64_t index)
{
	return (index >= 0x200 && index < 0x210) || index == 0x250 || index == 0x258 ||
	       index == 0x259 || (index >= 0x268 && index < 0x270) || index == 0x2ff;
}

/* Guest code of this vCPU has run before the call, as far as is known. */
static bool may_have_run(const struct question *q)
{
	return !q->vcpu->fresh || q_vcpu_has_run(q) != STATE_NO;
}

static bool in_deadline_mode(uint64_t lvtt)
{
	return (lvtt >> 17 & 3) == 2;
}

static bool lapic_timer_deadline(const struct question *q, bool *known)
{
	uint64_t lvtt;

	*known = vcpu_block_number(q, STATE_LAPIC, APIC_LVTT, 4, &lvtt);
	if (*known)
		return in_deadline_mode(lvtt);
	/* The timer of a new local APIC is in one-shot mode. */
	*known = q->vcpu->fresh && q->vcpu->has_run == STATE_NO &&
		 (!q->vcpu->blocks[STATE_LAPIC].size || q->vcpu->has_lapic == STATE_NO);
	return false;
}

/* The guest's CPUID has no TSC-deadline timer, for certain. */
static bool lacks_deadline(const struct question *q)
{
	return (q->vcpu->given.cpuid && !q->vcpu->given.cpuid_deadline) ||
	       (q->vcpu->fresh && q->vcpu->cpuid_set == STATE_NO);
}

static const char *why_no_deadline(const struct question *q)
{
	return q->vcpu->given.cpuid ? "CPUID leaf 1 has no TSC-deadline timer (ECX bit 24)"
				    : "CPUID was not set yet";
}

static void lint_deadline(struct judge *j, uint64_t data)
{
	bool known, deadline;

	if (!data) {
		j->vcpu->given.deadline = false;
		return;
	}
	deadline = lapic_timer_deadline(j->q, &known);
	if (j->vcpu->has_lapic == STATE_NO)
		j_advise(j, R_LINT_TSC_DEADLINE_DROPPED, "0x%llx, and no local APIC in the kernel",
			 (unsigned long long)data);
	else if (!deadline && known)
		j_advise(j, R_LINT_TSC_DEADLINE_DROPPED, "0x%llx, and the timer is in another mode",
			 (unsigned long long)data);
	else if (lacks_deadline(j->q))
		j_advise(j, R_LINT_TSC_DEADLINE_DROPPED, "0x%llx, and %s", (unsigned long long)data,
			 why_no_deadline(j->q));
	/* Dropped or not: what comes after it is still in the wrong order. */
	j->vcpu->given.deadline = true;
}

/* The APIC base as it is for certain, its mode at least. */
static bool apic_base_now(const struct question *q, uint64_t *base)
{
	const struct state_given *g = &q->vcpu->given;

	if (VCPU_KNOWN(q, STATE_SREGS, struct kvm_sregs, apic_base, base) ||
	    VCPU_KNOWN(q, STATE_SREGS2, struct kvm_sregs2, apic_base, base))
		return true;
	if (may_have_run(q))
		return false;
	*base = g->apic_base_known ? g->apic_base : APIC_BASE_RESET;
	return true;
}

/* The APIC base is written. */
static void lint_apic_base(struct judge *j, uint64_t base)
{
	uint64_t before;

	if (j->vcpu->given.lapic && apic_base_now(j->q, &before) &&
	    (before ^ base) & base & APIC_BASE_MODE)
		j_advise(j, R_LINT_APIC_MODE_AFTER_LAPIC, "APIC base 0x%llx, before 0x%llx",
			 (unsigned long long)base, (unsigned long long)before);
	j->vcpu->given.apic_base = base;
	j->vcpu->given.apic_base_known = true;
}

static void lint_set_msr(struct judge *j, uint64_t index, uint64_t data)
{
	struct state_given *g = &j->vcpu->given;

	switch (index) {
	case MSR_TSC:
		if (g->deadline)
			j_advise(j, R_LINT_TSC_AFTER_DEADLINE, "TSC 0x%llx",
				 (unsigned long long)data);
		break;
	case MSR_APIC_BASE:
		lint_apic_base(j, data);
		break;
	case MSR_TSC_DEADLINE:
		lint_deadline(j, data);
		break;
	case MSR_CLOCK_OLD:
	case MSR_CLOCK_NEW:
		g->clock_enabled = data & 1 && !may_have_run(j->q);
		break;
	default:
		g->mtrr |= is_mtrr(index);
	}
}

static void lint_get_msr(struct learn *l, uint64_t index, bool *clock)
{
	if (index == MSR_CLOCK_OLD || index == MSR_CLOCK_NEW)
		*clock = true;
	l->vcpu->given.mtrr_read |= is_mtrr(index);
}

/* This many MSRs read at once are taken for a save of the vCPU's state. */
#define SAVE_MSRS 4

static void lint_msrs(struct judge *j, bool set)
{
	uint64_t count, index, data;
	bool clock = false;

	if (j->ret->ret < 0 || !Q_IN(j->q, struct kvm_msrs, nmsrs, &count))
		return;
	if ((uint64_t)j->ret->ret < count &&
	    q_field(j->q, j->q->in,
		    sizeof(struct kvm_msrs) + j->ret->ret * sizeof(struct kvm_msr_entry), 4,
		    &index)) {
		j_advise(j, R_LINT_MSRS_SHORT, "entry %lld of %llu, MSR 0x%llx",
			 (long long)j->ret->ret, (unsigned long long)count,
			 (unsigned long long)index);
		if (set && j->vcpu && j->vcpu->fresh && j->vcpu->cpuid_set == STATE_NO)
			j_advise(j, R_LINT_MSRS_BEFORE_CPUID, "MSR 0x%llx",
				 (unsigned long long)index);
	}
	if (!j->vcpu)
		return;
	for (int64_t i = 0; i < j->ret->ret; i++) {
		size_t at = sizeof(struct kvm_msrs) + i * sizeof(struct kvm_msr_entry);

		if (!q_field(j->q, j->q->in, at, 4, &index) ||
		    !q_field(j->q, j->q->in, at + 8, 8, &data))
			return;
		if (set)
			lint_set_msr(j, index, data);
		else
			lint_get_msr(j->l, index, &clock);
	}
	if (clock && j->vcpu->given.clock_ctrl)
		j_advise(j, R_LINT_KVMCLOCK_CTRL_BEFORE_SAVE, "the guest's clock is read after it");
	if (!set && j->ret->ret >= SAVE_MSRS && j->vcpu->given.mtrr && !j->vcpu->given.mtrr_read)
		j_advise(j, R_LINT_MTRRS_NOT_READ, "%lld MSRs, none of them an MTRR",
			 (long long)j->ret->ret);
}

static void lint_get_msrs(struct judge *j)
{
	lint_msrs(j, false);
}

static void lint_set_msrs(struct judge *j)
{
	lint_msrs(j, true);
}

/* FNV-1a. */
static uint64_t hash(const uint8_t *bytes, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < len; i++)
		h = (h ^ bytes[i]) * 0x100000001b3ull;
	return h;
}

/* One entry of KVM_SET_CPUID2 against the id of the vCPU, which is its APIC ID. */
static void lint_apic_id(struct judge *j, size_t at)
{
	uint64_t id = j->vcpu->number, function, index, eax, ebx, edx;

	if (!q_field(j->q, j->q->in, at + offsetof(struct kvm_cpuid_entry2, function), 4,
		     &function) ||
	    !q_field(j->q, j->q->in, at + offsetof(struct kvm_cpuid_entry2, index), 4, &index) ||
	    !q_field(j->q, j->q->in, at + offsetof(struct kvm_cpuid_entry2, eax), 4, &eax) ||
	    !q_field(j->q, j->q->in, at + offsetof(struct kvm_cpuid_entry2, ebx), 4, &ebx) ||
	    !q_field(j->q, j->q->in, at + offsetof(struct kvm_cpuid_entry2, edx), 4, &edx))
		return;
	switch (function) {
	case 0x1:
		if (ebx >> 24 != (id & 0xff))
			j_advise(j, R_LINT_CPUID_APIC_ID,
				 "leaf 0x1, EBX bits 31-24: %llu; vCPU id %llu",
				 (unsigned long long)ebx >> 24, (unsigned long long)id);
		break;
	case 0xb:
	case 0x1f:
		/* All zero: the leaf is not in use. */
		if (edx != id && (eax || ebx || edx))
			j_advise(j, R_LINT_CPUID_APIC_ID,
				 "leaf 0x%llx, subleaf %llu, EDX: %llu; vCPU id %llu",
				 (unsigned long long)function, (unsigned long long)index,
				 (unsigned long long)edx, (unsigned long long)id);
		break;
	case 0x8000001e:
		if (eax != id && (eax || ebx))
			j_advise(j, R_LINT_CPUID_APIC_ID,
				 "leaf 0x8000001e, EAX: %llu; vCPU id %llu",
				 (unsigned long long)eax, (unsigned long long)id);
		break;
	}
}

static void lint_cpuid(struct judge *j, bool old)
{
	struct state_given *g = &j->vcpu->given;
	size_t entry = old ? sizeof(struct kvm_cpuid_entry) : sizeof(struct kvm_cpuid_entry2);
	bool known = g->cpuid;
	uint64_t before = g->cpuid_hash, count, function, ecx;

	if (j->ret->ret)
		return;
	g->cpuid = Q_IN(j->q, struct kvm_cpuid2, nent, &count) &&
		   vcpu_captured(j->q->in, sizeof(struct kvm_cpuid2) + count * entry);
	if (g->cpuid) {
		g->cpuid_hash = hash(j->q->in->data, sizeof(struct kvm_cpuid2) + count * entry);
		g->cpuid_deadline = false;
	}
	/* The same once more changes nothing; without the one before, nothing can be said. */
	if (q_vcpu_has_run(j->q) == STATE_YES && known && g->cpuid && before != g->cpuid_hash)
		j_advise(j, R_LINT_CPUID_AFTER_RUN, "it has run, and KVM took another CPUID");
	for (uint64_t i = 0; g->cpuid && i < count; i++) {
		size_t at = sizeof(struct kvm_cpuid2) + i * entry;

		if (q_field(j->q, j->q->in, at, 4, &function) && function == 1 &&
		    q_field(j->q, j->q->in,
			    at + (old ? offsetof(struct kvm_cpuid_entry, ecx)
				      : offsetof(struct kvm_cpuid_entry2, ecx)),
			    4, &ecx))
			g->cpuid_deadline = ecx >> 24 & 1;
		if (!old && j->vcpu->number != UINT64_MAX)
			lint_apic_id(j, at);
	}
}

static void lint_cpuid1(struct judge *j)
{
	lint_cpuid(j, true);
}

static void lint_cpuid2(struct judge *j)
{
	lint_cpuid(j, false);
}

/* The vector of a SIPI is used in this state only; it stays in the registers of a vCPU that has one
 * behind it. */
static bool awaits_sipi(const struct question *q)
{
	uint64_t state;

	return VCPU_KNOWN(q, STATE_MP_STATE, struct kvm_mp_state, mp_state, &state) &&
	       state == KVM_MP_STATE_SIPI_RECEIVED;
}

static void lint_events(struct judge *j)
{
	static const struct {
		uint32_t flag;
		uint16_t offset;
		uint8_t width;
		const char *field;
	} fields[] = {
#define FIELD(flag, member)                              \
	{flag, offsetof(struct kvm_vcpu_events, member), \
	 sizeof(((struct kvm_vcpu_events *)0)->member), #member}
		FIELD(KVM_VCPUEVENT_VALID_NMI_PENDING, nmi.pending),
		FIELD(KVM_VCPUEVENT_VALID_SIPI_VECTOR, sipi_vector),
		FIELD(KVM_VCPUEVENT_VALID_SHADOW, interrupt.shadow),
		FIELD(KVM_VCPUEVENT_VALID_SMM, smi.smm),
		FIELD(KVM_VCPUEVENT_VALID_SMM, smi.pending),
		FIELD(KVM_VCPUEVENT_VALID_SMM, smi.smm_inside_nmi),
		FIELD(KVM_VCPUEVENT_VALID_SMM, smi.latched_init),
		FIELD(KVM_VCPUEVENT_VALID_PAYLOAD, exception_has_payload),
		FIELD(KVM_VCPUEVENT_VALID_TRIPLE_FAULT, triple_fault.pending),
#undef FIELD
	};
	uint64_t flags, value, now;

	if (j->ret->ret || !Q_IN(j->q, struct kvm_vcpu_events, flags, &flags))
		return;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (flags & fields[i].flag ||
		    !q_field(j->q, j->q->in, fields[i].offset, fields[i].width, &value) || !value)
			continue;
		/* What was read is handed back, or would not have been of use. */
		if (vcpu_block_number(j->q, STATE_EVENTS, fields[i].offset, fields[i].width, &now)
			    ? now == value
			    : may_have_run(j->q))
			continue;
		if (fields[i].flag == KVM_VCPUEVENT_VALID_SIPI_VECTOR && !awaits_sipi(j->q))
			continue;
		j_advise(j, R_LINT_EVENTS_NOT_VALID, "%s = 0x%llx", fields[i].field,
			 (unsigned long long)value);
	}
}

static void lint_guest_debug(struct judge *j)
{
	uint64_t control;

	/* Single words of control that ask for an exception now are done in any case. */
	if (!j->ret->ret && Q_IN(j->q, struct kvm_guest_debug, control, &control) &&
	    !(control & KVM_GUESTDBG_ENABLE) &&
	    control & ~(uint64_t)(KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP))
		j_advise(j, R_LINT_GUEST_DEBUG_OFF, "control = 0x%llx",
			 (unsigned long long)control);
}

/* The last exit waits for what KVM_RUN is to write into a register. */
static bool exit_reads(const struct question *q)
{
	const struct state_block *run = &q->vcpu->run;
	uint32_t io = offsetof(struct kvm_run, io.direction);
	uint32_t mmio = offsetof(struct kvm_run, mmio.is_write);

	if (q->vcpu->pending_exit != STATE_YES || q_vcpu_ran(q))
		return false;
	switch (q->vcpu->last_exit) {
	case KVM_EXIT_IO:
		return state_block_known(run, io, 1) && run->value[io] == KVM_EXIT_IO_IN;
	case KVM_EXIT_MMIO:
		return state_block_known(run, mmio, 1) && !run->value[mmio];
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_HYPERCALL:
		return true;
	default:
		return false;
	}
}

static void lint_regs(struct judge *j)
{
	if (!j->ret->ret && exit_reads(j->q))
		j_advise(j, R_LINT_EXIT_PENDING, "exit %s waits",
			 kvmapi_exit_name(j->vcpu->last_exit));
}

static void lint_sregs(struct judge *j)
{
	struct state_given *g = &j->vcpu->given;
	uint64_t base, cr8;

	if (j->ret->ret)
		return;
	lint_regs(j);
	/* The registers stand at the same places in both structs. */
	if (Q_IN(j->q, struct kvm_sregs, apic_base, &base))
		lint_apic_base(j, base);
	g->cr8_known = Q_IN(j->q, struct kvm_sregs, cr8, &cr8) && cr8 < 16;
	if (!g->cr8_known)
		return;
	g->cr8 = (uint8_t)cr8;
	if (g->tpr_known && cr8 != g->tpr >> 4)
		j_advise(j, R_LINT_TPR_CONFLICT, "cr8 = %llu, task priority 0x%02x",
			 (unsigned long long)cr8, g->tpr);
}

static void lint_lapic(struct judge *j)
{
	struct state_given *g = &j->vcpu->given;
	uint64_t tpr, lvtt;

	if (j->ret->ret)
		return;
	g->lapic = true;
	g->tpr_known = q_field(j->q, j->q->in, APIC_TPR, 1, &tpr);
	if (g->tpr_known)
		g->tpr = (uint8_t)tpr;
	/* A CR8 of 0 is what a reset writes, and mostly not worth keeping. */
	if (g->tpr_known && g->cr8_known && g->cr8 && g->cr8 != g->tpr >> 4)
		j_advise(j, R_LINT_TPR_CONFLICT, "task priority 0x%02x, cr8 = %u", g->tpr, g->cr8);
	if (!q_field(j->q, j->q->in, APIC_LVTT, 4, &lvtt))
		return;
	if (in_deadline_mode(lvtt) && lacks_deadline(j->q))
		j_advise(j, R_LINT_DEADLINE_MODE_LOST, "LVT timer 0x%llx, and %s",
			 (unsigned long long)lvtt, why_no_deadline(j->q));
	if (!in_deadline_mode(lvtt) && g->deadline)
		j_advise(j, R_LINT_TSC_DEADLINE_DROPPED,
			 "a deadline waits, and LVT timer 0x%llx switches to another mode",
			 (unsigned long long)lvtt);
	if (!in_deadline_mode(lvtt))
		g->deadline = false;
}

static void lint_fpu(struct judge *j)
{
	const struct state_given *g = &j->vcpu->given;
	uint64_t mxcsr;

	if (j->ret->ret || !Q_IN(j->q, struct kvm_fpu, mxcsr, &mxcsr) || !mxcsr)
		return;
	/* It is what the vCPU has anyway: nothing is lost. */
	if (!may_have_run(j->q) && mxcsr == (g->mxcsr_known ? g->mxcsr : MXCSR_RESET))
		return;
	if (g->mxcsr_known && mxcsr == g->mxcsr)
		return;
	j_advise(j, R_LINT_FPU_MXCSR, "mxcsr = 0x%llx", (unsigned long long)mxcsr);
}

static void lint_xsave(struct judge *j)
{
	uint64_t mxcsr;

	if (j->ret->ret || !q_field(j->q, j->q->in, XSAVE_MXCSR, 4, &mxcsr))
		return;
	j->vcpu->given.mxcsr_known = true;
	j->vcpu->given.mxcsr = mxcsr;
}

static const struct tape_part *run_part(const struct tape_part *parts, unsigned int count,
					enum tape_role role, size_t least)
{
	const struct tape_part *p = tape_part_find(parts, count, role);

	return p && p->have >= least ? p : NULL;
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

/* Registers in struct kvm_run: which sets userspace changed, and which it marked. */
static void lint_sync_regs(struct judge *j, const struct tape_part *in, const struct tape_part *out)
{
	static const struct {
		uint16_t offset, size;
		const char *name;
	} sets[STATE_SYNC_SETS] = {
#define SET(member)                                                                                \
	{16 + offsetof(struct kvm_sync_regs, member), sizeof(((struct kvm_sync_regs *)0)->member), \
	 #member}
		SET(regs),
		SET(sregs),
		SET(events),
#undef SET
	};
	struct state_given *g = &j->vcpu->given;
	uint64_t dirty = in ? q_number(j->q, in->data + 8, 8) : 0;
	uint64_t valid = out ? q_number(j->q, out->data, 8) : 0, base;

	for (unsigned int i = 0; i < STATE_SYNC_SETS; i++) {
		const uint8_t *at = in && in->have >= sets[i].offset + sets[i].size
					    ? in->data + sets[i].offset
					    : NULL;

		/* Cleared is not changed: no registers are all zero. */
		if (at && g->sync_valid & 1u << i && !(dirty >> i & 1) &&
		    !all_zero(at, sets[i].size) && hash(at, sets[i].size) != g->sync_hash[i])
			j_advise(j, R_LINT_SYNC_NOT_DIRTY, "s.regs.%s, kvm_dirty_regs = 0x%llx",
				 sets[i].name, (unsigned long long)dirty);
	}
	if (dirty & KVM_SYNC_X86_SREGS &&
	    q_field(j->q, in, 16 + offsetof(struct kvm_sync_regs, sregs.apic_base), 8, &base))
		lint_apic_base(j, base);
	if (dirty & KVM_SYNC_X86_REGS && exit_reads(j->q))
		j_advise(j, R_LINT_EXIT_PENDING, "exit %s waits, kvm_dirty_regs = 0x%llx",
			 kvmapi_exit_name(j->vcpu->last_exit), (unsigned long long)dirty);
	g->sync_valid = 0;
	for (unsigned int i = 0; !j->ret->ret && i < STATE_SYNC_SETS; i++) {
		if (!(valid >> i & 1) || out->have < sets[i].offset + sets[i].size)
			continue;
		g->sync_valid |= 1u << i;
		g->sync_hash[i] = hash(out->data + sets[i].offset, sets[i].size);
	}
}

/* CR8 is this anyhow: it was read or written with the local APIC or the special registers. */
static bool is_cr8(const struct question *q, uint64_t value)
{
	const struct state_given *g = &q->vcpu->given;
	uint64_t now;

	return (g->tpr_known && g->tpr >> 4 == value) || (g->cr8_known && g->cr8 == value) ||
	       (vcpu_block_number(q, STATE_LAPIC, APIC_TPR, 1, &now) && now >> 4 == value) ||
	       (VCPU_KNOWN(q, STATE_SREGS, struct kvm_sregs, cr8, &now) && now == value) ||
	       (VCPU_KNOWN(q, STATE_SREGS2, struct kvm_sregs2, cr8, &now) && now == value);
}

/* So many calls that let no guest run, with nothing between them. */
#define SPINS 3

static void lint_run(struct judge *j)
{
	const struct tape_call *call = j->q->call;
	const struct tape_return *ret = j->ret;
	const struct tape_part *in = run_part(call->parts, call->part_count, TAPE_RUN_IN,
					      offsetof(struct kvm_run, apic_base));
	struct state_given *g = &j->vcpu->given;
	bool immediate = in && in->data[offsetof(struct kvm_run, immediate_exit)];
	const struct state_block *last = &j->vcpu->run;
	uint32_t cr8 = offsetof(struct kvm_run, cr8);
	bool waited = j->vcpu->pending_exit == STATE_YES;

	lint_sync_regs(j, run_part(call->parts, call->part_count, TAPE_RUN_REGS_IN, 16),
		       run_part(ret->parts, ret->part_count, TAPE_RUN_REGS_OUT, 16));
	if (in && j->vcpu->has_lapic == STATE_YES && state_block_known(last, cr8, 8) &&
	    memcmp(in->data + cr8, last->value + cr8, 8) &&
	    !is_cr8(j->q, q_number(j->q, in->data + cr8, 8)))
		j_advise(j, R_LINT_RUN_CR8, "cr8 = %llu",
			 (unsigned long long)q_number(j->q, in->data + cr8, 8));
	if (immediate && ret->ret == -EINTR && !waited) {
		if (++g->immediate_runs == SPINS)
			j_advise(j, R_LINT_IMMEDIATE_EXIT_STAYS, "%u in a row", SPINS);
	} else {
		g->immediate_runs = 0;
	}
	if (!immediate) {
		if (g->clock_enabled && !g->clock_ctrl_seen)
			j_advise(j, R_LINT_KVMCLOCK_CTRL_MISSING,
				 "the guest's clock was restored by an MSR");
		g->clock_enabled = g->clock_ctrl = g->deadline = g->mxcsr_known = false;
		g->apic_base_known = g->tpr_known = g->cr8_known = false;
	}
}

/* The guest's clock is set. */
static void lint_clock(struct judge *j)
{
	bool ran = false, inside = false;

	if (j->ret->ret)
		return;
	for (uint32_t i = 0; i < j->vm->vcpu_count; i++) {
		const struct state_vcpu *v = j->vm->vcpus[i];
		bool before =
			v->has_run == STATE_YES && v->first_run && v->first_run < j->q->entered;

		ran |= before;
		inside |= before && v->running;
	}
	if (inside)
		j_advise(j, R_LINT_CLOCK_AFTER_RUN, "a vCPU is in KVM_RUN");
	/* A pause reads the clock, and sets it again when it ends. */
	else if (ran && (!j->vm->clock_read || j->vm->clock_read < j->vm->last_run_end))
		j_advise(j, R_LINT_CLOCK_AFTER_RUN, "vCPUs have run since the clock was last read");
}

static void lint_get_clock(struct judge *j)
{
	if (!j->ret->ret)
		j->vm->clock_read = j->q->entered;
}

/* A line of the VM leads somewhere, as far as is known. */
static bool gsi_has_route(const struct question *q, uint64_t gsi)
{
	const struct state_set *routes = &q->vm->routes;

	if (q->vm->routes_known != STATE_YES || routes->open)
		return true;
	for (uint32_t i = 0; i < routes->count; i++) {
		if (routes->entries[i].key == gsi)
			return true;
	}
	return false;
}

static void lint_irqfd(struct judge *j)
{
	uint64_t gsi, flags;

	if (!j->ret->ret && Q_IN(j->q, struct kvm_irqfd, gsi, &gsi) &&
	    Q_IN(j->q, struct kvm_irqfd, flags, &flags) && !(flags & KVM_IRQFD_FLAG_DEASSIGN) &&
	    !gsi_has_route(j->q, gsi))
		j_advise(j, R_LINT_IRQFD_WITHOUT_ROUTE, "GSI %llu", (unsigned long long)gsi);
}

static void lint_routing(struct judge *j)
{
	uint64_t count, gsi;

	if (j->ret->ret || !Q_IN(j->q, struct kvm_irq_routing, nr, &count) || j->vm->irqfds.open)
		return;
	for (uint32_t i = 0; i < j->vm->irqfds.count; i++) {
		const struct state_entry *e = &j->vm->irqfds.entries[i];
		bool found = false;

		for (uint64_t k = 0; k < count && !found; k++) {
			size_t at = sizeof(struct kvm_irq_routing) +
				    k * sizeof(struct kvm_irq_routing_entry);

			/* Not captured: it may be there. */
			found = !q_field(j->q, j->q->in, at, 4, &gsi) || gsi == e->key2;
		}
		if (!found)
			j_advise(j, R_LINT_IRQFD_WITHOUT_ROUTE, "GSI %llu",
				 (unsigned long long)e->key2);
	}
}

static void lint_enable_cap(struct judge *j)
{
	uint64_t cap;

	if (!j->ret->ret && Q_IN(j->q, struct kvm_enable_cap, cap, &cap) &&
	    cap == KVM_CAP_X86_DISABLE_EXITS && j->vm->has_vcpus == STATE_YES)
		j_advise(j, R_LINT_DISABLE_EXITS_LATE, "the VM has %u vCPUs", j->vm->vcpu_count);
}

static void lint_clock_ctrl(struct judge *j)
{
	j->vcpu->given.clock_ctrl = !j->ret->ret;
	j->vcpu->given.clock_ctrl_seen = true;
}

const struct judge_handler model_lint_handlers[] = {
	{"KVM_GET_MSRS", KVMAPI_VCPU, .judge = lint_get_msrs},
	{"KVM_SET_MSRS", KVMAPI_VCPU, .judge = lint_set_msrs},
	{"KVM_SET_CPUID", KVMAPI_VCPU, .judge = lint_cpuid1},
	{"KVM_SET_CPUID2", KVMAPI_VCPU, .judge = lint_cpuid2},
	{"KVM_SET_VCPU_EVENTS", KVMAPI_VCPU, .judge = lint_events},
	{"KVM_SET_GUEST_DEBUG", KVMAPI_VCPU, .judge = lint_guest_debug},
	{"KVM_SET_REGS", KVMAPI_VCPU, .judge = lint_regs},
	{"KVM_SET_SREGS", KVMAPI_VCPU, .judge = lint_sregs},
	{"KVM_SET_SREGS2", KVMAPI_VCPU, .judge = lint_sregs},
	{"KVM_SET_LAPIC", KVMAPI_VCPU, .judge = lint_lapic},
	{"KVM_SET_FPU", KVMAPI_VCPU, .judge = lint_fpu},
	{"KVM_SET_XSAVE", KVMAPI_VCPU, .judge = lint_xsave},
	{"KVM_RUN", KVMAPI_VCPU, .judge = lint_run},
	{"KVM_KVMCLOCK_CTRL", KVMAPI_VCPU, .judge = lint_clock_ctrl},
	{"KVM_SET_CLOCK", KVMAPI_VM, .judge = lint_clock},
	{"KVM_GET_CLOCK", KVMAPI_VM, .judge = lint_get_clock},
	{"KVM_IRQFD", KVMAPI_VM, .judge = lint_irqfd},
	{"KVM_SET_GSI_ROUTING", KVMAPI_VM, .judge = lint_routing},
	{"KVM_ENABLE_CAP", KVMAPI_VM, .judge = lint_enable_cap},
	{NULL, 0, .judge = NULL},
};
