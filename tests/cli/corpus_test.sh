#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every subcommand on the tapes of the corpus: real sessions, with what no made-up tape would hold.  Of those that were
# played on several kernels, the ones of one kernel.
. "$(dirname "$0")/../tap.sh"

shopt -s globstar nullglob
tapes=()
for tape in "$CORPUS"/**/*.tape; do
	case $tape in
	*/live/bookworm/* | */qemu/* | */linux-boot/*) tapes+=("$tape") ;;
	*/live/*) ;;
	*) tapes+=("$tape") ;;
	esac
done
((${#tapes[@]})) || skip_all "no tapes in the corpus"

ndjson()
{
	python3 -c '
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1], encoding="utf-8")]
assert lines[0]["type"] == "header" and lines[0]["schema"] == 1
assert len(lines) > 1' "$1"
}

for tape in "${tapes[@]}"; do
	name=${tape#"$CORPUS"/}
	for command in replay print stat info; do
		run "$KVMTAPE" $command "$tape"
		ok "$name: $command" test "$status" -le 1
		is "$name: $command, nothing on standard error" "$err" ""
		run "$KVMTAPE" $command --json "$tape"
		ok "$name: $command --json is NDJSON" ndjson "$tmp/run.out"
	done
	ok "$name: three counts of events agree" python3 -c '
import json, subprocess, sys
def last(command):
    out = subprocess.run([sys.argv[1], command, "--json", sys.argv[2]], stdout=subprocess.PIPE).stdout
    return json.loads(out.splitlines()[-1])["events"]
counts = [last("replay"), last("stat"), last("info")]
assert len(set(counts)) == 1, counts' "$KVMTAPE" "$tape"
	rm -f "$tmp/canon.tape"
	"$KVMTAPE" canon -o "$tmp/canon.tape" "$tape"
	ok "$name: is in canonical form" cmp "$tape" "$tmp/canon.tape"
done
tap_done
