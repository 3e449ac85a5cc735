#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kvmtape stat: the numbers are those of the tape.
. "$(dirname "$0")/../tap.sh"

"$MKTAPE" good "$tmp/good.tape" || exit 99
"$MKTAPE" many "$tmp/many.tape" 1000 || exit 99
"$KVMTAPE" canon -o "$tmp/canon.tape" "$tmp/good.tape" || exit 99

run "$KVMTAPE" stat "$tmp/good.tape"
is "exit status" "$status" 0
is "nothing on standard error" "$err" ""
like "events" "$out" '^calls +11 \(11 returns, 0 unreturned, 0 lost\)$'
like "calls and errors of an ioctl" "$out" '^KVM_CREATE_VCPU +3 +1 '
like "errors by name" "$out" '^  KVM_CREATE_VCPU +EEXIST 1$'
like "time of an ioctl" "$out" '^KVM_RUN .* 61\.5 us +20\.5 us +20\.5 us +20\.5 us$'
like "exits" "$out" '^KVM_EXIT_IO +3 '
like "ports" "$out" '^0x402 write 1 byte +2$'
like "bytes" "$out" '^bytes +[0-9]+ in [0-9]+ frames, [0-9]+ unpacked; [0-9.]+ an event'
unlike "no histogram unless asked" "$out" '#'

run "$KVMTAPE" stat --histogram "$tmp/good.tape"
like "--histogram: bucket of 16384 ns" "$out" '^  from +16\.4 us +3 #{40}$'

run "$KVMTAPE" stat --top 1 "$tmp/many.tape"
is "--top 1" "$(grep -c '^0x.* byte' <<<"$out")" 1
like "--top 1: the rest is said" "$out" '^[0-9]+ more$'

run "$KVMTAPE" stat --json "$tmp/many.tape"
is "--json: exit status" "$status" 0
like "--json: first line" "$(head -n1 <<<"$out")" '^\{"type":"header","schema":1,'
ok "--json: numbers" python3 -c '
import json, os, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
totals = lines[-1]
assert totals["type"] == "totals" and totals["events"] == 2012 and totals["complete"] is True
assert totals["file_bytes"] == os.path.getsize(sys.argv[2]), totals
by_name = {l["name"]: l for l in lines if l["type"] == "ioctl"}
run = by_name["KVM_RUN"]
assert run["calls"] == 1003 and run["errors"] == 0
assert run["min_ns"] == 20500 and run["total_ns"] == 1003 * 20500
assert sum(run["log2_ns"]) == 1003 and run["log2_ns"][14] == 1003
assert by_name["KVM_CREATE_VCPU"]["errnos"] == {"EEXIST": 1}
assert sum(l["calls"] for l in by_name.values()) == 2012
assert [l["runs"] for l in lines if l["type"] == "exit"] == [1003]
assert sum(l["runs"] for l in lines if l["type"] == "port") == 1003' "$tmp/run.out" "$tmp/many.tape"

run "$KVMTAPE" stat --histogram "$tmp/canon.tape"
is "a tape without times: exit status" "$status" 0
unlike "a tape without times: no column of them" "$out" 'mean'
like "a tape without times: says why there is no histogram" "$err" 'holds no times'
tap_done
