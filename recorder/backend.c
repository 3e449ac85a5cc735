// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ways to attach.
 *
 * "tracepoint": the tracepoints at the beginning and the end of every system call.  Every thread of
 * the machine pays a little for each of its calls while a recorder runs; works on every kernel
 * from 5.10 with BTF, even where trampolines are refused.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kvmtape.skel.h"
#include "recorder/internal.h"

static void tracepoint_choose(struct kvmtape_bpf *skeleton, bool wanted)
{
	bpf_program__set_autoload(skeleton->progs.on_sys_enter, wanted);
	bpf_program__set_autoload(skeleton->progs.on_sys_exit, wanted);
}

static int tracepoint_attach(struct kvmtape_bpf *skeleton)
{
	return kvmtape_bpf__attach(skeleton);
}

static void tracepoint_detach(struct kvmtape_bpf *skeleton)
{
	kvmtape_bpf__detach(skeleton);
}

static uint64_t program_missed(const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
		return 0;
	return info.recursion_misses;
}

static uint64_t tracepoint_missed(struct kvmtape_bpf *skeleton)
{
	return program_missed(skeleton->progs.on_sys_enter);
}

static const struct recorder_backend tracepoint = {
	.name = "tracepoint",
	.choose = tracepoint_choose,
	.attach = tracepoint_attach,
	.detach = tracepoint_detach,
	.missed = tracepoint_missed,
};

const struct recorder_backend *const recorder_backends[] = {
	&tracepoint,
	NULL,
};
