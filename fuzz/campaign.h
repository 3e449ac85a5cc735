/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * campaign: fuzzing a live kernel for hours, with the model as the judge.
 *
 * Workers, each with a machine of its own, take a sequence of the queue, change it, and have it
 * played. A sequence that reaches a new block of the kernel, or a new outcome of a rule, joins the
 * queue. A divergence, crash or hang is a find: identified by its signature, played again on a
 * fresh machine, minimised, and written into a folder of its own.
 *
 * All state is in one folder (docs/campaign.md, "The folder of a campaign"), from which a stopped
 * campaign is resumed.
 */
#ifndef FUZZ_CAMPAIGN_H
#define FUZZ_CAMPAIGN_H

#include <signal.h>

#include "fuzz/fuzz.h"
#include "fuzz/live.h"

/*
 * A machine that plays sequences. Belongs to the thread that opened it; functions are as the
 * fuzz_live_ ones of their names.
 */
struct campaign_machine {
	void *context;
	unsigned int (*room)(void *context);
	int (*submit)(void *context, const struct fuzz_sequence *sequence, uint64_t number);
	int (*next)(void *context, struct fuzz_live_result *result);
	int (*one)(void *context, const struct fuzz_sequence *sequence,
		   struct fuzz_live_result *result);
	int (*tape)(void *context, int fd); /* of the last result */
	int (*restore)(void *context);
	const struct tape_env *(*env)(void *context);
	/* Blocks of the result that no result of this machine had: *lines gets a line for each,
	 * "kvm .text+0x12 function+0x3", in an allocated string; NULL: none. */
	int (*blocks)(void *context, const struct fuzz_live_result *result, char **lines);
	uint64_t (*restarts)(void *context);
	const char *(*log)(void *context); /* console of the last crash */
	const char *(*error)(void *context);
	void (*close)(void *context);
};

typedef void (*campaign_verdict_fn)(void *context, uint64_t number, const struct tape_return *ret,
				    const struct model_verdict *verdict);

/* Opens machines. */
struct campaign_maker {
	/* 0; -errno with a line for a person in error. */
	int (*open)(void *context, campaign_verdict_fn verdict, void *verdict_context,
		    struct campaign_machine *machine, char *error, size_t error_size);
	void *context;
};

struct campaign_options {
	const char *folder;
	const char *where;	  /* "guest:bookworm"; a folder belongs to one */
	const char *version;	  /* of the program */
	const char *const *seeds; /* tapes, and folders of tapes */
	size_t seed_count;
	unsigned int workers; /* at least 1 */
	uint64_t random;      /* seed of random numbers */
	uint32_t calls;	      /* of a sequence, at most */
	bool blind;	      /* nothing joins the queue */
	bool minimise;
	bool guest_code;
	unsigned int runs;		    /* by which finds are verified */
	uint64_t seconds;		    /* ends after so many, 0 = never */
	uint64_t executions;		    /* ends after so many, 0 = never */
	unsigned int interval;		    /* seconds between lines */
	bool screen;			    /* a status screen instead of lines */
	const char *bold, *dim, *bad, *off; /* colours, may be "" */
	FILE *out;
	volatile sig_atomic_t *stop;
	struct campaign_maker maker;
};

/* Results over all runs of the folder. */
struct campaign_counts {
	uint64_t executions, calls, seconds_ms;
	uint64_t restarts, kicked, lost, deviations, crashes;
	uint64_t stable, stable_of; /* blocks of repeated sequences */
	uint64_t blocks, rules, outcomes, queue;
	uint64_t finds, verified, repeated; /* signatures; of them shown again; sequences in all */
	uint64_t gone;			    /* of the signatures: verified, and never shown again */
	uint64_t crashes_now;		    /* of this run */
	uint64_t executions_now;
	bool machine_failed; /* it ended because a machine failed */
	uint64_t foreign;    /* files that are not a campaign's */
};

/*
 * Run or resume a campaign until *stop, the time is over, or nothing more can be done. 0; -errno
 * with a line in error: the folder is consistent, and running again resumes.
 */
int campaign_run(const struct campaign_options *options, struct campaign_counts *counts,
		 char *error, size_t error_size);

/* --- machines --- */

struct campaign_guest_options {
	const struct guest_kernel *kernel;
	const char *module;
	unsigned int memory, players;
	bool coverage;
	int interrupt_fd;
	const char *version;
};
/* Disposable guests.  *options has to live as long as machines are opened. */
void campaign_guest_maker(const struct campaign_guest_options *options,
			  struct campaign_maker *maker);
/*
 * This machine's own kernel, which may crash: a child process plays each sequence.  No coverage.
 * For machines that nobody minds.
 */
void campaign_host_maker(const char *version, struct campaign_maker *maker);

#endif
