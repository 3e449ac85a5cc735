#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# scripts/fuzz-play: every target is played, and a find fails it and stays. The targets here are scripts that say what they were
# given.
. "$(dirname "$0")/../tap.sh"

mkdir -p "$tmp/build/fuzz"
cat >"$tmp/target" <<'EOF'
#!/bin/bash
name=$(basename "$0")
echo "$*" >"$LOG/$name"
for argument; do folder=$argument; done
ls "$folder" | head -n 1 >"$LOG/$name.seed"
for argument; do
	case $argument in
	-artifact_prefix=*) [ "$name" != "$FINDS" ] || { echo "a wrong thing"; : >"${argument#*=}crash-1"; exit 77; } ;;
	esac
done
echo "Done 12 runs in 3 second(s)"
EOF
chmod +x "$tmp/target"
ln -s "$SEEDS" "$tmp/build/fuzz/fuzz_seeds"
targets=$(cd "$SOURCE/fuzz" && ls target_*.c | sed 's/^target_//; s/\.c$//' | grep -v -x -e live -e file)
for target in $targets; do
	ln -s "$tmp/target" "$tmp/build/fuzz/target_$target"
done
mkdir "$tmp/log"
play()
{
	run env LOG="$tmp/log" FINDS="$1" "$SOURCE/scripts/fuzz-play" "$tmp/build"
}

play none
is "nothing is found" "$status" 0
for target in $targets; do
	like "$target is played" "$out" "^$target: 12 runs, nothing found, 3 s$"
	like "$target: with a fixed seed" "$(cat "$tmp/log/target_$target")" '^-seed=1 -runs=[1-9][0-9]* '
	like "$target: begins with inputs" "$(cat "$tmp/log/target_$target.seed")" '.'
done
play target_value
is "a find fails it" "$status" 1
like "and is named" "$out" "^value: a find, kept as $tmp/build/finds/value-crash-1$"
like "what the target said is shown" "$out" '^a wrong thing$'
like "the others are played all the same" "$out" '^writer: 12 runs'
run "$SOURCE/scripts/fuzz-play" "$tmp"
is "no build" "$status" 2

tap_done
