/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the known VMM writes down of each call, so that a tape can be held against it.  A log is a
 * sequence of struct known_call, each followed by its parts; a part is a struct known_part and .len
 * bytes.
 */
#ifndef TESTS_BPF_KNOWN_H
#define TESTS_BPF_KNOWN_H

#include <stdint.h>

struct known_call {
	uint32_t pid, tid;
	uint32_t request;
	uint32_t kind; /* enum kvmapi_object */
	uint64_t arg;
	int64_t ret;	  /* as the kernel returns it: -errno */
	uint32_t created; /* kind of the object that was made, 0 = none */
	uint32_t parts;
};

#define KNOWN_ABSENT UINT32_MAX
struct known_part {
	uint32_t role;
	uint32_t flags;
	uint32_t min; /* bytes that must be on the tape; KNOWN_ABSENT = no such part */
	uint32_t len; /* this many bytes are known */
};

#endif
