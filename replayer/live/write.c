// SPDX-License-Identifier: BSD-2-Clause
/*
 * Converts the player's output to the items of a new tape, for a sink: a writer or a model. Begins
 * and ends of calls are in their real order; objects get new numbers, since some may be missing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "replayer/live/internal.h"

/* A result with its parts, pointers into the output. */
struct answer {
	const struct player_result *result;
	const struct live_step *step;
	size_t part_count;
	const struct player_part *parts[TAPE_ROLES];
	/* Once it has begun. */
	struct tape_call *call;
	uint64_t put;
};

/* Something that happened at one moment. */
struct moment {
	uint64_t order;
	uint32_t answer;
	bool end; /* of the call; else its beginning, or both at once */
};

struct writing {
	struct whole_tape *tape;
	struct live_plan *plan;
	struct live_report *report;
	const struct live_sink *sink;
	uint64_t put; /* items so far that may stand between a call and its return */
	struct answer *answers;
	size_t answer_count, answer_room;
	uint32_t *objects; /* slot -> id on the new tape, 0 = not there */
	uint32_t object_count;
	int64_t *threads; /* thread -> id on the new tape, -1 = not yet */
	uint32_t thread_count;
	size_t sync_size; /* of the sync registers on this architecture */
};

/* --- reading the output ----------------------------------------------------------------------- */

static int answer_add(struct writing *w, const struct player_result *r)
{
	const uint8_t *at = (const uint8_t *)(r + 1), *end = (const uint8_t *)r + r->record.size;
	struct answer *a;
	uint64_t roles = 0;

	if (r->record.size < sizeof(*r) || r->step >= w->plan->steps)
		return -EPROTO;
	/* A call ends after it began. */
	if (w->plan->step_of[r->step].kind == PLAYER_CALL && r->status <= PLAYER_KICKED &&
	    r->begin >= r->end)
		return -EPROTO;
	if (array_grow(&w->answers, &w->answer_room, w->answer_count))
		return -ENOMEM;
	a = &w->answers[w->answer_count++];
	*a = (struct answer){.result = r, .step = &w->plan->step_of[r->step]};
	while ((size_t)(end - at) >= sizeof(struct player_part)) {
		const struct player_part *part = (const void *)at;
		size_t bytes = ((size_t)part->size + 7) & ~(size_t)7;

		at += sizeof(*part);
		if (bytes > (size_t)(end - at) || part->role >= TAPE_ROLES ||
		    roles & 1ull << part->role)
			return -EPROTO;
		roles |= 1ull << part->role;
		a->parts[a->part_count++] = part;
		at += bytes;
	}
	return 0;
}

static int output_read(struct writing *w, const struct live_output *output)
{
	bool over = false;
	size_t at = 0;
	int rc = 0;

	while (!rc && output->size - at >= sizeof(struct player_record)) {
		const struct player_record *record = (const void *)(output->data + at);
		const struct player_over *last = (const void *)record;

		/* The machine may have ended in the middle of a record. */
		if (record->size > output->size - at)
			break;
		if (record->size < sizeof(*record) || record->size % 8)
			return -EPROTO;
		if (record->type == PLAYER_RESULT) {
			rc = answer_add(w, (const void *)record);
		} else if (record->type == PLAYER_BEGIN &&
			   record->size >= sizeof(struct player_begin)) {
			const struct player_begin *begin = (const void *)record;

			if (begin->step < w->plan->steps &&
			    w->plan->step_of[begin->step].kind == PLAYER_CALL)
				w->report->last_begun =
					w->tape->events[w->plan->step_of[begin->step].event].index;
		} else if (record->type == PLAYER_OVER && record->size >= sizeof(*last)) {
			over = true;
			w->report->time = last->time;
			rc = last->error;
		}
		at += record->size;
	}
	if (!rc && !over && !output->end[0])
		rc = -EPROTO;
	return rc;
}

static const struct player_part *part_of(const struct answer *a, uint32_t role)
{
	for (size_t i = 0; i < a->part_count; i++) {
		if (a->parts[i]->role == role)
			return a->parts[i];
	}
	return NULL;
}

/* --- parts of the new tape -------------------------------------------------------------------- */

struct parts {
	struct tape_part list[TAPE_ROLES];
	unsigned int count;
};

static struct tape_part *part_put(struct parts *p, uint32_t role, const void *data, size_t size)
{
	struct tape_part *part = &p->list[p->count++];

	*part = (struct tape_part){.role = role, .want = size, .have = size, .data = data};
	return part;
}

static const uint8_t *bytes_of(const struct player_part *part)
{
	return (const uint8_t *)(part + 1);
}

/* kvm_valid_regs and kvm_dirty_regs, and the block behind them if `mask` of the two is not 0. */
static void regs_put(const struct writing *w, struct parts *p, uint32_t role,
		     const struct player_part *run, int mask)
{
	uint64_t masks[2];
	size_t size = sizeof(masks);

	if (run->size < PLAYER_RUN_SYNC)
		return;
	memcpy(masks, bytes_of(run) + PLAYER_RUN_REGS, sizeof(masks));
	if (!masks[mask] && !mask)
		return;
	if (masks[mask] && run->size >= PLAYER_RUN_SYNC + w->sync_size)
		size += w->sync_size;
	part_put(p, role, bytes_of(run) + PLAYER_RUN_REGS, size);
}

/* What a recorder would have captured of the run page (docs/tape-format.md, "Shapes"). */
static void run_put(const struct writing *w, struct parts *p, const struct answer *a, bool out)
{
	const struct player_part *run = part_of(a, out ? PLAYER_ROLE_RUN_OUT : PLAYER_ROLE_RUN_IN);
	const struct player_part *pio = part_of(a, out ? PLAYER_ROLE_PIO_OUT : PLAYER_ROLE_PIO_IN);
	int64_t ret = a->result->ret;
	const struct kvmapi_exit *exit;
	uint32_t reason;
	size_t size = PLAYER_RUN_UNION;

	if (!run || run->size < PLAYER_RUN_SYNC)
		return;
	memcpy(&reason, bytes_of(run) + PLAYER_RUN_REASON, sizeof(reason));
	exit = kvmapi_exit(reason);
	if (exit && !out)
		size += exit->in;
	else if (exit && (ret >= 0 || ret == -EFAULT || ret == -EHWPOISON))
		size += exit->out;
	part_put(p, out ? TAPE_RUN_OUT : TAPE_RUN_IN, bytes_of(run), size);
	regs_put(w, p, out ? TAPE_RUN_REGS_OUT : TAPE_RUN_REGS_IN, run, out ? 0 : 1);
	if (pio)
		part_put(p, out ? TAPE_PIO_OUT : TAPE_PIO_IN, bytes_of(pio), pio->size);
}

/* Was the pointer of a buffer's part NULL when passed in? Then there was no buffer. */
static bool leads_nowhere(const struct whole_event *e, const struct player_part *arg, uint8_t role)
{
	const struct tape_part *in = whole_part(e, TAPE_ARG_IN);
	const uint8_t *bytes = arg ? bytes_of(arg) : in ? in->data : NULL;
	size_t size = arg ? arg->size : in ? in->have : 0;
	unsigned int number = 0;

	for (unsigned int i = 0; i < e->row->nested_count; i++) {
		const struct kvmapi_nested *n = &e->row->nested[i];

		for (unsigned int k = 0; k < n->repeat; k++, number++) {
			size_t at = n->ptr_offset + (size_t)k * n->stride;
			uint64_t pointer;

			if (TAPE_NESTED_IN + number != role || at + sizeof(pointer) > size)
				continue;
			memcpy(&pointer, bytes + at, sizeof(pointer));
			return !pointer;
		}
	}
	return false;
}

static void in_put(const struct writing *w, struct parts *p, const struct whole_event *e,
		   const struct answer *a)
{
	const struct player_part *arg = part_of(a, PLAYER_ROLE_ARG_IN);

	if (e->row && e->row->payload == KVMAPI_RUNPAGE) {
		run_put(w, p, a, false);
		return;
	}
	/* Rings are not arguments: those of the recorded VM do not exist here. */
	if (kvmapi_has_rings(e->row))
		return;
	for (unsigned int i = 0; i < e->part_count; i++) {
		const struct tape_part *part = &e->parts[i];
		bool in = part->role == TAPE_ARG_IN ||
			  (part->role >= TAPE_NESTED_IN && part->role < TAPE_NESTED_OUT);

		if (!in ||
		    (e->row && part->role != TAPE_ARG_IN && leads_nowhere(e, arg, part->role)))
			continue;
		p->list[p->count] = *part;
		p->list[p->count].flags &= ~TAPE_PART_LATE;
		p->count++;
	}
	if (!arg)
		return;
	for (unsigned int i = 0; i < p->count; i++) {
		if (p->list[i].role != TAPE_ARG_IN)
			continue;
		p->list[i].data = bytes_of(arg);
		p->list[i].want = p->list[i].have = arg->size;
	}
}

/* How much of the argument was written: of a list that did not fit, only the count. */
static size_t out_bytes(const struct whole_event *e, const struct tape_part *in,
			const struct player_part *out, int64_t ret)
{
	uint64_t field = 0, bytes = e->row->size;

	if (ret < 0 || !e->row->count_width ||
	    (size_t)e->row->count_offset + e->row->count_width > out->size)
		return e->row->payload == KVMAPI_BLOB && ret >= 0 ? out->size
		       : bytes < out->size			  ? bytes
								  : out->size;
	memcpy(&field, bytes_of(out) + e->row->count_offset, e->row->count_width);
	if (e->row->payload == KVMAPI_COUNTED)
		bytes += (field & 0xffffffff) * e->row->elem_size;
	else if (field > bytes)
		bytes = field;
	if (in && bytes > in->want)
		bytes = in->want;
	return bytes < out->size ? bytes : out->size;
}

static void out_put(const struct writing *w, struct parts *p, const struct whole_event *e,
		    const struct answer *a, const struct tape_part *in)
{
	const struct player_part *out = part_of(a, PLAYER_ROLE_ARG_OUT);
	int64_t ret = a->result->ret;

	if (e->row && e->row->payload == KVMAPI_RUNPAGE) {
		run_put(w, p, a, true);
		return;
	}
	if (out)
		part_put(p, TAPE_ARG_OUT, bytes_of(out),
			 e->row ? out_bytes(e, in, out, ret) : out->size);
	for (size_t i = 0; i < a->part_count; i++) {
		const struct player_part *part = a->parts[i];

		if (part->role >= TAPE_NESTED_OUT && ret >= 0)
			part_put(p, part->role, bytes_of(part), part->size);
	}
	/* Addresses as on the old tape. */
	for (unsigned int i = 0; i < p->count; i++) {
		const struct tape_part *old = whole_part(e, p->list[i].role);

		p->list[i].addr = old ? old->addr : p->list[i].role == TAPE_ARG_OUT ? e->arg : 0;
	}
}

/* --- items of the new tape -------------------------------------------------------------------- */

static int item_put(struct writing *w, struct tape_item item)
{
	w->put += item.type != TAPE_OBJECT && item.type != TAPE_THREAD;
	return w->sink->item(w->sink->context, &item);
}

static int object_write(struct writing *w, uint32_t slot, uint8_t kind, uint32_t parent, int64_t fd,
			uint64_t number)
{
	struct tape_object o = {.id = ++w->object_count,
				.parent = parent,
				.kind = kind,
				.fd = fd,
				.number = number};

	w->objects[slot] = o.id;
	return item_put(w, (struct tape_item){.type = TAPE_OBJECT, .u.object = o});
}

static int thread_write(struct writing *w, uint32_t thread)
{
	struct tape_thread t;

	if (w->threads[thread] >= 0)
		return 0;
	t = w->tape->threads[thread];
	t.id = w->thread_count++;
	w->threads[thread] = t.id;
	return item_put(w, (struct tape_item){.type = TAPE_THREAD, .u.thread = t});
}

static uint64_t number_of(const struct whole_event *e, const struct answer *a)
{
	const struct tape_part *in = whole_part(e, TAPE_ARG_IN);
	uint32_t type;

	if (e->row->creates == KVMAPI_VCPU)
		return e->arg;
	/* struct kvm_create_device begins with its type. */
	if (e->row->creates != KVMAPI_DEVICE || !in || in->have < sizeof(type))
		return UINT64_MAX;
	memcpy(&type, in->data, sizeof(type));
	return type;
}

static int created_write(struct writing *w, const struct whole_event *e, const struct answer *a,
			 uint32_t *created)
{
	const struct player_part *out = part_of(a, PLAYER_ROLE_ARG_OUT);
	int64_t ret = a->result->ret;
	int32_t fd = ret;
	uint32_t slot, parent;

	if (ret < 0 || !e->row || !e->row->creates)
		return 0;
	slot = a->step->creates;
	if (!slot)
		return 0;
	if (e->row->fd_offset >= 0) {
		if (!out || out->size < e->row->fd_offset + sizeof(fd))
			return 0;
		memcpy(&fd, bytes_of(out) + e->row->fd_offset, sizeof(fd));
	}
	parent = e->kind == KVMAPI_SYSTEM ? 0 : w->objects[e->object];
	*created = w->object_count + 1;
	return object_write(w, slot, e->row->creates, parent, fd, number_of(e, a));
}

static int call_write(struct writing *w, struct answer *a)
{
	const struct whole_event *e = &w->tape->events[a->step->event];
	struct parts parts = {.count = 0};
	struct tape_part *kept;
	int rc;

	rc = thread_write(w, e->thread);
	if (rc)
		return rc;
	in_put(w, &parts, e, a);
	a->call = whole_arena_take(&w->tape->arena, sizeof(*a->call) + parts.count * sizeof(*kept));
	if (!a->call)
		return -ENOMEM;
	kept = (struct tape_part *)(a->call + 1);
	memcpy(kept, parts.list, parts.count * sizeof(*kept));
	*a->call = (struct tape_call){.index = w->plan->played_count - 1,
				      .time = a->result->begin_time,
				      .thread = w->threads[e->thread],
				      .object = w->objects[e->object],
				      .kind = e->kind,
				      .request = e->request,
				      .arg = e->arg,
				      .row = e->row,
				      .part_count = parts.count,
				      .parts = kept};
	rc = item_put(w, (struct tape_item){.type = TAPE_CALL, .u.call = a->call});
	a->put = w->put;
	return rc;
}

static int return_write(struct writing *w, const struct answer *a)
{
	struct whole_event *e = &w->tape->events[a->step->event];
	struct parts parts = {.count = 0};
	struct tape_part in = {0};
	const struct player_part *arg = part_of(a, PLAYER_ROLE_ARG_IN);
	const struct tape_part *old = whole_part(e, TAPE_ARG_IN);
	struct tape_return ret = {.call = a->call,
				  .time = a->result->end_time,
				  .ret = a->result->ret,
				  .overlapped = w->put != a->put,
				  .parts = parts.list};
	int rc;

	if (old)
		in = *old;
	if (arg)
		in.want = arg->size;
	out_put(w, &parts, e, a, old ? &in : NULL);
	ret.part_count = parts.count;
	rc = created_write(w, e, a, &ret.created);
	if (rc)
		return rc;
	return item_put(w, (struct tape_item){.type = TAPE_RETURN, .u.ret = &ret});
}

static int other_write(struct writing *w, const struct answer *a)
{
	const struct live_step *step = a->step;
	struct tape_item item = {.type = TAPE_END_OF_FILE};

	switch (step->kind) {
	case PLAYER_OPEN:
		return a->result->ret < 0 ? 0
					  : object_write(w, step->object, KVMAPI_SYSTEM, 0,
							 a->result->ret, UINT64_MAX);
	case PLAYER_CLOSE:
		item.type = TAPE_CLOSED;
		item.u.closed.object = w->objects[step->object];
		item.u.closed.time = a->result->begin_time;
		return item.u.closed.object ? item_put(w, item) : 0;
	case PLAYER_STORE:
		item.type = TAPE_MEMORY;
		item.u.memory = *step->memory;
		item.u.memory.object = w->objects[step->memory->object];
		return item.u.memory.object ? item_put(w, item) : 0;
	}
	return 0;
}

static int moment_compare(const void *left, const void *right)
{
	const struct moment *a = left, *b = right;

	return a->order < b->order ? -1 : a->order > b->order;
}

static int moment_write(struct writing *w, const struct moment *moment)
{
	struct answer *a = &w->answers[moment->answer];

	if (a->step->kind != PLAYER_CALL)
		return other_write(w, a);
	if (moment->end)
		return return_write(w, a);
	if (array_grow(&w->plan->played, &w->plan->played_room, w->plan->played_count))
		return -ENOMEM;
	w->plan->played[w->plan->played_count++] = a->step->event;
	return call_write(w, a);
}

static int moments_write(struct writing *w)
{
	struct moment *moments = calloc(2 * w->answer_count + 1, sizeof(*moments));
	size_t count = 0;
	int rc = 0;

	if (!moments)
		return -ENOMEM;
	for (size_t i = 0; i < w->answer_count; i++) {
		const struct player_result *r = w->answers[i].result;

		if (r->status > PLAYER_KICKED)
			continue;
		moments[count++] = (struct moment){r->begin, i, false};
		if (w->answers[i].step->kind == PLAYER_CALL)
			moments[count++] = (struct moment){r->end, i, true};
	}
	qsort(moments, count, sizeof(*moments), moment_compare);
	for (size_t i = 0; i < count && !rc; i++)
		rc = moment_write(w, &moments[i]);
	free(moments);
	return rc;
}

/* The outcome of each call of the tape. */
static void answers_note(struct writing *w)
{
	for (size_t i = 0; i < w->answer_count; i++) {
		const struct answer *a = &w->answers[i];
		struct live_play *play;

		if (a->step->kind != PLAYER_CALL)
			continue;
		play = &w->plan->plays[a->step->event];
		play->status = a->result->status;
		w->report->kicked += play->status == PLAYER_KICKED;
		w->report->blocked += play->status == PLAYER_BLOCKED;
		if (a->result->sub)
			w->report->repeated++;
		else if (play->status <= PLAYER_KICKED)
			w->report->played++;
		if (play->status <= PLAYER_KICKED)
			play->answered = true;
	}
}

static size_t sync_size(enum kvmapi_arch arch)
{
	size_t offset, size;

	if (kvmapi_field_find(arch, "struct kvm_run", "s.regs", &offset, &size) ||
	    size > PLAYER_RUN_SYNC_MAX)
		return 0;
	return size;
}

int live_items(struct whole_tape *tape, struct live_plan *plan, const struct live_output *output,
	       const struct live_sink *sink, struct live_report *report)
{
	struct writing w = {.tape = tape, .plan = plan, .report = report, .sink = sink};
	int rc;

	plan->played_count = 0;
	w.sync_size = sync_size(tape->env.arch);
	w.objects = calloc(plan->objects + 1, sizeof(*w.objects));
	w.threads = calloc(tape->thread_count + 1, sizeof(*w.threads));
	if (!w.objects || !w.threads) {
		rc = -ENOMEM;
		goto out;
	}
	for (size_t i = 0; i < tape->thread_count; i++)
		w.threads[i] = -1;
	rc = output_read(&w, output) ?: moments_write(&w);
	if (!rc)
		answers_note(&w);
out:
	free(w.threads);
	free(w.objects);
	free(w.answers);
	return rc;
}

/* --- into a file ------------------------------------------------------------------------------ */

static int file_item(void *context, const struct tape_item *item)
{
	struct tape_writer *writer = context;

	switch (item->type) {
	case TAPE_THREAD:
		return tape_writer_thread(writer, &item->u.thread);
	case TAPE_OBJECT:
		return tape_writer_object(writer, &item->u.object);
	case TAPE_CLOSED:
		return tape_writer_closed(writer, item->u.closed.object, item->u.closed.time);
	case TAPE_CALL:
		return tape_writer_call(writer, item->u.call);
	case TAPE_RETURN:
		return tape_writer_return(writer, item->u.ret->call->thread, item->u.ret);
	case TAPE_MEMORY:
		return tape_writer_memory(writer, &item->u.memory);
	default:
		return 0;
	}
}

int live_write(struct whole_tape *tape, struct live_plan *plan, const struct live_facts *facts,
	       const struct live_output *output, int fd, struct live_report *report)
{
	struct live_sink sink = {.item = file_item};
	struct tape_writer *writer = NULL;
	struct tape_end end = {0};
	int rc;

	rc = tape_writer_open(fd, &facts->env, NULL, &writer);
	if (rc)
		return rc;
	sink.context = writer;
	rc = live_items(tape, plan, output, &sink, report);
	if (!rc) {
		end.seen = plan->played_count;
		rc = tape_writer_finish(writer, &end);
	}
	tape_writer_close(writer);
	return rc;
}
