#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every header compiles alone: it includes what it needs.
. "$(dirname "$0")/../tap.sh"

cd "$SOURCE" || exit 99
git rev-parse --is-inside-work-tree >/dev/null 2>&1 || skip_all "not a git checkout"

# A header that is alone in a C file, with the warnings of the build.
alone()
{
	local header=$1

	shift
	printf '#include "%s"\n#include "%s"\nextern int nothing;\n' "$header" "$header" >"$tmp/alone.c"
	# shellcheck disable=SC2086
	$CC -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -Werror -fsyntax-only "$@" -I. -Iinclude \
		-DKVMAPI_ARCH=x86 -DKVMAPI_ARCH_x86 -isystem "$UAPI" "$tmp/alone.c"
}

while IFS= read -r header; do
	[[ -e $header ]] || continue
	# What only an eBPF program includes is checked where that is built.
	if grep -q '^#include <bpf/bpf_' "$header" || grep -q 'preserve_access_index' "$header"; then
		skip "$header" "is for eBPF programs"
		continue
	fi
	# Some headers hold tables that not every file which includes them uses.
	ok "$header" alone "$header" -Wno-unused-function -Wno-unused-variable -Wno-unused-const-variable
done < <(git ls-files -co --exclude-standard -- '*.h')
tap_done
