// SPDX-License-Identifier: BSD-2-Clause
/* Makes capture rules for the eBPF program from the rows of the table, by (kind, request). */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvmtape.skel.h"
#include "recorder/internal.h"

/* The eBPF program cannot include the two headers, so record.h repeats their numbers. */
_Static_assert((int)RECORD_SYSTEM == KVMAPI_SYSTEM && (int)RECORD_VM == KVMAPI_VM &&
		       (int)RECORD_VCPU == KVMAPI_VCPU && (int)RECORD_DEVICE == KVMAPI_DEVICE &&
		       (int)RECORD_STATS == KVMAPI_STATS && (int)RECORD_MEMFD == KVMAPI_MEMFD &&
		       (int)RECORD_OTHER == KVMAPI_OTHER,
	       "kinds");
_Static_assert((int)RECORD_IN == KVMAPI_IN && (int)RECORD_OUT == KVMAPI_OUT, "directions");
_Static_assert((int)RECORD_VALUE == KVMAPI_VALUE && (int)RECORD_FIXED == KVMAPI_FIXED &&
		       (int)RECORD_COUNTED == KVMAPI_COUNTED && (int)RECORD_BLOB == KVMAPI_BLOB &&
		       (int)RECORD_RUNPAGE == KVMAPI_RUNPAGE,
	       "payloads");
_Static_assert((int)RECORD_LEN_NONE == KVMAPI_LEN_NONE &&
		       (int)RECORD_LEN_BYTES == KVMAPI_LEN_BYTES &&
		       (int)RECORD_LEN_BITS == KVMAPI_LEN_BITS &&
		       (int)RECORD_LEN_ONE_REG == KVMAPI_LEN_ONE_REG &&
		       (int)RECORD_LEN_SLOT == KVMAPI_LEN_SLOT &&
		       (int)RECORD_LEN_CONST == KVMAPI_LEN_CONST &&
		       (int)RECORD_LEN_ATTR == KVMAPI_LEN_ATTR,
	       "lengths");
_Static_assert((int)RECORD_ROLE_ARG_OUT == TAPE_ARG_OUT && (int)RECORD_ROLE_RUN_IN == TAPE_RUN_IN &&
		       (int)RECORD_ROLE_RUN_REGS_OUT == TAPE_RUN_REGS_OUT &&
		       (int)RECORD_ROLE_PIO_OUT == TAPE_PIO_OUT &&
		       (int)RECORD_ROLE_NESTED_IN == TAPE_NESTED_IN &&
		       (int)RECORD_ROLE_NESTED_OUT == TAPE_NESTED_OUT &&
		       RECORD_NESTED_POINTERS == TAPE_NESTED_POINTERS,
	       "roles");
_Static_assert((int)RECORD_PART_LATE == TAPE_PART_LATE &&
		       (int)RECORD_PART_CLIPPED == TAPE_PART_CLIPPED &&
		       (int)RECORD_PART_FAULT == TAPE_PART_FAULT,
	       "part flags");
_Static_assert((int)RECORD_SIGNAL_DELIVERED == TAPE_SIGNAL_DELIVERED &&
		       (int)RECORD_SIGNAL_GENERATED == TAPE_SIGNAL_GENERATED &&
		       (int)RECORD_SIGNAL_PENDING == TAPE_SIGNAL_PENDING &&
		       (int)RECORD_SIGNAL_IGNORED == TAPE_SIGNAL_IGNORED &&
		       (int)RECORD_SIGNAL_BARE == TAPE_SIGNAL_BARE &&
		       (int)RECORD_SIGNAL_HANDLED == TAPE_SIGNAL_HANDLED &&
		       (int)RECORD_SIGNAL_DEFAULT == TAPE_SIGNAL_DEFAULT,
	       "signals");
_Static_assert(RECORD_RING_ENTRY == KVMAPI_RING_ENTRY, "dirty rings");
_Static_assert(RECORD_NESTED_ROWS == KVMAPI_NESTED_MAX, "nested pointers");

/* Attributes are asked for by (group, attr); those that the table knows are small numbers. */
#define GROUPS 64
#define ATTRS  256

void recorder_rules_constants(struct kvmtape_bpf *skeleton, bool rings)
{
	const struct kvmapi_ioctl *rows;
	size_t count;

	skeleton->rodata->nr_ioctl = SYS_ioctl;
	skeleton->rodata->nr_close = SYS_close;
	skeleton->rodata->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
	skeleton->rodata->run_union = KVMAPI_RUN_UNION;
	skeleton->rodata->run_regs = KVMAPI_RUN_VALID_REGS;
	skeleton->rodata->run_sync_size = sizeof(struct kvm_sync_regs);
	rows = kvmapi_ioctls(kvmapi_arch_native(), &count);
	for (size_t i = 0; i < count; i++) {
		if (rows[i].payload == KVMAPI_RUNPAGE)
			skeleton->rodata->run_request = rows[i].request;
		if (rings && kvmapi_has_rings(&rows[i]))
			skeleton->rodata->reset_request = rows[i].request;
	}
}

static void rule_of_row(struct record_rule *rule, const struct kvmapi_ioctl *row, int kvm)
{
	memset(rule, 0, sizeof(*rule));
	rule->dir = row->dir;
	rule->payload = row->payload;
	rule->creates = row->creates;
	rule->fd_offset = row->fd_offset;
	rule->count_offset = row->count_offset;
	rule->count_width = row->count_width;
	rule->size = row->payload == KVMAPI_VALUE || row->payload == KVMAPI_RUNPAGE ? 0 : row->size;
	rule->elem_size = row->elem_size;
	if (row->payload == KVMAPI_BLOB && row->size_cap) {
		int answer = ioctl(kvm, KVM_CHECK_EXTENSION, (unsigned long)row->size_cap);

		if (answer > (int)rule->size)
			rule->size = (uint32_t)answer;
	}
	rule->nested_count = row->nested_count;
	for (unsigned int i = 0; i < row->nested_count; i++) {
		const struct kvmapi_nested *from = &row->nested[i];

		rule->nested[i] = (struct record_nested){
			.ptr_offset = from->ptr_offset,
			.len_offset = from->len_offset,
			.stride = from->stride,
			.len_width = from->len_width,
			.length = from->length,
			.dir = from->dir,
			.repeat = from->repeat,
			.unit = from->unit,
		};
	}
	/* The second form begins like the first. */
	if (!strcmp(row->name, "KVM_SET_USER_MEMORY_REGION") ||
	    !strcmp(row->name, "KVM_SET_USER_MEMORY_REGION2"))
		rule->flags |= RECORD_RULE_SETS_SLOT;
}

static int load_attrs(int fd, enum kvmapi_arch arch)
{
	static const enum kvmapi_object kinds[] = {KVMAPI_SYSTEM, KVMAPI_VM, KVMAPI_VCPU,
						   KVMAPI_DEVICE};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (uint32_t group = 0; group < GROUPS; group++) {
			for (uint64_t attr = 0; attr < ATTRS; attr++) {
				struct record_attr_key key = {
					.kind = kinds[k], .group = group, .attr = attr};
				uint32_t size = kvmapi_attr_size(arch, kinds[k], group, attr);

				if (size && bpf_map_update_elem(fd, &key, &size, BPF_ANY))
					return errno == E2BIG ? 0 : -errno;
			}
		}
	}
	return 0;
}

static int load_rule(int fd, uint32_t scope, uint32_t request, const struct record_rule *rule)
{
	for (uint32_t kind = 1; kind < 1u << KVMAPI_OBJECT_KINDS; kind <<= 1) {
		struct record_rule_key key = {.kind = kind, .request = request};

		if (scope & kind && bpf_map_update_elem(fd, &key, rule, BPF_ANY))
			return -errno;
	}
	return 0;
}

int recorder_rules_load(struct kvmtape_bpf *skeleton, int kvm)
{
	enum kvmapi_arch arch = kvmapi_arch_native();
	const struct kvmapi_ioctl *rows;
	const struct kvmapi_exit *exits;
	struct record_exit all = {.out = KVMAPI_RUN_UNION_SIZE};
	size_t count;
	int fd = bpf_map__fd(skeleton->maps.rules);

	rows = kvmapi_ioctls(arch, &count);
	for (size_t i = 0; i < count; i++) {
		struct record_rule rule;
		uint32_t request;
		int err;

		rule_of_row(&rule, &rows[i], kvm);
		err = load_rule(fd, rows[i].scope, rows[i].request, &rule);
		request = recorder_compat_rule(rows[i].request, &rule);
		if (!err && request)
			err = load_rule(fd, rows[i].scope, request, &rule);
		if (err)
			return err;
	}

	/* Of an exit that the table does not know, the whole union may count. */
	fd = bpf_map__fd(skeleton->maps.exits);
	for (uint32_t reason = 0; reason < RECORD_EXITS; reason++)
		if (bpf_map_update_elem(fd, &reason, &all, BPF_ANY))
			return -errno;
	exits = kvmapi_exits(&count);
	for (size_t i = 0; i < count; i++) {
		/*
		 * At the next KVM_RUN the whole member is read, not only the answer: it shows to
		 * which exit the answer belongs, and whether a KVM_RUN in between is missing.
		 */
		uint16_t in = exits[i].in > exits[i].out ? exits[i].in : exits[i].out;
		struct record_exit entry = {.out = exits[i].out, .in = in};

		if (exits[i].reason < RECORD_EXITS &&
		    bpf_map_update_elem(fd, &exits[i].reason, &entry, BPF_ANY))
			return -errno;
	}
	return load_attrs(bpf_map__fd(skeleton->maps.attrs), arch);
}

void recorder_rules_answer(struct kvmtape_bpf *skeleton, uint32_t cap, int64_t answer)
{
	const struct kvmapi_ioctl *rows;
	size_t count;
	int fd = bpf_map__fd(skeleton->maps.rules);

	rows = kvmapi_ioctls(kvmapi_arch_native(), &count);
	for (size_t i = 0; i < count; i++) {
		struct record_rule_key key = {.kind = rows[i].scope, .request = rows[i].request};
		struct record_rule rule;

		if (rows[i].payload != KVMAPI_BLOB || rows[i].size_cap != cap)
			continue;
		if (bpf_map_lookup_elem(fd, &key, &rule) || answer <= rule.size)
			continue;
		rule.size = (uint32_t)answer;
		bpf_map_update_elem(fd, &key, &rule, BPF_ANY);
	}
}
