/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/answer/answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define KIND(name) (1u << ANSWER_##name)

/* Suggestions are for made-up returns only. */
#define SUGGESTIONS                                                                        \
	(KIND(SUGGEST) | KIND(SUGGEST_ZERO) | KIND(SUGGEST_BLOCK) | KIND(SUGGEST_RESULT) | \
	 KIND(MAKES_NOTHING))

void answer_begin(struct answer *a, const struct question *q)
{
	a->q = q;
	a->count = a->when_count = a->last = 0;
	a->when = 0;
	a->oom = 0;
	a->unwanted = SUGGESTIONS;
}

void answer_for_making(struct answer *a)
{
	a->unwanted &= ~SUGGESTIONS;
}

void answer_only_for(struct answer *a, const struct tape_return *ret)
{
	a->unwanted |= ret->ret >= 0
			       ? KIND(MAY_FAIL) | KIND(BUFFER)
			       : KIND(RESULT) | KIND(RESULT_RANGE) | KIND(CREATED) |
					 KIND(CREATED_FIELD) | KIND(FIELD) | KIND(FIELD_RANGE) |
					 KIND(ZERO) | KIND(KEPT) | KIND(BLOCK) | KIND(CHECK) |
					 KIND(DETERMINED) | KIND(CONSTRAINED);
}

void answer_release(struct answer *a)
{
	free(a->items);
	free(a->whens);
}

static bool grow(struct answer *a)
{
	if (!array_grow(&a->items, &a->room, a->count))
		return true;
	a->oom = -ENOMEM;
	return false;
}

/* One more item of this kind, all zero; NULL: it is not wanted, or there is no memory. */
static inline struct answer_item *item_add(struct answer *a, enum answer_kind kind, uint16_t rule)
{
	struct answer_item *i;

	a->last = 0;
	if (a->unwanted >> kind & 1 && !a->when)
		return NULL;
	if (a->count == a->room && !grow(a))
		return NULL;
	i = &a->items[a->count++];
	a->last = a->count;
	memset(i, 0, sizeof(*i));
	i->kind = kind;
	i->rule = rule;
	i->when = a->when;
	return i;
}

/* Whether a call fails does not depend on what it returned: nothing of this stands behind a
 * condition. */
static bool unconditional(struct answer *a)
{
	if (!a->when)
		return true;
	a_skip(a, "the model makes a refusal or success depend on what was returned");
	return false;
}

/* --- refusals --- */

static void refusal(struct answer *a, enum answer_kind kind, uint16_t rule, int error)
{
	struct answer_item *i = unconditional(a) ? item_add(a, kind, rule) : NULL;

	if (!i)
		return;
	i->value = (uint64_t)error;
}

/* With an error of which the row is asked whether it has it. */
static void refusal_with(struct answer *a, enum answer_kind kind, uint16_t rule, int error)
{
	if (rule_has_error(rule, error))
		refusal(a, kind, rule, error);
	else
		a_skip(a, "the model gives an error that the row of its rule does not have");
}

void a_may_fail_with(struct answer *a, uint16_t rule, int error)
{
	refusal_with(a, ANSWER_MAY_FAIL, rule, error);
}

void a_may_fail(struct answer *a, uint16_t rule)
{
	const uint8_t *errors = rule_errors(rule);

	if (!a_wants(a, ANSWER_MAY_FAIL))
		return;
	for (unsigned int i = 0; i < MODEL_RULE_ERRORS && errors[i]; i++)
		refusal(a, ANSWER_MAY_FAIL, rule, errors[i]);
}

void a_buffer_may_fault(struct answer *a, uint8_t role)
{
	struct answer_item *i = item_add(a, ANSWER_BUFFER, R_RETURN_ZERO_OR_ERROR);

	if (!i)
		return;
	i->role = role;
	i->value = EFAULT;
}

void a_must_fail_with(struct answer *a, uint16_t rule, int error)
{
	refusal_with(a, ANSWER_MUST_FAIL, rule, error);
}

void a_must_fail(struct answer *a, uint16_t rule)
{
	const uint8_t *errors = rule_errors(rule);

	if (!errors[0] || errors[1])
		a_skip(a, "the model does not say which error of a rule it demands");
	else
		refusal(a, ANSWER_MUST_FAIL, rule, errors[0]);
}

bool a_refuse(struct answer *a, uint16_t rule, enum state_tri cause)
{
	if (cause == STATE_YES)
		a_must_fail(a, rule);
	else if (cause == STATE_UNKNOWN)
		a_may_fail(a, rule);
	return cause == STATE_YES;
}

bool a_refuse_with(struct answer *a, uint16_t rule, int error, enum state_tri cause)
{
	if (cause == STATE_YES)
		a_must_fail_with(a, rule, error);
	else if (cause == STATE_UNKNOWN)
		a_may_fail_with(a, rule, error);
	return cause == STATE_YES;
}

bool a_refuse_any(struct answer *a, uint16_t rule, enum state_tri cause)
{
	const uint8_t *errors = rule_errors(rule);

	if (cause != STATE_YES)
		return a_refuse(a, rule, cause);
	for (unsigned int i = 1; i < MODEL_RULE_ERRORS && errors[i]; i++)
		refusal(a, ANSWER_MAY_FAIL, rule, errors[i]);
	refusal(a, ANSWER_MUST_FAIL, rule, errors[0]);
	return true;
}

/* --- the result --- */

static void text(struct answer *a, enum answer_kind kind, uint16_t rule, const char *text)
{
	struct answer_item *i = item_add(a, kind, rule);

	if (!i)
		return;
	i->text = text;
}

/* Success, which nothing but a refusal may stand against. */
static void success(struct answer *a, enum answer_kind kind, uint16_t rule, const char *unknown)
{
	if (unconditional(a))
		text(a, kind, rule, unknown);
}

void a_succeeds(struct answer *a, uint16_t rule)
{
	success(a, ANSWER_SUCCEEDS, rule, NULL);
}

void a_succeeds_value(struct answer *a, uint16_t rule)
{
	success(a, ANSWER_NUMBER, rule, NULL);
}

void a_may_succeed(struct answer *a, uint16_t rule, const char *unknown)
{
	success(a, ANSWER_POSSIBLE, rule, unknown);
}

void a_result(struct answer *a, uint16_t rule, const char *what, uint64_t value)
{
	struct answer_item *i = item_add(a, ANSWER_RESULT, rule);

	if (!i)
		return;
	i->text = what;
	i->value = value;
}

static struct answer_item *result_range(struct answer *a, uint16_t rule, const char *expected,
					uint64_t low, uint64_t high)
{
	struct answer_item *i = item_add(a, ANSWER_RESULT_RANGE, rule);

	if (!i)
		return NULL;
	i->text = expected;
	i->value = low;
	i->mask = high;
	return i;
}

void a_result_range(struct answer *a, uint16_t rule, const char *expected, uint64_t low,
		    uint64_t high)
{
	result_range(a, rule, expected, low, high);
}

void a_result_up_to(struct answer *a, uint16_t rule, const char *expected, uint64_t index,
		    uint64_t high)
{
	struct answer_item *i = result_range(a, rule, expected, 0, high);

	if (!i)
		return;
	i->indexed = true;
	i->index = index;
}

void a_int(struct answer *a, uint16_t rule, const char *what, uint64_t value)
{
	struct answer_item *i = item_add(a, ANSWER_INT, rule);

	if (!i)
		return;
	i->text = what;
	i->value = value;
}

void a_any_int(struct answer *a, uint16_t rule, const char *unknown)
{
	text(a, ANSWER_ANY_INT, rule, unknown);
}

void a_skip(struct answer *a, const char *why)
{
	text(a, ANSWER_SKIP, R_NONE, why);
}

void a_silent(struct answer *a, const char *of_what)
{
	text(a, ANSWER_SILENT, R_NONE, of_what);
}

void a_hold(struct answer *a, uint16_t rule)
{
	text(a, ANSWER_HOLD, rule, NULL);
}

void a_advise(struct answer *a, uint16_t rule, const char *detail)
{
	text(a, ANSWER_ADVISE, rule, detail);
}

void a_created(struct answer *a)
{
	text(a, ANSWER_CREATED, R_CREATED_DESCRIPTOR, "descriptor");
}

void a_created_field(struct answer *a, size_t offset)
{
	struct answer_item *i = item_add(a, ANSWER_CREATED_FIELD, R_CREATED_DESCRIPTOR);

	if (!i)
		return;
	i->text = "descriptor";
	i->role = TAPE_ARG_OUT;
	i->offset = (uint32_t)offset;
	i->len = 4;
}

void a_constant(struct answer *a, uint16_t rule, const char *what, const struct state_set *set,
		uint64_t key, uint64_t key2)
{
	const struct state_entry *e = state_set_find(set, key, key2);

	if (e && e->known)
		a_result(a, rule, what, e->value[0]);
}

/* --- bytes --- */

/* About bytes of a part; NULL as of item_add(). */
static struct answer_item *bytes(struct answer *a, enum answer_kind kind, uint16_t rule,
				 const char *what, uint8_t role, size_t offset, size_t len)
{
	struct answer_item *i = item_add(a, kind, rule);

	if (!i)
		return NULL;
	i->text = what;
	i->role = role;
	i->offset = (uint32_t)offset;
	i->len = (uint32_t)len;
	return i;
}

static struct answer_item *bits(struct answer *a, uint16_t rule, const char *what, uint64_t value,
				uint64_t mask, uint8_t role, size_t offset, size_t width)
{
	struct answer_item *i = bytes(a, ANSWER_FIELD, rule, what, role, offset, width);

	if (!i)
		return NULL;
	i->value = value;
	i->mask = mask;
	return i;
}

void a_bits(struct answer *a, uint16_t rule, const char *what, uint64_t value, uint64_t mask,
	    uint8_t role, size_t offset, size_t width)
{
	bits(a, rule, what, value, mask, role, offset, width);
}

void a_bits_of(struct answer *a, uint16_t rule, const char *what, uint64_t index, uint64_t value,
	       uint64_t mask, uint8_t role, size_t offset, size_t width)
{
	struct answer_item *i = bits(a, rule, what, value, mask, role, offset, width);

	if (!i)
		return;
	i->indexed = true;
	i->index = index;
}

void a_equal(struct answer *a, uint16_t rule, const char *what, uint64_t value, uint8_t role,
	     size_t offset, size_t width)
{
	a_bits(a, rule, what, value, UINT64_MAX, role, offset, width);
}

void a_range(struct answer *a, uint16_t rule, const char *expected, uint64_t low, uint64_t high,
	     uint8_t role, size_t offset, size_t width)
{
	struct answer_item *i = bytes(a, ANSWER_FIELD_RANGE, rule, expected, role, offset, width);

	if (!i)
		return;
	i->value = low;
	i->mask = high;
}

void a_zero(struct answer *a, uint16_t rule, const char *what, uint8_t role, size_t offset,
	    size_t len)
{
	bytes(a, ANSWER_ZERO, rule, what, role, offset, len);
}

void a_kept(struct answer *a, uint16_t rule, const char *what, size_t offset, size_t len)
{
	bytes(a, ANSWER_KEPT, rule, what, TAPE_ARG_OUT, offset, len);
}

void a_block(struct answer *a, uint16_t rule, const struct state_block *b, uint8_t role,
	     size_t offset, size_t len)
{
	struct answer_item *i = bytes(a, ANSWER_BLOCK, rule, NULL, role, offset, len);

	if (i)
		i->block = b;
}

void a_aside(struct answer *a)
{
	if (a->last)
		a->items[a->last - 1].aside = true;
}

void a_check(struct answer *a, answer_check check)
{
	struct answer_item *i = item_add(a, ANSWER_CHECK, R_NONE);

	if (!i)
		return;
	i->check = check;
}

void a_check_always(struct answer *a, answer_check check)
{
	const uint16_t within = a->when;
	struct answer_item *i;

	a->when = 0;
	i = item_add(a, ANSWER_CHECK_ALWAYS, R_NONE);
	a->when = within;
	if (i)
		i->check = check;
}

void a_determined(struct answer *a, uint16_t rule, uint8_t role, size_t offset, size_t len)
{
	bytes(a, ANSWER_DETERMINED, rule, NULL, role, offset, len);
}

void a_constrained(struct answer *a, uint16_t rule, uint8_t role, size_t offset, size_t len)
{
	bytes(a, ANSWER_CONSTRAINED, rule, NULL, role, offset, len);
}

/* An item that only answer_make() looks at: not even a condition makes it wanted. */
static struct answer_item *suggestion(struct answer *a, enum answer_kind kind, uint8_t role,
				      size_t offset, size_t len)
{
	return a_wants(a, kind) ? bytes(a, kind, R_NONE, NULL, role, offset, len) : NULL;
}

void a_suggest(struct answer *a, uint8_t role, size_t offset, size_t width, uint64_t value)
{
	struct answer_item *i = suggestion(a, ANSWER_SUGGEST, role, offset, width);

	if (!i)
		return;
	i->value = value;
	i->mask = UINT64_MAX;
}

void a_suggest_zero(struct answer *a, uint8_t role, size_t offset, size_t len)
{
	suggestion(a, ANSWER_SUGGEST_ZERO, role, offset, len);
}

void a_suggest_block(struct answer *a, const struct state_block *b, size_t from, uint8_t role,
		     size_t offset, size_t len)
{
	struct answer_item *i = suggestion(a, ANSWER_SUGGEST_BLOCK, role, offset, len);

	if (!i)
		return;
	i->block = b;
	i->value = from;
}

void a_suggest_result(struct answer *a, int64_t value)
{
	struct answer_item *i = suggestion(a, ANSWER_SUGGEST_RESULT, 0, 0, 0);

	if (!i)
		return;
	i->value = (uint64_t)value;
}

void a_makes_nothing(struct answer *a)
{
	suggestion(a, ANSWER_MAKES_NOTHING, 0, 0, 0);
}

/* --- conditions --- */

static void when(struct answer *a, struct answer_when w)
{
	if (array_grow(&a->whens, &a->when_room, a->when_count)) {
		a->oom = -ENOMEM;
		return;
	}
	w.within = a->when;
	a->whens[a->when_count++] = w;
	a->when = (uint16_t)a->when_count;
}

void a_when_always(struct answer *a)
{
	when(a, (struct answer_when){.kind = WHEN_ALWAYS});
}

void a_when_failed_with(struct answer *a, int error)
{
	when(a, (struct answer_when){.kind = WHEN_FAILED_WITH, .value = (uint64_t)error});
}

void a_when_result_above(struct answer *a, uint64_t n)
{
	when(a, (struct answer_when){.kind = WHEN_RESULT_ABOVE, .value = n});
}

void a_when_field(struct answer *a, uint8_t role, size_t offset, size_t width, uint64_t mask,
		  uint64_t value)
{
	when(a, (struct answer_when){.kind = WHEN_FIELD,
				     .role = role,
				     .offset = (uint32_t)offset,
				     .len = (uint32_t)width,
				     .mask = mask,
				     .value = value});
}

void a_when_end(struct answer *a)
{
	if (a->when)
		a->when = a->whens[a->when - 1].within;
}

/* --- for those who use an answer --- */

const struct tape_part *answer_part(const struct question *q, const struct tape_return *ret,
				    uint8_t role)
{
	return role_is_out(role) ? tape_part_find(ret->parts, ret->part_count, role)
				 : q_part(q, role);
}

static bool when_met(const struct answer *a, uint16_t index, const struct tape_return *ret,
		     bool succeeded)
{
	const struct answer_when *w;
	uint64_t n;

	if (!index)
		return succeeded;
	w = &a->whens[index - 1];
	if (w->within && !when_met(a, w->within, ret, succeeded))
		return false;
	switch (w->kind) {
	case WHEN_ALWAYS:
		return true;
	case WHEN_FAILED_WITH:
		return ret->ret == -(int64_t)w->value;
	case WHEN_RESULT_ABOVE:
		return succeeded && (uint64_t)ret->ret > w->value;
	case WHEN_FIELD:
		return (w->within || succeeded) &&
		       q_field(a->q, answer_part(a->q, ret, w->role), w->offset, w->len, &n) &&
		       !((n ^ w->value) & w->mask);
	}
	return false;
}

bool answer_met(const struct answer *a, const struct answer_item *i, const struct tape_return *ret,
		bool succeeded)
{
	return when_met(a, i->when, ret, succeeded);
}
