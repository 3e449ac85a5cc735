// SPDX-License-Identifier: BSD-2-Clause
/* Small things about files, commands and error lines. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <elf.h>

#include "base/clock.h"
#include "base/file.h"
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

int guest_left(int64_t then)
{
	int64_t left = then - clock_ms();

	if (then < 0)
		return -1;
	return left < 0 ? 0 : left;
}

int guest_file_read(const char *path, char **data, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return -errno;
	rc = file_read_all(fd, SIZE_MAX, data, size);
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
	rc = file_read_all(out[0], SIZE_MAX, data, size);
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
