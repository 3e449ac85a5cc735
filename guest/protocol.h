/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The protocol of the host (guest/guest.c) and the agent in the guest (guest/agent.c) over a
 * virtio-serial port named GUEST_PORT. docs/guest.md has an overview; this file is the
 * specification.
 *
 * Both send frames: a struct guest_frame, then `size` bytes of body. Numbers are little-endian
 * (every architecture that the agent exists for is). The host asks, the agent answers with the
 * sequence number of the question; the agent handles one question at a time, in order, so a host
 * may send several before it reads. While a program runs the agent also takes GUEST_MSG_INPUT,
 * GUEST_MSG_SIGNAL and GUEST_MSG_PING, and sends GUEST_MSG_OUTPUT.
 *
 * The first frame, unasked, with sequence 0, is GUEST_MSG_HELLO. It begins with GUEST_PROTOCOL,
 * which changes with every change of this file; a host does not go on with an agent of another
 * number.
 */
#ifndef GUEST_PROTOCOL_H
#define GUEST_PROTOCOL_H

#include <stdint.h>

#ifndef GUEST_PROTOCOL
#define GUEST_PROTOCOL 1
#endif
#define GUEST_PORT	"kvmtape"
#define GUEST_MAGIC	0x4754564bu /* "KVTG" */
#define GUEST_FRAME_MAX (16u << 20) /* largest body */
#define GUEST_CHUNK	(1u << 20)  /* files and output travel in pieces of at most this size */

struct guest_frame {
	uint32_t magic;
	uint32_t size; /* of the body, at most GUEST_FRAME_MAX */
	uint32_t type; /* enum guest_message */
	uint32_t sequence;
};

enum guest_message {
	/* Body from the agent: struct guest_hello.  The host may ask again with an empty body. */
	GUEST_MSG_HELLO = 1,
	/* Any body; comes back as it was. */
	GUEST_MSG_PING = 2,
	/* struct guest_put, path, data; answer GUEST_MSG_DONE.  Missing folders are made. */
	GUEST_MSG_PUT = 3,
	/* struct guest_get, path; answer GUEST_MSG_DATA, or GUEST_MSG_DONE with the error. */
	GUEST_MSG_GET = 4,
	/* target, path, each with its NUL: a symbolic link; answer GUEST_MSG_DONE. */
	GUEST_MSG_LINK = 5,
	/*
	 * path: the regular files below it; answer GUEST_MSG_DATA: struct guest_entry and path, for
	 * each
	 */
	GUEST_MSG_LIST = 6,
	/*
	 * struct guest_exec, folder, arguments, environment, each with its NUL; answers
	 * GUEST_MSG_OUTPUT and a last GUEST_MSG_EXIT, or GUEST_MSG_DONE if it could not be started.
	 */
	GUEST_MSG_EXEC = 7,
	/* Standard input of the running program; empty = its end.  No answer. */
	GUEST_MSG_INPUT = 8,
	/* uint32_t: a signal to the running program's process group.  No answer. */
	GUEST_MSG_SIGNAL = 9,
	/* uint32_t stream (1, 2), bytes. */
	GUEST_MSG_OUTPUT = 10,
	/* struct guest_exit. */
	GUEST_MSG_EXIT = 11,
	/* int32_t: 0 or -errno. */
	GUEST_MSG_DONE = 12,
	/* struct guest_data, bytes. */
	GUEST_MSG_DATA = 13,
};

struct guest_hello {
	uint32_t protocol;   /* GUEST_PROTOCOL */
	uint32_t page_size;  /* bytes */
	int32_t kvm_version; /* KVM_GET_API_VERSION of /dev/kvm, or -errno of opening it */
	uint32_t cpus;	     /* online */
	char machine[32];    /* uname -m */
	char release[96];    /* uname -r */
};

struct guest_put {
	uint64_t offset; /* 0 = make the file anew */
	uint32_t mode;
	uint32_t path_size; /* with the NUL; the data follow */
};

struct guest_get {
	uint64_t offset;
	uint32_t size; /* at most GUEST_CHUNK */
	uint32_t path_size;
};

struct guest_data {
	uint64_t total; /* size of the file; 0 for a list */
	uint32_t mode;
	uint32_t reserved;
};

struct guest_entry {
	uint64_t size;
	uint64_t changed; /* nanoseconds, the guest's clock */
	uint32_t mode;
	uint32_t path_size; /* with the NUL; the path follows, then the next entry */
};

#define GUEST_EXEC_INPUT 1u /* standard input is a pipe fed by GUEST_MSG_INPUT; else /dev/null */

struct guest_exec {
	uint32_t flags;
	uint32_t argument_count;
	uint32_t environment_count;
	uint32_t reserved;
};

struct guest_exit {
	uint32_t signal;    /* that ended it; 0 = it exited */
	uint32_t status;    /* exit status if signal is 0 */
	uint32_t oom_kills; /* processes that the kernel killed for want of memory meanwhile */
	uint32_t reserved;
	uint64_t started; /* nanoseconds, the guest's clock (struct guest_entry.changed) */
};

#endif
