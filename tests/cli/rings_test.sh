#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Dirty rings on a tape: shown by entry, kept by the text and by the canonical form.
. "$(dirname "$0")/../tap.sh"

cat >"$tmp/ring.tapes" <<'TEXT'
kernel 6.12.0
backend kvm_intel
vm = kvm.KVM_CREATE_VM(0)
vm.KVM_ENABLE_CAP({.cap = KVM_CAP_DIRTY_LOG_RING, .args = [65536]}) = 0
vcpu0 = vm.KVM_CREATE_VCPU(0)
vm.KVM_RESET_DIRTY_RINGS(0,
	[0]: hex"03000000 01000000 0500000000000000" hex"01000000 02000100 0600000000000000"
	hex"00000000 00000000 0000000000000000" hex"01000000 00000000 ffffff0000000000" hex"01000000 00000000 0100000000000000",
	[1]: ? <size 0>, [3]: hex"03000000 01000000 0700000000000000" <size 48, have 16, clipped>) = 2
TEXT
run "$KVMTAPE" asm -o "$tmp/ring.tape" "$tmp/ring.tapes"
is "asm" "$status$out$err" 0
t=$tmp/ring.tape
run "$KVMTAPE" print "$t"
like "print: entries in their order" "$out" \
	', ring 0 \[slot 1 page 0x5 harvested, slot 2 of space 1 page 0x6 dirty, slot 0 page 0x0 invalid, slot 0 page 0xffffff dirty, 1 more\], ring 1 \[\], '
like "print: what is missing" "$out" ', ring 3 \[slot 1 page 0x7 harvested\] /\* 1 of 3 entries, the rest .*\*/\) = 2'
run "$KVMTAPE" print -v "$t"
like "print -v: all of them" "$out" '^ +ring 0 \[.*slot 0 page 0x1 dirty\]'
run "$KVMTAPE" print --json "$t"
ok "print --json" python3 -c '
import json, sys
e = [e for e in map(json.loads, open(sys.argv[1])) if e.get("ioctl") == "KVM_RESET_DIRTY_RINGS"][0]
assert [r["vcpu"] for r in e["rings"]] == [0, 1, 3] and [r["held"] for r in e["rings"]] == [5, 0, 3]
assert e["rings"][0]["entries"][0] == {"slot": 1, "page": "0x5", "dirty": True, "harvested": True}
assert e["rings"][0]["entries"][1] == {"slot": 0x10002, "page": "0x6", "dirty": True, "harvested": False}
assert e["incomplete"]["nested3_in"] == {"have": 16, "want": 48, "clipped": True}' "$tmp/run.out"
"$KVMTAPE" canon -o "$tmp/ring.canon" "$t"
"$KVMTAPE" print --asm "$tmp/ring.canon" >"$tmp/back.tapes"
"$KVMTAPE" asm -o "$tmp/back.tape" "$tmp/back.tapes"
ok "the canonical form, as text and back: the same bytes" same_tape "$tmp/ring.canon" "$tmp/back.tape"
is "the canonical form has the entries" "$("$KVMTAPE" print --no-objects "$tmp/ring.canon")" "$("$KVMTAPE" print --no-objects "$t")"
tap_done
