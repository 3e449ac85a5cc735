#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every tape of the corpus: whole, described; replays the same every time, without a divergence; and of
# a QEMU session the model has something to say about nearly everything.
. "$(dirname "$0")/../tap.sh"

# figures FILE: sets the counts of the summary, and of the distinct ioctls, how many are judged.
figures()
{
	eval "$("$KVMTAPE" replay --json "$1" | python3 -c '
import json, sys
lines = [json.loads(l) for l in sys.stdin]
for key in ("events", "conforms", "deviation", "diverges", "unspecified", "skipped", "lost"):
    print("%s=%d" % (key, lines[-1][key]))
ioctls = [l for l in lines if l["type"] == "ioctl"]
judged = [i for i in ioctls if i["conforms"] + i["deviation"] + i["diverges"] > 0]
print("ioctls=%d judged_ioctls=%d" % (len(ioctls), len(judged)))')"
}

shopt -s globstar nullglob
tapes=("$CORPUS"/**/*.tape)
ok "there are tapes" test ${#tapes[@]} -ge 6
for tape in "${tapes[@]}"; do
	name=${tape#"$CORPUS"/}
	case $name in
	live/*) # KERNEL/FOLDER/NAME: what it holds is said by the text that was played
		text=${name#live/*/}
		text=$CORPUS/${text%.tape}
		if [ -e "$text.c" ]; then text=$text.c; else text=$text.tapes; fi
		like "$name: its text says what it holds" "$(sed -n 2,3p "$text")" '^(#| \*) .{20}'
		;;
	*) ok "$name: is described in the README" grep -q "$(basename "$tape")" "$CORPUS/README.md" ;;
	esac
	like "$name: whole" "$("$KVMTAPE" info "$tape")" 'whole: seen'
	run "$KVMTAPE" replay "$tape"
	is "$name: no divergence" "$status" 0
	case $name in
	live/*) ;; # many and short: the long ones show it
	*)
		"$KVMTAPE" replay --verbose "$tape" >"$tmp/first"
		"$KVMTAPE" replay --verbose "$tape" >"$tmp/second"
		ok "$name: the same bytes at every run" cmp "$tmp/first" "$tmp/second"
		;;
	esac
	case $name in
	qemu/*)
		figures "$tape"
		ok "$name: 95 % of the events are judged" test $((100 * (conforms + deviation))) -ge $((95 * events))
		ok "$name: 90 % of the ioctls are judged" test $((100 * judged_ioctls)) -ge $((90 * ioctls))
		is "$name: nothing lost" "$lost" 0
		;;
	live/*)
		figures "$tape"
		is "$name: nothing lost" "$lost" 0
		# The documents that were read are those of 6.1 and later; for other architectures there are rules of some calls only.
		case $name in
		live/bookworm/deviations/* | live/trixie/deviations/* | live/sid/deviations/*)
			ok "$name: 95 % of the events are judged" test $((100 * (conforms + deviation))) -ge $((95 * events))
			;;
		esac
		;;
	esac
done
tap_done
