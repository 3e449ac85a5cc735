# SPDX-License-Identifier: BSD-2-Clause
# breaks Files that are there are overwritten without --force.
# file cli/output.c
# red cli/canon
s/if \(!force && \(S_ISREG/if (!path \&\& !force \&\& (S_ISREG/
