// SPDX-License-Identifier: BSD-2-Clause
/*
 * A machine of a campaign: this one. A child process plays each sequence, without any protection of
 * the kernel.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "fuzz/campaign.h"
#include "replayer/live/live.h"

#define TIMEOUT 20 /* s, for one sequence */

struct host {
	campaign_verdict_fn verdict;
	void *verdict_context;
	const char *version;
	struct tape_env env;
	struct fuzz_sequence *waiting; /* submitted */
	bool busy;
	uint64_t number;
	int played; /* file of the last played tape, -1 = none */
	char error[300];
	struct fuzz_live_result *result; /* that is being filled in */
};

/* What a file in memory holds; unmapped by the caller. */
static int file_map(int fd, void **data, size_t *size)
{
	off_t end = lseek(fd, 0, SEEK_END);

	if (end <= 0)
		return end < 0 ? -errno : -EIO;
	*size = end;
	*data = mmap(NULL, end, PROT_READ, MAP_PRIVATE, fd, 0);
	return *data == MAP_FAILED ? -errno : 0;
}

/* A tape of the sequence, or an empty one to query the kernel. */
static int tape_play(struct host *h, const struct fuzz_sequence *s, struct live_report *report)
{
	const struct live_runner runner = {.play = live_host_play, .arch = KVMAPI_X86};
	const struct live_options options = {
		.call_time = 500, .timeout = TIMEOUT, .tool_version = h->version};
	int fd = memfd_create("kvmtape-sequence", MFD_CLOEXEC);
	void *data = NULL;
	size_t size = 0;
	int rc;

	memset(report, 0, sizeof(*report));
	if (fd < 0)
		return -errno;
	if (h->played >= 0)
		close(h->played);
	h->played = memfd_create("kvmtape-played", MFD_CLOEXEC);
	rc = h->played < 0 ? -errno : fuzz_sequence_to_tape(s, NULL, fd);
	if (!rc)
		rc = file_map(fd, &data, &size);
	if (!rc)
		rc = live_play(data, size, &runner, &options, h->played, report);
	if (data && data != MAP_FAILED)
		munmap(data, size);
	close(fd);
	return rc;
}

static int verdict_take(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	struct host *h = context;
	struct fuzz_live_result *r = h->result;
	const char *name = ret->ret < 0 ? kvmapi_errno_name(-ret->ret) : "success";
	size_t count;

	r->verdicts[v->kind]++;
	if (h->verdict)
		h->verdict(h->verdict_context, r->number, ret, v);
	if (v->kind != MODEL_DIVERGES || r->outcome != FUZZ_LIVE_CONFORMS)
		return 0;
	r->outcome = FUZZ_LIVE_DIVERGES;
	r->rule = v->rule;
	snprintf(r->signature, sizeof(r->signature), "diverges %s %s %s",
		 model_rules(&count)[v->rule].id, ret->call->row ? ret->call->row->name : "ioctl",
		 name ? name : "error");
	memcpy(r->expected, v->expected, sizeof(r->expected));
	memcpy(r->observed, v->observed, sizeof(r->observed));
	return 0;
}

static int tape_judge(struct host *h)
{
	const struct replayer_hooks hooks = {
		.context = h, .verdict_mask = ~0u, .verdict = verdict_take};
	const struct replayer_options options = {.until = UINT64_MAX};
	struct replayer_score score = {0};
	struct tape_reader *reader = NULL;
	void *data;
	size_t size;
	int rc = file_map(h->played, &data, &size);

	if (rc)
		return rc;
	rc = tape_reader_open_memory(data, size, &reader);
	if (!rc)
		rc = replayer_judge(reader, &options, &hooks, &score);
	replayer_score_release(&score);
	tape_reader_close(reader);
	munmap(data, size);
	return rc;
}

static unsigned int host_room(void *context)
{
	struct host *h = context;

	return !h->busy;
}

static int host_submit(void *context, const struct fuzz_sequence *sequence, uint64_t number)
{
	struct host *h = context;

	if (h->busy)
		return -EBUSY;
	fuzz_sequence_copy(h->waiting, sequence);
	h->number = number;
	h->busy = true;
	return 0;
}

static int host_next(void *context, struct fuzz_live_result *result)
{
	struct host *h = context;
	struct live_report report;
	int rc;

	if (!h->busy)
		return -ENODATA;
	h->busy = false;
	memset(result, 0, sizeof(*result));
	result->number = h->number;
	result->sequence = h->waiting;
	result->call = UINT32_MAX;
	h->result = result;
	rc = tape_play(h, h->waiting, &report);
	result->played = report.played;
	result->kicked = report.kicked;
	if (rc == -ETIMEDOUT || report.blocked) {
		result->outcome = FUZZ_LIVE_HANG;
		snprintf(result->signature, sizeof(result->signature), "hang");
		rc = 0;
	} else if (rc) {
		result->outcome = FUZZ_LIVE_LOST;
		snprintf(result->signature, sizeof(result->signature), "%.180s",
			 report.end[0] ? report.end : tape_strerror(rc));
		rc = 0;
	} else {
		rc = tape_judge(h);
	}
	live_report_release(&report);
	if (rc)
		snprintf(h->error, sizeof(h->error), "%s", tape_strerror(rc));
	return rc;
}

static int host_one(void *context, const struct fuzz_sequence *sequence,
		    struct fuzz_live_result *result)
{
	int rc = host_submit(context, sequence, 0);

	return rc ? rc : host_next(context, result);
}

static int host_tape(void *context, int fd)
{
	struct host *h = context;
	void *data;
	size_t size;
	int rc = file_map(h->played, &data, &size);

	if (rc)
		return rc;
	rc = file_write_all(fd, data, size);
	munmap(data, size);
	return rc;
}

/* There is no snapshot of this machine. */
static int host_restore(void *context)
{
	return 0;
}

static const struct tape_env *host_env(void *context)
{
	struct host *h = context;

	return &h->env;
}

static int host_blocks(void *context, const struct fuzz_live_result *result, char **lines)
{
	*lines = NULL;
	return 0;
}

static uint64_t host_restarts(void *context)
{
	return 0;
}

static const char *host_log(void *context)
{
	return "";
}

static const char *host_error(void *context)
{
	struct host *h = context;

	return h->error;
}

static void host_close(void *context)
{
	struct host *h = context;

	if (h->played >= 0)
		close(h->played);
	tape_env_release(&h->env);
	fuzz_sequence_free(h->waiting);
	free(h);
}

static int host_open(void *context, campaign_verdict_fn verdict, void *verdict_context,
		     struct campaign_machine *machine, char *error, size_t error_size)
{
	struct host *h = calloc(1, sizeof(*h));
	struct live_report report = {0};
	int rc = -ENOMEM;

	if (!h)
		return -ENOMEM;
	h->played = -1;
	h->verdict = verdict;
	h->verdict_context = verdict_context;
	h->version = context;
	tape_env_init(&h->env);
	h->waiting = fuzz_sequence_new(KVMAPI_X86);
	if (!h->waiting)
		goto out;
	/* An empty tape, to query this kernel. */
	rc = tape_play(h, h->waiting, &report);
	if (!rc)
		rc = tape_env_copy(&h->env, &report.env);
	if (rc)
		snprintf(error, error_size, "/dev/kvm: %s",
			 report.end[0] ? report.end : tape_strerror(rc));
	live_report_release(&report);
out:
	if (rc) {
		host_close(h);
		return rc;
	}
	*machine = (struct campaign_machine){
		.context = h,
		.room = host_room,
		.submit = host_submit,
		.next = host_next,
		.one = host_one,
		.tape = host_tape,
		.restore = host_restore,
		.env = host_env,
		.blocks = host_blocks,
		.restarts = host_restarts,
		.log = host_log,
		.error = host_error,
		.close = host_close,
	};
	return 0;
}

void campaign_host_maker(const char *version, struct campaign_maker *maker)
{
	*maker = (struct campaign_maker){.open = host_open, .context = (void *)version};
}
