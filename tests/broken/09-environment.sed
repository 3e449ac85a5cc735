# SPDX-License-Identifier: BSD-2-Clause
# breaks The tape does not say on which kernel and machine it was made.
# file recorder/env.c
# red guest/record
/^[a-z].*\brecorder_env_fill\(/,/^\}/ s/^\{$/{\n\treturn 0;/
