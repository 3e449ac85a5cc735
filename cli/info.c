/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape info: where a tape was made, its threads and objects, and whether it is complete. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/cli.h"
#include "kvmtape/tape.h"

struct info_values {
	bool json;
	bool verbose;
};

static const struct cli_option options[] = {
	{"json", 0, NULL, "Print NDJSON: a header, then one object a line, completeness last.",
	 CLI_FLAG, offsetof(struct info_values, json), false, NULL},
	{"verbose", 'v', NULL, "Print the answer for every capability that was asked.", CLI_FLAG,
	 offsetof(struct info_values, verbose), false, NULL},
	{0},
};

struct info {
	const struct info_values *v;
	const struct cli_colors *c;
	struct tape_reader *reader;
	uint32_t threads, objects; /* how many there are; the reader keeps them */
	uint32_t closed_room;
	bool *closed; /* by object id */
	uint64_t calls, returns;
	uint64_t lost[TAPE_GAP_CAUSES];
	uint64_t signals[TAPE_SIGNAL_WHATS];
	bool ended;
	struct tape_end end;
};

static int closed_set(struct info *i, uint32_t object)
{
	if (object >= i->closed_room) {
		uint32_t room = object < 64 ? 128 : object * 2;
		bool *closed = realloc(i->closed, room);

		if (!closed)
			return -ENOMEM;
		memset(closed + i->closed_room, 0, room - i->closed_room);
		i->closed = closed;
		i->closed_room = room;
	}
	i->closed[object] = true;
	return 0;
}

static int item_take(struct info *i, const struct tape_item *item)
{
	switch (item->type) {
	case TAPE_THREAD:
		i->threads++;
		return 0;
	case TAPE_OBJECT:
		i->objects++;
		return 0;
	case TAPE_CLOSED:
		return closed_set(i, item->u.closed.object);
	case TAPE_CALL:
		i->calls++;
		return 0;
	case TAPE_RETURN:
		i->returns++;
		return 0;
	case TAPE_GAP:
		i->lost[item->u.gap.cause] += item->u.gap.events;
		return 0;
	case TAPE_SIGNAL:
		i->signals[item->u.signal.what] +=
			item->u.signal.what == TAPE_SIGNAL_LOST ? item->u.signal.count : 1;
		return 0;
	case TAPE_END:
		i->ended = true;
		i->end = item->u.end;
		return 0;
	case TAPE_MEMORY:
	case TAPE_END_OF_FILE:
		break;
	}
	return 0;
}

static uint64_t lost_sum(const uint64_t *lost)
{
	uint64_t sum = 0;

	for (unsigned int n = 0; n < TAPE_GAP_CAUSES; n++)
		sum += lost[n];
	return sum;
}

/*
 * Is the tape provably complete? It has an end, the calls that the probe saw are those written plus
 * those lost, and the counts at the end equal those of the reader.
 */
static bool adds_up(const struct info *i)
{
	return i->ended && i->end.written == i->calls &&
	       i->end.unreturned == i->calls - i->returns &&
	       !memcmp(i->end.lost, i->lost, sizeof(i->lost)) &&
	       i->end.seen == i->end.written + lost_sum(i->end.lost);
}

/* --- as text ---------------------------------------------------------------------------------- */

static void head(const struct info *i, const char *title)
{
	printf("\n%s%s%s\n", i->c->bold, title, i->c->off);
}

static void environment_text(const struct info *i, const struct tape_env *env)
{
	size_t asked = 0, there = 0;
	char key[64], value[4096];

	head(i, "environment");
	printf("  %-24s %s\n", "architecture", kvmapi_arch_name(env->arch));
	printf("  %-24s %u\n", "page size", env->page_size);
	if (env->timeless)
		printf("  %-24s %s\n", "times", "none");
	else
		printf("  %-24s in steps of %llu ns\n", "times", 1ULL << (env->clock_shift & 63));
	for (size_t n = 0; n < env->pair_count; n++)
		printf("  %-24s %s\n", cli_printable(env->pairs[n].key, key, sizeof(key)),
		       cli_printable(env->pairs[n].value, value, sizeof(value)));
	for (size_t n = 0; n < env->cap_count; n++) {
		asked += env->caps[n] != INT32_MIN;
		there += env->caps[n] > 0;
	}
	printf("  %-24s %zu asked, %zu there\n", "capabilities", asked, there);
	for (size_t n = 0; i->v->verbose && n < env->cap_count; n++) {
		const char *name = kvmapi_cap_name(n);

		if (env->caps[n] == INT32_MIN)
			continue;
		if (name)
			printf("    %-40s %d\n", name, env->caps[n]);
		else
			printf("    capability %-29zu %d\n", n, env->caps[n]);
	}
}

static void threads_text(const struct info *i)
{
	char comm[sizeof(((struct tape_thread *)NULL)->comm) + 1];

	head(i, "threads");
	for (uint32_t n = 0; n < i->threads; n++) {
		const struct tape_thread *t = tape_reader_thread(i->reader, n);

		if (t)
			printf("  %4u  %-16s pid %u tid %u\n", t->id,
			       cli_printable(t->comm, comm, sizeof(comm)), t->pid, t->tid);
	}
}

static void objects_text(const struct info *i)
{
	head(i, "objects");
	for (uint32_t n = 1; n <= i->objects; n++) {
		const struct tape_object *o = tape_reader_object(i->reader, n);

		if (!o)
			continue;
		printf("  %4u  %-6s", o->id, kvmapi_object_name(o->kind));
		if (o->number != UINT64_MAX)
			printf(o->kind == KVMAPI_DEVICE ? " type %llu" : " id %llu",
			       (unsigned long long)o->number);
		if (o->parent)
			printf(" of #%u", o->parent);
		if (o->fd >= 0)
			printf(" fd %d", o->fd);
		if (o->flags & TAPE_OBJECT_PRE_EXISTING)
			printf(", older than the recording");
		if (n < i->closed_room && i->closed[n])
			printf(", closed");
		putchar('\n');
	}
}

static void lost_text(const uint64_t *lost)
{
	const char *before = " (";

	for (unsigned int n = 0; n < TAPE_GAP_CAUSES; n++) {
		if (!lost[n])
			continue;
		printf("%s%s %llu", before, tape_gap_cause_name(n), (unsigned long long)lost[n]);
		before = ", ";
	}
	printf("%s\n", *before == ',' ? ")" : "");
}

static void completeness_text(const struct info *i)
{
	uint64_t lost = lost_sum(i->lost);

	head(i, "completeness");
	if (i->ended && adds_up(i))
		printf("  %swhole%s: seen %llu = written %llu + lost %llu", i->c->good, i->c->off,
		       (unsigned long long)i->end.seen, (unsigned long long)i->end.written,
		       (unsigned long long)lost);
	else if (i->ended)
		printf("  %sdoes not add up%s: end mark says seen %llu, written %llu, lost %llu, unreturned "
		       "%llu; found written %llu, unreturned %llu, lost %llu",
		       i->c->bad, i->c->off, (unsigned long long)i->end.seen,
		       (unsigned long long)i->end.written,
		       (unsigned long long)lost_sum(i->end.lost),
		       (unsigned long long)i->end.unreturned, (unsigned long long)i->calls,
		       (unsigned long long)(i->calls - i->returns), (unsigned long long)lost);
	else
		printf("  %scut off%s, no end mark: found written %llu, lost %llu", i->c->warn,
		       i->c->off, (unsigned long long)i->calls, (unsigned long long)lost);
	lost_text(i->lost);
	printf("  calls %llu, returns %llu, unreturned %llu\n", (unsigned long long)i->calls,
	       (unsigned long long)i->returns, (unsigned long long)(i->calls - i->returns));
	if (i->signals[TAPE_SIGNAL_GENERATED] || i->signals[TAPE_SIGNAL_DELIVERED] ||
	    i->signals[TAPE_SIGNAL_LOST])
		printf("  signals: generated %llu, delivered %llu, %slost %llu%s\n",
		       (unsigned long long)i->signals[TAPE_SIGNAL_GENERATED],
		       (unsigned long long)i->signals[TAPE_SIGNAL_DELIVERED],
		       i->signals[TAPE_SIGNAL_LOST] ? i->c->warn : "",
		       (unsigned long long)i->signals[TAPE_SIGNAL_LOST],
		       i->signals[TAPE_SIGNAL_LOST] ? i->c->off : "");
}

static void info_text(const struct info *i)
{
	uint64_t encoded, file, frames;
	unsigned int major, minor;

	tape_reader_version(i->reader, &major, &minor);
	tape_reader_position(i->reader, &encoded, &file, &frames);
	printf("%stape%s format %u.%u%s\n", i->c->bold, i->c->off, major, minor,
	       tape_reader_env(i->reader)->canonical ? ", canonical" : "");
	printf("  %llu bytes in %llu frames, %llu unpacked\n", (unsigned long long)file,
	       (unsigned long long)frames, (unsigned long long)encoded);
	environment_text(i, tape_reader_env(i->reader));
	threads_text(i);
	objects_text(i);
	completeness_text(i);
}

/* --- as JSON ---------------------------------------------------------------------------------- */

static json_t *lost_json(const uint64_t *lost)
{
	json_t *object = json_object();

	for (unsigned int n = 0; n < TAPE_GAP_CAUSES; n++)
		json_object_set_new(object, tape_gap_cause_name(n), json_integer(lost[n]));
	return object;
}

static int info_json(const struct info *i)
{
	uint64_t encoded, file, frames;
	unsigned int major, minor;
	struct tape_item item;
	int code = CLI_OK;
	json_t *line;

	if (tape_env_json(tape_reader_env(i->reader), &line))
		return cli_error("out of memory");
	code = cli_json_put(stdout, line);
	item.type = TAPE_THREAD;
	for (uint32_t n = 0; n < i->threads && code == CLI_OK; n++) {
		const struct tape_thread *t = tape_reader_thread(i->reader, n);

		if (!t)
			continue;
		item.u.thread = *t;
		if (tape_item_json(i->reader, &item, &line))
			return cli_error("out of memory");
		code = cli_json_put(stdout, line);
	}
	item.type = TAPE_OBJECT;
	for (uint32_t n = 1; n <= i->objects && code == CLI_OK; n++) {
		const struct tape_object *o = tape_reader_object(i->reader, n);

		if (!o)
			continue;
		item.u.object = *o;
		if (tape_item_json(i->reader, &item, &line))
			return cli_error("out of memory");
		json_object_set_new(line, "closed",
				    json_boolean(n < i->closed_room && i->closed[n]));
		code = cli_json_put(stdout, line);
	}
	if (code != CLI_OK)
		return code;
	tape_reader_version(i->reader, &major, &minor);
	tape_reader_position(i->reader, &encoded, &file, &frames);
	line = json_pack("{s:s, s:b, s:b, s:I, s:I, s:o, s:I, s:i, s:i, s:I, s:I, s:I}", "type",
			 "completeness", "complete", (int)tape_reader_complete(i->reader),
			 "adds_up", (int)adds_up(i), "events", (json_int_t)i->returns, "written",
			 (json_int_t)i->calls, "lost", lost_json(i->lost), "unreturned",
			 (json_int_t)(i->calls - i->returns), "format_major", (int)major,
			 "format_minor", (int)minor, "file_bytes", (json_int_t)file,
			 "encoded_bytes", (json_int_t)encoded, "frames", (json_int_t)frames);
	json_object_set_new(line, "calls", json_integer((json_int_t)i->calls));
	json_object_set_new(line, "returns", json_integer((json_int_t)i->returns));
	json_object_set_new(line, "signals", cli_signals_json(i->signals));
	if (i->ended)
		json_object_set_new(line, "end",
				    json_pack("{s:I, s:I, s:o, s:I}", "seen",
					      (json_int_t)i->end.seen, "written",
					      (json_int_t)i->end.written, "lost",
					      lost_json(i->end.lost), "unreturned",
					      (json_int_t)i->end.unreturned));
	return cli_json_put(stdout, line);
}

static int run(const void *values, int operand_count, char **operands)
{
	struct info i = {.v = values, .c = cli_colors(stdout)};
	struct tape_item item;
	int rc, code;

	code = cli_tape_open(operands[0], &i.reader);
	if (code != CLI_OK)
		return code;
	if (i.v->json)
		code = cli_json_header(stdout, "info");
	if (code != CLI_OK)
		goto out;
	do {
		rc = tape_reader_next(i.reader, &item);
		if (rc || item.type == TAPE_END_OF_FILE)
			break;
		rc = item_take(&i, &item);
	} while (!rc);
	if (!rc || rc == TAPE_E_TRUNCATED || rc == TAPE_E_CORRUPT) {
		if (i.v->json)
			code = info_json(&i);
		else
			info_text(&i);
	}
	if (code == CLI_OK)
		code = cli_tape_done(operands[0], i.reader, rc);
out:
	free(i.closed);
	tape_reader_close(i.reader);
	return code;
}

const struct cli_command cli_info = {
	.name = "info",
	.summary = "show where a tape was made and whether it is whole",
	.usage = "FILE",
	.description =
		"Prints the environment in which the tape FILE was made, its threads and objects, and its "
		"completeness: calls that the recorder saw = calls on the tape + calls lost, by cause. FILE "
		"may be - for standard input.",
	.notes =
		"# EXIT STATUS\n\n"
		"*0*\n\tThe tape was read to its end, or to the end of the recording if that was cut off.\n\n"
		"*2*\n\tUsage, I/O or format error.\n",
	.options = options,
	.values_size = sizeof(struct info_values),
	.operands_min = 1,
	.operands_max = 1,
	.run = run,
};
