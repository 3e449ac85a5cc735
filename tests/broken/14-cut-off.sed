# SPDX-License-Identifier: BSD-2-Clause
# breaks A tape without its end counts as whole.
# file tape/reader.c
# red golden/golden unit/tape_test
/^[a-z].*\btape_reader_complete\(/,/^\}/ s/^\{$/{\n\treturn true;/
