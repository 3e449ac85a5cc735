#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Document coverage: the tapes of the corpus, and the texts in it that hold results, reach 95 % of the rules; the others are
# named with a reason, and no other.
. "$(dirname "$0")/../tap.sh"

shopt -s globstar nullglob
tapes=("$SOURCE"/corpus/**/*.tape)
for text in "$SOURCE"/corpus/handmade/*.tapes "$SOURCE"/corpus/fuzz/**/*.tapes; do
	grep -q '^results none' "$text" && continue
	tape=$tmp/$(basename "$text" .tapes).tape
	ok "$(basename "$text"): becomes a tape" "$KVMTAPE" asm -f -o "$tape" "$text"
	tapes+=("$tape")
done

run "$KVMTAPE" rules --coverage --missed --json "${tapes[@]}"
is "coverage is told" "$status" 0
ok "95 % of the rules are reached" python3 -c '
import json, sys
last = json.loads(open(sys.argv[1]).read().splitlines()[-1])
assert last["type"] == "coverage" and last["reached"] >= 0.95 * last["rules"], last' "$tmp/run.out"
sed -n 's/.*"type":"missed","id":"\([^"]*\)".*/\1/p' "$tmp/run.out" | sort >"$tmp/missed"
grep -v '^#' "$SOURCE/tests/rules/unreached.txt" | cut -d' ' -f1 | sort >"$tmp/excused"
is "every rule that is not reached has a reason" "$(comm -23 "$tmp/missed" "$tmp/excused")" ""
is "a rule that is reached needs none" "$(comm -13 "$tmp/missed" "$tmp/excused")" ""
is "each reason is one" "$(grep -v '^#' "$SOURCE/tests/rules/unreached.txt" | awk 'NF < 4')" ""
tap_done
