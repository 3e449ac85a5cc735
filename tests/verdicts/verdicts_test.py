#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Judge text tapes and compare each verdict with the one that stands beside the call.

Arguments: kvmtape, then files or directories.  A file *.tapes holds tapes one after the other; each begins with a line

    # tape: TITLE

(a file without such a line is one tape, titled by its name).  What is expected of a call stands in comments behind it on
its lines, or in lines of comments directly after it:

    # conforms [RULE...]        the verdict; each RULE was checked and holds
    # deviation [RULE...]       a known deviation; RULE is among those that were checked and hold
    # diverges RULE             the rule that is broken
    # unspecified, # skipped    the verdict
    # allowed                   any verdict but diverges
    # not RULE...               these rules say nothing of the call
    # advice RULE...            replay --lint gives this advice on the call
    # no advice [RULE...]       it does not give this advice, or none at all
    # says REGEX                expected, observed or detail of the call matches

A call of which nothing is said must not diverge.  A tape of which nothing at all is said is an error.

With KVMTAPE_RULE_LOG=FILE every rule that an expectation names, and that was met, is appended to FILE in the form of
tests/unit/model_harness.c: scripts/rules-untested counts it as a test of the rule.
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

VERDICTS = ("conforms", "deviation", "diverges", "unspecified", "skipped", "allowed")
WORDS = VERDICTS + ("not", "advice", "no", "says")


class Call:
    def __init__(self, line):
        self.line = line
        self.expected = []  # (line, word, rest)


class Tape:
    def __init__(self, title, line):
        self.title = title
        self.line = line
        self.text = []
        self.calls = []


def split_comment(line):
    """The code of a line and its comment (None: there is none); a # in a string is no comment."""
    quoted = False
    i = 0
    while i < len(line):
        if quoted and line[i] == "\\":
            i += 1
        elif line[i] == '"':
            quoted = not quoted
        elif line[i] == "#" and not quoted:
            return line[:i], line[i + 1:].strip()
        i += 1
    return line, None


def is_expectation(comment):
    words = comment.split()
    if not words or words[0] not in WORDS:
        return False
    if words[0] == "says":
        return len(words) > 1
    rest = words[1:]
    if words[0] == "no":
        if not rest or rest[0] != "advice":
            return False
        rest = rest[1:]
    # Rules are upper case; ordinary sentences that begin with one of the words are comments.
    return all(re.fullmatch(r"[A-Z][A-Z0-9_]*", w) for w in rest)


def parse(path):
    """The tapes of a file."""
    tapes = []
    current = Tape(os.path.basename(path), 1)
    depth = 0
    last = None    # the call that comments are about
    pending = {}   # thread: its call that has begun
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    for number, line in enumerate(lines, 1):
        if line.startswith("# tape: "):
            if current.text and current.calls:
                tapes.append(current)
            current, depth, last, pending = Tape(line[8:].strip(), number), 0, None, {}
            continue
        current.text.append(line)
        code, comment = split_comment(line)
        if code.strip() and depth == 0 and not code[0].isspace():
            last = statement(code, number, current, pending)
        depth += sum(code.count(c) for c in "({[") - sum(code.count(c) for c in ")}]")
        if comment and last and is_expectation(comment):
            word, _, rest = comment.partition(" ")
            last.expected.append((number, word, rest.strip()))
        elif comment and is_expectation(comment):
            raise ValueError(f"{path}:{number}: no call stands before '{comment}'")
    if current.calls:
        tapes.append(current)
    return tapes


def statement(code, number, tape, pending):
    """The call that a statement is, None: it is something else."""
    match = re.match(r"(?:(begin|end)\s+)?(?:@(\d+)\s+)?(?:[A-Za-z_]\w*\s*(?:<[^>]*>)?\s*=\s*)?"
                     r"([A-Za-z_]\w*)\.(KVM_\w+|ioctl)\b", code)
    if not match:
        # Calls that are missing have numbers, too.
        gap = re.match(r"gap\s+(\d+)\b", code)
        tape.calls += [Call(number) for _ in range(int(gap.group(1)) if gap else 0)]
        return None
    half, thread = match.group(1), match.group(2) or "0"
    if half == "end" and thread in pending:
        return pending.pop(thread)
    call = Call(number)
    tape.calls.append(call)
    if half == "begin":
        pending[thread] = call
    return call


def judge(kvmtape, directory, tape):
    """What replay says of each event, or a message."""
    text, binary = os.path.join(directory, "x.tapes"), os.path.join(directory, "x.tape")
    with open(text, "w", encoding="utf-8") as f:
        f.write("\n".join(tape.text) + "\n")
    made = subprocess.run([kvmtape, "asm", "-f", "-o", binary, text], capture_output=True, text=True, check=False)
    if made.returncode:
        return None, made.stderr.strip()
    run = subprocess.run([kvmtape, "replay", "--json", "--verbose", "--lint", binary], capture_output=True, text=True,
                         check=False)
    if run.returncode not in (0, 1):
        return None, run.stderr.strip()
    events = {}
    for line in run.stdout.splitlines():
        item = json.loads(line)
        if item["type"] in ("verdict", "divergence"):
            events.setdefault(item["event"], {"advice": []}).update(item)
        elif item["type"] == "advice":
            events.setdefault(item["event"], {"advice": []})["advice"].append(item)
    return events, None


def check(event, word, rest):
    """None if the expectation is met; else what is there instead.  And the outcomes to be logged."""
    verdict = event.get("verdict")
    held = event.get("held", [])
    rules = rest.split() if word != "says" else []
    advice = [a["rule"]["id"] for a in event["advice"]]
    if word == "allowed":
        return ("diverges" if verdict == "diverges" else None), []
    if word == "diverges":
        broken = event.get("rule", {}).get("id") if verdict == "diverges" else None
        if verdict != word or (rules and [broken] != rules):
            return f"{verdict} {broken or ' '.join(held)}", []
        return None, [("broken", r) for r in rules]
    if word in VERDICTS:
        missing = [r for r in rules if r not in held]
        if verdict != word or missing:
            return f"{verdict} {event.get('rule', {}).get('id', '')} {' '.join(held)}", []
        return None, [("held", r) for r in rules]
    if word == "not":
        there = [r for r in rules if r in held]
        # A rule that only allows something is never broken: a call that it does not excuse diverges by another one.
        return (f"{' '.join(there)} held" if there else None), \
            [("refused", r) for r in rules if verdict == "diverges"]
    if word == "advice":
        missing = [r for r in rules if r not in advice]
        return (f"advice: {' '.join(advice) or 'none'}" if missing or not advice else None), [("held", r) for r in rules]
    if word == "no":
        rules = rules[1:]
        there = [r for r in advice if not rules or r in rules]
        return (f"advice: {' '.join(there)}" if there else None), [("broken", r) for r in rules]
    texts = [str(event.get("expected", "")), str(event.get("observed", "")), str(event.get("reason", ""))]
    texts += [a["detail"] for a in event["advice"]] + [a["rule"]["statement"] for a in event["advice"]]
    return (None if any(re.search(rest, t) for t in texts) else f"says: {' | '.join(t for t in texts if t)}"), []


def check_tape(path, tape, events):
    """Faults of a tape, and what is to be logged."""
    faults, log = [], []
    if len(events) > len(tape.calls):
        return [f"{path}:{tape.line}: {len(tape.calls)} calls were read, {len(events)} events judged"], []
    said = 0
    for index, call in enumerate(tape.calls):
        event = events.get(index)
        for number, word, rest in call.expected:
            said += 1
            if event is None:
                faults.append(f"{path}:{number}: the call has no verdict")
                continue
            wrong, outcomes = check(event, word, rest)
            if wrong:
                faults.append(f"{path}:{number}: expected '{(word + ' ' + rest).strip()}', is '{wrong}'")
            else:
                log += [(outcome, rule, f"{os.path.basename(path)}:{number}") for outcome, rule in outcomes]
        if event and event.get("verdict") == "diverges" and not any(w in VERDICTS for _, w, _ in call.expected):
            faults.append(f"{path}:{call.line}: diverges unexpectedly: {event['rule']['id']}, "
                          f"expected {event.get('expected')}, observed {event.get('observed')}")
    if not said:
        faults.append(f"{path}:{tape.line}: nothing is expected of this tape")
    return faults, log


def main():
    kvmtape, paths = sys.argv[1], []
    for argument in sys.argv[2:]:
        # Globbed here and not by the build, which would not notice a new file.
        paths += sorted(glob.glob(os.path.join(argument, "*.tapes"))) if os.path.isdir(argument) else [argument]
    count = failed = 0
    log = open(os.environ["KVMTAPE_RULE_LOG"], "a", encoding="utf-8") if os.environ.get("KVMTAPE_RULE_LOG") else None
    with tempfile.TemporaryDirectory(prefix="kvmtape-verdicts.") as directory:
        for path in paths:
            for tape in parse(path):
                count += 1
                events, message = judge(kvmtape, directory, tape)
                faults, outcomes = check_tape(path, tape, events) if events is not None else \
                    ([f"{path}:{tape.line}: {message}"], [])
                print(f"{'not ok' if faults else 'ok'} {count} - {os.path.basename(path)}: {tape.title.replace('#', '')}")
                for fault in faults:
                    print(f"# {fault}")
                failed += bool(faults)
                for outcome in outcomes if log else []:
                    log.write("%s %s verdicts %s\n" % outcome)
    if not count:
        count = failed = 1
        print("not ok 1 - no tape was found")
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
