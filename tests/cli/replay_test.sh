#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kvmtape replay: verdicts, exit status, JSON, the same bytes at every run.
. "$(dirname "$0")/../tap.sh"

for kind in good diverges gap open unknown name riscv; do
	"$MKTAPE" $kind "$tmp/$kind.tape" || exit 99
done

summary='^\{"type":"summary","events":[0-9]+,"conforms":[0-9]+,"deviation":[0-9]+,"diverges":[0-9]+,'
summary+='"unspecified":[0-9]+,"skipped":[0-9]+,"lost":[0-9]+[,}]'

# last JSON-OUTPUT KEY: a number of the summary.
last()
{
	tail -n1 <<<"$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$2"
}

run "$KVMTAPE" replay "$tmp/good.tape"
is "no divergence: exit status" "$status" 0
is "no divergence: nothing on standard error" "$err" ""
like "no divergence: 11 events" "$out" '^returns +11$'
like "no divergence: by verdict" "$out" '^  violation +0 '
like "no divergence: by ioctl" "$out" '^KVM_RUN +3 '
unlike "no divergence: none listed" "$out" '^violations'

run "$KVMTAPE" replay "$tmp/diverges.tape"
is "a divergence: exit status" "$status" 1
like "a divergence: counted" "$out" '^  violation +1 '
like "a divergence: listed with event and thread" "$out" '^violation event 0, thread 0 \(qemu\)$'
like "a divergence: the call" "$out" '^    call      0 .*KVM_GET_API_VERSION\(.* = 13'
like "a divergence: expected" "$out" '^    expected  .*(12|0xc)'
like "a divergence: observed" "$out" '^    observed  .*(13|0xd)'
like "a divergence: rule" "$out" '^    rule      [A-Z0-9_]+$'
like "a divergence: statement" "$out" '^    says      .+'
like "a divergence: citation" "$out" '^    source    .+ § 4\.1'
ok "a divergence: stands after the summary" \
	test "$(grep -n '^violation event' <<<"$out" | cut -d: -f1)" -gt \
	"$(grep -n '^ioctl  ' <<<"$out" | cut -d: -f1)"

run "$KVMTAPE" replay --until 0 "$tmp/diverges.tape"
is "--until 0: still diverges" "$status" 1
like "--until 0: one event" "$out" '^returns +1$'

run "$KVMTAPE" replay --json "$tmp/good.tape"
is "--json: exit status" "$status" 0
ok "--json: every line is an object with a type" python3 -c '
import json, sys
for line in open(sys.argv[1]):
    assert isinstance(json.loads(line)["type"], str)' "$tmp/run.out"
like "--json: first line" "$(head -n1 <<<"$out")" '^\{"type":"header","schema":1,'
like "--json: last line" "$(tail -n1 <<<"$out")" "$summary"
is "--json: events" "$(last "$out" events)" 11
is "--json: complete" "$(last "$out" complete)" True
ok "--json: verdicts add up to the events" python3 -c '
import json, sys
s = json.loads(open(sys.argv[1]).read().splitlines()[-1])
kinds = ["conforms", "deviation", "diverges", "unspecified", "skipped"]
assert sum(s[k] for k in kinds) == s["events"]' "$tmp/run.out"
ok "--json: ioctls add up to the summary" python3 -c '
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
for k in ["events", "conforms", "deviation", "diverges", "unspecified", "skipped"]:
    assert sum(l[k] for l in lines if l["type"] == "ioctl") == lines[-1][k], k' "$tmp/run.out"

run "$KVMTAPE" replay --json "$tmp/diverges.tape"
is "--json, a divergence: exit status" "$status" 1
is "--json, a divergence: counted" "$(last "$out" diverges)" 1
ok "--json, a divergence: its line" python3 -c '
import json, sys
d = [json.loads(l) for l in open(sys.argv[1]) if "\"divergence\"" in l]
assert len(d) == 1
d = d[0]
assert d["event"] == 0 and d["thread"] == 0 and d["comm"] == "qemu"
assert d["expected"] and d["observed"] and d["expected"] != d["observed"]
assert d["rule"]["id"] and d["rule"]["section"] == "4.1" and d["rule"]["statement"]
assert d["call"]["type"] == "event"' "$tmp/run.out"

for options in "" --json --verbose "--verbose --json" --rules "--rules --json"; do
	for kind in good diverges gap; do
		# shellcheck disable=SC2086
		"$KVMTAPE" replay $options "$tmp/$kind.tape" >"$tmp/first" 2>&1
		sleep 0.01
		# shellcheck disable=SC2086
		(cd / && env FOO=bar "$KVMTAPE" replay $options "$tmp/$kind.tape") >"$tmp/second" 2>&1
		ok "the same bytes at two runs: replay $options, $kind" cmp "$tmp/first" "$tmp/second"
	done
done

run "$KVMTAPE" replay --verbose "$tmp/good.tape"
is "--verbose: exit status" "$status" 0
is "--verbose: a verdict for every event" "$(grep -c '^[a-z ]* event [0-9]*, thread' <<<"$out")" 11
like "--verbose: names the rules" "$out" '^    held +[A-Z0-9_]+'
run "$KVMTAPE" replay --verbose --json "$tmp/good.tape"
is "--verbose --json: a line for every event" "$(grep -c '"type":"verdict"' <<<"$out")" 11
like "--verbose --json: last line" "$(tail -n1 <<<"$out")" "$summary"

run "$KVMTAPE" replay --json "$tmp/gap.tape"
is "lost events are counted" "$(last "$out" lost)" 7
is "lost events are no events" "$(last "$out" events)" 11
run "$KVMTAPE" replay "$tmp/gap.tape"
like "lost events, by cause" "$out" '^lost +7 +[a-z ]+ 7$'

run "$KVMTAPE" replay --json "$tmp/open.tape"
is "a call without return: exit status" "$status" 0
is "a call without return: counted" "$(last "$out" unreturned)" 1
is "a call without return: no event" "$(last "$out" events)" 11

run "$KVMTAPE" replay --json "$tmp/unknown.tape"
is "a request that is no ioctl: exit status" "$status" 0
is "a request that is no ioctl: an event" "$(last "$out" events)" 12
like "a request that is no ioctl: named" "$out" '"name":"vm 0xaefe"'
ok "a request that is no ioctl: one verdict, no divergence" python3 -c '
import json, sys
for line in open(sys.argv[1]):
    l = json.loads(line)
    if l.get("name") == "vm 0xaefe":
        assert l["events"] == 1 and l["diverges"] == 0
        sys.exit(0)
sys.exit(1)' "$tmp/run.out"

run "$KVMTAPE" replay --verbose --json "$tmp/name.tape"
is "a thread's name that is no UTF-8: exit status" "$status" 0
ok "a thread's name that is no UTF-8: output is" python3 -c '
import json, sys
for line in open(sys.argv[1], encoding="utf-8", errors="strict"):
    json.loads(line)' "$tmp/run.out"

for command in "replay --verbose" "print" "info"; do
	# shellcheck disable=SC2086
	run "$KVMTAPE" $command "$tmp/name.tape"
	unlike "a thread's name cannot command the terminal: $command" "$out" $'\033'
done

printf 'kernel 6.1.0\nresults none\nkvm.KVM_GET_API_VERSION()\n' >"$tmp/none.tapes"
"$KVMTAPE" asm -o "$tmp/none.tape" "$tmp/none.tapes"
for command in replay "rules --coverage"; do
	# shellcheck disable=SC2086
	run "$KVMTAPE" $command "$tmp/none.tape"
	is "a tape that was not played yet is not judged: $command" "$status" 2
	like "and what to do: $command" "$err" "has no results yet.*--live"
done

run "$KVMTAPE" replay "$tmp/riscv.tape"
if ((status == 2)); then
	like "an architecture without a model: says so" "$err" 'no model of riscv'
else
	# There is no event on it.
	is "an architecture with a model" "$status" 125
fi
tap_done
