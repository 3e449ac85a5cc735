# SPDX-License-Identifier: BSD-2-Clause
# breaks What a program in a guest wrote does not come back.
# file guest/program.c
# red guest/cli
/^[a-z].*\bguest_get_changed\(/,/^\}/ s/^\{$/{\n\treturn 0;/
