/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * record: the records between the eBPF program and user space.
 *
 * Plain C for both: fixed-width members, no pointer, every struct a multiple of 8 bytes. The
 * records go through one BPF ring buffer, so their order is the order in which things happened; a
 * record is one of the structs below that begin with struct record_head, followed by parts up to
 * its end.
 */
#ifndef RECORD_H
#define RECORD_H

#include <linux/types.h>

enum record_type {
	RECORD_THREAD = 1, /* struct record_thread: a thread is about to make its first call */
	RECORD_CALL,	   /* struct record_call, then parts of the IN roles */
	RECORD_RETURN,	   /* struct record_return, then parts of the OUT roles and late IN roles */
	RECORD_CLOSE,	   /* struct record_close: the last reference of a file goes */
	RECORD_EXEC,	   /* struct record_head: the process runs another program from here on */
	RECORD_EXIT,	   /* struct record_head: the thread ends */
	RECORD_SIGNAL,	   /* struct record_signal */
};

enum record_flag {
	RECORD_F_PROCESS = 1 << 0,	/* RECORD_EXIT: it was the last thread of its process */
	RECORD_F_EXITING = 1 << 4,	/* RECORD_CLOSE: since a thread ends */
	RECORD_F_CREATED = 1 << 1,	/* RECORD_RETURN: .created is set */
	RECORD_F_PAYLOAD_LOST = 1 << 2, /* RECORD_RETURN: sent again later, its parts are lost */
	RECORD_F_COMPAT = 1 << 3,	/* RECORD_CALL: by a system call for 32-bit programs */
};

struct record_head {
	__u16 type;	    /* enum record_type */
	__u16 flags;	    /* mask of enum record_flag */
	__u32 lost_buffer;  /* calls lost so far since the ring was full (modulo 2^32) */
	__u32 lost_threads; /* calls lost so far since too many threads were inside calls */
	__u32 pid;	    /* thread group and thread, in the initial namespace */
	__u32 tid;
	__u32 serial; /* tells threads apart that had this tid one after the other; 0 = not known */
	__u64 time;   /* CLOCK_MONOTONIC, ns */
};

struct record_thread {
	struct record_head head;
	char comm[16];
};

/*
 * A file of KVM. The kernel reuses addresses, and the record of a close can be lost, so the eBPF
 * program tracks what was made and closed, and gives each object a serial number. An object whose
 * creation it did not see gets one at its first call.
 */
struct record_object {
	__u64 address; /* of struct kvm, kvm_vcpu, kvm_device; of struct file for the other kinds */
	__u64 serial;
	__u64 file;
	__u64 parent; /* of the struct kvm of a vCPU or device, else 0 */
	__u64 parent_serial;
	__u64 number; /* id of a vCPU, else RECORD_NO_NUMBER */
	__u32 kind;   /* one bit, as in enum kvmapi_object */
	__s32 fd;
};
#define RECORD_NO_NUMBER (~0ULL)

struct record_call {
	struct record_head head;
	struct record_object object;
	__u64 arg;
	__u32 request;
	__u32 reserved;
};

struct record_return {
	struct record_head head;
	__s64 ret;
	struct record_object created;
};

struct record_close {
	struct record_head head;
	struct record_object object;
};

/*
 * A signal of a thread that has called on a vCPU.  The head is of the thread that runs: that which
 * takes the signal, or that in which it is sent.
 */
struct record_signal {
	struct record_head head;
	__u32 tid; /* whose it is */
	__u32 serial;
	__u32 sender; /* thread id, 0 = not known */
	__s32 code;
	__u8 number;
	__u8 what;    /* as in enum tape_signal_what */
	__u8 outcome; /* as in enum tape_signal_outcome */
	__u8 process;
	__u32 reserved;
};

/* .have bytes follow, padded to 8. */
struct record_part {
	__u8 role;  /* as in enum tape_role */
	__u8 flags; /* as in enum tape_part_flag */
	__u16 reserved;
	__u32 want;
	__u32 have;
	__u32 reserved2;
	__u64 addr;
};

/* Maximum size of one part, and of one record. */
#define RECORD_PART_MAX 65528U
#define RECORD_MAX	(1U << 17)

/* --- what the user side loads ----------------------------------------------------------------- */

/* As in kvmapi.h and tape.h, which a BPF program cannot include; rules.c compares them. */
enum {
	RECORD_SYSTEM = 1 << 0,
	RECORD_VM = 1 << 1,
	RECORD_VCPU = 1 << 2,
	RECORD_DEVICE = 1 << 3,
	RECORD_STATS = 1 << 4,
	RECORD_MEMFD = 1 << 5,
	RECORD_OTHER = 1 << 6,
};
enum {
	RECORD_IN = 1,
	RECORD_OUT = 2,
};
enum {
	RECORD_VALUE,
	RECORD_FIXED,
	RECORD_COUNTED,
	RECORD_BLOB,
	RECORD_RUNPAGE,
};
enum {
	RECORD_LEN_NONE,
	RECORD_LEN_BYTES,
	RECORD_LEN_BITS,
	RECORD_LEN_ONE_REG,
	RECORD_LEN_SLOT,
	RECORD_LEN_CONST,
	RECORD_LEN_ATTR,
};
enum {
	RECORD_ROLE_ARG_IN,
	RECORD_ROLE_ARG_OUT,
	RECORD_ROLE_RUN_IN,
	RECORD_ROLE_RUN_OUT,
	RECORD_ROLE_RUN_REGS_IN,
	RECORD_ROLE_RUN_REGS_OUT,
	RECORD_ROLE_PIO_IN,
	RECORD_ROLE_PIO_OUT,
	RECORD_ROLE_NESTED_IN = 8,
	RECORD_ROLE_NESTED_OUT = 24,
};
enum {
	RECORD_PART_LATE = 1 << 0,
	RECORD_PART_CLIPPED = 1 << 1,
	RECORD_PART_FAULT = 1 << 2,
};
#define RECORD_NESTED_POINTERS 16
enum {
	RECORD_SIGNAL_GENERATED,
	RECORD_SIGNAL_DELIVERED,
};
enum {
	RECORD_SIGNAL_PENDING,
	RECORD_SIGNAL_IGNORED,
	RECORD_SIGNAL_BARE = 4,
	RECORD_SIGNAL_HANDLED,
	RECORD_SIGNAL_DEFAULT,
};

#define RECORD_RING_ENTRY 16U /* bytes of struct kvm_dirty_gfn */

struct record_nested {
	__u16 ptr_offset;
	__u16 len_offset;
	__u16 stride;
	__u8 len_width;
	__u8 length; /* RECORD_LEN_* */
	__u8 dir;
	__u8 repeat;
	__u16 reserved;
	__u32 unit;
};
#define RECORD_NESTED_ROWS 2

enum record_rule_flag {
	/*
	 * The argument begins like struct kvm_userspace_memory_region: __u32 slot at 0, __u64 size
	 * at 16.
	 */
	RECORD_RULE_SETS_SLOT = 1 << 0,
	/* For calls of 32-bit programs only, where this request has another layout. */
	RECORD_RULE_COMPAT = 1 << 1,
};

/* How the argument of one (kind, request) is captured. */
struct record_rule {
	__u8 dir;
	__u8 payload;
	__u8 count_width;
	__u8 nested_count;
	__u8 creates;
	__u8 flags; /* mask of enum record_rule_flag */
	__s16 fd_offset;
	__u16 count_offset;
	__u16 reserved;
	__u32 size;
	__u32 elem_size;
	struct record_nested nested[RECORD_NESTED_ROWS];
};

struct record_rule_key {
	__u32 kind;
	__u32 request;
};

/* Bytes of the exit union of struct kvm_run by exit reason. */
struct record_exit {
	__u16 out;
	__u16 in;
};
#define RECORD_EXITS 128

struct record_slot_key {
	__u64 vm;
	__u32 slot;
	__u32 reserved;
};

struct record_attr_key {
	__u32 kind;
	__u32 group;
	__u64 attr;
};

/* One per CPU, each on cache lines of its own. */
struct record_counters {
	__u64 seen; /* calls that the probe saw */
	__u64 returns_resent;
	__u64 left; /* the thread whose return was seen here last; 0 once that is used */
	__u64 reserved[13];
};

/* Request with which a process asks to be followed: ioctl(/dev/kvm, RECORD_JOIN, cookie). */
#define RECORD_JOIN  0x6b746a6eU
/* Request with which the recorder asks whether an object is still there. */
#define RECORD_PROBE 0x6b747072U

/* Records that can be under construction at the same time on one CPU. */
#define RECORD_SCRATCHES 2U

#endif
