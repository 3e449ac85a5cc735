#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the names of KVM's capabilities, as initialisers of a C array.

usage: gen_caps.py linux/kvm.h kvm_newer.h OUTPUT

Those of a header that is newer than kvm_newer.h are left out: the table is the same with every header.
"""
import re
import sys


def read(path):
	with open(path, encoding="utf-8") as header:
		found = re.findall(r"^#define\s+(KVM_CAP_\w+)\s+(\d+)\b", header.read(), re.MULTILINE)
	if not found:
		sys.exit(f"gen_caps.py: no KVM_CAP_ in {path}")
	return [(int(number), name) for name, number in found]


ours = read(sys.argv[2])
names = {}
for number, name in read(sys.argv[1]) + ours:
	if number <= max(ours)[0]:
		names.setdefault(number, name)
with open(sys.argv[3], "w", encoding="utf-8") as out:
	for number in sorted(names):
		out.write(f'[{number}] = "{names[number]}",\n')
