# SPDX-License-Identifier: BSD-2-Clause
# breaks Distilling keeps nothing.
# file replayer/judge/distill.c
# red cli/minimise
/^[a-z].*\bchoose\(/,/^\}/ s/^\{$/{\n\treturn 0;/
