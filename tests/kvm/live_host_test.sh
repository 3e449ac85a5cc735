#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Recorded tapes and the tiny guest programs, played on this machine's KVM; and what is refused there.
. "$(dirname "$0")/../tap.sh"

need kvm
[[ $(uname -m) == x86_64 ]] || skip_all "the tapes are of x86"

play()
{
	run timeout -k 2 60 "$KVMTAPE" replay "$@"
}

# number KEY: of the JSON summary in $out.
number()
{
	tail -n 1 <<<"$out" | grep -o "\"$1\": *[0-9]*" | head -n 1 | grep -o '[0-9]*$'
}

ok "there are tapes" test -e "$CORPUS/qemu/pc.tape"
ok "there are programs" test "$("$PROGRAM_TAPE" x86 | wc -l)" -ge 8
for tape in "$CORPUS"/qemu/*.tape; do
	name=$(basename "$tape" .tape)
	play --live=host --json -f -o "$tmp/live.tape" "$tape"
	is "$name is played" "$status" 0
	calls=$(number calls)
	skipped=$(number skipped)
	is "$name: every call is played or skipped with a reason" "$(($(number played) + skipped))" "$calls"
	is "$name: none is blocked" "$(number blocked)" 0
	# What a real program did on any kernel, the live one may refuse here and there, but not a tenth of it.
	ok "$name: hardly anything is skipped" test $((skipped * 10)) -lt "$calls"
	play "$tmp/live.tape"
	is "$name: the new tape is judged" "$status" 0
	unlike "$name: and whole" "said: $err" 'cut off'
	# What was played can be played again.
	play --live=host "$tmp/live.tape"
	is "$name: the new tape is played" "$status" 0
done

# exits FILE: the exit reasons of a tape's KVM_RUNs, in order.
exits()
{
	"$KVMTAPE" print "$1" | grep 'KVM_RUN' | sed -n 's/.* = 0 -> \([A-Z_0-9]*\).*/KVM_EXIT_\1/p' |
		tr '\n' ' '
}

backend=
for module in kvm_intel kvm_amd kvm_pvm; do
	[[ -d /sys/module/$module ]] && backend=$module
done
while read -r name want; do
	"$PROGRAM_TAPE" x86 "$name" "$tmp/program.tape"
	play "$tmp/program.tape"
	is "$name: the tape of the program is judged" "$status" 0
	# Without hardware virtualisation real mode is emulated, and these are not.
	if [[ $backend == kvm_pvm && $name =~ ^(breakpoint|hypercall|shutdown)$ ]]; then
		skip "$name: its exits come" "$backend emulates real mode without it"
		continue
	fi
	play --live=host -f -o "$tmp/live.tape" "$tmp/program.tape"
	is "$name: the program runs" "$status" 0
	is "$name: its exits come" "$(exits "$tmp/live.tape")" "$want "
done < <("$PROGRAM_TAPE" x86)

# What the program read is what it was answered: ports of 1, 2 and 4 bytes, the last one stays in eax.
"$PROGRAM_TAPE" x86 pio "$tmp/program.tape"
play --live=host -f -o "$tmp/live.tape" "$tmp/program.tape"
like "answers reach the guest" "$("$KVMTAPE" print "$tmp/live.tape")" 'KVM_GET_REGS.*rax = 0xd4c3b2a1'

# A recording that does not tell the truth is found out.
"$PROGRAM_TAPE" x86 hlt "$tmp/lie.tape" lie
play --live=host "$tmp/lie.tape"
like "a difference is found" "$out" 'KVM_RUN exit_reason +KVM_EXIT_DEBUG +KVM_EXIT_HLT'
like "and counted" "$out" '^  different +2$'

# refused WHAT PATTERN: the last play was.
refused()
{
	is "$1 is refused" "$status" 125
	like "$1: with the reason" "$err" "not played on host: .*$2"
	is "$1: nothing else is said" "$out" ""
}
"$PROGRAM_TAPE" x86 hlt "$tmp/foreign.tape" foreign
play --live=host "$tmp/foreign.tape"
refused "guest code of others" 'guest code'
"$PROGRAM_TAPE" x86 hlt "$tmp/unknown.tape" unknown
play --live=host "$tmp/unknown.tape"
refused "an unknown request" 'request that the table does not know'
"$PROGRAM_TAPE" x86 hlt "$tmp/huge.tape" huge
play --live=host "$tmp/huge.tape"
refused "a slot of a terabyte" 'more memory than is sane'
"$PROGRAM_TAPE" x86 hlt "$tmp/wrong.tape" wrong
play --live=host "$tmp/wrong.tape"
refused "a call that was refused" '(has to be|violation)'
"$PROGRAM_TAPE" arm64 off "$tmp/arm64.tape"
play --live=host "$tmp/arm64.tape"
refused "a tape of another architecture" 'arm64'

play --live=elsewhere "$tmp/arm64.tape"
is "a place that is none" "$status" 2
like "a place that is none: said" "$err" 'neither host nor guest:NAME'
play -o "$tmp/x.tape" "$tmp/arm64.tape"
is "-o without --live" "$status" 2
"$PROGRAM_TAPE" x86 hlt "$tmp/program.tape"
play --live=host -o "$tmp/live.tape" "$tmp/program.tape"
is "-o does not overwrite" "$status" 2
like "-o does not overwrite: said" "$err" 'exists; --force replaces it'
tap_done
