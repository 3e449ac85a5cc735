#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Where output goes: terminals and colour, closed pipes, full disks.
. "$(dirname "$0")/../tap.sh"

"$MKTAPE" many "$tmp/many.tape" 20000 || exit 99
"$MKTAPE" diverges "$tmp/diverges.tape" || exit 99
escape=$'\033'

# terminal VARIABLE=VALUE... -- ARG...: what kvmtape prints to a terminal.
terminal()
{
	python3 -c '
import os, pty, sys
i = sys.argv.index("--")
env = {**os.environ, "TERM": "xterm", **dict(a.split("=", 1) for a in sys.argv[1:i])}
pid, fd = pty.fork()
if pid == 0:
    os.execve(sys.argv[i + 1], sys.argv[i + 1:], env)
out = b""
while True:
    try:
        piece = os.read(fd, 65536)
    except OSError:
        break
    if not piece:
        break
    out += piece
os.waitpid(pid, 0)
sys.stdout.buffer.write(out)' "$@"
}

run "$KVMTAPE" replay "$tmp/diverges.tape"
unlike "no colour into a file" "$out" "$escape"
run terminal -- "$KVMTAPE" replay "$tmp/diverges.tape"
like "colour on a terminal" "$out" "$escape"
run terminal NO_COLOR=1 -- "$KVMTAPE" replay "$tmp/diverges.tape"
unlike "no colour with NO_COLOR" "$out" "$escape"
like "but the same text" "$out" '^  violation +1 '
run terminal NO_COLOR= -- "$KVMTAPE" replay "$tmp/diverges.tape"
like "an empty NO_COLOR says nothing" "$out" "$escape"
run terminal TERM=dumb -- "$KVMTAPE" replay "$tmp/diverges.tape"
unlike "no colour on a dumb terminal" "$out" "$escape"
run terminal -- "$KVMTAPE" replay --json "$tmp/diverges.tape"
unlike "no colour in JSON" "$out" "$escape"

for options in "print" "print --json" "replay --verbose"; do
	# shellcheck disable=SC2086
	"$KVMTAPE" $options "$tmp/many.tape" 2>"$tmp/pipe.err" | head -n 3 >"$tmp/pipe.out"
	is "$options | head: three lines" "$(wc -l <"$tmp/pipe.out")" 3
	is "$options | head: nothing on standard error" "$(<"$tmp/pipe.err")" ""
	# A parent that ignores SIGPIPE, as Python does, changes nothing.
	# shellcheck disable=SC2086
	(trap '' PIPE; "$KVMTAPE" $options "$tmp/many.tape") 2>"$tmp/pipe.err" | head -n 3 >"$tmp/pipe.out"
	is "$options | head, SIGPIPE ignored: nothing on standard error" "$(<"$tmp/pipe.err")" ""
done

for command in "replay" "replay --json" "print" "print --json" "stat" "stat --json" "info" "info --json"; do
	# shellcheck disable=SC2086
	"$KVMTAPE" $command "$tmp/diverges.tape" >/dev/full 2>"$tmp/full.err"
	is "$command to a full disk: exit status" "$?" 2
	like "$command to a full disk: says so" "$(<"$tmp/full.err")" 'standard output: No space left'
	lines "$command to a full disk: one line" "$(<"$tmp/full.err")" 1
done
"$KVMTAPE" print "$tmp/many.tape" >/dev/full 2>"$tmp/full.err"
is "much output to a full disk: exit status" "$?" 2
lines "much output to a full disk: one line" "$(<"$tmp/full.err")" 1
"$KVMTAPE" --help >/dev/full 2>"$tmp/full.err"
is "--help to a full disk: exit status" "$?" 2
tap_done
