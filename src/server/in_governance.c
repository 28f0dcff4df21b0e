/* What this server adds to organisations and endpoints: services, environment, owners. A client of the bare wire
 * contract does not know of them, so that a replacement which does not name them leaves them as they are. */
#include "server/in.h"

#include "catalogue/catalogue.h"
#include "model/redaction.h"

static void
read_services(const struct in *in, const struct member *member, struct organisation_in *out)
{
	out->services_given = member_given(member);
	if (member_null(member))
		return;
	out->value.services_limited = true;
	/* An empty list is none beside those that everybody has, where other lists have at least one item. */
	bool empty = member->value.type == JSON_ARRAY && json_count(member->value) == 0;
	if (empty || !in_names(in, member, LIMIT_SERVICES, &out->value.services))
		return;
	for (size_t i = 0; i < out->value.services.count; i++)
		if (!slice_list_has(catalogue_services(), out->value.services.items[i]))
			check_fail(in->check, CHECK_VALUE, member->name,
			    "Item %zu of %s must be one of the catalogue's services.", i, member->name);
}

/* {role: [path, …]}; kept as it was written. */
static void
read_redactions(const struct in *in, const struct member *member, struct organisation_in *out)
{
	out->redactions_given = member_given(member);
	if (member_null(member))
		return;
	if (member->value.type != JSON_OBJECT || json_has_duplicates(member->value)) {
		check_fail(in->check, CHECK_DECODE, member->name,
		    "%s must be an object with lists of paths by role, each role once.", member->name);
		return;
	}
	struct json_iterator iterator = json_iterate(member->value);
	struct json key, value;
	while (json_next(&iterator, &key, &value)) {
		enum role role;
		bool known = role_parse(json_text(in->arena, key), &role) && role != ROLE_PLATFORM_ADMIN;
		bool fits = value.type == JSON_ARRAY && json_count(value) <= LIMIT_REDACTION_PATHS;
		struct json_iterator items = json_iterate(fits ? value : (struct json){JSON_ARRAY, SLICE("[]")});
		struct json none, item;
		while (fits && json_next(&items, &none, &item))
			fits = item.type == JSON_STRING && redaction_path_valid(json_text(in->arena, item));
		if (known && fits)
			continue;
		check_fail(in->check, CHECK_VALUE, member->name,
		    known ? "The paths of a role in %s must be at most %d texts such as data.amount or **.address."
			  : "A name in %s is not one of an organisation's roles.",
		    member->name, LIMIT_REDACTION_PATHS);
		return;
	}
	if (json_count(member->value) > 0)
		out->value.redactions = arena_copy(in->arena, member->value.raw);
}

void
organisation_in_services(const struct in *in, struct json object, struct organisation_in *out)
{
	struct member m[] = {
	    {.name = "services"}, {.name = "environment"}, {.name = "payloadRetentionPeriod"}, {.name = "redactions"}};
	int64_t days = 0;
	struct slice name;
	members_find(object, m, COUNT_OF(m));
	read_services(in, &m[0], out);
	out->environment_given = member_given(&m[1]);
	if (in_text(in, &m[1], LIMIT_UID_BYTES, &name) && !environment_parse(name, &out->value.environment))
		check_fail(in->check, CHECK_VALUE, m[1].name, "%s must be production or sandbox.", m[1].name);
	out->retention_given = member_given(&m[2]);
	(void)in_integer(in, &m[2], 1, LIMIT_RETENTION_DAYS, &days);
	out->value.retention_days = (int32_t)days;
	read_redactions(in, &m[3], out);
}

static void
read_owner(const struct in *in, const struct member *duty, struct owner *out)
{
	if (member_null(duty))
		return;
	if (duty->value.type != JSON_OBJECT) {
		check_fail(in->check, CHECK_DECODE, duty->name, "%s must be an object with team and contact, not %s.",
		    duty->name, json_type_name(duty->value.type));
		return;
	}
	struct member m[] = {{.name = "team"}, {.name = "contact"}};
	members_find(duty->value, m, COUNT_OF(m));
	(void)in_text(in, &m[0], LIMIT_OWNER_BYTES, &out->team);
	(void)in_text(in, &m[1], LIMIT_OWNER_BYTES, &out->contact);
	if (out->team.len == 0)
		check_fail(in->check, CHECK_VALUE, duty->name, "%s must name a team.", duty->name);
}

void
endpoint_in_owners(const struct in *in, struct json object, struct endpoint_in *out)
{
	struct member owners = {.name = "owners"};
	members_find(object, &owners, 1);
	out->owners_given = member_given(&owners);
	if (member_null(&owners))
		return;
	if (owners.value.type != JSON_OBJECT) {
		check_fail(in->check, CHECK_DECODE, owners.name, "owners must be an object, not %s.",
		    json_type_name(owners.value.type));
		return;
	}
	in->check->within = owners.name;
	for (int duty = 0; duty < DUTY_COUNT; duty++) {
		struct member member = {.name = duty_name((enum duty)duty)};
		members_find(owners.value, &member, 1);
		read_owner(in, &member, &out->value.owners[duty]);
	}
	in->check->within = NULL;
}
