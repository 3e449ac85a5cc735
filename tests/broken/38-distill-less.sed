# SPDX-License-Identifier: BSD-2-Clause
# breaks Distilling loses what only a small tape reaches.
# file replayer/judge/distill.c
# red cli/minimise
/^[a-z].*\bshrink_attempt\(/,/^\}/ s/^\{$/{\n\tif (count)\n\t\treturn 1;/
