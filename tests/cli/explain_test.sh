#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kvmtape explain: what was known, what a call depends on, what it might answer, and its verdict.
. "$(dirname "$0")/../tap.sh"

pc=$CORPUS/qemu/pc.tape

asm()
{
	"$KVMTAPE" asm -f -o "$tmp/$1.tape" "$tmp/$1.tapes" || exit 99
}

"$KVMTAPE" asm -o "$tmp/overlap.tape" "$CORPUS/handmade/bad-memslot-overlap.tapes" || exit 99
event=$("$KVMTAPE" replay "$tmp/overlap.tape" | sed -n 's/^violation event \([0-9]*\),.*/\1/p' | head -n 1)
run "$KVMTAPE" explain "$tmp/overlap.tape" "$event"
is "a divergence: exit status" "$status" 0
like "a divergence: which call" "$(head -n 1 <<<"$out")" "^event $event, thread 0: KVM_SET_USER_MEMORY_REGION$"
like "a divergence: what is known" "$out" '^  slot +0: guest 0, size 0x2000, user 0x[0-9a-f]+, flags 0$'
like "a divergence: the call that made the slot" "$out" '^  1 \[.*KVM_SET_USER_MEMORY_REGION\('
like "a divergence: what must come" "$out" '^  fails with EEXIST +MEMORY_REGION_OVERLAP \(promise\)$'
unlike "a divergence: nothing else" "$out" '^  succeeds'
like "a divergence: expected" "$out" '^  expected +-1 EEXIST$'
like "a divergence: observed" "$out" '^  observed +0$'
like "a divergence: the sentence" "$out" '^ +\[api\.rst § 4\.35 KVM_SET_USER_MEMORY_REGION\]$'

cat >"$tmp/known.tapes" <<'END'
kernel 6.1.0
backend kvm_amd
vm = kvm.KVM_CREATE_VM(0)
other = kvm.KVM_CREATE_VM(0)
other.KVM_CREATE_IRQCHIP(0) = 0
vm.KVM_IRQ_LINE({.irq = 1, .level = 1}) = -ENXIO
vm.KVM_CREATE_IRQCHIP(0) = 0
vm.KVM_CREATE_PIT2({.flags = 0}) = 0
cpu = vm.KVM_CREATE_VCPU(0)
cpu.KVM_SET_REGS({.rax = 7, .rflags = 2}) = 0
cpu.KVM_GET_REGS() => {.rax = 7, .rflags = 2} = 0
cpu.KVM_GET_REGS() => {.rax = 7, .rflags = 2} = 0
vm.KVM_IRQ_LINE({.irq = 1, .level = 1}) = 0
END
asm known
run "$KVMTAPE" explain "$tmp/known.tape" 3
like "an error that must come" "$out" '^  fails with ENXIO +IRQ_LINE_NEEDS_CHIP \(promise\)$'
like "what is known: none" "$out" '^  interrupt controller +none$'
unlike "another VM is none of its business" "$out" 'vm2 KVM_CREATE_IRQCHIP'
run "$KVMTAPE" explain "$tmp/known.tape" 4
like "an error that could not come is not there" "$out" '^  succeeds: 0 +CREATE_IRQCHIP_SUCCEEDS'
run "$KVMTAPE" explain "$tmp/known.tape" 10
like "what is known: changed since" "$out" '^  interrupt controller +in the kernel$'
like "what it depends on" "$out" '^  4 \[.*KVM_CREATE_IRQCHIP'
run "$KVMTAPE" explain "$tmp/known.tape" 9
like "bytes of an earlier result" "$out" '^  [0-9]+ bytes as in event 8 +REGS_SAME \(promise\)$'
like "what is known of the vCPU" "$out" '^  registers +[0-9]+ of [0-9]+ bytes known, of event 8$'
run "$KVMTAPE" explain --json "$tmp/known.tape" 9
ok "--json: known, earlier, answer, verdict" python3 -c '
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
types = [line["type"] for line in lines]
assert types[0] == "header" and types[-1] == "verdict" and {"known", "earlier", "answer"} <= set(types), types
assert lines[-1]["verdict"] == "conforms" and lines[-1]["held"][0]["id"] and lines[-1]["call"]["ioctl"] == "KVM_GET_REGS"' "$tmp/run.out"

# The history: who set, read or lost what the call is judged by.
cat >"$tmp/history.tapes" <<'END'
kernel 6.1.0
backend kvm_amd
vm = kvm.KVM_CREATE_VM(0)
vm.KVM_CREATE_IRQCHIP(0) = 0
cpu = vm.KVM_CREATE_VCPU(0)
cpu.KVM_SET_REGS({.rip = 0x1000, .rax = 7, .rflags = 2}) = 0
cpu.KVM_GET_REGS() => {.rip = 0x1000, .rax = 7, .rflags = 2} = 0
cpu.KVM_SET_MSRS({.nmsrs = 1, .entries = [{.index = 0x174, .data = 5}]}) = 1
cpu.KVM_GET_REGS() => {.rip = 0x1010, .rax = 7, .rflags = 2} = 0
cpu.KVM_GET_MSRS({.nmsrs = 1, .entries = [{.index = 0x174}]}) => {.nmsrs = 1, .entries = [{.index = 0x174, .data = 6}]} = 1
vm.KVM_CREATE_IRQCHIP(0) = 0
gap 3 missed
cpu.KVM_GET_REGS() => {.rip = 0x1014, .rax = 7, .rflags = 2} = 0
END
asm history
history()
{
	run "$KVMTAPE" explain "$@"
	out=$(sed '1,/^The history/d' <<<"$out")
}
history "$tmp/history.tape" 6
is "history: a register that diverges, first" "$(head -n 3 <<<"$out")" \
	"  rip: 0x1000 is known, 0x1010 was answered: diverges here
    event 4 vcpu0@vm1.KVM_GET_REGS: read as 0x1000
    event 3 vcpu0@vm1.KVM_SET_REGS: set to 0x1000"
like "history: the others together" "$out" '^  rbx, rcx, rsi, rdi and 10 more$'
history --history 1 "$tmp/history.tape" 6
is "--history: the last one" "$(sed -n '2,3p' <<<"$out")" "    event 4 vcpu0@vm1.KVM_GET_REGS: read as 0x1000
    and 2 earlier"
history "$tmp/history.tape" 7
is "history: an MSR by its number" "$(head -n 2 <<<"$out")" "  MSR 0x174 (entries[0].data): 0x5 is known, 0x6 was answered: diverges here
    event 5 vcpu0@vm1.KVM_SET_MSRS: set to 0x5"
history "$tmp/history.tape" 8
is "history: of a refusal" "$out" "  EEXIST (CREATE_IRQCHIP_ONCE)
    event 1 vm1.KVM_CREATE_IRQCHIP: it fails from here on"
history "$tmp/history.tape" 12
like "history: a gap" "$out" '^    a gap: not known any more$'
run "$KVMTAPE" explain --history 0 "$tmp/history.tape" 6
unlike "--history 0: none" "$out" '^The history'
run "$KVMTAPE" explain --history 1001 "$tmp/history.tape" 6
is "--history: too many" "$status" 2
run "$KVMTAPE" explain --json "$tmp/history.tape" 6
ok "--json: history" python3 -c '
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
first = [line for line in lines if line["type"] == "history"][0]
assert first["fields"] == "rip" and first["diverges"] and first["expected"] == "0x1000" and first["observed"] == "0x1010", first
assert [(e["event"], e["ioctl"], e["what"], e["value"]) for e in first["events"][:2]] == [
    (4, "KVM_GET_REGS", "read", "0x1000"), (3, "KVM_SET_REGS", "set", "0x1000")], first' "$tmp/run.out"

# Every event of sessions of several machines, of every kind of object, can be explained.
failed=
for tape in "$pc" "$CORPUS"/live/bookworm/scenarios/vm-irqchip.tape "$CORPUS"/live/bookworm-arm64/scenarios/arm64-devices.tape \
	"$CORPUS"/live/bookworm-ppc64le/scenarios/powerpc-vm.tape; do
	for n in $(seq 0 7 $(($("$KVMTAPE" info --json "$tape" | grep -o '"events": *[0-9]*' | grep -o '[0-9]*$' | tail -n 1) - 1)) | head -n 40); do
		"$KVMTAPE" explain "$tape" "$n" >"$tmp/one.out" 2>&1 || failed+=" $tape:$n"
		[[ $(<"$tmp/one.out") == *$'\n  verdict    '* ]] || failed+=" $tape:$n:no verdict"
	done
done
is "all can be explained" "$failed" ""
verdict()
{
	"$KVMTAPE" explain --json "$pc" "$1" | tail -n 1 | python3 -c 'import json, sys; print(json.load(sys.stdin)["verdict"])'
}
is "the verdict is that of replay" "$(for n in 5 100 145 150 600; do verdict "$n"; done)" \
	"$("$KVMTAPE" replay --json -v "$pc" | python3 -c '
import json, sys
verdicts = {line["event"]: line["verdict"] for line in map(json.loads, sys.stdin) if line["type"] == "verdict"}
for event in (5, 100, 145, 150, 600):
    print(verdicts[event])')"

run "$KVMTAPE" explain "$pc" 1000000
is "no such event: exit status" "$status" 2
like "no such event: is said" "$err" 'there is no event 1000000$'
run "$KVMTAPE" explain "$pc" x
is "no number: usage error" "$status" 2
run "$KVMTAPE" explain "$pc"
is "no event given: usage error" "$status" 2
run "$KVMTAPE" explain - 1
is "standard input: usage error" "$status" 2
run "$KVMTAPE" explain "$0" 1
is "what is no tape" "$status" 2
cat >"$tmp/open.tapes" <<'END'
vm = kvm.KVM_CREATE_VM(0)
begin @1 vm.KVM_CREATE_IRQCHIP(0)
END
asm open
run "$KVMTAPE" explain "$tmp/open.tape" 1
is "a call without a return: exit status" "$status" 2
like "a call without a return: is said" "$err" 'event 1 has no return$'
tap_done
