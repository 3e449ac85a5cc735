// SPDX-License-Identifier: BSD-2-Clause
/*
 * A tape that runs a tiny guest program.  Structs are filled field by field through the table's
 * types, so that tapes of every architecture can be written on every machine.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replayer/live/programs.h"

#define USER_MEMORY 0x7f0000000000ull /* address of the memory on the tape */
#define ARG_MAX	    4096
#define STACK	    0x1f00
#define DR7_FIRST   0x402 /* the first breakpoint register, on execution */

/* objects of the tape */
enum {
	OBJECT_KVM = 1,
	OBJECT_VM,
	OBJECT_VCPU,
};

struct taping {
	const struct program *program;
	enum kvmapi_arch arch;
	struct tape_writer *writer;
	uint64_t time;
	int error; /* the first one */
	uint8_t arg[ARG_MAX];
	size_t size;	   /* of the argument in `arg`; 0 = none */
	uint8_t run[2400]; /* the run page as the program that makes the calls sees it */
};

static void fail(struct taping *t, int error)
{
	if (!t->error)
		t->error = error;
}

/* Begin an argument of a C type, all zero. */
static void arg_begin(struct taping *t, size_t size)
{
	memset(t->arg, 0, sizeof(t->arg));
	t->size = size;
}

static void field_put(struct taping *t, const char *type, const char *path, uint64_t value)
{
	size_t offset, size;

	if (kvmapi_field_find(t->arch, type, path, &offset, &size) || size > sizeof(value) ||
	    offset + size > sizeof(t->arg)) {
		fail(t, -ENOENT);
		return;
	}
	memcpy(t->arg + offset, &value, size);
}

/* The argument of a call: a number, or what was put together in t->arg. */
#define ARG_POINTER 0x10000

static void call_put(struct taping *t, uint32_t object, const struct kvmapi_ioctl *row,
		     uint64_t arg, const struct tape_part *parts, unsigned int count)
{
	const struct tape_call call = {.time = t->time++,
				       .object = object,
				       .request = row->request,
				       .arg = arg,
				       .part_count = count,
				       .parts = parts};

	if (!t->error)
		t->error = tape_writer_call(t->writer, &call);
}

static void return_put(struct taping *t, int64_t value, uint32_t created,
		       const struct tape_part *parts, unsigned int count)
{
	const struct tape_return ret = {.time = t->time++,
					.ret = value,
					.created = created,
					.part_count = count,
					.parts = parts};

	if (!t->error)
		t->error = tape_writer_return(t->writer, 0, &ret);
}

static const struct kvmapi_ioctl *row_find(struct taping *t, const char *name)
{
	const struct kvmapi_ioctl *row = kvmapi_find_name(t->arch, name);

	if (!row)
		fail(t, -ENOENT);
	return row;
}

/* A call with a number, or without argument, that answers `value` and makes an object or not. */
static void simple(struct taping *t, uint32_t object, const char *name, uint64_t arg, int64_t value,
		   const struct tape_object *created)
{
	const struct kvmapi_ioctl *row = row_find(t, name);

	if (!row)
		return;
	call_put(t, object, row, arg, NULL, 0);
	if (created && !t->error)
		t->error = tape_writer_object(t->writer, created);
	return_put(t, value, created ? created->id : 0, NULL, 0);
}

/* A call with the argument in t->arg; of output only the size is given. */
static void pointed(struct taping *t, uint32_t object, const char *name)
{
	const struct kvmapi_ioctl *row = row_find(t, name);
	struct tape_part in = {.role = TAPE_ARG_IN,
			       .want = t->size,
			       .have = t->size,
			       .addr = ARG_POINTER,
			       .data = t->arg};
	struct tape_part out = {
		.role = TAPE_ARG_OUT, .flags = TAPE_PART_CLIPPED, .addr = ARG_POINTER};

	if (!row)
		return;
	out.want = row->size;
	call_put(t, object, row, ARG_POINTER, &in, row->dir & KVMAPI_IN ? 1 : 0);
	return_put(t, 0, 0, &out, row->dir & KVMAPI_OUT ? 1 : 0);
}

static void one_reg(struct taping *t, uint64_t id, uint64_t value)
{
	const struct kvmapi_ioctl *row = row_find(t, "KVM_SET_ONE_REG");
	struct tape_part parts[2] = {
		{.role = TAPE_ARG_IN, .want = 16, .have = 16, .addr = ARG_POINTER, .data = t->arg},
		{.role = TAPE_NESTED_IN,
		 .want = sizeof(value),
		 .have = sizeof(value),
		 .addr = 2 * ARG_POINTER,
		 .data = (const uint8_t *)&value},
	};

	if (!row)
		return;
	arg_begin(t, 16);
	field_put(t, "struct kvm_one_reg", "id", id);
	field_put(t, "struct kvm_one_reg", "addr", 2 * ARG_POINTER);
	call_put(t, OBJECT_VCPU, row, ARG_POINTER, parts, 2);
	return_put(t, 0, 0, NULL, 0);
}

/* --- setting up ------------------------------------------------------------------------------- */

static void segment_put(struct taping *t, const char *name, unsigned int type, bool system)
{
	static const char *const fields[] = {"limit", "type", "present", "s"};
	const uint64_t values[] = {0xffff, type, 1, !system};
	char path[32];

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t n = strlen(name);

		memcpy(path, name, n);
		path[n] = '.';
		strcpy(path + n + 1, fields[i]);
		field_put(t, "struct kvm_sregs", path, values[i]);
	}
}

/* Real mode with all segments at 0: what a reset leaves, but for the bases. */
static void x86_registers(struct taping *t)
{
	static const char *const data[] = {"ds", "es", "fs", "gs", "ss"};
	const struct kvmapi_ioctl *row = row_find(t, "KVM_SET_SREGS");

	if (!row)
		return;
	arg_begin(t, row->size);
	segment_put(t, "cs", 11, false);
	for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++)
		segment_put(t, data[i], 3, false);
	segment_put(t, "tr", 11, true);
	segment_put(t, "ldt", 2, true);
	field_put(t, "struct kvm_sregs", "gdt.limit", 0xffff);
	field_put(t, "struct kvm_sregs", "idt.limit", 0xffff);
	field_put(t, "struct kvm_sregs", "cr0", 0x60000010);
	field_put(t, "struct kvm_sregs", "apic_base", 0xfee00900);
	pointed(t, OBJECT_VCPU, "KVM_SET_SREGS");
	row = row_find(t, "KVM_SET_REGS");
	if (!row)
		return;
	arg_begin(t, row->size);
	field_put(t, "struct kvm_regs", "rip", PROGRAMS_X86_GPA);
	field_put(t, "struct kvm_regs", "rsp", STACK);
	field_put(t, "struct kvm_regs", "rflags", 2);
	pointed(t, OBJECT_VCPU, "KVM_SET_REGS");
}

/* KVM_ARM_TARGET_GENERIC_V8 with PSCI 0.2, and the program counter. */
static void arm64_registers(struct taping *t)
{
	const uint64_t core_pc = 0x6030000000100040ull;
	const uint32_t init[8] = {5, 1 << 2};

	arg_begin(t, sizeof(init));
	memcpy(t->arg, init, sizeof(init));
	pointed(t, OBJECT_VCPU, "KVM_ARM_VCPU_INIT");
	one_reg(t, core_pc, PROGRAMS_ARM64_GPA);
}

static void machine_make(struct taping *t)
{
	const struct program *p = t->program;
	bool x86 = p->arch == KVMAPI_X86;
	const struct tape_thread thread = {.id = 0, .pid = 1, .tid = 1, .comm = "program"};
	const struct tape_object kvm = {
		.id = OBJECT_KVM, .kind = KVMAPI_SYSTEM, .fd = 3, .number = UINT64_MAX};
	const struct tape_object vm = {
		.id = OBJECT_VM, .kind = KVMAPI_VM, .fd = 4, .number = UINT64_MAX};
	const struct tape_object vcpu = {
		.id = OBJECT_VCPU, .parent = OBJECT_VM, .kind = KVMAPI_VCPU, .fd = 5};
	uint64_t gpa = x86 ? PROGRAMS_X86_GPA : PROGRAMS_ARM64_GPA;
	const struct tape_memory memory = {
		.object = OBJECT_VM, .gpa = gpa, .len = p->size, .data = p->code};

	t->error = tape_writer_thread(t->writer, &thread) ?: tape_writer_object(t->writer, &kvm);
	simple(t, OBJECT_KVM, "KVM_GET_API_VERSION", 0, 12, NULL);
	simple(t, OBJECT_KVM, "KVM_CREATE_VM", 0, vm.fd, &vm);
	if (p->cap) {
		arg_begin(t, 104);
		field_put(t, "struct kvm_enable_cap", "cap", p->cap);
		field_put(t, "struct kvm_enable_cap", "args[0]", p->cap_argument);
		pointed(t, OBJECT_VM, "KVM_ENABLE_CAP");
	}
	if (x86)
		simple(t, OBJECT_VM, "KVM_SET_TSS_ADDR", 0xfffbd000, 0, NULL);
	arg_begin(t, 32);
	field_put(t, "struct kvm_userspace_memory_region", "guest_phys_addr", gpa);
	field_put(t, "struct kvm_userspace_memory_region", "memory_size", PROGRAMS_BYTES);
	field_put(t, "struct kvm_userspace_memory_region", "userspace_addr", USER_MEMORY);
	pointed(t, OBJECT_VM, "KVM_SET_USER_MEMORY_REGION");
	if (!t->error)
		t->error = tape_writer_memory(t->writer, &memory);
	simple(t, OBJECT_VM, "KVM_CREATE_VCPU", 0, vcpu.fd, &vcpu);
	if (x86)
		x86_registers(t);
	else
		arm64_registers(t);
	if (p->debug) {
		const struct kvmapi_ioctl *row = row_find(t, "KVM_SET_GUEST_DEBUG");

		arg_begin(t, row ? row->size : 0);
		field_put(t, "struct kvm_guest_debug", "control", p->debug);
		if (p->break_at) {
			field_put(t, "struct kvm_guest_debug", "arch.debugreg[0]", p->break_at);
			field_put(t, "struct kvm_guest_debug", "arch.debugreg[7]", DR7_FIRST);
		}
		pointed(t, OBJECT_VCPU, "KVM_SET_GUEST_DEBUG");
	}
}

/* --- running ---------------------------------------------------------------------------------- */

/* struct kvm_run */
enum {
	RUN_WINDOW = 0,
	RUN_REASON = 8,
	RUN_MMIO_DATA = KVMAPI_RUN_UNION + 8,
	RUN_KNOWN = 12, /* bytes with a defined value after an exit */
	EXIT_IO = 2,
	EXIT_MMIO = 6,
};

/* One KVM_RUN: answers the last exit, and ends with `next`. */
static void run_once(struct taping *t, const struct program_exit *last,
		     const struct program_exit *next)
{
	static const uint8_t answer[16] = {0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x17, 0x28,
					   0x39, 0x4a, 0x5b, 0x6c, 0x7d, 0x8e, 0x9f, 0xa0};
	const struct kvmapi_ioctl *row = row_find(t, "KVM_RUN");
	const struct kvmapi_exit *exit = kvmapi_exit(next->reason);
	struct tape_part in[2] = {
		{.role = TAPE_RUN_IN,
		 .want = KVMAPI_RUN_UNION,
		 .have = KVMAPI_RUN_UNION,
		 .data = t->run},
		{.role = TAPE_PIO_IN, .data = answer},
	};
	struct tape_part out = {.role = TAPE_RUN_OUT,
				.flags = TAPE_PART_CLIPPED,
				.have = RUN_KNOWN,
				.data = t->run};
	unsigned int parts = 1;

	if (!row || !exit)
		return;
	t->run[RUN_WINDOW] = t->program->window;
	if (last && last->read && last->reason == EXIT_MMIO) {
		memcpy(t->run + RUN_MMIO_DATA, answer, 8);
		in[0].want = in[0].have = RUN_MMIO_DATA + 8;
	} else if (last && last->read && last->reason == EXIT_IO) {
		in[1].want = in[1].have = (uint32_t)last->size * last->count;
		parts = 2;
	}
	call_put(t, OBJECT_VCPU, row, 0, in, parts);
	memcpy(t->run + RUN_REASON, &next->reason, sizeof(next->reason));
	out.want = KVMAPI_RUN_UNION + exit->out;
	return_put(t, 0, 0, &out, 1);
}

int programs_tape(const struct program *program, int fd)
{
	struct taping *t = calloc(1, sizeof(*t));
	const struct program_exit *last = NULL;
	struct tape_end end = {0};
	struct tape_env env;
	int rc;

	if (!t)
		return -ENOMEM;
	tape_env_init(&env);
	t->program = program;
	t->arch = env.arch = program->arch;
	env.page_size = 4096;
	rc = tape_env_set(&env, "kernel.release", "6.1") ?:
	     tape_env_set(&env, "command", program->name) ?:
	     tape_writer_open(fd, &env, NULL, &t->writer);
	if (rc)
		goto out;
	machine_make(t);
	for (const struct program_exit *exit = program->exits; exit->times; exit++) {
		for (unsigned int i = 0; i < exit->times; i++) {
			run_once(t, last, exit);
			last = exit;
		}
	}
	if (program->arch == KVMAPI_X86)
		pointed(t, OBJECT_VCPU, "KVM_GET_REGS");
	end.seen = tape_writer_calls(t->writer);
	rc = t->error ? t->error : tape_writer_finish(t->writer, &end);
out:
	tape_writer_close(t->writer);
	tape_env_release(&env);
	free(t);
	return rc;
}
