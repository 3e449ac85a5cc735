#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/cmocka.sh: the skips of every cmocka, with their reasons; failures and exit statuses as they are.
. "$(dirname "$0")/../tap.sh"
cmocka=$(dirname "$0")/../cmocka.sh

run bash "$cmocka" printf '%s\n' 1..4 'ok 1 - one' 'skip: no such thing here' 'not ok 2 # SKIP two' 'ok 3 # SKIP three' \
	'not ok 4 - four'
is "skips of old and new cmocka; a failure stays one" "$out" '1..4
ok 1 - one
ok 2 - two # SKIP no such thing here
ok 3 - three # SKIP no reason given
not ok 4 - four'
is "exit status 0" "$status" 0
run bash "$cmocka" bash -c 'exit 7'
is "exit status of the program" "$status" 7
run bash "$cmocka" bash -c 'kill -SEGV $$'
is "a crash is one" "$status" 139
tap_done
