/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Target: minimise, on the model alone.  The input says which result to change and how, then comes
 * an encoded sequence, of which a tape with the results that the model makes up is written, but for
 * that one.  If the tape diverges, minimising comes to an end, what is left is not larger and
 * diverges in the same way, and minimising it once more changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/check.h"
#include "fuzz/target.h"
#include "fuzz/target_file.h"
#include "replayer/judge/minimise.h"

#define CALLS_MAX 20

static struct fuzz_check *check;
static struct fuzz_sequence *sequence;
static int tape = -1, less = -1, least = -1;

struct change {
	uint8_t at, how; /* which return; in which way */
	uint8_t seen;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	sequence = fuzz_sequence_new(KVMAPI_X86);
	tape = fuzz_file_new();
	less = fuzz_file_new();
	least = fuzz_file_new();
	if (!sequence || tape < 0 || less < 0 || least < 0)
		return -1;
	return fuzz_check_new(NULL, NULL, &check);
}

static void found(const char *what, const struct minimise_signature *s)
{
	char text[256];

	fprintf(stderr, "target_minimise: %s: %s\n", what,
		minimise_signature_text(s, text, sizeof(text)));
	abort();
}

static void alter(void *context, struct tape_return *ret)
{
	static const int64_t results[] = {0, 1, -EINVAL, -EEXIST, -ENOENT, -EBUSY, 4096, -1};
	struct change *c = context;
	uint8_t *bytes;

	if (c->seen++ != c->at)
		return;
	if (c->how & 0x80 || !ret->part_count || !ret->parts[0].have) {
		if (!ret->created)
			ret->ret = results[c->how & 7];
		return;
	}
	bytes = (uint8_t *)(uintptr_t)ret->parts[0].data;
	bytes[(c->how >> 3) * 7u % ret->parts[0].have] ^= 1 << (c->how & 7);
}

/* Minimise a tape into `to`.  False: it does not diverge, or there is no memory. */
static bool minimise(int from, int to, struct minimise_report *report)
{
	const struct minimise_options options = {.event = UINT64_MAX};
	struct minimise_signature first;
	struct fuzz_file_bytes b;
	int found_one, rc;

	if (!fuzz_file_clear(to) || !fuzz_file_map(from, &b))
		return false;
	found_one = minimise_find(b.data, b.size, NULL, &first);
	rc = minimise_tape(b.data, b.size, &options, to, report);
	fuzz_file_unmap(&b);
	if (rc == -ENOMEM || found_one == -ENOMEM)
		return false;
	if (found_one != rc)
		found("a divergence that only one of the two sees", &report->signature);
	if (rc == 1 && !minimise_signature_same(&first, &report->signature))
		found("not the first divergence", &report->signature);
	return rc == 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct minimise_report one, two;
	struct minimise_signature left;
	struct fuzz_file_bytes b;
	struct change change;
	bool same;

	if (size < 2 || !fuzz_file_clear(tape))
		return 0;
	change = (struct change){.at = data[0] % CALLS_MAX, .how = data[1]};
	fuzz_sequence_decode(sequence, data + 2, size - 2);
	if (sequence->call_count > CALLS_MAX ||
	    fuzz_check_write(check, sequence, tape, alter, &change))
		return 0;
	if (!minimise(tape, less, &one))
		return 0;
	if (one.calls_after > one.calls_before)
		found("more calls than before", &one.signature);
	if (!fuzz_file_map(less, &b))
		return 0;
	same = minimise_find(b.data, b.size, &one.signature, &left) == 1;
	fuzz_file_unmap(&b);
	if (!same)
		found("the divergence is lost", &one.signature);
	if (!minimise(less, least, &two))
		return 0;
	if (!minimise_signature_same(&one.signature, &two.signature))
		found("another divergence the second time", &two.signature);
	if (!fuzz_file_same(less, least))
		found("smaller the second time", &two.signature);
	return 0;
}
