/* Builds the signature base from a request as it was received: RFC 9421 section 2. Component parameters (`sf`, `bs`,
 * `key`, `req`, `tr`, and `name` of "@query-param") are not supported, so a signature that uses one is malformed here
 * rather than wrong. */
#include "sign/rfc9421.h"

/* --- fields ------------------------------------------------------------------------------------------ */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* Appends one line's value: a line break and the white space around it, which is obsolete folding, becomes one space.
 * False when there is a control character that is neither. */
static bool
append_unfolded(struct buf *out, struct slice value)
{
	value = slice_trim(value);
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];
		if (c != '\r' && c != '\n') {
			if (((unsigned char)c < 0x20 && c != '\t') || c == 0x7f)
				return false;
			buf_byte(out, c);
			continue;
		}
		size_t end = i + 1;
		if (c == '\r' && end < value.len && value.ptr[end] == '\n')
			end++;
		if (end == value.len || !is_space(value.ptr[end]))
			return false;
		while (end < value.len && is_space(value.ptr[end]))
			end++;
		while (out->len > 0 && is_space(out->data[out->len - 1]))
			out->len--;
		buf_byte(out, ' ');
		i = end - 1;
	}
	return true;
}

struct slice
field_value(const struct http_headers *headers, struct slice name, struct arena *arena)
{
	size_t room = 0;
	for (size_t i = 0; i < headers->count; i++)
		if (slice_equal_nocase(headers->items[i].name, name))
			room += headers->items[i].value.len + 2;
	if (room == 0)
		return SLICE_NONE;
	struct buf value = buf_over(arena_alloc(arena, room), room);
	bool more = false;
	for (size_t i = 0; i < headers->count; i++) {
		if (!slice_equal_nocase(headers->items[i].name, name))
			continue;
		if (more)
			buf_append(&value, SLICE(", "));
		more = true;
		if (!append_unfolded(&value, headers->items[i].value))
			return SLICE_NONE;
	}
	ENSURE(!value.overflow);
	return buf_slice(&value);
}

/* --- derived components ------------------------------------------------------------------------------ */

static struct slice
lower_case(struct arena *arena, struct slice text)
{
	char *lower = arena_string(arena, text);
	for (size_t i = 0; i < text.len; i++)
		if (lower[i] >= 'A' && lower[i] <= 'Z')
			lower[i] = (char)(lower[i] + 32);
	return (struct slice){lower, text.len};
}

/* Absent when the target URI is not known. */
static struct slice
scheme_value(const struct verify_input *input, struct arena *arena)
{
	struct slice rest = input->target_uri;
	if (!slice_present(rest))
		return SLICE_NONE;
	struct slice scheme = slice_cut(&rest, ':');
	return slice_present(rest) ? lower_case(arena, scheme) : SLICE_NONE;
}

static struct slice
method_value(const struct verify_input *input, struct arena *arena)
{
	(void)arena;
	return input->method;
}

/* In lower case and without the scheme's own port, where the scheme is known (section 2.2.3). */
static struct slice
authority_value(const struct verify_input *input, struct arena *arena)
{
	if (!slice_present(input->authority))
		return SLICE_NONE;
	struct slice authority = lower_case(arena, input->authority), scheme = scheme_value(input, arena);
	struct slice port = SLICE_NONE;
	if (slice_is(scheme, "https"))
		port = SLICE(":443");
	else if (slice_is(scheme, "http"))
		port = SLICE(":80");
	if (port.len > 0 && authority.len > port.len &&
	    slice_equal(slice_skip(authority, authority.len - port.len), port))
		authority.len -= port.len;
	return authority;
}

static struct slice
path_value(const struct verify_input *input, struct arena *arena)
{
	(void)arena;
	return slice_present(input->path) && input->path.len == 0 ? SLICE("/") : input->path;
}

static struct slice
query_value(const struct verify_input *input, struct arena *arena)
{
	return arena_printf(arena, "?%.*s", SLICE_ARG(input->query));
}

static struct slice
request_target_value(const struct verify_input *input, struct arena *arena)
{
	if (!slice_present(input->path) || !slice_present(input->query))
		return path_value(input, arena);
	struct slice path = path_value(input, arena);
	return arena_printf(arena, "%.*s?%.*s", SLICE_ARG(path), SLICE_ARG(input->query));
}

static struct slice
target_uri_value(const struct verify_input *input, struct arena *arena)
{
	(void)arena;
	return input->target_uri;
}

static const struct {
	const char *name;
	struct slice (*value)(const struct verify_input *input, struct arena *arena);
} derived[] = {
    {"@method", method_value},
    {"@authority", authority_value},
    {"@path", path_value},
    {"@query", query_value},
    {"@request-target", request_target_value},
    {"@target-uri", target_uri_value},
    {"@scheme", scheme_value},
};

static bool
has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
			return true;
	return false;
}

static struct slice
derived_value(const struct verify_input *input, struct slice name, struct arena *arena)
{
	for (size_t i = 0; i < COUNT_OF(derived); i++) {
		if (!slice_is(name, derived[i].name))
			continue;
		struct slice value = derived[i].value(input, arena);
		return has_control(value) ? SLICE_NONE : value;
	}
	return SLICE_NONE;
}

/* --- the base ---------------------------------------------------------------------------------------- */

void
base_line(struct buf *out, struct slice name, struct slice value)
{
	sfv_write_string(out, name);
	buf_append(out, SLICE(": "));
	buf_append(out, value);
	buf_byte(out, '\n');
}

void
base_params_begin(struct buf *out)
{
	buf_append(out, SLICE("\"@signature-params\": "));
}

/* The name of a field in lower case, or of a derived component. */
static bool
component_name_valid(struct slice name)
{
	size_t start = name.len > 0 && name.ptr[0] == '@' ? 1 : 0;
	for (size_t i = start; i < name.len; i++) {
		char c = name.ptr[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
		if (!good)
			return false;
	}
	return name.len > start;
}

bool
signature_base(const struct verify_input *input, const struct sfv_member *covered, struct arena *arena, struct buf *out,
    struct verify_result *result)
{
	for (size_t i = 0; i < covered->count; i++) {
		const struct sfv_item *item = &covered->items[i];
		if (item->value.type != SFV_STRING || !component_name_valid(item->value.text)) {
			verdict_set(result, VERDICT_MALFORMED,
			    "signature-input: a covered component must be a lower-case name in "
			    "quotes");
			return false;
		}
		struct slice name = item->value.text;
		int shown = name.len > 40 ? 40 : (int)name.len;
		if (item->parameters.count > 0) {
			verdict_set(result, VERDICT_MALFORMED,
			    "signature-input: parameters of a component are not supported (%.*s)", shown, name.ptr);
			return false;
		}
		for (size_t j = 0; j < i; j++) {
			if (!slice_equal(covered->items[j].value.text, name))
				continue;
			verdict_set(result, VERDICT_MALFORMED, "signature-input: covers %.*s twice", shown, name.ptr);
			return false;
		}
		struct slice value =
		    name.ptr[0] == '@' ? derived_value(input, name, arena) : field_value(&input->headers, name, arena);
		if (!slice_present(value)) {
			verdict_set(result, VERDICT_MALFORMED,
			    "signature-input: covers %.*s, which this request does not have", shown, name.ptr);
			return false;
		}
		base_line(out, name, value);
	}
	base_params_begin(out);
	sfv_write_list(out, covered);
	if (out->overflow) {
		verdict_set(
		    result, VERDICT_MALFORMED, "the signed components are over %d bytes", (int)SIGNATURE_BASE_MAX);
		return false;
	}
	return true;
}
