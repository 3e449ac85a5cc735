#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kvmtape canon: a tape without the machine's numbers, and an output file that is never half written.
. "$(dirname "$0")/../tap.sh"

for kind in good diverges; do
	"$MKTAPE" $kind "$tmp/$kind.tape" || exit 99
done

run "$KVMTAPE" canon -o "$tmp/one.tape" "$tmp/good.tape"
is "exit status" "$status" 0
is "nothing is said" "$out$err" ""
run "$KVMTAPE" info "$tmp/one.tape"
like "is canonical" "$out" '^tape format .*, canonical$'
like "has no times" "$out" '^  times +none$'
unlike "has no thread ids" "$out" 'tid 4001'
run "$KVMTAPE" replay "$tmp/one.tape"
is "replays" "$status" 0
like "holds all events" "$out" '^returns +11$'
"$KVMTAPE" canon -o "$tmp/two.tape" "$tmp/one.tape"
ok "canonical of canonical is the same bytes" cmp "$tmp/one.tape" "$tmp/two.tape"
"$KVMTAPE" canon -o "$tmp/stdin.tape" - <"$tmp/good.tape"
ok "from standard input: the same bytes" cmp "$tmp/one.tape" "$tmp/stdin.tape"
run "$KVMTAPE" canon --hash "$tmp/good.tape"
is "--hash: exit status" "$status" 0
is "--hash: of what the canonical tape unpacks to" "$out" "$(zstd -dcq "$tmp/one.tape" | sha256sum | cut -d' ' -f1)"
run "$KVMTAPE" canon --hash -o "$tmp/hashed.tape" "$tmp/one.tape"
is "--hash and --output: the same hash" "$out" "$("$KVMTAPE" canon --hash "$tmp/good.tape")"
ok "--hash and --output: the same tape" same_tape "$tmp/one.tape" "$tmp/hashed.tape"
# Another libzstd packs the same bytes otherwise.
zstd -q -19 -c "$tmp/one.tape" >/dev/null && zstd -dcq "$tmp/one.tape" | zstd -q -19 >"$tmp/other.zst"
ok "packed otherwise, it unpacks to the same" same_tape "$tmp/one.tape" "$tmp/other.zst"
run "$KVMTAPE" canon "$tmp/good.tape"
is "neither --hash nor --output: exit status" "$status" 2
"$KVMTAPE" canon -o "$tmp/diverges.canon" "$tmp/diverges.tape"
run "$KVMTAPE" replay "$tmp/diverges.canon"
is "a divergence stays one" "$status" 1

echo precious >"$tmp/there"
run "$KVMTAPE" canon -o "$tmp/there" "$tmp/good.tape"
is "existing output: exit status" "$status" 2
like "existing output: says so" "$err" 'there: exists; --force'
is "existing output: is not touched" "$(<"$tmp/there")" precious
run "$KVMTAPE" canon -f -o "$tmp/there" "$tmp/good.tape"
is "--force: exit status" "$status" 0
ok "--force: replaced" cmp "$tmp/one.tape" "$tmp/there"
cp "$tmp/good.tape" "$tmp/same.tape"
run "$KVMTAPE" canon -f -o "$tmp/same.tape" "$tmp/same.tape"
is "output is the input: exit status" "$status" 2
ok "output is the input: it is not touched" cmp "$tmp/good.tape" "$tmp/same.tape"
run "$KVMTAPE" canon -o "$tmp/no/such/dir" "$tmp/good.tape"
is "no such directory: exit status" "$status" 2
like "no such directory: says so" "$err" 'no/such/dir: No such file'
run "$KVMTAPE" canon -f -o /dev/full "$tmp/good.tape"
is "full disk: exit status" "$status" 2
like "full disk: says so" "$err" 'No space left'
ok "full disk: the device is still there" test -c /dev/full
is "a new tape is for its owner alone" "$(stat -c %a "$tmp/one.tape")" 600

# What was there stays until there is something to replace it, and what was begun beside it goes.
mkdir "$tmp/beside"
echo precious >"$tmp/beside/there"
head -c 100 "$tmp/good.tape" >"$tmp/broken.tape"
run "$KVMTAPE" canon -f -o "$tmp/beside/there" "$tmp/broken.tape"
is "--force and a tape that is none: exit status" "$status" 2
is "--force and a tape that is none: what was there stays" "$(<"$tmp/beside/there")" precious
printf '\xff' | dd of="$tmp/good.tape" bs=1 seek=200 conv=notrunc 2>/dev/null
run "$KVMTAPE" canon -f -o "$tmp/beside/there" "$tmp/good.tape"
is "--force and a damaged tape: exit status" "$status" 2
is "--force and a damaged tape: what was there stays, and nothing else" "$(cat "$tmp/beside"/*)" precious

mkfifo "$tmp/fifo"
timeout 20 cat "$tmp/fifo" >"$tmp/through" &
run timeout 20 "$KVMTAPE" canon -o "$tmp/fifo" "$tmp/one.tape"
wait $!
is "a FIFO: exit status" "$status" 0
ok "a FIFO: the same bytes" cmp "$tmp/one.tape" "$tmp/through"
ok "a FIFO: it is still there" test -p "$tmp/fifo"
"$KVMTAPE" canon -o - "$tmp/one.tape" | cat >"$tmp/piped"
ok "standard output, a pipe: the same bytes" cmp "$tmp/one.tape" "$tmp/piped"
"$KVMTAPE" canon -o - "$tmp/one.tape" >"$tmp/redirected"
ok "standard output, a file: the same bytes" cmp "$tmp/one.tape" "$tmp/redirected"
if command -v script >/dev/null; then
	run script -qec "'$KVMTAPE' canon -o - '$tmp/one.tape'" /dev/null
	is "standard output, a terminal: refused" "$status" 2
	like "standard output, a terminal: says so" "$out" 'does not go to a terminal'
else
	skip "standard output, a terminal" "there is no script(1)"
fi
tap_done
