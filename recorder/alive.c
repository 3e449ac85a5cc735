// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bytes that the kernel neither read nor wrote are the program's own memory and do not belong on
 * the tape. Structs are captured as a whole, so such bytes are removed here.
 */
#include "recorder/internal.h"

int recorder_write_call(struct tape_writer *writer, struct tape_live *live,
			const struct tape_call *call)
{
	struct tape_part parts[TAPE_ROLES];
	struct tape_call alive = *call;
	int err;

	if (!live)
		return tape_writer_call(writer, call);
	alive.parts = parts;
	err = tape_live_call(live, call, parts);
	return err ? err : tape_writer_call(writer, &alive);
}

int recorder_write_return(struct tape_writer *writer, struct tape_live *live, uint32_t thread,
			  const struct tape_return *ret)
{
	struct tape_part parts[TAPE_ROLES];
	struct tape_return alive = *ret;
	int err;

	if (!live)
		return tape_writer_return(writer, thread, ret);
	alive.parts = parts;
	err = tape_live_return(live, thread, ret, parts);
	return err ? err : tape_writer_return(writer, thread, &alive);
}
