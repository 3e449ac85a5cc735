/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that overlap may have taken effect in any order that respects their intervals.  A group is
 * taken apart into sets of calls that depend on each other (touch.h); within a set every order is
 * looked for.  Orders that lead to the same state with the same calls done are one: what remains is
 * bounded by the number of such nodes, not by that of orders.
 *
 * What is known afterwards is what all orders that explain the set agree on.  If the search is too
 * expensive, nothing is held against the kernel, and all that the set may have changed is unknown.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/frame/group.h"

/* --- held calls ------------------------------------------------------------------------------ */

static size_t parts_bytes(const struct tape_part *parts, unsigned int count)
{
	size_t n = count * sizeof(*parts);

	for (unsigned int i = 0; i < count; i++)
		n += parts[i].have;
	return n;
}

/* Copy parts to `parts` and their bytes to `*bytes`, which moves on. */
static void parts_copy(struct tape_part *parts, const struct tape_part *from, unsigned int count,
		       uint8_t **bytes)
{
	for (unsigned int i = 0; i < count; i++) {
		parts[i] = from[i];
		if (!from[i].have)
			continue;
		memcpy(*bytes, from[i].data, from[i].have);
		parts[i].data = *bytes;
		*bytes += from[i].have;
	}
}

struct held *held_new(const struct tape_return *ret, uint64_t entered, uint64_t left)
{
	const struct tape_call *call = ret->call;
	struct held *h = calloc(1, sizeof(*h));
	struct tape_part *parts;
	uint8_t *bytes;

	if (!h)
		return NULL;
	h->bytes = malloc(parts_bytes(call->parts, call->part_count) +
			  parts_bytes(ret->parts, ret->part_count) + 1);
	if (!h->bytes) {
		free(h);
		return NULL;
	}
	h->call = *call;
	h->ret = *ret;
	h->ret.call = &h->call;
	h->entered = entered;
	h->left = left;
	h->counts_vcpu = ret->ret < 0 && call->row && call->row->creates == KVMAPI_VCPU;
	parts = h->bytes;
	bytes = (uint8_t *)(parts + call->part_count + ret->part_count);
	parts_copy(parts, call->parts, call->part_count, &bytes);
	h->call.parts = parts;
	parts += call->part_count;
	parts_copy(parts, ret->parts, ret->part_count, &bytes);
	h->ret.parts = parts;
	return h;
}

void held_free(struct held *h)
{
	if (h) {
		free(h->bytes);
		promises_release(&h->promises);
	}
	free(h);
}

/* --- the search ------------------------------------------------------------------------------ */

/* A node that was seen: these calls are done, and the state is this one. */
struct node {
	struct state_hash hash;
	uint32_t done; /* 0 = free: nobody looks for the root */
};

struct search {
	struct model *m;
	struct held *const *calls;
	uint32_t count;
	uint32_t share;		  /* the only vCPU that the calls change, 0 = none */
	bool copies_all;	  /* or they may change all of them */
	uint32_t done;		  /* a bit for each call */
	uint8_t order[GROUP_MAX]; /* of the calls that are done */
	uint8_t first[GROUP_MAX]; /* the first order that explains all of them */
	bool found;
	bool stopped;	       /* too expensive, or no memory */
	bool forget;	       /* the ends differ in what cannot be forgotten by itself */
	struct state_vm *meet; /* what the ends agree on */
	struct node *nodes;    /* open addressing */
	uint32_t room, used;
};

static bool nodes_grow(struct search *s)
{
	uint32_t room = s->room ? 2 * s->room : 64;
	struct node *nodes = calloc(room, sizeof(*nodes));

	if (!nodes)
		return false;
	for (uint32_t i = 0; i < s->room; i++) {
		uint64_t at = s->nodes[i].hash.word[0];

		if (!s->nodes[i].done)
			continue;
		while (nodes[at & (room - 1)].done)
			at++;
		nodes[at & (room - 1)] = s->nodes[i];
	}
	free(s->nodes);
	s->nodes = nodes;
	s->room = room;
	return true;
}

/* Whether the node is new; it is remembered. */
static bool node_new(struct search *s, const struct state_vm *vm)
{
	struct node n = {.hash = state_vm_hash(vm), .done = s->done};
	uint64_t at;

	n.hash.word[0] ^= (uint64_t)n.done * 0x9e3779b97f4a7c15ull;
	if (2 * (s->used + 1) > s->room && !nodes_grow(s)) {
		model_out_of_memory(s->m);
		s->stopped = true;
		return false;
	}
	for (at = n.hash.word[0]; s->nodes[at & (s->room - 1)].done; at++) {
		const struct node *o = &s->nodes[at & (s->room - 1)];

		if (o->done == n.done && o->hash.word[0] == n.hash.word[0] &&
		    o->hash.word[1] == n.hash.word[1])
			return false;
	}
	s->nodes[at & (s->room - 1)] = n;
	s->used++;
	return true;
}

/* A call comes next only if no call that is still to come had returned before it began. */
static bool may_come(const struct search *s, uint32_t i)
{
	if (s->done & 1u << i)
		return false;
	for (uint32_t k = 0; k < s->count; k++) {
		if (k != i && !(s->done & 1u << k) && s->calls[k]->left < s->calls[i]->entered)
			return false;
	}
	return true;
}

static struct state_vm *search_copy(struct search *s, const struct state_vm *vm)
{
	struct state_vm *next;
	int64_t *work = model_work(s->m);

	*work -= 1 + (s->copies_all ? 16 * (int64_t)vm->vcpu_count : s->share ? 16 : 0);
	if (*work < 0) {
		s->stopped = true;
		return NULL;
	}
	next = s->copies_all ? state_vm_copy(vm) : state_vm_copy_sharing(vm, s->share);
	if (!next) {
		model_out_of_memory(s->m);
		s->stopped = true;
	}
	return next;
}

/* All calls are done: `vm` (freed here, or kept) is one of the ends. */
static void search_end(struct search *s, struct state_vm *vm)
{
	if (!s->found)
		memcpy(s->first, s->order, sizeof(s->first));
	s->found = true;
	if (!s->meet) {
		s->meet = vm;
		return;
	}
	if (!state_vm_meet(s->meet, vm))
		s->forget = true;
	state_vm_free(vm);
}

/* Every order of the calls that are left, `depth` of them being done, on `vm`, which stays. */
static void search_orders(struct search *s, const struct state_vm *vm, uint32_t depth)
{
	struct model_verdict verdict;

	for (uint32_t i = 0; i < s->count && !s->stopped; i++) {
		const struct held *h = s->calls[i];
		struct state_vm *next;

		if (!may_come(s, i))
			continue;
		next = search_copy(s, vm);
		if (!next)
			return;
		model_judge(s->m, next, &h->ret, h->entered, h->left, &verdict,
			    model_scratch_promises(s->m));
		s->done |= 1u << i;
		if (verdict.kind != MODEL_DIVERGES && node_new(s, next)) {
			s->order[depth] = (uint8_t)i;
			if (depth + 1 == s->count) {
				search_end(s, next);
				next = NULL;
			} else {
				search_orders(s, next, depth + 1);
			}
		}
		s->done &= ~(1u << i);
		state_vm_free(next);
	}
}

/* --- sets of calls that depend on each other ------------------------------------------------- */

struct set {
	struct held *calls[GROUP_MAX]; /* in the order of their returns */
	uint32_t count;
	uint16_t writes;
	uint32_t vcpu; /* whose state is written, 0 = none or all */
	bool any_vcpu;
	bool unsure; /* a call that is not there to be judged may explain what looks wrong */
	bool failed_vcpu;
};

static void set_touch(struct set *set, const struct touches *t)
{
	set->writes |= t->writes;
	if (!(t->writes & TOUCH_OWN))
		return;
	if (t->any_object || (set->vcpu && set->vcpu != t->object))
		set->any_vcpu = true;
	set->vcpu = t->object;
}

/* All that the calls of the set may have changed. */
static void set_forget(const struct set *set, struct state_vm *vm)
{
	touch_forget(vm, set->writes, set->vcpu);
	for (uint32_t i = 0; set->any_vcpu && i < vm->vcpu_count; i++)
		state_vcpu_forget(vm->vcpus[i]);
}

static void unspecified(struct model_verdict *v, const char *why)
{
	if (v->kind == MODEL_SKIPPED)
		return;
	v->kind = MODEL_UNSPECIFIED;
	v->expected[0] = 0;
	snprintf(v->observed, sizeof(v->observed), "%s", why);
}

void group_excuse(struct model_verdict *v, const char *why)
{
	if (v->kind == MODEL_DIVERGES)
		unspecified(v, why);
}

static bool judge_held(struct model *m, struct vm_slot *slot, struct held *h)
{
	model_judge(m, slot->state, &h->ret, h->entered, h->left, &h->verdict, &h->promises);
	return h->verdict.kind == MODEL_DIVERGES;
}

/* Calls that have not returned, or took part in what was judged before, may come in between. */
static void set_judge_unsure(struct model *m, struct vm_slot *slot, struct set *set)
{
	for (uint32_t i = 0; i < set->count; i++) {
		set_forget(set, slot->state);
		judge_held(m, slot, set->calls[i]);
		group_excuse(&set->calls[i]->verdict,
			     "overlaps a call that has not returned, which may explain it");
	}
	set_forget(set, slot->state);
}

/* No order explains the calls: the divergences are those in the order of returns. */
static void set_judge_returns(struct model *m, struct vm_slot *slot, struct set *set)
{
	for (uint32_t i = 0; i < set->count; i++)
		judge_held(m, slot, set->calls[i]);
	set_forget(set, slot->state);
}

static void set_judge_orders(struct model *m, struct vm_slot *slot, struct set *set)
{
	struct search s = {.m = m,
			   .calls = set->calls,
			   .count = set->count,
			   .share = set->vcpu,
			   .copies_all = set->any_vcpu};

	search_orders(&s, slot->state, 0);
	for (uint32_t i = 0; s.found && i < set->count; i++)
		judge_held(m, slot, set->calls[s.first[i]]);
	if (!s.found)
		set_judge_returns(m, slot, set);
	for (uint32_t i = 0; s.stopped && !s.found && i < set->count; i++)
		unspecified(&set->calls[i]->verdict,
			    "too many orders of calls that overlap to try all of them");
	if (s.found && (s.stopped || s.forget || !state_vm_meet(slot->state, s.meet)))
		set_forget(set, slot->state);
	state_vm_free(s.meet);
	free(s.nodes);
}

static void set_judge(struct model *m, struct vm_slot *slot, struct set *set)
{
	struct state_vm *vm = slot->state;
	/* KVM counts a vCPU before it knows whether it can be made. */
	bool counted = set->failed_vcpu && set->count > 1 && vm->has_vcpus == STATE_NO;

	if (counted)
		vm->has_vcpus = STATE_UNKNOWN;
	if (set->unsure)
		set_judge_unsure(m, slot, set);
	else if (set->count == 1)
		judge_held(m, slot, set->calls[0]);
	else
		set_judge_orders(m, slot, set);
	if (counted && vm->has_vcpus == STATE_UNKNOWN && vm->fresh && !vm->vcpu_count)
		vm->has_vcpus = STATE_NO;
}

/* The root of a call's set; sets are trees of calls. */
static uint32_t set_root(const uint8_t *parent, uint32_t i)
{
	while (parent[i] != i)
		i = parent[i];
	return i;
}

/* Which calls depend on each other, and, through one of them, on each other's. */
static void sets_find(const struct vm_slot *slot, struct group_open *const *open,
		      uint32_t open_count, uint8_t *parent)
{
	struct held *const *held = slot->held;

	for (uint32_t i = 0; i < slot->held_count; i++) {
		parent[i] = (uint8_t)i;
		touches_widen(&held[i]->touches, slot->state);
	}
	/* A slot that several calls of the group move or make is where any of them puts it. */
	for (uint32_t i = 0; i < slot->held_count; i++) {
		for (uint32_t k = 0; k < slot->held_count; k++)
			touches_join(&held[i]->touches, &held[k]->touches);
		for (uint32_t k = 0; k < open_count; k++) {
			touches_join(&open[k]->touches, &held[i]->touches);
			touches_join(&held[i]->touches, &open[k]->touches);
		}
	}
	for (uint32_t i = 0; i < slot->held_count; i++) {
		for (uint32_t k = 0; k < i; k++) {
			uint32_t a = set_root(parent, i), b = set_root(parent, k);

			/* The first call of a set is its root. */
			if (touches_conflict(&held[i]->touches, &held[k]->touches))
				parent[a > b ? a : b] = (uint8_t)(a > b ? b : a);
		}
	}
}

static void set_open(struct set *set, struct group_open *const *open, uint32_t open_count)
{
	for (uint32_t i = 0; i < set->count; i++) {
		if (set->calls[i]->stale)
			set->unsure = true;
		for (uint32_t k = 0; k < open_count; k++) {
			if (!touches_conflict(&set->calls[i]->touches, &open[k]->touches))
				continue;
			set->unsure = open[k]->stale = true;
			set_touch(set, &open[k]->touches);
		}
	}
}

void group_judge(struct model *m, struct vm_slot *slot, struct group_open *const *open,
		 uint32_t open_count)
{
	uint8_t parent[GROUP_MAX];

	if (!slot->held_count)
		return;
	sets_find(slot, open, open_count, parent);
	/* First what is sure: those of the others forget. */
	for (unsigned int pass = 0; pass < 3; pass++) {
		for (uint32_t root = 0; root < slot->held_count; root++) {
			struct set set = {.count = 0};

			for (uint32_t i = root; i < slot->held_count; i++) {
				if (set_root(parent, i) != root)
					continue;
				set.calls[set.count++] = slot->held[i];
				set_touch(&set, &slot->held[i]->touches);
				set.failed_vcpu |= slot->held[i]->counts_vcpu;
			}
			if (!set.count)
				continue;
			set_open(&set, open, open_count);
			if (pass == (set.unsure ? 2u : set.count > 1))
				set_judge(m, slot, &set);
		}
	}
	for (uint32_t i = 0; i < slot->held_count; i++) {
		struct held *h = slot->held[i];

		model_emit(m, &h->ret, &h->verdict, &h->promises);
		held_free(h);
	}
	slot->held_count = 0;
}
