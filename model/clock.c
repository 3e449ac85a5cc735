/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmclock (api.rst 4.29, 4.30) and the TSC frequency of a VM (4.55, 4.56).  Times are never
 * compared. */
#include "kvmapi/kvm_newer.h"
#include "model/vcpu.h"
#include "model/vm.h"

/* api.rst 4.29 */
static void get_clock(struct judge *j)
{
	int32_t defined = q_cap(j->q, KVM_CAP_ADJUST_CLOCK);
	uint64_t flags, realtime, tsc, pad[3], clock;

	if (!j_succeeds(j, R_GET_CLOCK_SUCCEEDS))
		return;
	if (!J_OUT(j, struct kvm_clock_data, clock, &clock) ||
	    !J_OUT(j, struct kvm_clock_data, flags, &flags))
		return;
	/* Kernels without flags to report answer the capability with 1. */
	if (defined > 0)
		j_check(j, R_GET_CLOCK_FLAGS, !(flags & ~(uint64_t)(defined == 1 ? 0 : defined)),
			"flags that KVM_CAP_ADJUST_CLOCK names", "flags = 0x%llx",
			(unsigned long long)flags);
	if (J_OUT(j, struct kvm_clock_data, realtime, &realtime) && !(flags & KVM_CLOCK_REALTIME))
		j_keeps(j, R_GET_CLOCK_EMPTY, !realtime, "realtime = 0 without its flag", "0x%llx",
			(unsigned long long)realtime);
	if (J_OUT(j, struct kvm_clock_data, host_tsc, &tsc) && !(flags & KVM_CLOCK_HOST_TSC))
		j_keeps(j, R_GET_CLOCK_EMPTY, !tsc, "host_tsc = 0 without its flag", "0x%llx",
			(unsigned long long)tsc);
	j_promise(j, R_GET_CLOCK_EMPTY, j->out, offsetof(struct kvm_clock_data, pad0), 4);
	j_promise(j, R_GET_CLOCK_EMPTY, j->out, offsetof(struct kvm_clock_data, pad), 16);
	if (J_OUT(j, struct kvm_clock_data, pad0, &pad[0]) &&
	    q_field(j->q, j->out, offsetof(struct kvm_clock_data, pad), 8, &pad[1]) &&
	    q_field(j->q, j->out, offsetof(struct kvm_clock_data, pad) + 8, 8, &pad[2]))
		j_keeps(j, R_GET_CLOCK_EMPTY, !(pad[0] | pad[1] | pad[2]), "padding of zero",
			"padding is not zero");
	if (j->vm->scratch[VM_SCRATCH_CLOCK])
		j_check(j, R_GET_CLOCK_ADVANCES,
			clock + 1000000000 >= j->vm->scratch[VM_SCRATCH_CLOCK],
			"a clock that does not go back", "%llu ns after %llu ns",
			(unsigned long long)clock,
			(unsigned long long)j->vm->scratch[VM_SCRATCH_CLOCK] - 1);
	if (clock < UINT64_MAX - 2000000000)
		j->vm->scratch[VM_SCRATCH_CLOCK] = 1 + clock;
	if (q_kernel(j->q) >= MODEL_KERNEL(5, 16) && flags & KVM_CLOCK_REALTIME)
		/* Later than the API that tells of it (2021), and before 2262. */
		j_check(j, R_GET_CLOCK_REALTIME,
			realtime >> 63 == 0 && realtime / 1000000000 > 1600000000, "a real time",
			"%llu ns", (unsigned long long)realtime);
}

/* api.rst 4.30 */
static void set_clock(struct judge *j)
{
	int32_t defined = q_cap(j->q, KVM_CAP_ADJUST_CLOCK);
	uint64_t flags, clock = UINT64_MAX;

	if (!Q_IN(j->q, struct kvm_clock_data, flags, &flags)) {
		j->vm->scratch[VM_SCRATCH_CLOCK] = 0;
		j_skip(j, "argument not captured");
		return;
	}
	if (q_kernel(j->q) && q_kernel(j->q) < MODEL_KERNEL(5, 16))
		defined = 0; /* what GET reported was refused then */
	if (defined >= 0 && flags & ~(uint64_t)defined) {
		j_must_fail(j, R_SET_CLOCK_FLAGS);
		return;
	}
	if (flags && !(q_kernel(j->q) && defined >= 0))
		j_may_fail(j, R_SET_CLOCK_FLAGS);
	if (!j_succeeds(j, R_SET_CLOCK_SUCCEEDS))
		return;
	Q_IN(j->q, struct kvm_clock_data, clock, &clock);
	/* Time that passed is added to what is set; it may wrap around. */
	j->vm->scratch[VM_SCRATCH_CLOCK] = clock >> 62 ? 0 : 1 + clock;
}

/* api.rst 4.55, the VM's form */
static void set_tsc_khz(struct judge *j)
{
	struct state_vm *vm = j->vm;

	/* Frequencies above the host's own limit. */
	if (j->q->call->arg > 100000 || vm->has_vcpus == STATE_UNKNOWN)
		j_may_fail(j, R_VM_TSC_KHZ_REFUSED);
	if (vm->has_vcpus == STATE_YES) {
		if (q_kernel(j->q) && q_applies(j->q, R_VM_TSC_KHZ_BEFORE_VCPUS)) {
			j_must_fail(j, R_VM_TSC_KHZ_BEFORE_VCPUS);
			return;
		}
		j_may_fail(j, R_VM_TSC_KHZ_REFUSED);
	}
	/* Kernels before 5.18 have the vCPU's form only. */
	if (q_kernel(j->q) < MODEL_KERNEL(5, 18))
		j_may_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
	if (j_succeeds(j, R_VM_TSC_KHZ_SUCCEEDS))
		vm->tsc_khz =
			(uint32_t)j->q->call->arg ? (uint32_t)j->q->call->arg : STATE_KHZ_HOST;
}

/* api.rst 4.56, the VM's form */
static void get_tsc_khz(struct judge *j)
{
	static const struct tsc_khz_rules rules = {R_VM_TSC_KHZ_GIVEN, R_VM_TSC_KHZ_READ_BACK};

	if (q_kernel(j->q) < MODEL_KERNEL(5, 18))
		j_may_fail(j, R_UNKNOWN_REQUEST_ENOTTY);
	j_may_fail(j, R_VM_TSC_KHZ_UNSTABLE);
	vcpu_tsc_khz_read(j, &j->vm->tsc_khz, &rules);
}

const struct judge_handler model_clock_handlers[] = {
	{"KVM_GET_CLOCK", KVMAPI_VM, get_clock, NULL},
	{"KVM_SET_CLOCK", KVMAPI_VM, set_clock, NULL},
	{"KVM_SET_TSC_KHZ", KVMAPI_VM, set_tsc_khz, NULL},
	{"KVM_GET_TSC_KHZ", KVMAPI_VM, get_tsc_khz, NULL},
	{NULL, 0, NULL, NULL},
};
