# SPDX-License-Identifier: BSD-2-Clause
# breaks Minimising returns its input.
# file replayer/judge/minimise.c
# red unit/minimise
/^[a-z].*\breduce\(/,/^\}/ s/^\{$/{\n\treturn 0;/
