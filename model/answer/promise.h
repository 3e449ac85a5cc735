/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rules determine of a result, and what they accept; kept if enabled. */
#ifndef MODEL_PROMISE_H
#define MODEL_PROMISE_H

#include "model/answer/answer.h"
#include "model/answer/judge.h"

/* What the rules determine of one result; see model.h. */
struct promises {
	const struct tape_return *ret;
	uint8_t outcome; /* success, or which error */
	uint8_t value;	 /* of success */
	uint8_t *bytes;	 /* of all parts of the return, one after the other */
	size_t size, room;
	struct model_echo *echoes;
	size_t echo_count, echo_room;
	struct answer_list answers; /* what was asked, if somebody wants it */
	bool oom;
};
/* Nothing is said of this result yet. */
void promises_begin(struct promises *p, const struct tape_return *ret);
void promises_release(struct promises *p);
/* Where the bytes of a part of the return begin; NULL if it is none, or all of it is beyond. */
uint8_t *promises_bytes_of(const struct promises *p, const struct tape_part *part);
enum promised_outcome { PROMISED_ERROR, PROMISED_ZERO, PROMISED_NUMBER };
/* The value of a successful return is determined. */
void promises_value(struct judge *j, uint16_t rule);
/* A rule demands an error, 0, or a number; `alternatives` errors are fine, too. */
void promises_outcome(struct judge *j, uint16_t rule, enum promised_outcome outcome,
		      unsigned int alternatives);

#endif
