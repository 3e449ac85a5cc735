# SPDX-License-Identifier: BSD-2-Clause
# breaks Signals that are sent to threads of vCPUs are not recorded.
# file recorder/kvmtape.bpf.c
# red guest/record-signals
/^int BPF_PROG\(on_signal_generate,/,/^\}/ s/^\{$/{\n\treturn 0;/
