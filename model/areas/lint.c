/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Advice to those who write VMMs: calls that succeed and lose something, most of them for coming in
 * the wrong order.  Only what is known counts: no advice rests on state that the model does not
 * know.
 *
 * An advise function sees the call, its return and the state before it, and changes nothing; the
 * learn function of the call notes what userspace gave and asked for, and is called right after it.
 * Where a call gives several things one after the other, advice on the later ones counts on those
 * before: given_...() is what one of them changes, in a copy or in the state.
 */
#include "base/bytes.h"
#include "base/hash.h"
#include "model/areas/vcpu.h"

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

static void advise_deadline(struct judge *j, uint64_t data)
{
	bool known, deadline;

	if (!data)
		return;
	deadline = lapic_timer_deadline(j->q, &known);
	if (j->q->vcpu->has_lapic == STATE_NO)
		j_advise(j, R_LINT_TSC_DEADLINE_DROPPED, "0x%llx, and no local APIC in the kernel",
			 (unsigned long long)data);
	else if (!deadline && known)
		j_advise(j, R_LINT_TSC_DEADLINE_DROPPED, "0x%llx, and the timer is in another mode",
			 (unsigned long long)data);
	else if (lacks_deadline(j->q))
		j_advise(j, R_LINT_TSC_DEADLINE_DROPPED, "0x%llx, and %s", (unsigned long long)data,
			 why_no_deadline(j->q));
}

/* The APIC base as it is for certain, its mode at least. */
static bool apic_base_now(const struct question *q, const struct state_given *g, uint64_t *base)
{
	if (VCPU_KNOWN(q, STATE_SREGS, struct kvm_sregs, apic_base, base) ||
	    VCPU_KNOWN(q, STATE_SREGS2, struct kvm_sregs2, apic_base, base))
		return true;
	if (may_have_run(q))
		return false;
	*base = g->apic_base != STATE_NUMBER_UNKNOWN ? g->apic_base : APIC_BASE_RESET;
	return true;
}

/* The APIC base is written. */
static void advise_apic_base(struct judge *j, const struct state_given *g, uint64_t base)
{
	uint64_t before;

	if (g->lapic && apic_base_now(j->q, g, &before) && (before ^ base) & base & APIC_BASE_MODE)
		j_advise(j, R_LINT_APIC_MODE_AFTER_LAPIC, "APIC base 0x%llx, before 0x%llx",
			 (unsigned long long)base, (unsigned long long)before);
}

static void advise_set_msr(struct judge *j, const struct state_given *g, uint64_t index,
			   uint64_t data)
{
	switch (index) {
	case MSR_TSC:
		if (g->deadline)
			j_advise(j, R_LINT_TSC_AFTER_DEADLINE, "TSC 0x%llx",
				 (unsigned long long)data);
		break;
	case MSR_APIC_BASE:
		advise_apic_base(j, g, data);
		break;
	case MSR_TSC_DEADLINE:
		advise_deadline(j, data);
		break;
	}
}

static void given_msr(const struct question *q, struct state_given *g, uint64_t index,
		      uint64_t data)
{
	switch (index) {
	case MSR_APIC_BASE:
		g->apic_base = data;
		break;
	case MSR_TSC_DEADLINE:
		/* Dropped or not: what comes after it is still in the wrong order. */
		g->deadline = data != 0;
		break;
	case MSR_CLOCK_OLD:
	case MSR_CLOCK_NEW:
		g->clock_enabled = data & 1 && !may_have_run(q);
		break;
	default:
		g->mtrr |= is_mtrr(index);
	}
}

/* One of the MSRs that the call read or wrote; false if it was not captured. */
static bool msr_entry(const struct question *q, int64_t i, uint64_t *index, uint64_t *data)
{
	size_t at = sizeof(struct kvm_msrs) + i * sizeof(struct kvm_msr_entry);

	return q_field(q, q->in, at + offsetof(struct kvm_msr_entry, index), 4, index) &&
	       q_field(q, q->in, at + offsetof(struct kvm_msr_entry, data), 8, data);
}

/* How many MSRs were read or written, which is 0 if not all is known of the call. */
static int64_t msrs_done(const struct question *q, const struct tape_return *ret)
{
	uint64_t count;

	return ret->ret > 0 && Q_IN(q, struct kvm_msrs, nmsrs, &count) ? ret->ret : 0;
}

/* This many MSRs read at once are taken for a save of the vCPU's state. */
#define SAVE_MSRS 4

static void advise_msrs_short(struct judge *j, bool set)
{
	const struct state_vcpu *v = j->q->vcpu;
	const int64_t done = j->ret->ret;
	uint64_t count, index;

	if (done < 0 || !Q_IN(j->q, struct kvm_msrs, nmsrs, &count) || (uint64_t)done >= count ||
	    !q_field(j->q, j->q->in, sizeof(struct kvm_msrs) + done * sizeof(struct kvm_msr_entry),
		     4, &index))
		return;
	j_advise(j, R_LINT_MSRS_SHORT, "entry %lld of %llu, MSR 0x%llx", (long long)done,
		 (unsigned long long)count, (unsigned long long)index);
	if (set && v && v->fresh && v->cpuid_set == STATE_NO)
		j_advise(j, R_LINT_MSRS_BEFORE_CPUID, "MSR 0x%llx", (unsigned long long)index);
}

static void advise_get_msrs(struct judge *j)
{
	const int64_t done = msrs_done(j->q, j->ret);
	bool clock = false, mtrr_read;
	uint64_t index, data;

	advise_msrs_short(j, false);
	if (!j->q->vcpu)
		return;
	mtrr_read = j->q->vcpu->given.mtrr_read;
	for (int64_t i = 0; i < done; i++) {
		if (!msr_entry(j->q, i, &index, &data))
			return;
		clock |= index == MSR_CLOCK_OLD || index == MSR_CLOCK_NEW;
		mtrr_read |= is_mtrr(index);
	}
	if (clock && j->q->vcpu->given.clock_ctrl)
		j_advise(j, R_LINT_KVMCLOCK_CTRL_BEFORE_SAVE, "the guest's clock is read after it");
	if (done >= SAVE_MSRS && j->q->vcpu->given.mtrr && !mtrr_read)
		j_advise(j, R_LINT_MTRRS_NOT_READ, "%lld MSRs, none of them an MTRR",
			 (long long)done);
}

static void learn_get_msrs(struct learn *l)
{
	const int64_t done = msrs_done(l->q, l->ret);
	uint64_t index, data;

	for (int64_t i = 0; l->vcpu && i < done && msr_entry(l->q, i, &index, &data); i++)
		l->vcpu->given.mtrr_read |= is_mtrr(index);
}

static void advise_set_msrs(struct judge *j)
{
	const int64_t done = msrs_done(j->q, j->ret);
	struct state_given g;
	uint64_t index, data;

	advise_msrs_short(j, true);
	if (!j->q->vcpu)
		return;
	g = j->q->vcpu->given;
	for (int64_t i = 0; i < done && msr_entry(j->q, i, &index, &data); i++) {
		advise_set_msr(j, &g, index, data);
		given_msr(j->q, &g, index, data);
	}
}

static void learn_set_msrs(struct learn *l)
{
	const int64_t done = msrs_done(l->q, l->ret);
	uint64_t index, data;

	for (int64_t i = 0; l->vcpu && i < done && msr_entry(l->q, i, &index, &data); i++)
		given_msr(l->q, &l->vcpu->given, index, data);
}

/* One entry of KVM_SET_CPUID2 against the id of the vCPU, which is its APIC ID. */
static void advise_apic_id(struct judge *j, size_t at)
{
	uint64_t id = j->q->vcpu->number, function, index, eax, ebx, edx;

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

/* The entries of KVM_SET_CPUID are of another struct than those of KVM_SET_CPUID2. */
static bool old_cpuid(const struct question *q)
{
	return !strcmp(q->row->name, "KVM_SET_CPUID");
}

static size_t cpuid_entry_at(const struct question *q, uint64_t i)
{
	return sizeof(struct kvm_cpuid2) + i * (old_cpuid(q) ? sizeof(struct kvm_cpuid_entry)
							     : sizeof(struct kvm_cpuid_entry2));
}

/* The CPUID that the call gave; false if not all of it was captured. */
static bool cpuid_count(const struct question *q, uint64_t *count)
{
	return Q_IN(q, struct kvm_cpuid2, nent, count) &&
	       vcpu_captured(q->in, cpuid_entry_at(q, *count));
}

static uint64_t cpuid_hash(const struct question *q, uint64_t count)
{
	return hash64_add(HASH64_BEGIN, q->in->data, cpuid_entry_at(q, count));
}

static void advise_cpuid(struct judge *j)
{
	const struct state_given *g = &j->q->vcpu->given;
	uint64_t count;

	if (j->ret->ret || !cpuid_count(j->q, &count))
		return;
	/* The same once more changes nothing; without the one before, nothing can be said. */
	if (q_vcpu_has_run(j->q) == STATE_YES && g->cpuid_hash != STATE_NUMBER_UNKNOWN &&
	    g->cpuid_hash != cpuid_hash(j->q, count))
		j_advise(j, R_LINT_CPUID_AFTER_RUN, "it has run, and KVM took another CPUID");
	for (uint64_t i = 0; i < count && !old_cpuid(j->q); i++) {
		if (j->q->vcpu->number != UINT64_MAX)
			advise_apic_id(j, cpuid_entry_at(j->q, i));
	}
}

static void learn_cpuid(struct learn *l)
{
	struct state_given *g = &l->vcpu->given;
	const size_t ecx_at = old_cpuid(l->q) ? offsetof(struct kvm_cpuid_entry, ecx)
					      : offsetof(struct kvm_cpuid_entry2, ecx);
	uint64_t count, function, ecx;

	if (l->ret->ret)
		return;
	g->cpuid_hash = STATE_NUMBER_UNKNOWN;
	g->cpuid = cpuid_count(l->q, &count);
	if (!g->cpuid)
		return;
	g->cpuid_hash = cpuid_hash(l->q, count);
	g->cpuid_deadline = false;
	for (uint64_t i = 0; i < count; i++) {
		size_t at = cpuid_entry_at(l->q, i);

		if (q_field(l->q, l->q->in, at, 4, &function) && function == 1 &&
		    q_field(l->q, l->q->in, at + ecx_at, 4, &ecx))
			g->cpuid_deadline = ecx >> 24 & 1;
	}
}

/* The vector of a SIPI is used in this state only; it stays in the registers of a vCPU that has one
 * behind it. */
static bool awaits_sipi(const struct question *q)
{
	uint64_t state;

	return VCPU_KNOWN(q, STATE_MP_STATE, struct kvm_mp_state, mp_state, &state) &&
	       state == KVM_MP_STATE_SIPI_RECEIVED;
}

static void advise_events(struct judge *j)
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

static void advise_guest_debug(struct judge *j)
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

static void advise_regs(struct judge *j)
{
	if (!j->ret->ret && exit_reads(j->q))
		j_advise(j, R_LINT_EXIT_PENDING, "exit %s waits",
			 kvmapi_exit_name(j->q->vcpu->last_exit));
}

/* The registers stand at the same places in both structs. */
static bool given_cr8(const struct question *q, uint64_t *cr8)
{
	return Q_IN(q, struct kvm_sregs, cr8, cr8) && *cr8 < 16;
}

static void advise_sregs(struct judge *j)
{
	const struct state_given *g = &j->q->vcpu->given;
	uint64_t base, cr8;

	if (j->ret->ret)
		return;
	advise_regs(j);
	if (Q_IN(j->q, struct kvm_sregs, apic_base, &base))
		advise_apic_base(j, g, base);
	if (given_cr8(j->q, &cr8) && g->tpr != STATE_NUMBER_UNKNOWN && cr8 != g->tpr >> 4)
		j_advise(j, R_LINT_TPR_CONFLICT, "cr8 = %llu, task priority 0x%02x",
			 (unsigned long long)cr8, (unsigned int)g->tpr);
}

static void learn_sregs(struct learn *l)
{
	struct state_given *g = &l->vcpu->given;
	uint64_t base;

	if (l->ret->ret)
		return;
	if (Q_IN(l->q, struct kvm_sregs, apic_base, &base))
		g->apic_base = base;
	if (!given_cr8(l->q, &g->cr8))
		g->cr8 = STATE_NUMBER_UNKNOWN;
}

static void advise_lapic(struct judge *j)
{
	const struct state_given *g = &j->q->vcpu->given;
	uint64_t tpr, lvtt;

	if (j->ret->ret)
		return;
	/* A CR8 of 0 is what a reset writes, and mostly not worth keeping. */
	if (q_field(j->q, j->q->in, APIC_TPR, 1, &tpr) && g->cr8 != STATE_NUMBER_UNKNOWN &&
	    g->cr8 && g->cr8 != tpr >> 4)
		j_advise(j, R_LINT_TPR_CONFLICT, "task priority 0x%02x, cr8 = %u",
			 (unsigned int)tpr, (unsigned int)g->cr8);
	if (!q_field(j->q, j->q->in, APIC_LVTT, 4, &lvtt))
		return;
	if (in_deadline_mode(lvtt) && lacks_deadline(j->q))
		j_advise(j, R_LINT_DEADLINE_MODE_LOST, "LVT timer 0x%llx, and %s",
			 (unsigned long long)lvtt, why_no_deadline(j->q));
	if (!in_deadline_mode(lvtt) && g->deadline)
		j_advise(j, R_LINT_TSC_DEADLINE_DROPPED,
			 "a deadline waits, and LVT timer 0x%llx switches to another mode",
			 (unsigned long long)lvtt);
}

static void learn_lapic(struct learn *l)
{
	struct state_given *g = &l->vcpu->given;
	uint64_t lvtt;

	if (l->ret->ret)
		return;
	g->lapic = true;
	g->tpr = STATE_NUMBER_UNKNOWN;
	q_field(l->q, l->q->in, APIC_TPR, 1, &g->tpr);
	if (q_field(l->q, l->q->in, APIC_LVTT, 4, &lvtt) && !in_deadline_mode(lvtt))
		g->deadline = false;
}

static void advise_fpu(struct judge *j)
{
	const struct state_given *g = &j->q->vcpu->given;
	uint64_t mxcsr;

	if (j->ret->ret || !Q_IN(j->q, struct kvm_fpu, mxcsr, &mxcsr) || !mxcsr)
		return;
	/* It is what the vCPU has anyway: nothing is lost. */
	if (!may_have_run(j->q) && g->mxcsr == STATE_NUMBER_UNKNOWN && mxcsr == MXCSR_RESET)
		return;
	if (mxcsr == g->mxcsr)
		return;
	j_advise(j, R_LINT_FPU_MXCSR, "mxcsr = 0x%llx", (unsigned long long)mxcsr);
}

static void learn_xsave(struct learn *l)
{
	uint64_t mxcsr;

	if (l->ret->ret || !q_field(l->q, l->q->in, XSAVE_MXCSR, 4, &mxcsr))
		return;
	l->vcpu->given.mxcsr = mxcsr;
}

static const struct tape_part *run_part(const struct tape_part *parts, unsigned int count,
					enum tape_role role, size_t least)
{
	const struct tape_part *p = tape_part_find(parts, count, role);

	return p && p->have >= least ? p : NULL;
}

/* Registers in struct kvm_run, from kvm_valid_regs on. */
static const struct {
	uint16_t offset, size;
	const char *name;
} sync_sets[] = {
#define SET(member)                                                          \
	{                                                                    \
		16 + offsetof(struct kvm_sync_regs, member),                 \
			sizeof(((struct kvm_sync_regs *)0)->member), #member \
	}
	SET(regs),
	SET(sregs),
	SET(events),
#undef SET
};

#define SYNC_SETS (sizeof(sync_sets) / sizeof(sync_sets[0]))

/* What is kept of them, as the last KVM_RUN left them. */
#define SYNC_HASHES(g)                                               \
	{                                                            \
		&(g)->sync_regs, &(g)->sync_sregs, &(g)->sync_events \
	}

/* What userspace left there; NULL if it was not captured. */
static const struct tape_part *sync_in(const struct question *q)
{
	return run_part(q->call->parts, q->call->part_count, TAPE_RUN_REGS_IN, 16);
}

/* Userspace marked the special registers there, and this is the APIC base of them. */
static bool sync_apic_base(const struct question *q, uint64_t *base)
{
	const struct tape_part *in = sync_in(q);

	return in && q_number(q, in->data + 8, 8) & KVM_SYNC_X86_SREGS &&
	       q_field(q, in, 16 + offsetof(struct kvm_sync_regs, sregs.apic_base), 8, base);
}

/* Which sets userspace changed, and which it marked. */
static void advise_sync_regs(struct judge *j)
{
	const struct state_given *g = &j->q->vcpu->given;
	const uint64_t *const hashes[] = SYNC_HASHES(g);
	const struct tape_part *in = sync_in(j->q);
	uint64_t dirty = in ? q_number(j->q, in->data + 8, 8) : 0, base;

	for (unsigned int i = 0; i < SYNC_SETS; i++) {
		const uint8_t *at = in && in->have >= sync_sets[i].offset + sync_sets[i].size
					    ? in->data + sync_sets[i].offset
					    : NULL;

		/* Cleared is not changed: no registers are all zero. */
		if (at && *hashes[i] != STATE_NUMBER_UNKNOWN && !(dirty >> i & 1) &&
		    !bytes_zero(at, sync_sets[i].size) &&
		    hash64_add(HASH64_BEGIN, at, sync_sets[i].size) != *hashes[i])
			j_advise(j, R_LINT_SYNC_NOT_DIRTY, "s.regs.%s, kvm_dirty_regs = 0x%llx",
				 sync_sets[i].name, (unsigned long long)dirty);
	}
	if (sync_apic_base(j->q, &base))
		advise_apic_base(j, g, base);
	if (dirty & KVM_SYNC_X86_REGS && exit_reads(j->q))
		j_advise(j, R_LINT_EXIT_PENDING, "exit %s waits, kvm_dirty_regs = 0x%llx",
			 kvmapi_exit_name(j->q->vcpu->last_exit), (unsigned long long)dirty);
}

static void learn_sync_regs(struct learn *l)
{
	const struct tape_part *out =
		run_part(l->ret->parts, l->ret->part_count, TAPE_RUN_REGS_OUT, 16);
	struct state_given *g = &l->vcpu->given;
	uint64_t *const hashes[] = SYNC_HASHES(g);
	uint64_t valid = out ? q_number(l->q, out->data, 8) : 0, base;

	if (sync_apic_base(l->q, &base))
		g->apic_base = base;
	for (unsigned int i = 0; i < SYNC_SETS; i++) {
		*hashes[i] = STATE_NUMBER_UNKNOWN;
		if (!l->ret->ret && valid >> i & 1 &&
		    out->have >= sync_sets[i].offset + sync_sets[i].size)
			*hashes[i] = hash64_add(HASH64_BEGIN, out->data + sync_sets[i].offset,
						sync_sets[i].size);
	}
}

/* CR8 is this anyhow: it was read or written with the local APIC or the special registers. */
static bool is_cr8(const struct question *q, uint64_t value)
{
	const struct state_given *g = &q->vcpu->given;
	uint64_t now;

	return (g->tpr != STATE_NUMBER_UNKNOWN && g->tpr >> 4 == value) || g->cr8 == value ||
	       (vcpu_block_number(q, STATE_LAPIC, APIC_TPR, 1, &now) && now >> 4 == value) ||
	       (VCPU_KNOWN(q, STATE_SREGS, struct kvm_sregs, cr8, &now) && now == value) ||
	       (VCPU_KNOWN(q, STATE_SREGS2, struct kvm_sregs2, cr8, &now) && now == value);
}

/* So many calls that let no guest run, with nothing between them. */
#define SPINS 3

/* struct kvm_run as userspace left it; NULL if it was not captured. */
static const struct tape_part *run_in(const struct question *q)
{
	return run_part(q->call->parts, q->call->part_count, TAPE_RUN_IN,
			offsetof(struct kvm_run, apic_base));
}

static bool run_immediate(const struct question *q)
{
	const struct tape_part *in = run_in(q);

	return in && in->data[offsetof(struct kvm_run, immediate_exit)];
}

/* The call let no guest run and finished nothing, since it was to return at once. */
static bool run_did_nothing(const struct question *q, const struct tape_return *ret)
{
	return run_immediate(q) && ret->ret == -EINTR && q->vcpu->pending_exit != STATE_YES;
}

static void advise_run(struct judge *j)
{
	const struct state_given *g = &j->q->vcpu->given;
	const struct state_block *last = &j->q->vcpu->run;
	const struct tape_part *in = run_in(j->q);
	const uint32_t cr8 = offsetof(struct kvm_run, cr8);

	advise_sync_regs(j);
	if (in && j->q->vcpu->has_lapic == STATE_YES && state_block_known(last, cr8, 8) &&
	    memcmp(in->data + cr8, last->value + cr8, 8) &&
	    !is_cr8(j->q, q_number(j->q, in->data + cr8, 8)))
		j_advise(j, R_LINT_RUN_CR8, "cr8 = %llu",
			 (unsigned long long)q_number(j->q, in->data + cr8, 8));
	if (run_did_nothing(j->q, j->ret) && g->immediate_runs + 1 == SPINS)
		j_advise(j, R_LINT_IMMEDIATE_EXIT_STAYS, "%u in a row", SPINS);
	if (!run_immediate(j->q) && g->clock_enabled && !g->clock_ctrl_seen)
		j_advise(j, R_LINT_KVMCLOCK_CTRL_MISSING,
			 "the guest's clock was restored by an MSR");
}

static void learn_run(struct learn *l)
{
	struct state_given *g = &l->vcpu->given;

	learn_sync_regs(l);
	if (run_did_nothing(l->q, l->ret))
		g->immediate_runs++;
	else
		g->immediate_runs = 0;
	if (!run_immediate(l->q)) {
		g->clock_enabled = g->clock_ctrl = g->deadline = false;
		g->mxcsr = g->apic_base = g->tpr = g->cr8 = STATE_NUMBER_UNKNOWN;
	}
}

/* The guest's clock is set. */
static void advise_clock(struct judge *j)
{
	bool ran = false, inside = false;

	if (j->ret->ret)
		return;
	for (uint32_t i = 0; i < j->q->vm->vcpu_count; i++) {
		const struct state_vcpu *v = j->q->vm->vcpus[i];
		bool before =
			v->has_run == STATE_YES && v->first_run && v->first_run < j->q->entered;

		ran |= before;
		inside |= before && v->running;
	}
	if (inside)
		j_advise(j, R_LINT_CLOCK_AFTER_RUN, "a vCPU is in KVM_RUN");
	/* A pause reads the clock, and sets it again when it ends. */
	else if (ran && (!j->q->vm->clock_read || j->q->vm->clock_read < j->q->vm->last_run_end))
		j_advise(j, R_LINT_CLOCK_AFTER_RUN, "vCPUs have run since the clock was last read");
}

static void learn_get_clock(struct learn *l)
{
	if (!l->ret->ret)
		l->vm->clock_read = l->q->entered;
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

static void advise_irqfd(struct judge *j)
{
	uint64_t gsi, flags;

	if (!j->ret->ret && Q_IN(j->q, struct kvm_irqfd, gsi, &gsi) &&
	    Q_IN(j->q, struct kvm_irqfd, flags, &flags) && !(flags & KVM_IRQFD_FLAG_DEASSIGN) &&
	    !gsi_has_route(j->q, gsi))
		j_advise(j, R_LINT_IRQFD_WITHOUT_ROUTE, "GSI %llu", (unsigned long long)gsi);
}

static void advise_routing(struct judge *j)
{
	uint64_t count, gsi;

	if (j->ret->ret || !Q_IN(j->q, struct kvm_irq_routing, nr, &count) || j->q->vm->irqfds.open)
		return;
	for (uint32_t i = 0; i < j->q->vm->irqfds.count; i++) {
		const struct state_entry *e = &j->q->vm->irqfds.entries[i];
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

static void advise_enable_cap(struct judge *j)
{
	uint64_t cap;

	if (!j->ret->ret && Q_IN(j->q, struct kvm_enable_cap, cap, &cap) &&
	    cap == KVM_CAP_X86_DISABLE_EXITS && j->q->vm->has_vcpus == STATE_YES)
		j_advise(j, R_LINT_DISABLE_EXITS_LATE, "the VM has %u vCPUs", j->q->vm->vcpu_count);
}

static void learn_clock_ctrl(struct learn *l)
{
	l->vcpu->given.clock_ctrl = !l->ret->ret;
	l->vcpu->given.clock_ctrl_seen = true;
}

const struct handler model_lint_handlers[] = {
	{"KVM_GET_MSRS", KVMAPI_VCPU, .advise = advise_get_msrs, .learn = learn_get_msrs},
	{"KVM_SET_MSRS", KVMAPI_VCPU, .advise = advise_set_msrs, .learn = learn_set_msrs},
	{"KVM_SET_CPUID", KVMAPI_VCPU, .advise = advise_cpuid, .learn = learn_cpuid},
	{"KVM_SET_CPUID2", KVMAPI_VCPU, .advise = advise_cpuid, .learn = learn_cpuid},
	{"KVM_SET_VCPU_EVENTS", KVMAPI_VCPU, .advise = advise_events},
	{"KVM_SET_GUEST_DEBUG", KVMAPI_VCPU, .advise = advise_guest_debug},
	{"KVM_SET_REGS", KVMAPI_VCPU, .advise = advise_regs},
	{"KVM_SET_SREGS", KVMAPI_VCPU, .advise = advise_sregs, .learn = learn_sregs},
	{"KVM_SET_SREGS2", KVMAPI_VCPU, .advise = advise_sregs, .learn = learn_sregs},
	{"KVM_SET_LAPIC", KVMAPI_VCPU, .advise = advise_lapic, .learn = learn_lapic},
	{"KVM_SET_FPU", KVMAPI_VCPU, .advise = advise_fpu},
	{"KVM_SET_XSAVE", KVMAPI_VCPU, .learn = learn_xsave},
	{"KVM_RUN", KVMAPI_VCPU, .advise = advise_run, .learn = learn_run},
	{"KVM_KVMCLOCK_CTRL", KVMAPI_VCPU, .learn = learn_clock_ctrl},
	{"KVM_SET_CLOCK", KVMAPI_VM, .advise = advise_clock},
	{"KVM_GET_CLOCK", KVMAPI_VM, .learn = learn_get_clock},
	{"KVM_IRQFD", KVMAPI_VM, .advise = advise_irqfd},
	{"KVM_SET_GSI_ROUTING", KVMAPI_VM, .advise = advise_routing},
	{"KVM_ENABLE_CAP", KVMAPI_VM, .advise = advise_enable_cap},
	{NULL, 0, .answer = NULL},
};
