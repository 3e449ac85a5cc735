/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"
#include "tape/format.h"

void answer_begin(struct answer *a, const struct question *q)
{
	a->q = q;
	a->count = a->when_count = a->last = 0;
	a->when = 0;
	a->oom = 0;
	a->unwanted = 0;
}

#define KIND(name) (1u << ANSWER_##name)

void answer_only_for(struct answer *a, const struct tape_return *ret)
{
	a->unwanted = ret->ret >= 0 ? KIND(MAY_FAIL) | KIND(BUFFER)
				    : KIND(RESULT) | KIND(RESULT_RANGE) | KIND(CREATED) |
					      KIND(CREATED_FIELD) | KIND(FIELD) |
					      KIND(FIELD_RANGE) | KIND(ZERO) | KIND(KEPT) |
					      KIND(BLOCK) | KIND(CHECK) | KIND(DETERMINED) |
					      KIND(CONSTRAINED);
}

void answer_release(struct answer *a)
{
	free(a->items);
	free(a->whens);
}

static bool grow(struct answer *a)
{
	if (!tape_array_grow((void **)&a->items, &a->room, a->count, sizeof(*a->items)))
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

/* --- refusals --- */

static void refusal(struct answer *a, enum answer_kind kind, uint16_t rule, int error)
{
	struct answer_item *i = item_add(a, kind, rule);

	if (!i)
		return;
	i->value = (uint64_t)error;
}

void a_may_fail_with(struct answer *a, uint16_t rule, int error)
{
	if (rule_has_error(rule, error))
		refusal(a, ANSWER_MAY_FAIL, rule, error);
	else
		a_skip(a, "the model gives an error that the row of its rule does not have");
}

void a_may_fail(struct answer *a, uint16_t rule)
{
	const uint8_t *errors = rule_errors(rule);

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
	if (rule_has_error(rule, error))
		refusal(a, ANSWER_MUST_FAIL, rule, error);
	else
		a_skip(a, "the model gives an error that the row of its rule does not have");
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

/* --- the result --- */

static void text(struct answer *a, enum answer_kind kind, uint16_t rule, const char *text)
{
	struct answer_item *i = item_add(a, kind, rule);

	if (!i)
		return;
	i->text = text;
}

void a_succeeds(struct answer *a, uint16_t rule)
{
	text(a, ANSWER_SUCCEEDS, rule, NULL);
}

void a_succeeds_value(struct answer *a, uint16_t rule)
{
	text(a, ANSWER_NUMBER, rule, NULL);
}

void a_may_succeed(struct answer *a, uint16_t rule, const char *unknown)
{
	text(a, ANSWER_POSSIBLE, rule, unknown);
}

void a_result(struct answer *a, uint16_t rule, const char *what, uint64_t value)
{
	struct answer_item *i = item_add(a, ANSWER_RESULT, rule);

	if (!i)
		return;
	i->text = what;
	i->value = value;
}

void a_result_range(struct answer *a, uint16_t rule, const char *expected, uint64_t low,
		    uint64_t high)
{
	struct answer_item *i = item_add(a, ANSWER_RESULT_RANGE, rule);

	if (!i)
		return;
	i->text = expected;
	i->value = low;
	i->mask = high;
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

void a_bits(struct answer *a, uint16_t rule, const char *what, uint64_t value, uint64_t mask,
	    uint8_t role, size_t offset, size_t width)
{
	struct answer_item *i = item_add(a, ANSWER_FIELD, rule);

	if (!i)
		return;
	i->text = what;
	i->value = value;
	i->mask = mask;
	i->role = role;
	i->offset = (uint32_t)offset;
	i->len = (uint32_t)width;
}

void a_bits_of(struct answer *a, uint16_t rule, const char *what, uint64_t index, uint64_t value,
	       uint64_t mask, uint8_t role, size_t offset, size_t width)
{
	size_t at = a->count;

	a_bits(a, rule, what, value, mask, role, offset, width);
	if (a->count > at) {
		a->items[at].indexed = true;
		a->items[at].index = index;
	}
}

void a_equal(struct answer *a, uint16_t rule, const char *what, uint64_t value, uint8_t role,
	     size_t offset, size_t width)
{
	a_bits(a, rule, what, value, UINT64_MAX, role, offset, width);
}

static void bytes(struct answer *a, enum answer_kind kind, uint16_t rule, const char *what,
		  uint8_t role, size_t offset, size_t len)
{
	struct answer_item *i = item_add(a, kind, rule);

	if (!i)
		return;
	i->text = what;
	i->role = role;
	i->offset = (uint32_t)offset;
	i->len = (uint32_t)len;
}

void a_range(struct answer *a, uint16_t rule, const char *expected, uint64_t low, uint64_t high,
	     uint8_t role, size_t offset, size_t width)
{
	size_t at = a->count;

	bytes(a, ANSWER_FIELD_RANGE, rule, expected, role, offset, width);
	if (a->count > at) {
		a->items[at].value = low;
		a->items[at].mask = high;
	}
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
	size_t at = a->count;

	bytes(a, ANSWER_BLOCK, rule, NULL, role, offset, len);
	if (a->count > at)
		a->items[at].block = b;
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

void a_determined(struct answer *a, uint16_t rule, uint8_t role, size_t offset, size_t len)
{
	bytes(a, ANSWER_DETERMINED, rule, NULL, role, offset, len);
}

void a_constrained(struct answer *a, uint16_t rule, uint8_t role, size_t offset, size_t len)
{
	bytes(a, ANSWER_CONSTRAINED, rule, NULL, role, offset, len);
}

/* --- conditions --- */

static void when(struct answer *a, struct answer_when w)
{
	if (tape_array_grow((void **)&a->whens, &a->when_room, a->when_count, sizeof(*a->whens))) {
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

/* --- judging --- */

const struct tape_part *answer_part(const struct question *q, const struct tape_return *ret,
				    uint8_t role)
{
	return role_is_out(role) ? tape_part_find(ret->parts, ret->part_count, role)
				 : q_part(q, role);
}

static const struct tape_part *part_of(const struct judge *j, uint8_t role)
{
	return role == TAPE_ARG_OUT ? j->out : answer_part(j->q, j->ret, role);
}

/* All of it. */
static bool captured(const struct tape_part *part)
{
	return part && part->have >= part->want;
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

/* "what", or "what 0xindex". */
static const char *name_of(const struct answer_item *i, char *buf, size_t size)
{
	if (!i->indexed)
		return i->text;
	snprintf(buf, size, "%s 0x%llx", i->text, (unsigned long long)i->index);
	return buf;
}

/* The rule holds: with a say in the verdict, or without. */
static void holds(struct judge *j, const struct answer_item *i)
{
	if (i->aside)
		j_keep(j, i->rule);
	else
		j_hold(j, i->rule);
}

static void judge_field(struct judge *j, const struct answer_item *i)
{
	const struct tape_part *part = part_of(j, i->role);
	const uint64_t whole = i->len < 8 ? (1ull << 8 * i->len) - 1 : UINT64_MAX;
	char name[64], want[MODEL_TEXT];
	uint64_t got;

	if (!q_field(j->q, part, i->offset, i->len, &got))
		return;
	if ((i->mask & whole) == whole && !i->aside) {
		j_equal_field(j, i->rule, name_of(i, name, sizeof(name)), i->value, part,
			      i->offset, i->len);
		return;
	}
	j_promise_bits(j, i->rule, part, i->offset, i->len, i->mask);
	if (!((got ^ i->value) & i->mask)) {
		holds(j, i);
		return;
	}
	name_of(i, name, sizeof(name));
	snprintf(want, sizeof(want), "%s = 0x%llx", i->indexed ? name : i->text,
		 (unsigned long long)i->value);
	j_break(j, i->rule, want, "%s = 0x%llx", i->indexed ? name : i->text,
		(unsigned long long)got);
}

static void judge_range(struct judge *j, const struct answer_item *i)
{
	const struct tape_part *part = part_of(j, i->role);
	uint64_t got;

	if (!q_field(j->q, part, i->offset, i->len, &got))
		return;
	j_constrain(j, i->rule, part, i->offset, i->len);
	if (got >= i->value && got <= i->mask)
		holds(j, i);
	else
		j_break(j, i->rule, i->text, "0x%llx", (unsigned long long)got);
}

static void judge_bytes(struct judge *j, const struct answer_item *i)
{
	const struct tape_part *part = part_of(j, i->role), *in = j->q->in;
	const bool kept = i->kind == ANSWER_KEPT;
	char want[MODEL_TEXT];
	uint32_t end = i->offset + i->len;

	if (!part || (kept && !in))
		return;
	if (kept) {
		end = end < in->have ? end : in->have;
		end = end < part->have ? end : part->have;
	}
	if (part->have < end || end <= i->offset)
		return;
	j_promise(j, i->rule, part, i->offset, end - i->offset);
	for (uint32_t at = i->offset; at < end; at++) {
		const uint8_t expected = kept ? in->data[at] : 0;

		if (part->data[at] == expected)
			continue;
		snprintf(want, sizeof(want), kept ? "%s as given" : "%s: zero", i->text);
		if (kept)
			j_break(j, i->rule, want, "byte %u: 0x%02x, given 0x%02x", at,
				part->data[at], expected);
		else
			j_break(j, i->rule, want, "byte %u = 0x%02x", at, part->data[at]);
		return;
	}
	if (i->aside)
		j_keep(j, i->rule);
	else
		j_hold(j, i->rule);
}

/* The descriptor that the tape has for the object. */
static void judge_created(struct judge *j, const struct answer_item *i)
{
	const struct tape_object *o = j_created(j);
	uint64_t fd = (uint64_t)j->ret->ret;

	if (i->kind == ANSWER_CREATED_FIELD && !q_field(j->q, j->out, i->offset, i->len, &fd))
		return;
	if (o && o->fd >= 0)
		j_equal(j, i->rule, i->text, (uint32_t)o->fd, fd);
}

static void judge_result_range(struct judge *j, const struct answer_item *i)
{
	const uint64_t got = (uint64_t)j->ret->ret;

	j_constrain_result(j);
	if (got >= i->value && got <= i->mask)
		holds(j, i);
	else
		j_break(j, i->rule, i->text, "%lld", (long long)j->ret->ret);
}

static bool judge_int(struct judge *j, const struct answer_item *i)
{
	j->any_int = true;
	return j_equal(j, i->rule, i->text, (uint32_t)i->value, (uint32_t)j->ret->ret);
}

/* True: it is an error, or looks like one, and all is said. */
static bool judge_any_int(struct judge *j, const struct answer_item *i)
{
	const int64_t ret = j->ret->ret;

	if (ret >= 0 || ret < INT32_MIN)
		return false;
	for (unsigned int k = 0; k < j->allowed_count; k++) {
		if (ret == -j->allowed[k].error)
			return false;
	}
	j->any_int = true;
	if (ret < -4095) {
		j_hold(j, i->rule);
	} else {
		j_hold(j, R_RETURN_ZERO_OR_ERROR);
		j_silent(j, i->text);
	}
	return true;
}

/* Items about what was observed, whatever came before them. */
static void judge_observed(struct judge *j, const struct answer_item *i)
{
	switch (i->kind) {
	case ANSWER_RESULT:
		j_equal_result(j, i->rule, i->text, i->value);
		break;
	case ANSWER_RESULT_RANGE:
		judge_result_range(j, i);
		break;
	case ANSWER_CREATED:
	case ANSWER_CREATED_FIELD:
		judge_created(j, i);
		break;
	case ANSWER_SILENT:
		j_silent(j, i->text);
		break;
	case ANSWER_HOLD:
		holds(j, i);
		break;
	case ANSWER_FIELD:
		judge_field(j, i);
		break;
	case ANSWER_FIELD_RANGE:
		judge_range(j, i);
		break;
	case ANSWER_ZERO:
	case ANSWER_KEPT:
		judge_bytes(j, i);
		break;
	case ANSWER_BLOCK:
		j_block_check(j, i->rule, i->block, part_of(j, i->role), i->offset, i->len);
		break;
	case ANSWER_CHECK:
		i->check(j->q, j);
		break;
	case ANSWER_DETERMINED:
		j_promise(j, i->rule, part_of(j, i->role), i->offset, i->len);
		break;
	case ANSWER_CONSTRAINED:
		j_constrain(j, i->rule, part_of(j, i->role), i->offset, i->len);
		break;
	default:
		break;
	}
}

bool answer_judge(struct judge *j, const struct answer *a)
{
	/* A rule about the object of the call may be broken already. */
	const bool broken = j->broken;
	bool succeeded = j->ret->ret >= 0;

	if (a->oom)
		j->oom = -ENOMEM;
	for (size_t n = 0; n < a->count && j->broken == broken; n++) {
		const struct answer_item *i = &a->items[n];

		switch (i->kind) {
		case ANSWER_MAY_FAIL:
			j_may_fail_with(j, i->rule, (int)i->value);
			break;
		case ANSWER_BUFFER:
			if (!captured(part_of(j, i->role)))
				j_may_fail_with(j, i->rule, (int)i->value);
			break;
		case ANSWER_MUST_FAIL:
			j_must_fail_with(j, i->rule, (int)i->value);
			succeeded = false;
			break;
		case ANSWER_SUCCEEDS:
			succeeded = j_succeeds(j, i->rule);
			break;
		case ANSWER_NUMBER:
			succeeded = j_succeeds_value(j, i->rule);
			break;
		case ANSWER_POSSIBLE:
			succeeded = j_may_succeed(j, i->rule, i->text);
			break;
		case ANSWER_INT:
			succeeded = judge_int(j, i);
			break;
		case ANSWER_ANY_INT:
			if (judge_any_int(j, i))
				return true;
			break;
		case ANSWER_SKIP:
			j_skip(j, i->text);
			break;
		case ANSWER_ADVISE:
			j_advise(j, i->rule, "%s", i->text);
			break;
		default:
			if (answer_met(a, i, j->ret, succeeded))
				judge_observed(j, i);
		}
	}
	return succeeded;
}
