# SPDX-License-Identifier: BSD-2-Clause
# breaks The search for an order of overlapping calls tries none.
# file model/frame/group.c
# red verdicts/verdicts
/^[a-z].*\bsearch_orders\(/,/^\}/ s/^\{$/{\n\tif (vm)\n\t\treturn;/
