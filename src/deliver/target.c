#include "deliver/target.h"

#include <stdio.h>
#include <stdlib.h>

/* scheme://authority[/path][?query], as the server normalised it. */
static void
split_url(struct target *target)
{
	struct slice rest = target->url;
	bool https = slice_starts(rest, SLICE("https://"));
	rest = slice_skip(rest, https ? 8 : 7);
	size_t end = 0;
	while (end < rest.len && strchr("/?#", rest.ptr[end]) == NULL)
		end++;
	struct slice authority = {rest.ptr, end};
	rest = slice_skip(rest, end);
	struct slice port = https ? SLICE(":443") : SLICE(":80");
	if (authority.len > port.len && slice_equal(slice_skip(authority, authority.len - port.len), port))
		authority.len -= port.len;
	target->authority = authority;
	struct slice path = slice_cut(&rest, '#');
	path = slice_cut(&path, '?');
	target->path = path.len == 0 ? SLICE("/") : path;
}

static void
read_headers(struct target *target, struct slice headers)
{
	struct json object;
	if (!slice_present(headers) || json_parse(headers, LIMIT_JSON_DEPTH, &object, NULL) != OK ||
	    object.type != JSON_OBJECT)
		return;
	target->custom.items = arena_alloc(&target->arena, json_count(object) * sizeof target->custom.items[0]);
	struct json_iterator iterator = json_iterate(object);
	struct json name, value;
	while (json_next(&iterator, &name, &value))
		if (value.type == JSON_STRING)
			target->custom.items[target->custom.count++] =
			    (struct http_header){json_text(&target->arena, name), json_text(&target->arena, value)};
}

static void
open_keys(struct target *target, const struct endpoint *endpoint, const struct sealer *sealer)
{
	for (size_t i = 0; i < endpoint->key_count; i++) {
		struct error error = ERROR_NONE;
		struct secret text = {NULL, 0};
		struct key *key = NULL;
		enum error_code code =
		    sealer_open_sealed(sealer, ENDPOINT_KEY_CONTEXT, endpoint->keys[i].sealed, &text, &error);
		if (code == OK)
			code = key_parse(endpoint->scheme, secret_reveal(&text), &key, &error);
		secret_free(&text);
		if (code != OK) {
			snprintf(target->problem, sizeof target->problem,
			    "a signing key of the endpoint cannot be opened: is it another master key?");
			return;
		}
		target->key_expires[target->key_count] = endpoint->keys[i].expires;
		target->keys[target->key_count++] = key;
	}
	if (target->key_count == 0)
		snprintf(target->problem, sizeof target->problem, "the endpoint has no signing key");
}

struct target *
target_new(const struct endpoint *endpoint, const struct schedule *fallback, const struct sealer *sealer,
    struct target *before)
{
	struct target *target = mem_zero(1, sizeof *target);
	target->id = endpoint->id;
	target->organisation = endpoint->organisation;
	target->state = endpoint->state;
	target->failing_since = endpoint->failing_since;
	target->url = arena_copy(&target->arena, endpoint->url);
	target->style = endpoint->payload_style;
	target->version = endpoint->version;
	target->order = endpoint->order;
	target->rate_per_s = endpoint->throttle_rate;
	target->scheme = endpoint->scheme;
	target->environment = endpoint->environment;
	target->heartbeat_s = endpoint_heartbeat(endpoint);
	target->newest = endpoint->sequence;
	target->schedule = *fallback;
	if (slice_present(endpoint->schedule) && schedule_parse(endpoint->schedule, &target->schedule, NULL) != OK)
		target->schedule = *fallback;
	split_url(target);
	read_headers(target, endpoint->headers);
	if (sealer == NULL)
		return target;
	open_keys(target, endpoint, sealer);
	if (before != NULL && before->credentials != NULL && credentials_are_of(before->credentials, endpoint)) {
		target->credentials = before->credentials;
		before->credentials = NULL;
	} else {
		target->credentials = credentials_new(endpoint, sealer);
	}
	target->peer_expires = before == NULL ? WALL_NONE : before->peer_expires;
	if (target->problem[0] == '\0' && target->credentials != NULL)
		memcpy(target->problem, target->credentials->problem, sizeof target->problem);
	return target;
}

void
target_free(struct target *target)
{
	if (target == NULL)
		return;
	for (size_t i = 0; i < target->key_count; i++)
		key_unref(target->keys[i]);
	credentials_unref(target->credentials);
	arena_free(&target->arena);
	free(target);
}

size_t
target_keys(const struct target *target, struct wall_time now, struct key **out)
{
	size_t count = 0;
	for (size_t i = 0; i < target->key_count; i++)
		if (target->key_expires[i].us == 0 || target->key_expires[i].us > now.us)
			out[count++] = target->keys[i];
	return count;
}
