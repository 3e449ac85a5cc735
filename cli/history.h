/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The history of what a call is judged by: which earlier events set, read or lost each field of its
 * answer, and what it must come to.
 *
 * The model is asked what the call would be answered, again after each earlier event that the call
 * depends on.  What differs between two answers is what the event between them did.
 */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include "kvmtape/model.h"

struct history;

/* Of the call `later`, which must stay where it is; the last `limit` events of each field are kept.
 * 0, -ENOMEM. */
int history_new(const struct tape_call *later, enum kvmapi_arch arch, size_t limit,
		struct history **history);
void history_free(struct history *h);
/* For the callback of verdicts: an event was judged. */
void history_judged(struct history *h, const struct model *m, const struct tape_return *ret);
/* After model_item() of each item before the call: what did it change?  0, -ENOMEM. */
int history_item(struct history *h, struct model *m, const struct tape_item *item);

enum history_what {
	HISTORY_SET,	 /* it has this value by the call's argument, or by what the call does */
	HISTORY_READ,	 /* it was found in the call's result */
	HISTORY_UNKNOWN, /* it is not known any more */
	HISTORY_SAYS,	 /* a refusal or a result, which is `text` from here on */
};
struct history_event {
	uint64_t event;
	uint32_t object; /* 0: a gap */
	uint32_t request;
	uint8_t kind;	 /* of the object */
	uint8_t what;	 /* enum history_what */
	bool overlapped; /* or one of the calls that overlap it */
	bool has_value;
	const struct kvmapi_ioctl *row;
	uint64_t value;
	const char *text;
};
/* One field, or several that have the same history but for the values. */
struct history_field {
	const char *names; /* "rip", "rax, rbx and 14 more" */
	uint16_t rule;	   /* of a refusal or a result; UINT16_MAX = none */
	bool diverges;	   /* the result differs from what is known */
	uint64_t expected, observed;
	bool has_values;		    /* both of them */
	const struct history_event *events; /* the latest first */
	size_t count;
	uint64_t more; /* earlier ones, which are not kept */
};
/* Each field of the call's answer; `ret` is its return.  0, -ENOMEM. */
typedef void (*history_fn)(void *context, const struct history_field *field);
int history_tell(struct history *h, const struct tape_return *ret, history_fn fn, void *context);

#endif
