# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034
#
# For tests of the recorder inside a guest: what tap.sh brings, $kernel and $backends.  They skip if the guest is not here.
#
#	GUEST_KERNEL     which kernel (bookworm)
#	GUEST_BACKENDS   which back ends work there ("fentry tracepoint")
. "$(dirname "$0")/../tap.sh"

kernel=${GUEST_KERNEL:-bookworm}
read -ra backends <<<"${GUEST_BACKENDS:-fentry tracepoint}"
need qemu-system-x86_64 "guest:$kernel"
