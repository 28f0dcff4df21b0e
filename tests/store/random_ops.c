#include "random_ops.h"

#include "model/versions.h"
#include "store/emit.h"

#include <stdio.h>

struct maker {
	struct random *random;
	const struct known *known;
	struct store_request *request;
};

static int
below(struct maker *maker, int bound)
{
	return (int)random_below(maker->random, (uint64_t)bound);
}

static bool
chance(struct maker *maker, int of)
{
	return random_chance(maker->random, 1, (uint64_t)of);
}

/* --- parts ------------------------------------------------------------------------------------------- */

static struct slice
name(struct maker *maker, const char *prefix, int count)
{
	return arena_printf(&maker->request->arena, "%s%d", prefix, below(maker, count));
}

static struct slice
ref(struct maker *maker, const char *prefix, int names, enum id_kind kind, const int64_t *ids, size_t count)
{
	if (count == 0 || chance(maker, 2))
		return name(maker, prefix, names);
	size_t recent = count < 8 || chance(maker, 4) ? count : 8;
	return id_text(&maker->request->arena, kind, ids[count - 1 - random_below(maker->random, recent)]);
}

static struct slice
organisation_ref(struct maker *maker)
{
	if (chance(maker, 10))
		return STORE_MANAGEMENT_UID;
	return ref(maker, "org-", 3, ID_ORGANISATION, maker->known->organisations, maker->known->organisation_count);
}

static struct slice
endpoint_ref(struct maker *maker)
{
	return ref(maker, "end-", 4, ID_ENDPOINT, maker->known->endpoints, maker->known->endpoint_count);
}

static struct slice
some_message_ref(struct maker *maker)
{
	return ref(maker, "event-", 40, ID_MESSAGE, maker->known->messages, maker->known->message_count);
}

static int64_t
known_id(struct maker *maker, const int64_t *ids, size_t count)
{
	return count == 0 ? 1 : ids[random_below(maker->random, count)];
}

static struct slice_list
names(struct maker *maker, const char *prefix, int count, int most)
{
	struct slice_list list = {arena_alloc(&maker->request->arena, (size_t)most * sizeof list.items[0]), 0};
	int wanted = chance(maker, 2) ? 0 : below(maker, most + 1);
	for (int i = 0; i < wanted; i++) {
		struct slice item = name(maker, prefix, count);
		if (!slice_list_has(list, item))
			list.items[list.count++] = item;
	}
	return list;
}

static struct slice
maybe(struct maker *maker, struct slice text)
{
	return chance(maker, 3) ? SLICE_NONE : text;
}

static struct store_page
page(struct maker *maker, const int64_t *ids, size_t count)
{
	struct store_page page = {.limit = 1 + random_below(maker->random, 8), .descending = chance(maker, 2)};
	if (chance(maker, 2))
		page.after = known_id(maker, ids, count);
	if (chance(maker, 4))
		page.scan = 1 + random_below(maker->random, 12);
	if (chance(maker, 4))
		page.floor = known_id(maker, ids, count);
	if (chance(maker, 4))
		page.ceiling = known_id(maker, ids, count);
	return page;
}

static void
filter(struct maker *maker)
{
	static const int statuses[] = {-1, 0, 2, 3}, classes[] = {-1, 0, 200, 500};
	struct store_filter *filter = &maker->request->filter;
	filter->event_types = names(maker, "builtin.", 3, 2);
	if (chance(maker, 3))
		filter->channel = name(maker, "channel-", 3);
	filter->unowned = chance(maker, 4);
	filter->status = chance(maker, 2) ? -1 : statuses[below(maker, COUNT_OF(statuses))];
	filter->status_code_class = chance(maker, 2) ? -1 : classes[below(maker, COUNT_OF(classes))];
	if (chance(maker, 3))
		filter->endpoint_ref = endpoint_ref(maker);
}

/* --- edits ------------------------------------------------------------------------------------------- */

struct change {
	bool refuse;
	enum endpoint_state state;
	struct organisation organisation;
	struct endpoint endpoint;
	struct event_type type;
};

static enum error_code
edit_organisation(
    void *context, struct arena *arena, struct organisation *organisation, bool existed, struct error *error)
{
	const struct change *change = context;
	struct organisation before = *organisation;
	*organisation = organisation_copy(arena, &change->organisation);
	organisation->id = before.id;
	organisation->created = before.created;
	organisation->updated = before.updated;
	organisation->twin = before.twin;
	if (existed && !change->refuse)
		organisation->environment = before.environment;
	return change->refuse ? error_set(error, ERR_INVALID, "refused") : OK;
}

static enum error_code
edit_endpoint(void *context, struct arena *arena, struct endpoint *endpoint, bool existed, struct error *error)
{
	const struct change *change = context;
	struct endpoint before = *endpoint;
	*endpoint = endpoint_copy(arena, &change->endpoint);
	endpoint->id = before.id;
	endpoint->organisation = before.organisation;
	endpoint->created = before.created;
	endpoint->updated = before.updated;
	endpoint->failing_since = before.failing_since;
	endpoint->warned = before.warned;
	endpoint->state = before.state;
	if (existed && change->state != ENDPOINT_DELETED && endpoint_may_move(before.state, change->state))
		endpoint->state = change->state;
	return change->refuse ? error_set(error, ERR_INVALID, "refused") : OK;
}

static enum error_code
edit_type(void *context, struct arena *arena UNUSED, struct event_type *type, bool existed UNUSED, struct error *error)
{
	const struct change *change = context;
	type->description = change->type.description;
	type->deprecated = change->type.deprecated;
	type->archived = false;
	return change->refuse ? error_set(error, ERR_INVALID, "refused") : OK;
}

/* --- things ------------------------------------------------------------------------------------------ */

static struct governance
some_governance(struct maker *maker)
{
	if (chance(maker, 2))
		return (struct governance){.aspects = 0};
	return (struct governance){
	    .aspects = (unsigned)below(maker, GOVERN_ALL + 1),
	    .cool_off_s = below(maker, 2),
	    .contact = maybe(maker, name(maker, "security-", 2)),
	};
}

static struct organisation
some_organisation(struct maker *maker)
{
	bool limited = chance(maker, 6);
	return (struct organisation){
	    .name = name(maker, "Bank ", 100),
	    .uid = maybe(maker, name(maker, "org-", 3)),
	    .metadata = chance(maker, 2) ? SLICE("{}") : SLICE("{\"desk\":\"a\"}"),
	    .throttle_rate = chance(maker, 3) ? below(maker, 100) : 0,
	    .services_limited = limited,
	    .services = limited ? names(maker, "service-", 3, 3) : (struct slice_list){NULL, 0},
	    .environment = (enum environment)below(maker, ENVIRONMENT_COUNT),
	    .governance = some_governance(maker),
	};
}

static struct slice
told_type(struct maker *maker)
{
	static const char *const types[] = {"webhook.endpoint.failing", "webhook.endpoint.suspended",
	    "webhook.endpoint.resumed", "webhook.endpoint.updated", "webhook.key.rotated", "webhook.delivery.exhausted",
	    "webhook.replay.completed"};
	return slice_of(types[below(maker, COUNT_OF(types))]);
}

static struct endpoint
some_endpoint(struct maker *maker)
{
	struct endpoint endpoint = {
	    .url = arena_printf(&maker->request->arena, "https://example.com/%d", below(maker, 1000)),
	    .description = name(maker, "endpoint ", 50),
	    .uid = maybe(maker, name(maker, "end-", 4)),
	    .event_types = names(maker, chance(maker, 5) ? "made." : "builtin.", 3, 3),
	    .channels = chance(maker, 2) ? (struct slice_list){NULL, 0} : names(maker, "channel-", 3, 2),
	    .metadata = SLICE("{}"),
	    .headers = chance(maker, 2) ? SLICE("{}") : SLICE("{\"x-desk\":\"a\"}"),
	    .version = 1 + below(maker, 5),
	    .throttle_rate = chance(maker, 3) ? below(maker, 100) : 0,
	    .payload_style = (enum payload_style)below(maker, PAYLOAD_STYLE_COUNT),
	    .scheme = (enum sign_scheme)below(maker, SCHEME_COUNT),
	    .order = chance(maker, 2) ? ORDER_NONE : (enum delivery_order)below(maker, ORDER_COUNT),
	    .schedule = chance(maker, 3) ? SLICE("1s,5s") : SLICE_NONE,
	    .keys = {{.type = KEY_HMAC, .sealed = name(maker, "sealed", 1000), .created = maker->request->now}},
	    .key_count = 1,
	};
	/* Those that hear of the system itself name its types. */
	if (chance(maker, 3)) {
		struct slice *told = arena_alloc(&maker->request->arena, 3 * sizeof *told);
		for (size_t i = 0; i < 3; i++)
			told[i] = told_type(maker);
		endpoint.event_types = (struct slice_list){told, 3};
	}
	if (chance(maker, 2))
		endpoint.owners[below(maker, DUTY_COUNT)] =
		    (struct owner){name(maker, "team-", 5), maybe(maker, name(maker, "contact-", 5))};
	return endpoint;
}

static struct event_type
some_type(struct maker *maker)
{
	return (struct event_type){
	    .name = name(maker, "made.", 3),
	    .description = name(maker, "type ", 50),
	    .deprecated = chance(maker, 3),
	    .schemas = chance(maker, 2) ? SLICE_NONE : SLICE("{\"1\":{}}"),
	    .feature_flag = chance(maker, 3) ? name(maker, "flag-", 3) : SLICE_NONE,
	};
}

static struct message *
some_message(struct maker *maker)
{
	struct message *message = message_new();
	struct arena *arena = &message->arena;
	message->event_type = arena_copy(arena, name(maker, "builtin.", 3));
	message->event_id = arena_copy(arena, maybe(maker, name(maker, "event-", 40)));
	message->channels = arena_list(arena, names(maker, "channel-", 3, 2));
	message->payload = arena_printf(arena, "{\"n\":%d}", below(maker, 1000000));
	if (chance(maker, 4))
		versions_set(message, message->payload,
		    arena_printf(arena, "{\"%d\":{\"m\":%d}, \"4\":{}}", 2 + below(maker, 2), below(maker, 1000000)));
	message->retention_days = below(maker, 90);
	return message;
}

/* --- requests ---------------------------------------------------------------------------------------- */

static void
make_key(struct maker *maker)
{
	if (chance(maker, 3))
		test_key(maker->request, below(maker, 200), below(maker, 6));
}

static void
make_edit(struct maker *maker)
{
	struct store_request *request = maker->request;
	struct change *change = arena_alloc(&request->arena, sizeof *change);
	change->refuse = chance(maker, 5);
	change->state = (enum endpoint_state)below(maker, ENDPOINT_STATE_COUNT);
	change->organisation = some_organisation(maker);
	change->endpoint = some_endpoint(maker);
	change->type = some_type(maker);
	request->admin->edit_context = change;
	request->admin->edit_organisation = edit_organisation;
	request->admin->edit_endpoint = edit_endpoint;
	request->admin->edit_event_type = edit_type;
	request->create_missing = chance(maker, 3);
}

static void
make_token(struct maker *maker)
{
	struct store_request *request = maker->request;
	const struct known *known = maker->known;
	struct token *token = &request->admin->token;
	token->role = (enum role)below(maker, ROLE_COUNT);
	token->expires.us = chance(maker, 2) ? 0 : request->now.us + below(maker, 100000);
	snprintf(token->name, sizeof token->name, "token %d", below(maker, 100));
	sha256(arena_printf(&request->arena, "%d", below(maker, 1 << 30)), token->hash);
	if (request->kind != STORE_TOKEN_CREATE && request->kind != STORE_TOKEN_GET)
		token->id.value = known_id(maker, known->tokens, known->token_count);
	if (request->kind != STORE_TOKEN_EXPIRE && chance(maker, 2))
		request->ref = SLICE_NONE;
	request->page = page(maker, known->tokens, known->token_count);
}

/* Another value of the same length, from the value alone. */
static struct slice
turn_around(void *context UNUSED, struct arena *arena, struct slice purpose UNUSED, struct slice sealed)
{
	char *bytes = arena_alloc(arena, sealed.len);
	for (size_t i = 0; i < sealed.len; i++)
		bytes[i] = sealed.ptr[sealed.len - 1 - i];
	return (struct slice){bytes, sealed.len};
}

static void
make_change(struct maker *maker)
{
	static const enum change_state decisions[] = {
	    CHANGE_APPROVED, CHANGE_APPROVED, CHANGE_REFUSED, CHANGE_WITHDRAWN};
	struct store_request *request = maker->request;
	const struct known *known = maker->known;
	if (request->kind == STORE_CHANGE_STEP) {
		request->now.us += below(maker, 3000000);
		return;
	}
	if (request->kind == STORE_ENDPOINT_VERIFIED) {
		request->admin->verified = (struct store_verified){
		    .endpoint = {known_id(maker, known->endpoints, known->endpoint_count)},
		    .challenge = name(maker, "challenge-", 3),
		    .succeeded = chance(maker, 2),
		    .problem = name(maker, "problem ", 5),
		    .due = {request->now.us + below(maker, 1000)},
		};
		return;
	}
	request->admin->change.id.value = known_id(maker, known->changes, known->change_count);
	request->admin->change.state = decisions[below(maker, COUNT_OF(decisions))];
	request->admin->change.reason = maybe(maker, name(maker, "reason ", 5));
	request->admin->change_state = below(maker, CHANGE_STATE_COUNT + 3) - 3;
	request->page = page(maker, known->changes, known->change_count);
}

/* Most of what is asked for, somebody asks for. */
static void
make_actor(struct maker *maker)
{
	struct store_request *request = maker->request;
	request->actor.present = !chance(maker, 4);
	request->actor.server = chance(maker, 8);
	request->actor.token.value = below(maker, 3);
	request->actor.role = (enum role)below(maker, ROLE_COUNT);
	request->audit_action = chance(maker, 3) ? "endpoint.key.rotate" : NULL;
}

static void
make_configuration(struct maker *maker)
{
	struct store_request *request = maker->request;
	request->ref = organisation_ref(maker);
	request->endpoint_ref = endpoint_ref(maker);
	request->admin->organisation = some_organisation(maker);
	request->admin->endpoint = some_endpoint(maker);
	request->admin->event_type = some_type(maker);
	request->get_if_exists = chance(maker, 3);
	request->include_archived = chance(maker, 2);
	request->expunge = chance(maker, 2);
	if (chance(maker, 3))
		request->admin->challenge = name(maker, "challenge-", 3);
	make_edit(maker);
	switch ((int)request->kind) {
	case STORE_ORGANISATION_CREATE:
	case STORE_ENDPOINT_CREATE:
	case STORE_EVENT_TYPE_CREATE: make_key(maker); break;
	case STORE_EVENT_TYPE_EDIT:
	case STORE_EVENT_TYPE_DELETE:
	case STORE_EVENT_TYPE_GET: request->ref = name(maker, "made.", 3); break;
	case STORE_ORGANISATION_LIST:
		request->page = page(maker, maker->known->organisations, maker->known->organisation_count);
		break;
	case STORE_ENDPOINT_LIST:
		request->page = page(maker, maker->known->endpoints, maker->known->endpoint_count);
		break;
	case STORE_EVENT_TYPE_LIST:
		request->page =
		    (struct store_page){.limit = 1 + random_below(maker->random, 3), .descending = chance(maker, 2)};
		if (chance(maker, 2))
			request->page.after_name = name(maker, "made.", 3);
		break;
	case STORE_TOKEN_CREATE:
	case STORE_TOKEN_GET:
	case STORE_TOKEN_REVOKE:
	case STORE_TOKEN_EXPIRE:
	case STORE_TOKEN_LIST:
	case STORE_TOKEN_USED: make_token(maker); break;
	case STORE_CHANGE_DECIDE:
	case STORE_CHANGE_STEP:
	case STORE_CHANGE_GET:
	case STORE_CHANGE_LIST:
	case STORE_ENDPOINT_VERIFIED: make_change(maker); break;
	case STORE_RESEAL:
		maker->request->admin->resealing = (struct store_resealing){.reseal = turn_around,
		    .limit = 1 + (size_t)below(maker, 5),
		    .part = chance(maker, 2) ? RESEAL_CHANGES : RESEAL_ENDPOINTS,
		    .after =
			chance(maker, 2) ? 0 : known_id(maker, maker->known->endpoints, maker->known->endpoint_count)};
		break;
	default: break;
	}
}

static void
make_record(struct maker *maker)
{
	struct store_request *request = maker->request;
	const struct known *known = maker->known;
	bool good = chance(maker, 2);
	request->record = (struct store_record){
	    .message = {known_id(maker, known->messages, known->message_count)},
	    .endpoint = {known_id(maker, known->endpoints, known->endpoint_count)},
	    .state = (enum delivery_state)below(maker, DELIVERY_CANCELLED),
	    .due = {request->now.us + below(maker, 100000)},
	    .set_failing = chance(maker, 3),
	    .failing_since = {chance(maker, 2) ? 0 : request->now.us},
	    .suspend = chance(maker, 8),
	    .warn = chance(maker, 4) ? 1 + below(maker, 2) : 0,
	    .suspends_at = {chance(maker, 2) ? 0 : request->now.us + 1000000},
	    .attempt =
		{
		    .number = 1 + below(maker, 8),
		    .status_code = good ? 200 : below(maker, 2) * 503,
		    .duration_ms = below(maker, 1000),
		    .succeeded = good,
		    .trigger = (enum attempt_trigger)below(maker, 2),
		    .response = maybe(maker, name(maker, "answer ", 100)),
		},
	};
}

/* No endpoint twice. */
static void
make_forwards(struct maker *maker)
{
	const struct known *known = maker->known;
	struct endpoint_id *forwards = arena_alloc(&maker->request->arena, 3 * sizeof *forwards);
	struct store_journal *journal = &maker->request->journal;
	journal->forwards = forwards;
	for (int i = below(maker, 4); i > 0; i--) {
		int64_t id = known_id(maker, known->endpoints, known->endpoint_count);
		bool given = false;
		for (size_t j = 0; j < journal->forward_count; j++)
			given = given || forwards[j].value == id;
		if (!given)
			forwards[journal->forward_count++].value = id;
	}
}

static void
make_event(struct maker *maker)
{
	struct store_request *request = maker->request;
	const struct known *known = maker->known;
	request->ref = organisation_ref(maker);
	request->endpoint_ref = endpoint_ref(maker);
	request->message_ref = some_message_ref(maker);
	if (request->kind == STORE_ACCEPT) {
		request->message = some_message(maker);
		make_key(maker);
		if (chance(maker, 4)) {
			request->new_organisation = arena_alloc(&request->arena, sizeof *request->new_organisation);
			*request->new_organisation = some_organisation(maker);
			request->new_organisation->uid = request->ref;
		}
	} else if (request->kind == STORE_JOURNAL) {
		int body = below(maker, 3);
		request->journal = (struct store_journal){
		    .source = name(maker, "source-", 2),
		    .event_id = name(maker, "journal-", 12),
		    .type = maybe(maker, name(maker, "builtin.", 3)),
		    .message = test_message("builtin.1", body),
		    .looked_up = chance(maker, 3),
		};
		make_forwards(maker);
		memset(request->journal.body_sha256, body, SHA256_BYTES);
	} else if (request->kind == STORE_REFILL) {
		request->refill = (struct store_refill){
		    .endpoint = {known_id(maker, known->endpoints, known->endpoint_count)},
		    .from = {{chance(maker, 2) ? 0 : request->now.us - below(maker, 200000)},
			chance(maker, 2) ? 0 : known_id(maker, known->messages, known->message_count)},
		    .until = {request->now.us + below(maker, 200000) - 100000},
		    .limit = 1 + random_below(maker->random, 6),
		    .bytes_limit = 1 + random_below(maker->random, 60),
		};
	}
}

static void
make_reading(struct maker *maker)
{
	struct store_request *request = maker->request;
	const struct known *known = maker->known;
	request->ref = organisation_ref(maker);
	bool by_endpoint = request->kind == STORE_ATTEMPT_LIST && chance(maker, 2);
	if (!by_endpoint)
		request->message_ref = some_message_ref(maker);
	request->endpoint_ref = endpoint_ref(maker);
	request->attempt_id = known_id(maker, known->attempts, known->attempt_count);
	filter(maker);
	if (request->kind == STORE_ATTEMPT_LIST) {
		request->page = page(maker, known->attempts, known->attempt_count);
	} else if (request->kind == STORE_MESSAGE_ENDPOINTS) {
		request->page = page(maker, known->endpoints, known->endpoint_count);
		request->page.descending = false;
	} else if (request->kind == STORE_JOURNAL_LIST) {
		request->page = (struct store_page){.limit = 5, .after = below(maker, 20)};
	} else if (request->kind == STORE_FEED) {
		request->page =
		    (struct store_page){.limit = 1 + random_below(maker->random, 6), .after = below(maker, 12)};
	} else if (request->kind == STORE_AUDIT_LIST) {
		request->ref = chance(maker, 2) ? SLICE_NONE : request->ref;
		request->page = (struct store_page){.limit = 1 + random_below(maker->random, 6),
		    .after = below(maker, 60),
		    .descending = chance(maker, 2)};
	} else {
		request->page = page(maker, known->messages, known->message_count);
	}
}

/* Events more often than anything else; deleting seldom, or nothing would live long enough to be interesting. */
static enum store_kind
some_kind(struct maker *maker)
{
	static const enum store_kind often[] = {
	    STORE_ACCEPT, STORE_ACCEPT, STORE_ACCEPT, STORE_RECORD, STORE_RECORD, STORE_RESEND, STORE_REFILL};
	static const enum store_kind all[] = {
	    STORE_ORGANISATION_CREATE,
	    STORE_ORGANISATION_EDIT,
	    STORE_ORGANISATION_GET,
	    STORE_ORGANISATION_LIST,
	    STORE_ENDPOINT_CREATE,
	    STORE_ENDPOINT_EDIT,
	    STORE_ENDPOINT_GET,
	    STORE_ENDPOINT_LIST,
	    STORE_EVENT_TYPE_CREATE,
	    STORE_EVENT_TYPE_EDIT,
	    STORE_EVENT_TYPE_DELETE,
	    STORE_EVENT_TYPE_GET,
	    STORE_EVENT_TYPE_LIST,
	    STORE_TOKEN_CREATE,
	    STORE_TOKEN_CREATE,
	    STORE_TOKEN_REVOKE,
	    STORE_TOKEN_EXPIRE,
	    STORE_TOKEN_LIST,
	    STORE_TOKEN_USED,
	    STORE_CHANGE_DECIDE,
	    STORE_CHANGE_DECIDE,
	    STORE_CHANGE_DECIDE,
	    STORE_CHANGE_STEP,
	    STORE_CHANGE_GET,
	    STORE_CHANGE_LIST,
	    STORE_ENDPOINT_VERIFIED,
	    STORE_AUDIT_LIST,
	    STORE_JOURNAL,
	    STORE_ENDPOINTS_ALL,
	    STORE_MESSAGE_GET,
	    STORE_MESSAGE_LIST,
	    STORE_ATTEMPT_GET,
	    STORE_ATTEMPT_LIST,
	    STORE_MESSAGE_ENDPOINTS,
	    STORE_ENDPOINT_MESSAGES,
	    STORE_ENDPOINT_TOTALS,
	    STORE_DEAD_LETTERS,
	    STORE_FEED,
	    STORE_JOURNAL_LIST,
	    STORE_RESEAL,
	    STORE_COUNTS,
	};
	if (chance(maker, 40))
		return chance(maker, 2) ? STORE_ORGANISATION_DELETE : STORE_ENDPOINT_DELETE;
	return chance(maker, 2) ? often[below(maker, COUNT_OF(often))] : all[below(maker, COUNT_OF(all))];
}

static bool
may_tell(enum store_kind kind)
{
	return kind == STORE_ORGANISATION_EDIT || kind == STORE_ENDPOINT_CREATE || kind == STORE_ENDPOINT_EDIT ||
	       kind == STORE_ENDPOINT_DELETE || kind == STORE_ACCEPT || kind == STORE_RECORD || kind == STORE_RESEND ||
	       kind == STORE_EVENT_TYPE_EDIT || kind == STORE_TOKEN_CREATE;
}

/* What a requester wants told with it. */
static void
make_told(struct maker *maker)
{
	for (int left = below(maker, 3); left > 0; left--)
		store_tell(maker->request,
		    &(struct store_event){
			.to = chance(maker, 2) ? EVENT_OWN : EVENT_OPERATIONAL,
			.organisation = {chance(maker, 2) ? 0
							  : known_id(maker, maker->known->organisations,
								maker->known->organisation_count)},
			.type = told_type(maker),
			.except = {known_id(maker, maker->known->endpoints, maker->known->endpoint_count)},
			.resource_type = SLICE("endpoint"),
			.resource_id = name(maker, "ep_", 9),
			.data = SLICE("{}"),
		    });
}

struct store_request *
random_request(struct random *random, const struct known *known, struct wall_time now)
{
	struct maker maker = {.random = random, .known = known};
	enum store_kind kind = some_kind(&maker);
	maker.request = store_request_new(kind, now);
	if (kind < STORE_ACCEPT)
		make_configuration(&maker);
	else if (kind == STORE_RECORD)
		make_record(&maker);
	else if (kind < STORE_ENDPOINTS_ALL)
		make_event(&maker);
	else
		make_reading(&maker);
	make_actor(&maker);
	if (may_tell(kind) && chance(&maker, 4))
		make_told(&maker);
	return maker.request;
}

/* --- learning ---------------------------------------------------------------------------------------- */

static void
learn(int64_t *ids, size_t *count, int64_t id)
{
	if (*count < KNOWN_MAX)
		ids[(*count)++] = id;
}

void
known_learn(struct known *known, const struct store_request *request)
{
	if (request->status != OK)
		return;
	if (store_request_change(request) != 0) {
		if (request->admin->change.state == CHANGE_REQUESTED)
			learn(known->changes, &known->change_count, request->admin->change.id.value);
		return;
	}
	if (request->kind == STORE_ORGANISATION_CREATE)
		learn(known->organisations, &known->organisation_count, request->admin->organisation.id.value);
	if (request->kind == STORE_ENDPOINT_CREATE)
		learn(known->endpoints, &known->endpoint_count, request->admin->endpoint.id.value);
	if (request->kind == STORE_TOKEN_CREATE)
		learn(known->tokens, &known->token_count, request->admin->token.id.value);
	if (request->kind == STORE_ACCEPT)
		learn(known->messages, &known->message_count, request->message->id.value);
	if (request->kind == STORE_JOURNAL && request->journal.message->id.value != 0)
		learn(known->messages, &known->message_count, request->journal.message->id.value);
	if (request->kind == STORE_RECORD)
		learn(known->attempts, &known->attempt_count, request->record.attempt.id.value);
}
