#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every script explains itself with --help, and does nothing else then.
. "$(dirname "$0")/../tap.sh"

cd "$SOURCE" || exit 99
git rev-parse --is-inside-work-tree >/dev/null 2>&1 || skip_all "not a git checkout"

# Programs that a script would need for anything but an explanation, and that tell on it.
mkdir "$tmp/bin"
for program in apt-get apt-cache dpkg-query meson ninja git sudo chroot debootstrap gcc cc clang mktemp mkdir; do
	printf '#!/bin/sh\necho "%s $*" >>"%s/called"\nexit 1\n' "$program" "$tmp" >"$tmp/bin/$program"
	chmod +x "$tmp/bin/$program"
done

while IFS= read -r script; do
	[[ -x $script ]] || continue
	run env PATH="$tmp/bin:$PATH" KVMTAPE_CACHE="$tmp/cache" "$script" --help
	is "$script --help: exit status" "$status" 0
	like "$script --help: names itself" "$out" "$(basename "$script")"
	is "$script --help: nothing on standard error" "$err" ""
	ok "$script --help: does nothing" test ! -e "$tmp/called" -a ! -e "$tmp/cache"
	rm -f "$tmp/called"
done < <(command git ls-files -co --exclude-standard -- scripts)

for script in demo deps test distros; do
	run env PATH="$tmp/bin:$PATH" KVMTAPE_CACHE="$tmp/cache" "scripts/$script" --no-such-option
	is "scripts/$script with an option that is none" "$status" 2
	ok "scripts/$script with an option that is none: does nothing" test ! -e "$tmp/called"
	rm -f "$tmp/called"
done
tap_done
