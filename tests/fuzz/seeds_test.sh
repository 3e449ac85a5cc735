#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Seeds for the engines: of tapes, of the mutator, and words.
. "$(dirname "$0")/../tap.sh"

mkdir "$tmp/seeds"
run "$SEEDS" generate "$tmp/seeds" 300
is "sequences from nothing" "$status" 0
is "as many as asked for" "$(find "$tmp/seeds" -name '*.seq' | wc -l)" 300
run "$TARGET" "$tmp/seeds"
is "the model contradicts itself on none of them" "$status" 0
like "all were looked at" "$out" '^300 inputs, nothing found$'

rm -f "$tmp"/seeds/*
mapfile -t tapes < <(find "$CORPUS/qemu" "$CORPUS/live" -name '*.tape' | grep -v -e arm64 -e riscv64 -e ppc64le)
run "$SEEDS" sequence "$tmp/seeds" "${tapes[@]}"
is "sequences of the corpus" "$status" 0
run "$TARGET" "$tmp/seeds"
is "the model contradicts itself on none of these" "$status" 0

for target in minimise player writer; do
	mkdir "$tmp/$target"
	run "$SEEDS" "$target" "$tmp/$target" 60
	is "$target: inputs of its kind" "$status" 0
	run "$TARGETS/target_$target" "$tmp/$target"
	is "$target: nothing is found in them" "$status" 0
	like "$target: all were looked at" "$out" '^60 inputs, nothing found$'
done
mkdir "$tmp/value"
run "$SEEDS" value "$tmp/value"
is "a value of every row" "$status" 0
run "$TARGETS/target_value" "$tmp/value"
is "nothing is found in them" "$status" 0
like "all were looked at" "$out" "^$(find "$tmp/value" -name '*.value' | wc -l) inputs, nothing found\$"

head -c 3000 "$CORPUS/qemu/pc.tape" >"$tmp/cut.tape"
echo nonsense >"$tmp/no.tape"
run "$SEEDS" sequence "$tmp/seeds" "$tmp/no.tape"
is "no tape" "$status" 2
like "is named" "$err" 'no.tape: '
run "$SEEDS" sequence "$tmp/seeds" "$tmp/not-there.tape"
like "a file that is not there is named" "$err" 'not-there.tape: No such file'
run "$SEEDS" sequence "$tmp/not-there" "$CORPUS/qemu/pc.tape"
is "a folder that is not there" "$status" 2

run "$SEEDS" dictionary
like "words" "$out" '^"KVM_CREATE_VM\("$'
is "every line is a word in quotes" "$(grep -Ev '^"[^"\\]*(\\"[^"\\]*)*"$' <<<"$out")" ""
run "$SEEDS"
is "usage" "$status" 2
run "$TARGET"
is "a target without files" "$status" 2
like "says that it has no engine" "$err" 'no fuzzing engine'
mkdir "$tmp/empty"
run "$TARGET" "$CORPUS/fuzz/model" "$tmp/empty"
is "a target with a folder without inputs" "$status" 2
like "says which" "$err" '/empty: no input there$'
run "$TARGET" "$tmp/not-there"
is "a target with a file that is not there" "$status" 2

tap_done
