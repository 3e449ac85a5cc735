# file arch/x86/kvm/x86.c
# SPDX-License-Identifier: BSD-2-Clause
# rule MSRS_COUNT|FEATURE_MSRS_READ
# Off by one in a count: of a list of MSRs the last one is never looked at.
/^static int __msr_io/,/^}/ s/i < msrs->nmsrs/i + 1 < msrs->nmsrs/
