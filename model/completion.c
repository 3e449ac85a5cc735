/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a KVM_RUN with immediate_exit does to an exit that waits for its answer: api.rst chapter 5.
 * It finishes that one operation and lets no other instruction run, so the general registers are
 * known afterwards, if they were before: what the answer changes has changed, all else has not.
 */
#include "model/vcpu.h"

/* At VCPU_RUN_DONE of state_vcpu.run. */
enum {
	DONE_REASON = VCPU_RUN_DONE,  /* the exit that was finished, 4 bytes */
	DONE_STAYS = DONE_REASON + 4, /* a bit for each register that it cannot change, 4 bytes */
	DONE_STEP = DONE_STAYS + 4,   /* how RIP moves: enum step, 4 bytes */
	DONE_ANSWER = DONE_STEP + 4,  /* port input: its size, or 0, 4 bytes */
	DONE_DATA = DONE_ANSWER + 4,  /* what RAX holds, or its first bytes, 8 bytes */
	DONE_SECOND = DONE_DATA + 8,  /* and RDX, 8 bytes */
	DONE_REGS = DONE_SECOND + 8,  /* struct kvm_regs before */
};

enum step { STEP_MAYBE, STEP_FORWARD, STEP_NONE };

#define REGISTER(name) (offsetof(struct kvm_regs, name) / 8)
#define BIT_OF(name)   (1u << REGISTER(name))
#define GENERAL	       ((1u << REGISTER(rip)) - 1)
#define IO_AT(field)   (offsetof(struct kvm_run, io.field) - KVMAPI_RUN_UNION)
#define LONGEST	       15 /* bytes of an instruction */

static void number_put(uint8_t *p, uint64_t value, unsigned int width)
{
	for (unsigned int i = 0; i < width; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

void completion_before(const struct question *q, struct completion *c)
{
	const struct state_block *b = &q->vcpu->blocks[STATE_REGS];

	const struct state_block *run = &q->vcpu->run;

	c->known = 0;
	c->has_union = state_block_known(run, KVMAPI_RUN_UNION, sizeof(c->exit));
	if (c->has_union)
		memcpy(c->exit, run->value + KVMAPI_RUN_UNION, sizeof(c->exit));
	if (vcpu_flag(q->vcpu, VCPU_REGS_WRITTEN) || vcpu_flag(q->vcpu, VCPU_MP_WRITTEN) ||
	    !vcpu_flag(q->vcpu, VCPU_RUN_IS_NEWEST))
		return;
	for (unsigned int i = 0; i <= REGISTER(rip); i++) {
		if (!state_block_known(b, 8 * i, 8))
			continue;
		memcpy(c->regs + 8 * i, b->value + 8 * i, 8);
		c->known |= 1u << i;
	}
}

/* Userspace wrote over what the exit said: its data may have been captured elsewhere. */
static bool exit_rewritten(const struct completion *c, const struct tape_part *in)
{
	return in && in->have >= KVMAPI_RUN_UNION + sizeof(c->exit) &&
	       memcmp(in->data + KVMAPI_RUN_UNION, c->exit, sizeof(c->exit)) != 0;
}

/* What finishing this exit does, by the answer that userspace left; false = nothing is known. */
static bool effect(const struct question *q, const struct completion *c, const struct tape_part *in,
		   uint32_t reason, uint8_t *done)
{
	const struct tape_part *data = q_part(q, TAPE_PIO_IN);
	uint64_t answer, error, size, count, direction;
	uint32_t stays = GENERAL;
	enum step step = STEP_FORWARD;

	switch (reason) {
	case KVM_EXIT_IO:
		/* A string access moves RSI or RDI, and counts RCX down. */
		step = STEP_MAYBE;
		if (!c->has_union)
			return false;
		direction = c->exit[IO_AT(direction)];
		size = c->exit[IO_AT(size)];
		count = q_number(q, c->exit + IO_AT(count), 4);
		if (direction == KVM_EXIT_IO_OUT) {
			stays &= ~(BIT_OF(rcx) | BIT_OF(rsi));
			break;
		}
		stays &= ~(BIT_OF(rax) | BIT_OF(rcx) | BIT_OF(rdi));
		if (count == 1 && (size == 1 || size == 2 || size == 4) && !exit_rewritten(c, in) &&
		    q_field(q, data, 0, (size_t)size, &answer)) {
			number_put(done + DONE_ANSWER, size, 4);
			number_put(done + DONE_DATA, answer, 8);
		}
		break;
	case KVM_EXIT_X86_RDMSR:
		/* Its newer form names the register that it reads into. */
		if (q_kernel(q) >= MODEL_KERNEL(6, 18) && strcmp(q_backend(q), "kvm_amd"))
			return false;
		if (!q_field(q, in, offsetof(struct kvm_run, msr.error), 1, &error) ||
		    !q_field(q, in, offsetof(struct kvm_run, msr.data), 8, &answer))
			return false;
		if (error) {
			step = STEP_NONE;
			break;
		}
		stays &= ~(BIT_OF(rax) | BIT_OF(rdx));
		number_put(done + DONE_DATA, (uint32_t)answer, 8);
		number_put(done + DONE_SECOND, answer >> 32, 8);
		break;
	case KVM_EXIT_X86_WRMSR:
		if (!q_field(q, in, offsetof(struct kvm_run, msr.error), 1, &error))
			return false;
		if (error)
			step = STEP_NONE;
		break;
	case KVM_EXIT_HYPERCALL:
		if (!q_field(q, in, offsetof(struct kvm_run, hypercall.ret), 8, &answer))
			return false;
		stays &= ~BIT_OF(rax);
		number_put(done + DONE_DATA, answer, 8);
		break;
	case KVM_EXIT_XEN:
		if (!q_field(q, in, offsetof(struct kvm_run, xen.u.hcall.result), 8, &answer))
			return false;
		stays &= ~BIT_OF(rax);
		number_put(done + DONE_DATA, answer, 8);
		break;
	default:
		/* An access to memory may write any register. */
		return false;
	}
	number_put(done + DONE_REASON, reason, 4);
	number_put(done + DONE_STAYS, stays, 4);
	number_put(done + DONE_STEP, step, 4);
	return true;
}

void completion_after(struct learn *l, const struct completion *c, const struct tape_part *in,
		      uint32_t reason)
{
	struct state_block *run = &l->vcpu->run;
	uint8_t done[DONE_REGS] = {0};

	if (!effect(l->q, c, in, reason, done))
		return;
	if (state_block_set(run, VCPU_RUN_DONE, done + VCPU_RUN_DONE, DONE_REGS - VCPU_RUN_DONE))
		l->oom = -ENOMEM;
	for (unsigned int i = 0; i <= REGISTER(rip); i++) {
		if (c->known & 1u << i &&
		    state_block_set(run, DONE_REGS + 8 * i, c->regs + 8 * i, 8))
			l->oom = -ENOMEM;
	}
}

/* A register as it was before the exit was finished. */
static bool before(const struct question *q, unsigned int i, uint64_t *value)
{
	if (!state_block_known(&q->vcpu->run, DONE_REGS + 8 * i, 8))
		return false;
	*value = q_number(q, q->vcpu->run.value + DONE_REGS + 8 * i, 8);
	return true;
}

/* The registers that have nothing to do with it, and the instruction pointer. */
static void check_rest(struct judge *j, const uint64_t *now, uint32_t stays, uint32_t step)
{
	uint64_t was, moved;

	for (unsigned int i = 0; i < REGISTER(rip); i++) {
		if (!(stays & 1u << i) || !before(j->q, i, &was))
			continue;
		if (!j_check(j, R_RUN_COMPLETION_ONLY, now[i] == was,
			     "registers that the pending operation does not concern as they were",
			     "register %u of struct kvm_regs = 0x%llx, was 0x%llx", i,
			     (unsigned long long)now[i], (unsigned long long)was))
			return;
	}
	/* In 16 bits RIP goes round. */
	if (!before(j->q, REGISTER(rip), &was) || now[REGISTER(rip)] <= LONGEST)
		return;
	moved = now[REGISTER(rip)] - was;
	j_check(j, R_RUN_COMPLETION_ONLY,
		step == STEP_NONE      ? !moved
		: step == STEP_FORWARD ? moved && moved <= LONGEST
				       : moved <= LONGEST,
		step == STEP_NONE ? "RIP where it was" : "RIP behind the instruction",
		"rip = 0x%llx, was 0x%llx", (unsigned long long)now[REGISTER(rip)],
		(unsigned long long)was);
}

/* What a port read gave is in AL, AX or EAX; a string's is in memory, and RDI has moved. */
static void check_input(struct judge *j, const uint64_t *now, uint32_t size, uint64_t data)
{
	uint64_t rax, rdi, mask = size == 4 ? UINT64_MAX : (1ull << 8 * size) - 1;

	if (!size || !before(j->q, REGISTER(rax), &rax) || !before(j->q, REGISTER(rdi), &rdi))
		return;
	if (now[REGISTER(rdi)] == rdi)
		rax = (rax & ~mask) | data;
	j_equal(j, R_RUN_COMPLETES_INPUT, "rax", rax, now[REGISTER(rax)]);
}

void completion_check(struct judge *j, const struct tape_part *part, uint32_t offset)
{
	const struct state_block *run = &j->vcpu->run;
	uint64_t now[REGISTER(rip) + 1], data, second;
	uint32_t reason, step;

	if (!state_block_known(run, DONE_REASON, DONE_REGS - DONE_REASON) ||
	    !vcpu_flag(j->vcpu, VCPU_RUN_IS_NEWEST) || vcpu_flag(j->vcpu, VCPU_REGS_WRITTEN) ||
	    q_vcpu_ran(j->q))
		return;
	for (unsigned int i = 0; i <= REGISTER(rip); i++) {
		if (!q_field(j->q, part, offset + 8 * i, 8, &now[i]))
			return;
	}
	reason = (uint32_t)q_number(j->q, run->value + DONE_REASON, 4);
	step = (uint32_t)q_number(j->q, run->value + DONE_STEP, 4);
	data = q_number(j->q, run->value + DONE_DATA, 8);
	second = q_number(j->q, run->value + DONE_SECOND, 8);
	check_rest(j, now, (uint32_t)q_number(j->q, run->value + DONE_STAYS, 4), step);
	switch (reason) {
	case KVM_EXIT_IO:
		check_input(j, now, (uint32_t)q_number(j->q, run->value + DONE_ANSWER, 4), data);
		break;
	case KVM_EXIT_X86_RDMSR:
		if (step == STEP_FORWARD)
			j_check(j, R_RUN_COMPLETES_RDMSR,
				now[REGISTER(rax)] == data && now[REGISTER(rdx)] == second,
				"data in EDX:EAX", "rax = 0x%llx, rdx = 0x%llx",
				(unsigned long long)now[REGISTER(rax)],
				(unsigned long long)now[REGISTER(rdx)]);
		break;
	case KVM_EXIT_HYPERCALL:
	case KVM_EXIT_XEN:
		j_check(j, R_RUN_COMPLETES_HYPERCALL,
			now[REGISTER(rax)] == data || now[REGISTER(rax)] == (uint32_t)data,
			"the result in RAX", "rax = 0x%llx",
			(unsigned long long)now[REGISTER(rax)]);
		break;
	default:
		break;
	}
}
