// SPDX-License-Identifier: BSD-2-Clause
/* Errors and names, the environment, and parts. */
#include <stdlib.h>

#include "kvmtape/version.h"
#include "tape/format.h"

/*
 * 64 ns: an ioctl takes 0.2 us at the least, a KVM_RUN some microseconds, so durations keep two
 * digits and most of them one byte.  docs/tape-format.md, "Times", has the figures.
 */
#define DEFAULT_CLOCK_SHIFT 6

const char *tape_strerror(int error)
{
	switch (error) {
	case TAPE_E_NOT_A_TAPE:
		return "not a tape";
	case TAPE_E_NEWER:
		return "made by a newer version of the format";
	case TAPE_E_CORRUPT:
		return "corrupt";
	case TAPE_E_TRUNCATED:
		return "cut off";
	case TAPE_E_LIMIT:
		return "a size is beyond the limits of the format";
	case TAPE_E_ORDER:
		return "items in an order that the format forbids";
	}
	return strerror(error < 0 ? -error : error);
}

const char *tape_error_name(int error)
{
	switch (error) {
	case TAPE_E_NOT_A_TAPE:
		return "TAPE_E_NOT_A_TAPE";
	case TAPE_E_NEWER:
		return "TAPE_E_NEWER";
	case TAPE_E_CORRUPT:
		return "TAPE_E_CORRUPT";
	case TAPE_E_TRUNCATED:
		return "TAPE_E_TRUNCATED";
	case TAPE_E_LIMIT:
		return "TAPE_E_LIMIT";
	case TAPE_E_ORDER:
		return "TAPE_E_ORDER";
	}
	return kvmapi_errno_name(error < 0 ? -error : error);
}

#define TEXT(x)	  #x
#define NUMBER(x) TEXT(x)

const char *kvmtape_version(void)
{
	return NUMBER(KVMTAPE_VERSION_MAJOR) "." NUMBER(KVMTAPE_VERSION_MINOR) "." NUMBER(
		KVMTAPE_VERSION_PATCH);
}

const char *tape_gap_cause_name(enum tape_gap_cause cause)
{
	static const char *const names[TAPE_GAP_CAUSES] = {
		[TAPE_GAP_BUFFER] = "buffer", [TAPE_GAP_THREADS] = "threads",
		[TAPE_GAP_WRITER] = "writer", [TAPE_GAP_UNPAIRED] = "unpaired",
		[TAPE_GAP_MISSED] = "missed",
	};

	return cause < TAPE_GAP_CAUSES ? names[cause] : "unknown";
}

void tape_env_init(struct tape_env *env)
{
	memset(env, 0, sizeof(*env));
	env->page_size = 4096;
	env->clock_shift = DEFAULT_CLOCK_SHIFT;
}

void tape_env_release(struct tape_env *env)
{
	for (size_t i = 0; i < env->pair_count; i++) {
		free(env->pairs[i].key);
		free(env->pairs[i].value);
	}
	free(env->pairs);
	free(env->caps);
	memset(env, 0, sizeof(*env));
}

int tape_env_set(struct tape_env *env, const char *key, const char *value)
{
	struct tape_pair *pairs;
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < env->pair_count; i++) {
		if (strcmp(env->pairs[i].key, key))
			continue;
		free(env->pairs[i].value);
		env->pairs[i].value = copy;
		return 0;
	}
	pairs = realloc(env->pairs, (env->pair_count + 1) * sizeof(*pairs));
	if (!pairs) {
		free(copy);
		return -ENOMEM;
	}
	env->pairs = pairs;
	pairs[env->pair_count].key = strdup(key);
	if (!pairs[env->pair_count].key) {
		free(copy);
		return -ENOMEM;
	}
	pairs[env->pair_count++].value = copy;
	return 0;
}

const char *tape_env_get(const struct tape_env *env, const char *key)
{
	for (size_t i = 0; i < env->pair_count; i++)
		if (!strcmp(env->pairs[i].key, key))
			return env->pairs[i].value;
	return NULL;
}

int tape_env_set_cap(struct tape_env *env, uint32_t cap, int32_t answer)
{
	size_t count = (size_t)cap + 1;
	int32_t *caps;

	if (cap >= TAPE_MAX_CAPS)
		return TAPE_E_LIMIT;
	if (count > env->cap_count) {
		caps = realloc(env->caps, count * sizeof(*caps));
		if (!caps)
			return -ENOMEM;
		for (size_t n = env->cap_count; n < count; n++)
			caps[n] = INT32_MIN;
		env->caps = caps;
		env->cap_count = count;
	}
	env->caps[cap] = answer;
	return 0;
}

int tape_env_copy(struct tape_env *to, const struct tape_env *from)
{
	int err = 0;

	tape_env_init(to);
	to->arch = from->arch;
	to->page_size = from->page_size;
	to->clock_shift = from->clock_shift;
	to->timeless = from->timeless;
	to->canonical = from->canonical;
	for (size_t i = 0; i < from->pair_count && !err; i++)
		err = tape_env_set(to, from->pairs[i].key, from->pairs[i].value);
	for (size_t n = 0; n < from->cap_count && !err; n++)
		if (from->caps[n] != INT32_MIN)
			err = tape_env_set_cap(to, (uint32_t)n, from->caps[n]);
	if (err)
		tape_env_release(to);
	return err;
}

const struct tape_part *tape_part_find(const struct tape_part *parts, unsigned int count,
				       enum tape_role role)
{
	for (unsigned int i = 0; i < count; i++)
		if (parts[i].role == role)
			return &parts[i];
	return NULL;
}

const struct tape_part *tape_arg_in(const struct tape_return *ret)
{
	const struct tape_part *part;

	part = tape_part_find(ret->call->parts, ret->call->part_count, TAPE_ARG_IN);
	if (part && part->have)
		return part;
	const struct tape_part *late = tape_part_find(ret->parts, ret->part_count, TAPE_ARG_IN);

	return late ? late : part;
}
