# SPDX-License-Identifier: BSD-2-Clause
# breaks What goes in and comes out of a call is not recorded.
# file recorder/recorder.c
# red guest/record
/^[a-z].*\btake_parts\(/,/^\}/ s/^\{$/{\n\treturn 0;/
