# SPDX-License-Identifier: BSD-2-Clause
# breaks The mutator changes nothing.
# file fuzz/mutate.c
# red unit/fuzz_sequence
/^[a-z].*\bfuzz_mutate\(/,/^\}/ s/^\{$/{\n\treturn 0;/
