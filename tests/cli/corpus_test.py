#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every subcommand on the tapes of the corpus: real sessions, with what no made-up tape would hold.

corpus_test.py KVMTAPE CORPUS.  Of tapes that were played on several kernels, the ones of one kernel; the round trip from
tape to text and back is of all.
"""
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import check_tapes, run  # noqa: E402

KVMTAPE, CORPUS = sys.argv[1:3]
COMMANDS = ["replay", "print", "stat", "info"]


def ndjson(output):
    """The lines; ValueError if they are not what every command promises."""
    lines = [json.loads(line) for line in output.decode("utf-8").splitlines()]
    if len(lines) < 2 or lines[0]["type"] != "header" or lines[0]["schema"] != 1:
        raise ValueError("no header and something after it")
    return lines


def unpacked(path):
    """What a tape is without its compression, which differs from one libzstd to the next; None if it is not there."""
    return run("zstd", "-dc", path)[1] if os.path.exists(path) else None


def look(path):
    """(what, good, instead) of one tape."""
    checks = []
    name = os.path.relpath(path, CORPUS)
    parts = name.split("/")
    tape = unpacked(path)
    checks.append(("%s: can be unpacked" % name, len(tape) > 64, len(tape)))
    if parts[0] != "live" or parts[1] == "bookworm":
        counts = {}
        for command in COMMANDS:
            status, _, err = run(KVMTAPE, command, path)
            checks.append(("%s: %s" % (name, command), status in (0, 1), "status %d" % status))
            checks.append(("%s: %s, nothing on standard error" % (name, command), err == b"", err))
            _, out, _ = run(KVMTAPE, command, "--json", path)
            try:
                counts[command] = ndjson(out)[-1].get("events")
                checks.append(("%s: %s --json is NDJSON" % (name, command), True, ""))
            except (ValueError, KeyError, TypeError) as error:
                checks.append(("%s: %s --json is NDJSON" % (name, command), False, error))
        counts.pop("print", None)
        checks.append(("%s: three counts of events agree" % name,
                       len(counts) == 3 and len(set(counts.values())) == 1 and None not in counts.values(), counts))
    with tempfile.TemporaryDirectory(prefix="kvmtape-test.") as folder:
        canon, text, back = (os.path.join(folder, n) for n in ("canon", "text", "back"))
        _, _, err = run(KVMTAPE, "canon", "-o", canon, path)
        checks.append(("%s: is in canonical form" % name, unpacked(canon) == tape, err))
        status, out, err = run(KVMTAPE, "print", "--asm", path)
        with open(text, "wb") as file:
            file.write(out)
        checks.append(("%s: becomes text" % name, status == 0 and out.count(b"\n") > 3, err))
        _, _, err = run(KVMTAPE, "asm", "-o", back, text)
        checks.append(("%s: becomes the same bytes again" % name, unpacked(back) == tape, err))
    return checks


check_tapes(CORPUS, look)
