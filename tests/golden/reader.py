#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A second reader, written from docs/tape-format.md alone: a test of that document.

reader.py FILE prints what the tape FILE holds, as the .items files of this directory have it.
reader.py --tap DIRECTORY holds every good tape of DIRECTORY against its .items file.
It reads whole tapes and checks nothing that it need not; zstd does the decompression.
"""

import subprocess
import sys
from pathlib import Path

RUN_IN, RUN_OUT = 2, 3


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def bytes(self, n):
        assert n <= self.left(), "too short"
        self.at += n
        return self.data[self.at - n:self.at]

    def u8(self):
        return self.bytes(1)[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def zigzag(self):
        v = self.varint()
        return (v >> 1) ^ -(v & 1)


class Half:
    def __init__(self):
        self.shapes, self.shape, self.slots, self.told = {}, [], {}, 0

    def take_shape(self, c):
        place = c.varint()
        if place:
            self.shape = self.shapes[place - 1]
            return
        shape = []
        for _ in range(c.varint()):
            role, flags, want, have = c.u8(), c.u8(), c.varint(), c.varint()
            shape.append((role, flags & 127, want, have, c.zigzag() if flags & 128 else None))
        self.shape = self.shapes[self.told % 15] = shape
        self.told += 1
        for role, _, _, have, _ in shape:
            slot = self.slots.setdefault(role, bytearray())
            if have > len(slot):
                slot.extend(bytes((have + 63) // 64 * 64 - len(slot)))

    def predict(self, other, mine, theirs):
        for role, _, _, have, _ in self.shape:
            if role == mine and theirs in other.slots:
                n = min(have, len(other.slots[theirs]))
                self.slots[mine][:n] = other.slots[theirs][:n]

    def take_data(self, c):
        mask = c.varint()
        for i, (role, _, _, have, _) in enumerate(self.shape):
            if not mask >> i & 1:
                continue
            slot, runs, at = self.slots[role], c.varint(), 0
            if not runs:
                slot[:have] = c.bytes(have)
            for _ in range(runs):
                at += c.varint()
                n = c.varint()
                slot[at:at + n] = c.bytes(n)
                at += n

    def text(self, arg):
        out = ""
        for role, flags, want, have, addr in self.shape:
            addr = 0 if addr is None else (arg + addr) % 2**64
            out += f" [{role} flags {flags} want {want} addr {addr:x} have {have}"
            out += f": {show(self.slots[role][:have])}]" if have else "]"
        return out


class Site:
    def __init__(self, thread, object_, request):
        self.thread, self.object, self.request = thread, object_, request
        self.arg = self.ret = 0
        self.halves = Half(), Half()


def show(data):
    if len(data) <= 128:
        return data.hex()
    sum_ = 0xCBF29CE484222325
    for byte in data:
        sum_ = (sum_ ^ byte) * 0x100000001B3 % 2**64
    return f"sum {sum_:x}"


class Tape:
    def __init__(self, path, out):
        self.data, self.out = path.read_bytes(), out
        self.kinds, self.open = {}, {}
        self.items = self.index = 0
        self.complete = False
        h = self.data
        assert h[8:16] == b"KVMTAPE\0" and int.from_bytes(h[16:18], "little") == 1
        self.shift, self.timeless = h[29], h[30] & 1
        for frame in self.frames():
            self.frame(Cursor(frame))
        out.append("end of file, complete" if self.complete else "end of file")

    def frames(self):
        """The contents of all zstd frames: skippable ones are cut out, the others end where their blocks do."""
        at = 0
        while at < len(self.data):
            magic = int.from_bytes(self.data[at:at + 4], "little")
            size = int.from_bytes(self.data[at + 4:at + 8], "little")
            if magic & 0xFFFFFFF0 == 0x184D2A50:
                at += 8 + size
                continue
            begin = at
            descriptor = self.data[at + 4]
            single = descriptor >> 5 & 1
            at += 5 + (not single) + (0, 1, 2, 4)[descriptor & 3]
            at += (single, 2, 4, 8)[descriptor >> 6]
            last = False
            while not last:
                head = int.from_bytes(self.data[at:at + 3], "little")
                last = head & 1
                at += 3 + (1 if head >> 1 & 3 == 1 else head >> 3)
            at += 4 * (descriptor >> 2 & 1)
            yield subprocess.run(["zstd", "-dcq"], input=self.data[begin:at], capture_output=True,
                                 check=True).stdout

    def frame(self, c):
        self.sites, self.columns = [], [Cursor(b""), Cursor(b"")]
        while c.left():
            type_ = c.varint()
            body = Cursor(c.bytes(c.varint()))
            name = "block_%d" % type_
            if hasattr(self, name):
                getattr(self, name)(body)
            else:
                assert type_ % 2 == 0, "a block that must be understood"

    def time(self, column):
        if self.timeless:
            return 0
        self.now += self.columns[column].zigzag()
        return self.now << self.shift

    def say(self, text):
        self.out.append(text)
        self.items += text.split()[0] in ("call", "return", "closed", "gap", "memory")

    def block_1(self, c):
        c.varint()
        assert c.varint() == self.index
        self.now = c.varint()

    def block_3(self, c):
        self.columns = [Cursor(c.bytes(c.varint())), Cursor(c.bytes(c.left()))]

    def block_5(self, c):
        arch, shift, flags, page = (c.varint() for _ in range(4))
        self.say(f"environment arch {arch} page {page} shift {shift}" + " timeless" * (flags & 1) +
                 " canonical" * (flags >> 1 & 1))
        for _ in range(c.varint()):
            key = c.bytes(c.varint()).decode()
            self.say(f"pair {key}={c.bytes(c.varint()).decode()}")
        cap = 0
        for _ in range(c.varint()):
            cap += c.varint()
            self.say(f"cap {cap}={c.zigzag()}")

    def block_7(self, c):
        id_, pid, tid = c.varint(), c.varint(), c.varint()
        self.say(f"thread {id_} pid {pid} tid {tid} comm '{c.bytes(c.varint()).decode()}'")

    def block_9(self, c):
        id_, parent, kind, flags = (c.varint() for _ in range(4))
        self.kinds[id_] = kind
        fd = c.zigzag()
        self.say(f"object {id_} parent {parent} kind {kind} flags {flags} fd {fd} "
                 f"number {(c.varint() - 1) % 2**64:x}")

    def block_11(self, c):
        id_ = c.varint()
        self.say(f"closed {id_} at {self.time(0)}")

    def block_13(self, c):
        self.sites.append(Site(c.varint(), c.varint(), c.varint()))

    def call(self, c, site, flags):
        if flags & 1:
            site.arg = c.varint()
        half, other = site.halves
        if flags & 2:
            half.take_shape(c)
        half.predict(other, RUN_IN, RUN_OUT)
        if flags & 4:
            half.take_data(c)
        text = (f"{self.index} at {self.time(0)} thread {site.thread} object {site.object} "
                f"kind {self.kinds[site.object]} request {site.request:x} arg {site.arg:x}" +
                half.text(site.arg))
        self.say("call " + text)
        self.open[site.thread] = text, self.items
        self.index += 1

    def ret(self, c, site, flags):
        if flags & 8:
            site.ret = c.zigzag()
        other, half = site.halves
        if flags & 16:
            half.take_shape(c)
        half.predict(other, RUN_OUT, RUN_IN)
        if flags & 32:
            half.take_data(c)
        created = c.varint() if flags & 64 else 0
        text, item = self.open.pop(site.thread)
        self.say(f"return at {self.time(1)} ret {site.ret} created {created}" +
                 " overlapped" * (item != self.items) + half.text(site.arg) + " of " + text)

    def block_15(self, c):
        site, flags = self.sites[c.varint()], c.varint()
        self.call(c, site, flags)
        self.ret(c, site, flags)

    def block_17(self, c):
        self.call(c, self.sites[c.varint()], c.varint())

    def block_19(self, c):
        self.ret(c, self.sites[c.varint()], c.varint())

    def block_21(self, c):
        cause, events = c.varint(), c.varint()
        self.say(f"gap at {self.time(0)} events {events} cause {cause}")
        self.index += events

    def block_23(self, c):
        id_, gpa, n = c.varint(), c.varint(), c.varint()
        self.say(f"memory object {id_} gpa {gpa:x} len {n}:{show(c.bytes(n))}")

    def block_24(self, c):
        what = c.varint()
        if what > 2:
            return
        if what == 2:
            text = f"signals lost {c.varint()}"
        else:
            thread, number, outcome, flags, code, sender = (c.varint(), c.varint(), c.varint(), c.varint(), c.zigzag(),
                                                            c.varint())
            text = (f"signal {number} what {what} outcome {outcome}" + " process" * (flags & 1) +
                    f" code {code} thread {thread} sender {sender}")
        self.say(f"{text} at {0 if self.timeless else (self.now + c.zigzag()) << self.shift}")

    def block_25(self, c):
        seen, written, unreturned = c.varint(), c.varint(), c.varint()
        lost = "".join(f" {c.varint()}" for _ in range(c.varint()))
        self.say(f"end seen {seen} written {written} unreturned {unreturned} lost{lost}")
        self.complete = True


def read(path):
    out = []
    Tape(path, out)
    return "\n".join(out) + "\n"


def main():
    if sys.argv[1] != "--tap":
        sys.stdout.write(read(Path(sys.argv[1])))
        return 0
    directory = Path(sys.argv[2])
    tapes = sorted(p for p in directory.glob("*.tape") if "error" not in p.with_suffix(".items").read_text())
    print(f"1..{len(tapes)}")
    failed = False
    for n, path in enumerate(tapes, 1):
        good = read(path) == path.with_suffix(".items").read_text()
        failed |= not good
        print(f"{'ok' if good else 'not ok'} {n} - {path.stem}")
    return int(failed or len(tapes) < 6)


sys.exit(main())
