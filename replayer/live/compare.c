// SPDX-License-Identifier: BSD-2-Clause
/*
 * Compares recorded and live answers field by field, with what the model says about both. Fields
 * that depend on the machine or the time are not compared, with the reason.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "replayer/live/internal.h"

#define DIFFERENCES_MAX 4096
#define FIELD_SIZE	96
#define TEXT_SIZE	72

struct comparing {
	const struct whole_tape *tape, *live;
	struct live_report *report;
	const struct model_rule *rules;
	enum kvmapi_arch arch;
	bool *disturbed; /* by object: an earlier call was not played, or differed */
	bool memory;	 /* KVM_RUN ran guest code */
	/* The event at hand. */
	const struct whole_event *e;
	const struct live_play *play;
	const struct whole_event **answers; /* its calls on the live tape, in order */
	size_t answer_count, answer_room;
	bool differs;
	int error;
};

/* Fields that are not compared (a prefix of the path; "" = everything; "result" = the result). */
static const struct {
	const char *ioctl, *field, *reason;
} noise[] = {
	{"KVM_GET_CLOCK", "clock", "a clock"},
	{"KVM_GET_CLOCK", "realtime", "a clock"},
	{"KVM_GET_CLOCK", "host_tsc", "a clock"},
	{"KVM_GET_MSRS", "IA32_TIME_STAMP_COUNTER", "a clock"},
	{"KVM_GET_MSRS", "IA32_MPERF", "a clock"},
	{"KVM_GET_MSRS", "IA32_APERF", "a clock"},
	{"KVM_GET_MSRS", "HV_X64_MSR_TIME_REF_COUNT", "a clock"},
	{"KVM_GET_MSRS", "0x40000010", "a clock"},
	{"KVM_GET_MSRS", "0x40000020", "a clock"},
	{"KVM_GET_PIT", "channels[].count_load_time", "a clock"},
	{"KVM_GET_PIT", "channels[].latched_count", "a counter"},
	{"KVM_GET_PIT2", "channels[].count_load_time", "a clock"},
	{"KVM_GET_PIT2", "channels[].latched_count", "a counter"},
	{"KVM_GET_TSC_KHZ", "result", "the rate of this machine's clock"},
	{"KVM_GET_VCPU_MMAP_SIZE", "result", "the kernel's own size"},
	{"KVM_GET_STATS_FD", "", "statistics"},
	{"KVM_RUN", "hw.hardware_exit_reason", "the processor's own number"},
	{"KVM_RUN", "internal.data", "for debugging only"},
	{"KVM_RUN", "apic_base", "valid only without an interrupt controller in the kernel"},
	{"KVM_RUN", "cr8", "valid only without an interrupt controller in the kernel"},
};

/* Answers that depend on what this kernel and processor support. */
static const char *const machines[] = {
	"KVM_CHECK_EXTENSION",
	"KVM_GET_SUPPORTED_CPUID",
	"KVM_GET_EMULATED_CPUID",
	"KVM_GET_MSR_INDEX_LIST",
	"KVM_GET_MSR_FEATURE_INDEX_LIST",
	"KVM_X86_GET_MCE_CAP_SUPPORTED",
	"KVM_GET_SUPPORTED_HV_CPUID",
	"KVM_HAS_DEVICE_ATTR",
	"KVM_GET_REG_LIST",
	"KVM_ARM_PREFERRED_TARGET",
	"KVM_GET_VCPU_MMAP_SIZE",
	"KVM_PPC_GET_SMMU_INFO",
	"KVM_PPC_GET_RMMU_INFO",
	"KVM_PPC_GET_CPU_CHAR",
	"KVM_GET_TSC_KHZ",
};

const char *live_why_text(enum live_why why)
{
	static const char *const texts[LIVE_WHYS] = {
		[LIVE_UNKNOWN] = "not explained",
		[LIVE_DEVIATION] = "known deviation",
		[LIVE_RECORDED] = "recorded kernel breaks a rule",
		[LIVE_LIVE] = "live kernel breaks a rule",
		[LIVE_BOTH] = "both kernels break a rule",
		[LIVE_MACHINE] = "what this kernel and processor offer",
		[LIVE_REFUSED] = "register not known to the live kernel",
		[LIVE_FOLLOWS] = "follows from an earlier difference",
		[LIVE_GUEST] = "guest code had run before it when it was recorded",
		[LIVE_DOCUMENTED] = "each as documented, by the rules named",
		[LIVE_SILENT] = "the documents allow both or do not say",
	};

	return why < LIVE_WHYS ? texts[why] : "";
}

/* --- keeping the score ------------------------------------------------------------------------ */

int live_reason_count(struct live_reason **list, size_t *count, const struct whole_event *e,
		      const char *text)
{
	struct live_reason *more;

	for (size_t i = 0; i < *count; i++) {
		struct live_reason *r = &(*list)[i];

		if (r->kind == e->kind && r->request == e->request && !strcmp(r->text, text)) {
			r->events++;
			return 0;
		}
	}
	more = realloc(*list, (*count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	*list = more;
	more[*count] = (struct live_reason){.kind = e->kind,
					    .request = e->request,
					    .row = e->row,
					    .events = 1,
					    .first = e->index};
	snprintf(more[*count].text, sizeof(more[*count].text), "%s", text);
	++*count;
	return 0;
}

static void left_out(struct comparing *c, const char *reason)
{
	int rc = live_reason_count(&c->report->lefts, &c->report->left_count, c->e, reason);

	if (rc)
		c->error = rc;
}

static const char *noise_reason(const struct comparing *c, const char *field)
{
	for (size_t i = 0; c->e->row && i < sizeof(noise) / sizeof(noise[0]); i++) {
		if (!strcmp(noise[i].ioctl, c->e->row->name) &&
		    !strncmp(noise[i].field, field, strlen(noise[i].field)))
			return noise[i].reason;
	}
	return NULL;
}

static const struct whole_event *answer_last(const struct comparing *c)
{
	return c->answer_count ? c->answers[c->answer_count - 1] : NULL;
}

static bool is_machine(const struct whole_event *e)
{
	if (!e->row)
		return false;
	if (e->kind == KVMAPI_SYSTEM)
		return true;
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		if (!strcmp(machines[i], e->row->name))
			return true;
	}
	return false;
}

/* Guest code has no influence on memory slots. */
static bool sets_memory(const struct whole_event *e)
{
	return e->row && !strncmp(e->row->name, "KVM_SET_USER_MEMORY_REGION", 26);
}

static enum live_why why_of(const struct comparing *c, const char *field)
{
	const struct whole_event *l = answer_last(c);
	bool recorded = c->e->judged && c->e->verdict == MODEL_DIVERGES;
	bool live = l && l->judged && l->verdict == MODEL_DIVERGES;

	if (recorded || live)
		return recorded && live ? LIVE_BOTH : recorded ? LIVE_RECORDED : LIVE_LIVE;
	if ((c->e->judged && c->e->verdict == MODEL_DEVIATION) ||
	    (l && l->judged && l->verdict == MODEL_DEVIATION))
		return LIVE_DEVIATION;
	if (is_machine(c->e))
		return LIVE_MACHINE;
	/* Two results, each documented for its own condition. */
	if (!strcmp(field, "result") && l && l->held_count && c->e->held_count &&
	    l->verdict == MODEL_CONFORMS && c->e->verdict == MODEL_CONFORMS &&
	    l->held != c->e->held)
		return LIVE_DOCUMENTED;
	if (c->play->guest_ran && !c->memory && !sets_memory(c->e))
		return LIVE_GUEST;
	if (c->disturbed[c->e->object])
		return LIVE_FOLLOWS;
	return c->e->judged && l && l->judged ? LIVE_SILENT : LIVE_UNKNOWN;
}

static struct live_opinion opinion(const struct comparing *c, const struct whole_event *e)
{
	struct live_opinion o = {.judged = e && e->judged};

	if (!o.judged)
		return o;
	o.verdict = e->verdict;
	if (e->verdict == MODEL_DIVERGES || e->verdict == MODEL_DEVIATION)
		o.rule = c->rules[e->rule].id;
	else if (e->verdict == MODEL_CONFORMS && e->held_count)
		o.rule = c->rules[e->held].id;
	return o;
}

static void opinion_text(const struct live_opinion *o, const char *(*name)(enum model_verdict_kind),
			 char *buf, size_t size)
{
	if (!o->judged)
		snprintf(buf, size, "not judged");
	else if (o->rule)
		snprintf(buf, size, "%s (%s)", name(o->verdict), o->rule);
	else
		snprintf(buf, size, "%s", name(o->verdict));
}

const char *live_model_text(const struct live_difference *d,
			    const char *(*name)(enum model_verdict_kind), char *buf)
{
	char recorded[90], live[90];

	opinion_text(&d->said_recorded, name, recorded, sizeof(recorded));
	opinion_text(&d->said_live, name, live, sizeof(live));
	if (!strcmp(recorded, live))
		snprintf(buf, LIVE_MODEL_TEXT, "both %s", recorded);
	else
		snprintf(buf, LIVE_MODEL_TEXT, "recorded %s, live %s", recorded, live);
	return buf;
}

/* Add a difference with the given reason. */
static void difference_why(struct comparing *c, const char *field, const char *recorded,
			   const char *live, enum live_why why)
{
	struct live_report *r = c->report;
	struct live_difference *d;

	c->differs = true;
	for (size_t i = 0; i < r->difference_count; i++) {
		d = &r->differences[i];
		if (d->kind == c->e->kind && d->request == c->e->request && d->why == why &&
		    !strcmp(d->field, field)) {
			d->events++;
			return;
		}
	}
	if (r->difference_count == DIFFERENCES_MAX)
		return;
	d = realloc(r->differences, (r->difference_count + 1) * sizeof(*d));
	if (!d) {
		c->error = -ENOMEM;
		return;
	}
	r->differences = d;
	d += r->difference_count++;
	*d = (struct live_difference){.kind = c->e->kind,
				      .request = c->e->request,
				      .row = c->e->row,
				      .why = why,
				      .events = 1,
				      .first = c->e->index,
				      .said_recorded = opinion(c, c->e),
				      .said_live = opinion(c, answer_last(c))};
	snprintf(d->field, sizeof(d->field), "%s", field);
	snprintf(d->recorded, sizeof(d->recorded), "%s", recorded);
	snprintf(d->live, sizeof(d->live), "%s", live);
}

/* Add a difference, unless the field is not compared. */
static void difference(struct comparing *c, const char *field, const char *recorded,
		       const char *live)
{
	const char *reason = noise_reason(c, field);

	if (!reason && c->play->guest_ran && !c->memory && strcmp(field, "result"))
		reason = "guest code had run before it when it was recorded";
	if (reason)
		left_out(c, reason);
	else
		difference_why(c, field, recorded, live, why_of(c, field));
}

/* --- texts ------------------------------------------------------------------------------------ */

static void bytes_text(const uint8_t *data, size_t size, char *buf)
{
	uint64_t number = 0;
	size_t used = 0;

	if (size <= 8) {
		memcpy(&number, data, size);
		snprintf(buf, TEXT_SIZE, "0x%" PRIx64, number);
		return;
	}
	*buf = 0;
	for (size_t i = 0; i < size && used + 6 < TEXT_SIZE; i++)
		used += snprintf(buf + used, TEXT_SIZE - used, "%02x", data[i]);
	if (used < 2 * size)
		snprintf(buf + used, TEXT_SIZE - used, "...");
}

static void ret_text(int64_t ret, char *buf)
{
	const char *name = ret < 0 ? kvmapi_errno_name(-ret) : NULL;

	if (name)
		snprintf(buf, TEXT_SIZE, "-%s", name);
	else
		snprintf(buf, TEXT_SIZE, "%" PRId64, ret);
}

/* "0x1b" or "IA32_APIC_BASE": the name as printed in values. */
static void msr_text(const struct comparing *c, uint32_t index, char *buf, size_t size)
{
	const uint8_t entry[16] = {index, index >> 8, index >> 16, index >> 24};
	char *text = NULL, *at = NULL;

	if (!kvmapi_value_text(c->arch, "struct kvm_msr_entry", entry, sizeof(entry), &text))
		at = strstr(text, ".index = ");
	if (at && isalpha((unsigned char)at[9]))
		snprintf(buf, size, "%.*s", (int)strcspn(at + 9, ",}"), at + 9);
	else
		snprintf(buf, size, "0x%x", index);
	free(text);
}

/* "entries[3].data" becomes "entries[].data": events are counted by field, not by place. */
static void indices_drop(char *path)
{
	char *to = path;

	for (const char *from = path; *from; from++) {
		*to++ = *from;
		if (*from == '[')
			from += strcspn(from, "]") - 1;
	}
	*to = 0;
}

/* --- structs ---------------------------------------------------------------------------------- */

static bool is_descriptor(const struct kvmapi_ioctl *row, size_t offset)
{
	for (unsigned int i = 0; row && i < row->machine_count; i++) {
		size_t size = row->machine[i].what == KVMAPI_M_FD ? 4 : 8;

		if (offset >= row->machine[i].offset && offset < row->machine[i].offset + size)
			return true;
	}
	return row && row->creates && row->fd_offset >= 0 && offset >= (size_t)row->fd_offset &&
	       offset < (size_t)row->fd_offset + 4;
}

/* Bytes of the legacy area that KVM_GET_XSAVE fills with the processor's own features. */
#define XSAVE_OWN_FROM 464
#define XSAVE_OWN_TO   512

/* Two values of a C type, from byte `from` on. */
static void compare_struct(struct comparing *c, const char *type, const uint8_t *a,
			   const uint8_t *b, size_t from, size_t size)
{
	char path[FIELD_SIZE], last[FIELD_SIZE] = "", left[TEXT_SIZE], right[TEXT_SIZE];
	size_t offset, bytes;

	for (size_t i = from; i < size; i++) {
		if (a[i] == b[i] || is_descriptor(c->e->row, i))
			continue;
		if (i >= XSAVE_OWN_FROM && i < XSAVE_OWN_TO && !strcmp(type, "struct kvm_xsave")) {
			left_out(c, "the processor's own features");
			i = XSAVE_OWN_TO - 1;
			continue;
		}
		if (kvmapi_field_at_value(c->arch, type, a, size, i, path, sizeof(path)))
			snprintf(path, sizeof(path), "+%zu", i);
		if (kvmapi_field_find(c->arch, type, path, &offset, &bytes) || offset > i ||
		    offset + bytes <= i || offset + bytes > size) {
			offset = i;
			bytes = 1;
		}
		bytes_text(a + offset, bytes, left);
		bytes_text(b + offset, bytes, right);
		i = offset + bytes - 1;
		indices_drop(path);
		if (!strcmp(path, last))
			continue;
		strcpy(last, path);
		difference(c, path, left, right);
	}
}

static void compare_bytes(struct comparing *c, const char *field, const struct tape_part *a,
			  const struct tape_part *b)
{
	char left[TEXT_SIZE], right[TEXT_SIZE];

	if (!a || !b)
		return;
	if (a->have != a->want || b->have != b->want ||
	    (a->have == b->have && (!a->have || !memcmp(a->data, b->data, a->have))))
		return;
	bytes_text(a->data, a->have, left);
	bytes_text(b->data, b->have, right);
	difference(c, field, left, right);
}

/* --- lists ------------------------------------------------------------------------------------ */

static uint32_t word_at(const uint8_t *data)
{
	uint32_t value;

	memcpy(&value, data, sizeof(value));
	return value;
}

static uint64_t long_at(const uint8_t *data)
{
	uint64_t value;

	memcpy(&value, data, sizeof(value));
	return value;
}

enum {
	MSRS_HEAD = 8,
	MSR_ENTRY = 16,
	CPUID_HEAD = 8,
	CPUID_ENTRY = 40,
	LIST_HEAD = 4,
	LIST_ENTRY = 4,
};

/* The entry of an MSR among the first `count` of a struct kvm_msrs. */
static const uint8_t *msr_entry(const struct tape_part *part, uint64_t count, uint32_t index)
{
	for (uint64_t i = 0; i < count && MSRS_HEAD + (i + 1) * MSR_ENTRY <= part->have; i++) {
		const uint8_t *entry = part->data + MSRS_HEAD + i * MSR_ENTRY;

		if (word_at(entry) == index)
			return entry;
	}
	return NULL;
}

/* Its entry in whichever of the live calls had it. */
static const uint8_t *msr_live(const struct comparing *c, enum tape_role role, uint32_t index)
{
	for (size_t i = 0; i < c->answer_count; i++) {
		const struct tape_part *part = whole_part(c->answers[i], role);
		const uint8_t *entry = NULL;

		if (part && c->answers[i]->ret > 0)
			entry = msr_entry(part, c->answers[i]->ret, index);
		if (entry)
			return entry;
	}
	return NULL;
}

/*
 * KVM_GET_MSRS and KVM_SET_MSRS answer how many entries were taken.  The live kernel may have
 * refused some that the recorded one took; the others went in further calls.
 */
static void compare_msrs(struct comparing *c)
{
	bool get = !strcmp(c->e->row->name, "KVM_GET_MSRS");
	const struct tape_part *in = whole_part(c->e, TAPE_ARG_IN);
	const struct tape_part *part = get ? whole_part(c->e, TAPE_ARG_OUT) : in;
	char field[FIELD_SIZE], left[TEXT_SIZE], right[TEXT_SIZE];

	if (c->answers[0]->ret < 0 || c->e->ret < 0 || !in || !part) {
		if (c->answers[0]->ret != c->e->ret) {
			ret_text(c->e->ret, left);
			ret_text(c->answers[0]->ret, right);
			difference(c, "result", left, right);
		}
		return;
	}
	for (int64_t i = 0; i < c->e->ret; i++) {
		const uint8_t *entry = part->data + MSRS_HEAD + i * MSR_ENTRY, *live;

		if (MSRS_HEAD + (uint64_t)(i + 1) * MSR_ENTRY > part->have)
			break;
		live = msr_live(c, get ? TAPE_ARG_OUT : TAPE_ARG_IN, word_at(entry));
		msr_text(c, word_at(entry), field, sizeof(field));
		snprintf(left, sizeof(left), "0x%" PRIx64, long_at(entry + 8));
		if (!live) {
			difference_why(c, field, get ? left : "taken", "refused", LIVE_REFUSED);
			continue;
		}
		snprintf(right, sizeof(right), "0x%" PRIx64, long_at(live + 8));
		if (get && strcmp(left, right))
			difference(c, field, left, right);
	}
	if (c->e->ret < (int64_t)word_at(in->data) && answer_last(c)->ret > c->e->ret) {
		ret_text(c->e->ret, left);
		ret_text(answer_last(c)->ret, right);
		difference(c, "result", left, right);
	}
}

static const uint8_t *cpuid_entry(const struct tape_part *part, const uint8_t *like)
{
	for (size_t at = CPUID_HEAD; at + CPUID_ENTRY <= part->have; at += CPUID_ENTRY) {
		if (word_at(part->data + at) == word_at(like) &&
		    word_at(part->data + at + 4) == word_at(like + 4))
			return part->data + at;
	}
	return NULL;
}

/* Bits of a register (eax to edx: 0 to 3) that hold the APIC id of the processor that ran CPUID. */
static uint32_t cpuid_asker(uint32_t function, unsigned int reg)
{
	if (function == 1 && reg == 1)
		return 0xff000000;
	if ((function == 0xb || function == 0x1f) && reg == 3)
		return UINT32_MAX;
	return function == 0x8000001e && reg == 0 ? UINT32_MAX : 0;
}

static void compare_cpuid(struct comparing *c, const struct tape_part *a, const struct tape_part *b)
{
	static const char *const names[] = {"eax", "ebx", "ecx", "edx"};
	char field[FIELD_SIZE], left[TEXT_SIZE], right[TEXT_SIZE];

	for (size_t at = CPUID_HEAD; at + CPUID_ENTRY <= a->have; at += CPUID_ENTRY) {
		const uint8_t *one = a->data + at, *two = cpuid_entry(b, one);

		if (!two) {
			snprintf(field, sizeof(field), "leaf 0x%x.%u", word_at(one),
				 word_at(one + 4));
			difference(c, field, "there", "not there");
			continue;
		}
		for (unsigned int k = 0; k < 4; k++) {
			uint32_t x = word_at(one + 12 + 4 * k), y = word_at(two + 12 + 4 * k);

			if (x == y)
				continue;
			if (!((x ^ y) & ~cpuid_asker(word_at(one), k))) {
				left_out(c, "the number of the processor that asked");
				continue;
			}
			snprintf(field, sizeof(field), "leaf 0x%x.%u %s", word_at(one),
				 word_at(one + 4), names[k]);
			snprintf(left, sizeof(left), "0x%x", x);
			snprintf(right, sizeof(right), "0x%x", y);
			difference(c, field, left, right);
		}
	}
	for (size_t at = CPUID_HEAD; at + CPUID_ENTRY <= b->have; at += CPUID_ENTRY) {
		if (cpuid_entry(a, b->data + at))
			continue;
		snprintf(field, sizeof(field), "leaf 0x%x.%u", word_at(b->data + at),
			 word_at(b->data + at + 4));
		difference(c, field, "not there", "there");
	}
}

static bool list_has(const struct tape_part *part, uint32_t index)
{
	for (size_t at = LIST_HEAD; at + LIST_ENTRY <= part->have; at += LIST_ENTRY) {
		if (word_at(part->data + at) == index)
			return true;
	}
	return false;
}

static void compare_list(struct comparing *c, const struct tape_part *a, const struct tape_part *b)
{
	char field[FIELD_SIZE];

	for (size_t at = LIST_HEAD; at + LIST_ENTRY <= a->have; at += LIST_ENTRY) {
		if (list_has(b, word_at(a->data + at)))
			continue;
		msr_text(c, word_at(a->data + at), field, sizeof(field));
		difference(c, field, "there", "not there");
	}
	for (size_t at = LIST_HEAD; at + LIST_ENTRY <= b->have; at += LIST_ENTRY) {
		if (list_has(a, word_at(b->data + at)))
			continue;
		msr_text(c, word_at(b->data + at), field, sizeof(field));
		difference(c, field, "not there", "there");
	}
}

/* --- an event --------------------------------------------------------------------------------- */

/* Exit reason, active union member and port data. */
static void compare_run(struct comparing *c, const struct whole_event *l)
{
	const struct tape_part *a = whole_part(c->e, TAPE_RUN_OUT),
			       *b = whole_part(l, TAPE_RUN_OUT);
	uint32_t left, right;
	size_t size;

	if (!a || !b || a->have < PLAYER_RUN_REASON + 4 || b->have < PLAYER_RUN_REASON + 4)
		return;
	left = word_at(a->data + PLAYER_RUN_REASON);
	right = word_at(b->data + PLAYER_RUN_REASON);
	if (left != right) {
		const char *one = kvmapi_exit_name(left), *two = kvmapi_exit_name(right);

		difference(c, "exit_reason", one ? one : "?", two ? two : "?");
		return;
	}
	size = a->have < b->have ? a->have : b->have;
	compare_struct(c, "struct kvm_run", a->data, b->data, PLAYER_RUN_REASON, size);
	compare_bytes(c, "port data", whole_part(c->e, TAPE_PIO_OUT), whole_part(l, TAPE_PIO_OUT));
}

static void compare_payload(struct comparing *c, const struct whole_event *l)
{
	const struct kvmapi_ioctl *row = c->e->row;
	const struct tape_part *a = whole_part(c->e, TAPE_ARG_OUT),
			       *b = whole_part(l, TAPE_ARG_OUT);
	char field[FIELD_SIZE], left[TEXT_SIZE], right[TEXT_SIZE];

	for (unsigned int n = 0; n < TAPE_NESTED_POINTERS; n++) {
		snprintf(field, sizeof(field), "buffer %u", n);
		compare_bytes(c, field, whole_part(c->e, TAPE_NESTED_OUT + n),
			      whole_part(l, TAPE_NESTED_OUT + n));
	}
	if (!a || !b || !a->have || !b->have || !row || !row->type)
		return;
	if (c->e->ret >= 0 && !strcmp(row->type, "struct kvm_cpuid2")) {
		compare_cpuid(c, a, b);
	} else if (c->e->ret >= 0 && !strcmp(row->type, "struct kvm_msr_list")) {
		compare_list(c, a, b);
	} else if (c->e->ret >= 0 || row->payload == KVMAPI_COUNTED) {
		size_t size = a->have < b->have ? a->have : b->have;

		compare_struct(c, row->type, a->data, b->data, 0, size);
		if (a->want != b->want) {
			snprintf(left, sizeof(left), "%u bytes", a->want);
			snprintf(right, sizeof(right), "%u bytes", b->want);
			difference(c, "size", left, right);
		}
	}
}

static void compare_answer(struct comparing *c, const struct whole_event *l)
{
	const struct whole_event *e = c->e;
	char left[TEXT_SIZE], right[TEXT_SIZE];
	bool created = e->row && e->row->creates && e->ret >= 0 && l->ret >= 0;

	if (e->row && e->row->payload == KVMAPI_COUNTED && e->row->elem_type &&
	    !strcmp(e->row->elem_type, "struct kvm_msr_entry")) {
		compare_msrs(c);
		return;
	}
	if (e->ret != l->ret && !created) {
		ret_text(e->ret, left);
		ret_text(l->ret, right);
		difference(c, "result", left, right);
		return;
	}
	if (e->row && e->row->payload == KVMAPI_RUNPAGE) {
		if (e->ret >= 0)
			compare_run(c, l);
		return;
	}
	compare_payload(c, l);
}

static const char *unplayed_reason(const struct live_play *play)
{
	if (play->skip)
		return play->skip;
	switch (play->status) {
	case PLAYER_NO_OBJECT:
		return "its object could not be made on the live kernel";
	case PLAYER_NO_THREAD:
		return "an earlier call of its thread did not come back";
	case PLAYER_BLOCKED:
		return "did not come back, not even after a signal";
	}
	return NULL;
}

static void disturb(struct comparing *c, const struct whole_event *e)
{
	const struct tape_object *o = &c->tape->objects[e->object];

	/* Answers of /dev/kvm do not affect later calls. */
	if (o->kind == KVMAPI_SYSTEM && !(e->row && e->row->creates))
		return;
	c->disturbed[e->object] = true;
	if (o->kind != KVMAPI_SYSTEM && o->parent)
		c->disturbed[o->parent] = true;
	for (size_t i = 1; i < c->tape->object_count; i++) {
		if (c->tape->objects[i].parent == e->object)
			c->disturbed[i] = true;
	}
}

static void event_compare(struct comparing *c)
{
	const struct whole_event *e = c->e;
	struct live_report *r = c->report;
	const char *reason = unplayed_reason(c->play);

	if (reason) {
		r->skipped++;
		c->error = live_reason_count(&r->skips, &r->skip_count, e, reason);
		/* A query that is not played changes nothing. */
		if (!e->row || e->row->dir & KVMAPI_IN || e->row->payload == KVMAPI_VALUE)
			disturb(c, e);
		return;
	}
	if (!c->play->answered || !c->answer_count) {
		r->unanswered++;
		return;
	}
	if (c->tape->no_results) {
		r->uncompared++;
		return;
	}
	if (!e->returned) {
		r->uncompared++;
		left_out(c, "had not returned when the recording ended");
		return;
	}
	if (c->play->immediate) {
		r->uncompared++;
		left_out(c, "played with immediate_exit: guest code does not run");
		return;
	}
	c->differs = false;
	compare_answer(c, c->answers[0]);
	if (c->differs) {
		r->different++;
		disturb(c, e);
	} else {
		r->same++;
	}
}

static int reason_order(const void *left, const void *right)
{
	const struct live_reason *a = left, *b = right;

	if (a->events != b->events)
		return a->events < b->events ? 1 : -1;
	return a->first < b->first ? -1 : a->first > b->first;
}

/* Broken rules come first, then the order of the tape. */
static int difference_order(const void *left, const void *right)
{
	static const uint8_t weight[LIVE_WHYS] = {
		[LIVE_LIVE] = 0,    [LIVE_BOTH] = 1,	   [LIVE_RECORDED] = 2,
		[LIVE_UNKNOWN] = 3, [LIVE_DEVIATION] = 4,  [LIVE_SILENT] = 5,
		[LIVE_GUEST] = 6,   [LIVE_DOCUMENTED] = 7, [LIVE_FOLLOWS] = 8,
		[LIVE_REFUSED] = 9, [LIVE_MACHINE] = 10,
	};
	const struct live_difference *a = left, *b = right;

	if (weight[a->why] != weight[b->why])
		return weight[a->why] < weight[b->why] ? -1 : 1;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return strcmp(a->field, b->field);
}

/* For every event its live calls: `first` and `next` are lists of calls of the live tape. */
static int answers_collect(struct comparing *c, const uint32_t *first, const uint32_t *next,
			   uint32_t event)
{
	c->answer_count = 0;
	for (uint32_t at = first[event]; at != UINT32_MAX; at = next[at]) {
		if (array_grow(&c->answers, &c->answer_room, c->answer_count))
			return -ENOMEM;
		c->answers[c->answer_count++] = &c->live->events[at];
	}
	return 0;
}

int live_compare(const struct whole_tape *tape, const struct live_plan *plan,
		 const struct whole_tape *live, struct live_report *report)
{
	struct comparing c = {.tape = tape, .live = live, .report = report, .arch = tape->env.arch};
	uint32_t *first = malloc((tape->event_count + 1) * sizeof(*first));
	uint32_t *next = malloc((live->event_count + 1) * sizeof(*next));
	size_t count;
	int rc = -ENOMEM;

	c.rules = model_rules(&count);
	c.disturbed = calloc(tape->object_count + 1, sizeof(*c.disturbed));
	if (!first || !next || !c.disturbed)
		goto out;
	for (size_t i = 0; i < tape->item_count; i++)
		c.memory |= tape->items[i].type == TAPE_MEMORY;
	memset(first, 0xff, (tape->event_count + 1) * sizeof(*first));
	for (size_t i = live->event_count; i-- > 0;) {
		if (i >= plan->played_count)
			continue;
		next[i] = first[plan->played[i]];
		first[plan->played[i]] = i;
	}
	report->calls = tape->event_count;
	rc = 0;
	for (size_t i = 0; i < tape->event_count && !rc; i++) {
		c.e = &tape->events[i];
		c.play = &plan->plays[i];
		rc = answers_collect(&c, first, next, i);
		if (!rc)
			event_compare(&c);
		if (!rc)
			rc = c.error;
	}
	if (report->skip_count)
		qsort(report->skips, report->skip_count, sizeof(*report->skips), reason_order);
	if (report->left_count)
		qsort(report->lefts, report->left_count, sizeof(*report->lefts), reason_order);
	if (report->difference_count)
		qsort(report->differences, report->difference_count, sizeof(*report->differences),
		      difference_order);
out:
	free(c.answers);
	free(c.disturbed);
	free(next);
	free(first);
	return rc;
}
