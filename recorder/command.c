// SPDX-License-Identifier: BSD-2-Clause
/*
 * COMMAND: a child that is followed from its first instruction on.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "recorder/internal.h"

int recorder_command_check(const char *name)
{
	const char *path = getenv("PATH");
	char candidate[4096];
	int err = -ENOENT;

	if (!name[0])
		return -ENOENT;
	if (strchr(name, '/'))
		return access(name, X_OK) ? -errno : 0;
	if (!path)
		return 0; /* execvp() has a path of its own */
	for (;;) {
		size_t len = strcspn(path, ":");

		snprintf(candidate, sizeof(candidate), "%.*s/%s", len ? (int)len : 1,
			 len ? path : ".", name);
		if (!access(candidate, X_OK))
			return 0;
		if (errno == EACCES)
			err = -EACCES;
		if (!path[len])
			break;
		path += len + 1;
	}
	return err;
}

void recorder_signals_save(struct recorder_signals *s)
{
	struct sigaction action;

	memset(s, 0, sizeof(*s));
	for (int number = 1; number < RECORDER_SIGNALS; number++)
		s->ignored[number] =
			!sigaction(number, NULL, &action) && action.sa_handler == SIG_IGN;
	sigprocmask(SIG_SETMASK, NULL, &s->mask);
}

/* In the child: ignored signals stay ignored over exec(); our handlers do not survive it. */
static void restore_signals(const struct recorder_signals *s)
{
	for (int number = 1; number < RECORDER_SIGNALS; number++) {
		struct sigaction action = {.sa_handler = s->ignored[number] ? SIG_IGN : SIG_DFL};

		sigaction(number, &action, NULL);
	}
	sigprocmask(SIG_SETMASK, &s->mask, NULL);
}

bool recorder_invoking_user(uid_t *uid, gid_t *gid)
{
	const char *user = getenv("SUDO_UID"), *group = getenv("SUDO_GID");
	char *user_end, *group_end;
	unsigned long u, g;

	if (geteuid() || !user || !group)
		return false;
	u = strtoul(user, &user_end, 10);
	g = strtoul(group, &group_end, 10);
	if (!*user || *user_end || !*group || *group_end || u >= UINT32_MAX || g >= UINT32_MAX)
		return false;
	*uid = (uid_t)u;
	*gid = (gid_t)g;
	return u != 0;
}

/* In the child: drop the privileges that sudo gave us. 0 or -errno. */
static int become_invoking_user(void)
{
	struct passwd *user;
	uid_t uid;
	gid_t gid;
	int err;

	if (!recorder_invoking_user(&uid, &gid))
		return 0;
	user = getpwuid(uid);
	err = user ? initgroups(user->pw_name, gid) : setgroups(1, &gid);
	if (err || setgid(gid) || setuid(uid))
		return -errno;
	if (user) {
		setenv("USER", user->pw_name, 1);
		setenv("LOGNAME", user->pw_name, 1);
		setenv("HOME", user->pw_dir, 1);
	}
	return 0;
}

/* In the child.  Does not return. */
static void become(const struct recorder_options *options, int go, int error, int kvm,
		   uint64_t cookie, const struct rlimit *memlock)
{
	char byte;
	ssize_t n;
	int err;

	do {
		n = read(go, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(127);
	/* KVM has no such request, but the eBPF program sees it. */
	ioctl(kvm, RECORD_JOIN, cookie);
	setrlimit(RLIMIT_MEMLOCK, memlock);
	err = options->as_root ? 0 : -become_invoking_user();
	if (!err) {
		execvp(options->argv[0], options->argv);
		err = errno;
	}
	do {
		n = write(error, &err, sizeof(err));
	} while (n < 0 && errno == EINTR);
	_exit(127);
}

int recorder_command_fork(struct recorder_command *c, const struct recorder_options *options,
			  int kvm, uint64_t cookie, const struct rlimit *memlock)
{
	int go[2], error[2];
	int err;

	if (pipe2(go, O_CLOEXEC))
		return -errno;
	if (pipe2(error, O_CLOEXEC)) {
		err = -errno;
		goto close_go;
	}
	c->pid = fork();
	if (c->pid < 0) {
		err = -errno;
		c->pid = 0;
		goto close_error;
	}
	if (!c->pid) {
		restore_signals(&options->signals);
		close(go[1]);
		close(error[0]);
		become(options, go[0], error[1], kvm, cookie, memlock);
	}
	close(go[0]);
	close(error[1]);
	c->go = go[1];
	c->error = error[0];
	return 0;

close_error:
	close(error[0]);
	close(error[1]);
close_go:
	close(go[0]);
	close(go[1]);
	return err;
}

int recorder_command_go(struct recorder_command *c)
{
	int error = 0;
	ssize_t n;

	do {
		n = write(c->go, "", 1);
	} while (n < 0 && errno == EINTR);
	close(c->go);
	c->go = -1;
	do {
		n = read(c->error, &error, sizeof(error));
	} while (n < 0 && errno == EINTR);
	close(c->error);
	c->error = -1;
	if (n == sizeof(error)) {
		waitpid(c->pid, &c->status, 0);
		c->ended = true;
		return -error;
	}
	return 0;
}

bool recorder_command_ended(struct recorder_command *c)
{
	if (!c->ended && c->pid && waitpid(c->pid, &c->status, WNOHANG) == c->pid)
		c->ended = true;
	return c->ended;
}

void recorder_command_release(struct recorder_command *c)
{
	if (c->go >= 0)
		close(c->go);
	if (c->error >= 0)
		close(c->error);
	if (c->go >= 0 && c->pid && !c->ended)
		waitpid(c->pid, &c->status, 0);
}
