#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a person who errs, or asks, gets to see.
. "$(dirname "$0")/../tap.sh"

# usage_error DESCRIPTION PATTERN ARG...: exit status 2, nothing on stdout, one line that fits and the hint.
usage_error()
{
	local what=$1 pattern=$2

	shift 2
	run "$KVMTAPE" "$@"
	is "$what: exit status" "$status" 2
	is "$what: nothing on standard output" "$out" ""
	like "$what: says what was wrong" "$(head -n1 <<<"$err")" "$pattern"
	lines "$what: two lines" "$err" 2
	like "$what: points to --help" "$err" '^Try .*--help'
}

"$MKTAPE" good "$tmp/good.tape" || exit 99

usage_error "no subcommand" 'which subcommand'
usage_error "unknown subcommand" "no subcommand 'rewind'" rewind
usage_error "help of an unknown subcommand" "no subcommand 'rewind'" help rewind
usage_error "unknown long option" 'kvmtape replay: no option --nonsense' replay --nonsense x
usage_error "unknown short option" 'kvmtape replay: no option -Q' replay -Q x
usage_error "operand missing" 'operand is missing: kvmtape replay FILE' replay
usage_error "one operand too many" "'b' is one operand too many" replay a b
usage_error "argument missing, long" '--until needs an argument: N' replay x --until
usage_error "argument missing, short" '-u needs an argument: N' replay x -u
usage_error "not a number" "--until: 'ten' is not a number" replay --until ten x
usage_error "a negative number" "--until: '-1' is not a number" replay --until=-1 x
usage_error "a number that is too large" 'is not a number' replay --until 99999999999999999999 x
usage_error "a flag with an argument" '--json takes no argument' replay --json=1 x
usage_error "no such negation" 'no option --no-json' print --no-json x
usage_error "bad range" "--range: '9-3' is not a range" print --range 9-3 x
usage_error "empty range" "--range: '-' is not a range" print -r - x
usage_error "an ioctl that does not exist" "--ioctl: no ioctl 'SET_NOTHING'" \
	print -i SET_NOTHING "$tmp/good.tape"
usage_error "canon without --output" 'give --output' canon "$tmp/good.tape"

usage_error "a subcommand that is nearly one" "no subcommand 'reply'; did you mean replay\?" reply
usage_error "an option that is nearly one" 'no option --untli; did you mean --until\?' replay --untli 1 x
usage_error "several ways to call it" 'operand is missing: kvmtape guest fetch NAME... \| list \| run ' guest
# Names in options: what was meant is said, whatever the option is for.
usage_error "part of an ioctl's name" "no ioctl 'MSR_INDEX_LIST' on x86; did you mean KVM_GET_MSR_INDEX_LIST\?" \
	print -i MSR_INDEX_LIST "$tmp/good.tape"
usage_error "an ioctl's name misspelled" 'did you mean KVM_GET_MSRS\?' print -i RUN,GET_MSSR "$tmp/good.tape"
usage_error "part of several ioctls' names" 'did you mean KVM_GET_LAPIC or KVM_SET_LAPIC\?' print -i lapic "$tmp/good.tape"
usage_error "a rule's name misspelled" "--show: no rule 'API_VERSION_IS_21'; did you mean API_VERSION_IS_12\?" \
	rules --show API_VERSION_IS_21
usage_error "a rule that is like none" "'kvmtape rules WORD' searches" rules --show QQQQ
usage_error "minimise: a rule" '--rule: .*did you mean API_VERSION_IS_12\?' \
	minimise -o "$tmp/x" --rule API_VERSION_IS_2 "$tmp/good.tape"
usage_error "minimise: an advice" '--advice: .*did you mean LINT_MSRS_SHORT\?' \
	minimise -o "$tmp/x" --advice MSR_SHORT "$tmp/good.tape"
usage_error "minimise: a rule that is no advice" "--advice: no advice 'API_VERSION_IS_12'" \
	minimise -o "$tmp/x" --advice API_VERSION_IS_12 "$tmp/good.tape"
usage_error "an architecture" '--arch: .*did you mean arm64\?' rules --arch arm46
usage_error "a kind of rule" '--kind: .*did you mean advice\?' rules --kind avdice
usage_error "an engine" '--engine: .*did you mean libfuzzer\?' fuzz -o "$tmp/x" --engine libfuzer
usage_error "an accelerator" '--accel: .*did you mean kvm\?' guest run --accel kwm true
usage_error "a part of guest" "'fetsh' is none of .*did you mean fetch\?" guest fetsh
usage_error "a place to play" 'neither host nor guest:NAME; did you mean bookworm\?' replay --live bookwrom "$tmp/good.tape"
usage_error "a place to play, host" 'did you mean host\?' replay --live hots "$tmp/good.tape"
for command in "guest fetch bokworm" "guest run --kernel bokworm true" "replay --live guest:bokworm $tmp/good.tape" \
	"fuzz -o $tmp/x --live guest:bokworm" "fuzz -o $tmp/x --kernel bokworm" \
	"minimise -o $tmp/x --live guest:bokworm $tmp/good.tape"; do
	# shellcheck disable=SC2086
	run "$KVMTAPE" $command
	is "$command: exit status" "$status" 2
	like "$command: says which kernel was meant" "$err" "no stock kernel 'bokworm'; did you mean bookworm\?"
done
run "$KVMTAPE" rules --show msrs_short
is "advice without LINT_, in lower case" "$(head -n1 <<<"$out")" LINT_MSRS_SHORT
run "$KVMTAPE" rules --show CPUID_AFTER_RUN
is "a rule of that very name comes first" "$(head -n1 <<<"$out")" CPUID_AFTER_RUN

usage_error "--live with --until" '--until does not go with it' replay --live=host --until 3 "$tmp/good.tape"
usage_error "--module without --live" '\-\-live is missing' replay --module kvm.ko "$tmp/good.tape"
usage_error "--module of this machine" 'no module is loaded on this machine' replay --live=host --module kvm.ko "$tmp/good.tape"
usage_error "--modules of a stock kernel" '\-\-modules is for a kernel of your own' \
	replay --live=guest:bookworm --modules . "$tmp/good.tape"
usage_error "--fail-on of nothing" "--fail-on: 'adwice' is not advice" replay --lint --fail-on=adwice x
usage_error "--fail-on without advice" 'goes with --lint' replay --fail-on=advice x

# What is not there is said, and the exit status tells.
run "$KVMTAPE" print -c 7 "$tmp/good.tape"
is "a vCPU that is not there: exit status" "$status" 2
like "a vCPU that is not there: says so" "$err" 'no event of a vCPU 7 matches'
run "$KVMTAPE" print --errors --range 0-0 "$tmp/good.tape"
is "no event matches: exit status" "$status" 2
like "no event matches: says so" "$err" 'no event matches'
run "$KVMTAPE" rules nonsense-that-no-rule-says
is "no rule matches: exit status" "$status" 2
like "no rule matches: says so" "$err" 'no rule matches'
echo 'vm = kvm.KVM_CREATE_VM(0)' >"$tmp/text.tapes"
run "$KVMTAPE" replay "$tmp/text.tapes"
is "the text of a tape: exit status" "$status" 2
like "the text of a tape: says what to do" "$err" "not a tape but text; 'kvmtape asm -o OUT .*text.tapes' makes"

for help in --help -h help; do
	run "$KVMTAPE" $help
	is "$help: exit status" "$status" 0
	is "$help: nothing on standard error" "$err" ""
	like "$help: lists replay" "$out" '^  replay +judge a tape'
done
for command in replay print stat info canon; do
	run "$KVMTAPE" $command --help
	is "$command --help: exit status" "$status" 0
	is "$command --help: nothing on standard error" "$err" ""
	like "$command --help: usage" "$out" "^usage: kvmtape $command "
	like "$command --help: lists --help" "$out" '^  -h, --help'
	unlike "$command --help: at most 100 columns" "$out" '.{101}'
	help=$out
	run "$KVMTAPE" help $command
	is "help $command: the same" "$out" "$help"
done
run "$KVMTAPE" print --help
like "what is on by default is shown by its negation" "$out" '--no-objects'

run "$KVMTAPE" version
like "version is --version" "$out" '^kvmtape [0-9.]+ \(tape format'
run "$KVMTAPE" --version
is "--version: exit status" "$status" 0
like "--version: program and format" "$out" '^kvmtape [0-9.]+ \(tape format [0-9]+\.[0-9]+\)$'

# All forms of an option.
for form in "--until 1" "--until=1" "-u 1" "-u1" "-vu1" "-vu 0x1"; do
	# shellcheck disable=SC2086
	run "$KVMTAPE" replay $form "$tmp/good.tape"
	like "replay $form" "$out" '^returns +2$'
done
run "$KVMTAPE" replay "$tmp/good.tape" --until=1
like "an option after the operand" "$out" '^returns +2$'
cp "$tmp/good.tape" "$tmp/-v"
(cd "$tmp" && "$KVMTAPE" replay -- -v) >"$tmp/dashes.out"
is "-- ends the options" "$?" 0
run "$KVMTAPE" replay - <"$tmp/good.tape"
is "- is standard input" "$status" 0
tap_done
