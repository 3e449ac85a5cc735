#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# clang-format finds nothing to change. Versions differ in what they do, so it is one version only.
. "$(dirname "$0")/../tap.sh"

cd "$SOURCE" || exit 99
git rev-parse --is-inside-work-tree >/dev/null 2>&1 || skip_all "not a git checkout"
command -v clang-format-14 >/dev/null || skip_all "clang-format-14 is not installed"

# One process for many files; it names those that it would change.
mapfile -t files < <(git ls-files -co --exclude-standard -- '*.c' '*.h' | while IFS= read -r file; do
	[[ -e $file ]] && echo "$file"
done)
ok "there are files" test "${#files[@]}" -gt 100
printf '%s\0' "${files[@]}" | xargs -0 -P 2 -n 32 clang-format-14 --dry-run >"$tmp/said" 2>&1
is "clang-format runs" "$?" 0
is "files that it would change" "$(sed -n 's/:[0-9]*:[0-9]*: warning: .*//p' "$tmp/said" | sort -u)" ""
printf 'int  main;\n' >"$tmp/ugly.c"
like "it sees what is not formatted" "$(clang-format-14 --dry-run "$tmp/ugly.c" 2>&1)" '^.*ugly.c:1:4: warning: '
tap_done
