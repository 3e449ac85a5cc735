#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the BTF of every architecture as one C file.

usage: gen_btf.py OUTPUT ARCHITECTURE=FILE...

ARCHITECTURE is the enum constant (KVMAPI_X86), FILE the raw .BTF section.
"""
import sys

with open(sys.argv[1], "w", encoding="utf-8") as out:
	out.write('#include "kvmapi/internal.h"\n\n')
	rows = ""
	for number, argument in enumerate(sys.argv[2:]):
		name, path = argument.split("=", 1)
		with open(path, "rb") as section:
			data = section.read()
		out.write(f"_Alignas(8) static const unsigned char btf_{number}[] = {{\n")
		for at in range(0, len(data), 24):
			out.write("\t" + "".join(f"{byte}," for byte in data[at : at + 24]) + "\n")
		out.write("};\n")
		rows += f"\t[{name}] = {{btf_{number}, sizeof(btf_{number})}},\n"
	out.write(f"\nconst struct kvmapi_btf_data kvmapi_btf_data[KVMAPI_ARCHS] = {{\n{rows}}};\n")
