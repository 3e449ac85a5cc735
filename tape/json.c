// SPDX-License-Identifier: BSD-2-Clause
/* One item of a tape as JSON.  64-bit numbers that may exceed 2^53 are strings "0x...". */
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>

#include "tape/format.h"
#include "tape/show.h"

static json_t *json_hex(uint64_t value)
{
	return json_sprintf("0x%llx", (unsigned long long)value);
}

/* A string that is not UTF-8 has its invalid bytes shown as \xNN. */
static json_t *json_text(const char *string)
{
	json_t *value = json_string(string);
	size_t len = strlen(string), at = 0;
	char *plain;

	if (value)
		return value;
	plain = malloc(4 * len + 1);
	if (!plain)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (isascii((unsigned char)string[i]) && isprint((unsigned char)string[i]))
			plain[at++] = string[i];
		else
			at += (size_t)sprintf(plain + at, "\\x%02x", (unsigned char)string[i]);
	}
	value = json_stringn(plain, at);
	free(plain);
	return value;
}

static json_t *json_bytes(const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char *text = malloc(2 * len + 1);
	json_t *value;

	if (!text)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		text[2 * i] = digits[data[i] >> 4];
		text[2 * i + 1] = digits[data[i] & 15];
	}
	value = json_stringn(text, 2 * len);
	free(text);
	return value;
}

/* Set a member; a NULL value is no memory.  Errors gather in *err. */
static void set(json_t *object, const char *key, json_t *value, int *err)
{
	if (*err)
		json_decref(value);
	else if (json_object_set_new(object, key, value))
		*err = -ENOMEM;
}

static json_t *part_value(const struct tape_env *env, const struct kvmapi_owner *owner,
			  const char *type, const struct tape_part *part)
{
	json_t *value = NULL;
	int err;

	if (!part || (!part->have && part->want))
		return json_null();
	err = type ? kvmapi_value_json_of(env->arch, owner, type, part->data, part->have, &value)
		   : -ENOENT;
	if (err == -ENOENT)
		return json_bytes(part->data, part->have);
	return err ? NULL : value;
}

static json_t *run_value(const struct tape_env *env, const struct tape_part *part)
{
	json_t *value = NULL;
	int err;

	if (!part || !part->have)
		return json_null();
	err = kvmapi_run_json(env->arch, part->data, part->have, &value);
	if (err == -ENOENT)
		return json_bytes(part->data, part->have);
	return err ? NULL : value;
}

static const char *role_name(uint8_t role, char *buf, size_t size)
{
	static const char *const names[] = {
		[TAPE_ARG_IN] = "in",
		[TAPE_ARG_OUT] = "out",
		[TAPE_RUN_IN] = "run_in",
		[TAPE_RUN_OUT] = "run_out",
		[TAPE_RUN_REGS_IN] = "run_regs_in",
		[TAPE_RUN_REGS_OUT] = "run_regs_out",
		[TAPE_PIO_IN] = "pio_in",
		[TAPE_PIO_OUT] = "pio_out",
	};

	if (role < TAPE_NESTED_IN)
		return names[role];
	if (role < TAPE_NESTED_OUT)
		snprintf(buf, size, "nested%d_in", role - TAPE_NESTED_IN);
	else
		snprintf(buf, size, "nested%d_out", role - TAPE_NESTED_OUT);
	return buf;
}

/* Incomplete parts by role: missing bytes are never shown as zero. */
static void set_incomplete(json_t *event, const struct tape_return *ret, int *err)
{
	const struct tape_part *lists[2] = {ret->call->parts, ret->parts};
	const unsigned int counts[2] = {ret->call->part_count, ret->part_count};
	json_t *all = NULL;
	char name[24];

	for (int l = 0; l < 2; l++) {
		for (unsigned int i = 0; i < counts[l] && !*err; i++) {
			const struct tape_part *part = &lists[l][i];
			json_t *one;

			if (tape_part_whole(part))
				continue;
			if (!all) {
				all = json_object();
				set(event, "incomplete", all, err);
				if (*err)
					return;
			}
			one = json_pack("{s:I, s:I}", "have", (json_int_t)part->have, "want",
					(json_int_t)part->want);
			if (one && part->flags & TAPE_PART_LATE)
				set(one, "late", json_true(), err);
			if (one && part->flags & TAPE_PART_CLIPPED)
				set(one, "clipped", json_true(), err);
			if (one && part->flags & TAPE_PART_FAULT)
				set(one, "fault", json_true(), err);
			if (*err)
				json_decref(one);
			else
				set(all, role_name(part->role, name, sizeof(name)), one, err);
		}
	}
}

/* Roles that are bytes and nothing more. */
static void set_raw(json_t *event, const struct tape_env *env, const struct tape_return *ret,
		    int *err)
{
	const struct tape_part *lists[2] = {ret->call->parts, ret->parts};
	const unsigned int counts[2] = {ret->call->part_count, ret->part_count};
	char name[24];

	for (int l = 0; l < 2; l++)
		for (unsigned int i = 0; i < counts[l]; i++)
			if (lists[l][i].role >= TAPE_RUN_REGS_IN)
				set(event, role_name(lists[l][i].role, name, sizeof(name)),
				    part_value(env, NULL, NULL, &lists[l][i]), err);
}

/* Entries of dirty rings, decoded, beside their bytes. */
static void set_rings(json_t *event, const struct tape_env *env, const struct tape_call *call,
		      int *err)
{
	json_t *rings = json_array();

	set(event, "rings", rings, err);
	for (unsigned int i = 0; i < call->part_count && !*err; i++) {
		const struct tape_part *part = &call->parts[i];
		json_t *ring, *entries;

		if (part->role < TAPE_NESTED_IN || part->role >= TAPE_NESTED_OUT)
			continue;
		entries = json_array();
		for (size_t at = 0; at + KVMAPI_RING_ENTRY <= part->have; at += KVMAPI_RING_ENTRY) {
			const uint64_t flags = tape_part_number(env, part, at, 4);

			json_array_append_new(
				entries,
				json_pack("{s:I, s:o, s:b, s:b}", "slot",
					  (json_int_t)tape_part_number(env, part, at + 4, 4),
					  "page", json_hex(tape_part_number(env, part, at + 8, 8)),
					  "dirty", !!(flags & KVMAPI_RING_DIRTY), "harvested",
					  !!(flags & KVMAPI_RING_HARVESTED)));
		}
		ring = json_pack("{s:i, s:I, s:o}", "vcpu", part->role - TAPE_NESTED_IN, "held",
				 (json_int_t)(part->want / KVMAPI_RING_ENTRY), "entries", entries);
		if (json_array_append_new(rings, ring))
			*err = -ENOMEM;
	}
}

int tape_event_json(const struct tape_reader *r, const struct tape_return *ret, json_t **object)
{
	const struct tape_env *env = tape_reader_env(r);
	const struct tape_call *call = ret->call;
	const struct kvmapi_ioctl *row = call->row;
	const struct tape_thread *thread = tape_reader_thread(r, call->thread);
	struct tape_sides arg = tape_sides_of(ret, TAPE_ARG_IN, TAPE_ARG_OUT);
	struct tape_sides run = tape_sides_of(ret, TAPE_RUN_IN, TAPE_RUN_OUT);
	const struct kvmapi_owner owner = tape_owner(r, call->object);
	json_t *event = json_object();
	char label[64], words[KVMAPI_WORDS];
	int err = 0;

	*object = NULL;
	if (!event)
		return -ENOMEM;
	tape_object_label(r, call->object, label, sizeof(label));
	set(event, "type", json_string("event"), &err);
	set(event, "event", json_integer((json_int_t)call->index), &err);
	if (!env->timeless) {
		set(event, "time_ns", json_integer((json_int_t)call->time), &err);
		set(event, "duration_ns", json_integer((json_int_t)(ret->time - call->time)), &err);
	}
	set(event, "thread", json_integer(call->thread), &err);
	if (thread) {
		set(event, "tid", json_integer(thread->tid), &err);
		set(event, "comm", json_text(thread->comm), &err);
	}
	set(event, "object", json_integer(call->object), &err);
	set(event, "on", json_string(label), &err);
	set(event, "ioctl", row ? json_string(row->name) : json_null(), &err);
	set(event, "request", json_sprintf("0x%08x", call->request), &err);
	set(event, "arg", json_hex(call->arg), &err);
	if (!row &&
	    !kvmapi_request_hint(env->arch, call->kind, call->request, words, sizeof(words)))
		set(event, "hint", json_string(words), &err);
	if (tape_event_is_run(call)) {
		set(event, "in", run_value(env, run.in), &err);
		set(event, "out", run_value(env, run.out), &err);
		if (run.out &&
		    !kvmapi_exit_explain(env->arch, tape_env_get(env, "kvm.backend"), run.out->data,
					 run.out->have, words, sizeof(words)))
			set(event, "explained", json_string(words), &err);
	} else if (arg.in || arg.out || (row && row->payload != KVMAPI_VALUE && row->dir)) {
		if (!row || row->dir & KVMAPI_IN || arg.in)
			set(event, "in", part_value(env, &owner, row ? row->type : NULL, arg.in),
			    &err);
		if (!row || row->dir & KVMAPI_OUT || arg.out)
			set(event, "out", part_value(env, &owner, row ? row->type : NULL, arg.out),
			    &err);
	}
	set_raw(event, env, ret, &err);
	if (kvmapi_has_rings(row))
		set_rings(event, env, call, &err);
	set_incomplete(event, ret, &err);
	set(event, "ret", json_integer(ret->ret < 0 ? -1 : ret->ret), &err);
	if (ret->ret < 0) {
		const char *name = kvmapi_errno_name((int)-ret->ret);

		set(event, "errno", name ? json_string(name) : json_integer(-ret->ret), &err);
	}
	if (ret->created)
		set(event, "created", json_integer(ret->created), &err);
	if (ret->overlapped)
		set(event, "overlapped", json_true(), &err);
	if (err) {
		json_decref(event);
		return err;
	}
	*object = event;
	return 0;
}

static void set_time(json_t *object, const struct tape_reader *r, uint64_t time, int *err)
{
	if (!tape_reader_env(r)->timeless)
		set(object, "time_ns", json_integer((json_int_t)time), err);
}

static void object_json(json_t *o, const struct tape_reader *r, const struct tape_object *object,
			int *err)
{
	const char *kind = kvmapi_object_name(object->kind);
	char label[64];

	tape_object_label(r, object->id, label, sizeof(label));
	set(o, "type", json_string("object"), err);
	set(o, "object", json_integer(object->id), err);
	set(o, "name", json_string(label), err);
	set(o, "kind", kind ? json_string(kind) : json_integer(object->kind), err);
	if (object->parent)
		set(o, "parent", json_integer(object->parent), err);
	if (object->fd >= 0)
		set(o, "fd", json_integer(object->fd), err);
	if (object->number != UINT64_MAX)
		set(o, "number", json_hex(object->number), err);
	if (object->flags & TAPE_OBJECT_PRE_EXISTING)
		set(o, "pre_existing", json_true(), err);
}

static void signal_json(json_t *o, const struct tape_reader *r, const struct tape_signal *signal,
			int *err)
{
	const char *name = tape_signal_name(signal->number);
	const struct tape_call *inside;

	set(o, "type", json_string("signal"), err);
	set_time(o, r, signal->time, err);
	set(o, "what", json_string(tape_signal_what_name(signal->what)), err);
	if (signal->what == TAPE_SIGNAL_LOST) {
		set(o, "count", json_integer((json_int_t)signal->count), err);
		return;
	}
	inside = tape_reader_inside(r, signal->thread);
	set(o, "thread", json_integer(signal->thread), err);
	set(o, "signal", json_integer(signal->number), err);
	set(o, "name", name ? json_string(name) : json_null(), err);
	set(o, "outcome", json_string(tape_signal_outcome_name(signal->outcome)), err);
	set(o, "process", json_boolean(signal->process), err);
	set(o, "code", json_integer(signal->code), err);
	if (signal->sender)
		set(o, "sender_tid", json_integer(signal->sender), err);
	set(o, "inside_event", inside ? json_integer((json_int_t)inside->index) : json_null(), err);
	if (inside)
		set(o, "inside_ioctl", inside->row ? json_string(inside->row->name) : json_null(),
		    err);
}

static void end_json(json_t *o, const struct tape_end *end, int *err)
{
	json_t *lost = json_object();

	set(o, "type", json_string("end"), err);
	set(o, "seen", json_integer((json_int_t)end->seen), err);
	set(o, "written", json_integer((json_int_t)end->written), err);
	set(o, "unreturned", json_integer((json_int_t)end->unreturned), err);
	set(o, "lost", lost, err);
	for (int c = 0; c < TAPE_GAP_CAUSES && !*err; c++)
		set(lost, tape_gap_cause_name(c), json_integer((json_int_t)end->lost[c]), err);
}

int tape_item_json(const struct tape_reader *r, const struct tape_item *item, json_t **object)
{
	json_t *o;
	int err = 0;

	*object = NULL;
	if (item->type == TAPE_RETURN)
		return tape_event_json(r, item->u.ret, object);
	o = json_object();
	if (!o)
		return -ENOMEM;
	switch (item->type) {
	case TAPE_THREAD:
		set(o, "type", json_string("thread"), &err);
		set(o, "thread", json_integer(item->u.thread.id), &err);
		set(o, "pid", json_integer(item->u.thread.pid), &err);
		set(o, "tid", json_integer(item->u.thread.tid), &err);
		set(o, "comm", json_text(item->u.thread.comm), &err);
		break;
	case TAPE_OBJECT:
		object_json(o, r, &item->u.object, &err);
		break;
	case TAPE_CLOSED:
		set(o, "type", json_string("closed"), &err);
		set_time(o, r, item->u.closed.time, &err);
		set(o, "object", json_integer(item->u.closed.object), &err);
		break;
	case TAPE_CALL:
		set(o, "type", json_string("call"), &err);
		set(o, "event", json_integer((json_int_t)item->u.call->index), &err);
		set_time(o, r, item->u.call->time, &err);
		set(o, "thread", json_integer(item->u.call->thread), &err);
		set(o, "object", json_integer(item->u.call->object), &err);
		set(o, "ioctl",
		    item->u.call->row ? json_string(item->u.call->row->name) : json_null(), &err);
		set(o, "request", json_sprintf("0x%08x", item->u.call->request), &err);
		break;
	case TAPE_GAP:
		set(o, "type", json_string("gap"), &err);
		set_time(o, r, item->u.gap.time, &err);
		set(o, "events", json_integer((json_int_t)item->u.gap.events), &err);
		set(o, "cause", json_string(tape_gap_cause_name(item->u.gap.cause)), &err);
		break;
	case TAPE_MEMORY:
		set(o, "type", json_string("memory"), &err);
		set(o, "object", json_integer(item->u.memory.object), &err);
		set(o, "gpa", json_hex(item->u.memory.gpa), &err);
		set(o, "bytes", json_integer(item->u.memory.len), &err);
		break;
	case TAPE_SIGNAL:
		signal_json(o, r, &item->u.signal, &err);
		break;
	case TAPE_END:
		end_json(o, &item->u.end, &err);
		break;
	case TAPE_RETURN:
	case TAPE_END_OF_FILE:
		err = -EINVAL;
		break;
	}
	if (err) {
		json_decref(o);
		return err;
	}
	*object = o;
	return 0;
}

int tape_env_json(const struct tape_env *env, json_t **object)
{
	json_t *o = json_object(), *pairs = json_object(), *caps = json_object();
	char number[24];
	int err = o && pairs && caps ? 0 : -ENOMEM;

	*object = NULL;
	set(o, "type", json_string("environment"), &err);
	set(o, "arch", json_string(kvmapi_arch_name(env->arch)), &err);
	set(o, "page_size", json_integer(env->page_size), &err);
	set(o, "canonical", json_boolean(env->canonical), &err);
	set(o, "timeless", json_boolean(env->timeless), &err);
	if (!env->timeless)
		set(o, "clock_ns", json_integer(1ll << env->clock_shift), &err);
	for (size_t i = 0; i < env->pair_count && !err; i++) {
		json_t *key = json_text(env->pairs[i].key);

		if (key)
			set(pairs, json_string_value(key), json_text(env->pairs[i].value), &err);
		else
			err = -ENOMEM;
		json_decref(key);
	}
	for (size_t n = 0; n < env->cap_count && !err; n++) {
		const char *name = kvmapi_cap_name((uint32_t)n);

		if (env->caps[n] == INT32_MIN)
			continue;
		snprintf(number, sizeof(number), "%zu", n);
		set(caps, name ? name : number, json_integer(env->caps[n]), &err);
	}
	set(o, "environment", json_incref(pairs), &err);
	set(o, "capabilities", json_incref(caps), &err);
	json_decref(pairs);
	json_decref(caps);
	if (err) {
		json_decref(o);
		return err;
	}
	*object = o;
	return 0;
}
