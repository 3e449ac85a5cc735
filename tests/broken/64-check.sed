# SPDX-License-Identifier: BSD-2-Clause
# breaks The target for fuzzers sees no contradiction.
# file fuzz/check.c
# red unit/model_predict
/^[a-z].*\bfuzz_check\(/,/^\}/ s/^\{$/{\n\tif (thorough || s)\n\t\treturn NULL;/
