/* SPDX-License-Identifier: BSD-2-Clause */
/* For every architecture: values by the kind of their field, and earlier calls. */
#include <string.h>

#include "base/bytes.h"
#include "fuzz/grammar.h"

uint64_t fuzz_grammar_number(struct fuzz_rng *rng, unsigned int size)
{
	/* Limits of KVM and of the machines that it makes, and their neighbours. */
	static const uint64_t edges[] = {
		0,
		1,
		2,
		3,
		4,
		7,
		8,
		9,
		15,
		16,
		17,
		23,
		24,
		25,
		31,
		32,
		33,
		63,
		64,
		65,
		79,
		80,
		81,
		99,
		100,
		101,
		127,
		128,
		129,
		254,
		255,
		256,
		257,
		299,
		300,
		301,
		511,
		512,
		513,
		1023,
		1024,
		1025,
		4095,
		4096,
		4097,
		8191,
		0x7ffe,
		0x7fff,
		0x8000,
		0xffff,
		0x10000,
		0xfffff,
		0x7fffffff,
		0x80000000,
		0xfec00000,
		0xfee00000,
		0xfffbc000,
		0xfffff000,
		0xffffffff,
		0x100000000,
		0xfffffffff000,
		0x1000000000000,
		0xfffffffffffff,
		0x10000000000000,
		0x7fffffffffffffff,
		0x8000000000000000,
		0xfffffffffffff000,
		0xffffffffffffffff,
	};
	uint64_t value;

	switch (fuzz_rng_below(rng, 6)) {
	case 0:
		value = 1ull << fuzz_rng_below(rng, size * 8);
		break;
	case 1:
		value = (1ull << fuzz_rng_below(rng, size * 8)) - 1;
		break;
	case 2:
		value = fuzz_rng_next(rng);
		break;
	default:
		value = fuzz_pick(rng, edges, sizeof(edges) / sizeof(edges[0]));
		break;
	}
	return size < 8 ? value & ((1ull << size * 8) - 1) : value;
}

static uint64_t mask(const struct kvmapi_leaf *leaf)
{
	return leaf->size < 8 ? (1ull << leaf->size * 8) - 1 : ~0ull;
}

uint64_t fuzz_grammar_leaf(struct fuzz_rng *rng, const struct kvmapi_leaf *leaf, uint64_t now)
{
	switch (leaf->kind) {
	case KVMAPI_LEAF_FLAGS:
		if (!leaf->value_count)
			return now;
		return now ^ fuzz_pick(rng, leaf->values, leaf->value_count);
	case KVMAPI_LEAF_ENUM:
		return leaf->value_count ? fuzz_pick(rng, leaf->values, leaf->value_count) : now;
	case KVMAPI_LEAF_CAP:
		return fuzz_rng_below(rng, 256);
	default:
		if (leaf->unused)
			return 0;
		return fuzz_grammar_number(rng, leaf->size);
	}
}

uint64_t fuzz_grammar_wrong(struct fuzz_rng *rng, const struct kvmapi_leaf *leaf, uint64_t now)
{
	uint64_t known = 0, value;

	switch (leaf->kind) {
	case KVMAPI_LEAF_FLAGS:
		for (unsigned int i = 0; i < leaf->value_count; i++)
			known |= leaf->values[i];
		/* Usually the lowest unknown bit. */
		if (known && known != mask(leaf) && !fuzz_rng_one_in(rng, 3)) {
			value = 1ull << __builtin_ctzll(~known);
			if (fuzz_rng_one_in(rng, 2))
				value = (known << 1) & ~known & mask(leaf);
			return now | value;
		}
		return now | (1ull << fuzz_rng_below(rng, leaf->size * 8));
	case KVMAPI_LEAF_ENUM:
		for (unsigned int i = 0; i < leaf->value_count; i++)
			known = leaf->values[i] > known ? leaf->values[i] : known;
		return fuzz_rng_one_in(rng, 2) ? (known + 1) & mask(leaf)
					       : fuzz_grammar_number(rng, leaf->size);
	default:
		break;
	}
	switch (fuzz_rng_below(rng, 8)) {
	case 0:
		return now ^ (1ull << fuzz_rng_below(rng, leaf->size * 8));
	case 1:
		return (now + 1) & mask(leaf);
	case 2:
		return (now - 1) & mask(leaf);
	case 3:
		return (now + 0x1000) & mask(leaf);
	default:
		return fuzz_grammar_number(rng, leaf->size);
	}
}

static void put(const struct fuzz_making *g, const struct kvmapi_leaf *leaf, uint32_t base,
		uint64_t value)
{
	bytes_put(g->bytes + base + leaf->offset, value, leaf->size,
		  kvmapi_arch_big_endian(g->s->arch));
}

void fuzz_grammar_fill(struct fuzz_making *g)
{
	uint32_t tail = 0;

	if (g->row->payload == KVMAPI_VALUE) {
		g->arg = fuzz_rng_one_in(g->rng, 2) ? 0 : fuzz_rng_below(g->rng, 8);
		return;
	}
	for (unsigned int i = 0; i < g->leaf_count; i++) {
		const struct kvmapi_leaf *leaf = &g->leaves[i];

		if (!leaf->unused && !fuzz_rng_one_in(g->rng, 3))
			put(g, leaf, 0, fuzz_grammar_leaf(g->rng, leaf, 0));
	}
	if (g->row->payload != KVMAPI_COUNTED)
		return;
	tail = fuzz_rng_below(g->rng, 4);
	put(g, &(struct kvmapi_leaf){.offset = g->row->count_offset, .size = g->row->count_width},
	    0, tail);
	for (uint32_t n = 0; n < tail; n++) {
		for (unsigned int i = 0; i < g->elem_leaf_count; i++)
			put(g, &g->elem_leaves[i], g->row->size + n * g->row->elem_size,
			    fuzz_grammar_leaf(g->rng, &g->elem_leaves[i], 0));
	}
	g->size = g->row->size + tail * g->row->elem_size;
}

/* --- what was called before ------------------------------------------------------------------- */

static bool same_place(const struct fuzz_making *g, uint32_t call, const char *name)
{
	const struct fuzz_call *c = &g->s->calls[call];

	return c->row && fuzz_sequence_vm(g->s, c->object) == g->vm && !strcmp(c->row->name, name);
}

unsigned int fuzz_grammar_count(const struct fuzz_making *g, const char *name)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < g->at; i++)
		count += same_place(g, i, name);
	return count;
}

const uint8_t *fuzz_grammar_before(const struct fuzz_making *g, const char *name, uint32_t least)
{
	const uint8_t *found = NULL;
	unsigned int count = 0;

	for (uint32_t i = 0; i < g->at; i++) {
		const struct fuzz_part *p;

		if (!same_place(g, i, name))
			continue;
		p = fuzz_sequence_find(g->s, i, TAPE_ARG_IN);
		if (p && p->size >= least && fuzz_rng_one_in(g->rng, ++count))
			found = fuzz_part_bytes(g->s, p);
	}
	return found;
}
