/* SPDX-License-Identifier: BSD-2-Clause */
/* Tapes in memory, for targets. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/target_file.h"

const struct tape_writer_options fuzz_file_options = TAPE_WRITER_OPTIONS(.level = 1);

int fuzz_file_new(void)
{
	return memfd_create("tape", MFD_CLOEXEC);
}

bool fuzz_file_clear(int fd)
{
	return !ftruncate(fd, 0) && !lseek(fd, 0, SEEK_SET);
}

bool fuzz_file_map(int fd, struct fuzz_file_bytes *b)
{
	off_t size = lseek(fd, 0, SEEK_END);

	b->data = NULL;
	b->size = size > 0 ? (size_t)size : 0;
	if (b->size)
		b->data = mmap(NULL, b->size, PROT_READ, MAP_SHARED, fd, 0);
	return b->data != MAP_FAILED;
}

void fuzz_file_unmap(struct fuzz_file_bytes *b)
{
	if (b->data && b->data != MAP_FAILED)
		munmap(b->data, b->size);
	b->data = NULL;
}

bool fuzz_file_same(int one, int other)
{
	struct fuzz_file_bytes a, b = {0};
	bool same = fuzz_file_map(one, &a) && fuzz_file_map(other, &b) && a.size == b.size &&
		    (!a.size || !memcmp(a.data, b.data, a.size));

	fuzz_file_unmap(&a);
	fuzz_file_unmap(&b);
	return same;
}

int fuzz_file_canonical(int from, int to)
{
	struct tape_reader *r = NULL;
	int err;

	if (lseek(from, 0, SEEK_SET) || !fuzz_file_clear(to))
		return -EIO;
	err = tape_reader_open_fd(from, &r);
	if (!err)
		err = tape_canonicalise(r, to, &fuzz_file_options);
	tape_reader_close(r);
	return err;
}
