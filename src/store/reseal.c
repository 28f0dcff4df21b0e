#include "store/reseal.h"

#include "base/encode.h"
#include "model/authentication.h"
#include "store/change.h"

enum { DOCUMENT_BYTES_MAX = 8 << 20 };

static bool
reseal(const struct store_resealing *resealing, struct arena *arena, struct slice purpose, struct slice *sealed)
{
	if (!slice_present(*sealed))
		return false;
	struct slice fresh = resealing->reseal(resealing->context, arena, purpose, *sealed);
	if (!slice_present(fresh))
		return false;
	*sealed = fresh;
	return true;
}

bool
reseal_endpoint(const struct store_resealing *resealing, struct arena *arena, struct endpoint *endpoint)
{
	bool changed = false;
	for (size_t i = 0; i < endpoint->key_count; i++)
		changed = reseal(resealing, arena, ENDPOINT_KEY_CONTEXT, &endpoint->keys[i].sealed) || changed;
	return reseal(resealing, arena, ENDPOINT_AUTHENTICATION_CONTEXT, &endpoint->authentication_sealed) || changed;
}

bool
reseal_organisation(const struct store_resealing *resealing, struct arena *arena, struct organisation *organisation)
{
	bool changed = false;
	for (size_t i = 0; i < organisation->key_count; i++)
		changed = reseal(resealing, arena, ENDPOINT_KEY_CONTEXT, &organisation->keys[i].sealed) || changed;
	return changed;
}

/* --- documents ----------------------------------------------------------------------------------------- */

/* The two members that hold sealed bytes (documents.c). We wrote the text, without white space, so that this is what
 * they look like; within a string the quotation mark behind the name would be escaped. */
static const struct {
	const char *begin;
	struct slice purpose;
} members[] = {
    {"\"sealed\":\"", {"endpoint-key", 12}},
    {"\"authentication_sealed\":\"", {"endpoint-authentication", 23}},
};

/* The next such member at or behind `from`: where its value begins; SIZE_MAX: there is none. */
static size_t
find_member(struct slice text, size_t from, struct slice *purpose)
{
	size_t first = SIZE_MAX;
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		size_t length = strlen(members[i].begin);
		const char *at = memmem(text.ptr + from, text.len - from, members[i].begin, length);
		size_t begin = at == NULL ? SIZE_MAX : (size_t)(at - text.ptr) + length;
		if (begin < first) {
			first = begin;
			*purpose = members[i].purpose;
		}
	}
	return first;
}

static bool
reseal_document(const struct store_resealing *resealing, struct arena *arena, struct slice *document)
{
	if (!slice_present(*document))
		return false;
	struct slice text = *document, purpose = SLICE_NONE;
	struct buf out;
	bool changed = false;
	size_t done = 0;
	buf_init(&out, DOCUMENT_BYTES_MAX);
	for (size_t at = find_member(text, 0, &purpose); at != SIZE_MAX; at = find_member(text, done, &purpose)) {
		const char *end = memchr(text.ptr + at, '"', text.len - at);
		ENSURE(end != NULL);
		struct slice value = {text.ptr + at, (size_t)(end - (text.ptr + at))};
		struct slice sealed = base64_decode(arena, value, false);
		buf_append(&out, (struct slice){text.ptr + done, at - done});
		bool fresh = reseal(resealing, arena, purpose, &sealed);
		if (fresh)
			base64_append(&out, sealed);
		else
			buf_append(&out, value);
		changed = changed || fresh;
		done = at + value.len;
	}
	buf_append(&out, slice_skip(text, done));
	ENSURE(!out.overflow);
	if (changed)
		*document = arena_copy(arena, buf_slice(&out));
	buf_free(&out);
	return changed;
}

bool
reseal_change(const struct store_resealing *resealing, struct arena *arena, struct change_request *change)
{
	bool before = reseal_document(resealing, arena, &change->before);
	bool after = reseal_document(resealing, arena, &change->after);
	return before || after;
}
