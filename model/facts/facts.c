/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/facts/facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Vendors that keep an old version number and take changes of any newer kernel: Red Hat and its
 * kin, SUSE, openEuler, Anolis, Android.  What of a newer kernel is in theirs, the number does not
 * tell.
 */
static bool heavily_patched(const char *release)
{
	static const char *const marks[] = {".el",  "-15",  ".lp15", "-default", ".oe",
					    ".an7", ".an8", ".an23", "-android", ".fips"};
	const char *suffix = strchr(release, '-');

	for (size_t i = 0; suffix && i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (strstr(suffix, marks[i]) && (marks[i][0] != '-' || strcmp(marks[i], "-15") ||
						 strspn(suffix + 1, "0123456789") >= 6))
			return true;
	}
	return false;
}

/*
 * "6.1.140": that patch level.  "6.1.0-50-cloud-amd64", "5.15.0-91-generic": a distribution counts
 * in its own way, and has the changes of stable kernels that nobody names here.
 */
static void facts_kernel(struct model_facts *f, const char *release)
{
	unsigned int major, minor, patch = 0;
	int numbers = release ? sscanf(release, "%u.%u.%u", &major, &minor, &patch) : 0;

	f->patch = UINT32_MAX;
	if (numbers < 2 || heavily_patched(release))
		return;
	f->kernel = MODEL_KERNEL(major, minor);
	if (numbers == 3 && (patch || !strchr(release, '-')))
		f->patch = patch;
}

/* The kernel has the change that bounds a rule, by the number of its series alone. */
static bool bound_passed(uint32_t kernel, const struct model_rule *r)
{
	return kernel >= (r->since ? r->since : r->until);
}

/* Stable kernels that have the change, too. */
static void facts_stable(struct model_facts *f)
{
	size_t count, rule_count;
	const struct model_rule *rules = model_rules(&rule_count);
	const struct model_stable *s = model_stables(&count);

	for (size_t i = 0; i < count; i++, s++) {
		const struct model_rule *r = &rules[s->rule];

		if (s->series != f->kernel || !(r->archs & 1u << f->arch) ||
		    bound_passed(f->kernel, r))
			continue;
		if (!s->patch || f->patch == UINT32_MAX) {
			f->rule_applies[s->rule] = true;
			f->rule_doubted[s->rule] = true;
		} else if (f->patch >= s->patch) {
			f->rule_applies[s->rule] = r->since != 0;
		}
	}
}

static void facts_rules(struct model_facts *f)
{
	size_t count;
	const struct model_rule *rules = model_rules(&count);

	for (size_t i = 0; i < count; i++) {
		const struct model_rule *r = &rules[i];
		bool bound = r->since || r->until;

		f->rule_kind[i] = r->kind;
		f->rule_applies[i] = (r->archs & 1u << f->arch) && (!bound || f->kernel) &&
				     (!r->since || f->kernel >= r->since) &&
				     (!r->until || f->kernel < r->until);
		f->rule_doubted[i] = bound && !f->kernel;
	}
	facts_stable(f);
}

int facts_init(struct model_facts *f, const struct tape_env *env)
{
	const char *backend = tape_env_get(env, "kvm.backend");

	f->arch = env->arch;
	f->page = env->page_size ? env->page_size : 4096;
	f->big_endian = kvmapi_arch_big_endian(env->arch);
	facts_kernel(f, tape_env_get(env, "kernel.release"));
	snprintf(f->backend, sizeof(f->backend), "%s", backend ? backend : "");
	if (env->cap_count) {
		f->caps = malloc(env->cap_count * sizeof(*f->caps));
		if (!f->caps)
			return -ENOMEM;
		memcpy(f->caps, env->caps, env->cap_count * sizeof(*f->caps));
	}
	f->cap_count = env->cap_count;
	facts_rules(f);
	return 0;
}

void facts_release(struct model_facts *f)
{
	free(f->caps);
}
