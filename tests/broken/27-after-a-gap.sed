# SPDX-License-Identifier: BSD-2-Clause
# breaks The model knows after a gap what it knew before.
# file model/state/state.c
# red verdicts/verdicts
/^[a-z].*\bstate_vm_forget\(/,/^\}/ s/^\{$/{\n\treturn;/
