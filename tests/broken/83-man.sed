# SPDX-License-Identifier: BSD-2-Clause
# breaks A page declares a function otherwise than the header does.
# file docs/man/tape_reader_open.3.scd
# red style/man
s/^int tape_reader_next\(struct tape_reader \*r, struct tape_item \*item\);/int tape_reader_next(struct tape_reader *r);/
