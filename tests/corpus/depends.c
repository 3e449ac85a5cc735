/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which calls of a tape need which others, from the tape alone: the measure against which the
 * model's findings of dropped and swapped calls are held, so written without the model.
 */
#include <string.h>

#include "kvmapi/kvm_newer.h"
#include "tests/corpus/falsify.h"

static bool is(const struct event *e, const char *ioctl)
{
	return e->call.row && !strcmp(e->call.row->name, ioctl);
}

static bool starts(const struct event *e, const char *prefix)
{
	return e->call.row && !strncmp(e->call.row->name, prefix, strlen(prefix));
}

static bool succeeded(const struct event *e)
{
	return e->returned && e->ret.ret >= 0;
}

static const struct tape_part *part_in(const struct event *e, enum tape_role role)
{
	const struct tape_part *p = tape_part_find(e->call.parts, e->call.part_count, role);

	return p ? p : tape_part_find(e->ret.parts, e->ret.part_count, role);
}

static const struct tape_part *part_out(const struct event *e, enum tape_role role)
{
	return tape_part_find(e->ret.parts, e->ret.part_count, role);
}

/* A little-endian number of the argument before the call; false if it was not captured. */
static bool number(const struct event *e, size_t offset, size_t width, uint64_t *n)
{
	const struct tape_part *p = part_in(e, TAPE_ARG_IN);

	*n = 0;
	if (!p || p->have < offset + width)
		return false;
	for (size_t i = width; i-- > 0;)
		*n = *n << 8 | p->data[offset + i];
	return true;
}

static bool same_argument(const struct event *a, const struct event *b, size_t offset, size_t len)
{
	const struct tape_part *p = part_in(a, TAPE_ARG_IN), *q = part_in(b, TAPE_ARG_IN);

	return p && q && p->have >= offset + len && q->have >= offset + len &&
	       !memcmp(p->data + offset, q->data + offset, len);
}

static bool has_gap(const struct session *s)
{
	for (size_t i = 0; i < s->step_count; i++) {
		if (s->steps[i].type == TAPE_GAP)
			return true;
	}
	return false;
}

/* --- struct kvm_run: what only the kernel writes --- */

#define RUN(member) offsetof(struct kvm_run, member)

/* The exit that struct kvm_run tells of at the call is not the one that `last` had left there. */
static bool run_differs(const struct event *run, const struct event *last)
{
	const struct tape_part *in = part_in(run, TAPE_RUN_IN), *out = part_out(last, TAPE_RUN_OUT);
	const size_t header = RUN(s) < RUN(io) ? RUN(s) : RUN(io);
	uint32_t a, b;

	if (!in || !out || in->have < header || out->have < header)
		return false;
	memcpy(&a, in->data + RUN(exit_reason), 4);
	memcpy(&b, out->data + RUN(exit_reason), 4);
	if (!a)
		return false; /* userspace may have cleared it */
	if (a != b)
		return true;
	if (memcmp(in->data + RUN(ready_for_interrupt_injection),
		   out->data + RUN(ready_for_interrupt_injection),
		   RUN(cr8) - RUN(ready_for_interrupt_injection)) ||
	    memcmp(in->data + RUN(apic_base), out->data + RUN(apic_base), 8))
		return true;
	if (a == KVM_EXIT_IO && in->have >= RUN(io) + 16 && out->have >= RUN(io) + 16)
		return memcmp(in->data + RUN(io), out->data + RUN(io), 16);
	if (a == KVM_EXIT_MMIO && in->have > RUN(mmio.is_write) && out->have > RUN(mmio.is_write))
		return memcmp(in->data + RUN(mmio.phys_addr), out->data + RUN(mmio.phys_addr), 8) ||
		       memcmp(in->data + RUN(mmio.len), out->data + RUN(mmio.len), 5);
	return false;
}

static const struct event *run_before(const struct session *s, size_t event)
{
	for (size_t i = event; i-- > 0;) {
		if (is(&s->events[i], "KVM_RUN") &&
		    s->events[i].call.object == s->events[event].call.object)
			return &s->events[i];
	}
	return NULL;
}

static const struct event *run_after(const struct session *s, size_t event)
{
	for (size_t i = event + 1; i < s->event_count; i++) {
		if (is(&s->events[i], "KVM_RUN") &&
		    s->events[i].call.object == s->events[event].call.object)
			return &s->events[i];
	}
	return NULL;
}

/* --- state that a GET shows as the last SET made it --- */

/*
 * Only state that nothing but its own SET and the guest changes, and that comes back byte by byte;
 * how many bytes of the argument.
 */
static const struct {
	const char *state;
	size_t bytes;
} kept[] = {
	{"REGS", offsetof(struct kvm_regs, rflags)},
	{"FPU", offsetof(struct kvm_fpu, pad1)},
	{"MP_STATE", sizeof(struct kvm_mp_state)},
	{"DEBUGREGS", offsetof(struct kvm_debugregs, dr6)},
};

static int state_of(const struct event *e, const char *verb)
{
	if (!starts(e, verb) || !succeeded(e))
		return -1;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (!strcmp(e->call.row->name + strlen(verb), kept[i].state))
			return (int)i;
	}
	return -1;
}

/* Somebody ran, and may have sent an INIT that is only taken later. */
static bool ran(const struct session *s, size_t event)
{
	for (size_t i = 0; i < event; i++) {
		if (is(&s->events[i], "KVM_RUN"))
			return true;
	}
	return false;
}

/* Calls that leave the state of a vCPU alone. */
static bool harmless(const struct event *e, const char *state)
{
	const char *name = e->call.row ? e->call.row->name : "";

	return !strncmp(name, "KVM_CHECK_EXTENSION", 19) ||
	       (!strncmp(name, "KVM_GET_", 8) && strcmp(name, "KVM_GET_MP_STATE")) ||
	       (!strncmp(name, "KVM_SET_", 8) && e->call.kind == KVMAPI_VCPU &&
		strcmp(name + 8, state) && strcmp(name, "KVM_SET_CPUID2") &&
		strcmp(name, "KVM_SET_CPUID") && strcmp(name, "KVM_SET_VCPU_EVENTS"));
}

/* The bytes that a call shows (GET) or makes (SET) of a state. */
static const struct tape_part *shown(const struct event *e)
{
	return starts(e, "KVM_GET_") ? part_out(e, TAPE_ARG_OUT) : part_in(e, TAPE_ARG_IN);
}

/* A SET or GET of the same state on the same object, on this side of `event`, with nothing between
 * that could touch it; NULL. */
static const struct event *neighbour(const struct session *s, size_t event, int state, int step)
{
	const struct event *e = &s->events[event];

	if (!strcmp(kept[state].state, "MP_STATE") && ran(s, event))
		return NULL;
	for (size_t i = event + step; i < s->event_count; i += step) {
		const struct event *n = &s->events[i];

		if (!n->returned || n->ret.overlapped)
			return NULL;
		if (n->call.object == e->call.object &&
		    (state_of(n, "KVM_GET_") == state || state_of(n, "KVM_SET_") == state))
			return n;
		if (!harmless(n, kept[state].state))
			return NULL;
	}
	return NULL;
}

static bool shows_other(const struct event *a, const struct event *b, size_t bytes)
{
	const struct tape_part *p = shown(a), *q = shown(b);

	return p && q && p->have >= bytes && q->have >= bytes && memcmp(p->data, q->data, bytes);
}

/* --- things that are there or not --- */

/* `later` succeeded, and the documents have an error for it if `e` had not been called. */
static bool makes_possible(const struct session *s, const struct event *e,
			   const struct event *later)
{
	static const char *const of_chip[] = {"KVM_GET_IRQCHIP", "KVM_SET_IRQCHIP", "KVM_IRQ_LINE",
					      "KVM_IRQ_LINE_STATUS"};
	uint64_t n, m;

	if (!succeeded(later))
		return false;
	if (e->ret.created)
		return later->call.object == e->ret.created;
	if (later->call.object != e->call.object)
		return false;
	if (is(e, "KVM_CREATE_IRQCHIP")) {
		for (size_t i = 0; i < sizeof(of_chip) / sizeof(of_chip[0]); i++) {
			if (is(later, of_chip[i]))
				return true;
		}
	}
	if (is(e, "KVM_CREATE_PIT2"))
		return is(later, "KVM_GET_PIT2") || is(later, "KVM_SET_PIT2");
	/* Assigned before it is taken away. */
	if (is(e, "KVM_IOEVENTFD") && is(later, "KVM_IOEVENTFD"))
		return number(e, offsetof(struct kvm_ioeventfd, flags), 4, &n) &&
		       number(later, offsetof(struct kvm_ioeventfd, flags), 4, &m) &&
		       !(n & KVM_IOEVENTFD_FLAG_DEASSIGN) &&
		       m == (n | KVM_IOEVENTFD_FLAG_DEASSIGN) &&
		       same_argument(e, later, 0, offsetof(struct kvm_ioeventfd, flags));
	/* A slot is there before it is deleted, or its pages are logged. */
	if (is(e, "KVM_SET_USER_MEMORY_REGION") && is(later, "KVM_SET_USER_MEMORY_REGION"))
		return same_argument(e, later, 0, 4) &&
		       number(e, offsetof(struct kvm_userspace_memory_region, memory_size), 8,
			      &n) &&
		       number(later, offsetof(struct kvm_userspace_memory_region, memory_size), 8,
			      &m) &&
		       n && !m;
	return false;
}

/* The same thing was made before `e`, so that `e` is not what `later` needs. */
static bool made_before(const struct session *s, size_t event, const struct event *later)
{
	const struct event *e = &s->events[event];

	for (size_t i = event; i-- > 0;) {
		const struct event *b = &s->events[i];

		if (b->call.object != e->call.object || b->call.request != e->call.request ||
		    !succeeded(b))
			continue;
		if (is(e, "KVM_SET_USER_MEMORY_REGION") && !same_argument(b, e, 0, 4))
			continue;
		/* The last one decides: what it made, or took away. */
		return makes_possible(s, b, later);
	}
	return false;
}

enum needed depends_drop(const struct session *s, size_t event)
{
	const struct event *e = &s->events[event], *before, *after;
	int state = state_of(e, "KVM_SET_");

	if (has_gap(s) || !succeeded(e))
		return NEEDED_NOT;
	if (is(e, "KVM_RUN")) {
		before = run_before(s, event);
		after = run_after(s, event);
		return before && after && run_differs(after, before) ? NEEDED_SHOWN : NEEDED_NOT;
	}
	if (state >= 0) {
		before = neighbour(s, event, state, -1);
		after = neighbour(s, event, state, 1);
		return before && after && starts(after, "KVM_GET_") &&
				       shows_other(before, after, kept[state].bytes) &&
				       !shows_other(e, after, kept[state].bytes)
			       ? NEEDED
			       : NEEDED_NOT;
	}
	for (size_t i = event + 1; i < s->event_count; i++) {
		const struct event *later = &s->events[i];

		if (makes_possible(s, e, later))
			return e->ret.created || !made_before(s, event, later) ? NEEDED
									       : NEEDED_NOT;
		/* Made, or taken away, by another call in between. */
		if (later->call.object == e->call.object &&
		    later->call.request == e->call.request && succeeded(later) &&
		    (!is(e, "KVM_SET_USER_MEMORY_REGION") || same_argument(e, later, 0, 4)) &&
		    (!is(e, "KVM_IOEVENTFD") ||
		     same_argument(e, later, 0, offsetof(struct kvm_ioeventfd, flags))))
			return NEEDED_NOT;
	}
	return NEEDED_NOT;
}

enum needed depends_swap(const struct session *s, size_t event, size_t next)
{
	const struct event *e = &s->events[event], *n = &s->events[next], *before, *after;
	int state;

	if (has_gap(s) || !e->returned || !n->returned)
		return NEEDED_NOT;
	if (is(e, "KVM_RUN") && is(n, "KVM_RUN") && e->call.object == n->call.object) {
		before = run_before(s, event);
		after = run_after(s, next);
		return (before && run_differs(n, before)) || run_differs(e, n) ||
				       (after && run_differs(after, e))
			       ? NEEDED_SHOWN
			       : NEEDED_NOT;
	}
	if (makes_possible(s, e, n))
		return e->ret.created || !made_before(s, event, n) ? NEEDED : NEEDED_NOT;
	/* A GET that comes before the SET that it shows, or after one that it does not. */
	state = state_of(e, "KVM_SET_");
	if (state >= 0 && state == state_of(n, "KVM_GET_") && e->call.object == n->call.object) {
		before = neighbour(s, event, state, -1);
		return before && shows_other(before, n, kept[state].bytes) &&
				       !shows_other(e, n, kept[state].bytes)
			       ? NEEDED
			       : NEEDED_NOT;
	}
	state = state_of(e, "KVM_GET_");
	if (state >= 0 && state == state_of(n, "KVM_SET_") && e->call.object == n->call.object)
		return neighbour(s, event, state, 1) == n && shows_other(e, n, kept[state].bytes)
			       ? NEEDED
			       : NEEDED_NOT;
	return NEEDED_NOT;
}
