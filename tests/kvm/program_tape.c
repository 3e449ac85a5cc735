// SPDX-License-Identifier: BSD-2-Clause
/*
 * program_tape: lists the tiny guest programs, or writes the tape of one.
 *
 *	program_tape ARCH			a name a line, with its exit reasons in order, each
 *						followed by how often
 *	program_tape ARCH NAME FILE
 *	program_tape ARCH NAME FILE FLAW	with something that should not be played on one's
 *						own machine
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "replayer/live/programs.h"

static int list(enum kvmapi_arch arch)
{
	size_t count;
	const struct program *all = programs(&count);

	for (size_t i = 0; i < count; i++) {
		if (all[i].arch != arch)
			continue;
		printf("%s", all[i].name);
		for (const struct program_exit *e = all[i].exits; e->times; e++) {
			for (unsigned int k = 0; k < e->times; k++)
				printf(" %s", kvmapi_exit_name(e->reason));
		}
		putchar('\n');
	}
	return 0;
}

/* --- flaws ------------------------------------------------------------------------------------ */

enum flaw {
	FLAW_FOREIGN, /* the guest code is another one */
	FLAW_UNKNOWN, /* a request that no kernel knows */
	FLAW_HUGE,    /* a memory slot of a terabyte */
	FLAW_WRONG,   /* a call that failed as if it were wrong */
	FLAW_LIE,     /* exits that do not come; may be played: the difference must be found */
	FLAWS,
};
static const char *const flaw_names[FLAWS] = {"foreign", "unknown", "huge", "wrong", "lie"};

static int call_copy(struct tape_writer *w, const struct tape_call *from, enum flaw flaw)
{
	struct tape_call call = *from;
	struct tape_part part;
	uint8_t region[32];
	uint64_t size = 1ull << 40;

	if (flaw == FLAW_UNKNOWN && call.kind == KVMAPI_SYSTEM)
		call.request = 0xaeff;
	if (flaw == FLAW_HUGE && call.row &&
	    !strcmp(call.row->name, "KVM_SET_USER_MEMORY_REGION")) {
		part = call.parts[0];
		memcpy(region, part.data, sizeof(region));
		memcpy(region + 16, &size, sizeof(size));
		part.data = region;
		call.parts = &part;
		return tape_writer_call(w, &call);
	}
	return tape_writer_call(w, &call);
}

static int item_copy(struct tape_writer *w, const struct tape_item *item, enum flaw flaw)
{
	struct tape_return ret;
	struct tape_memory memory;
	struct tape_part out;
	uint8_t code[PROGRAMS_BYTES];
	uint8_t run[12] = {0};

	switch (item->type) {
	case TAPE_THREAD:
		return tape_writer_thread(w, &item->u.thread);
	case TAPE_OBJECT:
		return tape_writer_object(w, &item->u.object);
	case TAPE_CALL:
		return call_copy(w, item->u.call, flaw);
	case TAPE_RETURN:
		ret = *item->u.ret;
		if (flaw == FLAW_WRONG && ret.call->row &&
		    !strcmp(ret.call->row->name, "KVM_SET_REGS"))
			ret.ret = -EINVAL;
		if (flaw == FLAW_LIE && ret.part_count && ret.parts[0].role == TAPE_RUN_OUT) {
			out = ret.parts[0];
			run[8] = 4; /* KVM_EXIT_DEBUG */
			out.data = run;
			ret.parts = &out;
		}
		return tape_writer_return(w, ret.call->thread, &ret);
	case TAPE_MEMORY:
		memory = item->u.memory;
		memcpy(code, memory.data, memory.len);
		code[0] ^= flaw == FLAW_FOREIGN;
		memory.data = code;
		return tape_writer_memory(w, &memory);
	case TAPE_END:
		return tape_writer_finish(w, &item->u.end);
	default:
		return 0;
	}
}

/* Copy a tape with a flaw; its requests have no rows where the flaw made them unknown. */
static int flaw_write(int from, int to, enum flaw flaw)
{
	struct tape_reader *reader = NULL;
	struct tape_writer *writer = NULL;
	struct tape_item item;
	int rc;

	lseek(from, 0, SEEK_SET);
	rc = tape_reader_open_fd(from, &reader)
		     ?: tape_writer_open(to, tape_reader_env(reader), NULL, &writer);
	while (!rc) {
		rc = tape_reader_next(reader, &item);
		if (rc || item.type == TAPE_END_OF_FILE)
			break;
		rc = item_copy(writer, &item, flaw);
	}
	tape_writer_close(writer);
	tape_reader_close(reader);
	return rc;
}

static int program_write(const struct program *program, int fd, const char *flaw)
{
	int plain, rc = -EINVAL;

	if (!flaw)
		return programs_tape(program, fd);
	plain = memfd_create("plain", MFD_CLOEXEC);
	if (plain < 0)
		return -errno;
	for (int i = 0; i < FLAWS; i++) {
		if (!strcmp(flaw, flaw_names[i]))
			rc = programs_tape(program, plain) ?: flaw_write(plain, fd, i);
	}
	close(plain);
	return rc;
}

int main(int argc, char **argv)
{
	const struct program *program;
	int arch, fd, rc;

	arch = argc == 2 || argc == 4 || argc == 5 ? kvmapi_arch_parse(argv[1]) : -EINVAL;
	if (arch < 0) {
		fprintf(stderr, "usage: program_tape ARCH [NAME FILE [FLAW]]\n");
		return 2;
	}
	if (argc == 2)
		return list(arch);
	program = programs_find(arch, argv[2]);
	if (!program) {
		fprintf(stderr, "program_tape: no program %s\n", argv[2]);
		return 2;
	}
	fd = open(argv[3], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0) {
		perror(argv[3]);
		return 2;
	}
	rc = program_write(program, fd, argc == 5 ? argv[4] : NULL);
	if (rc)
		fprintf(stderr, "program_tape: %s: %s\n", argv[2],
			rc < -2000 ? tape_strerror(rc) : strerror(-rc));
	return close(fd) || rc ? 2 : 0;
}
