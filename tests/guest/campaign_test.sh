#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kvmtape fuzz on a disposable guest: it runs, is stopped, goes on; and what has no guest says so.
. "$(dirname "$0")/../tap.sh"

need qemu-system-x86_64 guest:bookworm

# field FILE KEY: a number of a JSON file.
field()
{
	python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"
}

"$KVMTAPE" distill -o "$tmp/seeds" "$CORPUS/qemu/microvm.tape" "$CORPUS/qemu/pc.tape" >/dev/null || exit 99
echo "no tape" >"$tmp/seeds/README"

# --- a campaign that is interrupted

"$KVMTAPE" fuzz -o "$tmp/c" --interval 2 --no-minimise --runs 2 "$tmp/seeds" >"$tmp/out" 2>"$tmp/err" &
pid=$!
for ((i = 0; i < 1200; i++)); do
	sleep 0.1
	(($(cut -d, -f2 "$tmp/c/curves.csv" 2>/dev/null | tail -n1 | grep -E '^[0-9]+$' || echo 0) > 100)) && break
done
kill -INT "$pid"
begin=$SECONDS
wait "$pid"
status=$?
ok "interrupted: ends with its own status" test "$status" -le 1
ok "interrupted: soon" test $((SECONDS - begin)) -le 15
ok "sequences were played" test "$(field "$tmp/c/campaign.json" executions)" -gt 100
is "none was lost" "$(field "$tmp/c/campaign.json" lost)" 0
ok "blocks of the kernel were seen" test "$(wc -l <"$tmp/c/blocks")" -gt 1000
like "they have names" "$(<"$tmp/c/blocks")" '^kvm .text\+0x[0-9a-f]+ kvm_vm_ioctl\+0x[0-9a-f]+$'
ok "rules were reached" test "$(cut -d' ' -f1 "$tmp/c/outcomes" | sort -u | wc -l)" -gt 50
ok "there is a queue" test "$(ls "$tmp/c/queue" | wc -l)" -gt 20
like "lines of a log on standard output" "$(<"$tmp/out")" \
	'^[0-9]+ s: executions [0-9]+ \([0-9]+/s\), blocks [0-9]+, rules [0-9]+, .*stability [0-9.]+ %$'
unlike "no escape sequences there" "$(<"$tmp/out")" $'\033'
like "a seed that is no tape is named" "$(<"$tmp/err")" 'seeds/README: .*ignored'
like "known quirks are counted" "$(<"$tmp/out")" 'quirks [1-9]'
stable=$(tail -n1 "$tmp/out" | sed 's/.*stability \([0-9]*\).*/\1/')
ok "stability is above 95 %" test "$stable" -ge 95

# --- it goes on

before=$(field "$tmp/c/campaign.json" executions)
blocks=$(wc -l <"$tmp/c/blocks")
queue=$(ls "$tmp/c/queue" | wc -l)
run "$KVMTAPE" fuzz -o "$tmp/c" --interval 2 --no-minimise --runs 2 --executions 60 --seed 2 "$tmp/seeds"
ok "goes on: exit status" test "$status" -le 1
ok "goes on: from where it was" test "$(field "$tmp/c/campaign.json" executions)" -ge $((before + 60))
ok "goes on: blocks" test "$(wc -l <"$tmp/c/blocks")" -ge "$blocks"
ok "goes on: queue" test "$(ls "$tmp/c/queue" | wc -l)" -ge "$queue"
is "goes on: no block twice" "$(cut -d' ' -f1,2 "$tmp/c/blocks" | sort | uniq -d)" ""

mkdir "$tmp/empty"

# --- a kernel that breaks a rule, so that there is a find: overlapping memory slots are refused with EINVAL, not EEXIST

cache=${KVMTAPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kvmtape}
mkdir -p "$tmp/planted/guest/kernels"
cp -rs "$(realpath "$cache")/guest/kernels/bookworm" "$tmp/planted/guest/kernels/"
module=$(find "$tmp/planted" -name kvm.ko)
cp --remove-destination "$(realpath "$module")" "$module"
ok "a planted fault" python3 "$(dirname "$0")/plant.py" "$module" __kvm_set_memory_region -17 -22
mkdir "$tmp/overlap"
cat >"$tmp/overlap.tapes" <<'END'
kernel 6.1.0
backend kvm_amd
kvm.KVM_GET_API_VERSION() = 12
a = kvm.KVM_CREATE_VM(0)
a.KVM_SET_USER_MEMORY_REGION({.slot = 0, .memory_size = 0x1000, .userspace_addr = mem0}) = 0
a.KVM_SET_USER_MEMORY_REGION({.slot = 1, .memory_size = 0x1000, .userspace_addr = mem0}) = -EEXIST
a.KVM_CHECK_EXTENSION(KVM_CAP_USER_MEMORY) = 1
END
"$KVMTAPE" asm -o "$tmp/overlap/seed.tape" "$tmp/overlap.tapes" || exit 99
find=$tmp/f/finds/diverges-MEMORY_REGION_OVERLAP-KVM_SET_USER_MEMORY_REGION-EINVAL-09c81f
KVMTAPE_CACHE=$tmp/planted "$KVMTAPE" fuzz -o "$tmp/f" --interval 2 --runs 2 --seed 1 "$tmp/overlap" >"$tmp/out" 2>"$tmp/err" &
pid=$!
for ((i = 0; i < 1200; i++)); do
	sleep 0.1
	[[ -e $find/find.json ]] && break
	kill -0 "$pid" 2>/dev/null || break
done
kill -INT "$pid"
wait "$pid"
is "a find: exit status" "$?" 1
like "a find: is counted" "$(<"$tmp/err")" '^kvmtape fuzz: [0-9]+ finds in .*/f/finds, [1-9][0-9]* of them shown again$'
is "a find: shown at every run" "$(field "$find/find.json" shown) of $(field "$find/find.json" runs)" "2 of 2"
is "a find: its rule" "$(field "$find/find.json" rule)" MEMORY_REGION_OVERLAP
like "a find: expected and observed" "$(field "$find/find.json" expected) $(field "$find/find.json" observed)" 'EEXIST.*EINVAL'
is "a find: the calls that it takes" "$(field "$find/find.json" calls)" 3
is "a find: of its text" "$(grep -oE 'KVM_[A-Z_]+\(' "$find/find.tapes" | tr -d '(' | tr '\n' ' ')" \
	"KVM_CREATE_VM KVM_SET_USER_MEMORY_REGION KVM_SET_USER_MEMORY_REGION "
run "$KVMTAPE" replay "$find/find.tape"
is "a find: its tape diverges" "$status" 1
ok "a find: as it came first" test -s "$find/first.tape"
run env KVMTAPE_CACHE="$tmp/planted" "$KVMTAPE" fuzz -o "$tmp/f" --interval 2 --runs 2 --executions 60 --seed 2 "$tmp/overlap"
is "a find: is known when the campaign goes on" "$(find "$tmp/f/finds" -name '*OVERLAP*' | wc -l)" 1

# --- minimising on a live kernel: a tape that lies, and a kernel that does not

printf 'kernel 6.1.0\nbackend kvm_amd\na = kvm.KVM_CREATE_VM(0)\nkvm.KVM_GET_API_VERSION() = 13\n' >"$tmp/lie.tapes"
"$KVMTAPE" asm -o "$tmp/lie.tape" "$tmp/lie.tapes" || exit 99
run "$KVMTAPE" minimise --live=guest:bookworm --runs 2 -o "$tmp/lie.min" "$tmp/lie.tape"
is "minimise --live: what the kernel does not do is no divergence, exit status" "$status" 2
like "minimise --live: says how often it was played" "$err" 'no violation in 2 runs on guest:bookworm'
ok "minimise --live: nothing was written" test ! -e "$tmp/lie.min"
run "$KVMTAPE" minimise --live=guest:bookworm --runs 2 -o "$tmp/find.min" "$find/first.tape"
is "minimise --live: a find, on a kernel that does not show it" "$status" 2
run env KVMTAPE_CACHE="$tmp/planted" "$KVMTAPE" minimise --live=guest:bookworm --runs 2 -o "$tmp/find.min" "$find/first.tape"
is "minimise --live: a find, on the kernel that does" "$status" 0
like "minimise --live: its reliability" "$out" '^reliability +2 of 2 runs before, 2 of 2 after$'
like "minimise --live: its calls" "$out" '^calls +3 of '
run "$KVMTAPE" replay "$tmp/find.min"
is "minimise --live: what it wrote diverges" "$status" 1

# --- one tape on a module of one's own

run "$KVMTAPE" replay --live=guest:bookworm -o "$tmp/stock.tape" "$tmp/overlap/seed.tape"
is "replay --live: the kernel's own module" "$status" 0
run "$KVMTAPE" replay --live=guest:bookworm --module "$module" -o "$tmp/own.tape" "$tmp/overlap/seed.tape"
is "replay --live --module: the one that breaks a rule" "$status" 1
run "$KVMTAPE" replay "$tmp/own.tape"
like "replay --live --module: which rule" "$out" 'MEMORY_REGION_OVERLAP'
run "$KVMTAPE" replay --live=guest:bookworm --module "$tmp/nowhere.ko" "$tmp/overlap/seed.tape"
is "replay --live --module: no such file, exit status" "$status" 2
like "replay --live --module: no such file" "$err" '\-\-module .*/nowhere.ko: No such file'
run "$KVMTAPE" replay --live="guest:$cache/guest/kernels/bookworm/vmlinuz" --modules "$tmp/empty" "$tmp/overlap/seed.tape"
is "replay --live --modules: a kernel of one's own, no KVM in the folder" "$status" 125
run "$KVMTAPE" replay --live="guest:$cache/guest/kernels/bookworm/vmlinuz" \
	--modules "$cache/guest/kernels/bookworm/modules" "$tmp/overlap/seed.tape"
is "replay --live --modules: a kernel of one's own" "$status" 0

# --- fixed sequences on it, for scripts/mutants

mkdir "$tmp/sequences" "$tmp/answers"
"$SEEDS" sequence "$tmp/sequences" "$tmp/overlap/seed.tape" || exit 99
run "$ANSWERS" -m "$module" -r 2 -b "$tmp/answers/blocks" bookworm "$tmp/answers" "$tmp/sequences/seed.seq"
is "answers: exit status" "$status" 0
is "answers: nothing ended the guest" "$out" ""
like "answers: blocks" "$(<"$tmp/answers/blocks")" '^kvm .text\+0x[0-9a-f]+ kvm_vm_ioctl\+0x[0-9a-f]+$'
for round in 0 1; do
	run "$KVMTAPE" replay "$tmp/answers/$round/seed.tape"
	like "answers: the tape of round $round" "$out" 'MEMORY_REGION_OVERLAP'
done

# --- this machine's own kernel, where that is a disposable guest

mkdir "$tmp/shared"
run "$KVMTAPE" guest run --kernel bookworm --timeout 200 --work "$tmp/shared" -- "$KVMTAPE" fuzz -o c --live=host \
	--i-accept-that-this-kernel-may-crash --executions 20 --no-minimise --runs 1
ok "--live=host in a guest: exit status" test "$status" -le 1
ok "--live=host in a guest: sequences were played" test "$(field "$tmp/shared/c/campaign.json" executions)" -ge 20
like "--live=host in a guest: rules were reached" "$(<"$tmp/shared/c/outcomes")" '^[A-Z0-9_]+ success$'

# --- no guest

PATH=$tmp/nothing run "$KVMTAPE" fuzz -o "$tmp/d" --executions 10
is "no QEMU: exit status" "$status" 125
like "no QEMU: says so" "$err" 'qemu-system-x86'
run "$KVMTAPE" fuzz -o "$tmp/without" --kernel "$cache/guest/kernels/bookworm/vmlinuz" --modules "$tmp/empty" --executions 10
is "a guest without KVM: exit status" "$status" 125
like "a guest without KVM: says so" "$err" 'did not start|has no KVM'
ok "a guest without KVM: one line says so" test "$(grep -c . <<<"$err")" = 1
run "$KVMTAPE" fuzz -o "$tmp/d" --interval 2 --no-minimise --runs 2 --executions 10
ok "after that the folder is good for a campaign" test "$status" -le 1
tap_done
