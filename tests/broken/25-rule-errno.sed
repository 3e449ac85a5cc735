# SPDX-License-Identifier: BSD-2-Clause
# breaks One rule demands another errno.
# file model/rules/rules_vm.def
# red verdicts/verdicts rules/rules_tested
/^REFUSAL\(IOEVENTFD_TAKEN,/ s/E\(EEXIST\)/E(EINVAL)/
