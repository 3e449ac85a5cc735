// SPDX-License-Identifier: BSD-2-Clause
/*
 * The environment block: which machine, which KVM, which VMM ("Environment" in
 * docs/tape-format.md).
 *
 * What cannot be found out is omitted; only lack of memory and a refused /dev/kvm are errors.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "recorder/internal.h"

#define CAPS_LIMIT  1024 /* limit of capability numbers */
#define CAPS_BEYOND 32	 /* how many are asked for after the last one that has a name */

/* First line of a file, without its newline; -errno. */
static int read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	int err = 0;

	if (!file)
		return -errno;
	if (!fgets(line, (int)size, file))
		err = -EIO;
	else
		line[strcspn(line, "\n")] = '\0';
	fclose(file);
	return err;
}

/* The value of the first "key : value" line of /proc/cpuinfo. */
static int env_cpuinfo(struct tape_env *env, FILE *file, const char *field, const char *key)
{
	char line[512];

	rewind(file);
	while (fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');
		size_t len = strlen(field);

		if (!colon || strncmp(line, field, len) || (line[len] != '\t' && line[len] != ' '))
			continue;
		colon++;
		colon += strspn(colon, " \t");
		colon[strcspn(colon, "\n")] = '\0';
		return tape_env_set(env, key, colon);
	}
	return 0;
}

static int env_module(struct tape_env *env, const char *module)
{
	char path[512], key[512], value[512];
	struct dirent *entry;
	DIR *dir;
	int err = 0;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters", module);
	dir = opendir(path);
	if (!dir)
		return 0;
	while (!err && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", module,
			     entry->d_name) >= (int)sizeof(path) ||
		    snprintf(key, sizeof(key), "kvm.param.%s.%s", module, entry->d_name) >=
			    (int)sizeof(key))
			continue;
		if (!read_line(path, value, sizeof(value)))
			err = tape_env_set(env, key, value);
	}
	closedir(dir);
	return err;
}

/* kvm and what else begins with "kvm": kvm_intel, kvm_amd, kvm_pvm, kvm_hv. */
static int env_modules(struct tape_env *env)
{
	char backends[256] = "";
	struct dirent *entry;
	DIR *dir = opendir("/sys/module");
	int err = 0;

	if (!dir)
		return 0;
	while (!err && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "kvm", 3))
			continue;
		err = env_module(env, entry->d_name);
		if (strncmp(entry->d_name, "kvm_", 4))
			continue;
		if (strlen(backends) + strlen(entry->d_name) + 2 > sizeof(backends))
			continue;
		if (backends[0])
			strcat(backends, " ");
		strcat(backends, entry->d_name);
	}
	closedir(dir);
	if (!err && backends[0])
		err = tape_env_set(env, "kvm.backend", backends);
	return err;
}

static int env_caps(struct tape_env *env, int kvm)
{
	uint32_t last = 0;
	int err = 0;

	for (uint32_t cap = 0; cap < CAPS_LIMIT; cap++)
		if (kvmapi_cap_name(cap))
			last = cap;
	for (uint32_t cap = 0; cap <= last + CAPS_BEYOND && !err; cap++) {
		int answer = ioctl(kvm, KVM_CHECK_EXTENSION, (unsigned long)cap);

		err = tape_env_set_cap(env, cap, answer < 0 ? -errno : answer);
	}
	return err;
}

/* Hash of the table for this machine's architecture: which rows made the capture rules. */
static int env_table(struct tape_env *env)
{
	const struct kvmapi_ioctl *rows;
	uint64_t hash = HASH64_BEGIN;
	char text[24];
	size_t count;

	rows = kvmapi_ioctls(kvmapi_arch_native(), &count);
	for (size_t i = 0; i < count; i++) {
		const struct kvmapi_ioctl *row = &rows[i];
		const uint32_t words[] = {row->request, row->scope,    row->dir,
					  row->payload, row->size,     row->elem_size,
					  row->creates, row->size_cap, row->nested_count};

		hash = hash64_add(hash, row->name, strlen(row->name) + 1);
		hash = hash64_add(hash, words, sizeof(words));
	}
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)hash);
	return tape_env_set(env, "table.hash", text);
}

static int env_command(struct tape_env *env, const struct recorder_options *options)
{
	char path[64], comm[64] = "", line[4096] = "";
	int err = 0;

	if (options->follow == RECORDER_PID) {
		snprintf(path, sizeof(path), "/proc/%d/comm", (int)options->pid);
		read_line(path, comm, sizeof(comm));
	} else if (options->follow == RECORDER_COMMAND) {
		const char *slash = strrchr(options->argv[0], '/');

		snprintf(comm, sizeof(comm), "%s", slash ? slash + 1 : options->argv[0]);
		for (char *const *arg = options->argv; *arg; arg++) {
			size_t used = strlen(line);

			snprintf(line + used, sizeof(line) - used, "%s%s", used ? " " : "", *arg);
		}
	}
	if (comm[0])
		err = tape_env_set(env, "vmm.comm", comm);
	if (!err && options->command_line)
		err = tape_env_set(env, "command", options->command_line);
	else if (!err && line[0])
		err = tape_env_set(env, "command", line);
	return err;
}

int recorder_env_fill(struct tape_env *env, const struct recorder_options *options, int kvm,
		      const char *backend)
{
	struct utsname name;
	char text[64];
	time_t now = time(NULL);
	struct tm utc;
	FILE *cpuinfo;
	int err;

	env->arch = kvmapi_arch_native();
	env->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
	env->clock_shift = options->clock_shift;
	if (uname(&name))
		return -errno;
	err = tape_env_set(env, "kernel.release", name.release);
	if (!err)
		err = tape_env_set(env, "kernel.machine", name.machine);
	if (!err)
		err = env_modules(env);
	cpuinfo = err ? NULL : fopen("/proc/cpuinfo", "re");
	if (cpuinfo) {
		err = env_cpuinfo(env, cpuinfo, "vendor_id", "cpu.vendor");
		if (!err)
			err = env_cpuinfo(env, cpuinfo, "model name", "cpu.model");
		fclose(cpuinfo);
	}
	if (!err && options->tool_version)
		err = tape_env_set(env, "tool.version", options->tool_version);
	if (!err)
		err = env_table(env);
	if (!err)
		err = env_command(env, options);
	if (!err)
		err = tape_env_set(env, "recorder.backend", backend);
	if (!err && gmtime_r(&now, &utc) &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc))
		err = tape_env_set(env, "start.time", text);
	if (!err)
		err = env_caps(env, kvm);
	return err;
}
