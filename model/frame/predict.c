/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Results made up of answers: what an answer demands is what the return becomes.  The judge then
 * holds the one against the other, so what comes out is what the rules accept, if they do not
 * contradict each other.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "kvmapi/kvm_newer.h"
#include "kvmapi/run_page.h"
#include "model/frame/frame.h"

enum {
	BYTES_MAX = 1 << 20, /* of all parts of a result */
};

void model_result_release(struct model_result *r)
{
	free(r->bytes);
	memset(r, 0, sizeof(*r));
}

/* --- the result before the rules had their say --- */

static struct tape_part *part_add(struct model_result *r, uint8_t role, size_t *used, uint32_t size,
				  const struct tape_part *like)
{
	struct tape_part *p;
	uint32_t copied = like ? (like->have < size ? like->have : size) : 0;

	if (r->ret.part_count == MODEL_RESULT_PARTS || *used + size > r->room)
		return NULL;
	p = &r->parts[r->ret.part_count++];
	*p = (struct tape_part){.role = role, .want = size, .have = size, .data = r->bytes + *used};
	if (copied)
		memcpy(r->bytes + *used, like->data, copied);
	memset(r->bytes + *used + copied, 0, size - copied);
	*used += (size + 7) & ~(size_t)7;
	return p;
}

static uint64_t number_in(const struct model *m, const struct tape_part *in, size_t offset,
			  size_t width)
{
	if (!in || offset + width > in->have)
		return 0;
	return bytes_get(in->data + offset, width, model_facts_of(m)->big_endian);
}

/* How long the buffer behind a pointer is; 0 where only the kernel knows. */
static uint64_t nested_size(const struct model *m, const struct tape_call *call,
			    const struct kvmapi_nested *n, uint32_t shift,
			    const struct tape_part *in)
{
	uint64_t field = number_in(m, in, shift + n->len_offset, n->len_width);

	if (!number_in(m, in, shift + n->ptr_offset, 8))
		return 0;
	switch (n->length) {
	case KVMAPI_LEN_CONST:
		return n->unit;
	case KVMAPI_LEN_BYTES:
		return field > BYTES_MAX ? 0 : field * n->unit;
	case KVMAPI_LEN_ONE_REG:
		return 1ull << ((field >> 52) & 15);
	case KVMAPI_LEN_ATTR:
		return kvmapi_attr_size(model_facts_of(m)->arch, call->kind, number_in(m, in, 4, 4),
					number_in(m, in, 8, 8));
	default:
		return 0;
	}
}

/* The argument cannot be read or written. */
static bool faults(const struct tape_call *call, const struct tape_part *in)
{
	if (!call->row || call->row->payload == KVMAPI_VALUE ||
	    call->row->payload == KVMAPI_RUNPAGE)
		return false;
	return !call->arg || (in && in->flags & TAPE_PART_FAULT);
}

static void result_run(const struct model *m, const struct tape_call *call, struct model_result *r,
		       size_t *used)
{
	const struct tape_part *in = tape_part_find(call->parts, call->part_count, TAPE_RUN_IN);
	const uint64_t immediate = number_in(m, in, RUN_IMMEDIATE, 1);
	struct tape_part *out = part_add(r, TAPE_RUN_OUT, used, KVMAPI_RUN_UNION, in);
	uint32_t reason = immediate ? KVM_EXIT_INTR : KVM_EXIT_HLT;

	r->ret.ret = immediate ? -EINTR : 0;
	if (!out)
		return;
	bytes_put(r->bytes + RUN_EXIT_REASON, reason, 4, model_facts_of(m)->big_endian);
	/* What cr8 and apic_base are is told by other calls, too. */
	out->have = RUN_CR8;
}

static void result_begin(const struct model *m, const struct tape_call *call,
			 const struct tape_object *created, struct model_result *r)
{
	const struct kvmapi_ioctl *row = call->row;
	const struct tape_part *in = tape_part_find(call->parts, call->part_count, TAPE_ARG_IN);
	unsigned int number = 0;
	struct tape_part *out;
	size_t used = 0;

	r->ret = (struct tape_return){.call = call, .parts = r->parts};
	if (!row)
		return;
	if (row->payload == KVMAPI_RUNPAGE) {
		result_run(m, call, r, &used);
		return;
	}
	if (created) {
		r->ret.created = created->id;
		r->ret.ret = row->fd_offset < 0 ? created->fd : 0;
	}
	if (!strcmp(row->name, "KVM_GET_MSRS") || !strcmp(row->name, "KVM_SET_MSRS"))
		r->ret.ret = number_in(m, in, row->count_offset, row->count_width);
	if (faults(call, in)) {
		r->ret.ret = -EFAULT;
		r->ret.created = 0;
		if (row->dir & KVMAPI_OUT) {
			r->parts[r->ret.part_count++] = (struct tape_part){
				.role = TAPE_ARG_OUT, .want = row->size, .flags = TAPE_PART_FAULT};
		}
		return;
	}
	if (row->dir & KVMAPI_OUT && row->payload != KVMAPI_VALUE) {
		out = part_add(r, TAPE_ARG_OUT, &used,
			       in && in->want > row->size ? in->want : row->size, in);
		if (out && created && row->fd_offset >= 0 && row->fd_offset + 4u <= out->have)
			bytes_put(r->bytes + row->fd_offset, (uint32_t)created->fd, 4,
				  model_facts_of(m)->big_endian);
	}
	for (unsigned int i = 0; i < row->nested_count; i++) {
		const struct kvmapi_nested *n = &row->nested[i];

		for (unsigned int k = 0; k < n->repeat; k++, number++) {
			uint64_t size = nested_size(m, call, n, k * n->stride, in);

			if (n->dir & KVMAPI_OUT && size && size <= BYTES_MAX)
				part_add(r, TAPE_NESTED_OUT + number, &used, size, NULL);
		}
	}
}

/* A call that fails writes nothing but, at times, into what it also read. */
static void result_end(struct model_result *r)
{
	const struct kvmapi_ioctl *row = r->ret.call->row;
	unsigned int kept = 0;

	if (r->ret.ret < 0)
		r->ret.created = 0;
	for (unsigned int i = 0; i < r->ret.part_count; i++) {
		struct tape_part *p = &r->parts[i];

		/* KVM_RUN that is refused does not touch its page. */
		if (r->ret.ret < 0 && p->role == TAPE_RUN_OUT && r->ret.ret != -EINTR)
			continue;
		if (r->ret.ret < 0 && p->have && p->role != TAPE_RUN_OUT &&
		    (p->role != TAPE_ARG_OUT || !(row->dir & KVMAPI_IN)))
			continue;
		r->parts[kept++] = *p;
	}
	r->ret.part_count = kept;
}

int model_predict(struct model *m, const struct tape_call *call, const struct tape_object *created,
		  struct model_result *r)
{
	bool contradicted;
	int err;

	if (!r->bytes) {
		r->bytes = malloc(BYTES_MAX);
		if (!r->bytes)
			return -ENOMEM;
		r->room = BYTES_MAX;
	}
	result_begin(m, call, created, r);
	err = model_make_return(m, &r->ret, &contradicted);
	if (err)
		return err;
	result_end(r);
	return contradicted ? -EAGAIN : 0;
}
