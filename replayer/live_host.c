// SPDX-License-Identifier: BSD-2-Clause
/*
 * The player as a child process of ours, on this machine's /dev/kvm: whatever it holds goes with
 * it, and one that does not end is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "replayer/live_internal.h"

static int output_add(struct live_output *output, size_t *room, const void *data, size_t size)
{
	if (output->size + size > *room) {
		size_t more = (output->size + size) * 2;
		uint8_t *bytes = realloc(output->data, more);

		if (!bytes)
			return -ENOMEM;
		output->data = bytes;
		*room = more;
	}
	memcpy(output->data + output->size, data, size);
	output->size += size;
	return 0;
}

/* Everything the child says, until it closes its end or the time is over. */
static int output_read(int fd, unsigned int timeout, struct live_output *output)
{
	int64_t until = clock_ms() + timeout * 1000ll;
	static uint8_t piece[65536];
	size_t room = 0;
	int rc = 0;

	while (!rc) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int64_t left = until - clock_ms();
		ssize_t n;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&wait, 1, left) <= 0)
			continue;
		n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno != EINTR)
			rc = -errno;
		else if (!n)
			break;
		else if (n > 0)
			rc = output_add(output, &room, piece, n);
	}
	return rc;
}

static void child_run(const void *program, size_t size, int out)
{
	/* Without its parent nobody would read, or end it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	_exit(player_run(program, size, out) ? 2 : 0);
}

int live_host_play(void *context, const void *program, size_t size, unsigned int timeout,
		   struct live_output *output)
{
	int pipes[2], status = 0;
	pid_t pid;
	int rc;

	memset(output, 0, sizeof(*output));
	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		rc = -errno;
		close(pipes[0]);
		close(pipes[1]);
		return rc;
	}
	if (!pid) {
		close(pipes[0]);
		child_run(program, size, pipes[1]);
	}
	close(pipes[1]);
	rc = output_read(pipes[0], timeout, output);
	close(pipes[0]);
	if (rc)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc == -ETIMEDOUT) {
		snprintf(output->end, sizeof(output->end),
			 "the player did not end within %u s and was killed", timeout);
	} else if (!rc && WIFSIGNALED(status)) {
		snprintf(output->end, sizeof(output->end), "the player was ended by signal %d",
			 WTERMSIG(status));
		rc = -ENOTCONN;
	}
	return rc;
}
