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

const struct model_facts *model_facts(const struct model *m);

/* Defined by the area of the generic requests (vm.c): a request that no row describes. */
void model_unknown_request(struct judge *j);

#endif
