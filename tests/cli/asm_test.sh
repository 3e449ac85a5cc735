#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kvmtape asm and print --asm: text to tape and back.
. "$(dirname "$0")/../tap.sh"

cat >"$tmp/one.tapes" <<'TEXT'
# A slot is made; a vCPU runs.
kernel 6.12.0
vm = kvm.KVM_CREATE_VM(0)
vm.KVM_SET_USER_MEMORY_REGION({.slot = 3, .memory_size = 0x1000, .userspace_addr = mem0}) = 0
@1 vcpu0 = vm.KVM_CREATE_VCPU(7)
@1 vcpu0.KVM_RUN({.immediate_exit = 1}) => {.exit_reason = KVM_EXIT_INTR} = -EINTR
TEXT
run "$KVMTAPE" asm -o "$tmp/one.tape" "$tmp/one.tapes"
is "exit status" "$status" 0
is "nothing is said" "$out$err" ""
run "$KVMTAPE" print "$tmp/one.tape"
like "a struct by its fields" "$out" 'vm1 KVM_SET_USER_MEMORY_REGION\(\{\.slot = 3, .*= 0$'
like "an object by its call" "$out" 'vm1 KVM_CREATE_VCPU\(0x7\) = 5 \(vcpu7@vm1\)'
like "the run page" "$out" '\[t1:2\] vcpu7@vm1 KVM_RUN\(immediate_exit\) = -EINTR -> INTR'
run "$KVMTAPE" replay "$tmp/one.tape"
is "the model judges it" "$status" 0
"$KVMTAPE" asm -o "$tmp/stdin.tape" - <"$tmp/one.tapes"
ok "from standard input: the same bytes" cmp "$tmp/one.tape" "$tmp/stdin.tape"

# round_trip NAME TAPE: text of a canonical tape becomes the same bytes.
round_trip()
{
	local canon=$tmp/rt.canon back=$tmp/rt.back text=$tmp/rt.tapes

	"$KVMTAPE" canon -f -o "$canon" "$2" 2>/dev/null
	"$KVMTAPE" print --asm "$canon" >"$text" 2>/dev/null
	"$KVMTAPE" asm -f -o "$back" "$text"
	ok "$1: the same bytes" same_tape "$canon" "$back"
	"$KVMTAPE" print --asm "$2" >"$text" 2>/dev/null
	"$KVMTAPE" asm -f -o "$back" "$text"
	"$KVMTAPE" canon -f -o "$text.canon" "$back" 2>/dev/null
	ok "$1: the same canonical form" same_tape "$canon" "$text.canon"
}
for kind in good diverges gap open cut unknown riscv empty; do
	"$MKTAPE" "$kind" "$tmp/$kind.tape" || exit 99
	round_trip "$kind" "$tmp/$kind.tape"
done
# Tapes of the corpus make it, too: corpus_test.py.

# What is written by hand is whole, is the same after a round trip, and is judged as its name says; so is what campaigns
# found kernels to answer.
for text in "$CORPUS"/handmade/*.tapes "$CORPUS"/fuzz/live/*.tapes; do
	name=${text##*/}
	run "$KVMTAPE" asm -f -o "$tmp/hand.tape" "$text"
	is "$name: exit status" "$status$err" 0
	like "$name: says what it holds" "$(sed -n 2p "$text")" '^# .{20}'
	round_trip "$name" "$tmp/hand.tape"
	if grep -q '^results none' "$text"; then
		run "$KVMTAPE" info "$tmp/hand.tape"
		like "$name: its tape says that it has no results" "$out" '^  results +none$'
		continue
	fi
	run "$KVMTAPE" replay "$tmp/hand.tape"
	case $name in
	bad-*) is "$name: a divergence is found" "$status" 1 ;;
	*) is "$name: no divergence" "$status" 0 ;;
	esac
done

printf 'kernel 6.12.0\nvm = kvm.KVM_CREATE_VM(0)\nvm.KVM_SET_TSS_ADDRESS(0) = 0\n' >"$tmp/wrong.tapes"
run "$KVMTAPE" asm -o "$tmp/wrong.tape" "$tmp/wrong.tapes"
is "wrong text: exit status" "$status" 2
like "wrong text: line and column" "$err" "^kvmtape asm: .*wrong\.tapes:3:4: no ioctl 'KVM_SET_TSS_ADDRESS' on x86; did you mean KVM_SET_TSS_ADDR\?$"
ok "wrong text: no tape is left" test ! -e "$tmp/wrong.tape"
printf 'kernel 6\0.1\n' >"$tmp/zero.tapes"
run "$KVMTAPE" asm -o "$tmp/wrong.tape" "$tmp/zero.tapes"
is "no text: exit status" "$status" 2
like "no text: says so" "$err" 'not a text'
run "$KVMTAPE" asm -o "$tmp/wrong.tape" "$tmp/nowhere.tapes"
is "no file: exit status" "$status" 2
like "no file: says so" "$err" 'nowhere.tapes: No such file'
run "$KVMTAPE" asm "$tmp/one.tapes"
is "no output: exit status" "$status" 2
like "no output: says so" "$err" 'where to\?'

echo precious >"$tmp/there"
run "$KVMTAPE" asm -o "$tmp/there" "$tmp/one.tapes"
is "existing output: exit status" "$status" 2
like "existing output: says so" "$err" 'there: exists; --force'
is "existing output: is not touched" "$(<"$tmp/there")" precious
run "$KVMTAPE" asm --force -o "$tmp/there" "$tmp/wrong.tapes"
is "--force, wrong text: exit status" "$status" 2
is "--force, wrong text: is not touched" "$(<"$tmp/there")" precious
run "$KVMTAPE" asm --force -o "$tmp/there" "$tmp/one.tapes"
is "--force: exit status" "$status" 0
ok "--force: replaced" cmp "$tmp/one.tape" "$tmp/there"
cp "$tmp/one.tapes" "$tmp/same"
run "$KVMTAPE" asm --force -o "$tmp/same" "$tmp/same"
is "output is the input: exit status" "$status" 2
ok "output is the input: it is not touched" cmp "$tmp/one.tapes" "$tmp/same"
run "$KVMTAPE" asm --force -o /dev/full "$tmp/one.tapes"
is "full disk: exit status" "$status" 2
like "full disk: says so" "$err" 'No space left'
run "$KVMTAPE" print --asm --errors "$tmp/one.tape"
is "print --asm with a choice: exit status" "$status" 2
like "print --asm with a choice: says so" "$err" 'whole tape'
tap_done
