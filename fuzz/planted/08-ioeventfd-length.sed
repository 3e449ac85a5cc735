# file virt/kvm/eventfd.c
# SPDX-License-Identifier: BSD-2-Clause
# rule IOEVENTFD_ARGUMENT
# Missing check: KVM_IOEVENTFD takes a length of 3.
/^kvm_assign_ioeventfd(/,/^}/ s/case 2:/case 2: case 3:/
