/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Short sequences of calls for tests of the model: each mh_*() feeds one call with its return and
 * gives back the verdict.  Objects: id 1 is /dev/kvm; mh_vm(), mh_vcpu() make others through their
 * creating calls.
 */
#ifndef MODEL_HARNESS_H
#define MODEL_HARNESS_H

#include "kvmtape/model.h"

struct mh {
	struct tape_env env;
	struct model *model;
	uint32_t objects;
	uint8_t kinds[64]; /* by object id */
	uint64_t events;
	struct model_verdict verdict; /* of the last call that was judged */
	uint64_t judged;	      /* how many verdicts came */
	uint64_t diverged;
};

/* An x86 model of this kernel release ("6.1.0") and back end; capabilities are added with mh_cap()
 * before the first call. */
void mh_open(struct mh *h, const char *release, const char *backend);
void mh_cap(struct mh *h, uint32_t cap, int32_t answer);
void mh_close(struct mh *h);

struct mh_call {
	uint32_t object;
	const char *ioctl; /* "KVM_SET_REGS" */
	uint64_t arg;
	const void *in, *out; /* argument struct before and after, NULL = none */
	uint32_t in_len, out_len;
	int64_t ret;
	uint32_t created; /* object id, announced with mh_object() before */
	uint32_t thread;  /* 0 to 3; 3 is of another process */
	/* more parts: KVM_RUN's, nested buffers */
	const struct tape_part *in_parts, *out_parts;
	unsigned int in_part_count, out_part_count;
};
/* One call and its return at once. */
const struct model_verdict *mh_do(struct mh *h, const struct mh_call *call);
/* The halves, for calls that overlap: the call stays open until mh_end() of the same thread. */
void mh_begin(struct mh *h, const struct mh_call *call);
const struct model_verdict *mh_end(struct mh *h, const struct mh_call *call);
/* Announce an object; gives its id. */
uint32_t mh_object(struct mh *h, uint8_t kind, uint32_t parent, uint64_t number, uint8_t flags);
/* Through KVM_CREATE_VM, KVM_CREATE_VCPU: ids. */
uint32_t mh_vm(struct mh *h);
uint32_t mh_vcpu(struct mh *h, uint32_t vm, uint64_t number);
/* Argument struct in and/or out in one line. */
const struct model_verdict *mh_io(struct mh *h, uint32_t object, const char *ioctl, const void *in,
				  uint32_t in_len, const void *out, uint32_t out_len, int64_t ret);
/* A call whose argument is a number. */
const struct model_verdict *mh_value(struct mh *h, uint32_t object, const char *ioctl, uint64_t arg,
				     int64_t ret);
/* KVM_RUN: run_in and run_out are struct kvm_run images of these lengths. */
const struct model_verdict *mh_run(struct mh *h, uint32_t vcpu, const void *run_in, uint32_t in_len,
				   const void *run_out, uint32_t out_len, int64_t ret);
/* The last verdict notes that this rule of kind USUAL does not hold. */
#define mh_unusual(h, id) mh_unusual_at(h, id, __func__)
bool mh_unusual_at(const struct mh *h, const char *id, const char *function);
/* The id of the rule that the last verdict names, "" = none. */
const char *mh_rule(const struct mh *h);
/*
 * What tests say of rules. With KVMTAPE_RULE_LOG in the environment, each check that passed appends
 * a line to that file:
 *
 *	held|deviation|broken|refused RULE PROGRAM FUNCTION
 *
 * The suite `rules` demands of every rule a test that satisfies it (held, deviation) and one that
 * violates it (broken, refused).
 */
/* A rule of this id was held by the last verdict. */
#define mh_held(h, id) mh_held_at(h, id, __func__)
bool mh_held_at(const struct mh *h, const char *id, const char *function);

/* The last verdict carries this advice: that is to satisfy the rule, and not to carry it to violate
 * it. */
#define mh_advised(h, id) mh_advised_at(h, id, __func__)
bool mh_advised_at(const struct mh *h, const char *id, const char *function);

/* cmocka: the last verdict is of this kind and names this rule (NULL = any); prints it when not. */
#define mh_expect(h, kind, rule) mh_expect_at(h, kind, rule, __FILE__, __LINE__, __func__)
void mh_expect_at(struct mh *h, enum model_verdict_kind kind, const char *rule, const char *file,
		  int line, const char *function);
/*
 * cmocka: the rule holds, and the call was decided: it conforms or deviates; by a deviation it
 * deviates, and one that only allows something may leave it unspecified.
 */
#define mh_expect_kept(h, rule) mh_expect_kept_at(h, rule, __FILE__, __LINE__, __func__)
void mh_expect_kept_at(struct mh *h, const char *rule, const char *file, int line,
		       const char *function);
/*
 * cmocka: for a rule that only allows something, and so is never broken itself: the last call went
 * beyond what it allows. The verdict diverges, and this rule is not among those that held.
 */
#define mh_expect_refused(h, rule) mh_expect_refused_at(h, rule, __FILE__, __LINE__, __func__)
void mh_expect_refused_at(struct mh *h, const char *rule, const char *file, int line,
			  const char *function);

#endif
