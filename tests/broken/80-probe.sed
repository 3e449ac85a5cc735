# SPDX-License-Identifier: BSD-2-Clause
# breaks The probe says of every machine that it has nothing.
# file tests/probe.c
# red unit/probe
/^[a-z].*\bprobe\(/,/^\}/ s/^\{$/{\n\tif (what[0])\n\t\treturn "not here";/
