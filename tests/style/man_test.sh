#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Man pages that are written by hand: every function of the library has one, what they print compiles, and they render without
# a warning.
. "$(dirname "$0")/../tap.sh"

cd "$SOURCE" || exit 99

# declared HEADER...: the functions that headers declare.
declared()
{
	sed 's|/\*.*||; s|//.*||' "$@" | grep -vE '^(#| \*)' |
		grep -oE '\b(tape|model|kvmapi|kvmtape)_[a-z0-9_]+\(' | tr -d '(' | sort -u
}

# section PAGE TITLE: the lines of one section.
section()
{
	awk -v title="# $2" '/^# / { on = $0 == title; next } on' "$1"
}

# named PAGE...: the names that pages are found by.
named()
{
	local page

	for page in "$@"; do
		section "$page" NAME | tr '\n' ' ' | sed 's/ - .*//' | tr -d ' ' | tr ',' '\n'
		echo
	done | grep . | sort
}

# code PAGE TITLE: the C in the literal blocks of a section, as it is on the rendered page.
code()
{
	section "$1" "$2" | awk '/^```/ { on = !on; next } on && !/^cc /' | sed 's/\\\(.\)/\1/g'
}

# What declares something else than the headers do conflicts with them.
compiles()
{
	# shellcheck disable=SC2086
	$CC -std=c11 -Wall -Wextra -Wno-unused-parameter -Werror -fsyntax-only -Iinclude "$1"
}

functions=$(declared include/kvmtape/*.h)
names=$(named docs/man/*.3.scd)
ok "the headers declare functions" test "$(wc -w <<<"$functions")" -ge 100
is "functions that no page names" "$(comm -23 <(echo "$functions") <(uniq <<<"$names"))" ""
is "names that no header declares" "$(comm -13 <(echo "$functions") <(uniq <<<"$names") | grep -vx libkvmtape)" ""
is "names of two pages" "$(uniq -d <<<"$names")" ""
# It sees one that is missing.
echo 'int tape_nobody_knows(int fd, /* which */ const char *name);' >"$tmp/more.h"
is "a function without a page is seen" "$(comm -23 <(declared include/kvmtape/*.h "$tmp/more.h") <(uniq <<<"$names"))" \
	tape_nobody_knows

sections='NAME SYNOPSIS DESCRIPTION RETURN_VALUE ERRORS EXAMPLE SEE_ALSO'
for page in docs/man/*.3.scd; do
	name=$(basename "$page" .3.scd)
	# What the synopsis declares is what the headers declare.
	code "$page" SYNOPSIS >"$tmp/synopsis.c"
	ok "$name: the synopsis compiles" compiles "$tmp/synopsis.c"
	is "$name: names that the synopsis lacks" \
		"$(comm -23 <(named "$page" | grep -vx libkvmtape) <(declared "$tmp/synopsis.c"))" ""
	code "$page" EXAMPLE >"$tmp/example.c"
	ok "$name: there is an example" grep -q '^#include <kvmtape/' "$tmp/example.c"
	ok "$name: the example compiles" compiles "$tmp/example.c"
	[[ $name == libkvmtape ]] && continue
	is "$name: its sections" "$(sed -n 's/^# //p' "$page" | tr ' ' '_' | tr '\n' ' ' | sed 's/ $//')" "$sections"
done
printf '#include <kvmtape/tape.h>\nint tape_reader_open(int fd);\n' >"$tmp/wrong.c"
compiles "$tmp/wrong.c" >/dev/null 2>&1
ok "a declaration that is none is seen" test "$?" -ne 0

# References lead to a page of ours or of somebody else's; those to ours can be checked.
ours=$({
	grep -oE "^cli_commands = .*|cli_commands \+= .*" cli/meson.build | grep -oE "'[a-z]+'" | tr -d "'" | sed 's/.*/kvmtape-&(1)/'
	echo 'kvmtape(1)'
	for page in docs/man/*.scd; do
		number=${page%.scd}
		named "$page" | sed "s/\$/(${number##*.})/"
	done
} | sort -u)
references=$(grep -ohE '\*[a-zA-Z0-9_-]+\*\([1-9]\)' docs/man/*.scd | tr -d '*' |
	grep -E '^(lib)?kvmtape|^(tape|model|kvmapi)_' | sort -u)
ok "pages refer to each other" test "$(wc -w <<<"$references")" -ge 20
is "references that lead nowhere" "$(comm -23 <(echo "$references") <(echo "$ours"))" ""

is "lines of more than 120 columns" "$(for page in docs/man/*.scd; do
	expand -t 4 "$page" | awk -v page="$page" 'length > 120 { print page ":" FNR }'
done)" ""

# warnings PAGE: what the formatter that is here has to say.
warnings()
{
	if [[ $formatter == man ]]; then
		# shellcheck disable=SC2069 # what it prints is not looked at
		MANWIDTH=80 man --warnings -l "$1" 2>&1 >/dev/null
	else
		# Of every page that scdoc makes it says that paragraphs are empty, which is a warning.
		mandoc -Tlint -Werror "$1"
	fi
}

# A program that has nothing to say of a page without mistakes, and something of one with mistakes.
printf '.TH x 3 2026-01-01\n.SH NAME\nx \\- a page\n' >"$tmp/right.3"
printf '.TH x 3 2026-01-01\n.SH NAME\nx \\- a page\n.nonsense\n' >"$tmp/wrong.3"
usable=
for formatter in man mandoc; do
	command -v "$formatter" >/dev/null || continue
	[[ -z $usable && -z $(warnings "$tmp/right.3") && -n $(warnings "$tmp/wrong.3") ]] && usable=$formatter
done
formatter=$usable
for page in docs/man/*.scd; do
	name=$(basename "$page" .scd)
	if ! command -v scdoc >/dev/null; then
		skip "$name renders" "scdoc is not installed"
		continue
	fi
	if ! ok "scdoc takes $name" scdoc <"$page"; then
		continue
	fi
	scdoc <"$page" >"$tmp/$name"
	if [[ -z $formatter ]]; then
		skip "$name: warnings" "there is no man or mandoc that warns of mistakes"
		continue
	fi
	is "$name: warnings" "$(warnings "$tmp/$name")" ""
done
tap_done
