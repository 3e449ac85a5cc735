/* SPDX-License-Identifier: BSD-2-Clause */
/* All of a file in one call.  Signals that interrupt it make no difference. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>

/*
 * Read a descriptor from its current position to the end into *data; a zero byte follows, which
 * *size does not count. 0, and then the caller frees *data; -EFBIG (there are more than `most`
 * bytes), -ENOMEM, another -errno of read(2), and then *data is NULL.
 */
int file_read_all(int fd, size_t most, char **data, size_t *size);
/* All of it to a descriptor.  0; -errno of write(2), and then a part may be written. */
int file_write_all(int fd, const void *data, size_t size);

#endif
