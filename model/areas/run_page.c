/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * struct kvm_run byte by byte: what KVM_RUN leaves as it was, and which bytes the rules of run.c
 * determine.  Apart from run.c, the busiest place of the model, since little of it is needed at
 * every exit.
 */
#include "model/areas/vcpu.h"

#define AT(member) ((uint32_t)offsetof(struct kvm_run, member))

static void io_promises(struct judge *j, const struct tape_part *out)
{
	j_constrain(j, R_RUN_IO, out, AT(io.direction), 2);
	/* At most a page of data. */
	j_promise_bits(j, R_RUN_IO, out, AT(io.count), 4, ~0x1fffull);
	j_promise(j, R_RUN_IO_DATA, out, AT(io.data_offset), 8);
}

/* Which bytes of data an access of memory writes: of a store its own, of a load none. */
static uint32_t mmio_written(const struct tape_part *out)
{
	uint32_t len = out->data[AT(mmio.len)];

	return !out->data[AT(mmio.is_write)] ? 0 : len < 8 ? len : 8;
}

/* Whether what stands in struct kvm_run before the call can be told from what the kernel wrote. */
static bool mmio_comparable(const struct question *q, const struct tape_part *in,
			    const struct tape_part *out)
{
	return in && in->have >= AT(mmio.len) && out->have > AT(mmio.is_write) &&
	       !q->vcpu->run_twice;
}

void run_mmio_stays(struct judge *j, const struct tape_part *in, const struct tape_part *out)
{
	uint32_t at = AT(mmio.data);

	if (!mmio_comparable(j->q, in, out))
		return;
	at += mmio_written(out);
	j_check(j, R_RUN_MMIO_STAYS, !memcmp(out->data + at, in->data + at, AT(mmio.len) - at),
		"data beyond what is stored as it was", "another byte behind the first %u",
		mmio_written(out));
}

static void mmio_promises(struct judge *j, const struct tape_part *in, const struct tape_part *out)
{
	if (mmio_comparable(j->q, in, out))
		j_promise(j, R_RUN_MMIO_STAYS, out, AT(mmio.data) + mmio_written(out),
			  8 - mmio_written(out));

	j_promise_bits(j, R_RUN_MMIO, out, AT(mmio.len), 4, ~0xfull);
	j_constrain(j, R_RUN_MMIO, out, AT(mmio.is_write), 1);
	j_promise_bits(j, R_RUN_MMIO_ADDRESS, out, AT(mmio.phys_addr), 8, ~0ull << 52);
}

/* What the next KVM_RUN finds as this vCPU's last one left it. */
static void echoes(struct judge *j, const struct tape_part *in)
{
	const struct state_block *last = &j->q->vcpu->run;
	uint64_t reason, before;

	if (!q_field(j->q, in, AT(exit_reason), 4, &reason) ||
	    !state_block_known(last, AT(exit_reason), 4))
		return;
	before = q_number(j->q, last->value + AT(exit_reason), 4);
	if (!reason || reason != before)
		return;
	j_promise_echo(j, R_RUN_CONTINUES, last, TAPE_RUN_OUT, AT(exit_reason),
		       AT(cr8) - AT(exit_reason));
	j_promise_echo(j, R_RUN_CONTINUES, last, TAPE_RUN_OUT, AT(apic_base), 8);
	if (reason == KVM_EXIT_IO && in->have >= AT(io.data_offset) + 8)
		j_promise_echo(j, R_RUN_CONTINUES, last, TAPE_RUN_OUT, AT(io.direction),
			       AT(io.data_offset) + 8 - AT(io.direction));
	if (reason == KVM_EXIT_MMIO && in->have >= AT(mmio.is_write) + 1) {
		j_promise_echo(j, R_RUN_CONTINUES, last, TAPE_RUN_OUT, AT(mmio.phys_addr), 8);
		j_promise_echo(j, R_RUN_CONTINUES, last, TAPE_RUN_OUT, AT(mmio.len),
			       AT(mmio.is_write) + 1 - AT(mmio.len));
	}
}

/* Of the header, where the kernel left the run loop. */
static void header_promises(struct judge *j, const struct tape_part *in,
			    const struct tape_part *out)
{
	if (in && in->have >= AT(exit_reason) && !j->q->vcpu->run_twice) {
		j_promise(j, R_RUN_REQUESTS_STAY, out, AT(request_interrupt_window), 1);
		if (in->data[AT(immediate_exit)])
			j_promise(j, R_RUN_REQUESTS_STAY, out, AT(immediate_exit), 1);
		j_promise(j, R_RUN_INPUT_STAYS, out, AT(padding1), 6);
	}
	j_constrain(j, R_RUN_FLAGS, out, AT(ready_for_interrupt_injection), 2);
	j_promise_bits(
		j, R_RUN_FLAGS, out, AT(flags), 2,
		~(uint64_t)((q_cap(j->q, KVM_CAP_X86_SMM) ? KVM_RUN_X86_SMM : 0) |
			    (q_cap(j->q, KVM_CAP_NESTED_STATE) ? KVM_RUN_X86_GUEST_MODE : 0) |
			    (q_cap(j->q, KVM_CAP_X86_BUS_LOCK_EXIT) ? KVM_RUN_X86_BUS_LOCK : 0)));
	j_promise_bits(j, R_RUN_CR8, out, AT(cr8), 8, ~0xfull);
	j_promise_bits(j, R_RUN_APIC_BASE, out, AT(apic_base), 8, ~0ull << 52 | 0x2ff);
}

void run_promises(struct judge *j, const struct tape_part *in, const struct tape_part *out)
{
	const int64_t ret = j->ret->ret;
	uint64_t reason;

	if (!j->q->vcpu->run_twice && !j->q->vcpu->run_torn)
		echoes(j, in);
	j_constrain_result(j);
	if (!q_field(j->q, out, AT(exit_reason), 4, &reason) || out->have < AT(io))
		return;
	if (!ret) {
		j_promise_bits(j, R_RUN_EXIT_REASON, out, AT(exit_reason), 4, ~0xffull);
		if (reason == KVM_EXIT_IO)
			io_promises(j, out);
		else if (reason == KVM_EXIT_MMIO)
			mmio_promises(j, in, out);
	}
	if (!ret || ret == -EAGAIN || (ret == -EINTR && reason == KVM_EXIT_INTR))
		header_promises(j, in, out);
}
