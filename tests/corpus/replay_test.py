#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every tape of the corpus: whole, described; replays the same every time, without a divergence; and of a QEMU session
the model has something to say about nearly everything.

replay_test.py KVMTAPE CORPUS
"""
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import check_tapes, run  # noqa: E402

KVMTAPE, CORPUS = sys.argv[1:3]
README = open(os.path.join(CORPUS, "README.md"), encoding="utf-8").read()
# The documents that were read are those of 6.1 and later; for other architectures there are rules of some calls only.
JUDGED = ("live/bookworm/deviations/", "live/trixie/deviations/", "live/sid/deviations/")


def described(name):
    """Whether somebody says what the tape holds."""
    if not name.startswith("live/"):
        return os.path.basename(name) in README
    # live/KERNEL/FOLDER/NAME: the text that was played.
    source = os.path.join(CORPUS, *name.split("/")[2:])[:-len(".tape")]
    source = source + ".c" if os.path.exists(source + ".c") else source + ".tapes"
    if not os.path.exists(source):
        return False
    with open(source, encoding="utf-8") as file:
        lines = file.read().splitlines()[1:3]
    return any(re.match(r"(#| \*) .{20}", line) for line in lines)


def look(path):
    """(what, good, instead) of one tape."""
    name = os.path.relpath(path, CORPUS)
    checks = [(name + ": says what it holds", described(name), "not in the README, or no text of it")]
    _, out, _ = run(KVMTAPE, "info", path)
    checks.append((name + ": whole", b"whole: seen" in out, out[-400:]))
    status, out, err = run(KVMTAPE, "replay", "--json", path)
    checks.append((name + ": no divergence", status == 0, b"\n".join(l for l in out.splitlines() if b'"divergence"' in l) + err))
    try:
        lines = [json.loads(line) for line in out.splitlines()]
        total = lines[-1]
        judged = total["conforms"] + total["deviation"]
    except (ValueError, KeyError, IndexError) as error:
        return checks + [(name + ": figures", False, error)]
    if not name.startswith("live/"):  # many and short: the long ones show it
        first, second = (run(KVMTAPE, "replay", "--verbose", path)[1] for _ in range(2))
        checks.append((name + ": the same bytes at every run", first == second and first != b"", ""))
    if name.startswith("qemu/") or name.startswith(JUDGED):
        checks.append((name + ": 95 % of the events are judged", 100 * judged >= 95 * total["events"] > 0, total))
    if name.startswith("qemu/"):
        ioctls = [l for l in lines if l["type"] == "ioctl"]
        some = [l for l in ioctls if l["conforms"] + l["deviation"] + l["diverges"] > 0]
        checks.append((name + ": 90 % of the ioctls are judged", 100 * len(some) >= 90 * len(ioctls) > 0,
                       [l["name"] for l in ioctls if l not in some]))
    if name.startswith(("qemu/", "live/")):
        checks.append((name + ": nothing lost", total["lost"] == 0, total))
    return checks


check_tapes(CORPUS, look)
