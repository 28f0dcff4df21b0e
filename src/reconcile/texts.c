#include "reconcile/texts.h"

#include <endian.h>
#include <stdlib.h>
#include <sys/mman.h>

/* An entry is a header, the length where the header has no room for it, and the bytes:
 *
 *   header [ kind: 2 bits | length: 6 bits, LENGTH_LONG: four bytes follow ]
 *
 * A text has one encoding only, so equal entries are equal bytes. */
enum { KIND_PLAIN, KIND_HEX, KIND_HEX_PREFIXED };
enum { LENGTH_LONG = 63, ENTRY_SMALL = 160, HEX_BYTES_MIN = 4 };

struct entry {
	unsigned char small[ENTRY_SMALL];
	unsigned char *bytes; /* `small`, or memory of its own */
	size_t len;
};

void
texts_init(struct texts *texts)
{
	*texts = (struct texts){0};
}

void
texts_fini(struct texts *texts)
{
	free(texts->bytes);
	free(texts->slots);
	texts_init(texts);
}

/* Eight lower-case hexadecimal digits at once, a byte of the word each; false: one of them is none.
 *
 * Below 0x80 nothing carries from one byte into the next: c + (0x80 - limit) has its highest bit exactly where
 * c >= limit. */
static inline bool
pack_eight(const char *digits, unsigned char *out)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
	uint64_t c;
	memcpy(&c, digits, sizeof c);
	c = le64toh(c);
	uint64_t digit = (c + ones * (0x80 - '0')) & ~(c + ones * (0x80 - ('9' + 1)));
	uint64_t letter = (c + ones * (0x80 - 'a')) & ~(c + ones * (0x80 - ('f' + 1)));
	if (((digit | letter) & ~c & high) != high)
		return false;
	uint64_t value = (c & (ones * 15)) + (letter >> 7 & ones) * 9;
	/* Pairs become bytes, and the bytes move together; the first digit is the lowest byte. */
	value = (value << 4 | value >> 8) & UINT64_C(0x00ff00ff00ff00ff);
	value = (value | value >> 8) & UINT64_C(0x0000ffff0000ffff);
	uint32_t packed = htole32((uint32_t)(value | value >> 16));
	memcpy(out, &packed, sizeof packed);
	return true;
}

/* Packs hexadecimal of an even length, of eight digits or more. False: it is not hexadecimal throughout, and `out` holds
 * nothing of use. */
static bool
pack(struct slice digits, unsigned char *out)
{
	size_t last = digits.len - 8;
	for (size_t i = 0; i < last; i += 8)
		if (!pack_eight(digits.ptr + i, out + i / 2))
			return false;
	return pack_eight(digits.ptr + last, out + last / 2);
}

static size_t
put_header(unsigned char *out, unsigned kind, size_t length)
{
	out[0] = (unsigned char)(kind << 6 | (length < LENGTH_LONG ? length : LENGTH_LONG));
	size_t at = 1;
	if (length >= LENGTH_LONG)
		for (; at < 5; at++)
			out[at] = (unsigned char)(length >> (8 * (at - 1)));
	return at;
}

static bool
is_packable(struct slice digits)
{
	return digits.len % 2 == 0 && digits.len >= 2 * HEX_BYTES_MIN;
}

static void
entry_make(struct entry *entry, struct slice text)
{
	entry->bytes = text.len + 5 <= ENTRY_SMALL ? entry->small : mem_alloc(text.len + 5);
	bool prefixed = slice_starts(text, SLICE("0x")) && is_packable(slice_skip(text, 2));
	struct slice digits = prefixed ? slice_skip(text, 2) : text;
	size_t length = digits.len / 2, at = put_header(entry->bytes, prefixed ? KIND_HEX_PREFIXED : KIND_HEX, length);
	if (is_packable(digits) && pack(digits, entry->bytes + at)) {
		entry->len = at + length;
		return;
	}
	at = put_header(entry->bytes, KIND_PLAIN, text.len);
	memcpy(entry->bytes + at, text.ptr, text.len);
	entry->len = at + text.len;
}

static void
entry_free(struct entry *entry)
{
	if (entry->bytes != entry->small)
		free(entry->bytes);
}

static uint32_t
hash_of(const struct entry *entry)
{
	uint64_t hash = entry->len * 0x9e3779b97f4a7c15u;
	size_t at = 0;
	for (; at + 8 <= entry->len; at += 8) {
		uint64_t word;
		memcpy(&word, entry->bytes + at, 8);
		hash = (hash ^ word) * 0xd6e8feb86659fd93u;
		hash ^= hash >> 32;
	}
	uint64_t last = 0;
	memcpy(&last, entry->bytes + at, entry->len - at);
	hash = (hash ^ last) * 0xd6e8feb86659fd93u;
	hash ^= hash >> 32;
	return (uint32_t)(hash * 0xc2b2ae3d27d4eb4fu >> 32);
}

/* The slot that holds the entry, or the free one where it would go. */
static size_t
find(const struct texts *texts, const struct entry *entry, uint32_t hash)
{
	size_t mask = texts->slot_count - 1;
	for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
		const struct text_slot *found = &texts->slots[slot];
		if (found->at == 0)
			return slot;
		if (found->hash == hash && texts->len - found->at >= entry->len &&
		    memcmp(texts->bytes + found->at, entry->bytes, entry->len) == 0)
			return slot;
	}
}

/* Large tables that are read at random: with small pages, half the time would go into finding the page. */
static void
prefer_huge_pages(void *memory, size_t bytes)
{
	enum { HUGE_PAGE = 2 << 20 };
	uintptr_t first = ((uintptr_t)memory + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
	uintptr_t end = ((uintptr_t)memory + bytes) & ~(uintptr_t)(HUGE_PAGE - 1);
	if (end > first) /* advice: where it is not taken, nothing is lost */
		(void)madvise((char *)memory + (first - (uintptr_t)memory), end - first, MADV_HUGEPAGE);
}

static void
grow_slots(struct texts *texts)
{
	struct text_slot *old = texts->slots;
	size_t old_count = texts->slot_count;
	texts->slot_count = old_count == 0 ? 1024 : old_count * 2;
	texts->slots = mem_zero(texts->slot_count, sizeof texts->slots[0]);
	prefer_huge_pages(texts->slots, texts->slot_count * sizeof texts->slots[0]);
	for (size_t i = 0; i < old_count; i++) {
		if (old[i].at == 0)
			continue;
		size_t slot = old[i].hash & (texts->slot_count - 1);
		while (texts->slots[slot].at != 0)
			slot = (slot + 1) & (texts->slot_count - 1);
		texts->slots[slot] = old[i];
	}
	free(old);
}

/* Offset 0 stays unused, for it means absent. */
static void
append(struct texts *texts, const struct entry *entry)
{
	size_t needed = texts->len + entry->len + 1;
	if (needed > texts->capacity) {
		texts->capacity = needed + needed / 2 + 4096;
		texts->bytes = mem_resize(texts->bytes, texts->capacity, 1);
		prefer_huge_pages(texts->bytes, texts->capacity);
	}
	if (texts->len == 0)
		texts->bytes[texts->len++] = 0;
	memcpy(texts->bytes + texts->len, entry->bytes, entry->len);
	texts->len += entry->len;
}

static struct text
put_entry(struct texts *texts, const struct entry *entry, uint32_t hash)
{
	if (texts->count >= texts->slot_count / 8 * 7)
		grow_slots(texts);
	struct text_slot *slot = &texts->slots[find(texts, entry, hash)];
	if (slot->at == 0 && texts->len + entry->len >= UINT32_MAX) {
		texts->full = true;
	} else if (slot->at == 0) {
		uint32_t at = texts->len == 0 ? 1 : (uint32_t)texts->len;
		append(texts, entry);
		*slot = (struct text_slot){at, hash};
		texts->count++;
	}
	return (struct text){slot->at};
}

static bool
stands_at(const struct texts *texts, size_t at, const struct entry *entry)
{
	return at > 0 && at < texts->len && texts->len - at >= entry->len &&
	       memcmp(texts->bytes + at, entry->bytes, entry->len) == 0;
}

/* The second source says of a transaction what the first one said, and mostly in the same order, so the next text often
 * stands behind the last one. Two such places are kept: a text that all rows share (an asset) leads away from the row. */
static bool
follows(struct texts *texts, const struct entry *entry, struct text *out)
{
	for (size_t i = 0; i < COUNT_OF(texts->behind); i++) {
		size_t at = texts->behind[i];
		if (!stands_at(texts, at, entry))
			continue;
		texts->behind[i] = texts->behind[0];
		texts->behind[0] = at + entry->len;
		*out = (struct text){(uint32_t)at};
		return true;
	}
	return false;
}

static struct text
look_up(struct texts *texts, const struct entry *entry, uint32_t hash)
{
	struct text found = put_entry(texts, entry, hash);
	texts->behind[1] = texts->behind[0];
	texts->behind[0] = found.at + entry->len;
	return found;
}

struct text
texts_put(struct texts *texts, struct slice text)
{
	if (text.len == 0)
		return TEXT_NONE;
	struct entry entry;
	entry_make(&entry, text);
	struct text found = put_entry(texts, &entry, hash_of(&entry));
	entry_free(&entry);
	return found;
}

/* Whether a text is short, not packed, and equal to these bytes. */
static bool
is_plain(const struct texts *texts, struct text text, struct slice value)
{
	if (text.at == 0 || value.len == 0 || value.len >= LENGTH_LONG)
		return false;
	const unsigned char *entry = texts->bytes + text.at;
	return entry[0] == (KIND_PLAIN << 6 | value.len) && memcmp(entry + 1, value.ptr, value.len) == 0;
}

void
texts_put_again(struct texts *texts, struct slice value, struct text *last)
{
	if (!is_plain(texts, *last, value))
		*last = texts_put(texts, value);
}

/* Asks for the memory that the look-ups from `first` on will need, side by side. */
static void
prefetch(const struct texts *texts, const uint32_t *hashes, size_t count)
{
	size_t mask = texts->slot_count - 1;
	for (size_t i = 0; texts->slot_count > 0 && i < count; i++)
		__builtin_prefetch(&texts->slots[hashes[i] & mask]);
	for (size_t i = 0; texts->slot_count > 0 && i < count; i++)
		__builtin_prefetch(texts->bytes + texts->slots[hashes[i] & mask].at);
}

void
texts_put_many(struct texts *texts, const struct slice *values, size_t count, struct text *out)
{
	struct entry entries[TEXTS_MANY_MAX];
	uint32_t hashes[TEXTS_MANY_MAX];
	size_t places[TEXTS_MANY_MAX], left = 0, at = 0;
	ENSURE(count <= TEXTS_MANY_MAX);
	for (size_t i = 0; i < count; i++) {
		if (values[i].len == 0) {
			out[i] = TEXT_NONE;
		} else if (!is_plain(texts, out[i], values[i])) {
			entry_make(&entries[left], values[i]);
			places[left++] = i;
		}
	}
	while (at < left && follows(texts, &entries[at], &out[places[at]]))
		entry_free(&entries[at++]);
	for (size_t i = at; i < left; i++)
		hashes[i] = hash_of(&entries[i]);
	prefetch(texts, hashes + at, left - at);
	for (; at < left; at++) {
		struct text *place = &out[places[at]];
		if (!follows(texts, &entries[at], place))
			*place = look_up(texts, &entries[at], hashes[at]);
		entry_free(&entries[at]);
	}
}

struct text
texts_find(const struct texts *texts, struct slice text)
{
	if (text.len == 0 || texts->slot_count == 0)
		return TEXT_NONE;
	struct entry entry;
	entry_make(&entry, text);
	struct text found = {texts->slots[find(texts, &entry, hash_of(&entry))].at};
	entry_free(&entry);
	return found;
}

void
texts_settle(struct texts *texts)
{
	free(texts->slots);
	texts->slots = NULL;
	texts->slot_count = 0;
}

struct slice
texts_get(const struct texts *texts, struct text text, struct arena *arena)
{
	if (text.at == 0)
		return SLICE_NONE;
	const unsigned char *entry = texts->bytes + text.at;
	unsigned kind = entry[0] >> 6;
	size_t length = entry[0] & LENGTH_LONG, at = 1;
	if (length == LENGTH_LONG)
		for (length = 0; at < 5; at++)
			length |= (size_t)entry[at] << (8 * (at - 1));
	if (kind == KIND_PLAIN)
		return arena_copy(arena, (struct slice){(const char *)entry + at, length});
	size_t prefix = kind == KIND_HEX_PREFIXED ? 2 : 0;
	char *out = arena_alloc(arena, prefix + 2 * length + 1);
	if (prefix > 0) {
		out[0] = '0';
		out[1] = 'x';
	}
	for (size_t i = 0; i < length; i++) {
		out[prefix + 2 * i] = "0123456789abcdef"[entry[at + i] >> 4];
		out[prefix + 2 * i + 1] = "0123456789abcdef"[entry[at + i] & 15];
	}
	return (struct slice){out, prefix + 2 * length};
}
