// SPDX-License-Identifier: BSD-2-Clause
/*
 * Makes a program for the player from a tape: numbers that are valid on one machine only are
 * replaced, as the table of ioctls says.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kvm.h>

#include "base/array.h"
#include "replayer/live/internal.h"
#include "replayer/live/programs.h"

_Static_assert((int)PLAYER_ROLE_ARG_IN == TAPE_ARG_IN && (int)PLAYER_ROLE_ARG_OUT == TAPE_ARG_OUT &&
		       (int)PLAYER_ROLE_RUN_IN == TAPE_RUN_IN &&
		       (int)PLAYER_ROLE_RUN_OUT == TAPE_RUN_OUT &&
		       (int)PLAYER_ROLE_PIO_IN == TAPE_PIO_IN &&
		       (int)PLAYER_ROLE_PIO_OUT == TAPE_PIO_OUT,
	       "roles");
_Static_assert((int)PLAYER_RUN_UNION == KVMAPI_RUN_UNION &&
		       (int)PLAYER_RUN_REGS == KVMAPI_RUN_VALID_REGS &&
		       (int)PLAYER_RUN_SYNC == KVMAPI_RUN_SYNC,
	       "run page");

#define CALL_TIME 1000		/* ms */
#define AREAS_MAX (1ull << 40)	/* bytes of all areas together */
#define HOST_MAX  (64ull << 30) /* bytes of a slot on this machine: KVM keeps 8 bytes a page */
#define BLOB_MAX  65536

/* User memory that the tape's memory slots lie in. */
struct area {
	uint64_t from, to;
};

struct slot {
	uint32_t vm, slot;
	uint64_t gpa, bytes, address;
};

/* An event descriptor, known by its number in a process. */
struct eventfd_name {
	uint32_t pid;
	int32_t fd;
};

struct planning {
	struct whole_tape *tape;
	const struct live_facts *facts;
	struct live_plan *plan;
	struct area *areas;
	size_t area_count, area_room;
	struct slot *slots;
	size_t slot_count, slot_room;
	struct eventfd_name *eventfds;
	size_t eventfd_count, eventfd_room;
	uint32_t threads; /* those of the tape, then one for steps of no thread */
	uint32_t *steps;  /* of each thread so far */
	uint32_t *over;	  /* of them, those that are complete at this place */
	uint32_t *known;  /* [thread * threads + other]: what a thread has waited for */
	bool *inside;	  /* the thread is inside a call that is in the program */
	bool *ran;	  /* by object: a vCPU of this VM ran guest code when it was recorded */
	bool *absent;	  /* by object: it will not exist */
	bool *open;	  /* by object: it exists at this place of the tape */
	bool memory;	  /* the tape has guest code: KVM_RUN runs it */
	const char *skip; /* why the step that is being made cannot be played */
};

/* --- bytes ------------------------------------------------------------------------------------ */

static size_t pad(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

/* Append, padded; 0 or -ENOMEM. */
static int plan_add(struct live_plan *plan, const void *data, size_t size)
{
	if (plan->size + pad(size) > plan->room) {
		size_t room = (plan->size + pad(size)) * 2;
		uint8_t *more = realloc(plan->data, room);

		if (!more)
			return -ENOMEM;
		plan->data = more;
		plan->room = room;
	}
	memset(plan->data + plan->size, 0, pad(size));
	if (size)
		memcpy(plan->data + plan->size, data, size);
	plan->size += pad(size);
	return 0;
}

static uint64_t number_read(const uint8_t *data, unsigned int width)
{
	uint64_t value = 0;

	memcpy(&value, data, width <= 8 ? width : 8);
	return value;
}

static const char *skip_text(struct planning *p, const char *format, const char *name)
{
	size_t size = strlen(format) + strlen(name) + 1;
	char *text = whole_arena_take(&p->tape->arena, size);

	if (!text)
		return "no memory";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, size, format, name);
#pragma GCC diagnostic pop
	return text;
}

int live_cap(const struct live_facts *facts, uint32_t cap)
{
	int answer = cap < facts->env.cap_count ? facts->env.caps[cap] : 0;

	if (cap < sizeof(facts->vm_caps) / sizeof(facts->vm_caps[0]) &&
	    facts->vm_caps[cap] > answer)
		answer = facts->vm_caps[cap];
	return answer > 0 ? answer : 0;
}

/* --- memory ----------------------------------------------------------------------------------- */

/* Is this the call that sets a memory slot?  Both forms begin alike. */
static bool sets_slot(const struct whole_event *e)
{
	return e->row && !strncmp(e->row->name, "KVM_SET_USER_MEMORY_REGION", 26);
}

static bool slot_read(const struct whole_event *e, struct slot *slot)
{
	const struct tape_part *in = whole_part(e, TAPE_ARG_IN);

	if (!sets_slot(e) || !in || in->have < 32)
		return false;
	*slot = (struct slot){
		.vm = e->object,
		.slot = number_read(in->data, 4),
		.gpa = number_read(in->data + 8, 8),
		.bytes = number_read(in->data + 16, 8),
		.address = number_read(in->data + 24, 8),
	};
	return true;
}

static int area_compare(const void *left, const void *right)
{
	const struct area *a = left, *b = right;

	return a->from < b->from ? -1 : a->from > b->from;
}

static bool address_possible(uint64_t from, uint64_t bytes)
{
	return from && from < 1ull << 53 && bytes && bytes <= PLAYER_AREA_MAX;
}

/*
 * The memory of the tape's slots; overlapping ranges become one area, so that they still share
 * bytes.
 */
static int areas_collect(struct planning *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->tape->event_count; i++) {
		struct slot slot;

		if (!slot_read(&p->tape->events[i], &slot) ||
		    !address_possible(slot.address, slot.bytes))
			continue;
		if (array_grow(&p->areas, &p->area_room, p->area_count))
			return -ENOMEM;
		p->areas[p->area_count++] =
			(struct area){slot.address & ~(uint64_t)(PLAYER_ALIGN - 1),
				      (slot.address + slot.bytes + PLAYER_ALIGN - 1) &
					      ~(uint64_t)(PLAYER_ALIGN - 1)};
	}
	if (p->area_count)
		qsort(p->areas, p->area_count, sizeof(*p->areas), area_compare);
	for (size_t i = 0; i < p->area_count; i++) {
		if (kept && p->areas[i].from < p->areas[kept - 1].to) {
			if (p->areas[i].to > p->areas[kept - 1].to)
				p->areas[kept - 1].to = p->areas[i].to;
		} else {
			p->areas[kept++] = p->areas[i];
		}
	}
	p->area_count = kept;
	for (size_t i = 0; i < kept; i++) {
		struct player_area area = {.record = {sizeof(area), PLAYER_AREA},
					   .area = i,
					   .bytes = p->areas[i].to - p->areas[i].from};

		p->plan->area_bytes += area.bytes;
		if (kept > PLAYER_AREAS_MAX || p->plan->area_bytes > AREAS_MAX)
			return -E2BIG;
		if (plan_add(p->plan, &area, sizeof(area)))
			return -ENOMEM;
	}
	return 0;
}

static const struct area *area_find(const struct planning *p, uint64_t address)
{
	for (size_t i = 0; i < p->area_count; i++) {
		if (address >= p->areas[i].from && address < p->areas[i].to)
			return &p->areas[i];
	}
	return NULL;
}

/* The slot of a VM that holds [gpa, gpa + bytes), at this place of the tape. */
static const struct slot *slot_of_gpa(const struct planning *p, uint32_t vm, uint64_t gpa,
				      uint64_t bytes)
{
	for (size_t i = 0; i < p->slot_count; i++) {
		const struct slot *s = &p->slots[i];

		if (s->vm == vm && gpa >= s->gpa && gpa - s->gpa < s->bytes &&
		    bytes <= s->bytes - (gpa - s->gpa))
			return s;
	}
	return NULL;
}

static uint64_t slot_bytes(const struct planning *p, uint32_t vm, uint32_t number)
{
	for (size_t i = 0; i < p->slot_count; i++) {
		if (p->slots[i].vm == vm && p->slots[i].slot == number)
			return p->slots[i].bytes;
	}
	return 0;
}

static int slot_note(struct planning *p, const struct whole_event *e)
{
	struct slot slot;
	size_t i;

	if (!e->returned || e->ret < 0 || !slot_read(e, &slot))
		return 0;
	for (i = 0; i < p->slot_count; i++) {
		if (p->slots[i].vm == slot.vm && p->slots[i].slot == slot.slot)
			break;
	}
	if (i == p->slot_count) {
		if (array_grow(&p->slots, &p->slot_room, p->slot_count))
			return -ENOMEM;
		p->slot_count++;
	}
	p->slots[i] = slot;
	return 0;
}

/* --- descriptors ------------------------------------------------------------------------------ */

/* The object with this descriptor at this place of the tape; 0 = not one of KVM. */
static uint32_t object_of_fd(const struct planning *p, int32_t fd)
{
	for (uint32_t id = p->tape->object_count; id-- > 1;) {
		const struct tape_object *o = &p->tape->objects[id];

		if (o->fd == fd && p->open[id])
			return id;
	}
	return 0;
}

static int64_t eventfd_of_fd(struct planning *p, uint32_t pid, int32_t fd)
{
	for (size_t i = 0; i < p->eventfd_count; i++) {
		if (p->eventfds[i].pid == pid && p->eventfds[i].fd == fd)
			return i;
	}
	if (array_grow(&p->eventfds, &p->eventfd_room, p->eventfd_count))
		return -ENOMEM;
	p->eventfds[p->eventfd_count] = (struct eventfd_name){pid, fd};
	return p->eventfd_count++;
}

/* --- a step ----------------------------------------------------------------------------------- */

#define PATCHES_MAX (KVMAPI_MACHINE_MAX + PLAYER_BUFFERS_MAX)

struct step_making {
	struct player_step step;
	struct player_patch patches[PATCHES_MAX];
	struct player_buffer buffers[PLAYER_BUFFERS_MAX];
	const uint8_t *buffer_in[PLAYER_BUFFERS_MAX];
	const uint8_t *in, *run, *regs, *pio;
};

static struct player_patch *patch_add(struct step_making *m, uint32_t offset, uint32_t kind,
				      uint32_t number)
{
	struct player_patch *patch = &m->patches[m->step.patch_count++];

	*patch = (struct player_patch){.offset = offset, .kind = kind, .number = number};
	return patch;
}

/* As the recorder computes it (docs/tape-format.md, roles 8 and 24). */
static uint64_t nested_bytes(const struct planning *p, const struct whole_event *e,
			     const struct kvmapi_nested *n, const uint8_t *base, size_t left)
{
	uint64_t field = 0;

	if (n->length == KVMAPI_LEN_CONST)
		return n->unit;
	if (n->length == KVMAPI_LEN_ATTR)
		return left < 16 ? 0
				 : kvmapi_attr_size(p->tape->env.arch, e->kind,
						    number_read(base + 4, 4),
						    number_read(base + 8, 8));
	if (n->len_offset + n->len_width > left)
		return 0;
	field = number_read(base + n->len_offset, n->len_width);
	switch (n->length) {
	case KVMAPI_LEN_BYTES:
		return field * n->unit;
	case KVMAPI_LEN_BITS:
		return (field + 63) / 64 * 8;
	case KVMAPI_LEN_ONE_REG:
		return 1ull << ((field >> 52) & 15);
	case KVMAPI_LEN_SLOT: {
		uint32_t page = p->tape->env.page_size ? p->tape->env.page_size : 4096;

		return (slot_bytes(p, e->object, field) / page + 63) / 64 * 8;
	}
	}
	return 0;
}

static void nested_one(struct planning *p, const struct whole_event *e, struct step_making *m,
		       const struct kvmapi_nested *n, uint32_t at, unsigned int number)
{
	const struct tape_part *in = whole_part(e, TAPE_NESTED_IN + number);
	const struct tape_part *out = whole_part(e, TAPE_NESTED_OUT + number);
	struct player_buffer *buffer;
	uint64_t bytes;

	if (at + n->ptr_offset + 8 > m->step.in_size || !number_read(m->in + at + n->ptr_offset, 8))
		return;
	bytes = nested_bytes(p, e, n, m->in + at, m->step.in_size - at);
	if (!bytes && out)
		bytes = out->want;
	if (!bytes) {
		if (n->dir & KVMAPI_IN && n->length == KVMAPI_LEN_ATTR)
			p->skip = "what its pointer leads to is not known";
		patch_add(m, at + n->ptr_offset, PLAYER_PATCH_SCRATCH, 0);
		return;
	}
	if (bytes > PLAYER_ARG_MAX) {
		p->skip = "its buffer is too large";
		return;
	}
	if ((in && !in->have && in->flags & TAPE_PART_FAULT) ||
	    (out && !out->have && out->flags & TAPE_PART_FAULT)) {
		patch_add(m, at + n->ptr_offset, PLAYER_PATCH_BAD, 0);
		return;
	}
	if (n->dir & KVMAPI_IN && (!in || in->have < in->want)) {
		p->skip = "the buffer behind its pointer was not captured whole";
		return;
	}
	patch_add(m, at + n->ptr_offset, PLAYER_PATCH_BUFFER, m->step.buffer_count);
	m->buffer_in[m->step.buffer_count] = in ? in->data : NULL;
	buffer = &m->buffers[m->step.buffer_count++];
	buffer->size = bytes;
	buffer->in_size = in ? in->have : 0;
	if (buffer->size < buffer->in_size)
		buffer->size = buffer->in_size;
	buffer->out_size = n->dir & KVMAPI_OUT ? bytes : 0;
	buffer->role = TAPE_NESTED_OUT + number;
}

static bool is_nested(const struct kvmapi_ioctl *row, uint32_t offset)
{
	for (unsigned int i = 0; i < row->nested_count; i++) {
		const struct kvmapi_nested *n = &row->nested[i];

		for (unsigned int k = 0; k < n->repeat; k++) {
			if (offset == n->ptr_offset + k * n->stride)
				return true;
		}
	}
	return false;
}

/*
 * On a tape without results, a number that is no descriptor stays as it is, to be refused: between
 * the descriptors of a process and those of the canonical form.
 */
static bool is_no_descriptor(int32_t fd)
{
	return (fd >= 4096 && fd < 1000000) || fd >= 2000000;
}

static int machine_one(struct planning *p, const struct whole_event *e, struct step_making *m,
		       const struct kvmapi_machine_field *field)
{
	uint32_t pid = p->tape->threads[e->thread].pid;
	const struct area *area;
	uint64_t value;
	int32_t fd;
	int64_t n;

	if (field->what == KVMAPI_M_FD) {
		/* The field for a new descriptor passes nothing in. */
		if (e->row->creates && field->offset == e->row->fd_offset)
			return 0;
		if (field->offset + 4u > m->step.in_size)
			return 0;
		fd = (int32_t)number_read(m->in + field->offset, 4);
		if (fd <= 0 || (p->tape->no_results && is_no_descriptor(fd)))
			return 0;
		n = object_of_fd(p, fd);
		if (n) {
			patch_add(m, field->offset, PLAYER_PATCH_OBJECT, n);
			return 0;
		}
		n = eventfd_of_fd(p, pid, fd);
		if (n < 0)
			return n;
		patch_add(m, field->offset, PLAYER_PATCH_EVENTFD, n);
		return 0;
	}
	if (is_nested(e->row, field->offset) || field->offset + 8u > m->step.in_size)
		return 0;
	value = number_read(m->in + field->offset, 8);
	area = area_find(p, value);
	if (area)
		patch_add(m, field->offset, PLAYER_PATCH_AREA, area - p->areas)->add =
			value - area->from;
	else if (value && field->what == KVMAPI_M_PTR)
		patch_add(m, field->offset, PLAYER_PATCH_SCRATCH, 0);
	return 0;
}

/* KVM_RUN: what the program had put on the run page. */
static void run_make(struct planning *p, const struct whole_event *e, struct step_making *m)
{
	const struct tape_part *run = whole_part(e, TAPE_RUN_IN);
	const struct tape_part *regs = whole_part(e, TAPE_RUN_REGS_IN);
	const struct tape_part *pio = whole_part(e, TAPE_PIO_IN);

	m->step.flags |= PLAYER_RUN;
	m->step.arg = e->arg;
	if (!p->memory)
		m->step.flags |= PLAYER_IMMEDIATE;
	if (run) {
		m->step.run_size = run->have < PLAYER_RUN_REGS ? run->have : PLAYER_RUN_REGS;
		m->run = run->data;
	}
	/* A partly captured block would mix two states. */
	if (regs && regs->have == regs->want && regs->have <= PLAYER_RUN_END - PLAYER_RUN_REGS) {
		m->step.regs_size = regs->have;
		m->regs = regs->data;
	}
	if (pio && pio->have == pio->want) {
		m->step.pio_size = pio->have;
		m->pio = pio->data;
	}
}

/* Bytes that the call may write behind its argument. */
static uint64_t argument_bytes(const struct planning *p, const struct whole_event *e,
			       const struct tape_part *in, const struct tape_part *out)
{
	uint64_t bytes = e->row ? e->row->size : 0;

	if (in && in->want > bytes)
		bytes = in->want;
	if (out && out->want > bytes)
		bytes = out->want;
	if (e->row && e->row->payload == KVMAPI_BLOB && e->row->size_cap) {
		uint64_t answer = live_cap(p->facts, e->row->size_cap);

		if (answer > bytes && answer <= BLOB_MAX)
			bytes = answer;
	}
	return bytes;
}

static int argument_make(struct planning *p, const struct whole_event *e, struct step_making *m)
{
	const struct kvmapi_ioctl *row = e->row;
	const struct tape_part *in = whole_part(e, TAPE_ARG_IN);
	const struct tape_part *out = whole_part(e, TAPE_ARG_OUT);
	unsigned int number = 0;
	uint64_t bytes;
	int rc = 0;

	m->step.arg = e->arg;
	if (!e->arg || (row && row->payload == KVMAPI_VALUE))
		return 0;
	if (!row && !in && !out) {
		if (e->arg >= 0x10000)
			p->skip = "its argument is an address, and the request is not known";
		return 0;
	}
	if ((in && !in->have && in->flags & TAPE_PART_FAULT) ||
	    (!in && out && !out->have && out->flags & TAPE_PART_FAULT)) {
		m->step.flags |= PLAYER_BAD_POINTER;
		return 0;
	}
	if (row ? row->dir & KVMAPI_IN && (!in || in->have < in->want)
		: in && in->have < in->want) {
		p->skip = "its argument was not captured whole";
		return 0;
	}
	bytes = argument_bytes(p, e, in, out);
	if (bytes > PLAYER_ARG_MAX) {
		p->skip = "its argument is too large";
		return 0;
	}
	m->step.flags |= PLAYER_POINTER;
	m->step.arg_size = bytes;
	m->step.in_size = in ? in->have : 0;
	m->in = in ? in->data : NULL;
	m->step.out_size = (row ? row->dir & KVMAPI_OUT : !!out) ? bytes : 0;
	if (!row)
		return 0;
	m->step.fd_offset = row->creates ? row->fd_offset : -1;
	for (unsigned int i = 0; i < row->nested_count; i++) {
		for (unsigned int k = 0; k < row->nested[i].repeat; k++, number++)
			nested_one(p, e, m, &row->nested[i], k * row->nested[i].stride, number);
	}
	for (unsigned int i = 0; i < row->machine_count && !rc; i++)
		rc = machine_one(p, e, m, &row->machine[i]);
	return rc;
}

/* Calls that need more than the table says. */
static int special_make(struct planning *p, const struct whole_event *e, struct step_making *m)
{
	const char *name = e->row->name;

	/* The kernel answers how many entries it took. */
	if (m->step.in_size >= e->row->size &&
	    (!strcmp(name, "KVM_GET_MSRS") || !strcmp(name, "KVM_SET_MSRS"))) {
		m->step.flags |= PLAYER_LIST;
		m->step.expect = e->returned ? e->ret : 0;
		if (p->tape->no_results)
			m->step.expect = (int64_t)number_read(m->in, 4);
	}
	/* The player's signal must be able to end a blocked call. */
	if (!strcmp(name, "KVM_SET_SIGNAL_MASK") && m->step.in_size > 4 + (SIGUSR2 - 1) / 8) {
		uint8_t *copy = whole_arena_take(&p->tape->arena, m->step.in_size);

		if (!copy)
			return -ENOMEM;
		memcpy(copy, m->in, m->step.in_size);
		copy[4 + (SIGUSR2 - 1) / 8] &= ~(1u << (SIGUSR2 - 1) % 8);
		m->in = copy;
	}
	return 0;
}

/* Add waits for steps of other threads that this thread has not waited for. */
static uint16_t waits_make(struct planning *p, uint32_t thread, struct player_wait *waits)
{
	uint32_t *known = &p->known[(size_t)thread * p->threads];
	uint16_t count = 0;

	for (uint32_t other = 0; other < p->threads; other++) {
		if (other == thread || p->over[other] <= known[other])
			continue;
		known[other] = p->over[other];
		waits[count++] = (struct player_wait){other, p->over[other]};
	}
	return count;
}

static int step_put(struct planning *p, struct step_making *m, struct live_step what)
{
	struct live_plan *plan = p->plan;
	struct player_wait waits[PLAYER_THREADS_MAX];
	size_t at = plan->size;
	struct player_step *s = &m->step;
	int rc;

	if (array_grow(&plan->step_of, &plan->step_room, plan->steps))
		return -ENOMEM;
	plan->step_of[plan->steps++] = what;
	p->steps[s->thread]++;
	s->wait_count = waits_make(p, s->thread, waits);
	s->record.type = PLAYER_STEP;
	rc = plan_add(plan, s, sizeof(*s)) ?:
	     plan_add(plan, waits, s->wait_count * sizeof(waits[0])) ?:
	     plan_add(plan, m->patches, s->patch_count * sizeof(m->patches[0])) ?:
	     plan_add(plan, m->buffers, s->buffer_count * sizeof(m->buffers[0])) ?:
	     plan_add(plan, m->in, s->in_size);
	for (unsigned int i = 0; !rc && i < s->buffer_count; i++)
		rc = plan_add(plan, m->buffer_in[i], m->buffers[i].in_size);
	rc = rc ?: plan_add(plan, m->run, s->run_size) ?:
	     plan_add(plan, m->regs, s->regs_size) ?:
	     plan_add(plan, m->pio, s->pio_size);
	if (rc)
		return rc;
	((struct player_step *)(plan->data + at))->record.size = plan->size - at;
	return 0;
}

/* A step of no thread of the tape, at this place among all steps. */
static int house_put(struct planning *p, struct step_making *m, struct live_step what)
{
	int rc;

	m->step.thread = p->threads - 1;
	rc = step_put(p, m, what);
	p->over[p->threads - 1] = p->steps[p->threads - 1];
	return rc;
}

/* --- which calls are played ------------------------------------------------------------------- */

/* Arguments of these capabilities are descriptors or addresses that no table names. */
static bool cap_holds_machine(uint32_t cap)
{
	switch (cap) {
	case KVM_CAP_SW_TLB:
	case KVM_CAP_IRQ_MPIC:
	case KVM_CAP_IRQ_XICS:
	case KVM_CAP_PPC_IRQ_XIVE:
	case KVM_CAP_HYPERV_ENLIGHTENED_VMCS:
	case KVM_CAP_SGX_ATTRIBUTE:
	case KVM_CAP_VM_COPY_ENC_CONTEXT_FROM:
	case KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM:
		return true;
	}
	return false;
}

/* Calls whose argument refers to data that is not on the tape. */
static bool holds_unnamed(const char *name)
{
	static const char *const names[] = {
		"KVM_MEMORY_ENCRYPT_OP",   "KVM_XEN_VCPU_SET_ATTR", "KVM_S390_PV_COMMAND",
		"KVM_S390_PV_CPU_COMMAND", "KVM_ARM_MTE_COPY_TAGS", "KVM_DIRTY_TLB",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(name, names[i]))
			return true;
	}
	return false;
}

#define XEN_SHARED_INFO_HVA 6 /* KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA, of newer headers */

/* Of the attributes of a Xen VM one is an address, and one can have a descriptor in it. */
static bool xen_holds_machine(const struct tape_part *in)
{
	const size_t at = offsetof(struct kvm_xen_hvm_attr, u);
	uint64_t type = number_read(in->data, 2);

	if (type == XEN_SHARED_INFO_HVA)
		return number_read(in->data + at, 8) != 0;
	if (type != KVM_XEN_ATTR_TYPE_EVTCHN)
		return false;
	/* An event channel without a port uses an eventfd. */
	return !number_read(in->data + offsetof(struct kvm_xen_hvm_attr, u.evtchn.flags), 4) &&
	       !number_read(
		       in->data + offsetof(struct kvm_xen_hvm_attr, u.evtchn.deliver.port.port), 4);
}

/* Does the live kernel lack a capability that the recorded one had, or that was not asked there? */
static bool cap_lacks(const struct planning *p, uint32_t cap)
{
	const struct tape_env *env = &p->tape->env;

	if (live_cap(p->facts, cap))
		return false;
	return cap >= env->cap_count || env->caps[cap] > 0 || env->caps[cap] == INT32_MIN;
}

/* The capability that announces a call; attributes have one for each kind of object. */
static int cap_of(const struct whole_event *e)
{
	if (strstr(e->row->name, "_DEVICE_ATTR")) {
		if (e->kind == KVMAPI_SYSTEM)
			return KVM_CAP_SYS_ATTRIBUTES;
		if (e->kind == KVMAPI_VCPU)
			return KVM_CAP_VCPU_ATTRIBUTES;
		if (e->kind == KVMAPI_VM)
			return KVM_CAP_VM_ATTRIBUTES;
	}
	if (!strcmp(e->row->name, "KVM_ENABLE_CAP") && e->kind == KVMAPI_VCPU)
		return KVM_CAP_ENABLE_CAP;
	return e->row->cap ? kvmapi_cap_number(e->row->cap) : -1;
}

/* A slot in an address space (bits 16 and up of its number) that the live kernel does not have. */
static bool space_lacks(const struct planning *p, const struct whole_event *e)
{
	struct slot slot;
	uint32_t space = slot_read(e, &slot) ? slot.slot >> 16 : 0;

	return space && space >= (uint32_t)live_cap(p->facts, KVM_CAP_MULTI_ADDRESS_SPACE) &&
	       !p->tape->no_results && e->returned && e->ret >= 0;
}

static const char *skip_reason(struct planning *p, const struct whole_event *e)
{
	const struct tape_part *in = whole_part(e, TAPE_ARG_IN);
	const struct tape_object *o = &p->tape->objects[e->object];
	const char *name;
	int cap;

	if (p->absent[e->object])
		return o->flags & TAPE_OBJECT_PRE_EXISTING
			       ? "its object was there before the recording began"
			       : "its object was made by a call that is not played";
	if (!e->row)
		return NULL;
	if (holds_unnamed(e->row->name) ||
	    (!strcmp(e->row->name, "KVM_XEN_HVM_SET_ATTR") && in &&
	     in->have >= sizeof(struct kvm_xen_hvm_attr) && xen_holds_machine(in)))
		return "its argument leads to more than is on the tape";
	cap = cap_of(e);
	name = cap < 0 ? NULL : kvmapi_cap_name(cap);
	if (name && cap_lacks(p, cap))
		return skip_text(p, "the live kernel lacks %s", name);
	if (space_lacks(p, e))
		return "the live kernel lacks the address space (KVM_CAP_MULTI_ADDRESS_SPACE)";
	if (!strcmp(e->row->name, "KVM_ENABLE_CAP") && in && in->have >= 4) {
		uint32_t number = number_read(in->data, 4);

		name = kvmapi_cap_name(number);
		if (cap_holds_machine(number))
			return "its argument leads to more than is on the tape";
		if (cap_lacks(p, number))
			return skip_text(p, "the live kernel lacks %s",
					 name ? name : "the capability");
	}
	return NULL;
}

/* Slot for the object of a call, even if the call failed when recorded. */
static uint32_t slot_for_new(struct planning *p, const struct whole_event *e)
{
	const struct tape_part *in = whole_part(e, TAPE_ARG_IN);

	if (e->created)
		return e->created;
	/* KVM_CREATE_DEVICE_TEST makes no device. */
	if (e->row && !strcmp(e->row->name, "KVM_CREATE_DEVICE") && in &&
	    in->have >= sizeof(struct kvm_create_device) &&
	    number_read(in->data + offsetof(struct kvm_create_device, flags), 4) &
		    KVM_CREATE_DEVICE_TEST)
		return 0;
	if (!e->row || !e->row->creates || p->plan->objects >= PLAYER_OBJECTS_MAX)
		return 0;
	return ++p->plan->objects;
}

static uint32_t vm_of(const struct whole_tape *t, uint32_t object)
{
	const struct tape_object *o = &t->objects[object];

	return o->kind == KVMAPI_VM ? object : o->parent;
}

/* When it was recorded, this call let guest code run; played with immediate_exit it does not. */
static void run_note(struct planning *p, const struct whole_event *e, struct live_play *play)
{
	const struct tape_part *run = whole_part(e, TAPE_RUN_IN);

	if (p->memory ||
	    (run && run->have > PLAYER_RUN_IMMEDIATE && run->data[PLAYER_RUN_IMMEDIATE]))
		return;
	play->immediate = true;
	p->ran[e->object] = true;
	p->ran[vm_of(p->tape, e->object)] = true;
}

static int call_plan(struct planning *p, uint32_t number)
{
	const struct whole_event *e = &p->tape->events[number];
	struct live_play *play = &p->plan->plays[number];
	struct step_making m = {.step = {.kind = PLAYER_CALL,
					 .thread = e->thread,
					 .object = e->object,
					 .request = e->request,
					 .fd_offset = -1}};
	int rc = 0;

	if (p->inside[e->thread])
		p->over[e->thread] = p->steps[e->thread];
	p->inside[e->thread] = false;
	/* A vCPU may be changed by what its VM's other vCPUs did, and the VM by each of them. */
	play->guest_ran = p->ran[vm_of(p->tape, e->object)] || p->ran[e->object];
	p->skip = skip_reason(p, e);
	if (!p->skip && e->row && e->row->payload == KVMAPI_RUNPAGE)
		run_make(p, e, &m);
	else if (!p->skip)
		rc = argument_make(p, e, &m) ?: (e->row ? special_make(p, e, &m) : 0);
	if (rc)
		return rc;
	if (e->row && e->row->payload == KVMAPI_RUNPAGE)
		run_note(p, e, play);
	play->skip = p->skip;
	if (p->skip) {
		if (e->created)
			p->absent[e->created] = true;
		return 0;
	}
	m.step.creates = slot_for_new(p, e);
	if (e->row && e->row->creates == KVMAPI_VCPU)
		m.step.flags |= PLAYER_VCPU;
	p->inside[e->thread] = true;
	return step_put(p, &m,
			(struct live_step){
				.kind = PLAYER_CALL, .event = number, .creates = m.step.creates});
}

static int object_plan(struct planning *p, uint32_t id)
{
	const struct tape_object *o = &p->tape->objects[id];
	struct step_making m = {.step = {.kind = PLAYER_OPEN, .object = id, .fd_offset = -1}};

	p->open[id] = true;
	if (o->kind == KVMAPI_SYSTEM)
		return house_put(p, &m, (struct live_step){.kind = PLAYER_OPEN, .object = id});
	if (o->flags & TAPE_OBJECT_PRE_EXISTING || (o->parent && p->absent[o->parent]))
		p->absent[id] = true;
	return 0;
}

static int close_plan(struct planning *p, uint32_t id)
{
	struct step_making m = {.step = {.kind = PLAYER_CLOSE, .object = id, .fd_offset = -1}};

	p->open[id] = false;
	if (p->absent[id])
		return 0;
	return house_put(p, &m, (struct live_step){.kind = PLAYER_CLOSE, .object = id});
}

static int memory_plan(struct planning *p, const struct tape_memory *memory)
{
	const struct slot *slot = slot_of_gpa(p, memory->object, memory->gpa, memory->len);
	const struct area *area;
	struct step_making m = {.step = {.kind = PLAYER_STORE, .fd_offset = -1}};

	area = slot ? area_find(p, slot->address) : NULL;
	if (!area)
		return 0;
	m.step.request = area - p->areas;
	m.step.arg = slot->address - area->from + (memory->gpa - slot->gpa);
	m.step.in_size = memory->len;
	m.in = memory->data;
	return house_put(p, &m,
			 (struct live_step){
				 .kind = PLAYER_STORE, .object = memory->object, .memory = memory});
}

static int item_plan(struct planning *p, const struct whole_item *item)
{
	struct whole_event *e;

	switch (item->type) {
	case TAPE_OBJECT:
		return object_plan(p, item->object);
	case TAPE_CLOSED:
		return close_plan(p, item->object);
	case TAPE_CALL:
		return call_plan(p, item->event);
	case TAPE_RETURN:
		e = &p->tape->events[item->event];
		p->over[e->thread] = p->steps[e->thread];
		p->inside[e->thread] = false;
		return slot_note(p, e);
	case TAPE_MEMORY:
		return memory_plan(p, item->memory);
	default:
		return 0;
	}
}

int live_plan_make(struct whole_tape *tape, const struct live_facts *facts,
		   const struct live_options *options, struct live_plan *plan)
{
	struct player_head head = {
		.magic = PLAYER_MAGIC,
		.version = PLAYER_VERSION,
		.call_time = options->call_time ? options->call_time : CALL_TIME,
		.flags = options->log ? PLAYER_UNBUFFERED : 0,
	};
	struct planning p = {.tape = tape, .facts = facts, .plan = plan};
	size_t objects = tape->object_count ? tape->object_count : 1;
	int rc = -ENOMEM;

	memset(plan, 0, sizeof(*plan));
	if (tape->thread_count >= PLAYER_THREADS_MAX || objects > PLAYER_OBJECTS_MAX)
		return -E2BIG;
	p.threads = tape->thread_count + 1;
	plan->objects = objects - 1;
	p.steps = calloc(p.threads, sizeof(*p.steps));
	p.over = calloc(p.threads, sizeof(*p.over));
	p.known = calloc((size_t)p.threads * p.threads, sizeof(*p.known));
	p.inside = calloc(p.threads, sizeof(*p.inside));
	p.ran = calloc(objects, sizeof(*p.ran));
	p.absent = calloc(objects, sizeof(*p.absent));
	p.open = calloc(objects, sizeof(*p.open));
	plan->plays = calloc(tape->event_count + 1, sizeof(*plan->plays));
	if (!plan->plays || !p.steps || !p.over || !p.known || !p.inside || !p.ran || !p.absent ||
	    !p.open)
		goto out;
	for (size_t i = 0; i < tape->item_count; i++)
		p.memory |= tape->items[i].type == TAPE_MEMORY;
	rc = plan_add(plan, &head, sizeof(head)) ?: areas_collect(&p);
	for (size_t i = 0; !rc && i < tape->item_count; i++)
		rc = item_plan(&p, &tape->items[i]);
	if (rc)
		goto out;
	head.threads = p.threads;
	head.objects = plan->objects;
	head.areas = p.area_count;
	head.eventfds = p.eventfd_count;
	head.steps = plan->steps;
	memcpy(plan->data, &head, sizeof(head));
out:
	free(p.open);
	free(p.absent);
	free(p.ran);
	free(p.inside);
	free(p.known);
	free(p.over);
	free(p.steps);
	free(p.eventfds);
	free(p.slots);
	free(p.areas);
	return rc;
}

void live_plan_free(struct live_plan *plan)
{
	free(plan->data);
	free(plan->step_of);
	free(plan->plays);
	free(plan->played);
	memset(plan, 0, sizeof(*plan));
}

/* --- well-formed ------------------------------------------------------------------------------ */

/* Errors that are due to the state, not to the call itself. */
static bool error_is_ordinary(int64_t ret)
{
	switch (-ret) {
	case EINTR:
	case EAGAIN:
	case E2BIG:
	case EEXIST:
	case ENXIO:
	case ENOENT:
	case EBUSY:
	case ENOMEM:
	case EMFILE:
		return true;
	}
	return false;
}

/* An error that may mean that the call itself is wrong. */
static bool error_accuses(const struct whole_event *e)
{
	if (!e->row || !e->returned || e->ret >= 0 || error_is_ordinary(e->ret) ||
	    e->row->payload == KVMAPI_RUNPAGE)
		return false;
	/* A call without an argument cannot be wrong in itself. */
	return e->row->payload != KVMAPI_VALUE || e->arg;
}

static void verdict_ignore(void *context, const struct tape_return *ret,
			   const struct model_verdict *verdict)
{
}

/* Would the model accept success of a call in the state of `m`? 1, 0, -ENOMEM. */
static int success_allowed(const struct model *m, struct model *scratch,
			   const struct tape_call *call, struct model_result *result)
{
	int err = model_copy_state(scratch, m);

	if (!err)
		err = model_call(scratch, call);
	if (!err)
		err = model_predict(scratch, call, NULL, result);
	if (err == -ENOMEM)
		return err;
	return !err && result->ret.ret >= 0;
}

/*
 * A recorded error is that of another kernel and machine, so the model is asked, in its state
 * before the call, whether the call is well-formed. Notes by event, for errors that may mean that
 * the call is wrong, whether the model would accept success. A call that begins inside another has
 * no such state and is not noted.
 */
static int events_weigh(const struct whole_tape *tape, const void *data, size_t size,
			bool *may_succeed)
{
	struct model *m = NULL, *scratch = NULL;
	struct model_result result = {0};
	struct tape_reader *reader;
	struct tape_item item;
	unsigned int open = 0;
	size_t next = 0;
	int rc;

	rc = tape_reader_open_memory(data, size, &reader);
	if (rc)
		return rc;
	rc = model_create(tape_reader_env(reader), verdict_ignore, NULL, &m)
		     ?: model_create(tape_reader_env(reader), verdict_ignore, NULL, &scratch);
	while (!rc) {
		rc = tape_reader_next(reader, &item);
		if (rc || item.type == TAPE_END_OF_FILE)
			break;
		if (item.type == TAPE_CALL) {
			if (!open++ && error_accuses(&tape->events[next])) {
				rc = success_allowed(m, scratch, item.u.call, &result);
				may_succeed[next] = rc == 1;
				rc = rc < 0 ? rc : 0;
			}
			next++;
		}
		open -= item.type == TAPE_RETURN;
		if (!rc)
			rc = model_item(m, &item);
	}
	model_result_release(&result);
	model_destroy(scratch);
	model_destroy(m);
	tape_reader_close(reader);
	return rc;
}

/* What is wrong with a call, or NULL. */
static const char *call_complaint(const struct whole_event *e, bool may_succeed)
{
	if (!e->row)
		return "is a request that the table does not know";
	if (e->judged && e->verdict == MODEL_DIVERGES)
		return "is a violation of the documents";
	if (e->row->payload == KVMAPI_RUNPAGE)
		return NULL;
	if (!e->returned)
		return "did not return when it was recorded";
	if (!error_accuses(e) || may_succeed)
		return NULL;
	return "was refused when it was recorded, and has to be, as the model sees it";
}

/* The same for the calls of a tape, in `why`; "" if nothing is wrong. */
static void calls_complaint(const struct whole_tape *tape, const bool *may_succeed, char *why,
			    size_t size)
{
	for (size_t i = 0; i < tape->event_count; i++) {
		const struct whole_event *e = &tape->events[i];
		const char *complaint = call_complaint(e, may_succeed[i]);
		struct slot slot;

		if (slot_read(e, &slot) && slot.bytes > HOST_MAX)
			complaint = "asks for more memory than is sane";
		if (!complaint)
			continue;
		snprintf(why, size, "event %" PRIu64 ", %s, %s", e->index,
			 e->row ? e->row->name : "a call", complaint);
		return;
	}
}

int live_refuse(const struct whole_tape *tape, const void *data, size_t data_size, char *why,
		size_t size)
{
	bool *may_succeed;
	int rc;

	*why = 0;
	if (tape->env.arch != kvmapi_arch_native()) {
		snprintf(why, size, "the tape is of %s, this machine is not",
			 kvmapi_arch_name(tape->env.arch));
		return 0;
	}
	if (tape->gaps) {
		snprintf(why, size, "%" PRIu64 " calls are missing in gaps", tape->gaps);
		return 0;
	}
	for (size_t i = 0; i < tape->item_count; i++) {
		const struct tape_memory *memory = tape->items[i].memory;

		if (memory && !programs_know(tape->env.arch, memory->data, memory->len)) {
			snprintf(why, size, "it brings guest code that is none of kvmtape's own");
			return 0;
		}
	}
	may_succeed = calloc(tape->event_count + 1, sizeof(*may_succeed));
	if (!may_succeed)
		return -ENOMEM;
	rc = events_weigh(tape, data, data_size, may_succeed);
	if (!rc)
		calls_complaint(tape, may_succeed, why, size);
	free(may_succeed);
	return rc;
}
