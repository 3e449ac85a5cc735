#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A real QEMU on this machine's KVM under `kvmtape record`: it behaves as without, and whatever goes wrong, the person
# gets one clear line and keeps what was recorded.
. "$(dirname "$0")/../tap.sh"

need kvm bpf qemu-system-x86_64

qemu=(qemu-system-x86_64 -M pc -accel kvm -m 64 -display none -nodefaults -no-user-config)
# SeaBIOS talks on port 0x402; the debug exit device ends QEMU with a status of the guest's choice.
bios_log=(-chardev "stdio,id=log" -device "isa-debugcon,iobase=0x402,chardev=log")

# events FILE: how many events a tape holds.
events()
{
	"$KVMTAPE" replay --json "$1" | tail -n 1 | python3 -c 'import json,sys; print(json.load(sys.stdin)["events"])'
}

# divergences FILE
diverges()
{
	"$KVMTAPE" replay --json "$1" | tail -n 1 | python3 -c 'import json,sys; print(json.load(sys.stdin)["diverges"])'
}

# --- the same as without ---------------------------------------------------------------------------

# The first lines of the firmware's log are the same at every start.
run timeout -k 1 -s INT 4 "${qemu[@]}" "${bios_log[@]}"
bare=$(head -n 3 <<<"$out")
run "$KVMTAPE" record -o "$tmp/same.tape" -- timeout -k 1 -s INT 4 "${qemu[@]}" "${bios_log[@]}"
is "status of the command is passed on" "$status" 124
is "output is the same" "$(head -n 3 <<<"$out")" "$bare"
like "the firmware ran" "$bare" "SeaBIOS"
like "summary" "$err" 'same.tape: [0-9]+ calls, .* 0 lost'
ok "hundreds of events" test "$(events "$tmp/same.tape")" -gt 500
is "no divergence" "$(diverges "$tmp/same.tape")" 0
like "whole" "$("$KVMTAPE" info "$tmp/same.tape")" 'whole: seen [0-9]+ = written [0-9]+ \+ lost 0'

run "$KVMTAPE" record -q -o "$tmp/bad.tape" -- "${qemu[@]}" -no-such-option
is "QEMU's own error: its status" "$status" 1
like "QEMU's own error: its words" "$err" 'invalid option'
unlike "nothing of ours in between" "said: $err" 'kvmtape record: [^/].*error'

run "$KVMTAPE" record -o "$tmp/q.tape" -- sh -c "exit 41"
is "exit status 41" "$status" 41
like "a command without KVM is said" "$err" 'no call to KVM was made'
is "and its tape has no event" "$(events "$tmp/q.tape")" 0

# --- things that end ------------------------------------------------------------------------------

"$KVMTAPE" record -o "$tmp/killed.tape" -- "${qemu[@]}" 2>"$tmp/killed.err" &
recorder=$!
sleep 2.5
qemu_pid=$(pgrep -P "$recorder" -x qemu-system-x86 || pgrep -P "$recorder")
kill -9 "$qemu_pid"
wait "$recorder"
is "QEMU killed: status as a shell gives it" $? 137
like "QEMU killed: the tape is whole" "$("$KVMTAPE" info "$tmp/killed.tape")" 'whole: seen'
ok "QEMU killed: events" test "$(events "$tmp/killed.tape")" -gt 500
is "QEMU killed: no divergence" "$(diverges "$tmp/killed.tape")" 0

"$KVMTAPE" record -o "$tmp/cut.tape" -- "${qemu[@]}" 2>"$tmp/cut.err" &
recorder=$!
sleep 3
qemu_pid=$(pgrep -P "$recorder")
kill -9 "$recorder"
wait "$recorder" 2>/dev/null
ok "recorder killed: QEMU goes on" kill -0 "$qemu_pid"
kill "$qemu_pid"
run "$KVMTAPE" replay "$tmp/cut.tape"
is "recorder killed: the tape replays, and does not diverge" "$status" 0
like "recorder killed: it is said" "$err$out" 'cut off|incomplete|not whole'
ok "recorder killed: what was on disk is there" test "$(events "$tmp/cut.tape")" -gt 500

"$KVMTAPE" record -o "$tmp/term.tape" -- "${qemu[@]}" 2>"$tmp/term.err" &
recorder=$!
sleep 2
kill -TERM "$recorder"
wait "$recorder"
is "SIGTERM to the recorder reaches QEMU, which ends in order" $? 0
like "SIGTERM: the tape is whole" "$("$KVMTAPE" info "$tmp/term.tape")" 'whole: seen'

"${qemu[@]}" &
qemu_pid=$!
sleep 0.3
"$KVMTAPE" record -o "$tmp/attach.tape" -p "$qemu_pid" 2>"$tmp/attach.err" &
recorder=$!
sleep 2.5
kill "$qemu_pid"
wait "$recorder"
is "attached: ends with the process" $? 0
ok "attached: events" test "$(events "$tmp/attach.tape")" -gt 100
is "attached: no divergence" "$(diverges "$tmp/attach.tape")" 0

# --- things that are wrong ------------------------------------------------------------------------

# wrong DESCRIPTION PATTERN COMMAND...: one line, status 2.
wrong()
{
	local what=$1 pattern=$2

	shift 2
	run "$@"
	is "$what: exit status" "$status" 2
	like "$what: says so" "$err" "$pattern"
	lines "$what: one line" "$err" 1
}

wrong "existing output" 'exists' "$KVMTAPE" record -o "$tmp/same.tape" -- true
wrong "unwritable output" 'cannot write .*No such file' "$KVMTAPE" record -o "$tmp/no/x.tape" -- true
wrong "no /dev/kvm" '/nonexistent/kvm' "$KVMTAPE" record --kvm /nonexistent/kvm -o "$tmp/x.tape" -- true
wrong "no BTF" '/nonexistent/btf' "$KVMTAPE" record --btf /nonexistent/btf -o "$tmp/x.tape" -- true
ok "no file is left of what could not begin" test ! -e "$tmp/x.tape"
run "$KVMTAPE" record -o "$tmp/x.tape" -- "$tmp/no-such-command"
is "no such command: 127, as a shell" "$status" 127
lines "no such command: one line" "$err" 1
ok "no such command: no file" test ! -e "$tmp/x.tape"

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	mkdir -m 777 "$tmp/nobody"
	chmod 755 "$tmp"
	cp "$KVMTAPE" "$tmp/nobody/kvmtape"
	wrong "no privilege" 'root|privilege|CAP_|ermission' setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$tmp/nobody/kvmtape" record -o "$tmp/nobody/x.tape" -- true
else
	skip "no privilege" "not root, or no setpriv"
fi

mkdir "$tmp/small"
if mount -t tmpfs -o size=8k tmpfs "$tmp/small" 2>/dev/null; then
	run "$KVMTAPE" record -o "$tmp/small/full.tape" -- timeout -k 1 -s INT 4 "${qemu[@]}"
	is "full disk: exit status" "$status" 2
	like "full disk: says so" "$err" 'No space left'
	is "full disk: said once" "$(grep -c 'No space left' <<<"$err")" 1
	run "$KVMTAPE" replay "$tmp/small/full.tape"
	is "full disk: what is there replays" "$status" 0
	umount "$tmp/small"
else
	skip "full disk" "cannot mount a small tmpfs"
fi
tap_done
