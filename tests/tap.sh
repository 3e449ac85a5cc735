# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# TAP for tests written in bash.  A test script sources this file, calls the checks, and ends with tap_done:
#
#	. "$(dirname "$0")/../tap.sh"
#	run kvmtape --version
#	is "exit status" "$status" 0
#	like "names itself" "$out" '^kvmtape '
#	tap_done
#
# $tmp is a directory of the script's own, removed at its end.

set -u

tap_count=0
tap_failed=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/kvmtape-test.XXXXXX") || exit 99
trap 'rm -rf "$tmp"' EXIT

# What is checked should not depend on who runs it.
unset NO_COLOR
export LC_ALL=C.UTF-8

# ok DESCRIPTION COMMAND...: the command succeeds.
ok()
{
	local what=$1

	shift
	tap_count=$((tap_count + 1))
	if "$@" >"$tmp/tap.log" 2>&1; then
		echo "ok $tap_count - $what"
		return 0
	fi
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $what"
	# Arguments may have many lines, and TAP knows no lines but its own and comments.
	printf '# failed: %.400s\n' "$(printf '%q ' "$@")"
	sed 's/^/# /' "$tmp/tap.log" | head -n 40
	return 1
}

tap_equal()
{
	[[ $1 == "$2" ]] || { printf 'got:  %s\nwant: %s\n' "$1" "$2"; return 1; }
}

tap_like()
{
	grep -Eq -- "$2" <<<"$1" || { printf 'got:     %s\npattern: %s\n' "$1" "$2"; return 1; }
}

# What does not stand in a text that is not there says nothing.
tap_unlike()
{
	[[ -n $1 ]] || { echo "there is no text"; return 1; }
	! grep -Eq -- "$2" <<<"$1" || { printf 'got:     %s\nunwanted: %s\n' "$1" "$2"; return 1; }
}

# same_tape ONE OTHER: what they unpack to is the same; how it is packed depends on the version of libzstd.
same_tape()
{
	cmp <(zstd -dcq -- "$1") <(zstd -dcq -- "$2")
}

# is DESCRIPTION GOT WANT
is()
{
	ok "$1" tap_equal "$2" "$3"
}

# like, unlike DESCRIPTION TEXT EXTENDED-REGULAR-EXPRESSION (a line of the text matches; none does)
like()
{
	ok "$1" tap_like "$2" "$3"
}

unlike()
{
	ok "$1" tap_unlike "$2" "$3"
}

# lines DESCRIPTION TEXT COUNT: the text has that many lines.
lines()
{
	is "$1" "$(printf '%s' "$2" | grep -c '')" "$3"
}

# skip DESCRIPTION REASON: counted, and not a pass.
skip()
{
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# skip_all REASON: nothing of this script can run here.
skip_all()
{
	echo "1..0 # SKIP $1"
	exit 0
}

# need WHAT...: nothing of this script can run where one of these is missing (probe.h names them).  The probe is a
# program of its own, so that what is tested has no say in it.
need()
{
	local what why

	for what in "$@"; do
		why=$("$PROBE" "$what") && continue
		[[ -n $why ]] || { echo "Bail out! the probe of $what says nothing"; exit 99; }
		skip_all "$why"
	done
}

# run COMMAND...: sets $status, $out, $err.
# shellcheck disable=SC2034
run()
{
	"$@" >"$tmp/run.out" 2>"$tmp/run.err"
	status=$?
	out=$(<"$tmp/run.out")
	err=$(<"$tmp/run.err")
}

tap_done()
{
	echo "1..$tap_count"
	((tap_failed == 0)) || exit 1
	exit 0
}
