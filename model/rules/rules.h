/* SPDX-License-Identifier: BSD-2-Clause */
/* Which rules there are: R_ID for each row of rules.def, an index of model_rules(). */
#ifndef MODEL_RULES_H
#define MODEL_RULES_H

#include "kvmtape/model.h"

enum {
#define RULE(id, ...) R_##id,
#include "model/rules/rules.def"
#undef RULE
	R_COUNT
};
#define R_NONE 0xffff

/* The errnos of a rule's row, 0 ends them. */
static inline const uint8_t *rule_errors(uint16_t rule)
{
	size_t count;

	return model_rules(&count)[rule].errors;
}

/* The row has this one, or none at all; anything else is a mistake of the code. */
bool rule_has_error(uint16_t rule, int error);

#endif
