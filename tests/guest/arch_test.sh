#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Tapes of the corpus played on a live kernel of another architecture (docs/seed-arm64-ppc.md): nothing diverges, nothing is
# left out, and each rule that is to be confirmed there was.
#
#	arch_test.sh KERNEL
. "$(dirname "$0")/../tap.sh"
kernel=$1
corpus=$(dirname "$0")/../../corpus/handmade

# Rules that the live answers must have been checked by and held.
arm="ARCH_CREATE_VM ARCH_CREATE_VCPU ARCH_CREATE_VCPU_ID ARCH_CREATE_VCPU_TAKEN ARM_PREFERRED_TARGET
	ARM_RUN_BEFORE_INIT ARM_REG_BEFORE_INIT REG_LIST_NEEDS_INIT ARM_INIT ARM_INIT_AGAIN ARM_INIT_OTHER_TARGET
	ARM_INIT_OTHER_FEATURES ARM_INIT_UNKNOWN_FEATURE ARM_INIT_NO_CAP ARM_INIT_32BIT ARM_INIT_WIDTH ARM_INIT_POWERED_OFF ARM_INIT_POWERED_ON ARM_INIT_RESETS
	ARM_PSCI_VERSION SYSTEM_EVENT_TYPE SYSTEM_EVENT_FLAGS SYSTEM_EVENT_RUN_AGAIN ARM_EVENT_STOPS ARM_EVENT_RESULT
	ARCH_RUN_IMMEDIATE ARCH_RUN_INTERRUPTED ARCH_RUN_MMIO ARCH_MP_STATE_GET ARCH_MP_STATE_SET
	ARCH_MP_STATE_SAME ARCH_MP_STATE_OTHER ARCH_MP_STATE_SUSPENDED ARM_REG_CORE ARM_REG_CORE_SIZE ARM_REG_CORE_RANGE
	ARM_REG_FOREIGN ARM_REG_REFUSED ARM_REG_SAME ARM_MMIO_COMPLETED ARCH_REG_LIST ARCH_REG_LIST_TOO_SMALL ARCH_REG_LIST_COUNT ARCH_REG_LIST_IDS
	ARCH_GUEST_DEBUG ARCH_GUEST_DEBUG_BITS MEMORY_REGION_SUCCEEDS MEMORY_REGION_OVERLAP MEMORY_REGION_ALIGNED
	DIRTY_LOG_SUCCEEDS DIRTY_LOG_NONE API_VERSION_IS_12"
case $kernel in
bookworm-arm64)
	qemu=qemu-system-aarch64 skipped=0
	tapes="arm64-init arm64-power-off arm64-psci arm64-registers-live"
	rules="$arm ARM_INIT_LEFTOVERS"
	;;
trixie-arm64 | sid-arm64)
	qemu=qemu-system-aarch64 skipped=0
	tapes="arm64-init arm64-power-off arm64-psci arm64-registers-live"
	rules="$arm ARM_INIT_POWER_OFF_APART"
	;;
*-ppc64le)
	qemu=qemu-system-ppc64 skipped=1
	tapes=ppc-registers
	rules="PPC_REG_WIDTH PPC_REG_TRANSFER PPC_REG_KNOWN PPC_REG_SAME PPC_REG_ABSENT PPC_REG_FOREIGN PPC_RTAS_DEFINED
		PPC_RTAS_TAKEN PPC_RTAS_FORGOTTEN PPC_RTAS_NO_SERVICE PPC_CREATE_VCPU_TAKEN ARCH_GUEST_DEBUG"
	;;
*-riscv64)
	qemu=qemu-system-riscv64 skipped=0
	tapes=riscv-smoke
	rules="ARCH_CREATE_VM ARCH_CREATE_VCPU ARCH_CREATE_VCPU_TAKEN ARCH_MP_STATE_SAME ARCH_MP_STATE_OTHER ARCH_REG_LIST_TOO_SMALL
		ARCH_REG_LIST_COUNT ARCH_REG ARCH_RUN_IMMEDIATE MEMORY_REGION_OVERLAP"
	;;
*)
	echo "no tapes for the kernel '$kernel'" >&2
	exit 99
	;;
esac
need $qemu "guest:$kernel"

for tape in $tapes; do
	run "$KVMTAPE" asm "$corpus/$tape.tapes" -o "$tmp/$tape.tape"
	is "$tape: text" "$status" 0
	run timeout -k 5 120 "$KVMTAPE" replay --live=guest:"$kernel" --json -o "$tmp/live" "$tmp/$tape.tape"
	is "$tape: played" "$status" 0
	is "$tape: calls that were skipped" "$(jq -r 'select(.skipped != null) | .skipped' <<<"$out" | tail -1)" $skipped
	run "$KVMTAPE" replay --rules "$tmp/live"
	is "$tape: judged" "$status" 0
	unlike "$tape: nothing diverges" "$out" '^ *violation +[1-9]'
	cat "$tmp/run.out" >>"$tmp/rules"
	rm -f "$tmp/live"
done
for rule in $rules; do
	ok "$rule was checked, and held" grep -Eq "^ *[1-9][0-9]*  $rule\$" "$tmp/rules"
done

# A tape has as many bytes of a register as its id says. How many the kernel writes, only the owner of the buffer sees.
if [[ $kernel == *-ppc64le && -n ${PPC_WIDTH-} ]]; then
	run timeout -k 5 120 "$KVMTAPE" guest run --kernel "$kernel" "$PPC_WIDTH"
	for width in 'ARCH_COMPAT 4' 'DABRX 4' 'WORT 8' 'DSISR 4' 'DAR 8' 'VR0 16'; do
		like "bytes written: $width" "$out" "^$width\$"
	done
	# Registers of other processors than the emulated one: not there, or as wide as the list says.
	for width in 'SPRG9 (8|EINVAL)' 'DBSR (4|EINVAL)' 'TM_GPR0 (8|EINVAL)' 'TM_GPR31 (8|EINVAL)'; do
		like "bytes written: $width" "$out" "^$width\$"
	done
fi
tap_done
