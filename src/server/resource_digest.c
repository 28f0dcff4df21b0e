/* The digests of what an endpoint gets (store/digest.h), for a receiver that compares. */
#include "server/resources.h"

#include "base/encode.h"

enum { EVENT_DIGEST_BYTES = 16, TEXT_BYTES_MAX = 64 };

static void
put_digest(struct json_writer *writer, const unsigned char *bytes, size_t length)
{
	struct buf text;
	buf_init(&text, TEXT_BYTES_MAX);
	base64url_append(&text, (struct slice){(const char *)bytes, length});
	json_string(writer, buf_slice(&text));
	buf_free(&text);
}

static void
put_row(struct json_writer *writer, const struct store_digest *digest, size_t i)
{
	json_open(writer, '[');
	if (digest->level == DIGEST_EVENT) {
		json_string(writer, digest->events[i].id);
		put_digest(writer, digest->events[i].sha256, EVENT_DIGEST_BYTES);
	} else {
		json_integer(writer, digest->nodes[i].start);
		json_integer(writer, digest->nodes[i].count);
		put_digest(writer, digest->nodes[i].hash, SHA256_BYTES);
	}
	json_close(writer);
}

static void
finish(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	const struct store_digest *digest = &request->admin->digest;
	struct json_writer *writer = call_write(call);
	json_open(writer, '{');
	json_put_cstring(writer, "level", digest_level_name(digest->level));
	json_put_integer(writer, "through", digest->through);
	json_put_bool(writer, "building", digest->building);
	json_put_bool(writer, "cut", request->more && !digest->building);
	json_key(writer, "data");
	json_open(writer, '[');
	for (size_t i = 0; i < digest->count; i++)
		put_row(writer, digest, i);
	json_close(writer);
	json_close(writer);
	call_end(call, 200);
}

/* What is below an hour is made from the events themselves, so the stretch must be short. */
static bool
sensible(enum digest_level level, int64_t from, int64_t to)
{
	return from >= 0 && to >= from && (level < DIGEST_SECOND || to - from <= 60);
}

void
digest_list(struct call *call)
{
	struct error error = ERROR_NONE;
	int64_t from = 0, to = call->now.us / 1000000;
	struct slice name = query_get(&call->query, "level");
	enum digest_level level = DIGEST_DAY;
	enum error_code code = query_integer(&call->query, "from", &from, &error);
	if (code == OK)
		code = query_integer(&call->query, "to", &to, &error);
	if (code != OK) {
		call_problem(call, 400, "generic_error", "%s", error.text);
		return;
	}
	call->check.root = "query";
	if (slice_present(name) && !digest_level_parse(name, &level))
		check_fail(&call->check, CHECK_VALUE, "level", "It must be day, hour, minute, second or event.");
	if (!sensible(level, from, to))
		check_fail(&call->check, CHECK_VALUE, "to",
		    "It must not be before from; of seconds and events, at most 60 s after it.");
	if (!call_checked(call, NULL))
		return;
	struct store_request *request = call_request(call, STORE_DIGEST);
	request->endpoint_ref = arena_copy(&request->arena, call->params[1]);
	request->admin->digest = (struct store_digest){.level = level, .from = from, .to = to};
	call_submit(call, request, finish);
}
