#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/tap.sh: what fails is said to fail, and is no status 0; what cannot run here is a skip.
. "$(dirname "$0")/../tap.sh"

# script TEXT: run a test of these lines.
script()
{
	printf '. %q\n%s\n' "$(dirname "$0")/../tap.sh" "$1" >"$tmp/script.sh"
	run bash "$tmp/script.sh"
}

script 'ok fine true; is same a a; like alike abc "^a"; unlike other abc "^b"; lines two "$(printf "a\nb")" 2; tap_done'
is "checks that hold" "$out" "$(printf 'ok %s\n' '1 - fine' '2 - same' '3 - alike' '4 - other' '5 - two')
1..5"
is "checks that hold: status" "$status" 0
for check in 'ok no false' 'is no a b' 'like no abc "^b"' 'unlike no abc "^a"' 'unlike no "" x' 'lines no a 2'; do
	script "ok fine true; $check; tap_done"
	like "a check that fails: ${check%% *}" "$out" '^not ok 2 - no$'
	is "a check that fails: ${check%% *}: status" "$status" 1
done
script 'ok fine true; skip some "not here"; tap_done'
like "a skip" "$out" '^ok 2 - some # SKIP not here$'
script 'skip_all "not here"; ok no false; tap_done'
is "a skip of all" "$out" "1..0 # SKIP not here"
printf '#!/bin/sh\necho no such machine\nexit 1\n' >"$tmp/probe"
chmod +x "$tmp/probe"
export PROBE=$tmp/probe
script 'need something; ok no false; tap_done'
is "what is needed and not here" "$out" "1..0 # SKIP no such machine"
printf '#!/bin/sh\nexit 1\n' >"$tmp/probe"
script 'need something; tap_done'
is "a probe that does not say why: is an error" "$status" 99
printf '#!/bin/sh\nexit 0\n' >"$tmp/probe"
script 'need something; ok fine true; tap_done'
is "what is needed is here" "$out" $'ok 1 - fine\n1..1'
script 'run sh -c "echo a; echo b >&2; exit 3"; is all "$status $out $err" "3 a b"; tap_done'
is "run" "$status" 0
tap_done
