/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables against the headers, and looking rows up. */
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kvmapi/kvm_newer.h"
#include "kvmapi/internal.h"

/* Directory of the UAPI headers, from meson.build. */
static const char *uapi;

static char *file_read(const char *name)
{
	char *text;
	long size;
	FILE *file;

	file = fopen(name, "r");
	if (!file)
		fail_msg("%s: %s", name, strerror(errno));
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	assert_true(size > 0);
	rewind(file);
	text = malloc((size_t)size + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)size, file), size);
	text[size] = 0;
	fclose(file);
	return text;
}

static char *header_read(const char *path)
{
	char name[4096];

	snprintf(name, sizeof(name), "%s/%s", uapi, path);
	return file_read(name);
}

/* The installed header is of a kernel that came after the table: what it has more is no fault. */
static void need_known_header(void)
{
	char *text = header_read("x86/linux/kvm.h"), *at, *end;
	bool known = true;

	for (at = strstr(text, "#define KVM_CAP_"); at; at = strstr(at + 1, "#define KVM_CAP_")) {
		unsigned long number = strtoul(at + 8 + strcspn(at + 8, " \t\n"), &end, 0);

		known &= end == at || !number || kvmapi_cap_name((uint32_t)number);
	}
	free(text);
	if (!known) {
		print_message("skip: the UAPI headers here are newer than the table\n");
		skip();
	}
}

struct macros {
	char names[512][64];
	size_t count;
};

/* Every macro whose definition, with its continuation lines, has the word KVMIO in it. */
static void macros_scan(struct macros *macros, char *text)
{
	char *line, *end, *name, *use;
	size_t len;

	for (line = text; *line; line = end) {
		end = line;
		do {
			end += strcspn(end, "\n");
			if (*end)
				end++;
		} while (end - line >= 2 && end[-2] == '\\' && *end);
		if (strncmp(line, "#define", 7) != 0)
			continue;
		name = line + 7;
		name += strspn(name, " \t");
		len = strspn(name,
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
		use = strstr(name + len, "KVMIO");
		/*
		 * Headers up to 6.1 have names with underscores for the words of deprecated
		 * requests.
		 */
		if (!use || use >= end || *name == '_')
			continue;
		assert_true(macros->count < 512 && len < 64);
		memcpy(macros->names[macros->count], name, len);
		macros->names[macros->count++][len] = 0;
	}
}

static void headers_scan(struct macros *macros)
{
	static const char *const headers[] = {
		"x86/linux/kvm.h", NULL, /* kvm_newer.h */
		"x86/asm/kvm.h",   "arm64/asm/kvm.h",
		"s390/asm/kvm.h",  "powerpc/asm/kvm.h",
		"riscv/asm/kvm.h",
	};
	char *text;
	size_t n;

	macros->count = 0;
	for (n = 0; n < sizeof(headers) / sizeof(headers[0]); n++) {
		text = headers[n] ? header_read(headers[n]) : file_read(getenv("KVMTAPE_NEWER"));
		macros_scan(macros, text);
		free(text);
	}
}

static const struct kvmapi_ioctl *row_anywhere(const char *name)
{
	const struct kvmapi_ioctl *row = NULL;
	enum kvmapi_arch arch;

	for (arch = 0; arch < KVMAPI_ARCHS && !row; arch++)
		row = kvmapi_find_name(arch, name);
	return row;
}

static bool is_unsupported(const char *name)
{
	const struct kvmapi_unsupported *rows;
	size_t count, n;

	rows = kvmapi_unsupported(&count);
	for (n = 0; n < count; n++)
		if (strcmp(rows[n].name, name) == 0)
			return true;
	return false;
}

static void every_macro_has_a_row(void **state)
{
	static struct macros macros;
	unsigned int missing = 0;
	size_t n;

	need_known_header();
	headers_scan(&macros);
	/* Linux 7.2 has 153; fewer would mean that the scan is broken. */
	assert_true(macros.count >= 140);
	for (n = 0; n < macros.count; n++) {
		if (row_anywhere(macros.names[n]) || is_unsupported(macros.names[n]))
			continue;
		print_message("# %s is neither in kvm_ioctls.def nor in kvm_unsupported.def\n",
			      macros.names[n]);
		missing++;
	}
	assert_int_equal(missing, 0);
}

static void unsupported_exist_and_have_no_row(void **state)
{
	static struct macros macros;
	const struct kvmapi_unsupported *rows;
	size_t count, n, m;

	headers_scan(&macros);
	rows = kvmapi_unsupported(&count);
	for (n = 0; n < count; n++) {
		assert_null(row_anywhere(rows[n].name));
		assert_true(strlen(rows[n].reason) > 10);
		for (m = 0; m < macros.count; m++)
			if (strcmp(macros.names[m], rows[n].name) == 0)
				break;
		if (m == macros.count)
			fail_msg("%s is in no header", rows[n].name);
	}
}

static void scan_sees_continued_lines(void **state)
{
	static struct macros macros;
	char text[] =
		"#define A _IO(KVMIO, 1)\n#define B \\\n\t_IO(KVMIO, 2)\n#define C 1\n#define KVMIO 3\n";

	macros.count = 0;
	macros_scan(&macros, text);
	assert_int_equal(macros.count, 2);
	assert_string_equal(macros.names[0], "A");
	assert_string_equal(macros.names[1], "B");
}

static void requests_are_unique_per_kind(void **state)
{
	const struct kvmapi_ioctl *rows;
	enum kvmapi_arch arch;
	size_t count, n, m;

	for (arch = 0; arch < KVMAPI_ARCHS; arch++) {
		rows = kvmapi_ioctls(arch, &count);
		assert_true(count > 40 && count < 256);
		for (n = 0; n < count; n++)
			for (m = n + 1; m < count; m++)
				if (rows[n].request == rows[m].request &&
				    (rows[n].scope & rows[m].scope))
					fail_msg("%s: %s and %s", kvmapi_arch_name(arch),
						 rows[n].name, rows[m].name);
	}
}

static void every_row_is_found(void **state)
{
	const struct kvmapi_ioctl *rows, *found;
	enum kvmapi_arch arch;
	unsigned int kind;
	size_t count, n;

	for (arch = 0; arch < KVMAPI_ARCHS; arch++) {
		rows = kvmapi_ioctls(arch, &count);
		for (n = 0; n < count; n++) {
			for (kind = 0; kind < KVMAPI_OBJECT_KINDS; kind++) {
				found = kvmapi_find(arch, 1u << kind, rows[n].request);
				if (rows[n].scope & 1u << kind)
					assert_ptr_equal(found, &rows[n]);
				else
					assert_ptr_not_equal(found, &rows[n]);
			}
			assert_ptr_equal(kvmapi_find_name(arch, rows[n].name), &rows[n]);
			assert_ptr_equal(kvmapi_find_name(arch, rows[n].name + 4), &rows[n]);
		}
	}
	assert_null(kvmapi_find(KVMAPI_X86, KVMAPI_VM, 0));
	assert_null(kvmapi_find(KVMAPI_X86, KVMAPI_VM, 0xae));
	assert_null(kvmapi_find(KVMAPI_X86, KVMAPI_VM, 0xffffffff));
	assert_null(kvmapi_find(KVMAPI_ARCHS, KVMAPI_VM, 0xae01));
	assert_null(kvmapi_find_name(KVMAPI_X86, "KVM_NO_SUCH_THING"));
	assert_non_null(kvmapi_find_name(KVMAPI_X86, "kvm_run"));
}

static void known_requests(void **state)
{
	static const struct {
		const char *name;
		enum kvmapi_arch arch;
		enum kvmapi_object kind;
		uint32_t request;
	} known[] = {
		{"KVM_GET_API_VERSION", KVMAPI_X86, KVMAPI_SYSTEM, 0xae00},
		{"KVM_CREATE_VM", KVMAPI_X86, KVMAPI_SYSTEM, 0xae01},
		{"KVM_CHECK_EXTENSION", KVMAPI_X86, KVMAPI_SYSTEM, 0xae03},
		{"KVM_CHECK_EXTENSION", KVMAPI_X86, KVMAPI_VM, 0xae03},
		{"KVM_RUN", KVMAPI_X86, KVMAPI_VCPU, 0xae80},
		{"KVM_SET_USER_MEMORY_REGION", KVMAPI_X86, KVMAPI_VM, 0x4020ae46},
		{"KVM_GET_REGS", KVMAPI_X86, KVMAPI_VCPU, 0x8090ae81},
		{"KVM_GET_SREGS", KVMAPI_X86, KVMAPI_VCPU, 0x8138ae83},
		{"KVM_GET_MSRS", KVMAPI_X86, KVMAPI_VCPU, 0xc008ae88},
		{"KVM_GET_MSRS", KVMAPI_X86, KVMAPI_SYSTEM, 0xc008ae88},
		{"KVM_SET_CPUID2", KVMAPI_X86, KVMAPI_VCPU, 0x4008ae90},
		{"KVM_GET_XSAVE2", KVMAPI_X86, KVMAPI_VCPU, 0x9000aecf},
		/* nr 0x67 and 0x9f .. 0xa3 mean two things each. */
		{"KVM_IRQ_LINE_STATUS", KVMAPI_X86, KVMAPI_VM, 0xc008ae67},
		{"KVM_REGISTER_COALESCED_MMIO", KVMAPI_X86, KVMAPI_VM, 0x4010ae67},
		{"KVM_GET_PIT2", KVMAPI_X86, KVMAPI_VM, 0x8070ae9f},
		{"KVM_GET_VCPU_EVENTS", KVMAPI_X86, KVMAPI_VCPU, 0x8040ae9f},
		/* The one full word that means two things. */
		{"KVM_GET_ONE_REG", KVMAPI_ARM64, KVMAPI_VCPU, 0x4010aeab},
		{"KVM_ARM_SET_DEVICE_ADDR", KVMAPI_ARM64, KVMAPI_VM, 0x4010aeab},
		/* powerpc has other directions and sizes in its words. */
		{"KVM_RUN", KVMAPI_POWERPC, KVMAPI_VCPU, 0x2000ae80},
		{"KVM_SET_USER_MEMORY_REGION", KVMAPI_POWERPC, KVMAPI_VM, 0x8020ae46},
		{"KVM_S390_STORE_STATUS", KVMAPI_S390, KVMAPI_VCPU, 0x4008ae95},
	};
	const struct kvmapi_ioctl *row;
	size_t n;

	for (n = 0; n < sizeof(known) / sizeof(known[0]); n++) {
		row = kvmapi_find(known[n].arch, known[n].kind, known[n].request);
		if (!row)
			fail_msg("%s not found", known[n].name);
		assert_string_equal(row->name, known[n].name);
	}
	/* Of another kind or architecture. */
	assert_null(kvmapi_find(KVMAPI_X86, KVMAPI_VM, 0xae80));
	assert_null(kvmapi_find(KVMAPI_X86, KVMAPI_VM, 0x4010aeab));
	assert_null(kvmapi_find(KVMAPI_ARM64, KVMAPI_VCPU, 0x4008ae90));
}

static void rows_are_sound(void **state)
{
	const struct kvmapi_nested *nested;
	const struct kvmapi_ioctl *row, *rows;
	enum kvmapi_arch arch;
	size_t count, n, m, end;

	for (arch = 0; arch < KVMAPI_ARCHS; arch++) {
		rows = kvmapi_ioctls(arch, &count);
		for (n = 0; n < count; n++) {
			row = &rows[n];
			assert_int_equal(strncmp(row->name, "KVM_", 4), 0);
			assert_true(row->scope != 0);
			assert_int_equal(row->request >> 8 & 0xff, 0xae);
			assert_true((row->payload == KVMAPI_VALUE) == (row->type == NULL));
			assert_true((row->payload == KVMAPI_VALUE) == (row->dir == KVMAPI_NONE));
			assert_true((row->payload == KVMAPI_COUNTED) == (row->elem_size != 0));
			if (row->payload == KVMAPI_COUNTED)
				assert_true(row->count_width != 0 && row->elem_type);
			if (row->payload == KVMAPI_BLOB)
				assert_true((row->size_cap != 0) != (row->count_width != 0));
			assert_true(row->count_offset + row->count_width <= row->size);
			for (m = 0; m < row->nested_count; m++) {
				nested = &row->nested[m];
				assert_true(nested->repeat >= 1 && nested->dir != 0);
				end = nested->ptr_offset + 8u +
				      (nested->repeat - 1u) * nested->stride;
				assert_true(end <= row->size);
				assert_true(nested->len_offset + nested->len_width <= row->size);
			}
			for (m = 0; m < row->machine_count; m++) {
				assert_true(row->machine[m].what != KVMAPI_M_NONE);
				assert_true(row->machine[m].offset + 4u <= row->size);
			}
			if (row->creates)
				assert_true(row->fd_offset >= -1 && row->fd_offset < 64);
		}
	}
}

/* The direction is that of the request word, but for these, whose word is wrong. */
static void directions_are_those_of_the_words(void **state)
{
	static const struct {
		const char *name;
		enum kvmapi_dir dir;
	} otherwise[] = {
		{"KVM_ARM_GET_REG_WRITABLE_MASKS", KVMAPI_IN},
		{"KVM_ARM_MTE_COPY_TAGS", KVMAPI_IN},
		{"KVM_ASSIGN_IRQ", KVMAPI_IN},
		{"KVM_ASSIGN_PCI_DEVICE", KVMAPI_IN},
		{"KVM_CLEAR_DIRTY_LOG", KVMAPI_IN},
		{"KVM_CREATE_GUEST_MEMFD", KVMAPI_IN},
		{"KVM_MEMORY_ENCRYPT_REG_REGION", KVMAPI_IN},
		{"KVM_MEMORY_ENCRYPT_UNREG_REGION", KVMAPI_IN},
		{"KVM_REINJECT_CONTROL", KVMAPI_IN},
		{"KVM_RUN", KVMAPI_INOUT},
		{"KVM_S390_STORE_STATUS", KVMAPI_NONE},
		{"KVM_S390_VCPU_FAULT", KVMAPI_NONE},
		{"KVM_SET_IRQCHIP", KVMAPI_IN},
		{"KVM_SET_PIT", KVMAPI_IN},
	};
	const struct kvmapi_ioctl *rows;
	enum kvmapi_arch arch;
	size_t count, n, k;

	for (arch = 0; arch < KVMAPI_ARCHS; arch++) {
		/* powerpc has other bits there; its rows are the same otherwise. */
		if (arch == KVMAPI_POWERPC)
			continue;
		rows = kvmapi_ioctls(arch, &count);
		for (n = 0; n < count; n++) {
			unsigned int dir = rows[n].request >> 30;

			for (k = 0; k < sizeof(otherwise) / sizeof(otherwise[0]); k++)
				if (!strcmp(rows[n].name, otherwise[k].name))
					dir = otherwise[k].dir;
			if (rows[n].dir != dir)
				fail_msg("%s: direction %u, not %u", rows[n].name, rows[n].dir,
					 dir);
		}
	}
}

static void what_makes_objects(void **state)
{
	static const struct {
		const char *name;
		enum kvmapi_object kind;
	} makers[] = {
		{"KVM_CREATE_VM", KVMAPI_VM},
		{"KVM_CREATE_VCPU", KVMAPI_VCPU},
		{"KVM_CREATE_DEVICE", KVMAPI_DEVICE},
		{"KVM_GET_STATS_FD", KVMAPI_STATS},
		{"KVM_CREATE_GUEST_MEMFD", KVMAPI_MEMFD},
	};
	const struct kvmapi_ioctl *rows;
	enum kvmapi_arch arch;
	size_t count, n, k, made;

	for (arch = 0; arch < KVMAPI_ARCHS; arch++) {
		rows = kvmapi_ioctls(arch, &count);
		made = 0;
		for (n = 0; n < count; n++)
			made += rows[n].creates && rows[n].creates != KVMAPI_OTHER;
		assert_int_equal(made, sizeof(makers) / sizeof(makers[0]));
		for (k = 0; k < made; k++)
			assert_int_equal(kvmapi_find_name(arch, makers[k].name)->creates,
					 makers[k].kind);
	}
}

static void pointers_are_machine_fields(void **state)
{
	const struct kvmapi_ioctl *row, *rows;
	enum kvmapi_arch arch;
	unsigned int p, m, offset;
	size_t count, n, k;

	for (arch = 0; arch < KVMAPI_ARCHS; arch++) {
		rows = kvmapi_ioctls(arch, &count);
		for (n = 0; n < count; n++) {
			row = &rows[n];
			for (k = 0; k < row->nested_count; k++) {
				for (p = 0; p < row->nested[k].repeat; p++) {
					offset = row->nested[k].ptr_offset +
						 p * row->nested[k].stride;
					for (m = 0; m < row->machine_count; m++)
						if (row->machine[m].offset == offset)
							break;
					if (m == row->machine_count)
						fail_msg("%s: pointer at %u", row->name, offset);
				}
			}
		}
	}
}

static void special_rows(void **state)
{
	const struct kvmapi_ioctl *row;

	row = kvmapi_find_name(KVMAPI_X86, "KVM_REINJECT_CONTROL");
	assert_int_equal(row->size, 32);
	row = kvmapi_find_name(KVMAPI_X86, "KVM_SET_XSAVE");
	assert_int_equal(row->payload, KVMAPI_BLOB);
	assert_int_equal(row->size_cap, KVM_CAP_XSAVE2);
	assert_int_equal(row->size, 4096);
	row = kvmapi_find_name(KVMAPI_X86, "KVM_GET_NESTED_STATE");
	assert_int_equal(row->count_offset, 4);
	assert_int_equal(row->count_width, 4);
	row = kvmapi_find_name(KVMAPI_X86, "KVM_X86_SET_MSR_FILTER");
	assert_int_equal(row->nested[0].repeat, 16);
	assert_int_equal(row->nested[0].stride, 24);
	assert_int_equal(row->machine_count, 16);
	row = kvmapi_find_name(KVMAPI_X86, "KVM_GET_DIRTY_LOG");
	assert_int_equal(row->dir, KVMAPI_IN);
	assert_int_equal(row->nested[0].length, KVMAPI_LEN_SLOT);
	assert_int_equal(row->nested[0].dir, KVMAPI_OUT);
	row = kvmapi_find_name(KVMAPI_X86, "KVM_CREATE_DEVICE");
	assert_int_equal(row->creates, KVMAPI_DEVICE);
	assert_int_equal(row->fd_offset, 4);
	row = kvmapi_find_name(KVMAPI_X86, "KVM_CREATE_VCPU");
	assert_int_equal(row->creates, KVMAPI_VCPU);
	assert_int_equal(row->fd_offset, -1);
	row = kvmapi_find_name(KVMAPI_X86, "KVM_SET_IRQCHIP");
	assert_int_equal(row->dir, KVMAPI_IN);
	row = kvmapi_find_name(KVMAPI_X86, "KVM_SET_USER_MEMORY_REGION");
	assert_int_equal(row->machine[0].what, KVMAPI_M_REGION);
	assert_int_equal(row->machine[0].offset, 24);
	assert_int_equal(row->machine[0].size_offset, 16);
	row = kvmapi_find_name(KVMAPI_S390, "KVM_S390_STORE_STATUS");
	assert_int_equal(row->payload, KVMAPI_VALUE);
}

/* What the kernel and the table say of a type must be the same as what clang put into BTF. */
static void types_are_in_btf(void **state)
{
	const struct kvmapi_table *table;
	const struct kvmapi_ioctl *row;
	const struct kvmapi_attr *attr;
	enum kvmapi_arch arch;
	size_t n, offset, size;

	for (arch = 0; arch < KVMAPI_ARCHS; arch++) {
		table = kvmapi_table_of(arch);
		for (n = 0; n < table->ioctl_count; n++) {
			row = &table->ioctls[n];
			if (!row->type)
				continue;
			if (kvmapi_field_find(arch, row->type, "", &offset, &size) != 0)
				fail_msg("%s: no BTF of %s", kvmapi_arch_name(arch), row->type);
			if (row->payload != KVMAPI_RUNPAGE)
				assert_int_equal(size, row->size);
			if (!row->elem_type)
				continue;
			assert_int_equal(
				kvmapi_field_find(arch, row->elem_type, "", &offset, &size), 0);
			assert_int_equal(size, row->elem_size);
		}
		for (n = 0; n < table->attr_count; n++) {
			attr = &table->attrs[n];
			if (!attr->type)
				continue;
			assert_int_equal(kvmapi_field_find(arch, attr->type, "", &offset, &size),
					 0);
			/* Several of them, where the length is the attribute. */
			if (!attr->by_length)
				assert_int_equal(size, attr->size);
		}
	}
}

static void attribute_sizes(void **state)
{
	assert_int_equal(kvmapi_attr_size(KVMAPI_X86, KVMAPI_SYSTEM, 0, 0), 8);
	assert_int_equal(kvmapi_attr_size(KVMAPI_X86, KVMAPI_VCPU, 0, 0), 8);
	assert_int_equal(kvmapi_attr_size(KVMAPI_X86, KVMAPI_DEVICE, 1, 1), 4);
	assert_int_equal(kvmapi_attr_size(KVMAPI_X86, KVMAPI_DEVICE, 1, 9), 0);
	assert_int_equal(kvmapi_attr_size(KVMAPI_X86, KVMAPI_VM, 0, 0), 0);
	assert_int_equal(kvmapi_attr_size(KVMAPI_POWERPC, KVMAPI_DEVICE, 1, 3), 8);
	assert_int_equal(kvmapi_attr_size(KVMAPI_S390, KVMAPI_VM, 0, 2), 8);
	assert_int_equal(kvmapi_attr_size(KVMAPI_S390, KVMAPI_VM, 0, 0), 0);
	assert_int_equal(kvmapi_attr_size(KVMAPI_S390, KVMAPI_VM, 1, 1), 1);
	assert_int_equal(kvmapi_attr_size(KVMAPI_S390, KVMAPI_VM, 3, 0), 2064);
	assert_int_equal(kvmapi_attr_size(KVMAPI_S390, KVMAPI_VM, 3, 1), 4112);
	assert_int_equal(kvmapi_attr_size(KVMAPI_S390, KVMAPI_VM, 3, 2), 128);
	assert_int_equal(kvmapi_attr_size(KVMAPI_S390, KVMAPI_VM, 3, 5), 2048);
	assert_int_equal(kvmapi_attr_size(KVMAPI_S390, KVMAPI_VM, 4, 2), 8);
	assert_int_equal(kvmapi_attr_size(KVMAPI_S390, KVMAPI_DEVICE, 2, 144), 144);
	assert_int_equal(kvmapi_attr_size(KVMAPI_S390, KVMAPI_DEVICE, 2, UINT64_MAX), 0x2000000);
	assert_int_equal(kvmapi_attr_size(KVMAPI_ARM64, KVMAPI_DEVICE, 0, 2), 8);
	assert_int_equal(kvmapi_attr_size(KVMAPI_ARM64, KVMAPI_DEVICE, 4, 0), 0);
}

static void exit_rows(void **state)
{
	const struct kvmapi_exit *rows, *row;
	size_t count, n;

	rows = kvmapi_exits(&count);
	assert_true(count >= 44);
	for (n = 0; n < count; n++) {
		assert_int_equal(rows[n].reason, n);
		assert_true(rows[n].in <= rows[n].out);
		assert_true(rows[n].out <= KVMAPI_RUN_UNION_SIZE);
		assert_true((rows[n].member == NULL) == (rows[n].out == 0) ||
			    strcmp(rows[n].member, "debug") == 0);
		assert_ptr_equal(kvmapi_exit((uint32_t)n), &rows[n]);
	}
	assert_null(kvmapi_exit((uint32_t)count));
	assert_null(kvmapi_exit(UINT32_MAX));
	row = kvmapi_exit(KVM_EXIT_IO);
	assert_int_equal(row->out, 16);
	assert_int_equal(row->in, 0);
	row = kvmapi_exit(KVM_EXIT_MMIO);
	assert_int_equal(row->out, 24);
	assert_int_equal(row->in, 16);
	row = kvmapi_exit(KVM_EXIT_HYPERCALL);
	assert_int_equal(row->in, 64);
	row = kvmapi_exit(KVM_EXIT_X86_RDMSR);
	assert_int_equal(row->in, 24);
	row = kvmapi_exit(KVM_EXIT_X86_WRMSR);
	assert_int_equal(row->in, 1);
	row = kvmapi_exit(KVM_EXIT_XEN);
	assert_int_equal(row->in, 32);
	row = kvmapi_exit(KVM_EXIT_INTERNAL_ERROR);
	assert_int_equal(row->out, 136);
	row = kvmapi_exit(KVM_EXIT_HLT);
	assert_int_equal(row->out, 0);
}

/* EXIT reasons of a new header need a row as well. */
static void every_exit_reason_has_a_row(void **state)
{
	char *text = NULL, *at, *end;
	unsigned int found = 0;
	char name[64];
	unsigned long number;
	size_t len;

	need_known_header();
	text = header_read("x86/linux/kvm.h");
	for (at = strstr(text, "#define KVM_EXIT_"); at; at = strstr(at + 1, "#define KVM_EXIT_")) {
		len = strcspn(at + 8, " \t\n(");
		assert_true(len < sizeof(name));
		memcpy(name, at + 8, len);
		name[len] = 0;
		number = strtoul(at + 8 + len, &end, 0);
		/* Not reasons, but values of their fields. */
		if (end == at + 8 + len || strncmp(name, "KVM_EXIT_IO_", 12) == 0 ||
		    strncmp(name, "KVM_EXIT_HYPERV_", 16) == 0 ||
		    strcmp(name, "KVM_EXIT_XEN_HCALL") == 0)
			continue;
		if (!kvmapi_exit_name((uint32_t)number))
			fail_msg("%s has no row in exits.def", name);
		assert_string_equal(kvmapi_exit_name((uint32_t)number), name);
		found++;
	}
	/* Those of Linux 6.1. */
	assert_true(found >= 38);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scan_sees_continued_lines),
		cmocka_unit_test(every_macro_has_a_row),
		cmocka_unit_test(unsupported_exist_and_have_no_row),
		cmocka_unit_test(requests_are_unique_per_kind),
		cmocka_unit_test(every_row_is_found),
		cmocka_unit_test(known_requests),
		cmocka_unit_test(rows_are_sound),
		cmocka_unit_test(directions_are_those_of_the_words),
		cmocka_unit_test(what_makes_objects),
		cmocka_unit_test(pointers_are_machine_fields),
		cmocka_unit_test(special_rows),
		cmocka_unit_test(types_are_in_btf),
		cmocka_unit_test(attribute_sizes),
		cmocka_unit_test(exit_rows),
		cmocka_unit_test(every_exit_reason_has_a_row),
	};

	uapi = getenv("KVMTAPE_UAPI");
	if (!uapi || !getenv("KVMTAPE_NEWER")) {
		fprintf(stderr,
			"KVMTAPE_UAPI must name the directory of x86/linux/kvm.h, KVMTAPE_NEWER kvm_newer.h\n");
		return 2;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
