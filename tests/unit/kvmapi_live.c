/* SPDX-License-Identifier: BSD-2-Clause */
/* Which bytes of the arguments are alive: live.def, over all types of all architectures. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kvmapi/kvm_newer.h"

#include "kvmapi/internal.h"

#define ROOM 16384

static void say(void *context, const char *type, const char *path)
{
	print_message("%s: %s, %s: nothing is said of it, or it is nowhere\n",
		      (const char *)context, type, path);
}

/* Every field that looks like padding, every union has a row, and every row a field. */
static void test_everything_is_said(void **state)
{
	int count = 0;

	for (int arch = 0; arch < KVMAPI_ARCHS; arch++)
		count += kvmapi_live_unsaid((enum kvmapi_arch)arch, say,
					    (void *)kvmapi_arch_name((enum kvmapi_arch)arch));
	assert_int_equal(count, 0);
}

static void classes_of(enum kvmapi_arch arch, const char *type, uint32_t size)
{
	static uint8_t classes[ROOM];
	char path[256];
	int n;

	if (!type || !size)
		return;
	n = kvmapi_live_classes(arch, type, classes, sizeof(classes));
	assert_int_equal(n, size);
	for (int i = 0; i < n; i++) {
		if (classes[i] != KVMAPI_BYTE_UNSAID)
			continue;
		kvmapi_field_at(arch, type, (size_t)i, path, sizeof(path));
		fail_msg("%s: byte %d of %s (%s) has no class", kvmapi_arch_name(arch), i, type,
			 path);
	}
}

/* Each byte of each type is a field, a hole, ignored, or depends on something. */
static void test_each_byte_has_a_class(void **state)
{
	for (int arch = 0; arch < KVMAPI_ARCHS; arch++) {
		const struct kvmapi_table *table = kvmapi_table_of((enum kvmapi_arch)arch);

		for (size_t n = 0; n < table->ioctl_count; n++) {
			const struct kvmapi_ioctl *row = &table->ioctls[n];

			if (row->payload == KVMAPI_RUNPAGE || row->payload == KVMAPI_VALUE)
				continue;
			classes_of((enum kvmapi_arch)arch, row->type, row->size);
			classes_of((enum kvmapi_arch)arch, row->elem_type, row->elem_size);
		}
		for (size_t n = 0; n < table->attr_count; n++)
			if (table->attrs[n].type && !table->attrs[n].by_length)
				classes_of((enum kvmapi_arch)arch, table->attrs[n].type,
					   table->attrs[n].size);
	}
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed >> 33;
}

/*
 * Whatever is in the bytes: holes and what is ignored are dead before the call, and cleared values
 * are as alive as they were, so that clearing twice is clearing once.
 */
static void test_random_values(void **state)
{
	static uint8_t classes[ROOM], data[ROOM], mask[ROOM], again[ROOM];
	uint64_t seed = 1;

	for (int a = 0; a < KVMAPI_ARCHS; a++) {
		enum kvmapi_arch arch = (enum kvmapi_arch)a;
		const struct kvmapi_table *table = kvmapi_table_of(arch);

		for (size_t n = 0; n < table->ioctl_count; n++) {
			const struct kvmapi_ioctl *row = &table->ioctls[n];
			size_t len = row->size + 3 * row->elem_size;

			if (row->payload == KVMAPI_RUNPAGE || row->payload == KVMAPI_VALUE)
				continue;
			assert_in_range(len, 0, ROOM);
			kvmapi_live_classes(arch, row->type, classes, sizeof(classes));
			for (int round = 0; round < 200; round++) {
				for (size_t i = 0; i < len; i++)
					data[i] = round % 4 ? (uint8_t)(next_random(&seed) &
									next_random(&seed))
							    : (uint8_t)next_random(&seed);
				/* Mostly a discriminator that is one. */
				if (round % 2 && len >= 4)
					memset(data, 0, 4),
						data[kvmapi_arch_big_endian(arch) ? 3 : 0] =
							(uint8_t)(round / 2 % 20);
				assert_int_equal(kvmapi_live_in(arch, row, data, len, mask), 0);
				for (size_t i = 0; i < row->size; i++)
					if ((classes[i] == KVMAPI_BYTE_HOLE ||
					     classes[i] == KVMAPI_BYTE_IGNORED) &&
					    mask[i])
						fail_msg("%s: byte %zu is alive", row->name, i);
				for (size_t i = 0; i < len; i++)
					data[i] &= mask[i];
				assert_int_equal(kvmapi_live_in(arch, row, data, len, again), 0);
				if (memcmp(mask, again, len))
					fail_msg("%s %s: not the same twice",
						 kvmapi_arch_name(arch), row->name);
			}
		}
	}
}

static const struct kvmapi_ioctl *row_of(enum kvmapi_arch arch, const char *name)
{
	const struct kvmapi_ioctl *row = kvmapi_find_name(arch, name);

	assert_non_null(row);
	return row;
}

/* "0-3 8" for bytes 0 to 3 and byte 8. */
static void mask_is(const char *name, const uint8_t *mask, size_t len, const char *expected)
{
	char text[512] = "";
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		size_t from = i;

		if (!mask[i])
			continue;
		while (i + 1 < len && mask[i + 1])
			i++;
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       from == i ? "%s%zu" : "%s%zu-%zu", at ? " " : "", from, i);
	}
	if (strcmp(text, expected))
		fail_msg("%s: alive is %s, not %s", name, text, expected);
}

static void in_is(const char *name, const void *data, size_t len, const char *expected)
{
	uint8_t mask[ROOM];

	assert_int_equal(kvmapi_live_in(KVMAPI_X86, row_of(KVMAPI_X86, name), data, len, mask), 0);
	mask_is(name, mask, len, expected);
}

static void out_is(const char *name, int64_t ret, const void *data, size_t len,
		   const char *expected)
{
	uint8_t mask[ROOM];

	assert_int_equal(
		kvmapi_live_out(KVMAPI_X86, row_of(KVMAPI_X86, name), ret, data, len, mask), 0);
	mask_is(name, mask, len, expected);
}

/* What the kernel's handlers do, written down once more by hand. */
static void test_arguments(void **state)
{
	struct kvm_irqchip chip = {.chip_id = KVM_IRQCHIP_PIC_MASTER};
	struct kvm_irqfd irqfd = {.fd = 3};
	struct kvm_userspace_memory_region2 region = {.slot = 1};
	struct kvm_enable_cap cap = {.cap = KVM_CAP_SPLIT_IRQCHIP};
	struct kvm_xen_hvm_attr xen = {.type = KVM_XEN_ATTR_TYPE_LONG_MODE};
	struct kvm_xen_vcpu_attr xen_vcpu = {.type = KVM_XEN_VCPU_ATTR_TYPE_TIMER};
	struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_ENABLE};
	struct kvm_clock_data clock = {.flags = 0};
	struct kvm_ioeventfd ioeventfd = {.fd = 1};
	struct kvm_msr_filter filter = {.flags = 0};
	struct {
		struct kvm_irq_routing routing;
		struct kvm_irq_routing_entry entries[3];
	} routing = {
		.routing.nr = 3,
		.entries = {{.type = KVM_IRQ_ROUTING_IRQCHIP},
			    {.type = KVM_IRQ_ROUTING_MSI},
			    {.type = 77}},
	};
	struct {
		struct kvm_msrs msrs;
		struct kvm_msr_entry entries[2];
	} msrs = {.msrs.nmsrs = 2};
	struct {
		struct kvm_cpuid2 cpuid;
		struct kvm_cpuid_entry2 entries[2];
	} cpuid = {.cpuid.nent = 2};
	struct kvm_signal_mask *signals = calloc(1, 4 + 64);

	in_is("KVM_SET_IRQCHIP", &chip, sizeof(chip), "0-3 8-23");
	in_is("KVM_GET_IRQCHIP", &chip, sizeof(chip), "0-3");
	out_is("KVM_GET_IRQCHIP", 0, &chip, sizeof(chip), "0-3 8-23");
	out_is("KVM_GET_IRQCHIP", -ENXIO, &chip, sizeof(chip), "0-3");
	chip.chip_id = KVM_IRQCHIP_IOAPIC;
	in_is("KVM_SET_IRQCHIP", &chip, sizeof(chip), "0-3 8-223");
	chip.chip_id = 3;
	in_is("KVM_SET_IRQCHIP", &chip, sizeof(chip), "0-3");

	in_is("KVM_IRQFD", &irqfd, sizeof(irqfd), "0-11");
	irqfd.flags = KVM_IRQFD_FLAG_RESAMPLE;
	in_is("KVM_IRQFD", &irqfd, sizeof(irqfd), "0-15");
	in_is("KVM_IOEVENTFD", &ioeventfd, sizeof(ioeventfd), "8-27");
	in_is("KVM_SET_USER_MEMORY_REGION2", &region, sizeof(region), "0-31");
	region.flags = KVM_MEM_GUEST_MEMFD;
	in_is("KVM_SET_USER_MEMORY_REGION2", &region, sizeof(region), "0-43");
	in_is("KVM_ENABLE_CAP", &cap, sizeof(cap), "0-15");
	cap.cap = KVM_CAP_HYPERV_SYNIC;
	in_is("KVM_ENABLE_CAP", &cap, sizeof(cap), "0-7");
	cap.cap = KVM_CAP_PPC_SMT;
	in_is("KVM_ENABLE_CAP", &cap, sizeof(cap), "0-23");
	cap.cap = 0xffff;
	in_is("KVM_ENABLE_CAP", &cap, sizeof(cap), "0-15");

	in_is("KVM_XEN_HVM_SET_ATTR", &xen, sizeof(xen), "0-1 8");
	in_is("KVM_XEN_HVM_GET_ATTR", &xen, sizeof(xen), "0-1");
	out_is("KVM_XEN_HVM_GET_ATTR", 0, &xen, sizeof(xen), "0-1 8");
	xen.type = KVM_XEN_ATTR_TYPE_EVTCHN;
	in_is("KVM_XEN_HVM_SET_ATTR", &xen, sizeof(xen), "0-1 8-27");
	xen.u.evtchn.deliver.port.port = 5;
	in_is("KVM_XEN_HVM_SET_ATTR", &xen, sizeof(xen), "0-1 8-31");
	xen.u.evtchn.flags = KVM_XEN_EVTCHN_DEASSIGN;
	in_is("KVM_XEN_HVM_SET_ATTR", &xen, sizeof(xen), "0-1 8-19");
	in_is("KVM_XEN_VCPU_SET_ATTR", &xen_vcpu, sizeof(xen_vcpu), "0-1 8-23");
	xen_vcpu.type = KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_CURRENT;
	in_is("KVM_XEN_VCPU_SET_ATTR", &xen_vcpu, sizeof(xen_vcpu), "0-1 8-15");

	in_is("KVM_SET_GUEST_DEBUG", &debug, sizeof(debug), "0-3");
	debug.control |= KVM_GUESTDBG_USE_HW_BP;
	in_is("KVM_SET_GUEST_DEBUG", &debug, sizeof(debug), "0-3 8-39 64-71");
	in_is("KVM_SET_CLOCK", &clock, sizeof(clock), "0-11");
	out_is("KVM_GET_CLOCK", 0, &clock, sizeof(clock), "0-47");
	out_is("KVM_GET_CLOCK", -EINVAL, &clock, sizeof(clock), "");
	in_is("KVM_X86_SET_MSR_FILTER", &filter, 8 + 24, "0-3 12-15");
	filter.ranges[0].nmsrs = 1;
	in_is("KVM_X86_SET_MSR_FILTER", &filter, 8 + 24, "0-3 8-19 24-31");

	in_is("KVM_SET_GSI_ROUTING", &routing, sizeof(routing), "0-19 24-31 56-67 72-83 104-115");
	routing.entries[1].flags = KVM_MSI_VALID_DEVID;
	in_is("KVM_SET_GSI_ROUTING", &routing, sizeof(routing), "0-19 24-31 56-67 72-87 104-115");
	routing.routing.nr = 5000;
	in_is("KVM_SET_GSI_ROUTING", &routing, sizeof(routing), "0-7");

	in_is("KVM_SET_MSRS", &msrs, sizeof(msrs), "0-3 8-11 16-27 32-39");
	in_is("KVM_GET_MSRS", &msrs, sizeof(msrs), "0-3 8-11 24-27");
	out_is("KVM_GET_MSRS", 1, &msrs, sizeof(msrs), "0-3 8-11 16-27");
	out_is("KVM_GET_MSRS", 2, &msrs, sizeof(msrs), "0-3 8-11 16-27 32-39");
	out_is("KVM_GET_MSRS", -E2BIG, &msrs, sizeof(msrs), "0-3 8-11 24-27");
	in_is("KVM_GET_SUPPORTED_CPUID", &cpuid, sizeof(cpuid), "0-3");
	in_is("KVM_SET_CPUID2", &cpuid, sizeof(cpuid), "0-3 8-87");
	in_is("KVM_GET_EMULATED_CPUID", &cpuid, sizeof(cpuid), "0-3 36-47 76-87");
	out_is("KVM_GET_SUPPORTED_CPUID", 0, &cpuid, sizeof(cpuid), "0-3 8-87");
	out_is("KVM_GET_SUPPORTED_CPUID", -E2BIG, &cpuid, sizeof(cpuid), "0-3");
	signals->len = 8;
	in_is("KVM_SET_SIGNAL_MASK", signals, 12, "0-11");
	signals->len = 64;
	in_is("KVM_SET_SIGNAL_MASK", signals, 68, "0-3");
	free(signals);
}

static void run_is(const struct kvm_run *run, bool answer, size_t len, const char *expected)
{
	uint8_t mask[ROOM];

	assert_int_equal(kvmapi_live_run(KVMAPI_X86, answer, (const uint8_t *)run, len, mask), 0);
	mask_is(kvmapi_exit_name(run->exit_reason), mask, len, expected);
}

static void test_run_page(void **state)
{
	struct kvm_run *run = calloc(1, sizeof(*run));
	uint8_t mask[ROOM];

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.len = 4;
	run_is(run, true, 288, "0-1 8-43 48-52");
	run_is(run, false, 288, "0-1 8-39 48-52");
	run->mmio.is_write = 1;
	run_is(run, false, 288, "0-1 8-43 48-52");
	run->mmio.len = 8;
	run_is(run, false, 288, "0-1 8-52");
	memset(&run->hw, 0, 256);
	run->exit_reason = KVM_EXIT_XEN;
	run_is(run, false, 288, "0-1 8-35");
	run_is(run, true, 288, "0-1 8-35 40-111");
	run->exit_reason = KVM_EXIT_HLT;
	run_is(run, false, 288, "0-1 8-31");
	run->exit_reason = KVM_EXIT_IO;
	run_is(run, false, 288, "0-1 8-47");
	run->exit_reason = 200;
	run_is(run, false, 288, "0-1 8-31");
	memset(&run->hw, 0, 256);
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.ndata = 2;
	run_is(run, false, 288, "0-1 8-55");
	run->exit_reason = KVM_EXIT_HYPERCALL;
	run_is(run, false, 288, "0-1 8-63 88-103");
	run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	assert_int_equal(kvmapi_live_sync(KVMAPI_X86, (const uint8_t *)&run->kvm_valid_regs,
					  16 + sizeof(struct kvm_sync_regs), mask),
			 0);
	mask_is("sync regs", mask, 16 + sizeof(struct kvm_sync_regs), "0-159");
	run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
	assert_int_equal(kvmapi_live_sync(KVMAPI_X86, (const uint8_t *)&run->kvm_valid_regs,
					  16 + sizeof(struct kvm_sync_regs), mask),
			 0);
	mask_is("sync regs", mask, 16 + sizeof(struct kvm_sync_regs),
		"0-159 472-486 488-500 527-535");
	free(run);
}

struct names {
	char text[256];
};

static void take_name(void *context, enum kvmapi_machine what, size_t offset, size_t size)
{
	struct names *names = context;
	size_t at = strlen(names->text);

	snprintf(names->text + at, sizeof(names->text) - at, "%s %zu+%zu;",
		 what == KVMAPI_M_FD ? "fd" : "ptr", offset, size);
}

static void names_are(const char *name, const void *data, size_t len, const char *expected)
{
	struct names names = {""};

	assert_int_equal(kvmapi_live_names(KVMAPI_X86, row_of(KVMAPI_X86, name), data, len,
					   take_name, &names),
			 0);
	assert_string_equal(names.text, expected);
}

static void test_names(void **state)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_VM_COPY_ENC_CONTEXT_FROM};
	struct kvm_xen_hvm_attr xen = {.type = KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA};
	struct kvm_xen_vcpu_attr xen_vcpu = {.type = KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA};

	names_are("KVM_ENABLE_CAP", &cap, sizeof(cap), "fd 8+8;");
	cap.cap = KVM_CAP_HYPERV_ENLIGHTENED_VMCS;
	names_are("KVM_ENABLE_CAP", &cap, sizeof(cap), "ptr 8+8;");
	cap.cap = KVM_CAP_SPLIT_IRQCHIP;
	names_are("KVM_ENABLE_CAP", &cap, sizeof(cap), "");
	names_are("KVM_XEN_HVM_SET_ATTR", &xen, sizeof(xen), "ptr 8+8;");
	xen.type = KVM_XEN_ATTR_TYPE_EVTCHN;
	names_are("KVM_XEN_HVM_SET_ATTR", &xen, sizeof(xen), "fd 24+4;");
	xen.u.evtchn.deliver.port.port = 1;
	names_are("KVM_XEN_HVM_SET_ATTR", &xen, sizeof(xen), "");
	names_are("KVM_XEN_VCPU_SET_ATTR", &xen_vcpu, sizeof(xen_vcpu), "ptr 8+8;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_is_said),
		cmocka_unit_test(test_each_byte_has_a_class),
		cmocka_unit_test(test_random_values),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_run_page),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
