#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kvmtape replay --live=host where the host is a guest of ours: its KVM (kvm_amd under emulation) has no TSC scaling. Sessions of
# QEMU are played there, and what comes back is played again: no call that this host refused makes the new tape unfit.
. "$(dirname "$0")/../tap.sh"

need qemu-system-x86_64 guest:bookworm

mkdir "$tmp/shared"
cp "$CORPUS"/qemu/{microvm,split}.tape "$tmp/shared"
cat >"$tmp/tsc.tapes" <<'END'
kernel 6.1.0
backend kvm_intel
vendor GenuineIntel
cap KVM_CAP_USER_MEMORY = 1

vm = kvm.KVM_CREATE_VM(0)
cpu = vm.KVM_CREATE_VCPU(0)
cpu.KVM_SET_TSC_KHZ(1234567) = -EINVAL
END
"$KVMTAPE" asm -o "$tmp/shared/tsc.tape" "$tmp/tsc.tapes" || exit 99
cat >"$tmp/shared/inside" <<'END'
kvmtape=$1
for name in microvm split tsc; do
	"$kvmtape" replay --live=host --json -o $name.new $name.tape >$name.out 2>&1
	echo $? >$name.status
	"$kvmtape" replay --live=host $name.new >$name.again 2>&1
	echo $? >$name.status2
done
END
program=$(realpath "$KVMTAPE")
run "$KVMTAPE" guest run --kernel bookworm --work "$tmp/shared" --timeout 280 --with "$program" sh inside "$program"
is "a guest: status" "$status" 0
for name in microvm split tsc; do
	is "$name is played: $(tail -n 1 "$tmp/shared/$name.out" | cut -c1-200)" "$(<"$tmp/shared/$name.status")" 0
	is "what came back is played: $(tail -n 1 "$tmp/shared/$name.again")" "$(<"$tmp/shared/$name.status2")" 0
	unlike "$name: nothing of it is refused" "$(cat "$tmp/shared/$name.out" "$tmp/shared/$name.again")" 'not played on host'
done
tap_done
