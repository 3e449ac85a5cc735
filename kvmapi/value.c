/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values by their BTF: the walk that the text and the JSON back end share, and paths of fields.
 * What BTF does not say (flags, enumerations, unions) is in fields.def, unions.def and exits.def.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "kvmapi/types.h"
#include "kvmapi/value.h"

#define PATH_MAX_LEN 256
#define DEPTH_MAX    24

/* --- paths ------------------------------------------------------------------------------------ */

/* The id of a type of an architecture, and the BTF that it is in; -ENOENT, -ENOMEM. */
static int type_lookup(enum kvmapi_arch arch, const char *type, const struct btf **btf)
{
	const struct types *types;

	if ((unsigned int)arch >= KVMAPI_ARCHS)
		return -ENOENT;
	types = types_of(arch);
	if (!types)
		return -ENOMEM;
	*btf = types->btf;
	return types_find(types, type);
}

int kvmapi_field_find(enum kvmapi_arch arch, const char *type, const char *path, size_t *offset,
		      size_t *size)
{
	const struct btf *btf;
	int id = type_lookup(arch, type, &btf);

	if (id < 0)
		return id;
	*offset = 0;
	return types_path(btf, (uint32_t)id, path, offset, size);
}

/* --- places ----------------------------------------------------------------------------------- */

static void place_set(const struct btf *btf, uint32_t id, size_t offset, struct kvmapi_place *place)
{
	const struct btf_type *t = types_real(btf, &id);

	*place = (struct kvmapi_place){
		.kind = KVMAPI_PLACE_NUMBER,
		.type = id,
		.offset = offset,
		.size = types_size(btf, id),
	};
	if (btf_is_composite(t)) {
		place->kind = KVMAPI_PLACE_COMPOSITE;
	} else if (btf_is_array(t)) {
		place->kind = KVMAPI_PLACE_ARRAY;
		place->count = btf_array(t)->nelems;
		place->stride = types_size(btf, btf_array(t)->type);
	}
}

int kvmapi_place_of(enum kvmapi_arch arch, const char *type, struct kvmapi_place *place)
{
	const struct btf *btf;
	int id = type_lookup(arch, type, &btf);

	if (id < 0)
		return id;
	place_set(btf, (uint32_t)id, 0, place);
	return 0;
}

int kvmapi_place_member(enum kvmapi_arch arch, const struct kvmapi_place *in, const char *name,
			size_t len, struct kvmapi_place *place)
{
	const struct types *types = types_of(arch);
	const struct btf_type *t;
	const struct btf_member *m;
	struct kvmapi_place around;
	const char *member;
	uint32_t n, bits, at;
	size_t offset;

	if (!types)
		return -ENOMEM;
	if (in->kind != KVMAPI_PLACE_COMPOSITE)
		return -ENOENT;
	t = btf__type_by_id(types->btf, in->type);
	m = btf_members(t);
	for (n = 0; n < btf_vlen(t); n++) {
		member = types_name(types->btf, m[n].name_off);
		at = btf_member_bit_offset(t, n);
		bits = btf_member_bitfield_size(t, n);
		offset = in->offset + at / 8;
		if (!member && types_anonymous(types->btf, &m[n])) {
			place_set(types->btf, m[n].type, offset, &around);
			if (!kvmapi_place_member(arch, &around, name, len, place))
				return 0;
		}
		if (!member || strlen(member) != len || strncmp(member, name, len) != 0)
			continue;
		place_set(types->btf, m[n].type, offset, place);
		if (bits) {
			place->size = (at % 8 + bits + 7) / 8;
			place->bits = (uint8_t)bits;
			place->shift = (uint8_t)(kvmapi_arch_big_endian(arch)
							 ? place->size * 8 - at % 8 - bits
							 : at % 8);
		}
		return 0;
	}
	return -ENOENT;
}

int kvmapi_place_names(enum kvmapi_arch arch, const struct kvmapi_place *in,
		       void (*name)(void *context, const char *name), void *context)
{
	const struct types *types = types_of(arch);
	const struct btf_type *t;
	const struct btf_member *m;
	struct kvmapi_place around;
	uint32_t n;
	int err = 0;

	if (!types)
		return -ENOMEM;
	if (in->kind != KVMAPI_PLACE_COMPOSITE)
		return 0;
	t = btf__type_by_id(types->btf, in->type);
	m = btf_members(t);
	for (n = 0; n < btf_vlen(t) && !err; n++) {
		if (types_name(types->btf, m[n].name_off)) {
			name(context, types_name(types->btf, m[n].name_off));
		} else if (types_anonymous(types->btf, &m[n])) {
			place_set(types->btf, m[n].type, 0, &around);
			err = kvmapi_place_names(arch, &around, name, context);
		}
	}
	return err;
}

int kvmapi_place_element(enum kvmapi_arch arch, const struct kvmapi_place *in, size_t index,
			 struct kvmapi_place *place)
{
	const struct types *types = types_of(arch);

	if (!types)
		return -ENOMEM;
	if (in->kind != KVMAPI_PLACE_ARRAY || (in->count && index >= in->count))
		return -ENOENT;
	place_set(types->btf, btf_array(btf__type_by_id(types->btf, in->type))->type,
		  in->offset + index * in->stride, place);
	return 0;
}

/* --- the walk --------------------------------------------------------------------------------- */

struct walk {
	enum kvmapi_arch arch;
	const struct kvmapi_owner *owner;
	const struct types *types;
	const struct btf *btf;
	const struct kvmapi_table *table;
	const uint8_t *data;
	size_t len;
	bool big_endian;
	bool run;
	const struct kvmapi_sink *sink;
	void *ctx;
	unsigned int depth;
	/* The nearest struct that has a name, where it is, and the path from it. */
	const char *named;
	uint32_t named_id;
	size_t named_at;
	size_t path_len;
	char path[PATH_MAX_LEN];
};

static int walk_value(struct walk *w, const char *name, uint32_t id, size_t at);
static int walk_members(struct walk *w, const struct btf_type *t, size_t at);
static int walk_union(struct walk *w, const char *name, const struct btf_type *t, size_t at,
		      bool anonymous);

static size_t captured(const struct walk *w, size_t at, size_t size)
{
	if (at >= w->len)
		return 0;
	return w->len - at < size ? w->len - at : size;
}

/* An integer of the tape's byte order. The caller has checked that it was captured. */
static uint64_t number_read(const struct walk *w, size_t at, size_t bytes)
{
	return bytes_get(w->data + at, bytes, w->big_endian);
}

/* `size` bytes as they are; what was not captured has no address. */
static int emit_bytes(struct walk *w, const char *name, size_t at, size_t size)
{
	size_t have = captured(w, at, size);

	return w->sink->bytes(w->ctx, name, have ? w->data + at : NULL, have, size);
}

static uint64_t sign_extend(uint64_t value, unsigned int bits)
{
	return bits && bits < 64 ? (uint64_t)((int64_t)(value << (64 - bits)) >> (64 - bits))
				 : value;
}

/* Append a member's name to the path; returns the old length. */
static size_t path_push(struct walk *w, const char *name)
{
	size_t before = w->path_len, len = strlen(name), at = before;

	/* A path that does not fit is in no table. */
	if (before + 1 + len >= sizeof(w->path))
		return before;
	if (before)
		w->path[at++] = '.';
	memcpy(w->path + at, name, len + 1);
	w->path_len = at + len;
	return before;
}

static void path_pop(struct walk *w, size_t before)
{
	w->path_len = before;
	w->path[before] = 0;
}

static const struct kvmapi_field *style_find(const struct walk *w)
{
	unsigned int n;

	for (n = w->types->fields.first[w->named_id]; n; n = w->types->fields.next[n - 1])
		if (w->table->fields[n - 1].path[0] == w->path[0] &&
		    strcmp(w->table->fields[n - 1].path, w->path) == 0)
			return &w->table->fields[n - 1];
	return NULL;
}

/* A field whose zero has a name of its own is worth showing. */
static bool zero_has_name(const struct walk *w)
{
	const struct kvmapi_field *row = style_find(w);

	/* Some attributes, and only if the object is known. */
	return row && row->style >= KVMAPI_STYLE_ENUM &&
	       (row->style < KVMAPI_STYLE_GROUP || w->owner);
}

/* The value of a field of the nearest named struct; false if it was not captured. */
static bool discriminator_read(const struct walk *w, const char *path, uint64_t *value)
{
	size_t offset = 0, size;

	if (types_path(w->btf, w->named_id, path, &offset, &size) < 0 || size > 8)
		return false;
	offset += w->named_at;
	if (captured(w, offset, size) < size)
		return false;
	*value = number_read(w, offset, size);
	return true;
}

static int emit_number(struct walk *w, const char *name, struct kvmapi_number *number)
{
	const struct kvmapi_field *row = style_find(w);
	const char *labels[KVMAPI_FLAGS_MAX];
	const struct kvmapi_constant *c;
	unsigned int count = 0;
	uint64_t rest = number->value;
	const char *label = NULL;
	char text[KVMAPI_REG_TEXT];
	uint64_t group;

	number->hex =
		row ? row->style == KVMAPI_STYLE_HEX : number->bytes == 8 && !number->is_signed;
	if (!row)
		return w->sink->number(w->ctx, name, number);
	switch (row->style) {
	case KVMAPI_STYLE_PLAIN:
	case KVMAPI_STYLE_HEX:
	case KVMAPI_STYLE_DECIMAL:
		return w->sink->number(w->ctx, name, number);
	case KVMAPI_STYLE_FLAGS:
		for (c = row->constants; c->name && count < KVMAPI_FLAGS_MAX; c++) {
			if (c->value == 0 || (number->value & c->value) != c->value)
				continue;
			labels[count++] = c->name;
			rest &= ~c->value;
		}
		number->hex = true;
		return w->sink->flags(w->ctx, name, number, labels, count, rest);
	case KVMAPI_STYLE_ENUM:
		for (c = row->constants; c->name && !label; c++)
			if (c->value == number->value)
				label = c->name;
		break;
	case KVMAPI_STYLE_CAP:
		label = kvmapi_cap_name((uint32_t)number->value);
		break;
	case KVMAPI_STYLE_EXIT:
		label = kvmapi_exit_name((uint32_t)number->value);
		break;
	case KVMAPI_STYLE_MSR:
		label = kvmapi_msr_name((uint32_t)number->value);
		number->hex = true;
		break;
	case KVMAPI_STYLE_GROUP:
		label = kvmapi_attr_name(w->arch, w->owner, (uint32_t)number->value, NULL);
		break;
	case KVMAPI_STYLE_ATTR:
		if (discriminator_read(w, "group", &group))
			label = kvmapi_attr_name(w->arch, w->owner, (uint32_t)group,
						 &number->value);
		number->hex = true;
		break;
	case KVMAPI_STYLE_REG:
		label = kvmapi_reg_text(w->arch, number->value, text, sizeof(text));
		number->hex = true;
		break;
	}
	return w->sink->constant(w->ctx, name, number, label);
}

static int walk_bitfield(struct walk *w, const char *name, const struct btf_type *t,
			 uint32_t bit_offset, unsigned int bits, size_t at)
{
	struct kvmapi_number number = {};
	unsigned int shift = bit_offset % 8, bytes = (shift + bits + 7) / 8;

	at += bit_offset / 8;
	if (bytes > 8)
		return emit_bytes(w, name, at, bytes);
	if (captured(w, at, bytes) < bytes)
		return w->sink->missing(w->ctx, name);
	number.value = number_read(w, at, bytes);
	/* On big-endian machines bits are counted from the most significant one. */
	number.value >>= w->big_endian ? bytes * 8 - shift - bits : shift;
	number.value &= bits < 64 ? ((uint64_t)1 << bits) - 1 : UINT64_MAX;
	number.is_signed = btf_is_int(t) && (btf_int_encoding(t) & BTF_INT_SIGNED);
	if (number.is_signed)
		number.value = sign_extend(number.value, bits);
	if (w->sink->skip_zeros && number.value == 0 && !zero_has_name(w))
		return 0;
	number.bytes = (uint8_t)bytes;
	return emit_number(w, name, &number);
}

static int walk_scalar(struct walk *w, const char *name, const struct btf_type *t, size_t size,
		       size_t at)
{
	struct kvmapi_number number = {.bytes = (uint8_t)size};

	if (size > 8)
		return emit_bytes(w, name, at, size);
	if (captured(w, at, size) < size)
		return w->sink->missing(w->ctx, name);
	number.value = number_read(w, at, size);
	number.is_signed = btf_is_int(t) && (btf_int_encoding(t) & BTF_INT_SIGNED);
	if (number.is_signed)
		number.value = sign_extend(number.value, (unsigned int)size * 8);
	return emit_number(w, name, &number);
}

static int walk_array(struct walk *w, const char *name, const struct btf_type *t, size_t at)
{
	const struct btf_array *array = btf_array(t);
	uint32_t element_id = array->type;
	const struct btf_type *element = types_real(w->btf, &element_id);
	size_t size = types_size(w->btf, array->type), count = array->nelems, n;
	int err;

	if (size == 0)
		return 0;
	if (count == 0 && w->len > at)
		count = (w->len - at + size - 1) / size;
	if (btf_is_int(element) && size == 1)
		return emit_bytes(w, name, at, count);
	/* As in C, what is left out at the end of an array of fixed length is zero. */
	while (w->sink->skip_zeros && array->nelems && count > 1 &&
	       captured(w, at + (count - 1) * size, size) == size &&
	       bytes_zero(w->data + at + (count - 1) * size, size))
		count--;
	err = w->sink->begin(w->ctx, name, true);
	for (n = 0; n < count && !err; n++)
		err = walk_value(w, NULL, array->type, at + n * size);
	return err ? err : w->sink->end(w->ctx, true);
}

static int walk_struct(struct walk *w, const char *name, const struct btf_type *t, uint32_t id,
		       size_t at)
{
	const char *type = types_name(w->btf, t->name_off);
	struct walk before = *w;
	int err;

	if (type) {
		w->named = type;
		w->named_id = id;
		w->named_at = at;
		path_pop(w, 0);
	}
	err = w->sink->begin(w->ctx, name, false);
	if (!err)
		err = walk_members(w, t, at);
	if (!err)
		err = w->sink->end(w->ctx, false);
	w->named = before.named;
	w->named_id = before.named_id;
	w->named_at = before.named_at;
	w->path_len = before.path_len;
	memcpy(w->path, before.path, sizeof(w->path));
	return err;
}

/*
 * The name of the member that holds the value of a union, "" if none does (an exit without data),
 * NULL.
 */
static const char *union_member(const struct walk *w, const struct btf_type *t, bool anonymous)
{
	const struct kvmapi_union *row;
	const struct kvmapi_exit *exit_row;
	const struct kvmapi_case *c;
	uint64_t value = 0;

	if (anonymous && w->path_len == 0 && w->named && types_exits(w->btf, w->named, t)) {
		if (!discriminator_read(w, "exit_reason", &value))
			return NULL;
		exit_row = kvmapi_exit((uint32_t)value);
		return exit_row ? (exit_row->member ? exit_row->member : "") : NULL;
	}
	row = types_union(w->types, w->table, w->named_id, w->path, t, anonymous);
	if (!row || (row->by && !discriminator_read(w, row->by, &value)))
		return NULL;
	for (c = row->cases; c->member; c++)
		if (!row->by || c->otherwise || c->value == value)
			return c->member;
	return NULL;
}

static int walk_member(struct walk *w, const struct btf_type *t, uint32_t n, size_t at)
{
	const struct btf_member *m = &btf_members(t)[n];
	uint32_t bit_offset = btf_member_bit_offset(t, n), bits = btf_member_bitfield_size(t, n),
		 id = m->type;
	const char *name = types_name(w->btf, m->name_off);
	const struct btf_type *real = types_real(w->btf, &id);
	size_t size = types_size(w->btf, m->type), from = at + bit_offset / 8, before;
	bool padding;
	int err;

	if (types_placeholder(w->btf, m))
		return 0;
	if (types_flexible(w->btf, m->type))
		size = w->len > from ? w->len - from : 0;
	if (size == 0 && !types_anonymous(w->btf, m) && !btf_is_union(real))
		return 0;
	if (w->run && from >= w->len)
		return 0;
	if (types_anonymous(w->btf, m)) {
		if (btf_is_union(real))
			return walk_union(w, NULL, real, from, true);
		return walk_members(w, real, from);
	}
	if (!name)
		return 0;
	before = path_push(w, name);
	if (bits) {
		err = walk_bitfield(w, name, real, bit_offset, bits, at);
	} else {
		padding = strncmp(name, "pad", 3) == 0 || strncmp(name, "reserved", 8) == 0 ||
			  strncmp(name, "gap_", 4) == 0;
		if ((w->sink->skip_zeros || padding) && captured(w, from, size) == size &&
		    (!size || bytes_zero(w->data + from, size)) && !zero_has_name(w))
			err = 0;
		else
			err = walk_value(w, name, m->type, from);
	}
	path_pop(w, before);
	return err;
}

static int walk_members(struct walk *w, const struct btf_type *t, size_t at)
{
	uint32_t n;
	int err = 0;

	for (n = 0; n < btf_vlen(t) && !err; n++)
		err = walk_member(w, t, n, at);
	return err;
}

/* anonymous: the union has no name, so its member is shown in its place. */
static int walk_union(struct walk *w, const char *name, const struct btf_type *t, size_t at,
		      bool anonymous)
{
	const struct btf_member *m = btf_members(t);
	const char *member = union_member(w, t, anonymous), *candidate;
	size_t size = t->size, len;
	uint32_t n, id;
	int err;

	/* A union of flexible arrays extends to the end. */
	if (size == 0)
		size = w->len > at ? w->len - at : 0;
	if (member && !member[0])
		return 0;
	for (n = 0; member && n < btf_vlen(t); n++) {
		len = strlen(member);
		candidate = types_name(w->btf, m[n].name_off);
		id = m[n].type;
		if (candidate && strcmp(candidate, member) != 0)
			continue;
		if (!candidate && !types_has_member(w->btf, types_real(w->btf, &id), member, len))
			continue;
		if (anonymous)
			return walk_member(w, t, n, at);
		err = w->sink->begin(w->ctx, name, false);
		if (!err)
			err = walk_member(w, t, n, at);
		return err ? err : w->sink->end(w->ctx, false);
	}
	if (size == 0)
		return 0;
	return emit_bytes(w, anonymous ? "raw" : name, at, size);
}

static int walk_value(struct walk *w, const char *name, uint32_t id, size_t at)
{
	const struct btf_type *t = types_real(w->btf, &id);
	int err;

	if (w->depth == DEPTH_MAX)
		return -ELOOP;
	w->depth++;
	if (btf_is_struct(t))
		err = walk_struct(w, name, t, id, at);
	else if (btf_is_union(t))
		err = walk_union(w, name, t, at, false);
	else if (btf_is_array(t))
		err = walk_array(w, name, t, at);
	else if (btf_is_int(t) || btf_is_any_enum(t) || btf_is_ptr(t))
		err = walk_scalar(w, name, t, types_size(w->btf, id), at);
	else
		err = -EINVAL;
	w->depth--;
	return err;
}

int kvmapi_value_walk(enum kvmapi_arch arch, const struct kvmapi_owner *owner, const char *type,
		      const void *data, size_t len, bool run, const struct kvmapi_sink *sink,
		      void *ctx)
{
	struct walk w = {
		.arch = arch,
		.owner = owner,
		.table = kvmapi_table_of(arch),
		.data = data,
		.len = len,
		.run = run,
		.sink = sink,
		.ctx = ctx,
	};
	int id;

	if (!w.table)
		return -ENOENT;
	w.big_endian = kvmapi_arch_big_endian(arch);
	w.types = types_of(arch);
	if (!w.types)
		return -ENOMEM;
	w.btf = w.types->btf;
	id = types_find(w.types, type);
	return id < 0 ? id : walk_value(&w, NULL, (uint32_t)id, 0);
}

/* --- the field at an offset ------------------------------------------------------------------- */

struct name {
	char *buf;
	size_t size;
	size_t len;
};

static void name_add(struct name *name, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A path that does not fit is truncated. */
static void name_add(struct name *name, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(name->buf + name->len, name->size - name->len, format, args);
	va_end(args);
	if (n > 0)
		name->len =
			name->len + (size_t)n < name->size ? name->len + (size_t)n : name->size - 1;
}

/* The member of a struct that holds a byte, or -1; *at is where it begins. */
static int member_at(const struct btf *btf, const struct btf_type *t, size_t offset, size_t *at)
{
	const struct btf_member *m = btf_members(t);
	uint32_t n, bits;
	size_t from, size;

	for (n = 0; n < btf_vlen(t); n++) {
		from = btf_member_bit_offset(t, n) / 8;
		bits = btf_member_bitfield_size(t, n);
		size = bits ? (btf_member_bit_offset(t, n) % 8 + bits + 7) / 8
			    : types_size(btf, m[n].type);
		if (types_placeholder(btf, &m[n]) || offset < from)
			continue;
		*at = from;
		/* Nothing follows a flexible array, or a union or struct that ends in one. */
		if (offset < from + size || (size == 0 && n + 1 == btf_vlen(t)))
			return (int)n;
	}
	return -1;
}

/* The member of a union that the tables choose, or -1. */
static int member_chosen(const struct walk *w, const struct btf_type *t, bool anonymous)
{
	const char *chosen = union_member(w, t, anonymous), *name;
	const struct btf_member *m = btf_members(t);
	uint32_t n, id;

	for (n = 0; chosen && chosen[0] && n < btf_vlen(t); n++) {
		name = types_name(w->btf, m[n].name_off);
		id = m[n].type;
		if (name ? strcmp(name, chosen) == 0
			 : types_has_member(w->btf, types_real(w->btf, &id), chosen,
					    strlen(chosen)))
			return (int)n;
	}
	return -1;
}

static int name_at(struct walk *w, uint32_t id, size_t offset, struct name *out)
{
	const struct btf_type *t;
	const struct btf_member *m;
	const char *name;
	bool anonymous = false;
	size_t size, at, start = 0; /* of this type in the value */
	int n;

	for (;;) {
		t = types_real(w->btf, &id);
		at = 0;
		if (btf_is_array(t)) {
			size = types_size(w->btf, btf_array(t)->type);
			if (size == 0)
				return -ENOENT;
			name_add(out, "[%zu]", offset / size);
			start += offset - offset % size;
			offset %= size;
			id = btf_array(t)->type;
			anonymous = false;
			continue;
		}
		if (!btf_is_composite(t))
			return offset < types_size(w->btf, id) ? 0 : -ENOENT;
		if (btf_is_struct(t)) {
			name = types_name(w->btf, t->name_off);
			if (name) {
				w->named = name;
				w->named_id = id;
				w->named_at = start;
				path_pop(w, 0);
			}
			n = member_at(w->btf, t, offset, &at);
			if (n < 0 && offset >= t->size)
				return -ENOENT;
		} else {
			n = member_chosen(w, t, anonymous);
			size = n < 0 ? 0 : types_size(w->btf, btf_members(t)[n].type);
			if (offset >= t->size && size)
				return -ENOENT;
			if (size && offset >= size)
				n = -1;
		}
		if (n < 0) {
			/*
			 * A hole, a union whose member is not known, or bytes after a member that
			 * is shorter than the union.
			 */
			name_add(out, "+%zu", offset);
			return 0;
		}
		m = &btf_members(t)[n];
		anonymous = types_anonymous(w->btf, m);
		name = types_name(w->btf, m->name_off);
		if (name) {
			name_add(out, "%s%s", out->len ? "." : "", name);
			path_push(w, name);
		}
		start += at;
		offset -= at;
		id = m->type;
	}
}

int kvmapi_field_at_value(enum kvmapi_arch arch, const char *type, const void *data, size_t len,
			  size_t offset, char *buf, size_t buf_size)
{
	struct walk w = {
		.table = kvmapi_table_of(arch),
		.data = data,
		.len = len,
	};
	struct name name = {.buf = buf, .size = buf_size};
	int id;

	if (!w.table || buf_size == 0)
		return -ENOENT;
	buf[0] = 0;
	w.big_endian = kvmapi_arch_big_endian(arch);
	w.types = types_of(arch);
	if (!w.types)
		return -ENOMEM;
	w.btf = w.types->btf;
	id = types_find(w.types, type);
	return id < 0 ? id : name_at(&w, (uint32_t)id, offset, &name);
}

int kvmapi_field_at(enum kvmapi_arch arch, const char *type, size_t offset, char *buf,
		    size_t buf_size)
{
	return kvmapi_field_at_value(arch, type, NULL, 0, offset, buf, buf_size);
}

/* --- leaves ----------------------------------------------------------------------------------- */

struct leaves {
	struct walk walk; /* for its path, the key of fields.def */
	struct kvmapi_leaf *leaves;
	size_t room, count;
};

static bool name_is_padding(const char *path)
{
	const char *name = strrchr(path, '.');

	name = name ? name + 1 : path;
	return !strncmp(name, "pad", 3) || !strncmp(name, "reserved", 8) ||
	       !strncmp(name, "rsvd", 4) || !strncmp(name, "gap_", 4);
}

static void leaf_add(struct leaves *l, size_t offset, size_t size)
{
	const struct kvmapi_field *row = style_find(&l->walk);
	struct kvmapi_leaf *leaf;

	if (l->count++ >= l->room)
		return;
	leaf = &l->leaves[l->count - 1];
	*leaf = (struct kvmapi_leaf){
		.offset = (uint32_t)offset,
		.size = (uint8_t)size,
		.unused = name_is_padding(l->walk.path),
	};
	if (!row)
		return;
	switch (row->style) {
	case KVMAPI_STYLE_FLAGS:
		leaf->kind = KVMAPI_LEAF_FLAGS;
		break;
	case KVMAPI_STYLE_ENUM:
		leaf->kind = KVMAPI_LEAF_ENUM;
		break;
	case KVMAPI_STYLE_CAP:
		leaf->kind = KVMAPI_LEAF_CAP;
		break;
	case KVMAPI_STYLE_MSR:
		leaf->kind = KVMAPI_LEAF_MSR;
		break;
	default:
		break;
	}
	for (const struct kvmapi_constant *c = row->constants;
	     c && c->name && leaf->value_count < KVMAPI_LEAF_VALUES; c++)
		leaf->values[leaf->value_count++] = c->value;
}

static void leaves_of(struct leaves *l, uint32_t id, size_t offset, unsigned int depth)
{
	const struct btf *btf = l->walk.types->btf;
	const struct btf_type *t = types_real(btf, &id);
	const struct walk around = l->walk;
	size_t size = types_size(btf, id);

	if (depth > DEPTH_MAX || !size)
		return;
	if (btf_is_array(t)) {
		for (uint32_t n = 0; n < btf_array(t)->nelems; n++)
			leaves_of(l, btf_array(t)->type,
				  offset + n * types_size(btf, btf_array(t)->type), depth + 1);
		return;
	}
	if (!btf_is_composite(t)) {
		if (size == 1 || size == 2 || size == 4 || size == 8)
			leaf_add(l, offset, size);
		return;
	}
	if (types_name(btf, t->name_off)) {
		l->walk.named_id = id;
		path_pop(&l->walk, 0);
	}
	for (int n = 0; n < btf_vlen(t); n++) {
		const struct btf_member *m = &btf_members(t)[n];
		const char *name = types_name(btf, m->name_off);
		size_t here = l->walk.path_len;

		if (btf_member_bitfield_size(t, (uint32_t)n))
			continue;
		if (name)
			path_push(&l->walk, name);
		leaves_of(l, m->type, offset + btf_member_bit_offset(t, (uint32_t)n) / 8,
			  depth + 1);
		path_pop(&l->walk, here);
	}
	l->walk = around;
}

int kvmapi_leaves(enum kvmapi_arch arch, const char *type, struct kvmapi_leaf *leaves, size_t room)
{
	struct leaves l = {.leaves = leaves, .room = room};
	const struct btf *btf;
	int id = type_lookup(arch, type, &btf);

	if (id < 0)
		return id;
	l.walk.types = types_of(arch);
	l.walk.table = kvmapi_table_of(arch);
	leaves_of(&l, (uint32_t)id, 0, 0);
	return (int)l.count;
}
