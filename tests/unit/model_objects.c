/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects in an order that no tape has, but a program that feeds the model may. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kvmtape/model.h"

enum { SYSTEM = 1, VM, UNNAMED };

static struct model_verdict last;

static void on_verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	last = *v;
}

static void announce(struct model *m, uint32_t id, uint8_t kind)
{
	const struct tape_object o = {
		.id = id, .kind = kind, .fd = 2 + (int32_t)id, .number = UINT64_MAX};

	assert_int_equal(model_object(m, &o), 0);
}

/* An object that is named only while a call on it is under way: success is wrong, an error says
 * nothing. */
static void announced_late(void **state)
{
	const struct kvmapi_ioctl *row = kvmapi_find_name(KVMAPI_X86, "KVM_CREATE_IRQCHIP");
	const struct {
		int64_t ret;
		enum model_verdict_kind kind;
	} cases[] = {{0, MODEL_DIVERGES}, {-EINVAL, MODEL_SKIPPED}};
	const struct tape_thread thread = {.pid = 1, .tid = 1};
	size_t count;
	const struct model_rule *rules = model_rules(&count);
	struct tape_env env;
	struct model *m;

	tape_env_init(&env);
	assert_int_equal(tape_env_set(&env, "kernel.release", "6.12.0"), 0);
	assert_int_equal(tape_env_set(&env, "kvm.backend", "kvm_intel"), 0);
	assert_int_equal(model_create(&env, on_verdict, NULL, &m), 0);
	assert_int_equal(model_thread(m, &thread), 0);
	announce(m, SYSTEM, KVMAPI_SYSTEM);
	announce(m, VM, KVMAPI_VM);
	for (uint32_t i = 0; i < 2; i++) {
		struct tape_call call = {.index = i,
					 .object = UNNAMED + i,
					 .kind = KVMAPI_VM,
					 .request = row->request,
					 .row = row};
		struct tape_return ret = {.call = &call, .ret = cases[i].ret};

		assert_int_equal(model_call(m, &call), 0);
		announce(m, UNNAMED + i, KVMAPI_VM);
		assert_int_equal(model_return(m, &ret), 0);
		assert_int_equal(last.kind, cases[i].kind);
		if (last.kind == MODEL_DIVERGES)
			assert_string_equal(rules[last.rule].id, "OBJECT_MUST_EXIST");
	}
	model_destroy(m);
	tape_env_release(&env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(announced_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
