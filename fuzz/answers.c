/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a live kernel answers to fixed sequences, as tapes (docs/mutants.md).
 *
 *	fuzz_answers [-m MODULE] [-b BLOCKS] [-r ROUNDS] KERNEL OUT SEQUENCE...
 *
 * Plays the encoded sequences (fuzz_seeds makes them) in one guest, all of them ROUNDS times, and
 * writes OUT/ROUND/NAME.tape of each.  MODULE: KVM modules of one's own.  BLOCKS: a file for the
 * blocks of KVM that ran.  A line on standard output for each sequence that ended the guest:
 * "ROUND NAME OUTCOME SIGNATURE".  After four of them no more are sent.  Exit status: 0, 1 if the
 * guest ended, 2 for usage and I/O, 125 if there was no guest.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "fuzz/live.h"

enum { EXIT_ENDED = 1, EXIT_ERROR = 2, EXIT_UNTESTED = 125, ENDS_MAX = 4 };

struct answers {
	struct fuzz_live *live;
	struct fuzz_sequence *sequence;
	const char *out;
	char **paths;
	uint64_t count; /* of them */
	unsigned int ends;
};

static int fail(const char *what, int rc)
{
	fprintf(stderr, "fuzz_answers: %s: %s\n", what, strerror(-rc));
	return EXIT_ERROR;
}

/* The name of a file without folder and suffix; its length. */
static int name_of(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');

	*name = slash ? slash + 1 : path;
	return (int)strcspn(*name, ".");
}

static int sequence_read(const struct answers *a, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *data = NULL;
	size_t size;
	int rc = fd < 0 ? -errno : file_read_all(fd, SIZE_MAX, &data, &size);

	if (!rc)
		fuzz_sequence_decode(a->sequence, (const uint8_t *)data, size);
	if (fd >= 0)
		close(fd);
	free(data);
	return rc;
}

/* The tape of the last result, and what became of it. */
static int result_keep(struct answers *a, const struct fuzz_live_result *r)
{
	const uint64_t round = r->number / a->count;
	const char *name;
	const int length = name_of(a->paths[r->number % a->count], &name);
	char *path;
	int fd, rc;

	if (asprintf(&path, "%s/%" PRIu64 "/%.*s.tape", a->out, round, length, name) < 0)
		return -ENOMEM;
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	rc = fd < 0 ? -errno : fuzz_live_tape(a->live, fd);
	if (fd >= 0)
		close(fd);
	free(path);
	if (r->outcome == FUZZ_LIVE_CRASH || r->outcome == FUZZ_LIVE_HANG ||
	    r->outcome == FUZZ_LIVE_LOST) {
		printf("%" PRIu64 " %.*s %s %s\n", round, length, name,
		       fuzz_live_outcome_name(r->outcome), r->signature);
		fflush(stdout);
		a->ends++;
	}
	return rc;
}

/* All sequences `rounds` times.  An exit status. */
static int play(struct answers *a, unsigned int rounds)
{
	const uint64_t end = a->count * rounds;
	struct fuzz_live_result result;
	uint64_t next = 0;
	int rc;

	for (;;) {
		while (next < end && a->ends < ENDS_MAX && fuzz_live_room(a->live)) {
			const char *path = a->paths[next % a->count];

			rc = sequence_read(a, path);
			if (rc)
				return fail(path, rc);
			rc = fuzz_live_submit(a->live, a->sequence, next++);
			/* Too large to be played: not one of those that are compared. */
			if (rc && rc != -E2BIG)
				return fail(path, rc);
		}
		if (!fuzz_live_outstanding(a->live))
			return a->ends ? EXIT_ENDED : 0;
		rc = fuzz_live_next(a->live, &result);
		if (rc) {
			fprintf(stderr, "fuzz_answers: %s\n", fuzz_live_error(a->live));
			return EXIT_UNTESTED;
		}
		if (result.blocks)
			fuzz_coverage_merge(fuzz_live_coverage(a->live), result.blocks,
					    result.block_count);
		rc = result_keep(a, &result);
		if (rc)
			return fail(a->out, rc);
	}
}

static int blocks_write(const struct answers *a, const char *path)
{
	FILE *out = fopen(path, "we");
	int rc = out ? fuzz_coverage_write(fuzz_live_coverage(a->live), out) : -errno;

	if (out && fclose(out) && !rc)
		rc = -errno;
	return rc ? fail(path, rc) : 0;
}

static int folders_make(const struct answers *a, unsigned int rounds)
{
	for (unsigned int round = 0; round < rounds; round++) {
		char *path;
		int rc = 0;

		if (asprintf(&path, "%s/%u", a->out, round) < 0)
			return fail(a->out, -ENOMEM);
		if (mkdir(path, 0777) && errno != EEXIST)
			rc = fail(path, -errno);
		free(path);
		if (rc)
			return rc;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct answers a = {0};
	struct fuzz_live_options options;
	struct guest_kernel kernel;
	struct guest_error error;
	const char *blocks = NULL;
	unsigned long rounds = 1;
	int option, status;

	fuzz_live_options_init(&options);
	while ((option = getopt(argc, argv, "+m:b:r:")) != -1) {
		if (option == 'm')
			options.module = optarg;
		else if (option == 'b')
			blocks = optarg;
		else if (option == 'r')
			rounds = strtoul(optarg, NULL, 10);
		else
			return EXIT_ERROR;
	}
	if (argc - optind < 3 || !rounds || rounds > 100) {
		fprintf(stderr,
			"usage: %s [-m MODULE] [-b BLOCKS] [-r ROUNDS] KERNEL OUT SEQUENCE...\n",
			argv[0]);
		return EXIT_ERROR;
	}
	options.coverage = blocks;
	a.out = argv[optind + 1];
	a.paths = argv + optind + 2;
	a.count = argc - optind - 2;
	a.sequence = fuzz_sequence_new(KVMAPI_X86);
	if (!a.sequence)
		return fail(a.out, -ENOMEM);
	status = folders_make(&a, rounds);
	if (!status && (guest_kernel_find(argv[optind], &kernel, &error) ||
			fuzz_live_open(&kernel, &options, &a.live, &error))) {
		fprintf(stderr, "fuzz_answers: %s\n", error.text);
		status = EXIT_UNTESTED;
	}
	if (!status)
		status = play(&a, rounds);
	if (blocks && status < EXIT_ERROR && blocks_write(&a, blocks))
		status = EXIT_ERROR;
	fuzz_live_close(a.live);
	fuzz_sequence_free(a.sequence);
	return status;
}
