#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Names of ioctls in tables and comparisons of the C sources are those of kvm_ioctls.def.

A table drops a row with a name that no ioctl has, and a comparison with one is never true: neither the compiler nor a run
says so.

ioctl_names_test.py SOURCE
"""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Tap  # noqa: E402

SOURCE = sys.argv[1]
ROOMS = ("kvmapi", "tape", "model", "recorder", "replayer", "guest", "fuzz", "cli")
# Names of other kinds, which have tables of their own.
OTHER = re.compile(r"KVM_(CAP|EXIT)_")


def text(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


known = set(re.findall(r"\bIOCTL\w*\((KVM_\w+)", text("kvmapi", "kvm_ioctls.def")))
tap = Tap()
tap.ok("there are ioctls", len(known) > 100, len(known))
found = 0
for room in ROOMS:
    for name in sorted(os.path.relpath(os.path.join(folder, file), os.path.join(SOURCE, room))
                       for folder, _, files in os.walk(os.path.join(SOURCE, room)) for file in files if file.endswith(".c")):
        names = {n for n in re.findall(r'"(KVM_[A-Z0-9_]+)"', text(room, name)) if not OTHER.match(n)}
        found += len(names)
        if names:
            tap.equal("%s/%s: no name that is none" % (room, name), sorted(names - known), [])
tap.ok("there are names", found > 300, found)
tap.done()
