/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape print: what is on a tape, event by event. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/array.h"
#include "cli/cli.h"
#include "kvmtape/asm.h"
#include "kvmtape/tape.h"

struct print_values {
	bool assembly;
	bool errors;
	bool json;
	bool objects;
	bool signals;
	bool verbose;
	struct cli_list ioctls;
	struct cli_range range;
	uint64_t from, to;
	uint64_t thread;
	uint64_t vcpu;
};

static const struct cli_option options[] = {
	{"asm", 0, NULL, "Print the whole tape as text that 'kvmtape asm' reads.", CLI_FLAG,
	 offsetof(struct print_values, assembly), false, NULL},
	{"errors", 'e', NULL, "Only events whose call failed.", CLI_FLAG,
	 offsetof(struct print_values, errors), false, NULL},
	{"from", 0, "N", "From event N on.", CLI_NUMBER, offsetof(struct print_values, from), false,
	 NULL},
	{"ioctl", 'i', "NAME[,NAME...]", "Only these ioctls, with or without KVM_, in any case.",
	 CLI_LIST, offsetof(struct print_values, ioctls), false, NULL},
	{"json", 0, NULL, "Print NDJSON: a header, then one object a line.", CLI_FLAG,
	 offsetof(struct print_values, json), false, NULL},
	{"objects", 0, NULL, "Print objects and threads as they come and go.", CLI_FLAG,
	 offsetof(struct print_values, objects), true,
	 "Leave out the lines of objects and threads as they come and go; so do --errors, --ioctl, --thread "
	 "and --vcpu."},
	{"range", 'r', "A-B", "Only events A to B; either may be missing.", CLI_RANGE,
	 offsetof(struct print_values, range), false, NULL},
	{"signals", 0, NULL, "Print signals of threads that run vCPUs.", CLI_FLAG,
	 offsetof(struct print_values, signals), true,
	 "Leave out signals of threads that run vCPUs; so do --errors and --ioctl. With --thread and --vcpu "
	 "those of other threads are left out."},
	{"thread", 't', "N", "Only the thread of this number on the tape, or of this thread id.",
	 CLI_NUMBER, offsetof(struct print_values, thread), false, NULL},
	{"to", 0, "N", "Up to event N.", CLI_NUMBER, offsetof(struct print_values, to), false,
	 NULL},
	{"vcpu", 'c', "N", "Only the vCPU of this id.", CLI_NUMBER,
	 offsetof(struct print_values, vcpu), false, NULL},
	{"verbose", 'v', NULL, "Show payloads whole.", CLI_FLAG,
	 offsetof(struct print_values, verbose), false, NULL},
	{0},
};

static const struct print_values defaults = {
	.objects = true,
	.signals = true,
	.range = {0, UINT64_MAX},
	.to = UINT64_MAX,
	.thread = UINT64_MAX,
	.vcpu = UINT64_MAX,
};

/* An open call: printed at the end if its return never comes. */
struct open_call {
	uint64_t index;
	uint32_t thread;
	uint32_t object;
	uint8_t kind;
	uint32_t request;
	const struct kvmapi_ioctl *row;
};

struct print {
	const struct print_values *v;
	struct tape_reader *reader;
	const struct cli_colors *c;
	uint64_t from, to;
	bool quiet_items;  /* objects and threads are not printed */
	uint64_t selected; /* events and unreturned calls that were printed */
	uint64_t next;	   /* index of the next event */
	size_t open_count, open_room;
	struct open_call *open; /* calls up to .to that have not returned */
	size_t vcpu_count;
	uint32_t *vcpus; /* by thread: the vCPU that it called on last, 0 = none */
};

static bool name_matches(const char *name, const char *wanted)
{
	return !strcasecmp(name, wanted) ||
	       (!strncmp(name, "KVM_", 4) && !strcasecmp(name + 4, wanted));
}

static bool thread_wanted(const struct print *p, uint32_t thread)
{
	const struct tape_thread *t = tape_reader_thread(p->reader, thread);

	return p->v->thread == UINT64_MAX || p->v->thread == thread ||
	       (t && t->tid == p->v->thread);
}

static bool vcpu_wanted(const struct print *p, uint32_t object)
{
	const struct tape_object *o = tape_reader_object(p->reader, object);

	return p->v->vcpu == UINT64_MAX || (o && o->kind == KVMAPI_VCPU && o->number == p->v->vcpu);
}

static bool wanted(const struct print *p, const struct tape_call *call)
{
	const struct print_values *v = p->v;

	if (call->index < p->from || call->index > p->to)
		return false;
	if (v->ioctls.count) {
		unsigned int i = 0;

		while (i < v->ioctls.count &&
		       !(call->row && name_matches(call->row->name, v->ioctls.items[i])))
			i++;
		if (i == v->ioctls.count)
			return false;
	}
	return thread_wanted(p, call->thread) && vcpu_wanted(p, call->object);
}

/* A signal between two events is shown if one of them is. */
static bool signal_wanted(const struct print *p, const struct tape_signal *signal)
{
	const struct print_values *v = p->v;

	if (!v->signals || v->errors || v->ioctls.count || p->next < p->from ||
	    (p->next && p->next - 1 > p->to))
		return false;
	if (signal->what == TAPE_SIGNAL_LOST)
		return true;
	return thread_wanted(p, signal->thread) &&
	       vcpu_wanted(p, signal->thread < p->vcpu_count ? p->vcpus[signal->thread] : 0);
}

/* Remember which vCPU a thread runs, to select signals by it. */
static int vcpu_note(struct print *p, const struct tape_call *call)
{
	if (p->v->vcpu == UINT64_MAX || call->kind != KVMAPI_VCPU)
		return 0;
	if (call->thread >= p->vcpu_count) {
		size_t count = 2 * (call->thread + 32u);
		uint32_t *vcpus = realloc(p->vcpus, count * sizeof(*vcpus));

		if (!vcpus)
			return -ENOMEM;
		memset(vcpus + p->vcpu_count, 0, (count - p->vcpu_count) * sizeof(*vcpus));
		p->vcpus = vcpus;
		p->vcpu_count = count;
	}
	p->vcpus[call->thread] = call->object;
	return 0;
}

static int text_put(const char *before, char *text, const char *after)
{
	cli_text_clean(text);
	printf("%s%s%s\n", before, text, after);
	free(text);
	return ferror(stdout) ? -EIO : 0;
}

static int event_print(const struct print *p, const struct tape_return *ret)
{
	json_t *line;
	char *text;
	int rc;

	if (p->v->json) {
		rc = tape_event_json(p->reader, ret, &line);
		if (!rc && cli_json_put(stdout, line) != CLI_OK)
			rc = -EIO;
		return rc;
	}
	rc = tape_event_text(p->reader, ret, p->v->verbose, &text);
	if (rc)
		return rc;
	return text_put(ret->ret < 0 ? p->c->bad : "", text, ret->ret < 0 ? p->c->off : "");
}

static int item_print(const struct print *p, const struct tape_item *item)
{
	json_t *line;
	char *text;
	int rc;

	if (p->v->json) {
		rc = tape_item_json(p->reader, item, &line);
		if (!rc && cli_json_put(stdout, line) != CLI_OK)
			rc = -EIO;
		return rc;
	}
	rc = tape_item_text(p->reader, item, &text);
	if (rc)
		return rc;
	return text_put(item->type == TAPE_GAP ? p->c->warn : p->c->dim, text, p->c->off);
}

static int open_add(struct print *p, const struct tape_call *call)
{
	if (array_grow(&p->open, &p->open_room, p->open_count))
		return -ENOMEM;
	p->open[p->open_count++] = (struct open_call){
		.index = call->index,
		.thread = call->thread,
		.object = call->object,
		.kind = call->kind,
		.request = call->request,
		.row = call->row,
	};
	return 0;
}

static void open_remove(struct print *p, uint64_t index)
{
	for (size_t i = 0; i < p->open_count; i++) {
		if (p->open[i].index == index) {
			p->open[i] = p->open[--p->open_count];
			return;
		}
	}
}

static int open_compare(const void *left, const void *right)
{
	const struct open_call *a = left, *b = right;

	return a->index < b->index ? -1 : a->index > b->index;
}

/* Calls that had no return when the tape ended. */
static int open_print(struct print *p)
{
	int rc = 0;

	if (p->open_count)
		qsort(p->open, p->open_count, sizeof(*p->open), open_compare);
	for (size_t i = 0; i < p->open_count && !rc; i++) {
		const struct open_call *o = &p->open[i];
		struct tape_call call = {.index = o->index,
					 .thread = o->thread,
					 .object = o->object,
					 .kind = o->kind,
					 .request = o->request,
					 .row = o->row};

		if (p->v->errors || !wanted(p, &call))
			continue;
		p->selected++;
		if (p->v->json) {
			rc = cli_json_put(stdout,
					  json_pack("{s:s, s:I, s:i, s:i, s:s?, s:I}", "type",
						    "unreturned", "event", (json_int_t)o->index,
						    "thread", (int)o->thread, "object",
						    (int)o->object, "ioctl",
						    o->row ? o->row->name : NULL, "request",
						    (json_int_t)o->request)) == CLI_OK
				     ? 0
				     : -EIO;
			continue;
		}
		printf("%sevent %llu, thread %u: ", p->c->warn, (unsigned long long)o->index,
		       o->thread);
		if (o->row)
			printf("%s", o->row->name);
		else
			printf("request 0x%x", o->request);
		printf(" on %s #%u had not returned when the tape ended%s\n",
		       kvmapi_object_name(o->kind), o->object, p->c->off);
	}
	return rc;
}

static int item_take(struct print *p, const struct tape_item *item, bool *done)
{
	switch (item->type) {
	case TAPE_CALL:
		p->next = item->u.call->index + 1;
		if (item->u.call->index > p->to) {
			/* Only returns of earlier calls can still matter. */
			*done = !p->open_count;
			return 0;
		}
		return vcpu_note(p, item->u.call) ?: open_add(p, item->u.call);
	case TAPE_RETURN:
		open_remove(p, item->u.ret->call->index);
		if (!wanted(p, item->u.ret->call) || (p->v->errors && item->u.ret->ret >= 0))
			return 0;
		p->selected++;
		return event_print(p, item->u.ret);
	case TAPE_GAP:
		p->next += item->u.gap.events;
		return item_print(p, item);
	case TAPE_SIGNAL:
		return signal_wanted(p, &item->u.signal) ? item_print(p, item) : 0;
	case TAPE_THREAD:
	case TAPE_OBJECT:
	case TAPE_CLOSED:
	case TAPE_MEMORY:
	case TAPE_END:
		return p->quiet_items ? 0 : item_print(p, item);
	case TAPE_END_OF_FILE:
		break;
	}
	*done = true;
	return 0;
}

/* An unknown ioctl would select nothing, which would look like a result. */
static int names_check(const struct print *p)
{
	enum kvmapi_arch arch = tape_reader_env(p->reader)->arch;
	const struct kvmapi_ioctl *row;
	int code = CLI_OK;

	for (unsigned int i = 0; code == CLI_OK && i < p->v->ioctls.count; i++)
		code = cli_ioctl_find("ioctl", arch, p->v->ioctls.items[i], &row);
	return code;
}

/* An empty output would also look like a result. */
static int nothing_say(const struct print *p, const char *path)
{
	if (p->v->vcpu != UINT64_MAX)
		return cli_error("%s: no event of a vCPU %" PRIu64 " matches", path, p->v->vcpu);
	if (p->quiet_items || p->from || p->to != UINT64_MAX)
		return cli_error("%s: no event matches", path);
	return cli_error("%s: no events on it", path);
}

/* All or nothing: a part of a session is another session. */
static int assembly_print(const struct print_values *v, const char *path,
			  struct tape_reader *reader)
{
	if (v->errors || v->json || v->verbose || !v->objects || !v->signals || v->ioctls.count ||
	    v->from || v->range.from || v->to != UINT64_MAX || v->range.to != UINT64_MAX ||
	    v->thread != UINT64_MAX || v->vcpu != UINT64_MAX)
		return cli_usage_error("--asm prints the whole tape: no other option goes with it");
	return cli_tape_done(path, reader, tape_asm_print(reader, stdout));
}

static int run(const void *values, int operand_count, char **operands)
{
	const struct print_values *v = values;
	struct print p = {.v = v, .c = cli_colors(stdout)};
	struct tape_item item;
	bool done = false;
	int rc = 0;
	int code;

	code = cli_tape_open(operands[0], &p.reader);
	if (code != CLI_OK)
		return code;
	if (v->assembly) {
		code = assembly_print(v, operands[0], p.reader);
		goto out;
	}
	p.from = v->range.from > v->from ? v->range.from : v->from;
	p.to = v->range.to < v->to ? v->range.to : v->to;
	p.quiet_items = !v->objects || v->errors || v->ioctls.count || v->thread != UINT64_MAX ||
			v->vcpu != UINT64_MAX;
	code = names_check(&p);
	if (code == CLI_OK && v->json)
		code = cli_json_header(stdout, "print");
	if (code != CLI_OK)
		goto out;
	while (!rc && !done) {
		rc = tape_reader_next(p.reader, &item);
		if (!rc)
			rc = item_take(&p, &item, &done);
	}
	if (!rc || rc == TAPE_E_TRUNCATED) {
		int rc2 = open_print(&p);

		rc = rc2 ? rc2 : rc;
	}
	/* A reader that stopped early cannot tell what follows. */
	if (rc || item.type == TAPE_END_OF_FILE)
		code = cli_tape_done(operands[0], p.reader, rc);
	if (code == CLI_OK && !rc && !p.selected)
		code = nothing_say(&p, operands[0]);
out:
	free(p.vcpus);
	free(p.open);
	tape_reader_close(p.reader);
	return code;
}

const struct cli_command cli_print = {
	.name = "print",
	.summary = "print the events of a tape",
	.usage = "FILE",
	.description =
		"Prints the events of the tape FILE, each with its payloads decoded, in the order of their "
		"returns; calls that never returned come last. Gaps, where events were lost, are always "
		"printed. FILE may be - for standard input.\n\n"
		"A signal of a thread that calls on vCPUs is shown when it is generated (somebody sends it) and when "
		"it is delivered (the thread takes it, after a call or between two), with the call that the thread "
		"was in. One that is delivered outside of calls, before a *KVM_RUN* whose *immediate_exit* is 0, "
		"does not end that *KVM_RUN*.",
	.notes =
		"# EXIT STATUS\n\n"
		"*0*\n\tThe tape was read to its end, or to the end of the recording if that was cut off.\n\n"
		"*2*\n\tUsage, I/O or format error; a damaged tape, even if what came before it was printed; no event is "
		"on the tape, or none matches.\n\n"
		"# EXAMPLES\n\n"
		"Calls that failed, of two ioctls:\n\n"
		"\tkvmtape print --errors --ioctl SET_MSRS,GET_MSRS qemu.tape\n\n"
		"What vCPU 1 did up to event 5000:\n\n"
		"\tkvmtape print --vcpu 1 --to 5000 qemu.tape\n",
	.options = options,
	.values_size = sizeof(struct print_values),
	.defaults = &defaults,
	.operands_min = 1,
	.operands_max = 1,
	.run = run,
};
