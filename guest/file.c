// SPDX-License-Identifier: BSD-2-Clause
/* Small things about files, commands, time and error lines. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <elf.h>

#include "guest/internal.h"

int guest_fail(struct guest_error *error, int rc, const char *format, ...)
{
	va_list args;

	if (error) {
		va_start(args, format);
		vsnprintf(error->text, sizeof(error->text), format, args);
		va_end(args);
	}
	return rc;
}

int64_t guest_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

int guest_left(int64_t then)
{
	int64_t left = then - guest_now();

	if (then < 0)
		return -1;
	return left < 0 ? 0 : left;
}

/* Read fd to its end. */
static int stream_read(int fd, char **data, size_t *size)
{
	size_t capacity = 64 << 10;
	char *all = malloc(capacity);
	size_t used = 0;
	int rc;

	while (all) {
		ssize_t n = read(fd, all + used, capacity - used - 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			rc = -errno;
			free(all);
			return rc;
		}
		if (!n) {
			all[used] = 0;
			*data = all;
			*size = used;
			return 0;
		}
		used += n;
		if (used + 1 == capacity) {
			char *more = realloc(all, capacity * 2);

			if (!more)
				break;
			all = more;
			capacity *= 2;
		}
	}
	free(all);
	return -ENOMEM;
}

int guest_file_read(const char *path, char **data, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return -errno;
	rc = stream_read(fd, data, size);
	close(fd);
	return rc;
}

enum guest_arch guest_elf_arch(const void *data, size_t size)
{
	const Elf64_Ehdr *head = data;
	enum guest_arch arch;

	if (size < sizeof(*head) || memcmp(head->e_ident, ELFMAG, SELFMAG) ||
	    head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_ident[EI_DATA] != ELFDATA2LSB)
		return GUEST_ARCH_COUNT;
	for (arch = 0; arch < GUEST_ARCH_COUNT; arch++) {
		if (head->e_machine == guest_machines[arch].elf_machine)
			break;
	}
	return arch;
}

int guest_command_read(const char *const *arguments, char **data, size_t *size)
{
	int out[2];
	int status;
	pid_t pid;
	int rc;

	if (pipe2(out, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(out[1], 1);
		dup2(null, 2);
		execvp(arguments[0], (char *const *)arguments);
		_exit(127);
	}
	close(out[1]);
	if (pid < 0) {
		close(out[0]);
		return -EAGAIN;
	}
	rc = stream_read(out[0], data, size);
	close(out[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc)
		return rc;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	free(*data);
	*data = NULL;
	return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT : -EIO;
}

int guest_folders_make(const char *path)
{
	char copy[GUEST_PATH_MAX];

	if (snprintf(copy, sizeof(copy), "%s/", path) >= (int)sizeof(copy))
		return -ENAMETOOLONG;
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(copy, 0755) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}
