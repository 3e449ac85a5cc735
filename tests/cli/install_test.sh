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
else
	skip "man pages" "scdoc is not installed"
fi

# Files that help and man pages name: below the prefix, and those that look like documents of the source.
pointers=$({
	for command in $commands; do
		"$kvmtape" "$command" --help
	done
	cat "$tmp/root$MANDIR"/man1/*.1 2>/dev/null
	strings=$(grep -aoE '[a-zA-Z0-9_/.-]+\.md' "$kvmtape")
	echo "$strings"
} | sed 's/\\-/-/g; s/\\&//g' | grep -oE "$PREFIX/share/[a-zA-Z0-9_/.-]*[a-zA-Z0-9]|[a-zA-Z0-9_/-]+\.md" | sort -u)
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
