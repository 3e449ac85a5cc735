/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape stat: what a tape holds, in numbers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/array.h"
#include "base/bytes.h"
#include "cli/cli.h"
#include "kvmapi/run_page.h"
#include "kvmtape/tape.h"

struct stat_values {
	bool histogram;
	bool json;
	uint64_t top;
};

static const struct cli_option options[] = {
	{"histogram", 'H', NULL, "Print the latency histogram of every ioctl.", CLI_FLAG,
	 offsetof(struct stat_values, histogram), false, NULL},
	{"json", 0, NULL, "Print NDJSON: a header, then one object a line, totals last.", CLI_FLAG,
	 offsetof(struct stat_values, json), false, NULL},
	{"top", 'n', "N", "Print the N most used ports and MMIO addresses (10).", CLI_NUMBER,
	 offsetof(struct stat_values, top), false, NULL},
	{0},
};

static const struct stat_values defaults = {.top = 10};

/* Exits whose data is counted; uapi/linux/kvm.h. */
enum {
	EXIT_IO = 2,
	EXIT_MMIO = 6,
	EXIT_INTR = 10,
	EXIT_INTERNAL_ERROR = 17,
};

/* Latencies by power of two: bucket n holds [2^n, 2^(n+1)) ns, the first one 0 as well. */
#define BUCKETS 48

/*
 * Counts by a small key. The table is bounded, since keys come from the guest; keys that do not fit
 * are counted together.
 */
#define TALLY_MAX (1u << 16)
struct tally_entry {
	uint64_t count;
	uint64_t where; /* port, address, exit reason, errno, or (kind, request) */
	uint32_t how;	/* direction and size, 0 */
	uint32_t used;
	uint64_t ns;
};
struct tally {
	size_t size; /* power of two */
	size_t used;
	uint64_t other;
	struct tally_entry *entries;
};

struct ioctl_stat {
	uint8_t kind;
	uint32_t request;
	const struct kvmapi_ioctl *row;
	uint64_t calls, errors;
	uint64_t ns, ns_min, ns_max;
	uint64_t payload; /* bytes captured */
	uint64_t buckets[BUCKETS];
	struct tally errnos;
};

struct stats {
	const struct stat_values *v;
	const struct cli_colors *c;
	struct tape_reader *reader;
	bool timeless;
	bool big_endian;
	size_t run_union;
	uint64_t calls, returns, lost, payload;
	uint64_t duration; /* ns of the last item */
	size_t ioctl_count, ioctl_room;
	struct ioctl_stat *ioctls;
	struct tally index; /* (kind, request) -> position in ioctls, in .count */
	struct tally exits, io, mmio;
	uint64_t signals[TAPE_SIGNAL_WHATS];
	struct signal_stat {
		uint64_t whats[TAPE_SIGNAL_LOST];
		uint64_t inside; /* generated while its thread was inside KVM_RUN */
	} by_signal[TAPE_MAX_SIGNAL + 1];
};

/* --- counting --------------------------------------------------------------------------------- */

static struct tally_entry *tally_slot(const struct tally *t, uint64_t where, uint32_t how)
{
	size_t at = ((where * 0x9e3779b97f4a7c15ULL) ^ (how * 0xc2b2ae3d27d4eb4fULL)) >> 20;

	for (;; at++) {
		struct tally_entry *e = &t->entries[at & (t->size - 1)];

		if (!e->used || (e->where == where && e->how == how))
			return e;
	}
}

static int tally_grow(struct tally *t)
{
	struct tally bigger = {
		.size = t->size ? t->size * 2 : 16, .used = t->used, .other = t->other};

	bigger.entries = calloc(bigger.size, sizeof(*bigger.entries));
	if (!bigger.entries)
		return -ENOMEM;
	for (size_t i = 0; i < t->size; i++) {
		if (t->entries[i].used)
			*tally_slot(&bigger, t->entries[i].where, t->entries[i].how) =
				t->entries[i];
	}
	free(t->entries);
	*t = bigger;
	return 0;
}

/* The entry of a key, made if there is none; *entry is NULL if the table is full. */
static int tally_get(struct tally *t, uint64_t where, uint32_t how, struct tally_entry **entry)
{
	if ((t->used + 1) * 2 > t->size) {
		int rc = tally_grow(t);

		if (rc)
			return rc;
	}
	*entry = tally_slot(t, where, how);
	if ((*entry)->used)
		return 0;
	if (t->used == TALLY_MAX) {
		*entry = NULL;
		return 0;
	}
	t->used++;
	(*entry)->used = 1;
	(*entry)->where = where;
	(*entry)->how = how;
	return 0;
}

static int tally_add(struct tally *t, uint64_t where, uint32_t how, uint64_t ns)
{
	struct tally_entry *e;
	int rc = tally_get(t, where, how, &e);

	if (rc)
		return rc;
	if (!e) {
		t->other++;
		return 0;
	}
	e->count++;
	e->ns += ns;
	return 0;
}

static int tally_compare(const void *left, const void *right)
{
	const struct tally_entry *a = left, *b = right;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	if (a->where != b->where)
		return a->where < b->where ? -1 : 1;
	return a->how < b->how ? -1 : a->how > b->how;
}

/* Sort the entries, highest count first. After that the table can only be read. */
static void tally_sort(struct tally *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->size; i++) {
		if (t->entries[i].used)
			t->entries[n++] = t->entries[i];
	}
	if (n)
		qsort(t->entries, n, sizeof(*t->entries), tally_compare);
}

static int ioctl_get(struct stats *s, const struct tape_call *call, struct ioctl_stat **stat)
{
	struct tally_entry *e;
	int rc;

	rc = tally_get(&s->index, (uint64_t)call->kind << 32 | call->request, 0, &e);
	if (rc)
		return rc;
	*stat = NULL;
	if (!e)
		return 0;
	if (!e->count) {
		if (array_grow(&s->ioctls, &s->ioctl_room, s->ioctl_count))
			return -ENOMEM;
		s->ioctls[s->ioctl_count] = (struct ioctl_stat){
			.kind = call->kind,
			.request = call->request,
			.row = call->row,
			.ns_min = UINT64_MAX,
		};
		e->count = ++s->ioctl_count;
	}
	*stat = &s->ioctls[e->count - 1];
	return 0;
}

static uint64_t number(const struct stats *s, const uint8_t *p, unsigned int width)
{
	return bytes_get(p, width, s->big_endian);
}

/* Count the exit of a KVM_RUN, and the port or address that the guest accessed. */
static int exit_count(struct stats *s, const struct tape_return *ret, uint64_t ns)
{
	const struct tape_part *run = tape_part_find(ret->parts, ret->part_count, TAPE_RUN_OUT);
	uint32_t suberror = 0;
	const uint8_t *u;
	uint64_t reason;
	int rc;

	/* A failed call has no exit, except for a signal (api.rst 5, KVM_EXIT_INTR). */
	if (!run || run->have < RUN_EXIT_REASON + 4)
		return 0;
	reason = number(s, run->data + RUN_EXIT_REASON, 4);
	if (ret->ret < 0 && (ret->ret != -EINTR || reason != EXIT_INTR))
		return 0;
	u = run->data + s->run_union;
	/* Failures of KVM are told apart by their suberror. */
	if (reason == EXIT_INTERNAL_ERROR && run->have >= s->run_union + 4)
		suberror = (uint32_t)number(s, u, 4);
	rc = tally_add(&s->exits, reason, suberror, ns);
	if (!rc && reason == EXIT_IO && run->have >= s->run_union + 4)
		rc = tally_add(&s->io, number(s, u + 2, 2), u[0] << 8 | u[1], ns);
	else if (!rc && reason == EXIT_MMIO && run->have >= s->run_union + 21)
		rc = tally_add(&s->mmio, number(s, u, 8), u[20] << 8 | number(s, u + 16, 4), ns);
	return rc;
}

static uint64_t parts_size(const struct tape_part *parts, unsigned int count)
{
	uint64_t size = 0;

	for (unsigned int i = 0; i < count; i++)
		size += parts[i].have;
	return size;
}

static int event_take(struct stats *s, const struct tape_return *ret)
{
	uint64_t ns = ret->time - ret->call->time;
	unsigned int bucket = ns > 1 ? 63 - __builtin_clzll(ns) : 0;
	struct ioctl_stat *i;
	int rc;

	s->returns++;
	s->duration = ret->time > s->duration ? ret->time : s->duration;
	rc = ioctl_get(s, ret->call, &i);
	if (rc || !i)
		return rc;
	i->calls++;
	i->ns += ns;
	i->ns_min = ns < i->ns_min ? ns : i->ns_min;
	i->ns_max = ns > i->ns_max ? ns : i->ns_max;
	i->buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
	i->payload += parts_size(ret->call->parts, ret->call->part_count) +
		      parts_size(ret->parts, ret->part_count);
	if (ret->ret < 0) {
		i->errors++;
		rc = tally_add(&i->errnos, -ret->ret, 0, 0);
	}
	if (!rc && i->row && i->row->payload == KVMAPI_RUNPAGE)
		rc = exit_count(s, ret, ns);
	return rc;
}

static void signal_take(struct stats *s, const struct tape_signal *signal)
{
	const struct tape_call *call;
	struct signal_stat *by = &s->by_signal[signal->number];

	if (signal->what == TAPE_SIGNAL_LOST) {
		s->signals[signal->what] += signal->count;
		return;
	}
	s->signals[signal->what]++;
	by->whats[signal->what]++;
	call = tape_reader_inside(s->reader, signal->thread);
	by->inside += signal->what == TAPE_SIGNAL_GENERATED && call && call->row &&
		      call->row->payload == KVMAPI_RUNPAGE;
}

static int item_take(struct stats *s, const struct tape_item *item)
{
	switch (item->type) {
	case TAPE_CALL:
		s->calls++;
		return 0;
	case TAPE_RETURN:
		return event_take(s, item->u.ret);
	case TAPE_GAP:
		s->lost += item->u.gap.events;
		return 0;
	case TAPE_SIGNAL:
		signal_take(s, &item->u.signal);
		return 0;
	default:
		return 0;
	}
}

static int ioctl_compare(const void *left, const void *right)
{
	const struct ioctl_stat *a = left, *b = right;

	if (a->calls != b->calls)
		return a->calls < b->calls ? 1 : -1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->request < b->request ? -1 : a->request > b->request;
}

/* --- as text ---------------------------------------------------------------------------------- */

/* A duration in at most nine columns. */
static const char *time_text(uint64_t ns, char *buf, size_t size)
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	double value = ns;
	unsigned int unit = 0;

	while (value >= 1000 && unit < 3) {
		value /= 1000;
		unit++;
	}
	if (unit)
		snprintf(buf, size, "%.*f %s",
			 value < 10    ? 2
			 : value < 100 ? 1
				       : 0,
			 value, units[unit]);
	else
		snprintf(buf, size, "%llu ns", (unsigned long long)ns);
	return buf;
}

static const char *exit_name(const struct tally_entry *e, char *buf, size_t size)
{
	const char *name = kvmapi_exit_name(e->where);

	if (!name)
		snprintf(buf, size, "exit %llu", (unsigned long long)e->where);
	else if (e->how)
		snprintf(buf, size, "%s suberror %u", name, e->how);
	else
		return name;
	return buf;
}

static const char *errno_name(uint64_t error, char *buf, size_t size)
{
	const char *name = kvmapi_errno_name(error);

	if (name)
		return name;
	snprintf(buf, size, "%llu", (unsigned long long)error);
	return buf;
}

static void ioctls_text(const struct stats *s)
{
	char name[CLI_IOCTL_NAME], total[16], mean[16], least[16], most[16];

	printf("\n%s%-34s %10s %8s %12s", s->c->bold, "ioctl", "returns", "errors", "payload");
	if (!s->timeless)
		printf(" %9s %9s %9s %9s", "total", "mean", "min", "max");
	printf("%s\n", s->c->off);
	for (size_t n = 0; n < s->ioctl_count; n++) {
		const struct ioctl_stat *i = &s->ioctls[n];

		printf("%-34s %10llu %8llu %12llu",
		       cli_ioctl_name(i->kind, i->request, i->row, name),
		       (unsigned long long)i->calls, (unsigned long long)i->errors,
		       (unsigned long long)i->payload);
		if (!s->timeless)
			printf(" %9s %9s %9s %9s", time_text(i->ns, total, sizeof(total)),
			       time_text(i->ns / i->calls, mean, sizeof(mean)),
			       time_text(i->ns_min, least, sizeof(least)),
			       time_text(i->ns_max, most, sizeof(most)));
		putchar('\n');
	}
}

static void errors_text(const struct stats *s)
{
	char name[CLI_IOCTL_NAME], error[16];
	bool head = false;

	for (size_t n = 0; n < s->ioctl_count; n++) {
		const struct ioctl_stat *i = &s->ioctls[n];

		if (!i->errors)
			continue;
		if (!head)
			printf("\n%serrors%s\n", s->c->bold, s->c->off);
		head = true;
		printf("  %-32s", cli_ioctl_name(i->kind, i->request, i->row, name));
		for (size_t e = 0; e < i->errnos.used; e++)
			printf(" %s %llu",
			       errno_name(i->errnos.entries[e].where, error, sizeof(error)),
			       (unsigned long long)i->errnos.entries[e].count);
		putchar('\n');
	}
}

static void exits_text(const struct stats *s)
{
	char name[64], total[16], mean[16];

	if (!s->exits.used)
		return;
	printf("\n%s%-34s %10s", s->c->bold, "exit", "runs");
	if (!s->timeless)
		printf(" %9s %9s", "total", "mean");
	printf("%s\n", s->c->off);
	for (size_t n = 0; n < s->exits.used; n++) {
		const struct tally_entry *e = &s->exits.entries[n];

		printf("%-34s %10llu", exit_name(e, name, sizeof(name)),
		       (unsigned long long)e->count);
		if (!s->timeless)
			printf(" %9s %9s", time_text(e->ns, total, sizeof(total)),
			       time_text(e->ns / e->count, mean, sizeof(mean)));
		putchar('\n');
	}
}

/* Ports or addresses; `how` is the direction (not 0: the guest wrote) and the access size. */
static void places_text(const struct stats *s, const char *title, const struct tally *t)
{
	char where[48];

	if (!t->used || !s->v->top)
		return;
	printf("\n%s%-34s %10s%s\n", s->c->bold, title, "runs", s->c->off);
	for (size_t n = 0; n < t->used && n < s->v->top; n++) {
		const struct tally_entry *e = &t->entries[n];
		unsigned int bytes = e->how & 0xff;

		snprintf(where, sizeof(where), "0x%llx %s %u byte%s", (unsigned long long)e->where,
			 e->how >> 8 ? "write" : "read", bytes, bytes == 1 ? "" : "s");
		printf("%-34s %10llu\n", where, (unsigned long long)e->count);
	}
	if (t->used > s->v->top)
		printf("%zu more\n", (size_t)(t->used - s->v->top));
	if (t->other)
		printf("%-34s %10llu\n", "others, too many to tell apart",
		       (unsigned long long)t->other);
}

static const char *signal_name(unsigned int number, char *buf, size_t size)
{
	const char *name = tape_signal_name(number);

	if (name)
		return name;
	snprintf(buf, size, "signal %u", number);
	return buf;
}

static void signals_text(const struct stats *s)
{
	char name[16];

	if (!s->signals[TAPE_SIGNAL_GENERATED] && !s->signals[TAPE_SIGNAL_DELIVERED] &&
	    !s->signals[TAPE_SIGNAL_LOST])
		return;
	printf("\n%s%-34s %10s %14s %10s%s\n", s->c->bold, "signal", "generated", "inside KVM_RUN",
	       "delivered", s->c->off);
	for (unsigned int n = 1; n <= TAPE_MAX_SIGNAL; n++) {
		const struct signal_stat *by = &s->by_signal[n];

		if (by->whats[TAPE_SIGNAL_GENERATED] || by->whats[TAPE_SIGNAL_DELIVERED])
			printf("%-34s %10llu %14llu %10llu\n", signal_name(n, name, sizeof(name)),
			       (unsigned long long)by->whats[TAPE_SIGNAL_GENERATED],
			       (unsigned long long)by->inside,
			       (unsigned long long)by->whats[TAPE_SIGNAL_DELIVERED]);
	}
	if (s->signals[TAPE_SIGNAL_LOST])
		printf("%-34s %10llu\n", "lost, of any kind",
		       (unsigned long long)s->signals[TAPE_SIGNAL_LOST]);
}

static void histogram_text(const struct stats *s, const struct ioctl_stat *i)
{
	static const char bar[] = "########################################";
	unsigned int first = 0, last = BUCKETS - 1;
	char name[CLI_IOCTL_NAME], from[16];
	uint64_t most = 0;

	while (first < last && !i->buckets[first])
		first++;
	while (last > first && !i->buckets[last])
		last--;
	for (unsigned int b = first; b <= last; b++)
		most = i->buckets[b] > most ? i->buckets[b] : most;
	printf("\n%s%s%s\n", s->c->bold, cli_ioctl_name(i->kind, i->request, i->row, name),
	       s->c->off);
	for (unsigned int b = first; b <= last; b++) {
		unsigned int width = 0;

		if (i->buckets[b]) {
			width = i->buckets[b] * (sizeof(bar) - 1) / most;
			width = width ? width : 1;
		}
		printf("  from %9s %10llu %.*s\n", time_text(b ? 1ULL << b : 0, from, sizeof(from)),
		       (unsigned long long)i->buckets[b], (int)width, bar);
	}
}

static void totals_text(const struct stats *s)
{
	uint64_t encoded, file, frames;
	char time[16];

	tape_reader_position(s->reader, &encoded, &file, &frames);
	printf("%scalls%s       %llu (%llu returns, %llu unreturned, %llu lost)\n", s->c->bold,
	       s->c->off, (unsigned long long)s->calls, (unsigned long long)s->returns,
	       (unsigned long long)(s->calls - s->returns), (unsigned long long)s->lost);
	if (!s->timeless)
		printf("%sduration%s    %s\n", s->c->bold, s->c->off,
		       time_text(s->duration, time, sizeof(time)));
	printf("%sbytes%s       %llu in %llu frames, %llu unpacked", s->c->bold, s->c->off,
	       (unsigned long long)file, (unsigned long long)frames, (unsigned long long)encoded);
	if (s->returns)
		printf("; %.2f an event, %.2f unpacked", (double)file / s->returns,
		       (double)encoded / s->returns);
	putchar('\n');
}

static void stats_text(const struct stats *s)
{
	totals_text(s);
	ioctls_text(s);
	errors_text(s);
	exits_text(s);
	places_text(s, "port", &s->io);
	places_text(s, "MMIO address", &s->mmio);
	signals_text(s);
	if (s->timeless) {
		if (s->v->histogram)
			cli_note("no histograms: this tape holds no times");
		return;
	}
	for (size_t n = 0; s->v->histogram && n < s->ioctl_count; n++)
		histogram_text(s, &s->ioctls[n]);
}

/* --- as JSON ---------------------------------------------------------------------------------- */

static json_t *ioctl_json(const struct stats *s, const struct ioctl_stat *i)
{
	char name[CLI_IOCTL_NAME], error[16];
	json_t *line, *errors, *histogram;
	unsigned int last = BUCKETS;

	line = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "type", "ioctl", "name",
			 i->row ? i->row->name : cli_ioctl_name(i->kind, i->request, i->row, name),
			 "object", kvmapi_object_name(i->kind), "calls", (json_int_t)i->calls,
			 "errors", (json_int_t)i->errors, "payload_bytes", (json_int_t)i->payload);
	errors = json_object();
	for (size_t e = 0; e < i->errnos.used; e++)
		json_object_set_new(errors,
				    errno_name(i->errnos.entries[e].where, error, sizeof(error)),
				    json_integer(i->errnos.entries[e].count));
	json_object_set_new(line, "errnos", errors);
	if (s->timeless)
		return line;
	json_object_set_new(line, "total_ns", json_integer(i->ns));
	json_object_set_new(line, "min_ns", json_integer(i->ns_min));
	json_object_set_new(line, "max_ns", json_integer(i->ns_max));
	while (last && !i->buckets[last - 1])
		last--;
	histogram = json_array();
	for (unsigned int b = 0; b < last; b++)
		json_array_append_new(histogram, json_integer(i->buckets[b]));
	json_object_set_new(line, "log2_ns", histogram);
	return line;
}

static json_t *place_json(const char *type, const struct tally_entry *e)
{
	char where[24];

	snprintf(where, sizeof(where), "0x%llx", (unsigned long long)e->where);
	return json_pack("{s:s, s:s, s:s, s:i, s:I}", "type", type, "address", where, "direction",
			 e->how >> 8 ? "write" : "read", "bytes", (int)(e->how & 0xff), "runs",
			 (json_int_t)e->count);
}

static int stats_json(const struct stats *s)
{
	uint64_t encoded, file, frames;
	int code = CLI_OK;
	char name[64];
	json_t *line;

	for (size_t n = 0; n < s->ioctl_count && code == CLI_OK; n++)
		code = cli_json_put(stdout, ioctl_json(s, &s->ioctls[n]));
	for (size_t n = 0; n < s->exits.used && code == CLI_OK; n++) {
		const struct tally_entry *e = &s->exits.entries[n];

		line = json_pack("{s:s, s:s, s:I, s:I}", "type", "exit", "name",
				 exit_name(e, name, sizeof(name)), "reason", (json_int_t)e->where,
				 "runs", (json_int_t)e->count);
		if (e->how)
			json_object_set_new(line, "suberror", json_integer(e->how));
		if (!s->timeless)
			json_object_set_new(line, "total_ns", json_integer(e->ns));
		code = cli_json_put(stdout, line);
	}
	for (size_t n = 0; n < s->io.used && n < s->v->top && code == CLI_OK; n++)
		code = cli_json_put(stdout, place_json("port", &s->io.entries[n]));
	for (size_t n = 0; n < s->mmio.used && n < s->v->top && code == CLI_OK; n++)
		code = cli_json_put(stdout, place_json("mmio", &s->mmio.entries[n]));
	for (unsigned int n = 1; n <= TAPE_MAX_SIGNAL && code == CLI_OK; n++) {
		const struct signal_stat *by = &s->by_signal[n];

		if (!by->whats[TAPE_SIGNAL_GENERATED] && !by->whats[TAPE_SIGNAL_DELIVERED])
			continue;
		code = cli_json_put(
			stdout, json_pack("{s:s, s:i, s:s?, s:I, s:I, s:I}", "type", "signal",
					  "signal", (int)n, "name", tape_signal_name(n),
					  "generated", (json_int_t)by->whats[TAPE_SIGNAL_GENERATED],
					  "inside_run", (json_int_t)by->inside, "delivered",
					  (json_int_t)by->whats[TAPE_SIGNAL_DELIVERED]));
	}
	if (code != CLI_OK)
		return code;
	tape_reader_position(s->reader, &encoded, &file, &frames);
	line = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "type", "totals", "events",
			 (json_int_t)s->returns, "unreturned", (json_int_t)(s->calls - s->returns),
			 "lost", (json_int_t)s->lost, "file_bytes", (json_int_t)file,
			 "encoded_bytes", (json_int_t)encoded, "frames", (json_int_t)frames,
			 "complete", (int)tape_reader_complete(s->reader));
	json_object_set_new(line, "calls", json_integer((json_int_t)s->calls));
	json_object_set_new(line, "returns", json_integer((json_int_t)s->returns));
	json_object_set_new(line, "signals", cli_signals_json(s->signals));
	if (!s->timeless)
		json_object_set_new(line, "duration_ns", json_integer(s->duration));
	return cli_json_put(stdout, line);
}

static int run(const void *values, int operand_count, char **operands)
{
	struct stats s = {.v = values, .c = cli_colors(stdout)};
	const struct tape_env *env;
	struct tape_item item;
	int rc, code;

	code = cli_tape_open(operands[0], &s.reader);
	if (code != CLI_OK)
		return code;
	env = tape_reader_env(s.reader);
	s.timeless = env->timeless;
	s.big_endian = kvmapi_arch_big_endian(env->arch);
	s.run_union = env->arch == KVMAPI_S390 ? RUN_UNION_S390 : KVMAPI_RUN_UNION;
	if (s.v->json)
		code = cli_json_header(stdout, "stat");
	if (code != CLI_OK)
		goto out;
	do {
		rc = tape_reader_next(s.reader, &item);
		if (rc || item.type == TAPE_END_OF_FILE)
			break;
		rc = item_take(&s, &item);
	} while (!rc);
	if (!rc || rc == TAPE_E_TRUNCATED || rc == TAPE_E_CORRUPT) {
		if (s.ioctl_count)
			qsort(s.ioctls, s.ioctl_count, sizeof(*s.ioctls), ioctl_compare);
		for (size_t n = 0; n < s.ioctl_count; n++)
			tally_sort(&s.ioctls[n].errnos);
		tally_sort(&s.exits);
		tally_sort(&s.io);
		tally_sort(&s.mmio);
		if (s.v->json)
			code = stats_json(&s);
		else
			stats_text(&s);
	}
	if (code == CLI_OK)
		code = cli_tape_done(operands[0], s.reader, rc);
out:
	for (size_t n = 0; n < s.ioctl_count; n++)
		free(s.ioctls[n].errnos.entries);
	free(s.ioctls);
	free(s.index.entries);
	free(s.exits.entries);
	free(s.io.entries);
	free(s.mmio.entries);
	tape_reader_close(s.reader);
	return code;
}

const struct cli_command cli_stat = {
	.name = "stat",
	.summary = "count what a tape holds: ioctls, exits, times, bytes",
	.usage = "FILE",
	.description =
		"Counts the events of the tape FILE by ioctl (calls, errors, bytes of payload, time spent), "
		"KVM_RUN by exit reason, port and MMIO accesses by address, signals of threads that call on vCPUs by "
		"number, and the bytes that an event takes. "
		"FILE may be - for standard input.",
	.notes =
		"# HISTOGRAM\n\n"
		"*--histogram* prints, for each ioctl, how many calls took from 2^n to 2^(n+1) nanoseconds. "
		"The time of a call is that from its entry to its return, and so for *KVM_RUN* that of the "
		"guest. In JSON, *log2_ns* is the same as an array, n counting from 0.\n\n"
		"# EXIT STATUS\n\n"
		"*0*\n\tThe tape was read to its end, or to the end of the recording if that was cut off.\n\n"
		"*2*\n\tUsage, I/O or format error; a damaged tape, even if what came before it was counted.\n",
	.options = options,
	.values_size = sizeof(struct stat_values),
	.defaults = &defaults,
	.operands_min = 1,
	.operands_max = 1,
	.run = run,
};
