/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which bytes of an argument are alive: live.def, unions.def and the holes of BTF, made into a
 * short program for each type.  Running it over a value clears the bits of a mask that are dead.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bytes.h"
#include "kvmapi/types.h"

#define PATH_ROOM  256
/* Flag of a run over struct kvm_run: its state before the call, not after it. */
#define RUN_ANSWER 1u
#define DEPTH_MAX  24

enum live_code {
	LIVE_DEAD,   /* bytes [at, at + size); size 0: to the end */
	LIVE_BITS,   /* bits .mask of byte `at` */
	LIVE_IF,     /* skip .skip operations unless (number & mask) == value */
	LIVE_UNLESS, /* as LIVE_IF, negated */
	LIVE_SYNCED, /* skip .skip operations if the run's mask has a bit of .mask */
	LIVE_COUNT,  /* elements at .from: those from the number on are dead */
	LIVE_LOOP,   /* run the next .skip operations .value times; 0 = to the end */
	LIVE_SWITCH, /* jump to the case of the number (.value cases at .mask) */
	LIVE_JUMP,   /* skip .skip operations */
	LIVE_FD,     /* [at, at + size) names a descriptor */
	LIVE_PTR,    /* [at, at + size) is an address */
};

struct live_op {
	uint8_t code;
	uint8_t width; /* bytes of the number at `at` */
	uint32_t skip;
	uint32_t at;
	uint32_t size;
	uint32_t from;
	uint64_t mask;
	uint64_t value;
};

struct live_case {
	uint64_t value;
	uint32_t to; /* index of an operation */
	bool otherwise;
};

struct live_program {
	struct live_op *ops;
	struct live_case *cases;
	uint32_t op_count, case_count;
	size_t op_room, case_room;
};

struct range {
	uint32_t at, size;
};

#define READS_MAX 8

/* How one ioctl uses its argument. */
struct row_live {
	const struct live_program *argument, *element;
	bool reads; /* only the ranges below */
	bool fills, answers_errors, first_by_result;
	struct range argument_reads[READS_MAX], element_reads[READS_MAX];
	uint8_t argument_read_count, element_read_count;
	uint32_t limit; /* of its count, 0 = none */
};

struct arch_live {
	struct live_program **by_type; /* by id of BTF, NULL = not a type of the tables */
	struct row_live *rows;
	const struct live_program *run, *sync; /* struct kvm_run, struct kvm_sync_regs */
	bool *used;			       /* which rows of live.def were met */
	bool ready;
};

static struct arch_live lives[KVMAPI_ARCHS];
static pthread_once_t lives_once = PTHREAD_ONCE_INIT;

/* --- making programs -------------------------------------------------------------------------- */

/* A named struct around the current position, and where its paths begin. */
struct level {
	uint32_t id;
	uint32_t at;
	uint32_t path;
};

struct compiler {
	const struct types *types;
	const struct btf *btf;
	const struct kvmapi_table *table;
	struct live_program *program;
	struct arch_live *live;
	bool big_endian;
	bool run; /* struct kvm_run */
	bool failed;
	struct level levels[DEPTH_MAX];
	unsigned int level_count, depth;
	char path[PATH_ROOM];
	size_t path_len;
	/* Optional: the class of each byte, and what has no row. */
	uint8_t *classes;
	size_t class_room;
	unsigned int unsaid;
	void (*say)(void *context, const char *type, const char *path);
	void *context;
};

static struct live_op *op_add(struct compiler *c, struct live_op op)
{
	struct live_program *p = c->program;

	if (array_grow(&p->ops, &p->op_room, p->op_count)) {
		c->failed = true;
		return NULL;
	}
	p->ops[p->op_count] = op;
	return &p->ops[p->op_count++];
}

/* Let operation `at` skip everything emitted after it. */
static void op_skip_to_here(struct compiler *c, uint32_t at)
{
	if (!c->failed)
		c->program->ops[at].skip = c->program->op_count - at - 1;
}

static void case_add(struct compiler *c, uint64_t value, bool otherwise)
{
	struct live_program *p = c->program;

	if (array_grow(&p->cases, &p->case_room, p->case_count)) {
		c->failed = true;
		return;
	}
	p->cases[p->case_count++] = (struct live_case){.value = value, .otherwise = otherwise};
}

static void class_set(struct compiler *c, size_t at, size_t size, enum kvmapi_byte class)
{
	for (size_t i = at; c->classes && i < at + size && i < c->class_room; i++)
		c->classes[i] = class;
}

static const char *named(const struct compiler *c)
{
	const struct level *level = &c->levels[c->level_count - 1];

	return c->level_count ? types_name(c->btf, btf__type_by_id(c->btf, level->id)->name_off)
			      : "";
}

static void unsaid(struct compiler *c, size_t at, size_t size)
{
	class_set(c, at, size, KVMAPI_BYTE_UNSAID);
	c->unsaid++;
	if (c->say)
		c->say(c->context, named(c), c->path);
}

/* Is the path of a row, without its [0], the current one? *index: of a last [n], n > 0. */
static bool path_is(const char *row, const char *path, uint32_t *index)
{
	*index = 0;
	for (;; row++) {
		if (*row == '[') {
			*index = (uint32_t)strtoul(row + 1, NULL, 10);
			row += strcspn(row, "]");
			continue;
		}
		if (*row != *path)
			return false;
		if (!*row)
			return true;
		path++;
	}
}

/* The place of the number that a row of the level tests. */
static bool by_find(const struct compiler *c, const struct level *level, const char *by,
		    uint32_t *at, uint8_t *width)
{
	size_t offset = 0, size;

	if (types_path(c->btf, level->id, by, &offset, &size) < 0 || size > 8)
		return false;
	*at = level->at + (uint32_t)offset;
	*width = (uint8_t)size;
	return true;
}

static void use_emit(struct compiler *c, const struct level *level, const struct kvmapi_use *use,
		     uint32_t at, uint32_t size, uint32_t count)
{
	struct live_op op = {.mask = use->mask, .value = use->value};

	if (use->by && !by_find(c, level, use->by, &op.at, &op.width)) {
		c->failed = true;
		return;
	}
	switch (use->kind) {
	case KVMAPI_USE_IGNORED:
		op_add(c, (struct live_op){.code = LIVE_DEAD, .at = at, .size = size});
		class_set(c, at, size, KVMAPI_BYTE_IGNORED);
		break;
	case KVMAPI_USE_WHEN: /* dead unless */
	case KVMAPI_USE_UNLESS:
		op.code = use->kind == KVMAPI_USE_WHEN ? LIVE_UNLESS : LIVE_IF;
		op.skip = 1;
		op_add(c, op);
		op_add(c, (struct live_op){.code = LIVE_DEAD, .at = at, .size = size});
		class_set(c, at, size, KVMAPI_BYTE_DEPENDS);
		break;
	case KVMAPI_USE_SYNCED:
		op.code = LIVE_SYNCED;
		op.skip = 1;
		op_add(c, op);
		op_add(c, (struct live_op){.code = LIVE_DEAD, .at = at, .size = size});
		class_set(c, at, size, KVMAPI_BYTE_DEPENDS);
		break;
	case KVMAPI_USE_WRITTEN_WHEN:
		op_add(c, (struct live_op){.code = LIVE_SYNCED, .mask = RUN_ANSWER, .skip = 2});
		op.code = LIVE_UNLESS;
		op.skip = 1;
		op_add(c, op);
		op_add(c, (struct live_op){.code = LIVE_DEAD, .at = at, .size = size});
		class_set(c, at, size, KVMAPI_BYTE_DEPENDS);
		break;
	case KVMAPI_USE_COUNTED:
		op.code = LIVE_COUNT;
		op.from = at;
		op.size = count ? size / count : size;
		op.value = count;
		op_add(c, op);
		class_set(c, at, size, KVMAPI_BYTE_DEPENDS);
		break;
	case KVMAPI_USE_FD:
	case KVMAPI_USE_PTR:
		op.code = LIVE_IF;
		op.skip = 1;
		op_add(c, op);
		op_add(c, (struct live_op){.code = use->kind == KVMAPI_USE_FD ? LIVE_FD : LIVE_PTR,
					   .at = at,
					   .size = size});
		break;
	}
}

/*
 * Apply live.def to the member at the path. True: all of it is dead or alive, so its members need
 * no look.
 */
static bool uses_emit(struct compiler *c, uint32_t id, uint32_t at, uint32_t size, bool *said)
{
	const struct btf_type *t = types_real(c->btf, &id);
	uint32_t count = btf_is_array(t) ? btf_array(t)->nelems : 0, index;
	bool settled = false;

	for (unsigned int l = 0; l < c->level_count; l++) {
		const struct level *level = &c->levels[l];
		const struct rows_by_type *rows = &c->types->uses;

		for (unsigned int n = rows->first[level->id]; n; n = rows->next[n - 1]) {
			const struct kvmapi_use *use = &c->table->uses[n - 1];
			uint32_t each = count ? size / count : size;

			if (!path_is(use->path, c->path + level->path, &index))
				continue;
			c->live->used[n - 1] = true;
			if (use->kind == KVMAPI_USE_ALIVE || use->kind == KVMAPI_USE_IGNORED)
				*said = true;
			settled |= use->kind == KVMAPI_USE_ALIVE ||
				   (use->kind == KVMAPI_USE_IGNORED && !index);
			/* A descriptor or address is one element, never an array. */
			if (index || use->kind == KVMAPI_USE_FD || use->kind == KVMAPI_USE_PTR)
				use_emit(c, level, use, at + index * each, each, 0);
			else
				use_emit(c, level, use, at, size, count);
		}
	}
	return settled;
}

static bool named_like_padding(const char *name)
{
	static const char *const beginnings[] = {"pad",	  "reserve", "rsvd",	 "__reserved",
						 "__pad", "unused",  "__unused", "dummy"};

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (!strncmp(name, beginnings[i], strlen(beginnings[i])))
			return true;
	return false;
}

static void emit_type(struct compiler *c, uint32_t id, uint32_t at, bool anonymous);

static size_t path_add(struct compiler *c, const char *name)
{
	size_t before = c->path_len;
	int n = snprintf(c->path + before, sizeof(c->path) - before, "%s%s", before ? "." : "",
			 name);

	if (n > 0 && before + (size_t)n < sizeof(c->path))
		c->path_len = before + (size_t)n;
	else
		c->failed = true;
	return before;
}

static void path_cut(struct compiler *c, size_t before)
{
	c->path_len = before;
	c->path[before] = 0;
}

static void emit_member(struct compiler *c, const struct btf_type *t, uint32_t n, uint32_t at)
{
	const struct btf_member *m = &btf_members(t)[n];
	uint32_t bit = btf_member_bit_offset(t, n), bits = btf_member_bitfield_size(t, n);
	uint32_t from = at + bit / 8, size = (uint32_t)types_size(c->btf, m->type), first;
	const char *name = types_name(c->btf, m->name_off);
	bool said = false, settled;
	size_t before;

	if (types_placeholder(c->btf, m))
		return;
	if (!name) {
		if (types_anonymous(c->btf, m))
			emit_type(c, m->type, from, true);
		return;
	}
	before = path_add(c, name);
	first = c->program->op_count;
	if (bits)
		size = (bit % 8 + bits + 7) / 8;
	class_set(c, from, size, KVMAPI_BYTE_FIELD);
	settled = uses_emit(c, m->type, from, size, &said);
	if (bits && c->program->op_count > first && !c->failed) {
		/* Only the bits are dead; live.def has this for one field. */
		c->program->op_count = first;
		for (uint32_t b = bit; b < bit + bits; b++)
			op_add(c, (struct live_op){.code = LIVE_BITS,
						   .at = at + b / 8,
						   .mask = c->big_endian ? 0x80u >> b % 8
									 : 1u << b % 8});
		class_set(c, from, size, KVMAPI_BYTE_FIELD);
	}
	if (!said && named_like_padding(name))
		unsaid(c, from, size);
	else if (!settled && !bits)
		emit_type(c, m->type, from, false);
	path_cut(c, before);
}

/* Bytes, and bits, that no member holds. */
static void emit_holes(struct compiler *c, const struct btf_type *t, uint32_t at)
{
	uint8_t *held = calloc(1, t->size + 1u);

	if (!held) {
		c->failed = true;
		return;
	}
	for (uint32_t n = 0; n < btf_vlen(t); n++) {
		const struct btf_member *m = &btf_members(t)[n];
		uint32_t bit = btf_member_bit_offset(t, n), bits = btf_member_bitfield_size(t, n);

		if (types_placeholder(c->btf, m))
			continue;
		if (!bits)
			bits = 8 * (uint32_t)types_size(c->btf, m->type);
		for (uint32_t b = bit; b < bit + bits && b < 8 * t->size; b++)
			held[b / 8] |= (uint8_t)(c->big_endian ? 0x80u >> b % 8 : 1u << b % 8);
	}
	for (uint32_t i = 0; i < t->size; i++) {
		uint32_t from = i;

		if (held[i] && held[i] != 0xff)
			op_add(c, (struct live_op){.code = LIVE_BITS,
						   .at = at + i,
						   .mask = (uint8_t)~held[i]});
		while (i < t->size && !held[i])
			i++;
		if (i == from)
			continue;
		op_add(c, (struct live_op){.code = LIVE_DEAD, .at = at + from, .size = i - from});
		class_set(c, at + from, i - from, KVMAPI_BYTE_HOLE);
		i--;
	}
	free(held);
}

static void emit_struct(struct compiler *c, const struct btf_type *t, uint32_t id, uint32_t at)
{
	bool has_name = types_name(c->btf, t->name_off);

	if (has_name)
		c->levels[c->level_count++] = (struct level){
			.id = id, .at = at, .path = (uint32_t)(c->path_len + !!c->path_len)};
	for (uint32_t n = 0; n < btf_vlen(t); n++)
		emit_member(c, t, n, at);
	emit_holes(c, t, at);
	c->level_count -= has_name;
}

/* The member of a union by its name, also in an anonymous one. */
static int member_of(const struct compiler *c, const struct btf_type *t, const char *name)
{
	for (uint32_t n = 0; n < btf_vlen(t); n++) {
		const struct btf_member *m = &btf_members(t)[n];
		const char *member = types_name(c->btf, m->name_off);
		uint32_t id = m->type;

		if (member ? !strcmp(member, name)
			   : types_has_member(c->btf, types_real(c->btf, &id), name, strlen(name)))
			return (int)n;
	}
	return -1;
}

/* The union holds this member: bytes after its end are dead, and the dead bytes in it. */
static void emit_chosen(struct compiler *c, const struct btf_type *t, uint32_t at, const char *name)
{
	int n = *name ? member_of(c, t, name) : -1;
	uint32_t size = 0;

	if (*name && n < 0) {
		c->failed = true;
		return;
	}
	if (n >= 0) {
		size = (uint32_t)types_size(c->btf, btf_members(t)[n].type);
		emit_member(c, t, (uint32_t)n, at);
	}
	if (size < t->size)
		op_add(c, (struct live_op){
				  .code = LIVE_DEAD, .at = at + size, .size = t->size - size});
}

struct choice {
	uint64_t value;
	const char *member;
	bool otherwise;
};

/* The choices are `get(n)`; a number without one makes all of the union dead. */
static void emit_switch(struct compiler *c, const struct btf_type *t, uint32_t at, uint32_t by,
			uint8_t width, uint32_t count,
			struct choice (*get)(const void *from, uint32_t n), const void *from)
{
	struct live_program *p = c->program;
	uint32_t first = p->case_count, *ends;
	uint8_t *classes = c->classes;

	ends = calloc(count + 1u, sizeof(*ends));
	if (!ends) {
		c->failed = true;
		return;
	}
	op_add(c, (struct live_op){.code = LIVE_SWITCH,
				   .at = by,
				   .width = width,
				   .mask = first,
				   .value = count});
	for (uint32_t n = 0; n < count; n++) {
		struct choice choice = get(from, n);

		case_add(c, choice.value, choice.otherwise);
	}
	op_add(c, (struct live_op){.code = LIVE_DEAD, .at = at, .size = t->size});
	ends[count] = p->op_count;
	op_add(c, (struct live_op){.code = LIVE_JUMP});
	c->classes = NULL;
	for (uint32_t n = 0; n < count && !c->failed; n++) {
		p->cases[first + n].to = p->op_count;
		emit_chosen(c, t, at, get(from, n).member);
		ends[n] = p->op_count;
		op_add(c, (struct live_op){.code = LIVE_JUMP});
	}
	for (uint32_t n = 0; n <= count && !c->failed; n++)
		op_skip_to_here(c, ends[n]);
	c->classes = classes;
	class_set(c, at, t->size, KVMAPI_BYTE_UNION);
	free(ends);
}

static struct choice choice_of_exit(const void *from, uint32_t n)
{
	const struct kvmapi_exit *e = (const struct kvmapi_exit *)from + n;

	return (struct choice){.value = e->reason, .member = e->member ? e->member : ""};
}

static struct choice choice_of_case(const void *from, uint32_t n)
{
	const struct kvmapi_case *row = (const struct kvmapi_case *)from + n;

	return (struct choice){
		.value = row->value, .member = row->member, .otherwise = row->otherwise};
}

static void emit_union(struct compiler *c, const struct btf_type *t, uint32_t at, bool anonymous)
{
	const struct level *level = &c->levels[c->level_count - 1];
	const struct kvmapi_union *row;
	const struct kvmapi_case *cases;
	uint32_t by = 0, count = 0, here;
	uint8_t width = 0;

	/* A union of flexible arrays has no tail. */
	if (!t->size)
		return;
	if (!c->level_count) {
		unsaid(c, at, t->size);
		return;
	}
	if (anonymous && c->path_len <= level->path && types_exits(c->btf, named(c), t)) {
		if (by_find(c, level, "exit_reason", &by, &width))
			emit_switch(c, t, at, by, width, (uint32_t)c->table->exit_count,
				    choice_of_exit, c->table->exits);
		return;
	}
	row = types_union(c->types, c->table, level->id,
			  c->path + (c->path_len < level->path ? c->path_len : level->path), t,
			  anonymous);
	if (!row) {
		unsaid(c, at, t->size);
		return;
	}
	if (!row->by) {
		emit_chosen(c, t, at, row->cases[0].member);
		return;
	}
	for (cases = row->cases; cases[count].member; count++)
		;
	/* The answer to an exit is read whatever the discriminator holds. */
	here = c->program->op_count;
	if (c->run)
		op_add(c, (struct live_op){.code = LIVE_SYNCED, .mask = RUN_ANSWER});
	if (by_find(c, level, row->by, &by, &width))
		emit_switch(c, t, at, by, width, count, choice_of_case, row->cases);
	else
		c->failed = true;
	if (c->run)
		op_skip_to_here(c, here);
}

static void emit_array(struct compiler *c, const struct btf_type *t, uint32_t at)
{
	uint32_t id = btf_array(t)->type, count = btf_array(t)->nelems, here = c->program->op_count;
	uint32_t size = (uint32_t)types_size(c->btf, id);
	const struct btf_type *element = types_real(c->btf, &id);

	if ((!btf_is_composite(element) && !btf_is_array(element)) || !size)
		return;
	op_add(c, (struct live_op){.code = LIVE_LOOP, .size = size, .value = count, .at = at});
	emit_type(c, id, at, false);
	if (c->failed)
		return;
	/* An element without anything dead. */
	if (c->program->op_count == here + 1)
		c->program->op_count = here;
	else
		op_skip_to_here(c, here);
	for (uint32_t i = size; c->classes && i < size * count && at + i < c->class_room; i++)
		c->classes[at + i] = c->classes[at + i - size];
}

static void emit_type(struct compiler *c, uint32_t id, uint32_t at, bool anonymous)
{
	const struct btf_type *t = types_real(c->btf, &id);

	if (c->depth == DEPTH_MAX) {
		c->failed = true;
		return;
	}
	c->depth++;
	if (btf_is_struct(t))
		emit_struct(c, t, id, at);
	else if (btf_is_union(t))
		emit_union(c, t, at, anonymous);
	else if (btf_is_array(t))
		emit_array(c, t, at);
	c->depth--;
}

static void program_free(struct live_program *program)
{
	if (program) {
		free(program->ops);
		free(program->cases);
		free(program);
	}
}

/* KVM_ENABLE_CAP: how many of the arguments there are depends on the capability. */
static void emit_cap_args(struct compiler *c, uint32_t id)
{
	size_t args = 0, size, cap = 0, cap_size;
	uint32_t here;

	if (types_path(c->btf, id, "args", &args, &size) < 0 ||
	    types_path(c->btf, id, "cap", &cap, &cap_size) < 0) {
		c->failed = true;
		return;
	}
	here = c->program->op_count;
	op_add(c, (struct live_op){.code = LIVE_SWITCH,
				   .at = (uint32_t)cap,
				   .width = (uint8_t)cap_size,
				   .mask = c->program->case_count,
				   .value = c->table->cap_args_count});
	for (size_t n = 0; n < c->table->cap_args_count; n++) {
		case_add(c, c->table->cap_args[n].cap, false);
		if (!c->failed)
			c->program->cases[c->program->case_count - 1].to =
				here + 1 + 2 * (c->table->cap_args[n].count + 1);
	}
	/*
	 * Capabilities without a row: one argument. Then 0, 1, ... arguments; two operations each.
	 */
	for (int n = -1; n <= (int)(size / 8); n++) {
		uint32_t used = n < 0 ? 8 : (uint32_t)n * 8;

		op_add(c, used < size ? (struct live_op){.code = LIVE_DEAD,
							 .at = (uint32_t)args + used,
							 .size = (uint32_t)size - used}
				      : (struct live_op){.code = LIVE_JUMP});
		op_add(c, (struct live_op){.code = LIVE_JUMP,
					   .skip = 2 * (uint32_t)((int)(size / 8) - n)});
	}
	class_set(c, args, size, KVMAPI_BYTE_DEPENDS);
}

static void compile(struct compiler *c, uint32_t id)
{
	const struct btf_type *t = types_real(c->btf, &id);
	const char *name = types_name(c->btf, t->name_off);

	c->run = btf_is_struct(t) && name && !strcmp(name, "kvm_run");
	if (btf_is_array(t) || !btf_is_composite(t))
		class_set(c, 0, types_size(c->btf, id), KVMAPI_BYTE_FIELD);
	emit_type(c, id, 0, false);
	if (btf_is_struct(t) && name && !strcmp(name, "kvm_enable_cap"))
		emit_cap_args(c, id);
}

static struct compiler compiler_of(enum kvmapi_arch arch, struct arch_live *live)
{
	struct compiler c = {
		.types = types_of(arch),
		.table = kvmapi_table_of(arch),
		.live = live,
		.big_endian = kvmapi_arch_big_endian(arch),
	};

	if (c.types)
		c.btf = c.types->btf;
	return c;
}

/* The program of a type, made at its first use. */
static const struct live_program *program_make(enum kvmapi_arch arch, struct arch_live *live,
					       const char *type)
{
	struct compiler c = compiler_of(arch, live);
	int id = type ? types_find(c.types, type) : -1;

	if (id < 0)
		return NULL;
	if (live->by_type[id])
		return live->by_type[id];
	c.program = calloc(1, sizeof(*c.program));
	if (!c.program)
		return NULL;
	compile(&c, (uint32_t)id);
	if (c.failed) {
		program_free(c.program);
		return NULL;
	}
	live->by_type[id] = c.program;
	return c.program;
}

static void reads_take(const struct types *types, const struct kvmapi_ioctl *row,
		       struct row_live *live, const char *const *reads)
{
	int id = types_find(types, row->type);

	live->reads = true;
	for (; *reads && id >= 0; reads++) {
		size_t at = 0, size;

		if (types_path(types->btf, (uint32_t)id, *reads, &at, &size) < 0)
			continue;
		if (at < row->size && live->argument_read_count < READS_MAX)
			live->argument_reads[live->argument_read_count++] =
				(struct range){(uint32_t)at, (uint32_t)size};
		else if (at >= row->size && live->element_read_count < READS_MAX)
			live->element_reads[live->element_read_count++] =
				(struct range){(uint32_t)at - row->size, (uint32_t)size};
	}
}

static void traffic_take(const struct kvmapi_table *table, const struct types *types,
			 struct row_live *rows)
{
	for (size_t i = 0; i < table->traffic_count; i++) {
		const struct kvmapi_traffic *t = &table->traffic[i];

		for (size_t n = 0; n < table->ioctl_count; n++) {
			if (strcmp(table->ioctls[n].name, t->ioctl) != 0)
				continue;
			switch (t->kind) {
			case KVMAPI_TRAFFIC_READS:
				reads_take(types, &table->ioctls[n], &rows[n], t->reads);
				break;
			case KVMAPI_TRAFFIC_LIMIT:
				rows[n].limit = t->limit;
				break;
			case KVMAPI_TRAFFIC_FILLS:
				rows[n].fills = true;
				break;
			case KVMAPI_TRAFFIC_ANSWERS_ERRORS:
				rows[n].answers_errors = true;
				break;
			case KVMAPI_TRAFFIC_FIRST_BY_RESULT:
				rows[n].first_by_result = true;
				break;
			}
		}
	}
}

/* Types that are captured and that no row of an ioctl names. */
static const char *const more_types[] = {"struct kvm_run", "struct kvm_sync_regs",
					 "struct kvm_s390_irq", "struct kvm_hw_breakpoint"};
#define MORE_TYPES (sizeof(more_types) / sizeof(more_types[0]))

static void live_load(enum kvmapi_arch arch)
{
	const struct kvmapi_table *table = kvmapi_table_of(arch);
	const struct types *types = types_of(arch);
	struct arch_live *live = &lives[arch];

	if (!types)
		return;
	live->by_type = calloc(btf__type_cnt(types->btf), sizeof(struct live_program *));
	live->rows = calloc(table->ioctl_count, sizeof(*live->rows));
	live->used = calloc(table->use_count, sizeof(*live->used));
	if (!live->by_type || !live->rows || !live->used)
		return;
	for (size_t n = 0; n < table->ioctl_count; n++) {
		live->rows[n].argument = program_make(arch, live, table->ioctls[n].type);
		live->rows[n].element = program_make(arch, live, table->ioctls[n].elem_type);
	}
	for (size_t n = 0; n < table->attr_count; n++)
		program_make(arch, live, table->attrs[n].type);
	for (size_t n = 0; n < MORE_TYPES; n++)
		program_make(arch, live, more_types[n]);
	live->run = program_make(arch, live, "struct kvm_run");
	live->sync = program_make(arch, live, "struct kvm_sync_regs");
	traffic_take(table, types, live->rows);
	live->ready = true;
}

static void lives_load(void)
{
	for (int arch = 0; arch < KVMAPI_ARCHS; arch++)
		live_load((enum kvmapi_arch)arch);
}

/* NULL without memory. */
static const struct arch_live *live_of(enum kvmapi_arch arch)
{
	if ((unsigned int)arch >= KVMAPI_ARCHS)
		return NULL;
	pthread_once(&lives_once, lives_load);
	return lives[arch].ready ? &lives[arch] : NULL;
}

/* --- running them ----------------------------------------------------------------------------- */

struct run {
	const struct live_program *program;
	bool big_endian;
	const uint8_t *data;
	uint8_t *mask; /* NULL = only names are wanted */
	size_t len;
	uint64_t synced;
	kvmapi_live_name name; /* NULL = not wanted */
	void *context;
};

static bool number_at(const struct run *r, size_t at, unsigned int width, uint64_t *value)
{
	if (at + width > r->len)
		return false;
	*value = bytes_get(r->data + at, width, r->big_endian);
	return true;
}

static void dead(const struct run *r, size_t at, size_t size)
{
	if (at >= r->len || !r->mask)
		return;
	if (!size || size > r->len - at)
		size = r->len - at;
	memset(r->mask + at, 0, size);
}

static uint32_t switch_to(const struct run *r, const struct live_op *op, size_t base, uint32_t next)
{
	const struct live_case *cases = r->program->cases + op->mask;
	uint64_t value;

	if (!number_at(r, base + op->at, op->width, &value))
		return next;
	/* Exits are in the order of their numbers, so the first try nearly always hits. */
	if (value < op->value && cases[value].value == value && !cases[value].otherwise)
		return cases[value].to;
	for (uint64_t n = 0; n < op->value; n++)
		if (cases[n].otherwise || cases[n].value == value)
			return cases[n].to;
	return next;
}

/* Operations [from, to), whose places are counted from `base`. */
static void run_ops(const struct run *r, uint32_t from, uint32_t to, size_t base)
{
	const struct live_op *ops = r->program->ops;
	uint64_t value;
	bool holds;

	for (uint32_t i = from; i < to; i++) {
		const struct live_op *op = &ops[i];

		switch (op->code) {
		case LIVE_DEAD:
			dead(r, base + op->at, op->size);
			break;
		case LIVE_BITS:
			if (r->mask && base + op->at < r->len)
				r->mask[base + op->at] &= (uint8_t)~op->mask;
			break;
		case LIVE_IF:
		case LIVE_UNLESS:
			holds = number_at(r, base + op->at, op->width, &value) &&
				(value & op->mask) == op->value;
			if (holds != (op->code == LIVE_IF))
				i += op->skip;
			break;
		case LIVE_SYNCED:
			if (r->synced & op->mask)
				i += op->skip;
			break;
		case LIVE_COUNT:
			if (number_at(r, base + op->at, op->width, &value) && value < op->value)
				dead(r, base + op->from + value * op->size,
				     (op->value - value) * op->size);
			break;
		case LIVE_LOOP:
			for (uint64_t n = 0;
			     (!op->value || n < op->value) && base + op->at + n * op->size < r->len;
			     n++)
				run_ops(r, i + 1, i + 1 + op->skip, base + n * op->size);
			i += op->skip;
			break;
		case LIVE_SWITCH:
			i = switch_to(r, op, base, i + 1) - 1;
			break;
		case LIVE_JUMP:
			i += op->skip;
			break;
		case LIVE_FD:
		case LIVE_PTR:
			if (r->name && base + op->at + op->size <= r->len)
				r->name(r->context,
					op->code == LIVE_FD ? KVMAPI_M_FD : KVMAPI_M_PTR,
					base + op->at, op->size);
			break;
		}
	}
}

static void run_program(enum kvmapi_arch arch, const struct live_program *program,
			const uint8_t *data, uint8_t *mask, size_t len, uint64_t synced)
{
	struct run r = {
		.program = program,
		.big_endian = kvmapi_arch_big_endian(arch),
		.data = data,
		.mask = mask,
		.len = len,
		.synced = synced,
	};

	if (program && program->op_count)
		run_ops(&r, 0, program->op_count, 0);
}

/* Everything outside the ranges is dead. */
static void keep_ranges(uint8_t *mask, size_t len, const struct range *ranges, unsigned int count)
{
	size_t at = 0;

	/* A short unsorted list. */
	while (at < len) {
		size_t next = len;
		const struct range *in = NULL;

		for (unsigned int i = 0; i < count; i++) {
			if (ranges[i].at <= at && at < ranges[i].at + ranges[i].size)
				in = &ranges[i];
			else if (ranges[i].at > at && ranges[i].at < next)
				next = ranges[i].at;
		}
		if (in) {
			at = in->at + in->size;
			continue;
		}
		memset(mask + at, 0, next - at);
		at = next;
	}
}

/* What READS lists, in the struct and in each element of its tail. */
static void keep_read(const struct kvmapi_ioctl *row, const struct row_live *live, uint8_t *mask,
		      size_t len)
{
	size_t head = len < row->size ? len : row->size;

	if (!live->reads)
		return;
	/* An element's padding may be read although it is ignored everywhere else. */
	keep_ranges(mask, head, live->argument_reads, live->argument_read_count);
	for (size_t at = head; row->elem_size && at < len; at += row->elem_size) {
		size_t size = len - at < row->elem_size ? len - at : row->elem_size;

		memset(mask + at, 0, size);
		for (unsigned int i = 0; i < live->element_read_count; i++) {
			const struct range *range = &live->element_reads[i];

			if (range->at < size)
				memset(mask + at + range->at, 0xff,
				       size - range->at < range->size ? size - range->at
								      : range->size);
		}
	}
}

static uint64_t count_of(enum kvmapi_arch arch, const struct kvmapi_ioctl *row, const uint8_t *data,
			 size_t len)
{
	struct run r = {.big_endian = kvmapi_arch_big_endian(arch), .data = data, .len = len};
	uint64_t count;

	return number_at(&r, row->count_offset, row->count_width, &count) ? count : 0;
}

/* The struct and each element of its tail, by their types. */
static void by_type(enum kvmapi_arch arch, const struct kvmapi_ioctl *row,
		    const struct row_live *live, const uint8_t *data, uint8_t *mask, size_t len)
{
	size_t head = len < row->size ? len : row->size;

	/* A struct whose tail has no type of its own goes on to the end. */
	run_program(arch, live->argument, data, mask, row->payload == KVMAPI_COUNTED ? head : len,
		    0);
	for (size_t at = head;
	     row->elem_size && live->element && live->element->op_count && at < len;
	     at += row->elem_size)
		run_program(arch, live->element, data + at, mask + at,
			    len - at < row->elem_size ? len - at : row->elem_size, 0);
}

static const struct row_live *row_live(enum kvmapi_arch arch, const struct kvmapi_ioctl *row)
{
	const struct arch_live *live = live_of(arch);

	return live ? &live->rows[row - kvmapi_table_of(arch)->ioctls] : NULL;
}

int kvmapi_live_in(enum kvmapi_arch arch, const struct kvmapi_ioctl *row, const uint8_t *data,
		   size_t len, uint8_t *mask)
{
	const struct row_live *live = row_live(arch, row);

	if (!live)
		return -ENOMEM;
	memset(mask, row->payload == KVMAPI_VALUE ? 0 : 0xff, len);
	by_type(arch, row, live, data, mask, len);
	if (live->limit && len > row->size && count_of(arch, row, data, len) > live->limit)
		memset(mask + row->size, 0, len - row->size);
	keep_read(row, live, mask, len);
	return 0;
}

int kvmapi_live_out(enum kvmapi_arch arch, const struct kvmapi_ioctl *row, int64_t ret,
		    const uint8_t *data, size_t len, uint8_t *mask)
{
	const struct row_live *live = row_live(arch, row);
	size_t tail = len > row->size ? len - row->size : 0;

	if (!live)
		return -ENOMEM;
	if (ret < 0 && !live->answers_errors) {
		/* The kernel wrote nothing: the bytes it read are unchanged. */
		if (row->dir != KVMAPI_INOUT) {
			memset(mask, 0, len);
			return 0;
		}
		return kvmapi_live_in(arch, row, data, len, mask);
	}
	memset(mask, 0xff, len);
	if (row->dir == KVMAPI_OUT || live->fills)
		return 0;
	by_type(arch, row, live, data, mask, len);
	if (row->payload != KVMAPI_COUNTED)
		return 0;
	/* The kernel wrote the whole tail, or changed some of it. */
	if (!live->first_by_result)
		memset(mask + (len - tail), 0xff, tail);
	else if ((uint64_t)ret * row->elem_size < tail)
		for (size_t at = len - tail + (size_t)ret * row->elem_size; at < len;
		     at += row->elem_size) {
			size_t size = len - at < row->elem_size ? len - at : row->elem_size;

			keep_ranges(mask + at, size, live->element_reads, live->element_read_count);
		}
	return 0;
}

static const struct live_program *program_of(enum kvmapi_arch arch, const char *type)
{
	const struct arch_live *live = live_of(arch);
	int id = live ? types_find(types_of(arch), type) : -1;

	return id < 0 ? NULL : live->by_type[id];
}

int kvmapi_live_value(enum kvmapi_arch arch, const char *type, const uint8_t *data, size_t len,
		      uint8_t *mask)
{
	const struct live_program *program = program_of(arch, type);
	const struct types *types = types_of(arch);
	size_t size;

	if (!types)
		return -ENOMEM;
	memset(mask, 0xff, len);
	size = types_size(types->btf, (uint32_t)types_find(types, type));
	if (!program || !size)
		return -ENOENT;
	/* One that ends in a flexible array is one value. */
	for (size_t at = 0; at < len && program->op_count; at += size)
		run_program(arch, program, data + at, mask + at, len - at < size ? len - at : size,
			    0);
	return 0;
}

int kvmapi_live_run(enum kvmapi_arch arch, bool answer, const uint8_t *run, size_t len,
		    uint8_t *mask)
{
	const struct arch_live *live = live_of(arch);

	if (!live || !live->run)
		return -ENOMEM;
	memset(mask, 0xff, len);
	run_program(arch, live->run, run, mask, len, answer ? RUN_ANSWER : 0);
	return 0;
}

int kvmapi_live_sync(enum kvmapi_arch arch, const uint8_t *regs, size_t len, uint8_t *mask)
{
	const struct arch_live *live = live_of(arch);
	struct run r = {.big_endian = kvmapi_arch_big_endian(arch), .data = regs, .len = len};
	uint64_t valid, dirty;

	if (!live || !live->sync)
		return -ENOMEM;
	memset(mask, 0xff, len);
	if (number_at(&r, 0, 8, &valid) && number_at(&r, 8, 8, &dirty))
		run_program(arch, live->sync, regs + 16, mask + 16, len - 16, valid | dirty);
	return 0;
}

int kvmapi_live_names(enum kvmapi_arch arch, const struct kvmapi_ioctl *row, const uint8_t *data,
		      size_t len, kvmapi_live_name name, void *context)
{
	const struct row_live *live = row_live(arch, row);
	struct run r = {
		.big_endian = kvmapi_arch_big_endian(arch),
		.data = data,
		.len = len < row->size ? len : row->size,
		.name = name,
		.context = context,
	};

	if (!live)
		return -ENOMEM;
	r.program = live->argument;
	if (r.program)
		run_ops(&r, 0, r.program->op_count, 0);
	return 0;
}

/* --- for tests and documents ------------------------------------------------------------------ */

int kvmapi_live_classes(enum kvmapi_arch arch, const char *type, uint8_t *classes, size_t room)
{
	struct arch_live *live = live_of(arch) ? &lives[arch] : NULL;
	struct compiler c;
	int id, rc;

	if (!live)
		return -ENOMEM;
	c = compiler_of(arch, live);
	id = types_find(c.types, type);
	if (id < 0)
		return -ENOENT;
	memset(classes, KVMAPI_BYTE_UNSAID, room);
	c.program = calloc(1, sizeof(*c.program));
	if (!c.program)
		return -ENOMEM;
	c.classes = classes;
	c.class_room = room;
	compile(&c, (uint32_t)id);
	rc = c.failed ? -EINVAL : (int)types_size(c.btf, (uint32_t)id);
	program_free(c.program);
	return rc;
}

/* Print what has no row in a type; returns how many. */
static int type_unsaid(enum kvmapi_arch arch, const char *type,
		       void (*say)(void *context, const char *type, const char *path),
		       void *context)
{
	struct compiler c = compiler_of(arch, &lives[arch]);
	int id = type ? types_find(c.types, type) : -1;

	if (id < 0)
		return 0;
	c.program = calloc(1, sizeof(*c.program));
	if (!c.program)
		return -ENOMEM;
	c.say = say;
	c.context = context;
	compile(&c, (uint32_t)id);
	if (c.failed) {
		say(context, type, "cannot be made a program");
		c.unsaid++;
	}
	program_free(c.program);
	return (int)c.unsaid;
}

int kvmapi_live_unsaid(enum kvmapi_arch arch,
		       void (*say)(void *context, const char *type, const char *path),
		       void *context)
{
	const struct kvmapi_table *table = kvmapi_table_of(arch);
	const struct arch_live *live = live_of(arch);
	int count = 0;

	if (!live)
		return -ENOMEM;
	for (size_t n = 0; n < table->ioctl_count; n++) {
		count += type_unsaid(arch, table->ioctls[n].type, say, context);
		count += type_unsaid(arch, table->ioctls[n].elem_type, say, context);
	}
	for (size_t n = 0; n < table->attr_count; n++)
		count += type_unsaid(arch, table->attrs[n].type, say, context);
	for (size_t n = 0; n < MORE_TYPES; n++)
		count += type_unsaid(arch, more_types[n], say, context);
	for (size_t n = 0; n < table->use_count; n++) {
		if (live->used[n])
			continue;
		say(context, table->uses[n].type, table->uses[n].path);
		count++;
	}
	return count;
}
