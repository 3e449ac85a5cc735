#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# scripts/coverage-report: functions and source lines of a list of blocks.
. "$(dirname "$0")/../tap.sh"

report=$SOURCE/scripts/coverage-report
[ -x "$(command -v python3)" ] || skip_all "no python3 here"

# As a module is: a relocatable file, with debug information.
cat >"$tmp/kvm.c" <<'C'
int kvm_one(int x);
int kvm_one(int x)
{
	return x + 1;
}
C
gcc -g -O1 -c -o "$tmp/kvm.ko" "$tmp/kvm.c" || skip_all "no gcc here"
printf '%s\n' "kvm .text+0x0 kvm_one+0x0" "kvm .text+0x3 kvm_one+0x3" "kvm_amd .text+0x10 svm_two+0x0" \
	"kvm .text.unlikely+0x7" >"$tmp/blocks"
run "$report" "$tmp/blocks"
is "functions: status" "$status" 0
like "functions: how many" "$out" '^4 blocks of 3 functions'
like "functions: a line for each" "$out" '     2 kvm kvm_one'
like "a block of no function" "$out" '     1 kvm \?'
run "$report" "$tmp/blocks" --debug "$tmp/kvm.ko" --lines
is "source lines: status" "$status" 0
like "source lines" "$out" 'kvm\.c:[345]'
run "$report" "$tmp/blocks" --debug "$tmp/nowhere"
is "no debug information: status" "$status" 2
like "no debug information" "$err" '^coverage-report: .*/nowhere: no kvm.ko'
echo "something else" >"$tmp/bad"
run "$report" "$tmp/bad"
is "no list of blocks: status" "$status" 2
like "no list of blocks" "$err" ':1: no block: something else'
run "$report" "$tmp/missing"
like "no such file" "$err" 'missing: No such file'
tap_done
