/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls on a VM that no other file has: vCPUs (api.rst 4.7, 4.41), the MSR and PMU filters
 * (4.97, 4.120), memory encryption (4.110 to 4.112), statistics (4.133), Xen
 * (4.28, 4.126, 4.127, 4.135), guest memory files (4.142); and requests that KVM does not have:
 * removed ones (4.48 to 4.54) and unknown ones.
 */
#include <linux/kvm.h>

#include "model/internal.h"
#include "model/vm.h"

#define KVM_MAGIC 0xae

/* --- vCPUs ----------------------------------------------------------------------------------- */

/* api.rst 4.7 */
static void create_vcpu(struct judge *j)
{
	struct state_vm *vm = j->vm;
	const struct tape_object *o;
	uint64_t id = j->call->arg, limit = 0;
	int32_t most_id = j_cap(j, KVM_CAP_MAX_VCPU_ID), most = j_cap(j, KVM_CAP_MAX_VCPUS);
	enum state_tri limited = vm_cap_enabled(vm, KVM_CAP_MAX_VCPU_ID, &limit);

	if (most_id > 0 && id >= (uint64_t)most_id) {
		j_must_fail(j, R_CREATE_VCPU_ID_RANGE, EINVAL);
		return;
	}
	if (limited == STATE_YES && limit && id >= limit) {
		j_must_fail(j, R_CREATE_VCPU_ID_LIMIT, EINVAL);
		return;
	}
	if (most > 0 && vm->vcpu_count >= (uint32_t)most) {
		j_must_fail(j, R_CREATE_VCPU_TOO_MANY, EINVAL);
		return;
	}
	if (state_vm_vcpu_number(vm, id)) {
		j_must_fail(j, R_CREATE_VCPU_ID_TAKEN, EEXIST);
		return;
	}
	if (!vm->fresh) {
		j_may_fail(j, R_CREATE_VCPU_ID_TAKEN, EEXIST);
		j_may_fail(j, R_CREATE_VCPU_TOO_MANY, EINVAL);
	}
	/* Tables of AVIC and x2AVIC hold fewer ids; some answers are not on the tape. */
	if (id >= 255 || vm_typed(j) || most_id <= 0 || most <= 0 || limited == STATE_UNKNOWN)
		j_may_fail(j, R_CREATE_VCPU_ID_RANGE, EINVAL);
	if (!j_succeeds_value(j, R_CREATE_VCPU_SUCCEEDS))
		return;
	vm->has_vcpus = STATE_YES;
	vm_created(j, j->ret->ret);
	o = j_created(j);
	if (o && o->number != UINT64_MAX)
		j_equal(j, R_CREATE_VCPU_ID_GIVEN, "id of the new vCPU", id, o->number);
}

/* api.rst 4.41 */
static void set_boot_cpu_id(struct judge *j)
{
	struct state_vm *vm = j->vm;
	uint64_t id = j->call->arg;

	if (vm->has_vcpus == STATE_YES) {
		j_must_fail(j, R_SET_BOOT_CPU_BEFORE_VCPUS, EBUSY);
		return;
	}
	if (vm->has_vcpus == STATE_UNKNOWN)
		j_may_fail(j, R_SET_BOOT_CPU_BEFORE_VCPUS, EBUSY);
	/* The limit itself is accepted. Kernels before 6.10 do not look. */
	if (id > 4096 && j_kernel(j) >= MODEL_KERNEL(6, 12)) {
		j_must_fail(j, R_SET_BOOT_CPU_RANGE, EINVAL);
		return;
	}
	if (id > 254)
		j_may_fail(j, R_SET_BOOT_CPU_RANGE, EINVAL);
	if (vm_cap_enabled(vm, KVM_CAP_MAX_VCPU_ID, &(uint64_t){0}) != STATE_NO)
		j_may_fail(j, R_SET_BOOT_CPU_RANGE, EINVAL);
	if (j_succeeds(j, R_SET_BOOT_CPU_SUCCEEDS))
		vm->boot_cpu = id;
}

/* --- filters --------------------------------------------------------------------------------- */

/* api.rst 4.97 */
static void set_msr_filter(struct judge *j)
{
	bool empty = true, invalid = false;
	uint64_t flags;

	if (!J_IN(j, struct kvm_msr_filter, flags, &flags)) {
		j_skip(j, "argument not captured");
		return;
	}
	for (size_t i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
		size_t at = offsetof(struct kvm_msr_filter, ranges) +
			    i * sizeof(struct kvm_msr_filter_range);
		uint64_t access, count;

		if (!j_field(j, j->in, at + offsetof(struct kvm_msr_filter_range, flags), 4,
			     &access) ||
		    !j_field(j, j->in, at + offsetof(struct kvm_msr_filter_range, nmsrs), 4,
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
	}
	if (flags & ~(uint64_t)KVM_MSR_FILTER_DEFAULT_DENY) {
		j_must_fail(j, R_MSR_FILTER_FLAGS, EINVAL);
		return;
	}
	if (empty && flags & KVM_MSR_FILTER_DEFAULT_DENY) {
		j_must_fail(j, R_MSR_FILTER_EMPTY_DENY, EINVAL);
		return;
	}
	if (invalid) {
		j_must_fail(j, R_MSR_FILTER_RANGE, EINVAL);
		return;
	}
	j_succeeds(j, R_MSR_FILTER_SUCCEEDS);
}

/* api.rst 4.120 */
static void set_pmu_event_filter(struct judge *j)
{
	uint64_t action, nevents, flags;

	if (j_cap(j, KVM_CAP_PMU_EVENT_FILTER) == 0)
		j_may_fail(j, R_UNKNOWN_REQUEST_ENOTTY, ENOTTY);
	if (!J_IN(j, struct kvm_pmu_event_filter, action, &action) ||
	    !J_IN(j, struct kvm_pmu_event_filter, nevents, &nevents) ||
	    !J_IN(j, struct kvm_pmu_event_filter, flags, &flags)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (action > KVM_PMU_EVENT_DENY || flags & ~1ull) {
		j_may_fail(j, R_PMU_FILTER_TOO_MANY, E2BIG);
		j_must_fail(j, R_PMU_FILTER_ARGUMENT, EINVAL);
		return;
	}
	if (nevents > 300) {
		j_may_fail(j, R_PMU_FILTER_ARGUMENT, EINVAL);
		j_must_fail(j, R_PMU_FILTER_TOO_MANY, E2BIG);
		return;
	}
	/* Masked events have a form of their own, older kernels took no flags at all. */
	if (flags)
		j_may_fail(j, R_PMU_FILTER_ARGUMENT, EINVAL);
	j_succeeds(j, R_PMU_FILTER_SUCCEEDS);
}

/* --- descriptors ----------------------------------------------------------------------------- */

/* api.rst 4.133 */
static void get_stats_fd(struct judge *j)
{
	if (j_cap(j, KVM_CAP_BINARY_STATS_FD) == 0) {
		j_must_fail(j, R_UNKNOWN_REQUEST_ENOTTY, ENOTTY);
		return;
	}
	if (j_cap(j, KVM_CAP_BINARY_STATS_FD) < 0)
		j_may_fail(j, R_UNKNOWN_REQUEST_ENOTTY, ENOTTY);
	if (j_succeeds_value(j, R_STATS_FD_SUCCEEDS))
		vm_created(j, j->ret->ret);
}

/* api.rst 4.142 */
static void create_guest_memfd(struct judge *j)
{
	uint64_t size, flags;

	if (j_cap(j, KVM_CAP_GUEST_MEMFD) == 0 && j_kernel(j) && j_kernel(j) < MODEL_KERNEL(6, 8)) {
		j_must_fail(j, R_UNKNOWN_REQUEST_ENOTTY, ENOTTY);
		return;
	}
	j_may_fail(j, R_UNKNOWN_REQUEST_ENOTTY, ENOTTY);
	if (!J_IN(j, struct kvm_create_guest_memfd, size, &size) ||
	    !J_IN(j, struct kvm_create_guest_memfd, flags, &flags)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (!size || size >> 63 || size % 4096) {
		j_must_fail(j, R_GUEST_MEMFD_SIZE, EINVAL);
		return;
	}
	if (flags)
		j_may_fail(j, R_GUEST_MEMFD_SIZE, EINVAL);
	if (j_succeeds_value(j, R_GUEST_MEMFD_SUCCEEDS))
		vm_created(j, j->ret->ret);
}

/* --- memory encryption, Xen ------------------------------------------------------------------ */

/* api.rst 4.110 to 4.112: with a back end that has none the request is one that KVM lacks. */
static void memory_encrypt(struct judge *j)
{
	if (!vm_backend_may_be(j, "kvm_amd") && !vm_backend_may_be(j, "kvm_intel")) {
		j_must_fail(j, R_MEMORY_ENCRYPT_NONE, ENOTTY);
		return;
	}
	j_may_fail(j, R_MEMORY_ENCRYPT_NONE, ENOTTY);
	if (j_may_succeed(j, R_MEMORY_ENCRYPT_DONE,
			  "commands of memory encryption have documents of their own"))
		j->vm->scratch[VM_SCRATCH_ENCRYPTED] = 1;
}

/* api.rst 4.28 */
static void xen_hvm_config(struct judge *j)
{
	int32_t cap = j_cap(j, KVM_CAP_XEN_HVM);
	uint64_t flags, msr, blobs;

	if (cap == 0) {
		j_must_fail(j, R_UNKNOWN_REQUEST_ENOTTY, ENOTTY);
		return;
	}
	if (!J_IN(j, struct kvm_xen_hvm_config, flags, &flags) ||
	    !J_IN(j, struct kvm_xen_hvm_config, msr, &msr) ||
	    !j_field(j, j->in, offsetof(struct kvm_xen_hvm_config, blob_size_32), 2, &blobs)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (cap > 0 && flags & ~(uint64_t)(uint32_t)cap) {
		j_must_fail(j, R_XEN_CONFIG_ARGUMENT, EINVAL);
		return;
	}
	j_may_fail(j, R_XEN_CONFIG_ARGUMENT, EINVAL);
	/* Which flags go together varies between kernels. */
	j_succeeds(j, R_XEN_CONFIG_SUCCEEDS);
}

/* api.rst 4.126, 4.127, 4.135 */
static void xen_other(struct judge *j)
{
	if (j_cap(j, KVM_CAP_XEN_HVM) == 0) {
		j_must_fail(j, R_UNKNOWN_REQUEST_ENOTTY, ENOTTY);
		return;
	}
	j_may_fail(j, R_XEN_REFUSED, EINVAL);
	j_may_fail(j, R_XEN_REFUSED, ENOENT);
	j_may_fail(j, R_XEN_REFUSED, EEXIST);
	if (j_may_succeed(j, R_XEN_OTHER, "the model has no state of Xen's event channels"))
		j_silent(j, "the model has no state of Xen's event channels");
}

/* --- requests that KVM does not have --------------------------------------------------------- */

/* api.rst 4.48 to 4.51, 4.53, 4.54 of 2015: kernels since 4.12 or so lack them. */
static void removed(struct judge *j)
{
	j_must_fail(j, R_REMOVED_ENOTTY, ENOTTY);
}

/* api.rst 4.6, 4.9 */
static void obsolete(struct judge *j)
{
	j_must_fail(j, R_OBSOLETE_VM_ENOTTY, ENOTTY);
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
	uint32_t request = j->call->request;
	bool kvm = (request >> 8 & 0xff) == KVM_MAGIC;

	if (file_layer_request(request)) {
		j_hold(j, R_RETURN_ZERO_OR_ERROR);
		j_silent(j, "no request of KVM");
		return;
	}
	/* A kernel newer than this model's table may know more. */
	if (kvm && (!j_kernel(j) || j_kernel(j) > MODEL_KERNEL(7, 2)) && j->ret->ret >= 0) {
		j_skip(j, "an ioctl that this program's table does not have");
		return;
	}
	switch (j->call->kind) {
	case KVMAPI_SYSTEM:
		j_must_fail(j, R_UNKNOWN_SYSTEM_EINVAL, EINVAL);
		break;
	case KVMAPI_VCPU:
		j_must_fail(j, R_UNKNOWN_VCPU_EINVAL, EINVAL);
		break;
	default:
		j_must_fail(j, R_UNKNOWN_REQUEST_ENOTTY, ENOTTY);
		break;
	}
}

const struct judge_handler model_vm_handlers[] = {
	{"KVM_CREATE_VCPU", KVMAPI_VM, create_vcpu, NULL},
	{"KVM_SET_BOOT_CPU_ID", KVMAPI_VM, set_boot_cpu_id, NULL},
	{"KVM_X86_SET_MSR_FILTER", KVMAPI_VM, set_msr_filter, NULL},
	{"KVM_SET_PMU_EVENT_FILTER", KVMAPI_VM, set_pmu_event_filter, NULL},
	{"KVM_GET_STATS_FD", KVMAPI_VM, get_stats_fd, NULL},
	{"KVM_CREATE_GUEST_MEMFD", KVMAPI_VM, create_guest_memfd, NULL},
	{"KVM_MEMORY_ENCRYPT_OP", KVMAPI_VM, memory_encrypt, NULL},
	{"KVM_MEMORY_ENCRYPT_REG_REGION", KVMAPI_VM, memory_encrypt, NULL},
	{"KVM_MEMORY_ENCRYPT_UNREG_REGION", KVMAPI_VM, memory_encrypt, NULL},
	{"KVM_XEN_HVM_CONFIG", KVMAPI_VM, xen_hvm_config, NULL},
	{"KVM_XEN_HVM_GET_ATTR", KVMAPI_VM, xen_other, NULL},
	{"KVM_XEN_HVM_SET_ATTR", KVMAPI_VM, xen_other, NULL},
	{"KVM_XEN_HVM_EVTCHN_SEND", KVMAPI_VM, xen_other, NULL},
	{"KVM_ASSIGN_PCI_DEVICE", KVMAPI_VM, removed, NULL},
	{"KVM_DEASSIGN_PCI_DEVICE", KVMAPI_VM, removed, NULL},
	{"KVM_ASSIGN_IRQ", KVMAPI_VM, removed, NULL},
	{"KVM_ASSIGN_DEV_IRQ", KVMAPI_VM, removed, NULL},
	{"KVM_DEASSIGN_DEV_IRQ", KVMAPI_VM, removed, NULL},
	{"KVM_ASSIGN_SET_MSIX_NR", KVMAPI_VM, removed, NULL},
	{"KVM_ASSIGN_SET_MSIX_ENTRY", KVMAPI_VM, removed, NULL},
	{"KVM_ASSIGN_SET_INTX_MASK", KVMAPI_VM, removed, NULL},
	{"KVM_SET_MEMORY_REGION", KVMAPI_VM, obsolete, NULL},
	{"KVM_SET_MEMORY_ALIAS", KVMAPI_VM, obsolete, NULL},
	{NULL, 0, NULL, NULL},
};
