/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inputs to begin with: tapes, as they are and as encoded sequences.
 *
 *	seeds sequence OUT TAPE...	OUT/NAME.seq of each tape
 *	seeds generate OUT COUNT	COUNT sequences that the mutator made from nothing
 *	seeds tapes OUT COUNT		COUNT tapes with results of the model, some of them changed
 *	seeds TARGET OUT COUNT		the same for the target's kind of input: minimise, player,
 *					writer
 *	seeds value OUT			a value of every row of every table
 *	seeds dictionary		words of the text of tapes, for the engines
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/check.h"
#include "fuzz/fuzz.h"

#define ROOM (1 << 20)

static struct fuzz_sequence *sequence;
static uint8_t *bytes;

/* What of an input stands before the encoded sequence in `bytes`, and behind it. */
enum { FRONT = 16, BEHIND = 512 };

static int file_put(const char *folder, const char *name, int name_len, const char *suffix,
		    const uint8_t *data, size_t size)
{
	char *path = NULL;
	FILE *out;
	int failed = 1;

	if (asprintf(&path, "%s/%.*s.%s", folder, name_len, name, suffix) < 0)
		return 1;
	out = fopen(path, "wb");
	if (out) {
		failed = fwrite(data, 1, size, out) != size;
		failed |= fclose(out);
	}
	if (failed)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	free(path);
	return failed;
}

static int put(const char *folder, const char *name, int name_len)
{
	return file_put(folder, name, name_len, "seq", bytes,
			fuzz_sequence_encode(sequence, bytes, ROOM, NULL));
}

static int from_tape(const char *folder, const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *data = MAP_FAILED;
	int failed = 1;
	int err;

	if (fd < 0 || fstat(fd, &st) || !st.st_size) {
		fprintf(stderr, "%s: %s\n", path, errno ? strerror(errno) : "empty");
		goto out;
	}
	data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	err = data == MAP_FAILED ? -errno : fuzz_sequence_from_tape(sequence, data, st.st_size);
	/* The first calls of a long tape are a sequence, too. */
	if (err && err != -E2BIG)
		fprintf(stderr, "%s: %s\n", path, tape_strerror(err));
	failed = err && err != -E2BIG;
	if (sequence->call_count)
		failed |= put(folder, name, (int)strcspn(name, "."));
out:
	if (data != MAP_FAILED)
		munmap(data, st.st_size);
	if (fd >= 0)
		close(fd);
	return failed;
}

static int generate(const char *folder, unsigned long count)
{
	const struct fuzz_options options = {.calls = 24, .guest_code = true};
	struct fuzz_mutator *m = fuzz_mutator_new(KVMAPI_X86, &options);
	struct fuzz_rng rng = {1};
	char name[32];
	int failed = !m;

	for (unsigned long i = 0; i < count && !failed; i++) {
		fuzz_generate(m, sequence, &rng);
		snprintf(name, sizeof(name), "generated-%04lu", i);
		failed = put(folder, name, sizeof(name));
	}
	fuzz_mutator_free(m);
	return failed;
}

/* Change one return in eight: another result, or another bit of what came with it. */
static void alter(void *context, struct tape_return *ret)
{
	static const int64_t results[] = {0, 1, -EINVAL, -ENOENT, -EEXIST, -ENXIO, -EBUSY, -EPERM};
	struct fuzz_rng *rng = context;
	uint8_t *byte;

	if (fuzz_rng_below(rng, 8))
		return;
	if (!ret->part_count || !ret->parts[0].have || fuzz_rng_below(rng, 2)) {
		ret->ret = results[fuzz_rng_below(rng, sizeof(results) / sizeof(results[0]))];
		return;
	}
	/* What the model made up is in memory of its own. */
	byte = (uint8_t *)(uintptr_t)ret->parts[0].data + fuzz_rng_below(rng, ret->parts[0].have);
	*byte ^= 1 << fuzz_rng_below(rng, 8);
}

/* Half of them of x86, the others of the other architectures in turn; every second one changed. */
static int tapes(const char *folder, unsigned long count)
{
	const struct fuzz_options options = {.calls = 24, .guest_code = true};
	struct fuzz_mutator *m[KVMAPI_ARCHS];
	struct fuzz_check *check = NULL;
	struct fuzz_rng rng = {3};
	int failed = 0;

	for (int arch = 0; arch < KVMAPI_ARCHS; arch++) {
		m[arch] = fuzz_mutator_new(arch, &options);
		failed |= !m[arch];
	}
	failed |= fuzz_check_new(NULL, NULL, &check) != 0;
	for (unsigned long i = 0; i < count && !failed; i++) {
		const int arch = i & 2 ? KVMAPI_X86 : (int)(i >> 2) % KVMAPI_ARCHS;
		char *path = NULL;
		int fd, err;

		if (asprintf(&path, "%s/generated-%05lu.tape", folder, i) < 0)
			break;
		fuzz_generate(m[arch], sequence, &rng);
		/* fuzz_check takes the kernel by the thread of the last call. */
		if (sequence->call_count)
			sequence->calls[sequence->call_count - 1].thread =
				(uint8_t)fuzz_rng_below(&rng, FUZZ_THREADS_MAX);
		fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		err = fd < 0 ? -errno
			     : fuzz_check_write(check, sequence, fd, i & 1 ? alter : NULL, &rng);
		/* -EDOM: no result of a call contradicts no rule. */
		if (err == -EDOM)
			unlink(path);
		else if (err)
			fprintf(stderr, "%s: %s\n", path, tape_strerror(err));
		failed |= err && err != -EDOM;
		if (fd >= 0)
			close(fd);
		free(path);
	}
	fuzz_check_free(check);
	for (int arch = 0; arch < KVMAPI_ARCHS; arch++)
		fuzz_mutator_free(m[arch]);
	return failed;
}

/* Bytes of chance. */
static void chance(struct fuzz_rng *rng, uint8_t *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)fuzz_rng_next(rng);
}

/* The inputs of other targets: bytes of chance, and a sequence among them. */
static int inputs(const char *target, const char *folder, unsigned long count)
{
	const struct fuzz_options options = {.calls = 8};
	struct fuzz_mutator *m = fuzz_mutator_new(KVMAPI_X86, &options);
	bool player = !strcmp(target, "player"), writer = !strcmp(target, "writer");
	size_t front = writer ? 0 : player ? 3 : 2, size;
	struct fuzz_rng rng = {2};
	char name[32];
	int failed = !m;

	for (unsigned long i = 0; i < count && !failed; i++) {
		fuzz_generate(m, sequence, &rng);
		size = writer ? 0
			      : fuzz_sequence_encode(sequence, bytes + front, ROOM - FRONT - BEHIND,
						     NULL);
		chance(&rng, bytes, front);
		if (player) {
			bytes[0] &= 7;
			bytes[1] = (uint8_t)size;
			bytes[2] = (uint8_t)(size >> 8);
		}
		size += front;
		if (player || writer) {
			chance(&rng, bytes + size, BEHIND);
			size += BEHIND;
		}
		snprintf(name, sizeof(name), "generated-%04lu", i);
		failed = file_put(folder, name, sizeof(name), target, bytes, size);
	}
	fuzz_mutator_free(m);
	return failed;
}

static int values(const char *folder)
{
	int failed = 0;

	for (int arch = 0; arch < KVMAPI_ARCHS; arch++) {
		size_t count;
		const struct kvmapi_ioctl *rows = kvmapi_ioctls(arch, &count);

		for (size_t i = 0; i < count; i++) {
			size_t size = rows[i].size < 1024 ? rows[i].size : 1024;
			char name[96];

			memset(bytes, 0, 3 + size);
			bytes[0] = (uint8_t)arch;
			bytes[1] = (uint8_t)i;
			bytes[2] = (uint8_t)(i >> 8);
			for (size_t at = 0; at < size; at++)
				bytes[3 + at] = (uint8_t)(at % 3 ? 0 : at);
			snprintf(name, sizeof(name), "%s-%s", kvmapi_arch_name(arch), rows[i].name);
			failed |= file_put(folder, name, sizeof(name), "value", bytes, 3 + size);
		}
	}
	return failed;
}

static int dictionary(void)
{
	static const char *const words[] = {
		"arch x86", "kernel ",	 "backend ",	  "cap ",
		"absent ",  "canonical", "results none",  "let ",
		"object ",  "close ",	 "thread ",	  "begin ",
		"end ",	    "memory ",	 "gap ",	  "finish ",
		"cut",	    "vm = kvm.", "vcpu0 = vm.",	  "KVM_CREATE_VM(0)",
		" => ",	    " = 0",	 "hex\\\"00\\\"", "[0]: ",
		"u64 ",	    "data ",	 "regs ",	  "late ",
		"part ",    "<have ",	 "fault>",	  "same",
		"?",
	};
	size_t count;
	const struct kvmapi_ioctl *rows = kvmapi_ioctls(KVMAPI_X86, &count);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		printf("\"%s\"\n", words[i]);
	for (size_t i = 0; i < count; i++)
		printf("\"%s(\"\n", rows[i].name);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc == 2 && !strcmp(argv[1], "dictionary"))
		return dictionary();
	sequence = fuzz_sequence_new(KVMAPI_X86);
	bytes = malloc(ROOM);
	if (!sequence || !bytes)
		return 2;
	if (argc == 3 && !strcmp(argv[1], "value")) {
		failed = values(argv[2]);
	} else if (argc == 4 && !strcmp(argv[1], "generate")) {
		failed = generate(argv[2], strtoul(argv[3], NULL, 0));
	} else if (argc == 4 && !strcmp(argv[1], "tapes")) {
		failed = tapes(argv[2], strtoul(argv[3], NULL, 0));
	} else if (argc == 4 && (!strcmp(argv[1], "minimise") || !strcmp(argv[1], "player") ||
				 !strcmp(argv[1], "writer"))) {
		failed = inputs(argv[1], argv[2], strtoul(argv[3], NULL, 0));
	} else if (argc < 4 || strcmp(argv[1], "sequence")) {
		fprintf(stderr,
			"usage: %s sequence OUT TAPE... | generate OUT COUNT | tapes OUT COUNT |"
			" minimise OUT COUNT | player OUT COUNT | writer OUT COUNT | value OUT | dictionary\n",
			argv[0]);
		failed = 1;
	}
	for (int i = 3; i < argc && !strcmp(argv[1], "sequence"); i++)
		failed |= from_tape(argv[2], argv[i]);
	free(bytes);
	fuzz_sequence_free(sequence);
	return failed ? 2 : 0;
}
