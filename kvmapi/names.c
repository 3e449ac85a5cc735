/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of objects, capabilities, exits, errors and model-specific registers. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvmapi/internal.h"

/* KVM_CAP_* by number, generated from <linux/kvm.h> (gen_caps.py). */
static const char *const caps[] = {
#include "kvmapi_caps.inc"
};

/* Capabilities that recent headers do not name any more. */
static const struct {
	uint32_t number;
	const char *name;
} gone_caps[] = {
	{17, "KVM_CAP_DEVICE_ASSIGNMENT"},
	{27, "KVM_CAP_DEVICE_DEASSIGNMENT"},
	{28, "KVM_CAP_DEVICE_MSIX"},
};

/* Errors that have a name only in the kernel, yet some ioctls return them. */
static const struct {
	int number;
	const char *name;
} kernel_errors[] = {
	{512, "ERESTARTSYS"},		{513, "ERESTARTNOINTR"}, {514, "ERESTARTNOHAND"},
	{516, "ERESTART_RESTARTBLOCK"}, {524, "ENOTSUPP"},
};

static const struct {
	uint32_t index;
	const char *name;
} msrs[] = {
#define MSR(index_, name_) {index_, #name_},
#include "kvmapi/msrs.def"
};

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *kvmapi_object_name(enum kvmapi_object kind)
{
	switch (kind) {
	case KVMAPI_SYSTEM:
		return "system";
	case KVMAPI_VM:
		return "vm";
	case KVMAPI_VCPU:
		return "vcpu";
	case KVMAPI_DEVICE:
		return "device";
	case KVMAPI_STATS:
		return "stats";
	case KVMAPI_MEMFD:
		return "memfd";
	case KVMAPI_OTHER:
		return "other";
	}
	return NULL;
}

const char *kvmapi_cap_name(uint32_t cap)
{
	size_t n;

	if (cap < ARRAY_COUNT(caps) && caps[cap])
		return caps[cap];
	for (n = 0; n < ARRAY_COUNT(gone_caps); n++)
		if (gone_caps[n].number == cap)
			return gone_caps[n].name;
	return NULL;
}

int kvmapi_cap_number(const char *name)
{
	size_t n;

	for (n = 0; n < ARRAY_COUNT(caps); n++)
		if (caps[n] && strcmp(caps[n], name) == 0)
			return (int)n;
	for (n = 0; n < ARRAY_COUNT(gone_caps); n++)
		if (strcmp(gone_caps[n].name, name) == 0)
			return (int)gone_caps[n].number;
	return -ENOENT;
}

const char *kvmapi_exit_name(uint32_t reason)
{
	const struct kvmapi_exit *row = kvmapi_exit(reason);

	return row ? row->name : NULL;
}

const char *kvmapi_errno_name(int error)
{
	size_t n;

	for (n = 0; n < ARRAY_COUNT(kernel_errors); n++)
		if (kernel_errors[n].number == error)
			return kernel_errors[n].name;
	return error > 0 ? strerrorname_np(error) : NULL;
}

int kvmapi_errno_number(const char *name)
{
	const char *known;
	int error;

	for (error = 1; error < 1024; error++) {
		known = kvmapi_errno_name(error);
		if (known && strcmp(known, name) == 0)
			return error;
	}
	return -ENOENT;
}

const char *kvmapi_msr_name(uint32_t index)
{
	size_t n;

	for (n = 0; n < ARRAY_COUNT(msrs); n++)
		if (msrs[n].index == index)
			return msrs[n].name;
	return NULL;
}

const char *kvmapi_attr_name(enum kvmapi_arch arch, const struct kvmapi_owner *owner,
			     uint32_t group, const uint64_t *attr)
{
	const struct kvmapi_table *table = kvmapi_table_of(arch);

	for (size_t n = 0; table && owner && n < table->attr_name_count; n++) {
		const struct kvmapi_attr_name *row = &table->attr_names[n];

		if (row->kind == owner->kind && row->group == group &&
		    (row->kind != KVMAPI_DEVICE || row->device == owner->number) &&
		    row->attribute == (attr != NULL) && (!attr || row->attr == *attr))
			return row->name;
	}
	return NULL;
}

static int attr_value(const struct kvmapi_table *table, const char *name, uint64_t *value)
{
	for (size_t n = 0; n < table->attr_name_count; n++) {
		const struct kvmapi_attr_name *row = &table->attr_names[n];

		if (strcmp(row->name, name) != 0)
			continue;
		*value = row->attribute ? row->attr : row->group;
		return 0;
	}
	return -ENOENT;
}

static int msr_index(const char *name, uint64_t *value)
{
	size_t n;

	for (n = 0; n < ARRAY_COUNT(msrs); n++) {
		if (strcmp(msrs[n].name, name) != 0)
			continue;
		*value = msrs[n].index;
		return 0;
	}
	return -ENOENT;
}

int kvmapi_constant(enum kvmapi_arch arch, const char *name, uint64_t *value)
{
	const struct kvmapi_table *table = kvmapi_table_of(arch);
	const struct kvmapi_constant *c;
	int cap;
	size_t n;

	if (!table)
		return -ENOENT;
	for (n = 0; n < table->field_count; n++) {
		for (c = table->fields[n].constants; c && c->name; c++) {
			if (strcmp(c->name, name) != 0)
				continue;
			*value = c->value;
			return 0;
		}
	}
	for (n = 0; n < table->exit_count; n++) {
		if (strcmp(table->exits[n].name, name) != 0)
			continue;
		*value = table->exits[n].reason;
		return 0;
	}
	cap = kvmapi_cap_number(name);
	if (cap >= 0) {
		*value = (uint64_t)cap;
		return 0;
	}
	if (!attr_value(table, name, value))
		return 0;
	if (arch == KVMAPI_X86 && !msr_index(name, value))
		return 0;
	return kvmapi_reg_parse(arch, name, value);
}

void kvmapi_ioctl_names(enum kvmapi_arch arch, kvmapi_name_fn name, void *context)
{
	const struct kvmapi_table *table = kvmapi_table_of(arch);

	for (size_t n = 0; table && n < table->ioctl_count; n++)
		name(context, table->ioctls[n].name);
}

void kvmapi_constant_names(enum kvmapi_arch arch, kvmapi_name_fn name, void *context)
{
	const struct kvmapi_table *table = kvmapi_table_of(arch);
	const struct kvmapi_constant *c;
	size_t n;

	for (n = 0; table && n < table->field_count; n++)
		for (c = table->fields[n].constants; c && c->name; c++)
			name(context, c->name);
	for (n = 0; table && n < table->exit_count; n++)
		name(context, table->exits[n].name);
	for (n = 0; n < ARRAY_COUNT(caps); n++)
		if (caps[n])
			name(context, caps[n]);
	for (n = 0; n < ARRAY_COUNT(gone_caps); n++)
		name(context, gone_caps[n].name);
	for (n = 0; arch == KVMAPI_X86 && n < ARRAY_COUNT(msrs); n++)
		name(context, msrs[n].name);
	for (n = 0; table && n < table->reg_count; n++)
		name(context, table->regs[n].name);
	for (n = 0; table && n < table->attr_name_count; n++)
		name(context, table->attr_names[n].name);
}

void kvmapi_errno_names(kvmapi_name_fn name, void *context)
{
	for (int error = 1; error < 1024; error++)
		if (kvmapi_errno_name(error))
			name(context, kvmapi_errno_name(error));
}

char *kvmapi_arg_text(const struct kvmapi_ioctl *row, uint64_t arg)
{
	const char *name = NULL;
	char *text;

	if (row && strcmp(row->name, "KVM_CHECK_EXTENSION") == 0 && arg <= UINT32_MAX)
		name = kvmapi_cap_name((uint32_t)arg);
	if (name)
		return strdup(name);
	return asprintf(&text, "%#" PRIx64, arg) < 0 ? NULL : text;
}
