// SPDX-License-Identifier: BSD-2-Clause
/*
 * The player: a worker for each thread of the program, and a watchdog that sends a signal to
 * blocked ones.
 *
 * Nothing but libc and the UAPI header is needed, so that it builds statically for every
 * architecture.
 */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <linux/kvm.h>

#define WATCH_NS      20000000	/* interval of the watchdog */
#define GIVE_UP_NS    500000000 /* after the first signal; then the call counts as blocked */
#define SCRATCH_BYTES 65536
#define OUT_BYTES     65536
#define STACK_BYTES   (256 << 10)
#define CAPS	      512 /* limit of capability numbers */
#define LIST_CALLS    256 /* refused entries of one list */
#define LIST_HEAD     8
#define LIST_ENTRY    16

struct object {
	int fd; /* -1 = not there */
	uint8_t *run;
	size_t run_size;
};

struct worker {
	struct player *player;
	pthread_t thread;
	bool started;
	uint32_t *steps; /* indices into player.steps */
	uint32_t step_count;
	uint32_t over;		 /* steps done; under player.lock */
	bool gone;		 /* blocked for good; under player.lock */
	atomic_ullong busy;	 /* when the call began, ns; 0 = in no call */
	atomic_bool kicked;	 /* the present call got a signal */
	_Atomic(uint8_t *) page; /* run page of the present call */
	struct player_bytes arg, result;
	struct player_bytes buffers[PLAYER_BUFFERS_MAX];
};

struct mapping {
	uint8_t *at;
	size_t size;
};

/*
 * Mapping and unmapping memory costs as much as a few ioctls, so a worker keeps its mappings
 * between programs.
 */
#define KEPT_AREAS 4
#define KEPT_MAX   (256ull << 20)
static struct {
	struct mapping areas[KEPT_AREAS];
	void *bad, *scratch;
	size_t mmap_size;
} kept;

struct player {
	const uint8_t *program;
	size_t size;
	const struct player_head *head;
	const struct player_step **steps;
	uint32_t step_count;
	const struct player_area **area_records; /* by their number */
	struct object *objects;			 /* [0] is not used */
	uint8_t **areas;
	uint64_t *area_bytes;
	struct mapping *mappings; /* that the areas lie in */
	bool scratched;		  /* the kernel got the scratch memory's address */
	int *eventfds;
	struct worker *workers;
	void *bad, *scratch;
	size_t mmap_size; /* of a vCPU */
	uint64_t start;
	atomic_ullong order;
	pthread_mutex_t lock;	 /* of the workers' progress */
	pthread_cond_t progress; /* a step is complete, and a worker waits for one */
	uint32_t waiting;	 /* workers that wait for progress */
	pthread_cond_t finished; /* a worker has nothing more to do */
	pthread_mutex_t out_lock;
	struct player_bytes *memory; /* results go there; NULL: to `out` */
	int out, out_error;
	size_t out_used;
	uint8_t *out_buffer; /* OUT_BYTES */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static size_t pad(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

/* --- results ---------------------------------------------------------------------------------- */

/* Room for `size` more bytes; NULL: no memory. */
static uint8_t *bytes_room(struct player_bytes *b, size_t size)
{
	if (b->used + size > b->size) {
		size_t room = (b->used + size) * 2;
		uint8_t *data = realloc(b->data, room);

		if (!data)
			return NULL;
		b->data = data;
		b->size = room;
	}
	b->used += size;
	return b->data + b->used - size;
}

/* The same, zero. */
static uint8_t *bytes_add(struct player_bytes *b, size_t size)
{
	uint8_t *room = bytes_room(b, size);

	if (room)
		memset(room, 0, size);
	return room;
}

int player_bytes_put(struct player_bytes *b, const void *data, size_t size)
{
	uint8_t *room;

	if (!size)
		return 0;
	room = bytes_room(b, size);
	if (!room)
		return -ENOMEM;
	memcpy(room, data, size);
	return 0;
}

static void out_write(struct player *p, const void *data, size_t size)
{
	const uint8_t *at = data;

	if (p->memory) {
		if (player_bytes_put(p->memory, data, size))
			p->out_error = -ENOMEM;
		return;
	}
	while (size && !p->out_error) {
		ssize_t n = write(p->out, at, size);

		if (n > 0) {
			at += n;
			size -= n;
		} else if (n < 0 && errno != EINTR) {
			p->out_error = -errno;
		}
	}
}

static void out_flush(struct player *p)
{
	out_write(p, p->out_buffer, p->out_used);
	p->out_used = 0;
}

/* Send one record; thread-safe. */
static void out_put(struct player *p, const void *record, size_t size, bool now)
{
	pthread_mutex_lock(&p->out_lock);
	if (p->out_used + size > OUT_BYTES)
		out_flush(p);
	if (p->memory || size > OUT_BYTES) {
		out_write(p, record, size);
	} else {
		memcpy(p->out_buffer + p->out_used, record, size);
		p->out_used += size;
	}
	if (now || p->head->flags & PLAYER_UNBUFFERED)
		out_flush(p);
	pthread_mutex_unlock(&p->out_lock);
}

static void part_add(struct worker *w, uint32_t role, const void *data, size_t size)
{
	struct player_part part = {.role = role, .size = size};
	uint8_t *at = bytes_add(&w->result, sizeof(part) + pad(size));

	if (!at)
		return;
	memcpy(at, &part, sizeof(part));
	memcpy(at + sizeof(part), data, size);
}

static struct player_result *result_begin(struct worker *w, uint32_t step)
{
	struct player_result *r;

	w->result.used = 0;
	r = (void *)bytes_add(&w->result, sizeof(*r));
	if (!r)
		return NULL;
	r->record.type = PLAYER_RESULT;
	r->step = step;
	return r;
}

static struct player_result *result_of(struct worker *w)
{
	return (void *)w->result.data;
}

/*
 * Send the worker's records, unless it was given up meanwhile: then the watchdog has reported it.
 */
static bool result_send(struct worker *w)
{
	struct player *p = w->player;
	bool gone;

	pthread_mutex_lock(&p->lock);
	gone = w->gone;
	if (!gone) {
		result_of(w)->record.size = w->result.used;
		out_put(p, w->result.data, w->result.used, false);
	}
	pthread_mutex_unlock(&p->lock);
	return !gone;
}

static void environment_say(struct player *p, const char *key, const char *value)
{
	uint64_t buffer[256];
	struct player_record *record = (void *)buffer;
	char *text = (char *)(record + 1);
	size_t room = sizeof(buffer) - sizeof(*record);
	size_t key_size = strlen(key) + 1, value_size = strlen(value) + 1;

	if (key_size + value_size > room - 8)
		return;
	memset(buffer, 0, sizeof(buffer));
	memcpy(text, key, key_size);
	memcpy(text + key_size, value, value_size);
	record->type = PLAYER_PAIR;
	record->size = pad(sizeof(*record) + key_size + value_size);
	out_put(p, record, record->size, false);
}

static void cpuinfo_say(struct player *p, const char *field, const char *key)
{
	char line[512];
	FILE *in = fopen("/proc/cpuinfo", "re");

	while (in && fgets(line, sizeof(line), in)) {
		char *colon = strchr(line, ':');
		size_t n = strlen(field);

		if (!colon || strncmp(line, field, n) || (line[n] != '\t' && line[n] != ' '))
			continue;
		colon++;
		colon += strspn(colon, " \t");
		colon[strcspn(colon, "\n")] = 0;
		environment_say(p, key, colon);
		break;
	}
	if (in)
		fclose(in);
}

static void parameters_say(struct player *p, const char *module)
{
	char path[640], key[640], value[512];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters", module);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		FILE *in;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", module, entry->d_name);
		snprintf(key, sizeof(key), "kvm.param.%s.%s", module, entry->d_name);
		in = fopen(path, "re");
		if (in && fgets(value, sizeof(value), in)) {
			value[strcspn(value, "\n")] = 0;
			environment_say(p, key, value);
		}
		if (in)
			fclose(in);
	}
	if (folder)
		closedir(folder);
}

/* kvm and what else begins with "kvm": the module that runs guests names the back end. */
static void modules_say(struct player *p)
{
	char backends[256] = "";
	struct dirent *entry;
	DIR *folder = opendir("/sys/module");

	while (folder && (entry = readdir(folder))) {
		size_t used = strlen(backends);

		if (strncmp(entry->d_name, "kvm", 3))
			continue;
		parameters_say(p, entry->d_name);
		if (!strncmp(entry->d_name, "kvm_", 4) &&
		    used + strlen(entry->d_name) + 2 < sizeof(backends))
			snprintf(backends + used, sizeof(backends) - used, "%s%s", used ? " " : "",
				 entry->d_name);
	}
	if (folder)
		closedir(folder);
	if (backends[0])
		environment_say(p, "kvm.backend", backends);
}

static void environment_say_all(struct player *p, int kvm)
{
	struct utsname name;
	char number[32];
	int vm;

	if (!uname(&name)) {
		environment_say(p, "kernel.release", name.release);
		environment_say(p, "kernel.machine", name.machine);
	}
	modules_say(p);
	cpuinfo_say(p, "vendor_id", "cpu.vendor");
	cpuinfo_say(p, "model name", "cpu.model");
	snprintf(number, sizeof(number), "%ld", sysconf(_SC_PAGESIZE));
	environment_say(p, "page.size", number);
	vm = ioctl(kvm, KVM_CREATE_VM, 0ul);
	for (uint32_t cap = 0; cap < CAPS; cap++) {
		struct player_cap say = {.record = {sizeof(say), PLAYER_CAP}, .cap = cap};

		say.answer = ioctl(kvm, KVM_CHECK_EXTENSION, (unsigned long)cap);
		if (say.answer < 0)
			say.answer = -errno;
		say.vm_answer =
			vm < 0 ? -EBADF : ioctl(vm, KVM_CHECK_EXTENSION, (unsigned long)cap);
		if (vm >= 0 && say.vm_answer < 0)
			say.vm_answer = -errno;
		out_put(p, &say, sizeof(say), false);
	}
	if (vm >= 0)
		close(vm);
}

/* --- a step ----------------------------------------------------------------------------------- */

/* The arrays behind a struct player_step. */
struct step_view {
	const struct player_wait *waits;
	const struct player_patch *patches;
	const struct player_buffer *buffers;
	const uint8_t *in;
	const uint8_t *buffer_in[PLAYER_BUFFERS_MAX];
	const uint8_t *run, *regs, *pio;
};

/* Returns whether all of them are within the record. */
static bool step_open(const struct player_step *s, struct step_view *v)
{
	const uint8_t *at = (const uint8_t *)(s + 1);
	size_t left = s->record.size - sizeof(*s);
	struct {
		void *to; /* a pointer, of whichever type */
		size_t size;
	} pieces[7 + PLAYER_BUFFERS_MAX];
	unsigned int n = 0;

	if (s->buffer_count > PLAYER_BUFFERS_MAX)
		return false;
	pieces[n].to = &v->waits;
	pieces[n++].size = s->wait_count * sizeof(*v->waits);
	pieces[n].to = &v->patches;
	pieces[n++].size = s->patch_count * sizeof(*v->patches);
	pieces[n].to = &v->buffers;
	pieces[n++].size = s->buffer_count * sizeof(*v->buffers);
	for (unsigned int i = 0; i < n; i++) {
		if (pad(pieces[i].size) > left)
			return false;
		memcpy(pieces[i].to, &at, sizeof(at));
		at += pad(pieces[i].size);
		left -= pad(pieces[i].size);
	}
	n = 0;
	pieces[n].to = &v->in;
	pieces[n++].size = s->in_size;
	for (unsigned int i = 0; i < s->buffer_count; i++) {
		pieces[n].to = &v->buffer_in[i];
		pieces[n++].size = v->buffers[i].in_size;
	}
	pieces[n].to = &v->run;
	pieces[n++].size = s->run_size;
	pieces[n].to = &v->regs;
	pieces[n++].size = s->regs_size;
	pieces[n].to = &v->pio;
	pieces[n++].size = s->pio_size;
	for (unsigned int i = 0; i < n; i++) {
		if (pieces[i].size > left || pad(pieces[i].size) > left)
			return false;
		memcpy(pieces[i].to, &at, sizeof(at));
		at += pad(pieces[i].size);
		left -= pad(pieces[i].size);
	}
	return true;
}

/* Does what the step says fit the rest of the program?  0, -EPROTO, -E2BIG. */
static int step_check(const struct player_head *h, const struct player_step *s)
{
	struct step_view v = {0};

	if (!step_open(s, &v) || s->thread >= h->threads || s->object > h->objects ||
	    s->creates > h->objects || s->kind > PLAYER_STORE)
		return -EPROTO;
	if (s->arg_size > PLAYER_ARG_MAX)
		return -E2BIG;
	if (s->kind != PLAYER_STORE && (s->in_size > s->arg_size || s->out_size > s->arg_size))
		return -EPROTO;
	if (s->kind == PLAYER_STORE && s->request >= h->areas)
		return -EPROTO;
	if (s->fd_offset >= 0 && (uint32_t)s->fd_offset + 4 > s->arg_size)
		return -EPROTO;
	if (s->run_size > PLAYER_RUN_REGS || s->regs_size > PLAYER_RUN_END - PLAYER_RUN_REGS)
		return -EPROTO;
	if (s->flags & PLAYER_LIST && s->in_size < LIST_HEAD)
		return -EPROTO;
	for (unsigned int i = 0; i < s->wait_count; i++) {
		if (v.waits[i].thread >= h->threads)
			return -EPROTO;
	}
	for (unsigned int i = 0; i < s->buffer_count; i++) {
		if (v.buffers[i].size > PLAYER_ARG_MAX)
			return -E2BIG;
		if (v.buffers[i].in_size > v.buffers[i].size ||
		    v.buffers[i].out_size > v.buffers[i].size)
			return -EPROTO;
	}
	for (unsigned int i = 0; i < s->patch_count; i++) {
		const struct player_patch *patch = &v.patches[i];
		bool narrow = patch->kind <= PLAYER_PATCH_EVENTFD;
		const uint32_t limits[] = {[PLAYER_PATCH_OBJECT] = h->objects + 1,
					   [PLAYER_PATCH_EVENTFD] = h->eventfds,
					   [PLAYER_PATCH_AREA] = h->areas,
					   [PLAYER_PATCH_BUFFER] = s->buffer_count,
					   [PLAYER_PATCH_BAD] = UINT32_MAX,
					   [PLAYER_PATCH_SCRATCH] = UINT32_MAX};

		if (patch->kind > PLAYER_PATCH_SCRATCH || patch->number >= limits[patch->kind] ||
		    patch->offset > s->arg_size || s->arg_size - patch->offset < (narrow ? 4 : 8))
			return -EPROTO;
	}
	return 0;
}

static void patches_do(struct worker *w, const struct player_step *s, const struct step_view *v)
{
	struct player *p = w->player;

	for (unsigned int i = 0; i < s->patch_count; i++) {
		const struct player_patch *patch = &v->patches[i];
		uint8_t *at = w->arg.data + patch->offset;
		uint64_t value = 0;
		int32_t fd = -1;

		switch (patch->kind) {
		case PLAYER_PATCH_OBJECT:
			fd = p->objects[patch->number].fd;
			break;
		case PLAYER_PATCH_EVENTFD:
			fd = p->eventfds[patch->number];
			break;
		case PLAYER_PATCH_AREA:
			value = (uintptr_t)p->areas[patch->number] + patch->add;
			break;
		case PLAYER_PATCH_BUFFER:
			value = (uintptr_t)w->buffers[patch->number].data;
			break;
		case PLAYER_PATCH_BAD:
			value = (uintptr_t)p->bad;
			break;
		case PLAYER_PATCH_SCRATCH:
			value = (uintptr_t)p->scratch;
			p->scratched = true;
			break;
		}
		if (patch->kind <= PLAYER_PATCH_EVENTFD)
			memcpy(at, &fd, sizeof(fd));
		else
			memcpy(at, &value, sizeof(value));
	}
}

/* Room after an argument, in case a call writes more than expected. */
#define SLACK 4096

static int buffer_fill(struct player_bytes *b, const uint8_t *in, size_t in_size, size_t size)
{
	b->used = 0;
	if (!bytes_add(b, size + SLACK))
		return -ENOMEM;
	memcpy(b->data, in, in_size);
	return 0;
}

static uint32_t run_reason(const uint8_t *run)
{
	uint32_t reason;

	memcpy(&reason, run + PLAYER_RUN_REASON, sizeof(reason));
	return reason;
}

/* Where port data of the exit to port I/O is, if it has this direction and lies in the mapping. */
static uint8_t *run_pio(const struct object *o, uint8_t direction, size_t *size)
{
	struct {
		uint8_t direction, size;
		uint16_t port;
		uint32_t count;
		uint64_t offset;
	} io;

	memcpy(&io, o->run + PLAYER_RUN_UNION, sizeof(io));
	*size = (size_t)io.size * io.count;
	if (run_reason(o->run) != PLAYER_EXIT_IO || io.direction != direction || !*size ||
	    io.offset >= o->run_size || *size > o->run_size - io.offset)
		return NULL;
	return o->run + io.offset;
}

#define RUN_FIELD(member) offsetof(struct kvm_run, member), sizeof(((struct kvm_run *)0)->member)

/* The part of the exit union that is the VMM's answer; for other reasons, all that was captured. */
static const struct {
	uint32_t reason;
	size_t offset, size;
} answers[] = {
	{KVM_EXIT_MMIO, RUN_FIELD(mmio.data)},
	{KVM_EXIT_HYPERCALL, RUN_FIELD(hypercall.ret)},
	{KVM_EXIT_X86_RDMSR, RUN_FIELD(msr.error)},
	{KVM_EXIT_X86_RDMSR, RUN_FIELD(msr.data)},
	{KVM_EXIT_X86_WRMSR, RUN_FIELD(msr.error)},
	{KVM_EXIT_PAPR_HCALL, RUN_FIELD(papr_hcall.ret)},
	{KVM_EXIT_PAPR_HCALL, RUN_FIELD(papr_hcall.args)},
	{KVM_EXIT_RISCV_SBI, RUN_FIELD(riscv_sbi.ret)},
};

static void run_answer(uint8_t *run, const uint8_t *said, size_t size)
{
	bool known = false;

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		size_t end = answers[i].offset + answers[i].size;

		if (answers[i].reason != run_reason(run))
			continue;
		known = true;
		if (end <= size)
			memcpy(run + answers[i].offset, said + answers[i].offset, answers[i].size);
	}
	if (!known && size > PLAYER_RUN_UNION)
		memcpy(run + PLAYER_RUN_UNION, said + PLAYER_RUN_UNION, size - PLAYER_RUN_UNION);
}

/*
 * Write the VMM's fields of the run page before KVM_RUN; the answer to an exit only if that exit
 * came here.
 */
static void run_fill(struct worker *w, const struct object *o, const struct player_step *s,
		     const struct step_view *v)
{
	/* Fields of the VMM before the exit union: request_interrupt_window to padding, cr8. */
	const size_t own_to = 8, cr8_from = 16, cr8_to = 24;
	uint8_t *pio;
	size_t size;

	/* A signal for an earlier call may have left immediate_exit set. */
	memset(o->run, 0, own_to);
	if (s->run_size >= own_to)
		memcpy(o->run, v->run, own_to);
	if (s->run_size >= cr8_to)
		memcpy(o->run + cr8_from, v->run + cr8_from, cr8_to - cr8_from);
	if (s->run_size > PLAYER_RUN_UNION && run_reason(v->run) == run_reason(o->run))
		run_answer(o->run, v->run, s->run_size);
	memcpy(o->run + PLAYER_RUN_REGS, v->regs, s->regs_size);
	pio = run_pio(o, 0, &size);
	if (pio && s->pio_size == size) {
		memcpy(pio, v->pio, size);
		part_add(w, PLAYER_ROLE_PIO_IN, pio, size);
	}
	if (s->flags & PLAYER_IMMEDIATE)
		o->run[PLAYER_RUN_IMMEDIATE] = 1;
}

static void run_report(struct worker *w, const struct object *o, uint32_t role)
{
	uint64_t masks[2];
	size_t size;
	uint8_t *pio;

	memcpy(masks, o->run + PLAYER_RUN_REGS, sizeof(masks));
	part_add(w, role, o->run, masks[0] || masks[1] ? PLAYER_RUN_END : PLAYER_RUN_SYNC);
	if (role != PLAYER_ROLE_RUN_OUT)
		return;
	pio = run_pio(o, 1, &size);
	if (pio && result_of(w)->ret >= 0)
		part_add(w, PLAYER_ROLE_PIO_OUT, pio, size);
}

static void object_take(struct player *p, const struct player_step *s, int fd)
{
	struct object *o = &p->objects[s->creates];
	void *run;

	o->fd = fd;
	if (!(s->flags & PLAYER_VCPU))
		return;
	run = mmap(NULL, p->mmap_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (run == MAP_FAILED)
		return;
	o->run = run;
	o->run_size = p->mmap_size;
}

static void object_drop(struct object *o)
{
	if (o->run)
		munmap(o->run, o->run_size);
	if (o->fd >= 0)
		close(o->fd);
	o->run = NULL;
	o->fd = -1;
}

/* The worker of a program whose steps the calling thread makes (PLAYER_SERIAL). */
static _Atomic(struct worker *) serial_worker;

/* With threads of its own the program has its own watchdog. */
static void watch_begin(struct worker *w, const struct player_step *s)
{
	const struct player_head *h = w->player->head;
	uint32_t limit = s->flags & PLAYER_RUN && h->run_time ? h->run_time : h->call_time;

	if (!player_watch || !atomic_load(&serial_worker))
		return;
	atomic_store(&player_watch->step, result_of(w)->step);
	atomic_store(&player_watch->limit, limit * 1000000ull);
	atomic_store(&player_watch->since, atomic_load(&w->busy));
}

static void watch_end(void)
{
	if (player_watch)
		atomic_store(&player_watch->since, 0);
}

/* The ioctl itself, watched; r->ret is set. */
static void call_do(struct worker *w, struct player_result *r, struct object *o,
		    const struct player_step *s, uint64_t arg)
{
	struct player *p = w->player;
	int ret;

	atomic_store(&w->page, s->flags & PLAYER_RUN ? o->run : NULL);
	atomic_store(&w->kicked, false);
	r->begin = atomic_fetch_add(&p->order, 1);
	r->begin_time = now_ns() - p->start;
	atomic_store(&w->busy, r->begin_time + p->start);
	watch_begin(w, s);
	if (player_may_crash && s->request == PLAYER_CRASH_REQUEST)
		player_crash();
	ret = ioctl(o->fd, (unsigned long)s->request, (unsigned long)arg);
	/* Only -1 is an error: other negative numbers may be results (KVM_GET_NR_MMU_PAGES). */
	r->ret = ret == -1 ? -errno : ret;
	watch_end();
	atomic_store(&w->busy, 0);
	r->end_time = now_ns() - p->start;
	r->end = atomic_fetch_add(&p->order, 1);
	r->status = atomic_load(&w->kicked) ? PLAYER_KICKED : PLAYER_DONE;
}

/*
 * If only the first entries of a list were taken, drop those and the refused one. Returns whether
 * entries are left.
 */
static bool list_go_on(struct worker *w, const struct player_step *s, int64_t ret, uint32_t *left,
		       int64_t *expect)
{
	uint32_t taken = ret + 1;
	uint8_t *data = w->arg.data;

	if (!(s->flags & PLAYER_LIST) || ret < 0 || ret >= *expect || taken >= *left)
		return false;
	memmove(data + LIST_HEAD, data + LIST_HEAD + (size_t)taken * LIST_ENTRY,
		(size_t)(*left - taken) * LIST_ENTRY);
	*left -= taken;
	*expect -= taken;
	memcpy(data, left, sizeof(*left));
	return *expect > 0;
}

static void step_call(struct worker *w, const struct player_step *s, const struct step_view *v,
		      uint32_t index)
{
	struct player *p = w->player;
	struct object *o = &p->objects[s->object];
	struct player_result *r;
	uint32_t left = 0, out_size;
	int64_t expect = s->expect;
	bool again, pointer = s->flags & PLAYER_POINTER;
	uint64_t arg = s->arg;

	r = result_begin(w, index);
	if (!r)
		return;
	if (o->fd < 0 || (s->flags & PLAYER_RUN && !o->run)) {
		r->status = PLAYER_NO_OBJECT;
		result_send(w);
		return;
	}
	if (p->head->flags & PLAYER_UNBUFFERED) {
		struct player_begin begin = {.record = {sizeof(begin), PLAYER_BEGIN},
					     .step = index};

		out_put(p, &begin, sizeof(begin), true);
	}
	if (pointer) {
		if (buffer_fill(&w->arg, v->in, s->in_size, s->arg_size))
			return;
		for (unsigned int i = 0; i < s->buffer_count; i++) {
			if (buffer_fill(&w->buffers[i], v->buffer_in[i], v->buffers[i].in_size,
					v->buffers[i].size))
				return;
		}
		patches_do(w, s, v);
		arg = (uintptr_t)w->arg.data;
	} else if (s->flags & PLAYER_BAD_POINTER) {
		arg = (uintptr_t)p->bad;
	}
	if (s->flags & PLAYER_LIST)
		memcpy(&left, w->arg.data, sizeof(left));
	out_size = s->out_size;
	for (uint32_t sub = 0;; sub++) {
		uint32_t in_size = sub ? LIST_HEAD + left * LIST_ENTRY : s->in_size;

		if (pointer && (s->patch_count || sub))
			part_add(w, PLAYER_ROLE_ARG_IN, w->arg.data, in_size);
		if (s->flags & PLAYER_RUN) {
			run_fill(w, o, s, v);
			run_report(w, o, PLAYER_ROLE_RUN_IN);
		}
		call_do(w, result_of(w), o, s, arg);
		result_of(w)->sub = sub;
		if (s->flags & PLAYER_RUN)
			run_report(w, o, PLAYER_ROLE_RUN_OUT);
		if (pointer && sub && out_size > in_size)
			out_size = in_size;
		if (pointer && out_size)
			part_add(w, PLAYER_ROLE_ARG_OUT, w->arg.data, out_size);
		for (unsigned int i = 0; i < s->buffer_count; i++) {
			if (v->buffers[i].out_size)
				part_add(w, v->buffers[i].role, w->buffers[i].data,
					 v->buffers[i].out_size);
		}
		r = result_of(w);
		if (s->creates && r->ret >= 0) {
			int32_t fd = r->ret;

			if (s->fd_offset >= 0)
				memcpy(&fd, w->arg.data + s->fd_offset, sizeof(fd));
			object_take(p, s, fd);
		}
		again = sub < LIST_CALLS && list_go_on(w, s, r->ret, &left, &expect);
		r->more = again;
		if (!result_send(w) || !again)
			return;
		if (!result_begin(w, index))
			return;
	}
}

static void step_do(struct worker *w, const struct player_step *s, uint32_t index)
{
	struct player *p = w->player;
	struct object *o = &p->objects[s->object];
	struct step_view v = {0};
	struct player_result *r;

	step_open(s, &v);
	if (s->kind == PLAYER_CALL) {
		step_call(w, s, &v, index);
		return;
	}
	r = result_begin(w, index);
	if (!r)
		return;
	r->begin = r->end = atomic_fetch_add(&p->order, 1);
	r->begin_time = r->end_time = now_ns() - p->start;
	switch (s->kind) {
	case PLAYER_OPEN:
		o->fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
		r->ret = o->fd < 0 ? -errno : o->fd;
		break;
	case PLAYER_CLOSE:
		object_drop(o);
		break;
	case PLAYER_STORE:
		if (s->arg <= p->area_bytes[s->request] &&
		    s->in_size <= p->area_bytes[s->request] - s->arg)
			memcpy(p->areas[s->request] + s->arg, v.in, s->in_size);
		break;
	}
	result_send(w);
}

static void waits_do(struct player *p, const struct player_step *s)
{
	const struct player_wait *waits = (const void *)(s + 1);

	for (unsigned int i = 0; i < s->wait_count; i++) {
		const struct worker *other = &p->workers[waits[i].thread];

		p->waiting++;
		while (other->over < waits[i].steps && !other->gone)
			pthread_cond_wait(&p->progress, &p->lock);
		p->waiting--;
	}
}

static void *worker_main(void *context)
{
	struct worker *w = context;
	struct player *p = w->player;
	bool gone = false;

	player_mark_begin();
	for (uint32_t i = 0; i < w->step_count && !gone; i++) {
		const struct player_step *s = p->steps[w->steps[i]];

		if (s->wait_count) {
			pthread_mutex_lock(&p->lock);
			waits_do(p, s);
			pthread_mutex_unlock(&p->lock);
		}
		step_do(w, s, w->steps[i]);
		pthread_mutex_lock(&p->lock);
		w->over++;
		gone = w->gone;
		if (p->waiting)
			pthread_cond_broadcast(&p->progress);
		if (w->over == w->step_count)
			pthread_cond_signal(&p->finished);
		pthread_mutex_unlock(&p->lock);
	}
	player_mark_end();
	return NULL;
}

/* --- the watchdog ----------------------------------------------------------------------------- */

static void on_kick(int signal)
{
	struct worker *w = atomic_load(&serial_worker);
	uint8_t *page = w ? atomic_load(&w->page) : NULL;

	(void)signal;
	if (!w || !atomic_load(&w->busy))
		return;
	/* A signal just before the ioctl would be lost; another one follows. */
	atomic_store(&w->kicked, true);
	if (page)
		page[PLAYER_RUN_IMMEDIATE] = 1;
}

/* All steps in their order, by this thread. */
static void serial_play(struct player *p)
{
	struct sigaction action = {.sa_handler = on_kick};
	struct worker *w = &p->workers[0];

	sigaction(SIGUSR2, &action, NULL);
	w->player = p;
	atomic_store(&serial_worker, w);
	player_mark_begin();
	for (uint32_t i = 0; i < p->step_count; i++)
		step_do(w, p->steps[i], i);
	atomic_store(&serial_worker, NULL);
}

/* Report a blocked call, and the steps of its thread that are not played. */
static void worker_give_up(struct player *p, struct worker *w)
{
	struct player_result r = {.record = {sizeof(r), PLAYER_RESULT}, .status = PLAYER_BLOCKED};
	uint32_t first = w->over;

	w->gone = true;
	for (uint32_t i = first; i < w->step_count; i++) {
		r.step = w->steps[i];
		out_put(p, &r, sizeof(r), false);
		r.status = PLAYER_NO_THREAD;
	}
	pthread_cond_broadcast(&p->progress);
}

/* Check all workers; returns how many are still working, and counts the blocked ones. */
static uint32_t workers_watch(struct player *p, uint32_t *blocked)
{
	uint64_t limit = p->head->call_time * 1000000ull;
	uint64_t now = now_ns();
	uint32_t working = 0;

	*blocked = 0;
	for (uint32_t i = 0; i < p->head->threads; i++) {
		struct worker *w = &p->workers[i];
		uint64_t busy = atomic_load(&w->busy);
		uint8_t *page = atomic_load(&w->page);

		if (w->gone) {
			++*blocked;
			continue;
		}
		if (!w->started || w->over == w->step_count)
			continue;
		working++;
		if (!busy || now < busy || now - busy < limit)
			continue;
		if (now - busy > limit + GIVE_UP_NS) {
			worker_give_up(p, w);
			continue;
		}
		/*
		 * The signal may come just before the ioctl begins; the next check sends another.
		 */
		atomic_store(&w->kicked, true);
		if (page)
			page[PLAYER_RUN_IMMEDIATE] = 1;
		pthread_kill(w->thread, SIGUSR2);
	}
	return working;
}

static uint32_t workers_wait(struct player *p)
{
	struct timespec until;
	uint32_t working, blocked;

	pthread_mutex_lock(&p->lock);
	while ((working = workers_watch(p, &blocked))) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += WATCH_NS;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&p->finished, &p->lock, &until);
	}
	pthread_mutex_unlock(&p->lock);
	return blocked;
}

/* --- the program ------------------------------------------------------------------------------ */

static int mapping_make(struct mapping *m, size_t size)
{
	m->at = mmap(NULL, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->at == MAP_FAILED) {
		m->at = NULL;
		return -errno;
	}
	m->size = size;
	return 0;
}

static int area_check(struct player *p, const struct player_area *area)
{
	if (area->area >= p->head->areas || p->area_records[area->area])
		return -EPROTO;
	p->area_records[area->area] = area;
	return area->bytes > PLAYER_AREA_MAX ? -E2BIG : 0;
}

static int area_make(struct player *p, const struct player_area *area)
{
	uint64_t bytes = area->bytes + PLAYER_ALIGN;
	struct mapping *mapping, *old;
	int rc;

	mapping = &p->mappings[area->area];
	old = player_watch && area->area < KEPT_AREAS ? &kept.areas[area->area] : NULL;
	if (old && old->size >= bytes) {
		*mapping = *old;
		*old = (struct mapping){0};
	} else {
		rc = mapping_make(mapping, bytes);
		if (rc)
			return rc;
	}
	p->areas[area->area] = mapping->at + (-(uintptr_t)mapping->at & (PLAYER_ALIGN - 1));
	p->area_bytes[area->area] = area->bytes;
	return 0;
}

/* Drop the contents; the address range may be used again. */
static void area_drop(struct player *p, uint32_t number)
{
	struct mapping *mapping = &p->mappings[number];
	struct mapping *place = player_watch && number < KEPT_AREAS ? &kept.areas[number] : NULL;

	if (!mapping->at)
		return;
	if (place && !place->at && mapping->size <= KEPT_MAX &&
	    !madvise(mapping->at, mapping->size, MADV_DONTNEED))
		*place = *mapping;
	else
		munmap(mapping->at, mapping->size);
}

/* Check the whole program before playing it. 0, -EPROTO, -E2BIG, -ENOMEM. */
static int records_check(struct player *p)
{
	const struct player_head *h = p->head;
	size_t at = sizeof(*h);

	p->steps = calloc(h->steps ? h->steps : 1, sizeof(*p->steps));
	p->area_records = calloc(h->areas + 1, sizeof(*p->area_records));
	if (!p->steps || !p->area_records)
		return -ENOMEM;
	while (at < p->size) {
		const struct player_record *record = (const void *)(p->program + at);
		int rc = -EPROTO;

		if (p->size - at < sizeof(*record) || record->size < sizeof(*record) ||
		    record->size % 8 || record->size > p->size - at)
			return -EPROTO;
		if (record->type == PLAYER_AREA && record->size >= sizeof(struct player_area)) {
			rc = area_check(p, (const void *)record);
		} else if (record->type == PLAYER_STEP &&
			   record->size >= sizeof(struct player_step) && p->step_count < h->steps) {
			rc = step_check(h, (const void *)record);
			p->steps[p->step_count++] = (const void *)record;
		}
		if (rc)
			return rc;
		at += record->size;
	}
	if (p->step_count != h->steps)
		return -EPROTO;
	for (uint32_t i = 0; i < h->areas; i++) {
		if (!p->area_records[i])
			return -EPROTO;
	}
	return 0;
}

static int steps_share(struct player *p)
{
	for (uint32_t i = 0; i < p->step_count; i++)
		p->workers[p->steps[i]->thread].step_count++;
	for (uint32_t i = 0; i < p->head->threads; i++) {
		struct worker *w = &p->workers[i];

		w->player = p;
		w->steps = calloc(w->step_count ? w->step_count : 1, sizeof(*w->steps));
		if (!w->steps)
			return -ENOMEM;
		w->step_count = 0;
	}
	for (uint32_t i = 0; i < p->step_count; i++) {
		struct worker *w = &p->workers[p->steps[i]->thread];

		w->steps[w->step_count++] = i;
	}
	return 0;
}

/* Memory that is the same for all programs, and the size of a run page with what follows it. */
static int kept_make(int kvm)
{
	long size;

	if (!kept.bad)
		kept.bad = mmap(NULL, PLAYER_ALIGN, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!kept.scratch)
		kept.scratch = mmap(NULL, SCRATCH_BYTES, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (kept.bad == MAP_FAILED || kept.scratch == MAP_FAILED) {
		kept.bad = kept.bad == MAP_FAILED ? NULL : kept.bad;
		kept.scratch = kept.scratch == MAP_FAILED ? NULL : kept.scratch;
		return -ENOMEM;
	}
	if (!kept.mmap_size) {
		size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0ul);
		kept.mmap_size = size > 0 ? (size_t)size : 0;
	}
	return 0;
}

static int things_make(struct player *p)
{
	const struct player_head *h = p->head;

	p->mmap_size = kept.mmap_size;
	p->bad = kept.bad;
	p->scratch = kept.scratch;
	p->objects = calloc(h->objects + 1, sizeof(*p->objects));
	p->areas = calloc(h->areas + 1, sizeof(*p->areas));
	p->area_bytes = calloc(h->areas + 1, sizeof(*p->area_bytes));
	p->mappings = calloc(h->areas + 1, sizeof(*p->mappings));
	p->eventfds = calloc(h->eventfds + 1, sizeof(*p->eventfds));
	p->workers = calloc(h->threads + 1, sizeof(*p->workers));
	if (!p->objects || !p->areas || !p->area_bytes || !p->mappings || !p->eventfds ||
	    !p->workers)
		return -ENOMEM;
	for (uint32_t i = 0; i <= h->objects; i++)
		p->objects[i].fd = -1;
	for (uint32_t i = 0; i < h->eventfds; i++)
		p->eventfds[i] = -1;
	for (uint32_t i = 0; i < h->areas; i++) {
		int rc = area_make(p, p->area_records[i]);

		if (rc)
			return rc;
	}
	for (uint32_t i = 0; i < h->eventfds; i++) {
		p->eventfds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (p->eventfds[i] < 0)
			return -errno;
	}
	return 0;
}

static int workers_start(struct player *p)
{
	struct sigaction action = {.sa_handler = on_kick};
	pthread_attr_t attributes;
	int rc = 0;

	sigaction(SIGUSR2, &action, NULL);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	for (uint32_t i = 0; !rc && i < p->head->threads; i++) {
		struct worker *w = &p->workers[i];

		if (!w->step_count)
			continue;
		pthread_mutex_lock(&p->lock);
		rc = -pthread_create(&w->thread, &attributes, worker_main, w);
		w->started = !rc;
		pthread_mutex_unlock(&p->lock);
	}
	pthread_attr_destroy(&attributes);
	/* Started workers must not wait for others that could not be started. */
	pthread_mutex_lock(&p->lock);
	for (uint32_t i = 0; rc && i < p->head->threads; i++)
		p->workers[i].gone |= !p->workers[i].started;
	pthread_cond_broadcast(&p->progress);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

/* Not after a blocked call: its thread may still use this. */
static void things_free(struct player *p)
{
	for (uint32_t i = 0; p->workers && i < p->head->threads; i++) {
		struct worker *w = &p->workers[i];

		if (w->started)
			pthread_join(w->thread, NULL);
		for (unsigned int k = 0; k < PLAYER_BUFFERS_MAX; k++)
			free(w->buffers[k].data);
		free(w->result.data);
		free(w->arg.data);
		free(w->steps);
	}
	for (uint32_t i = 1; p->objects && i <= p->head->objects; i++)
		object_drop(&p->objects[i]);
	for (uint32_t i = 0; p->eventfds && i < p->head->eventfds; i++) {
		if (p->eventfds[i] >= 0)
			close(p->eventfds[i]);
	}
	for (uint32_t i = 0; p->mappings && i < p->head->areas; i++)
		area_drop(p, i);
	if (p->scratched)
		madvise(p->scratch, SCRATCH_BYTES, MADV_DONTNEED);
	free(p->out_buffer);
	free(p->mappings);
	free(p->workers);
	free(p->eventfds);
	free(p->area_bytes);
	free(p->areas);
	free(p->objects);
	free(p->area_records);
	free(p->steps);
	free(p);
}

static int head_check(const struct player_head *h, size_t size)
{
	if (size < sizeof(*h) || h->magic != PLAYER_MAGIC || h->version != PLAYER_VERSION)
		return -EPROTO;
	if (h->threads > PLAYER_THREADS_MAX || h->objects > PLAYER_OBJECTS_MAX ||
	    h->areas > PLAYER_AREAS_MAX || h->eventfds > PLAYER_EVENTFDS_MAX ||
	    h->steps > size / sizeof(struct player_step))
		return -E2BIG;
	return 0;
}

static int run(const void *program, size_t size, int out, struct player_bytes *memory,
	       uint32_t *blocked)
{
	static const struct player_head no_head;
	struct player_over over = {.record = {sizeof(over), PLAYER_OVER}};
	struct player *p;
	bool serial = false;
	int kvm = -1;
	int rc;

	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->program = program;
	p->size = size;
	p->out = out;
	p->memory = memory;
	p->head = &no_head;
	p->out_buffer = memory ? NULL : malloc(OUT_BYTES);
	if (!memory && !p->out_buffer) {
		free(p);
		return -ENOMEM;
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_mutex_init(&p->out_lock, NULL);
	pthread_cond_init(&p->progress, NULL);
	pthread_cond_init(&p->finished, NULL);
	rc = head_check(program, size);
	if (rc)
		goto out;
	p->head = program;
	rc = records_check(p);
	if (rc)
		goto out;
	if (p->head->flags & PLAYER_SAY_ENVIRONMENT || !kept.mmap_size) {
		kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
		if (kvm < 0) {
			rc = -errno;
			goto out;
		}
	}
	if (p->head->flags & PLAYER_SAY_ENVIRONMENT)
		environment_say_all(p, kvm);
	rc = kept_make(kvm);
	if (!rc)
		rc = things_make(p);
	serial = !rc && p->head->flags & PLAYER_SERIAL && p->head->threads;
	if (!rc && !serial)
		rc = steps_share(p);
	if (rc)
		goto out;
	p->start = now_ns();
	if (serial)
		serial_play(p);
	else
		rc = workers_start(p);
	if (rc)
		goto out;
	if (!serial)
		over.blocked = workers_wait(p);
	over.time = now_ns() - p->start;
out:
	over.error = rc;
	out_put(p, &over, sizeof(over), true);
	if (!rc)
		rc = p->out_error;
	if (kvm >= 0)
		close(kvm);
	if (!over.blocked)
		things_free(p);
	if (serial)
		player_mark_end();
	*blocked = over.blocked;
	return rc;
}

int player_check(const void *program, size_t size)
{
	struct player p = {.program = program, .size = size, .head = program};
	int rc = head_check(program, size);

	if (!rc)
		rc = records_check(&p);
	free(p.area_records);
	free(p.steps);
	return rc;
}

int player_run(const void *program, size_t size, int out)
{
	uint32_t blocked;

	return run(program, size, out, NULL, &blocked);
}

int player_run_memory(const void *program, size_t size, struct player_bytes *out, uint32_t *blocked)
{
	return run(program, size, -1, out, blocked);
}

int player_run_stream(int in, int out)
{
	uint8_t *program = NULL;
	size_t used = 0, size = 0;
	ssize_t n;
	int rc = 0;

	for (;;) {
		if (used == size) {
			uint8_t *more;

			size = size ? size * 2 : 1 << 20;
			more = realloc(program, size);
			if (!more) {
				rc = -ENOMEM;
				break;
			}
			program = more;
		}
		n = read(in, program + used, size - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = -errno;
		if (n <= 0)
			break;
		used += n;
	}
	if (!rc)
		rc = player_run(program, used, out);
	free(program);
	return rc;
}
