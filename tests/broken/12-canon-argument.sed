# SPDX-License-Identifier: BSD-2-Clause
# breaks Canonical tapes keep the addresses of arguments.
# file tape/canonical.c
# red unit/tape_canonical
/^[a-z].*\bcanon_arg\(/,/^\}/ s/^\{$/{\n\tif (call->arg)\n\t\treturn call->arg;/
