# file arch/x86/kvm/x86.c
# SPDX-License-Identifier: BSD-2-Clause
# rule MCE_SETUP_SUCCEEDS
# Off by one in a limit: the largest number of machine-check banks is refused.
/^static int kvm_vcpu_ioctl_x86_setup_mce/,/^}/ s/bank_num > KVM_MAX_MCE_BANKS/bank_num >= KVM_MAX_MCE_BANKS/
