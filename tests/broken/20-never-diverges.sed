# SPDX-License-Identifier: BSD-2-Clause
# breaks No broken rule is reported.
# file model/answer/judge.c
# red verdicts/verdicts cli/replay
/^[a-z].*\bbroken\(/,/^\}/ s/^\{$/{\n\treturn;/
