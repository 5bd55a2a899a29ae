/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/base/cpuset.h"

#include <stdio.h>
#include <string.h>

#include "decision/base/strings.h"

enum { WORD_BITS = 64 };

static uint64_t bit(unsigned index)
{
	return UINT64_C(1) << index % WORD_BITS;
}

void cpuset_add(struct cpuset *set, unsigned index)
{
	set->words[index / WORD_BITS] |= bit(index);
}

void cpuset_remove(struct cpuset *set, unsigned index)
{
	set->words[index / WORD_BITS] &= ~bit(index);
}

bool cpuset_has(const struct cpuset *set, unsigned index)
{
	return index < CPUSET_MAX && (set->words[index / WORD_BITS] & bit(index));
}

bool cpuset_is_empty(const struct cpuset *set)
{
	for (unsigned i = 0; i < CPUSET_WORDS; i++) {
		if (set->words[i])
			return false;
	}
	return true;
}

bool cpuset_is_equal(const struct cpuset *a, const struct cpuset *b)
{
	return memcmp(a->words, b->words, sizeof(a->words)) == 0;
}

bool cpuset_is_subset(const struct cpuset *inner, const struct cpuset *outer)
{
	for (unsigned i = 0; i < CPUSET_WORDS; i++) {
		if (inner->words[i] & ~outer->words[i])
			return false;
	}
	return true;
}

bool cpuset_intersects(const struct cpuset *a, const struct cpuset *b)
{
	for (unsigned i = 0; i < CPUSET_WORDS; i++) {
		if (a->words[i] & b->words[i])
			return true;
	}
	return false;
}

unsigned cpuset_count(const struct cpuset *set)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CPUSET_WORDS; i++)
		count += (unsigned)__builtin_popcountll(set->words[i]);
	return count;
}

/* The lowest index >= from whose bit, xor `flip`, is set; CPUSET_MAX where there is none. */
static unsigned find(const struct cpuset *set, unsigned from, uint64_t flip)
{
	unsigned i = from / WORD_BITS;
	uint64_t word;

	if (from >= CPUSET_MAX)
		return CPUSET_MAX;
	word = (set->words[i] ^ flip) & (UINT64_MAX << from % WORD_BITS);
	while (!word) {
		if (++i == CPUSET_WORDS)
			return CPUSET_MAX;
		word = set->words[i] ^ flip;
	}
	return i * WORD_BITS + (unsigned)__builtin_ctzll(word);
}

unsigned cpuset_first(const struct cpuset *set)
{
	unsigned index = find(set, 0, 0);

	return index < CPUSET_MAX ? index : CPUSET_NONE;
}

unsigned cpuset_next(const struct cpuset *set, unsigned after)
{
	unsigned index = after < CPUSET_MAX ? find(set, after + 1, 0) : CPUSET_MAX;

	return index < CPUSET_MAX ? index : CPUSET_NONE;
}

struct cpuset cpuset_or(const struct cpuset *a, const struct cpuset *b)
{
	struct cpuset out;

	for (unsigned i = 0; i < CPUSET_WORDS; i++)
		out.words[i] = a->words[i] | b->words[i];
	return out;
}

struct cpuset cpuset_and(const struct cpuset *a, const struct cpuset *b)
{
	struct cpuset out;

	for (unsigned i = 0; i < CPUSET_WORDS; i++)
		out.words[i] = a->words[i] & b->words[i];
	return out;
}

struct cpuset cpuset_and_not(const struct cpuset *a, const struct cpuset *b)
{
	struct cpuset out;

	for (unsigned i = 0; i < CPUSET_WORDS; i++)
		out.words[i] = a->words[i] & ~b->words[i];
	return out;
}

/* ---- cpulists ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * Read digits at *at and step over them. A number from CPUSET_MAX on is CPUSET_MAX; false without a
 * digit.
 */
static bool read_number(const char **at, const char *end, unsigned *number)
{
	const char *begin = *at;

	*number = 0;
	for (; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
		*number = *number * 10 + (unsigned)(**at - '0');
		if (*number > CPUSET_MAX)
			*number = CPUSET_MAX;
	}
	return *at > begin;
}

/* Word by word: a long text of wide ranges must not cost seconds. */
static void add_range(struct cpuset *set, unsigned first, unsigned last)
{
	for (unsigned i = first / WORD_BITS; i <= last / WORD_BITS; i++) {
		uint64_t word = UINT64_MAX;

		if (i == first / WORD_BITS)
			word &= UINT64_MAX << first % WORD_BITS;
		if (i == last / WORD_BITS)
			word &= UINT64_MAX >> (WORD_BITS - 1 - last % WORD_BITS);
		set->words[i] |= word;
	}
}

/* Add one element, [at, end): "3" or "0-3". */
static int parse_piece(const char *at, const char *end, struct cpuset *set, struct err *e)
{
	enum { SHOWN = 40 };
	const char *piece = at;
	int length = (int)string_cut(piece, end - at < SHOWN ? (size_t)(end - at) : SHOWN);
	unsigned first, last;

	if (at == end)
		return err_wrong(e, "CPU list with an empty element: write numbers and ranges "
				    "joined by single commas, as in 0-3,8");
	if (!read_number(&at, end, &first))
		goto malformed;
	last = first;
	if (at < end && *at == '-') {
		at++;
		if (!read_number(&at, end, &last))
			goto malformed;
	}
	if (at < end)
		goto malformed;
	if (first >= CPUSET_MAX || last >= CPUSET_MAX)
		return err_wrong(e, "\"%.*s\" in a CPU list is above %d, the highest index", length,
				 piece, CPUSET_MAX - 1);
	if (first > last)
		return err_wrong(e, "\"%.*s\" in a CPU list descends: write %u-%u", length, piece,
				 last, first);
	add_range(set, first, last);
	return 0;

malformed:
	return err_wrong(e, "\"%.*s\" in a CPU list is neither a number nor a range such as 0-3",
			 length, piece);
}

int cpuset_parse(const char *text, struct cpuset *out, struct err *e)
{
	const char *end = text + strlen(text);
	struct cpuset set = {0};

	if (end > text && end[-1] == '\n')
		end--;
	while (end > text && is_blank(end[-1]))
		end--;
	while (text < end && is_blank(*text))
		text++;
	while (text < end) {
		const char *comma = memchr(text, ',', (size_t)(end - text));
		int r = parse_piece(text, comma ? comma : end, &set, e);

		if (r < 0)
			return r;
		if (comma && comma + 1 == end)
			return parse_piece(end, end, &set, e);
		text = comma ? comma + 1 : end;
	}
	*out = set;
	return 0;
}

char *cpuset_format(const struct cpuset *set, char *text, size_t size)
{
	size_t used = 0;
	unsigned last;

	if (size)
		text[0] = '\0';
	for (unsigned first = find(set, 0, 0); first < CPUSET_MAX; first = find(set, last + 1, 0)) {
		const char *comma = used ? "," : "";
		int length;

		last = find(set, first, UINT64_MAX) - 1;
		if (last == first)
			length = snprintf(text + used, size - used, "%s%u", comma, first);
		else
			length = snprintf(text + used, size - used, "%s%u-%u", comma, first, last);
		if (length < 0 || (size_t)length >= size - used) {
			if (used < size)
				text[used] = '\0';
			break;
		}
		used += (size_t)length;
	}
	return text;
}
