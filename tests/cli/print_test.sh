#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kvmtape print: events, filters.
. "$(dirname "$0")/../tap.sh"

for kind in good gap open name; do
	"$MKTAPE" $kind "$tmp/$kind.tape" || exit 99
done

# events FILTER...: numbers of the events that print gives, in one line.
events()
{
	"$KVMTAPE" print --json "$@" | python3 -c '
import json, sys
print(*sorted(l["event"] for l in map(json.loads, sys.stdin) if l["type"] == "event"))'
}

run "$KVMTAPE" print "$tmp/good.tape"
is "exit status" "$status" 0
is "nothing on standard error" "$err" ""
is "11 calls" "$(grep -c 'KVM_[A-Z_]*(' <<<"$out")" 11
like "decodes a payload" "$out" 'KVM_SET_USER_MEMORY_REGION\(\{\.memory_size = 0x100000, \.userspace_addr = 0x7f0000000000\}\) = 0( |$)'
like "decodes an exit" "$out" 'KVM_RUN\(.*IO out port 0x402'
like "names an error" "$out" 'KVM_CREATE_VCPU\(.*EEXIST'

run "$KVMTAPE" print --json "$tmp/good.tape"
like "--json: first line" "$(head -n1 <<<"$out")" '^\{"type":"header","schema":1,'
ok "--json: every line is an object with a type" python3 -c '
import json, sys
for line in open(sys.argv[1]):
    assert isinstance(json.loads(line)["type"], str)' "$tmp/run.out"

t=$tmp/good.tape
is "all events" "$(events "$t")" "0 1 2 3 4 5 6 7 8 9 10"
is "--ioctl" "$(events --ioctl KVM_RUN "$t")" "7 8 9"
is "--ioctl without KVM_, in lower case" "$(events -i run "$t")" "7 8 9"
is "--ioctl, a list" "$(events -i RUN,CREATE_VM "$t")" "2 7 8 9"
is "--ioctl, twice" "$(events -i RUN -i CREATE_VM "$t")" "2 7 8 9"
is "--vcpu" "$(events --vcpu 1 "$t")" "8"
is "--thread, ordinal" "$(events --thread 1 "$t")" "7 9"
is "--thread, thread id" "$(events --thread 4001 "$t")" "7 9"
is "--errors" "$(events --errors "$t")" "10"
is "--range A-B" "$(events --range 3-5 "$t")" "3 4 5"
is "--range A-" "$(events --range 9- "$t")" "9 10"
is "--range -B" "$(events --range -1 "$t")" "0 1"
is "--range A" "$(events -r 4 "$t")" "4"
is "--from, --to" "$(events --from 2 --to 3 "$t")" "2 3"
is "filters are combined" "$(events -i RUN --thread 1 --from 8 "$t")" "9"
is "a filter that nothing passes" "$(events --vcpu 7 "$t")" ""

# others FILTER...: how many lines that are no events.
others()
{
	"$KVMTAPE" print --json "$@" | grep -vcE '"type":"(event|header)"'
}
ok "objects and threads are printed" test "$(others "$t")" -ge 7
is "--no-objects" "$(others --no-objects "$t")" 0
is "a filter leaves out objects" "$(others --errors "$t")" 0
is "gaps are printed whatever the filter" "$(others --no-objects --vcpu 7 "$tmp/gap.tape")" 1
run "$KVMTAPE" print --no-objects "$tmp/gap.tape"
like "a gap in words" "$out" '7'

run "$KVMTAPE" print "$tmp/open.tape"
like "a call that never returned" "$out" '^event 11, thread 1: KVM_RUN on vcpu #3 had not returned'
run "$KVMTAPE" print --json "$tmp/open.tape"
like "the same as JSON" "$out" '^\{"type":"unreturned","event":11,'
run "$KVMTAPE" print --to 10 "$tmp/open.tape"
unlike "not if it is outside of the range" "$out" 'had not returned'

ok "--verbose says more" test \
	"$("$KVMTAPE" print -v "$t" | wc -l)" -gt "$("$KVMTAPE" print "$t" | wc -l)"
cat >"$tmp/newline.tapes" <<'END'
kernel 6.12.0
thread 0 "a\x0ab\x1b[31m"
kvm.KVM_GET_API_VERSION() = 12
END
run "$KVMTAPE" asm -o - "$tmp/newline.tapes"
is "a tape on standard output: exit status" "$status" 0
cp "$tmp/run.out" "$tmp/newline.tape"
run "$KVMTAPE" print --no-objects "$tmp/newline.tape"
like "a line end in a thread's name is none in the output" "$out" '^ +0 .*\[a\?b\?\[31m:'
cat >"$tmp/sync.tapes" <<'END'
vm = kvm.KVM_CREATE_VM(0)
vcpu0 = vm.KVM_CREATE_VCPU(0)
vcpu0.KVM_RUN(regs {.kvm_valid_regs = 3, .kvm_dirty_regs = 1, .s.regs.regs = {.rip = 0x2000}}) => {.exit_reason = KVM_EXIT_HLT}, regs {.kvm_valid_regs = 3, .kvm_dirty_regs = 0, .s.regs.regs = {.rip = 0x2001}} = 0
END
"$KVMTAPE" asm -o "$tmp/sync.tape" "$tmp/sync.tapes" || exit 99
run "$KVMTAPE" print "$tmp/sync.tape"
like "which synchronised registers are valid and dirty" "$out" 'KVM_RUN\(valid regs sregs, dirty regs\) = 0 -> HLT'
run "$KVMTAPE" print -v "$tmp/sync.tape"
like "--verbose: and what is in them" "$out" 'sync regs in: valid regs sregs, dirty regs \{\.regs = \{\.rip = 0x2000'
cat >"$tmp/arm.tapes" <<'END'
arch arm64
kernel 6.12.0
vm = kvm.KVM_CREATE_VM(0)
vcpu0 = vm.KVM_CREATE_VCPU(0)
gic = vm.KVM_CREATE_DEVICE({.type = KVM_DEV_TYPE_ARM_VGIC_V3})
vcpu0.KVM_ARM_VCPU_INIT({.target = 5, .features = [0xc]}) = 0
vcpu0.KVM_GET_ONE_REG({.id = 0x6030000000100040}) => [0]: u64 1 = 0
vcpu0.KVM_GET_ONE_REG({.id = 0x603000000013c080}) => [0]: u64 1 = 0
gic.KVM_SET_DEVICE_ATTR({.group = 4, .attr = 0}) = 0
vcpu0.KVM_SET_DEVICE_ATTR({.group = 1, .attr = 1}, [0]: u32 30) = 0
END
"$KVMTAPE" asm -o "$tmp/arm.tape" "$tmp/arm.tapes" || exit 99
run "$KVMTAPE" print "$tmp/arm.tape"
like "features of a vCPU by name" "$out" 'features = \{KVM_ARM_VCPU_PSCI_0_2 \| KVM_ARM_VCPU_PMU_V3\}'
like "a core register by its field" "$out" '\| KVM_REG_ARM_CORE \| KVM_REG_ARM_CORE_REG\(regs\.pc\)'
like "a system register by its numbers" "$out" '\.id = ARM64_SYS_REG\(3, 0, 1, 0, 0\)'
like "an attribute by the type of the device" "$out" \
	'\.group = KVM_DEV_ARM_VGIC_GRP_CTRL, \.attr = KVM_DEV_ARM_VGIC_CTRL_INIT\}'
like "an attribute of a vCPU" "$out" '\.group = KVM_ARM_VCPU_TIMER_CTRL, \.attr = KVM_ARM_VCPU_TIMER_IRQ_PTIMER'
run "$KVMTAPE" print --json -i SET_DEVICE_ATTR "$tmp/arm.tape"
like "the same as JSON" "$out" '"group":\{"value":4,"name":"KVM_DEV_ARM_VGIC_GRP_CTRL"\}'
"$KVMTAPE" print --asm "$tmp/arm.tape" >"$tmp/arm2.tapes"
like "--asm: by name, too" "$(<"$tmp/arm2.tapes")" '\.group = KVM_DEV_ARM_VGIC_GRP_CTRL'
"$KVMTAPE" asm -o "$tmp/arm2.tape" "$tmp/arm2.tapes"
ok "--asm: and back" same_tape "$tmp/arm.tape" "$tmp/arm2.tape"
run "$KVMTAPE" print -i GET_LAPIC "$CORPUS/qemu/monitor.tape"
like "registers of the local APIC by name" "$out" 'KVM_GET_LAPIC\(\{.*\.svr = 0x1ff, '
run "$KVMTAPE" print -v -i GET_LAPIC "$CORPUS/qemu/monitor.tape"
like "--verbose: registers of the local APIC by name, all of them" "$out" '\.svr = 0x1ff, .*\.lvt_error = 0x10000\}'
run "$KVMTAPE" print --json "$tmp/name.tape"
is "a thread's name that is no UTF-8: exit status" "$status" 0
ok "a thread's name that is no UTF-8: output is" python3 -c '
import json, sys
for line in open(sys.argv[1], encoding="utf-8", errors="strict"):
    json.loads(line)' "$tmp/run.out"
tap_done
