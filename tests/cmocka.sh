#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Run a test program of cmocka, and say its skips as TAP has them.  cmocka 1.1.5 prints "not ok N # SKIP name" for skip(),
# which is a failure to Meson, later ones "ok N # SKIP name"; none has a reason.  A test prints "skip: REASON" before skip().
#
#	cmocka.sh PROGRAM ARGUMENT...
export CMOCKA_MESSAGE_OUTPUT=TAP
"$@" | awk '
	/^skip: / { reason = substr($0, 7); next }
	/^(not )?ok [0-9]+ # SKIP / {
		number = $1 == "ok" ? $2 : $3
		name = $0
		sub(/^.* # SKIP /, "", name)
		$0 = "ok " number " - " name " # SKIP " (reason == "" ? "no reason given" : reason)
		reason = ""
	}
	{ print; fflush() }'
exit "${PIPESTATUS[0]}"
