#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a program of somebody else's sees of libkvmtape: it is installed, found by pkg-config alone, and the examples run with it.
. "$(dirname "$0")/../tap.sh"

root=$tmp/root
run env DESTDIR="$root" "$MESON" install -C "$BUILD" --no-rebuild --quiet
is "meson install: exit status" "$status" 0

library=$root$LIBDIR/libkvmtape.so.$ABI
ok "the library is there" test -e "$library"
is "its soname" "$(readelf -d "$library" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" "libkvmtape.so.$ABI"
like "the program is linked with it" "$(readelf -d "$root$BINDIR/kvmtape")" "NEEDED.*libkvmtape\.so\.$ABI"
# The model is in the library alone.
is "and has no model of its own" "$(nm "$root$BINDIR/kvmtape" 2>/dev/null | grep -c ' T model_')" 0

headers=$(cd "$root$INCLUDEDIR" && ls kvmtape/*.h)
like "headers are there" "$headers" '^kvmtape/tape\.h$'
declared=$(cd "$root$INCLUDEDIR" && sed 's|/\*.*||; s|//.*||' kvmtape/*.h |
	grep -vE '^(static|#| \*)' | grep -oE '\b(tape|model|kvmapi|kvmtape)_[a-z0-9_]+\(' | tr -d '(' | sort -u)
exported=$(nm -D --defined-only "$library" | awk '{ print $3 }' | sort -u)
ok "it exports something" test "$(wc -w <<<"$exported")" -ge 100
is "nothing is exported that no header declares" "$(comm -13 <(echo "$declared") <(echo "$exported"))" ""
is "what headers declare is exported" \
	"$(comm -23 <(echo "$declared") <(echo "$exported") | grep -vxE 'tape_signal_usual')" ""

# A struct that is named and not defined is a handle: some function makes one.  json_t is jansson's.
code=$(cd "$root$INCLUDEDIR" && cc -fpreprocessed -dD -E -P kvmtape/*.h 2>/dev/null)
named=$(grep -oE '\bstruct [a-z_]+' <<<"$code" | sort -u)
defined=$(grep -oE '\bstruct [a-z_]+ \{' <<<"$code" | sed 's/ {//')
made=$(grep -oE '\bstruct [a-z_]+ \*\*' <<<"$code" | sed 's/ \*\*//')
is "each struct is defined, or a handle that can be had" \
	"$(comm -23 <(echo "$named") <(sort -u <<<"$defined"$'\n'"$made") | grep -vxE 'struct json_t')" ""

# Structs that do not begin with their size never change under one soname: sizes.txt has theirs on 64-bit machines.
{
	printf '#include <stdio.h>\n'
	sed 's/.*/#include <&>/' <<<"$headers"
	printf 'int main(void)\n{\n'
	sort -u <<<"$defined" | grep -vxE 'struct tape_writer_options' | sed 's/.*/printf("& %zu\\n", sizeof(&));/'
	printf '}\n'
} >"$tmp/sizes.c"
if ((8 == $(getconf LONG_BIT) / 8)); then
	ok "sizes of structs: compiles" cc "$tmp/sizes.c" -I"$root$INCLUDEDIR" -o "$tmp/sizes"
	is "sizes of structs: as ever" "$("$tmp/sizes")" "$(grep -v "^#" "$SOURCE/tests/library/sizes.txt")"
else
	skip "sizes of structs" "they are those of 64-bit machines"
fi

# As on a machine where it is installed for good.
export PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$root$LIBDIR/pkgconfig:/usr/lib/$MULTIARCH/pkgconfig:/usr/share/pkgconfig
export LD_LIBRARY_PATH=$root$LIBDIR
is "pkg-config: version" "$(pkg-config --modversion kvmtape)" "$VERSION"
flags=$(pkg-config --cflags --libs kvmtape)
for source in "$SOURCE"/examples/*.c; do
	name=$(basename "$source" .c)
	# shellcheck disable=SC2086 # flags are words
	ok "$name compiles" cc -std=gnu11 -Wall -Wextra -Werror "$source" $flags -o "$tmp/$name"
done
for header in $headers; do
	echo "#include <$header>" >"$tmp/alone.c"
	# shellcheck disable=SC2086
	ok "$header stands alone" cc -std=c11 -pedantic -Wall -Wextra -Werror -fsyntax-only "$tmp/alone.c" $flags
	if command -v c++ >/dev/null; then
		# shellcheck disable=SC2086
		ok "$header in C++" c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only -x c++ "$tmp/alone.c" $flags
	else
		skip "$header in C++" "there is no C++ compiler"
	fi
done

good=$SOURCE/corpus/qemu/pc.tape
run "$tmp/judge" "$good"
is "judge: a good tape" "$status" 0
bad=$tmp/bad.tape
cat >"$tmp/bad.txt" <<'TEXT'
kernel 6.12.0
vm = kvm.KVM_CREATE_VM(0)
vm.KVM_SET_TSS_ADDR(0xffffffff) = 0
TEXT
ok "a tape that diverges is made" "$root$BINDIR/kvmtape" asm "$tmp/bad.txt" -o "$bad"
run "$tmp/judge" "$bad"
is "judge: a tape that diverges: exit status" "$status" 1
like "and says where" "$out" '^event [0-9]+: [A-Z0-9_]+: expected .*, observed '
run "$tmp/judge" "$SOURCE/README.md"
is "judge: no tape" "$status" 2
like "and says so" "$err" 'not a tape'
run "$tmp/events" "$good" KVM_CREATE_VM
is "events: exit status" "$status" 0
like "events: shows the call" "$out" 'KVM_CREATE_VM'
like "events: counts" "$out" '^[1-9][0-9]* calls, [0-9]+ failed$'
run "$tmp/ask" "$bad" KVM_SET_TSS_ADDR
is "ask: exit status" "$status" 0
like "ask: what must come, before it came" "$out" '^  must EINVAL: '
run "$tmp/ask" "$good" KVM_CREATE_IRQCHIP
like "ask: a call that succeeds" "$out" '^  succeeds: '
tap_done
