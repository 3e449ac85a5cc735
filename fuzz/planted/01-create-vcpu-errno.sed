# file virt/kvm/kvm_main.c
# SPDX-License-Identifier: BSD-2-Clause
# rule CREATE_VCPU_ID_TAKEN
# Wrong errno: a second vCPU of the same id is refused with EINVAL instead of EEXIST.
/^static int kvm_vm_ioctl_create_vcpu/,/^}/ s/-EEXIST/-EINVAL/
