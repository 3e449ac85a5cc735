#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A tape and its canonical form are judged alike, whatever is on it: every text of the corpus and of the tests of verdicts,
# whose answers are right and wrong ones.
. "$(dirname "$0")/../tap.sh"

# verdict TAPE: what replay says of it, but for its name.
verdict()
{
	"$KVMTAPE" replay "$1" 2>&1 | sed "s|$1|TAPE|; /^tape /d"
}

found=0
while read -r text; do
	# Text with preludes is that of many tapes, for the tests of rules only.
	grep -q '^# prelude ' "$text" && continue
	found=$((found + 1))
	"$KVMTAPE" asm -f -o "$tmp/raw.tape" "$text" 2>/dev/null || continue
	"$KVMTAPE" canon -f -o "$tmp/canon.tape" "$tmp/raw.tape"
	verdict "$tmp/raw.tape" >"$tmp/raw"
	verdict "$tmp/canon.tape" >"$tmp/canon"
	# The call itself is shown with its arguments, which are others.
	sed -i '/^    call /d' "$tmp/raw" "$tmp/canon"
	ok "${text##*/}: the same verdicts" cmp "$tmp/raw" "$tmp/canon"
done < <(find "$CORPUS" "$CORPUS/../tests/rules" -name '*.tapes' | sort)
ok "there are texts" test "$found" -gt 50
tap_done
