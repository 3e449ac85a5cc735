# SPDX-License-Identifier: BSD-2-Clause
# breaks The row of a rule has an error that its text does not name.
# file model/rules/rules_vm.def
# red rules/rule_rows
/^REFUSAL\(PIT_STATE_NEEDS_PIT,/ s/E\(ENXIO\)/E(ENXIO, EINVAL)/
