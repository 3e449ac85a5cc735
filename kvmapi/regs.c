/* SPDX-License-Identifier: BSD-2-Clause */
/* Ids of registers as names of the header, and back (regs.def). */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvmapi/internal.h"

static uint64_t arg_mask(const struct kvmapi_reg *row, unsigned int n)
{
	return ((1ull << row->args[n].bits) - 1) << row->args[n].shift;
}

static uint64_t args_mask(const struct kvmapi_reg *row)
{
	uint64_t mask = 0;

	for (unsigned int n = 0; n < row->arg_count; n++)
		mask |= arg_mask(row, n);
	return mask;
}

static size_t put(char *buf, size_t size, size_t used, const char *text)
{
	const size_t len = strlen(text);

	if (used + len < size)
		memcpy(buf + used, text, len + 1);
	return used + len;
}

/* A register with a name of its own, or from a macro. */
static const char *whole_text(const struct kvmapi_table *table, uint64_t id, char *buf, size_t size)
{
	char number[24];
	size_t used;

	for (size_t n = 0; n < table->reg_count; n++) {
		const struct kvmapi_reg *row = &table->regs[n];

		if (row->kind == KVMAPI_REG_WHOLE && row->value == id)
			return row->name;
	}
	for (size_t n = 0; n < table->reg_count; n++) {
		const struct kvmapi_reg *row = &table->regs[n];

		if (row->kind != KVMAPI_REG_MACRO || (id & ~args_mask(row)) != row->value)
			continue;
		used = put(buf, size, 0, row->name);
		for (unsigned int i = 0; i < row->arg_count; i++) {
			snprintf(number, sizeof(number), "%s%" PRIu64, i ? ", " : "(",
				 (id & arg_mask(row, i)) >> row->args[i].shift);
			used = put(buf, size, used, number);
		}
		used = put(buf, size, used, ")");
		return used < size ? buf : NULL;
	}
	return NULL;
}

/* The rest of an id of a class as a field; false if there is no such field. */
static bool field_text(enum kvmapi_arch arch, const struct kvmapi_reg *row, uint64_t rest,
		       char *path, size_t size)
{
	size_t offset = 0, width;

	return rest < 0x10000 && !kvmapi_field_at(arch, row->type, rest * row->unit, path, size) &&
	       !kvmapi_field_find(arch, row->type, path, &offset, &width) &&
	       offset == rest * row->unit;
}

const char *kvmapi_reg_text(enum kvmapi_arch arch, uint64_t id, char *buf, size_t size)
{
	const struct kvmapi_table *table = kvmapi_table_of(arch);
	const struct kvmapi_reg *fields = NULL;
	char part[KVMAPI_REG_TEXT], path[64];
	uint64_t rest = id, said = 0;
	const char *whole;
	size_t used = 0;

	if (!table || !table->reg_count)
		return NULL;
	whole = whole_text(table, id, buf, size);
	if (whole)
		return whole;
	for (size_t n = 0; n < table->reg_count; n++) {
		const struct kvmapi_reg *row = &table->regs[n];

		if (row->kind < KVMAPI_REG_PART || said & row->mask ||
		    (id & row->mask) != row->value)
			continue;
		if (row->kind == KVMAPI_REG_FIELDS)
			fields = row;
		said |= row->mask;
		rest &= ~row->mask;
		used = put(buf, size, used, used ? " | " : "");
		used = put(buf, size, used, row->name);
	}
	/* Of another architecture. */
	if (!(said >> 56))
		return NULL;
	if (fields && field_text(arch, fields, rest, path, sizeof(path)))
		snprintf(part, sizeof(part), " | %s(%s)", fields->macro, path);
	else if (rest)
		snprintf(part, sizeof(part), " | %#" PRIx64, rest);
	else
		part[0] = 0;
	used = put(buf, size, used, part);
	return used < size ? buf : NULL;
}

/* "(1, 2)" as the numbers of a macro.  0, -ENOENT. */
static int args_parse(const struct kvmapi_reg *row, const char *args, uint64_t *value)
{
	*value = row->value;
	for (unsigned int n = 0; n < row->arg_count; n++) {
		uint64_t number;
		char *end;

		args++;
		args += strspn(args, " ");
		if (!isdigit((unsigned char)*args))
			return -ENOENT;
		number = strtoull(args, &end, 0);
		if (number >> row->args[n].bits)
			return -ENOENT;
		*value |= number << row->args[n].shift;
		args = end + strspn(end, " ");
		if (*args != (n + 1 < row->arg_count ? ',' : ')'))
			return -ENOENT;
	}
	return args[1] ? -ENOENT : 0;
}

static int field_parse(enum kvmapi_arch arch, const struct kvmapi_reg *row, const char *args,
		       uint64_t *value)
{
	const size_t len = strlen(args);
	size_t offset, size;
	char path[64];

	if (len < 3 || len - 2 >= sizeof(path) || args[len - 1] != ')')
		return -ENOENT;
	memcpy(path, args + 1, len - 2);
	path[len - 2] = 0;
	if (kvmapi_field_find(arch, row->type, path, &offset, &size))
		return -ENOENT;
	*value = offset / row->unit;
	return 0;
}

int kvmapi_reg_parse(enum kvmapi_arch arch, const char *name, uint64_t *value)
{
	const struct kvmapi_table *table = kvmapi_table_of(arch);
	const size_t len = strcspn(name, "(");

	for (size_t n = 0; table && n < table->reg_count; n++) {
		const struct kvmapi_reg *row = &table->regs[n];
		const char *own =
			row->kind == KVMAPI_REG_FIELDS && name[len] ? row->macro : row->name;

		if (strlen(own) != len || strncmp(own, name, len) != 0)
			continue;
		if (row->kind == KVMAPI_REG_FIELDS && name[len])
			return field_parse(arch, row, name + len, value);
		if (row->kind == KVMAPI_REG_MACRO)
			return name[len] ? args_parse(row, name + len, value) : -ENOENT;
		if (name[len])
			return -ENOENT;
		*value = row->value;
		return 0;
	}
	return -ENOENT;
}
