/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Target: a live kernel in a disposable guest.  The input is an encoded sequence; a divergence, a
 * crash and a hang are finds.
 *
 * KVMTAPE_FUZZ_KERNEL names the guest's kernel ("bookworm"), KVMTAPE_FUZZ_MODULE modules of one's
 * own.  With KVMTAPE_FUZZ_KEEP=DIR finds become tapes in that folder, one for each signature, and
 * the target goes on; without it the first one ends it, as engines expect.
 *
 * One input at a time is mostly waiting (docs/coverage.md): run several of these side by side, or
 * `kvmtape fuzz`, which keeps a guest busy.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/live.h"
#include "fuzz/target.h"

/* Blocks of the guest's KVM: libFuzzer looks at every section of this name. */
#define COUNTERS 65536
static uint8_t counters[COUNTERS] __attribute__((section("__libfuzzer_extra_counters"), used));

/* AFL++'s map, if that is what runs us. */
extern uint8_t *__afl_area_ptr __attribute__((weak));
extern uint32_t __afl_map_size __attribute__((weak));

static struct fuzz_live *live;
static struct fuzz_sequence *sequence;

static void verdict(void *context, uint64_t number, const struct tape_return *ret,
		    const struct model_verdict *v)
{
	for (unsigned int i = 0; i < v->held_count && i < MODEL_VERDICT_RULES; i++)
		fuzz_feedback(v->held[i], FUZZ_FEEDBACK_HELD);
	if (v->rule != UINT16_MAX)
		fuzz_feedback(v->rule, 1 + v->kind);
}

static void give_up(const char *why)
{
	fprintf(stderr, "target_live: %s\n", why);
	exit(2);
}

/*
 * At the first input, not before: an engine may fork after LLVMFuzzerInitialize(), and a guest
 * belongs to the process that started it.
 */
static void begin(void)
{
	const char *name = getenv("KVMTAPE_FUZZ_KERNEL");
	struct fuzz_live_options options;
	struct guest_kernel kernel;
	struct guest_error error;

	fuzz_live_options_init(&options);
	options.workers = 2;
	options.coverage = true;
	options.module = getenv("KVMTAPE_FUZZ_MODULE");
	options.verdict = verdict;
	sequence = fuzz_sequence_new(KVMAPI_X86);
	if (!sequence)
		give_up("out of memory");
	if (guest_kernel_find(name ? name : "bookworm", &kernel, &error) ||
	    fuzz_live_open(&kernel, &options, &live, &error))
		give_up(error.text);
}

static void feed(const struct fuzz_live_result *result)
{
	const struct fuzz_coverage *c = fuzz_live_coverage(live);

	fuzz_coverage_copy(c, result->blocks, result->block_count, counters, sizeof(counters));
	if (&__afl_area_ptr && &__afl_map_size && __afl_area_ptr && __afl_map_size)
		fuzz_coverage_copy(c, result->blocks, result->block_count, __afl_area_ptr,
				   __afl_map_size);
}

static void keep(const char *folder, const struct fuzz_live_result *result)
{
	char path[1024], name[FUZZ_LIVE_SIGNATURE];
	int fd;

	snprintf(name, sizeof(name), "%s", result->signature);
	for (char *at = name; *at; at++) {
		if (*at == ' ' || *at == '/')
			*at = '-';
	}
	snprintf(path, sizeof(path), "%s/%s.tape", folder, name);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return;
	if (fd < 0 || fuzz_live_tape(live, fd))
		fprintf(stderr, "target_live: %s: cannot be written\n", path);
	if (fd >= 0)
		close(fd);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *folder = getenv("KVMTAPE_FUZZ_KEEP");
	struct fuzz_live_result result;
	int rc;

	if (!live)
		begin();
	fuzz_sequence_decode(sequence, data, size);
	/* Sequences of other architectures mean nothing to this kernel. */
	if (sequence->arch != KVMAPI_X86 || !sequence->call_count)
		return 0;
	rc = fuzz_live_one(live, sequence, &result);
	if (rc == -E2BIG)
		return 0;
	if (rc)
		give_up(fuzz_live_error(live));
	feed(&result);
	if (result.outcome == FUZZ_LIVE_CONFORMS || result.outcome == FUZZ_LIVE_LOST)
		return 0;
	if (folder) {
		keep(folder, &result);
		return 0;
	}
	fprintf(stderr, "target_live: %s\n  expected %s\n  observed %s\n", result.signature,
		result.expected, result.observed);
	abort();
}
