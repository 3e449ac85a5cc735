/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kvmapi/kvm_newer.h"
#include "kvmapi/internal.h"
#include "base/near.h"

static void architectures(void **state)
{
	enum kvmapi_arch arch;

	for (arch = 0; arch < KVMAPI_ARCHS; arch++)
		assert_int_equal(kvmapi_arch_parse(kvmapi_arch_name(arch)), arch);
	assert_null(kvmapi_arch_name(KVMAPI_ARCHS));
	assert_int_equal(kvmapi_arch_parse("x86_64"), KVMAPI_X86);
	assert_int_equal(kvmapi_arch_parse("aarch64"), KVMAPI_ARM64);
	assert_int_equal(kvmapi_arch_parse("vax"), -EINVAL);
	assert_true(kvmapi_arch_big_endian(KVMAPI_S390));
	assert_false(kvmapi_arch_big_endian(KVMAPI_X86));
}

/* What is said of a word: an ioctl, a constant, an error, one of a few words. */
static const char *said(const char *word, const char *prefix, void (*offer)(struct near *near),
			const char *lead)
{
	static char text[NEAR_TEXT];
	struct near near;

	near_begin(&near, word, strlen(word), prefix);
	offer(&near);
	return near_text(&near, lead, text, sizeof(text));
}

static void offer_ioctls(struct near *near)
{
	kvmapi_ioctl_names(KVMAPI_X86, near_offer_name, near);
}

static void offer_constants(struct near *near)
{
	kvmapi_constant_names(KVMAPI_X86, near_offer_name, near);
}

static void offer_errors(struct near *near)
{
	kvmapi_errno_names(near_offer_name, near);
}

static void offer_words(struct near *near)
{
	near_offer(near, "json");
	near_offer(near, "json");
	near_offer(near, "until");
}

static void suggestions(void **state)
{
	static const char *const ioctls[][2] = {
		/*
		 * Part of a name, in any case; letters wrong, missing or swapped; the prefix left
		 * out.
		 */
		{"MSR_INDEX_LIST", "; did you mean KVM_GET_MSR_INDEX_LIST?"},
		{"lapic", "; did you mean KVM_GET_LAPIC or KVM_SET_LAPIC?"},
		{"KVM_GET_MSR_INDX_LIST", "; did you mean KVM_GET_MSR_INDEX_LIST?"},
		{"get_rges", "; did you mean KVM_GET_REGS?"},
		{"KVM_SET_TSS_ADDRESS", "; did you mean KVM_SET_TSS_ADDR?"},
		{"GET_MSR_IND", "; did you mean KVM_GET_MSR_INDEX_LIST?"},
		{"open", ""},
		{"", ""},
		{"KVM_", ""},
		{"a_word_that_is_longer_than_any_name_of_an_ioctl_that_there_is_anywhere_at_all",
		 ""},
	};

	for (size_t n = 0; n < sizeof(ioctls) / sizeof(ioctls[0]); n++)
		assert_string_equal(said(ioctls[n][0], "KVM_", offer_ioctls, ""), ioctls[n][1]);
	assert_string_equal(said("USER_MEMRY", "", offer_constants, ""), "");
	assert_string_equal(said("KVM_CAP_USER_MEMRY", "", offer_constants, ""),
			    "; did you mean KVM_CAP_USER_MEMORY?");
	assert_string_equal(said("RUNNABLE", "", offer_constants, ""),
			    "; did you mean KVM_MP_STATE_RUNNABLE?");
	assert_string_equal(said("MSR_EFER", "", offer_constants, ""), "; did you mean EFER?");
	assert_string_equal(said("EINVALL", "", offer_errors, "-"), "; did you mean -EINVAL?");
	assert_string_equal(said("jsn", "", offer_words, "--"), "; did you mean --json?");
}

static void capabilities(void **state)
{
	unsigned int known = 0;
	uint32_t cap;

	for (cap = 0; cap < 1000; cap++) {
		if (!kvmapi_cap_name(cap))
			continue;
		assert_int_equal(kvmapi_cap_number(kvmapi_cap_name(cap)), cap);
		known++;
	}
	assert_true(known >= 230);
	assert_string_equal(kvmapi_cap_name(KVM_CAP_USER_MEMORY), "KVM_CAP_USER_MEMORY");
	assert_int_equal(kvmapi_cap_number("KVM_CAP_XSAVE2"), 208);
	assert_int_equal(kvmapi_cap_number("KVM_CAP_NONSENSE"), -ENOENT);
	assert_null(kvmapi_cap_name(UINT32_MAX));
}

static void errors(void **state)
{
	unsigned int known = 0;
	int error;

	for (error = 1; error < 600; error++) {
		if (!kvmapi_errno_name(error))
			continue;
		assert_int_equal(kvmapi_errno_number(kvmapi_errno_name(error)), error);
		known++;
	}
	assert_true(known > 100);
	assert_string_equal(kvmapi_errno_name(ENOTTY), "ENOTTY");
	assert_string_equal(kvmapi_errno_name(524), "ENOTSUPP");
	assert_null(kvmapi_errno_name(0));
	assert_null(kvmapi_errno_name(-1));
	assert_null(kvmapi_errno_name(9999));
	assert_int_equal(kvmapi_errno_number("EWHATEVER"), -ENOENT);
}

static void objects_and_exits(void **state)
{
	unsigned int kind;

	for (kind = 0; kind < KVMAPI_OBJECT_KINDS; kind++)
		assert_non_null(kvmapi_object_name(1u << kind));
	assert_string_equal(kvmapi_object_name(KVMAPI_VCPU), "vcpu");
	assert_null(kvmapi_object_name(0));
	assert_string_equal(kvmapi_exit_name(KVM_EXIT_IO), "KVM_EXIT_IO");
	assert_null(kvmapi_exit_name(4711));
}

static void registers(void **state)
{
	assert_string_equal(kvmapi_msr_name(0x1b), "IA32_APIC_BASE");
	assert_string_equal(kvmapi_msr_name(0xc0000080), "EFER");
	assert_null(kvmapi_msr_name(0x12345678));
}

static void arguments(void **state)
{
	char *text;

	text = kvmapi_arg_text(kvmapi_find_name(KVMAPI_X86, "CHECK_EXTENSION"), KVM_CAP_IRQCHIP);
	assert_string_equal(text, "KVM_CAP_IRQCHIP");
	free(text);
	text = kvmapi_arg_text(kvmapi_find_name(KVMAPI_X86, "CHECK_EXTENSION"), 4000);
	assert_string_equal(text, "0xfa0");
	free(text);
	text = kvmapi_arg_text(kvmapi_find_name(KVMAPI_X86, "SET_TSS_ADDR"), 0xfffbd000);
	assert_string_equal(text, "0xfffbd000");
	free(text);
	text = kvmapi_arg_text(NULL, 0);
	assert_string_equal(text, "0");
	free(text);
}

/* Whatever name a value is shown by leads back to it. */
static void constants(void **state)
{
	const struct kvmapi_table *table;
	enum kvmapi_arch arch;
	uint64_t value;
	size_t n;

	for (arch = 0; arch < KVMAPI_ARCHS; arch++) {
		table = kvmapi_table_of(arch);
		for (n = 0; n < table->field_count; n++) {
			const struct kvmapi_constant *c = table->fields[n].constants;

			for (; c && c->name; c++) {
				assert_int_equal(kvmapi_constant(arch, c->name, &value), 0);
				assert_true(value == c->value);
			}
		}
	}
	assert_int_equal(kvmapi_constant(KVMAPI_X86, "KVM_CAP_IRQCHIP", &value), 0);
	assert_int_equal(value, KVM_CAP_IRQCHIP);
	assert_int_equal(kvmapi_constant(KVMAPI_X86, "KVM_EXIT_MMIO", &value), 0);
	assert_int_equal(value, KVM_EXIT_MMIO);
	assert_int_equal(kvmapi_constant(KVMAPI_X86, "EFER", &value), 0);
	assert_int_equal(value, 0xc0000080);
	assert_int_equal(kvmapi_constant(KVMAPI_ARM64, "EFER", &value), -ENOENT);
	assert_int_equal(kvmapi_constant(KVMAPI_X86, "KVM_NOTHING", &value), -ENOENT);
	assert_int_equal(kvmapi_constant(KVMAPI_ARCHS, "EFER", &value), -ENOENT);
}

static const char *explained(const char *backend, const struct kvm_run *run, size_t have)
{
	static char words[KVMAPI_WORDS];

	return kvmapi_exit_explain(KVMAPI_X86, backend, run, have, words, sizeof(words)) ? NULL
											 : words;
}

static void exits_in_words(void **state)
{
	struct kvm_run run = {.exit_reason = KVM_EXIT_INTERNAL_ERROR};
	size_t internal = offsetof(struct kvm_run, internal.data[4]);

	run.internal.suberror = KVM_INTERNAL_ERROR_DELIVERY_EV;
	run.internal.ndata = 4;
	run.internal.data[0] = 0x80000b0e;
	run.internal.data[1] = 48;
	assert_string_equal(
		explained("kvm_intel", &run, internal),
		"an exit while an event was delivered: exception 14 (#PF), exit reason 48: EPT violation");
	run.internal.data[1] = 0x400;
	assert_non_null(
		strstr(explained("kvm_amd", &run, internal), "exit code 0x400: nested page fault"));
	run.internal.suberror = KVM_INTERNAL_ERROR_SIMUL_EX;
	assert_non_null(strstr(explained("kvm_intel", &run, internal),
			       "delivered: exception 14 (#PF) and "));
	run.internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	run.internal.data[0] = 2;
	assert_non_null(
		strstr(explained("kvm_intel", &run, internal), "exit reason 2: triple fault"));
	memset(&run.internal, 0, sizeof(run.internal));
	run.emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run.emulation_failure.ndata = 3;
	run.emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run.emulation_failure.insn_size = 2;
	run.emulation_failure.insn_bytes[0] = 0x0f;
	run.emulation_failure.insn_bytes[1] = 0xa2;
	assert_string_equal(explained(NULL, &run, internal),
			    "instruction could not be emulated: 0f a2");
	/* More bytes than there are. */
	run.emulation_failure.insn_size = 255;
	assert_non_null(explained(NULL, &run, internal));
	assert_null(explained(NULL, &run, offsetof(struct kvm_run, internal)));

	run = (struct kvm_run){.exit_reason = KVM_EXIT_FAIL_ENTRY};
	run.fail_entry.hardware_entry_failure_reason = 0x80000021;
	assert_non_null(strstr(explained("kvm_intel", &run, internal), "invalid guest state"));
	run.fail_entry.hardware_entry_failure_reason = 7;
	assert_non_null(strstr(explained("kvm_intel", &run, internal), "invalid control fields"));
	run.fail_entry.hardware_entry_failure_reason = UINT64_MAX;
	assert_non_null(strstr(explained("kvm_amd", &run, internal), "invalid VMCB"));
	run.exit_reason = KVM_EXIT_HLT;
	assert_null(explained("kvm_intel", &run, internal));
}

static void requests_in_words(void **state)
{
	char words[KVMAPI_WORDS];

	assert_int_equal(kvmapi_request_hint(KVMAPI_X86, KVMAPI_VCPU, KVM_CHECK_EXTENSION, words,
					     sizeof(words)),
			 0);
	assert_string_equal(words, "KVM_CHECK_EXTENSION is a call of system, vm");
	assert_int_equal(kvmapi_request_hint(KVMAPI_X86, KVMAPI_VM, KVM_RUN, words, sizeof(words)),
			 0);
	assert_string_equal(words, "KVM_RUN is a call of vcpu");
	/* struct kvm_regs with a word more. */
	assert_int_equal(kvmapi_request_hint(KVMAPI_X86, KVMAPI_VCPU, KVM_SET_REGS + (8u << 16),
					     words, sizeof(words)),
			 0);
	assert_non_null(strstr(words, "its argument has 144 bytes, not 152"));
	assert_int_equal(
		kvmapi_request_hint(KVMAPI_X86, KVMAPI_VCPU, KVM_RUN, words, sizeof(words)),
		-ENOENT);
	assert_int_equal(
		kvmapi_request_hint(KVMAPI_X86, KVMAPI_VCPU, 0x12345678, words, sizeof(words)),
		-ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exits_in_words),    cmocka_unit_test(requests_in_words),
		cmocka_unit_test(architectures),     cmocka_unit_test(suggestions),
		cmocka_unit_test(capabilities),	     cmocka_unit_test(errors),
		cmocka_unit_test(objects_and_exits), cmocka_unit_test(registers),
		cmocka_unit_test(arguments),	     cmocka_unit_test(constants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
