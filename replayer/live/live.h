/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live: a tape's calls issued again on a live /dev/kvm.
 *
 * live_play() makes a program for the player (player.h) of a tape, has it played by whoever runs
 * players (a child process on this machine, a program inside a guest), writes what came back as a
 * new tape, has the model judge both, and compares them.  docs/live.md says what is played, what is
 * left out, and what counts as a difference.
 */
#ifndef LIVE_H
#define LIVE_H

#include "replayer/judge/judge.h"

/* The output of a player. */
struct live_output {
	uint8_t *data; /* allocated */
	size_t size;
	char end[256]; /* how it ended, if not normally; else "" */
};

/*
 * Runs the player. play() gives it a program (player.h) and waits for its end, at most `timeout`
 * seconds; *output has its output so far whatever is returned. 0; -ENOTCONN: the machine that it
 * ran on is gone; -ETIMEDOUT; or another -errno, with a line in output->end.
 */
struct live_runner {
	int (*play)(void *context, const void *program, size_t size, unsigned int timeout,
		    struct live_output *output);
	void *context;
	enum kvmapi_arch arch;
	bool host; /* this machine's own kernel: well-formed tapes only */
};

/* A runner for this machine: a child process.  context is not used. */
int live_host_play(void *context, const void *program, size_t size, unsigned int timeout,
		   struct live_output *output);

/* The static player for an architecture, an executable file; NULL: this build has none. */
const void *live_player_find(enum kvmapi_arch arch, size_t *size);

struct live_options {
	unsigned int call_time; /* ms after which a call gets a signal, 0 = default (1000) */
	unsigned int timeout;	/* seconds for everything, 0 = default (120) */
	bool advice;		/* keep the advice that calls get */
	bool log;		/* log each call before it is made, for kernels that may crash */
	const char *tool_version;
};

/* Events of one ioctl that were not played, or not compared, and why. */
struct live_reason {
	uint8_t kind;
	uint32_t request;
	const struct kvmapi_ioctl *row;
	char text[112]; /* "the live kernel lacks KVM_CAP_X" */
	uint64_t events;
	uint64_t first; /* index of the first event */
};

/* Why recorded and live answers differ. */
enum live_why {
	LIVE_UNKNOWN,	 /* not explained */
	LIVE_DEVIATION,	 /* one of the kernels has a known quirk */
	LIVE_RECORDED,	 /* the recorded kernel breaks a rule */
	LIVE_LIVE,	 /* the live kernel breaks a rule */
	LIVE_BOTH,	 /* both do */
	LIVE_MACHINE,	 /* what this kernel and processor offer: the documents leave it to them */
	LIVE_REFUSED,	 /* the live kernel does not know the register */
	LIVE_FOLLOWS,	 /* an earlier call was not played, or differed */
	LIVE_GUEST,	 /* guest code ran before it, which does not happen in live play */
	LIVE_DOCUMENTED, /* the results differ, each documented for its own condition */
	LIVE_SILENT,	 /* the documents do not say */
	LIVE_WHYS,
};
const char *live_why_text(enum live_why why);

/* What the model says of an answer. */
struct live_opinion {
	bool judged;
	enum model_verdict_kind verdict;
	const char *rule; /* the broken one, the known quirk, or one that holds; NULL */
};

/* A field, or the result, that came back differently; events with the same texts together. */
struct live_difference {
	uint8_t kind;
	uint32_t request;
	const struct kvmapi_ioctl *row;
	char field[96];	   /* "result", "regs.rip", "IA32_TSC_AUX" */
	char recorded[72]; /* of the first event */
	char live[72];
	struct live_opinion said_recorded, said_live; /* what the model says of both answers */
	enum live_why why;
	uint64_t events;
	uint64_t first; /* index of the first event on the tape */
};
/*
 * What the model says of both answers, in one line: "both conforms (RULE)", "recorded diverges
 * (RULE), live conforms (RULE)"; `name` names a verdict. Returns buf.
 */
#define LIVE_MODEL_TEXT 200
const char *live_model_text(const struct live_difference *d,
			    const char *(*name)(enum model_verdict_kind), char *buf);

/* Advice on a call, by the tape that was played, by the new one, or by both in the same words. */
struct live_advice {
	uint64_t event; /* index on the tape that was played */
	uint32_t thread, request;
	uint8_t kind;
	uint16_t rule;
	bool recorded, live;
	const struct kvmapi_ioctl *row;
	char detail[sizeof(((struct model_advice *)0)->detail)];
};

struct live_report {
	struct tape_env env; /* of the live kernel */
	char refused[320];   /* why the tape was not played; "" = it was */
	char end[256];	     /* how the player ended, if not normally */
	int64_t last_begun;  /* with options.log: the call that was begun last, -1 = none */
	uint64_t calls;	     /* on the tape */
	uint64_t played;     /* of them, that came back */
	uint64_t skipped;    /* left out, with a reason */
	uint64_t unanswered; /* played but no answer came: the machine ended */
	uint64_t repeated;   /* further calls for the rest of a list */
	uint64_t same;	     /* compared and equal */
	uint64_t different;  /* with at least one difference */
	uint64_t uncompared; /* not comparable: KVM_RUN without guest code, no return */
	uint64_t kicked, blocked;
	uint64_t time; /* ns that the player's steps took */
	size_t skip_count, left_count, difference_count, advice_count;
	struct live_reason *skips; /* most events first */
	struct live_reason *lefts; /* fields and answers that are not compared */
	struct live_difference *differences;
	struct live_advice *advice;	      /* with options.advice, by event */
	struct replayer_score recorded, live; /* what the model says of the two tapes */
};

/*
 * Play a tape (its file in memory) and write the new tape to `fd` (seekable, empty).  *report is to
 * be released whatever is returned.  0: played, or refused (report->refused); -ENOTCONN,
 * -ETIMEDOUT: played in part, report->end says why it ended; a tape error; -ENOTSUP: another
 * architecture, or no model of it; another -errno.
 */
int live_play(const void *tape, size_t size, const struct live_runner *runner,
	      const struct live_options *options, int fd, struct live_report *report);
void live_report_release(struct live_report *report);

#endif
