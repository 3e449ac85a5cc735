// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ways to attach.
 *
 * "fentry": at the functions of KVM that answer an ioctl, so that only calls to KVM are slowed:
 * four, and two for 32-bit programs, which answer some requests themselves. Needs trampolines and a
 * kernel that describes the functions of its modules (5.11 on x86, 6.4 on arm64). A function that
 * fentry does not reach gets a kprobe instead. It does not see what the kernel answers before KVM
 * gets the call: requests of every file (FIOCLEX), a request refused by a security module, a
 * request on a file of KVM without ioctls.
 *
 * "tracepoint": the tracepoints at the beginning and the end of every system call. Each system call
 * of each thread of the machine is slowed a little while a recorder runs. Works on every kernel
 * from 5.10 with BTF, even where trampolines are refused.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "kvmtape.skel.h"
#include "recorder/internal.h"

static uint64_t program_missed(const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	/* Not loaded: the descriptor is negative, and the call fails. */
	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
		return 0;
	return info.recursion_misses;
}

static int backend_attach(struct kvmtape_bpf *skeleton)
{
	return kvmtape_bpf__attach(skeleton);
}

static void backend_detach(struct kvmtape_bpf *skeleton)
{
	kvmtape_bpf__detach(skeleton);
}

/*
 * Upper bound of the calls that neither of two programs at the same place saw: both were skipped at
 * most as often as one of them. If there is no room for a thread, only the second one counts it.
 */
static uint64_t both_missed(const struct kvmtape_bpf *skeleton, const struct bpf_program *first,
			    const struct bpf_program *again)
{
	uint64_t one = program_missed(first), two = program_missed(again);

	if (skeleton->rodata->twice && !skeleton->bss->lost_threads)
		return one < two ? one : two;
	return one + two;
}

struct hook {
	uint32_t kind;
	struct bpf_program *programs[2], *again[2], *probes[2]; /* enter, leave */
};
#define HOOKS 6

static void hooks_of(const struct kvmtape_bpf *skeleton, struct hook hooks[HOOKS])
{
	const struct hook all[HOOKS] = {
		{KVMAPI_SYSTEM,
		 {skeleton->progs.on_system_enter, skeleton->progs.on_system_leave},
		 {skeleton->progs.on_system_enter_again, skeleton->progs.on_system_leave_again},
		 {skeleton->progs.on_system_enter_probe, skeleton->progs.on_system_leave_probe}},
		{KVMAPI_VM,
		 {skeleton->progs.on_vm_enter, skeleton->progs.on_vm_leave},
		 {skeleton->progs.on_vm_enter_again, skeleton->progs.on_vm_leave_again},
		 {skeleton->progs.on_vm_enter_probe, skeleton->progs.on_vm_leave_probe}},
		{KVMAPI_VCPU,
		 {skeleton->progs.on_vcpu_enter, skeleton->progs.on_vcpu_leave},
		 {skeleton->progs.on_vcpu_enter_again, skeleton->progs.on_vcpu_leave_again},
		 {skeleton->progs.on_vcpu_enter_probe, skeleton->progs.on_vcpu_leave_probe}},
		{KVMAPI_DEVICE,
		 {skeleton->progs.on_device_enter, skeleton->progs.on_device_leave},
		 {skeleton->progs.on_device_enter_again, skeleton->progs.on_device_leave_again},
		 {skeleton->progs.on_device_enter_probe, skeleton->progs.on_device_leave_probe}},
		{RECORDER_COMPAT(KVMAPI_VM),
		 {skeleton->progs.on_vm_compat_enter, skeleton->progs.on_vm_compat_leave},
		 {skeleton->progs.on_vm_compat_enter_again,
		  skeleton->progs.on_vm_compat_leave_again},
		 {skeleton->progs.on_vm_compat_enter_probe,
		  skeleton->progs.on_vm_compat_leave_probe}},
		{RECORDER_COMPAT(KVMAPI_VCPU),
		 {skeleton->progs.on_vcpu_compat_enter, skeleton->progs.on_vcpu_compat_leave},
		 {skeleton->progs.on_vcpu_compat_enter_again,
		  skeleton->progs.on_vcpu_compat_leave_again},
		 {skeleton->progs.on_vcpu_compat_enter_probe,
		  skeleton->progs.on_vcpu_compat_leave_probe}},
	};

	memcpy(hooks, all, sizeof(all));
}

/*
 * Can the kernel preempt itself, and with it our programs? Up to 6.12 it does not do so inside the
 * tracepoints of system calls (commit 4aadde89d81f), and elsewhere only if it was built for that;
 * since 6.13 distributions build it so (PREEMPT_LAZY). If this answer is wrongly "no", calls go
 * unseen, but they are still counted.
 */
static bool kernel_is_preempted(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	return uname(&name) || sscanf(name.release, "%d.%d", &major, &minor) != 2 || major > 6 ||
	       (major == 6 && minor >= 13) || strstr(name.version, " PREEMPT ") ||
	       strstr(name.version, " PREEMPT_RT ");
}

static void choose_twice(struct kvmtape_bpf *skeleton, bool twice)
{
	skeleton->rodata->twice = twice;
	bpf_program__set_autoload(skeleton->progs.on_fork_again, twice);
}

static void fentry_choose(struct kvmtape_bpf *skeleton, bool wanted, uint32_t there,
			  uint32_t probed)
{
	bool twice = kernel_is_preempted();
	struct hook hooks[HOOKS];

	hooks_of(skeleton, hooks);
	for (size_t i = 0; i < HOOKS; i++) {
		bool hook = wanted && hooks[i].kind & there;
		bool probe = hooks[i].kind & probed;

		for (size_t k = 0; k < 2; k++) {
			bpf_program__set_autoload(hooks[i].programs[k], hook && !probe);
			bpf_program__set_autoload(hooks[i].again[k], hook && twice && !probe);
			bpf_program__set_autoload(hooks[i].probes[k], hook && probe);
		}
	}
	bpf_program__set_autoload(skeleton->progs.on_last_close, wanted);
	if (wanted)
		choose_twice(skeleton, twice);
}

static void fentry_skipped(struct kvmtape_bpf *skeleton, struct recorder_skips *skips)
{
	struct hook hooks[HOOKS];

	hooks_of(skeleton, hooks);
	for (size_t i = 0; i < HOOKS; i++) {
		const struct hook *h = &hooks[i];

		skips->calls += both_missed(skeleton, h->programs[0], h->again[0]) +
				program_missed(h->probes[0]);
		skips->all += both_missed(skeleton, h->programs[1], h->again[1]) +
			      program_missed(h->probes[1]);
	}
	skips->all += skips->calls;
}

static const struct recorder_backend fentry = {
	.name = "fentry",
	.hooks = KVMAPI_SYSTEM | KVMAPI_VM | KVMAPI_VCPU | KVMAPI_DEVICE | RECORDER_COMPAT_HOOKS,
	.sees_last_close = true,
	.can_probe = true,
	.choose = fentry_choose,
	.attach = backend_attach,
	.detach = backend_detach,
	.skipped = fentry_skipped,
};

static void tracepoint_choose(struct kvmtape_bpf *skeleton, bool wanted, uint32_t there,
			      uint32_t probed)
{
	bool twice = kernel_is_preempted();

	bpf_program__set_autoload(skeleton->progs.on_sys_enter, wanted);
	bpf_program__set_autoload(skeleton->progs.on_sys_exit, wanted);
	bpf_program__set_autoload(skeleton->progs.on_sys_enter_again, wanted && twice);
	bpf_program__set_autoload(skeleton->progs.on_sys_exit_again, wanted && twice);
	if (wanted)
		choose_twice(skeleton, twice);
}

static void tracepoint_skipped(struct kvmtape_bpf *skeleton, struct recorder_skips *skips)
{
	skips->calls = both_missed(skeleton, skeleton->progs.on_sys_enter,
				   skeleton->progs.on_sys_enter_again);
	skips->all = skips->calls + both_missed(skeleton, skeleton->progs.on_sys_exit,
						skeleton->progs.on_sys_exit_again);
}

static const struct recorder_backend tracepoint = {
	.name = "tracepoint",
	.hooks = KVMAPI_SYSTEM,
	.choose = tracepoint_choose,
	.attach = backend_attach,
	.detach = backend_detach,
	.skipped = tracepoint_skipped,
};

const struct recorder_backend *const recorder_backends[] = {
	&fentry,
	&tracepoint,
	NULL,
};
