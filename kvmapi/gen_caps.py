#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the names of KVM's capabilities, as initialisers of a C array, from <linux/kvm.h>.

usage: gen_caps.py linux/kvm.h OUTPUT
"""
import re
import sys

with open(sys.argv[1], encoding="utf-8") as header:
	found = re.findall(r"^#define\s+(KVM_CAP_\w+)\s+(\d+)\b", header.read(), re.MULTILINE)
if not found:
	sys.exit(f"gen_caps.py: no KVM_CAP_ in {sys.argv[1]}")
names = {}
for name, number in found:
	names.setdefault(int(number), name)
with open(sys.argv[2], "w", encoding="utf-8") as out:
	for number in sorted(names):
		out.write(f'[{number}] = "{names[number]}",\n')
