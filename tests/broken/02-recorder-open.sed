# SPDX-License-Identifier: BSD-2-Clause
# breaks The recorder cannot be opened, as if it had no privilege.
# file recorder/recorder.c
# red bpf/load
/^[a-z].*\brecorder_open\(/,/^\}/ s/^\{$/{\n\t*recorder = calloc(1, sizeof(**recorder));\n\tif (*recorder)\n\t\treturn -EPERM;/
