# SPDX-License-Identifier: BSD-2-Clause
# breaks The coverage plugin counts nothing.
# file fuzz/plugin.c
# red guest/live-differ
/^[a-z].*\bon_block\(/,/^\}/ s/^\{$/{\n\tif (context)\n\t\treturn;/
