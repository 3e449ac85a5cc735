# file arch/x86/kvm/x86.c
# SPDX-License-Identifier: BSD-2-Clause
# rule CREATE_IRQCHIP_ONCE
# Wrong order of checks: with both an irqchip and vCPUs there, KVM_CREATE_IRQCHIP says EINVAL instead of EEXIST.
/case KVM_CREATE_IRQCHIP:/,/kvm_pic_init/ s/-EEXIST/kvm->created_vcpus ? -EINVAL : -EEXIST/
