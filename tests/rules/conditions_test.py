#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Where a rule holds stands in its row, and what else depends on the kernel in model/facts/changes.def: no handler looks at the
kernel's number, or at the name of a back end.

conditions_test.py SOURCE
"""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Tap  # noqa: E402

SOURCE = sys.argv[1]
NUMBER = re.compile(r'\bMODEL_KERNEL\(|\bfacts->(kernel|patch|back_ends|other_back_end)\b|"kvm_(amd|intel|pvm)"')


def text(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


tap = Tap()
areas = {name: text("model", "areas", name) for name in sorted(os.listdir(os.path.join(SOURCE, "model", "areas")))}
tap.ok("there are handlers", len(areas) > 20, len(areas))
tap.equal("handlers that look at the kernel's number or a back end's name",
          ["%s: %s" % (name, found.group(0)) for name, body in areas.items() for found in NUMBER.finditer(body)], [])
changes = re.findall(r"^CHANGE\((\w+), K\((\d+), (\d+)\), K\((\d+), (\d+)\)\)$", text("model", "facts", "changes.def"), re.M)
tap.ok("there are changes", len(changes) > 10, len(changes))
tap.equal("changes that come before they are missing",
          [name for name, *numbers in changes if [int(n) for n in numbers[:2]] >= [int(n) for n in numbers[2:]]], [])
used = set(re.findall(r"\bCHANGE_(\w+)", "".join(areas.values())))
tap.equal("changes that no handler asks for", [name for name, *_ in changes if name not in used], [])
tap.done()
