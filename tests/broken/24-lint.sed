# SPDX-License-Identifier: BSD-2-Clause
# breaks No advice is ever given.
# file model/answer/judge.c
# red verdicts/verdicts cli/rules
/^[a-z].*\bj_advise\(/,/^\}/ s/^\{$/{\n\treturn;/
