#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Judge text tapes and compare each verdict with the one that stands beside the call.

    verdicts_test.py JUDGE FILE|DIRECTORY...
    verdicts_test.py --text FILE:LINE       the text of the tape at that line, as `kvmtape asm` takes it

JUDGE is tests/rules/judge of a build directory.  A file *.tapes holds tapes one after the other; each begins with a line

    # tape: TITLE

(a file without such a line is one tape, titled by its name).  What several tapes begin with stands once in the file:

    # prelude NAME              what follows, up to the next tape or prelude, is no tape, but the text of NAME
    # with NAME                 here is the text of NAME; in a tape or in another prelude
    # again                     the tape begins anew, with the text of the preludes that it began with: another machine
    # again with NAME           anew, with the text of NAME; `again` alone begins so from here on
    # begun                     all of this machine so far is what `again` begins with from here on

Short forms, for texts only that are read here:

    # N times                   the next statement stands N times; $ in it is 0, 1, 2 ..., $*0x1000 a multiple of that
    hex"ff 00*200"              200 zero bytes after another one

What is expected of a call stands in comments behind it on its lines, or in lines of comments directly after it:

    # conforms [RULE...]        the verdict; each RULE was checked and holds
    # deviation [RULE...]       a known deviation: that of the verdict is one of the RULEs, the others were checked and hold
    # diverges RULE             the rule that is broken
    # unspecified [RULE...]     the verdict; each RULE holds, which allows what the call did
    # skipped                   the verdict
    # allowed [RULE...]         any verdict but diverges; each RULE was checked and holds
    # held RULE...              each RULE was checked and holds, whatever the verdict
    # not RULE...               these rules say nothing of the call
    # unusual RULE              the call is noted as unusual by this rule, which is about what userspace may write
    # advice RULE...            replay --lint gives this advice on the call
    # no advice [RULE...]       it does not give this advice, or none at all
    # says REGEX                expected, observed or detail of the call matches

Several on a line are separated by `;`.  A call of which nothing is said must not diverge, in preludes neither.  A tape of
which nothing at all is said is an error.

With KVMTAPE_RULE_LOG=FILE every rule that an expectation names, and that was met, is appended to FILE:

    held|deviation|broken|refused RULE FILE TITLE

scripts/rules-untested counts it as a test of the rule, scripts/seed-coverage names it.  With KVMTAPE_COUNT=1 the expectations that were met are counted by
word, as comments at the end.
"""
import collections
import glob
import json
import os
import re
import subprocess
import sys

VERDICTS = ("conforms", "deviation", "diverges", "unspecified", "skipped", "allowed")
WORDS = VERDICTS + ("held", "not", "unusual", "advice", "no", "says")


class Call:
    def __init__(self, line):
        self.line = line
        self.expected = []  # (line, word, rest)


class Tape:
    """A title, and the machines that are begun under it: lists of (number, line)."""
    def __init__(self, title, line):
        self.title = title
        self.line = line
        self.machines = [[]]


class Machine:
    """The text of one machine, and the calls in it."""
    def __init__(self, path, lines):
        self.path = path
        self.numbers = [number for number, _ in lines]
        self.text = "\n".join(plain(line) for _, line in lines) + "\n"
        self.calls = calls_of(path, lines)


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


def expectations(comment):
    """The expectations in a comment; none: it is an ordinary one."""
    # What `says` looks for may have any character in it.
    parts = [comment] if comment.startswith("says ") else [part.strip() for part in comment.split(";")]
    return parts if all(is_expectation(part) for part in parts) else []


def plain(line):
    """A line without the short form of bytes."""
    def runs(match):
        return re.sub(r"\b([0-9a-f]{2})\*(\d+)", lambda run: run.group(1) * int(run.group(2)), match.group(0))
    return re.sub(r'hex"[^"]*"', runs, line) if "*" in line else line


def repeated(line, times):
    return [re.sub(r"\$(?:\*(\w+))?", lambda m, i=i: str(i * int(m.group(1) or "1", 0)), line) for i in range(times)]


class Parser:
    """The tapes of a file."""
    def __init__(self, path):
        self.path = path
        self.preludes = {}
        self.tapes = [Tape(os.path.basename(path), 1)]
        self.into = self.tapes[0].machines[0]  # the lines go here
        self.begin = []                        # what the tape begins with
        self.times = 0
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f.read().split("\n"), 1):
                self.line(number, line)

    def prelude(self, number, name):
        if name not in self.preludes:
            raise ValueError(f"{self.path}:{number}: there is no prelude '{name}' above")
        return self.preludes[name]

    def line(self, number, line):
        match = re.match(r"# (tape:|prelude|with|begun|again with|again|\d+ times)(?: (.*))?$", line)
        word, rest = (match.group(1), (match.group(2) or "").strip()) if match else (None, "")
        if word != "tape:" and len(rest.split()) != (word in ("prelude", "with", "again with")):
            word = None  # a sentence
        if word == "tape:":
            self.tapes.append(Tape(rest, number))
            self.into, self.begin = self.tapes[-1].machines[0], []
        elif word == "prelude":
            self.into = self.preludes[rest] = []
        elif word == "with":
            if not any(split_comment(text)[0].strip() for _, text in self.into):
                self.begin = self.begin + self.prelude(number, rest)
            self.into += self.prelude(number, rest)
        elif word == "begun":
            self.begin = list(self.into)
        elif word in ("again", "again with"):
            self.begin = self.prelude(number, rest) if rest else self.begin
            self.into = list(self.begin)
            self.tapes[-1].machines.append(self.into)
        elif word:
            self.times = int(word.split()[0])
        elif self.times:
            self.into += [(number, text) for text in repeated(line, self.times)]
            self.times = 0
        else:
            self.into.append((number, line))


def parse(path):
    """The tapes of a file, each with its Machines."""
    tapes = Parser(path).tapes
    for tape in tapes:
        tape.machines = [Machine(path, lines) for lines in tape.machines]
    # Above the first title there may be no more than comments.
    return [tape for tape in tapes if tape.line > 1 or any(machine.calls for machine in tape.machines)]


def calls_of(path, lines):
    """The calls in the lines of a machine, with what is expected of them."""
    calls = []
    depth = 0
    last = None    # the call that comments are about
    pending = {}   # thread: its call that has begun
    for number, line in lines:
        code, comment = split_comment(line)
        if code.strip() and depth == 0 and not code[0].isspace():
            last = statement(code, number, calls, pending)
        depth += sum(code.count(c) for c in "({[") - sum(code.count(c) for c in ")}]")
        for said in expectations(comment) if comment else []:
            if not last:
                raise ValueError(f"{path}:{number}: no call stands before '{comment}'")
            word, _, rest = said.partition(" ")
            last.expected.append((number, word, rest.strip()))
    return calls


def statement(code, number, calls, pending):
    """The call that a statement is, None: it is something else."""
    match = re.match(r"(?:(begin|end)\s+)?(?:@(\d+)\s+)?(?:[A-Za-z_]\w*\s*(?:<[^>]*>)?\s*=\s*)?"
                     r"([A-Za-z_]\w*)\.(KVM_\w+|ioctl)\b", code)
    if not match:
        # Calls that are missing have numbers, too.
        gap = re.match(r"gap\s+(\d+)\b", code)
        calls += [Call(number) for _ in range(int(gap.group(1)) if gap else 0)]
        return None
    half, thread = match.group(1), match.group(2) or "0"
    if half == "end" and thread in pending:
        return pending.pop(thread)
    call = Call(number)
    calls.append(call)
    if half == "begin":
        pending[thread] = call
    return call


def judge(program, machines):
    """What the model says of each machine: events by number, or a message."""
    texts = [machine.text.encode() for machine in machines]
    run = subprocess.run([program], input=b"".join(b"%d\n%s" % (len(text), text) for text in texts),
                         stdout=subprocess.PIPE, check=False)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    if run.returncode or len(answers) != len(texts):
        raise ValueError(f"{program} ended with {run.returncode} after {len(answers)} of {len(texts)} texts")
    for machine, answer in zip(machines, answers):
        if isinstance(answer, list):
            yield {event["event"]: event for event in answer}, None
        else:
            number = machine.numbers[min(answer["line"], len(machine.numbers)) - 1]
            yield None, f"{machine.path}:{number}: {answer['message']}"


def check_verdict(event, word, rules):
    """As check(), for the words of verdicts."""
    verdict, rule, held = event["verdict"], event["rule"], event["held"]
    there = f"{verdict} {rule} ({' '.join(held)})"
    if word == "allowed":
        met = verdict != "diverges" and all(r in held for r in rules)
        return (None if met else there), [("held", r) for r in rules]
    if word == "diverges":
        met = verdict == word and (not rules or rules == [rule])
        return (None if met else there), [("broken", r) for r in rules]
    met = verdict == word and all(r in held or (word == "deviation" and r == rule) for r in rules)
    if word == "deviation" and rules and rule not in rules:
        met = False
    return (None if met else there), [(word if word == "deviation" else "held", r) for r in rules]


def check(event, word, rest):
    """None if the expectation is met; else what is there instead.  And the outcomes to be logged."""
    rules = rest.split() if word != "says" else []
    advice = [a["rule"] for a in event["advice"]]
    if word in VERDICTS:
        return check_verdict(event, word, rules)
    if word == "held":
        met = all(r in event["held"] for r in rules)
        return (None if met else f"held: {' '.join(event['held'])}"), [("held", r) for r in rules]
    if word == "not":
        there = [r for r in rules if r in event["held"]]
        # A rule that only allows something is never broken: a call that it does not excuse diverges by another one.
        return (f"{' '.join(there)} held" if there else None), \
            [("refused", r) for r in rules if event["verdict"] == "diverges"]
    if word == "unusual":
        return (None if rules == [event["unusual"]] else f"unusual: {event['unusual'] or 'nothing'}"), \
            [("broken", r) for r in rules]
    if word == "advice":
        missing = [r for r in rules if r not in advice]
        return (f"advice: {' '.join(advice) or 'none'}" if missing or not advice else None), [("held", r) for r in rules]
    if word == "no":
        rules = rules[1:]
        there = [r for r in advice if not rules or r in rules]
        return (f"advice: {' '.join(there)}" if there else None), [("refused", r) for r in rules]
    texts = [event["expected"], event["observed"]] + [a[key] for a in event["advice"] for key in ("detail", "statement")]
    return (None if any(re.search(rest, t) for t in texts) else f"says: {' | '.join(t for t in texts if t)}"), []


def check_machine(machine, events):
    """Faults of a machine, and what was met: (word, outcome, rule)."""
    faults, log = [], []
    first = machine.numbers[0] if machine.numbers else 1
    if len(events) > len(machine.calls):
        return [f"{machine.path}:{first}: {len(machine.calls)} calls were read, {len(events)} events judged"], []
    said = 0
    for index, call in enumerate(machine.calls):
        event = events.get(index)
        for number, word, rest in call.expected:
            said += 1
            if event is None:
                faults.append(f"{machine.path}:{number}: the call has no verdict")
                continue
            wrong, outcomes = check(event, word, rest)
            if wrong:
                faults.append(f"{machine.path}:{number}: expected '{(word + ' ' + rest).strip()}', is '{wrong}'")
            else:
                log += [(word, outcome, rule) for outcome, rule in outcomes or [(None, None)]]
        if event and event["verdict"] == "diverges" and not any(w in VERDICTS for _, w, _ in call.expected):
            faults.append(f"{machine.path}:{call.line}: diverges unexpectedly: {event['rule']}, "
                          f"expected {event['expected']}, observed {event['observed']}")
    if not said:
        faults.append(f"{machine.path}:{machine.numbers[-1]}: nothing is expected of the tape that ends here")
    return faults, log


def run(program, tapes):
    """Of each tape its faults and what was met."""
    answers = judge(program, [machine for tape in tapes for machine in tape.machines])
    for tape in tapes:
        faults, log = [], []
        for machine in tape.machines:
            events, message = next(answers)
            found, met = check_machine(machine, events) if events is not None else ([message], [])
            faults += found
            log += met
        yield tape, faults, log


def show(place):
    """Print the text of the tape at FILE:LINE."""
    path, _, number = place.rpartition(":")
    tape = max((tape for tape in parse(path) if tape.line <= int(number)), key=lambda tape: tape.line)
    machine = next((machine for machine in tape.machines if int(number) in machine.numbers), tape.machines[0])
    print(machine.text, end="")


def main():
    if sys.argv[1] == "--text":
        show(sys.argv[2])
        return 0
    program, paths = sys.argv[1], []
    for argument in sys.argv[2:]:
        # Globbed here and not by the build, which would not notice a new file.
        paths += sorted(glob.glob(os.path.join(argument, "*.tapes"))) if os.path.isdir(argument) else [argument]
    tapes = [tape for path in paths for tape in parse(path)]
    failed = 0
    words = collections.Counter()
    log = open(os.environ["KVMTAPE_RULE_LOG"], "a", encoding="utf-8") if os.environ.get("KVMTAPE_RULE_LOG") else None
    for count, (tape, faults, met) in enumerate(run(program, tapes), 1):
        name = f"{os.path.basename(tape.machines[0].path)}: {tape.title.replace('#', '')}"
        print(f"{'not ok' if faults else 'ok'} {count} - {name}")
        for fault in faults:
            print(f"# {fault}")
        failed += bool(faults)
        for word, outcome, rule in met:
            words[name.partition(":")[0], word] += 1
            if log and rule:
                log.write(f"{outcome} {rule} {name.replace('.tapes:', '')}\n")
    if not tapes:
        failed = 1
        print("not ok 1 - no tape was found")
    if os.environ.get("KVMTAPE_COUNT"):
        for (name, word), number in sorted(words.items()):
            print(f"# {name} {word} {number}")
    print(f"1..{max(len(tapes), 1)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
