/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmclock (api.rst 4.29, 4.30) and the TSC frequency of a VM (4.55, 4.56).  Times are never
 * compared. */
#include "kvmapi/kvm_newer.h"
#include "model/areas/vcpu.h"
#include "model/areas/vm.h"

/* What the clock counts goes on by itself: it cannot be told how far. */
static void check_clock(const struct question *q, struct judge *j)
{
	const uint64_t before = q->vm->clock;
	uint64_t clock;

	if (before && J_OUT(j, struct kvm_clock_data, clock, &clock))
		j_check(j, R_GET_CLOCK_ADVANCES, clock + 1000000000 >= before,
			"a clock that does not go back", "%llu ns after %llu ns",
			(unsigned long long)clock, (unsigned long long)before - 1);
}

/* A time that is zero where the flags do not have this one. */
static void empty_without(struct answer *a, uint64_t flag, const char *what, size_t offset)
{
	a_when_field(a, TAPE_ARG_OUT, offsetof(struct kvm_clock_data, flags), 4, flag, 0);
	a_zero(a, R_GET_CLOCK_EMPTY, what, TAPE_ARG_OUT, offset, 8);
	a_aside(a);
	a_when_end(a);
}

/* api.rst 4.29 */
static void answer_get_clock(const struct question *q, struct answer *a)
{
	const uint64_t second = 1000000000;
	int32_t defined = q_cap(q, KVM_CAP_ADJUST_CLOCK);

	a_succeeds(a, R_GET_CLOCK_SUCCEEDS);
	/* Kernels without flags to report answer the capability with 1. */
	if (defined > 0)
		a_bits(a, R_GET_CLOCK_FLAGS, "flags that KVM_CAP_ADJUST_CLOCK does not name", 0,
		       ~(uint64_t)(defined == 1 ? 0 : defined), TAPE_ARG_OUT,
		       offsetof(struct kvm_clock_data, flags), 4);
	empty_without(a, KVM_CLOCK_REALTIME, "realtime without its flag",
		      offsetof(struct kvm_clock_data, realtime));
	empty_without(a, KVM_CLOCK_HOST_TSC, "host_tsc without its flag",
		      offsetof(struct kvm_clock_data, host_tsc));
	a_zero(a, R_GET_CLOCK_EMPTY, "padding", TAPE_ARG_OUT, offsetof(struct kvm_clock_data, pad0),
	       4);
	a_aside(a);
	a_zero(a, R_GET_CLOCK_EMPTY, "padding", TAPE_ARG_OUT, offsetof(struct kvm_clock_data, pad),
	       16);
	a_aside(a);
	A_SUGGEST(a, struct kvm_clock_data, clock, q->vm->clock);
	a_check(a, check_clock);
	/* Later than the API that tells of it (2021), and before 2262. */
	a_when_field(a, TAPE_ARG_OUT, offsetof(struct kvm_clock_data, flags), 4, KVM_CLOCK_REALTIME,
		     KVM_CLOCK_REALTIME);
	a_range(a, R_GET_CLOCK_REALTIME, "a real time", 1600000001 * second, INT64_MAX,
		TAPE_ARG_OUT, offsetof(struct kvm_clock_data, realtime), 8);
	a_when_end(a);
}

static void learn_get_clock(struct learn *l)
{
	uint64_t clock;

	if (l->succeeded && L_OUT(l, struct kvm_clock_data, clock, &clock) &&
	    clock < UINT64_MAX - 2000000000)
		l->vm->clock = 1 + clock;
}

/* api.rst 4.30 */
static void answer_set_clock(const struct question *q, struct answer *a)
{
	int32_t defined = q_cap(q, KVM_CAP_ADJUST_CLOCK);
	enum state_tri refused = STATE_NO;
	uint64_t flags;

	if (!Q_IN(q, struct kvm_clock_data, flags, &flags)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (q_changed(q, CHANGE_CLOCK_FLAGS_TAKEN) == STATE_NO)
		defined = 0; /* what GET reported was refused then */
	if (defined < 0 || q_changed(q, CHANGE_CLOCK_FLAGS_TAKEN) == STATE_UNKNOWN)
		refused = flags ? STATE_UNKNOWN : STATE_NO;
	if (defined >= 0 && flags & ~(uint64_t)defined)
		refused = STATE_YES;
	if (a_refuse(a, R_SET_CLOCK_FLAGS, refused))
		return;
	a_succeeds(a, R_SET_CLOCK_SUCCEEDS);
}

static void learn_set_clock(struct learn *l)
{
	uint64_t flags, clock = UINT64_MAX;

	if (!Q_IN(l->q, struct kvm_clock_data, flags, &flags)) {
		l->vm->clock = 0;
		return;
	}
	if (!l->succeeded)
		return;
	Q_IN(l->q, struct kvm_clock_data, clock, &clock);
	/* Time that passed is added to what is set; it may wrap around. */
	l->vm->clock = clock >> 62 ? 0 : 1 + clock;
}

/* api.rst 4.55, the VM's form */
static void answer_set_tsc_khz(const struct question *q, struct answer *a)
{
	/* Frequencies above the host's own limit. */
	if (q->call->arg > 100000)
		a_may_fail(a, R_VM_TSC_KHZ_REFUSED);
	if (a_refuse(a, R_VM_TSC_KHZ_BEFORE_VCPUS,
		     tri_and(q->vm->has_vcpus, q_rule(q, R_VM_TSC_KHZ_BEFORE_VCPUS))))
		return;
	/* Old kernels have the vCPU's form only. */
	if (a_refuse(a, R_UNKNOWN_REQUEST_ENOTTY, tri_not(q_changed(q, CHANGE_VM_TSC_KHZ))))
		return;
	a_succeeds(a, R_VM_TSC_KHZ_SUCCEEDS);
}

static void learn_set_tsc_khz(struct learn *l)
{
	const uint32_t khz = (uint32_t)l->q->call->arg;

	if (l->succeeded)
		l->vm->tsc_khz = khz ? khz : STATE_KHZ_HOST;
}

/* api.rst 4.56, the VM's form */
static void answer_get_tsc_khz(const struct question *q, struct answer *a)
{
	static const struct tsc_khz_rules rules = {R_VM_TSC_KHZ_GIVEN, R_VM_TSC_KHZ_READ_BACK};

	if (a_refuse(a, R_UNKNOWN_REQUEST_ENOTTY, tri_not(q_changed(q, CHANGE_VM_TSC_KHZ))))
		return;
	a_may_fail(a, R_VM_TSC_KHZ_UNSTABLE);
	a_tsc_khz(a, q->vm->tsc_khz, &rules);
}

static void learn_get_tsc_khz(struct learn *l)
{
	l_tsc_khz(l, &l->vm->tsc_khz);
}

const struct handler model_clock_handlers[] = {
	{"KVM_GET_CLOCK", KVMAPI_VM, .answer = answer_get_clock, .learn = learn_get_clock},
	{"KVM_SET_CLOCK", KVMAPI_VM, .answer = answer_set_clock, .learn = learn_set_clock},
	{"KVM_SET_TSC_KHZ", KVMAPI_VM, .answer = answer_set_tsc_khz, .learn = learn_set_tsc_khz},
	{"KVM_GET_TSC_KHZ", KVMAPI_VM, .answer = answer_get_tsc_khz, .learn = learn_get_tsc_khz},
	{NULL, 0, .answer = NULL},
};
