#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Where the recorder writes to, and how it ends, in a guest that has KVM: pipes that nobody reads, files that are there,
# standard output, signals in a script.
#
#   KVMTAPE, AWKWARD (a VMM that makes a call each tenth of a second)
. "$(dirname "$0")/recorder.sh"

cat >"$tmp/inside" <<END
#!/bin/bash
record=(timeout -k 1 100 "$KVMTAPE" record --backend tracepoint)

# A reader that leaves, one that does not read, and none at all.
mkfifo left stuck none
head -c 100 left >/dev/null &
"\${record[@]}" --flush 50 -o left -- "$AWKWARD" later 20 >left.out 2>left.err
echo \$? >left.status
(exec 7<stuck; exec sleep 600) &
reader=\$!
# Of the 64 KiB that a pipe holds one page is left.
head -c 61440 /dev/zero >stuck
"$KVMTAPE" record --backend tracepoint --flush 20 -o stuck -- /bin/bash -c 'echo \$\$ >stuck.pid; exec "$AWKWARD" threads 40000' >/dev/null 2>stuck.err &
pid=\$!
while [ ! -s stuck.pid ]; do sleep 0.2; done
sleep 4
kill -TERM \$pid
wait \$pid
echo \$? >stuck.status
kill -0 \$reader && echo reads >stuck.reader
kill \$reader
"$KVMTAPE" record --backend tracepoint -o none -- "$AWKWARD" later 1 >/dev/null 2>none.err &
pid=\$!
sleep 2
kill -TERM \$pid
wait \$pid
echo \$? >none.status

# What cannot be recorded replaces nothing.
echo precious >old
printf '#!/nonexistent/sh\n' >bad
chmod +x bad
mknod device c 1 3
for output in old device new; do
	"\${record[@]}" -f -o \$output -- ./bad 2>\$output.err
	echo \$? >\$output.status
done
stat -c %F device >device.is
cp old old.after
ls -d old* new* >files
"\${record[@]}" -f -o old -- "$AWKWARD" later 1 >/dev/null 2>&1
echo \$? >replaced.status
stat -c %a old >replaced.mode
ls -d old.* | grep -vE '^old\.(err|status|after)\$' >replaced.left

# Standard output is the tape's, and nobody else's.
"\${record[@]}" -o - -- /bin/bash -c 'echo hello; exec "$AWKWARD" later 3' >piped.tape 2>piped.err
echo \$? >piped.status

# In the background of a script, where SIGINT is ignored.
"$AWKWARD" later 3000 >/dev/null &
target=\$!
"$KVMTAPE" record --backend tracepoint -o interrupted.tape -p \$target 2>interrupted.err &
pid=\$!
while ! grep -q recording interrupted.err; do sleep 0.2; done
sleep 1
kill -INT \$pid
wait \$pid
echo \$? >interrupted.status
kill \$target
sleep 300 &
target=\$!
"$KVMTAPE" record --backend tracepoint -o nothing.tape -p \$target 2>nothing.err &
pid=\$!
while ! grep -q recording nothing.err; do sleep 0.2; done
sleep 1
kill -TERM \$pid
wait \$pid
kill \$target
END
chmod +x "$tmp/inside"
mkdir "$tmp/shared"
tools=()
for tool in /usr/bin/{grep,stat,timeout,mkfifo,mknod,head,sleep,ls,cp,chmod}; do
	tools+=(--with "$tool")
done
run "$KVMTAPE" guest run --kernel "$kernel" --work "$tmp/shared" --timeout "${GUEST_TIMEOUT:-250}" --env PATH=/usr/bin:/bin \
	--with "$KVMTAPE" --with "$AWKWARD" "${tools[@]}" "$tmp/inside"
is "a guest: status" "$status" 0
cd "$tmp/shared" || exit 99

is "a reader that leaves: it is an error" "$(<left.status)" 2
like "a reader that leaves: says so" "$(<left.err)" 'Broken pipe.*runs on unrecorded'
is "a reader that leaves: the command runs to its end" "$(<left.out)" 20
is "a reader that does not read: SIGTERM ends the recording" "$(<stuck.reader)" reads
like "a reader that does not read: says so" "$(<stuck.err)" 'cannot write the tape'
is "no reader: SIGTERM ends it" "$(<none.status)" 143
like "no reader: says so" "$(<none.err)" 'before the recording began'

for output in old device new; do
	is "$output, a command that cannot be run: status" "$(<$output.status)" 127
done
is "a file stays as it was" "$(<old.after)" precious
is "a device node stays one" "$(<device.is)" 'character special file'
is "nothing is left beside" "$(grep -cvE '^(old|old\.(err|status|after)|new\.(err|status))$' files)" 0
is "--force: status" "$(<replaced.status)" 0
is "--force: for its owner alone" "$(<replaced.mode)" 600
is "--force: nothing is left beside" "$(<replaced.left)" ""
run "$KVMTAPE" info old
like "--force: the new tape" "$out" 'calls 1, returns 1, unreturned 0$'

is "standard output: status" "$(<piped.status)" 0
run "$KVMTAPE" info piped.tape
like "standard output: a whole tape" "$out" 'calls 3, returns 3, unreturned 0$'
like "standard output: what the command prints goes elsewhere" "$(<piped.err)" '^hello$'

is "SIGINT in a script: status" "$(<interrupted.status)" 0
like "SIGINT in a script: it was said what is recorded" "$(<interrupted.err)" 'recording process [0-9]+ \((bpf-)?awkward'
run "$KVMTAPE" info interrupted.tape
like "SIGINT in a script: a whole tape" "$out" 'whole'
like "a process without KVM: says so" "$(<nothing.err)" 'has no file of KVM open'
tap_done
