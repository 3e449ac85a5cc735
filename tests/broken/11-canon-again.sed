# SPDX-License-Identifier: BSD-2-Clause
# breaks The canonical form of a canonical tape is another one: numbers of threads go up.
# file tape/canonical.c
# red unit/tape_canonical cli/canon
s/to\.tid = thread->id \+ 1;/to.tid = thread->tid + 1;/
