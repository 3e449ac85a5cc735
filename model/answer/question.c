/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/answer/question.h"

#include <endian.h>
#include <string.h>

/* The last kernel that was read. */
#define NEWEST MODEL_KERNEL(7, 2)

bool q_newer(const struct question *q)
{
	return q->facts->kernel > NEWEST;
}

bool q_maybe_newer(const struct question *q)
{
	return !q->facts->kernel || q_newer(q);
}

enum state_tri q_lacks(const struct question *q, uint32_t cap)
{
	const int32_t answer = q_cap(q, cap);

	return answer == 0 ? STATE_YES : answer < 0 ? STATE_UNKNOWN : STATE_NO;
}

enum state_tri q_back_end(const struct question *q, uint8_t mask)
{
	if (!(q->facts->back_ends & mask))
		return STATE_NO;
	return q->facts->other_back_end || q->facts->back_ends & ~mask ? STATE_UNKNOWN : STATE_YES;
}

bool q_vcpu_ran(const struct question *q)
{
	return q->vcpu &&
	       (q->vcpu->running || q->vcpu->last_run_end > q->entered || q->vcpu->unseen_run);
}

bool q_vm_running(const struct question *q)
{
	return q->vm->running || state_vm_unseen_run(q->vm);
}

bool q_vm_ran(const struct question *q)
{
	return q->vm && (q_vm_running(q) || q->vm->last_run_end > q->entered);
}

enum state_tri q_vcpu_has_run(const struct question *q)
{
	if (q->vcpu->has_run != STATE_YES)
		return q->vcpu->has_run;
	return q->vcpu->first_run < q->entered ? STATE_YES : STATE_UNKNOWN;
}

uint64_t q_number(const struct question *q, const uint8_t *bytes, size_t width)
{
	uint64_t n = 0;
	uint32_t word;

	/* Nearly all fields there are. */
	if (!q->facts->big_endian && width == sizeof(n)) {
		memcpy(&n, bytes, sizeof(n));
		return le64toh(n);
	}
	if (!q->facts->big_endian && width == sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		return le32toh(word);
	}
	if (q->facts->big_endian) {
		for (size_t i = 0; i < width; i++)
			n = n << 8 | bytes[i];
	} else {
		for (size_t i = width; i-- > 0;)
			n = n << 8 | bytes[i];
	}
	return n;
}

bool q_field(const struct question *q, const struct tape_part *part, size_t offset, size_t width,
	     uint64_t *value)
{
	if (!part || offset + width > part->have)
		return false;
	*value = q_number(q, part->data + offset, width);
	return true;
}

bool role_is_out(enum tape_role role)
{
	return role == TAPE_ARG_OUT || role == TAPE_RUN_OUT || role == TAPE_RUN_REGS_OUT ||
	       role == TAPE_PIO_OUT || role >= TAPE_NESTED_OUT;
}

const struct tape_part *q_part(const struct question *q, enum tape_role role)
{
	const struct tape_part *p = tape_part_find(q->call->parts, q->call->part_count, role);

	if (!p && q->late && !role_is_out(role))
		p = tape_part_find(q->late->parts, q->late->part_count, role);
	return p;
}

/* A guest may have run during the call: of the vCPU that it is on, or of the VM. */
bool q_ran(const struct question *q)
{
	return q->vcpu ? q_vcpu_ran(q) : q_vm_ran(q);
}
