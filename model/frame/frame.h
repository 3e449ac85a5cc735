/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of the frame. */
#ifndef MODEL_FRAME_H
#define MODEL_FRAME_H

#include "model/answer/promise.h"
#include "model/areas/areas.h"

/* Of the call that the callback is about; NULL outside of it, or if not enabled. */
const struct promises *model_promised(const struct model *m);

const struct model_facts *model_facts_of(const struct model *m);
/* The VM of an object, as far as it is known; NULL: it has none. */
struct state_vm *model_state_of(const struct model *m, uint32_t object);
/* model.c: judge a return while it is made up; *contradicted: the rules did not agree with it. */
int model_make_return(struct model *m, struct tape_return *ret, bool *contradicted);

#endif
