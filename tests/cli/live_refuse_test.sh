#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kvmtape replay --live=host: what is refused is what the model holds for wrong, not what another kernel refused.
# Nothing is played here that could do harm: a tape that is taken either runs, or there is no /dev/kvm.
. "$(dirname "$0")/../tap.sh"

[[ $(uname -m) == x86_64 ]] || skip_all "the tapes are of x86"

# tape NAME CALLS: behind those that make a VM and a vCPU.
tape()
{
	{
		cat <<-'END'
		kernel 6.1.0
		backend kvm_intel
		vendor GenuineIntel
		cap KVM_CAP_USER_MEMORY = 1
		cap KVM_CAP_TSC_CONTROL = 0

		vm = kvm.KVM_CREATE_VM(0)
		cpu = vm.KVM_CREATE_VCPU(0)
		END
		cat
	} >"$tmp/$1.tapes"
	"$KVMTAPE" asm -f -o "$tmp/$1.tape" "$tmp/$1.tapes" || exit 99
	run timeout 60 "$KVMTAPE" replay --live=host "$tmp/$1.tape"
}

taken()
{
	unlike "$1 is taken" "$err" 'not played on host'
}

refused()
{
	is "$1 is refused: exit status" "$status" 125
	like "$1 is refused: said" "$err" "not played on host: .*$2"
}

# A host without TSC scaling refuses another frequency than its own, and the model knows it.
tape tsc <<<'cpu.KVM_SET_TSC_KHZ(1000000) = -EINVAL'
taken "KVM_SET_TSC_KHZ that a host without TSC scaling refused"
# Nothing is wrong with it; that kernel just has none, or had no memory.
tape clock <<<'vm.KVM_SET_CLOCK({.clock = 1000}) = -EINVAL'
refused "KVM_SET_CLOCK that diverges" violation
# Wrong by the documents, and refused: it has to be.
tape size <<<'vm.KVM_SET_USER_MEMORY_REGION({.slot = 0, .memory_size = 100, .userspace_addr = mem0}) = -EINVAL'
refused "a slot that is no multiple of a page" 'KVM_SET_USER_MEMORY_REGION, was refused when it was recorded, and has to be'
tape flags <<<'vm.KVM_ENABLE_CAP({.cap = KVM_CAP_SPLIT_IRQCHIP, .flags = 7}) = -EINVAL'
refused "KVM_ENABLE_CAP with flags" 'KVM_ENABLE_CAP, was refused'
# Wrong by the documents, and taken: worse.
tape taken <<<'vm.KVM_SET_USER_MEMORY_REGION({.slot = 0, .memory_size = 100, .userspace_addr = mem0}) = 0'
refused "a wrong slot that was taken" 'violation'
tap_done
