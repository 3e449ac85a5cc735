#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Includes run one way: cli -> {recorder, fuzz -> replayer -> {guest, model}} -> tape -> kvmapi.
. "$(dirname "$0")/../tap.sh"

cd "$SOURCE" || exit 99
git rev-parse --is-inside-work-tree >/dev/null 2>&1 || skip_all "not a git checkout"

# Which rooms a room may not include.
declare -A forbidden=(
	[kvmapi]='tape|model|recorder|replayer|fuzz|guest|cli'
	[tape]='model|recorder|replayer|fuzz|guest|cli'
	[model]='recorder|replayer|fuzz|guest|cli'
	[recorder]='model|replayer|fuzz|guest|cli'
	[replayer]='recorder|fuzz|cli'
	[guest]='model|recorder|replayer|fuzz|cli'
	[fuzz]='recorder|cli'
)
for room in kvmapi tape model recorder replayer guest fuzz; do
	found=$(git grep --untracked -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[\"<](\.\./)*(${forbidden[$room]})/" \
		-- "$room/" || true)
	is "$room/ includes nothing from above" "$found" ""
done
# The part of the replayer that judges does without a live kernel.
is "replayer/judge/ includes nothing of replayer/live/ and guest/" \
	"$(git grep --untracked -nE '#[[:space:]]*include[[:space:]]*"(replayer/live|guest)/' -- replayer/judge/ || true)" ""
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
