# file arch/x86/kvm/x86.c
# SPDX-License-Identifier: BSD-2-Clause
# rule DEBUGREGS_SAME
# Stale field: KVM_GET_DEBUGREGS leaves out DR7.
/^static void kvm_vcpu_ioctl_x86_get_debugregs/,/^}/ {
	/dr7/d
}
