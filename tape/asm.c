// SPDX-License-Identifier: BSD-2-Clause
/* Text to tape: docs/tape-text.md. */
#include <ctype.h>
#include <stdlib.h>

#include "base/array.h"
#include "tape/asm_write.h"
#include "tape/format.h"

#define ENV_RESULTS "results"

/* --- the assembler ---------------------------------------------------------------------------- */

static int lookup(void *ctx, const char *name, size_t len, uint64_t *value)
{
	struct assembler *a = ctx;
	const struct asm_symbol *symbol = asm_symbol_find(&a->symbols, name, len);
	char copy[128];
	char *end;
	unsigned long area;

	if (symbol) {
		*value = symbol->kind == ASM_SYMBOL_OBJECT
				 ? (uint64_t)a->objects[symbol->value - 1].fd
				 : symbol->value;
		return 0;
	}
	if (len > 3 && len < 8 && !strncmp(name, "mem", 3) && isdigit((unsigned char)name[3])) {
		area = strtoul(name + 3, &end, 10);
		if (end == name + len && area < ASM_AREAS) {
			*value = ASM_AREA(area);
			return 0;
		}
	}
	symbol = asm_symbol_find(&a->constants, name, len);
	if (symbol) {
		*value = symbol->value;
		return 0;
	}
	if (len >= sizeof(copy))
		return -ENOENT;
	memcpy(copy, name, len);
	copy[len] = 0;
	if (kvmapi_constant(a->in.arch, copy, value))
		return -ENOENT;
	return asm_symbol_add(&a->constants, name, len, ASM_SYMBOL_CONSTANT, *value);
}

/* Names that the text made. */
static void symbols_near(void *ctx, struct near *near)
{
	const struct assembler *a = ctx;

	for (size_t i = 0; i < a->symbols.room; i++)
		if (a->symbols.list[i].name)
			near_offer(near, a->symbols.list[i].name);
}

/* Report an error of the writer. */
int asm_written(struct assembler *a, const char *where, int err)
{
	switch (err) {
	case 0:
	case -ENOMEM:
		return err;
	case -EINVAL:
	case TAPE_E_LIMIT:
	case TAPE_E_ORDER:
		return asm_fail(&a->in, where, "a tape cannot hold this: %s", tape_strerror(err));
	default:
		return err;
	}
}

/* The header is complete: items follow. */
static int begin_items(struct assembler *a)
{
	int err;

	if (a->w)
		return 0;
	if (a->no_results) {
		err = tape_env_set(&a->env, ENV_RESULTS, "none");
		if (err)
			return err;
	}
	err = asm_runs_begin(&a->runs, a->env.arch);
	if (!err)
		err = tape_writer_open(a->fd, &a->env, a->options, &a->w);
	return asm_written(a, a->in.text, err);
}

/* --- threads and objects ---------------------------------------------------------------------- */

static int add_thread(struct assembler *a, const char *where, const struct tape_thread *thread)
{
	int err = array_grow(&a->calls, &a->thread_room, a->thread_count);

	if (err)
		return err;
	memset(&a->calls[a->thread_count++], 0, sizeof(*a->calls));
	return asm_written(a, where, tape_writer_thread(a->w, thread));
}

/* Threads without a "thread" line have no name. */
int asm_need_thread(struct assembler *a, const char *where, uint64_t id)
{
	int err = 0;

	if (id >= TAPE_MAX_THREADS)
		return asm_fail(&a->in, where, "thread %llu: a tape has at most %d",
				(unsigned long long)id, TAPE_MAX_THREADS);
	while (!err && a->thread_count <= id) {
		struct tape_thread thread = {.id = (uint32_t)a->thread_count, .pid = 1};

		thread.tid = thread.id + 1;
		snprintf(thread.comm, sizeof(thread.comm), "t%u", thread.id);
		err = add_thread(a, where, &thread);
	}
	return err;
}

int asm_add_object(struct assembler *a, const char *where, size_t len,
		   const struct tape_object *object)
{
	int err = array_grow(&a->objects, &a->object_room, a->object_count);

	if (err)
		return err;
	a->objects[a->object_count++] = *object;
	err = asm_symbol_add(&a->symbols, where, len, ASM_SYMBOL_OBJECT, object->id);
	return err ? err : asm_written(a, where, tape_writer_object(a->w, object));
}

struct tape_object asm_new_object(const struct assembler *a, uint8_t kind)
{
	const uint32_t id = (uint32_t)a->object_count + 1;

	return (struct tape_object){
		.id = id,
		.kind = kind,
		.fd = (int32_t)(ASM_FD_OBJECT + id),
		.number = UINT64_MAX,
	};
}

/* Id of a named object, 0 = no such. */
uint32_t asm_object_named(const struct assembler *a, const char *name, size_t len)
{
	const struct asm_symbol *symbol = asm_symbol_find(&a->symbols, name, len);

	return symbol && symbol->kind == ASM_SYMBOL_OBJECT ? (uint32_t)symbol->value : 0;
}

static void statements_near(struct near *near);

/* A word in the place of an object is probably a statement, or an ioctl without its object. */
static int object_unknown(struct assembler *a, const char *name, size_t len)
{
	char hint[NEAR_TEXT], copy[64];
	struct near near;

	snprintf(copy, sizeof(copy), "%.*s", (int)len, name);
	if (len < sizeof(copy) && kvmapi_find_name(a->in.arch, copy))
		return asm_fail(
			&a->in, name,
			"%s is an ioctl: the object that it is called on comes before it, as in "
			"kvm.KVM_CREATE_VM(0)",
			copy);
	if (asm_is_statement(name, len))
		return asm_fail(&a->in, name, "'%s' stands at the beginning of its line", copy);
	if (!strcmp(copy, "ioctl"))
		return asm_fail(&a->in, name,
				"a call is written OBJECT.IOCTL(ARGUMENT) = RESULT, as in "
				"kvm.KVM_GET_API_VERSION(0) = 12");
	near_begin(&near, name, len, "");
	near_offer(&near, "kvm");
	symbols_near(a, &near);
	statements_near(&near);
	near_text(&near, "", hint, sizeof(hint));
	return asm_fail(&a->in, name, "no object '%.*s' yet%s", (int)(len > 80 ? 80 : len), name,
			hint);
}

/* The object of a name; "kvm" needs no "object" line. */
int asm_need_object(struct assembler *a, const char *name, size_t len, uint32_t *id)
{
	struct tape_object object;

	*id = asm_object_named(a, name, len);
	if (*id)
		return 0;
	if (len != 3 || strncmp(name, "kvm", 3) != 0)
		return object_unknown(a, name, len);
	object = asm_new_object(a, KVMAPI_SYSTEM);
	*id = object.id;
	return asm_add_object(a, name, len, &object);
}

/* < of NAME, fd N, number N|none, pre_existing > */
int asm_object_attributes(struct assembler *a, struct tape_object *object)
{
	struct asm_in *in = &a->in;
	const char *name;
	uint64_t value;
	size_t len;
	int err = 0;

	if (!asm_accept(in, '<'))
		return 0;
	do {
		if (asm_accept_word(in, "of")) {
			if (asm_accept_word(in, "none")) {
				object->parent = 0;
				continue;
			}
			name = asm_name(in, &len);
			if (!name)
				return asm_fail(in, in->at,
						"an object's name should come after 'of'");
			object->parent = asm_object_named(a, name, len);
			if (!object->parent)
				return object_unknown(a, name, len);
		} else if (asm_accept_word(in, "fd")) {
			err = asm_number(in, &value);
			object->fd = (int32_t)value;
		} else if (asm_accept_word(in, "number")) {
			if (asm_accept_word(in, "none"))
				object->number = UINT64_MAX;
			else
				err = asm_number(in, &object->number);
		} else if (asm_accept_word(in, "flags")) {
			err = asm_number(in, &value);
			object->flags = (uint8_t)value;
		} else if (asm_accept_word(in, "pre_existing")) {
			object->flags |= TAPE_OBJECT_PRE_EXISTING;
		} else {
			return asm_fail(
				in, in->at,
				"an object has: of NAME, fd N, number N, flags N, pre_existing");
		}
	} while (!err && asm_accept(in, ','));
	return err ? err : asm_expect(in, '>', "what the object has");
}

/* --- other statements ------------------------------------------------------------------------- */

/* A word of the header up to the next blank, into in->scratch. */
static int word(struct assembler *a, const char *what)
{
	struct asm_in *in = &a->in;
	size_t len;
	int err;

	asm_skip(in);
	len = strcspn(in->at, " \t\r\n#=");
	if (!len)
		return asm_fail(in, in->at, "%s should come here", what);
	in->scratch.len = 0;
	err = tape_buf_add(&in->scratch, in->at, len);
	in->at += len;
	return err ? err : tape_buf_add(&in->scratch, "", 1);
}

static int header_pair(struct assembler *a, const char *key, const char *what)
{
	int err;

	asm_skip(&a->in);
	err = *a->in.at == '"' ? asm_string(&a->in) : word(a, what);
	return err ? err : tape_env_set(&a->env, key, (char *)a->in.scratch.data);
}

static int header_env(struct assembler *a)
{
	char *key;
	int err;

	asm_skip(&a->in);
	err = *a->in.at == '"' ? asm_string(&a->in) : word(a, "a key of the environment");
	if (err)
		return err;
	key = strdup((char *)a->in.scratch.data);
	if (!key)
		return -ENOMEM;
	err = asm_expect(&a->in, '=', "a key");
	if (!err)
		err = asm_string(&a->in);
	if (!err)
		err = tape_env_set(&a->env, key, (char *)a->in.scratch.data);
	free(key);
	return err;
}

static int capability(struct assembler *a, uint64_t *cap)
{
	const char *where;
	int err;

	asm_skip(&a->in);
	where = a->in.at;
	err = asm_number(&a->in, cap);
	if (!err && *cap >= TAPE_MAX_CAPS)
		return asm_fail(&a->in, where, "capabilities are below %d", TAPE_MAX_CAPS);
	return err;
}

static int header_cap(struct assembler *a)
{
	uint64_t cap;
	int64_t answer;
	int err = capability(a, &cap);

	if (!err)
		err = asm_expect(&a->in, '=', "a capability");
	if (!err)
		err = asm_result(a, &answer);
	return err ? err : tape_env_set_cap(&a->env, (uint32_t)cap, (int32_t)answer);
}

/* absent NUMBER, NAME, FIRST..LAST, ... */
static int header_absent(struct assembler *a)
{
	uint64_t first, last;
	int err;

	do {
		err = capability(a, &first);
		last = first;
		asm_skip(&a->in);
		if (!err && !strncmp(a->in.at, "..", 2)) {
			a->in.at += 2;
			err = capability(a, &last);
		}
		for (; !err && first <= last; first++)
			err = tape_env_set_cap(&a->env, (uint32_t)first, 0);
	} while (!err && asm_accept(&a->in, ','));
	return err;
}

static int arch_unknown(struct assembler *a, const char *where, const char *name)
{
	char hint[NEAR_TEXT];
	struct near near;

	near_begin(&near, name, strlen(name), "");
	for (unsigned int i = 0; i < KVMAPI_ARCHS; i++)
		near_offer(&near, kvmapi_arch_name((enum kvmapi_arch)i));
	near_text(&near, "", hint, sizeof(hint));
	return asm_fail(&a->in, where, "no architecture '%.80s'%s", name,
			hint[0] ? hint : "; there are x86, arm64, s390, powerpc and riscv");
}

static int header_arch(struct assembler *a)
{
	const char *where;
	int arch, err;

	asm_skip(&a->in);
	where = a->in.at;
	err = word(a, "an architecture");
	if (err)
		return err;
	arch = kvmapi_arch_parse((char *)a->in.scratch.data);
	if (arch < 0)
		return arch_unknown(a, where, (char *)a->in.scratch.data);
	a->env.arch = (enum kvmapi_arch)arch;
	a->in.arch = a->env.arch;
	return 0;
}

static int header_page(struct assembler *a)
{
	uint64_t size;
	int err = asm_number(&a->in, &size);

	a->env.page_size = (uint32_t)size;
	return err;
}

static int header_text(struct assembler *a)
{
	const char *where;
	uint64_t version;
	int err;

	asm_skip(&a->in);
	where = a->in.at;
	err = asm_number(&a->in, &version);
	if (!err && version != TAPE_ASM_VERSION)
		return asm_fail(&a->in, where, "this kvmtape reads version %d of the text only",
				TAPE_ASM_VERSION);
	return err;
}

static int header_results(struct assembler *a)
{
	if (!asm_accept_word(&a->in, "none"))
		return asm_fail(&a->in, a->in.at, "'none' should come after 'results'");
	a->no_results = true;
	return 0;
}

static int header_canonical(struct assembler *a)
{
	a->env.canonical = true;
	return 0;
}

static int header_kernel(struct assembler *a)
{
	return header_pair(a, "kernel.release", "a kernel's release, as in 6.1.0,");
}

static int header_backend(struct assembler *a)
{
	return header_pair(a, "kvm.backend", "a module's name, as in kvm_amd,");
}

static int header_vendor(struct assembler *a)
{
	return header_pair(a, "cpu.vendor", "a vendor, as in AuthenticAMD,");
}

static int statement_let(struct assembler *a)
{
	const char *name;
	uint64_t value;
	size_t len;
	int err;

	name = asm_name(&a->in, &len);
	if (!name)
		return asm_fail(&a->in, a->in.at, "a name should come after 'let'");
	if (asm_object_named(a, name, len))
		return asm_fail(&a->in, name, "an object has this name");
	err = asm_expect(&a->in, '=', "a name");
	if (!err)
		err = asm_number(&a->in, &value);
	return err ? err : asm_symbol_add(&a->symbols, name, len, ASM_SYMBOL_NUMBER, value);
}

/* thread N ["name"] [<pid N, tid N>] */
static int statement_thread(struct assembler *a)
{
	struct asm_in *in = &a->in;
	struct tape_thread thread = {.pid = 1};
	const char *where;
	uint64_t number;
	int err;

	asm_skip(in);
	where = in->at;
	err = asm_number(in, &number);
	if (err)
		return err;
	if (number < a->thread_count)
		return asm_fail(
			in, where,
			"thread %llu is there already: what is said of it comes before its first "
			"call",
			(unsigned long long)number);
	if (number > a->thread_count)
		return asm_fail(in, where, "thread %zu comes next", a->thread_count);
	thread.id = (uint32_t)number;
	thread.tid = thread.id + 1;
	snprintf(thread.comm, sizeof(thread.comm), "t%u", thread.id);
	asm_skip(in);
	if (*in->at == '"') {
		where = in->at;
		err = asm_string(in);
		if (err)
			return err;
		if (in->scratch.len > sizeof(thread.comm))
			return asm_fail(in, where, "a thread's name has at most %zu bytes",
					sizeof(thread.comm) - 1);
		memcpy(thread.comm, in->scratch.data, in->scratch.len);
	}
	if (asm_accept(in, '<')) {
		do {
			const bool pid = asm_accept_word(in, "pid");

			if (!pid && !asm_accept_word(in, "tid"))
				return asm_fail(in, in->at, "a thread has: pid N, tid N");
			err = asm_number(in, &number);
			*(pid ? &thread.pid : &thread.tid) = (uint32_t)number;
		} while (!err && asm_accept(in, ','));
		if (!err)
			err = asm_expect(in, '>', "what the thread has");
	}
	return err ? err : add_thread(a, where, &thread);
}

/* object NAME KIND [<...>] */
static int statement_object(struct assembler *a)
{
	struct asm_in *in = &a->in;
	struct tape_object object;
	const char *name, *kind;
	size_t len, kind_len;
	unsigned int k;
	int err;

	name = asm_name(in, &len);
	if (!name)
		return asm_fail(in, in->at, "a name should come after 'object'");
	if (asm_object_named(a, name, len))
		return asm_fail(in, name, "there is an object of this name");
	kind = asm_name(in, &kind_len);
	for (k = 0; kind && k < KVMAPI_OBJECT_KINDS; k++) {
		const char *known = kvmapi_object_name((enum kvmapi_object)(1u << k));

		if (strlen(known) == kind_len && !strncmp(known, kind, kind_len))
			break;
	}
	if (!kind || k == KVMAPI_OBJECT_KINDS)
		return asm_fail(
			in, kind ? kind : in->at,
			"the kind should come here: system, vm, vcpu, device, stats, memfd or other");
	object = asm_new_object(a, (uint8_t)(1u << k));
	err = asm_object_attributes(a, &object);
	return err ? err : asm_add_object(a, name, len, &object);
}

static int named_object(struct assembler *a, const char *keyword, uint32_t *id)
{
	const char *name;
	size_t len;

	name = asm_name(&a->in, &len);
	if (!name)
		return asm_fail(&a->in, a->in.at, "an object's name should come after '%s'",
				keyword);
	return asm_need_object(a, name, len, id);
}

static int statement_close(struct assembler *a)
{
	const char *where = a->in.at;
	uint32_t object;
	int err = named_object(a, "close", &object);

	return err ? err : asm_written(a, where, tape_writer_closed(a->w, object, 0));
}

static int gap_cause(struct assembler *a, unsigned int *cause)
{
	const char *name;
	size_t len;

	name = asm_name(&a->in, &len);
	for (*cause = 0; name && *cause < TAPE_GAP_CAUSES; (*cause)++) {
		const char *known = tape_gap_cause_name((enum tape_gap_cause) * cause);

		if (strlen(known) == len && !strncmp(known, name, len))
			return 0;
	}
	return asm_fail(&a->in, name ? name : a->in.at,
			"the cause should come here: buffer, threads, writer, unpaired or missed");
}

/* gap N CAUSE */
static int statement_gap(struct assembler *a)
{
	const char *where = a->in.at;
	struct tape_gap gap = {0};
	unsigned int cause;
	int err = asm_number(&a->in, &gap.events);

	if (!err)
		err = gap_cause(a, &cause);
	if (err)
		return err;
	gap.cause = (uint8_t)cause;
	a->end.lost[cause] += gap.events;
	return asm_written(a, where, tape_writer_gap(a->w, &gap));
}

/* memory VM ADDRESS hex"..." */
static int statement_memory(struct assembler *a)
{
	struct tape_memory memory = {0};
	const char *where = a->in.at;
	int err = named_object(a, "memory", &memory.object);

	if (!err)
		err = asm_number(&a->in, &memory.gpa);
	if (!err && !asm_hex_next(&a->in))
		err = asm_fail(&a->in, a->in.at, "hex\"...\" should come after an address");
	if (!err)
		err = asm_hex(&a->in);
	if (err)
		return err;
	memory.len = (uint32_t)a->in.scratch.len;
	memory.data = a->in.scratch.data;
	return asm_written(a, where, tape_writer_memory(a->w, &memory));
}

static int signal_attribute(struct assembler *a, struct tape_signal *signal)
{
	struct asm_in *in = &a->in;
	const char *where;
	uint64_t value;
	int err;

	asm_skip(in);
	where = in->at;
	if (asm_accept_word(in, "process")) {
		signal->process = true;
		return 0;
	}
	if (asm_accept_word(in, "from")) {
		err = asm_number(in, &value);
		signal->sender = (uint32_t)value;
		return err || value <= UINT32_MAX ? err : asm_fail(in, where, "no thread id");
	}
	if (asm_accept_word(in, "code")) {
		err = asm_number(in, &value);
		signal->code = (int32_t)value;
		return err || (uint64_t)(int64_t)signal->code == value
			       ? err
			       : asm_fail(in, where, "a code has 32 bits");
	}
	for (unsigned int n = 0; n < TAPE_SIGNAL_OUTCOMES; n++) {
		if (!asm_accept_word(in, tape_signal_outcome_name((enum tape_signal_outcome)n)))
			continue;
		signal->outcome = (uint8_t)n;
		return tape_signal_valid(signal)
			       ? 0
			       : asm_fail(in, where, "a signal that is %s cannot be that",
					  tape_signal_what_name(signal->what));
	}
	return asm_fail(in, where,
			"a signal has: process, from TID, code N, and what became of it: pending, "
			"ignored, merged, refused, bare, handled, default");
}

/* [@THREAD] NUMBER generated|delivered [<...>] */
static int signal_of_thread(struct assembler *a, struct tape_signal *signal)
{
	struct asm_in *in = &a->in;
	const char *where, *name;
	uint64_t number = 0;
	size_t len = 0;
	int err = 0;

	if (asm_accept(in, '@')) {
		where = in->at;
		err = asm_number(in, &number);
		if (!err)
			err = asm_need_thread(a, where, number);
		signal->thread = (uint32_t)number;
	} else {
		err = asm_need_thread(a, in->at, 0);
	}
	if (err)
		return err;
	asm_skip(in);
	where = in->at;
	name = asm_name(in, &len);
	number = name ? tape_signal_find(name, len) : 0;
	if (!number) {
		in->at = where;
		err = asm_number(in, &number);
	}
	if (err)
		return err;
	if (!number || number > TAPE_MAX_SIGNAL)
		return asm_fail(in, where, "signals are 1 to %d", TAPE_MAX_SIGNAL);
	signal->number = (uint8_t)number;
	if (asm_accept_word(in, "delivered"))
		signal->what = TAPE_SIGNAL_DELIVERED;
	else if (!asm_accept_word(in, "generated"))
		return asm_fail(in, in->at, "'generated' or 'delivered' should come here");
	signal->outcome = (uint8_t)tape_signal_usual((enum tape_signal_what)signal->what);
	if (!asm_accept(in, '<'))
		return 0;
	do
		err = signal_attribute(a, signal);
	while (!err && asm_accept(in, ','));
	return err ? err : asm_expect(in, '>', "what the signal has");
}

/* signal [@THREAD] NUMBER generated|delivered [<...>], or signal lost N */
static int statement_signal(struct assembler *a)
{
	struct tape_signal signal = {.what = TAPE_SIGNAL_GENERATED};
	const char *where = a->in.at;
	int err;

	if (a->env.canonical)
		return asm_fail(&a->in, where, "a canonical tape has no signals");
	if (asm_accept_word(&a->in, "lost")) {
		signal.what = TAPE_SIGNAL_LOST;
		err = asm_number(&a->in, &signal.count);
	} else {
		err = signal_of_thread(a, &signal);
	}
	return err ? err : asm_written(a, where, tape_writer_signal(a->w, &signal));
}

/* finish <seen N, CAUSE N, ...>: counts of the last block that differ from those of the text */
static int statement_finish(struct assembler *a)
{
	struct asm_in *in = &a->in;
	unsigned int cause;
	int err = asm_expect(in, '<', "finish");

	if (err)
		return err;
	memset(a->end.lost, 0, sizeof(a->end.lost));
	do {
		if (asm_accept_word(in, "seen")) {
			err = asm_number(in, &a->end.seen);
			a->seen_given = true;
			continue;
		}
		err = gap_cause(a, &cause);
		if (!err)
			err = asm_number(in, &a->end.lost[cause]);
	} while (!err && asm_accept(in, ','));
	a->finished = true;
	return err ? err : asm_expect(in, '>', "what was lost");
}

static int statement_cut(struct assembler *a)
{
	a->cut = true;
	a->finished = true;
	return 0;
}

static int statement_begin(struct assembler *a)
{
	return asm_statement_call(a, true);
}

struct statement {
	const char *word;
	int (*read)(struct assembler *a);
	enum { HEADER, ITEM, ANYWHERE } place;
	bool whole; /* reads the end of its line itself */
};

static const struct statement statements[] = {
	{"text", header_text, HEADER, false},	     {"canonical", header_canonical, HEADER, false},
	{"arch", header_arch, HEADER, false},	     {"page", header_page, HEADER, false},
	{"kernel", header_kernel, HEADER, false},    {"backend", header_backend, HEADER, false},
	{"vendor", header_vendor, HEADER, false},    {"env", header_env, HEADER, false},
	{"cap", header_cap, HEADER, false},	     {"absent", header_absent, HEADER, false},
	{"results", header_results, HEADER, false},  {"let", statement_let, ANYWHERE, false},
	{"thread", statement_thread, ITEM, false},   {"object", statement_object, ITEM, false},
	{"close", statement_close, ITEM, false},     {"gap", statement_gap, ITEM, false},
	{"memory", statement_memory, ITEM, false},   {"begin", statement_begin, ITEM, true},
	{"end", asm_statement_end_call, ITEM, true}, {"finish", statement_finish, ITEM, false},
	{"cut", statement_cut, ITEM, false},	     {"signal", statement_signal, ITEM, false},
};

static void statements_near(struct near *near)
{
	for (size_t n = 0; n < sizeof(statements) / sizeof(statements[0]); n++)
		near_offer(near, statements[n].word);
}

bool asm_is_statement(const char *name, size_t len)
{
	for (size_t n = 0; n < sizeof(statements) / sizeof(statements[0]); n++)
		if (strlen(statements[n].word) == len && !strncmp(statements[n].word, name, len))
			return true;
	return false;
}

/* The statement that the word at in->at begins; NULL for a call. */
static const struct statement *statement_next(struct assembler *a)
{
	struct asm_in *in = &a->in;
	const char *begin = in->at;
	size_t len;
	const char *name = asm_name(in, &len);
	char after;

	if (!name)
		return NULL;
	asm_skip(in);
	after = *in->at;
	/* Objects may have any name: what follows decides. */
	for (size_t n = 0; n < sizeof(statements) / sizeof(statements[0]); n++) {
		const struct statement *s = &statements[n];

		if (after == '.' || (after == '=' && s->place != ANYWHERE))
			break;
		if (strlen(s->word) == len && !strncmp(s->word, name, len))
			return s;
	}
	in->at = begin;
	return NULL;
}

static int statement(struct assembler *a)
{
	struct asm_in *in = &a->in;
	const char *where = in->at;
	const struct statement *s;
	int err = 0;

	if (*where == ' ' || *where == '\t') {
		asm_skip(in);
		return asm_fail(in, in->at, "a statement begins at the beginning of its line");
	}
	if (a->finished)
		return asm_fail(in, where, "nothing can follow the end of the tape");
	s = statement_next(a);
	if (s && s->place == HEADER && a->w)
		return asm_fail(in, where, "'%s' belongs before threads, objects and calls",
				s->word);
	if (!s || s->place == ITEM)
		err = begin_items(a);
	if (err)
		return err;
	if (!s)
		return asm_statement_call(a, false);
	err = s->read(a);
	return err || s->whole ? err : asm_statement_end(in);
}

static int assemble(struct assembler *a)
{
	struct asm_in *in = &a->in;
	int err = 0;

	while (!err) {
		/* Empty lines and comments. */
		const size_t blank = strspn(in->at, " \t\r");

		if (in->at[blank] == '#')
			in->at += strcspn(in->at, "\n");
		else if (!in->at[blank] || in->at[blank] == '\n')
			in->at += blank;
		if (*in->at == '\n') {
			in->at++;
			continue;
		}
		if (!*in->at)
			break;
		err = statement(a);
	}
	if (!err)
		err = begin_items(a);
	if (err)
		return err;
	if (a->cut)
		return tape_writer_flush(a->w);
	if (!a->seen_given) {
		a->end.seen = tape_writer_calls(a->w);
		for (int c = 0; c < TAPE_GAP_CAUSES; c++)
			a->end.seen += a->end.lost[c];
	}
	return tape_writer_finish(a->w, &a->end);
}

int tape_asm_write(const char *text, int fd, const struct tape_writer_options *options,
		   struct tape_asm_error *error)
{
	struct assembler *a = calloc(1, sizeof(*a));
	int err;

	memset(error, 0, sizeof(*error));
	if (!a)
		return -ENOMEM;
	a->in = (struct asm_in){.text = text,
				.at = text,
				.error = error,
				.symbol = lookup,
				.near = symbols_near,
				.ctx = a};
	a->fd = fd;
	a->options = options;
	tape_env_init(&a->env);
	a->env.arch = KVMAPI_X86;
	a->env.timeless = true;
	a->env.clock_shift = 0;
	err = assemble(a);
	tape_writer_close(a->w);
	tape_env_release(&a->env);
	asm_symbols_release(&a->symbols);
	asm_symbols_release(&a->constants);
	free(a->objects);
	for (size_t i = 0; i < a->thread_count; i++)
		tape_buf_release(&a->calls[i].bytes);
	free(a->calls);
	for (size_t i = 0; i < TAPE_ROLES; i++)
		asm_buf_release(&a->half.part[i].buf);
	asm_runs_release(&a->runs);
	tape_buf_release(&a->in.scratch);
	free(a);
	return err;
}
