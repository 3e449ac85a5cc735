#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kvmtape info: environment, objects, threads, and whether the tape is whole.
. "$(dirname "$0")/../tap.sh"

for kind in good gap open cut; do
	"$MKTAPE" $kind "$tmp/$kind.tape" || exit 99
done

run "$KVMTAPE" info "$tmp/good.tape"
is "exit status" "$status" 0
is "nothing on standard error" "$err" ""
like "format" "$out" '^tape format [0-9]+\.[0-9]+$'
like "architecture" "$out" '^  architecture +x86$'
like "environment" "$out" '^  kernel\.release +6\.12\.0$'
like "capabilities" "$out" '^  capabilities +1 asked, 1 there$'
like "threads" "$out" '^ +1  CPU 0/KVM +pid 4000 tid 4001$'
like "objects" "$out" '^ +4  vcpu +id 1 of #2 fd 12'
like "completeness" "$out" '^  whole: seen 11 = written 11 \+ lost 0$'
run "$KVMTAPE" info --verbose "$tmp/good.tape"
like "--verbose: capabilities by name" "$out" '^    KVM_CAP_USER_MEMORY +1$'

run "$KVMTAPE" info "$tmp/gap.tape"
like "lost events add up" "$out" '^  whole: seen 18 = written 11 \+ lost 7 \([a-z ]+ 7\)$'
run "$KVMTAPE" info "$tmp/open.tape"
like "unreturned" "$out" '^  calls 12, returns 11, unreturned 1$'
run "$KVMTAPE" info "$tmp/cut.tape"
like "no end mark" "$out" '^  cut off, no end mark: found written 11, lost 0$'

run "$KVMTAPE" info --json "$tmp/gap.tape"
is "--json: exit status" "$status" 0
like "--json: first line" "$(head -n1 <<<"$out")" '^\{"type":"header","schema":1,'
ok "--json: numbers" python3 -c '
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
types = [l["type"] for l in lines]
assert types.count("environment") == 1 and types.count("thread") == 3 and types.count("object") == 4
last = lines[-1]
assert last["type"] == "completeness" and last["complete"] is True and last["adds_up"] is True
assert last["events"] == 11 and sum(last["lost"].values()) == 7
assert last["end"]["seen"] == 18 and last["end"]["written"] == 11' "$tmp/run.out"

# One vocabulary: whoever counts a tape says the same.
for tape in good gap open cut; do
	counts=()
	for command in info stat replay; do
		run "$KVMTAPE" "$command" --json "$tmp/$tape.tape"
		counts+=("$(tail -n1 <<<"$out" | python3 -c '
import json, sys
last = json.load(sys.stdin)
print(*(last[key] for key in ("calls", "returns", "unreturned")))')")
	done
	is "$tape: info and stat count the same" "${counts[1]}" "${counts[0]}"
	is "$tape: info and replay count the same" "${counts[2]}" "${counts[0]}"
done

run "$KVMTAPE" info --json "$tmp/cut.tape"
like "--json, no end mark" "$(tail -n1 <<<"$out")" '"complete":false,"adds_up":false'
tap_done
