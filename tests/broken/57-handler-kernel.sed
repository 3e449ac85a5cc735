# SPDX-License-Identifier: BSD-2-Clause
# breaks A handler looks at the kernel's number, and not a row.
# file model/areas/regs.c
# red rules/conditions
s/return q_changed\(q, CHANGE_XSAVE2\) == STATE_NO;/return q->facts->kernel \&\& q->facts->kernel < MODEL_KERNEL(5, 17);/
