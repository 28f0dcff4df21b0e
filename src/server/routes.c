/* The route table: what there is, who may, and who does it. Routing, the answers 405 and their `allow`, and the
 * interface's description are made from it. */
#include "server/resources.h"

static const struct route routes[] = {
    /* The busiest first. */
    {"POST", "app/*/msg", ACCESS_PLATFORM, PERMISSION_MESSAGE_POST, message_create},
    {"GET", "app/*/msg", ACCESS_ORGANISATION, PERMISSION_MESSAGE_READ, message_list},
    {"GET", "app/*/msg/*", ACCESS_ORGANISATION, PERMISSION_MESSAGE_READ, message_get},
    {"GET", "app/*/msg/*/endpoint", ACCESS_ORGANISATION, PERMISSION_ATTEMPT_READ, attempt_destinations},
    {"GET", "app/*/msg/*/attempt/*", ACCESS_ORGANISATION, PERMISSION_ATTEMPT_READ, attempt_get},
    {"GET", "app/*/msg/*/attempt", ACCESS_ORGANISATION, PERMISSION_ATTEMPT_READ, attempt_list_of_message_deprecated},
    {"POST", "app/*/msg/*/endpoint/*/resend", ACCESS_ORGANISATION, PERMISSION_REPLAY, attempt_resend},
    {"GET", "app/*/attempt/endpoint/*", ACCESS_ORGANISATION, PERMISSION_ATTEMPT_READ, attempt_list_of_endpoint},
    {"GET", "app/*/attempt/msg/*", ACCESS_ORGANISATION, PERMISSION_ATTEMPT_READ, attempt_list_of_message},

    {"GET", "app", ACCESS_PLATFORM, PERMISSION_ORGANISATION_READ, organisation_list},
    {"POST", "app", ACCESS_PLATFORM, PERMISSION_ORGANISATION_WRITE, organisation_create},
    {"GET", "app/*", ACCESS_ORGANISATION, PERMISSION_ORGANISATION_READ, organisation_get},
    {"PUT", "app/*", ACCESS_PLATFORM, PERMISSION_ORGANISATION_WRITE, organisation_put},
    {"PATCH", "app/*", ACCESS_PLATFORM, PERMISSION_ORGANISATION_WRITE, organisation_patch},
    {"DELETE", "app/*", ACCESS_PLATFORM, PERMISSION_ORGANISATION_WRITE, organisation_delete},

    {"GET", "app/*/endpoint", ACCESS_ORGANISATION, PERMISSION_ENDPOINT_READ, endpoint_list},
    {"POST", "app/*/endpoint", ACCESS_ORGANISATION, PERMISSION_ENDPOINT_WRITE, endpoint_create},
    {"GET", "app/*/endpoint/*", ACCESS_ORGANISATION, PERMISSION_ENDPOINT_READ, endpoint_get},
    {"PUT", "app/*/endpoint/*", ACCESS_ORGANISATION, PERMISSION_ENDPOINT_WRITE, endpoint_put},
    {"PATCH", "app/*/endpoint/*", ACCESS_ORGANISATION, PERMISSION_ENDPOINT_WRITE, endpoint_patch},
    {"DELETE", "app/*/endpoint/*", ACCESS_ORGANISATION, PERMISSION_ENDPOINT_WRITE, endpoint_delete},
    {"GET", "app/*/endpoint/*/msg", ACCESS_ORGANISATION, PERMISSION_ATTEMPT_READ, attempt_messages},
    {"GET", "app/*/endpoint/*/secret", ACCESS_ORGANISATION, PERMISSION_KEY_READ, endpoint_secret},
    {"POST", "app/*/endpoint/*/secret/rotate", ACCESS_ORGANISATION, PERMISSION_KEY_ROTATE, endpoint_rotate},
    {"GET", "app/*/endpoint/*/headers", ACCESS_ORGANISATION, PERMISSION_ENDPOINT_WRITE, endpoint_headers},
    {"PUT", "app/*/endpoint/*/headers", ACCESS_ORGANISATION, PERMISSION_ENDPOINT_WRITE, endpoint_headers_put},
    {"PATCH", "app/*/endpoint/*/headers", ACCESS_ORGANISATION, PERMISSION_ENDPOINT_WRITE, endpoint_headers_patch},

    {"GET", "event-type", ACCESS_ANY, PERMISSION_EVENT_TYPE_READ, event_type_list},
    {"POST", "event-type", ACCESS_PLATFORM, PERMISSION_EVENT_TYPE_WRITE, event_type_create},
    {"GET", "event-type/*", ACCESS_ANY, PERMISSION_EVENT_TYPE_READ, event_type_get},
    {"PUT", "event-type/*", ACCESS_PLATFORM, PERMISSION_EVENT_TYPE_WRITE, event_type_put},
    {"PATCH", "event-type/*", ACCESS_PLATFORM, PERMISSION_EVENT_TYPE_WRITE, event_type_patch},
    {"DELETE", "event-type/*", ACCESS_PLATFORM, PERMISSION_EVENT_TYPE_WRITE, event_type_delete},

    {"GET", "health", ACCESS_OPEN, PERMISSION_NONE, health_get},
    {"GET", "health/ping", ACCESS_OPEN, PERMISSION_NONE, health_ping},
};

/* The one route outside the API's root. */
static const struct route jwks = {"GET", "/.well-known/jwks.json", ACCESS_OPEN, PERMISSION_NONE, health_jwks};

static bool
fits(const char *pattern, const struct slice *segments, size_t count)
{
	struct slice rest = slice_of(pattern);
	size_t at = 0;
	while (slice_present(rest)) {
		struct slice part = slice_cut(&rest, '/');
		if (at == count || (!slice_is(part, "*") && !slice_equal(part, segments[at])))
			return false;
		at++;
	}
	return at == count;
}

/* RFC 9110 section 9.3.2: HEAD is answered wherever GET is. */
static bool
does_method(const struct route *route, struct slice method)
{
	return slice_is(method, route->method) || (slice_is(method, "HEAD") && strcmp(route->method, "GET") == 0);
}

const struct route *
route_find(struct slice method, const struct slice *segments, size_t count, struct buf *allow)
{
	for (size_t i = 0; i < COUNT_OF(routes); i++) {
		if (!fits(routes[i].pattern, segments, count))
			continue;
		if (does_method(&routes[i], method))
			return &routes[i];
		buf_text(allow, allow->len == 0 ? "" : ", ");
		buf_text(allow, routes[i].method);
		if (strcmp(routes[i].method, "GET") == 0)
			buf_text(allow, ", HEAD");
	}
	return NULL;
}

const struct route *
route_jwks(void)
{
	return &jwks;
}

size_t
route_count(void)
{
	return COUNT_OF(routes);
}

const struct route *
route_at(size_t at)
{
	ENSURE(at < COUNT_OF(routes));
	return &routes[at];
}
