/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KVM_RUN: api.rst 4.10, chapter 5.  What the guest does is not for the model to say; which exits
 * there may be, what they must look like, and who writes which field of struct kvm_run is.
 *
 * The answer has the refusals that the call and the state tell of, and that success is 0.  Exits and
 * struct kvm_run are left to check functions: exit_reason and the error decide which of the rules
 * there are to be asked, and most of these are relations between fields that the kernel wrote.
 */
#include <endian.h>

#include "kvmapi/run_page.h"
#include "model/areas/vcpu.h"
#include "model/areas/vm.h"

#define RUN_KEPT VCPU_RUN_KEPT
#define PIO_PAGE 4096u

/* As q_number() does, for the one byte order of x86. */
static inline uint32_t u16_at(const uint8_t *p)
{
	uint16_t n;

	memcpy(&n, p, sizeof(n));
	return le16toh(n);
}

static inline uint32_t u32_at(const uint8_t *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return le32toh(n);
}

static inline uint64_t u64_at(const uint8_t *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
	return le64toh(n);
}

#define U16(p, at)	  u16_at((p) + (at))
#define U32(p, at)	  u32_at((p) + (at))
#define U64(p, at)	  u64_at((p) + (at))
/* A field of a member of the exit union. */
#define AT(member, field) (offsetof(struct kvm_run, member.field))

/* Exits that x86 has. */
enum { NEVER, YES, BY_ERROR };
static const uint8_t exits_of_x86[] = {
	[KVM_EXIT_UNKNOWN] = YES,
	[KVM_EXIT_EXCEPTION] = YES,
	[KVM_EXIT_IO] = YES,
	[KVM_EXIT_HYPERCALL] = YES,
	[KVM_EXIT_DEBUG] = YES,
	[KVM_EXIT_HLT] = YES,
	[KVM_EXIT_MMIO] = YES,
	[KVM_EXIT_IRQ_WINDOW_OPEN] = YES,
	[KVM_EXIT_SHUTDOWN] = YES,
	[KVM_EXIT_FAIL_ENTRY] = YES,
	[KVM_EXIT_INTR] = BY_ERROR,
	[KVM_EXIT_SET_TPR] = YES,
	[KVM_EXIT_TPR_ACCESS] = YES,
	[KVM_EXIT_INTERNAL_ERROR] = YES,
	[KVM_EXIT_SYSTEM_EVENT] = YES,
	[KVM_EXIT_IOAPIC_EOI] = YES,
	[KVM_EXIT_HYPERV] = YES,
	[KVM_EXIT_X86_RDMSR] = YES,
	[KVM_EXIT_X86_WRMSR] = YES,
	[KVM_EXIT_DIRTY_RING_FULL] = YES,
	[KVM_EXIT_AP_RESET_HOLD] = YES,
	[KVM_EXIT_X86_BUS_LOCK] = YES,
	[KVM_EXIT_XEN] = YES,
	[KVM_EXIT_NOTIFY] = YES,
	[KVM_EXIT_MEMORY_FAULT] = BY_ERROR,
	[KVM_EXIT_TDX] = YES,
	[KVM_EXIT_SNP_REQ_CERTS] = YES,
};
#define EXITS (sizeof(exits_of_x86) / sizeof(exits_of_x86[0]))

/* It goes with success. */
static bool exit_fits(uint32_t reason)
{
	return reason < EXITS && exits_of_x86[reason] == YES;
}

/* The operation of these is finished by the next KVM_RUN. */
static bool completes_later(uint32_t reason)
{
	switch (reason) {
	case KVM_EXIT_IO:
	case KVM_EXIT_MMIO:
	case KVM_EXIT_HYPERCALL:
	case KVM_EXIT_HYPERV:
	case KVM_EXIT_XEN:
	case KVM_EXIT_TDX:
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
	case KVM_EXIT_SNP_REQ_CERTS:
		return true;
	default:
		return false;
	}
}

/* What was captured of one KVM_RUN, in the order of the roles; NULL = not. */
struct run_parts {
	union {
		struct {
			const struct tape_part *in, *out, *regs_in, *regs_out;
		};
		const struct tape_part *by_role[4];
	};
};

static inline void parts_sort(const struct tape_part *parts, unsigned int count,
			      struct run_parts *r)
{
	for (unsigned int i = 0; i < count; i++) {
		const unsigned int role = (unsigned int)parts[i].role - TAPE_RUN_IN;

		if (role < 4)
			r->by_role[role] = &parts[i];
	}
}

/* Of the call only. */
static inline struct run_parts parts_given(const struct question *q)
{
	struct run_parts r = {0};

	parts_sort(q->call->parts, q->call->part_count, &r);
	if (q->late)
		parts_sort(q->late->parts, q->late->part_count, &r);
	r.out = r.regs_out = NULL;
	return r;
}

static inline struct run_parts parts_of(const struct question *q, const struct tape_return *ret)
{
	struct run_parts r = {0};

	parts_sort(q->call->parts, q->call->part_count, &r);
	parts_sort(ret->parts, ret->part_count, &r);
	return r;
}

/* struct kvm_run was captured up to the data of the exit. */
static bool has_header(const struct tape_part *page)
{
	return page && page->have >= KVMAPI_RUN_UNION;
}

/* --- what the call asks for --- */

/* Userspace asks for an exit without letting the guest run. */
static bool immediate(const struct question *q, const struct tape_part *in)
{
	return in && in->have > RUN_IMMEDIATE && in->data[RUN_IMMEDIATE] &&
	       q_cap(q, KVM_CAP_IMMEDIATE_EXIT);
}

/* That, and it does no more than to finish the exit that waits for its answer. */
static bool completes(const struct question *q, const struct run_parts *r)
{
	const struct state_vcpu *v = q->vcpu;

	return immediate(q, r->in) && v->pending_exit == STATE_YES &&
	       completes_later(v->last_exit) && !vm_typed(q) && !v->run_twice && !v->running &&
	       r->regs_in && r->regs_in->have >= 16 && !U64(r->regs_in->data, 8);
}

/*
 * With nothing to finish, an immediate exit must not return 0; but another thread may have taken
 * the request back before it was looked at.
 */
static bool must_leave(const struct question *q, const struct run_parts *r)
{
	const struct tape_part *out = r->out;

	return immediate(q, r->in) && q->vcpu->pending_exit == STATE_NO &&
	       (!out || out->have <= RUN_IMMEDIATE || out->data[RUN_IMMEDIATE]);
}

/* Userspace asks for registers in struct kvm_run, or gives them there, that can be refused. */
static bool uses_sync(const struct tape_part *regs)
{
	return regs && regs->have >= 16 &&
	       (U64(regs->data, 0) | U64(regs->data, 8)) & ~(uint64_t)KVM_SYNC_X86_REGS;
}

/* The bits of both fields that stand for no registers here; 0 if that is not known. */
static uint64_t sync_unused(const struct question *q, const struct tape_part *regs)
{
	int32_t known = q_cap(q, KVM_CAP_SYNC_REGS);

	if (known < 0 || !regs || regs->have < 16)
		return 0;
	return (U64(regs->data, 0) | U64(regs->data, 8)) & ~(uint64_t)known;
}

/* --- at the call --- */

/* The kernel's bytes [at, at + len) of the exit union are others than the last KVM_RUN left. */
static bool bytes_torn(const struct state_vcpu *v, const struct tape_part *in, uint32_t at,
		       uint32_t len)
{
	return in->have >= at + len && state_block_known(&v->run, at, len) &&
	       memcmp(in->data + at, v->run.value + at, len);
}

/* What the exit said, but for what userspace answers in the same place. */
static bool exit_torn(const struct state_vcpu *v, const struct tape_part *in, uint32_t reason)
{
	switch (reason) {
	case KVM_EXIT_IO:
		return bytes_torn(v, in, AT(io, direction),
				  AT(io, data_offset) + 8 - AT(io, direction));
	case KVM_EXIT_MMIO:
		return bytes_torn(v, in, AT(mmio, phys_addr), 8) ||
		       bytes_torn(v, in, AT(mmio, len), AT(mmio, is_write) + 1 - AT(mmio, len));
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		return bytes_torn(v, in, AT(msr, reason), AT(msr, data) - AT(msr, reason));
	default:
		return false;
	}
}

static bool header_torn(const struct tape_part *in, const uint8_t *last)
{
	return memcmp(in->data + RUN_READY, last + RUN_READY, RUN_CR8 - RUN_READY) ||
	       U64(in->data, RUN_APIC_BASE) != U64(last, RUN_APIC_BASE);
}

/*
 * Between two KVM_RUN the kernel writes nothing into struct kvm_run, and most programs only the
 * answer to the exit: another exit there than the last one left means that userspace wrote there,
 * which it may, or that a KVM_RUN is missing, or that its result is not what it was.  Values that
 * are no exit of x86 are taken for a mark of userspace.
 */
static bool torn(const struct state_vcpu *v, const struct tape_part *in)
{
	const uint8_t *last = v->run.value;
	uint32_t reason, before;

	if (v->running || !in || in->have < KVMAPI_RUN_UNION ||
	    !state_block_known(&v->run, RUN_EXIT_REASON, 4))
		return false;
	reason = U32(in->data, RUN_EXIT_REASON);
	before = U32(last, RUN_EXIT_REASON);
	if (reason != before)
		return reason && reason < EXITS && exits_of_x86[reason];
	if (header_torn(in, last))
		return reason != 0;
	return exit_torn(v, in, reason);
}

static void run_enter(struct learn *l)
{
	struct state_vcpu *v = l->vcpu;

	v->mp_at_run = STATE_NUMBER_UNKNOWN;
	VCPU_KNOWN(l->q, STATE_MP_STATE, struct kvm_mp_state, mp_state, &v->mp_at_run);
	v->run_twice = v->inside;
	v->run_torn = torn(v, l_part(l, TAPE_RUN_IN));
}

/* --- single exits --- */

static void exit_io(struct judge *j, const uint8_t *p)
{
	uint32_t size = p[AT(io, size)], count = U32(p, AT(io, count)),
		 direction = p[AT(io, direction)];
	uint64_t at = U64(p, AT(io, data_offset));
	bool fits = count && (size == 1 || size == 2 || size == 4) && count <= PIO_PAGE / size;

	j_check(j, R_RUN_IO, direction <= KVM_EXIT_IO_OUT && fits,
		"direction 0 or 1, size 1, 2 or 4, at most a page of data",
		"direction = %u, size = %u, count = %u", direction, size, count);
	j_check(j, R_RUN_IO_DATA, at == PIO_PAGE, "data_offset of the page after struct kvm_run",
		"data_offset = 0x%llx", (unsigned long long)at);
}

static void exit_mmio(struct judge *j, const uint8_t *p)
{
	uint32_t len = U32(p, AT(mmio, len));

	j_check(j, R_RUN_MMIO, len >= 1 && len <= 8 && p[AT(mmio, is_write)] <= 1,
		"len of 1 to 8, is_write 0 or 1", "len = %u, is_write = %u", len,
		p[AT(mmio, is_write)]);
	j_check(j, R_RUN_MMIO_ADDRESS, !(U64(p, AT(mmio, phys_addr)) >> 52),
		"a physical address of at most 52 bits", "phys_addr = 0x%llx",
		(unsigned long long)U64(p, AT(mmio, phys_addr)));
}

/* An exit that userspace must have asked for by enabling a capability of the VM, with one of `bits`
 * set. */
static void needs_cap(struct judge *j, uint16_t rule, uint32_t cap, uint64_t bits)
{
	uint64_t arg = 0;
	enum state_tri on = vm_cap_enabled(j->q->vm, cap, &arg);

	if (on == STATE_UNKNOWN)
		return;
	j_check(j, rule, on == STATE_YES && (arg & bits),
		"this exit only with its capability enabled", "%s with args[0] = 0x%llx",
		on == STATE_YES ? "enabled" : "not enabled", (unsigned long long)arg);
}

static void exit_msr(struct judge *j, const uint8_t *p)
{
	uint32_t reason = U32(p, AT(msr, reason));

	bool read = U32(p, RUN_EXIT_REASON) == KVM_EXIT_X86_RDMSR;

	j_check(j, R_RUN_MSR,
		(reason == KVM_MSR_EXIT_REASON_INVAL || reason == KVM_MSR_EXIT_REASON_UNKNOWN ||
		 reason == KVM_MSR_EXIT_REASON_FILTER) &&
			!p[AT(msr, error)],
		"one reason, error 0", "reason = 0x%x, error = %u", reason, p[AT(msr, error)]);
	j_check(j, R_RUN_MSR_CLEAN,
		!(U64(p, AT(msr, error)) >> 8) && (!read || !U64(p, AT(msr, data))),
		"no padding, no data of a read", "pad 0x%llx, data = 0x%llx",
		(unsigned long long)U64(p, AT(msr, error)) >> 8,
		(unsigned long long)U64(p, AT(msr, data)));
	needs_cap(j, R_RUN_MSR_NEEDS_CAP, KVM_CAP_X86_USER_SPACE_MSR, reason);
}

static void exit_internal_error(struct judge *j, const uint8_t *p)
{
	uint32_t suberror = U32(p, AT(internal, suberror)), ndata = U32(p, AT(internal, ndata));

	j_check(j, R_RUN_INTERNAL_ERROR,
		suberror >= KVM_INTERNAL_ERROR_EMULATION &&
			suberror <= KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON && ndata <= 16,
		"suberror 1 to 4, ndata up to 16", "suberror = %u, ndata = %u", suberror, ndata);
	if (suberror == KVM_INTERNAL_ERROR_EMULATION && ndata >= 1)
		j_check(j, R_RUN_EMULATION_FLAGS,
			!(U64(p, AT(emulation_failure, flags)) &
			  ~(uint64_t)KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) &&
				(ndata >= 3 || !U64(p, AT(emulation_failure, flags))),
			"flags that are defined, and the words that they announce",
			"flags = 0x%llx, ndata = %u",
			(unsigned long long)U64(p, AT(emulation_failure, flags)), ndata);
	if (suberror == KVM_INTERNAL_ERROR_EMULATION && ndata >= 3 &&
	    U64(p, AT(emulation_failure, flags)) &
		    KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES)
		j_check(j, R_RUN_EMULATION_FAILURE, p[AT(emulation_failure, insn_size)] <= 15,
			"insn_size up to 15", "insn_size = %u",
			p[AT(emulation_failure, insn_size)]);
}

static void exit_system_event(struct judge *j, const uint8_t *p)
{
	uint32_t type = U32(p, AT(system_event, type)), ndata = U32(p, AT(system_event, ndata));

	j_check(j, R_RUN_SYSTEM_EVENT,
		type >= KVM_SYSTEM_EVENT_SHUTDOWN && type <= KVM_SYSTEM_EVENT_TDX_FATAL &&
			type != KVM_SYSTEM_EVENT_WAKEUP && type != KVM_SYSTEM_EVENT_SUSPEND,
		"a type that x86 has", "type = %u", type);
	if (q_rule(j->q, R_RUN_SYSTEM_EVENT_DATA) == STATE_YES)
		j_check(j, R_RUN_SYSTEM_EVENT_DATA,
			ndata <= 16 && (type != KVM_SYSTEM_EVENT_SEV_TERM || ndata) &&
				(type != KVM_SYSTEM_EVENT_TDX_FATAL || ndata == 16),
			"ndata up to 16, and what the type has", "type = %u, ndata = %u", type,
			ndata);
}

enum { VECTOR_DEBUG = 1, VECTOR_BREAKPOINT = 3 };

static void exit_debug(struct judge *j, const uint8_t *p)
{
	const uint32_t traps = KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP;
	uint32_t exception = U32(p, AT(debug, arch.exception));
	const struct state_vcpu *v = j->q->vcpu;

	j_check(j, R_RUN_DEBUG_EXCEPTION,
		exception == VECTOR_DEBUG || exception == VECTOR_BREAKPOINT,
		"exception 1 (debug) or 3 (breakpoint)", "exception = %u", exception);
	if (v->debug_known == STATE_UNKNOWN || (v->debug_known == STATE_NO && !v->fresh))
		return;
	if (!j_check(j, R_RUN_DEBUG_ENABLED, v->debug_control & KVM_GUESTDBG_ENABLE,
		     "this exit only with KVM_SET_GUEST_DEBUG", "control = 0x%x", v->debug_control))
		return;
	j_check(j, R_RUN_DEBUG_KIND,
		v->debug_control & (exception == VECTOR_DEBUG ? traps : KVM_GUESTDBG_USE_SW_BP),
		"an exception that control asks for", "exception = %u, control = 0x%x", exception,
		v->debug_control);
}

/* The only hypercall that can be sent to userspace. */
#define MAP_GPA_RANGE 12

static void exit_hypercall(struct judge *j, const uint8_t *p)
{
	uint64_t gpa = U64(p, AT(hypercall, args[0])), pages = U64(p, AT(hypercall, args[1]));

	needs_cap(j, R_RUN_HYPERCALL_NEEDS_CAP, KVM_CAP_EXIT_HYPERCALL, 1 << MAP_GPA_RANGE);
	j_check(j, R_RUN_HYPERCALL,
		U64(p, AT(hypercall, nr)) == MAP_GPA_RANGE && !(gpa % 4096) && pages &&
			(gpa >> 12) + pages > gpa >> 12 &&
			!(U64(p, AT(hypercall, flags)) & ~(uint64_t)KVM_EXIT_HYPERCALL_LONG_MODE),
		"hypercall 12 of a range of whole pages, flags 0 or 1",
		"nr = %llu, args = 0x%llx, 0x%llx, flags = 0x%llx",
		(unsigned long long)U64(p, AT(hypercall, nr)), (unsigned long long)gpa,
		(unsigned long long)pages, (unsigned long long)U64(p, AT(hypercall, flags)));
}

static void exit_notify(struct judge *j, const uint8_t *p)
{
	uint32_t flags = U32(p, AT(notify, flags));
	uint64_t arg = 0;
	enum state_tri on = vm_cap_enabled(j->q->vm, KVM_CAP_X86_NOTIFY_VMEXIT, &arg);

	needs_cap(j, R_RUN_NOTIFY_NEEDS_CAP, KVM_CAP_X86_NOTIFY_VMEXIT,
		  KVM_X86_NOTIFY_VMEXIT_ENABLED);
	j_check(j, R_RUN_NOTIFY, !(flags & ~(uint32_t)KVM_NOTIFY_CONTEXT_INVALID),
		"flags that are defined", "flags = 0x%x", flags);
	/* A context that cannot go on is reported, whether userspace asked or not. */
	if (on == STATE_YES && !(arg & KVM_X86_NOTIFY_VMEXIT_USER))
		j_check(j, R_RUN_NOTIFY_USER, flags & KVM_NOTIFY_CONTEXT_INVALID,
			"without KVM_X86_NOTIFY_VMEXIT_USER an invalid context", "flags = 0x%x",
			flags);
}

enum { MSR_SCONTROL = 0x40000080, MSR_SIEFP = 0x40000082, MSR_SIMP = 0x40000083 };

static void exit_hyperv(struct judge *j, const uint8_t *p)
{
	uint32_t type = U32(p, AT(hyperv, type)), msr = U32(p, AT(hyperv, u.synic.msr));
	const struct state_vcpu *v = j->q->vcpu;

	j_check(j, R_RUN_HYPERV, type >= KVM_EXIT_HYPERV_SYNIC && type <= KVM_EXIT_HYPERV_SYNDBG,
		"type 1 to 3", "type = %u", type);
	if (type != KVM_EXIT_HYPERV_SYNIC)
		return;
	j_check(j, R_RUN_HYPERV_SYNIC, msr == MSR_SCONTROL || msr == MSR_SIEFP || msr == MSR_SIMP,
		"a register of the SynIC that userspace has to know of", "msr = 0x%x", msr);
	if (v->fresh && !v->caps.open)
		j_check(j, R_RUN_SYNIC_NEEDS_CAP,
			state_set_find(&v->caps, KVM_CAP_HYPERV_SYNIC, 0) ||
				state_set_find(&v->caps, KVM_CAP_HYPERV_SYNIC2, 0),
			"this exit only with a SynIC", "none was enabled");
}

static void exit_xen(struct judge *j, const uint8_t *p)
{
	uint32_t type = U32(p, AT(xen, type));

	j_check(j, R_RUN_XEN,
		type == KVM_EXIT_XEN_HCALL && U32(p, AT(xen, u.hcall.longmode)) <= 1 &&
			U32(p, AT(xen, u.hcall.cpl)) <= 3,
		"type 1, longmode 0 or 1, cpl 0 to 3", "type = %u, longmode = %u, cpl = %u", type,
		U32(p, AT(xen, u.hcall.longmode)), U32(p, AT(xen, u.hcall.cpl)));
}

/* Memory could not be had: KVM_RUN failed, and struct kvm_run says where. */
static void exit_memory_fault(struct judge *j, const struct tape_part *out)
{
	const uint8_t *p = out->data;

	if (out->have < AT(memory_fault, size) + 8)
		return;
	j_check(j, R_RUN_MEMORY_FAULT_RANGE,
		!(U64(p, AT(memory_fault, flags)) & ~(uint64_t)KVM_MEMORY_EXIT_FLAG_PRIVATE) &&
			U64(p, AT(memory_fault, size)) &&
			!((U64(p, AT(memory_fault, gpa)) | U64(p, AT(memory_fault, size))) % 4096),
		"flags that are defined, a range of whole pages",
		"flags = 0x%llx, gpa = 0x%llx, size = 0x%llx",
		(unsigned long long)U64(p, AT(memory_fault, flags)),
		(unsigned long long)U64(p, AT(memory_fault, gpa)),
		(unsigned long long)U64(p, AT(memory_fault, size)));
}

static void exit_window(struct judge *j, const struct tape_part *in, const uint8_t *p)
{
	const enum state_irqchip irqchip = j->q->vm->irqchip;

	if (in && in->have > RUN_WINDOW)
		j_check(j, R_RUN_WINDOW_REQUESTED, in->data[RUN_WINDOW] != 0,
			"this exit only when request_interrupt_window asks for it",
			"request_interrupt_window = 0");
	j_check(j, R_RUN_WINDOW_READY, p[RUN_READY] == 1, "ready_for_interrupt_injection = 1", "%u",
		p[RUN_READY]);
	if (irqchip != STATE_IRQCHIP_UNKNOWN)
		j_check(j, R_RUN_WINDOW_WITHOUT_PIC, irqchip != STATE_IRQCHIP_KERNEL,
			"no such exit with the PIC in the kernel", "KVM_EXIT_IRQ_WINDOW_OPEN");
}

/* Exits of which nothing is left to say but that there is no local APIC in the kernel. */
static void without_lapic(struct judge *j, uint16_t rule, const char *name)
{
	const enum state_tri has = j->q->vcpu->has_lapic;

	if (has != STATE_UNKNOWN)
		j_check(j, rule, has == STATE_NO, "no such exit with a local APIC in the kernel",
			"%s", name);
}

static void exit_bus_lock(struct judge *j, const uint8_t *p)
{
	needs_cap(j, R_RUN_BUS_LOCK_NEEDS_CAP, KVM_CAP_X86_BUS_LOCK_EXIT,
		  KVM_BUS_LOCK_DETECTION_EXIT);
	j_check(j, R_RUN_BUS_LOCK_FLAG, U16(p, RUN_FLAGS) & KVM_RUN_X86_BUS_LOCK,
		"KVM_RUN_X86_BUS_LOCK in flags", "flags = 0x%x", U16(p, RUN_FLAGS));
}

static void exit_dirty_ring(struct judge *j)
{
	uint64_t size = 0;
	enum state_tri a = vm_cap_enabled(j->q->vm, KVM_CAP_DIRTY_LOG_RING, &size);
	enum state_tri b = vm_cap_enabled(j->q->vm, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, &size);

	if (a == STATE_YES || b == STATE_YES || (a == STATE_NO && b == STATE_NO))
		j_check(j, R_RUN_RING_NEEDS_CAP, a != b || a == STATE_YES,
			"this exit only with a dirty ring", "none was enabled");
}

static void exit_tpr_access(struct judge *j, const uint8_t *p)
{
	const struct state_vcpu *v = j->q->vcpu;

	if (v->fresh)
		j_check(j, R_RUN_TPR_ACCESS_ENABLED, v->tpr_reported,
			"this exit only with KVM_TPR_ACCESS_REPORTING", "KVM_EXIT_TPR_ACCESS");
	j_check(j, R_RUN_TPR_ACCESS, U32(p, AT(tpr_access, is_write)) <= 1, "is_write 0 or 1",
		"is_write = %u", U32(p, AT(tpr_access, is_write)));
}

static void exit_snp_req_certs(struct judge *j, const uint8_t *p)
{
	j_check(j, R_RUN_SNP_REQ_CERTS,
		!(U64(p, AT(snp_req_certs, gpa)) % 4096) && !U64(p, AT(snp_req_certs, ret)),
		"the address of a page, ret 0", "gpa = 0x%llx, ret = %llu",
		(unsigned long long)U64(p, AT(snp_req_certs, gpa)),
		(unsigned long long)U64(p, AT(snp_req_certs, ret)));
}

/* Exits that userspace asked for, by a capability or by the kind of guest. */
static void check_wanted_exit(struct judge *j, const uint8_t *p, uint32_t reason)
{
	switch (reason) {
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		exit_msr(j, p);
		break;
	case KVM_EXIT_HYPERCALL:
		exit_hypercall(j, p);
		break;
	case KVM_EXIT_X86_BUS_LOCK:
		exit_bus_lock(j, p);
		break;
	case KVM_EXIT_NOTIFY:
		exit_notify(j, p);
		break;
	case KVM_EXIT_DIRTY_RING_FULL:
		exit_dirty_ring(j);
		break;
	case KVM_EXIT_HYPERV:
		exit_hyperv(j, p);
		break;
	case KVM_EXIT_XEN:
		exit_xen(j, p);
		break;
	case KVM_EXIT_TDX:
		j_check(j, R_RUN_TDX, !U64(p, AT(tdx, flags)), "flags 0", "flags = 0x%llx",
			(unsigned long long)U64(p, AT(tdx, flags)));
		break;
	case KVM_EXIT_SNP_REQ_CERTS:
		exit_snp_req_certs(j, p);
		break;
	default:
		break;
	}
}

static void check_exit(struct judge *j, const struct tape_part *in, const struct tape_part *out,
		       uint32_t reason)
{
	const enum state_irqchip irqchip = j->q->vm->irqchip;
	const uint8_t *p = out->data;
	const struct kvmapi_exit *e = kvmapi_exit(reason);

	if (!e || out->have < (uint32_t)KVMAPI_RUN_UNION + e->out)
		return;
	switch (reason) {
	case KVM_EXIT_IO:
		exit_io(j, p);
		break;
	case KVM_EXIT_MMIO:
		exit_mmio(j, p);
		run_mmio_stays(j, in, out);
		break;
	case KVM_EXIT_HLT:
		without_lapic(j, R_RUN_HLT_WITHOUT_LAPIC, "KVM_EXIT_HLT");
		break;
	case KVM_EXIT_SET_TPR:
		without_lapic(j, R_RUN_TPR_WITHOUT_LAPIC, "KVM_EXIT_SET_TPR");
		break;
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		exit_window(j, in, p);
		break;
	case KVM_EXIT_IOAPIC_EOI:
		if (irqchip != STATE_IRQCHIP_UNKNOWN)
			j_check(j, R_RUN_EOI_NEEDS_SPLIT, irqchip == STATE_IRQCHIP_SPLIT,
				"this exit only with KVM_CAP_SPLIT_IRQCHIP", "KVM_EXIT_IOAPIC_EOI");
		break;
	case KVM_EXIT_DEBUG:
		exit_debug(j, p);
		break;
	case KVM_EXIT_TPR_ACCESS:
		exit_tpr_access(j, p);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		exit_internal_error(j, p);
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		exit_system_event(j, p);
		break;
	default:
		check_wanted_exit(j, p, reason);
		break;
	}
}

/* --- struct kvm_run as a whole --- */

/* What holds of the header whenever the kernel came as far as to leave the run loop. */
static void check_header(struct judge *j, const struct tape_part *in, const struct tape_part *out)
{
	const struct state_vcpu *v = j->q->vcpu;
	const uint8_t *p = out->data;
	uint32_t flags = U16(p, RUN_FLAGS);
	uint64_t base = U64(p, RUN_APIC_BASE);

	if (in && in->have >= RUN_EXIT_REASON && !v->run_twice) {
		/* Another thread may ask for an immediate exit at any time. */
		j_check(j, R_RUN_REQUESTS_STAY,
			p[RUN_WINDOW] == in->data[RUN_WINDOW] &&
				(!in->data[RUN_IMMEDIATE] ||
				 p[RUN_IMMEDIATE] == in->data[RUN_IMMEDIATE]),
			"the requests as they were",
			"request_interrupt_window = %u, immediate_exit = %u", p[RUN_WINDOW],
			p[RUN_IMMEDIATE]);
		j_check(j, R_RUN_INPUT_STAYS, !memcmp(p + RUN_PADDING, in->data + RUN_PADDING, 6),
			"the padding as userspace left it", "another byte");
	}
	j_check(j, R_RUN_FLAGS,
		p[RUN_READY] <= 1 && p[RUN_IF] <= 1 &&
			!(flags &
			  ~(KVM_RUN_X86_SMM | KVM_RUN_X86_BUS_LOCK | KVM_RUN_X86_GUEST_MODE)) &&
			(!(flags & KVM_RUN_X86_SMM) || q_cap(j->q, KVM_CAP_X86_SMM)) &&
			(!(flags & KVM_RUN_X86_GUEST_MODE) ||
			 (q_cap(j->q, KVM_CAP_NESTED_STATE) &&
			  q_cap(j->q, KVM_CAP_X86_GUEST_MODE))) &&
			(!(flags & KVM_RUN_X86_BUS_LOCK) || q_cap(j->q, KVM_CAP_X86_BUS_LOCK_EXIT)),
		"ready and if_flag 0 or 1, flags that this host can have",
		"ready = %u, if_flag = %u, flags = 0x%x", p[RUN_READY], p[RUN_IF], flags);
	if (flags & KVM_RUN_X86_BUS_LOCK)
		needs_cap(j, R_RUN_BUS_LOCK_NEEDS_CAP, KVM_CAP_X86_BUS_LOCK_EXIT,
			  KVM_BUS_LOCK_DETECTION_EXIT);
	j_check(j, R_RUN_CR8, U64(p, RUN_CR8) <= 15, "cr8 of 0 to 15", "cr8 = 0x%llx",
		(unsigned long long)U64(p, RUN_CR8));
	j_check(j, R_RUN_APIC_BASE, !(base & 0x2ff) && !(base >> 52),
		"an APIC base without reserved bits", "apic_base = 0x%llx",
		(unsigned long long)base);
	if (j->q->vm->irqchip == STATE_IRQCHIP_KERNEL)
		j_check(j, R_RUN_READY_WITH_PIC, p[RUN_READY] == 1,
			"ready_for_interrupt_injection = 1 with the PIC in the kernel", "%u",
			p[RUN_READY]);
	else if (j->q->vm->irqchip == STATE_IRQCHIP_NONE && q_cap(j->q, KVM_CAP_NESTED_STATE) == 0)
		j_check(j, R_RUN_READY_NEEDS_IF, p[RUN_IF] || !p[RUN_READY],
			"not ready while interrupts are off", "ready = 1, if_flag = 0");
}

/*
 * What else can come of finishing an operation: its next piece, a trap after the instruction, or
 * that it cannot be emulated.  None of these needs the guest to run.
 */
static bool comes_of(uint32_t pending, uint32_t reason)
{
	switch (reason) {
	case KVM_EXIT_DEBUG:
	case KVM_EXIT_INTERNAL_ERROR:
		return true;
	case KVM_EXIT_IO:
	case KVM_EXIT_MMIO:
		return pending == KVM_EXIT_IO || pending == KVM_EXIT_MMIO;
	default:
		return false;
	}
}

/* KVM_RUN returned 0, and exit_reason is one of x86. */
static void check_returned(struct judge *j, const struct run_parts *r)
{
	uint32_t reason, pending = j->q->vcpu->last_exit;

	if (!has_header(r->out))
		return;
	reason = U32(r->out->data, RUN_EXIT_REASON);
	if (completes(j->q, r))
		j_check(j, R_RUN_COMPLETION_EXITS, comes_of(pending, reason),
			"with immediate_exit only what comes of the pending operation",
			"exit_reason = %u after %u", reason, pending);
	check_exit(j, r->in, r->out, reason);
	check_header(j, r->in, r->out);
}

/* exit_reason after an error: what may stand there. */
static bool reason_on_error(uint32_t reason, uint32_t before, int64_t ret)
{
	const bool fault = ret == -EFAULT || ret == -EHWPOISON;

	if (reason == before || !reason)
		return true;
	if (reason == KVM_EXIT_INTR)
		return ret == -EINTR;
	if (reason == KVM_EXIT_MEMORY_FAULT)
		return fault;
	return ret != -EINTR && ret != -EAGAIN && exit_fits(reason);
}

/* KVM_RUN failed, and may: exit_reason is no news then. */
static void check_failed(struct judge *j, const struct run_parts *r)
{
	const int64_t ret = j->ret->ret;
	uint32_t reason, before;

	if (!has_header(r->out))
		return;
	reason = U32(r->out->data, RUN_EXIT_REASON);
	/*
	 * An error after the loop began leaves "unknown"; before it, what was there.  An emulated
	 * instruction may have begun an exit, and then raised an exception: what it wrote stays.
	 */
	if (has_header(r->in) && !j->q->vcpu->run_twice) {
		before = U32(r->in->data, RUN_EXIT_REASON);
		j_check(j, R_RUN_REASON_ON_ERROR, reason_on_error(reason, before, ret),
			"the exit reason of before, or none", "exit_reason = %u after %u", reason,
			before);
	}
	/* Where it gave up before the run loop, the header is that of before. */
	if ((ret == -EINTR && (immediate(j->q, r->in) || reason == KVM_EXIT_INTR)) ||
	    ret == -EAGAIN)
		check_header(j, r->in, r->out);
}

/* --- registers in struct kvm_run: api.rst 6.74 --- */

/* Those that a finished operation left. */
static void check_completed(struct judge *j, const struct run_parts *r)
{
	struct completion c;

	if (j->ret->ret == -EINTR && has_header(r->out) && completes(j->q, r) &&
	    completion_of(j->q, r->in, &c))
		completion_compare(j, &c, r->regs_out, 16 + offsetof(struct kvm_sync_regs, regs));
}

static void check_sync(struct judge *j, const struct run_parts *r)
{
	const struct tape_part *in = r->regs_in, *out = r->regs_out;
	uint64_t valid, dirty;

	if (!out || out->have < 16 || j->q->vcpu->run_twice)
		return;
	valid = U64(out->data, 0);
	dirty = U64(out->data, 8);
	if (in && in->have >= 16) {
		j_check(j, R_RUN_VALID_REGS_STAY, valid == U64(in->data, 0),
			"kvm_valid_regs unchanged", "0x%llx, was 0x%llx", (unsigned long long)valid,
			(unsigned long long)U64(in->data, 0));
		/* What stands for no registers was refused, or is not looked at (HIGH_BITS). */
		if (!j->ret->ret)
			j_check(j, R_RUN_DIRTY_REGS_TAKEN,
				dirty == (U64(in->data, 8) & ~(uint64_t)KVM_SYNC_X86_VALID_FIELDS),
				"kvm_dirty_regs = 0", "0x%llx", (unsigned long long)dirty);
	}
	if (valid & KVM_SYNC_X86_REGS)
		check_completed(j, r);
}

/* How struct kvm_run looked when the call began.  Userspace may write there; it seldom does. */
static void look_back(struct judge *j, const struct tape_part *in)
{
	const struct state_block *run = &j->q->vcpu->run;
	const struct kvmapi_exit *e;
	const uint8_t *p, *last = run->value;

	if (!has_header(in) || !state_block_known(run, RUN_EXIT_REASON, 4))
		return;
	p = in->data;
	e = kvmapi_exit(U32(p, RUN_EXIT_REASON));
	if (!j->q->vcpu->run_torn)
		j_keep(j, R_RUN_CONTINUES);
	else if (e && U32(p, RUN_EXIT_REASON) == U32(last, RUN_EXIT_REASON) &&
		 !header_torn(in, last))
		j_break(j, R_RUN_CONTINUES, "", "other values than KVM_RUN left in %s of %s",
			e->member, e->name);
	else
		j_break(j, R_RUN_CONTINUES, "", "exit_reason %u, flags 0x%x, apic_base 0x%llx",
			U32(p, RUN_EXIT_REASON), U32(p, RUN_READY),
			(unsigned long long)U64(p, RUN_APIC_BASE));
}

/* What stands beside the result: how the page looked before, and registers after. */
static void check_beside(struct judge *j, const struct run_parts *r)
{
	look_back(j, r->in);
	if (!j->ret->ret || j->ret->ret == -EINTR)
		check_sync(j, r);
}

/* The inputs were to be refused, and were. */
static void check_refused(const struct question *q, struct judge *j)
{
	const struct run_parts r = parts_of(q, j->ret);

	check_beside(j, &r);
}

/* What KVM_RUN left, if it was answered as it may be. */
static void check_run(const struct question *q, struct judge *j)
{
	const struct run_parts r = parts_of(q, j->ret);

	if (j->ret->ret)
		check_failed(j, &r);
	else
		check_returned(j, &r);
	check_beside(j, &r);
}

/* --- the answer --- */

/* What is determined of struct kvm_run, if anybody asked. */
static void check_promises(const struct question *q, struct judge *j)
{
	const struct run_parts r = parts_of(q, j->ret);

	if (j->promises)
		run_promises(j, r.in, r.out);
}

/* The vCPU waited for an INIT when the call began. */
static bool waits_for_init(const struct question *q)
{
	return q->vcpu->mp_at_run == KVM_MP_STATE_UNINITIALIZED;
}

/* Errors that what came back allows, and what decides without a look at the exit. */
static void check_result(const struct question *q, struct judge *j)
{
	const bool uninitialized = waits_for_init(q);
	const struct run_parts r = parts_of(q, j->ret);
	const int64_t ret = j->ret->ret;
	const uint32_t reason = has_header(r.out) ? U32(r.out->data, RUN_EXIT_REASON) : UINT32_MAX;

	if (j->promises)
		run_promises(j, r.in, r.out);
	if (ret) {
		/* Another thread wrote after what was captured at the call. */
		if (uses_sync(r.regs_out))
			j_may_fail(j, R_RUN_SYNC_INVALID);
		if (uninitialized && ret == -EAGAIN)
			j_hold(j, R_RUN_UNINITIALIZED);
		if (reason == KVM_EXIT_MEMORY_FAULT && (ret == -EFAULT || ret == -EHWPOISON))
			exit_memory_fault(j, r.out);
		/* What is mapped at userspace_addr is not on the tape. */
		j_may_fail(j, reason == KVM_EXIT_MEMORY_FAULT ? R_RUN_MEMORY_FAULT : R_RUN_FAULT);
		return;
	}
	if (must_leave(q, &r)) {
		j_must_fail(j, R_RUN_IMMEDIATE_EXIT);
		return;
	}
	if (uninitialized)
		j_break(j, R_RUN_UNINITIALIZED, "no exit before an INIT and a SIPI came",
			"a return of 0");
	if (reason == UINT32_MAX)
		j_skip(j, "struct kvm_run was not captured");
	else if (exit_fits(reason))
		j_hold(j, R_RUN_EXIT_REASON);
	else
		j_break(j, R_RUN_EXIT_REASON, "an exit reason of x86 that goes with success",
			"exit_reason = %u (%s)", reason,
			kvmapi_exit(reason) ? kvmapi_exit(reason)->name : "unknown");
}

/* 6.12 compares with a mask of 32 bits, so that nothing need come of the bits above. */
static void check_high_bits(const struct question *q, struct judge *j)
{
	(void)q;
	j_hold(j, j->ret->ret == -EINVAL ? R_RUN_SYNC_UNUSED_BITS : R_RUN_SYNC_HIGH_BITS);
}

/* What is determined is said before, since a refusal that does not come ends the judgement. */
static bool refuse(struct answer *a, uint16_t rule, enum state_tri cause)
{
	if (cause == STATE_YES)
		a_check_always(a, check_promises);
	return a_refuse(a, rule, cause);
}

/* The sync-regs bits, and cr8: true if the kernel must refuse them. */
static bool refuses_inputs(const struct question *q, struct answer *a, const struct run_parts *r)
{
	const struct state_vcpu *v = q->vcpu;
	const uint64_t unused = sync_unused(q, r->regs_in);
	/* A vCPU that waits for its INIT does not look at them. */
	const bool looks = v->has_lapic == STATE_NO || v->mp_at_run == KVM_MP_STATE_RUNNABLE;
	const bool high =
		unused && !(uint32_t)unused && q_rule(q, R_RUN_SYNC_HIGH_BITS) == STATE_YES;

	if (high) {
		if (looks)
			a_check_always(a, check_high_bits);
		a_may_fail(a, R_RUN_SYNC_UNUSED_BITS);
	}
	/* Registers that a SET would refuse are refused here. */
	if (v->sync_used || uses_sync(r->regs_in))
		a_may_fail(a, R_RUN_SYNC_INVALID);
	if (unused && !high)
		return refuse(a, R_RUN_SYNC_UNUSED_BITS, looks ? STATE_YES : STATE_UNKNOWN);
	return has_header(r->in) && U64(r->in->data, RUN_CR8) > 15 &&
	       refuse(a, R_RUN_CR8_INVALID, tri_not(v->has_lapic));
}

/*
 * Waiting for a SIPI is impossible in SMM and in some states of nested virtualisation. Who waits
 * for one, if that is not known, got an INIT from another vCPU.
 */
static bool sipi_may_be_blocked(const struct question *q, uint64_t mp)
{
	if (mp != STATE_NUMBER_UNKNOWN)
		return mp == KVM_MP_STATE_INIT_RECEIVED || mp == KVM_MP_STATE_SIPI_RECEIVED;
	return q->vcpu->has_lapic != STATE_NO && (q->vm->vcpu_count > 1 || !q->vm->fresh) &&
	       (q_cap(q, KVM_CAP_X86_SMM) || q_cap(q, KVM_CAP_NESTED_STATE));
}

/* Errors that do not come of the inputs. */
static void may_fail(const struct question *q, struct answer *a, const struct tape_part *in)
{
	const struct state_vcpu *v = q->vcpu;
	const uint64_t mp = v->mp_at_run;

	a_may_fail(a, immediate(q, in) ? R_RUN_IMMEDIATE_EXIT : R_RUN_INTERRUPTED);
	if ((mp == STATE_NUMBER_UNKNOWN || mp == KVM_MP_STATE_UNINITIALIZED) &&
	    v->has_lapic != STATE_NO)
		a_may_fail(a, R_RUN_UNINITIALIZED_AGAIN);
	if (sipi_may_be_blocked(q, mp))
		a_may_fail(a, R_RUN_IMPOSSIBLE_STATE);
	if (vm_mmu_pages_may_lack(q))
		a_may_fail(a, R_RUN_NO_MMU_PAGES);
	if (vcpu_is_protected(q))
		a_may_fail(a, R_VCPU_PROTECTED);
	if (v->last_exit == KVM_EXIT_SNP_REQ_CERTS)
		a_may_fail(a, R_RUN_SNP_ANSWER);
}

/* It did not come to an exit, and the reason is that of before. */
static void suggest_no_exit(struct answer *a, const struct run_parts *r)
{
	const uint32_t before = has_header(r->in) ? U32(r->in->data, RUN_EXIT_REASON) : 0;

	a_suggest(a, TAPE_RUN_OUT, RUN_EXIT_REASON, 4, before);
	a_suggest_result(a, -EAGAIN);
}

static void answer_run(const struct question *q, struct answer *a)
{
	const struct run_parts r = parts_given(q);

	if (q->call->arg) {
		a_must_fail(a, R_RUN_NO_ARGUMENT);
		return;
	}
	if (refuses_inputs(q, a, &r)) {
		a_check_always(a, check_refused);
		return;
	}
	a_check_always(a, check_result);
	if (a_wants(a, ANSWER_MAY_FAIL))
		may_fail(q, a, r.in);
	a_succeeds(a, R_RUN_SUCCEEDS);
	if (a_wants(a, ANSWER_SUGGEST) && waits_for_init(q) && !immediate(q, r.in))
		suggest_no_exit(a, &r);
	a_check_always(a, check_run);
}

/* --- the state after it --- */

/* An immediate exit lets no guest run, but completes what is pending and takes the sync registers.
 */
static void immediate_effects(struct learn *l, const struct tape_part *regs)
{
	struct state_vcpu *v = l->vcpu;
	bool dirty = !regs || regs->have < 16 || U64(regs->data, 8);

	if (v->pending_exit != STATE_NO || dirty || l->ret->ret != -EINTR) {
		vcpu_forget_all(v);
		l->vm->guest_clean = false;
		state_vm_guest_ran(l->vm);
		return;
	}
	/* The kernel loads and saves the extended state on the way, which recounts XSTATE_BV. */
	v->guest_clean = false;
	state_block_forget(&v->blocks[STATE_XSAVE]);
	state_block_forget(&v->blocks[STATE_FPU]);
	if (v->has_lapic == STATE_NO) {
		VCPU_FORGET(l, STATE_SREGS, struct kvm_sregs, cr8);
		VCPU_FORGET(l, STATE_SREGS2, struct kvm_sregs, cr8);
	}
}

/* Which exit it was, and whether its operation waits to be finished. */
static void learn_exit(struct learn *l, const struct run_parts *r)
{
	struct state_vcpu *v = l->vcpu;
	uint32_t reason;

	if (l->ret->ret) {
		v->last_exit = UINT32_MAX;
		v->pending_exit = l->ret->ret == -EINTR ? STATE_NO : STATE_UNKNOWN;
		return;
	}
	if (!l->succeeded || must_leave(l->q, r))
		return;
	v->last_exit = UINT32_MAX;
	v->pending_exit = STATE_UNKNOWN;
	if (!has_header(r->out))
		return;
	reason = U32(r->out->data, RUN_EXIT_REASON);
	if (!exit_fits(reason))
		return;
	v->last_exit = reason;
	v->pending_exit = tri(completes_later(reason));
	if (v->pending_exit == STATE_YES)
		v->entered = true;
}

/* Remember how the kernel left struct kvm_run. */
static void keep(struct learn *l, const struct tape_part *out)
{
	struct state_vcpu *v = l->vcpu;
	uint32_t len = 0;

	if (out)
		len = out->have < RUN_KEPT ? out->have : RUN_KEPT;
	if (len < RUN_KEPT || v->run_twice)
		state_block_forget(&v->run);
	else if (v->run.size > VCPU_RUN_DONE)
		state_block_forget_range(&v->run, VCPU_RUN_DONE, v->run.size - VCPU_RUN_DONE);
	if (len >= KVMAPI_RUN_UNION && !v->run_twice) {
		if (state_block_set(&v->run, 0, out->data, len))
			l->oom = -ENOMEM;
		v->run.origin = l->q->call->index + 1;
		v->run.origin_offset = 0;
		v->regs_written = false;
		v->mp_written = false;
		v->run_is_newest = !l->ret->ret || l->ret->ret == -EINTR || l->ret->ret == -EAGAIN;
	} else {
		v->run_is_newest = false;
	}
}

static void learn_block(struct learn *l, enum state_vcpu_block block, const uint8_t *bytes,
			uint32_t len)
{
	if (state_block_set(&l->vcpu->blocks[block], 0, bytes, len))
		l->oom = -ENOMEM;
}

/* What was copied out is what a GET would say now; what the structs leave unused is not written
 * there. */
static void learn_sync(struct learn *l, const struct tape_part *out)
{
	uint64_t valid = out && out->have >= 16 ? U64(out->data, 0) : 0;

	if (!valid || l->vcpu->run_twice)
		return;
	l->vcpu->guest_clean = false;
	if (valid & KVM_SYNC_X86_REGS && out->have >= 16 + sizeof(struct kvm_regs))
		learn_block(l, STATE_REGS, out->data + 16 + offsetof(struct kvm_sync_regs, regs),
			    sizeof(struct kvm_regs));
	if (!(valid & KVM_SYNC_X86_SREGS) ||
	    out->have < 16 + offsetof(struct kvm_sync_regs, events))
		return;
	learn_block(l, STATE_SREGS, out->data + 16 + offsetof(struct kvm_sync_regs, sregs),
		    offsetof(struct kvm_sregs, interrupt_bitmap));
	for (uint32_t s = 0; s < 8; s++)
		vcpu_forget(l, STATE_SREGS,
			    s * sizeof(struct kvm_segment) + offsetof(struct kvm_segment, padding),
			    1);
	VCPU_FORGET(l, STATE_SREGS, struct kvm_sregs, gdt.padding);
	VCPU_FORGET(l, STATE_SREGS, struct kvm_sregs, idt.padding);
}

/* The order matters: each step looks at what those behind it replace. */
static void learn_run(struct learn *l)
{
	const struct run_parts r = parts_of(l->q, l->ret);
	struct completion c;
	bool completed;

	if (uses_sync(r.regs_in) || uses_sync(r.regs_out))
		l->vcpu->sync_used = true;
	if (l->q->call->arg)
		return;
	completed = l->ret->ret == -EINTR && completes(l->q, &r) && completion_of(l->q, r.in, &c);
	if (immediate(l->q, r.in))
		immediate_effects(l, r.regs_in);
	learn_exit(l, &r);
	keep(l, r.out);
	if (completed)
		completion_learn(l, &c);
	if (!l->ret->ret || l->ret->ret == -EINTR)
		learn_sync(l, r.regs_out);
}

const struct handler model_run_handlers[] = {
	{"KVM_RUN", KVMAPI_VCPU, .enter = run_enter, .answer = answer_run, .learn = learn_run},
	{NULL, 0, .answer = NULL},
};
