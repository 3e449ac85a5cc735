// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading a tape: docs/tape-format.md.
 *
 * A frame is decompressed as a whole and then walked block by block. Payload is returned by
 * pointers into the slots of its site; only calls whose return is a separate block are copied,
 * since they must outlive the frame. Nothing in the file is trusted: every length is checked
 * against what is left, and the cost of a frame is limited.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/array.h"
#include "tape/format.h"

#define READ_CHUNK   ((size_t)128 << 10)
/* Maximum compressed size of a frame of TAPE_MAX_FRAME bytes; a larger one is not ours. */
#define STORED_MAX   ZSTD_COMPRESSBOUND((size_t)TAPE_MAX_FRAME)
/* Memory of ended calls is kept for the threads' next calls, up to these sizes. */
#define KEEP_BUFFER  ((size_t)4 << 10)
#define KEEP_BUFFERS ((size_t)1 << 20)
#define KEEP_CALLS   4096u

/* A call that has not returned, in memory of its own. */
struct open_call {
	struct tape_call call;
	struct tape_buf memory; /* the parts, then their bytes */
	uint64_t item;		/* number of the item that it was */
	uint32_t shown;
	bool open;
};

struct reader_thread {
	struct tape_thread thread;
	struct open_call *open; /* NULL until it is first needed */
};

struct reader_object {
	struct tape_object object;
	uint32_t ordinal; /* 1, 2, ... among its kind */
};

struct tape_reader {
	/* where bytes come from */
	int fd;
	bool own_fd;
	const uint8_t *memory;
	size_t memory_left;
	bool eof;
	struct tape_buf in; /* [at, len) is not yet used */
	size_t in_at;
	uint64_t file_at; /* of in.data[in_at] */

	ZSTD_DCtx *dctx;
	struct tape_env env;
	unsigned int major, minor;
	uint8_t header_flags;
	bool ended, complete;
	int error; /* sticky */
	char where[160];
	uint64_t frames, encoded, frame_offset;

	/* of the tape */
	struct reader_thread *threads;
	size_t thread_count, thread_room;
	struct reader_object *objects;
	size_t object_count, object_room;
	uint64_t index, calls, returns;
	uint64_t open_bytes, open_parts; /* of the calls that are open */
	size_t kept_bytes, kept_calls;	 /* memory of calls, open or not */
	uint32_t ordinals[KVMAPI_OBJECT_KINDS +
			  1]; /* last number given; the last entry is for unknown kinds */
	uint64_t items;	      /* that may stand between a call and its return */

	/* of the frame */
	struct tape_buf frame;
	const uint8_t *at, *end;
	const uint8_t *column[TAPE_HALVES], *column_end[TAPE_HALVES];
	uint64_t time; /* in clock units */
	size_t shown;
	struct tape_sites sites;

	/* second half of an EVENT block */
	struct tape_site *pending;
	const uint8_t *pending_at, *pending_end;
	unsigned int pending_flags;
	/* what a return item points to */
	struct tape_return ret;
	struct open_call *returned;
};

static int reader_fail(struct tape_reader *r, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int reader_fail(struct tape_reader *r, int err, const char *format, ...)
{
	va_list args;
	int n;

	if (r->error)
		return r->error;
	r->error = err;
	n = snprintf(r->where, sizeof(r->where),
		     "frame %llu at byte %llu: ", (unsigned long long)r->frames,
		     (unsigned long long)r->frame_offset);
	va_start(args, format);
	vsnprintf(r->where + n, sizeof(r->where) - (size_t)n, format, args);
	va_end(args);
	return err;
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* Have at least `want` unused bytes in the buffer, unless the file ends.  0 or -errno. */
static int input_fill(struct tape_reader *r, size_t want)
{
	int err;

	if (r->in.len - r->in_at >= want || r->eof)
		return 0;
	if (r->in_at) {
		memmove(r->in.data, r->in.data + r->in_at, r->in.len - r->in_at);
		r->in.len -= r->in_at;
		r->in_at = 0;
	}
	while (r->in.len < want && !r->eof) {
		ssize_t n;

		err = tape_buf_reserve(&r->in, READ_CHUNK);
		if (err)
			return err;
		if (r->memory) {
			n = (ssize_t)(r->memory_left < READ_CHUNK ? r->memory_left : READ_CHUNK);
			memcpy(r->in.data + r->in.len, r->memory, (size_t)n);
			r->memory += n;
			r->memory_left -= (size_t)n;
		} else {
			n = read(r->fd, r->in.data + r->in.len, READ_CHUNK);
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		r->eof = n == 0;
		r->in.len += (size_t)n;
	}
	return 0;
}

static size_t input_left(const struct tape_reader *r)
{
	return r->in.len - r->in_at;
}

static const uint8_t *input_data(const struct tape_reader *r)
{
	return r->in.data + r->in_at;
}

static void input_use(struct tape_reader *r, size_t n)
{
	r->in_at += n;
	r->file_at += n;
}

/* --- tables ----------------------------------------------------------------------------------- */

/* The open call of a thread has ended, by its return or because that is missing. */
static void open_call_end(struct tape_reader *r, struct open_call *open)
{
	open->open = false;
	r->open_bytes -= open->shown;
	r->open_parts -= 1 + open->call.part_count;
}

static void open_call_free(struct tape_reader *r, struct open_call *open)
{
	r->threads[open->call.thread].open = NULL;
	r->kept_bytes -= open->memory.room;
	r->kept_calls--;
	tape_buf_release(&open->memory);
	free(open);
}

/* Drop the call of the last return item, and its memory if it is large. */
static void reader_reap(struct tape_reader *r)
{
	struct open_call *open = r->returned;

	r->returned = NULL;
	if (open && (open->memory.room > KEEP_BUFFER || r->kept_bytes > KEEP_BUFFERS ||
		     r->kept_calls > KEEP_CALLS))
		open_call_free(r, open);
}

/* --- bodies ----------------------------------------------------------------------------------- */

static int body_env(struct tape_reader *r, const uint8_t *at, const uint8_t *end)
{
	uint64_t count, n, cap = 0, answer;
	uint64_t header[4];
	char *text[2] = {NULL, NULL};
	int err = 0;

	for (int i = 0; i < 4 && !err; i++)
		err = tape_varint_get(&at, end, &header[i]);
	if (!err && (header[0] != r->env.arch || header[1] != r->env.clock_shift ||
		     header[2] != r->header_flags || header[3] != r->env.page_size))
		err = TAPE_E_CORRUPT;
	if (!err)
		err = tape_varint_get(&at, end, &count);
	if (err || count > TAPE_MAX_PAIRS)
		return err ? err : TAPE_E_LIMIT;
	for (uint64_t i = 0; i < count && !err; i++) {
		for (int t = 0; t < 2 && !err; t++) {
			err = tape_varint_get(&at, end, &n);
			if (!err && (n > (size_t)(end - at) || memchr(at, 0, n)))
				err = TAPE_E_CORRUPT;
			if (!err && n > TAPE_MAX_STRING)
				err = TAPE_E_LIMIT;
			if (err)
				break;
			text[t] = strndup((const char *)at, n);
			if (!text[t])
				err = -ENOMEM;
			at += n;
		}
		if (!err)
			err = tape_env_set(&r->env, text[0], text[1]);
		free(text[0]);
		free(text[1]);
		text[0] = text[1] = NULL;
	}
	if (!err)
		err = tape_varint_get(&at, end, &count);
	if (!err && count > TAPE_MAX_CAPS)
		err = TAPE_E_LIMIT;
	for (uint64_t i = 0; i < count && !err; i++) {
		err = tape_varint_get(&at, end, &n);
		if (!err)
			err = tape_varint_get(&at, end, &answer);
		if (!err && (n >= TAPE_MAX_CAPS || cap + n >= TAPE_MAX_CAPS))
			err = TAPE_E_LIMIT;
		if (!err) {
			cap += n;
			err = tape_env_set_cap(&r->env, (uint32_t)cap,
					       (int32_t)tape_unzigzag(answer));
		}
	}
	return err;
}

static int body_thread(struct tape_reader *r, const uint8_t *at, const uint8_t *end, bool known,
		       struct tape_item *item)
{
	struct tape_thread thread = {0};
	uint32_t len;
	int err;

	err = tape_varint_get32(&at, end, &thread.id);
	if (!err)
		err = tape_varint_get32(&at, end, &thread.pid);
	if (!err)
		err = tape_varint_get32(&at, end, &thread.tid);
	if (!err)
		err = tape_varint_get32(&at, end, &len);
	if (err)
		return err;
	if (len >= sizeof(thread.comm) || len > (size_t)(end - at))
		return TAPE_E_CORRUPT;
	memcpy(thread.comm, at, len);
	if (thread.id >= TAPE_MAX_THREADS)
		return TAPE_E_LIMIT;
	/* A repeated declaration is known already, as reading begins with the first frame. */
	if (known)
		return thread.id < r->thread_count ? 0 : TAPE_E_CORRUPT;
	if (thread.id != r->thread_count)
		return TAPE_E_CORRUPT;
	err = array_grow(&r->threads, &r->thread_room, r->thread_count);
	if (err)
		return err;
	r->threads[r->thread_count++] = (struct reader_thread){.thread = thread};
	item->type = TAPE_THREAD;
	item->u.thread = thread;
	return 1;
}

static unsigned int kind_number(uint8_t kind)
{
	unsigned int n = kind ? (unsigned int)__builtin_ctz(kind) : KVMAPI_OBJECT_KINDS;

	return n < KVMAPI_OBJECT_KINDS ? n : KVMAPI_OBJECT_KINDS;
}

static int body_object(struct tape_reader *r, const uint8_t *at, const uint8_t *end, bool known,
		       struct tape_item *item)
{
	struct tape_object object = {0};
	struct reader_object *slot;
	uint64_t fd;
	uint32_t kind, flags;
	int err;

	err = tape_varint_get32(&at, end, &object.id);
	if (!err)
		err = tape_varint_get32(&at, end, &object.parent);
	if (!err)
		err = tape_varint_get32(&at, end, &kind);
	if (!err)
		err = tape_varint_get32(&at, end, &flags);
	if (!err)
		err = tape_varint_get(&at, end, &fd);
	if (!err)
		err = tape_varint_get(&at, end, &object.number);
	if (err)
		return err;
	if (!object.id || object.parent >= object.id ||
	    (object.parent && !tape_reader_object(r, object.parent)) || kind > UINT8_MAX ||
	    flags > UINT8_MAX)
		return TAPE_E_CORRUPT;
	if (object.id > TAPE_MAX_OBJECTS)
		return TAPE_E_LIMIT;
	object.kind = (uint8_t)kind;
	object.flags = (uint8_t)flags;
	object.fd = (int32_t)tape_unzigzag(fd);
	object.number--;
	if (known)
		return object.id <= r->object_count ? 0 : TAPE_E_CORRUPT;
	if (object.id != r->object_count + 1)
		return TAPE_E_CORRUPT;
	err = array_grow(&r->objects, &r->object_room, r->object_count);
	if (err)
		return err;
	r->object_count++;
	slot = &r->objects[object.id - 1];
	slot->object = object;
	slot->ordinal = ++r->ordinals[kind_number(object.kind)];
	item->type = TAPE_OBJECT;
	item->u.object = object;
	return 1;
}

static int body_site(struct tape_reader *r, const uint8_t *at, const uint8_t *end)
{
	const struct tape_object *object;
	uint32_t thread, object_id, request;
	struct tape_site *site;
	int err;

	err = tape_varint_get32(&at, end, &thread);
	if (!err)
		err = tape_varint_get32(&at, end, &object_id);
	if (!err)
		err = tape_varint_get32(&at, end, &request);
	if (err)
		return err;
	object = tape_reader_object(r, object_id);
	if (!object || !tape_reader_thread(r, thread))
		return TAPE_E_CORRUPT;
	if (r->sites.cost + TAPE_COST_SITE > TAPE_MAX_SLOTS)
		return TAPE_E_LIMIT;
	site = tape_sites_add(&r->sites);
	if (!site)
		return -ENOMEM;
	site->call.thread = thread;
	site->call.object = object_id;
	site->call.kind = object->kind;
	site->call.request = request;
	site->call.row = kvmapi_find(r->env.arch, object->kind, request);
	site->ret.call = &site->call;
	return 0;
}

static int reader_time(struct tape_reader *r, enum tape_half_number column, uint64_t *time)
{
	uint64_t delta;
	int err;

	*time = 0;
	if (r->env.timeless)
		return 0;
	err = tape_varint_get(&r->column[column], r->column_end[column], &delta);
	r->time += (uint64_t)tape_unzigzag(delta);
	*time = r->time << r->env.clock_shift;
	return err;
}

static int body_shape(struct tape_reader *r, struct tape_site *site, enum tape_half_number which,
		      const uint8_t **at, const uint8_t *end)
{
	struct tape_part parts[TAPE_ROLES];
	uint64_t roles = 0;
	uint32_t number, count, sum = 0;
	uint64_t addr;
	int err;

	err = tape_varint_get32(at, end, &number);
	if (!err && number)
		return tape_shape_select(site, which, number - 1);
	if (!err)
		err = tape_varint_get32(at, end, &count);
	if (err || count > TAPE_ROLES)
		return TAPE_E_CORRUPT;
	for (uint32_t i = 0; i < count; i++) {
		struct tape_part *part = &parts[i];

		if (end - *at < 2)
			return TAPE_E_CORRUPT;
		part->role = *(*at)++;
		part->flags = *(*at)++;
		if (part->role >= TAPE_ROLES || roles & 1ull << part->role ||
		    part->flags & ~(TAPE_PART_LATE | TAPE_PART_CLIPPED | TAPE_PART_FAULT |
				    TAPE_PART_HAS_ADDR))
			return TAPE_E_CORRUPT;
		roles |= 1ull << part->role;
		err = tape_varint_get32(at, end, &part->want);
		if (!err)
			err = tape_varint_get32(at, end, &part->have);
		part->addr = 0;
		if (!err && part->flags & TAPE_PART_HAS_ADDR) {
			err = tape_varint_get(at, end, &addr);
			part->addr = (uint64_t)tape_unzigzag(addr);
		}
		if (err)
			return err;
		if (part->have > part->want)
			return TAPE_E_CORRUPT;
		if (part->have > TAPE_MAX_HALF - sum)
			return TAPE_E_LIMIT;
		sum += part->have;
		part->data = NULL;
	}
	return tape_shape_tell(&r->sites, site, which, parts, count);
}

static int body_patch(const uint8_t **at, const uint8_t *end, uint8_t *slot, uint32_t have)
{
	uint64_t runs, skip, len;
	uint32_t told = 0;
	int err;

	err = tape_varint_get(at, end, &runs);
	if (err)
		return err;
	if (!runs) {
		if (have > (size_t)(end - *at))
			return TAPE_E_CORRUPT;
		memcpy(slot, *at, have);
		*at += have;
		return 0;
	}
	while (runs--) {
		err = tape_varint_get(at, end, &skip);
		if (!err)
			err = tape_varint_get(at, end, &len);
		if (err)
			return err;
		if (!len || skip > have - told || len > have - told - skip ||
		    len > (size_t)(end - *at))
			return TAPE_E_CORRUPT;
		told += (uint32_t)skip;
		if (len == 1)
			slot[told] = **at;
		else
			memcpy(slot + told, *at, len);
		told += (uint32_t)len;
		*at += len;
	}
	return 0;
}

/* Decode one half of a call. */
static int body_half(struct tape_reader *r, struct tape_site *site, enum tape_half_number which,
		     unsigned int flags, const uint8_t **at, const uint8_t *end)
{
	const unsigned int shape = which == TAPE_HALF_IN ? TAPE_BODY_IN_SHAPE : TAPE_BODY_OUT_SHAPE;
	const unsigned int data = which == TAPE_HALF_IN ? TAPE_BODY_IN_DATA : TAPE_BODY_OUT_DATA;
	struct tape_half *half = &site->half[which];
	uint64_t changed;
	int err;

	if (flags & shape) {
		err = body_shape(r, site, which, at, end);
		if (err)
			return err;
	}
	r->shown += tape_half_shown(half);
	if (r->shown > TAPE_MAX_SHOWN + TAPE_MAX_HALF)
		return TAPE_E_LIMIT;
	tape_site_predict(site, which);
	if (!(flags & data))
		return 0;
	err = tape_varint_get(at, end, &changed);
	if (err)
		return err;
	if (half->count < 64 && changed >> half->count)
		return TAPE_E_CORRUPT;
	for (; changed; changed &= changed - 1) {
		const struct tape_part *part = &half->parts[__builtin_ctzll(changed)];

		if (!part->have)
			return TAPE_E_CORRUPT;
		err = body_patch(at, end, (uint8_t *)part->data, part->have);
		if (err)
			return err;
	}
	return 0;
}

/* Begin an EVENT, CALL or RETURN block: its site and flags. */
static int body_begin(struct tape_reader *r, const uint8_t **at, const uint8_t *end,
		      unsigned int allowed, struct tape_site **site, unsigned int *flags)
{
	uint64_t number, bits;
	int err;

	err = tape_varint_get(at, end, &number);
	if (!err)
		err = tape_varint_get(at, end, &bits);
	if (err)
		return err;
	if (number >= r->sites.count || bits & ~(uint64_t)allowed)
		return TAPE_E_CORRUPT;
	*site = r->sites.list[number];
	*flags = (unsigned int)bits;
	return 0;
}

static int body_call(struct tape_reader *r, struct tape_site *site, unsigned int flags,
		     const uint8_t **at, const uint8_t *end)
{
	struct open_call *open = r->threads[site->call.thread].open;
	struct tape_half *half = &site->half[TAPE_HALF_IN];
	uint64_t arg;
	int err;

	err = reader_time(r, TAPE_HALF_IN, &site->call.time);
	if (!err && flags & TAPE_BODY_ARG) {
		err = tape_varint_get(at, end, &arg);
		if (!err)
			tape_site_arg(site, arg);
	}
	if (!err)
		err = body_half(r, site, TAPE_HALF_IN, flags, at, end);
	if (err)
		return err;
	site->call.parts = half->parts;
	site->call.part_count = half->count;
	site->call.index = r->index++;
	r->calls++;
	/* Where a thread calls again, the return of its last call is missing. */
	if (open && open->open)
		open_call_end(r, open);
	return 0;
}

/* Decode the half of the return into the site's own item. */
static int body_return(struct tape_reader *r, struct tape_site *site, unsigned int flags,
		       const uint8_t **at, const uint8_t *end)
{
	struct tape_half *half = &site->half[TAPE_HALF_OUT];
	uint64_t value;
	int err;

	err = reader_time(r, TAPE_HALF_OUT, &site->ret.time);
	if (!err && flags & TAPE_BODY_RET) {
		err = tape_varint_get(at, end, &value);
		if (!err)
			site->ret.ret = tape_unzigzag(value);
	}
	if (!err)
		err = body_half(r, site, TAPE_HALF_OUT, flags, at, end);
	site->ret.created = 0;
	if (!err && flags & TAPE_BODY_CREATED) {
		err = tape_varint_get32(at, end, &site->ret.created);
		if (!err && !tape_reader_object(r, site->ret.created))
			err = TAPE_E_CORRUPT;
	}
	site->ret.parts = half->parts;
	site->ret.part_count = half->count;
	return err;
}

/* A call whose return comes later is copied, to outlive its site. */
static int open_call_begin(struct tape_reader *r, const struct tape_site *site)
{
	struct reader_thread *thread = &r->threads[site->call.thread];
	const size_t head = site->call.part_count * sizeof(struct tape_part);
	const uint32_t shown = tape_half_shown(&site->half[TAPE_HALF_IN]);
	struct open_call *open = thread->open;
	struct tape_part *parts;
	uint8_t *data;
	int err;

	if (r->open_bytes + shown > TAPE_MAX_OPEN ||
	    r->open_parts + 1 + site->call.part_count > TAPE_MAX_OPEN_PARTS)
		return TAPE_E_LIMIT;
	if (!open) {
		open = calloc(1, sizeof(*open));
		if (!open)
			return -ENOMEM;
		thread->open = open;
		r->kept_calls++;
	}
	open->call = site->call;
	r->kept_bytes -= open->memory.room;
	err = tape_buf_reserve(&open->memory, head + shown);
	r->kept_bytes += open->memory.room;
	if (err)
		return err;
	parts = (struct tape_part *)open->memory.data;
	data = site->call.part_count ? open->memory.data + head : NULL;
	for (unsigned int i = 0; i < site->call.part_count; i++) {
		parts[i] = site->call.parts[i];
		if (!parts[i].have)
			continue;
		memcpy(data, parts[i].data, parts[i].have);
		parts[i].data = data;
		data += parts[i].have;
	}
	open->call.parts = parts;
	open->open = true;
	open->shown = shown;
	open->item = ++r->items;
	r->open_bytes += shown;
	r->open_parts += 1 + open->call.part_count;
	return 0;
}

static int block_event(struct tape_reader *r, const uint8_t *at, const uint8_t *end,
		       struct tape_item *item)
{
	struct tape_site *site;
	unsigned int flags;
	int err;

	err = body_begin(r, &at, end, TAPE_BODY_FLAGS, &site, &flags);
	if (err)
		return err;
	err = body_call(r, site, flags, &at, end);
	if (err)
		return err;
	r->items++;
	r->pending = site;
	r->pending_at = at;
	r->pending_end = end;
	r->pending_flags = flags;
	item->type = TAPE_CALL;
	item->u.call = &site->call;
	return 1;
}

static int block_call(struct tape_reader *r, const uint8_t *at, const uint8_t *end,
		      struct tape_item *item)
{
	struct tape_site *site;
	unsigned int flags;
	int err;

	err = body_begin(r, &at, end, TAPE_BODY_ARG | TAPE_BODY_IN_SHAPE | TAPE_BODY_IN_DATA, &site,
			 &flags);
	if (!err)
		err = body_call(r, site, flags, &at, end);
	if (!err)
		err = open_call_begin(r, site);
	if (err)
		return err;
	item->type = TAPE_CALL;
	item->u.call = &r->threads[site->call.thread].open->call;
	return 1;
}

static int block_return(struct tape_reader *r, const uint8_t *at, const uint8_t *end,
			struct tape_item *item)
{
	struct open_call *open;
	struct tape_site *site;
	unsigned int flags;
	int err;

	err = body_begin(r, &at, end,
			 TAPE_BODY_FLAGS &
				 ~(TAPE_BODY_ARG | TAPE_BODY_IN_SHAPE | TAPE_BODY_IN_DATA),
			 &site, &flags);
	if (!err)
		err = body_return(r, site, flags, &at, end);
	if (err)
		return err;
	open = r->threads[site->call.thread].open;
	if (!open || !open->open || open->call.object != site->call.object ||
	    open->call.request != site->call.request)
		return TAPE_E_CORRUPT;
	r->ret = site->ret;
	r->ret.call = &open->call;
	r->ret.overlapped = open->item != r->items;
	r->items++;
	open_call_end(r, open);
	r->returns++;
	r->returned = open;
	item->type = TAPE_RETURN;
	item->u.ret = &r->ret;
	return 1;
}

static int block_closed(struct tape_reader *r, const uint8_t *at, const uint8_t *end,
			struct tape_item *item)
{
	int err = tape_varint_get32(&at, end, &item->u.closed.object);

	if (!err && !tape_reader_object(r, item->u.closed.object))
		err = TAPE_E_CORRUPT;
	if (!err)
		err = reader_time(r, TAPE_HALF_IN, &item->u.closed.time);
	r->items++;
	item->type = TAPE_CLOSED;
	return err ? err : 1;
}

static int block_gap(struct tape_reader *r, const uint8_t *at, const uint8_t *end,
		     struct tape_item *item)
{
	uint64_t cause, events;
	int err;

	err = tape_varint_get(&at, end, &cause);
	if (!err)
		err = tape_varint_get(&at, end, &events);
	if (!err &&
	    (cause > UINT8_MAX || events > TAPE_MAX_EVENTS || r->index + events > TAPE_MAX_EVENTS))
		err = TAPE_E_CORRUPT;
	if (!err)
		err = reader_time(r, TAPE_HALF_IN, &item->u.gap.time);
	if (err)
		return err;
	item->u.gap.events = events;
	item->u.gap.cause = (uint8_t)cause;
	r->index += events;
	r->items++;
	item->type = TAPE_GAP;
	return 1;
}

static int block_memory(struct tape_reader *r, const uint8_t *at, const uint8_t *end,
			struct tape_item *item)
{
	struct tape_memory *memory = &item->u.memory;
	int err;

	err = tape_varint_get32(&at, end, &memory->object);
	if (!err)
		err = tape_varint_get(&at, end, &memory->gpa);
	if (!err)
		err = tape_varint_get32(&at, end, &memory->len);
	if (err)
		return err;
	if (memory->len > TAPE_MAX_MEMORY)
		return TAPE_E_LIMIT;
	if (memory->len > (size_t)(end - at) || !tape_reader_object(r, memory->object))
		return TAPE_E_CORRUPT;
	memory->data = at;
	r->items++;
	item->type = TAPE_MEMORY;
	return 1;
}

static int block_signal(struct tape_reader *r, const uint8_t *at, const uint8_t *end,
			struct tape_item *item)
{
	struct tape_signal *signal = &item->u.signal;
	uint64_t what, number, outcome, flags, code, delta;
	int err;

	memset(signal, 0, sizeof(*signal));
	err = tape_varint_get(&at, end, &what);
	if (err)
		return err;
	/* A later minor version may have more values. */
	if (what >= TAPE_SIGNAL_WHATS)
		return 0;
	signal->what = (uint8_t)what;
	if (what == TAPE_SIGNAL_LOST) {
		err = tape_varint_get(&at, end, &signal->count);
	} else {
		err = tape_varint_get32(&at, end, &signal->thread);
		if (!err)
			err = tape_varint_get(&at, end, &number);
		if (!err)
			err = tape_varint_get(&at, end, &outcome);
		if (!err)
			err = tape_varint_get(&at, end, &flags);
		if (!err)
			err = tape_varint_get(&at, end, &code);
		if (!err)
			err = tape_varint_get32(&at, end, &signal->sender);
		if (err)
			return err;
		if (!tape_reader_thread(r, signal->thread) || number > TAPE_MAX_SIGNAL ||
		    outcome >= TAPE_SIGNAL_OUTCOMES || flags & ~(uint64_t)TAPE_SIGNAL_PROCESS ||
		    tape_unzigzag(code) != (int32_t)tape_unzigzag(code))
			return TAPE_E_CORRUPT;
		signal->number = (uint8_t)number;
		signal->outcome = (uint8_t)outcome;
		signal->process = flags & TAPE_SIGNAL_PROCESS;
		signal->code = (int32_t)tape_unzigzag(code);
	}
	if (!err && !r->env.timeless) {
		err = tape_varint_get(&at, end, &delta);
		if (!err)
			signal->time = (r->time + (uint64_t)tape_unzigzag(delta))
				       << r->env.clock_shift;
	}
	if (err)
		return err;
	if (r->env.canonical || !tape_signal_valid(signal))
		return TAPE_E_CORRUPT;
	item->type = TAPE_SIGNAL;
	return 1;
}

static int block_end(struct tape_reader *r, const uint8_t *at, const uint8_t *end,
		     struct tape_item *item)
{
	struct tape_end *e = &item->u.end;
	uint64_t causes, lost;
	int err;

	memset(e, 0, sizeof(*e));
	err = tape_varint_get(&at, end, &e->seen);
	if (!err)
		err = tape_varint_get(&at, end, &e->written);
	if (!err)
		err = tape_varint_get(&at, end, &e->unreturned);
	if (!err)
		err = tape_varint_get(&at, end, &causes);
	for (uint64_t c = 0; !err && c < causes; c++) {
		err = tape_varint_get(&at, end, &lost);
		/* Causes that a later minor version added count with the last one that is known. */
		if (!err)
			e->lost[c < TAPE_GAP_CAUSES ? c : TAPE_GAP_CAUSES - 1] += lost;
	}
	if (!err && (e->written != r->calls || e->unreturned != r->calls - r->returns))
		err = TAPE_E_CORRUPT;
	if (err)
		return err;
	r->ended = true;
	r->complete = true;
	item->type = TAPE_END;
	return 1;
}

/* --- frames ----------------------------------------------------------------------------------- */

/* Read one block of the frame. Returns its type, or an error. */
static int frame_block(struct tape_reader *r, const uint8_t **body, const uint8_t **body_end)
{
	uint64_t type, len;
	int err;

	err = tape_varint_get(&r->at, r->end, &type);
	if (!err)
		err = tape_varint_get(&r->at, r->end, &len);
	if (err)
		return err;
	if (len > (size_t)(r->end - r->at) || !type)
		return TAPE_E_CORRUPT;
	*body = r->at;
	*body_end = r->at + len;
	r->at += len;
	return type > INT32_MAX ? (type & 1 ? INT32_MAX : INT32_MAX - 1) : (int)type;
}

/* The blocks that every frame begins with. */
static int frame_begin(struct tape_reader *r)
{
	const uint8_t *at, *end, *before;
	uint64_t ordinal, first, base, calls, split;
	int err;

	r->at = r->frame.data;
	r->end = r->frame.data + r->frame.len;
	for (int c = 0; c < TAPE_HALVES; c++)
		r->column[c] = r->column_end[c] = r->at;
	tape_sites_reset(&r->sites);
	r->shown = 0;

	if (frame_block(r, &at, &end) != TAPE_BLOCK_FRAME)
		return reader_fail(r, TAPE_E_CORRUPT, "it does not begin with a frame block");
	err = tape_varint_get(&at, end, &ordinal);
	if (!err)
		err = tape_varint_get(&at, end, &first);
	if (!err)
		err = tape_varint_get(&at, end, &base);
	if (!err)
		err = tape_varint_get(&at, end, &calls);
	if (err)
		return reader_fail(r, TAPE_E_CORRUPT, "bad frame block");
	if (ordinal != r->frames || first != r->index)
		return reader_fail(r, TAPE_E_CORRUPT,
				   "frame %llu with event %llu was expected here",
				   (unsigned long long)r->frames, (unsigned long long)r->index);
	r->time = base;

	before = r->at;
	if (r->at == r->end || frame_block(r, &at, &end) != TAPE_BLOCK_TIMES) {
		r->at = before;
		return 0;
	}
	err = tape_varint_get(&at, end, &split);
	if (err || split > (size_t)(end - at))
		return reader_fail(r, TAPE_E_CORRUPT, "bad times block");
	r->column[TAPE_HALF_IN] = at;
	r->column_end[TAPE_HALF_IN] = r->column[TAPE_HALF_OUT] = at + split;
	r->column_end[TAPE_HALF_OUT] = end;
	return 0;
}

/* Take a zstd frame from the file and decompress it. */
static int frame_decompress(struct tape_reader *r)
{
	size_t want = 1, stored, n;
	unsigned long long decoded;
	int err;

	for (;;) {
		err = input_fill(r, want);
		if (err)
			return reader_fail(r, err, "%s", strerror(-err));
		stored = ZSTD_findFrameCompressedSize(input_data(r), input_left(r));
		if (!ZSTD_isError(stored))
			break;
		if (ZSTD_getErrorCode(stored) != ZSTD_error_srcSize_wrong)
			return reader_fail(r, TAPE_E_CORRUPT, "%s", ZSTD_getErrorName(stored));
		if (r->eof)
			return reader_fail(r, TAPE_E_TRUNCATED, "the file ends within it");
		if (input_left(r) >= STORED_MAX)
			return reader_fail(r, TAPE_E_LIMIT, "it is longer than a frame may be");
		want = input_left(r) < READ_CHUNK ? READ_CHUNK : 2 * input_left(r);
	}
	decoded = ZSTD_getFrameContentSize(input_data(r), input_left(r));
	if (decoded == ZSTD_CONTENTSIZE_UNKNOWN || decoded == ZSTD_CONTENTSIZE_ERROR)
		return reader_fail(r, TAPE_E_CORRUPT, "it does not tell its decoded size");
	if (decoded > TAPE_MAX_FRAME)
		return reader_fail(r, TAPE_E_LIMIT, "%llu decoded bytes, %d are the limit", decoded,
				   TAPE_MAX_FRAME);
	r->frame.len = 0;
	if (tape_buf_reserve(&r->frame, (size_t)decoded + 1))
		return reader_fail(r, -ENOMEM, "%s", strerror(ENOMEM));
	n = ZSTD_decompressDCtx(r->dctx, r->frame.data, (size_t)decoded, input_data(r), stored);
	if (ZSTD_isError(n))
		return reader_fail(r, TAPE_E_CORRUPT, "%s", ZSTD_getErrorName(n));
	r->frame.len = n;
	input_use(r, stored);
	r->encoded += n;
	return 0;
}

/* Skip `len` bytes of the file. */
static int input_skip(struct tape_reader *r, uint64_t len)
{
	int err;

	while (len) {
		size_t n;

		err = input_fill(r, 1);
		if (err)
			return reader_fail(r, err, "%s", strerror(-err));
		n = input_left(r) < len ? input_left(r) : (size_t)len;
		if (!n)
			return reader_fail(r, TAPE_E_TRUNCATED,
					   "the file ends within a skippable frame");
		input_use(r, n);
		len -= n;
	}
	return 0;
}

/*
 * Go to the next frame with blocks. 1, 0 at the end of the file, or an error. A table of frames or
 * any other skippable frame on the way is skipped.
 */
static int frame_next(struct tape_reader *r)
{
	uint32_t magic;
	int err;

	for (;;) {
		r->frame_offset = r->file_at;
		err = input_fill(r, 8);
		if (err)
			return reader_fail(r, err, "%s", strerror(-err));
		if (!input_left(r))
			return 0;
		if (input_left(r) < 8)
			return reader_fail(r, TAPE_E_TRUNCATED, "the file ends within it");
		magic = (uint32_t)tape_le_get(input_data(r), 4);
		if ((magic & TAPE_SKIPPABLE_MAGIC_MASK) == TAPE_SKIPPABLE_MAGIC) {
			uint64_t size = tape_le_get(input_data(r) + 4, 4);

			err = input_skip(r, 8 + size);
			if (err)
				return err;
			continue;
		}
		if (magic != ZSTD_MAGICNUMBER)
			return reader_fail(r, TAPE_E_CORRUPT, "this is no zstd frame");
		if (r->ended)
			return reader_fail(r, TAPE_E_CORRUPT, "a frame after the end block");
		err = frame_decompress(r);
		if (!err)
			err = frame_begin(r);
		if (err)
			return err;
		r->frames++;
		return 1;
	}
}

static int header_get(struct tape_reader *r)
{
	const uint8_t *h;
	uint64_t size, features;
	size_t known;
	int err;

	err = input_fill(r, 8 + TAPE_HEADER_SIZE);
	if (err)
		return reader_fail(r, err, "%s", strerror(-err));
	h = input_data(r);
	known = input_left(r);
	if (known < 16 || tape_le_get(h, 4) != TAPE_SKIPPABLE_MAGIC ||
	    memcmp(h + 8, TAPE_HEADER_MAGIC, 8))
		return reader_fail(r, TAPE_E_NOT_A_TAPE, "no tape header");
	if (known < 8 + TAPE_HEADER_SIZE)
		return reader_fail(r, TAPE_E_TRUNCATED, "the file ends within the header");
	size = tape_le_get(h + 4, 4);
	r->major = (unsigned int)tape_le_get(h + 16, 2);
	r->minor = (unsigned int)tape_le_get(h + 18, 2);
	features = tape_le_get(h + 20, 8);
	if (r->major != TAPE_FORMAT_MAJOR)
		return reader_fail(r, TAPE_E_NEWER, "format %u.%u, this program reads %u", r->major,
				   r->minor, TAPE_FORMAT_MAJOR);
	if (features & ~TAPE_FEATURES_KNOWN)
		return reader_fail(r, TAPE_E_NEWER,
				   "it needs features 0x%llx that this program lacks",
				   (unsigned long long)(features & ~TAPE_FEATURES_KNOWN));
	if (size < TAPE_HEADER_SIZE || size > TAPE_MAX_HEADER)
		return reader_fail(r, TAPE_E_LIMIT, "a header of %llu bytes",
				   (unsigned long long)size);
	if (h[28] >= KVMAPI_ARCHS)
		return reader_fail(r, TAPE_E_NEWER, "architecture %u is not known", h[28]);
	if (h[29] > TAPE_MAX_CLOCK_SHIFT)
		return reader_fail(r, TAPE_E_LIMIT, "clock shift %u", h[29]);
	r->env.arch = h[28];
	r->env.clock_shift = h[29];
	r->header_flags = h[30];
	r->env.timeless = h[30] & TAPE_HEADER_TIMELESS;
	r->env.canonical = h[30] & TAPE_HEADER_CANONICAL;
	r->env.page_size = (uint32_t)tape_le_get(h + 32, 4);
	return input_skip(r, 8 + size);
}

/* --- public ----------------------------------------------------------------------------------- */

static int reader_start(struct tape_reader *r)
{
	const uint8_t *at, *end;
	int err;

	r->dctx = ZSTD_createDCtx();
	if (!r->dctx)
		return reader_fail(r, -ENOMEM, "%s", strerror(ENOMEM));
	err = header_get(r);
	if (!err)
		err = frame_next(r);
	if (err < 0)
		return err;
	if (!err)
		return reader_fail(r, TAPE_E_TRUNCATED, "the file ends before the environment");
	if (frame_block(r, &at, &end) != TAPE_BLOCK_ENVIRONMENT)
		return reader_fail(r, TAPE_E_CORRUPT, "the first frame has no environment");
	err = body_env(r, at, end);
	return err ? reader_fail(r, err, "bad environment") : 0;
}

static int reader_new(int fd, bool own, const void *data, size_t size, struct tape_reader **reader)
{
	struct tape_reader *r = calloc(1, sizeof(*r));
	int err;

	*reader = NULL;
	if (!r) {
		if (own)
			close(fd);
		return -ENOMEM;
	}
	r->fd = fd;
	r->own_fd = own;
	r->memory = data;
	r->memory_left = size;
	tape_env_init(&r->env);
	err = reader_start(r);
	if (err) {
		tape_reader_close(r);
		return err;
	}
	*reader = r;
	return 0;
}

int tape_reader_open(const char *path, struct tape_reader **reader)
{
	int fd;

	*reader = NULL;
	if (!strcmp(path, "-"))
		return reader_new(STDIN_FILENO, false, NULL, 0, reader);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return reader_new(fd, true, NULL, 0, reader);
}

int tape_reader_open_fd(int fd, struct tape_reader **reader)
{
	return reader_new(fd, false, NULL, 0, reader);
}

int tape_reader_open_memory(const void *data, size_t size, struct tape_reader **reader)
{
	return reader_new(-1, false, data ? data : "", size, reader);
}

int tape_reader_next(struct tape_reader *r, struct tape_item *item)
{
	const uint8_t *at, *end;
	int type, err;

	if (r->pending) {
		struct tape_site *site = r->pending;

		r->pending = NULL;
		at = r->pending_at;
		err = body_return(r, site, r->pending_flags, &at, r->pending_end);
		if (err)
			return reader_fail(r, err, "bad return of event %llu",
					   (unsigned long long)site->call.index);
		r->items++;
		r->returns++;
		item->type = TAPE_RETURN;
		item->u.ret = &site->ret;
		return 0;
	}
	if (r->error)
		return r->error;
	reader_reap(r);
	for (;;) {
		if (r->at == r->end) {
			err = frame_next(r);
			if (err < 0)
				return err;
			if (!err) {
				item->type = TAPE_END_OF_FILE;
				return 0;
			}
			continue;
		}
		type = frame_block(r, &at, &end);
		if (type > 0 && r->ended)
			type = TAPE_E_CORRUPT;
		switch (type) {
		case TAPE_BLOCK_EVENT:
			err = block_event(r, at, end, item);
			break;
		case TAPE_BLOCK_CALL:
			err = block_call(r, at, end, item);
			break;
		case TAPE_BLOCK_RETURN:
			err = block_return(r, at, end, item);
			break;
		case TAPE_BLOCK_SITE:
			err = body_site(r, at, end);
			break;
		case TAPE_BLOCK_THREAD:
			err = body_thread(r, at, end, false, item);
			break;
		case TAPE_BLOCK_KNOWN_THREAD:
			err = body_thread(r, at, end, true, item);
			break;
		case TAPE_BLOCK_OBJECT:
			err = body_object(r, at, end, false, item);
			break;
		case TAPE_BLOCK_KNOWN_OBJECT:
			err = body_object(r, at, end, true, item);
			break;
		case TAPE_BLOCK_CLOSED:
			err = block_closed(r, at, end, item);
			break;
		case TAPE_BLOCK_GAP:
			err = block_gap(r, at, end, item);
			break;
		case TAPE_BLOCK_MEMORY:
			err = block_memory(r, at, end, item);
			break;
		case TAPE_BLOCK_SIGNAL:
			err = block_signal(r, at, end, item);
			break;
		case TAPE_BLOCK_END:
			err = block_end(r, at, end, item);
			break;
		default:
			err = type;
			if (type > 0)
				err = type & 1 ? TAPE_E_NEWER : 0;
			break;
		}
		if (err < 0)
			return reader_fail(r, err, "block of type %d at event %llu", type,
					   (unsigned long long)r->index);
		if (err > 0)
			return 0;
	}
}

const struct tape_env *tape_reader_env(const struct tape_reader *r)
{
	return &r->env;
}

bool tape_reader_complete(const struct tape_reader *r)
{
	return r->complete;
}

void tape_reader_version(const struct tape_reader *r, unsigned int *major, unsigned int *minor)
{
	*major = r->major;
	*minor = r->minor;
}

void tape_reader_position(const struct tape_reader *r, uint64_t *encoded, uint64_t *file,
			  uint64_t *frames)
{
	*encoded = r->encoded;
	*file = r->file_at;
	*frames = r->frames;
}

const char *tape_reader_where(const struct tape_reader *r)
{
	return r->where;
}

const struct tape_object *tape_reader_object(const struct tape_reader *r, uint32_t id)
{
	if (!id || id > r->object_count)
		return NULL;
	return &r->objects[id - 1].object;
}

const struct tape_thread *tape_reader_thread(const struct tape_reader *r, uint32_t id)
{
	if (id >= r->thread_count)
		return NULL;
	return &r->threads[id].thread;
}

const struct tape_call *tape_reader_inside(const struct tape_reader *r, uint32_t thread)
{
	const struct open_call *open = thread < r->thread_count ? r->threads[thread].open : NULL;

	return open && open->open ? &open->call : NULL;
}

void tape_object_label(const struct tape_reader *r, uint32_t id, char *buf, size_t size)
{
	const struct tape_object *object = tape_reader_object(r, id);
	const char *kind;
	uint64_t number;
	int n;

	if (!object) {
		snprintf(buf, size, "?");
		return;
	}
	if (object->kind == KVMAPI_SYSTEM) {
		snprintf(buf, size, "kvm");
		return;
	}
	kind = kvmapi_object_name(object->kind);
	number = r->objects[id - 1].ordinal;
	if (object->kind == KVMAPI_VCPU && object->number == UINT64_MAX)
		n = snprintf(buf, size, "vcpu?#%u", id);
	else
		n = snprintf(buf, size, "%s%llu", kind ? kind : "object",
			     (unsigned long long)(object->kind == KVMAPI_VCPU ? object->number
									      : number));
	if (object->parent && n > 0 && (size_t)n + 1 < size) {
		buf[n] = '@';
		tape_object_label(r, object->parent, buf + n + 1, size - (size_t)n - 1);
	}
}

void tape_reader_close(struct tape_reader *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->thread_count; i++) {
		if (!r->threads[i].open)
			continue;
		tape_buf_release(&r->threads[i].open->memory);
		free(r->threads[i].open);
	}
	free(r->threads);
	free(r->objects);
	tape_env_release(&r->env);
	tape_sites_release(&r->sites);
	tape_buf_release(&r->frame);
	tape_buf_release(&r->in);
	ZSTD_freeDCtx(r->dctx);
	if (r->own_fd)
		close(r->fd);
	free(r);
}
