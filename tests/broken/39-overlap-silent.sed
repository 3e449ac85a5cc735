# SPDX-License-Identifier: BSD-2-Clause
# breaks A search that was given up counts as one that found no order.
# file model/frame/group.c
# red verdicts/verdicts
s/i = 0; s\.stopped && !s\.found/i = set->count; s.stopped \&\& !s.found/
