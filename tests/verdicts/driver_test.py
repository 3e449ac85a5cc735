#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""verdicts_test.py finds what is wrong: an expectation of each kind that is not met, and tapes of which nothing is expected."""
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import verdicts_test  # noqa: E402

HEADER = "kernel 6.1.0\nbackend kvm_intel\nvm = kvm.KVM_CREATE_VM(0)\n"
RIGHT = "kvm.KVM_GET_API_VERSION() = 12"
WRONG = "kvm.KVM_GET_API_VERSION() = 11"
FPU = "vcpu = vm.KVM_CREATE_VCPU(0)\nvcpu.KVM_SET_FPU({.mxcsr = 0x1fa0}) = 0\n"

MET = [
    f"{RIGHT} # conforms API_VERSION_IS_12", f"{WRONG} # diverges API_VERSION_IS_12", f"{RIGHT} # allowed",
    f"{RIGHT} # not MEMORY_REGION_OVERLAP", f"{RIGHT} # no advice", f"{WRONG} # diverges",
    f"{WRONG} # says 0xb\n# diverges", f"{FPU}# advice LINT_FPU_MXCSR\n# says mxcsr = 0x1fa0",
    # What stands at the end of a call is about that call.
    "begin @1 vm.KVM_CREATE_IRQCHIP(0)\nbegin @2 vm.KVM_CREATE_VCPU(1)\nend @2 vm.KVM_CREATE_VCPU = -EINVAL # allowed\n"
    "end @1 vm.KVM_CREATE_IRQCHIP = 0 # conforms CREATE_IRQCHIP_SUCCEEDS",
]
NOT_MET = [
    f"{RIGHT} # diverges API_VERSION_IS_12", f"{RIGHT} # unspecified", f"{RIGHT} # skipped", f"{RIGHT} # deviation",
    f"{RIGHT} # conforms MEMORY_REGION_OVERLAP", f"{WRONG} # diverges MEMORY_REGION_OVERLAP", f"{WRONG} # allowed",
    f"{RIGHT} # not API_VERSION_IS_12", f"{RIGHT} # advice", f"{RIGHT} # advice LINT_FPU_MXCSR", f"{RIGHT} # says 13",
    WRONG, RIGHT, f"{RIGHT} # conforms\n{WRONG}", f"{FPU}# no advice", "# no call stands in this one",
    "no text of a tape # conforms",
]


def met(kvmtape, text):
    """Every expectation of the tape is met, and what is logged as a test of a rule."""
    with tempfile.TemporaryDirectory(prefix="kvmtape-verdicts.") as directory:
        path = os.path.join(directory, "t.tapes")
        with open(path, "w", encoding="utf-8") as f:
            f.write(HEADER + text + "\n")
        log = []
        try:
            tapes = verdicts_test.parse(path)
        except ValueError as error:
            return False, str(error)
        for tape in tapes:
            events, message = verdicts_test.judge(kvmtape, directory, tape)
            if events is None:
                return False, message
            faults, logged = verdicts_test.check_tape(path, tape, events)
            if faults:
                return False, faults
            log += logged
        return bool(tapes), log


def main():
    kvmtape = sys.argv[1]
    results = [(f"met: {text}", met(kvmtape, text)[0]) for text in MET]
    results += [(f"not met: {text}", not met(kvmtape, text)[0]) for text in NOT_MET]
    _, log = met(kvmtape, f"{RIGHT} # conforms API_VERSION_IS_12\n{WRONG} # diverges API_VERSION_IS_12")
    results.append(("what was met is logged as a test of the rule",
                    [outcome[:2] for outcome in log] == [("held", "API_VERSION_IS_12"), ("broken", "API_VERSION_IS_12")]))
    for count, (name, ok) in enumerate(results, 1):
        print(f"{'ok' if ok else 'not ok'} {count} - {name}".replace("\n", "; ").replace("#", ""))
    print(f"1..{len(results)}")
    return 0 if all(ok for _, ok in results) else 1


if __name__ == "__main__":
    sys.exit(main())
