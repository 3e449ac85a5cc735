# SPDX-License-Identifier: BSD-2-Clause
# breaks A guest is not put back to its snapshot.
# file guest/guest.c
# red guest/library
/^[a-z].*\bguest_restore\(/,/^\}/ s/^\{$/{\n\treturn 0;/
