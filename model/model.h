/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model: the documented semantics of the KVM API, executable.
 *
 * The model is fed what stands on a tape, in its order, and gives a verdict on every call: does
 * what the kernel answered agree with the documents of that kernel version and architecture, and by
 * which of their sentences. What the documents leave to chance (a guest's registers after KVM_RUN,
 * which exit came) is an input.  What the model cannot know (state from before the recording, from
 * inside a gap, after guest code ran) is unknown to it, and unknown things are never held against a
 * kernel.
 *
 * No I/O, no threads, no globals: a model is a value.  Documents: Documentation/virt/kvm/,
 * include/uapi/linux/kvm.h; each rule of rules.def names its own.
 */
#ifndef MODEL_H
#define MODEL_H

#include "tape/tape.h"

enum model_verdict_kind {
	MODEL_CONFORMS,	   /* at least one promise of the documents was checked, and all hold */
	MODEL_DEVIATION,   /* differs from the documents, in a way known of this kernel */
	MODEL_DIVERGES,	   /* breaks a rule */
	MODEL_UNSPECIFIED, /* the documents promise nothing that can be checked here */
	MODEL_SKIPPED,	   /* could not be judged: gap, not captured, no row */
};
#define MODEL_VERDICT_KINDS 5
const char *model_verdict_name(enum model_verdict_kind kind);

enum model_rule_kind {
	MODEL_PROMISE, /* the documents say so */
	MODEL_RIGHT,   /* the documents allow it, and it was observed */
	MODEL_WEAK, /* holds of nearly everything ("0 or an error"): never enough for "conforms" */
	MODEL_DEVIATES, /* kernels are known to do this although the documents say otherwise or
			   nothing */
};

struct model_rule {
	const char *id;	       /* "IRQ_LINE_NEEDS_CHIP" */
	uint8_t kind;	       /* enum model_rule_kind */
	uint8_t archs;	       /* bit mask of 1 << enum kvmapi_arch */
	uint32_t since, until; /* MODEL_KERNEL(), since <= kernel < until; 0 = no bound */
	const char *document;  /* "api.rst", "devices/vm.rst", "uapi/kvm.h" */
	const char *section;   /* "4.25" */
	const char *refs; /* ids of the founding documents' statements and of deviations: "A-4.25-02
			     D-43" */
	const char *statement; /* in our own words */
};
#define MODEL_KERNEL(major, minor) (((uint32_t)(major) << 16) | (uint32_t)(minor))
const struct model_rule *model_rules(size_t *count);

#define MODEL_VERDICT_RULES 24
#define MODEL_TEXT	    160

struct model_verdict {
	enum model_verdict_kind kind;
	uint16_t rule; /* index of the broken rule, the deviation; of the first rule held otherwise
			*/
	uint16_t held_count;
	uint16_t held[MODEL_VERDICT_RULES]; /* rules that were checked and hold; the first ones if
					       more */
	/* diverges: what rule demands, what was there; skipped, unspecified: why in `observed` */
	char expected[MODEL_TEXT];
	char observed[MODEL_TEXT];
};

struct model;

/*
 * Called once per event, at its return or later (calls that overlap are judged together), in the
 * order of returns within a VM.  `ret` and the verdict live until the callback returns.
 */
typedef void (*model_verdict_fn)(void *context, const struct tape_return *ret,
				 const struct model_verdict *verdict);

/* env is copied where needed.  0, -ENOMEM, -ENOTSUP (architecture). */
int model_create(const struct tape_env *env, model_verdict_fn fn, void *context,
		 struct model **model);
/* Items of a tape, in order.  0 or -ENOMEM; verdicts come through the callback. */
int model_thread(struct model *m, const struct tape_thread *thread);
int model_object(struct model *m, const struct tape_object *object);
int model_closed(struct model *m, uint32_t object);
int model_call(struct model *m, const struct tape_call *call);
int model_return(struct model *m, const struct tape_return *ret);
int model_gap(struct model *m, const struct tape_gap *gap);
/* No more items: judges what is still held back. */
int model_finish(struct model *m);
/* How often each rule was checked and held or explained, indexed as model_rules(). */
const uint64_t *model_rule_hits(const struct model *m);
void model_destroy(struct model *m);

#endif
