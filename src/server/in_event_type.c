/* EventTypeIn. Schemas are looked at closely enough to refuse what is no JSON Schema. */
#include "server/in.h"

static const char *const type_names[] = {"array", "boolean", "integer", "null", "number", "object", "string"};
/* Keywords whose value is a schema, a map of schemas, or a list of them (JSON Schema 2020-12 sections 10 and 11). */
static const char *const schema_keywords[] = {"additionalProperties", "propertyNames", "items", "contains", "not", "if",
    "then", "else", "unevaluatedItems", "unevaluatedProperties"};
static const char *const map_keywords[] = {
    "properties", "patternProperties", "$defs", "definitions", "dependentSchemas"};
static const char *const list_keywords[] = {"allOf", "anyOf", "oneOf", "prefixItems"};

static bool
key_in(struct json key, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (json_text_is(key, slice_of(names[i])))
			return true;
	return false;
}

static bool
type_valid(struct json value)
{
	if (value.type == JSON_STRING)
		return key_in(value, type_names, COUNT_OF(type_names));
	if (value.type != JSON_ARRAY || json_count(value) == 0)
		return false;
	struct json_iterator iterator = json_iterate(value);
	struct json key, item;
	while (json_next(&iterator, &key, &item))
		if (item.type != JSON_STRING || !key_in(item, type_names, COUNT_OF(type_names)))
			return false;
	return true;
}

static bool schema_valid(struct json schema);

static bool
all_valid(struct json container, enum json_type type)
{
	if (container.type != type)
		return false;
	struct json_iterator iterator = json_iterate(container);
	struct json key, item;
	while (json_next(&iterator, &key, &item))
		if (!schema_valid(item))
			return false;
	return true;
}

/* Recursion is bounded by the depth that the reader takes (LIMIT_JSON_DEPTH). */
static bool
schema_valid(struct json schema)
{
	if (schema.type == JSON_TRUE || schema.type == JSON_FALSE)
		return true;
	if (schema.type != JSON_OBJECT)
		return false;
	struct json_iterator iterator = json_iterate(schema);
	struct json key, value;
	while (json_next(&iterator, &key, &value)) {
		bool good = true;
		if (json_text_is(key, SLICE("type")))
			good = type_valid(value);
		else if (json_text_is(key, SLICE("items")) && value.type == JSON_ARRAY)
			good = all_valid(value, JSON_ARRAY);
		else if (json_text_is(key, SLICE("required")) || json_text_is(key, SLICE("enum")))
			good = value.type == JSON_ARRAY;
		else if (key_in(key, schema_keywords, COUNT_OF(schema_keywords)))
			good = schema_valid(value);
		else if (key_in(key, map_keywords, COUNT_OF(map_keywords)))
			good = all_valid(value, JSON_OBJECT);
		else if (key_in(key, list_keywords, COUNT_OF(list_keywords)))
			good = all_valid(value, JSON_ARRAY);
		if (!good)
			return false;
	}
	return true;
}

static void
read_schemas(const struct in *in, const struct member *member, struct slice *out)
{
	if (member_null(member))
		return;
	struct json value = member->value;
	if (value.type != JSON_OBJECT) {
		check_fail(in->check, CHECK_DECODE, member->name, "%s must be an object of schemas by version, not %s.",
		    member->name, json_type_name(value.type));
		return;
	}
	if (!all_valid(value, JSON_OBJECT)) {
		check_fail(
		    in->check, CHECK_DECODE, member->name, "Each member of %s must be a JSON Schema.", member->name);
		return;
	}
	*out = arena_copy(in->arena, value.raw);
}

void
event_type_in_read(const struct in *in, struct json object, bool named, struct event_type_in *out)
{
	enum { NAME, DESCRIPTION, ARCHIVED, DEPRECATED, SCHEMAS, FLAG };
	struct member members[] = {{.name = "name"}, {.name = "description"}, {.name = "archived"},
	    {.name = "deprecated"}, {.name = "schemas"}, {.name = "featureFlag"}};
	members_find(object, members, COUNT_OF(members));
	bool all = !in->patch;
	*out = (struct event_type_in){
	    .description_given = all || member_given(&members[DESCRIPTION]),
	    .archived_given = all || member_given(&members[ARCHIVED]),
	    .deprecated_given = all || member_given(&members[DEPRECATED]),
	    .schemas_given = all || member_given(&members[SCHEMAS]),
	    .feature_flag_given = all || member_given(&members[FLAG]),
	};
	if (named) {
		in_required(in, &members[NAME]);
		if (in_text(in, &members[NAME], SIZE_MAX, &out->value.name) && !event_type_name_valid(out->value.name))
			check_fail(in->check, CHECK_VALUE, "name", "name must be 1 to %d of a-z, A-Z, 0-9, -, _ and ..",
			    LIMIT_UID_BYTES);
	}
	if (out->description_given)
		in_required(in, &members[DESCRIPTION]);
	(void)in_text(in, &members[DESCRIPTION], LIMIT_NAME_BYTES, &out->value.description);
	(void)in_bool(in, &members[ARCHIVED], &out->value.archived);
	(void)in_bool(in, &members[DEPRECATED], &out->value.deprecated);
	read_schemas(in, &members[SCHEMAS], &out->value.schemas);
	if (in_text(in, &members[FLAG], SIZE_MAX, &out->value.feature_flag) &&
	    !uid_valid(out->value.feature_flag, NULL))
		check_fail(in->check, CHECK_VALUE, "featureFlag",
		    "featureFlag must be 1 to %d of a-z, A-Z, 0-9, -, _ and ..", LIMIT_UID_BYTES);
}

void
event_type_in_apply(const struct event_type_in *in, struct event_type *type)
{
	if (in->description_given)
		type->description = in->value.description;
	if (in->archived_given)
		type->archived = in->value.archived;
	if (in->deprecated_given)
		type->deprecated = in->value.deprecated;
	if (in->schemas_given)
		type->schemas = in->value.schemas;
	if (in->feature_flag_given)
		type->feature_flag = in->value.feature_flag;
}
