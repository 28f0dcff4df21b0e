#include "app/manifests.h"

#include "base/encode.h"
#include "deliver/compose.h"
#include "store/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	TYPES_MAX = 512,
	PAGE_EVENTS = 500,
	RETENTION_DAYS = 90,
	SETTLE_S_MAX = 60, /* after its end a period is left alone for this long, or a twelfth of itself */
	BODY_BYTES_MAX = 1 << 18,
};

/* A digest over the events of one type, by rising number. */
struct line {
	struct slice type;
	struct digest_node node;
};

struct manifest {
	int64_t from, to;	  /* seconds since 1970 */
	int64_t first, last;	  /* numbers; 0: none */
	struct digest_node whole; /* the tree's */
	struct line lines[TYPES_MAX];
	size_t line_count;
	struct arena arena;
};

struct manifests {
	const struct config *config;
	const struct log *log;
	struct background *background;
	int64_t done; /* all endpoints have theirs of the period that ends here */
};

/* --- what there was ----------------------------------------------------------------------------------- */

static struct store_request *
request_for(const struct endpoint *endpoint, enum store_kind kind)
{
	char organisation[ID_TEXT_BYTES], id[ID_TEXT_BYTES];
	struct store_request *request = store_request_new(kind, clock_wall());
	id_format(ID_ORGANISATION, endpoint->organisation.value, organisation);
	request->ref = arena_copy(&request->arena, slice_of(organisation));
	request->endpoint_ref = arena_copy(&request->arena, slice_of(id_format(ID_ENDPOINT, endpoint->id.value, id)));
	return request;
}

static enum digest_level
level_of(int64_t seconds)
{
	return seconds == 86400 ? DIGEST_DAY : seconds == 3600 ? DIGEST_HOUR : DIGEST_MINUTE;
}

/* The tree's own digest of the period, once it is built. */
static enum error_code
read_whole(struct manifests *manifests, const struct endpoint *endpoint, struct manifest *manifest, struct error *error)
{
	for (;;) {
		struct store_request *request = request_for(endpoint, STORE_DIGEST);
		request->admin->digest = (struct store_digest){
		    .level = level_of(manifests->config->manifest_every_s), .from = manifest->from, .to = manifest->to};
		enum error_code code = background_ask(manifests->background, request, error);
		bool building = code == OK && request->admin->digest.building;
		digest_begin(&manifest->whole, manifest->from);
		if (code == OK && request->admin->digest.count > 0)
			manifest->whole = request->admin->digest.nodes[0];
		store_request_free(request);
		if (code == OK && building && background_stopping(manifests->background))
			code = error_set(error, ERR_UNAVAILABLE, "the server is stopping");
		if (!building || code != OK)
			return code;
	}
}

static void
add_event(struct manifest *manifest, const struct endpoint *endpoint, const struct store_delivery *delivery)
{
	const struct message *message = delivery->message;
	struct arena arena = ARENA_EMPTY;
	unsigned char digest[SHA256_BYTES] = {0};
	if (slice_present(message->payload))
		sha256(compose_body(&arena, endpoint->payload_style, endpoint->version, endpoint->environment, message),
		    digest);
	else if (delivery->payload_sha256.len == SHA256_BYTES)
		memcpy(digest, delivery->payload_sha256.ptr, SHA256_BYTES);
	size_t at = 0;
	while (at < manifest->line_count && !slice_equal(manifest->lines[at].type, message->event_type))
		at++;
	if (at == manifest->line_count && at < TYPES_MAX) {
		manifest->lines[at].type = arena_copy(&manifest->arena, message->event_type);
		digest_begin(&manifest->lines[at].node, manifest->from);
		manifest->line_count++;
	}
	if (at < TYPES_MAX)
		digest_add(&manifest->lines[at].node, compose_id(&arena, message), digest);
	manifest->first = manifest->first == 0 ? delivery->sequence : manifest->first;
	manifest->last = delivery->sequence;
	arena_free(&arena);
}

/* One page of the feed behind `*after`. `*end`: what comes is of a later period, or there is no more. */
static enum error_code
read_page(struct manifests *manifests, const struct endpoint *endpoint, struct manifest *manifest, size_t limit,
    int64_t *after, bool *end, int64_t *second, struct error *error)
{
	struct store_request *request = request_for(endpoint, STORE_FEED);
	request->page = (struct store_page){.limit = limit, .after = *after};
	enum error_code code = background_ask(manifests->background, request, error);
	*end = code != OK || (!request->more && request->count == 0);
	for (size_t i = 0; code == OK && i < request->count && !*end; i++) {
		*second = request->deliveries[i].message->created.us / 1000000;
		*after = request->deliveries[i].sequence;
		if (manifest != NULL && *second >= manifest->from && *second < manifest->to)
			add_event(manifest, endpoint, &request->deliveries[i]);
		*end = manifest != NULL && *second >= manifest->to;
	}
	*end = *end || (code == OK && !request->more);
	store_request_free(request);
	return code;
}

/* A number whose event is older than the period, as near to it as can be told by halving. */
static enum error_code
find_begin(
    struct manifests *manifests, const struct endpoint *endpoint, int64_t from, int64_t *after, struct error *error)
{
	int64_t low = 0, high = endpoint->sequence;
	while (low < high) {
		int64_t middle = low + (high - low) / 2, at = middle, second = INT64_MAX;
		bool end;
		enum error_code code = read_page(manifests, endpoint, NULL, 1, &at, &end, &second, error);
		if (code != OK)
			return code;
		if (second < from)
			low = middle + 1;
		else
			high = middle;
	}
	*after = low;
	return OK;
}

static enum error_code
gather(struct manifests *manifests, const struct endpoint *endpoint, struct manifest *manifest, struct error *error)
{
	int64_t after = 0, second = 0;
	enum error_code code = read_whole(manifests, endpoint, manifest, error);
	if (code == OK)
		code = find_begin(manifests, endpoint, manifest->from, &after, error);
	for (bool end = false; code == OK && !end;) {
		code = read_page(manifests, endpoint, manifest, PAGE_EVENTS, &after, &end, &second, error);
		if (code == OK && background_stopping(manifests->background))
			code = error_set(error, ERR_UNAVAILABLE, "the server is stopping");
	}
	return code;
}

/* --- telling it --------------------------------------------------------------------------------------- */

static void
put_hash(struct json_writer *w, const char *name, const struct digest_node *node)
{
	struct buf hex;
	buf_init(&hex, (size_t)2 * SHA256_BYTES);
	hex_append(&hex, (struct slice){(const char *)node->hash, SHA256_BYTES});
	json_put_string(w, name, buf_slice(&hex));
	buf_free(&hex);
}

static void
put_time(struct json_writer *w, const char *name, int64_t second)
{
	char text[TIME_TEXT_BYTES];
	json_put_cstring(w, name, time_format((struct wall_time){second * 1000000}, 3, text));
}

static void
put_data(struct json_writer *w, const struct manifest *manifest)
{
	char day[TIME_TEXT_BYTES];
	time_format((struct wall_time){manifest->from * 1000000}, 0, day);
	json_open(w, '{');
	json_put_string(w, "day", (struct slice){day, 10});
	put_time(w, "from", manifest->from);
	put_time(w, "to", manifest->to);
	if (manifest->first > 0) {
		json_put_integer(w, "first_sequence", manifest->first);
		json_put_integer(w, "last_sequence", manifest->last);
	}
	json_put_integer(w, "count", manifest->whole.count);
	put_hash(w, "sha256", &manifest->whole);
	json_key(w, "types");
	json_open(w, '[');
	for (size_t i = 0; i < manifest->line_count; i++) {
		json_open(w, '{');
		json_put_string(w, "type", manifest->lines[i].type);
		json_put_integer(w, "count", manifest->lines[i].node.count);
		put_hash(w, "sha256", &manifest->lines[i].node);
		json_close(w);
	}
	json_close(w);
	json_close(w);
}

static void
put_envelope(struct json_writer *w, const struct endpoint *endpoint, const struct manifest *manifest, struct slice id)
{
	char organisation[ID_TEXT_BYTES];
	id_format(ID_ORGANISATION, endpoint->organisation.value, organisation);
	json_open(w, '{');
	json_put_string(w, "id", id);
	json_put_string(w, "type", MANIFEST_TYPE);
	json_put_cstring(w, "version", "1");
	json_put_cstring(w, "environment", environment_name(endpoint->environment));
	json_put_cstring(w, "organisation", organisation);
	json_put_cstring(w, "service", "system");
	json_key(w, "resource");
	json_open(w, '{');
	json_put_cstring(w, "type", "stream");
	json_put_cstring(w, "id", organisation);
	json_close(w);
	put_time(w, "occurred_at", manifest->to);
	put_time(w, "created_at", clock_wall().us / 1000000);
	json_put_cstring(w, "previous_status", NULL);
	json_key(w, "actor");
	json_raw(w, SLICE("{\"type\":\"system\",\"id\":\"vaultbell\"}"));
	json_put_cstring(w, "correlation_id", NULL);
	json_put_cstring(w, "client_reference", NULL);
	json_key(w, "data");
	put_data(w, manifest);
	json_close(w);
}

static enum error_code
post(struct manifests *manifests, const struct endpoint *endpoint, const struct manifest *manifest, struct slice id,
    struct error *error)
{
	struct buf body;
	struct json_writer writer;
	buf_init(&body, BODY_BYTES_MAX);
	json_writer_init(&writer, &body);
	put_envelope(&writer, endpoint, manifest, id);
	struct store_request *request = request_for(endpoint, STORE_ACCEPT);
	struct message *message = message_new();
	message->event_type = MANIFEST_TYPE;
	message->event_id = arena_copy(&message->arena, id);
	message->retention_days = RETENTION_DAYS;
	message->payload = arena_copy(&message->arena, buf_slice(&body));
	request->message = message;
	request->only_endpoint = true;
	enum error_code code = body.overflow ? error_set(error, ERR_LIMIT, "a manifest has too many types")
					     : background_ask(manifests->background, request, error);
	store_request_free(request);
	buf_free(&body);
	return code == ERR_CONFLICT ? OK : code;
}

static enum error_code
make(struct manifests *manifests, const struct endpoint *endpoint, int64_t from, int64_t to, struct error *error)
{
	struct manifest *manifest = mem_zero(1, sizeof *manifest);
	manifest->from = from;
	manifest->to = to;
	char endpoint_id[ID_TEXT_BYTES];
	id_format(ID_ENDPOINT, endpoint->id.value, endpoint_id);
	struct slice id = arena_printf(&manifest->arena, "manifest_%s_%" PRId64, endpoint_id, from);
	struct store_request *known = request_for(endpoint, STORE_MESSAGE_GET);
	known->message_ref = id;
	bool told = background_ask(manifests->background, known, error) == OK;
	store_request_free(known);
	enum error_code code = told ? OK : gather(manifests, endpoint, manifest, error);
	if (code == OK && !told)
		code = post(manifests, endpoint, manifest, id, error);
	arena_free(&manifest->arena);
	free(manifest);
	return code;
}

/* --- the job ------------------------------------------------------------------------------------------ */

static bool
wants(const struct endpoint *endpoint, int64_t to)
{
	return slice_list_has(endpoint->event_types, MANIFEST_TYPE) && endpoint->state != ENDPOINT_DISABLED &&
	       endpoint->created.us / 1000000 < to;
}

static int64_t
run(void *context, struct background *background)
{
	struct manifests *manifests = context;
	int64_t length = manifests->config->manifest_every_s;
	int64_t settle = length / 12 < SETTLE_S_MAX ? length / 12 : SETTLE_S_MAX;
	int64_t to = (clock_wall().us / 1000000 - settle) / length * length;
	int64_t again_ms = settle * 1000;
	if (to == manifests->done)
		return again_ms;
	struct error error = ERROR_NONE;
	struct store_request *all = store_request_new(STORE_ENDPOINTS_ALL, clock_wall());
	bool good = background_ask(background, all, &error) == OK;
	for (size_t i = 0; i < all->count && !background_stopping(background); i++) {
		if (!wants(&all->endpoints[i], to))
			continue;
		if (make(manifests, &all->endpoints[i], to - length, to, &error) != OK) {
			good = false;
			log_write(manifests->log, LOG_ERROR, "a manifest is not made", "error", error.text, NULL);
		}
	}
	store_request_free(all);
	if (good)
		manifests->done = to;
	return again_ms;
}

struct manifests *
manifests_new(const struct config *config, const struct log *log, struct background *background)
{
	struct manifests *manifests = mem_zero(1, sizeof *manifests);
	*manifests = (struct manifests){.config = config, .log = log, .background = background};
	struct background_job job = {.name = "manifests", .run = run, .context = manifests, .first_ms = 1000};
	(void)background_add(background, &job);
	return manifests;
}

void
manifests_free(struct manifests *manifests)
{
	free(manifests);
}
