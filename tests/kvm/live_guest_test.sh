#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Recorded tapes and the tiny guest programs, played on the kernels of disposable guests.
. "$(dirname "$0")/../tap.sh"

need qemu-system-x86_64

play()
{
	run timeout -k 2 120 "$KVMTAPE" replay "$@"
}

exits()
{
	"$KVMTAPE" print "$1" | grep 'KVM_RUN' | sed -n 's/.* = 0 -> \([A-Z_0-9]*\).*/KVM_EXIT_\1/p' |
		tr '\n' ' '
}

# programs ARCH KERNEL: each program makes its exits.
programs()
{
	local name want count=0

	while read -r name want; do
		count=$((count + 1))
		# QEMU's emulation intercepts neither int3 nor breakpoint registers of a nested guest.
		if [[ $1 == x86 && $name =~ ^(breakpoint|watch)$ ]]; then
			skip "$2: $name makes its exits" "QEMU does not emulate it"
			continue
		fi
		"$PROGRAM_TAPE" "$1" "$name" "$tmp/program.tape"
		play --live="guest:$2" -f -o "$tmp/live.tape" "$tmp/program.tape"
		is "$2: $name is played" "$status" 0
		is "$2: $name makes its exits" "$(exits "$tmp/live.tape")" "$want "
	done < <("$PROGRAM_TAPE" "$1")
	ok "$2: there are programs" test "$count" -ge 3
}

if why=$("$PROBE" guest:bookworm); then
	for name in microvm smp2; do
		tape=$CORPUS/qemu/$name.tape
		play --live=guest:bookworm --json -f -o "$tmp/live.tape" "$tape"
		is "bookworm: $name is played" "$status" 0
		like "bookworm: $name: compared" "$out" '"type": *"summary".*"same": *[1-9]'
		play "$tmp/live.tape"
		is "bookworm: $name: the new tape is judged" "$status" 0
	done
	programs x86 bookworm
	# Advice on both tapes: on the calls of the VMM, and not on those that the player makes its own way.
	cat >"$tmp/lint.tapes" <<-'END'
	kernel 6.1.0
	backend kvm_amd
	vm = kvm.KVM_CREATE_VM(0)
	cpu = vm.KVM_CREATE_VCPU(0)
	cpu.KVM_SET_CPUID2({.entries = [{.function = 1}]}) = 0
	cpu.KVM_SET_MSRS({.entries = [{.index = 0x174, .data = 1}, {.index = 0x12345, .data = 1}]}) = 1
	cpu.KVM_SET_VCPU_EVENTS({.flags = 0, .nmi = {.pending = 1}}) = 0
	cpu.KVM_SET_MSRS({.entries = [{.index = 0x54321, .data = 1}]}) = 1
	cpu.KVM_RUN() => {.exit_reason = KVM_EXIT_HLT} = 0
	cpu.KVM_RUN() => {.exit_reason = KVM_EXIT_HLT} = 0
	cpu.KVM_RUN() => {.exit_reason = KVM_EXIT_HLT} = 0
	cpu.KVM_RUN() => {.exit_reason = KVM_EXIT_HLT} = 0
	END
	"$KVMTAPE" asm -o "$tmp/lint.tape" "$tmp/lint.tapes" || exit 99
	play --live=bookworm --lint "$tmp/lint.tape"
	is "bookworm: --live --lint: exit status" "$status" 0
	like "bookworm: --live --lint: counted side by side" "$out" '^ +1 +2  LINT_MSRS_SHORT: '
	like "bookworm: --live --lint: on both" "$out" \
		'^advice event 3, thread 0: KVM_SET_MSRS: LINT_MSRS_SHORT \(entry 1 of 2, MSR 0x12345\)$'
	like "bookworm: --live --lint: what only the live kernel refuses" "$out" \
		'^advice event 5, thread 0: .*LINT_MSRS_SHORT \(entry 0 of 1, MSR 0x54321\), live only$'
	unlike "bookworm: --live --lint: how the player calls KVM_RUN is not the VMM's" "$out" 'LINT_IMMEDIATE_EXIT_STAYS'
	play --live=bookworm --lint --fail-on=advice --json "$tmp/lint.tape"
	is "bookworm: --live --fail-on=advice: exit status" "$status" 1
	like "bookworm: --live --lint: as JSON" "$out" \
		'^\{"type": ?"advice", ?"event": ?5,.*"recorded": ?false, ?"live": ?true'
	like "bookworm: --live --lint: in the summary" "$(tail -n1 <<<"$out")" '"live_advice": ?\[\{"id"'
	play --live=bookworm --rules "$tmp/lint.tape"
	like "bookworm: --live --rules: counted side by side" "$out" '^ +1 +1  CREATE_VM_SUCCEEDS$'
	# A recording that does not tell the truth is found out.
	"$PROGRAM_TAPE" x86 hlt "$tmp/lie.tape" lie
	play --live=guest:bookworm -f -o "$tmp/live.tape" "$tmp/lie.tape"
	like "bookworm: a difference is found" "$out" 'KVM_RUN exit_reason +KVM_EXIT_DEBUG +KVM_EXIT_HLT'
	like "bookworm: and counted" "$out" '^  different +2$'
else
	skip "tapes on bookworm" "$why"
fi
if why=$("$PROBE" guest:bookworm-arm64 qemu-system-aarch64); then
	programs arm64 arm64
else
	skip "programs on arm64" "$why"
fi
tap_done
