/* fetch.h on libcurl's easy interface. */
#include "transport/fetch.h"

#include "base/buf.h"
#include "transport/backend.h"
#include "transport/url.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Options are constants of this program or were checked: failing to set one is a programmer's error. */
#define SET(easy, option, value) ENSURE(curl_easy_setopt(easy, option, value) == CURLE_OK)

enum {
	TIMEOUT_MS = 30000,
	CONNECT_TIMEOUT_MS = 10000,
	ANSWER_BYTES = 1 << 20,
	HEADER_BYTES = 4096, /* of one that is wanted; a longer one is as if it were not there */
};

struct fetcher {
	struct fetch_settings settings;
	CURL *easy;
	/* Of the exchange that is under way. */
	struct arena *arena;
	struct fetch_answer *answer;
	struct buf body;
	bool refused; /* by the guard */
	char problem[CURL_ERROR_SIZE];
};

/* --- what libcurl calls ------------------------------------------------------------------------------- */

static size_t
on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct fetcher *fetcher = context;
	buf_append(&fetcher->body, (struct slice){bytes, size * count});
	return fetcher->body.overflow ? 0 : size * count;
}

static void
take_link(struct fetcher *fetcher, struct slice value)
{
	struct slice *link = &fetcher->answer->link;
	if (slice_present(*link) && link->len + value.len < HEADER_BYTES)
		*link = arena_printf(fetcher->arena, "%.*s, %.*s", SLICE_ARG(*link), SLICE_ARG(value));
	else if (!slice_present(*link))
		*link = arena_copy(fetcher->arena, value);
}

static size_t
on_header(char *bytes, size_t size, size_t count, void *context)
{
	struct fetcher *fetcher = context;
	struct fetch_answer *answer = fetcher->answer;
	struct slice value = {bytes, size * count};
	while (value.len > 0 && (value.ptr[value.len - 1] == '\n' || value.ptr[value.len - 1] == '\r'))
		value.len--;
	if (slice_starts(value, SLICE("HTTP/"))) { /* another answer begins: what came before was an interim one */
		*answer = (struct fetch_answer){.status = 0};
		return size * count;
	}
	struct slice name = slice_cut(&value, ':');
	value = slice_trim(value);
	const struct {
		const char *name;
		struct slice *at;
	} wanted[] = {{"content-type", &answer->content_type}, {"retry-after", &answer->retry_after},
	    {"cache-control", &answer->cache_control}};
	if (!slice_present(value) || value.len > HEADER_BYTES)
		return size * count;
	for (size_t i = 0; i < COUNT_OF(wanted); i++)
		if (slice_equal_nocase(name, slice_of(wanted[i].name)))
			*wanted[i].at = arena_copy(fetcher->arena, value);
	if (slice_equal_nocase(name, SLICE("link")))
		take_link(fetcher, value);
	return size * count;
}

static curl_socket_t
on_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)purpose;
	struct fetcher *fetcher = context;
	if (fetcher->settings.guard != NULL && !guard_allows(fetcher->settings.guard, &address->addr)) {
		fetcher->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int
on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	const struct fetcher *fetcher = context;
	return atomic_load(fetcher->settings.interrupt) ? 1 : 0;
}

/* --- life --------------------------------------------------------------------------------------------- */

static void
set_rules(CURL *easy, struct fetcher *fetcher)
{
	SET(easy, CURLOPT_PROTOCOLS_STR, fetcher->settings.https_only ? "https" : "http,https");
	SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
	SET(easy, CURLOPT_PROXY, "");
	SET(easy, CURLOPT_PATH_AS_IS, 1L);
	SET(easy, CURLOPT_NOSIGNAL, 1L);
	SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	SET(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	SET(easy, CURLOPT_OPENSOCKETDATA, fetcher);
	SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(easy, CURLOPT_USERAGENT, "Vaultbell/" VAULTBELL_VERSION);
	SET(easy, CURLOPT_ERRORBUFFER, fetcher->problem);
	SET(easy, CURLOPT_WRITEFUNCTION, on_body);
	SET(easy, CURLOPT_WRITEDATA, fetcher);
	SET(easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(easy, CURLOPT_HEADERDATA, fetcher);
	if (fetcher->settings.interrupt != NULL) {
		SET(easy, CURLOPT_NOPROGRESS, 0L);
		SET(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
		SET(easy, CURLOPT_XFERINFODATA, fetcher);
	}
}

static enum error_code
set_certificates(CURL *easy, const struct fetch_settings *settings, struct error *error)
{
	const char *named[] = {settings->authorities, settings->certificate, settings->key};
	for (size_t i = 0; i < COUNT_OF(named); i++)
		if (named[i] != NULL && access(named[i], R_OK) != 0)
			return error_set(error, ERR_INVALID, "%s: cannot be read; expected a PEM file", named[i]);
	if ((settings->certificate == NULL) != (settings->key == NULL))
		return error_set(error, ERR_INVALID, "%s: a certificate and its key go together",
		    settings->certificate != NULL ? settings->certificate : settings->key);
	/* libcurl keeps the parsed authorities only where a file is their one source (flight.c). */
	SET(easy, CURLOPT_CAPATH, NULL);
	const char *authorities = settings->authorities != NULL
				      ? settings->authorities
				      : transport_authorities(curl_version_info(CURLVERSION_NOW)->cainfo, NULL);
	if (authorities != NULL)
		SET(easy, CURLOPT_CAINFO, authorities);
	if (settings->certificate != NULL) {
		SET(easy, CURLOPT_SSLCERT, settings->certificate);
		SET(easy, CURLOPT_SSLKEY, settings->key);
	}
	return OK;
}

enum error_code
fetcher_new(const struct fetch_settings *settings, struct fetcher **out, struct error *error)
{
	*out = NULL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(error, ERR_INTERNAL, "libcurl cannot be initialised");
	struct fetcher *fetcher = mem_zero(1, sizeof *fetcher);
	fetcher->settings = *settings;
	fetcher->easy = curl_easy_init();
	ENSURE(fetcher->easy != NULL);
	set_rules(fetcher->easy, fetcher);
	enum error_code code = set_certificates(fetcher->easy, settings, error);
	if (code != OK) {
		fetcher_free(fetcher);
		return code;
	}
	*out = fetcher;
	return OK;
}

void
fetcher_free(struct fetcher *fetcher)
{
	if (fetcher == NULL)
		return;
	curl_easy_cleanup(fetcher->easy);
	free(fetcher);
	curl_global_cleanup();
}

/* --- one exchange ------------------------------------------------------------------------------------- */

/* A line break in a header would be another header, or another request. */
static bool
is_one_line(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == '\r' || text.ptr[i] == '\n' || text.ptr[i] == '\0')
			return false;
	return true;
}

static struct curl_slist *
add_line(struct curl_slist *lines, const char *line)
{
	struct curl_slist *longer = curl_slist_append(lines, line);
	ENSURE(longer != NULL);
	return longer;
}

/* NULL: one of them is not a header. */
static struct curl_slist *
header_lines(const struct fetch_request *request, struct arena *arena)
{
	/* Not the defaults of libcurl: "Expect" costs a round trip, and a form is not what is posted. */
	struct curl_slist *lines = add_line(add_line(NULL, "Expect:"), "Content-Type:");
	for (size_t i = 0; i < request->headers.count; i++) {
		struct slice name = request->headers.items[i].name, value = request->headers.items[i].value;
		if (name.len == 0 || !is_one_line(name) || !is_one_line(value)) {
			curl_slist_free_all(lines);
			return NULL;
		}
		/* With nothing behind the colon libcurl would leave the header out. */
		struct slice line = value.len > 0 ? arena_printf(arena, "%.*s: %.*s", SLICE_ARG(name), SLICE_ARG(value))
						  : arena_printf(arena, "%.*s;", SLICE_ARG(name));
		lines = add_line(lines, line.ptr);
	}
	return lines;
}

static enum error_code
explain(const struct fetcher *fetcher, struct slice host, CURLcode result, struct error *error)
{
	if (fetcher->refused)
		return error_set(error, ERR_FORBIDDEN,
		    "%.*s: its address is one that is not connected to; allow its network to change that",
		    SLICE_ARG(host));
	if (fetcher->body.overflow)
		return error_set(
		    error, ERR_LIMIT, "%.*s: its answer is longer than %zu bytes", SLICE_ARG(host), fetcher->body.max);
	switch ((int)result) {
	case CURLE_ABORTED_BY_CALLBACK: return error_set(error, ERR_UNAVAILABLE, "%.*s: interrupted", SLICE_ARG(host));
	case CURLE_OPERATION_TIMEDOUT:
		return error_set(error, ERR_UNAVAILABLE, "%.*s: no complete answer in time", SLICE_ARG(host));
	case CURLE_UNSUPPORTED_PROTOCOL:
		return error_set(error, ERR_INVALID, "%.*s: expected an https URL", SLICE_ARG(host));
	case CURLE_PEER_FAILED_VERIFICATION: /* what libcurl says of these holds names and reasons alone */
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_SSL_CONNECT_ERROR:
		return error_set(error, ERR_UNAVAILABLE, "%.*s: %s", SLICE_ARG(host),
		    fetcher->problem[0] != '\0' ? fetcher->problem : curl_easy_strerror(result));
	default: return error_set(error, ERR_UNAVAILABLE, "%.*s: %s", SLICE_ARG(host), curl_easy_strerror(result));
	}
}

static CURLcode
perform(struct fetcher *fetcher, const struct fetch_request *request, const char *url, struct curl_slist *lines)
{
	CURL *easy = fetcher->easy;
	if (curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK)
		return CURLE_URL_MALFORMAT;
	SET(easy, CURLOPT_HTTPGET, 1L); /* forgets the last request's body */
	SET(easy, CURLOPT_NOBODY, strcmp(request->method, "HEAD") == 0 ? 1L : 0L);
	if (slice_present(request->body)) {
		SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
		SET(easy, CURLOPT_POSTFIELDS, request->body.ptr);
	}
	SET(easy, CURLOPT_CUSTOMREQUEST, request->method);
	SET(easy, CURLOPT_HTTPHEADER, lines);
	SET(easy, CURLOPT_TIMEOUT_MS, (long)(request->timeout_ms > 0 ? request->timeout_ms : TIMEOUT_MS));
	fetcher->problem[0] = '\0';
	fetcher->refused = false;
	CURLcode result = curl_easy_perform(easy);
	SET(easy, CURLOPT_HTTPHEADER, NULL);
	return result;
}

enum error_code
fetch(struct fetcher *fetcher, const struct fetch_request *request, struct arena *arena, struct fetch_answer *out,
    struct error *error)
{
	*out = (struct fetch_answer){.status = 0, .body = SLICE("")};
	struct url url;
	const char *wrong = url_split(request->url, &url);
	if (wrong != NULL)
		return error_set(error, ERR_INVALID, "a URL that cannot be used: %s", wrong);
	struct curl_slist *lines = header_lines(request, arena);
	if (lines == NULL)
		return error_set(
		    error, ERR_INVALID, "%.*s: a header with a line break cannot be sent", SLICE_ARG(url.host));
	fetcher->arena = arena;
	fetcher->answer = out;
	buf_init(&fetcher->body, request->answer_bytes_max > 0 ? request->answer_bytes_max : ANSWER_BYTES);
	CURLcode result = perform(fetcher, request, arena_string(arena, request->url), lines);
	curl_slist_free_all(lines);
	enum error_code code = OK;
	if (result == CURLE_OK) {
		long status = 0;
		curl_easy_getinfo(fetcher->easy, CURLINFO_RESPONSE_CODE, &status);
		out->status = (int)status;
		out->body = arena_copy(arena, buf_slice(&fetcher->body));
	} else {
		code = explain(fetcher, url.host, result, error);
	}
	buf_free(&fetcher->body);
	fetcher->arena = NULL;
	fetcher->answer = NULL;
	return code;
}
