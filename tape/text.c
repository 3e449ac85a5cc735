// SPDX-License-Identifier: BSD-2-Clause
/* One item of a tape as text. */
#include <ctype.h>
#include <stdlib.h>

#include "tape/format.h"
#include "tape/show.h"

#define EXIT_IO	  2 /* enum of exit reasons, see kvmapi_exit_name() */
#define EXIT_MMIO 6

/* Width of a value in the short form. */
#define SHORT_VALUE 200
#define SHORT_BYTES 16

struct shower {
	const struct tape_reader *r;
	const struct tape_env *env;
	FILE *out;
	struct kvmapi_owner owner;
	bool verbose;
};

static void show_hex(const struct shower *s, const uint8_t *data, size_t len)
{
	size_t shown = !s->verbose && len > SHORT_BYTES ? SHORT_BYTES : len;

	for (size_t i = 0; i < shown; i++)
		fprintf(s->out, "%02x", data[i]);
	if (shown < len)
		fprintf(s->out, "... (%zu bytes)", len);
}

/* A value of one or more lines; the short form joins and cuts them. */
static void show_value(const struct shower *s, const char *value)
{
	size_t shown = 0, len = strlen(value);
	bool space = false;

	while (len && isspace((unsigned char)value[len - 1]))
		len--;
	if (s->verbose) {
		for (size_t i = 0; i < len; i++) {
			fputc(value[i], s->out);
			if (value[i] == '\n')
				fputs("          ", s->out);
		}
		return;
	}
	for (size_t i = 0; i < len; i++) {
		if (isspace((unsigned char)value[i])) {
			space = true;
			continue;
		}
		if (space && shown) {
			fputc(' ', s->out);
			shown++;
		}
		space = false;
		if (shown >= SHORT_VALUE) {
			fputs("...", s->out);
			return;
		}
		fputc(value[i], s->out);
		shown++;
	}
}

static const char *part_note(const struct tape_part *part)
{
	if (part->flags & TAPE_PART_FAULT)
		return "not readable";
	if (part->flags & TAPE_PART_CLIPPED)
		return "beyond the recorder's limit";
	return "not captured";
}

/* Bytes of a C type, or of none that is known. */
static int show_bytes(const struct shower *s, const char *type, const struct tape_part *part)
{
	char *value = NULL;
	int err;

	if (!part || (!part->have && part->want)) {
		fprintf(s->out, "? /* %s */", part ? part_note(part) : "not captured");
		return 0;
	}
	err = type ? kvmapi_value_text_of(s->env->arch, &s->owner, type, part->data, part->have,
					  &value)
		   : -ENOENT;
	if (err && err != -ENOENT)
		return err;
	if (err)
		show_hex(s, part->data, part->have);
	else
		show_value(s, value);
	free(value);
	if (part->have < part->want)
		fprintf(s->out, " /* %u of %u bytes, the rest %s */", part->have, part->want,
			part_note(part));
	if (part->flags & TAPE_PART_LATE)
		fputs(" /* read at the return */", s->out);
	return 0;
}

static bool part_equal(const struct tape_part *a, const struct tape_part *b)
{
	return a->have == b->have && a->want == b->want && a->flags == b->flags &&
	       (!a->have || !memcmp(a->data, b->data, a->have));
}

/* Before and after of one buffer. */
static int show_sides(const struct shower *s, const char *type, uint8_t dir,
		      const struct tape_sides *sides)
{
	const char *arrow = s->verbose ? "\n       => " : " => ";
	int err = 0;

	if (dir == KVMAPI_IN)
		return show_bytes(s, type, sides->in);
	if (dir == KVMAPI_OUT)
		return show_bytes(s, type, sides->out);
	err = show_bytes(s, type, sides->in);
	if (err || (!s->verbose && sides->in && sides->out && part_equal(sides->in, sides->out)))
		return err;
	fputs(arrow, s->out);
	return show_bytes(s, type, sides->out);
}

/* Buffers behind pointers of the argument. */
static int show_nested(const struct shower *s, const struct tape_return *ret)
{
	int err = 0;

	for (int n = 0; n < TAPE_NESTED_POINTERS && !err; n++) {
		struct tape_sides sides =
			tape_sides_of(ret, TAPE_NESTED_IN + n, TAPE_NESTED_OUT + n);

		if (!sides.in && !sides.out)
			continue;
		fprintf(s->out, s->verbose ? ",\n        pointer %d: " : ", [%d] ", n);
		err = show_sides(s, NULL,
				 sides.in && sides.out ? KVMAPI_INOUT
				 : sides.in	       ? KVMAPI_IN
						       : KVMAPI_OUT,
				 &sides);
	}
	return err;
}

#define RING_SHOWN 4 /* entries, unless all of them are wanted */

/* Entries of dirty rings, in the order in which they were written. */
static void show_rings(const struct shower *s, const struct tape_return *ret)
{
	for (int n = 0; n < TAPE_NESTED_POINTERS; n++) {
		const struct tape_part *ring =
			tape_part_find(ret->call->parts, ret->call->part_count, TAPE_NESTED_IN + n);
		const uint32_t count = ring ? ring->have / KVMAPI_RING_ENTRY : 0;
		const uint32_t shown = s->verbose || count <= RING_SHOWN ? count : RING_SHOWN;

		if (!ring)
			continue;
		fprintf(s->out, s->verbose ? ",\n        ring %d [" : ", ring %d [", n);
		for (uint32_t i = 0; i < shown; i++) {
			const size_t at = (size_t)i * KVMAPI_RING_ENTRY;
			const uint64_t flags = tape_part_number(s->env, ring, at, 4);
			const uint64_t slot = tape_part_number(s->env, ring, at + 4, 4);

			fprintf(s->out, "%sslot %llu", i ? ", " : "",
				(unsigned long long)(slot & 0xffff));
			if (slot >> 16)
				fprintf(s->out, " of space %llu", (unsigned long long)(slot >> 16));
			fprintf(s->out, " page 0x%llx",
				(unsigned long long)tape_part_number(s->env, ring, at + 8, 8));
			fputs(flags & KVMAPI_RING_HARVESTED ? " harvested"
			      : flags & KVMAPI_RING_DIRTY   ? " dirty"
							    : " invalid",
			      s->out);
		}
		if (count > shown)
			fprintf(s->out, ", %u more", count - shown);
		fputc(']', s->out);
		if (!tape_part_whole(ring))
			fprintf(s->out, " /* %u of %u entries, the rest %s */", count,
				ring->want / KVMAPI_RING_ENTRY, part_note(ring));
	}
}

static int show_run_page(const struct shower *s, const char *what, const struct tape_part *part)
{
	char *value = NULL;
	int err;

	if (!part || !part->have) {
		fprintf(s->out, "\n    %s: ? /* %s */", what,
			part ? part_note(part) : "not captured");
		return 0;
	}
	err = kvmapi_run_text(s->env->arch, part->data, part->have, &value);
	if (err)
		return err;
	fprintf(s->out, "\n    %s: ", what);
	show_value(s, value);
	free(value);
	return 0;
}

/* Fields of the run page that the VMM set: the answer to the exit, and requests to return. */
/* The sets of registers that a mask of struct kvm_run names, " regs sregs". */
static void show_sets(const struct shower *s, uint64_t mask)
{
	static const char *const x86[] = {"regs", "sregs", "events"};
	static const char *const s390[] = {"prefix", "gprs",   "acrs",	 "crs",	 "arch0",
					   "pfault", "vrs",    "riccb",	 "fprs", "gscb",
					   "bpbc",   "etoken", "diag318"};
	const char *const *names = s->env->arch == KVMAPI_X86 ? x86 : s390;
	unsigned int count = s->env->arch == KVMAPI_X86	   ? sizeof(x86) / sizeof(x86[0])
			     : s->env->arch == KVMAPI_S390 ? sizeof(s390) / sizeof(s390[0])
							   : 0;

	for (unsigned int i = 0; i < count; i++) {
		if (mask & 1ull << i)
			fprintf(s->out, " %s", names[i]);
		mask &= ~(1ull << i);
	}
	if (mask)
		fprintf(s->out, " 0x%llx", (unsigned long long)mask);
}

/* "valid regs sregs, dirty regs"; returns what to put before what follows. */
static const char *show_masks(const struct shower *s, const struct tape_part *regs,
			      const char *comma)
{
	uint64_t valid, dirty;

	if (!tape_part_has(regs, 0, 16))
		return comma;
	valid = tape_part_number(s->env, regs, 0, 8);
	dirty = tape_part_number(s->env, regs, 8, 8);
	if (valid) {
		fprintf(s->out, "%svalid", comma);
		show_sets(s, valid);
		comma = ", ";
	}
	if (dirty) {
		fprintf(s->out, "%sdirty", comma);
		show_sets(s, dirty);
		comma = ", ";
	}
	return comma;
}

/* The masks and, where something was captured behind them, the registers. */
static int show_sync(const struct shower *s, const char *what, const struct tape_part *regs)
{
	struct tape_part block;

	if (!regs)
		return 0;
	fprintf(s->out, "\n    %s: ", what);
	if (!tape_part_has(regs, 0, 16))
		return show_bytes(s, NULL, regs);
	if (!*show_masks(s, regs, ""))
		fputs("none", s->out);
	if (regs->want <= 16)
		return 0;
	block = *regs;
	block.want -= 16;
	block.have -= 16;
	block.data += 16;
	fputc(' ', s->out);
	return show_bytes(s, "struct kvm_sync_regs", &block);
}

static void show_run_in(const struct shower *s, const struct tape_return *ret)
{
	struct tape_sides run = tape_sides_of(ret, TAPE_RUN_IN, TAPE_RUN_OUT);
	struct tape_sides pio = tape_sides_of(ret, TAPE_PIO_IN, TAPE_PIO_OUT);
	const size_t exit_union = tape_run_union(s->env);
	const char *comma = "";

	if (tape_part_has(run.in, 0, 2)) {
		if (run.in->data[0])
			fputs("request_interrupt_window", s->out);
		comma = run.in->data[0] ? ", " : "";
		if (run.in->data[1]) {
			fprintf(s->out, "%simmediate_exit", comma);
			comma = ", ";
		}
	}
	comma = show_masks(s, tape_sides_of(ret, TAPE_RUN_REGS_IN, TAPE_RUN_REGS_OUT).in, comma);
	if (pio.in) {
		fprintf(s->out, "%sdata ", comma);
		show_bytes(s, NULL, pio.in);
	} else if (tape_part_has(run.in, exit_union, 24) &&
		   tape_part_number(s->env, run.in, TAPE_RUN_EXIT_REASON, 4) == EXIT_MMIO &&
		   !(tape_part_has(run.in, exit_union + 20, 1) && run.in->data[exit_union + 20])) {
		uint32_t len = (uint32_t)tape_part_number(s->env, run.in, exit_union + 16, 4);

		fprintf(s->out, "%sdata ", comma);
		show_hex(s, run.in->data + exit_union + 8, len < 8 ? len : 8);
	}
}

static int show_run_out(const struct shower *s, const struct tape_return *ret)
{
	const struct tape_part *run = tape_part_find(ret->parts, ret->part_count, TAPE_RUN_OUT);
	const struct tape_part *pio = tape_part_find(ret->parts, ret->part_count, TAPE_PIO_OUT);
	const size_t at = tape_run_union(s->env);
	const struct kvmapi_exit *exit;
	const char *name;
	char *value = NULL, words[KVMAPI_WORDS];
	uint32_t reason;
	int err;

	if (!tape_part_has(run, TAPE_RUN_EXIT_REASON, 4)) {
		fprintf(s->out, " -> ? /* %s */", run ? part_note(run) : "not captured");
		return 0;
	}
	reason = (uint32_t)tape_part_number(s->env, run, TAPE_RUN_EXIT_REASON, 4);
	name = kvmapi_exit_name(reason);
	if (name && !strncmp(name, "KVM_EXIT_", 9))
		name += 9;
	fputs(" -> ", s->out);
	if (name)
		fputs(name, s->out);
	else
		fprintf(s->out, "exit %u", reason);
	if (reason == EXIT_IO && tape_part_has(run, at, 8)) {
		fprintf(s->out, " %s port 0x%llx size %u count %llu", run->data[at] ? "out" : "in",
			(unsigned long long)tape_part_number(s->env, run, at + 2, 2),
			run->data[at + 1],
			(unsigned long long)tape_part_number(s->env, run, at + 4, 4));
		if (run->data[at]) {
			fputs(" data ", s->out);
			return show_bytes(s, NULL, pio);
		}
		return 0;
	}
	if (reason == EXIT_MMIO && tape_part_has(run, at, 21)) {
		uint32_t len = (uint32_t)tape_part_number(s->env, run, at + 16, 4);

		fprintf(s->out, " %s 0x%llx len %u", run->data[at + 20] ? "write" : "read",
			(unsigned long long)tape_part_number(s->env, run, at, 8), len);
		if (run->data[at + 20]) {
			fputs(" data ", s->out);
			show_hex(s, run->data + at + 8, len < 8 ? len : 8);
		}
		return 0;
	}
	exit = kvmapi_exit(reason);
	if (!exit || !exit->out || !exit->member)
		return 0;
	err = kvmapi_run_text(s->env->arch, run->data, run->have, &value);
	if (err)
		return err == -ENOENT ? 0 : err;
	fputc(' ', s->out);
	show_value(s, value);
	free(value);
	if (!kvmapi_exit_explain(s->env->arch, tape_env_get(s->env, "kvm.backend"), run->data,
				 run->have, words, sizeof(words)))
		fprintf(s->out, " (%s)", words);
	return 0;
}

static int show_run_verbose(const struct shower *s, const struct tape_return *ret)
{
	struct tape_sides run = tape_sides_of(ret, TAPE_RUN_IN, TAPE_RUN_OUT);
	struct tape_sides regs = tape_sides_of(ret, TAPE_RUN_REGS_IN, TAPE_RUN_REGS_OUT);
	struct tape_sides pio = tape_sides_of(ret, TAPE_PIO_IN, TAPE_PIO_OUT);
	int err;

	err = show_run_page(s, "run page in", run.in);
	if (!err)
		err = show_run_page(s, "run page out", run.out);
	if (!err)
		err = show_sync(s, "sync regs in", regs.in);
	if (!err)
		err = show_sync(s, "sync regs out", regs.out);
	if (!err && pio.in) {
		fputs("\n    port data in: ", s->out);
		err = show_bytes(s, NULL, pio.in);
	}
	if (!err && pio.out) {
		fputs("\n    port data out: ", s->out);
		err = show_bytes(s, NULL, pio.out);
	}
	return err;
}

/* What stands between the brackets. */
static int show_arguments(const struct shower *s, const struct tape_return *ret)
{
	const struct tape_call *call = ret->call;
	const struct kvmapi_ioctl *row = call->row;
	struct tape_sides sides;
	char *text;
	int err;

	if (!row) {
		fprintf(s->out, "0x%llx", (unsigned long long)call->arg);
		return 0;
	}
	if (row->payload == KVMAPI_RUNPAGE) {
		show_run_in(s, ret);
		return 0;
	}
	if (row->payload == KVMAPI_VALUE || row->dir == KVMAPI_NONE) {
		text = kvmapi_arg_text(row, call->arg);
		if (!text)
			return -ENOMEM;
		fputs(text, s->out);
		free(text);
		if (kvmapi_has_rings(row))
			show_rings(s, ret);
		return 0;
	}
	if (!call->arg) {
		fputs("NULL", s->out);
		return 0;
	}
	sides = tape_sides_of(ret, TAPE_ARG_IN, TAPE_ARG_OUT);
	if (s->verbose)
		fprintf(s->out, "0x%llx: ", (unsigned long long)call->arg);
	err = show_sides(s, row->type, row->dir, &sides);
	return err ? err : show_nested(s, ret);
}

static void show_result(const struct shower *s, const struct tape_return *ret)
{
	const char *name = ret->ret < 0 ? kvmapi_errno_name((int)-ret->ret) : NULL;
	char label[64];

	if (name)
		fprintf(s->out, " = -%s", name);
	else
		fprintf(s->out, " = %lld", (long long)ret->ret);
	if (ret->created) {
		tape_object_label(s->r, ret->created, label, sizeof(label));
		fprintf(s->out, " (%s)", label);
	}
}

static void show_duration(const struct shower *s, const struct tape_return *ret)
{
	if (!s->env->timeless && ret->time >= ret->call->time)
		fprintf(s->out, " <%.1f us>", (double)(ret->time - ret->call->time) / 1e3);
}

/* A thread's name in one line: a program can name itself with any bytes. */
static const char *name_text(const struct tape_thread *thread, char name[16])
{
	size_t len = 0;

	for (; len < sizeof(thread->comm) - 1 && thread->comm[len]; len++)
		name[len] = (unsigned char)thread->comm[len] < 0x20 || thread->comm[len] == 0x7f
				    ? '?'
				    : thread->comm[len];
	name[len] = '\0';
	return name;
}

static int show_event(const struct shower *s, const struct tape_return *ret)
{
	const struct tape_call *call = ret->call;
	const struct tape_thread *thread = tape_reader_thread(s->r, call->thread);
	char label[64], name[sizeof(thread->comm)], words[KVMAPI_WORDS];
	int err;

	tape_object_label(s->r, call->object, label, sizeof(label));
	fprintf(s->out, "%6llu ", (unsigned long long)call->index);
	if (!s->env->timeless)
		fprintf(s->out, "%12.6f ", (double)call->time / 1e9);
	fprintf(s->out, "[%s:%u] %s ", thread ? name_text(thread, name) : "?",
		thread ? thread->tid : 0, label);
	if (call->row)
		fprintf(s->out, "%s(", call->row->name);
	else
		fprintf(s->out, "ioctl 0x%08x(", call->request);
	err = show_arguments(s, ret);
	if (err)
		return err;
	fputc(')', s->out);
	show_result(s, ret);
	if (!call->row &&
	    !kvmapi_request_hint(s->env->arch, call->kind, call->request, words, sizeof(words)))
		fprintf(s->out, " (%s)", words);
	if (tape_event_is_run(call))
		err = show_run_out(s, ret);
	show_duration(s, ret);
	if (!err && s->verbose && tape_event_is_run(call))
		err = show_run_verbose(s, ret);
	return err;
}

/* Close the stream, which completes *buf, and return that. */
static int text_end(FILE *out, int err, char **text, char **buf)
{
	if (ferror(out) && !err)
		err = -ENOMEM;
	if (fclose(out) && !err)
		err = -ENOMEM;
	if (err) {
		free(*buf);
		return err;
	}
	*text = *buf;
	return 0;
}

int tape_event_text(const struct tape_reader *r, const struct tape_return *ret, bool verbose,
		    char **text)
{
	struct shower s = {.r = r, .env = tape_reader_env(r), .verbose = verbose};
	char *buf = NULL;
	size_t size;
	FILE *out = open_memstream(&buf, &size);
	int err;

	*text = NULL;
	if (!out)
		return -ENOMEM;
	s.out = out;
	s.owner = tape_owner(r, ret->call->object);
	err = show_event(&s, ret);
	return text_end(out, err, text, &buf);
}

static void show_time(const struct shower *s, uint64_t time)
{
	fprintf(s->out, "%6s ", "-");
	if (!s->env->timeless)
		fprintf(s->out, "%12.6f ", (double)time / 1e9);
}

static void show_object(const struct shower *s, const struct tape_object *object)
{
	const char *kind = kvmapi_object_name(object->kind);
	char label[64];

	tape_object_label(s->r, object->id, label, sizeof(label));
	fprintf(s->out, "%6s object %u is %s: %s", "-", object->id, label,
		kind ? kind : "unknown kind");
	if (object->fd >= 0)
		fprintf(s->out, ", fd %d", object->fd);
	if (object->number != UINT64_MAX)
		fprintf(s->out, ", number %llu", (unsigned long long)object->number);
	if (object->flags & TAPE_OBJECT_PRE_EXISTING)
		fputs(", from before the recording", s->out);
}

static void show_end(const struct shower *s, const struct tape_end *end)
{
	fprintf(s->out, "%6s end: %llu calls seen, %llu on the tape, %llu of them without return",
		"-", (unsigned long long)end->seen, (unsigned long long)end->written,
		(unsigned long long)end->unreturned);
	for (int c = 0; c < TAPE_GAP_CAUSES; c++)
		if (end->lost[c])
			fprintf(s->out, ", %llu lost (%s)", (unsigned long long)end->lost[c],
				tape_gap_cause_name(c));
}

static void show_signal(const struct shower *s, const struct tape_signal *signal)
{
	const char *name = tape_signal_name(signal->number);
	const struct tape_call *inside;
	char label[64];

	show_time(s, signal->time);
	if (signal->what == TAPE_SIGNAL_LOST) {
		fprintf(s->out, "signals: %llu are missing, somewhere before",
			(unsigned long long)signal->count);
		return;
	}
	fprintf(s->out, "thread %u: signal %u", signal->thread, signal->number);
	if (name)
		fprintf(s->out, " (%s)", name);
	fprintf(s->out, " %s, %s", tape_signal_what_name(signal->what),
		tape_signal_outcome_name(signal->outcome));
	if (signal->process)
		fputs(", for the process", s->out);
	if (signal->sender)
		fprintf(s->out, ", from tid %u", signal->sender);
	inside = tape_reader_inside(s->r, signal->thread);
	if (!inside) {
		fputs("; outside of calls", s->out);
		return;
	}
	tape_object_label(s->r, inside->object, label, sizeof(label));
	fprintf(s->out, "; inside %s ", label);
	if (inside->row)
		fputs(inside->row->name, s->out);
	else
		fprintf(s->out, "ioctl 0x%08x", inside->request);
	fprintf(s->out, " (event %llu)", (unsigned long long)inside->index);
}

int tape_item_text(const struct tape_reader *r, const struct tape_item *item, char **text)
{
	char name[sizeof(item->u.thread.comm)];
	struct shower s = {.r = r, .env = tape_reader_env(r)};
	char *buf = NULL, label[64];
	size_t size;
	int err = 0;

	*text = NULL;
	if (item->type == TAPE_RETURN)
		return tape_event_text(r, item->u.ret, false, text);
	s.out = open_memstream(&buf, &size);
	if (!s.out)
		return -ENOMEM;
	switch (item->type) {
	case TAPE_THREAD:
		fprintf(s.out, "%6s thread %u: %s, pid %u, tid %u", "-", item->u.thread.id,
			name_text(&item->u.thread, name), item->u.thread.pid, item->u.thread.tid);
		break;
	case TAPE_OBJECT:
		show_object(&s, &item->u.object);
		break;
	case TAPE_CLOSED:
		show_time(&s, item->u.closed.time);
		tape_object_label(r, item->u.closed.object, label, sizeof(label));
		fprintf(s.out, "%s is closed", label);
		break;
	case TAPE_CALL:
		tape_object_label(r, item->u.call->object, label, sizeof(label));
		fprintf(s.out, "%6llu call on %s: ", (unsigned long long)item->u.call->index,
			label);
		if (item->u.call->row)
			fputs(item->u.call->row->name, s.out);
		else
			fprintf(s.out, "ioctl 0x%08x", item->u.call->request);
		break;
	case TAPE_GAP:
		show_time(&s, item->u.gap.time);
		if (item->u.gap.events)
			fprintf(s.out, "gap: %llu calls are missing (%s)",
				(unsigned long long)item->u.gap.events,
				tape_gap_cause_name(item->u.gap.cause));
		else
			fprintf(s.out, "gap: calls of another gap may be missing here (%s)",
				tape_gap_cause_name(item->u.gap.cause));
		break;
	case TAPE_MEMORY:
		tape_object_label(r, item->u.memory.object, label, sizeof(label));
		fprintf(s.out, "%6s memory of %s: 0x%llx, %u bytes", "-", label,
			(unsigned long long)item->u.memory.gpa, item->u.memory.len);
		break;
	case TAPE_SIGNAL:
		show_signal(&s, &item->u.signal);
		break;
	case TAPE_END:
		show_end(&s, &item->u.end);
		break;
	case TAPE_RETURN:
	case TAPE_END_OF_FILE:
		err = -EINVAL;
		break;
	}
	return text_end(s.out, err, text, &buf);
}
