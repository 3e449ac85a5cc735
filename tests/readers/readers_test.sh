# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# A second reader wrote down, from the documents alone, what ten calls of each of 40 rules should be: docs/two-readers.md.
# Every call is judged on a tape of its own.  A file has, again and again,
#
#	# prelude                         what comes before each of the calls that follow
#	# expect conforms: why            the call that is meant is the last one up to the next of these lines
#	# settled diverges: why           what stands now, if reader and model were not of one mind
#
# conforms: also as a known deviation.  deviates: as a known deviation.  diverges: breaks a rule.  allowed, unsaid: does not.
# What comes before the call breaks no rule either.
. "$(dirname "$0")/../tap.sh"

# FILE DIRECTORY: each call as DIRECTORY/NN.tapes, and what is expected of it in DIRECTORY/NN.word.
split()
{
	mkdir -p "$2" && awk -v directory="$2" '
		/^# prelude$/ { prelude = ""; call = 0; next }
		/^# expect / {
			file = sprintf("%s/%02d", directory, ++count)
			call = 1
			printf "%s", prelude >(file ".tapes")
		}
		/^# (expect|settled) / { print substr($3, 1, length($3) - 1) >(file ".word"); close(file ".word"); next }
		call { print >(file ".tapes"); next }
		{ prelude = prelude $0 "\n" }' "$1"
}

# TEXT: the verdict of each of its events.
verdicts()
{
	"$KVMTAPE" asm -f -o "$tmp/call.tape" "$1" || return
	"$KVMTAPE" replay --json --verbose "$tmp/call.tape" >"$tmp/call.json"
	(($? <= 1)) || return
	sed -En 's/^\{"type":"[a-z]+","event":[0-9]+,"verdict":"([a-z]+)".*/\1/p' "$tmp/call.json"
}

# FILE: its calls are judged as they are expected to be.
as_read()
{
	local directory wrong=0 call word judged before verdict

	directory=$tmp/$(basename "$1" .tapes)
	split "$1" "$directory" || return
	for call in "$directory"/*.tapes; do
		word=$(tail -n 1 "${call%.tapes}.word")
		judged=$(verdicts "$call") || { echo "$call cannot be judged"; return 1; }
		before=$(sed '$d' <<<"$judged")
		verdict=$(tail -n 1 <<<"$judged")
		case $word/$verdict in
		conforms/conforms | conforms/deviation | deviates/deviation | diverges/diverges) ;;
		allowed/diverges | unsaid/diverges) verdict=wrong/$verdict ;;
		allowed/?* | unsaid/?*) ;;
		*) verdict=wrong/$verdict ;;
		esac
		[[ $verdict != wrong/* && $before != *diverges* ]] && continue
		wrong=1
		echo "call $(basename "$call" .tapes): should be $word, is ${verdict#wrong/}; before it: ${before//$'\n'/ }"
		cat "$call"
	done
	return $wrong
}

"$KVMTAPE" rules --json >"$tmp/rules"
is "files" "$(find "$SOURCE/tests/readers" -name '*.tapes' | wc -l)" 40
for file in "$SOURCE"/tests/readers/*.tapes; do
	rule=$(basename "$file" .tapes)
	rule=${rule#*-}
	ok "$rule is a rule, and ten calls are as a reader of its document expects" \
		eval "grep -q '\"id\":\"$rule\"' \"$tmp/rules\" && [[ \$(grep -c '^# expect ' '$file') = 10 ]] && as_read '$file'"
done

# The check finds what is wrong.
for word in conforms allowed unsaid deviates nonsense; do
	printf '# prelude\nkernel 6.1.0\nvm = kvm.KVM_CREATE_VM(0)\n# expect %s: a reader who errs\n%s\n' "$word" \
		'kvm.KVM_GET_API_VERSION() = 11' >"$tmp/err.tapes"
	run as_read "$tmp/err.tapes"
	is "a wrong expectation ($word) is found" "$status" 1
	rm -rf "$tmp/err"
done
printf '# prelude\nkernel 6.1.0\n# expect diverges: a reader who errs\n# settled conforms: so it is\n%s\n' \
	'kvm.KVM_GET_API_VERSION() = 12' >"$tmp/err.tapes"
run as_read "$tmp/err.tapes"
is "what was settled counts" "$status" 0
printf '# prelude\nkernel 6.1.0\nkvm.KVM_GET_API_VERSION() = 11\n# expect conforms: badly prepared\n%s\n' \
	'kvm.KVM_GET_API_VERSION() = 12' >"$tmp/bad.tapes"
run as_read "$tmp/bad.tapes"
is "a call that was badly prepared is found" "$status" 1
tap_done
