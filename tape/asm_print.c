// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tape to text: docs/tape-text.md.
 *
 * Every value that is written is read back at once by the assembler, and what differs (padding,
 * other members of a union) is added as bytes. So the text is complete, whatever the tables of
 * kvmapi say about how a value is shown.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "kvmapi/value.h"
#include "tape/asm_value.h"
#include "tape/show.h"

/* Line width. */
#define LINE_FULL 100
#define HEX_LINE  32

struct name {
	char text[48];
};

/*
 * A call that waits for its return, which is usually the next item and goes on the same line. A
 * copy: the reader drops a call at the next one of its thread.
 */
struct held {
	bool there;
	struct tape_call call;
	struct tape_part parts[TAPE_ROLES];
	struct tape_buf bytes;
	struct tape_object object; /* made since; id 0 = none */
};

struct printer {
	struct tape_reader *r;
	const struct tape_env *env;
	FILE *out;
	struct tape_buf st;	   /* the statement so far */
	size_t line;		   /* where the last line begins in .st */
	bool first;		   /* of the innermost brackets */
	int err;		   /* sticky, of .st */
	const uint8_t *base;	   /* of the value that is walked */
	struct kvmapi_owner owner; /* what the call is made on */
	const char *region; /* name of the field that holds an address of memory; "" = none */
	struct asm_buf back;
	struct tape_buf scratch;
	struct asm_runs runs;
	uint8_t *run_base, *run_page;
	struct name *names; /* by object id - 1 */
	size_t name_room;
	struct held held;
	bool no_results;
	uint64_t calls;
	uint64_t lost[TAPE_GAP_CAUSES];
};

/* --- text ------------------------------------------------------------------------------------- */

static void put(struct printer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct printer *p, const char *format, ...)
{
	size_t room = 160; /* enough for nearly all */
	int n = -1;

	while (!p->err && n < 0) {
		va_list args;

		p->err = tape_buf_reserve(&p->st, room);
		if (p->err)
			break;
		va_start(args, format);
		n = vsnprintf((char *)p->st.data + p->st.len, room, format, args);
		va_end(args);
		if (n < 0) {
			p->err = -EINVAL;
		} else if ((size_t)n < room) {
			p->st.len += (size_t)n;
		} else {
			room = (size_t)n + 1;
			n = -1;
		}
	}
}

static void put_bytes(struct printer *p, const void *data, size_t len)
{
	if (!p->err)
		p->err = tape_buf_add(&p->st, data, len);
}

static void new_line(struct printer *p)
{
	put(p, "\n\t");
	p->line = p->st.len;
}

static void put_comma(struct printer *p)
{
	put(p, ",");
	if (p->st.len - p->line > LINE_FULL)
		new_line(p);
	else
		put(p, " ");
}

static void put_hex(struct printer *p, const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * HEX_LINE];

	put(p, "hex\"");
	for (size_t at = 0; at < len; at += HEX_LINE) {
		const size_t n = len - at < HEX_LINE ? len - at : HEX_LINE;

		if (at) {
			put(p, "\"");
			new_line(p);
			put(p, "hex\"");
		}
		for (size_t i = 0; i < n; i++) {
			text[2 * i] = digits[data[at + i] >> 4];
			text[2 * i + 1] = digits[data[at + i] & 15];
		}
		put_bytes(p, text, 2 * n);
	}
	put(p, "\"");
}

static void put_string(struct printer *p, const char *text)
{
	put(p, "\"");
	for (; *text; text++) {
		const unsigned char c = (unsigned char)*text;

		if (c < ' ' || c >= 0x7f)
			put(p, "\\x%02x", c);
		else
			put(p, c == '"' || c == '\\' ? "\\%c" : "%c", c);
	}
	put(p, "\"");
}

/* The statement is whole. */
static int put_statement(struct printer *p)
{
	put(p, "\n");
	if (!p->err && fwrite(p->st.data, 1, p->st.len, p->out) != p->st.len)
		p->err = -EIO;
	p->st.len = 0;
	p->line = 0;
	return p->err;
}

/* --- values ----------------------------------------------------------------------------------- */

static void item(struct printer *p, const char *name)
{
	if (!p->first)
		put_comma(p);
	p->first = false;
	if (name)
		put(p, ".%s = ", name);
}

static int value_begin(void *ctx, const char *name, bool array)
{
	struct printer *p = ctx;

	/* Structs of an array have a line each. */
	if (!name && !array && p->st.len && (p->st.data[p->st.len - 1] == '[' || !p->first)) {
		if (!p->first)
			put(p, ",");
		new_line(p);
		p->first = true;
	}
	item(p, name);
	put(p, array ? "[" : "{");
	p->first = true;
	return p->err;
}

static int value_end(void *ctx, bool array)
{
	struct printer *p = ctx;

	put(p, array ? "]" : "}");
	p->first = false;
	return p->err;
}

static void put_number(struct printer *p, const char *name, const struct kvmapi_number *number)
{
	if (name && !strcmp(name, p->region)) {
		const uint64_t first = ASM_AREA(0), window = ASM_AREA(1) - first;
		const uint64_t area = (number->value - first) / window;
		const uint64_t offset = (number->value - first) % window;

		if (number->value >= first && area < ASM_AREAS && offset <= window / 2) {
			put(p, offset ? "mem%" PRIu64 " + %#" PRIx64 : "mem%" PRIu64, area, offset);
			return;
		}
	}
	if (number->hex && number->value)
		put(p, "%#" PRIx64, number->value);
	else if (number->is_signed)
		put(p, "%" PRId64, (int64_t)number->value);
	else
		put(p, "%" PRIu64, number->value);
}

static int value_number(void *ctx, const char *name, const struct kvmapi_number *number)
{
	struct printer *p = ctx;

	item(p, name);
	put_number(p, name, number);
	return p->err;
}

static int value_constant(void *ctx, const char *name, const struct kvmapi_number *number,
			  const char *label)
{
	struct printer *p = ctx;

	item(p, name);
	if (label)
		put(p, "%s", label);
	else
		put_number(p, name, number);
	return p->err;
}

static int value_flags(void *ctx, const char *name, const struct kvmapi_number *number,
		       const char *const *labels, unsigned int count, uint64_t rest)
{
	struct printer *p = ctx;

	(void)number;
	item(p, name);
	for (unsigned int n = 0; n < count; n++)
		put(p, "%s%s", n ? " | " : "", labels[n]);
	if (rest || !count)
		put(p, "%s%#" PRIx64, count ? " | " : "", rest);
	return p->err;
}

static int value_bytes(void *ctx, const char *name, const uint8_t *data, size_t have, size_t want)
{
	struct printer *p = ctx;

	(void)want;
	/* Not captured, nor anything after it. */
	if (!data)
		return 0;
	while (have && !data[have - 1])
		have--;
	/* Omitting an element would move those after it. */
	if (!have && name)
		return 0;
	/* A union without a known member has no name to print. */
	if (name && !strcmp(name, "raw")) {
		item(p, NULL);
		put(p, "@%zu = ", (size_t)(data - p->base));
	} else {
		item(p, name);
	}
	put_hex(p, data, have);
	return p->err;
}

static int value_missing(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return 0;
}

static const struct kvmapi_sink sink = {
	.begin = value_begin,
	.end = value_end,
	.number = value_number,
	.constant = value_constant,
	.flags = value_flags,
	.bytes = value_bytes,
	.missing = value_missing,
	.skip_zeros = true,
};

/* Names that stand for memory, as in the text that is written. */
static int region_symbol(void *ctx, const char *name, size_t len, uint64_t *value)
{
	char *end;
	unsigned long area;

	(void)ctx;
	if (len < 4 || strncmp(name, "mem", 3) != 0)
		return -ENOENT;
	area = strtoul(name + 3, &end, 10);
	if (end != name + len || area >= ASM_AREAS)
		return -ENOENT;
	*value = ASM_AREA(area);
	return 0;
}

/* Read back what stands in .st from `from` on, into .back, which begins with `base`. */
static int read_back(struct printer *p, size_t from, const char *type, size_t origin,
		     const uint8_t *base, size_t len)
{
	struct tape_asm_error error;
	struct asm_in in = {.arch = p->env->arch,
			    .error = &error,
			    .symbol = region_symbol,
			    .scratch = p->scratch,
			    .depth = 1};
	int err = p->err ? p->err : tape_buf_add(&p->st, "", 1);

	if (err)
		return err;
	p->st.len--;
	in.text = (const char *)p->st.data + from;
	in.at = in.text;
	err = asm_buf_begin(&p->back, base, len);
	if (!err)
		err = asm_value(&in, type, origin, &p->back);
	p->scratch = in.scratch;
	return err;
}

/* Remove the closing bracket, to add more inside. */
static void reopen(struct printer *p)
{
	p->st.len--;
	p->first = p->st.data[p->st.len - 1] == '{';
}

static void put_patch(struct printer *p, size_t offset, const uint8_t *data, size_t len)
{
	item(p, NULL);
	put(p, "@%zu = ", offset);
	put_hex(p, data, len);
}

/* Compare [at, end) with what reads back; runs that differ are added to the text. True if any. */
static bool put_patches(struct printer *p, const uint8_t *data, size_t from, size_t to)
{
	bool any = false;

	for (size_t at = from; at < to; at++) {
		size_t end = at;

		while (end < to && (end >= p->back.room || p->back.data[end] != data[end]))
			end++;
		if (end == at)
			continue;
		if (!any)
			reopen(p);
		any = true;
		put_patch(p, at, data + at, end - at);
		at = end;
	}
	if (any)
		put(p, "}");
	return any;
}

/* What differs from `base` in bytes [from, to) of a value, by the paths of the fields. */
static void put_changes(struct printer *p, const char *type, const uint8_t *base,
			const uint8_t *data, size_t len, size_t from, size_t to)
{
	char path[256];

	put(p, "{");
	p->first = true;
	for (size_t at = from; at < to; at++) {
		struct tape_asm_error error;
		struct asm_in in = {
			.arch = p->env->arch, .error = &error, .text = path, .at = path};
		struct kvmapi_place place;
		char *index;

		if (base[at] == data[at])
			continue;
		path[0] = '.';
		if (kvmapi_field_at_value(p->env->arch, type, data, len, at, path + 1,
					  sizeof(path) - 1))
			path[1] = 0;
		index = strrchr(path, '[');
		if (index && path[strlen(path) - 1] == ']')
			*index = 0;
		if (!path[1] || strchr(path, '+') || asm_path(&in, type, &place) || *in.at ||
		    place.bits || !place.size || place.offset < from ||
		    place.offset + place.size > to ||
		    (place.kind == KVMAPI_PLACE_NUMBER
			     ? place.size > 8
			     : place.kind != KVMAPI_PLACE_ARRAY || place.stride != 1)) {
			put_patch(p, at, data + at, 1);
			continue;
		}
		item(p, NULL);
		put(p, "%s = ", path);
		if (place.kind == KVMAPI_PLACE_ARRAY)
			put_hex(p, data + place.offset, place.size);
		else
			put(p, "%#" PRIx64,
			    asm_number_get(p->env->arch, data + place.offset, place.size));
		at = place.offset + place.size - 1;
	}
	put(p, "}");
	p->first = false;
}

/* The name of the field that holds an address of memory. */
static void region_name(struct printer *p, const struct kvmapi_ioctl *row, char *name, size_t size)
{
	name[0] = 0;
	p->region = name;
	for (unsigned int i = 0; row && i < row->machine_count; i++)
		if (row->machine[i].what == KVMAPI_M_REGION &&
		    kvmapi_field_at(p->env->arch, row->type, row->machine[i].offset, name, size))
			name[0] = 0;
}

/* Bytes of a C type, and what they read back as in .back. */
static int put_typed(struct printer *p, const struct kvmapi_ioctl *row,
		     const struct tape_part *part, const char *type, uint32_t nested, bool created)
{
	const size_t origin = asm_role_origin(&p->runs, part->role), end = origin + part->have;
	const bool run = asm_role_is_run(part->role);
	struct asm_auto fields[ASM_AUTO_MAX];
	const uint8_t *base = run ? p->run_base : NULL, *data = part->data;
	const size_t base_len = run ? p->runs.size : part->have;
	/* More than the page holds. */
	const bool bytes = run && end > p->runs.size;
	const size_t begin = p->st.len;
	char region[64];
	unsigned int count;
	bool again;
	int err = 0;

	if (run && !bytes) {
		/* The whole page as it is with the part in it. */
		memcpy(p->run_page, p->run_base, p->runs.size);
		memcpy(p->run_page + origin, part->data, part->have);
		data = p->run_page;
	}
	region_name(p, row, region, sizeof(region));
	p->base = data;
	p->first = true;
	if (run && !bytes && part->role != TAPE_RUN_OUT) {
		put_changes(p, type, base, data, p->runs.size, origin, end);
	} else if (!bytes) {
		err = kvmapi_value_walk(p->env->arch, &p->owner, type, data, end, run, &sink, p);
		/* A value without braces would be read as the argument number. */
		if (!err && p->st.data[begin] != '{') {
			char number[32];
			const size_t len = p->st.len - begin;

			if (len < sizeof(number)) {
				memcpy(number, p->st.data + begin, len);
				p->st.len = begin;
				put(p, "{%.*s}", (int)len, number);
			} else {
				err = -ENOENT;
			}
		}
	}
	if (bytes || err == -ENOENT) {
		p->st.len = begin;
		put_hex(p, part->data, part->have);
		return read_back(p, begin, type, origin, base, base_len);
	}
	if (err)
		return err;
	err = read_back(p, begin, type, origin, base, base_len);
	if (err)
		return err;
	again = put_patches(p, data, origin, end);
	/* A field with a default must be printed if it is zero. */
	count = asm_auto_fields(row, part->role, nested, created, fields);
	for (unsigned int i = 0; i < count; i++) {
		const struct asm_auto *f = &fields[i];

		if (f->offset + f->size > end || asm_buf_is_set(&p->back, f->offset, f->size))
			continue;
		reopen(p);
		/* In a union without a known member it has no name. */
		if (kvmapi_field_at(p->env->arch, type, f->offset, region, sizeof(region)) ||
		    strchr(region, '+')) {
			put_patch(p, f->offset, data + f->offset, f->size);
		} else {
			item(p, NULL);
			put(p, ".%s = 0", region);
		}
		put(p, "}");
		again = true;
	}
	return again ? read_back(p, begin, type, origin, base, base_len) : 0;
}

/* --- parts ------------------------------------------------------------------------------------ */

/* What a half is part of. */
struct event {
	const struct tape_call *call;
	const struct tape_part *in; /* the argument's part of the call, NULL = none */
	uint32_t nested;	    /* bit n: the call has a buffer behind pointer n */
	int64_t ret;
	bool created, out;
	const uint8_t *page; /* run page before this half, NULL = no run */
};

static uint64_t default_address(const struct printer *p, const struct event *e,
				const struct tape_part *part)
{
	if (part->role <= TAPE_ARG_OUT)
		return e->call->arg;
	if (part->role < TAPE_NESTED_IN)
		return 0;
	return asm_default_address(
		p->env->arch, e->call->row,
		part->role - (part->role >= TAPE_NESTED_OUT ? TAPE_NESTED_OUT : TAPE_NESTED_IN),
		e->in ? e->in->data : NULL, e->in ? e->in->have : 0);
}

static void put_attribute(struct printer *p, bool *any, const char *format, uint64_t value)
{
	put(p, *any ? ", " : " <");
	put(p, format, value);
	*any = true;
}

static void put_attributes(struct printer *p, const struct event *e, const struct tape_part *part,
			   uint8_t flags)
{
	const size_t size = asm_default_size(p->env->arch, &p->runs, e->call->row, part->role,
					     &p->back, e->ret);
	bool any = false;

	if (part->want != size)
		put_attribute(p, &any, "size %" PRIu64, part->want);
	if (part->have != part->want && part->have)
		put_attribute(p, &any, "have %" PRIu64, part->have);
	if (part->addr != default_address(p, e, part))
		put_attribute(p, &any, "at %#" PRIx64, part->addr);
	if (flags & TAPE_PART_LATE) {
		put(p, any ? ", late" : " <late");
		any = true;
	}
	if (flags & TAPE_PART_CLIPPED) {
		put(p, any ? ", clipped" : " <clipped");
		any = true;
	}
	if (flags & TAPE_PART_FAULT) {
		put(p, any ? ", fault" : " <fault");
		any = true;
	}
	if (any)
		put(p, ">");
}

/* The name of a part's role in the text, and its flags. */
static uint8_t put_role(struct printer *p, const struct event *e, const struct tape_part *part)
{
	const bool run = e->call->row && e->call->row->payload == KVMAPI_RUNPAGE;
	const bool in_role =
		part->role >= TAPE_NESTED_IN ? part->role < TAPE_NESTED_OUT : !(part->role & 1);
	const uint8_t role = in_role ? part->role
				     : part->role - (part->role >= TAPE_NESTED_OUT
							     ? TAPE_NESTED_OUT - TAPE_NESTED_IN
							     : 1);
	uint8_t flags = part->flags;

	/* Named by what they are for before a call, and by the half that they are in. */
	if (in_role == e->out && !(e->out && flags & TAPE_PART_LATE)) {
		put(p, "part %u ", part->role);
		return flags;
	}
	if ((role == TAPE_ARG_IN && run) || (role == TAPE_RUN_IN && !run)) {
		put(p, "part %u ", part->role);
		return flags;
	}
	if (in_role == e->out) {
		put(p, "late ");
		flags &= (uint8_t)~TAPE_PART_LATE;
	}
	if (role >= TAPE_NESTED_IN)
		put(p, "[%u]: ", role - TAPE_NESTED_IN);
	else if (role == TAPE_RUN_REGS_IN)
		put(p, "regs ");
	else if (role == TAPE_PIO_IN)
		put(p, "data ");
	return flags;
}

static int put_untyped(struct printer *p, const struct tape_part *part)
{
	const size_t begin = p->st.len;

	if (part->role >= TAPE_NESTED_IN &&
	    (part->have == 1 || part->have == 2 || part->have == 4 || part->have == 8))
		put(p, "u%u %#" PRIx64, part->have * 8,
		    asm_number_get(p->env->arch, part->data, part->have));
	else
		put_hex(p, part->data, part->have);
	return read_back(p, begin, NULL, 0, NULL, 0);
}

static int put_part(struct printer *p, const struct event *e, const struct tape_part *part)
{
	const char *type = asm_role_type(e->call->row, part->role);
	const bool run = asm_role_is_run(part->role);
	uint8_t flags = put_role(p, e, part);
	int err;

	p->owner = tape_owner(p->r, e->call->object);
	if (run)
		asm_run_base(&p->runs, e->page, part->role, p->run_base);
	if (!part->have) {
		put(p, "?");
		err = asm_buf_begin(&p->back, run ? p->run_base : NULL, run ? p->runs.size : 0);
	} else if (type) {
		err = put_typed(p, e->call->row, part, type, e->nested, e->created);
	} else {
		err = put_untyped(p, part);
	}
	if (err)
		return err;
	put_attributes(p, e, part, flags);
	return p->err;
}

static bool part_same(const struct tape_part *a, const struct tape_part *b)
{
	return a->want == b->want && a->have == b->have && a->flags == b->flags &&
	       a->addr == b->addr && (!a->have || !memcmp(a->data, b->data, a->have));
}

/* The descriptor of the new object is in its place, which "same" implies. */
static bool has_descriptor(const struct printer *p, const struct kvmapi_ioctl *row,
			   const struct tape_object *created, const struct tape_part *part)
{
	if (!created || !row || !row->creates || row->fd_offset < 0 ||
	    (size_t)row->fd_offset + 4 > part->have)
		return true;
	return asm_number_get(p->env->arch, part->data + row->fd_offset, 4) ==
	       (uint32_t)created->fd;
}

/* Is this the default of KVM_RUN, if the text is silent? */
static int part_is_default(struct printer *p, const struct event *e, const struct tape_part *part,
			   bool *is)
{
	const size_t origin = asm_role_origin(&p->runs, part->role);
	int err;

	*is = false;
	asm_run_base(&p->runs, e->page, part->role, p->run_base);
	err = asm_buf_begin(&p->back, p->run_base, p->runs.size);
	if (err)
		return err;
	*is = !part->flags && !part->addr && part->have == part->want &&
	      part->want == asm_default_size(p->env->arch, &p->runs, e->call->row, part->role,
					     &p->back, 0) &&
	      origin + part->have <= p->runs.size &&
	      !memcmp(part->data, p->run_base + origin, part->have);
	return 0;
}

static void put_separator(struct printer *p, bool *any)
{
	if (*any)
		put_comma(p);
	*any = true;
}

/* --- calls ------------------------------------------------------------------------------------ */

static uint64_t default_argument(const struct tape_call *call)
{
	const struct tape_part *in = tape_part_find(call->parts, call->part_count, TAPE_ARG_IN);

	if (!asm_takes_struct(call->row) && !in)
		return 0;
	return ASM_ADDR_ARG + (in && in->flags & TAPE_PART_FAULT && !in->have ? ASM_ADDR_BAD : 0);
}

static uint32_t nested_parts(const struct tape_part *parts, unsigned int count)
{
	uint32_t nested = 0;

	for (unsigned int i = 0; i < count; i++)
		if (parts[i].role >= TAPE_NESTED_IN && parts[i].role < TAPE_NESTED_OUT)
			nested |= 1u << (parts[i].role - TAPE_NESTED_IN);
	return nested;
}

/* The parts that KVM_RUN always has; those equal to the default are omitted. */
static int put_run_parts(struct printer *p, const struct event *e, bool *any, bool *left_out)
{
	const struct tape_call *call = e->call;
	const struct tape_part *run = tape_part_find(call->parts, call->part_count, TAPE_RUN_IN);
	const struct tape_part *regs =
		tape_part_find(call->parts, call->part_count, TAPE_RUN_REGS_IN);
	bool out;
	int err;

	memset(left_out, 0, call->part_count * sizeof(*left_out));
	if (!run) {
		put_separator(p, any);
		put(p, "none");
	} else if (run == call->parts) {
		err = part_is_default(p, e, run, &out);
		if (err)
			return err;
		left_out[0] = out;
	}
	if (!regs) {
		put_separator(p, any);
		put(p, "regs none");
	} else if (regs == call->parts + (run == call->parts)) {
		err = part_is_default(p, e, regs, &out);
		if (err)
			return err;
		left_out[regs - call->parts] = out;
	}
	return 0;
}

static int put_request(struct printer *p, const struct tape_call *call)
{
	const struct kvmapi_ioctl *row = call->row, *rows;
	size_t count;

	rows = kvmapi_ioctls(p->env->arch, &count);
	/* A row of another kind of object whose name finds the same request. */
	for (size_t i = 0; !row && i < count; i++)
		if (rows[i].request == call->request &&
		    kvmapi_find_name(p->env->arch, rows[i].name)->request == call->request)
			row = &rows[i];
	put(p, row ? "%s" : "ioctl", row ? row->name : "");
	return row != NULL;
}

static int put_call(struct printer *p, const struct tape_call *call)
{
	struct event e = {
		.call = call,
		.in = tape_part_find(call->parts, call->part_count, TAPE_ARG_IN),
		.nested = nested_parts(call->parts, call->part_count),
	};
	const bool run = call->row && call->row->payload == KVMAPI_RUNPAGE;
	bool left_out[TAPE_ROLES] = {false}, any = false;
	uint8_t *page;
	char *arg;
	int err = 0;

	page = asm_run_page(&p->runs, call->object);
	if (!page)
		return -ENOMEM;
	e.page = page;
	if (call->thread)
		put(p, "@%u ", call->thread);
	put(p, "%s.", p->names[call->object - 1].text);
	if (put_request(p, call)) {
		put(p, "(");
	} else {
		put(p, "(%#x", call->request);
		any = true;
	}
	if (call->arg != default_argument(call) ||
	    (!call->part_count && !run && !asm_takes_struct(call->row))) {
		put_separator(p, &any);
		arg = kvmapi_arg_text(call->row, call->arg);
		put(p, "%s", arg ? arg : "?");
		free(arg);
	}
	if (run)
		err = put_run_parts(p, &e, &any, left_out);
	for (unsigned int i = 0; i < call->part_count && !err; i++) {
		if (left_out[i])
			continue;
		put_separator(p, &any);
		err = put_part(p, &e, &call->parts[i]);
	}
	put(p, ")");
	for (unsigned int i = 0; i < call->part_count && !err; i++)
		if (asm_role_is_run(call->parts[i].role))
			asm_run_update(&p->runs, page, &call->parts[i]);
	p->calls++;
	return err;
}

/* [=> part, ...] [= result] */
static int put_return(struct printer *p, const struct tape_return *ret)
{
	const struct tape_call *call = ret->call;
	struct event e = {
		.call = call,
		.in = tape_part_find(call->parts, call->part_count, TAPE_ARG_IN),
		.nested = nested_parts(ret->parts, ret->part_count),
		.ret = ret->ret,
		.created = ret->created != 0,
		.out = true,
	};
	const struct tape_object *created =
		ret->created ? tape_reader_object(p->r, ret->created) : NULL;
	const char *name = ret->ret < 0 ? kvmapi_errno_name((int)-ret->ret) : NULL;
	const bool none = !p->no_results && ret->ret >= 0 &&
			  asm_default_out(call->row, e.created, e.in ? e.in->have : 0) &&
			  !tape_part_find(ret->parts, ret->part_count, TAPE_ARG_OUT);
	bool any = false;
	uint8_t *page;
	int err = 0;

	page = asm_run_page(&p->runs, call->object);
	if (!page)
		return -ENOMEM;
	e.page = page;
	if (ret->part_count || none) {
		if (p->st.len - p->line > LINE_FULL / 2)
			new_line(p);
		else
			put(p, " ");
		put(p, "=> ");
	}
	for (unsigned int i = 0; i < ret->part_count && !err; i++) {
		put_separator(p, &any);
		if (ret->parts[i].role == TAPE_ARG_OUT && e.in && part_same(&ret->parts[i], e.in) &&
		    has_descriptor(p, call->row, created, &ret->parts[i]))
			put(p, "same");
		else
			err = put_part(p, &e, &ret->parts[i]);
	}
	if (none) {
		put_separator(p, &any);
		put(p, "none");
	}
	for (unsigned int i = 0; i < ret->part_count && !err; i++)
		if (asm_role_is_run(ret->parts[i].role))
			asm_run_update(&p->runs, page, &ret->parts[i]);
	if (err)
		return err;
	if (created && call->row && call->row->creates && call->row->fd_offset < 0 &&
	    created->fd == ret->ret)
		return p->err;
	/* On a tape without results the return value has no meaning. */
	if (p->no_results && !ret->ret && !ret->part_count)
		return p->err;
	if (name)
		put(p, " = -%s", name);
	else
		put(p, " = %" PRId64, ret->ret);
	return p->err;
}

/* --- objects and threads ---------------------------------------------------------------------- */

static struct name *name_of(struct printer *p, uint32_t id)
{
	if (id > p->name_room) {
		size_t room = 2 * (size_t)id;
		struct name *names = realloc(p->names, room * sizeof(*names));

		if (!names)
			return NULL;
		memset(names + p->name_room, 0, (room - p->name_room) * sizeof(*names));
		p->names = names;
		p->name_room = room;
	}
	return &p->names[id - 1];
}

static void name_sanitise(char *name)
{
	for (; *name; name++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_", *name))
			*name = '_';
}

/* vcpu0 of the first VM, vm2_vcpu0 of the second one; a name that was there before gets the
 * object's id as well. */
static int name_object(struct printer *p, const struct tape_object *object)
{
	struct name *name = name_of(p, object->id);
	char label[48], vm[24] = "";
	char *at;

	if (!name)
		return -ENOMEM;
	tape_object_label(p->r, object->id, label, sizeof(label));
	at = strchr(label, '@');
	if (at) {
		*at++ = 0;
		if (strcmp(at, "vm1") != 0)
			snprintf(vm, sizeof(vm), "%.20s_", at);
	}
	name_sanitise(label);
	name_sanitise(vm); /* of an object of a vCPU: "vcpu0@vm1" */
	snprintf(name->text, sizeof(name->text), "%s%.14s", vm, label);
	for (uint32_t id = 1; id < object->id; id++) {
		if (strcmp(p->names[id - 1].text, name->text) != 0)
			continue;
		snprintf(name->text, sizeof(name->text), "%s%.14s_%u", vm, label, object->id);
		break;
	}
	return 0;
}

/* Attributes that differ from the defaults of the text. */
static void put_object_attributes(struct printer *p, const struct tape_object *o, uint32_t parent,
				  uint64_t number)
{
	bool any = false;

	if (o->parent != parent) {
		put(p, " <of %s", o->parent ? p->names[o->parent - 1].text : "none");
		any = true;
	}
	if (o->fd != (int32_t)(ASM_FD_OBJECT + o->id)) {
		put(p, "%sfd %d", any ? ", " : " <", o->fd);
		any = true;
	}
	if (o->number != number) {
		put(p, any ? ", " : " <");
		if (o->number == UINT64_MAX)
			put(p, "number none");
		else
			put(p, "number %" PRIu64, o->number);
		any = true;
	}
	if (o->flags)
		put_attribute(p, &any,
			      o->flags == TAPE_OBJECT_PRE_EXISTING ? "pre_existing"
								   : "flags %" PRIu64,
			      o->flags);
	if (any)
		put(p, ">");
}

static int print_object(struct printer *p, const struct tape_object *object)
{
	const char *kind = kvmapi_object_name(object->kind);
	int err = name_object(p, object);

	if (err)
		return err;
	put(p, "object %s %s", p->names[object->id - 1].text, kind ? kind : "other");
	put_object_attributes(p, object, 0, UINT64_MAX);
	return put_statement(p);
}

static int print_thread(struct printer *p, const struct tape_thread *thread)
{
	bool any = false;

	put(p, "thread %u ", thread->id);
	put_string(p, thread->comm);
	if (thread->pid != 1)
		put_attribute(p, &any, "pid %" PRIu64, thread->pid);
	if (thread->tid != thread->id + 1)
		put_attribute(p, &any, "tid %" PRIu64, thread->tid);
	if (any)
		put(p, ">");
	return put_statement(p);
}

/* --- items ------------------------------------------------------------------------------------ */

static int hold(struct printer *p, const struct tape_call *call)
{
	struct held *held = &p->held;
	size_t len = 0;
	int err;

	for (unsigned int i = 0; i < call->part_count; i++)
		len += call->parts[i].have;
	held->bytes.len = 0;
	err = tape_buf_reserve(&held->bytes, len);
	if (err)
		return err;
	held->call = *call;
	held->call.parts = held->parts;
	for (unsigned int i = 0; i < call->part_count; i++) {
		held->parts[i] = call->parts[i];
		if (!call->parts[i].have)
			continue;
		held->parts[i].data = held->bytes.data + held->bytes.len;
		memcpy(held->bytes.data + held->bytes.len, call->parts[i].data,
		       call->parts[i].have);
		held->bytes.len += call->parts[i].have;
	}
	held->object.id = 0;
	held->there = true;
	return 0;
}

/* The held call does not return at once. */
static int release(struct printer *p)
{
	struct held *held = &p->held;
	int err;

	if (!held->there)
		return 0;
	held->there = false;
	put(p, "begin ");
	err = put_call(p, &held->call);
	if (!err)
		err = put_statement(p);
	return err || !held->object.id ? err : print_object(p, &held->object);
}

static int print_return(struct printer *p, const struct tape_return *ret)
{
	const struct tape_call *call = ret->call;
	struct held *held = &p->held;
	const struct tape_part *in = tape_part_find(call->parts, call->part_count, TAPE_ARG_IN);
	const char *made = ret->created ? p->names[ret->created - 1].text : NULL;
	int err = 0;

	if (!held->there || held->call.index != call->index ||
	    (held->object.id && held->object.id != ret->created)) {
		err = release(p);
		if (err)
			return err;
	} else {
		held->there = false;
		/* The name comes before the thread in a text, which put_call() does not know. */
		if (made) {
			if (call->thread)
				put(p, "@%u ", call->thread);
			if (held->object.id) {
				err = name_object(p, &held->object);
				made = err ? "" : p->names[ret->created - 1].text;
			}
			put(p, "%s", made);
			if (held->object.id)
				put_object_attributes(
					p, &held->object,
					asm_default_parent(held->object.kind, call->object),
					asm_default_number(p->env->arch, call->row, call->arg,
							   in ? in->data : NULL,
							   in ? in->have : 0));
			put(p, " = ");
		}
		if (!err) {
			struct tape_call unprefixed = *call;

			if (made)
				unprefixed.thread = 0;
			err = put_call(p, &unprefixed);
		}
		if (!err)
			err = put_return(p, ret);
		return err ? err : put_statement(p);
	}
	put(p, "end ");
	if (call->thread)
		put(p, "@%u ", call->thread);
	if (made)
		put(p, "%s = ", p->names[ret->created - 1].text);
	put(p, "%s.", p->names[call->object - 1].text);
	if (!put_request(p, call))
		put(p, "(%#x)", call->request);
	err = put_return(p, ret);
	return err ? err : put_statement(p);
}

static int print_memory(struct printer *p, const struct tape_memory *memory)
{
	put(p, "memory %s %#" PRIx64, p->names[memory->object - 1].text, memory->gpa);
	new_line(p);
	put_hex(p, memory->data, memory->len);
	return put_statement(p);
}

static int print_signal(struct printer *p, const struct tape_signal *signal)
{
	const char *name = tape_signal_name(signal->number);
	bool any = false;

	if (signal->what == TAPE_SIGNAL_LOST) {
		put(p, "signal lost %" PRIu64, signal->count);
		return put_statement(p);
	}
	put(p, "signal ");
	if (signal->thread)
		put(p, "@%u ", signal->thread);
	if (name)
		put(p, "%s", name);
	else
		put(p, "%u", signal->number);
	put(p, " %s", tape_signal_what_name(signal->what));
	if (signal->outcome != tape_signal_usual(signal->what)) {
		put(p, " <%s", tape_signal_outcome_name(signal->outcome));
		any = true;
	}
	if (signal->process) {
		put(p, any ? ", process" : " <process");
		any = true;
	}
	if (signal->code)
		put(p, any ? ", code %d" : " <code %d", signal->code);
	any = any || signal->code;
	if (signal->sender)
		put_attribute(p, &any, "from %" PRIu64, signal->sender);
	if (any)
		put(p, ">");
	return put_statement(p);
}

static int print_end(struct printer *p, const struct tape_end *end)
{
	uint64_t seen = p->calls;
	bool any = false;

	for (int c = 0; c < TAPE_GAP_CAUSES; c++)
		seen += p->lost[c];
	if (end->seen == seen && !memcmp(end->lost, p->lost, sizeof(end->lost)))
		return 0;
	put(p, "finish");
	put_attribute(p, &any, "seen %" PRIu64, end->seen);
	for (int c = 0; c < TAPE_GAP_CAUSES; c++)
		if (end->lost[c])
			put(p, ", %s %" PRIu64, tape_gap_cause_name((enum tape_gap_cause)c),
			    end->lost[c]);
	put(p, ">");
	return put_statement(p);
}

static int print_item(struct printer *p, const struct tape_item *item)
{
	const struct kvmapi_ioctl *held = p->held.there ? p->held.call.row : NULL;
	int err;

	if (item->type == TAPE_RETURN)
		return print_return(p, item->u.ret);
	if (item->type == TAPE_OBJECT && held && !p->held.object.id &&
	    held->creates == item->u.object.kind) {
		p->held.object = item->u.object;
		return 0;
	}
	err = release(p);
	if (err)
		return err;
	switch (item->type) {
	case TAPE_THREAD:
		return print_thread(p, &item->u.thread);
	case TAPE_OBJECT:
		return print_object(p, &item->u.object);
	case TAPE_CLOSED:
		put(p, "close %s", p->names[item->u.closed.object - 1].text);
		return put_statement(p);
	case TAPE_CALL:
		return hold(p, item->u.call);
	case TAPE_GAP:
		p->lost[item->u.gap.cause] += item->u.gap.events;
		put(p, "gap %" PRIu64 " %s", item->u.gap.events,
		    tape_gap_cause_name(item->u.gap.cause));
		return put_statement(p);
	case TAPE_MEMORY:
		return print_memory(p, &item->u.memory);
	case TAPE_SIGNAL:
		return print_signal(p, &item->u.signal);
	case TAPE_END:
		return print_end(p, &item->u.end);
	case TAPE_RETURN:
	case TAPE_END_OF_FILE:
		break;
	}
	return 0;
}

/* --- header ----------------------------------------------------------------------------------- */

/* A word of the header: in quotes if it is not one. */
static void put_word(struct printer *p, const char *text)
{
	if (text[0] && !text[strcspn(text, " \t\r\n#=\"\\")])
		put_bytes(p, text, strlen(text));
	else
		put_string(p, text);
}

static void print_pair(struct printer *p, const struct tape_pair *pair)
{
	static const char *const known[][2] = {
		{"kernel.release", "kernel"}, {"kvm.backend", "backend"}, {"cpu.vendor", "vendor"}};

	if (!strcmp(pair->key, "results") && !strcmp(pair->value, "none")) {
		p->no_results = true;
		put(p, "results none");
		put_statement(p);
		return;
	}
	for (size_t n = 0; n < sizeof(known) / sizeof(known[0]); n++) {
		if (strcmp(pair->key, known[n][0]) != 0)
			continue;
		put(p, "%s ", known[n][1]);
		put_word(p, pair->value);
		put_statement(p);
		return;
	}
	put(p, "env ");
	put_word(p, pair->key);
	put(p, " = ");
	put_string(p, pair->value);
	put_statement(p);
}

static void put_cap(struct printer *p, size_t cap)
{
	const char *name = kvmapi_cap_name((uint32_t)cap);

	if (name)
		put(p, "%s", name);
	else
		put(p, "%zu", cap);
}

static int print_caps(struct printer *p)
{
	const struct tape_env *env = p->env;
	bool any = false;

	for (size_t n = 0; n < env->cap_count; n++) {
		if (env->caps[n] == INT32_MIN || !env->caps[n])
			continue;
		put(p, "cap ");
		put_cap(p, n);
		put(p, " = %d", env->caps[n]);
		put_statement(p);
	}
	for (size_t n = 0; n < env->cap_count; n++) {
		size_t end = n;

		if (env->caps[n])
			continue;
		while (end + 1 < env->cap_count && !env->caps[end + 1])
			end++;
		if (any)
			put_comma(p);
		else
			put(p, "absent ");
		any = true;
		put(p, end > n ? "%zu..%zu" : "%zu", n, end);
		n = end;
	}
	return any ? put_statement(p) : p->err;
}

static int print_header(struct printer *p)
{
	const struct tape_env *env = p->env;

	put(p, "text %d", TAPE_ASM_VERSION);
	put_statement(p);
	if (!env->timeless) {
		put(p, "# The times of the tape are not in this text.");
		put_statement(p);
	}
	put(p, "arch %s", kvmapi_arch_name(env->arch));
	put_statement(p);
	put(p, "page %u", env->page_size);
	put_statement(p);
	if (env->canonical) {
		put(p, "canonical");
		put_statement(p);
	}
	for (size_t n = 0; n < env->pair_count; n++)
		print_pair(p, &env->pairs[n]);
	return print_caps(p);
}

int tape_asm_print(struct tape_reader *r, FILE *out)
{
	struct printer p = {.r = r, .env = tape_reader_env(r), .out = out, .region = ""};
	struct tape_item item = {0};
	int err, err2 = 0;

	err = asm_runs_begin(&p.runs, p.env->arch);
	if (!err) {
		p.run_base = malloc(p.runs.size);
		p.run_page = malloc(p.runs.size);
		err = p.run_base && p.run_page ? print_header(&p) : -ENOMEM;
	}
	while (!err) {
		err = tape_reader_next(r, &item);
		if (err || item.type == TAPE_END_OF_FILE)
			break;
		err2 = print_item(&p, &item);
		if (err2)
			break;
	}
	if (!err2)
		err2 = release(&p);
	if (!err2 && !tape_reader_complete(r)) {
		put(&p, "cut");
		err2 = put_statement(&p);
	}
	tape_buf_release(&p.st);
	tape_buf_release(&p.scratch);
	tape_buf_release(&p.held.bytes);
	asm_buf_release(&p.back);
	asm_runs_release(&p.runs);
	free(p.run_base);
	free(p.run_page);
	free(p.names);
	return err2 ? err2 : err;
}
