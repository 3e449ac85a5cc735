// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bytes of anybody's memory on canonical tapes: what looks like an address of a process or of a
 * kernel, anywhere but in the state of a guest, and anything in bytes that are dead.
 *
 *	foreign TAPE...
 *
 * Prints each find; fails if there is one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvmtape/tape.h"

/* Calls that carry the registers of a guest, which may hold any address of the guest's own. */
static const char *const guest_state[] = {
	"KVM_GET_REGS",	   "KVM_SET_REGS",	   "KVM_GET_SREGS",	   "KVM_SET_SREGS",
	"KVM_GET_SREGS2",  "KVM_SET_SREGS2",	   "KVM_GET_MSRS",	   "KVM_SET_MSRS",
	"KVM_GET_XSAVE",   "KVM_SET_XSAVE",	   "KVM_GET_XSAVE2",	   "KVM_GET_FPU",
	"KVM_SET_FPU",	   "KVM_GET_DEBUGREGS",	   "KVM_SET_DEBUGREGS",	   "KVM_SET_GUEST_DEBUG",
	"KVM_GET_ONE_REG", "KVM_SET_ONE_REG",	   "KVM_GET_VCPU_EVENTS",  "KVM_SET_VCPU_EVENTS",
	"KVM_TRANSLATE",   "KVM_GET_NESTED_STATE", "KVM_SET_NESTED_STATE",
};

static bool is_guest_state(const struct tape_call *call, const struct tape_part *part)
{
	if (part->role == TAPE_RUN_REGS_IN || part->role == TAPE_RUN_REGS_OUT ||
	    part->role == TAPE_PIO_IN || part->role == TAPE_PIO_OUT)
		return true;
	for (size_t i = 0; call->row && i < sizeof(guest_state) / sizeof(guest_state[0]); i++)
		if (!strcmp(call->row->name, guest_state[i]))
			return true;
	return false;
}

/*
 * Nor is what is all zero below 2^32, as a test of impossible addresses has it. Of processes 0x7f..
 * and 0x55.., 0x56..; of kernels 0xffff8.. to 0xffffb.. and 0xffffffff8.. to 0xffffffffc..
 */
static bool is_address(uint64_t value)
{
	uint64_t top = value >> 40, kernel = value >> 44;

	if (!(uint32_t)value)
		return false;
	return top == 0x7f || top == 0x55 || top == 0x56 ||
	       (kernel >= 0xffff8 && kernel <= 0xffffb) ||
	       (value >= 0xffffffff80000000ull && value < 0xffffffffd0000000ull);
}

static unsigned int search(const char *tape, const struct tape_env *env,
			   const struct tape_call *call, const struct tape_part *part)
{
	const bool big = kvmapi_arch_big_endian(env->arch);
	uint32_t end = part->have;
	unsigned int found = 0;

	/* Exits tell what the guest did: its data and addresses. */
	if (is_guest_state(call, part))
		return 0;
	if (part->role == TAPE_RUN_IN || part->role == TAPE_RUN_OUT)
		end = end < KVMAPI_RUN_UNION ? end : KVMAPI_RUN_UNION;
	for (uint32_t at = 0; at + 8 <= end; at += 4) {
		uint64_t value = 0;

		for (unsigned int i = 0; i < 8; i++)
			value = value << 8 | part->data[at + (big ? i : 7 - i)];
		if (!is_address(value))
			continue;
		printf("%s: event %" PRIu64 ", %s, part %u: 0x%" PRIx64 " at byte %u\n", tape,
		       call->index, call->row ? call->row->name : "unknown", part->role, value, at);
		found++;
	}
	return found;
}

static unsigned int dead(const char *tape, const struct tape_call *call,
			 const struct tape_part *parts, const struct tape_part *live,
			 unsigned int count)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < count; i++)
		for (uint32_t at = 0; at < parts[i].have; at++) {
			if (parts[i].data[at] == live[i].data[at])
				continue;
			printf("%s: event %" PRIu64 ", %s, part %u: byte %u is dead, and 0x%02x\n",
			       tape, call->index, call->row ? call->row->name : "unknown",
			       parts[i].role, at, parts[i].data[at]);
			found++;
			break;
		}
	return found;
}

static unsigned int look(const char *tape)
{
	struct tape_part live_parts[TAPE_ROLES];
	const struct tape_call *call;
	const struct tape_env *env;
	struct tape_reader *reader;
	struct tape_live *live;
	struct tape_item item;
	unsigned int found = 0;

	if (tape_reader_open(tape, &reader)) {
		printf("%s: cannot be read\n", tape);
		return 1;
	}
	env = tape_reader_env(reader);
	if (!env->canonical || tape_live_open(env->arch, &live)) {
		printf("%s: not canonical\n", tape);
		tape_reader_close(reader);
		return 1;
	}
	while (!tape_reader_next(reader, &item) && item.type != TAPE_END_OF_FILE) {
		if (item.type == TAPE_CALL) {
			call = item.u.call;
			for (unsigned int i = 0; i < call->part_count; i++)
				found += search(tape, env, call, &call->parts[i]);
			if (tape_live_call(live, call, live_parts))
				abort();
			found += dead(tape, call, call->parts, live_parts, call->part_count);
		} else if (item.type == TAPE_RETURN) {
			const struct tape_return *ret = item.u.ret;

			call = ret->call;
			for (unsigned int i = 0; i < ret->part_count; i++)
				found += search(tape, env, call, &ret->parts[i]);
			if (tape_live_return(live, call->thread, ret, live_parts))
				abort();
			found += dead(tape, call, ret->parts, live_parts, ret->part_count);
		}
	}
	tape_live_close(live);
	tape_reader_close(reader);
	return found;
}

int main(int argc, char **argv)
{
	unsigned int found = 0;

	for (int i = 1; i < argc; i++)
		found += look(argv[i]);
	printf("%d tapes, %u finds\n", argc - 1, found);
	return found || argc < 2;
}
