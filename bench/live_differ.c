// SPDX-License-Identifier: BSD-2-Clause
/*
 * How many sequences a second one emulated guest plays and the model judges, and how that compares
 * with the same ioctls issued in such a guest by a program that does nothing else (kvm_raw.c).
 *
 *	live_differ KERNEL RAW [SECONDS [WORKERS]]
 *
 * RAW is that program, static. Both take turns, three times, so that other load affects both; then
 * the same with coverage.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuzz/live.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void call_add(struct fuzz_sequence *s, const char *name, uint16_t object)
{
	const struct kvmapi_ioctl *row = kvmapi_find_name(KVMAPI_X86, name);
	struct fuzz_call call = {.op = FUZZ_IOCTL, .object = object};

	call.request = row->request;
	fuzz_sequence_insert(s, s->call_count, &call);
	if (row->payload == KVMAPI_FIXED)
		fuzz_sequence_part(s, s->call_count - 1, TAPE_ARG_IN, row->size);
}

/* The same calls as in kvm_raw.c. */
static void sequence_make(struct fuzz_sequence *s)
{
	uint64_t region[4] = {0, 0, 65536, FUZZ_AREA(0)}, regs[18] = {0};

	call_add(s, "KVM_CREATE_VM", 0);
	call_add(s, "KVM_SET_USER_MEMORY_REGION", 1);
	memcpy(fuzz_part_bytes(s, fuzz_sequence_find(s, 1, TAPE_ARG_IN)), region, sizeof(region));
	call_add(s, "KVM_CREATE_VCPU", 1);
	call_add(s, "KVM_GET_SREGS", 3);
	regs[16] = 0x1000;
	regs[17] = 2;
	call_add(s, "KVM_SET_REGS", 3);
	memcpy(fuzz_part_bytes(s, fuzz_sequence_find(s, 4, TAPE_ARG_IN)), regs, sizeof(regs));
	call_add(s, "KVM_GET_REGS", 3);
	call_add(s, "KVM_RUN", 3);
	call_add(s, "KVM_GET_MP_STATE", 3);
	call_add(s, "KVM_GET_VCPU_EVENTS", 3);
	call_add(s, "KVM_GET_CLOCK", 1);
}

struct figures {
	uint64_t sequences, calls, bad;
	double seconds;
};

static int play(struct fuzz_live *live, const struct fuzz_sequence *s, double seconds,
		struct figures *f)
{
	struct fuzz_live_result result;
	double begin = now(), end = begin + seconds;
	int rc = 0;

	while (!rc && (now() < end || fuzz_live_outstanding(live))) {
		while (now() < end && !rc && fuzz_live_room(live))
			rc = fuzz_live_submit(live, s, f->sequences);
		if (!rc)
			rc = fuzz_live_next(live, &result);
		if (rc)
			break;
		f->sequences++;
		f->calls += result.played;
		if (result.outcome != FUZZ_LIVE_CONFORMS && !f->bad++)
			fprintf(stderr, "# %s: expected %s, observed %s\n", result.signature,
				result.expected, result.observed);
	}
	f->seconds += now() - begin;
	if (rc)
		fprintf(stderr, "%s\n", fuzz_live_error(live));
	return rc;
}

/* --- the raw calls ---------------------------------------------------------------------------- */

#define RAW_PATH "/kvmtape/raw"

static int raw_said(void *context, int stream, const void *data, size_t size)
{
	char *said = context;

	if (stream == 1 && strlen(said) + size < 128)
		strncat(said, data, size);
	return 0;
}

static int raw_run(struct guest *guest, unsigned int workers, double seconds, double *rate)
{
	char processes[16], time[16], said[128] = "";
	const char *const arguments[] = {RAW_PATH, processes, time, NULL};
	const struct guest_program program = {.arguments = arguments,
					      .input_fd = -1,
					      .timeout = 60000,
					      .output = raw_said,
					      .context = said};
	struct guest_exit exit;
	int rc;

	snprintf(processes, sizeof(processes), "%u", workers);
	snprintf(time, sizeof(time), "%f", seconds);
	rc = guest_exec(guest, &program, &exit);
	if (rc || sscanf(said, "VMs/s %lf", rate) != 1) {
		fprintf(stderr, "kvm_raw: %s\n", rc ? strerror(-rc) : said);
		return rc ? rc : -EIO;
	}
	return 0;
}

static int raw_begin(const struct guest_kernel *kernel, const char *program, struct guest **guest)
{
	struct guest_config config;
	struct guest_error error;
	char append[256];
	int rc;

	guest_config_init(&config);
	snprintf(append, sizeof(append), "%s", FUZZ_LIVE_APPEND);
	config.append = append;
	rc = guest_start(kernel, &config, guest, &error);
	if (rc)
		fprintf(stderr, "%s\n", error.text);
	else
		rc = guest_put(*guest, program, RAW_PATH);
	return rc;
}

/* --- the comparison --------------------------------------------------------------------------- */

#define ROUNDS 3

static int compare(const struct guest_kernel *kernel, struct guest *guest,
		   const struct fuzz_live_options *options, const struct fuzz_sequence *s,
		   double seconds)
{
	struct figures warm = {0}, f = {0};
	double raw = 0, alone = 0, rate;
	struct guest_error error;
	struct fuzz_live *live;
	int rc;

	rc = fuzz_live_open(kernel, options, &live, &error);
	if (rc) {
		fprintf(stderr, "%s\n", error.text);
		return rc;
	}
	rc = play(live, s, 3, &warm);
	for (int i = 0; i < ROUNDS && !rc; i++) {
		rc = raw_run(guest, options->workers, seconds, &rate);
		raw += rate / ROUNDS;
		if (!rc)
			rc = play(live, s, seconds, &f);
	}
	if (!rc)
		rc = raw_run(guest, 1, seconds, &alone);
	if (!rc)
		printf("%s: %.0f sequences/s of %.1f calls, %llu not conforming; the same calls "
		       "raw: %.0f/s by %u processes, %.0f/s by one; time ratio %.2f and %.2f\n",
		       options->coverage ? "with coverage" : "without coverage",
		       f.sequences / f.seconds, (double)f.calls / f.sequences,
		       (unsigned long long)f.bad, raw, options->workers, alone,
		       raw / (f.sequences / f.seconds), alone / (f.sequences / f.seconds));
	fuzz_live_close(live);
	return rc;
}

int main(int argc, char **argv)
{
	struct fuzz_live_options options;
	struct guest_kernel kernel;
	struct guest_error error;
	struct fuzz_sequence *s;
	struct guest *guest = NULL;
	double seconds;
	int rc;

	if (argc < 3) {
		fprintf(stderr, "usage: live_differ KERNEL RAW [SECONDS [WORKERS]]\n");
		return 2;
	}
	fuzz_live_options_init(&options);
	seconds = argc > 3 ? strtod(argv[3], NULL) : 5;
	if (argc > 4)
		options.workers = strtoul(argv[4], NULL, 10);
	s = fuzz_sequence_new(KVMAPI_X86);
	sequence_make(s);
	rc = guest_kernel_find(argv[1], &kernel, &error);
	if (rc)
		fprintf(stderr, "%s\n", error.text);
	if (!rc)
		rc = raw_begin(&kernel, argv[2], &guest);
	if (!rc)
		rc = compare(&kernel, guest, &options, s, seconds);
	options.coverage = true;
	if (!rc)
		rc = compare(&kernel, guest, &options, s, seconds);
	guest_destroy(guest);
	fuzz_sequence_free(s);
	return rc ? 1 : 0;
}
