# SPDX-License-Identifier: BSD-2-Clause
# breaks Calls of threads for which there is no room are not counted as lost.
# file recorder/kvmtape.bpf.c
# red guest/inside
s/__sync_fetch_and_add\(&lost_threads, 1\);/;/
