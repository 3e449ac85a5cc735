// SPDX-License-Identifier: BSD-2-Clause
/*
 * A running guest: the QEMU process, its three connections (the agent's port, QMP, the serial log),
 * how it ended, and the mapped snapshot.
 *
 * QEMU gets connected sockets and memory files as descriptors, so there are no paths to collide, to
 * be too long or to stay behind. The guest's RAM is a memfd: shared with QEMU until the snapshot,
 * copy-on-write ever after.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "guest/running.h"

#define QMP_TIME   20000 /* ms for QEMU to answer a command, on a busy machine */
#define PANIC_TIME 3000	 /* ms for a kernel to get from its panic to the reset that follows */

void guest_config_init(struct guest_config *config)
{
	memset(config, 0, sizeof(*config));
	config->cpus = 1;
	config->memory = 512;
	config->start_time = 120;
	config->hang_time = 10;
	config->interrupt_fd = -1;
	config->plugin_fds[0] = -1;
}

/* --- how it ended --------------------------------------------------------------------------- */

/* All of a memory file, from its start. */
static int memory_read(int fd, char **text, size_t *size)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return guest_file_read(path, text, size);
}

char *guest_log(const struct guest *guest)
{
	char *text;
	size_t size;

	if (memory_read(guest->serial, &text, &size))
		return NULL;
	/* A NUL byte in the log (a serial line may bring any) must not hide what follows. */
	for (size_t i = 0; i < size; i++) {
		if (!text[i])
			text[i] = ' ';
	}
	return text;
}

/* The last line that QEMU itself printed, without its name. */
static void qemu_words(const struct guest *guest, char *line, size_t size)
{
	char *text, *rest = NULL;
	size_t length;

	snprintf(line, size, "no word from it");
	if (memory_read(guest->words, &text, &length))
		return;
	for (char *one = strtok_r(text, "\n", &rest); one; one = strtok_r(NULL, "\n", &rest)) {
		const char *colon = strncmp(one, "qemu-system", 11) ? NULL : strstr(one, ": ");

		snprintf(line, size, "%s", colon ? colon + 2 : one);
	}
	free(text);
}

static void log_keep(const struct guest *guest, const char *text)
{
	FILE *out;

	if (!guest->log[0])
		return;
	out = fopen(guest->log, "ae");
	if (!out)
		return;
	fprintf(out, "== %s: %s: %s\n%s\n", guest->kernel.name, guest_outcome_name(guest->outcome),
		guest->outcome_text, text ? text : "");
	fclose(out);
}

static bool is_crash(enum guest_outcome outcome)
{
	return outcome > GUEST_POWERED_OFF;
}

/* QEMU ended with this wait status: QMP's events first, then the status, then the serial text. */
static void outcome_find(struct guest *guest, int status)
{
	char *text = guest_log(guest);
	char *line = guest->outcome_text;
	const size_t size = sizeof(guest->outcome_text);
	enum guest_outcome told = GUEST_RUNNING;

	guest_qmp_drain(&guest->qmp);
	line[0] = 0;
	if (text)
		told = guest_outcome_read(text, line, size);
	if (WIFSIGNALED(status)) {
		int signal = WTERMSIG(status);
		bool outside = signal == SIGKILL || signal == SIGTERM || signal == SIGINT ||
			       signal == SIGHUP;

		guest->outcome = outside ? GUEST_KILLED : GUEST_QEMU_FAILED;
		snprintf(line, size, "QEMU was ended by signal %d (%s)", signal, strsignal(signal));
	} else if (!strcmp(guest->qmp.shutdown, "host-signal")) {
		guest->outcome = GUEST_KILLED;
		snprintf(line, size, "QEMU was told to end by a signal");
	} else if (guest->qmp.panicked || told != GUEST_RUNNING) {
		guest->outcome = told == GUEST_RUNNING ? GUEST_PANIC : told;
		if (told == GUEST_RUNNING)
			snprintf(line, size,
				 "the kernel reported a panic, with no word on the console");
	} else if (WEXITSTATUS(status)) {
		guest->outcome = GUEST_QEMU_FAILED;
		qemu_words(guest, line, size);
	} else if (!strcmp(guest->qmp.shutdown, "guest-reset")) {
		guest->outcome = GUEST_RESET;
		snprintf(line, size, "reset without a panic");
	} else {
		guest->outcome = GUEST_POWERED_OFF;
		snprintf(line, size, "the guest powered itself off");
	}
	if (is_crash(guest->outcome))
		log_keep(guest, text);
	free(text);
}

static void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void lines_close(struct guest *guest)
{
	guest_qmp_close(&guest->qmp);
	fd_close(&guest->channel);
	fd_close(&guest->pidfd);
	guest->used = guest->taken = 0;
}

/* QEMU has ended, or is about to. */
static void reap(struct guest *guest)
{
	struct pollfd wait = {.fd = guest->pidfd, .events = POLLIN};
	bool late;
	int status = 0;

	if (!guest->pid)
		return;
	late = !poll(&wait, 1, PANIC_TIME);
	if (late)
		kill(guest->pid, SIGKILL);
	while (waitpid(guest->pid, &status, 0) < 0 && errno == EINTR)
		;
	guest->pid = 0;
	/* A kernel that panicked but did not reset ended by the panic, not by our signal. */
	outcome_find(guest, late && guest->qmp.panicked ? 0 : status);
	lines_close(guest);
}

void guest_end(struct guest *guest, enum guest_outcome outcome, const char *text)
{
	char *log;

	if (!guest->pid)
		return;
	kill(guest->pid, SIGKILL);
	while (waitpid(guest->pid, NULL, 0) < 0 && errno == EINTR)
		;
	guest->pid = 0;
	guest->outcome = outcome;
	snprintf(guest->outcome_text, sizeof(guest->outcome_text), "%s", text);
	if (is_crash(outcome)) {
		log = guest_log(guest);
		log_keep(guest, log);
		free(log);
	}
	lines_close(guest);
}

void guest_stop(struct guest *guest)
{
	guest_end(guest, GUEST_STOPPED, "stopped");
}

/* --- starting QEMU -------------------------------------------------------------------------- */

#define ARGUMENTS_MAX 64

struct command {
	char *arguments[ARGUMENTS_MAX];
	unsigned int count;
	bool failed;
};

static void add(struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct command *command, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (command->count + 1 >= ARGUMENTS_MAX || vasprintf(&text, format, args) < 0)
		command->failed = true;
	else
		command->arguments[command->count++] = text;
	va_end(args);
}

static void command_free(struct command *command)
{
	for (unsigned int i = 0; i < command->count; i++)
		free(command->arguments[i]);
}

static void command_make(struct guest *guest, int channel, int control, struct command *command)
{
	const struct guest_machine *machine = guest->machine;
	const struct guest_config *config = &guest->config;

	add(command, "%s", machine->qemu);
	add(command, "-M");
	add(command, "%s,memory-backend=ram", config->kvm ? machine->board_kvm : machine->board);
	add(command, "-cpu");
	add(command, "%s", config->kvm ? "host" : machine->cpu);
	add(command, "-accel");
	if (config->kvm)
		add(command, "kvm");
	else
		add(command, "tcg,thread=%s", machine->threads);
	add(command, "-smp");
	add(command, "%u", config->cpus);
	add(command, "-m");
	add(command, "%u", config->memory);
	add(command, "-object");
	add(command, "memory-backend-file,id=ram,size=%uM,mem-path=/proc/self/fd/%d,share=%s",
	    config->memory, guest->memory, guest->have_snapshot ? "off" : "on");
	add(command, "-nodefaults");
	add(command, "-no-user-config");
	add(command, "-display");
	add(command, "none");
	add(command, "-no-reboot");
	add(command, "-serial");
	add(command, "file:/proc/self/fd/%d", guest->serial);
	add(command, "-kernel");
	add(command, "%s", guest->kernel.vmlinuz);
	add(command, "-initrd");
	add(command, "/proc/self/fd/%d", guest->initrd);
	add(command, "-append");
	add(command, "console=%s panic=-1 oops=panic%s loglevel=5 %s%s%s", machine->console,
	    config->warn_continues ? "" : " panic_on_warn=1", machine->append,
	    config->append ? " " : "", config->append ? config->append : "");
	add(command, "-chardev");
	add(command, "socket,id=agent,fd=%d", channel);
	add(command, "-device");
	add(command, "virtio-serial-pci");
	add(command, "-device");
	add(command, "virtserialport,chardev=agent,name=" GUEST_PORT);
	add(command, "-chardev");
	add(command, "socket,id=control,fd=%d", control);
	add(command, "-mon");
	add(command, "chardev=control,mode=control");
	/*
	 * On a panic QEMU only reports it, so that the kernel can still write its messages to the
	 * console.
	 */
	add(command, "-action");
	add(command, "panic=none");
	if (guest->kernel.arch == GUEST_X86_64) {
		add(command, "-device");
		add(command, "pvpanic-pci");
	}
	if (config->plugin) {
		add(command, "-plugin");
		add(command, "%s", config->plugin);
	}
	if (guest->have_snapshot) {
		add(command, "-incoming");
		add(command, "defer");
	}
	command->arguments[command->count] = NULL;
}

static void child_exec(struct guest *guest, char *const *arguments, const int *keep, pid_t parent)
{
	/* A dying parent takes QEMU with it, in the moment before this call, too. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	/* The terminal's Ctrl-C must not reach QEMU: the foreground program ends the guest. */
	setsid();
	for (int i = 0; keep[i] >= 0; i++)
		fcntl(keep[i], F_SETFD, 0);
	for (int i = 0; guest->config.plugin && i < 4 && guest->config.plugin_fds[i] >= 0; i++)
		fcntl(guest->config.plugin_fds[i], F_SETFD, 0);
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(guest->words, 1);
	dup2(guest->words, 2);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	execvp(arguments[0], arguments);
	_exit(127);
}

/* Start QEMU, with the kernel or (if there is a snapshot) waiting for it. */
static int qemu_start(struct guest *guest)
{
	int channel[2] = {-1, -1}, control[2] = {-1, -1};
	struct command command = {.count = 0};
	int keep[6];
	sigset_t none, before;
	pid_t parent = getpid();
	pid_t pid;
	int rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control)) {
		rc = guest_fail(&guest->error, -errno, "no socket for QEMU: %s", strerror(errno));
		goto out;
	}
	/* Each QEMU writes into files of its own. */
	fd_close(&guest->serial);
	fd_close(&guest->words);
	guest->serial = memfd_create("kvmtape-guest-serial", MFD_CLOEXEC);
	guest->words = memfd_create("kvmtape-guest-words", MFD_CLOEXEC);
	if (guest->serial < 0 || guest->words < 0) {
		rc = guest_fail(&guest->error, -errno, "no memory for QEMU's logs: %s",
				strerror(errno));
		goto out;
	}
	command_make(guest, channel[1], control[1], &command);
	if (command.failed) {
		rc = guest_fail(&guest->error, -ENOMEM, "out of memory");
		goto out;
	}
	keep[0] = channel[1];
	keep[1] = control[1];
	keep[2] = guest->memory;
	keep[3] = guest->initrd;
	keep[4] = guest->serial;
	keep[5] = -1;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, &before);
	pid = fork();
	if (!pid)
		child_exec(guest, command.arguments, keep, parent);
	rc = pid < 0 ? -errno : 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (rc) {
		guest_fail(&guest->error, rc, "cannot start QEMU: %s", strerror(-rc));
		goto out;
	}
	guest->pid = pid;
	guest->pidfd = syscall(SYS_pidfd_open, pid, 0);
	guest->outcome = GUEST_RUNNING;
	guest->outcome_text[0] = 0;
	guest->channel = channel[0];
	channel[0] = -1;
	close(channel[1]);
	close(control[1]);
	channel[1] = control[1] = -1;
	rc = guest_qmp_open(&guest->qmp, control[0], QMP_TIME);
	control[0] = -1;
	if (rc) {
		char words[200];

		qemu_words(guest, words, sizeof(words));
		guest_end(guest, GUEST_QEMU_FAILED, words);
		rc = guest_fail(&guest->error, -EIO, "%s did not start: %s", guest->machine->qemu,
				words);
	}
out:
	command_free(&command);
	for (int i = 0; i < 2; i++) {
		if (channel[i] >= 0)
			close(channel[i]);
		if (control[i] >= 0)
			close(control[i]);
	}
	return rc;
}

/* --- frames --------------------------------------------------------------------------------- */

/* The next frame that is in the buffer, or false. */
static bool frame_take(struct guest *guest, struct guest_message_in *message, int *rc)
{
	struct guest_frame frame;
	char *at = guest->buffer + guest->taken;
	size_t there = guest->used - guest->taken;

	*rc = 0;
	if (there < sizeof(frame))
		return false;
	memcpy(&frame, at, sizeof(frame));
	if (frame.magic != GUEST_MAGIC || frame.size > GUEST_FRAME_MAX) {
		*rc = guest_fail(&guest->error, -EPROTO,
				 "what came from the guest's agent is no frame");
		return false;
	}
	if (there < sizeof(frame) + frame.size)
		return false;
	message->type = frame.type;
	message->sequence = frame.sequence;
	message->size = frame.size;
	message->body = at + sizeof(frame);
	guest->taken += sizeof(frame) + frame.size;
	return true;
}

/*
 * Make room and read; 1 = read something, 0 = nothing there, -ENOTCONN = the other end is closed.
 */
static int channel_read(struct guest *guest)
{
	ssize_t n;

	if (guest->taken) {
		guest->used -= guest->taken;
		memmove(guest->buffer, guest->buffer + guest->taken, guest->used);
		guest->taken = 0;
	}
	if (guest->capacity - guest->used < GUEST_CHUNK) {
		size_t capacity = guest->capacity + 2 * GUEST_CHUNK;
		char *more = realloc(guest->buffer, capacity);

		if (!more)
			return guest_fail(&guest->error, -ENOMEM, "out of memory");
		guest->buffer = more;
		guest->capacity = capacity;
	}
	n = recv(guest->channel, guest->buffer + guest->used, guest->capacity - guest->used,
		 MSG_DONTWAIT);
	if (n > 0) {
		guest->used += n;
		return 1;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -ENOTCONN;
}

/*
 * The guest does not read: wait until it does. It may be blocked on its own output, so read that
 * meanwhile.
 */
static int send_wait(struct guest *guest)
{
	int64_t then = clock_ms() + guest->config.hang_time * 1000ll;
	struct pollfd waits[2];
	int rc;

	for (;;) {
		waits[0] = (struct pollfd){.fd = guest->channel, .events = POLLIN | POLLOUT};
		waits[1] = (struct pollfd){.fd = guest->pidfd, .events = POLLIN};
		rc = poll(waits, 2, guest_left(then));
		if (rc < 0 && errno != EINTR)
			return -errno;
		if (!rc) {
			guest_end(guest, GUEST_HANG, "the agent takes nothing any more");
			return -ENOTCONN;
		}
		if (waits[0].revents & POLLOUT)
			return 0;
		rc = channel_read(guest);
		if (rc == -ENOTCONN || (!rc && waits[1].revents)) {
			reap(guest);
			return -ENOTCONN;
		}
		if (rc < 0)
			return rc;
	}
}

int guest_send(struct guest *guest, uint32_t type, uint32_t *sequence, const void *body,
	       size_t size)
{
	struct guest_frame frame = {
		.magic = GUEST_MAGIC, .size = size, .type = type, .sequence = ++guest->sequence};
	const char *parts[2] = {(const char *)&frame, body};
	const size_t sizes[2] = {sizeof(frame), size};
	int rc;

	if (!guest->pid)
		return -ENOTCONN;
	if (size > GUEST_FRAME_MAX)
		return guest_fail(&guest->error, -EMSGSIZE, "a frame of %zu bytes is too large",
				  size);
	for (int i = 0; i < 2; i++) {
		size_t done = 0;

		while (done < sizes[i]) {
			ssize_t n = send(guest->channel, parts[i] + done, sizes[i] - done,
					 MSG_NOSIGNAL | MSG_DONTWAIT);

			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0 && errno == EAGAIN) {
				rc = send_wait(guest);
				if (rc)
					return rc;
				continue;
			}
			if (n < 0) {
				reap(guest);
				return -ENOTCONN;
			}
			done += n;
		}
	}
	if (sequence)
		*sequence = frame.sequence;
	return 0;
}

/*
 * Wait for a frame until `then` (clock_ms(); -1 = for ever), or for other_fd (-1 = none) to be
 * readable: returns 1.
 */
int guest_wait(struct guest *guest, int64_t then, int other_fd, struct guest_message_in *message)
{
	struct pollfd waits[5] = {{.fd = guest->config.interrupt_fd, .events = POLLIN}};
	int rc;

	/* Also if there is always another frame in the buffer. */
	if (poll(waits, 1, 0) > 0)
		return -EINTR;
	for (;;) {
		if (!guest->pid)
			return -ENOTCONN;
		if (frame_take(guest, message, &rc))
			return 0;
		if (rc)
			return rc;
		waits[0] = (struct pollfd){.fd = guest->channel, .events = POLLIN};
		waits[1] = (struct pollfd){.fd = guest->config.interrupt_fd, .events = POLLIN};
		waits[2] = (struct pollfd){.fd = other_fd, .events = POLLIN};
		waits[3] = (struct pollfd){.fd = guest->pidfd, .events = POLLIN};
		waits[4] = (struct pollfd){.fd = guest->qmp.fd, .events = POLLIN};
		rc = poll(waits, 5, guest_left(then));
		if (rc < 0 && errno != EINTR)
			return -errno;
		if (!rc)
			return -ETIMEDOUT;
		if (waits[1].revents)
			return -EINTR;
		rc = channel_read(guest);
		/* Read its last frames first: the end counts once the line is empty. */
		if (waits[4].revents)
			guest_qmp_drain(&guest->qmp);
		if (!rc && (waits[3].revents || guest->qmp.panicked))
			rc = -ENOTCONN;
		if (rc == -ENOTCONN) {
			reap(guest);
			return rc;
		}
		if (rc < 0)
			return rc;
		if (!rc && waits[2].revents)
			return 1;
	}
}

int guest_receive(struct guest *guest, int timeout, struct guest_message_in *message)
{
	return guest_wait(guest, timeout < 0 ? -1 : clock_ms() + timeout, -1, message);
}

int guest_exchange(struct guest *guest, uint32_t type, const void *body, size_t size, int timeout,
		   struct guest_message_in *answer)
{
	int64_t then = timeout < 0 ? -1 : clock_ms() + timeout;
	int32_t status;
	uint32_t sequence;
	int rc;

	rc = guest_send(guest, type, &sequence, body, size);
	while (!rc) {
		rc = guest_wait(guest, then, -1, answer);
		if (rc || answer->sequence == sequence)
			break;
	}
	if (!rc && answer->type == GUEST_MSG_DONE && answer->size == sizeof(status)) {
		memcpy(&status, answer->body, sizeof(status));
		rc = status;
	}
	return rc;
}

int guest_ping(struct guest *guest, int timeout)
{
	struct guest_message_in answer;
	int rc = guest_exchange(guest, GUEST_MSG_PING, "", 0, timeout, &answer);

	if (rc != -ETIMEDOUT)
		return rc;
	guest_end(guest, GUEST_HANG, "the agent gave no sign of life");
	return -ENOTCONN;
}

/* --- start, snapshot, restore --------------------------------------------------------------- */

/* The guest ended before it was ready: say how, as an error of starting it. */
static int start_fail(struct guest *guest)
{
	return guest_fail(&guest->error, -EIO, "kernel %s did not start: %s: %s",
			  guest->kernel.name, guest_outcome_name(guest->outcome),
			  guest->outcome_text);
}

static int hello_take(struct guest *guest)
{
	struct guest_message_in message;
	struct guest_hello hello;
	int rc;

	rc = guest_receive(guest, guest->config.start_time * 1000, &message);
	if (rc == -ENOTCONN)
		return start_fail(guest);
	if (rc == -ETIMEDOUT)
		return guest_fail(&guest->error, rc,
				  "kernel %s: no word from the agent within %u s",
				  guest->kernel.name, guest->config.start_time);
	if (rc)
		return rc;
	memset(&hello, 0, sizeof(hello));
	if (message.type == GUEST_MSG_HELLO)
		memcpy(&hello, message.body,
		       message.size < sizeof(hello) ? message.size : sizeof(hello));
	if (hello.protocol != GUEST_PROTOCOL || message.size != sizeof(hello))
		return guest_fail(
			&guest->error, -EPROTO,
			"the agent speaks protocol %u, this kvmtape %u; use the agent built with it",
			hello.protocol, GUEST_PROTOCOL);
	hello.machine[sizeof(hello.machine) - 1] = hello.release[sizeof(hello.release) - 1] = 0;
	guest->hello = hello;
	if (strcmp(hello.machine, guest->machine->uname))
		return guest_fail(&guest->error, -EPROTO, "the agent runs on %s instead of %s",
				  hello.machine, guest->machine->uname);
	if (hello.kvm_version < 0)
		return guest_fail(&guest->error, -ENODEV, "kernel %s (%s) has no KVM: /dev/kvm: %s",
				  guest->kernel.name, hello.release, strerror(-hello.kvm_version));
	return 0;
}

static bool tool_exists(const char *name)
{
	const char *path = getenv("PATH");
	char *copy = strdup(path ? path : "/usr/bin:/bin");
	char full[GUEST_PATH_MAX], *rest = NULL;
	bool found = false;

	for (char *one = copy ? strtok_r(copy, ":", &rest) : NULL; one && !found;
	     one = strtok_r(NULL, ":", &rest)) {
		snprintf(full, sizeof(full), "%s/%s", one, name);
		found = !access(full, X_OK);
	}
	free(copy);
	return found;
}

/* MiB that the host can give without swapping (/proc/meminfo); 0 = unknown. */
static unsigned long memory_available(void)
{
	unsigned long kilobytes = 0;
	char line[128];
	FILE *in = fopen("/proc/meminfo", "re");

	while (in && fgets(line, sizeof(line), in)) {
		if (sscanf(line, "MemAvailable: %lu", &kilobytes) == 1)
			break;
	}
	if (in)
		fclose(in);
	return kilobytes >> 10;
}

static int memory_make(struct guest *guest)
{
	unsigned long available = memory_available();

	if (available && guest->config.memory > available)
		return guest_fail(&guest->error, -ENOMEM,
				  "a guest of %u MiB does not fit: %lu MiB are free here",
				  guest->config.memory, available);
	guest->memory = memfd_create("kvmtape-guest-ram", MFD_CLOEXEC);
	if (guest->memory < 0 || ftruncate(guest->memory, (off_t)guest->config.memory << 20))
		return guest_fail(&guest->error, -errno, "no memory for a guest of %u MiB: %s",
				  guest->config.memory, strerror(errno));
	return 0;
}

static int initrd_make(struct guest *guest)
{
	enum guest_arch arch = guest->kernel.arch;
	const char *path = guest->config.agent;
	const void *agent;
	char *own = NULL;
	size_t size;
	int rc;

	agent = guest_agent_find(arch, &size);
	if (path) {
		rc = guest_file_read(path, &own, &size);
		if (rc)
			return guest_fail(&guest->error, rc, "cannot read the agent %s: %s", path,
					  strerror(-rc));
		agent = own;
		if (guest_elf_arch(agent, size) != arch) {
			rc = guest_fail(&guest->error, -EXDEV,
					"the agent %s is not a program for %s", path,
					guest->machine->name);
			goto out;
		}
	}
	if (!agent)
		return guest_fail(
			&guest->error, -ENOENT,
			"this kvmtape was built without the agent for %s (no cross compiler then)",
			guest->machine->name);
	guest->initrd = memfd_create("kvmtape-guest-initrd", MFD_CLOEXEC);
	if (guest->initrd < 0)
		rc = guest_fail(&guest->error, -errno, "no memory for the initramfs: %s",
				strerror(errno));
	else
		rc = guest_initrd_write(guest->initrd, &guest->kernel, guest->config.module, agent,
					size, &guest->error);
out:
	free(own);
	return rc;
}

/* A guest without anything open. */
static struct guest *guest_make(const struct guest_kernel *kernel,
				const struct guest_config *config)
{
	struct guest *guest = calloc(1, sizeof(*guest));

	if (!guest)
		return NULL;
	guest->kernel = *kernel;
	guest->config = *config;
	guest->machine = &guest_machines[kernel->arch];
	guest->channel = guest->pidfd = guest->qmp.fd = -1;
	guest->memory = guest->initrd = guest->serial = guest->words = guest->state = -1;
	return guest;
}

int guest_start(const struct guest_kernel *kernel, const struct guest_config *config,
		struct guest **result, struct guest_error *error)
{
	struct guest *guest = guest_make(kernel, config);
	int rc;

	*result = NULL;
	if (!guest)
		return guest_fail(error, -ENOMEM, "out of memory");
	/* The caller may go to another folder meanwhile. */
	if (config->log && (config->log[0] == '/' || !getcwd(guest->log, sizeof(guest->log))))
		guest->log[0] = 0;
	if (config->log)
		snprintf(guest->log + strlen(guest->log), sizeof(guest->log) - strlen(guest->log),
			 "%s%s", guest->log[0] ? "/" : "", config->log);
	if (config->kvm && kernel->arch != guest_arch_host())
		rc = guest_fail(&guest->error, -EXDEV,
				"kernel %s is for %s: with KVM only this machine's own",
				kernel->name, guest->machine->name);
	else if (config->kvm && access("/dev/kvm", R_OK | W_OK))
		rc = guest_fail(&guest->error, -errno,
				"no KVM here (/dev/kvm: %s); use --accel tcg", strerror(errno));
	else if (!tool_exists(guest->machine->qemu))
		rc = guest_fail(&guest->error, -ENOENT, "no %s here: install the package %s",
				guest->machine->qemu, guest->machine->package);
	else
		rc = memory_make(guest);
	if (!rc)
		rc = initrd_make(guest);
	if (!rc)
		rc = qemu_start(guest);
	if (!rc)
		rc = hello_take(guest);
	if (rc) {
		if (error)
			*error = guest->error;
		guest_destroy(guest);
		return rc;
	}
	*result = guest;
	return 0;
}

void guest_destroy(struct guest *guest)
{
	if (!guest)
		return;
	guest_stop(guest);
	fd_close(&guest->memory);
	fd_close(&guest->initrd);
	fd_close(&guest->serial);
	fd_close(&guest->words);
	fd_close(&guest->state);
	free(guest->buffer);
	free(guest);
}

/* Send QMP commands in order. */
static int commands_send(struct guest *guest, const char *const *commands)
{
	int rc = 0;

	for (; !rc && *commands; commands++)
		rc = guest_qmp_command(&guest->qmp, *commands, QMP_TIME);
	return rc;
}

#define CAPABILITIES                                                                  \
	"{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[" \
	"{\"capability\":\"x-ignore-shared\",\"state\":true},{\"capability\":\"events\",\"state\":true}]}}\n"
#define PARAMETERS                                                                              \
	"{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"max-bandwidth\":10000000000," \
	"\"downtime-limit\":2000}}\n"

/*
 * QEMU saves into a pipe, and a shell puts that into our memory file, by the path that leads to it
 * from any process.
 */
static int migrate(struct guest *guest, const char *command, const char *tool)
{
	char text[256];
	int rc;

	guest->qmp.migration[0] = 0;
	snprintf(text, sizeof(text),
		 "{\"execute\":\"%s\",\"arguments\":{\"uri\":\"exec:%s /proc/%d/fd/%d\"}}\n",
		 command, tool, (int)getpid(), guest->state);
	rc = guest_qmp_command(&guest->qmp, text, QMP_TIME);
	return rc ? rc : guest_qmp_wait_migration(&guest->qmp, QMP_TIME);
}

int guest_snapshot(struct guest *guest)
{
	static const char *const prepare[] = {"{\"execute\":\"stop\"}\n", CAPABILITIES, PARAMETERS,
					      NULL};
	int rc;

	if (guest->have_snapshot)
		return guest_fail(&guest->error, -EEXIST, "there is a snapshot already");
	rc = guest_ping(guest, guest->config.hang_time * 1000);
	if (rc)
		return rc;
	fd_close(&guest->state);
	guest->state = memfd_create("kvmtape-guest-state", MFD_CLOEXEC);
	if (guest->state < 0)
		return guest_fail(&guest->error, -errno, "no memory for a snapshot: %s",
				  strerror(errno));
	/* The agent has answered and returns to read(): give it time for that. */
	usleep(50000);
	rc = commands_send(guest, prepare);
	if (!rc)
		rc = migrate(guest, "migrate", "cat >");
	if (rc == -ENOTCONN) {
		reap(guest);
		return rc;
	}
	if (rc)
		return guest_fail(&guest->error, -EIO, "QEMU cannot save the guest: %s",
				  guest->qmp.complaint[0] ? guest->qmp.complaint : strerror(-rc));
	guest_stop(guest);
	guest->have_snapshot = true;
	return guest_restore(guest);
}

int guest_restore(struct guest *guest)
{
	static const char *const prepare[] = {CAPABILITIES, PARAMETERS, NULL};
	int rc;

	if (!guest->have_snapshot)
		return guest_fail(&guest->error, -ENOENT, "there is no snapshot to go back to");
	guest_stop(guest);
	rc = qemu_start(guest);
	if (rc)
		return rc;
	rc = commands_send(guest, prepare);
	if (!rc)
		rc = migrate(guest, "migrate-incoming", "cat");
	if (!rc)
		rc = guest_qmp_command(&guest->qmp, "{\"execute\":\"cont\"}\n", QMP_TIME);
	if (rc) {
		char words[200];

		qemu_words(guest, words, sizeof(words));
		guest_end(guest, GUEST_QEMU_FAILED, words);
		return guest_fail(&guest->error, -EIO, "QEMU cannot bring the snapshot back: %s",
				  words);
	}
	rc = guest_ping(guest, guest->config.hang_time * 1000);
	if (rc == -ENOTCONN)
		return guest_fail(&guest->error, -EIO,
				  "the guest does not come back from its snapshot: %s",
				  guest->outcome_text);
	return rc;
}

int guest_clone(struct guest *from, struct guest **result)
{
	struct guest *guest;
	int rc;

	*result = NULL;
	if (!from->have_snapshot)
		return guest_fail(&from->error, -ENOENT,
				  "there is no snapshot to make another guest from");
	guest = guest_make(&from->kernel, &from->config);
	if (!guest)
		return guest_fail(&from->error, -ENOMEM, "out of memory");
	guest->hello = from->hello;
	guest->have_snapshot = true;
	memcpy(guest->log, from->log, sizeof(guest->log));
	guest->memory = fcntl(from->memory, F_DUPFD_CLOEXEC, 3);
	guest->initrd = fcntl(from->initrd, F_DUPFD_CLOEXEC, 3);
	guest->state = fcntl(from->state, F_DUPFD_CLOEXEC, 3);
	if (guest->memory < 0 || guest->initrd < 0 || guest->state < 0)
		rc = guest_fail(&guest->error, -errno, "no descriptor for another guest: %s",
				strerror(errno));
	else
		rc = guest_restore(guest);
	if (rc) {
		from->error = guest->error;
		guest_destroy(guest);
		return rc;
	}
	*result = guest;
	return 0;
}

enum guest_outcome guest_outcome(const struct guest *guest)
{
	return guest->outcome;
}

const char *guest_outcome_text(const struct guest *guest)
{
	return guest->outcome_text;
}

const char *guest_error(const struct guest *guest)
{
	return guest->error.text;
}

const struct guest_hello *guest_hello(const struct guest *guest)
{
	return &guest->hello;
}

int guest_pid(const struct guest *guest)
{
	return guest->pid;
}
