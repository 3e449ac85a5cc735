/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the rules for arm64, Power and RISC-V share. */
#ifndef MODEL_ARCH_TEST_H
#define MODEL_ARCH_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kvmapi/kvm_newer.h"
#include "model_harness.h"

#define GOOD(h, rule)	 mh_expect(h, MODEL_CONFORMS, rule)
#define KNOWN(h, rule)	 mh_expect(h, MODEL_DEVIATION, rule)
#define BAD(h, rule)	 mh_expect(h, MODEL_DIVERGES, rule)
/* The rule allows it, and nothing demands it. */
#define ALLOWED(h, rule) mh_expect(h, MODEL_UNSPECIFIED, rule)
#define HOLDS(h, rule)                                                   \
	do {                                                             \
		assert_int_not_equal((h)->verdict.kind, MODEL_DIVERGES); \
		assert_true(mh_held(h, rule));                           \
	} while (0)

/* KVM_GET_ONE_REG or KVM_SET_ONE_REG with the bytes of the register. */
static inline void reg_bytes(struct mh *h, uint32_t vcpu, bool set, uint64_t id, const void *bytes,
			     uint32_t len, int64_t ret)
{
	struct kvm_one_reg r = {.id = id, .addr = 0x5000};
	struct tape_part part = {.role = set ? TAPE_NESTED_IN : TAPE_NESTED_OUT,
				 .want = len,
				 .have = len,
				 .addr = 0x5000,
				 .data = bytes};
	struct mh_call c = {.object = vcpu,
			    .ioctl = set ? "KVM_SET_ONE_REG" : "KVM_GET_ONE_REG",
			    .arg = 0x1000,
			    .in = &r,
			    .in_len = sizeof(r),
			    .in_parts = set ? &part : NULL,
			    .in_part_count = set,
			    .out_parts = set || ret ? NULL : &part,
			    .out_part_count = !set && !ret,
			    .ret = ret};

	mh_do(h, &c);
}

static inline void reg_get(struct mh *h, uint32_t vcpu, uint64_t id, uint64_t value, int64_t ret)
{
	uint64_t bytes[2] = {value, 0};

	reg_bytes(h, vcpu, false, id, bytes, 1u << (id >> 52 & 15), ret);
}

static inline void reg_set(struct mh *h, uint32_t vcpu, uint64_t id, uint64_t value, int64_t ret)
{
	uint64_t bytes[2] = {value, 0};

	reg_bytes(h, vcpu, true, id, bytes, 1u << (id >> 52 & 15), ret);
}

static inline void mp_get(struct mh *h, uint32_t vcpu, uint32_t state)
{
	mh_io(h, vcpu, "KVM_GET_MP_STATE", NULL, 0, &state, sizeof(state), 0);
}

static inline void mp_set(struct mh *h, uint32_t vcpu, uint32_t state, int64_t ret)
{
	mh_io(h, vcpu, "KVM_SET_MP_STATE", &state, sizeof(state), NULL, 0, ret);
}

static inline void run_exit(struct mh *h, uint32_t vcpu, const struct kvm_run *out, int64_t ret)
{
	static const struct kvm_run in;

	mh_run(h, vcpu, &in, KVMAPI_RUN_UNION, out, KVMAPI_RUN_VALID_REGS, ret);
}

#endif
