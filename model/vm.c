/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls on a VM that no other file has: vCPUs (api.rst 4.7, 4.41), the MSR and PMU filters
 * (4.97, 4.120), memory encryption (4.110 to 4.112), statistics (4.133), guest memory files
 * (4.142); and requests that KVM does not have: removed ones (4.48 to 4.54) and unknown ones.
 */
#include "kvmapi/kvm_newer.h"
#include "model/internal.h"
#include "model/vm.h"

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

void vm_buffer_may_fault(struct judge *j, const struct tape_part *part)
{
	if (!part || part->have < part->want)
		j_may_fail_with(j, R_RETURN_ZERO_OR_ERROR, EFAULT);
}

/* --- vCPUs ----------------------------------------------------------------------------------- */

/* api.rst 4.7 */
static void create_vcpu(struct judge *j)
{
	struct state_vm *vm = j->vm;
	const struct tape_object *o;
	uint64_t id = j->q->call->arg, limit = 0;
	int32_t most_id = q_cap(j->q, KVM_CAP_MAX_VCPU_ID), most = q_cap(j->q, KVM_CAP_MAX_VCPUS);
	enum state_tri limited = vm_cap_enabled(vm, KVM_CAP_MAX_VCPU_ID, &limit);
	bool cut = id >> 32 && q_kernel(j->q) && q_applies(j->q, R_CREATE_VCPU_ID_CUT);

	/* Kernels before 6.11 looked at the lower half of the argument only. */
	if (cut)
		id = (uint32_t)id;
	if (most_id > 0 && id >= (uint64_t)most_id) {
		j_must_fail(j, R_CREATE_VCPU_ID_RANGE);
		return;
	}
	if (j_refuse(j, R_CREATE_VCPU_ID_LIMIT, tri(limited == STATE_YES && limit && id >= limit)))
		return;
	if (most > 0 && vm->vcpu_count >= (uint32_t)most) {
		j_must_fail(j, R_CREATE_VCPU_TOO_MANY);
		return;
	}
	/*
	 * Limits are looked at first.  Some are not on the tape; tables of AVIC and x2AVIC hold
	 * fewer ids.
	 */
	if (!vm->fresh)
		j_may_fail(j, R_CREATE_VCPU_TOO_MANY);
	if (id >= 255 || vm_typed(j->q) || most_id <= 0 || most <= 0 || limited == STATE_UNKNOWN)
		j_may_fail(j, R_CREATE_VCPU_ID_RANGE);
	if (j_refuse(j, R_CREATE_VCPU_ID_TAKEN,
		     state_vm_vcpu_number(vm, id) ? STATE_YES
		     : vm->fresh		  ? STATE_NO
						  : STATE_UNKNOWN))
		return;
	/* The first vCPU brings the identity map. */
	if (vm->has_vcpus != STATE_YES && vm_backend_may_be(j->q, "kvm_intel") &&
	    memslot_identity_map_taken(vm))
		j_may_fail(j, R_SET_IDENTITY_MAP_CONFLICT);
	/* So does its local APIC; kvm_amd may come to need the page later. */
	if (memslot_apic_page_taken(vm) &&
	    ((vm->has_vcpus != STATE_YES && vm_backend_may_be(j->q, "kvm_intel")) ||
	     vm_backend_may_be(j->q, "kvm_amd")))
		j_may_fail(j, R_CREATE_VCPU_APIC_PAGE);
	if (!j_succeeds_value(j, R_CREATE_VCPU_SUCCEEDS))
		return;
	vm->has_vcpus = STATE_YES;
	vm_created(j, j->ret->ret);
	o = j_created(j);
	if (o && o->number != UINT64_MAX)
		j_equal(j, R_CREATE_VCPU_ID_GIVEN, "id of the new vCPU", id,
			cut ? (uint32_t)o->number : o->number);
	if (cut)
		j_hold(j, R_CREATE_VCPU_ID_CUT);
}

/* api.rst 4.41 */
static void set_boot_cpu_id(struct judge *j)
{
	struct state_vm *vm = j->vm;
	uint64_t id = j->q->call->arg;
	int32_t limit = q_cap(j->q, KVM_CAP_MAX_VCPU_ID);

	if (j_refuse(j, R_SET_BOOT_CPU_BEFORE_VCPUS, vm->has_vcpus))
		return;
	/* The limit itself is accepted. Kernels before 6.10 do not look. */
	if (limit > 0 && id > (uint32_t)limit && q_kernel(j->q) >= MODEL_KERNEL(6, 12)) {
		j_must_fail(j, R_SET_BOOT_CPU_RANGE);
		return;
	}
	if (id > 254)
		j_may_fail(j, R_SET_BOOT_CPU_RANGE);
	if (vm_cap_enabled(vm, KVM_CAP_MAX_VCPU_ID, &(uint64_t){0}) != STATE_NO)
		j_may_fail(j, R_SET_BOOT_CPU_RANGE);
	/* The kernel keeps 32 bits of it. */
	if (j_succeeds(j, R_SET_BOOT_CPU_SUCCEEDS))
		vm->boot_cpu = (uint32_t)id;
}

/* --- filters --------------------------------------------------------------------------------- */

/* api.rst 4.97 */
static void set_msr_filter(struct judge *j)
{
	bool empty = true, invalid = false, nowhere = false;
	uint64_t flags;

	if (!Q_IN(j->q, struct kvm_msr_filter, flags, &flags)) {
		j_skip(j, "argument not captured");
		return;
	}
	for (size_t i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
		size_t at = offsetof(struct kvm_msr_filter, ranges) +
			    i * sizeof(struct kvm_msr_filter_range);
		const struct tape_part *bitmap = j_part(j, (enum tape_role)(TAPE_NESTED_IN + i));
		uint64_t access, count;

		if (!q_field(j->q, j->q->in, at + offsetof(struct kvm_msr_filter_range, flags), 4,
			     &access) ||
		    !q_field(j->q, j->q->in, at + offsetof(struct kvm_msr_filter_range, nmsrs), 4,
			     &count)) {
			j_skip(j, "argument not captured");
			return;
		}
		if (!count)
			continue;
		empty = false;
		/* Whole 64-bit words, KVM_MSR_FILTER_MAX_BITMAP_SIZE (0x600) bytes at most. */
		if (!access || access & ~3ull || (count + 63) / 64 * 8 > 0x600)
			invalid = true;
		/* Ranges are taken one after the other, each with its bitmap. */
		else if (!invalid && (!bitmap || bitmap->have < bitmap->want))
			nowhere = true;
	}
	if (flags & ~(uint64_t)KVM_MSR_FILTER_DEFAULT_DENY) {
		j_must_fail(j, R_MSR_FILTER_FLAGS);
		return;
	}
	if (empty && flags & KVM_MSR_FILTER_DEFAULT_DENY) {
		j_must_fail(j, R_MSR_FILTER_EMPTY_DENY);
		return;
	}
	if (nowhere)
		j_may_fail_with(j, R_RETURN_ZERO_OR_ERROR, EFAULT);
	if (invalid && q_applies(j->q, R_MSR_FILTER_RANGE)) {
		j_must_fail(j, R_MSR_FILTER_RANGE);
		return;
	}
	if (invalid) {
		/* Older kernels read the bitmap before they look at the range. */
		j_may_fail_with(j, R_MSR_FILTER_RANGE_OLD, EFAULT);
		j_must_fail_with(j, R_MSR_FILTER_RANGE_OLD, EINVAL);
		return;
	}
	j_succeeds(j, R_MSR_FILTER_SUCCEEDS);
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
static void set_pmu_event_filter(struct judge *j)
{
	uint64_t action, nevents, flags;

	if (q_cap(j->q, KVM_CAP_PMU_EVENT_FILTER) == 0)
		j_may_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
	if (!Q_IN(j->q, struct kvm_pmu_event_filter, action, &action) ||
	    !Q_IN(j->q, struct kvm_pmu_event_filter, nevents, &nevents) ||
	    !Q_IN(j->q, struct kvm_pmu_event_filter, flags, &flags)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (action > KVM_PMU_EVENT_DENY || flags & ~1ull) {
		j_may_fail(j, R_PMU_FILTER_TOO_MANY);
		j_must_fail(j, R_PMU_FILTER_ARGUMENT);
		return;
	}
	if (nevents > 300) {
		j_may_fail(j, R_PMU_FILTER_ARGUMENT);
		j_must_fail(j, R_PMU_FILTER_TOO_MANY);
		return;
	}
	if (flags && q_cap(j->q, KVM_CAP_PMU_EVENT_MASKED_EVENTS) == 0) {
		j_must_fail(j, R_PMU_FILTER_ARGUMENT);
		return;
	}
	if (flags && masked_events_invalid(j->q, nevents)) {
		j_must_fail(j, R_PMU_FILTER_MASKED);
		return;
	}
	if (flags)
		j_may_fail(j, R_PMU_FILTER_ARGUMENT);
	j_succeeds(j, R_PMU_FILTER_SUCCEEDS);
}

/* --- descriptors ----------------------------------------------------------------------------- */

/* api.rst 4.133 */
static void get_stats_fd(struct judge *j)
{
	if (j_refuse(j, R_UNKNOWN_REQUEST_ENOTTY, q_lacks(j->q, KVM_CAP_BINARY_STATS_FD)))
		return;
	if (j_succeeds_value(j, R_STATS_FD_SUCCEEDS))
		vm_created(j, j->ret->ret);
}

/* api.rst 4.142 */
static void create_guest_memfd(struct judge *j)
{
	uint64_t size, flags;
	int32_t defined;

	if (q_cap(j->q, KVM_CAP_GUEST_MEMFD) == 0) {
		if (model_facts(j->q->m)->arch == KVMAPI_ARM64) {
			j_may_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
			j_must_fail(j, R_UNKNOWN_VM_EINVAL);
		} else {
			j_must_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
		}
		return;
	}
	if (q_cap(j->q, KVM_CAP_GUEST_MEMFD) < 0) {
		j_may_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
		j_may_fail(j, R_UNKNOWN_VM_EINVAL);
	}
	if (!Q_IN(j->q, struct kvm_create_guest_memfd, size, &size) ||
	    !Q_IN(j->q, struct kvm_create_guest_memfd, flags, &flags)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (j_refuse(j, R_GUEST_MEMFD_SIZE, tri(!size || size >> 63 || size % q_page(j->q))))
		return;
	defined = q_cap(j->q, KVM_CAP_GUEST_MEMFD_FLAGS);
	/* Memory of VMs of other types begins private. */
	if (j_refuse(j, R_GUEST_MEMFD_FLAGS,
		     defined >= 0 && flags & ~(uint64_t)(uint32_t)defined ? STATE_YES
		     : flags && (defined < 0 || vm_typed(j->q))		  ? STATE_UNKNOWN
									  : STATE_NO))
		return;
	if (!j_succeeds_value(j, R_GUEST_MEMFD_SUCCEEDS))
		return;
	vm_created(j, j->ret->ret);
	memslot_memfd(j->l, (uint32_t)j->ret->ret, size, flags);
}

/* --- memory encryption ----------------------------------------------------------------------- */

/* api.rst 4.110 to 4.112: with a back end that has none the request is one that KVM lacks. */
static void memory_encrypt(struct judge *j)
{
	if (!vm_backend_may_be(j->q, "kvm_amd") && !vm_backend_may_be(j->q, "kvm_intel")) {
		j_must_fail(j, R_MEMORY_ENCRYPT_NONE);
		return;
	}
	j_may_fail(j, R_MEMORY_ENCRYPT_NONE);
	if (j_may_succeed(j, R_MEMORY_ENCRYPT_DONE,
			  "commands of memory encryption have documents of their own"))
		j->vm->scratch[VM_SCRATCH_ENCRYPTED] = 1;
}

/* Regions are of VMs that were made encrypted, or took that over from others. */
static void encrypted_region(struct judge *j)
{
	uint64_t from;

	if (!vm_typed(j->q) &&
	    vm_cap_enabled(j->vm, KVM_CAP_VM_COPY_ENC_CONTEXT_FROM, &from) == STATE_NO &&
	    vm_cap_enabled(j->vm, KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM, &from) == STATE_NO)
		j_must_fail(j, R_MEMORY_ENCRYPT_NONE);
	else
		memory_encrypt(j);
}

/* --- requests that KVM does not have --------------------------------------------------------- */

/* api.rst 4.48 to 4.51, 4.53, 4.54 of 2015: kernels since 4.12 or so lack them. */
static void removed(struct judge *j)
{
	if (q_applies(j->q, R_REMOVED_ENOTTY)) {
		j_must_fail(j, R_REMOVED_ENOTTY);
		return;
	}
	/* Kernels of that age say whether they still have it. */
	if (q_cap(j->q, KVM_CAP_DEVICE_ASSIGNMENT) == 0) {
		j_must_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
		return;
	}
	j_may_succeed(j, R_RETURN_ZERO_OR_ERROR, "this kernel may still have device assignment");
}

/* api.rst 4.6, 4.9 */
static void obsolete(struct judge *j)
{
	j_must_fail(j, R_OBSOLETE_VM_ENOTTY);
}

/* The kernel's own file layer answers some requests of every file, before KVM: close-on-exec,
 * non-blocking and such. */
static bool file_layer_request(uint32_t request)
{
	uint32_t magic = request >> 8 & 0xff;

	return magic == 0x54 || magic == 0x58 || magic == 0x66 || magic == 0x94 || magic == 0x15 ||
	       magic == 0x12 || !magic;
}

void model_unknown_request(struct judge *j)
{
	uint32_t request = j->q->call->request;
	bool kvm = (request >> 8 & 0xff) == KVM_MAGIC;
	uint16_t einval = R_NONE;

	if (file_layer_request(request)) {
		j_hold(j, R_RETURN_ZERO_OR_ERROR);
		j_silent(j, "no request of KVM");
		return;
	}
	/* A kernel newer than this model's table may know more. */
	if (kvm && q_maybe_newer(j->q) && j->ret->ret >= 0) {
		if (j->vm)
			state_vm_forget(j->vm);
		j_skip(j, "an ioctl that this program's table does not have");
		return;
	}
	switch (j->q->call->kind) {
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
	if (einval != R_NONE && q_applies(j->q, einval))
		j_must_fail(j, einval);
	else
		j_must_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
}

const struct judge_handler model_vm_handlers[] = {
	{"KVM_CREATE_VCPU", KVMAPI_VM, .judge = create_vcpu},
	{"KVM_SET_BOOT_CPU_ID", KVMAPI_VM, .judge = set_boot_cpu_id},
	{"KVM_X86_SET_MSR_FILTER", KVMAPI_VM, .judge = set_msr_filter},
	{"KVM_SET_PMU_EVENT_FILTER", KVMAPI_VM, .judge = set_pmu_event_filter},
	{"KVM_GET_STATS_FD", KVMAPI_VM, .judge = get_stats_fd},
	{"KVM_CREATE_GUEST_MEMFD", KVMAPI_VM, .judge = create_guest_memfd},
	{"KVM_MEMORY_ENCRYPT_OP", KVMAPI_VM, .judge = memory_encrypt},
	{"KVM_MEMORY_ENCRYPT_REG_REGION", KVMAPI_VM, .judge = encrypted_region},
	{"KVM_MEMORY_ENCRYPT_UNREG_REGION", KVMAPI_VM, .judge = encrypted_region},
	{"KVM_ASSIGN_PCI_DEVICE", KVMAPI_VM, .judge = removed},
	{"KVM_DEASSIGN_PCI_DEVICE", KVMAPI_VM, .judge = removed},
	{"KVM_ASSIGN_IRQ", KVMAPI_VM, .judge = removed},
	{"KVM_ASSIGN_DEV_IRQ", KVMAPI_VM, .judge = removed},
	{"KVM_DEASSIGN_DEV_IRQ", KVMAPI_VM, .judge = removed},
	{"KVM_ASSIGN_SET_MSIX_NR", KVMAPI_VM, .judge = removed},
	{"KVM_ASSIGN_SET_MSIX_ENTRY", KVMAPI_VM, .judge = removed},
	{"KVM_ASSIGN_SET_INTX_MASK", KVMAPI_VM, .judge = removed},
	{"KVM_SET_MEMORY_REGION", KVMAPI_VM, .judge = obsolete},
	{"KVM_SET_MEMORY_ALIAS", KVMAPI_VM, .judge = obsolete},
	{NULL, 0, .judge = NULL},
};
