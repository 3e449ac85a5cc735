// SPDX-License-Identifier: BSD-2-Clause
/* Files into the guest and out of it, programs with their libraries, and running them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <elf.h>

#include "base/clock.h"
#include "guest/running.h"

#define FILE_TIME 60000 /* ms for the agent to take or give a piece of a file */
#define DEPTH_MAX 16	/* of folders, and of interpreters of scripts */

/* --- files ---------------------------------------------------------------------------------- */

/*
 * Wait until no more than `most` questions are without an answer; `first` is the sequence of the
 * first one.
 */
static int answers_take(struct guest *guest, uint32_t first, unsigned int *outstanding,
			unsigned int most)
{
	struct guest_message_in answer;
	int32_t status;
	int rc = 0;

	while (*outstanding > most) {
		int got = guest_receive(guest, FILE_TIME, &answer);

		if (got)
			return got;
		/* An answer to an earlier request that was not waited for. */
		if ((int32_t)(answer.sequence - first) < 0)
			continue;
		--*outstanding;
		if (answer.type != GUEST_MSG_DONE || answer.size != sizeof(status))
			return -EPROTO;
		memcpy(&status, answer.body, sizeof(status));
		if (!rc)
			rc = status;
	}
	return rc;
}

int guest_put_data(struct guest *guest, const char *path, unsigned int mode, const void *data,
		   size_t size)
{
	size_t path_size = strlen(path) + 1;
	struct guest_put put = {.mode = mode, .path_size = path_size};
	char *body = malloc(sizeof(put) + path_size + GUEST_CHUNK);
	uint32_t first = guest->sequence + 1;
	unsigned int outstanding = 0;
	int rc = 0;

	if (!body)
		return guest_fail(&guest->error, -ENOMEM, "out of memory");
	/* A few pieces ahead of the answers: the line is not left idle, and no buffer runs full. */
	do {
		size_t piece = size - put.offset < GUEST_CHUNK ? size - put.offset : GUEST_CHUNK;

		memcpy(body, &put, sizeof(put));
		memcpy(body + sizeof(put), path, path_size);
		memcpy(body + sizeof(put) + path_size, (const char *)data + put.offset, piece);
		rc = guest_send(guest, GUEST_MSG_PUT, NULL, body, sizeof(put) + path_size + piece);
		if (rc)
			break;
		outstanding++;
		put.offset += piece;
		rc = answers_take(guest, first, &outstanding, 4);
	} while (!rc && put.offset < size);
	free(body);
	if (rc != -ENOTCONN) {
		int rest = answers_take(guest, first, &outstanding, 0);

		rc = rc ? rc : rest;
	}
	if (rc && rc != -ENOTCONN && rc != -EINTR)
		guest_fail(&guest->error, rc, "cannot write %s in the guest: %s%s", path,
			   strerror(-rc), rc == -ENOSPC ? "; give it more memory" : "");
	return rc;
}

static int folder_put(struct guest *guest, const char *from, const char *path, unsigned int depth);

static int path_put(struct guest *guest, const char *from, const char *path, unsigned int depth)
{
	struct stat st;
	char *data;
	size_t size;
	int rc;

	if (stat(from, &st))
		return guest_fail(&guest->error, -errno, "cannot read %s: %s", from,
				  strerror(errno));
	if (S_ISDIR(st.st_mode))
		return folder_put(guest, from, path, depth);
	rc = guest_file_read(from, &data, &size);
	if (rc)
		return guest_fail(&guest->error, rc, "cannot read %s: %s", from, strerror(-rc));
	rc = guest_put_data(guest, path, st.st_mode & 07777, data, size);
	free(data);
	return rc;
}

static int folder_put(struct guest *guest, const char *from, const char *path, unsigned int depth)
{
	char source[GUEST_PATH_MAX], target[GUEST_PATH_MAX];
	struct dirent *entry;
	struct stat st;
	DIR *folder;
	int rc = 0;

	if (depth > DEPTH_MAX)
		return guest_fail(&guest->error, -ELOOP,
				  "%s: folders too deep, or a circle of links", from);
	folder = opendir(from);
	if (!folder)
		return guest_fail(&guest->error, -errno, "cannot read %s: %s", from,
				  strerror(errno));
	while (!rc && (entry = readdir(folder))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (snprintf(source, sizeof(source), "%s/%s", from, entry->d_name) >=
			    (int)sizeof(source) ||
		    snprintf(target, sizeof(target), "%s/%s", path, entry->d_name) >=
			    (int)sizeof(target)) {
			rc = guest_fail(&guest->error, -ENAMETOOLONG, "%s: name too long", from);
			break;
		}
		/* A link that leads nowhere, a socket or a device is nothing that can be copied. */
		if (stat(source, &st) || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
			continue;
		rc = path_put(guest, source, target, depth + 1);
	}
	closedir(folder);
	return rc;
}

int guest_put(struct guest *guest, const char *from, const char *path)
{
	return path_put(guest, from, path, 0);
}

int guest_get(struct guest *guest, const char *path, const char *to)
{
	size_t path_size = strlen(path) + 1;
	struct guest_get get = {.size = GUEST_CHUNK, .path_size = path_size};
	struct guest_message_in answer;
	char body[sizeof(get) + GUEST_PATH_MAX];
	struct guest_data data;
	int fd = -1;
	int rc;

	if (path_size > GUEST_PATH_MAX)
		return guest_fail(&guest->error, -ENAMETOOLONG, "%s: name too long", path);
	for (;;) {
		size_t size;

		memcpy(body, &get, sizeof(get));
		memcpy(body + sizeof(get), path, path_size);
		rc = guest_exchange(guest, GUEST_MSG_GET, body, sizeof(get) + path_size, FILE_TIME,
				    &answer);
		if (!rc && (answer.type != GUEST_MSG_DATA || answer.size < sizeof(data)))
			rc = -EPROTO;
		if (rc) {
			if (rc != -ENOTCONN && rc != -EINTR)
				guest_fail(&guest->error, rc, "cannot read %s in the guest: %s",
					   path, strerror(-rc));
			break;
		}
		memcpy(&data, answer.body, sizeof(data));
		size = answer.size - sizeof(data);
		if (fd < 0)
			fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, data.mode & 0777);
		if (fd < 0 ||
		    write(fd, (const char *)answer.body + sizeof(data), size) != (ssize_t)size) {
			rc = guest_fail(&guest->error, errno ? -errno : -EIO, "cannot write %s: %s",
					to, strerror(errno));
			break;
		}
		get.offset += size;
		if (!size || get.offset >= data.total)
			break;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

/* A path that came from the guest must stay below the folder it is for. */
static bool path_is_tame(const char *path)
{
	for (const char *at = path; at; at = strchr(at, '/')) {
		at += *at == '/';
		if (!strncmp(at, "..", 2) && (!at[2] || at[2] == '/'))
			return false;
	}
	return true;
}

int guest_get_changed(struct guest *guest, const char *folder, uint64_t since, const char *to)
{
	struct guest_message_in answer;
	struct guest_entry entry;
	size_t prefix = strlen(folder);
	char target[GUEST_PATH_MAX];
	char *list, *at, *slash;
	size_t size;
	int rc;

	rc = guest_exchange(guest, GUEST_MSG_LIST, folder, prefix + 1, FILE_TIME, &answer);
	if (rc)
		return rc == -ENOTCONN || rc == -EINTR
			       ? rc
			       : guest_fail(&guest->error, rc, "cannot list %s in the guest: %s",
					    folder, strerror(-rc));
	if (answer.type != GUEST_MSG_DATA || answer.size < sizeof(struct guest_data))
		return guest_fail(&guest->error, -EPROTO, "the agent's list of %s makes no sense",
				  folder);
	size = answer.size - sizeof(struct guest_data);
	list = malloc(size + 1);
	if (!list)
		return guest_fail(&guest->error, -ENOMEM, "out of memory");
	memcpy(list, (const char *)answer.body + sizeof(struct guest_data), size);
	for (at = list; !rc && (size_t)(list + size - at) > sizeof(entry);) {
		const char *path = at + sizeof(entry);

		memcpy(&entry, at, sizeof(entry));
		if (entry.path_size > (size_t)(list + size - path) || !entry.path_size ||
		    path[entry.path_size - 1] || strncmp(path, folder, prefix) ||
		    !path_is_tame(path)) {
			rc = guest_fail(&guest->error, -EPROTO,
					"the agent's list of %s makes no sense", folder);
			break;
		}
		at += sizeof(entry) + entry.path_size;
		if (entry.changed < since)
			continue;
		if (snprintf(target, sizeof(target), "%s%s", to, path + prefix) >=
		    (int)sizeof(target)) {
			rc = guest_fail(&guest->error, -ENAMETOOLONG, "%s: name too long", path);
			break;
		}
		slash = strrchr(target, '/');
		*slash = 0;
		rc = guest_folders_make(target);
		*slash = '/';
		if (rc)
			guest_fail(&guest->error, rc, "cannot make a folder for %s: %s", target,
				   strerror(-rc));
		else
			rc = guest_get(guest, path, target);
	}
	free(list);
	return rc;
}

/* --- programs ------------------------------------------------------------------------------- */

/* Where a program without a slash in its name is found. */
static int program_find(const char *name, char *path, size_t size)
{
	const char *list = getenv("PATH");
	char *copy, *rest = NULL;
	int rc = -ENOENT;

	if (strchr(name, '/')) {
		char *full = realpath(name, NULL);

		if (!full)
			return -errno;
		/* Not the target of a link: programs look at the name by which they are called. */
		free(full);
		if (name[0] == '/')
			rc = snprintf(path, size, "%s", name);
		else if (getcwd(path, size))
			rc = snprintf(path + strlen(path), size - strlen(path), "/%s", name);
		else
			return -errno;
		return rc < (int)size ? 0 : -ENAMETOOLONG;
	}
	copy = strdup(list ? list : "/usr/bin:/bin");
	for (char *one = copy ? strtok_r(copy, ":", &rest) : NULL; one;
	     one = strtok_r(NULL, ":", &rest)) {
		snprintf(path, size, "%s/%s", one, name);
		if (!access(path, X_OK)) {
			rc = 0;
			break;
		}
	}
	free(copy);
	return rc;
}

static bool is_dynamic(const char *data, size_t size)
{
	const Elf64_Ehdr *head = (const Elf64_Ehdr *)data;

	for (unsigned int i = 0; i < head->e_phnum; i++) {
		size_t at = head->e_phoff + (size_t)i * sizeof(Elf64_Phdr);
		Elf64_Phdr part;

		if (at > size || size - at < sizeof(part))
			break;
		memcpy(&part, data + at, sizeof(part));
		if (part.p_type == PT_INTERP)
			return true;
	}
	return false;
}

/* What ldd names: "NAME => PATH (ADDRESS)" and "PATH (ADDRESS)". */
static int libraries_put(struct guest *guest, const char *program)
{
	char *text, *rest = NULL;
	size_t size;
	int rc;

	rc = guest_command_read((const char *const[]){"ldd", program, NULL}, &text, &size);
	if (rc)
		return guest_fail(&guest->error, rc, "cannot find the libraries of %s: ldd: %s",
				  program, rc == -ENOENT ? "not here" : "failed");
	for (char *line = strtok_r(text, "\n", &rest); !rc && line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *arrow = strstr(line, "=> ");
		char *path = arrow ? arrow + 3 : line + strspn(line, " \t");

		if (arrow && !strncmp(path, "not found", 9)) {
			line += strspn(line, " \t");
			rc = guest_fail(&guest->error, -ENOENT, "%s needs %.*s, which is not here",
					program, (int)strcspn(line, " "), line);
			break;
		}
		path[strcspn(path, " ")] = 0;
		if (path[0] == '/')
			rc = guest_put(guest, path, path);
	}
	free(text);
	return rc;
}

static int program_put(struct guest *guest, const char *path, unsigned int depth)
{
	enum guest_arch arch;
	char *data = NULL;
	size_t size;
	int rc;

	rc = guest_file_read(path, &data, &size);
	if (rc)
		return guest_fail(&guest->error, rc, "cannot read %s: %s", path, strerror(-rc));
	arch = guest_elf_arch(data, size);
	if (arch == GUEST_ARCH_COUNT && size > 2 && !memcmp(data, "#!", 2) && depth < DEPTH_MAX) {
		char *interpreter = data + 2 + strspn(data + 2, " \t");

		interpreter[strcspn(interpreter, " \t\n")] = 0;
		rc = program_put(guest, interpreter, depth + 1);
		if (!rc)
			rc = guest_put(guest, path, path);
		goto out;
	}
	if (arch != guest->kernel.arch) {
		rc = guest_fail(&guest->error, -EXDEV, "%s is %s%s; the guest is %s", path,
				arch == GUEST_ARCH_COUNT ? "no program for a guest"
							 : "a program for ",
				arch == GUEST_ARCH_COUNT ? "" : guest_arch_name(arch),
				guest->machine->name);
		goto out;
	}
	if (is_dynamic(data, size)) {
		if (arch != guest_arch_host())
			rc = guest_fail(
				&guest->error, -EXDEV,
				"%s needs libraries of %s, which this machine has not; link it static",
				path, guest->machine->name);
		else
			rc = libraries_put(guest, path);
	}
	if (!rc)
		rc = guest_put(guest, path, path);
out:
	free(data);
	return rc;
}

int guest_put_program(struct guest *guest, const char *program)
{
	char path[GUEST_PATH_MAX];
	int rc = program_find(program, path, sizeof(path));

	if (rc)
		return guest_fail(&guest->error, rc, "no program %s: %s", program, strerror(-rc));
	return program_put(guest, path, 0);
}

/* --- running -------------------------------------------------------------------------------- */

static const char *const usual_environment[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"HOME=/root",
	"USER=root",
	"LANG=C.UTF-8",
	"TERM=dumb",
	NULL};

/* Everything that guest_exec() says to the agent to start a program; allocated. */
static char *exec_body(const struct guest_program *program, size_t *size)
{
	const char *const *environment =
		program->environment ? program->environment : usual_environment;
	const char *folder = program->folder ? program->folder : "/";
	struct guest_exec exec = {.flags = program->input_fd >= 0 ? GUEST_EXEC_INPUT : 0};
	FILE *out;
	char *body = NULL;

	while (program->arguments[exec.argument_count])
		exec.argument_count++;
	while (environment[exec.environment_count])
		exec.environment_count++;
	out = open_memstream(&body, size);
	if (!out)
		return NULL;
	fwrite(&exec, sizeof(exec), 1, out);
	fwrite(folder, 1, strlen(folder) + 1, out);
	for (uint32_t i = 0; i < exec.argument_count; i++)
		fwrite(program->arguments[i], 1, strlen(program->arguments[i]) + 1, out);
	for (uint32_t i = 0; i < exec.environment_count; i++)
		fwrite(environment[i], 1, strlen(environment[i]) + 1, out);
	if (fclose(out)) {
		free(body);
		return NULL;
	}
	return body;
}

/* Pass on what our standard input has; at its end *fd becomes -1. */
static int input_pass(struct guest *guest, int *fd)
{
	char piece[16 << 10];
	ssize_t n = read(*fd, piece, sizeof(piece));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		n = 0;
		*fd = -1;
	}
	return guest_send(guest, GUEST_MSG_INPUT, NULL, piece, n);
}

struct run {
	const struct guest_program *program;
	struct guest_exit *result;
	uint32_t sequence;
	bool quiet; /* its output is not wanted any more */
};

/*
 * Handle one frame about the program. 1 = it has ended; 0; -errno of starting it, or the listener's
 * result.
 */
static int frame_handle(struct run *run, const struct guest_message_in *message)
{
	uint32_t stream;
	int32_t status;

	if (message->sequence != run->sequence)
		return 0;
	switch (message->type) {
	case GUEST_MSG_OUTPUT:
		if (message->size < sizeof(stream) || run->quiet || !run->program->output)
			return 0;
		memcpy(&stream, message->body, sizeof(stream));
		return run->program->output(run->program->context, stream,
					    (const char *)message->body + sizeof(stream),
					    message->size - sizeof(stream));
	case GUEST_MSG_EXIT:
		if (message->size != sizeof(*run->result))
			return -EPROTO;
		memcpy(run->result, message->body, sizeof(*run->result));
		return 1;
	case GUEST_MSG_DONE:
		if (message->size != sizeof(status))
			return -EPROTO;
		memcpy(&status, message->body, sizeof(status));
		return status ? status : -EPROTO;
	default:
		return 0;
	}
}

/* End the program that runs; -ENOTCONN if the guest does not answer any more. */
static int program_kill(struct guest *guest, struct run *run)
{
	int64_t then = clock_ms() + guest->config.hang_time * 1000;
	struct guest_message_in message;
	uint32_t number = SIGKILL;
	bool answered = false;
	int rc;

	run->quiet = true;
	rc = guest_send(guest, GUEST_MSG_SIGNAL, NULL, &number, sizeof(number));
	if (!rc)
		rc = guest_send(guest, GUEST_MSG_PING, NULL, "", 0);
	while (!rc) {
		rc = guest_wait(guest, then, -1, &message);
		if (!rc && message.type == GUEST_MSG_PING)
			answered = true;
		if (!rc && frame_handle(run, &message) == 1)
			return 0;
	}
	if (rc != -ETIMEDOUT)
		return rc;
	guest_end(guest, GUEST_HANG,
		  answered ? "the program cannot be killed" : "the agent gave no sign of life");
	return -ENOTCONN;
}

int guest_exec_begin(struct guest *guest, const struct guest_program *program, uint32_t *sequence)
{
	size_t size;
	char *body = exec_body(program, &size);
	int rc;

	if (!body)
		return guest_fail(&guest->error, -ENOMEM, "out of memory");
	rc = guest_send(guest, GUEST_MSG_EXEC, sequence, body, size);
	free(body);
	return rc;
}

int guest_exec(struct guest *guest, const struct guest_program *program, struct guest_exit *result)
{
	int64_t then = program->timeout < 0 ? -1 : clock_ms() + program->timeout;
	struct run run = {.program = program, .result = result};
	struct guest_message_in message;
	int input = program->input_fd;
	int rc;

	memset(result, 0, sizeof(*result));
	rc = guest_exec_begin(guest, program, &run.sequence);
	while (!rc) {
		rc = guest_wait(guest, then, input, &message);
		if (rc == 1) {
			rc = input_pass(guest, &input);
			continue;
		}
		/* A program with endless output must time out, too. */
		if (!rc && message.type == GUEST_MSG_OUTPUT && !guest_left(then))
			rc = -ETIMEDOUT;
		if (rc == -ETIMEDOUT || rc == -EINTR) {
			int killed = program_kill(guest, &run);

			return killed ? killed : rc;
		}
		if (rc)
			return rc;
		rc = frame_handle(&run, &message);
		if (rc == 1)
			return 0;
		if (rc && message.type == GUEST_MSG_OUTPUT && message.sequence == run.sequence) {
			int killed = program_kill(guest, &run);

			return killed ? killed : rc;
		}
	}
	if (rc != -ENOTCONN)
		guest_fail(&guest->error, rc, "cannot start %s in the guest: %s",
			   program->arguments[0], strerror(-rc));
	return rc;
}
