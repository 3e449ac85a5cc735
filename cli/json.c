/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One JSON value as one line of text, as json_dumpf() with JSON_COMPACT writes it. json_dumpf()
 * writes each piece to the stream by itself, which takes half of the time of a long listing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/cli.h"

struct text {
	char *data;
	size_t len, room;
	bool failed;
};

static void add(struct text *t, const char *data, size_t len)
{
	if (t->room - t->len < len) {
		size_t room = 2 * t->room + len + 4096;
		char *more = realloc(t->data, room);

		if (!more) {
			t->failed = true;
			return;
		}
		t->data = more;
		t->room = room;
	}
	memcpy(t->data + t->len, data, len);
	t->len += len;
}

static void add_string(struct text *t, const char *string, size_t len)
{
	size_t from = 0;

	add(t, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)string[i];
		char escape[8];

		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		add(t, string + from, i - from);
		from = i + 1;
		switch (c) {
		case '"':
		case '\\':
			snprintf(escape, sizeof(escape), "\\%c", c);
			break;
		case '\b':
			strcpy(escape, "\\b");
			break;
		case '\f':
			strcpy(escape, "\\f");
			break;
		case '\n':
			strcpy(escape, "\\n");
			break;
		case '\r':
			strcpy(escape, "\\r");
			break;
		case '\t':
			strcpy(escape, "\\t");
			break;
		default:
			snprintf(escape, sizeof(escape), "\\u%04X", c);
			break;
		}
		add(t, escape, strlen(escape));
	}
	add(t, string + from, len - from);
	add(t, "\"", 1);
}

static void add_integer(struct text *t, json_int_t value)
{
	char digits[24];
	size_t at = sizeof(digits);
	unsigned long long left =
		value < 0 ? -(unsigned long long)value : (unsigned long long)value;

	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (value < 0)
		digits[--at] = '-';
	add(t, digits + at, sizeof(digits) - at);
}

static void add_value(struct text *t, json_t *value)
{
	char *other;
	void *iter;
	size_t n;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		add(t, "{", 1);
		for (iter = json_object_iter(value); iter;) {
			const char *key = json_object_iter_key(iter);

			add_string(t, key, strlen(key));
			add(t, ":", 1);
			add_value(t, json_object_iter_value(iter));
			iter = json_object_iter_next(value, iter);
			if (iter)
				add(t, ",", 1);
		}
		add(t, "}", 1);
		break;
	case JSON_ARRAY:
		add(t, "[", 1);
		for (n = 0; n < json_array_size(value); n++) {
			if (n)
				add(t, ",", 1);
			add_value(t, json_array_get(value, n));
		}
		add(t, "]", 1);
		break;
	case JSON_STRING:
		add_string(t, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		add_integer(t, json_integer_value(value));
		break;
	default:
		other = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		if (other)
			add(t, other, strlen(other));
		else
			t->failed = true;
		free(other);
		break;
	}
}

int cli_json_write(FILE *out, json_t *value)
{
	static struct text text; /* kept from line to line */

	text.len = 0;
	text.failed = false;
	add_value(&text, value);
	add(&text, "\n", 1);
	if (text.failed)
		return -ENOMEM;
	return fwrite(text.data, 1, text.len, out) == text.len ? 0 : -EIO;
}
