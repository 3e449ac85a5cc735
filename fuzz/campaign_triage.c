// SPDX-License-Identifier: BSD-2-Clause
/*
 * Finds: compared by signature, saved at once, played again on a fresh machine, minimised, written.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/array.h"
#include "fuzz/campaign_internal.h"
#include "kvmtape/asm.h"

#define SCHEMA	 1
/* How signatures of divergences begin. */
#define DIVERGES "diverges "

/* A signature as the name of a folder. */
static void signature_name(const char *signature, char *name, size_t size)
{
	size_t n = 0;

	if (size > 120)
		size = 120;
	for (const char *s = signature; *s && n + 12 < size; s++) {
		bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
			     (*s >= '0' && *s <= '9') || *s == '_' || (*s == '.' && n);

		if (plain)
			name[n++] = *s;
		else if (n && name[n - 1] != '-')
			name[n++] = '-';
	}
	/* Names that were cut or differ in replaced characters stay distinct. */
	snprintf(name + n, size - n, "-%06x",
		 (unsigned int)(keys_hash(signature, strlen(signature)) & 0xffffff));
}

static struct campaign_find *find_add(struct campaign *c, const char *signature, const char *name)
{
	struct campaign_find *f;

	if (array_grow(&c->finds, &c->find_room, c->find_count)) {
		campaign_fail(c, -ENOMEM, "out of memory");
		return NULL;
	}
	f = &c->finds[c->find_count++];
	memset(f, 0, sizeof(*f));
	snprintf(f->signature, sizeof(f->signature), "%s", signature);
	snprintf(f->name, sizeof(f->name), "%s", name);
	c->n.finds = c->find_count;
	return f;
}

int campaign_find_load(struct campaign *c, const char *name)
{
	uint8_t *data = NULL;
	struct campaign_find *f;
	json_t *o = NULL;
	const char *signature;
	size_t size;
	int folder, rc = 0;

	folder = openat(c->finds_folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -ENOENT;
	if (!campaign_file_get(folder, "find.json", &data, &size)) {
		o = json_loadb((const char *)data, size, 0, NULL);
		signature = json_string_value(json_object_get(o, "signature"));
		f = signature ? find_add(c, signature, name) : NULL;
		if (!f) {
			rc = signature ? -ENOMEM : -ENOENT;
			goto out;
		}
		f->state = FIND_VERIFIED;
		f->runs = json_integer_value(json_object_get(o, "runs"));
		f->shown = json_integer_value(json_object_get(o, "shown"));
		f->times = json_integer_value(json_object_get(o, "times"));
		*(f->shown ? &c->n.verified : &c->n.gone) += 1;
	} else if (!campaign_file_get(folder, "signature", &data, &size)) {
		/* Seen, but the campaign ended before it was verified. */
		data[strcspn((char *)data, "\n")] = 0;
		if (!find_add(c, (char *)data, name))
			rc = -ENOMEM;
	} else {
		rc = -ENOENT;
	}
out:
	json_decref(o);
	free(data);
	close(folder);
	return rc;
}

/* The tape of the machine's last result in memory; the caller frees *data. */
static int tape_get(struct campaign_machine *m, void **data, size_t *size)
{
	int fd = memfd_create("kvmtape-find", MFD_CLOEXEC);
	off_t end;
	int rc;

	*data = NULL;
	if (fd < 0)
		return -errno;
	rc = m->tape(m->context, fd);
	end = lseek(fd, 0, SEEK_END);
	if (!rc && end < 0)
		rc = -errno;
	if (!rc) {
		*size = end;
		*data = malloc(*size + 1);
		if (!*data)
			rc = -ENOMEM;
		else if (pread(fd, *data, *size, 0) != end)
			rc = -EIO;
	}
	close(fd);
	return rc;
}

static int find_folder(struct campaign *c, const char *name, int *folder)
{
	if (mkdirat(c->finds_folder, name, 0777) && errno != EEXIST)
		return campaign_fail(c, -errno, "%s/finds/%s: %s", c->o->folder, name,
				     strerror(errno));
	*folder = openat(c->finds_folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *folder < 0 ? campaign_fail(c, -errno, "%s/finds/%s: %s", c->o->folder, name,
					   strerror(errno))
			   : 0;
}

/* Write what is needed to verify it to the disk first. */
static int find_keep(struct campaign *c, struct campaign_machine *m,
		     const struct fuzz_live_result *result, const char *signature, const char *name)
{
	const char *log = result->outcome == FUZZ_LIVE_CRASH ? m->log(m->context) : "";
	char line[FUZZ_LIVE_SIGNATURE + 1];
	void *tape = NULL;
	size_t size = 0;
	int folder, rc;

	rc = find_folder(c, name, &folder);
	if (rc)
		return rc;
	rc = tape_get(m, &tape, &size);
	if (!rc)
		rc = campaign_file_put(folder, "first.tape", tape, size);
	if (!rc && log && *log)
		rc = campaign_file_put(folder, "console.log", log, strlen(log));
	snprintf(line, sizeof(line), "%.*s\n", FUZZ_LIVE_SIGNATURE - 1, signature);
	if (!rc)
		rc = campaign_file_put(folder, "signature", line, strlen(line));
	if (rc)
		campaign_fail(c, rc, "%s/finds/%s: %s", c->o->folder, name, strerror(-rc));
	free(tape);
	close(folder);
	return rc;
}

const char *campaign_divergence_text(const struct minimise_signature *s, char *buf, size_t size)
{
	const char *outcome = strcmp(s->outcome, "success") ? s->outcome + 1 : "ok";
	size_t count;
	const struct model_rule *rules = model_rules(&count);
	const char *rule = s->rule < count ? rules[s->rule].id : "?";

	if (s->row)
		snprintf(buf, size, DIVERGES "%s %s %s", rule, s->row->name, outcome);
	else
		snprintf(buf, size, DIVERGES "%s 0x%x %s", rule, s->request, outcome);
	return buf;
}

size_t campaign_find_known(const struct campaign *c, const char *signature)
{
	for (size_t i = 0; i < c->find_count; i++) {
		if (!strcmp(c->finds[i].signature, signature))
			return i;
	}
	return SIZE_MAX;
}

int campaign_find_note(struct campaign *c, struct campaign_machine *m,
		       const struct fuzz_live_result *result, const char *signature, size_t *number)
{
	char name[160];
	int rc;

	signature_name(signature, name, sizeof(name));
	rc = find_keep(c, m, result, signature, name);
	if (rc)
		return rc;
	if (!find_add(c, signature, name))
		return -ENOMEM;
	*number = c->find_count - 1;
	c->finds[*number].times = 1;
	campaign_log(c, "find: %s, after %" PRIu64 " executions", signature, c->n.executions);
	return 0;
}

/* --- verifying -------------------------------------------------------------------------------- */

struct replaying {
	struct campaign_machine *m;
	struct fuzz_sequence *s;
	int failed; /* the machine does not work any more, or we are to end */
};

static int replay_play(void *context, const void *tape, size_t size, int fd, char *end,
		       size_t end_size)
{
	struct replaying *r = context;
	struct fuzz_live_result result;
	int rc;

	end[0] = 0;
	fuzz_sequence_clear(r->s);
	rc = fuzz_sequence_from_tape(r->s, tape, size);
	if (!rc || rc == -E2BIG)
		rc = r->m->one(r->m->context, r->s, &result);
	/* A tape that cannot be played shows no find. */
	else
		rc = -E2BIG;
	if (rc == -E2BIG)
		return fuzz_sequence_to_tape(r->s, r->m->env(r->m->context), fd);
	if (rc) {
		r->failed = rc;
		snprintf(end, end_size, "%s", r->m->error(r->m->context));
		return rc == -ENOTCONN || rc == -ETIMEDOUT ? -EIO : rc;
	}
	switch (result.outcome) {
	case FUZZ_LIVE_CRASH:
		snprintf(end, end_size, "%s", result.signature);
		return -ENOTCONN;
	case FUZZ_LIVE_HANG:
		snprintf(end, end_size, "%s", result.signature);
		return -ETIMEDOUT;
	case FUZZ_LIVE_LOST:
		/* No output, so no find. */
		return fuzz_sequence_to_tape(r->s, r->m->env(r->m->context), fd);
	default:
		return r->m->tape(r->m->context, fd);
	}
}

static int replay_fresh(void *context)
{
	struct replaying *r = context;
	int rc = r->m->restore(r->m->context);

	if (rc)
		r->failed = rc;
	return rc;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int text_put(int folder, const void *tape, size_t size)
{
	struct tape_reader *reader;
	char *text = NULL;
	size_t text_size = 0;
	FILE *out;
	int rc;

	rc = tape_reader_open_memory(tape, size, &reader);
	if (rc)
		return rc;
	out = open_memstream(&text, &text_size);
	rc = out ? tape_asm_print(reader, out) : -ENOMEM;
	if (out && fclose(out) && !rc)
		rc = -ENOMEM;
	if (!rc)
		rc = campaign_file_put(folder, "find.tapes", text, text_size);
	free(text);
	tape_reader_close(reader);
	return rc;
}

static bool first_take(void *context, const struct minimise_signature *s)
{
	struct minimise_signature *first = context;

	*first = *s;
	return true;
}

/*
 * The first divergence before the find on the tape, of which the find may be a consequence. "" =
 * none.
 */
static const char *follows(const void *tape, size_t size, const struct minimise_report *r,
			   char *text, size_t text_size)
{
	struct minimise_signature first;

	if (r->signature.rule == MINIMISE_NO_RULE ||
	    minimise_each(tape, size, first_take, &first) != 1 ||
	    minimise_signature_same(&first, &r->signature))
		return "";
	return campaign_divergence_text(&first, text, text_size);
}

static json_t *find_json(struct campaign *c, const struct campaign_find *f,
			 const struct minimise_report *r, const char *after)
{
	const struct model_rule *rule = NULL;
	char text[320];
	size_t count;
	json_t *o;

	if (r->signature.rule != MINIMISE_NO_RULE && (r->shown || r->event != UINT64_MAX))
		rule = &model_rules(&count)[r->signature.rule];
	o = json_pack("{s:i, s:s, s:s, s:s, s:s, s:I, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I}",
		      "schema", SCHEMA, "signature", f->signature, "where", c->o->where, "kernel",
		      c->kernel, "version", c->o->version, "times", (json_int_t)f->times, "runs",
		      (int)f->runs, "shown", (int)f->shown, "runs_minimised", (int)r->runs_after,
		      "shown_minimised", (int)r->shown_after, "calls_before",
		      (json_int_t)r->calls_before, "calls", (json_int_t)r->calls_after, "plays",
		      (json_int_t)r->plays, "executions", (json_int_t)c->n.executions,
		      "milliseconds", (json_int_t)campaign_time(c));
	if (!o || !rule)
		return o;
	json_object_set_new(o, "rule", json_string(rule->id));
	json_object_set_new(o, "statement", json_string(rule->statement));
	json_object_set_new(o, "document", json_string(rule->document));
	json_object_set_new(o, "section", json_string(rule->section ? rule->section : ""));
	json_object_set_new(
		o, "divergence",
		json_string(minimise_signature_text(&r->signature, text, sizeof(text))));
	if (*after)
		json_object_set_new(o, "follows", json_string(after));
	json_object_set_new(o, "expected", json_string(r->expected));
	json_object_set_new(o, "observed", json_string(r->observed));
	return o;
}

/* find.tape, find.tapes (the same as text), and find.json last: it marks the find as complete. */
static int find_write(struct campaign *c, int folder, const struct campaign_find *f,
		      const struct minimise_report *r, const void *tape, size_t size)
{
	char after[FUZZ_LIVE_SIGNATURE];
	json_t *o;
	char *text;
	int rc;

	rc = campaign_file_put(folder, "find.tape", tape, size);
	if (!rc)
		rc = text_put(folder, tape, size);
	o = rc ? NULL : find_json(c, f, r, follows(tape, size, r, after, sizeof(after)));
	text = o ? json_dumps(o, JSON_INDENT(1)) : NULL;
	if (!rc)
		rc = text ? campaign_file_put(folder, "find.json", text, strlen(text)) : -ENOMEM;
	free(text);
	json_decref(o);
	return rc;
}

/* Texts of the first divergence of the written tape. */
static void words_take(const void *tape, size_t size, struct minimise_report *r)
{
	struct minimise_options model = {.event = UINT64_MAX,
					 .no_calls = true,
					 .no_arguments = true,
					 .no_capabilities = true};
	struct minimise_report words;
	int fd = memfd_create("kvmtape-words", MFD_CLOEXEC);

	if (fd < 0)
		return;
	model.signature = &r->signature;
	if (minimise_tape(tape, size, &model, fd, &words) == 1) {
		memcpy(r->expected, words.expected, sizeof(r->expected));
		memcpy(r->observed, words.observed, sizeof(r->observed));
	}
	close(fd);
}

static int minimised_get(int fd, void **data, size_t *size)
{
	off_t end = lseek(fd, 0, SEEK_END);

	*size = end > 0 ? end : 0;
	*data = malloc(*size + 1);
	if (!*data)
		return -ENOMEM;
	return pread(fd, *data, *size, 0) == (ssize_t)*size ? 0 : -EIO;
}

struct wanted {
	const char *text;
	struct minimise_signature signature;
};

static bool wanted_take(void *context, const struct minimise_signature *s)
{
	struct wanted *w = context;
	char text[FUZZ_LIVE_SIGNATURE];

	campaign_divergence_text(s, text, sizeof(text));
	if (strcmp(text, w->text))
		return false;
	w->signature = *s;
	return true;
}

/* Play it again several times and minimise it. 1: shown again; 0: not. */
static int find_minimise(struct campaign *c, struct campaign_machine *m,
			 const struct campaign_find *f, const void *first, size_t first_size,
			 struct minimise_report *report, void **small, size_t *small_size)
{
	struct replaying r = {.m = m, .s = fuzz_sequence_new(KVMAPI_X86)};
	const struct minimise_player player = {
		.play = replay_play, .fresh = replay_fresh, .context = &r};
	struct wanted wanted = {.text = f->signature};
	struct minimise_options o = {
		.event = UINT64_MAX,
		.player = &player,
		.runs = c->o->runs,
		.where = c->o->where,
		.no_arguments = !c->o->minimise,
		.no_calls = !c->o->minimise,
	};
	int fd = memfd_create("kvmtape-minimised", MFD_CLOEXEC);
	int rc = -ENOMEM;

	if (!r.s || fd < 0)
		goto out;
	/* A tape of a machine that ended may diverge as well: that is another find. */
	rc = strncmp(f->signature, DIVERGES, strlen(DIVERGES))
		     ? 0
		     : minimise_each(first, first_size, wanted_take, &wanted);
	if (rc < 0)
		goto out;
	if (!rc)
		minimise_signature_end(f->signature, &wanted.signature);
	o.signature = &wanted.signature;
	rc = minimise_tape(first, first_size, &o, fd, report);
	if (rc == 1 && minimised_get(fd, small, small_size))
		rc = -EIO;
	if (rc == 1)
		words_take(*small, *small_size, report);
	if (rc < 0 && !r.failed) {
		/* An error of the tape, not of the machine: keep it as it is. */
		pthread_mutex_lock(&c->lock);
		campaign_log(c, "find: %s: cannot be minimised: %s", f->signature,
			     tape_strerror(rc));
		pthread_mutex_unlock(&c->lock);
		rc = 0;
	}
out:
	if (fd >= 0)
		close(fd);
	fuzz_sequence_free(r.s);
	return rc;
}

int campaign_find_triage(struct campaign *c, struct campaign_machine *m, size_t number)
{
	struct minimise_report report = {0};
	struct campaign_find f;
	uint8_t *first = NULL;
	void *small = NULL;
	size_t first_size, small_size = 0;
	int folder = -1, rc;

	pthread_mutex_lock(&c->lock);
	f = c->finds[number];
	rc = find_folder(c, f.name, &folder);
	pthread_mutex_unlock(&c->lock);
	if (!rc)
		rc = campaign_file_get(folder, "first.tape", &first, &first_size);
	if (rc)
		goto out;
	/* The other workers continue meanwhile. */
	rc = find_minimise(c, m, &f, first, first_size, &report, &small, &small_size);
	if (rc < 0)
		goto out;
	/* Not shown again, so it was not minimised. */
	if (!rc)
		report.calls_after = report.calls_before;
	f.runs = report.runs;
	f.shown = report.shown;
	pthread_mutex_lock(&c->lock);
	f.times = c->finds[number].times;
	rc = rc ? find_write(c, folder, &f, &report, small, small_size)
		: find_write(c, folder, &f, &report, first, first_size);
	if (rc) {
		campaign_fail(c, rc, "%s/finds/%s: %s", c->o->folder, f.name, tape_strerror(rc));
	} else {
		f.state = FIND_VERIFIED;
		c->finds[number] = f;
		*(f.shown ? &c->n.verified : &c->n.gone) += 1;
		campaign_log(c, "find: %s: %u of %u runs, %" PRIu64 " of %" PRIu64 " calls",
			     f.signature, f.shown, f.runs, report.calls_after, report.calls_before);
	}
	pthread_mutex_unlock(&c->lock);
out:
	if (folder >= 0)
		close(folder);
	free(first);
	free(small);
	return rc;
}
