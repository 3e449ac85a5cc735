# SPDX-License-Identifier: BSD-2-Clause
# breaks An ioctl that makes an object is not known to make one.
# file kvmapi/kvm_ioctls.def
# red unit/kvmapi_table
s/^(IOCTL\(KVM_CREATE_VM, .*) CREATES\(VM\),/\1/
