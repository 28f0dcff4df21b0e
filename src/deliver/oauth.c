#include "deliver/oauth.h"

#include "base/encode.h"

#include <stdio.h>
#include <stdlib.h>

enum { REQUEST_BODY_BYTES = 64 << 10, SECOND_US = 1000000 };

struct oauth {
	enum oauth_state state;
	uint64_t generation;
	struct secret token;
	struct wall_time expires; /* when it is not used any more */
	struct slice token_url, authorization;
	struct secret body;
	bool endpoint_tls;
	struct arena arena;
};

/* --- the request -------------------------------------------------------------------------------------- */

/* application/x-www-form-urlencoded, as RFC 6749 appendix B has it. */
static void
encode(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i], lower = c | 0x20;
		if ((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_')
			buf_byte(out, (char)c);
		else if (c == ' ')
			buf_byte(out, '+');
		else
			buf_printf(out, "%%%02X", c);
	}
}

static void
put(struct buf *out, const char *name, struct slice value)
{
	if (!slice_present(value))
		return;
	if (out->len > 0)
		buf_byte(out, '&');
	buf_text(out, name);
	buf_byte(out, '=');
	encode(out, value);
}

/* RFC 6749 section 2.3.1: both parts are encoded before they are joined. */
static struct slice
basic(struct arena *arena, const struct endpoint_authentication *from)
{
	struct buf plain, text;
	buf_init(&plain, REQUEST_BODY_BYTES);
	buf_init(&text, REQUEST_BODY_BYTES * 2);
	encode(&plain, from->client_id);
	buf_byte(&plain, ':');
	encode(&plain, from->client_secret);
	buf_text(&text, "Basic ");
	base64_append(&text, buf_slice(&plain));
	struct slice out = arena_copy(arena, buf_slice(&text));
	explicit_bzero(plain.data, plain.len);
	explicit_bzero(text.data, text.len);
	buf_free(&plain);
	buf_free(&text);
	return out;
}

struct oauth *
oauth_new(const struct endpoint_authentication *from)
{
	struct oauth *oauth = mem_zero(1, sizeof *oauth);
	oauth->token_url = arena_copy(&oauth->arena, from->token_url);
	oauth->endpoint_tls = from->endpoint_tls;
	struct buf body;
	buf_init(&body, REQUEST_BODY_BYTES);
	put(&body, "grant_type", SLICE("client_credentials"));
	put(&body, "scope", from->scope);
	put(&body, "audience", from->audience);
	if (from->secret_in_body) {
		put(&body, "client_id", from->client_id);
		put(&body, "client_secret", from->client_secret);
	} else {
		oauth->authorization = basic(&oauth->arena, from);
	}
	ENSURE(!body.overflow);
	oauth->body = secret_copy(buf_slice(&body));
	explicit_bzero(body.data, body.len);
	buf_free(&body);
	return oauth;
}

void
oauth_free(struct oauth *oauth)
{
	if (oauth == NULL)
		return;
	secret_free(&oauth->token);
	secret_free(&oauth->body);
	arena_free(&oauth->arena);
	free(oauth);
}

void
oauth_request(struct oauth *oauth, struct transmission *out)
{
	ENSURE(oauth->state != OAUTH_FETCHING);
	oauth->state = OAUTH_FETCHING;
	struct arena *arena = &out->arena;
	out->headers = (struct http_headers){arena_alloc(arena, 4 * sizeof out->headers.items[0]), 0};
	struct http_header *items = out->headers.items;
	items[out->headers.count++] =
	    (struct http_header){SLICE("content-type"), SLICE("application/x-www-form-urlencoded")};
	/* The transport's own Accept takes everything; servers that look at it answer JSON to that. */
	items[out->headers.count++] = (struct http_header){SLICE("user-agent"), SLICE("Vaultbell/" VAULTBELL_VERSION)};
	if (slice_present(oauth->authorization))
		items[out->headers.count++] =
		    (struct http_header){SLICE("authorization"), arena_copy(arena, oauth->authorization)};
	out->url = arena_copy(arena, oauth->token_url);
	out->body = arena_copy(arena, secret_reveal(&oauth->body));
	if (out->timeout_ms <= 0 || out->timeout_ms > OAUTH_TIMEOUT_MS)
		out->timeout_ms = OAUTH_TIMEOUT_MS;
}

bool
oauth_wants_endpoint_tls(const struct oauth *oauth)
{
	return oauth->endpoint_tls;
}

/* --- the answer --------------------------------------------------------------------------------------- */

/* The code of an error answer, where it is one of RFC 6749 section 5.2; else NULL. */
static const char *
error_code_of(struct slice response)
{
	static const char *const codes[] = {"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
	    "unsupported_grant_type", "invalid_scope"};
	struct json answer;
	if (json_parse(response, LIMIT_JSON_DEPTH, &answer, NULL) != OK || answer.type != JSON_OBJECT)
		return NULL;
	struct json code = json_member(answer, "error");
	for (size_t i = 0; json_present(code) && code.type == JSON_STRING && i < COUNT_OF(codes); i++)
		if (json_text_is(code, slice_of(codes[i])))
			return codes[i];
	return NULL;
}

/* RFC 6750 section 2.1: what may stand behind "Bearer". Anything else could write headers of its own. */
static bool
is_token(struct slice text)
{
	if (text.len == 0 || text.len > OAUTH_TOKEN_BYTES)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7f)
			return false;
	return true;
}

/* Seconds; a string of digits, which some servers write, is one too. -1: no number, or one that cannot be. */
static int64_t
lifetime_of(struct arena *arena, struct json value)
{
	int64_t seconds;
	if (!json_present(value) || value.type == JSON_NULL)
		return OAUTH_LIFETIME_DEFAULT_S;
	bool number = value.type == JSON_NUMBER && json_int64(value, &seconds);
	if (value.type == JSON_STRING)
		number = slice_to_int64(json_text(arena, value), &seconds);
	if (!number || seconds <= 0)
		return -1;
	return seconds < OAUTH_LIFETIME_MAX_S ? seconds : OAUTH_LIFETIME_MAX_S;
}

/* NULL: a token is held; else what is wrong with the answer. */
static const char *
take(struct oauth *oauth, struct slice response, struct arena *arena, struct wall_time now)
{
	struct json answer;
	if (response.len >= LIMIT_RESPONSE_BYTES)
		return "its answer is too long";
	if (json_parse(response, LIMIT_JSON_DEPTH, &answer, NULL) != OK || answer.type != JSON_OBJECT)
		return "its answer is not a JSON object";
	struct json type = json_member(answer, "token_type"), token = json_member(answer, "access_token");
	if (!json_present(token) || token.type != JSON_STRING)
		return "its answer has no access_token";
	if (json_present(type) &&
	    (type.type != JSON_STRING || !slice_equal_nocase(json_text(arena, type), SLICE("bearer"))))
		return "its token_type is not bearer";
	struct slice text = json_text(arena, token);
	if (!is_token(text))
		return "its access_token is not one that a header can carry";
	int64_t lifetime_s = lifetime_of(arena, json_member(answer, "expires_in"));
	if (lifetime_s < 0)
		return "its expires_in is not a positive number of seconds";
	int64_t margin_us = lifetime_s * SECOND_US / 5;
	if (margin_us > (int64_t)OAUTH_MARGIN_MAX_S * SECOND_US)
		margin_us = (int64_t)OAUTH_MARGIN_MAX_S * SECOND_US;
	secret_free(&oauth->token);
	oauth->token = secret_copy(text);
	explicit_bzero((void *)(uintptr_t)text.ptr, text.len);
	oauth->expires.us = now.us + lifetime_s * SECOND_US - margin_us;
	oauth->generation++;
	return NULL;
}

bool
oauth_answer(
    struct oauth *oauth, const struct transmission *transmission, struct wall_time now, char problem[static 160])
{
	ENSURE(oauth->state == OAUTH_FETCHING);
	oauth->state = OAUTH_NONE;
	if (transmission->outcome != TRANSMISSION_ANSWERED) {
		snprintf(problem, 160, "no access token: of the token URL: %.120s", transmission->problem);
		return false;
	}
	if (transmission->status_code != 200) {
		const char *code = error_code_of(transmission->response);
		snprintf(problem, 160, "no access token: the token URL answered %d%s%s", transmission->status_code,
		    code != NULL ? ": " : "", code != NULL ? code : "");
		return false;
	}
	struct arena arena = ARENA_EMPTY;
	const char *wrong = take(oauth, transmission->response, &arena, now);
	arena_free(&arena);
	if (wrong != NULL) {
		snprintf(problem, 160, "no access token: the token URL answered 200, but %s", wrong);
		return false;
	}
	oauth->state = OAUTH_HELD;
	return true;
}

/* --- the token ---------------------------------------------------------------------------------------- */

enum oauth_state
oauth_state(const struct oauth *oauth, struct wall_time now)
{
	if (oauth->state == OAUTH_HELD && now.us >= oauth->expires.us)
		return OAUTH_NONE;
	return oauth->state;
}

struct slice
oauth_authorization(const struct oauth *oauth, struct arena *arena)
{
	return arena_printf(arena, "Bearer %.*s", SLICE_ARG(secret_reveal(&oauth->token)));
}

uint64_t
oauth_generation(const struct oauth *oauth)
{
	return oauth->generation;
}

void
oauth_refused(struct oauth *oauth, uint64_t generation)
{
	if (oauth->state == OAUTH_HELD && oauth->generation == generation)
		oauth->state = OAUTH_NONE;
}
