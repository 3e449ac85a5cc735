// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a tape adds up to, on one line for tests in shell: sum FILE.
 */
#include <stdio.h>

#include "kvmtape/tape.h"

int main(int argc, char **argv)
{
	struct tape_reader *reader;
	struct tape_item item;
	unsigned long calls = 0, returns = 0, gaps = 0;
	uint64_t seen = 0, lost = 0;
	int err;

	if (argc != 2)
		return 2;
	err = tape_reader_open(argv[1], &reader);
	if (err) {
		printf("error=%d\n", err);
		return 2;
	}
	while (!(err = tape_reader_next(reader, &item)) && item.type != TAPE_END_OF_FILE) {
		calls += item.type == TAPE_CALL;
		returns += item.type == TAPE_RETURN;
		if (item.type == TAPE_GAP)
			gaps += item.u.gap.events;
		if (item.type == TAPE_END) {
			seen = item.u.end.seen;
			for (int i = 0; i < TAPE_GAP_CAUSES; i++)
				lost += item.u.end.lost[i];
		}
	}
	printf("calls=%lu returns=%lu gaps=%lu seen=%lu lost=%lu complete=%d error=%d\n", calls,
	       returns, gaps, (unsigned long)seen, (unsigned long)lost,
	       tape_reader_complete(reader), err);
	tape_reader_close(reader);
	return 0;
}
