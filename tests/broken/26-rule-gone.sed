# SPDX-License-Identifier: BSD-2-Clause
# breaks One rule is no longer looked at.
# file model/rules/rules_vm.def
# red rules/rules_tested
s/^REFUSAL\(SET_BOOT_CPU_BEFORE_VCPUS, PROMISE, X86, 0, 0,/REFUSAL(SET_BOOT_CPU_BEFORE_VCPUS, PROMISE, X86, K(99, 0), 0,/
