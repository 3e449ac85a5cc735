# SPDX-License-Identifier: BSD-2-Clause
# breaks No broken rule is reported.
# file model/answer/judge.c
# red unit/model_found cli/replay
/^[a-z].*\bbroken\(/,/^\}/ s/^\{$/{\n\treturn;/
