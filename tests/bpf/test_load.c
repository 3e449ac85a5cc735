// SPDX-License-Identifier: BSD-2-Clause
/*
 * The kernel takes the recorder's eBPF programs: shown where there is no KVM, too, by a recorder
 * that opens all the way up to the first answer of KVM.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "probe.h"
#include "recorder/recorder.h"

static void test_attached_but_no_kvm(void **state)
{
	struct recorder_options o = {
		.follow = RECORDER_ALL, .backend = "tracepoint", .kvm_path = "/dev/null"};
	struct recorder *recorder;
	int err = recorder_open(&o, &recorder);

	print_message("# %s\n", recorder_message(recorder));
	assert_int_equal(err, -ENOTSUP);
	assert_non_null(strstr(recorder_message(recorder), "it is attached, but"));
	recorder_close(recorder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attached_but_no_kvm),
	};
	const char *why = probe("bpf");

	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
