// SPDX-License-Identifier: BSD-2-Clause
/*
 * The player as a child process of ours, on this machine's /dev/kvm: its objects go with the
 * process, and one that does not end is killed.
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
#include "replayer/live/internal.h"

/* Read the child's output until it closes it or the time is over. */
static int output_read(int fd, unsigned int timeout, struct player_bytes *said)
{
	int64_t until = clock_ms() + timeout * 1000ll;
	static uint8_t piece[65536];
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
			rc = player_bytes_put(said, piece, n);
	}
	return rc;
}

static void child_run(const void *program, size_t size, int out)
{
	/* The child must not outlive its parent. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	_exit(player_run(program, size, out) ? 2 : 0);
}

int live_host_play(void *context, const void *program, size_t size, unsigned int timeout,
		   struct live_output *output)
{
	struct player_bytes said = {0};
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
	rc = output_read(pipes[0], timeout, &said);
	output->data = said.data;
	output->size = said.used;
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
