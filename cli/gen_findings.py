#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the entries of docs/findings.md as rows for C: FINDING("D-36", "title", "lines of the entry").

gen_findings.py FINDINGS.md OUTPUT
"""
import json
import re
import sys

with open(sys.argv[1], encoding="utf-8") as document:
    text = document.read()
rows = []
for number, title, body in re.findall(r"^### (D-\d+) (.+)\n((?:(?!#|<!--).*\n)*)", text, re.M):
    lines = re.findall(r"^- (.+)$", body, re.M)
    rows.append("FINDING(%s)\n" % ", ".join(json.dumps(s, ensure_ascii=False) for s in (number, title, "\n".join(lines))))
if len(rows) < 100 or len(rows) != len(re.findall(r"^### ", text, re.M)):
    sys.exit("%s: not all of its entries can be read" % sys.argv[1])
with open(sys.argv[2], "w", encoding="utf-8") as out:
    out.writelines(rows)
