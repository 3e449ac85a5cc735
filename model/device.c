/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices: KVM_CREATE_DEVICE (api.rst 4.79), attributes (4.80, 4.81) of devices and of VMs, the
 * VFIO device (devices/vfio.rst).  On x86 there is no other type, and a VM has no attributes.
 */
#include "kvmapi/kvm_newer.h"
#include "model/vm.h"

/* A closed device is released, or, while something holds it, is not. */
static enum state_tri has_vfio(const struct state_vm *vm)
{
	enum state_tri has = vm->fresh ? STATE_NO : STATE_UNKNOWN;

	for (uint32_t i = 0; i < vm->device_count && has != STATE_YES; i++) {
		const struct state_device *d = vm->devices[i];

		if (d->type == KVM_DEV_TYPE_VFIO && !d->closed)
			has = STATE_YES;
		else if (d->type == KVM_DEV_TYPE_VFIO || d->type == UINT64_MAX)
			has = STATE_UNKNOWN;
	}
	return has;
}

/* api.rst 4.79 */
static void create_device(struct judge *j)
{
	uint64_t type, flags, fd, before;

	if (!Q_IN(j->q, struct kvm_create_device, type, &type) ||
	    !Q_IN(j->q, struct kvm_create_device, flags, &flags)) {
		j_skip(j, "argument not captured");
		return;
	}
	if (type != KVM_DEV_TYPE_VFIO) {
		/* The types that are known today belong to other architectures. */
		if (j_refuse(j, R_CREATE_DEVICE_TYPE,
			     type < KVM_DEV_TYPE_MAX || !q_newer(j->q) ? STATE_YES : STATE_UNKNOWN))
			return;
		j_may_succeed(j, R_CREATE_DEVICE_OTHER, "a type that this model does not know");
		return;
	}
	/* The module may be missing. */
	j_may_fail(j, R_CREATE_DEVICE_TYPE);
	if (flags & KVM_CREATE_DEVICE_TEST) {
		if (!j_succeeds(j, R_CREATE_DEVICE_TEST))
			return;
		if (Q_IN(j->q, struct kvm_create_device, fd, &before) &&
		    J_OUT(j, struct kvm_create_device, fd, &fd))
			j_equal(j, R_CREATE_DEVICE_TEST, "fd", before, fd);
		return;
	}
	if (j_refuse(j, R_CREATE_DEVICE_ONCE, has_vfio(j->vm)))
		return;
	if (j_succeeds(j, flags ? R_CREATE_DEVICE_FLAGS : R_CREATE_DEVICE_SUCCEEDS) &&
	    J_OUT(j, struct kvm_create_device, fd, &fd))
		vm_created(j, (int64_t)fd);
}

/* devices/vfio.rst: group 1, attributes 1 (add) and 2 (remove), for a group or a device file. */
static bool vfio_attr(uint64_t group, uint64_t attr)
{
	return group == KVM_DEV_VFIO_GROUP &&
	       (attr == KVM_DEV_VFIO_GROUP_ADD || attr == KVM_DEV_VFIO_GROUP_DEL);
}

static bool attr_read(struct judge *j, uint64_t *group, uint64_t *attr)
{
	if (Q_IN(j->q, struct kvm_device_attr, group, group) &&
	    Q_IN(j->q, struct kvm_device_attr, attr, attr))
		return true;
	j_skip(j, "argument not captured");
	return false;
}

static bool is_vfio(const struct question *q)
{
	return q->device && q->device->type == KVM_DEV_TYPE_VFIO;
}

/* api.rst 4.80 */
static void set_attr(struct judge *j)
{
	uint64_t group, attr;

	if (!attr_read(j, &group, &attr))
		return;
	if (!is_vfio(j->q)) {
		j_may_fail(j, R_DEVICE_ATTR_UNKNOWN);
		j_may_succeed(j, R_DEVICE_ATTR_OTHER, "the type of the device is not known");
		return;
	}
	if (!vfio_attr(group, attr)) {
		j_must_fail(j, R_DEVICE_ATTR_UNKNOWN);
		return;
	}
	/* What the descriptor in the attribute is, only the host knows. */
	j_may_fail_with(j, R_VFIO_DESCRIPTOR, EBADF);
	j_may_fail_with(j, R_VFIO_DESCRIPTOR, EINVAL);
	j_may_fail_with(j, R_VFIO_DESCRIPTOR, attr == KVM_DEV_VFIO_GROUP_ADD ? EEXIST : ENOENT);
	j_may_fail_with(j, R_VFIO_DESCRIPTOR, EFAULT);
	j_succeeds(j, R_VFIO_SET);
}

/* A device without attributes to read refuses before it looks at the argument. */
static void get_attr(struct judge *j)
{
	uint64_t group, attr;

	if (is_vfio(j->q)) {
		j_must_fail(j, R_DEVICE_ATTR_NO_ACCESS);
		return;
	}
	if (!attr_read(j, &group, &attr))
		return;
	j_may_fail(j, R_DEVICE_ATTR_UNKNOWN);
	j_may_succeed(j, R_DEVICE_ATTR_OTHER, "the type of the device is not known");
}

/* api.rst 4.81 */
static void has_attr(struct judge *j)
{
	uint64_t group, attr;

	if (!attr_read(j, &group, &attr))
		return;
	if (!is_vfio(j->q)) {
		j_may_fail(j, R_DEVICE_ATTR_UNKNOWN);
		j_may_succeed(j, R_DEVICE_ATTR_OTHER, "the type of the device is not known");
	} else if (vfio_attr(group, attr)) {
		j_succeeds(j, R_VFIO_HAS);
	} else {
		j_must_fail(j, R_DEVICE_ATTR_UNKNOWN);
	}
}

/* devices/vm.rst: which groups a VM has depends on the architecture, and x86 has none. */
static void vm_attr(struct judge *j)
{
	if (q_cap(j->q, KVM_CAP_VM_ATTRIBUTES) > 0) {
		j_may_fail(j, R_VM_ATTR_NONE);
		j_may_fail(j, R_DEVICE_ATTR_UNKNOWN);
		j_may_succeed(j, R_DEVICE_ATTR_OTHER,
			      "attributes of VMs on x86 are not in the documents");
		return;
	}
	j_must_fail(j, R_VM_ATTR_NONE);
}

const struct judge_handler model_device_handlers[] = {
	{"KVM_CREATE_DEVICE", KVMAPI_VM, .judge = create_device},
	{"KVM_SET_DEVICE_ATTR", KVMAPI_DEVICE, .judge = set_attr},
	{"KVM_GET_DEVICE_ATTR", KVMAPI_DEVICE, .judge = get_attr},
	{"KVM_HAS_DEVICE_ATTR", KVMAPI_DEVICE, .judge = has_attr},
	{"KVM_SET_DEVICE_ATTR", KVMAPI_VM, .judge = vm_attr},
	{"KVM_GET_DEVICE_ATTR", KVMAPI_VM, .judge = vm_attr},
	{"KVM_HAS_DEVICE_ATTR", KVMAPI_VM, .judge = vm_attr},
	{NULL, 0, .judge = NULL},
};
