# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# No rule without a test that satisfies it and one that violates it; the reasons of those that cannot have both are of
# rules that exist.
. "$(dirname "$0")/../tap.sh"

"$BUILD/tests/rules/rules_list" >"$tmp/list"
run "$SOURCE/scripts/rules-untested" "$BUILD"
ok "what is tested can be told" test "$status" -le 1
for file in $(cut -d' ' -f1 "$tmp/list" | uniq); do
	is "every rule of $file is satisfied by a test and violated by a test" "$(grep "^$file " <<<"$out")" ""
done

excused()
{
	awk 'FILENAME == ARGV[1] { rule[$2] = 1; next }
		/^#/ { next }
		!($1 in rule) || ($2 != "held" && $2 != "broken") || NF < 5 { print; bad = 1 }
		END { exit bad }' "$tmp/list" "$SOURCE/tests/rules/untestable.txt"
}
ok "untestable.txt names rules that exist, with a reason" excused
tap_done
