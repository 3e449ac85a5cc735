// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ways to attach.
 *
 * "fentry": at the four functions of KVM that answer an ioctl, so that only calls to KVM pay.  Wants
 * trampolines and a kernel that describes the functions of its modules (5.11, x86; arm64 from 6.4
 * or so).  It does not see what the kernel answers before KVM is asked: requests of every file
 * (FIOCLEX), a request refused by a security module, a request on a file of KVM without ioctls.
 *
 * "tracepoint": the tracepoints at the beginning and the end of every system call.  Every thread of
 * the machine pays a little for each of its calls while a recorder runs; works on every kernel
 * from 5.10 with BTF, even where trampolines are refused.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kvmtape.skel.h"
#include "recorder/internal.h"

static uint64_t program_missed(const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

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

static void fentry_choose(struct kvmtape_bpf *skeleton, bool wanted)
{
	struct bpf_program *const programs[] = {
		skeleton->progs.on_system_enter, skeleton->progs.on_system_leave,
		skeleton->progs.on_vm_enter,	 skeleton->progs.on_vm_leave,
		skeleton->progs.on_vcpu_enter,	 skeleton->progs.on_vcpu_leave,
		skeleton->progs.on_device_enter, skeleton->progs.on_device_leave,
		skeleton->progs.on_last_close,
	};

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		bpf_program__set_autoload(programs[i], wanted);
}

static uint64_t fentry_missed(struct kvmtape_bpf *skeleton)
{
	return program_missed(skeleton->progs.on_system_enter) +
	       program_missed(skeleton->progs.on_vm_enter) +
	       program_missed(skeleton->progs.on_vcpu_enter) +
	       program_missed(skeleton->progs.on_device_enter);
}

static const struct recorder_backend fentry = {
	.name = "fentry",
	.hooks = KVMAPI_SYSTEM | KVMAPI_VM | KVMAPI_VCPU | KVMAPI_DEVICE,
	.sees_last_close = true,
	.choose = fentry_choose,
	.attach = backend_attach,
	.detach = backend_detach,
	.missed = fentry_missed,
};

static void tracepoint_choose(struct kvmtape_bpf *skeleton, bool wanted)
{
	bpf_program__set_autoload(skeleton->progs.on_sys_enter, wanted);
	bpf_program__set_autoload(skeleton->progs.on_sys_exit, wanted);
}

static uint64_t tracepoint_missed(struct kvmtape_bpf *skeleton)
{
	return program_missed(skeleton->progs.on_sys_enter);
}

static const struct recorder_backend tracepoint = {
	.name = "tracepoint",
	.hooks = KVMAPI_SYSTEM,
	.choose = tracepoint_choose,
	.attach = backend_attach,
	.detach = backend_detach,
	.missed = tracepoint_missed,
};

const struct recorder_backend *const recorder_backends[] = {
	&fentry,
	&tracepoint,
	NULL,
};
