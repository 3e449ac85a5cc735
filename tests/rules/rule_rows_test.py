#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The row of a rule: its errors are those that its text names, and the sections that it cites have titles.

rule_rows_test.py KVMTAPE
"""
import errno
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Tap, run  # noqa: E402

# Errors that a text names and the rule does not give: those of the documents where kernels do otherwise, of an earlier call,
# or of another kind of host.
NAMED_ONLY = {
    "ARM_INIT_LEFTOVERS": "ENOENT", "CREATE_DEVICE_ONCE": "EEXIST", "ENC_CONTEXT_REFUSED": "ENOTTY",
    "S390_ATTR_DIRECTION": "EPERM", "UNKNOWN_SYSTEM_EINVAL": "ENOTTY", "UNKNOWN_VCPU_EINVAL": "ENOTTY",
    "UNKNOWN_VM_EINVAL": "ENOTTY"}

tap = Tap()
rules = [line for line in map(json.loads, run(sys.argv[1], "rules", "--json")[1].splitlines()) if line["type"] == "rule"]
refusals = [rule for rule in rules if rule["errors"]]
tap.ok("there are rules that refuse", len(refusals) > 300, len(refusals))
for rule in refusals:
    named = {word for word in re.findall(r"\bE[A-Z0-9]{2,}\b", rule["statement"]) if hasattr(errno, word) or word == "EHWPOISON"}
    wanted = set(rule["errors"]) | {NAMED_ONLY[rule["id"]]} if rule["id"] in NAMED_ONLY else set(rule["errors"])
    tap.equal("%s: the errors that its text names" % rule["id"], sorted(named), sorted(wanted))
numbers = {(rule["document"], number) for rule in rules for number in re.findall(r"[0-9][0-9.-]*", rule["section"])
           if rule["document"] in ("api.rst", "devices/vm.rst", "devices/vcpu.rst")}
titled = {(rule["document"], section["number"]) for rule in rules for section in rule["sections"] if section["title"]}
tap.ok("there are sections", len(numbers) > 150, len(numbers))
tap.equal("sections without a title", sorted(numbers - titled), [])
tap.done()
