// SPDX-License-Identifier: BSD-2-Clause
/* Set cover over pieces of tapes, and then over the calls of each. */
#include "replayer/judge/distill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/array.h"
#include "base/hash.h"
#include "replayer/judge/cut.h"

/* What a piece reaches: bits, by the number of a feature. */
struct set {
	uint64_t *words;
	size_t count;
};

struct source {
	char *name;
	struct whole_tape tape;
	struct cut cut;
	uint16_t *broken; /* by event: the rule that it breaks on the whole tape plus 1, 0 = none */
	bool has_blocks;
	struct set blocks;  /* features that are blocks */
	struct set reached; /* by all of it */
};

struct piece {
	struct source *source;
	uint32_t vm; /* 0 = all of it */
	bool *keep;
	uint64_t calls;
	struct set reached;
	bool chosen;
};

/*
 * Features have numbers in the order in which they are met.  A key is RULE << 16 | outcome, or a
 * hash of the name of a block with the topmost bit set.
 */
struct distill {
	uint64_t *keys;
	size_t key_count, key_room;
	uint32_t *table; /* number plus 1 by hash of the key */
	size_t table_size;
	struct source **sources;
	size_t source_count, source_room;
	struct piece *pieces;
	size_t piece_count, piece_room;
};

#define KEY_BLOCK (1ull << 63)

/* --- sets of features ------------------------------------------------------------------------- */

static int set_put(struct set *s, size_t bit)
{
	size_t words = bit / 64 + 1;

	if (words > s->count) {
		uint64_t *more = realloc(s->words, words * 2 * sizeof(*more));

		if (!more)
			return -ENOMEM;
		memset(more + s->count, 0, (words * 2 - s->count) * sizeof(*more));
		s->words = more;
		s->count = words * 2;
	}
	s->words[bit / 64] |= 1ull << bit % 64;
	return 0;
}

static uint64_t set_word(const struct set *s, size_t i)
{
	return i < s->count ? s->words[i] : 0;
}

static int set_join(struct set *to, const struct set *from)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < from->count * 64; i++) {
		if (from->words[i / 64] >> i % 64 & 1)
			rc = set_put(to, i);
	}
	return rc;
}

/* How many bits of `s` are not in `of`. */
static size_t set_beyond(const struct set *s, const struct set *of)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		n += __builtin_popcountll(s->words[i] & ~set_word(of, i));
	return n;
}

static void set_clear(struct set *s)
{
	if (s->count)
		memset(s->words, 0, s->count * sizeof(*s->words));
}

/* The number of a feature; it gets one if it has none.  -ENOMEM. */
static int64_t feature(struct distill *d, uint64_t key)
{
	size_t at;

	if ((d->key_count + 1) * 2 > d->table_size) {
		size_t size = d->table_size ? 2 * d->table_size : 4096;
		uint32_t *table = calloc(size, sizeof(*table));

		if (!table)
			return -ENOMEM;
		for (size_t i = 0; i < d->key_count; i++) {
			at = d->keys[i] * 0x9e3779b97f4a7c15ull >> 32;
			while (table[at & (size - 1)])
				at++;
			table[at & (size - 1)] = i + 1;
		}
		free(d->table);
		d->table = table;
		d->table_size = size;
	}
	at = key * 0x9e3779b97f4a7c15ull >> 32;
	for (; d->table[at & (d->table_size - 1)]; at++) {
		uint32_t number = d->table[at & (d->table_size - 1)] - 1;

		if (d->keys[number] == key)
			return number;
	}
	if (array_grow(&d->keys, &d->key_room, d->key_count))
		return -ENOMEM;
	d->keys[d->key_count] = key;
	d->table[at & (d->table_size - 1)] = ++d->key_count;
	return d->key_count - 1;
}

/* --- judging a piece -------------------------------------------------------------------------- */

struct reaching {
	struct distill *d;
	struct source *source;
	struct set *reached;
	bool whole; /* first run of a whole tape: note what it breaks */
	bool spoiled;
	int error;
};

static void reach(struct reaching *r, uint16_t rule, const struct tape_return *ret)
{
	uint64_t outcome = ret->ret < 0 ? (uint64_t)-ret->ret & 0x7fff : 0x8000;
	int64_t number = feature(r->d, (uint64_t)rule << 16 | outcome);

	if (number < 0 || set_put(r->reached, number))
		r->error = -ENOMEM;
}

static void reaching_verdict(void *context, const struct tape_return *ret,
			     const struct model_verdict *v)
{
	struct reaching *r = context;

	for (unsigned int i = 0; i < v->held_count; i++)
		reach(r, v->held[i], ret);
	if (v->kind == MODEL_DEVIATION || v->kind == MODEL_DIVERGES)
		reach(r, v->rule, ret);
	for (unsigned int i = 0; i < v->advice_count; i++)
		reach(r, v->advice[i].rule, ret);
	if (v->kind != MODEL_DIVERGES)
		return;
	if (r->whole)
		r->source->broken[ret->call->index] = v->rule + 1;
	else if (r->source->broken[ret->call->index] != v->rule + 1)
		r->spoiled = true;
}

/* What the kept calls of a source reach. 1; 0 if a call diverges that did not on the whole tape. */
static int judge(struct distill *d, struct source *s, bool whole, struct set *reached)
{
	struct reaching r = {.d = d, .source = s, .reached = reached, .whole = whole};
	struct cut_judging judging = {.fn = reaching_verdict, .context = &r, .stop = &r.spoiled};
	int rc;

	set_clear(reached);
	if (s->tape.no_results)
		return 1;
	rc = cut_judge(&s->cut, &judging);
	if (!rc)
		rc = r.error;
	return rc ? rc : !r.spoiled;
}

/* --- tapes ------------------------------------------------------------------------------------ */

struct distill *distill_new(void)
{
	return calloc(1, sizeof(struct distill));
}

static void source_free(struct source *s)
{
	if (!s)
		return;
	cut_free(&s->cut);
	whole_tape_free(&s->tape);
	free(s->broken);
	free(s->blocks.words);
	free(s->reached.words);
	free(s->name);
	free(s);
}

void distill_free(struct distill *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->piece_count; i++) {
		free(d->pieces[i].keep);
		free(d->pieces[i].reached.words);
	}
	for (size_t i = 0; i < d->source_count; i++)
		source_free(d->sources[i]);
	free(d->pieces);
	free(d->sources);
	free(d->keys);
	free(d->table);
	free(d);
}

/* Each line is a block, as far as its first "module section+offset": names may follow. */
static int blocks_add(struct distill *d, struct source *s, const char *text)
{
	int rc = 0;

	s->has_blocks = true;
	while (!rc && *text) {
		size_t len = strcspn(text, "\n"), used = 0, words = 0;
		int64_t number;

		while (used < len && (words += text[used] == ' ') < 2)
			used++;
		if (len && *text != '#') {
			number = feature(d, hash64_add(HASH64_BEGIN, text, used) | KEY_BLOCK);
			rc = number < 0 ? number : set_put(&s->blocks, number);
		}
		text += len + (text[len] == '\n');
	}
	return rc;
}

/* Make a piece of what is kept of the source now. */
static int piece_add(struct distill *d, struct source *s, uint32_t vm, bool whole)
{
	struct piece p = {.source = s, .vm = vm};
	int rc;

	p.keep = malloc(s->cut.count + 1);
	if (!p.keep || array_grow(&d->pieces, &d->piece_room, d->piece_count)) {
		free(p.keep);
		return -ENOMEM;
	}
	rc = judge(d, s, whole, &p.reached);
	if (rc > 0 && !vm)
		rc = set_join(&p.reached, &s->blocks) ?: 1;
	if (rc > 0 && whole)
		rc = set_join(&s->reached, &p.reached) ?: 1;
	/* Without its context a VM may reach rules that it does not reach on the tape. */
	for (size_t i = 0; rc > 0 && i < p.reached.count; i++)
		p.reached.words[i] &= set_word(&s->reached, i);
	if (rc <= 0) {
		free(p.keep);
		free(p.reached.words);
		return rc;
	}
	memcpy(p.keep, s->cut.keep, s->cut.count);
	p.calls = cut_events(&s->cut);
	d->pieces[d->piece_count++] = p;
	return 0;
}

/* For each VM of a tape: the calls that made it and all calls on its objects. */
static int pieces_of_vms(struct distill *d, struct source *s)
{
	const struct whole_tape *t = &s->tape;
	int rc = 0;

	for (uint32_t vm = 1; !rc && vm < t->object_count; vm++) {
		if (t->objects[vm].kind != KVMAPI_VM)
			continue;
		for (size_t i = 0; i < s->cut.count; i++) {
			uint32_t on;

			if (i < t->event_count)
				on = t->events[i].object;
			else
				on = t->items[s->cut.memory[i - t->event_count]].memory->object;
			s->cut.keep[i] = cut_root(&s->cut, on) == vm ||
					 (i < t->event_count && t->events[i].created == vm);
		}
		rc = piece_add(d, s, vm, false);
	}
	return rc;
}

int distill_add(struct distill *d, const char *name, const void *data, size_t size,
		const char *blocks)
{
	struct source *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (!s)
		return -ENOMEM;
	rc = whole_tape_load(data, size, &s->tape);
	if (!rc)
		rc = cut_init(&s->cut, &s->tape);
	if (rc)
		goto fail;
	rc = -ENOMEM;
	s->cut.echoes = true;
	s->name = strdup(name);
	s->broken = calloc(s->tape.event_count + 1, sizeof(*s->broken));
	if (!s->name || !s->broken || array_grow(&d->sources, &d->source_room, d->source_count))
		goto fail;
	rc = blocks ? blocks_add(d, s, blocks) : 0;
	if (!rc)
		rc = piece_add(d, s, 0, true);
	if (!rc && !blocks)
		rc = pieces_of_vms(d, s);
	/* Keep it as long as its pieces, whatever happened. */
	d->sources[d->source_count++] = s;
	return rc;
fail:
	source_free(s);
	return rc;
}

/* --- choosing --------------------------------------------------------------------------------- */

struct shrinking {
	struct distill *d;
	struct piece *piece;
	const struct set *credited; /* features that it must still reach */
	struct set reached;
	bool *saved;
};

static int shrink_attempt(void *context, const size_t *elements, size_t count)
{
	struct shrinking *k = context;
	struct cut *c = &k->piece->source->cut;
	bool change = false;
	int rc;

	for (size_t i = 0; i < count; i++)
		change |= c->keep[elements[i]];
	if (!change)
		return 1;
	memcpy(k->saved, c->keep, c->count);
	for (size_t i = 0; i < count; i++)
		c->keep[elements[i]] = false;
	cut_close(c);
	rc = judge(k->d, k->piece->source, false, &k->reached);
	if (rc > 0)
		rc = !set_beyond(k->credited, &k->reached);
	if (rc <= 0)
		memcpy(c->keep, k->saved, c->count);
	return rc;
}

/* Remove the calls of a piece that its chosen features do not need. */
static int piece_shrink(struct distill *d, struct piece *p, const struct set *credited)
{
	struct cut *c = &p->source->cut;
	struct shrinking k = {.d = d, .piece = p, .credited = credited};
	size_t *list = malloc((c->count + 1) * sizeof(*list));
	size_t n = 0;
	int rc = -ENOMEM;

	k.saved = malloc(c->count + 1);
	if (!list || !k.saved)
		goto out;
	memcpy(c->keep, p->keep, c->count);
	for (size_t i = 0; i < c->count; i++) {
		if (c->keep[i])
			list[n++] = i;
	}
	rc = cut_sweep(list, &n, shrink_attempt, &k);
	if (!rc)
		rc = judge(d, p->source, false, &p->reached);
	if (rc < 0)
		goto out;
	rc = 0;
	memcpy(p->keep, c->keep, c->count);
	p->calls = cut_events(c);
out:
	free(list);
	free(k.saved);
	free(k.reached.words);
	return rc;
}

/* The piece that adds most, and of several the shortest. NULL: none adds anything. */
static struct piece *piece_best(struct distill *d, const struct set *have)
{
	struct piece *best = NULL;
	size_t most = 0;

	for (size_t i = 0; i < d->piece_count; i++) {
		struct piece *p = &d->pieces[i];
		size_t gain = p->chosen ? 0 : set_beyond(&p->reached, have);

		if (gain > most || (gain && gain == most && p->calls < best->calls)) {
			best = p;
			most = gain;
		}
	}
	return best;
}

/* The features of a piece that no earlier one has. */
static int set_difference(const struct set *s, const struct set *have, struct set *difference)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < s->count * 64; i++) {
		if ((s->words[i / 64] & ~set_word(have, i / 64)) >> i % 64 & 1)
			rc = set_put(difference, i);
	}
	return rc;
}

static int choose(struct distill *d, bool whole)
{
	struct set have = {0};
	struct piece *p;
	int rc = 0;

	while (!rc && (p = piece_best(d, &have))) {
		struct set credited = {0};

		p->chosen = true;
		rc = set_difference(&p->reached, &have, &credited);
		if (!rc && !whole && !p->source->has_blocks)
			rc = piece_shrink(d, p, &credited);
		if (!rc)
			rc = set_join(&have, &p->reached);
		free(credited.words);
	}
	free(have.words);
	return rc;
}

/* Later pieces may make an earlier one redundant. */
static int choose_again(struct distill *d)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < d->piece_count; i++) {
		struct set others = {0};

		for (size_t k = 0; !rc && k < d->piece_count; k++) {
			if (k != i && d->pieces[k].chosen)
				rc = set_join(&others, &d->pieces[k].reached);
		}
		if (!rc && d->pieces[i].chosen)
			d->pieces[i].chosen = set_beyond(&d->pieces[i].reached, &others);
		free(others.words);
	}
	return rc;
}

static int piece_write(struct piece *p,
		       int (*put)(void *context, const char *name, uint32_t vm, const void *tape,
				  size_t size),
		       void *context)
{
	int fd = memfd_create("kvmtape-distilled", MFD_CLOEXEC);
	void *data;
	off_t size;
	int rc;

	if (fd < 0)
		return -errno;
	memcpy(p->source->cut.keep, p->keep, p->source->cut.count);
	rc = cut_write(&p->source->cut, false, fd);
	size = lseek(fd, 0, SEEK_END);
	if (!rc && size < 0)
		rc = -errno;
	if (rc)
		goto out;
	data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED) {
		rc = -errno;
		goto out;
	}
	rc = put(context, p->source->name, p->vm, data, size);
	munmap(data, size);
out:
	close(fd);
	return rc;
}

static void count_features(const struct distill *d, struct distill_counts *counts)
{
	bool *seen = calloc(1 << 16, sizeof(*seen));

	for (size_t i = 0; i < d->key_count; i++) {
		uint16_t rule;

		if (d->keys[i] & KEY_BLOCK) {
			counts->blocks++;
			continue;
		}
		counts->outcomes++;
		rule = d->keys[i] >> 16;
		if (seen && !seen[rule])
			counts->rules++;
		if (seen)
			seen[rule] = true;
	}
	free(seen);
}

int distill_run(struct distill *d, bool whole,
		int (*put)(void *context, const char *name, uint32_t vm, const void *tape,
			   size_t size),
		void *context, struct distill_counts *counts)
{
	int rc;

	memset(counts, 0, sizeof(*counts));
	counts->tapes = d->source_count;
	for (size_t i = 0; i < d->source_count; i++) {
		counts->calls += d->sources[i]->tape.event_count;
		counts->without_results += d->sources[i]->tape.no_results;
	}
	/* Before candidates reach what no tape reaches. */
	count_features(d, counts);
	rc = choose(d, whole);
	if (!rc)
		rc = choose_again(d);
	for (size_t i = 0; !rc && i < d->piece_count; i++) {
		if (!d->pieces[i].chosen)
			continue;
		counts->tapes_kept++;
		counts->calls_kept += d->pieces[i].calls;
		rc = piece_write(&d->pieces[i], put, context);
	}
	return rc;
}
