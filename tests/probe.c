// SPDX-License-Identifier: BSD-2-Clause
/* See probe.h.  System calls and libbpf only: nothing of kvmtape is in here. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "probe.h"

static char reason[512];

/* printf() into the reason. */
__attribute__((format(printf, 1, 2))) static const char *because(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return reason;
}

static const char *probe_kvm(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int version;

	if (fd < 0)
		return because("/dev/kvm: %s", strerror(errno));
	version = ioctl(fd, KVM_GET_API_VERSION, 0);
	close(fd);
	if (version != KVM_API_VERSION)
		return because("/dev/kvm answers %d to KVM_GET_API_VERSION", version);
	return NULL;
}

/* r0 = 0; exit */
static const struct bpf_insn return_zero[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K},
	{.code = BPF_JMP | BPF_EXIT},
};

static const char *probe_bpf(void)
{
	/* Up to 5.10 maps count as locked memory. */
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	int map, program, link;

	setrlimit(RLIMIT_MEMLOCK, &all);
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return because("/sys/kernel/btf/vmlinux: %s", strerror(errno));
	map = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "probe", 0, 0, (uint32_t)sysconf(_SC_PAGESIZE),
			     NULL);
	if (map < 0)
		return because("no ring buffer of eBPF: %s", strerror(errno));
	close(map);
	program = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "probe", "GPL", return_zero, 2, NULL);
	if (program < 0)
		return because("no eBPF program of two instructions: %s", strerror(errno));
	link = bpf_raw_tracepoint_open("sys_enter", program);
	close(program);
	if (link < 0)
		return because("no eBPF program at the tracepoint sys_enter: %s", strerror(errno));
	close(link);
	return NULL;
}

static const char *probe_fentry(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_FENTRY);
	const char *why = probe_bpf();
	struct btf *btf;
	bool kvm_described;
	int id, program, link;

	if (why)
		return why;
	btf = btf__load_vmlinux_btf();
	if (libbpf_get_error(btf))
		return because("/sys/kernel/btf/vmlinux cannot be read");
	id = btf__find_by_name_kind(btf, "__fput", BTF_KIND_FUNC);
	kvm_described = !access("/sys/kernel/btf/kvm", R_OK) ||
			btf__find_by_name_kind(btf, "kvm_vm_ioctl", BTF_KIND_FUNC) > 0;
	btf__free(btf);
	if (!kvm_described)
		return because("the kernel does not describe the functions of KVM");
	if (id < 0)
		return because("the kernel does not describe __fput()");
	options.attach_btf_id = (uint32_t)id;
	program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "probe", "GPL", return_zero, 2, &options);
	if (program < 0)
		return because("no eBPF program for a function: %s", strerror(errno));
	link = bpf_raw_tracepoint_open(NULL, program);
	close(program);
	if (link < 0)
		return because("no eBPF program at a function: %s", strerror(errno));
	close(link);
	return NULL;
}

static bool readable(const char *directory, const char *name)
{
	char path[4096];

	return snprintf(path, sizeof(path), "%s/%s", directory, name) < (int)sizeof(path) &&
	       !access(path, R_OK);
}

static const char *probe_guest(const char *name)
{
	const char *own = getenv("KVMTAPE_CACHE"), *cache = getenv("XDG_CACHE_HOME"),
		   *home = getenv("HOME");
	char path[3000];

	if (own && *own)
		snprintf(path, sizeof(path), "%s/guest/kernels/%s", own, name);
	else if (cache && *cache)
		snprintf(path, sizeof(path), "%s/kvmtape/guest/kernels/%s", cache, name);
	else
		snprintf(path, sizeof(path), "%s/.cache/kvmtape/guest/kernels/%s",
			 home && *home ? home : "/root", name);
	if (!readable(path, "vmlinuz") || !readable(path, "modules"))
		return because("no guest kernel %s ('kvmtape guest fetch %s')", name, name);
	return NULL;
}

static const char *probe_program(const char *name)
{
	const char *at = getenv("PATH");

	while (at && *at) {
		char directory[3000], path[4096];
		size_t length = strcspn(at, ":");

		snprintf(directory, sizeof(directory), "%.*s", (int)length, at);
		snprintf(path, sizeof(path), "%s/%s", directory, name);
		if (!access(path, X_OK))
			return NULL;
		at += length + (at[length] == ':');
	}
	return because("no %s here", name);
}

const char *probe(const char *what)
{
	if (!strcmp(what, "kvm"))
		return probe_kvm();
	if (!strcmp(what, "bpf"))
		return probe_bpf();
	if (!strcmp(what, "fentry"))
		return probe_fentry();
	if (!strncmp(what, "guest:", 6))
		return probe_guest(what + 6);
	return probe_program(what);
}
