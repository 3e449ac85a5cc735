/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_live: sequences played on the kernel of a disposable guest, and judged by the model.
 *
 * A guest with a resident player is brought up once and kept as a snapshot. Sequences are submitted
 * and come back with an outcome; several are in flight at the same time, played side by side by
 * workers in the guest, each with a VM and descriptors of its own: most of what a VM costs is
 * waiting. A crash ends the guest; the sequences in flight are then played one by one from the
 * snapshot, to find the one that crashes it again.
 *
 *	fuzz_live_open(&kernel, &options, &live, &error);
 *	for (;;) {
 *		while (fuzz_live_room(live))
 *			fuzz_live_submit(live, sequence, number);
 *		fuzz_live_next(live, &result);
 *		if (result.outcome != FUZZ_LIVE_CONFORMS)
 *			fuzz_live_tape(live, fd);
 *	}
 *	fuzz_live_close(live);
 *
 * Belongs to one thread. Functions return 0 or -errno.
 */
#ifndef FUZZ_LIVE_H
#define FUZZ_LIVE_H

#include "fuzz/coverage.h"
#include "fuzz/sequence.h"
#include "guest/guest.h"
#include "kvmtape/model.h"

struct fuzz_live;

/*
 * What the guest's kernel is started with: its files about each VM in debugfs, the clearing of
 * fresh pages and huge pages cost half of the rate of VMs, and nothing of the API depends on them.
 */
#define FUZZ_LIVE_APPEND "debugfs=off init_on_alloc=0 transparent_hugepage=never"

enum fuzz_live_outcome {
	FUZZ_LIVE_CONFORMS, /* no call diverges */
	FUZZ_LIVE_DIVERGES, /* at least one does */
	FUZZ_LIVE_CRASH,    /* the guest's kernel: panic, oops, WARN, reset */
	FUZZ_LIVE_HANG,	    /* the guest's kernel, or a call that no signal ended */
	FUZZ_LIVE_LOST,	    /* nothing can be said: .signature has why */
};
const char *fuzz_live_outcome_name(enum fuzz_live_outcome outcome);

struct fuzz_live_options {
	unsigned int workers;	  /* players side by side, 0 = default (16) */
	unsigned int window;	  /* sequences on their way, 0 = default (three a worker) */
	unsigned int call_time;	  /* ms after which a call gets a signal, 0 = default (500) */
	unsigned int run_time;	  /* the same of KVM_RUN, 0 = default (100) */
	unsigned int hang_time;	  /* s without a word from the guest that make a hang, 0 = 10 */
	unsigned int memory;	  /* MiB of the guest, 0 = default (512) */
	bool coverage;		  /* watch which blocks of KVM run */
	const char *module;	  /* KVM modules of one's own (guest_config.module), NULL */
	const char *append;	  /* more for the kernel's command line, NULL */
	const char *log;	  /* serial logs of crashes go into this file, NULL */
	int interrupt_fd;	  /* as in struct guest_config; -1 = none */
	const char *tool_version; /* for tapes; NULL */
	/*
	 * For tests: may change what a call answered before the model and the tape see it.  `call`
	 * is the index in the sequence.
	 */
	void (*falsify)(void *context, uint32_t call, int64_t *ret);
	/* Each verdict of the model as it comes; `number` as in fuzz_live_submit(). */
	void (*verdict)(void *context, uint64_t number, const struct tape_return *ret,
			const struct model_verdict *verdict);
	void *context;
};
void fuzz_live_options_init(struct fuzz_live_options *options);

#define FUZZ_LIVE_SIGNATURE 192

/* The result of a sequence; pointers are valid until the next call of a fuzz_live_ function. */
struct fuzz_live_result {
	uint64_t number; /* as submitted */
	const struct fuzz_sequence *sequence;
	enum fuzz_live_outcome outcome;
	/*
	 * The same for the same find: "diverges RULE KVM_IOCTL EINVAL" (rule, call, what it
	 * answered), "warning kvm_vcpu_ioctl" (kind of crash, the first function of KVM in the
	 * trace), "hang KVM_RUN"; "" for FUZZ_LIVE_CONFORMS.
	 */
	char signature[FUZZ_LIVE_SIGNATURE];
	/* Of the first divergence: which call of the sequence, what the rule demands, what came. */
	uint32_t call; /* UINT32_MAX: not known, or none */
	uint16_t rule;
	char expected[MODEL_TEXT], observed[MODEL_TEXT];
	uint32_t played; /* calls that came back */
	uint32_t kicked; /* of them, those that a signal ended */
	uint32_t verdicts[MODEL_VERDICT_KINDS];
	const uint64_t *rule_hits; /* as model_rule_hits(); NULL if nothing was judged */
	uint64_t time; /* ns that its calls took in the guest, other workers' included */
	/* A bit for each block (fuzz_coverage_blocks()) that ran; NULL without coverage. */
	const uint8_t *blocks;
	size_t block_count; /* bits */
};

/*
 * Bring up a guest on a kernel (x86).  *error gets a line for a person if that fails.  -ENOTSUP:
 * not an x86 kernel; otherwise as guest_start().
 */
int fuzz_live_open(const struct guest_kernel *kernel, const struct fuzz_live_options *options,
		   struct fuzz_live **live, struct guest_error *error);
void fuzz_live_close(struct fuzz_live *live); /* NULL is allowed */

/* Properties of the live kernel. */
const struct tape_env *fuzz_live_env(const struct fuzz_live *live);
/* Blocks of KVM seen so far; NULL without coverage. */
struct fuzz_coverage *fuzz_live_coverage(struct fuzz_live *live);
/* How many more sequences may be submitted before a result must be taken. */
unsigned int fuzz_live_room(const struct fuzz_live *live);
unsigned int fuzz_live_outstanding(const struct fuzz_live *live);
/*
 * Send a sequence; it is copied, and kept until its result was taken.  -EBUSY: no room; -E2BIG: it
 * is too large to be played; -ENOMEM.
 */
int fuzz_live_submit(struct fuzz_live *live, const struct fuzz_sequence *sequence, uint64_t number);
/*
 * The next result, in the order in which they come.  -ENODATA: nothing is on its way; -EINTR:
 * interrupt_fd; another error: no guest can be had any more, fuzz_live_error() says why.
 */
int fuzz_live_next(struct fuzz_live *live, struct fuzz_live_result *result);
/* Submit one and wait for its result, when nothing else is on its way. */
int fuzz_live_one(struct fuzz_live *live, const struct fuzz_sequence *sequence,
		  struct fuzz_live_result *result);
/*
 * Write the tape of the last result (with what the kernel answered, as far as it did).  fd as in
 * tape_writer_open().
 */
int fuzz_live_tape(struct fuzz_live *live, int fd);
/* The console of the guest that crashed last, NUL at its end; "" = none did. */
const char *fuzz_live_log(const struct fuzz_live *live);
/* End the guest and begin again from the snapshot: nothing may be on its way. */
int fuzz_live_restore(struct fuzz_live *live);
const char *fuzz_live_error(const struct fuzz_live *live);

struct fuzz_live_counts {
	uint64_t submitted, finished;
	uint64_t restarts; /* of the guest */
	uint64_t replayed; /* sequences that were played again to find the one that crashed */
	/* Ends of a guest that no sequence reproduced when played alone. */
	uint64_t unexplained;
};
const struct fuzz_live_counts *fuzz_live_counts(const struct fuzz_live *live);

#endif
