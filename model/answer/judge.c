/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/answer/promise.h"

const struct tape_part *j_part(const struct judge *j, enum tape_role role)
{
	if (!role_is_out(role))
		return q_part(j->q, role);
	return j->ret ? tape_part_find(j->ret->parts, j->ret->part_count, role) : NULL;
}

void j_keep(struct judge *j, uint16_t rule)
{
	struct model_verdict *v = j->v;
	uint64_t *word = &j->held[rule / 64];

	if (!q_applies(j->q, rule) || *word >> rule % 64 & 1)
		return;
	*word |= 1ull << rule % 64;
	if (v->held_count < MODEL_VERDICT_RULES)
		v->held[v->held_count++] = rule;
}

void j_hold(struct judge *j, uint16_t rule)
{
	const struct model_facts *f = j->q->facts;
	uint8_t kind;

	if (!f->rule_applies[rule])
		return;
	kind = f->rule_kind[rule];
	if (kind == MODEL_DEVIATES && j->deviation == R_NONE)
		j->deviation = rule;
	if (kind == MODEL_PROMISE)
		j->strong = true;
	if (kind == MODEL_RIGHT && j->allowed_by == R_NONE)
		j->allowed_by = rule;
	j_keep(j, rule);
}

/* A rule explains what was seen but does not demand it: no reason to conform. */
static void hold_allowed(struct judge *j, uint16_t rule)
{
	bool strong = j->strong;

	j_hold(j, rule);
	j->strong = strong;
	if (j->allowed_by == R_NONE)
		j->allowed_by = rule;
}

static void broken(struct judge *j, uint16_t rule, const char *expected, const char *format,
		   va_list args)
{
	if (!q_applies(j->q, rule) || q_doubted(j->q, rule) || j->broken)
		return;
	if (j->q->facts->rule_kind[rule] == MODEL_USUAL) {
		j->v->unusual = rule;
		vsnprintf(j->v->unusual_text, sizeof(j->v->unusual_text), format, args);
		return;
	}
	j->broken = true;
	j->v->rule = rule;
	snprintf(j->v->expected, sizeof(j->v->expected), "%s", expected);
	vsnprintf(j->v->observed, sizeof(j->v->observed), format, args);
}

void j_break(struct judge *j, uint16_t rule, const char *expected, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	broken(j, rule, expected, format, args);
	va_end(args);
}

bool j_check(struct judge *j, uint16_t rule, bool holds, const char *expected, const char *format,
	     ...)
{
	if (holds) {
		j_hold(j, rule);
	} else {
		va_list args;

		va_start(args, format);
		broken(j, rule, expected, format, args);
		va_end(args);
	}
	return holds;
}

bool j_keeps(struct judge *j, uint16_t rule, bool holds, const char *expected, const char *format,
	     ...)
{
	va_list args;

	if (holds) {
		j_keep(j, rule);
		return true;
	}
	va_start(args, format);
	broken(j, rule, expected, format, args);
	va_end(args);
	return false;
}

bool j_equal(struct judge *j, uint16_t rule, const char *what, uint64_t want, uint64_t got)
{
	char expected[MODEL_TEXT];

	if (want == got) {
		j_hold(j, rule);
		return true;
	}
	snprintf(expected, sizeof(expected), "%s = 0x%llx", what, (unsigned long long)want);
	j_break(j, rule, expected, "%s = 0x%llx", what, (unsigned long long)got);
	return false;
}

bool j_equal_field(struct judge *j, uint16_t rule, const char *what, uint64_t want,
		   const struct tape_part *part, size_t offset, size_t width)
{
	uint64_t got;

	if (!q_field(j->q, part, offset, width, &got))
		return true;
	j_promise(j, rule, part, offset, width);
	return j_equal(j, rule, what, want, got);
}

bool j_equal_result(struct judge *j, uint16_t rule, const char *what, uint64_t want)
{
	if (j->promises)
		promises_value(j, rule);
	return j_equal(j, rule, what, want, (uint64_t)j->ret->ret);
}

void j_skip(struct judge *j, const char *why)
{
	if (j->v->kind == MODEL_SKIPPED)
		return;
	j->v->kind = MODEL_SKIPPED;
	if (!j->broken)
		snprintf(j->v->observed, sizeof(j->v->observed), "%s", why);
}

void j_silent(struct judge *j, const char *of_what)
{
	if (!j->broken && !j->v->observed[0])
		snprintf(j->v->observed, sizeof(j->v->observed), "%s", of_what);
}

void j_may_fail_with(struct judge *j, uint16_t rule, int error)
{
	if (j->allowed_count == JUDGE_ALLOWED) {
		/* No statement about an error is better than a wrong one. */
		j->allowed_more = true;
		return;
	}
	if (!q_applies(j->q, rule)) {
		/* For kernels older than those that a rule was written for, nothing is known. */
		if (!j->q->facts->rule_unread[rule])
			return;
		rule = R_RETURN_ZERO_OR_ERROR;
	}
	j->allowed[j->allowed_count].rule = rule;
	j->allowed[j->allowed_count].error = error;
	j->allowed_count++;
}

void j_may_fail(struct judge *j, uint16_t rule)
{
	const uint8_t *errors = rule_errors(rule);

	for (unsigned int i = 0; i < MODEL_RULE_ERRORS && errors[i]; i++)
		j_may_fail_with(j, rule, errors[i]);
}

/* The result in words: "-1 EINVAL" or a number. */
static const char *result_text(int64_t ret, char *buf, size_t size)
{
	const char *name = ret < 0 && ret > -4096 ? kvmapi_errno_name(-ret) : NULL;

	if (name)
		snprintf(buf, size, "-1 %s", name);
	else
		snprintf(buf, size, "%lld", (long long)ret);
	return buf;
}

/* Linux has these numbers for itself: ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND,
 * ERESTART_RESTARTBLOCK. A tracepoint sees them, no process does. */
static bool starts_anew(int error)
{
	return (error >= 512 && error <= 514) || error == 516;
}

/* The argument, or a buffer behind it, could not be read. */
static bool unreadable(const struct judge *j)
{
	/* A null pointer faults. */
	if (!j->q->call->arg && j->q->row && j->q->row->payload != KVMAPI_VALUE &&
	    j->q->row->payload != KVMAPI_RUNPAGE)
		return true;
	for (unsigned int i = 0; i < j->q->call->part_count; i++) {
		if (j->q->call->parts[i].have < j->q->call->parts[i].want)
			return true;
	}
	for (unsigned int i = 0; i < j->ret->part_count; i++) {
		if (j->ret->parts[i].have < j->ret->parts[i].want)
			return true;
	}
	return false;
}

/* The call has something to write behind its argument. */
static bool writes(const struct question *q)
{
	if (!q->row || q->row->payload == KVMAPI_RUNPAGE)
		return false;
	if (q->row->dir & KVMAPI_OUT)
		return true;
	for (unsigned int i = 0; i < q->row->nested_count; i++) {
		if (q->row->nested[i].dir & KVMAPI_OUT)
			return true;
	}
	return false;
}

/* Why an error may come from before KVM; NULL = it comes from KVM. */
static const char *before_kvm(int error)
{
	switch (error) {
	case EBADF:
		return "the file layer answers so for a descriptor that is not open for calls";
	case EACCES:
		return "a security module answers so before KVM is asked";
	case EPERM:
		return "a security module or seccomp answers so before KVM is asked";
	case ENOSYS:
		return "seccomp answers so before KVM is asked";
	default:
		return starts_anew(error) ? "a signal came, the call begins anew" : NULL;
	}
}

/*
 * Errors that no document ties to the call.  Of the environment: ENOMEM, EINTR of a vCPU or VM
 * ioctl and of KVM_CREATE_VM, which waits where a signal can wake it, EIO of a VM that the kernel
 * gave up, EFAULT when the argument could not be read or is to be written (what the process may
 * write is not on the tape), EMFILE/ENFILE for calls that make descriptors.  And those that are
 * given before KVM is asked: EBADF of a descriptor that is open for its path only or was closed
 * meanwhile, EACCES and EPERM of security modules, EPERM and ENOSYS of seccomp, and the numbers by
 * which the kernel starts a call anew after a signal.
 */
static bool environment_error(const struct judge *j, int error)
{
	switch (error) {
	case ENOMEM:
	case EIO:
		return true;
	case EINTR:
		return j->q->call->kind == KVMAPI_VCPU || j->q->call->kind == KVMAPI_VM ||
		       (j->q->row && j->q->row->creates);
	case EMFILE:
	case ENFILE:
		return j->q->row && j->q->row->creates;
	case EFAULT:
		return unreadable(j) || writes(j->q);
	default:
		return before_kvm(error);
	}
}

/*
 * An error that is allowed, or that the environment explains; then it is said.  Where an error is
 * demanded, another one that a promise allows decides as much: success would have been wrong.
 */
static bool excused(struct judge *j, bool demanded)
{
	char text[32];

	for (unsigned int i = 0; i < j->allowed_count; i++) {
		if (j->ret->ret == -j->allowed[i].error) {
			if (demanded)
				j_hold(j, j->allowed[i].rule);
			else
				hold_allowed(j, j->allowed[i].rule);
			return true;
		}
	}
	if (j->ret->ret < 0 && j->allowed_more) {
		j_hold(j, R_RETURN_ZERO_OR_ERROR);
		j_silent(j, "more errors are allowed than the model keeps");
		return true;
	}
	if (j->ret->ret < 0 && environment_error(j, -j->ret->ret)) {
		const char *before = before_kvm((int)-j->ret->ret);
		char why[MODEL_TEXT];

		result_text(j->ret->ret, text, sizeof(text));
		if (before)
			snprintf(why, sizeof(why), "%s: %s", text, before);
		else
			snprintf(why, sizeof(why), "%s can come of the environment", text);
		j_hold(j, R_RETURN_ZERO_OR_ERROR);
		j_silent(j, why);
		if (j->promises)
			j->promises->outcome = MODEL_CONSTRAINED;
		return true;
	}
	return false;
}

/* How many other errors than this one (0 = none) would be accepted, too. */
static unsigned int alternatives(const struct judge *j, int error)
{
	unsigned int count = unreadable(j) && error != EFAULT;

	for (unsigned int i = 0; i < j->allowed_count; i++)
		count += j->allowed[i].error != error;
	return count;
}

void j_must_fail_with(struct judge *j, uint16_t rule, int error)
{
	char want[32], got[32];

	if (j->promises)
		promises_outcome(j, rule, PROMISED_ERROR, alternatives(j, error));
	if (j->ret->ret == -error) {
		j_hold(j, rule);
		return;
	}
	if (j->ret->ret < 0 && excused(j, q_applies(j->q, rule)))
		return;
	if (!q_applies(j->q, rule) || q_doubted(j->q, rule)) {
		j->unsure = j->ret->ret >= 0;
		j_silent(j, "no rule of this kernel says which error");
		return;
	}
	j_break(j, rule, result_text(-error, want, sizeof(want)), "%s",
		result_text(j->ret->ret, got, sizeof(got)));
}

void j_must_fail(struct judge *j, uint16_t rule)
{
	const uint8_t *errors = rule_errors(rule);

	if (!errors[0] || errors[1])
		j_skip(j, "the model does not say which error of a rule it demands");
	else
		j_must_fail_with(j, rule, errors[0]);
}

static bool succeeds(struct judge *j, uint16_t rule, bool any_value)
{
	char got[32];

	if (j->promises)
		promises_outcome(j, rule, any_value ? PROMISED_NUMBER : PROMISED_ZERO,
				 alternatives(j, 0));
	if (any_value ? j->ret->ret >= 0 : j->ret->ret == 0) {
		j_hold(j, rule);
		return true;
	}
	if (j->ret->ret < 0 && excused(j, false))
		return false;
	if (!q_applies(j->q, rule) || q_doubted(j->q, rule)) {
		j_silent(j, "no rule of this kernel demands success");
		return j->ret->ret >= 0;
	}
	j_break(j, rule, any_value ? "a number >= 0" : "0", "%s",
		result_text(j->ret->ret, got, sizeof(got)));
	return false;
}

bool j_succeeds(struct judge *j, uint16_t rule)
{
	return succeeds(j, rule, false);
}

bool j_succeeds_value(struct judge *j, uint16_t rule)
{
	return succeeds(j, rule, true);
}

bool j_may_succeed(struct judge *j, uint16_t rule, const char *unknown)
{
	j_constrain_result(j);
	if (j->ret->ret >= 0) {
		hold_allowed(j, rule);
		j_silent(j, unknown);
		return true;
	}
	if (!excused(j, false)) {
		j_hold(j, R_RETURN_ZERO_OR_ERROR);
		j_silent(j, unknown);
	}
	return false;
}

void j_advise(struct judge *j, uint16_t rule, const char *format, ...)
{
	struct model_advice *a = &j->v->advice[j->v->advice_count];
	va_list args;

	if (!q_applies(j->q, rule) || j->v->advice_count == MODEL_VERDICT_ADVICE)
		return;
	j->v->advice_count++;
	a->rule = rule;
	va_start(args, format);
	vsnprintf(a->detail, sizeof(a->detail), format, args);
	va_end(args);
}

/* The bytes of a GET that are known before. */
static void promise_block(struct judge *j, uint16_t rule, const struct state_block *b,
			  const struct tape_part *part, uint32_t offset, uint32_t len)
{
	for (uint32_t i = 0; i < len && i < b->size; i++) {
		if (b->mask[i] == 0xff)
			j_promise(j, rule, part, offset + i, 1);
		else if (b->mask[i])
			j_constrain(j, rule, part, offset + i, 1);
	}
	j_promise_echo(j, rule, b, part->role, 0, len);
}

void j_block_check(struct judge *j, uint16_t rule, const struct state_block *b,
		   const struct tape_part *part, uint32_t offset, uint32_t len)
{
	uint32_t both;
	int64_t at;

	if (!part || part->have <= offset)
		return;
	if (len > part->have - offset)
		len = part->have - offset;
	if (q_ran(j->q))
		return;
	if (j->promises)
		promise_block(j, rule, b, part, offset, len);
	at = state_block_mismatch(b, 0, part->data + offset, len);
	if (at >= 0) {
		char field[96], want[MODEL_TEXT];

		if (!j->q->row || !j->q->row->type ||
		    kvmapi_field_at(j->q->facts->arch, j->q->row->type, offset + at, field,
				    sizeof(field)))
			snprintf(field, sizeof(field), "byte %llu",
				 (unsigned long long)(offset + at));
		snprintf(want, sizeof(want), "%s: byte %llu = 0x%02x", field,
			 (unsigned long long)(offset + at), b->value[at]);
		j_break(j, rule, want, "0x%02x", part->data[offset + at]);
	} else {
		/* A byte that is known, if there is one: mask is then not zero from end to end. */
		both = len < b->size ? len : b->size;
		if (both && (b->mask[0] || memcmp(b->mask, b->mask + 1, both - 1)))
			j_hold(j, rule);
	}
}
