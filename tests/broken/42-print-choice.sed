# SPDX-License-Identifier: BSD-2-Clause
# breaks print shows what was not asked for.
# file cli/print.c
# red cli/print
/^[a-z].*\bwanted\(/,/^\}/ s/^\{$/{\n\treturn true;/
