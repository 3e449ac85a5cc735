# SPDX-License-Identifier: BSD-2-Clause
# breaks Every rule counts as reached.
# file cli/rules.c
# red cli/rules
s/c->hits\[i\] > 0/true/
