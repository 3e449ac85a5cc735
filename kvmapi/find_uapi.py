#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Find the KVM UAPI headers of every architecture, and make one folder of links of each.

usage: find_uapi.py OUTPUT [DIRECTORY]

OUTPUT/ARCHITECTURE gets asm, asm-generic and linux. Without DIRECTORY the headers are those of the packages of this
system: linux-libc-dev in /usr/include (of all architectures, or of this one), linux-libc-dev-*-cross in /usr/TRIPLE/include.
DIRECTORY is another /usr: DIRECTORY/include/TRIPLE/asm and DIRECTORY/include/linux. Exit status 1, and what to install,
where headers of an architecture are missing. Prints where <linux/kvm.h> of x86 really is. kvm_newer.h has what the headers of old kernels lack.
"""
import os
import platform
import sys

# Architecture: its triple, the machine that is one, the Debian package of its headers on another machine.
ARCHITECTURES = {
	"x86": ("x86_64-linux-gnu", "x86_64", "linux-libc-dev-amd64-cross"),
	"arm64": ("aarch64-linux-gnu", "aarch64", "linux-libc-dev-arm64-cross"),
	"s390": ("s390x-linux-gnu", "s390x", "linux-libc-dev-s390x-cross"),
	"powerpc": ("powerpc64le-linux-gnu", "ppc64le", "linux-libc-dev-ppc64el-cross"),
	"riscv": ("riscv64-linux-gnu", "riscv64", "linux-libc-dev-riscv64-cross"),
}


def places(usr, triple, machine):
	"""Where asm and where linux may be, best first."""
	include = usr + "/include"
	yield f"{include}/{triple}", include
	yield f"{usr}/{triple}/include", f"{usr}/{triple}/include"
	# A system without folders of architectures.
	if platform.machine() == machine:
		yield include, include


def link(folder, asm, rest):
	os.makedirs(folder, exist_ok=True)
	for name, target in ("asm", asm), ("asm-generic", rest), ("linux", rest):
		path = f"{folder}/{name}"
		if os.path.lexists(path):
			os.remove(path)
		os.symlink(f"{target}/{name}", path)


output, usr = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "/usr"
missing = []
for architecture, (triple, machine, package) in ARCHITECTURES.items():
	for asm, rest in places(usr, triple, machine):
		if os.path.exists(f"{asm}/asm/kvm.h") and os.path.exists(f"{rest}/linux/kvm.h"):
			link(f"{output}/{architecture}", asm, rest)
			break
	else:
		missing.append(package if platform.machine() != machine else "linux-libc-dev")
if missing:
	sys.exit(f"no <asm/kvm.h> in {usr} that comes with {' '.join(missing)}: run scripts/deps, or give -Duapi=DIR")
print(os.path.realpath(f"{output}/x86/linux/kvm.h"))
