#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# clang-format finds nothing to change. Versions differ in what they do: the format is that of clang-format 14.
. "$(dirname "$0")/../tap.sh"

cd "$SOURCE" || exit 99
git rev-parse --is-inside-work-tree >/dev/null 2>&1 || skip_all "not a git checkout"
format=
for one in clang-format-14 clang-format; do
	[[ -n $format || $("$one" --version 2>/dev/null) != *"version 14."* ]] || format=$one
done
[[ -n $format ]] || skip_all "the format is that of clang-format 14, which is not installed"

# One process for many files; it names those that it would change.
mapfile -t files < <(git ls-files -co --exclude-standard -- '*.c' '*.h' | while IFS= read -r file; do
	[[ -e $file ]] && echo "$file"
done)
ok "there are files" test "${#files[@]}" -gt 100
printf '%s\0' "${files[@]}" | xargs -0 -P 2 -n 32 "$format" --dry-run >"$tmp/said" 2>&1
is "clang-format runs" "$?" 0
is "files that it would change" "$(sed -n 's/:[0-9]*:[0-9]*: warning: .*//p' "$tmp/said" | sort -u)" ""
printf 'int  main;\n' >"$tmp/ugly.c"
like "it sees what is not formatted" "$("$format" --dry-run "$tmp/ugly.c" 2>&1)" '^.*ugly.c:1:4: warning: '
tap_done
