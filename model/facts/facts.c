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

/* The bit of a name, 0 = it has none. */
static uint8_t back_end_find(const char *name, size_t len)
{
	for (uint8_t bit = 1; model_back_end_name(bit); bit = (uint8_t)(bit << 1)) {
		const char *of_bit = model_back_end_name(bit);

		if (strlen(of_bit) == len && !memcmp(of_bit, name, len))
			return bit;
	}
	return 0;
}

/*
 * "kvm_amd"; several modules may be loaded, and the tape names all of them.  A tape that names none may
 * name the vendor of the processor, which some back ends do not run on.
 */
static void facts_back_ends(struct model_facts *f, const char *names, const char *vendor)
{
	f->other_back_end = true;
	if (names && *names) {
		f->other_back_end = false;
		for (const char *at = names; *at; at += strspn(at, " ")) {
			const size_t len = strcspn(at, " ");
			const uint8_t bit = back_end_find(at, len);

			f->back_ends |= bit;
			f->other_back_end |= !bit;
			at += len;
		}
		return;
	}
	f->back_ends = MODEL_KVM_AMD | MODEL_KVM_INTEL | MODEL_KVM_PVM;
	if (vendor && (!strcmp(vendor, "AuthenticAMD") || !strcmp(vendor, "HygonGenuine")))
		f->back_ends &= ~MODEL_KVM_INTEL;
	else if (vendor && !strcmp(vendor, "GenuineIntel"))
		f->back_ends &= ~MODEL_KVM_AMD;
}

/* The kernel's answer on a capability; < 0: it was not asked. */
static int32_t cap_answer(const struct model_facts *f, uint16_t cap)
{
	return cap < f->cap_count ? f->caps[cap] : -1;
}

/* What the row says of architecture, back end and capabilities.  True: all of it is known. */
static bool conditions_met(const struct model_facts *f, const struct model_rule *r, bool *met)
{
	const int32_t with = r->with_cap ? cap_answer(f, r->with_cap - 1) : 1;
	const int32_t without = r->without_cap ? cap_answer(f, r->without_cap - 1) : 0;
	const bool other = r->back_ends && (f->other_back_end || f->back_ends & ~r->back_ends);

	*met = r->archs & 1u << f->arch && (!r->back_ends || f->back_ends & r->back_ends) && with &&
	       without <= 0;
	return !*met || (!other && with > 0 && !without);
}

/* The kernel has the change that bounds a rule, by the number of its series alone. */
static bool bound_passed(uint32_t kernel, const struct model_rule *r)
{
	return kernel >= (r->since ? r->since : r->until);
}

/* The row is about the series of this kernel: its own, or any. */
static bool stable_has(const struct model_facts *f, const struct model_stable *s)
{
	return s->series ? s->series == f->kernel : f->kernel;
}

/* Stable kernels that have the change, too. */
static void facts_stable(struct model_facts *f)
{
	size_t count, rule_count;
	const struct model_rule *rules = model_rules(&rule_count);
	const struct model_stable *s = model_stables(&count);

	for (size_t i = 0; i < count; i++, s++) {
		const struct model_rule *r = &rules[s->rule];
		bool met;

		conditions_met(f, r, &met);
		if (!met || !stable_has(f, s) || bound_passed(f->kernel, r))
			continue;
		if (!s->patch || f->patch == UINT32_MAX) {
			f->rule_applies[s->rule] = true;
			f->rule_doubted[s->rule] = true;
		} else if (f->patch >= s->patch) {
			f->rule_applies[s->rule] = r->since != 0;
		}
	}
}

static void facts_rule(struct model_facts *f, const struct model_rule *r, uint16_t rule)
{
	const bool bound = r->since || r->until;
	bool met;
	const bool known = conditions_met(f, r, &met);

	f->rule_kind[rule] = r->kind;
	f->rule_applies[rule] = met && (!bound || f->kernel) &&
				(!r->since || f->kernel >= r->since) &&
				(!r->until || f->kernel < r->until);
	f->rule_doubted[rule] = met && ((bound && !f->kernel) || (f->rule_applies[rule] && !known));
	f->rule_unread[rule] =
		met && !f->rule_applies[rule] && (!f->kernel || f->kernel < r->since);
}

static void facts_rules(struct model_facts *f)
{
	size_t count;
	const struct model_rule *rules = model_rules(&count);

	for (size_t i = 0; i < count; i++)
		facts_rule(f, &rules[i], (uint16_t)i);
	facts_stable(f);
}

static void facts_changes(struct model_facts *f)
{
	static const struct {
		uint32_t old, new;
	} changes[] = {
#define K(major, minor)	     MODEL_KERNEL(major, minor)
#define CHANGE(id, old, new) {old, new},
#include "model/facts/changes.def"
#undef CHANGE
#undef K
	};

	for (size_t i = 0; i < CHANGE_COUNT; i++) {
		f->change_made[i] = f->kernel >= changes[i].new;
		f->change_doubted[i] =
			!f->kernel || (f->kernel > changes[i].old && f->kernel < changes[i].new);
	}
}

int facts_init(struct model_facts *f, const struct tape_env *env)
{
	f->arch = env->arch;
	f->page = env->page_size ? env->page_size : 4096;
	f->big_endian = kvmapi_arch_big_endian(env->arch);
	facts_kernel(f, tape_env_get(env, "kernel.release"));
	facts_back_ends(f, tape_env_get(env, "kvm.backend"), tape_env_get(env, "cpu.vendor"));
	if (env->cap_count) {
		f->caps = malloc(env->cap_count * sizeof(*f->caps));
		if (!f->caps)
			return -ENOMEM;
		memcpy(f->caps, env->caps, env->cap_count * sizeof(*f->caps));
	}
	f->cap_count = env->cap_count;
	facts_rules(f);
	facts_changes(f);
	return 0;
}

void facts_release(struct model_facts *f)
{
	free(f->caps);
}
