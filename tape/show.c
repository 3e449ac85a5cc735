// SPDX-License-Identifier: BSD-2-Clause
#include "base/bytes.h"
#include "tape/show.h"

struct tape_sides tape_sides_of(const struct tape_return *ret, enum tape_role in,
				enum tape_role out)
{
	const struct tape_part *late = tape_part_find(ret->parts, ret->part_count, in);
	struct tape_sides sides = {
		.in = tape_part_find(ret->call->parts, ret->call->part_count, in),
		.out = tape_part_find(ret->parts, ret->part_count, out),
	};

	if (late && (!sides.in || !sides.in->have))
		sides.in = late;
	return sides;
}

struct kvmapi_owner tape_owner(const struct tape_reader *r, uint32_t object)
{
	const struct tape_object *o = tape_reader_object(r, object);

	return o ? (struct kvmapi_owner){.kind = o->kind, .number = o->number}
		 : (struct kvmapi_owner){0};
}

bool tape_part_whole(const struct tape_part *part)
{
	return part && part->have == part->want && !part->flags;
}

bool tape_event_is_run(const struct tape_call *call)
{
	return call->row && call->row->payload == KVMAPI_RUNPAGE;
}

uint64_t tape_part_number(const struct tape_env *env, const struct tape_part *part, size_t offset,
			  unsigned int bytes)
{
	return bytes_get(part->data + offset, bytes, kvmapi_arch_big_endian(env->arch));
}
