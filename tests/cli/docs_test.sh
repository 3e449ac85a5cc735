#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Man pages and completion are made from the tables, and the tools that read them accept them.
. "$(dirname "$0")/../tap.sh"

commands=$("$KVMTAPE" --help | sed -n 's/^  \([a-z]\+\)  .*/\1/p')
ok "--help lists subcommands" test "$(wc -w <<<"$commands")" -ge 5

ok "the overview is there" "$KVMTAPE_DOCS" man
overview=$("$KVMTAPE_DOCS" man)
for command in $commands; do
	like "kvmtape(1) names $command" "$overview" "kvmtape-$command\*\(1\)"
	page=$("$KVMTAPE_DOCS" man "$command")
	options=$("$KVMTAPE" "$command" --help | grep -o -- '^  -\?[a-zA-Z]\?,\? *--[a-z-]*' | grep -o -- '--.*')
	ok "$command has options" test -n "$options"
	for option in $options; do
		like "kvmtape-$command(1) explains $option" "$page" "\*$option\*"
	done
	if command -v scdoc >/dev/null; then
		ok "scdoc takes kvmtape-$command" scdoc <<<"$page"
	else
		skip "scdoc takes kvmtape-$command" "scdoc is not installed"
	fi
done
run "$KVMTAPE_DOCS" man rewind
is "a page that is none: exit status" "$status" 2

"$KVMTAPE_DOCS" completion >"$tmp/completion"
ok "bash takes the completion" bash -n "$tmp/completion"

# complete WORD...: what is offered for the last word.
complete_words()
{
	bash -c '
		. "$1"
		shift
		compopt() { :; }
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		COMPREPLY=()
		_kvmtape
		echo ${COMPREPLY[*]}' _ "$tmp/completion" "$@"
}
like "completion of a subcommand" "$(complete_words kvmtape re)" '(^| )replay( |$)'
is "completion of an option" "$(complete_words kvmtape replay --unt)" "--until="
is "completion of a negation" "$(complete_words kvmtape print --no)" "--no-objects --no-signals"
is "nothing is offered for a number" "$(complete_words kvmtape replay --until '')" ""
touch "$tmp/a.tape"
is "completion of a file" "$(complete_words kvmtape replay "$tmp/a")" "$tmp/a.tape"
tap_done
