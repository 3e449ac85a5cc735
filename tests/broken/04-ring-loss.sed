# SPDX-License-Identifier: BSD-2-Clause
# breaks Calls for which the ring has no room are not counted as lost.
# file recorder/kvmtape.bpf.c
# red guest/inside
s/__sync_fetch_and_add\(&lost_buffer, 1\);/;/
