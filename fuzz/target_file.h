/* SPDX-License-Identifier: BSD-2-Clause */
/* Tapes in memory, for targets: files without a name. */
#ifndef FUZZ_TARGET_FILE_H
#define FUZZ_TARGET_FILE_H

#include <errno.h>

#include "kvmtape/tape.h"

/* An empty one; -1. */
int fuzz_file_new(void);
/* Empty, and at its beginning. */
bool fuzz_file_clear(int fd);

struct fuzz_file_bytes {
	void *data;
	size_t size;
};
/* All of its bytes; to be unmapped whatever is returned. */
bool fuzz_file_map(int fd, struct fuzz_file_bytes *b);
void fuzz_file_unmap(struct fuzz_file_bytes *b);
bool fuzz_file_same(int one, int other);
/* How targets have tapes written: what is packed less well takes less memory, and time. */
extern const struct tape_writer_options fuzz_file_options;
/* The canonical form of a tape.  0 or an error. */
int fuzz_file_canonical(int from, int to);

#endif
