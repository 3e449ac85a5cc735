#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kvmtape record as a person uses it: record.sh KVMTAPE KNOWN-VMM SUM
. "$(dirname "$0")/../tap.sh"

# Which back end it is must not change what is said, and the trial of a better one takes time.
record=("$1" record --backend tracepoint)
known=$2
sum=$3
tape=$tmp/tape

# Waits until a file says something; 5 s at most.
wait_for()
{
	local i

	for ((i = 0; i < 100; i++)); do
		[[ -s $1 ]] && return 0
		sleep 0.05
	done
	return 1
}

need kvm bpf
run "${record[@]}" -o "$tape" -- true
is "a command without KVM: its status" "$status" 0
lines "a command without KVM: one line" "$err" 1
like "a command without KVM: says so" "$err" 'no call to KVM'
like "a command without KVM: a whole tape" "$("$sum" "$tape")" '^calls=0 .* seen=0 lost=0 complete=1 error=0$'

run "${record[@]}" -o "$tape" -- true
is "an existing output: status" "$status" 2
lines "an existing output: one line" "$err" 1
like "an existing output: what to do" "$err" 'exists.*--force'
run "${record[@]}" -f -o "$tape" -- "$known" "$tmp/log" many 100
is "--force: status" "$status" 0
like "--force: events" "$("$sum" "$tape")" '^calls=100 returns=100 .* complete=1'
like "the summary counts" "$err" '100 calls, 100 returns, 0 unreturned, .* bytes, 0 lost'
rm "$tape"

# Which back end was taken is said, if it is not the best one, unless asked to be quiet.
run "$1" record -o "$tape" -- "$known" "$tmp/log" many 10
is "the first back end that works: status" "$status" 0
like "the first back end that works: events" "$("$sum" "$tape")" '^calls=10 returns=10 .* complete=1'
used=$("$1" info "$tape" | grep -Eo 'recorder.backend +.*' | tr -s ' ' | cut -d' ' -f2)
if "$PROBE" fentry >/dev/null; then
	is "it is fentry" "$used" fentry
	lines "it is the best one: only the summary" "$err" 1
else
	is "it is the tracepoints" "$used" tracepoint
	lines "why not fentry: one line, and the summary" "$err" 2
	like "why not fentry: says so" "$err" 'recording by tracepoint, since fentry cannot be used here: '
fi
run "$1" record -qfo "$tape" -- "$known" "$tmp/log" many 10
is "--quiet: says nothing" "$err" ""
rm "$tape"

run "${record[@]}" -o "$tape" -- sh -c 'echo out; echo err >&2; cat; exit 7' <<<"in"
is "status of the command" "$status" 7
is "standard output is the command's" "$out" $'out\nin'
like "standard error is both's" "$err" '^err$'
rm "$tape"

run "${record[@]}" -o "$tape" -- sh -c 'kill -9 $$'
is "a killed command" "$status" 137
rm "$tape"

run "${record[@]}" -o "$tape" -- no-such-command-at-all
is "no such command: status" "$status" 127
lines "no such command: one line" "$err" 1
is "no such command: no tape" "$(ls "$tape" 2>&1 | grep -c 'No such file')" 1
run "${record[@]}" -o "$tape" -- /etc/passwd
is "a command that cannot be run: status" "$status" 126
is "a command that cannot be run: no tape" "$(ls "$tape" 2>&1 | grep -c 'No such file')" 1

run "${record[@]}" -o "$tmp/nowhere/tape" -- true
is "output in no directory: status" "$status" 2
lines "output in no directory: one line" "$err" 1
run "${record[@]}" -o "$tape" --kvm "$tmp/no-kvm" -- true
is "no /dev/kvm: status" "$status" 2
lines "no /dev/kvm: one line" "$err" 1
like "no /dev/kvm: says so" "$err" 'there is no .*no-kvm'
run "${record[@]}" -o "$tape" --btf "$tmp/no-btf" -- true
is "no BTF: status" "$status" 2
lines "no BTF: one line" "$err" 1
like "no BTF: says so" "$err" 'CONFIG_DEBUG_INFO_BTF'
run "${record[@]}" -o "$tape" -p 999999999
is "no such process: status" "$status" 2
lines "no such process: one line" "$err" 1
is "refusals leave no tape" "$(ls "$tape" 2>&1 | grep -c 'No such file')" 1

if command -v setpriv >/dev/null && setpriv --bounding-set -all --inh-caps -all true 2>/dev/null; then
	run setpriv --bounding-set -all --inh-caps -all "${record[@]}" -o "$tape" -- true
	is "no privilege: status" "$status" 2
	lines "no privilege: one line" "$err" 1
	like "no privilege: what to do" "$err" 'CAP_BPF'
else
	skip "no privilege" "setpriv cannot drop privileges here"
fi

# Signals: passed on to the command, and the tape is finished.
"${record[@]}" -o "$tape" -- sh -c "trap 'echo got it; exit 5' TERM; '$known' '$tmp/log' many 50
	echo ready >'$tmp/ready'; while :; do sleep 0.1; done" >"$tmp/out" 2>"$tmp/err" &
pid=$!
wait_for "$tmp/ready"
kill -TERM $pid
wait $pid
is "SIGTERM: the command's status" $? 5
is "SIGTERM: reached the command" "$(<"$tmp/out")" 'got it'
like "SIGTERM: a whole tape" "$("$sum" "$tape")" '^calls=50 returns=50 .* complete=1'
rm "$tape" "$tmp/ready"

"${record[@]}" -o "$tape" -- sh -c "trap '' TERM INT; echo \$\$ >'$tmp/ready'; exec sleep 20" \
	>/dev/null 2>"$tmp/err" &
pid=$!
wait_for "$tmp/ready"
kill -TERM $pid
sleep 0.3
kill -TERM $pid
wait $pid
is "a second signal ends us at once" $? 143
like "a command that runs on: says so" "$(<"$tmp/err")" 'runs on unrecorded'
like "a command that runs on: a whole tape" "$("$sum" "$tape")" 'complete=1'
kill -9 "$(<"$tmp/ready")"
rm "$tape" "$tmp/ready"

# -p: until a signal; the process lives on.  (In a script SIGINT is ignored in the background.)
"$known" "$tmp/log" attach 2500 &
target=$!
sleep 0.2
"${record[@]}" -o "$tape" -p $target 2>"$tmp/err" &
pid=$!
sleep 1
kill -TERM $pid
wait $pid
is "-p and SIGTERM: status" $? 0
ok "-p and SIGTERM: the process lives on" kill -0 $target
like "-p and SIGTERM: a whole tape" "$("$sum" "$tape")" 'complete=1'
wait $target
rm "$tape"

# kill -9: what is older than the flush interval is on the tape.
"${record[@]}" -o "$tape" --flush 100 -- sh -c "'$known' '$tmp/log' many 5000
	echo \$\$ >'$tmp/ready'; exec sleep 20" >/dev/null 2>&1 &
pid=$!
wait_for "$tmp/ready"
sleep 0.5
kill -9 $pid
wait $pid 2>/dev/null
like "kill -9: the events are there" "$("$sum" "$tape")" '^calls=5000 returns=5000 .* complete=0'
kill -9 "$(<"$tmp/ready")"
rm "$tape" "$tmp/ready"

# A process that goes into the background with a VM is still recorded.
run "${record[@]}" -o "$tape" -- sh -c "'$known' '$tmp/log' attach 700 & sleep 0.3"
is "background: status" "$status" 0
like "background: recorded to its end" "$("$sum" "$tape")" '^calls=19 returns=19 .* complete=1'
rm "$tape"

# A full disk: one line, the command runs on, and what was written is readable.
mkdir "$tmp/disk"
if mount -t tmpfs -o size=96k kvmtape-test "$tmp/disk" 2>/dev/null; then
	head -c 64k /dev/zero >"$tmp/disk/filler"
	run "${record[@]}" -o "$tmp/disk/tape" -- sh -c "'$known' '$tmp/log' many 200000; echo done"
	is "full disk: status" "$status" 2
	is "full disk: the command ran to its end" "$out" 'done'
	lines "full disk: one line" "$err" 1
	like "full disk: says so" "$err" 'No space left'
	like "full disk: readable" "$("$sum" "$tmp/disk/tape")" 'complete=0 error=0$'
	umount "$tmp/disk"
else
	skip "full disk" "no privilege to mount a small file system"
fi

# A real VMM, if there is one: recorded or not, it says the same and ends the same way.
if command -v qemu-system-x86_64 >/dev/null && [[ $(uname -m) == x86_64 ]]; then
	qemu=(timeout -k 2 20 qemu-system-x86_64 -M pc -accel kvm -m 64 -nodefaults -display none
		-device isa-debug-exit,iobase=0xf4 -monitor stdio)
	run "${qemu[@]}" <<<$'info status\nquit'
	bare_status=$status
	bare_out=$out
	run "${record[@]}" -o "$tape" -- "${qemu[@]}" <<<$'info status\nquit'
	is "QEMU: same status" "$status" "$bare_status"
	is "QEMU: same output" "$out" "$bare_out"
	like "QEMU: nothing lost" "$("$sum" "$tape")" '^calls=[1-9][0-9]{2,} .* lost=0 complete=1 error=0$'
	rm -f "$tape"
else
	skip "QEMU" "there is no qemu-system-x86_64"
fi
tap_done
