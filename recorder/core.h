/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * core: the few kernel structs that the eBPF program reads, only the members it uses.
 *
 * libbpf relocates every access to the offset in the running kernel (CO-RE), so the order and the
 * offsets here do not matter. A name with "___" is a second shape of the struct before it.
 */
#ifndef RECORDER_CORE_H
#define RECORDER_CORE_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct super_block {
	unsigned long s_magic;
};

struct inode {
	unsigned short i_mode;
	__u32 i_rdev;
	struct super_block *i_sb;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct file_operations;

struct file {
	const struct file_operations *f_op;
	void *private_data;
	struct inode *f_inode;
	struct path f_path;
};

/* Up to 6.12: the count of references is one for the first. */
struct file___count {
	struct {
		__s64 counter;
	} f_count;
};

/* From 6.13 (kernel commit 90ee6ed776c0): the count is zero for the first. */
struct file___ref {
	struct {
		struct {
			__s64 counter;
		} refcnt;
	} f_ref;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct kernel_siginfo {
	int si_code;
};

struct k_sigaction {
	struct {
		void *sa_handler;
	} sa;
};

struct signal_struct {
	struct {
		int counter;
	} live;
};

struct thread_info {
	unsigned long flags;
	__u32 status;
};

/* A process or thread as each PID namespace numbers it, the initial one first. */
struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	int pid;
	int tgid;
	struct pid *thread_pid;
	struct files_struct *files;
	struct signal_struct *signal;
};

struct bpf_iter__task {
	void *meta;
	struct task_struct *task;
};

struct xa_node {
	unsigned char shift;
	void *slots[64];
};

struct kvm_vcpu;
struct kvm_run;

struct kvm {
	struct {
		int counter;
	} online_vcpus;
	struct {
		void *xa_head;
	} vcpu_array;
};

/* Up to 5.15: no xarray. */
struct kvm___table {
	struct kvm_vcpu *vcpus[1];
};

struct kvm_dirty_ring {
	__u32 dirty_index;
	__u32 reset_index;
	__u32 size;
	void *dirty_gfns;
};

struct kvm_vcpu_arch {
	void *pio_data;
};

struct kvm_vcpu {
	struct kvm *kvm;
	int vcpu_id;
	struct kvm_run *run;
	struct kvm_dirty_ring dirty_ring;
	struct kvm_vcpu_arch arch;
};

struct kvm_device {
	struct kvm *kvm;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long bx;
	unsigned long cx;
	unsigned long di;
	unsigned long si;
	unsigned long dx;
	unsigned long ax;
	unsigned long orig_ax;
};
#define core_syscall_nr(regs)	     ((long)(regs)->orig_ax)
/* The same of registers that have to be read first. */
#define core_syscall_nr_read(regs)   ((long)BPF_CORE_READ(regs, orig_ax))
#define core_syscall_arg0_read(regs) BPF_CORE_READ(regs, di)
/*
 * The system calls of 32-bit programs, and of 64-bit ones by "int 0x80": their numbers, and where
 * their arguments are. The kernel sets TS_COMPAT of the thread while one of them runs.
 */
#define core_compat_ioctl	     54
#define core_compat_close	     6
#define core_in_compat(task)	     (BPF_CORE_READ(task, thread_info.status) & 2)
#define core_compat_arg0(regs)	     ((__u32)(regs)->bx)
#define core_compat_arg1(regs)	     ((__u32)(regs)->cx)
#define core_compat_arg2(regs)	     ((__u32)(regs)->dx)
#define core_compat_arg0_read(regs)  ((__u32)BPF_CORE_READ(regs, bx))
#define core_syscall_arg0(regs)	     ((regs)->di)
#define core_syscall_arg1(regs)	     ((regs)->si)
#define core_syscall_arg2(regs)	     ((regs)->dx)
#define core_function_arg0(regs)     ((regs)->di)
#define core_function_arg1(regs)     ((regs)->si)
#define core_function_arg2(regs)     ((regs)->dx)
#define core_function_ret(regs)	     ((regs)->ax)
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
};
#define core_syscall_nr(regs)	     ((long)(regs)->syscallno)
#define core_syscall_nr_read(regs)   ((long)BPF_CORE_READ(regs, syscallno))
#define core_syscall_arg0_read(regs) BPF_CORE_READ(regs, orig_x0)
/* KVM of this architecture does not let 32-bit programs open /dev/kvm. */
#define core_compat_ioctl	     (-2)
#define core_compat_close	     (-2)
#define core_in_compat(task)	     (BPF_CORE_READ(task, thread_info.flags) & 1 << 22)
#define core_compat_arg0(regs)	     0
#define core_compat_arg1(regs)	     0
#define core_compat_arg2(regs)	     0
#define core_compat_arg0_read(regs)  0
#define core_syscall_arg0(regs)	     ((regs)->orig_x0)
#define core_syscall_arg1(regs)	     ((regs)->regs[1])
#define core_syscall_arg2(regs)	     ((regs)->regs[2])
#define core_function_arg0(regs)     ((regs)->regs[0])
#define core_function_arg1(regs)     ((regs)->regs[1])
#define core_function_arg2(regs)     ((regs)->regs[2])
#define core_function_ret(regs)	     ((regs)->regs[0])
#else
#error "recorder: the registers of a system call are not described for this architecture"
#endif

#pragma clang attribute pop

#endif
