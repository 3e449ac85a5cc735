#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What is missing for a fuzzing engine is said when the build is set up.
. "$(dirname "$0")/../tap.sh"

if ! command -v meson >/dev/null; then
	echo "1..0 # SKIP meson is not here"
	exit 0
fi
setup()
{
	rm -rf "$tmp/build"
	run env CC="$1" PATH="$2" meson setup "$tmp/build" "$SOURCE" -Duapi="$UAPI" -Dfuzzing_engine="$3"
	out+=$err
}

setup gcc "$PATH" libfuzzer
ok "libFuzzer with gcc" test "$status" -ne 0
like "says which compiler" "$out" 'libFuzzer is a part of clang: run CC=clang meson setup'
setup gcc "$PATH" oss-fuzz
ok "OSS-Fuzz without its engine" test "$status" -ne 0
like "says what it wants" "$out" 'LIB_FUZZING_ENGINE'
# Everything but AFL++.
mkdir "$tmp/bin"
for program in dirname gcc cc ar ld as strip pkg-config python3 meson ninja sh bash env cat sed ls find mkdir rm uname; do
	path=$(command -v "$program") && ln -s "$path" "$tmp/bin/$program"
done
setup gcc "$tmp/bin" afl
ok "AFL++ that is not installed" test "$status" -ne 0
like "says how to get it" "$out" 'AFL\+\+ is not installed: run scripts/deps, or apt-get install afl\+\+'
if command -v afl-fuzz >/dev/null; then
	setup gcc "$PATH" afl
	ok "AFL++ with gcc" test "$status" -ne 0
	like "says which compiler" "$out" 'run CC=afl-clang-fast meson setup'
else
	skip "AFL++ with gcc" "AFL++ is not installed"
fi
run bash "$SOURCE/scripts/fuzz-afl" no-such-target
is "a target that is none" "$status" 2
like "says which there are" "$err" 'model, canonical, minimise, player, tape, asm, value, writer'
run env PATH="$tmp/bin" bash "$SOURCE/scripts/fuzz-afl" model
is "a campaign without AFL++" "$status" 2
like "says how to get it" "$err" 'AFL\+\+ is not installed'

tap_done
