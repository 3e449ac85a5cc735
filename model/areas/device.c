/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices: KVM_CREATE_DEVICE (api.rst 4.79), attributes (4.80, 4.81) of devices and of VMs, the
 * VFIO device (devices/vfio.rst).  On x86 there is no other type, and a VM has no attributes.
 */
#include "kvmapi/kvm_newer.h"
#include "model/areas/vm.h"

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

/* api.rst 4.79, of the VFIO device */
static void answer_create_vfio(const struct question *q, struct answer *a, uint64_t flags)
{
	uint64_t fd;

	/* The module may be missing. */
	a_may_fail(a, R_CREATE_DEVICE_TYPE);
	if (flags & KVM_CREATE_DEVICE_TEST) {
		a_succeeds(a, R_CREATE_DEVICE_TEST);
		a_makes_nothing(a);
		if (Q_IN(q, struct kvm_create_device, fd, &fd))
			A_EQUAL(a, R_CREATE_DEVICE_TEST, struct kvm_create_device, fd, fd);
		return;
	}
	if (a_refuse(a, R_CREATE_DEVICE_ONCE, has_vfio(q->vm)))
		return;
	a_succeeds(a, flags ? R_CREATE_DEVICE_FLAGS : R_CREATE_DEVICE_SUCCEEDS);
	a_created_field(a, offsetof(struct kvm_create_device, fd));
}

static void answer_create_device(const struct question *q, struct answer *a)
{
	uint64_t type, flags;

	if (!Q_IN(q, struct kvm_create_device, type, &type) ||
	    !Q_IN(q, struct kvm_create_device, flags, &flags)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (type == KVM_DEV_TYPE_VFIO) {
		answer_create_vfio(q, a, flags);
		return;
	}
	/* The types that are known today belong to other architectures. */
	if (a_refuse(a, R_CREATE_DEVICE_TYPE,
		     type < KVM_DEV_TYPE_MAX || !q_newer(q) ? STATE_YES : STATE_UNKNOWN))
		return;
	a_may_succeed(a, R_CREATE_DEVICE_OTHER, "a type that this model does not know");
	if (flags & KVM_CREATE_DEVICE_TEST)
		a_makes_nothing(a);
}

/* devices/vfio.rst: group 1, attributes 1 (add) and 2 (remove), for a group or a device file. */
static bool vfio_attr(uint64_t group, uint64_t attr)
{
	return group == KVM_DEV_VFIO_GROUP &&
	       (attr == KVM_DEV_VFIO_GROUP_ADD || attr == KVM_DEV_VFIO_GROUP_DEL);
}

/* False: the answer is whole. */
static bool attr_read(const struct question *q, struct answer *a, uint64_t *group, uint64_t *attr)
{
	if (Q_IN(q, struct kvm_device_attr, group, group) &&
	    Q_IN(q, struct kvm_device_attr, attr, attr))
		return true;
	a_skip(a, "argument not captured");
	return false;
}

static bool is_vfio(const struct question *q)
{
	return q->device && q->device->type == KVM_DEV_TYPE_VFIO;
}

/* An attribute of a device of another type. */
static void attr_other(struct answer *a)
{
	a_may_fail(a, R_DEVICE_ATTR_UNKNOWN);
	a_may_succeed(a, R_DEVICE_ATTR_OTHER, "the type of the device is not known");
}

/* api.rst 4.80 */
static void answer_set_attr(const struct question *q, struct answer *a)
{
	uint64_t group, attr;

	if (!attr_read(q, a, &group, &attr))
		return;
	if (!is_vfio(q)) {
		attr_other(a);
		return;
	}
	if (!vfio_attr(group, attr)) {
		a_must_fail(a, R_DEVICE_ATTR_UNKNOWN);
		return;
	}
	/* What the descriptor in the attribute is, only the host knows. */
	a_may_fail_with(a, R_VFIO_DESCRIPTOR, EBADF);
	a_may_fail_with(a, R_VFIO_DESCRIPTOR, EINVAL);
	a_may_fail_with(a, R_VFIO_DESCRIPTOR, attr == KVM_DEV_VFIO_GROUP_ADD ? EEXIST : ENOENT);
	a_may_fail_with(a, R_VFIO_DESCRIPTOR, EFAULT);
	a_succeeds(a, R_VFIO_SET);
}

/* A device without attributes to read refuses before it looks at the argument. */
static void answer_get_attr(const struct question *q, struct answer *a)
{
	uint64_t group, attr;

	if (is_vfio(q)) {
		a_must_fail(a, R_DEVICE_ATTR_NO_ACCESS);
		return;
	}
	if (!attr_read(q, a, &group, &attr))
		return;
	attr_other(a);
}

/* api.rst 4.81 */
static void answer_has_attr(const struct question *q, struct answer *a)
{
	uint64_t group, attr;

	if (!attr_read(q, a, &group, &attr))
		return;
	if (!is_vfio(q)) {
		attr_other(a);
	} else if (vfio_attr(group, attr)) {
		a_succeeds(a, R_VFIO_HAS);
	} else {
		a_must_fail(a, R_DEVICE_ATTR_UNKNOWN);
	}
}

/* devices/vm.rst: which groups a VM has depends on the architecture, and x86 has none. */
static void answer_vm_attr(const struct question *q, struct answer *a)
{
	if (a_refuse(a, R_VM_ATTR_NONE, tri_may(q_cap(q, KVM_CAP_VM_ATTRIBUTES) <= 0, true)))
		return;
	a_may_fail(a, R_DEVICE_ATTR_UNKNOWN);
	a_may_succeed(a, R_DEVICE_ATTR_OTHER, "attributes of VMs on x86 are not in the documents");
}

const struct handler model_device_handlers[] = {
	{"KVM_CREATE_DEVICE", KVMAPI_VM, .answer = answer_create_device},
	{"KVM_SET_DEVICE_ATTR", KVMAPI_DEVICE, .answer = answer_set_attr},
	{"KVM_GET_DEVICE_ATTR", KVMAPI_DEVICE, .answer = answer_get_attr},
	{"KVM_HAS_DEVICE_ATTR", KVMAPI_DEVICE, .answer = answer_has_attr},
	{"KVM_SET_DEVICE_ATTR", KVMAPI_VM, .answer = answer_vm_attr},
	{"KVM_GET_DEVICE_ATTR", KVMAPI_VM, .answer = answer_vm_attr},
	{"KVM_HAS_DEVICE_ATTR", KVMAPI_VM, .answer = answer_vm_attr},
	{NULL, 0, .answer = NULL},
};
