#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What must stand in every file, and what must not. Each check is a plain git grep.
. "$(dirname "$0")/../tap.sh"

cd "$SOURCE" || exit 99
git rev-parse --is-inside-work-tree >/dev/null 2>&1 || skip_all "not a git checkout"

# none DESCRIPTION COMMAND...: the command prints nothing.
none()
{
	local what=$1 found

	shift
	found=$("$@")
	is "$what" "$found" ""
}

# Files that are data, or cannot hold a comment.
data=(':!LICENSE' ':!*.tape' ':!*.seq' ':!*.json' ':!*.csv' ':!.gitignore' ':!.gitattributes' ':!.editorconfig'
	':!.clang-format' ':!tests/golden/*.items' ':!corpus/fuzz/minimise/*' ':!corpus/fuzz/player/*' ':!corpus/fuzz/value/*'
	':!corpus/fuzz/writer/*' ':!corpus/fuzz/canonical/*')

spdx_missing()
{
	git ls-files -co --exclude-standard -- . "${data[@]}" | while IFS= read -r file; do
		# An empty file, or one that is gone but still in the index, has nothing to license.
		[[ -s $file ]] || continue
		head -n 5 "$file" | grep -q 'SPDX-License-Identifier: ' || echo "$file"
	done
}
none "every file names its licence in its first lines" spdx_missing
none "no licence but those of the project" bash -c '
	git grep --untracked -hIoE "^[^ ]* ?SPDX-License-Identifier: .*" -- ":!tests/style" |
	sed -E "s/.*SPDX-License-Identifier: //; s/ *(\*\/|-->) *$//" | sort -u |
	grep -vxE "BSD-2-Clause|GPL-2.0-only OR BSD-2-Clause"'

# The letters in brackets keep these patterns from finding themselves.
none "nothing is put off" \
	git grep --untracked -nIwE 'TOD[O]|FIXM[E]|XX[X]|HAC[K]' -- . ':!LICENSE'
none "no path of a workplace" git grep --untracked -nIE \
	'/wor[k]/(main|shared|[.]library)|(^|[^a-zA-Z0-9_.}])/tmp/[w]/|(^|[^a-zA-Z0-9_.}"])/roo[t]/' -- .
none "no blanks at ends of lines" git grep --untracked -nIE '[ 	]+$' -- . ':!*.patch'
none "no carriage returns" git grep --untracked -nI $'\r' -- . "${data[@]}"

no_newline()
{
	git grep --untracked -lI '' -- . "${data[@]}" | while IFS= read -r file; do
		[[ -z $(tail -c 1 "$file") ]] || echo "$file"
	done
}
none "every file ends with a newline" no_newline
none "no comment that a formatter wrapped" git grep --untracked -nIE '^ \*[A-Za-z]' -- '*.c' '*.h'
none "no banner that a formatter wrapped" git grep --untracked -nIE '^ \* -+$' -- '*.c' '*.h'
none "C is indented by tabs" git grep --untracked -nIE '^ {2,}[^ *]' -- '*.c' '*.h'
tap_done
