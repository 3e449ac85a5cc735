# file virt/kvm/kvm_main.c
# SPDX-License-Identifier: BSD-2-Clause
# rule MEMORY_REGION_IMMUTABLE
# Missing check: KVM_MEM_READONLY of a memory slot that exists can be changed.
/^int __kvm_set_memory_region/,/^}/ s/((mem->flags ^ old->flags) & KVM_MEM_READONLY)/0/
