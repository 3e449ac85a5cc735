# SPDX-License-Identifier: BSD-2-Clause
# breaks A file that is too large counts as whole.
# file base/file.c
# red unit/base
s/err = -EFBIG;/break;/
