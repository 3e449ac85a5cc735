// SPDX-License-Identifier: BSD-2-Clause
/* Values in the text of a tape, and its defaults: docs/tape-text.md. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "tape/asm_value.h"
#include "tape/show.h"

/* Maximum nesting of brackets. */
#define DEPTH_MAX 64

/* --- text ------------------------------------------------------------------------------------- */

int asm_fail(struct asm_in *in, const char *where, const char *format, ...)
{
	const char *line = in->text;
	va_list args;

	in->error->line = 1;
	for (const char *p = in->text; p < where; p++) {
		if (*p == '\n') {
			in->error->line++;
			line = p + 1;
		}
	}
	in->error->column = (unsigned int)(where - line) + 1;
	va_start(args, format);
	vsnprintf(in->error->message, sizeof(in->error->message), format, args);
	va_end(args);
	return -EINVAL;
}

/* Does the next line with content begin with a blank? */
static bool line_goes_on(const char *p)
{
	for (;;) {
		const char *begin = ++p;

		while (*p == ' ' || *p == '\t' || *p == '\r')
			p++;
		if (*p == '#')
			p += strcspn(p, "\n");
		else if (*p != '\n')
			return *p && p > begin;
		if (!*p)
			return false;
	}
}

void asm_skip(struct asm_in *in)
{
	for (;;) {
		while (*in->at == ' ' || *in->at == '\t' || *in->at == '\r')
			in->at++;
		if (*in->at == '#')
			in->at += strcspn(in->at, "\n");
		if (*in->at != '\n' || (!in->depth && !line_goes_on(in->at)))
			return;
		in->at++;
	}
}

bool asm_accept(struct asm_in *in, char c)
{
	asm_skip(in);
	if (*in->at != c)
		return false;
	in->at++;
	return true;
}

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

bool asm_accept_word(struct asm_in *in, const char *word)
{
	const size_t len = strlen(word);

	asm_skip(in);
	if (strncmp(in->at, word, len) != 0 || is_name_byte(in->at[len]) || in->at[len] == '"')
		return false;
	in->at += len;
	return true;
}

/* What stands at a place, for a message. */
static const char *seen(const char *at, char *buf, size_t size)
{
	size_t n = strcspn(at, " \t\r\n,");

	if (!*at)
		return "the end of the text";
	if (*at == '\n' || *at == '\r')
		return "the end of the line";
	if (!n)
		n = 1;
	snprintf(buf, size, "'%.*s'", (int)(n > 24 ? 24 : n), at);
	for (char *p = buf; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return buf;
}

int asm_expect(struct asm_in *in, char c, const char *after)
{
	char buf[32];

	if (asm_accept(in, c))
		return 0;
	return asm_fail(in, in->at, "'%c' should come after %s, not %s", c, after,
			seen(in->at, buf, sizeof(buf)));
}

bool asm_is_foreign_comment(const char *at)
{
	return at[0] == '/' && (at[1] == '/' || at[1] == '*');
}

int asm_statement_end(struct asm_in *in)
{
	char buf[32];

	asm_skip(in);
	if (!*in->at || *in->at == '\n')
		return 0;
	return asm_fail(in, in->at, "%s does not belong here%s", seen(in->at, buf, sizeof(buf)),
			asm_is_foreign_comment(in->at) ? "; a comment begins with '#'"
			: *in->at == ';'	       ? "; a statement ends with its line"
						       : "");
}

const char *asm_name(struct asm_in *in, size_t *len)
{
	const char *begin;

	asm_skip(in);
	begin = in->at;
	if (!isalpha((unsigned char)*begin) && *begin != '_')
		return NULL;
	while (is_name_byte(*in->at))
		in->at++;
	*len = (size_t)(in->at - begin);
	return begin;
}

static int constant(struct asm_in *in, const char *begin, size_t len, uint64_t *value)
{
	char name[128], hint[NEAR_TEXT];
	struct near near;

	if (in->symbol) {
		int err = in->symbol(in->ctx, begin, len, value);

		if (err != -ENOENT)
			return err;
	}
	if (len < sizeof(name)) {
		memcpy(name, begin, len);
		name[len] = 0;
		if (!kvmapi_constant(in->arch, name, value))
			return 0;
	}
	near_begin(&near, begin, len, "");
	if (in->near)
		in->near(in->ctx, &near);
	kvmapi_constant_names(in->arch, near_offer_name, &near);
	return asm_fail(in, begin, "no constant or name '%.*s'%s", (int)(len > 100 ? 100 : len),
			begin, near_text(&near, "", hint, sizeof(hint)));
}

static int number_term(struct asm_in *in, uint64_t *value)
{
	const bool minus = asm_accept(in, '-');
	const char *begin;
	char *end, buf[32];
	size_t len;
	int err;

	begin = asm_name(in, &len);
	if (begin) {
		/* A macro of the header with its arguments. */
		if (*in->at == '(' && strcspn(in->at, ")\n") < strlen(in->at) &&
		    in->at[strcspn(in->at, ")\n")] == ')') {
			in->at += strcspn(in->at, ")") + 1;
			len = (size_t)(in->at - begin);
		}
		err = constant(in, begin, len, value);
		if (err)
			return err;
	} else {
		begin = in->at;
		if (!isdigit((unsigned char)*begin))
			return asm_fail(in, begin, "a number should come here, not %s",
					seen(begin, buf, sizeof(buf)));
		errno = 0;
		*value = strtoull(begin, &end, 0);
		if (errno == ERANGE)
			return asm_fail(in, begin, "more than 64 bits");
		if (is_name_byte(*end))
			return asm_fail(in, begin, "%s is no number",
					seen(begin, buf, sizeof(buf)));
		in->at = end;
	}
	if (minus)
		*value = -*value;
	return 0;
}

int asm_number(struct asm_in *in, uint64_t *value)
{
	uint64_t more;
	int err = number_term(in, value);

	while (!err) {
		char op;

		asm_skip(in);
		op = *in->at;
		if (op != '|' && op != '+' && op != '-')
			break;
		in->at++;
		err = number_term(in, &more);
		if (err)
			break;
		*value = op == '|' ? *value | more : op == '+' ? *value + more : *value - more;
	}
	return err;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

int asm_string(struct asm_in *in)
{
	const char *begin;
	int err = 0;

	asm_skip(in);
	begin = in->at;
	if (*begin != '"')
		return asm_fail(in, begin, "a string in quotes should come here");
	in->at++;
	in->scratch.len = 0;
	while (!err && *in->at != '"') {
		char c = *in->at++;

		if (!c || c == '\n')
			return asm_fail(in, begin, "the string has no end");
		if (c == '\\') {
			if (*in->at == 'x' && hex_digit(in->at[1]) >= 0 &&
			    hex_digit(in->at[2]) >= 0) {
				c = (char)(hex_digit(in->at[1]) << 4 | hex_digit(in->at[2]));
				in->at += 3;
			} else if (*in->at == '"' || *in->at == '\\') {
				c = *in->at++;
			} else {
				return asm_fail(in, in->at - 1,
						"in a string there is \\\\, \\\" and \\xNN");
			}
			if (!c)
				return asm_fail(in, in->at - 4, "a string cannot hold a zero byte");
		}
		err = tape_buf_add(&in->scratch, &c, 1);
	}
	in->at++;
	return err ? err : tape_buf_add(&in->scratch, "", 1);
}

bool asm_hex_next(struct asm_in *in)
{
	asm_skip(in);
	return !strncmp(in->at, "hex\"", 4);
}

int asm_hex(struct asm_in *in)
{
	int err = 0;

	in->scratch.len = 0;
	while (!err && asm_hex_next(in)) {
		const char *begin = in->at;

		in->at += 4;
		while (!err && *in->at != '"') {
			const int high = hex_digit(in->at[0]);
			const int low = high < 0 ? -1 : hex_digit(in->at[1]);
			uint8_t byte;

			if (*in->at == ' ') {
				in->at++;
				continue;
			}
			if (!*in->at || *in->at == '\n')
				return asm_fail(in, begin, "the bytes have no end");
			if (high < 0 || low < 0)
				return asm_fail(in, in->at, "a byte is two hex digits");
			byte = (uint8_t)(high << 4 | low);
			err = tape_buf_add(&in->scratch, &byte, 1);
			in->at += 2;
		}
		in->at++;
	}
	if (!err && in->scratch.len > TAPE_MAX_MEMORY)
		return asm_fail(in, in->at, "more than %d bytes", TAPE_MAX_MEMORY);
	return err;
}

/* --- buffers ---------------------------------------------------------------------------------- */

void asm_buf_release(struct asm_buf *buf)
{
	free(buf->data);
	free(buf->set);
	memset(buf, 0, sizeof(*buf));
}

int asm_buf_need(struct asm_buf *buf, size_t len)
{
	size_t room = buf->room ? buf->room : 256;
	uint8_t *data, *set;

	if (len <= buf->room) {
		if (len > buf->used)
			buf->used = len;
		return 0;
	}
	while (room < len)
		room *= 2;
	data = realloc(buf->data, room);
	if (!data)
		return -ENOMEM;
	buf->data = data;
	set = realloc(buf->set, room);
	if (!set)
		return -ENOMEM;
	buf->set = set;
	memset(data + buf->room, 0, room - buf->room);
	memset(set + buf->room, 0, room - buf->room);
	buf->room = room;
	buf->used = len;
	return 0;
}

int asm_buf_begin(struct asm_buf *buf, const void *base, size_t len)
{
	int err;

	if (buf->used) {
		memset(buf->data, 0, buf->used);
		memset(buf->set, 0, buf->used);
	}
	buf->used = 0;
	buf->extent = 0;
	buf->set_end = 0;
	err = asm_buf_need(buf, len);
	if (!err && base && len)
		memcpy(buf->data, base, len);
	return err;
}

bool asm_buf_is_set(const struct asm_buf *buf, size_t offset, size_t len)
{
	return offset < buf->room &&
	       memchr(buf->set + offset, 1, buf->room - offset < len ? buf->room - offset : len);
}

uint64_t asm_number_get(enum kvmapi_arch arch, const uint8_t *from, size_t bytes)
{
	return bytes_get(from, bytes, kvmapi_arch_big_endian(arch));
}

void asm_number_put(enum kvmapi_arch arch, uint8_t *to, uint64_t value, size_t bytes)
{
	bytes_put(to, value, bytes, kvmapi_arch_big_endian(arch));
}

/* --- values ----------------------------------------------------------------------------------- */

struct value {
	struct asm_in *in;
	const char *type;
	struct asm_buf *buf;
};

/* Mark bytes as given by the text. 0, or an error. */
static int mark(const struct value *v, const char *where, size_t offset, size_t len)
{
	struct asm_buf *buf = v->buf;
	int err;

	if (offset > TAPE_MAX_HALF || len > TAPE_MAX_HALF - offset)
		return asm_fail(v->in, where, "beyond %d bytes, the most that a call may have",
				TAPE_MAX_HALF);
	err = asm_buf_need(buf, offset + len);
	if (err)
		return err;
	if (len)
		memset(buf->set + offset, 1, len);
	if (offset + len > buf->extent)
		buf->extent = offset + len;
	if (offset + len > buf->set_end)
		buf->set_end = offset + len;
	return 0;
}

static int put_number(const struct value *v, const char *where, const struct kvmapi_place *place,
		      uint64_t value)
{
	const unsigned int bits = place->bits ? place->bits : (unsigned int)place->size * 8;
	const uint64_t mask = bits >= 64 ? UINT64_MAX : (1ull << bits) - 1;
	uint8_t *to;
	int err;

	if (place->size > 8 || !bits)
		return asm_fail(v->in, where, "%zu bytes are written as hex\"...\"", place->size);
	/* A negative number has all bits above the field set. */
	if (value & ~mask && (~value & ~(mask >> 1)))
		return asm_fail(v->in, where, "%#llx does not fit into %u bits",
				(unsigned long long)value, bits);
	err = mark(v, where, place->offset, place->size);
	if (err)
		return err;
	to = v->buf->data + place->offset;
	value &= mask;
	if (place->bits)
		value = (asm_number_get(v->in->arch, to, place->size) & ~(mask << place->shift)) |
			value << place->shift;
	asm_number_put(v->in->arch, to, value, place->size);
	return 0;
}

/* hex"...": the first bytes of a place. */
static int put_hex(const struct value *v, size_t offset, size_t room)
{
	const char *where = v->in->at;
	int err = asm_hex(v->in);

	if (err)
		return err;
	if (v->in->scratch.len > room)
		return asm_fail(v->in, where, "%zu bytes are more than the %zu that are there",
				v->in->scratch.len, room);
	err = mark(v, where, offset, v->in->scratch.len);
	if (!err && v->in->scratch.len)
		memcpy(v->buf->data + offset, v->in->scratch.data, v->in->scratch.len);
	return err;
}

static int element_unknown(const struct value *v, const char *where, uint64_t index,
			   const struct kvmapi_place *array)
{
	return asm_fail(v->in, where, "no element %llu: the array in %s has %zu, from 0 on",
			(unsigned long long)index, v->type, array->count);
}

/* Names of fields: the near ones, and the first of all. */
struct field_names {
	struct near near;
	char first[128];
	size_t used;
	bool more;
};

static void field_name(void *context, const char *name)
{
	struct field_names *f = context;

	near_offer(&f->near, name);
	f->more |= f->used + strlen(name) + 3 > sizeof(f->first);
	if (!f->more)
		f->used += (size_t)snprintf(f->first + f->used, sizeof(f->first) - f->used, "%s.%s",
					    f->used ? ", " : "", name);
}

/* The existing fields, to append to a message. */
static const char *fields_text(const struct value *v, const struct kvmapi_place *in,
			       const char *word, size_t len, char *buf, size_t size)
{
	struct field_names f = {.used = 0};

	near_begin(&f.near, word, len, "");
	buf[0] = 0;
	if (kvmapi_place_names(v->in->arch, in, field_name, &f))
		return buf;
	if (!*near_text(&f.near, ".", buf, size) && f.used)
		snprintf(buf, size, "; there are %s%s", f.first, f.more ? " and more" : "");
	return buf;
}

static int field_unknown(const struct value *v, const struct kvmapi_place *in, const char *where,
			 size_t len)
{
	char hint[NEAR_TEXT];

	return asm_fail(v->in, where, "no field '%.*s' there in %s%s", (int)(len > 80 ? 80 : len),
			where, v->type, fields_text(v, in, where, len, hint, sizeof(hint)));
}

static int field_expected(const struct value *v, const struct kvmapi_place *in, const char *where)
{
	char hint[NEAR_TEXT], buf[32];
	size_t len = 0;

	while (is_name_byte(where[len]))
		len++;
	return asm_fail(v->in, where, "'.field = value' should come here, not %s%s",
			seen(where, buf, sizeof(buf)),
			fields_text(v, in, where, len, hint, sizeof(hint)));
}

static int path(const struct value *v, struct kvmapi_place *place)
{
	struct asm_in *in = v->in;
	struct kvmapi_place from;
	const char *where;
	uint64_t index;
	size_t len;
	int err;

	for (;;) {
		where = in->at;
		if (*in->at == '.') {
			in->at++;
			from = *place;
			where = asm_name(in, &len);
			if (!where)
				return asm_fail(in, in->at, "a field's name should come after '.'");
			err = kvmapi_place_member(in->arch, &from, where, len, place);
			if (err == -ENOENT)
				return field_unknown(v, &from, where, len);
		} else if (*in->at == '[') {
			in->at++;
			from = *place;
			err = asm_number(in, &index);
			if (!err)
				err = asm_expect(in, ']', "an index");
			if (err)
				return err;
			err = index > TAPE_MAX_HALF
				      ? -ENOENT
				      : kvmapi_place_element(in->arch, &from, index, place);
			if (err == -ENOENT)
				return from.kind == KVMAPI_PLACE_ARRAY
					       ? element_unknown(v, where, index, &from)
					       : asm_fail(in, where, "no array is there in %s",
							  v->type);
		} else {
			return 0;
		}
		if (err)
			return err;
	}
}

int asm_path(struct asm_in *in, const char *type, struct kvmapi_place *place)
{
	const struct value v = {.in = in, .type = type};
	int err = kvmapi_place_of(in->arch, type, place);

	return err ? err : path(&v, place);
}

static int value_at(const struct value *v, const struct kvmapi_place *place);

static int open_bracket(struct asm_in *in)
{
	in->at++;
	if (in->depth == DEPTH_MAX)
		return asm_fail(in, in->at - 1, "brackets are too deep");
	in->depth++;
	return 0;
}

/* { .field = value, @offset = hex"...", ... } or { number } */
static int braces(const struct value *v, const struct kvmapi_place *place)
{
	struct asm_in *in = v->in;
	struct kvmapi_place inner;
	const char *where;
	uint64_t offset;
	int err = open_bracket(in);

	while (!err && !asm_accept(in, '}')) {
		where = in->at;
		inner = *place;
		if (*in->at == '.' || *in->at == '[') {
			err = path(v, &inner);
			if (!err)
				err = asm_expect(in, '=', "a field");
			if (!err)
				err = value_at(v, &inner);
		} else if (asm_accept(in, '@')) {
			err = asm_number(in, &offset);
			if (!err)
				err = asm_expect(in, '=', "an offset");
			if (!err && offset > TAPE_MAX_HALF)
				err = asm_fail(in, where, "beyond %d bytes", TAPE_MAX_HALF);
			asm_skip(in);
			if (!err && !asm_hex_next(in))
				err = asm_fail(in, in->at,
					       "hex\"...\" should come after '@' and an offset");
			if (!err)
				err = put_hex(v, offset, SIZE_MAX);
		} else if (place->kind == KVMAPI_PLACE_NUMBER) {
			err = asm_number(in, &offset);
			if (!err)
				err = put_number(v, where, place, offset);
		} else {
			err = field_expected(v, place, where);
		}
		if (err)
			return err;
		if (!asm_accept(in, ',')) {
			err = asm_expect(in, '}', "the last field, or ','");
			break;
		}
	}
	if (!err)
		in->depth--;
	return err;
}

/* "[3] =" rather than an element that is an array itself. */
static bool index_next(const struct asm_in *in)
{
	const char *p = in->at;

	if (*p++ != '[')
		return false;
	while (is_name_byte(*p) || *p == ' ')
		p++;
	if (*p++ != ']')
		return false;
	while (*p == ' ')
		p++;
	return *p == '=';
}

/* [ value, [index] = value, ... ] */
static int brackets(const struct value *v, const struct kvmapi_place *place)
{
	struct asm_in *in = v->in;
	struct kvmapi_place element;
	const char *where = in->at;
	uint64_t index = 0;
	int err;

	if (place->kind != KVMAPI_PLACE_ARRAY)
		return asm_fail(in, where, "no array is there in %s", v->type);
	err = open_bracket(in);
	while (!err && !asm_accept(in, ']')) {
		where = in->at;
		if (index_next(in)) {
			in->at++;
			err = asm_number(in, &index);
			if (!err)
				err = asm_expect(in, ']', "an index");
			if (!err)
				err = asm_expect(in, '=', "an index");
		}
		if (!err)
			err = index > TAPE_MAX_HALF
				      ? -ENOENT
				      : kvmapi_place_element(in->arch, place, index, &element);
		if (err == -ENOENT)
			return element_unknown(v, where, index, place);
		if (!err && element.offset + element.size > TAPE_MAX_HALF)
			return asm_fail(in, where, "beyond %d bytes", TAPE_MAX_HALF);
		if (!err)
			err = value_at(v, &element);
		if (err)
			return err;
		if (element.offset + element.size > v->buf->extent)
			v->buf->extent = element.offset + element.size;
		index++;
		if (!asm_accept(in, ',')) {
			err = asm_expect(in, ']', "the last element, or ','");
			break;
		}
	}
	if (!err)
		in->depth--;
	return err;
}

static int value_at(const struct value *v, const struct kvmapi_place *place)
{
	struct asm_in *in = v->in;
	const char *where;
	uint64_t number;
	char buf[32];
	int err;

	if (asm_hex_next(in)) {
		if (place->bits)
			return asm_fail(in, in->at, "a bit field is written as a number");
		/* Only a flexible array has no end. */
		return put_hex(v, place->offset,
			       place->kind == KVMAPI_PLACE_ARRAY && !place->count ? SIZE_MAX
										  : place->size);
	}
	where = in->at;
	if (*where == '{')
		return place->kind == KVMAPI_PLACE_ARRAY
			       ? asm_fail(in, where, "an array is written as [...]")
			       : braces(v, place);
	if (*where == '[')
		return brackets(v, place);
	if (place->kind != KVMAPI_PLACE_NUMBER)
		return asm_fail(in, where, "%s should come here, not %s",
				place->kind == KVMAPI_PLACE_ARRAY ? "'[' or hex\"...\""
								  : "'{' or hex\"...\"",
				seen(where, buf, sizeof(buf)));
	err = asm_number(in, &number);
	return err ? err : put_number(v, where, place, number);
}

/* Bytes without a type: hex"...", or a number of u8, u16, u32, u64. */
static int untyped(const struct value *v)
{
	static const struct {
		const char *word;
		size_t size;
	} words[] = {{"u8", 1}, {"u16", 2}, {"u32", 4}, {"u64", 8}};
	struct kvmapi_place place = {.kind = KVMAPI_PLACE_NUMBER};
	const char *where;
	uint64_t number;
	int err;

	if (asm_hex_next(v->in))
		return put_hex(v, 0, SIZE_MAX);
	where = v->in->at;
	for (size_t n = 0; n < sizeof(words) / sizeof(words[0]); n++) {
		if (!asm_accept_word(v->in, words[n].word))
			continue;
		place.size = words[n].size;
		asm_skip(v->in);
		where = v->in->at;
		err = asm_number(v->in, &number);
		return err ? err : put_number(v, where, &place, number);
	}
	return asm_fail(v->in, where,
			"bytes are written as hex\"...\", u8 N, u16 N, u32 N or u64 N");
}

int asm_value(struct asm_in *in, const char *type, size_t origin, struct asm_buf *buf)
{
	struct value v = {.in = in, .type = type, .buf = buf};
	struct kvmapi_place place;
	int err;

	if (!type)
		return untyped(&v);
	err = kvmapi_place_of(in->arch, type, &place);
	if (err == -ENOENT)
		return untyped(&v);
	asm_skip(in);
	if (err)
		return err;
	/* Bytes of the whole may go on where the type ends, as the tail of a struct does. */
	if (asm_hex_next(in))
		return put_hex(&v, origin, SIZE_MAX);
	if (*in->at != '{')
		return asm_fail(in, in->at, "'{' or hex\"...\" should come here (%s)", type);
	return value_at(&v, &place);
}

/* --- the run page ----------------------------------------------------------------------------- */

/* Fields that only the VMM writes: request_interrupt_window, immediate_exit, padding. */
#define RUN_REQUESTS 8

int asm_runs_begin(struct asm_runs *runs, enum kvmapi_arch arch)
{
	size_t offset, size;
	int err;

	memset(runs, 0, sizeof(*runs));
	err = kvmapi_field_find(arch, ASM_RUN_TYPE, "", &offset, &runs->size);
	if (!err)
		err = kvmapi_field_find(arch, ASM_RUN_TYPE, "kvm_valid_regs", &runs->regs, &size);
	if (!err)
		err = kvmapi_field_find(arch, "struct kvm_sync_regs", "", &offset, &runs->sync);
	return err;
}

void asm_runs_release(struct asm_runs *runs)
{
	for (size_t i = 0; i < runs->count; i++)
		free(runs->pages[i]);
	free(runs->pages);
}

uint8_t *asm_run_page(struct asm_runs *runs, uint32_t object)
{
	if (object >= runs->count) {
		size_t count = (size_t)object + 16;
		uint8_t **pages = realloc(runs->pages, count * sizeof(*pages));

		if (!pages)
			return NULL;
		memset(pages + runs->count, 0, (count - runs->count) * sizeof(*pages));
		runs->pages = pages;
		runs->count = count;
	}
	if (!runs->pages[object])
		runs->pages[object] = calloc(1, runs->size);
	return runs->pages[object];
}

void asm_run_update(const struct asm_runs *runs, uint8_t *page, const struct tape_part *part)
{
	const size_t origin = asm_role_origin(runs, part->role);

	if (part->have)
		memcpy(page + origin, part->data,
		       part->have < runs->size - origin ? part->have : runs->size - origin);
}

void asm_run_base(const struct asm_runs *runs, const uint8_t *page, uint8_t role, uint8_t *base)
{
	size_t kept = role == TAPE_RUN_OUT ? RUN_REQUESTS : runs->size;

	memcpy(base, page, kept);
	memset(base + kept, 0, runs->size - kept);
	/* The kernel takes the dirty registers; afterwards none is dirty. */
	if (role == TAPE_RUN_REGS_OUT)
		memset(base + runs->regs + 8, 0, 8);
}

/* --- what is meant ---------------------------------------------------------------------------- */

const char *asm_role_type(const struct kvmapi_ioctl *row, uint8_t role)
{
	if (asm_role_is_run(role))
		return ASM_RUN_TYPE;
	return row && role <= TAPE_ARG_OUT && row->payload != KVMAPI_RUNPAGE ? row->type : NULL;
}

static size_t run_size(enum kvmapi_arch arch, const struct asm_runs *runs, uint8_t role,
		       const struct asm_buf *buf, int64_t ret)
{
	const struct tape_env env = {.arch = arch};
	const struct kvmapi_exit *exit;
	size_t size = tape_run_union(&env);

	if (role == TAPE_RUN_REGS_IN)
		return 16 + (asm_number_get(arch, buf->data + runs->regs + 8, 8) ? runs->sync : 0);
	if (role == TAPE_RUN_REGS_OUT)
		return 16 + runs->sync;
	exit = kvmapi_exit((uint32_t)asm_number_get(arch, buf->data + TAPE_RUN_EXIT_REASON, 4));
	/* The VMM's answer is captured with its question: the whole member. */
	if (role == TAPE_RUN_IN)
		return exit ? size + (exit->in > exit->out ? exit->in : exit->out) : size;
	if (asm_error_leaves_exit(ret))
		return size;
	return size + (exit ? exit->out : KVMAPI_RUN_UNION_SIZE);
}

size_t asm_default_size(enum kvmapi_arch arch, const struct asm_runs *runs,
			const struct kvmapi_ioctl *row, uint8_t role, const struct asm_buf *buf,
			int64_t ret)
{
	uint64_t count = 0;

	if (asm_role_is_run(role))
		return run_size(arch, runs, role, buf, ret);
	if (role > TAPE_ARG_OUT || !row || !row->size)
		return buf->extent;
	if (row->count_width && row->count_offset + row->count_width <= buf->room)
		count = asm_number_get(arch, buf->data + row->count_offset, row->count_width);
	switch (row->payload) {
	case KVMAPI_COUNTED:
		/* Only success writes the tail (E2BIG writes the count). */
		if ((role == TAPE_ARG_OUT && ret < 0) || count > TAPE_MAX_HALF / row->elem_size)
			return row->size;
		return row->size + count * row->elem_size;
	case KVMAPI_BLOB:
		if (row->count_width && count > row->size && count <= TAPE_MAX_HALF)
			return count;
		return buf->extent > row->size ? buf->extent : row->size;
	default:
		return row->size;
	}
}

unsigned int asm_auto_fields(const struct kvmapi_ioctl *row, uint8_t role, uint32_t nested,
			     bool created, struct asm_auto *fields)
{
	unsigned int count = 0, n;

	if (!row || role > TAPE_ARG_OUT)
		return 0;
	if (row->payload == KVMAPI_COUNTED)
		fields[count++] = (struct asm_auto){.offset = row->count_offset,
						    .size = row->count_width,
						    .what = ASM_AUTO_COUNT};
	for (n = 0; n < row->nested_count && role == TAPE_ARG_IN; n++) {
		if (row->nested[n].repeat != 1 ||
		    !(row->nested[n].dir & KVMAPI_OUT || nested & 1u << n))
			continue;
		fields[count++] = (struct asm_auto){.offset = row->nested[n].ptr_offset,
						    .size = 8,
						    .what = ASM_AUTO_POINTER,
						    .number = n};
	}
	if (role == TAPE_ARG_OUT && created && row->creates && row->fd_offset >= 0)
		fields[count++] = (struct asm_auto){
			.offset = (size_t)row->fd_offset, .size = 4, .what = ASM_AUTO_FD};
	return count;
}

uint64_t asm_default_number(enum kvmapi_arch arch, const struct kvmapi_ioctl *row, uint64_t arg,
			    const uint8_t *in, size_t in_len)
{
	if (row->creates == KVMAPI_VCPU)
		return arg;
	/* struct kvm_create_device begins with the type. */
	if (row->creates == KVMAPI_DEVICE && in_len >= 4)
		return asm_number_get(arch, in, 4);
	return UINT64_MAX;
}

bool asm_default_out(const struct kvmapi_ioctl *row, bool created, uint32_t have)
{
	return row && created && row->creates && row->fd_offset >= 0 &&
	       have >= (uint32_t)row->fd_offset + 4;
}

uint64_t asm_default_address(enum kvmapi_arch arch, const struct kvmapi_ioctl *row, unsigned int n,
			     const uint8_t *in, size_t in_len)
{
	unsigned int first = 0;

	for (unsigned int i = 0; row && i < row->nested_count; first += row->nested[i++].repeat) {
		size_t at;

		if (n - first >= row->nested[i].repeat)
			continue;
		at = row->nested[i].ptr_offset + (size_t)(n - first) * row->nested[i].stride;
		if (at + 8 <= in_len)
			return asm_number_get(arch, in + at, 8);
	}
	return 0;
}
