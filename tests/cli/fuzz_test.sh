#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kvmtape fuzz without a guest: what it refuses, and in which words; engines of others, if they are here.
. "$(dirname "$0")/../tap.sh"

export KVMTAPE_CACHE=$tmp/cache
mkdir -p "$tmp/cache/guest"

run "$KVMTAPE" fuzz
is "no folder: exit status" "$status" 2
like "no folder: says so" "$err" 'give --output=DIR'
for option in --workers=0 --workers=65 --runs=0 --calls=0 --calls=100000 --interval=0 --players=5000 --engine=none; do
	run "$KVMTAPE" fuzz -o "$tmp/c" "$option"
	is "$option: exit status" "$status" 2
	like "$option: names it" "$err" "${option%=*}"
done
ok "nothing was made by any of these" test ! -e "$tmp/c"

# --- kernels

run "$KVMTAPE" fuzz -o "$tmp/c" --live=moon
like "--live: neither host nor guest" "$err" 'neither host nor guest:NAME'
run "$KVMTAPE" fuzz -o "$tmp/c" --kernel bookworm
is "a kernel that is not in the cache: exit status" "$status" 125
like "a kernel that is not in the cache: says how to get it" "$err" 'guest fetch'
run "$KVMTAPE" fuzz -o "$tmp/c" --kernel "$tmp/none/vmlinuz"
is "a kernel file that is not there: exit status" "$status" 2
ok "no folder was made" test ! -e "$tmp/c"

# --- this machine: refused, and never run by a test

run "$KVMTAPE" fuzz -o "$tmp/c" --live=host
is "--live=host: exit status" "$status" 2
like "--live=host: says what is needed" "$err" '\-\-i-accept-that-this-kernel-may-crash'
echo "guest:bookworm: 1 crashes" >"$tmp/cache/guest/crashes-seen"
run "$KVMTAPE" fuzz -o "$tmp/c" --live=host --i-accept-that-this-kernel-may-crash
is "--live=host after a crash: exit status" "$status" 2
like "--live=host after a crash: refused, and why" "$err" 'refused: the differ has seen a crash \(guest:bookworm: 1 crashes'
ok "--live=host: nothing was begun" test ! -e "$tmp/c"

# --- engines

run "$KVMTAPE" fuzz -o "$tmp/c" --engine=afl
is "an engine without its target: exit status" "$status" 2
like "an engine without its target: says so" "$err" 'needs --target=PROGRAM'
run "$KVMTAPE" fuzz -o "$tmp/c" --engine=libfuzzer --target="$tmp/none"
like "a target that is not there" "$err" 'none: No such file'
printf '#!/bin/sh\nexit 0\n' >"$tmp/target"
chmod +x "$tmp/target"
run "$KVMTAPE" fuzz -o "$tmp/c" --engine=afl --target="$tmp/target" --mutator="$tmp/none.so"
like "a mutator that is not there" "$err" 'none.so: No such file'

# An afl-fuzz of our own, which says how it was started.
mkdir "$tmp/bin"
cat >"$tmp/bin/afl-fuzz" <<'END'
#!/bin/sh
echo "$AFL_CUSTOM_MUTATOR_LIBRARY $AFL_CUSTOM_MUTATOR_ONLY : $*" >>"$STARTED"
while [ "$1" != -o ]; do shift; done
mkdir -p "$2/$4"
END
chmod +x "$tmp/bin/afl-fuzz"
touch "$tmp/mutator.so"
STARTED=$tmp/started PATH=$tmp/bin:$PATH run "$KVMTAPE" fuzz -o "$tmp/afl" --engine=afl --target="$tmp/target" \
	--mutator="$tmp/mutator.so" --workers=2 --time=5
is "afl: exit status" "$status" 0
like "afl: one main instance" "$(<"$tmp/started")" "^$tmp/mutator.so 1 : -i $tmp/afl/seeds -o $tmp/afl/engine -M w0 -V 5 -- $tmp/target\$"
like "afl: and one more" "$(<"$tmp/started")" "-S w1 "
ok "afl: there is a seed" test -s "$tmp/afl/seeds/0000.seq"
STARTED=$tmp/again PATH=$tmp/bin:$PATH run "$KVMTAPE" fuzz -o "$tmp/afl" --engine=afl --target="$tmp/target"
like "afl: what was begun goes on" "$(<"$tmp/again")" '-i - -o'
PATH=$tmp/nothing run "$KVMTAPE" fuzz -o "$tmp/afl2" --engine=afl --target="$tmp/target"
is "no AFL++: exit status" "$status" 2
like "no AFL++: says what brings it" "$err" 'afl-fuzz: not found; apt-get install afl\+\+'
cat >"$tmp/fuzzer" <<'END'
#!/bin/sh
echo "$*" >"$STARTED"
END
chmod +x "$tmp/fuzzer"
STARTED=$tmp/libfuzzer run "$KVMTAPE" fuzz -o "$tmp/lf" --engine=libfuzzer --target="$tmp/fuzzer" --workers=3 --time=9
is "libfuzzer: exit status" "$status" 0
is "libfuzzer: its arguments" "$(<"$tmp/libfuzzer")" \
	"-artifact_prefix=$tmp/lf/engine/crash- -fork=3 -max_total_time=9 $tmp/lf/engine $tmp/lf/seeds"
run "$KVMTAPE" fuzz -o "$tmp/lf2" --engine=libfuzzer --target="$tmp/fuzzer" "$tmp/target"
is "libfuzzer: a seed that is no tape, exit status" "$status" 2
like "libfuzzer: a seed that is no tape" "$err" 'target: '
tap_done
