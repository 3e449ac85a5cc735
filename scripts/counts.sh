# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# For scripts that record: a line with the counts of a tape's judgement, for their tables.

# counts KVMTAPE TAPE HEAD: prints HEAD, then events, lost, and the events by verdict.  Status: 0, 1 = the tape diverges, 2 = it
# cannot be judged, which is said instead.
counts() {
	local json message

	message=$(mktemp)
	json=$("$1" replay --json "$2" 2>"$message" | grep '"type":"summary"' || true)
	if [ -z "$json" ]; then
		printf '%s cannot be judged: %s\n' "$3" "$(head -n1 "$message")"
		rm "$message"
		return 2
	fi
	rm "$message"
	python3 - "$3" "$json" <<'END'
import json, sys
head, line = sys.argv[1:]
s = json.loads(line)
print(head, *("%8d" % s[key] for key in ("events", "lost", "conforms", "deviation", "unspecified", "skipped", "diverges")), flush=True)
sys.exit(1 if s["diverges"] else 0)
END
}
