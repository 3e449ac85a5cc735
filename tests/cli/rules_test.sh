#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kvmtape rules: list, search, show, coverage; kvmtape replay --lint.
. "$(dirname "$0")/../tap.sh"

pc=$CORPUS/qemu/pc.tape

run "$KVMTAPE" rules
is "list: exit status" "$status" 0
all=$(sed -n 's/^\([0-9]*\) of \1 rules$/\1/p' <<<"$out")
is "list: a line for each rule, and their number" "$(wc -l <<<"$out")" $((all + 1))
run "$KVMTAPE" rules irq_line api.rst
like "search: one that has both words" "$out" '^IRQ_LINE_NEEDS_CHIP +promise +api\.rst § 4\.25$'
unlike "search: none that has not" "$out" '^REGS_SAME'
run "$KVMTAPE" rules --arch powerpc --kind advice
is "filters: none is left" "$out" "0 of $all rules"
run "$KVMTAPE" rules --kernel 5.10 LINT_CPUID
like "filter by kernel" "$out" '^LINT_CPUID_AFTER_RUN'
run "$KVMTAPE" rules --json
is "list --json: header and all rules" "$(wc -l <<<"$out")" $((all + 1))
ok "list --json: keys" python3 -c '
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
assert all(l["type"] == "rule" and l["kind"] and l["architectures"] and l["statement"] for l in lines[1:])' "$tmp/run.out"

run "$KVMTAPE" rules --show irq_line_needs_chip "$pc"
is "show: exit status" "$status" 0
like "show: statement" "$out" '^says +Setting a line without'
like "show: source, with its title" "$out" '^source +api\.rst § 4\.25 KVM_IRQ_LINE$'
like "show: the errors of its row" "$out" '^errors +ENXIO$'
unlike "show: a tape that does not confirm is not named" "$out" '^confirmed'
run "$KVMTAPE" rules --show MSRS_BASES_MISSING
like "show: on which back end" "$out" '^back end +kvm_amd only$'
like "show: a stable kernel with the change" "$out" '^stable +6\.1\.110 and later$'
like "show: one of which the release is not known" "$out" '^stable +6\.6, from which release on is not known$'
run "$KVMTAPE" rules --show XEN_CONFIG_MSR
like "show: any older series" "$out" '^stable +any older series, '
run "$KVMTAPE" rules --show RUN_SYSTEM_EVENT_DATA
like "show: with which capability" "$out" '^with +KVM_CAP_SYSTEM_EVENT_DATA$'
run "$KVMTAPE" rules --json --show MSRS_BASES_MISSING
ok "show --json: conditions" python3 -c '
import json, sys
rule = json.loads(open(sys.argv[1]).read().splitlines()[1])
assert rule["back_ends"] == ["kvm_amd"] and rule["with"] is rule["without"] is None, rule
assert {"series": "6.1", "patch": 110} in rule["stable"] and {"series": "6.6", "patch": None} in rule["stable"], rule
assert {"name": "KVM_GET_MSRS", "capability": None} in rule["ioctls"], rule' "$tmp/run.out"
run "$KVMTAPE" rules kvm_intel
like "search by back end" "$out" '^SET_TSS_ADDR_CONFLICT '
unlike "search by back end: not what others have, too" "$out" '^SET_TSS_ADDR_SUCCEEDS '
run "$KVMTAPE" rules KVM_CAP_NESTED_STATE
like "search by capability" "$out" '^NESTED_NOT_POSSIBLE '
run "$KVMTAPE" rules --for KVM_SMI
like "--for: what announces it" "$out" '^KVM_SMI: .*, announced by KVM_CAP_X86_SMM$'
like "--for: when the rule holds" "$out" '^  ENOTTY +SMI_WITHOUT_SMM \(deviation; without KVM_CAP_X86_SMM\)$'
run "$KVMTAPE" rules --for KVM_GET_NR_MMU_PAGES
like "--for: an ioctl without a section" "$out" '^  ENOTTY +GET_NR_MMU_PAGES_REMOVED '
run "$KVMTAPE" rules --for KVM_SET_MSRS
like "--for: rules of other documents" "$out" '^ +MSRS_RESERVED \(promise\)$'
run "$KVMTAPE" rules --for KVM_GET_MSRS
like "--for: on which kernels and back ends" "$out" ' MSRS_BASES_MISSING \(deviation; before 6\.11; kvm_amd only\)$'
run "$KVMTAPE" rules --show REGS_SAME "$pc"
like "show: the tape that confirms, from which event on" "$out" '^confirmed +[0-9]+ times by .*pc\.tape, first at event [0-9]+ \(kernel '
run "$KVMTAPE" rules --show NO_SUCH_RULE
is "show: no such rule" "$status" 2
like "show: no such rule is said" "$err" "no rule 'NO_SUCH_RULE'"

run "$KVMTAPE" rules --show d-36
is "show a finding: exit status" "$status" 0
like "show a finding: its entry" "$out" '^D-36 KVM_CREATE_IRQCHIP$'
like "show a finding: what kernels do" "$out" '^Kernel: EEXIST '
like "show a finding: the rules that refer to it" "$out" '^CREATE_IRQCHIP_ONCE deviation$'
run "$KVMTAPE" rules --show A-4.24-06
like "show a statement: the rules that refer to it" "$out" '^CREATE_IRQCHIP_BEFORE_VCPUS deviation$'
run "$KVMTAPE" rules --json --show V-1.1-02
like "show --json: a statement" "$out" '^\{"type": ?"statement", ?"id": ?"V-1\.1-02"'
run "$KVMTAPE" rules --show D-999
is "show: no such finding" "$status" 2
run "$KVMTAPE" rules --show D-36 "$pc"
is "show a finding with a tape: usage error" "$status" 2
run "$KVMTAPE" rules 4.2
unlike "search by section: no other that begins alike" "$out" '§ 4\.25'
run "$KVMTAPE" rules D-4
is "search by reference: no other that begins alike" "$out" "0 of $all rules"
run "$KVMTAPE" rules ENXIO 4.25
like "search by errno and section" "$out" '^IRQ_LINE_NEEDS_CHIP '
unlike "search by errno: not what gives another" "$out" '^IRQ_LINE_SUCCEEDS'
run "$KVMTAPE" rules --for irq_line --arch x86 --kernel 6.1
is "--for: exit status" "$status" 0
like "--for: the errors" "$out" '^  ENXIO +IRQ_LINE_NEEDS_CHIP \(promise\)$'
like "--for: what else holds" "$out" '^ +IRQ_LINE_SUCCEEDS \(promise\)$'
unlike "--for: of this architecture" "$out" 'ARM_IRQ_LINE'
run "$KVMTAPE" rules --for IRQ_LIN
is "--for: no such ioctl" "$status" 2
like "--for: the nearest" "$err" 'did you mean KVM_IRQ_LINE'
run "$KVMTAPE" rules --for IRQ_LINE --coverage "$pc"
is "--for and --coverage: usage error" "$status" 2

run "$KVMTAPE" rules --coverage --missed "$pc"
is "coverage: exit status" "$status" 0
like "coverage: by section" "$out" '^api\.rst § 4\.25 +[0-9]+ of +[0-9]+ '
like "coverage: by kind" "$out" '^promise +[0-9]+ of +[0-9]+ '
like "coverage: in all" "$(tail -n1 <<<"$out")" '^all +[0-9]+ of +[0-9]+ +[0-9.]+ %$'
like "coverage: what is missed" "$out" '^IRQ_LINE_NEEDS_CHIP '
unlike "coverage: not what is reached" "$out" '^REGS_SAME '
run "$KVMTAPE" rules --coverage --json "$pc" "$CORPUS/qemu/split.tape"
ok "coverage --json: sums" python3 -c '
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
last = lines[-1]
kinds = [l for l in lines if l["type"] == "kind"]
assert last["type"] == "coverage" and 0 < last["reached"] < last["rules"]
assert sum(k["reached"] for k in kinds) == last["reached"] and sum(k["rules"] for k in kinds) == last["rules"]' "$tmp/run.out"
run "$KVMTAPE" rules --coverage
is "coverage of nothing: usage error" "$status" 2
run "$KVMTAPE" rules --missed
is "--missed alone: usage error" "$status" 2
run "$KVMTAPE" rules --coverage "$0"
is "coverage of what is no tape" "$status" 2

"$KVMTAPE" asm -o "$tmp/lint.tape" "$CORPUS/handmade/lint.tapes"
run "$KVMTAPE" replay --lint "$pc"
like "lint: nothing to say of QEMU" "$out" '^ +none$'
run "$KVMTAPE" replay --lint "$tmp/lint.tape"
is "lint: changes no exit status" "$status" 0
like "lint: rule and how often" "$out" '^ +[0-9]+  LINT_TSC_DEADLINE_DROPPED: .*\[api\.rst § 4\.19, 4\.58\]$'
like "lint: event" "$out" '^advice event [0-9]+, thread [0-9]+: KVM_SET_MSRS: LINT_TSC_DEADLINE_DROPPED '
run "$KVMTAPE" replay --lint --fail-on=advice "$tmp/lint.tape"
is "lint: --fail-on=advice, and there is some" "$status" 1
run "$KVMTAPE" replay --lint --fail-on=advice "$pc"
is "lint: --fail-on=advice, and there is none" "$status" 0
run "$KVMTAPE" replay "$tmp/lint.tape"
unlike "no advice unless asked" "$out" LINT_
run "$KVMTAPE" replay --lint --json "$tmp/lint.tape"
ok "lint --json: lines and their sum" python3 -c '
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
advice = [l for l in lines if l["type"] == "advice"]
assert advice and all(l["rule"]["id"].startswith("LINT_") and l["detail"] for l in advice)
assert sum(r["events"] for r in lines[-1]["advice"]) == len(advice)' "$tmp/run.out"
run "$KVMTAPE" rules SET_CPUID2
is "by an ioctl: exit status" "$status" 0
like "by an ioctl: rules of its section, whatever their names" "$out" '^CPUID_SET_SUCCEEDS +promise +api.rst § 4.20'
unlike "by an ioctl: not those of other sections" "$out" '^API_VERSION_IS_12 '
tap_done
