# SPDX-License-Identifier: BSD-2-Clause
# breaks A check that fails is said to be ok.
# file tests/tap.sh
# red unit/tap
s/echo "not ok /echo "ok /
