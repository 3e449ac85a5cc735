# SPDX-License-Identifier: BSD-2-Clause
# breaks What a call might be answered is not noted.
# file model/answer/promise.c
# red cli/explain
/^[a-z].*\banswers_take\(/,/^\}/ s/^\{$/{\n\tif (answer)\n\t\treturn;/
