# SPDX-License-Identifier: BSD-2-Clause
# breaks No advice is ever given.
# file model/answer/judge.c
# red unit/model_lint cli/rules
/^[a-z].*\bj_advise\(/,/^\}/ s/^\{$/{\n\treturn;/
