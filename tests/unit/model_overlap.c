/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random groups of overlapping calls, against a plain search that tries every order one call after
 * the other: the group diverges if, and only if, no order explains it; and what is known afterwards
 * no explaining order contradicts.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kvmapi/kvm_newer.h"
#include "kvmtape/model.h"
#include "tests/unit/rounds.h"

enum {
	VM = 2,
	VCPU = 3, /* the first of the two that may be there before */
	MADE = 5, /* the first of those that calls of the group make */
	PREFIX = 4,
	GROUP = 7,
	PROBES = 6,
	CASES = ROUNDS(3000),
};

/* Objects and ioctls of a case are few, so that calls meet. */
struct call {
	const char *ioctl;
	uint32_t object;
	uint64_t arg;
	uint8_t in[144], out[144];
	uint32_t in_len, out_len;
	int64_t ret;
	uint32_t created;	   /* if it succeeds */
	unsigned int begins, ends; /* in the group: moments, all different */
};

static struct tape_env env;
static struct model *model;
static unsigned int diverged, exhausted;
static uint64_t seed;

static uint32_t pick(uint32_t n)
{
	seed += 0x9e3779b97f4a7c15ull;
	uint64_t z = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9ull;

	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)((z ^ z >> 31) % n);
}

static void on_verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	diverged += v->kind == MODEL_DIVERGES;
	exhausted += v->kind == MODEL_UNSPECIFIED && strstr(v->observed, "too many orders");
}

/* --- feeding the model ----------------------------------------------------------------------- */

static struct tape_call calls[GROUP + 1];
static struct tape_part in_parts[GROUP + 1];

static uint8_t kind_of(uint32_t object)
{
	return object == 1 ? KVMAPI_SYSTEM : object == VM ? KVMAPI_VM : KVMAPI_VCPU;
}

static void begin(const struct call *c, uint32_t thread)
{
	const struct kvmapi_ioctl *row = kvmapi_find_name(KVMAPI_X86, c->ioctl);
	struct tape_call *t = &calls[thread];

	row = kvmapi_find(KVMAPI_X86, kind_of(c->object), row->request);
	assert_non_null(row);
	in_parts[thread] = (struct tape_part){.role = TAPE_ARG_IN,
					      .want = c->in_len,
					      .have = c->in_len,
					      .addr = 0x1000,
					      .data = c->in};
	*t = (struct tape_call){.thread = thread,
				.object = c->object,
				.kind = kind_of(c->object),
				.arg = c->in_len || c->out_len ? 0x1000 : c->arg,
				.request = row->request,
				.row = row,
				.parts = &in_parts[thread],
				.part_count = c->in_len != 0};
	assert_int_equal(model_call(model, t), 0);
}

static void end(const struct call *c, uint32_t thread)
{
	struct tape_part out = {.role = TAPE_ARG_OUT,
				.want = c->out_len,
				.have = c->out_len,
				.addr = 0x1000,
				.data = c->out};
	struct tape_return ret = {.call = &calls[thread],
				  .ret = c->created && !c->ret ? 10 + c->created : c->ret,
				  .created = c->created && !c->ret ? c->created : 0,
				  .parts = &out,
				  .part_count = c->out_len && !c->ret};

	if (ret.created) {
		struct tape_object o = {.id = c->created,
					.parent = VM,
					.kind = kind_of(c->created),
					.fd = (int)ret.ret,
					.number = c->created == VM ? UINT64_MAX : c->arg};

		assert_int_equal(model_object(model, &o), 0);
	}
	assert_int_equal(model_return(model, &ret), 0);
}

static void one(const struct call *c)
{
	begin(c, GROUP);
	end(c, GROUP);
}

/* A new model that has seen the calls of before; `before` is the number of those. */
static void start(const struct call *prefix, unsigned int before)
{
	const struct tape_object kvm = {
		.id = 1, .kind = KVMAPI_SYSTEM, .fd = 3, .number = UINT64_MAX};
	const struct call make = {.ioctl = "KVM_CREATE_VM", .object = 1, .created = VM};

	model_reset(model);
	for (uint32_t i = 0; i <= GROUP; i++) {
		struct tape_thread t = {.id = i, .pid = 1, .tid = i + 1};

		assert_int_equal(model_thread(model, &t), 0);
	}
	assert_int_equal(model_object(model, &kvm), 0);
	one(&make);
	for (unsigned int i = 0; i < before; i++)
		one(&prefix[i]);
	diverged = 0;
}

/* --- random calls ---------------------------------------------------------------------------- */

static void argument(struct call *c, const void *in, uint32_t len)
{
	memcpy(c->in, in, len);
	c->in_len = len;
}

static void region(struct call *c)
{
	struct kvm_userspace_memory_region r = {.slot = pick(3),
						.flags = pick(3) ? 0 : KVM_MEM_LOG_DIRTY_PAGES,
						.guest_phys_addr = 0x100000 + 0x1000 * pick(4),
						.memory_size = 0x1000 * pick(3),
						.userspace_addr = 0x7f0000000000};

	c->ioctl = "KVM_SET_USER_MEMORY_REGION";
	argument(c, &r, sizeof(r));
}

static void eventfds(struct call *c)
{
	struct kvm_ioeventfd io = {.addr = 0x1000 * pick(2),
				   .len = 4,
				   .fd = 30 + (int)pick(2),
				   .flags = pick(2) ? KVM_IOEVENTFD_FLAG_DEASSIGN : 0};
	struct kvm_irqfd irq = {.fd = 40, .gsi = pick(2), .flags = pick(2)};

	if (pick(2)) {
		c->ioctl = "KVM_IOEVENTFD";
		argument(c, &io, sizeof(io));
	} else {
		c->ioctl = "KVM_IRQFD";
		argument(c, &irq, sizeof(irq));
	}
}

static void clocks(struct call *c)
{
	struct kvm_clock_data d = {.clock = 3000000000ull * (1 + pick(4))};

	if (pick(2)) {
		c->ioctl = "KVM_SET_CLOCK";
		argument(c, &d, sizeof(d));
	} else {
		c->ioctl = "KVM_GET_CLOCK";
		memcpy(c->out, &d, sizeof(d));
		c->out_len = sizeof(d);
	}
}

static void registers(struct call *c)
{
	struct kvm_regs r = {.rax = pick(3), .rflags = 2};

	c->object = VCPU + pick(2);
	if (pick(2)) {
		c->ioctl = "KVM_SET_REGS";
		argument(c, &r, sizeof(r));
	} else {
		c->ioctl = "KVM_GET_REGS";
		memcpy(c->out, &r, sizeof(r));
		c->out_len = sizeof(r);
	}
}

/* What a VM has one of, and keeps. */
static void settings(struct call *c)
{
	struct kvm_enable_cap cap = {.cap = pick(2) ? KVM_CAP_X86_USER_SPACE_MSR
						    : KVM_CAP_MAX_VCPU_ID,
				     .args = {1 + pick(3)}};
	uint64_t map = pick(2) ? 0x100000 : 0xfffb0000;

	switch (pick(5)) {
	case 0:
		c->ioctl = "KVM_SET_TSS_ADDR";
		c->arg = pick(2) ? 0x100000 : 0xfffbd000;
		break;
	case 1:
		c->ioctl = "KVM_SET_IDENTITY_MAP_ADDR";
		argument(c, &map, sizeof(map));
		break;
	case 2:
		c->ioctl = "KVM_SET_NR_MMU_PAGES";
		c->arg = 64 + pick(2);
		break;
	case 3:
		c->ioctl = "KVM_SET_TSC_KHZ";
		c->arg = 2000 + pick(2);
		break;
	default:
		c->ioctl = "KVM_ENABLE_CAP";
		argument(c, &cap, sizeof(cap));
		break;
	}
}

static void random_call(struct call *c, uint32_t made, bool vcpus)
{
	struct kvm_dirty_log log = {.slot = pick(3)};
	struct kvm_irq_level level = {.irq = pick(4), .level = pick(2)};

	*c = (struct call){.object = VM};
	switch (pick(17)) {
	case 15:
	case 16:
		settings(c);
		break;
	case 0:
	case 1:
	case 2:
	case 3:
		region(c);
		break;
	case 4:
		c->ioctl = "KVM_GET_DIRTY_LOG";
		argument(c, &log, sizeof(log));
		break;
	case 5:
		c->ioctl = "KVM_CREATE_IRQCHIP";
		break;
	case 6:
		c->ioctl = "KVM_CREATE_VCPU";
		c->arg = pick(4);
		c->created = made;
		break;
	case 7:
	case 8:
		eventfds(c);
		break;
	case 9:
	case 12:
	case 13:
		clocks(c);
		break;
	case 10:
		c->ioctl = "KVM_IRQ_LINE";
		argument(c, &level, sizeof(level));
		break;
	case 11:
		c->ioctl = "KVM_SET_BOOT_CPU_ID";
		c->arg = pick(3);
		break;
	default:
		if (vcpus)
			registers(c);
		else
			region(c);
		break;
	}
}

static const int errors[] = {0, EINVAL, EEXIST, ENOENT, ENXIO, EBUSY};
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

/* A result that the model takes after these calls, by trial; *c is kept out if there is none. */
static bool result(const struct call *before, unsigned int count, struct call *c)
{
	unsigned int first = pick(3) ? 0 : pick(ERRORS);

	for (unsigned int i = 0; i < ERRORS; i++) {
		c->ret = -errors[(first + i) % ERRORS];
		start(before, count);
		one(c);
		if (!diverged)
			return true;
	}
	return false;
}

/* --- the two searches ------------------------------------------------------------------------ */

struct plain {
	const struct call *before, *group, *probes;
	unsigned int before_count, count;
	bool explained;
	bool probe_fine[PROBES]; /* in one of the orders */
	unsigned int order[GROUP];
	uint64_t tried;
};

static void plain_order(struct plain *p)
{
	p->tried++;
	for (unsigned int probe = 0; probe <= PROBES; probe++) {
		/* The last of these is for those without any probe. */
		start(p->before, p->before_count);
		for (unsigned int i = 0; i < p->count && !diverged; i++)
			one(&p->group[p->order[i]]);
		if (diverged)
			return;
		p->explained = true;
		if (probe == PROBES || p->probe_fine[probe])
			continue;
		one(&p->probes[probe]);
		p->probe_fine[probe] |= !diverged;
	}
}

static void plain_search(struct plain *p, unsigned int depth, unsigned int done)
{
	if (depth == p->count) {
		plain_order(p);
		return;
	}
	for (unsigned int i = 0; i < p->count; i++) {
		bool first = !(done >> i & 1);

		for (unsigned int k = 0; first && k < p->count; k++)
			first = done >> k & 1 || p->group[k].ends > p->group[i].begins;
		p->order[depth] = i;
		if (first)
			plain_search(p, depth + 1, done | 1u << i);
	}
}

/* The group as it is on a tape; a probe behind it, NULL = none.  How many calls diverge. */
static unsigned int overlapping(const struct plain *p, const struct call *probe)
{
	unsigned int found;

	start(p->before, p->before_count);
	for (unsigned int moment = 0; moment < 2 * p->count; moment++) {
		for (unsigned int i = 0; i < p->count; i++) {
			if (p->group[i].begins == moment)
				begin(&p->group[i], i);
			if (p->group[i].ends == moment)
				end(&p->group[i], i);
		}
	}
	found = diverged;
	if (!probe)
		return found;
	one(probe);
	return diverged - found;
}

static void intervals(struct call *group, unsigned int count)
{
	unsigned int moments[2 * GROUP];

	for (unsigned int i = 0; i < 2 * count; i++)
		moments[i] = i;
	for (unsigned int i = 2 * count; i-- > 1;) {
		/* Mostly not far away: what is before then stays before. */
		unsigned int k = pick(2) ? pick(i + 1) : i - pick(i < 3 ? i + 1 : 3),
			     m = moments[i];

		moments[i] = moments[k];
		moments[k] = m;
	}
	for (unsigned int i = 0; i < count; i++) {
		unsigned int a = moments[2 * i], b = moments[2 * i + 1];

		group[i].begins = a < b ? a : b;
		group[i].ends = a < b ? b : a;
	}
}

static void groups(void **state)
{
	unsigned int explained = 0, wrong = 0, several = 0, known = 0;

	for (unsigned int number = 0; number < CASES; number++) {
		struct call all[PREFIX + GROUP], probes[PROBES], true_order[PREFIX + GROUP];
		struct plain p = {.before = all, .group = all + PREFIX, .probes = probes};
		unsigned int count, order[GROUP];
		bool vcpus, failed_vcpu = false;

		seed = 1000003ull * number + 7;
		count = 2 + pick(pick(3) ? 4 : GROUP - 1);
		vcpus = !pick(3);
		for (unsigned int i = 0; i < PREFIX; i++) {
			if (vcpus && i < 2)
				all[i] = (struct call){.ioctl = "KVM_CREATE_VCPU",
						       .object = VM,
						       .arg = i,
						       .created = VCPU + i};
			else
				do
					random_call(&all[i], MADE + 20 + i, false);
				while (!result(all, i, &all[i]));
		}
		p.before_count = PREFIX;
		p.count = count;
		for (unsigned int i = 0; i < count; i++)
			random_call(&all[PREFIX + i], MADE + i, vcpus);
		intervals(all + PREFIX, count);
		/* Results of one order, the one in which they began. */
		memcpy(true_order, all, sizeof(all));
		for (unsigned int i = 0; i < count; i++) {
			unsigned int next = 0, least = UINT32_MAX;

			for (unsigned int k = 0; k < count; k++) {
				bool done = false;

				for (unsigned int d = 0; d < i; d++)
					done |= order[d] == k;
				if (!done && p.group[k].begins < least) {
					least = p.group[k].begins;
					next = k;
				}
			}
			order[i] = next;
			while (!result(true_order, PREFIX + i, &all[PREFIX + next])) {
				struct call again;

				random_call(&again, MADE + next, false);
				again.begins = all[PREFIX + next].begins;
				again.ends = all[PREFIX + next].ends;
				all[PREFIX + next] = again;
			}
			true_order[PREFIX + i] = all[PREFIX + next];
		}
		if (number % 2)
			all[PREFIX + pick(count)].ret = -errors[pick(ERRORS)];
		for (unsigned int i = 0; i < PROBES; i++) {
			random_call(&probes[i], MADE + 40 + i, vcpus);
			probes[i].ret = pick(2) ? 0 : -errors[pick(ERRORS)];
		}
		for (unsigned int i = 0; i < count; i++)
			failed_vcpu |= p.group[i].created && p.group[i].ret;
		plain_search(&p, 0, 0);
		several += p.tried > 1;
		if (p.explained)
			explained++;
		else
			wrong++;
		if (p.explained && overlapping(&p, NULL))
			fail_msg(
				"case %u: %u calls, an order explains them, and the group diverges",
				number, count);
		/* A vCPU that could not be made may have been counted, which no order of whole
		 * calls explains. */
		if (!p.explained && !failed_vcpu && !overlapping(&p, NULL))
			fail_msg(
				"case %u: %u calls, no order explains them, and the group does not diverge",
				number, count);
		for (unsigned int i = 0; p.explained && i < PROBES; i++) {
			bool refused = overlapping(&p, &probes[i]);

			known += refused;
			if (refused && p.probe_fine[i])
				fail_msg(
					"case %u: %s = %lld is refused after the group, but not after one of its orders",
					number, probes[i].ioctl, (long long)probes[i].ret);
		}
	}
	/* All of it happens. */
	assert_true(explained > CASES / 4);
	assert_true(wrong > CASES / 20);
	assert_true(several > CASES / 2);
	assert_true(known > CASES / 4);
}

/* As many orders as there can be, on and on, and none that explains the last call: what the search
 * costs is bounded, and where it is given up nothing is held against the kernel. */
static void crowds(void **state)
{
	struct call all[GROUP];

	start(NULL, 0);
	exhausted = 0;
	for (unsigned int round = 0; round < 1000; round++) {
		for (unsigned int i = 0; i < GROUP; i++) {
			all[i] = (struct call){.ioctl = "KVM_SET_BOOT_CPU_ID",
					       .object = VM,
					       .arg = i,
					       .ret = round % 2 && i == GROUP - 1 ? -EFAULT : 0};
			begin(&all[i], i);
		}
		for (unsigned int i = 0; i < GROUP; i++)
			end(&all[i], i);
	}
	assert_true(diverged > 0);
	assert_true(diverged < 500);
	assert_true(exhausted > 0);
}

static int setup(void **state)
{
	static const struct {
		uint32_t cap;
		int32_t answer;
	} caps[] = {
		{KVM_CAP_NR_MEMSLOTS, 509},
		{KVM_CAP_MULTI_ADDRESS_SPACE, 1},
		{KVM_CAP_MAX_VCPUS, 1024},
		{KVM_CAP_MAX_VCPU_ID, 4096},
		{KVM_CAP_DIRTY_LOG_RING, 0},
		{KVM_CAP_DIRTY_LOG_RING_ACQ_REL, 0},
		{KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 0},
		{KVM_CAP_IRQCHIP, 1},
	};

	tape_env_init(&env);
	env.arch = KVMAPI_X86;
	env.page_size = 4096;
	assert_int_equal(tape_env_set(&env, "kernel.release", "6.12.0"), 0);
	assert_int_equal(tape_env_set(&env, "kvm.backend", "kvm_amd"), 0);
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		assert_int_equal(tape_env_set_cap(&env, caps[i].cap, caps[i].answer), 0);
	return model_create(&env, on_verdict, NULL, &model);
}

static int teardown(void **state)
{
	model_destroy(model);
	tape_env_release(&env);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(groups, setup, teardown),
		cmocka_unit_test_setup_teardown(crowds, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
