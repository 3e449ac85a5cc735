// SPDX-License-Identifier: BSD-2-Clause
/*
 * Records the known VMM and holds the tape against what the VMM wrote down: test_record KNOWN-VMM
 * [BACKEND [TEST-PATTERN]].
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "known.h"
#include "probe.h"
#include "recorder/recorder.h"

static char directory[] = "/tmp/kvmtape-bpf.XXXXXX";
static char log_path[sizeof(directory) + sizeof("/log")],
	log_path2[sizeof(directory) + sizeof("/log2")];
static char known[4096];
static const char *backend = "tracepoint"; /* what works everywhere */
/*
 * ms that a VMM waits until it is surely recorded; set from how long a recorder takes to open here.
 */
static char patience[32];

/* --- the log ---------------------------------------------------------------------------------- */

struct log {
	uint8_t *data;
	size_t size, at;
};

static void log_read(struct log *log, const char *path)
{
	FILE *file = fopen(path, "re");
	long size;

	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	log->data = malloc((size_t)size + 1);
	log->size = fread(log->data, 1, (size_t)size, file);
	log->at = 0;
	fclose(file);
}

static const void *log_take(struct log *log, size_t size)
{
	const void *at = log->data + log->at;

	assert_true(log->size - log->at >= size);
	log->at += size;
	return at;
}

/* The event must be what the next entry of the log says. */
static void compare(struct log *log, const struct tape_return *ret,
		    const struct tape_object *created)
{
	const struct tape_call *call = ret->call;
	struct known_call want;

	memcpy(&want, log_take(log, sizeof(want)), sizeof(want));
	if (want.request != call->request || want.ret != ret->ret)
		print_error("event %lu: request %x ret %ld, expected %x ret %ld\n",
			    (unsigned long)call->index, call->request, (long)ret->ret, want.request,
			    (long)want.ret);
	assert_int_equal(call->request, want.request);
	assert_int_equal(call->kind, want.kind);
	assert_int_equal(call->arg, want.arg);
	assert_int_equal(ret->ret, want.ret);
	assert_int_equal(created ? created->kind : 0, ret->ret < 0 ? 0 : want.created);
	for (uint32_t i = 0; i < want.parts; i++) {
		struct known_part part;
		const struct tape_part *have;
		const uint8_t *data;

		memcpy(&part, log_take(log, sizeof(part)), sizeof(part));
		data = log_take(log, part.len);
		have = tape_part_find(call->parts, call->part_count, (enum tape_role)part.role);
		if (!have)
			have = tape_part_find(ret->parts, ret->part_count,
					      (enum tape_role)part.role);
		if (part.min == KNOWN_ABSENT) {
			assert_null(have);
			continue;
		}
		if (!have || have->flags != part.flags || have->have < part.min ||
		    have->have > part.len)
			print_error(
				"event %lu request %x role %u: %s flags %u want %u have %u, expected "
				"flags %u min %u len %u\n",
				(unsigned long)call->index, call->request, part.role,
				have ? "" : "absent", have ? have->flags : 0, have ? have->want : 0,
				have ? have->have : 0, part.flags, part.min, part.len);
		assert_non_null(have);
		assert_int_equal(have->flags, part.flags);
		assert_true(have->have >= part.min && have->have <= part.len);
		if (!(have->flags & TAPE_PART_FAULT))
			assert_int_equal(have->want, have->have);
		else
			assert_true(have->want > have->have);
		if (memcmp(have->data, data, have->have))
			print_error("event %lu request %x role %u\n", (unsigned long)call->index,
				    call->request, part.role);
		assert_memory_equal(have->data, data, have->have);
	}
}

/* --- recording -------------------------------------------------------------------------------- */

struct recording {
	int fd;
	int err;
	struct recorder_stats stats;
	int status;
};

static bool without_dead;

static void record(struct recording *rec, struct recorder_options *o,
		   const struct recorder_stop *stop)
{
	struct recorder *recorder;

	snprintf(log_path, sizeof(log_path), "%s/log", directory);
	snprintf(log_path2, sizeof(log_path2), "%s/log2", directory);
	rec->fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_true(rec->fd >= 0);
	o->backend = backend;
	/* The program wrote down all bytes, also those that nobody reads. */
	o->raw = !without_dead;
	rec->err = recorder_open(o, &recorder);
	if (rec->err)
		print_error("%s\n", recorder_message(recorder));
	assert_int_equal(rec->err, 0);
	assert_string_equal(recorder_backend_name(recorder), backend);
	rec->err = recorder_run(recorder, rec->fd, stop, NULL);
	if (rec->err)
		print_error("%s\n", recorder_message(recorder));
	assert_int_equal(rec->err, 0);
	recorder_get_stats(recorder, &rec->stats);
	rec->status = recorder_exit_status(recorder);
	recorder_close(recorder);
	lseek(rec->fd, 0, SEEK_SET);
}

static void record_command(struct recording *rec, const char *mode, const char *number,
			   struct recorder_options *o)
{
	char *argv[] = {known, log_path, (char *)mode, (char *)number, NULL};

	snprintf(log_path, sizeof(log_path), "%s/log", directory);
	o->follow = RECORDER_COMMAND;
	o->argv = argv;
	record(rec, o, NULL);
}

/* What a walk over a tape found. */
struct walked {
	uint64_t calls, returns, gaps[TAPE_GAP_CAUSES], closed, objects, threads;
	uint64_t pre_existing, vcpu_numbers;
	uint64_t closed_early; /* before the last call */
	bool named_thread;
	struct tape_end end;
};

/* Walk a tape; events of process `pid` (0 = of all) are held against the log, which may be NULL. */
static void walk(struct recording *rec, struct log *log, uint32_t pid, struct walked *w)
{
	struct tape_reader *reader;
	struct tape_item item;
	int err;

	memset(w, 0, sizeof(*w));
	lseek(rec->fd, 0, SEEK_SET);
	assert_int_equal(tape_reader_open_fd(rec->fd, &reader), 0);
	for (;;) {
		err = tape_reader_next(reader, &item);
		if (err)
			print_error("%s at %s\n", tape_strerror(err), tape_reader_where(reader));
		assert_int_equal(err, 0);
		if (item.type == TAPE_END_OF_FILE)
			break;
		switch (item.type) {
		case TAPE_CALL:
			w->calls++;
			w->closed_early = w->closed;
			break;
		case TAPE_RETURN: {
			const struct tape_thread *thread =
				tape_reader_thread(reader, item.u.ret->call->thread);

			w->returns++;
			if (log && (!pid || thread->pid == pid))
				compare(log, item.u.ret,
					item.u.ret->created
						? tape_reader_object(reader, item.u.ret->created)
						: NULL);
			break;
		}
		case TAPE_GAP:
			assert_true(item.u.gap.events > 0 || item.u.gap.cause == TAPE_GAP_MISSED);
			w->gaps[item.u.gap.cause] += item.u.gap.events;
			break;
		case TAPE_CLOSED:
			w->closed++;
			break;
		case TAPE_OBJECT:
			w->objects++;
			w->pre_existing += item.u.object.flags & TAPE_OBJECT_PRE_EXISTING;
			if (item.u.object.kind == KVMAPI_VCPU)
				w->vcpu_numbers += item.u.object.number;
			if (item.u.object.kind == KVMAPI_DEVICE)
				assert_int_equal(item.u.object.number, 4);
			break;
		case TAPE_THREAD:
			w->threads++;
			w->named_thread |= !strcmp(item.u.thread.comm, "a-known-thread");
			break;
		case TAPE_END:
			w->end = item.u.end;
			break;
		default:
			break;
		}
	}
	assert_true(tape_reader_complete(reader));
	tape_reader_close(reader);
}

static uint64_t sum(const uint64_t lost[TAPE_GAP_CAUSES])
{
	uint64_t total = 0;

	for (int i = 0; i < TAPE_GAP_CAUSES; i++)
		total += lost[i];
	return total;
}

/* seen = written + lost, on the tape as in the statistics, and the gaps say the same. */
static void check_sums(const struct recording *rec, const struct walked *w)
{
	assert_int_equal(w->end.seen, w->end.written + sum(w->end.lost));
	assert_int_equal(w->end.written, w->calls);
	assert_int_equal(w->end.unreturned, w->calls - w->returns);
	assert_int_equal(rec->stats.seen, w->end.seen);
	assert_int_equal(rec->stats.written, w->calls);
	for (int i = 0; i < TAPE_GAP_CAUSES; i++) {
		assert_int_equal(w->gaps[i], w->end.lost[i]);
		assert_int_equal(rec->stats.lost[i], w->end.lost[i]);
	}
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_every_byte(void **state)
{
	struct recorder_options o = {};
	struct recording rec;
	struct walked w;
	struct log log;

	record_command(&rec, "all", NULL, &o);
	assert_int_equal(rec.status, 0);
	log_read(&log, log_path);
	walk(&rec, &log, 0, &w);
	assert_int_equal(log.at, log.size);
	check_sums(&rec, &w);
	assert_int_equal(sum(w.end.lost), 0);
	assert_int_equal(w.end.unreturned, 0);
	assert_int_equal(w.threads, 2);
	assert_true(w.named_thread);
	assert_int_equal(w.pre_existing, 0);
	/* /dev/kvm; VM, vCPU, perhaps a device, twice; VM, vCPU.  All of them are closed. */
	assert_true(w.objects == 7 || w.objects == 9);
	assert_int_equal(w.closed, w.objects);
	/*
	 * Two VMs with all that belonged to them when the program closed them, the others at its
	 * end.
	 */
	assert_int_equal(w.closed_early, w.objects == 9 ? 6 : 4);
	assert_int_equal(rec.stats.late, 4);
	assert_int_equal(rec.stats.faults, 2);
	free(log.data);
	close(rec.fd);
}

static unsigned int dead_bytes(const struct tape_part *parts, const struct tape_part *live,
			       unsigned int count)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < count; i++)
		for (uint32_t at = 0; at < parts[i].have; at++)
			found += parts[i].data[at] != live[i].data[at];
	return found;
}

/* Bytes on a tape that the kernel neither read nor wrote. */
static unsigned int count_dead(const struct recording *rec)
{
	struct tape_part live_parts[TAPE_ROLES];
	struct tape_reader *reader;
	struct tape_live *live;
	struct tape_item item;
	unsigned int found = 0;

	lseek(rec->fd, 0, SEEK_SET);
	assert_int_equal(tape_reader_open_fd(rec->fd, &reader), 0);
	assert_int_equal(tape_live_open(kvmapi_arch_native(), &live), 0);
	do {
		assert_int_equal(tape_reader_next(reader, &item), 0);
		if (item.type == TAPE_CALL) {
			const struct tape_call *call = item.u.call;

			assert_int_equal(tape_live_call(live, call, live_parts), 0);
			found += dead_bytes(call->parts, live_parts, call->part_count);
		} else if (item.type == TAPE_RETURN) {
			const struct tape_return *ret = item.u.ret;

			assert_int_equal(tape_live_return(live, ret->call->thread, ret, live_parts),
					 0);
			found += dead_bytes(ret->parts, live_parts, ret->part_count);
		}
	} while (item.type != TAPE_END_OF_FILE);
	tape_live_close(live);
	tape_reader_close(reader);
	return found;
}

/* The program's own memory goes onto a tape only if it is asked for. */
static void test_no_dead_bytes(void **state)
{
	struct recorder_options o = {}, raw = {};
	struct recording rec;

	without_dead = true;
	record_command(&rec, "all", NULL, &o);
	without_dead = false;
	assert_int_equal(rec.status, 0);
	assert_int_equal(count_dead(&rec), 0);
	close(rec.fd);
	record_command(&rec, "all", NULL, &raw);
	assert_true(count_dead(&rec) > 0);
	close(rec.fd);
}

static void test_tiny_ring(void **state)
{
	struct recorder_options o = {.ring_bytes = 4096};
	struct recording rec;
	struct walked w;

	record_command(&rec, "many", "30000", &o);
	walk(&rec, NULL, 0, &w);
	check_sums(&rec, &w);
	assert_int_equal(w.end.seen, 30000);
	assert_true(w.end.lost[TAPE_GAP_BUFFER] > 0);
	assert_true(w.calls > 0);
	/*
	 * A return that does not fit comes later, without its payload; only the last may never
	 * come. Whether that happens at all here hangs on timing.
	 */
	assert_int_equal(w.threads, 1);
	assert_true(w.end.unreturned <= 1);
	close(rec.fd);
}

static void test_stopped_reader(void **state)
{
	struct recorder_options o = {.ring_bytes = 65536};
	struct recording rec;
	struct walked w;
	int status;
	pid_t pid;

	/* A process of its own, since it is stopped for a while. */
	pid = fork();
	if (!pid) {
		record_command(&rec, "stop-reader", "50000", &o);
		walk(&rec, NULL, 0, &w);
		check_sums(&rec, &w);
		assert_int_equal(w.end.seen, 50000);
		assert_true(w.end.lost[TAPE_GAP_BUFFER] > 40000);
		_exit(0);
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
}

static void test_too_many_threads(void **state)
{
	struct recorder_options o = {.max_threads = 1};
	struct recording rec;
	struct walked w;

	record_command(&rec, "threads", "5", &o);
	walk(&rec, NULL, 0, &w);
	check_sums(&rec, &w);
	assert_int_equal(w.end.seen, 7);
	assert_int_equal(w.end.lost[TAPE_GAP_THREADS], 5);
	assert_int_equal(w.calls, 2);
	close(rec.fd);
}

static void test_clipped(void **state)
{
	struct recorder_options o = {.max_payload = 64};
	struct recording rec;
	struct walked w;

	record_command(&rec, "many", "10", &o);
	walk(&rec, NULL, 0, &w);
	check_sums(&rec, &w);
	/* KVM_GET_REGS has 144 bytes. */
	assert_int_equal(rec.stats.clipped, 8);
	close(rec.fd);
}

static pid_t start_known(const char *log, const char *mode, const char *number)
{
	pid_t pid = fork();

	if (!pid) {
		execl(known, known, log, mode, number, NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

static void test_attach(void **state)
{
	struct recorder_options o = {.follow = RECORDER_PID};
	struct recording rec;
	struct walked w;
	struct log log;
	int status;

	snprintf(log_path, sizeof(log_path), "%s/log", directory);
	o.pid = start_known(log_path, "attach", patience);
	usleep(100000);
	record(&rec, &o, NULL);
	assert_true(waitpid(o.pid, &status, 0) == o.pid);
	assert_int_equal(status, 0);
	log_read(&log, log_path);
	walk(&rec, &log, (uint32_t)o.pid, &w);
	assert_int_equal(log.at, log.size);
	check_sums(&rec, &w);
	assert_int_equal(sum(w.end.lost), 0);
	/* The VM and its vCPU, which were made before; the vCPU's id is known all the same. */
	assert_int_equal(w.pre_existing, 2);
	assert_int_equal(w.vcpu_numbers, 3 + 7);
	assert_true(w.named_thread);
	free(log.data);
	close(rec.fd);
}

/*
 * A process that ends before it is followed, and whose parent does not look, must not be waited
 * for.
 */
static void test_attach_too_late(void **state)
{
	struct recorder_options o = {.follow = RECORDER_PID};
	struct recording rec;
	struct walked w;
	int status;

	o.pid = start_known("/dev/null", "exit", "0");
	usleep(100000);
	record(&rec, &o, NULL);
	assert_true(waitpid(o.pid, &status, 0) == o.pid);
	walk(&rec, NULL, 0, &w);
	assert_int_equal(w.end.seen, 0);
	close(rec.fd);
}

struct waiter {
	pid_t pids[2];
	struct recorder_stop stop;
};

static void *wait_for_both(void *arg)
{
	struct waiter *waiter = arg;
	int status;

	for (int i = 0; i < 2; i++)
		waitpid(waiter->pids[i], &status, 0);
	waiter->stop.signals = 1;
	return NULL;
}

static void test_whole_machine(void **state)
{
	struct recorder_options o = {.follow = RECORDER_ALL};
	struct waiter waiter = {};
	struct recording rec;
	pthread_t thread;

	snprintf(log_path, sizeof(log_path), "%s/log", directory);
	snprintf(log_path2, sizeof(log_path2), "%s/log2", directory);
	waiter.pids[0] = start_known(log_path, "attach", patience);
	waiter.pids[1] = start_known(log_path2, "attach", patience);
	usleep(100000);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_both, &waiter), 0);
	record(&rec, &o, &waiter.stop);
	pthread_join(thread, NULL);
	for (int i = 0; i < 2; i++) {
		struct walked w;
		struct log log;

		log_read(&log, i ? log_path2 : log_path);
		walk(&rec, &log, (uint32_t)waiter.pids[i], &w);
		assert_int_equal(log.at, log.size);
		check_sums(&rec, &w);
		assert_true(w.pre_existing >= 4);
		free(log.data);
	}
	close(rec.fd);
}

static void test_exit_status(void **state)
{
	struct recorder_options o = {};
	struct recording rec;
	struct walked w;

	record_command(&rec, "exit", "7", &o);
	assert_int_equal(rec.status, 7);
	walk(&rec, NULL, 0, &w);
	assert_int_equal(w.end.seen, 0);
	close(rec.fd);
	record_command(&rec, "signal", "9", &o);
	assert_int_equal(rec.status, 128 + 9);
	walk(&rec, NULL, 0, &w);
	assert_int_equal(w.end.seen, 1);
	close(rec.fd);
}

static void expect_refusal(struct recorder_options *o, int err, const char *word)
{
	struct recorder *recorder;

	assert_int_equal(recorder_open(o, &recorder), err);
	assert_non_null(strstr(recorder_message(recorder), word));
	assert_null(strchr(recorder_message(recorder), '\n'));
	recorder_close(recorder);
}

static void test_refusals(void **state)
{
	struct recorder_options no_kvm = {.follow = RECORDER_ALL, .kvm_path = "/nonexistent/kvm"};
	struct recorder_options no_btf = {.follow = RECORDER_ALL, .btf_path = "/nonexistent/btf"};
	struct recorder_options no_pid = {.follow = RECORDER_PID, .pid = 0x3ffffff0};
	struct recorder_options no_ring = {.follow = RECORDER_ALL, .ring_bytes = 5000};
	struct recorder_options no_backend = {.follow = RECORDER_ALL, .backend = "telepathy"};

	expect_refusal(&no_kvm, -ENODEV, "/nonexistent/kvm");
	expect_refusal(&no_btf, -ENOTSUP, "CONFIG_DEBUG_INFO_BTF");
	expect_refusal(&no_pid, -ESRCH, "no process");
	expect_refusal(&no_ring, -EINVAL, "5000");
	expect_refusal(&no_backend, -EINVAL, "telepathy");
}

/* The first that works, and why it is not the best if it is not. */
static void test_auto(void **state)
{
	struct recorder_options plain = {.follow = RECORDER_ALL};
	struct recorder_options named = {.follow = RECORDER_ALL, .backend = "auto"};
	char name[32], note[600];
	struct recorder *recorder;

	assert_int_equal(recorder_open(&plain, &recorder), 0);
	snprintf(name, sizeof(name), "%s", recorder_backend_name(recorder));
	snprintf(note, sizeof(note), "%s", recorder_note(recorder));
	recorder_close(recorder);
	assert_int_equal(recorder_open(&named, &recorder), 0);
	assert_string_equal(recorder_backend_name(recorder), name);
	assert_string_equal(recorder_note(recorder), note);
	recorder_close(recorder);

	assert_null(strchr(note, '\n'));
	if (probe("fentry")) {
		assert_string_equal(name, "tracepoint");
		assert_non_null(strstr(note, "fentry cannot be used here: "));
	} else {
		assert_string_equal(name, "fentry");
	}
	/* Who asks for one gets that or nothing. */
	named.backend = "fentry";
	if (!strcmp(name, "fentry")) {
		assert_int_equal(recorder_open(&named, &recorder), 0);
		assert_string_equal(recorder_note(recorder), note);
	} else {
		assert_true(recorder_open(&named, &recorder) < 0);
		assert_non_null(strstr(recorder_message(recorder),
				       "back end 'fentry' cannot be used here: "));
	}
	recorder_close(recorder);
}

static void test_command_not_found(void **state)
{
	char *argv[] = {(char *)"/nonexistent/command", NULL};
	struct recorder_options o = {.argv = argv};
	struct recorder *recorder;
	char script[80];
	int fd;

	assert_int_equal(recorder_open(&o, &recorder), -ENOENT);
	assert_int_equal(recorder_command_missing(recorder), 127);
	assert_non_null(strstr(recorder_message(recorder), "not found"));
	recorder_close(recorder);

	/* It is there and may be run, but its interpreter is not: known only when it is tried. */
	snprintf(script, sizeof(script), "%s/script", directory);
	fd = open(script, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "#!/nonexistent/sh\n", 18), 18);
	close(fd);
	argv[0] = script;
	fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_int_equal(recorder_open(&o, &recorder), 0);
	assert_int_equal(recorder_run(recorder, fd, NULL, NULL), -ENOENT);
	assert_int_equal(recorder_command_missing(recorder), 127);
	recorder_close(recorder);
	close(fd);
	unlink(script);
}

/* How long a recorder takes to open here. */
static void measure_patience(void)
{
	struct recorder_options o = {.follow = RECORDER_ALL, .backend = backend};
	struct timespec begin, end;
	struct recorder *recorder;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (recorder_open(&o, &recorder))
		fprintf(stderr, "%s\n", recorder_message(recorder));
	clock_gettime(CLOCK_MONOTONIC, &end);
	recorder_close(recorder);
	snprintf(patience, sizeof(patience), "%ld",
		 500 + 4 * ((end.tv_sec - begin.tv_sec) * 1000 +
			    (end.tv_nsec - begin.tv_nsec) / 1000000));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte),	  cmocka_unit_test(test_no_dead_bytes),
		cmocka_unit_test(test_tiny_ring),	  cmocka_unit_test(test_stopped_reader),
		cmocka_unit_test(test_too_many_threads),  cmocka_unit_test(test_attach_too_late),
		cmocka_unit_test(test_clipped),		  cmocka_unit_test(test_attach),
		cmocka_unit_test(test_whole_machine),	  cmocka_unit_test(test_exit_status),
		cmocka_unit_test(test_refusals),	  cmocka_unit_test(test_auto),
		cmocka_unit_test(test_command_not_found),
	};
	const char *why;
	int failed;

	if (argc > 2)
		backend = argv[2];
	if (argc > 3)
		cmocka_set_test_filter(argv[3]);
	why = probe("kvm");
	if (!why)
		why = probe(strcmp(backend, "fentry") ? "bpf" : "fentry");
	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	measure_patience();
	if (argc < 2 || !realpath(argv[1], known) || !mkdtemp(directory)) {
		fprintf(stderr, "usage: %s KNOWN-VMM [BACKEND [TEST-PATTERN]]\n", argv[0]);
		return 2;
	}
	failed = cmocka_run_group_tests_name("record", tests, NULL, NULL);
	unlink(log_path);
	unlink(log_path2);
	rmdir(directory);
	return failed;
}
