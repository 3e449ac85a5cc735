/* SPDX-License-Identifier: BSD-2-Clause */
/* What the environment of a tape tells of the kernel and the machine, and which rules hold there. */
#ifndef MODEL_FACTS_H
#define MODEL_FACTS_H

#include "model/rules/rules.h"

/* Changes of the kernel that are no rule: CHANGE_ID for each row of changes.def. */
enum model_change {
#define CHANGE(id, old, new) CHANGE_##id,
#include "model/facts/changes.def"
#undef CHANGE
	CHANGE_COUNT
};

struct model_facts {
	enum kvmapi_arch arch;
	bool big_endian;
	uint32_t kernel; /* 0 = not known, or in doubt as a whole */
	uint32_t patch;	 /* UINT32_MAX = not known */
	uint32_t page;
	/* The back end may be one of these, a mask of enum model_back_end; or one that has no bit. */
	uint8_t back_ends;
	bool other_back_end;
	int32_t *caps;
	size_t cap_count;
	/* All conditions of the rule's row are met, but for what is in doubt. */
	bool rule_applies[R_COUNT];
	/* One of them is not known: kernel, back end or capability. */
	bool rule_doubted[R_COUNT];
	/* It does not apply, and of a kernel as old as this nobody knows whether it might. */
	bool rule_unread[R_COUNT];
	uint8_t rule_kind[R_COUNT];
	bool change_made[CHANGE_COUNT];
	bool change_doubted[CHANGE_COUNT];
};
/* 0, -ENOMEM. */
int facts_init(struct model_facts *f, const struct tape_env *env);
void facts_release(struct model_facts *f);

#endif
