/* SPDX-License-Identifier: BSD-2-Clause */
/* What model.c and judge.c share; rules do not need it. */
#ifndef MODEL_INTERNAL_H
#define MODEL_INTERNAL_H

#include "model/answer.h"

struct model_facts {
	enum kvmapi_arch arch;
	bool big_endian;
	uint32_t kernel; /* 0 = not known, or in doubt as a whole */
	uint32_t patch;	 /* UINT32_MAX = not known */
	uint32_t page;
	char backend[32];
	const int32_t *caps;
	size_t cap_count;
	bool rule_applies[R_COUNT];
	/* Whether the kernel has the change that bounds the rule is not known. */
	bool rule_doubted[R_COUNT];
	uint8_t rule_kind[R_COUNT];
};

/* What the rules determine of one result; see model.h. */
struct promises {
	const struct tape_return *ret;
	uint8_t outcome; /* success, or which error */
	uint8_t value;	 /* of success */
	uint8_t *bytes;	 /* of all parts of the return, one after the other */
	size_t size, room;
	struct model_echo *echoes;
	size_t echo_count, echo_room;
	struct model_answer *answers;
	size_t answer_count, answer_room;
	bool answers_wanted;
	bool oom;
};
/* Nothing is said of this result yet. */
void promises_begin(struct promises *p, const struct tape_return *ret);
void promises_release(struct promises *p);
/* Of the call that the callback is about; NULL outside of it, and if nobody asked. */
const struct promises *model_promised(const struct model *m);
enum promised_outcome { PROMISED_ERROR, PROMISED_ZERO, PROMISED_NUMBER };
/* A rule demands an error, 0, or a number; `alternatives` errors are fine, too. */
void promises_outcome(struct judge *j, uint16_t rule, enum promised_outcome outcome,
		      unsigned int alternatives);

/* One more thing that the call might be answered. */
void answers_take(struct judge *j, const struct model_answer *answer);
static inline void answer_add(struct judge *j, const struct model_answer *answer)
{
	if (j->promises && j->promises->answers_wanted)
		answers_take(j, answer);
}

const struct model_facts *model_facts(const struct model *m);

/* Defined by the area of the generic requests (vm.c): a request that no row describes. */
void model_unknown_request(struct judge *j);

/* predict.c: the return becomes one that the answer lets pass, as far as its items say it.  Its bytes
 * are the caller's to write. */
void predict_return(const struct answer *a, struct tape_return *ret);
/* model.c: judge a return while it is made up; *contradicted: the rules did not agree with it. */
int model_make_return(struct model *m, struct tape_return *ret, bool *contradicted);

#endif
