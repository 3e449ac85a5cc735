# SPDX-License-Identifier: BSD-2-Clause
# breaks The dirty rings are not recorded.
# file recorder/kvmtape.bpf.c
# red guest/record-ring
/^__noinline .*\bput_rings\(/,/^\}/ s/^\{$/{\n\tif (vm)\n\t\treturn off;/
