// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writing a tape: docs/tape-format.md.
 *
 * A call is encoded when it begins, but its block is kept back: if the next item is its return,
 * both become one EVENT block, else it goes out as a CALL block.  Blocks gather until the frame is
 * full; then the frame is compressed and written at once, so that the file always ends with a whole
 * frame.
 */
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/array.h"
#include "tape/format.h"

#define DEFAULT_LEVEL	    3
#define DEFAULT_FRAME_BYTES ((size_t)256 << 10)

struct writer_thread {
	struct tape_thread thread;
	uint64_t told;		  /* ordinal + 1 of the last frame that says what this thread is */
	uint32_t object, request; /* of the open call */
	uint32_t open_bytes, open_parts;
	uint32_t site; /* of its last call */
	bool open;
};

struct writer_object {
	struct tape_object object;
	uint64_t told;
	unsigned int depth;
};

struct writer_table_entry {
	uint64_t offset;
	uint64_t first_index;
	uint32_t stored, decoded;
};

struct tape_writer {
	int fd;
	int (*wait)(void *context, int fd);
	void *wait_context;
	int error;   /* sticky */
	off_t start; /* of the tape in the file, -1 = not seekable */
	uint64_t bytes;
	int level;
	size_t frame_bytes;
	unsigned int clock_shift;
	bool timeless;
	bool canonical;
	bool finished;
	ZSTD_CCtx *cctx;
	void (*unpacked)(void *context, const void *data, size_t len);
	void *context;

	/* of the tape */
	struct writer_thread *threads;
	size_t thread_count, thread_room;
	struct writer_object *objects;
	size_t object_count, object_room;
	struct writer_table_entry *table;
	size_t table_count, table_room;
	uint64_t calls, returns, index, open_bytes, open_parts;
	uint64_t last_time; /* in clock units */

	/* of the frame */
	uint64_t frame_first_index, frame_base_time, frame_calls;
	size_t frame_shown;
	struct tape_buf blocks;
	struct tape_buf column[TAPE_HALVES];
	struct tape_sites sites;
	uint32_t *site_hash; /* number of the site + 1, 0 = free */
	struct tape_buf frame, packed;

	/* the call that waits for its return */
	bool pending;
	uint32_t pending_thread;
	struct tape_buf body;
	size_t body_flags_at;
};

/* A frame cannot have more sites than its slot memory pays for: the hash is at most half full. */
#define SITE_HASH (2 * (TAPE_MAX_SLOTS / TAPE_COST_SITE))

/* --- file ------------------------------------------------------------------------------------- */

/* Write all or nothing: a part written before the disk was full is cut off. */
static int writer_put(struct tape_writer *w, const void *data, size_t len)
{
	const uint8_t *at = data;
	size_t left = len;

	while (left) {
		ssize_t n = write(w->fd, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && w->wait) {
			w->error = w->wait(w->wait_context, w->fd);
			if (w->error)
				return w->error;
			continue;
		}
		if (n <= 0) {
			w->error = n < 0 ? -errno : -EIO;
			/* A pipe cannot be cut; then the reader finds a frame that ends early. */
			if (w->start >= 0 && !ftruncate(w->fd, w->start + (off_t)w->bytes))
				lseek(w->fd, w->start + (off_t)w->bytes, SEEK_SET);
			return w->error;
		}
		at += n;
		left -= (size_t)n;
	}
	w->bytes += len;
	return 0;
}

static int writer_fail(struct tape_writer *w, int err)
{
	if (err && !w->error)
		w->error = err;
	return err;
}

/* --- blocks ----------------------------------------------------------------------------------- */

static int block_add(struct tape_buf *to, enum tape_block type, const struct tape_buf *body)
{
	int err = tape_buf_reserve(to, 2 * TAPE_VARINT_MAX + body->len);

	if (err)
		return err;
	to->len += tape_varint_put(to->data + to->len, type);
	to->len += tape_varint_put(to->data + to->len, body->len);
	return tape_buf_add(to, body->data, body->len);
}

static int writer_time(struct tape_writer *w, enum tape_half_number column, uint64_t time)
{
	uint64_t units = time >> w->clock_shift;
	int err;

	if (w->timeless)
		return 0;
	err = tape_buf_varint(&w->column[column], tape_zigzag((int64_t)(units - w->last_time)));
	w->last_time = units;
	return err;
}

/* Write the pending call alone, since another item comes before its return. */
static int writer_unpend(struct tape_writer *w)
{
	if (!w->pending)
		return 0;
	w->pending = false;
	return block_add(&w->blocks, TAPE_BLOCK_CALL, &w->body);
}

static int writer_close_frame(struct tape_writer *w)
{
	struct writer_table_entry *entry;
	size_t packed;
	int err;

	err = writer_unpend(w);
	if (err || !w->blocks.len)
		return err;
	err = array_grow(&w->table, &w->table_room, w->table_count);
	if (err)
		return err;

	w->frame.len = 0;
	w->body.len = 0;
	err = tape_buf_varint(&w->body, w->table_count);
	if (!err)
		err = tape_buf_varint(&w->body, w->frame_first_index);
	if (!err)
		err = tape_buf_varint(&w->body, w->frame_base_time);
	if (!err)
		err = tape_buf_varint(&w->body, w->frame_calls);
	if (!err)
		err = block_add(&w->frame, TAPE_BLOCK_FRAME, &w->body);
	if (err)
		return err;
	if (w->column[TAPE_HALF_IN].len || w->column[TAPE_HALF_OUT].len) {
		w->body.len = 0;
		err = tape_buf_varint(&w->body, w->column[TAPE_HALF_IN].len);
		for (int c = 0; c < TAPE_HALVES && !err; c++)
			err = tape_buf_add(&w->body, w->column[c].data, w->column[c].len);
		if (!err)
			err = block_add(&w->frame, TAPE_BLOCK_TIMES, &w->body);
		if (err)
			return err;
	}
	err = tape_buf_add(&w->frame, w->blocks.data, w->blocks.len);
	if (err)
		return err;

	if (w->unpacked)
		w->unpacked(w->context, w->frame.data, w->frame.len);
	w->packed.len = 0;
	err = tape_buf_reserve(&w->packed, ZSTD_compressBound(w->frame.len));
	if (err)
		return err;
	packed = ZSTD_compress2(w->cctx, w->packed.data, w->packed.room, w->frame.data,
				w->frame.len);
	if (ZSTD_isError(packed))
		return -ENOMEM;
	entry = &w->table[w->table_count];
	entry->offset = w->bytes;
	entry->first_index = w->frame_first_index;
	entry->stored = (uint32_t)packed;
	entry->decoded = (uint32_t)w->frame.len;
	err = writer_put(w, w->packed.data, packed);
	if (err)
		return err;
	w->table_count++;

	w->blocks.len = 0;
	w->column[TAPE_HALF_IN].len = 0;
	w->column[TAPE_HALF_OUT].len = 0;
	if (w->sites.count)
		memset(w->site_hash, 0, SITE_HASH * sizeof(*w->site_hash));
	tape_sites_reset(&w->sites);
	w->frame_first_index = w->index;
	w->frame_base_time = w->last_time;
	w->frame_calls = 0;
	w->frame_shown = 0;
	return 0;
}

/* Begin an item other than the return that a pending call waits for. */
static int writer_item(struct tape_writer *w)
{
	int err;

	if (w->error)
		return w->error;
	if (w->finished)
		return TAPE_E_ORDER;
	err = writer_unpend(w);
	if (!err && w->blocks.len + w->column[0].len + w->column[1].len >= w->frame_bytes)
		err = writer_close_frame(w);
	return err;
}

static int thread_block(struct tape_writer *w, enum tape_block type,
			const struct tape_thread *thread)
{
	size_t comm = strnlen(thread->comm, sizeof(thread->comm) - 1);
	int err;

	w->body.len = 0;
	err = tape_buf_varint(&w->body, thread->id);
	if (!err)
		err = tape_buf_varint(&w->body, thread->pid);
	if (!err)
		err = tape_buf_varint(&w->body, thread->tid);
	if (!err)
		err = tape_buf_varint(&w->body, comm);
	if (!err)
		err = tape_buf_add(&w->body, thread->comm, comm);
	if (!err)
		err = block_add(&w->blocks, type, &w->body);
	w->threads[thread->id].told = w->table_count + 1;
	return err;
}

static int object_block(struct tape_writer *w, enum tape_block type,
			const struct tape_object *object)
{
	int err;

	w->body.len = 0;
	err = tape_buf_varint(&w->body, object->id);
	if (!err)
		err = tape_buf_varint(&w->body, object->parent);
	if (!err)
		err = tape_buf_varint(&w->body, object->kind);
	if (!err)
		err = tape_buf_varint(&w->body, object->flags);
	if (!err)
		err = tape_buf_varint(&w->body, tape_zigzag(object->fd));
	if (!err)
		err = tape_buf_varint(&w->body, object->number + 1);
	if (!err)
		err = block_add(&w->blocks, type, &w->body);
	w->objects[object->id - 1].told = w->table_count + 1;
	return err;
}

/* A frame must declare its objects and threads, for a reader that begins there. */
static int writer_restate(struct tape_writer *w, uint32_t thread, uint32_t object)
{
	const uint64_t now = w->table_count + 1;
	uint32_t line[TAPE_MAX_DEPTH];
	unsigned int depth = 0;
	int err = 0;

	if (w->threads[thread].told != now)
		err = thread_block(w, TAPE_BLOCK_KNOWN_THREAD, &w->threads[thread].thread);
	for (; object && w->objects[object - 1].told != now;
	     object = w->objects[object - 1].object.parent)
		line[depth++] = object;
	while (!err && depth--)
		err = object_block(w, TAPE_BLOCK_KNOWN_OBJECT, &w->objects[line[depth] - 1].object);
	return err;
}

/* The site of a thread's call in this frame; begins a frame if needed. */
static int writer_site(struct tape_writer *w, uint32_t thread, uint32_t object, uint32_t request,
		       uint32_t *number)
{
	struct writer_thread *t = &w->threads[thread];
	struct tape_site *site;
	uint32_t slot;
	int err;

	if (t->site < w->sites.count) {
		site = w->sites.list[t->site];
		if (site->call.thread == thread && site->call.object == object &&
		    site->call.request == request) {
			*number = t->site;
			return 0;
		}
	}
	slot = (thread * 0x9E3779B1u ^ object * 0x85EBCA77u ^ request * 0xC2B2AE3Du) >> 7;
	for (slot %= SITE_HASH; w->site_hash[slot]; slot = (slot + 1) % SITE_HASH) {
		site = w->sites.list[w->site_hash[slot] - 1];
		if (site->call.thread == thread && site->call.object == object &&
		    site->call.request == request) {
			*number = t->site = w->site_hash[slot] - 1;
			return 0;
		}
	}
	err = writer_restate(w, thread, object);
	if (err)
		return err;
	site = tape_sites_add(&w->sites);
	if (!site)
		return -ENOMEM;
	site->call.thread = thread;
	site->call.object = object;
	site->call.request = request;
	*number = t->site = w->sites.count - 1;
	w->site_hash[slot] = w->sites.count;
	w->body.len = 0;
	err = tape_buf_varint(&w->body, thread);
	if (!err)
		err = tape_buf_varint(&w->body, object);
	if (!err)
		err = tape_buf_varint(&w->body, request);
	if (!err)
		err = block_add(&w->blocks, TAPE_BLOCK_SITE, &w->body);
	return err;
}

/* --- payload ---------------------------------------------------------------------------------- */

/* Take over the caller's parts, clipped to the limits.  The sum of have, or -EINVAL. */
static int parts_check(const struct tape_part *parts, unsigned int count, uint32_t limit,
		       struct tape_part *checked)
{
	uint64_t roles = 0;
	uint32_t sum = 0;

	if (count > TAPE_ROLES)
		return -EINVAL;
	for (unsigned int i = 0; i < count; i++) {
		struct tape_part *part = &checked[i];

		*part = parts[i];
		if (part->role >= TAPE_ROLES || roles & 1ull << part->role ||
		    part->flags > (TAPE_PART_LATE | TAPE_PART_CLIPPED | TAPE_PART_FAULT) ||
		    part->have > part->want || (part->have && !part->data))
			return -EINVAL;
		roles |= 1ull << part->role;
		if (part->have > limit - sum) {
			part->have = limit - sum;
			part->flags |= TAPE_PART_CLIPPED;
		}
		sum += part->have;
	}
	return (int)sum;
}

/* Upper bound of what a half adds to the frame's slot memory. */
static size_t parts_cost(const struct tape_part *parts, unsigned int count)
{
	size_t cost = TAPE_COST_SLOT;

	for (unsigned int i = 0; i < count; i++)
		cost += 2 * TAPE_COST_SLOT + parts[i].have + TAPE_SLOT_ROUND;
	return cost;
}

/* The parts as a shape has them. */
static void shape_make(uint64_t arg, const struct tape_part *parts, unsigned int count,
		       struct tape_part *shape)
{
	for (unsigned int i = 0; i < count; i++) {
		shape[i] = parts[i];
		if (!parts[i].addr)
			continue;
		shape[i].flags |= TAPE_PART_HAS_ADDR;
		shape[i].addr -= arg;
	}
}

static bool shape_same(const struct tape_shape *shape, const struct tape_part *parts,
		       unsigned int count)
{
	if (shape->count != count)
		return false;
	for (unsigned int i = 0; i < count; i++) {
		const struct tape_part *a = &shape->parts[i], *b = &parts[i];

		if (a->role != b->role || a->flags != b->flags || a->want != b->want ||
		    a->have != b->have || a->addr != b->addr)
			return false;
	}
	return true;
}

/* The index of a known shape, or .told if it is new. */
static unsigned int shape_find(const struct tape_half *half, const struct tape_part *parts,
			       unsigned int count)
{
	const unsigned int kept = half->told < TAPE_SHAPES ? half->told : TAPE_SHAPES;

	if (kept && shape_same(&half->shapes[half->shape], parts, count))
		return half->shape;
	for (unsigned int n = 0; n < kept; n++)
		if (shape_same(&half->shapes[n], parts, count))
			return n;
	return half->told;
}

static int shape_put(struct tape_buf *to, const struct tape_part *parts, unsigned int count)
{
	int err = tape_buf_varint(to, count);

	for (unsigned int i = 0; i < count && !err; i++) {
		const struct tape_part *part = &parts[i];
		const uint8_t head[2] = {part->role, part->flags};

		err = tape_buf_add(to, head, sizeof(head));
		if (!err)
			err = tape_buf_varint(to, part->want);
		if (!err)
			err = tape_buf_varint(to, part->have);
		if (!err && part->flags & TAPE_PART_HAS_ADDR)
			err = tape_buf_varint(to, tape_zigzag((int64_t)part->addr));
	}
	return err;
}

/* First byte at or after `at` where a and b differ, len if none. */
static size_t differ(const uint8_t *a, const uint8_t *b, size_t at, size_t len)
{
	uint64_t x, y;

	while (at + 8 <= len) {
		memcpy(&x, a + at, 8);
		memcpy(&y, b + at, 8);
		if (x != y)
			break;
		at += 8;
	}
	while (at < len && a[at] == b[at])
		at++;
	return at;
}

/* Runs of differing bytes this near are merged: a run costs two bytes itself. */
#define PATCH_JOIN 3

/* Encode `data` as a change of the slot, and update the slot. */
static int patch_put(struct tape_buf *to, uint8_t *slot, const uint8_t *data, size_t len)
{
	const size_t begin = to->len;
	size_t at = differ(slot, data, 0, len), told = 0, runs = 0;
	int err;

	/*
	 * The number of runs comes first and rarely needs more than one byte; then the patch is
	 * moved.
	 */
	err = tape_buf_reserve(to, len + 2 * TAPE_VARINT_MAX);
	if (err)
		return err;
	to->len++;
	while (at < len && to->len - begin < len && runs < 127) {
		size_t end = at + 1, next;

		for (;;) {
			while (end < len && slot[end] != data[end])
				end++;
			next = differ(slot, data, end, len);
			if (next == len || next - end > PATCH_JOIN)
				break;
			end = next + 1;
		}
		err = tape_buf_reserve(to, 2 * TAPE_VARINT_MAX + end - at);
		if (err)
			return err;
		to->len += tape_varint_put(to->data + to->len, at - told);
		to->len += tape_varint_put(to->data + to->len, end - at);
		memcpy(to->data + to->len, data + at, end - at);
		to->len += end - at;
		runs++;
		told = end;
		at = next;
	}
	if (at < len || to->len - begin > len + 1) {
		to->len = begin + 1;
		runs = 0;
		err = tape_buf_add(to, data, len);
		if (err)
			return err;
	}
	to->data[begin] = (uint8_t)runs;
	memcpy(slot, data, len);
	return 0;
}

/* Encode one half of a call at the end of w->body; the flags that it needs are added to *flags. */
static int half_put(struct tape_writer *w, struct tape_site *site, enum tape_half_number which,
		    const struct tape_part *parts, unsigned int count, unsigned int *flags)
{
	struct tape_half *half = &site->half[which];
	struct tape_part shape[TAPE_ROLES];
	unsigned int number;
	uint64_t changed = 0;
	int err;

	shape_make(site->call.arg, parts, count, shape);
	number = shape_find(half, shape, count);
	/* A half without a shape has no parts. */
	if (half->told ? number != half->shape || number == half->told : count > 0) {
		*flags |= which == TAPE_HALF_IN ? TAPE_BODY_IN_SHAPE : TAPE_BODY_OUT_SHAPE;
		if (number < half->told && number < TAPE_SHAPES) {
			err = tape_buf_varint(&w->body, number + 1);
			if (!err)
				err = tape_shape_select(site, which, number);
		} else {
			err = tape_buf_varint(&w->body, 0);
			if (!err)
				err = shape_put(&w->body, shape, count);
			if (!err)
				err = tape_shape_tell(&w->sites, site, which, shape, count);
		}
		if (err)
			return err;
	}
	tape_site_predict(site, which);
	for (unsigned int i = 0; i < count; i++)
		if (parts[i].have && memcmp(half->parts[i].data, parts[i].data, parts[i].have))
			changed |= 1ull << i;
	w->frame_shown += tape_half_shown(half);
	if (!changed)
		return 0;
	*flags |= which == TAPE_HALF_IN ? TAPE_BODY_IN_DATA : TAPE_BODY_OUT_DATA;
	err = tape_buf_varint(&w->body, changed);
	for (unsigned int i = 0; i < count && !err; i++)
		if (changed & 1ull << i)
			err = patch_put(&w->body, (uint8_t *)half->parts[i].data, parts[i].data,
					parts[i].have);
	return err;
}

/* --- public ----------------------------------------------------------------------------------- */

static int string_put(struct tape_buf *to, const char *string)
{
	size_t len = strlen(string);
	int err;

	if (len > TAPE_MAX_STRING)
		return TAPE_E_LIMIT;
	err = tape_buf_varint(to, len);
	return err ? err : tape_buf_add(to, string, len);
}

static uint8_t header_flags(const struct tape_env *env)
{
	return (env->timeless ? TAPE_HEADER_TIMELESS : 0) |
	       (env->canonical ? TAPE_HEADER_CANONICAL : 0);
}

static int environment_put(struct tape_writer *w, const struct tape_env *env)
{
	uint64_t asked = 0;
	size_t last = 0;
	int err;

	if (env->pair_count > TAPE_MAX_PAIRS || env->cap_count > TAPE_MAX_CAPS)
		return TAPE_E_LIMIT;
	w->body.len = 0;
	/* The header has no checksum, so its values are repeated in a block that has one. */
	err = tape_buf_varint(&w->body, env->arch);
	if (!err)
		err = tape_buf_varint(&w->body, env->clock_shift);
	if (!err)
		err = tape_buf_varint(&w->body, header_flags(env));
	if (!err)
		err = tape_buf_varint(&w->body, env->page_size);
	if (!err)
		err = tape_buf_varint(&w->body, env->pair_count);
	for (size_t i = 0; i < env->pair_count && !err; i++) {
		err = string_put(&w->body, env->pairs[i].key);
		if (!err)
			err = string_put(&w->body, env->pairs[i].value);
	}
	for (size_t n = 0; n < env->cap_count; n++)
		asked += env->caps[n] != INT32_MIN;
	if (!err)
		err = tape_buf_varint(&w->body, asked);
	for (size_t n = 0; n < env->cap_count && !err; n++) {
		if (env->caps[n] == INT32_MIN)
			continue;
		err = tape_buf_varint(&w->body, n - last);
		if (!err)
			err = tape_buf_varint(&w->body, tape_zigzag(env->caps[n]));
		last = n;
	}
	if (!err && w->body.len > TAPE_MAX_HALF)
		err = TAPE_E_LIMIT;
	return err ? err : block_add(&w->blocks, TAPE_BLOCK_ENVIRONMENT, &w->body);
}

static int header_put(struct tape_writer *w, const struct tape_env *env)
{
	uint8_t header[8 + TAPE_HEADER_SIZE] = {0};

	tape_le_put(header, TAPE_SKIPPABLE_MAGIC, 4);
	tape_le_put(header + 4, TAPE_HEADER_SIZE, 4);
	memcpy(header + 8, TAPE_HEADER_MAGIC, 8);
	tape_le_put(header + 16, TAPE_FORMAT_MAJOR, 2);
	/* Canonical tapes use nothing newer than 1.0, so their bytes stay the same. */
	tape_le_put(header + 18, env->canonical ? 0 : TAPE_FORMAT_MINOR, 2);
	tape_le_put(header + 20, TAPE_FEATURES_KNOWN, 8);
	header[28] = (uint8_t)env->arch;
	header[29] = (uint8_t)env->clock_shift;
	header[30] = header_flags(env);
	tape_le_put(header + 32, env->page_size, 4);
	return writer_put(w, header, sizeof(header));
}

/* The options of a caller that was built with an older or a newer header.  0, -EINVAL, -E2BIG. */
static int options_take(const struct tape_writer_options *from, struct tape_writer_options *to)
{
	const size_t first = offsetof(struct tape_writer_options, context) + sizeof(to->context);
	const size_t known = sizeof(*to);

	memset(to, 0, sizeof(*to));
	if (!from)
		return 0;
	if (from->size < first)
		return -EINVAL;
	if (from->size > known && !bytes_zero((const uint8_t *)from + known, from->size - known))
		return -E2BIG;
	memcpy(to, from, from->size < known ? from->size : known);
	return 0;
}

int tape_writer_open(int fd, const struct tape_env *env, const struct tape_writer_options *options,
		     struct tape_writer **writer)
{
	struct tape_writer_options o;
	struct tape_writer *w;
	int err;

	*writer = NULL;
	err = options_take(options, &o);
	if (err)
		return err;
	if (env->arch >= KVMAPI_ARCHS || env->clock_shift > TAPE_MAX_CLOCK_SHIFT)
		return -EINVAL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->fd = fd;
	w->start = lseek(fd, 0, SEEK_CUR);
	w->clock_shift = env->clock_shift;
	w->timeless = env->timeless;
	w->canonical = env->canonical;
	w->level = o.level ? o.level : DEFAULT_LEVEL;
	w->frame_bytes = o.frame_bytes ? o.frame_bytes : DEFAULT_FRAME_BYTES;
	if (w->frame_bytes > TAPE_MAX_FRAME_BYTES)
		w->frame_bytes = TAPE_MAX_FRAME_BYTES;
	w->wait = o.wait;
	w->wait_context = o.wait_context;
	w->unpacked = o.unpacked;
	w->context = o.context;
	w->cctx = ZSTD_createCCtx();
	w->site_hash = calloc(SITE_HASH, sizeof(*w->site_hash));
	err = -ENOMEM;
	if (!w->cctx || !w->site_hash)
		goto fail;
	err = -EINVAL;
	if (ZSTD_isError(ZSTD_CCtx_setParameter(w->cctx, ZSTD_c_compressionLevel, w->level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(w->cctx, ZSTD_c_checksumFlag, 1)))
		goto fail;
	err = header_put(w, env);
	if (!err)
		err = environment_put(w, env);
	if (!err)
		err = writer_close_frame(w);
	if (err)
		goto fail;
	*writer = w;
	return 0;
fail:
	tape_writer_close(w);
	return err;
}

int tape_writer_thread(struct tape_writer *w, const struct tape_thread *thread)
{
	int err = writer_item(w);

	if (err)
		return writer_fail(w, err);
	if (thread->id != w->thread_count)
		return TAPE_E_ORDER;
	if (thread->id >= TAPE_MAX_THREADS)
		return TAPE_E_LIMIT;
	err = array_grow(&w->threads, &w->thread_room, w->thread_count);
	if (err)
		return writer_fail(w, err);
	memset(&w->threads[w->thread_count], 0, sizeof(*w->threads));
	w->threads[w->thread_count].thread = *thread;
	w->thread_count++;
	return writer_fail(w, thread_block(w, TAPE_BLOCK_THREAD, thread));
}

int tape_writer_object(struct tape_writer *w, const struct tape_object *object)
{
	unsigned int depth;
	int err = writer_item(w);

	if (err)
		return writer_fail(w, err);
	if (object->id != w->object_count + 1 || object->parent >= object->id)
		return TAPE_E_ORDER;
	depth = object->parent ? w->objects[object->parent - 1].depth + 1 : 1;
	if (object->id > TAPE_MAX_OBJECTS || depth > TAPE_MAX_DEPTH)
		return TAPE_E_LIMIT;
	err = array_grow(&w->objects, &w->object_room, w->object_count);
	if (err)
		return writer_fail(w, err);
	memset(&w->objects[w->object_count], 0, sizeof(*w->objects));
	w->objects[w->object_count].object = *object;
	w->objects[w->object_count].depth = depth;
	w->object_count++;
	return writer_fail(w, object_block(w, TAPE_BLOCK_OBJECT, object));
}

int tape_writer_closed(struct tape_writer *w, uint32_t object, uint64_t time)
{
	int err = writer_item(w);

	if (err)
		return writer_fail(w, err);
	if (!object || object > w->object_count)
		return TAPE_E_ORDER;
	w->body.len = 0;
	err = tape_buf_varint(&w->body, object);
	if (!err)
		err = writer_time(w, TAPE_HALF_IN, time);
	if (!err)
		err = block_add(&w->blocks, TAPE_BLOCK_CLOSED, &w->body);
	return writer_fail(w, err);
}

/* Room in the frame for a half with these parts, and for a new site. */
static int writer_room(struct tape_writer *w, const struct tape_part *parts, unsigned int count,
		       uint32_t sum)
{
	if (w->sites.cost + TAPE_COST_SITE + parts_cost(parts, count) <= TAPE_MAX_SLOTS &&
	    w->frame_shown + sum <= TAPE_MAX_SHOWN)
		return 0;
	return writer_close_frame(w);
}

/* The open call of a thread has ended, by its return or because that is missing. */
static void thread_ended(struct tape_writer *w, struct writer_thread *thread)
{
	thread->open = false;
	w->open_bytes -= thread->open_bytes;
	w->open_parts -= thread->open_parts;
}

int tape_writer_call(struct tape_writer *w, const struct tape_call *call)
{
	struct tape_part parts[TAPE_ROLES];
	struct writer_thread *thread;
	struct tape_site *site;
	unsigned int flags = 0;
	uint32_t number, limit = TAPE_MAX_HALF;
	int err, sum;

	err = writer_item(w);
	if (err)
		return writer_fail(w, err);
	if (call->thread >= w->thread_count || !call->object || call->object > w->object_count)
		return TAPE_E_ORDER;
	thread = &w->threads[call->thread];
	if (thread->open)
		thread_ended(w, thread);
	if (w->open_parts + 1 + call->part_count > TAPE_MAX_OPEN_PARTS)
		return TAPE_E_LIMIT;
	if (limit > TAPE_MAX_OPEN - w->open_bytes)
		limit = (uint32_t)(TAPE_MAX_OPEN - w->open_bytes);
	sum = parts_check(call->parts, call->part_count, limit, parts);
	if (sum < 0)
		return sum;
	err = writer_room(w, parts, call->part_count, (uint32_t)sum);
	if (!err)
		err = writer_site(w, call->thread, call->object, call->request, &number);
	if (!err)
		err = writer_time(w, TAPE_HALF_IN, call->time);
	if (err)
		return writer_fail(w, err);

	site = w->sites.list[number];
	w->body.len = 0;
	err = tape_buf_varint(&w->body, number);
	w->body_flags_at = w->body.len;
	if (!err)
		err = tape_buf_varint(&w->body, 0);
	if (!err && call->arg != site->call.arg) {
		flags |= TAPE_BODY_ARG;
		err = tape_buf_varint(&w->body, call->arg);
		tape_site_arg(site, call->arg);
	}
	if (!err)
		err = half_put(w, site, TAPE_HALF_IN, parts, call->part_count, &flags);
	if (err)
		return writer_fail(w, err);
	w->body.data[w->body_flags_at] = (uint8_t)flags;
	w->pending = true;
	w->pending_thread = call->thread;

	thread->open = true;
	thread->object = call->object;
	thread->request = call->request;
	thread->open_bytes = (uint32_t)sum;
	thread->open_parts = 1 + call->part_count;
	w->open_bytes += thread->open_bytes;
	w->open_parts += thread->open_parts;
	w->calls++;
	w->index++;
	w->frame_calls++;
	return 0;
}

int tape_writer_return(struct tape_writer *w, uint32_t number, const struct tape_return *ret)
{
	struct tape_part parts[TAPE_ROLES];
	enum tape_block type = TAPE_BLOCK_EVENT;
	struct writer_thread *thread;
	struct tape_site *site;
	unsigned int flags = 0;
	uint32_t site_number;
	int err, sum;

	if (w->error)
		return w->error;
	if (w->finished || number >= w->thread_count || !w->threads[number].open ||
	    ret->created > w->object_count)
		return TAPE_E_ORDER;
	thread = &w->threads[number];
	sum = parts_check(ret->parts, ret->part_count, TAPE_MAX_HALF, parts);
	if (sum < 0)
		return sum;
	if (!w->pending || w->pending_thread != number) {
		err = writer_item(w);
		if (err)
			return writer_fail(w, err);
	}
	err = writer_room(w, parts, ret->part_count, (uint32_t)sum);
	if (err)
		return writer_fail(w, err);
	if (w->pending) {
		flags = w->body.data[w->body_flags_at];
		site = w->sites.list[thread->site];
		w->pending = false;
	} else {
		type = TAPE_BLOCK_RETURN;
		err = writer_site(w, number, thread->object, thread->request, &site_number);
		if (err)
			return writer_fail(w, err);
		site = w->sites.list[site_number];
		w->body.len = 0;
		err = tape_buf_varint(&w->body, site_number);
		w->body_flags_at = w->body.len;
		if (!err)
			err = tape_buf_varint(&w->body, 0);
		if (err)
			return writer_fail(w, err);
	}
	err = writer_time(w, TAPE_HALF_OUT, ret->time);
	if (!err && ret->ret != site->ret.ret) {
		flags |= TAPE_BODY_RET;
		err = tape_buf_varint(&w->body, tape_zigzag(ret->ret));
		site->ret.ret = ret->ret;
	}
	if (!err)
		err = half_put(w, site, TAPE_HALF_OUT, parts, ret->part_count, &flags);
	if (!err && ret->created) {
		flags |= TAPE_BODY_CREATED;
		err = tape_buf_varint(&w->body, ret->created);
	}
	if (err)
		return writer_fail(w, err);
	w->body.data[w->body_flags_at] = (uint8_t)flags;
	err = block_add(&w->blocks, type, &w->body);
	thread_ended(w, thread);
	w->returns++;
	return writer_fail(w, err);
}

int tape_writer_gap(struct tape_writer *w, const struct tape_gap *gap)
{
	int err = writer_item(w);

	if (err)
		return writer_fail(w, err);
	if (gap->cause >= TAPE_GAP_CAUSES || gap->events > TAPE_MAX_EVENTS - w->index)
		return -EINVAL;
	w->body.len = 0;
	err = tape_buf_varint(&w->body, gap->cause);
	if (!err)
		err = tape_buf_varint(&w->body, gap->events);
	if (!err)
		err = writer_time(w, TAPE_HALF_IN, gap->time);
	if (!err)
		err = block_add(&w->blocks, TAPE_BLOCK_GAP, &w->body);
	w->index += gap->events;
	return writer_fail(w, err);
}

int tape_writer_memory(struct tape_writer *w, const struct tape_memory *memory)
{
	uint32_t at = 0;

	do {
		uint32_t len = memory->len - at;
		int err = writer_item(w);

		if (err)
			return writer_fail(w, err);
		if (!memory->object || memory->object > w->object_count)
			return TAPE_E_ORDER;
		if (len > TAPE_MAX_MEMORY)
			len = TAPE_MAX_MEMORY;
		w->body.len = 0;
		err = tape_buf_varint(&w->body, memory->object);
		if (!err)
			err = tape_buf_varint(&w->body, memory->gpa + at);
		if (!err)
			err = tape_buf_varint(&w->body, len);
		if (!err)
			err = tape_buf_add(&w->body, memory->data + at, len);
		if (!err)
			err = block_add(&w->blocks, TAPE_BLOCK_MEMORY, &w->body);
		if (err)
			return writer_fail(w, err);
		at += len;
	} while (at < memory->len);
	return 0;
}

/*
 * A reader without signals skips their blocks, so their times must not be in the columns, where it
 * would take them for those of the next items.
 */
int tape_writer_signal(struct tape_writer *w, const struct tape_signal *signal)
{
	const bool lost = signal->what == TAPE_SIGNAL_LOST;
	int err = writer_item(w);

	if (err)
		return writer_fail(w, err);
	if (w->canonical || !tape_signal_valid(signal))
		return -EINVAL;
	if (!lost && signal->thread >= w->thread_count)
		return TAPE_E_ORDER;
	if (!lost)
		err = writer_restate(w, signal->thread, 0);
	w->body.len = 0;
	if (!err)
		err = tape_buf_varint(&w->body, signal->what);
	if (!err)
		err = tape_buf_varint(&w->body, lost ? signal->count : signal->thread);
	if (!err && !lost) {
		err = tape_buf_varint(&w->body, signal->number);
		if (!err)
			err = tape_buf_varint(&w->body, signal->outcome);
		if (!err)
			err = tape_buf_varint(&w->body, signal->process ? TAPE_SIGNAL_PROCESS : 0);
		if (!err)
			err = tape_buf_varint(&w->body, tape_zigzag(signal->code));
		if (!err)
			err = tape_buf_varint(&w->body, signal->sender);
	}
	if (!err && !w->timeless)
		err = tape_buf_varint(
			&w->body,
			tape_zigzag((int64_t)((signal->time >> w->clock_shift) - w->last_time)));
	if (!err)
		err = block_add(&w->blocks, TAPE_BLOCK_SIGNAL, &w->body);
	return writer_fail(w, err);
}

int tape_writer_flush(struct tape_writer *w)
{
	if (w->error)
		return w->error;
	return writer_fail(w, writer_close_frame(w));
}

static int table_put(struct tape_writer *w)
{
	const size_t size = 8 + 4 + w->table_count * TAPE_TABLE_ENTRY + TAPE_FOOTER_SIZE;
	uint8_t *data = calloc(1, 8 + size), *at;
	int err;

	if (!data)
		return -ENOMEM;
	tape_le_put(data, TAPE_SKIPPABLE_MAGIC, 4);
	tape_le_put(data + 4, size, 4);
	memcpy(data + 8, TAPE_TABLE_MAGIC, 8);
	tape_le_put(data + 16, w->table_count, 4);
	at = data + 20;
	for (size_t i = 0; i < w->table_count; i++, at += TAPE_TABLE_ENTRY) {
		tape_le_put(at, w->table[i].offset, 8);
		tape_le_put(at + 8, w->table[i].first_index, 8);
		tape_le_put(at + 16, w->table[i].stored, 4);
		tape_le_put(at + 20, w->table[i].decoded, 4);
	}
	tape_le_put(at, w->bytes, 8);
	memcpy(at + 8, TAPE_FOOTER_MAGIC, 8);
	err = writer_put(w, data, 8 + size);
	free(data);
	return err;
}

int tape_writer_finish(struct tape_writer *w, const struct tape_end *end)
{
	int err = writer_item(w);

	if (err)
		return writer_fail(w, err);
	w->body.len = 0;
	err = tape_buf_varint(&w->body, end->seen);
	if (!err)
		err = tape_buf_varint(&w->body, w->calls);
	if (!err)
		err = tape_buf_varint(&w->body, w->calls - w->returns);
	if (!err)
		err = tape_buf_varint(&w->body, TAPE_GAP_CAUSES);
	for (int c = 0; c < TAPE_GAP_CAUSES && !err; c++)
		err = tape_buf_varint(&w->body, end->lost[c]);
	if (!err)
		err = block_add(&w->blocks, TAPE_BLOCK_END, &w->body);
	if (!err)
		err = writer_close_frame(w);
	if (!err)
		err = table_put(w);
	if (!err)
		w->finished = true;
	return writer_fail(w, err);
}

uint64_t tape_writer_bytes(const struct tape_writer *w)
{
	return w->bytes;
}

uint64_t tape_writer_calls(const struct tape_writer *w)
{
	return w->calls;
}

uint64_t tape_writer_returns(const struct tape_writer *w)
{
	return w->returns;
}

void tape_writer_close(struct tape_writer *w)
{
	if (!w)
		return;
	ZSTD_freeCCtx(w->cctx);
	free(w->threads);
	free(w->objects);
	free(w->table);
	tape_buf_release(&w->blocks);
	tape_buf_release(&w->column[TAPE_HALF_IN]);
	tape_buf_release(&w->column[TAPE_HALF_OUT]);
	tape_sites_release(&w->sites);
	free(w->site_hash);
	tape_buf_release(&w->frame);
	tape_buf_release(&w->packed);
	tape_buf_release(&w->body);
	free(w);
}
