#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""plant.py MODULE FUNCTION OLD NEW: change the one 32-bit number OLD in the code of a function of a kernel module.

A changed KVM for tests without a build of the kernel: what a find needs is a kernel that breaks a rule.
"""
import struct
import sys


def function(elf, name):
    """File offset and size of the code."""
    (table,) = struct.unpack_from("<Q", elf, 0x28)
    size, count = struct.unpack_from("<HH", elf, 0x3a)
    sections = [struct.unpack_from("<IIQQQQIIQQ", elf, table + size * n) for n in range(count)]
    for _, kind, _, _, at, length, link, _, _, each in sections:
        if kind != 2:  # SHT_SYMTAB
            continue
        names = sections[link][4]
        for symbol in range(at, at + length, each):
            offset, info, _, section, value, bytes_of = struct.unpack_from("<IBBHQQ", elf, symbol)
            if info & 15 == 2 and elf.startswith(name.encode() + b"\0", names + offset):  # STT_FUNC
                return sections[section][4] + value, bytes_of
    sys.exit("plant.py: no function " + name)


def unsigned(elf):
    """Without the signature behind it: a module that has none is loaded, one with a wrong one is not."""
    magic = b"~Module signature appended~\n"
    if not elf.endswith(magic):
        return elf
    (length,) = struct.unpack_from(">I", elf, len(elf) - len(magic) - 4)
    return elf[:len(elf) - len(magic) - 12 - length]


path, name, old, new = sys.argv[1], sys.argv[2], int(sys.argv[3], 0), int(sys.argv[4], 0)
elf = unsigned(bytearray(open(path, "rb").read()))
start, length = function(elf, name)
old, new = struct.pack("<i", old), struct.pack("<i", new)
code = bytes(elf[start:start + length])
if code.count(old) != 1:
    sys.exit("plant.py: %s has that number %d times" % (name, code.count(old)))
at = start + code.index(old)
elf[at:at + 4] = new
open(path, "wb").write(elf)
