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
tap_done
