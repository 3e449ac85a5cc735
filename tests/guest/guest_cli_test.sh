#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# `kvmtape guest` from outside: what it runs and passes on, and one clear line for each bad input.
. "$(dirname "$0")/../tap.sh"

# What is said of bad input needs neither QEMU nor a kernel.
run "$KVMTAPE" guest list
is "list" "$status" 0
like "list names the kernels" "$out" '^bookworm +x86-64'
run "$KVMTAPE" guest run --kernel no-such-kernel true
is "no such kernel: status" "$status" 2
like "no such kernel" "$err" "^kvmtape guest: no stock kernel 'no-such-kernel'"
run env KVMTAPE_CACHE="$tmp/empty" "$KVMTAPE" guest run true
is "kernel not fetched: status" "$status" 125
like "kernel not fetched" "$err" "^kvmtape guest: kernel bookworm is not here; get it with 'kvmtape guest fetch bookworm'$"
run "$KVMTAPE" guest run --kernel /nowhere/vmlinuz true
like "no such file" "$err" '^kvmtape guest: cannot read the kernel /nowhere/vmlinuz: No such file'
run "$KVMTAPE" guest run --kernel /etc/passwd true
like "no kernel" "$err" '^kvmtape guest: /etc/passwd is no kernel'
run "$KVMTAPE" guest run --accel hvf true
is "bad --accel: status" "$status" 2
like "bad --accel" "$err" "'hvf' is none of tcg, kvm"
run "$KVMTAPE" guest run --memory 4M true
like "too little memory" "$err" 'at least 96M'
run "$KVMTAPE" guest fetch no-such-kernel
is "fetch of nothing: status" "$status" 2
like "fetch of nothing" "$err" "no stock kernel 'no-such-kernel'"
run "$KVMTAPE" guest dance
like "no such part" "$err" "'dance' is none of fetch, list and run"

if ! missing=$("$PROBE" qemu-system-x86_64 guest:bookworm); then
	skip "a guest" "$missing"
	tap_done
fi
like "list says which kernels are in the cache" "$("$KVMTAPE" guest list)" '^bookworm .*[0-9]\.[0-9]'

mkdir "$tmp/bin" && ln -s "$(command -v true)" "$tmp/bin/true"
run env PATH="$tmp/bin" "$KVMTAPE" guest run true
is "no QEMU: status" "$status" 125
like "no QEMU" "$err" '^kvmtape guest: no qemu-system-x86_64 here: install the package qemu-system-x86$'
run "$KVMTAPE" guest run --memory 1000G true
like "too much memory" "$err" '^kvmtape guest: a guest of 1024000 MiB does not fit: [0-9]+ MiB are free here$'
run "$KVMTAPE" guest run --agent "$OTHER_AGENT" true
is "agent of another version: status" "$status" 125
like "agent of another version" "$err" '^kvmtape guest: the agent speaks protocol 4711, this kvmtape 1;'

mkdir "$tmp/shared" && echo hello >"$tmp/shared/in"
# shellcheck disable=SC2016
run "$KVMTAPE" guest run --work "$tmp/shared" --with "$(command -v uname)" --env A=b --log "$tmp/log" \
	sh -c 'read -r x <in; echo "$x $A"; uname -r >kernel; echo error >&2; exit 7'
is "exit status is passed on" "$status" 7
is "output" "$out" "hello b"
is "error output" "$err" "error"
like "a file comes back" "$(<"$tmp/shared/kernel")" '^6\.1\.'
is "no crash, no log" "$(ls "$tmp/log" 2>/dev/null)" ""
run "$KVMTAPE" guest run --log "$tmp/log" "$CRASH" panic
is "crash: status" "$status" 1
is "crash: one line" "$err" "kvmtape guest: the guest ended: panic: Kernel panic - not syncing: sysrq triggered crash"
like "crash: the log is kept" "$(<"$tmp/log")" 'Call Trace'
run "$KVMTAPE" guest run --timeout 1 "$CRASH" loop
is "too slow: status" "$status" 124
like "too slow" "$err" 'did not end within 1 s'
run "$KVMTAPE" guest run --timeout 10 --work "$tmp/shared" sh -c 'echo half >result; echo begun; while :; do :; done'
is "too slow, with a work folder: status" "$status" 124
is "too slow, with a work folder: it had begun" "$out" "begun"
is "what was there by then comes back" "$(cat "$tmp/shared/result" 2>&1)" "half"
run "$KVMTAPE" guest run no-such-program
is "no such program: status" "$status" 2
like "no such program" "$err" '^kvmtape guest: no program no-such-program'

# One program after the other, each in a fresh guest; what a crash leaves undone is done.
printf '%s\n' "write one" "# a remark" "" "panic" "exist one" "write two" "say" >"$tmp/cases"
run "$KVMTAPE" guest run --work "$tmp/shared" --each "$tmp/cases" "$CRASH"
is "each: status" "$status" 1
is "each: what became of the lines" "$(grep -o 'line .*' <<<"$err")" "line 1: exit 0
line 4: panic: Kernel panic - not syncing: sysrq triggered crash
line 5: exit 1
line 6: exit 0
line 7: exit 7"
is "each: files of both sides of the crash" "$(cat "$tmp/shared/one" "$tmp/shared/two")" "new
new"
is "each: output" "$out" "out"
run "$KVMTAPE" guest run --each "$tmp/nothing" "$CRASH"
like "each: no such file" "$err" '^kvmtape guest: --each .*/nothing: No such file'

# A module of one's own: the same one with one more section, which the kernel shows.
cache=${KVMTAPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kvmtape}/guest/kernels/bookworm
kvm_ko=$(find "$cache/modules" -name kvm.ko)
mkdir "$tmp/module"
echo mark >"$tmp/mark"
# shellcheck disable=SC2016
shows='test -e /sys/module/kvm/sections/.kvmtape && echo own || echo stock'
if objcopy --add-section .kvmtape="$tmp/mark" --set-section-flags .kvmtape=alloc,readonly,contents \
	"${kvm_ko:-/nowhere}" "$tmp/module/kvm.ko" 2>"$tmp/objcopy"; then
	run "$KVMTAPE" guest run --module "$tmp/module/kvm.ko" sh -c "$shows"
	is "module: a file" "$out" own
	run "$KVMTAPE" guest run --module "$tmp/module" sh -c "$shows"
	is "module: a folder" "$out" own
	run "$KVMTAPE" guest run sh -c "$shows"
	is "module: none" "$out" stock
	head -c 4000 "$kvm_ko" >"$tmp/module/kvm.ko"
	run "$KVMTAPE" guest run --module "$tmp/module" true
	like "module: one that does not load" "$err" '^kvmtape guest: kernel bookworm .* has no KVM: /dev/kvm: '
else
	skip "module" "$(head -n 1 "$tmp/objcopy")"
fi
run "$KVMTAPE" guest run --module /etc/passwd true
like "module: none in it" "$err" '^kvmtape guest: /etc/passwd is no module'

# Ctrl-C ends the guest, too, and nothing stays behind.
mkdir "$tmp/tmpdir"
TMPDIR=$tmp/tmpdir "$KVMTAPE" guest run "$CRASH" loop >/dev/null 2>&1 &
pid=$!
for _ in $(seq 100); do
	qemu=$(pgrep -P "$pid") && break
	sleep 0.1
done
sleep 1
kill -TERM "$pid"
wait "$pid"
is "interrupted: status" $? 130
is "interrupted: no folder left" "$(ls "$tmp/tmpdir")" ""
is "interrupted: no QEMU left" "$(ls -d "/proc/${qemu:-1}" 2>/dev/null)" ""
tap_done
