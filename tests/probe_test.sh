#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The probes that skip tests: they find what is here.  A probe that does not would turn failures into skips.
. "$(dirname "$0")/tap.sh"

# is_here, is_not DESCRIPTION WHAT [PATTERN]
is_here()
{
	run "$PROBE" "$2"
	is "$1" "$status:$out" "0:"
}
is_not()
{
	run "$PROBE" "$2"
	is "$1: status" "$status" 1
	like "$1: says why" "$out" "$3"
	lines "$1: one line" "$out" 1
}

is_here "a program" bash
is_not "a program that is not" kvmtape-no-such-program 'no kvmtape-no-such-program'
export KVMTAPE_CACHE=$tmp
is_not "a guest kernel that is not" guest:own 'no guest kernel own .*fetch own'
mkdir -p "$tmp/guest/kernels/own/modules"
: >"$tmp/guest/kernels/own/vmlinuz"
is_here "a guest kernel" guest:own
run "$PROBE" bash guest:own kvmtape-no-such-program
is "several, one is not here" "$status" 1

if [[ -c /dev/kvm ]] && (exec 3<>/dev/kvm) 2>/dev/null; then
	is_here "/dev/kvm" kvm
else
	is_not "no /dev/kvm" kvm '^/dev/kvm: '
fi
# Whoever may list programs of others may load one; a kernel without its types is none for the recorder.
if [[ -r /sys/kernel/btf/vmlinux ]] && bpftool prog list >/dev/null 2>&1; then
	is_here "eBPF" bpf
else
	is_not "no eBPF" bpf .
fi
tap_done
