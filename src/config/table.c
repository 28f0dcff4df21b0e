/* One row for each key: how it is read, what it is when nobody sets it, and what the documentation says. */
#include "config/table.h"

#include <arpa/inet.h>

#define MEMBER(name) offsetof(struct config, name)

static bool
read_bool(const struct config_key *key, struct slice text, void *member, struct error *error)
{
	(void)key;
	(void)error;
	bool yes = slice_is(text, "true");
	if (!yes && !slice_is(text, "false"))
		return false;
	*(bool *)member = yes;
	return true;
}

static bool
read_duration(const struct config_key *key, struct slice text, void *member, struct error *error)
{
	(void)error;
	int64_t ms;
	if (!duration_parse(text, &ms))
		return false;
	bool inside = ms >= key->min && ms <= key->max;
	if (!inside && !(key->zero && ms == 0))
		return false;
	*(int64_t *)member = ms;
	return true;
}

static bool
read_number(const struct config_key *key, struct slice text, void *member, struct error *error)
{
	(void)error;
	int64_t number;
	if (!slice_to_int64(text, &number) || number < key->min || number > key->max)
		return false;
	*(int64_t *)member = number;
	return true;
}

/* "auto" is less than any number. */
static bool
read_number_or_auto(const struct config_key *key, struct slice text, void *member, struct error *error)
{
	if (!slice_is(text, "auto"))
		return read_number(key, text, member, error);
	*(int64_t *)member = -1;
	return true;
}

static bool
read_schedule(const struct config_key *key, struct slice text, void *member, struct error *error)
{
	(void)key;
	return schedule_parse(text, member, error) == OK;
}

static bool
read_networks(const struct config_key *key, struct slice text, void *member, struct error *error)
{
	(void)key;
	return guard_parse(text, member, error) == OK;
}

static bool
read_key_type(const struct config_key *key, struct slice text, void *member, struct error *error)
{
	(void)key;
	(void)error;
	return key_type_parse(text, member);
}

static bool
read_transport(const struct config_key *key, struct slice text, void *member, struct error *error)
{
	(void)key;
	(void)error;
	return transport_kind_parse(text, member);
}

static bool
read_period(const struct config_key *key, struct slice text, void *member, struct error *error)
{
	(void)key;
	(void)error;
	int64_t *seconds = member;
	*seconds = slice_is(text, "day") ? 86400 : slice_is(text, "hour") ? 3600 : slice_is(text, "minute") ? 60 : 0;
	return *seconds > 0;
}

static bool
read_log_format(const struct config_key *key, struct slice text, void *member, struct error *error)
{
	(void)key;
	(void)error;
	return log_format_parse(text, member);
}

static bool
read_log_level(const struct config_key *key, struct slice text, void *member, struct error *error)
{
	(void)key;
	(void)error;
	return log_level_parse(text, member);
}

static bool
read_text(const struct config_key *key, struct slice text, void *member, struct error *error)
{
	(void)key;
	(void)error;
	*(struct slice *)member = text;
	return memchr(text.ptr, '\0', text.len) == NULL;
}

/* "192.0.2.1", "192.0.2.1:53", "2001:db8::1", "[2001:db8::1]:53" */
static bool
is_name_server(struct slice text)
{
	char address[INET6_ADDRSTRLEN];
	unsigned char parsed[sizeof(struct in6_addr)];
	struct slice host = text, port = SLICE_NONE;
	bool bracketed = slice_starts(text, SLICE("["));
	if (bracketed) {
		port = slice_skip(text, 1);
		host = slice_cut(&port, ']');
		if (!slice_present(port) || (port.len > 0 && !slice_starts(port, SLICE(":"))))
			return false;
		port = port.len > 0 ? slice_skip(port, 1) : SLICE_NONE;
	} else if (memchr(text.ptr, '.', text.len) != NULL) {
		port = text;
		host = slice_cut(&port, ':');
	}
	int64_t number = 1;
	if (host.len == 0 || host.len >= sizeof address ||
	    (slice_present(port) && (!slice_to_int64(port, &number) || number < 1 || number > 65535)))
		return false;
	memcpy(address, host.ptr, host.len);
	address[host.len] = '\0';
	return inet_pton(bracketed || memchr(address, ':', host.len) != NULL ? AF_INET6 : AF_INET, address, parsed) ==
	       1;
}

static bool
read_name_servers(const struct config_key *key, struct slice text, void *member, struct error *error)
{
	struct slice rest = text;
	while (slice_present(rest) && text.len > 0)
		if (!is_name_server(slice_cut(&rest, ',')))
			return false;
	return read_text(key, text, member, error);
}

/* "06:30": milliseconds after midnight; empty: -1. */
static bool
read_time_of_day(const struct config_key *key, struct slice text, void *member, struct error *error)
{
	(void)key;
	(void)error;
	int64_t hours, minutes, *out = member;
	struct slice rest = text;
	*out = -1;
	if (text.len == 0)
		return true;
	struct slice head = slice_cut(&rest, ':');
	if (head.len != 2 || rest.len != 2 || !slice_to_int64(head, &hours) || !slice_to_int64(rest, &minutes) ||
	    hours > 23 || minutes > 59)
		return false;
	*out = (hours * 60 + minutes) * 60000;
	return true;
}

static const char bool_expected[] = "true or false";

static const struct config_key keys[] = {
    {
	.name = "delivery.schedule",
	.expected = "standard, legacy, svix, or durations separated by commas, as in 100ms,1s,5m",
	.fallback = "standard",
	.about = "When a failed delivery is tried again: a preset, or the delay before each further attempt.",
	.offset = MEMBER(delivery_schedule),
	.list = true,
	.read = read_schedule,
    },
    {
	.name = "delivery.timeout",
	.expected = "a duration from 100ms to 120s",
	.fallback = "30s",
	.about = "How long one attempt may take, from resolving the name to the end of the answer.",
	.offset = MEMBER(delivery_timeout_ms),
	.min = 100,
	.max = 120000,
	.read = read_duration,
    },
    {
	.name = "delivery.connect_timeout",
	.expected = "a duration from 10ms to 120s",
	.fallback = "10s",
	.about = "How long resolving the name, connecting and TLS may take, within `delivery.timeout`.",
	.offset = MEMBER(delivery_connect_timeout_ms),
	.min = 10,
	.max = 120000,
	.read = read_duration,
    },
    {
	.name = "delivery.first_byte_timeout",
	.expected = "a duration from 10ms to 120s, or 0s for delivery.timeout alone",
	.fallback = "0s",
	.about = "How long an endpoint may think before its answer begins, within `delivery.timeout`.",
	.offset = MEMBER(delivery_first_byte_timeout_ms),
	.min = 10,
	.max = 120000,
	.zero = true,
	.read = read_duration,
    },
    {
	.name = "delivery.allow_http",
	.expected = bool_expected,
	.fallback = "false",
	.about = "Whether endpoints may have plain `http` URLs.",
	.offset = MEMBER(delivery_allow_http),
	.read = read_bool,
    },
    {
	.name = "delivery.https_only",
	.expected = bool_expected,
	.fallback = "false",
	.about = "Refuses plain `http` URLs whatever else allows them.",
	.offset = MEMBER(delivery_https_only),
	.read = read_bool,
    },
    {
	.name = "delivery.allow_networks",
	.expected = "networks in CIDR form separated by commas, as in 10.0.0.0/8,fd00::/8",
	.fallback = "",
	.about = "Networks that the address guard lets endpoints resolve to, although they are not public.",
	.offset = MEMBER(delivery_networks),
	.list = true,
	.read = read_networks,
    },
    {
	.name = "delivery.name_servers",
	.expected = "addresses with or without a port, separated by commas, as in 192.0.2.1,[2001:db8::1]:5353",
	.fallback = "",
	.about = "Name servers that endpoints' hosts are asked of, instead of those in /etc/resolv.conf; of the own "
		 "transport.",
	.offset = MEMBER(delivery_name_servers),
	.list = true,
	.read = read_name_servers,
    },
    {
	.name = "delivery.breaker_open_for",
	.expected = "a duration from 10ms to 1d",
	.fallback = "5s",
	.about =
	    "How long nothing is sent to an endpoint after ten failures in a row, before one delivery probes it again.",
	.offset = MEMBER(delivery_breaker_open_ms),
	.min = 10,
	.max = 86400000,
	.read = read_duration,
    },
    {
	.name = "delivery.suspend_after",
	.expected = "a duration from 10ms to 365d, or 0s for never",
	.fallback = "5d",
	.about = "Unbroken failure of this length suspends an endpoint: its events are held, none is dropped.",
	.offset = MEMBER(delivery_suspend_after_ms),
	.min = 10,
	.max = INT64_C(365) * 86400000,
	.zero = true,
	.read = read_duration,
    },
    {
	.name = "delivery.warn_share",
	.expected = "a whole number of percent from 1 to 99",
	.fallback = "20",
	.about = "The share of `delivery.suspend_after` after which a failing endpoint is announced; again when three "
		 "quarters of the rest are over.",
	.offset = MEMBER(delivery_warn_share),
	.min = 1,
	.max = 99,
	.read = read_number,
    },
    {
	.name = "delivery.warn_failures",
	.expected = "a whole number up to 1000000, or 0 for never",
	.fallback = "100",
	.about = "So many failures in a row announce a failing endpoint, however short the time.",
	.offset = MEMBER(delivery_warn_failures),
	.max = 1000000,
	.read = read_number,
    },
    {
	.name = "delivery.manifest_every",
	.expected = "day, hour or minute",
	.fallback = "day",
	.about = "How often endpoints that name `webhook.manifest.daily` get a manifest of what they were sent.",
	.offset = MEMBER(manifest_every_s),
	.read = read_period,
    },
    {
	.name = "delivery.transport",
	.expected = "own or curl",
	.fallback = "own",
	.about =
	    "Which HTTP client delivers: our own, or libcurl (several times the CPU, internationalised host names).",
	.offset = MEMBER(delivery_transport),
	.read = read_transport,
    },
    {
	.name = "ingest.queue_mib",
	.expected = "a whole number of MiB from 1 to 1048576",
	.fallback = "64",
	.about =
	    "So many payload bytes may wait for their commit and for the sender; beyond, new events are answered 429.",
	.offset = MEMBER(ingest_queue_mib),
	.min = 1,
	.max = 1 << 20,
	.read = read_number,
    },
    {
	.name = "ingest.memory_mib",
	.expected = "a whole number of MiB up to 1048576, or 0 for no limit",
	.fallback = "2048",
	.about = "So much memory may be in use; beyond, new events are answered 429 until a tenth of it is free again.",
	.offset = MEMBER(ingest_memory_mib),
	.min = 0,
	.max = 1 << 20,
	.read = read_number,
    },
    {
	.name = "ingest.disk_floor_mib",
	.expected = "auto, a whole number of MiB up to 1048576, or 0 for no limit",
	.fallback = "auto",
	.about =
	    "So much must be free where the data is; below, new events are answered 503 until a quarter more is free. "
	    "`auto` is 256 MiB, or a twentieth of the file system where that is less.",
	.offset = MEMBER(ingest_disk_floor_mib),
	.min = 0,
	.max = 1 << 20,
	.read = read_number_or_auto,
    },
    {
	.name = "keys.default_type",
	.expected = "hmac, ed25519 or ecdsa-p256",
	.fallback = "hmac",
	.about = "The kind of signing key that a new endpoint gets when it does not ask for one.",
	.offset = MEMBER(keys_default_type),
	.read = read_key_type,
    },
    {
	.name = "endpoints.verify_ownership",
	.expected = bool_expected,
	.fallback = "false",
	.about = "Whether a new endpoint, or a new URL of one, must answer a challenge before events are sent to it.",
	.offset = MEMBER(endpoints_verify_ownership),
	.read = read_bool,
    },
    {
	.name = "operational_webhooks.enabled",
	.expected = bool_expected,
	.fallback = "false",
	.about = "Whether the platform's operational webhook endpoints are told of endpoints that are made, changed or "
		 "disabled, of events that cannot be delivered, and of tasks that have ended (docs/delivery.md).",
	.offset = MEMBER(operational_webhooks),
	.read = read_bool,
    },
    {
	.name = "catalogue.strict",
	.expected = bool_expected,
	.fallback = "false",
	.about = "Whether only event types of the catalogue may be posted.",
	.offset = MEMBER(catalogue_strict),
	.read = read_bool,
    },
    {
	.name = "receiver.trusted_proxies",
	.expected = "networks in CIDR form separated by commas, as in 10.0.0.0/8,fd00::/8",
	.fallback = "",
	.about = "Proxies in front of the receiver: from them alone, `x-forwarded-for` says who sent a request.",
	.offset = MEMBER(trusted_proxies),
	.list = true,
	.read = read_networks,
    },
    {
	.name = "receiver.gap_check",
	.expected = "a duration from 100ms to 1h",
	.fallback = "5s",
	.about = "How often the receiver looks whether numbers of a source are missing.",
	.offset = MEMBER(gap_check_ms),
	.min = 100,
	.max = 3600000,
	.read = read_duration,
    },
    {
	.name = "receiver.gap_grace",
	.expected = "a duration from 100ms to 1h",
	.fallback = "10s",
	.about = "How long a number may be late, because events overtake each other, before it is missing.",
	.offset = MEMBER(gap_grace_ms),
	.min = 100,
	.max = 3600000,
	.read = read_duration,
    },
    {
	.name = "receiver.stuck_after",
	.expected = "a duration from 100ms to 365d",
	.fallback = "24h",
	.about = "How long a transaction, an approval, a case or an endpoint may be in a state that something has to "
		 "follow, before an alert says that it is stuck.",
	.offset = MEMBER(stuck_after_ms),
	.min = 100,
	.max = INT64_C(365) * 86400000,
	.read = read_duration,
    },
    {
	.name = "receiver.jwks_refresh",
	.expected = "a duration from 100ms to 7d",
	.fallback = "10m",
	.about = "How often the key sets of sources with a `jwks_url` are fetched anew.",
	.offset = MEMBER(jwks_refresh_ms),
	.min = 100,
	.max = INT64_C(7) * 86400000,
	.read = read_duration,
    },
    {
	.name = "receiver.jwks_retry",
	.expected = "a duration from 100ms to 1d",
	.fallback = "10s",
	.about = "A key set is fetched no sooner than this after its last fetch: after a failure, and when a request "
		 "names a key that is not known.",
	.offset = MEMBER(jwks_retry_ms),
	.min = 100,
	.max = 86400000,
	.read = read_duration,
    },
    {
	.name = "receiver.jwks_keep",
	.expected = "a duration from 100ms to 365d",
	.fallback = "1d",
	.about = "How long fetched keys are used while they cannot be fetched anew; then their source is answered 503.",
	.offset = MEMBER(jwks_keep_ms),
	.min = 100,
	.max = INT64_C(365) * 86400000,
	.read = read_duration,
    },
    {
	.name = "reconcile.every",
	.expected = "a duration from 1s to 31d, or 0s for never",
	.fallback = "0s",
	.about = "How often the receiver reconciles by itself ([reconciliation](reconciliation.md)).",
	.offset = MEMBER(reconcile_every_ms),
	.min = 1000,
	.max = INT64_C(31) * 86400000,
	.zero = true,
	.read = read_duration,
    },
    {
	.name = "reconcile.at",
	.expected = "a time of day in UTC, as in 06:30, or nothing",
	.fallback = "",
	.about = "The time of day, in UTC, from which `reconcile.every` is counted; without it, from the last run.",
	.offset = MEMBER(reconcile_at_ms),
	.read = read_time_of_day,
    },
    {
	.name = "reconcile.custodian",
	.expected = "a name of `records`, csv:FILE or jsonl:FILE",
	.fallback = "",
	.about = "Where the custodian's records come from.",
	.offset = MEMBER(reconcile_custodian),
	.read = read_text,
    },
    {
	.name = "reconcile.ledger",
	.expected = "a name of `records`, csv:FILE or jsonl:FILE",
	.fallback = "",
	.about = "Where the ledger's entries come from.",
	.offset = MEMBER(reconcile_ledger),
	.read = read_text,
    },
    {
	.name = "reconcile.tolerance",
	.expected = "a duration from 0s to 31d",
	.fallback = "10m",
	.about = "What is younger is not yet missing, mismatched or late.",
	.offset = MEMBER(reconcile_tolerance_ms),
	.max = INT64_C(31) * 86400000,
	.zero = true,
	.read = read_duration,
    },
    {
	.name = "reconcile.stuck_after",
	.expected = "a duration from 1s to 365d",
	.fallback = "24h",
	.about = "How long a transaction may be without an end.",
	.offset = MEMBER(reconcile_stuck_after_ms),
	.min = 1000,
	.max = INT64_C(365) * 86400000,
	.read = read_duration,
    },
    {
	.name = "reconcile.repair",
	.expected = bool_expected,
	.fallback = "false",
	.about = "Whether each run also mends what did not come (`vaultbell reconcile --repair`).",
	.offset = MEMBER(reconcile_repair),
	.read = read_bool,
    },
    {
	.name = "reconcile.sender",
	.expected = "a name of `records` of the kind vaultbell, or nothing",
	.fallback = "",
	.about = "Whom a repair asks for replays; without it, the custodian where it is a Vaultbell sender.",
	.offset = MEMBER(reconcile_sender),
	.read = read_text,
    },
    {
	.name = "reconcile.output",
	.expected = "a directory, or nothing",
	.fallback = "",
	.about =
	    "Where each run writes its report (JSON, CSV, HTML); without it, `reconciliation` in the data directory.",
	.offset = MEMBER(reconcile_output),
	.read = read_text,
    },
    {
	.name = "reconcile.timeout",
	.expected = "a duration from 1s to 1d",
	.fallback = "1h",
	.about = "A run that takes longer is ended, and is a failure.",
	.offset = MEMBER(reconcile_timeout_ms),
	.min = 1000,
	.max = 86400000,
	.read = read_duration,
    },
    {
	.name = "log.format",
	.expected = "logfmt or json",
	.fallback = "logfmt",
	.about = "The form of the log's lines.",
	.offset = MEMBER(log_format),
	.read = read_log_format,
    },
    {
	.name = "log.level",
	.expected = "debug, info, warn or error",
	.fallback = "info",
	.about = "The least important lines that are logged.",
	.offset = MEMBER(log_level),
	.read = read_log_level,
    },
};

_Static_assert(COUNT_OF(keys) <= CONFIG_KEYS_MAX, "struct config keeps the text of every key");

size_t
config_key_count(void)
{
	return COUNT_OF(keys);
}

const struct config_key *
config_key_at(size_t at)
{
	ENSURE(at < COUNT_OF(keys));
	return &keys[at];
}

size_t
config_key_find(struct slice name)
{
	size_t row = 0;
	while (row < COUNT_OF(keys) && !slice_is(name, keys[row].name))
		row++;
	return row;
}

bool
config_section_exists(struct slice name)
{
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		struct slice key = slice_of(keys[i].name);
		if (slice_starts(key, name) && key.len > name.len && key.ptr[name.len] == '.')
			return true;
	}
	return false;
}
