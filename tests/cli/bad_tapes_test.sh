#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Files that are no tape, or no whole one: one clear line, the right exit status, everything that can be read.
. "$(dirname "$0")/../tap.sh"

for kind in good many cut diverges empty; do
	"$MKTAPE" $kind "$tmp/$kind.tape" 80000 || exit 99
done
# The byte at an offset of a file, changed.
flip()
{
	local byte

	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	# shellcheck disable=SC2059
	printf "$(printf '\\x%02x' $((byte ^ 0x5a)))" |
		dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# refused DESCRIPTION PATTERN FILE: by every subcommand.
refused()
{
	local what=$1 pattern=$2 file=$3 command

	for command in replay print stat info "canon -o $tmp/out.tape"; do
		# shellcheck disable=SC2086
		run "$KVMTAPE" $command "$file"
		is "$what, ${command%% *}: exit status" "$status" 2
		like "$what, ${command%% *}: says so" "$err" "^kvmtape ${command%% *}: .*$pattern"
		lines "$what, ${command%% *}: one line" "$err" 1
		is "$what, ${command%% *}: nothing on standard output" "$out" ""
		ok "$what, ${command%% *}: no output file" test ! -e "$tmp/out.tape"
	done
}

refused "missing" "$tmp/none.tape: No such file" "$tmp/none.tape"
refused "a directory" "$tmp: Is a directory" "$tmp"
echo "root:x:0:0:root:/root:/bin/bash" >"$tmp/text"
refused "no tape" "not a tape" "$tmp/text"
: >"$tmp/nothing"
refused "empty file" "$tmp/nothing: " "$tmp/nothing"
head -c 20 "$tmp/good.tape" >"$tmp/short.tape"
refused "cut in its header" "$tmp/short.tape: " "$tmp/short.tape"
# The major version is the 16-bit number after the 8 bytes of the skippable frame and the 8 of the magic.
cp "$tmp/good.tape" "$tmp/newer.tape"
printf '\x63\x00' | dd of="$tmp/newer.tape" bs=1 seek=16 conv=notrunc status=none
refused "newer" "newer kvmtape .*update" "$tmp/newer.tape"

# No end mark: as far as it goes, a note, the status by the verdicts.
run "$KVMTAPE" replay "$tmp/cut.tape"
is "cut off, replay: exit status" "$status" 0
like "cut off, replay: all events" "$out" '^returns +11$'
like "cut off, replay: says so" "$err" 'cut off'
lines "cut off, replay: one line" "$err" 1
run "$KVMTAPE" replay --json "$tmp/cut.tape"
like "cut off, replay --json: complete is false" "$(tail -n1 <<<"$out")" '"complete":false'
for command in print stat info; do
	run "$KVMTAPE" $command "$tmp/cut.tape"
	is "cut off, $command: exit status" "$status" 0
	like "cut off, $command: says so" "$err" 'cut off'
	lines "cut off, $command: one line" "$err" 1
done
like "cut off, info: completeness" "$out" 'cut off.*found written 11'

# Ends within a frame.
size=$(stat -c %s "$tmp/many.tape")
"$KVMTAPE" stat --json "$tmp/many.tape" >"$tmp/whole.json" || exit 99
for share in 30 60 90; do
	head -c $((size * share / 100)) "$tmp/many.tape" >"$tmp/part.tape"
	run "$KVMTAPE" replay --json "$tmp/part.tape"
	ok "truncated at $share %, replay: 0 or 1" test "$status" -le 1
	like "truncated at $share %, replay: says so" "$err" 'cut off'
	lines "truncated at $share %, replay: one line" "$err" 1
	like "truncated at $share %, replay: last line is the summary" "$(tail -n1 <<<"$out")" \
		'^\{"type":"summary","events":[0-9]+,.*"complete":false'
done
# A frame is at most 256 KiB unpacked, so most of a tape cut at 90 % is there.
events=$(tail -n1 <<<"$out" | grep -o '"events":[0-9]*' | head -n1 | cut -d: -f2)
ok "truncated at 90 %: events were kept" test "$events" -gt 1000

# Damaged: what comes before counts, and the exit status is 2 whatever it was.
for share in 60 90; do
	cp "$tmp/many.tape" "$tmp/bad.tape"
	flip "$tmp/bad.tape" $((size * share / 100))
	for command in replay print stat info; do
		run "$KVMTAPE" $command "$tmp/bad.tape"
		is "damaged at $share %, $command: exit status" "$status" 2
		like "damaged at $share %, $command: says where" "$err" 'damaged \(.*frame [0-9]+'
		lines "damaged at $share %, $command: one line" "$err" 1
		ok "damaged at $share %, $command: prints what came before" test -n "$out"
	done
	run "$KVMTAPE" canon -o "$tmp/out.tape" "$tmp/bad.tape"
	is "damaged at $share %, canon: exit status" "$status" 2
	ok "damaged at $share %, canon: no output file" test ! -e "$tmp/out.tape"
done

run "$KVMTAPE" replay "$tmp/empty.tape"
is "a tape without events: exit status" "$status" 125
like "a tape without events: says so" "$err" 'nothing was judged'
like "a tape without events" "$out" '^returns +0$'
run "$KVMTAPE" print "$tmp/empty.tape"
is "a tape without events, print: exit status" "$status" 2
like "a tape without events, print: says so" "$err" 'no events on it'
for command in stat info; do
	run "$KVMTAPE" $command "$tmp/empty.tape"
	is "a tape without events, $command: exit status" "$status" 0
	is "a tape without events, $command: nothing on standard error" "$err" ""
done
# Very many threads, each of a process of its own: no reader takes time with the square of their number.
{
	printf 'kernel 6.12.0\n'
	seq 0 149999 | sed 's/.*/thread & "x" <pid &1, tid &1>/'
	printf '@149999 kvm.KVM_GET_API_VERSION() = 12\n'
} >"$tmp/threads.tapes"
ok "150000 threads: a tape holds them" "$KVMTAPE" asm -o "$tmp/threads.tape" "$tmp/threads.tapes"
for command in replay stat info print "canon -o $tmp/threads.canon"; do
	# shellcheck disable=SC2086
	ok "150000 threads: ${command%% *} does not take long" \
		bash -c 'ulimit -t "$1"; shift; exec "$@" >/dev/null' - "${KVMTAPE_TEST_SECONDS:-10}" "$KVMTAPE" $command "$tmp/threads.tape"
done
tap_done
