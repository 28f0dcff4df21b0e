#include "records/exchange.h"

#include "records/value.h"
#include "transport/retry_after.h"

#include <poll.h>

enum { PAUSE_FIRST_MS = 200, PAUSE_MAX_MS = 30000, PAUSE_ASKED_MAX_MS = 300000, PAUSE_STEP_MS = 200 };

struct slice
exchange_encode(struct slice text, struct arena *arena)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_alloc(arena, text.len * 3 + 1);
	size_t length = 0;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
			     c == '.' || c == '_' || c == '~';
		if (plain) {
			out[length++] = (char)c;
		} else {
			out[length++] = '%';
			out[length++] = digits[c >> 4];
			out[length++] = digits[c & 15];
		}
	}
	return (struct slice){out, length};
}

static enum error_code
add_headers(struct exchange *exchange, const struct mapping *mapping, struct error *error)
{
	struct slice token = exchange->source->token;
	for (size_t i = 0; i < mapping->header_count; i++) {
		struct http_header header = mapping->headers[i];
		bool wants = memmem(header.value.ptr, header.value.len, "${token}", 8) != NULL;
		if (wants && !slice_present(token))
			return error_set(error, ERR_INVALID,
			    "%s: the header %.*s wants a token; expected token_file in the source", mapping->file,
			    SLICE_ARG(header.name));
		if (wants)
			header.value = value_fill(header.value, "token", token, false, &exchange->arena);
		exchange->headers[exchange->header_count++] = header;
	}
	exchange->headers[exchange->header_count++] = (struct http_header){SLICE("accept"), SLICE("application/json")};
	return OK;
}

enum error_code
exchange_init(
    struct exchange *exchange, const struct records_source *source, const struct mapping *mapping, struct error *error)
{
	*exchange = (struct exchange){
	    .source = source,
	    .timeout_ms = mapping->timeout_ms,
	    .retries = mapping->retries,
	    .rate = mapping->rate,
	};
	struct fetch_settings settings = {
	    .authorities = source->authorities,
	    .certificate = source->certificate,
	    .key = source->key,
	    .interrupt = source->interrupt,
	};
	enum error_code code = add_headers(exchange, mapping, error);
	return code == OK ? fetcher_new(&settings, &exchange->fetcher, error) : code;
}

void
exchange_fini(struct exchange *exchange)
{
	fetcher_free(exchange->fetcher);
	for (size_t i = 0; i < exchange->header_count; i++)
		if (exchange->source != NULL && slice_present(exchange->source->token) &&
		    memmem(exchange->headers[i].value.ptr, exchange->headers[i].value.len, exchange->source->token.ptr,
			exchange->source->token.len) != NULL)
			explicit_bzero(
			    (char *)(uintptr_t)exchange->headers[i].value.ptr, exchange->headers[i].value.len);
	arena_free(&exchange->arena);
}

/* --- one request ------------------------------------------------------------------------------------ */

static bool
interrupted(const struct exchange *exchange)
{
	return exchange->source->interrupt != NULL && atomic_load(exchange->source->interrupt);
}

static void
pause_for(const struct exchange *exchange, int64_t ms)
{
	while (ms > 0 && !interrupted(exchange)) {
		int step = ms < PAUSE_STEP_MS ? (int)ms : PAUSE_STEP_MS;
		poll(NULL, 0, step);
		ms -= step;
	}
}

static void
keep_to_rate(struct exchange *exchange)
{
	struct mono_time now = clock_mono();
	if (exchange->asked && exchange->rate > 0) {
		int64_t wait_ms = (int64_t)(1000.0 / exchange->rate) - (now.us - exchange->last.us) / 1000;
		pause_for(exchange, wait_ms);
		now = clock_mono();
	}
	exchange->last = now;
	exchange->asked = true;
}

static bool
is_transient(int status)
{
	return status == 408 || status == 425 || status == 429 || status >= 500;
}

static enum error_code
refused(const struct exchange *exchange, int status, struct error *error)
{
	const char *remedy = status == 401 || status == 403 ? "expected a token that may read it (token_file)"
			     : status == 404		    ? "expected the right url and path"
							    : "expected an answer of 200";
	return error_set(error, ERR_UNAVAILABLE, "%s: answered %d; %s", exchange->source->name, status, remedy);
}

/* How long to wait before the same request is sent again; negative: it is not. */
static int64_t
pause_before_next(const struct fetch_answer *answer, int64_t growing_ms)
{
	int64_t asked = slice_present(answer->retry_after) ? retry_after_ms(answer->retry_after, clock_wall()) : 0;
	if (asked > PAUSE_ASKED_MAX_MS)
		return -1;
	return asked > growing_ms ? asked : growing_ms;
}

enum error_code
exchange_ask(struct exchange *exchange, const struct exchange_request *request, struct arena *arena, struct json *root,
    struct slice *link, struct error *error)
{
	struct http_header headers[MAPPING_HEADERS_MAX + 2];
	memcpy(headers, exchange->headers, exchange->header_count * sizeof headers[0]);
	size_t count = exchange->header_count;
	if (slice_present(request->body))
		headers[count++] = (struct http_header){SLICE("content-type"), SLICE("application/json")};
	struct fetch_request wanted = {
	    .method = request->method,
	    .url = request->url,
	    .headers = {headers, count},
	    .body = request->body,
	    .timeout_ms = exchange->timeout_ms,
	    .answer_bytes_max = RECORDS_ANSWER_BYTES_MAX,
	};
	struct fetch_answer answer;
	int64_t pause_ms = PAUSE_FIRST_MS;
	for (int64_t tries = 0;; tries++) {
		keep_to_rate(exchange);
		enum error_code code = fetch(exchange->fetcher, &wanted, arena, &answer, error);
		bool again = code == OK ? is_transient(answer.status) : code == ERR_UNAVAILABLE;
		int64_t wait_ms = pause_before_next(&answer, pause_ms);
		if (!again || tries == exchange->retries || wait_ms < 0 || interrupted(exchange)) {
			if (code != OK)
				return error_wrap(error, "%s", exchange->source->name);
			break;
		}
		pause_for(exchange, wait_ms);
		pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
	}
	*link = answer.link;
	*root = JSON_ABSENT;
	if (answer.status == 404)
		return error_set(
		    error, ERR_NOT_FOUND, "%s: answered 404; expected the right url and path", exchange->source->name);
	if (answer.status < 200 || answer.status > 299)
		return refused(exchange, answer.status, error);
	if (json_parse(answer.body, RECORDS_DEPTH_MAX, root, NULL) != OK)
		return error_set(error, ERR_UNAVAILABLE, "%s: the answer is not JSON; expected a list of records",
		    exchange->source->name);
	return OK;
}
