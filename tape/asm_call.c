// SPDX-License-Identifier: BSD-2-Clause
/* Calls in the text of a tape, with their data before and after: docs/tape-text.md. */
#include <ctype.h>
#include <stdlib.h>

#include "tape/asm_write.h"
#include "tape/show.h"

/* --- parts ------------------------------------------------------------------------------------ */

/* < size N, have N, at N, late, clipped, fault > */
static int part_attributes(struct assembler *a, struct asm_part *part)
{
	struct asm_in *in = &a->in;
	int err = 0;

	if (!asm_accept(in, '<'))
		return 0;
	do {
		if (asm_accept_word(in, "size")) {
			part->size_given = true;
			err = asm_number(in, &part->size);
		} else if (asm_accept_word(in, "have")) {
			part->have_given = true;
			err = asm_number(in, &part->have);
		} else if (asm_accept_word(in, "at")) {
			part->address_given = true;
			err = asm_number(in, &part->address);
		} else if (asm_accept_word(in, "late")) {
			part->flags |= TAPE_PART_LATE;
		} else if (asm_accept_word(in, "clipped")) {
			part->flags |= TAPE_PART_CLIPPED;
		} else if (asm_accept_word(in, "fault")) {
			part->flags |= TAPE_PART_FAULT;
		} else {
			return asm_fail(in, in->at,
					"bytes have: size N, have N, at N, late, clipped, fault");
		}
	} while (!err && asm_accept(in, ','));
	return err ? err : asm_expect(in, '>', "what the bytes have");
}

static int part_begin(struct assembler *a, const char *where, uint64_t role, struct asm_part **part)
{
	struct asm_half *half = &a->half;
	struct asm_part *p;

	if (role >= TAPE_ROLES)
		return asm_fail(&a->in, where, "a part's number is below %d", TAPE_ROLES);
	if (half->roles & 1ull << role)
		return asm_fail(
			&a->in, where, "the same bytes for the second time%s",
			role <= TAPE_ARG_OUT
				? "; a buffer behind a pointer of the struct is written '[0]: VALUE'"
				: "");
	half->roles |= 1ull << role;
	p = &half->part[half->count++];
	*p = (struct asm_part){.buf = p->buf, .where = where, .role = (uint8_t)role};
	*part = p;
	return asm_buf_begin(&p->buf, NULL, 0);
}

/* The run page before the call. */
static int part_base(struct assembler *a, struct asm_part *part, uint32_t object)
{
	uint8_t *page;
	int err;

	if (!asm_role_is_run(part->role))
		return 0;
	page = asm_run_page(&a->runs, object);
	if (!page)
		return -ENOMEM;
	err = asm_buf_begin(&part->buf, NULL, a->runs.size);
	if (!err)
		asm_run_base(&a->runs, page, part->role, part->buf.data);
	return err;
}

/* Explain why a struct is not possible in this call. */
static int part_fits(struct assembler *a, const struct open_call *call, uint8_t role)
{
	const struct kvmapi_ioctl *row = call->row;
	struct asm_in *in = &a->in;
	char words[KVMAPI_WORDS];

	asm_skip(in);
	if (role > TAPE_ARG_OUT || asm_role_type(row, role))
		return 0;
	if (row && *in->at == '{')
		return asm_fail(in, in->at, "%s takes a number, not a struct", row->name);
	if (row && role == TAPE_ARG_OUT && isdigit((unsigned char)*in->at))
		return asm_fail(
			in, in->at,
			"behind '=>' stands what a struct holds after the call; the result is written "
			"'= %c'",
			*in->at);
	if (!row && *in->at == '{' &&
	    !kvmapi_request_hint(in->arch, a->objects[call->object - 1].kind, call->request, words,
				 sizeof(words)))
		return asm_fail(in, in->at, "%s; made on a %s it has bytes only, hex\"...\"", words,
				kvmapi_object_name(a->objects[call->object - 1].kind));
	return 0;
}

/* A value of a role, with its attributes. */
static int part_value(struct assembler *a, const struct open_call *call, const char *where,
		      uint64_t role, uint8_t flags)
{
	struct asm_part *part;
	int err = part_begin(a, where, role, &part);

	if (!err)
		err = part_base(a, part, call->object);
	if (err)
		return err;
	part->flags = flags;
	if (asm_accept(&a->in, '?')) {
		part->have_given = true;
		return part_attributes(a, part);
	}
	err = part_fits(a, call, part->role);
	if (err)
		return err;
	err = asm_value(&a->in, asm_role_type(call->row, part->role),
			asm_role_origin(&a->runs, part->role), &part->buf);
	return err ? err : part_attributes(a, part);
}

/*
 * One part of a half: VALUE, [n]: VALUE, data VALUE, regs VALUE, part N VALUE.  `out`: 0 for the
 * half of the call, 1 for that of the return.
 */
static int part(struct assembler *a, const struct open_call *call, unsigned int out)
{
	const bool run = call->row && call->row->payload == KVMAPI_RUNPAGE;
	struct asm_in *in = &a->in;
	unsigned int side = out;
	uint8_t flags = 0;
	const char *where;
	uint64_t n;
	int err;

	asm_skip(in);
	where = in->at;
	if (out && asm_accept_word(in, "late")) {
		side = 0;
		flags = TAPE_PART_LATE;
		asm_skip(in);
	}
	if (*in->at == '[') {
		in->at++;
		err = asm_number(in, &n);
		if (!err)
			err = asm_expect(in, ']', "the number of a pointer");
		if (!err)
			err = asm_expect(in, ':', "the number of a pointer");
		if (!err && n >= TAPE_NESTED_POINTERS)
			err = asm_fail(in, where, "pointers are numbered below %d",
				       TAPE_NESTED_POINTERS);
		return err ? err
			   : part_value(a, call, where,
					(side ? TAPE_NESTED_OUT : TAPE_NESTED_IN) + n, flags);
	}
	if (asm_accept_word(in, "data"))
		return part_value(a, call, where, side ? TAPE_PIO_OUT : TAPE_PIO_IN, flags);
	if (asm_accept_word(in, "regs")) {
		if (!side && asm_accept_word(in, "none")) {
			a->half.no_regs = true;
			return 0;
		}
		return part_value(a, call, where, side ? TAPE_RUN_REGS_OUT : TAPE_RUN_REGS_IN,
				  flags);
	}
	if (asm_accept_word(in, "part")) {
		err = asm_number(in, &n);
		asm_skip(in);
		return err ? err : part_value(a, call, where, n, flags);
	}
	if (run && !side && asm_accept_word(in, "none")) {
		a->half.no_run = true;
		return 0;
	}
	if (out && asm_accept_word(in, "none")) {
		a->half.no_out = true;
		return 0;
	}
	if (out && asm_accept_word(in, "same")) {
		if (!call->has_in)
			return asm_fail(in, where, "the same as what? the call has no bytes");
		a->half.same = true;
		return part_begin(a, where, TAPE_ARG_OUT, &(struct asm_part *){NULL});
	}
	return part_value(a, call, where,
			  run ? (side ? TAPE_RUN_OUT : TAPE_RUN_IN)
			      : (side ? TAPE_ARG_OUT : TAPE_ARG_IN),
			  flags);
}

/* A part of KVM_RUN that the text left out: the page as it is. */
static int default_run_part(struct assembler *a, const struct open_call *call, const char *where,
			    uint8_t role, unsigned int at)
{
	struct asm_half *half = &a->half;
	struct asm_part *added, moved;
	int err = part_begin(a, where, role, &added);

	if (!err)
		err = part_base(a, added, call->object);
	if (err)
		return err;
	moved = *added;
	memmove(&half->part[at + 1], &half->part[at], (half->count - 1 - at) * sizeof(moved));
	half->part[at] = moved;
	return 0;
}

/* Fields that the text left to be filled in. */
static int part_auto(struct assembler *a, const struct open_call *call, struct asm_part *p,
		     const struct tape_object *created)
{
	struct asm_auto fields[ASM_AUTO_MAX];
	const uint32_t nested = (uint32_t)(a->half.roles >> TAPE_NESTED_IN) & 0xffff;
	const unsigned int count =
		asm_auto_fields(call->row, p->role, nested, created != NULL, fields);
	int err = 0;

	/* Bytes that were not captured are not filled in. */
	if (p->have_given)
		return 0;
	for (unsigned int i = 0; i < count && !err; i++) {
		const struct asm_auto *f = &fields[i];
		uint64_t value = 0;

		/* Nor bytes that the text says are missing. */
		if (asm_buf_is_set(&p->buf, f->offset, f->size) ||
		    (p->size_given && f->offset + f->size > p->size))
			continue;
		err = asm_buf_need(&p->buf, f->offset + f->size);
		if (err)
			break;
		switch (f->what) {
		case ASM_AUTO_COUNT:
			if (p->buf.extent > call->row->size)
				value = (p->buf.extent - call->row->size + call->row->elem_size -
					 1) /
					call->row->elem_size;
			break;
		case ASM_AUTO_POINTER:
			value = ASM_ADDR_NESTED(f->number);
			break;
		case ASM_AUTO_FD:
			value = (uint32_t)created->fd;
			break;
		}
		asm_number_put(a->in.arch, p->buf.data + f->offset, value, f->size);
	}
	return err;
}

/* Complete a part for the writer. */
static int part_finish(struct assembler *a, const struct open_call *call, struct asm_part *p,
		       const struct tape_object *created, int64_t ret, struct tape_part *to)
{
	const size_t origin = asm_role_origin(&a->runs, p->role);
	const bool nested = p->role >= TAPE_NESTED_IN;
	int err = part_auto(a, call, p, created);

	if (err)
		return err;
	if (!p->size_given)
		p->size = asm_default_size(a->in.arch, &a->runs, call->row, p->role, &p->buf, ret);
	if (!p->have_given)
		p->have = p->size;
	if (p->size > UINT32_MAX || p->have > p->size || p->have > TAPE_MAX_HALF)
		return asm_fail(&a->in, p->where,
				"size %llu, have %llu: at most %d, and have is not more than size",
				(unsigned long long)p->size, (unsigned long long)p->have,
				TAPE_MAX_HALF);
	if (p->buf.set_end > origin + p->have && !p->have_given && !p->size_given &&
	    (p->role == TAPE_RUN_IN || p->role == TAPE_RUN_OUT)) {
		const char *name = kvmapi_exit_name((uint32_t)asm_number_get(
			a->in.arch, p->buf.data + TAPE_RUN_EXIT_REASON, 4));

		/* The exit in the text is not the cause: the kernel writes none. */
		if (p->role == TAPE_RUN_OUT && asm_error_leaves_exit(ret))
			return asm_fail(
				&a->in, p->where,
				"after an error the page ends before the member of the exit, at byte "
				"%llu: KVM writes none; the text goes to byte %zu (leave the member "
				"out; <size N> if it was there all the same)",
				(unsigned long long)p->have, p->buf.set_end - origin);
		return asm_fail(
			&a->in, p->where,
			"the exit reason of the page is %s, which has %llu bytes; the text "
			"goes to byte %zu (say the .exit_reason that has this member, or <size N>)",
			name ? name : "not known", (unsigned long long)p->have,
			p->buf.set_end - origin);
	}
	if (p->buf.set_end > origin + p->have)
		return asm_fail(
			&a->in, p->where,
			"the text goes to byte %zu, but there are %llu (<size N> says how many)",
			p->buf.set_end - origin, (unsigned long long)p->have);
	err = asm_buf_need(&p->buf, origin + p->have);
	if (err)
		return err;
	if (!p->address_given && p->role <= TAPE_ARG_OUT)
		p->address = call->arg;
	else if (!p->address_given && nested)
		p->address = asm_default_address(
			a->in.arch, call->row,
			p->role - (p->role >= TAPE_NESTED_OUT ? TAPE_NESTED_OUT : TAPE_NESTED_IN),
			call->bytes.data, call->has_in ? call->in.have : 0);
	*to = (struct tape_part){
		.role = p->role,
		.flags = p->flags,
		.want = (uint32_t)p->size,
		.have = (uint32_t)p->have,
		.addr = p->address,
		.data = p->have ? p->buf.data + origin : NULL,
	};
	if (asm_role_is_run(p->role) && asm_run_page(&a->runs, call->object))
		asm_run_update(&a->runs, asm_run_page(&a->runs, call->object), to);
	return 0;
}

static void half_begin(struct assembler *a)
{
	struct asm_half *half = &a->half;

	half->count = 0;
	half->roles = 0;
	half->no_run = false;
	half->no_regs = false;
	half->same = false;
	half->no_out = false;
}

/* --- calls ------------------------------------------------------------------------------------ */

static int ioctl_unknown(struct asm_in *in, const char *name, size_t len)
{
	char hint[NEAR_TEXT];
	struct near near;

	near_begin(&near, name, len, "KVM_");
	kvmapi_ioctl_names(in->arch, near_offer_name, &near);
	return asm_fail(in, name, "no ioctl '%.*s' on %s%s", (int)(len > 63 ? 63 : len), name,
			kvmapi_arch_name(in->arch), near_text(&near, "", hint, sizeof(hint)));
}

/*
 * A row for the request, possibly of another kind of object: then the type of the bytes is not
 * known.
 */
static int call_request(struct assembler *a, struct open_call *call, uint8_t kind)
{
	struct asm_in *in = &a->in;
	const struct kvmapi_ioctl *row;
	const char *name;
	char copy[64];
	size_t len;

	name = asm_name(in, &len);
	if (!name)
		return asm_fail(in, in->at, "the name of an ioctl should come after '.'");
	if (len == 5 && !strncmp(name, "ioctl", 5))
		return 1;
	snprintf(copy, sizeof(copy), "%.*s", (int)len, name);
	row = len < sizeof(copy) ? kvmapi_find_name(in->arch, copy) : NULL;
	if (!row)
		return ioctl_unknown(in, name, len);
	call->request = row->request;
	call->row = kvmapi_find(in->arch, kind, row->request);
	return 0;
}

/* Does a part come next rather than the argument's number? */
static bool part_next(struct asm_in *in)
{
	static const char *const words[] = {"data", "regs", "part", "none"};
	const char *at;

	asm_skip(in);
	at = in->at;
	if (*at == '{' || *at == '[' || *at == '?' || asm_hex_next(in))
		return true;
	for (size_t n = 0; n < sizeof(words) / sizeof(words[0]); n++) {
		if (!asm_accept_word(in, words[n]))
			continue;
		in->at = at;
		return true;
	}
	return false;
}

/* A number is the address of a struct; a constant of KVM is not. */
static int pointer_fits(struct assembler *a, const struct kvmapi_ioctl *row)
{
	struct asm_in *in = &a->in;
	const char *begin = in->at, *name;
	uint64_t value;
	char copy[64];
	size_t len;

	if (!asm_takes_struct(row))
		return 0;
	name = asm_name(in, &len);
	in->at = begin;
	if (!name || len >= sizeof(copy))
		return 0;
	snprintf(copy, sizeof(copy), "%.*s", (int)len, name);
	if (asm_symbol_find(&a->symbols, name, len) || kvmapi_constant(in->arch, copy, &value))
		return 0;
	return asm_fail(in, name, "%s takes a struct, {.field = ...}: a number is its address",
			row->name);
}

/* ( [request,] [argument,] part, ... ) */
static int arguments(struct assembler *a, struct open_call *call, uint8_t kind, bool numbered)
{
	struct asm_in *in = &a->in;
	bool arg_given = false;
	const char *where;
	uint64_t number;
	int err = asm_expect(in, '(', "the name of an ioctl");

	if (err)
		return err;
	in->depth++;
	half_begin(a);
	call->arg = 0;
	if (numbered) {
		asm_skip(in);
		where = in->at;
		err = asm_number(in, &number);
		if (err)
			return err;
		if (number > UINT32_MAX)
			return asm_fail(in, where, "a request has 32 bits");
		call->request = (uint32_t)number;
		call->row = kvmapi_find(in->arch, kind, call->request);
		if (!asm_accept(in, ','))
			goto close;
	}
	asm_skip(in);
	if (*in->at != ')' && !part_next(in)) {
		arg_given = true;
		err = pointer_fits(a, call->row);
		if (!err)
			err = asm_number(in, &call->arg);
		if (!err && !asm_accept(in, ','))
			goto close;
	}
	while (!err && !asm_accept(in, ')')) {
		err = part(a, call, 0);
		if (!err && !asm_accept(in, ','))
			goto close;
	}
	goto out;
close:
	if (!err)
		err = asm_expect(in, ')', "the arguments");
out:
	in->depth--;
	if (!err && !arg_given &&
	    (asm_takes_struct(call->row) || a->half.roles & 1u << TAPE_ARG_IN)) {
		call->arg = ASM_ADDR_ARG;
		for (unsigned int i = 0; i < a->half.count; i++) {
			const struct asm_part *p = &a->half.part[i];

			if (p->role == TAPE_ARG_IN && p->flags & TAPE_PART_FAULT && p->have_given &&
			    !p->have)
				call->arg += ASM_ADDR_BAD;
		}
	}
	return err;
}

/* Write the call whose arguments were read. */
static int call_write(struct assembler *a, const char *where, uint32_t thread)
{
	struct open_call *call = &a->calls[thread];
	struct tape_part parts[TAPE_ROLES];
	struct tape_call to = {.thread = thread,
			       .object = call->object,
			       .request = call->request,
			       .arg = call->arg};
	struct asm_half *half = &a->half;
	int err = 0;

	if (call->row && call->row->payload == KVMAPI_RUNPAGE) {
		if (!half->no_run && !(half->roles & 1u << TAPE_RUN_IN))
			err = default_run_part(a, call, where, TAPE_RUN_IN, 0);
		if (!err && !half->no_regs && !(half->roles & 1u << TAPE_RUN_REGS_IN))
			err = default_run_part(a, call, where, TAPE_RUN_REGS_IN,
					       half->count && half->part[0].role == TAPE_RUN_IN);
	}
	call->has_in = false;
	/* The argument first, since it holds the addresses of the others. */
	for (unsigned int pass = 0; pass < 2; pass++) {
		for (unsigned int i = 0; i < half->count && !err; i++) {
			if ((half->part[i].role == TAPE_ARG_IN) == pass)
				continue;
			err = part_finish(a, call, &half->part[i], NULL, 0, &parts[i]);
			if (err || half->part[i].role != TAPE_ARG_IN)
				continue;
			call->has_in = true;
			call->in = parts[i];
			call->bytes.len = 0;
			err = tape_buf_add(&call->bytes, parts[i].data, parts[i].have);
		}
	}
	if (err)
		return err;
	to.parts = parts;
	to.part_count = half->count;
	call->open = true;
	return asm_written(a, where, tape_writer_call(a->w, &to));
}

int asm_result(struct assembler *a, int64_t *ret)
{
	struct asm_in *in = &a->in;
	const char *name, *begin;
	char copy[32], hint[NEAR_TEXT];
	struct near near;
	uint64_t value;
	size_t len;
	int error, err;

	asm_skip(in);
	if (in->at[0] == '-' && isalpha((unsigned char)in->at[1])) {
		in->at++;
		name = asm_name(in, &len);
		snprintf(copy, sizeof(copy), "%.*s", (int)len, name);
		error = kvmapi_errno_number(copy);
		if (error < 0) {
			near_begin(&near, name, len, "");
			kvmapi_errno_names(near_offer_name, &near);
			return asm_fail(in, name, "no error '%s'%s", copy,
					near_text(&near, "-", hint, sizeof(hint)));
		}
		*ret = -error;
		return 0;
	}
	if (*in->at == '{')
		return asm_fail(
			in, in->at,
			"the result is a number or -ENAME; what the struct holds after the call "
			"comes before it, behind '=>'");
	begin = in->at;
	name = asm_name(in, &len);
	snprintf(copy, sizeof(copy), "%.*s", name ? (int)len : 0, name ? name : "");
	if (kvmapi_errno_number(copy) > 0)
		return asm_fail(in, name, "an error is negative: -%s", copy);
	in->at = begin;
	err = asm_number(in, &value);
	*ret = (int64_t)value;
	return err;
}

/* A name before '=': the object that the call makes. */
struct creation {
	const char *name; /* NULL = none */
	size_t len;
	uint32_t known; /* id of an object that is there already */
	struct tape_object object;
	const char *attributes; /* where to read them once the call is known; NULL */
};

/* [=> part, ...] [= result], and the object that the call makes */
static int return_write(struct assembler *a, const char *where, uint32_t thread,
			struct creation *creation)
{
	struct open_call *call = &a->calls[thread];
	const struct kvmapi_ioctl *row = call->row;
	struct tape_part parts[TAPE_ROLES];
	struct tape_return to = {0};
	struct asm_in *in = &a->in;
	const struct tape_object *created = NULL;
	bool given = false;
	int err = 0;

	half_begin(a);
	asm_skip(in);
	if (in->at[0] == '=' && in->at[1] == '>') {
		if (a->no_results)
			return asm_fail(in, in->at, "the tape says 'results none'");
		in->at += 2;
		do
			err = part(a, call, 1);
		while (!err && asm_accept(in, ','));
		given = true;
	}
	asm_skip(in);
	where = given ? where : in->at;
	if (!err && asm_accept(in, '=')) {
		if (a->no_results)
			return asm_fail(in, in->at - 1, "the tape says 'results none'");
		err = asm_result(a, &to.ret);
		given = true;
		/* By default, the returned descriptor is that of the object. */
		if (!err && creation->name && !creation->known && !creation->attributes && row &&
		    row->creates && row->fd_offset < 0 && to.ret >= 0)
			creation->object.fd = (int32_t)to.ret;
	} else if (!err && !creation->name && !a->no_results) {
		return asm_fail(in, in->at,
				"the result should come here, as in '= 0' or '= -EINVAL' "
				"(a tape without results says 'results none' at its beginning)");
	} else if (!err && row && row->creates && row->fd_offset < 0 && creation->name) {
		to.ret = creation->known ? a->objects[creation->known - 1].fd : creation->object.fd;
	}
	if (!err)
		err = asm_statement_end(in);
	if (err)
		return err;
	if (creation->name && !creation->known) {
		err = asm_add_object(a, creation->name, creation->len, &creation->object);
		if (err)
			return err;
		creation->known = creation->object.id;
	}
	if (creation->known) {
		to.created = creation->known;
		created = &a->objects[creation->known - 1];
	}
	for (unsigned int i = 0; i < a->half.count && !err; i++) {
		if (a->half.same && a->half.part[i].role == TAPE_ARG_OUT) {
			parts[i] = call->in;
			parts[i].role = TAPE_ARG_OUT;
			parts[i].data = call->bytes.data;
			/* Except the descriptor of a new object. */
			if (created && row && row->creates && row->fd_offset >= 0 &&
			    (size_t)row->fd_offset + 4 <= call->bytes.len)
				asm_number_put(a->in.arch, call->bytes.data + row->fd_offset,
					       (uint32_t)created->fd, 4);
			continue;
		}
		err = part_finish(a, call, &a->half.part[i], created, to.ret, &parts[i]);
	}
	if (err)
		return err;
	to.parts = parts;
	to.part_count = a->half.count;
	if (asm_default_out(row, created != NULL, call->has_in ? call->in.have : 0) &&
	    to.ret >= 0 && !a->no_results && !a->half.no_out &&
	    !(a->half.roles & 1u << TAPE_ARG_OUT)) {
		/* The struct comes back with the descriptor in it. */
		asm_number_put(in->arch, call->bytes.data + row->fd_offset, (uint32_t)created->fd,
			       4);
		memmove(&parts[1], &parts[0], to.part_count * sizeof(parts[0]));
		parts[0] = call->in;
		parts[0].role = TAPE_ARG_OUT;
		parts[0].data = call->bytes.data;
		to.part_count++;
	}
	call->open = false;
	return asm_written(a, where, tape_writer_return(a->w, thread, &to));
}

/* What the argument tells about the new object. */
static int creation_prepare(struct assembler *a, const struct open_call *call,
			    struct creation *creation)
{
	const struct kvmapi_ioctl *row = call->row;
	const char *after = a->in.at;
	int err = 0;

	if (!creation->name || creation->known)
		return 0;
	if (!row || !row->creates)
		return asm_fail(&a->in, creation->name, "this call makes no object '%.*s'",
				(int)(creation->len > 80 ? 80 : creation->len), creation->name);
	creation->object = asm_new_object(a, row->creates);
	creation->object.parent = asm_default_parent(row->creates, call->object);
	creation->object.number = asm_default_number(a->in.arch, row, call->arg, call->bytes.data,
						     call->has_in ? call->in.have : 0);
	if (creation->attributes) {
		a->in.at = creation->attributes;
		err = asm_object_attributes(a, &creation->object);
		a->in.at = after;
	}
	return err;
}

static int thread_prefix(struct assembler *a, uint32_t *thread)
{
	const char *where;
	uint64_t number = 0;
	int err = 0;

	asm_skip(&a->in);
	where = a->in.at;
	if (asm_accept(&a->in, '@'))
		err = asm_number(&a->in, &number);
	if (!err)
		err = asm_need_thread(a, where, number);
	*thread = (uint32_t)number;
	return err;
}

/* [NAME [<...>] =] OBJECT . */
static int call_head(struct assembler *a, struct creation *creation, uint32_t *object)
{
	struct asm_in *in = &a->in;
	struct tape_object ignored;
	const char *name;
	size_t len;
	int err;

	memset(creation, 0, sizeof(*creation));
	name = asm_name(in, &len);
	if (!name)
		return asm_fail(in, in->at, "%s",
				asm_is_foreign_comment(in->at)
					? "a comment begins with '#'"
					: "the name of an object should come here");
	asm_skip(in);
	if (*in->at == '<') {
		creation->attributes = in->at;
		memset(&ignored, 0, sizeof(ignored));
		err = asm_object_attributes(a, &ignored);
		if (err)
			return err;
	}
	if (asm_accept(in, '=')) {
		creation->name = name;
		creation->len = len;
		creation->known = asm_object_named(a, name, len);
		name = asm_name(in, &len);
		if (!name && asm_is_statement(creation->name, creation->len))
			return asm_fail(in, in->at,
					"'%.*s' is followed by what it says, without '='",
					(int)creation->len, creation->name);
		if (!name)
			return asm_fail(in, in->at, "OBJECT.IOCTL(...) should come after '='");
	}
	err = asm_need_object(a, name, len, object);
	return err ? err : asm_expect(in, '.', "an object");
}

int asm_statement_call(struct assembler *a, bool begin)
{
	struct asm_in *in = &a->in;
	struct creation creation;
	struct open_call *call;
	uint32_t thread, object;
	const char *where;
	uint8_t kind;
	int err = thread_prefix(a, &thread);

	asm_skip(in);
	where = in->at;
	if (!err)
		err = call_head(a, &creation, &object);
	if (err)
		return err;
	if (begin && creation.name)
		return asm_fail(in, creation.name, "the object is named where the call ends");
	call = &a->calls[thread];
	call->object = object;
	kind = a->objects[object - 1].kind;
	call->row = NULL;
	call->has_in = false;
	err = call_request(a, call, kind);
	if (err < 0)
		return err;
	err = arguments(a, call, kind, err);
	if (!err && begin && asm_accept(in, '='))
		return asm_fail(
			in, in->at - 1,
			"what comes of it is said where the call ends: end OBJECT.IOCTL = RESULT");
	if (!err && begin)
		err = asm_statement_end(in);
	if (!err)
		err = call_write(a, where, thread);
	if (err || begin)
		return err;
	err = creation_prepare(a, call, &creation);
	return err ? err : return_write(a, where, thread, &creation);
}

/* end [@N] [NAME [<...>] =] OBJECT.IOCTL [=> ...] [= result] */
int asm_statement_end_call(struct assembler *a)
{
	struct asm_in *in = &a->in;
	struct open_call *call, named = {0};
	struct creation creation;
	uint32_t thread, object;
	const char *where;
	uint64_t request;
	int err = thread_prefix(a, &thread);

	asm_skip(in);
	where = in->at;
	if (!err)
		err = call_head(a, &creation, &object);
	if (err)
		return err;
	call = &a->calls[thread];
	if (!call->open)
		return asm_fail(in, where, "thread %u has no call that could end", thread);
	if (call->object != object)
		return asm_fail(in, where, "the call that thread %u is in is on another object",
				thread);
	err = call_request(a, &named, a->objects[object - 1].kind);
	if (err == 1) {
		err = asm_expect(in, '(', "ioctl");
		if (!err)
			err = asm_number(in, &request);
		if (!err)
			err = asm_expect(in, ')', "a request");
		named.request = err ? 0 : (uint32_t)request;
	}
	if (err)
		return err;
	if (named.request != call->request)
		return asm_fail(in, where, "thread %u is in another ioctl", thread);
	if (asm_accept(in, '('))
		return asm_fail(in, in->at - 1,
				"the arguments stand with 'begin': end OBJECT.IOCTL = RESULT");
	err = creation_prepare(a, call, &creation);
	return err ? err : return_write(a, where, thread, &creation);
}
