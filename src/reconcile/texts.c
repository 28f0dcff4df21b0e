#include "reconcile/texts.h"

#include <stdlib.h>

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

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool
is_packable(struct slice digits)
{
	if (digits.len % 2 != 0 || digits.len < 2 * HEX_BYTES_MIN)
		return false;
	for (size_t i = 0; i < digits.len; i++)
		if (hex_value(digits.ptr[i]) < 0)
			return false;
	return true;
}

static void
entry_make(struct entry *entry, struct slice text)
{
	struct slice digits = text;
	unsigned kind = KIND_PLAIN;
	if (slice_starts(text, SLICE("0x")) && is_packable(slice_skip(text, 2))) {
		kind = KIND_HEX_PREFIXED;
		digits = slice_skip(text, 2);
	} else if (is_packable(text)) {
		kind = KIND_HEX;
	}
	size_t length = kind == KIND_PLAIN ? text.len : digits.len / 2;
	entry->bytes = length + 5 <= ENTRY_SMALL ? entry->small : mem_alloc(length + 5);
	size_t at = 1;
	entry->bytes[0] = (unsigned char)(kind << 6 | (length < LENGTH_LONG ? length : LENGTH_LONG));
	if (length >= LENGTH_LONG)
		for (; at < 5; at++)
			entry->bytes[at] = (unsigned char)(length >> (8 * (at - 1)));
	if (kind == KIND_PLAIN)
		memcpy(entry->bytes + at, text.ptr, text.len);
	else
		for (size_t i = 0; i < length; i++)
			entry->bytes[at + i] =
			    (unsigned char)(hex_value(digits.ptr[2 * i]) << 4 | hex_value(digits.ptr[2 * i + 1]));
	entry->len = at + length;
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

static void
grow_slots(struct texts *texts)
{
	struct text_slot *old = texts->slots;
	size_t old_count = texts->slot_count;
	texts->slot_count = old_count == 0 ? 1024 : old_count * 2;
	texts->slots = mem_zero(texts->slot_count, sizeof texts->slots[0]);
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
	}
	if (texts->len == 0)
		texts->bytes[texts->len++] = 0;
	memcpy(texts->bytes + texts->len, entry->bytes, entry->len);
	texts->len += entry->len;
}

struct text
texts_put(struct texts *texts, struct slice text)
{
	if (text.len == 0)
		return TEXT_NONE;
	if (texts->count >= texts->slot_count / 8 * 7)
		grow_slots(texts);
	struct entry entry;
	entry_make(&entry, text);
	uint32_t hash = hash_of(&entry);
	struct text_slot *slot = &texts->slots[find(texts, &entry, hash)];
	if (slot->at == 0 && texts->len + entry.len >= UINT32_MAX) {
		texts->full = true;
	} else if (slot->at == 0) {
		uint32_t at = texts->len == 0 ? 1 : (uint32_t)texts->len;
		append(texts, &entry);
		*slot = (struct text_slot){at, hash};
		texts->count++;
	}
	entry_free(&entry);
	return (struct text){slot->at};
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
	if (prefix > 0)
		memcpy(out, "0x", 2);
	for (size_t i = 0; i < length; i++) {
		out[prefix + 2 * i] = "0123456789abcdef"[entry[at + i] >> 4];
		out[prefix + 2 * i + 1] = "0123456789abcdef"[entry[at + i] & 15];
	}
	return (struct slice){out, prefix + 2 * length};
}
