/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/near.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX (sizeof(((struct near *)0)->word) - 1)

/* Distance of a name that contains the word: farther than the worst misspelling. */
#define HOLDS_PARTS 100 /* + the difference in length */
#define HOLDS_BYTES 300

/* Shorter words begin or end too many names. */
#define HOLDS_MIN 3

static char lower(char c)
{
	return (char)tolower((unsigned char)c);
}

static const char *without(const char *name, const char *prefix)
{
	const size_t len = strlen(prefix);

	return strncasecmp(name, prefix, len) == 0 ? name + len : name;
}

/* Letters to change, add or leave out, or neighbours to swap, to make one word of the other. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int rows[3][WORD_MAX + 1];
	size_t a_len = strlen(a), b_len = strlen(b);
	unsigned int *older = rows[0], *old = rows[1], *now = rows[2];

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return UINT_MAX;
	for (size_t j = 0; j <= b_len; j++)
		old[j] = (unsigned int)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned int *free_row = older;

		now[0] = (unsigned int)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned int best = old[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));

			if (old[j] + 1 < best)
				best = old[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]) && older[j - 2] + 1 < best)
				best = older[j - 2] + 1;
			now[j] = best;
		}
		older = old;
		old = now;
		now = free_row;
	}
	return old[b_len];
}

/* Does the word consist of whole parts of the name ("INDEX_LIST" in "MSR_INDEX_LIST")? */
static bool is_parts(const char *name, const char *at, size_t len)
{
	return (at == name || !isalnum((unsigned char)at[-1])) && !isalnum((unsigned char)at[len]);
}

/* Distance if `text` contains `word`: at its beginning, as whole parts, or anywhere. */
static unsigned int far_holds(const char *text, const char *word)
{
	const size_t len = strlen(word);
	const char *at = len < HOLDS_MIN ? NULL : strcasestr(text, word);
	const unsigned int rest = (unsigned int)(strlen(text) - (at ? len : 0));
	const bool found = at;

	for (; at; at = strcasestr(at + 1, word)) {
		if (at == text || is_parts(text, at, len))
			return HOLDS_PARTS + rest;
	}
	return found ? HOLDS_BYTES + rest : UINT_MAX;
}

/* Distance of the word from a name, UINT_MAX = too far to be meant. */
static unsigned int far_from(const char *word, const char *name)
{
	/* A third of the letters may be wrong; beyond that, a guess is worthless. */
	const size_t word_len = strlen(word), name_len = strlen(name), most = 1 + word_len / 4;
	unsigned int far = UINT_MAX;

	/* The distance is at least the difference in length. */
	if (word_len <= name_len + most && name_len <= word_len + most)
		far = distance(word, name);
	if (far <= most)
		return far;
	far = far_holds(name, word);
	if (far == UINT_MAX)
		far = far_holds(word, name);
	/* A short name is contained in many words. */
	return far < HOLDS_BYTES || name_len > word_len ? far : UINT_MAX;
}

void near_begin(struct near *near, const char *word, size_t len, const char *prefix)
{
	char copy[WORD_MAX + 1] = "";

	memset(near, 0, sizeof(*near));
	near->prefix = prefix;
	if (len <= WORD_MAX)
		memcpy(copy, word, len);
	near->prefixed = without(copy, prefix) != copy;
	snprintf(near->word, sizeof(near->word), "%s", without(copy, prefix));
}

void near_offer(struct near *near, const char *name)
{
	const char *rest = without(name, near->prefix);
	unsigned int far = near->word[0] ? far_from(near->word, rest) : UINT_MAX;
	unsigned int at = near->count;

	if (far == UINT_MAX)
		return;
	/* A word with the prefix means a name that has the prefix. */
	if (near->prefixed && rest == name)
		far += HOLDS_PARTS;
	for (unsigned int i = 0; i < near->count; i++) {
		if (strcmp(near->best[i].name, name) == 0)
			return;
	}
	while (at && near->best[at - 1].far > far)
		at--;
	if (at == NEAR_MAX)
		return;
	if (near->count < NEAR_MAX)
		near->count++;
	memmove(&near->best[at + 1], &near->best[at],
		(near->count - 1 - at) * sizeof(near->best[0]));
	near->best[at].name = name;
	near->best[at].far = far;
}

void near_offer_name(void *near, const char *name)
{
	near_offer(near, name);
}

const char *near_text(const struct near *near, const char *lead, char *buf, size_t size)
{
	unsigned int count = near->count;
	size_t used = 0;

	buf[0] = 0;
	/*
	 * A misspelling comes first; a name that contains the word comes before one that contains
	 * its letters.
	 */
	while (count > 1 && near->best[count - 1].far > near->best[0].far &&
	       (near->best[0].far < HOLDS_PARTS ||
		(near->best[0].far < HOLDS_BYTES && near->best[count - 1].far >= HOLDS_BYTES)))
		count--;
	for (unsigned int i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s%s%s",
					 !i		  ? "; did you mean "
					 : i + 1 == count ? " or "
							  : ", ",
					 lead, near->best[i].name, i + 1 == count ? "?" : "");
	return buf;
}
