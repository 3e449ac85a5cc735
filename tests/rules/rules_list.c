/* SPDX-License-Identifier: BSD-2-Clause */
/* One line per rule of the model: FILE RULE KIND REFS..., in the order of rules.def. */
#include <stdio.h>
#include <string.h>

#include "kvmtape/model.h"

/* Where each rule stands: the macro is expanded inside the file that has it. */
static const char *const files[] = {
#define RULE(...) __FILE__,
#include "model/rules/rules.def"
#undef RULE
};

int main(void)
{
	size_t count;
	const struct model_rule *rules = model_rules(&count);

	for (size_t i = 0; i < count; i++) {
		const char *slash = strrchr(files[i], '/');

		printf("%s %s %s %s\n", slash ? slash + 1 : files[i], rules[i].id,
		       model_rule_kind_name(rules[i].kind), rules[i].refs);
	}
	return 0;
}
