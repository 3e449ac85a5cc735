/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Campaigns on a machine that is made up: it says ENOMEM to everything but what makes objects,
 * answers KVM_GET_API_VERSION wrongly once there is a VM, and crashes of one call.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "fuzz/campaign.h"
#include "replayer/judge/judge.h"
#include "kvmtape/asm.h"

#define ROOM  4
#define WRONG "diverges-API_VERSION_IS_12"

struct fake {
	/* How it is. */
	bool crashes, lost, refuses;
	uint64_t interrupt_after; /* one() answers -EINTR from so many on, 0 = never */
	/* What it did. */
	uint64_t ones, restores;
	campaign_verdict_fn verdict;
	void *verdict_context;
	struct tape_env env;
	struct fuzz_sequence *waiting[ROOM], *last;
	uint64_t numbers[ROOM], judged;
	bool diverges;
	unsigned int count;
	uint8_t *tape;
	size_t tape_size;
};

static char folder[64];
static char error[400];
static volatile sig_atomic_t stop;

static bool has_call(const struct fuzz_sequence *s, const char *name)
{
	for (uint32_t i = 0; i < s->call_count; i++) {
		if (s->calls[i].op == FUZZ_IOCTL && s->calls[i].row &&
		    !strcmp(s->calls[i].row->name, name))
			return true;
	}
	return false;
}

static void file_take(int fd, uint8_t **data, size_t *size)
{
	*size = lseek(fd, 0, SEEK_END);
	free(*data);
	*data = malloc(*size + 1);
	assert_int_equal(pread(fd, *data, *size, 0), *size);
	close(fd);
}

static int answer(struct tape_writer *w, const struct tape_item *item, bool *vm)
{
	struct tape_return ret;

	switch (item->type) {
	case TAPE_THREAD:
		return tape_writer_thread(w, &item->u.thread);
	case TAPE_OBJECT:
		return tape_writer_object(w, &item->u.object);
	case TAPE_CLOSED:
		return tape_writer_closed(w, item->u.closed.object, 0);
	case TAPE_CALL:
		return tape_writer_call(w, item->u.call);
	case TAPE_RETURN:
		ret = *item->u.ret;
		ret.part_count = 0;
		if (ret.call->row && !strcmp(ret.call->row->name, "KVM_GET_API_VERSION"))
			ret.ret = *vm ? 13 : 12;
		else if (!ret.created)
			ret.ret = -ENOMEM;
		*vm |= ret.created;
		return tape_writer_return(w, ret.call->thread, &ret);
	case TAPE_END:
		return tape_writer_finish(w, &item->u.end);
	default:
		return 0;
	}
}

/* What the machine "answers", as a tape. */
static void tape_make(struct fake *f, const struct fuzz_sequence *s)
{
	struct tape_reader *reader;
	struct tape_writer *writer;
	struct tape_item item;
	uint8_t *asked = NULL;
	size_t size;
	bool vm = false;
	int fd = memfd_create("asked", MFD_CLOEXEC);

	assert_int_equal(fuzz_sequence_to_tape(s, &f->env, fd), 0);
	file_take(fd, &asked, &size);
	fd = memfd_create("answered", MFD_CLOEXEC);
	assert_int_equal(tape_reader_open_memory(asked, size, &reader), 0);
	assert_int_equal(tape_writer_open(fd, &f->env, NULL, &writer), 0);
	do {
		assert_int_equal(tape_reader_next(reader, &item), 0);
		assert_int_equal(answer(writer, &item, &vm), 0);
	} while (item.type != TAPE_END_OF_FILE);
	tape_writer_close(writer);
	tape_reader_close(reader);
	file_take(fd, &f->tape, &f->tape_size);
	free(asked);
}

static int fake_verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	struct fake *f = context;

	f->diverges |= v->kind == MODEL_DIVERGES;
	f->verdict(f->verdict_context, f->judged, ret, v);
	return 0;
}

/* Have the model judge what was "answered". */
static void tape_judge(struct fake *f, uint64_t number)
{
	const struct replayer_hooks hooks = {
		.context = f, .verdict_mask = ~0u, .verdict = fake_verdict};
	const struct replayer_options options = {.until = UINT64_MAX};
	struct replayer_score score;
	struct tape_reader *reader;

	f->judged = number;
	f->diverges = false;
	assert_int_equal(tape_reader_open_memory(f->tape, f->tape_size, &reader), 0);
	assert_int_equal(replayer_judge(reader, &options, &hooks, &score), 0);
	replayer_score_release(&score);
	tape_reader_close(reader);
}

static unsigned int fake_room(void *context)
{
	struct fake *f = context;

	return ROOM - f->count;
}

static int fake_submit(void *context, const struct fuzz_sequence *s, uint64_t number)
{
	struct fake *f = context;

	assert_true(f->count < ROOM);
	fuzz_sequence_copy(f->waiting[f->count], s);
	f->numbers[f->count++] = number;
	return 0;
}

static int fake_next(void *context, struct fuzz_live_result *r)
{
	struct fake *f = context;
	struct fuzz_sequence *s;

	if (!f->count)
		return -ENODATA;
	s = f->last;
	f->last = f->waiting[0];
	*r = (struct fuzz_live_result){
		.number = f->numbers[0], .sequence = f->last, .played = f->last->call_count};
	memmove(f->waiting, f->waiting + 1, (ROOM - 1) * sizeof(f->waiting[0]));
	memmove(f->numbers, f->numbers + 1, (ROOM - 1) * sizeof(f->numbers[0]));
	f->waiting[ROOM - 1] = s;
	f->count--;
	tape_make(f, f->last);
	if (f->lost) {
		r->outcome = FUZZ_LIVE_LOST;
		snprintf(r->signature, sizeof(r->signature), "nothing works today");
	} else if (f->crashes && has_call(f->last, "KVM_CREATE_IRQCHIP")) {
		r->outcome = FUZZ_LIVE_CRASH;
		snprintf(r->signature, sizeof(r->signature), "oops fake_function");
	} else {
		tape_judge(f, r->number);
		r->outcome = f->diverges ? FUZZ_LIVE_DIVERGES : FUZZ_LIVE_CONFORMS;
	}
	return 0;
}

static int fake_one(void *context, const struct fuzz_sequence *s, struct fuzz_live_result *r)
{
	struct fake *f = context;

	f->ones++;
	if (f->interrupt_after && f->ones >= f->interrupt_after) {
		stop = 1;
		return -EINTR;
	}
	assert_int_equal(f->count, 0);
	return fake_submit(f, s, 0) ?: fake_next(f, r);
}

static int fake_tape(void *context, int fd)
{
	struct fake *f = context;

	return write(fd, f->tape, f->tape_size) == (ssize_t)f->tape_size ? 0 : -EIO;
}

static int fake_restore(void *context)
{
	struct fake *f = context;

	f->restores++;
	return 0;
}

static const struct tape_env *fake_env(void *context)
{
	struct fake *f = context;

	return &f->env;
}

/* A block for each ioctl. */
static int fake_blocks(void *context, const struct fuzz_live_result *r, char **lines)
{
	size_t size;
	FILE *out = open_memstream(lines, &size);

	for (uint32_t i = 0; i < r->sequence->call_count; i++) {
		if (r->sequence->calls[i].row)
			fprintf(out, "kvm .text+0x%x %s+0x0\n", r->sequence->calls[i].request,
				r->sequence->calls[i].row->name);
	}
	return fclose(out);
}

static uint64_t fake_restarts(void *context)
{
	struct fake *f = context;

	return f->restores;
}

static const char *fake_log(void *context)
{
	return "BUG: fake\n";
}

static const char *fake_error(void *context)
{
	return "";
}

static void fake_close(void *context)
{
	struct fake *f = context;

	for (unsigned int i = 0; i < ROOM; i++)
		fuzz_sequence_free(f->waiting[i]);
	fuzz_sequence_free(f->last);
	free(f->tape);
	f->tape = NULL;
	tape_env_release(&f->env);
	f->count = 0;
}

static int fake_open(void *context, campaign_verdict_fn verdict, void *verdict_context,
		     struct campaign_machine *machine, char *why, size_t why_size)
{
	struct fake *f = context;

	if (f->refuses) {
		snprintf(why, why_size, "the guest did not come up within 120 s");
		return -ETIMEDOUT;
	}
	f->verdict = verdict;
	f->verdict_context = verdict_context;
	tape_env_init(&f->env);
	f->env.arch = KVMAPI_X86;
	f->env.page_size = 4096;
	tape_env_set(&f->env, "kernel.release", "6.1.0");
	tape_env_set(&f->env, "kvm.backend", "kvm_amd");
	for (unsigned int i = 0; i < ROOM; i++)
		f->waiting[i] = fuzz_sequence_new(KVMAPI_X86);
	f->last = fuzz_sequence_new(KVMAPI_X86);
	*machine = (struct campaign_machine){
		.context = f,
		.room = fake_room,
		.submit = fake_submit,
		.next = fake_next,
		.one = fake_one,
		.tape = fake_tape,
		.restore = fake_restore,
		.env = fake_env,
		.blocks = fake_blocks,
		.restarts = fake_restarts,
		.log = fake_log,
		.error = fake_error,
		.close = fake_close,
	};
	return 0;
}

/* --- the folder ------------------------------------------------------------------------------- */

static void path_of(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%s", folder, name);
}

static void folder_remove(const char *path)
{
	char name[600];
	struct dirent *entry;
	DIR *dir = opendir(path);

	while (dir && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(name, sizeof(name), "%.300s/%.255s", path, entry->d_name);
		if (unlink(name))
			folder_remove(name);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

static size_t names_count(const char *name, const char *begin, char *found, size_t found_size)
{
	char path[600];
	struct dirent *entry;
	size_t count = 0;
	DIR *dir;

	path_of(path, sizeof(path), name);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || strncmp(entry->d_name, begin, strlen(begin)))
			continue;
		count++;
		if (found)
			snprintf(found, found_size, "%s/%s", name, entry->d_name);
	}
	if (dir)
		closedir(dir);
	return count;
}

static int setup(void **state)
{
	strcpy(folder, "/tmp/kvmtape-campaign.XXXXXX");
	stop = 0;
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	folder_remove(folder);
	return 0;
}

static int run(struct fake *f, uint64_t executions, bool blind, struct campaign_counts *counts)
{
	const struct campaign_options o = {
		.folder = folder,
		.where = "guest:fake",
		.version = "test",
		.workers = 1,
		.random = 7,
		.calls = 16,
		.blind = blind,
		.minimise = true,
		.runs = 3,
		.executions = executions,
		.interval = 1,
		.bold = "",
		.dim = "",
		.bad = "",
		.off = "",
		.out = fopen("/dev/null", "w"),
		.stop = &stop,
		.maker = {.open = fake_open, .context = f},
	};
	int rc = campaign_run(&o, counts, error, sizeof(error));

	fclose(o.out);
	return rc;
}

static json_t *json_of(const char *name)
{
	char path[800];
	json_t *o;

	path_of(path, sizeof(path), name);
	o = json_load_file(path, 0, NULL);
	assert_non_null(o);
	return o;
}

static long long number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_finds(void **state)
{
	struct fake f = {0};
	struct campaign_counts n;
	char found[600], name[700];
	json_t *o;

	assert_int_equal(run(&f, 1500, false, &n), 0);
	assert_true(n.executions >= 1500);
	assert_true(n.blocks >= 20);
	assert_true(n.queue >= 10);
	assert_int_equal(names_count("queue", "", NULL, 0), n.queue);
	/* Told apart by its signature: found often, reported once. */
	assert_int_equal(names_count("finds", WRONG, found, sizeof(found)), 1);
	assert_true(n.repeated > n.finds);
	assert_int_equal(names_count("finds", "", NULL, 0), n.finds);
	snprintf(name, sizeof(name), "%s/find.json", found);
	o = json_of(name);
	assert_string_equal(json_string_value(json_object_get(o, "rule")), "API_VERSION_IS_12");
	assert_int_equal(number_of(o, "runs"), 3);
	assert_int_equal(number_of(o, "shown"), 3);
	assert_int_equal(number_of(o, "shown_minimised"), 3);
	/* A VM, and the question. */
	assert_int_equal(number_of(o, "calls"), 2);
	json_decref(o);
	assert_int_equal(names_count(found, "find.tape", NULL, 0), 2);
	assert_true(f.restores >= 6);
}

static void test_resume(void **state)
{
	struct fake f = {0};
	struct campaign_counts first, second;
	char path[300];
	struct stat before, after;

	assert_int_equal(run(&f, 600, false, &first), 0);
	path_of(path, sizeof(path), "curves.csv");
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(run(&f, 300, false, &second), 0);
	assert_true(second.executions >= first.executions + 300);
	assert_true(second.blocks >= first.blocks);
	assert_true(second.queue >= first.queue);
	assert_true(second.finds >= first.finds);
	assert_true(second.repeated >= first.repeated);
	assert_true(second.seconds_ms >= first.seconds_ms);
	assert_int_equal(names_count("finds", WRONG, NULL, 0), 1);
	assert_int_equal(stat(path, &after), 0);
	assert_true(after.st_size > before.st_size);
}

/* Ended in the middle of verifying: the find is there, and is verified by the next run. */
static void test_interrupted(void **state)
{
	struct fake f = {.interrupt_after = 2};
	struct campaign_counts n;
	char found[600];

	assert_int_equal(run(&f, 100000, false, &n), 0);
	assert_true(n.finds >= 1);
	assert_int_equal(n.verified, 0);
	names_count("finds", "", found, sizeof(found));
	assert_int_equal(names_count(found, "first.tape", NULL, 0), 1);
	assert_int_equal(names_count(found, "find.json", NULL, 0), 0);
	stop = 0;
	f = (struct fake){0};
	assert_int_equal(run(&f, 50, false, &n), 0);
	assert_true(n.verified >= 1);
	assert_int_equal(names_count(found, "find.json", NULL, 0), 1);
}

static void test_crash(void **state)
{
	struct fake f = {.crashes = true};
	struct campaign_counts n;
	char found[600], name[700];
	json_t *o;

	assert_int_equal(run(&f, 1500, false, &n), 0);
	assert_true(n.crashes >= 1);
	assert_int_equal(names_count("finds", "oops-fake_function", found, sizeof(found)), 1);
	assert_int_equal(names_count(found, "console.log", NULL, 0), 1);
	snprintf(name, sizeof(name), "%s/find.json", found);
	o = json_of(name);
	assert_int_equal(number_of(o, "shown"), 3);
	assert_int_equal(number_of(o, "calls"), 2);
	json_decref(o);
}

static void test_blind(void **state)
{
	struct fake f = {0};
	struct campaign_counts n;

	assert_int_equal(run(&f, 500, true, &n), 0);
	assert_int_equal(n.queue, 0);
	assert_true(n.blocks > 10);
}

static void put(const char *name, const char *text)
{
	char path[300];
	FILE *out;

	path_of(path, sizeof(path), name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

/* Seen once and never again: it is told apart from what was not played again yet. */
static void test_gone(void **state)
{
	struct fake f = {0};
	struct campaign_counts before, n;
	char path[300];

	assert_int_equal(run(&f, 1, false, &before), 0);
	path_of(path, sizeof(path), "finds/x");
	assert_int_equal(mkdir(path, 0777), 0);
	path_of(path, sizeof(path), "finds/y");
	assert_int_equal(mkdir(path, 0777), 0);
	put("finds/x/find.json",
	    "{\"signature\": \"hang\", \"runs\": 5, \"shown\": 0, \"times\": 1}");
	put("finds/y/signature", "oops f\n");
	f.refuses = true;
	assert_int_equal(run(&f, 10, false, &n), -ETIMEDOUT);
	assert_int_equal(n.finds, before.finds + 2);
	assert_int_equal(n.gone, before.gone + 1);
	assert_int_equal(n.verified, before.verified);
}

static void test_foreign(void **state)
{
	struct fake f = {0};
	struct campaign_counts n, before;
	char path[300];

	assert_int_equal(run(&f, 300, false, &before), 0);
	put("README", "mine\n");
	put("queue/notes", "mine\n");
	put("queue/000007.seq.new", "half");
	put("finds/notes", "mine\n");
	path_of(path, sizeof(path), "finds/mine");
	assert_int_equal(mkdir(path, 0777), 0);
	assert_int_equal(run(&f, 20, false, &n), 0);
	assert_int_equal(n.foreign, 4);
	assert_int_equal(names_count("", "README", NULL, 0), 1);
	assert_int_equal(names_count("queue", "notes", NULL, 0), 1);
	/* What a write left that did not come to its end is ours. */
	assert_int_equal(names_count("queue", "000007.seq.new", NULL, 0), 0);
}

static void test_half_lines(void **state)
{
	struct fake f = {0};
	struct campaign_counts before, n;
	char path[300];
	FILE *out;

	assert_int_equal(run(&f, 300, false, &before), 0);
	path_of(path, sizeof(path), "blocks");
	out = fopen(path, "a");
	fputs("kvm .text+0xffff", out);
	fclose(out);
	assert_int_equal(run(&f, 1, false, &n), 0);
	assert_true(n.blocks >= before.blocks);
	assert_true(n.blocks < before.blocks + 10);
}

static void test_wrong_folder(void **state)
{
	struct fake f = {0};
	struct campaign_counts n;

	put("thesis.tex", "mine\n");
	assert_int_equal(run(&f, 10, false, &n), -EEXIST);
	assert_false(n.machine_failed);
	assert_non_null(strstr(error, "thesis.tex"));
	assert_int_equal(names_count("", "queue", NULL, 0), 0);
}

static void test_other_kernel(void **state)
{
	struct fake f = {0};
	struct campaign_counts n;

	put("campaign.json", "{\"schema\": 1, \"where\": \"guest:other\"}");
	assert_int_equal(run(&f, 10, false, &n), -EINVAL);
	assert_non_null(strstr(error, "guest:other"));
	put("campaign.json", "not json");
	assert_int_equal(run(&f, 10, false, &n), -EINVAL);
	assert_non_null(strstr(error, "campaign.json"));
}

static void test_twice(void **state)
{
	struct fake f = {0};
	struct campaign_counts n;
	char path[300];
	int fd;

	assert_int_equal(run(&f, 10, false, &n), 0);
	path_of(path, sizeof(path), "lock");
	fd = open(path, O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(run(&f, 10, false, &n), -EBUSY);
	assert_non_null(strstr(error, "another campaign"));
	close(fd);
}

static void test_never_up(void **state)
{
	struct fake f = {.refuses = true};
	struct campaign_counts n;

	assert_int_equal(run(&f, 10, false, &n), -ETIMEDOUT);
	assert_non_null(strstr(error, "did not come up"));
	assert_true(n.machine_failed);
	assert_int_equal(n.executions_now, 0);
	f.refuses = false;
	assert_int_equal(run(&f, 10, false, &n), 0);
	assert_false(n.machine_failed);
	assert_true(n.executions_now >= 10);
	assert_int_equal(run(&f, 10, false, &n), 0);
	assert_true(n.executions_now < n.executions);
}

static void test_lost(void **state)
{
	struct fake f = {.lost = true};
	struct campaign_counts n;

	assert_int_equal(run(&f, 100000, false, &n), -EIO);
	assert_non_null(strstr(error, "nothing works today"));
	assert_true(n.machine_failed);
	assert_int_equal(n.queue, 0);
}

/* A file system of 128 KiB: it ends with clear words, and goes on when there is room. */
static void test_full_disk(void **state)
{
	struct fake f = {0};
	struct campaign_counts n, after;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", folder, "tmpfs", 0, "size=128k")) {
		print_message("skip: a file system of one's own needs root\n");
		skip();
	}
	assert_int_equal(run(&f, 1000000, false, &n), -ENOSPC);
	assert_non_null(strstr(error, "No space left"));
	assert_int_equal(names_count("queue", "", NULL, 0), n.queue);
	assert_int_equal(mount(NULL, folder, NULL, MS_REMOUNT, "size=16m"), 0);
	assert_int_equal(run(&f, 200, false, &after), 0);
	assert_true(after.queue >= n.queue);
	assert_true(after.blocks >= n.blocks);
	umount(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_finds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resume, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interrupted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_kernel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
