// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sequences on a live kernel: the guest with its resident player, the sequences in flight, the end
 * of a guest, and the verdicts of the model.
 */
#include "fuzz/live.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/coverage_internal.h"
#include "fuzz/internal.h"
#include "replayer/live/program.h"
#include "replayer/live/runner.h"

#define PROBE_TIME	  60   /* s to ask the guest what it is */
#define PROGRAM_TIME	  5000 /* ms for one sequence, blocked calls included */
#define RESTORE_TRIES	  3
#define CALIBRATION_RUNS  256
#define CALIBRATION_CALLS 60
#define WINDOW_MAX	  (PLAYER_MARKS - 1)

enum job_state {
	JOB_FREE,
	JOB_SENT,
	JOB_SUSPECT, /* was on its way when the guest ended: to be played alone */
	JOB_TAKEN,   /* its result is with the caller */
};

struct job {
	enum job_state state;
	uint64_t number, order;
	struct fuzz_sequence *sequence;
	struct live_program *program;
	const void *data;
	size_t size;
	uint32_t events;
	uint16_t call_of[FUZZ_CALLS_MAX]; /* event of the program -> call of the sequence */
};

struct fuzz_live {
	struct fuzz_live_options options;
	struct guest_kernel kernel;
	struct guest *guest;
	struct live_kernel *facts;
	struct fuzz_coverage *coverage;
	uint32_t sequence;	     /* of the frames of the resident player */
	struct player_bytes pending; /* to be sent */
	struct player_bytes heard;   /* received, not processed yet */
	size_t rx_consumed;
	unsigned int window, outstanding;
	uint64_t order;
	struct job *jobs;
	bool alone; /* suspects are played one by one */
	bool found; /* one of them ended the guest again */
	char *log;
	char signature[FUZZ_LIVE_SIGNATURE]; /* of the end of the guest */
	/* The result that the caller has. */
	struct job *last;
	struct live_output output;
	size_t output_room;
	struct model *model;
	uint8_t blocks[PLUGIN_MAP_SIZE];
	struct fuzz_live_result *result; /* that is being filled in */
	struct fuzz_live_counts counts;
	char error[512];
};

const char *fuzz_live_outcome_name(enum fuzz_live_outcome outcome)
{
	static const char *const names[] = {"conforms", "diverges", "crash", "hang", "lost"};

	return names[outcome];
}

void fuzz_live_options_init(struct fuzz_live_options *options)
{
	*options = (struct fuzz_live_options){.workers = 16,
					      .call_time = 500,
					      .run_time = 100,
					      .hang_time = 10,
					      .memory = 512,
					      .interrupt_fd = -1};
}

static int fail(struct fuzz_live *live, int rc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct fuzz_live *live, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(live->error, sizeof(live->error), format, args);
	va_end(args);
	return rc;
}

/* --- the guest -------------------------------------------------------------------------------- */

/* The player's answer to a query. The caller frees output->data, also after an error. */
static int answer_check(struct fuzz_live *live, int rc, const struct live_output *output)
{
	if (!rc && output->end[0])
		rc = -EIO;
	return rc ? fail(live, rc, "the guest's player: %s",
			 output->end[0] ? output->end : strerror(-rc))
		  : 0;
}

static int facts_take(struct fuzz_live *live)
{
	struct live_output output;
	int rc;

	rc = live_guest_play(live->guest, &live_question, sizeof(live_question), PROBE_TIME,
			     &output);
	rc = answer_check(live, rc, &output);
	if (!rc) {
		rc = live_kernel_new(KVMAPI_X86, &output, live->options.tool_version, &live->facts);
		if (rc)
			fail(live, rc, "what the guest's player says of its kernel makes no sense");
	}
	free(output.data);
	return rc;
}

static int symbols_take(struct fuzz_live *live)
{
	struct live_output output;
	int rc;

	rc = live_guest_ask(live->guest, "--symbols", PROBE_TIME, &output);
	rc = answer_check(live, rc, &output);
	if (!rc) {
		rc = fuzz_coverage_symbols(live->coverage, (char *)output.data);
		if (rc)
			fail(live, rc, "the guest does not say where its KVM modules are");
	}
	free(output.data);
	return rc;
}

static int serve_begin(struct fuzz_live *live)
{
	char workers[16];
	const char *const arguments[] = {LIVE_GUEST_PLAYER, "--serve", workers,
					 live->options.falsify ? "crash" : NULL, NULL};
	const struct guest_program program = {.arguments = arguments, .input_fd = 0};
	int rc;

	snprintf(workers, sizeof(workers), "%u", live->options.workers);
	rc = guest_exec_begin(live->guest, &program, &live->sequence);
	return rc ? fail(live, rc, "%s", guest_error(live->guest)) : 0;
}

static int pending_send(struct fuzz_live *live)
{
	size_t done = 0;
	int rc = 0;

	while (!rc && done < live->pending.used) {
		size_t piece = live->pending.used - done;

		if (piece > GUEST_CHUNK)
			piece = GUEST_CHUNK;
		rc = guest_send(live->guest, GUEST_MSG_INPUT, NULL, live->pending.data + done,
				piece);
		done += piece;
	}
	live->pending.used = 0;
	return rc;
}

/* A frame of results that is complete; *data is behind it. */
static bool frame_take(struct fuzz_live *live, struct player_frame *frame, const uint8_t **data)
{
	size_t there = live->heard.used - live->rx_consumed;
	const uint8_t *at = live->heard.data + live->rx_consumed;

	if (there < sizeof(*frame))
		return false;
	memcpy(frame, at, sizeof(*frame));
	if (there - sizeof(*frame) < frame->size)
		return false;
	*data = at + sizeof(*frame);
	live->rx_consumed += sizeof(*frame) + frame->size;
	return true;
}

/* One message of the guest, `time` ms at most.  0, -ENOTCONN, -ETIMEDOUT, -EINTR, ... */
static int receive_message(struct fuzz_live *live, int time)
{
	struct guest_message_in message;
	uint32_t stream;
	int rc;

	rc = guest_receive(live->guest, time, &message);
	if (rc)
		return rc;
	if (message.sequence != live->sequence)
		return 0;
	if (message.type == GUEST_MSG_EXIT || message.type == GUEST_MSG_DONE)
		return -EPIPE;
	if (message.type != GUEST_MSG_OUTPUT || message.size < sizeof(stream))
		return 0;
	memcpy(&stream, message.body, sizeof(stream));
	if (stream != 1)
		return 0;
	if (live->rx_consumed) {
		live->heard.used -= live->rx_consumed;
		memmove(live->heard.data, live->heard.data + live->rx_consumed, live->heard.used);
		live->rx_consumed = 0;
	}
	return player_bytes_put(&live->heard, (const uint8_t *)message.body + sizeof(stream),
				message.size - sizeof(stream));
}

static int program_send(struct fuzz_live *live, uint32_t number, unsigned int mark,
			const void *data, size_t size)
{
	const struct player_frame frame = {.magic = PLAYER_MAGIC,
					   .size = size,
					   .number = number,
					   .mark = mark,
					   .time = PROGRAM_TIME};
	int rc = player_bytes_put(&live->pending, &frame, sizeof(frame));

	return rc ? rc : player_bytes_put(&live->pending, data, size);
}

/* An empty program for each worker, so that all of them are there when the snapshot is taken. */
static int workers_await(struct fuzz_live *live)
{
	const struct player_head empty = {.magic = PLAYER_MAGIC, .version = PLAYER_VERSION};
	struct player_frame frame;
	const uint8_t *data;
	unsigned int answers = 0;
	int rc = 0;

	for (unsigned int i = 0; i < live->options.workers && !rc; i++)
		rc = program_send(live, i, 0, &empty, sizeof(empty));
	if (!rc)
		rc = pending_send(live);
	while (!rc && answers < live->options.workers) {
		if (frame_take(live, &frame, &data))
			answers++;
		else
			rc = receive_message(live, PROBE_TIME * 1000);
	}
	return rc ? fail(live, rc, "the resident player does not begin: %s",
			 rc == -ENOTCONN ? guest_outcome_text(live->guest) : strerror(-rc))
		  : 0;
}

static int guest_begin(struct fuzz_live *live)
{
	struct guest_config config;
	char append[1024];
	int rc;

	guest_config_init(&config);
	snprintf(append, sizeof(append), FUZZ_LIVE_APPEND "%s%s", live->options.append ? " " : "",
		 live->options.append ? live->options.append : "");
	config.append = append;
	config.memory = live->options.memory;
	config.hang_time = live->options.hang_time;
	config.module = live->options.module;
	config.log = live->options.log;
	config.interrupt_fd = live->options.interrupt_fd;
	if (live->options.coverage) {
		rc = fuzz_coverage_new(&live->coverage);
		if (rc)
			return fail(live, rc, "no memory for coverage: %s", strerror(-rc));
		config.plugin = fuzz_coverage_plugin(live->coverage, config.plugin_fds);
	}
	rc = live_guest_start(&live->kernel, &config, &live->guest, live->error,
			      sizeof(live->error));
	if (!rc)
		rc = facts_take(live);
	if (!rc && live->coverage)
		rc = symbols_take(live);
	if (!rc)
		rc = serve_begin(live);
	if (!rc)
		rc = workers_await(live);
	if (rc)
		return rc;
	rc = guest_snapshot(live->guest);
	return rc ? fail(live, rc, "%s", guest_error(live->guest)) : 0;
}

int fuzz_live_restore(struct fuzz_live *live)
{
	int rc = -EIO;

	live->pending.used = 0;
	live->heard.used = live->rx_consumed = 0;
	live->counts.restarts++;
	for (unsigned int i = 0; rc && rc != -EINTR && i < RESTORE_TRIES; i++)
		rc = guest_restore(live->guest);
	return rc ? fail(live, rc, "%s", guest_error(live->guest)) : 0;
}

/* --- closing, and what there is --------------------------------------------------------------- */

void fuzz_live_close(struct fuzz_live *live)
{
	if (!live)
		return;
	guest_destroy(live->guest);
	for (unsigned int i = 0; live->jobs && i < live->window; i++) {
		fuzz_sequence_free(live->jobs[i].sequence);
		live_program_free(live->jobs[i].program);
	}
	free(live->jobs);
	model_destroy(live->model);
	live_kernel_free(live->facts);
	fuzz_coverage_free(live->coverage);
	free(live->pending.data);
	free(live->heard.data);
	free(live->output.data);
	free(live->log);
	free(live);
}

const struct tape_env *fuzz_live_env(const struct fuzz_live *live)
{
	return live_kernel_env(live->facts);
}

struct fuzz_coverage *fuzz_live_coverage(struct fuzz_live *live)
{
	return live->coverage;
}

unsigned int fuzz_live_outstanding(const struct fuzz_live *live)
{
	return live->outstanding;
}

unsigned int fuzz_live_room(const struct fuzz_live *live)
{
	/* One slot is for the result that the caller has. */
	if (live->alone || live->outstanding + 1 >= live->window)
		return live->window == 1 && !live->outstanding && !live->alone;
	return live->window - 1 - live->outstanding;
}

const char *fuzz_live_log(const struct fuzz_live *live)
{
	return live->log ? live->log : "";
}

const char *fuzz_live_error(const struct fuzz_live *live)
{
	return live->error;
}

const struct fuzz_live_counts *fuzz_live_counts(const struct fuzz_live *live)
{
	return &live->counts;
}

/* --- a sequence on its way -------------------------------------------------------------------- */

struct making {
	struct job *job;
	uint32_t ids[FUZZ_CALLS_MAX + 1];
	uint32_t objects;
	uint64_t index_of[FUZZ_CALLS_MAX]; /* of each call: its event */
	struct tape_part parts[FUZZ_CALL_PARTS_MAX];
	uint8_t scratch[FUZZ_ARG_MAX];
};

static int item_put(struct making *m, struct tape_item item)
{
	return live_program_item(m->job->program, &item);
}

static int begin_put(struct making *m, uint32_t index)
{
	struct job *job = m->job;
	struct tape_call call;

	fuzz_sequence_tape_call(job->sequence, index, m->ids, &call, m->parts, m->scratch);
	call.index = job->events;
	m->index_of[index] = job->events;
	job->call_of[job->events++] = index;
	return item_put(m, (struct tape_item){.type = TAPE_CALL, .u.call = &call});
}

/* KVM_CREATE_DEVICE that only asks (KVM_CREATE_DEVICE_TEST) makes none. */
static bool only_asks(const struct fuzz_sequence *s, uint32_t index)
{
	const struct fuzz_part *in = fuzz_sequence_find(s, index, TAPE_ARG_IN);
	uint32_t flags;

	if (s->calls[index].row->creates != KVMAPI_DEVICE || !in || in->size < 12)
		return false;
	memcpy(&flags, fuzz_part_bytes(s, in) + 8, sizeof(flags));
	return flags & 1;
}

static int end_put(struct making *m, uint32_t index)
{
	const struct fuzz_sequence *s = m->job->sequence;
	const struct kvmapi_ioctl *row = s->calls[index].row;
	struct tape_call call = {.index = m->index_of[index]};
	struct tape_return ret = {.call = &call};
	struct tape_item item = {.type = TAPE_OBJECT};
	int rc = 0;

	if (row && row->creates && !only_asks(s, index)) {
		ret.created = m->ids[index + 1] = ++m->objects;
		fuzz_sequence_tape_object(s, index, m->ids, ret.created, &item.u.object);
		rc = item_put(m, item);
	}
	return rc ? rc : item_put(m, (struct tape_item){.type = TAPE_RETURN, .u.ret = &ret});
}

static int memory_put(struct making *m, uint32_t index)
{
	const struct fuzz_sequence *s = m->job->sequence;
	const struct fuzz_part *part = fuzz_sequence_find(s, index, TAPE_ARG_IN);
	struct tape_item item = {.type = TAPE_MEMORY};

	if (!part || !part->size)
		return 0;
	item.u.memory = (struct tape_memory){.object = m->ids[s->calls[index].object],
					     .gpa = s->calls[index].arg,
					     .len = part->size,
					     .data = fuzz_part_bytes(s, part)};
	return item_put(m, item);
}

static int items_put(struct making *m)
{
	const struct fuzz_sequence *s = m->job->sequence;
	struct fuzz_step steps[2 * FUZZ_CALLS_MAX];
	const struct tape_object kvm = {
		.id = 1, .kind = KVMAPI_SYSTEM, .fd = 1, .number = UINT64_MAX};
	uint32_t threads = 1, count;
	int rc = 0;

	for (uint32_t i = 0; i < s->call_count; i++) {
		if (s->calls[i].thread >= threads)
			threads = s->calls[i].thread + 1;
	}
	for (uint32_t i = 0; i < threads && !rc; i++) {
		struct tape_thread thread = {.id = i, .pid = 1, .tid = i + 1, .comm = "t0"};

		thread.comm[1] += i;
		rc = item_put(m, (struct tape_item){.type = TAPE_THREAD, .u.thread = thread});
	}
	m->objects = 1;
	m->ids[0] = 1;
	if (!rc)
		rc = item_put(m, (struct tape_item){.type = TAPE_OBJECT, .u.object = kvm});
	count = fuzz_sequence_steps(s, steps);
	for (uint32_t i = 0; i < count && !rc; i++) {
		uint32_t index = steps[i].call;
		struct tape_item closed = {.type = TAPE_CLOSED};

		switch (steps[i].kind) {
		case FUZZ_STEP_BEGIN:
			rc = begin_put(m, index);
			break;
		case FUZZ_STEP_END:
			rc = end_put(m, index);
			break;
		case FUZZ_STEP_CLOSE:
			closed.u.closed.object = m->ids[s->calls[index].object];
			if (closed.u.closed.object)
				rc = item_put(m, closed);
			break;
		case FUZZ_STEP_MEMORY:
			rc = memory_put(m, index);
			break;
		}
	}
	return rc;
}

static int program_make(struct fuzz_live *live, struct job *job)
{
	const struct live_options options = {.call_time = live->options.call_time};
	struct making *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return -ENOMEM;
	m->job = job;
	job->events = 0;
	live_program_clear(job->program);
	rc = items_put(m);
	if (!rc)
		rc = live_program_make(job->program, &options, live->options.run_time, &job->data,
				       &job->size);
	free(m);
	return rc;
}

static int job_send(struct fuzz_live *live, struct job *job)
{
	unsigned int number = job - live->jobs;

	job->state = JOB_SENT;
	if (live->coverage)
		fuzz_coverage_clear(live->coverage, number + 1);
	return program_send(live, number, number + 1, job->data, job->size);
}

static void last_drop(struct fuzz_live *live)
{
	if (live->last)
		live->last->state = JOB_FREE;
	live->last = NULL;
	model_destroy(live->model);
	live->model = NULL;
}

int fuzz_live_submit(struct fuzz_live *live, const struct fuzz_sequence *sequence, uint64_t number)
{
	struct job *job = NULL;
	int rc;

	if (!fuzz_live_room(live))
		return -EBUSY;
	for (unsigned int i = 0; i < live->window && !job; i++) {
		if (live->jobs[i].state == JOB_FREE)
			job = &live->jobs[i];
	}
	/* A window of one has no room for another. */
	if (!job && live->last) {
		job = live->last;
		last_drop(live);
	}
	if (!job)
		return -EBUSY;
	if (!job->sequence)
		job->sequence = fuzz_sequence_new(sequence->arch);
	if (!job->program)
		job->program = live_program_new(live->facts);
	if (!job->sequence || !job->program)
		return -ENOMEM;
	fuzz_sequence_copy(job->sequence, sequence);
	job->number = number;
	job->order = live->order++;
	rc = program_make(live, job);
	if (!rc)
		rc = job_send(live, job);
	if (rc) {
		job->state = JOB_FREE;
		return rc;
	}
	live->outstanding++;
	live->counts.submitted++;
	return 0;
}

/* --- what the model says ---------------------------------------------------------------------- */

static uint32_t call_of(const struct job *job, uint32_t event)
{
	return event < job->events ? job->call_of[event] : UINT32_MAX;
}

static const char *request_name(const struct job *job, uint32_t call, char *buf, size_t size)
{
	const struct fuzz_call *c = &job->sequence->calls[call];

	if (call >= job->sequence->call_count)
		return "?";
	if (c->row)
		return c->row->name;
	snprintf(buf, size, "0x%x", c->request);
	return buf;
}

static const char *answer_name(int64_t ret)
{
	const char *name = ret < 0 ? kvmapi_errno_name(-ret) : "ok";

	return name ? name : "error";
}

static void verdict_take(void *context, const struct tape_return *ret,
			 const struct model_verdict *verdict)
{
	struct fuzz_live *live = context;
	struct fuzz_live_result *r = live->result;
	struct job *job = live->last;
	const struct model_rule *rules;
	size_t count;
	char name[16];

	r->verdicts[verdict->kind]++;
	if (live->options.verdict)
		live->options.verdict(live->options.context, job->number, ret, verdict);
	if (verdict->kind != MODEL_DIVERGES || r->outcome != FUZZ_LIVE_CONFORMS)
		return;
	r->outcome = FUZZ_LIVE_DIVERGES;
	r->call = call_of(job, live_program_played(job->program, ret->call->index));
	r->rule = verdict->rule;
	memcpy(r->expected, verdict->expected, sizeof(r->expected));
	memcpy(r->observed, verdict->observed, sizeof(r->observed));
	rules = model_rules(&count);
	snprintf(r->signature, sizeof(r->signature), "diverges %s %s %s",
		 verdict->rule < count ? rules[verdict->rule].id : "?",
		 request_name(job, r->call, name, sizeof(name)), answer_name(ret->ret));
}

static int item_take(void *context, const struct tape_item *item)
{
	return model_item(context, item);
}

static struct player_result *result_next(const struct live_output *output, size_t *at)
{
	while (output->size - *at >= sizeof(struct player_record)) {
		struct player_record *record = (void *)(output->data + *at);

		if (record->size < sizeof(*record) || record->size > output->size - *at)
			break;
		*at += record->size;
		if (record->type == PLAYER_RESULT && record->size >= sizeof(struct player_result))
			return (void *)record;
	}
	return NULL;
}

/* Hook for tests, before the model; an open call is a hang. */
static void results_look(struct fuzz_live *live, struct job *job, struct fuzz_live_result *result)
{
	struct player_result *r;
	size_t at = 0;
	char name[16];

	while ((r = result_next(&live->output, &at))) {
		uint32_t call = call_of(job, live_program_step(job->program, r->step));

		if (call != UINT32_MAX && live->options.falsify && r->status <= PLAYER_KICKED)
			live->options.falsify(live->options.context, call, &r->ret);
		if (r->status != PLAYER_BLOCKED || result->outcome == FUZZ_LIVE_HANG)
			continue;
		result->outcome = FUZZ_LIVE_HANG;
		result->call = call;
		snprintf(result->signature, sizeof(result->signature), "hang %s",
			 request_name(job, call, name, sizeof(name)));
	}
}

static int judge(struct fuzz_live *live, struct job *job, struct fuzz_live_result *result)
{
	struct live_sink sink = {.item = item_take};
	struct live_report report = {.last_begun = -1};
	int rc;

	results_look(live, job, result);
	rc = model_create(live_kernel_env(live->facts), verdict_take, live, &live->model);
	if (rc)
		return rc;
	live->result = result;
	sink.context = live->model;
	rc = live_program_items(job->program, &live->output, &sink, &report);
	if (!rc)
		rc = model_finish(live->model);
	live->result = NULL;
	result->played = report.played;
	result->kicked = report.kicked;
	result->time = report.time;
	result->rule_hits = model_rule_hits(live->model);
	if (rc == -ENOMEM)
		return rc;
	if (rc) {
		result->outcome = FUZZ_LIVE_LOST;
		snprintf(result->signature, sizeof(result->signature),
			 "lost: the player could not play it: %s", strerror(-rc));
	}
	return 0;
}

/* The worker that played it is gone. */
static void worker_lost(struct job *job, const struct player_frame *frame,
			struct fuzz_live_result *result)
{
	char name[16];

	result->call = call_of(job, live_program_step(job->program, frame->step));
	if (frame->end == PLAYER_LATE) {
		result->outcome = FUZZ_LIVE_HANG;
		snprintf(result->signature, sizeof(result->signature), "hang %s",
			 request_name(job, result->call, name, sizeof(name)));
	} else {
		result->outcome = FUZZ_LIVE_LOST;
		snprintf(result->signature, sizeof(result->signature),
			 "lost: the player was ended by signal %u in %s", frame->time,
			 request_name(job, result->call, name, sizeof(name)));
	}
}

static void result_begin(struct fuzz_live *live, struct job *job, struct fuzz_live_result *result)
{
	last_drop(live);
	memset(result, 0, sizeof(*result));
	result->number = job->number;
	result->sequence = job->sequence;
	result->call = UINT32_MAX;
	live->output.size = 0;
	live->last = job;
	job->state = JOB_TAKEN;
	live->outstanding--;
	live->counts.finished++;
	if (live->alone && !live->outstanding) {
		live->alone = false;
		live->counts.unexplained += !live->found;
	}
	if (!live->coverage)
		return;
	fuzz_coverage_take(live->coverage, job - live->jobs + 1, live->blocks);
	result->blocks = live->blocks;
	result->block_count = fuzz_coverage_blocks(live->coverage);
}

static int result_take(struct fuzz_live *live, const struct player_frame *frame,
		       const uint8_t *data, struct fuzz_live_result *result)
{
	struct job *job = &live->jobs[frame->number];

	result_begin(live, job, result);
	if (frame->end != PLAYER_WHOLE) {
		worker_lost(job, frame, result);
		return 0;
	}
	if (live->output_room < frame->size) {
		uint8_t *more = realloc(live->output.data, frame->size);

		if (!more)
			return -ENOMEM;
		live->output.data = more;
		live->output_room = frame->size;
	}
	memcpy(live->output.data, data, frame->size);
	live->output.size = frame->size;
	return judge(live, job, result);
}

/* --- the end of a guest ----------------------------------------------------------------------- */

/* "name+0x12/0x34 [kvm]" at `at`; false: it is none of KVM's. */
static bool function_read(const char *at, char *name, size_t size, bool any)
{
	size_t length = strcspn(at, "+ \t\r\n");
	const char *end = at + strcspn(at, " \r\n");

	if (at[length] != '+' || !length || length >= size)
		return false;
	if (!any && strncmp(end, " [kvm", 5))
		return false;
	snprintf(name, size, "%.*s", (int)length, at);
	return true;
}

/* Functions in every trace of a panic. */
static bool is_panic_itself(const char *name)
{
	return !strncmp(name, "dump_stack", 10) || !strcmp(name, "panic") ||
	       !strcmp(name, "show_stack");
}

/* The first function of a trace: of KVM's, or any. */
static bool trace_function(const char *log, char *name, size_t size, bool any)
{
	const char *at = strstr(log, "Call Trace:");

	for (at = at ? strchr(at, '\n') : NULL; at; at = strchr(at + 1, '\n')) {
		const char *word = at + 1;

		if (*word == '[')
			word += strcspn(word, "]\n") + 1;
		word += strspn(word, " ");
		/* "? name": a leftover on the stack. */
		if (*word != '?' && function_read(word, name, size, any) && !is_panic_itself(name))
			return true;
	}
	return false;
}

/*
 * The function in the signature of a crash: where it happened if that is in KVM, else the first of
 * KVM in the trace, else where it happened.
 */
static void crash_function(const char *log, char *name, size_t size)
{
	const char *warning = strstr(log, "WARNING: CPU:");
	const char *place = strstr(log, "RIP: 0010:");
	const char *at;

	if (warning) {
		at = strstr(warning, " at ");
		at = at ? strchr(at + 4, ' ') : NULL;
		if (at && function_read(at + 1, name, size, false))
			return;
	}
	if (place && function_read(place + 10, name, size, false))
		return;
	if (trace_function(log, name, size, false))
		return;
	if (place && function_read(place + 10, name, size, true))
		return;
	if (!trace_function(log, name, size, true))
		snprintf(name, size, "?");
}

/* Make the signature of the end of the guest. */
static enum fuzz_live_outcome end_name(struct fuzz_live *live)
{
	enum guest_outcome outcome = guest_outcome(live->guest);
	char name[96];

	free(live->log);
	live->log = guest_log(live->guest);
	crash_function(fuzz_live_log(live), name, sizeof(name));
	switch (outcome) {
	case GUEST_KILLED:
	case GUEST_QEMU_FAILED:
	case GUEST_STOPPED:
		snprintf(live->signature, sizeof(live->signature), "lost: %s",
			 guest_outcome_text(live->guest));
		return FUZZ_LIVE_LOST;
	case GUEST_HANG:
		snprintf(live->signature, sizeof(live->signature), "hang of the guest");
		return FUZZ_LIVE_HANG;
	case GUEST_OOM:
	case GUEST_RESET:
	case GUEST_POWERED_OFF:
		snprintf(live->signature, sizeof(live->signature), "%s",
			 guest_outcome_name(outcome));
		return FUZZ_LIVE_CRASH;
	default:
		snprintf(live->signature, sizeof(live->signature), "%s %s",
			 guest_outcome_name(outcome), name);
		return FUZZ_LIVE_CRASH;
	}
}

/*
 * The guest ended. If one sequence was in flight, it is the cause: 1, with *result. Else all
 * sequences in flight are suspects.
 */
static int guest_ended(struct fuzz_live *live, struct fuzz_live_result *result)
{
	enum fuzz_live_outcome outcome = end_name(live);
	unsigned int sent = 0;
	struct job *only = NULL;
	int rc;

	for (unsigned int i = 0; i < live->window; i++) {
		if (live->jobs[i].state != JOB_SENT)
			continue;
		sent++;
		only = &live->jobs[i];
	}
	rc = fuzz_live_restore(live);
	if (rc)
		return rc;
	if (sent == 1) {
		live->found = true;
		result_begin(live, only, result);
		/* Blocks that ran before the crash count, too. */
		result->outcome = outcome;
		memcpy(result->signature, live->signature, sizeof(result->signature));
		return 1;
	}
	for (unsigned int i = 0; i < live->window; i++) {
		if (live->jobs[i].state == JOB_SENT)
			live->jobs[i].state = JOB_SUSPECT;
	}
	live->alone = true;
	live->found = false;
	return 0;
}

/* Play the next suspect alone. */
static int suspect_send(struct fuzz_live *live)
{
	struct job *next = NULL;

	for (unsigned int i = 0; i < live->window; i++) {
		struct job *job = &live->jobs[i];

		if (job->state == JOB_SENT)
			return 0;
		if (job->state == JOB_SUSPECT && (!next || job->order < next->order))
			next = job;
	}
	if (!next)
		return 0;
	live->counts.replayed++;
	return job_send(live, next);
}

/* No output for too long: if the guest still answers, the player has failed. */
static void silence(struct fuzz_live *live)
{
	if (guest_ping(live->guest, live->options.hang_time * 1000) == 0)
		guest_stop(live->guest);
}

int fuzz_live_next(struct fuzz_live *live, struct fuzz_live_result *result)
{
	struct player_frame frame;
	const uint8_t *data;
	int rc;

	for (;;) {
		if (frame_take(live, &frame, &data)) {
			if (frame.number < live->window &&
			    live->jobs[frame.number].state == JOB_SENT)
				return result_take(live, &frame, data, result);
			continue;
		}
		if (!live->outstanding)
			return -ENODATA;
		rc = live->alone ? suspect_send(live) : 0;
		if (!rc)
			rc = pending_send(live);
		if (!rc)
			rc = receive_message(live, live->options.hang_time * 1000);
		if (rc == -ETIMEDOUT || rc == -EPIPE) {
			silence(live);
			rc = -ENOTCONN;
		}
		if (rc == -ENOTCONN) {
			rc = guest_ended(live, result);
			if (rc == 1)
				return 0;
		}
		if (rc)
			return rc;
	}
}

int fuzz_live_one(struct fuzz_live *live, const struct fuzz_sequence *sequence,
		  struct fuzz_live_result *result)
{
	int rc = fuzz_live_submit(live, sequence, 0);

	return rc ? rc : fuzz_live_next(live, result);
}

int fuzz_live_tape(struct fuzz_live *live, int fd)
{
	if (!live->last)
		return -ENODATA;
	if (!live->output.size)
		return fuzz_sequence_to_tape(live->last->sequence, live_kernel_env(live->facts),
					     fd);
	return live_program_write(live->last->program, &live->output, fd);
}

/* --- noise ------------------------------------------------------------------------------------ */

static void calibration_call(struct fuzz_sequence *s, const char *name, uint16_t object)
{
	const struct kvmapi_ioctl *row = kvmapi_find_name(KVMAPI_X86, name);
	const struct fuzz_call call = {.op = FUZZ_IOCTL, .object = object, .request = row->request};

	fuzz_sequence_insert(s, s->call_count, &call);
	if (row->payload == KVMAPI_FIXED)
		fuzz_sequence_part(s, s->call_count - 1, TAPE_ARG_IN, row->size);
}

/*
 * The kernel tells KVM when the task of a vCPU loses and gets the CPU, which happens or not.  The
 * blocks that run then and only then are those that a sequence, played again and again, has
 * sometimes.
 */
static int noise_find(struct fuzz_live *live)
{
	static const char *const calls[] = {"KVM_RUN", "KVM_GET_REGS", "KVM_GET_SREGS",
					    "KVM_GET_LAPIC", "KVM_GET_MP_STATE"};
	struct fuzz_sequence *s = fuzz_sequence_new(KVMAPI_X86);
	uint16_t *counts = calloc(PLUGIN_BLOCKS, sizeof(*counts));
	unsigned int sent = 0, played = 0;
	struct fuzz_live_result result;
	int rc = s && counts ? 0 : -ENOMEM;

	if (!rc) {
		calibration_call(s, "KVM_CREATE_VM", 0);
		calibration_call(s, "KVM_CREATE_IRQCHIP", 1);
		calibration_call(s, "KVM_CREATE_VCPU", 1);
		for (unsigned int i = 0; i < CALIBRATION_CALLS; i++)
			calibration_call(s, calls[i % (sizeof(calls) / sizeof(calls[0]))], 3);
	}
	while (!rc && played < CALIBRATION_RUNS) {
		while (!rc && sent < CALIBRATION_RUNS && fuzz_live_room(live)) {
			rc = fuzz_live_submit(live, s, sent);
			sent++;
		}
		if (!rc)
			rc = fuzz_live_next(live, &result);
		if (rc)
			break;
		played++;
		for (size_t i = 0; i < result.block_count; i++)
			counts[i] += result.blocks[i / 8] >> i % 8 & 1;
	}
	for (size_t i = 0; !rc && i < PLUGIN_BLOCKS; i++) {
		if (counts[i] && counts[i] < CALIBRATION_RUNS)
			fuzz_coverage_noise(live->coverage, i);
	}
	live->counts = (struct fuzz_live_counts){.restarts = live->counts.restarts};
	fuzz_sequence_free(s);
	free(counts);
	return rc;
}

/* --- opening ---------------------------------------------------------------------------------- */

int fuzz_live_open(const struct guest_kernel *kernel, const struct fuzz_live_options *options,
		   struct fuzz_live **result, struct guest_error *error)
{
	struct fuzz_live *live = calloc(1, sizeof(*live));
	int rc = 0;

	*result = NULL;
	if (!live)
		return -ENOMEM;
	live->options = *options;
	live->kernel = *kernel;
	if (!live->options.workers)
		live->options.workers = 16;
	live->window = options->window ? options->window : 3 * live->options.workers;
	if (live->window > WINDOW_MAX)
		live->window = WINDOW_MAX;
	live->jobs = calloc(live->window, sizeof(*live->jobs));
	if (!live->jobs)
		rc = -ENOMEM;
	else if (kernel->arch != GUEST_X86_64)
		rc = fail(live, -ENOTSUP, "sequences are played on x86 kernels only");
	else
		rc = guest_begin(live);
	if (!rc && live->coverage)
		rc = noise_find(live);
	if (rc) {
		if (error)
			snprintf(error->text, sizeof(error->text), "%.470s",
				 live->error[0] ? live->error : strerror(-rc));
		fuzz_live_close(live);
		return rc;
	}
	*result = live;
	return 0;
}
