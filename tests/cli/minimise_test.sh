#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kvmtape minimise and distill: small tapes with the same divergence, small sets with the same coverage.
. "$(dirname "$0")/../tap.sh"

# tape NAME: text on standard input becomes $tmp/NAME.tape.
tape()
{
	{ printf 'kernel 6.1.0\nbackend kvm_amd\ncap KVM_CAP_USER_MEMORY = 1\ncap KVM_CAP_MP_STATE = 1\n'; cat; } \
		>"$tmp/$1.tapes"
	"$KVMTAPE" asm -f -o "$tmp/$1.tape" "$tmp/$1.tapes" || exit 99
}

# calls FILE: its calls as text, without the header.
calls()
{
	"$KVMTAPE" print --asm "$1" | grep -vE '^(text|arch|page|kernel|backend|vendor|env|cap|absent|canonical|thread|object)( |$)|^$'
}

# field JSON KEY
field()
{
	tail -n1 <<<"$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$2"
}

# --- small ones

tape objects <<'END'
kvm.KVM_GET_API_VERSION() = 12
a = kvm.KVM_CREATE_VM(0)
b = kvm.KVM_CREATE_VM(0)
c = a.KVM_CREATE_VCPU(0)
d = b.KVM_CREATE_VCPU(0)
e = b.KVM_CREATE_VCPU(1)
c.KVM_SET_REGS({.rflags = 2}) = 0
d.KVM_SET_REGS({.rflags = 2}) = 0
e.KVM_GET_FPU() => ? = 0
b.KVM_CHECK_EXTENSION(KVM_CAP_MP_STATE) = 1
b.KVM_CREATE_VCPU(1) = 0
kvm.KVM_GET_API_VERSION() = 12
b.KVM_CREATE_VCPU(1) = -EEXIST
END
run "$KVMTAPE" minimise -o "$tmp/objects.min" "$tmp/objects.tape"
is "objects: exit status" "$status" 0
like "objects: the signature" "$out" '^violation .*event 10: [A-Z_]+ KVM_CREATE_VCPU \(vm\) success$'
like "objects: the counts" "$out" '^calls +3 of 13$'
is "objects: what made them stays, and nothing else" "$(calls "$tmp/objects.min" | sed 's/ <[^>]*>//')" \
	"$(printf '%s\n' 'vm1 = kvm.KVM_CREATE_VM(0)' 'vcpu1 = vm1.KVM_CREATE_VCPU(0x1)' 'vm1.KVM_CREATE_VCPU(0x1) = 0')"
run "$KVMTAPE" replay "$tmp/objects.min"
is "objects: the result diverges" "$status" 1
like "objects: once" "$out" '^  violation +1 '
like "objects: says where it is from" "$("$KVMTAPE" print --asm "$tmp/objects.min")" '^env minimised.from = "13 calls"$'

tape state <<'END'
a = kvm.KVM_CREATE_VM(0)
b = a.KVM_CREATE_VCPU(0)
b.KVM_SET_REGS({.rax = 0x11, .rbx = 0x22, .rip = 0x33, .rflags = 2}) = 0
b.KVM_GET_REGS() => {.rax = 0x11, .rbx = 0x22, .rip = 0x33, .rflags = 2} = 0
b.KVM_SET_REGS({.rax = 0x44, .rbx = 0x5500, .rip = 0x66, .rflags = 2}) = 0
b.KVM_GET_FPU() => ? = 0
b.KVM_GET_REGS() => {.rax = 0x44, .rbx = 0x5501, .rip = 0x66, .rflags = 2} = 0
b.KVM_GET_REGS() => {.rax = 0x44, .rbx = 0x5500, .rip = 0x66, .rflags = 2} = 0
END
run "$KVMTAPE" minimise --json -o "$tmp/state.min" "$tmp/state.tape"
is "state: exit status" "$status" 0
is "state: rule of the divergence" "$(field "$out" ioctl)" KVM_GET_REGS
is "state: calls" "$(field "$out" calls_after)" 4
is "state: event" "$(field "$out" event)" 6
like "state: the call that set what came back stays" "$(calls "$tmp/state.min")" 'KVM_SET_REGS\(\{.*\.rbx = 0x5500'
unlike "state: the call before it does not" "$(calls "$tmp/state.min")" '\.rbx = 0x22'
run "$KVMTAPE" minimise --no-arguments --no-capabilities -o "$tmp/state.whole" "$tmp/state.tape"
like "state: --no-arguments leaves them" "$(calls "$tmp/state.whole")" \
	'KVM_SET_REGS\(\{\.rax = 0x44, \.rbx = 0x5500, \.rip = 0x66'
unlike "state: --no-arguments: not said to be simplified" "$("$KVMTAPE" print --asm "$tmp/state.whole")" \
	'minimised.arguments'
like "state: --no-capabilities leaves them" "$("$KVMTAPE" print --asm "$tmp/state.whole")" 'cap KVM_CAP_USER_MEMORY'

tape threads <<'END'
a = kvm.KVM_CREATE_VM(0)
b = a.KVM_CREATE_VCPU(0)
begin @1 a.KVM_CREATE_IRQCHIP()
begin @2 b.KVM_SET_REGS({.rflags = 2})
a.KVM_CHECK_EXTENSION(KVM_CAP_MP_STATE) = 1
end @2 b.KVM_SET_REGS = 0
end @1 a.KVM_CREATE_IRQCHIP = 0
END
"$KVMTAPE" replay --json "$tmp/threads.tape" >"$tmp/threads.verdicts"
is "threads: the model has a divergence there" "$(field "$(<"$tmp/threads.verdicts")" diverges)" 1
run "$KVMTAPE" minimise -o "$tmp/threads.min" "$tmp/threads.tape"
is "threads: exit status" "$status" 0
run "$KVMTAPE" replay --json "$tmp/threads.min"
is "threads: the result diverges as well" "$(field "$out" diverges)" 1

tape two <<'END'
kvm.KVM_GET_API_VERSION() = 13
a = kvm.KVM_CREATE_VM(0)
b = a.KVM_CREATE_VCPU(0)
a.KVM_CREATE_VCPU(0) = 0
kvm.KVM_GET_API_VERSION() = 14
END
run "$KVMTAPE" minimise -f -o "$tmp/two.min" "$tmp/two.tape"
like "several: the first one" "$out" 'event 0: API_VERSION_IS_12'
run "$KVMTAPE" minimise -f --event 4 -o "$tmp/two.min" "$tmp/two.tape"
like "--event: that one" "$out" 'event 4: API_VERSION_IS_12'
is "--event: its result" "$(calls "$tmp/two.min" | grep -cE 'API_VERSION\(.*\) = (14|0xe)$')" 1
rule=$("$KVMTAPE" replay --json "$tmp/objects.min" | python3 -c '
import json, sys
print([json.loads(l) for l in sys.stdin][-1]["broken"][0]["id"])')
run "$KVMTAPE" minimise -f --rule "$rule" -o "$tmp/two.min" "$tmp/two.tape"
like "--rule: the one that breaks it" "$out" "event 3: $rule "

# --- a long one: a session of QEMU with one result made wrong

"$KVMTAPE" print --asm "$CORPUS/qemu/monitor.tape" >"$tmp/long.tapes" || exit 99
python3 - "$tmp/long.tapes" "$tmp/false.tapes" <<'END' || exit 99
import re, sys
text = open(sys.argv[1]).read()
# The last time that a PIT is set fails.
at = text.rindex(".KVM_SET_PIT2(")
end = re.compile(r" = 0$", re.M).search(text, at)
open(sys.argv[2], "w").write(text[:end.start()] + " = -ENOENT" + text[end.end():])
END
"$KVMTAPE" asm -o "$tmp/false.tape" "$tmp/false.tapes" || exit 99
ok "long: 10,000 calls" test "$(grep -c '\.KVM_' "$tmp/false.tapes")" -ge 10000
begin=$SECONDS
run "$KVMTAPE" minimise --json -o "$tmp/false.min" "$tmp/false.tape"
took=$((SECONDS - begin))
is "long: exit status" "$status" 0
is "long: the call" "$(field "$out" ioctl)" KVM_SET_PIT2
ok "long: in two minutes" test "$took" -le 120
ok "long: 8 calls at most" test "$(field "$out" calls_after)" -le 8
name=$(field "$out" name)
run "$KVMTAPE" minimise --json -o "$tmp/false.again" "$tmp/false.min"
is "long: the result has the same signature" "$(field "$out" name)" "$name"
ok "long: minimised again it is the same bytes" cmp "$tmp/false.min" "$tmp/false.again"
"$KVMTAPE" minimise -f -o "$tmp/false.second" "$tmp/false.tape" >/dev/null
ok "long: the same bytes at every run" cmp "$tmp/false.min" "$tmp/false.second"

# --- an advice instead of a divergence

tape lint <<'END'
a = kvm.KVM_CREATE_VM(0)
b = a.KVM_CREATE_VCPU(0)
c = a.KVM_CREATE_VCPU(1)
b.KVM_SET_CPUID2({.entries = [{.function = 1}]}) = 0
c.KVM_SET_CPUID2({.entries = [{.function = 1, .ebx = 0x1000000}]}) = 0
c.KVM_SET_REGS({.rax = 0x11, .rflags = 2}) = 0
b.KVM_GET_FPU() => ? = 0
b.KVM_SET_MSRS({.entries = [{.index = EFER, .data = 0x500}, {.index = 0x123456, .data = 7}, {.index = 0x174, .data = 8}]}) = 1
b.KVM_SET_REGS({.rax = 0x44, .rflags = 2}) = 0
c.KVM_SET_MSRS({.entries = [{.index = 0x123456, .data = 7}]}) = 0
END
# advice FILE: the rules that advise, one a line.
advice()
{
	"$KVMTAPE" replay --lint "$1" | sed -n 's/^advice event .*: \(LINT_[A-Z_]*\) .*/\1/p'
}
run "$KVMTAPE" minimise --advice LINT_MSRS_SHORT -o "$tmp/lint.min" "$tmp/lint.tape"
is "--advice: exit status" "$status" 0
like "--advice: which one" "$out" '^advice +event 7: LINT_MSRS_SHORT KVM_SET_MSRS \(vcpu\) success$'
like "--advice: its words" "$out" '^ +detail +entry 1 of 3, MSR 0x123456$'
like "--advice: the counts" "$out" '^calls +4 of 10$'
is "--advice: the result has it, and no other" "$(advice "$tmp/lint.min")" LINT_MSRS_SHORT
run "$KVMTAPE" minimise --json --advice msrs_short --event 9 -o "$tmp/lint2.min" "$tmp/lint.tape"
is "--advice --event: exit status" "$status" 0
is "--advice --event: that one" "$(field "$out" event)" 9
is "--advice --event: as JSON" "$(field "$out" rule)" LINT_MSRS_SHORT
like "--advice --event: its words" "$(field "$out" detail)" 'entry 0 of 1'
run "$KVMTAPE" minimise --advice LINT_MSRS_SHORT --event 8 -o "$tmp/x" "$tmp/lint.tape"
is "--advice, not at this event: exit status" "$status" 2
like "--advice, not at this event: said" "$err" 'event 8 has no such advice'
run "$KVMTAPE" minimise --advice LINT_TPR_CONFLICT -o "$tmp/x" "$tmp/lint.tape"
like "--advice that nothing has" "$err" 'no call has such advice'
run "$KVMTAPE" minimise --advice LINT_MSRS_SHORT --rule API_VERSION_IS_12 -o "$tmp/x" "$tmp/lint.tape"
like "--advice with --rule" "$err" 'give one of them'
run "$KVMTAPE" minimise --advice LINT_MSRS_SHORT --live=guest:bookworm -o "$tmp/x" "$tmp/lint.tape"
like "--advice with --live" "$err" '--live does not go with it'

# --- arguments that a call needs to be answered as it was

# arm TEXT: the same on arm64, with a divergence at the end.
arm()
{
	{
		printf 'arch arm64\nkernel %s\na = kvm.KVM_CREATE_VM(0)\nb = a.KVM_CREATE_VCPU(0)\n' "$1"
		cat
	} >"$tmp/arm.tapes"
	"$KVMTAPE" asm -f -o "$tmp/arm.tape" "$tmp/arm.tapes" || exit 99
	run "$KVMTAPE" minimise -f -o "$tmp/arm.min" "$tmp/arm.tape"
}
for kernel in 6.1.0 6.12.0; do
	arm $kernel <<'END'
a.KVM_ARM_PREFERRED_TARGET() => {.target = 5} = 0
b.KVM_ARM_VCPU_INIT({.target = 5, .features = [4]}) = 0
b.KVM_SET_ONE_REG({.id = 0x6030000000100002}, [0]: u64 0x77) = 0
b.KVM_GET_ONE_REG({.id = 0x6030000000100002}, [0]: u64 0) => [0]: u64 0x78 = 0
END
	is "$kernel: exit status" "$status" 0
	like "$kernel: the target of KVM_ARM_VCPU_INIT stays" "$(calls "$tmp/arm.min")" 'KVM_ARM_VCPU_INIT\(\{\.target = 5'
done
# --- what goes wrong

run "$KVMTAPE" minimise "$tmp/objects.tape"
is "no output: exit status" "$status" 2
like "no output: says so" "$err" 'give --output=OUT'
run "$KVMTAPE" minimise -o "$tmp/none.min" "$CORPUS/qemu/microvm.tape"
is "nothing diverges: exit status" "$status" 2
like "nothing diverges: says so" "$err" 'there is no violation'
ok "nothing diverges: nothing written" test ! -e "$tmp/none.min"
run "$KVMTAPE" minimise -o "$tmp/objects.min" "$tmp/objects.tape"
like "existing output" "$err" 'exists; --force'
run "$KVMTAPE" minimise -f -o "$tmp/two.tape" "$tmp/two.tape"
like "output onto the input" "$err" 'is the file that is read'
run "$KVMTAPE" minimise -o "$tmp/x" --rule NO_SUCH "$tmp/two.tape"
like "unknown rule" "$err" "no rule 'NO_SUCH'"
run "$KVMTAPE" minimise -o "$tmp/x" --event 1 "$tmp/two.tape"
like "event that does not diverge" "$err" 'event 1 is not a violation'
run "$KVMTAPE" minimise -o "$tmp/x" --live=host "$tmp/two.tape"
like "the host is not for this" "$err" 'disposable guest'
run "$KVMTAPE" minimise -o "$tmp/x" --live=guest:no-such "$tmp/two.tape"
is "unknown guest: exit status" "$status" 2
run "$KVMTAPE" minimise -o "$tmp/x" --runs 0 "$tmp/two.tape"
like "no runs" "$err" 'runs'
echo "this is no tape" >"$tmp/text"
run "$KVMTAPE" minimise -o "$tmp/x" "$tmp/text"
is "not a tape: exit status" "$status" 2
like "not a tape: says so" "$err" 'not a tape'
run "$KVMTAPE" minimise -o "$tmp/x" "$tmp/missing"
like "no such file" "$err" 'No such file'
head -c -40 "$tmp/objects.tape" >"$tmp/cut.tape"
run "$KVMTAPE" minimise -o "$tmp/x" "$tmp/cut.tape"
is "a tape that was cut off: exit status" "$status" 2
ok "nothing was written by any of these" test ! -e "$tmp/x"

# --- distill

# rules FILE...: which rules hold on any of them.
rules()
{
	for file; do
		"$KVMTAPE" replay --json --rules "$file"
	done | python3 -c '
import json, sys
held = set()
for line in sys.stdin:
    o = json.loads(line)
    if o["type"] == "rules":
        held |= {k for k, v in o["held"].items() if v}
print("\n".join(sorted(held)))'
}

sources=("$CORPUS/qemu/microvm.tape" "$CORPUS/qemu/pc.tape" "$CORPUS/qemu/q35.tape" "$tmp/two.tape")
run "$KVMTAPE" distill --json -o "$tmp/distilled" "${sources[@]}"
is "distill: exit status" "$status" 0
ok "distill: far fewer calls" test "$(field "$out" calls_kept)" -lt $(($(field "$out" calls) / 10))
is "distill: the same rules hold" "$(rules "$tmp"/distilled/*.tape)" "$(rules "${sources[@]}")"
diverging=0
for file in "$tmp"/distilled/*.tape; do
	"$KVMTAPE" replay "$file" >/dev/null || diverging=$((diverging + 1))
done
is "distill: what diverged still does, and nothing else" "$diverging" 1
kept=$(field "$out" calls_kept)
run "$KVMTAPE" distill -o "$tmp/advised" "$tmp/lint.tape"
is "distill: what advice calls get stays" "$(for file in "$tmp"/advised/*.tape; do advice "$file"; done | sort -u)" \
	"$(advice "$tmp/lint.tape" | sort -u)"
run "$KVMTAPE" distill --json -o "$tmp/again" "$tmp"/distilled/*.tape
ok "distill: of its own result nothing is lost" test "$(field "$out" calls_kept)" -le "$kept"
run "$KVMTAPE" distill -o "$tmp/distilled" "${sources[@]}"
like "distill: a folder that is not empty" "$err" 'is not empty; --force'
run "$KVMTAPE" distill -o "$tmp/whole" --whole "${sources[@]}"
is "distill --whole: exit status" "$status" 0
like "distill --whole: calls stay" "$out" '^kept .* tapes, [0-9]{3,} of '
printf 'kvm .text+0x10 f+0x0\nkvm .text+0x20 f+0x10\n' >"$tmp/objects.tape.blocks"
printf 'kvm .text+0x20 f+0x10\n' >"$tmp/state.tape.blocks"
printf 'kvm .text+0x20\nkvm .text+0x30\n' >"$tmp/two.tape.blocks"
run "$KVMTAPE" distill --json --blocks -o "$tmp/blocks" "$tmp/objects.tape" "$tmp/two.tape" "$tmp/state.tape"
is "distill --blocks: blocks" "$(field "$out" blocks)" 3
run "$KVMTAPE" distill --blocks -o "$tmp/blocks2" "$tmp/threads.tape"
is "distill --blocks: without the file, exit status" "$status" 2
like "distill --blocks: without the file" "$err" 'threads.tape.blocks: No such file'
run "$KVMTAPE" distill -o "$tmp/none" "$tmp/text"
like "distill: not a tape" "$err" 'not a tape'
ok "distill: and no folder then" test ! -e "$tmp/none"
run "$KVMTAPE" distill "$tmp/two.tape"
like "distill: no output" "$err" 'give --output=DIR'
tap_done
