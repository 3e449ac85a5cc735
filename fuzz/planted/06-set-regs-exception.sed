# file arch/x86/kvm/x86.c
# SPDX-License-Identifier: BSD-2-Clause
# rule EVENTS_SAME
# State not reset: KVM_SET_REGS leaves a pending exception pending.
/^static void __set_regs/,/^}/ {
	/exception.pending/d
}
