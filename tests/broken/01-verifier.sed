# SPDX-License-Identifier: BSD-2-Clause
# breaks The verifier refuses one of the eBPF programs.
# file recorder/kvmtape.bpf.c
# red bpf/load
/^int BPF_PROG\(on_exec,/,/^\}/ s/^\{$/{\n\t*(volatile int *)task = 1;/
