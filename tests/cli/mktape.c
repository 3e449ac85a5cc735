/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mktape KIND FILE [N]: a small tape to test the command with.  The session is made up: what its
 * calls say is as the documents demand unless the kind says otherwise.
 *
 *	good		a VM, two vCPUs, a failed call, exits, two threads
 *	diverges	the same, but KVM_GET_API_VERSION answers 13 (must be 12)
 *	gap		the same, 7 events missing in the middle
 *	open		the same, one call has not returned at the end
 *	cut		the same, no end mark
 *	unknown		the same, one request that is no ioctl of KVM
 *	name		the same, a thread's name is no UTF-8 and holds an escape sequence
 *	many		N rounds of KVM_RUN and KVM_IRQ_LINE (100000)
 *	riscv		a tape of another architecture
 *	empty		no event at all
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kvmtape/tape.h"

enum { SYSTEM = 1, VM, VCPU0, VCPU1 };

static struct tape_writer *w;
static uint64_t now;
static uint64_t calls;
static bool irqchip;

static void must(int rc, const char *what)
{
	if (!rc)
		return;
	fprintf(stderr, "mktape: %s: %s\n", what, tape_strerror(rc));
	exit(1);
}

static void thread(uint32_t id, const char *comm)
{
	struct tape_thread t = {.id = id, .pid = 4000, .tid = 4000 + id};

	snprintf(t.comm, sizeof(t.comm), "%s", comm);
	must(tape_writer_thread(w, &t), "thread");
}

static void object(uint32_t id, uint8_t kind, uint32_t parent, int fd, uint64_t number)
{
	struct tape_object o = {
		.id = id, .parent = parent, .kind = kind, .fd = fd, .number = number};

	must(tape_writer_object(w, &o), "object");
}

static void call(uint32_t thread_id, uint32_t object_id, const char *name, uint64_t arg,
		 const struct tape_part *in)
{
	const struct kvmapi_ioctl *row = kvmapi_find_name(KVMAPI_X86, name);
	struct tape_call c = {
		.time = now += 1000, .thread = thread_id, .object = object_id, .arg = arg};

	if (!row) {
		fprintf(stderr, "mktape: no ioctl %s\n", name);
		exit(1);
	}
	c.kind = object_id == SYSTEM ? KVMAPI_SYSTEM : object_id == VM ? KVMAPI_VM : KVMAPI_VCPU;
	c.request = row->request;
	c.parts = in;
	c.part_count = in ? 1 : 0;
	must(tape_writer_call(w, &c), name);
	calls++;
}

static void back(uint32_t thread_id, int64_t ret, uint32_t created, const struct tape_part *out)
{
	struct tape_return r = {.time = now += 500, .ret = ret, .created = created};

	r.parts = out;
	r.part_count = out ? 1 : 0;
	must(tape_writer_return(w, thread_id, &r), "return");
}

static void simple(uint32_t object_id, const char *name, uint64_t arg, int64_t ret)
{
	call(0, object_id, name, arg, NULL);
	back(0, ret, 0, NULL);
}

/* KVM_RUN that ends with an access to a port (KVM_EXIT_IO, one byte out). */
static void run_io(uint32_t thread_id, uint32_t vcpu, uint16_t port)
{
	uint8_t in[KVMAPI_RUN_UNION] = {0};
	uint8_t out[KVMAPI_RUN_UNION + 24] = {0};
	const struct tape_part run_in = {
		.role = TAPE_RUN_IN, .want = sizeof(in), .have = sizeof(in), .data = in};
	const struct tape_part run_out = {
		.role = TAPE_RUN_OUT, .want = sizeof(out), .have = sizeof(out), .data = out};

	out[12] = irqchip;	       /* ready_for_interrupt_injection */
	out[8] = 2;		       /* exit_reason */
	out[KVMAPI_RUN_UNION] = 1;     /* out */
	out[KVMAPI_RUN_UNION + 1] = 1; /* bytes */
	out[KVMAPI_RUN_UNION + 2] = port & 0xff;
	out[KVMAPI_RUN_UNION + 3] = port >> 8;
	out[KVMAPI_RUN_UNION + 4] = 1;	  /* count */
	out[KVMAPI_RUN_UNION + 9] = 0x10; /* data_offset: 0x1000 */
	call(thread_id, vcpu, "KVM_RUN", 0, &run_in);
	now += 20000;
	back(thread_id, 0, 0, &run_out);
}

static void session(const char *kind)
{
	/* struct kvm_userspace_memory_region: slot, flags, gpa, size, address */
	uint64_t region[4] = {0, 0, 1 << 20, 0x7f0000000000};
	const struct tape_part region_in = {.role = TAPE_ARG_IN,
					    .want = sizeof(region),
					    .have = sizeof(region),
					    .addr = 0x7ffc0000,
					    .data = (const uint8_t *)region};

	thread(0, !strcmp(kind, "name") ? "qe\xffmu\033[31m" : "qemu");
	object(SYSTEM, KVMAPI_SYSTEM, 0, 9, UINT64_MAX);
	simple(SYSTEM, "KVM_GET_API_VERSION", 0, !strcmp(kind, "diverges") ? 13 : 12);
	simple(SYSTEM, "KVM_CHECK_EXTENSION", 3, 1); /* KVM_CAP_USER_MEMORY */
	call(0, SYSTEM, "KVM_CREATE_VM", 0, NULL);
	object(VM, KVMAPI_VM, 0, 10, UINT64_MAX);
	back(0, 10, VM, NULL);
	simple(SYSTEM, "KVM_GET_VCPU_MMAP_SIZE", 0, 12288);
	call(0, VM, "KVM_SET_USER_MEMORY_REGION", 0x7ffc0000, &region_in);
	back(0, 0, 0, NULL);
	if (!strcmp(kind, "gap"))
		must(tape_writer_gap(w, &(struct tape_gap){.time = now,
							   .events = 7,
							   .cause = TAPE_GAP_BUFFER}),
		     "gap");
	irqchip = !strcmp(kind, "many");
	if (irqchip)
		simple(VM, "KVM_CREATE_IRQCHIP", 0, 0);
	for (unsigned int n = 0; n < 2; n++) {
		call(0, VM, "KVM_CREATE_VCPU", n, NULL);
		object(VCPU0 + n, KVMAPI_VCPU, VM, 11 + n, n);
		back(0, 11 + n, VCPU0 + n, NULL);
	}
	thread(1, "CPU 0/KVM");
	thread(2, "CPU 1/KVM");
	run_io(1, VCPU0, 0x402);
	run_io(2, VCPU1, 0x402);
	run_io(1, VCPU0, 0xcf8);
	call(0, VM, "KVM_CREATE_VCPU", 0, NULL);
	back(0, -EEXIST, 0, NULL);
	if (!strcmp(kind, "unknown")) {
		struct tape_call c = {.time = now += 1000,
				      .thread = 0,
				      .object = VM,
				      .kind = KVMAPI_VM,
				      .request = 0x0000aefe,
				      .arg = 1};

		must(tape_writer_call(w, &c), "unknown request");
		calls++;
		back(0, -ENOTTY, 0, NULL);
	}
	if (!strcmp(kind, "open"))
		call(1, VCPU0, "KVM_RUN", 0, NULL);
}

static void many(unsigned long rounds)
{
	uint32_t level[2] = {4, 0}; /* struct kvm_irq_level */
	const struct tape_part in = {.role = TAPE_ARG_IN,
				     .want = sizeof(level),
				     .have = sizeof(level),
				     .addr = 0x7ffc0000,
				     .data = (const uint8_t *)level};

	session("many");
	for (unsigned long n = 0; n < rounds; n++) {
		run_io(1, VCPU0, 0x402 + (n & 3));
		level[1] = n & 1;
		call(0, VM, "KVM_IRQ_LINE", 0x7ffc0000, &in);
		back(0, 0, 0, NULL);
	}
}

int main(int argc, char **argv)
{
	struct tape_env env;
	struct tape_end end = {0};
	const char *kind;
	int fd;

	if (argc < 3) {
		fprintf(stderr, "usage: mktape KIND FILE [N]\n");
		return 2;
	}
	kind = argv[1];
	fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0) {
		perror(argv[2]);
		return 1;
	}
	tape_env_init(&env);
	env.arch = strcmp(kind, "riscv") ? KVMAPI_X86 : KVMAPI_RISCV;
	env.page_size = 4096;
	env.clock_shift = 0;
	must(tape_env_set(&env, "kernel.release", "6.12.0"), "environment");
	must(tape_env_set(&env, "tool.version", "mktape"), "environment");
	must(tape_env_set_cap(&env, 3, 1), "environment");
	must(tape_writer_open(fd, &env, NULL, &w), "open");
	if (!strcmp(kind, "many"))
		many(argc > 3 ? strtoul(argv[3], NULL, 10) : 100000);
	else if (strcmp(kind, "empty") && strcmp(kind, "riscv"))
		session(kind);
	if (!strcmp(kind, "cut")) {
		must(tape_writer_flush(w), "flush");
	} else {
		end.lost[TAPE_GAP_BUFFER] = strcmp(kind, "gap") ? 0 : 7;
		end.seen = calls + end.lost[TAPE_GAP_BUFFER];
		must(tape_writer_finish(w, &end), "finish");
	}
	tape_writer_close(w);
	tape_env_release(&env);
	return close(fd) ? 1 : 0;
}
