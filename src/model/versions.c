#include "model/versions.h"

#include "json/json.h"

void
versions_set(struct message *message, struct slice payload, struct slice versions)
{
	if (!slice_present(versions)) {
		message->payload = arena_copy(&message->arena, payload);
		return;
	}
	char *whole = arena_alloc(&message->arena, payload.len + versions.len);
	if (payload.len > 0)
		memcpy(whole, payload.ptr, payload.len);
	memcpy(whole + payload.len, versions.ptr, versions.len);
	versions_take(message, (struct slice){whole, payload.len + versions.len}, versions.len);
}

struct slice
versions_whole(const struct message *message)
{
	if (!slice_present(message->versions))
		return message->payload;
	ENSURE(message->versions.ptr == message->payload.ptr + message->payload.len);
	return (struct slice){message->payload.ptr, versions_bytes(message)};
}

void
versions_take(struct message *message, struct slice whole, size_t length)
{
	message->payload = whole;
	if (length == 0 || length > whole.len)
		return;
	message->payload.len -= length;
	message->versions = slice_skip(whole, message->payload.len);
}

int32_t
versions_number(struct json key)
{
	/* As it was posted, with its quotes: an escape or a leading zero would be a second name of the same number. */
	struct slice digits = {key.raw.ptr + 1, key.raw.len - 2};
	int64_t number;
	if (digits.len == 0 || digits.ptr[0] < '1' || digits.ptr[0] > '9' || !slice_to_int64(digits, &number))
		return 0;
	return number > VERSION_FIRST && number <= LIMIT_PAYLOAD_VERSION ? (int32_t)number : 0;
}

static struct json_iterator
iterate(const struct message *message)
{
	struct json object;
	bool usable = slice_present(message->versions) &&
		      json_parse(message->versions, LIMIT_JSON_DEPTH, &object, NULL) == OK &&
		      object.type == JSON_OBJECT;
	return usable ? json_iterate(object) : json_iterate((struct json){JSON_OBJECT, SLICE("{}")});
}

struct slice
versions_pick(const struct message *message, int32_t wanted, int32_t *number)
{
	struct slice picked = message->payload;
	int32_t best = VERSION_FIRST;
	if (slice_present(message->versions) && wanted > VERSION_FIRST) {
		struct json_iterator iterator = iterate(message);
		struct json key, value;
		while (json_next(&iterator, &key, &value)) {
			int32_t of = versions_number(key);
			if (of > best && of <= wanted) {
				best = of;
				picked = value.raw;
			}
		}
	}
	if (number != NULL)
		*number = best;
	return picked;
}

size_t
versions_digests(const struct message *message, unsigned char out[static VERSIONS_DIGESTS_BYTES])
{
	size_t length = SHA256_BYTES;
	sha256(message->payload, out);
	if (!slice_present(message->versions))
		return length;
	struct json_iterator iterator = iterate(message);
	struct json key, value;
	while (length + VERSIONS_NUMBER_BYTES + SHA256_BYTES <= VERSIONS_DIGESTS_BYTES &&
	       json_next(&iterator, &key, &value)) {
		int32_t number = versions_number(key);
		out[length] = (unsigned char)(number >> 8);
		out[length + 1] = (unsigned char)(number & 0xff);
		sha256(value.raw, out + length + VERSIONS_NUMBER_BYTES);
		length += VERSIONS_NUMBER_BYTES + SHA256_BYTES;
	}
	return length;
}

struct slice
versions_digest(struct slice digests, int32_t wanted)
{
	if (digests.len < SHA256_BYTES)
		return SLICE_NONE;
	struct slice picked = {digests.ptr, SHA256_BYTES};
	int32_t best = VERSION_FIRST;
	for (size_t at = SHA256_BYTES; at + VERSIONS_NUMBER_BYTES + SHA256_BYTES <= digests.len;
	     at += VERSIONS_NUMBER_BYTES + SHA256_BYTES) {
		int32_t number = (unsigned char)digests.ptr[at] << 8 | (unsigned char)digests.ptr[at + 1];
		if (number > best && number <= wanted) {
			best = number;
			picked = (struct slice){digests.ptr + at + VERSIONS_NUMBER_BYTES, SHA256_BYTES};
		}
	}
	return picked;
}
