/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of Power: registers by id (api.rst 4.68, 4.69), RTAS tokens (4.86).  Compiled against the
 * UAPI headers of Power.
 */
#include <string.h>

#include "model/areas/generic.h"

/* --- registers by id ------------------------------------------------------------------------- */

/* Registers of the list in api.rst 4.68, by ranges of ids without their size; the width is in
 * bytes, as the list has it. */
static const struct {
	uint64_t first, last;
	uint8_t width;
	bool plain; /* nothing but a SET and guest code changes it, and every bit is kept */
	bool booke; /* of embedded processors only */
} registers[] = {
#define NUMBER(id)	      ((id) & ~(uint64_t)KVM_REG_SIZE_MASK)
#define ONE(name, bits)	      RANGE(name, name, bits)
#define RANGE(from, to, bits) ROW(from, to, bits, false, false)
#define PLAIN(from, to, bits) ROW(from, to, bits, true, false)
#define BOOKE(name, bits)     ROW(name, name, bits, false, true)
#define ROW(from, to, bits, p, b)                                                      \
	{                                                                              \
		NUMBER(KVM_REG_PPC_##from), NUMBER(KVM_REG_PPC_##to), (bits) / 8, p, b \
	}
	ONE(HIOR, 64),
	BOOKE(IAC1, 64),
	BOOKE(IAC2, 64),
	BOOKE(IAC3, 64),
	BOOKE(IAC4, 64),
	BOOKE(DAC1, 64),
	BOOKE(DAC2, 64),
	ONE(DABR, 64),
	ONE(DSCR, 64),
	ONE(PURR, 64),
	ONE(SPURR, 64),
	PLAIN(DAR, DAR, 64),
	PLAIN(DSISR, DSISR, 32),
	ONE(AMR, 64),
	ONE(UAMOR, 64),
	RANGE(MMCR0, MMCRS, 64),
	ONE(SIAR, 64),
	ONE(SDAR, 64),
	ONE(SIER, 64),
	RANGE(PMC1, PMC8, 32),
	PLAIN(FPR0, FPR31, 64),
	PLAIN(VR0, VR31, 128),
	RANGE(VSR0, VSR31, 128),
	ONE(VSCR, 32),
	ONE(VPA_ADDR, 64),
	ONE(VPA_SLB, 128),
	ONE(VPA_DTL, 128),
	BOOKE(EPCR, 32),
	BOOKE(EPR, 32),
	BOOKE(TCR, 32),
	BOOKE(TSR, 32),
	ONE(ICP_STATE, 64),
	ONE(VP_STATE, 128),
	ONE(TB_OFFSET, 64),
	ONE(TFHAR, 64),
	ONE(TFIAR, 64),
	ONE(TEXASR, 64),
	PLAIN(VRSAVE, VRSAVE, 32),
	ONE(LPCR, 32),
	ONE(LPCR_64, 64),
	ONE(PPR, 64),
	ONE(ARCH_COMPAT, 32),
	ONE(DABRX, 32),
	PLAIN(WORT, WORT, 64),
	BOOKE(SPRG9, 64),
	BOOKE(DBSR, 32),
	PLAIN(TM_GPR0, TM_GPR31, 64),
	RANGE(TM_VSR0, TM_VSR63, 128),
	ONE(TM_CR, 64),
	ONE(TM_VSCR, 32),
};

/* Which row an id belongs to, whatever its size; -1 = none. */
static int find_register(uint64_t id)
{
	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		if (NUMBER(id) >= registers[i].first && NUMBER(id) <= registers[i].last)
			return (int)i;
	}
	return -1;
}

/* Every processor has it.  Of the others many are of some processors only. */
static bool always_there(int row, uint64_t id)
{
	return row >= 0 && registers[row].plain && NUMBER(id) != NUMBER(KVM_REG_PPC_WORT) &&
	       NUMBER(id) < NUMBER(KVM_REG_PPC_TM_GPR0);
}

static void settle_one_reg(struct learn *l)
{
	uint64_t id;

	if (Q_IN(l->q, struct kvm_one_reg, id, &id))
		generic_forget_others(l);
}

/* As many bytes as the register has were read or written. */
static void check_transfer(const struct question *q, struct judge *j)
{
	const struct tape_part *value = q_part(q, TAPE_NESTED_IN) ?: j_part(j, TAPE_NESTED_OUT);
	uint64_t id;

	if (value && Q_IN(q, struct kvm_one_reg, id, &id))
		j_equal(j, R_PPC_REG_TRANSFER, "bytes", registers[find_register(id)].width,
			value->want);
}

/* api.rst 4.68, 4.69 */
static void answer_one_reg(const struct question *q, struct answer *a)
{
	uint64_t id;
	int row;

	if (!Q_IN(q, struct kvm_one_reg, id, &id)) {
		a_skip(a, "argument not captured");
		return;
	}
	/* A register that is there, but not on this processor. */
	a_may_fail_with(a, R_PPC_REG_ABSENT, ENXIO);
	a_may_fail_with(a, R_PPC_REG_ABSENT, ENODEV);
	row = find_register(id);
	if (a_refuse(a, R_PPC_REG_FOREIGN, tri((id & KVM_REG_ARCH_MASK) != KVM_REG_PPC)) ||
	    a_refuse(a, R_PPC_REG_WIDTH,
		     tri(row >= 0 && registers[row].width != generic_register_size(id))))
		return;
	if (always_there(row, id)) {
		a_succeeds(a, R_PPC_REG_KNOWN);
	} else {
		a_may_fail_with(a, R_PPC_REG_ABSENT, EINVAL);
		a_may_succeed(a, R_PPC_REG_KNOWN, "which registers this processor has");
	}
	if (row >= 0)
		a_check(a, check_transfer);
}

static void answer_get_one_reg(const struct question *q, struct answer *a)
{
	uint64_t id;
	int row;

	answer_one_reg(q, a);
	if (!Q_IN(q, struct kvm_one_reg, id, &id))
		return;
	row = find_register(id);
	if (row >= 0 && registers[row].plain)
		a_generic_register(a, R_PPC_REG_SAME, id, TAPE_NESTED_OUT);
}

static void learn_one_reg(struct learn *l, bool set)
{
	uint64_t id;
	int row;

	if (!Q_IN(l->q, struct kvm_one_reg, id, &id)) {
		generic_forget_registers(l->vcpu);
		return;
	}
	if (!l->succeeded)
		return;
	row = find_register(id);
	if (row >= 0 && registers[row].plain)
		l_generic_register(l, id, l_part(l, set ? TAPE_NESTED_IN : TAPE_NESTED_OUT));
	else if (row < 0 && set)
		generic_forget_registers(l->vcpu);
}

static void learn_get_one_reg(struct learn *l)
{
	learn_one_reg(l, false);
}

static void learn_set_one_reg(struct learn *l)
{
	learn_one_reg(l, true);
}

/* --- RTAS ------------------------------------------------------------------------------------ */

/* Key2 of state_vm.caps for a token (the key): 0x100 + service. */
#define TOKEN 0x100

/* The service of a name, -1 = none that kernels implement. */
static int service(const struct tape_part *in)
{
	static const char *const names[] = {"ibm,set-xive", "ibm,get-xive", "ibm,int-off",
					    "ibm,int-on"};
	const size_t room = sizeof(((struct kvm_rtas_token_args *)0)->name);

	if (!in || in->have < room)
		return -1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strncmp((const char *)in->data, names[i], room))
			return (int)i;
	}
	return -1;
}

static bool token_taken(const struct state_vm *vm, uint64_t token)
{
	for (uint32_t i = 0; i < vm->caps.count; i++) {
		const struct state_entry *e = &vm->caps.entries[i];

		if (e->key2 >= TOKEN && e->key == token)
			return true;
	}
	return false;
}

/* The newest token of a service is the one that is forgotten first. */
static struct state_entry *service_find(struct state_vm *vm, int number)
{
	struct state_entry *found = NULL;

	for (uint32_t i = 0; i < vm->caps.count; i++) {
		struct state_entry *e = &vm->caps.entries[i];

		if (e->key2 == (uint64_t)(TOKEN + number) &&
		    (!found || e->value[0] > found->value[0]))
			found = e;
	}
	return found;
}

/* api.rst 4.86 */
static void answer_rtas_define_token(const struct question *q, struct answer *a)
{
	const struct state_vm *vm = q->vm;
	uint64_t token;

	if (a_refuse(a, R_PPC_RTAS_UNSUPPORTED, q_rule(q, R_PPC_RTAS_UNSUPPORTED)))
		return;
	if (!Q_IN(q, struct kvm_rtas_token_args, token, &token)) {
		a_skip(a, "argument not captured");
		return;
	}
	if (!token) {
		a_succeeds(a, R_PPC_RTAS_FORGOTTEN);
		return;
	}
	if (a_refuse(a, R_PPC_RTAS_TAKEN,
		     token_taken(vm, token) ? STATE_YES
		     : vm->caps.open	    ? STATE_UNKNOWN
					    : STATE_NO))
		return;
	/* Kernels can be built without the interrupt controller that these services are of. */
	if (a_refuse(a, R_PPC_RTAS_NO_SERVICE,
		     service(q->in) < 0		       ? STATE_YES
		     : q_cap(q, KVM_CAP_IRQ_XICS) <= 0 ? STATE_UNKNOWN
						       : STATE_NO))
		return;
	a_succeeds(a, R_PPC_RTAS_DEFINED);
}

static void learn_rtas_define_token(struct learn *l)
{
	struct state_set *caps = &l->vm->caps;
	const int number = service(l->q->in);
	struct state_entry *e;
	uint64_t token;

	if (!q_cap(l->q, KVM_CAP_PPC_RTAS))
		return;
	if (!Q_IN(l->q, struct kvm_rtas_token_args, token, &token)) {
		caps->open = true;
		return;
	}
	if (!l->succeeded || number < 0)
		return;
	if (!token) {
		e = service_find(l->vm, number);
		if (e)
			state_set_remove(caps, e);
		return;
	}
	e = state_set_add(caps, token, (uint64_t)(TOKEN + number));
	if (!e) {
		l->oom = -ENOMEM;
		return;
	}
	e->value[0] = l->q->entered;
}

const struct handler model_powerpc_handlers[] = {
	{"KVM_GET_ONE_REG", KVMAPI_VCPU, .settle = settle_one_reg, .answer = answer_get_one_reg,
	 .learn = learn_get_one_reg},
	{"KVM_SET_ONE_REG", KVMAPI_VCPU, .settle = settle_one_reg, .answer = answer_one_reg,
	 .learn = learn_set_one_reg},
	{"KVM_PPC_RTAS_DEFINE_TOKEN", KVMAPI_VM, .answer = answer_rtas_define_token,
	 .learn = learn_rtas_define_token},
	{NULL, 0, .answer = NULL},
};
