/* SPDX-License-Identifier: BSD-2-Clause */
/* Feeds the items of a tape to the model and counts its verdicts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "replayer/judge/judge.h"

/*
 * Scores by (kind, request): open addressing, since every event looks one up.  Pointers to scores
 * do not survive an insertion, so the table holds positions.
 */
#define TABLE_MIN 256

struct judging {
	const struct replayer_options *options;
	const struct replayer_hooks *hooks;
	struct replayer_score *score;
	uint32_t *table; /* position in score->ioctls plus 1; 0 = free */
	size_t table_size;
	size_t ioctl_room;
	uint64_t *deviations; /* by rule */
	uint64_t *divergences;
	uint64_t *advice;
	uint64_t open; /* calls that are wanted and have not returned */
	bool past;     /* a call after options->until was seen */
	int error;     /* first error in a callback, which cannot return it */
};

static size_t table_hash(uint8_t kind, uint32_t request)
{
	return (((uint64_t)kind << 32 | request) * 0x9e3779b97f4a7c15ULL) >> 40;
}

static size_t table_find(const struct judging *j, uint8_t kind, uint32_t request)
{
	size_t at = table_hash(kind, request) & (j->table_size - 1);

	for (; j->table[at]; at = (at + 1) & (j->table_size - 1)) {
		const struct replayer_ioctl *s = &j->score->ioctls[j->table[at] - 1];

		if (s->kind == kind && s->request == request)
			break;
	}
	return at;
}

static int table_grow(struct judging *j)
{
	size_t size = j->table_size ? j->table_size * 2 : TABLE_MIN;
	uint32_t *table = calloc(size, sizeof(*table));

	if (!table)
		return -ENOMEM;
	free(j->table);
	j->table = table;
	j->table_size = size;
	for (size_t i = 0; i < j->score->ioctl_count; i++) {
		const struct replayer_ioctl *s = &j->score->ioctls[i];

		table[table_find(j, s->kind, s->request)] = i + 1;
	}
	return 0;
}

static struct replayer_ioctl *score_of(struct judging *j, const struct tape_call *call)
{
	struct replayer_score *score = j->score;
	struct replayer_ioctl *s;
	size_t at;

	at = table_find(j, call->kind, call->request);
	if (j->table[at])
		return &score->ioctls[j->table[at] - 1];
	if ((score->ioctl_count + 1) * 2 > j->table_size) {
		if (table_grow(j))
			return NULL;
		at = table_find(j, call->kind, call->request);
	}
	if (array_grow(&score->ioctls, &j->ioctl_room, score->ioctl_count))
		return NULL;
	s = &score->ioctls[score->ioctl_count++];
	memset(s, 0, sizeof(*s));
	s->kind = call->kind;
	s->request = call->request;
	s->row = call->row;
	j->table[at] = score->ioctl_count;
	return s;
}

static void reason_count(struct replayer_ioctl *s, const struct model_verdict *v)
{
	struct replayer_reason *reason;

	for (unsigned int i = 0; i < s->reason_count; i++) {
		reason = &s->reasons[i];
		if (reason->kind == v->kind && !strcmp(reason->text, v->observed)) {
			reason->events++;
			return;
		}
	}
	if (s->reason_count == REPLAYER_REASONS) {
		s->other_reasons[v->kind]++;
		return;
	}
	reason = &s->reasons[s->reason_count++];
	reason->kind = v->kind;
	reason->events = 1;
	memcpy(reason->text, v->observed, sizeof(reason->text));
}

static void verdict_take(void *context, const struct tape_return *ret,
			 const struct model_verdict *v)
{
	struct judging *j = context;
	struct replayer_ioctl *s;

	if (j->error || ret->call->index > j->options->until)
		return;
	s = score_of(j, ret->call);
	if (!s) {
		j->error = -ENOMEM;
		return;
	}
	j->score->events++;
	j->score->verdicts[v->kind]++;
	s->events++;
	s->verdicts[v->kind]++;
	if (v->kind == MODEL_DEVIATION)
		j->deviations[v->rule]++;
	else if (v->kind == MODEL_DIVERGES)
		j->divergences[v->rule]++;
	else if (v->kind != MODEL_CONFORMS)
		reason_count(s, v);
	if (j->hooks->verdict && (j->hooks->verdict_mask & 1u << v->kind))
		j->error = j->hooks->verdict(j->hooks->context, ret, v);
	for (unsigned int i = 0; i < v->advice_count; i++)
		j->advice[v->advice[i].rule]++;
	if (!j->error && v->advice_count && j->hooks->advice)
		j->error = j->hooks->advice(j->hooks->context, ret, v);
}

static int item_take(struct judging *j, struct model *m, const struct tape_item *item)
{
	bool half = item->type == TAPE_CALL || item->type == TAPE_RETURN;
	int rc;

	if (item->type == TAPE_GAP) {
		j->score->lost += item->u.gap.events;
		j->score->lost_by[item->u.gap.cause] += item->u.gap.events;
	} else if (item->type == TAPE_CALL) {
		/*
		 * Calls after the last one to judge are fed to the model as long as they may
		 * overlap with one to judge; their verdicts are not counted.
		 */
		if (item->u.call->index > j->options->until)
			j->past = true;
		else
			j->open++;
	} else if (item->type == TAPE_RETURN) {
		if (item->u.ret->call->index <= j->options->until)
			j->open--;
	}
	rc = model_item(m, item);
	if (half)
		return rc;
	if (!rc && j->hooks->item)
		rc = j->hooks->item(j->hooks->context, item);
	return rc;
}

static int ioctl_compare(const void *left, const void *right)
{
	const struct replayer_ioctl *a = left, *b = right;

	if (a->events != b->events)
		return a->events < b->events ? 1 : -1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->request < b->request ? -1 : a->request > b->request;
}

static int rule_compare(const void *left, const void *right)
{
	const struct replayer_rule *a = left, *b = right;

	if (a->events != b->events)
		return a->events < b->events ? 1 : -1;
	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

static int rules_list(const uint64_t *events, size_t rules, struct replayer_rule **list,
		      size_t *count)
{
	*count = 0;
	*list = calloc(rules ? rules : 1, sizeof(**list));
	if (!*list)
		return -ENOMEM;
	for (size_t i = 0; i < rules; i++) {
		if (events[i])
			(*list)[(*count)++] = (struct replayer_rule){i, events[i]};
	}
	qsort(*list, *count, sizeof(**list), rule_compare);
	return 0;
}

static int score_finish(struct judging *j, const struct model *m)
{
	struct replayer_score *score = j->score;
	int rc;

	memcpy(score->rule_hits, model_rule_hits(m), score->rule_count * sizeof(*score->rule_hits));
	score->unreturned = j->open;
	if (score->ioctl_count)
		qsort(score->ioctls, score->ioctl_count, sizeof(*score->ioctls), ioctl_compare);
	rc = rules_list(j->deviations, score->rule_count, &score->deviations,
			&score->deviation_count);
	if (!rc)
		rc = rules_list(j->divergences, score->rule_count, &score->divergences,
				&score->divergence_count);
	if (!rc)
		rc = rules_list(j->advice, score->rule_count, &score->advice, &score->advice_count);
	return rc;
}

int replayer_judge(struct tape_reader *reader, const struct replayer_options *options,
		   const struct replayer_hooks *hooks, struct replayer_score *score)
{
	static const struct replayer_hooks none;
	struct judging j = {.options = options, .hooks = hooks ? hooks : &none, .score = score};
	const char *results = tape_env_get(tape_reader_env(reader), "results");
	struct model *m = NULL;
	struct tape_item item;
	int rc, rc2;

	memset(score, 0, sizeof(*score));
	model_rules(&score->rule_count);
	score->rule_hits = calloc(score->rule_count + 1, sizeof(*score->rule_hits));
	j.deviations = calloc(score->rule_count + 1, sizeof(*j.deviations));
	j.divergences = calloc(score->rule_count + 1, sizeof(*j.divergences));
	j.advice = calloc(score->rule_count + 1, sizeof(*j.advice));
	if (!score->rule_hits || !j.deviations || !j.divergences || !j.advice || table_grow(&j)) {
		rc = -ENOMEM;
		goto out;
	}
	rc = results && !strcmp(results, "none") ? -ENODATA : 0;
	if (!rc)
		rc = model_create(tape_reader_env(reader), verdict_take, &j, &m);
	if (rc)
		goto out;
	do {
		rc = tape_reader_next(reader, &item);
		if (rc || item.type == TAPE_END_OF_FILE)
			break;
		rc = item_take(&j, m, &item);
	} while (!rc && !j.error && (!j.past || j.open));
	/* Judge everything before a truncated end like a whole tape. */
	if (!j.error && (!rc || rc == TAPE_E_TRUNCATED || rc == TAPE_E_CORRUPT)) {
		rc2 = model_finish(m);
		if (rc2)
			rc = rc2;
	}
	if (j.error)
		rc = j.error;
	score->complete = !rc && (j.past || tape_reader_complete(reader));
	rc2 = score_finish(&j, m);
	if (!rc)
		rc = rc2;
out:
	model_destroy(m);
	free(j.table);
	free(j.advice);
	free(j.divergences);
	free(j.deviations);
	return rc;
}

const char *replayer_verdict_words(enum model_verdict_kind kind)
{
	switch (kind) {
	case MODEL_CONFORMS:
		return "as promised";
	case MODEL_DEVIATION:
		return "known quirk";
	case MODEL_DIVERGES:
		return "violation";
	default:
		return model_verdict_name(kind);
	}
}

void replayer_score_release(struct replayer_score *score)
{
	free(score->rule_hits);
	free(score->advice);
	free(score->divergences);
	free(score->deviations);
	free(score->ioctls);
	memset(score, 0, sizeof(*score));
}
