// SPDX-License-Identifier: BSD-2-Clause
/* A client of QEMU's machine protocol: a line of JSON each way, events in between. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "guest/internal.h"

/* Read more into the buffer.  0, -ETIMEDOUT, -ENOTCONN. */
static int fill(struct guest_qmp *qmp, int timeout)
{
	struct pollfd wait = {.fd = qmp->fd, .events = POLLIN};
	ssize_t n;

	if (qmp->used + 4096 > qmp->capacity) {
		char *more = realloc(qmp->buffer, qmp->capacity + (64 << 10));

		if (!more)
			return -ENOMEM;
		qmp->buffer = more;
		qmp->capacity += 64 << 10;
	}
	do {
		n = poll(&wait, 1, timeout);
	} while (n < 0 && errno == EINTR);
	if (!n)
		return -ETIMEDOUT;
	n = recv(qmp->fd, qmp->buffer + qmp->used, qmp->capacity - qmp->used - 1, 0);
	if (n <= 0)
		return -ENOTCONN;
	qmp->used += n;
	return 0;
}

/* The next message that is in the buffer already; NULL = none is whole. */
static json_t *message_take(struct guest_qmp *qmp)
{
	json_t *message = NULL;
	char *newline;
	size_t length;

	while (!message && (newline = memchr(qmp->buffer, '\n', qmp->used))) {
		length = newline - qmp->buffer;
		message = json_loadb(qmp->buffer, length, 0, NULL);
		qmp->used -= length + 1;
		memmove(qmp->buffer, newline + 1, qmp->used);
	}
	return message;
}

static void text_keep(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text ? text : "?");
}

static void event_note(struct guest_qmp *qmp, const json_t *message)
{
	const char *event = json_string_value(json_object_get(message, "event"));
	const json_t *data = json_object_get(message, "data");

	if (!event)
		return;
	if (!strcmp(event, "GUEST_PANICKED"))
		qmp->panicked = true;
	else if (!strcmp(event, "SHUTDOWN"))
		text_keep(qmp->shutdown, sizeof(qmp->shutdown),
			  json_string_value(json_object_get(data, "reason")));
	else if (!strcmp(event, "MIGRATION"))
		text_keep(qmp->migration, sizeof(qmp->migration),
			  json_string_value(json_object_get(data, "status")));
}

int guest_qmp_command(struct guest_qmp *qmp, const char *text, int timeout)
{
	int64_t end = timeout < 0 ? -1 : clock_ms() + timeout;
	json_t *message;
	int rc;

	if (send(qmp->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return -ENOTCONN;
	for (;;) {
		while ((message = message_take(qmp))) {
			const json_t *error = json_object_get(message, "error");
			bool answered = error || json_object_get(message, "return");

			event_note(qmp, message);
			if (error)
				text_keep(qmp->complaint, sizeof(qmp->complaint),
					  json_string_value(json_object_get(error, "desc")));
			rc = error ? -EPROTO : 0;
			json_decref(message);
			if (answered)
				return rc;
		}
		rc = fill(qmp, guest_left(end));
		if (rc)
			return rc;
	}
}

int guest_qmp_drain(struct guest_qmp *qmp)
{
	json_t *message;
	int rc;

	do {
		rc = fill(qmp, 0);
		while (qmp->used && (message = message_take(qmp))) {
			event_note(qmp, message);
			json_decref(message);
		}
	} while (!rc);
	return rc == -ETIMEDOUT ? 0 : rc;
}

int guest_qmp_wait_migration(struct guest_qmp *qmp, int timeout)
{
	int64_t end = clock_ms() + timeout;
	int rc = 0;

	while (strcmp(qmp->migration, "completed")) {
		json_t *message;

		if (!strcmp(qmp->migration, "failed"))
			return -EIO;
		while (qmp->used && (message = message_take(qmp))) {
			event_note(qmp, message);
			json_decref(message);
		}
		if (!strcmp(qmp->migration, "completed"))
			break;
		if (rc)
			return rc;
		rc = fill(qmp, guest_left(end));
	}
	return 0;
}

int guest_qmp_open(struct guest_qmp *qmp, int fd, int timeout)
{
	int64_t end = clock_ms() + timeout;
	json_t *message;
	int rc;

	memset(qmp, 0, sizeof(*qmp));
	qmp->fd = fd;
	do {
		rc = fill(qmp, guest_left(end));
		if (rc)
			return rc;
		message = message_take(qmp);
	} while (!message);
	json_decref(message);
	return guest_qmp_command(qmp, "{\"execute\":\"qmp_capabilities\"}\n", guest_left(end));
}

void guest_qmp_close(struct guest_qmp *qmp)
{
	if (qmp->fd >= 0)
		close(qmp->fd);
	free(qmp->buffer);
	memset(qmp, 0, sizeof(*qmp));
	qmp->fd = -1;
}
