/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmtape rules: list, search and show the rules of the model, and their coverage by tapes. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/cli.h"
#include "cli/reference.h"
#include "replayer/judge/judge.h"

struct rules_values {
	bool json;
	bool coverage;
	bool missed;
	const char *show;
	const char *of;
	const char *arch;
	const char *kernel;
	const char *kind;
};

static const struct cli_option options[] = {
	{"arch", 'a', "ARCH", "Only rules of this architecture: x86, arm64, s390, powerpc, riscv.",
	 CLI_TEXT, offsetof(struct rules_values, arch), false, NULL},
	{"coverage", 'c', NULL,
	 "Judge the tapes TAPE... and print how many of the rules they reach, by section of the "
	 "documents.",
	 CLI_FLAG, offsetof(struct rules_values, coverage), false, NULL},
	{"for", 'f', "IOCTL",
	 "List what a call of IOCTL may answer: each error with the rules that give it, then what "
	 "holds where it succeeds.",
	 CLI_TEXT, offsetof(struct rules_values, of), false, NULL},
	{"json", 0, NULL, "Print NDJSON: a header, then one object a line.", CLI_FLAG,
	 offsetof(struct rules_values, json), false, NULL},
	{"kernel", 'k', "VERSION", "Only rules that stand for this kernel, as in 6.1.", CLI_TEXT,
	 offsetof(struct rules_values, kernel), false, NULL},
	{"kind", 0, "KIND",
	 "Only rules of this kind: promise, right, weak, deviation, advice, usual.", CLI_TEXT,
	 offsetof(struct rules_values, kind), false, NULL},
	{"missed", 'm', NULL, "With --coverage: name the rules that no tape reaches.", CLI_FLAG,
	 offsetof(struct rules_values, missed), false, NULL},
	{"show", 's', "ID",
	 "Show one rule in full; with tapes, also which of them confirm it, from which event on. "
	 "ID may also be what rules refer to: a finding like D-36, a statement like A-4.24-06.",
	 CLI_TEXT, offsetof(struct rules_values, show), false, NULL},
	{0},
};

void cli_rule_source(const struct model_rule *rule, char *buf, size_t size)
{
	bool section = rule->section && *rule->section;

	snprintf(buf, size, "%s%s%s", rule->document ? rule->document : "", section ? " § " : "",
		 section ? rule->section : "");
}

/* Length of the first section of a list like "4.14, 4.58" or "7.7 7.13". */
static size_t section_length(const char *list)
{
	const size_t length = strcspn(list, ",");

	/* "struct kvm_run" is one. */
	return isdigit((unsigned char)list[0]) ? strcspn(list, ", ") : length;
}

static const char *section_next(const char *list)
{
	list += section_length(list);
	return list + strspn(list, ", ");
}

void cli_rule_source_titled(const struct model_rule *rule, char *buf, size_t size)
{
	const char *section = rule->section;
	size_t used = (size_t)snprintf(buf, size, "%s", rule->document);

	while (*section && used < size) {
		const size_t length = section_length(section);
		const char *title = model_section_title(rule->document, section, length);

		used += (size_t)snprintf(buf + used, size - used, "%s § %.*s%s%s",
					 section == rule->section ? "" : ",", (int)length, section,
					 title ? " " : "", title ? title : "");
		section = section_next(section);
	}
}

json_t *cli_rule_json(const struct model_rule *rule)
{
	return json_pack("{s:s, s:s?, s:s?, s:s?, s:s?}", "id", rule->id, "document",
			 rule->document, "section", rule->section, "refs", rule->refs, "statement",
			 rule->statement);
}

/* --- which rules are wanted ------------------------------------------------------------------- */

struct filter {
	int arch;	 /* enum kvmapi_arch, -1 = any */
	uint32_t kernel; /* 0 = any */
	int kind;	 /* enum model_rule_kind, -1 = any */
	char **words;	 /* each has to be somewhere */
	int word_count;
};

static int arch_unknown(const char *word)
{
	const char *names[KVMAPI_ARCHS + 1] = {0};
	size_t index;

	for (size_t i = 0; i < KVMAPI_ARCHS; i++)
		names[i] = kvmapi_arch_name(i);
	return cli_word_find("arch", word, names, &index);
}

static int kind_find(const char *word, int *kind)
{
	const char *names[MODEL_RULE_KINDS + 1] = {0};
	size_t index;
	int code;

	for (size_t i = 0; i < MODEL_RULE_KINDS; i++)
		names[i] = model_rule_kind_name(i);
	code = cli_word_find("kind", word, names, &index);
	*kind = (int)index;
	return code;
}

static int filter_make(const struct rules_values *v, struct filter *f)
{
	unsigned int major, minor;

	f->arch = f->kind = -1;
	f->kernel = 0;
	if (v->arch) {
		f->arch = kvmapi_arch_parse(v->arch);
		if (f->arch < 0)
			return arch_unknown(v->arch);
	}
	if (v->kernel) {
		if (sscanf(v->kernel, "%u.%u", &major, &minor) != 2)
			return cli_usage_error("'%s' is no kernel version like 6.1", v->kernel);
		f->kernel = MODEL_KERNEL(major, minor);
	}
	return v->kind ? kind_find(v->kind, &f->kind) : CLI_OK;
}

static bool stands(const struct model_rule *r, int arch, uint32_t kernel)
{
	return (arch < 0 || r->archs & 1u << arch) &&
	       (!kernel || ((!r->since || kernel >= r->since) && (!r->until || kernel < r->until)));
}

/* Is the section one of a list like "4.14, 4.58" or "7.7 7.13"? */
static bool section_has(const char *list, const char *section)
{
	const size_t len = strlen(section);

	for (const char *at = strstr(list, section); at; at = strstr(at + 1, section)) {
		if ((at == list || at[-1] == ' ') && (!at[len] || at[len] == ',' || at[len] == ' '))
			return true;
	}
	return false;
}

/* Does the text name the ioctl? Longer names that begin with its name do not count. */
static bool names_ioctl(const char *text, const char *name)
{
	const size_t len = strlen(name);

	for (const char *at = strstr(text, name); at; at = strstr(at + 1, name)) {
		if (!isalnum((unsigned char)at[len]) && at[len] != '_')
			return true;
	}
	return false;
}

/* Is the rule in the ioctl's section of api.rst? Other documents, and ioctls without a section: it
 * names the ioctl. */
static bool is_of_row(const struct model_rule *r, const struct kvmapi_ioctl *row)
{
	if (row->doc && !strcmp(r->document, "api.rst"))
		return section_has(r->section, row->doc);
	return names_ioctl(r->statement, row->name);
}

/* Is the word an ioctl, and the rule in its section of api.rst? */
static bool is_of_ioctl(const struct model_rule *r, const char *word)
{
	for (unsigned int a = 0; a < KVMAPI_ARCHS; a++) {
		const struct kvmapi_ioctl *row =
			r->archs & 1u << a ? kvmapi_find_name(a, word) : NULL;

		if (row && is_of_row(r, row))
			return true;
	}
	return false;
}

/* An architecture before this one has the ioctl, and the rule stands in its section there, too. */
static bool of_earlier(const struct model_rule *r, unsigned int arch, const char *name)
{
	for (unsigned int a = 0; a < arch; a++) {
		const struct kvmapi_ioctl *row =
			r->archs & 1u << a ? kvmapi_find_name(a, name) : NULL;

		if (row && is_of_row(r, row))
			return true;
	}
	return false;
}

/* Of what a row has: 1 + the capability. */
static const char *cap_name(uint16_t cap)
{
	const char *name = kvmapi_cap_name(cap - 1u);

	return name ? name : "?";
}

static bool gives_error(const struct model_rule *r, int error)
{
	for (unsigned int i = 0; i < MODEL_RULE_ERRORS && r->errors[i]; i++) {
		if (r->errors[i] == error)
			return true;
	}
	return false;
}

/* Is the word a back end or a capability of the rule's conditions? */
static bool has_condition(const struct model_rule *r, const char *word)
{
	for (unsigned int bit = 1; model_back_end_name(bit); bit <<= 1) {
		if (r->back_ends & bit && !strcasecmp(model_back_end_name(bit), word))
			return true;
	}
	return (r->with_cap && !strcasecmp(cap_name(r->with_cap), word)) ||
	       (r->without_cap && !strcasecmp(cap_name(r->without_cap), word));
}

/*
 * Does the rule match the word? A section, reference or errno must be in its row; other words in
 * its texts or conditions.
 */
static bool has_word(const struct model_rule *r, const char *word)
{
	if (!word[strspn(word, "0123456789.")])
		return section_has(r->section, word);
	if (cli_is_reference(word))
		return cli_refers_to(r->refs, word);
	if (kvmapi_errno_number(word) > 0 && gives_error(r, kvmapi_errno_number(word)))
		return true;
	return strcasestr(r->id, word) || strcasestr(r->statement, word) ||
	       strcasestr(r->section, word) || strcasestr(r->document, word) ||
	       is_of_ioctl(r, word) || has_condition(r, word);
}

static bool filter_takes(const struct filter *f, const struct model_rule *r)
{
	if (!stands(r, f->arch, f->kernel) || (f->kind >= 0 && r->kind != f->kind))
		return false;
	for (int i = 0; i < f->word_count; i++) {
		if (!has_word(r, f->words[i]))
			return false;
	}
	return true;
}

/* --- list and show ---------------------------------------------------------------------------- */

static const char *version_text(uint32_t version, char *buf, size_t size)
{
	snprintf(buf, size, "%u.%u", version >> 16, version & 0xffff);
	return buf;
}

static json_t *archs_json(const struct model_rule *r)
{
	json_t *list = json_array();

	for (unsigned int a = 0; a < KVMAPI_ARCHS; a++) {
		if (r->archs & 1u << a)
			json_array_append_new(list, json_string(kvmapi_arch_name(a)));
	}
	return list;
}

static json_t *errors_json(const struct model_rule *r)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < MODEL_RULE_ERRORS && r->errors[i]; i++)
		json_array_append_new(list, json_string(kvmapi_errno_name(r->errors[i])));
	return list;
}

static json_t *back_ends_json(const struct model_rule *r)
{
	json_t *list = json_array();

	for (unsigned int bit = 1; model_back_end_name(bit); bit <<= 1) {
		if (r->back_ends & bit)
			json_array_append_new(list, json_string(model_back_end_name(bit)));
	}
	return list;
}

/* The next stable series that has the change which bounds the rule, too; NULL: no more. */
static const struct model_stable *stable_next(const struct model_rule *r,
					      const struct model_stable *after)
{
	size_t count, rule_count;
	const struct model_rule *rules = model_rules(&rule_count);
	const struct model_stable *all = model_stables(&count);

	for (const struct model_stable *s = after ? after + 1 : all; s < all + count; s++) {
		if (&rules[s->rule] == r)
			return s;
	}
	return NULL;
}

static json_t *stable_json(const struct model_rule *r)
{
	json_t *list = json_array();
	char series[16];

	for (const struct model_stable *s = stable_next(r, NULL); s; s = stable_next(r, s))
		json_array_append_new(
			list, json_pack("{s:s?, s:o}", "series",
					s->series ? version_text(s->series, series, sizeof(series))
						  : NULL,
					"patch", s->patch ? json_integer(s->patch) : json_null()));
	return list;
}

/* The ioctls in whose section the rule stands, and what announces them. */
static json_t *ioctls_json(const struct model_rule *r)
{
	json_t *list = json_array();

	for (unsigned int a = 0; a < KVMAPI_ARCHS; a++) {
		size_t count;
		const struct kvmapi_ioctl *rows = kvmapi_ioctls(a, &count);

		for (size_t i = 0; i < count && r->archs & 1u << a; i++) {
			/* Once, though several architectures have it. */
			if (is_of_row(r, &rows[i]) && !of_earlier(r, a, rows[i].name))
				json_array_append_new(list,
						      json_pack("{s:s, s:s?}", "name", rows[i].name,
								"capability", rows[i].cap));
		}
	}
	return list;
}

static json_t *sections_json(const struct model_rule *r)
{
	json_t *list = json_array();
	const char *section = r->section;

	while (*section) {
		const int length = (int)section_length(section);

		json_array_append_new(list,
				      json_pack("{s:s%, s:s?}", "number", section, length, "title",
						model_section_title(r->document, section, length)));
		section = section_next(section);
	}
	return list;
}

static json_t *rule_line(const struct model_rule *r)
{
	json_t *line = cli_rule_json(r);
	char since[16], until[16];

	json_object_set_new(line, "type", json_string("rule"));
	json_object_set_new(line, "kind", json_string(model_rule_kind_name(r->kind)));
	json_object_set_new(line, "architectures", archs_json(r));
	json_object_set_new(line, "sections", sections_json(r));
	json_object_set_new(line, "errors", errors_json(r));
	json_object_set_new(line, "since",
			    r->since ? json_string(version_text(r->since, since, sizeof(since)))
				     : json_null());
	json_object_set_new(line, "until",
			    r->until ? json_string(version_text(r->until, until, sizeof(until)))
				     : json_null());
	json_object_set_new(line, "stable", stable_json(r));
	json_object_set_new(line, "back_ends", back_ends_json(r));
	json_object_set_new(line, "with",
			    r->with_cap ? json_string(cap_name(r->with_cap)) : json_null());
	json_object_set_new(line, "without",
			    r->without_cap ? json_string(cap_name(r->without_cap)) : json_null());
	json_object_set_new(line, "ioctls", ioctls_json(r));
	return line;
}

static int list(const struct rules_values *v, const struct filter *f)
{
	const struct cli_colors *c = cli_colors(stdout);
	size_t count, shown = 0;
	const struct model_rule *rules = model_rules(&count);
	char source[160];
	int code = CLI_OK;

	for (size_t i = 0; i < count && code == CLI_OK; i++) {
		if (!filter_takes(f, &rules[i]))
			continue;
		shown++;
		if (v->json) {
			code = cli_json_put(stdout, rule_line(&rules[i]));
			continue;
		}
		cli_rule_source(&rules[i], source, sizeof(source));
		printf("%s%-34s%s %-9s %s\n", c->bold, rules[i].id, c->off,
		       model_rule_kind_name(rules[i].kind), source);
	}
	if (code == CLI_OK && !v->json)
		printf("%zu of %zu rules\n", shown, count);
	if (code == CLI_OK && !shown)
		code = cli_error("no rule matches");
	return code;
}

/* Looking for the first event of a tape that a rule was checked at. */
struct confirm {
	uint16_t rule;
	uint64_t first; /* UINT64_MAX = none yet */
};

static int confirm_verdict(void *context, const struct tape_return *ret,
			   const struct model_verdict *v)
{
	struct confirm *c = context;
	bool here = false;

	for (unsigned int i = 0; i < v->held_count; i++)
		here |= v->held[i] == c->rule;
	for (unsigned int i = 0; i < v->advice_count; i++)
		here |= v->advice[i].rule == c->rule;
	if (here && ret->call->index < c->first)
		c->first = ret->call->index;
	return 0;
}

static int judge_tape(const char *path, const struct replayer_hooks *hooks,
		      struct replayer_score *score, struct tape_reader **reader)
{
	const struct replayer_options o = {.until = UINT64_MAX};
	int code = cli_tape_open(path, reader);
	int rc;

	if (code != CLI_OK)
		return code;
	rc = replayer_judge(*reader, &o, hooks, score);
	if (rc == -ENOTSUP)
		return cli_error("%s: there is no model of %s", path,
				 kvmapi_arch_name(tape_reader_env(*reader)->arch));
	return rc ? cli_tape_done(path, *reader, rc) : CLI_OK;
}

static int show_tape(const struct rules_values *v, uint16_t rule, const char *path)
{
	struct confirm c = {.rule = rule, .first = UINT64_MAX};
	struct replayer_hooks hooks = {
		.context = &c, .verdict_mask = ~0u, .verdict = confirm_verdict};
	struct replayer_score score = {0};
	struct tape_reader *reader = NULL;
	const char *release, *backend;
	int code = judge_tape(path, &hooks, &score, &reader);

	if (code != CLI_OK || !score.rule_hits[rule])
		goto out;
	release = tape_env_get(tape_reader_env(reader), "kernel.release");
	backend = tape_env_get(tape_reader_env(reader), "kvm.backend");
	if (v->json)
		code = cli_json_put(stdout, json_pack("{s:s, s:s, s:I, s:I, s:s?, s:s?}", "type",
						      "confirmed", "tape", path, "events",
						      (json_int_t)score.rule_hits[rule], "first",
						      (json_int_t)c.first, "kernel", release,
						      "backend", backend));
	else
		printf("confirmed   %llu times by %s, first at event %llu (kernel %s%s%s)\n",
		       (unsigned long long)score.rule_hits[rule], path, (unsigned long long)c.first,
		       release ? release : "not known", backend ? ", " : "",
		       backend ? backend : "");
out:
	replayer_score_release(&score);
	tape_reader_close(reader);
	return code;
}

/* "since 5.16, before 6.11" or "all" */
static const char *kernels_text(const struct model_rule *r, char *buf, size_t size)
{
	char since[16], until[16];

	version_text(r->since, since, sizeof(since));
	version_text(r->until, until, sizeof(until));
	if (r->since && r->until)
		snprintf(buf, size, "since %s, before %s", since, until);
	else if (r->since || r->until)
		snprintf(buf, size, r->since ? "since %s" : "before %s", r->since ? since : until);
	else
		snprintf(buf, size, "all");
	return buf;
}

/* "kvm_amd or kvm_intel" */
static const char *back_ends_text(const struct model_rule *r, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned int bit = 1; model_back_end_name(bit) && used < size; bit <<= 1) {
		if (r->back_ends & bit)
			used += (size_t)snprintf(buf + used, size - used, "%s%s",
						 used ? " or " : "", model_back_end_name(bit));
	}
	return buf;
}

static void show_conditions(const struct model_rule *r)
{
	char text[64];

	printf("kernels     %s\n", kernels_text(r, text, sizeof(text)));
	for (const struct model_stable *s = stable_next(r, NULL); s; s = stable_next(r, s)) {
		version_text(s->series, text, sizeof(text));
		printf("stable      %s", s->series ? text : "any older series");
		if (s->patch)
			printf(".%u and later\n", s->patch);
		else
			printf(", from which release on is not known\n");
	}
	if (r->back_ends)
		printf("back end    %s only\n", back_ends_text(r, text, sizeof(text)));
	if (r->with_cap)
		printf("with        %s\n", cap_name(r->with_cap));
	if (r->without_cap)
		printf("without     %s\n", cap_name(r->without_cap));
}

static void show_text(const struct model_rule *r)
{
	const struct cli_colors *c = cli_colors(stdout);
	char source[512];

	cli_rule_source_titled(r, source, sizeof(source));
	printf("%s%s%s\n", c->bold, r->id, c->off);
	printf("says        %s\nsource      %s\n", r->statement, source);
	printf("kind        %s\narchs      ", model_rule_kind_name(r->kind));
	for (unsigned int a = 0; a < KVMAPI_ARCHS; a++) {
		if (r->archs & 1u << a)
			printf(" %s", kvmapi_arch_name(a));
	}
	if (r->errors[0])
		printf("\nerrors     ");
	for (unsigned int i = 0; i < MODEL_RULE_ERRORS && r->errors[i]; i++)
		printf(" %s", kvmapi_errno_name(r->errors[i]));
	printf("\n");
	show_conditions(r);
	if (*r->refs)
		printf("refs        %s\n", r->refs);
}

/* A finding or a statement, and the rules that refer to it. */
static int show_reference(const struct rules_values *v, const struct cli_reference *reference)
{
	const struct cli_colors *c = cli_colors(stdout);
	size_t count;
	const struct model_rule *rules = model_rules(&count);
	int code = CLI_OK;

	if (v->json)
		code = cli_json_put(stdout, json_pack("{s:s, s:s, s:s, s:s}", "type",
						      reference->finding ? "finding" : "statement",
						      "id", reference->id, "title",
						      reference->title, "text", reference->text));
	else
		printf("%s%s%s %s\n%s%s", c->bold, reference->id, c->off, reference->title,
		       reference->text, *reference->text ? "\n\n" : "\n");
	for (size_t i = 0; i < count && code == CLI_OK; i++) {
		if (!cli_refers_to(rules[i].refs, reference->id))
			continue;
		if (v->json)
			code = cli_json_put(stdout, rule_line(&rules[i]));
		else
			printf("%s%s%s %s\n  %s\n", c->bold, rules[i].id, c->off,
			       model_rule_kind_name(rules[i].kind), rules[i].statement);
	}
	return code;
}

static int show(const struct rules_values *v, int tape_count, char **tapes)
{
	const struct cli_reference *reference = cli_reference_find(v->show);
	size_t count;
	const struct model_rule *rules = model_rules(&count);
	uint16_t at;
	int code;

	if (reference && tape_count)
		return cli_usage_error("--show %s: tapes confirm rules, and this is none",
				       reference->id);
	if (reference)
		return show_reference(v, reference);
	code = cli_rule_find("show", v->show, ~0u, &at);
	if (code != CLI_OK)
		return code;
	if (v->json)
		code = cli_json_put(stdout, rule_line(&rules[at]));
	else
		show_text(&rules[at]);
	for (int i = 0; i < tape_count && code == CLI_OK; i++)
		code = show_tape(v, at, tapes[i]);
	return code;
}

/* --- what a call may answer ------------------------------------------------------------------- */

static int of_find(const struct rules_values *v, int arch, const struct kvmapi_ioctl **row)
{
	*row = NULL;
	for (unsigned int a = 0; a < KVMAPI_ARCHS && arch < 0 && !*row; a++)
		*row = kvmapi_find_name(a, v->of);
	return *row ? CLI_OK : cli_ioctl_find("for", arch < 0 ? KVMAPI_X86 : arch, v->of, row);
}

/* When it holds stands behind its kind. */
static void of_put(const struct model_rule *r, const char *error)
{
	const struct cli_colors *c = cli_colors(stdout);
	char text[64];

	printf("  %s%-12s%s%s (%s", c->bold, error, c->off, r->id, model_rule_kind_name(r->kind));
	if (r->since || r->until)
		printf("; %s", kernels_text(r, text, sizeof(text)));
	if (r->back_ends)
		printf("; %s only", back_ends_text(r, text, sizeof(text)));
	if (r->with_cap)
		printf("; with %s", cap_name(r->with_cap));
	if (r->without_cap)
		printf("; without %s", cap_name(r->without_cap));
	printf(")\n");
	printf("              %s\n", r->statement);
}

/* The rules that stand in the section of the call: by error, then those of its success. */
static int of_call(const struct rules_values *v, struct filter *f)
{
	const struct kvmapi_ioctl *row;
	size_t count, shown = 0;
	const struct model_rule *rules = model_rules(&count);
	const char *title;
	int code = of_find(v, f->arch, &row);

	if (code != CLI_OK)
		return code;
	title = row->doc ? model_section_title("api.rst", row->doc, strlen(row->doc)) : NULL;
	if (!v->json)
		printf("%s: api.rst § %s%s%s%s%s\n\nIt fails with\n", row->name,
		       row->doc ? row->doc : "(none)", title ? " " : "", title ? title : "",
		       row->cap ? ", announced by " : "", row->cap ? row->cap : "");
	for (int error = 1; error < 256; error++) {
		for (size_t i = 0; i < count && !v->json; i++) {
			if (!filter_takes(f, &rules[i]) || !is_of_ioctl(&rules[i], row->name) ||
			    !gives_error(&rules[i], error))
				continue;
			of_put(&rules[i], kvmapi_errno_name(error));
			shown++;
		}
	}
	if (!v->json)
		printf("%s\nOtherwise\n", shown ? "" : "  no error of its own\n");
	for (size_t i = 0; i < count && code == CLI_OK; i++) {
		if (!filter_takes(f, &rules[i]) || !is_of_ioctl(&rules[i], row->name))
			continue;
		shown++;
		if (v->json)
			code = cli_json_put(stdout, rule_line(&rules[i]));
		else if (!rules[i].errors[0])
			of_put(&rules[i], "");
	}
	if (code == CLI_OK && !v->json)
		printf("\nAny call may fail for lack of memory or descriptors, by a signal, or because "
		       "its argument\ncannot be read or written.\n");
	return code == CLI_OK && !shown ? cli_error("no rule matches") : code;
}

/* --- coverage --------------------------------------------------------------------------------- */

struct share {
	char name[96];
	size_t reached, all;
};

struct coverage {
	const struct rules_values *v;
	const struct filter *f;
	const struct model_rule *rules;
	size_t count;
	bool *wanted; /* applies to at least one of the tapes, and is selected */
	uint64_t *hits;
	struct share *sections;
	size_t section_count;
};

static struct share *section_of(struct coverage *c, const char *document, const char *section,
				size_t length)
{
	char name[sizeof(c->sections->name)];
	struct share *s;

	snprintf(name, sizeof(name), "%s § %.*s", document, (int)length, section);
	for (size_t i = 0; i < c->section_count; i++) {
		if (!strcmp(c->sections[i].name, name))
			return &c->sections[i];
	}
	s = realloc(c->sections, (c->section_count + 1) * sizeof(*s));
	if (!s)
		return NULL;
	c->sections = s;
	s = &s[c->section_count++];
	memset(s, 0, sizeof(*s));
	memcpy(s->name, name, sizeof(name));
	return s;
}

/* A rule of several sections ("4.13, 4.14") counts for each. */
static int sections_count(struct coverage *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const char *p = c->rules[i].section;

		if (!c->wanted[i])
			continue;
		do {
			size_t length = strcspn(p, ",");
			struct share *s = section_of(c, c->rules[i].document, p, length);

			if (!s)
				return cli_error("out of memory");
			s->all++;
			s->reached += c->hits[i] > 0;
			p += length;
			p += strspn(p, ", ");
		} while (*p);
	}
	return CLI_OK;
}

static int share_compare(const void *left, const void *right)
{
	return strverscmp(((const struct share *)left)->name, ((const struct share *)right)->name);
}

static double percent(size_t part, size_t all)
{
	return all ? 100.0 * part / all : 100.0;
}

static int share_put(const struct coverage *c, const char *type, const char *name, size_t reached,
		     size_t all)
{
	if (c->v->json)
		return cli_json_put(stdout, json_pack("{s:s, s:s, s:I, s:I}", "type", type, "name",
						      name, "reached", (json_int_t)reached, "rules",
						      (json_int_t)all));
	printf("%-40s %5zu of %5zu  %6.2f %%\n", name, reached, all, percent(reached, all));
	return CLI_OK;
}

static int coverage_print(struct coverage *c)
{
	const struct cli_colors *colors = cli_colors(stdout);
	size_t reached = 0, all = 0;
	int code = sections_count(c);

	qsort(c->sections, c->section_count, sizeof(*c->sections), share_compare);
	for (size_t i = 0; i < c->section_count && code == CLI_OK; i++)
		code = share_put(c, "section", c->sections[i].name, c->sections[i].reached,
				 c->sections[i].all);
	if (!c->v->json)
		printf("\n");
	for (size_t k = 0; k < MODEL_RULE_KINDS && code == CLI_OK; k++) {
		size_t kind_reached = 0, kind_all = 0;

		for (size_t i = 0; i < c->count; i++) {
			if (!c->wanted[i] || c->rules[i].kind != k)
				continue;
			kind_all++;
			kind_reached += c->hits[i] > 0;
		}
		if (kind_all)
			code = share_put(c, "kind", model_rule_kind_name(k), kind_reached,
					 kind_all);
		reached += kind_reached;
		all += kind_all;
	}
	if (code == CLI_OK && c->v->missed && !c->v->json)
		printf("\n%smissed%s\n", colors->bold, colors->off);
	for (size_t i = 0; i < c->count && code == CLI_OK && c->v->missed; i++) {
		if (!c->wanted[i] || c->hits[i])
			continue;
		if (c->v->json)
			code = cli_json_put(stdout, json_pack("{s:s, s:s}", "type", "missed", "id",
							      c->rules[i].id));
		else
			printf("%-34s %s\n", c->rules[i].id, c->rules[i].statement);
	}
	if (code == CLI_OK && !c->v->json)
		printf("\n");
	return code == CLI_OK ? share_put(c, "coverage", "all", reached, all) : code;
}

static int coverage_tape(struct coverage *c, const char *path)
{
	struct replayer_score score = {0};
	struct tape_reader *reader = NULL;
	const struct tape_env *env;
	struct filter tape = {.kernel = 0};
	unsigned int major, minor;
	const char *release;
	int code = judge_tape(path, NULL, &score, &reader);

	if (code != CLI_OK)
		goto out;
	env = tape_reader_env(reader);
	release = tape_env_get(env, "kernel.release");
	if (release && sscanf(release, "%u.%u", &major, &minor) == 2)
		tape.kernel = MODEL_KERNEL(major, minor);
	for (size_t i = 0; i < c->count; i++) {
		if (!filter_takes(c->f, &c->rules[i]) ||
		    !stands(&c->rules[i], env->arch, tape.kernel))
			continue;
		c->wanted[i] = true;
		c->hits[i] += score.rule_hits[i];
	}
out:
	replayer_score_release(&score);
	tape_reader_close(reader);
	return code;
}

static int coverage(const struct rules_values *v, const struct filter *f, int tape_count,
		    char **tapes)
{
	struct coverage c = {.v = v, .f = f};
	int code = CLI_OK;

	if (!tape_count)
		return cli_usage_error("--coverage of which tapes?");
	c.rules = model_rules(&c.count);
	c.wanted = calloc(c.count, sizeof(*c.wanted));
	c.hits = calloc(c.count, sizeof(*c.hits));
	if (!c.wanted || !c.hits)
		code = cli_error("out of memory");
	for (int i = 0; i < tape_count && code == CLI_OK; i++)
		code = coverage_tape(&c, tapes[i]);
	if (code == CLI_OK)
		code = coverage_print(&c);
	free(c.sections);
	free(c.hits);
	free(c.wanted);
	return code;
}

static int run(const void *values, int operand_count, char **operands)
{
	const struct rules_values *v = values;
	struct filter f = {0};
	int code = filter_make(v, &f);

	if (code != CLI_OK)
		return code;
	if (!!v->show + v->coverage + !!v->of > 1)
		return cli_usage_error("of --show, --for and --coverage only one goes at a time");
	if (v->missed && !v->coverage)
		return cli_usage_error(
			"--missed says what --coverage did not reach: it is missing");
	if (v->json)
		code = cli_json_header(stdout, "rules");
	if (code != CLI_OK)
		return code;
	if (v->show)
		return show(v, operand_count, operands);
	if (v->coverage)
		return coverage(v, &f, operand_count, operands);
	f.words = operands;
	f.word_count = operand_count;
	return v->of ? of_call(v, &f) : list(v, &f);
}

const struct cli_command cli_rules = {
	.name = "rules",
	.summary = "list, search and show the rules of the model; document coverage of tapes",
	.usage = "[WORD...]\n--for IOCTL [WORD...]\n--show ID [TAPE...]\n--coverage TAPE...",
	.description =
		"Lists the rules of the model that have every WORD in their id, statement, section or "
		"references, in any case, or stand in the section of api.rst of the ioctl WORD. A WORD that is a section (4.25), an errno or a reference (D-43) "
		"is looked for in the row of the rule. --for lists what a call may answer. --show prints one rule in full: what it says, in our words, where "
		"that stands in the kernel's documents, for which architectures and kernels, and which of "
		"the tapes given confirm it. --coverage judges tapes and prints how many rules they reach, by "
		"section of the documents and by kind, counting the rules that stand for the kernel and "
		"architecture of at least one of the tapes.\n\n"
		"Kinds: promise (the documents say so), right (the documents allow this answer and others), weak "
		"(holds of nearly everything; never enough for the verdict "
		"as promised), deviation (a known quirk: kernels are known to do "
		"this although the documents say otherwise or nothing), advice (see kvmtape replay --lint), usual "
		"(holds unless userspace writes where it may; never part of a verdict).",
	.notes =
		"# EXIT STATUS\n\n"
		"*0*\n\tPrinted.\n\n"
		"*2*\n\tUsage, I/O or format error; no such rule, or none that matches.\n\n"
		"# REFERENCES\n\n"
		"Behind a section of the kernel's documents may stand references: D-26 and the like are entries of " CLI_DOCUMENTS
		"/docs/findings.md, where kernels and documents differ; A-4.24-06 and the like are "
		"sentences of the documents, each with its line in " CLI_DOCUMENTS
		"/docs/seed-coverage.md.\n\n"
		"# JSON\n\n"
		"One object a line, after the header: *rule* lines, with --show *confirmed* lines, with "
		"--coverage *section*, *kind*, *missed* lines and a *coverage* line last.\n",
	.options = options,
	.values_size = sizeof(struct rules_values),
	.operands_max = CLI_ANY,
	.run = run,
};
