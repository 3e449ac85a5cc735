/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a call may be answered, as data.
 *
 * A handler answers a question: it looks at the call and at the state before it, and says which
 * refusals there may be, what success returns, and which bytes of the result have which values, each
 * by a rule.  It does not see what the kernel answered, and changes nothing.  The answer is then
 * held against what was observed (answer_judge()), and the state is brought up to date by the
 * handler's learn function.
 *
 *	static void answer_get_pit(const struct question *q, struct answer *a)
 *	{
 *		if (a_refuse(a, R_PIT_STATE_NEEDS_PIT, tri_not(q->vm->pit)))
 *			return;
 *		a_succeeds(a, R_GET_PIT_SUCCEEDS);
 *		a_block(a, R_GET_PIT_READS_BACK, &q->vm->blocks[STATE_PIT], TAPE_ARG_OUT, 0, size);
 *	}
 *
 * Refusals come in the order in which the kernel looks for them, then what success looks like.  What
 * comes after the result of the call (a_succeeds() and its kin) is about a call that succeeded, but
 * for what stands between a_when_...() and a_when_end().  Texts are kept by address: string literals.
 */
#ifndef MODEL_ANSWER_H
#define MODEL_ANSWER_H

#include "model/answer/question.h"

struct judge;

enum answer_kind {
	ANSWER_MAY_FAIL,      /* with the errno .value */
	ANSWER_MUST_FAIL,     /* with it, or with one that is allowed */
	ANSWER_BUFFER,	      /* with EFAULT, if not all of the part .role was captured */
	ANSWER_SUCCEEDS,      /* with 0 */
	ANSWER_NUMBER,	      /* with a number >= 0 */
	ANSWER_POSSIBLE,      /* both is possible; .text says what is not known */
	ANSWER_INT,	      /* with the int .value, which may look like an error */
	ANSWER_ANY_INT,	      /* or with any, which may look like an error */
	ANSWER_RESULT,	      /* the number is .value */
	ANSWER_RESULT_RANGE,  /* from .value to .mask */
	ANSWER_CREATED,	      /* the descriptor of the object that the call makes */
	ANSWER_SKIP,	      /* cannot be judged; .text says why */
	ANSWER_SILENT,	      /* the documents are silent; .text says of what */
	ANSWER_CREATED_FIELD, /* the same in a field */
	ANSWER_FIELD,	      /* the bits .mask of the field are those of .value */
	ANSWER_FIELD_RANGE,   /* the field is from .value to .mask */
	ANSWER_ZERO,	      /* the bytes are zero */
	ANSWER_KEPT,	      /* the bytes are as they were before the call */
	ANSWER_BLOCK,	      /* the known bytes of .block */
	ANSWER_ADVISE,	      /* advice to the caller, .text in detail */
	ANSWER_HOLD,	      /* the rule is said to hold */
	ANSWER_CHECK,	      /* what only .check can tell: the last resort */
	ANSWER_CHECK_ALWAYS,  /* the same, whether or not the call succeeded */
	ANSWER_DETERMINED,    /* bytes of which .check takes one value only */
	ANSWER_CONSTRAINED,   /* or some */
	/* For a return that is made up, and ignored by the judge: */
	ANSWER_SUGGEST,	       /* the field is .value */
	ANSWER_SUGGEST_ZERO,   /* the bytes are zero */
	ANSWER_SUGGEST_BLOCK,  /* the known bytes of .block from .value on */
	ANSWER_SUGGEST_RESULT, /* the result is .value, which may be an error */
	ANSWER_MAKES_NOTHING,  /* success makes no object, although the call can */
};

/* Judges what the other kinds cannot say.  It sees the return, and may say with j_...() what it
 * finds; it changes no state. */
typedef void (*answer_check)(const struct question *q, struct judge *j);

struct answer_item {
	uint8_t kind; /* enum answer_kind */
	uint8_t role; /* enum tape_role, of bytes */
	bool aside;   /* the rule has no say in whether the call conforms, see j_keep() */
	bool indexed; /* .text is followed by .index: "MSR 0x10" */
	uint16_t rule;
	uint16_t when; /* 1 + index into .whens; 0: the call succeeded */
	uint32_t offset, len;
	uint64_t value, mask, index;
	const char *text;
	union {
		const struct state_block *block;
		answer_check check;
	};
};

enum answer_when_kind {
	WHEN_ALWAYS,	   /* whether or not the call succeeded */
	WHEN_FAILED_WITH,  /* with the errno .value */
	WHEN_RESULT_ABOVE, /* it succeeded, and returned more than .value */
	WHEN_FIELD,	   /* and the bits .mask of a field are those of .value */
};

/* A condition on what is observed. */
struct answer_when {
	uint8_t kind; /* enum answer_when_kind */
	uint8_t role;
	uint16_t within; /* 1 + index of one that must be met, too */
	uint32_t offset, len;
	uint64_t value, mask;
};

struct answer {
	const struct question *q;
	struct answer_item *items;
	size_t count, room;
	struct answer_when *whens;
	size_t when_count, when_room;
	uint16_t when;	   /* of the items that follow */
	size_t last;	   /* 1 + index of the last item; 0: it was not wanted */
	uint32_t unwanted; /* kinds of items that are left out, a bit each */
	int oom;	   /* -ENOMEM: something is missing */
};
/* An empty one; keeps its memory. */
void answer_begin(struct answer *a, const struct question *q);
void answer_release(struct answer *a);
/* For answer_make(): suggestions are wanted, too, which are left out otherwise. */
void answer_for_making(struct answer *a);
/* For speed: only what this return is judged by will be looked at. */
void answer_only_for(struct answer *a, const struct tape_return *ret);

/* Items of this kind will be looked at: for causes that take long to find out. */
static inline bool a_wants(const struct answer *a, enum answer_kind kind)
{
	return !(a->unwanted >> kind & 1);
}

/* --- refusals --------------------------------------------------------------------------------- */

/*
 * The call fails by this rule if that is so: true if it must, and the answer is whole; if it is not
 * known, it may.  The rule's row has the errno.
 */
bool a_refuse(struct answer *a, uint16_t rule, enum state_tri cause);
/* With one of the errnos of the row. */
bool a_refuse_with(struct answer *a, uint16_t rule, int error, enum state_tri cause);
/* With any of them: nobody says which.  The row has the usual one first. */
bool a_refuse_any(struct answer *a, uint16_t rule, enum state_tri cause);
/* The errors of the row are allowed: whether the rule's condition holds is not known. */
void a_may_fail(struct answer *a, uint16_t rule);
void a_may_fail_with(struct answer *a, uint16_t rule, int error);
/* EFAULT is allowed where a buffer behind the argument cannot be read or written, for all that was
 * captured of it. */
void a_buffer_may_fault(struct answer *a, uint8_t role);
/* The error of the row is demanded; the answer is whole. */
void a_must_fail(struct answer *a, uint16_t rule);
void a_must_fail_with(struct answer *a, uint16_t rule, int error);

/* --- the result ------------------------------------------------------------------------------- */

/* Success is demanded: 0, or for the second a number >= 0. */
void a_succeeds(struct answer *a, uint16_t rule);
void a_succeeds_value(struct answer *a, uint16_t rule);
/* Success is possible and demanded by nothing, since the model does not know enough (of what). */
void a_may_succeed(struct answer *a, uint16_t rule, const char *unknown);
/* The number that success returns, called `what`. */
void a_result(struct answer *a, uint16_t rule, const char *what, uint64_t value);
/* It is from low to high; `expected` puts that in words. */
void a_result_range(struct answer *a, uint16_t rule, const char *expected, uint64_t low,
		    uint64_t high);
/* It is at most `high`; `expected` is followed by the number `index`: "the entries before MSR 0x10". */
void a_result_up_to(struct answer *a, uint16_t rule, const char *expected, uint64_t index,
		    uint64_t high);
/*
 * The result is the number `value` cut to an int, which looks like an error if it is negative.  Or
 * any int: what looks like an error that no rule allows may be one or a number (`unknown`).
 */
void a_int(struct answer *a, uint16_t rule, const char *what, uint64_t value);
void a_any_int(struct answer *a, uint16_t rule, const char *unknown);
/*
 * Success returns the descriptor of the object that the call makes, or has it in a field of the
 * argument.
 */
void a_created(struct answer *a);
void a_created_field(struct answer *a, size_t offset);
/* Cannot be judged, and why. */
void a_skip(struct answer *a, const char *why);
/* The documents are silent, and of what. */
void a_silent(struct answer *a, const char *of_what);
/* A rule is said to hold, see j_hold(). */
void a_hold(struct answer *a, uint16_t rule);
/*
 * Advice to the caller (a rule of kind ADVICE), and what in this case; whether or not the call
 * succeeds.
 */
void a_advise(struct answer *a, uint16_t rule, const char *detail);
/* Success returns what it returned before, by the entry of a set (see l_constant()); nothing is
 * said if that is not known. */
void a_constant(struct answer *a, uint16_t rule, const char *what, const struct state_set *set,
		uint64_t key, uint64_t key2);

/* --- bytes ------------------------------------------------------------------------------------ */

/* A field of an OUT part is `value`. */
void a_equal(struct answer *a, uint16_t rule, const char *what, uint64_t value, uint8_t role,
	     size_t offset, size_t width);
#define A_EQUAL(a, rule, type, member, value)                                  \
	a_equal(a, rule, #member, value, TAPE_ARG_OUT, offsetof(type, member), \
		sizeof(((type *)0)->member))
/* Its bits `mask` are those of `value`. */
void a_bits(struct answer *a, uint16_t rule, const char *what, uint64_t value, uint64_t mask,
	    uint8_t role, size_t offset, size_t width);
/* The same, called "what 0xindex". */
void a_bits_of(struct answer *a, uint16_t rule, const char *what, uint64_t index, uint64_t value,
	       uint64_t mask, uint8_t role, size_t offset, size_t width);
/* A field is from low to high; `expected` puts that in words. */
void a_range(struct answer *a, uint16_t rule, const char *expected, uint64_t low, uint64_t high,
	     uint8_t role, size_t offset, size_t width);
/* Bytes are zero, called `what`; nothing is said if not all were captured. */
void a_zero(struct answer *a, uint16_t rule, const char *what, uint8_t role, size_t offset,
	    size_t len);
/* Bytes of the argument are as they were before the call, as far as both were captured. */
void a_kept(struct answer *a, uint16_t rule, const char *what, size_t offset, size_t len);
/* Bytes from `offset` on are the known ones of a block, from its beginning. */
void a_block(struct answer *a, uint16_t rule, const struct state_block *b, uint8_t role,
	     size_t offset, size_t len);
/* The rule of the last item has no say in whether the call conforms, see j_keep(). */
void a_aside(struct answer *a);

/* --- the last resort -------------------------------------------------------------------------- */

void a_check(struct answer *a, answer_check check);
/* Whether or not the call succeeded. */
void a_check_always(struct answer *a, answer_check check);
/* Of these bytes the rule lets one value pass, or some.  For rules that a check function checks;
 * the other kinds say so by themselves. */
void a_determined(struct answer *a, uint16_t rule, uint8_t role, size_t offset, size_t len);
void a_constrained(struct answer *a, uint16_t rule, uint8_t role, size_t offset, size_t len);

/*
 * What a check function lets pass, for answer_make(), which cannot ask it.  The judge does not look
 * at these.  answer_make() goes through all items in their order: rules that say by themselves what
 * they want come after the suggestions, if both are about the same bytes.
 */
void a_suggest(struct answer *a, uint8_t role, size_t offset, size_t width, uint64_t value);
#define A_SUGGEST(a, type, member, value) \
	a_suggest(a, TAPE_ARG_OUT, offsetof(type, member), sizeof(((type *)0)->member), value)
void a_suggest_zero(struct answer *a, uint8_t role, size_t offset, size_t len);
/* The known bytes of a block, from `from` of it on. */
void a_suggest_block(struct answer *a, const struct state_block *b, size_t from, uint8_t role,
		     size_t offset, size_t len);
/* A number, or an error as -errno; not where the call is to fail by a rule. */
void a_suggest_result(struct answer *a, int64_t value);
/* Success makes no object: the call only asks whether it could. */
void a_makes_nothing(struct answer *a);

/* --- conditions on what is observed ----------------------------------------------------------- */

/*
 * Between one of these and a_when_end(), which may stand within each other.  They are for what is said
 * of the result: a refusal or success behind one is a mistake of the code, and the call is skipped.
 */
void a_when_always(struct answer *a);
void a_when_failed_with(struct answer *a, int error);
void a_when_result_above(struct answer *a, uint64_t n);
void a_when_field(struct answer *a, uint8_t role, size_t offset, size_t width, uint64_t mask,
		  uint64_t value);
void a_when_end(struct answer *a);

/* --- for those who use an answer -------------------------------------------------------------- */

/* The part that an item is about, NULL = not there. */
const struct tape_part *answer_part(const struct question *q, const struct tape_return *ret,
				    uint8_t role);
/* An item is about this return, which succeeded or not. */
bool answer_met(const struct answer *a, const struct answer_item *i, const struct tape_return *ret,
		bool succeeded);

/* The return becomes one that the answer lets pass (see answer_for_making()).  Its bytes are the
 * caller's to write. */
void answer_make(const struct answer *a, struct tape_return *ret);

/* An answer as those outside of the model see it. */
struct answer_list {
	struct model_answer *list;
	size_t count, room;
	uint8_t *bytes; /* what the list's blocks point to */
	size_t byte_room;
};
/* Of rules that hold for this kernel.  0, -ENOMEM. */
int answer_list(const struct answer *a, struct answer_list *to);
void answer_list_release(struct answer_list *list);

/* --- judging ---------------------------------------------------------------------------------- */

/*
 * Hold the answer against what j->ret says; true if the call succeeded, and was not to fail.  It
 * ends with the first rule that is broken.
 */
bool answer_judge(struct judge *j, const struct answer *a);

#endif
