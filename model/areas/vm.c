/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls on a VM that no other file has: vCPUs (api.rst 4.7, 4.41), the MSR and PMU filters
 * (4.97, 4.120), memory encryption (4.110 to 4.112), statistics (4.133), guest memory files
 * (4.142); and requests that KVM does not have: removed ones (4.48 to 4.54) and unknown ones.
 */
#include "kvmapi/kvm_newer.h"
#include "model/areas/vcpu.h"
#include "model/areas/vm.h"

#define KVM_MAGIC		  0xae
/* Headers of today have no name for it. */
#define KVM_CAP_DEVICE_ASSIGNMENT 17

/* --- facts ----------------------------------------------------------------------------------- */

const struct state_entry *vm_fact(const struct question *q, uint64_t kind, uint64_t which)
{
	return state_set_find(&q->vm->facts, kind, which);
}

bool vm_facts_open(const struct question *q)
{
	return q->vm->facts.open;
}

void vm_fact_set(struct learn *l, uint64_t kind, uint64_t which, uint64_t value, uint64_t value2)
{
	struct state_entry *e = state_set_add(&l->vm->facts, kind, which);

	if (!e) {
		l->oom = -ENOMEM;
		return;
	}
	e->known = 1;
	e->value[0] = value;
	e->value[1] = value2;
}

void vm_fact_drop(struct learn *l, uint64_t kind, uint64_t which)
{
	struct state_entry *e = state_set_entry(&l->vm->facts, kind, which);

	if (e)
		state_set_remove(&l->vm->facts, e);
}

void vm_facts_drop(struct learn *l, uint64_t kind)
{
	struct state_set *facts = &l->vm->facts;

	for (uint32_t i = facts->count; i-- > 0;) {
		if (facts->entries[i].key == kind)
			state_set_remove(facts, &facts->entries[i]);
	}
}

/* --- vCPUs ----------------------------------------------------------------------------------- */

/* The id that the call asks for; *cut if kernels before 6.11 looked at its lower half only. */
static uint64_t vcpu_id(const struct question *q, bool *cut)
{
	const uint64_t id = q->call->arg;

	*cut = id >> 32 && q_rule(q, R_CREATE_VCPU_ID_CUT) == STATE_YES;
	return *cut ? (uint32_t)id : id;
}

/* Which id the new vCPU has, the tape tells beside the result. */
static void check_vcpu_id(const struct question *q, struct judge *j)
{
	const struct tape_object *o = j->created;
	bool cut;
	const uint64_t id = vcpu_id(q, &cut);

	if (o && o->number != UINT64_MAX)
		j_equal(j, R_CREATE_VCPU_ID_GIVEN, "id of the new vCPU", id,
			cut ? (uint32_t)o->number : o->number);
}

/* Ids and numbers of vCPUs: true if the answer is whole. */
static bool vcpu_limits(const struct question *q, struct answer *a, uint64_t id)
{
	const struct state_vm *vm = q->vm;
	const int32_t most_id = q_cap(q, KVM_CAP_MAX_VCPU_ID), most = q_cap(q, KVM_CAP_MAX_VCPUS);
	uint64_t limit = 0;
	const enum state_tri limited = vm_cap_enabled(vm, KVM_CAP_MAX_VCPU_ID, &limit);

	if (a_refuse(a, R_CREATE_VCPU_ID_RANGE, tri(most_id > 0 && id >= (uint64_t)most_id)) ||
	    a_refuse(a, R_CREATE_VCPU_ID_LIMIT,
		     tri(limited == STATE_YES && limit && id >= limit)) ||
	    a_refuse(a, R_CREATE_VCPU_TOO_MANY, tri(most > 0 && vm->vcpu_count >= (uint32_t)most)))
		return true;
	/*
	 * Limits are looked at first.  Some are not on the tape; tables of AVIC and x2AVIC hold
	 * fewer ids.
	 */
	if (!vm->fresh)
		a_may_fail(a, R_CREATE_VCPU_TOO_MANY);
	if (id >= 255 || vm_typed(q) || most_id <= 0 || most <= 0 || limited == STATE_UNKNOWN)
		a_may_fail(a, R_CREATE_VCPU_ID_RANGE);
	return a_refuse(a, R_CREATE_VCPU_ID_TAKEN,
			state_vm_vcpu_number(vm, id) ? STATE_YES
			: vm->fresh		     ? STATE_NO
						     : STATE_UNKNOWN);
}

/* api.rst 4.7 */
static void answer_create_vcpu(const struct question *q, struct answer *a)
{
	const struct state_vm *vm = q->vm;
	bool cut;
	const uint64_t id = vcpu_id(q, &cut);

	if (vcpu_limits(q, a, id))
		return;
	/* The first vCPU brings the identity map. */
	if (vm->has_vcpus != STATE_YES && memslot_identity_map_taken(vm))
		a_may_fail(a, R_SET_IDENTITY_MAP_CONFLICT);
	/* So does its local APIC; kvm_amd may come to need the page later. */
	if (memslot_apic_page_taken(vm) &&
	    (vm->has_vcpus != STATE_YES || q_back_end(q, MODEL_KVM_AMD) != STATE_NO))
		a_may_fail(a, R_CREATE_VCPU_APIC_PAGE);
	a_succeeds_value(a, R_CREATE_VCPU_SUCCEEDS);
	a_created(a);
	a_check(a, check_vcpu_id);
	if (cut)
		a_hold(a, R_CREATE_VCPU_ID_CUT);
}

static void learn_create_vcpu(struct learn *l)
{
	if (l->succeeded)
		l->vm->has_vcpus = STATE_YES;
}

/* api.rst 4.41 */
static void answer_set_boot_cpu_id(const struct question *q, struct answer *a)
{
	const uint64_t id = q->call->arg;
	const int32_t limit = q_cap(q, KVM_CAP_MAX_VCPU_ID);

	if (a_refuse(a, R_SET_BOOT_CPU_BEFORE_VCPUS, q->vm->has_vcpus))
		return;
	/* The limit itself is accepted. */
	if (a_refuse(a, R_SET_BOOT_CPU_RANGE,
		     tri_and(tri(limit > 0 && id > (uint32_t)limit),
			     q_rule(q, R_SET_BOOT_CPU_RANGE))))
		return;
	if (id > 254 || vm_cap_enabled(q->vm, KVM_CAP_MAX_VCPU_ID, &(uint64_t){0}) != STATE_NO)
		a_may_fail(a, R_SET_BOOT_CPU_RANGE);
	a_succeeds(a, R_SET_BOOT_CPU_SUCCEEDS);
}

static void learn_set_boot_cpu_id(struct learn *l)
{
	/* The kernel keeps 32 bits of it. */
	if (l->succeeded)
		l->vm->boot_cpu = (uint32_t)l->q->call->arg;
}

/* --- filters --------------------------------------------------------------------------------- */

struct msr_filter {
	uint64_t flags;
	bool empty;   /* no range has an MSR */
	bool invalid; /* a range is not one that a filter may have */
	bool nowhere; /* a bitmap before it was not captured */
};

static bool msr_filter_read(const struct question *q, struct msr_filter *f)
{
	*f = (struct msr_filter){.empty = true};
	if (!Q_IN(q, struct kvm_msr_filter, flags, &f->flags))
		return false;
	for (size_t i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
		size_t at = offsetof(struct kvm_msr_filter, ranges) +
			    i * sizeof(struct kvm_msr_filter_range);
		const struct tape_part *bitmap = q_part(q, (enum tape_role)(TAPE_NESTED_IN + i));
		uint64_t access, count;

		if (!q_field(q, q->in, at + offsetof(struct kvm_msr_filter_range, flags), 4,
			     &access) ||
		    !q_field(q, q->in, at + offsetof(struct kvm_msr_filter_range, nmsrs), 4,
			     &count))
			return false;
		if (!count)
			continue;
		f->empty = false;
		/* Whole 64-bit words, KVM_MSR_FILTER_MAX_BITMAP_SIZE (0x600) bytes at most. */
		if (!access || access & ~3ull || (count + 63) / 64 * 8 > 0x600)
			f->invalid = true;
		/* Ranges are taken one after the other, each with its bitmap. */
		else if (!f->invalid && (!bitmap || bitmap->have < bitmap->want))
			f->nowhere = true;
	}
	return true;
}

/* api.rst 4.97 */
static void answer_set_msr_filter(const struct question *q, struct answer *a)
{
	struct msr_filter f;

	if (!msr_filter_read(q, &f)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (a_refuse(a, R_MSR_FILTER_FLAGS,
		     tri(f.flags & ~(uint64_t)KVM_MSR_FILTER_DEFAULT_DENY)) ||
	    a_refuse(a, R_MSR_FILTER_EMPTY_DENY,
		     tri(f.empty && f.flags & KVM_MSR_FILTER_DEFAULT_DENY)))
		return;
	if (f.nowhere)
		a_may_fail_with(a, R_RETURN_ZERO_OR_ERROR, EFAULT);
	/* Older kernels read the bitmap before they look at the range. */
	if (a_refuse(a, R_MSR_FILTER_RANGE, tri(f.invalid && q_applies(q, R_MSR_FILTER_RANGE))) ||
	    a_refuse_any(a, R_MSR_FILTER_RANGE_OLD, tri(f.invalid)))
		return;
	a_succeeds(a, R_MSR_FILTER_SUCCEEDS);
}

/* An entry with bits that a masked event does not have on any processor. */
static bool masked_events_invalid(const struct question *q, uint64_t count)
{
	const uint64_t unused = 0xffffull << 16 | 0x7ffffull << 36;
	uint64_t event;

	for (uint64_t i = 0; i < count; i++) {
		if (q_field(q, q->in, sizeof(struct kvm_pmu_event_filter) + 8 * i, 8, &event) &&
		    event & unused)
			return true;
	}
	return false;
}

/* api.rst 4.120 */
static void answer_set_pmu_event_filter(const struct question *q, struct answer *a)
{
	uint64_t action, nevents, flags;
	bool bad;

	if (q_cap(q, KVM_CAP_PMU_EVENT_FILTER) == 0)
		a_may_fail(a, R_UNKNOWN_REQUEST_ENOTTY);
	if (!Q_IN(q, struct kvm_pmu_event_filter, action, &action) ||
	    !Q_IN(q, struct kvm_pmu_event_filter, nevents, &nevents) ||
	    !Q_IN(q, struct kvm_pmu_event_filter, flags, &flags)) {
		a_skip(a, "argument not captured");
		return;
	}
	bad = action > KVM_PMU_EVENT_DENY || flags & ~1ull;
	/* Which of the two is looked for first is a matter of the kernel. */
	if (a_refuse(a, R_PMU_FILTER_TOO_MANY, tri_may(false, bad)) ||
	    a_refuse(a, R_PMU_FILTER_ARGUMENT, tri_may(bad, nevents > 300)) ||
	    a_refuse(a, R_PMU_FILTER_TOO_MANY, tri(nevents > 300)))
		return;
	if (a_refuse(a, R_PMU_FILTER_ARGUMENT,
		     tri(flags && q_cap(q, KVM_CAP_PMU_EVENT_MASKED_EVENTS) == 0)) ||
	    a_refuse(a, R_PMU_FILTER_MASKED, tri(flags && masked_events_invalid(q, nevents))))
		return;
	if (flags)
		a_may_fail(a, R_PMU_FILTER_ARGUMENT);
	a_succeeds(a, R_PMU_FILTER_SUCCEEDS);
}

/* --- descriptors ----------------------------------------------------------------------------- */

/* api.rst 4.133 */
static void answer_get_stats_fd(const struct question *q, struct answer *a)
{
	if (a_refuse(a, R_UNKNOWN_REQUEST_ENOTTY, q_lacks(q, KVM_CAP_BINARY_STATS_FD)))
		return;
	a_succeeds_value(a, R_STATS_FD_SUCCEEDS);
	a_created(a);
}

/* The kernel may lack guest memory files: true if it does, and the answer is whole. */
static bool guest_memfd_lacks(const struct question *q, struct answer *a)
{
	const enum state_tri lacks = q_lacks(q, KVM_CAP_GUEST_MEMFD);

	const bool arm = lacks == STATE_YES && q->facts->arch == KVMAPI_ARM64;

	return a_refuse(a, R_UNKNOWN_REQUEST_ENOTTY, arm ? STATE_UNKNOWN : lacks) ||
	       a_refuse(a, R_UNKNOWN_VM_EINVAL, lacks);
}

static bool guest_memfd_read(const struct question *q, uint64_t *size, uint64_t *flags)
{
	return Q_IN(q, struct kvm_create_guest_memfd, size, size) &&
	       Q_IN(q, struct kvm_create_guest_memfd, flags, flags);
}

/* api.rst 4.142 */
static void answer_create_guest_memfd(const struct question *q, struct answer *a)
{
	const int32_t defined = q_cap(q, KVM_CAP_GUEST_MEMFD_FLAGS);
	uint64_t size, flags;

	if (guest_memfd_lacks(q, a))
		return;
	if (!guest_memfd_read(q, &size, &flags)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (a_refuse(a, R_GUEST_MEMFD_SIZE, tri(!size || size >> 63 || size % q_page(q))))
		return;
	/* Memory of VMs of other types begins private. */
	if (a_refuse(a, R_GUEST_MEMFD_FLAGS,
		     defined >= 0 && flags & ~(uint64_t)(uint32_t)defined ? STATE_YES
		     : flags && (defined < 0 || vm_typed(q))		  ? STATE_UNKNOWN
									  : STATE_NO))
		return;
	a_succeeds_value(a, R_GUEST_MEMFD_SUCCEEDS);
	a_created(a);
}

static void learn_create_guest_memfd(struct learn *l)
{
	uint64_t size, flags;

	if (l->succeeded && guest_memfd_read(l->q, &size, &flags))
		memslot_memfd(l, (uint32_t)l->ret->ret, size, flags);
}

/* --- memory encryption ----------------------------------------------------------------------- */

/* api.rst 4.110 to 4.112: with a back end that has none the request is one that KVM lacks. */
static void answer_memory_encrypt(const struct question *q, struct answer *a)
{
	if (a_refuse(a, R_MEMORY_ENCRYPT_NONE,
		     q_back_end(q, MODEL_KVM_AMD | MODEL_KVM_INTEL) == STATE_NO ? STATE_YES
										: STATE_UNKNOWN))
		return;
	a_may_succeed(a, R_MEMORY_ENCRYPT_DONE,
		      "commands of memory encryption have documents of their own");
}

static void learn_memory_encrypt(struct learn *l)
{
	if (l->succeeded)
		l->vm->encrypted = true;
}

/* Regions are of VMs that were made encrypted, or took that over from others. */
static void answer_encrypted_region(const struct question *q, struct answer *a)
{
	uint64_t from;

	if (!vm_typed(q) &&
	    vm_cap_enabled(q->vm, KVM_CAP_VM_COPY_ENC_CONTEXT_FROM, &from) == STATE_NO &&
	    vm_cap_enabled(q->vm, KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM, &from) == STATE_NO)
		a_must_fail(a, R_MEMORY_ENCRYPT_NONE);
	else
		answer_memory_encrypt(q, a);
}

/* --- requests that KVM does not have --------------------------------------------------------- */

/* api.rst 4.48 to 4.51, 4.53, 4.54 of 2015: kernels since 4.12 or so lack them. */
static void answer_removed(const struct question *q, struct answer *a)
{
	if (q_applies(q, R_REMOVED_ENOTTY)) {
		a_must_fail(a, R_REMOVED_ENOTTY);
		return;
	}
	/* Kernels of that age say whether they still have it. */
	if (a_refuse(a, R_UNKNOWN_REQUEST_ENOTTY, tri(q_cap(q, KVM_CAP_DEVICE_ASSIGNMENT) == 0)))
		return;
	a_may_succeed(a, R_RETURN_ZERO_OR_ERROR, "this kernel may still have device assignment");
}

/* api.rst 4.6, 4.9 */
static void answer_obsolete(const struct question *q, struct answer *a)
{
	(void)q;
	a_must_fail(a, R_OBSOLETE_VM_ENOTTY);
}

/* The kernel's own file layer answers some requests of every file, before KVM: close-on-exec,
 * non-blocking and such. */
static bool file_layer_request(uint32_t request)
{
	uint32_t magic = request >> 8 & 0xff;

	return magic == 0x54 || magic == 0x58 || magic == 0x66 || magic == 0x94 || magic == 0x15 ||
	       magic == 0x12 || !magic;
}

/* A kernel newer than the table of ioctls may have one that the table does not. */
static bool request_is_new(const struct question *q)
{
	return (q->call->request >> 8 & 0xff) == KVM_MAGIC && q_maybe_newer(q);
}

/* Which rule refuses a request that KVM does not have. */
static uint16_t request_refused_by(const struct question *q)
{
	uint16_t einval = R_NONE;

	switch (q->call->kind) {
	case KVMAPI_SYSTEM:
		einval = R_UNKNOWN_SYSTEM_EINVAL;
		break;
	case KVMAPI_VCPU:
		einval = R_UNKNOWN_VCPU_EINVAL;
		break;
	case KVMAPI_VM:
		einval = R_UNKNOWN_VM_EINVAL;
		break;
	default:
		break;
	}
	return einval != R_NONE && q_applies(q, einval) ? einval : R_UNKNOWN_REQUEST_ENOTTY;
}

/* Whether a newer kernel has the request shows in its success. */
static void check_new_request(const struct question *q, struct judge *j)
{
	if (j->ret->ret >= 0)
		j_skip(j, "an ioctl that this program's table does not have");
	else
		j_must_fail(j, request_refused_by(q));
}

static void answer_unknown_request(const struct question *q, struct answer *a)
{
	if (file_layer_request(q->call->request)) {
		a_when_always(a);
		a_hold(a, R_RETURN_ZERO_OR_ERROR);
		a_silent(a, "no request of KVM");
		a_when_end(a);
	} else if (request_is_new(q)) {
		a_check_always(a, check_new_request);
	} else {
		a_must_fail(a, request_refused_by(q));
	}
}

static void learn_unknown_request(struct learn *l)
{
	if (request_is_new(l->q) && !file_layer_request(l->q->call->request) && l->ret->ret >= 0 &&
	    l->vm)
		state_vm_forget(l->vm);
}

const struct handler model_unknown_request = {
	.answer = answer_unknown_request,
	.learn = learn_unknown_request,
};

const struct handler model_vm_handlers[] = {
	{"KVM_CREATE_VCPU", KVMAPI_VM, .answer = answer_create_vcpu, .learn = learn_create_vcpu,
	 .made = vcpu_reset},
	{"KVM_SET_BOOT_CPU_ID", KVMAPI_VM, .answer = answer_set_boot_cpu_id,
	 .learn = learn_set_boot_cpu_id},
	{"KVM_X86_SET_MSR_FILTER", KVMAPI_VM, .answer = answer_set_msr_filter},
	{"KVM_SET_PMU_EVENT_FILTER", KVMAPI_VM, .answer = answer_set_pmu_event_filter},
	{"KVM_GET_STATS_FD", KVMAPI_VM, .answer = answer_get_stats_fd},
	{"KVM_CREATE_GUEST_MEMFD", KVMAPI_VM, .answer = answer_create_guest_memfd,
	 .learn = learn_create_guest_memfd},
	{"KVM_MEMORY_ENCRYPT_OP", KVMAPI_VM, .answer = answer_memory_encrypt,
	 .learn = learn_memory_encrypt},
	{"KVM_MEMORY_ENCRYPT_REG_REGION", KVMAPI_VM, .answer = answer_encrypted_region,
	 .learn = learn_memory_encrypt},
	{"KVM_MEMORY_ENCRYPT_UNREG_REGION", KVMAPI_VM, .answer = answer_encrypted_region,
	 .learn = learn_memory_encrypt},
	{"KVM_ASSIGN_PCI_DEVICE", KVMAPI_VM, .answer = answer_removed},
	{"KVM_DEASSIGN_PCI_DEVICE", KVMAPI_VM, .answer = answer_removed},
	{"KVM_ASSIGN_IRQ", KVMAPI_VM, .answer = answer_removed},
	{"KVM_ASSIGN_DEV_IRQ", KVMAPI_VM, .answer = answer_removed},
	{"KVM_DEASSIGN_DEV_IRQ", KVMAPI_VM, .answer = answer_removed},
	{"KVM_ASSIGN_SET_MSIX_NR", KVMAPI_VM, .answer = answer_removed},
	{"KVM_ASSIGN_SET_MSIX_ENTRY", KVMAPI_VM, .answer = answer_removed},
	{"KVM_ASSIGN_SET_INTX_MASK", KVMAPI_VM, .answer = answer_removed},
	{"KVM_SET_MEMORY_REGION", KVMAPI_VM, .answer = answer_obsolete},
	{"KVM_SET_MEMORY_ALIAS", KVMAPI_VM, .answer = answer_obsolete},
	{NULL, 0, .answer = NULL},
};
