// SPDX-License-Identifier: BSD-2-Clause
/*
 * Removes bytes that the kernel neither read nor wrote from calls. kvmapi says which bytes they are
 * (live.def); this file has what depends on the call.
 */
#include <stdlib.h>

#include "tape/format.h"
#include "tape/show.h"

/* The argument of the open call of a thread. */
struct live_thread {
	const struct kvmapi_ioctl *row;
	uint8_t kind;
	uint32_t object;
	struct tape_buf in;    /* the bytes of its argument, or of the run page, as they were */
	struct tape_buf clean; /* those that are alive */
	uint8_t role;	       /* of them, TAPE_ROLES = none */
};

struct tape_live {
	struct tape_env env; /* architecture alone */
	uint32_t *cpuids;    /* by object: entries of the last KVM_SET_CPUID, + 1 */
	size_t cpuid_count;
	struct live_thread *threads;
	size_t thread_count;
	struct tape_buf bytes, mask;
};

int tape_live_open(enum kvmapi_arch arch, struct tape_live **live)
{
	*live = calloc(1, sizeof(**live));
	if (!*live)
		return -ENOMEM;
	tape_env_init(&(*live)->env);
	(*live)->env.arch = arch;
	return 0;
}

void tape_live_close(struct tape_live *live)
{
	if (!live)
		return;
	for (size_t i = 0; i < live->thread_count; i++) {
		tape_buf_release(&live->threads[i].in);
		tape_buf_release(&live->threads[i].clean);
	}
	free(live->threads);
	free(live->cpuids);
	tape_buf_release(&live->bytes);
	tape_buf_release(&live->mask);
	tape_env_release(&live->env);
	free(live);
}

static struct live_thread *thread_get(struct tape_live *live, uint32_t id)
{
	struct live_thread *threads;
	size_t count;

	if (id < live->thread_count)
		return &live->threads[id];
	if (id >= TAPE_MAX_THREADS)
		return NULL;
	count = id + 1u > 2 * live->thread_count ? id + 1u : 2 * live->thread_count;
	threads = realloc(live->threads, count * sizeof(*threads));
	if (!threads)
		return NULL;
	memset(threads + live->thread_count, 0, (count - live->thread_count) * sizeof(*threads));
	live->threads = threads;
	live->thread_count = count;
	return &threads[id];
}

/* A number of the struct before the call. */
static bool in_number(const struct tape_live *live, const struct live_thread *t, size_t offset,
		      unsigned int size, uint64_t *value)
{
	const struct tape_part part = {.have = (uint32_t)t->in.len, .data = t->in.data};

	if (t->role != TAPE_ARG_IN || offset + size > t->in.len)
		return false;
	*value = tape_part_number(&live->env, &part, offset, size);
	return true;
}

/* Offsets of fields that say how a buffer is used; the same on every architecture. */
enum { ATTR_GROUP = 4, ATTR_ATTR = 8, MEMOP_FLAGS = 8, MEMOP_OP = 20 };

/* enum of <linux/kvm.h>: KVM_S390_MEMOP_... */
enum {
	MEMOP_READS = 1 << 0 | 1 << 2 | 1 << 4,
	MEMOP_WRITES = 1 << 1 | 1 << 3 | 1 << 5 | 1 << 6,
	MEMOP_EXCHANGE = 1 << 6,
	MEMOP_CHECK_ONLY = 1 << 0, /* of the flags */
};

/* A buffer behind a pointer of the argument.  `ret` is that of the call, which has returned. */
static int live_nested(struct tape_live *live, const struct live_thread *t,
		       const struct tape_part *part, bool returned, int64_t ret, uint8_t *mask)
{
	const bool out = part->role >= TAPE_NESTED_OUT;
	const unsigned int n = part->role - (out ? TAPE_NESTED_OUT : TAPE_NESTED_IN);
	const char *name = t->row->name, *type = NULL;
	uint64_t group = 0, attr = 0, op = 0, flags = 0, used = part->have;

	if (out && (!returned || ret < 0))
		used = 0;
	if (!strcmp(name, "KVM_S390_MEM_OP")) {
		if (in_number(live, t, MEMOP_OP, 4, &op) &&
		    in_number(live, t, MEMOP_FLAGS, 8, &flags)) {
			const int bit = op < 8 ? 1 << op : 0;

			if (flags & MEMOP_CHECK_ONLY ||
			    !(bit & (n	   ? MEMOP_EXCHANGE
				     : out ? MEMOP_READS
					   : MEMOP_WRITES)) ||
			    (out && ret))
				used = 0;
		}
	} else if (!strcmp(name, "KVM_S390_GET_SKEYS")) {
		/* KVM_S390_GET_SKEYS_NONE: the guest has none, nothing is written. */
		if (ret)
			used = 0;
	} else if (!strcmp(name, "KVM_S390_GET_IRQ_STATE")) {
		if (out && ret >= 0 && (uint64_t)ret < used)
			used = (uint64_t)ret;
	} else if (!strcmp(name, "KVM_S390_SET_IRQ_STATE")) {
		type = "struct kvm_s390_irq";
	} else if (!strcmp(name, "KVM_SET_GUEST_DEBUG")) {
		type = "struct kvm_hw_breakpoint";
	} else if (strstr(name, "_DEVICE_ATTR") && in_number(live, t, ATTR_GROUP, 4, &group) &&
		   in_number(live, t, ATTR_ATTR, 8, &attr)) {
		type = kvmapi_attr_type(live->env.arch, (enum kvmapi_object)t->kind,
					(uint32_t)group, attr);
		/* All interrupts of the floating controller: it returns their number. */
		if (out && type && !strcmp(type, "struct kvm_s390_irq") && ret >= 0 &&
		    (uint64_t)ret * 72 < used)
			used = (uint64_t)ret * 72;
	}
	memset(mask, 0xff, part->have);
	if (type && !out) {
		int err = kvmapi_live_value(live->env.arch, type, part->data, part->have, mask);

		if (err && err != -ENOENT)
			return err;
	}
	if (used < part->have)
		memset(mask + used, 0, part->have - used);
	return 0;
}

/* KVM_SET_CPUID and KVM_SET_CPUID2 tell how many entries KVM_GET_CPUID2 has to give. */
static int cpuid_set(struct tape_live *live, const struct live_thread *t)
{
	uint64_t count;

	if (strncmp(t->row->name, "KVM_SET_CPUID", 13) != 0 || !in_number(live, t, 0, 4, &count))
		return 0;
	if (t->object >= live->cpuid_count) {
		size_t more = t->object + 64u;
		uint32_t *cpuids = realloc(live->cpuids, more * sizeof(*cpuids));

		if (!cpuids)
			return -ENOMEM;
		memset(cpuids + live->cpuid_count, 0, (more - live->cpuid_count) * sizeof(*cpuids));
		live->cpuids = cpuids;
		live->cpuid_count = more;
	}
	live->cpuids[t->object] = (uint32_t)count + 1;
	return 0;
}

/*
 * KVM_GET_CPUID2 does not change nent, so for a longer list it does not say where the kernel's
 * entries end. If it is not known what was set, entries that did not change do not count as the
 * kernel's.
 */
static void cpuid_get(const struct tape_live *live, const struct live_thread *t,
		      const struct tape_part *part, uint8_t *mask)
{
	const uint32_t known = t->object < live->cpuid_count ? live->cpuids[t->object] : 0;

	for (uint32_t n = 0, at = t->row->size; at < part->have; n++, at += t->row->elem_size) {
		uint32_t size =
			part->have - at < t->row->elem_size ? part->have - at : t->row->elem_size;

		if (known ? n >= known - 1
			  : t->role == TAPE_ARG_IN && at + size <= t->in.len &&
				    !memcmp(part->data + at, t->in.data + at, size))
			memset(mask + at, 0, size);
	}
}

/* KVM_GET_MSRS of /dev/kvm clears the data of the first MSR that it cannot read. */
static void msrs_get(const struct live_thread *t, const struct tape_part *part, int64_t ret,
		     uint8_t *mask)
{
	const uint64_t at = t->row->size + (uint64_t)ret * t->row->elem_size + 8;

	if (at + 8 <= part->have && at + 8 <= t->in.len && t->role == TAPE_ARG_IN &&
	    memcmp(part->data + at, t->in.data + at, 8) != 0)
		memset(mask + at, 0xff, 8);
}

/* The mask of a part.  returned: it is one of a return. */
static int live_mask(struct tape_live *live, const struct live_thread *t,
		     const struct tape_part *part, bool returned, int64_t ret, uint8_t *mask)
{
	enum kvmapi_arch arch = live->env.arch;
	int err;

	/* It is not known what such a call reads or writes; most are invalid. */
	if (part->role <= TAPE_ARG_OUT && (!t->row || t->row->payload == KVMAPI_RUNPAGE)) {
		memset(mask, 0, part->have);
		return 0;
	}
	switch (part->role) {
	case TAPE_ARG_IN:
		return kvmapi_live_in(arch, t->row, part->data, part->have, mask);
	case TAPE_ARG_OUT:
		err = kvmapi_live_out(arch, t->row, ret, part->data, part->have, mask);
		if (!err && ret >= 0 && !strcmp(t->row->name, "KVM_GET_CPUID2"))
			cpuid_get(live, t, part, mask);
		if (!err && ret >= 0 && !strcmp(t->row->name, "KVM_GET_MSRS"))
			msrs_get(t, part, ret, mask);
		return err;
	case TAPE_RUN_IN:
	case TAPE_RUN_OUT:
		return kvmapi_live_run(arch, !returned, part->data, part->have, mask);
	case TAPE_RUN_REGS_IN:
	case TAPE_RUN_REGS_OUT:
		return kvmapi_live_sync(arch, part->data, part->have, mask);
	case TAPE_PIO_IN:
	case TAPE_PIO_OUT:
		memset(mask, 0xff, part->have);
		return 0;
	default:
		if (t->row && t->row->nested_count)
			return live_nested(live, t, part, returned, ret, mask);
		memset(mask, kvmapi_has_rings(t->row) ? 0xff : 0, part->have);
		return 0;
	}
}

/* The role of the input that a call may leave unchanged. */
static uint8_t role_in(const struct live_thread *t)
{
	return t->row && t->row->payload == KVMAPI_RUNPAGE ? TAPE_RUN_IN : TAPE_ARG_IN;
}

static int keep_in(struct live_thread *t, const struct tape_part *part, const uint8_t *clean)
{
	int err;

	t->role = part->role;
	t->in.len = t->clean.len = 0;
	err = tape_buf_add(&t->in, part->data, part->have);
	return err ? err : tape_buf_add(&t->clean, clean, part->have);
}

/*
 * Dead bytes that came back unchanged get the value they have in the call. If the kernel changed
 * one, this must stay visible.
 */
static void left_alone(const struct live_thread *t, const struct tape_part *part,
		       const uint8_t *mask, uint8_t *bytes)
{
	for (uint32_t k = 0; k < part->have && k < t->in.len; k++)
		if (!mask[k])
			bytes[k] = part->data[k] == t->in.data[k] ? t->clean.data[k]
								  : (uint8_t)~t->clean.data[k];
}

static int clear(struct tape_live *live, struct live_thread *t, const struct tape_part *parts,
		 unsigned int count, bool returned, int64_t ret, struct tape_part *to)
{
	size_t need = 0;
	int err;

	for (unsigned int i = 0; i < count; i++)
		need += parts[i].have;
	live->bytes.len = live->mask.len = 0;
	err = tape_buf_reserve(&live->bytes, need + 1);
	if (!err)
		err = tape_buf_reserve(&live->mask, need + 1);
	/* Buffers depend on the struct, which may come after them. */
	for (int pass = 0; pass < 2; pass++) {
		for (unsigned int i = 0; i < count && !err; i++) {
			const struct tape_part *part = &parts[i];
			uint8_t *mask = live->mask.data,
				*bytes = live->bytes.data + live->bytes.len;

			if ((part->role == role_in(t)) != !pass)
				continue;
			to[i] = *part;
			if (!part->have)
				continue;
			err = live_mask(live, t, part, returned, ret, mask);
			for (uint32_t k = 0; k < part->have; k++)
				bytes[k] = part->data[k] & mask[k];
			if (!err && part->role == role_in(t))
				err = keep_in(t, part, bytes);
			else if (part->role == role_in(t) + 1 && t->role == role_in(t) && t->row &&
				 t->row->dir == KVMAPI_INOUT)
				left_alone(t, part, mask, bytes);
			to[i].data = bytes;
			live->bytes.len += part->have;
		}
	}
	return err;
}

int tape_live_call(struct tape_live *live, const struct tape_call *call, struct tape_part *parts)
{
	struct live_thread *t = thread_get(live, call->thread);

	if (!t)
		return -ENOMEM;
	t->row = kvmapi_find(live->env.arch, (enum kvmapi_object)call->kind, call->request);
	t->kind = call->kind;
	t->object = call->object;
	t->in.len = t->clean.len = 0;
	t->role = TAPE_ROLES;
	return clear(live, t, call->parts, call->part_count, false, 0, parts);
}

int tape_live_return(struct tape_live *live, uint32_t thread, const struct tape_return *ret,
		     struct tape_part *parts)
{
	struct live_thread *t = thread_get(live, thread);
	int err;

	if (!t)
		return -ENOMEM;
	err = clear(live, t, ret->parts, ret->part_count, true, ret->ret, parts);
	return !err && t->row && !ret->ret ? cpuid_set(live, t) : err;
}
