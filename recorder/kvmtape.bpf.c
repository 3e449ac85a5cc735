// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * kvmtape.bpf: sees every ioctl that followed threads make on files of KVM, and sends it to user
 * space.
 *
 * Nothing here knows an ioctl by name: rules[] says what the argument of a (kind, request) points
 * to. record_enter() and record_leave() do the work; the programs at the end only attach them, so
 * another way to attach needs a few lines there.
 *
 * A program cannot be moved to another CPU while it runs. It can be preempted by another thread
 * that runs one on the same CPU: behind a trampoline (fentry, fexit) always, and since kernel 6.13
 * (commit 4aadde89d81f and what followed it) at the tracepoints of system calls. So scratch[] is
 * held by claim_scratch(), and counters are added to with one instruction.
 *
 * While a program is preempted, the kernel does not run the same program for other threads on that
 * CPU; it only counts them (recursion_misses), so calls would go unseen. So each program that can
 * be preempted is attached twice. The second one, named _again, runs when recursion protection
 * blocks the first; the kernel counts for each of them, and a call is unseen only if neither ran.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <stdbool.h>

#include "core.h"
#include "record.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* --- what the user side sets ------------------------------------------------------------------ */

const volatile __s64 nr_ioctl = -1;
const volatile __s64 nr_close = -1;
const volatile __u32 run_request; /* the request that runs a vCPU: its payload is struct kvm_run */
const volatile __u32 run_union = 32; /* offset of the exit union in struct kvm_run */
const volatile __u32 run_regs = 288; /* offset of kvm_valid_regs, kvm_dirty_regs */
const volatile __u32 run_sync_size;  /* bytes of the sync-regs block behind them */
const volatile __u32 part_max = RECORD_PART_MAX;
const volatile __u32 page_size = 4096;
const volatile __u64 join_cookie;
const volatile __u32 reset_request; /* KVM_RESET_DIRTY_RINGS, if rings are captured; else 0 */
const volatile bool twice;	    /* the _again programs are there */

__u32 follow_all; /* every process of the machine, but not .self */
__u32 self;	  /* process of the recorder */
__u32 joined;	  /* the last process that asked to be followed */
__u64 lost_buffer;
__u64 lost_threads;
__u64 lost_scratch;   /* calls not seen, for want of scratch memory */
__u64 lost_notices;   /* records of closing, exec and exit that did not fit into the ring */
__u64 lost_processes; /* children not followed, for want of room */
__u64 lost_signals;   /* records of signals that did not fit into the ring */
__u64 changes;	      /* grows when an object may have become another one */
__u64 oldest;	      /* serials below this are not valid any more */
/* The object that RECORD_PROBE asks for, and the answer. */
__u64 probe_file;
__u64 probe_address;
__u32 probe_kind;
__u32 probe_alive;
__s32 wanted_pid; /* find_process: as the recorder's namespace numbers it */
__s32 found_pid;  /* as the initial one does */

/* --- maps ------------------------------------------------------------------------------------- */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 24);
} ring SEC(".maps");

/* Processes that are followed. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u8);
} followed SEC(".maps");

/* Serials of the objects in records. */
struct object_key {
	__u64 address;
	__u64 kind;
};
struct object_value {
	__u64 serial;
	__u64 file; /* 0: not seen yet */
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct object_key);
	__type(value, struct object_value);
} objects SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct record_rule_key);
	__type(value, struct record_rule);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RECORD_EXITS);
	__type(key, __u32);
	__type(value, struct record_exit);
} exits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct record_attr_key);
	__type(value, __u32);
} attrs SEC(".maps");

/* Bytes of the memory slots, for bitmaps whose length follows from them. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct record_slot_key);
	__type(value, __u64);
} slots SEC(".maps");

/* Kind of the files with these operations; 0 = not of KVM. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, __u64);
	__type(value, __u32);
} kinds SEC(".maps");

enum call_state {
	CALL_NONE,
	CALL_OPEN, /* its RECORD_CALL is in the ring */
	CALL_LOST, /* it is not, so the return is not sent either */
};

/* Tracepoints first run the program attached first, trampolines the one attached last. */
enum begun {
	BEGUN_NONE,
	BEGUN_ONE,   /* the other program has nothing to do */
	BEGUN_AGAIN, /* the same of the _again program */
};

/* A thread that has made a call: what its return needs to know of it. */
struct thread {
	__u32 state; /* enum call_state */
	__u32 request;
	__u64 arg;
	__u64 file;
	struct record_object object;
	__u64 changes; /* when .object was filled in */
	__u64 run;     /* struct kvm_run of a vCPU, in the kernel */
	__u64 pio;     /* its port data */
	__u64 count;   /* bytes of the argument at the call: the buffer ends there */
	__u32 late;    /* IN parts that were not resident, bits by role */
	__u32 owed;    /* .ret below did not fit into the ring */
	__u32 begun;   /* enum begun: which of the two programs saw this call begin */
	__u32 serial;
	__u32 compat; /* by a system call for 32-bit programs */
	__u32 named;  /* its RECORD_THREAD is in the ring */
	__u32 vcpu;   /* it has called on a vCPU */
	struct record_return ret;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct thread);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct record_counters);
} counters SEC(".maps");

/*
 * A record under construction. Parts begin below PART_START_MAX, so that a mask (OFFSET_MASK)
 * proves to the verifier that accesses stay inside. There are SCRATCH_LEVELS records for each CPU.
 * An offset has the level of its record in the bits from LEVEL_SHIFT, for functions that can take
 * numbers only.
 */
#define PART_START_MAX 0xf000U
#define OFFSET_MASK    0x1ffffU
#define SCRATCH_LEVELS RECORD_SCRATCHES
#define LEVEL_SHIFT    24
struct scratch {
	__u64 users; /* runs that hold it, or are about to find out that they cannot */
	__u8 bytes[OFFSET_MASK + 1 + sizeof(struct record_part) + 0x10000];
	struct record_rule unknown; /* the rule of a request that has none */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* A value for maps that is too large for the stack. */
static const struct thread no_thread;

/* --- building a record ------------------------------------------------------------------------ */

/*
 * put_part(), put_pointer() and read_pages() are global functions that take numbers only: the
 * verifier then checks each of them once, not once for every path, and kernels from 5.6 accept
 * them.
 */

static __always_inline struct record_counters *my_counters(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&counters, &cpu);
}

static __always_inline struct scratch *scratch_of(__u32 off)
{
	__u32 index = bpf_get_smp_processor_id() * SCRATCH_LEVELS + (off >> LEVEL_SHIFT);

	return bpf_map_lookup_elem(&scratches, &index);
}

/*
 * Scratch memory for this run alone; *off gets its level. NULL: preempted runs on this CPU hold all
 * of it. Another run can come between any two instructions, but a run that adds one and then finds
 * more than one gives up, so two runs never share it.
 */
static __always_inline struct scratch *claim_scratch(__u32 *off)
{
	for (__u32 level = 0; level < SCRATCH_LEVELS; level++) {
		struct scratch *s = scratch_of(level << LEVEL_SHIFT);

		if (!s)
			return NULL;
		__sync_fetch_and_add(&s->users, 1);
		if (*(volatile __u64 *)&s->users == 1) {
			*off |= level << LEVEL_SHIFT;
			return s;
		}
		__sync_fetch_and_add(&s->users, -1);
	}
	return NULL;
}

static __always_inline void release_scratch(struct scratch *s)
{
	__sync_fetch_and_add(&s->users, -1);
}

static __always_inline struct thread *my_thread(void)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&threads, &tid);
}

/* The rule of the call that a thread is in, NULL: none. */
static __always_inline struct record_rule *my_rule(const struct thread *t)
{
	struct record_rule_key key = {.kind = t->object.kind, .request = t->request};
	struct record_rule *rule = bpf_map_lookup_elem(&rules, &key);

	return rule && rule->flags & RECORD_RULE_COMPAT && !t->compat ? NULL : rule;
}

/* AND that clang must not optimise away: the verifier needs it. */
#define mask(x, m) asm volatile("%0 &= %1" : "+r"(x) : "i"(m))

/*
 * As much of [addr, addr + len) as can be read, page by page; the number of bytes. A read that
 * faults leaves zeros behind, which must not be shown: the caller ends the part here.
 */
__noinline __u32 read_pages(__u32 at, __u64 addr, __u32 len)
{
	struct scratch *s = scratch_of(at);
	__u32 done = 0;

	if (!s)
		return 0;
	for (int i = 0; i < 17; i++) {
		__u32 chunk = 4096 - (__u32)((addr + done) & 4095);
		__u64 to = at + done;

		if (done >= len)
			break;
		if (chunk > len - done)
			chunk = len - done;
		mask(to, OFFSET_MASK);
		mask(chunk, 0x1fff);
		if (bpf_probe_read_user(s->bytes + to, chunk, (void *)(addr + done)))
			break;
		done += chunk;
	}
	return done;
}

enum {
	READ_USER,
	READ_KERNEL,
	READ_DEFER = 1 << 8, /* leave no part behind if not everything could be read */
};

/*
 * Append a part with `want` bytes at `addr`.  how: role in bits 0..7, part flags in 8..15, READ_*
 * from 16. The new offset; the same as before if nothing was to be appended or READ_DEFER found a
 * fault.
 */
#define HOW(role, flags, read) ((role) | (flags) << 8 | (read) << 16)
__noinline __u32 put_part(__u32 off, __u64 addr, __u64 want, __u32 how)
{
	struct scratch *s = scratch_of(off);
	__u64 at = off;
	__u64 len = want;
	__u32 flags = (how >> 8) & 0xff;
	__u32 have;
	struct record_part *part;
	long err;

	if (!s || !want)
		return off;
	if (len > part_max) {
		len = part_max;
		flags |= RECORD_PART_CLIPPED;
	}
	if ((off & OFFSET_MASK) > PART_START_MAX) {
		len = 0;
		flags |= RECORD_PART_CLIPPED;
	}
	mask(at, OFFSET_MASK);
	mask(len, 0xffff);
	part = (void *)(s->bytes + at);
	if (how & READ_KERNEL << 16)
		err = bpf_probe_read_kernel(part + 1, len, (void *)addr);
	else
		err = bpf_probe_read_user(part + 1, len, (void *)addr);
	have = len;
	if (err) {
		if (how & READ_DEFER << 16)
			return off;
		flags |= RECORD_PART_FAULT;
		have = 0;
		if (!(how & READ_KERNEL << 16))
			have = read_pages(off + sizeof(*part), addr, len);
	}
	part->role = how & 0xff;
	part->flags = flags;
	part->reserved = 0;
	part->want = want > 0xffffffffULL ? 0xffffffffU : want;
	part->have = have;
	part->reserved2 = 0;
	part->addr = how & READ_KERNEL << 16 ? 0 : addr;
	return off + sizeof(*part) + ((have + 7) & ~7U);
}

/*
 * The contents of a vCPU's dirty ring from the first entry that was not reset. They are read from
 * the kernel's memory, since the VMM may have mapped the ring anywhere or not at all. role: with
 * the part's flags from bit 8.
 */
__noinline __u32 put_ring(__u32 off, __u64 vcpu_address, __u32 role)
{
	struct kvm_vcpu *vcpu = (void *)vcpu_address;
	struct scratch *s = scratch_of(off);
	__u32 flags = role >> 8 & 0xff;
	__u64 at = off, gfns, one, two;
	__u32 size, first, used, have;
	struct record_part *part;

	if (!s)
		return off;
	size = BPF_CORE_READ(vcpu, dirty_ring.size);
	first = BPF_CORE_READ(vcpu, dirty_ring.reset_index);
	used = BPF_CORE_READ(vcpu, dirty_ring.dirty_index) - first;
	gfns = (__u64)BPF_CORE_READ(vcpu, dirty_ring.dirty_gfns);
	if (!gfns || !size)
		return off;
	if (used > size)
		used = size;
	if ((off & OFFSET_MASK) > PART_START_MAX)
		return put_part(off, gfns, used * RECORD_RING_ENTRY,
				HOW(role & 0xff, flags, READ_KERNEL));
	mask(at, 0xffff);
	part = (void *)(s->bytes + at);
	first &= size - 1;
	have = used * RECORD_RING_ENTRY;
	if (have > part_max) {
		have = part_max & ~(RECORD_RING_ENTRY - 1);
		flags |= RECORD_PART_CLIPPED;
	}
	one = (__u64)(size - first) * RECORD_RING_ENTRY;
	if (one > have)
		one = have;
	two = have - one;
	mask(one, 0xffff);
	mask(two, 0xffff);
	if (bpf_probe_read_kernel(part + 1, one, (void *)(gfns + first * RECORD_RING_ENTRY)) ||
	    bpf_probe_read_kernel((void *)(part + 1) + one, two, (void *)gfns)) {
		flags |= RECORD_PART_FAULT;
		have = 0;
	}
	part->role = role & 0xff;
	part->flags = flags;
	part->reserved = 0;
	part->want = used * RECORD_RING_ENTRY;
	part->have = have;
	part->reserved2 = 0;
	part->addr = 0;
	return off + sizeof(*part) + have;
}

/* A node of an xarray; the other internal entries are small numbers. */
static __always_inline bool is_node(__u64 entry)
{
	return (entry & 3) == 2 && entry > 4096;
}

/* The n-th vCPU of a VM in the order of creation, 0: none. */
__noinline __u64 find_vcpu(__u64 vm, __u32 n)
{
	struct kvm *kvm = (void *)vm;
	__u64 entry = 0;

	if (bpf_core_field_exists(kvm->vcpu_array.xa_head)) {
		entry = (__u64)BPF_CORE_READ(kvm, vcpu_array.xa_head);
		/* The root is the only entry, or a node: its address plus 2 (lib/xarray.c). */
		if ((entry & 3) != 2)
			return n ? 0 : entry;
		for (int level = 0; level < 3 && is_node(entry); level++) {
			struct xa_node *node = (void *)(entry - 2);
			__u32 slot = n >> (BPF_CORE_READ(node, shift) & 31) & 63;

			entry = 0;
			bpf_probe_read_kernel(&entry, sizeof(entry), &node->slots[slot]);
		}
	} else if (bpf_core_field_exists(((struct kvm___table *)vm)->vcpus)) {
		struct kvm___table *table = (void *)vm;

		bpf_probe_read_kernel(&entry, sizeof(entry), &table->vcpus[n & 15]);
	}
	return entry & 3 ? 0 : entry;
}

/*
 * The rings of a VM's vCPUs, as many as there are roles. If it has more, the last one is clipped.
 */
__noinline __u32 put_rings(__u32 off, __u64 vm)
{
	struct kvm *kvm = (void *)vm;
	__u32 count;

	if (!bpf_core_field_exists(((struct kvm_vcpu *)0)->dirty_ring.dirty_gfns) ||
	    !bpf_core_field_exists(kvm->online_vcpus.counter))
		return off;
	count = BPF_CORE_READ(kvm, online_vcpus.counter);
	for (__u32 n = 0; n < RECORD_NESTED_POINTERS && n < count; n++) {
		__u32 role = RECORD_ROLE_NESTED_IN + n;
		__u64 vcpu = find_vcpu(vm, n);

		if (n == RECORD_NESTED_POINTERS - 1 && count > RECORD_NESTED_POINTERS)
			role |= RECORD_PART_CLIPPED << 8;
		/* A ring that is not found still gets a part, marked as not readable. */
		off = vcpu ? put_ring(off, vcpu, role)
			   : put_part(off, 0, RECORD_RING_ENTRY, HOW(role & 0xff, 0, READ_KERNEL));
	}
	return off;
}

static __always_inline void fill_head(struct record_head *head, __u16 type, __u16 flags)
{
	__u64 id = bpf_get_current_pid_tgid();

	head->type = type;
	head->flags = flags;
	head->lost_buffer = (__u32)lost_buffer;
	head->lost_threads = (__u32)lost_threads;
	head->pid = id >> 32;
	head->tid = (__u32)id;
	head->serial = 0;
	head->time = bpf_ktime_get_ns();
}

static __always_inline long send(void *data, __u64 size)
{
	return bpf_ringbuf_output(&ring, data, size, BPF_RB_NO_WAKEUP);
}

/* Send a record of variable length that was built in scratch. */
static __always_inline long send_scratch(struct scratch *s, __u32 size)
{
	__u64 n = size;

	mask(n, OFFSET_MASK);
	return send(s->bytes, n);
}

/* --- which file of KVM is this ---------------------------------------------------------------- */

#define S_IFMT		  0170000
#define S_IFCHR		  0020000
#define KVM_RDEV	  (10U << 20 | 232U)
#define ANON_INODE_MAGIC  0x09041934UL
#define GUEST_MEMFD_MAGIC 0x474d454dUL

static __always_inline struct file *file_of_fd(__u32 fd)
{
	struct file **table;
	struct file *file = NULL;
	__u32 max;

	if (twice) {
		/* Such new kernels allow direct pointer access, which costs less. */
		struct fdtable *fdt = bpf_get_current_task_btf()->files->fdt;

		max = fdt->max_fds;
		table = fdt->fd;
	} else {
		struct task_struct *task = (void *)bpf_get_current_task();
		struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);

		max = BPF_CORE_READ(fdt, max_fds);
		table = BPF_CORE_READ(fdt, fd);
	}
	if (fd >= max)
		return NULL;
	if (bpf_probe_read_kernel(&file, sizeof(file), table + fd))
		return NULL;
	return file;
}

static __always_inline bool begins(const char *name, const char *with, int len)
{
	for (int i = 0; i < len; i++)
		if (name[i] != with[i])
			return false;
	return true;
}

/*
 * The kind of a file that is seen for the first time. The names of anonymous inodes are those in
 * /proc/PID/fd; an ordinary file can have such a name too, so the file system is checked.
 */
static __noinline __u32 find_kind(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	unsigned long magic;
	const unsigned char *where;
	char name[24] = {};

	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFCHR)
		return BPF_CORE_READ(inode, i_rdev) == KVM_RDEV ? RECORD_SYSTEM : 0;
	magic = BPF_CORE_READ(inode, i_sb, s_magic);
	if (magic != ANON_INODE_MAGIC && magic != GUEST_MEMFD_MAGIC)
		return 0;
	where = BPF_CORE_READ(file, f_path.dentry, d_name.name);
	bpf_probe_read_kernel_str(name, sizeof(name), where);
	if (begins(name, "[kvm-gmem]", 10))
		return RECORD_MEMFD;
	if (!begins(name, "kvm-", 4))
		return 0;
	if (begins(name + 4, "vm", 3))
		return RECORD_VM;
	if (begins(name + 4, "vcpu:", 5))
		return RECORD_VCPU;
	if (begins(name + 4, "vcpu-stats", 10) || begins(name + 4, "vm-stats", 8))
		return RECORD_STATS;
	if (begins(name + 4, "spapr-tce", 9) || begins(name + 4, "htab", 4) ||
	    begins(name + 4, "rma", 3))
		return RECORD_OTHER;
	return RECORD_DEVICE;
}

static __always_inline __u32 kind_of_file(struct file *file)
{
	__u64 ops = (__u64)BPF_CORE_READ(file, f_op);
	__u32 *known = bpf_map_lookup_elem(&kinds, &ops);
	__u32 kind;

	if (known)
		return *known;
	kind = find_kind(file);
	bpf_map_update_elem(&kinds, &ops, &kind, BPF_ANY);
	return kind;
}

static __always_inline bool know_vcpu(void)
{
	return bpf_core_field_exists(((struct kvm_vcpu *)0)->run) &&
	       bpf_core_field_exists(((struct kvm_vcpu *)0)->vcpu_id);
}

/*
 * The serial of an object that exists already: the last one at this address. file: 0 if not known.
 * Each object has one file, so another file is another object.
 */
static __noinline __u64 serial_of(__u64 address, __u64 kind, __u64 file)
{
	struct object_key key = {.address = address, .kind = kind};
	struct object_value new = {.serial = bpf_ktime_get_ns(), .file = file};
	struct object_value *known = bpf_map_lookup_elem(&objects, &key);

	if (known && known->serial >= oldest && (!file || !known->file || known->file == file)) {
		if (file)
			known->file = file;
		return known->serial;
	}
	if (known) {
		*known = new;
		return new.serial;
	}
	/* Another thread may have added it meanwhile. */
	if (bpf_map_update_elem(&objects, &key, &new, BPF_NOEXIST)) {
		known = bpf_map_lookup_elem(&objects, &key);
		if (known)
			return known->serial;
	}
	return new.serial;
}

/* From here on addresses may belong to other objects. */
static __always_inline void forget_objects(void)
{
	oldest = bpf_ktime_get_ns();
	__sync_fetch_and_add(&changes, 1);
}

static __always_inline bool is_struct(__u32 kind)
{
	return kind & (RECORD_VM | RECORD_VCPU | RECORD_DEVICE);
}

/* The address of the object behind a file: its own struct, if it has one. */
static __always_inline __u64 object_address(struct file *file, __u32 kind)
{
	return is_struct(kind) ? (__u64)BPF_CORE_READ(file, private_data) : (__u64)file;
}

static __always_inline void fill_object(struct record_object *object, struct file *file, __u32 kind,
					__s32 fd)
{
	object->kind = kind;
	object->fd = fd;
	object->number = RECORD_NO_NUMBER;
	object->parent = 0;
	object->parent_serial = 0;
	object->file = (__u64)file;
	object->address = object_address(file, kind);
	object->serial = serial_of(object->address, kind, object->file);
	if (!is_struct(kind))
		return;
	if (kind == RECORD_VCPU && know_vcpu()) {
		struct kvm_vcpu *vcpu = (void *)object->address;

		object->parent = (__u64)BPF_CORE_READ(vcpu, kvm);
		object->number = BPF_CORE_READ(vcpu, vcpu_id);
	} else if (kind == RECORD_DEVICE && bpf_core_field_exists(((struct kvm_device *)0)->kvm)) {
		struct kvm_device *device = (void *)object->address;

		object->parent = (__u64)BPF_CORE_READ(device, kvm);
	}
	if (object->parent)
		object->parent_serial = serial_of(object->parent, RECORD_VM, 0);
}

/* References to a file; 0 of one that is gone. */
static __always_inline __u64 references(struct file *file)
{
	struct file___count *count = (void *)file;
	struct file___ref *ref = (void *)file;
	__s64 n = 0;

	if (bpf_core_field_exists(ref->f_ref.refcnt.counter))
		n = BPF_CORE_READ(ref, f_ref.refcnt.counter) + 1;
	else if (bpf_core_field_exists(count->f_count.counter))
		n = BPF_CORE_READ(count, f_count.counter);
	return n > 0 ? n : 0;
}

/*
 * ioctl(fd, RECORD_PROBE, cookie) of the recorder: whether the object in .probe is still there. Its
 * file may be gone and its memory reused, so everything is read by copies.
 */
static __always_inline int answer_probe(void)
{
	struct file *file = (void *)probe_file;
	__u64 ops = (__u64)BPF_CORE_READ(file, f_op);
	__u32 *kind = bpf_map_lookup_elem(&kinds, &ops);

	probe_alive = kind && *kind == probe_kind && references(file) &&
		      object_address(file, probe_kind) == probe_address;
	return 0;
}

/* --- payload ---------------------------------------------------------------------------------- */

/* A field of 1, 2, 4 or 8 bytes of the argument; false if it could not be read. */
static __always_inline bool read_field(__u64 addr, __u32 width, __u64 *value)
{
	__u64 v = 0;

	if (width == 4) {
		if (bpf_probe_read_user(&v, 4, (void *)addr))
			return false;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		v >>= 32;
#endif
	} else if (width == 8) {
		if (bpf_probe_read_user(&v, 8, (void *)addr))
			return false;
	} else if (width == 2) {
		__u16 half = 0;

		if (bpf_probe_read_user(&half, 2, (void *)addr))
			return false;
		v = half;
	} else if (width == 1) {
		__u8 byte = 0;

		if (bpf_probe_read_user(&byte, 1, (void *)addr))
			return false;
		v = byte;
	}
	*value = v;
	return true;
}

/* Size of the argument with its tail; false if its length field could not be read. */
static __always_inline bool argument_size(const struct record_rule *rule, __u64 arg, __u64 *size)
{
	__u64 field = 0;

	*size = rule->size;
	if (!rule->count_width)
		return true;
	if (!read_field(arg + rule->count_offset, rule->count_width, &field))
		return false;
	if (rule->payload == RECORD_COUNTED)
		*size += (field & 0xffffffffULL) * rule->elem_size;
	else if (rule->payload == RECORD_BLOB && field > rule->size)
		*size = field;
	return true;
}

static __always_inline __u64 nested_size(const struct record_nested *nested, const struct thread *t,
					 __u64 base)
{
	__u64 field = 0;

	if (nested->length == RECORD_LEN_CONST)
		return nested->unit;
	if (nested->length == RECORD_LEN_ATTR) {
		struct record_attr_key key = {.kind = t->object.kind};
		__u32 *size;

		/* struct kvm_device_attr: __u32 flags, group; __u64 attr, addr. */
		if (bpf_probe_read_user(&key.group, sizeof(key.group), (void *)(base + 4)) ||
		    bpf_probe_read_user(&key.attr, sizeof(key.attr), (void *)(base + 8)))
			return 0;
		size = bpf_map_lookup_elem(&attrs, &key);
		return size ? *size : 0;
	}
	if (!read_field(base + nested->len_offset, nested->len_width, &field))
		return 0;
	switch (nested->length) {
	case RECORD_LEN_BYTES:
		return field * nested->unit;
	case RECORD_LEN_BITS:
		return (field + 63) / 64 * 8;
	case RECORD_LEN_ONE_REG:
		return 1ULL << ((field >> 52) & 15);
	case RECORD_LEN_SLOT: {
		struct record_slot_key key = {.vm = t->object.address, .slot = (__u32)field};
		__u64 *bytes = bpf_map_lookup_elem(&slots, &key);

		return bytes ? (*bytes / page_size + 63) / 64 * 8 : 0;
	}
	}
	return 0;
}

/*
 * The buffer behind pointer number `which` & 0xff of row `which` >> 8 & 0xff of the rule's
 * pointers, which is number `which` >> 16 of all.  With READ_DEFER, one that cannot be read is
 * noted in .late of the thread.
 */
__noinline __u32 put_pointer(__u32 off, __u32 how, __u32 which)
{
	struct thread *t = my_thread();
	const struct record_rule *rule = t ? my_rule(t) : NULL;
	const struct record_nested *nested;
	__u32 n = which >> 16;
	__u32 bit = 1U << (RECORD_ROLE_NESTED_IN + (n & 15));
	__u64 pointer = 0;
	__u64 base;
	__u64 want;
	__u32 next;

	if (!rule)
		return off;
	nested = &rule->nested[which >> 8 & (RECORD_NESTED_ROWS - 1)];
	if (how & RECORD_PART_LATE << 8 && !(t->late & bit))
		return off;
	base = t->arg + (__u64)(which & 0xff) * nested->stride;
	if (bpf_probe_read_user(&pointer, sizeof(pointer), (void *)(base + nested->ptr_offset)))
		return off;
	/* The other half of the field is padding (struct compat_kvm_dirty_log). */
	if (t->compat)
		pointer = (__u32)pointer;
	if (!pointer)
		return off;
	want = nested_size(nested, t, base);
	if (!want)
		return off;
	next = put_part(off, pointer, want, how + n);
	if (next == off)
		t->late |= bit;
	return next;
}

/*
 * The buffers behind the pointers of the argument that go in direction `dir`.  how: HOW() with the
 * role of the first of them.
 */
static __always_inline __u32 put_nested(__u32 off, const struct record_rule *rule, __u8 dir,
					__u32 how)
{
	__u32 n = 0;

	for (__u32 row = 0; row < RECORD_NESTED_ROWS; row++) {
		if (row >= rule->nested_count)
			break;
		for (__u32 i = 0; i < RECORD_NESTED_POINTERS; i++) {
			if (i >= rule->nested[row].repeat || n >= RECORD_NESTED_POINTERS)
				break;
			if (rule->nested[row].dir & dir)
				off = put_pointer(off, how, i | row << 8 | n << 16);
			n++;
		}
	}
	return off;
}

/* Port data of an exit to port I/O in direction `direction`; union of struct kvm_run: io. */
static __always_inline __u32 put_pio(__u32 off, const struct thread *t, __u8 direction, __u32 how)
{
	struct {
		__u8 direction;
		__u8 size;
		__u16 port;
		__u32 count;
		__u64 data_offset;
	} io;

	if (!t->pio || bpf_probe_read_kernel(&io, sizeof(io), (void *)(t->run + run_union)))
		return off;
	if (io.direction != direction)
		return off;
	/* The data page is mapped behind the run page; take the offset within it. */
	return put_part(off, t->pio + (io.data_offset & 4095), (__u64)io.size * io.count, how);
}

#define EXIT_REASON_OFFSET 8
#define EXIT_IO		   2
#define EXIT_NONE	   0xffffffffU

static __always_inline __u32 exit_reason(const struct thread *t)
{
	__u32 reason = EXIT_NONE;

	bpf_probe_read_kernel(&reason, sizeof(reason), (void *)(t->run + EXIT_REASON_OFFSET));
	return reason;
}

/* kvm_valid_regs, kvm_dirty_regs, and the block behind them if the mask that counts has a bit. */
static __always_inline __u32 put_regs(__u32 off, const struct thread *t, int which, __u32 how)
{
	__u64 masks[2] = {};

	bpf_probe_read_kernel(masks, sizeof(masks), (void *)(t->run + run_regs));
	if (!masks[which])
		return which ? put_part(off, t->run + run_regs, sizeof(masks), how) : off;
	return put_part(off, t->run + run_regs, sizeof(masks) + run_sync_size, how);
}

static __always_inline __u32 put_run_in(__u32 off, const struct thread *t)
{
	__u32 reason = exit_reason(t);
	struct record_exit *known = bpf_map_lookup_elem(&exits, &reason);

	off = put_part(off, t->run, run_union + (known ? known->in : 0),
		       HOW(RECORD_ROLE_RUN_IN, 0, READ_KERNEL));
	off = put_regs(off, t, 1, HOW(RECORD_ROLE_RUN_REGS_IN, 0, READ_KERNEL));
	if (reason == EXIT_IO)
		off = put_pio(off, t, 0, HOW(RECORD_ROLE_PIO_IN, 0, READ_KERNEL));
	return off;
}

#define ERROR_EFAULT	(-14)
#define ERROR_EHWPOISON (-133)

static __always_inline __u32 put_run_out(__u32 off, const struct thread *t, __s64 ret)
{
	__u32 reason = exit_reason(t);
	struct record_exit *known = bpf_map_lookup_elem(&exits, &reason);
	__u32 out = 0;

	/*
	 * On an error the exit is that of an earlier call, except KVM_EXIT_MEMORY_FAULT (api.rst,
	 * 4.10).
	 */
	if (ret >= 0 || ret == ERROR_EFAULT || ret == ERROR_EHWPOISON)
		out = known ? known->out : 0;
	off = put_part(off, t->run, run_union + out, HOW(RECORD_ROLE_RUN_OUT, 0, READ_KERNEL));
	off = put_regs(off, t, 0, HOW(RECORD_ROLE_RUN_REGS_OUT, 0, READ_KERNEL));
	if (reason == EXIT_IO && ret >= 0)
		off = put_pio(off, t, 1, HOW(RECORD_ROLE_PIO_OUT, 0, READ_KERNEL));
	return off;
}

/* Without a rule, the request word gives size and direction (asm/ioctl.h). */
static __always_inline const struct record_rule *find_rule(struct scratch *s,
							   const struct thread *t)
{
	struct record_rule *rule = my_rule(t);
	__u32 request = t->request;
	__u32 dir = request >> 30;

	if (rule)
		return rule;
	rule = &s->unknown;
	rule->payload = RECORD_FIXED;
	rule->dir = (dir & 1 ? RECORD_IN : 0) | (dir & 2 ? RECORD_OUT : 0);
	rule->size = (request >> 16) & 0x3fff;
	rule->fd_offset = -1;
	return rule;
}

static __always_inline __u32 put_arg_in(__u32 off, const struct record_rule *rule, struct thread *t)
{
	/* What the call overwrites cannot be read afterwards. */
	__u32 defer = rule->dir & RECORD_OUT ? 0 : READ_DEFER;
	__u64 want = 0;
	__u32 next;

	if (!t->arg || !rule->size)
		return off;
	if (!argument_size(rule, t->arg, &want))
		want = rule->size;
	t->count = want;
	if (rule->dir & RECORD_IN) {
		next = put_part(off, t->arg, want, HOW(RECORD_ROLE_ARG_IN, 0, READ_USER | defer));
		if (next == off) {
			/*
			 * The lengths of nested buffers are not known either: read all at the
			 * return.
			 */
			t->late = ~0U;
			return off;
		}
		off = next;
	}
	if (rule->nested_count)
		off = put_nested(off, rule, RECORD_IN,
				 HOW(RECORD_ROLE_NESTED_IN, 0, READ_USER | READ_DEFER));
	return off;
}

static __always_inline __u32 put_arg_out(__u32 off, const struct record_rule *rule,
					 struct thread *t, __s64 ret)
{
	__u64 want = rule->size;

	if (!t->arg || !rule->size)
		return off;
	if (rule->dir & RECORD_OUT) {
		/* A list that did not fit was not written, but its count may have been. */
		if (ret >= 0 && (!argument_size(rule, t->arg, &want) || want > t->count))
			want = t->count;
		off = put_part(off, t->arg, want, HOW(RECORD_ROLE_ARG_OUT, 0, READ_USER));
	}
	if (rule->nested_count && ret >= 0)
		off = put_nested(off, rule, RECORD_OUT, HOW(RECORD_ROLE_NESTED_OUT, 0, READ_USER));
	return off;
}

static __always_inline __u32 put_late(__u32 off, const struct record_rule *rule, struct thread *t)
{
	__u64 want;

	if (t->late == ~0U) {
		if (!argument_size(rule, t->arg, &want))
			want = rule->size;
		off = put_part(off, t->arg, want,
			       HOW(RECORD_ROLE_ARG_IN, RECORD_PART_LATE, READ_USER));
	}
	if (rule->nested_count)
		off = put_nested(off, rule, RECORD_IN,
				 HOW(RECORD_ROLE_NESTED_IN, RECORD_PART_LATE, READ_USER));
	return off;
}

/* --- a call begins, a call ends --------------------------------------------------------------- */

static __always_inline bool is_followed(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (follow_all)
		return tgid != self;
	return bpf_map_lookup_elem(&followed, &tgid);
}

/* The state of the current thread, made at its first call; NULL: no room for it. */
static __noinline struct thread *new_thread(__u32 tid)
{
	struct thread *t;

	if (bpf_map_update_elem(&threads, &tid, &no_thread, BPF_ANY))
		return NULL;
	t = bpf_map_lookup_elem(&threads, &tid);
	if (t)
		t->serial = (__u32)bpf_ktime_get_ns() | 1;
	return t;
}

/* Send the RECORD_THREAD of the current thread. False: the ring is full. */
static __noinline bool name_thread(struct thread *t)
{
	struct record_thread record;

	__builtin_memset(&record, 0, sizeof(record));
	fill_head(&record.head, RECORD_THREAD, 0);
	record.head.serial = t->serial;
	bpf_get_current_comm(record.comm, sizeof(record.comm));
	if (send(&record, sizeof(record)))
		return false;
	t->named = 1;
	return true;
}

/* Send a return that did not fit earlier, now without payload. False: the ring is still full. */
static __noinline bool send_owed(struct thread *t)
{
	t->ret.head.flags |= RECORD_F_PAYLOAD_LOST;
	t->ret.head.lost_buffer = (__u32)lost_buffer;
	t->ret.head.lost_threads = (__u32)lost_threads;
	if (send(&t->ret, sizeof(t->ret)))
		return false;
	t->owed = 0;
	return true;
}

/* In the _again program: nothing is left to do, the first program saw this call begin. */
static __always_inline bool seen_by_other(void)
{
	struct thread *t = my_thread();

	if (!t)
		return !is_followed();
	if (t->begun != BEGUN_ONE)
		return false;
	t->begun = BEGUN_NONE;
	return true;
}

/* An unseen call may have made an object, so an object at a known address may be a new one. */
static __always_inline void forget_if_makes(__u32 kind, __u32 request)
{
	struct record_rule_key key = {.kind = kind, .request = request};
	struct record_rule *rule = bpf_map_lookup_elem(&rules, &key);

	if (rule && rule->creates)
		forget_objects();
}

/* The object of a call.  Most calls of a thread are on the one of its last call. */
static __always_inline void note_object(struct thread *t, struct file *file, __u32 kind, __s32 fd)
{
	__u64 now = *(volatile __u64 *)&changes;

	t->object.fd = fd;
	if (t->changes == now && t->object.file == (__u64)file && t->object.kind == kind &&
	    t->object.address == object_address(file, kind))
		return;
	fill_object(&t->object, file, kind, fd);
	t->changes = now;
}

/*
 * The current thread begins an ioctl on `file`, a file of KVM or not.  again: in the
 * _again program, or in the only one of a place that cannot have two.
 */
static __always_inline int record_enter(struct file *file, __s32 fd, __u32 request, __u64 arg,
					bool again, bool compat)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct thread *t = bpf_map_lookup_elem(&threads, &tid);
	struct record_counters *mine;
	struct record_call *call;
	struct scratch *s;
	__u32 off = sizeof(*call);
	__u32 kind;

	if (!again && t && t->begun == BEGUN_AGAIN) {
		t->begun = BEGUN_NONE;
		return 0;
	}
	if (!t && !is_followed())
		return 0;
	kind = kind_of_file(file);
	if (!kind)
		return 0;
	mine = my_counters();
	if (!mine)
		return 0;
	s = claim_scratch(&off);
	if (!s) {
		__sync_fetch_and_add(&lost_scratch, 1);
		forget_if_makes(kind, request);
		return 0;
	}
	if (!t) {
		t = new_thread(tid);
		if (!t) {
			/* Both programs fail here for lack of room: only one of them counts it. */
			if (again || !twice) {
				__sync_fetch_and_add(&mine->seen, 1);
				__sync_fetch_and_add(&lost_threads, 1);
				forget_if_makes(kind, request);
			}
			goto out;
		}
	}
	__sync_fetch_and_add(&mine->seen, 1);
	mine->left = 0;
	t->begun = again ? BEGUN_AGAIN : BEGUN_ONE;
	t->state = CALL_LOST;
	t->request = request;
	t->arg = arg;
	t->late = 0;
	t->compat = compat;
	if (kind == RECORD_VCPU)
		t->vcpu = 1;
	note_object(t, file, kind, fd);
	if (t->owed && !send_owed(t))
		goto lost;
	if (!t->named && !name_thread(t))
		goto lost;

	call = (void *)s->bytes;
	fill_head(&call->head, RECORD_CALL, compat ? RECORD_F_COMPAT : 0);
	call->head.serial = t->serial;
	call->object = t->object;
	call->arg = arg;
	call->request = request;
	call->reserved = 0;
	if (kind == RECORD_VCPU && request == run_request) {
		t->run = 0;
		t->pio = 0;
		if (know_vcpu()) {
			struct kvm_vcpu *vcpu = (void *)t->object.address;

			t->run = (__u64)BPF_CORE_READ(vcpu, run);
			if (bpf_core_field_exists(vcpu->arch.pio_data))
				t->pio = (__u64)BPF_CORE_READ(vcpu, arch.pio_data);
			off = put_run_in(off, t);
		}
	} else if (reset_request && kind == RECORD_VM && request == reset_request) {
		off = put_rings(off, t->object.address);
	} else {
		off = put_arg_in(off, find_rule(s, t), t);
	}
	if (send_scratch(s, off))
		goto lost;
	t->state = CALL_OPEN;
	goto out;
lost:
	__sync_fetch_and_add(&lost_buffer, 1);
out:
	release_scratch(s);
	return 0;
}

/* A successful call changed the size of a memory slot. */
static __always_inline void note_slot(const struct thread *t)
{
	struct record_slot_key key = {.vm = t->object.address};
	__u64 size = 0;

	if (bpf_probe_read_user(&key.slot, sizeof(key.slot), (void *)t->arg) ||
	    bpf_probe_read_user(&size, sizeof(size), (void *)(t->arg + 16)))
		return;
	if (size)
		bpf_map_update_elem(&slots, &key, &size, BPF_ANY);
	else
		bpf_map_delete_elem(&slots, &key);
}

/*
 * The object behind the file descriptor that a successful call returned: always a new one, even at
 * a known address.
 */
static __always_inline void fill_created(struct record_return *record, __u32 creates,
					 __s32 fd_offset, const struct thread *t, __s64 ret)
{
	struct object_key key = {};
	__s32 fd = (__s32)ret;
	struct file *file;
	__u32 kind;

	if (fd_offset >= 0 && bpf_probe_read_user(&fd, sizeof(fd), (void *)(t->arg + fd_offset)))
		return;
	file = file_of_fd(fd);
	if (!file)
		return;
	kind = kind_of_file(file);
	if (kind != creates)
		return;
	key.address = object_address(file, kind);
	key.kind = kind;
	bpf_map_delete_elem(&objects, &key);
	fill_object(&record->created, file, kind, fd);
	__sync_fetch_and_add(&changes, 1);
	record->head.flags |= RECORD_F_CREATED;
}

static __always_inline void fill_return(struct record_return *record, const struct thread *t,
					__s64 ret)
{
	fill_head(&record->head, RECORD_RETURN, 0);
	record->head.serial = t->serial;
	record->ret = ret;
	__builtin_memset(&record->created, 0, sizeof(record->created));
}

/*
 * The current thread ends the ioctl with this request and argument. If the request differs from the
 * one that began, a return and a call went unseen: the call that began stays without a return.
 */
static __always_inline int record_leave(__s64 ret, __u32 request, __u64 arg, bool again)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct record_counters *mine = my_counters();
	struct thread *t;
	const struct record_rule *rule;
	struct record_return *record;
	struct scratch *s;
	__u32 off = sizeof(*record);
	__u32 state;

	if (!mine)
		return 0;
	/* Quick check whether the other program ran before. */
	if (again && mine->left == tid) {
		mine->left = 0;
		return 0;
	}
	if (twice && !again)
		mine->left = tid;
	t = my_thread();
	if (!t || t->state == CALL_NONE)
		return 0;
	state = t->state;
	t->state = CALL_NONE;
	t->begun = BEGUN_NONE;
	if (t->request != request || t->arg != arg)
		return 0;
	s = claim_scratch(&off);
	if (!s) {
		/* Handled as if it had not fitted into the ring. */
		if (ret >= 0)
			forget_if_makes(t->object.kind, request);
		if (state == CALL_OPEN) {
			fill_return(&t->ret, t, ret);
			t->owed = 1;
		}
		return 0;
	}
	record = (void *)s->bytes;
	fill_return(record, t, ret);
	if (t->object.kind == RECORD_VCPU && t->request == run_request) {
		if (state == CALL_LOST)
			goto out;
		if (t->run)
			off = put_run_out(off, t, ret);
	} else {
		rule = find_rule(s, t);
		if (ret >= 0 && rule->flags & RECORD_RULE_SETS_SLOT)
			note_slot(t);
		if (ret >= 0 && rule->creates)
			fill_created(record, rule->creates, rule->fd_offset, t, ret);
		if (state == CALL_LOST)
			goto out;
		off = put_arg_out(off, rule, t, ret);
		if (t->late)
			off = put_late(off, rule, t);
	}
	if (send_scratch(s, off)) {
		t->ret = *record;
		t->owed = 1;
	}
out:
	release_scratch(s);
	return 0;
}

#define PF_EXITING 0x4

/* Send a record that is not repeated. */
static __always_inline void send_notice(void *data, __u64 size)
{
	if (send(data, size))
		__sync_fetch_and_add(&lost_notices, 1);
}

/*
 * The last reference of `file`, a file of KVM of this kind, is dropped. Sent only if a record named
 * it.
 */
static __always_inline void record_close(struct file *file, __u32 kind)
{
	struct object_key key = {.address = object_address(file, kind), .kind = kind};
	struct object_value *known = bpf_map_lookup_elem(&objects, &key);
	struct task_struct *task = (void *)bpf_get_current_task();
	struct record_close record;

	if (!known)
		return;
	__builtin_memset(&record, 0, sizeof(record));
	record.object.address = key.address;
	record.object.serial = known->serial;
	record.object.file = (__u64)file;
	record.object.kind = kind;
	bpf_map_delete_elem(&objects, &key);
	__sync_fetch_and_add(&changes, 1);
	fill_head(&record.head, RECORD_CLOSE,
		  BPF_CORE_READ(task, flags) & PF_EXITING ? RECORD_F_EXITING : 0);
	send_notice(&record, sizeof(record));
}

/* ioctl(fd, RECORD_JOIN, cookie): follow the current process from here on. */
static __always_inline bool is_join(__u32 request, __u64 arg)
{
	return request == RECORD_JOIN && arg == join_cookie;
}

static __always_inline int join(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u8 one = 1;

	bpf_map_update_elem(&followed, &tgid, &one, BPF_ANY);
	joined = tgid;
	return 0;
}

static __always_inline bool is_probe(__u32 request, __u64 arg)
{
	return request == RECORD_PROBE && arg == join_cookie;
}

/* --- back end: tracepoints of every system call ----------------------------------------------- */

/*
 * What the recorder does at a system call, by its number. Numbers of 32-bit and of 64-bit programs
 * differ.
 */
enum what {
	WHAT_NOTHING,
	WHAT_IOCTL,
	WHAT_CLOSE,
};

static __always_inline enum what what_is(long id, bool *compat)
{
	*compat = false;
	if (id != nr_ioctl && id != nr_close && id != core_compat_ioctl && id != core_compat_close)
		return WHAT_NOTHING;
	*compat = core_in_compat((struct task_struct *)bpf_get_current_task());
	if (id == (*compat ? core_compat_ioctl : nr_ioctl))
		return WHAT_IOCTL;
	return id == (*compat ? core_compat_close : nr_close) ? WHAT_CLOSE : WHAT_NOTHING;
}

static __always_inline int enter_syscall(struct pt_regs *regs, long id, bool again)
{
	struct file *file;
	__u32 request;
	bool compat;
	enum what what = what_is(id, &compat);
	__u32 kind;
	__u64 arg;
	__u32 fd;

	if (what == WHAT_NOTHING || (again && what == WHAT_CLOSE))
		return 0;
	fd = compat ? core_compat_arg0(regs) : core_syscall_arg0(regs);
	if (what == WHAT_CLOSE) {
		if (!is_followed())
			return 0;
		file = file_of_fd(fd);
		kind = file ? kind_of_file(file) : 0;
		if (kind && references(file) == 1)
			record_close(file, kind);
		return 0;
	}
	request = compat ? core_compat_arg1(regs) : core_syscall_arg1(regs);
	arg = compat ? core_compat_arg2(regs) : core_syscall_arg2(regs);
	if (is_join(request, arg))
		return join();
	if (is_probe(request, arg))
		return answer_probe();
	if (again && seen_by_other())
		return 0;
	file = file_of_fd(fd);
	return file ? record_enter(file, fd, request, arg, again, compat) : 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_sys_enter, struct pt_regs *regs, long id)
{
	return enter_syscall(regs, id, false);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_sys_enter_again, struct pt_regs *regs, long id)
{
	return enter_syscall(regs, id, true);
}

static __always_inline int leave_syscall(struct pt_regs *regs, long ret, bool again)
{
	bool compat;

	if (what_is(core_syscall_nr(regs), &compat) != WHAT_IOCTL)
		return 0;
	if (compat)
		return record_leave((__s32)ret, core_compat_arg1(regs), core_compat_arg2(regs),
				    again);
	return record_leave(ret, core_syscall_arg1(regs), core_syscall_arg2(regs), again);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long ret)
{
	return leave_syscall(regs, ret, false);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit_again, struct pt_regs *regs, long ret)
{
	return leave_syscall(regs, ret, true);
}

/* --- back end: the functions of KVM that answer an ioctl -------------------------------------- */

/*
 * The fd of the current thread's call, if it came by the system call. For display only: the object
 * is identified by its address.
 */
static __always_inline __s32 fd_of_call(void)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	bool compat;

	if (what_is(core_syscall_nr_read(regs), &compat) != WHAT_IOCTL)
		return -1;
	return compat ? (__s32)core_compat_arg0_read(regs) : (__s32)core_syscall_arg0_read(regs);
}

/*
 * compat: in the function for 32-bit programs. It answers some requests itself and calls the
 * function for 64-bit programs for the others, which then runs inside a call that has begun.
 */
static __always_inline int enter_function(struct file *file, __u32 request, __u64 arg, bool again,
					  bool compat)
{
	struct thread *t;

	if (is_join(request, arg))
		return join();
	if (is_probe(request, arg))
		return answer_probe();
	if (!compat) {
		t = my_thread();
		if (t && t->compat && t->state != CALL_NONE && t->object.file == (__u64)file &&
		    t->request == request && t->arg == arg)
			return 0;
	}
	if (again && seen_by_other())
		return 0;
	return record_enter(file, fd_of_call(), request, arg, again, compat);
}

/*
 * The function's return value is the result of the system call, except for one value (vfs_ioctl()).
 */
#define ERROR_NOTTY	 (-25)
#define ERROR_NOIOCTLCMD (-515)

static __always_inline int leave_function(__s64 ret, __u32 request, __u64 arg, bool again)
{
	return record_leave(ret == ERROR_NOIOCTLCMD ? ERROR_NOTTY : ret, request, arg, again);
}

/*
 * At a kretprobe the arguments are gone, but kprobes are not preempted, so the saved ones are
 * valid.
 */
static __always_inline int leave_probed(__s64 ret)
{
	struct thread *t = my_thread();

	return t ? leave_function(ret, t->request, t->arg, false) : 0;
}

/*
 * fentry does not reach every function: where the symbol of a function was stripped from a module,
 * the kernel can resolve it to a neighbouring function and attach nothing (ftrace_location();
 * kvm_vm_ioctl of Debian's 6.12 and 7.2). A kprobe is slower, but finds it.
 */
#define HOOK_FUNCTION(name, function, suffix, again, compat)                             \
	SEC("fentry/" #function)                                                         \
	int BPF_PROG(on_##name##_enter##suffix, struct file *file, unsigned int request, \
		     unsigned long arg)                                                  \
	{                                                                                \
		return enter_function(file, request, arg, again, compat);                \
	}                                                                                \
	SEC("fexit/" #function)                                                          \
	int BPF_PROG(on_##name##_leave##suffix, struct file *file, unsigned int request, \
		     unsigned long arg, long ret)                                        \
	{                                                                                \
		return leave_function(ret, request, arg, again);                         \
	}

#define HOOK(name, function, compat)                                                              \
	HOOK_FUNCTION(name, function, , false, compat)                                            \
	HOOK_FUNCTION(name, function, _again, true, compat)                                       \
	SEC("kprobe/" #function)                                                                  \
	int on_##name##_enter_probe(struct pt_regs *regs)                                         \
	{                                                                                         \
		return enter_function((void *)core_function_arg0(regs), core_function_arg1(regs), \
				      core_function_arg2(regs), true, compat);                    \
	}                                                                                         \
	SEC("kretprobe/" #function)                                                               \
	int on_##name##_leave_probe(struct pt_regs *regs)                                         \
	{                                                                                         \
		return leave_probed(core_function_ret(regs));                                     \
	}

HOOK(system, kvm_dev_ioctl, false)
HOOK(vm, kvm_vm_ioctl, false)
HOOK(vcpu, kvm_vcpu_ioctl, false)
HOOK(device, kvm_device_ioctl, false)
HOOK(vm_compat, kvm_vm_compat_ioctl, true)
HOOK(vcpu_compat, kvm_vcpu_compat_ioctl, true)

/* Where the kernel frees a file after its last reference. */
SEC("fentry/__fput")
int BPF_PROG(on_last_close, struct file *file)
{
	__u32 kind = kind_of_file(file);

	if (kind)
		record_close(file, kind);
	return 0;
}

/* --- processes and threads come and go -------------------------------------------------------- */

static __always_inline int follow_child(struct task_struct *parent, struct task_struct *child)
{
	__u32 tgid = parent->tgid;
	__u32 new = child->tgid;
	__u8 one = 1;

	if (new != tgid && bpf_map_lookup_elem(&followed, &tgid) &&
	    bpf_map_update_elem(&followed, &new, &one, BPF_ANY))
		__sync_fetch_and_add(&lost_processes, 1);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	return follow_child(parent, child);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork_again, struct task_struct *parent, struct task_struct *child)
{
	return follow_child(parent, child);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	struct record_head record;

	if (!is_followed())
		return 0;
	fill_head(&record, RECORD_EXEC, 0);
	send_notice(&record, sizeof(record));
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32;
	__u32 tid = (__u32)id;
	struct thread *t = bpf_map_lookup_elem(&threads, &tid);
	bool last = task->signal->live.counter == 0;
	__u32 serial = t ? t->serial : 0;
	struct record_head record;

	if (t && t->owed)
		send_owed(t);
	if (!t && !(last && is_followed()))
		return 0;
	bpf_map_delete_elem(&threads, &tid);
	if (last)
		bpf_map_delete_elem(&followed, &tgid);
	fill_head(&record, RECORD_EXIT, last ? RECORD_F_PROCESS : 0);
	record.serial = serial;
	send_notice(&record, sizeof(record));
	return 0;
}

/* --- signals of threads that call on vCPUs ---------------------------------------------------- */

/*
 * The kernel runs both tracepoints with the lock of the process's signals held and interrupts off,
 * so their programs are never preempted, and their records are in the order of what happened.  They
 * are the same for all back ends.
 */

/* For these si_codes the current thread is not the sender. */
#define CODE_USER   0
#define CODE_QUEUE  (-1)
#define CODE_TKILL  (-6)
#define CODE_KERNEL 0x80

/* Special values in place of a siginfo: sent by a process, by the kernel. */
#define NO_INFO	  0UL
#define PRIV_INFO 1UL

static __always_inline void send_signal(__u32 tid, const struct thread *t, int number,
					struct kernel_siginfo *info, __u8 what, __u8 outcome,
					bool process)
{
	struct record_signal record;

	__builtin_memset(&record, 0, sizeof(record));
	fill_head(&record.head, RECORD_SIGNAL, 0);
	record.tid = tid;
	record.serial = t->serial;
	record.number = number;
	record.what = what;
	record.outcome = outcome;
	record.process = process;
	if ((unsigned long)info > PRIV_INFO)
		record.code = BPF_CORE_READ(info, si_code);
	else
		record.code = (unsigned long)info == NO_INFO ? CODE_USER : CODE_KERNEL;
	if (what == RECORD_SIGNAL_GENERATED &&
	    (record.code == CODE_USER || record.code == CODE_QUEUE || record.code == CODE_TKILL))
		record.sender = record.head.tid;
	if (send(&record, sizeof(record)))
		__sync_fetch_and_add(&lost_signals, 1);
}

SEC("raw_tp/signal_generate")
int BPF_PROG(on_signal_generate, int number, struct kernel_siginfo *info, struct task_struct *task,
	     int process, int result)
{
	__u32 tid = BPF_CORE_READ(task, pid);
	struct thread *t = bpf_map_lookup_elem(&threads, &tid);

	if (!t || !t->vcpu || !t->named)
		return 0;
	/* Both have the same order, beginning with "delivered", the kernel's name for pending. */
	if (result < 0 || result > RECORD_SIGNAL_BARE)
		result = RECORD_SIGNAL_PENDING;
	send_signal(tid, t, number, info, RECORD_SIGNAL_GENERATED, result, process);
	return 0;
}

SEC("raw_tp/signal_deliver")
int BPF_PROG(on_signal_deliver, int number, struct kernel_siginfo *info, struct k_sigaction *action)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct thread *t = bpf_map_lookup_elem(&threads, &tid);
	unsigned long handler;

	if (!t || !t->vcpu || !t->named)
		return 0;
	handler = (unsigned long)BPF_CORE_READ(action, sa.sa_handler);
	/* SIG_DFL, SIG_IGN. */
	send_signal(tid, t, number, info, RECORD_SIGNAL_DELIVERED,
		    handler == 0   ? RECORD_SIGNAL_DEFAULT
		    : handler == 1 ? RECORD_SIGNAL_IGNORED
				   : RECORD_SIGNAL_HANDLED,
		    false);
	return 0;
}

/* --- a process as the recorder's PID namespace numbers it ------------------------------------- */

/* Runs for each thread of the machine, when the recorder reads the iterator. */
SEC("iter/task")
int find_process(struct bpf_iter__task *ctx)
{
	struct task_struct *me = (void *)bpf_get_current_task();
	struct task_struct *task = ctx->task;
	struct upid mine = {}, theirs = {};
	struct pid *pid;
	__u64 at;

	if (!task || found_pid)
		return 0;
	pid = BPF_CORE_READ(me, thread_pid);
	at = BPF_CORE_READ(pid, level) * sizeof(mine);
	bpf_probe_read_kernel(&mine, sizeof(mine), (void *)&pid->numbers[0] + at);
	pid = BPF_CORE_READ(task, thread_pid);
	if (!pid || BPF_CORE_READ(pid, level) * sizeof(mine) < at)
		return 0;
	bpf_probe_read_kernel(&theirs, sizeof(theirs), (void *)&pid->numbers[0] + at);
	if (theirs.nr == wanted_pid && theirs.ns == mine.ns)
		found_pid = task->tgid;
	return 0;
}
