# SPDX-License-Identifier: BSD-2-Clause
# breaks A struct of a 32-bit program stays in its own layout.
# file recorder/compat.c
# red guest/record-hard
/^[a-z].*\brecorder_compat_native\(/,/^\}/ s/^\{$/{\n\tif (call)\n\t\treturn;/
