/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame of the model: objects, sequence, overlapping calls, verdicts.
 *
 * A call is an interval.  Calls on one VM that overlap may have taken effect in any order, so they
 * are held until the last of them returned, and judged in the order of their returns; if that order
 * breaks a rule, other orders that respect the intervals are tried, and only if none explains what
 * was seen is the first one's divergence reported.  KVM_RUN is no member of such a group: it lasts
 * long, and what it does to the state is to make it unknown for as long as it lasts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvmapi/kvm_newer.h"
#include "base/array.h"
#include "model/answer/answer.h"
#include "model/state/describe.h"
#include "model/frame/group.h"
#include "model/frame/frame.h"
#include "tape/ids.h"

/* Errnos end here. */
#define ERRNO_MAX 4095

struct object {
	struct tape_object o;
	struct vm_slot *slot; /* VM that it belongs to, NULL = none */
	bool known;
	bool in_state;
	bool made;	/* the call that made it was judged */
	bool used;	/* and one on it */
	bool made_here; /* a call on the tape made it, or must have */
	bool closed;	/* its descriptor */
	uint64_t left;	/* sequence number of the last return of a call on it but KVM_RUN */
};

struct open_call {
	uint64_t entered;
	uint32_t pid, tid;
	uint32_t object;
	uint32_t place;		  /* in .waiting of the model, if .slot */
	struct vm_slot *slot;	  /* the group that it belongs to; NULL for KVM_RUN and /dev/kvm */
	struct vm_slot *over_gap; /* instead of it, once a gap came before the return */
	struct group_open group;
	bool open;
	bool creates; /* objects */
	bool inside;  /* a KVM_RUN of a vCPU that is known */
	bool runs;    /* and that lets the guest run */
};

struct model {
	struct model_facts facts;
	model_verdict_fn fn;
	void *context;
	uint64_t sequence;
	bool gap_seen;
	uint64_t gap_at; /* sequence number of the last gap */
	struct object *objects;
	size_t object_room;
	struct vm_slot **slots;
	uint32_t slot_count;
	size_t slot_room;
	struct open_call *threads;
	size_t thread_room;
	uint32_t *waiting; /* threads whose open call has a .slot */
	uint32_t waiting_count;
	size_t waiting_room;
	struct tape_ids by_tid; /* the last thread + 1 of each tid */
	const struct kvmapi_ioctl *rows;
	const struct handler **handlers;  /* by row */
	const struct handler **lints;	  /* by row and kind, NULL = none */
	const struct touch_row **touches; /* the same */
	uint64_t hits[R_COUNT];
	struct state_system system;
	struct answer answer;	  /* to the call that is judged, or asked about */
	struct answer_list asked; /* by model_ask() */
	bool promises_wanted, answers_wanted;
	struct promises promises;   /* of the call that is judged alone */
	int64_t work;		    /* what the search of orders may still cost */
	struct group_open **opens;  /* of one VM, see opens_of() */
	struct group_open over_gap; /* stands for all that were open at a gap */
	size_t opens_room;
	const struct promises *promised; /* of the call that the callback is about */
	struct tape_return *making;	 /* by model_predict() */
	int oom;
};

/* The handlers of a table for the rows they are named after, where no table before it had one. */
static void add_handlers(struct model *m, const struct handler **handlers, size_t count,
			 const struct handler *table, bool shared_only)
{
	for (const struct handler *h = table; h->ioctl; h++) {
		if (shared_only && !generic_shared(h->ioctl))
			continue;
		for (size_t i = 0; i < count; i++) {
			if (strcmp(m->rows[i].name, h->ioctl))
				continue;
			for (unsigned int k = 0; k < KVMAPI_OBJECT_KINDS; k++) {
				const struct handler **at = &handlers[i * KVMAPI_OBJECT_KINDS + k];

				if (h->scope & m->rows[i].scope & 1u << k && !*at)
					*at = h;
			}
		}
	}
}

/* Which handler judges which row. */
static int find_handlers(struct model *m)
{
	const struct handler *const tables[] = {
		model_system_handlers,	model_vm_handlers,	    model_vcpu_handlers,
		model_run_handlers,	model_device_handlers,	    model_vm_cap_handlers,
		model_memslot_handlers, model_irqchip_handlers,	    model_eventfd_handlers,
		model_clock_handlers,	model_xen_handlers,	    model_regs_handlers,
		model_cpuid_handlers,	model_msr_handlers,	    model_lapic_handlers,
		model_events_handlers,	model_enlightened_handlers,
	};
	bool x86 = m->facts.arch == KVMAPI_X86;
	size_t count;

	m->rows = kvmapi_ioctls(m->facts.arch, &count);
	m->handlers = calloc(count ? count : 1, sizeof(*m->handlers) * KVMAPI_OBJECT_KINDS);
	m->lints = calloc(count ? count : 1, sizeof(*m->lints) * KVMAPI_OBJECT_KINDS);
	m->touches = calloc(count ? count : 1, sizeof(*m->touches) * KVMAPI_OBJECT_KINDS);
	if (!m->handlers || !m->lints || !m->touches)
		return -ENOMEM;
	for (size_t i = 0; i < count * KVMAPI_OBJECT_KINDS; i++)
		m->touches[i] = touch_row(&m->facts, m->rows[i / KVMAPI_OBJECT_KINDS].name,
					  1u << i % KVMAPI_OBJECT_KINDS);
	if (x86)
		add_handlers(m, m->lints, count, model_lint_handlers, false);
	if (m->facts.arch == KVMAPI_S390)
		add_handlers(m, m->handlers, count, model_s390_handlers, false);
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		add_handlers(m, m->handlers, count, tables[t], !x86);
	if (m->facts.arch == KVMAPI_ARM64) {
		add_handlers(m, m->handlers, count, model_arm64_handlers, false);
		add_handlers(m, m->handlers, count, model_arm64_device_handlers, false);
	}
	if (m->facts.arch == KVMAPI_POWERPC)
		add_handlers(m, m->handlers, count, model_powerpc_handlers, false);
	if (!x86)
		add_handlers(m, m->handlers, count, model_generic_handlers, false);
	/* What no handler judges may do anything. */
	for (size_t i = 0; i < count * KVMAPI_OBJECT_KINDS; i++) {
		if (m->handlers[i])
			m->touches[i] = touch_row(&m->facts, m->rows[i / KVMAPI_OBJECT_KINDS].name,
						  1u << i % KVMAPI_OBJECT_KINDS);
	}
	return 0;
}

/* Where a table by row and kind has a call that has a row. */
static size_t row_of(const struct model *m, const struct tape_call *call)
{
	return (size_t)(call->row - m->rows) * KVMAPI_OBJECT_KINDS +
	       (unsigned int)__builtin_ctz(call->kind);
}

static const struct handler *handler(const struct model *m, const struct handler *const *handlers,
				     const struct tape_call *call)
{
	return call->row ? handlers[row_of(m, call)] : NULL;
}

/* An ioctl that changes nothing, by its name.  What any other does is not known without a rule. */
static bool only_reads(const struct kvmapi_ioctl *row)
{
	return strstr(row->name, "_GET_") || strstr(row->name, "_HAS_") ||
	       strstr(row->name, "_CHECK_");
}

/* NULL: anything, as what an ioctl without a rule changes. */
static const struct touch_row *touch(const struct model *m, const struct tape_call *call)
{
	if (!call->row || (!handler(m, m->handlers, call) && !only_reads(call->row)))
		return NULL;
	return m->touches[row_of(m, call)];
}

int model_create(const struct tape_env *env, model_verdict_fn fn, void *context,
		 struct model **model)
{
	struct model *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->fn = fn;
	m->context = context;
	err = facts_init(&m->facts, env);
	if (err)
		goto fail;
	m->work = WORK_MAX;
	touches_of(m, NULL, NULL, &m->over_gap.touches);
	err = find_handlers(m);
	if (err)
		goto fail;
	*model = m;
	return 0;
fail:
	model_destroy(m);
	return err;
}

/* Everything that the items so far left. */
static void forget_items(struct model *m)
{
	for (uint32_t i = 0; i < m->slot_count; i++) {
		struct vm_slot *s = m->slots[i];

		for (uint32_t k = 0; k < s->held_count; k++)
			held_free(s->held[k]);
		state_vm_free(s->state);
		free(s);
	}
	m->slot_count = 0;
	state_system_release(&m->system);
}

void model_destroy(struct model *m)
{
	if (!m)
		return;
	forget_items(m);
	promises_release(&m->promises);
	answer_release(&m->answer);
	answer_list_release(&m->asked);
	free(m->slots);
	free(m->objects);
	free(m->threads);
	free(m->waiting);
	tape_ids_release(&m->by_tid);
	free(m->handlers);
	free(m->lints);
	free(m->touches);
	free(m->opens);
	facts_release(&m->facts);
	free(m);
}

void model_reset(struct model *m)
{
	forget_items(m);
	memset(&m->system, 0, sizeof(m->system));
	if (m->objects)
		memset(m->objects, 0, m->object_room * sizeof(*m->objects));
	if (m->threads)
		memset(m->threads, 0, m->thread_room * sizeof(*m->threads));
	m->waiting_count = 0;
	tape_ids_clear(&m->by_tid);
	m->sequence = 0;
	m->gap_seen = false;
	m->gap_at = 0;
	m->work = WORK_MAX;
	m->oom = 0;
}

void model_promises_enable(struct model *m)
{
	m->promises_wanted = true;
}

void model_answers_enable(struct model *m)
{
	m->promises_wanted = m->answers_wanted = true;
}

const struct promises *model_promised(const struct model *m)
{
	return m->promised;
}

const struct model_facts *model_facts_of(const struct model *m)
{
	return &m->facts;
}

const uint64_t *model_rule_hits(const struct model *m)
{
	return m->hits;
}

/* --- objects and threads ---------------------------------------------------------------------- */

static struct object *object_at(const struct model *m, uint32_t id)
{
	return id < m->object_room && m->objects[id].known ? &m->objects[id] : NULL;
}

static struct vm_slot *slot_new(struct model *m, uint32_t id, bool fresh)
{
	struct vm_slot *s;

	if (array_reach(&m->slots, &m->slot_room, m->slot_count))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->state = state_vm_new(id, fresh);
	if (!s->state) {
		free(s);
		return NULL;
	}
	m->slots[m->slot_count++] = s;
	return s;
}

/* The VM that an object belongs to; made on the way when the tape does not say which it is. */
static struct vm_slot *object_slot(struct model *m, struct object *o)
{
	struct object *parent;

	if (o->slot || o->o.kind == KVMAPI_SYSTEM)
		return o->slot;
	parent = o->o.kind == KVMAPI_VM ? NULL : object_at(m, o->o.parent);
	if (parent && parent != o)
		o->slot = object_slot(m, parent);
	else
		o->slot = slot_new(m, o->o.id, o->made_here && o->made && o->o.kind == KVMAPI_VM);
	if (!o->slot)
		m->oom = -ENOMEM;
	return o->slot;
}

/* The same without making one, NULL: there is none yet. */
static struct vm_slot *slot_of(const struct model *m, const struct object *o)
{
	const struct object *parent;

	if (o->slot || o->o.kind == KVMAPI_SYSTEM || o->o.kind == KVMAPI_VM)
		return o->slot;
	parent = object_at(m, o->o.parent);
	return parent ? parent->slot : NULL;
}

/* From now on the object is part of its VM's state. */
static void object_enter_state(struct model *m, struct object *o, struct state_vm *vm, bool fresh)
{
	bool ok = true;

	if (!vm)
		return;
	if (o->o.kind == KVMAPI_VCPU && !state_vm_vcpu(vm, o->o.id))
		/* Ids have 32 bits, whatever the argument had. */
		ok = state_vm_add_vcpu(vm, o->o.id,
				       o->o.number == UINT64_MAX ? UINT64_MAX
								 : (uint32_t)o->o.number,
				       fresh) != NULL;
	else if (o->o.kind == KVMAPI_DEVICE && !state_vm_device(vm, o->o.id))
		ok = state_vm_add_device(vm, o->o.id, o->o.number, o->closed) != NULL;
	o->in_state = true;
	if (!ok)
		m->oom = -ENOMEM;
}

int model_object(struct model *m, const struct tape_object *object)
{
	struct object *o;
	int err = array_reach(&m->objects, &m->object_room, object->id);

	if (err)
		return err;
	o = &m->objects[object->id];
	*o = (struct object){.o = *object, .known = true};
	o->made_here = !(object->flags & TAPE_OBJECT_PRE_EXISTING) && !m->gap_seen;
	return 0;
}

int model_closed(struct model *m, uint32_t object)
{
	struct object *o = object_at(m, object);
	struct vm_slot *slot;
	struct state_device *d;

	if (!o)
		return 0;
	o->closed = true;
	if (o->o.kind != KVMAPI_DEVICE)
		return 0;
	/* The call that made it may not be judged yet. */
	slot = object_slot(m, o);
	d = slot ? state_vm_device(slot->state, object) : NULL;
	if (d)
		d->closed = true;
	return m->oom;
}

static struct vm_slot *slot_twin(const struct model *m, const struct model *from,
				 const struct vm_slot *slot)
{
	for (uint32_t i = 0; i < from->slot_count; i++) {
		if (from->slots[i] == slot)
			return m->slots[i];
	}
	return NULL;
}

int model_copy_state(struct model *m, const struct model *from)
{
	int err;

	model_reset(m);
	err = state_system_copy(&m->system, &from->system);
	for (uint32_t i = 0; i < from->slot_count && !err; i++) {
		struct vm_slot *s = slot_new(m, from->slots[i]->state->id, false);

		if (s) {
			state_vm_free(s->state);
			s->state = state_vm_copy(from->slots[i]->state);
			s->owner = from->slots[i]->owner;
		}
		if (!s || !s->state)
			err = -ENOMEM;
	}
	if (!err && from->object_room)
		err = array_reach(&m->objects, &m->object_room, from->object_room - 1);
	if (!err && from->thread_room)
		err = array_reach(&m->threads, &m->thread_room, from->thread_room - 1);
	if (err)
		return err;
	for (uint32_t i = 0; i < from->object_room; i++) {
		m->objects[i] = from->objects[i];
		m->objects[i].slot = slot_twin(m, from, from->objects[i].slot);
	}
	for (uint32_t i = 0; i < from->thread_room; i++) {
		m->threads[i].tid = from->threads[i].tid;
		m->threads[i].pid = from->threads[i].pid;
	}
	for (uint32_t i = 0; i < from->by_tid.room; i++) {
		const struct tape_id *id = &from->by_tid.list[i];
		uint32_t *last = id->value ? tape_ids_at(&m->by_tid, id->key) : NULL;

		if (last)
			*last = id->value;
		else if (id->value)
			return -ENOMEM;
	}
	m->sequence = from->sequence;
	m->gap_seen = from->gap_seen;
	m->gap_at = from->gap_at;
	m->work = from->work;
	return from->oom;
}

/* --- judging one call ------------------------------------------------------------------------- */

/* One call, as the functions that ask, learn and judge see it. */
struct occasion {
	struct question q;
	struct learn l;
	struct judge j;
};

/* The object of the call among the state of its VM. */
static void occasion_object(struct occasion *c)
{
	const struct tape_call *call = c->q.call;
	struct state_vm *vm = c->l.vm;

	c->l.vcpu = vm && call->kind == KVMAPI_VCPU ? state_vm_vcpu(vm, call->object) : NULL;
	c->l.device = vm && call->kind == KVMAPI_DEVICE ? state_vm_device(vm, call->object) : NULL;
	c->q.vcpu = c->l.vcpu;
	c->q.device = c->l.device;
}

/* `ret` is NULL at the call. */
static void occasion_prepare(struct model *m, struct occasion *c, struct state_vm *vm,
			     const struct tape_call *call, const struct tape_return *ret,
			     uint64_t entered, uint64_t left, struct model_verdict *v)
{
	const struct object *created = ret && ret->created ? object_at(m, ret->created) : NULL;
	/* KVM_RUN has none, and is the most frequent call. */
	const bool argument = !call->row || call->row->payload != KVMAPI_RUNPAGE;

	v->kind = MODEL_UNSPECIFIED;
	v->rule = R_NONE;
	v->held_count = 0;
	v->advice_count = 0;
	v->unusual = R_NONE;
	v->expected[0] = v->observed[0] = 0;
	c->q = (struct question){.facts = &m->facts,
				 .vm = vm,
				 .system = &m->system,
				 .call = call,
				 .row = call->row,
				 .entered = entered,
				 .left = left,
				 .late = ret};
	if (argument)
		c->q.in = q_part(&c->q, TAPE_ARG_IN);
	c->l = (struct learn){.q = &c->q, .ret = ret, .vm = vm, .system = &m->system};
	c->l.created = created ? &created->o : NULL;
	if (argument && ret)
		c->l.out = tape_part_find(ret->parts, ret->part_count, TAPE_ARG_OUT);
	memset(&c->j, 0, sizeof(c->j));
	c->j.q = &c->q;
	c->j.ret = ret;
	c->j.out = c->l.out;
	c->j.created = c->l.created;
	c->j.v = v;
	c->j.deviation = c->j.allowed_by = R_NONE;
	occasion_object(c);
}

/* A call that makes an object has not returned: its descriptor may be in use all the same. */
static bool creating(const struct model *m)
{
	for (uint32_t i = 0; i < m->thread_room; i++) {
		if (m->threads[i].open && m->threads[i].creates)
			return true;
	}
	return false;
}

/*
 * An object is used that nobody made: on a tape without gaps, its creation was not there to be
 * judged.
 */
static void check_object(const struct model *m, struct judge *j, struct object *o)
{
	if (o->o.kind == KVMAPI_SYSTEM || !o->made_here || o->used || m->gap_seen)
		return;
	if (o->made) {
		o->used = true; /* said once per object */
		j_hold(j, R_OBJECT_MUST_EXIST);
		return;
	}
	if (j->ret->ret >= 0 && !creating(m))
		j_break(j, R_OBJECT_MUST_EXIST, "a call that creates this object",
			"a call on %s %u, which no call on the tape made",
			kvmapi_object_name(o->o.kind), o->o.id);
}

/* Of what nothing is specified, if nobody said so yet. */
static void say_unspecified(struct judge *j)
{
	char why[MODEL_TEXT] = "the documents promise nothing that could be checked";
	size_t count;

	if (j->allowed_by != R_NONE)
		snprintf(why, sizeof(why), "%s allows it, and no rule demands it",
			 model_rules(&count)[j->allowed_by].id);
	j_silent(j, why);
}

static uint32_t process_of(const struct model *m, const struct tape_call *call)
{
	return call->thread < m->thread_room ? m->threads[call->thread].pid : 0;
}

/* A call on a VM that another process made: 0 = not so, or not known.  Processes may share their
 * memory, so that it may succeed all the same. */
static bool is_foreign(const struct model *m, const struct object *o, const struct tape_call *call)
{
	uint32_t pid = process_of(m, call);

	return o && o->slot && o->slot->owner && pid && pid != o->slot->owner;
}

/* The process that made the VM, or that a call on it succeeded for. */
static void note_owner(const struct model *m, const struct object *o, const struct tape_return *ret)
{
	if (o && o->slot && !o->slot->owner && ret->ret >= 0)
		o->slot->owner = process_of(m, ret->call);
}

/*
 * All that the call may have changed: no more, since calls that touch something else are judged
 * apart.
 */
static void forget_touched(const struct model *m, struct state_vm *vm, const struct tape_call *call)
{
	struct touches t;

	touches_of(m, touch(m, call), call, &t);
	if (t.writes == TOUCH_ALL)
		state_vm_forget(vm);
	else
		touch_forget(vm, t.writes, t.object);
}

/*
 * While a vCPU is in KVM_RUN, other calls on it wait, but for those that send it an interrupt (on
 * some architectures): after one that succeeded, no KVM_RUN from before it is under way.
 */
static bool waits_for_run(const struct tape_return *ret)
{
	const struct kvmapi_ioctl *row = ret->call->row;

	return ret->ret >= 0 && row && !strstr(row->name, "INTERRUPT") && !strstr(row->name, "IRQ");
}

/* Ask what the call may be answered, hold that against what came, and learn from it. */
static void ask_and_learn(struct model *m, const struct handler *h, struct occasion *c)
{
	if (h->settle)
		h->settle(&c->l);
	answer_begin(&m->answer, &c->q);
	if (m->making)
		answer_for_making(&m->answer);
	else if (!c->j.promises)
		answer_only_for(&m->answer, c->j.ret);
	h->answer(&c->q, &m->answer);
	if (m->answers_wanted && answer_list(&m->answer, &c->j.promises->answers))
		m->oom = -ENOMEM;
	if (m->making)
		answer_make(&m->answer, m->making);
	c->l.succeeded = answer_judge(&c->j, &m->answer);
	if (h->learn)
		h->learn(&c->l);
}

static void judge_by_handler(struct model *m, const struct handler *h, struct occasion *c)
{
	const struct tape_return *ret = c->j.ret;
	const struct handler *lint = handler(m, m->lints, ret->call);
	struct state_vm *vm = c->l.vm;

	if (!ret->call->row) {
		ask_and_learn(m, &model_unknown_request, c);
		return;
	}
	if (!h) {
		j_hold(&c->j, R_RETURN_ZERO_OR_ERROR);
		j_silent(&c->j, "no rule for this ioctl");
		if (vm && !only_reads(ret->call->row))
			state_vm_forget(vm);
		return;
	}
	if (lint && lint->advise)
		lint->advise(&c->j);
	if (lint && lint->learn)
		lint->learn(&c->l);
	ask_and_learn(m, h, c);
	/* What it did is not what the rule knows of. */
	if (c->j.unsure && vm && !h->enter)
		forget_touched(m, vm, ret->call);
}

/* The call is on an object that may not be part of its VM's state yet. */
static void enter_state(struct model *m, const struct handler *h, struct occasion *c,
			struct object *o)
{
	const uint8_t kind = c->q.call->kind;
	struct state_vm *vm = c->l.vm;

	if (vm && o &&
	    ((!c->l.vcpu && kind == KVMAPI_VCPU) || (!c->l.device && kind == KVMAPI_DEVICE))) {
		object_enter_state(m, o, vm, false);
		occasion_object(c);
	}
	if (h && h->enter)
		return;
	if (vm)
		vm->guest_clean = false;
	if (c->l.vcpu)
		c->l.vcpu->guest_clean = false;
}

/* The object that the call made. */
static void object_made(struct model *m, struct judge *j, struct state_vm *vm,
			struct object *created)
{
	created->made = true;
	if (created->o.kind == KVMAPI_VM) {
		created->in_state = true;
		object_slot(m, created);
	} else {
		object_enter_state(m, created, vm, true);
	}
	note_owner(m, created, j->ret);
	if (created->made_here && j->ret->ret >= 0)
		j_hold(j, R_OBJECT_MUST_EXIST);
}

/* A vCPU that is new, and part of the state now. */
static void what_was_made(const struct handler *h, struct occasion *c, const struct object *created)
{
	if (!h || !h->made || created->o.kind != KVMAPI_VCPU || !c->l.vm)
		return;
	c->l.vcpu = state_vm_vcpu(c->l.vm, created->o.id);
	if (c->l.vcpu && c->l.vcpu->fresh)
		h->made(&c->l);
	c->l.vcpu = NULL;
}

/* What the rules said, put together. */
static void verdict_close(struct judge *j)
{
	struct model_verdict *v = j->v;

	if (j->broken) {
		v->kind = MODEL_DIVERGES;
		return;
	}
	if (v->kind == MODEL_SKIPPED)
		return;
	v->kind = j->deviation != R_NONE ? MODEL_DEVIATION
		  : j->strong		 ? MODEL_CONFORMS
					 : MODEL_UNSPECIFIED;
	v->rule = j->deviation != R_NONE ? j->deviation : v->held_count ? v->held[0] : R_NONE;
	if (v->kind == MODEL_UNSPECIFIED)
		say_unspecified(j);
	else if (v->kind == MODEL_CONFORMS)
		v->observed[0] = 0;
}

void model_judge(struct model *m, struct state_vm *vm, const struct tape_return *ret,
		 uint64_t entered, uint64_t left, struct model_verdict *v,
		 struct promises *promises)
{
	const struct handler *h = handler(m, m->handlers, ret->call);
	struct object *o = object_at(m, ret->call->object);
	struct object *created = ret->created ? object_at(m, ret->created) : NULL;
	struct occasion c;

	occasion_prepare(m, &c, vm, ret->call, ret, entered, left, v);
	if (m->promises_wanted) {
		c.j.promises = promises;
		promises_begin(promises, ret);
	}
	if (o)
		check_object(m, &c.j, o);
	enter_state(m, h, &c, o);
	if (m->oom)
		j_skip(&c.j, "out of memory");
	else if (!o || o->o.kind != ret->call->kind || (o->o.kind != KVMAPI_SYSTEM && !vm))
		/* Or only announced after the call, or as something else. */
		j_skip(&c.j, "object is not on the tape");
	else if (ret->ret == -EIO && is_foreign(m, o, ret->call))
		j_hold(&c.j, R_FOREIGN_PROCESS_EIO);
	else
		judge_by_handler(m, h, &c);
	if (c.l.vcpu && c.l.vcpu->unseen_run && entered > m->gap_at && waits_for_run(ret))
		c.l.vcpu->unseen_run = false;
	/* Whether a call whose return is made up succeeds was not known before. */
	if (created && ret->created && !(m->making && ret->ret < 0)) {
		object_made(m, &c.j, vm, created);
		what_was_made(h, &c, created);
	}
	note_owner(m, o, ret);
	if (ret->ret < -ERRNO_MAX && !c.j.any_int)
		j_break(&c.j, R_RETURN_ZERO_OR_ERROR, "a number >= 0, or an errno", "%lld",
			(long long)ret->ret);
	if (c.j.oom || c.l.oom || (c.j.promises && c.j.promises->oom))
		m->oom = -ENOMEM;
	verdict_close(&c.j);
}

/* An object that is not in the state of its VM. */
static bool outside_state(struct state_vm *vm, const struct object *o)
{
	return (o->o.kind == KVMAPI_VCPU && !state_vm_vcpu(vm, o->o.id)) ||
	       (o->o.kind == KVMAPI_DEVICE && !state_vm_device(vm, o->o.id));
}

/* The state in which a call is asked about may be changed on the way. */
static int ask_in(struct model *m, struct state_vm *vm, const struct object *o,
		  const struct handler *h, const struct tape_call *call)
{
	struct model_verdict v;
	struct occasion c;

	if (vm && o->o.kind == KVMAPI_VCPU && !state_vm_vcpu(vm, o->o.id) &&
	    !state_vm_add_vcpu(vm, o->o.id, o->o.number, false))
		return -ENOMEM;
	if (vm && o->o.kind == KVMAPI_DEVICE && !state_vm_device(vm, o->o.id) &&
	    !state_vm_add_device(vm, o->o.id, o->o.number, o->closed))
		return -ENOMEM;
	occasion_prepare(m, &c, vm, call, NULL, m->sequence + 1, m->sequence + 2, &v);
	if (h->settle)
		h->settle(&c.l);
	answer_begin(&m->answer, &c.q);
	h->answer(&c.q, &m->answer);
	return c.l.oom ? c.l.oom : answer_list(&m->answer, &m->asked);
}

int model_ask(struct model *m, const struct tape_call *call, const struct model_answer **answers,
	      size_t *count)
{
	const struct object *o = object_at(m, call->object);
	const struct handler *h =
		call->row ? handler(m, m->handlers, call) : &model_unknown_request;
	const struct vm_slot *slot = o ? slot_of(m, o) : NULL;
	struct state_vm *vm, *copy = NULL;
	int err;

	if (!h || !o || o->o.kind != call->kind || (o->o.kind != KVMAPI_SYSTEM && !slot))
		return -ENOENT;
	vm = slot ? slot->state : NULL;
	if (vm && (h->settle || outside_state(vm, o))) {
		copy = state_vm_copy(vm);
		if (!copy)
			return -ENOMEM;
		vm = copy;
	}
	err = ask_in(m, vm, o, h, call);
	if (copy)
		state_vm_free(copy);
	*answers = m->asked.list;
	*count = err ? 0 : m->asked.count;
	return err;
}

void model_emit(struct model *m, const struct tape_return *ret, const struct model_verdict *v,
		const struct promises *promises)
{
	for (unsigned int i = 0; i < v->held_count; i++)
		m->hits[v->held[i]]++;
	for (unsigned int i = 0; i < v->advice_count; i++)
		m->hits[v->advice[i].rule]++;
	m->promised = m->promises_wanted ? promises : NULL;
	m->fn(m->context, ret, v);
	m->promised = NULL;
}

struct promises *model_scratch_promises(struct model *m)
{
	return &m->promises;
}

int64_t *model_work(struct model *m)
{
	return &m->work;
}

void model_out_of_memory(struct model *m)
{
	m->oom = -ENOMEM;
}

/*
 * A call that began before a gap can take effect, or show what an unseen call did, until it has
 * returned: as long as there is one, nothing that was learned stays known.
 */
static void forget_over_gap(struct vm_slot *slot)
{
	if (slot && slot->over_gap)
		state_vm_forget(slot->state);
}

static bool open_add(struct model *m, uint32_t *count, struct group_open *open)
{
	if (array_reach(&m->opens, &m->opens_room, *count)) {
		m->oom = -ENOMEM;
		return false;
	}
	m->opens[(*count)++] = open;
	return true;
}

/* The calls of the VM that have not returned, but KVM_RUN. */
static uint32_t opens_of(struct model *m, const struct vm_slot *slot)
{
	uint32_t count = 0;

	if (slot->over_gap)
		open_add(m, &count, &m->over_gap);
	for (uint32_t i = 0; slot->open && i < m->thread_room; i++) {
		struct open_call *t = &m->threads[i];

		if (t->open && t->slot == slot && !open_add(m, &count, &t->group))
			break;
	}
	return count;
}

static void flush(struct model *m, struct vm_slot *slot)
{
	uint32_t opens;

	if (!slot->held_count)
		return;
	/* First: it may move m->opens. */
	opens = opens_of(m, slot);
	group_judge(m, slot, m->opens, opens);
}

/* --- items ------------------------------------------------------------------------------------ */

/* KVM_RUN without immediate_exit, as far as is known: the guest may run from now on. */
static bool run_lets_guest_run(const struct tape_call *call)
{
	const struct tape_part *p = tape_part_find(call->parts, call->part_count, TAPE_RUN_IN);

	return !p || p->have <= offsetof(struct kvm_run, immediate_exit) ||
	       !p->data[offsetof(struct kvm_run, immediate_exit)];
}

/* A call on this vCPU has not returned, so whether it comes before a KVM_RUN is not known. */
static bool open_on(struct model *m, const struct vm_slot *slot, uint32_t object)
{
	bool found = false;

	for (uint32_t i = 0; slot->open && i < m->thread_room; i++) {
		struct open_call *t = &m->threads[i];

		if (!t->open || !t->slot || t->object != object)
			continue;
		t->group.stale = found = true;
	}
	return found;
}

static void run_enter(struct model *m, const struct handler *h, struct vm_slot *slot,
		      const struct tape_call *call, struct open_call *t)
{
	struct state_vm *vm = slot->state;
	struct model_verdict v;
	struct state_vcpu *vcpu;
	struct occasion c;

	occasion_prepare(m, &c, vm, call, NULL, t->entered, 0, &v);
	vcpu = c.l.vcpu;
	if (!vcpu)
		return;
	if (open_on(m, slot, call->object))
		state_vcpu_forget(vcpu);
	h->enter(&c.l);
	t->inside = true;
	vcpu->inside++;
	t->runs = run_lets_guest_run(call);
	if (!t->runs)
		return;
	vcpu->running++;
	vm->running++;
	if (!vcpu->first_run)
		vcpu->first_run = t->entered;
	vcpu->has_run = vm->has_run = STATE_YES;
	state_vcpu_guest_ran(vcpu);
	state_vm_guest_ran(vm);
}

static void run_leave(struct model *m, struct open_call *t)
{
	struct object *o = object_at(m, t->object);
	struct state_vm *vm = o && o->slot ? o->slot->state : NULL;
	struct state_vcpu *vcpu = vm ? state_vm_vcpu(vm, t->object) : NULL;

	if (t->inside && vcpu && vcpu->inside)
		vcpu->inside--;
	t->inside = false;
	if (!t->runs || !vcpu)
		return;
	t->runs = false;
	if (vcpu->running)
		vcpu->running--;
	if (vm->running)
		vm->running--;
	vcpu->last_run_end = vm->last_run_end = m->sequence;
}

/* The call is no longer under way: it returned, or its return is missing on the tape. */
static void close_call(struct model *m, struct open_call *t)
{
	t->open = false;
	if (t->slot && t->slot->open)
		t->slot->open--;
	if (t->slot && !t->slot->open && !t->slot->held_count)
		t->slot->grouped = false;
	if (t->slot) {
		uint32_t last = m->waiting[--m->waiting_count];

		m->waiting[t->place] = last;
		m->threads[last].place = t->place;
	}
	t->slot = NULL;
	if (t->over_gap)
		t->over_gap->over_gap--;
	t->over_gap = NULL;
}

/*
 * A call is open of which the return is missing: what it did, and when, is not known, and what it
 * made was not seen to be made.
 */
static void returned_unseen(struct model *m, struct open_call *t)
{
	struct object *o = object_at(m, t->object);

	/* While it counts as open, what may depend on it is not held against the kernel. */
	if (o && o->slot)
		flush(m, o->slot);
	run_leave(m, t);
	close_call(m, t);
	if (o && o->slot)
		state_vm_forget(o->slot->state);
	m->gap_seen = true;
}

/* A thread that shows up under a new number while its last call is open has returned. */
int model_thread(struct model *m, const struct tape_thread *thread)
{
	int err = array_reach(&m->threads, &m->thread_room, thread->id);
	uint32_t *last, before;

	if (err)
		return err;
	/* Frames name their threads again. */
	if (m->threads[thread->id].tid == thread->tid)
		return m->oom;
	last = tape_ids_at(&m->by_tid, thread->tid);
	if (!last)
		return -ENOMEM;
	before = *last;
	*last = thread->id + 1;
	if (before && before != thread->id + 1 && m->threads[before - 1].open)
		returned_unseen(m, &m->threads[before - 1]);
	m->threads[thread->id].tid = thread->tid;
	m->threads[thread->id].pid = thread->pid;
	return m->oom;
}

int model_call(struct model *m, const struct tape_call *call)
{
	struct object *o = object_at(m, call->object);
	const struct handler *h = handler(m, m->handlers, call);
	struct vm_slot *slot;
	struct open_call *t;
	int err = array_reach(&m->threads, &m->thread_room, call->thread);

	if (!err)
		err = array_reach(&m->waiting, &m->waiting_room, m->waiting_count);
	if (err)
		return err;
	t = &m->threads[call->thread];
	if (t->open)
		returned_unseen(m, t);
	*t = (struct open_call){.entered = ++m->sequence,
				.pid = t->pid,
				.tid = t->tid,
				.object = call->object,
				.creates = call->row && call->row->creates,
				.open = true};
	slot = o ? object_slot(m, o) : NULL;
	if (!slot)
		return m->oom;
	if (h && h->enter)
		flush(m, slot);
	/* Not made on the tape: it was there before. */
	if (!o->in_state && o->o.kind == KVMAPI_VCPU && (!o->made_here || m->gap_seen))
		object_enter_state(m, o, slot->state, false);
	if (h && h->enter) {
		run_enter(m, h, slot, call, t);
		return m->oom;
	}
	t->slot = slot;
	t->place = m->waiting_count;
	m->waiting[m->waiting_count++] = call->thread;
	if (slot->open++)
		slot->grouped = true;
	/* A vCPU that is not known yet becomes known by being judged. */
	touches_of(m, o->in_state || o->o.kind == KVMAPI_VM ? touch(m, call) : NULL, call,
		   &t->group.touches);
	return m->oom;
}

/*
 * A KVM_RUN returned.  Calls that overlapped it and changed what it depends on may have done so
 * before or after: then nothing is held against the kernel, and of calls on the vCPU itself nothing
 * is known.
 */
static void run_return(struct model *m, struct vm_slot *slot, struct object *o,
		       const struct tape_return *ret, struct open_call *t)
{
	struct state_vcpu *vcpu = state_vm_vcpu(slot->state, o->o.id);
	bool own = vcpu && (o->left > t->entered || open_on(m, slot, o->o.id));
	bool unsure = own || slot->changed > t->entered;
	struct model_verdict v;
	uint32_t opens;

	opens = opens_of(m, slot);
	for (uint32_t i = 0; i < opens; i++)
		unsure |= m->opens[i]->touches.writes & (TOUCH_MODE | TOUCH_REST);
	flush(m, slot);
	forget_over_gap(slot);
	if (own)
		state_vcpu_forget(vcpu);
	model_judge(m, slot->state, ret, t->entered, m->sequence, &v, &m->promises);
	if (unsure)
		group_excuse(&v, "overlaps a call that may explain it");
	if (own)
		state_vcpu_forget(vcpu);
	run_leave(m, t);
	t->open = false;
	model_emit(m, ret, &v, &m->promises);
}

/* A call that overlapped no other but KVM_RUN. */
static void alone_return(struct model *m, struct vm_slot *slot, struct object *o,
			 const struct tape_return *ret, const struct open_call *t)
{
	struct state_vcpu *vcpu = slot && o ? state_vm_vcpu(slot->state, o->o.id) : NULL;
	struct model_verdict v;

	model_judge(m, slot ? slot->state : NULL, ret, t->entered, m->sequence, &v, &m->promises);
	if (vcpu && (vcpu->inside || vcpu->last_run_end > t->entered))
		group_excuse(&v, "overlaps KVM_RUN, which may explain it");
	model_emit(m, ret, &v, &m->promises);
}

int model_return(struct model *m, const struct tape_return *ret)
{
	const struct tape_call *call = ret->call;
	struct object *o = object_at(m, call->object);
	const struct handler *h = handler(m, m->handlers, call);
	struct vm_slot *slot = o ? o->slot : NULL;
	struct open_call *t = call->thread < m->thread_room ? &m->threads[call->thread] : NULL;
	struct held *held;

	if (!t || !t->open)
		return -EINVAL;
	m->sequence++;
	if (m->work < WORK_MAX)
		m->work += WORK_ADD;
	if (slot && h && h->enter) {
		run_return(m, slot, o, ret, t);
		return m->oom;
	}
	if (o)
		o->left = m->sequence;
	if (slot && t->group.touches.writes & (TOUCH_MODE | TOUCH_REST))
		slot->changed = m->sequence;
	if (t->over_gap) {
		slot = t->over_gap;
		flush(m, slot);
		forget_over_gap(slot);
		alone_return(m, slot, o, ret, t);
		forget_over_gap(slot);
		close_call(m, t);
		return m->oom;
	}
	if (!slot || !slot->grouped) {
		close_call(m, t);
		forget_over_gap(slot);
		alone_return(m, slot, o, ret, t);
		return m->oom;
	}
	held = held_new(ret, t->entered, m->sequence);
	if (!held)
		return -ENOMEM;
	held->touches = t->group.touches;
	held->stale = t->group.stale;
	slot->held[slot->held_count++] = held;
	close_call(m, t);
	if (!slot->open || slot->held_count == GROUP_MAX)
		flush(m, slot);
	if (!slot->open)
		slot->grouped = false;
	return m->oom;
}

int model_make_return(struct model *m, struct tape_return *ret, bool *contradicted)
{
	const struct tape_call *call = ret->call;
	struct object *o = object_at(m, call->object);
	const struct handler *h = handler(m, m->handlers, call);
	struct vm_slot *slot = o ? o->slot : NULL;
	struct open_call *t = call->thread < m->thread_room ? &m->threads[call->thread] : NULL;
	bool is_run = slot && h && h->enter;
	struct model_verdict v;

	*contradicted = false;
	if (!t || !t->open)
		return -EINVAL;
	m->sequence++;
	if (!is_run)
		close_call(m, t);
	m->making = ret;
	model_judge(m, slot ? slot->state : NULL, ret, t->entered, m->sequence, &v, &m->promises);
	m->making = NULL;
	if (is_run) {
		run_leave(m, t);
		t->open = false;
	}
	*contradicted = v.kind == MODEL_DIVERGES;
	model_emit(m, ret, &v, &m->promises);
	return m->oom;
}

int model_gap(struct model *m, const struct tape_gap *gap)
{
	for (uint32_t i = 0; i < m->slot_count; i++) {
		flush(m, m->slots[i]);
		state_vm_gap(m->slots[i]->state);
		m->slots[i]->open = 0;
		m->slots[i]->grouped = false;
	}
	/* Returns may be among what is missing: nothing is to wait for them. */
	for (uint32_t i = 0; i < m->waiting_count; i++) {
		struct open_call *t = &m->threads[m->waiting[i]];

		t->over_gap = t->slot;
		t->over_gap->over_gap++;
		t->slot = NULL;
	}
	m->waiting_count = 0;
	m->gap_seen = true;
	m->gap_at = m->sequence;
	return m->oom;
}

bool model_depends(const struct model *m, const struct tape_call *later,
		   const struct tape_call *earlier)
{
	const struct object *a = object_at(m, later->object);
	const struct object *b = object_at(m, earlier->object);
	struct touches reads, writes;

	if (!a || !b || slot_of(m, a) != slot_of(m, b))
		return false;
	/* What any VM may change of /dev/kvm is nothing. */
	if (!slot_of(m, a))
		return later->request == earlier->request && later->arg == earlier->arg;
	touches_of(m, touch(m, later), later, &reads);
	touches_of(m, touch(m, earlier), earlier, &writes);
	reads.writes = writes.reads = 0;
	return touches_conflict(&reads, &writes);
}

struct state_vm *model_state_of(const struct model *m, uint32_t object)
{
	const struct object *o = object_at(m, object);

	return o && o->slot ? o->slot->state : NULL;
}

void model_describe(const struct model *m, uint32_t object, model_fact_fn fn, void *context)
{
	const struct object *o = object_at(m, object);
	struct state_vm *vm = model_state_of(m, object);

	if (!o)
		return;
	if (!vm)
		describe_system(&m->system, fn, context);
	if (vm)
		describe_vm(vm, fn, context);
	if (vm && o->o.kind == KVMAPI_VCPU && state_vm_vcpu(vm, object))
		describe_vcpu(state_vm_vcpu(vm, object), fn, context);
	if (vm && o->o.kind == KVMAPI_DEVICE && state_vm_device(vm, object))
		describe_device(state_vm_device(vm, object), fn, context);
}

int model_item(struct model *m, const struct tape_item *item)
{
	switch (item->type) {
	case TAPE_THREAD:
		return model_thread(m, &item->u.thread);
	case TAPE_OBJECT:
		return model_object(m, &item->u.object);
	case TAPE_CLOSED:
		return model_closed(m, item->u.closed.object);
	case TAPE_CALL:
		return model_call(m, item->u.call);
	case TAPE_RETURN:
		return model_return(m, item->u.ret);
	case TAPE_GAP:
		return model_gap(m, &item->u.gap);
	case TAPE_MEMORY:
	case TAPE_SIGNAL:
	case TAPE_END:
	case TAPE_END_OF_FILE:
		break;
	}
	return 0;
}

int model_finish(struct model *m)
{
	for (uint32_t i = 0; i < m->slot_count; i++)
		flush(m, m->slots[i]);
	return m->oom;
}
