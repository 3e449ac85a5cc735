# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Every statement of the seed documents has a rule that tests keep and break, or a reason why it cannot be observed;
# docs/seed-coverage.md says so as it would be made now.
. "$(dirname "$0")/../tap.sh"

is "statements" "$("$BUILD/tests/rules/seed_list" | cut -f1 | sort -u | wc -l)" 277
ok "each has a rule and tests, or a reason, and the document is up to date (scripts/seed-coverage makes it)" \
	"$SOURCE/scripts/seed-coverage" --check "$BUILD" "$SOURCE/docs/seed-coverage.md"

# The check finds what is wrong.
sed '/^| A-4.25-02 /s/IRQ_LINE_SUCCEEDS/IRQ_LINE_SUCCEDS/; /^| V-5.3-03 /d' "$SOURCE/docs/seed-coverage.md" >"$tmp/old.md"
run "$SOURCE/scripts/seed-coverage" --check "$BUILD" "$tmp/old.md"
is "a document that is out of date: status" "$status" 1
like "a document that lacks a statement" "$out" "has 276 statements, not 277"
like "a document that has other rules" "$out" "^A-4.25-02: the document is out of date"
tap_done
