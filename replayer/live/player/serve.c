// SPDX-License-Identifier: BSD-2-Clause
/*
 * The resident player: one server, which reads programs and gives them to workers; each worker is a
 * process that plays one program after the other. Most of the cost of a VM is waiting for grace
 * periods of the kernel, so several at a time are several times as fast, even on one CPU.
 *
 * The server never blocks on its output while there is input to take: the other side may write
 * everything before it reads.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/kvm.h>

#define WORKERS_MAX 64
#define PIECE	    65536
#define WATCH_TIME  20 /* ms between checks of the workers */

struct serving {
	pid_t pid;
	int line;  /* to the worker; -1 = none */
	bool busy; /* plays frame.number */
	struct player_frame frame;
	uint64_t until; /* ns; then it is late */
	struct player_bytes results;
};

struct server {
	unsigned int count;
	struct player_watch *watches; /* of each worker, shared */
	struct serving workers[WORKERS_MAX];
	struct player_bytes in, out;
	size_t in_taken, out_sent;
	int in_fd, out_fd;
	uint64_t watched; /* ns: time of the last check of the workers */
	bool ended;	  /* nothing more comes */
};

/* --- marks ------------------------------------------------------------------------------------ */

#if defined(__x86_64__)
static uint8_t *marks;
static unsigned int mark_now;

static void marks_make(void)
{
	const size_t size = PLAYER_MARKS * PLAYER_MARK_BYTES;
	uint8_t *page = mmap((void *)PLAYER_MARKS_AT, size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (page == MAP_FAILED)
		return;
	memset(page, 0xc3, size); /* ret */
	if (!mprotect(page, size, PROT_READ | PROT_EXEC))
		marks = page;
}

static void mark_call(unsigned int mark)
{
	void (*function)(void);
	uint8_t *at = marks + mark * PLAYER_MARK_BYTES;

	memcpy(&function, &at, sizeof(function));
	function();
}

void player_mark_begin(void)
{
	if (marks && mark_now)
		mark_call(mark_now);
}

void player_mark_end(void)
{
	if (marks && mark_now)
		mark_call(0);
}

static void mark_set(unsigned int mark)
{
	mark_now = mark < PLAYER_MARKS ? mark : 0;
}
#else
static void marks_make(void)
{
}

void player_mark_begin(void)
{
}

void player_mark_end(void)
{
}

static void mark_set(unsigned int mark)
{
	(void)mark;
}
#endif

/* --- a crash for tests ------------------------------------------------------------------------ */

struct player_watch *player_watch;
bool player_may_crash;

void player_crash(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "c", 1) < 0)
		perror("/proc/sysrq-trigger");
}

/* --- a worker --------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* 0, -ENODATA at the end, or -errno. */
static int read_all(int fd, void *data, size_t size)
{
	uint8_t *at = data;

	while (size) {
		ssize_t n = read(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENODATA;
		at += n;
		size -= n;
	}
	return 0;
}

static int write_all(int fd, const void *data, size_t size)
{
	const uint8_t *at = data;

	while (size) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		size -= n;
	}
	return 0;
}

#define WORKER_LINE 3

/* Play the programs from the socket until it is closed. */
static void worker_serve(void)
{
	struct player_bytes program = {0}, results = {0};
	struct player_frame frame;
	uint32_t blocked = 0;

	while (!blocked && !read_all(WORKER_LINE, &frame, sizeof(frame))) {
		if (program.size < frame.size) {
			free(program.data);
			program.size = frame.size;
			program.data = malloc(program.size);
		}
		results.used = sizeof(frame);
		if (results.size < PIECE) {
			results.size = PIECE;
			results.data = malloc(results.size);
		}
		if (!program.data || !results.data ||
		    read_all(WORKER_LINE, program.data, frame.size))
			break;
		mark_set(frame.mark);
		player_run_memory(program.data, frame.size, &results, &blocked);
		/* Close descriptors that a call made and the program did not name. */
		syscall(SYS_close_range, WORKER_LINE + 1, ~0u, 0);
		frame.end = PLAYER_WHOLE;
		frame.size = results.used - sizeof(frame);
		memcpy(results.data, &frame, sizeof(frame));
		if (write_all(WORKER_LINE, results.data, results.used))
			break;
	}
	_exit(0);
}

static int worker_start(struct server *server, struct serving *w)
{
	int lines[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, lines))
		return -errno;
	w->pid = fork();
	if (w->pid < 0) {
		close(lines[0]);
		close(lines[1]);
		w->line = -1;
		return -errno;
	}
	if (!w->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(open("/dev/null", O_RDWR), 0);
		dup2(0, 1);
		dup2(lines[1], WORKER_LINE);
		syscall(SYS_close_range, WORKER_LINE + 1, ~0u, 0);
		free(server->in.data);
		free(server->out.data);
		player_watch = &server->watches[w - server->workers];
		memset(player_watch, 0, sizeof(*player_watch));
		worker_serve();
	}
	close(lines[1]);
	w->line = lines[0];
	w->busy = false;
	w->results.used = 0;
	return 0;
}

/* --- the server ------------------------------------------------------------------------------- */

/* Drop what was processed. */
static void bytes_shift(struct player_bytes *b, size_t *done)
{
	if (*done < b->used && *done < PIECE)
		return;
	memmove(b->data, b->data + *done, b->used - *done);
	b->used -= *done;
	*done = 0;
}

/* The worker died or must be killed: report its program, and replace it. */
static int worker_replace(struct server *server, struct serving *w, enum player_end end)
{
	int status = 0, rc = 0;

	/* A worker that is stuck in the kernel does not die: do not wait for it. */
	kill(w->pid, SIGKILL);
	if (end == PLAYER_DIED)
		waitpid(w->pid, &status, 0);
	close(w->line);
	if (w->busy) {
		w->frame.size = 0;
		w->frame.end = end;
		w->frame.step = server->watches[w - server->workers].step;
		w->frame.time = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
		rc = player_bytes_put(&server->out, &w->frame, sizeof(w->frame));
	}
	return rc ? rc : worker_start(server, w);
}

/* Give the next received program to an idle worker. 1: done; 0: nothing to do. */
static int program_give(struct server *server)
{
	struct player_frame frame;
	struct serving *w = NULL;

	if (server->in.used - server->in_taken < sizeof(frame))
		return 0;
	memcpy(&frame, server->in.data + server->in_taken, sizeof(frame));
	if (frame.magic != PLAYER_MAGIC)
		return -EPROTO;
	if (server->in.used - server->in_taken - sizeof(frame) < frame.size)
		return 0;
	for (unsigned int i = 0; i < server->count && !w; i++) {
		if (!server->workers[i].busy)
			w = &server->workers[i];
	}
	if (!w)
		return 0;
	w->frame = frame;
	w->busy = true;
	w->results.used = 0;
	w->until = now_ns() + frame.time * 1000000ull;
	if (write_all(w->line, server->in.data + server->in_taken, sizeof(frame) + frame.size)) {
		int rc = worker_replace(server, w, PLAYER_DIED);

		if (rc)
			return rc;
	}
	server->in_taken += sizeof(frame) + frame.size;
	bytes_shift(&server->in, &server->in_taken);
	return 1;
}

static int worker_hear(struct server *server, struct serving *w)
{
	static uint8_t piece[PIECE];
	struct player_frame frame;
	ssize_t n = recv(w->line, piece, sizeof(piece), MSG_DONTWAIT);
	int rc;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return worker_replace(server, w, PLAYER_DIED);
	rc = player_bytes_put(&w->results, piece, n);
	if (rc || w->results.used < sizeof(frame))
		return rc;
	memcpy(&frame, w->results.data, sizeof(frame));
	if (w->results.used < sizeof(frame) + frame.size)
		return 0;
	w->busy = false;
	return player_bytes_put(&server->out, w->results.data, w->results.used);
}

static int input_take(struct server *server)
{
	static uint8_t piece[PIECE];
	ssize_t n = read(server->in_fd, piece, sizeof(piece));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	server->ended = !n;
	return player_bytes_put(&server->in, piece, n);
}

static int output_send(struct server *server)
{
	size_t left = server->out.used - server->out_sent;
	ssize_t n = write(server->out_fd, server->out.data + server->out_sent, left);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	server->out_sent += n;
	bytes_shift(&server->out, &server->out_sent);
	return 0;
}

/* ms until the next check of the workers; -1: none is working. */
static int time_left(const struct server *server)
{
	for (unsigned int i = 0; i < server->count; i++) {
		if (server->workers[i].busy)
			return WATCH_TIME;
	}
	return -1;
}

/* A call that takes too long gets a signal; a program that takes too long is ended. */
static int workers_watch(struct server *server)
{
	uint64_t now = now_ns();
	int rc = 0;

	if (now - server->watched < WATCH_TIME * 1000000ull)
		return 0;
	server->watched = now;
	for (unsigned int i = 0; i < server->count && !rc; i++) {
		struct serving *w = &server->workers[i];
		uint64_t since = server->watches[i].since;

		if (!w->busy)
			continue;
		if (now > w->until)
			rc = worker_replace(server, w, PLAYER_LATE);
		else if (since && now > since && now - since > server->watches[i].limit)
			kill(w->pid, SIGUSR2);
	}
	return rc;
}

static int server_turn(struct server *server)
{
	struct pollfd waits[WORKERS_MAX + 2];
	int rc = 0;

	waits[0] = (struct pollfd){.fd = server->in_fd, .events = POLLIN};
	waits[1] = (struct pollfd){.fd = server->out.used > server->out_sent ? server->out_fd : -1,
				   .events = POLLOUT};
	for (unsigned int i = 0; i < server->count; i++)
		waits[2 + i] = (struct pollfd){.fd = server->workers[i].line, .events = POLLIN};
	if (poll(waits, server->count + 2, time_left(server)) < 0)
		return errno == EINTR ? 0 : -errno;
	if (waits[0].revents)
		rc = input_take(server);
	for (unsigned int i = 0; i < server->count && !rc; i++) {
		if (waits[2 + i].revents)
			rc = worker_hear(server, &server->workers[i]);
	}
	if (!rc)
		rc = workers_watch(server);
	while (!rc && (rc = program_give(server)) > 0)
		rc = 0;
	if (!rc && server->out.used > server->out_sent)
		rc = output_send(server);
	return rc;
}

int player_serve(int in, int out, unsigned int workers, bool crash)
{
	struct server server = {.in_fd = in, .out_fd = out};
	int kvm, vm, vcpu = -1;
	int rc = 0;

	if (!workers || workers > WORKERS_MAX)
		return -E2BIG;
	/* Keep one VM: the first and the last VM of a machine cost more than the others. */
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0ul);
	if (vm >= 0)
		vcpu = ioctl(vm, KVM_CREATE_VCPU, 0ul);
	if (vcpu < 0)
		return -errno;
	server.watches =
		mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (server.watches == MAP_FAILED)
		return -errno;
	player_may_crash = crash;
	marks_make();
	signal(SIGPIPE, SIG_IGN);
	fcntl(out, F_SETFL, O_NONBLOCK);
	for (unsigned int i = 0; i < workers && !rc; i++) {
		rc = worker_start(&server, &server.workers[i]);
		server.count += !rc;
	}
	while (!rc && !server.ended) {
		rc = server_turn(&server);
		/* Reap late workers once they have ended. */
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	for (unsigned int i = 0; i < server.count; i++) {
		kill(server.workers[i].pid, SIGKILL);
		close(server.workers[i].line);
		free(server.workers[i].results.data);
	}
	free(server.in.data);
	free(server.out.data);
	munmap(server.watches, PIECE);
	close(vcpu);
	close(vm);
	close(kvm);
	return rc;
}

/* --- where the modules are -------------------------------------------------------------------- */

static void sections_say(FILE *out, const char *module)
{
	static const char *const names[] = {".text", ".text.unlikely", ".noinstr.text",
					    ".static_call.text", ".exit.text"};
	char path[160], line[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		FILE *in;

		snprintf(path, sizeof(path), "/sys/module/%s/sections/%s", module, names[i]);
		in = fopen(path, "re");
		if (in && fgets(line, sizeof(line), in))
			fprintf(out, "section %s %s %llx\n", module, names[i],
				strtoull(line, NULL, 16));
		if (in)
			fclose(in);
	}
}

/* Functions of the kernel proper: switching tasks, begin and end of an interrupt. */
static bool is_wanted(const char *name)
{
	static const char *const names[] = {"__switch_to_asm", "irq_enter_rcu", "irqentry_exit"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(name, names[i]))
			return true;
	}
	return false;
}

int player_say_symbols(int out_fd)
{
	unsigned long long address;
	char line[640], name[512], module[64], type;
	int copy = dup(out_fd);
	FILE *out = copy < 0 ? NULL : fdopen(copy, "w");
	FILE *in = fopen("/proc/kallsyms", "re");
	int rc = 0;

	if (!out || !in) {
		rc = -errno;
		goto out;
	}
	sections_say(out, "kvm");
	sections_say(out, "kvm_amd");
	while (fgets(line, sizeof(line), in)) {
		int n = sscanf(line, "%llx %c %511s [%63[^]]]", &address, &type, name, module);

		if (n < 3 || !strchr("tTwW", type))
			continue;
		if (n == 3 && is_wanted(name))
			fprintf(out, "symbol %llx - %s\n", address, name);
		else if (n == 4 && (!strcmp(module, "kvm") || !strcmp(module, "kvm_amd")))
			fprintf(out, "symbol %llx %s %s\n", address, module, name);
	}
out:
	if (in)
		fclose(in);
	if (out && fclose(out) && !rc)
		rc = -EIO;
	return rc;
}
