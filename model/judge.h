/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a rule's code may use.  A handler judges one call: it looks at the call, its return and the
 * state, says which rules hold or are broken, and brings the state up to date.
 *
 * The usual shape of a handler:
 *
 *	if (vm->irqchip == STATE_IRQCHIP_NONE)
 *		return j_must_fail(j, R_X_NEEDS_CHIP);		// documents or a deviation demand it
 *	j_may_fail(j, R_X_NO_MEMORY);			// an error that is allowed, and by what
 *	if (!j_succeeds(j, R_X_SUCCEEDS))		// otherwise 0 is demanded
 *		return;
 *	j_block_check(...), j_block_set(...)		// promised OUT bytes; new state
 */
#ifndef MODEL_JUDGE_H
#define MODEL_JUDGE_H

#include <errno.h>

#include "kvmtape/model.h"
#include "model/state.h"

enum {
#define RULE(id, ...) R_##id,
#include "model/rules.def"
#undef RULE
	R_COUNT
};
#define R_NONE 0xffff

/* The errnos of a rule's row, 0 ends them. */
static inline const uint8_t *rule_errors(uint16_t rule)
{
	size_t count;

	return model_rules(&count)[rule].errors;
}

/* The row has this one, or none at all; anything else is a mistake of the code. */
bool rule_has_error(uint16_t rule, int error);

#define JUDGE_ALLOWED 12

/*
 * A call, and what was known before it: all that an answer may depend on.  Nothing of it can be
 * changed through this.
 */
struct question {
	const struct model *m;
	const struct state_vm *vm;     /* NULL: system call */
	const struct state_vcpu *vcpu; /* NULL: not a vCPU */
	const struct state_device *device;
	const struct state_system *system; /* the answers of /dev/kvm; never NULL */
	const struct tape_call *call;
	const struct kvmapi_ioctl *row;
	const struct tape_part *in;	/* argument struct before, NULL = none captured */
	uint64_t entered;		/* model sequence number at which the call began */
	uint64_t left;			/* and at which it returned; 0 while it has not */
	const struct tape_return *late; /* may have parts that were read late; NULL */
};

/*
 * A call that returned, and the state to be brought up to date: the only way by which handlers
 * change it.
 */
struct learn {
	const struct question *q;
	const struct tape_return *ret; /* NULL at the call (see .enter and .settle) */
	const struct tape_part *out;   /* argument struct after, NULL */
	struct model *m;
	struct state_vm *vm;
	struct state_vcpu *vcpu;
	struct state_device *device;
	struct state_system *system;
	/* The call returned success, and no rule demanded that it fails. */
	bool succeeded;
	int oom;
};

struct judge {
	const struct question *q;
	struct learn *l;
	struct model *m;
	struct state_vm *vm;	 /* NULL: system call */
	struct state_vcpu *vcpu; /* NULL: not a vCPU */
	struct state_device *device;
	const struct tape_return *ret;
	const struct tape_part *out; /* argument struct after, NULL */
	struct model_verdict *v;
	uint16_t deviation;  /* first deviation rule that explained something, R_NONE */
	uint16_t allowed_by; /* first rule that only allowed what was seen, R_NONE */
	bool strong;	     /* a promise held that another answer would have broken */
	bool broken;
	bool unsure;  /* succeeded where this kernel may have to fail: what it did is not known */
	bool any_int; /* the result may be any number: one that is read back, and cut to an int */
	struct {
		uint16_t rule;
		int error;
	} allowed[JUDGE_ALLOWED];
	unsigned int allowed_count;
	bool allowed_more; /* than there is room for */
	int oom;
	struct promises *promises; /* NULL: nobody asked */
};

/* --- facts ------------------------------------------------------------------------------------ */

uint32_t q_kernel(const struct question *q); /* MODEL_KERNEL(), 0 = not known */
/*
 * The kernel is newer than those whose sources the tables of the rules follow, so that it may have
 * types, groups and capabilities that they lack; or may be, if it is not known.
 */
bool q_newer(const struct question *q);
bool q_maybe_newer(const struct question *q);
uint32_t q_page(const struct question *q); /* bytes of a page of the tape's machine */
/* What KVM_CHECK_EXTENSION answered for a capability; INT32_MIN = not on the tape. */
int32_t q_cap(const struct question *q, uint32_t cap);
/* The kernel said that it lacks a capability; not known if it was not asked. */
enum state_tri q_lacks(const struct question *q, uint32_t cap);
/* Back end, "kvm_intel", "kvm_pvm", ...; "" = not known. */
const char *q_backend(const struct question *q);
/* The rule stands in the documents (or, a deviation, is known) of the tape's kernel and
 * architecture. */
bool q_applies(const struct question *q, uint16_t rule);
/* Whether the kernel has the change that bounds the rule is not known (a distribution's kernel, or
 * no kernel named): the rule can be held, and is never broken. */
bool q_doubted(const struct question *q, uint16_t rule);
/* A KVM_RUN of this vCPU (of any vCPU of the VM for q_vm_ran) was under way at some time during
 * this call. */
bool q_vcpu_ran(const struct question *q);
bool q_vm_ran(const struct question *q);
/* A vCPU of the VM of this call may be in KVM_RUN now. */
bool q_vm_running(const struct question *q);
/* Guest code of this vCPU ran before this call began; STATE_UNKNOWN if the first KVM_RUN overlaps
 * it. */
enum state_tri q_vcpu_has_run(const struct question *q);

/* What is known of the machine: the answers of /dev/kvm. Never NULL. */
struct state_system *j_system(const struct judge *j);
/* The object that this call made, as the tape has it; NULL = none. */
const struct tape_object *j_created(const struct judge *j);
const struct tape_object *l_created(const struct learn *l);

/*
 * A field of the argument before (IN) or after (OUT) the call, in the byte order of the tape. False
 * if it was not captured; then *value stays.  Q_IN(q, struct kvm_irqfd, gsi, &gsi) for the usual
 * case.
 */
bool q_field(const struct question *q, const struct tape_part *part, size_t offset, size_t width,
	     uint64_t *value);
#define Q_IN(q, type, member, value) \
	q_field(q, (q)->in, offsetof(type, member), sizeof(((type *)0)->member), value)
#define L_OUT(l, type, member, value) \
	q_field((l)->q, (l)->out, offsetof(type, member), sizeof(((type *)0)->member), value)
#define J_OUT(j, type, member, value) \
	q_field((j)->q, (j)->out, offsetof(type, member), sizeof(((type *)0)->member), value)
/* A role of what a call leaves behind. */
bool role_is_out(enum tape_role role);
/* A part of the call by role, NULL = not there.  It may have been read late, at the return. */
const struct tape_part *q_part(const struct question *q, enum tape_role role);
/* A part of this event by role, NULL = not there. */
const struct tape_part *j_part(const struct judge *j, enum tape_role role);
const struct tape_part *l_part(const struct learn *l, enum tape_role role);
/* A little-endian or big-endian number of the tape from bytes. */
uint64_t q_number(const struct question *q, const uint8_t *bytes, size_t width);

/* --- saying what holds ------------------------------------------------------------------------ */

/*
 * A rule was checked and holds.  A promise makes the call conform.  A rule that only allows what
 * was seen (MODEL_RIGHT) or that holds of nearly everything (MODEL_WEAK) does not: another answer
 * would have been as good.
 */
void j_hold(struct judge *j, uint16_t rule);
/* A rule is broken.  Rules that do not apply to this kernel are never broken: the call does nothing
 * then. */
void j_break(struct judge *j, uint16_t rule, const char *expected, const char *observed_format, ...)
	__attribute__((format(printf, 4, 5)));
/* Holds if `holds`, else broken.  Returns holds. */
bool j_check(struct judge *j, uint16_t rule, bool holds, const char *expected,
	     const char *observed_format, ...) __attribute__((format(printf, 5, 6)));
/*
 * The same without a say in whether the call conforms or deviates: for rules of what kernels do
 * where the documents say nothing, beside others that they do speak of.
 */
void j_keep(struct judge *j, uint16_t rule);
bool j_keeps(struct judge *j, uint16_t rule, bool holds, const char *expected,
	     const char *observed_format, ...) __attribute__((format(printf, 5, 6)));
/* got == want, with both in the message, called `what`. */
bool j_equal(struct judge *j, uint16_t rule, const char *what, uint64_t want, uint64_t got);
/* Cannot be judged, and why ("argument not captured"). */
void j_skip(struct judge *j, const char *why);
/* The documents are silent, and of what.  Keeps what j_hold said: a strong rule still makes it
 * conform. */
void j_silent(struct judge *j, const char *of_what);

/*
 * The errors of this rule (its row has them) are allowed here.  Use it where the model does not know whether the
 * rule's condition holds. So the error does not make the call conform, whatever the kind of the
 * rule: success would have been accepted, too; but for where j_must_fail() demands an error.
 */
void j_may_fail(struct judge *j, uint16_t rule);
/* One of the rule's errors is. */
void j_may_fail_with(struct judge *j, uint16_t rule, int error);
/* The rule's error is demanded, of which there is only one. Allowed ones (j_may_fail) and the errors of j_environment_error() are
 * accepted, too. */
void j_must_fail(struct judge *j, uint16_t rule);
/* One of the rule's errors is. */
void j_must_fail_with(struct judge *j, uint16_t rule, int error);
/*
 * The call fails by this rule if that is so: true if it must, and the verdict is final; if it is
 * not known, the errors of the rule are allowed.  Causes are asked about in the order in which
 * the kernel looks at them.
 */
bool j_refuse(struct judge *j, uint16_t rule, enum state_tri cause);
/* With one of the rule's errors. */
bool j_refuse_with(struct judge *j, uint16_t rule, int error, enum state_tri cause);
/*
 * Success is demanded: a return value of 0.  False if the call failed, and then everything is said:
 * held by the rule that allowed the error, excused by j_environment_error(), or broken.
 */
bool j_succeeds(struct judge *j, uint16_t rule);
/* The same for calls that return a number >= 0 (descriptor, count). */
bool j_succeeds_value(struct judge *j, uint16_t rule);
/*
 * Success is possible and demanded by nothing, since the model does not know enough (say of what):
 * true if the call succeeded.  Neither success nor failure makes the call conform.  What the call
 * gives back may be checked after it, and that does.
 */
bool j_may_succeed(struct judge *j, uint16_t rule, const char *unknown);
/*
 * Errors that no document ties to the call.  Of the environment: ENOMEM, EINTR of a vCPU or VM
 * ioctl and of KVM_CREATE_VM, which waits where a signal can wake it, EIO of a VM that the kernel
 * gave up, EFAULT when the argument could not be read or is to be written (what the process may
 * write is not on the tape), EMFILE/ENFILE for calls that make descriptors.  And those that are
 * given before KVM is asked: EBADF of a descriptor that is open for its path only or was closed
 * meanwhile, EACCES and EPERM of security modules, EPERM and ENOSYS of seccomp, and the numbers by
 * which the kernel starts a call anew after a signal.
 */
bool j_environment_error(const struct judge *j, int error);

/*
 * The caller did what succeeds and loses something (a rule of kind ADVICE), and what in this case.
 * This is apart from the verdict: the kernel may well conform.
 */
void j_advise(struct judge *j, uint16_t rule, const char *detail_format, ...)
	__attribute__((format(printf, 3, 4)));

/* --- saying what is determined (model_promises_enable) ---------------------------------------- */

/* promise.c; through the functions below, which cost a test when nobody asked. */
void promises_bytes(struct judge *j, uint16_t rule, const struct tape_part *part, size_t offset,
		    size_t len, enum model_promise what);
void promises_bits(struct judge *j, uint16_t rule, const struct tape_part *part, size_t offset,
		   size_t width, uint64_t mask);
void promises_value(struct judge *j, uint16_t rule);
void promises_constrain_result(struct judge *j);
void promises_echo(struct judge *j, uint16_t rule, const struct state_block *b, uint8_t role,
		   uint32_t offset, uint32_t len);

/*
 * Bytes of an OUT part are determined by this rule: exactly one value of each is right.
 * j_must_fail, j_succeeds, j_equal_field, j_equal_result and j_block_get say so by themselves.
 * What a weak rule says only constrains; one that does not apply says nothing.
 */
static inline void j_promise(struct judge *j, uint16_t rule, const struct tape_part *part,
			     size_t offset, size_t len)
{
	if (j->promises)
		promises_bytes(j, rule, part, offset, len, MODEL_DETERMINED);
}

/* Not every value of these bytes is right, but more than one is. */
static inline void j_constrain(struct judge *j, uint16_t rule, const struct tape_part *part,
			       size_t offset, size_t len)
{
	if (j->promises)
		promises_bytes(j, rule, part, offset, len, MODEL_CONSTRAINED);
}

/* The bits `mask` of a field are determined, the others are not. */
static inline void j_promise_bits(struct judge *j, uint16_t rule, const struct tape_part *part,
				  size_t offset, size_t width, uint64_t mask)
{
	if (j->promises)
		promises_bits(j, rule, part, offset, width, mask);
}

/* The value of a successful return is determined. */
static inline void j_promise_value(struct judge *j, uint16_t rule)
{
	if (j->promises)
		promises_value(j, rule);
}

/* Not every result is right, but more than one is. */
static inline void j_constrain_result(struct judge *j)
{
	if (j->promises)
		promises_constrain_result(j);
}

/* The known bytes of a block that this call answers again, or shows, are those of the earlier call
 * that they came from; `role` is the part of that call. */
static inline void j_promise_echo(struct judge *j, uint16_t rule, const struct state_block *b,
				  uint8_t role, uint32_t offset, uint32_t len)
{
	if (j->promises)
		promises_echo(j, rule, b, role, offset, len);
}

/* j_equal() of a field of an OUT part; true if it was not captured. */
bool j_equal_field(struct judge *j, uint16_t rule, const char *what, uint64_t want,
		   const struct tape_part *part, size_t offset, size_t width);
#define J_EQUAL_OUT(j, rule, type, member, want)                                \
	j_equal_field(j, rule, #member, want, (j)->out, offsetof(type, member), \
		      sizeof(((type *)0)->member))
/* j_equal() of the return value. */
bool j_equal_result(struct judge *j, uint16_t rule, const char *what, uint64_t want);

/* --- blocks ----------------------------------------------------------------------------------- */

/*
 * OUT bytes of a GET, from `offset` of the part on, against what is known of the block: held or
 * broken (first differing byte, named by its field in q->row->type).  Nothing is said if nothing is
 * known.
 */
void j_block_check(struct judge *j, uint16_t rule, const struct state_block *b,
		   const struct tape_part *part, uint32_t offset, uint32_t len);
/* IN bytes of a SET become what is known. Forgotten instead if a guest may have run during the
 * call. */
void l_block_set(struct learn *l, struct state_block *b, const struct tape_part *part,
		 uint32_t offset, uint32_t len);
/*
 * OUT bytes of a GET, as far as they were captured, become what is known, and where they came from
 * is kept.  Forgotten instead if a guest may have run during the call.
 */
void l_block_get(struct learn *l, struct state_block *b, const struct tape_part *part,
		 uint32_t offset, uint32_t len);

/* What a call answered, as the entry of a set: its first answer, which later ones must repeat. */
void l_constant(struct learn *l, struct state_set *set, uint64_t key, uint64_t key2,
		uint64_t value);

/* --- handlers --------------------------------------------------------------------------------- */

typedef void (*judge_fn)(struct judge *j);
struct answer;
/* How the calls of one ioctl on objects of some kinds are answered. */
struct judge_handler {
	const char *ioctl; /* "KVM_CREATE_IRQCHIP" */
	uint8_t scope;	   /* object kinds that this handler judges */
	judge_fn judge;	   /* instead of .answer and .learn, until all are answered */
	/* At the call; NULL = nothing. */
	void (*enter)(struct learn *l);
	/* Before the question is asked: what happened meanwhile, whatever the call is.  NULL =
	 * nothing. */
	void (*settle)(struct learn *l);
	/* What the call may be answered, see answer.h. */
	void (*answer)(const struct question *q, struct answer *a);
	/* What is known after it; NULL = as before. */
	void (*learn)(struct learn *l);
};
/* Tables of the areas, each ends with a row whose ioctl is NULL. */
extern const struct judge_handler model_system_handlers[];
extern const struct judge_handler model_vm_handlers[];
extern const struct judge_handler model_vm_cap_handlers[];
extern const struct judge_handler model_memslot_handlers[];
extern const struct judge_handler model_irqchip_handlers[];
extern const struct judge_handler model_eventfd_handlers[];
extern const struct judge_handler model_clock_handlers[];
extern const struct judge_handler model_xen_handlers[];
extern const struct judge_handler model_vcpu_handlers[];
extern const struct judge_handler model_regs_handlers[];
extern const struct judge_handler model_cpuid_handlers[];
extern const struct judge_handler model_msr_handlers[];
extern const struct judge_handler model_lapic_handlers[];
extern const struct judge_handler model_events_handlers[];
extern const struct judge_handler model_enlightened_handlers[];
extern const struct judge_handler model_run_handlers[];
extern const struct judge_handler model_device_handlers[];
/* Those of other architectures: these first, then model_generic_handlers. */
extern const struct judge_handler model_arm64_handlers[];
extern const struct judge_handler model_arm64_device_handlers[];
extern const struct judge_handler model_powerpc_handlers[];
extern const struct judge_handler model_s390_handlers[];
extern const struct judge_handler model_generic_handlers[];
/* Advice (x86): asked before the handler, so with the state before the call, and with its return.
 */
extern const struct judge_handler model_lint_handlers[];
/* The tables above judge this ioctl on all architectures. */
bool generic_shared(const char *ioctl);

#endif
