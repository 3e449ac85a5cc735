/* SPDX-License-Identifier: BSD-2-Clause */
/* Values as JSON; the forms are documented in kvmapi.h. */
#include <errno.h>
#include <stdlib.h>

#include <jansson.h>

#include "kvmapi/value.h"

#define DEPTH_MAX 32

struct json {
	json_t *root;
	json_t *stack[DEPTH_MAX];
	unsigned int depth;
};

/* Takes the reference to `value`, which may be NULL for lack of memory. */
static int put(struct json *json, const char *name, json_t *value)
{
	json_t *into;
	int failed;

	if (!value)
		return -ENOMEM;
	if (json->depth == 0) {
		json->root = value;
		return 0;
	}
	into = json->stack[json->depth - 1];
	/* Names of fields are plain. */
	failed = json_is_array(into) ? json_array_append_new(into, value)
				     : json_object_set_new_nocheck(into, name, value);
	return failed ? -ENOMEM : 0;
}

static int json_begin(void *ctx, const char *name, bool array)
{
	struct json *json = ctx;
	json_t *value = array ? json_array() : json_object();
	int err;

	if (json->depth == DEPTH_MAX) {
		json_decref(value);
		return -ELOOP;
	}
	err = put(json, name, value);
	if (!err)
		json->stack[json->depth++] = value;
	return err;
}

static int json_end(void *ctx, bool array)
{
	struct json *json = ctx;

	json->depth--;
	return 0;
}

static json_t *number_make(const struct kvmapi_number *number)
{
	char text[24];
	size_t at = sizeof(text) - 1;
	uint64_t left = number->value;

	if (number->bytes < 8)
		return json_integer((json_int_t)number->value);
	text[at] = 0;
	do {
		text[--at] = "0123456789abcdef"[left & 15];
		left >>= 4;
	} while (left);
	text[--at] = 'x';
	text[--at] = '0';
	return json_string_nocheck(text + at);
}

/*
 * {"value": ..., NAME: ...}; takes the reference to `what`, which may be NULL for lack of memory.
 */
static json_t *number_with(const struct kvmapi_number *number, const char *name, json_t *what)
{
	json_t *object = json_object();
	/* Both take the reference even if they fail. */
	int failed = json_object_set_new_nocheck(object, "value", number_make(number));

	failed |= json_object_set_new_nocheck(object, name, what);
	if (!failed)
		return object;
	json_decref(object);
	return NULL;
}

static int json_put_number(void *ctx, const char *name, const struct kvmapi_number *number)
{
	return put(ctx, name, number_make(number));
}

static int json_constant(void *ctx, const char *name, const struct kvmapi_number *number,
			 const char *label)
{
	return put(ctx, name,
		   number_with(number, "name", label ? json_string_nocheck(label) : json_null()));
}

static int json_flags(void *ctx, const char *name, const struct kvmapi_number *number,
		      const char *const *labels, unsigned int count, uint64_t rest)
{
	json_t *names = json_array();
	unsigned int n;

	for (n = 0; n < count; n++)
		if (json_array_append_new(names, json_string(labels[n])) != 0)
			break;
	if (n < count) {
		json_decref(names);
		return -ENOMEM;
	}
	return put(ctx, name, number_with(number, "names", names));
}

static int json_bytes(void *ctx, const char *name, const uint8_t *data, size_t have, size_t want)
{
	static const char digits[] = "0123456789abcdef";
	char *text;
	size_t n;
	int err;

	if (have == 0 && want)
		return put(ctx, name, json_null());
	text = malloc(have * 2 + 1);
	if (!text)
		return -ENOMEM;
	for (n = 0; n < have; n++) {
		text[n * 2] = digits[data[n] >> 4];
		text[n * 2 + 1] = digits[data[n] & 15];
	}
	text[have * 2] = 0;
	if (have < want)
		err = put(ctx, name,
			  json_pack("{s:s, s:I}", "captured", text, "length", (json_int_t)want));
	else
		err = put(ctx, name, json_string(text));
	free(text);
	return err;
}

static int json_missing(void *ctx, const char *name)
{
	return put(ctx, name, json_null());
}

static const struct kvmapi_sink json_sink = {
	.begin = json_begin,
	.end = json_end,
	.number = json_put_number,
	.constant = json_constant,
	.flags = json_flags,
	.bytes = json_bytes,
	.missing = json_missing,
};

static int json_make(enum kvmapi_arch arch, const struct kvmapi_owner *owner, const char *type,
		     const void *data, size_t len, bool run, struct json_t **value)
{
	struct json json = {};
	int err = kvmapi_value_walk(arch, owner, type, data, len, run, &json_sink, &json);

	if (err) {
		json_decref(json.root);
		return err;
	}
	*value = json.root;
	return 0;
}

int kvmapi_value_json(enum kvmapi_arch arch, const char *type, const void *data, size_t len,
		      struct json_t **value)
{
	return json_make(arch, NULL, type, data, len, false, value);
}

int kvmapi_value_json_of(enum kvmapi_arch arch, const struct kvmapi_owner *owner, const char *type,
			 const void *data, size_t len, struct json_t **value)
{
	return json_make(arch, owner, type, data, len, false, value);
}

int kvmapi_run_json(enum kvmapi_arch arch, const void *run, size_t len, struct json_t **value)
{
	return json_make(arch, NULL, "struct kvm_run", run, len, true, value);
}
