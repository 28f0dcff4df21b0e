#include "model/governance.h"

static const char *const aspect_names[GOVERN_COUNT] = {
    [GOVERN_URL] = "url",
    [GOVERN_TYPES] = "types",
    [GOVERN_KEYS] = "keys",
    [GOVERN_ROLES] = "roles",
    [GOVERN_DISABLING] = "disabling",
};

const char *
governance_aspect_name(enum governance_aspect aspect)
{
	return aspect_names[aspect];
}

bool
governance_aspect_parse(struct slice name, enum governance_aspect *out)
{
	for (size_t i = 0; i < GOVERN_COUNT; i++)
		if (slice_is(name, aspect_names[i])) {
			*out = (enum governance_aspect)i;
			return true;
		}
	return false;
}

bool
governance_loosens(const struct governance *before, const struct governance *after)
{
	if (before->aspects == 0)
		return false;
	/* Whoever could change the contact alone could see to it that nobody is told. */
	return (before->aspects & ~after->aspects) != 0 || after->cool_off_s < before->cool_off_s ||
	       !slice_equal(before->contact, after->contact);
}

struct governance
governance_copy(struct arena *arena, const struct governance *from)
{
	struct governance copy = *from;
	copy.contact = arena_copy(arena, from->contact);
	copy.notice = arena_copy(arena, from->notice);
	return copy;
}

/* --- documents --------------------------------------------------------------------------------------- */

void
governance_write(struct json_writer *writer, const struct governance *governance)
{
	json_open(writer, '{');
	json_key(writer, "governed");
	json_open(writer, '[');
	for (size_t i = 0; i < GOVERN_COUNT; i++)
		if ((governance->aspects & GOVERN_BIT(i)) != 0)
			json_string(writer, slice_of(aspect_names[i]));
	json_close(writer);
	json_put_integer(writer, "coolOffSeconds", governance->cool_off_s);
	json_put_string(writer, "securityContact", governance->contact);
	json_put_string(writer, "notice", governance->notice);
	json_close(writer);
}

static bool
read_text(struct json object, const char *name, struct arena *arena, struct slice *out)
{
	struct json value = json_member(object, name);
	*out = SLICE_NONE;
	if (!json_present(value) || value.type == JSON_NULL)
		return true;
	if (value.type != JSON_STRING)
		return false;
	*out = json_text(arena, value);
	return true;
}

static bool
read_integer(struct json object, const char *name, int64_t *out)
{
	struct json value = json_member(object, name);
	*out = 0;
	return !json_present(value) || (value.type == JSON_NUMBER && json_int64(value, out));
}

bool
governance_read(struct json object, struct arena *arena, struct governance *out)
{
	*out = (struct governance){.aspects = 0};
	struct json governed = json_member(object, "governed"), key, item;
	if (!json_present(governed) || governed.type != JSON_ARRAY)
		return false;
	struct json_iterator iterator = json_iterate(governed);
	while (json_next(&iterator, &key, &item)) {
		enum governance_aspect aspect;
		if (item.type != JSON_STRING || !governance_aspect_parse(json_text(arena, item), &aspect))
			return false;
		out->aspects |= GOVERN_BIT(aspect);
	}
	return read_integer(object, "coolOffSeconds", &out->cool_off_s) &&
	       read_text(object, "securityContact", arena, &out->contact) &&
	       read_text(object, "notice", arena, &out->notice);
}

struct verification
verification_copy(struct arena *arena, const struct verification *from)
{
	struct verification copy = *from;
	copy.challenge = arena_copy(arena, from->challenge);
	copy.url = arena_copy(arena, from->url);
	copy.problem = arena_copy(arena, from->problem);
	return copy;
}

void
verification_write(struct json_writer *writer, const struct verification *verification, bool shown)
{
	json_open(writer, '{');
	if (!shown)
		json_put_string(writer, "challenge", verification->challenge);
	json_put_string(writer, "url", verification->url);
	json_put_integer(writer, "attempts", verification->attempts);
	json_put_integer(writer, "due", verification->due.us);
	json_put_string(writer, "problem", verification->problem);
	json_close(writer);
}

bool
verification_read(struct json object, struct arena *arena, struct verification *out)
{
	int64_t attempts = 0;
	*out = (struct verification){.attempts = 0};
	if (!read_text(object, "challenge", arena, &out->challenge) || !read_text(object, "url", arena, &out->url) ||
	    !read_text(object, "problem", arena, &out->problem) || !read_integer(object, "due", &out->due.us) ||
	    !read_integer(object, "attempts", &attempts))
		return false;
	out->attempts = (int32_t)attempts;
	return slice_present(out->challenge);
}
