// SPDX-License-Identifier: BSD-2-Clause
/*
 * The folder of a campaign. Results are saved at once: a file is written under another name and
 * renamed, or a whole line appended, so that a campaign can be resumed however it ended.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/array.h"
#include "base/file.h"
#include "base/hash.h"
#include "fuzz/campaign_internal.h"

#define SCHEMA	 1
#define TEMP	 ".new"
#define FILE_MAX (256ll << 20)

/* --- keys ------------------------------------------------------------------------------------- */

uint64_t keys_hash(const char *text, size_t size)
{
	uint64_t hash = hash64_add(HASH64_BEGIN, text, size);

	return hash ? hash : 1;
}

static size_t keys_at(const struct keys *k, uint64_t key)
{
	size_t at = key * 0x9e3779b97f4a7c15ull >> 32;

	while (k->table[at & (k->size - 1)] && k->table[at & (k->size - 1)] != key)
		at++;
	return at & (k->size - 1);
}

bool keys_has(const struct keys *k, uint64_t key)
{
	return k->size && k->table[keys_at(k, key)];
}

bool keys_add(struct keys *k, uint64_t key, int *rc)
{
	if ((k->count + 1) * 2 > k->size) {
		struct keys more = {.size = k->size ? 2 * k->size : 8192, .count = k->count};

		more.table = calloc(more.size, sizeof(*more.table));
		if (!more.table) {
			*rc = -ENOMEM;
			return false;
		}
		for (size_t i = 0; i < k->size; i++) {
			if (k->table[i])
				more.table[keys_at(&more, k->table[i])] = k->table[i];
		}
		free(k->table);
		*k = more;
	}
	if (keys_has(k, key))
		return false;
	k->table[keys_at(k, key)] = key;
	k->count++;
	return true;
}

/* --- files ------------------------------------------------------------------------------------ */

int campaign_file_put(int folder, const char *name, const void *data, size_t size)
{
	char temp[200];
	int fd, rc;

	snprintf(temp, sizeof(temp), "%.180s%s", name, TEMP);
	fd = openat(folder, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	rc = file_write_all(fd, data, size);
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && renameat(folder, temp, folder, name))
		rc = -errno;
	if (rc)
		unlinkat(folder, temp, 0);
	return rc;
}

int campaign_file_get(int folder, const char *name, uint8_t **data, size_t *size)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int rc;

	*data = NULL;
	*size = 0;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		rc = -EINVAL;
	else
		rc = file_read_all(fd, FILE_MAX, (char **)data, size);
	close(fd);
	return rc;
}

/*
 * A file that grows by whole lines. An incomplete last line, left by a full disk or a crash, is
 * removed.
 */
static int lines_open(struct campaign *c, const char *name, int *fd, char **text)
{
	uint8_t *data = NULL;
	size_t size = 0;
	int rc = campaign_file_get(c->folder, name, &data, &size);

	if (rc && rc != -ENOENT)
		return campaign_fail(c, rc, "%s/%s: %s", c->o->folder, name, strerror(-rc));
	while (size && data[size - 1] != '\n')
		data[--size] = 0;
	*fd = openat(c->folder, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (*fd < 0 || ftruncate(*fd, size)) {
		rc = -errno;
		free(data);
		return campaign_fail(c, rc, "%s/%s: %s", c->o->folder, name, strerror(-rc));
	}
	if (text)
		*text = (char *)data;
	else
		free(data);
	return 0;
}

static int lines_put(struct campaign *c, int fd, const char *name, const char *text, size_t size)
{
	off_t end = lseek(fd, 0, SEEK_END);
	int rc = file_write_all(fd, text, size);

	if (!rc)
		return 0;
	/* Avoid incomplete lines even if the disk is full. */
	if (end >= 0 && ftruncate(fd, end))
		rc = -errno;
	return campaign_fail(c, rc, "%s/%s: %s", c->o->folder, name, strerror(-rc));
}

int campaign_log(struct campaign *c, const char *format, ...)
{
	char line[700], when[40];
	time_t now = time(NULL);
	struct tm tm;
	va_list args;
	int n;

	if (c->log_fd < 0)
		return 0;
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	n = snprintf(line, sizeof(line), "%s ", when);
	va_start(args, format);
	vsnprintf(line + n, sizeof(line) - n - 1, format, args);
	va_end(args);
	strcat(line, "\n");
	return lines_put(c, c->log_fd, "log", line, strlen(line));
}

/* --- what joins ------------------------------------------------------------------------------- */

static int entry_add(struct campaign *c, const void *bytes, size_t size, bool seed)
{
	struct campaign_entry e = {.bytes = malloc(size + 1), .size = size, .seed = seed};

	if (!e.bytes || array_grow(&c->entries, &c->entry_room, c->entry_count)) {
		free(e.bytes);
		return campaign_fail(c, -ENOMEM, "out of memory");
	}
	memcpy(e.bytes, bytes, size);
	c->entries[c->entry_count++] = e;
	c->n.queue = c->entry_count;
	return 0;
}

/* The encoding of a sequence.  The caller frees it; NULL: no memory. */
static uint8_t *sequence_bytes(const struct fuzz_sequence *s, size_t *size)
{
	size_t room = sizeof(*s);
	uint8_t *bytes = malloc(room);

	if (bytes)
		*size = fuzz_sequence_encode(s, bytes, room, NULL);
	return bytes;
}

int campaign_entry_add(struct campaign *c, const struct fuzz_sequence *s, bool seed)
{
	size_t size;
	uint8_t *bytes = sequence_bytes(s, &size);
	int rc;

	if (!bytes)
		return campaign_fail(c, -ENOMEM, "out of memory");
	rc = entry_add(c, bytes, size, seed);
	free(bytes);
	return rc;
}

int campaign_queue_add(struct campaign *c, const struct fuzz_sequence *s)
{
	char name[32];
	size_t size;
	uint8_t *bytes = sequence_bytes(s, &size);
	int rc;

	if (!bytes)
		return campaign_fail(c, -ENOMEM, "out of memory");
	snprintf(name, sizeof(name), "%06" PRIu64 ".seq", c->queue_number);
	rc = campaign_file_put(c->queue, name, bytes, size);
	if (rc)
		campaign_fail(c, rc, "%s/queue/%s: %s", c->o->folder, name, strerror(-rc));
	else
		rc = entry_add(c, bytes, size, false);
	if (!rc)
		c->queue_number++;
	free(bytes);
	return rc;
}

/* "kvm .text+0x12": the key of a block; names follow. */
static size_t block_length(const char *line, size_t size)
{
	size_t words = 0, n = 0;

	for (; n < size; n++) {
		words += line[n] == ' ';
		if (words == 2)
			break;
	}
	return n;
}

int campaign_blocks_add(struct campaign *c, const char *lines, size_t *added)
{
	int rc = 0;

	*added = 0;
	while (!rc && *lines) {
		size_t size = strcspn(lines, "\n");
		uint64_t key = keys_hash(lines, block_length(lines, size));

		if (size && keys_add(&c->blocks, key, &rc)) {
			++*added;
			rc = lines_put(c, c->blocks_fd, "blocks", lines, size + 1);
		}
		lines += size + (lines[size] == '\n');
	}
	c->n.blocks = c->blocks.count;
	return rc;
}

static uint64_t outcome_key(uint16_t rule, int64_t ret)
{
	return 1ull << 62 | (uint64_t)rule << 32 | (ret < 0 ? (uint32_t)-ret : 0);
}

static int outcome_known(struct campaign *c, uint16_t rule, int64_t ret, bool *added)
{
	int rc = 0;

	*added = keys_add(&c->outcomes, outcome_key(rule, ret), &rc);
	if (!rc)
		keys_add(&c->rules, rule + 1ull, &rc);
	c->n.outcomes = c->outcomes.count;
	c->n.rules = c->rules.count;
	return rc;
}

int campaign_outcome_add(struct campaign *c, uint16_t rule, int64_t ret)
{
	const char *name = ret < 0 ? kvmapi_errno_name(-ret) : "success";
	char line[200];
	size_t count;
	bool added;
	int rc = outcome_known(c, rule, ret, &added);

	if (rc)
		return campaign_fail(c, rc, "out of memory");
	if (!added)
		return 0;
	if (name)
		snprintf(line, sizeof(line), "%s %s%s\n", model_rules(&count)[rule].id,
			 ret < 0 ? "-" : "", name);
	else
		snprintf(line, sizeof(line), "%s %" PRId64 "\n", model_rules(&count)[rule].id, ret);
	rc = lines_put(c, c->outcomes_fd, "outcomes", line, strlen(line));
	return rc ? rc : 1;
}

/* --- reading it again ------------------------------------------------------------------------- */

static void foreign(struct campaign *c, const char *folder, const char *name)
{
	c->n.foreign++;
	campaign_log(c, "%s%s%s: is not of a campaign, and is ignored", folder, *folder ? "/" : "",
		     name);
	fprintf(stderr, "kvmtape fuzz: %s/%s%s%s: is not of a campaign, and is ignored\n",
		c->o->folder, folder, *folder ? "/" : "", name);
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a folder, sorted; freed with names_free(). */
static int names_read(int folder, char ***names, size_t *count)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	size_t room = 0;
	int rc = 0;

	*names = NULL;
	*count = 0;
	if (!dir) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (!rc && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		rc = array_grow(names, &room, *count);
		if (rc)
			break;
		(*names)[*count] = strdup(entry->d_name);
		if (!(*names)[*count])
			rc = -ENOMEM;
		else
			++*count;
	}
	closedir(dir);
	if (*count)
		qsort(*names, *count, sizeof(**names), name_compare);
	return rc;
}

static void names_free(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static bool ends_with(const char *name, const char *end)
{
	size_t a = strlen(name), b = strlen(end);

	return a >= b && !strcmp(name + a - b, end);
}

static int queue_read(struct campaign *c)
{
	char **names;
	size_t count;
	int rc = names_read(c->queue, &names, &count);

	if (rc)
		campaign_fail(c, rc, "%s/queue: %s", c->o->folder, strerror(-rc));
	for (size_t i = 0; !rc && i < count; i++) {
		unsigned long long number;
		uint8_t *data;
		size_t size;
		int used = 0;

		/* Left by an interrupted write. */
		if (ends_with(names[i], TEMP)) {
			unlinkat(c->queue, names[i], 0);
			continue;
		}
		if (sscanf(names[i], "%llu.seq%n", &number, &used) != 1 ||
		    used != (int)strlen(names[i]) ||
		    campaign_file_get(c->queue, names[i], &data, &size)) {
			foreign(c, "queue", names[i]);
			continue;
		}
		rc = entry_add(c, data, size, false);
		if (number >= c->queue_number)
			c->queue_number = number + 1;
		free(data);
	}
	names_free(names, count);
	return rc;
}

static int finds_read(struct campaign *c)
{
	char **names;
	size_t count;
	int rc = names_read(c->finds_folder, &names, &count);

	if (rc)
		campaign_fail(c, rc, "%s/finds: %s", c->o->folder, strerror(-rc));
	for (size_t i = 0; !rc && i < count; i++) {
		rc = campaign_find_load(c, names[i]);
		if (rc == -ENOENT) {
			foreign(c, "finds", names[i]);
			rc = 0;
		}
	}
	names_free(names, count);
	return rc;
}

static void blocks_read(struct campaign *c, const char *text)
{
	int rc = 0;

	while (text && *text) {
		size_t size = strcspn(text, "\n");

		keys_add(&c->blocks, keys_hash(text, block_length(text, size)), &rc);
		text += size + 1;
	}
	c->n.blocks = c->blocks.count;
}

/* Rules by their ids, since numbers change between versions. */
static void outcomes_read(struct campaign *c, const char *text)
{
	size_t count;
	const struct model_rule *rules = model_rules(&count);

	while (text && *text) {
		size_t size = strcspn(text, "\n"), id = strcspn(text, " \n");
		const char *value = text + id + (text[id] == ' ');
		int64_t ret = 0;
		char name[40];
		bool added;

		snprintf(name, sizeof(name), "%.*s", (int)(text + size - value), value);
		if (name[0] == '-' && name[1] >= 'A')
			ret = -kvmapi_errno_number(name + 1);
		else if (name[0] == '-')
			ret = strtoll(name, NULL, 10);
		for (size_t i = 0; i < count; i++) {
			if (strlen(rules[i].id) == id && !memcmp(rules[i].id, text, id))
				outcome_known(c, i, ret, &added);
		}
		text += size + 1;
	}
}

static uint64_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static int counts_read(struct campaign *c, const uint8_t *data, size_t size)
{
	json_error_t error;
	json_t *o = json_loadb((const char *)data, size, 0, &error);
	const char *where = json_string_value(json_object_get(o, "where"));
	int rc = 0;

	if (!o || number_of(o, "schema") != SCHEMA || !where) {
		rc = campaign_fail(c, -EINVAL,
				   "%s/campaign.json: is not of a campaign of this version",
				   c->o->folder);
	} else if (strcmp(where, c->o->where)) {
		rc = campaign_fail(c, -EINVAL,
				   "%s: is a campaign on %s; give another folder for %s",
				   c->o->folder, where, c->o->where);
	} else {
		c->n.executions = number_of(o, "executions");
		c->n.calls = number_of(o, "calls");
		c->before_ms = number_of(o, "milliseconds");
		c->n.restarts = c->restarts_before = number_of(o, "restarts");
		c->n.kicked = number_of(o, "kicked");
		c->n.lost = number_of(o, "lost");
		c->n.deviations = number_of(o, "deviations");
		c->n.crashes = number_of(o, "crashes");
		c->n.repeated = number_of(o, "repeated");
		c->n.stable = number_of(o, "stable");
		c->n.stable_of = number_of(o, "stable_of");
		c->resumed = true;
	}
	json_decref(o);
	return rc;
}

static int counts_write(struct campaign *c)
{
	json_t *o = json_pack(
		"{s:i, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"schema", SCHEMA, "where", c->o->where, "version", c->o->version, "kernel",
		c->kernel, "blind", c->o->blind, "executions", (json_int_t)c->n.executions, "calls",
		(json_int_t)c->n.calls, "milliseconds", (json_int_t)campaign_time(c), "restarts",
		(json_int_t)c->n.restarts, "kicked", (json_int_t)c->n.kicked, "lost",
		(json_int_t)c->n.lost, "deviations", (json_int_t)c->n.deviations, "crashes",
		(json_int_t)c->n.crashes, "repeated", (json_int_t)c->n.repeated, "stable",
		(json_int_t)c->n.stable, "stable_of", (json_int_t)c->n.stable_of);
	char *text = o ? json_dumps(o, JSON_INDENT(1)) : NULL;
	int rc = -ENOMEM;

	if (text)
		rc = campaign_file_put(c->folder, "campaign.json", text, strlen(text));
	free(text);
	json_decref(o);
	return rc ? campaign_fail(c, rc, "%s/campaign.json: %s", c->o->folder, strerror(-rc)) : 0;
}

int campaign_state_save(struct campaign *c)
{
	char line[200];
	int n, rc = counts_write(c);

	if (rc)
		return rc;
	n = snprintf(line, sizeof(line),
		     "%.1f,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
		     "\n",
		     campaign_time(c) / 1000.0, c->n.executions, c->n.blocks, c->n.rules,
		     c->n.outcomes, c->n.queue, c->n.finds);
	return lines_put(c, c->curves_fd, "curves.csv", line, n);
}

/* Names in the folder that a campaign has. */
static bool is_ours(const char *name)
{
	static const char *const names[] = {"campaign.json", "queue", "finds",	    "blocks",
					    "outcomes",	     "log",   "curves.csv", "lock",
					    "engine",	     "seeds"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(name, names[i]))
			return true;
	}
	return ends_with(name, TEMP);
}

static int folder_part(struct campaign *c, const char *name, int *fd)
{
	if (mkdirat(c->folder, name, 0777) && errno != EEXIST)
		return campaign_fail(c, -errno, "%s/%s: %s", c->o->folder, name, strerror(errno));
	*fd = openat(c->folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? campaign_fail(c, -errno, "%s/%s: %s", c->o->folder, name, strerror(errno))
		       : 0;
}

/* The folder must be a campaign's or empty. */
static int folder_open(struct campaign *c)
{
	bool ours;
	char **names;
	size_t count;
	int rc;

	if (mkdir(c->o->folder, 0777) && errno != EEXIST)
		return campaign_fail(c, -errno, "%s: %s", c->o->folder, strerror(errno));
	c->folder = open(c->o->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->folder < 0)
		return campaign_fail(c, -errno, "%s: %s", c->o->folder, strerror(errno));
	ours = !faccessat(c->folder, "campaign.json", F_OK, 0);
	rc = names_read(c->folder, &names, &count);
	if (rc)
		campaign_fail(c, rc, "%s: %s", c->o->folder, strerror(-rc));
	/* A campaign whose first files could not be written is a campaign, too. */
	for (size_t i = 0; !rc && !ours && i < count; i++) {
		if (!is_ours(names[i]))
			rc = campaign_fail(c, -EEXIST,
					   "%s: holds %s, and is no folder of a campaign; give an "
					   "empty one",
					   c->o->folder, names[i]);
	}
	if (!rc) {
		c->lock_fd = openat(c->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
		if (c->lock_fd < 0)
			rc = campaign_fail(c, -errno, "%s/lock: %s", c->o->folder, strerror(errno));
		else if (flock(c->lock_fd, LOCK_EX | LOCK_NB))
			rc = campaign_fail(c, -EBUSY, "%s: another campaign is running in it",
					   c->o->folder);
	}
	if (!rc)
		rc = lines_open(c, "log", &c->log_fd, NULL);
	for (size_t i = 0; !rc && ours && i < count; i++) {
		if (!is_ours(names[i]))
			foreign(c, "", names[i]);
	}
	names_free(names, count);
	return rc;
}

int campaign_state_open(struct campaign *c)
{
	char *blocks = NULL, *outcomes = NULL, *curves = NULL;
	uint8_t *counts = NULL;
	size_t size;
	int rc;

	c->folder = c->queue = c->finds_folder = c->lock_fd = -1;
	c->blocks_fd = c->outcomes_fd = c->curves_fd = c->log_fd = -1;
	rc = folder_open(c);
	if (!rc && !campaign_file_get(c->folder, "campaign.json", &counts, &size))
		rc = counts_read(c, counts, size);
	if (!rc)
		rc = folder_part(c, "queue", &c->queue);
	if (!rc)
		rc = folder_part(c, "finds", &c->finds_folder);
	if (!rc)
		rc = lines_open(c, "blocks", &c->blocks_fd, &blocks);
	if (!rc)
		rc = lines_open(c, "outcomes", &c->outcomes_fd, &outcomes);
	if (!rc)
		rc = lines_open(c, "curves.csv", &c->curves_fd, &curves);
	if (!rc && (!curves || !*curves)) {
		const char *head = "seconds,executions,blocks,rules,outcomes,queue,finds\n";

		rc = lines_put(c, c->curves_fd, "curves.csv", head, strlen(head));
	}
	if (!rc) {
		blocks_read(c, blocks);
		outcomes_read(c, outcomes);
		rc = queue_read(c);
	}
	if (!rc)
		rc = finds_read(c);
	if (!rc)
		rc = counts_write(c);
	free(blocks);
	free(outcomes);
	free(curves);
	free(counts);
	return rc;
}

void campaign_state_close(struct campaign *c)
{
	const int fds[] = {c->queue,	 c->finds_folder, c->blocks_fd, c->outcomes_fd,
			   c->curves_fd, c->log_fd,	  c->lock_fd,	c->folder};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	for (size_t i = 0; i < c->entry_count; i++)
		free(c->entries[i].bytes);
	free(c->entries);
	free(c->finds);
	free(c->blocks.table);
	free(c->outcomes.table);
	free(c->rules.table);
}

/* --- seeds ------------------------------------------------------------------------------------ */

static int seed_read(struct campaign *c, struct fuzz_sequence *s, int folder, const char *name,
		     const char *shown, bool asked_for)
{
	uint8_t *data;
	size_t size;
	int rc = campaign_file_get(folder, name, &data, &size);

	if (!rc) {
		fuzz_sequence_clear(s);
		rc = fuzz_sequence_from_tape(s, data, size);
		free(data);
	}
	/* Only the first calls of a long tape are used. */
	if (!rc || rc == -E2BIG)
		return s->call_count ? campaign_entry_add(c, s, true) : 0;
	if (asked_for)
		return campaign_fail(c, rc, "%s: %s", shown, tape_strerror(rc));
	c->n.foreign++;
	campaign_log(c, "%s: %s; ignored", shown, tape_strerror(rc));
	fprintf(stderr, "kvmtape fuzz: %s: %s; ignored\n", shown, tape_strerror(rc));
	return 0;
}

static int seeds_folder(struct campaign *c, struct fuzz_sequence *s, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char **names;
	char shown[1200];
	size_t count;
	int rc;

	if (fd < 0)
		return campaign_fail(c, -errno, "%s: %s", path, strerror(errno));
	rc = names_read(fd, &names, &count);
	if (rc)
		campaign_fail(c, rc, "%s: %s", path, strerror(-rc));
	for (size_t i = 0; !rc && i < count; i++) {
		snprintf(shown, sizeof(shown), "%.900s/%.255s", path, names[i]);
		rc = seed_read(c, s, fd, names[i], shown, false);
	}
	names_free(names, count);
	close(fd);
	return rc;
}

int campaign_seeds_read(struct campaign *c)
{
	struct fuzz_sequence *s = fuzz_sequence_new(KVMAPI_X86);
	struct stat st;
	int rc = 0;

	if (!s)
		return campaign_fail(c, -ENOMEM, "out of memory");
	for (size_t i = 0; !rc && i < c->o->seed_count; i++) {
		const char *path = c->o->seeds[i];

		if (!stat(path, &st) && S_ISDIR(st.st_mode))
			rc = seeds_folder(c, s, path);
		else
			rc = seed_read(c, s, AT_FDCWD, path, path, true);
	}
	fuzz_sequence_free(s);
	return rc;
}
