# SPDX-License-Identifier: BSD-2-Clause
# breaks The exit status of a C test is lost.
# file tests/cmocka.sh
# red unit/cmocka_sh
s/^exit .*/exit 0/
