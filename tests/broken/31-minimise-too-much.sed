# SPDX-License-Identifier: BSD-2-Clause
# breaks Minimising takes every candidate, whether it diverges or not.
# file replayer/judge/minimise.c
# red cli/minimise
/^[a-z].*\bcandidate_model\(/,/^\}/ s/^\{$/{\n\tif (m->cut.count)\n\t\treturn 1;/
