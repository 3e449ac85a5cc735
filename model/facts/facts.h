/* SPDX-License-Identifier: BSD-2-Clause */
/* What the environment of a tape tells of the kernel and the machine, and which rules hold there. */
#ifndef MODEL_FACTS_H
#define MODEL_FACTS_H

#include "model/rules/rules.h"

struct model_facts {
	enum kvmapi_arch arch;
	bool big_endian;
	uint32_t kernel; /* 0 = not known, or in doubt as a whole */
	uint32_t patch;	 /* UINT32_MAX = not known */
	uint32_t page;
	char backend[32];
	int32_t *caps;
	size_t cap_count;
	bool rule_applies[R_COUNT];
	/* Whether the kernel has the change that bounds the rule is not known. */
	bool rule_doubted[R_COUNT];
	uint8_t rule_kind[R_COUNT];
};
/* 0, -ENOMEM. */
int facts_init(struct model_facts *f, const struct tape_env *env);
void facts_release(struct model_facts *f);

#endif
