#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Test programs that want KVM, run inside a guest that has it: also on a machine without, nothing of theirs is skipped.
#
#	inside_test.sh PROGRAM "ARGUMENTS" [PROGRAM "ARGUMENTS"]...
. "$(dirname "$0")/../tap.sh"

need qemu-system-x86_64 guest:bookworm

mkdir "$tmp/shared"
number=0
with=()
printf '#!/bin/bash\n' >"$tmp/inside"
while (($#)); do
	number=$((number + 1))
	program=$(realpath "$1")
	with+=(--with "$program")
	for word in $2; do
		[[ -x $word ]] && with+=(--with "$word")
	done
	echo "\"$program\" $2 >$number.tap 2>$number.err; echo \$? >$number.status" >>"$tmp/inside"
	shift 2
done
chmod +x "$tmp/inside"
run "$KVMTAPE" guest run --kernel bookworm --work "$tmp/shared" --timeout 900 --env CMOCKA_MESSAGE_OUTPUT=TAP \
	"${with[@]}" "$tmp/inside"
is "a guest: status" "$status" 0
printf '%s\n' "$err" | sed 's/^/# /'

for ((i = 1; i <= number; i++)); do
	sed 's/^/# /' "$tmp/shared/$i.err"
	planned=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$tmp/shared/$i.tap" | tail -n 1)
	while read -r line; do
		ok "${line#* - }" test "${line%% *}" = ok
	done < <(grep -E '^(not )?ok ' "$tmp/shared/$i.tap")
	is "program $i: all of its tests ran" "$(grep -cE '^(not )?ok ' "$tmp/shared/$i.tap")" "${planned:-as many as planned}"
	is "program $i: none was skipped" "$(grep -E '# SKIP' "$tmp/shared/$i.tap")" ""
	is "program $i: status" "$(<"$tmp/shared/$i.status")" 0
done
tap_done
