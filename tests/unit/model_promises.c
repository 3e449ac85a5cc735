/* SPDX-License-Identifier: BSD-2-Clause */
/* What the model says of a result beforehand: which bytes and values its rules determine. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kvmapi/kvm_newer.h"
#include "kvmtape/model.h"

#define MARKS 1024

/* Of the last call. */
static struct promised {
	enum model_promise result, value;
	uint8_t marks[MARKS];
	struct model_echo echoes[16];
	size_t echo_count;
	uint64_t index;
} last;
static struct tape_env env;
static struct model *model;
static uint8_t kinds[4]; /* by object id */
static uint64_t events;

static void on_verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	const struct model_echo *echoes = model_promise_echoes(model, &last.echo_count);
	const uint8_t *bytes = ret->part_count ? model_promise_bytes(model, 0) : NULL;

	if (v->kind == MODEL_DIVERGES)
		fail_msg("%s, not %s", v->observed, v->expected);
	assert_true(last.echo_count <= 16);
	last.result = model_promise_result(model);
	last.value = model_promise_value(model);
	last.index = ret->call->index;
	memset(last.marks, MODEL_FREE, MARKS);
	if (bytes)
		memcpy(last.marks, bytes, ret->parts[0].have < MARKS ? ret->parts[0].have : MARKS);
	for (size_t i = 0; i < last.echo_count; i++)
		last.echoes[i] = echoes[i];
}

/* The promises hold within the callback only. */
static int open_model(void **state)
{
	struct tape_object objects[] = {
		{.id = 1, .kind = KVMAPI_SYSTEM, .fd = 3, .number = UINT64_MAX},
		{.id = 2, .kind = KVMAPI_VM, .fd = 4, .number = UINT64_MAX},
		{.id = 3, .parent = 2, .kind = KVMAPI_VCPU, .fd = 5, .number = 0},
	};
	struct tape_thread thread = {.pid = 1, .tid = 1};

	tape_env_init(&env);
	assert_int_equal(tape_env_set(&env, "kernel.release", "6.1.0"), 0);
	assert_int_equal(tape_env_set(&env, "kvm.backend", "kvm_intel"), 0);
	events = 0;
	assert_int_equal(model_create(&env, on_verdict, NULL, &model), 0);
	model_promises_enable(model);
	assert_int_equal(model_thread(model, &thread), 0);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(model_object(model, &objects[i]), 0);
		kinds[i + 1] = objects[i].kind;
	}
	return 0;
}

static int close_model(void **state)
{
	assert_int_equal(model_finish(model), 0);
	model_destroy(model);
	tape_env_release(&env);
	return 0;
}

static void call(uint32_t object, const char *ioctl, uint64_t arg, const struct tape_part *in,
		 const struct tape_part *out, int64_t result, uint32_t created)
{
	const struct kvmapi_ioctl *row = kvmapi_find_name(KVMAPI_X86, ioctl);
	struct tape_call c = {.index = events++,
			      .object = object,
			      .kind = kinds[object],
			      .request = row->request,
			      .arg = arg,
			      .row = row,
			      .part_count = in != NULL,
			      .parts = in};
	struct tape_return ret = {.call = &c,
				  .ret = result,
				  .created = created,
				  .part_count = out != NULL,
				  .parts = out};

	assert_int_equal(model_call(model, &c), 0);
	assert_int_equal(model_return(model, &ret), 0);
}

#define PART(part_role, value)                      \
	(&(struct tape_part){.role = (part_role),   \
			     .want = sizeof(value), \
			     .have = sizeof(value), \
			     .addr = 0x1000,        \
			     .data = (const void *)&(value)})

static void make_vcpu(void)
{
	call(1, "KVM_CREATE_VM", 0, NULL, NULL, 4, 2);
	assert_int_equal(last.result, MODEL_CONSTRAINED);
	call(2, "KVM_CREATE_VCPU", 0, NULL, NULL, 5, 3);
}

static void test_results(void **state)
{
	const struct kvm_irqfd no_file = {.fd = UINT32_MAX, .flags = KVM_IRQFD_FLAG_DEASSIGN};

	call(1, "KVM_GET_API_VERSION", 0, NULL, NULL, 12, 0);
	assert_int_equal(last.result, MODEL_DETERMINED);
	assert_int_equal(last.value, MODEL_DETERMINED);
	make_vcpu();
	call(2, "KVM_SET_TSS_ADDR", 0xfffbd000, NULL, NULL, 0, 0);
	assert_int_equal(last.result, MODEL_DETERMINED);
	call(1, "KVM_GET_API_VERSION", 1, NULL, NULL, -22, 0);
	assert_int_equal(last.result, MODEL_DETERMINED);
	assert_int_equal(last.value, MODEL_FREE);
	/* What the kernel's file layer answers is no promise of the documents. */
	call(2, "KVM_IRQFD", 0x1000, PART(TAPE_ARG_IN, no_file), NULL, -EBADF, 0);
	assert_int_equal(last.result, MODEL_CONSTRAINED);
}

/* A SET determines the GET after it; what a GET answered, the GET after that, and back. */
static void test_blocks(void **state)
{
	struct kvm_regs regs = {.rax = 1, .rflags = 2}, same = regs;
	const size_t rax = offsetof(struct kvm_regs, rax),
		     rflags = offsetof(struct kvm_regs, rflags);
	uint64_t first;

	make_vcpu();
	/* After a reset all of them are known. */
	call(3, "KVM_RUN", 0, NULL, NULL, -EINTR, 0);
	call(3, "KVM_GET_REGS", 0, NULL, PART(TAPE_ARG_OUT, regs), 0, 0);
	assert_int_equal(last.marks[rax], MODEL_FREE);
	/* Bit 1 is fixed, the others of its byte are not. */
	assert_int_equal(last.marks[rflags], MODEL_CONSTRAINED);
	assert_int_equal(last.echo_count, 0);
	first = last.index;
	call(3, "KVM_GET_REGS", 0, NULL, PART(TAPE_ARG_OUT, same), 0, 0);
	assert_int_equal(last.marks[rax], MODEL_DETERMINED);
	assert_int_equal(last.echo_count, 1);
	assert_int_equal(last.echoes[0].index, first);
	assert_int_equal(last.echoes[0].role, TAPE_ARG_OUT);
	assert_int_equal(last.echoes[0].offset, 0);
	assert_int_equal(last.echoes[0].len, sizeof(regs));
	/* What comes back of a SET is no echo of a result. */
	call(3, "KVM_SET_REGS", 0, PART(TAPE_ARG_IN, regs), NULL, 0, 0);
	call(3, "KVM_GET_REGS", 0, NULL, PART(TAPE_ARG_OUT, regs), 0, 0);
	assert_int_equal(last.marks[rax], MODEL_DETERMINED);
	assert_int_equal(last.marks[rflags + 2], MODEL_CONSTRAINED);
	assert_int_equal(last.echo_count, 0);
}

/* struct kvm_run: input, reserved bits, and what the next KVM_RUN finds there. */
static void test_run(void **state)
{
	struct kvm_run in = {0}, out = {.exit_reason = KVM_EXIT_IO, .apic_base = 0xfee00900};
	uint64_t first;

	out.io.direction = KVM_EXIT_IO_OUT;
	out.io.size = 1;
	out.io.port = 0x80;
	out.io.count = 1;
	out.io.data_offset = 4096;
	make_vcpu();
	call(3, "KVM_RUN", 0, PART(TAPE_RUN_IN, in), PART(TAPE_RUN_OUT, out), 0, 0);
	assert_int_equal(last.result, MODEL_CONSTRAINED);
	assert_int_equal(last.value, MODEL_DETERMINED);
	/* Userspace may write the requests meanwhile. */
	assert_int_equal(last.marks[0], MODEL_CONSTRAINED);
	assert_int_equal(last.marks[offsetof(struct kvm_run, padding1)], MODEL_DETERMINED);
	assert_int_equal(last.marks[offsetof(struct kvm_run, immediate_exit)], MODEL_FREE);
	assert_int_equal(last.marks[offsetof(struct kvm_run, exit_reason)], MODEL_FREE);
	assert_int_equal(last.marks[offsetof(struct kvm_run, exit_reason) + 1], MODEL_DETERMINED);
	assert_int_equal(last.marks[offsetof(struct kvm_run, cr8)], MODEL_CONSTRAINED);
	assert_int_equal(last.marks[offsetof(struct kvm_run, io.data_offset) + 7],
			 MODEL_DETERMINED);
	assert_int_equal(last.marks[offsetof(struct kvm_run, io.port)], MODEL_FREE);
	first = last.index;
	call(3, "KVM_RUN", 0, PART(TAPE_RUN_IN, out), PART(TAPE_RUN_OUT, out), 0, 0);
	assert_int_equal(last.echo_count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(last.echoes[i].index, first);
		assert_int_equal(last.echoes[i].role, TAPE_RUN_OUT);
		assert_true(last.echoes[i].usual);
	}
	assert_int_equal(last.echoes[0].offset, offsetof(struct kvm_run, exit_reason));
	assert_int_equal(last.echoes[2].offset, offsetof(struct kvm_run, io));
	assert_int_equal(last.echoes[2].len, 16);
}

/* Calls that overlap are judged together, and each keeps its own promises. */
static void test_overlap(void **state)
{
	const struct kvmapi_ioctl *row = kvmapi_find_name(KVMAPI_X86, "KVM_SET_TSS_ADDR");
	const struct kvmapi_ioctl *id = kvmapi_find_name(KVMAPI_X86, "KVM_SET_IDENTITY_MAP_ADDR");
	uint64_t zero = 0;
	struct tape_thread thread = {.id = 1, .pid = 1, .tid = 2};
	struct tape_call a = {.index = 10, .object = 2, .kind = KVMAPI_VM, .row = row},
			 b = {.index = 11, .thread = 1, .object = 2, .kind = KVMAPI_VM, .row = id};
	struct tape_return ra = {.call = &a}, rb = {.call = &b};

	make_vcpu();
	a.request = row->request;
	a.arg = 0xfffbd000;
	b.request = id->request;
	b.arg = 0x1000;
	b.parts = PART(TAPE_ARG_IN, zero);
	b.part_count = 1;
	rb.ret = -22; /* there is a vCPU */
	assert_int_equal(model_thread(model, &thread), 0);
	assert_int_equal(model_call(model, &a), 0);
	assert_int_equal(model_call(model, &b), 0);
	assert_int_equal(model_return(model, &ra), 0);
	assert_int_not_equal(last.index, 10);
	assert_int_equal(model_return(model, &rb), 0);
	assert_int_equal(last.index, 11);
	assert_int_equal(last.result, MODEL_DETERMINED);
	assert_int_equal(last.value, MODEL_FREE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_results, open_model, close_model),
		cmocka_unit_test_setup_teardown(test_blocks, open_model, close_model),
		cmocka_unit_test_setup_teardown(test_run, open_model, close_model),
		cmocka_unit_test_setup_teardown(test_overlap, open_model, close_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
