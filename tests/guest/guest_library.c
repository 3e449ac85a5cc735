// SPDX-License-Identifier: BSD-2-Clause
/*
 * The library guest/, on a live guest: argument 1 names the kernel, 2 the program that misbehaves
 * in it (crash.c), 3 an agent of another version.  Skips as a whole if there is no QEMU or no such
 * kernel here.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest/guest.h"
#include "probe.h"

#define CRASHES 25 /* KVMTAPE_TEST_CRASHES: another number */

static struct guest_kernel kernel;
static const char *crash, *other_agent;
static char
	module[GUEST_PATH_MAX]; /* in the guest; "" = none: no oops and no warning can be made */
static struct guest *guest;
static char folder[] = "/tmp/kvmtape-test-XXXXXX";

static double ready; /* seconds that a guest takes to start from nothing */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* A test needs a guest that runs; after a crash the next one gets a fresh one. */
static void guest_ready(void)
{
	assert_non_null(guest);
	if (guest_outcome(guest) != GUEST_RUNNING)
		assert_int_equal(guest_restore(guest), 0);
}

struct heard {
	char text[2][4096];
	size_t size[2], total;
	int rc;
};

static int hear(void *context, int stream, const void *data, size_t size)
{
	struct heard *heard = context;
	size_t *used = &heard->size[stream - 1];

	heard->total += size;
	if (size > sizeof(heard->text[0]) - 1 - *used)
		size = sizeof(heard->text[0]) - 1 - *used;
	memcpy(heard->text[stream - 1] + *used, data, size);
	*used += size;
	return heard->rc;
}

static int run_fully(const char *const *arguments, int input, int timeout, struct heard *heard,
		     struct guest_exit *end)
{
	const struct guest_program program = {.arguments = arguments,
					      .input_fd = input,
					      .timeout = timeout,
					      .output = heard ? hear : NULL,
					      .context = heard};

	return guest_exec(guest, &program, end);
}

#define RUN(heard, end, ...) \
	run_fully((const char *const[]){__VA_ARGS__, NULL}, -1, 60000, heard, end)

/* --- without a guest ------------------------------------------------------------------------ */

static void test_texts(void **state)
{
	static const struct {
		const char *text;
		enum guest_outcome outcome;
		const char *line;
	} cases[] = {
		{"", GUEST_RUNNING, ""},
		{"[    0.1] WARNING: CPU: 0 PID: 1 at x.c:1 f+0x1/0x2\n", GUEST_RUNNING, ""},
		{"traps: prog[7] general protection fault ip:1 sp:2 error:0\n", GUEST_RUNNING, ""},
		{"a\n[    2.5] Kernel panic - not syncing: sysrq triggered crash\r\nb\n",
		 GUEST_PANIC, "Kernel panic - not syncing: sysrq triggered crash"},
		{"[    2.5] WARNING: CPU: 0 PID: 78 at a.c:5 f+0x5/0x137\n[    2.6] Kernel panic - not syncing: "
		 "panic_on_warn set ...\n",
		 GUEST_WARN, "WARNING: CPU: 0 PID: 78 at a.c:5 f+0x5/0x137"},
		{"[   1.0] Kernel panic - not syncing: kernel: panic_on_warn set ...\n", GUEST_WARN,
		 "Kernel panic - not syncing: kernel: panic_on_warn set ..."},
		{"[    2.1] BUG: unable to handle page fault for address: 0\n[    2.2] Oops: 0002 [#1] SMP\n[    2.3] "
		 "Kernel panic - not syncing: Fatal exception\n",
		 GUEST_OOPS, "BUG: unable to handle page fault for address: 0"},
		{"[    9.1] Internal error: Oops - BUG: 00000000f2000800 [#1] SMP\n[    9.2] Kernel panic - not syncing: "
		 "Oops - BUG: Fatal exception\n",
		 GUEST_OOPS, "Internal error: Oops - BUG: 00000000f2000800 [#1] SMP"},
		{"Out of memory: Killed process 80 (x)\n[ 3.0] Kernel panic - not syncing: System is deadlocked on memory\n",
		 GUEST_OOM, "Kernel panic - not syncing: System is deadlocked on memory"},
		{"[   60.0] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [x:1]\n[   60.1] Kernel panic - not syncing: "
		 "softlockup: hung tasks\n",
		 GUEST_HANG, "Kernel panic - not syncing: softlockup: hung tasks"},
	};
	char line[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		line[0] = 0;
		assert_int_equal(guest_outcome_read(cases[i].text, line, sizeof(line)),
				 cases[i].outcome);
		assert_string_equal(line, cases[i].line);
	}
}

static void test_own_kernels(void **state)
{
	struct guest_kernel own;
	struct guest_error error;

	assert_int_equal(guest_kernel_own("/nowhere/vmlinuz", NULL, &own, &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nowhere/vmlinuz"));
	assert_int_equal(guest_kernel_own("/etc/passwd", NULL, &own, &error), -ENOEXEC);
	assert_int_equal(guest_kernel_own(kernel.vmlinuz, "/nowhere/modules", &own, &error),
			 -ENOENT);
	assert_int_equal(guest_kernel_own(kernel.vmlinuz, kernel.modules, &own, &error), 0);
	assert_int_equal(own.arch, kernel.arch);
	assert_int_equal(guest_kernel_find("no-such-kernel", &own, &error), -ENOENT);
}

/* A guest that must not start: the error and a word of its line. */
static void start_refused(const struct guest_kernel *one, const struct guest_config *config, int rc,
			  const char *word)
{
	struct guest_error error = {""};
	struct guest *refused;

	assert_int_equal(guest_start(one, config, &refused, &error), rc);
	assert_null(refused);
	if (!strstr(error.text, word))
		fail_msg("'%s' says nothing of '%s'", error.text, word);
	assert_null(strchr(error.text, '\n'));
}

static void test_start_refused(void **state)
{
	const char *path = getenv("PATH");
	struct guest_kernel own = kernel;
	struct guest_config config;
	char command[4 * GUEST_PATH_MAX];
	struct guest_error error;
	struct guest *refused;
	int refused_anyhow;
	char *before = strdup(path ? path : "");

	guest_config_init(&config);
	config.memory = 1u << 30;
	start_refused(&kernel, &config, -ENOMEM, "does not fit");
	guest_config_init(&config);
	config.agent = "/nowhere/agent";
	start_refused(&kernel, &config, -ENOENT, "/nowhere/agent");
	config.agent = "/etc/passwd";
	start_refused(&kernel, &config, -EXDEV, "not a program for");
	config.agent = other_agent;
	start_refused(&kernel, &config, -EPROTO, "protocol 4711");
	guest_config_init(&config);
	setenv("PATH", folder, 1);
	start_refused(&kernel, &config, -ENOENT, "qemu-system-");
	setenv("PATH", before, 1);
	free(before);
	/*
	 * No modules at all: no line to the agent, so no word of it; or, with virtio built in, no
	 * KVM.
	 */
	own.modules[0] = 0;
	config.start_time = 20;
	if (!module[0])
		return;
	refused_anyhow = guest_start(&own, &config, &refused, &error);
	assert_true(refused_anyhow == -EIO || refused_anyhow == -ENODEV);
	/* All modules but KVM's. */
	snprintf(own.modules, sizeof(own.modules), "%s/modules", folder);
	snprintf(command, sizeof(command), "mkdir %s && ln -s $(find %s -name 'virtio*.ko*') %s",
		 own.modules, kernel.modules, own.modules);
	assert_int_equal(system(command), 0);
	if (module[0])
		start_refused(&own, &config, -ENODEV, "has no KVM");
	snprintf(command, sizeof(command), "rm -r %s", own.modules);
	assert_int_equal(system(command), 0);
}

/* --- files and programs --------------------------------------------------------------------- */

static void test_hello(void **state)
{
	const struct guest_hello *hello;

	guest_ready();
	hello = guest_hello(guest);
	assert_int_equal(hello->protocol, GUEST_PROTOCOL);
	assert_int_equal(hello->kvm_version, 12);
	assert_string_equal(hello->release, kernel.release);
	assert_true(hello->page_size >= 4096);
	assert_int_equal(guest_ping(guest, 10000), 0);
}

static void test_frames(void **state)
{
	struct guest_message_in answer;
	char *body = malloc(GUEST_FRAME_MAX);
	int ignored = 0;

	guest_ready();
	assert_non_null(body);
	for (size_t i = 0; i < GUEST_FRAME_MAX; i++)
		body[i] = i * 7 >> 3;
	assert_int_equal(guest_exchange(guest, GUEST_MSG_PING, body, 3 << 20, 60000, &answer), 0);
	assert_int_equal(answer.size, 3 << 20);
	assert_memory_equal(answer.body, body, 3 << 20);
	assert_int_equal(guest_exchange(guest, 9999, "x", 1, 10000, &answer), -EPROTO);
	assert_int_equal(guest_exchange(guest, GUEST_MSG_PUT, "x", 1, 10000, &answer), -EPROTO);
	assert_int_equal(guest_exchange(guest, GUEST_MSG_EXEC, body, 100, 10000, &answer), -EPROTO);
	assert_int_equal(guest_exchange(guest, GUEST_MSG_GET, &ignored, 4, 10000, &answer),
			 -EPROTO);
	free(body);
}

static void test_files(void **state)
{
	static const size_t sizes[] = {
		0, 1, GUEST_CHUNK - 1, GUEST_CHUNK, GUEST_CHUNK + 1, 3 * GUEST_CHUNK + 5};
	char *data = malloc(4 * GUEST_CHUNK), *back = malloc(4 * GUEST_CHUNK);
	char to[64];

	guest_ready();
	assert_non_null(data);
	assert_non_null(back);
	for (size_t i = 0; i < 4 * GUEST_CHUNK; i++)
		data[i] = i * 31 >> 4;
	snprintf(to, sizeof(to), "%s/back", folder);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct stat st;
		FILE *in;

		assert_int_equal(guest_put_data(guest, "/tmp/a/b/c", 0750, data, sizes[i]), 0);
		unlink(to);
		assert_int_equal(guest_get(guest, "/tmp/a/b/c", to), 0);
		assert_int_equal(stat(to, &st), 0);
		assert_int_equal(st.st_size, sizes[i]);
		assert_int_equal(st.st_mode & 0777, 0750);
		in = fopen(to, "re");
		assert_non_null(in);
		assert_int_equal(fread(back, 1, 4 * GUEST_CHUNK, in), sizes[i]);
		fclose(in);
		assert_memory_equal(back, data, sizes[i]);
	}
	assert_int_equal(guest_get(guest, "/nowhere/x", to), -ENOENT);
	assert_int_equal(guest_put_data(guest, "/proc/nothing", 0600, "x", 1), -ENOENT);
	free(data);
	free(back);
}

static void test_changed(void **state)
{
	struct guest_exit end;
	char path[128];
	struct stat st;

	guest_ready();
	assert_int_equal(guest_put_data(guest, "/files/old", 0644, "old", 3), 0);
	assert_int_equal(guest_put_data(guest, "/files/d/old", 0644, "old", 3), 0);
	usleep(200000);
	assert_int_equal(RUN(NULL, &end, "crash", "write", "/files/d/new"), 0);
	assert_int_equal(end.status, 0);
	assert_int_equal(guest_get_changed(guest, "/files", end.started, folder), 0);
	snprintf(path, sizeof(path), "%s/d/new", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 4);
	unlink(path);
	snprintf(path, sizeof(path), "%s/d", folder);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/old", folder);
	assert_int_equal(stat(path, &st), -1);
}

static void test_programs(void **state)
{
	struct heard heard = {.rc = 0};
	struct guest_exit end;
	int ends[2];

	guest_ready();
	assert_int_equal(RUN(&heard, &end, "crash", "say"), 0);
	assert_int_equal(end.signal, 0);
	assert_int_equal(end.status, 7);
	assert_string_equal(heard.text[0], "out\n");
	assert_string_equal(heard.text[1], "err\n");
	assert_int_equal(RUN(NULL, &end, "crash", "fault"), 0);
	assert_int_equal(end.signal, SIGSEGV);
	assert_int_equal(RUN(NULL, &end, "/no/such/program"), -ENOENT);
	assert_int_equal(RUN(NULL, &end, "/etc/passwd"), -EACCES);
	/* Many bytes, and a listener that has enough of them. */
	memset(&heard, 0, sizeof(heard));
	assert_int_equal(RUN(&heard, &end, "crash", "lines", "20000"), 0);
	assert_int_equal(heard.total, 220000);
	heard.rc = -EPIPE;
	assert_int_equal(RUN(&heard, &end, "crash", "lines", "1000000000"), -EPIPE);
	/* Standard input, to its end. */
	memset(&heard, 0, sizeof(heard));
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "one\ntwo\n", 8), 8);
	close(ends[1]);
	assert_int_equal(run_fully((const char *const[]){"crash", "echo", NULL}, ends[0], 60000,
				   &heard, &end),
			 0);
	close(ends[0]);
	assert_string_equal(heard.text[0], "<one>\n<two>\n");
	assert_int_equal(run_fully((const char *const[]){"crash", "lines", "1000000000", NULL}, -1,
				   500, &heard, &end),
			 -ETIMEDOUT);
	assert_int_equal(
		run_fully((const char *const[]){"crash", "loop", NULL}, -1, 500, NULL, &end),
		-ETIMEDOUT);
	assert_int_equal(guest_outcome(guest), GUEST_RUNNING);
	assert_int_equal(guest_ping(guest, 10000), 0);
}

static void test_kvm(void **state)
{
	struct heard heard = {.rc = 0};
	struct guest_exit end;

	guest_ready();
	assert_int_equal(RUN(&heard, &end, "crash", "exist", "/dev/kvm",
			     "/sys/kernel/tracing/events", "/sys/kernel/debug/kvm", "/sys/fs/bpf"),
			 0);
	assert_string_equal(heard.text[1], "");
	assert_int_equal(end.status, 0);
}

/* --- ends ----------------------------------------------------------------------------------- */

static const struct way {
	const char *name;
	enum guest_outcome outcome;
	bool needs_module;
} ways[] = {
	{"panic", GUEST_PANIC, false}, {"oops", GUEST_OOPS, true},
	{"oom", GUEST_OOM, false},     {"poweroff", GUEST_POWERED_OFF, false},
	{"warn", GUEST_WARN, true},    {"kill", GUEST_KILLED, false},
	{"reset", GUEST_RESET, false}, {"abort", GUEST_QEMU_FAILED, false},
};

/* Make the guest end in this way; returns what the library makes of it. */
static enum guest_outcome end_by(const struct way *way)
{
	struct guest_exit end;
	int signal = !strcmp(way->name, "kill") ? SIGKILL : SIGABRT;
	int rc;

	if (!strcmp(way->name, "kill") || !strcmp(way->name, "abort")) {
		kill(guest_pid(guest), signal);
		rc = guest_ping(guest, 20000);
	} else {
		rc = RUN(NULL, &end, "crash", way->name, module);
	}
	assert_int_equal(rc, -ENOTCONN);
	return guest_outcome(guest);
}

static void test_ends(void **state)
{
	double restart = 0, longest = 0, whole = now();
	const char *asked = getenv("KVMTAPE_TEST_CRASHES");
	unsigned long count = asked ? strtoul(asked, NULL, 10) : CRASHES;
	unsigned int wrong = 0, crashes = 0;

	for (unsigned int i = 0; crashes < count; i++) {
		const struct way *way = &ways[i % (sizeof(ways) / sizeof(ways[0]))];
		enum guest_outcome outcome;
		double start;

		if (way->needs_module && !module[0])
			continue;
		crashes++;
		start = now();
		assert_int_equal(guest_restore(guest), 0);
		start = now() - start;
		restart += start;
		longest = start > longest ? start : longest;
		outcome = end_by(way);
		if (outcome != way->outcome) {
			wrong++;
			print_message("# %s: taken for %s: %s\n", way->name,
				      guest_outcome_name(outcome), guest_outcome_text(guest));
		}
		assert_string_not_equal(guest_outcome_text(guest), "");
	}
	print_message(
		"# %u crashes in %.1f s, %u misclassified; restart %.3f s on average, %.3f s at most\n",
		crashes, now() - whole, wrong, restart / crashes, longest);
	assert_int_equal(wrong, 0);
	/* By the machine's own measure, however busy it is. */
	assert_true(restart / crashes < ready / 4);
}

static void test_hang(void **state)
{
	struct guest_exit end;

	assert_int_equal(guest_restore(guest), 0);
	assert_int_equal(
		run_fully((const char *const[]){"crash", "hang", NULL}, -1, 1000, NULL, &end),
		-ENOTCONN);
	assert_int_equal(guest_outcome(guest), GUEST_HANG);
	/* Stopped from outside it gives no sign of life either. */
	assert_int_equal(guest_restore(guest), 0);
	kill(guest_pid(guest), SIGSTOP);
	assert_int_equal(guest_ping(guest, 1000), -ENOTCONN);
	assert_int_equal(guest_outcome(guest), GUEST_HANG);
}

static void test_program_oom(void **state)
{
	struct guest_exit end;

	guest_ready();
	assert_int_equal(RUN(NULL, &end, "crash", "oom-program"), 0);
	assert_int_equal(end.signal, SIGKILL);
	assert_int_equal(end.oom_kills, 1);
	assert_int_equal(guest_outcome(guest), GUEST_RUNNING);
}

static void test_fresh(void **state)
{
	struct heard heard = {.rc = 0};
	struct guest_exit end;

	guest_ready();
	assert_int_equal(guest_put_data(guest, "/tmp/trace", 0600, "x", 1), 0);
	assert_int_equal(guest_restore(guest), 0);
	assert_int_equal(RUN(&heard, &end, "crash", "exist", "/tmp/trace"), 0);
	assert_int_equal(end.status, 1);
	assert_int_equal(guest_snapshot(guest), -EEXIST);
}

static void test_clone(void **state)
{
	struct guest *first = guest, *second = NULL;
	struct guest_exit end;

	guest_ready();
	assert_int_equal(guest_clone(first, &second), 0);
	assert_int_equal(guest_put_data(second, "/tmp/trace", 0600, "x", 1), 0);
	assert_int_equal(RUN(NULL, &end, "crash", "exist", "/tmp/trace"), 0);
	assert_int_equal(end.status, 1);
	guest = second;
	assert_int_equal(end_by(&ways[0]), GUEST_PANIC);
	assert_int_equal(guest_restore(second), 0);
	guest = first;
	assert_int_equal(guest_ping(first, 10000), 0);
	guest_stop(first);
	assert_int_equal(guest_ping(second, 10000), 0);
	guest_destroy(second);
	assert_int_equal(guest_restore(first), 0);
}

static void test_log(void **state)
{
	char *text, path[64], kept[200] = "";
	FILE *in;

	guest_ready();
	assert_int_equal(end_by(&ways[0]), GUEST_PANIC);
	text = guest_log(guest);
	assert_non_null(text);
	assert_non_null(strstr(text, "sysrq triggered crash"));
	free(text);
	snprintf(path, sizeof(path), "%s/log", folder);
	in = fopen(path, "re");
	assert_non_null(in);
	assert_non_null(fgets(kept, sizeof(kept), in));
	fclose(in);
	assert_non_null(strstr(kept, "== "));
}

/* --- around --------------------------------------------------------------------------------- */

/* Bring a stock module for oops and warn to the guest; without one those are left out. */
static int module_put(void)
{
	char command[2 * GUEST_PATH_MAX];
	static char data[4 << 20];
	size_t size;
	FILE *in;

	if (kernel.arch != GUEST_X86_64)
		return 0;
	snprintf(
		command, sizeof(command),
		"f=$(ls %s/kernel/fs/overlayfs/overlay.ko*); case $f in *.xz) xz -dc $f;; *) cat $f;; esac",
		kernel.modules);
	in = popen(command, "re");
	size = in ? fread(data, 1, sizeof(data), in) : 0;
	if (in)
		pclose(in);
	if (!size)
		return 0;
	strcpy(module, "/tmp/overlay.ko");
	return guest_put_data(guest, module, 0644, data, size);
}

static int start(void **state)
{
	struct guest_config config;
	struct guest_error error;
	static char log[64];
	double begin = now();
	int rc;

	guest_config_init(&config);
	config.memory = 256;
	config.hang_time = 3;
	snprintf(log, sizeof(log), "%s/log", folder);
	config.log = log;
	rc = guest_start(&kernel, &config, &guest, &error);
	if (rc) {
		print_message("# %s\n", error.text);
		return rc;
	}
	ready = now() - begin;
	print_message("# %s: agent ready after %.1f s\n", kernel.release, ready);
	rc = guest_put(guest, crash, "/usr/bin/crash");
	if (!rc)
		rc = module_put();
	begin = now();
	if (!rc)
		rc = guest_snapshot(guest);
	if (rc)
		print_message("# %s\n", guest_error(guest));
	print_message("# snapshot %.3f s\n", now() - begin);
	return rc;
}

static int finish(void **state)
{
	char path[64];

	guest_destroy(guest);
	snprintf(path, sizeof(path), "%s/log", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/back", folder);
	unlink(path);
	rmdir(folder);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),	      cmocka_unit_test(test_own_kernels),
		cmocka_unit_test(test_hello),	      cmocka_unit_test(test_frames),
		cmocka_unit_test(test_files),	      cmocka_unit_test(test_changed),
		cmocka_unit_test(test_programs),      cmocka_unit_test(test_kvm),
		cmocka_unit_test(test_program_oom),   cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_clone),	      cmocka_unit_test(test_log),
		cmocka_unit_test(test_hang),	      cmocka_unit_test(test_ends),
		cmocka_unit_test(test_start_refused),
	};
	static const char *const qemus[] = {
		[GUEST_X86_64] = "qemu-system-x86_64",
		[GUEST_ARM64] = "qemu-system-aarch64",
		[GUEST_RISCV64] = "qemu-system-riscv64",
		[GUEST_PPC64LE] = "qemu-system-ppc64",
	};
	struct guest_error error;
	const char *why;
	char name[80];

	if (argc != 4)
		return 99;
	crash = argv[2];
	other_agent = argv[3];
	snprintf(name, sizeof(name), "guest:%s", argv[1]);
	why = probe(name);
	if (!why && guest_kernel_find(argv[1], &kernel, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	if (!why)
		why = probe(qemus[kernel.arch]);
	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	if (!mkdtemp(folder))
		return 99;
	return cmocka_run_group_tests(tests, start, finish);
}
