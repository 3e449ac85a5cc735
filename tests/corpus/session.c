/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvmtape/asm.h"
#include "tests/corpus/session.h"

void die(const char *what, int err)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, tape_strerror(err));
	exit(2);
}

void *copy(const void *from, size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		die("memory", -ENOMEM);
	if (size)
		memcpy(p, from, size);
	return p;
}

static struct tape_part *copy_parts(const struct tape_part *parts, unsigned int count)
{
	struct tape_part *p = copy(parts, count * sizeof(*p));

	for (unsigned int i = 0; i < count; i++)
		p[i].data = copy(p[i].data, p[i].have);
	return p;
}

void *grow(void *array, size_t count, size_t size)
{
	void *p = array;

	if (!(count & (count - 1)))
		p = reallocarray(array, count ? 2 * count : 1, size);
	if (!p)
		die("memory", -ENOMEM);
	return p;
}

void *by_ioctl_find(void *array, size_t *count, size_t room, size_t size, const char *ioctl)
{
	struct by_ioctl *at = array;

	for (size_t i = 0; i < *count; i++, at = (void *)((char *)at + size)) {
		if (!strcmp(at->ioctl, ioctl))
			return at;
	}
	if (*count == room)
		die("more ioctls than expected", -E2BIG);
	at->ioctl = ioctl;
	++*count;
	return at;
}

int by_ioctl_compare(const void *a, const void *b)
{
	return strcmp(((const struct by_ioctl *)a)->ioctl, ((const struct by_ioctl *)b)->ioctl);
}

/* The tape that a text stands for, as a path. */
static const char *assembled(const char *path)
{
	static char tape[64];
	struct tape_writer_options options = TAPE_WRITER_OPTIONS();
	struct tape_asm_error error = {0};
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	int fd, err;

	if (!f || getdelim(&text, &room, 0, f) < 0)
		die(path, -errno);
	fclose(f);
	fd = memfd_create(path, MFD_CLOEXEC);
	err = fd < 0 ? -errno : tape_asm_write(text, fd, &options, &error);
	if (err)
		die(error.line ? error.message : path, err);
	free(text);
	snprintf(tape, sizeof(tape), "/proc/self/fd/%d", fd);
	return tape;
}

int session_open(const char *path, struct tape_reader **reader)
{
	const size_t length = strlen(path);
	const bool text = length > 6 && !strcmp(path + length - 6, ".tapes");

	return tape_reader_open(text ? assembled(path) : path, reader);
}

void session_load(struct session *s, const char *path)
{
	size_t open[4096];
	size_t last[4096];
	struct tape_item item;
	int err = session_open(path, &s->reader);

	if (err)
		die(path, err);
	memset(last, 0, sizeof(last));
	err = tape_env_copy(&s->env, tape_reader_env(s->reader));
	while (!err && !(err = tape_reader_next(s->reader, &item)) &&
	       item.type != TAPE_END_OF_FILE) {
		struct step *step;
		struct event *e;

		s->steps = grow(s->steps, s->step_count, sizeof(*s->steps));
		step = &s->steps[s->step_count++];
		*step = (struct step){.type = item.type, .item = item};
		if (item.type == TAPE_CALL) {
			if (item.u.call->thread >= 4096)
				die("more threads than expected", -E2BIG);
			s->events = grow(s->events, s->event_count, sizeof(*s->events));
			step->event = s->event_count;
			e = &s->events[s->event_count];
			*e = (struct event){.call = *item.u.call, .step = s->step_count - 1};
			e->call.parts = copy_parts(e->call.parts, e->call.part_count);
			open[e->call.thread] = s->event_count;
			if (last[e->call.thread])
				s->events[last[e->call.thread]].next_same_thread = s->event_count;
			last[e->call.thread] = s->event_count++;
		} else if (item.type == TAPE_RETURN) {
			step->event = open[item.u.ret->call->thread];
			e = &s->events[step->event];
			e->ret = *item.u.ret;
			e->ret.parts = copy_parts(e->ret.parts, e->ret.part_count);
			e->returned = true;
			for (unsigned int i = 0; i < e->ret.part_count; i++)
				e->bytes += e->ret.parts[i].have;
			e->marks = calloc(e->bytes + 1, 1);
			if (!e->marks)
				die("memory", -ENOMEM);
		}
	}
	if (err)
		die(path, err);
}

static void free_parts(const struct tape_part *parts, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		free((void *)parts[i].data);
	free((void *)parts);
}

void session_release(struct session *s)
{
	for (size_t i = 0; i < s->event_count; i++) {
		struct event *e = &s->events[i];

		free_parts(e->call.parts, e->call.part_count);
		if (e->returned)
			free_parts(e->ret.parts, e->ret.part_count);
		free(e->marks);
	}
	free(s->events);
	free(s->steps);
	tape_reader_close(s->reader);
	tape_env_release(&s->env);
	memset(s, 0, sizeof(*s));
}
