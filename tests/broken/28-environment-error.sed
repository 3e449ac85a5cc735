# SPDX-License-Identifier: BSD-2-Clause
# breaks An error that comes of the environment breaks a rule.
# file model/answer/judge.c
# red verdicts/verdicts
/^[a-z].*\benvironment_error\(/,/^\}/ s/^\{$/{\n\tif (error)\n\t\treturn false;/
