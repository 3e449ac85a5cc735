# SPDX-License-Identifier: BSD-2-Clause
# breaks Files that are there are overwritten without --force.
# file cli/tape.c
# red cli/canon
s/\(force \? 0 : O_EXCL\)/0/
