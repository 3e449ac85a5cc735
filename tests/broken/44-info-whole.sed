# SPDX-License-Identifier: BSD-2-Clause
# breaks info says of every tape that it is whole.
# file cli/info.c
# red cli/info
/^[a-z].*\badds_up\(/,/^\}/ s/^\{$/{\n\treturn true;/
