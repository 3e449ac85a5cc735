/* SPDX-License-Identifier: BSD-2-Clause */
/* See check.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/check.h"
#include "kvmapi/run_page.h"

/* Kernels and back ends that rules distinguish; the first bytes of a sequence choose. */
static const struct {
	const char *release, *backend, *vendor;
} kernels[] = {
	{"6.1.0", "kvm_amd", "AuthenticAMD"},
	{"7.2.0", "kvm_intel", "GenuineIntel"},
	{"5.10.0", "kvm_amd", "AuthenticAMD"},
	{NULL, NULL, NULL},
};
enum {
	KERNELS = sizeof(kernels) / sizeof(kernels[0]),
	VERDICTS_MAX = FUZZ_CALLS_MAX,
	RUN_HEAD = KVMAPI_RUN_UNION, /* of it userspace writes cr8 and this: */
	RUN_INPUT = RUN_PADDING,
};

/* The part of a verdict that must be the same again. */
struct said {
	uint64_t index;
	uint16_t kind, rule, held;
};

struct machine {
	struct tape_env env;
	struct model *maker, *judge;
	struct model
		*twin; /* what the maker should be, where the judge cannot tell: calls overlap */
};

struct fuzz_check {
	model_verdict_fn fn;
	void *context;
	struct machine machines[KVMAPI_ARCHS][KERNELS];
	struct machine *now;
	struct fuzz_sequence *again;
	uint8_t *bytes;
	size_t room;
	struct model_result result;
	struct tape_part parts[FUZZ_CALL_PARTS_MAX];
	/* Of each thread: the call that it is in. */
	struct open {
		struct tape_call call;
		struct tape_part parts[FUZZ_CALL_PARTS_MAX];
		uint8_t *scratch;
		bool is_made; /* what KVM_RUN will return, when it began: */
		struct tape_return made;
		struct tape_part made_part;
		uint8_t made_run[RUN_HEAD];
	} open[FUZZ_THREADS_MAX];
	uint32_t ids[FUZZ_CALLS_MAX + 1];
	uint8_t runs[FUZZ_CALLS_MAX + 1][RUN_HEAD]; /* of vCPUs, by what makes them */
	struct fuzz_step steps[2 * FUZZ_CALLS_MAX];
	struct said first[VERDICTS_MAX], second[VERDICTS_MAX];
	uint32_t first_count, second_count;
	bool watched; /* verdicts are the first ones: told, and looked at */
	struct tape_writer *writer;
	fuzz_alter_fn alter; /* results that go to it */
	void *alter_context;
	struct model_verdict displeased; /* the last one of the maker */
	bool overlaps;			 /* calls of this sequence do */
	char text[512];
};

/* --- verdicts --------------------------------------------------------------------------------- */

static void verdict_ignored(void *context, const struct tape_return *ret,
			    const struct model_verdict *v)
{
}

/* Why the last made-up result was not accepted. */
static void verdict_made(void *context, const struct tape_return *ret,
			 const struct model_verdict *v)
{
	struct fuzz_check *c = context;

	if (v->kind == MODEL_DIVERGES)
		c->displeased = *v;
}

static const char *call_name(const struct tape_call *call)
{
	return call->row ? call->row->name : "unknown request";
}

static void verdict_taken(void *context, const struct tape_return *ret,
			  const struct model_verdict *v)
{
	struct fuzz_check *c = context;
	struct said said = {ret->call->index, v->kind, v->rule, v->held_count};
	size_t count;

	if (!c->watched) {
		if (c->second_count < VERDICTS_MAX)
			c->second[c->second_count++] = said;
		return;
	}
	if (c->first_count < VERDICTS_MAX)
		c->first[c->first_count++] = said;
	if (v->kind == MODEL_DIVERGES && !c->text[0]) {
		snprintf(
			c->text, sizeof(c->text),
			"call %llu, %s = %lld: the model contradicts its own prediction by %s: expected "
			"%s, observed %s",
			(unsigned long long)ret->call->index, call_name(ret->call),
			(long long)ret->ret, model_rules(&count)[v->rule].id, v->expected,
			v->observed);
	}
	if (c->fn)
		c->fn(c->context, ret, v);
}

/* --- machines --------------------------------------------------------------------------------- */

static int machine_open(struct fuzz_check *c, enum kvmapi_arch arch, unsigned int kernel)
{
	struct machine *m = &c->machines[arch][kernel];
	int err = 0;

	c->now = m;
	if (m->judge)
		return 0;
	tape_env_init(&m->env);
	m->env.arch = arch;
	m->env.page_size = 4096;
	m->env.timeless = true;
	if (kernels[kernel].release)
		err = tape_env_set(&m->env, "kernel.release", kernels[kernel].release)
			      ?: tape_env_set(&m->env, "kvm.backend", kernels[kernel].backend)
			      ?: tape_env_set(&m->env, "cpu.vendor", kernels[kernel].vendor);
	if (!err)
		err = model_create(&m->env, verdict_made, c, &m->maker);
	if (!err)
		err = model_create(&m->env, verdict_ignored, NULL, &m->twin);
	if (!err)
		err = model_create(&m->env, verdict_taken, c, &m->judge);
	return err;
}

int fuzz_check_new(model_verdict_fn fn, void *context, struct fuzz_check **check)
{
	struct fuzz_check *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->fn = fn;
	c->context = context;
	c->again = fuzz_sequence_new(KVMAPI_X86);
	c->room = 2 * FUZZ_BYTES_MAX;
	c->bytes = malloc(c->room);
	if (!c->again || !c->bytes)
		goto fail;
	for (unsigned int i = 0; i < FUZZ_THREADS_MAX; i++) {
		c->open[i].scratch = malloc(FUZZ_ARG_MAX);
		if (!c->open[i].scratch)
			goto fail;
	}
	/* Initialise everything now, so that each input takes the same path every time. */
	for (int arch = 0; arch < KVMAPI_ARCHS; arch++) {
		kvmapi_leaves(arch, "struct kvm_regs", NULL, 0);
		for (unsigned int k = 0; k < KERNELS; k++) {
			if (machine_open(c, arch, k))
				goto fail;
		}
	}
	*check = c;
	return 0;
fail:
	fuzz_check_free(c);
	return -ENOMEM;
}

void fuzz_check_free(struct fuzz_check *c)
{
	if (!c)
		return;
	for (unsigned int a = 0; a < KVMAPI_ARCHS; a++) {
		for (unsigned int k = 0; k < KERNELS; k++) {
			if (!c->machines[a][k].judge)
				continue;
			model_destroy(c->machines[a][k].maker);
			model_destroy(c->machines[a][k].twin);
			model_destroy(c->machines[a][k].judge);
			tape_env_release(&c->machines[a][k].env);
		}
	}
	for (unsigned int i = 0; i < FUZZ_THREADS_MAX; i++)
		free(c->open[i].scratch);
	model_result_release(&c->result);
	fuzz_sequence_free(c->again);
	free(c->bytes);
	free(c);
}

/* --- playing a sequence on the two models ----------------------------------------------------- */

/* struct kvm_run is as the last KVM_RUN left it, but for what userspace writes into it. */
static void run_prepare(struct fuzz_check *c, uint32_t object, struct open *open)
{
	for (unsigned int i = 0; i < open->call.part_count; i++) {
		struct tape_part *p = &open->parts[i];
		uint8_t *page = c->runs[object];

		if (p->role != TAPE_RUN_IN)
			continue;
		memcpy(page, p->data, p->have < RUN_INPUT ? p->have : RUN_INPUT);
		if (p->have >= RUN_CR8 + 8)
			memcpy(page + RUN_CR8, p->data + RUN_CR8, 8);
		memcpy(open->scratch, page, RUN_HEAD);
		p->data = open->scratch;
		p->want = p->have = RUN_HEAD;
	}
}

/* Feed an item other than a call to the models. */
static int object_announce(struct fuzz_check *c, const struct tape_object *object)
{
	int err = model_object(c->now->judge, object);

	if (!err && c->overlaps)
		err = model_object(c->now->twin, object);
	return err || !c->writer ? err : tape_writer_object(c->writer, object);
}

/* Make up a result. */
static int result_make(struct fuzz_check *c, const struct tape_call *call,
		       const struct tape_object *creates)
{
	struct model *maker = c->now->maker;
	size_t count;
	int err = creates ? model_object(maker, creates) : 0;

	if (!err)
		err = model_call(maker, call);
	if (!err)
		err = model_predict(maker, call, creates, &c->result);
	if (err == -EAGAIN && !c->text[0])
		snprintf(c->text, sizeof(c->text),
			 "call %llu, %s: the rules contradict each other; %s: expected %s, "
			 "observed %s",
			 (unsigned long long)call->index, call_name(call),
			 model_rules(&count)[c->displeased.rule].id, c->displeased.expected,
			 c->displeased.observed);
	return err;
}

/* Make up the result of a call and have it judged, except by the model with overlapping calls. */
static int call_make(struct fuzz_check *c, const struct fuzz_sequence *s, uint32_t index,
		     uint32_t *objects)
{
	const struct fuzz_call *call = &s->calls[index];
	struct open *open = &c->open[call->thread];
	struct tape_object object, *creates = NULL;
	const struct tape_part *out;
	int err;

	if (call->row && call->row->creates) {
		fuzz_sequence_tape_object(s, index, c->ids, *objects + 1, &object);
		creates = &object;
	}
	err = result_make(c, &open->call, creates);
	if (!err && c->result.ret.created) {
		c->ids[index + 1] = ++*objects;
		memset(c->runs[index + 1], 0, RUN_HEAD);
		err = object_announce(c, creates);
	}
	out = tape_part_find(c->result.ret.parts, c->result.ret.part_count, TAPE_RUN_OUT);
	if (!err && out && out->have <= RUN_HEAD)
		memcpy(c->runs[call->object], out->data, out->have);
	if (!err && c->overlaps)
		err = model_call(c->now->twin, &open->call)
			      ?: model_return(c->now->twin, &c->result.ret);
	return err;
}

static bool is_run(const struct open *open)
{
	return open->call.row && open->call.row->payload == KVMAPI_RUNPAGE;
}

/* KVM_RUN that may run the guest. */
static bool runs_guest(const struct open *open)
{
	const struct tape_part *in =
		tape_part_find(open->call.parts, open->call.part_count, TAPE_RUN_IN);

	return is_run(open) && (!in || in->have < RUN_INPUT || !in->data[RUN_IMMEDIATE]);
}

static int begin(struct fuzz_check *c, const struct fuzz_sequence *s, uint32_t index,
		 uint64_t event, uint32_t *objects)
{
	struct open *open = &c->open[s->calls[index].thread];
	const struct tape_part *out;
	int err = 0;

	fuzz_sequence_tape_call(s, index, c->ids, &open->call, open->parts, open->scratch);
	open->call.index = event;
	if (is_run(open))
		run_prepare(c, s->calls[index].object, open);
	if (c->overlaps)
		err = model_call(c->now->judge, &open->call);
	if (!err && c->writer)
		err = tape_writer_call(c->writer, &open->call);
	/* The state of a vCPU when KVM_RUN begins decides what it may return. */
	open->is_made = c->overlaps && runs_guest(open);
	if (err || !open->is_made)
		return err;
	err = call_make(c, s, index, objects);
	open->made = c->result.ret;
	open->made.parts = &open->made_part;
	out = tape_part_find(c->result.ret.parts, c->result.ret.part_count, TAPE_RUN_OUT);
	open->made.part_count = out && out->have <= RUN_HEAD;
	if (open->made.part_count) {
		open->made_part = *out;
		memcpy(open->made_run, out->data, out->have);
		open->made_part.data = open->made_run;
	}
	return err;
}

static int return_write(struct fuzz_check *c, uint32_t thread, const struct tape_return *ret)
{
	struct tape_return altered = *ret;

	if (c->alter)
		c->alter(c->alter_context, &altered);
	return tape_writer_return(c->writer, thread, &altered);
}

static int end(struct fuzz_check *c, const struct fuzz_sequence *s, uint32_t index,
	       uint32_t *objects)
{
	struct open *open = &c->open[s->calls[index].thread];
	bool made = open->is_made;
	const struct tape_return *ret = made ? &open->made : &c->result.ret;
	int err = made ? 0 : call_make(c, s, index, objects);

	if (!err && !c->overlaps)
		err = model_call(c->now->judge, &open->call);
	if (!err)
		err = model_return(c->now->judge, ret);
	if (!err && c->writer)
		err = return_write(c, s->calls[index].thread, ret);
	return err;
}

static int close_object(struct fuzz_check *c, uint32_t id)
{
	int err = model_closed(c->now->maker, id) ?: model_closed(c->now->judge, id);

	if (!err && c->overlaps)
		err = model_closed(c->now->twin, id);
	return err || !c->writer ? err : tape_writer_closed(c->writer, id, 0);
}

static int thread_introduce(struct fuzz_check *c, uint32_t n)
{
	const struct tape_thread thread = {.id = n, .pid = 1, .tid = n + 1};
	int err = model_thread(c->now->maker, &thread) ?: model_thread(c->now->judge, &thread);

	if (!err && c->overlaps)
		err = model_thread(c->now->twin, &thread);
	return err || !c->writer ? err : tape_writer_thread(c->writer, &thread);
}

static bool overlaps(const struct fuzz_sequence *s)
{
	for (uint32_t i = 0; i < s->call_count; i++) {
		if (s->calls[i].flags & FUZZ_CALL_OPEN)
			return true;
	}
	return false;
}

static int play(struct fuzz_check *c, const struct fuzz_sequence *s)
{
	const struct tape_object kvm = {
		.id = 1, .kind = KVMAPI_SYSTEM, .fd = 3, .number = UINT64_MAX};
	uint32_t count = fuzz_sequence_steps(s, c->steps);
	bool begun[FUZZ_CALLS_MAX];
	uint32_t objects = 1, threads = 1;
	uint64_t events = 0;
	int err = 0;

	memset(c->ids, 0, (s->call_count + 1) * sizeof(c->ids[0]));
	c->ids[0] = 1;
	model_reset(c->now->maker);
	model_reset(c->now->judge);
	c->overlaps = overlaps(s);
	if (c->overlaps)
		model_reset(c->now->twin);
	for (uint32_t i = 0; i < s->call_count; i++)
		threads = s->calls[i].thread >= threads ? s->calls[i].thread + 1u : threads;
	for (uint32_t n = 0; n < threads && !err; n++)
		err = thread_introduce(c, n);
	if (!err)
		err = model_object(c->now->maker, &kvm) ?: object_announce(c, &kvm);
	for (uint32_t i = 0; i < count && !err; i++) {
		uint32_t index = c->steps[i].call;
		/* An object whose creation was refused does not exist. */
		uint32_t id = c->ids[s->calls[index].object];

		switch (c->steps[i].kind) {
		case FUZZ_STEP_BEGIN:
			begun[index] = id;
			if (id)
				err = begin(c, s, index, events++, &objects);
			break;
		case FUZZ_STEP_END:
			if (begun[index])
				err = end(c, s, index, &objects);
			break;
		case FUZZ_STEP_CLOSE:
			if (id)
				err = close_object(c, id);
			break;
		default:
			break;
		}
	}
	return err ?: model_finish(c->now->maker) ?: model_finish(c->now->judge);
}

static const char *same(struct fuzz_check *c, const char *what)
{
	size_t count;

	if (c->text[0])
		return c->text;
	if (c->first_count != c->second_count) {
		snprintf(c->text, sizeof(c->text), "%s: %u verdicts instead of %u", what,
			 c->second_count, c->first_count);
		return c->text;
	}
	for (uint32_t i = 0; i < c->first_count; i++) {
		const struct said *a = &c->first[i], *b = &c->second[i];

		if (a->index == b->index && a->kind == b->kind && a->rule == b->rule &&
		    a->held == b->held)
			continue;
		snprintf(c->text, sizeof(c->text), "%s: call %llu: %s (%s) instead of %s (%s)",
			 what, (unsigned long long)a->index, model_verdict_name(b->kind),
			 b->rule == 0xffff ? "-" : model_rules(&count)[b->rule].id,
			 model_verdict_name(a->kind),
			 a->rule == 0xffff ? "-" : model_rules(&count)[a->rule].id);
		return c->text;
	}
	return NULL;
}

/* --- the tape --------------------------------------------------------------------------------- */

static int tape_judge(struct fuzz_check *c, int fd)
{
	struct tape_reader *r = NULL;
	struct tape_item item;
	int err;

	if (lseek(fd, 0, SEEK_SET))
		return -errno;
	err = tape_reader_open_fd(fd, &r);
	if (err)
		return err;
	model_reset(c->now->judge);
	while (!(err = tape_reader_next(r, &item)) && item.type != TAPE_END_OF_FILE) {
		err = model_item(c->now->judge, &item);
		if (err)
			break;
	}
	if (!err)
		err = model_finish(c->now->judge);
	tape_reader_close(r);
	return err;
}

/* Played with a tape running. */
static int tape_write(struct fuzz_check *c, const struct fuzz_sequence *s, int fd)
{
	const struct tape_end end = {0};
	const struct tape_writer_options options =
		TAPE_WRITER_OPTIONS(.level = 1); /* the cheapest */
	int err = tape_writer_open(fd, &c->now->env, &options, &c->writer);

	if (!err)
		err = play(c, s);
	if (!err)
		err = tape_writer_finish(c->writer, &end);
	tape_writer_close(c->writer);
	c->writer = NULL;
	return err;
}

/* Played again into a tape, and then the tape judged. */
static const char *check_tape(struct fuzz_check *c, const struct fuzz_sequence *s)
{
	int fd = memfd_create("tape", MFD_CLOEXEC);
	int err = fd < 0 ? -errno : 0;

	c->second_count = 0;
	if (!err)
		err = tape_write(c, s, fd);
	c->second_count = 0;
	if (!err)
		err = tape_judge(c, fd);
	if (fd >= 0)
		close(fd);
	if (err && err != -ENOMEM && !c->text[0])
		snprintf(c->text, sizeof(c->text), "its tape: %s", tape_strerror(err));
	return err ? (c->text[0] ? c->text : NULL) : same(c, "after its tape");
}

/* The machine that a sequence is judged by.  0, -ENOMEM. */
static int machine_choose(struct fuzz_check *c, const struct fuzz_sequence *s)
{
	unsigned int kernel = s->call_count ? s->calls[s->call_count - 1].thread % KERNELS : 0;

	c->text[0] = 0;
	c->first_count = c->second_count = 0;
	return machine_open(c, s->arch, kernel);
}

int fuzz_check_write(struct fuzz_check *c, const struct fuzz_sequence *s, int fd,
		     fuzz_alter_fn alter, void *context)
{
	int err = machine_choose(c, s);

	c->watched = false;
	c->alter = alter;
	c->alter_context = context;
	if (!err)
		err = tape_write(c, s, fd);
	c->alter = NULL;
	return err;
}

const char *fuzz_check(struct fuzz_check *c, const struct fuzz_sequence *s, bool thorough)
{
	size_t size;
	int err;

	if (machine_choose(c, s))
		return NULL;
	c->watched = true;
	err = play(c, s);
	c->watched = false;
	if (err || c->text[0])
		return c->text[0] ? c->text : NULL;
	if (!thorough)
		return NULL;
	size = fuzz_sequence_encode(s, c->bytes, c->room, NULL);
	fuzz_sequence_decode(c->again, c->bytes, size);
	if (!fuzz_sequence_equal(s, c->again)) {
		snprintf(c->text, sizeof(c->text), "another sequence after encoding and decoding");
		return c->text;
	}
	if (play(c, c->again))
		return NULL;
	return same(c, "after encoding and decoding") ?: check_tape(c, s);
}
