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
