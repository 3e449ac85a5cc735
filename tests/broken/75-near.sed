# SPDX-License-Identifier: BSD-2-Clause
# breaks The nearest name is the one that came last.
# file base/near.c
# red unit/kvmapi_names
s/near->best\[at - 1\]\.far > far/near->best[at - 1].far < far/
