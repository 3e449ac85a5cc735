# SPDX-License-Identifier: BSD-2-Clause
# breaks A guest that panics is taken for one that powers off.
# file guest/machine.c
# red guest/cli
/^[a-z].*\bguest_outcome_read\(/,/^\}/ s/^\{$/{\n\tline[0] = 0;\n\tif (line_size)\n\t\treturn GUEST_RUNNING;/
