/* The table of what there is to configure (apply.h, invariant 2). */
#include "cli/apply.h"

#include <stdlib.h>

static const char *const styles[] = {"raw", "envelope", "thin", "legacy", NULL};
static const char *const schemes[] = {"standard", "rfc9421", "legacy", NULL};
static const char *const key_types[] = {"hmac", "ed25519", "ecdsa-p256", NULL};
static const char *const key_scopes[] = {"endpoint", "organisation", NULL};
static const char *const signing_key_types[] = {"ed25519", "ecdsa-p256", NULL};
static const char *const orders[] = {"none", "resource", "endpoint", NULL};

static const char *const environments[] = {"production", "sandbox", NULL};

static const char texts_expected[] = "a mapping of names to texts, together at most 4096 bytes";
static const char rate_expected[] = "a whole number from 1 to 65535, or no line for no limit";

static const struct apply_member type_members[] = {
    {.name = "name",
	.form = FORM_NAME,
	.required = true,
	.expected = "1 to 256 letters, digits, '-', '_' or '.', as in custody.transaction.confirmed"},
    {.name = "description",
	.form = FORM_TEXT,
	.fallback = "\"\"",
	.max = LIMIT_NAME_BYTES,
	.expected = "a text of at most 4096 bytes"},
    {.name = "schemas",
	.form = FORM_SCHEMAS,
	.fallback = "null",
	.expected = "a mapping of versions to JSON Schemas, as in \"1\": {type: object}"},
    {.name = "deprecated", .form = FORM_BOOL, .fallback = "false", .expected = "true or false"},
    {.name = "archived", .form = FORM_BOOL, .fallback = "false", .expected = "true or false"},
    {.name = "featureFlag",
	.form = FORM_WORD,
	.fallback = "null",
	.expected = "1 to 256 letters, digits, '-', '_' or '.'"},
};

static const struct apply_member organisation_members[] = {
    {.name = "uid",
	.form = FORM_NAME,
	.required = true,
	.expected = "1 to 256 letters, digits, '-', '_' or '.', not starting with app_"},
    {.name = "name",
	.form = FORM_TEXT,
	.required = true,
	.max = LIMIT_NAME_BYTES,
	.expected = "a text of 1 to 4096 bytes"},
    {.name = "throttleRate", .form = FORM_INTEGER, .fallback = "null", .max = 65535, .expected = rate_expected},
    {.name = "metadata", .form = FORM_TEXTS, .fallback = "{}", .max = LIMIT_METADATA_BYTES, .expected = texts_expected},
    {.name = "environment",
	.form = FORM_CHOICE,
	.fallback = "\"production\"",
	.choices = environments,
	.fixed = true,
	.expected = "production or sandbox"},
    {.name = "services",
	.form = FORM_SET,
	.fallback = "null",
	.max = LIMIT_SERVICES,
	.expected = "a list of the catalogue's services, [] for none, or no line for all"},
    {.name = "payloadRetentionPeriod",
	.form = FORM_INTEGER,
	.fallback = "null",
	.max = LIMIT_RETENTION_DAYS,
	.expected = "a whole number of days from 1 to 3650, or no line for 90"},
    {.name = "redactions",
	.form = FORM_PATHS,
	.fallback = "{}",
	.max = LIMIT_REDACTION_PATHS,
	.expected = "a mapping of roles to lists of paths, as in viewer: [data.amount, \"**.address\"]"},
    {.name = "signingKey",
	.form = FORM_CHOICE,
	.choices = signing_key_types,
	.fixed = true,
	.apart = true,
	.expected = "ed25519 or ecdsa-p256"},
    {.name = "governance",
	.form = FORM_GOVERNANCE,
	.apart = true,
	.expected = "a mapping of governed, coolOffSeconds, securityContact and notice, or {} for none"},
};

static const struct apply_member endpoint_members[] = {
    {.name = "uid",
	.form = FORM_NAME,
	.required = true,
	.expected = "1 to 256 letters, digits, '-', '_' or '.', not starting with ep_"},
    {.name = "url", .form = FORM_URL, .required = true, .expected = "a URL as in https://example.com/webhooks"},
    {.name = "description",
	.form = FORM_TEXT,
	.fallback = "\"\"",
	.max = LIMIT_NAME_BYTES,
	.expected = "a text of at most 4096 bytes"},
    {.name = "eventTypes",
	.form = FORM_NAMES,
	.fallback = "null",
	.max = LIMIT_EVENT_TYPES,
	.expected = "a list of 1 to 1024 names of event types, or no line for all"},
    {.name = "channels",
	.form = FORM_NAMES,
	.fallback = "null",
	.max = LIMIT_CHANNELS,
	.expected = "a list of 1 to 10 channels of letters, digits, '-', '_' or '.', or no line for all"},
    {.name = "disabled", .form = FORM_BOOL, .fallback = "false", .expected = "true or false"},
    {.name = "throttleRate", .form = FORM_INTEGER, .fallback = "null", .max = 65535, .expected = rate_expected},
    {.name = "version",
	.form = FORM_INTEGER,
	.fallback = "1",
	.max = 65535,
	.expected = "a whole number from 1 to 65535"},
    {.name = "metadata", .form = FORM_TEXTS, .fallback = "{}", .max = LIMIT_METADATA_BYTES, .expected = texts_expected},
    {.name = "headers",
	.form = FORM_HEADERS,
	.fallback = "{}",
	.expected = "a mapping of header names to texts, {env: NAME}, {file: PATH}, or null to remove a sensitive one"},
    {.name = "payloadStyle",
	.form = FORM_CHOICE,
	.fallback = "\"raw\"",
	.choices = styles,
	.expected = "raw, envelope, thin or legacy"},
    {.name = "signatureScheme", .form = FORM_CHOICE, .choices = schemes, .expected = "standard, rfc9421 or legacy"},
    {.name = "keyScope",
	.form = FORM_CHOICE,
	.fallback = "\"endpoint\"",
	.choices = key_scopes,
	.expected = "endpoint or organisation"},
    {.name = "keyType",
	.form = FORM_CHOICE,
	.choices = key_types,
	.fixed = true,
	.expected = "hmac, ed25519 or ecdsa-p256"},
    {.name = "ordering",
	.form = FORM_CHOICE,
	.fallback = "\"none\"",
	.choices = orders,
	.expected = "none, resource or endpoint"},
    {.name = "heartbeatSeconds",
	.form = FORM_INTEGER,
	.fallback = "null",
	.max = LIMIT_HEARTBEAT_S,
	.expected = "a whole number from 1 to 86400, or no line for no heartbeats"},
    {.name = "schedule",
	.form = FORM_SCHEDULE,
	.fallback = "null",
	.expected = "standard, legacy, svix, or a list of durations as in [100ms, 1s, 5m]"},
    {.name = "owners",
	.form = FORM_OWNERS,
	.fallback = "{}",
	.expected =
	    "a mapping of configuration, monitoring, retryHandling and incidentResponse to a team and a contact, as "
	    "in monitoring: {team: Operations, contact: ops@example.com}"},
    {.name = "authentication",
	.form = FORM_AUTHENTICATION,
	.apart = true,
	.expected = "a mapping of basic, oauth2 and tls, or {} for none"},
    {.name = "secret",
	.form = FORM_SECRET,
	.expected = "{env: NAME} or {file: PATH}; a secret does not stand in the file"},
};

static const struct apply_members tables[APPLY_KIND_COUNT] = {
    [APPLY_TYPE] = {"event type", type_members, COUNT_OF(type_members)},
    [APPLY_ORGANISATION] = {"organisation", organisation_members, COUNT_OF(organisation_members)},
    [APPLY_ENDPOINT] = {"endpoint", endpoint_members, COUNT_OF(endpoint_members)},
};

const struct apply_members *
apply_members(enum apply_kind kind)
{
	ENSURE(kind < APPLY_KIND_COUNT && tables[kind].count <= APPLY_MEMBERS_MAX);
	return &tables[kind];
}

size_t
apply_row_of(enum apply_kind kind, struct slice name)
{
	const struct apply_members *members = apply_members(kind);
	for (size_t row = 0; row < members->count; row++)
		if (slice_is(name, members->items[row].name))
			return row;
	return members->count;
}

/* As server/in_endpoint.c has them. */
bool
apply_header_sensitive(struct slice name)
{
	static const char *const names[] = {"x-auth-token", "x-api-key", "www-authenticate", "authorization"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (slice_equal_nocase(name, slice_of(names[i])))
			return true;
	return name.len >= 6 && slice_equal_nocase((struct slice){name.ptr, 6}, SLICE("proxy-"));
}

const char *
apply_scheme_default(struct slice payload_style, struct slice key_type)
{
	if (slice_is(payload_style, "\"legacy\""))
		return "\"legacy\"";
	return slice_is(key_type, "\"ecdsa-p256\"") ? "\"rfc9421\"" : "\"standard\"";
}

/* --- items ------------------------------------------------------------------------------------------ */

/* Those without a name last. */
static int
order_items(const void *a, const void *b)
{
	const struct apply_item *left = a, *right = b;
	if (slice_present(left->name) != slice_present(right->name))
		return slice_present(left->name) ? -1 : 1;
	int order = slice_compare(left->name, right->name);
	if (order == 0)
		order = slice_compare(left->id, right->id);
	if (order != 0)
		return order;
	return left->place.line < right->place.line ? -1 : left->place.line > right->place.line;
}

void
apply_items_sort(struct apply_item *items, size_t count)
{
	if (count > 0)
		qsort(items, count, sizeof *items, order_items);
}

struct apply_item *
apply_item_find(struct apply_item *items, size_t count, struct slice name)
{
	size_t from = 0, to = count;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		struct apply_item *item = &items[middle];
		int order = slice_present(item->name) ? slice_compare(item->name, name) : 1;
		if (order == 0)
			return item;
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return NULL;
}

void
apply_state_free(struct apply_state *state)
{
	arena_free(&state->arena);
	*state = (struct apply_state){0};
}
