# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# For scripts: with --help, print the comment at the head of the script and do nothing.  Sourced with the script's
# arguments: . "$(dirname "$0")/help.sh" "$@"
case ${1-} in
--help | -h)
	sed -n '3,/^[^#]/s/^# \{0,1\}//p' "$0"
	exit 0
	;;
esac
