/* SPDX-License-Identifier: BSD-2-Clause */
/* The mutator: fuzz.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "fuzz/grammar.h"
#include "kvmapi/run_page.h"

enum {
	CALLS_DEFAULT = 64,
	WRONG_DEFAULT = 96,
	OBSERVERS_MAX = 6,
	LEAVES_MAX = 4096,
	LEAVES_FRONT = 24,  /* most of what can be wrong is at the beginning of a struct */
	OPERATIONS_MAX = 4, /* of one mutation */
	RUN_SIZE = 64,	    /* bytes of struct kvm_run that are given to KVM_RUN */
	RUN_REGS = 16,
};

/* Properties of a row. */
struct row {
	const struct kvmapi_ioctl *row;
	fuzz_fill_fn fill; /* NULL: by the types of its fields */
	struct kvmapi_leaf *leaves, *elem_leaves;
	unsigned int leaf_count, elem_leaf_count;
	uint16_t observers[OBSERVERS_MAX];
	uint8_t observer_count;
	uint16_t needs; /* 1 + the row */
	bool lacking;	/* the kernel lacks its capability */
};

struct fuzz_mutator {
	enum kvmapi_arch arch;
	struct fuzz_options options;
	struct row *rows;
	unsigned int row_count;
	uint16_t create_vm, create_vcpu, create_device, run, region, sregs, regs;
	struct fuzz_sequence *other; /* for operations that need a second one */
	uint8_t bytes[FUZZ_ARG_MAX] __attribute__((aligned(8))); /* zero between uses */
};

const char *fuzz_operation_name(enum fuzz_operation operation)
{
	static const char *const names[FUZZ_OPERATIONS] = {
		"insert",   "delete", "duplicate", "reorder", "field",	"length",
		"argument", "pair",   "thread",	   "object",  "splice", "generate",
	};

	return operation < FUZZ_OPERATIONS ? names[operation] : NULL;
}

/* --- tables ----------------------------------------------------------------------------------- */

static int row_index(const struct fuzz_mutator *m, const char *name)
{
	for (unsigned int i = 0; i < m->row_count; i++) {
		if (!strcmp(m->rows[i].row->name, name))
			return i;
	}
	return -1;
}

static int leaves_load(enum kvmapi_arch arch, const char *type, struct kvmapi_leaf **leaves,
		       unsigned int *count)
{
	int n = type ? kvmapi_leaves(arch, type, NULL, 0) : 0;

	if (n <= 0)
		return n == -ENOMEM ? n : 0;
	if (n > LEAVES_MAX)
		n = LEAVES_MAX;
	*leaves = calloc(n, sizeof(**leaves));
	if (!*leaves)
		return -ENOMEM;
	*count = n;
	kvmapi_leaves(arch, type, *leaves, n);
	return 0;
}

static int row_load(struct fuzz_mutator *m, struct row *r)
{
	const char *const *observers = fuzz_grammar_observers(r->row->name);
	const char *needs = fuzz_grammar_needs(r->row->name);
	const struct tape_env *env = m->options.env;
	int cap = r->row->cap ? kvmapi_cap_number(r->row->cap) : -1;

	if (m->arch == KVMAPI_X86)
		r->fill = fuzz_grammar_x86(r->row);
	for (unsigned int i = 0; observers && i < OBSERVERS_MAX && observers[i]; i++) {
		int n = row_index(m, observers[i]);

		if (n >= 0)
			r->observers[r->observer_count++] = n;
	}
	if (needs)
		r->needs = row_index(m, needs) + 1;
	r->lacking = env && cap >= 0 && (size_t)cap < env->cap_count && !env->caps[cap];
	return leaves_load(m->arch, r->row->payload == KVMAPI_VALUE ? NULL : r->row->type,
			   &r->leaves, &r->leaf_count)
		       ?: leaves_load(m->arch, r->row->elem_type, &r->elem_leaves,
				      &r->elem_leaf_count);
}

static uint16_t row_named(const struct fuzz_mutator *m, const char *name)
{
	int n = row_index(m, name);

	return n < 0 ? 0 : n;
}

struct fuzz_mutator *fuzz_mutator_new(enum kvmapi_arch arch, const struct fuzz_options *options)
{
	struct fuzz_mutator *m = calloc(1, sizeof(*m));
	const struct kvmapi_ioctl *rows;
	size_t count;

	if (!m)
		return NULL;
	m->arch = arch;
	if (options)
		m->options = *options;
	if (!m->options.calls)
		m->options.calls = CALLS_DEFAULT;
	if (m->options.calls > FUZZ_CALLS_MAX)
		m->options.calls = FUZZ_CALLS_MAX;
	if (!m->options.wrong)
		m->options.wrong = WRONG_DEFAULT;
	rows = kvmapi_ioctls(arch, &count);
	m->rows = calloc(count + 1, sizeof(*m->rows));
	m->other = fuzz_sequence_new(arch);
	if (!count || !m->rows || !m->other)
		goto fail;
	m->row_count = count;
	for (size_t i = 0; i < count; i++)
		m->rows[i].row = &rows[i];
	for (size_t i = 0; i < count; i++) {
		if (row_load(m, &m->rows[i]))
			goto fail;
	}
	m->create_vm = row_named(m, "KVM_CREATE_VM");
	m->create_vcpu = row_named(m, "KVM_CREATE_VCPU");
	m->create_device = row_named(m, "KVM_CREATE_DEVICE");
	m->run = row_named(m, "KVM_RUN");
	m->region = row_named(m, "KVM_SET_USER_MEMORY_REGION");
	m->sregs = row_named(m, "KVM_SET_SREGS");
	m->regs = row_named(m, "KVM_SET_REGS");
	return m;
fail:
	fuzz_mutator_free(m);
	return NULL;
}

void fuzz_mutator_free(struct fuzz_mutator *m)
{
	if (!m)
		return;
	for (unsigned int i = 0; m->rows && i < m->row_count; i++) {
		free(m->rows[i].leaves);
		free(m->rows[i].elem_leaves);
	}
	free(m->rows);
	fuzz_sequence_free(m->other);
	free(m);
}

static const struct row *row_of(const struct fuzz_mutator *m, const struct fuzz_call *call)
{
	return call->row ? &m->rows[call->row - m->rows[0].row] : NULL;
}

static bool takes_struct(const struct kvmapi_ioctl *row)
{
	return row->payload != KVMAPI_VALUE && row->payload != KVMAPI_RUNPAGE;
}

/* --- numbers in bytes ------------------------------------------------------------------------- */

static uint64_t get(enum kvmapi_arch arch, const uint8_t *at, unsigned int width)
{
	return bytes_get(at, width, kvmapi_arch_big_endian(arch));
}

static void put(enum kvmapi_arch arch, uint8_t *at, uint64_t value, unsigned int width)
{
	bytes_put(at, value, width, kvmapi_arch_big_endian(arch));
}

/* --- one argument ----------------------------------------------------------------------------- */

/* A leaf of an argument of `size` bytes; *base: where the element begins that it is in.  NULL. */
static const struct kvmapi_leaf *leaf_pick(const struct row *r, struct fuzz_rng *rng, uint32_t size,
					   uint32_t *base)
{
	const struct kvmapi_leaf *leaf;
	uint32_t elements;

	*base = 0;
	if (r->row->elem_size && size > r->row->size && r->elem_leaf_count &&
	    fuzz_rng_one_in(rng, 2)) {
		elements = (size - r->row->size) / r->row->elem_size;
		leaf = &r->elem_leaves[fuzz_rng_below(rng, r->elem_leaf_count)];
		*base = r->row->size + fuzz_rng_below(rng, elements) * r->row->elem_size;
	} else if (r->leaf_count) {
		bool front = r->leaf_count > LEAVES_FRONT && !fuzz_rng_one_in(rng, 3);

		leaf = &r->leaves[fuzz_rng_below(rng, front ? LEAVES_FRONT : r->leaf_count)];
	} else {
		return NULL;
	}
	return *base + leaf->offset + leaf->size <= size ? leaf : NULL;
}

/* Give one field of an argument a value that should be refused, or is at least unusual. */
static void argument_break(const struct fuzz_mutator *m, const struct row *r, struct fuzz_rng *rng,
			   uint8_t *bytes, uint32_t size)
{
	uint32_t base;
	const struct kvmapi_leaf *leaf = leaf_pick(r, rng, size, &base);
	uint8_t *at;

	if (!leaf)
		return;
	at = bytes + base + leaf->offset;
	put(m->arch, at, fuzz_grammar_wrong(rng, leaf, get(m->arch, at, leaf->size)), leaf->size);
}

/* How long the buffer behind a pointer is, as far as the argument says. */
static uint32_t nested_size(const struct fuzz_sequence *s, uint32_t index,
			    const struct kvmapi_nested *n, uint32_t shift, const uint8_t *bytes,
			    uint32_t size)
{
	uint64_t field = 0;

	if (shift + n->len_offset + n->len_width <= size)
		field = get(s->arch, bytes + shift + n->len_offset, n->len_width);
	switch (n->length) {
	case KVMAPI_LEN_CONST:
		field = n->unit;
		break;
	case KVMAPI_LEN_BYTES:
		field = field > FUZZ_PART_MAX ? FUZZ_PART_MAX : field * n->unit;
		break;
	case KVMAPI_LEN_BITS:
		field = field > FUZZ_PART_MAX ? FUZZ_PART_MAX : (field + 63) / 64 * 8;
		break;
	case KVMAPI_LEN_ONE_REG:
		field = 1ull << ((field >> 52) & 15);
		break;
	case KVMAPI_LEN_ATTR:
		field = size < 16 ? 0
				  : kvmapi_attr_size(
					    s->arch, fuzz_sequence_kind(s, s->calls[index].object),
					    get(s->arch, bytes + 4, 4), get(s->arch, bytes + 8, 8));
		break;
	default:
		field = 8;
		break;
	}
	/* More than any of KVM's own limits is not read. */
	return field > 4096 ? 4096 : field;
}

/* The buffers behind the pointers of a call's argument. */
static void nested_make(struct fuzz_sequence *s, uint32_t index, struct fuzz_rng *rng,
			uint64_t first, uint8_t scatter)
{
	const struct kvmapi_ioctl *row = s->calls[index].row;
	unsigned int number = 0;

	for (unsigned int i = 0; i < row->nested_count; i++) {
		const struct kvmapi_nested *n = &row->nested[i];

		for (unsigned int k = 0; k < n->repeat; k++, number++) {
			const struct fuzz_part *in = fuzz_sequence_find(s, index, TAPE_ARG_IN);
			uint32_t at = n->ptr_offset + k * n->stride;
			uint32_t size;
			uint8_t *bytes;

			if (!(n->dir & KVMAPI_IN) || !in || at + 8 > in->size ||
			    !get(s->arch, fuzz_part_bytes(s, in) + at, 8))
				continue;
			size = nested_size(s, index, n, k * n->stride, fuzz_part_bytes(s, in),
					   in->size);
			if (!size)
				continue;
			bytes = fuzz_sequence_part(s, index, TAPE_NESTED_IN + number, size);
			if (!bytes)
				return;
			if (size >= 8)
				put(s->arch, bytes, first, 8);
			else if (size >= 4)
				put(s->arch, bytes, first, 4);
			for (uint32_t b = 0; scatter && b < size;
			     b += 1 + fuzz_rng_below(rng, 2 * scatter))
				bytes[b] = fuzz_rng_next(rng);
		}
	}
}

/* The input of KVM_RUN. */
static void run_make(struct fuzz_mutator *m, struct fuzz_sequence *s, uint32_t index,
		     struct fuzz_rng *rng, bool enters)
{
	uint8_t *run = fuzz_sequence_part(s, index, TAPE_RUN_IN, RUN_SIZE);
	uint8_t *regs;

	if (!run)
		return;
	memset(run, 0, RUN_SIZE);
	run[RUN_WINDOW] = fuzz_rng_one_in(rng, 6);
	run[RUN_IMMEDIATE] = enters ? fuzz_rng_one_in(rng, 12) : 1;
	if (fuzz_rng_one_in(rng, 8))
		run[RUN_CR8] = fuzz_rng_below(rng, 16);
	/* The answer to an exit. */
	for (unsigned int i = 40; i < 56; i++)
		run[i] = fuzz_rng_one_in(rng, 3) ? 0 : fuzz_rng_next(rng);
	if (fuzz_rng_one_in(rng, 3)) {
		uint8_t *pio = fuzz_sequence_part(s, index, TAPE_PIO_IN, 4);

		if (pio)
			put(m->arch, pio, fuzz_rng_next(rng), 4);
	}
	if (!fuzz_rng_one_in(rng, 4))
		return;
	regs = fuzz_sequence_part(s, index, TAPE_RUN_REGS_IN, RUN_REGS);
	if (regs)
		regs[0] = fuzz_rng_one_in(rng, 6) ? fuzz_rng_next(rng) : fuzz_rng_below(rng, 8);
}

static void argument_make(struct fuzz_mutator *m, struct fuzz_sequence *s, uint32_t index,
			  struct fuzz_rng *rng, unsigned int wrong)
{
	struct fuzz_call *call = &s->calls[index];
	const struct row *r = row_of(m, call);
	struct fuzz_making g = {
		.rng = rng,
		.s = s,
		.at = index,
		.object = call->object,
		.vm = fuzz_sequence_vm(s, call->object),
		.kind = fuzz_sequence_kind(s, call->object),
		.env = m->options.env,
		.bytes = m->bytes,
	};
	uint8_t *bytes;

	call->part_count = 0;
	if (!r) {
		call->arg = fuzz_rng_one_in(rng, 2) ? 0 : fuzz_grammar_number(rng, 8);
		return;
	}
	if (r->row->payload == KVMAPI_RUNPAGE) {
		call->arg = fuzz_rng_below(rng, 256) < wrong && fuzz_rng_one_in(rng, 4);
		run_make(m, s, index, rng, false);
		return;
	}
	g.row = r->row;
	g.size = r->row->size;
	g.leaves = r->leaves;
	g.leaf_count = r->leaf_count;
	g.elem_leaves = r->elem_leaves;
	g.elem_leaf_count = r->elem_leaf_count;
	if (r->fill)
		r->fill(&g);
	else
		fuzz_grammar_fill(&g);
	if (g.size > FUZZ_PART_MAX)
		g.size = FUZZ_PART_MAX;
	if (!takes_struct(r->row)) {
		call->arg = g.arg;
		if (fuzz_rng_below(rng, 256) < wrong)
			call->arg = fuzz_rng_one_in(rng, 3) ? call->arg + 1
							    : fuzz_grammar_number(rng, 8);
		return;
	}
	call->arg = 1;
	if (r->row->dir & KVMAPI_IN) {
		bool twice = fuzz_rng_one_in(rng, 4);

		if (fuzz_rng_below(rng, 256) < wrong) {
			argument_break(m, r, rng, m->bytes, g.size);
			if (twice)
				argument_break(m, r, rng, m->bytes, g.size);
		}
		bytes = fuzz_sequence_part(s, index, TAPE_ARG_IN, g.size);
		if (bytes)
			memcpy(bytes, m->bytes, g.size);
		nested_make(s, index, rng, g.nested, g.scatter);
	}
	memset(m->bytes, 0, g.size);
	/* An address without memory. */
	if (fuzz_rng_below(rng, 256) < wrong && fuzz_rng_one_in(rng, 24)) {
		call = &s->calls[index];
		if (fuzz_rng_one_in(rng, 2)) {
			call->part_count = 0;
			call->arg = 0;
		} else if (fuzz_sequence_part(s, index, TAPE_ARG_IN, 0)) {
			fuzz_sequence_find(s, index, TAPE_ARG_IN)->flags = FUZZ_PART_BAD;
		}
	}
}

/* --- calls ------------------------------------------------------------------------------------ */

/* A random object of one of the kinds that is there before call `at`; UINT32_MAX: none. */
static uint32_t object_pick(const struct fuzz_sequence *s, uint8_t kinds, uint32_t at,
			    struct fuzz_rng *rng)
{
	uint32_t found = UINT32_MAX;
	unsigned int count = 0;

	for (uint32_t n = 0; n <= at && n <= s->call_count; n++) {
		if (fuzz_sequence_kind(s, n) & kinds && fuzz_rng_one_in(rng, ++count))
			found = n;
	}
	return found;
}

static uint32_t object_last(const struct fuzz_sequence *s, uint8_t kind, uint32_t at)
{
	for (uint32_t n = at; n > 0; n--) {
		if (fuzz_sequence_kind(s, n) == kind)
			return n;
	}
	return kind == KVMAPI_SYSTEM ? 0 : UINT32_MAX;
}

/* Put a call of a row on an object at an index, and make its argument. */
static bool call_put(struct fuzz_mutator *m, struct fuzz_sequence *s, uint32_t at, uint16_t row,
		     uint32_t object, struct fuzz_rng *rng, unsigned int wrong)
{
	const struct fuzz_call call = {
		.object = object,
		.request = m->rows[row].row->request,
	};

	if (!fuzz_sequence_insert(s, at, &call))
		return false;
	argument_make(m, s, at, rng, wrong);
	return true;
}

static bool vm_has(const struct fuzz_mutator *m, const struct fuzz_sequence *s, uint32_t vm,
		   uint32_t at, uint16_t row)
{
	for (uint32_t i = 0; i < at; i++) {
		if (s->calls[i].row == m->rows[row].row &&
		    fuzz_sequence_vm(s, s->calls[i].object) == vm)
			return true;
	}
	return false;
}

/*
 * An object of one of the kinds for a call at `*at`, made if there is none: *at moves on then.
 * UINT32_MAX: no room.
 */
static uint32_t object_need(struct fuzz_mutator *m, struct fuzz_sequence *s, uint8_t kinds,
			    uint32_t *at, struct fuzz_rng *rng)
{
	uint32_t object;
	uint32_t vm;
	uint16_t row;

	/* Devices are few: what can be asked of them is not always to be asked of a VM. */
	if (kinds & KVMAPI_DEVICE && fuzz_rng_one_in(rng, 3))
		kinds = KVMAPI_DEVICE;
	object = object_pick(s, kinds, *at, rng);
	if (object != UINT32_MAX)
		return object;
	if (kinds & KVMAPI_VM) {
		if (!call_put(m, s, *at, m->create_vm, 0, rng, 4))
			return UINT32_MAX;
		return ++*at;
	}
	row = kinds & KVMAPI_VCPU ? m->create_vcpu : kinds & KVMAPI_DEVICE ? m->create_device : 0;
	if (!row)
		return UINT32_MAX;
	vm = object_need(m, s, KVMAPI_VM, at, rng);
	if (vm == UINT32_MAX || !call_put(m, s, *at, row, vm, rng, 4))
		return UINT32_MAX;
	return ++*at;
}

/* Calls after a call that show what it did, at `at`; how many. */
static uint32_t observers_put(struct fuzz_mutator *m, struct fuzz_sequence *s, uint32_t at,
			      uint32_t object, const struct row *r, struct fuzz_rng *rng)
{
	uint16_t row;
	uint8_t kind = fuzz_sequence_kind(s, object);

	if (!r->observer_count)
		return 0;
	row = r->observers[fuzz_rng_below(rng, r->observer_count)];
	/* A new vCPU is read by calls on the vCPU. */
	if (!(m->rows[row].row->scope & kind)) {
		object = object_last(
			s, m->rows[row].row->scope & KVMAPI_VCPU ? KVMAPI_VCPU : KVMAPI_VM, at);
		if (object == UINT32_MAX)
			return 0;
	}
	return call_put(m, s, at, row, object, rng, 16);
}

/* Any read of the same object. */
static uint32_t look_put(struct fuzz_mutator *m, struct fuzz_sequence *s, uint32_t at,
			 uint32_t object, struct fuzz_rng *rng)
{
	uint8_t kind = fuzz_sequence_kind(s, object);

	for (unsigned int tries = 0; tries < 16; tries++) {
		uint16_t row = fuzz_rng_below(rng, m->row_count);
		const struct kvmapi_ioctl *r = m->rows[row].row;

		if (r->scope & kind && !m->rows[row].lacking && !r->creates &&
		    r->dir & KVMAPI_OUT && r->payload != KVMAPI_RUNPAGE)
			return call_put(m, s, at, row, object, rng, 16);
	}
	return 0;
}

/*
 * A call of this row at `at` or later, with what it needs before it and, at times, something that
 * looks at what it did.  How many calls it became.
 */
static uint32_t row_put(struct fuzz_mutator *m, struct fuzz_sequence *s, uint32_t at, uint16_t row,
			struct fuzz_rng *rng)
{
	uint32_t first = s->call_count, object;
	const struct row *r = &m->rows[row];
	bool observed = r->observer_count && fuzz_rng_one_in(rng, 2);

	object = object_need(m, s, r->row->scope, &at, rng);
	if (object == UINT32_MAX)
		return 0;
	if (r->needs && !fuzz_rng_one_in(rng, 5)) {
		uint32_t vm = fuzz_sequence_vm(s, object);

		if (vm && !vm_has(m, s, vm, at, r->needs - 1)) {
			/* The first thing that is done with the VM; later it would be refused. */
			uint32_t where = fuzz_rng_one_in(rng, 8) ? at : vm;
			const struct row *needs = &m->rows[r->needs - 1];

			if (needs->row->scope & KVMAPI_VM) {
				if (needs->needs &&
				    call_put(m, s, where, needs->needs - 1, vm, rng, 0)) {
					object += object > where;
					at++;
					where++;
				}
				if (call_put(m, s, where, r->needs - 1, vm, rng, 0)) {
					object += object > where;
					at++;
				}
			} else if (call_put(m, s, at, r->needs - 1, object, rng, 0)) {
				at++;
			}
		}
	}
	if (!call_put(m, s, at, row, object, rng, m->options.wrong))
		return s->call_count - first;
	at++;
	if (observed)
		at += observers_put(m, s, at, object, r, rng);
	if (fuzz_rng_one_in(rng, 6))
		look_put(m, s, at, object, rng);
	return s->call_count - first;
}

/*
 * A call on this kind of object of which something can be seen afterwards; row_count = none found.
 */
static uint16_t row_pick_observed(const struct fuzz_mutator *m, uint8_t kind, struct fuzz_rng *rng)
{
	for (unsigned int tries = 0; tries < 64; tries++) {
		uint16_t row = fuzz_rng_below(rng, m->row_count);
		const struct row *r = &m->rows[row];

		if (r->observer_count && !r->lacking && r->row->scope & kind && !r->row->creates &&
		    r->row->payload != KVMAPI_RUNPAGE)
			return row;
	}
	return m->row_count;
}

/*
 * Interference of calls: write state, make a few other writes to the same object, then read
 * everything that shows the first.
 */
static bool interplay_put(struct fuzz_mutator *m, struct fuzz_sequence *s, uint32_t at,
			  struct fuzz_rng *rng)
{
	uint8_t kind = fuzz_rng_one_in(rng, 4) ? KVMAPI_VM : KVMAPI_VCPU;
	uint32_t object = object_need(m, s, kind, &at, rng);
	uint16_t first, other;

	if (object == UINT32_MAX)
		return false;
	first = row_pick_observed(m, kind, rng);
	if (first == m->row_count)
		return false;
	at += call_put(m, s, at, first, object, rng, 24);
	for (unsigned int more = 1 + fuzz_rng_below(rng, 4); more > 0; more--) {
		other = row_pick_observed(m, kind, rng);
		if (other < m->row_count)
			at += call_put(m, s, at, other, object, rng, 24);
	}
	for (unsigned int i = 0; i < m->rows[first].observer_count; i++) {
		const struct row *r = &m->rows[m->rows[first].observers[i]];

		if (r->row->scope & kind)
			at += call_put(m, s, at, m->rows[first].observers[i], object, rng, 24);
	}
	return true;
}

static uint16_t row_pick(const struct fuzz_mutator *m, struct fuzz_rng *rng)
{
	uint16_t row;

	do
		row = fuzz_rng_below(rng, m->row_count);
	while (m->rows[row].lacking && !fuzz_rng_one_in(rng, 8));
	return row;
}

/* Guest code in a VM's memory, a vCPU that runs it, and what it left behind. */
static void code_put(struct fuzz_mutator *m, struct fuzz_sequence *s, uint32_t at,
		     struct fuzz_rng *rng)
{
	unsigned int count;
	const struct fuzz_code *code = fuzz_grammar_codes(&count);
	uint32_t vcpu, vm, runs;
	uint64_t region[4] = {0, 0, 0x10000, FUZZ_AREA(0)};
	struct fuzz_call store = {.op = FUZZ_MEMORY, .arg = FUZZ_CODE_GPA};
	uint8_t *bytes;

	if (m->arch != KVMAPI_X86 || s->call_count + 16 > FUZZ_CALLS_MAX)
		return;
	code += fuzz_rng_below(rng, count);
	vcpu = object_need(m, s, KVMAPI_VCPU, &at, rng);
	if (vcpu == UINT32_MAX)
		return;
	vm = fuzz_sequence_vm(s, vcpu);
	/* Slot 0 with or without a log of dirty pages; struct kvm_userspace_memory_region. */
	region[0] = (uint64_t)fuzz_rng_below(rng, 2) << 32;
	if (!call_put(m, s, at, m->region, vm, rng, 0))
		return;
	bytes = fuzz_sequence_part(s, at++, TAPE_ARG_IN, sizeof(region));
	if (bytes)
		memcpy(bytes, region, sizeof(region));
	store.object = vm;
	if (!fuzz_sequence_insert(s, at, &store))
		return;
	bytes = fuzz_sequence_part(s, at++, TAPE_ARG_IN, code->size);
	if (bytes)
		memcpy(bytes, code->bytes, code->size);
	if (!call_put(m, s, at++, m->sregs, vcpu, rng, 0) ||
	    !call_put(m, s, at++, m->regs, vcpu, rng, 0))
		return;
	bytes = fuzz_sequence_part(s, at - 1, TAPE_ARG_IN, m->rows[m->regs].row->size);
	if (bytes) {
		memset(bytes, 0, m->rows[m->regs].row->size);
		put(m->arch, bytes + 16 * 8, FUZZ_CODE_GPA, 8); /* rip, rflags */
		put(m->arch, bytes + 17 * 8, 2, 8);
	}
	runs = 1 + fuzz_rng_below(rng, code->runs + 1);
	for (uint32_t i = 0; i < runs; i++) {
		if (!call_put(m, s, at, m->run, vcpu, rng, 0))
			return;
		run_make(m, s, at++, rng, true);
		if (fuzz_rng_one_in(rng, 3))
			at += look_put(m, s, at, vcpu, rng);
	}
	at += observers_put(m, s, at, vcpu, &m->rows[m->run], rng);
}

/* --- copies ----------------------------------------------------------------------------------- */

/* A copy of a call of `from` at index `at` of `s`, on `object`. */
static bool call_copy(struct fuzz_sequence *s, uint32_t at, const struct fuzz_sequence *from,
		      uint32_t index, uint32_t object)
{
	struct fuzz_call call = from->calls[index];

	call.object = object;
	if (!fuzz_sequence_insert(s, at, &call))
		return false;
	for (uint16_t k = 0; k < call.part_count; k++) {
		const struct fuzz_part *p = &from->parts[call.part + k];
		uint8_t *bytes = fuzz_sequence_part(s, at, p->role, p->size);

		if (!bytes)
			continue;
		memcpy(bytes, from->bytes + p->offset, p->size);
		fuzz_sequence_find(s, at, p->role)->flags = p->flags;
	}
	return true;
}

/* --- operations: true if something was done --------------------------------------------------- */

typedef bool (*operation_fn)(struct fuzz_mutator *m, struct fuzz_sequence *s, struct fuzz_rng *rng);

static bool insert(struct fuzz_mutator *m, struct fuzz_sequence *s, struct fuzz_rng *rng)
{
	uint32_t at =
		fuzz_rng_one_in(rng, 2) ? s->call_count : 1 + fuzz_rng_below(rng, s->call_count);

	if (at > s->call_count)
		at = s->call_count;
	if (s->call_count >= m->options.calls)
		return false;
	if (m->options.guest_code && fuzz_rng_one_in(rng, 20)) {
		code_put(m, s, at, rng);
		return true;
	}
	if (fuzz_rng_one_in(rng, 4) && s->call_count + 8 <= m->options.calls)
		return interplay_put(m, s, at, rng);
	if (fuzz_rng_one_in(rng, 48)) {
		/* An unknown request, or one of another kind of object. */
		const struct kvmapi_ioctl *row = m->rows[fuzz_rng_below(rng, m->row_count)].row;
		struct fuzz_call call = {
			.object = object_pick(s, 0xff, at, rng),
			.request = row->request ^
				   (fuzz_rng_one_in(rng, 2) ? 0 : 1u << fuzz_rng_below(rng, 32)),
		};

		if (!fuzz_sequence_insert(s, at, &call))
			return false;
		argument_make(m, s, at, rng, m->options.wrong);
		return true;
	}
	return row_put(m, s, at, row_pick(m, rng), rng);
}

static bool delete (struct fuzz_mutator *m, struct fuzz_sequence *s, struct fuzz_rng *rng)
{
	uint32_t from, count;

	if (s->call_count < 2)
		return false;
	from = fuzz_rng_below(rng, s->call_count);
	count = fuzz_rng_one_in(rng, 3) ? 1 + fuzz_rng_below(rng, 4) : 1;
	fuzz_sequence_remove(s, from, from + count, fuzz_rng_one_in(rng, 2));
	return true;
}

static bool duplicate(struct fuzz_mutator *m, struct fuzz_sequence *s, struct fuzz_rng *rng)
{
	uint32_t from, count, to;

	if (!s->call_count || s->call_count >= m->options.calls)
		return false;
	from = fuzz_rng_below(rng, s->call_count);
	count = fuzz_rng_one_in(rng, 2) ? 1 : 1 + fuzz_rng_below(rng, 4);
	if (count > s->call_count - from)
		count = s->call_count - from;
	to = fuzz_rng_one_in(rng, 2)
		     ? from + count
		     : from + count + fuzz_rng_below(rng, s->call_count - from - count + 1);
	fuzz_sequence_copy(m->other, s);
	for (uint32_t i = 0; i < count; i++) {
		if (!call_copy(s, to + i, m->other, from + i, m->other->calls[from + i].object))
			break;
	}
	return true;
}

/* Calls [from, from + 1) go to another place: where their object is there, and what they make is
 * not used yet. */
static bool reorder(struct fuzz_mutator *m, struct fuzz_sequence *s, struct fuzz_rng *rng)
{
	uint32_t index, least, most, to, object;

	if (s->call_count < 3)
		return false;
	index = fuzz_rng_below(rng, s->call_count);
	object = s->calls[index].object;
	/* A maker may go to the front only: those on what it makes stay behind it. */
	least = object;
	most = fuzz_sequence_kind(s, index + 1) ? index : s->call_count - 1;
	if (most < least + 1)
		return false;
	to = least + fuzz_rng_below(rng, most - least + 1);
	if (to == index)
		return false;
	fuzz_sequence_copy(m->other, s);
	if (to > index) {
		if (!call_copy(s, to + 1, m->other, index, object))
			return false;
		fuzz_sequence_remove(s, index, index + 1, false);
		return true;
	}
	if (!call_copy(s, to, m->other, index, object))
		return false;
	/* What was made by the call at its old place is made by the new one. */
	for (uint32_t i = index + 2; i < s->call_count; i++) {
		if (s->calls[i].object == index + 2)
			s->calls[i].object = to + 1;
	}
	fuzz_sequence_remove(s, index + 1, index + 2, false);
	return true;
}

/* A call whose argument can be changed. */
static uint32_t call_pick(const struct fuzz_mutator *m, const struct fuzz_sequence *s,
			  struct fuzz_rng *rng)
{
	uint32_t index = 0;

	for (unsigned int tries = 0; tries < 8; tries++) {
		index = fuzz_rng_below(rng, s->call_count);
		if (s->calls[index].part_count && s->calls[index].row)
			break;
	}
	return index;
}

static bool field(struct fuzz_mutator *m, struct fuzz_sequence *s, struct fuzz_rng *rng)
{
	const struct kvmapi_leaf *leaf;
	struct fuzz_part *p;
	const struct row *r;
	uint32_t index, base;
	uint8_t *at;
	uint64_t now;

	if (!s->call_count)
		return false;
	index = call_pick(m, s, rng);
	r = row_of(m, &s->calls[index]);
	p = fuzz_sequence_find(s, index, TAPE_ARG_IN);
	if (r && p && takes_struct(r->row)) {
		leaf = leaf_pick(r, rng, p->size, &base);
		if (!leaf)
			return false;
		at = fuzz_part_bytes(s, p) + base + leaf->offset;
		now = get(s->arch, at, leaf->size);
		put(s->arch, at,
		    fuzz_rng_one_in(rng, 2) ? fuzz_grammar_leaf(rng, leaf, now)
					    : fuzz_grammar_wrong(rng, leaf, now),
		    leaf->size);
		return true;
	}
	if (s->calls[index].part_count) {
		p = &s->parts[s->calls[index].part +
			      fuzz_rng_below(rng, s->calls[index].part_count)];
		if (!p->size)
			return false;
		fuzz_part_bytes(s, p)[fuzz_rng_below(rng, p->size)] ^= 1u << fuzz_rng_below(rng, 8);
		return true;
	}
	if (r && takes_struct(r->row))
		return false;
	s->calls[index].arg = fuzz_rng_one_in(rng, 3)
				      ? s->calls[index].arg ^ 1ull << fuzz_rng_below(rng, 64)
				      : fuzz_grammar_number(rng, 8);
	return true;
}

static bool length(struct fuzz_mutator *m, struct fuzz_sequence *s, struct fuzz_rng *rng)
{
	const struct row *r;
	struct fuzz_part *p;
	uint32_t index, size;
	uint64_t count;
	uint8_t *bytes;

	if (!s->call_count)
		return false;
	index = call_pick(m, s, rng);
	r = row_of(m, &s->calls[index]);
	if (!r || !takes_struct(r->row))
		return false;
	p = fuzz_sequence_find(s, index, TAPE_ARG_IN);
	if (p && r->row->count_width && !fuzz_rng_one_in(rng, 4)) {
		if (r->row->count_offset + r->row->count_width > p->size)
			return false;
		count = get(s->arch, fuzz_part_bytes(s, p) + r->row->count_offset,
			    r->row->count_width);
		switch (fuzz_rng_below(rng, 4)) {
		case 0:
			count++;
			break;
		case 1:
			count--;
			break;
		default:
			count = fuzz_grammar_number(rng, r->row->count_width);
			break;
		}
		size = p->size;
		/* The tail grows with it, or stays what it was. */
		if (r->row->elem_size && count < 1024 && fuzz_rng_one_in(rng, 2))
			size = r->row->size + count * r->row->elem_size;
		bytes = fuzz_sequence_part(s, index, TAPE_ARG_IN, size);
		if (bytes)
			put(s->arch, bytes + r->row->count_offset, count, r->row->count_width);
		return true;
	}
	switch (fuzz_rng_below(rng, 4)) {
	case 0: /* no address */
		s->calls[index].part_count = 0;
		s->calls[index].arg = 0;
		return true;
	case 1: /* a bad one */
		if (s->calls[index].part_count) {
			p = &s->parts[s->calls[index].part +
				      fuzz_rng_below(rng, s->calls[index].part_count)];
			p->flags ^= FUZZ_PART_BAD;
		}
		return s->calls[index].part_count;
	default: /* another pointer, or none */
		if (!r->row->nested_count || !p)
			return false;
		size = r->row->nested[fuzz_rng_below(rng, r->row->nested_count)].ptr_offset;
		if (size + 8 > p->size)
			return false;
		bytes = fuzz_part_bytes(s, p) + size;
		put(s->arch, bytes, !get(s->arch, bytes, 8), 8);
		nested_make(s, index, rng, fuzz_grammar_number(rng, 8), 4);
		return true;
	}
}

static bool argument(struct fuzz_mutator *m, struct fuzz_sequence *s, struct fuzz_rng *rng)
{
	uint32_t index;

	if (!s->call_count)
		return false;
	index = call_pick(m, s, rng);
	if (s->calls[index].op != FUZZ_IOCTL)
		return false;
	argument_make(m, s, index, rng, m->options.wrong);
	return true;
}

static bool pair(struct fuzz_mutator *m, struct fuzz_sequence *s, struct fuzz_rng *rng)
{
	const struct row *r;
	struct fuzz_part *p;
	uint32_t index;

	if (!s->call_count || s->call_count + 2 > m->options.calls)
		return false;
	index = fuzz_rng_below(rng, s->call_count);
	r = row_of(m, &s->calls[index]);
	if (!r)
		return false;
	switch (fuzz_rng_below(rng, 4)) {
	case 0: /* the same again, with something changed */
		fuzz_sequence_copy(m->other, s);
		if (!call_copy(s, index + 1, m->other, index, s->calls[index].object))
			return false;
		p = fuzz_sequence_find(s, index + 1, TAPE_ARG_IN);
		if (p && p->size)
			argument_break(m, r, rng, fuzz_part_bytes(s, p), p->size);
		return true;
	case 1: /* two things wrong */
		p = fuzz_sequence_find(s, index, TAPE_ARG_IN);
		if (!p || !p->size)
			return false;
		argument_break(m, r, rng, fuzz_part_bytes(s, p), p->size);
		argument_break(m, r, rng, fuzz_part_bytes(s, p), p->size);
		return true;
	case 2:
		return look_put(m, s, index + 1, s->calls[index].object, rng);
	default:
		return observers_put(m, s, index + 1, s->calls[index].object, r, rng);
	}
}

static bool thread(struct fuzz_mutator *m, struct fuzz_sequence *s, struct fuzz_rng *rng)
{
	uint32_t index;

	if (!s->call_count)
		return false;
	index = fuzz_rng_below(rng, s->call_count);
	s->calls[index].thread = fuzz_rng_below(rng, 3);
	if (fuzz_rng_one_in(rng, 2))
		s->calls[index].flags ^= FUZZ_CALL_OPEN;
	return true;
}

static bool object(struct fuzz_mutator *m, struct fuzz_sequence *s, struct fuzz_rng *rng)
{
	uint32_t index, to;
	uint8_t kind;

	if (s->call_count < 2)
		return false;
	index = fuzz_rng_below(rng, s->call_count);
	kind = fuzz_sequence_kind(s, s->calls[index].object);
	/* Its last call. */
	if (kind != KVMAPI_SYSTEM && fuzz_rng_one_in(rng, 6) && s->call_count < m->options.calls) {
		const struct fuzz_call close = {.op = FUZZ_CLOSE, .object = s->calls[index].object};

		return fuzz_sequence_insert(s, index + 1, &close);
	}
	to = object_pick(s, fuzz_rng_one_in(rng, 8) ? 0xff : kind, index, rng);
	if (to == UINT32_MAX || to == s->calls[index].object)
		return false;
	s->calls[index].object = to;
	fuzz_sequence_resolve(s);
	return true;
}

/* --- sequences -------------------------------------------------------------------------------- */

/* The usual first calls of a VMM. */
static void prelude(struct fuzz_mutator *m, struct fuzz_sequence *s, struct fuzz_rng *rng)
{
	static const char *const early[] = {"KVM_SET_TSS_ADDR",	      "KVM_SET_IDENTITY_MAP_ADDR",
					    "KVM_SET_BOOT_CPU_ID",    "KVM_ENABLE_CAP",
					    "KVM_X86_SET_MSR_FILTER", "KVM_XEN_HVM_CONFIG"};
	int chip = row_index(m, "KVM_CREATE_IRQCHIP");
	int pit = row_index(m, "KVM_CREATE_PIT2");
	uint32_t vm, at = 0;

	vm = object_need(m, s, KVMAPI_VM, &at, rng);
	if (fuzz_rng_one_in(rng, 4)) {
		int row =
			row_index(m, early[fuzz_rng_below(rng, sizeof(early) / sizeof(early[0]))]);

		if (row >= 0)
			call_put(m, s, s->call_count, row, vm, rng, 8);
	}
	if (chip >= 0 && fuzz_rng_one_in(rng, 2)) {
		call_put(m, s, s->call_count, chip, vm, rng, 0);
		if (pit >= 0 && fuzz_rng_one_in(rng, 4))
			call_put(m, s, s->call_count, pit, vm, rng, 0);
	}
	for (uint32_t n = fuzz_rng_below(rng, 3); n; n--)
		call_put(m, s, s->call_count, m->region, vm, rng, 0);
	for (uint32_t n = fuzz_rng_one_in(rng, 5) ? fuzz_rng_below(rng, 3) : 1; n; n--)
		call_put(m, s, s->call_count, m->create_vcpu, vm, rng, 0);
}

void fuzz_generate(struct fuzz_mutator *m, struct fuzz_sequence *s, struct fuzz_rng *rng)
{
	uint32_t calls = 3 + fuzz_rng_below(rng, 10);
	uint16_t focus[3];
	bool focused = fuzz_rng_one_in(rng, 2);

	fuzz_sequence_clear(s);
	s->arch = m->arch;
	/* Repeating a few ioctls reaches more than each of them once. */
	for (unsigned int i = 0; i < 3; i++)
		focus[i] = row_pick(m, rng);
	if (!fuzz_rng_one_in(rng, 16))
		prelude(m, s, rng);
	if (m->options.guest_code && fuzz_rng_one_in(rng, 20))
		code_put(m, s, s->call_count, rng);
	while (calls && s->call_count < m->options.calls) {
		uint16_t row = focused && !fuzz_rng_one_in(rng, 4) ? focus[fuzz_rng_below(rng, 3)]
								   : row_pick(m, rng);

		calls--;
		row_put(m, s, s->call_count, row, rng);
	}
	if (fuzz_rng_one_in(rng, 8)) {
		for (unsigned int i = 0; i < 3; i++)
			thread(m, s, rng);
	}
}

void fuzz_splice(struct fuzz_mutator *m, struct fuzz_sequence *s, const struct fuzz_sequence *other,
		 struct fuzz_rng *rng)
{
	uint32_t objects[FUZZ_CALLS_MAX + 1];
	uint32_t from, keep;

	if (!other->call_count || other->arch != s->arch)
		return;
	keep = fuzz_rng_below(rng, s->call_count + 1);
	from = fuzz_rng_below(rng, other->call_count);
	fuzz_sequence_remove(s, keep, s->call_count, true);
	objects[0] = 0;
	for (uint32_t n = 1; n <= from; n++) {
		uint8_t kind = fuzz_sequence_kind(other, n);

		objects[n] = kind ? object_pick(s, kind, s->call_count, rng) : UINT32_MAX;
	}
	for (uint32_t i = from; i < other->call_count; i++) {
		uint32_t to = objects[other->calls[i].object];

		objects[i + 1] = UINT32_MAX;
		if (to == UINT32_MAX)
			continue;
		if (s->call_count >= m->options.calls || !call_copy(s, s->call_count, other, i, to))
			break;
		objects[i + 1] = s->call_count;
	}
}

uint32_t fuzz_mutate(struct fuzz_mutator *m, struct fuzz_sequence *s, struct fuzz_rng *rng)
{
	/* Weights of the operations. */
	static const struct {
		operation_fn fn;
		uint8_t operation, weight;
	} operations[] = {
		{insert, FUZZ_INSERT, 12},	{delete, FUZZ_DELETE, 4},
		{duplicate, FUZZ_DUPLICATE, 4}, {reorder, FUZZ_REORDER, 4},
		{field, FUZZ_FIELD, 14},	{length, FUZZ_LENGTH, 4},
		{argument, FUZZ_ARGUMENT, 8},	{pair, FUZZ_PAIR, 8},
		{thread, FUZZ_THREAD, 2},	{object, FUZZ_OBJECT, 2},
	};
	uint32_t done = 0, wanted = 1, total = 0;

	while (wanted < OPERATIONS_MAX && fuzz_rng_one_in(rng, 2))
		wanted++;
	if (s->arch != m->arch || !s->call_count || fuzz_rng_one_in(rng, 200)) {
		fuzz_generate(m, s, rng);
		return 1u << FUZZ_GENERATE;
	}
	for (unsigned int i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		total += operations[i].weight;
	for (unsigned int tries = 0; wanted && tries < 32; tries++) {
		uint32_t n = fuzz_rng_below(rng, total);
		unsigned int i = 0;

		while (n >= operations[i].weight)
			n -= operations[i++].weight;
		if (!operations[i].fn(m, s, rng))
			continue;
		done |= 1u << operations[i].operation;
		wanted--;
		if (!s->call_count)
			break;
	}
	return done;
}
