#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A second reader wrote down, from the documents alone, what ten calls of each of 40 rules should be: docs/two-readers.md.

readers_test.py KVMTAPE FILE...

Every call is judged on a tape of its own.  A file has, again and again,

    # prelude                         what comes before each of the calls that follow
    # expect conforms: why            the call that is meant is the last one up to the next of these lines
    # settled diverges: why           what stands now, if reader and model were not of one mind

conforms: also as a known deviation.  deviates: as a known deviation.  diverges: breaks a rule.  allowed, unsaid: does not.
What comes before the call breaks no rule either.
"""
import json
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Tap, each, run  # noqa: E402

KVMTAPE = sys.argv[1]
FITS = {
    "conforms": ("conforms", "deviation"), "deviates": ("deviation",), "diverges": ("diverges",),
    "allowed": ("conforms", "deviation", "unspecified", "skipped"),
    "unsaid": ("conforms", "deviation", "unspecified", "skipped"),
}


def calls(text):
    """(word, text of the tape) of each call that something is expected of."""
    found, prelude, call = [], "", None
    for line in text.splitlines(keepends=True):
        head = re.match(r"# (prelude$|expect (\w+):|settled (\w+):)", line.rstrip("\n"))
        if head and head.group(1) == "prelude":
            prelude, call = "", None
        elif head and head.group(2):
            call = [head.group(2), prelude]
            found.append(call)
        elif head:
            call[0] = head.group(3)
        elif call:
            call[1] += line
        else:
            prelude += line
    return found


def wrong(call):
    """What is wrong with a call; empty: it is as it should be."""
    word, text = call
    with tempfile.TemporaryDirectory(prefix="kvmtape-test.") as folder:
        tape = os.path.join(folder, "call.tape")
        status, _, err = run(KVMTAPE, "asm", "-o", tape, "-", text=text.encode())
        if status:
            return "%s\n%s" % (err.decode(errors="replace"), text)
        status, out, err = run(KVMTAPE, "replay", "--json", "--verbose", tape)
    if status not in (0, 1):
        return "%s\n%s" % (err.decode(errors="replace"), text)
    verdicts = [line["verdict"] for line in map(json.loads, out.splitlines()) if "verdict" in line and "event" in line]
    verdict = verdicts[-1] if verdicts else "without a verdict"
    if verdict in FITS.get(word, ()) and "diverges" not in verdicts[:-1]:
        return ""
    return "should be %s, is %s; before it: %s\n%s" % (word, verdict, " ".join(verdicts[:-1]), text)


def main():
    tap = Tap()
    rules = {line.get("id") for line in map(json.loads, run(KVMTAPE, "rules", "--json")[1].splitlines())}
    tap.equal("files", len(sys.argv[2:]), 40)
    for path in sys.argv[2:]:
        rule = os.path.basename(path)[:-len(".tapes")].split("-", 1)[1]
        with open(path, encoding="utf-8") as file:
            found = calls(file.read())
        faults = [fault for fault in each(wrong, found) if fault]
        if rule not in rules:
            faults.append("there is no such rule")
        if len(found) != 10:
            faults.append("%d calls" % len(found))
        tap.ok("%s is a rule, and ten calls are as a reader of its document expects" % rule, not faults, "\n".join(faults))

    # The check finds what is wrong.
    begin = "# prelude\nkernel 6.1.0\nvm = kvm.KVM_CREATE_VM(0)\n"
    for word in ["conforms", "allowed", "unsaid", "deviates", "nonsense"]:
        text = begin + "# expect %s: a reader who errs\nkvm.KVM_GET_API_VERSION() = 11\n" % word
        tap.ok("a wrong expectation (%s) is found" % word, "should be %s, is diverges" % word in wrong(calls(text)[0]))
    text = begin + "# expect diverges: a reader who errs\nkvm.KVM_GET_API_VERSION() = 12\n"
    tap.ok("a wrong expectation (diverges) is found", "should be diverges, is conforms" in wrong(calls(text)[0]))
    text = begin + "# expect diverges: a reader who errs\n# settled conforms: so it is\nkvm.KVM_GET_API_VERSION() = 12\n"
    tap.equal("what was settled counts", wrong(calls(text)[0]), "")
    text = begin + "kvm.KVM_GET_API_VERSION() = 11\n# expect conforms: badly prepared\nkvm.KVM_GET_API_VERSION() = 12\n"
    tap.ok("a call that was badly prepared is found", "before it: conforms diverges" in wrong(calls(text)[0]),
           wrong(calls(text)[0]))
    tap.ok("a text that is none is found", wrong(["conforms", "no text of a tape\n"]) != "")
    tap.done()


main()
