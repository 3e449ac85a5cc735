/* SPDX-License-Identifier: BSD-2-Clause */
/* Results that the model makes up: what the rules demand, and nothing that they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kvmapi/kvm_newer.h"
#include "fuzz/check.h"
#include "fuzz/fuzz.h"
#include "tests/unit/rounds.h"

struct fixture {
	struct tape_env env;
	struct model *maker, *judge;
	struct model_result result;
	uint64_t diverged;
	uint32_t objects;
};

static void verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	struct fixture *f = context;

	f->diverged += v->kind == MODEL_DIVERGES;
}

static void ignored(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
}

static int setup(void **state)
{
	static const struct tape_object kvm = {
		.id = 1, .kind = KVMAPI_SYSTEM, .fd = 3, .number = UINT64_MAX};
	static const struct tape_thread thread = {.tid = 1};
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	tape_env_init(&f->env);
	assert_int_equal(tape_env_set(&f->env, "kernel.release", "6.1.0"), 0);
	assert_int_equal(tape_env_set(&f->env, "kvm.backend", "kvm_amd"), 0);
	assert_int_equal(model_create(&f->env, ignored, NULL, &f->maker), 0);
	assert_int_equal(model_create(&f->env, verdict, f, &f->judge), 0);
	assert_int_equal(model_thread(f->maker, &thread), 0);
	assert_int_equal(model_thread(f->judge, &thread), 0);
	assert_int_equal(model_object(f->maker, &kvm), 0);
	assert_int_equal(model_object(f->judge, &kvm), 0);
	f->objects = 1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	model_result_release(&f->result);
	model_destroy(f->maker);
	model_destroy(f->judge);
	tape_env_release(&f->env);
	free(f);
	return 0;
}

/* One call on both models; `lie`: the judge is told another result. */
static int64_t call(struct fixture *f, uint32_t object, uint8_t kind, const char *name,
		    uint64_t arg, const void *in, uint32_t size, int64_t lie)
{
	const struct kvmapi_ioctl *row = kvmapi_find_name(KVMAPI_X86, name);
	const struct tape_part part = {
		.role = TAPE_ARG_IN, .want = size, .have = size, .addr = 0x10000, .data = in};
	const struct tape_call c = {.object = object,
				    .kind = kind,
				    .request = row->request,
				    .row = row,
				    .arg = size || row->payload != KVMAPI_VALUE ? 0x10000 : arg,
				    .part_count = in != NULL,
				    .parts = &part};
	const struct tape_object made = {.id = f->objects + 1,
					 .parent = row->creates == KVMAPI_VM ? 0 : object,
					 .kind = row->creates,
					 .fd = (int32_t)f->objects + 3,
					 .number = row->creates == KVMAPI_VCPU ? arg : UINT64_MAX};
	struct tape_return ret;

	if (row->creates)
		assert_int_equal(model_object(f->maker, &made), 0);
	assert_int_equal(model_call(f->maker, &c), 0);
	assert_int_equal(model_predict(f->maker, &c, row->creates ? &made : NULL, &f->result), 0);
	ret = f->result.ret;
	ret.ret += lie;
	if (ret.created) {
		f->objects++;
		assert_int_equal(model_object(f->judge, &made), 0);
	}
	assert_int_equal(model_call(f->judge, &c), 0);
	assert_int_equal(model_return(f->judge, &ret), 0);
	return f->result.ret.ret;
}

static void demanded_results(void **state)
{
	struct fixture *f = *state;
	struct kvm_regs regs = {.rax = 0x1234, .rip = 0x1000, .rflags = 2};
	struct kvm_irq_level level = {.irq = 4, .level = 1};
	const struct tape_part *out;

	assert_int_equal(call(f, 1, KVMAPI_SYSTEM, "KVM_GET_API_VERSION", 0, NULL, 0, 0), 12);
	assert_true(call(f, 1, KVMAPI_SYSTEM, "KVM_CREATE_VM", 0, NULL, 0, 0) > 0);
	assert_int_equal(f->result.ret.created, 2);
	assert_int_equal(call(f, 2, KVMAPI_VM, "KVM_IRQ_LINE", 0, &level, sizeof(level), 0),
			 -ENXIO);
	assert_int_equal(call(f, 2, KVMAPI_VM, "KVM_CREATE_IRQCHIP", 0, NULL, 0, 0), 0);
	assert_int_equal(call(f, 2, KVMAPI_VM, "KVM_CREATE_IRQCHIP", 0, NULL, 0, 0), -EEXIST);
	assert_int_equal(call(f, 2, KVMAPI_VM, "KVM_IRQ_LINE", 0, &level, sizeof(level), 0), 0);
	assert_true(call(f, 2, KVMAPI_VM, "KVM_CREATE_VCPU", 0, NULL, 0, 0) > 0);
	assert_int_equal(call(f, 2, KVMAPI_VM, "KVM_CREATE_VCPU", 0, NULL, 0, 0), -EEXIST);
	assert_int_equal(f->result.ret.created, 0);
	/* What was set is what is got. */
	assert_int_equal(call(f, 3, KVMAPI_VCPU, "KVM_SET_REGS", 0, &regs, sizeof(regs), 0), 0);
	assert_int_equal(call(f, 3, KVMAPI_VCPU, "KVM_GET_REGS", 0, NULL, 0, 0), 0);
	out = tape_part_find(f->result.ret.parts, f->result.ret.part_count, TAPE_ARG_OUT);
	assert_non_null(out);
	assert_int_equal(out->have, sizeof(regs));
	assert_memory_equal(out->data, &regs, sizeof(regs));
	assert_int_equal(f->diverged, 0);
}

/* A second model that is told something else sees it. */
static void lies_are_seen(void **state)
{
	struct fixture *f = *state;

	call(f, 1, KVMAPI_SYSTEM, "KVM_CREATE_VM", 0, NULL, 0, 0);
	call(f, 2, KVMAPI_VM, "KVM_CREATE_IRQCHIP", 0, NULL, 0, 0);
	assert_int_equal(f->diverged, 0);
	call(f, 2, KVMAPI_VM, "KVM_CREATE_IRQCHIP", 0, NULL, 0, EEXIST);
	assert_int_equal(f->diverged, 1);
}

static void reset_forgets(void **state)
{
	static const struct tape_object kvm = {
		.id = 1, .kind = KVMAPI_SYSTEM, .fd = 3, .number = UINT64_MAX};
	static const struct tape_thread thread = {.tid = 1};
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		assert_true(call(f, 1, KVMAPI_SYSTEM, "KVM_CREATE_VM", 0, NULL, 0, 0) > 0);
		assert_int_equal(call(f, 2, KVMAPI_VM, "KVM_CREATE_IRQCHIP", 0, NULL, 0, 0), 0);
		model_reset(f->maker);
		model_reset(f->judge);
		assert_int_equal(model_thread(f->maker, &thread), 0);
		assert_int_equal(model_thread(f->judge, &thread), 0);
		assert_int_equal(model_object(f->maker, &kvm), 0);
		assert_int_equal(model_object(f->judge, &kvm), 0);
		f->objects = 1;
	}
	assert_int_equal(f->diverged, 0);
}

/* One model becomes what another one is. */
static void state_is_taken(void **state)
{
	struct fixture *f = *state;

	call(f, 1, KVMAPI_SYSTEM, "KVM_CREATE_VM", 0, NULL, 0, 0);
	call(f, 2, KVMAPI_VM, "KVM_CREATE_IRQCHIP", 0, NULL, 0, 0);
	model_reset(f->maker);
	assert_int_equal(model_copy_state(f->maker, f->judge), 0);
	assert_int_equal(call(f, 2, KVMAPI_VM, "KVM_CREATE_IRQCHIP", 0, NULL, 0, 0), -EEXIST);
	assert_int_equal(f->diverged, 0);
}

static uint64_t kinds[MODEL_VERDICT_KINDS];

static void verdict_count(void *context, const struct tape_return *ret,
			  const struct model_verdict *v)
{
	kinds[v->kind]++;
}

/* Any sequence of an architecture: the model agrees with what it made up. */
static void play(enum kvmapi_arch arch, int rounds, model_verdict_fn fn)
{
	const struct fuzz_options options = {.calls = 24, .guest_code = arch == KVMAPI_X86};
	struct fuzz_mutator *m = fuzz_mutator_new(arch, &options);
	struct fuzz_sequence *s = fuzz_sequence_new(arch);
	struct fuzz_rng rng = {11};
	struct fuzz_check *check;

	assert_non_null(m);
	assert_non_null(s);
	assert_int_equal(fuzz_check_new(fn, NULL, &check), 0);
	for (int i = 0; i < rounds; i++) {
		const char *wrong;

		if (i % 10)
			fuzz_mutate(m, s, &rng);
		else
			fuzz_generate(m, s, &rng);
		wrong = fuzz_check(check, s, !(i % 50));
		if (wrong)
			fail_msg("%s, sequence %d: %s", kvmapi_arch_name(arch), i, wrong);
	}
	fuzz_check_free(check);
	fuzz_sequence_free(s);
	fuzz_mutator_free(m);
}

static void sequences_agree(void **state)
{
	play(KVMAPI_X86, ROUNDS(20000), verdict_count);
	/* And it has something to say of nearly all calls. */
	assert_int_equal(kinds[MODEL_DIVERGES], 0);
	assert_true(kinds[MODEL_CONFORMS] + kinds[MODEL_DEVIATION] >
		    5 * (kinds[MODEL_UNSPECIFIED] + kinds[MODEL_SKIPPED]));
	for (int arch = 0; arch < KVMAPI_ARCHS; arch++) {
		if (arch != KVMAPI_X86)
			play(arch, ROUNDS(5000), ignored);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(demanded_results, setup, teardown),
		cmocka_unit_test_setup_teardown(lies_are_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(reset_forgets, setup, teardown),
		cmocka_unit_test_setup_teardown(state_is_taken, setup, teardown),
		cmocka_unit_test(sequences_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
