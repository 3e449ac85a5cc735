/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inputs to begin with: tapes, as they are and as encoded sequences.
 *
 *	seeds sequence OUT TAPE...	OUT/NAME.seq of each tape
 *	seeds generate OUT COUNT	COUNT sequences that the mutator made from nothing
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

#include "fuzz/fuzz.h"

#define ROOM (1 << 20)

static struct fuzz_sequence *sequence;
static uint8_t *bytes;

static int put(const char *folder, const char *name, int name_len)
{
	size_t size = fuzz_sequence_encode(sequence, bytes, ROOM, NULL);
	char *path = NULL;
	FILE *out;
	int failed = 1;

	if (asprintf(&path, "%s/%.*s.seq", folder, name_len, name) < 0)
		return 1;
	out = fopen(path, "wb");
	if (out) {
		failed = fwrite(bytes, 1, size, out) != size;
		failed |= fclose(out);
	}
	if (failed)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	free(path);
	return failed;
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
	if (argc < 4 || (strcmp(argv[1], "sequence") && strcmp(argv[1], "generate"))) {
		fprintf(stderr,
			"usage: %s sequence OUT TAPE... | generate OUT COUNT | dictionary\n",
			argv[0]);
		return 2;
	}
	sequence = fuzz_sequence_new(KVMAPI_X86);
	bytes = malloc(ROOM);
	if (!sequence || !bytes)
		return 2;
	if (!strcmp(argv[1], "generate"))
		failed = generate(argv[2], strtoul(argv[3], NULL, 0));
	for (int i = 3; i < argc && !strcmp(argv[1], "sequence"); i++)
		failed |= from_tape(argv[2], argv[i]);
	free(bytes);
	fuzz_sequence_free(sequence);
	return failed ? 2 : 0;
}
