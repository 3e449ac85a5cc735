# SPDX-License-Identifier: BSD-2-Clause
# breaks What the live kernel answers is not judged.
# file fuzz/live.c
# red guest/live-differ
/^[a-z].*\bverdict_take\(/,/^\}/ s/^\{$/{\n\treturn;/
