#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What makes recording hard, on both back ends: rings that overflow while VMs come and go, forks, programs that stay in the
# background, 32-bit calls, lost ends of processes, threads without end, PID namespaces.
#
#   KVMTAPE, AWKWARD (the VMM that does these things)
#   GUEST_KERNEL, GUEST_BACKENDS (recorder.sh)
. "$(dirname "$0")/recorder.sh"

rings='8K 32K'

# Everything is done in one guest, and looked at outside.  rec NAME OPTION... -- COMMAND...: leaves NAME.tape, .out (of the
# command), .err (of the recorder), .status.
cat >"$tmp/inside" <<END
#!/bin/bash
rec()
{
	local name=\$backend.\$1

	shift
	echo "\$name"
	\${within-timeout -k 1 120} "$KVMTAPE" record --backend \$backend -o \$name.tape "\$@" >\$name.out 2>\$name.err </dev/null
	echo \$? >\$name.status
}
for backend in ${backends[*]}; do
	for ring in $rings; do
		rec churn.\$ring --ring \$ring -- "$AWKWARD" churn 1
	done
	rec fork -- "$AWKWARD" fork
	rec compat -- "$AWKWARD" compat
	rec background -- /bin/sh -c '"$AWKWARD" later 12 & exit 7'
	rec lost-exit --ring 4K -- /bin/sh -c '"$AWKWARD" threads 400; true'
done
# The rest is the same on all of them.
rec threads --max-threads 64 -- "$AWKWARD" threads 2000
rec nothing --max-payload 0 -- "$AWKWARD" compat
# timeout(1) would catch some of them.
trap '' HUP PIPE
within='' rec ignored -- grep -E '^Sig(Ign|Blk)' /proc/self/status
trap - HUP PIPE
grep -E '^Sig(Ign|Blk)' /proc/self/status >not-ignored.own
rec not-ignored -- grep -E '^Sig(Ign|Blk)' /proc/self/status
SUDO_UID=1234 SUDO_GID=4321 rec sudo -- /bin/sh -c 'id -u; id -g; id -G'
stat -c '%u %g %a' \$backend.sudo.tape >sudo.owner
SUDO_UID=1234 SUDO_GID=4321 rec as-root --as-root -- id -u

# A process is what its own PID namespace calls it.
unshare -f -p --mount-proc /bin/bash -c '
	"$AWKWARD" later 3000 &
	"$KVMTAPE" record --backend '"\$backend"' -o namespace.tape -p \$! 2>namespace.err &
	pid=\$!
	while kill -0 \$pid && ! grep -q recording namespace.err; do sleep 0.2; done
	sleep 3
	kill -INT \$pid
	wait \$pid
	echo \$? >namespace.status'
END
chmod +x "$tmp/inside"
mkdir "$tmp/shared"
tools=()
for tool in /bin/sh /usr/bin/{grep,id,sleep,stat,timeout,unshare,mount}; do
	tools+=(--with "$tool")
done
run "$KVMTAPE" guest run --kernel "$kernel" --work "$tmp/shared" --timeout "${GUEST_TIMEOUT:-500}" --env PATH=/usr/bin:/bin \
	--with "$KVMTAPE" --with "$AWKWARD" "${tools[@]}" "$tmp/inside"
is "a guest: status" "$status" 0
cd "$tmp/shared" || exit 99

# count TAPE KEY: a number of the last line of 'info --json'.
count()
{
	"$KVMTAPE" info --json "$1" | grep -Eo "\"$2\":[0-9]+" | tail -n 1 | cut -d: -f2
}

objects()
{
	"$KVMTAPE" info --json "$1" | grep -c '"type":"object"'
}

for backend in "${backends[@]}"; do
	for ring in $rings; do
		tape=$backend.churn.$ring.tape
		is "$backend: churn, ring of $ring: it ends" "$(<"$backend.churn.$ring.status")" 0
		is "$backend: churn, ring of $ring: seen is what the VMM made" "$(count "$tape" seen)" "$(<"$backend.churn.$ring.out")"
		run "$KVMTAPE" replay --json "$tape"
		like "$backend: churn, ring of $ring: nothing diverges" "$out" '"type":"summary".*"diverges":0'
	done
	like "$backend: churn, ring of 8K: something was lost" "$(<"$backend.churn.8K.err")" 'lost: [1-9]'

	is "$backend: fork: all calls" "$(count "$backend.fork.tape" calls)" "$(<"$backend.fork.out")"
	is "$backend: fork: three objects, none of them made anew" "$(objects "$backend.fork.tape")" 3
	run "$KVMTAPE" print "$backend.fork.tape"
	is "$backend: fork: the child closes nothing" \
		"$(sed -n '/KVM_GET_REGS/,/KVM_GET_REGS/p' <<<"$out" | grep -c closed)" 0

	is "$backend: 32-bit calls: all of them" "$(count "$backend.compat.tape" calls)" "$(<"$backend.compat.out")"
	run "$KVMTAPE" print "$backend.compat.tape"
	is "$backend: 32-bit calls: KVM_RUN is answered by port I/O" "$(grep -c 'KVM_RUN.*IO out port 0x10 ' <<<"$out")" 50
	is "$backend: 32-bit calls: the page that was written is in the bitmap" \
		"$("$KVMTAPE" print -v "$backend.compat.tape" | grep -A1 'KVM_GET_DIRTY_LOG' | grep -c 'pointer 0: [0-9a-f]\{16\}')" 1
	run "$KVMTAPE" print -v "$backend.compat.tape"
	like "$backend: 32-bit calls: the other layout of the MSR filter is that of 64-bit programs" "$out" \
		'KVM_X86_SET_MSR_FILTER\([0-9a-fx]+: \{\.ranges = \{\{\}, \{\.flags = KVM_MSR_FILTER_READ \| KVM_MSR_FILTER_WRITE, \.nmsrs = 64, \.base = 0x174'
	like "$backend: 32-bit calls: the filter's bitmap" "$out" 'pointer 1: (a7){8}\) = 0'
	like "$backend: 32-bit calls: a pointer has four bytes" "$out" 'KVM_GET_DIRTY_LOG\([0-9a-fx]+: \{\.dirty_bitmap = 0x[0-9a-f]{1,8}\}'
	is "$backend: 32-bit calls: read() closes nothing" "$(objects "$backend.compat.tape")" 3
	run "$KVMTAPE" replay --json "$backend.compat.tape"
	like "$backend: 32-bit calls: nothing diverges" "$out" '"type":"summary".*"diverges":0'

	is "$backend: background: the status of COMMAND" "$(<"$backend.background.status")" 7
	is "$backend: background: recorded to its end" "$(count "$backend.background.tape" calls)" 12
	like "$backend: background: says for whom it waits" "$(<"$backend.background.err")" 'goes on until process [0-9]+ \((bpf-)?awkward'

	is "$backend: lost ends: it ends all the same" "$(<"$backend.lost-exit.status")" 0
	is "$backend: lost ends: all are counted" "$(count "$backend.lost-exit.tape" seen)" 400
done
is "2000 threads, room for 64: nothing lost" "$(count "$backend.threads.tape" calls)" 2000
run "$KVMTAPE" print -v "$backend.nothing.tape"
is "--max-payload 0: all calls" "$(count "$backend.nothing.tape" calls)" "$(<"$backend.nothing.out")"
unlike "--max-payload 0: no payload" "$out" 'rflags'
# Bit 0 is SIGHUP, bit 12 SIGPIPE.
is "ignored signals stay ignored" "$(grep SigIgn "$backend.ignored.out" | tr -s '\t' ' ')" "SigIgn: 0000000000001001"
is "others are not" "$(<"$backend.not-ignored.out")" "$(<not-ignored.own)"
is "under sudo: COMMAND is the user's" "$(tr '\n' ' ' <"$backend.sudo.out")" "1234 4321 4321 "
is "under sudo: so is the tape, and nobody else's" "$(<sudo.owner)" "1234 4321 600"
is "--as-root" "$(<"$backend.as-root.out")" 0
like "a PID namespace: says what it records" "$(<namespace.err)" 'recording process'
is "a PID namespace: it works" "$(<namespace.status)" 0
ok "a PID namespace: calls of the process meant" test "$(count namespace.tape calls)" -gt 0
tap_done
