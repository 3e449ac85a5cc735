#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A guest that does not start is no find and no error of usage: nothing could be tested, exit status 125.
. "$(dirname "$0")/../tap.sh"

# A kernel in the cache, and a QEMU that refuses it.
export KVMTAPE_CACHE=$tmp/cache
mkdir -p "$tmp/cache/guest/kernels/bookworm/modules" "$tmp/bin"
echo 6.1.0-none >"$tmp/cache/guest/kernels/bookworm/release"
echo none >"$tmp/cache/guest/kernels/bookworm/vmlinuz"
printf '#!/bin/sh\necho "cannot allocate memory" >&2\nexit 1\n' >"$tmp/bin/qemu-system-x86_64"
chmod +x "$tmp/bin/qemu-system-x86_64"
export PATH=$tmp/bin:$PATH

cat >"$tmp/one.tapes" <<'END'
kernel 6.1.0
kvm.KVM_GET_API_VERSION() = 13
END
"$KVMTAPE" asm -o "$tmp/one.tape" "$tmp/one.tapes" || exit 99

# untested WHAT ARGUMENT...
untested()
{
	local what=$1

	shift
	run timeout 60 "$KVMTAPE" "$@"
	is "$what: exit status" "$status" 125
	like "$what: says why" "$err" 'qemu-system-x86_64 did not start: cannot allocate memory'
}

untested "guest run" guest run true
untested "replay --live" replay --live=guest:bookworm "$tmp/one.tape"
untested "replay --live, the name of the kernel alone" replay --live=bookworm "$tmp/one.tape"
untested "replay --live --lint" replay --live=guest:bookworm --lint --fail-on=advice "$tmp/one.tape"
untested "minimise --live" minimise --live=guest:bookworm -o "$tmp/small.tape" "$tmp/one.tape"
ok "minimise --live: nothing was written" test ! -e "$tmp/small.tape"
untested "replay --live -o" replay --live=guest:bookworm -o "$tmp/new.tape" "$tmp/one.tape"
ok "replay --live -o: no empty tape is left" test ! -e "$tmp/new.tape"
echo precious >"$tmp/old.tape"
untested "replay --live -o --force" replay --live=guest:bookworm -f -o "$tmp/old.tape" "$tmp/one.tape"
is "replay --live -o --force: the old file stays" "$(<"$tmp/old.tape")" precious

untested "fuzz" fuzz -o "$tmp/campaign" --time 20
# What an earlier run found is not found by this one.
mkdir -p "$tmp/campaign/finds/one"
echo '{"signature": "panic one", "runs": 5, "shown": 5, "times": 1}' >"$tmp/campaign/finds/one/find.json"
untested "fuzz in a folder with finds" fuzz -o "$tmp/campaign" --time 20
like "fuzz in a folder with finds: says that they are there" "$err" '1 finds in .*, 1 of them shown again'
# A folder that is not a campaign's has nothing to do with guests.
mkdir "$tmp/other"
touch "$tmp/other/thesis.tex"
run "$KVMTAPE" fuzz -o "$tmp/other" --time 20
is "fuzz in a folder of others: exit status" "$status" 2
tap_done
