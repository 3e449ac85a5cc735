/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking up rows of the tables. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "kvmapi/internal.h"

static const struct kvmapi_table *const tables[KVMAPI_ARCHS] = {
	[KVMAPI_X86] = &kvmapi_table_x86,     [KVMAPI_ARM64] = &kvmapi_table_arm64,
	[KVMAPI_S390] = &kvmapi_table_s390,   [KVMAPI_POWERPC] = &kvmapi_table_powerpc,
	[KVMAPI_RISCV] = &kvmapi_table_riscv,
};

static const struct {
	const char *name;
	enum kvmapi_arch arch;
} machines[] = {
	{"x86", KVMAPI_X86},	     {"x86_64", KVMAPI_X86},	      {"amd64", KVMAPI_X86},
	{"arm64", KVMAPI_ARM64},     {"aarch64", KVMAPI_ARM64},	      {"s390", KVMAPI_S390},
	{"s390x", KVMAPI_S390},	     {"powerpc", KVMAPI_POWERPC},     {"ppc", KVMAPI_POWERPC},
	{"ppc64le", KVMAPI_POWERPC}, {"powerpc64le", KVMAPI_POWERPC}, {"riscv", KVMAPI_RISCV},
	{"riscv64", KVMAPI_RISCV},
};

const struct kvmapi_table *kvmapi_table_of(enum kvmapi_arch arch)
{
	return (unsigned int)arch < KVMAPI_ARCHS ? tables[arch] : NULL;
}

const char *kvmapi_arch_name(enum kvmapi_arch arch)
{
	static const char *const names[KVMAPI_ARCHS] = {"x86", "arm64", "s390", "powerpc", "riscv"};

	return (unsigned int)arch < KVMAPI_ARCHS ? names[arch] : NULL;
}

int kvmapi_arch_parse(const char *machine)
{
	size_t n;

	for (n = 0; n < sizeof(machines) / sizeof(machines[0]); n++)
		if (strcmp(machine, machines[n].name) == 0)
			return machines[n].arch;
	return -EINVAL;
}

enum kvmapi_arch kvmapi_arch_native(void)
{
#if defined(__x86_64__)
	return KVMAPI_X86;
#elif defined(__aarch64__)
	return KVMAPI_ARM64;
#elif defined(__s390x__)
	return KVMAPI_S390;
#elif defined(__powerpc64__)
	return KVMAPI_POWERPC;
#elif defined(__riscv)
	return KVMAPI_RISCV;
#else
#error "an architecture that has no table"
#endif
}

bool kvmapi_arch_big_endian(enum kvmapi_arch arch)
{
	return arch == KVMAPI_S390;
}

const struct kvmapi_ioctl *kvmapi_ioctls(enum kvmapi_arch arch, size_t *count)
{
	const struct kvmapi_table *table = kvmapi_table_of(arch);

	*count = table ? table->ioctl_count : 0;
	return table ? table->ioctls : NULL;
}

/*
 * Rows by request: open addressing over row numbers + 1 (0 = empty), at most half full.  Rows of
 * one request for several kinds follow each other in the probe sequence.
 */
#define SLOT_BITS 10
#define SLOTS	  (1u << SLOT_BITS)
_Static_assert(SLOTS >= 2 * KVMAPI_ROWS_MAX, "at most half full");

static uint16_t slots[KVMAPI_ARCHS][SLOTS];
static pthread_once_t slots_once = PTHREAD_ONCE_INIT;
static int slots_ready;

static uint32_t slot_of(uint32_t request)
{
	return (request * 2654435769u) >> (32 - SLOT_BITS);
}

static void slots_fill(void)
{
	const struct kvmapi_table *table;
	unsigned int arch;
	uint32_t slot;
	size_t n;

	for (arch = 0; arch < KVMAPI_ARCHS; arch++) {
		table = tables[arch];
		for (n = 0; n < table->ioctl_count; n++) {
			slot = slot_of(table->ioctls[n].request);
			while (slots[arch][slot])
				slot = (slot + 1) % SLOTS;
			slots[arch][slot] = (uint16_t)(n + 1);
		}
	}
	__atomic_store_n(&slots_ready, 1, __ATOMIC_RELEASE);
}

const struct kvmapi_ioctl *kvmapi_find(enum kvmapi_arch arch, enum kvmapi_object kind,
				       uint32_t request)
{
	const struct kvmapi_ioctl *row;
	uint32_t slot;

	if ((unsigned int)arch >= KVMAPI_ARCHS)
		return NULL;
	if (!__atomic_load_n(&slots_ready, __ATOMIC_ACQUIRE))
		pthread_once(&slots_once, slots_fill);
	for (slot = slot_of(request); slots[arch][slot]; slot = (slot + 1) % SLOTS) {
		row = &tables[arch]->ioctls[slots[arch][slot] - 1];
		if (row->request == request && (row->scope & kind))
			return row;
	}
	return NULL;
}

const struct kvmapi_ioctl *kvmapi_find_name(enum kvmapi_arch arch, const char *name)
{
	const struct kvmapi_table *table = kvmapi_table_of(arch);
	size_t n;

	if (!table)
		return NULL;
	if (strncasecmp(name, "KVM_", 4) == 0)
		name += 4;
	for (n = 0; n < table->ioctl_count; n++)
		if (strcasecmp(table->ioctls[n].name + 4, name) == 0)
			return &table->ioctls[n];
	return NULL;
}

bool kvmapi_has_rings(const struct kvmapi_ioctl *row)
{
	return row && !strcmp(row->name, "KVM_RESET_DIRTY_RINGS");
}

const struct kvmapi_unsupported *kvmapi_unsupported(size_t *count)
{
#define UNSUPPORTED(name_, reason_) {#name_, reason_},
	static const struct kvmapi_unsupported rows[] = {
#include "kvmapi/kvm_unsupported.def"
		{NULL, NULL},
	};

	*count = sizeof(rows) / sizeof(rows[0]) - 1;
	return rows;
}

static const struct kvmapi_attr *attr_find(enum kvmapi_arch arch, enum kvmapi_object kind,
					   uint32_t group, uint64_t attr)
{
	const struct kvmapi_table *table = kvmapi_table_of(arch);
	const struct kvmapi_attr *row;
	size_t n;

	for (n = 0; table && n < table->attr_count; n++) {
		row = &table->attrs[n];
		if (row->kind == kind && row->group == group && (row->any || row->attr == attr))
			return row;
	}
	return NULL;
}

uint32_t kvmapi_attr_size(enum kvmapi_arch arch, enum kvmapi_object kind, uint32_t group,
			  uint64_t attr)
{
	const struct kvmapi_attr *row = attr_find(arch, kind, group, attr);

	if (!row)
		return 0;
	return row->by_length && attr < row->size ? (uint32_t)attr : row->size;
}

const char *kvmapi_attr_type(enum kvmapi_arch arch, enum kvmapi_object kind, uint32_t group,
			     uint64_t attr)
{
	const struct kvmapi_attr *row = attr_find(arch, kind, group, attr);

	return row ? row->type : NULL;
}

const struct kvmapi_exit *kvmapi_exits(size_t *count)
{
	const struct kvmapi_table *table = tables[kvmapi_arch_native()];

	*count = table->exit_count;
	return table->exits;
}

const struct kvmapi_exit *kvmapi_exit(uint32_t reason)
{
	const struct kvmapi_exit *rows;
	size_t count, n;

	rows = kvmapi_exits(&count);
	/* The table is in the order of the reasons, so the first try nearly always hits. */
	if (reason < count && rows[reason].reason == reason)
		return &rows[reason];
	for (n = 0; n < count; n++)
		if (rows[n].reason == reason)
			return &rows[n];
	return NULL;
}
