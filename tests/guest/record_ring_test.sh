#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Dirty rings on the tape, on both back ends: the entries in their order, whatever the ring's end; what does not fit is clipped.
#
#   KVMTAPE, RING (the VMM that harvests)
#   GUEST_KERNEL, GUEST_BACKENDS (recorder.sh)
. "$(dirname "$0")/recorder.sh"

cat >"$tmp/inside" <<END
#!/bin/bash
rec()
{
	local name=\$backend.\$1

	shift
	"$KVMTAPE" record --backend \$backend -o \$name.tape "\$@" >\$name.out 2>\$name.err
	echo \$? >\$name.status
}
for backend in ${backends[*]}; do
	for test in order skip two crowd; do
		rec \$test --dirty-ring -- "$RING" \$test
	done
	rec wrap --dirty-ring -- "$RING" wrap 65536
	rec many --dirty-ring -- "$RING" many 131072
	rec without -- "$RING" order
done
END
chmod +x "$tmp/inside"
mkdir "$tmp/shared"
run "$KVMTAPE" guest run --kernel "$kernel" --work "$tmp/shared" --timeout 500 --with "$KVMTAPE" --with "$RING" "$tmp/inside"
is "a guest: status" "$status" 0
cd "$tmp/shared" || exit 99

# rings TAPE: of each reset, its result, and of each ring how many entries it held, and the first of them.
rings()
{
	"$KVMTAPE" print --json "$1" | python3 -c '
import json, sys
for e in map(json.loads, sys.stdin):
    if e.get("ioctl") != "KVM_RESET_DIRTY_RINGS":
        continue
    said = str(e["ret"])
    for ring in e["rings"]:
        said += " | %d:" % ring["held"]
        for entry in ring["entries"][:6]:
            said += " %d.%x%s" % (entry["slot"], int(entry["page"], 16), "h" * entry["harvested"])
    print(said)'
}

for backend in "${backends[@]}"; do
	for test in order skip two crowd wrap many without; do
		is "$backend: $test: status" "$(<"$backend.$test.status")" 0
		is "$backend: $test: the results are on the tape" "$(rings "$backend.$test.tape" | cut -d' ' -f1)" "$(<"$backend.$test.out")"
		run "$KVMTAPE" replay --json "$backend.$test.tape"
		like "$backend: $test: nothing diverges" "$out" '"type":"summary".*"diverges":0'
	done
	is "$backend: harvested in order" "$(rings "$backend.order.tape")" \
"2 | 6: 1.1h 1.2h 1.3 1.4 1.5 1.6
4 | 4: 1.3h 1.4h 1.5h 1.6h
0 | 0:"
	like "$backend: print" "$("$KVMTAPE" print "$backend.order.tape")" \
		'KVM_RESET_DIRTY_RINGS\(0, ring 0 \[slot 1 page 0x1 harvested, slot 1 page 0x2 harvested, slot 1 page 0x3 dirty, slot 1 page 0x4 dirty, 2 more\]\) = 2'
	is "$backend: one is skipped: KVM stops there" "$(rings "$backend.skip.tape")" "1 | 6: 1.1h 1.2 1.3h 1.4 1.5 1.6"
	run "$KVMTAPE" replay --lint "$backend.skip.tape"
	like "$backend: one is skipped: advice" "$out$err" 'LINT_DIRTY_RING_ORDER'
	run "$KVMTAPE" replay --lint "$backend.order.tape"
	unlike "$backend: in order: no advice" "$out$err" 'LINT_DIRTY_RING_ORDER'
	is "$backend: two vCPUs" "$(rings "$backend.two.tape")" "2 | 6: 1.1h 1.2 1.3 1.4 1.5 1.6 | 3: 1.64h 1.65 1.66"
	is "$backend: more vCPUs than rings: the first 16" "$(rings "$backend.crowd.tape" | tr '|' '\n' | grep -c :)" 16
	like "$backend: more vCPUs than rings: the last one says so" "$("$KVMTAPE" print "$backend.crowd.tape")" \
		', ring 15 \[slot 1 page 0xc8 harvested\] /\* 1 of 1 entries, the rest '
	is "$backend: more vCPUs than rings: and no other" "$("$KVMTAPE" print "$backend.crowd.tape" | grep -o 'entries, the rest' | wc -l)" 1
	# All rounds are whole, those across the end of the ring as well.
	run "$KVMTAPE" print --json "$backend.wrap.tape"
	is "$backend: around the end of the ring" "$(python3 -c '
import json, sys
good = 0
for e in map(json.loads, open(sys.argv[1])):
    if e.get("ioctl") == "KVM_RESET_DIRTY_RINGS":
        pages = [int(n["page"], 16) for n in e["rings"][0]["entries"]]
        good += pages == list(range(pages[0], pages[0] + 200)) and e["ret"] == 200 and "incomplete" not in e
print(good)' "$tmp/run.out")" "$(wc -l <"$backend.wrap.out")"
	# A part of a tape has at most 65520 bytes of a ring: 4095 entries.
	like "$backend: a large ring is clipped" "$("$KVMTAPE" print "$backend.many.tape")" \
		'/\* 4095 of [4-8][0-9]{3} entries, the rest '
	unlike "$backend: without --dirty-ring there are none" "$("$KVMTAPE" print "$backend.without.tape")" 'ring 0'
	"$KVMTAPE" print --asm "$backend.two.tape" >"$tmp/two.tapes"
	"$KVMTAPE" asm -f -o "$tmp/two.tape" "$tmp/two.tapes"
	is "$backend: text and back: the same canonical form" "$("$KVMTAPE" canon --hash "$tmp/two.tape")" \
		"$("$KVMTAPE" canon --hash "$backend.two.tape")"
	is "$backend: the canonical form has them" "$("$KVMTAPE" canon -f -o "$tmp/canon.tape" "$backend.two.tape"; rings "$tmp/canon.tape")" \
		"$(rings "$backend.two.tape")"
done
tap_done
