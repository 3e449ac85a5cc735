// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where a tape is written to: a new file, a file beside the one that it replaces at the end, a
 * device or FIFO in place, or standard output.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/cli.h"

#define FIFO_US 20000 /* interval of checks for a reader */

static int standard_open(struct cli_output *o)
{
	struct stat st;

	if (isatty(STDOUT_FILENO))
		return cli_error("a tape does not go to a terminal: give a file, or a pipe");
	o->fd = -1;
	/* An open file description of our own can be non-blocking without affecting others. */
	if (!fstat(STDOUT_FILENO, &st) && S_ISFIFO(st.st_mode))
		o->fd = open("/proc/self/fd/1", O_WRONLY | O_CLOEXEC);
	if (o->fd < 0)
		o->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	/*
	 * From here on only the tape goes there: other output, also of COMMAND, goes to standard
	 * error.
	 */
	if (o->fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return cli_error("standard output: %s", strerror(errno));
	return CLI_OK;
}

/* Opening a FIFO without a reader blocks, and no signal handler could end that. */
static int fifo_open(struct cli_output *o, const volatile sig_atomic_t *stop)
{
	int flags;

	for (;;) {
		o->fd = open(o->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		if (o->fd >= 0 || (errno != ENXIO && errno != EINTR) || (stop && *stop))
			break;
		usleep(FIFO_US);
	}
	if (o->fd < 0)
		return stop && *stop ? cli_error("%s: nobody reads it", o->path)
				     : cli_error("%s: %s", o->path, strerror(errno));
	flags = fcntl(o->fd, F_GETFL);
	fcntl(o->fd, F_SETFL, flags & ~O_NONBLOCK);
	return CLI_OK;
}

/* A file in the folder of the old one, so that it can take its place. */
static int beside_open(struct cli_output *o)
{
	o->target = realpath(o->path, NULL);
	if (!o->target || asprintf(&o->beside, "%s.XXXXXX", o->target) < 0) {
		o->beside = NULL;
		return cli_error("%s: %s", o->path, strerror(errno));
	}
	o->fd = mkostemp(o->beside, O_CLOEXEC);
	if (o->fd >= 0)
		return CLI_OK;
	cli_error("%s: %s", o->beside, strerror(errno));
	free(o->beside);
	o->beside = NULL;
	return CLI_ERROR;
}

int cli_output_open(struct cli_output *o, const char *path, bool force, const char *input,
		    const volatile sig_atomic_t *stop)
{
	struct stat in, out;

	*o = (struct cli_output){.path = path, .fd = -1};
	if (!strcmp(path, "-"))
		return standard_open(o);
	if (stat(path, &out)) {
		o->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		o->made = o->fd >= 0;
		return o->made ? CLI_OK : cli_error("%s: %s", path, strerror(errno));
	}
	/* Writing to a pipe or terminal overwrites nothing; to a file or disk it does. */
	if (!force && (S_ISREG(out.st_mode) || S_ISBLK(out.st_mode)))
		return cli_error("%s: exists; --force replaces it", path);
	if (input && !stat(input, &in) && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
		return cli_error("%s: is the file that is read; give another --output", path);
	if (S_ISREG(out.st_mode))
		return beside_open(o);
	if (S_ISFIFO(out.st_mode))
		return fifo_open(o, stop);
	o->fd = open(path, O_WRONLY | O_CLOEXEC);
	return o->fd < 0 ? cli_error("%s: %s", path, strerror(errno)) : CLI_OK;
}

int cli_output_close(struct cli_output *o, enum cli_output_fate fate)
{
	int code = CLI_OK;

	if (o->fd >= 0 && close(o->fd)) {
		code = cli_error("%s: %s", o->path, strerror(errno));
		if (fate == CLI_OUTPUT_DONE)
			fate = CLI_OUTPUT_PARTIAL;
	}
	o->fd = -1;
	if (fate == CLI_OUTPUT_DONE && o->beside && rename(o->beside, o->target)) {
		code = cli_error("%s: %s", o->path, strerror(errno));
		fate = CLI_OUTPUT_PARTIAL;
	}
	if (fate == CLI_OUTPUT_DROPPED && o->beside)
		unlink(o->beside);
	else if (fate == CLI_OUTPUT_DROPPED && o->made)
		unlink(o->path);
	if (fate == CLI_OUTPUT_PARTIAL && o->beside)
		cli_note("%s is as it was; what was written is in %s", o->path, o->beside);
	free(o->beside);
	free(o->target);
	*o = (struct cli_output){.fd = -1};
	return code;
}

int cli_file_copy(int from, int to, const char *path)
{
	char buf[64 << 10];
	ssize_t n;

	if (lseek(from, 0, SEEK_SET))
		return cli_error("%s: %s", path, strerror(errno));
	while ((n = read(from, buf, sizeof(buf))) > 0) {
		int rc = file_write_all(to, buf, (size_t)n);

		if (rc)
			return cli_error("%s: %s", path, strerror(-rc));
	}
	return n < 0 ? cli_error("%s: %s", path, strerror(errno)) : CLI_OK;
}

bool cli_is_regular(const char *path)
{
	struct stat st;

	return strcmp(path, "-") && !stat(path, &st) && S_ISREG(st.st_mode);
}

bool cli_output_is_fifo(const struct cli_output *o)
{
	struct stat st;

	return !fstat(o->fd, &st) && S_ISFIFO(st.st_mode);
}
