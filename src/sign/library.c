/* The public library: vaultbell.h over the layers below. It adds nothing but copies, so that callers need not know
 * arenas and slices, and NUL-terminated strings. */
#include "vaultbell.h"

#include "sign/sign.h"

#include <stdio.h>
#include <stdlib.h>

enum { HEADERS_MAX = 256 };

struct vaultbell_keys {
	enum sign_scheme scheme;
	struct key_list list;
};

struct vaultbell_request {
	struct arena given;  /* what the caller added */
	struct arena answer; /* of the last verification */
	struct http_header headers[HEADERS_MAX];
	size_t header_count;
	bool too_many;
	struct slice method, authority, path, query, body;
	struct verify_result result;
	const char *event_id;
};

/* The numbers of vaultbell.h are the contract; those inside may change. */
static const struct {
	enum vaultbell_verdict public;
	enum verdict inside;
} verdicts[] = {
    {VAULTBELL_VERIFIED, VERDICT_VERIFIED},
    {VAULTBELL_MISSING, VERDICT_MISSING},
    {VAULTBELL_MALFORMED, VERDICT_MALFORMED},
    {VAULTBELL_WRONG, VERDICT_WRONG},
    {VAULTBELL_STALE, VERDICT_STALE},
    {VAULTBELL_NO_ID, VERDICT_NO_ID},
};

static bool
scheme_inside(enum vaultbell_scheme scheme, enum sign_scheme *out)
{
	switch (scheme) {
	case VAULTBELL_STANDARD: *out = SCHEME_STANDARD; return true;
	case VAULTBELL_RFC9421: *out = SCHEME_RFC9421; return true;
	case VAULTBELL_LEGACY: *out = SCHEME_LEGACY; return true;
	}
	return false;
}

/* --- keys -------------------------------------------------------------------------------------------- */

struct vaultbell_keys *
vaultbell_keys_parse(
    enum vaultbell_scheme scheme, const char *text, size_t text_bytes, char *reason, size_t reason_bytes)
{
	struct vaultbell_keys *keys = mem_zero(1, sizeof *keys);
	struct error error = ERROR_NONE;
	enum error_code code;
	if (!scheme_inside(scheme, &keys->scheme))
		code = error_set(&error, ERR_INVALID, "there is no scheme of that number");
	else
		code = key_list_parse(
		    keys->scheme, (struct slice){text, text == NULL ? 0 : text_bytes}, &keys->list, &error);
	if (reason != NULL && reason_bytes > 0)
		snprintf(reason, reason_bytes, "%s", error.text);
	if (code == OK)
		return keys;
	free(keys);
	return NULL;
}

void
vaultbell_keys_free(struct vaultbell_keys *keys)
{
	if (keys == NULL)
		return;
	key_list_free(&keys->list);
	free(keys);
}

size_t
vaultbell_keys_count(const struct vaultbell_keys *keys)
{
	return keys->list.count;
}

/* --- requests ---------------------------------------------------------------------------------------- */

struct vaultbell_request *
vaultbell_request_new(void)
{
	struct vaultbell_request *request = mem_zero(1, sizeof *request);
	request->result.verdict = VERDICT_MISSING;
	return request;
}

void
vaultbell_request_clear(struct vaultbell_request *request)
{
	arena_free(&request->given);
	arena_free(&request->answer);
	*request = (struct vaultbell_request){.result = {.verdict = VERDICT_MISSING}};
}

void
vaultbell_request_free(struct vaultbell_request *request)
{
	if (request == NULL)
		return;
	vaultbell_request_clear(request);
	free(request);
}

static void
add_header(struct vaultbell_request *request, struct slice name, struct slice value)
{
	if (request->header_count == HEADERS_MAX) {
		request->too_many = true;
		return;
	}
	request->headers[request->header_count++] =
	    (struct http_header){arena_copy(&request->given, name), arena_copy(&request->given, value)};
}

void
vaultbell_request_add_header(struct vaultbell_request *request, const char *name, const char *value)
{
	add_header(request, slice_of(name == NULL ? "" : name), slice_of(value == NULL ? "" : value));
}

/* Cuts one header off the block, with the lines that are folded onto it. False when it is none. An empty line gives an
 * absent name. */
static bool
cut_header(struct slice *block, struct slice *name, struct slice *value)
{
	struct slice whole = *block, line = slice_cut(block, '\n');
	size_t length = line.len;
	while (slice_present(*block) && block->len > 0 && (block->ptr[0] == ' ' || block->ptr[0] == '\t')) {
		struct slice more = slice_cut(block, '\n');
		length = (size_t)(more.ptr + more.len - whole.ptr);
	}
	line = (struct slice){whole.ptr, length};
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	*name = SLICE_NONE;
	if (line.len == 0)
		return true;
	*value = line;
	struct slice before = slice_cut(value, ':');
	/* White space before the colon must be refused (RFC 9112 section 5.1). */
	if (!slice_present(*value) || before.len == 0)
		return false;
	for (size_t i = 0; i < before.len; i++)
		if (before.ptr[i] <= ' ' || before.ptr[i] > '~')
			return false;
	*name = before;
	return true;
}

int
vaultbell_request_add_header_block(struct vaultbell_request *request, const char *block, size_t block_bytes)
{
	struct slice name, value, text = {block, block == NULL ? 0 : block_bytes};
	for (struct slice rest = text; slice_present(rest) && rest.len > 0;)
		if (!cut_header(&rest, &name, &value))
			return -1;
	for (struct slice rest = text; slice_present(rest) && rest.len > 0;)
		if (cut_header(&rest, &name, &value) && slice_present(name))
			add_header(request, name, value);
	return 0;
}

void
vaultbell_request_set_target(
    struct vaultbell_request *request, const char *method, const char *authority, const char *path, const char *query)
{
	request->method = arena_copy(&request->given, slice_of(method));
	request->authority = arena_copy(&request->given, slice_of(authority));
	request->path = arena_copy(&request->given, slice_of(path));
	request->query = arena_copy(&request->given, slice_of(query));
}

void
vaultbell_request_set_body(struct vaultbell_request *request, const void *body, size_t body_bytes)
{
	request->body = body == NULL ? SLICE("") : (struct slice){body, body_bytes};
}

/* --- verifying --------------------------------------------------------------------------------------- */

enum vaultbell_verdict
vaultbell_verify(const struct vaultbell_keys *keys, struct vaultbell_request *request, int64_t unix_seconds)
{
	arena_free(&request->answer);
	request->event_id = NULL;
	if (request->too_many) {
		request->result = (struct verify_result){.verdict = VERDICT_MALFORMED};
		snprintf(
		    request->result.reason, sizeof request->result.reason, "expected at most %d headers", HEADERS_MAX);
		return VAULTBELL_MALFORMED;
	}
	struct verify_input input = {
	    .method = request->method,
	    .authority = request->authority,
	    .path = request->path,
	    .query = request->query,
	    .headers = {request->headers, request->header_count},
	    .body = slice_present(request->body) ? request->body : SLICE(""),
	};
	if (__builtin_mul_overflow(unix_seconds, (int64_t)1000000, &input.now.us))
		input.now = WALL_NEVER;
	verify_request(keys->scheme, keys->list.items, keys->list.count, &input, &request->answer, &request->result);
	if (request->result.verdict == VERDICT_VERIFIED)
		request->event_id = arena_string(&request->answer, request->result.event_id);
	for (size_t i = 0; i < COUNT_OF(verdicts); i++)
		if (verdicts[i].inside == request->result.verdict)
			return verdicts[i].public;
	UNREACHABLE();
}

const char *
vaultbell_event_id(const struct vaultbell_request *request)
{
	return request->event_id;
}

const char *
vaultbell_reason(const struct vaultbell_request *request)
{
	return request->result.reason[0] == '\0' ? "not verified yet" : request->result.reason;
}

size_t
vaultbell_key_index(const struct vaultbell_request *request)
{
	return request->result.key_index;
}

const char *
vaultbell_verdict_name(enum vaultbell_verdict verdict)
{
	for (size_t i = 0; i < COUNT_OF(verdicts); i++)
		if (verdicts[i].public == verdict)
			return verdict_name(verdicts[i].inside);
	return "unknown";
}

const char *
vaultbell_version(void)
{
	return VAULTBELL_VERSION;
}
