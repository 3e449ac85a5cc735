# SPDX-License-Identifier: BSD-2-Clause
# breaks Nobody says that a harvested entry follows one that is not.
# file model/areas/memslot.c
# red verdicts/verdicts
s/^(\t*)gap = true;/\1gap = false;/
