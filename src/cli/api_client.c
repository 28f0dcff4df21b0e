#include "cli/api_client.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/limits.h"
#include "base/random.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRIES_MAX = 6, PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 2000, TRY_TIMEOUT_MS = 60000, RUN_BYTES = 12 };

struct api_client {
	CURL *easy;
	struct arena arena;
	struct slice root, authorization, run; /* run: what tells this client's keys from those of any other */
	struct buf answer;
	char problem[CURL_ERROR_SIZE];
};

static size_t
take_answer(char *bytes, size_t size, size_t count, void *context)
{
	struct buf *answer = context;
	buf_append(answer, (struct slice){bytes, size * count});
	return answer->overflow ? 0 : size * count;
}

static enum error_code
check_url(const char *url, struct error *error)
{
	struct slice text = slice_of(url), rest = text;
	if (slice_starts(text, SLICE("http://")))
		rest = slice_skip(text, 7);
	else if (slice_starts(text, SLICE("https://")))
		rest = slice_skip(text, 8);
	if (rest.ptr != text.ptr && rest.len > 0 && strcspn(rest.ptr, "/?#") > 0 && strpbrk(rest.ptr, "?# ") == NULL)
		return OK;
	return error_set(error, ERR_INVALID,
	    "--url %s: expected the http or https URL of a Vaultbell server, as in http://127.0.0.1:8080", url);
}

enum error_code
api_client_new(const char *url, const char *token, struct api_client **out, struct error *error)
{
	enum error_code code = check_url(url, error);
	if (code != OK)
		return code;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(error, ERR_INTERNAL, "libcurl cannot be initialised");
	struct api_client *client = mem_zero(1, sizeof *client);
	struct slice root = slice_of(url);
	while (root.len > 0 && root.ptr[root.len - 1] == '/')
		root.len--;
	client->root = arena_printf(&client->arena, "%.*s/api/v1", SLICE_ARG(root));
	client->authorization = arena_printf(&client->arena, "authorization: Bearer %s", token);
	unsigned char random[RUN_BYTES];
	random_bytes(random, sizeof random);
	struct buf run;
	buf_init(&run, 2 * RUN_BYTES);
	hex_append(&run, (struct slice){(const char *)random, sizeof random});
	client->run = arena_copy(&client->arena, buf_slice(&run));
	buf_free(&run);
	buf_init(&client->answer, API_ANSWER_BYTES_MAX);
	CURL *easy = client->easy = curl_easy_init();
	ENSURE(easy != NULL);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* A uid may be "..", which libcurl would take for a step upwards. */
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)TRY_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, client->problem);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &client->answer);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "Vaultbell/" VAULTBELL_VERSION);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	*out = client;
	return OK;
}

void
api_client_free(struct api_client *client)
{
	if (client == NULL)
		return;
	curl_easy_cleanup(client->easy);
	buf_free(&client->answer);
	explicit_bzero((char *)(uintptr_t)client->authorization.ptr, client->authorization.len);
	arena_free(&client->arena);
	free(client);
	curl_global_cleanup();
}

/* --- one request ------------------------------------------------------------------------------------ */

static void
add_header(struct curl_slist **headers, const char *line)
{
	*headers = curl_slist_append(*headers, line);
	ENSURE(*headers != NULL);
}

static CURLcode
try_once(struct api_client *client, long *status)
{
	client->problem[0] = '\0';
	*status = 0;
	buf_clear(&client->answer);
	CURLcode code = curl_easy_perform(client->easy);
	if (code == CURLE_OK)
		curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, status);
	else if (client->problem[0] == '\0')
		snprintf(client->problem, sizeof client->problem, "%s", curl_easy_strerror(code));
	return code;
}

/* Until an answer counts; `*tries` is how often it was asked. */
static CURLcode
try_often(struct api_client *client, long *status, unsigned *tries)
{
	int pause_ms = PAUSE_FIRST_MS;
	for (*tries = 1;; (*tries)++) {
		CURLcode code = try_once(client, status);
		bool again = code == CURLE_OK ? *status == 429 || *status >= 500 : !client->answer.overflow;
		if (!again || *tries == TRIES_MAX)
			return code;
		poll(NULL, 0, pause_ms);
		pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
	}
}

/* --- what the server says --------------------------------------------------------------------------- */

/* Of a validation error the first: where it is, and what is wrong. */
static struct slice
first_fault(struct arena *arena, struct json list)
{
	struct json_iterator iterator = json_iterate(list);
	struct json key, fault, part;
	if (!json_next(&iterator, &key, &fault) || fault.type != JSON_OBJECT)
		return SLICE_NONE;
	struct json message = json_member(fault, "msg"), place = json_member(fault, "loc");
	if (!json_present(message) || message.type != JSON_STRING)
		return SLICE_NONE;
	struct slice text = SLICE("");
	if (json_present(place) && place.type == JSON_ARRAY) {
		iterator = json_iterate(place);
		while (json_next(&iterator, &key, &part))
			if (part.type == JSON_STRING)
				text = arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(text), text.len == 0 ? "" : ".",
				    SLICE_ARG(json_text(arena, part)));
	}
	return arena_printf(
	    arena, "%.*s%s%.*s", SLICE_ARG(text), text.len == 0 ? "" : ": ", SLICE_ARG(json_text(arena, message)));
}

static struct slice
said(struct arena *arena, struct json body)
{
	struct json detail = json_present(body) && body.type == JSON_OBJECT ? json_member(body, "detail") : JSON_ABSENT;
	struct slice text = SLICE_NONE;
	if (json_present(detail) && detail.type == JSON_STRING)
		text = json_text(arena, detail);
	else if (json_present(detail) && detail.type == JSON_ARRAY)
		text = first_fault(arena, detail);
	return slice_present(text) ? text : SLICE("it says no more");
}

static enum error_code
code_of(long status)
{
	switch (status) {
	case 401: return ERR_UNAUTHENTICATED;
	case 403: return ERR_FORBIDDEN;
	case 404: return ERR_NOT_FOUND;
	case 409: return ERR_CONFLICT;
	default: return status >= 400 && status < 500 ? ERR_INVALID : ERR_UNAVAILABLE;
	}
}

static enum error_code
judge(struct api_client *client, const struct api_request *request, struct api_answer *out, struct error *error)
{
	struct slice text = buf_slice(&client->answer);
	bool readable = text.len > 0 && json_parse(text, API_DEPTH_MAX, &out->body, NULL) == OK;
	if (!readable)
		out->body = JSON_ABSENT;
	if (out->status >= 200 && out->status < 300)
		return readable || out->status == 204
			   ? OK
			   : error_set(error, ERR_UNAVAILABLE,
				 "%s %.*s: the answer is not JSON; expected a Vaultbell server there", request->method,
				 SLICE_ARG(request->path));
	struct arena arena = ARENA_EMPTY;
	struct slice reason = said(&arena, out->body);
	enum error_code code = error_set(error, code_of(out->status), "the server answered %ld: %.*s (%s /api/v1%.*s)",
	    out->status, reason.len < 160 ? (int)reason.len : 160, reason.ptr, request->method,
	    request->path.len < 80 ? (int)request->path.len : 80, request->path.ptr);
	arena_free(&arena);
	return code;
}

enum error_code
api_client_call(
    struct api_client *client, const struct api_request *request, struct api_answer *out, struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	struct curl_slist *headers = NULL;
	CURL *easy = client->easy;
	bool posts = strcmp(request->method, "POST") == 0, has_body = slice_present(request->body);
	struct slice url = arena_printf(&arena, "%.*s%.*s", SLICE_ARG(client->root), SLICE_ARG(request->path));
	curl_easy_setopt(easy, CURLOPT_URL, url.ptr);
	add_header(&headers, client->authorization.ptr);
	add_header(&headers, "content-type: application/json");
	add_header(&headers, "expect:");
	if (posts)
		add_header(&headers, arena_printf(&arena, "idempotency-key: apply-%.*s-%.*s", SLICE_ARG(client->run),
					 SLICE_ARG(request->key))
					 .ptr);
	if (has_body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.ptr);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
	} else {
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	unsigned tries = 0;
	CURLcode reached = try_often(client, &out->status, &tries);
	enum error_code code;
	bool gone = out->status == 404 && tries > 1 && strcmp(request->method, "DELETE") == 0;
	out->body = JSON_ABSENT;
	if (reached != CURLE_OK)
		code = error_set(error, ERR_UNAVAILABLE, "no answer from %.*s: %s; expected a Vaultbell server there",
		    client->root.len < 120 ? (int)client->root.len : 120, client->root.ptr, client->problem);
	else
		code = gone ? OK : judge(client, request, out, error);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	arena_free(&arena);
	return code;
}
