# SPDX-License-Identifier: BSD-2-Clause
"""TAP for tests in Python: where a shell would start thousands of processes.

    tap = Tap()
    tap.ok("what should be", it_is, "what is instead")
    tap.done()
"""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, what, good, instead=""):
        self.count += 1
        self.failed += not good
        print("%sok %d - %s" % ("" if good else "not ", self.count, what))
        if not good:
            for line in str(instead)[:2000].splitlines()[:40]:
                print("# " + line)
        return good

    def equal(self, what, have, want):
        return self.ok(what, have == want, "got:  %s\nwant: %s" % (have, want))

    def done(self):
        print("1..%d" % self.count)
        sys.exit(1 if self.failed else 0)


def run(*command, text=None):
    """Status, standard output and standard error of a command, as bytes."""
    done = subprocess.run([str(word) for word in command], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def each(function, items):
    """function(item) of each, two at a time; results in order.  What waits for a process needs no Python meanwhile."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(function, items))


def check_tapes(corpus, look):
    """A whole test: look(path) of every tape of the corpus, which gives (what, good, instead) of each check."""
    tap = Tap()
    tapes = sorted(os.path.join(folder, file) for folder, _, files in os.walk(corpus) for file in files
                   if file.endswith(".tape"))
    tap.ok("there are tapes", len(tapes) >= 100, len(tapes))
    for checks in each(look, tapes):
        for check in checks:
            tap.ok(*check)
    tap.done()
