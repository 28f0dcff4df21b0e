/* One row for each list of the file, and for each member of its items: read, printed and named in errors from here. */
#include "config/table.h"

#define OF(type, member) offsetof(struct type, member)

static const struct config_list_member source_members[] = {
    {"name", OF(config_source, name), false},
    {"scheme", OF(config_source, scheme), false},
    {"secret_file", OF(config_source, secret_file), false},
    {"forward", OF(config_source, forward), false},
    {"jwks_url", OF(config_source, jwks_url), false},
    {"pull_url", OF(config_source, pull_url), false},
    {"pull_token_file", OF(config_source, pull_token_file), false},
    {"client_certificate", OF(config_source, client_certificate), true},
    {"allow", OF(config_source, allow), true},
};

static const struct config_list_member alert_members[] = {
    {"name", OF(config_alert, name), false},
    {"kind", OF(config_alert, kind), false},
    {"url", OF(config_alert, url), false},
    {"secret_file", OF(config_alert, secret_file), false},
};

static const struct config_list_member record_members[] = {
    {"name", OF(config_record, name), false},
    {"kind", OF(config_record, kind), false},
    {"path", OF(config_record, path), false},
    {"url", OF(config_record, url), false},
    {"token_file", OF(config_record, token_file), false},
    {"mapping", OF(config_record, mapping), false},
    {"organisation", OF(config_record, organisation), false},
    {"endpoint", OF(config_record, endpoint), false},
    {"source", OF(config_record, source), false},
    {"authorities", OF(config_record, authorities), false},
    {"certificate", OF(config_record, certificate), false},
    {"key", OF(config_record, key), false},
};

static const struct config_list lists[] = {
    {
	.name = "sources",
	.item = "source",
	.expected =
	    "a list of sources, as in \"- name: acme\" and below it \"scheme\", \"secret_file\" and \"forward\"",
	.members_expected =
	    "name, scheme, secret_file, forward, jwks_url, pull_url, pull_token_file, client_certificate or allow",
	.items = OF(config, sources),
	.count = OF(config, source_count),
	.item_bytes = sizeof(struct config_source),
	.max = CONFIG_SOURCES_MAX,
	.members = source_members,
	.member_count = COUNT_OF(source_members),
    },
    {
	.name = "alerts",
	.item = "target of alerts",
	.expected = "a list of where alerts go, as in \"- name: desk\" and below it \"kind\" and \"url\"",
	.members_expected = "name, kind, url or secret_file",
	.items = OF(config, alerts),
	.count = OF(config, alert_count),
	.item_bytes = sizeof(struct config_alert),
	.max = CONFIG_ALERTS_MAX,
	.members = alert_members,
	.member_count = COUNT_OF(alert_members),
    },
    {
	.name = "records",
	.item = "source of records",
	.expected = "a list of sources of records, as in \"- name: custodian\" and below it \"kind\" and \"url\" or "
		    "\"path\"",
	.members_expected = "name, kind, path, url, token_file, mapping, organisation, endpoint, source, authorities, "
			    "certificate or key",
	.items = OF(config, records),
	.count = OF(config, record_count),
	.item_bytes = sizeof(struct config_record),
	.max = CONFIG_RECORDS_MAX,
	.members = record_members,
	.member_count = COUNT_OF(record_members),
    },
};

_Static_assert(OF(config_source, origin) == 0 && OF(config_alert, origin) == 0 && OF(config_record, origin) == 0,
    "an item begins with its origin");

size_t
config_list_count(void)
{
	return COUNT_OF(lists);
}

const struct config_list *
config_list_at(size_t at)
{
	ENSURE(at < COUNT_OF(lists));
	return &lists[at];
}

static const struct config_tree trees[] = {
    {"destinations", OF(config, destinations)},
    {"rules", OF(config, rules)},
};

size_t
config_tree_count(void)
{
	return COUNT_OF(trees);
}

const struct config_tree *
config_tree_at(size_t at)
{
	ENSURE(at < COUNT_OF(trees));
	return &trees[at];
}
