# SPDX-License-Identifier: BSD-2-Clause
# breaks Differences between the recorded and the live kernel are ignored.
# file replayer/live/compare.c
# red guest/live_guest
/^[a-z].*\bdifference_why\(/,/^\}/ s/^\{$/{\n\tif (c->e)\n\t\treturn;/
