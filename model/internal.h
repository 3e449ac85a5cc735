/* SPDX-License-Identifier: BSD-2-Clause */
/* What model.c and judge.c share; rules do not need it. */
#ifndef MODEL_INTERNAL_H
#define MODEL_INTERNAL_H

#include "model/judge.h"

struct model_facts {
	enum kvmapi_arch arch;
	bool big_endian;
	uint32_t kernel;
	char backend[32];
	const int32_t *caps;
	size_t cap_count;
	bool rule_applies[R_COUNT];
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
	bool oom;
};
/* Nothing is said of this result yet. */
void promises_begin(struct promises *p, const struct tape_return *ret);
void promises_release(struct promises *p);
/* Of the call that the callback is about; NULL outside of it, and if nobody asked. */
const struct promises *model_promised(const struct model *m);
/* Success is demanded (error 0), or this error, by a rule; `alternatives` errors are fine, too. */
void promises_outcome(struct judge *j, uint16_t rule, bool any_value, unsigned int alternatives);

const struct model_facts *model_facts(const struct model *m);

/* Defined by the area of the generic requests (vm.c): a request that no row describes. */
void model_unknown_request(struct judge *j);

#endif
