/* The catalogue holds what it must, and histories are what they say: deterministic, lawful, consistent. */
#include "base/limits.h"
#include "catalogue/catalogue.h"
#include "catalogue/history.h"
#include "json/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { EVENTS = 4000, TRANSACTIONS = 4000 };

/* Every type of the design, written out: prefix, then what may follow its point. */
static const struct {
	const char *prefix, *endings;
} expected_types[] = {
    {"transaction.request", "created|queued|pending_approval|approved|rejected|blocked|cancelled|expired"
			    "|pending_signature|signed|signing_failed|submitted|pending|replaced|confirming"
			    "|confirmed|completed|failed|dropped|reorged"},
    {"transaction.deposit", "detected|confirmed|completed|unattributed|reorged"},
    {"transaction.internal_transfer", "created|detected|confirmed|completed"},
    {"transaction.message_sign", "requested|signed|rejected"},
    {"workflow.approval", "requested|vote_recorded|delegate_signed|quorum_reached|approved|rejected|expired"
			  "|cancelled"},
    {"workflow", "status_changed"},
    {"governance.policy", "change_requested|change_approved|change_rejected|change_applied"},
    {"governance.limit", "changed"},
    {"governance.quorum", "changed"},
    {"governance.seed_export", "requested|approved|rejected|completed"},
    {"wallet", "creation_requested|created|updated|frozen|unfrozen|archived"},
    {"subwallet", "created|updated|deleted"},
    {"address", "created"},
    {"addressbook.entry", "requested|approved|declined|updated|removed"},
    {"compliance.kyt", "screening_started|screening_completed|alert_raised|rating_changed|screening_failed"},
    {"compliance.decision", "allowed|quarantined|released|rejected"},
    {"compliance.travel_rule", "information_required|sent|received|accepted|rejected"},
    {"compliance.sanctions", "hit"},
    {"balance", "updated|low"},
    {"balance.snapshot", "ready"},
    {"staking", "requested|activated|unstaking|withdrawn|reward_received|slashed"},
    {"settlement", "initiated|completed|failed"},
    {"user", "invited|activated|deactivated|role_changed"},
    {"access.login", "succeeded|failed"},
    {"access.api_key", "created|rotated|revoked|expiring"},
    {"webhook", "ping|test|heartbeat"},
    {"webhook.manifest", "daily"},
    {"webhook.endpoint", "change_requested|change_approved|change_rejected|updated|failing|suspended|resumed"},
    {"webhook.key", "rotated"},
    {"webhook.delivery", "exhausted"},
    {"webhook.replay", "completed"},
};

static const char *const expected_legacy[] = {
    "BITCOIN_TRANSACTION_RECEIVED",
    "ETHEREUM_TRANSACTION_RECEIVED",
    "BITCOIN_TRANSACTION_CREATED",
    "ETHEREUM_TRANSACTION_CREATED",
    "BINANCE_SMART_CHAIN_TRANSACTION_CREATED",
    "POLYGON_TRANSACTION_CREATED",
    "AVALANCHE_TRANSACTION_CREATED",
    "FANTOM_TRANSACTION_CREATED",
    "UNSUPPORTED_ETHEREUM_TRANSACTION_CREATED",
    "RIPPLE_TRANSACTION_CREATED",
    "CARDANO_TRANSACTION_CREATED",
    "SOLANA_TRANSACTION_CREATED",
    "SUBSTRATE_TRANSACTION_CREATED",
    "DOGE_TRANSACTION_CREATED",
    "BITCOIN_TRANSACTION_DELEGATE_SIGNED",
    "BITCOIN_TRANSACTION_SIGNED",
    "WALLET_CREATION_DELEGATE_SIGNED",
    "WALLET_CHANGE_DELEGATE_SIGNED",
    "POLICY_CHANGE_REQUEST_CREATED",
    "EXPORTSEED_REQUEST_CREATED",
    "ETHEREUM_PERSONAL_SIGN_CREATED",
    "ETHEREUM_SIGN_TYPED_DATA_CREATED",
    "EXTERNAL_ITEM_SIGNED",
    "DELEGATE_SIGNED",
    "ETHEREUM_BLOCK_INTERNAL_TRANSFERS_RECEIVED",
};

static const char *const envelope_members[] = {
    "id",
    "type",
    "version",
    "environment",
    "organisation",
    "service",
    "resource",
    "resource_seq",
    "stream_seq",
    "occurred_at",
    "created_at",
    "previous_status",
    "actor",
    "correlation_id",
    "client_reference",
    "data",
};

static struct json
parsed(struct slice text)
{
	struct json value;
	struct error error = ERROR_NONE;
	if (json_parse(text, LIMIT_JSON_DEPTH, &value, &error) != OK)
		fail_msg("%s: %.*s", error.text, SLICE_ARG(text));
	assert_false(json_has_duplicates(value));
	return value;
}

static void
test_every_type_is_there(void **state UNUSED)
{
	struct arena arena = ARENA_EMPTY;
	size_t count = 0;
	for (size_t i = 0; i < COUNT_OF(expected_types); i++) {
		struct slice rest = slice_of(expected_types[i].endings);
		while (slice_present(rest)) {
			struct slice ending = slice_cut(&rest, '|');
			struct slice name =
			    arena_printf(&arena, "%s.%.*s", expected_types[i].prefix, SLICE_ARG(ending));
			const struct catalogue_type *type = catalogue_find(name);
			if (type == NULL)
				fail_msg("%.*s is not catalogued", SLICE_ARG(name));
			assert_true(slice_equal(type->name, name));
			count++;
		}
	}
	assert_int_equal(catalogue_count(), count);
	assert_null(catalogue_find(SLICE("transaction.request")));
	assert_null(catalogue_find(SLICE("")));
	arena_free(&arena);
}

static void
test_types_are_complete(void **state UNUSED)
{
	struct slice_list services = catalogue_services();
	for (size_t i = 0; i < catalogue_count(); i++) {
		const struct catalogue_type *type = catalogue_at(i);
		assert_true(slice_list_has(services, type->service));
		assert_true(type->description.len > 10 && type->readers.count > 0);
		struct json schema = parsed(type->schema_json), example = parsed(type->example_json);
		assert_true(json_text_is(
		    json_member(schema, "$schema"), SLICE("https://json-schema.org/draft/2020-12/schema")));
		assert_int_equal(json_count(example), COUNT_OF(envelope_members));
		for (size_t k = 0; k < COUNT_OF(envelope_members); k++)
			assert_true(json_present(json_member(example, envelope_members[k])));
		assert_true(json_text_is(json_member(example, "type"), type->name));
		if (slice_present(type->state))
			assert_non_null(catalogue_state_find(catalogue_lifecycle_find(type->lifecycle), type->state));
		if (slice_present(type->transaction_state))
			assert_non_null(catalogue_state_find(
			    catalogue_lifecycle_find(type->transaction_lifecycle), type->transaction_state));
	}
	assert_true(catalogue_service_always_on(SLICE("system")));
	assert_false(catalogue_service_always_on(SLICE("transactions")));
}

static void
test_legacy_names(void **state UNUSED)
{
	size_t count = 0;
	for (size_t i = 0; i < catalogue_count(); i++)
		count += catalogue_at(i)->legacy_names.count;
	assert_int_equal(count, COUNT_OF(expected_legacy));
	for (size_t i = 0; i < COUNT_OF(expected_legacy); i++) {
		const struct catalogue_type *type = catalogue_find_legacy(slice_of(expected_legacy[i]));
		assert_non_null(type);
		assert_true(slice_list_has(type->legacy_names, slice_of(expected_legacy[i])));
	}
	assert_null(catalogue_find_legacy(SLICE("BITCOIN")));
}

static void
test_compliance_is_for_those_who_may(void **state UNUSED)
{
	static const char *const may_not[] = {"engineering", "platform-operations", "treasury-operations",
	    "reconciliation", "security", "internal-tooling", "viewer"};
	for (size_t i = 0; i < catalogue_count(); i++) {
		const struct catalogue_type *type = catalogue_at(i);
		assert_true(catalogue_may_read(type, SLICE("admin")));
		assert_false(catalogue_may_read(type, SLICE("nobody")));
		if (!slice_starts(type->name, SLICE("compliance.")))
			continue;
		assert_true(catalogue_may_read(type, SLICE("compliance-operations")));
		for (size_t k = 0; k < COUNT_OF(may_not); k++)
			assert_false(catalogue_may_read(type, slice_of(may_not[k])));
	}
}

static void
test_moves(void **state UNUSED)
{
	const struct catalogue_lifecycle *deposit = catalogue_lifecycle_find(SLICE("deposit"));
	assert_true(catalogue_move_allowed(deposit, SLICE_NONE, SLICE("detected")));
	assert_false(catalogue_move_allowed(deposit, SLICE_NONE, SLICE("completed")));
	assert_true(catalogue_move_allowed(deposit, SLICE("completed"), SLICE("detected")));
	assert_false(catalogue_move_allowed(deposit, SLICE("quarantined"), SLICE("completed")));
	assert_false(catalogue_move_allowed(deposit, SLICE("detected"), SLICE("no_state")));
	assert_false(catalogue_state_find(deposit, SLICE("confirmed"))->final);
	assert_true(catalogue_state_find(deposit, SLICE("completed"))->final);
	const struct catalogue_lifecycle *outbound = catalogue_lifecycle_find(SLICE("outbound"));
	assert_true(catalogue_state_find(outbound, SLICE("submitted"))->moved_money);
	assert_false(catalogue_state_find(outbound, SLICE("signed"))->moved_money);
	assert_true(slice_is(catalogue_platform_status(SLICE("USER_CANCELLED")), "cancelled"));
	assert_false(slice_present(catalogue_platform_status(SLICE("NONE"))));
	assert_null(catalogue_lifecycle_find(SLICE("none")));
}

static void
begin(struct history *history, uint64_t seed, enum history_style style)
{
	struct history_options options = {.organisation = SLICE("org_test"), .style = style};
	history_init(history, seed, &options);
}

static void
same_bytes(enum history_style style)
{
	struct history one, two, other;
	begin(&one, 7, style);
	begin(&two, 7, style);
	begin(&other, 8, style);
	bool differs = false;
	for (size_t i = 0; i < EVENTS; i++) {
		struct arena arena = ARENA_EMPTY;
		struct history_event a, b, c;
		assert_true(history_next(&one, &arena, &a) && history_next(&two, &arena, &b) &&
			    history_next(&other, &arena, &c));
		assert_true(slice_equal(a.payload, b.payload) && slice_equal(a.event_id, b.event_id) &&
			    slice_equal(a.type, b.type));
		assert_int_equal(a.occurred_ms, b.occurred_ms);
		differs = differs || !slice_equal(a.payload, c.payload);
		arena_free(&arena);
	}
	assert_true(differs);
}

static void
test_same_seed_same_bytes(void **state UNUSED)
{
	same_bytes(HISTORY_DOTTED);
	same_bytes(HISTORY_LEGACY);
}

static void
test_count_bounds(void **state UNUSED)
{
	struct history history;
	struct history_options options = {.count_max = 3};
	struct arena arena = ARENA_EMPTY;
	struct history_event event;
	history_init(&history, 1, &options);
	for (int i = 0; i < 3; i++)
		assert_true(history_next(&history, &arena, &event));
	assert_false(history_next(&history, &arena, &event));
	arena_free(&arena);
}

static struct slice
member_text(struct arena *arena, struct json object, const char *name)
{
	struct json value = json_member(object, name);
	return json_present(value) && value.type == JSON_STRING ? json_text(arena, value) : SLICE_NONE;
}

/* `amount` with the point moved `decimals` to the right is `amount_base_units`. */
static void
check_amount(struct arena *arena, struct json data)
{
	int64_t decimals;
	struct slice base_units = member_text(arena, data, "amount_base_units");
	struct slice fraction = member_text(arena, data, "amount");
	assert_true(json_int64(json_member(data, "decimals"), &decimals));
	struct slice whole = slice_cut(&fraction, '.');
	assert_true(fraction.len <= (size_t)decimals && base_units.ptr[0] != '0');
	char *digits = arena_alloc(arena, whole.len + (size_t)decimals + 1);
	memset(digits, '0', whole.len + (size_t)decimals);
	memcpy(digits, whole.ptr, whole.len);
	if (slice_present(fraction))
		memcpy(digits + whole.len, fraction.ptr, fraction.len);
	while (*digits == '0')
		digits++;
	assert_true(slice_is(base_units, digits));
}

/* What the test remembers of one transaction or workflow: its last state. */
struct life {
	struct slice id, status;
	int64_t resource_seq;
};

static struct life *
life_of(struct life *lives, size_t *count, struct arena *keep, struct slice id)
{
	for (size_t i = *count; i-- > 0;)
		if (slice_equal(lives[i].id, id))
			return &lives[i];
	assert_true(*count < TRANSACTIONS);
	lives[*count] = (struct life){.id = arena_copy(keep, id)};
	return &lives[(*count)++];
}

static void
check_move(struct life *life, struct slice lifecycle, struct slice previous, struct slice status)
{
	const struct catalogue_lifecycle *path = catalogue_lifecycle_find(lifecycle);
	assert_true(slice_equal(previous, life->status));
	if (!slice_equal(previous, status) && !catalogue_move_allowed(path, previous, status))
		fail_msg("%.*s: %.*s after %.*s", SLICE_ARG(lifecycle), SLICE_ARG(status), SLICE_ARG(previous));
}

static void
check_dotted(
    const struct history_event *event, struct life *lives, size_t *life_count, struct arena *keep, struct arena *arena)
{
	const struct catalogue_type *type = catalogue_find(event->type);
	assert_non_null(type);
	struct json envelope = parsed(event->payload);
	assert_int_equal(json_count(envelope), COUNT_OF(envelope_members));
	for (size_t k = 0; k < COUNT_OF(envelope_members); k++)
		assert_true(json_present(json_member(envelope, envelope_members[k])));
	assert_true(json_text_is(json_member(envelope, "id"), event->event_id));
	assert_true(json_text_is(json_member(envelope, "type"), event->type));
	struct json resource = json_member(envelope, "resource"), data = json_member(envelope, "data");
	assert_true(json_text_is(json_member(resource, "type"), type->resource_kind));
	int64_t resource_seq;
	assert_true(json_int64(json_member(envelope, "resource_seq"), &resource_seq));
	struct life *own = life_of(lives, life_count, keep, member_text(arena, resource, "id"));
	assert_int_equal(resource_seq, ++own->resource_seq);
	struct slice previous = member_text(arena, envelope, "previous_status"),
		     status = member_text(arena, data, "status");
	bool screening = slice_is(type->resource_kind, "case");
	if (slice_is(type->resource_kind, "transaction") || screening) {
		check_amount(arena, data);
		assert_true(json_text_is(json_member(data, "transaction_id"), event->transaction_id));
		assert_true(slice_equal(status, event->state));
		struct life *life = life_of(lives, life_count, keep, event->transaction_id);
		check_move(life, screening ? SLICE("deposit") : type->lifecycle, previous, status);
		life->status = arena_copy(keep, status);
	} else if (slice_is(type->resource_kind, "workflow")) {
		check_move(own, type->lifecycle, previous, status);
		own->status = arena_copy(keep, status);
	}
}

static void
test_dotted_history_is_lawful(void **state UNUSED)
{
	struct arena keep = ARENA_EMPTY;
	struct life *lives = calloc(TRANSACTIONS, sizeof(*lives));
	size_t life_count = 0;
	struct history history;
	int64_t last_ms = 0;
	bool seen[256] = {false};
	begin(&history, 42, HISTORY_DOTTED);
	for (uint64_t i = 1; i <= EVENTS; i++) {
		struct arena arena = ARENA_EMPTY;
		struct history_event event;
		assert_true(history_next(&history, &arena, &event));
		assert_int_equal(event.stream_seq, i);
		assert_true(event.occurred_ms >= last_ms);
		last_ms = event.occurred_ms;
		check_dotted(&event, lives, &life_count, &keep, &arena);
		for (size_t k = 0; k < catalogue_count(); k++)
			seen[k] = seen[k] || catalogue_at(k) == catalogue_find(event.type);
		arena_free(&arena);
	}
	static const char *const scenarios[] = {"transaction.deposit.reorged", "compliance.decision.released",
	    "compliance.decision.rejected", "transaction.request.completed", "transaction.request.rejected",
	    "transaction.request.replaced", "transaction.internal_transfer.completed",
	    "workflow.approval.quorum_reached", "wallet.created", "address.created", "governance.policy.change_applied",
	    "access.login.failed", "balance.updated"};
	for (size_t i = 0; i < COUNT_OF(scenarios); i++) {
		bool found = false;
		for (size_t k = 0; k < catalogue_count(); k++)
			found = found || (seen[k] && slice_is(catalogue_at(k)->name, scenarios[i]));
		if (!found)
			fail_msg("%s never occurs", scenarios[i]);
	}
	free(lives);
	arena_free(&keep);
}

static void
check_legacy(const struct history_event *event, struct arena *arena)
{
	static const char *const members[] = {"messageId", "version", "type", "timestamp", "isoTimestamp", "payload"};
	const struct catalogue_type *type = catalogue_find_legacy(event->type);
	assert_non_null(type);
	assert_true(slice_equal(type->name, event->catalogue_type));
	struct json envelope = parsed(event->payload);
	assert_int_equal(json_count(envelope), COUNT_OF(members));
	for (size_t i = 0; i < COUNT_OF(members); i++)
		assert_true(json_present(json_member(envelope, members[i])));
	assert_true(json_text_is(json_member(envelope, "version"), SLICE("1.0.0")));
	assert_true(json_text_is(json_member(envelope, "messageId"), event->event_id));
	assert_true(json_text_is(json_member(envelope, "type"), event->type));
	assert_int_equal(event->event_id.len, 36);
	int64_t timestamp;
	struct wall_time time;
	assert_true(json_int64(json_member(envelope, "timestamp"), &timestamp));
	assert_true(time_parse(member_text(arena, envelope, "isoTimestamp"), &time));
	assert_int_equal(time.us, timestamp * 1000);
	assert_int_equal(member_text(arena, envelope, "isoTimestamp").len, sizeof("2025-01-01T00:00:00.000Z") - 1);
	struct json payload = json_member(envelope, "payload");
	assert_int_equal(payload.type, JSON_OBJECT);
	if (!slice_is(type->name, "transaction.deposit.confirmed"))
		return;
	struct json wallet = json_member(payload, "subWalletId");
	int64_t index;
	assert_true(json_int64(json_member(wallet, "index"), &index));
	struct slice joined = arena_printf(arena, "%.*s/%.*s/%d", SLICE_ARG(member_text(arena, wallet, "id")),
	    SLICE_ARG(member_text(arena, wallet, "type")), (int)index);
	assert_true(json_text_is(json_member(payload, "subWalletIdString"), joined));
	assert_true(json_text_is(json_member(payload, "transactionType"), SLICE("RECEIVED")));
	struct json compliance = json_member(payload, "complianceInfo");
	assert_true(json_text_is(json_member(compliance, "status"), SLICE("SUCCESS")));
	struct slice address = member_text(arena, compliance, "transferReference");
	slice_cut(&address, ':');
	if (slice_is(event->type, "BITCOIN_TRANSACTION_RECEIVED"))
		assert_true(json_text_is(json_member(payload, "bitcoinAddress"), address));
	assert_true(json_present(json_member(payload, "transactionAmount")) !=
		    json_present(json_member(payload, "rawQuantity")));
}

static void
test_legacy_history_is_exact(void **state UNUSED)
{
	struct history history;
	size_t received = 0, last_names = 0;
	begin(&history, 42, HISTORY_LEGACY);
	for (size_t i = 0; i < EVENTS; i++) {
		struct arena arena = ARENA_EMPTY;
		struct history_event event;
		assert_true(history_next(&history, &arena, &event));
		check_legacy(&event, &arena);
		received += slice_is(event.catalogue_type, "transaction.deposit.confirmed");
		last_names += slice_is(event.type, "DOGE_TRANSACTION_CREATED");
		arena_free(&arena);
	}
	assert_true(received > 0 && last_names > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_type_is_there),
	    cmocka_unit_test(test_types_are_complete),
	    cmocka_unit_test(test_legacy_names),
	    cmocka_unit_test(test_compliance_is_for_those_who_may),
	    cmocka_unit_test(test_moves),
	    cmocka_unit_test(test_same_seed_same_bytes),
	    cmocka_unit_test(test_count_bounds),
	    cmocka_unit_test(test_dotted_history_is_lawful),
	    cmocka_unit_test(test_legacy_history_is_exact),
	};
	return cmocka_run_group_tests_name("catalogue", tests, NULL, NULL);
}
