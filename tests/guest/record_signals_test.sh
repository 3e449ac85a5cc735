#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Signals of vCPU threads on the tape, on both back ends: where they stand relative to KVM_RUN, and what became of them.
#
#   KVMTAPE, KICK (the VMM whose vCPU thread gets them)
#   GUEST_KERNEL, GUEST_BACKENDS (recorder.sh)
. "$(dirname "$0")/recorder.sh"

cat >"$tmp/inside" <<END
#!/bin/bash
for backend in ${backends[*]}; do
	for test in lost flag mask ignored process others; do
		"$KVMTAPE" record --backend \$backend -o \$backend.\$test.tape -- "$KICK" \$test >\$backend.\$test.out 2>&1
		echo \$? >\$backend.\$test.status
	done
	# More than the ring holds.
	"$KVMTAPE" record --backend \$backend --ring 4K -o \$backend.storm.tape -- "$KICK" storm 20000 >\$backend.storm.out 2>&1
	echo \$? >\$backend.storm.status
done
END
chmod +x "$tmp/inside"
mkdir "$tmp/shared"
run "$KVMTAPE" guest run --kernel "$kernel" --work "$tmp/shared" --timeout 500 --with "$KVMTAPE" --with "$KICK" "$tmp/inside"
is "a guest: status" "$status" 0
cd "$tmp/shared" || exit 99

# story TAPE: signals and KVM_RUN in their order, without what differs from run to run.
story()
{
	"$KVMTAPE" print --asm "$1" | grep -E '^signal|KVM_RUN' |
		sed -E 's/from [0-9]+/from T/; s/ => .*//; s/\(\{.*\}\)|\(\)//; s/vcpu[0-9]*\.//'
}

for backend in "${backends[@]}"; do
	for test in lost flag mask ignored process others storm; do
		is "$backend: $test: status" "$(<"$backend.$test.status")" 0
		run "$KVMTAPE" replay --json "$backend.$test.tape"
		like "$backend: $test: nothing diverges" "$out" '"type":"summary".*"diverges":0'
	done
	is "$backend: a kick before KVM_RUN is lost, and one into it ends it" "$(story "$backend.lost.tape")" \
"signal @1 SIGUSR1 generated <code -6, from T>
signal @1 SIGUSR1 delivered <code -6>
begin @1 KVM_RUN
signal @1 SIGUSR1 generated <code -6, from T>
end @1 KVM_RUN
signal @1 SIGUSR1 delivered <code -6>"
	is "$backend: with immediate_exit KVM_RUN ends at once" "$(story "$backend.flag.tape")" \
"signal @1 SIGUSR1 generated <code -6, from T>
signal @1 SIGUSR1 delivered <code -6>
@1 KVM_RUN"
	like "$backend: with immediate_exit: EINTR" "$("$KVMTAPE" print "$backend.flag.tape")" 'KVM_RUN\(immediate_exit\) = -EINTR'
	is "$backend: one that sigwait() takes is only generated" "$(story "$backend.mask.tape")" \
"begin @1 KVM_RUN
signal @1 SIGUSR2 generated <code -6, from T>
end @1 KVM_RUN"
	is "$backend: one that is ignored does not end KVM_RUN" "$(story "$backend.ignored.tape")" \
"begin @1 KVM_RUN
signal @1 SIGWINCH generated <ignored, code -6, from T>
signal @1 SIGUSR1 generated <code -6, from T>
end @1 KVM_RUN
signal @1 SIGUSR1 delivered <code -6>"
	is "$backend: one to the process" "$(story "$backend.process.tape")" \
"begin KVM_RUN
signal SIGUSR1 generated <process, from T>
end KVM_RUN
signal SIGUSR1 delivered"
	is "$backend: those of other threads are not on the tape" "$(story "$backend.others.tape")" \
"begin @1 KVM_RUN
signal @1 SIGUSR1 generated <code -6, from T>
end @1 KVM_RUN
signal @1 SIGUSR1 delivered <code -6>"
	run "$KVMTAPE" print "$backend.lost.tape"
	like "$backend: print: outside of calls" "$out" 'thread 1: signal 10 \(SIGUSR1\) delivered, handled; outside of calls$'
	like "$backend: print: inside KVM_RUN" "$out" \
		'thread 1: signal 10 \(SIGUSR1\) generated, pending, from tid [0-9]+; inside vcpu0@vm1 KVM_RUN \(event [0-9]+\)$'
	# What the ring had no room for is counted, where and at the end.
	run "$KVMTAPE" info --json "$backend.storm.tape"
	is "$backend: storm: all signals, or counted as lost" "$(tail -n 1 <<<"$out" | python3 -c '
import json, sys
print(sum(json.load(sys.stdin)["signals"].values()))')" 40000
	like "$backend: storm: some are lost" "$out" '"signals":\{[^}]*"lost":[1-9]'
	like "$backend: storm: the recorder says so" "$(<"$backend.storm.out")" \
		"kvmtape record: [0-9]+ signals of threads that run vCPUs are not on the tape"
	# Two recordings of what a thread did are one canonical form, whatever else was sent to it.
	ok "$backend: canonical" "$KVMTAPE" canon "$backend.others.tape" -o "$tmp/$backend.tape"
	unlike "$backend: canonical: no signals" "$("$KVMTAPE" print "$tmp/$backend.tape")" 'signal'
done
if [ ${#backends[@]} = 2 ]; then
	is "both back ends: one canonical form" "$("$KVMTAPE" canon --hash "$tmp/${backends[0]}.tape")" \
		"$("$KVMTAPE" canon --hash "$tmp/${backends[1]}.tape")"
fi
tap_done
