/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions for use in the callback, about the call of the verdict. */
#include "model/frame/frame.h"

const struct model_answer *model_answers(const struct model *m, size_t *count)
{
	const struct promises *p = model_promised(m);

	*count = p ? p->answers.count : 0;
	return p ? p->answers.list : NULL;
}

enum model_promise model_promise_outcome(const struct model *m)
{
	const struct promises *p = model_promised(m);

	return p ? p->outcome : MODEL_FREE;
}

enum model_promise model_promise_value(const struct model *m)
{
	const struct promises *p = model_promised(m);

	return p ? p->value : MODEL_FREE;
}

enum model_promise model_promise_result(const struct model *m)
{
	const struct promises *p = model_promised(m);

	if (!p)
		return MODEL_FREE;
	return p->ret->ret >= 0 && p->value < p->outcome && p->outcome == MODEL_DETERMINED
		       ? MODEL_CONSTRAINED
		       : p->outcome;
}

const uint8_t *model_promise_bytes(const struct model *m, unsigned int part)
{
	const struct promises *p = model_promised(m);

	return p && part < p->ret->part_count ? promises_bytes_of(p, &p->ret->parts[part]) : NULL;
}

const struct model_echo *model_promise_echoes(const struct model *m, size_t *count)
{
	const struct promises *p = model_promised(m);

	*count = p ? p->echo_count : 0;
	return p ? p->echoes : NULL;
}
