/* SPDX-License-Identifier: BSD-2-Clause */
/* Values as text and JSON, paths of fields. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "kvmapi/kvm_newer.h"
#include "kvmapi/internal.h"

static void text_is(enum kvmapi_arch arch, const char *type, const void *data, size_t len,
		    const char *expected)
{
	char *text;

	assert_int_equal(kvmapi_value_text(arch, type, data, len, &text), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void json_is(enum kvmapi_arch arch, const char *type, const void *data, size_t len,
		    const char *expected)
{
	json_t *value;
	char *text;

	assert_int_equal(kvmapi_value_json(arch, type, data, len, &value), 0);
	text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
	json_decref(value);
}

static void run_text_is(const void *run, size_t len, const char *expected)
{
	char *text;

	assert_int_equal(kvmapi_run_text(KVMAPI_X86, run, len, &text), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void flags(void **state)
{
	struct kvm_userspace_memory_region region = {
		.slot = 1,
		.flags = KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY,
		.guest_phys_addr = 0xe0000,
		.memory_size = 0x20000,
		.userspace_addr = 0x7f0000001000,
	};
	const char *type = "struct kvm_userspace_memory_region";

	text_is(KVMAPI_X86, type, &region, sizeof(region),
		"{.slot = 1, .flags = KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY, "
		".guest_phys_addr = 0xe0000, .memory_size = 0x20000, .userspace_addr = 0x7f0000001000}");
	json_is(KVMAPI_X86, type, &region, sizeof(region),
		"{\"slot\":1,\"flags\":{\"value\":3,\"names\":[\"KVM_MEM_LOG_DIRTY_PAGES\","
		"\"KVM_MEM_READONLY\"]},\"guest_phys_addr\":\"0xe0000\",\"memory_size\":\"0x20000\","
		"\"userspace_addr\":\"0x7f0000001000\"}");
	region.flags = 0x42;
	region.slot = 0;
	text_is(KVMAPI_X86, type, &region, 8,
		"{.flags = KVM_MEM_READONLY | 0x40, .guest_phys_addr = ?, "
		".memory_size = ?, .userspace_addr = ?}");
	region.flags = 0x40;
	text_is(KVMAPI_X86, type, &region, 14,
		"{.flags = 0x40, .guest_phys_addr = ?, "
		".memory_size = ?, .userspace_addr = ?}");
	json_is(KVMAPI_X86, type, &region, 4,
		"{\"slot\":0,\"flags\":null,\"guest_phys_addr\":null,\"memory_size\":null,"
		"\"userspace_addr\":null}");
	memset(&region, 0, sizeof(region));
	text_is(KVMAPI_X86, type, &region, sizeof(region), "{}");
	text_is(KVMAPI_X86, type, NULL, 0,
		"{.slot = ?, .flags = ?, .guest_phys_addr = ?, .memory_size = ?, "
		".userspace_addr = ?}");
}

static void enumerations(void **state)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};
	struct kvm_mp_state mp = {};

	text_is(KVMAPI_X86, "struct kvm_enable_cap", &cap, sizeof(cap),
		"{.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {0x18}}");
	json_is(KVMAPI_X86, "struct kvm_enable_cap", &cap, sizeof(cap),
		"{\"cap\":{\"value\":121,\"name\":\"KVM_CAP_SPLIT_IRQCHIP\"},\"flags\":0,"
		"\"args\":[\"0x18\",\"0x0\",\"0x0\",\"0x0\"]}");
	/* A zero that has a name is shown. */
	text_is(KVMAPI_X86, "struct kvm_mp_state", &mp, sizeof(mp),
		"{.mp_state = KVM_MP_STATE_RUNNABLE}");
	mp.mp_state = 77;
	text_is(KVMAPI_X86, "struct kvm_mp_state", &mp, sizeof(mp), "{.mp_state = 77}");
	json_is(KVMAPI_X86, "struct kvm_mp_state", &mp, sizeof(mp),
		"{\"mp_state\":{\"value\":77,\"name\":null}}");
}

static void tails(void **state)
{
	struct {
		__u32 nmsrs, pad;
		struct kvm_msr_entry entries[2];
	} msrs = {.nmsrs = 2,
		  .entries = {{.index = 0x1b, .data = 0xfee00900}, {.index = 0x999, .data = 7}}};

	text_is(KVMAPI_X86, "struct kvm_msrs", &msrs, sizeof(msrs),
		"{.nmsrs = 2, .entries = {{.index = IA32_APIC_BASE, .data = 0xfee00900}, "
		"{.index = 0x999, .data = 0x7}}}");
	text_is(KVMAPI_X86, "struct kvm_msrs", &msrs, 8, "{.nmsrs = 2}");
	text_is(KVMAPI_X86, "struct kvm_msrs", &msrs, 8 + 16 + 8,
		"{.nmsrs = 2, .entries = {{.index = IA32_APIC_BASE, .data = 0xfee00900}, "
		"{.index = 0x999, .data = ?}}}");
	json_is(KVMAPI_X86, "struct kvm_msrs", &msrs, 8 + 16,
		"{\"nmsrs\":2,\"entries\":[{\"index\":{\"value\":27,\"name\":\"IA32_APIC_BASE\"},"
		"\"data\":\"0xfee00900\"}]}");
}

static void unions(void **state)
{
	struct {
		__u32 nr, flags;
		struct kvm_irq_routing_entry entries[2];
	} routing = {
		.nr = 2,
		.entries = {{.gsi = 1, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = {2, 4}},
			    {.gsi = 5,
			     .type = KVM_IRQ_ROUTING_MSI,
			     .u.msi = {.address_lo = 0xfee00000, .data = 0x31}}},
	};
	struct kvm_irqchip chip = {.chip_id = KVM_IRQCHIP_IOAPIC};
	struct kvm_irq_level level = {.irq = 4, .level = 1};

	text_is(KVMAPI_X86, "struct kvm_irq_routing", &routing, sizeof(routing),
		"{.nr = 2, .entries = {{.gsi = 1, .type = KVM_IRQ_ROUTING_IRQCHIP, "
		".u = {.irqchip = {.irqchip = KVM_IRQCHIP_IOAPIC, .pin = 4}}}, "
		"{.gsi = 5, .type = KVM_IRQ_ROUTING_MSI, "
		".u = {.msi = {.address_lo = 0xfee00000, .data = 0x31}}}}}");
	routing.entries[0].type = 99;
	text_is(KVMAPI_X86, "struct kvm_irq_routing", &routing, 8 + 48,
		"{.nr = 2, .entries = {{.gsi = 1, .type = 99, "
		".u = \"0200000004000000000000000000000000000000000000000000000000000000\"}}}");
	chip.chip.ioapic.redirtbl[2].bits = 0x10031;
	text_is(KVMAPI_X86, "struct kvm_irqchip", &chip, sizeof(chip),
		"{.chip_id = KVM_IRQCHIP_IOAPIC, .chip = {.ioapic = {.redirtbl = {{}, {}, "
		"{.fields = {.vector = 49, .mask = 1}}}}}}");
	text_is(KVMAPI_X86, "struct kvm_irq_level", &level, sizeof(level),
		"{.irq = 4, .level = 1}");
}

static void bytes(void **state)
{
	static struct kvm_vmx_nested_state_data data;
	json_t *value;
	char *text;

	data.vmcs12[0] = 1;
	assert_int_equal(kvmapi_value_text(KVMAPI_X86, "struct kvm_vmx_nested_state_data", &data,
					   sizeof(data), &text),
			 0);
	assert_memory_equal(text, "{.vmcs12 = \"0100", 16);
	assert_non_null(strstr(text, "00\"...4096 bytes}"));
	assert_true(strlen(text) < 200);
	free(text);
	assert_int_equal(kvmapi_value_json(KVMAPI_X86, "struct kvm_vmx_nested_state_data", &data,
					   sizeof(data), &value),
			 0);
	assert_int_equal(json_string_length(json_object_get(value, "vmcs12")), 8192);
	json_decref(value);
	assert_int_equal(
		kvmapi_value_json(KVMAPI_X86, "struct kvm_vmx_nested_state_data", &data, 2, &value),
		0);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(value, "vmcs12"), "length")),
		4096);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(value, "vmcs12"), "captured")),
		"0100");
	json_decref(value);
}

/*
 * Registers of the local APIC have names, and what is between them is shown if there is anything.
 */
static void local_apic(void **state)
{
	struct kvm_lapic_state lapic = {};

	lapic.regs[0xf0] = 1;
	lapic.regs[0x80] = 0x10;
	text_is(KVMAPI_X86, "struct kvm_lapic_state", &lapic, sizeof(lapic),
		"{.tpr = 0x10, .svr = 0x1}");
	lapic.regs[0x84] = 7;
	text_is(KVMAPI_X86, "struct kvm_lapic_state", &lapic, sizeof(lapic),
		"{.tpr = 0x10, .gap_tpr = \"070000000000000000000000\", .svr = 0x1}");
}

/* An id by the names of the header, which are its value again. */
static void registers(void **state)
{
	static const struct {
		enum kvmapi_arch arch;
		uint64_t id;
		const char *text;
	} ids[] = {
		{KVMAPI_ARM64, 0x6030000000100000,
		 "KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.regs[0])"},
		{KVMAPI_ARM64, 0x6030000000100040,
		 "KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.pc)"},
		{KVMAPI_ARM64, 0x6040000000100054,
		 "KVM_REG_ARM64 | KVM_REG_SIZE_U128 | KVM_REG_ARM_CORE | "
		 "KVM_REG_ARM_CORE_REG(fp_regs.vregs[0])"},
		/* In the middle of a register. */
		{KVMAPI_ARM64, 0x6030000000100001,
		 "KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | 0x1"},
		{KVMAPI_ARM64, 0x603000000013c080, "ARM64_SYS_REG(3, 0, 1, 0, 0)"},
		{KVMAPI_ARM64, 0x603000000013df1a, "KVM_REG_ARM_TIMER_CNT"},
		{KVMAPI_ARM64, 0x6030000000140000, "KVM_REG_ARM_PSCI_VERSION"},
		{KVMAPI_ARM64, 0x60800000001503e0, "KVM_REG_ARM64_SVE_ZREG(31, 0)"},
		{KVMAPI_ARM64, 0x6050000000150401, "KVM_REG_ARM64_SVE_PREG(0, 1)"},
		{KVMAPI_ARM64, 0x606000000015ffff, "KVM_REG_ARM64_SVE_VLS"},
		{KVMAPI_ARM64, 0x6030000000160001, "KVM_REG_ARM_STD_HYP_BMAP"},
		{KVMAPI_ARM64, 0x6020000000110001,
		 "KVM_REG_ARM64 | KVM_REG_SIZE_U32 | KVM_REG_ARM_DEMUX | 0x1"},
		{KVMAPI_ARM64, 0x6030000000990001, "KVM_REG_ARM64 | KVM_REG_SIZE_U64 | 0x990001"},
		/* Another architecture's, or nobody's. */
		{KVMAPI_ARM64, 0x8030000002000000, "0x8030000002000000"},
		{KVMAPI_ARM64, 0x5, "0x5"},
		{KVMAPI_RISCV, 0x8030000002000000,
		 "KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE | KVM_REG_RISCV_CORE_REG(regs.pc)"},
		{KVMAPI_RISCV, 0x8030000004000001,
		 "KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_TIMER | KVM_REG_RISCV_TIMER_REG(time)"},
		{KVMAPI_RISCV, 0x8030000008000002,
		 "KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_SBI_EXT | 0x2"},
		{KVMAPI_S390, 0x5020000000000001, "KVM_REG_S390_TODPR"},
		{KVMAPI_S390, 0x5030000000000099, "KVM_REG_S390 | KVM_REG_SIZE_U64 | 0x99"},
		{KVMAPI_POWERPC, 0x1030000000000002, "KVM_REG_PPC_IAC1"},
		{KVMAPI_POWERPC, 0x1030000000000021, "KVM_REG_PPC_FPR(1)"},
	};

	for (size_t n = 0; n < sizeof(ids) / sizeof(ids[0]); n++) {
		struct kvm_one_reg reg = {.id = ids[n].id};
		char want[256], one[160];
		uint64_t value = 0, part;

		if (kvmapi_arch_big_endian(ids[n].arch))
			reg.id = __builtin_bswap64(reg.id);
		snprintf(want, sizeof(want), "{.id = %s}", ids[n].text);
		text_is(ids[n].arch, "struct kvm_one_reg", &reg, sizeof(reg), want);
		snprintf(one, sizeof(one), "%s", ids[n].text);
		for (char *at = one, *bar; at; at = bar) {
			bar = strstr(at, " | ");
			if (bar) {
				*bar = 0;
				bar += 3;
			}
			if (*at == '0')
				part = strtoull(at, NULL, 0);
			else
				assert_int_equal(kvmapi_constant(ids[n].arch, at, &part), 0);
			value |= part;
		}
		assert_true(value == ids[n].id);
	}
	assert_int_equal(
		kvmapi_constant(KVMAPI_ARM64, "ARM64_SYS_REG(4, 0, 1, 0, 0)", &(uint64_t){0}),
		-ENOENT);
	assert_int_equal(kvmapi_constant(KVMAPI_ARM64, "ARM64_SYS_REG(3, 0, 1, 0)", &(uint64_t){0}),
			 -ENOENT);
	assert_int_equal(kvmapi_constant(KVMAPI_ARM64, "ARM64_SYS_REG", &(uint64_t){0}), -ENOENT);
	assert_int_equal(
		kvmapi_constant(KVMAPI_ARM64, "KVM_REG_ARM_CORE_REG(regs.ax)", &(uint64_t){0}),
		-ENOENT);
	assert_int_equal(kvmapi_constant(KVMAPI_X86, "KVM_REG_ARM64", &(uint64_t){0}), -ENOENT);
}

/* Groups of attributes have names by the object that is asked. */
static void attributes(void **state)
{
	static const struct {
		enum kvmapi_arch arch;
		struct kvmapi_owner owner;
		uint32_t group;
		uint64_t attr;
		const char *text;
	} some[] = {
		{KVMAPI_ARM64,
		 {KVMAPI_DEVICE, 7},
		 0,
		 2,
		 "{.group = KVM_DEV_ARM_VGIC_GRP_ADDR, .attr = KVM_VGIC_V3_ADDR_TYPE_DIST}"},
		{KVMAPI_ARM64,
		 {KVMAPI_DEVICE, 8},
		 4,
		 1,
		 "{.group = KVM_DEV_ARM_VGIC_GRP_CTRL, .attr = KVM_DEV_ARM_ITS_SAVE_TABLES}"},
		{KVMAPI_ARM64,
		 {KVMAPI_DEVICE, 7},
		 1,
		 8,
		 "{.group = KVM_DEV_ARM_VGIC_GRP_DIST_REGS, .attr = 0x8}"},
		{KVMAPI_ARM64,
		 {KVMAPI_VCPU, 0},
		 0,
		 1,
		 "{.group = KVM_ARM_VCPU_PMU_V3_CTRL, .attr = KVM_ARM_VCPU_PMU_V3_INIT}"},
		{KVMAPI_ARM64, {KVMAPI_DEVICE, UINT64_MAX}, 1, 8, "{.group = 1, .attr = 0x8}"},
		{KVMAPI_X86,
		 {KVMAPI_DEVICE, 4},
		 1,
		 1,
		 "{.group = KVM_DEV_VFIO_FILE, .attr = KVM_DEV_VFIO_FILE_ADD}"},
		{KVMAPI_X86,
		 {KVMAPI_VCPU, 3},
		 0,
		 0,
		 "{.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET}"},
		{KVMAPI_RISCV,
		 {KVMAPI_DEVICE, 11},
		 2,
		 0,
		 "{.group = KVM_DEV_RISCV_AIA_GRP_CTRL, .attr = 0}"},
	};
	uint64_t value;

	for (size_t n = 0; n < sizeof(some) / sizeof(some[0]); n++) {
		struct kvm_device_attr attr = {.group = some[n].group, .attr = some[n].attr};
		char *text;

		assert_int_equal(kvmapi_value_text_of(some[n].arch, &some[n].owner,
						      "struct kvm_device_attr", &attr, sizeof(attr),
						      &text),
				 0);
		assert_string_equal(text, some[n].text);
		free(text);
	}
	assert_int_equal(kvmapi_constant(KVMAPI_S390, "KVM_S390_VM_TOD_EXT", &value), 0);
	assert_int_equal(value, 2);
}

static void scalars(void **state)
{
	__u64 value = 0xfeffc000;

	text_is(KVMAPI_X86, "__u64", &value, sizeof(value), "0xfeffc000");
	json_is(KVMAPI_X86, "__u64", &value, sizeof(value), "\"0xfeffc000\"");
	text_is(KVMAPI_X86, "__u64", &value, 7, "?");
	json_is(KVMAPI_X86, "__u64", &value, 7, "null");
	text_is(KVMAPI_ARM64, "int", "\x04\x00\x00\x00", 4, "4");
	text_is(KVMAPI_ARM64, "int", "\xff\xff\xff\xff", 4, "-1");
	/* An architecture without registers in its struct. */
	text_is(KVMAPI_ARM64, "struct kvm_sregs", NULL, 0, "{}");
}

static void big_endian(void **state)
{
	static const uint8_t region[32] = {0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0,    0,
					   0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0};
	static const uint8_t irq[72] = {0, 0, 0, 0, 0xff, 0xfe, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 5};
	static const uint8_t feature[8] = {0x08, 0, 0, 0, 0, 0, 0, 0};

	text_is(KVMAPI_S390, "struct kvm_userspace_memory_region", region, sizeof(region),
		"{.slot = 7, .flags = KVM_MEM_LOG_DIRTY_PAGES, .guest_phys_addr = 0x10000, "
		".memory_size = 0x1000}");
	/* The discriminator is read in the same order. */
	text_is(KVMAPI_S390, "struct kvm_s390_irq", irq, sizeof(irq),
		"{.type = KVM_S390_MCHK, .u = {.mchk = {.cr14 = 0x5}}}");
	text_is(KVMAPI_S390, "struct kvm_s390_vm_cpu_uv_feat", feature, sizeof(feature),
		"{.feat = 0x800000000000000}");
}

/* Bits are counted from the other end as well. */
static void big_endian_bits(void **state)
{
	uint8_t regs[2048] = {};
	size_t offset, size;
	char *text;

	assert_int_equal(
		kvmapi_field_find(KVMAPI_S390, "struct kvm_sync_regs", "padding1", &offset, &size),
		0);
	regs[offset - 1] = 0x80;
	assert_int_equal(
		kvmapi_value_text(KVMAPI_S390, "struct kvm_sync_regs", regs, sizeof(regs), &text),
		0);
	assert_string_equal(text, "{.bpbc = 1}");
	free(text);
	regs[offset - 1] = 0x01;
	assert_int_equal(
		kvmapi_value_text(KVMAPI_S390, "struct kvm_sync_regs", regs, sizeof(regs), &text),
		0);
	assert_string_equal(text, "{.reserved2 = 1}");
	free(text);
}

static void run_page(void **state)
{
	static struct kvm_run run;
	json_t *value;

	memset(&run, 0, sizeof(run));
	run.exit_reason = KVM_EXIT_IO;
	run.io.direction = KVM_EXIT_IO_OUT;
	run.io.size = 1;
	run.io.port = 0x3f8;
	run.io.count = 1;
	run.io.data_offset = 4096;
	run_text_is(&run, 48,
		    "{.exit_reason = KVM_EXIT_IO, .io = {.direction = KVM_EXIT_IO_OUT, .size = 1, "
		    ".port = 0x3f8, .count = 1, .data_offset = 4096}}");
	/* Nothing of the union was captured: it is not there, rather than unknown. */
	run_text_is(&run, 32, "{.exit_reason = KVM_EXIT_IO}");
	run_text_is(
		&run, 34,
		"{.exit_reason = KVM_EXIT_IO, .io = {.direction = KVM_EXIT_IO_OUT, .size = 1}}");
	run.exit_reason = KVM_EXIT_HLT;
	run.if_flag = 1;
	run_text_is(&run, 48, "{.exit_reason = KVM_EXIT_HLT, .if_flag = 1}");
	run.exit_reason = 9999;
	run_text_is(&run, 34,
		    "{.exit_reason = 9999, .if_flag = 1, .raw = \"0101\"?254 not captured}");

	run.exit_reason = KVM_EXIT_MMIO;
	memset(&run.mmio, 0, sizeof(run.mmio));
	run.mmio.phys_addr = 0xfee000b0;
	run.mmio.len = 4;
	run.mmio.is_write = 1;
	assert_int_equal(kvmapi_run_json(KVMAPI_X86, &run, 56, &value), 0);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(value, "mmio"), "phys_addr")),
		"0xfee000b0");
	assert_null(json_object_get(value, "io"));
	assert_null(json_object_get(value, "kvm_valid_regs"));
	json_decref(value);
}

static void unknown_types(void **state)
{
	size_t offset, size;
	json_t *value;
	char *text, name[8];

	assert_int_equal(kvmapi_value_text(KVMAPI_X86, "struct nothing", "", 1, &text), -ENOENT);
	assert_int_equal(kvmapi_value_json(KVMAPI_X86, "nothing", "", 1, &value), -ENOENT);
	assert_int_equal(kvmapi_value_text(KVMAPI_ARCHS, "__u64", "", 1, &text), -ENOENT);
	/* Of another architecture. */
	assert_int_equal(kvmapi_value_text(KVMAPI_X86, "struct kvm_s390_irq", "", 1, &text),
			 -ENOENT);
	assert_int_equal(kvmapi_field_find(KVMAPI_X86, "struct nothing", "x", &offset, &size),
			 -ENOENT);
	assert_int_equal(kvmapi_field_at(KVMAPI_X86, "struct nothing", 0, name, sizeof(name)),
			 -ENOENT);
}

static void paths(void **state)
{
	static const struct {
		const char *type;
		const char *path;
		size_t offset;
		size_t size;
	} known[] = {
		{"struct kvm_regs", "rip", 128, 8},
		{"struct kvm_regs", "rax", 0, 8},
		{"struct kvm_sregs", "cs.selector", 12, 2},
		{"struct kvm_sregs", "interrupt_bitmap[3]", 304, 8},
		{"struct kvm_msrs", "entries[3].data", 64, 8},
		{"struct kvm_cpuid2", "entries[1].eax", 60, 4},
		{"struct kvm_vcpu_events", "interrupt.soft", 10, 1},
		{"struct kvm_xsave", "region[6]", 24, 4},
		{"struct kvm_xsave", "extra[2]", 4104, 4},
		{"struct kvm_sync_regs", "sregs.cr0", 144 + 224, 8},
	};
	size_t n, offset, size;
	char name[64];

	for (n = 0; n < sizeof(known) / sizeof(known[0]); n++) {
		assert_int_equal(
			kvmapi_field_find(KVMAPI_X86, known[n].type, known[n].path, &offset, &size),
			0);
		assert_int_equal(offset, known[n].offset);
		assert_int_equal(size, known[n].size);
		assert_int_equal(kvmapi_field_at(KVMAPI_X86, known[n].type, known[n].offset, name,
						 sizeof(name)),
				 0);
		assert_string_equal(name, known[n].path);
		assert_int_equal(kvmapi_field_at(KVMAPI_X86, known[n].type, offset + size - 1, name,
						 sizeof(name)),
				 0);
		assert_string_equal(name, known[n].path);
	}
	/* Through unions without a name, and the whole value. */
	assert_int_equal(
		kvmapi_field_find(KVMAPI_X86, "struct kvm_run", "mmio.data", &offset, &size), 0);
	assert_int_equal(offset, 40);
	assert_int_equal(kvmapi_field_find(KVMAPI_X86, "struct kvm_run", "", &offset, &size), 0);
	assert_int_equal(size, 2352);
	assert_int_equal(
		kvmapi_field_find(KVMAPI_X86, "struct kvm_regs", "nothing", &offset, &size),
		-ENOENT);
	assert_int_equal(
		kvmapi_field_find(KVMAPI_X86, "struct kvm_regs", "rip.low", &offset, &size),
		-ENOENT);
	assert_int_equal(kvmapi_field_find(KVMAPI_X86, "struct kvm_sregs", "interrupt_bitmap[4]",
					   &offset, &size),
			 -ENOENT);
	assert_int_equal(kvmapi_field_at(KVMAPI_X86, "struct kvm_regs", 144, name, sizeof(name)),
			 -ENOENT);
	/* What does not fit is cut off. */
	assert_int_equal(kvmapi_field_at(KVMAPI_X86, "struct kvm_msrs", 64, name, 6), 0);
	assert_string_equal(name, "entri");
}

/* A place found by members and elements is where the path leads. */
static void places(void **state)
{
	struct kvmapi_place whole, place, inner;
	size_t offset, size;

	assert_int_equal(kvmapi_place_of(KVMAPI_X86, "struct kvm_msrs", &whole), 0);
	assert_int_equal(whole.kind, KVMAPI_PLACE_COMPOSITE);
	assert_int_equal(whole.size, 8);
	assert_int_equal(kvmapi_place_member(KVMAPI_X86, &whole, "entries", 7, &place), 0);
	assert_int_equal(place.kind, KVMAPI_PLACE_ARRAY);
	assert_int_equal(place.count, 0);
	assert_int_equal(place.stride, 16);
	assert_int_equal(kvmapi_place_element(KVMAPI_X86, &place, 3, &inner), 0);
	assert_int_equal(kvmapi_place_member(KVMAPI_X86, &inner, "data", 4, &place), 0);
	assert_int_equal(place.kind, KVMAPI_PLACE_NUMBER);
	assert_int_equal(
		kvmapi_field_find(KVMAPI_X86, "struct kvm_msrs", "entries[3].data", &offset, &size),
		0);
	assert_int_equal(place.offset, offset);
	assert_int_equal(place.size, size);

	/* Through a union without a name. */
	assert_int_equal(kvmapi_place_of(KVMAPI_X86, "struct kvm_run", &whole), 0);
	assert_int_equal(kvmapi_place_member(KVMAPI_X86, &whole, "mmio", 4, &place), 0);
	assert_int_equal(place.offset, KVMAPI_RUN_UNION);

	/* Bits of an I/O redirection entry, which begins 24 + 8 bytes into the irqchip. */
	assert_int_equal(kvmapi_place_of(KVMAPI_X86, "struct kvm_ioapic_state", &whole), 0);
	assert_int_equal(kvmapi_place_member(KVMAPI_X86, &whole, "redirtbl", 8, &place), 0);
	assert_int_equal(place.count, 24);
	assert_int_equal(kvmapi_place_element(KVMAPI_X86, &place, 24, &inner), -ENOENT);
	assert_int_equal(kvmapi_place_element(KVMAPI_X86, &place, 1, &inner), 0);
	assert_int_equal(kvmapi_place_member(KVMAPI_X86, &inner, "fields", 6, &place), 0);
	assert_int_equal(kvmapi_place_member(KVMAPI_X86, &place, "mask", 4, &inner), 0);
	assert_int_equal(inner.bits, 1);
	assert_int_equal(inner.offset * 8 + inner.shift, (24 + 8) * 8 + 16);
	/* Counted from the other end. */
	assert_int_equal(kvmapi_place_of(KVMAPI_S390, "struct kvm_sync_regs", &whole), 0);
	assert_int_equal(kvmapi_place_member(KVMAPI_S390, &whole, "bpbc", 4, &place), 0);
	assert_int_equal(place.bits, 1);
	assert_int_equal(place.shift, 7);

	assert_int_equal(kvmapi_place_of(KVMAPI_X86, "struct nothing", &place), -ENOENT);
	assert_int_equal(kvmapi_place_of(KVMAPI_ARCHS, "__u64", &place), -ENOENT);
	assert_int_equal(kvmapi_place_member(KVMAPI_X86, &whole, "nothing", 7, &place), -ENOENT);
	assert_int_equal(kvmapi_place_member(KVMAPI_X86, &inner, "mask", 4, &place), -ENOENT);
	assert_int_equal(kvmapi_place_element(KVMAPI_X86, &inner, 0, &place), -ENOENT);
}

static void paths_through_unions(void **state)
{
	struct kvm_irqchip chip = {.chip_id = KVM_IRQCHIP_IOAPIC};
	static struct kvm_run run;
	char name[64];

	assert_int_equal(
		kvmapi_field_at(KVMAPI_X86, "struct kvm_irqchip", 8 + 4, name, sizeof(name)), 0);
	assert_string_equal(name, "chip+4");
	assert_int_equal(kvmapi_field_at_value(KVMAPI_X86, "struct kvm_irqchip", &chip,
					       sizeof(chip), 8 + 12, name, sizeof(name)),
			 0);
	assert_string_equal(name, "chip.ioapic.id");
	run.exit_reason = KVM_EXIT_MMIO;
	assert_int_equal(kvmapi_field_at_value(KVMAPI_X86, "struct kvm_run", &run, 56, 40, name,
					       sizeof(name)),
			 0);
	assert_string_equal(name, "mmio.data[0]");
	assert_int_equal(kvmapi_field_at(KVMAPI_X86, "struct kvm_irq_level", 2, name, sizeof(name)),
			 0);
	assert_string_equal(name, "irq");
}

/* Every row can be shown, whatever its bytes; and no union of it lacks a row in unions.def. */
static void every_type_is_shown(void **state)
{
	static uint8_t data[8192];
	const struct kvmapi_ioctl *rows;
	enum kvmapi_arch arch;
	size_t count, n;
	json_t *value;
	char *text;
	int fill;

	for (fill = 0; fill < 3; fill++) {
		memset(data, fill == 2 ? 0xff : fill, sizeof(data));
		for (arch = 0; arch < KVMAPI_ARCHS; arch++) {
			rows = kvmapi_ioctls(arch, &count);
			for (n = 0; n < count; n++) {
				if (!rows[n].type)
					continue;
				assert_int_equal(
					kvmapi_value_text(arch, rows[n].type, data,
							  rows[n].size + 3 * rows[n].elem_size,
							  &text),
					0);
				free(text);
				assert_int_equal(
					kvmapi_value_json(arch, rows[n].type, data,
							  rows[n].size + 3 * rows[n].elem_size,
							  &value),
					0);
				text = json_dumps(value, JSON_ENCODE_ANY);
				if (fill == 0 && rows[n].payload != KVMAPI_RUNPAGE &&
				    strstr(text, "\"raw\""))
					fail_msg("%s: a union without a name and a row",
						 rows[n].type);
				free(text);
				json_decref(value);
			}
		}
	}
}

/* Any bytes, cut off anywhere: nothing behind the end is read (the sanitizers see it if it is). */
static void any_prefix_is_shown(void **state)
{
	const struct kvmapi_ioctl *rows;
	uint32_t random = 1;
	enum kvmapi_arch arch;
	size_t count, n, len, full;
	json_t *value;
	uint8_t *data;
	char *text, name[128];

	for (arch = 0; arch < KVMAPI_ARCHS; arch++) {
		rows = kvmapi_ioctls(arch, &count);
		for (n = 0; n < count; n++) {
			if (!rows[n].type)
				continue;
			full = rows[n].size + 2 * rows[n].elem_size;
			for (len = 0; len <= full; len += len < 96 ? 1 : 61) {
				data = len ? malloc(len) : NULL;
				for (size_t i = 0; i < len; i++) {
					random = random * 1664525 + 1013904223;
					/* Mostly small numbers, so that unions find their cases. */
					data[i] = (random >> 24) % 3 ? 0 : (random >> 16) % 8;
				}
				assert_int_equal(
					kvmapi_value_text(arch, rows[n].type, data, len, &text), 0);
				free(text);
				assert_int_equal(
					kvmapi_value_json(arch, rows[n].type, data, len, &value),
					0);
				json_decref(value);
				kvmapi_field_at_value(arch, rows[n].type, data, len, len / 2, name,
						      sizeof(name));
				free(data);
			}
		}
	}
}

/* A row that speaks of a type that is not in BTF would never be used. */
static void styles_are_used(void **state)
{
	const struct kvmapi_table *table;
	enum kvmapi_arch arch;
	size_t n, offset, size;

	for (arch = 0; arch < KVMAPI_ARCHS; arch++) {
		table = kvmapi_table_of(arch);
		for (n = 0; n < table->field_count; n++)
			if (kvmapi_field_find(arch, table->fields[n].type, table->fields[n].path,
					      &offset, &size))
				fail_msg("fields.def: %s %s", table->fields[n].type,
					 table->fields[n].path);
		for (n = 0; n < table->union_count; n++)
			if (kvmapi_field_find(arch, table->unions[n].type, table->unions[n].path,
					      &offset, &size))
				fail_msg("unions.def: %s %s", table->unions[n].type,
					 table->unions[n].path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags),
		cmocka_unit_test(enumerations),
		cmocka_unit_test(tails),
		cmocka_unit_test(unions),
		cmocka_unit_test(bytes),
		cmocka_unit_test(local_apic),
		cmocka_unit_test(registers),
		cmocka_unit_test(attributes),
		cmocka_unit_test(scalars),
		cmocka_unit_test(big_endian),
		cmocka_unit_test(big_endian_bits),
		cmocka_unit_test(run_page),
		cmocka_unit_test(unknown_types),
		cmocka_unit_test(paths),
		cmocka_unit_test(places),
		cmocka_unit_test(paths_through_unions),
		cmocka_unit_test(every_type_is_shown),
		cmocka_unit_test(any_prefix_is_shown),
		cmocka_unit_test(styles_are_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
