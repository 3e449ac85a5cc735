// SPDX-License-Identifier: BSD-2-Clause
/*
 * The user side of the recorder: loads, attaches and tests the program, and writes the ring to a
 * tape.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "kvmtape.skel.h"
#include "base/near.h"
#include "recorder/internal.h"

#define DEFAULT_RING	      ((size_t)16 << 20)
#define DEFAULT_FLUSH_MS      250
#define DEFAULT_THREADS	      4096
#define BATCH		      16384 /* records between checks of clock and signals */
#define SLEEP_MAX_US	      5000  /* poll interval of an idle ring */
#define SLEEP_MIN_US	      200
#define FINISH_MS	      3000	 /* time for COMMAND to end after the first signal */
#define CONTROL_MS	      2000	 /* timeout for our own test call */
#define MS		      1000000ull /* in ns */
#define SWEEP_MS	      100	 /* time for an ending process to close its files */
#define SWEEP_EVERY_MS	      10
#define LIVING_MS	      500	  /* between checks whether processes still live */
#define ENOTSUPP	      524	  /* kernel's error without trampolines (ENOTSUPP) */
#define PID_NAMESPACE_INITIAL 0xEFFFFFFCU /* inode of the initial one, PROC_PID_INIT_INO */

struct recorder {
	struct recorder_options options;
	struct recorder_message message;
	struct recorder_message note;
	const struct recorder_backend *backend;
	struct kvmtape_bpf *skeleton;
	struct ring_buffer *ring;
	const void *positions; /* of the ring: a page of the consumer's, a page of the producer's */
	struct recorder_command command;
	struct rlimit memlock;
	uint64_t cookie;
	int missing;
	int kvm;
	int pidfd;		  /* RECORDER_PID: readable once it has ended */
	bool in_namespace;	  /* of processes, which has numbers of its own */
	pid_t target;		  /* RECORDER_PID, as the initial namespace numbers it */
	uint32_t check_extension; /* request */

	/* of a run */
	struct tape_writer *writer;
	struct tape_live *live; /* NULL: the tape gets dead bytes, too */
	struct recorder_tables tables;
	struct recorder_stats stats;
	uint64_t start;			    /* CLOCK_MONOTONIC, ns */
	uint64_t lost_buffer, lost_threads; /* already on the tape as gaps */
	uint64_t lost_signals;		    /* already on the tape */
	struct recorder_skips skips;	    /* at the last look */
	uint64_t limit;			    /* of this turn: the ring is read up to here */
	uint64_t doubtful; /* up to here calls may be missing anywhere in the ring */
	bool doubted;	   /* the last record was in there */
	unsigned int batch;
	bool dirty;		     /* something is not flushed */
	bool target_ended;	     /* RECORDER_PID */
	bool warned;		     /* of an error of writing */
	bool told_waiting;	     /* that processes run on after COMMAND or PID */
	uint64_t ended;		     /* when it was first seen that COMMAND or PID has */
	uint64_t sweep_until, swept; /* when to look which objects are gone */
	uint64_t living;	     /* when it was last looked which processes live */
	uint64_t dying;		     /* when an object was last found to be */
	const struct recorder_stop *stop;

	/* of calls of our own, before the run */
	uint32_t control; /* kind of object that the last of them was on */
	uint32_t proven;  /* kinds of objects of which a call came through */
	bool close_proven;
};

int recorder_fail(struct recorder_message *message, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(message->text, sizeof(message->text), format, args);
	va_end(args);
	return err;
}

static uint64_t tape_time(const struct recorder *r, uint64_t time)
{
	return time > r->start ? time - r->start : 0;
}

/* --- from records to the tape ----------------------------------------------------------------- */

/* After a failure of the writer, records are counted and dropped. */
static bool written(struct recorder *r, int err)
{
	if (err && !r->stats.write_error)
		r->stats.write_error = err;
	r->dirty = true;
	return !err;
}

static void write_gap(struct recorder *r, enum tape_gap_cause cause, uint64_t events, uint64_t time)
{
	struct tape_gap gap = {.time = time, .events = events, .cause = (uint8_t)cause};

	r->stats.lost[cause] += events;
	if (!r->stats.write_error)
		written(r, tape_writer_gap(r->writer, &gap));
}

static void put_gap(struct recorder *r, enum tape_gap_cause cause, uint64_t events, uint64_t time)
{
	if (events)
		write_gap(r, cause, events, time);
}

/* Positions in the ring: of the next record to read, and of the end. */
static uint64_t consumer_position(const struct recorder *r)
{
	return __atomic_load_n((const unsigned long *)r->positions, __ATOMIC_ACQUIRE);
}

static uint64_t producer_position(const struct recorder *r)
{
	const void *page = (const uint8_t *)r->positions + sysconf(_SC_PAGESIZE);

	return __atomic_load_n((const unsigned long *)page, __ATOMIC_ACQUIRE);
}

/*
 * A call for which the kernel did not run our programs left no record. Only the next check of the
 * counters shows it (take_missed()), so it may be anywhere among the records in between. A gap with
 * the number of calls comes before all of them; gaps of 0 calls come between and after them, so
 * that no record is judged by an earlier one.
 */
static void mark_uncertain(struct recorder *r, const struct record_head *head)
{
	bool doubtful = consumer_position(r) < r->doubtful;

	if (head->type != RECORD_CALL && head->type != RECORD_RETURN)
		return;
	if (doubtful || r->doubted)
		write_gap(r, TAPE_GAP_MISSED, 0, tape_time(r, head->time));
	r->doubted = doubtful;
}

/* Every record says how much was lost before it. */
static void take_losses(struct recorder *r, const struct record_head *head)
{
	int32_t buffer = (int32_t)(head->lost_buffer - (uint32_t)r->lost_buffer);
	int32_t threads = (int32_t)(head->lost_threads - (uint32_t)r->lost_threads);

	/* A record made on another CPU may have an older count. */
	if (buffer > 0) {
		r->lost_buffer += (uint32_t)buffer;
		put_gap(r, TAPE_GAP_BUFFER, (uint32_t)buffer, tape_time(r, head->time));
	}
	if (threads > 0) {
		r->lost_threads += (uint32_t)threads;
		put_gap(r, TAPE_GAP_THREADS, (uint32_t)threads, tape_time(r, head->time));
	}
}

static struct recorder_thread *add_thread(struct recorder *r, const struct record_head *head,
					  const char *comm)
{
	struct recorder_thread *thread =
		recorder_thread_add(&r->tables, head->pid, head->tid, head->serial);
	struct tape_thread item = {.pid = head->pid, .tid = head->tid};

	if (!thread) {
		if (r->tables.thread_ids < TAPE_MAX_THREADS)
			written(r, -ENOMEM);
		return NULL;
	}
	item.id = thread->id;
	if (comm)
		memcpy(item.comm, comm, sizeof(item.comm));
	item.comm[sizeof(item.comm) - 1] = '\0';
	r->stats.threads++;
	return written(r, tape_writer_thread(r->writer, &item)) ? thread : NULL;
}

static void close_object(struct recorder *r, struct recorder_object *object, uint64_t time)
{
	object->closed = true;
	if (object->dying)
		r->tables.dying--;
	object->dying = false;
	if (!r->stats.write_error)
		written(r, tape_writer_closed(r->writer, object->id, tape_time(r, time)));
}

/*
 * The files of an ending process are closed in no particular order; the tape has them in order of
 * ids. So such objects are only marked until all of them have been found.
 */
static void mark_dying(struct recorder *r, struct recorder_object *object, uint64_t time)
{
	if (!object->dying)
		r->tables.dying++;
	object->dying = true;
	object->time = time;
	r->dying = clock_ns();
}

static void close_dying(struct recorder *r)
{
	struct recorder_object **list;
	size_t count;

	if (!r->tables.dying)
		return;
	list = recorder_objects_open(&r->tables, &count);
	if (!list)
		written(r, -ENOMEM);
	for (size_t i = 0; list && i < count; i++)
		if (list[i]->dying)
			close_object(r, list[i], list[i]->time);
	free(list);
}

/* An object that is on the tape already, NULL: it is not. */
static struct recorder_object *find_object(struct recorder *r, uint32_t kind, uint64_t address,
					   uint64_t serial, uint64_t time)
{
	struct recorder_object *object = recorder_object_find(&r->tables, kind, address);

	if (!object)
		return NULL;
	if (object->serial == serial)
		return object->closed ? NULL : object;
	/* The address was reused, so the old object is gone even if its close was not seen. */
	if (!object->closed)
		close_object(r, object, time);
	return NULL;
}

static struct recorder_object *add_object(struct recorder *r, const struct record_head *head,
					  const struct record_object *from, uint64_t number,
					  uint8_t flags)
{
	struct tape_object item = {
		.kind = (uint8_t)from->kind, .fd = from->fd, .number = number, .flags = flags};
	struct recorder_object *object =
		find_object(r, from->kind, from->address, from->serial, head->time);

	if (object)
		close_object(r, object, head->time);
	if (from->parent) {
		struct recorder_object *parent =
			find_object(r, KVMAPI_VM, from->parent, from->parent_serial, head->time);
		struct record_object vm = {.address = from->parent,
					   .serial = from->parent_serial,
					   .kind = KVMAPI_VM,
					   .fd = -1};

		if (!parent)
			parent = add_object(r, head, &vm, UINT64_MAX, TAPE_OBJECT_PRE_EXISTING);
		if (!parent)
			return NULL;
		item.parent = parent->id;
	}
	object = recorder_object_add(&r->tables, from->kind, from->address, from->serial);
	if (!object) {
		written(r, -ENOMEM);
		return NULL;
	}
	object->file = from->file;
	item.id = object->id;
	r->stats.objects++;
	return written(r, tape_writer_object(r->writer, &item)) ? object : NULL;
}

/* Parts of a record, from `at` to its end; their number. */
static unsigned int take_parts(struct recorder *r, const uint8_t *at, const uint8_t *end,
			       struct tape_part *parts)
{
	unsigned int count = 0;

	while ((size_t)(end - at) >= sizeof(struct record_part) && count < TAPE_ROLES) {
		const struct record_part *from = (const void *)at;
		size_t room = (size_t)(end - at) - sizeof(*from);

		if (from->have > room)
			break;
		parts[count++] = (struct tape_part){
			.role = from->role,
			.flags = from->flags,
			.want = from->want,
			.have = from->have,
			.addr = from->addr,
			.data = from->have ? (const uint8_t *)(from + 1) : NULL,
		};
		r->stats.late += !!(from->flags & TAPE_PART_LATE);
		r->stats.faults += !!(from->flags & TAPE_PART_FAULT);
		r->stats.clipped += !!(from->flags & TAPE_PART_CLIPPED);
		at += sizeof(*from);
		at += (from->have + 7ull) & ~7ull;
	}
	return count;
}

static void take_call(struct recorder *r, const struct record_call *record, size_t size)
{
	const struct record_head *head = &record->head;
	struct recorder_thread *thread = recorder_thread_find(&r->tables, head->tid, head->serial);
	struct recorder_object *object;
	const struct kvmapi_ioctl *row;
	struct tape_part parts[TAPE_ROLES];
	struct tape_call call = {
		.time = tape_time(r, head->time),
		.kind = (uint8_t)record->object.kind,
		.request = record->request,
		.arg = record->arg,
		.parts = parts,
	};
	union recorder_native native;

	/*
	 * If the last return of a thread is missing, its call is still open on the tape. The thread
	 * gets a new number, and the call stays without a return.
	 */
	if (!thread || thread->open) {
		thread = add_thread(r, head, NULL);
		if (!thread) {
			/* The tape has its maximum of threads; the others continue. */
			if (!r->stats.write_error)
				put_gap(r, TAPE_GAP_THREADS, 1, call.time);
			return;
		}
	}
	object = find_object(r, record->object.kind, record->object.address, record->object.serial,
			     head->time);
	if (!object) {
		uint8_t flags = record->object.kind == KVMAPI_SYSTEM ? 0 : TAPE_OBJECT_PRE_EXISTING;

		object = add_object(r, head, &record->object, record->object.number, flags);
		if (!object)
			return;
	}
	/* The VM of a vCPU becomes known without its file. */
	object->file = record->object.file;
	call.thread = thread->id;
	call.object = object->id;
	call.part_count =
		take_parts(r, (const uint8_t *)(record + 1), (const uint8_t *)record + size, parts);
	if (head->flags & RECORD_F_COMPAT)
		recorder_compat_native(&call, parts, &native);
	thread->kind = record->object.kind;
	thread->request = call.request;
	thread->arg = record->arg;
	row = kvmapi_find(kvmapi_arch_native(), (enum kvmapi_object)record->object.kind,
			  call.request);
	/* struct kvm_create_device begins with the type. */
	thread->device_type = UINT32_MAX;
	if (row && row->creates == KVMAPI_DEVICE && call.part_count && parts[0].have >= 4)
		memcpy(&thread->device_type, parts[0].data, 4);
	if (written(r, recorder_write_call(r->writer, r->live, &call)))
		thread->open = true;
}

static void take_return(struct recorder *r, const struct record_return *record, size_t size)
{
	const struct record_head *head = &record->head;
	struct recorder_thread *thread = recorder_thread_find(&r->tables, head->tid, head->serial);
	struct tape_part parts[TAPE_ROLES];
	struct tape_return ret = {
		.time = tape_time(r, head->time),
		.ret = record->ret,
		.parts = parts,
	};

	if (!thread || !thread->open)
		return;
	thread->open = false;
	if (head->flags & RECORD_F_CREATED) {
		uint64_t number = record->created.number;
		struct recorder_object *object;

		if (record->created.kind == KVMAPI_DEVICE && thread->device_type != UINT32_MAX)
			number = thread->device_type;
		object = add_object(r, head, &record->created, number, 0);
		if (!object)
			return;
		ret.created = object->id;
	}
	if (head->flags & RECORD_F_PAYLOAD_LOST)
		r->stats.payloads_lost++;
	if (thread->request == r->check_extension && record->ret > 0 && thread->kind == KVMAPI_VM)
		recorder_rules_answer(r->skeleton, (uint32_t)thread->arg, record->ret);
	ret.part_count =
		take_parts(r, (const uint8_t *)(record + 1), (const uint8_t *)record + size, parts);
	written(r, recorder_write_return(r->writer, r->live, thread->id, &ret));
}

static void write_signal(struct recorder *r, const struct tape_signal *signal)
{
	if (!r->stats.write_error)
		written(r, tape_writer_signal(r->writer, signal));
}

static void take_signal(struct recorder *r, const struct record_signal *record)
{
	const struct recorder_thread *thread =
		recorder_thread_find(&r->tables, record->tid, record->serial);

	if (!thread)
		return;
	write_signal(r, &(struct tape_signal){
				.time = tape_time(r, record->head.time),
				.thread = thread->id,
				.sender = record->sender,
				.code = record->code,
				.number = record->number,
				.what = record->what,
				.outcome = record->outcome,
				.process = record->process,
			});
}

/* Signals that are missing somewhere among the records that were taken; sum: of the whole run. */
static void take_lost_signals(struct recorder *r, uint64_t sum)
{
	uint64_t lost = sum - r->lost_signals;

	if (!lost)
		return;
	r->lost_signals += lost;
	r->stats.signals_lost += lost;
	write_signal(r, &(struct tape_signal){.what = TAPE_SIGNAL_LOST,
					      .count = lost,
					      .time = tape_time(r, clock_ns())});
}

/*
 * Files of KVM may have been closed without a record: check objects for a while. If the back end
 * sees every close, this happens only if a record did not fit into the ring.
 */
static void begin_sweep(struct recorder *r, bool lost)
{
	if (lost || !r->backend->sees_last_close)
		r->sweep_until = clock_ns() + SWEEP_MS * MS;
}

static void take_record(struct recorder *r, const void *data, size_t size)
{
	const struct record_head *head = data;
	struct recorder_object *object;

	take_losses(r, head);
	mark_uncertain(r, head);
	if (head->type <= RECORD_RETURN)
		close_dying(r);
	/* Even then it has to be known which processes still use KVM. */
	if (r->stats.write_error && head->type <= RECORD_RETURN) {
		r->stats.lost[TAPE_GAP_WRITER] += head->type == RECORD_CALL;
		return;
	}
	switch (head->type) {
	case RECORD_THREAD:
		add_thread(r, head, ((const struct record_thread *)data)->comm);
		break;
	case RECORD_CALL:
		take_call(r, data, size);
		r->stats.lost[TAPE_GAP_WRITER] += !!r->stats.write_error;
		break;
	case RECORD_RETURN:
		take_return(r, data, size);
		break;
	case RECORD_CLOSE: {
		const struct record_close *record = data;

		object = recorder_object_find(&r->tables, record->object.kind,
					      record->object.address);
		if (!object || object->closed || object->serial != record->object.serial)
			break;
		if (head->flags & RECORD_F_EXITING)
			mark_dying(r, object, head->time);
		else
			close_object(r, object, head->time);
		break;
	}
	case RECORD_SIGNAL:
		take_signal(r, data);
		break;
	case RECORD_EXEC:
		begin_sweep(r, false);
		break;
	case RECORD_EXIT:
		if (recorder_thread_find(&r->tables, head->tid, head->serial))
			recorder_thread_remove(&r->tables, head->tid);
		if (head->flags & RECORD_F_PROCESS) {
			begin_sweep(r, false);
			if (r->options.follow == RECORDER_PID && (pid_t)head->pid == r->target)
				r->target_ended = true;
		}
		break;
	}
}

/* A record of our own calls, before the run. */
static void take_control(struct recorder *r, const void *data)
{
	const struct record_head *head = data;

	switch (head->type) {
	case RECORD_CALL:
		r->control = ((const struct record_call *)data)->object.kind;
		if (head->flags & RECORD_F_COMPAT)
			r->control = RECORDER_COMPAT(r->control);
		break;
	case RECORD_RETURN:
		r->proven |= r->control;
		r->control = 0;
		break;
	case RECORD_CLOSE:
		r->close_proven |= ((const struct record_close *)data)->object.kind == KVMAPI_VM;
		break;
	}
}

static int on_record(void *context, void *data, size_t size)
{
	struct recorder *r = context;
	/* Before each record are 8 bytes with its length. */
	uint64_t next = consumer_position(r) + ((size + 8 + 7) & ~(uint64_t)7);

	if (r->writer)
		take_record(r, data, size);
	else
		take_control(r, data);
	/*
	 * With a busy VMM, leave the rest for the next turn, so that clock and signals are checked.
	 */
	return ++r->batch % BATCH && next < r->limit ? 0 : -EAGAIN;
}

static uint64_t counted(const struct recorder *r)
{
	int fd = bpf_map__fd(r->skeleton->maps.counters);
	int cpus = libbpf_num_possible_cpus();
	uint64_t seen = 0;

	for (int cpu = 0; cpu < cpus; cpu++) {
		struct record_counters counters;

		if (!bpf_map_lookup_elem(fd, &cpu, &counters))
			seen += counters.seen;
	}
	return seen;
}

static struct recorder_skips look(const struct recorder *r)
{
	struct recorder_skips skips = {};

	r->backend->skipped(r->skeleton, &skips);
	skips.calls += r->skeleton->bss->lost_scratch;
	skips.all += r->skeleton->bss->lost_scratch;
	return skips;
}

/*
 * Check whether the kernel skipped our programs since the last check. If it did, calls may be
 * missing before any record now in the ring; if not, nothing is missing before the records read so
 * far.
 */
static void take_missed(struct recorder *r)
{
	struct recorder_skips now = look(r);

	if (now.all != r->skips.all)
		r->doubtful = producer_position(r);
	if (now.calls > r->skips.calls)
		put_gap(r, TAPE_GAP_MISSED, now.calls - r->skips.calls, tape_time(r, clock_ns()));
	r->skips = now;
}

/*
 * Take the records in the ring; returns their number. Records that arrive meanwhile are left for
 * the next turn, which first checks whether calls are missing among them.
 */
static unsigned int drain(struct recorder *r)
{
	/* Calls lost by now were before the limit. */
	uint64_t lost_signals = *(volatile uint64_t *)&r->skeleton->bss->lost_signals;

	r->batch = 0;
	r->limit = producer_position(r);
	if (r->writer)
		take_missed(r);
	if (consumer_position(r) < r->limit)
		ring_buffer__consume(r->ring);
	if (r->writer && consumer_position(r) >= r->limit)
		take_lost_signals(r, lost_signals);
	return r->batch;
}

/* Whether the file of an object is still there. */
static bool is_alive(struct recorder *r, const struct recorder_object *object)
{
	struct kvmtape_bpf__bss *bss = r->skeleton->bss;

	bss->probe_file = object->file;
	bss->probe_address = object->address;
	bss->probe_kind = object->kind;
	/* If the program does not run, nothing is known. */
	bss->probe_alive = 1;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	ioctl(r->kvm, RECORD_PROBE, r->cookie);
	return __atomic_load_n(&bss->probe_alive, __ATOMIC_SEQ_CST);
}

/*
 * Close the objects that are gone. Their last records are in the ring already, so they are taken
 * first.
 */
static void sweep(struct recorder *r)
{
	struct recorder_object **list;
	uint64_t until, time = clock_ns();
	size_t count;

	r->swept = time;
	list = recorder_objects_open(&r->tables, &count);
	for (size_t i = 0; list && i < count; i++)
		/* The file of a VM that is known through a vCPU only is not known. */
		list[i]->doomed = list[i]->file && !is_alive(r, list[i]);
	free(list);
	until = producer_position(r);
	while (consumer_position(r) < until && drain(r))
		;
	list = recorder_objects_open(&r->tables, &count);
	for (size_t i = 0; list && i < count; i++)
		if (list[i]->doomed)
			mark_dying(r, list[i], time);
	free(list);
}

static int missing(struct recorder *r, int err)
{
	r->missing = err == -ENOENT || err == -ENOTDIR ? 127 : 126;
	return recorder_fail(&r->message, err, "cannot run %s: %s", r->options.argv[0],
			     err == -ENOENT ? "command not found" : strerror(-err));
}

/* --- opening ---------------------------------------------------------------------------------- */

static int check_options(struct recorder *r)
{
	struct recorder_options *o = &r->options;
	char path[64], line[128];
	FILE *status;
	int tgid = 0;

	if (!o->kvm_path)
		o->kvm_path = "/dev/kvm";
	if (!o->btf_path)
		o->btf_path = "/sys/kernel/btf/vmlinux";
	if (!o->ring_bytes)
		o->ring_bytes = DEFAULT_RING;
	if (!o->flush_ms)
		o->flush_ms = DEFAULT_FLUSH_MS;
	if (!o->max_threads)
		o->max_threads = DEFAULT_THREADS;
	if (o->ring_bytes & (o->ring_bytes - 1) || o->ring_bytes < (size_t)sysconf(_SC_PAGESIZE) ||
	    o->ring_bytes > (size_t)1 << 30)
		return recorder_fail(
			&r->message, -EINVAL,
			"a ring of %zu bytes: give a power of two from one page to 1 GiB",
			o->ring_bytes);
	if (!o->max_payload)
		o->max_payload = RECORD_PART_MAX;
	if (o->max_payload > RECORD_PART_MAX)
		return recorder_fail(&r->message, -EINVAL, "a payload of %u bytes: the most is %u",
				     o->max_payload, RECORD_PART_MAX);
	if (o->follow == RECORDER_COMMAND) {
		int err = recorder_command_check(o->argv[0]);

		return err ? missing(r, err) : 0;
	}
	if (o->follow != RECORDER_PID)
		return 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)o->pid);
	status = fopen(path, "re");
	if (!status)
		return recorder_fail(&r->message, -ESRCH, "there is no process %d", (int)o->pid);
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "Tgid: %d", &tgid) == 1)
			break;
	fclose(status);
	/* A thread stands for its process. */
	if (tgid > 0)
		o->pid = tgid;
	r->pidfd = (int)syscall(SYS_pidfd_open, o->pid, 0);
	if (r->pidfd < 0)
		return recorder_fail(&r->message, -errno, "cannot watch process %d: %s",
				     (int)o->pid, strerror(errno));
	r->target = o->pid;
	return 0;
}

static bool in_namespace(void)
{
	struct stat ns;

	return !stat("/proc/self/ns/pid", &ns) && ns.st_ino != PID_NAMESPACE_INITIAL;
}

static int open_kvm(struct recorder *r)
{
	const char *path = r->options.kvm_path;

	r->kvm = open(path, O_RDWR | O_CLOEXEC);
	if (r->kvm >= 0)
		return 0;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return recorder_fail(
			&r->message, -ENODEV,
			"there is no %s: load the kvm module of this processor, or enable "
			"virtualisation",
			path);
	return recorder_fail(&r->message, -errno, "cannot open %s: %s", path, strerror(errno));
}

static int quiet_print(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static int loud_print(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, format, args);
}

static int load_with(struct recorder *r, const struct recorder_backend *backend, uint32_t hooks,
		     uint32_t probed)
{
	const int cpus = libbpf_num_possible_cpus();
	struct kvmtape_bpf *skeleton;
	int err;

	skeleton = kvmtape_bpf__open();
	if (!skeleton)
		return -errno;
	for (size_t i = 0; recorder_backends[i]; i++)
		recorder_backends[i]->choose(skeleton, recorder_backends[i] == backend, hooks,
					     probed);
	bpf_program__set_autoload(skeleton->progs.find_process,
				  r->in_namespace && r->options.follow == RECORDER_PID);
	recorder_rules_constants(skeleton, r->options.dirty_ring);
	skeleton->rodata->join_cookie = r->cookie;
	skeleton->rodata->part_max = r->options.no_payload ? 0 : r->options.max_payload;
	skeleton->bss->self = (uint32_t)getpid();
	err = bpf_map__set_max_entries(skeleton->maps.ring, (uint32_t)r->options.ring_bytes);
	if (!err)
		err = bpf_map__set_max_entries(skeleton->maps.threads, r->options.max_threads);
	if (!err)
		err = bpf_map__set_max_entries(skeleton->maps.scratches,
					       (uint32_t)cpus * RECORD_SCRATCHES);
	if (!err)
		err = bpf_map__set_max_entries(skeleton->maps.counters, (uint32_t)cpus);
	if (!err)
		err = kvmtape_bpf__load(skeleton);
	if (!err)
		err = recorder_rules_load(skeleton, r->kvm);
	if (!err)
		err = backend->attach(skeleton);
	if (err) {
		kvmtape_bpf__destroy(skeleton);
		return err;
	}
	r->skeleton = skeleton;
	r->backend = backend;
	return 0;
}

/*
 * Harmless calls on a temporary VM, one for each hook; the answers do not matter. Returns the kinds
 * of objects that were called on; a device that cannot be made here needs no test.
 */
static uint32_t call_all_hooks(struct recorder *r, uint32_t hooks)
{
	struct kvm_create_device create = {};
	struct kvm_device_attr attr = {};
	struct kvm_mp_state state;
	uint32_t called = KVMAPI_SYSTEM;
	int vm, vcpu;

	ioctl(r->kvm, KVM_GET_API_VERSION, 0);
	if (!(hooks & ~called))
		return called;
	/* If even this is not possible, it counts as called. */
	called = KVMAPI_SYSTEM | KVMAPI_VM | KVMAPI_VCPU;
	vm = ioctl(r->kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		return called;
	ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY);
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu >= 0) {
		ioctl(vcpu, KVM_GET_MP_STATE, &state);
		close(vcpu);
	}
	for (create.type = 1; create.type < KVM_DEV_TYPE_MAX; create.type++) {
		if (ioctl(vm, KVM_CREATE_DEVICE, &create))
			continue;
		called |= KVMAPI_DEVICE;
		ioctl((int)create.fd, KVM_HAS_DEVICE_ATTR, &attr);
		close((int)create.fd);
		break;
	}
	close(vm);
	return called;
}

static const char *hook_name(uint32_t missing)
{
	if (missing & RECORDER_COMPAT_HOOKS)
		return "a VM or a vCPU, made as a 32-bit program makes it,";
	if (missing & KVMAPI_SYSTEM)
		return "/dev/kvm";
	if (missing & KVMAPI_VM)
		return "a VM";
	if (missing & KVMAPI_VCPU)
		return "a vCPU";
	return "a device";
}

/*
 * A harmless call of our own must come through the ring from every hook; *missing: those from which
 * none did.  Afterwards the program follows nobody again.
 */
static int prove(struct recorder *r, uint32_t there, uint32_t *missing,
		 struct recorder_message *why)
{
	const struct recorder_backend *backend = r->backend;
	uint64_t until = clock_ns() + CONTROL_MS * MS;
	uint32_t hooks;
	uint32_t pid;

	r->control = 0;
	r->proven = 0;
	r->close_proven = !backend->sees_last_close;
	ioctl(r->kvm, RECORD_JOIN, r->cookie);
	hooks = backend->hooks & call_all_hooks(r, backend->hooks);
	/* In a PID namespace the program sees another pid for us. */
	pid = r->skeleton->bss->joined;
	if (backend->hooks & there & RECORDER_COMPAT_HOOKS)
		hooks |= recorder_compat_call(r->kvm, r->cookie);
	bpf_map_delete_elem(bpf_map__fd(r->skeleton->maps.followed), &pid);
	bpf_map_delete_elem(bpf_map__fd(r->skeleton->maps.threads), &pid);
	r->skeleton->bss->self = pid;
	do {
		drain(r);
		if (!(hooks & ~r->proven) && r->close_proven)
			return 0;
		usleep(SLEEP_MIN_US);
	} while (clock_ns() < until);
	*missing = hooks & ~r->proven;
	if (*missing)
		return recorder_fail(
			why, -ENOTSUP,
			"it is attached, but a call of our own on %s did not come through",
			hook_name(*missing));
	return recorder_fail(
		why, -ENOTSUP,
		"it is attached, but the closing of a VM of our own did not come through");
}

static void unload(struct recorder *r)
{
	ring_buffer__free(r->ring);
	r->ring = NULL;
	if (r->positions)
		munmap((void *)r->positions, 2 * (size_t)sysconf(_SC_PAGESIZE));
	r->positions = NULL;
	if (r->skeleton) {
		r->backend->detach(r->skeleton);
		kvmtape_bpf__destroy(r->skeleton);
	}
	r->skeleton = NULL;
}

static int open_ring(struct recorder *r)
{
	int fd = bpf_map__fd(r->skeleton->maps.ring);
	void *positions =
		mmap(NULL, 2 * (size_t)sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, fd, 0);

	if (positions == MAP_FAILED)
		return -errno;
	r->positions = positions;
	r->ring = ring_buffer__new(fd, on_record, r, NULL);
	return r->ring ? 0 : -errno;
}

static int try_programs(struct recorder *r, const struct recorder_backend *backend, uint32_t probed,
			uint32_t *missing, struct recorder_message *why)
{
	uint32_t there = backend->hooks;
	int err = load_with(r, backend, there, probed);

	*missing = 0;
	if (err == -ESRCH && there & RECORDER_COMPAT_HOOKS) {
		/* A kernel without calls of 32-bit programs has no functions for them. */
		there &= ~RECORDER_COMPAT_HOOKS;
		err = load_with(r, backend, there, probed);
	}
	if (err == -ESRCH)
		return recorder_fail(why, err,
				     "the kernel does not describe the functions of module kvm");
	if (err)
		return recorder_fail(why, err, "the kernel refuses the eBPF program: %s",
				     err == -ENOTSUPP ? "not supported" : strerror(-err));
	err = open_ring(r);
	err = err ? recorder_fail(why, err, "%s", strerror(-err)) : prove(r, there, missing, why);
	if (err)
		unload(r);
	return err;
}

static int try_backend(struct recorder *r, const struct recorder_backend *backend,
		       struct recorder_message *why)
{
	struct recorder_message again;
	uint32_t probed, missing;
	int err = try_programs(r, backend, 0, &probed, why);

	if (!err || !probed || !backend->can_probe)
		return err;
	if (try_programs(r, backend, probed, &missing, &again))
		return err;
	recorder_fail(&r->note, 0,
		      "recording by %s, and by kprobe where it does not see calls: those on %s",
		      backend->name, hook_name(probed));
	return 0;
}

static int backend_unknown(struct recorder *r, int err, const char *wanted)
{
	char hint[NEAR_TEXT];
	struct near near;

	near_begin(&near, wanted, strlen(wanted), "");
	near_offer(&near, "auto");
	for (size_t i = 0; recorder_backends[i]; i++)
		near_offer(&near, recorder_backends[i]->name);
	return recorder_fail(&r->message, err, "there is no back end '%s'%s", wanted,
			     near_text(&near, "", hint, sizeof(hint)));
}

static int attach(struct recorder *r)
{
	const char *wanted = r->options.backend;
	const struct recorder_backend *backend = NULL;
	struct recorder_message why;
	int err = -EINVAL;

	if (access(r->options.btf_path, R_OK))
		return recorder_fail(
			&r->message, -ENOTSUP,
			"the kernel does not describe its types (%s: %s): it must be built with "
			"CONFIG_DEBUG_INFO_BTF",
			r->options.btf_path, strerror(errno));
	libbpf_set_print(getenv("KVMTAPE_LIBBPF_DEBUG") ? loud_print : quiet_print);
	if (wanted && !strcmp(wanted, "auto"))
		wanted = NULL;
	for (size_t i = 0; recorder_backends[i]; i++) {
		if (wanted && strcmp(wanted, recorder_backends[i]->name))
			continue;
		backend = recorder_backends[i];
		err = try_backend(r, backend, &why);
		if (!err)
			return 0;
		if (!wanted && recorder_backends[i + 1])
			recorder_fail(&r->note, err,
				      "recording by %s, since %s cannot be used here: %s",
				      recorder_backends[i + 1]->name, backend->name, why.text);
	}
	if (!backend)
		return backend_unknown(r, err, wanted);
	/* Some machines refuse trampolines to root as well. */
	if ((err == -EPERM || err == -EACCES) && !backend->can_probe)
		return recorder_fail(
			&r->message, -EPERM,
			"no privilege to load eBPF programs: run as root, or with CAP_BPF, "
			"CAP_PERFMON and CAP_SYS_RESOURCE");
	if (wanted)
		return recorder_fail(&r->message, err, "back end '%s' cannot be used here: %s",
				     wanted, why.text);
	return recorder_fail(&r->message, err, "%s: %s; KVMTAPE_LIBBPF_DEBUG=1 shows more",
			     backend->name, why.text);
}

int recorder_open(const struct recorder_options *options, struct recorder **recorder)
{
	const struct kvmapi_ioctl *row;
	struct recorder *r = calloc(1, sizeof(*r));
	int err;

	*recorder = r;
	if (!r)
		return -ENOMEM;
	r->options = *options;
	r->kvm = -1;
	r->pidfd = -1;
	r->command.go = -1;
	r->command.error = -1;
	row = kvmapi_find_name(kvmapi_arch_native(), "KVM_CHECK_EXTENSION");
	r->check_extension = row ? row->request : 0;
	getrlimit(RLIMIT_MEMLOCK, &r->memlock);
	r->in_namespace = in_namespace();
	if (getrandom(&r->cookie, sizeof(r->cookie), 0) != sizeof(r->cookie))
		return recorder_fail(&r->message, -errno, "no random number: %s", strerror(errno));
	err = check_options(r);
	if (!err)
		err = open_kvm(r);
	if (!err)
		err = attach(r);
	return err;
}

/* --- running ---------------------------------------------------------------------------------- */

static void say(const struct recorder *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void say(const struct recorder *r, const char *format, ...)
{
	char line[RECORDER_MESSAGE];
	va_list args;

	if (!r->options.say)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	r->options.say(line);
}

/* Whether a process has a file of KVM open; true as well if that cannot be seen. */
static bool uses_kvm(pid_t pid)
{
	char path[64], target[64];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (!dir)
		return true;
	while (!found && (entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		if (len < 0)
			continue;
		target[len] = '\0';
		found = strstr(target, "/dev/kvm") == target ||
			strstr(target, "anon_inode:kvm-") == target;
	}
	closedir(dir);
	return found;
}

/* The name of a process as far as it can be seen. */
static void name_of(const struct recorder *r, pid_t pid, char name[16])
{
	char path[64];
	FILE *file;

	snprintf(name, 16, "?");
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = r->in_namespace ? NULL : fopen(path, "re");
	if (!file)
		return;
	if (fgets(name, 16, file))
		name[strcspn(name, "\n")] = '\0';
	fclose(file);
}

/* The number of PID in the initial namespace, as the eBPF program sees it. */
static int translate_pid(struct recorder *r)
{
	struct bpf_link *link;
	char nothing[16];
	int fd = -1;

	r->skeleton->bss->found_pid = 0;
	r->skeleton->bss->wanted_pid = (int32_t)r->options.pid;
	link = bpf_program__attach_iter(r->skeleton->progs.find_process, NULL);
	if (link)
		fd = bpf_iter_create(bpf_link__fd(link));
	if (fd >= 0) {
		while (read(fd, nothing, sizeof(nothing)) > 0)
			;
		close(fd);
	}
	bpf_link__destroy(link);
	if (!r->skeleton->bss->found_pid)
		return recorder_fail(
			&r->message, -ESRCH,
			"process %d of this PID namespace was not found among those of "
			"the machine: record it from outside",
			(int)r->options.pid);
	r->target = r->skeleton->bss->found_pid;
	return 0;
}

static int follow_pid(struct recorder *r)
{
	uint8_t one = 1;
	uint32_t pid;
	char name[16];
	int err;

	if (r->in_namespace) {
		err = translate_pid(r);
		if (err)
			return err;
	}
	pid = (uint32_t)r->target;
	if (bpf_map_update_elem(bpf_map__fd(r->skeleton->maps.followed), &pid, &one, BPF_ANY))
		return recorder_fail(&r->message, -errno, "cannot follow process %d: %s",
				     (int)r->options.pid, strerror(errno));
	name_of(r, r->options.pid, name);
	say(r, "recording process %d (%s) until it ends; SIGINT or SIGTERM ends the recording",
	    (int)r->options.pid, name);
	if (!uses_kvm(r->options.pid))
		say(r, "process %d has no file of KVM open yet", (int)r->options.pid);
	return 0;
}

static int begin_follow(struct recorder *r)
{
	int err;

	switch (r->options.follow) {
	case RECORDER_ALL:
		r->skeleton->bss->follow_all = 1;
		say(r, "recording every process of this machine until SIGINT or SIGTERM");
		return 0;
	case RECORDER_PID:
		return follow_pid(r);
	case RECORDER_COMMAND:
		break;
	}
	err = recorder_command_fork(&r->command, &r->options, r->kvm, r->cookie, &r->memlock);
	if (err)
		return recorder_fail(&r->message, err, "cannot start a process: %s",
				     strerror(-err));
	err = recorder_command_go(&r->command);
	return err ? missing(r, err) : 0;
}

/* Has the process ended, even if it was not waited for yet? */
static bool has_ended(uint32_t pid)
{
	char path[64], line[512];
	const char *state;
	FILE *file;
	bool ended;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT || errno == ESRCH;
	/* PID (NAME) STATE: the name may hold anything. */
	ended = !fgets(line, sizeof(line), file);
	state = ended ? NULL : strrchr(line, ')');
	if (state && (state[2] == 'Z' || state[2] == 'X'))
		ended = true;
	fclose(file);
	return ended;
}

/*
 * A followed process that is alive, 0 = none. The eBPF program keeps the list even if records are
 * lost; but the kernel may have skipped the program, so the list is checked now and then.
 */
static uint32_t living_process(struct recorder *r)
{
	int fd = bpf_map__fd(r->skeleton->maps.followed);
	uint64_t now = clock_ns();
	uint32_t pid, next;

	if (bpf_map_get_next_key(fd, NULL, &pid))
		return 0;
	if (r->in_namespace || now - r->living < LIVING_MS * MS)
		return pid;
	r->living = now;
	for (;;) {
		bool more = !bpf_map_get_next_key(fd, &pid, &next);

		if (has_ended(pid))
			bpf_map_delete_elem(fd, &pid);
		if (!more)
			break;
		pid = next;
	}
	return bpf_map_get_next_key(fd, NULL, &pid) ? 0 : pid;
}

/* Has what is recorded ended: COMMAND or PID, and their children? */
static bool ended(struct recorder *r)
{
	struct pollfd target = {.fd = r->pidfd, .events = POLLIN};
	uint32_t pid;
	char name[16];

	switch (r->options.follow) {
	case RECORDER_COMMAND:
		if (!recorder_command_ended(&r->command))
			return false;
		break;
	case RECORDER_PID:
		/* Its last record may have been lost. */
		if (!r->target_ended && poll(&target, 1, 0) <= 0)
			return false;
		break;
	case RECORDER_ALL:
		return false;
	}
	pid = living_process(r);
	if (pid && !r->told_waiting) {
		/* It may be about to end, so give it time. */
		if (!r->ended)
			r->ended = clock_ns();
		if (clock_ns() - r->ended < LIVING_MS * MS)
			return false;
		r->told_waiting = true;
		name_of(r, (pid_t)pid, name);
		say(r, "%s has ended; recording goes on until process %u (%s) ends, too, or SIGINT",
		    r->options.follow == RECORDER_PID ? "the process" : r->options.argv[0], pid,
		    name);
	}
	return !pid;
}

/* Pass on and count the signals that asked us to finish; true when it is time. */
static bool asked_to_finish(struct recorder *r, const struct recorder_stop *stop, int *handled,
			    uint64_t *deadline)
{
	int signals = stop ? stop->signals : 0;
	uint64_t now = clock_ns();

	if (signals > *handled) {
		*handled = signals;
		if (r->options.follow != RECORDER_COMMAND || signals > 1 || r->command.ended)
			return true;
		if (stop->forward)
			kill(r->command.pid, stop->forward);
		*deadline = now + FINISH_MS * MS;
	}
	return *deadline && now >= *deadline;
}

static void say_write_error(struct recorder *r, void (*warn)(const char *))
{
	char line[RECORDER_MESSAGE];

	if (r->warned || !r->stats.write_error)
		return;
	r->warned = true;
	snprintf(line, sizeof(line), "cannot write the tape: %s: %s",
		 tape_strerror(r->stats.write_error),
		 r->options.follow == RECORDER_COMMAND
			 ? "COMMAND runs on unrecorded, what was written so far is kept"
			 : "what was written so far is kept");
	if (warn)
		warn(line);
}

/* Check which objects are gone, if there is a reason to and the ring is idle. */
static void sweep_if_due(struct recorder *r, unsigned int records)
{
	uint64_t now = clock_ns();

	if (r->skeleton->bss->lost_notices != r->stats.notices_lost) {
		r->stats.notices_lost = r->skeleton->bss->lost_notices;
		begin_sweep(r, true);
	}
	if (now < r->sweep_until && records < BATCH / 16 && now - r->swept >= SWEEP_EVERY_MS * MS)
		sweep(r);
	if (now - r->dying >= SWEEP_MS * MS)
		close_dying(r);
}

/* All processes have ended; their files may need a moment. */
static void sweep_at_end(struct recorder *r)
{
	uint64_t until = clock_ns() + SWEEP_MS * MS;

	for (;;) {
		size_t count;

		sweep(r);
		close_dying(r);
		free(recorder_objects_open(&r->tables, &count));
		if (!count || clock_ns() >= until)
			return;
		usleep(SLEEP_MAX_US);
	}
}

/* A signal ended the recording, but the recorded process is still running. */
static void say_what_runs_on(struct recorder *r)
{
	uint32_t pid = r->command.ended ? living_process(r) : 0;
	char name[16];

	if (!pid)
		return;
	name_of(r, (pid_t)pid, name);
	say(r, "process %u (%s) runs on unrecorded", pid, name);
}

static void run_loop(struct recorder *r, const struct recorder_stop *stop,
		     void (*warn)(const char *))
{
	uint64_t flushed = clock_ns();
	uint64_t deadline = 0;
	unsigned int sleep_us = SLEEP_MIN_US;
	int handled = 0;

	for (;;) {
		/* The records before its end are in the ring already: read the ring after this. */
		bool over = ended(r);
		bool asked = asked_to_finish(r, stop, &handled, &deadline);
		unsigned int records;
		uint64_t now;

		records = drain(r);
		now = clock_ns();

		if (!r->stats.write_error && r->dirty &&
		    now - flushed >= r->options.flush_ms * MS) {
			written(r, tape_writer_flush(r->writer));
			r->dirty = false;
			flushed = now;
		}
		say_write_error(r, warn);
		if (r->stats.write_error && r->options.follow != RECORDER_COMMAND)
			break;
		sweep_if_due(r, records);
		if (over && !records)
			sweep_at_end(r);
		if (asked)
			say_what_runs_on(r);
		if (asked || (over && !records))
			break;
		if (over)
			continue;
		if (records >= BATCH / 16)
			sleep_us = SLEEP_MIN_US;
		else if (sleep_us < SLEEP_MAX_US)
			sleep_us += sleep_us / 2;
		if (records < BATCH)
			usleep(sleep_us);
	}
}

/*
 * The reader of a pipe does not read. After a signal to finish, wait for it no longer than for
 * COMMAND.
 */
static int wait_for_output(void *context, int fd)
{
	struct recorder *r = context;
	struct pollfd output = {.fd = fd, .events = POLLOUT};
	uint64_t asked = 0;

	for (;;) {
		int signals = r->stop ? r->stop->signals : 0;

		if (signals && !asked)
			asked = clock_ns();
		if (signals > 1 || (asked && clock_ns() - asked >= FINISH_MS * MS))
			return -EINTR;
		if (poll(&output, 1, 50) > 0)
			return 0;
	}
}

int recorder_run(struct recorder *r, int fd, const struct recorder_stop *stop,
		 void (*warn)(const char *))
{
	const struct tape_writer_options writer_options =
		TAPE_WRITER_OPTIONS(.wait = wait_for_output, .wait_context = r);
	struct tape_end end = {};
	struct tape_env env;
	uint64_t base;
	int err;

	tape_env_init(&env);
	err = recorder_env_fill(&env, &r->options, r->kvm, r->backend->name);
	if (err) {
		recorder_fail(&r->message, err, "cannot describe this machine: %s", strerror(-err));
		goto out_env;
	}
	drain(r);
	r->start = clock_ns();
	r->stop = stop;
	err = r->options.raw ? 0 : tape_live_open(env.arch, &r->live);
	if (!err)
		err = tape_writer_open(fd, &env, &writer_options, &r->writer);
	if (err) {
		recorder_fail(&r->message, err, "cannot begin the tape: %s", tape_strerror(err));
		goto out_env;
	}
	base = counted(r);
	r->skips = look(r);
	r->lost_signals = r->skeleton->bss->lost_signals;
	err = begin_follow(r);
	if (err)
		goto out_writer;

	run_loop(r, stop, warn);

	/* No new records after this, so the sums are final. */
	r->backend->detach(r->skeleton);
	while (drain(r))
		;
	close_dying(r);
	put_gap(r, TAPE_GAP_BUFFER, r->skeleton->bss->lost_buffer - r->lost_buffer,
		tape_time(r, clock_ns()));
	put_gap(r, TAPE_GAP_THREADS, r->skeleton->bss->lost_threads - r->lost_threads,
		tape_time(r, clock_ns()));
	end.seen = counted(r) - base + r->stats.lost[TAPE_GAP_MISSED];
	memcpy(end.lost, r->stats.lost, sizeof(end.lost));
	if (!r->stats.write_error)
		written(r, tape_writer_finish(r->writer, &end));
	r->stats.seen = end.seen;
	r->stats.written = tape_writer_calls(r->writer);
	r->stats.unreturned = r->stats.written - tape_writer_returns(r->writer);
	r->stats.notices_lost = r->skeleton->bss->lost_notices;
	r->stats.processes_lost = r->skeleton->bss->lost_processes;
	r->stats.bytes = tape_writer_bytes(r->writer);
	/* The last bytes may be the first that do not fit. */
	say_write_error(r, warn);
	err = r->stats.write_error;
	if (err)
		recorder_fail(&r->message, err, "the tape is not whole: %s", tape_strerror(err));
out_writer:
	tape_writer_close(r->writer);
	r->writer = NULL;
out_env:
	tape_live_close(r->live);
	r->live = NULL;
	tape_env_release(&env);
	return err;
}

int recorder_command_missing(const struct recorder *r)
{
	return r->missing;
}

int recorder_exit_status(const struct recorder *r)
{
	if (!r->command.pid)
		return 0;
	if (!r->command.ended)
		return -1;
	if (WIFSIGNALED(r->command.status))
		return 128 + WTERMSIG(r->command.status);
	return WEXITSTATUS(r->command.status);
}

void recorder_get_stats(const struct recorder *r, struct recorder_stats *stats)
{
	*stats = r->stats;
}

const char *recorder_backend_name(const struct recorder *r)
{
	return r->backend ? r->backend->name : "none";
}

const char *recorder_note(const struct recorder *r)
{
	return r->note.text;
}

const char *recorder_message(const struct recorder *r)
{
	return r->message.text;
}

void recorder_close(struct recorder *r)
{
	if (!r)
		return;
	unload(r);
	recorder_command_release(&r->command);
	recorder_tables_release(&r->tables);
	if (r->kvm >= 0)
		close(r->kvm);
	if (r->pidfd >= 0)
		close(r->pidfd);
	free(r);
}
