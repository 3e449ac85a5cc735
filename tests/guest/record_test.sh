#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The recorder inside a guest, where both of its back ends can be tried: the same calls give the same canonical tape.
#
#   KVMTAPE, KNOWN (the known VMM), RECORD (the test that holds a tape against what that VMM wrote down)
#   GUEST_KERNEL, GUEST_BACKENDS (recorder.sh)
. "$(dirname "$0")/recorder.sh"

cat >"$tmp/inside" <<END
#!/bin/bash
for backend in ${backends[*]}; do
	"$KVMTAPE" record --backend \$backend -o \$backend.tape -- "$KNOWN" /tmp/log all >\$backend.out 2>&1
	echo \$? >\$backend.status
	"$RECORD" "$KNOWN" \$backend 'test_every_byte' >\$backend.tap 2>&1
	echo \$? >>\$backend.status
	"$RECORD" "$KNOWN" \$backend 'test_no_dead_bytes' >\$backend.dead.tap 2>&1
	echo \$? >>\$backend.status
done
for n in 1 2 3 4; do
	"$KVMTAPE" record -q -o again\$n.tape -- "$KNOWN" /tmp/log all
done
"$KVMTAPE" record -o auto.tape -- "$KNOWN" /tmp/log all >auto.out 2>&1
echo \$? >auto.status
"$KVMTAPE" record --backend ${backends[0]} -o child.tape -- bash -c '"$KNOWN" /tmp/log many 20; exit 5' >child.out 2>&1
echo \$? >child.status
END
chmod +x "$tmp/inside"
mkdir "$tmp/shared"
run "$KVMTAPE" guest run --kernel "$kernel" --work "$tmp/shared" --timeout 900 --env CMOCKA_MESSAGE_OUTPUT=TAP \
	--with "$KVMTAPE" --with "$KNOWN" --with "$RECORD" "$tmp/inside"
is "a guest: status" "$status" 0

for backend in "${backends[@]}"; do
	is "$backend: it works, and every byte is right" "$(tr '\n' ' ' <"$tmp/shared/$backend.status")" "0 0 0 "
	like "$backend: all calls of the known VMM" "$(<"$tmp/shared/$backend.out")" ' 93 calls, 93 returns, 0 unreturned, 9 objects, 2 threads, .* 0 lost$'
	like "$backend: the tape says so" "$("$KVMTAPE" info "$tmp/shared/$backend.tape")" "recorder.backend +$backend\$"
	like "$backend: the byte test ran" "$(<"$tmp/shared/$backend.tap")" '^ok 1 - test_every_byte'
	like "$backend: and that of dead bytes" "$(<"$tmp/shared/$backend.dead.tap")" '^ok 1 - test_no_dead_bytes'
	ok "$backend: canonical" "$KVMTAPE" canon "$tmp/shared/$backend.tape" -o "$tmp/$backend.tape"
	ok "$backend: the same canonical tape as by ${backends[0]}" cmp "$tmp/${backends[0]}.tape" "$tmp/$backend.tape"
done
# Pages that were there or not, addresses of objects, threads, times: nothing of it is left.
is "four recordings of the same program: one canonical form" "$(for n in 1 2 3 4; do
	"$KVMTAPE" canon --hash "$tmp/shared/again$n.tape"
done | sort -u | wc -l)" 1
is "auto: it works" "$(<"$tmp/shared/auto.status")" 0
like "auto: the best that works" "$("$KVMTAPE" info "$tmp/shared/auto.tape")" "recorder.backend +${backends[0]}\$"
ok "auto: canonical" "$KVMTAPE" canon "$tmp/shared/auto.tape" -o "$tmp/auto.tape"
ok "auto: the same canonical tape" cmp "$tmp/auto.tape" "$tmp/${backends[0]}.tape"
is "a child of the command: the command's status" "$(<"$tmp/shared/child.status")" 5
like "a child of the command: is recorded" "$(<"$tmp/shared/child.out")" ' 20 calls, .* 0 lost$'
if [ "${backends[0]}" = tracepoint ]; then
	like "auto: says why not fentry" "$(<"$tmp/shared/auto.out")" 'recording by tracepoint, since fentry cannot be used here: '
fi
tap_done
