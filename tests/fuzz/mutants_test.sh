#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The mutator of scripts/mutants: which mutants a file has, and that each is one when it is switched on.
. "$(dirname "$0")/../tap.sh"

sample=$(dirname "$0")/mutants_sample.c
mutants=$SOURCE/scripts/mutants

run "$mutants" --of "$sample"
is "all mutants: exit status" "$status" 0
is "all mutants: of the function that is looked at" "$(grep -v ' main:' <<<"$out" | sed 's/^mutants_sample.c://')" \
"$(cat <<'END'
31-31 thing_set: other constant 0 becomes 1
33-33 thing_set: condition negated
34-34 thing_set: check dropped
33-33 thing_set: bit dropped without FLAG_B
34-34 thing_set: other errno EINVAL becomes ENOENT
36-36 thing_set: condition negated
37-37 thing_set: check dropped
36-36 thing_set: comparison < becomes <=
36-36 thing_set: other constant 0 becomes 1
36-36 thing_set: and, or || becomes &&
36-36 thing_set: comparison > becomes >=
37-37 thing_set: call dropped touch
38-38 thing_set: other errno ENXIO becomes EINVAL
40-40 thing_set: reset dropped memset
40-40 thing_set: other constant 0 becomes 1
41-41 thing_set: assignment dropped count
42-42 thing_set: assignment dropped flags
42-42 thing_set: other constant 0x3 becomes 0x2
42-42 thing_set: and, or && becomes ||
43-43 thing_set: other constant 0 becomes 1
43-43 thing_set: comparison < becomes <=
44-44 thing_set: other constant 1 becomes 2
END
)"
lines=$(sed 's/.*:\([0-9]*\)-.*/\1/' <<<"$out")
unlike "none in a comment, in a line of the preprocessor, outside of functions" "$lines" \
	"^($(grep -nE 'no mutant|/\* if|static const int table|\(x\)' "$sample" | cut -d: -f1 | paste -sd'|'))\$"

# drawn SEED N
drawn()
{
	"$mutants" --change "$sample" "$1" "$2" 2>&1 >"$tmp/changed.c"
}

is "the same seed draws the same" "$(drawn 7 5)" "$(drawn 7 5)"
is "more of them begin with the same ones" "$(drawn 7 10 | head -n 5)" "$(drawn 7 5)"
ok "another seed draws others" test "$(drawn 7 5)" != "$(drawn 8 5)"

list=$(drawn 1 100)
is "as many lines as before" "$(wc -l <"$tmp/changed.c")" "$(wc -l <"$sample")"
ok "all of them together build" "${CC:-cc}" -w -o "$tmp/changed" "$tmp/changed.c"
"${CC:-cc}" -w -o "$tmp/before" "$sample" || exit 99
before=$("$tmp/before" 0)
is "with none switched on it does what it did" "$("$tmp/changed" 0)" "$before"
while read -r number what; do
	[[ $what == *" main:"* ]] && continue
	ok "switched on: $what" test "$(timeout 10 "$tmp/changed" "$number")" != "$before"
done <<<"$list"
tap_done
