/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of a campaign. */
#ifndef FUZZ_CAMPAIGN_INTERNAL_H
#define FUZZ_CAMPAIGN_INTERNAL_H

#include <pthread.h>

#include "fuzz/campaign.h"
#include "replayer/judge/minimise.h"

/* Numbers that have been seen: open addressing, 0 is no key. */
struct keys {
	uint64_t *table;
	size_t size, count;
};

struct campaign_entry {
	uint8_t *bytes; /* as fuzz_sequence_encode() makes them */
	size_t size;
	uint32_t chosen;
	bool seed; /* from a tape: its file is elsewhere */
};

enum find_state {
	FIND_NEW,      /* its first tape is in the folder, it was not verified yet */
	FIND_VERIFIED, /* it was, and has its find.json */
};

struct campaign_find {
	char signature[FUZZ_LIVE_SIGNATURE];
	char name[160]; /* of its folder */
	enum find_state state;
	uint64_t times;
	unsigned int shown, runs;
};

/* Where sequences come from. */
enum campaign_source {
	CAMPAIGN_NEW,	/* generated */
	CAMPAIGN_QUEUE, /* mutated from one of the queue */
};
#define CAMPAIGN_SOURCES 2

struct campaign {
	const struct campaign_options *o;
	pthread_mutex_t lock; /* of everything below */
	struct campaign_counts n;
	struct campaign_entry *entries;
	size_t entry_count, entry_room;
	uint64_t queue_number; /* of the next file */
	struct campaign_find *finds;
	size_t find_count, find_room;
	struct keys blocks, outcomes, rules;
	uint64_t before_ms; /* of earlier runs */
	uint64_t started_ms;
	uint64_t restarts_before;
	uint64_t first_now; /* executions when this run began */
	/* Of the latest plays: their number, and the number that reached something new. */
	double source_plays[CAMPAIGN_SOURCES], source_news[CAMPAIGN_SOURCES];
	int folder, queue, finds_folder; /* descriptors */
	int lock_fd, blocks_fd, outcomes_fd, curves_fd, log_fd;
	char kernel[128];
	bool resumed;
	int failed; /* -errno; the line is in error */
	char error[400];
};

/* Milliseconds of all runs so far. */
uint64_t campaign_time(const struct campaign *c);
/* Stop the campaign; the first reason is kept. Returns rc. */
int campaign_fail(struct campaign *c, int rc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool campaign_over(struct campaign *c);

/* True if the key was not there. *rc: -ENOMEM. */
bool keys_add(struct keys *k, uint64_t key, int *rc);
bool keys_has(const struct keys *k, uint64_t key);
uint64_t keys_hash(const char *text, size_t size);

/* --- the folder (campaign_state.c); the lock is held or not needed yet --- */

/* Open or make it, read what is there.  0, -errno after campaign_fail(). */
int campaign_state_open(struct campaign *c);
void campaign_state_close(struct campaign *c);
/* Write the counts, and a row of the curves. */
int campaign_state_save(struct campaign *c);
/* A line into the log, with the time before it. */
int campaign_log(struct campaign *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A sequence joins the queue, and its file the folder. */
int campaign_queue_add(struct campaign *c, const struct fuzz_sequence *s);
/* Into memory only. */
int campaign_entry_add(struct campaign *c, const struct fuzz_sequence *s, bool seed);
/* Lines of blocks: how many are new.  They go to the file. */
int campaign_blocks_add(struct campaign *c, const char *lines, size_t *added);
/* An outcome of a rule: 1 if it is new.  It goes to the file. */
int campaign_outcome_add(struct campaign *c, uint16_t rule, int64_t ret);
/* Write a file of a folder as a whole or not at all.  0, -errno. */
int campaign_file_put(int folder, const char *name, const void *data, size_t size);
int campaign_file_get(int folder, const char *name, uint8_t **data, size_t *size);
/* Seeds as the options say. */
int campaign_seeds_read(struct campaign *c);

/* --- finds (campaign_triage.c) --- */

/* The signature of a divergence: "diverges RULE KVM_IOCTL ENXIO". Returns buf. */
const char *campaign_divergence_text(const struct minimise_signature *s, char *buf, size_t size);
/* The number of the find of this signature, SIZE_MAX: none. */
size_t campaign_find_known(const struct campaign *c, const char *signature);
/* Add the new find in the machine's last result. *number is its number. 0, -errno. */
int campaign_find_note(struct campaign *c, struct campaign_machine *m,
		       const struct fuzz_live_result *result, const char *signature,
		       size_t *number);
/* Verify, minimise, write. The machine must have no sequence in flight. 0, -EINTR, -errno. */
int campaign_find_triage(struct campaign *c, struct campaign_machine *m, size_t number);
/* Read the folder of finds into c->finds. */
int campaign_find_load(struct campaign *c, const char *name);

/* --- what is shown (campaign_status.c) --- */

void campaign_status_line(struct campaign *c, char *buf, size_t size);
void campaign_status_screen(struct campaign *c, uint64_t recent, uint64_t recent_ms);

#endif
