#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Which file calls which, as the symbols of the static libraries have it: what stands lower calls nothing that stands higher,
and within a room no files call each other in a circle.

floors_test.py BUILD FLOORS LIBRARY...

FLOORS: the folders of model/, lowest first.  Includes are checked by includes_test.sh.
"""
import collections
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Tap, run  # noqa: E402

# Circles that there are, by room.  One that is gone is taken out here; there is no place for new ones.
CIRCLES = {
    "fuzz": ["campaign campaign_state campaign_status campaign_triage"],
    "kvmapi": ["names regs value"],
    "model": ["areas_cap areas_irqchip areas_system", "areas_memslot areas_vm",
              "frame_group frame_model frame_touch"],
    "replayer": ["judge_minimise judge_minimise_arguments", "live_player_player live_player_serve"],
    "tape": ["asm asm_call"],
}


class Symbols:
    """The calls between files: {(room, file): {(room, file): names of symbols}}."""

    def __init__(self):
        self.defined = collections.defaultdict(set)  # symbol: files
        self.wanted = collections.defaultdict(set)   # file: symbols

    def read(self, room, lines):
        """Lines of nm -A -P."""
        for line in lines:
            found = re.match(r".*?\[(?:.*/)?([^/\]]+?)(?:\.c)?\.o\]: (\S+) (\S)", line)
            if not found:
                continue
            file, name, kind = found.groups()
            if kind == "U":
                self.wanted[room, file].add(name)
            elif kind.isupper():
                self.defined[name].add((room, file))

    def calls(self):
        calls = collections.defaultdict(lambda: collections.defaultdict(set))
        for caller, names in self.wanted.items():
            for name in names:
                for owner in self.defined.get(name, ()):
                    if owner != caller:
                        calls[caller][owner].add(name)
        return calls


def upward(calls, order):
    """Calls from a floor to a higher one.  `order`: rooms, or ROOM/FOLDER; the names of objects begin with the folder."""
    def floor(file):
        place = file[0] if file[0] in order else "/".join((file[0], file[1].split("_")[0]))
        return order.index(place) if place in order else None

    return ["%s/%s -> %s/%s: %s" % (caller + owner + (", ".join(sorted(names)),))
            for caller, owners in sorted(calls.items()) for owner, names in sorted(owners.items())
            if floor(caller) is not None and floor(owner) is not None and floor(caller) < floor(owner)]


def circles(calls, room):
    """The sets of files of a room of which each calls, by way of others of them, each."""
    inside = {caller: [owner for owner in owners if owner[0] == room] for caller, owners in calls.items() if caller[0] == room}

    def reached(start):
        seen, left = set(), [start]
        while left:
            for owner in inside.get(left.pop(), ()):
                if owner not in seen:
                    seen.add(owner)
                    left.append(owner)
        return seen

    reach = {file: reached(file) for file in inside}
    return sorted({" ".join(sorted(other[1] for other in reach[file] if file in reach.get(other, ())))
                   for file in reach if file in reach[file]})


def planted():
    """A call of state to the frame, which calls back by way of answer."""
    symbols = Symbols()
    symbols.read("model", ["m.a[m/state_a.c.o]: low T 0 1", "m.a[m/state_a.c.o]: high U", "m.a[m/frame_b.c.o]: high T 0 1",
                           "m.a[m/frame_b.c.o]: between U", "m.a[m/answer_c.c.o]: between T 0 1",
                           "m.a[m/answer_c.c.o]: low U", "m.a[m/answer_c.c.o]: own t 0 1"])
    return symbols.calls()


def main():
    build, floors, libraries = sys.argv[1], sys.argv[2].split(), sys.argv[3:]
    order = ["base", "kvmapi", "tape"] + ["model/" + floor for floor in floors]
    tap = Tap()

    tap.equal("a planted call upwards is seen", upward(planted(), order), ["model/state_a -> model/frame_b: high"])
    tap.equal("a planted circle is seen", circles(planted(), "model"), ["answer_c frame_b state_a"])

    symbols = Symbols()
    rooms = []
    for library in libraries:
        room = os.path.relpath(library, build).split("/")[0]
        rooms += [room] if room not in rooms else []
        symbols.read(room, run("nm", "-A", "-P", library)[1].decode().splitlines())
    calls = symbols.calls()
    seen = {file.split("_")[0] for room, file in calls if room == "model"}
    tap.equal("there are objects of every floor but the lowest that calls nothing", sorted(seen | {floors[0]}),
              sorted(floors))
    tap.equal("nothing calls what stands higher", upward(calls, order), [])
    for room in rooms:
        found = circles(calls, room)
        for circle in found:
            print("# a circle in %s/: %s" % (room, circle))
        tap.equal("%s/ has no other circles of files than are known" % room, found, CIRCLES.get(room, []))
    tap.done()


main()
