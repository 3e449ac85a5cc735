# file arch/x86/kvm/x86.c
# SPDX-License-Identifier: BSD-2-Clause
# rule GET_PIT_FLAGS|GET_PIT_READS_BACK
# Stale field: KVM_GET_PIT2 says no flags, whatever KVM_SET_PIT2 was given.
/^static int kvm_vm_ioctl_get_pit2/,/^}/ s/kvm->arch.vpit->pit_state.flags/0/
