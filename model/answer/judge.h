/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compares an observed return with the answer. answer_judge() does so for a whole answer; check
 * functions of the areas use the functions below.
 */
#ifndef MODEL_JUDGE_H
#define MODEL_JUDGE_H

#include "model/answer/question.h"

#define JUDGE_ALLOWED 12

struct judge {
	const struct question *q;
	const struct tape_return *ret;
	const struct tape_part *out; /* argument struct after, NULL */
	struct model_verdict *v;
	uint16_t deviation;  /* first deviation rule that explained something, R_NONE */
	uint16_t allowed_by; /* first rule that only allowed what was seen, R_NONE */
	bool strong;	     /* a promise held that another answer would have broken */
	bool broken;
	bool unsure;  /* succeeded where this kernel may have to fail: what it did is not known */
	bool any_int; /* the result may be any number: one that is read back, and cut to an int */
	struct {
		uint16_t rule;
		int error;
	} allowed[JUDGE_ALLOWED];
	unsigned int allowed_count;
	bool allowed_more; /* than there is room for */
	int oom;
	struct promises *promises;	    /* NULL: nobody asked */
	const struct tape_object *created;  /* that the call made, as the tape has it; NULL */
	uint64_t held[(R_COUNT + 63) / 64]; /* a bit for each rule that is among v->held */
};

#define J_OUT(j, type, member, value) \
	q_field((j)->q, (j)->out, offsetof(type, member), sizeof(((type *)0)->member), value)
/* A part of this event by role, NULL = not there. */
const struct tape_part *j_part(const struct judge *j, enum tape_role role);

/* --- saying what holds ------------------------------------------------------------------------ */

/*
 * A rule was checked and holds.  A promise makes the call conform.  A rule that only allows what
 * was seen (MODEL_RIGHT) or that holds of nearly everything (MODEL_WEAK) does not: another answer
 * would have been as good.
 */
void j_hold(struct judge *j, uint16_t rule);
/*
 * A rule is broken. Rules that do not apply to this kernel are never broken: the call does nothing
 * then.
 */
void j_break(struct judge *j, uint16_t rule, const char *expected, const char *observed_format, ...)
	__attribute__((format(printf, 4, 5)));
/* Holds if `holds`, else broken.  Returns holds. */
bool j_check(struct judge *j, uint16_t rule, bool holds, const char *expected,
	     const char *observed_format, ...) __attribute__((format(printf, 5, 6)));
/*
 * The same without a say in whether the call conforms or deviates: for rules of what kernels do
 * where the documents say nothing, beside others that they do speak of.
 */
void j_keep(struct judge *j, uint16_t rule);
bool j_keeps(struct judge *j, uint16_t rule, bool holds, const char *expected,
	     const char *observed_format, ...) __attribute__((format(printf, 5, 6)));
/* got == want, with both in the message, called `what`. */
bool j_equal(struct judge *j, uint16_t rule, const char *what, uint64_t want, uint64_t got);
/* Cannot be judged, and why ("argument not captured"). */
void j_skip(struct judge *j, const char *why);
/*
 * The documents are silent, and of what. Keeps what j_hold said: a strong rule still makes it
 * conform.
 */
void j_silent(struct judge *j, const char *of_what);

/*
 * The errors of this rule (its row has them) are allowed here.  Use it where the model does not
 * know whether the rule's condition holds.  So the error does not make the call conform, whatever the kind of the
 * rule: success would have been accepted, too; but for where j_must_fail() demands an error.
 */
void j_may_fail(struct judge *j, uint16_t rule);
/* One of them is; that the row has it is the caller's to see to (answer.c does). */
void j_may_fail_with(struct judge *j, uint16_t rule, int error);
/* The rule's error is demanded, of which there is only one. Allowed ones (j_may_fail) and the errors of the
 * environment are accepted, too. */
void j_must_fail(struct judge *j, uint16_t rule);
/* One of the rule's errors is, as above. */
void j_must_fail_with(struct judge *j, uint16_t rule, int error);
/*
 * Success is demanded: a return value of 0.  False if the call failed, and then everything is said:
 * held by the rule that allowed the error, excused by the environment, or broken.
 */
bool j_succeeds(struct judge *j, uint16_t rule);
/* The same for calls that return a number >= 0 (descriptor, count). */
bool j_succeeds_value(struct judge *j, uint16_t rule);
/*
 * Success is possible and demanded by nothing, since the model does not know enough (say of what):
 * true if the call succeeded.  Neither success nor failure makes the call conform.  What the call
 * gives back may be checked after it, and that does.
 */
bool j_may_succeed(struct judge *j, uint16_t rule, const char *unknown);
/*
 * The caller did what succeeds and loses something (a rule of kind ADVICE), and what in this case.
 * This is apart from the verdict: the kernel may well conform.
 */
void j_advise(struct judge *j, uint16_t rule, const char *detail_format, ...)
	__attribute__((format(printf, 3, 4)));

/* --- saying what is determined (model_promises_enable) ---------------------------------------- */

/* promise.c; through the functions below, which cost a test when nobody asked. */
void promises_bytes(struct judge *j, uint16_t rule, const struct tape_part *part, size_t offset,
		    size_t len, enum model_promise what);
void promises_bits(struct judge *j, uint16_t rule, const struct tape_part *part, size_t offset,
		   size_t width, uint64_t mask);
void promises_constrain_result(struct judge *j);
void promises_echo(struct judge *j, uint16_t rule, const struct state_block *b, uint8_t role,
		   uint32_t offset, uint32_t len);

/*
 * Bytes of an OUT part are determined by this rule: exactly one value of each is right.
 * j_must_fail, j_succeeds, j_equal_field, j_equal_result and j_block_check say so by themselves.
 * What a weak rule says only constrains; one that does not apply says nothing.
 */
static inline void j_promise(struct judge *j, uint16_t rule, const struct tape_part *part,
			     size_t offset, size_t len)
{
	if (j->promises)
		promises_bytes(j, rule, part, offset, len, MODEL_DETERMINED);
}

/* Not every value of these bytes is right, but more than one is. */
static inline void j_constrain(struct judge *j, uint16_t rule, const struct tape_part *part,
			       size_t offset, size_t len)
{
	if (j->promises)
		promises_bytes(j, rule, part, offset, len, MODEL_CONSTRAINED);
}

/* The bits `mask` of a field are determined, the others are not. */
static inline void j_promise_bits(struct judge *j, uint16_t rule, const struct tape_part *part,
				  size_t offset, size_t width, uint64_t mask)
{
	if (j->promises)
		promises_bits(j, rule, part, offset, width, mask);
}

/* Not every result is right, but more than one is. */
static inline void j_constrain_result(struct judge *j)
{
	if (j->promises)
		promises_constrain_result(j);
}

/* The known bytes of a block that this call answers again, or shows, are those of the earlier call
 * that they came from; `role` is the part of that call. */
static inline void j_promise_echo(struct judge *j, uint16_t rule, const struct state_block *b,
				  uint8_t role, uint32_t offset, uint32_t len)
{
	if (j->promises)
		promises_echo(j, rule, b, role, offset, len);
}

/* j_equal() of a field of an OUT part; true if it was not captured. */
bool j_equal_field(struct judge *j, uint16_t rule, const char *what, uint64_t want,
		   const struct tape_part *part, size_t offset, size_t width);
/* j_equal() of the return value. */
bool j_equal_result(struct judge *j, uint16_t rule, const char *what, uint64_t want);

/* --- blocks ----------------------------------------------------------------------------------- */

/*
 * OUT bytes of a GET, from `offset` of the part on, against what is known of the block: held or
 * broken (first differing byte, named by its field in q->row->type).  Nothing is said if nothing is
 * known.
 */
void j_block_check(struct judge *j, uint16_t rule, const struct state_block *b,
		   const struct tape_part *part, uint32_t offset, uint32_t len);
#endif
