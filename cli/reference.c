/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/reference.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const struct cli_reference references[] = {
#define FINDING(id, title, text) {id, title, text, true},
#include "cli/findings.inc"
#undef FINDING
#define SEED(id, archs, about, reason) {id, about, reason, false},
#include "model/rules/seed.def"
#undef SEED
};

const struct cli_reference *cli_reference_find(const char *id)
{
	for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++) {
		if (!strcasecmp(references[i].id, id))
			return &references[i];
	}
	return NULL;
}

bool cli_is_reference(const char *word)
{
	return word[0] && strchr("ADVadv", word[0]) && word[1] == '-' &&
	       (isdigit((unsigned char)word[2]) || ((word[2] | 0x20) == 'd'));
}

bool cli_refers_to(const char *refs, const char *id)
{
	const size_t length = strlen(id);

	for (const char *at = refs; *at; at += strspn(at, " ")) {
		size_t word = strcspn(at, " ");

		if (word == length && !strncasecmp(at, id, length))
			return true;
		at += word;
	}
	return false;
}
