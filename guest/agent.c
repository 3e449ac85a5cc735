// SPDX-License-Identifier: BSD-2-Clause
/*
 * The agent: /init of the guest, a static program.  It mounts what programs expect, loads the
 * modules that the initramfs brought, opens the virtio-serial port and serves the host
 * (protocol.h).
 *
 * While nothing runs it blocks in read() on the port: that is the state in which a snapshot is
 * taken (with a timer armed, arm64 in VHE mode does not come back from one).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "protocol.h"

/* The program that runs; one at a time. */
struct program {
	pid_t pid; /* 0 = none */
	uint32_t sequence;
	int input, output[2]; /* our ends of its pipes; -1 = closed */
	uint64_t oom_kills, started;
};

static int port = -1;
static struct program program = {.input = -1, .output = {-1, -1}};
static unsigned char body[GUEST_FRAME_MAX];
static unsigned char answer[sizeof(struct guest_data) + GUEST_CHUNK];

static void say(const char *format, ...)
{
	char line[256];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	dprintf(2, "kvmtape-agent: %s\n", line);
}

static void stop(const char *what)
{
	say("%s: %s", what, strerror(errno));
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

/* --- the port ------------------------------------------------------------------------------- */

static void port_write(const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t n = write(port, at, size);

		if (n > 0) {
			at += n;
			size -= n;
		} else if (n < 0 && errno != EINTR && errno != EAGAIN) {
			stop("write to the port");
		}
	}
}

static void port_read(void *data, size_t size)
{
	/* 0 = the host's side is closed: it is between two QEMU processes, or gone for good. */
	const struct timespec moment = {.tv_nsec = 2000000};
	char *at = data;

	while (size) {
		ssize_t n = read(port, at, size);

		if (n > 0) {
			at += n;
			size -= n;
		} else if (!n) {
			nanosleep(&moment, NULL);
		} else if (errno != EINTR && errno != EAGAIN) {
			stop("read from the port");
		}
	}
}

static void frame_send(uint32_t type, uint32_t sequence, const void *head, size_t head_size,
		       const void *data, size_t size)
{
	static unsigned char buffer[sizeof(struct guest_frame) + 256 + GUEST_CHUNK];
	struct guest_frame frame = {
		.magic = GUEST_MAGIC, .size = head_size + size, .type = type, .sequence = sequence};

	/* One write is one virtqueue buffer chain: much cheaper than three. */
	if (head_size + size <= sizeof(buffer) - sizeof(frame)) {
		memcpy(buffer, &frame, sizeof(frame));
		memcpy(buffer + sizeof(frame), head, head_size);
		memcpy(buffer + sizeof(frame) + head_size, data, size);
		port_write(buffer, sizeof(frame) + head_size + size);
		return;
	}
	port_write(&frame, sizeof(frame));
	port_write(head, head_size);
	port_write(data, size);
}

static void done_send(uint32_t sequence, int rc)
{
	int32_t status = rc;

	frame_send(GUEST_MSG_DONE, sequence, &status, sizeof(status), "", 0);
}

/* --- files ---------------------------------------------------------------------------------- */

static void folders_make(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(path, 0755);
		*slash = '/';
	}
}

/* A string with its NUL at *at, or NULL; moves *at behind it. */
static char *text_take(unsigned char **at, const unsigned char *end)
{
	unsigned char *start = *at;
	unsigned char *stop_at = memchr(start, 0, end - start);

	if (!stop_at)
		return NULL;
	*at = stop_at + 1;
	return (char *)start;
}

static int file_put(unsigned char *data, size_t size)
{
	const unsigned char *end = data + size;
	struct guest_put put;
	char *path;
	int fd;
	int rc = 0;

	if (size < sizeof(put))
		return -EPROTO;
	memcpy(&put, data, sizeof(put));
	data += sizeof(put);
	path = text_take(&data, end);
	if (!path || !*path)
		return -EPROTO;
	folders_make(path);
	if (!put.offset)
		unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	while (data < end) {
		ssize_t n = pwrite(fd, data, end - data, put.offset);

		if (n < 0) {
			rc = -errno;
			goto out;
		}
		data += n;
		put.offset += n;
	}
	if (fchmod(fd, put.mode & 07777))
		rc = -errno;
out:
	close(fd);
	return rc;
}

static int file_get(uint32_t sequence, unsigned char *data, size_t size)
{
	const unsigned char *end = data + size;
	struct guest_data head = {0};
	struct guest_get get;
	struct stat st;
	char *path;
	ssize_t n;
	int fd;

	if (size < sizeof(get))
		return -EPROTO;
	memcpy(&get, data, sizeof(get));
	data += sizeof(get);
	path = text_take(&data, end);
	if (!path || get.size > GUEST_CHUNK)
		return -EPROTO;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = fstat(fd, &st) ? -1 : pread(fd, answer, get.size, get.offset);
	if (n < 0) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	close(fd);
	head.total = st.st_size;
	head.mode = st.st_mode;
	frame_send(GUEST_MSG_DATA, sequence, &head, sizeof(head), answer, n);
	return 0;
}

/* Append the regular files below path to answer; returns the new length, or -errno. */
static ssize_t files_list(const char *path, size_t used)
{
	char below[4096];
	struct dirent *entry;
	ssize_t rc = used;
	DIR *folder;

	folder = opendir(path);
	if (!folder)
		return -errno;
	while (rc >= 0 && (entry = readdir(folder))) {
		struct guest_entry head = {0};
		struct stat st;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) >=
			    (int)sizeof(below) ||
		    lstat(below, &st))
			continue;
		if (S_ISDIR(st.st_mode)) {
			rc = files_list(below, rc);
			continue;
		}
		if (!S_ISREG(st.st_mode))
			continue;
		head.size = st.st_size;
		head.changed = st.st_mtim.tv_sec * 1000000000ull + st.st_mtim.tv_nsec;
		head.mode = st.st_mode;
		head.path_size = strlen(below) + 1;
		if (rc + sizeof(head) + head.path_size > GUEST_CHUNK) {
			rc = -E2BIG;
			break;
		}
		memcpy(answer + rc, &head, sizeof(head));
		memcpy(answer + rc + sizeof(head), below, head.path_size);
		rc += sizeof(head) + head.path_size;
	}
	closedir(folder);
	return rc;
}

static int list(uint32_t sequence, unsigned char *data, size_t size)
{
	struct guest_data head = {0};
	const unsigned char *end = data + size;
	char *path = text_take(&data, end);
	ssize_t n;

	if (!path)
		return -EPROTO;
	n = files_list(path, 0);
	if (n < 0)
		return n;
	frame_send(GUEST_MSG_DATA, sequence, &head, sizeof(head), answer, n);
	return 0;
}

static int link_make(unsigned char *data, size_t size)
{
	const unsigned char *end = data + size;
	char *target = text_take(&data, end);
	char *path = target ? text_take(&data, end) : NULL;

	if (!path || !*path)
		return -EPROTO;
	folders_make(path);
	unlink(path);
	return symlink(target, path) ? -errno : 0;
}

/* --- programs ------------------------------------------------------------------------------- */

/* The kernel's count of processes killed for want of memory (/proc/vmstat). */
static uint64_t oom_kills(void)
{
	unsigned long long count = 0;
	char line[128];
	FILE *in = fopen("/proc/vmstat", "re");

	while (in && fgets(line, sizeof(line), in)) {
		if (sscanf(line, "oom_kill %llu", &count) == 1)
			break;
	}
	if (in)
		fclose(in);
	return count;
}

static void file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		say("%s: %s", path, strerror(errno));
	close(fd);
}

static void pipe_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void child_run(char **arguments, char **environment, const char *folder, const int *streams,
		      int report)
{
	const struct rlimit core = {0, 0};
	sigset_t none;
	int rc;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	file_write("/proc/self/oom_score_adj", "0");
	setrlimit(RLIMIT_CORE, &core);
	for (int i = 0; i < 3; i++)
		dup2(streams[i], i);
	rc = chdir(folder);
	if (!rc)
		execvpe(arguments[0], arguments, environment);
	rc = errno;
	if (write(report, &rc, sizeof(rc)) < 0)
		_exit(126);
	_exit(127);
}

static int program_start(uint32_t sequence, unsigned char *data, size_t size)
{
	int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}}, report[2] = {-1, -1};
	const unsigned char *end = data + size;
	struct guest_exec exec;
	char **arguments = NULL, **environment = NULL;
	const char *folder;
	struct timespec now;
	int streams[3];
	int error;
	pid_t pid;
	int rc = -EPROTO;

	if (program.pid)
		return -EBUSY;
	if (size < sizeof(exec))
		return -EPROTO;
	memcpy(&exec, data, sizeof(exec));
	data += sizeof(exec);
	if (!exec.argument_count || exec.argument_count > size || exec.environment_count > size)
		return -EPROTO;
	folder = text_take(&data, end);
	arguments = calloc(exec.argument_count + 1, sizeof(*arguments));
	environment = calloc(exec.environment_count + 1, sizeof(*environment));
	if (!folder || !arguments || !environment)
		goto out;
	for (uint32_t i = 0; i < exec.argument_count; i++) {
		arguments[i] = text_take(&data, end);
		if (!arguments[i])
			goto out;
	}
	for (uint32_t i = 0; i < exec.environment_count; i++) {
		environment[i] = text_take(&data, end);
		if (!environment[i])
			goto out;
		/* execvpe() looks along the agent's own PATH. */
		if (!strncmp(environment[i], "PATH=", 5))
			setenv("PATH", environment[i] + 5, 1);
	}
	rc = -EMFILE;
	for (int i = 0; i < 3; i++) {
		if (pipe2(pipes[i], O_CLOEXEC))
			goto out;
	}
	if (pipe2(report, O_CLOEXEC))
		goto out;
	streams[0] = pipes[0][0];
	streams[1] = pipes[1][1];
	streams[2] = pipes[2][1];
	if (!(exec.flags & GUEST_EXEC_INPUT))
		pipe_close(&pipes[0][1]); /* an empty pipe, at its end at once */
	program.oom_kills = oom_kills();
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	program.started = now.tv_sec * 1000000000ull + now.tv_nsec;
	pid = fork();
	if (pid < 0) {
		rc = -errno;
		goto out;
	}
	if (!pid)
		child_run(arguments, environment, folder, streams, report[1]);
	pipe_close(&report[1]);
	if (read(report[0], &error, sizeof(error)) == sizeof(error)) {
		waitpid(pid, NULL, 0);
		rc = -error;
		goto out;
	}
	program.pid = pid;
	program.sequence = sequence;
	program.input = pipes[0][1];
	program.output[0] = pipes[1][0];
	program.output[1] = pipes[2][0];
	for (int i = 0; i < 2; i++)
		fcntl(program.output[i], F_SETFL, O_NONBLOCK);
	pipes[0][1] = pipes[1][0] = pipes[2][0] = -1;
	rc = 0;
out:
	for (int i = 0; i < 3; i++) {
		pipe_close(&pipes[i][0]);
		pipe_close(&pipes[i][1]);
	}
	pipe_close(&report[0]);
	pipe_close(&report[1]);
	free(environment);
	free(arguments);
	return rc;
}

/* Send what one stream of the program has; closes it at its end.  Returns whether anything came. */
static bool output_pass(int stream)
{
	static unsigned char piece[64 << 10];
	uint32_t number = stream + 1;
	ssize_t n;

	if (program.output[stream] < 0)
		return false;
	n = read(program.output[stream], piece, sizeof(piece));
	if (n > 0) {
		frame_send(GUEST_MSG_OUTPUT, program.sequence, &number, sizeof(number), piece, n);
		return true;
	}
	if (!n || (errno != EAGAIN && errno != EINTR))
		pipe_close(&program.output[stream]);
	return false;
}

static void program_end(int status)
{
	struct guest_exit over = {0};

	/* Processes it left running would keep the pipes open and disturb the next program. */
	kill(-program.pid, SIGKILL);
	for (int i = 0; i < 2; i++) {
		while (output_pass(i))
			;
		pipe_close(&program.output[i]);
	}
	pipe_close(&program.input);
	if (WIFSIGNALED(status))
		over.signal = WTERMSIG(status);
	else
		over.status = WEXITSTATUS(status);
	over.oom_kills = oom_kills() - program.oom_kills;
	over.started = program.started;
	program.pid = 0;
	frame_send(GUEST_MSG_EXIT, program.sequence, &over, sizeof(over), "", 0);
}

static void children_reap(void)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == program.pid)
			program_end(status);
	}
}

/* --- serving -------------------------------------------------------------------------------- */

static void hello_send(uint32_t sequence)
{
	struct guest_hello hello = {
		.protocol = GUEST_PROTOCOL,
		.page_size = sysconf(_SC_PAGESIZE),
		.cpus = sysconf(_SC_NPROCESSORS_ONLN),
	};
	struct utsname name;
	int fd;

	fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	hello.kvm_version = fd < 0 ? -errno : ioctl(fd, KVM_GET_API_VERSION, 0);
	if (fd >= 0)
		close(fd);
	if (!uname(&name)) {
		snprintf(hello.machine, sizeof(hello.machine), "%.31s", name.machine);
		snprintf(hello.release, sizeof(hello.release), "%.95s", name.release);
	}
	frame_send(GUEST_MSG_HELLO, sequence, &hello, sizeof(hello), "", 0);
}

static void input_pass(const unsigned char *data, size_t size)
{
	if (!size)
		pipe_close(&program.input);
	while (size && program.input >= 0) {
		ssize_t n = write(program.input, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			pipe_close(&program.input);
		else {
			data += n;
			size -= n;
		}
	}
}

static void serve(const struct guest_frame *frame)
{
	uint32_t number;
	int rc;

	switch (frame->type) {
	case GUEST_MSG_HELLO:
		hello_send(frame->sequence);
		return;
	case GUEST_MSG_PING:
		frame_send(GUEST_MSG_PING, frame->sequence, "", 0, body, frame->size);
		return;
	case GUEST_MSG_INPUT:
		input_pass(body, frame->size);
		return;
	case GUEST_MSG_SIGNAL:
		if (frame->size == sizeof(number) && program.pid) {
			memcpy(&number, body, sizeof(number));
			kill(-program.pid, number);
		}
		return;
	case GUEST_MSG_PUT:
		rc = file_put(body, frame->size);
		break;
	case GUEST_MSG_LINK:
		rc = link_make(body, frame->size);
		break;
	case GUEST_MSG_GET:
		rc = file_get(frame->sequence, body, frame->size);
		if (!rc)
			return;
		break;
	case GUEST_MSG_LIST:
		rc = list(frame->sequence, body, frame->size);
		if (!rc)
			return;
		break;
	case GUEST_MSG_EXEC:
		rc = program_start(frame->sequence, body, frame->size);
		if (!rc)
			return;
		break;
	default:
		rc = -EPROTO;
	}
	done_send(frame->sequence, rc);
}

static void frame_take(void)
{
	struct guest_frame frame;

	port_read(&frame, sizeof(frame));
	if (frame.magic != GUEST_MAGIC || frame.size > GUEST_FRAME_MAX) {
		errno = EPROTO;
		stop("frame from the host");
	}
	port_read(body, frame.size);
	serve(&frame);
}

static void serve_forever(int signals)
{
	for (;;) {
		struct pollfd waits[4] = {{.fd = port, .events = POLLIN},
					  {.fd = program.output[0], .events = POLLIN},
					  {.fd = program.output[1], .events = POLLIN},
					  {.fd = signals, .events = POLLIN}};
		struct signalfd_siginfo info;

		if (!program.pid) {
			frame_take();
			continue;
		}
		if (poll(waits, 4, -1) < 0)
			continue;
		for (int i = 0; i < 2; i++) {
			if (waits[1 + i].revents)
				output_pass(i);
		}
		if (waits[3].revents & POLLIN && read(signals, &info, sizeof(info)) > 0)
			children_reap();
		if (waits[0].revents & POLLIN)
			frame_take();
	}
}

/* --- starting ------------------------------------------------------------------------------- */

static const struct {
	const char *type, *path, *options;
} mounts[] = {
	{"devtmpfs", "/dev", ""},
	{"proc", "/proc", ""},
	{"sysfs", "/sys", ""},
	{"devpts", "/dev/pts", "ptmxmode=0666"},
	{"tmpfs", "/dev/shm", ""},
	{"tmpfs", "/run", ""},
	{"tracefs", "/sys/kernel/tracing", ""},
	{"debugfs", "/sys/kernel/debug", ""},
	{"bpf", "/sys/fs/bpf", ""},
	{"securityfs", "/sys/kernel/security", ""},
	{"cgroup2", "/sys/fs/cgroup", ""},
};

static const struct {
	const char *target, *path;
} links[] = {
	{"/proc/self/fd", "/dev/fd"},
	{"/proc/self/fd/0", "/dev/stdin"},
	{"/proc/self/fd/1", "/dev/stdout"},
	{"/proc/self/fd/2", "/dev/stderr"},
};

static void module_load(char *line)
{
	char *parameters = strchr(line, ' ');
	int fd;

	if (parameters)
		*parameters++ = 0;
	fd = open(line, O_RDONLY | O_CLOEXEC);
	/* KVM's module for the other vendor's CPU says EOPNOTSUPP: expected, and the host sees it
	 * in the log. */
	if (fd < 0 || syscall(SYS_finit_module, fd, parameters ? parameters : "", 0))
		say("module %s: %s", line, strerror(errno));
	if (fd >= 0)
		close(fd);
	unlink(line);
}

static void modules_load(void)
{
	char line[1024];
	FILE *in = fopen("/kvmtape/modules", "re");

	while (in && fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = 0;
		module_load(line);
	}
	if (in)
		fclose(in);
}

/* Open the virtio-serial port of our name; it may appear some time after its driver. */
static int port_open(void)
{
	const struct timespec moment = {.tv_nsec = 5000000};

	for (int tries = 0; tries < 400; tries++) {
		DIR *folder = opendir("/sys/class/virtio-ports");
		struct dirent *entry;

		while (folder && (entry = readdir(folder))) {
			char path[320], name[64] = "";
			FILE *in;

			snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name",
				 entry->d_name);
			in = fopen(path, "re");
			if (in && !fgets(name, sizeof(name), in))
				name[0] = 0;
			if (in)
				fclose(in);
			name[strcspn(name, "\n")] = 0;
			if (strcmp(name, GUEST_PORT))
				continue;
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			closedir(folder);
			return open(path, O_RDWR | O_CLOEXEC);
		}
		if (folder)
			closedir(folder);
		nanosleep(&moment, NULL);
	}
	errno = ENODEV;
	return -1;
}

static void loopback_start(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (ioctl(fd, SIOCSIFFLAGS, &request))
		say("lo: %s", strerror(errno));
	close(fd);
}

int main(void)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	sigset_t set;
	int signals;

	umask(0);
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].path, 0755);
		/* Not every kernel has all of them; errors are ignored. */
		mount(mounts[i].type, mounts[i].path, mounts[i].type, 0, mounts[i].options);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (symlink(links[i].target, links[i].path) && errno != EEXIST)
			say("%s: %s", links[i].path, strerror(errno));
	}
	umask(022);
	/* Half of the memory, as is usual, is little for what programs bring along. */
	mount("", "/", NULL, MS_REMOUNT, "size=85%");
	sethostname("guest", 5);
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	file_write("/proc/self/oom_score_adj", "-1000");
	loopback_start();
	modules_load();
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	port = port_open();
	if (port < 0 || signals < 0)
		stop("port " GUEST_PORT);
	hello_send(0);
	serve_forever(signals);
}
