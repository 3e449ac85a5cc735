/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model_harness.h"

static void on_verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	struct mh *h = context;

	h->verdict = *v;
	h->judged++;
	h->diverged += v->kind == MODEL_DIVERGES;
}

/* The model is made at the first use, so that capabilities can be added before. */
static struct model *model_of(struct mh *h)
{
	struct tape_object system = {.id = 1, .kind = KVMAPI_SYSTEM, .fd = 3, .number = UINT64_MAX};
	struct tape_thread thread;

	if (h->model)
		return h->model;
	assert_int_equal(model_create(&h->env, on_verdict, h, &h->model), 0);
	for (thread.id = 0; thread.id < 4; thread.id++) {
		thread.tid = thread.id + 1;
		/* The last one is of another process. */
		thread.pid = thread.id == 3 ? 2 : 1;
		assert_int_equal(model_thread(h->model, &thread), 0);
	}
	assert_int_equal(model_object(h->model, &system), 0);
	h->kinds[1] = KVMAPI_SYSTEM;
	h->objects = 1;
	return h->model;
}

void mh_open(struct mh *h, const char *release, const char *backend)
{
	memset(h, 0, sizeof(*h));
	tape_env_init(&h->env);
	h->env.arch = KVMAPI_X86;
	h->env.page_size = 4096;
	assert_int_equal(tape_env_set(&h->env, "kernel.release", release), 0);
	assert_int_equal(tape_env_set(&h->env, "kvm.backend", backend), 0);
}

void mh_cap(struct mh *h, uint32_t cap, int32_t answer)
{
	assert_null(h->model);
	assert_int_equal(tape_env_set_cap(&h->env, cap, answer), 0);
}

void mh_close(struct mh *h)
{
	model_destroy(h->model);
	tape_env_release(&h->env);
}

static const struct tape_part *fill_parts(struct tape_part *parts, unsigned int *count,
					  const void *bytes, uint32_t len, enum tape_role role,
					  const struct tape_part *more, unsigned int more_count)
{
	*count = 0;
	if (bytes)
		parts[(*count)++] = (struct tape_part){
			.role = role, .want = len, .have = len, .addr = 0x1000, .data = bytes};
	for (unsigned int i = 0; i < more_count; i++)
		parts[(*count)++] = more[i];
	return parts;
}

static void fill_call(struct mh *h, const struct mh_call *c, struct tape_call *call,
		      struct tape_part *parts)
{
	const struct kvmapi_ioctl *row = kvmapi_find_name(h->env.arch, c->ioctl);

	*call = (struct tape_call){.index = h->events,
				   .thread = c->thread,
				   .object = c->object,
				   .kind = h->kinds[c->object],
				   .arg = c->arg};
	if (row)
		row = kvmapi_find(h->env.arch, call->kind, row->request);
	call->row = row;
	call->request = row ? row->request : 0xaeff;
	if (c->in && !call->arg)
		call->arg = 0x1000;
	call->parts = fill_parts(parts, &call->part_count, c->in, c->in_len, TAPE_ARG_IN,
				 c->in_parts, c->in_part_count);
}

/* The calls that are open, by thread. */
static struct tape_call open_calls[4];
static struct tape_part open_parts[4][8];

void mh_begin(struct mh *h, const struct mh_call *c)
{
	struct model *m = model_of(h);

	fill_call(h, c, &open_calls[c->thread], open_parts[c->thread]);
	h->events++;
	assert_int_equal(model_call(m, &open_calls[c->thread]), 0);
}

const struct model_verdict *mh_end(struct mh *h, const struct mh_call *c)
{
	struct tape_return ret = {
		.call = &open_calls[c->thread], .ret = c->ret, .created = c->created};
	struct tape_part parts[8];

	ret.parts = fill_parts(parts, &ret.part_count, c->out, c->out_len, TAPE_ARG_OUT,
			       c->out_parts, c->out_part_count);
	assert_int_equal(model_return(model_of(h), &ret), 0);
	return &h->verdict;
}

const struct model_verdict *mh_do(struct mh *h, const struct mh_call *c)
{
	mh_begin(h, c);
	return mh_end(h, c);
}

uint32_t mh_object(struct mh *h, uint8_t kind, uint32_t parent, uint64_t number, uint8_t flags)
{
	struct model *m = model_of(h);
	struct tape_object o = {.id = ++h->objects,
				.parent = parent,
				.kind = kind,
				.flags = flags,
				.fd = 10 + h->objects,
				.number = number};

	h->kinds[o.id] = kind;
	assert_int_equal(model_object(m, &o), 0);
	return o.id;
}

uint32_t mh_vm(struct mh *h)
{
	uint32_t id = mh_object(h, KVMAPI_VM, 0, UINT64_MAX, 0);
	struct mh_call c = {.object = 1, .ioctl = "KVM_CREATE_VM", .ret = 10 + id, .created = id};

	mh_do(h, &c);
	return id;
}

uint32_t mh_vcpu(struct mh *h, uint32_t vm, uint64_t number)
{
	uint32_t id = mh_object(h, KVMAPI_VCPU, vm, number, 0);
	struct mh_call c = {.object = vm,
			    .ioctl = "KVM_CREATE_VCPU",
			    .arg = number,
			    .ret = 10 + id,
			    .created = id};

	mh_do(h, &c);
	return id;
}

const struct model_verdict *mh_io(struct mh *h, uint32_t object, const char *ioctl, const void *in,
				  uint32_t in_len, const void *out, uint32_t out_len, int64_t ret)
{
	struct mh_call c = {.object = object,
			    .ioctl = ioctl,
			    .in = in,
			    .in_len = in_len,
			    .out = out,
			    .out_len = out_len,
			    .arg = 0x1000,
			    .ret = ret};

	return mh_do(h, &c);
}

const struct model_verdict *mh_value(struct mh *h, uint32_t object, const char *ioctl, uint64_t arg,
				     int64_t ret)
{
	struct mh_call c = {.object = object, .ioctl = ioctl, .arg = arg, .ret = ret};

	return mh_do(h, &c);
}

const struct model_verdict *mh_run(struct mh *h, uint32_t vcpu, const void *run_in, uint32_t in_len,
				   const void *run_out, uint32_t out_len, int64_t ret)
{
	struct tape_part in = {.role = TAPE_RUN_IN, .want = in_len, .have = in_len, .data = run_in};
	struct tape_part out = {
		.role = TAPE_RUN_OUT, .want = out_len, .have = out_len, .data = run_out};
	struct mh_call c = {.object = vcpu,
			    .ioctl = "KVM_RUN",
			    .ret = ret,
			    .in_parts = run_in ? &in : NULL,
			    .in_part_count = run_in != NULL,
			    .out_parts = run_out ? &out : NULL,
			    .out_part_count = run_out != NULL};

	return mh_do(h, &c);
}

const char *mh_rule(const struct mh *h)
{
	size_t count;
	const struct model_rule *rules = model_rules(&count);

	return h->verdict.rule < count ? rules[h->verdict.rule].id : "";
}

/* Lines of processes that run at the same time stay whole: the file is appended to by the line. */
static void rule_log(const char *outcome, const char *rule, const char *function)
{
	static FILE *log;
	const char *name = getenv("KVMTAPE_RULE_LOG");

	if (!name)
		return;
	if (!log) {
		log = fopen(name, "ae");
		assert_non_null(log);
		setvbuf(log, NULL, _IOLBF, 0);
	}
	fprintf(log, "%s %s %s %s\n", outcome, rule, program_invocation_short_name, function);
}

static const struct model_rule *rule_of(const char *id)
{
	size_t count;
	const struct model_rule *rules = model_rules(&count);

	for (size_t i = 0; i < count; i++) {
		if (!strcmp(rules[i].id, id))
			return &rules[i];
	}
	print_message("# no rule has the id %s\n", id);
	fail();
	return NULL;
}

static const char *kept_by(const char *id)
{
	return rule_of(id)->kind == MODEL_DEVIATES ? "deviation" : "held";
}

static bool is_held(const struct mh *h, const char *id)
{
	size_t count;
	const struct model_rule *rules = model_rules(&count);

	for (unsigned int i = 0; i < h->verdict.held_count; i++) {
		if (!strcmp(rules[h->verdict.held[i]].id, id))
			return true;
	}
	return false;
}

bool mh_held_at(const struct mh *h, const char *id, const char *function)
{
	const char *outcome = kept_by(id);
	bool held = is_held(h, id);

	if (held)
		rule_log(outcome, id, function);
	return held;
}

bool mh_advised_at(const struct mh *h, const char *id, const char *function)
{
	const char *outcome = kept_by(id);
	size_t count;
	const struct model_rule *rules = model_rules(&count);
	bool given = false;

	for (unsigned int i = 0; i < h->verdict.advice_count; i++)
		given |= !strcmp(rules[h->verdict.advice[i].rule].id, id);
	rule_log(given ? outcome : "refused", id, function);
	return given;
}

bool mh_unusual_at(const struct mh *h, const char *id, const char *function)
{
	size_t count;
	const struct model_rule *rules = model_rules(&count);

	if (h->verdict.unusual >= count || strcmp(rules[h->verdict.unusual].id, id))
		return false;
	rule_log("broken", id, function);
	return true;
}

static void print_verdict(const struct mh *h, const char *named, const char *file, int line)
{
	print_message("# %s:%d: verdict %s by %s (expected %s, observed %s)\n", file, line,
		      model_verdict_name(h->verdict.kind), named, h->verdict.expected,
		      h->verdict.observed);
}

void mh_expect_at(struct mh *h, enum model_verdict_kind kind, const char *rule, const char *file,
		  int line, const char *function)
{
	const char *named =
		(h->verdict.kind == MODEL_CONFORMS || h->verdict.kind == MODEL_UNSPECIFIED) &&
				rule && is_held(h, rule)
			? rule
			: mh_rule(h);

	if (h->verdict.kind == kind && (!rule || !strcmp(named, rule))) {
		if (rule)
			rule_log(kind == MODEL_DIVERGES ? "broken" : kept_by(rule), rule, function);
		return;
	}
	print_verdict(h, named, file, line);
	print_message("# wanted %s by %s\n", model_verdict_name(kind), rule ? rule : "any rule");
	_fail(file, line);
}

void mh_expect_kept_at(struct mh *h, const char *rule, const char *file, int line,
		       const char *function)
{
	uint8_t kind = rule_of(rule)->kind;
	bool deviates = h->verdict.kind == MODEL_DEVIATION;
	bool decided = deviates || (h->verdict.kind == MODEL_CONFORMS && kind != MODEL_DEVIATES);

	if (is_held(h, rule) && (decided || ((kind == MODEL_RIGHT || kind == MODEL_WEAK) &&
					     h->verdict.kind == MODEL_UNSPECIFIED))) {
		rule_log(kept_by(rule), rule, function);
		return;
	}
	print_verdict(h, mh_rule(h), file, line);
	print_message("# wanted %s to be kept\n", rule);
	_fail(file, line);
}

void mh_expect_refused_at(struct mh *h, const char *rule, const char *file, int line,
			  const char *function)
{
	if (kept_by(rule) && h->verdict.kind == MODEL_DIVERGES && !is_held(h, rule)) {
		rule_log("refused", rule, function);
		return;
	}
	print_verdict(h, mh_rule(h), file, line);
	print_message("# wanted a divergence that %s does not excuse\n", rule);
	_fail(file, line);
}
