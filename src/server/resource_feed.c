/* The feed of an endpoint: what it gets, by its gap-free sequence, with the very bytes that are pushed (M8, M11).
 *
 * A body is written as base64, because it has to come back byte for byte, whatever it is. Signatures are made anew, as
 * for an attempt, so that who pulls checks with the keys that he has for what is pushed: a feed is believed no more than
 * a push. */
#include "server/resources.h"

#include "base/encode.h"
#include "deliver/compose.h"

enum { BODY_ROOM_MAX = 4 * LIMIT_BODY_BYTES };

struct pulling {
	struct target *target;
	bool signatures;
	const struct store_request *request;
};

static void
put_body(struct json_writer *writer, struct slice body)
{
	struct buf text;
	unsigned char digest[SHA256_BYTES];
	buf_init(&text, BODY_ROOM_MAX);
	base64_append(&text, body);
	sha256(body, digest);
	json_put_string(writer, "body", buf_slice(&text));
	out_digest(writer, "bodySha256", (struct slice){(const char *)digest, sizeof digest});
	buf_free(&text);
}

/* Null where they are not wanted, or cannot be made: then the body is there all the same. */
static void
put_headers(struct call *call, const struct pulling *pulling, const struct store_delivery *delivery)
{
	struct json_writer *writer = &call->writer;
	struct transmission sent = {.arena = ARENA_EMPTY};
	struct error error = ERROR_NONE;
	struct compose_input input = {
	    .kind = COMPOSE_PULLED,
	    .target = pulling->target,
	    .message = delivery->message,
	    .sequence = delivery->sequence,
	    .now = call->now,
	};
	json_key(writer, "headers");
	if (!pulling->signatures || compose(&input, &sent, &error) != OK) {
		json_null(writer);
		arena_free(&sent.arena);
		return;
	}
	json_open(writer, '{');
	for (size_t i = 0; i < sent.headers.count; i++) {
		json_key(writer, arena_string(&sent.arena, sent.headers.items[i].name));
		json_string(writer, sent.headers.items[i].value);
	}
	json_close(writer);
	arena_free(&sent.arena);
}

static void
put_event(struct call *call, const struct pulling *pulling, const struct store_delivery *delivery)
{
	struct json_writer *writer = &call->writer;
	struct arena *arena = &call->exchange->arena;
	const struct message *message = delivery->message;
	const struct target *target = pulling->target;
	char time[TIME_TEXT_BYTES];
	bool kept = slice_present(message->payload);
	/* A body is shown as it is sent, or not at all. */
	bool readable = call_content(call, message->event_type) == CONTENT_SHOWN &&
			call_message(call, pulling->request, message) == message;
	json_open(writer, '{');
	json_put_integer(writer, "sequence", delivery->sequence);
	json_put_string(writer, "id", compose_id(arena, message));
	json_put_string(writer, "eventType", message->event_type);
	json_put_cstring(writer, "createdAt", time_format(message->created, 3, time));
	if (kept && readable) {
		put_body(writer, compose_body(arena, target->style, target->version, target->environment, message));
		json_put_cstring(writer, "payloadSha256", NULL);
		json_put_cstring(writer, "absent", NULL);
		put_headers(call, pulling, delivery);
	} else {
		json_put_cstring(writer, "body", NULL);
		json_put_cstring(writer, "bodySha256", NULL);
		out_digest(writer, "payloadSha256", delivery->payload_sha256);
		json_put_cstring(writer, "absent", kept ? "withheld" : "expunged");
		json_put_cstring(writer, "headers", NULL);
	}
	json_close(writer);
}

static void
finish_feed(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	static const struct schedule no_schedule;
	struct pulling pulling = {
	    .target = target_new(&request->admin->endpoint, &no_schedule, call->api->options.sealer, NULL),
	    .signatures = *(const bool *)call->context,
	    .request = request,
	};
	int64_t next = request->page.after;
	struct json_writer *writer = call_write(call);
	json_open(writer, '{');
	json_key(writer, "data");
	json_open(writer, '[');
	for (size_t i = 0; i < request->count; i++) {
		put_event(call, &pulling, &request->deliveries[i]);
		next = request->deliveries[i].sequence;
	}
	json_close(writer);
	json_put_integer(writer, "next", next);
	json_put_integer(writer, "newest", request->newest);
	json_put_bool(writer, "done", !request->more);
	json_put_string(writer, "authority", pulling.target->authority);
	json_put_string(writer, "path", pulling.target->path);
	json_close(writer);
	target_free(pulling.target);
	call_end(call, 200);
}

void
feed_list(struct call *call)
{
	struct error error = ERROR_NONE;
	int64_t after = 0, limit = LIMIT_FEED_PAGE_DEFAULT;
	bool *signatures = arena_alloc(&call->exchange->arena, sizeof *signatures);
	*signatures = true;
	call->context = signatures;
	call->with_content = true;
	if (!call_flag(call, "signatures", signatures))
		return;
	enum error_code code = query_integer(&call->query, "after", &after, &error);
	if (code == OK)
		code = query_integer(&call->query, "limit", &limit, &error);
	if (code != OK) {
		call_problem(call, 400, "generic_error", "%s", error.text);
		return;
	}
	call->check.root = "query";
	if (after < 0)
		check_fail(&call->check, CHECK_VALUE, "after", "It must be 0 or more.");
	if (limit < 1 || limit > LIMIT_FEED_PAGE)
		check_fail(&call->check, CHECK_VALUE, "limit", "The limit must be between 1 and %d.", LIMIT_FEED_PAGE);
	if (!call_checked(call, NULL))
		return;
	struct store_request *request = call_request(call, STORE_FEED);
	request->endpoint_ref = arena_copy(&request->arena, call->params[1]);
	request->page = (struct store_page){.limit = (size_t)limit, .after = after};
	call_submit(call, request, finish_feed);
}
