/* SPDX-License-Identifier: BSD-2-Clause */
/* Walk through the events of a tape: show those of one ioctl, count them and their failures.  cc events.c $(pkg-config --cflags --libs kvmtape) */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kvmtape/tape.h>

int main(int argc, char **argv)
{
	struct tape_reader *tape;
	struct tape_item item = {0};
	unsigned long calls = 0, failed = 0;
	int err = argc >= 2 ? tape_reader_open(argv[1], &tape) : -EINVAL;

	if (err) {
		fprintf(stderr, "events TAPE [IOCTL]: %s\n", tape_strerror(err));
		return 2;
	}
	while (!(err = tape_reader_next(tape, &item)) && item.type != TAPE_END_OF_FILE) {
		const struct kvmapi_ioctl *row =
			item.type == TAPE_RETURN ? item.u.ret->call->row : NULL;
		char *text;

		if (!row || (argc > 2 && strcmp(row->name, argv[2])))
			continue;
		calls++;
		failed += item.u.ret->ret < 0;
		/* Each call of the ioctl that was asked for is shown. */
		if (argc > 2 && !tape_event_text(tape, item.u.ret, false, &text)) {
			puts(text);
			free(text);
		}
	}
	printf("%lu calls, %lu failed\n", calls, failed);
	if (err)
		fprintf(stderr, "events: %s: %s\n", tape_reader_where(tape), tape_strerror(err));
	tape_reader_close(tape);
	return err ? 2 : 0;
}
