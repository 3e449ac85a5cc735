/* SPDX-License-Identifier: BSD-2-Clause */
/* An answer against what was observed, item by item. */
#include <stdio.h>

#include "model/answer/answer.h"
#include "model/answer/judge.h"

static const struct tape_part *part_of(const struct judge *j, uint8_t role)
{
	return role == TAPE_ARG_OUT ? j->out : answer_part(j->q, j->ret, role);
}

/* All of it. */
static bool captured(const struct tape_part *part)
{
	return part && part->have >= part->want;
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
	char name[64], want[MODEL_TEXT];
	const char *what;
	uint64_t got;

	if (!q_field(j->q, part, i->offset, i->len, &got))
		return;
	j_promise_bits(j, i->rule, part, i->offset, i->len, i->mask);
	if (!((got ^ i->value) & i->mask)) {
		holds(j, i);
		return;
	}
	what = name_of(i, name, sizeof(name));
	snprintf(want, sizeof(want), "%s = 0x%llx", what, (unsigned long long)i->value);
	j_break(j, i->rule, want, "%s = 0x%llx", what, (unsigned long long)got);
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
	holds(j, i);
}

/* The descriptor that the tape has for the object. */
static void judge_created(struct judge *j, const struct answer_item *i)
{
	const struct tape_object *o = j->created;
	uint64_t fd = (uint64_t)j->ret->ret;

	if (i->kind == ANSWER_CREATED_FIELD && !q_field(j->q, j->out, i->offset, i->len, &fd))
		return;
	if (o && o->fd >= 0)
		j_equal(j, i->rule, i->text, (uint32_t)o->fd, fd);
}

static void judge_result_range(struct judge *j, const struct answer_item *i)
{
	const uint64_t got = (uint64_t)j->ret->ret;
	char name[64];

	j_constrain_result(j);
	if (got >= i->value && got <= i->mask)
		holds(j, i);
	else
		j_break(j, i->rule, name_of(i, name, sizeof(name)), "%lld", (long long)j->ret->ret);
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
		case ANSWER_CHECK_ALWAYS:
			i->check(j->q, j);
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
