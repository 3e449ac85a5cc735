#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Signals on a tape: shown where they stand, counted, kept by the text, not in the canonical form, nothing to the model.
. "$(dirname "$0")/../tap.sh"

head='kernel 6.12.0
thread 0 "main" <pid 4000, tid 4000>
thread 1 "cpu 0" <pid 4000, tid 4001>
thread 2 "cpu 1" <pid 4000, tid 4002>
vm = kvm.KVM_CREATE_VM(0)
@1 vcpu0 = vm.KVM_CREATE_VCPU(0)
@2 vcpu1 = vm.KVM_CREATE_VCPU(1)
@1 vcpu0.KVM_GET_MP_STATE() => {.mp_state = 0} = 0'
run_end=' => {.exit_reason = KVM_EXIT_INTR} = -EINTR'
# As many lines with a signal as there are in "with", and the same calls without them.
cat >"$tmp/with.tapes" <<TEXT
$head
signal @1 SIGUSR1 generated <code -6, from 4711>
signal @1 SIGUSR1 delivered <code -6>
begin @1 vcpu0.KVM_RUN()
signal @1 10 generated <merged, code -6, from 4711>
signal @2 40 generated <refused, process>
signal lost 7
end @1 vcpu0.KVM_RUN$run_end
signal @1 SIGUSR1 delivered <ignored>
@2 vcpu1.KVM_RUN()$run_end
signal @2 SIGTERM delivered <default>
TEXT
grep -v '^signal' "$tmp/with.tapes" >"$tmp/without.tapes"
for name in with without; do
	run "$KVMTAPE" asm -o "$tmp/$name.tape" "$tmp/$name.tapes"
	is "asm, $name signals" "$status$out$err" 0
	"$KVMTAPE" canon -o "$tmp/$name.canon" "$tmp/$name.tape"
done
t=$tmp/with.tape

"$KVMTAPE" print --asm "$t" >"$tmp/back.tapes"
is "print --asm: as it was written" "$(grep ^signal "$tmp/back.tapes")" \
	"$(sed -n 's/@1 10 /@1 SIGUSR1 /; /^signal/p' "$tmp/with.tapes")"
"$KVMTAPE" asm -o "$tmp/back.tape" "$tmp/back.tapes"
ok "text and back: the same bytes" cmp "$t" "$tmp/back.tape"

run "$KVMTAPE" print "$t"
is "print: one line each" "$(grep -c 'signal' <<<"$out")" 7
like "print: outside of calls" "$out" '^ +- thread 1: signal 10 \(SIGUSR1\) delivered, handled; outside of calls$'
like "print: inside KVM_RUN" "$out" \
	'^ +- thread 1: signal 10 \(SIGUSR1\) generated, merged, from tid 4711; inside vcpu0@vm1 KVM_RUN \(event 4\)$'
like "print: a signal without a name, for the process" "$out" 'thread 2: signal 40 generated, refused, for the process; outside of calls$'
like "print: what is missing" "$out" '^ +- signals: 7 are missing, somewhere before$'
is "print: the calls do not overlap" "$(grep -c overlap <<<"$out")" 0

# signals FILTER...: which thread each signal line is of.
signals()
{
	"$KVMTAPE" print --json "$@" | python3 -c '
import json, sys
print(*(l.get("thread", "lost") for l in map(json.loads, sys.stdin) if l["type"] == "signal"))'
}
is "all" "$(signals "$t")" "1 1 1 2 lost 1 2"
is "--no-signals" "$(signals --no-signals "$t")" ""
is "--thread" "$(signals --thread 2 "$t")" "2 lost 2"
is "--thread, thread id" "$(signals --thread 4001 "$t")" "1 1 1 lost 1"
# Before it called on it, it was not known to be its thread.
is "--vcpu" "$(signals --vcpu 1 "$t")" "lost 2"
is "--errors" "$(signals --errors "$t")" ""
is "--ioctl" "$(signals --ioctl RUN "$t")" ""
is "--range: from one event on" "$(signals --range 5- "$t")" "1 2 lost 1 2"
is "--range: up to one event" "$(signals --range -3 "$t")" "1 1"
run "$KVMTAPE" print --asm --no-signals "$t"
is "--asm is whole" "$status" 2

run "$KVMTAPE" print --json "$t"
ok "--json" python3 -c '
import json, sys
lines = [l for l in map(json.loads, open(sys.argv[1])) if l["type"] == "signal"]
assert lines[0] == {"type": "signal", "what": "generated", "thread": 1, "signal": 10, "name": "SIGUSR1",
    "outcome": "pending", "process": False, "code": -6, "sender_tid": 4711, "inside_event": None}, lines[0]
assert lines[2]["inside_event"] == 4 and lines[2]["inside_ioctl"] == "KVM_RUN"
assert lines[3]["name"] is None and lines[3]["process"] is True and lines[3]["inside_event"] is None
assert lines[4] == {"type": "signal", "what": "lost", "count": 7}' "$tmp/run.out"

run "$KVMTAPE" info "$t"
like "info" "$out" '^  signals: generated 3, delivered 3, lost 7$'
like "info: calls are whole" "$out" '^  whole: seen 6 = written 6'
run "$KVMTAPE" info "$tmp/without.tape"
unlike "info: no signals, no line" "$out" 'signals'
run "$KVMTAPE" stat "$t"
like "stat: by number" "$out" '^SIGUSR1 +2 +1 +2$'
like "stat: without a name" "$out" '^signal 40 +1 +0 +0$'
like "stat: lost" "$out" '^lost, of any kind +7$'
for command in info stat; do
	run "$KVMTAPE" "$command" --json "$t"
	like "$command --json: the sums" "$(tail -n1 <<<"$out")" '"signals":\{"generated":3,"delivered":3,"lost":7\}'
done

ok "the canonical form has none" cmp "$tmp/with.canon" "$tmp/without.canon"
run "$KVMTAPE" replay --json "$t"
with=$out
run "$KVMTAPE" replay --json "$tmp/without.tape"
is "replay: the same verdicts with and without" "$with" "$out"

# wrong TEXT COLUMN MESSAGE: a statement that is refused, and where.
wrong()
{
	printf '%s\n%s\n' "$head" "$1" >"$tmp/wrong.tapes"
	run "$KVMTAPE" asm -f -o "$tmp/wrong.tape" "$tmp/wrong.tapes"
	like "refused: $1" "$err" "^kvmtape asm: .*wrong\.tapes:$(($(wc -l <<<"$head") + 1)):$2: $3"
}
wrong 'signal 0 generated' 8 'signals are 1 to 64'
wrong 'signal 65 delivered' 8 'signals are 1 to 64'
wrong 'signal SIGUSR3 generated' 8 ''
wrong 'signal 10 sent' 11 "'generated' or 'delivered' should come here"
wrong 'signal 10 generated <handled>' 22 'a signal that is generated cannot be that'
wrong 'signal 10 delivered <pending>' 22 'a signal that is delivered cannot be that'
wrong 'signal 10 delivered <code 0x100000000>' 22 'a code has 32 bits'
wrong 'signal 10 delivered <from 0x100000000>' 22 'no thread id'
wrong 'signal 10 delivered <later>' 22 'a signal has: '
wrong 'signal lost 0' 8 'a tape cannot hold this'
head="canonical
$head"
wrong 'signal 10 delivered' 8 'a canonical tape has no signals'
tap_done
