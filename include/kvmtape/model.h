/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model: the documented semantics of the KVM API, executable.
 *
 * The model is fed the items of a tape in order and gives a verdict on every call: does the
 * kernel's answer agree with the documents of that kernel version and architecture, and by which
 * sentences. What the documents leave open (a guest's registers after KVM_RUN, which exit came) is
 * an input. What the model cannot know (state from before the recording, from inside a gap, after
 * guest code ran) is unknown to it, and unknown things are never held against a kernel.
 *
 * No I/O, no threads, no globals: a model is a value. Documents: Documentation/virt/kvm/,
 * include/uapi/linux/kvm.h; each rule of rules.def names its own.
 */
#ifndef MODEL_H
#define MODEL_H

#include "kvmtape/tape.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum model_verdict_kind {
	MODEL_CONFORMS,	 /* at least one promise was checked that another answer would have broken,
			    and all hold */
	MODEL_DEVIATION, /* a known quirk of this kernel */
	MODEL_DIVERGES,	 /* breaks a rule */
	MODEL_UNSPECIFIED, /* no promise decides; `observed` has the reason */
	MODEL_SKIPPED,	   /* could not be judged: gap, not captured, no row */
};
#define MODEL_VERDICT_KINDS 5
const char *model_verdict_name(enum model_verdict_kind kind);

enum model_rule_kind {
	MODEL_PROMISE,	/* the documents say so: the only kind that makes a call conform */
	MODEL_RIGHT,	/* the documents allow this answer and others */
	MODEL_WEAK,	/* holds for nearly every answer ("0 or an error"), or is about the objects
		       around the call; enforced where it can be broken */
	MODEL_DEVIATES, /* known quirk: documents say otherwise, or nothing */
	MODEL_ADVICE,	/* about the caller: the call succeeds and loses something */
	/*
	 * Holds unless userspace writes where it may. Never part of a verdict; it helps to find
	 * tapes that were changed.
	 */
	MODEL_USUAL,
};

/* "promise", "right", "weak", "deviation", "advice", "usual" */
const char *model_rule_kind_name(enum model_rule_kind kind);
#define MODEL_RULE_KINDS  6
#define MODEL_RULE_ERRORS 8

/* Back ends of KVM that rules tell apart, a bit each. */
enum model_back_end {
	MODEL_KVM_AMD = 1 << 0,
	MODEL_KVM_INTEL = 1 << 1,
	MODEL_KVM_PVM = 1 << 2,
};
/* "kvm_amd"; NULL for what is none of them. */
const char *model_back_end_name(enum model_back_end back_end);

struct model_rule {
	const char *id;	       /* "IRQ_LINE_NEEDS_CHIP" */
	uint8_t kind;	       /* enum model_rule_kind */
	uint8_t archs;	       /* bit mask of 1 << enum kvmapi_arch */
	uint32_t since, until; /* MODEL_KERNEL(), since <= kernel < until; 0 = no bound */
	const char *document;  /* "api.rst", "devices/vm.rst", "uapi/kvm.h" */
	const char *section;   /* "4.25" */
	const char *refs;      /* ids of statements and findings: "A-4.25-02 D-43" */
	const char *statement; /* in our own words */
	/*
	 * The errors with which a call fails by this rule, ended by 0. None: the rule is not a
	 * refusal, or guest or userspace chose the errno.
	 */
	uint8_t errors[MODEL_RULE_ERRORS];
	uint8_t back_ends; /* mask of enum model_back_end that have it; 0 = all */
	/* 1 + the capability that the kernel must have, or lack, for the rule to stand; 0 = none.  The
	 * capability that announces a whole ioctl is in kvmapi_ioctl.cap. */
	uint16_t with_cap, without_cap;
};
#define MODEL_KERNEL(major, minor) (((uint32_t)(major) << 16) | (uint32_t)(minor))
const struct model_rule *model_rules(size_t *count);
/* The title of one section of a document, "4.25" of "api.rst"; NULL = not known.  `section` has
 * `length` bytes, so that it may be a piece of a longer text. */
const char *model_section_title(const char *document, const char *section, size_t length);

/* A stable series that has the change which bounds a rule, too. */
struct model_stable {
	uint16_t rule;
	uint32_t series; /* MODEL_KERNEL(); 0 = any older one */
	uint32_t patch;	 /* from this one on; 0 = from which on is not known */
};
const struct model_stable *model_stables(size_t *count);

#define MODEL_VERDICT_RULES  24
#define MODEL_VERDICT_ADVICE 4
#define MODEL_TEXT	     160

/* A mistake of the caller that the kernel accepts silently, or nearly so. */
struct model_advice {
	uint16_t rule; /* index of a rule of kind MODEL_ADVICE */
	char detail[96];
};

struct model_verdict {
	enum model_verdict_kind kind;
	/*
	 * Index of the broken rule or the deviation, otherwise of the first rule that held;
	 * UINT16_MAX = none.
	 */
	uint16_t rule;
	uint16_t held_count;
	uint16_t held[MODEL_VERDICT_RULES]; /* the first rules that hold */
	/*
	 * diverges: what the rule demands, and what was seen; skipped, unspecified: the reason, in
	 * `observed`
	 */
	char expected[MODEL_TEXT];
	char observed[MODEL_TEXT];
	uint16_t advice_count; /* does not depend on the kind of the verdict */
	struct model_advice advice[MODEL_VERDICT_ADVICE];
	/* A rule of kind MODEL_USUAL that does not hold, and what was seen; it does not depend on
	 * the kind of the verdict either. */
	uint16_t unusual; /* UINT16_MAX = none */
	char unusual_text[96];
};

struct model;

/*
 * Called once per event, at its return or later (calls that overlap are judged together), in the
 * order of returns within a VM.  `ret` and the verdict live until the callback returns.
 */
typedef void (*model_verdict_fn)(void *context, const struct tape_return *ret,
				 const struct model_verdict *verdict);

/* env is copied where needed.  0, -ENOMEM; *model is not set then. */
int model_create(const struct tape_env *env, model_verdict_fn fn, void *context,
		 struct model **model);
/*
 * Items of a tape, in order.  0 or -ENOMEM; model_return() of a thread that is in no call: -EINVAL.
 * Verdicts come through the callback.
 */
int model_thread(struct model *m, const struct tape_thread *thread);
int model_object(struct model *m, const struct tape_object *object);
int model_closed(struct model *m, uint32_t object);
int model_call(struct model *m, const struct tape_call *call);
int model_return(struct model *m, const struct tape_return *ret);
int model_gap(struct model *m, const struct tape_gap *gap);
/* Any item of a tape: one of those above, or nothing. */
int model_item(struct model *m, const struct tape_item *item);
/*
 * What the rules determine of a result, whether or not the result agrees. Kept only after
 * model_promises_enable(), since it costs time, and valid within the callback of a verdict, for the
 * call that the verdict is about.
 */
enum model_promise {
	MODEL_FREE,	   /* the rules do not say */
	MODEL_CONSTRAINED, /* a range, some of its bits, an error among several, or success */
	MODEL_DETERMINED,  /* exactly one value is right, by a rule that is more than weak */
};
/* Before the first item. */
void model_promises_enable(struct model *m);
/* Of the return value as a whole, with errors (except environment errors). */
enum model_promise model_promise_result(const struct model *m);
/* Of success, or of which error it is; the value that comes with success does not count. */
enum model_promise model_promise_outcome(const struct model *m);
/* Of the value that the call returns if it succeeds. */
enum model_promise model_promise_value(const struct model *m);
/* Of ret->parts[part]: an enum model_promise for each of its `have` bytes; NULL = all free. */
const uint8_t *model_promise_bytes(const struct model *m, unsigned int part);
/*
 * Bytes of the result of an earlier call that this call determines: what it answers, or what stands
 * in struct kvm_run when it begins, must be the same.
 */
struct model_echo {
	uint64_t index; /* tape_call.index */
	uint8_t role;	/* enum tape_role */
	bool usual;	/* by a rule of kind MODEL_USUAL: unchanged unless userspace wrote there */
	uint32_t offset, len;
};
const struct model_echo *model_promise_echoes(const struct model *m, size_t *count);

/*
 * The answers that a call may get, in the order of the rules: refusals, then the result of a
 * success. They do not depend on the actual answer.
 */
enum model_answer_what {
	MODEL_MAY_FAIL,	    /* with the errno .value */
	MODEL_MUST_FAIL,    /* and with no other error, except those it may fail with */
	MODEL_SUCCEEDS,	    /* with 0 */
	MODEL_NUMBER,	    /* with a number >= 0 */
	MODEL_POSSIBLE,	    /* success or failure: not determined; .text says what is not known */
	MODEL_RESULT,	    /* the number is .value */
	MODEL_RESULT_RANGE, /* the number is from .value to .high */
	MODEL_DESCRIPTOR,   /* the number, or .len bytes of the argument, are a new descriptor */
	/* Of .len bytes at .offset of the part .role: */
	MODEL_FIELD,	   /* the bits .high of this number are those of .value */
	MODEL_FIELD_RANGE, /* the number is from .value to .high */
	MODEL_ZERO,	   /* they are zero */
	MODEL_KEPT,	   /* they are unchanged by the call */
	MODEL_BLOCK,	   /* .known of them are as before: */
	/*
	 * A relation that is checked in the result only: between its fields, its length. No rule is
	 * named.
	 */
	MODEL_RELATION,
	MODEL_SILENT, /* the documents say nothing about .text; no rule is named */
};
struct model_answer {
	uint8_t what; /* enum model_answer_what */
	uint8_t role; /* enum tape_role */
	uint16_t rule;
	/* Only for some results: with an error, with enough entries, with a certain exit. */
	bool conditional;
	uint32_t offset, len;
	uint32_t known; /* bytes of a block */
	uint64_t value; /* of a block: the call that set it, UINT64_MAX = several */
	uint64_t high;
	const char *text; /* in words, or NULL; static */
	/* Of a block: .len bytes each, valid as long as the list; the bits of `mask` are known. */
	const uint8_t *bytes, *mask;
};
/*
 * Ask before the call is made. The state of the model does not change. The call's object must be
 * known; its parts are those of the IN roles. The list belongs to the model and is valid until the
 * next question. 0, -ENOENT (no such object, no rules for the call), -ENOMEM.
 */
int model_ask(struct model *m, const struct tape_call *call, const struct model_answer **answers,
	      size_t *count);
/*
 * Within the callback of a verdict: the answers to its call; of calls that overlap, in the order
 * that explains them. Kept only after model_answers_enable(), before the first item; it enables
 * promises, too.
 */
void model_answers_enable(struct model *m);
const struct model_answer *model_answers(const struct model *m, size_t *count);

/*
 * What is known of an object, and of the VM that it belongs to, now: `fn` is called with the name
 * and the value of each fact, as texts that are valid until it returns.
 */
typedef void (*model_fact_fn)(void *context, const char *name, const char *value);
void model_describe(const struct model *m, uint32_t object, model_fact_fn fn, void *context);
/*
 * Does the verdict on `later` depend on state that `earlier` may have changed? Both are on objects
 * of one VM, or on /dev/kvm.
 */
bool model_depends(const struct model *m, const struct tape_call *later,
		   const struct tape_call *earlier);

/* No more items: judges what is still held back. */
int model_finish(struct model *m);

/*
 * A result that the model accepts. It owns the bytes of its parts, which are valid until it is used
 * again.
 */
#define MODEL_RESULT_PARTS 20
struct model_result {
	struct tape_return ret;
	struct tape_part parts[MODEL_RESULT_PARTS];
	uint8_t *bytes;
	size_t room;
};
void model_result_release(struct model_result *r);
/*
 * Instead of model_return(): the open call of call->thread returns with what the rules demand, and
 * where they demand nothing, with success and zeros. `created` is what the call makes if it
 * succeeds (announced by model_object()), NULL = nothing. *r is zero at first. The callback gets
 * the verdict at once; no other call may be open.
 *
 * 0: no rule is broken. -EAGAIN: one is broken, because the rules contradict each other or do not
 * say which result they accept: a mistake in the rules. The model must not be used after that.
 * -ENOMEM, -EINVAL (no open call).
 */
int model_predict(struct model *m, const struct tape_call *call, const struct tape_object *created,
		  struct model_result *r);
/*
 * Copy the state of another model, which was made for the same environment and has no overlapping
 * open calls. 0, -ENOMEM.
 */
int model_copy_state(struct model *m, const struct model *from);
/* Back to the state after model_create(), cheaper; hits of rules and what was enabled stay. */
void model_reset(struct model *m);
/* How often each rule was checked and held or explained, indexed as model_rules(). */
const uint64_t *model_rule_hits(const struct model *m);
void model_destroy(struct model *m);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
