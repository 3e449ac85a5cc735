/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For mutants_test.sh: mutants of each kind, and what has none.  With a number as its argument it is
 * that mutant, and prints what thing_set() answers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT	 4 /* no mutant: a line of the preprocessor */
#define FLAG_A	 1
#define FLAG_B	 2
#define SEVEN(x) ((x) == 7)

struct thing {
	int count, seen, flags;
	char name[8];
};

static const int table[] = {1, 2, 3}; /* no mutant: outside of functions */
volatile unsigned long kvm_mutant;

static void touch(struct thing *t)
{
	t->seen++;
}

static int thing_set(struct thing *t, int count, int flags)
{
	int sum = 0;

	if (flags & ~(FLAG_A | FLAG_B))
		return -EINVAL;
	/* if (count < 0) return -EPERM; */
	if (count < 0 || count > LIMIT) {
		touch(t);
		return -ENXIO;
	}
	memset(t->name, 0, sizeof(t->name));
	t->count = count;
	t->flags = flags & 0x3 && !strcmp("a == b; if (1) return -EIO;", t->name);
	for (int i = 0; i < count; i++)
		sum += i + 1;
	switch (flags) {
	case 1:
		touch(t);
		return sum;
	}
	return sum + 10;
}

int main(int argc, char **argv)
{
	static const int counts[] = {-1, 0, 3, 4, 5}, flags[] = {0, 1, 2, 4};

	kvm_mutant = strtoul(argv[1], NULL, 10);
	for (unsigned int i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		for (unsigned int k = 0; k < sizeof(flags) / sizeof(flags[0]); k++) {
			struct thing t = {table[0], table[1], table[2], "before"};
			const int rc = thing_set(&t, counts[i], flags[k]);

			printf("%d,%d,%d,%d,%s ", rc, t.count, t.seen, t.flags, t.name);
		}
	}
	return 0;
}
