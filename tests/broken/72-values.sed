# SPDX-License-Identifier: BSD-2-Clause
# breaks Values are printed without their numbers.
# file kvmapi/value_text.c
# red unit/kvmapi_value cli/print
/^[a-z].*\bnumber_print\(/,/^\}/ s/^\{$/{\n\tif (number->bytes)\n\t\treturn;/
