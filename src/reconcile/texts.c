#include "reconcile/texts.h"

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

/* The value of a lower-case hexadecimal digit; NOT_HEX: it is none. */
enum { NOT_HEX = 0x80 };
static unsigned char
hex_value(char c)
{
	unsigned digit = (unsigned char)c - (unsigned)'0', letter = (unsigned char)c - (unsigned)'a';
	return digit < 10 ? (unsigned char)digit : letter < 6 ? (unsigned char)(letter + 10) : NOT_HEX;
}

/* False: it is not hexadecimal throughout, and `out` holds nothing of use. */
static bool
pack(struct slice digits, unsigned char *out)
{
	unsigned any = 0;
	for (size_t i = 0; i + 1 < digits.len && any < NOT_HEX; i += 2) {
		unsigned high = hex_value(digits.ptr[i]), low = hex_value(digits.ptr[i + 1]);
		any |= high | low;
		out[i / 2] = (unsigned char)(high << 4 | low);
	}
	return any < NOT_HEX;
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
texts_put_many(struct texts *texts, const struct slice *values, size_t count, struct text *out)
{
	struct entry entries[TEXTS_MANY_MAX];
	uint32_t hashes[TEXTS_MANY_MAX];
	bool known[TEXTS_MANY_MAX];
	ENSURE(count <= TEXTS_MANY_MAX);
	size_t mask = texts->slot_count - 1;
	for (size_t i = 0; i < count; i++) {
		known[i] = is_plain(texts, out[i], values[i]);
		if (known[i])
			continue;
		out[i] = TEXT_NONE;
		if (values[i].len == 0) {
			known[i] = true;
			continue;
		}
		entry_make(&entries[i], values[i]);
		hashes[i] = hash_of(&entries[i]);
		if (texts->slot_count > 0)
			__builtin_prefetch(&texts->slots[hashes[i] & mask]);
	}
	for (size_t i = 0; texts->slot_count > 0 && i < count; i++)
		if (!known[i])
			__builtin_prefetch(texts->bytes + texts->slots[hashes[i] & mask].at);
	for (size_t i = 0; i < count; i++) {
		if (known[i])
			continue;
		out[i] = put_entry(texts, &entries[i], hashes[i]);
		entry_free(&entries[i]);
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
