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
EXIT = "vcpu = vm.KVM_CREATE_VCPU(0)\nvcpu.KVM_RUN() => {.request_interrupt_window = 1, .exit_reason = KVM_EXIT_INTR} = -EINTR\n"
FPU = "vcpu = vm.KVM_CREATE_VCPU(0)\nvcpu.KVM_SET_FPU({.mxcsr = 0x1fa0}) = 0\n"

MET = [
    f"{RIGHT} # conforms API_VERSION_IS_12", f"{WRONG} # diverges API_VERSION_IS_12", f"{RIGHT} # allowed",
    f"{RIGHT} # not MEMORY_REGION_OVERLAP", f"{RIGHT} # no advice", f"{WRONG} # diverges",
    f"{WRONG} # says 0xb\n# diverges", f"{FPU}# advice LINT_FPU_MXCSR\n# says mxcsr = 0x1fa0",
    f"{RIGHT} # allowed API_VERSION_IS_12; held API_VERSION_IS_12; no advice",
    "vm.KVM_CREATE_IRQCHIP(0) = 0\nvm.KVM_CREATE_IRQCHIP(0) = -EEXIST # deviation CREATE_IRQCHIP_ONCE",
    f"{RIGHT} # held API_VERSION_IS_12", f"{WRONG} # diverges API_VERSION_IS_12; not MEMORY_REGION_OVERLAP",
    f"{EXIT}# allowed; unusual RUN_REQUESTS_STAY",
    "# 3 times\nvm.KVM_CHECK_EXTENSION($*0x10 + $) = 0\nvm.KVM_CHECK_EXTENSION(0x22) = 0 # conforms",
    'vcpu = vm.KVM_CREATE_VCPU(0)\nvcpu.KVM_GET_LAPIC() => hex"00*48 1400 0500 00*972" = 0 # diverges',
    # What stands at the end of a call is about that call.
    "begin @1 vm.KVM_CREATE_IRQCHIP(0)\nbegin @2 vm.KVM_CREATE_VCPU(1)\nend @2 vm.KVM_CREATE_VCPU = -EINVAL # allowed\n"
    "end @1 vm.KVM_CREATE_IRQCHIP = 0 # conforms CREATE_IRQCHIP_SUCCEEDS",
]
NOT_MET = [
    f"{RIGHT} # diverges API_VERSION_IS_12", f"{RIGHT} # unspecified", f"{RIGHT} # skipped", f"{RIGHT} # deviation",
    f"{RIGHT} # conforms MEMORY_REGION_OVERLAP", f"{WRONG} # diverges MEMORY_REGION_OVERLAP", f"{WRONG} # allowed",
    f"{RIGHT} # not API_VERSION_IS_12", f"{RIGHT} # advice", f"{RIGHT} # advice LINT_FPU_MXCSR", f"{RIGHT} # says 13",
    WRONG, RIGHT, f"{RIGHT} # conforms\n{WRONG}", f"{FPU}# no advice", "# no call stands in this one",
    "no text of a tape # conforms", f"{WRONG} # held API_VERSION_IS_12", f"{RIGHT} # unusual RUN_REQUESTS_STAY",
    f"{RIGHT} # allowed MEMORY_REGION_OVERLAP", f"{RIGHT} # conforms; held MEMORY_REGION_OVERLAP",
    "vm.KVM_CREATE_IRQCHIP(0) = 0\nvm.KVM_CREATE_IRQCHIP(0) = -EEXIST # deviation OBJECT_MUST_EXIST",
]
# With beginnings that stand once.
PRELUDES = f"# prelude host\nkernel 6.1.0\nbackend kvm_intel\n# prelude vm\n# with host\nvm = kvm.KVM_CREATE_VM(0)\n"
CHIP = "vm.KVM_CREATE_IRQCHIP(0) = 0 # conforms\n"
MET_ALONE = [
    f"# tape: the chip is there\n# with vm\n{CHIP}# begun\n{RIGHT} # conforms\n# again\n{RIGHT} # conforms\n",
    f"# tape: one\n# with vm\n{CHIP}", f"# tape: two\n# with vm\n{CHIP}# again\n{CHIP}",
    f"# tape: another beginning\n# with host\n{RIGHT} # conforms\n# again with vm\n{CHIP}# again\n{CHIP}",
]
NOT_MET_ALONE = [
    f"# tape: the chip is there\n# with vm\nvm.KVM_CREATE_IRQCHIP(0) = 0\n# begun\n{RIGHT} # conforms\n# again\n{CHIP}",
    f"# tape: no such prelude\n# with machine\n{CHIP}", f"# tape: not anew\n# with vm\n{CHIP}{CHIP}",
    f"# tape: the second one says nothing\n# with vm\n{CHIP}# again\nvm.KVM_CREATE_IRQCHIP(0) = 0\n",
    f"# tape: the second one is wrong\n# with vm\n{CHIP}# again\n{CHIP}{CHIP}",
]


def met(judge, text):
    """Every expectation of the tapes is met, and what is logged as tests of rules."""
    with tempfile.TemporaryDirectory(prefix="kvmtape-verdicts.") as directory:
        path = os.path.join(directory, "t.tapes")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text + "\n")
        try:
            results = list(verdicts_test.run(judge, verdicts_test.parse(path)))
        except ValueError as error:
            return False, str(error)
        faults = [fault for _, faults, _ in results for fault in faults]
        return (False, faults) if faults or not results else (True, [(o, r) for _, _, log in results for _, o, r in log])


def main():
    judge = sys.argv[1]
    results = [(f"met: {text}", met(judge, HEADER + text)[0]) for text in MET]
    results += [(f"not met: {text}", not met(judge, HEADER + text)[0]) for text in NOT_MET]
    results += [(f"met: {text}", met(judge, PRELUDES + text)[0]) for text in MET_ALONE]
    results += [(f"not met: {text}", not met(judge, PRELUDES + text)[0]) for text in NOT_MET_ALONE]
    _, log = met(judge, f"{HEADER}{RIGHT} # conforms API_VERSION_IS_12\n{WRONG} # diverges API_VERSION_IS_12")
    results.append(("what was met is logged as a test of the rule",
                    log == [("held", "API_VERSION_IS_12"), ("broken", "API_VERSION_IS_12")]))
    for count, (name, ok) in enumerate(results, 1):
        print(f"{'ok' if ok else 'not ok'} {count} - {name}".replace("\n", "; ").replace("#", ""))
    print(f"1..{len(results)}")
    return 0 if all(ok for _, ok in results) else 1


if __name__ == "__main__":
    sys.exit(main())
