/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a target without an engine: on files, and on the files in folders, one after the other. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/target.h"

static unsigned long files;

static int replay_file(const char *path, off_t size)
{
	FILE *in = fopen(path, "rb");
	uint8_t *data = malloc(size ? size : 1);
	size_t have;
	int failed = 0;

	if (!in || !data) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		failed = 1;
		goto out;
	}
	/* Printed before, since the target aborts when it finds something. */
	printf("# %s\n", path);
	fflush(stdout);
	have = fread(data, 1, size, in);
	LLVMFuzzerTestOneInput(data, have);
	files++;
out:
	free(data);
	if (in)
		fclose(in);
	return failed;
}

static int replay(const char *path);

static int replay_folder(const char *path)
{
	struct dirent **names;
	int count = scandir(path, &names, NULL, alphasort);
	int failed = 0;

	if (count < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	for (int i = 0; i < count; i++) {
		char *inside = NULL;

		if (names[i]->d_name[0] != '.' &&
		    asprintf(&inside, "%s/%s", path, names[i]->d_name) > 0)
			failed |= replay(inside);
		free(inside);
		free(names[i]);
	}
	free(names);
	return failed;
}

static int replay(const char *path)
{
	struct stat st;

	if (stat(path, &st)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	return S_ISDIR(st.st_mode) ? replay_folder(path) : replay_file(path, st.st_size);
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc < 2) {
		fprintf(stderr,
			"usage: %s FILE|FOLDER...\nThis build has no fuzzing engine: it replays inputs.\n",
			argv[0]);
		return 2;
	}
	if (LLVMFuzzerInitialize(&argc, &argv)) {
		fprintf(stderr, "%s: cannot begin\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		unsigned long before = files;

		failed |= replay(argv[i]);
		/* A test of nothing would pass. */
		if (files == before && !failed) {
			fprintf(stderr, "%s: no input there\n", argv[i]);
			failed = 1;
		}
	}
	printf("%lu inputs, nothing found\n", files);
	return failed ? 2 : 0;
}
