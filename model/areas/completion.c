/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a KVM_RUN with immediate_exit does to an exit that waits for its answer: api.rst chapter 5.
 * It finishes that one operation and lets no other instruction run, so the general registers are
 * known afterwards, if they were before: what the answer changes has changed, all else has not.
 */
#include "model/areas/vcpu.h"

/* Of a struct completion, at VCPU_RUN_DONE of state_vcpu.run. */
enum {
	DONE_REASON = VCPU_RUN_DONE,   /* 4 bytes */
	DONE_STAYS = DONE_REASON + 4,  /* 4 bytes */
	DONE_STEP = DONE_STAYS + 4,    /* enum step, 4 bytes */
	DONE_SIZE = DONE_STEP + 4,     /* 4 bytes */
	DONE_DATA = DONE_SIZE + 4,     /* 8 bytes */
	DONE_SECOND = DONE_DATA + 8,   /* 8 bytes */
	DONE_BEFORE = DONE_SECOND + 8, /* the registers that are known, 8 bytes each */
};

enum step { STEP_MAYBE, STEP_FORWARD, STEP_NONE };

#define REGISTER(name) (offsetof(struct kvm_regs, name) / 8)
#define BIT_OF(name)   (1u << REGISTER(name))
#define GENERAL	       ((1u << REGISTER(rip)) - 1)
#define IO_AT(field)   (offsetof(struct kvm_run, io.field))
#define LONGEST	       15 /* bytes of an instruction */
/* As much of the exit's member as effects are told from. */
#define EXIT_SIZE      16

static void number_put(uint8_t *p, uint64_t value, unsigned int width)
{
	for (unsigned int i = 0; i < width; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

/* The registers when the call began. */
static void registers_before(const struct question *q, struct completion *c)
{
	c->known = 0;
	if (q->vcpu->regs_written || q->vcpu->mp_written || !q->vcpu->run_is_newest)
		return;
	for (unsigned int i = 0; i < COMPLETION_REGS; i++) {
		if (vcpu_block_number(q, STATE_REGS, 8 * i, 8, &c->before[i]))
			c->known |= 1u << i;
	}
}

/* Userspace wrote over what the exit said: its data may have been captured elsewhere. */
static bool exit_rewritten(const struct state_block *run, const struct tape_part *in)
{
	return in && in->have >= KVMAPI_RUN_UNION + EXIT_SIZE &&
	       memcmp(in->data + KVMAPI_RUN_UNION, run->value + KVMAPI_RUN_UNION, EXIT_SIZE) != 0;
}

/* The functions below: what finishing an exit does, by the answer that userspace left; false =
 * nothing is known. */

static bool effect_of_io(const struct question *q, const struct tape_part *in, struct completion *c)
{
	const struct state_block *run = &q->vcpu->run;
	const struct tape_part *data = q_part(q, TAPE_PIO_IN);
	uint64_t answer;
	uint32_t size;

	/* A string access moves RSI or RDI, and counts RCX down. */
	c->step = STEP_MAYBE;
	if (!state_block_known(run, KVMAPI_RUN_UNION, EXIT_SIZE))
		return false;
	if (run->value[IO_AT(direction)] == KVM_EXIT_IO_OUT) {
		c->stays &= ~(BIT_OF(rcx) | BIT_OF(rsi));
		return true;
	}
	c->stays &= ~(BIT_OF(rax) | BIT_OF(rcx) | BIT_OF(rdi));
	size = run->value[IO_AT(size)];
	if (q_number(q, run->value + IO_AT(count), 4) == 1 &&
	    (size == 1 || size == 2 || size == 4) && !exit_rewritten(run, in) &&
	    q_field(q, data, 0, size, &answer)) {
		c->size = size;
		c->data = answer;
	}
	return true;
}

static bool effect_of_rdmsr(const struct question *q, const struct tape_part *in,
			    struct completion *c)
{
	uint64_t answer, error;

	/* Its newer form names the register that it reads into. */
	if (q_changed(q, CHANGE_RDMSR_IMMEDIATE) == STATE_YES &&
	    q_back_end(q, MODEL_KVM_AMD) != STATE_YES)
		return false;
	if (!q_field(q, in, offsetof(struct kvm_run, msr.error), 1, &error) ||
	    !q_field(q, in, offsetof(struct kvm_run, msr.data), 8, &answer))
		return false;
	if (error) {
		c->step = STEP_NONE;
		return true;
	}
	c->stays &= ~(BIT_OF(rax) | BIT_OF(rdx));
	c->data = (uint32_t)answer;
	c->second = answer >> 32;
	return true;
}

static bool effect_of_wrmsr(const struct question *q, const struct tape_part *in,
			    struct completion *c)
{
	uint64_t error;

	if (!q_field(q, in, offsetof(struct kvm_run, msr.error), 1, &error))
		return false;
	if (error)
		c->step = STEP_NONE;
	return true;
}

/* The result, which userspace leaves at `offset`, goes to RAX. */
static bool effect_of_hypercall(const struct question *q, const struct tape_part *in, size_t offset,
				struct completion *c)
{
	c->stays &= ~BIT_OF(rax);
	return q_field(q, in, offset, 8, &c->data);
}

bool completion_of(const struct question *q, const struct tape_part *in, struct completion *c)
{
	*c = (struct completion){
		.reason = q->vcpu->last_exit, .stays = GENERAL, .step = STEP_FORWARD};
	registers_before(q, c);
	switch (c->reason) {
	case KVM_EXIT_IO:
		return effect_of_io(q, in, c);
	case KVM_EXIT_X86_RDMSR:
		return effect_of_rdmsr(q, in, c);
	case KVM_EXIT_X86_WRMSR:
		return effect_of_wrmsr(q, in, c);
	case KVM_EXIT_HYPERCALL:
		return effect_of_hypercall(q, in, offsetof(struct kvm_run, hypercall.ret), c);
	case KVM_EXIT_XEN:
		return effect_of_hypercall(q, in, offsetof(struct kvm_run, xen.u.hcall.result), c);
	default:
		/* An access to memory may write any register. */
		return false;
	}
}

void completion_learn(struct learn *l, const struct completion *c)
{
	struct state_block *run = &l->vcpu->run;
	uint8_t done[DONE_BEFORE] = {0};

	number_put(done + DONE_REASON, c->reason, 4);
	number_put(done + DONE_STAYS, c->stays, 4);
	number_put(done + DONE_STEP, c->step, 4);
	number_put(done + DONE_SIZE, c->size, 4);
	number_put(done + DONE_DATA, c->data, 8);
	number_put(done + DONE_SECOND, c->second, 8);
	if (state_block_set(run, VCPU_RUN_DONE, done + VCPU_RUN_DONE, DONE_BEFORE - VCPU_RUN_DONE))
		l->oom = -ENOMEM;
	for (unsigned int i = 0; i < COMPLETION_REGS; i++) {
		number_put(done, c->before[i], 8);
		if (c->known & 1u << i && state_block_set(run, DONE_BEFORE + 8 * i, done, 8))
			l->oom = -ENOMEM;
	}
}

/* What completion_learn() kept; false = nothing. */
static bool completion_kept(const struct question *q, struct completion *c)
{
	const struct state_block *run = &q->vcpu->run;

	if (!state_block_known(run, DONE_REASON, DONE_BEFORE - DONE_REASON))
		return false;
	c->reason = (uint32_t)q_number(q, run->value + DONE_REASON, 4);
	c->stays = (uint32_t)q_number(q, run->value + DONE_STAYS, 4);
	c->step = (uint32_t)q_number(q, run->value + DONE_STEP, 4);
	c->size = (uint32_t)q_number(q, run->value + DONE_SIZE, 4);
	c->data = q_number(q, run->value + DONE_DATA, 8);
	c->second = q_number(q, run->value + DONE_SECOND, 8);
	c->known = 0;
	for (unsigned int i = 0; i < COMPLETION_REGS; i++) {
		if (!state_block_known(run, DONE_BEFORE + 8 * i, 8))
			continue;
		c->before[i] = q_number(q, run->value + DONE_BEFORE + 8 * i, 8);
		c->known |= 1u << i;
	}
	return true;
}

/* The registers that have nothing to do with it, and the instruction pointer. */
static void check_rest(struct judge *j, const struct completion *c, const uint64_t *now)
{
	uint64_t moved;

	for (unsigned int i = 0; i < REGISTER(rip); i++) {
		if (!(c->stays & c->known & 1u << i))
			continue;
		if (!j_check(j, R_RUN_COMPLETION_ONLY, now[i] == c->before[i],
			     "registers that the pending operation does not concern as they were",
			     "register %u of struct kvm_regs = 0x%llx, was 0x%llx", i,
			     (unsigned long long)now[i], (unsigned long long)c->before[i]))
			return;
	}
	/* In 16 bits RIP goes round. */
	if (!(c->known & BIT_OF(rip)) || now[REGISTER(rip)] <= LONGEST)
		return;
	moved = now[REGISTER(rip)] - c->before[REGISTER(rip)];
	j_check(j, R_RUN_COMPLETION_ONLY,
		c->step == STEP_NONE	  ? !moved
		: c->step == STEP_FORWARD ? moved && moved <= LONGEST
					  : moved <= LONGEST,
		c->step == STEP_NONE ? "RIP where it was" : "RIP behind the instruction",
		"rip = 0x%llx, was 0x%llx", (unsigned long long)now[REGISTER(rip)],
		(unsigned long long)c->before[REGISTER(rip)]);
}

/* What a port read gave is in AL, AX or EAX; a string's is in memory, and RDI has moved. */
static void check_input(struct judge *j, const struct completion *c, const uint64_t *now)
{
	uint64_t rax = c->before[REGISTER(rax)],
		 mask = c->size == 4 ? UINT64_MAX : (1ull << 8 * c->size) - 1;

	if (!c->size || ~c->known & (BIT_OF(rax) | BIT_OF(rdi)))
		return;
	if (now[REGISTER(rdi)] == c->before[REGISTER(rdi)])
		rax = (rax & ~mask) | c->data;
	j_equal(j, R_RUN_COMPLETES_INPUT, "rax", rax, now[REGISTER(rax)]);
}

void completion_compare(struct judge *j, const struct completion *c, const struct tape_part *part,
			uint32_t offset)
{
	uint64_t now[COMPLETION_REGS];

	if (q_vcpu_ran(j->q))
		return;
	for (unsigned int i = 0; i < COMPLETION_REGS; i++) {
		if (!q_field(j->q, part, offset + 8 * i, 8, &now[i]))
			return;
	}
	check_rest(j, c, now);
	switch (c->reason) {
	case KVM_EXIT_IO:
		check_input(j, c, now);
		break;
	case KVM_EXIT_X86_RDMSR:
		if (c->step == STEP_FORWARD)
			j_check(j, R_RUN_COMPLETES_RDMSR,
				now[REGISTER(rax)] == c->data && now[REGISTER(rdx)] == c->second,
				"data in EDX:EAX", "rax = 0x%llx, rdx = 0x%llx",
				(unsigned long long)now[REGISTER(rax)],
				(unsigned long long)now[REGISTER(rdx)]);
		break;
	case KVM_EXIT_HYPERCALL:
	case KVM_EXIT_XEN:
		j_check(j, R_RUN_COMPLETES_HYPERCALL,
			now[REGISTER(rax)] == c->data || now[REGISTER(rax)] == (uint32_t)c->data,
			"the result in RAX", "rax = 0x%llx",
			(unsigned long long)now[REGISTER(rax)]);
		break;
	default:
		break;
	}
}

void completion_check(struct judge *j, const struct tape_part *part, uint32_t offset)
{
	const struct state_vcpu *v = j->q->vcpu;
	struct completion c;

	if (v->run_is_newest && !v->regs_written && completion_kept(j->q, &c))
		completion_compare(j, &c, part, offset);
}
