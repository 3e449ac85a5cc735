/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments that are a name: case and prefix do not matter; unknown names get suggestions. */
#include <string.h>

#include "cli/cli.h"
#include "base/near.h"
#include "kvmtape/model.h"

#define LINT "LINT_"

int cli_word_find(const char *option, const char *word, const char *const *words, size_t *index)
{
	char hint[NEAR_TEXT], all[256] = "";
	struct near near;
	size_t used = 0;

	near_begin(&near, word, strlen(word), "");
	for (*index = 0; words[*index]; ++*index) {
		if (!strcasecmp(words[*index], word))
			return CLI_OK;
		near_offer(&near, words[*index]);
		if (used < sizeof(all))
			used += snprintf(all + used, sizeof(all) - used, "%s%s", *index ? ", " : "",
					 words[*index]);
	}
	return cli_usage_error("--%s: '%s' is none of %s%s", option, word, all,
			       near_text(&near, "", hint, sizeof(hint)));
}

int cli_ioctl_find(const char *option, enum kvmapi_arch arch, const char *word,
		   const struct kvmapi_ioctl **row)
{
	char hint[NEAR_TEXT];
	struct near near;

	*row = kvmapi_find_name(arch, word);
	if (*row)
		return CLI_OK;
	near_begin(&near, word, strlen(word), "KVM_");
	kvmapi_ioctl_names(arch, near_offer_name, &near);
	return cli_usage_error("--%s: no ioctl '%s' on %s%s", option, word, kvmapi_arch_name(arch),
			       near_text(&near, "", hint, sizeof(hint)));
}

static const char *without_lint(const char *id)
{
	return strncasecmp(id, LINT, strlen(LINT)) ? id : id + strlen(LINT);
}

int cli_rule_find(const char *option, const char *word, unsigned int kinds, uint16_t *rule)
{
	const struct model_rule *rules;
	const char *what = kinds == 1u << MODEL_ADVICE ? "advice" : "rule";
	char hint[NEAR_TEXT];
	struct near near;
	size_t count, short_of = SIZE_MAX;

	rules = model_rules(&count);
	near_begin(&near, word, strlen(word), LINT);
	for (size_t i = 0; i < count; i++) {
		if (!(kinds & 1u << rules[i].kind))
			continue;
		if (!strcasecmp(rules[i].id, word)) {
			*rule = (uint16_t)i;
			return CLI_OK;
		}
		/* A rule that has exactly this name comes first, even of another kind. */
		if (!strcasecmp(without_lint(rules[i].id), word))
			short_of = i;
		near_offer(&near, rules[i].id);
	}
	if (short_of < count) {
		*rule = (uint16_t)short_of;
		return CLI_OK;
	}
	near_text(&near, "", hint, sizeof(hint));
	return cli_usage_error("--%s: no %s '%s'%s", option, what, word,
			       hint[0] ? hint : "; 'kvmtape rules WORD' searches");
}
