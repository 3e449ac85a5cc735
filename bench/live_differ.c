// SPDX-License-Identifier: BSD-2-Clause
/*
 * How many sequences a second one emulated guest plays and the model judges, and how that compares
 * with the same ioctls issued in the guest by a program that does nothing else (kvm_raw.c).
 *
 *	live_differ KERNEL SECONDS RAW [coverage]
 *
 * RAW is the static program.  Prints "sequences/s", "calls/s" and the ratio of times.
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

static void call_add(struct fuzz_sequence *s, uint8_t kind, const char *name, uint16_t object,
		     uint64_t arg)
{
	const struct kvmapi_ioctl *row = kvmapi_find_name(KVMAPI_X86, name);
	struct fuzz_call call = {.op = FUZZ_IOCTL, .object = object, .arg = arg};

	(void)kind;
	call.request = row->request;
	fuzz_sequence_insert(s, s->call_count, &call);
	if (row->payload == KVMAPI_FIXED)
		fuzz_sequence_part(s, s->call_count - 1, TAPE_ARG_IN, row->size);
}

/* The calls of kvm_raw.c. */
static void sequence_make(struct fuzz_sequence *s)
{
	uint64_t region[4] = {0, 0, 65536, FUZZ_AREA(0)}, regs[18] = {0};

	call_add(s, KVMAPI_SYSTEM, "KVM_CREATE_VM", 0, 0);
	call_add(s, KVMAPI_VM, "KVM_SET_USER_MEMORY_REGION", 1, 0);
	memcpy(fuzz_part_bytes(s, fuzz_sequence_find(s, 1, TAPE_ARG_IN)), region, sizeof(region));
	call_add(s, KVMAPI_VM, "KVM_CREATE_VCPU", 1, 0);
	call_add(s, KVMAPI_VCPU, "KVM_GET_SREGS", 3, 0);
	regs[16] = 0x1000;
	regs[17] = 2;
	call_add(s, KVMAPI_VCPU, "KVM_SET_REGS", 3, 0);
	memcpy(fuzz_part_bytes(s, fuzz_sequence_find(s, 4, TAPE_ARG_IN)), regs, sizeof(regs));
	call_add(s, KVMAPI_VCPU, "KVM_GET_REGS", 3, 0);
	call_add(s, KVMAPI_VCPU, "KVM_RUN", 3, 0);
	call_add(s, KVMAPI_VCPU, "KVM_GET_MP_STATE", 3, 0);
	call_add(s, KVMAPI_VCPU, "KVM_GET_VCPU_EVENTS", 3, 0);
	call_add(s, KVMAPI_VM, "KVM_GET_CLOCK", 1, 0);
}

struct figures {
	uint64_t sequences, calls, bad;
};

static int play(struct fuzz_live *live, const struct fuzz_sequence *s, double seconds,
		struct figures *f)
{
	struct fuzz_live_result result;
	double end = now() + seconds;
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
		if (result.blocks)
			fuzz_coverage_merge(fuzz_live_coverage(live), result.blocks,
					    result.block_count);
	}
	return rc;
}

int main(int argc, char **argv)
{
	struct fuzz_live_options options;
	struct figures warm = {0}, f = {0};
	struct guest_kernel kernel;
	struct guest_error error;
	struct fuzz_sequence *s;
	struct fuzz_live *live;
	double begin;
	int rc;

	if (argc < 3) {
		fprintf(stderr, "usage: live_differ KERNEL SECONDS [coverage] [WORKERS]\n");
		return 2;
	}
	fuzz_live_options_init(&options);
	options.coverage = argc > 3 && !strcmp(argv[3], "coverage");
	if (argc > 4)
		options.workers = strtoul(argv[4], NULL, 10);
	rc = guest_kernel_find(argv[1], &kernel, &error);
	if (!rc)
		rc = fuzz_live_open(&kernel, &options, &live, &error);
	if (rc) {
		fprintf(stderr, "%s\n", error.text);
		return 2;
	}
	s = fuzz_sequence_new(KVMAPI_X86);
	sequence_make(s);
	rc = play(live, s, 3, &warm);
	begin = now();
	if (!rc)
		rc = play(live, s, strtod(argv[2], NULL), &f);
	if (rc)
		fprintf(stderr, "%s\n", fuzz_live_error(live));
	printf("sequences/s %.1f calls/s %.1f calls %.1f bad %llu", f.sequences / (now() - begin),
	       f.calls / (now() - begin), (double)f.calls / f.sequences,
	       (unsigned long long)f.bad);
	if (fuzz_live_coverage(live))
		printf(" blocks %zu", fuzz_coverage_covered(fuzz_live_coverage(live)));
	putchar('\n');
	fuzz_sequence_free(s);
	fuzz_live_close(live);
	return rc ? 1 : 0;
}
