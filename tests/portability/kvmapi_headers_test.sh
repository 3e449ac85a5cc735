#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kvm_newer.h and kvm_gone.h against other UAPI headers: table and types come out the same, byte for byte, and what they
# declare is what the headers of the newest kernel say.  Other headers are those that 'scripts/deps --headers' fetched.
. "$(dirname "$0")/../tap.sh"

CACHE=${KVMTAPE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/kvmtape}
BPFTOOL=$(PATH=$PATH:/usr/sbin command -v bpftool)
declare -A target=([x86]=bpfel [arm64]=bpfel [s390]=bpfeb [powerpc]=bpfel [riscv]=bpfel)
declare -A predefined=([x86]=-D__x86_64__ [arm64]=-D__aarch64__ [s390]='-D__s390__ -D__s390x__'
	[powerpc]='-D__powerpc__ -D__powerpc64__' [riscv]='-D__riscv -D__riscv_xlen=64')

# compiled FOLDER ARCHITECTURE OUTPUT: table, types and names of capabilities with the headers in FOLDER.
# shellcheck disable=SC2086
compiled()
{
	local how="-std=gnu11 -O2 -I$SOURCE -I$SOURCE/include -DKVMAPI_ARCH=$2 -DKVMAPI_ARCH_$2 -isystem $1/$2"

	$CC $how -D_GNU_SOURCE -g0 -c "$SOURCE/kvmapi/table.c" -o "$3.o" &&
		"$CLANG" -target "${target[$2]}" -g -nostdinc ${predefined[$2]} $how -c "$SOURCE/kvmapi/types.c" -o "$3.types.o" &&
		"$OBJCOPY" --dump-section ".BTF=$3.btf" "$3.types.o" /dev/null &&
		python3 "$SOURCE/kvmapi/gen_caps.py" "$1/x86/linux/kvm.h" "$SOURCE/kvmapi/kvm_newer.h" "$3.caps"
}

# What kvm_newer.h declares for an architecture and the header has, too, as C.
# declared FOLDER ARCHITECTURE constants: assertions that both say the same number
# declared FOLDER ARCHITECTURE structs SUFFIX: a variable of each struct
declared()
{
	echo '#include "kvmapi/kvm_newer.h"'
	python3 - "$SOURCE/kvmapi/kvm_newer.h" "$@" <<-'END'
		import re, sys
		path, folder, arch, what, *suffix = sys.argv[1:]
		text = open(path, encoding="utf-8").read()
		# Without the parts for other architectures.
		text = re.sub(r"^#if defined\(KVMAPI_ARCH_(?!%s\b).*?^#endif\n\n(?=#)" % arch, "", text, flags=re.M | re.S)
		header = "".join(open(f"{folder}/{arch}/{n}/kvm.h", encoding="utf-8").read() for n in ("linux", "asm"))
		if what == "structs":
		    for name, body in re.findall(r"^struct (\w+) {(.*?)^}", text, re.M | re.S):
		        if not re.search(rf"^struct {name} {{", header, re.M):
		            continue
		        # Bytes that are given names there, by a macro of ours, are as many.
		        if "KVMAPI_" in body:
		            print(f'_Static_assert(sizeof(struct {name}) == sizeof(struct {name}_of_header), "{name}");')
		        else:
		            print(f"struct {name}{''.join(suffix)} v_{name};")
		else:
		    # A macro of the header is the one that holds; what the file would say stands here as a number.
		    for name, value in re.findall(r"^#ifndef (\w+)\n#define \1\s+((?:.*\\\n)*.*)$", text, re.M):
		        if re.search(rf"\b{name}\b", header):
		            value = re.sub(r"/\*.*?\*/", "", value.replace("\\\n", " "))
		            print(f'_Static_assert(({name}) == ({value}), "{name}");')
	END
}

# object FILE FOLDER ARCHITECTURE: compile it with the headers.
object()
{
	# shellcheck disable=SC2086
	"$CLANG" -target "${target[$3]}" ${predefined[$3]} -std=gnu11 -g -O2 -nostdinc -I"$SOURCE" -I"$SOURCE/include" "-DKVMAPI_ARCH_$3" \
		-isystem "$2/$3" -c "$1" -o "${1%.c}.o"
}

same_numbers()
{
	declared "$1" "$2" constants >"$tmp/numbers.c"
	grep -c _Static_assert "$tmp/numbers.c" >"$tmp/count"
	object "$tmp/numbers.c" "$1" "$2"
}

# members FOLDER ARCHITECTURE SUFFIX: the structs as C, from the BTF that the compiler made.
members()
{
	declared "$1" "$2" structs "$3" >"$tmp/members.c"
	grep -c ' v_' "$tmp/members.c" >"$tmp/count"
	object "$tmp/members.c" "$1" "$2" && "$BPFTOOL" btf dump file "$tmp/members.o" format c | sed 's/_of_header//g'
}

same_members()
{
	members "$1" "$2" '' >"$tmp/ours" && members "$1" "$2" _of_header >"$tmp/theirs" && diff "$tmp/ours" "$tmp/theirs"
}

is "what is put aside comes back" \
	"$(sed -n 's/^#define \(\w*\)[[:space:]]*\1_of_header$/\1/p' "$SOURCE/kvmapi/kvm_newer.h" | sort)" \
	"$(sed -n 's/^#undef \([a-z]\w*\)$/\1/p' "$SOURCE/kvmapi/kvm_newer.h" | sort)"
for arch in "${!target[@]}"; do
	ok "$arch with the headers of this system" compiled "$UAPI" "$arch" "$tmp/$arch"
done

found=
for usr in "$CACHE"/headers/*/; do
	[[ -e $usr/complete ]] || continue
	found=yes
	release=$(<"$usr/complete")
	mkdir -p "$tmp/other"
	ok "the headers of $release have all architectures" python3 "$SOURCE/kvmapi/find_uapi.py" "$tmp/other" "$usr"
	for arch in "${!target[@]}"; do
		ok "$arch with those of $release" compiled "$tmp/other" "$arch" "$tmp/again"
		for part in o btf caps; do
			ok "the same: $arch.$part" cmp "$tmp/$arch.$part" "$tmp/again.$part"
		done
		ok "the same numbers: $arch, $release" same_numbers "$tmp/other" "$arch"
		ok "they were compared ($(<"$tmp/count"))" test "$(<"$tmp/count")" -ge 20
		# A struct of an older header may lack members.
		[[ $(basename "$usr") == sid ]] || continue
		ok "the same members: $arch, $release" same_members "$tmp/other" "$arch"
		ok "they were compared ($(<"$tmp/count"))" test "$(<"$tmp/count")" -ge 5
	done
done
[[ -n $found ]] || skip "other headers" "none were fetched: scripts/deps --headers"
tap_done
