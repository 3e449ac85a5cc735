#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What is installed is whole: what --help and the man pages point to is there, links between documents lead somewhere, and no
# path of the machine that built it is left in it.
. "$(dirname "$0")/../tap.sh"

run env DESTDIR="$tmp/root" "$MESON" install -C "$BUILD" --no-rebuild --quiet
is "meson install: exit status" "$status" 0
kvmtape=$tmp/root$BINDIR/kvmtape
ok "the program is there" test -x "$kvmtape"
like "and runs" "$("$kvmtape" --version)" '^kvmtape '

ok "README is there" test -e "$tmp/root$DOCUMENTS/README.md"
commands=$("$kvmtape" --help | sed -n 's/^  \([a-z]\+\)  .*/\1/p')
ok "there are subcommands" test "$(wc -w <<<"$commands")" -ge 5
if command -v scdoc >/dev/null; then
	for page in kvmtape $(printf 'kvmtape-%s ' $commands); do
		ok "$page(1) is there" test -s "$tmp/root$MANDIR/man1/$page.1"
	done
	pages=$(cd "$SOURCE/docs/man" && printf '%s\n' *.[0-9].scd | sed 's/\.scd$//')
	ok "there are pages written by hand" test "$(wc -w <<<"$pages")" -ge 20
	for page in $pages; do
		ok "$page is there" test -s "$tmp/root$MANDIR/man${page##*.}/$page"
	done
	# Links are by name in their own folder, so that they lead somewhere in any root.
	links=$(find "$tmp/root$MANDIR" -type l -printf '%f\n')
	like "functions have links to their pages" "$links" '^tape_reader_next\.3$'
	is "every link leads to a page" "$(find "$tmp/root$MANDIR" -xtype l)" ""
	functions=$(sed 's|/\*.*||' "$SOURCE"/include/kvmtape/*.h | grep -vE '^(#| \*)' |
		grep -oE '\b(tape|model|kvmapi|kvmtape)_[a-z0-9_]+\(' | tr -d '(' | sort -u)
	ok "the headers declare functions" test "$(wc -w <<<"$functions")" -ge 100
	is "functions without a page" \
		"$(for function in $functions; do test -s "$tmp/root$MANDIR/man3/$function.3" || echo "$function"; done)" ""
	is "what is replaced in pages is replaced" "$(grep -lE '@[A-Z]+@' -r "$tmp/root$MANDIR")" ""
else
	skip "man pages" "scdoc is not installed"
fi

# Files that help and man pages name: below the prefix, and those that look like documents of the source.
pointers=$({
	for command in $commands; do
		"$kvmtape" "$command" --help
	done
	cat "$tmp/root$MANDIR"/man[1-9]/*.[1-9] 2>/dev/null
	strings=$(grep -aoE '[a-zA-Z0-9_/.-]+\.md' "$kvmtape")
	echo "$strings"
} | sed 's/\\-/-/g; s/\\&//g; s/\\f[A-Z]//g' | grep -oE "$PREFIX/share/[a-zA-Z0-9_/.-]*[a-zA-Z0-9]|[a-zA-Z0-9_/-]+\.md" | sort -u)
like "some are found" "$pointers" "^$DOCUMENTS/docs/tape-text.md$"
for pointer in $pointers; do
	# Entries of docs/findings.md, which rules --show prints, name others of the documents.
	[[ $pointer == /* ]] || pointer=$DOCUMENTS/$pointer
	ok "$pointer is there" test -e "$tmp/root$pointer"
done

# Links of README to documents that are installed.
links=$(grep -oE '\]\([a-zA-Z0-9_/.-]+\.md\)' "$tmp/root$DOCUMENTS/README.md" | sed 's/^](//; s/)$//' | sort -u)
ok "README links to documents" test "$(wc -w <<<"$links")" -ge 5
for link in $links; do
	ok "README: $link is there" test -e "$tmp/root$DOCUMENTS/$link"
done

# The strings in binaries: neither the source nor the build.
for path in "$SOURCE" "$BUILD"; do
	is "no $path in what is installed" "$(cd "$tmp/root" && grep -rlaF -- "$path" . | head -n 3)" ""
done
tap_done
