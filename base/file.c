/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"

#define ROOM_MIN (64 << 10)

/* What is left of a regular file, at most what is wanted; of other files it is not known. */
static size_t left_of(int fd, size_t most)
{
	struct stat st;
	off_t at = lseek(fd, 0, SEEK_CUR);

	if (at < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size <= at)
		return ROOM_MIN;
	return (size_t)(st.st_size - at) < most ? (size_t)(st.st_size - at) : most;
}

int file_read_all(int fd, size_t most, char **data, size_t *size)
{
	/* For a regular file, one more read finds its end. */
	size_t want = left_of(fd, most) + 2, room = 0;
	char *all = NULL;
	int err = 0;

	*size = 0;
	while (!err) {
		ssize_t n = 0;

		err = array_reserve((void **)&all, &room, *size + 2 > want ? *size + 2 : want, 1);
		if (!err)
			n = read(fd, all + *size, room - *size - 1);
		if (n < 0 && errno != EINTR)
			err = -errno;
		if (n > 0)
			*size += (size_t)n;
		if (*size > most)
			err = -EFBIG;
		if (!n)
			break;
	}
	if (err) {
		free(all);
		all = NULL;
	} else {
		all[*size] = 0;
	}
	*data = all;
	return err;
}

int file_write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}
