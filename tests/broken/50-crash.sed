# SPDX-License-Identifier: BSD-2-Clause
# breaks A guest that panics is taken for one that powers off.
# file guest/machine.c
# red guest/cli
s/= strstr\(text, signs\[i\]\.text\);/= NULL;/
