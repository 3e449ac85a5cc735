#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Includes run one way: cli -> {recorder, fuzz -> replayer -> {guest, model}} -> tape -> kvmapi -> {base, include}, and within
# model/ from higher floors to lower ones.
. "$(dirname "$0")/../tap.sh"

cd "$SOURCE" || exit 99
git rev-parse --is-inside-work-tree >/dev/null 2>&1 || skip_all "not a git checkout"

# Which rooms a room may not include.
declare -A forbidden=(
	[base]='kvmtape|kvmapi|tape|model|recorder|replayer|fuzz|guest|cli'
	[include]='base|kvmapi|tape|model|recorder|replayer|fuzz|guest|cli'
	[kvmapi]='tape|model|recorder|replayer|fuzz|guest|cli'
	[tape]='model|recorder|replayer|fuzz|guest|cli'
	[model]='recorder|replayer|fuzz|guest|cli'
	[recorder]='model|replayer|fuzz|guest|cli'
	[replayer]='recorder|fuzz|cli'
	[guest]='model|recorder|replayer|fuzz|cli'
	[fuzz]='recorder|cli'
)
for room in base include kvmapi tape model recorder replayer guest fuzz; do
	found=$(git grep --untracked -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[\"<](\.\./)*(${forbidden[$room]})/" \
		-- "$room/" || true)
	is "$room/ includes nothing from above" "$found" ""
done
# The part of the replayer that judges does without a live kernel.
is "replayer/judge/ includes nothing of replayer/live/ and guest/" \
	"$(git grep --untracked -nE '#[[:space:]]*include[[:space:]]*"(replayer/live|guest)/' -- replayer/judge/ || true)" ""
# Programs have the public headers without the rest.
is "public headers include public headers only" \
	"$(git grep --untracked -nE '#[[:space:]]*include[[:space:]]*"' -- 'include/*.h' | grep -v '"kvmtape/' || true)" ""

# floor_includes DIRECTORY: the includes of model/ there that lead to a higher floor, or to none.  Floors, lowest first, are
# in $FLOORS (model/meson.build).
floor_includes()
{
	(cd "$1" && grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]model/' model) |
		awk -v floors="$FLOORS" '
			BEGIN {
				for (count = split(floors, name, " "); count; count--)
					rank[name[count]] = count
			}
			{
				split($0, own, "/")
				rest = $0
				sub(/.*include[ \t]*["<]model\//, "", rest)
				split(rest, other, "/")
				if (!(own[2] in rank) || !(other[1] in rank) || rank[own[2]] < rank[other[1]])
					print
			}'
}
mkdir -p "$tmp/planted/model/state" "$tmp/planted/model/frame"
printf '#include "model/%s"\n' state/x.h rules/x.h frame/x.h attic/x.h >"$tmp/planted/model/state/x.c"
printf '#include "model/%s"\n' state/x.h frame/x.h >"$tmp/planted/model/frame/x.c"
is "planted includes upwards are seen" "$(floor_includes "$tmp/planted")" \
	'model/state/x.c:3:#include "model/frame/x.h"
model/state/x.c:4:#include "model/attic/x.h"'
is "model/ includes nothing from a higher floor" "$(floor_includes .)" ""
is "model/ has files on its floors only" "$(git ls-files -co --exclude-standard -- model | grep -vE "^model/(${FLOORS// /|})/|^model/meson.build$")" ""
# A path that climbs is a way around the check above.
is "no include climbs" "$(git grep --untracked -nE '#[[:space:]]*include[[:space:]]*"\.\./' -- . || true)" ""
# Rooms that look into structs of KVM see them as kvm_newer.h has them, whatever headers are installed.
is "kvmapi/kvm_newer.h stands for <linux/kvm.h>" \
	"$(git grep --untracked -nE '#[[:space:]]*include[[:space:]]*<(linux|asm)/kvm.h>' \
		-- 'kvmapi/*' 'tape/*' 'model/*' 'fuzz/*' 'tests/unit/model_*' ':!kvmapi/kvm_newer.h' || true)" ""
# The eBPF program sees the plain header only.
is "eBPF programs include no table" \
	"$(git grep --untracked -nE '#[[:space:]]*include.*(kvmapi|tape|model)/' -- '*.bpf.c' || true)" ""
# The model is pure: no input or output, no threads.
is "the model does no input or output" \
	"$(git grep --untracked -nE '\b(fopen|open|read|write|ioctl|printf|fprintf|pthread_[a-z]+|getenv)\(' \
		-- 'model/*.c' | grep -vE '^[^:]*:[0-9]+:[[:space:]]*(/?\*|//)' || true)" ""
tap_done
