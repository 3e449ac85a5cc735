# SPDX-License-Identifier: BSD-2-Clause
# breaks The table says that an ioctl only takes a list, which it fills.
# file kvmapi/kvm_ioctls.def
# red unit/kvmapi_table
s/^IOCTL\(KVM_GET_MSR_INDEX_LIST, ON\(X86\), SYSTEM, INOUT,/IOCTL(KVM_GET_MSR_INDEX_LIST, ON(X86), SYSTEM, IN,/
