// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>

#include "base/hash.h"
#include "fuzz/tape_dump.h"

/* Long bytes by their sum (FNV-1a): a line should stay one that a person can read. */
static void dump_bytes(FILE *out, const uint8_t *data, uint32_t len)
{
	static const char digits[] = "0123456789abcdef";

	if (len > 128) {
		fprintf(out, "sum %llx", (unsigned long long)hash64_add(HASH64_BEGIN, data, len));
		return;
	}
	for (uint32_t b = 0; b < len; b++) {
		fputc(digits[data[b] >> 4], out);
		fputc(digits[data[b] & 15], out);
	}
}

static void dump_parts(FILE *out, const struct tape_part *parts, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct tape_part *p = &parts[i];

		fprintf(out, " [%u flags %u want %u addr %llx have %u", p->role, p->flags, p->want,
			(unsigned long long)p->addr, p->have);
		if (p->have)
			fputs(": ", out);
		dump_bytes(out, p->data, p->have);
		fputc(']', out);
	}
}

static void dump_call(FILE *out, const struct tape_call *call)
{
	fprintf(out, "%llu at %llu thread %u object %u kind %u request %x arg %llx",
		(unsigned long long)call->index, (unsigned long long)call->time, call->thread,
		call->object, call->kind, call->request, (unsigned long long)call->arg);
	dump_parts(out, call->parts, call->part_count);
}

void tape_dump_env(FILE *out, const struct tape_env *env)
{
	fprintf(out, "environment arch %u page %u shift %u%s%s\n", env->arch, env->page_size,
		env->clock_shift, env->timeless ? " timeless" : "",
		env->canonical ? " canonical" : "");
	for (size_t i = 0; i < env->pair_count; i++)
		fprintf(out, "pair %s=%s\n", env->pairs[i].key, env->pairs[i].value);
	for (size_t n = 0; n < env->cap_count; n++)
		if (env->caps[n] != INT32_MIN)
			fprintf(out, "cap %zu=%d\n", n, env->caps[n]);
}

static void dump_signal(FILE *out, const struct tape_signal *signal)
{
	if (signal->what == TAPE_SIGNAL_LOST) {
		fprintf(out, "signals lost %llu at %llu\n", (unsigned long long)signal->count,
			(unsigned long long)signal->time);
		return;
	}
	fprintf(out, "signal %u what %u outcome %u%s code %d thread %u sender %u at %llu\n",
		signal->number, signal->what, signal->outcome, signal->process ? " process" : "",
		signal->code, signal->thread, signal->sender, (unsigned long long)signal->time);
}

void tape_dump_item(FILE *out, const struct tape_item *item)
{
	switch (item->type) {
	case TAPE_THREAD:
		fprintf(out, "thread %u pid %u tid %u comm '%s'\n", item->u.thread.id,
			item->u.thread.pid, item->u.thread.tid, item->u.thread.comm);
		break;
	case TAPE_OBJECT:
		fprintf(out, "object %u parent %u kind %u flags %u fd %d number %llx\n",
			item->u.object.id, item->u.object.parent, item->u.object.kind,
			item->u.object.flags, item->u.object.fd,
			(unsigned long long)item->u.object.number);
		break;
	case TAPE_CLOSED:
		fprintf(out, "closed %u at %llu\n", item->u.closed.object,
			(unsigned long long)item->u.closed.time);
		break;
	case TAPE_CALL:
		fputs("call ", out);
		dump_call(out, item->u.call);
		fputc('\n', out);
		break;
	case TAPE_RETURN:
		fprintf(out, "return at %llu ret %lld created %u%s",
			(unsigned long long)item->u.ret->time, (long long)item->u.ret->ret,
			item->u.ret->created, item->u.ret->overlapped ? " overlapped" : "");
		dump_parts(out, item->u.ret->parts, item->u.ret->part_count);
		fputs(" of ", out);
		dump_call(out, item->u.ret->call);
		fputc('\n', out);
		break;
	case TAPE_GAP:
		fprintf(out, "gap at %llu events %llu cause %u\n",
			(unsigned long long)item->u.gap.time,
			(unsigned long long)item->u.gap.events, item->u.gap.cause);
		break;
	case TAPE_MEMORY:
		fprintf(out, "memory object %u gpa %llx len %u:", item->u.memory.object,
			(unsigned long long)item->u.memory.gpa, item->u.memory.len);
		dump_bytes(out, item->u.memory.data, item->u.memory.len);
		fputc('\n', out);
		break;
	case TAPE_SIGNAL:
		dump_signal(out, &item->u.signal);
		break;
	case TAPE_END:
		fprintf(out, "end seen %llu written %llu unreturned %llu lost",
			(unsigned long long)item->u.end.seen,
			(unsigned long long)item->u.end.written,
			(unsigned long long)item->u.end.unreturned);
		for (int c = 0; c < TAPE_GAP_CAUSES; c++)
			fprintf(out, " %llu", (unsigned long long)item->u.end.lost[c]);
		fputc('\n', out);
		break;
	case TAPE_END_OF_FILE:
		break;
	}
}

void tape_dump_result(FILE *out, int err, bool complete)
{
	if (err)
		fprintf(out, "error %d: %s\n", err, tape_strerror(err));
	else
		fprintf(out, "end of file%s\n", complete ? ", complete" : "");
}

char *tape_dump_memory(const void *data, size_t size)
{
	struct tape_reader *r;
	struct tape_item item;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int err;

	if (!out)
		return NULL;
	err = tape_reader_open_memory(data, size, &r);
	if (!err)
		tape_dump_env(out, tape_reader_env(r));
	while (!err) {
		err = tape_reader_next(r, &item);
		if (err || item.type == TAPE_END_OF_FILE)
			break;
		tape_dump_item(out, &item);
	}
	tape_dump_result(out, err, r && tape_reader_complete(r));
	tape_reader_close(r);
	fclose(out);
	return text;
}
